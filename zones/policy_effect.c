/*
 * Judges what an update does to existing records: what it removes, and how many are
 * left.
 *
 * First, before prerequisites (policy_check_effect), by the message and the mirror:
 * what deletions of RRsets and names remove, and what is replaced by a record of a type
 * that allows only one.  Then by the change set (policy_check_result), which knows what
 * was really removed, including what the message did not show.
 *
 * Cost: each RRset is judged once, by its name and type; record by record only if the
 * rules that allow it look at data.
 */
#include "zones/policy.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "zones/places.h"
#include "zones/policy_rule.h"
#include "zones/rdata.h"

struct effect {
	struct policy_judge judge;
	const struct zone *zone;
	const struct update *update;
	struct places judged;
	size_t octets;     /* of RRsets to be removed */
	const char *words; /* for a refusal */
};

/* ---- what goes ---- */

/* An RRset to be removed, except what is kept of it. */
struct removal {
	const uint8_t *owner;
	const struct rrset *set;
	struct rrset_finder kept;
	/* records that no rule allows to be removed, by index */
	uint64_t left[(UINT16_MAX + 1) / 64];
	bool is_filled; /* left is valid */
};

/* Marks all records as to be removed. */
static void fill(struct removal *r)
{
	const uint8_t *rdata;
	size_t at = 0, i = 0;
	uint16_t len;

	for (; (rdata = rrset_next(r->set, &at, &len)); i++) {
		uint64_t bit = (uint64_t)1 << i % 64;

		if (i % 64 == 0)
			r->left[i / 64] = 0;
		if (!rrset_finder_has(&r->kept, rdata, len))
			r->left[i / 64] |= bit;
	}
	r->is_filled = true;
}

/* Strikes out what the rule allows.  If some are left: false, with the first of them in
 * *ret_rr. */
static bool strike(struct removal *r, const struct policy_rule *rule,
	struct policy_request *req, struct rr *ret_rr)
{
	struct rr rr = *req->rr;
	size_t at = 0, i = 0;
	bool is_left = false;

	req->rr = &rr;
	for (; (rr.rdata = rrset_next(r->set, &at, &rr.rdata_len)); i++) {
		uint64_t bit = (uint64_t)1 << i % 64;

		if (!(r->left[i / 64] & bit))
			continue;
		if (rule && policy_rule_meet_data(rule, req) == POLICY_OBSTACLE_NONE) {
			r->left[i / 64] &= ~bit;
			continue;
		}
		if (!is_left)
			*ret_rr = rr;
		is_left = true;
	}
	return !is_left;
}

static struct verdict refuse_removal(struct effect *e, const struct policy_request *req)
{
	char where[POLICY_REASON_MAX], text[NAME_TEXT_MAX], type[RDATA_TYPE_NAME_MAX];

	snprintf(where, sizeof(where), " (%s %s %s)", e->words,
		name_to_text(req->rr->owner, text), rdata_type_name(req->rr->type, type));
	return policy_refuse(e->judge.policy, req, where);
}

static struct verdict judge_removal(struct effect *e, struct removal *r)
{
	const struct rr any = {
		.owner = r->owner, .type = r->set->type, .class = CLASS_NONE};
	struct policy_request req = {.zone = e->judge.zone,
		.subject = e->judge.subject,
		.op = POLICY_DELETE,
		.rr = &any};
	const struct policy_rule *rule;
	struct rr left;

	r->is_filled = false;
	for (size_t i = 0; (rule = policy_judge_rule(&e->judge, i)); i++) {
		if (policy_rule_meet_rrset(rule, &req) != POLICY_OBSTACLE_NONE)
			continue;
		if (!policy_rule_limits_deletion(rule, any.type))
			return verdict_ok();
		if (!r->is_filled)
			fill(r);
		if (strike(r, rule, &req, &left))
			return verdict_ok();
		req.rr = &any;
	}
	if (!r->is_filled)
		fill(r);
	if (strike(r, NULL, &req, &left))
		return verdict_ok(); /* nothing is removed */
	req.rr = &left;
	return refuse_removal(e, &req);
}

static struct verdict judge_whole(
	struct effect *e, const uint8_t *owner, const struct rrset *set)
{
	struct removal r;

	/* apply_update would refuse this too, so it is not looked at record by record. */
	e->octets += set->size;
	if (e->octets > APPLY_SIZE_MAX)
		return verdict_refuse(RCODE_REFUSED, EDE_OTHER,
			"it changes RRsets of more than %d octets in all",
			APPLY_SIZE_MAX);
	r.owner = owner;
	r.set = set;
	rrset_finder_init(&r.kept, NULL);
	return judge_removal(e, &r);
}

