/*
 * The shape of RDATA, per type: strict validation, expansion of compressed names,
 * comparison, and conversion to and from the text form of zone files.
 *
 * A table gives each known type its fields.  Types not in it are opaque (RFC 3597).
 * The gateway protects its targets: RDATA without the shape defined by its type's RFC
 * never gets in.  We write and read text ourselves: ldns loses some of it and leaks on
 * bad input, and PowerDNS has a form of its own.  RDATA without an agreed text form is
 * written as \# length hex (RFC 3597 5).
 */
#ifndef MUSTER_RDATA_H
#define MUSTER_RDATA_H

#include "zones/rr.h"

/*
 * Reads the RDATA of rdlength octets at offset at of a message into out (room for cap
 * octets), expanding compressed names where RFC 3597 4 allows them.  Returns the
 * uncompressed length, -EBADMSG if it does not have the shape of its type, -ENOSPC if
 * it would exceed cap or 65535.  rdlength 0 is valid only for types whose RDATA may be
 * empty.  ret_why points to a static reason on -EBADMSG.
 */
int rdata_read(uint16_t type, const uint8_t *msg, size_t msg_len, size_t at,
	uint16_t rdlength, uint8_t *out, size_t cap, const char **ret_why);

/*
 * The same for records that a server chosen by the operator has: they are mirrored, not
 * judged.  Names are expanded as far as the RDATA has the shape of its type; the rest
 * stays as it is.  Returns the length, -EBADMSG (beyond the message) or -ENOSPC.
 */
int rdata_read_loosely(uint16_t type, const uint8_t *msg, size_t msg_len, size_t at,
	uint16_t rdlength, uint8_t *out, size_t cap) __attribute__((warn_unused_result));
/* Does uncompressed RDATA have the fields of its type, whatever they hold? */
bool rdata_has_shape(uint16_t type, const uint8_t *rdata, uint16_t len);

/* Is this uncompressed RDATA valid for its type? */
bool rdata_is_valid(
	uint16_t type, const uint8_t *rdata, uint16_t len, const char **ret_why);

/*
 * Equality in canonical form: names of the types of RFC 4034 6.2 fold case, everything
 * else is compared octet by octet (RFC 2136 1.1.1, 3.2.3, 3.4.2.4).
 */
bool rdata_is_equal(uint16_t type, const uint8_t *a, uint16_t a_len, const uint8_t *b,
	uint16_t b_len);

/*
 * A hash of RDATA, the same for RDATA that rdata_is_equal calls equal, and
 * unpredictable without the seed.  It folds only what rdata_is_equal folds: thousands
 * of TXT records may differ in case alone, and must not collide.
 */
uint32_t rdata_hash(
	uint16_t type, const uint8_t *rdata, uint16_t len, const struct name_seed *seed);

/*
 * Writes RDATA into a message, with RDLENGTH, compressing only names in RFC 1035's
 * types (RFC 3597 4).  RDATA without the shape of its type is written as it is.
 */
void rdata_write(
	struct wire_writer *w, uint16_t type, const uint8_t *rdata, uint16_t len);

/*
 * Do RFC 2136 3.4.2.2 and RFC 2181 allow at most one record of this type?  True for
 * SOA, CNAME, DNAME: an added record replaces the existing one.
 */
bool rdata_is_singleton(uint16_t type);
/* QTYPE-only and meta types, never data in a zone (RFC 2136 3.4.1.2, RFC 6895 3.1). */
bool rdata_type_is_meta(uint16_t type);
/* For WKS, 3.4.2.2 replaces a record with the same address and protocol; for other
 * types this is rdata_is_equal. */
bool rdata_is_replaced_by(uint16_t type, const uint8_t *old, uint16_t old_len,
	const uint8_t *new, uint16_t new_len);

/*
 * The first domain name inside RDATA that `data` rules look at: target of CNAME, DNAME,
 * NS, PTR, MX, SRV, SVCB/HTTPS.  NULL for other types, and if there is no whole name.  A
 * pointer into rdata.
 */
const uint8_t *rdata_target(uint16_t type, const uint8_t *rdata, uint16_t len);

/*
 * Text of the RDATA alone, as in a zone file, allocated (free()); NULL: no memory.
 * Parsing it gives the same octets.
 */
char *rdata_to_text(uint16_t type, const uint8_t *rdata, uint16_t len);
/* The same as `content` of PowerDNS' API, which refuses text that it would write
 * differently: it does not escape ( ) ; " @ $ in names. */
char *rdata_to_text_powerdns(uint16_t type, const uint8_t *rdata, uint16_t len);
/*
 * Text to wire, validated: the text that follows the type in a zone file (RFC 1035 5.1,
 * zones/entry.h), including comments and parentheses.  Returns the length, -EINVAL,
 * -ENOSPC or -ENOMEM.  Names are absolute or completed with origin.
 */
int rdata_from_text(
	uint16_t type, const char *text, const uint8_t *origin, uint8_t *out, size_t cap);
/* The same with the reason, "" if there is none: "'99999' where a number from 0 to
 * 65535 belongs". */
enum { RDATA_WHY_MAX = 160 };
int rdata_from_text_why(uint16_t type, const char *text, const uint8_t *origin,
	uint8_t *out, size_t cap, char ret_why[RDATA_WHY_MAX]);
/*
 * The same for `content` that PowerDNS serves: its meaning is not judged, and the RDATA
 * may lack the shape of its type.  As in PowerDNS, strings beyond 255 octets continue
 * in further strings, a missing last one is empty, and seconds of LOC may be 60.
 */
int rdata_from_text_powerdns(
	uint16_t type, const char *text, const uint8_t *origin, uint8_t *out, size_t cap);

/* "A" or "TYPE65280".  And back, ignoring case; 0 if it is neither.  "ANY" is 255. */
enum { RDATA_TYPE_NAME_MAX = 16 };
const char *rdata_type_name(uint16_t type, char buf[RDATA_TYPE_NAME_MAX]);
uint16_t rdata_type_from_name(const char *name);
/* The same for PowerDNS' API, which knows many old types only as TYPEn. */
const char *rdata_type_name_powerdns(uint16_t type, char buf[RDATA_TYPE_NAME_MAX]);

#endif
