/* Alarms: in order, by a clock that the test moves; and the two kinds of wake-up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>
#include "gateway/base/alarm.h"

enum { ALARMS = 2000, RINGS_MAX = 64 };

static struct {
	char rung[RINGS_MAX]; /* names, in order */
	size_t count;
} heard;

struct named {
	struct alarm alarm;
	char name;
	void (*then)(struct named *self);
	struct named *other; /* of then */
	int64_t rung_ms;
};

static struct turn_clock test_clock;
static struct alarms test_alarms;

static void note(struct named *self)
{
	assert_true(heard.count + 1 < RINGS_MAX);
	heard.rung[heard.count++] = self->name;
	self->rung_ms = turn_monotonic_ms(&test_clock);
}

static void on_ring(void *arg)
{
	struct named *self = arg;

	assert_false(alarm_is_set(&self->alarm));
	note(self);
	if (self->then)
		self->then(self);
}

static void init(struct named *named, char name)
{
	*named = (struct named){.name = name};
	alarm_init(&named->alarm, &test_alarms, on_ring, named);
}

static int begin(void **state)
{
	(void)state;
	memset(&heard, 0, sizeof(heard));
	test_clock = (struct turn_clock){0};
	turn_clock_set(&test_clock, 1000, 5000);
	return alarms_init(&test_alarms, &test_clock, NULL);
}

static int end(void **state)
{
	(void)state;
	alarms_clear(&test_alarms);
	return 0;
}

static void they_ring_in_order(void **state)
{
	struct named a, b, c;

	(void)state;
	init(&a, 'a');
	init(&b, 'b');
	init(&c, 'c');
	assert_int_equal(alarms_next_ms(&test_alarms), ALARM_NEVER);
	alarm_set(&a.alarm, 3000);
	alarm_set(&b.alarm, 1001);
	alarm_set_in(&c.alarm, 1000);
	assert_int_equal(alarms_next_ms(&test_alarms), 1001);
	alarms_advance(&test_alarms, 2999);
	assert_string_equal(heard.rung, "bc");
	assert_int_equal(b.rung_ms, 1001);
	assert_int_equal(c.rung_ms, 2000);
	assert_int_equal(turn_monotonic_ms(&test_clock), 2999);
	assert_int_equal(turn_real_ms(&test_clock), 6999);
	alarms_advance(&test_alarms, 3000);
	assert_string_equal(heard.rung, "bca");
	assert_int_equal(alarms_next_ms(&test_alarms), ALARM_NEVER);
}

static void those_for_one_time_ring_as_they_were_set(void **state)
{
	struct named named[26];

	(void)state;
	for (int i = 0; i < 26; i++)
		init(&named[i], (char)('a' + i));
	for (int i = 0; i < 26; i++)
		alarm_set(&named[i].alarm, 2000);
	/* What is over is now. */
	alarm_set(&named[1].alarm, -7);
	alarm_set(&named[0].alarm, 999);
	alarms_advance(&test_alarms, 2000);
	assert_string_equal(heard.rung, "bacdefghijklmnopqrstuvwxyz");
}

static void they_can_be_moved_and_stopped(void **state)
{
	struct named a, b;
	struct alarm none = {0};

	(void)state;
	init(&a, 'a');
	init(&b, 'b');
	alarm_stop(&a.alarm);
	alarm_stop(&none);
	alarm_set(&a.alarm, 2000);
	alarm_set(&b.alarm, 2500);
	alarm_set(&a.alarm, 3000);
	assert_int_equal(alarms_next_ms(&test_alarms), 2500);
	alarm_set_earlier(&a.alarm, 4000);
	alarm_set_earlier(&b.alarm, 2200);
	alarm_set_earlier_in(&b.alarm, 5000);
	assert_int_equal(alarms_next_ms(&test_alarms), 2200);
	alarm_stop(&b.alarm);
	assert_false(alarm_is_set(&b.alarm));
	assert_int_equal(alarms_next_ms(&test_alarms), 3000);
	alarm_set(&a.alarm, ALARM_NEVER);
	assert_false(alarm_is_set(&a.alarm));
	alarm_set_earlier(&b.alarm, ALARM_NEVER);
	assert_false(alarm_is_set(&b.alarm));
	alarms_advance(&test_alarms, 10000);
	assert_string_equal(heard.rung, "");
}

static void far_times_are_never_or_far(void **state)
{
	struct named a, b;

	(void)state;
	init(&a, 'a');
	init(&b, 'b');
	alarm_set_in(&a.alarm, INT64_MAX);
	assert_false(alarm_is_set(&a.alarm));
	alarm_set_in(&a.alarm, INT64_MAX - 1000);
	assert_false(alarm_is_set(&a.alarm));
	alarm_set(&a.alarm, INT64_MAX - 1);
	alarm_set_in(&b.alarm, -5000); /* over */
	alarms_advance(&test_alarms, 1000);
	assert_string_equal(heard.rung, "b");
	assert_true(alarm_is_set(&a.alarm));
	assert_int_equal(alarms_next_ms(&test_alarms), INT64_MAX - 1);
	alarm_stop(&a.alarm);
}

/* ---- from within ring ---- */

static void stop_other(struct named *self)
{
	alarm_stop(&self->other->alarm);
}

static void set_other(struct named *self)
{
	alarm_set_in(&self->other->alarm, 0);
}

static void free_both(struct named *self)
{
	alarm_stop(&self->other->alarm);
	free(self->other);
	free(self);
}

static void ring_may_stop_others(void **state)
{
	struct named a, b;

	(void)state;
	init(&a, 'a');
	init(&b, 'b');
	a.then = stop_other;
	a.other = &b;
	alarm_set(&a.alarm, 2000);
	alarm_set(&b.alarm, 2000);
	alarms_advance(&test_alarms, 2000);
	assert_string_equal(heard.rung, "a");
}

