/*
 * What happens to leases when updates are taken back, zones loaded, and changes not
 * stored; and to those that wait for a record.
 */
#include "tests/unit/lease_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes withdrawn, which is freed, out of the zone and the leases. */
static void withdraw(struct lease_bench *b, struct changeset *withdrawn)
{
	struct changeset *back;

	assert_int_equal(apply_withdrawal(b->zone, withdrawn, true, &back), 0);
	assert_int_equal(
		lease_withdraw(b->table, b->zone, withdrawn, b->now_ms, back), 0);
	changeset_unref(withdrawn);
	changeset_unref(b->cs);
	b->cs = back;
	lease_bench_check(b);
}

static void begun_ends(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1; host1 300 IN TXT a");
	withdraw(b, lease_bench_take(b));
	GONE(b, "host1 A 192.0.2.1");
	GONE(b, "host1 TXT a");
	assert_int_equal(lease_bench_changes(b), 2);
	assert_int_equal(lease_table_count(b->table), 0);
}

static void ended_begins_anew(void **state)
{
	struct lease_bench *b = *state;
	struct lease_record record;

	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	lease_bench_pass(b, 1000);
	lease_bench_update(b, "perm.", "host1 0 ANY A");
	lease_bench_pass(b, 1000);
	withdraw(b, lease_bench_take(b));
	LEASED(b, "host1 A 192.0.2.1", 3600);
	lease_describe(b->table, lease_bench_find(b, "host1 A 192.0.2.1"), &record);
	assert_int_equal(record.flags, 0);
	assert_true(name_is_equal(record.key, lease_bench_name(b, "hour.")));
	assert_int_equal(lease_bench_changes(b), 1);
}

/* A target refuses a batch: each lease is tried by itself, after its full duration. */
static void expiry_refused(void **state)
{
	struct lease_bench *b = *state;
	struct lease_record record;

	lease_bench_update(
		b, "hour.", "host1 300 IN A 192.0.2.1; host2 300 IN A 192.0.2.2");
	lease_bench_pass(b, 3600);
	assert_int_equal(lease_bench_expire(b, 128), 2);
	withdraw(b, lease_bench_take(b));
	LEASED(b, "host1 A 192.0.2.1", 3600);
	LEASED(b, "host2 A 192.0.2.2", 3600);
	lease_describe(b->table, lease_bench_find(b, "host1 A 192.0.2.1"), &record);
	assert_int_equal(record.flags, LEASE_ALONE);
	lease_bench_pass(b, 3599);
	assert_int_equal(lease_bench_expire_all(b), 0);
	lease_bench_pass(b, 1);
	assert_int_equal(lease_bench_expire(b, 128), 1);
	assert_int_equal(lease_bench_expire(b, 128), 1);
	assert_int_equal(lease_bench_expire(b, 128), 0);
}

static void refresh_forgets_alone(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(
		b, "hour.", "host1 300 IN A 192.0.2.1; host2 300 IN A 192.0.2.2");
	lease_bench_pass(b, 3600);
	assert_int_equal(lease_bench_expire(b, 128), 2);
	withdraw(b, lease_bench_take(b));
	lease_bench_update(
		b, "hour.", "host1 300 IN A 192.0.2.1; host2 300 IN A 192.0.2.2");
	lease_bench_pass(b, 3600);
	assert_int_equal(lease_bench_expire(b, 128), 2);
}

static void adoption_withdrawn(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_load(b, "host1 300 IN A 192.0.2.1");
	lease_bench_update(b, "adopt.", "host1 300 IN A 192.0.2.1; host1 300 IN TXT a");
	withdraw(b, lease_bench_take(b));
	PERMANENT(b, "host1 A 192.0.2.1");
	GONE(b, "host1 TXT a");
}

/* It was made permanent by an update that was refused: it is leased again. */
static void permanence_withdrawn(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	lease_bench_update(b, "perm.", "host1 300 IN A 192.0.2.1; host1 300 IN TXT a");
	PERMANENT(b, "host1 A 192.0.2.1");
	withdraw(b, lease_bench_take(b));
	LEASED(b, "host1 A 192.0.2.1", 3600);
	GONE(b, "host1 TXT a");
}

