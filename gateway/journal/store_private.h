/*
 * What the files of the SQLite store share: the connection, its prepared statements,
 * and how one is bound and run.  No file calls one that is listed above it:
 *
 *   store_sqlite.c   opening, migrations, transactions; the table of functions
 *
 *   store_audit.c    what administrators read
 *   store_prune.c    removing what is old
 *   store_melt.c     what many rows come to
 *   store_journal.c  rows, cursors, what is set aside
 *   store_rows.c     all rows in order
 *   store_packs.c    rows that are written together
 *   store_zones.c    zones, and the records of those that live here
 *   store_leases.c   leases, holds
 *   store_files.c    are the files still in place?
 *
 *   store_call.c     how a statement is bound and run, and its columns are read
 *   store_sql.c      every SQL text
 */
#ifndef MUSTER_STORE_PRIVATE_H
#define MUSTER_STORE_PRIVATE_H

#include <sqlite3.h>
#include <sys/stat.h>

#include "gateway/journal/store.h"

enum store_statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	/* store_zones.c */
	SQL_FIND_ZONE,
	SQL_ADD_ZONE,
	SQL_EACH_ZONE,
	SQL_PUT_RRSET,
	SQL_DELETE_RRSET,
	SQL_READ_RECORDS,
	/* store_journal.c */
	SQL_APPEND,
	SQL_SET_OUTCOME,
	SQL_LAST_SEQ,
	SQL_ADD_SPAN,
	SQL_EACH_SPAN,
	SQL_FIND_SPAN,
	SQL_PUT_CURSOR,
	SQL_FORGET_CURSOR,
	SQL_EACH_CURSOR,
	SQL_PUT_REACH,
	SQL_FIND_REACH,
	SQL_PUT_BELIEF,
	SQL_FIND_BELIEF,
	SQL_ADD_MARK,
	SQL_EACH_MARK,
	SQL_FORGET_MARKS,
	SQL_SET_ASIDE,
	SQL_DROP_ASIDE,
	/* store_packs.c */
	SQL_ADD_PACK,
	SQL_DROP_PACK,
	/* store_melt.c */
	SQL_SET_CHANGES,
	SQL_KEEP_SPAN_BEFORE,
	SQL_KEEP_SPAN_AFTER,
	SQL_DROP_SPANS,
	/* store_rows.c */
	SQL_ROWS_UP,
	SQL_ROWS_DOWN,
	SQL_PACKS_UP,
	SQL_PACKS_DOWN,
	/* store_prune.c */
	SQL_LAST_ROW,
	SQL_PRUNE,
	SQL_PRUNE_SPANS,
	SQL_PRUNE_END,
	SQL_PRUNE_PACKS_END,
	SQL_PRUNE_MARKS,
	SQL_COUNT_ASIDES,
	SQL_IS_ASIDE,
	SQL_CUT_ASIDES,
	SQL_FIRST_CURSOR,
	SQL_DROP_SPAN,
	SQL_USED,
	/* store_leases.c */
	SQL_PUT_LEASE,
	SQL_REMOVE_LEASE,
	SQL_NOTE_SEEN,
	SQL_EACH_LEASE,
	SQL_PUT_HOLD,
	SQL_REMOVE_HOLD,
	SQL_EACH_HOLD,
	/* store_audit.c */
	SQL_LAST_EVENTS,
	SQL_HAS_LEASE,
	SQL_EACH_SET_ASIDE,
	SQL_STATEMENTS,
};

/* ---- store_sql.c ---- */

/* Turns version n into version n + 1. */
extern const char *const store_migrations[];
extern const int store_version;
extern const char *const store_statements[SQL_STATEMENTS];
extern const char store_has_zone[]; /* ?1: its name */

/* ---- the store ---- */

enum { STORE_FILES = 3 }; /* the database, its log, its index of that */

struct store_file {
	char *path;  /* owned */
	ino_t inode; /* of the open one; 0: not created yet */
	dev_t device;
};

/* The rows of one zone with changes in one transaction. */
struct store_span {
	int64_t zone;
	uint64_t first, last; /* seq */
};

/* Rows of the open transaction that have not been written yet (store_packs.c). */
struct store_packs {
	uint8_t *octets; /* owned */
	size_t len, room;
};

struct store {
	sqlite3 *db;
	struct store_span *spans; /* of the open transaction, in the order of rows */
	size_t span_count, span_room;
	struct store_packs packs;
	size_t *places; /* owned: of store_rows */
	size_t place_room;
	sqlite3_stmt *prepared[SQL_STATEMENTS];
	struct store_file files[STORE_FILES];
	uint64_t log_octets;
	char why[STORE_ERROR_MAX]; /* the text of store_error; "": SQLite's */
};

