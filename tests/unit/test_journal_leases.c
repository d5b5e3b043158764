/* What the journal thread stores of leases, holds and events, and that it is one step
 * with the row that they belong to; and what it sees of the database. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/journal/row_text.h"
#include "tests/unit/journal_bench.h"
#include "tests/unit/message.h"

/* Does one thing, and waits until it is done. */
static int run(struct journal_bench *bench, struct journal_op op)
{
	struct journal_op *it = &op;

	op.zone = bench->zone;
	journal_bench_submit(bench, &it, 1);
	journal_bench_take(bench, &it, 1);
	return op.result;
}

static struct lease_record record(const char *owner, const char *target)
{
	return (struct lease_record){
		.owner = message_name(owner),
		.type = TYPE_CNAME,
		.rdata_len = (uint16_t)strlen(target),
		.rdata = (const uint8_t *)target,
		.key = message_name("key."),
		.duration_s = 60,
		.deadline_ms = 60000,
	};
}

/* What there is, and the last of it. */
struct stored {
	int leases, holds, rows, rows_with_changes;
	int64_t deadline_ms;
	char rdata[16];
};

static int see_lease(const struct lease_record *lease, void *arg)
{
	struct stored *stored = arg;

	stored->leases++;
	stored->deadline_ms = lease->deadline_ms;
	snprintf(stored->rdata, sizeof(stored->rdata), "%.*s", lease->rdata_len,
		(const char *)lease->rdata);
	return 0;
}

static int see_hold(const uint8_t *owner, void *arg)
{
	struct stored *stored = arg;

	(void)owner;
	stored->holds++;
	return 0;
}

static int see_row(const struct store_row *row, void *arg)
{
	struct stored *stored = arg;

	stored->rows++;
	stored->rows_with_changes += row->changes != NULL;
	return 0;
}

static struct stored look(struct journal_bench *bench)
{
	const struct store_filter filter = {.limit = 100, .wants_changes = true};
	struct store *store = bench->place->store;
	struct stored stored = {0};
	uint64_t next;

	assert_int_equal(
		bench->ops->each_lease(store, bench->zone, see_lease, &stored), 0);
	assert_int_equal(bench->ops->each_hold(store, bench->zone, see_hold, &stored), 0);
	assert_int_equal(
		bench->ops->each_row(store, &filter, &next, see_row, &stored), 0);
	return stored;
}

/* One lease that begins. */
static struct lease_change begin(struct lease_record after)
{
	return (struct lease_change){.has = true, .after = after};
}

static void a_change_brings_its_leases(void **state)
{
	struct journal_bench *bench = *state;
	struct changeset *cs = store_place_changes("a 60 IN A 192.0.2.1");
	struct lease_change changes[] = {
		begin(record("a.example.", "one")), begin(record("b.example.", "one"))};
	struct lease_changes leases = {.count = 2, .changes = changes};

	cs->leases = &leases;
	assert_int_equal(
		run(bench, (struct journal_op){.kind = JOURNAL_APPEND, .changes = cs}),
		0);
	assert_int_equal(look(bench).leases, 2);
	assert_int_equal(look(bench).rows_with_changes, 1);
	/* The next ends the one and moves the other. */
	changes[0] = (struct lease_change){.had = true, .before = changes[0].after};
	changes[1].had = true;
	changes[1].before = changes[1].after;
	changes[1].after.deadline_ms = 90000;
	assert_int_equal(
		run(bench, (struct journal_op){.kind = JOURNAL_APPEND, .changes = cs}),
		0);
	assert_int_equal(look(bench).leases, 1);
	assert_int_equal(look(bench).deadline_ms, 90000);
	cs->leases = NULL;
	changeset_unref(cs);
}

static void leases_alone_are_no_change_for_targets(void **state)
{
	struct journal_bench *bench = *state;
	struct changeset *cs = changeset_new();
	struct lease_change change = begin(record("a.example.", "one"));
	struct lease_changes leases = {.count = 1, .changes = &change};

	cs->leases = &leases;
	assert_int_equal(
		run(bench, (struct journal_op){.kind = JOURNAL_APPEND, .changes = cs}),
		0);
	assert_int_equal(look(bench).leases, 1);
	assert_int_equal(look(bench).rows, 1);
	assert_int_equal(look(bench).rows_with_changes, 0);
	cs->leases = NULL;
	changeset_unref(cs);
}

static void what_is_written_otherwise_is_not_there_twice(void **state)
{
	struct journal_bench *bench = *state;
	struct lease_change change = begin(record("a.example.", "One"));
	const struct lease_changes leases = {.count = 1, .changes = &change};
	const struct journal_op op = {.kind = JOURNAL_LEASES, .leases = &leases};

	assert_int_equal(run(bench, op), 0);
	change.had = true;
	change.before = change.after;
	change.after.rdata = (const uint8_t *)"oNE";
	assert_int_equal(run(bench, op), 0);
	assert_int_equal(look(bench).leases, 1);
	assert_string_equal(look(bench).rdata, "oNE");
}

static void a_hold_is_stored(void **state)
{
	struct journal_bench *bench = *state;
	struct journal_op op = {.kind = JOURNAL_HOLD,
		.host = message_name("a.example."),
		.is_held = true};

	assert_int_equal(run(bench, op), 0);
	assert_int_equal(look(bench).holds, 1);
	op.is_held = false;
	assert_int_equal(run(bench, op), 0);
	assert_int_equal(look(bench).holds, 0);
}

