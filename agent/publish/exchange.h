/*
 * One request to one server, and its answer: over UDP with retransmission of the same
 * octets (so that a server can recognise a duplicate), or over TCP.
 *
 * The request is signed and the answer verified (RFC 8945).  An unsigned answer proves
 * nothing: an unsigned refusal is reported as EXCHANGE_UNPROVEN, after a moment in which
 * the genuine answer may still come.  Belongs to one event base.
 */
#ifndef MUSTER_AGENT_EXCHANGE_H
#define MUSTER_AGENT_EXCHANGE_H

#include <sys/socket.h>

#include "gateway/base/alarm.h"
#include "tsig/tsig.h"

enum exchange_status {
	EXCHANGE_ANSWERED,    /* authentic */
	EXCHANGE_UNPROVEN,    /* an answer without the MAC that it should have */
	EXCHANGE_WRONG_TIME,  /* authentic BADTIME: server_time is its clock */
	EXCHANGE_TIMEOUT,     /* nothing came */
	EXCHANGE_UNREACHABLE, /* error says why */
};

struct exchange_result {
	enum exchange_status status;
	int error;           /* UNREACHABLE: errno */
	struct verdict why;  /* UNPROVEN: what is wrong with its TSIG */
	int64_t server_time; /* WRONG_TIME: seconds since 1970 */
	const uint8_t *msg;  /* ANSWERED, UNPROVEN: the message */
	const struct wire_message *m;
};

/* Called once, from the event loop, when the exchange is over: it may be freed or used
 * again. */
typedef void exchange_done(void *arg, const struct exchange_result *result);

struct exchange_request {
	const uint8_t *octets; /* without TSIG; copied; the id is given here */
	size_t len;
	const struct sockaddr *address; /* copied */
	socklen_t address_len;
	bool is_tcp;
	const struct tsig_key *key; /* must live as long as the exchange is under way */
	int64_t clock_offset_s;     /* how far the server's clock is ahead of ours, if
	                             * known */
	unsigned timeout_ms;
	exchange_done *done;
	void *arg;
};

struct exchange;
/* pool must outlive it.  NULL: no memory. */
struct exchange *exchange_new(struct alarms *alarms, struct hmac_pool *pool);
void exchange_free(struct exchange *exchange); /* cancels, silently; NULL is harmless */
/* None may be under way.  Always leads to done, later. */
void exchange_start(struct exchange *exchange, const struct exchange_request *request);

#endif
