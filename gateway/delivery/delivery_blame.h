/*
 * Who is to blame if a target refuses a batch.
 *
 * A target says that it refuses a batch, and seldom what it minds of it.  So the batch is
 * taken apart, in order: its first half is sent, and, depending on what becomes of that,
 * the first half of this half or of what is left, until a single entry is refused.  What
 * comes before that one has been applied in large pieces, and what comes behind goes in
 * whole batches again.
 *
 * Counts entries only; the queue has them.
 */
#ifndef MUSTER_DELIVERY_BLAME_H
#define MUSTER_DELIVERY_BLAME_H

#include <stdbool.h>
#include <stddef.h>

struct delivery_blame {
	size_t suspects; /* so many entries at the head of the queue, of which one is
	                  * probably to blame; 0: nothing has been refused */
};

/* Is somebody to blame among the next entries?  Then batches go one at a time. */
static inline bool delivery_blame_is_looking(const struct delivery_blame *blame)
{
	return blame->suspects != 0;
}

/* So many entries may go into the next batch. */
size_t delivery_blame_limit(const struct delivery_blame *blame);
/* What became of a batch of so many entries at the head of the queue.  They were
 * applied. */
void delivery_blame_applied(struct delivery_blame *blame, size_t entries);
/* They were refused.  True: it is one, and to blame. */
bool delivery_blame_refused(struct delivery_blame *blame, size_t entries);

#endif
