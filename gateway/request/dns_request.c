/*
 * DNS messages as requests: construction, destruction, and how they are described.
 */
#include "gateway/request/dns_request.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/ip_address.h"

static uint16_t port_of(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;

	return ntohs(address->ss_family == AF_INET ? in->sin_port : in6->sin6_port);
}

static void describe(const struct request *request, struct journal_request *ret)
{
	const struct dns_request *dns = (const void *)request;

	ret->octets = dns->msg;
	ret->octets_len = dns->walk.section_at[3];
}

struct dns_request *dns_request_new(struct config *config, const struct dns_peer *peer,
	struct mailbox *reply, const uint8_t *msg, size_t len)
{
	struct dns_request *dns = malloc(sizeof(*dns) + len);
	struct request *request;

	if (!dns)
		return NULL;
	memset(dns, 0, sizeof(*dns));
	dns->peer = *peer;
	dns->len = len;
	memcpy(dns->msg, msg, len);
	request = &dns->request;
	request_init(request, config);
	request->subject.source = ip_address_of(&peer->address);
	request->subject.transport = peer->connection ? POLICY_TCP : POLICY_UDP;
	request->port = port_of(&peer->address);
	request->reply = reply;
	request->describe = describe;
	return dns;
}

void dns_request_free(struct dns_request *dns)
{
	if (!dns)
		return;
	request_clear(&dns->request);
	transfer_unref(dns->transfer);
	free(dns->answer);
	free(dns);
}

static enum request_kind kind_of(uint8_t opcode)
{
	switch (opcode) {
	case OPCODE_UPDATE:
		return REQUEST_UPDATE;
	case OPCODE_QUERY:
		return REQUEST_QUERY;
	case OPCODE_NOTIFY:
		return REQUEST_NOTIFY;
	default:
		return REQUEST_OTHER;
	}
}

struct verdict dns_request_walk(struct dns_request *dns)
{
	const struct verdict v = wire_walk(&dns->walk, dns->msg, dns->len);

	dns->request.kind = kind_of(dns->walk.opcode);
	return v;
}
