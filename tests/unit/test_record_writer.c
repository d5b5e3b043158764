/* Records of local zones are written in pieces, rows of others go before them, a failure
 * undoes all of it, and checkpoints keep the log short meanwhile. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sqlite3.h>
#include "gateway/journal/checkpoint.h"
#include "gateway/journal/record_writer.h"
#include "tests/unit/journal_bench.h"
#include "tests/unit/message.h"
#include "tests/unit/store_memory.h"

enum { MANY = 17 * RECORD_WRITER_STEP + 7 }; /* two runs that are sorted */

static struct changeset *addresses; /* MANY of them */

static int make_addresses(void **state)
{
	char owner[32];

	(void)state;
	addresses = changeset_new();
	for (unsigned i = 0; i < MANY; i++) {
		struct rrset *set =
			rrset_new(TYPE_A, 60, (const uint8_t *)"\300\0\2\1", 4);

		/* Long names of the same beginning, and short ones. */
		snprintf(owner, sizeof(owner),
			i % 2 ? "h%u.example." : "samebegin%u.example.", i * 7919 % MANY);
		assert_int_equal(changeset_append(addresses, message_name(owner), TYPE_A,
					 NULL, set),
			0);
		rrset_unref(set);
	}
	return 0;
}

static int free_addresses(void **state)
{
	(void)state;
	changeset_unref(addresses);
	return 0;
}

static struct journal_op records(struct journal_bench *bench, uint64_t seq)
{
	return (struct journal_op){.kind = JOURNAL_RECORDS,
		.zone = bench->zone,
		.seq = seq,
		.changes = addresses,
		.target = "local"};
}

static struct zone *read_zone(struct journal_bench *bench)
{
	struct zone *zone = zone_new(message_name("example."));

	assert_int_equal(
		bench->place->ops->read_records(bench->place->store, bench->zone, zone),
		0);
	return zone;
}

static size_t count_records(struct journal_bench *bench)
{
	struct zone *zone = read_zone(bench);
	const size_t count = zone_count_records(zone);

	zone_free(zone);
	return count;
}

static uint64_t cursor(struct journal_bench *bench)
{
	return store_place_cursor(bench->place, bench->zone, "local");
}

static void rows_go_before_many_records(void **state)
{
	struct journal_bench *bench = *state;
	struct journal_op many = records(bench, 5), again = records(bench, 6);
	struct journal_op row = {.kind = JOURNAL_APPEND, .zone = bench->zone};
	struct journal_op *ops[] = {&many, &again, &row}, *done[3];

	journal_bench_submit(bench, ops, 3);
	journal_bench_take(bench, done, 3);
	assert_ptr_equal(done[0], &row);
	assert_ptr_equal(done[1], &many);
	assert_ptr_equal(done[2], &again);
	for (int i = 0; i < 3; i++)
		assert_int_equal(done[i]->result, 0);
	assert_int_equal(count_records(bench), MANY);
	assert_int_equal(cursor(bench), 6);
	assert_true(journal_totals(bench->journal).commits > 2 * 5);
	assert_int_equal(journal_totals(bench->journal).operations, 3);
}

static void what_is_about_cursors_waits_for_them(void **state)
{
	struct journal_bench *bench = *state;
	struct journal_op many = records(bench, 5);
	struct journal_op forget = {
		.kind = JOURNAL_FORGET, .zone = bench->zone, .target = "local"};
	struct journal_op *ops[] = {&many, &forget}, *done[2];

	journal_bench_submit(bench, ops, 2);
	journal_bench_take(bench, done, 2);
	assert_int_equal(many.result, 0);
	assert_int_equal(forget.result, 0);
	assert_int_equal(count_records(bench), MANY);
	assert_int_equal(cursor(bench), 0);
}

static void the_end_waits_for_them_too(void **state)
{
	struct journal_bench *bench = *state;
	struct journal_op many = records(bench, 5), *ops[] = {&many}, *done[1];
	char error[STORE_ERROR_MAX];

	journal_bench_submit(bench, ops, 1);
	journal_free(bench->journal);
	journal_bench_take(bench, done, 1);
	assert_int_equal(many.result, 0);
	assert_int_equal(count_records(bench), MANY);
	assert_int_equal(journal_new(&bench->journal, bench->place->ops,
				 bench->place->path, error),
		0);
}

