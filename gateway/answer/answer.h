/*
 * Answers to queries from the mirror, and the frame of every answer.
 *
 * Answers are built without TSIG: the listener signs.  The limit given is for the
 * answer without the TSIG record, for which room has already been subtracted.
 */
#ifndef MUSTER_ANSWER_H
#define MUSTER_ANSWER_H

#include "zones/policy.h"

enum {
	/* Octets: what our OPT announces, and the largest UDP answer, so that it is not
	 * fragmented. */
	ANSWER_UDP_SIZE = 1232,
	ANSWER_WHOAMI_TTL_S = 0,
};

/*
 * Largest answer for a request over this transport: 65535 for TCP, 512 without EDNS,
 * otherwise the smaller of ANSWER_UDP_SIZE and what the client accepts.  Octets,
 * including TSIG.
 */
size_t answer_limit(const struct wire_message *m, bool is_tcp);

/*
 * An answer without records: the request's id, opcode and RD; QR; the question section
 * echoed if it was readable and fits, except for an UPDATE, whose sections are not
 * returned (RFC 2136 3.8); rcode; OPT if the request had one, with the extended rcode
 * and, if the verdict has one, the EDE with why as its text (RFC 8914), cut to fit.  A
 * failed walk is fine (m->question_end 0).  Never sets TC for an UPDATE.  extra may be
 * NULL, or option octets (code, length, data) for the OPT.  Returns its length; 0 if
 * not even the header fits.
 */
size_t answer_verdict(const uint8_t *msg, const struct wire_message *m,
	const struct verdict *verdict, const uint8_t *extra, size_t extra_len,
	uint8_t *buf, size_t limit);

struct answer_query {
	const uint8_t *msg;
	const struct wire_message *m; /* successful walk, opcode QUERY */
	const struct zone *zone;      /* the closest enclosing served zone */
	/* replaces the SOA's MNAME in answers; NULL: it does not */
	const uint8_t *mname;
	struct ip_address source; /* for whoami */
	bool is_tcp;
};

/*
 * RFC 1034 4.3.2 over one zone, without recursion: AA; wildcards (RFC 4592), CNAME
 * chains inside the zone, DNAME (RFC 6672), referrals with glue at zone cuts (DS from
 * the parent side), NODATA and NXDOMAIN with the SOA in the authority section, its TTL
 * the smaller of its own and MINIMUM (RFC 2308 3); QTYPE ANY: all RRsets (which some
 * DDNS clients use to read names back); additional records for NS, MX, SRV, SVCB and
 * HTTPS if they fit.  whoami.<zone> A, AAAA and TXT answer the source address unless
 * the zone has that name.  QCLASS other than IN and ANY: REFUSED.  QDCOUNT other than
 * 1: FORMERR.  For AXFR and IXFR see transfer.h.  If not everything fits, whole RRsets
 * are left out and TC is set.  Returns the length of the answer, at least that of a
 * header.
 */
size_t answer_build(const struct answer_query *query, uint8_t *buf, size_t limit);

/*
 * Builds an answer from that of another server to the same question (NOERROR, NXDOMAIN
 * or YXDOMAIN; m is its successful walk), with all its records except OPT and TSIG.
 * query->zone and mname are not used.  Truncates as above.
 */
size_t answer_hand_on(const struct answer_query *query, const uint8_t *from,
	const struct wire_message *m, uint8_t *buf, size_t limit);

/* Is this, in lower case, the name at which the zone tells clients their address? */
bool answer_is_whoami(const struct zone *zone, const uint8_t *name);

/* Reads the question: name in lower case, type, class.  False: there is not exactly
 * one. */
bool answer_read_question(const uint8_t *msg, const struct wire_message *m,
	uint8_t ret_name[NAME_MAX_LEN], uint16_t *ret_type, uint16_t *ret_class);

#endif