/* An alarm that keeps setting itself for now does not keep others from ringing, and the
 * turn ends. */
static void what_ring_sets_waits_for_the_next_turn(void **state)
{
	struct named a, b, c;

	(void)state;
	init(&a, 'a');
	init(&b, 'b');
	init(&c, 'c');
	a.then = set_other;
	a.other = &a;
	alarm_set(&a.alarm, 1500);
	alarm_set(&b.alarm, 1800);
	alarm_set(&c.alarm, 2000);
	turn_clock_advance(&test_clock, 2000);
	alarms_ring_due(&test_alarms);
	assert_string_equal(heard.rung, "abc");
	alarms_ring_due(&test_alarms);
	assert_string_equal(heard.rung, "abca");
	alarm_stop(&a.alarm);
}

static void ring_may_free(void **state)
{
	struct named *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b)), c;

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	init(a, 'a');
	init(b, 'b');
	init(&c, 'c');
	a->then = free_both;
	a->other = b;
	alarm_set(&a->alarm, 2000);
	alarm_set(&b->alarm, 2001);
	alarm_set(&c.alarm, 2002);
	alarms_advance(&test_alarms, 3000);
	assert_string_equal(heard.rung, "ac");
}

/* ---- many ---- */

static uint64_t draw(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

struct tick {
	struct alarm alarm;
	int64_t *last_ms;
	int64_t at_ms; /* when it is to ring; ALARM_NEVER: not at all */
};

static void on_tick(void *arg)
{
	struct tick *tick = arg;
	const int64_t now_ms = turn_monotonic_ms(&test_clock);

	assert_int_equal(now_ms, tick->at_ms);
	assert_true(now_ms >= *tick->last_ms);
	*tick->last_ms = now_ms;
	tick->at_ms = ALARM_NEVER;
}

/* Set, moved and stopped at random: each rings at its time, and none is lost. */
static void many_ring_each_at_its_time(void **state)
{
	static struct tick ticks[ALARMS];
	uint64_t seed = 7;
	int64_t last_ms = 0;

	(void)state;
	for (size_t i = 0; i < ALARMS; i++) {
		ticks[i] = (struct tick){.last_ms = &last_ms, .at_ms = ALARM_NEVER};
		alarm_init(&ticks[i].alarm, &test_alarms, on_tick, &ticks[i]);
	}
	for (size_t i = 0; i < 20 * ALARMS; i++) {
		struct tick *tick = &ticks[draw(&seed) % ALARMS];
		const int64_t now_ms = turn_monotonic_ms(&test_clock);

		tick->at_ms = draw(&seed) % 4 ? now_ms + (int64_t)(draw(&seed) % 5000)
					      : ALARM_NEVER;
		alarm_set(&tick->alarm, tick->at_ms);
		if (draw(&seed) % 8 == 0)
			alarms_advance(
				&test_alarms, now_ms + (int64_t)(draw(&seed) % 100));
	}
	alarms_advance(&test_alarms, turn_monotonic_ms(&test_clock) + 5000);
	for (size_t i = 0; i < ALARMS; i++) {
		assert_false(alarm_is_set(&ticks[i].alarm));
		assert_int_equal(ticks[i].at_ms, ALARM_NEVER);
	}
}

/* ---- the wake-ups ---- */

struct real {
	struct alarm alarm;
	struct event_base *base;
};

static void on_real(void *arg)
{
	struct real *real = arg;

	event_base_loopbreak(real->base);
}

/* It rings by itself, one that has been moved to a later time too; and when no alarm is
 * set nothing is waited for. */
static void check_wake_up(bool counts_sleep)
{
	struct turn_clock clock = {.counts_sleep = counts_sleep};
	struct event_base *base = event_base_new();
	struct alarms alarms;
	struct real real = {.base = base}, late = {.base = base};
	int64_t at_ms;

	assert_non_null(base);
	assert_int_equal(alarms_init(&alarms, &clock, base), 0);
	alarm_init(&real.alarm, &alarms, on_real, &real);
	alarm_init(&late.alarm, &alarms, on_real, &late);
	alarm_set_in(&late.alarm, 3600 * 1000);
	alarm_set_in(&real.alarm, 1);
	alarm_set_in(&real.alarm, 20);
	at_ms = alarms_next_ms(&alarms);
	while (alarm_is_set(&real.alarm)) {
		turn_clock_begin(&clock);
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	}
	assert_true(turn_monotonic_ms(&clock) >= at_ms);
	assert_true(alarm_is_set(&late.alarm));
	alarm_stop(&late.alarm);
	alarm_set_in(&late.alarm, 0);
	alarm_stop(&late.alarm);
	turn_clock_begin(&clock);
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	assert_false(alarm_is_set(&late.alarm));
	if (!counts_sleep)
		assert_int_equal(
			event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	alarms_clear(&alarms);
	event_base_free(base);
}

static void libevent_wakes_up(void **state)
{
	(void)state;
	check_wake_up(false);
}

static void a_clock_that_counts_sleep_wakes_up(void **state)
{
	(void)state;
	check_wake_up(true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(they_ring_in_order),
		TEST(those_for_one_time_ring_as_they_were_set),
		TEST(they_can_be_moved_and_stopped),
		TEST(far_times_are_never_or_far),
		TEST(ring_may_stop_others),
		TEST(what_ring_sets_waits_for_the_next_turn),
		TEST(ring_may_free),
		TEST(many_ring_each_at_its_time),
		cmocka_unit_test(libevent_wakes_up),
		cmocka_unit_test(a_clock_that_counts_sleep_wakes_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
