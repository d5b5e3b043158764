/*
 * A ring of refusals (refusals.h).
 */
#include "gateway/request/refusals.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"

struct refusals {
	pthread_mutex_t lock;
	size_t next; /* where the next one goes */
	struct refusal ring[REFUSALS_MAX];
};

struct refusals *refusals_new(void)
{
	struct refusals *refusals = calloc(1, sizeof(*refusals));

	if (!refusals)
		return NULL;
	if (pthread_mutex_init(&refusals->lock, NULL)) {
		free(refusals);
		return NULL;
	}
	return refusals;
}

void refusals_free(struct refusals *refusals)
{
	if (!refusals)
		return;
	pthread_mutex_destroy(&refusals->lock);
	free(refusals);
}

void refusals_note(struct refusals *refusals, const struct transaction *t,
	const char *peer, const char *request)
{
	char name[VERDICT_NAME_MAX];
	struct refusal *refusal;

	pthread_mutex_lock(&refusals->lock);
	refusal = &refusals->ring[refusals->next];
	refusals->next = (refusals->next + 1) % REFUSALS_MAX;
	refusal->id = t->id;
	refusal->at_ms = clock_real_ms();
	refusal->is_known = t->subject.key != NULL;
	refusal->has_key = t->tsig.is_signed;
	if (refusal->has_key)
		memcpy(refusal->key, t->tsig.key_name, name_len(t->tsig.key_name));
	refusal->has_zone = t->zone != NULL;
	if (refusal->has_zone)
		memcpy(refusal->zone, t->zone->name, name_len(t->zone->name));
	snprintf(refusal->peer, sizeof(refusal->peer), "%s", peer);
	snprintf(refusal->answer, sizeof(refusal->answer), "%s",
		verdict_name(&t->verdict, name));
	snprintf(refusal->why, sizeof(refusal->why), "%s", t->verdict.why);
	snprintf(refusal->request, sizeof(refusal->request), "%.*s",
		REFUSAL_REQUEST_MAX - 1, request);
	pthread_mutex_unlock(&refusals->lock);
}

bool refusals_find(struct refusals *refusals, uint64_t id, struct refusal *ret)
{
	bool is_found = false;

	pthread_mutex_lock(&refusals->lock);
	for (size_t i = 1; i <= REFUSALS_MAX && !is_found; i++) {
		const size_t at = (refusals->next + REFUSALS_MAX - i) % REFUSALS_MAX;

		is_found = id && refusals->ring[at].id == id;
		if (is_found)
			*ret = refusals->ring[at];
	}
	pthread_mutex_unlock(&refusals->lock);
	return is_found;
}
