/*
 * What a zone should have when its server has been put back (owed.h).
 */
#include "zones/owed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zones/draft.h"
#include "zones/update_builder.h"
#include "zones/verbatim.h"

enum {
	NAMES_PER_UPDATE = 16, /* few, since a target accepts or refuses all of it */
	SCAN_PAGE = 4096,      /* leases */
	/* seconds: of a record of which only its lease is left, unless that is shorter;
	 * as short as usual for what changes often */
	LEASED_TTL = 300,
};

/* ---- records of an RRset ---- */

struct records {
	struct rr rr;
	const struct rrset *set;
	size_t at;
};

/* set may be NULL. */
static struct records records_of(const uint8_t *owner, const struct rrset *set)
{
	struct records records = {.rr = {.owner = owner}, .set = set};

	if (!set)
		return records;
	records.rr.type = set->type;
	records.rr.class = CLASS_IN;
	records.rr.ttl = set->ttl;
	records.rr.spelled = rrset_spelled(set);
	return records;
}

static bool next_record(struct records *records)
{
	struct rr *rr = &records->rr;

	if (records->set)
		rr->rdata = rrset_next(records->set, &records->at, &rr->rdata_len);
	return records->set && rr->rdata;
}

static bool has_record(const struct rrset *set, const struct rr *rr)
{
	return set && rrset_find(set, rr->rdata, rr->rdata_len) >= 0;
}

/* ---- what the journal says ---- */

/* Of what the server has: what was condemned, or is removed by this change, and is not
 * put there by it.  0 or -ENOMEM. */
static int condemn(const struct rrset *there, const struct rrset *condemned,
	const struct change *change, struct rrset **ret_set)
{
	struct records records = records_of(change->owner, there);
	struct rrset_finder before, after, earlier;
	struct draft draft;
	int r = 0;

	rrset_finder_init(&before, change->before);
	rrset_finder_init(&after, change->after);
	rrset_finder_init(&earlier, condemned);
	draft_init(&draft, change->type, NULL);
	while (!r && next_record(&records)) {
		const uint8_t *rdata = records.rr.rdata;
		const uint16_t len = records.rr.rdata_len;

		if (!rrset_finder_has(&after, rdata, len) &&
			(rrset_finder_has(&before, rdata, len) ||
				rrset_finder_has(&earlier, rdata, len)))
			r = draft_include(&draft, rdata, len);
	}
	if (!r && draft_build(&draft, ret_set))
		r = -ENOMEM;
	draft_clear(&draft);
	rrset_finder_clear(&before);
	rrset_finder_clear(&after);
	rrset_finder_clear(&earlier);
	return r;
}

static int note_change(
	struct changeset *said, const struct zone *found, const struct change *change)
{
	const struct rrset *there = zone_find(found, change->owner, change->type);
	struct change *known =
		(struct change *)changeset_find(said, change->owner, change->type);
	struct rrset *condemned = NULL;
	int r;

	if (change->type == TYPE_SOA)
		return 0;
	r = condemn(there, known ? known->before : NULL, change, &condemned);
	if (r)
		return r;
	if (known) {
		rrset_keep(&known->before, condemned);
		rrset_keep(&known->after, change->after);
	} else {
		r = changeset_append(
			said, change->owner, change->type, condemned, change->after);
	}
	rrset_unref(condemned);
	return r;
}

int owed_note_row(
	struct changeset *said, const struct zone *found, const struct changeset *row)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < row->count; i++)
		r = note_change(said, found, &row->changes[i]);
	return r;
}

/* ---- making updates ---- */

struct planning {
	struct owed_plan *plan;
	const struct owed_evidence *evidence;
	struct update_builder builder;
	uint8_t owner[NAME_MAX_LEN]; /* of the last record */
	unsigned names;              /* in the builder */
	int error;
};

