/*
 * Judging an update by the rules of a zone: which rule allows a record, and if none
 * does, which came closest.
 *
 * Single rules are in policy_rule.c, effects on existing records in policy_effect.c.
 * Rules also carry leases and rates, which are not handled here.
 *
 * Cost: one comparison of names per rule and key pattern for a message, only as far as
 * its records need rules; then one per record and rule that matches the sender.
 */
#include "zones/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/lease.h"
#include "zones/policy_rule.h"
#include "zones/rdata.h"

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

void policy_judge_init(struct policy_judge *judge, const struct policy *policy,
	const uint8_t *zone, const struct policy_subject *subject)
{
	judge->policy = policy;
	judge->zone = zone;
	judge->subject = subject;
	judge->next = 0;
	judge->count = 0;
	judge->room = 0;
	judge->many = NULL;
}

void policy_judge_clear(struct policy_judge *judge)
{
	free(judge->many);
	judge->many = NULL;
}

static bool make_room(struct policy_judge *judge)
{
	size_t room = 2 * (judge->room ? judge->room : POLICY_JUDGE_FEW);
	const struct policy_rule **many;

	if (judge->count < (judge->room ? judge->room : POLICY_JUDGE_FEW))
		return true;
	many = realloc(judge->many, room * sizeof(*many));
	if (!many)
		return false;
	if (!judge->room)
		memcpy(many, judge->few, sizeof(judge->few));
	judge->many = many;
	judge->room = room;
	return true;
}

static bool speaks(const struct policy_judge *judge, size_t at)
{
	return policy_rule_meet_subject(&judge->policy->rules[at], judge->subject) ==
		POLICY_OBSTACLE_NONE;
}

/* Without memory for a list: counts that many rules further from the last one
 * remembered. */
static const struct policy_rule *look_ahead(const struct policy_judge *judge, size_t skip)
{
	for (size_t at = judge->next; at < judge->policy->count; at++)
		if (speaks(judge, at) && skip-- == 0)
			return &judge->policy->rules[at];
	return NULL;
}

const struct policy_rule *policy_judge_rule(struct policy_judge *judge, size_t index)
{
	while (index >= judge->count && judge->next < judge->policy->count) {
		size_t at = judge->next;

		if (speaks(judge, at)) {
			if (!make_room(judge))
				return look_ahead(judge, index - judge->count);
			(judge->room ? judge->many : judge->few)[judge->count++] =
				&judge->policy->rules[at];
		}
		judge->next++;
	}
	if (index >= judge->count)
		return NULL;
	return (judge->room ? judge->many : judge->few)[index];
}

/* The first rule that allows it. */
static const struct policy_rule *find_rule(
	struct policy_judge *judge, const struct policy_request *req)
{
	const struct policy_rule *rule;

	for (size_t i = 0; (rule = policy_judge_rule(judge, i)); i++)
		if (policy_rule_meet_record(rule, req) == POLICY_OBSTACLE_NONE)
			return rule;
	return NULL;
}

/* ---- reasons ---- */

const char *policy_rule_to_text(const struct policy *policy,
	const struct policy_rule *rule, char buf[POLICY_RULE_TEXT_MAX])
{
	size_t number = (size_t)(rule - policy->rules) + 1;

	if (rule->line > 0)
		snprintf(buf, POLICY_RULE_TEXT_MAX, "rule %zu (line %d)", number,
			rule->line);
	else
		snprintf(buf, POLICY_RULE_TEXT_MAX, "rule %zu", number);
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

struct verdict policy_refuse(
	const struct policy *policy, const struct policy_request *req, const char *where)
{
	enum policy_obstacle furthest = POLICY_OBSTACLE_KEY;
	const struct policy_rule *best = NULL;
	char reason[POLICY_REASON_MAX], text[POLICY_RULE_TEXT_MAX];

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
		policy_rule_to_text(policy, best, text), reason, where);
}

/* ---- what the gateway asks ---- */

const struct policy_rule *policy_judge_find(struct policy_judge *judge,
	enum policy_operation op, const struct rr *rr, struct verdict *ret_why)
{
	struct policy_request req = {
		.zone = judge->zone, .subject = judge->subject, .op = op, .rr = rr};
	const struct policy_rule *rule = find_rule(judge, &req);

