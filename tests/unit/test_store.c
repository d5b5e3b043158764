/* The store: what is committed is there again, what is rolled back is not, versions. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "gateway/journal/journal.h"
#include "gateway/journal/row_text.h"
#include "tests/unit/message.h"
#include "tests/unit/store_place.h"

static int count_change(const struct store_row *row, struct changeset *changes, void *arg)
{
	uint64_t *last = arg;

	assert_true(row->seq > *last);
	assert_int_equal(changes->count, 2); /* the record and the SOA */
	*last = row->seq;
	return 0;
}

static void rows_come_back_in_order_and_without_refusals(void **state)
{
	struct store_place *place = *state;
	uint64_t last = 0, seq, count;
	int64_t zone, other;

	assert_int_equal(
		place->ops->zone_id(place->store, message_name("example."), &zone), 0);
	assert_int_equal(
		place->ops->zone_id(place->store, message_name("other."), &other), 0);
	assert_true(zone != other);
	assert_int_equal(place->ops->begin(place->store), 0);
	store_place_append(place, zone, 1, "a 60 IN A 192.0.2.1");
	store_place_append(place, other, 2, "b 60 IN A 192.0.2.1");
	store_place_append(place, zone, 3, NULL);
	store_place_append(place, zone, 4, "c 60 IN A 192.0.2.1");
	assert_int_equal(place->ops->commit(place->store), 0);
	store_place_reopen(place);
	assert_int_equal(
		place->ops->each_change(place->store, zone, 0, 100, count_change, &last),
		0);
	assert_int_equal(last, 4);
	last = 1;
	assert_int_equal(
		place->ops->each_change(place->store, other, 1, 100, count_change, &last),
		0);
	assert_int_equal(last, 2);
	assert_int_equal(
		place->ops->count_changes(place->store, zone, 0, 100, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(
		place->ops->count_changes(place->store, zone, 1, 100, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(place->ops->count_changes(place->store, zone, 0, 1, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(place->ops->last_seq(place->store, &seq), 0);
	assert_int_equal(seq, 4);
}

static int count_zone(int64_t id, const uint8_t *name, void *arg)
{
	(void)id;
	(void)name;
	++*(size_t *)arg;
	return 0;
}

static void zones_are_looked_for_without_being_made(void **state)
{
	struct store_place *place = *state;
	const uint8_t *name = message_name("example.");
	int64_t found = -1, made;
	size_t zones = 0;

	assert_int_equal(place->ops->find_zone(place->store, name, &found), 0);
	assert_int_equal(found, 0);
	assert_int_equal(place->ops->each_zone(place->store, count_zone, &zones), 0);
	assert_int_equal(zones, 0);
	assert_int_equal(place->ops->zone_id(place->store, name, &made), 0);
	assert_int_equal(place->ops->find_zone(place->store, name, &found), 0);
	assert_int_equal(found, made);
}

static void what_is_rolled_back_is_not_there(void **state)
{
	struct store_place *place = *state;
	int64_t zone;
	uint64_t seq;

	assert_int_equal(
		place->ops->zone_id(place->store, message_name("example."), &zone), 0);
	assert_int_equal(place->ops->begin(place->store), 0);
	store_place_append(place, zone, 1, "a 60 IN A 192.0.2.1");
	place->ops->rollback(place->store);
	assert_int_equal(place->ops->last_seq(place->store, &seq), 0);
	assert_int_equal(seq, 0);
}

static void remove_file(const struct store_place *place, const char *suffix)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s", place->path, suffix);
	assert_int_equal(unlink(path), 0);
}

static void append_and_commit(struct store_place *place, uint64_t seq)
{
	assert_int_equal(place->ops->begin(place->store), 0);
	store_place_append(place, 1, seq, "a 60 IN A 192.0.2.1");
	assert_int_equal(place->ops->commit(place->store), 0);
}

static void files_that_are_gone_can_be_rescued(void **state)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	struct store_place *place = *state;
	uint64_t seq;

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(place->ops->check(place->store), 0);
		append_and_commit(place, i + 1);
		remove_file(place, suffixes[i]);
		assert_int_equal(place->ops->check(place->store), -ENOENT);
		assert_non_null(strstr(place->ops->error(place->store), "is gone"));
		append_and_commit(place, 10 + i);
		assert_int_equal(place->ops->rescue(place->store), 0);
		store_place_reopen(place);
		assert_int_equal(place->ops->check(place->store), 0);
		assert_int_equal(place->ops->last_seq(place->store, &seq), 0);
		assert_int_equal(seq, 10 + i);
	}
}

static void another_file_in_its_place_is_left_alone(void **state)
{
	struct store_place *place = *state;
	struct stat before, after;
	FILE *file;

	append_and_commit(place, 1);
	remove_file(place, "");
	file = fopen(place->path, "w");
	assert_non_null(file);
	assert_int_equal(fputs("somebody's", file) >= 0, 1);
	fclose(file);
	assert_int_equal(stat(place->path, &before), 0);
	assert_int_equal(place->ops->check(place->store), -ESTALE);
	assert_non_null(strstr(place->ops->error(place->store), "another file"));
	assert_int_equal(place->ops->rescue(place->store), -ESTALE);
	assert_int_equal(stat(place->path, &after), 0);
	assert_true(before.st_ino == after.st_ino && before.st_size == after.st_size);
}

static void the_log_stays_and_is_empty(void **state)
{
	struct store_place *place = *state;
	char path[128], error[STORE_ERROR_MAX];
	struct stat file;

	append_and_commit(place, 1);
	place->ops->close(place->store);
	snprintf(path, sizeof(path), "%s-wal", place->path);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_size, 0);
	assert_int_equal(place->ops->open(&place->store, place->path, error), 0);
}

static void cursors_begin_at_nothing_and_move(void **state)
{
	struct store_place *place = *state;

	assert_int_equal(store_place_cursor(place, 1, "local"), 0);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "local", 5), 0);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "local", 7), 0);
	store_place_reopen(place);
	assert_int_equal(store_place_cursor(place, 1, "local"), 7);
}

