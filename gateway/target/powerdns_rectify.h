/*
 * When a zone in PowerDNS must be rectified after a PATCH.
 *
 * Queries for an empty non-terminal are answered NXDOMAIN, which denies everything
 * below it as well (RFC 8020), until the server has been told to look for such names:
 * "rectify".  In a signed zone this also computes the order of names and what is
 * authoritative.  With API-RECTIFY, PowerDNS rectifies the whole zone with each PATCH,
 * which takes time in proportion to its size.  Otherwise it is requested here, and only
 * if a batch may have made or removed an empty non-terminal.
 *
 * Little is remembered: hashes of the names directly below the apex that have names
 * below them.  Hashes are only added until the next load.  A collision causes one
 * unnecessary rectification.  Pure.
 */
#ifndef MUSTER_POWERDNS_RECTIFY_H
#define MUSTER_POWERDNS_RECTIFY_H

#include "zones/changeset.h"

struct powerdns_parents; /* of one zone */

/* NULL: no memory. */
struct powerdns_parents *powerdns_parents_new(
	const uint8_t *apex, const struct name_seed *seed);
void powerdns_parents_free(struct powerdns_parents *parents); /* NULL is harmless */

/* Remembers a name that the zone has.  Without memory for them, every batch is assumed to
 * need rectifying. */
void powerdns_parents_note_name(struct powerdns_parents *parents, const uint8_t *owner);
/* Remembers names that a batch adds. */
void powerdns_parents_note(
	struct powerdns_parents *parents, const struct changeset *changes);

/* Must the zone be rectified after this batch?  To be called before the batch is
 * noted. */
bool powerdns_parents_need_rectify(const struct powerdns_parents *parents,
	const struct changeset *changes, bool is_signed);

#endif