static int add_update(struct owed_plan *plan, struct update *update)
{
	const size_t room = plan->room ? 2 * plan->room : 16;
	struct update **more;

	if (plan->count == plan->room) {
		more = reallocarray(plan->updates, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		plan->updates = more;
		plan->room = room;
	}
	plan->updates[plan->count++] = update;
	return 0;
}

static void end_update(struct planning *p)
{
	struct update *update = NULL;

	if (!p->names || p->error)
		return;
	p->names = 0;
	p->error = update_builder_finish(&p->builder, &update);
	if (!p->error)
		p->error = add_update(p->plan, update);
	if (p->error)
		update_free(update);
}

static void plan_record(struct planning *p, const struct rr *rr, uint16_t class)
{
	struct rr change = *rr;

	if (!p->names || !name_is_equal(p->owner, rr->owner)) {
		if (p->names == NAMES_PER_UPDATE)
			end_update(p);
		p->names++;
		memcpy(p->owner, rr->owner, name_len(rr->owner));
	} else if (p->builder.count == UINT16_MAX) {
		end_update(p);
		p->names = 1;
	}
	change.class = class;
	if (class == CLASS_NONE) {
		change.ttl = 0;
		p->plan->deleted++;
	}
	update_builder_add(&p->builder, &change);
}

/* ---- names ---- */

/* Does each server have its own of this? */
static bool is_servers_own(const struct zone *zone, const uint8_t *owner, uint16_t type)
{
	if (zone_type_is_proof(type))
		return true;
	return name_is_equal(owner, zone_apex(zone)) &&
		(type == TYPE_SOA || zone_type_is_signers(zone, type));
}

static bool is_left_out(const struct planning *p, const uint8_t *owner, uint16_t type)
{
	const struct owed_evidence *e = p->evidence;

	return is_servers_own(e->found, owner, type) ||
		(e->mirror && is_servers_own(e->mirror, owner, type));
}

typedef void plan_set(struct planning *p, const uint8_t *owner, const struct rrset *set);

static void each_set(struct planning *p, const struct zone *zone, plan_set *plan)
{
	const struct zone_node *node;
	const struct rrset *set;
	size_t cursor = 0;

	while (!p->error && (node = zone_next_node(zone, &cursor))) {
		const uint8_t *owner = zone_node_owner(node);

		for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++) {
			if (!is_left_out(p, owner, set->type))
				plan(p, owner, set);
		}
	}
	end_update(p);
}

/* ---- deletions ---- */

/* Does the journal say that it must not be there? */
static bool is_condemned(const struct owed_evidence *e, const struct rr *rr)
{
	const struct change *said;

	if (e->mirror)
		return e->provenance &&
			provenance_find(e->provenance, rr) == PROVENANCE_REMOVED;
	said = changeset_find(e->said, rr->owner, rr->type);
	return said && has_record(said->before, rr);
}

/* If the mirror has it too, somebody else has put it there since. */
static void delete_condemned(
	struct planning *p, const uint8_t *owner, const struct rrset *set)
{
	const struct owed_evidence *e = p->evidence;
	const struct rrset *ours =
		e->mirror ? zone_find(e->mirror, owner, set->type) : NULL;
	struct records records = records_of(owner, set);

	if (rrset_is_identical(ours, set))
		return;
	while (next_record(&records)) {
		if (!has_record(ours, &records.rr) && is_condemned(e, &records.rr))
			plan_record(p, &records.rr, CLASS_NONE);
	}
}

/* ---- additions: by the mirror ---- */

static void put_back(struct planning *p, const struct rr *rr)
{
	if (verbatim_is(rr->rdata, rr->rdata_len))
		return;
	p->plan->back++;
	plan_record(p, rr, CLASS_IN);
}

/* An added record gives its TTL to its RRset, even one that is there already. */
static void restore_ttl(struct planning *p, const uint8_t *owner, const struct rrset *set,
	const struct rrset *there)
{
	const struct owed_evidence *e = p->evidence;
	struct records records = records_of(owner, set);

	if (!there || there->ttl == set->ttl)
		return;
	while (next_record(&records)) {
		if (!has_record(there, &records.rr) ||
			verbatim_is(records.rr.rdata, records.rr.rdata_len) ||
			!(e->is_mirror_vouched ||
				provenance_is_owed(e->provenance, NULL, &records.rr)))
			continue;
		plan_record(p, &records.rr, CLASS_IN);
		return;
	}
}

static void restore_set(struct planning *p, const uint8_t *owner, const struct rrset *set)
{
	const struct owed_evidence *e = p->evidence;
	const struct rrset *there = zone_find(e->found, owner, set->type);
	struct records records = records_of(owner, set);
	const size_t before = p->plan->back;
	struct rrset_finder finder;

	if (rrset_is_identical(there, set))
		return;
	rrset_finder_init(&finder, there);
	while (next_record(&records)) {
		const struct rr *rr = &records.rr;

		if (rrset_finder_has(&finder, rr->rdata, rr->rdata_len))
			continue;
		if (e->is_mirror_vouched ||
			provenance_is_owed(e->provenance, e->leases, rr))
			put_back(p, rr);
		else
			p->plan->lost++;
	}
	rrset_finder_clear(&finder);
	if (p->plan->back == before)
		restore_ttl(p, owner, set, there);
}