static void records_are_put_replaced_and_removed(void **state)
{
	struct store_place *place = *state;
	struct zone *zone = message_make_zone("example.",
		"@ 60 SOA ns admin 1 2 3 4 5\nh 60 A 192.0.2.1\nh 60 A 192.0.2.2\n");
	struct zone *loaded = zone_new(message_name("example."));
	const uint8_t *h = message_name("h.example.");
	struct rrset *a = zone_find(zone, h, TYPE_A);

	assert_int_equal(place->ops->put_rrset(place->store, 1, zone_apex(zone), TYPE_SOA,
				 zone_soa(zone)),
		0);
	assert_int_equal(place->ops->put_rrset(place->store, 1, h, TYPE_A, a), 0);
	assert_int_equal(place->ops->put_rrset(place->store, 1, h, TYPE_A, a), 0);
	assert_int_equal(place->ops->put_rrset(place->store, 2, h, TYPE_A, a), 0);
	assert_int_equal(place->ops->read_records(place->store, 1, loaded), 0);
	assert_int_equal(zone_count_records(loaded), 3);
	assert_true(rrset_is_identical(zone_find(loaded, h, TYPE_A), a));
	zone_free(loaded);
	loaded = zone_new(message_name("example."));
	assert_int_equal(place->ops->put_rrset(place->store, 1, h, TYPE_A, NULL), 0);
	assert_int_equal(place->ops->read_records(place->store, 1, loaded), 0);
	assert_int_equal(zone_count_records(loaded), 1);
	zone_free(loaded);
	zone_free(zone);
}

static void count_mac(const uint8_t *key, const uint8_t *mac, uint64_t time_signed,
	uint16_t rcode, void *arg)
{
	assert_true(name_is_equal(key, message_name("host1.example.")));
	assert_int_equal(mac[2], 3);
	assert_int_equal(time_signed, 1700000000);
	assert_int_equal(rcode, RCODE_NOERROR);
	++*(int *)arg;
}

