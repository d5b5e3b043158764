/*
 * What happens to leases when something other than a client's update has changed the
 * zone (lease.h): loads, withdrawals, and leases that the gateway itself puts and ends.
 *
 * A lease without its record would remove the record that somebody else adds later.
 * lease_follow and lease_sweep make sure that no such lease is left.
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

/* The difference may have affected pending changes too, so all leases of its RRsets are
 * looked at, not only those of records that the difference itself removed. */
static int end_untrue(struct lease_plan *plan, const uint8_t *owner, uint16_t type,
	struct rrset_finder *set)
{
	int r = 0;

	for (struct lease *l = lease_first_at(plan->table, owner); l && r == 0;
		l = lease_next_at(plan->table, l)) {
		/* A lease that waits for a record ends when somebody else has added the
		 * record, which is then theirs. */
		bool is_waiting = l->flags & LEASE_WAITING;

		if (l->type == type &&
			rrset_finder_has(set, lease_rdata(l), l->rdata_len) == is_waiting)
			r = lease_plan_end(plan, l);
	}
	return r;
}

static int follow_change(
	struct lease_plan *plan, const struct zone *zone, const struct change *change)
{
	struct rrset_finder current;
	int r;

	if (!lease_first_at(plan->table, change->owner))
		return 0;
	rrset_finder_init(&current, zone_find(zone, change->owner, change->type));
	r = end_untrue(plan, change->owner, change->type, &current);
	rrset_finder_clear(&current);
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

/* Goes through the hosts one after another, each with all its leases. */
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

/* An RRset before a change set, after it, and now. */
struct searched {
	bool is_ready;
	struct rrset_finder before, after, current;
};

struct withdrawing {
	struct lease_plan *plan;
	const struct zone *zone;
	const struct changeset *withdrawn, *back;
	struct searched *withdrawn_sets, *back_sets; /* one for each change */
};

static bool has(struct rrset_finder *set, const struct lease_record *record)
{
	return rrset_finder_has(set, record->rdata, record->rdata_len);
}

/* NULL: its RRset is not in the change set. */
static struct searched *searched_of(const struct zone *zone, const struct changeset *cs,
	struct searched *sets, const struct lease_record *record)
{
	const struct change *change = changeset_find(cs, record->owner, record->type);
	struct searched *set;

	if (!change)
		return NULL;
	set = &sets[change - cs->changes];
	if (set->is_ready)
		return set;
	set->is_ready = true;
	rrset_finder_init(&set->before, change->before);
	rrset_finder_init(&set->after, change->after);
	rrset_finder_init(&set->current, zone_find(zone, change->owner, change->type));
	return set;
}

static void searched_free(struct searched *sets, uint32_t count)
{
	for (uint32_t i = 0; sets && i < count; i++) {
		rrset_finder_clear(&sets[i].before);
		rrset_finder_clear(&sets[i].after);
		rrset_finder_clear(&sets[i].current);
	}
	free(sets);
}

/* Did its change set add or remove this record? */
static bool is_changed_by(
	struct searched *set, const struct lease_record *record, bool is_added)
{
	return set && has(&set->before, record) == !is_added &&
		has(&set->after, record) == is_added;
}

static bool is_there(const struct withdrawing *w, struct searched *set,
	const struct lease_record *record)
{
	const struct rrset *there;

	if (set)
		return has(&set->current, record);
	/* A lease changed without its record: its RRset is not in the change set. */
	there = zone_find(w->zone, record->owner, record->type);
	return there && rrset_find(there, record->rdata, record->rdata_len) >= 0;
}

/* A lease that the withdrawn update began ends: with its record, or without if the
 * record existed before (adopted).  It stays if others have added the record since. */
static int withdraw_begun(struct withdrawing *w, const struct lease_change *change)
{
	const struct lease_record *begun = &change->after;
	struct lease *lease = lease_find(w->plan->table, begun->owner, begun->type,
		begun->rdata, begun->rdata_len);
	struct searched *set =
		searched_of(w->zone, w->withdrawn, w->withdrawn_sets, begun);

	if (!lease)
		return 0;
	if (is_there(w, set, begun) &&
		(change->is_others || is_changed_by(set, begun, true)))
		return 0;
	return lease_plan_end(w->plan, lease);
}

/* A lease that the update ended begins anew if its record exists, restored by the
 * withdrawal or never removed.  It does not if others have added the record since,
 * which is then theirs.  One that waited waits again. */
static int withdraw_ended(
	struct withdrawing *w, const struct lease_record *ended, struct lease_record *to)
{
	struct searched *set =
		searched_of(w->zone, w->withdrawn, w->withdrawn_sets, ended);
	const bool was_waiting = ended->flags & LEASE_WAITING;

