/*
 * Compares what a server has of a zone with what it should have, in pieces, so that
 * however large the zone is, nobody has to wait for it.
 *
 * What the server has is a zone of its own, which the comparison eats up: each name that
 * has been compared leaves it.  What it should have is usually the mirror, which may
 * change between two pieces: a name that changes meanwhile is compared as it is before or
 * afterwards, or not at all, so the caller must know which RRsets those are.
 *
 * Left out are those that belong to each server itself: the SOA and the NS records of the
 * apex, and what a signer makes (RRSIG, NSEC, NSEC3; DNSKEY, CDS, CDNSKEY, NSEC3PARAM and
 * BIND's TYPE65534 at the apex).  Records that only their server can read (verbatim.h)
 * never differ, either.
 *
 * Differences are collected in a change set, which leads from what the server has
 * (before) to what it should have (after).  Those of one name stand together.  drift_mend
 * then says for each record what is wrong with it, and makes the RRset that mends some of
 * it.
 *
 * Pure.
 */
#ifndef MUSTER_COMPARE_H
#define MUSTER_COMPARE_H

#include "zones/changeset.h"

struct comparison {
	struct zone *found; /* owned: what has not been compared yet; NULL: none */
	uint64_t cursor;    /* zone_scan */
	bool is_at_rest;    /* all names of the other zone have been compared; what is
	                     * left is what only the server has */
};

/* Takes over found. */
void comparison_init(struct comparison *comparison, struct zone *found);
void comparison_clear(struct comparison *comparison);

/*
 * Goes on with about so many names of wanted, and appends what differs to drift.  1:
 * there is more; 0: that was all; -ENOMEM: the comparison cannot go on, and drift lacks
 * something.
 */
int comparison_step(struct comparison *comparison, const struct zone *wanted,
	size_t names, struct changeset *drift) __attribute__((warn_unused_result));

/* Is an RRset of this type left out, since it belongs to each server itself? */
bool comparison_leaves_out(const uint8_t *apex, const uint8_t *owner, uint16_t type);

/* ---- records ---- */

enum drift_kind {
	DRIFT_MISSING, /* the server lacks it */
	DRIFT_FOREIGN, /* only the server has it */
	/* it has another TTL; or other data, if every foreign record of the RRset can be
	 * explained as one that should be there and was changed */
	DRIFT_DIFFERENT,
};

struct drift {
	enum drift_kind kind;
	struct rr wanted; /* MISSING, DIFFERENT */
	struct rr found;  /* FOREIGN, DIFFERENT */
};

/*
 * Calls is_mended for each record of an RRset that differs (change: of comparison_step,
 * or alike).  *ret_set is what the server has, with those mended for which it returned
 * true: missing ones added, foreign ones removed, different ones replaced.  NULL: no
 * record is left.  It has the TTL that it should have if anything that should be there
 * was mended.  The caller's.  0; -ENOMEM; or -ENOSPC: the RRset would be too large.
 */
int drift_mend(const struct change *change,
	bool (*is_mended)(const struct drift *drift, void *arg), void *arg,
	struct rrset **ret_set) __attribute__((warn_unused_result));

#endif
