/*
 * Checkpoints: what commits have written to the database's log moves into the database
 * itself, beside the commits and not between them.
 *
 * SQLite would do it in the commit that makes the log long, which then takes as long as
 * hundreds of others.  Here a thread with a connection of its own does most of it while
 * the journal goes on writing; what has come meanwhile is little, the journal thread
 * moves it between two groups, and with the next commit the log begins anew.
 *
 * The log is at most CHECKPOINT_MAX and what one commit writes, as long as no reader
 * stands in it: if the thread does not come along, the journal waits for it.
 */
#ifndef MUSTER_CHECKPOINT_H
#define MUSTER_CHECKPOINT_H

#include "gateway/journal/store.h"

enum {
	CHECKPOINT_AT = 8 << 20,     /* octets of the log: some 20,000 updates */
	CHECKPOINT_REST = 512 << 10, /* what the journal thread itself moves: a
				      * millisecond or two */
	CHECKPOINT_MAX = 64 << 20,
};

struct checkpointer;

/* 0 or -errno, with error as store_ops.open sets it. */
int checkpointer_new(struct checkpointer **ret_checkpointer, const struct store_ops *ops,
	const char *path, char error[STORE_ERROR_MAX]);
void checkpointer_free(struct checkpointer *checkpointer); /* NULL is harmless */

/* By the journal thread, after a commit: sees to the log, which is store's. */
void checkpointer_turn(struct checkpointer *checkpointer, struct store *store);
/* By the journal thread: the database's files are new ones. */
void checkpointer_reopen(struct checkpointer *checkpointer, const char *path);

#endif