static void a_failure_fails_all_that_waits(void **state)
{
	struct journal_bench *bench = *state;
	struct journal_op many = records(bench, 5), again = records(bench, 6);
	struct journal_op row = {.kind = JOURNAL_APPEND, .zone = bench->zone};
	struct journal_op *ops[] = {&many, &again, &row}, *done[3];

	store_memory_fail_commits(bench->place->path, 1, -ENOSPC);
	journal_bench_submit(bench, ops, 3);
	journal_bench_take(bench, done, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(done[i]->result, -ENOSPC);
	assert_int_equal(count_records(bench), 0);
	assert_int_equal(cursor(bench), 0);
	journal_resume(&bench->client);
	journal_bench_submit(bench, ops, 3);
	journal_bench_take(bench, done, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(done[i]->result, 0);
	assert_int_equal(count_records(bench), MANY);
	assert_int_equal(cursor(bench), 6);
}

static void others_do_not_wait_for_them(void **state)
{
	struct journal_bench *bench = *state;
	struct journal_op many = records(bench, 5);
	struct journal_op other = {.kind = JOURNAL_CURSOR,
		.zone = bench->zone + 1,
		.seq = 7,
		.target = "local"};
	struct journal_op *ops[] = {&many, &other}, *done[2];

	journal_bench_submit(bench, ops, 2);
	journal_bench_take(bench, done, 2);
	assert_ptr_equal(done[0], &other);
	assert_ptr_equal(done[1], &many);
}

/* ---- the content of a new zone ---- */

static struct zone *make_content(void)
{
	struct zone *zone = message_make_zone(
		"example.", "@ 60 SOA ns admin 1 2 3 4 5\n@ 60 NS ns\n");

	for (uint32_t i = 0; i < addresses->count; i++) {
		const struct change *change = &addresses->changes[i];
		const struct rr rr = {.owner = change->owner,
			.type = TYPE_A,
			.class = CLASS_IN,
			.ttl = 60,
			.rdata = (const uint8_t *)"\300\0\2\1",
			.rdata_len = 4};

		assert_int_equal(zone_load_rr(zone, &rr), 0);
	}
	return zone;
}

/* If it ends too early, at whatever point, the records do not count as a zone. */
static void a_new_zone_is_whole_or_none(void **state)
{
	struct journal_bench *bench = *state;
	struct zone *content = make_content(), *stored;
	struct changeset *leftovers = changeset_new();
	struct journal_op op = {.kind = JOURNAL_RECORDS,
		.zone = bench->zone,
		.seq = 5,
		.changes = leftovers,
		.content = content,
		.target = "local"};
	struct record_writer writer;
	struct queue_list done;
	size_t steps = 0, before = 0, after;

	assert_int_equal(bench->place->ops->put_rrset(bench->place->store, bench->zone,
				 message_name("left.example."), TYPE_A,
				 addresses->changes[0].after),
		0);
	assert_int_equal(changeset_append(leftovers, message_name("left.example."),
				 TYPE_A, NULL, NULL),
		0);
	record_writer_init(&writer);
	record_writer_add(&writer, &op);
	assert_true(record_writer_has(&writer, bench->zone));
	assert_false(record_writer_has(&writer, bench->zone + 1));
	queue_list_init(&done);
	while (!done.head) {
		stored = read_zone(bench);
		assert_null(zone_soa(stored));
		after = zone_count_records(stored);
		assert_true(after - before <= RECORD_WRITER_STEP * RECORD_WRITER_CONTENT);
		before = after;
		zone_free(stored);
		assert_int_equal(cursor(bench), 0);
		assert_int_equal(record_writer_step(&writer, bench->place->ops,
					 bench->place->store, RECORD_WRITER_STEP, &done),
			0);
		steps++;
	}
	assert_int_equal(steps, MANY / (RECORD_WRITER_STEP * RECORD_WRITER_CONTENT) + 1);
	stored = read_zone(bench);
	assert_non_null(zone_soa(stored));
	assert_int_equal(zone_count_records(stored), MANY + 2);
	zone_free(stored);
	assert_int_equal(cursor(bench), 5);
	zone_free(content);
	changeset_unref(leftovers);
}

/* ---- checkpoints ---- */

/* Some 1 MiB. */
static void commit_much(struct store_place *place, unsigned turn)
{
	static uint8_t octets[60000];
	char owner[32];

	assert_int_equal(place->ops->begin(place->store), 0);
	for (int i = 0; i < 17; i++) {
		struct rrset *set = rrset_new(TYPE_TXT, 60, octets, sizeof(octets));

		snprintf(owner, sizeof(owner), "h%d.%u.example.", i, turn % 4);
		assert_int_equal(place->ops->put_rrset(place->store, 1,
					 message_name(owner), TYPE_TXT, set),
			0);
		rrset_unref(set);
	}
	assert_int_equal(place->ops->commit(place->store), 0);
}

/* Commits until the log has begun anew, or so many times.  Returns its greatest
 * length. */
static uint64_t fill_log(
	struct store_place *place, struct checkpointer *c, unsigned turns, bool *ret_anew)
{
	uint64_t most = 0, log = 0;

	*ret_anew = false;
	for (unsigned i = 0; i < turns && !*ret_anew; i++) {
		commit_much(place, i);
		*ret_anew = place->ops->log_octets(place->store) < log;
		log = place->ops->log_octets(place->store);
		if (log > most)
			most = log;
		checkpointer_turn(c, place->store);
	}
	return most;
}

static void the_log_begins_anew(void **state)
{
	struct store_place *place = *state;
	struct checkpointer *c;
	char error[STORE_ERROR_MAX];
	bool is_anew;

	assert_int_equal(checkpointer_new(&c, place->ops, place->path, error), 0);
	for (int i = 0; i < 2; i++) {
		const uint64_t most = fill_log(place, c, 80, &is_anew);

		assert_true(is_anew);
		assert_in_range(
			most, CHECKPOINT_AT - (2 << 20), CHECKPOINT_MAX + (2 << 20));
	}
	checkpointer_free(c);
}

static void a_reader_keeps_the_log_and_then_no_longer(void **state)
{
	struct store_place *place = *state;
	struct checkpointer *c;
	char error[STORE_ERROR_MAX];
	sqlite3 *reader;
	bool is_anew;

	assert_int_equal(checkpointer_new(&c, place->ops, place->path, error), 0);
	commit_much(place, 0);
	assert_int_equal(sqlite3_open(place->path, &reader), SQLITE_OK);
	assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM records", NULL,
				 NULL, NULL),
		SQLITE_OK);
	fill_log(place, c, 20, &is_anew);
	assert_false(is_anew);
	sqlite3_close(reader);
	fill_log(place, c, 80, &is_anew);
	assert_true(is_anew);
	/* It goes on with new files, or what counts as new. */
	checkpointer_reopen(c, place->path);
	fill_log(place, c, 80, &is_anew);
	assert_true(is_anew);
	checkpointer_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOURNAL_BENCH_TEST(rows_go_before_many_records),
		JOURNAL_BENCH_TEST(what_is_about_cursors_waits_for_them),
		JOURNAL_BENCH_TEST(others_do_not_wait_for_them),
		JOURNAL_BENCH_TEST(a_new_zone_is_whole_or_none),
		JOURNAL_BENCH_TEST(the_end_waits_for_them_too),
		{"a_failure_fails_all_that_waits", a_failure_fails_all_that_waits,
			journal_bench_open_memory, journal_bench_close, NULL},
		STORE_PLACE_SQLITE_TEST(the_log_begins_anew),
		STORE_PLACE_SQLITE_TEST(a_reader_keeps_the_log_and_then_no_longer),
	};

	return cmocka_run_group_tests(tests, make_addresses, free_addresses);
}
