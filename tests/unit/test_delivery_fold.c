/* Rows become one change of each RRset, in entries that part no owner. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/delivery/delivery_private.h"
#include "tests/unit/message.h"
#include "zones/draft.h"
#include "zones/rebase.h"

enum { BEFORE = 100, LIMIT = 4 };

static struct bench {
	struct delivery_fold fold;
	struct delivery_list list;
	uint64_t seq; /* of the newest row */
} * bench;

static int begin(void **state)
{
	(void)state;
	bench = calloc(1, sizeof(*bench));
	assert_non_null(bench);
	bench->seq = BEFORE;
	bench->fold = (struct delivery_fold){
		.sets_max = SIZE_MAX, .octets_max = SIZE_MAX, .end = UINT64_MAX};
	delivery_list_init(&bench->list, 1, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	delivery_fold_clear(&bench->fold);
	delivery_list_clear(&bench->list);
	free(bench);
	return 0;
}

static struct rrset *address(uint8_t last)
{
	return last ? rrset_new(TYPE_A, 60, (const uint8_t[]){192, 0, 2, last}, 4) : NULL;
}

/* A row that changes an address there; 0: none. */
static int add(const char *owner, uint16_t type, uint8_t before, uint8_t after)
{
	struct rrset *old = address(before), *new = address(after);
	struct changeset *changes = changeset_new();
	int r;

	assert_int_equal(
		changeset_append(changes, message_name(owner), type, old, new), 0);
	r = delivery_fold_add(&bench->fold, ++bench->seq, changes);
	changeset_unref(changes);
	rrset_unref(old);
	rrset_unref(new);
	return r;
}

static void cut(void)
{
	assert_int_equal(delivery_fold_cut(&bench->fold, message_name("example."), LIMIT,
				 &bench->list),
		0);
	assert_null(bench->fold.merged);
}

static const struct delivery_entry *entry(size_t at)
{
	const struct delivery_entry *e = TAILQ_FIRST(&bench->list.entries);

	while (at--)
		e = TAILQ_NEXT(e, entry);
	return e;
}

static uint8_t last_octet(const struct rrset *set)
{
	uint16_t len;
	size_t at = 0;

	return set ? rrset_next(set, &at, &len)[3] : 0;
}

static void assert_change(size_t at, const char *owner, uint8_t before, uint8_t after)
{
	const struct change *change =
		changeset_find(entry(at)->changes, message_name(owner), TYPE_A);

	assert_non_null(change);
	assert_int_equal(last_octet(change->before), before);
	assert_int_equal(last_octet(change->after), after);
}

static void test_each_rrset_once(void **state)
{
	(void)state;
	assert_int_equal(add("a.example.", TYPE_A, 0, 1), 0);
	assert_int_equal(add("b.example.", TYPE_A, 7, 8), 0);
	assert_int_equal(add("a.example.", TYPE_A, 1, 2), 0);
	assert_int_equal(add("b.example.", TYPE_A, 8, 0), 0);
	assert_int_equal(add("c.example.", TYPE_A, 0, 5), 0);
	assert_int_equal(add("c.example.", TYPE_A, 5, 0), 0); /* cancels out */
	cut();
	assert_int_equal(bench->list.count, 1);
	assert_int_equal(entry(0)->changes->count, 2);
	assert_change(0, "a.example.", 0, 2);
	assert_change(0, "b.example.", 7, 0);
	assert_true(entry(0)->is_folded);
	assert_int_equal(entry(0)->first_seq, BEFORE + 1);
	assert_int_equal(entry(0)->seq, BEFORE + 6);
	assert_int_equal(entry(0)->sets, 6);
}

/* Until the last entry has been applied, nothing has. */
static void test_no_owner_is_parted_and_the_apex_is_last(void **state)
{
	(void)state;
	assert_int_equal(add("example.", TYPE_A, 1, 2), 0);
	assert_int_equal(add("c.example.", TYPE_A, 1, 2), 0);
	for (uint16_t type = 1000; type < 1003; type++)
		assert_int_equal(add("b.example.", type, 1, 2), 0);
	assert_int_equal(add("a.example.", TYPE_A, 1, 2), 0);
	assert_int_equal(add("a.example.", TYPE_TXT, 1, 2), 0);
	cut();
	assert_int_equal(bench->list.count, 3);
	assert_int_equal(entry(0)->changes->count, 2);
	assert_change(0, "a.example.", 1, 2);
	assert_int_equal(entry(1)->changes->count, 4);
	assert_change(1, "c.example.", 1, 2);
	assert_int_equal(entry(2)->changes->count, 1);
	assert_change(2, "example.", 1, 2);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(entry(i)->first_seq, BEFORE + 1);
		assert_int_equal(entry(i)->last_seq, BEFORE + 7);
		assert_int_equal(entry(i)->seq, i == 2 ? BEFORE + 7 : BEFORE);
		assert_int_equal(entry(i)->sets, i == 2 ? 7 : 0);
	}
}

/* Rows that may have been applied lead to the last state from each of theirs. */
static void test_what_is_uncertain_stays_apart(void **state)
{
	(void)state;
	bench->fold.uncertain = BEFORE + 2;
	assert_int_equal(add("a.example.", TYPE_A, 1, 2), 0);
	assert_int_equal(add("a.example.", TYPE_A, 2, 3), 0);
	assert_int_equal(add("a.example.", TYPE_A, 3, 4), 1);
	cut();
	assert_int_equal(entry(0)->seq, BEFORE + 2);
	assert_int_equal(
		changeset_find(entry(0)->changes, message_name("a.example."), TYPE_A)
			->before->count,
		2);
}

