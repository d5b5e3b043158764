/*
 * What is due, when, and the brake.
 */
#include "tests/unit/lease_bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "zones/lease_table.h"

static void add_hosts(struct lease_bench *b, int from, int count)
{
	char line[64];

	for (int i = from; i < from + count; i++) {
		snprintf(line, sizeof(line), "h%d 300 IN A 10.0.%d.%d", i, i / 256,
			i % 256);
		lease_bench_update(b, "hour.", line);
	}
}

static void on_time(void **state)
{
	struct lease_bench *b = *state;
	uint32_t serial;

	assert_int_equal(lease_next_due(b->table, &b->expiry), INT64_MAX);
	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	serial = lease_bench_serial(b);
	/* Stale when an eighth is left. */
	assert_int_equal(lease_next_due(b->table, &b->expiry), b->now_ms + 3150 * 1000);
	lease_bench_pass(b, 3149);
	assert_int_equal(lease_bench_expire_all(b), 0);
	assert_int_equal(lease_table_count_stale(b->table), 0);
	lease_bench_pass(b, 1);
	assert_int_equal(lease_bench_expire_all(b), 0);
	assert_int_equal(lease_table_count_stale(b->table), 1);
	assert_int_equal(lease_state(b->table, lease_bench_find(b, "host1 A 192.0.2.1")),
		LEASE_STALE);
	EVENTS(b, "stale host1; ");
	assert_int_equal(lease_next_due(b->table, &b->expiry), b->now_ms + 450 * 1000);
	lease_bench_pass(b, 449);
	assert_int_equal(lease_bench_expire_all(b), 0);
	assert_int_equal(lease_bench_serial(b), serial);
	lease_bench_pass(b, 1);
	assert_int_equal(lease_bench_expire_all(b), 1);
	GONE(b, "host1 A 192.0.2.1");
	assert_int_equal(lease_bench_serial(b), serial + 1);
	assert_int_equal(lease_next_due(b->table, &b->expiry), INT64_MAX);
	EVENTS(b, "");
}

/* A deadline between two ticks is met at the next one: late by less than one. */
static void between_ticks(void **state)
{
	struct lease_bench *b = *state;
	int64_t due_ms;

	b->now_ms += 77;
	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	lease_bench_pass(b, 3500);
	assert_int_equal(lease_bench_expire_all(b), 0);
	due_ms = lease_next_due(b->table, &b->expiry);
	assert_in_range(due_ms, b->now_ms + 100 * 1000,
		b->now_ms + 100 * 1000 + LEASE_TICK_MS - 1);
	b->now_ms = due_ms - 1;
	assert_int_equal(lease_bench_expire(b, 128), 0);
	b->now_ms = due_ms;
	assert_int_equal(lease_bench_expire(b, 128), 1);
}

static void grace(void **state)
{
	struct lease_bench *b = *state;

	b->expiry.grace_ms = 600 * 1000;
	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	lease_bench_pass(b, 4199);
	assert_int_equal(lease_bench_expire_all(b), 0);
	assert_int_equal(lease_next_due(b->table, &b->expiry), b->now_ms + 1000);
	/* Within its grace it may still come back. */
	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	EVENTS(b, "stale host1; active host1; ");
	lease_bench_pass(b, 4200);
	assert_int_equal(lease_bench_expire_all(b), 1);
}

static void refreshed_in_time(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1; host1 300 IN TXT a");
	for (int i = 0; i < 10; i++) {
		lease_bench_pass(b, 3000);
		lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
		lease_bench_expire_all(b);
	}
	EVENTS(b, "stale host1; ");
	assert_int_equal(lease_table_count(b->table), 1);
	LEASED(b, "host1 A 192.0.2.1", 3600);
	GONE(b, "host1 TXT a");
}

