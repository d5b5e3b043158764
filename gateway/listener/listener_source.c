/*
 * TCP connections by source: a hash table, which never has more sources than there are
 * connections, whatever addresses clients choose.
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

struct listener_source *listener_source_find(
	const struct listener_sources *sources, const struct sockaddr_storage *address)
{
	uint8_t key[LISTENER_SOURCE_KEY_LEN];
	struct listener_source *source;

	make_key(key, address);
	HASH_FIND(hh, sources->all, key, sizeof(key), source);
	return source;
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
		HASH_ADD(hh, sources->all, key, sizeof(source->key), source);
		if (source->is_lost) {
			free(source);
			return NULL;
		}
	}
	source->count++;
	return source;
}

void listener_source_drop(
	struct listener_sources *sources, struct listener_source *source)
{
	if (--source->count)
		return;
	HASH_DEL(sources->all, source);
	free(source);
}
