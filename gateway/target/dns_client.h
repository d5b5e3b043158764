/*
 * A channel to one DNS server over TCP (RFC 7766): one connection, one exchange at a
 * time.
 *
 * An exchange is one request and its answer, which may be a stream of messages (zone
 * transfers).  The connection is made when it is needed, and kept for as long as the
 * server keeps it.  Requests are signed and answers verified (RFC 8945) if the channel
 * has a key. What comes back is a DNS message in form (wire_walk) and the answer to this
 * request (id, opcode, MAC); what it says is for the caller to judge.
 *
 * Belongs to one thread and its event base.  Does not speak UDP or TLS.
 */
#ifndef MUSTER_DNS_CLIENT_H
#define MUSTER_DNS_CLIENT_H

#include <event2/event.h>
#include "gateway/base/alarm.h"
#include "gateway/config/config.h"
#include "tsig/tsig.h"

struct dns_client_config { /* copied, the key and its secrets too */
	struct event_base *base;
	struct alarms *alarms; /* of the same loop */
	struct hmac_pool *pool;
	int64_t (*real_time)(void);
	const struct config_address *address;
	const struct tsig_key *key; /* NULL: unsigned */
	unsigned timeout_ms; /* from the request to the answer, connecting included; in a
			      * stream from one message to the next */
};

enum dns_client_status {
	DNS_CLIENT_ANSWERED, /* authentic, to its end */
	DNS_CLIENT_LOST,   /* the server closed the connection instead of answering: what
			    * became of the request is not known */
	DNS_CLIENT_FAILED, /* not reached, no answer in time, not a message, not
			    * authentic; or the caller stopped it */
	DNS_CLIENT_UNPROVEN, /* FORMERR or SERVFAIL without a TSIG: perhaps from a server
			      * that could not read the request, and so not verify it */
};

struct dns_client_result {
	enum dns_client_status status;
	struct verdict why;           /* unless ANSWERED: with the server's address */
	const uint8_t *msg;           /* ANSWERED: the last message */
	const struct wire_message *m; /* its walk; both until the next exchange begins */
};

/* Called once, from the event loop; may begin the next exchange or free the client. */
typedef void dns_client_done(void *arg, const struct dns_client_result *result);

enum dns_client_next {
	DNS_CLIENT_MORE, /* the stream goes on with another message */
	DNS_CLIENT_LAST, /* this was its last */
	DNS_CLIENT_STOP, /* nonsense: close the connection; done is told FAILED */
};

/* Called for each message of a stream; must not touch the client. */
typedef enum dns_client_next dns_client_message(
	void *arg, const uint8_t *msg, const struct wire_message *m);

struct dns_client_request {
	const uint8_t
		*octets; /* whole message without TSIG, copied; the id is given here */
	size_t len;
	bool is_repeatable;          /* a query: sent again, once, if the server closed a
				      * connection that had been idle */
	dns_client_message *message; /* NULL: the answer is one message */
	dns_client_done *done;
	void *arg;
};

struct dns_client;
/* NULL: no memory. */
struct dns_client *dns_client_new(const struct dns_client_config *config);
/* Cancels the exchange under way, silently.  NULL is harmless. */
void dns_client_free(struct dns_client *client);
/* No exchange may be under way.  Always leads to done, later. */
void dns_client_ask(struct dns_client *client, const struct dns_client_request *request);
/* Octets that a request may have, so that its TSIG still fits. */
size_t dns_client_request_max(const struct dns_client *client);

#endif
