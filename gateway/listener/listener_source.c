/*
 * TCP connections by source: a table of fixed size with chains.  It never has more
 * sources than there are connections, which limits the chains, whatever addresses
 * clients choose; the hash usually makes them short.
 */
#include "gateway/listener/listener_source.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static void make_key(
	uint8_t key[LISTENER_SOURCE_KEY_LEN], const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;

	memset(key, 0, LISTENER_SOURCE_KEY_LEN);
	key[0] = address->ss_family == AF_INET6 ? 6 : 4;
	if (address->ss_family == AF_INET6)
		memcpy(key + 1, &in6->sin6_addr, 8);
	else
		memcpy(key + 1, &in->sin_addr, 4);
}

static size_t bucket_of(const uint8_t key[LISTENER_SOURCE_KEY_LEN])
{
	uint64_t hash;

	memcpy(&hash, key + 1, sizeof(hash));
	hash = (hash + key[0]) * 0x9e3779b97f4a7c15;
	return (hash ^ hash >> 32) % LISTENER_SOURCE_BUCKETS;
}

struct listener_source *listener_source_find(
	const struct listener_sources *sources, const struct sockaddr_storage *address)
{
	uint8_t key[LISTENER_SOURCE_KEY_LEN];
	struct listener_source *source;

	make_key(key, address);
	LIST_FOREACH(source, &sources->buckets[bucket_of(key)], entry)
	{
		if (!memcmp(source->key, key, sizeof(key)))
			return source;
	}
	return NULL;
}

struct listener_source *listener_source_take(
	struct listener_sources *sources, const struct sockaddr_storage *address)
{
	struct listener_source *source = listener_source_find(sources, address);

	if (!source) {
		source = calloc(1, sizeof(*source));
		if (!source)
			return NULL;
		make_key(source->key, address);
		TAILQ_INIT(&source->idle);
		LIST_INSERT_HEAD(
			&sources->buckets[bucket_of(source->key)], source, entry);
	}
	source->count++;
	return source;
}

void listener_source_drop(struct listener_source *source)
{
	if (--source->count)
		return;
	LIST_REMOVE(source, entry);
	free(source);
}
