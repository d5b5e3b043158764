/*
 * A zone that is being opened: another thread reads what the database has of it,
 * so that no other zone waits.  A zone that the database does not know
 * gets its number from the journal.
 *
 * Its content is read later (content/seed.h), or comes from the primary target.
 */
#ifndef MUSTER_OPENING_H
#define MUSTER_OPENING_H

#include <sys/queue.h>

#include "gateway/delivery/delivery.h"
#include "gateway/thread/zone_thread.h"
#include "zones/lease.h"

/* A target that has a cursor, whether it is still configured or not. */
struct opening_target {
	STAILQ_ENTRY(opening_target) entry;
	struct delivery_start start;
	char id[]; /* config_target.id */
};

struct opening {
	struct thread_read read;   /* first */
	struct journal_op op;      /* makes the number */
	LIST_ENTRY(opening) entry; /* the owner's */
	struct zone_thread *thread;
	uint8_t name[NAME_MAX_LEN];
	int64_t id;                 /* store_ops.zone_id; 0: none yet */
	size_t set_aside;           /* changes that its targets have refused */
	struct lease_table *leases; /* done may take it */
	STAILQ_HEAD(, opening_target) targets;
	/* Called once, in the zone thread, with 0, or -errno and what the database
	 * says; then it is freed.  NULL: it has been given up. */
	void (*done)(struct opening *opening, int result, const char *error);
	void *arg;
};

/* Begins to read.  0 or -ENOMEM. */
int opening_begin(struct opening **ret_opening, struct zone_thread *thread,
	const uint8_t *name,
	void (*done)(struct opening *opening, int result, const char *error), void *arg)
	__attribute__((warn_unused_result));
/* Nobody wants it any more: done is not called. */
void opening_give_up(struct opening *opening);
/* Where a target stands; NULL: it has no cursor. */
const struct delivery_start *opening_find_target(
	const struct opening *opening, const char *id);

#endif
