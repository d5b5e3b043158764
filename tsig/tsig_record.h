/*
 * The TSIG record itself: reads and appends it, and computes the MAC over a message and
 * its record.
 *
 * Shared by the server's and the client's side; makes no decisions.  All other code
 * uses tsig.h.
 */
#ifndef MUSTER_TSIG_RECORD_H
#define MUSTER_TSIG_RECORD_H

#include "tsig/tsig.h"

/* RFC 8945 4.2.  A view: the pointers lead into a message, a context or a local
 * buffer. */
struct tsig_record {
	const uint8_t *key_name; /* lower case, uncompressed */
	const uint8_t *alg_name; /* lower case, uncompressed */
	uint64_t time_signed;    /* seconds since 1970, 48 bits */
	uint16_t fudge;          /* seconds */
	uint16_t mac_len;        /* octets */
	const uint8_t *mac;
	uint16_t original_id;
	uint16_t error;     /* enum tsig_error, or whatever the peer sent */
	uint16_t other_len; /* octets */
	const uint8_t *other;
};

/* What a MAC covers before the TSIG variables or timers (RFC 8945 4.3, 5.3.1). */
struct tsig_digest {
	const uint8_t *prior_mac; /* the request's, or the previous message's */
	size_t prior_mac_len;     /* octets; 0: nothing is prepended */
	const uint8_t *pending;   /* unsigned messages before this one */
	size_t pending_len;       /* octets */
	const uint8_t *msg;
	size_t msg_len;   /* octets, without the TSIG record */
	uint16_t arcount; /* without the TSIG record */
	bool timers_only; /* 5.3.1: second and later messages */
};

/* Reads the record at m->tsig_at; the names go into the two buffers.  NULL, or what is
 * wrong with it: a static string. */
const char *tsig_record_read(struct tsig_record *ret_record,
	uint8_t key_name[NAME_MAX_LEN], uint8_t alg_name[NAME_MAX_LEN],
	const uint8_t *msg, const struct wire_message *m);

/* RFC 8945 5.2.2.1: is it neither longer than the whole MAC nor cut too short? */
bool tsig_record_is_mac_len_allowed(enum hmac_algorithm alg, size_t len);

/* RFC 8945 5.2.3: is now within Fudge, limited to fudge_max seconds, of Time Signed? */
bool tsig_record_is_timely(
	const struct tsig_record *record, unsigned fudge_max, int64_t now);

/* The whole MAC, hmac_hash_len octets.  0 or -errno of hmac. */
int tsig_record_compute(struct hmac_pool *pool, const struct tsig_key *key,
	const struct tsig_digest *digest, const struct tsig_record *record,
	uint8_t ret_mac[HMAC_MAX_LEN]) __attribute__((warn_unused_result));

/* Octets of the record in a message. */
size_t tsig_record_len(const struct tsig_record *record);

/* Does it fit after *len octets, and can ARCOUNT be raised?  0, -ENOSPC, or -EINVAL if
 * msg is shorter than a header. */
int tsig_record_check_room(const struct tsig_record *record, const uint8_t *msg,
	size_t len, size_t cap) __attribute__((warn_unused_result));

/* Appends the record, which fits, and raises ARCOUNT. */
void tsig_record_append(
	const struct tsig_record *record, uint8_t *msg, size_t *len, size_t cap);

#endif
