/* The store: what zones are known to have had at their targets, and how far they may have
 * got anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/store_place.h"

static struct store_belief belief_of(struct store_place *place, const char *target)
{
	struct store_belief belief;

	assert_int_equal(place->ops->find_belief(place->store, 1, target, &belief), 0);
	return belief;
}

static void put_belief(struct store_place *place, uint64_t seq, uint32_t serial,
	int64_t at_ms, bool is_mark)
{
	const struct store_belief belief = {.is_known = true,
		.serial = serial,
		.records = 10 * seq,
		.at_ms = at_ms,
		.is_mark = is_mark};

	assert_int_equal(place->ops->put_cursor(place->store, 1, "one", seq), 0);
	assert_int_equal(place->ops->put_belief(place->store, 1, "one", seq, &belief), 0);
}

static uint64_t mark_of(struct store_place *place, uint32_t serial)
{
	uint64_t seq;

	assert_int_equal(place->ops->find_mark(place->store, 1, "one", serial, &seq), 0);
	return seq;
}

static void what_is_believed_of_a_target_is_found(void **state)
{
	struct store_place *place = *state;

	assert_false(belief_of(place, "one").is_known);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "one", 3), 0);
	assert_false(belief_of(place, "one").is_known);
	put_belief(place, 4, 4000000000, 1000, false);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "one", 5), 0);
	assert_true(belief_of(place, "one").is_known);
	assert_int_equal(belief_of(place, "one").serial, 4000000000);
	assert_int_equal(belief_of(place, "one").records, 40);
	assert_false(belief_of(place, "two").is_known);
	assert_int_equal(place->ops->forget_cursor(place->store, 1, "one"), 0);
	assert_false(belief_of(place, "one").is_known);
}

static void marks_are_found_by_their_serial(void **state)
{
	struct store_place *place = *state;
	uint64_t next;

	assert_int_equal(mark_of(place, 5), 0);
	put_belief(place, 4, 4294967290, 1000, true);
	put_belief(place, 5, 4294967295, 2000, false);
	put_belief(place, 6, 3, 3000, true); /* newer, by RFC 1982 */
	put_belief(place, 6, 5, 4000, true); /* the first serial counts */
	put_belief(place, 8, 9, 5000, true);
	assert_int_equal(mark_of(place, 4294967289), 0);
	assert_int_equal(mark_of(place, 4294967290), 4);
	assert_int_equal(mark_of(place, 1), 4);
	assert_int_equal(mark_of(place, 3), 6);
	assert_int_equal(mark_of(place, 100), 8);
	/* of the first two nothing is left when they are old */
	assert_int_equal(place->ops->prune(place->store, 5000, 0, 100, &next), 0);
	assert_int_equal(mark_of(place, 8), 0);
	assert_int_equal(mark_of(place, 9), 8);
	assert_int_equal(place->ops->forget_cursor(place->store, 1, "one"), 0);
	assert_int_equal(mark_of(place, 9), 0);
}

static uint64_t reach_of(struct store_place *place, const char *target)
{
	uint64_t seq = 0;

	assert_int_equal(place->ops->find_reach(place->store, 1, target, &seq), 0);
	return seq;
}

static void how_far_anything_was_sent_is_found(void **state)
{
	struct store_place *place = *state;

	assert_int_equal(reach_of(place, "one"), UINT64_MAX);
	/* without a cursor there is nothing to be found */
	assert_int_equal(place->ops->put_reach(place->store, 1, "one", 7), 0);
	assert_int_equal(reach_of(place, "one"), UINT64_MAX);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "one", 3), 0);
	assert_int_equal(reach_of(place, "one"), UINT64_MAX);
	assert_int_equal(place->ops->put_reach(place->store, 1, "one", 7), 0);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "two", 3), 0);
	put_belief(place, 5, 100, 1000, false);
	store_place_reopen(place);
	assert_int_equal(reach_of(place, "one"), 7);
	assert_int_equal(reach_of(place, "two"), UINT64_MAX);
	assert_int_equal(place->ops->put_reach(place->store, 1, "one", UINT64_MAX), 0);
	assert_int_equal(reach_of(place, "one"), UINT64_MAX);
	assert_int_equal(place->ops->put_reach(place->store, 1, "one", 9), 0);
	assert_int_equal(place->ops->forget_cursor(place->store, 1, "one"), 0);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "one", 3), 0);
	assert_int_equal(reach_of(place, "one"), UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_PLACE_TEST(what_is_believed_of_a_target_is_found),
		STORE_PLACE_TEST(how_far_anything_was_sent_is_found),
		STORE_PLACE_TEST(marks_are_found_by_their_serial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