/* A host is reported once, however many of its leases go stale or come back. */
static void events_are_of_hosts(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "hour.",
		"host1 300 IN A 192.0.2.1; host1 300 IN TXT a; host1 300 IN TXT b");
	lease_bench_pass(b, 10);
	lease_bench_update(b, "hour.", "host1 300 IN AAAA 2001:db8::1");
	lease_bench_pass(b, 3590);
	b->expiry.grace_ms = 1000 * 1000;
	lease_bench_expire_all(b);
	EVENTS(b, "stale host1; ");
	assert_int_equal(lease_table_count_stale(b->table), 4);
	lease_bench_update(b, "hour.", "host1 300 IN TXT a");
	lease_bench_update(b, "hour.", "host1 300 IN TXT b; host1 300 IN A 192.0.2.1");
	EVENTS(b, "");
	lease_bench_update(b, "hour.", "host1 300 IN AAAA 2001:db8::1");
	EVENTS(b, "active host1; ");
	/* Stale, and then deleted: nobody came back. */
	lease_bench_pass(b, 3600);
	lease_bench_expire_all(b);
	EVENTS(b, "stale host1; ");
	lease_bench_update(b, "hour.", "host1 0 ANY ANY");
	EVENTS(b, "");
	assert_int_equal(lease_table_count_stale(b->table), 0);
}

static void siblings_stay(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_load(b, "host1 300 IN A 192.0.2.9");
	lease_bench_load(b, "host1 300 IN MX 10 mail");
	lease_bench_update(
		b, "hour.", "host1 300 IN A 192.0.2.1; host1 300 IN A 192.0.2.2");
	lease_bench_pass(b, 100);
	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.2");
	lease_bench_pass(b, 3500);
	assert_int_equal(lease_bench_expire_all(b), 1);
	GONE(b, "host1 A 192.0.2.1");
	LEASED(b, "host1 A 192.0.2.2", 100);
	PERMANENT(b, "host1 A 192.0.2.9");
	PERMANENT(b, "host1 MX 10 mail");
}

static void bounded(void **state)
{
	struct lease_bench *b = *state;
	uint32_t serial;

	add_hosts(b, 0, 300);
	lease_bench_pass(b, 3600);
	serial = lease_bench_serial(b);
	/* Only so many go stale at a time, and then only so many expire. */
	assert_int_equal(lease_bench_expire(b, 100), 100);
	assert_int_equal(lease_table_count_stale(b->table), 0);
	assert_int_equal(lease_bench_expire(b, 100), 100);
	assert_int_equal(lease_bench_expire(b, 100), 100);
	assert_int_equal(lease_bench_serial(b), serial + 3);
	assert_int_equal(lease_bench_expire(b, 100), 0);
}

/* A lease that was refreshed gets its new place when its old deadline comes up, and only
 * so many of them at a time. */
static void lazily_moved(void **state)
{
	struct lease_bench *b = *state;
	int turns = 0;

	add_hosts(b, 0, 200);
	lease_bench_pass(b, 3000);
	add_hosts(b, 0, 199);
	lease_bench_pass(b, 150);
	for (; lease_next_due(b->table, &b->expiry) <= b->now_ms; turns++)
		assert_int_equal(lease_bench_expire(b, 1), 0);
	assert_true(turns > 10 && turns < 20);
	EVENTS(b, "stale h199; ");
}

static void expire_now(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1; host1 300 IN TXT a");
	lease_bench_update(b, "hour.", "host2 300 IN A 192.0.2.2");
	assert_int_equal(lease_hold(b->table, lease_bench_name(b, "host1")), 0);
	b->expiry.grace_ms = 3600 * 1000;
	assert_int_equal(
		lease_expire_now(b->table, lease_bench_name(b, "host1"), b->now_ms), 2);
	assert_int_equal(
		lease_expire_now(b->table, lease_bench_name(b, "host3"), b->now_ms), 0);
	lease_bench_check(b);
	assert_true(lease_next_due(b->table, &b->expiry) <= b->now_ms);
	/* It is refreshed before its turn, and stays. */
	lease_bench_update(b, "hour.", "host1 300 IN TXT a");
	assert_int_equal(lease_bench_expire_all(b), 1);
	GONE(b, "host1 A 192.0.2.1");
	LEASED(b, "host1 TXT a", 3600);
	assert_int_equal(
		lease_state(b->table, lease_bench_find(b, "host1 TXT a")), LEASE_HELD);
	LEASED(b, "host2 A 192.0.2.2", 3600);
	EVENTS(b, "");
}