static void macs_are_remembered_while_they_count(void **state)
{
	struct store_place *place = *state;
	int count = 0;

	store_place_append(place, 1, 1, "a 60 IN A 192.0.2.1");
	assert_int_equal(
		place->ops->each_mac(place->store, 1700000000, count_mac, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(
		place->ops->each_mac(place->store, 1700000001, count_mac, &count), 0);
	assert_int_equal(count, 1);
}

static int count_rows(const struct store_row *row, struct changeset *changes, void *arg)
{
	(void)row;
	(void)changes;
	++*(int *)arg;
	return 0;
}

static int rows_left(struct store_place *place, int64_t zone)
{
	int rows = 0;

	assert_int_equal(
		place->ops->each_change(place->store, zone, 0, 100, count_rows, &rows),
		0);
	return rows;
}

static void pruning_spares_what_a_target_has_not_got(void **state)
{
	struct store_place *place = *state;
	uint64_t next, used;

	store_place_append(place, 1, 1, "a 60 IN A 192.0.2.1");
	store_place_append(place, 1, 2, NULL);
	store_place_append(place, 1, 3, "b 60 IN A 192.0.2.1");
	assert_int_equal(place->ops->put_cursor(place->store, 1, "one", 3), 0);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "two", 1), 0);
	assert_int_equal(place->ops->used(place->store, &used), 0);
	assert_true(used >= 4096);
	assert_int_equal(
		place->ops->prune(place->store, 1700000000000, 0, 100, &next), 0);
	assert_int_equal(next, 0);
	assert_int_equal(rows_left(place, 1), 2); /* not old enough */
	assert_int_equal(
		place->ops->prune(place->store, 1800000000000, 0, 100, &next), 0);
	assert_int_equal(rows_left(place, 1), 1); /* two has not got 3 */
	assert_int_equal(place->ops->forget_cursor(place->store, 1, "two"), 0);
	assert_int_equal(
		place->ops->prune(place->store, 1800000000000, 0, 100, &next), 0);
	/* The newest row stays, so that no number is given out twice. */
	assert_int_equal(rows_left(place, 1), 1);
	store_place_append(place, 1, 4, NULL);
	assert_int_equal(
		place->ops->prune(place->store, 1800000000000, 0, 100, &next), 0);
	assert_int_equal(rows_left(place, 1), 0);
}

static void pruning_goes_on_in_steps(void **state)
{
	struct store_place *place = *state;
	uint64_t next = 0;

	for (uint64_t seq = 10; seq < 15; seq++)
		store_place_append(place, 1, seq, "a 60 IN A 192.0.2.1");
	assert_int_equal(place->ops->put_cursor(place->store, 1, "one", 14), 0);
	assert_int_equal(
		place->ops->prune(place->store, 1800000000000, next, 2, &next), 0);
	assert_int_equal(next, 11);
	assert_int_equal(
		place->ops->prune(place->store, 1800000000000, next, 2, &next), 0);
	assert_int_equal(next, 13);
	assert_int_equal(
		place->ops->prune(place->store, 1800000000000, next, 2, &next), 0);
	assert_int_equal(next, 0);
	assert_int_equal(rows_left(place, 1), 1);
}

/* Three zones, in turn and in groups: 1 to 30, 31 to 60. */
static void fill_in_turn(struct store_place *place)
{
	for (uint64_t seq = 1; seq <= 60; seq++) {
		if (seq % 30 == 1)
			assert_int_equal(place->ops->begin(place->store), 0);
		store_place_append(place, 1 + (int64_t)(seq % 3), seq,
			seq % 5 ? "a 60 IN A 192.0.2.1" : NULL);
		if (seq % 30 == 0)
			assert_int_equal(place->ops->commit(place->store), 0);
	}
}

struct numbers {
	uint64_t seq[60];
	size_t count;
};

