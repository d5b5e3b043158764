/*
 * The database as all zone threads share it: taken for this process alone, with its one
 * journal, the numbers of its rows, how far it was promised, and the keys' shares of it.
 * Each thread reads it by a connection of its own (zone_thread.store).
 *
 * Rows of all zones are numbered by one counter.  A thread gives out numbers in the order
 * in which it submits the rows, but what two threads submit may be committed in either
 * order: whoever reads rows by their numbers, and wants to miss none, reads no further
 * than database_settled_seq.  Nothing else compares numbers of zones of different
 * threads: a target's cursor is compared with those of its own zone, and the mark of how
 * far the database was promised (high_water.h) with the newest row that it has.
 *
 * The functions may be called by any thread, but for open and close.
 */
#ifndef MUSTER_DATABASE_H
#define MUSTER_DATABASE_H

#include <stdatomic.h>

#include "gateway/config/config.h"
#include "gateway/journal/journal.h"
#include "gateway/thread/high_water.h"
#include "gateway/thread/journal_share.h"

enum { DATABASE_THREADS_MAX = 64 }; /* as many as config.zone_threads may be */

/* Of one thread: every number that it has given out and that is lower has come back from
 * the journal. */
struct database_numbers {
	atomic_uint_fast64_t pending; /* DATABASE_NONE_PENDING: all have */
	uint64_t last;                /* the thread's own: the last that it gave out */
};

#define DATABASE_NONE_PENDING UINT64_MAX

struct database {
	const struct store_ops *store_ops;
	char *path; /* of the configuration at the start; owned */
	struct journal *journal;
	struct high_water *mark;
	struct journal_share *share;
	/* The database is older than what was promised, or empty: what it still has for
	 * targets has been overtaken. */
	bool is_older;
	atomic_uint_fast64_t last_seq; /* never 0, which as a cursor means that there is
					* none */
	struct database_numbers *threads[DATABASE_THREADS_MAX];
	unsigned thread_count;
	pthread_mutex_t lock_lock;
	int lock; /* file descriptor: the database is ours; -1: none; under lock_lock */
};

/* 0 or -errno, logged; database_close either way, after the threads. */
int database_open(struct database *database, const struct store_ops *ops,
	const struct config *config) __attribute__((warn_unused_result));
void database_close(struct database *database);
/* Whoever removed the database has mostly removed the lock's file too. */
void database_lock_again(struct database *database);

/* ---- numbers ---- */

/* Before the threads run: one of them. */
void database_add_thread(struct database *database, struct database_numbers *numbers);
/* The number of a row that the thread is about to submit. */
uint64_t database_next_seq(struct database *database, struct database_numbers *numbers);
/* The row of this number is back, durable or not; those of a thread come in order. */
void database_note_back(struct database_numbers *numbers, uint64_t seq);
/* The last number that was given out. */
uint64_t database_last_seq(const struct database *database);
/* No number up to this will be given out: a cursor stands there already. */
void database_pass_seq(struct database *database, uint64_t seq);
/* All rows up to this are in the database, or never will be. */
uint64_t database_settled_seq(const struct database *database);

#endif