/* A row that others have melted into has what the RRset may have held, and what it holds
 * at last may be among that. */
static void test_what_has_melted_stays_apart(void **state)
{
	struct rrset *old = address(1), *now = address(3);
	struct changeset *melted = changeset_new(), *next = changeset_new();

	(void)state;
	assert_int_equal(
		changeset_append(next, message_name("a.example."), TYPE_A, old, now), 0);
	assert_int_equal(rebase_merge_uncertain(melted, next), 0);
	assert_true(melted->is_uncertain);
	assert_int_equal(add("a.example.", TYPE_A, 2, 1), 0);
	assert_int_equal(delivery_fold_add(&bench->fold, ++bench->seq, melted), 1);
	cut();
	assert_int_equal(delivery_fold_add(&bench->fold, bench->seq, melted), 0);
	assert_int_equal(add("a.example.", TYPE_A, 3, 1), 1);
	cut();
	assert_false(entry(0)->changes->is_uncertain);
	assert_true(entry(1)->changes->is_uncertain);
	assert_change(1, "a.example.", 1, 3);
	changeset_unref(melted);
	changeset_unref(next);
	rrset_unref(old);
	rrset_unref(now);
}

static void test_what_may_be_in_too_many_states_ends_it(void **state)
{
	unsigned rows = 0;

	(void)state;
	bench->fold.uncertain = UINT64_MAX;
	for (; rows < 10000; rows++) {
		struct rrset *old = rrset_new(TYPE_TXT, 60, (const uint8_t[]){1, 'a'}, 2);
		struct rrset *new = rrset_new(TYPE_TXT, 60,
			(const uint8_t[]){2, (uint8_t)(rows >> 8), (uint8_t)rows}, 3);
		struct changeset *changes = changeset_new();
		int r = changeset_append(
			changes, message_name("a.example."), TYPE_TXT, old, new);

		assert_int_equal(r, 0);
		r = delivery_fold_add(&bench->fold, ++bench->seq, changes);
		changeset_unref(changes);
		rrset_unref(old);
		rrset_unref(new);
		assert_true(r >= 0);
		if (r)
			break;
	}
	assert_in_range(rows, 100, 1000);
	cut();
	assert_int_equal(entry(0)->sets, rows);
}

/* So many records that two such RRsets do not fit into one. */
static struct rrset *make_large(uint8_t first)
{
	static uint8_t rdata[RRSET_COUNT_MAX - 1000][4];
	struct draft draft;
	struct rrset *set;

	draft_init(&draft, TYPE_A, NULL);
	draft.ttl = 60;
	for (unsigned i = 0; i < RRSET_COUNT_MAX - 1000; i++) {
		rdata[i][0] = first;
		rdata[i][2] = (uint8_t)(i >> 8);
		rdata[i][3] = (uint8_t)i;
		assert_int_equal(draft_include(&draft, rdata[i], 4), 0);
	}
	assert_int_equal(draft_build(&draft, &set), 0);
	draft_clear(&draft);
	return set;
}

/* Together they would be more than an RRset can hold. */
static void test_what_is_uncertain_and_large_goes_alone(void **state)
{
	struct delivery d = {.uncertain = UINT64_MAX};
	struct rrset *sets[] = {make_large(1), make_large(2), make_large(3)};
	const struct delivery_batch *batch;

	(void)state;
	TAILQ_INIT(&d.batches);
	delivery_list_init(&d.queue, 10, NULL);
	for (size_t i = 0; i < 2; i++) {
		struct changeset *changes = changeset_new();

		assert_int_equal(changeset_append(changes, message_name("a.example."),
					 TYPE_A, sets[i], sets[i + 1]),
			0);
		assert_int_equal(delivery_list_add(&d.queue, i + 1, changes, false), 0);
		changeset_unref(changes);
	}
	batch = delivery_form_batch(&d, 300);
	assert_non_null(batch);
	assert_int_equal(batch->entries, 1);
	delivery_drop_batches(&d);
	delivery_list_clear(&d.queue);
	for (size_t i = 0; i < 3; i++)
		rrset_unref(sets[i]);
}

static void test_limits(void **state)
{
	(void)state;
	bench->fold.end = BEFORE + 3;
	assert_int_equal(add("a.example.", TYPE_A, 1, 2), 0);
	bench->fold.sets_max = 1;
	assert_int_equal(add("a.example.", TYPE_A, 2, 3), 1);
	bench->seq--;
	bench->fold.sets_max = 3;
	bench->fold.octets_max = bench->fold.octets;
	assert_int_equal(add("a.example.", TYPE_A, 2, 3), 1);
	bench->seq--;
	bench->fold.octets_max++;
	assert_int_equal(add("a.example.", TYPE_A, 2, 3), 0);
	bench->fold.octets_max = SIZE_MAX;
	assert_int_equal(add("a.example.", TYPE_A, 3, 4), 1); /* awaited */
	cut();
	assert_change(0, "a.example.", 1, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_rrset_once, begin, end),
		cmocka_unit_test_setup_teardown(
			test_no_owner_is_parted_and_the_apex_is_last, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_is_uncertain_stays_apart, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_has_melted_stays_apart, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_may_be_in_too_many_states_ends_it, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_is_uncertain_and_large_goes_alone, begin, end),
		cmocka_unit_test_setup_teardown(test_limits, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