/* ---- before it is applied ---- */

/* What the deletion of an RRset or a name removes, except what always stays: "If the
 * NAME is the same as ZNAME, SOA and NS RRs will not be deleted" (RFC 2136 3.4.2.3),
 * nor what belongs to the signer. */
static struct verdict judge_deletion(
	struct effect *e, const struct rr *rr, const struct zone_node *node)
{
	bool is_apex = name_is_equal(rr->owner, e->judge.zone);
	struct verdict v = verdict_ok();
	const struct rrset *set;

	e->words = "the deletion would remove";
	for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++) {
		if (rr->type != TYPE_ANY && rr->type != set->type)
			continue;
		if (is_apex && (set->type == TYPE_SOA || set->type == TYPE_NS))
			continue;
		if (is_apex && rr->type == TYPE_ANY &&
			zone_type_is_signers(e->zone, set->type))
			continue;
		v = judge_whole(e, rr->owner, set);
		if (!verdict_is_ok(&v))
			return v;
	}
	return v;
}

/* What an added record replaces (3.4.2.2), or NULL.  A SOA that does not move forward
 * is ignored. */
static const struct rrset *find_replaced(const struct effect *e, const struct rr *rr)
{
	const struct rrset *set;
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;

	if (!rdata_is_singleton(rr->type))
		return NULL;
	set = zone_find(e->zone, rr->owner, rr->type);
	if (!set)
		return NULL;
	rdata = rrset_next(set, &at, &len);
	if (rr->type == TYPE_SOA &&
		(!name_is_equal(rr->owner, e->judge.zone) ||
			!serial_is_newer(soa_serial(rr->rdata, rr->rdata_len),
				soa_serial(rdata, len))))
		return NULL;
	if (set->count == 1 &&
		rdata_is_equal(rr->type, rdata, len, rr->rdata, rr->rdata_len))
		return NULL;
	return set;
}

static bool is_deletion(const struct rr *rr)
{
	return update_is_delete_rrset(rr) || update_is_delete_name(rr);
}

/* Each place that is named is judged once, a name with all its types as a place of type
 * ANY.  So no RRset is judged more than twice. */
static struct verdict judge_change(struct effect *e, const struct rr *rr)
{
	const struct rrset *replaced = update_is_add(rr) ? find_replaced(e, rr) : NULL;
	const struct zone_node *node =
		is_deletion(rr) ? zone_find_node(e->zone, rr->owner) : NULL;
	uint32_t number;
	int r;

	if (!replaced && !node)
		return verdict_ok();
	r = places_put(&e->judged, rr->owner, rr->type, &number);
	if (r < 0)
		return verdict_no_memory();
	if (r == 0)
		return verdict_ok();
	if (node)
		return judge_deletion(e, rr, node);
	e->words = "what is added would take the place of";
	return judge_whole(e, rr->owner, replaced);
}

struct verdict policy_check_effect(const struct policy *policy, const struct zone *zone,
	const struct policy_subject *subject, const struct update *update)
{
	struct effect e;
	struct verdict v = verdict_ok();

	policy_judge_init(&e.judge, policy, zone_apex(zone), subject);
	places_init(&e.judged);
	e.zone = zone;
	e.octets = 0;
	for (unsigned i = 0; verdict_is_ok(&v) && i < update->change_count; i++)
		v = judge_change(&e, &update->changes[i]);
	places_clear(&e.judged);
	policy_judge_clear(&e.judge);
	return v;
}

/* ---- afterwards ---- */

/* A serial that the change set moves by itself does not replace anybody's SOA. */
static bool is_own_doing(const struct changeset *cs, const struct change *change)
{
	return change->type == TYPE_SOA && !cs->sets_serial;
}

static struct verdict judge_gone(struct effect *e, const struct changeset *cs)
{
	struct verdict v = verdict_ok();

	e->words = "the update would remove";
	for (uint32_t i = 0; verdict_is_ok(&v) && i < cs->count; i++) {
		const struct change *change = &cs->changes[i];
		struct removal r;

		if (!change->before || is_own_doing(cs, change))
			continue;
		r.owner = change->owner;
		r.set = change->before;
		rrset_finder_init(&r.kept, change->after);
		v = judge_removal(e, &r);
		rrset_finder_clear(&r.kept);
	}
	return v;
}

/* An RRset of up to this many records is within the limits of every rule. */
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

