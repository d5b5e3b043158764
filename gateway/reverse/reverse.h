/*
 * PTR records follow addresses (rules with ptr).
 *
 * An address that a rule with ptr lets in gets a PTR record in the served zone that
 * encloses its reverse name, by an edit of the gateway's own, which is journalled and
 * delivered like any other.  Its lease is derived: as long as the address', refreshed
 * with it, and without end if that has none.  So a PTR record that has gone astray ends
 * by itself, and one that was lost comes back with the next refresh.
 *
 * An address that several hosts have has one PTR record.  Whoever has it keeps it for as
 * long as the address is there and refreshed in time, for otherwise any host could take
 * another's by registering its address.  It moves at once if the same key gives the
 * address to another of its hosts (a DHCP server), or if the other host speaks from that
 * very address over TCP, which nobody else can.  The others wait: each has a derived
 * lease without a record (LEASE_WAITING), stored and refreshed like any, and when the PTR
 * record goes, by whatever way, one of them gets it.
 *
 * What is not derived is somebody's own, and left alone unless the rule says adopt.
 * Where there is no served zone, or it is not loaded, the address does without.
 *
 * What is here reads and edits both zones, of the address and of the PTR record, in one
 * step: who has a record, who waits for it and who is next is decided by both, and must
 * not change between a look at one and an edit of the other.  Messages between the owners
 * of the two would need that decision to be taken back, or waited for, at each step.  So
 * all such zones are served by one thread (config_zone.pin), and only zones that PTR
 * records have nothing to do with are spread over the others.
 *
 *   reverse.c         which addresses come, stay and go
 *   reverse_place.c   what stands at a reverse name, and whose it is
 *   reverse_wish.c    what shall happen there, and edits made of that
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

/* All zones of a zone thread, for both ends: where addresses are, and where their PTR
 * records belong. */
struct reverse_zones {
	struct zone_reverse *zones; /* hash by name */
	bool has_reverse; /* there is, or was, a zone where PTR records belong */
};

struct zone_reverse {
	UT_hash_handle hh;
	struct reverse_zones *all;
	struct content *content;
	struct zone_leases *leases;
	struct alarm sweep; /* derived records are looked through, a page at a time */
	uint64_t cursor;    /* of that */
	struct ptr_wishes wishes; /* for this zone, until its gate opens */
	bool has_ptr_rule;        /* of the zone's policy */
	bool was_missing;         /* a zone for PTR records was, and somebody was told */
	bool is_entered;          /* in all */
	bool is_lost;             /* it could not be */
};

extern const struct content_observer reverse_observer;

/* 0 or -ENOMEM; reverse_close either way. */
int reverse_open(struct zone_reverse *zone, struct reverse_zones *all,
	struct content *content, struct zone_leases *leases)
	__attribute__((warn_unused_result));
/* Once more does no harm. */
void reverse_close(struct zone_reverse *zone);
/* The rules are others. */
void reverse_configure(struct zone_reverse *zone);

/* Somebody else's difference changed the zone: PTR records of addresses that are gone
 * go. */
void reverse_follow(struct zone_reverse *zone, const struct changeset *changes);
/* It was wrong to believe that what is pending still does all that it did: derived
 * records are looked through. */
void reverse_sweep(struct zone_reverse *zone);
/* leases_hooks: may this derived lease expire?  If not, how much longer its address has,
 * at least. */
bool reverse_may_expire(void *part, const struct rr *ptr, int64_t *ret_longer_ms);

/* ---- for who gives leases to records that have none ---- */

/* The PTR record of an address that has been given this lease, as far as there is place
 * for it, whoever has put it there. */
void reverse_wish(struct ptr_wishes *wishes, struct zone_reverse *zone,
	const struct rr *address, const struct lease_record *lease);
/* All of them, one edit for each zone; where several come to one place, the first does,
 * and the others wait.  Frees them. */
void reverse_grant(struct ptr_wishes *wishes);

#endif
