/*
 * Checkpoints move what commits have written to the database's log into the database
 * itself, in parallel with the commits instead of between them.
 *
 * SQLite would do it in the commit that makes the log too long, which then takes as
 * long as hundreds of others.  Here a thread with a connection of its own does most of
 * it while the journal continues to write.  The little that is added meanwhile is moved
 * by the journal thread between two groups, and the next commit starts the log again
 * from its beginning.
 *
 * The log has at most CHECKPOINT_MAX octets plus those of one commit, as long as no
 * reader is using it: if the thread falls behind, the journal waits for it.
 */
#ifndef MUSTER_CHECKPOINT_H
#define MUSTER_CHECKPOINT_H

#include "gateway/journal/store.h"

enum {
	CHECKPOINT_AT = 8 << 20,     /* octets of the log: about 20,000 updates */
	CHECKPOINT_REST = 512 << 10, /* what the journal thread itself moves: it takes
	                              * a millisecond or two */
	CHECKPOINT_MAX = 64 << 20,
};

struct checkpointer;

/* 0 or -errno, with error as set by store_ops.open. */
int checkpointer_new(struct checkpointer **ret_checkpointer, const struct store_ops *ops,
	const char *path, char error[STORE_ERROR_MAX]);
void checkpointer_free(struct checkpointer *checkpointer); /* NULL is harmless */

/* Called by the journal thread after a commit: takes care of the log of store. */
void checkpointer_turn(struct checkpointer *checkpointer, struct store *store);
/* Called by the journal thread: the database's files are new. */
void checkpointer_reopen(struct checkpointer *checkpointer, const char *path);

#endif
