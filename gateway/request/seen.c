/*
 * Sets of a few places each, found by the hash of the name (seen.h).
 */
#include "gateway/request/seen.h"

#include <stdlib.h>
#include <string.h>

enum { SET_SIZE = 4 };

struct seen {
	struct name_seed seed;
	struct seen_host hosts[SEEN_MAX]; /* sets one after the other */
};

struct seen *seen_new(const struct name_seed *seed)
{
	struct seen *seen = calloc(1, sizeof(*seen));

	if (seen)
		seen->seed = *seed;
	return seen;
}

void seen_free(struct seen *seen)
{
	free(seen);
}

static size_t set_of(const struct seen *seen, const uint8_t *owner)
{
	return name_hash_seeded(owner, &seen->seed) % (SEEN_MAX / SET_SIZE) * SET_SIZE;
}

static bool is_of(const struct seen_host *host, int64_t zone, const uint8_t *owner)
{
	return host->at_s && host->zone == zone && name_is_equal(host->owner, owner);
}

void seen_note(struct seen *seen, int64_t zone, const uint8_t *owner, const uint8_t *key,
	const struct ip_address *source, int64_t at_s)
{
	struct seen_host *set = &seen->hosts[set_of(seen, owner)], *place = set;

	for (size_t i = 0; i < SET_SIZE && !is_of(place, zone, owner); i++) {
		if (is_of(&set[i], zone, owner) || set[i].at_s < place->at_s)
			place = &set[i];
	}
	if (!is_of(place, zone, owner)) {
		place->zone = zone;
		memcpy(place->owner, owner, name_len(owner));
	}
	place->at_s = at_s;
	place->source = *source;
	memcpy(place->key, key, name_len(key));
}

const struct seen_host *seen_find(
	const struct seen *seen, int64_t zone, const uint8_t *owner)
{
	const struct seen_host *set = &seen->hosts[set_of(seen, owner)];

	for (size_t i = 0; i < SET_SIZE; i++) {
		if (is_of(&set[i], zone, owner))
			return &set[i];
	}
	return NULL;
}

const struct seen_host *seen_next(const struct seen *seen, int64_t zone, size_t *at)
{
	while (*at < SEEN_MAX) {
		const struct seen_host *host = &seen->hosts[(*at)++];

		if (host->at_s && host->zone == zone)
			return host;
	}
	return NULL;
}
