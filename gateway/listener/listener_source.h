/*
 * How many TCP connections each source has, so that none can have them all.
 *
 * A source is an IPv4 address, or the first 64 bits of an IPv6 one: more than that is
 * anybody's to choose.  Belongs to one thread.
 */
#ifndef MUSTER_LISTENER_SOURCE_H
#define MUSTER_LISTENER_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

enum {
	LISTENER_SOURCE_KEY_LEN = 9, /* octets: family, and 4 or 8 of the address */
	LISTENER_SOURCE_BUCKETS = 1 << 12,
};

struct connection;

struct listener_source {
	LIST_ENTRY(listener_source) entry; /* of its bucket */
	uint8_t key[LISTENER_SOURCE_KEY_LEN];
	size_t count;                  /* connections */
	size_t transfers;              /* zone transfers asked for and not yet sent */
	TAILQ_HEAD(, connection) idle; /* those that are; longest idle first */
};

struct listener_sources {
	LIST_HEAD(, listener_source) buckets[LISTENER_SOURCE_BUCKETS];
};

/* What a source may have of max connections: three quarters, so that there is room for
 * others, and one behind a gateway of addresses hardly feels it. */
static inline size_t listener_source_max(size_t max)
{
	return max - max / 4;
}

/* NULL: it has no connection. */
struct listener_source *listener_source_find(
	const struct listener_sources *sources, const struct sockaddr_storage *address);
/* Counts one connection more; NULL: no memory. */
struct listener_source *listener_source_take(
	struct listener_sources *sources, const struct sockaddr_storage *address);
/* Counts one less, and frees it with the last. */
void listener_source_drop(struct listener_source *source);

#endif
