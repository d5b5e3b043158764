/*
 * Deletions that spare records which others still need (lease.h), for rules with merge.
 *
 * A place is an owner and a type.  The deletion of an RRset becomes deletions of its
 * records one by one, except those that are spared.  The last such deletion of a place
 * includes those before it, and also removes what the update itself added before it.
 * Deletions of whole names are unchanged.
 *
 * Rules judge the deletion of an RRset by each record that it removes
 * (policy_check_effect).  Here the records are known, so they are judged here.
 */
#include "zones/lease_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "zones/draft.h"
#include "zones/update_builder.h"

enum action {
	KEEP,
	DROP,   /* undone by a later deletion at its place */
	EXPAND, /* a deletion that becomes others */
};

/* A record of the update, and the means to group those of one place. */
struct item {
	uint32_t group; /* of its owner */
	uint32_t index; /* in the update */
	uint16_t type;
};

struct merging {
	const struct lease_table *table;
	const struct zone *zone;
	struct policy_judge judge;
	const struct policy_subject *subject;
	const struct update *update;
	struct item *items;
	uint8_t *actions; /* enum action, per change */
	/* per change to be expanded: the update adds nothing at its place */
	bool *are_lone;
	struct verdict refusal;
	size_t looked_at; /* octets of RRsets, record by record */
	size_t deletions; /* that replace others */
};

static bool is_merged(struct merging *m, const struct rr *rr)
{
	const struct policy_rule *rule;

	if (!update_is_delete_rrset(rr) || !lease_first_at(m->table, rr->owner))
		return false;
	rule = policy_judge_find(&m->judge, POLICY_DELETE, rr, NULL);
	return rule && rule->merge;
}

/* Spared are leased records; if the deletion stands alone, only those leased by
 * others. */
static bool is_spared(const struct merging *m, const struct rr *place,
	const struct rr *rr, bool is_lone)
{
	const struct lease *lease =
		lease_find(m->table, place->owner, place->type, rr->rdata, rr->rdata_len);

	return lease &&
		(!is_lone || !name_is_equal(lease_key(m->table, lease), m->subject->key));
}

/* ---- places ---- */

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int sort_items(struct merging *m)
{
	const struct update *u = m->update;
	struct draft_groups groups;
	size_t count = 0;

	if (draft_groups_init(&groups, u->changes, u->change_count) < 0)
		return -ENOMEM;
	for (size_t g = 0; g < groups.count; g++) {
		for (uint32_t i = groups.heads[g]; i != DRAFT_GROUP_END;
			i = groups.next[i])
			m->items[count++] =
				(struct item){(uint32_t)g, i, u->changes[i].type};
	}
	draft_groups_clear(&groups);
	qsort(m->items, count, sizeof(*m->items), compare_items);
	return 0;
}

/* Is any record spared? */
static bool is_different(struct merging *m, const struct rr *place, bool is_lone)
{
	const struct rrset *set = zone_find(m->zone, place->owner, place->type);
	struct rr rr = {0};
	size_t at = 0;

	m->looked_at += set ? set->size : 0;
	if (m->looked_at > APPLY_SIZE_MAX)
		return true; /* which judge refuses */

	while (set && (rr.rdata = rrset_next(set, &at, &rr.rdata_len))) {
		if (is_spared(m, place, &rr, is_lone))
			return true;
	}
	return false;
}

/* The items from first to end are those of one place, in message order. */
static bool decide_place(struct merging *m, size_t first, size_t end)
{
	const struct rr *changes = m->update->changes;
	bool is_lone = true;
	size_t last = end;

	for (size_t i = first; i < end; i++) {
		const struct rr *rr = &changes[m->items[i].index];

		if (update_is_add(rr))
			is_lone = false;
		if (is_merged(m, rr))
			last = i;
	}
	if (last == end || !is_different(m, &changes[m->items[last].index], is_lone))
		return false;
	for (size_t i = first; i < last; i++) {
		const struct rr *rr = &changes[m->items[i].index];

		if (update_is_add(rr) || update_is_delete_rrset(rr))
			m->actions[m->items[i].index] = DROP;
	}
	m->actions[m->items[last].index] = EXPAND;
	m->are_lone[m->items[last].index] = is_lone;
	return true;
}

static bool decide(struct merging *m)
{
	size_t count = m->update->change_count;
	bool is_any = false;

	for (size_t first = 0, end; first < count; first = end) {
		const struct item *item = &m->items[first];

		for (end = first + 1; end < count && m->items[end].group == item->group &&
			m->items[end].type == item->type;)
			end++;
		is_any |= decide_place(m, first, end);
	}
	return is_any;
}