/* Changes by others in between stay. */
static void others_in_between(void **state)
{
	struct lease_bench *b = *state;
	struct changeset *deleted, *added;

	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	lease_bench_update(b, "hour.", "host1 0 ANY A");
	deleted = lease_bench_take(b);
	lease_bench_update(b, "perm.", "host1 300 IN A 192.0.2.1");
	withdraw(b, deleted);
	PERMANENT(b, "host1 A 192.0.2.1");
	/* Added by one key, refreshed by another: the lease goes with the record. */
	lease_bench_update(b, "hour.", "host2 300 IN A 192.0.2.2");
	added = lease_bench_take(b);
	lease_bench_pass(b, 10);
	lease_bench_update(b, "adopt.", "host2 300 IN A 192.0.2.2");
	withdraw(b, added);
	GONE(b, "host2 A 192.0.2.2");
	/* Added permanently, adopted by another: no lease without its record. */
	lease_bench_update(b, "perm.", "host3 300 IN A 192.0.2.3");
	added = lease_bench_take(b);
	lease_bench_update(b, "adopt.", "host3 300 IN A 192.0.2.3");
	LEASED(b, "host3 A 192.0.2.3", 3600);
	withdraw(b, added);
	GONE(b, "host3 A 192.0.2.3");
	/* Added, deleted and added again by another: stays. */
	lease_bench_update(b, "hour.", "host4 300 IN A 192.0.2.4");
	added = lease_bench_take(b);
	lease_bench_update(b, "hour.", "host4 0 ANY A");
	lease_bench_update(b, "hour.", "host4 300 IN A 192.0.2.5");
	withdraw(b, added);
	LEASED(b, "host4 A 192.0.2.5", 3600);
}

/* ---- loads ---- */

static void follow_a_difference(void **state)
{
	struct lease_bench *b = *state;
	const struct change *change;
	struct changeset *cs;

	lease_bench_update(b, "hour.",
		"host1 300 IN A 192.0.2.1; host1 300 IN A 192.0.2.2; host2 300 IN TXT a");
	/* Somebody else makes the same change to the zone. */
	lease_bench_update(b, "perm.", "host1 0 NONE A 192.0.2.1; host2 300 IN TXT b");
	lease_undo(b->table, b->cs->leases);
	cs = changeset_new();
	assert_non_null(cs);
	for (uint32_t i = 0; i < b->cs->count; i++) {
		change = &b->cs->changes[i];
		assert_int_equal(changeset_append(cs, change->owner, change->type,
					 change->before, change->after),
			0);
	}
	assert_int_equal(lease_follow(b->table, b->zone, cs), 0);
	assert_int_equal(cs->leases->count, 1);
	lease_bench_check(b);
	GONE(b, "host1 A 192.0.2.1");
	LEASED(b, "host1 A 192.0.2.2", 3600);
	LEASED(b, "host2 TXT a", 3600);
	changeset_unref(cs);
}

static void sweep(void **state)
{
	struct lease_bench *b = *state;
	uint64_t cursor = 0;
	size_t ended = 0, pages = 0;
	struct changeset *cs;
	char line[128];

	for (int i = 0; i < 100; i++) {
		snprintf(line, sizeof(line),
			"h%d 300 IN A 10.0.0.%d; h%d 300 IN A 10.0.1.%d; h%d 300 IN TXT "
			"a",
			i, i, i, i, i);
		lease_bench_update(b, "hour.", line);
	}
	/* Another zone has taken its place. */
	for (int i = 0; i < 100; i += 2) {
		snprintf(line, sizeof(line), "h%d 0 NONE A 10.0.0.%d; h%d 0 ANY TXT", i,
			i, i);
		lease_bench_update(b, "perm.", line);
		lease_undo(b->table, b->cs->leases);
	}
	assert_int_equal(lease_table_count(b->table), 300);
	do {
		struct lease_changes *changes;

		assert_int_equal(
			lease_sweep(b->table, b->zone, &cursor, 20, &changes), 0);
		assert_true(changes->count <= 24);
		ended += changes->count;
		pages++;
		lease_changes_free(changes);
		lease_bench_check(b);
	} while (cursor);
	assert_int_equal(ended, 100);
	assert_true(pages >= 12);
	assert_int_equal(lease_table_count(b->table), 200);
	GONE(b, "h0 A 10.0.0.0");
	LEASED(b, "h0 A 10.0.1.0", 3600);
	LEASED(b, "h1 TXT a", 3600);
	cs = changeset_new();
	assert_int_equal(lease_follow(b->table, b->zone, cs), 0);
	assert_null(cs->leases);
	changeset_unref(cs);
}

/* ---- not stored ---- */