static int note_number(const struct store_row *row, struct changeset *changes, void *arg)
{
	struct numbers *numbers = arg;

	(void)changes;
	numbers->seq[numbers->count++] = row->seq;
	return 0;
}

static void changes_are_found_among_those_of_other_zones(void **state)
{
	struct store_place *place = *state;

	fill_in_turn(place);
	for (uint64_t after = 0; after <= 60; after++) {
		struct numbers numbers = {.count = 0};
		uint64_t count, expected = 0;

		assert_int_equal(place->ops->each_change(place->store, 2, after, 100,
					 note_number, &numbers),
			0);
		assert_int_equal(
			place->ops->count_changes(place->store, 2, after, 100, &count),
			0);
		for (uint64_t seq = after + 1; seq <= 60; seq++) {
			if (seq % 3 == 1 && seq % 5)
				assert_int_equal(numbers.seq[expected++], seq);
		}
		assert_int_equal(numbers.count, expected);
		assert_int_equal(count, expected);
	}
}

static void what_is_rolled_back_leaves_nothing_for_the_next(void **state)
{
	struct store_place *place = *state;

	assert_int_equal(place->ops->begin(place->store), 0);
	store_place_append(place, 1, 1, "a 60 IN A 192.0.2.1");
	place->ops->rollback(place->store);
	assert_int_equal(place->ops->begin(place->store), 0);
	store_place_append(place, 2, 2, "a 60 IN A 192.0.2.1");
	assert_int_equal(place->ops->commit(place->store), 0);
	assert_int_equal(
		store_place_number(place->path, "SELECT count(*) FROM spans"), 1);
	assert_int_equal(store_place_number(place->path, "SELECT zone FROM spans"), 2);
}

static void spans_go_with_their_rows(void **state)
{
	static const char sql[] = "SELECT count(*) FROM spans WHERE zone = 1";
	struct store_place *place = *state;
	uint64_t next;

	fill_in_turn(place);
	assert_int_equal(store_place_number(place->path, sql), 2);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "one", 20), 0);
	assert_int_equal(
		place->ops->prune(place->store, 1800000000000, 0, 100, &next), 0);
	assert_int_equal(store_place_number(place->path, sql), 2);
	assert_int_equal(rows_left(place, 1), 11);
	assert_int_equal(rows_left(place, 2), 0);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "one", 54), 0);
	assert_int_equal(
		place->ops->prune(place->store, 1800000000000, 0, 100, &next), 0);
	assert_int_equal(store_place_number(place->path, sql), 1);
	assert_int_equal(rows_left(place, 1), 1);
	assert_int_equal(
		store_place_number(place->path, "SELECT count(*) FROM spans"), 1);
}

static int see_target(const char *target, uint64_t seq, void *arg)
{
	char *seen = arg;

	sprintf(seen + strlen(seen), "%s %" PRIu64 " ", target, seq);
	return 0;
}

static int refuse_target(const char *target, uint64_t seq, void *arg)
{
	(void)see_target(target, seq, arg);
	return -ENOMEM;
}

static void cursors_can_be_listed_and_forgotten(void **state)
{
	struct store_place *place = *state;
	char seen[32] = "";

	assert_int_equal(place->ops->put_cursor(place->store, 1, "one", 5), 0);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "two", 6), 0);
	assert_int_equal(place->ops->put_cursor(place->store, 2, "other", 5), 0);
	assert_int_equal(
		place->ops->each_cursor(place->store, 1, refuse_target, seen), -ENOMEM);
	assert_int_equal(place->ops->forget_cursor(place->store, 1, "one"), 0);
	assert_int_equal(place->ops->each_cursor(place->store, 1, see_target, seen), 0);
	assert_string_equal(seen, "one 5 two 6 ");
}

/* A name, and TTL, length and data of one record. */
#define A_EXAMPLE "0161076578616d706c6500"
#define A_DATA    "0000003c000000060004c0000201"