/* ---- the other update ---- */

/* Calls visit for each record that a deletion removes; false as soon as it does. */
static bool each_removal(struct merging *m, size_t index,
	bool (*visit)(struct merging *m, const struct rr *rr, void *arg), void *arg)
{
	const struct rr *place = &m->update->changes[index];
	const struct rrset *set = zone_find(m->zone, place->owner, place->type);
	struct rr rr = {.owner = place->owner, .type = place->type, .class = CLASS_NONE};
	size_t at = 0;

	while (set && (rr.rdata = rrset_next(set, &at, &rr.rdata_len))) {
		if (!is_spared(m, place, &rr, m->are_lone[index]) && !visit(m, &rr, arg))
			return false;
	}
	return true;
}

static bool judge_removal(struct merging *m, const struct rr *rr, void *arg)
{
	(void)arg;
	if (m->update->change_count + ++m->deletions > UINT16_MAX) {
		m->refusal = verdict_refuse(RCODE_REFUSED, EDE_OTHER,
			"the update would delete too many records one by one");
		return false;
	}
	return policy_judge_find(&m->judge, POLICY_DELETE, rr, &m->refusal);
}

static bool judge(struct merging *m)
{
	if (m->looked_at > APPLY_SIZE_MAX) {
		m->refusal = verdict_refuse(RCODE_REFUSED, EDE_OTHER,
			"it changes RRsets of more than %d octets in all",
			APPLY_SIZE_MAX);
		return false;
	}
	for (size_t i = 0; i < m->update->change_count; i++) {
		if (m->actions[i] == EXPAND && !each_removal(m, i, judge_removal, NULL))
			return false;
	}
	return true;
}

static bool add_record(struct merging *m, const struct rr *rr, void *builder)
{
	(void)m;
	update_builder_add(builder, rr);
	return true;
}

static int make_update(struct merging *m, struct update **ret_update)
{
	const struct update *old = m->update;
	struct update_builder b;
	struct update *update;
	int r;

	update_builder_init(&b, old->zone);
	for (uint16_t i = 0; i < old->change_count; i++) {
		if (m->actions[i] == EXPAND)
			each_removal(m, i, add_record, &b);
		else if (m->actions[i] == KEEP)
			update_builder_add(&b, &old->changes[i]);
	}
	r = update_builder_finish(&b, &update);
	if (r < 0)
		return r;
	update->prereqs = old->prereqs;
	update->prereq_count = old->prereq_count;
	update->prereq_refusal = old->prereq_refusal;
	update->is_bounded = old->is_bounded;
	*ret_update = update;
	return 0;
}

/* Most updates need no merging. */
static bool is_concerned(struct merging *m)
{
	const struct policy *policy = m->judge.policy;
	bool has_rule = false;

	for (size_t i = 0; i < policy->count && !has_rule; i++)
		has_rule = policy->rules[i].merge;
	for (uint16_t i = 0; has_rule && i < m->update->change_count; i++) {
		if (is_merged(m, &m->update->changes[i]))
			return true;
	}
	return false;
}

static struct verdict merge(struct merging *m, struct update **ret_update)
{
	if (!m->items || !m->actions || !m->are_lone || sort_items(m) < 0)
		return verdict_no_memory();
	if (!decide(m))
		return verdict_ok();
	if (!judge(m))
		return m->refusal;
	return make_update(m, ret_update) < 0 ? verdict_no_memory() : verdict_ok();
}

struct verdict lease_merge(const struct lease_table *table, const struct zone *zone,
	const struct policy *policy, const struct policy_subject *subject,
	const struct update *update, struct update **ret_update)
{
	struct merging m = {.table = table,
		.zone = zone,
		.subject = subject,
		.update = update,
		.refusal = verdict_ok()};
	struct verdict v;

	*ret_update = NULL;
	policy_judge_init(&m.judge, policy, zone_apex(zone), subject);
	if (!subject->key || !is_concerned(&m)) {
		policy_judge_clear(&m.judge);
		return verdict_ok();
	}
	m.items = calloc(update->change_count, sizeof(*m.items));
	m.actions = calloc(update->change_count, sizeof(*m.actions));
	m.are_lone = calloc(update->change_count, sizeof(*m.are_lone));
	v = merge(&m, ret_update);
	free(m.items);
	free(m.actions);
	free(m.are_lone);
	policy_judge_clear(&m.judge);
	return v;
}
