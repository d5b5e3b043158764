/* Whom suspects are put behind, and what stays behind them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/delivery/delivery_private.h"
#include "tests/unit/message.h"

enum { GOOD = 1, EVIL = 2, ORDER_MAX = 256 };

static struct delivery *bench;

static int begin(void **state)
{
	(void)state;
	bench = calloc(1, sizeof(*bench));
	assert_non_null(bench);
	bench->is_live = true;
	bench->reach = UINT64_MAX;
	TAILQ_INIT(&bench->batches);
	delivery_list_init(&bench->queue, DELIVERY_QUEUE_MAX, NULL);
	for (int i = 0; i < 2; i++)
		delivery_blame_note(&bench->blame, EVIL, true);
	return 0;
}

static int end(void **state)
{
	(void)state;
	delivery_list_clear(&bench->queue);
	delivery_drop_batches(bench);
	assert_int_equal(bench->queue.passed, 0);
	free(bench);
	return 0;
}

/* One word for each change set: who has sent it (g, e), and of which name; in capitals if
 * it was judged by others as well. */
static void add(const char *words)
{
	for (uint64_t seq = 1; *words; words += 3, seq++) {
		const char owner[] = {words[1], '.', 'e', '.', '\0'};
		struct changeset *changes = changeset_new();
		struct rrset *set = rrset_new(TYPE_A, 60, (const uint8_t *)"\1\2\3\4", 4);
		struct delivery_entry *e;

		assert_int_equal(
			changeset_append(changes, message_name(owner), TYPE_A, NULL, set),
			0);
		assert_int_equal(
			delivery_list_add(&bench->queue, seq, changes, false), 0);
		e = TAILQ_LAST(&bench->queue.entries, delivery_entries);
		e->sender = *words == 'e' ? EVIL : GOOD;
		e->may_pass = *words != 'G';
		changeset_unref(changes);
		rrset_unref(set);
		if (!words[2])
			break;
	}
}

static void let_pass(void)
{
	delivery_let_pass(bench, TAILQ_FIRST(&bench->queue.entries));
}

static void assert_order(const char *expected)
{
	const struct delivery_entry *e;
	char order[ORDER_MAX] = "";
	size_t at = 0;

	TAILQ_FOREACH(e, &bench->queue.entries, entry)
		at += (size_t)snprintf(order + at, sizeof(order) - at, "%s%u",
			at ? " " : "", (unsigned)e->seq);
	assert_string_equal(order, expected);
}

static void others_pass(void **state)
{
	(void)state;
	add("ea gb gc ed ge");
	let_pass();
	assert_order("2 3 5 1 4");
	assert_true(delivery_was_passed(bench, 1));
	assert_true(delivery_was_passed(bench, 4));
	assert_false(delivery_was_passed(bench, 3));
	/* When those have been applied, it is as if only nothing had been. */
	assert_int_equal(delivery_last_before_passed(bench, 5), 0);
	delivery_list_drop(
		&bench->queue, TAILQ_LAST(&bench->queue.entries, delivery_entries));
	assert_int_equal(bench->queue.passed, 1);
	assert_false(delivery_was_passed(bench, 4));
}

static void the_same_name_stays_behind(void **state)
{
	(void)state;
	add("ea ga gb ga");
	let_pass();
	assert_order("3 1 2 4");
}

static void what_was_judged_by_others_stays_behind(void **state)
{
	(void)state;
	add("gz Gy ea Gb gc gb");
	let_pass();
	assert_order("1 2 5 3 4 6");
}

static void nobody_passes(void **state)
{
	(void)state;
	add("ea eb ec");
	let_pass();
	assert_order("1 2 3");
	bench->blame.count = 2; /* they are looked at in order */
	add("gd");
	let_pass();
	assert_order("1 2 3 1");
}

static void it_is_the_turn_of_suspects(void **state)
{
	(void)state;
	add("ea gb");
	bench->blame.alone = 1;
	let_pass();
	assert_order("1 2");
	bench->blame.alone = 0;
	let_pass();
	assert_order("2 1");
}

/* A turn that nobody has taken does not let suspects into the middle. */
static void they_do_not_push_in(void **state)
{
	(void)state;
	add("ga eb gc");
	bench->blame.alone = 1;
	let_pass();
	assert_order("1 3 2");
}

static void order_is_restored(void **state)
{
	(void)state;
	add("ea gb ec gd");
	let_pass();
	assert_order("2 4 1 3");
	delivery_restore_order(bench);
	assert_order("1 2 3 4");
	assert_int_equal(bench->queue.passed, 0);
}

static void batches_are_whole(void **state)
{
	struct delivery_batch *batch;

	(void)state;
	add("ga eb gc ed ge");
	batch = delivery_form_batch(bench, 100);
	assert_int_equal(batch->entries, 3);
	assert_int_equal(batch->seq, 5);
	assert_false(delivery_blame_is_looking(&bench->blame));
	batch = delivery_form_batch(bench, 100);
	assert_int_equal(batch->entries, 1);
	assert_int_equal(batch->seq, 2);
	assert_true(delivery_blame_is_looking(&bench->blame));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(others_pass, begin, end),
		cmocka_unit_test_setup_teardown(the_same_name_stays_behind, begin, end),
		cmocka_unit_test_setup_teardown(
			what_was_judged_by_others_stays_behind, begin, end),
		cmocka_unit_test_setup_teardown(nobody_passes, begin, end),
		cmocka_unit_test_setup_teardown(it_is_the_turn_of_suspects, begin, end),
		cmocka_unit_test_setup_teardown(they_do_not_push_in, begin, end),
		cmocka_unit_test_setup_teardown(order_is_restored, begin, end),
		cmocka_unit_test_setup_teardown(batches_are_whole, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
