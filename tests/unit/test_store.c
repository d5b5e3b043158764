/* The store: what is committed is there again, what is rolled back is not, versions. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>
#include "gateway/journal/store.h"
#include "tests/unit/message.h"
#include "zones/update.h"

static const struct store_ops *const ops = &store_sqlite;

struct place {
	char folder[64];
	char path[96];
	struct store *store;
};

static int open_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	char error[STORE_ERROR_MAX];

	strcpy(place->folder, "store-XXXXXX");
	if (!mkdtemp(place->folder))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/muster.db", place->folder);
	*state = place;
	return ops->open(&place->store, place->path, error);
}

static int close_place(void **state)
{
	struct place *place = *state;
	char path[128];

	ops->close(place->store);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", place->path,
			(const char *[]){"", "-wal", "-shm"}[i]);
		unlink(path);
	}
	rmdir(place->folder);
	free(place);
	return 0;
}

static void reopen(struct place *place)
{
	char error[STORE_ERROR_MAX];

	ops->close(place->store);
	assert_int_equal(ops->open(&place->store, place->path, error), 0);
}

static struct changeset *some_changes(const char *line)
{
	struct zone *zone =
		message_make_zone("example.", "@ 60 SOA ns admin 1 2 3 4 5\n");
	struct update *update =
		message_update_of("example.", (const char *[]){line, NULL});
	struct changeset *cs;

	assert_int_equal(apply_update(zone, update, true, &cs).rcode, RCODE_NOERROR);
	update_free(update);
	zone_free(zone);
	return cs;
}

static void append(struct store *store, int64_t zone, uint64_t seq, const char *line)
{
	static const uint8_t mac[STORE_MAC_LEN] = {1, 2, 3};
	struct changeset *cs = line ? some_changes(line) : NULL;
	const struct store_row row = {
		.seq = seq,
		.zone = zone,
		.at_ms = 1700000000000 + (int64_t)seq,
		.key = "host1.example.",
		.source = "192.0.2.1#53/udp",
		.rcode = line ? RCODE_NOERROR : RCODE_REFUSED,
		.reason = line ? NULL : "because",
		.changes = cs,
		.mac = mac,
		.time_signed = 1700000000,
	};

	assert_int_equal(ops->append(store, &row), 0);
	changeset_unref(cs);
}

static int count_change(uint64_t seq, struct changeset *changes, void *arg)
{
	uint64_t *last = arg;

	assert_true(seq > *last);
	assert_int_equal(changes->count, 2); /* the record and the SOA */
	*last = seq;
	return 0;
}

static void rows_come_back_in_order_and_without_refusals(void **state)
{
	struct place *place = *state;
	uint64_t last = 0, seq;
	int64_t zone, other;

	assert_int_equal(ops->zone_id(place->store, message_name("example."), &zone), 0);
	assert_int_equal(ops->zone_id(place->store, message_name("other."), &other), 0);
	assert_true(zone != other);
	assert_int_equal(ops->begin(place->store), 0);
	append(place->store, zone, 1, "a 60 IN A 192.0.2.1");
	append(place->store, other, 2, "b 60 IN A 192.0.2.1");
	append(place->store, zone, 3, NULL);
	append(place->store, zone, 4, "c 60 IN A 192.0.2.1");
	assert_int_equal(ops->commit(place->store), 0);
	reopen(place);
	assert_int_equal(
		ops->each_change(place->store, zone, 0, 100, count_change, &last), 0);
	assert_int_equal(last, 4);
	last = 1;
	assert_int_equal(
		ops->each_change(place->store, other, 1, 100, count_change, &last), 0);
	assert_int_equal(last, 2);
	assert_int_equal(ops->last_seq(place->store, &seq), 0);
	assert_int_equal(seq, 4);
}

static void what_is_rolled_back_is_not_there(void **state)
{
	struct place *place = *state;
	int64_t zone;
	uint64_t seq;

	assert_int_equal(ops->zone_id(place->store, message_name("example."), &zone), 0);
	assert_int_equal(ops->begin(place->store), 0);
	append(place->store, zone, 1, "a 60 IN A 192.0.2.1");
	ops->rollback(place->store);
	assert_int_equal(ops->last_seq(place->store, &seq), 0);
	assert_int_equal(seq, 0);
}

static void cursors_begin_at_nothing_and_move(void **state)
{
	struct place *place = *state;
	uint64_t seq = 9;

	assert_int_equal(ops->get_cursor(place->store, 1, "local", &seq), 0);
	assert_int_equal(seq, 0);
	assert_int_equal(ops->put_cursor(place->store, 1, "local", 5), 0);
	assert_int_equal(ops->put_cursor(place->store, 1, "local", 7), 0);
	reopen(place);
	assert_int_equal(ops->get_cursor(place->store, 1, "local", &seq), 0);
	assert_int_equal(seq, 7);
}

static void records_are_put_replaced_and_removed(void **state)
{
	struct place *place = *state;
	struct zone *zone = message_make_zone("example.",
		"@ 60 SOA ns admin 1 2 3 4 5\nh 60 A 192.0.2.1\nh 60 A 192.0.2.2\n");
	struct zone *loaded = zone_new(message_name("example."));
	const uint8_t *h = message_name("h.example.");
	struct rrset *a = zone_find(zone, h, TYPE_A);

	assert_int_equal(ops->put_rrset(place->store, 1, zone_apex(zone), TYPE_SOA,
				 zone_soa(zone)),
		0);
	assert_int_equal(ops->put_rrset(place->store, 1, h, TYPE_A, a), 0);
	assert_int_equal(ops->put_rrset(place->store, 1, h, TYPE_A, a), 0);
	assert_int_equal(ops->put_rrset(place->store, 2, h, TYPE_A, a), 0);
	assert_int_equal(ops->read_records(place->store, 1, loaded), 0);
	assert_int_equal(zone_count_records(loaded), 3);
	assert_true(rrset_is_identical(zone_find(loaded, h, TYPE_A), a));
	zone_free(loaded);
	loaded = zone_new(message_name("example."));
	assert_int_equal(ops->put_rrset(place->store, 1, h, TYPE_A, NULL), 0);
	assert_int_equal(ops->read_records(place->store, 1, loaded), 0);
	assert_int_equal(zone_count_records(loaded), 1);
	zone_free(loaded);
	zone_free(zone);
}

