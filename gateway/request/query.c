/*
 * Queries, zone transfers and NOTIFY for a served zone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/answer/answer.h"
#include "gateway/request/requests.h"

size_t requests_answer_limit(const struct dns_request *dns)
{
	return answer_limit(&dns->walk, dns_request_is_tcp(dns)) -
		signer_reserve(dns->request.signer);
}

static void answer_query(struct zone_requests *zone, struct dns_request *dns)
{
	const struct answer_query query = {
		.msg = dns->msg,
		.m = &dns->walk,
		.zone = zone->content->mirror,
		.mname = zone->content->rules->mname,
		.source = dns->request.subject.source,
		.is_tcp = dns_request_is_tcp(dns),
	};

	requests_answer_query(zone->all, dns,
		answer_build(&query, zone->all->answer, requests_answer_limit(dns)));
}

/* ---- transfers ---- */

/* RFC 1995 3: the client's SOA is in the authority section.  False: it is not. */
static bool read_client_serial(struct dns_request *dns)
{
	uint8_t name[NAME_MAX_LEN];
	struct wire_reader r;

	if (dns->walk.counts[2] != 1)
		return false;
	wire_reader_init(&r, dns->msg, dns->walk.section_at[2], dns->walk.end);
	wire_read_name(&r, name);
	if (wire_read_u16(&r) != TYPE_SOA)
		return false;
	wire_read_u16(&r);
	wire_read_u32(&r);
	wire_read_u16(&r);
	wire_read_name(&r, name);
	wire_read_name(&r, name);
	dns->client_serial = wire_read_u32(&r);
	return !r.failed;
}

/* NULL with errno, like transfer_new_axfr. */
static struct transfer *build_transfer(
	struct content *content, const struct dns_request *dns)
{
	const uint8_t *question = dns->msg + dns->walk.section_at[0];
	const size_t question_len = dns->walk.question_end - dns->walk.section_at[0];

	if (dns->question_type == TYPE_AXFR)
		return content_axfr(content, question, question_len);
	return content_ixfr(content, dns->client_serial, question, question_len,
		dns_request_is_tcp(dns) ? 0 : requests_answer_limit(dns));
}

/* Nothing is on its way to the disk now. */
static void transfer(struct content_caller *caller)
{
	struct dns_request *dns = caller->owner;
	struct zone_requests *zone = dns->request.requests;

	dns->transfer = build_transfer(zone->content, dns);
	/* otherwise a secondary would deny existing records */
	if (!dns->transfer && errno == ENOTSUP)
		dns->request.verdict = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_SUPPORTED,
			"the zone has records that only its own server can transfer");
	else if (!dns->transfer)
		dns->request.verdict = verdict_no_memory();
	requests_answer(zone->all, &dns->request);
}

static void answer_transfer(struct zone_requests *zone, struct dns_request *dns)
{
	if (dns->request.subject.key)
		notify_learn(zone->content->notify, &dns->request.subject.source,
			dns->request.subject.key);
	dns->caller = (struct content_caller){.enter = transfer, .owner = dns};
	content_call(zone->content, &dns->caller);
}

void requests_query(struct zone_requests *zone, struct dns_request *dns)
{
	dns->request.requests = zone;
	if (!zone->content->mirror) {
		requests_refuse(zone->all, &dns->request, zone->content->not_ready);
		return;
	}
	if (dns->question_type == TYPE_IXFR && !read_client_serial(dns)) {
		requests_refuse(zone->all, &dns->request,
			verdict_refuse(RCODE_FORMERR, EDE_OTHER,
				"the authority section of an IXFR must hold one SOA"));
		return;
	}
	if (requests_are_for_signer(zone, dns))
		requests_ask_signer(zone, dns);
	else if (dns_request_is_transfer(dns))
		answer_transfer(zone, dns);
	else
		answer_query(zone, dns);
}

/* ---- NOTIFY ---- */

static bool is_key(const struct tsig_key *key, const struct request *request)
{
	return key && name_is_equal(key->name, request->subject.key);
}

/* Recognised by its address, or by a key that we share with it, since it may have
 * several addresses. */
static bool is_from_target(const struct content *content, const struct request *request)
{
	const struct config_zone *zone = content->rules;

	for (size_t i = 0; request->subject.key && i < zone->target_count; i++)
		if (is_key(zone->targets[i].key, request) ||
			is_key(zone->targets[i].transfer_key, request))
			return true;
	for (size_t i = 0; i < content->delivery_count; i++)
		if (delivery_is_at(content->deliveries[i], &request->subject.source))
			return true;
	return false;
}

void requests_notified(struct zone_requests *zone, struct request *request)
{
	/* RFC 1996 3.10 lets only known masters notify; a sender whose key may transfer
	 * is known. */
	if (!is_from_target(zone->content, request) &&
		!policy_allows_transfer(
			&zone->content->rules->policy, &request->subject)) {
		requests_refuse(zone->all, request,
			verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED,
				"NOTIFY comes neither from the address of one of the "
				"zone's targets nor with its key"));
		return;
	}
	delivery_want_probe(content_primary(zone->content));
	requests_answer(zone->all, request);
}
