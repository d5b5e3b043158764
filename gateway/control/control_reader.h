/*
 * Which read of the database control does next: its reader (gateway/journal/reader.h) has
 * a connection of its own, so that however long a read takes, requests that do not need
 * the database are answered meanwhile, and zones are not held up.
 *
 * Reads wait in control's loop, and are handed to the reader one at a time, so that short
 * ones go first, and those nobody waits for any more are skipped.  Each looks at a
 * bounded number of rows (store.h).
 */
#ifndef MUSTER_CONTROL_READER_H
#define MUSTER_CONTROL_READER_H

#include <sys/queue.h>

#include "gateway/journal/reader.h"

enum {
	CONTROL_READS_MAX = 16, /* that wait, besides the one that is being done;
				 * control_reader_add accepts no more */
};

/* A read, embedded in the structure of whatever it is for. */
struct control_read {
	struct reader_job job;           /* first */
	TAILQ_ENTRY(control_read) entry; /* while it waits */
	void *arg;                       /* the user's */
	bool is_given_up; /* it was not done, since nobody waited for it any more */
};

/* What the reader asks and tells its user, in the user's loop. */
struct control_reader_user {
	/* Does anybody still wait for this? */
	bool (*is_wanted)(const struct control_read *read, void *arg);
	/* It is done or given up, and belongs to the user again. */
	void (*done)(struct control_read *read, void *arg);
	void *arg;
};

struct control_reader;

/* Starts the thread, which opens the database at path (copied) for the first read.  0 or
 * -errno. */
int control_reader_new(struct control_reader **ret_reader, struct event_base *base,
	const struct store_ops *ops, const char *path,
	const struct control_reader_user *user) __attribute__((warn_unused_result));
/* The read belongs to the reader until done is called.  Short reads go before others.
 * False: too many wait already. */
bool control_reader_add(struct control_reader *reader, struct control_read *read,
	bool is_short) __attribute__((warn_unused_result));
/* Ends the thread, after its current read. NULL is harmless. */
void control_reader_stop(struct control_reader *reader);
/* After control_reader_stop: the reads that are not done, one by one; NULL: no more. */
struct control_read *control_reader_take_left(struct control_reader *reader);
/* After control_reader_stop; NULL is harmless. */
void control_reader_free(struct control_reader *reader);

#endif