static void hold(void **state)
{
	struct lease_bench *b = *state;
	const uint8_t *host1 = lease_bench_name(b, "host1");

	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	lease_bench_pass(b, 3200);
	lease_bench_expire_all(b);
	EVENTS(b, "stale host1; ");
	assert_int_equal(lease_hold(b->table, host1), 0);
	assert_int_equal(lease_hold(b->table, host1), -EALREADY);
	assert_true(lease_is_held(b->table, host1));
	assert_int_equal(lease_table_count_held(b->table), 1);
	assert_int_equal(lease_table_count_stale(b->table), 0);
	lease_bench_check(b);
	/* What it adds while it is held is held too. */
	lease_bench_update(b, "hour.", "host1 300 IN TXT a");
	assert_int_equal(
		lease_state(b->table, lease_bench_find(b, "host1 TXT a")), LEASE_HELD);
	assert_int_equal(lease_next_due(b->table, &b->expiry), INT64_MAX);
	lease_bench_pass(b, 100000);
	assert_int_equal(lease_bench_expire_all(b), 0);
	assert_int_equal(lease_release(b->table, host1, b->now_ms), 0);
	assert_int_equal(lease_release(b->table, host1, b->now_ms), -EALREADY);
	assert_int_equal(lease_table_count_held(b->table), 0);
	lease_bench_check(b);
	LEASED(b, "host1 A 192.0.2.1", 3600);
	LEASED(b, "host1 TXT a", 3600);
	lease_bench_pass(b, 3600);
	assert_int_equal(lease_bench_expire_all(b), 2);
	EVENTS(b, "stale host1; ");
}

/* ---- the brake ---- */

static void set_brake(struct lease_bench *b, unsigned count, unsigned percent)
{
	b->expiry.brake_count = count;
	b->expiry.brake_percent = percent;
}

static void brake_before_anything_goes(void **state)
{
	struct lease_bench *b = *state;

	set_brake(b, 10, 30);
	add_hosts(b, 0, 20);
	lease_bench_pass(b, 1800);
	add_hosts(b, 100, 10); /* these are refreshed */
	lease_bench_pass(b, 1800);
	assert_int_equal(lease_bench_expire_all(b), 0);
	assert_true(lease_is_braked(b->table));
	assert_non_null(strstr(b->events, "brake; "));
	assert_int_equal(lease_table_count(b->table), 30);
	/* It sleeps until the next one goes stale. */
	assert_int_equal(
		lease_next_due(b->table, &b->expiry), b->now_ms + (1800 - 450) * 1000);
	/* An administrator's order goes through. */
	lease_expire_now(b->table, lease_bench_name(b, "h3"), b->now_ms);
	assert_int_equal(lease_bench_expire_all(b), 1);
	GONE(b, "h3 A 10.0.0.3");
	assert_true(lease_is_braked(b->table));
	/* All are back, and the brake releases itself. */
	b->events[0] = '\0';
	add_hosts(b, 0, 3);
	add_hosts(b, 4, 15);
	assert_true(lease_is_braked(b->table));
	add_hosts(b, 19, 1);
	assert_false(lease_is_braked(b->table));
	assert_non_null(strstr(b->events, "free; "));
	assert_int_equal(lease_bench_expire_all(b), 0);
}

/* Leases that run out one by one: the stale ones count before they are due. */
static void brake_counts_the_stale(void **state)
{
	struct lease_bench *b = *state;

	set_brake(b, 10, 30);
	for (int i = 0; i < 30; i++) {
		add_hosts(b, i, 1);
		lease_bench_pass(b, 10);
	}
	lease_bench_pass(b, 3600 - 300);
	assert_int_equal(lease_bench_expire_all(b), 0);
	assert_true(lease_is_braked(b->table));
	assert_int_equal(lease_table_count(b->table), 30);
}

