/*
 * How PowerDNS moves a zone's serial, and what that says about who wrote.
 *
 * A zone has two serials there.  The stored one stands in its SOA record; SOA-EDIT-API
 * says what a PATCH does to it.  The served one is what queries and transfers see:
 * SOA-EDIT makes it from the stored one when answering (and it may move with the
 * calendar).  The mirror has the served one, since that is what clients see and put into
 * prerequisites.
 *
 * A SOA inside a PATCH goes through SOA-EDIT-API as well, and then the answer does not
 * tell the serial.  PowerDNS 4.7 gives the new serial in both of its headers,
 * X-PDNS-Old-Serial and X-PDNS-New-Serial, so that a write between our look and our PATCH
 * shows only as a new serial that one write does not explain.
 *
 * Pure.  Measured with PowerDNS 4.7.3.
 */
#ifndef MUSTER_POWERDNS_SERIAL_H
#define MUSTER_POWERDNS_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

/* What a PATCH does to the stored serial. */
enum powerdns_bump {
	POWERDNS_BUMP_NONE,     /* nothing ("", OFF): the PATCH must bring a SOA */
	POWERDNS_BUMP_INCREASE, /* +1 */
	POWERDNS_BUMP_DEFAULT,  /* +1, or the day as YYYYMMDD01 if that is more */
	POWERDNS_BUMP_EPOCH,    /* seconds since 1970: may stand still, may go back */
	POWERDNS_BUMP_EDIT,     /* SOA-EDIT's function of it, which may stand still */
	POWERDNS_BUMP_EDIT_INCREASE, /* the same, but +1 if that did not move it */
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

/* A write: what it found, and the serial of the SOA that it brought, if it did. */
struct powerdns_write {
	uint32_t before; /* stored */
	bool has_soa;
	uint32_t sent;
};

/* From the zone's soa_edit_api and soa_edit; both may be "". */
void powerdns_serial_init(struct powerdns_serial *ret, const char *soa_edit_api,
	const char *soa_edit, uint32_t stored, uint32_t served);

/* Must every PATCH bring a SOA, for the served serial to move forward? */
bool powerdns_serial_must_send(const struct powerdns_serial *now);

/*
 * The serial to send.  wanted is the one that a client has set; it counts only if it
 * moves the served serial forward (RFC 2136 3.4.2.2 has been checked against the mirror,
 * but the zone may have moved since), and then it becomes the served serial where the
 * kind allows. NULL: none, then the next.
 */
uint32_t powerdns_serial_to_send(
	const struct powerdns_serial *now, const uint32_t *wanted);

/* Does one write explain that the stored serial is now after? */
enum powerdns_fit powerdns_serial_fits(
	enum powerdns_bump bump, const struct powerdns_write *write, uint32_t after);

#endif
