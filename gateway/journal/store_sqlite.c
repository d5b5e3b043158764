/*
 * The store in SQLite: the one file with SQL in it.
 *
 * WAL with synchronous=FULL: a commit appends to the log and syncs it once, and is
 * durable when it returns (the sync comes after all of the transaction's frames, whose
 * checksums chain: after a power loss the log ends at the last whole commit).  A second
 * connection reads beside the writer without blocking it.  Statements are prepared once.
 *
 * Names are BLOBs in wire form, RRsets their rrset data, change sets changeset_encode's.
 */
#include "gateway/journal/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STORE_APPLICATION_ID = 0x4d757374, /* "Must", so that file(1) and we know it */
	STORE_MAC_LATE_S = 3600,           /* how old a signature may be that arrives */
	STORE_BUSY_MS = 5000,              /* wait for the other connection */
	STORE_CACHE_KIB = 16384,
};

static const char *const migrations[] = {
	/* to version 1 */
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
	" data BLOB NOT NULL, PRIMARY KEY (zone, owner, type)) WITHOUT ROWID;",
};

enum { STORE_VERSION = sizeof(migrations) / sizeof(migrations[0]) };

enum statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_FIND_ZONE,
	SQL_ADD_ZONE,
	SQL_APPEND,
	SQL_SET_OUTCOME,
	SQL_LAST_SEQ,
	SQL_EACH_CHANGE,
	SQL_EACH_MAC,
	SQL_GET_CURSOR,
	SQL_PUT_CURSOR,
	SQL_SET_ASIDE,
	SQL_PUT_RRSET,
	SQL_DELETE_RRSET,
	SQL_READ_RECORDS,
	SQL_FORGET_CURSOR,
	SQL_EACH_CURSOR,
	SQL_PRUNE,
	SQL_PRUNE_END,
	SQL_PRUNE_NEXT,
	SQL_STATEMENTS,
};

static const char *const statements[SQL_STATEMENTS] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_FIND_ZONE] = "SELECT id FROM zones WHERE name = ?1",
	[SQL_ADD_ZONE] = "INSERT INTO zones (name) VALUES (?1)",
	[SQL_APPEND] = "INSERT INTO journal (seq, zone, at_ms, txn, key, source, rcode,"
		       " reason, request, changes, mac, time_signed)"
		       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
	[SQL_SET_OUTCOME] = "UPDATE journal SET rcode = ?2, reason = ?3 WHERE seq = ?1",
	[SQL_LAST_SEQ] = "SELECT max(seq) FROM (SELECT max(seq) AS seq FROM journal"
			 " UNION ALL SELECT max(seq) FROM cursors)",
	[SQL_EACH_CHANGE] =
		"SELECT seq, changes FROM journal WHERE zone = ?1 AND seq > ?2"
		" AND changes IS NOT NULL ORDER BY seq LIMIT ?3",
	[SQL_EACH_MAC] = "SELECT key, mac, time_signed, rcode, at_ms FROM journal"
			 " ORDER BY seq DESC",
	[SQL_GET_CURSOR] = "SELECT seq FROM cursors WHERE zone = ?1 AND target = ?2",
	[SQL_PUT_CURSOR] = "INSERT INTO cursors (zone, target, seq) VALUES (?1, ?2, ?3)"
			   " ON CONFLICT (zone, target) DO UPDATE SET seq = ?3",
	[SQL_SET_ASIDE] = "INSERT OR REPLACE INTO set_aside"
			  " (zone, target, seq, at_ms, rcode, reason)"
			  " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[SQL_PUT_RRSET] =
		"INSERT INTO records (zone, owner, type, ttl, count, data)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (zone, owner, type)"
		" DO UPDATE SET ttl = ?4, count = ?5, data = ?6",
	[SQL_DELETE_RRSET] =
		"DELETE FROM records WHERE zone = ?1 AND owner = ?2 AND type = ?3",
	[SQL_READ_RECORDS] =
		"SELECT owner, type, ttl, count, data FROM records WHERE zone = ?1",
	[SQL_FORGET_CURSOR] = "DELETE FROM cursors WHERE zone = ?1 AND target = ?2",
	[SQL_EACH_CURSOR] = "SELECT target FROM cursors WHERE zone = ?1",
	[SQL_PRUNE] = "DELETE FROM journal WHERE seq > ?2 AND seq <= ?3 AND at_ms < ?1"
		      " AND (changes IS NULL OR seq <= coalesce("
		      "(SELECT min(seq) FROM cursors WHERE zone = journal.zone), seq))",
	[SQL_PRUNE_END] = "SELECT seq FROM journal WHERE seq > ?1 ORDER BY seq LIMIT 1"
			  " OFFSET ?2",
	[SQL_PRUNE_NEXT] =
		"SELECT at_ms FROM journal WHERE seq > ?1 ORDER BY seq LIMIT 1",
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *prepared[SQL_STATEMENTS];
};

