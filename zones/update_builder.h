/*
 * Updates that the gateway itself makes: expiries, PTR records, what administrators
 * delete, what a server says has changed.
 *
 *	struct update_builder b;
 *
 *	update_builder_init(&b, apex);
 *	update_builder_add(&b, &rr);
 *	r = update_builder_finish(&b, &update);
 *
 * Errors are kept until the end: after one, further records are ignored.
 */
#ifndef MUSTER_UPDATE_BUILDER_H
#define MUSTER_UPDATE_BUILDER_H

#include "zones/arena.h"
#include "zones/update.h"

struct update_builder {
	const uint8_t *apex;   /* the caller's */
	struct update *update; /* with room for records behind it; NULL: not yet made */
	size_t room, count;    /* records */
	size_t octets;         /* of owners and RDATA, as far as they have been copied */
	struct arena arena;
	int error; /* 0, -ENOMEM or -E2BIG */
};

/* apex, in lower case, must live until the end. */
void update_builder_init(struct update_builder *b, const uint8_t *apex);
/* For callers who know beforehand how much will come. */
void update_builder_reserve(struct update_builder *b, size_t records, size_t octets);
/* One more change, behind the others; what rr points into is copied.  Runs of equal
 * owners share their octets. */
void update_builder_add(struct update_builder *b, const struct rr *rr);
/*
 * The update, without prerequisites and not bounded; update_free().  0, or -ENOMEM, or
 * -E2BIG (more than UINT16_MAX records), and then *ret_update is NULL.  Either way the
 * builder holds nothing any more, and is as after update_builder_init.
 */
int update_builder_finish(struct update_builder *b, struct update **ret_update)
	__attribute__((warn_unused_result));
/* Without an update.  A builder that is all zeros has nothing to free. */
void update_builder_clear(struct update_builder *b);

#endif
