/*
 * Reads the database in a thread with a connection of its own, so that nobody whose loop
 * others depend on ever waits for a read.
 *
 * Whoever wants to know something hands over a job, and gets it back in its own loop when
 * the job is done.  Jobs are done one after the other, in the order in which they came.
 * A job should look at a bounded number of rows: those behind it wait, and the log of the
 * database is not emptied while it lasts.
 */
#ifndef MUSTER_READER_H
#define MUSTER_READER_H

#include <event2/event.h>
#include <stdatomic.h>

#include "gateway/base/queue.h"
#include "gateway/journal/store.h"

struct reader;

/* A job, embedded in the structure of whatever it is for.  It belongs to the reader until
 * it is back. */
struct reader_job {
	struct queue_node node; /* first */
	/* Runs in the reader's thread, with the database open.  0 or -errno. */
	int (*run)(
		struct reader_job *job, const struct store_ops *ops, struct store *store);
	/* Nobody wants it any more: any thread may say so, at any time.  If it has not
	 * begun then it never will, and its result is -ECANCELED. */
	atomic_bool is_given_up;
	int result;                  /* of run */
	char error[STORE_ERROR_MAX]; /* why it failed; "": it did not */
};

/* Whoever has jobs done; called in its loop. */
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
/* Ends the thread, after the job that it is at.  NULL is harmless. */
void reader_stop(struct reader *reader);
/* After reader_stop: a job that its user has not got back, done or not.  NULL: no more.
 */
struct reader_job *reader_take_left(struct reader *reader);
/* The same as reader_stop, if need be, and frees it.  NULL is harmless. */
void reader_free(struct reader *reader);

#endif