static int result_to_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
		return -EBUSY;
	default:
		return -EIO;
	}
}

/* A statement ready to be bound. */
static sqlite3_stmt *statement(struct store *store, enum statement which)
{
	sqlite3_stmt *stmt = store->prepared[which];

	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return stmt;
}

/* Runs a statement that returns no rows.  Reset at once, so that it holds no locks. */
static int run(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	return result_to_errno(rc);
}

static const char *sqlite_error(const struct store *store)
{
	return sqlite3_errmsg(store->db);
}

static int read_number(sqlite3 *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? 0
				: result_to_errno(rc == SQLITE_DONE ? SQLITE_ERROR : rc);
}

static int migrate(sqlite3 *db, char error[STORE_ERROR_MAX])
{
	int64_t version = 0;
	char sql[64];
	int r = read_number(db, "PRAGMA user_version", &version);

	if (r)
		return r;
	if (version > STORE_VERSION) {
		snprintf(error, STORE_ERROR_MAX,
			"the database has version %lld, this program knows %d",
			(long long)version, STORE_VERSION);
		return -EINVAL;
	}
	for (; version < STORE_VERSION; version++) {
		int rc = sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL);

		if (rc == SQLITE_OK)
			rc = sqlite3_exec(db, migrations[version], NULL, NULL, NULL);
		snprintf(sql, sizeof(sql), "PRAGMA user_version = %lld",
			(long long)version + 1);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
		if (rc != SQLITE_OK)
			return result_to_errno(rc);
	}
	return 0;
}

static int set_up(sqlite3 *db, char error[STORE_ERROR_MAX])
{
	int64_t application = 0;
	char sql[256];
	int rc, r;

	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, STORE_BUSY_MS);
	r = read_number(db, "PRAGMA application_id", &application);
	if (r)
		return r;
	if (application && application != STORE_APPLICATION_ID) {
		snprintf(error, STORE_ERROR_MAX, "this is another program's database");
		return -EINVAL;
	}
	snprintf(sql, sizeof(sql),
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		"PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY;"
		"PRAGMA application_id = %d;",
		STORE_CACHE_KIB, STORE_APPLICATION_ID);
	rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return result_to_errno(rc);
	return migrate(db, error);
}

static void sqlite_close(struct store *store)
{
	if (!store)
		return;
	for (int i = 0; i < SQL_STATEMENTS; i++)
		sqlite3_finalize(store->prepared[i]);
	sqlite3_close(store->db);
	free(store);
}

static int prepare_all(struct store *store)
{
	for (int i = 0; i < SQL_STATEMENTS; i++) {
		int rc = sqlite3_prepare_v3(store->db, statements[i], -1,
			SQLITE_PREPARE_PERSISTENT, &store->prepared[i], NULL);
		if (rc != SQLITE_OK)
			return result_to_errno(rc);
	}
	return 0;
}

static int sqlite_open(
	struct store **ret_store, const char *path, char error[STORE_ERROR_MAX])
{
	struct store *store = calloc(1, sizeof(*store));
	int rc, r;