static void undo(void **state)
{
	struct lease_bench *b = *state;
	const char *keep = "host1 300 IN A 192.0.2.1; host1 300 IN TXT a; host2 300 IN A "
			   "192.0.2.2";
	struct lease_record record;

	lease_bench_update(b, "hour.", keep);
	lease_bench_pass(b, 100);
	b->asked = (struct lease_terms){4, 7200, 7200};
	lease_bench_update(b, "adopt.",
		"host1 0 ANY A; host1 300 IN A 192.0.2.9; host1 300 IN TXT a;"
		"host2 0 ANY ANY; host3 300 IN A 192.0.2.3");
	assert_int_equal(lease_bench_changes(b), 5);
	LEASED(b, "host1 TXT a", 7200);
	changeset_undo(b->cs, b->zone);
	lease_undo(b->table, b->cs->leases);
	lease_bench_check(b);
	LEASED(b, "host1 A 192.0.2.1", 3500);
	LEASED(b, "host1 TXT a", 3500);
	LEASED(b, "host2 A 192.0.2.2", 3500);
	GONE(b, "host1 A 192.0.2.9");
	GONE(b, "host3 A 192.0.2.3");
	lease_describe(b->table, lease_bench_find(b, "host1 TXT a"), &record);
	assert_true(name_is_equal(record.key, lease_bench_name(b, "hour.")));
	assert_int_equal(record.seen_s, b->real_s - 100);
	lease_bench_pass(b, 3500);
	assert_int_equal(lease_bench_expire_all(b), 3);
}

static void undo_expiry(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(
		b, "hour.", "host1 300 IN A 192.0.2.1; host2 300 IN A 192.0.2.2");
	lease_bench_pass(b, 3600);
	assert_int_equal(lease_bench_expire(b, 128), 2);
	changeset_undo(b->cs, b->zone);
	lease_undo(b->table, b->cs->leases);
	lease_bench_check(b);
	LEASED(b, "host1 A 192.0.2.1", 0);
	assert_int_equal(lease_bench_expire(b, 128), 2);
}

/* ---- put and end ---- */

static void put_and_end(void **state)
{
	struct lease_bench *b = *state;
	struct lease_record record = {
		.owner = lease_bench_name(b, "ptr"),
		.type = TYPE_PTR,
		.rdata = lease_bench_name(b, "host1"),
		.key = lease_bench_name(b, "hour."),
		.duration_s = 3600,
		.deadline_ms = b->now_ms + 3600 * 1000,
		.seen_s = b->real_s,
		.flags = LEASE_DERIVED,
	};

	record.rdata_len = (uint16_t)name_len(record.rdata);
	lease_bench_load(b, "ptr 300 IN PTR host1");
	b->cs = changeset_new();
	assert_int_equal(lease_put(b->table, &record, b->cs), 0);
	LEASED(b, "ptr PTR host1", 3600);
	assert_int_equal(lease_bench_changes(b), 1);
	lease_bench_pass(b, 3500);
	lease_bench_expire_all(b);
	EVENTS(b, "stale ptr; ");
	lease_refresh(b->table, lease_bench_find(b, "ptr PTR host1"),
		b->now_ms + 3600 * 1000, b->real_s);
	EVENTS(b, "active ptr; ");
	LEASED(b, "ptr PTR host1", 3600);
	/* It has no end of its own, and waits for the end of another lease. */
	record.duration_s = 0;
	assert_int_equal(lease_put(b->table, &record, b->cs), 0);
	lease_bench_check(b);
	assert_int_equal(lease_bench_changes(b), 2);
	assert_int_equal(lease_next_due(b->table, &b->expiry), INT64_MAX);
	/* A client that adds it by itself makes it its own. */
	lease_bench_update(b, "hour.", "ptr 300 IN PTR host1");
	assert_int_equal(lease_bench_changes(b), 1);
	lease_describe(b->table, lease_bench_find(b, "ptr PTR host1"), &record);
	assert_int_equal(record.flags, 0);
	assert_int_equal(
		lease_end(b->table, lease_bench_find(b, "ptr PTR host1"), b->cs), 0);
	PERMANENT(b, "ptr PTR host1");
	assert_int_equal(lease_bench_changes(b), 2);
}

/* ---- waiting for a record ---- */

static unsigned flags_of(struct lease_bench *b, const char *record)
{
	struct lease_record is;

	lease_describe(b->table, lease_bench_find(b, record), &is);
	return is.flags;
}

static int64_t left_s(struct lease_bench *b, const char *record)
{
	struct lease_record is;

	assert_false(lease_bench_has_record(b, record));
	lease_describe(b->table, lease_bench_find(b, record), &is);
	return (is.deadline_ms - b->now_ms) / 1000;
}

