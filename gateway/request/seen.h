/*
 * Records when hosts without leases were last heard of.  A heartbeat for permanent
 * records refreshes no lease and changes nothing anywhere, but people may ask when the
 * host was last heard of.
 *
 * In memory only, SEEN_MAX names of a zone thread: a further one replaces one of the
 * few in its set, the one heard of longest ago.  Pure.
 */
#ifndef MUSTER_SEEN_H
#define MUSTER_SEEN_H

#include "zones/lease.h"

enum { SEEN_MAX = 4096 }; /* some 2 MiB */

struct seen_host {
	int64_t zone; /* store_ops.zone_id */
	int64_t at_s; /* real time; 0: the place is free */
	struct ip_address source;
	uint8_t owner[NAME_MAX_LEN];
	uint8_t key[NAME_MAX_LEN];
};

struct seen;

/* seed as of the zones, so that clients cannot choose which name is replaced.  NULL: no
 * memory. */
struct seen *seen_new(const struct name_seed *seed);
void seen_free(struct seen *seen); /* NULL is harmless */

/* The host has been heard of now, by this key. */
void seen_note(struct seen *seen, int64_t zone, const uint8_t *owner, const uint8_t *key,
	const struct ip_address *source, int64_t at_s);
/* NULL: nothing is known about it.  Valid until the next seen_note. */
const struct seen_host *seen_find(
	const struct seen *seen, int64_t zone, const uint8_t *owner);
/* All of a zone: *at begins at 0; NULL after the last. */
const struct seen_host *seen_next(const struct seen *seen, int64_t zone, size_t *at);

#endif