/* As version 1 made it. */
static const char version_1[] =
	"PRAGMA application_id = 1299542900; PRAGMA user_version = 1;"
	"CREATE TABLE zones (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE);"
	"CREATE TABLE journal ("
	" seq INTEGER PRIMARY KEY, zone INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
	" txn INTEGER NOT NULL, key TEXT, source TEXT, rcode INTEGER NOT NULL, reason "
	"TEXT,"
	" request TEXT, changes BLOB, mac BLOB, time_signed INTEGER);"
	"CREATE INDEX journal_changes ON journal (zone, seq) WHERE changes IS NOT NULL;"
	"CREATE TABLE cursors (zone INTEGER NOT NULL, target TEXT NOT NULL,"
	" seq INTEGER NOT NULL, PRIMARY KEY (zone, target)) WITHOUT ROWID;"
	"CREATE TABLE set_aside (zone INTEGER NOT NULL, target TEXT NOT NULL,"
	" seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, rcode INTEGER NOT NULL,"
	" reason TEXT NOT NULL, PRIMARY KEY (zone, target, seq)) WITHOUT ROWID;"
	"CREATE TABLE records (zone INTEGER NOT NULL, owner BLOB NOT NULL,"
	" type INTEGER NOT NULL, ttl INTEGER NOT NULL, count INTEGER NOT NULL,"
	" data BLOB NOT NULL, PRIMARY KEY (zone, owner, type)) WITHOUT ROWID;"
	"INSERT INTO zones VALUES (7, x'076578616d706c6500');"
	"INSERT INTO records VALUES"
	" (7, x'0161076578616d706c6500', 1, 60, 1, x'0004c0000201');"
	"INSERT INTO cursors VALUES (7, 'local', 3);"
	"INSERT INTO journal VALUES (3, 7, 1700000000000, 5, 'k.', '192.0.2.1#53/udp', 5,"
	" 'because', '+60 a.example. A 192.0.2.1', NULL, NULL, NULL);"
	"INSERT INTO journal VALUES (4, 7, 1700000000000, 6, 'k.', '2001:db8::1#53/tcp',"
	" 0, NULL, '-ANY b.example. A', NULL, x'00010203040506070809101112131415',"
	" 1700000000);"
	"INSERT INTO journal VALUES (5, 7, 1700000000000, 7, '', '192.0.2.1#53/udp', 0,"
	" NULL, NULL, NULL, NULL, NULL);"
	"INSERT INTO journal VALUES (6, 8, 1700000000000, 8, 'k.', '192.0.2.1#53/udp', 0,"
	" NULL, NULL, x'010000000001" A_EXAMPLE "000100000001" A_DATA "', NULL, NULL);"
	"INSERT INTO journal VALUES (600, 7, 1700000000000, 9, 'k.', '192.0.2.1#53/udp',"
	" 0, NULL, NULL, x'010000000001" A_EXAMPLE "00010001" A_DATA "0000', NULL,"
	" NULL);";

static int see_old_row(const struct store_row *row, void *arg)
{
	char key[NAME_TEXT_MAX], source[ROW_SOURCE_MAX], request[UPDATE_TEXT_MAX];
	const char *text = row_request_text(row, request);
	char *seen = arg;

	sprintf(seen + strlen(seen), "%d %.20s %s %.40s\n", (int)row->seq,
		row_key_text(row, key), row_source_text(row, source), text ? text : "-");
	return 0;
}

static void count_old_mac(const uint8_t *key, const uint8_t *mac, uint64_t time_signed,
	uint16_t rcode, void *arg)
{
	assert_true(name_is_equal(key, message_name("k.")));
	assert_int_equal(mac[15], 0x15);
	assert_int_equal(time_signed, 1700000000);
	assert_int_equal(rcode, RCODE_NOERROR);
	++*(int *)arg;
}

