/*
 * A request that came as a DNS message: the message, where it came from, and the answer
 * on its way back.
 *
 * A listener makes it, gets it back when it is answered, and then signs, sends and
 * frees it.  request.h explains what happens to it in between.
 */
#ifndef MUSTER_DNS_REQUEST_H
#define MUSTER_DNS_REQUEST_H

#include "gateway/answer/transfer.h"
#include "gateway/request/request.h"
#include "gateway/request/tsig_signer.h"

struct connection;

/* Where it came from, and where its answer goes. */
struct dns_peer {
	struct sockaddr_storage address;
	socklen_t address_len;
	struct connection *connection; /* the listener's; NULL: UDP */
	int socket;                    /* UDP: the socket it came by */
	struct ip_address local;       /* UDP: the address it was sent to; family 0:
	                                * unknown, the kernel chooses */
	unsigned interface;            /* UDP: for link-local answers; 0: any */
};

struct dns_request {
	struct request request; /* first */
	struct dns_peer peer;

	struct wire_message walk;
	struct tsig_signer tsig; /* request.signer, if it is signed */
	uint16_t question_type;  /* of queries; otherwise 0 */
	uint32_t client_serial;  /* of an IXFR */

	/* Its way through the zone thread. */
	struct content_caller caller; /* at the gate (a transfer's) */

	/* The answer. */
	uint8_t *answer; /* owned; NULL: to be composed from the verdict */
	size_t answer_len;
	struct transfer *transfer; /* counted; NULL: not a zone transfer */

	size_t len;
	uint8_t msg[]; /* the request as it came */
};

/* Copies the message; its answer goes to reply.  NULL: no memory. */
struct dns_request *dns_request_new(struct config *config, const struct dns_peer *peer,
	struct mailbox *reply, const uint8_t *msg, size_t len);
/* Frees it and what it owns; NULL is harmless. */
void dns_request_free(struct dns_request *dns);

/* Like wire_walk; determines the kind of request. */
struct verdict dns_request_walk(struct dns_request *dns);

/* The DNS message around a request, or around its node. */
static inline struct dns_request *dns_request_of(struct request *request)
{
	return (struct dns_request *)(void *)request;
}

static inline struct dns_request *dns_request_of_node(struct queue_node *node)
{
	return (struct dns_request *)(void *)node;
}

static inline bool dns_request_is_tcp(const struct dns_request *dns)
{
	return dns->peer.connection != NULL;
}

static inline bool dns_request_is_transfer(const struct dns_request *dns)
{
	return dns->question_type == TYPE_AXFR || dns->question_type == TYPE_IXFR;
}

#endif
