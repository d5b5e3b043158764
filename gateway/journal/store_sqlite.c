/*
 * The store in SQLite: opening, migrations, transactions, and the table of its functions.
 *
 * WAL with synchronous=FULL: a commit appends to the log and syncs it once, and is
 * durable when it returns (the sync comes after all of the transaction's frames, whose
 * checksums chain: after a power loss the log ends at the last whole commit).  A second
 * connection reads beside the writer without blocking it.  Statements are prepared once.
 */
#include "gateway/journal/store_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	/* "Must", by which file(1) and we recognise it */
	STORE_APPLICATION_ID = 0x4d757374,
	STORE_BUSY_MS = 5000, /* wait for the other connection */
	STORE_CACHE_KIB = 16384,
	STORE_PAGE_LEN = 4096,                 /* SQLite's default */
	STORE_FRAME_LEN = STORE_PAGE_LEN + 24, /* a page in the log */
	/* A log that was longer than usual shrinks to this when it starts again. */
	STORE_LOG_KEPT = 64 << 20,
};

/* ---- the log ---- */

static int note_log(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct store *store = arg;

	(void)db;
	(void)name;
	store->log_octets = (uint64_t)pages * STORE_FRAME_LEN;
	return SQLITE_OK;
}

static uint64_t store_log_octets(const struct store *store)
{
	return store->log_octets;
}

static int store_checkpoint(struct store *store, uint64_t *ret_moved, uint64_t *ret_left)
{
	int pages = 0, moved = 0;
	const int rc = sqlite3_wal_checkpoint_v2(
		store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);

	if (rc != SQLITE_OK)
		return store_errno(rc);
	*ret_moved = (uint64_t)moved * STORE_FRAME_LEN;
	*ret_left = (uint64_t)(pages - moved) * STORE_FRAME_LEN;
	if (!*ret_left)
		store->log_octets = 0;
	return 0;
}

/* ---- opening ---- */

static const char *store_error(const struct store *store)
{
	return store->why[0] ? store->why : sqlite3_errmsg(store->db);
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
	return rc == SQLITE_ROW ? 0 : store_errno(rc == SQLITE_DONE ? SQLITE_ERROR : rc);
}

static int migrate(sqlite3 *db, char error[STORE_ERROR_MAX])
{
	int64_t version = 0;
	char sql[64];
	int r = read_number(db, "PRAGMA user_version", &version);

	if (r)
		return r;
	if (version > store_version) {
		snprintf(error, STORE_ERROR_MAX,
			"the database has version %lld, but this program knows only "
			"versions up "
			"to %d",
			(long long)version, store_version);
		return -EINVAL;
	}
	for (; version < store_version; version++) {
		int rc = sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL);

		if (rc == SQLITE_OK)
			rc = sqlite3_exec(
				db, store_migrations[version], NULL, NULL, NULL);
		snprintf(sql, sizeof(sql), "PRAGMA user_version = %lld",
			(long long)version + 1);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
		if (rc != SQLITE_OK)
			return store_errno(rc);
	}
	return 0;
}

static int set_up(sqlite3 *db, char error[STORE_ERROR_MAX])
{
	int64_t application = 0;
	char sql[256];
	int keep = 1, rc, r;

	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, STORE_BUSY_MS);
	/* The log and its index stay when the database is closed: on a full disk there
	 * would be no room to create them again. */
	(void)sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
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
		"PRAGMA journal_size_limit = %d;",
		STORE_CACHE_KIB, STORE_LOG_KEPT);
	rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	/* An existing database is not written here, since the disk may be full. */
	if (rc == SQLITE_OK && !application) {
		snprintf(sql, sizeof(sql), "PRAGMA application_id = %d",
			STORE_APPLICATION_ID);
		rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	}
	if (rc != SQLITE_OK)
		return store_errno(rc);
	return migrate(db, error);
}

static void store_close(struct store *store)
{
	if (!store)
		return;
	for (int i = 0; i < SQL_STATEMENTS; i++)
		sqlite3_finalize(store->prepared[i]);
	/* The log stays empty, so that it cannot be taken for that of a database which
	 * somebody puts in place of this one. */
	(void)sqlite3_exec(store->db, "PRAGMA journal_size_limit = 0", NULL, NULL, NULL);
	sqlite3_close(store->db);
	store_files_close(store);
	free(store->spans);
	free(store->places);
	store_free_packs(store);
	free(store);
}

static int prepare_all(struct store *store)
{
	for (int i = 0; i < SQL_STATEMENTS; i++) {
		int rc = sqlite3_prepare_v3(store->db, store_statements[i], -1,
			SQLITE_PREPARE_PERSISTENT, &store->prepared[i], NULL);
		if (rc != SQLITE_OK)
			return store_errno(rc);
	}
	return 0;
}