	if (!rule && ret_why)
		*ret_why = policy_refuse(judge->policy, &req, "");
	return rule;
}

const struct policy_rule *policy_find_rule(const struct policy *policy,
	const uint8_t *zone, const struct policy_subject *subject,
	enum policy_operation op, const struct rr *rr, struct verdict *ret_why)
{
	const struct policy_rule *rule;
	struct policy_judge judge;

	policy_judge_init(&judge, policy, zone, subject);
	rule = policy_judge_find(&judge, op, rr, ret_why);
	policy_judge_clear(&judge);
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
	return policy_refuse(policy, req, where);
}

static struct verdict check_changes(
	struct policy_judge *judge, const struct update *update)
{
	struct policy_request req = {.zone = judge->zone, .subject = judge->subject};

	/* This is asked even if there is nothing to judge: prerequisites alone reveal
	 * what exists, so they are answered only for senders that match a rule. */
	if (!policy_judge_rule(judge, 0))
		return policy_refuse(judge->policy, &req, "");
	for (unsigned i = 0; i < update->change_count; i++) {
		req.rr = &update->changes[i];
		req.op = update_is_add(req.rr) ? POLICY_ADD : POLICY_DELETE;
		if (!find_rule(judge, &req))
			return refuse_change(judge->policy, &req, update);
	}
	return verdict_ok();
}

struct verdict policy_check_update(const struct policy *policy, const uint8_t *zone,
	const struct policy_subject *subject, const struct update *update)
{
	struct policy_judge judge;
	struct verdict v;

	policy_judge_init(&judge, policy, zone, subject);
	v = check_changes(&judge, update);
	policy_judge_clear(&judge);
	return v;
}

/* ---- what may be asked ---- */

static bool may_touch(struct policy_judge *judge, const uint8_t *name)
{
	const struct policy_rule *rule;

	for (size_t i = 0; (rule = policy_judge_rule(judge, i)); i++)
		if (rule->operations &&
			policy_rule_meet_owner(rule, judge->zone, judge->subject, name))
			return true;
	return false;
}

/* Neither reveals what is in the zone. */
static bool is_told_to_any(const uint8_t *zone, const uint8_t *name, uint16_t type)
{
	static const uint8_t whoami[] = {6, 'w', 'h', 'o', 'a', 'm', 'i'};

	if (name_is_equal(name, zone))
		return type == TYPE_SOA;
	return memcmp(name, whoami, sizeof(whoami)) == 0 &&
		name_is_equal(name_parent(name), zone);
}

bool policy_may_query(const struct policy *policy, const uint8_t *zone,
	const struct policy_subject *subject, const uint8_t *name, uint16_t type)
{
	struct policy_judge judge;
	bool may;

	if (policy_allows_transfer(policy, subject))
		return true;
	policy_judge_init(&judge, policy, zone, subject);
	may = may_touch(&judge, name) ||
		(is_told_to_any(zone, name, type) && policy_judge_rule(&judge, 0));
	policy_judge_clear(&judge);
	return may;
}

/* Like policy_may_query, except for whoami.<zone>: it is answered without the zone,
 * while a prerequisite about it would look there. */
static bool may_require(struct policy_judge *judge, const struct rr *prereq)
{
	return may_touch(judge, prereq->owner) ||
		(prereq->type == TYPE_SOA && name_is_equal(prereq->owner, judge->zone) &&
			policy_judge_rule(judge, 0));
}

struct verdict policy_check_prereqs(const struct policy *policy, const uint8_t *zone,
	const struct policy_subject *subject, const struct update *update)
{
	struct policy_judge judge;
	char owner[NAME_TEXT_MAX];
	unsigned i = 0;

	if (!update->prereq_count || policy_allows_transfer(policy, subject))
		return verdict_ok();
	policy_judge_init(&judge, policy, zone, subject);
	while (i < update->prereq_count && may_require(&judge, &update->prereqs[i]))
		i++;
	policy_judge_clear(&judge);
	if (i == update->prereq_count)
		return verdict_ok();
	return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED,
		"prerequisite %u of %u asks about %.*s, which no rule lets the key "
		"change "
		"and query_from does not let this address query",
		i + 1, (unsigned)update->prereq_count, VERDICT_WHY_MAX / 2,
		name_to_text(update->prereqs[i].owner, owner));
}
