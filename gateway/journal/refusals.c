/*
 * A ring of refusals (refusals.h).
 */
#include "gateway/journal/refusals.h"

#include <pthread.h>
#include <stdlib.h>

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

void refusals_note(struct refusals *refusals, const struct refusal *refusal)
{
	pthread_mutex_lock(&refusals->lock);
	refusals->ring[refusals->next] = *refusal;
	refusals->next = (refusals->next + 1) % REFUSALS_MAX;
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
