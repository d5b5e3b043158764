/*
 * What an accepted update does to the leases (lease.h).
 *
 * Only the resulting zone counts, not the steps towards it: a record that was deleted
 * and added again counts as unchanged, one whose addition was ignored as absent.
 *
 * A heartbeat costs one search per record, and does not look at the zone: a record that
 * has a lease and was not changed is in the zone.
 */
#include "zones/lease_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "zones/draft.h"
#include "zones/places.h"

enum { SIDES_FEW = 3 }; /* RRsets changed: kept in place */

/* A changed RRset, with both sides prepared for searches. */
struct sides {
	bool is_ready;
	struct rrset_finder before, after;
};

struct applying {
	struct lease_table *table;
	const struct lease_update *u;
	const struct changeset *cs;
	struct policy_judge judge;
	struct lease_plan plan;
	struct sides *sides; /* as many as cs has changes */
	struct sides few[SIDES_FEW];
	struct places same;           /* RRsets that were searched but did not change */
	struct rrset_finder *finders; /* of each */
};

/* ---- the records of a change ---- */

static void sides_open(struct sides *sides, const struct change *change)
{
	if (sides->is_ready)
		return;
	sides->is_ready = true;
	rrset_finder_init(&sides->before, change->before);
	rrset_finder_init(&sides->after, change->after);
}

static void sides_close(struct sides *sides)
{
	if (!sides->is_ready)
		return;
	rrset_finder_clear(&sides->before);
	rrset_finder_clear(&sides->after);
	sides->is_ready = false;
}

/* Set member by member: the arrays kept inside are large, and a heartbeat needs little
 * of them. */
static int applying_init(struct applying *a, struct lease_table *table,
	const struct lease_update *u, const struct changeset *cs)
{
	a->table = table;
	a->u = u;
	a->cs = cs;
	places_init(&a->same);
	a->finders = NULL;
	a->sides = a->few;
	for (int i = 0; i < SIDES_FEW; i++)
		a->few[i].is_ready = false;
	if (cs->count > SIDES_FEW)
		a->sides = calloc(cs->count, sizeof(*a->sides));
	if (!a->sides)
		return -ENOMEM;
	policy_judge_init(&a->judge, u->policy, zone_apex(u->zone), u->subject);
	lease_plan_init(&a->plan, table);
	return 0;
}

/* Returns r, or if that is 0 the result of carrying out the plan. */
static int applying_end(struct applying *a, struct changeset *cs, int r)
{
	for (uint32_t i = 0; i < a->cs->count; i++)
		sides_close(&a->sides[i]);
	if (a->sides != a->few)
		free(a->sides);
	for (uint32_t i = 0; i < a->same.count; i++)
		rrset_finder_clear(&a->finders[i]);
	free(a->finders);
	places_clear(&a->same);
	policy_judge_clear(&a->judge);
	if (r == 0)
		return lease_plan_carry_out(&a->plan, &cs->leases);
	lease_plan_clear(&a->plan);
	return r;
}

/* ---- what is gone ---- */

static int end_removed(struct applying *a)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < a->cs->count; i++) {
		const struct change *change = &a->cs->changes[i];

		if (!change->before || !lease_first_at(a->table, change->owner))
			continue;
		sides_open(&a->sides[i], change);
		r = lease_plan_end_gone(
			&a->plan, change->owner, change->before, &a->sides[i].after);
	}
	return r;
}

/* ---- what is added ---- */

/* For an RRset that the update names without changing it. */
static int look_up_same(struct applying *a, const struct rr *rr, bool *ret_is)
{
	struct rrset_finder *finders = a->finders;
	uint32_t number;
	int r;

	/* Room for all of them, since few updates get here. */
	if (!finders)
		finders = calloc(a->u->update->change_count, sizeof(*finders));
	if (!finders)
		return -ENOMEM;
	a->finders = finders;
	r = places_put(&a->same, rr->owner, rr->type, &number);
	if (r < 0)
		return r;
	if (r == 1)
		rrset_finder_init(
			&finders[number], zone_find(a->u->zone, rr->owner, rr->type));
	*ret_is = rrset_finder_has(&finders[number], rr->rdata, rr->rdata_len);
	return 0;
}