	error[0] = '\0';
	if (!store)
		return -ENOMEM;
	rc = sqlite3_open_v2(path, &store->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	r = result_to_errno(rc);
	if (!r)
		r = set_up(store->db, error);
	if (!r)
		r = prepare_all(store);
	if (!r) {
		*ret_store = store;
		return 0;
	}
	if (!error[0])
		snprintf(error, STORE_ERROR_MAX, "%s", sqlite3_errmsg(store->db));
	sqlite_close(store);
	return r;
}

static int sqlite_begin(struct store *store)
{
	return run(statement(store, SQL_BEGIN));
}

static int sqlite_commit(struct store *store)
{
	return run(statement(store, SQL_COMMIT));
}

static void sqlite_rollback(struct store *store)
{
	/* After some errors (a full disk) SQLite has rolled back by itself. */
	if (!sqlite3_get_autocommit(store->db))
		(void)run(statement(store, SQL_ROLLBACK));
}

static int sqlite_zone_id(struct store *store, const uint8_t *name, int64_t *ret_id)
{
	sqlite3_stmt *stmt = statement(store, SQL_FIND_ZONE);
	int rc, r;

	sqlite3_bind_blob(stmt, 1, name, (int)name_len(name), SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*ret_id = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	if (rc != SQLITE_DONE)
		return result_to_errno(rc);
	stmt = statement(store, SQL_ADD_ZONE);
	sqlite3_bind_blob(stmt, 1, name, (int)name_len(name), SQLITE_STATIC);
	r = run(stmt);
	if (!r)
		*ret_id = sqlite3_last_insert_rowid(store->db);
	return r;
}

static void bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
	if (text)
		sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

static int sqlite_append(struct store *store, const struct store_row *row)
{
	sqlite3_stmt *stmt = statement(store, SQL_APPEND);

	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)row->seq);
	sqlite3_bind_int64(stmt, 2, row->zone);
	sqlite3_bind_int64(stmt, 3, row->at_ms);
	sqlite3_bind_int64(stmt, 4, (sqlite3_int64)row->transaction);
	bind_text(stmt, 5, row->key);
	bind_text(stmt, 6, row->source);
	sqlite3_bind_int(stmt, 7, row->rcode);
	bind_text(stmt, 8, row->reason);
	bind_text(stmt, 9, row->request);
	if (row->changes) {
		size_t len;
		uint8_t *octets = changeset_encode(row->changes, &len);

		if (!octets)
			return -ENOMEM;
		sqlite3_bind_blob64(stmt, 10, octets, len, free);
	}
	if (row->mac) {
		sqlite3_bind_blob(stmt, 11, row->mac, STORE_MAC_LEN, SQLITE_STATIC);
		sqlite3_bind_int64(stmt, 12, (sqlite3_int64)row->time_signed);
	}
	return run(stmt);
}

static int sqlite_set_outcome(
	struct store *store, uint64_t seq, uint16_t rcode, const char *reason)
{
	sqlite3_stmt *stmt = statement(store, SQL_SET_OUTCOME);

	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)seq);
	sqlite3_bind_int(stmt, 2, rcode);
	bind_text(stmt, 3, reason);
	return run(stmt);
}

/* One number from a statement that gives at most one row; 0 where there is none. */
static int run_for_number(sqlite3_stmt *stmt, uint64_t *ret)
{
	int rc = sqlite3_step(stmt);

	*ret = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_reset(stmt);
	return result_to_errno(rc);
}

static int sqlite_last_seq(struct store *store, uint64_t *ret_seq)
{
	return run_for_number(statement(store, SQL_LAST_SEQ), ret_seq);
}

static int visit_change(sqlite3_stmt *stmt,
	int (*visit)(uint64_t seq, struct changeset *changes, void *arg), void *arg)
{
	struct changeset *cs = changeset_decode(
		sqlite3_column_blob(stmt, 1), (size_t)sqlite3_column_bytes(stmt, 1));
	int r;

	if (!cs)
		return -errno;
	r = visit((uint64_t)sqlite3_column_int64(stmt, 0), cs, arg);
	changeset_unref(cs);
	return r;
}

