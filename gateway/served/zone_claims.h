/*
 * Which zone thread has a zone.
 *
 * A new configuration may give a zone to another thread: its first rule with ptr does
 * (config_zone.pin).  The old one closes it, which takes as long as requests and the
 * journal take; the new one has to wait for that, and is told.
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

/* Told to whoever wanted a zone that another thread had; free. */
struct zone_handover {
	struct queue_node node; /* first */
	uint8_t name[NAME_MAX_LEN];
};

void zone_claims_init(struct zone_claims *claims);
void zone_claims_clear(struct zone_claims *claims);

/*
 * The thread opens the zone.  0: it is the thread's, until zone_claims_give_up; -EBUSY:
 * another has it, and when that gives it up a struct zone_handover is pushed into
 * handovers (of the thread that has asked last); -ENOMEM.
 */
int zone_claims_take(struct zone_claims *claims, const uint8_t *name, unsigned thread,
	struct queue *handovers) __attribute__((warn_unused_result));
void zone_claims_give_up(struct zone_claims *claims, const uint8_t *name);

#endif
