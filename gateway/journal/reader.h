/*
 * Reads the database in a thread with a connection of its own, so that loops on which
 * others depend never wait for a read.
 *
 * A user submits a job, and gets it back in its own loop when it is done.  Jobs are
 * done one after the other, in order of arrival.  A job should look at a bounded number
 * of rows: those behind it wait, and the log of the database is not emptied while it
 * runs.  (Only a zone that is opened is read at once: its leases, its records or its
 * file.)
 */
#ifndef MUSTER_READER_H
#define MUSTER_READER_H

#include <event2/event.h>
#include <stdatomic.h>

#include "gateway/base/queue.h"
#include "gateway/journal/store.h"

struct reader;

/* A job, embedded in the structure of whatever it is for.  It belongs to the reader
 * until it comes back. */
struct reader_job {
	struct queue_node node; /* first */
	/* Runs in the reader's thread, with the database open.  0 or -errno. */
	int (*run)(
		struct reader_job *job, const struct store_ops *ops, struct store *store);
	/* It is no longer wanted: any thread may set this at any time.  If it has not
	 * begun, it never will, and its result is -ECANCELED. */
	atomic_bool is_given_up;
	int result;                  /* returned by run */
	char error[STORE_ERROR_MAX]; /* why it failed; "": it succeeded */
};

/* A user with jobs that are done; called in its loop. */
struct reader_user {
	void (*back)(struct reader_job *job, void *arg);
	void *arg;
};

/* Starts the thread, which opens the database at path (copied) for the first job.  0 or
 * -errno. */
int reader_new(struct reader **ret_reader, const char *thread_name,
	struct event_base *base, const struct store_ops *ops, const char *path,
	const struct reader_user *user) __attribute__((warn_unused_result));
void reader_submit(struct reader *reader, struct reader_job *job);
/* Ends the thread, after its current job.  NULL is harmless. */
void reader_stop(struct reader *reader);
/* After reader_stop: a job, done or not, that was not returned to its user.  NULL: no
 * more. */
struct reader_job *reader_take_left(struct reader *reader);
/* Stops it if necessary, and frees it.  NULL is harmless. */
void reader_free(struct reader *reader);

#endif
