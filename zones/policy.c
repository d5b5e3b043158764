/*
 * Judging an update by the rules of a zone: which rule allows a record, and which came
 * furthest when none does.
 *
 * What a single rule says is in policy_rule.c.  Leases and rates, which rules also carry,
 * are the gateway's.
 *
 * Cost: one comparison of names per rule and key pattern until the first rule that fits
 * the subject, which is looked for once per message.
 */
#include "zones/policy.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "zones/lease.h"
#include "zones/policy_rule.h"
#include "zones/rdata.h"

enum {
	RULE_TEXT_MAX = 64, /* octets: "rule N (line N)" */
	SEEN_SLOTS = 256,   /* deletions remembered, of 64 Ki at most */
};

/* ---- rules ---- */

void policy_rule_init(struct policy_rule *rule)
{
	*rule = (struct policy_rule){
		.match = POLICY_MATCH_ZONE,
		.operations = POLICY_ADD | POLICY_DELETE,
		.ttl_max = UINT32_MAX,
		.transports = POLICY_UDP | POLICY_TCP,
		.lease_min_s = LEASE_MIN_S,
		.lease_max_s = LEASE_MAX_S,
		.lease_key_max_s = LEASE_KEY_MAX_S,
	};
}

static void free_names(uint8_t **names, size_t count)
{
	for (size_t i = 0; names && i < count; i++)
		free(names[i]);
	free(names);
}

void policy_clear(struct policy *policy)
{
	for (size_t i = 0; policy->rules && i < policy->count; i++) {
		struct policy_rule *rule = &policy->rules[i];
		free_names(rule->keys, rule->key_count);
		free_names(rule->names, rule->name_count);
		free_names(rule->data_names, rule->data_name_count);
		free(rule->types);
		free(rule->data);
		free(rule->from);
	}
	free(policy->rules);
	*policy = (struct policy){0};
}

/* ---- rules for a subject, rules for a record ---- */

/* Index of the first rule at or after from that may speak for this subject at all; count
 * if there is none. */
static size_t find_candidate(
	const struct policy *policy, size_t from, const struct policy_subject *subject)
{
	while (from < policy->count &&
		policy_rule_meet_subject(&policy->rules[from], subject) !=
			POLICY_OBSTACLE_NONE)
		from++;
	return from;
}

/* The first rule that allows it; first is a candidate, as find_candidate gave it. */
static const struct policy_rule *find_rule(
	const struct policy *policy, size_t first, const struct policy_request *req)
{
	while (first < policy->count) {
		const struct policy_rule *rule = &policy->rules[first];
		if (policy_rule_meet_record(rule, req) == POLICY_OBSTACLE_NONE)
			return rule;
		first = find_candidate(policy, first + 1, req->subject);
	}
	return NULL;
}

/* ---- reasons ---- */

/* "rule 2 (line 31)", counted from 1 */
static const char *rule_to_text(const struct policy *policy,
	const struct policy_rule *rule, char buf[RULE_TEXT_MAX])
{
	size_t number = (size_t)(rule - policy->rules) + 1;

	if (rule->line > 0)
		snprintf(buf, RULE_TEXT_MAX, "rule %zu (line %d)", number, rule->line);
	else
		snprintf(buf, RULE_TEXT_MAX, "rule %zu", number);
	return buf;
}

static struct verdict refuse_subject(
	const struct policy *policy, const struct policy_subject *subject)
{
	char key[NAME_TEXT_MAX];

	if (policy->count == 0)
		return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED,
			"the zone has no rules: nobody may update it");
	if (!subject->key)
		return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED,
			"the message is not signed, and every rule asks for a key");
	return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED, "no rule names key %s",
		name_to_text(subject->key, key));
}

/* Why no rule allows it: the reason of the rule that came furthest, the first of equals.
 * where, maybe empty, says which record it is about.  req->rr is NULL when there are no
 * candidates; then nobody asks for the record. */
static struct verdict refuse(
	const struct policy *policy, const struct policy_request *req, const char *where)
{
	enum policy_obstacle furthest = POLICY_OBSTACLE_KEY;
	const struct policy_rule *best = NULL;
	char reason[POLICY_REASON_MAX], text[RULE_TEXT_MAX];

	for (size_t i = 0; i < policy->count; i++) {
		const struct policy_rule *rule = &policy->rules[i];
		enum policy_obstacle obstacle =
			policy_rule_meet_subject(rule, req->subject);
		if (obstacle == POLICY_OBSTACLE_NONE)
			obstacle = policy_rule_meet_record(rule, req);
		if (obstacle > furthest) {
			furthest = obstacle;
			best = rule;
		}
	}
	if (!best)
		return refuse_subject(policy, req->subject);
	policy_rule_say(reason, furthest, best, req);
	return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED, "%s: %s%s",
		rule_to_text(policy, best, text), reason, where);
}

