/*
 * A store in a folder below the current one.
 */
#include "tests/unit/store_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>
#include "tests/unit/message.h"
#include "tests/unit/store_memory.h"
#include "zones/update.h"

static int open_place(void **state, const struct store_ops *ops)
{
	struct store_place *place = calloc(1, sizeof(*place));
	char error[STORE_ERROR_MAX];

	place->ops = ops;
	strcpy(place->folder, "store-XXXXXX");
	if (!mkdtemp(place->folder))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/muster.db", place->folder);
	*state = place;
	return ops->open(&place->store, place->path, error);
}

int store_place_open(void **state)
{
	return open_place(state, &store_sqlite);
}

int store_place_open_memory(void **state)
{
	return open_place(state, &store_memory);
}

int store_place_close(void **state)
{
	struct store_place *place = *state;
	char path[128];

	place->ops->close(place->store);
	store_memory_forget(place->path);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", place->path,
			(const char *[]){"", "-wal", "-shm"}[i]);
		unlink(path);
	}
	rmdir(place->folder);
	free(place);
	return 0;
}

void store_place_reopen(struct store_place *place)
{
	char error[STORE_ERROR_MAX];

	place->ops->close(place->store);
	assert_int_equal(place->ops->open(&place->store, place->path, error), 0);
}

struct changeset *store_place_changes(const char *line)
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

void store_place_append(
	struct store_place *place, int64_t zone, uint64_t seq, const char *line)
{
	static const uint8_t mac[STORE_MAC_LEN] = {1, 2, 3};
	struct changeset *cs = line ? store_place_changes(line) : NULL;
	const struct store_row row = {
		.seq = seq,
		.zone = zone,
		.at_ms = 1700000000000 + (int64_t)seq,
		.key = message_name("host1.example."),
		.source = {{.family = 4, .octets = {192, 0, 2, 1}}, 53, STORE_UDP},
		.rcode = line ? RCODE_NOERROR : RCODE_REFUSED,
		.reason = line ? NULL : "because",
		.changes = cs,
		.mac = mac,
		.time_signed = 1700000000,
	};

	assert_int_equal(place->ops->append(place->store, &row), 0);
	changeset_unref(cs);
}

struct cursor {
	const char *target;
	uint64_t seq;
};

static int see_cursor(const char *target, uint64_t seq, void *arg)
{
	struct cursor *cursor = arg;

	if (!strcmp(target, cursor->target))
		cursor->seq = seq;
	return 0;
}

uint64_t store_place_cursor(struct store_place *place, int64_t zone, const char *target)
{
	struct cursor cursor = {.target = target};

	assert_int_equal(
		place->ops->each_cursor(place->store, zone, see_cursor, &cursor), 0);
	return cursor.seq;
}

void store_place_execute(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

int64_t store_place_number(const char *path, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t number;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	number = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return number;
}