static int sqlite_each_change(struct store *store, int64_t zone, uint64_t after,
	size_t limit, int (*visit)(uint64_t seq, struct changeset *changes, void *arg),
	void *arg)
{
	sqlite3_stmt *stmt = statement(store, SQL_EACH_CHANGE);
	int rc, r = 0;

	sqlite3_bind_int64(stmt, 1, zone);
	sqlite3_bind_int64(stmt, 2, (sqlite3_int64)after);
	sqlite3_bind_int64(stmt, 3, (sqlite3_int64)limit);
	while (!r && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		r = visit_change(stmt, visit, arg);
	sqlite3_reset(stmt);
	return r ? r : result_to_errno(rc);
}

static int sqlite_each_mac(struct store *store, uint64_t since,
	void (*visit)(const char *key, const uint8_t *mac, uint64_t time_signed,
		uint16_t rcode, void *arg),
	void *arg)
{
	sqlite3_stmt *stmt = statement(store, SQL_EACH_MAC);
	/* Signed at most as long before it arrived as we look back. */
	const int64_t since_ms = ((int64_t)since - STORE_MAC_LATE_S) * 1000;
	int rc;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW &&
		sqlite3_column_int64(stmt, 4) >= since_ms) {
		const uint64_t time_signed = (uint64_t)sqlite3_column_int64(stmt, 2);

		if (sqlite3_column_bytes(stmt, 1) != STORE_MAC_LEN || time_signed < since)
			continue;
		visit((const char *)sqlite3_column_text(stmt, 0),
			sqlite3_column_blob(stmt, 1), time_signed,
			(uint16_t)sqlite3_column_int(stmt, 3), arg);
	}
	sqlite3_reset(stmt);
	return result_to_errno(rc);
}

static int sqlite_get_cursor(
	struct store *store, int64_t zone, const char *target, uint64_t *ret_seq)
{
	sqlite3_stmt *stmt = statement(store, SQL_GET_CURSOR);

	sqlite3_bind_int64(stmt, 1, zone);
	bind_text(stmt, 2, target);
	return run_for_number(stmt, ret_seq);
}

static int sqlite_put_cursor(
	struct store *store, int64_t zone, const char *target, uint64_t seq)
{
	sqlite3_stmt *stmt = statement(store, SQL_PUT_CURSOR);

	sqlite3_bind_int64(stmt, 1, zone);
	bind_text(stmt, 2, target);
	sqlite3_bind_int64(stmt, 3, (sqlite3_int64)seq);
	return run(stmt);
}

static int sqlite_set_aside(struct store *store, int64_t zone, const char *target,
	uint64_t seq, int64_t at_ms, const struct verdict *why)
{
	sqlite3_stmt *stmt = statement(store, SQL_SET_ASIDE);

	sqlite3_bind_int64(stmt, 1, zone);
	bind_text(stmt, 2, target);
	sqlite3_bind_int64(stmt, 3, (sqlite3_int64)seq);
	sqlite3_bind_int64(stmt, 4, at_ms);
	sqlite3_bind_int(stmt, 5, why->rcode);
	bind_text(stmt, 6, why->why);
	return run(stmt);
}

static int sqlite_put_rrset(struct store *store, int64_t zone, const uint8_t *owner,
	uint16_t type, const struct rrset *set)
{
	sqlite3_stmt *stmt = statement(store, set ? SQL_PUT_RRSET : SQL_DELETE_RRSET);

	sqlite3_bind_int64(stmt, 1, zone);
	sqlite3_bind_blob(stmt, 2, owner, (int)name_len(owner), SQLITE_STATIC);
	sqlite3_bind_int(stmt, 3, type);
	if (set) {
		sqlite3_bind_int64(stmt, 4, set->ttl);
		sqlite3_bind_int(stmt, 5, set->count);
		sqlite3_bind_blob64(stmt, 6, set->data, set->size, SQLITE_STATIC);
	}
	return run(stmt);
}

/* Puts each record of a stored RRset into the mirror. */
static int load_row(sqlite3_stmt *stmt, struct zone *mirror)
{
	const uint8_t *owner = sqlite3_column_blob(stmt, 0);
	const uint8_t *data = sqlite3_column_blob(stmt, 4);
	const size_t size = (size_t)sqlite3_column_bytes(stmt, 4);
	struct wire_reader r;
	size_t at = 0;
	uint8_t name[NAME_MAX_LEN];
	struct rr rr = {
		.owner = name,
		.type = (uint16_t)sqlite3_column_int(stmt, 1),
		.class = CLASS_IN,
		.ttl = (uint32_t)sqlite3_column_int64(stmt, 2),
	};

	if (name_read_uncompressed(
		    name, owner, (size_t)sqlite3_column_bytes(stmt, 0), &at) < 0)
		return -EIO;
	wire_reader_init(&r, data, 0, size);
	while (r.at < size) {
		int rc;

		rr.rdata_len = wire_read_u16(&r);
		rr.rdata = wire_read_octets(&r, rr.rdata_len);
		if (r.failed)
			return -EIO;
		rc = zone_load_rr(mirror, &rr);
		if (rc)
			return rc;
	}
	return 0;
}

