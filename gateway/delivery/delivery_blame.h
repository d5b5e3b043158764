/*
 * Who is to blame if a target refuses a batch.
 *
 * A target says that it refuses a batch, and seldom what it minds of it.  So the batch is
 * taken apart, in order: its first half is sent, and, depending on what becomes of that,
 * the first half of this half or of what is left, until a single entry is refused.  What
 * comes before that one has been applied in large pieces, and what comes behind goes in
 * whole batches again.  If the target names one, that one is tried by itself, after what
 * comes before it.
 *
 * Who has sent what was refused is remembered for a while.  Changes of a sender of whom
 * more than about one in BLAME_REFUSED is refused go alone, so that batches with the
 * changes of others stay whole; and others may go before them (delivery_order.c).
 *
 * Counts entries, and knows senders by a number; the queue has them.
 */
#ifndef MUSTER_DELIVERY_BLAME_H
#define MUSTER_DELIVERY_BLAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BLAME_SENDERS = 16, /* remembered; the least suspect one makes way */
	BLAME_REFUSED = 8,  /* a refusal weighs as much as so many successes */
	BLAME_MAX = 64,     /* after so many successes nobody is suspect any more */
	BLAME_ALONE = 4,    /* changes of suspects between two batches of others */
};

struct delivery_blame {
	size_t count;    /* so many entries at the head of the queue, of which one is
	                  * probably to blame; 0: nothing has been refused */
	bool is_named;   /* the target has named one of them, */
	size_t before;   /* which stands behind so many */
	unsigned alone;  /* so many changes of suspects may go before the next batch */
	bool is_testing; /* the last batch is the change of a suspect */
	struct {
		uint32_t sender; /* 0: free */
		unsigned weight;
	} senders[BLAME_SENDERS];
};

/* May what follows the batch in flight have to be formed again?  Then it goes one at a
 * time. */
static inline bool delivery_blame_is_looking(const struct delivery_blame *blame)
{
	return blame->count || blame->is_testing;
}

/* So many entries may go into the next batch. */
size_t delivery_blame_limit(const struct delivery_blame *blame);
/* What became of a batch of so many entries at the head of the queue.  They were
 * applied. */
void delivery_blame_applied(struct delivery_blame *blame, size_t entries);
/* They were refused.  True: it is one, and to blame. */
bool delivery_blame_refused(struct delivery_blame *blame, size_t entries);
/* After that: the target means the one behind so many others. */
void delivery_blame_name(struct delivery_blame *blame, size_t before);

/* Nothing is known of the entries at the head of the queue any more. */
void delivery_blame_begin_again(struct delivery_blame *blame);

/* A number for a sender, by its key (a name in wire form; NULL: none). */
uint32_t delivery_blame_sender(const uint8_t *key);
/* Is anybody remembered? */
bool delivery_blame_has_senders(const struct delivery_blame *blame);
/* What became of one of its changes. */
void delivery_blame_note(struct delivery_blame *blame, uint32_t sender, bool is_refused);
/* Do its changes go alone? */
bool delivery_blame_suspects(const struct delivery_blame *blame, uint32_t sender);

#endif
