/*
 * A channel to one DNS server over TCP (RFC 7766): one connection.
 *
 * An exchange is one request and its answer, which may be a stream of messages (zone
 * transfers).  Several may be under way at once (6.2.1.1): requests go out in the order
 * in which they were asked, answers may come in any order.  The connection is made when
 * it is needed, and kept as long as the server keeps it; if it fails, it fails for all
 * of them.  Requests are signed and answers verified (RFC 8945) if the channel has a
 * key.  Every answer handed to the caller is a well-formed DNS message (wire_walk) and
 * answers this request (id, opcode, MAC); the caller judges its content.
 *
 * Belongs to one thread and its event base.  UDP and TLS are not supported.
 */
#ifndef MUSTER_DNS_CLIENT_H
#define MUSTER_DNS_CLIENT_H

#include "gateway/target/dns_places.h"
#include "tsig/tsig.h"

enum { DNS_CLIENT_OPTION_EDE = 15 }; /* RFC 8914 2 */

enum dns_client_status {
	DNS_CLIENT_ANSWERED, /* authentic, to its end */
	DNS_CLIENT_LOST,     /* the server closed the connection instead of answering:
	                    * the fate of the request is unknown */
	DNS_CLIENT_FAILED,   /* not reached, no answer in time, not a message, not
	                    * authentic; or stopped by the caller */
	DNS_CLIENT_UNPROVEN, /* FORMERR or SERVFAIL without a TSIG: perhaps from a
	                      * server that could not read, and so not verify, the
	                      * request */
	DNS_CLIENT_DENIED,   /* REFUSED or NOTAUTH without a TSIG, or with BADKEY in it:
	                      * the server does not know the key, or does not allow it
	                      * what was asked (Knot) */
};

struct dns_client_result {
	enum dns_client_status status;
	struct target_failure
		failure;              /* with the server's address; not set if ANSWERED */
	const uint8_t *msg;           /* ANSWERED: the last message */
	const struct wire_message *m; /* its walk; both are valid during the call */
};

/* Called once, from the event loop; may begin the next exchange or free the client. */
typedef void dns_client_done(void *arg, const struct dns_client_result *result);

enum dns_client_next {
	DNS_CLIENT_MORE, /* the stream continues with another message */
	DNS_CLIENT_LAST, /* this was its last */
	DNS_CLIENT_STOP, /* invalid: close the connection; done gets FAILED */
};

/* Called for each message of a stream; must not touch the client. */
typedef enum dns_client_next dns_client_message(
	void *arg, const uint8_t *msg, const struct wire_message *m);

struct dns_client_request {
	/* the whole message without TSIG, copied; the client assigns the id */
	const uint8_t *octets;
	size_t len;
	bool is_repeatable;          /* a query: sent once more if the server closed a
	                              * connection that had been idle */
	dns_client_message *message; /* NULL: the answer is one message */
	dns_client_done *done;
	void *arg;
};

struct dns_client;
/* key NULL: unsigned.  All four must outlive it.  target->timeout_ms limits the time from
 * a request to its answer, including the connection, and in a stream from one message to
 * the next; it begins anew if another address is tried, since the one before could not be
 * reached.  NULL: no memory. */
struct dns_client *dns_client_new(const struct config_target *target,
	struct dns_places *places, const struct tsig_key *key,
	const struct target_env *env);
/* Cancels what is under way without a callback.  NULL is harmless. */
void dns_client_free(struct dns_client *client);
/* done is called later, and 0 returned; or -ENOMEM, which can happen only while another
 * exchange is under way, and done is not called. */
int dns_client_ask(struct dns_client *client, const struct dns_client_request *request);
/* The largest request, in octets, for which its TSIG still fits. */
size_t dns_client_request_max(const struct dns_client *client);

#endif
