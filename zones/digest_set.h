/*
 * A set of RRsets or of records that keeps 8 octets of each instead of the thing itself:
 * a hash with a secret seed.  With a million members, the chance that another one is
 * taken for a member is about 1 in 4 million million.  Each member has one bit of its
 * own.
 *
 * There is no limit here; users have their own.  Pure.
 */
#ifndef MUSTER_DIGEST_SET_H
#define MUSTER_DIGEST_SET_H

#include "zones/rr.h"

struct digest_set {
	struct name_seed seed;
	uint64_t *slots; /* 0: free; otherwise the digest, whose lowest bit is the
	                  * member's own */
	size_t room;     /* power of two, or 0 */
	size_t count;
};

/* seed NULL: a fixed one, for tests. */
void digest_set_init(struct digest_set *set, const struct name_seed *seed);
void digest_set_clear(struct digest_set *set); /* empties it, and frees its memory */

/* The digest of an RRset, and of a record, whose RDATA counts as rdata_is_equal has
 * it. */
uint64_t digest_of_rrset(
	const struct digest_set *set, const uint8_t *owner, uint16_t type);
uint64_t digest_of_record(const struct digest_set *set, const struct rr *rr);

/* Adds it, or changes its bit.  0 or -ENOMEM. */
int digest_set_put(struct digest_set *set, uint64_t digest, bool bit)
	__attribute__((warn_unused_result));
/* Is it a member?  *ret_bit (NULL: not needed) is its bit. */
bool digest_set_has(const struct digest_set *set, uint64_t digest, bool *ret_bit);

#endif
