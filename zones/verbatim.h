/*
 * Records that only their target can put into octets.
 *
 * A target may serve what Muster has no RDATA for: PowerDNS' "ipv4hint=auto" is made into
 * addresses with each answer, a type may have a text that no parser here reads.  Such a
 * record stands in the mirror all the same, as a mark and the target's own text: its name
 * is in use, its RRset exists, both can be deleted, and who writes the RRset anew gives
 * the text back as it was.  It equals nothing that a client could name.
 *
 * A mark without text stands for what can not even be given back: an RRset that is too
 * large to be held, or a text that is too long.
 *
 * Nobody can send one: rdata_is_valid and rdata_read refuse RDATA that begins with the
 * mark, for every type.  It must not get into a message either.
 */
#ifndef MUSTER_VERBATIM_H
#define MUSTER_VERBATIM_H

#include "zones/rr.h"

enum { VERBATIM_MARK_LEN = 16 }; /* octets before the text */

/* Writes mark and text, or the mark alone if cap octets do not take both.  cap is at
 * least VERBATIM_MARK_LEN.  The length. */
uint16_t verbatim_write(uint8_t *out, size_t cap, const char *text, size_t text_len);

/* Is this RDATA such a record? */
bool verbatim_is(const uint8_t *rdata, size_t len);
/* Does a set hold one? */
bool verbatim_is_among(const struct rrset *set);

/* Its text, of *ret_len octets, without a final zero.  NULL: it is none, or has none. */
const char *verbatim_text(const uint8_t *rdata, size_t len, size_t *ret_len);

/* One record, the mark alone, in place of an RRset that is too large.  NULL: no memory.
 */
struct rrset *verbatim_of_large_set(uint16_t type, uint32_t ttl);
bool verbatim_is_of_large_set(const struct rrset *set);

#endif
