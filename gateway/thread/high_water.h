/*
 * How far the database has been promised: the newest change that somebody may have been
 * told is durable, in a small file of its own, so that a database that has been put back
 * to an older state, or was lost, is known for that at the next start.
 *
 * The file is named ".NAME-mark" beside the database NAME: whoever puts "NAME*" back from
 * a backup leaves it where it is.  It is written once a turn, before what it tells of is
 * answered, without a sync: after a crash of the system it may tell of less.
 *
 * Any thread may use it.
 */
#ifndef MUSTER_HIGH_WATER_H
#define MUSTER_HIGH_WATER_H

#include <stdint.h>

struct high_water;

/* Opens or makes the file.  0 or -ENOMEM; a file that cannot be used is logged, and tells
 * nothing.  high_water_close either way. */
int high_water_open(struct high_water **ret_mark, const char *database)
	__attribute__((warn_unused_result));
void high_water_close(struct high_water *mark); /* NULL is harmless */

/* The newest change, 0: there is none; and when that was, real time. */
uint64_t high_water_seq(const struct high_water *mark);
int64_t high_water_at_ms(const struct high_water *mark);

/* Changes up to seq are durable. */
void high_water_raise(struct high_water *mark, uint64_t seq, int64_t at_ms);

#endif