/* ---- store_call.c ---- */

int store_errno(int rc); /* for SQLite's result: 0 or -errno */

/*
 * One use of a prepared statement: store_call, binds, then store_run, or store_step
 * until it returns false and store_end.  After the first bind or step that fails, the
 * others do nothing, and its error is the result.  Bound values must stay until the
 * end.
 */
struct store_call {
	sqlite3_stmt *stmt;
	int rc; /* SQLite's */
};

struct store_call store_call(struct store *store, enum store_statement which);
void store_bind_number(struct store_call *call, int at, int64_t value);
void store_bind_text(struct store_call *call, int at, const char *text); /* NULL: NULL */
void store_bind_octets(
	struct store_call *call, int at, const void *octets, size_t len);   /* likewise */
void store_bind_name(struct store_call *call, int at, const uint8_t *name); /* likewise */
/* Is there another row? */
bool store_step(struct store_call *call);
/* Resets the statement, so that it holds no locks.  Returns result if that is not 0,
 * otherwise 0 or -errno. */
int store_end(struct store_call *call, int result);
/* Runs a statement that returns no rows. */
int store_run(struct store_call *call);
/* One number from a statement that returns at most one row; 0 if there is none. */
int store_run_for_number(struct store_call *call, uint64_t *ret);

/* Columns of the current row.  Valid until the next step. */
uint64_t store_column_number(const struct store_call *call, int column);
/* NULL for NULL. */
const char *store_column_text(struct store_call *call, int column);
const uint8_t *store_column_octets(struct store_call *call, int column, size_t *ret_len);
/* A name in wire form; NULL for NULL, and for an invalid one, which is an error. */
const uint8_t *store_column_name(struct store_call *call, int column);

/* The same for rows from before version 3, which have text ("" for none): it is
 * converted into buf. */
const uint8_t *store_column_key(
	struct store_call *call, int column, uint8_t buf[NAME_MAX_LEN]);

/* ---- store_files.c ---- */

int store_files_open(struct store *store); /* 0 or -ENOMEM */
void store_files_close(struct store *store);

/* ---- store_packs.c ---- */

enum { STORE_SOURCE_LEN = 16 + 2 + 1 }; /* address, port, transport */

/* Address, port and transport; for an event only the address.  The length; 0: not
 * known. */
size_t store_encode_source(
	const struct store_source *source, uint8_t ret[STORE_SOURCE_LEN]);
/* octets may be NULL. */
struct store_source store_decode_source(const uint8_t *octets, size_t len);

/* A row that was read, and what it may point to. */
struct store_read_row {
	struct store_row row; /* without changes */
	uint8_t key[NAME_MAX_LEN];
	const uint8_t *changes; /* changeset_decode; NULL: none */
	size_t changes_len;
};

/* Gathers such a row. */
int store_pack(struct store *store, const struct store_row *row);
/* Writes what was gathered: at the end of the transaction, or before. */
int store_put_packs(struct store *store);
void store_drop_packs(struct store *store); /* what was gathered */
void store_free_packs(struct store *store);
/* Replaces a pack by other rows, in order; len 0: by none. */
int store_replace_pack(
	struct store *store, uint64_t last, const uint8_t *octets, size_t len);

/* Octets of the packed row here; 0: there is no room for one. */
size_t store_packed_len(const uint8_t *octets, size_t len);
/* For such a row. */
uint64_t store_packed_seq(const uint8_t *octets);
/* Reads the row, of exactly len octets, which must stay valid.  False: it is damaged. */
bool store_unpack(const uint8_t *octets, size_t len, struct store_read_row *ret);

/* ---- store_rows.c ---- */

/*
 * All rows between two numbers, in ascending or descending order, wherever they are
 * stored.  Call store_rows_begin, store_rows_next until it returns false, and
 * store_rows_end.  One at a time for each store.
 */
struct store_rows {
	struct store *store;
	struct store_call singles, packs;
	uint64_t after, before;
	bool is_down;
	bool is_single_read; /* the current row of singles has been returned */
	bool is_packed;      /* the row returned last is from a pack */
	const uint8_t *pack; /* NULL: there is no more */
	size_t pack_len;
	size_t at, count; /* in store->places: where the remaining rows of it begin */
};

/* after < seq < before; before 0: no end. */
void store_rows_begin(struct store_rows *rows, struct store *store, uint64_t after,
	uint64_t before, bool is_down);