/* Rows that had a text keep it, and are found as before. */
static void check_old_rows(struct store_place *place)
{
	struct store_filter filter = {.limit = 9};
	char seen[512] = "";
	uint64_t next;
	int macs = 0;

	assert_int_equal(
		place->ops->each_row(place->store, &filter, &next, see_old_row, seen), 0);
	assert_string_equal(seen,
		"3 k. 192.0.2.1#53/udp +60 a.example. A 192.0.2.1\n"
		"4 k. 2001:db8::1#53/tcp -ANY b.example. A\n"
		"5  192.0.2.1#53/udp -\n"
		"6 k. 192.0.2.1#53/udp -\n600 k. 192.0.2.1#53/udp -\n");
	filter.key = message_name("k.");
	filter.name = message_name("b.example.");
	seen[0] = '\0';
	assert_int_equal(
		place->ops->each_row(place->store, &filter, &next, see_old_row, seen), 0);
	assert_string_equal(seen, "4 k. 2001:db8::1#53/tcp -ANY b.example. A\n");
	assert_int_equal(
		place->ops->each_mac(place->store, 1700000000, count_old_mac, &macs), 0);
	assert_int_equal(macs, 1);
}

static void a_database_of_version_1_is_brought_up_to_date(void **state)
{
	struct store_place *place = *state;
	struct zone *loaded = zone_new(message_name("example."));
	char error[STORE_ERROR_MAX];
	int64_t zone;
	uint64_t seq, at = 0;

	place->ops->close(place->store);
	place->store = NULL;
	assert_int_equal(unlink(place->path), 0);
	store_place_execute(place->path, version_1);
	assert_int_equal(place->ops->open(&place->store, place->path, error), 0);
	assert_int_equal(store_place_number(place->path, "PRAGMA user_version"), 6);
	assert_int_equal(
		place->ops->zone_id(place->store, message_name("example."), &zone), 0);
	assert_int_equal(zone, 7);
	assert_int_equal(place->ops->last_seq(place->store, &seq), 0);
	assert_int_equal(seq, 600);
	check_old_rows(place);
	assert_int_equal(rows_left(place, 7), 1);
	assert_int_equal(rows_left(place, 8), 1);
	assert_int_equal(store_place_cursor(place, 7, "local"), 3);
	assert_int_equal(place->ops->read_records(place->store, 7, loaded), 0);
	assert_int_equal(zone_count_records(loaded), 1);
	assert_int_equal(place->ops->find_transaction(place->store, 5, &at, &seq), 0);
	assert_int_equal(seq, 3);
	store_place_append(place, 7, 601, "b 60 IN A 192.0.2.1");
	store_place_reopen(place); /* once is enough */
	assert_int_equal(rows_left(place, 7), 2);
	zone_free(loaded);
}

