/*
 * Claims, in one table for all threads, used when a zone is opened or closed.
 */
#include "gateway/served/zone_claims.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/hash.h"

struct zone_claim {
	UT_hash_handle hh;
	struct zone_handover *handover; /* its name is the key; owned */
	unsigned thread;                /* that has the zone */
	struct queue *wanted;           /* of the thread that wants it; NULL: none does */
	bool is_lost;                   /* it could not be entered */
};

static void claim_free(struct zone_claim *claim)
{
	if (!claim)
		return;
	free(claim->handover);
	free(claim);
}

/* NULL: no memory. */
static struct zone_claim *claim_new(const uint8_t *name, unsigned thread)
{
	struct zone_claim *claim = calloc(1, sizeof(*claim));

	if (!claim)
		return NULL;
	claim->thread = thread;
	claim->handover = calloc(1, sizeof(*claim->handover));
	if (!claim->handover) {
		claim_free(claim);
		return NULL;
	}
	memcpy(claim->handover->name, name, name_len(name));
	return claim;
}

static struct zone_claim *find(const struct zone_claims *claims, const uint8_t *name)
{
	struct zone_claim *claim;

	HASH_FIND(hh, claims->zones, name, name_len(name), claim);
	return claim;
}

static int enter(struct zone_claims *claims, const uint8_t *name, unsigned thread)
{
	struct zone_claim *claim = claim_new(name, thread);

	if (!claim)
		return -ENOMEM;
	HASH_ADD_KEYPTR(hh, claims->zones, claim->handover->name, name_len(name), claim);
	if (!claim->is_lost)
		return 0;
	claim_free(claim);
	return -ENOMEM;
}

int zone_claims_take(struct zone_claims *claims, const uint8_t *name, unsigned thread,
	struct queue *handovers)
{
	struct zone_claim *claim;
	int r = -EALREADY;

	pthread_mutex_lock(&claims->lock);
	claim = find(claims, name);
	if (!claim) {
		r = enter(claims, name, thread);
	} else if (claim->thread != thread) {
		claim->wanted = handovers;
		r = -EBUSY;
	}
	pthread_mutex_unlock(&claims->lock);
	return r;
}

void zone_claims_give_up(struct zone_claims *claims, const uint8_t *name)
{
	struct zone_claim *claim;

	pthread_mutex_lock(&claims->lock);
	claim = find(claims, name);
	if (claim)
		HASH_DEL(claims->zones, claim);
	pthread_mutex_unlock(&claims->lock);
	if (claim && claim->wanted) {
		queue_push_one(claim->wanted, &claim->handover->node);
		claim->handover = NULL;
	}
	claim_free(claim);
}

void zone_claims_init(struct zone_claims *claims)
{
	pthread_mutex_init(&claims->lock, NULL);
	claims->zones = NULL;
}

void zone_claims_clear(struct zone_claims *claims)
{
	struct zone_claim *claim, *next;

	HASH_ITER(hh, claims->zones, claim, next) {
		HASH_DEL(claims->zones, claim);
		claim_free(claim);
	}
	pthread_mutex_destroy(&claims->lock);
}
