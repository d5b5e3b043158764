/*
 * How PowerDNS moves a zone's serial, and how that shows whether others have written.
 *
 * A zone has two serials there.  The stored one is in its SOA record; SOA-EDIT-API
 * determines what a PATCH does to it.  The served one is what queries and transfers
 * see: SOA-EDIT makes it from the stored one when answering (and it may move with the
 * calendar).  The mirror has the served one, since that is what clients see and put
 * into prerequisites.
 *
 * A SOA inside a PATCH goes through SOA-EDIT-API as well, and then the answer does not
 * contain the serial.  Before 5.0 PowerDNS puts the new serial into both of its headers,
 * X-PDNS-Old-Serial and X-PDNS-New-Serial, so a write of somebody else's before our PATCH
 * shows only as a new serial that one write does not explain.  Since 5.0 the old one is
 * what the PATCH has found.
 *
 * Pure.  Measured with PowerDNS 4.7.3; what later versions do was read in their source.
 */
#ifndef MUSTER_POWERDNS_SERIAL_H
#define MUSTER_POWERDNS_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

/* What a PATCH does to the stored serial. */
enum powerdns_bump {
	POWERDNS_BUMP_NONE,     /* nothing ("", OFF): the PATCH must contain a SOA */
	POWERDNS_BUMP_INCREASE, /* +1 */
	POWERDNS_BUMP_DEFAULT,  /* +1, or the day as YYYYMMDD01 if that is more */
	POWERDNS_BUMP_EPOCH,    /* seconds since 1970: may stay the same, may go back */
	/* the result of SOA-EDIT's function, which may stay the same */
	POWERDNS_BUMP_EDIT,
	POWERDNS_BUMP_EDIT_INCREASE, /* the same, but +1 if that did not change it */
};

enum powerdns_fit {
	POWERDNS_FIT_NO,    /* somebody else wrote as well */
	POWERDNS_FIT_MAYBE, /* the kind does not tell */
	POWERDNS_FIT_YES,   /* one write of ours explains it */
};

struct powerdns_serial {
	enum powerdns_bump bump;
	bool is_served_as_stored; /* no SOA-EDIT */
	bool adds_weeks;          /* SOA-EDIT INCREMENT-WEEKS */
	uint32_t stored;
	uint32_t served;
};

/* A write: what it found, and the serial of the SOA in it, if any. */
struct powerdns_write {
	uint32_t before; /* stored */
	bool has_soa;
	uint32_t sent;
};

/* From the zone's soa_edit_api and soa_edit; both may be "". */
void powerdns_serial_init(struct powerdns_serial *ret, const char *soa_edit_api,
	const char *soa_edit, uint32_t stored, uint32_t served);

/* Must every PATCH contain a SOA for the served serial to move forward? */
bool powerdns_serial_must_send(const struct powerdns_serial *now);

/*
 * The serial to send.  wanted is the one that a client has set.  It counts only if it
 * moves the served serial forward (RFC 2136 3.4.2.2 has been checked against the
 * mirror, but the zone may have moved since), and then becomes the served serial if the
 * kind allows it.  NULL: none; the next serial is sent.
 */
uint32_t powerdns_serial_to_send(
	const struct powerdns_serial *now, const uint32_t *wanted);

/* Does one write explain the new stored serial, after? */
enum powerdns_fit powerdns_serial_fits(
	enum powerdns_bump bump, const struct powerdns_write *write, uint32_t after);

#endif
