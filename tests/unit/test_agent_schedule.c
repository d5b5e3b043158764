/* When the agent sends: RFC 9664 4.2, 5.2 and 6, with a clock and random numbers of our
 * own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "agent/publish/schedule.h"

enum { NOW = 1000000 };

static const uint32_t dice[] = {0, 1, 0x40000000, 0x7fffffff, 0x80000000, 0xffffffff};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void the_initial_delay_is_up_to_three_seconds(void **state)
{
	(void)state;
	assert_int_equal(schedule_initial_delay(3000, 0), 0);
	assert_int_equal(schedule_initial_delay(3000, 0x80000000), 1500);
	assert_int_equal(schedule_initial_delay(3000, 0xffffffff), 3000);
	assert_int_equal(schedule_initial_delay(0, 0xffffffff), 0);
}

/* 4.2: a granularity of no more than 10 ms. */
static void the_initial_delay_takes_every_millisecond(void **state)
{
	int64_t before_ms = -1;

	(void)state;
	for (uint64_t random = 0; random <= UINT32_MAX; random += 1u << 19) {
		const int64_t ms = schedule_initial_delay(3000, (uint32_t)random);

		assert_in_range(ms - before_ms, 0, 10);
		before_ms = ms;
	}
}

static void a_refresh_comes_at_80_to_85_percent(void **state)
{
	(void)state;
	assert_int_equal(schedule_refresh_delay(3600, 0), 2880000);
	assert_int_equal(schedule_refresh_delay(3600, 0xffffffff), 3060000);
	for (size_t i = 0; i < COUNT(dice); i++) {
		assert_in_range(schedule_refresh_delay(30, dice[i]), 24000, 25500);
		/* RFC 9664 4: 32 bits of seconds. */
		assert_true(schedule_refresh_delay(UINT32_MAX, dice[i]) >
			INT64_C(3435973836000) - 1);
	}
}

static void a_hostile_lease_makes_no_storm(void **state)
{
	(void)state;
	assert_true(schedule_refresh_delay(0, 0) >= 1000);
	assert_true(schedule_refresh_delay(1, 0) >= 1000);
}

/* 5.2: at equal intervals from the first failure until the end. */
static void ten_retries_fill_what_is_left_of_the_lease(void **state)
{
	const int64_t failed_ms = NOW, expires_ms = NOW + 720000; /* 20 % of an hour */
	int64_t now_ms = failed_ms;

	(void)state;
	for (unsigned failures = 1; failures <= SCHEDULE_RETRIES; failures++) {
		const int64_t at_ms = schedule_retry_refresh(
			now_ms, failed_ms, expires_ms, failures, 0xffffffff);

		assert_int_equal(at_ms, failed_ms + 72000 * (int64_t)failures);
		now_ms = at_ms;
	}
	assert_int_equal(now_ms, expires_ms);
}

static void an_attempt_that_lasts_skips_the_retry_it_overlaps(void **state)
{
	(void)state;
	assert_int_equal(schedule_retry_refresh(NOW + 15000, NOW, NOW + 100000, 2, 0),
		NOW + 20000);
}

static void retries_of_a_short_lease_are_not_a_storm(void **state)
{
	(void)state;
	assert_int_equal(schedule_retry_refresh(NOW, NOW, NOW + 400, 1, 0),
		NOW + SCHEDULE_RETRY_MIN_MS);
}

static void after_the_lease_retries_back_off(void **state)
{
	int64_t before_ms = 0;

	(void)state;
	for (unsigned failures = SCHEDULE_RETRIES + 1; failures < 40; failures++) {
		const int64_t pause_ms = schedule_retry_refresh(NOW, NOW - 1000, NOW - 1,
						 failures, 0xffffffff) -
			NOW;

		assert_in_range(pause_ms, 1, SCHEDULE_BACKOFF_MAX_MS);
		assert_true(pause_ms >= before_ms);
		before_ms = pause_ms;
	}
	assert_int_equal(before_ms, SCHEDULE_BACKOFF_MAX_MS);
}

static void backoff_doubles_and_its_upper_half_is_random(void **state)
{
	(void)state;
	assert_int_equal(schedule_backoff(1, false, 0), SCHEDULE_BACKOFF_MS / 2);
	assert_int_equal(schedule_backoff(1, false, 0xffffffff), SCHEDULE_BACKOFF_MS);
	assert_int_equal(schedule_backoff(2, false, 0xffffffff), 2 * SCHEDULE_BACKOFF_MS);
	assert_int_equal(
		schedule_backoff(1000, false, 0xffffffff), SCHEDULE_BACKOFF_MAX_MS);
	assert_int_equal(schedule_backoff(1, true, 0xffffffff), SCHEDULE_REFUSED_MS);
	assert_int_equal(schedule_backoff(99, true, 0), SCHEDULE_REFUSED_MAX_MS / 2);
}

static void a_change_settles(void **state)
{
	(void)state;
	assert_int_equal(schedule_change(NOW, NOW, INT64_MIN, false),
		NOW + SCHEDULE_SETTLE_ADD_MS);
	assert_int_equal(schedule_change(NOW, NOW, INT64_MIN, true),
		NOW + SCHEDULE_SETTLE_REMOVE_MS);
}

static void changes_without_end_are_not_waited_for(void **state)
{
	(void)state;
	for (int64_t last_ms = NOW; last_ms < NOW + 60000; last_ms += 50)
		assert_true(schedule_change(NOW, last_ms, INT64_MIN, true) <=
			NOW + SCHEDULE_SETTLE_MAX_MS);
}

/* The zone is right within 2 s after the last change. */
static void updates_are_spaced_and_yet_soon(void **state)
{
	(void)state;
	for (int64_t sent_ms = NOW - 2000; sent_ms <= NOW; sent_ms += 10)
		for (int removal = 0; removal < 2; removal++) {
			const int64_t at_ms =
				schedule_change(NOW, NOW, sent_ms, removal != 0);

			assert_true(at_ms - sent_ms >= SCHEDULE_SPACING_MS);
			assert_true(at_ms - NOW < 2000);
		}
}

/* A gateway that comes back begins its leases anew: two tries fit in. */
static void an_absent_gateway_is_asked_twice_within_a_lease(void **state)
{
	(void)state;
	assert_int_equal(schedule_longest_absence(3600), 1440000);
	assert_int_equal(schedule_longest_absence(2), 800);
	assert_int_equal(schedule_longest_absence(0), SCHEDULE_RETRY_MIN_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_initial_delay_is_up_to_three_seconds),
		cmocka_unit_test(the_initial_delay_takes_every_millisecond),
		cmocka_unit_test(a_refresh_comes_at_80_to_85_percent),
		cmocka_unit_test(a_hostile_lease_makes_no_storm),
		cmocka_unit_test(ten_retries_fill_what_is_left_of_the_lease),
		cmocka_unit_test(an_attempt_that_lasts_skips_the_retry_it_overlaps),
		cmocka_unit_test(retries_of_a_short_lease_are_not_a_storm),
		cmocka_unit_test(after_the_lease_retries_back_off),
		cmocka_unit_test(an_absent_gateway_is_asked_twice_within_a_lease),
		cmocka_unit_test(backoff_doubles_and_its_upper_half_is_random),
		cmocka_unit_test(a_change_settles),
		cmocka_unit_test(changes_without_end_are_not_waited_for),
		cmocka_unit_test(updates_are_spaced_and_yet_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
