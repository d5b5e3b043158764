/*
 * The mark of acknowledged changes: the newest change that has been confirmed as durable
 * to a client.  It is kept in a small file of its own, so that the next start recognises
 * a database that was restored to an older state, or lost.
 *
 * The file is named ".NAME-mark" beside the database NAME: restoring "NAME*" from a
 * backup leaves it where it is.  It is written once a turn, after the changes have been
 * acknowledged, so that nobody waits for that, and without a sync: after a crash it may
 * be too old, but hardly older than a copy that somebody restores then.
 *
 * Any thread may use it.
 */
#ifndef MUSTER_HIGH_WATER_H
#define MUSTER_HIGH_WATER_H

#include <stdint.h>

struct high_water;

/* Opens or creates the file.  0 or -ENOMEM; a file that cannot be used is logged and
 * ignored.  high_water_close is needed either way. */
int high_water_open(struct high_water **ret_mark, const char *database)
	__attribute__((warn_unused_result));
void high_water_close(struct high_water *mark); /* NULL is harmless */

/* The newest change, 0: there is none; and its real time. */
uint64_t high_water_seq(const struct high_water *mark);
int64_t high_water_at_ms(const struct high_water *mark);

/* Changes up to seq are durable. */
void high_water_raise(struct high_water *mark, uint64_t seq, int64_t at_ms);

#endif