/* As version 3 made it: rows 3 and 4 of a group, 5 of another, and an event. */
static const char version_3[] =
	"PRAGMA application_id = 1299542900; PRAGMA user_version = 3;"
	"CREATE TABLE zones (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE,"
	" service_ms INTEGER NOT NULL DEFAULT 0, is_clean INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE journal ("
	" seq INTEGER PRIMARY KEY, zone INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
	" txn INTEGER NOT NULL, key TEXT, source TEXT, rcode INTEGER NOT NULL,"
	" reason TEXT, request TEXT, changes BLOB, mac BLOB, time_signed INTEGER,"
	" event TEXT, host BLOB);"
	"CREATE TABLE cursors (zone INTEGER NOT NULL, target TEXT NOT NULL,"
	" seq INTEGER NOT NULL, PRIMARY KEY (zone, target)) WITHOUT ROWID;"
	"CREATE TABLE set_aside (zone INTEGER NOT NULL, target TEXT NOT NULL,"
	" seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, rcode INTEGER NOT NULL,"
	" reason TEXT NOT NULL, PRIMARY KEY (zone, target, seq)) WITHOUT ROWID;"
	"CREATE TABLE records (zone INTEGER NOT NULL, owner BLOB NOT NULL,"
	" type INTEGER NOT NULL, ttl INTEGER NOT NULL, count INTEGER NOT NULL,"
	" data BLOB NOT NULL, PRIMARY KEY (zone, owner, type)) WITHOUT ROWID;"
	"CREATE INDEX journal_hosts ON journal (zone, host, seq, event)"
	" WHERE host IS NOT NULL;"
	"CREATE TABLE leases (zone INTEGER NOT NULL, owner BLOB NOT NULL,"
	" type INTEGER NOT NULL, rdata BLOB NOT NULL, key BLOB NOT NULL, source BLOB,"
	" duration_s INTEGER NOT NULL, deadline_ms INTEGER NOT NULL,"
	" seen_s INTEGER NOT NULL, flags INTEGER NOT NULL,"
	" PRIMARY KEY (zone, owner, type, rdata)) WITHOUT ROWID;"
	"CREATE TABLE holds (zone INTEGER NOT NULL, owner BLOB NOT NULL,"
	" PRIMARY KEY (zone, owner)) WITHOUT ROWID;"
	"CREATE TABLE spans (zone INTEGER NOT NULL, last INTEGER NOT NULL,"
	" first INTEGER NOT NULL, PRIMARY KEY (zone, last)) WITHOUT ROWID;"
	"INSERT INTO zones (id, name) VALUES (7, x'076578616d706c6500');"
	"INSERT INTO cursors VALUES (7, 'local', 3);"
	"INSERT INTO spans VALUES (7, 4, 3), (7, 5, 5);"
	"INSERT INTO journal VALUES (3, 7, 1700000000003, 5, x'016b00',"
	" x'c0000201003501', 0, NULL, NULL, x'010000000001" A_EXAMPLE
	"000100000001" A_DATA "', x'00010203040506070809101112131415', 1700000000,"
	" NULL, NULL);"
	"INSERT INTO journal VALUES (4, 7, 1700000000004, 6, x'016b00',"
	" x'c0000201003502', 0, NULL, NULL, x'010000000001" A_EXAMPLE "00010001" A_DATA
	"0000', NULL, NULL, NULL, NULL);"
	"INSERT INTO journal VALUES (5, 7, 1700000000005, 0, NULL, NULL, 0, 'expired',"
	" NULL, x'010000000001" A_EXAMPLE "00010001" A_DATA "0000', NULL, NULL, NULL,"
	" NULL);"
	"INSERT INTO journal VALUES (6, 7, 1700000000006, 0, NULL, x'c0000201', 0, NULL,"
	" NULL, NULL, NULL, 1234567890, 'expired', x'0161076578616d706c6500');";

static int see_newer_row(const struct store_row *row, void *arg)
{
	char key[NAME_TEXT_MAX], source[ROW_SOURCE_MAX], *seen = arg;
	const char *from = row_source_text(row, source), *who = row_key_text(row, key);

	sprintf(seen + strlen(seen), "%d %.20s %s %s %d\n", (int)row->seq,
		who ? who : "-", from ? from : "-", row->event ? row->event : "-",
		row->changes != NULL);
	return 0;
}

/* Its rows stay, and those that come later follow them. */
static void a_database_of_version_3_goes_on(void **state)
{
	struct store_place *place = *state;
	const struct store_filter filter = {.limit = 9, .wants_changes = true};
	char error[STORE_ERROR_MAX], seen[512] = "";
	uint64_t next, seq;
	int macs = 0;

	place->ops->close(place->store);
	place->store = NULL;
	assert_int_equal(unlink(place->path), 0);
	store_place_execute(place->path, version_3);
	assert_int_equal(place->ops->open(&place->store, place->path, error), 0);
	assert_int_equal(place->ops->last_seq(place->store, &seq), 0);
	assert_int_equal(seq, 6);
	append_and_commit(place, 7);
	assert_int_equal(
		place->ops->set_outcome(place->store, 4, RCODE_REFUSED, "no"), 0);
	assert_int_equal(
		place->ops->each_row(place->store, &filter, &next, see_newer_row, seen),
		0);
	assert_string_equal(seen,
		"3 k. 192.0.2.1#53/udp - 1\n4 k. 192.0.2.1#53/tcp - 1\n5 - - - 1\n"
		"6 - 192.0.2.1 expired 0\n7 host1.example. 192.0.2.1#53/udp - 1\n");
	assert_int_equal(rows_left(place, 7), 3);
	assert_int_equal(rows_left(place, 1), 1);
	assert_int_equal(
		place->ops->each_mac(place->store, 1700000001, count_old_mac, &macs), 0);
	assert_int_equal(macs, 0);
	assert_int_equal(
		place->ops->prune(place->store, 1800000000000, 0, 100, &next), 0);
	assert_int_equal(rows_left(place, 7), 2); /* 4 and 5 are owed to the target */
	assert_int_equal(rows_left(place, 1), 1);
}