/* Did it exist before, and does it now?  For unchanged RRsets both are the same. */
static int look_up(struct applying *a, const struct rr *rr, bool *ret_was, bool *ret_is)
{
	const struct change *change = changeset_find(a->cs, rr->owner, rr->type);
	struct sides *sides;
	int r;

	if (!change) {
		r = look_up_same(a, rr, ret_is);
		*ret_was = *ret_is;
		return r;
	}
	sides = &a->sides[change - a->cs->changes];
	sides_open(sides, change);
	*ret_was = rrset_finder_has(&sides->before, rr->rdata, rr->rdata_len);
	*ret_is = rrset_finder_has(&sides->after, rr->rdata, rr->rdata_len);
	return 0;
}

/* What this rule gives the update's sender for this record; 0: permanent. */
static uint32_t duration_of(
	const struct lease_update *u, const struct policy_rule *rule, const struct rr *rr)
{
	if (!rule->has_lease)
		return 0;
	if (!u->granted || !u->granted->form)
		return rule->lease_default_s;
	return rr->type == TYPE_KEY ? u->granted->key_lease_s : u->granted->lease_s;
}

static struct lease_record record_of(
	const struct lease_update *u, const struct rr *rr, uint32_t duration_s)
{
	return (struct lease_record){
		.owner = rr->owner,
		.type = rr->type,
		.rdata_len = rr->rdata_len,
		.rdata = rr->rdata,
		.key = u->subject->key,
		.source = u->subject->source,
		.duration_s = duration_s,
		.deadline_ms = u->now_ms + (int64_t)duration_s * 1000,
		.seen_s = u->real_s,
	};
}

/*
 * Whoever adds a record decides how long it stays.  A change of the duration, or of the
 * key, which owns the lease from now on, must be as durable as a new lease.  Other
 * refreshes are not stored.
 */
static int refresh(
	struct applying *a, struct lease *lease, const struct rr *rr, uint32_t duration_s)
{
	struct lease_record to = record_of(a->u, rr, duration_s);
	bool is_other = duration_s != lease->duration_s || lease->flags & LEASE_PUBLIC ||
		!name_is_equal(lease_key(a->table, lease), a->u->subject->key);

	if (!duration_s)
		return lease_plan_end(&a->plan, lease);
	return lease_plan_put(&a->plan, lease, &to, is_other);
}

static int begin(struct applying *a, const struct rr *rr, const struct policy_rule *rule,
	uint32_t duration_s)
{
	struct lease_record to = record_of(a->u, rr, duration_s);
	bool was = false, is = false;
	int r;

	if (!duration_s)
		return 0;
	/* A record that existed already and was left unchanged gets a lease only by
	 * adopt. */
	if (!rule->adopt && !changeset_find(a->cs, rr->owner, rr->type))
		return 0;
	r = look_up(a, rr, &was, &is);
	if (r < 0 || !is || (was && !rule->adopt))
		return r;
	return lease_plan_put(&a->plan, NULL, &to, true);
}

/* What no update may delete (RFC 2136 3.4.2.3, 3.4.2.4) never gets a lease. */
static bool is_never_leased(const struct lease_update *u, const struct rr *rr)
{
	return (rr->type == TYPE_SOA || rr->type == TYPE_NS) &&
		name_is_equal(rr->owner, zone_apex(u->zone));
}

/* Its record is absent unless this update has added it; then the record belongs to the
 * sender. */
static int overtake(
	struct applying *a, struct lease *lease, const struct rr *rr, uint32_t duration_s)
{
	bool was = false, is = false;
	int r = look_up(a, rr, &was, &is);

	return r < 0 || !is ? r : refresh(a, lease, rr, duration_s);
}

