/*
 * The checks are ordered so that clients learn only what they may: form, then TSIG (RFC
 * 8945 5.2), then EDNS version, then the zone, then policy.
 */
#include "gateway/listener/intake.h"

#include "gateway/answer/answer.h"

static bool is_in_query_from(const struct request *request)
{
	const struct config_zone *zone = request->zone;

	return !zone->query_from_count ||
		cidr_list_contains(zone->query_from, zone->query_from_count,
			&request->subject.source);
}

struct verdict intake_judge_update(struct request *request)
{
	const struct config_zone *zone = request->zone;
	const struct policy_subject *subject = &request->subject;
	struct verdict v =
		policy_check_update(&zone->policy, zone->name, subject, request->update);

	/* They reveal as much as queries would. */
	if (verdict_is_ok(&v) && !is_in_query_from(request))
		v = policy_check_prereqs(
			&zone->policy, zone->name, subject, request->update);
	/* From the message and the rules alone, so that a retransmission is granted the
	 * same. */
	if (verdict_is_ok(&v))
		request->lease_granted = lease_grant(&zone->policy, zone->name, subject,
			request->update, &request->lease_asked);
	return v;
}

static struct verdict judge_update(struct dns_request *dns)
{
	struct request *request = &dns->request;
	uint8_t name[NAME_MAX_LEN];
	struct verdict v = lease_terms_read(&request->lease_asked, dns->msg, &dns->walk);

	if (verdict_is_ok(&v))
		v = update_read_zone(name, dns->msg, &dns->walk);
	if (!verdict_is_ok(&v))
		return v;
	/* The name of a served zone itself; a name inside one is not a zone of ours
	 * (RFC 2136 3.1.2). */
	request->zone = config_find_zone(request->config, name);
	if (!request->zone) {
		char text[NAME_TEXT_MAX];

		return verdict_refuse(RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE,
			"%.128s is not a zone served here", name_to_text(name, text));
	}
	if (!request->subject.key && dns->walk.has_sig0)
		return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED,
			"it is signed with SIG(0) (RFC 2931), which is not verified "
			"here: sign it with TSIG");
	v = update_read_records(&request->update, name, dns->msg, &dns->walk);
	if (verdict_is_ok(&v))
		v = intake_judge_update(request);
	return v;
}

static struct verdict judge_transfer(struct dns_request *dns, const uint8_t *name)
{
	struct request *request = &dns->request;

	request->zone = config_find_zone(request->config, name);
	if (!request->zone)
		return verdict_refuse(RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE,
			"this is not a zone served here");
	if (!policy_allows_transfer(&request->zone->policy, &request->subject))
		return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED, "%s",
			request->subject.key ? "no rule lets this key transfer the zone"
					     : "a transfer must be signed");
	/* RFC 5936 4.2 */
	if (dns->question_type == TYPE_AXFR && !dns_request_is_tcp(dns))
		return verdict_refuse(RCODE_FORMERR, EDE_OTHER, "AXFR needs TCP");
	return verdict_ok();
}

static struct verdict judge_query(struct dns_request *dns)
{
	struct request *request = &dns->request;
	uint8_t name[NAME_MAX_LEN];
	uint16_t class;

	if (!answer_read_question(
		    dns->msg, &dns->walk, name, &dns->question_type, &class))
		return verdict_refuse(
			RCODE_FORMERR, EDE_OTHER, "a query must have one question");
	if (class != CLASS_IN && class != CLASS_ANY)
		return verdict_refuse(RCODE_REFUSED, EDE_NOT_AUTHORITATIVE,
			"there are only zones of class IN here");
	if (dns_request_is_transfer(dns))
		return judge_transfer(dns, name);
	request->zone = config_find_enclosing_zone(request->config, name);
	/* DS lives in the parent zone (RFC 4035 3.1.4.1). */
	if (request->zone && dns->question_type == TYPE_DS &&
		name_is_equal(name, request->zone->name) && name_parent(name)) {
		const struct config_zone *parent =
			config_find_enclosing_zone(request->config, name_parent(name));

		request->zone = parent ? parent : request->zone;
	}
	if (!request->zone)
		return verdict_refuse(RCODE_REFUSED, EDE_NOT_AUTHORITATIVE,
			"no zone served here encloses this name");
	if (is_in_query_from(request) ||
		policy_may_query(&request->zone->policy, request->zone->name,
			&request->subject, name, dns->question_type))
		return verdict_ok();
	return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED, "%s",
		request->subject.key
			? "query_from does not have this address, and no rule "
			  "lets the key change this name"
			: "query_from does not have this address");
}

static struct verdict judge_notify(struct dns_request *dns)
{
	struct request *request = &dns->request;
	uint8_t name[NAME_MAX_LEN];
	uint16_t type, class;

	if (!answer_read_question(dns->msg, &dns->walk, name, &type, &class) ||
		type != TYPE_SOA)
		return verdict_refuse(
			RCODE_FORMERR, EDE_OTHER, "NOTIFY must ask for one SOA");
	request->zone = config_find_zone(request->config, name);
	if (!request->zone)
		return verdict_refuse(RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE,
			"this is not a zone served here");
	return verdict_ok();
}

static struct verdict refuse_opcode(const struct dns_request *dns)
{
	return verdict_refuse(
		RCODE_NOTIMP, EDE_NONE, "opcode %u is not supported", dns->walk.opcode);
}

static struct verdict judge(struct dns_request *dns, struct hmac_pool *pool)
{
	struct request *request = &dns->request;
	struct verdict v = dns_request_walk(dns);

	/* In messages of other opcodes, what follows the header may have another format
	 * (RFC 8490 5.4). */
	if (!verdict_is_ok(&v))
		return request->kind != REQUEST_OTHER ? v : refuse_opcode(dns);
	v = tsig_verify_request(&dns->tsig.tsig, pool, request->config->keys, dns->msg,
		&dns->walk, request->real_s);
	request->signer = tsig_signer_read(&dns->tsig);
	request->is_renumbered =
		request->signer && dns->tsig.tsig.original_id != dns->walk.id;
	if (!verdict_is_ok(&v))
		return v;
	if (request->signer)
		request->subject.key = request->signer->name;
	if (dns->walk.edns_version > 0)
		return verdict_refuse(RCODE_BADVERS, EDE_NONE, "EDNS version %u",
			dns->walk.edns_version);
	switch (request->kind) {
	case REQUEST_UPDATE:
		return judge_update(dns);
	case REQUEST_QUERY:
		return judge_query(dns);
	case REQUEST_NOTIFY:
		return judge_notify(dns);
	default:
		return refuse_opcode(dns);
	}
}

enum intake_result intake_judge(struct dns_request *dns, struct hmac_pool *pool)
{
	struct request *request = &dns->request;

	request->verdict = judge(dns, pool);
	/* Refusals of known keys belong in the audit, which the zone thread writes. */
	if (!verdict_is_ok(&request->verdict) &&
		!(request->kind == REQUEST_UPDATE && request->zone &&
			request->subject.key)) {
		request_log_refusal(request);
		return INTAKE_ANSWER;
	}
	request_set_state(request, REQUEST_JUDGED);
	return INTAKE_FORWARD;
}
