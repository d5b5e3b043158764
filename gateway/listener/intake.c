/*
 * The order of the checks is the order of who may learn what: form, then TSIG (RFC 8945
 * 5.2), then EDNS version, then the zone, then policy.
 */
#include "gateway/listener/intake.h"

#include "gateway/answer/answer.h"

static bool is_in_query_from(const struct transaction *t)
{
	return !t->zone->query_from_count ||
		cidr_list_contains(t->zone->query_from, t->zone->query_from_count,
			&t->subject.source);
}

static struct verdict judge_update(struct transaction *t)
{
	uint8_t name[NAME_MAX_LEN];
	struct verdict v = lease_terms_read(&t->lease_asked, t->msg, &t->walk);

	if (verdict_is_ok(&v))
		v = update_read_zone(name, t->msg, &t->walk);
	if (!verdict_is_ok(&v))
		return v;
	/* Exactly a served zone: a name inside one is no zone of ours (RFC 2136 3.1.2).
	 */
	t->zone = config_find_zone(t->config, name);
	if (!t->zone) {
		char text[NAME_TEXT_MAX];

		return verdict_refuse(RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE,
			"%.128s is not a zone served here", name_to_text(name, text));
	}
	if (!t->subject.key && t->walk.has_sig0)
		return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED,
			"it is signed with SIG(0) (RFC 2931), which is not verified "
			"here: sign it with TSIG");
	v = update_read(&t->update, t->msg, &t->walk);
	if (!verdict_is_ok(&v))
		return v;
	v = policy_check_update(&t->zone->policy, t->zone->name, &t->subject, t->update);
	/* They tell as much as queries would. */
	if (verdict_is_ok(&v) && !is_in_query_from(t))
		v = policy_check_prereqs(
			&t->zone->policy, t->zone->name, &t->subject, t->update);
	/* From the message and the rules alone, so that twins are granted the same. */
	if (verdict_is_ok(&v))
		t->lease_granted = lease_grant(&t->zone->policy, t->zone->name,
			&t->subject, t->update, &t->lease_asked);
	return v;
}

static struct verdict judge_transfer(struct transaction *t, const uint8_t *name)
{
	t->zone = config_find_zone(t->config, name);
	if (!t->zone)
		return verdict_refuse(RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE,
			"this is not a zone served here");
	if (!policy_allows_transfer(&t->zone->policy, &t->subject))
		return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED, "%s",
			t->subject.key ? "no rule lets this key transfer the zone"
				       : "a transfer must be signed");
	/* RFC 5936 4.2 */
	if (t->question_type == TYPE_AXFR && !transaction_is_tcp(t))
		return verdict_refuse(RCODE_FORMERR, EDE_OTHER, "AXFR needs TCP");
	return verdict_ok();
}

static struct verdict judge_query(struct transaction *t)
{
	uint8_t name[NAME_MAX_LEN];
	uint16_t class;

	if (!answer_read_question(t->msg, &t->walk, name, &t->question_type, &class))
		return verdict_refuse(
			RCODE_FORMERR, EDE_OTHER, "a query must have one question");
	if (class != CLASS_IN && class != CLASS_ANY)
		return verdict_refuse(RCODE_REFUSED, EDE_NOT_AUTHORITATIVE,
			"there are only zones of class IN here");
	if (t->question_type == TYPE_AXFR || t->question_type == TYPE_IXFR)
		return judge_transfer(t, name);
	t->zone = config_find_enclosing_zone(t->config, name);
	/* DS lives in the parent zone (RFC 4035 3.1.4.1). */
	if (t->zone && t->question_type == TYPE_DS &&
		name_is_equal(name, t->zone->name) && name_parent(name)) {
		const struct config_zone *parent =
			config_find_enclosing_zone(t->config, name_parent(name));

		t->zone = parent ? parent : t->zone;
	}
	if (!t->zone)
		return verdict_refuse(RCODE_REFUSED, EDE_NOT_AUTHORITATIVE,
			"no zone served here encloses this name");
	if (is_in_query_from(t) ||
		policy_may_query(&t->zone->policy, t->zone->name, &t->subject, name,
			t->question_type))
		return verdict_ok();
	return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED, "%s",
		t->subject.key ? "query_from does not have this address, and no rule "
				 "lets the key change this name"
			       : "query_from does not have this address");
}

static struct verdict judge_notify(struct transaction *t)
{
	uint8_t name[NAME_MAX_LEN];
	uint16_t type, class;

	if (!answer_read_question(t->msg, &t->walk, name, &type, &class) ||
		type != TYPE_SOA)
		return verdict_refuse(
			RCODE_FORMERR, EDE_OTHER, "NOTIFY must ask for one SOA");
	t->zone = config_find_zone(t->config, name);
	if (!t->zone)
		return verdict_refuse(RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE,
			"this is not a zone served here");
	return verdict_ok();
}

static bool is_served_opcode(uint8_t opcode)
{
	return opcode == OPCODE_QUERY || opcode == OPCODE_UPDATE ||
		opcode == OPCODE_NOTIFY;
}

static struct verdict refuse_opcode(const struct transaction *t)
{
	return verdict_refuse(
		RCODE_NOTIMP, EDE_NONE, "opcode %u is not supported", t->walk.opcode);
}

static struct verdict judge(struct transaction *t, struct hmac_pool *pool)
{
	struct verdict v = wire_walk(&t->walk, t->msg, t->len);

	/* What follows the header of another opcode need not be in our frame (RFC 8490
	 * 5.4). */
	if (!verdict_is_ok(&v))
		return is_served_opcode(t->walk.opcode) ? v : refuse_opcode(t);
	v = tsig_signer_verify(
		&t->tsig, pool, t->config->keys, t->msg, &t->walk, t->real_s, &t->signer);
	if (!verdict_is_ok(&v))
		return v;
	if (t->signer)
		t->subject.key = t->signer->name;
	if (t->walk.edns_version > 0)
		return verdict_refuse(
			RCODE_BADVERS, EDE_NONE, "EDNS version %u", t->walk.edns_version);
	switch (t->walk.opcode) {
	case OPCODE_UPDATE:
		return judge_update(t);
	case OPCODE_QUERY:
		return judge_query(t);
	case OPCODE_NOTIFY:
		return judge_notify(t);
	default:
		return refuse_opcode(t);
	}
}

enum intake_result intake_judge(struct transaction *t, struct hmac_pool *pool)
{
	t->verdict = judge(t, pool);
	/* What a known key may not do to a zone belongs into the audit, by the zone
	 * thread. */
	if (!verdict_is_ok(&t->verdict) &&
		!(t->walk.opcode == OPCODE_UPDATE && t->zone && t->subject.key)) {
		transaction_log_refusal(t);
		return INTAKE_ANSWER;
	}
	transaction_set_state(t, TRANSACTION_JUDGED);
	return INTAKE_FORWARD;
}