/* ---- what the gateway asks ---- */

const struct policy_rule *policy_find_rule(const struct policy *policy,
	const uint8_t *zone, const struct policy_subject *subject,
	enum policy_operation op, const struct rr *rr, struct verdict *ret_why)
{
	struct policy_request req = {
		.zone = zone, .subject = subject, .op = op, .rr = rr};
	size_t first = find_candidate(policy, 0, subject);
	const struct policy_rule *rule = find_rule(policy, first, &req);

	if (!rule && ret_why)
		*ret_why = refuse(policy, &req, "");
	return rule;
}

bool policy_allows_transfer(
	const struct policy *policy, const struct policy_subject *subject)
{
	for (size_t i = 0; i < policy->count; i++)
		if (policy->rules[i].transfer &&
			policy_rule_meet_subject(&policy->rules[i], subject) ==
				POLICY_OBSTACLE_NONE)
			return true;
	return false;
}

static struct verdict refuse_change(const struct policy *policy,
	const struct policy_request *req, const struct update *update)
{
	char where[POLICY_REASON_MAX] = "", owner[NAME_TEXT_MAX],
	     type[RDATA_TYPE_NAME_MAX];

	if (update->change_count > 1)
		snprintf(where, sizeof(where), " (change %u of %u: %s %s)",
			(unsigned)(req->rr - update->changes) + 1,
			(unsigned)update->change_count,
			name_to_text(req->rr->owner, owner),
			rdata_type_name(req->rr->type, type));
	return refuse(policy, req, where);
}

struct verdict policy_check_update(const struct policy *policy, const uint8_t *zone,
	const struct policy_subject *subject, const struct update *update)
{
	struct policy_request req = {.zone = zone, .subject = subject};
	size_t first = find_candidate(policy, 0, subject);

	/* Also with nothing to judge: prerequisites alone tell what exists, so they are
	 * answered only to somebody whom a rule knows. */
	if (first == policy->count)
		return refuse(policy, &req, "");
	for (unsigned i = 0; i < update->change_count; i++) {
		req.rr = &update->changes[i];
		req.op = update_is_add(req.rr) ? POLICY_ADD : POLICY_DELETE;
		if (!find_rule(policy, first, &req))
			return refuse_change(policy, &req, update);
	}
	return verdict_ok();
}

/*
 * Was the same deletion judged a moment ago?  A message of 64 KiB can ask thousands of
 * times for the deletion of one name; judged each time, a large RRset there would keep
 * the zone busy for seconds.  Forgetting (two deletions in one slot) costs only time.
 */
static bool is_seen(
	uint16_t seen[SEEN_SLOTS], const struct update *update, unsigned index)
{
	const struct rr *rr = &update->changes[index];
	uint16_t *slot = &seen[(name_hash(rr->owner) + rr->type) % SEEN_SLOTS];

	if (*slot > 0) {
		const struct rr *other = &update->changes[*slot - 1];
		if (other->type == rr->type && name_is_equal(other->owner, rr->owner))
			return true;
	}
	*slot = (uint16_t)(index + 1); /* 65535 changes at most: a count of the header */
	return false;
}

static struct verdict check_removal(const struct policy *policy, size_t first,
	struct policy_request *req, const struct rrset *set)
{
	const uint8_t *owner = req->rr->owner;
	struct rr rr = {.owner = owner, .type = set->type, .class = CLASS_NONE};
	struct policy_request one = *req;
	size_t at = 0;

	one.rr = &rr;
	while ((rr.rdata = rrset_next(set, &at, &rr.rdata_len))) {
		if (find_rule(policy, first, &one))
			continue;
		char where[POLICY_REASON_MAX], text[NAME_TEXT_MAX],
			type[RDATA_TYPE_NAME_MAX];
		snprintf(where, sizeof(where), " (the deletion would remove %s %s)",
			name_to_text(owner, text), rdata_type_name(rr.type, type));
		return refuse(policy, &one, where);
	}
	return verdict_ok();
}

/* What the deletion of an RRset or a name removes, less what stays in any case: "If the
 * NAME is the same as ZNAME, SOA and NS RRs will not be deleted" (RFC 2136 3.4.2.3), nor
 * what is the signer's. */
static struct verdict check_deletion(const struct policy *policy, size_t first,
	struct policy_request *req, const struct zone *zone)
{
	const struct zone_node *node = zone_find_node(zone, req->rr->owner);
	bool is_apex = name_is_equal(req->rr->owner, req->zone);
	const struct rrset *set;

