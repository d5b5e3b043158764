/* Which zone thread has a zone, and the numbers that they give out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/served/zone_claims.h"
#include "gateway/thread/database.h"
#include "tests/unit/message.h"

enum { A, B, C, THREADS };

struct bench {
	struct zone_claims claims;
	struct queue handovers[THREADS];
	struct database database;
	struct database_numbers numbers[THREADS];
};

static int open_bench(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	*state = bench;
	zone_claims_init(&bench->claims);
	atomic_init(&bench->database.last_seq, 1);
	for (int i = 0; i < THREADS; i++) {
		if (queue_init(&bench->handovers[i]))
			return -1;
		database_add_thread(&bench->database, &bench->numbers[i]);
	}
	return 0;
}

static int close_bench(void **state)
{
	struct bench *bench = *state;

	zone_claims_clear(&bench->claims);
	for (int i = 0; i < THREADS; i++)
		queue_clear(&bench->handovers[i]);
	free(bench);
	return 0;
}

/* ---- claims ---- */

static int claim(struct bench *bench, const char *zone, unsigned thread)
{
	return zone_claims_take(
		&bench->claims, message_name(zone), thread, &bench->handovers[thread]);
}

static void give_up(struct bench *bench, const char *zone)
{
	zone_claims_give_up(&bench->claims, message_name(zone));
}

/* The thread has been told of this zone; NULL: of none. */
static void assert_told(struct bench *bench, unsigned thread, const char *zone)
{
	struct zone_handover *handover;
	struct queue_list list;

	queue_list_init(&list);
	queue_take_all(&bench->handovers[thread], &list);
	handover = (struct zone_handover *)(void *)queue_list_take(&list);
	assert_int_equal(handover != NULL, zone != NULL);
	if (zone)
		assert_true(name_is_equal(handover->name, message_name(zone)));
	assert_null(list.head);
	free(handover);
}

static void one_thread_has_a_zone(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(claim(bench, "a.example.", A), 0);
	assert_int_equal(claim(bench, "a.example.", A), -EALREADY);
	assert_int_equal(claim(bench, "a.example.", B), -EBUSY);
	assert_int_equal(claim(bench, "b.example.", B), 0);
	assert_told(bench, B, NULL);
	give_up(bench, "a.example.");
	assert_told(bench, B, "a.example.");
	assert_int_equal(claim(bench, "a.example.", B), 0);
	assert_int_equal(claim(bench, "a.example.", A), -EBUSY);
	give_up(bench, "never.example.");
}

static void whoever_asked_last_is_told(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(claim(bench, "a.example.", A), 0);
	assert_int_equal(claim(bench, "a.example.", B), -EBUSY);
	assert_int_equal(claim(bench, "a.example.", C), -EBUSY);
	give_up(bench, "a.example.");
	assert_told(bench, B, NULL);
	assert_told(bench, C, "a.example.");
	assert_told(bench, A, NULL);
}

/* ---- numbers ---- */

static uint64_t next(struct bench *bench, int thread)
{
	return database_next_seq(&bench->database, &bench->numbers[thread]);
}

static void back(struct bench *bench, int thread, uint64_t seq)
{
	database_note_back(&bench->numbers[thread], seq);
}

static void assert_settled(struct bench *bench, uint64_t seq)
{
	assert_int_equal(database_settled_seq(&bench->database), seq);
}

static void rows_settle_in_order(void **state)
{
	struct bench *bench = *state;

	assert_settled(bench, 1);
	assert_int_equal(next(bench, A), 2);
	assert_int_equal(next(bench, B), 3);
	assert_int_equal(next(bench, A), 4);
	assert_settled(bench, 1);
	back(bench, B, 3); /* what A has still to write is lower */
	assert_settled(bench, 1);
	back(bench, A, 2);
	assert_settled(bench, 2); /* no further: A has not said what is next */
	back(bench, A, 4);
	assert_settled(bench, 4);
	assert_int_equal(next(bench, C), 5);
	assert_settled(bench, 4);
}

static void numbers_never_fall_behind_a_cursor(void **state)
{
	struct bench *bench = *state;

	database_pass_seq(&bench->database, 100);
	assert_int_equal(next(bench, A), 101);
	database_pass_seq(&bench->database, 50);
	assert_int_equal(next(bench, B), 102);
	assert_int_equal(database_last_seq(&bench->database), 102);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			one_thread_has_a_zone, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(
			whoever_asked_last_is_told, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(
			rows_settle_in_order, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(
			numbers_never_fall_behind_a_cursor, open_bench, close_bench),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
