/*
 * What happens to leases when no client's update has changed the zone (lease.h): loads,
 * withdrawals, and what the gateway itself puts and ends.
 *
 * A lease without its record would take the record away that somebody else adds later;
 * so that none is left is the purpose of lease_follow and lease_sweep.
 */
#include "zones/lease_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "zones/draft.h"

static int carry_out(struct lease_plan *plan, struct lease_changes **changes, int r)
{
	if (r == 0)
		return lease_plan_carry_out(plan, changes);
	lease_plan_clear(plan);
	return r;
}

/* ---- one lease ---- */

int lease_put(struct lease_table *table, const struct lease_record *record,
	struct changeset *cs)
{
	struct lease *lease = lease_find(
		table, record->owner, record->type, record->rdata, record->rdata_len);
	struct lease_plan plan;

	lease_plan_init(&plan, table);
	return carry_out(&plan, &cs->leases, lease_plan_put(&plan, lease, record, true));
}

int lease_end(struct lease_table *table, struct lease *lease, struct changeset *cs)
{
	struct lease_plan plan;

	lease_plan_init(&plan, table);
	return carry_out(&plan, &cs->leases, lease_plan_end(&plan, lease));
}

/* ---- differences ---- */

/* Somebody else has brought what they wait for: it is not theirs. */
static int end_overtaken(
	struct lease_plan *plan, const uint8_t *owner, uint16_t type, struct draft *set)
{
	int r = 0;

	for (struct lease *l = lease_first_at(plan->table, owner); l && r == 0;
		l = lease_next_at(plan->table, l)) {
		if (l->type == type && l->flags & LEASE_WAITING &&
			draft_find(set, lease_rdata(l), l->rdata_len))
			r = lease_plan_end(plan, l);
	}
	return r;
}

static int follow_change(
	struct lease_plan *plan, const struct zone *zone, const struct change *change)
{
	struct draft draft;
	int r;

	if (!lease_first_at(plan->table, change->owner))
		return 0;
	draft_init(&draft, change->type, zone_find(zone, change->owner, change->type));
	r = draft_unfold(&draft);
	if (r == 0)
		r = lease_plan_end_missing(plan, change->owner, change->type, &draft);
	if (r == 0)
		r = end_overtaken(plan, change->owner, change->type, &draft);
	draft_clear(&draft);
	return r;
}

static int follow(
	struct lease_plan *plan, const struct zone *zone, const struct changeset *cs)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < cs->count; i++)
		r = follow_change(plan, zone, &cs->changes[i]);
	return r;
}

int lease_follow(struct lease_table *table, const struct zone *zone, struct changeset *cs)
{
	struct lease_plan plan;

	lease_plan_init(&plan, table);
	return carry_out(&plan, &cs->leases, follow(&plan, zone, cs));
}

/* ---- whole loads ---- */

/* Hosts come one after another, each with all its leases. */
struct sweep {
	struct lease_plan plan;
	const struct zone *zone;
	bool has_host;
	struct draft_node host; /* its RRsets in the zone */
	int result;
};

static int sweep_host(struct sweep *s, const struct lease *lease)
{
	if (!(lease->flags & LEASE_IS_HEAD))
		return 0;
	if (s->has_host)
		draft_node_clear(&s->host);
	s->has_host = false;
	if (draft_node_init(&s->host, zone_find_node(s->zone, lease_owner(lease))) < 0)
		return -ENOMEM;
	s->has_host = true;
	return 0;
}

static void sweep_lease(const struct lease *lease, void *arg)
{
	const bool is_waiting = lease->flags & LEASE_WAITING;
	struct sweep *s = arg;
	struct draft *set;
	bool is_there;

	if (s->result == 0)
		s->result = sweep_host(s, lease);
	if (s->result < 0)
		return;
	set = draft_node_find(&s->host, lease->type);
	if (set)
		s->result = draft_unfold(set);
	if (s->result < 0)
		return;
	is_there = set && draft_find(set, lease_rdata(lease), lease->rdata_len);
	if (is_there == is_waiting)
		s->result = lease_plan_end(&s->plan, (struct lease *)lease);
}

