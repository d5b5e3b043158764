/*
 * PTR records follow addresses (rules with ptr).
 *
 * An address that a rule with ptr lets in gets a PTR record in the served zone that
 * encloses its reverse name, by an edit of the gateway's own, which is journalled and
 * delivered like any other.  Its lease is derived: as long as the address', refreshed
 * with it, and without end if that has none.  So a stray PTR record ends by itself, and
 * a lost one comes back with the next refresh.
 *
 * An address that several hosts have gets one PTR record.  Its host keeps it as long as
 * the address exists and is refreshed in time; otherwise any host could take the record
 * of another by registering its address.  It moves at once if the same key gives the
 * address to another of its hosts (a DHCP server), or if the other host sends from that
 * very address over TCP, which no other host can do.  The others wait: each has a
 * derived lease without a record (LEASE_WAITING), stored and refreshed like any other,
 * and when the PTR record is removed, in whatever way, one of them gets it.
 *
 * PTR records that are not derived belong to somebody, and are left alone unless the
 * rule says adopt.  If no zone is served for it, or the zone is not loaded, an address
 * gets no PTR record.
 *
 * This code reads and edits both zones, of the address and of the PTR record, in one
 * step: both determine who has a record, who waits for it and who is next, and this
 * must not change between reading one and editing the other.  With messages between two
 * threads, each step would have to be undone, or waited for.  So all such zones are
 * served by one thread (config_zone.pin), and only zones without such PTR records are
 * spread over the others.
 *
 *   reverse.c        which addresses are added, kept and removed
 *   reverse_place.c  what stands at a reverse name, and whose it is
 *   reverse_wish.c   what is to happen there, and the edits that do it
 */
#ifndef MUSTER_GATEWAY_REVERSE_H
#define MUSTER_GATEWAY_REVERSE_H

#include "gateway/base/hash.h"
#include "gateway/content/content.h"
#include "gateway/leases/leases.h"

struct ptr_wish;

struct ptr_wishes {
	struct ptr_wish *wishes;
	size_t count, room;
	bool is_incomplete; /* no memory */
};

/* All zones of a zone thread, in both roles: where addresses are, and where their PTR
 * records belong. */
struct reverse_zones {
	const struct config *config; /* borrowed; the newest */
	struct zone_reverse *zones;  /* in service; hash by name */
	bool has_reverse; /* there is, or was, a zone where PTR records belong */
};

struct zone_reverse {
	UT_hash_handle hh;
	struct reverse_zones *all;
	struct content *content;
	struct zone_leases *leases;
	struct alarm sweep;       /* derived records are checked, a page at a time */
	uint64_t cursor;          /* of that */
	struct ptr_wishes wishes; /* for this zone, until its gate opens, or there is
	                           * memory */
	bool has_ptr_rule;        /* of the zone's policy */
	/* a zone for PTR records was missing, and this was logged */
	bool was_missing;
	bool is_entered; /* in all */
	bool is_lost;    /* it could not be */
};

extern const struct content_observer reverse_observer;

/* 0 or -ENOMEM; reverse_close is needed either way. */
int reverse_open(struct zone_reverse *zone, struct reverse_zones *all,
	struct content *content, struct zone_leases *leases)
	__attribute__((warn_unused_result));
/* Calling it twice does no harm. */
void reverse_close(struct zone_reverse *zone);
/* The rules have changed. */
void reverse_configure(struct zone_reverse *zone);

/* leases_hooks: may this derived lease expire?  If not, how much longer its address
 * has, at least. */
bool reverse_may_expire(void *part, const struct rr *ptr, int64_t *ret_longer_ms);

/* ---- for code that gives leases to records that have none ---- */

/* The PTR record of an address that has been given this lease, if its place is free,
 * whoever put the record there. */
void reverse_wish(struct ptr_wishes *wishes, struct zone_reverse *zone,
	const struct rr *address, const struct lease_record *lease);
/* Carries out all of them, with one edit for each zone; if several want one place, the
 * first gets it, and the others wait.  Frees them. */
void reverse_grant(struct ptr_wishes *wishes);

#endif
