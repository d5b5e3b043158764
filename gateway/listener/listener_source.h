/*
 * Counts the TCP connections of each source, so that no source can take all of them.
 *
 * A source is an IPv4 address, or the first 64 bits of an IPv6 one, since hosts can
 * choose the rest freely.  Belongs to one thread.
 */
#ifndef MUSTER_LISTENER_SOURCE_H
#define MUSTER_LISTENER_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "gateway/base/hash.h"

enum {
	LISTENER_SOURCE_KEY_LEN = 9, /* octets: family, and 4 or 8 of the address */
};

struct connection;

struct listener_source {
	UT_hash_handle hh;
	bool is_lost; /* by hash.h */
	uint8_t key[LISTENER_SOURCE_KEY_LEN];
	size_t count;                  /* connections */
	size_t transfers;              /* zone transfers requested and not yet sent */
	TAILQ_HEAD(, connection) idle; /* idle connections; longest idle first */
};

struct listener_sources {
	struct listener_source *all; /* hash by key; only those with connections */
};

/* The connections out of max that a source may have: three quarters, which leaves room
 * for others, and hardly affects a NAT gateway. */
static inline size_t listener_source_max(size_t max)
{
	return max - max / 4;
}

/* NULL: it has no connection. */
struct listener_source *listener_source_find(
	const struct listener_sources *sources, const struct sockaddr_storage *address);
/* Counts one more connection; NULL: no memory. */
struct listener_source *listener_source_take(
	struct listener_sources *sources, const struct sockaddr_storage *address);
/* Counts one less, and frees the source with its last connection. */
void listener_source_drop(
	struct listener_sources *sources, struct listener_source *source);

#endif
