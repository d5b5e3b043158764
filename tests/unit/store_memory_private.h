/*
 * What the files of the memory store share: the database, its tables.
 */
#ifndef MUSTER_TESTS_STORE_MEMORY_PRIVATE_H
#define MUSTER_TESTS_STORE_MEMORY_PRIVATE_H

#include <pthread.h>

#include "tests/unit/memory_table.h"
#include "tests/unit/store_memory.h"

enum memory_kind {
	MEMORY_ZONES,   /* by name: struct memory_zone */
	MEMORY_ROWS,    /* by seq: struct memory_row */
	MEMORY_EVENTS,  /* by zone, host, seq: that row has a host */
	MEMORY_CURSORS, /* by zone, target: struct memory_cursor */
	MEMORY_MARKS,   /* by zone, target, seq: struct memory_mark */
	MEMORY_ASIDE,   /* by seq, zone, target: struct memory_aside */
	MEMORY_RECORDS, /* by zone, owner, type: struct rrset, of the database alone */
	MEMORY_LEASES,  /* by zone, owner, type, RDATA: struct memory_lease */
	MEMORY_HOLDS,   /* by zone, owner */
	MEMORY_TABLES,
};

struct memory_zone {
	int64_t id;
};

struct memory_row {
	struct store_row row; /* its pointers lead into octets; changes is NULL */
	size_t changes_len;
	uint8_t *changes; /* changeset_encode; owned; NULL: none */
	char octets[];
};

struct memory_cursor {
	uint64_t seq;
	uint64_t reach;
	struct store_belief belief;
	char target[];
};

struct memory_mark {
	uint64_t seq;
	uint32_t serial;
	int64_t at_ms;
};

struct memory_aside {
	struct store_set_aside aside;
	char target[];
};

struct memory_lease {
	struct lease_record lease; /* its pointers lead into octets */
	uint8_t octets[];
};

struct memory_database {
	struct memory_database *next;
	char *path;
	pthread_mutex_t lock; /* recursive: whoever has a transaction, has it */
	pthread_cond_t released;
	bool is_held;
	bool is_reading_held;
	unsigned failing_reads; /* that will fail */
	unsigned open_count;
	unsigned failing; /* commits that will fail */
	int failure;      /* how */
	struct memory_table tables[MEMORY_TABLES];
	struct memory_log log;
};

struct store {
	struct memory_database *database;
	char why[STORE_ERROR_MAX];
};

/* memory_lock, for a read that may be held, or fail.  0 or -EIO, and it is not locked. */
int memory_lock_to_read(struct store *store, struct memory_database **ret_database);
/* Every function of the table of functions has the database between these. */
struct memory_database *memory_lock(struct store *store);
void memory_unlock(struct memory_database *database);
/* Of a test's; somebody has it open. */
struct memory_database *memory_lock_by_path(const char *path);
/* -error; why is what store_ops.error says from now on. */
int memory_fail(struct store *store, int error, const char *why);

void *memory_find(struct memory_database *database, enum memory_kind kind,
	const struct memory_key *key);
int memory_put(struct memory_database *database, enum memory_kind kind,
	const struct memory_key *key, void *value) __attribute__((warn_unused_result));
/* Visits those whose keys begin with prefix, in order, until visit returns non-zero, and
 * returns that. */
int memory_each(struct memory_database *database, enum memory_kind kind,
	const struct memory_key *prefix,
	int (*visit)(const struct memory_entry *entry, void *arg), void *arg);

/* Rows with a seq of at least this, from *at on; NULL: there is none. */
size_t memory_rows_from(struct memory_database *database, uint64_t seq);
struct memory_row *memory_row_at(struct memory_database *database, size_t at);

/* ---- store_memory_journal.c, store_memory_audit.c: functions of store_ops ---- */

int memory_append(struct store *store, const struct store_row *row);
int memory_set_outcome(
	struct store *store, uint64_t seq, uint16_t rcode, const char *reason);
int memory_last_seq(struct store *store, uint64_t *ret_seq);
int memory_each_change(struct store *store, int64_t zone, uint64_t after, size_t limit,
	int (*visit)(const struct store_row *row, struct changeset *changes, void *arg),
	void *arg);
int memory_count_changes(struct store *store, int64_t zone, uint64_t after, size_t limit,
	uint64_t *ret_count);
int memory_melt(struct store *store, const struct store_melting *melting);
int memory_each_mac(struct store *store, uint64_t since,
	void (*visit)(const uint8_t *key, const uint8_t *mac, uint64_t time_signed,
		uint16_t rcode, void *arg),
	void *arg);
int memory_put_cursor(
	struct store *store, int64_t zone, const char *target, uint64_t seq);
int memory_forget_cursor(struct store *store, int64_t zone, const char *target);
int memory_each_cursor(struct store *store, int64_t zone,
	int (*visit)(const char *target, uint64_t seq, void *arg), void *arg);
int memory_put_reach(struct store *store, int64_t zone, const char *target, uint64_t seq);
int memory_find_reach(
	struct store *store, int64_t zone, const char *target, uint64_t *ret_seq);
int memory_put_belief(struct store *store, int64_t zone, const char *target, uint64_t seq,
	const struct store_belief *belief);
int memory_find_belief(struct store *store, int64_t zone, const char *target,
	struct store_belief *ret_belief);
int memory_find_mark(struct store *store, int64_t zone, const char *target,
	uint32_t serial, uint64_t *ret_seq);
int memory_drop_aside(
	struct store *store, int64_t zone, const char *target, uint64_t seq);
int memory_set_aside(struct store *store, int64_t zone, const char *target, uint64_t seq,
	int64_t at_ms, const struct verdict *why);
int memory_prune(struct store *store, int64_t before_ms, uint64_t from, size_t limit,
	uint64_t *ret_next);

int memory_each_row(struct store *store, const struct store_filter *filter,
	uint64_t *ret_next, int (*visit)(const struct store_row *row, void *arg),
	void *arg);
int memory_find_transaction(
	struct store *store, uint64_t transaction, uint64_t *from, uint64_t *ret_seq);
int memory_each_expired(struct store *store, int64_t zone, struct store_host_cursor *at,
	size_t limit, int (*visit)(const struct store_row *row, void *arg), void *arg);
int memory_each_set_aside(struct store *store,
	int (*visit)(const struct store_set_aside *aside, void *arg), void *arg);

#endif
