/*
 * When a zone in PowerDNS must be rectified after a PATCH.
 *
 * Queries for an empty non-terminal are answered NXDOMAIN, which denies everything below
 * it as well (RFC 8020), until the server has been told to look for such names:
 * "rectify".  In a signed zone the order of names and what is authoritative is worked out
 * there too. PowerDNS does it with each PATCH if API-RECTIFY says so, for the whole zone,
 * which takes as long as the zone is large; otherwise it is asked for here, and only
 * where a batch may have made or removed an empty non-terminal.
 *
 * What is remembered is small: hashes of the names directly below the apex that have
 * names below themselves, as many as there are, never fewer (a load begins anew).  A
 * collision costs one rectification too many.  Pure.
 */
#ifndef MUSTER_POWERDNS_RECTIFY_H
#define MUSTER_POWERDNS_RECTIFY_H

#include "zones/changeset.h"

struct powerdns_parents; /* of one zone */

struct powerdns_parents *powerdns_parents_new(const uint8_t *apex); /* NULL: no memory */
void powerdns_parents_free(struct powerdns_parents *parents);       /* NULL is harmless */

/* Remembers the zone's names instead of those before.  Without memory for that, every
 * batch is taken to need it. */
void powerdns_parents_load(struct powerdns_parents *parents, const struct zone *zone);

/* Remembers names that a batch brings. */
void powerdns_parents_note(
	struct powerdns_parents *parents, const struct changeset *changes);

/* Must the zone be rectified after this batch?  Asked before it is noted. */
bool powerdns_parents_need_rectify(const struct powerdns_parents *parents,
	const struct changeset *changes, bool is_signed);

#endif
