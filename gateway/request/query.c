/*
 * Queries, zone transfers and NOTIFY for a served zone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/answer/answer.h"
#include "gateway/base/ip_address.h"
#include "gateway/request/requests.h"

static void refuse(
	struct zone_requests *zone, struct transaction *t, struct verdict verdict)
{
	t->verdict = verdict;
	requests_answer(zone->all, t);
}

size_t requests_answer_limit(const struct transaction *t)
{
	return answer_limit(&t->walk, transaction_is_tcp(t)) - signer_reserve(t->signer);
}

bool requests_keep_answer(struct transaction *t, const uint8_t *answer, size_t len)
{
	t->answer = malloc(len);
	if (!t->answer)
		return false;
	memcpy(t->answer, answer, len);
	t->answer_len = len;
	return true;
}

static void answer_query(struct zone_requests *zone, struct transaction *t)
{
	uint8_t *answer = zone->all->answer;
	const struct answer_query query = {
		.msg = t->msg,
		.m = &t->walk,
		.zone = zone->content->mirror,
		.mname = zone->content->rules->mname,
		.source = t->subject.source,
		.is_tcp = transaction_is_tcp(t),
	};
	const size_t len = answer_build(&query, answer, requests_answer_limit(t));

	if (!requests_keep_answer(t, answer, len))
		t->verdict = verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "out of memory");
	requests_answer(zone->all, t);
}

/* ---- transfers ---- */

/* RFC 1995 3: the client's SOA stands in the authority section. */
bool requests_read_client_serial(const struct transaction *t, uint32_t *ret_serial)
{
	uint8_t name[NAME_MAX_LEN];
	struct wire_reader r;

	if (t->walk.counts[2] != 1)
		return false;
	wire_reader_init(&r, t->msg, t->walk.section_at[2], t->walk.end);
	wire_read_name(&r, name);
	if (wire_read_u16(&r) != TYPE_SOA)
		return false;
	wire_read_u16(&r);
	wire_read_u32(&r);
	wire_read_u16(&r);
	wire_read_name(&r, name);
	wire_read_name(&r, name);
	*ret_serial = wire_read_u32(&r);
	return !r.failed;
}

/* NULL with errno, as transfer_new_axfr. */
static struct transfer *build_transfer(
	struct content *content, const struct transaction *t, uint32_t serial)
{
	const uint8_t *question = t->msg + t->walk.section_at[0];
	const size_t question_len = t->walk.question_end - t->walk.section_at[0];

	if (t->question_type == TYPE_AXFR)
		return content_axfr(content, question, question_len);
	return content_ixfr(content, serial, question, question_len,
		transaction_is_tcp(t) ? 0 : requests_answer_limit(t));
}

/* Nothing is on its way to the disk now. */
static void transfer(struct content_caller *caller)
{
	struct transaction *t = caller->owner;
	struct zone_requests *zone = t->requests;
	uint32_t serial = 0;

	(void)requests_read_client_serial(t, &serial); /* answer_transfer has looked */
	t->transfer = build_transfer(zone->content, t, serial);
	if (!t->transfer && errno == ENOTSUP) /* a secondary would deny what there is */
		t->verdict = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_SUPPORTED,
			"the zone has records that only its own server can transfer");
	else if (!t->transfer)
		t->verdict = verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "out of memory");
	requests_answer(zone->all, t);
}

static void answer_transfer(struct zone_requests *zone, struct transaction *t)
{
	uint32_t serial;

	if (t->question_type == TYPE_IXFR && !requests_read_client_serial(t, &serial)) {
		refuse(zone, t,
			verdict_refuse(RCODE_FORMERR, EDE_OTHER,
				"the authority section of an IXFR must hold one SOA"));
		return;
	}
	if (t->subject.key)
		notify_learn(zone->content->notify, &t->subject.source, t->subject.key);
	t->caller = (struct content_caller){.enter = transfer, .owner = t};
	content_call(zone->content, &t->caller);
}

void requests_query(struct zone_requests *zone, struct transaction *t)
{
	t->requests = zone;
	if (!zone->content->mirror) {
		refuse(zone, t, zone->content->not_ready);
		return;
	}
	if (requests_are_for_signer(zone, t))
		requests_ask_signer(zone, t);
	else if (t->question_type == TYPE_AXFR || t->question_type == TYPE_IXFR)
		answer_transfer(zone, t);
	else
		answer_query(zone, t);
}

/* ---- NOTIFY ---- */

static bool is_key(const struct tsig_key *key, const struct transaction *t)
{
	return key && name_is_equal(key->name, t->subject.key);
}

/* By its address, or by a key that we share with it: it may have several addresses. */
static bool is_from_target(const struct config_zone *zone, const struct transaction *t)
{
	for (size_t i = 0; i < zone->target_count; i++) {
		const struct config_target *target = &zone->targets[i];
		struct ip_address address;

		if (target->type != CONFIG_TARGET_DDNS)
			continue;
		if (t->subject.key &&
			(is_key(target->key, t) || is_key(target->transfer_key, t)))
			return true;
		address = ip_address_of(&target->address.storage);
		if (!memcmp(&address, &t->subject.source, sizeof(address)))
			return true;
	}
	return false;
}

void requests_notified(struct zone_requests *zone, struct transaction *t)
{
	/* RFC 1996 3.10 lets only known masters notify; a key that may transfer is known.
	 */
	if (!is_from_target(zone->content->rules, t) &&
		!policy_allows_transfer(&zone->content->rules->policy, &t->subject)) {
		refuse(zone, t,
			verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED,
				"NOTIFY comes neither from the address of one of the "
				"zone's "
				"targets nor with its key"));
		return;
	}
	delivery_want_probe(content_primary(zone->content));
	requests_answer(zone->all, t);
}