/* ---- additions: by the journal and the leases ---- */

static void restore_said(struct planning *p, const struct change *said)
{
	const struct rrset *there =
		zone_find(p->evidence->found, said->owner, said->type);
	struct records records = records_of(said->owner, said->after);
	bool is_same = !there || !said->after || there->ttl == said->after->ttl;

	if (is_left_out(p, said->owner, said->type))
		return;
	while (next_record(&records)) {
		if (!has_record(there, &records.rr))
			put_back(p, &records.rr);
		else if (!is_same)
			plan_record(p, &records.rr, CLASS_IN);
		else
			continue;
		is_same = true;
	}
}

/* Is the record put back already, as the journal says? */
static bool is_provided(const struct planning *p, const struct rr *rr)
{
	const struct changeset *said = p->evidence->said;
	const struct change *change =
		said ? changeset_find(said, rr->owner, rr->type) : NULL;

	return change && has_record(change->after, rr);
}

static bool is_bare(const struct lease_table *leases, const struct zone *found,
	const struct lease *lease, struct lease_record *ret)
{
	struct rr rr;

	lease_describe(leases, lease, ret);
	rr = (struct rr){.owner = ret->owner,
		.type = ret->type,
		.class = CLASS_IN,
		.rdata = ret->rdata,
		.rdata_len = ret->rdata_len};
	return !(ret->flags & LEASE_WAITING) &&
		!has_record(zone_find(found, rr.owner, rr.type), &rr);
}

/* Nobody knows the TTL any more. */
static uint32_t leased_ttl(const struct planning *p, const struct lease_record *lease)
{
	const struct rrset *there =
		zone_find(p->evidence->found, lease->owner, lease->type);

	if (there)
		return there->ttl;
	return lease->duration_s && lease->duration_s < LEASED_TTL ? lease->duration_s
								   : LEASED_TTL;
}

static void restore_leased(const struct lease *lease, void *arg)
{
	struct planning *p = arg;
	const struct owed_evidence *e = p->evidence;
	struct lease_record record;
	struct rr rr;

	if (!is_bare(e->leases, e->found, lease, &record))
		return;
	rr = (struct rr){.owner = record.owner,
		.type = record.type,
		.class = CLASS_IN,
		.ttl = leased_ttl(p, &record),
		.rdata = record.rdata,
		.rdata_len = record.rdata_len};
	if (!is_provided(p, &rr))
		put_back(p, &rr);
}

static void restore_without_mirror(struct planning *p)
{
	const struct owed_evidence *e = p->evidence;
	uint64_t cursor = 0;

	for (uint32_t i = 0; e->said && i < e->said->count; i++)
		restore_said(p, &e->said->changes[i]);
	if (!e->leases)
		return;
	do
		cursor =
			lease_table_scan(e->leases, cursor, SCAN_PAGE, restore_leased, p);
	while (cursor);
}

/* ---- the plan ---- */

int owed_plan_make(struct owed_plan *plan, const struct owed_evidence *evidence)
{
	struct planning p = {.plan = plan, .evidence = evidence};

	*plan = (struct owed_plan){0};
	update_builder_init(&p.builder, zone_apex(evidence->found));
	if (evidence->provenance || evidence->said)
		each_set(&p, evidence->found, delete_condemned);
	if (evidence->mirror)
		each_set(&p, evidence->mirror, restore_set);
	else
		restore_without_mirror(&p);
	end_update(&p);
	update_builder_clear(&p.builder);
	return p.error ? -ENOMEM : 0;
}

void owed_plan_clear(struct owed_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		update_free(plan->updates[i]);
	free(plan->updates);
	*plan = (struct owed_plan){0};
}

/* ---- leases ---- */

struct counting {
	const struct lease_table *leases;
	const struct zone *found;
	size_t count;
};

static void count_bare(const struct lease *lease, void *arg)
{
	struct counting *counting = arg;
	struct lease_record record;

	counting->count += is_bare(counting->leases, counting->found, lease, &record);
}

size_t owed_count_bare_leases(const struct lease_table *leases, const struct zone *found)
{
	struct counting counting = {.leases = leases, .found = found};
	uint64_t cursor = 0;

	do
		cursor = lease_table_scan(
			leases, cursor, SCAN_PAGE, count_bare, &counting);
	while (cursor);
	return counting.count;
}
