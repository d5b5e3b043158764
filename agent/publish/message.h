/*
 * UPDATE messages (RFC 2136 2) of a zone's ledger, with the Update Lease option (RFC 9664
 * 4), and queries for the gateway's view of us; built with ldns.  Pure; TSIG is added
 * where they are sent, by tsig/, since that of ldns is wrong in places.
 *
 * An update has no prerequisites: it has to work as registration and as refresh alike
 * (RFC 9664 5.1).  It adds records without conditions, so that adding what exists is a
 * heartbeat; it removes records one by one, and a whole RRset only for a claim.
 */
#ifndef MUSTER_AGENT_MESSAGE_H
#define MUSTER_AGENT_MESSAGE_H

#include <sys/types.h>

#include "agent/publish/ledger.h"

enum {
	MESSAGE_CAP = 60000,        /* octets: room for TSIG below RFC 1035's 65535 */
	MESSAGE_UDP_MAX = 1100,     /* with TSIG below 1232, which no path fragments */
	MESSAGE_UDP_PAYLOAD = 1232, /* what we take as an answer, RFC 6891 6.2.5 */
	OPTION_LEASE = 2,           /* RFC 9664 9 */
	OPTION_EDE = 15,            /* RFC 8914 2 */
};

/*
 * Writes the picked entries from first on into buf, as many as fit, but only whole owners
 * as long as one fits.  *ret_end is the first entry that is not in it (end, if all are).
 * The length; 0: nothing is picked; -ENOMEM.
 */
ssize_t message_write_update(uint8_t *buf, size_t cap, const uint8_t *zone,
	const struct ledger *ledger, size_t first, size_t end, uint32_t lease_s,
	size_t *ret_end) __attribute__((warn_unused_result));

/* A query.  The length, or -ENOMEM. */
ssize_t message_write_query(uint8_t *buf, size_t cap, const uint8_t *name, uint16_t type)
	__attribute__((warn_unused_result));

/* The lease that an answer grants, seconds; false: it has none. */
bool message_read_lease(
	const uint8_t *msg, const struct wire_message *m, uint32_t *ret_lease_s);

/* "Prohibited: rule 1 ...": the answer's EDE; "" if it has none.  Returns buf. */
enum { MESSAGE_EDE_MAX = 256 };
char *message_read_ede(
	const uint8_t *msg, const struct wire_message *m, char buf[MESSAGE_EDE_MAX]);

/* The records of this type (A, AAAA) at name in the answer section: adds their RDATA as
 * records of owner.  0 or -errno of records_add. */
int message_read_addresses(struct records *set, const uint8_t *owner, uint32_t ttl,
	const uint8_t *msg, const struct wire_message *m, const uint8_t *name,
	uint16_t type) __attribute__((warn_unused_result));

#endif