/* Are there more records than that, and no fewer than before? */
static bool is_above(const struct change *change, unsigned limit)
{
	unsigned before = change->before ? change->before->count : 0;

	return change->after && change->after->count > limit &&
		change->after->count >= before;
}

/* Most change sets leave one record in each RRset; then no rule needs to be asked. */
static bool may_be_too_many(const struct policy *policy, const struct changeset *cs)
{
	unsigned least = 1;
	bool is_any = false;

	for (uint32_t i = 0; i < cs->count && !is_any; i++)
		is_any = is_above(&cs->changes[i], least);
	if (!is_any)
		return false;
	least = find_least_limit(policy);
	for (uint32_t i = 0; i < cs->count; i++)
		if (is_above(&cs->changes[i], least))
			return true;
	return false;
}

static struct verdict refuse_number(const struct effect *e,
	const struct policy_rule *rule, const struct change *change)
{
	char owner[NAME_TEXT_MAX], type[RDATA_TYPE_NAME_MAX], text[POLICY_RULE_TEXT_MAX];

	return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED,
		"%s: %u records are more than its maximum %u (%s %s)",
		policy_rule_to_text(e->judge.policy, rule, text),
		(unsigned)change->after->count, rule->max_records,
		name_to_text(change->owner, owner), rdata_type_name(change->type, type));
}

static struct verdict judge_numbers(struct effect *e, const struct changeset *cs)
{
	for (unsigned i = 0; i < e->update->change_count; i++) {
		const struct rr *rr = &e->update->changes[i];
		const struct policy_rule *rule;
		const struct change *change;

		if (!update_is_add(rr))
			continue;
		change = changeset_find(cs, rr->owner, rr->type);
		if (!change || !is_above(change, 1))
			continue;
		rule = policy_judge_find(&e->judge, POLICY_ADD, rr, NULL);
		if (rule && rule->max_records && is_above(change, rule->max_records))
			return refuse_number(e, rule, change);
	}
	return verdict_ok();
}

struct verdict policy_check_result(const struct policy *policy, const uint8_t *zone,
	const struct policy_subject *subject, const struct update *update,
	const struct changeset *cs)
{
	struct verdict v;
	struct effect e;

	policy_judge_init(&e.judge, policy, zone, subject);
	e.update = update;
	v = judge_gone(&e, cs);
	if (verdict_is_ok(&v) && may_be_too_many(policy, cs))
		v = judge_numbers(&e, cs);
	policy_judge_clear(&e.judge);
	return v;
}

/* ---- what a key holds ---- */

static struct verdict refuse_holding(const struct policy *policy,
	const struct policy_rule *rule, const struct policy_subject *subject,
	const struct zone_holding *held)
{
	bool is_names = rule->max_names && held->names > rule->max_names;
	char text[POLICY_RULE_TEXT_MAX], key[NAME_TEXT_MAX];

	return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED,
		"%s: key %.*s would hold %zu %s of the zone, and %s is %u",
		policy_rule_to_text(policy, rule, text), VERDICT_WHY_MAX / 3,
		name_to_text(subject->key, key), is_names ? held->names : held->octets,
		is_names ? "names" : "octets", is_names ? "max_names" : "max_size",
		(unsigned)(is_names ? rule->max_names : rule->max_size));
}

static bool has_holding_limit(const struct policy *policy)
{
	for (size_t i = 0; i < policy->count; i++)
		if (policy->rules[i].max_names || policy->rules[i].max_size)
			return true;
	return false;
}

struct verdict policy_check_holding(const struct policy *policy, const uint8_t *zone,
	const struct policy_subject *subject, const struct update *update,
	const struct changeset *cs, const struct zone_holding *held)
{
	struct verdict v = verdict_ok();
	struct policy_judge judge;

	if (!has_holding_limit(policy))
		return v;
	policy_judge_init(&judge, policy, zone, subject);
	for (unsigned i = 0; verdict_is_ok(&v) && i < update->change_count; i++) {
		const struct rr *rr = &update->changes[i];
		const struct change *change = update_is_add(rr)
			? changeset_find(cs, rr->owner, rr->type)
			: NULL;
		const struct policy_rule *rule = NULL;

		if (change && change_is_growing(change))
			rule = policy_judge_find(&judge, POLICY_ADD, rr, NULL);
		if (rule &&
			((rule->max_names && held->names > rule->max_names) ||
				(rule->max_size && held->octets > rule->max_size)))
			v = refuse_holding(policy, rule, subject, held);
	}
	policy_judge_clear(&judge);
	return v;
}
