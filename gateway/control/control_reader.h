/*
 * Reads of the database for control, in a thread with a connection of its own: however
 * long the database lets one wait, whatever does not need it is answered meanwhile.
 *
 * Reads wait in the loop of whoever asks, and go to the thread one at a time, so that
 * those who have left can be passed over.  Each reads a bounded part (store.h).
 */
#ifndef MUSTER_CONTROL_READER_H
#define MUSTER_CONTROL_READER_H

#include <event2/event.h>
#include <sys/queue.h>

#include "gateway/base/queue.h"
#include "gateway/journal/store.h"

enum {
	CONTROL_READS_MAX = 16, /* that wait, beside the one that is being done; whoever
				 * asks for one more is told so */
};

/* One read; embedded in what it is for. */
struct control_read {
	struct queue_node node;          /* first */
	TAILQ_ENTRY(control_read) entry; /* while it waits */
	/* In the reader's thread, with the database open.  0 or -errno. */
	int (*run)(struct control_read *read, const struct store_ops *ops,
		struct store *store);
	void *arg;                   /* for run */
	char error[STORE_ERROR_MAX]; /* why it could not be read; "": it was */
	bool is_given_up;            /* nobody wanted it any more: run was not called */
};

/* What the reader asks and tells its user, in the user's loop. */
struct control_reader_user {
	/* Does anybody still wait for this? */
	bool (*is_wanted)(const struct control_read *read, void *arg);
	/* It is done, or given up, and the user's again. */
	void (*done)(struct control_read *read, void *arg);
	void *arg;
};

struct control_reader;

/* Starts the thread; it opens the database, a path that is copied, when it is first asked
 * for anything.  0 or -errno. */
int control_reader_new(struct control_reader **ret_reader, struct event_base *base,
	const struct store_ops *ops, const char *path,
	const struct control_reader_user *user) __attribute__((warn_unused_result));
/* The read is the reader's until done is called; is_short: it goes before those that are
 * not.  False: too many wait. */
bool control_reader_add(struct control_reader *reader, struct control_read *read,
	bool is_short) __attribute__((warn_unused_result));
/* Ends the thread, when it has finished what it is at.  NULL is harmless. */
void control_reader_stop(struct control_reader *reader);
/* After that: reads that are the reader's still; NULL: there are no more. */
struct control_read *control_reader_take_left(struct control_reader *reader);
/* After control_reader_stop; NULL is harmless. */
void control_reader_free(struct control_reader *reader);

#endif
