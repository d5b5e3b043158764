/*
 * The mirror: a zone's RRsets in memory.
 *
 * A hash table of nodes by owner name.  A name that has no RRset but names below it that
 * do (an empty non-terminal, RFC 8020, RFC 4592 2.2.2) has a node too, kept by counting
 * children, so that NXDOMAIN and NODATA can be told apart.  A zone belongs to one thread.
 * About 100 octets per host with one address: name, node, RRset and slot.
 *
 * Clients that choose names must not be able to force hash collisions: the hash has a
 * seed, which the gateway draws when it starts.
 */
#ifndef MUSTER_ZONE_H
#define MUSTER_ZONE_H

#include "zones/rr.h"

struct zone;
struct zone_node;

/* NULL: no memory.  zone_new uses a fixed seed, for zones that no peer can fill. */
struct zone *zone_new_seeded(const uint8_t *apex, const struct name_seed *seed);
struct zone *zone_new(const uint8_t *apex);
void zone_free(struct zone *zone);
const uint8_t *zone_apex(const struct zone *zone);
const struct name_seed *zone_seed(const struct zone *zone);

/* The node of an owner name, empty non-terminals included; NULL: the name does not
 * exist.  Valid until the next change of the zone. */
const struct zone_node *zone_find_node(const struct zone *zone, const uint8_t *owner);
const uint8_t *zone_node_owner(const struct zone_node *node);
/* RRsets of a node, by index; NULL after the last. */
struct rrset *zone_node_rrset(const struct zone_node *node, unsigned index);
struct rrset *zone_node_find(const struct zone_node *node, uint16_t type);
/* Does any name exist below this one? */
bool zone_node_has_children(const struct zone_node *node);

/* The zone keeps its count; NULL: no such RRset. */
struct rrset *zone_find(const struct zone *zone, const uint8_t *owner, uint16_t type);

/* "Name is in use" of RFC 2136 2.4.4: it owns at least one RRset. */
bool zone_is_name_in_use(const struct zone *zone, const uint8_t *owner);

/*
 * Replaces the RRset of this type at owner (which must be at or below the apex), or
 * removes it if set is NULL.  The zone takes its own reference.  0 or -ENOMEM; removing
 * and replacing an existing RRset never fails.
 */
int zone_put(struct zone *zone, const uint8_t *owner, uint16_t type, struct rrset *set)
	__attribute__((warn_unused_result));

/*
 * Frees, bit by bit, what removals leave behind: the memory of names that are gone, kept
 * so that an undo finds it.  apply_update does this before it begins.
 */
void zone_settle(struct zone *zone);
/* Keeps all of it, until told otherwise: whatever is changed meanwhile can be undone. */
void zone_keep(struct zone *zone, bool is_kept);

/* Adds one record while loading: it joins its RRset, whose first TTL wins; duplicates,
 * records outside the zone and SOA records below its apex are ignored.  0, -ENOMEM or
 * -ENOSPC (the RRset is too large, and a mark stands for it: see verbatim.h). */
int zone_load_rr(struct zone *zone, const struct rr *rr)
	__attribute__((warn_unused_result));

struct rrset *zone_soa(const struct zone *zone); /* NULL: none (not loaded yet) */

/*
 * Marks a zone that its server signs.  What only the signer makes (RRSIG, NSEC, NSEC3)
 * is not in the mirror, so that updates see the zone as the signing server does: a name
 * whose last other record has been removed is free, even while there is still a proof
 * of it.
 */
void zone_set_signed(struct zone *zone, bool is_signed);
bool zone_is_signed(const struct zone *zone);
bool zone_type_is_proof(uint16_t type); /* RRSIG, NSEC, NSEC3 */

/*
 * Does the signer keep records of this type at the apex of this zone (DNSKEY,
 * NSEC3PARAM and so on)?  An update changes them only if it names the type: deleting
 * everything at the apex does not include them.
 */
bool zone_type_is_signers(const struct zone *zone, uint16_t type);

/*
 * Who holds a name: the key whose update last made it larger (holding.h).  Names keep
 * their holder as long as they have records.
 */
struct zone_holding {
	size_t names;
	size_t octets; /* of memory, as zone_count_octets counts */
};

/* Makes the key the holder of the name, if it exists.  0, or -ENOMEM with the holder
 * unchanged. */
int zone_hold(struct zone *zone, const uint8_t *owner, const uint8_t *key)
	__attribute__((warn_unused_result));
/* What a key holds in the zone; and what it would hold in addition if the name were
 * its. */
struct zone_holding zone_holding(const struct zone *zone, const uint8_t *key);
struct zone_holding zone_holding_at(
	const struct zone *zone, const uint8_t *owner, const uint8_t *key);
/* Gives the names of zone their holders in old, as far as memory allows. */
void zone_hold_as(struct zone *zone, const struct zone *old);

/* Numbers for status and limits. */
size_t zone_count_names(const struct zone *zone); /* owners of at least one RRset */
size_t zone_count_records(const struct zone *zone);
size_t zone_count_octets(const struct zone *zone); /* of memory, for names and records */

/*
 * Visits every node with data, in no particular order.  cursor starts at 0; returns
 * NULL at the end.  The zone must not change meanwhile.
 */
const struct zone_node *zone_next_node(const struct zone *zone, size_t *cursor);

/*
 * The same a page of about limit nodes at a time, between which the zone may change:
 * cursor starts at 0, and what is returned is where to continue, 0 after the last.  Names
 * that get or lose their last RRset between two pages may or may not be visited; all
 * others are visited once.  visit may remove RRsets of the node, and change nothing else.
 */
uint64_t zone_scan(const struct zone *zone, uint64_t cursor, size_t limit,
	void (*visit)(const struct zone_node *node, void *arg), void *arg);

/* ---- zone files (RFC 1035 5), into an empty zone ---- */

#include <stdio.h>
enum { ZONE_ERROR_MAX = 512 };

/* Reports what is read differently than written, and not refused: "file:line: ...". */
typedef void zone_warn(const char *message, void *arg);

/* 0, or -errno with ret_error "file:line: reason", or "file: reason". */
int zone_load_file(struct zone *zone, const char *path, zone_warn *warn, void *arg,
	char ret_error[ZONE_ERROR_MAX]) __attribute__((warn_unused_result));
/* The same from a stream, which cannot include files, and may be a zone without NS that
 * is never served; ret_error is "line N: reason". */
int zone_read_file(struct zone *zone, FILE *file, char ret_error[ZONE_ERROR_MAX])
	__attribute__((warn_unused_result));

#endif