int lease_sweep(struct lease_table *table, const struct zone *zone, uint64_t *cursor,
	size_t limit, struct lease_changes **ret_changes)
{
	struct lease_changes *changes = lease_changes_new();
	struct sweep s = {.zone = zone};
	uint64_t next;
	int r;

	if (!changes)
		return -ENOMEM;
	lease_plan_init(&s.plan, table);
	next = lease_table_scan(table, *cursor, limit, sweep_lease, &s);
	if (s.has_host)
		draft_node_clear(&s.host);
	r = carry_out(&s.plan, &changes, s.result);
	if (r < 0) {
		lease_changes_free(changes);
		return r;
	}
	*cursor = next;
	*ret_changes = changes;
	return 0;
}

/* ---- withdrawals ---- */

static bool has(const struct rrset *set, const struct lease_record *record)
{
	return set && rrset_find(set, record->rdata, record->rdata_len) >= 0;
}

/* Did the change set bring this record, or take it away? */
static bool is_changed_by(
	const struct changeset *cs, const struct lease_record *record, bool is_added)
{
	const struct change *change = changeset_find(cs, record->owner, record->type);

	return change && has(change->before, record) == !is_added &&
		has(change->after, record) == is_added;
}

/* A lease that the withdrawn update began ends, with its record or, if it was there
 * before (adopted), without; not if others have added the record since. */
static int withdraw_begun(struct lease_plan *plan, const struct zone *zone,
	const struct changeset *withdrawn, const struct lease_record *begun)
{
	struct lease *lease = lease_find(
		plan->table, begun->owner, begun->type, begun->rdata, begun->rdata_len);

	if (!lease)
		return 0;
	if (has(zone_find(zone, begun->owner, begun->type), begun) &&
		is_changed_by(withdrawn, begun, true))
		return 0;
	return lease_plan_end(plan, lease);
}

/* A lease that it ended begins anew, if the record is there by the withdrawal, or never
 * went; not if others have added it since, for what they have made is theirs.  One that
 * waited waits again. */
static int withdraw_ended(struct lease_plan *plan, const struct zone *zone,
	const struct changeset *withdrawn, const struct changeset *back,
	const struct lease_record *ended, struct lease_record *to)
{
	const bool was_waiting = ended->flags & LEASE_WAITING;

	if (lease_find(plan->table, ended->owner, ended->type, ended->rdata,
		    ended->rdata_len))
		return 0;
	if (has(zone_find(zone, ended->owner, ended->type), ended) == was_waiting)
		return 0;
	if (!was_waiting && is_changed_by(withdrawn, ended, false) &&
		!is_changed_by(back, ended, true))
		return 0;
	return lease_plan_put(plan, NULL, to, true);
}

static int withdraw(struct lease_plan *plan, const struct zone *zone,
	const struct changeset *withdrawn, int64_t now_ms, const struct changeset *back)
{
	const struct lease_changes *changes = withdrawn->leases;
	size_t count = changes ? changes->count : 0, ended = 0;
	int r = follow(plan, zone, back);

	for (size_t i = 0; i < count; i++)
		ended += changes->changes[i].had && !changes->changes[i].has;
	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct lease_change *change = &changes->changes[i];
		struct lease_record to = change->before;

		to.deadline_ms = now_ms + (int64_t)to.duration_s * 1000;
		to.flags |= ended > 1 ? LEASE_ALONE : 0;
		if (!change->had && change->has)
			r = withdraw_begun(plan, zone, withdrawn, &change->after);
		else if (change->had && !change->has)
			r = withdraw_ended(
				plan, zone, withdrawn, back, &change->before, &to);
	}
	return r;
}

int lease_withdraw(struct lease_table *table, const struct zone *zone,
	const struct changeset *withdrawn, int64_t now_ms, struct changeset *back)
{
	struct lease_plan plan;

	lease_plan_init(&plan, table);
	return carry_out(
		&plan, &back->leases, withdraw(&plan, zone, withdrawn, now_ms, back));
}
