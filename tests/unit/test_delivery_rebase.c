/* What is pending is put onto other content as a whole, or stays as it was. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/delivery/delivery_private.h"

enum { PENDING = 3, CURSOR = 10, ALL = PENDING + 1 };

static struct bench {
	struct delivery delivery;
	struct changeset *before[PENDING];
	struct changeset *after[PENDING];
	size_t count;   /* of those rebased */
	size_t failing; /* this one lacks memory */
} * bench;

static struct changeset *rebase(
	uint64_t seq, struct changeset *old, bool *ret_is_other, void *arg)
{
	const size_t i = bench->count;

	(void)arg;
	*ret_is_other = true;
	assert_int_equal(seq, CURSOR + 1 + i);
	assert_ptr_equal(old, bench->before[i]);
	if (i == bench->failing)
		return NULL;
	bench->count++;
	return changeset_ref(bench->after[i]);
}

static void undo(struct changeset *rebased, void *arg)
{
	(void)arg;
	assert_ptr_equal(rebased, bench->after[--bench->count]);
}

static const struct delivery_rebase how = {.rebase = rebase, .undo = undo};

static int begin(void **state)
{
	struct delivery *d;

	(void)state;
	bench = calloc(1, sizeof(*bench));
	assert_non_null(bench);
	d = &bench->delivery;
	d->is_primary = d->is_live = true;
	d->cursor = CURSOR;
	d->loaded = CURSOR + PENDING;
	d->rebase = how;
	TAILQ_INIT(&d->batches);
	delivery_list_init(&d->queue, DELIVERY_QUEUE_MAX, NULL);
	delivery_list_init(&d->tail, DELIVERY_QUEUE_MAX, NULL);
	delivery_list_init(&d->altered, DELIVERY_QUEUE_MAX, NULL);
	for (size_t i = 0; i < PENDING; i++) {
		bench->before[i] = changeset_new();
		bench->after[i] = changeset_new();
	}
	return 0;
}

static int end(void **state)
{
	(void)state;
	delivery_list_clear(&bench->delivery.queue);
	delivery_list_clear(&bench->delivery.altered);
	for (size_t i = 0; i < PENDING; i++) {
		changeset_unref(bench->before[i]);
		changeset_unref(bench->after[i]);
	}
	free(bench);
	return 0;
}

static void add(struct delivery_list *list, size_t i)
{
	assert_int_equal(
		delivery_list_add(list, CURSOR + 1 + i, bench->before[i], false), 0);
}

static void assert_queue(struct changeset *const changes[PENDING])
{
	const struct delivery_entry *e;
	size_t i = 0;

	TAILQ_FOREACH(e, &bench->delivery.queue.entries, entry)
		assert_ptr_equal(e->changes, changes[i++]);
	assert_int_equal(i, PENDING);
}

static void test_all_of_the_queue_is_rebased(void **state)
{
	(void)state;
	bench->failing = ALL;
	for (size_t i = 0; i < PENDING; i++)
		add(&bench->delivery.queue, i);
	assert_int_equal(delivery_rebase_queue(&bench->delivery, &how), 0);
	assert_int_equal(bench->count, PENDING);
	assert_queue(bench->after);
}

static void test_or_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < PENDING; i++)
		add(&bench->delivery.queue, i);
	for (bench->failing = 0; bench->failing < PENDING; bench->failing++) {
		assert_int_equal(delivery_rebase_queue(&bench->delivery, &how), -ENOMEM);
		assert_int_equal(bench->count, 0);
		assert_queue(bench->before);
	}
}

/* The first two have been rebased while the journal was read. */
static void test_what_was_read_in_vain_is_read_again(void **state)
{
	struct delivery *d = &bench->delivery;

	(void)state;
	add(&d->queue, 0);
	add(&d->altered, 1);
	add(&d->tail, 2);
	d->is_live = false;
	d->has_tail = true;
	d->rebased = CURSOR + 2;
	bench->count = bench->failing = 2;
	assert_int_equal(delivery_rebase_end(d), -ENOMEM);
	assert_false(d->is_live);
	assert_int_equal(d->queue.count + d->altered.count + d->tail.count, 0);
	assert_int_equal(d->loaded, CURSOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_all_of_the_queue_is_rebased, begin, end),
		cmocka_unit_test_setup_teardown(test_or_none, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_was_read_in_vain_is_read_again, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
