/* What waits in memory is bounded for all deliveries of a zone thread together. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/delivery/delivery_private.h"
#include "tests/unit/message.h"

enum { BIG = 60000 };

static struct bench {
	struct zone_thread thread;
	struct delivery_list a, b;
	struct changeset *changes;
} * bench;

static int begin(void **state)
{
	static uint8_t rdata[BIG];
	struct rrset *set = rrset_new(TYPE_TXT, 60, rdata, sizeof(rdata));

	(void)state;
	bench = calloc(1, sizeof(*bench));
	assert_non_null(bench);
	bench->thread.count = 1;
	delivery_list_init(&bench->a, SIZE_MAX, &bench->thread);
	delivery_list_init(&bench->b, SIZE_MAX, &bench->thread);
	bench->changes = changeset_new();
	assert_int_equal(changeset_append(bench->changes, message_name("a.example."),
				 TYPE_TXT, NULL, set),
		0);
	rrset_unref(set);
	return 0;
}

static int end(void **state)
{
	(void)state;
	delivery_list_clear(&bench->a);
	delivery_list_clear(&bench->b);
	assert_int_equal(bench->thread.delivery_octets, 0);
	changeset_unref(bench->changes);
	free(bench);
	return 0;
}

/* Fills it; the number of entries that had room. */
static size_t fill(struct delivery_list *list)
{
	uint64_t seq = 0;

	while (!delivery_list_add(list, ++seq, bench->changes, false))
		;
	return list->count;
}

static void test_a_list_is_bounded(void **state)
{
	(void)state;
	fill(&bench->a);
	assert_in_range(
		bench->a.octets, DELIVERY_QUEUE_OCTETS - 2 * BIG, DELIVERY_QUEUE_OCTETS);
	assert_int_equal(bench->thread.delivery_octets, bench->a.octets);
}

static void test_when_others_have_taken_everything_it_still_has_the_least(void **state)
{
	(void)state;
	bench->thread.delivery_octets = DELIVERY_TOTAL_OCTETS;
	assert_in_range(fill(&bench->a), 2, DELIVERY_LEAST_OCTETS / BIG);
	bench->thread.delivery_octets -= DELIVERY_TOTAL_OCTETS;
}

static void test_threads_share_it(void **state)
{
	(void)state;
	bench->thread.count = 8;
	fill(&bench->a);
	fill(&bench->b);
	assert_in_range(bench->thread.delivery_octets,
		DELIVERY_TOTAL_OCTETS / 8 - 2 * BIG,
		DELIVERY_TOTAL_OCTETS / 8 + DELIVERY_LEAST_OCTETS);
}

/* What one gives back, another may take. */
static void test_room_is_given_back(void **state)
{
	struct delivery_entry *e;

	(void)state;
	bench->thread.count = 8;
	fill(&bench->a);
	fill(&bench->b);
	while ((e = TAILQ_FIRST(&bench->b.entries)) && bench->b.count > 1)
		delivery_list_move(&bench->a, &bench->b, e);
	delivery_list_clear(&bench->a);
	assert_int_equal(bench->thread.delivery_octets, bench->b.octets);
	assert_true(fill(&bench->b) > DELIVERY_LEAST_OCTETS / BIG + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_list_is_bounded, begin, end),
		cmocka_unit_test_setup_teardown(
			test_when_others_have_taken_everything_it_still_has_the_least,
			begin, end),
		cmocka_unit_test_setup_teardown(test_threads_share_it, begin, end),
		cmocka_unit_test_setup_teardown(test_room_is_given_back, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
