/*
 * Turns a verdict, an answer or a transfer into signed octets.
 */
#include <string.h>

#include "gateway/answer/answer.h"
#include "gateway/listener/listener_private.h"

/* No other thread writes it, so no locked instruction is needed. */
static void add_one(atomic_uint_fast64_t *counter)
{
	atomic_store_explicit(counter,
		atomic_load_explicit(counter, memory_order_relaxed) + 1,
		memory_order_relaxed);
}

static void count_tsig_error(struct listener_counters *counters, uint16_t error)
{
	switch (error) {
	case TSIG_ERROR_BADSIG:
		add_one(&counters->badsig);
		return;
	case TSIG_ERROR_BADKEY:
		add_one(&counters->badkey);
		return;
	case TSIG_ERROR_BADTIME:
		add_one(&counters->badtime);
		return;
	case TSIG_ERROR_BADTRUNC:
		add_one(&counters->badtrunc);
		return;
	default:
		return;
	}
}

void listener_count(struct listener *listener, const struct dns_request *dns)
{
	struct listener_counters *counters = &listener->counters;
	const uint16_t rcode = dns->request.verdict.rcode;

	count_tsig_error(counters, dns->request.verdict.tsig_error);
	if (dns->request.kind == REQUEST_UPDATE)
		add_one(&counters->updates[rcode < LISTENER_RCODES
				? rcode
				: LISTENER_RCODES - 1]);
	else if (dns->request.kind == REQUEST_QUERY)
		add_one(&counters->queries);
	else if (dns->request.kind == REQUEST_NOTIFY)
		add_one(&counters->notifies);
	else
		add_one(&counters->others);
}

/* The octets before the signature. */
static size_t compose_plain(const struct dns_request *dns, uint8_t *buf, size_t limit)
{
	uint8_t option[LEASE_OPTION_MAX];
	size_t option_len = 0;

	if (dns->answer && dns->answer_len <= limit) {
		memcpy(buf, dns->answer, dns->answer_len);
		return dns->answer_len;
	}
	/* RFC 9664 4.3: in the answer if it was in the update.  A refused update has no
	 * lease. */
	if (verdict_is_ok(&dns->request.verdict))
		option_len = lease_terms_write(&dns->request.lease_granted, option);
	return answer_verdict(dns->msg, &dns->walk, &dns->request.verdict, option,
		option_len, buf, limit);
}

size_t listener_compose(struct listener *listener, struct dns_request *dns, uint8_t *buf)
{
	const size_t limit = answer_limit(&dns->walk, dns_request_is_tcp(dns));
	const size_t reserve = signer_reserve(dns->request.signer);
	size_t len;

	if (dns->transfer)
		return listener_compose_transfer(listener, dns, 0, buf);
	/* The name of an unknown key may leave no room for the TSIG record with the
	 * error; then only the rcode is sent. */
	if (reserve + WIRE_HEADER_LEN > limit)
		return compose_plain(dns, buf, limit);
	len = compose_plain(dns, buf, limit - reserve);
	if (len &&
		signer_sign(dns->request.signer, listener->pool, false, buf, &len, limit,
			dns->request.real_s))
		return 0;
	return len;
}

size_t listener_compose_transfer(
	struct listener *listener, struct dns_request *dns, size_t index, uint8_t *buf)
{
	const struct transfer_message *message = &dns->transfer->messages[index];
	size_t len = message->len;

	memcpy(buf, message->octets, len);
	buf[0] = (uint8_t)(dns->walk.id >> 8);
	buf[1] = (uint8_t)dns->walk.id;
	/* RFC 8945 5.3.1 allows unsigned messages in between, but some clients insist
	 * on signatures. */
	if (signer_sign(dns->request.signer, listener->pool, index > 0, buf, &len,
		    WIRE_MESSAGE_MAX, dns->request.real_s))
		return 0;
	return len;
}