static void count_mac(const char *key, const uint8_t *mac, uint64_t time_signed,
	uint16_t rcode, void *arg)
{
	assert_string_equal(key, "host1.example.");
	assert_int_equal(mac[2], 3);
	assert_int_equal(time_signed, 1700000000);
	assert_int_equal(rcode, RCODE_NOERROR);
	++*(int *)arg;
}

static void macs_are_remembered_while_they_count(void **state)
{
	struct place *place = *state;
	int count = 0;

	append(place->store, 1, 1, "a 60 IN A 192.0.2.1");
	assert_int_equal(ops->each_mac(place->store, 1700000000, count_mac, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(ops->each_mac(place->store, 1700000001, count_mac, &count), 0);
	assert_int_equal(count, 1);
}

static int count_rows(uint64_t seq, struct changeset *changes, void *arg)
{
	(void)seq;
	(void)changes;
	++*(int *)arg;
	return 0;
}

static int rows_left(struct store *store)
{
	int rows = 0;

	assert_int_equal(ops->each_change(store, 1, 0, 100, count_rows, &rows), 0);
	return rows;
}

static void pruning_spares_what_a_target_has_not_got(void **state)
{
	struct place *place = *state;
	uint64_t next;

	append(place->store, 1, 1, "a 60 IN A 192.0.2.1");
	append(place->store, 1, 2, NULL);
	append(place->store, 1, 3, "b 60 IN A 192.0.2.1");
	assert_int_equal(ops->put_cursor(place->store, 1, "one", 3), 0);
	assert_int_equal(ops->put_cursor(place->store, 1, "two", 1), 0);
	assert_int_equal(ops->prune(place->store, 1700000000000, 0, 100, &next), 0);
	assert_int_equal(next, 0);
	assert_int_equal(rows_left(place->store), 2); /* not old enough */
	assert_int_equal(ops->prune(place->store, 1800000000000, 0, 100, &next), 0);
	assert_int_equal(rows_left(place->store), 1); /* two has not got 3 */
	assert_int_equal(ops->forget_cursor(place->store, 1, "two"), 0);
	assert_int_equal(ops->prune(place->store, 1800000000000, 0, 100, &next), 0);
	assert_int_equal(rows_left(place->store), 0);
}

static void pruning_goes_on_in_steps(void **state)
{
	struct place *place = *state;
	uint64_t next = 0;

	for (uint64_t seq = 10; seq < 15; seq++)
		append(place->store, 1, seq, "a 60 IN A 192.0.2.1");
	assert_int_equal(ops->put_cursor(place->store, 1, "one", 14), 0);
	assert_int_equal(ops->prune(place->store, 1800000000000, next, 2, &next), 0);
	assert_int_equal(next, 11);
	assert_int_equal(ops->prune(place->store, 1800000000000, next, 2, &next), 0);
	assert_int_equal(next, 13);
	assert_int_equal(ops->prune(place->store, 1800000000000, next, 2, &next), 0);
	assert_int_equal(next, 0);
	assert_int_equal(rows_left(place->store), 0);
}

static void see_target(const char *target, void *arg)
{
	strcat(arg, target);
}

static void cursors_can_be_listed_and_forgotten(void **state)
{
	struct place *place = *state;
	char seen[32] = "";

	assert_int_equal(ops->put_cursor(place->store, 1, "one", 5), 0);
	assert_int_equal(ops->put_cursor(place->store, 1, "two", 5), 0);
	assert_int_equal(ops->put_cursor(place->store, 2, "other", 5), 0);
	assert_int_equal(ops->forget_cursor(place->store, 1, "one"), 0);
	assert_int_equal(ops->each_cursor(place->store, 1, see_target, seen), 0);
	assert_string_equal(seen, "two");
}

static void execute(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void other_databases_are_refused(void **state)
{
	struct place *place = *state;
	struct store *store;
	char error[STORE_ERROR_MAX];

	execute(place->path, "PRAGMA user_version = 999");
	assert_int_equal(ops->open(&store, place->path, error), -EINVAL);
	assert_string_equal(error, "the database has version 999, this program knows 1");
	execute(place->path, "PRAGMA user_version = 1; PRAGMA application_id = 12345");
	assert_int_equal(ops->open(&store, place->path, error), -EINVAL);
	assert_string_equal(error, "this is another program's database");
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(rows_come_back_in_order_and_without_refusals),
		WITH_PLACE(what_is_rolled_back_is_not_there),
		WITH_PLACE(cursors_begin_at_nothing_and_move),
		WITH_PLACE(records_are_put_replaced_and_removed),
		WITH_PLACE(macs_are_remembered_while_they_count),
		WITH_PLACE(pruning_spares_what_a_target_has_not_got),
		WITH_PLACE(pruning_goes_on_in_steps),
		WITH_PLACE(cursors_can_be_listed_and_forgotten),
		WITH_PLACE(other_databases_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
