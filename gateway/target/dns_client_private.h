/* What the files of a channel to a DNS server share: dns_client.c (exchanges, the
 * connection, what comes back), dns_client_request.c (what goes out) and
 * dns_client_explain.c (what went wrong). */
#ifndef MUSTER_DNS_CLIENT_PRIVATE_H
#define MUSTER_DNS_CLIENT_PRIVATE_H

#include <sys/queue.h>

#include "gateway/target/dns_client.h"

struct exchange {
	TAILQ_ENTRY(exchange) entry;
	struct dns_client *client;
	struct alarm limit; /* set as long as it is under way */
	struct dns_client_request request;
	uint8_t *octets; /* the request: our copy */
	uint16_t id;
	bool is_busy;
	bool is_sent;   /* on the present connection */
	bool is_reused; /* that is older than the exchange */
	struct tsig_context tsig;
	struct tsig_stream *stream;
	unsigned messages; /* received so far, stops at UINT_MAX */
	/* how it has failed, which its alarm reports; why is NOERROR: it has not */
	struct target_failure failure;
	enum dns_client_status failure_status;
};

struct dns_client {
	const struct config_target *target;
	struct dns_places *places;
	const struct tsig_key *key; /* NULL: unsigned */
	const struct target_env *env;
	struct dns_places_waiter waiter; /* for an address */
	struct bufferevent *connection;  /* NULL: none */
	struct config_address address;   /* its other end, or the last one's */
	bool is_connected;
	TAILQ_HEAD(, exchange) exchanges; /* under way, in the order of their requests */
	struct exchange first; /* is one of them, if it is busy: so that there is always
	                        * room for one */

	uint8_t *answer; /* last message received */
	struct wire_message walk;
};

/* An id that none of the exchanges has. */
uint16_t dns_client_choose_id(const struct dns_client *client);
/* Signs the request, and writes it to the connection.  0 or -errno. */
int dns_client_write_request(struct exchange *x) __attribute__((warn_unused_result));

/* The server has done this. */
struct target_failure dns_client_trouble(const struct dns_client *client,
	enum target_trouble kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Its answer, the last message received, could not be verified.  Says how to correct the
 * fault rather than what the MAC looked like. */
struct target_failure dns_client_explain_tsig(
	const struct exchange *x, const struct verdict *verdict, int64_t now);

#endif