static int see_seen(const struct lease_record *lease, void *arg)
{
	int64_t *seen_s = arg;

	seen_s[lease->owner[1] - 'a'] = lease->seen_s;
	return 0;
}

/* What goes stale or comes back says when it was last seen. */
static void an_event_says_when_a_host_was_seen(void **state)
{
	struct journal_bench *bench = *state;
	struct lease_change changes[] = {
		begin(record("a.example.", "one")), begin(record("b.example.", "one"))};
	const struct lease_changes leases = {.count = 2, .changes = changes};
	struct lease_record last = changes[0].after;
	int64_t seen_s[2] = {0};

	assert_int_equal(
		run(bench,
			(struct journal_op){.kind = JOURNAL_LEASES, .leases = &leases}),
		0);
	last.seen_s += 1000;
	assert_int_equal(run(bench,
				 (struct journal_op){.kind = JOURNAL_APPEND,
					 .event = "stale",
					 .host = last.owner,
					 .last = &last}),
		0);
	assert_int_equal(bench->ops->each_lease(
				 bench->place->store, bench->zone, see_seen, seen_s),
		0);
	assert_int_equal(seen_s[0], last.seen_s);
	assert_int_equal(seen_s[1], changes[1].after.seen_s);
	assert_int_equal(look(bench).rows, 1);
}

static int check_expiry(const struct store_row *row, void *arg)
{
	char buf[UPDATE_TEXT_MAX];

	assert_null(row_key_text(row, buf));
	assert_null(row_source_text(row, buf));
	assert_int_equal(row->transaction, 0);
	assert_string_equal(row->reason, "expired: h.example.");
	assert_string_equal(row_request_text(row, buf), "-NONE h.example. A 192.0.2.1");
	++*(int *)arg;
	return 0;
}

static int check_event(const struct store_row *row, void *arg)
{
	assert_string_equal(row->event, "stale");
	assert_true(name_is_equal(row->host, message_name("h.example.")));
	assert_null(row->request);
	++*(int *)arg;
	return 0;
}

static void the_gateways_own_rows_say_what_was_done(void **state)
{
	struct journal_bench *bench = *state;
	const char *const lines[] = {"h 0 NONE A 192.0.2.1", NULL};
	struct update *update = message_update_of("example.", lines);
	struct journal_op op = {.kind = JOURNAL_APPEND, .request.update = update};
	struct store_filter filter = {.limit = 9};
	uint64_t next;
	int seen = 0;

	strcpy(op.verdict.why, "expired: h.example.");
	assert_int_equal(run(bench, op), 0);
	update_free(update);
	assert_int_equal(bench->ops->each_row(bench->place->store, &filter, &next,
				 check_expiry, &seen),
		0);
	assert_int_equal(run(bench,
				 (struct journal_op){.kind = JOURNAL_APPEND,
					 .event = "stale",
					 .host = message_name("h.example.")}),
		0);
	filter.events_only = true;
	assert_int_equal(bench->ops->each_row(
				 bench->place->store, &filter, &next, check_event, &seen),
		0);
	assert_int_equal(seen, 2);
}

static void a_row_that_fails_leaves_no_lease(void **state)
{
	struct journal_bench *bench = *state;
	struct changeset *cs = store_place_changes("a 60 IN A 192.0.2.1");
	struct lease_change change = begin(record("a.example.", "one"));
	struct lease_changes leases = {.count = 1, .changes = &change};
	struct journal_op op = {.kind = JOURNAL_APPEND, .changes = cs};
	const struct store_row other = {.seq = 3};

	assert_int_equal(run(bench, op), 0);
	cs->leases = &leases;
	change.after.key = NULL; /* it cannot be stored */
	assert_int_equal(run(bench, op), -EIO);
	assert_int_equal(look(bench).rows, 1);
	journal_resume(&bench->client);
	/* And the other way round: somebody else has written the next row. */
	assert_int_equal(bench->ops->begin(bench->place->store), 0);
	assert_int_equal(bench->ops->append(bench->place->store, &other), 0);
	assert_int_equal(bench->ops->commit(bench->place->store), 0);
	change.after = record("a.example.", "one");
	assert_int_equal(run(bench, op), -EIO);
	assert_int_equal(look(bench).leases, 0);
	cs->leases = NULL;
	changeset_unref(cs);
}

static void a_barrier_tells_how_much_is_in_use(void **state)
{
	struct journal_bench *bench = *state;
	struct journal_op op = {.kind = JOURNAL_BARRIER}, *it = &op;
	uint64_t used = 0;

	assert_int_equal(bench->ops->used(bench->place->store, &used), 0);
	assert_true(used > 0);
	journal_bench_submit(bench, &it, 1);
	journal_bench_take(bench, &it, 1);
	assert_int_equal(op.result, 0);
	assert_int_equal(op.used, used);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOURNAL_BENCH_TEST(a_change_brings_its_leases),
		JOURNAL_BENCH_TEST(leases_alone_are_no_change_for_targets),
		JOURNAL_BENCH_TEST(what_is_written_otherwise_is_not_there_twice),
		JOURNAL_BENCH_TEST(an_event_says_when_a_host_was_seen),
		JOURNAL_BENCH_TEST(a_hold_is_stored),
		JOURNAL_BENCH_TEST(the_gateways_own_rows_say_what_was_done),
		JOURNAL_BENCH_TEST(a_row_that_fails_leaves_no_lease),
		JOURNAL_BENCH_TEST(a_barrier_tells_how_much_is_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