/* *ret is valid until the next call. */
bool store_rows_next(struct store_rows *rows, struct store_read_row *ret);
/* Like store_end. */
int store_rows_end(struct store_rows *rows, int result);
/* Decodes the changes of a row; *ret_changes NULL: it has none. */
int store_read_changes(const struct store_read_row *row, struct changeset **ret_changes);

/* ---- the functions of store_ops ---- */

int store_check(struct store *store);
int store_rescue(struct store *store);

int store_zone_id(struct store *store, const uint8_t *name, int64_t *ret_id);
int store_find_zone(struct store *store, const uint8_t *name, int64_t *ret_id);
int store_each_zone(struct store *store,
	int (*visit)(int64_t id, const uint8_t *name, void *arg), void *arg);
int store_put_rrset(struct store *store, int64_t zone, const uint8_t *owner,
	uint16_t type, const struct rrset *set);
int store_read_records(struct store *store, int64_t zone, struct zone *mirror);

int store_append(struct store *store, const struct store_row *row);
/* With these changes in place of the row's. */
int store_append_alone(struct store *store, const struct store_row *row,
	const uint8_t *changes, size_t changes_len);
int store_melt(struct store *store, const struct store_melting *melting);
/* Writes what the transaction has gathered, at its end. */
int store_finish_append(struct store *store);
int store_set_outcome(
	struct store *store, uint64_t seq, uint16_t rcode, const char *reason);
int store_last_seq(struct store *store, uint64_t *ret_seq);
int store_each_change(struct store *store, int64_t zone, uint64_t after, size_t limit,
	int (*visit)(const struct store_row *row, struct changeset *changes, void *arg),
	void *arg);
int store_count_changes(struct store *store, int64_t zone, uint64_t after, size_t limit,
	uint64_t *ret_count);
int store_each_mac(struct store *store, uint64_t since,
	void (*visit)(const uint8_t *key, const uint8_t *mac, uint64_t time_signed,
		uint16_t rcode, void *arg),
	void *arg);
int store_put_cursor(struct store *store, int64_t zone, const char *target, uint64_t seq);
int store_forget_cursor(struct store *store, int64_t zone, const char *target);
int store_each_cursor(struct store *store, int64_t zone,
	int (*visit)(const char *target, uint64_t seq, void *arg), void *arg);
int store_put_reach(struct store *store, int64_t zone, const char *target, uint64_t seq);
int store_find_reach(
	struct store *store, int64_t zone, const char *target, uint64_t *ret_seq);
int store_put_belief(struct store *store, int64_t zone, const char *target, uint64_t seq,
	const struct store_belief *belief);
int store_find_belief(struct store *store, int64_t zone, const char *target,
	struct store_belief *ret_belief);
int store_find_mark(struct store *store, int64_t zone, const char *target,
	uint32_t serial, uint64_t *ret_seq);
int store_drop_aside(struct store *store, int64_t zone, const char *target, uint64_t seq);
int store_set_aside(struct store *store, int64_t zone, const char *target, uint64_t seq,
	int64_t at_ms, const struct verdict *why);
int store_used(struct store *store, uint64_t *ret_octets);
int store_prune(struct store *store, int64_t before_ms, uint64_t from, size_t limit,
	uint64_t *ret_next);

int store_put_lease(struct store *store, int64_t zone, const struct lease_record *lease);
int store_remove_lease(
	struct store *store, int64_t zone, const struct lease_record *lease);
int store_note_seen(struct store *store, int64_t zone, const uint8_t *owner,
	const struct lease_record *last);
int store_each_lease(struct store *store, int64_t zone,
	int (*visit)(const struct lease_record *lease, void *arg), void *arg);
int store_put_hold(struct store *store, int64_t zone, const uint8_t *owner, bool is_held);
int store_each_hold(struct store *store, int64_t zone,
	int (*visit)(const uint8_t *owner, void *arg), void *arg);

int store_each_row(struct store *store, const struct store_filter *filter,
	uint64_t *ret_next, int (*visit)(const struct store_row *row, void *arg),
	void *arg);
int store_find_transaction(
	struct store *store, uint64_t transaction, uint64_t *at, uint64_t *ret_seq);
int store_each_expired(struct store *store, int64_t zone, struct store_host_cursor *at,
	size_t limit, int (*visit)(const struct store_row *row, void *arg), void *arg);
int store_each_set_aside(struct store *store,
	int (*visit)(const struct store_set_aside *aside, void *arg), void *arg);

#endif
