/* Which zone thread has a zone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/served/zone_claims.h"
#include "tests/unit/message.h"

enum { A, B, C, THREADS };

struct bench {
	struct zone_claims claims;
	struct queue handovers[THREADS];
};

static int open_bench(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	*state = bench;
	zone_claims_init(&bench->claims);
	for (int i = 0; i < THREADS; i++)
		if (queue_init(&bench->handovers[i]))
			return -1;
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

/* Expects that the thread has been told of this zone; NULL: of none. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			one_thread_has_a_zone, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(
			whoever_asked_last_is_told, open_bench, close_bench),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
