/*
 * Records for which only their target has octets.
 *
 * A target may serve records for which Muster has no RDATA: PowerDNS expands
 * "ipv4hint=auto" into addresses with each answer, and a type may have a text that we
 * cannot parse.  Such a record is still kept in the mirror, as a mark followed by the
 * target's own text: its name is in use, its RRset exists, both can be deleted, and
 * writing the RRset returns the text as it was.  It is not equal to anything that a
 * client could name.
 *
 * A mark without text stands for what cannot be written back: an RRset that is too
 * large to be held, or a text that is too long.
 *
 * Clients cannot send one: rdata_is_valid and rdata_read refuse RDATA that begins with
 * the mark, for every type.  It must never be written into a message either.
 */
#ifndef MUSTER_VERBATIM_H
#define MUSTER_VERBATIM_H

#include "zones/rr.h"

enum { VERBATIM_MARK_LEN = 16 }; /* octets before the text */

/* Writes mark and text, or only the mark if cap octets do not suffice for both.  cap is
 * at least VERBATIM_MARK_LEN.  Returns the length. */
uint16_t verbatim_write(uint8_t *out, size_t cap, const char *text, size_t text_len);

/* Is this RDATA such a record? */
bool verbatim_is(const uint8_t *rdata, size_t len);
/* Does the set contain such a record? */
bool verbatim_is_among(const struct rrset *set);

/* Its text, of *ret_len octets, without a terminating zero.  NULL: it is not such a
 * record, or has no text. */
const char *verbatim_text(const uint8_t *rdata, size_t len, size_t *ret_len);

/* An RRset of one record, the mark alone, in place of one that is too large.  NULL: no
 * memory. */
struct rrset *verbatim_of_large_set(uint16_t type, uint32_t ttl);
bool verbatim_is_of_large_set(const struct rrset *set);

#endif