static void brake_counts_the_window(void **state)
{
	struct lease_bench *b = *state;
	size_t went = 0;

	set_brake(b, 10, 30);
	b->policy.rules[0].lease_min_s = 1;
	b->policy.rules[0].lease_default_s = 8; /* stale for a second only */
	for (int i = 0; i < 30; i++) {
		add_hosts(b, i, 1);
		lease_bench_pass(b, 8);
		went += lease_bench_expire_all(b);
		if (lease_is_braked(b->table))
			break;
		b->policy.rules[0].lease_default_s = 8;
	}
	/* All that there ever was, one after another: nine went. */
	assert_int_equal(went, 9);
	assert_true(lease_is_braked(b->table));
	lease_release_brake(b->table, b->now_ms);
	assert_int_equal(lease_bench_expire_all(b), 1);
	/* What expired long ago does not count. */
	for (int i = 40; i < 60; i++) {
		add_hosts(b, i, 1);
		lease_bench_pass(b, 8);
		assert_int_equal(lease_bench_expire_all(b), 1);
		lease_bench_pass(b, LEASE_WINDOW_MS / 1000);
	}
}

static void brake_limits(void **state)
{
	struct lease_bench *b = *state;

	/* Fewer than brake_count, whatever their share. */
	set_brake(b, 10, 30);
	add_hosts(b, 0, 9);
	lease_bench_pass(b, 3600);
	assert_int_equal(lease_bench_expire_all(b), 9);
	/* More than brake_count, but too small a share. */
	lease_bench_pass(b, 2 * LEASE_WINDOW_MS / 1000);
	add_hosts(b, 0, 20);
	lease_bench_pass(b, 1800);
	add_hosts(b, 100, 80);
	lease_bench_pass(b, 1800);
	assert_int_equal(lease_bench_expire_all(b), 20);
	assert_false(lease_is_braked(b->table));
	/* None at all. */
	set_brake(b, 0, 0);
	lease_bench_pass(b, 1800);
	assert_int_equal(lease_bench_expire_all(b), 80);
}

static void brake_released(void **state)
{
	struct lease_bench *b = *state;

	set_brake(b, 10, 30);
	add_hosts(b, 0, 20);
	lease_bench_pass(b, 100);
	add_hosts(b, 20, 20);
	lease_bench_pass(b, 3500);
	lease_bench_expire_all(b); /* the first are due, all are stale */
	assert_true(lease_is_braked(b->table));
	assert_int_equal(lease_table_count_stale(b->table), 40);
	lease_release_brake(b->table, b->now_ms);
	assert_false(lease_is_braked(b->table));
	lease_bench_check(b);
	/* It was released, but then refreshed, and stays. */
	add_hosts(b, 3, 1);
	assert_int_equal(lease_bench_expire_all(b), 19);
	lease_bench_pass(b, 100);
	assert_int_equal(lease_bench_expire_all(b), 20); /* were overdue then */
	/* Later ones are judged anew. */
	add_hosts(b, 100, 20);
	lease_bench_pass(b, 3600);
	assert_int_equal(lease_bench_expire_all(b), 0);
	assert_true(lease_is_braked(b->table));
}

/* Leases that were released, or that an administrator let expire, do not make the brake
 * stop later ones. */
static void brake_forgives(void **state)
{
	struct lease_bench *b = *state;
	char name[16];

	set_brake(b, 10, 30);
	add_hosts(b, 0, 12);
	lease_bench_pass(b, 3600);
	assert_int_equal(lease_bench_expire_all(b), 0);
	lease_release_brake(b->table, b->now_ms);
	assert_int_equal(lease_bench_expire_all(b), 12);
	add_hosts(b, 200, 12);
	for (int i = 200; i < 212; i++) {
		snprintf(name, sizeof(name), "h%d", i);
		lease_expire_now(b->table, lease_bench_name(b, name), b->now_ms);
	}
	assert_int_equal(lease_bench_expire_all(b), 12);
	/* Nine of nine, within the window of all these. */
	b->policy.rules[0].lease_default_s = 400;
	add_hosts(b, 100, 9);
	lease_bench_pass(b, 400);
	assert_int_equal(lease_bench_expire_all(b), 9);
	assert_false(lease_is_braked(b->table));
}

