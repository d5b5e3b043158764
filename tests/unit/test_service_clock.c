/* Service time, by a clock that the tests move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "gateway/thread/service_clock.h"

enum { BOOT_MS = 123456789, HOUR_MS = 3600 * 1000 };

static void test_it_follows_who_looks(void **state)
{
	struct service_clock clock;

	(void)state;
	service_clock_start(&clock, BOOT_MS);
	assert_int_equal(clock.now_ms, 0);
	assert_true(service_clock_look(&clock, BOOT_MS + 1));
	assert_int_equal(clock.now_ms, 1);
	assert_true(service_clock_look(&clock, BOOT_MS + 1 + SERVICE_TICK_MS));
	assert_int_equal(clock.now_ms, 1 + SERVICE_TICK_MS);
	assert_true(service_clock_look(
		&clock, BOOT_MS + 1 + SERVICE_TICK_MS + SERVICE_LATE_MS));
	assert_int_equal(clock.now_ms, 1 + SERVICE_TICK_MS + SERVICE_LATE_MS);
}

static void test_many_small_looks_lose_nothing(void **state)
{
	struct service_clock clock;

	(void)state;
	service_clock_start(&clock, 0);
	for (int64_t ms = 0; ms <= HOUR_MS; ms += 7)
		assert_true(service_clock_look(&clock, ms));
	assert_true(service_clock_look(&clock, HOUR_MS));
	assert_int_equal(clock.now_ms, HOUR_MS);
}

static void test_a_stop_counts_as_a_tick(void **state)
{
	struct service_clock clock;

	(void)state;
	service_clock_start(&clock, 0);
	assert_false(service_clock_look(&clock, SERVICE_LATE_MS + 1));
	assert_int_equal(clock.now_ms, SERVICE_TICK_MS);
	/* However long it was; and then it goes on as before. */
	assert_false(service_clock_look(&clock, 1000LL * HOUR_MS));
	assert_int_equal(clock.now_ms, 2 * SERVICE_TICK_MS);
	assert_true(service_clock_look(&clock, 1000LL * HOUR_MS + 10));
	assert_int_equal(clock.now_ms, 2 * SERVICE_TICK_MS + 10);
}

static void test_it_never_goes_back(void **state)
{
	struct service_clock clock;

	(void)state;
	service_clock_start(&clock, 1000);
	assert_true(service_clock_look(&clock, 1000));
	assert_true(service_clock_look(&clock, 400));
	assert_int_equal(clock.now_ms, 0);
	assert_true(service_clock_look(&clock, 1100));
	assert_int_equal(clock.now_ms, 100);
}

static void test_a_zone_goes_on_from_what_was_stored(void **state)
{
	struct service_time time = {.ms = 5 * HOUR_MS};
	struct service_clock clock;

	(void)state;
	service_clock_start(&clock, BOOT_MS);
	assert_int_equal(service_time_now(&time, &clock), 5 * HOUR_MS);
	assert_true(service_clock_look(&clock, BOOT_MS + 4000));
	/* Not loaded yet. */
	assert_int_equal(service_time_now(&time, &clock), 5 * HOUR_MS);
	service_time_run(&time, &clock);
	assert_int_equal(service_time_now(&time, &clock), 5 * HOUR_MS);
	assert_true(service_clock_look(&clock, BOOT_MS + 4300));
	assert_int_equal(service_time_now(&time, &clock), 5 * HOUR_MS + 300);
}

static void test_a_zone_begins_when_it_is_loaded(void **state)
{
	struct service_time time = {.ms = 0}, other = {.ms = 0};
	struct service_clock clock;

	(void)state;
	service_clock_start(&clock, 0);
	service_time_run(&other, &clock);
	service_clock_look(&clock, 1000);
	assert_int_equal(service_time_now(&time, &clock), 0);
	service_time_run(&time, &clock);
	service_time_run(&time, &clock);
	service_clock_look(&clock, 1500);
	assert_int_equal(service_time_now(&time, &clock), 500);
	assert_int_equal(service_time_now(&other, &clock), 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_follows_who_looks),
		cmocka_unit_test(test_many_small_looks_lose_nothing),
		cmocka_unit_test(test_a_stop_counts_as_a_tick),
		cmocka_unit_test(test_it_never_goes_back),
		cmocka_unit_test(test_a_zone_goes_on_from_what_was_stored),
		cmocka_unit_test(test_a_zone_begins_when_it_is_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