static void other_databases_are_refused(void **state)
{
	struct store_place *place = *state;
	struct store *store;
	char error[STORE_ERROR_MAX];

	store_place_execute(place->path, "PRAGMA user_version = 999");
	assert_int_equal(place->ops->open(&store, place->path, error), -EINVAL);
	assert_string_equal(error,
		"the database has version 999, but this program knows only versions "
		"up to 6");
	store_place_execute(
		place->path, "PRAGMA user_version = 1; PRAGMA application_id = 12345");
	assert_int_equal(place->ops->open(&store, place->path, error), -EINVAL);
	assert_string_equal(error, "this is another program's database");
}

/* A sparse file is enough: only its size counts. */
static void a_large_database_forgets_sooner(void **state)
{
	struct store_place *place = *state;
	const int64_t now_ms = 1795253915000, day_ms = 24 * 3600 * 1000;
	char path[4096];

	snprintf(path, sizeof(path), "%s-large", place->path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), JOURNAL_FILE_MAX), 0);
	assert_int_equal(
		journal_prune_before_ms(path, now_ms - day_ms, now_ms), now_ms - day_ms);
	assert_int_equal(ftruncate(fileno(file), JOURNAL_FILE_MAX + 1), 0);
	assert_int_equal(journal_prune_before_ms(path, now_ms - day_ms, now_ms),
		now_ms - JOURNAL_SHORT_MS);
	assert_int_equal(journal_prune_before_ms(path, now_ms, now_ms), now_ms);
	fclose(file);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_PLACE_TEST(rows_come_back_in_order_and_without_refusals),
		STORE_PLACE_TEST(zones_are_looked_for_without_being_made),
		STORE_PLACE_TEST(what_is_rolled_back_is_not_there),
		STORE_PLACE_SQLITE_TEST(files_that_are_gone_can_be_rescued),
		STORE_PLACE_SQLITE_TEST(another_file_in_its_place_is_left_alone),
		STORE_PLACE_SQLITE_TEST(the_log_stays_and_is_empty),
		STORE_PLACE_TEST(cursors_begin_at_nothing_and_move),
		STORE_PLACE_TEST(records_are_put_replaced_and_removed),
		STORE_PLACE_TEST(macs_are_remembered_while_they_count),
		STORE_PLACE_TEST(pruning_spares_what_a_target_has_not_got),
		STORE_PLACE_TEST(pruning_goes_on_in_steps),
		STORE_PLACE_TEST(changes_are_found_among_those_of_other_zones),
		STORE_PLACE_SQLITE_TEST(what_is_rolled_back_leaves_nothing_for_the_next),
		STORE_PLACE_SQLITE_TEST(spans_go_with_their_rows),
		STORE_PLACE_SQLITE_TEST(a_large_database_forgets_sooner),
		STORE_PLACE_TEST(cursors_can_be_listed_and_forgotten),
		STORE_PLACE_SQLITE_TEST(a_database_of_version_1_is_brought_up_to_date),
		STORE_PLACE_SQLITE_TEST(a_database_of_version_3_goes_on),
		STORE_PLACE_SQLITE_TEST(other_databases_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