static void make_derived(struct lease_bench *b, int from, int count)
{
	struct lease_record record;
	struct lease *lease;
	char name[32];

	changeset_unref(b->cs);
	b->cs = changeset_new();
	assert_non_null(b->cs);
	for (int i = from; i < from + count; i++) {
		snprintf(name, sizeof(name), "h%d A 10.0.%d.%d", i, i / 256, i % 256);
		lease = lease_bench_find(b, name);
		lease_describe(b->table, lease, &record);
		record.flags = LEASE_DERIVED;
		assert_int_equal(lease_put(b->table, &record, b->cs), 0);
	}
}

/* The brake of a reverse zone does not stop PTR records that the zone of the addresses
 * lets go; nor do these count beside the few leases of the reverse zone itself. */
static void brake_leaves_derived(void **state)
{
	struct lease_bench *b = *state;

	set_brake(b, 10, 30);
	add_hosts(b, 0, 20);
	make_derived(b, 0, 20);
	lease_bench_pass(b, 3600);
	assert_int_equal(lease_bench_expire_all(b), 20);
	assert_false(lease_is_braked(b->table));
	add_hosts(b, 100, 9);
	lease_bench_pass(b, 3600);
	assert_int_equal(lease_bench_expire_all(b), 9);
	assert_false(lease_is_braked(b->table));
}

/* ---- alone ---- */

static void alone(void **state)
{
	struct lease_bench *b = *state;
	struct changeset *cs;
	struct lease_record record;

	add_hosts(b, 0, 4);
	lease_describe(b->table, lease_bench_find(b, "h2 A 10.0.0.2"), &record);
	record.flags = LEASE_ALONE;
	record.deadline_ms -= 1000;
	cs = changeset_new();
	assert_int_equal(lease_put(b->table, &record, cs), 0);
	changeset_unref(cs);
	lease_bench_pass(b, 3600);
	assert_int_equal(lease_bench_expire(b, 128), 1); /* the oldest is alone */
	GONE(b, "h2 A 10.0.0.2");
	assert_int_equal(lease_bench_expire(b, 128), 3);
}

static void alone_among_others(void **state)
{
	struct lease_bench *b = *state;
	struct changeset *cs = changeset_new();
	struct lease_record record;

	add_hosts(b, 0, 4);
	for (int i = 1; i < 3; i++) {
		char text[48];

		snprintf(text, sizeof(text), "h%d A 10.0.0.%d", i, i);
		lease_describe(b->table, lease_bench_find(b, text), &record);
		record.flags = LEASE_ALONE;
		assert_int_equal(lease_put(b->table, &record, cs), 0);
	}
	changeset_unref(cs);
	lease_bench_pass(b, 3600);
	assert_int_equal(lease_bench_expire(b, 128), 2);
	assert_int_equal(lease_bench_expire(b, 128), 1);
	assert_int_equal(lease_bench_expire(b, 128), 1);
	assert_int_equal(lease_table_count(b->table), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LEASES(on_time),
		WITH_LEASES(between_ticks),
		WITH_LEASES(grace),
		WITH_LEASES(refreshed_in_time),
		WITH_LEASES(events_are_of_hosts),
		WITH_LEASES(siblings_stay),
		WITH_LEASES(bounded),
		WITH_LEASES(lazily_moved),
		WITH_LEASES(expire_now),
		WITH_LEASES(hold),
		WITH_LEASES(brake_before_anything_goes),
		WITH_LEASES(brake_counts_the_stale),
		WITH_LEASES(brake_counts_the_window),
		WITH_LEASES(brake_limits),
		WITH_LEASES(brake_released),
		WITH_LEASES(brake_forgives),
		WITH_LEASES(brake_leaves_derived),
		WITH_LEASES(alone),
		WITH_LEASES(alone_among_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
