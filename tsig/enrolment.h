/*
 * An enrolment: all that a host needs to keep its own name, as one line that can be
 * pasted.  The programs that print it (musterctl enrol) and take it (muster-agent
 * --enrol) share this.
 *
 * The line is "muster1:" and the base64url (RFC 4648 5, without padding) of
 *
 *     gateways 8 bits: their number; for each 8 bits of length and the text, "host:port"
 *     zone       name, uncompressed (RFC 1035 3.1)
 *     name       name: the host's own
 *     key        name: the key's
 *     algorithm  name: as in a TSIG record (RFC 8945 6)
 *     secret     16 bits of length and the octets
 *     check      32 bits: CRC-32 (that of Ethernet) of all octets before, against lines
 *                that were cut or mistyped, not against forgers
 *
 * It contains the secret: handle it like the key file that it becomes.
 */
#ifndef MUSTER_ENROLMENT_H
#define MUSTER_ENROLMENT_H

#include "tsig/hmac.h"
#include "tsig/name.h"

enum {
	ENROLMENT_GATEWAYS_MAX = 8,
	ENROLMENT_GATEWAY_MAX = 256, /* octets of one, with its final zero */
	ENROLMENT_LINE_MAX = 6144,   /* octets of a line, with its final zero */
};

struct enrolment {
	char gateways[ENROLMENT_GATEWAYS_MAX][ENROLMENT_GATEWAY_MAX];
	size_t gateway_count;       /* at least 1 */
	uint8_t zone[NAME_MAX_LEN]; /* wire, lower case, like the names that follow */
	uint8_t name[NAME_MAX_LEN];
	uint8_t key[NAME_MAX_LEN];
	enum hmac_algorithm algorithm;
	uint8_t secret[HMAC_SECRET_MAX];
	uint16_t secret_len; /* octets, 1 to HMAC_SECRET_MAX */
};

/* 0, or -EINVAL for what cannot be encoded (no gateway, one with characters other than
 * printable ASCII, no secret). */
int enrolment_encode(const struct enrolment *enrolment, char ret_line[ENROLMENT_LINE_MAX])
	__attribute__((warn_unused_result));

/* White space around the line is skipped.  0, or -EINVAL with a static reason. */
int enrolment_decode(struct enrolment *ret_enrolment, const char *line,
	const char **ret_why) __attribute__((warn_unused_result));

/* Wipes the secret; callers do this when they no longer need it. */
void enrolment_wipe(struct enrolment *enrolment);

#endif
