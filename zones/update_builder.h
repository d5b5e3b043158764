/*
 * Updates that the gateway itself makes: expiries, PTR records, deletions by
 * administrators, changes reported by a server.
 *
 * 	struct update_builder b;
 *
 * 	update_builder_init(&b, apex);
 * 	update_builder_add(&b, &rr);
 * 	r = update_builder_finish(&b, &update);
 *
 * Errors are reported at the end: after the first, further records are ignored.
 */
#ifndef MUSTER_UPDATE_BUILDER_H
#define MUSTER_UPDATE_BUILDER_H

#include "zones/arena.h"
#include "zones/update.h"

struct update_builder {
	const uint8_t *apex;   /* the caller's */
	struct update *update; /* with room for records behind it; NULL: not made yet */
	size_t room, count;    /* records */
	size_t octets;         /* of owners and RDATA copied so far */
	struct arena arena;
	int error; /* 0, -ENOMEM or -E2BIG */
};

/* apex, in lower case, must outlive the builder. */
void update_builder_init(struct update_builder *b, const uint8_t *apex);
/* For callers that know in advance how much will be added. */
void update_builder_reserve(struct update_builder *b, size_t records, size_t octets);
/* Appends one change; what rr points into is copied.  Runs of equal owners share their
 * octets. */
void update_builder_add(struct update_builder *b, const struct rr *rr);
/*
 * Returns the update, without prerequisites and not bounded; free it with update_free.
 * 0, or -ENOMEM, or -E2BIG (more than UINT16_MAX records), and then *ret_update is
 * NULL.  Either way the builder is then as after update_builder_init.
 */
int update_builder_finish(struct update_builder *b, struct update **ret_update)
	__attribute__((warn_unused_result));
/* Drops everything.  A builder that is all zeros has nothing to free. */
void update_builder_clear(struct update_builder *b);

#endif
