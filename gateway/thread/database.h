/*
 * The database as all zone threads share it: locked for this process, with its one
 * journal, the mark of acknowledged changes, and the keys' shares.  Each thread has a
 * reader of its own (zone_thread.reader).
 *
 * The functions may be called by any thread, except open and close.
 */
#ifndef MUSTER_DATABASE_H
#define MUSTER_DATABASE_H

#include "gateway/config/config.h"
#include "gateway/journal/journal.h"
#include "gateway/thread/high_water.h"
#include "gateway/thread/journal_share.h"

enum { DATABASE_THREADS_MAX = 64 }; /* as many as config.zone_threads may be */

struct database {
	const struct store_ops *store_ops;
	char *path; /* of the configuration at the start; owned */
	struct journal *journal;
	struct high_water *mark;
	struct journal_share *share;
	/* The database is older than what was acknowledged, or empty: what it still has
	 * for targets is outdated. */
	bool is_older;
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

#endif