	if (lease_find(w->plan->table, ended->owner, ended->type, ended->rdata,
		    ended->rdata_len))
		return 0;
	if (is_there(w, set, ended) == was_waiting)
		return 0;
	if (!was_waiting && is_changed_by(set, ended, false) &&
		!is_changed_by(
			searched_of(w->zone, w->back, w->back_sets, ended), ended, true))
		return 0;
	return lease_plan_put(w->plan, NULL, to, true);
}

/* Ends leases that waited for a record which the withdrawal has restored. */
static int end_overtaken(struct withdrawing *w, const struct change *change)
{
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;
	int r = 0;

	while (r == 0 && change->after &&
		(rdata = rrset_next(change->after, &at, &len))) {
		struct lease *lease = lease_find(
			w->plan->table, change->owner, change->type, rdata, len);

		if (lease && lease->flags & LEASE_WAITING)
			r = lease_plan_end(w->plan, lease);
	}
	return r;
}

/* Ends leases according to what the withdrawal removed and added. */
static int end_untrue_by_back(struct withdrawing *w)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < w->back->count; i++) {
		const struct change *change = &w->back->changes[i];
		struct rrset_finder after;

		if (!lease_first_at(w->plan->table, change->owner))
			continue;
		rrset_finder_init(&after, change->after);
		if (change->before)
			r = lease_plan_end_gone(
				w->plan, change->owner, change->before, &after);
		rrset_finder_clear(&after);
		if (r == 0)
			r = end_overtaken(w, change);
	}
	return r;
}

static int withdraw_all(struct withdrawing *w, int64_t now_ms)
{
	const struct lease_changes *changes = w->withdrawn->leases;
	size_t count = changes ? changes->count : 0, ended = 0;
	int r = end_untrue_by_back(w);

	for (size_t i = 0; i < count; i++)
		ended += changes->changes[i].had && !changes->changes[i].has;
	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct lease_change *change = &changes->changes[i];
		struct lease_record to = change->before;

		to.deadline_ms = now_ms + (int64_t)to.duration_s * 1000;
		to.flags |= ended > 1 ? LEASE_ALONE : 0;
		if (!change->had && change->has)
			r = withdraw_begun(w, change);
		else if (change->had && !change->has)
			r = withdraw_ended(w, &change->before, &to);
	}
	return r;
}

int lease_withdraw(struct lease_table *table, const struct zone *zone,
	const struct changeset *withdrawn, int64_t now_ms, struct changeset *back)
{
	struct lease_plan plan;
	struct withdrawing w = {.plan = &plan,
		.zone = zone,
		.withdrawn = withdrawn,
		.back = back,
		.withdrawn_sets = calloc(withdrawn->count + 1, sizeof(struct searched)),
		.back_sets = calloc(back->count + 1, sizeof(struct searched))};
	int r = -ENOMEM;

	lease_plan_init(&plan, table);
	if (w.withdrawn_sets && w.back_sets)
		r = withdraw_all(&w, now_ms);
	searched_free(w.withdrawn_sets, withdrawn->count);
	searched_free(w.back_sets, back->count);
	return carry_out(&plan, &back->leases, r);
}
