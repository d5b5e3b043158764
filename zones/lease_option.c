/*
 * The Update Lease option (RFC 9664 4), and what is granted when a client asks for a
 * lease.
 *
 * The answer with the grant is made before the zone is looked at, so it depends on
 * message and rules alone.
 */
#include "zones/lease.h"

#include "tsig/plural.h"
#include "zones/policy_rule.h"

enum {
	OPTION_CODE = 2, /* RFC 9664 9 */
	FORM_SHORT = 4,  /* LEASE */
	FORM_LONG = 8,   /* LEASE, KEY-LEASE */
};

struct verdict lease_terms_read(
	struct lease_terms *ret, const uint8_t *msg, const struct wire_message *m)
{
	uint16_t len;
	const uint8_t *data = wire_find_option(m, msg, OPTION_CODE, &len);
	struct wire_reader r;

	*ret = (struct lease_terms){0};
	if (!data)
		return verdict_ok();
	/* 4: "Update Lease options MUST be 4 or 8 octets", in effect: it has these two
	 * forms. */
	if (len != FORM_SHORT && len != FORM_LONG)
		return verdict_refuse(RCODE_FORMERR, EDE_OTHER,
			"Update Lease option of %u %s, not 4 or 8", len,
			PLURAL(len, "octet"));
	wire_reader_init(&r, data, 0, len);
	ret->form = (uint8_t)len;
	ret->lease_s = wire_read_u32(&r);
	/* 4.3: "MUST treat the 4-byte variant as specifying both the lease duration and
	 * the KEY lease duration" */
	ret->key_lease_s = len == FORM_LONG ? wire_read_u32(&r) : ret->lease_s;
	return verdict_ok();
}

size_t lease_terms_write(const struct lease_terms *terms, uint8_t buf[LEASE_OPTION_MAX])
{
	struct wire_writer w;

	if (!terms->form)
		return 0;
	wire_writer_init(&w, buf, LEASE_OPTION_MAX, NULL);
	wire_write_u16(&w, OPTION_CODE);
	wire_write_u16(&w, terms->form);
	wire_write_u32(&w, terms->lease_s);
	if (terms->form == FORM_LONG)
		wire_write_u32(&w, terms->key_lease_s);
	return w.at;
}

/* ---- granting ---- */

struct limits {
	bool has_rule;
	uint32_t min_s, max_s, key_max_s;
};

/* If limits contradict each other, the shorter lease is promised. */
static void limits_add(struct limits *limits, const struct policy_rule *rule)
{
	if (!rule || !rule->has_lease)
		return;
	if (!limits->has_rule)
		*limits = (struct limits){true, rule->lease_min_s, rule->lease_max_s,
			rule->lease_key_max_s};
	if (rule->lease_min_s > limits->min_s)
		limits->min_s = rule->lease_min_s;
	if (rule->lease_max_s < limits->max_s)
		limits->max_s = rule->lease_max_s;
	if (rule->lease_key_max_s < limits->key_max_s)
		limits->key_max_s = rule->lease_key_max_s;
}

static uint32_t clamp(uint32_t asked_s, uint32_t min_s, uint32_t max_s)
{
	if (asked_s < min_s)
		asked_s = min_s;
	return asked_s < max_s ? asked_s : max_s;
}

/* An update that adds nothing may still refresh leases by its prerequisites.  It is
 * promised no more than every rule for its sender would allow. */
static void limits_add_all(struct limits *limits, const struct policy *policy,
	const struct policy_subject *subject)
{
	for (size_t i = 0; i < policy->count; i++) {
		const struct policy_rule *rule = &policy->rules[i];

		if (policy_rule_meet_subject(rule, subject) == POLICY_OBSTACLE_NONE)
			limits_add(limits, rule);
	}
}

struct lease_terms lease_grant(const struct policy *policy, const uint8_t *zone,
	const struct policy_subject *subject, const struct update *update,
	const struct lease_terms *asked)
{
	struct limits limits = {false, LEASE_MIN_S, LEASE_MAX_S, LEASE_KEY_MAX_S};
	struct lease_terms granted = *asked;
	struct policy_judge judge;
	bool is_adding = false;

	if (!asked->form)
		return granted;
	policy_judge_init(&judge, policy, zone, subject);
	for (uint16_t i = 0; i < update->change_count; i++) {
		const struct rr *rr = &update->changes[i];

		if (!update_is_add(rr))
			continue;
		is_adding = true;
		limits_add(&limits, policy_judge_find(&judge, POLICY_ADD, rr, NULL));
	}
	policy_judge_clear(&judge);
	if (!is_adding)
		limits_add_all(&limits, policy, subject);
	granted.lease_s = clamp(asked->lease_s, limits.min_s, limits.max_s);
	/* 4.3 of the short form: "the key and the other RRs expire at the same time" */
	granted.key_lease_s = asked->form == FORM_SHORT
		? granted.lease_s
		: clamp(asked->key_lease_s, limits.min_s, limits.key_max_s);
	return granted;
}