static int sqlite_read_records(struct store *store, int64_t zone, struct zone *mirror)
{
	sqlite3_stmt *stmt = statement(store, SQL_READ_RECORDS);
	int rc, r = 0;

	sqlite3_bind_int64(stmt, 1, zone);
	while (!r && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		r = load_row(stmt, mirror);
	sqlite3_reset(stmt);
	return r ? r : result_to_errno(rc);
}

static int sqlite_forget_cursor(struct store *store, int64_t zone, const char *target)
{
	sqlite3_stmt *stmt = statement(store, SQL_FORGET_CURSOR);

	sqlite3_bind_int64(stmt, 1, zone);
	bind_text(stmt, 2, target);
	return run(stmt);
}

static int sqlite_each_cursor(struct store *store, int64_t zone,
	void (*visit)(const char *target, void *arg), void *arg)
{
	sqlite3_stmt *stmt = statement(store, SQL_EACH_CURSOR);
	int rc;

	sqlite3_bind_int64(stmt, 1, zone);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		visit((const char *)sqlite3_column_text(stmt, 0), arg);
	sqlite3_reset(stmt);
	return result_to_errno(rc);
}

/* The seq of the row limit rows behind from; the largest there can be if there are fewer.
 */
static int find_end(struct store *store, uint64_t from, size_t limit, uint64_t *ret_end)
{
	sqlite3_stmt *stmt = statement(store, SQL_PRUNE_END);
	int r;

	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)from);
	sqlite3_bind_int64(stmt, 2, (sqlite3_int64)limit - 1);
	r = run_for_number(stmt, ret_end);
	if (!r && *ret_end == 0)
		*ret_end = INT64_MAX;
	return r;
}

/* Rows are in the order of time, but for steps of the clock, which only delays it. */
static int is_next_old(
	struct store *store, uint64_t from, int64_t before_ms, bool *ret_is)
{
	sqlite3_stmt *stmt = statement(store, SQL_PRUNE_NEXT);
	uint64_t at_ms;
	int r;

	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)from);
	r = run_for_number(stmt, &at_ms);
	*ret_is = !r && at_ms && (int64_t)at_ms < before_ms;
	return r;
}

static int sqlite_prune(struct store *store, int64_t before_ms, uint64_t from,
	size_t limit, uint64_t *ret_next)
{
	sqlite3_stmt *stmt;
	uint64_t end = 0;
	bool is_old = false;
	int r = find_end(store, from, limit, &end);

	if (r)
		return r;
	stmt = statement(store, SQL_PRUNE);
	sqlite3_bind_int64(stmt, 1, before_ms);
	sqlite3_bind_int64(stmt, 2, (sqlite3_int64)from);
	sqlite3_bind_int64(stmt, 3, (sqlite3_int64)end);
	r = run(stmt);
	if (!r)
		r = is_next_old(store, end, before_ms, &is_old);
	*ret_next = is_old ? end : 0;
	return r;
}

const struct store_ops store_sqlite = {
	.name = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.error = sqlite_error,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.zone_id = sqlite_zone_id,
	.append = sqlite_append,
	.set_outcome = sqlite_set_outcome,
	.last_seq = sqlite_last_seq,
	.each_change = sqlite_each_change,
	.each_mac = sqlite_each_mac,
	.get_cursor = sqlite_get_cursor,
	.put_cursor = sqlite_put_cursor,
	.forget_cursor = sqlite_forget_cursor,
	.each_cursor = sqlite_each_cursor,
	.set_aside = sqlite_set_aside,
	.put_rrset = sqlite_put_rrset,
	.read_records = sqlite_read_records,
	.prune = sqlite_prune,
};
