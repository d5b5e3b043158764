/*
 * Which zone thread has a zone.
 *
 * A new configuration may move a zone to another thread, as its first rule with ptr
 * does (config_zone.pin).  The old thread closes it, which takes as long as requests
 * and the journal take; the new one has to wait for that, and is told.
 */
#ifndef MUSTER_ZONE_CLAIMS_H
#define MUSTER_ZONE_CLAIMS_H

#include <pthread.h>

#include "gateway/base/queue.h"
#include "tsig/name.h"

struct zone_claim;

struct zone_claims {
	pthread_mutex_t lock;
	struct zone_claim *zones; /* hash by name */
};

/* Sent to the thread that wanted a zone which another had; to be freed by free(). */
struct zone_handover {
	struct queue_node node; /* first */
	uint8_t name[NAME_MAX_LEN];
};

void zone_claims_init(struct zone_claims *claims);
void zone_claims_clear(struct zone_claims *claims);

/*
 * The thread opens the zone.  0: it has the zone until zone_claims_give_up; -EALREADY:
 * it has had it all along; -EBUSY: another thread has it, and when that gives it up a
 * struct zone_handover is pushed into handovers (of the thread that asked last);
 * -ENOMEM.
 */
int zone_claims_take(struct zone_claims *claims, const uint8_t *name, unsigned thread,
	struct queue *handovers) __attribute__((warn_unused_result));
void zone_claims_give_up(struct zone_claims *claims, const uint8_t *name);

#endif