static int store_open(
	struct store **ret_store, const char *path, char error[STORE_ERROR_MAX])
{
	struct store *store = calloc(1, sizeof(*store));
	int rc, r;

	error[0] = '\0';
	if (!store)
		return -ENOMEM;
	rc = sqlite3_open_v2(path, &store->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	r = store_errno(rc);
	if (!r)
		r = set_up(store->db, error);
	if (!r)
		r = prepare_all(store);
	/* Instead of SQLite's own function, which makes checkpoints within commits:
	 * checkpoint.h. */
	if (!r)
		sqlite3_wal_hook(store->db, note_log, store);
	if (!r)
		r = store_files_open(store);
	if (!r) {
		*ret_store = store;
		return 0;
	}
	if (!error[0])
		snprintf(error, STORE_ERROR_MAX, "%s", sqlite3_errmsg(store->db));
	store_close(store);
	return r;
}

/* Nobody has it open, and the log beside it contains nothing of it. */
static bool is_at_rest(const char *path)
{
	struct stat st;
	char *log;
	bool is_there = asprintf(&log, "%s-wal", path) < 0;

	if (is_there)
		return false;
	is_there = !stat(log, &st);
	free(log);
	return !is_there;
}

/* A database at rest is read without creating the files that belong to one in use.
 * Characters with a meaning in URIs are escaped. */
static int open_to_read(sqlite3 **ret_db, const char *path)
{
	const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
	char *uri = NULL;
	size_t len = 0;
	FILE *text;
	int rc;

	if (!is_at_rest(path))
		return sqlite3_open_v2(path, ret_db, flags, NULL);
	text = open_memstream(&uri, &len);
	if (!text)
		return SQLITE_NOMEM;
	fputs("file:", text);
	for (; *path; path++)
		fprintf(text, strchr("%?#", *path) ? "%%%02x" : "%c", *path);
	fputs("?immutable=1", text);
	rc = fclose(text) ? SQLITE_NOMEM
			  : sqlite3_open_v2(uri, ret_db, flags | SQLITE_OPEN_URI, NULL);
	free(uri);
	return rc;
}

bool store_sqlite_has_zone(const char *path, const uint8_t *name)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int rc = open_to_read(&db, path);

	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(db, STORE_BUSY_MS);
		rc = sqlite3_prepare_v2(db, store_has_zone, -1, &stmt, NULL);
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob64(stmt, 1, name, name_len(name), SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return rc == SQLITE_ROW;
}

static int store_begin(struct store *store)
{
	struct store_call call = store_call(store, SQL_BEGIN);

	store->why[0] = '\0';
	store->span_count = 0;
	return store_run(&call);
}

static int store_commit(struct store *store)
{
	struct store_call call;
	int r = store_finish_append(store);

	if (r)
		return r;
	call = store_call(store, SQL_COMMIT);
	return store_run(&call);
}

static void store_rollback(struct store *store)
{
	struct store_call call = store_call(store, SQL_ROLLBACK);

	store->span_count = 0;
	store_drop_packs(store);
	/* After some errors (a full disk) SQLite has rolled back already. */
	if (!sqlite3_get_autocommit(store->db))
		(void)store_run(&call);
}

const struct store_ops store_sqlite = {
	.open = store_open,
	.close = store_close,
	.error = store_error,
	.check = store_check,
	.rescue = store_rescue,
	.begin = store_begin,
	.commit = store_commit,
	.rollback = store_rollback,
	.log_octets = store_log_octets,
	.checkpoint = store_checkpoint,
	.zone_id = store_zone_id,
	.find_zone = store_find_zone,
	.append = store_append,
	.set_outcome = store_set_outcome,
	.last_seq = store_last_seq,
	.each_change = store_each_change,
	.count_changes = store_count_changes,
	.melt = store_melt,
	.each_mac = store_each_mac,
	.put_cursor = store_put_cursor,
	.forget_cursor = store_forget_cursor,
	.each_cursor = store_each_cursor,
	.put_reach = store_put_reach,
	.find_reach = store_find_reach,
	.put_belief = store_put_belief,
	.find_belief = store_find_belief,
	.find_mark = store_find_mark,
	.set_aside = store_set_aside,
	.drop_aside = store_drop_aside,
	.put_rrset = store_put_rrset,
	.read_records = store_read_records,
	.put_lease = store_put_lease,
	.remove_lease = store_remove_lease,
	.note_seen = store_note_seen,
	.each_lease = store_each_lease,
	.put_hold = store_put_hold,
	.each_hold = store_each_hold,
	.each_row = store_each_row,
	.find_transaction = store_find_transaction,
	.each_expired = store_each_expired,
	.each_set_aside = store_each_set_aside,
	.each_zone = store_each_zone,
	.prune = store_prune,
	.used = store_used,
};
