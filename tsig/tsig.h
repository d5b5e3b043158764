/*
 * RFC 8945 on octets: finds, verifies and signs, for single messages and streams of
 * them.
 *
 * A struct tsig_context follows one exchange.  Server: tsig_verify_request fills it, then
 * tsig_sign_answer (once) or tsig_sign_answer and tsig_sign_next (zone transfers, 5.3.1)
 * use it.  Client: tsig_sign_request fills it, then tsig_verify_answer and a struct
 * tsig_stream use it.  The context points to the key, which must live as long.
 *
 * Times are seconds since 1970 and always an argument.  The message is hashed in place,
 * without copying: header with the Original ID restored (5.2), the octets up to the
 * TSIG record, the TSIG variables (4.3).
 */
#ifndef MUSTER_TSIG_H
#define MUSTER_TSIG_H

#include "tsig/key.h"
#include "tsig/wire.h"

enum {
	TSIG_FUDGE_S = 300,     /* used in our own messages, RFC 8945 10 */
	TSIG_UNSIGNED_MAX = 99, /* messages between two with TSIG, 5.3.1 */
	TSIG_OTHER_LEN = 6,     /* octets of server time in a BADTIME answer, 5.2.3 */
	TSIG_RESERVE_MAX = 2 * NAME_MAX_LEN + 26 + HMAC_MAX_LEN + TSIG_OTHER_LEN,
};

struct tsig_context {
	bool is_signed;             /* the request had a readable TSIG record */
	const struct tsig_key *key; /* NULL: unknown key (answer with BADKEY, unsigned) */
	enum hmac_algorithm alg;    /* of the key; meaningless while key is NULL */
	uint8_t key_name[NAME_MAX_LEN]; /* as asked for, lower case */
	uint8_t alg_name[NAME_MAX_LEN]; /* as asked for, lower case */
	uint16_t original_id;
	uint16_t error;            /* enum tsig_error to answer with */
	uint64_t time_signed;      /* the request's */
	uint16_t fudge;            /* the request's */
	uint8_t mac[HMAC_MAX_LEN]; /* the previous MAC: the request's, then our last one
				    */
	size_t mac_len;            /* as it stood on the wire, maybe truncated */
	size_t request_mac_len;    /* the answer's is never shorter, 5.2.4 */
	unsigned unsigned_run;     /* messages since the last TSIG (tsig_stream) */
};

/*
 * Server side.  m is the successful walk of msg.  Looks at the record at m->tsig_at: no
 * TSIG: NOERROR with is_signed false.  Unreadable RDATA: FORMERR.  Then key, MAC, time,
 * truncation, in that order (5.2): NOTAUTH with BADKEY, BADSIG, BADTIME or BADTRUNC.  A
 * MAC longer than the algorithm's or shorter than max(10, half the hash) is FORMERR
 * (5.2.2.1), after the key: an unknown algorithm has no length.  A key outside its
 * validity is BADKEY.  The fudge is limited to keyring_fudge_max.  On FORMERR and
 * SERVFAIL is_signed is false, and the answer has no TSIG, except for a MAC of the
 * wrong length, which is answered like a wrong MAC (5.3.2).  now is real time.
 */
struct verdict tsig_verify_request(struct tsig_context *ctx, struct hmac_pool *pool,
	const struct keyring *ring, const uint8_t *msg, const struct wire_message *m,
	int64_t now);

/* Octets to keep free for the TSIG of the answer; 0 if the request had none. */
size_t tsig_reserved_space(const struct tsig_context *ctx);

/*
 * Appends the TSIG record of an answer to msg (*len octets, room for cap) and raises
 * ARCOUNT.  With error BADKEY or BADSIG the record is unsigned (5.3.2); with BADTIME it
 * carries now in Other Data and the request's Time Signed (5.2.3).  Does nothing if the
 * request was unsigned.  0, -ENOSPC (does not fit), or -errno of hmac.
 */
int tsig_sign_answer(struct tsig_context *ctx, struct hmac_pool *pool, uint8_t *msg,
	size_t *len, size_t cap, int64_t now) __attribute__((warn_unused_result));

/* Further messages of a multi-message answer (5.3.1): previous MAC, message, timers. */
int tsig_sign_next(struct tsig_context *ctx, struct hmac_pool *pool, uint8_t *msg,
	size_t *len, size_t cap, int64_t now) __attribute__((warn_unused_result));

/* Client side: signs a new request with key; ctx is initialised. */
int tsig_sign_request(struct tsig_context *ctx, struct hmac_pool *pool,
	const struct tsig_key *key, uint8_t *msg, size_t *len, size_t cap, int64_t now)
	__attribute__((warn_unused_result));

/*
 * Client side: is this the authentic answer to the request that ctx was signed for?
 * NOERROR: MAC and time are right (5.3.1 first message, or a single one).  Otherwise
 * NOTAUTH with the TSIG error: the peer's own error if the record has one (then why
 * says so; a BADTIME answer whose MAC is right is authentic), BADSIG if unsigned.  ctx
 * changes only on NOERROR: after a forged answer the right one can still be verified
 * (5.4).
 */
struct verdict tsig_verify_answer(struct tsig_context *ctx, struct hmac_pool *pool,
	const uint8_t *msg, const struct wire_message *m, int64_t now);

/* The server's clock (seconds since 1970) in an answer for which tsig_verify_answer
 * returned BADTIME, which requires a right MAC: the Other Data of RFC 8945 5.2.3, or
 * the Time Signed of an answer that is itself out of time.  0: unreadable. */
uint64_t tsig_read_server_time(const uint8_t *msg, const struct wire_message *m);

/*
 * Further messages of a multi-message answer: a stream is made from the ctx of the first
 * message, after tsig_verify_answer, and copies it.  A message without TSIG is hashed
 * into the pending digest and NOERROR is returned, up to TSIG_UNSIGNED_MAX in a row; it
 * keeps the unsigned messages' octets until the next TSIG.  last says that this is the
 * final message, which must be signed.
 */
struct tsig_stream; /* the client's state over a transfer; owns the pending octets */
struct tsig_stream *tsig_stream_new(const struct tsig_context *ctx);
void tsig_stream_free(struct tsig_stream *stream);
struct verdict tsig_stream_verify(struct tsig_stream *stream, struct hmac_pool *pool,
	const uint8_t *msg, const struct wire_message *m, bool last, int64_t now);

#endif
