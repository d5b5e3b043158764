/*
 * Queries, zone transfers and NOTIFY for a served zone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/answer/answer.h"
#include "gateway/base/log.h"
#include "gateway/served/served.h"

static void refuse(
	struct served_zone *zone, struct transaction *t, struct verdict verdict)
{
	t->verdict = verdict;
	zone_thread_answer(zone->thread, t);
}

size_t served_answer_limit(const struct transaction *t)
{
	return answer_limit(&t->walk, transaction_is_tcp(t)) -
		tsig_reserved_space(&t->tsig);
}

bool served_keep_answer(struct transaction *t, const uint8_t *answer, size_t len)
{
	t->answer = malloc(len);
	if (!t->answer)
		return false;
	memcpy(t->answer, answer, len);
	t->answer_len = len;
	return true;
}

static void answer_query(struct served_zone *zone, struct transaction *t)
{
	struct zone_thread *thread = zone->thread;
	const struct answer_query query = {
		.msg = t->msg,
		.m = &t->walk,
		.zone = zone->mirror,
		.mname = zone->zone->mname,
		.source = t->subject.source,
		.is_tcp = transaction_is_tcp(t),
	};
	const size_t len = answer_build(&query, thread->answer, served_answer_limit(t));

	if (!served_keep_answer(t, thread->answer, len))
		t->verdict = verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "out of memory");
	zone_thread_answer(thread, t);
}

/* ---- transfers ---- */

/* RFC 1995 3: the client's SOA stands in the authority section. */
bool served_read_client_serial(const struct transaction *t, uint32_t *ret_serial)
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

static bool is_same_question(
	const struct transfer *transfer, const uint8_t *question, size_t len)
{
	const struct transfer_message *first = &transfer->messages[0];

	return first->len >= WIRE_HEADER_LEN + len &&
		!memcmp(first->octets + WIRE_HEADER_LEN, question, len);
}

/* Those who ask for the same content share it. */
static struct transfer *build_axfr(
	struct served_zone *zone, const uint8_t *question, size_t question_len)
{
	int error;

	if (zone->axfr && !is_same_question(zone->axfr, question, question_len))
		mirror_touch(zone);
	if (!zone->axfr) {
		mirror_hide_uncommitted(zone);
		zone->axfr = transfer_new_axfr(zone->mirror, question, question_len);
		error = errno;
		mirror_show_uncommitted(zone);
		errno = error;
	}
	return zone->axfr ? transfer_ref(zone->axfr) : NULL;
}

/* NULL with errno, as transfer_new_axfr. */
static struct transfer *build_transfer(
	struct served_zone *zone, const struct transaction *t, uint32_t serial)
{
	const uint8_t *question = t->msg + t->walk.section_at[0];
	const size_t question_len = t->walk.question_end - t->walk.section_at[0];
	struct transfer *transfer;
	int error;

	if (t->question_type == TYPE_AXFR)
		return build_axfr(zone, question, question_len);
	mirror_hide_uncommitted(zone);
	transfer = transfer_new_ixfr(zone->mirror, zone->history, serial, question,
		question_len, transaction_is_tcp(t) ? 0 : served_answer_limit(t));
	error = errno;
	mirror_show_uncommitted(zone);
	errno = error;
	return transfer;
}

static void answer_transfer(struct served_zone *zone, struct transaction *t)
{
	uint32_t serial = 0;

	if (t->question_type == TYPE_IXFR && !served_read_client_serial(t, &serial)) {
		refuse(zone, t,
			verdict_refuse(RCODE_FORMERR, EDE_OTHER,
				"the authority section of an IXFR must hold one SOA"));
		return;
	}
	if (t->subject.key)
		notify_learn(zone->notify, &t->subject.source, t->subject.key);
	t->transfer = build_transfer(zone, t, serial);
	if (!t->transfer && errno == ENOTSUP) {
		/* Without those records a secondary would deny what there is. */
		refuse(zone, t,
			verdict_refuse(RCODE_SERVFAIL, EDE_NOT_SUPPORTED,
				"the zone has records that only its own server can "
				"transfer"));
		return;
	}
	if (!t->transfer) {
		refuse(zone, t,
			verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "out of memory"));
		return;
	}
	zone_thread_answer(zone->thread, t);
}

void served_query(struct served_zone *zone, struct transaction *t)
{
	if (!zone->mirror) {
		refuse(zone, t, zone->not_ready);
		return;
	}
	if (served_is_signers(zone, t))
		served_ask_signer(zone, t);
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
static bool is_from_target(const struct served_zone *zone, const struct transaction *t)
{
	for (size_t i = 0; i < zone->zone->target_count; i++) {
		const struct config_target *target = &zone->zone->targets[i];
		struct ip_address address;

		if (target->type != CONFIG_TARGET_DDNS)
			continue;
		if (t->subject.key &&
			(is_key(target->key, t) || is_key(target->transfer_key, t)))
			return true;
		address = transaction_fold_address(&target->address.storage);
		if (!memcmp(&address, &t->subject.source, sizeof(address)))
			return true;
	}
	return false;
}

void served_notified(struct served_zone *zone, struct transaction *t)
{
	/* RFC 1996 3.10 lets only known masters notify; a key that may transfer is known.
	 */
	if (!is_from_target(zone, t) &&
		!policy_allows_transfer(&zone->zone->policy, &t->subject)) {
		refuse(zone, t,
			verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED,
				"NOTIFY comes neither from the address of one of the "
				"zone's "
				"targets nor with its key"));
		return;
	}
	delivery_want_probe(zone->deliveries[0]);
	zone_thread_answer(zone->thread, t);
}