/* "ptr PTR host" without its record. */
static void wait_for(struct lease_bench *b, const char *host)
{
	struct lease_record record = {
		.owner = lease_bench_name(b, "ptr"),
		.type = TYPE_PTR,
		.rdata = lease_bench_name(b, host),
		.key = lease_bench_name(b, "hour."),
		.duration_s = 3600,
		.deadline_ms = b->now_ms + 3600 * 1000,
		.seen_s = b->real_s,
		.flags = LEASE_DERIVED | LEASE_WAITING,
	};
	struct changeset *cs = changeset_new();

	record.rdata_len = (uint16_t)name_len(record.rdata);
	assert_int_equal(lease_put(b->table, &record, cs), 0);
	changeset_unref(cs);
	lease_bench_check(b);
}

static size_t sweep_all(struct lease_bench *b)
{
	struct lease_changes *changes;
	uint64_t cursor = 0;
	size_t ended;

	assert_int_equal(lease_sweep(b->table, b->zone, &cursor, 1000, &changes), 0);
	assert_int_equal(cursor, 0);
	ended = changes->count;
	lease_changes_free(changes);
	lease_bench_check(b);
	return ended;
}

/* Neither a change of the RRset nor a load ends it while the record is not there. */
static void waiting_stays(void **state)
{
	struct lease_bench *b = *state;
	unsigned waiting = LEASE_DERIVED | LEASE_WAITING;

	lease_bench_load(b, "ptr 300 IN PTR host2");
	wait_for(b, "host1");
	assert_int_equal(sweep_all(b), 0);
	lease_bench_update(b, "perm.", "ptr 0 ANY PTR; ptr 300 IN PTR host3");
	lease_bench_update(b, "perm.", "ptr 0 ANY PTR");
	assert_int_equal(left_s(b, "ptr PTR host1"), 3600);
	/* It was added but is not there: its lease would delete somebody else's
	 * record. */
	lease_bench_update(b, "perm.", "ptr 300 IN CNAME host9");
	lease_bench_update(b, "hour.", "ptr 300 IN PTR host1");
	assert_int_equal(left_s(b, "ptr PTR host1"), 3600);
	assert_int_equal(flags_of(b, "ptr PTR host1"), waiting);
	/* A prerequisite signed with its key refreshes it, and changes nothing else. */
	lease_bench_pass(b, 100);
	lease_bench_update(b, "hour.", "? ptr 0 ANY ANY");
	assert_int_equal(left_s(b, "ptr PTR host1"), 3600);
	assert_int_equal(flags_of(b, "ptr PTR host1"), waiting);
}

/* A record that somebody else adds does not end the wait. */
static void waiting_is_overtaken(void **state)
{
	struct lease_bench *b = *state;
	struct changeset *cs;

	wait_for(b, "host1");
	lease_bench_update(b, "hour.", "ptr 300 IN PTR host1");
	assert_int_equal(flags_of(b, "ptr PTR host1"), 0);
	wait_for(b, "host2");
	lease_bench_update(b, "perm.", "ptr 300 IN PTR host2");
	PERMANENT(b, "ptr PTR host2");
	/* It comes with a load. */
	wait_for(b, "host3");
	lease_bench_load(b, "ptr 300 IN PTR host3");
	assert_int_equal(sweep_all(b), 1);
	PERMANENT(b, "ptr PTR host3");
	/* It comes with a difference. */
	wait_for(b, "host4");
	lease_bench_load(b, "ptr 300 IN PTR host4");
	cs = changeset_new();
	assert_int_equal(
		changeset_append(cs, lease_bench_name(b, "ptr"), TYPE_PTR, NULL,
			zone_find(b->zone, lease_bench_name(b, "ptr"), TYPE_PTR)),
		0);
	assert_int_equal(lease_follow(b->table, b->zone, cs), 0);
	assert_int_equal(cs->leases->count, 1);
	changeset_unref(cs);
	PERMANENT(b, "ptr PTR host4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LEASES(begun_ends),
		WITH_LEASES(ended_begins_anew),
		WITH_LEASES(expiry_refused),
		WITH_LEASES(refresh_forgets_alone),
		WITH_LEASES(adoption_withdrawn),
		WITH_LEASES(permanence_withdrawn),
		WITH_LEASES(others_in_between),
		WITH_LEASES(follow_a_difference),
		WITH_LEASES(sweep),
		WITH_LEASES(undo),
		WITH_LEASES(undo_expiry),
		WITH_LEASES(put_and_end),
		WITH_LEASES(waiting_stays),
		WITH_LEASES(waiting_is_overtaken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
