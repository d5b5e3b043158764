/*
 * The database as all zone threads share it: locked for this process, with its one
 * journal, the numbers of its rows, the mark of acknowledged changes, and the keys'
 * shares.  Each thread reads it by a connection of its own (zone_thread.store).
 *
 * Rows of all zones are numbered by one counter.  A thread gives out numbers in the
 * order in which it submits the rows, but rows of two threads may be committed in
 * either order: to read rows by their numbers without missing any, read no further than
 * database_settled_seq.  Nothing else compares numbers of different threads' zones: a
 * target's cursor is compared with those of its own zone, and the mark of acknowledged
 * changes (high_water.h) with the newest row in the database.
 *
 * The functions may be called by any thread, except open and close.
 */
#ifndef MUSTER_DATABASE_H
#define MUSTER_DATABASE_H

#include <stdatomic.h>

#include "gateway/config/config.h"
#include "gateway/journal/journal.h"
#include "gateway/thread/high_water.h"
#include "gateway/thread/journal_share.h"

enum { DATABASE_THREADS_MAX = 64 }; /* as many as config.zone_threads may be */

/* For one thread: all numbers that it has given out below this one have come back from
 * the journal. */
struct database_numbers {
	atomic_uint_fast64_t pending; /* DATABASE_NONE_PENDING: all have */
	uint64_t last;                /* the last number given out by this thread */
};

#define DATABASE_NONE_PENDING UINT64_MAX

struct database {
	const struct store_ops *store_ops;
	char *path; /* of the configuration at the start; owned */
	struct journal *journal;
	struct high_water *mark;
	struct journal_share *share;
	/* The database is older than what was acknowledged, or empty: what it still has
	 * for targets is outdated. */
	bool is_older;
	atomic_uint_fast64_t last_seq; /* never 0, which as a cursor means that there
	                                * is none */
	struct database_numbers *threads[DATABASE_THREADS_MAX];
	unsigned thread_count;
	pthread_mutex_t lock_lock;
	int lock; /* file descriptor of the lock; -1: not locked; under lock_lock */
};

/* 0 or -errno, logged; database_close is needed either way, after the threads. */
int database_open(struct database *database, const struct store_ops *ops,
	const struct config *config) __attribute__((warn_unused_result));
void database_close(struct database *database);
/* Before the threads run: calls read with a connection of its own.  0 or -errno,
 * logged. */
int database_read(const struct database *database,
	int (*read)(const struct store_ops *ops, struct store *store, void *arg),
	void *arg) __attribute__((warn_unused_result));
/* Whoever removed the database has usually removed the lock file too. */
void database_lock_again(struct database *database);

/* ---- numbers ---- */

/* Adds a thread, before the threads run. */
void database_add_thread(struct database *database, struct database_numbers *numbers);
/* The number of a row that the thread is about to submit. */
uint64_t database_next_seq(struct database *database, struct database_numbers *numbers);
/* The row of this number has come back, durable or not; rows of a thread come in
 * order. */
void database_note_back(struct database_numbers *numbers, uint64_t seq);
/* The last number given out. */
uint64_t database_last_seq(const struct database *database);
/* Numbers up to this will not be given out, since a cursor has this value already. */
void database_pass_seq(struct database *database, uint64_t seq);
/* All rows up to this are in the database, or never will be. */
uint64_t database_settled_seq(const struct database *database);

#endif