	for (unsigned i = 0; node && (set = zone_node_rrset(node, i)); i++) {
		if (req->rr->type != TYPE_ANY && req->rr->type != set->type)
			continue;
		if (is_apex && (set->type == TYPE_SOA || set->type == TYPE_NS))
			continue;
		if (is_apex && req->rr->type == TYPE_ANY &&
			zone_type_is_signers(zone, set->type))
			continue;
		struct verdict v = check_removal(policy, first, req, set);
		if (!verdict_is_ok(&v))
			return v;
	}
	return verdict_ok();
}

struct verdict policy_check_effect(const struct policy *policy, const struct zone *zone,
	const struct policy_subject *subject, const struct update *update)
{
	struct policy_request req = {
		.zone = zone_apex(zone), .subject = subject, .op = POLICY_DELETE};
	size_t first = find_candidate(policy, 0, subject);
	uint16_t seen[SEEN_SLOTS] = {0}; /* index of a change plus 1; 0: free */

	for (unsigned i = 0; i < update->change_count; i++) {
		const struct rr *rr = &update->changes[i];
		if (!update_is_delete_rrset(rr) && !update_is_delete_name(rr))
			continue;
		if (is_seen(seen, update, i))
			continue;
		req.rr = rr;
		struct verdict v = check_deletion(policy, first, &req, zone);
		if (!verdict_is_ok(&v))
			return v;
	}
	return verdict_ok();
}

/*
 * The rule under which a record of the RRset came.  The record's own TTL is gone: its
 * RRset has one, that of the record added last (RFC 2181 5.2).  If no rule allows the
 * record with that, it came under one that wanted another.
 */
static const struct policy_rule *find_result_rule(
	const struct policy *policy, size_t first, const struct policy_request *req)
{
	const struct policy_rule *rule = find_rule(policy, first, req);
	struct policy_request any_ttl = *req;

	if (rule)
		return rule;
	any_ttl.is_any_ttl = true;
	return find_rule(policy, first, &any_ttl);
}

static struct verdict refuse_growth(const struct policy *policy,
	const struct policy_rule *rule, const struct policy_request *req, unsigned count)
{
	char owner[NAME_TEXT_MAX], type[RDATA_TYPE_NAME_MAX], text[RULE_TEXT_MAX];

	if (!rule)
		return refuse(policy, req, "");
	return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED,
		"%s: %u records are more than its maximum %u (%s %s)",
		rule_to_text(policy, rule, text), count, rule->max_records,
		name_to_text(req->rr->owner, owner),
		rdata_type_name(req->rr->type, type));
}

static struct verdict check_growth(const struct policy *policy, size_t first,
	struct policy_request *req, const struct change *change)
{
	const struct rrset *before = change->before, *after = change->after;
	struct rr rr = {.owner = change->owner,
		.type = change->type,
		.class = CLASS_IN,
		.ttl = after->ttl};
	size_t at = 0;

	req->rr = &rr;
	while ((rr.rdata = rrset_next(after, &at, &rr.rdata_len))) {
		const struct policy_rule *rule = find_result_rule(policy, first, req);
		if (rule && (rule->max_records == 0 || after->count <= rule->max_records))
			continue;
		if (before && rrset_find(before, rr.rdata, rr.rdata_len) >= 0)
			continue; /* was there already, under whatever rule */
		return refuse_growth(policy, rule, req, after->count);
	}
	return verdict_ok();
}

/* No RRset of up to so many records is too large for any rule. */
static unsigned find_least_limit(const struct policy *policy)
{
	unsigned least = UINT_MAX;

	for (size_t i = 0; i < policy->count; i++) {
		unsigned limit = policy->rules[i].max_records;
		if (limit > 0 && limit < least)
			least = limit;
	}
	return least;
}

struct verdict policy_check_result(const struct policy *policy, const uint8_t *zone,
	const struct policy_subject *subject, const struct changeset *cs)
{
	struct policy_request req = {.zone = zone, .subject = subject, .op = POLICY_ADD};
	size_t first = find_candidate(policy, 0, subject);
	unsigned limit = find_least_limit(policy);

	for (uint32_t i = 0; i < cs->count; i++) {
		const struct change *change = &cs->changes[i];
		unsigned before = change->before ? change->before->count : 0;
		if (!change->after || change->after->count <= before)
			continue;
		if (change->after->count <= limit)
			continue;
		struct verdict v = check_growth(policy, first, &req, change);
		if (!verdict_is_ok(&v))
			return v;
	}
	return verdict_ok();
}