static int add_record(struct applying *a, const struct rr *rr)
{
	const struct lease_update *u = a->u;
	const struct policy_rule *rule =
		policy_judge_find(&a->judge, POLICY_ADD, rr, NULL);
	struct lease *lease;
	uint32_t duration_s;

	if (!rule || is_never_leased(u, rr))
		return 0;
	duration_s = duration_of(u, rule, rr);
	lease = lease_find(a->table, rr->owner, rr->type, rr->rdata, rr->rdata_len);
	if (!lease)
		return begin(a, rr, rule, duration_s);
	/* It is planned to end because it is gone, or was already added in this
	 * update. */
	if (lease->flags & LEASE_IS_PLANNED)
		return 0;
	if (lease->flags & LEASE_WAITING)
		return overtake(a, lease, rr, duration_s);
	return refresh(a, lease, rr, duration_s);
}

/* ---- prerequisites alone ---- */

/* The types of one owner whose existence prerequisites require. */
struct seen {
	bool is_any;  /* all of them: the name is in use */
	bool is_some; /* those in types */
	uint64_t types[65536 / 64];
};

static bool is_seen(const struct seen *seen, uint16_t type)
{
	return seen->is_any || (seen->types[type / 64] >> type % 64 & 1);
}

/* Refreshes it by the terms granted now, or by its own. */
static int refresh_own(struct applying *a, struct lease *lease)
{
	const struct lease_update *u = a->u;
	struct rr rr = {.owner = lease_owner(lease),
		.type = lease->type,
		.rdata_len = lease->rdata_len,
		.rdata = lease_rdata(lease)};
	uint32_t duration_s = lease->duration_s;
	struct lease_record to;

	if (!name_is_equal(lease_key(a->table, lease), u->subject->key))
		return 0;
	if (u->granted && u->granted->form && duration_s)
		duration_s = lease->type == TYPE_KEY ? u->granted->key_lease_s
						     : u->granted->lease_s;
	to = record_of(u, &rr, duration_s);
	to.flags = lease->flags & (LEASE_DERIVED | LEASE_WAITING);
	return lease_plan_put(&a->plan, lease, &to, duration_s != lease->duration_s);
}

static int see_record(struct applying *a, struct seen *seen, const struct rr *rr)
{
	struct lease *lease;

	if (rr->class == CLASS_ANY) {
		seen->is_some = true;
		seen->is_any = seen->is_any || rr->type == TYPE_ANY;
		seen->types[rr->type / 64] |= (uint64_t)1 << rr->type % 64;
	}
	if (rr->class != CLASS_IN)
		return 0;
	lease = lease_find(a->table, rr->owner, rr->type, rr->rdata, rr->rdata_len);
	return lease ? refresh_own(a, lease) : 0;
}

/* Goes through each owner's leases once, however often the owner is named. */
static int see_owner(struct applying *a, struct seen *seen,
	const struct draft_groups *groups, uint32_t head)
{
	const struct rr *rrs = a->u->update->prereqs;
	struct lease *lease = lease_first_at(a->table, rrs[head].owner);
	int r = 0;

	if (!lease)
		return 0;
	for (uint32_t i = head; r == 0 && i != DRAFT_GROUP_END; i = groups->next[i])
		r = see_record(a, seen, &rrs[i]);
	if (!seen->is_some)
		return r;
	for (; r == 0 && lease; lease = lease_next_at(a->table, lease)) {
		if (is_seen(seen, lease->type))
			r = refresh_own(a, lease);
	}
	memset(seen, 0, sizeof(*seen));
	return r;
}

static int see_prereqs(struct applying *a)
{
	const struct update *update = a->u->update;
	struct seen seen = {0};
	struct draft_groups groups;
	int r = draft_groups_init(&groups, update->prereqs, update->prereq_count);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < groups.count; i++)
		r = see_owner(a, &seen, &groups, groups.heads[i]);
	draft_groups_clear(&groups);
	return r;
}

/* ---- updates ---- */

int lease_apply(struct lease_table *table, const struct lease_update *update,
	struct changeset *cs)
{
	const struct update *u = update->update;
	struct applying a;
	int r = applying_init(&a, table, update, cs);

	if (r < 0)
		return r;
	r = end_removed(&a);
	for (uint16_t i = 0; r == 0 && i < u->change_count; i++) {
		if (update_is_add(&u->changes[i]))
			r = add_record(&a, &u->changes[i]);
	}
	if (r == 0 && !u->change_count && u->prereq_count && update->subject->key)
		r = see_prereqs(&a);
	return applying_end(&a, cs, r);
}
