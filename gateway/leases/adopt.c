/*
 * Records that are there without a lease, and that the rules would give one: counted when
 * a zone comes that the database knows nothing of, and leased when an administrator says
 * so.  Both for the case that the database was lost: what was under leases is at the
 * targets still, and would stay there for ever.
 *
 * The names of the zone are copied at once, then looked at ADOPT_STEP at a time, so that
 * updates go on in between; what they do to a name before its turn counts.
 */
#include "gateway/served/served.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/reverse/reverse_private.h"
#include "tsig/plural.h"
#include "zones/lease_origin.h"

enum { ADOPT_STEP = 500 }; /* names of a turn: a few milliseconds */

struct served_adoption {
	struct served_zone *zone;
	struct config *config; /* counted; of the rules and keys that are asked */
	const struct config_zone *rules;
	struct served_adopting how;
	struct lease_origins origins;
	struct alarm alarm; /* for the next turn, until the journal has all of it */
	uint8_t *names;     /* owned; one after the other */
	size_t len, at;
	struct served_adopted found;
	/* Of the names of this turn. */
	struct changeset *changes;
	struct ptr_wishes wishes;
};

/* ---- life ---- */

static void adoption_free(struct served_adoption *a)
{
	alarm_stop(&a->alarm);
	lease_origins_clear(&a->origins);
	changeset_unref(a->changes);
	config_unref(a->config);
	free(a->names);
	free(a);
}

/* Nothing refers to it any more. */
static void finish(struct served_adoption *a, int result)
{
	const struct served_adopting how = a->how;
	const struct served_adopted found = a->found;

	a->zone->leases.adoption = NULL;
	adoption_free(a);
	how.done(result, &found, how.arg);
}

void served_adopt_cancel(struct served_zone *zone)
{
	struct served_adoption *a = zone->leases.adoption;

	if (a && alarm_is_set(&a->alarm)) /* or the journal has it, and comes back */
		finish(a, -EAGAIN);
}

static void on_stored(struct journal_op *op, void *arg)
{
	struct served_answer *barrier = arg;
	struct served_zone *zone = barrier->zone;
	const int result = op->result;

	zone->operations--;
	free(barrier);
	if (zone->leases.adoption)
		finish(zone->leases.adoption, result);
}

/* Who asked is told when all of it is on the disk. */
static void wait_until_stored(struct served_adoption *a)
{
	struct served_zone *zone = a->zone;
	struct served_answer *barrier = calloc(1, sizeof(*barrier));

	if (!barrier) {
		finish(a, -ENOMEM);
		return;
	}
	barrier->zone = zone;
	barrier->op = (struct journal_op){
		.kind = JOURNAL_BARRIER, .done = on_stored, .arg = barrier};
	zone->operations++;
	zone_thread_submit(zone->thread, &barrier->op);
}

/* ---- one record ---- */

/* The PTR record that the rule would have made, as far as there is place for it. */
static void wish_pointer(struct served_adoption *a, const struct rr *rr,
	const struct lease_record *address)
{
	struct lease_record lease = *address;
	struct ptr_place place;
	struct ptr_wish *wish;

	if (!ptr_place_find(a->zone->thread, rr->owner, rr->type, rr->rdata,
		    rr->rdata_len, &place) ||
		place.lease || (place.set && !place.is_there))
		return;
	lease.flags = LEASE_DERIVED;
	lease.deadline_ms =
		served_lease_now(place.reverse) + (int64_t)lease.duration_s * 1000;
	wish = ptr_wish_add(&a->wishes, &place, PTR_COMES, rr->owner, &lease);
	if (!wish)
		return;
	wish->ttl = place.set ? place.set->ttl : rr->ttl;
	wish->is_adopted = place.is_there;
}

/* 0 or -ENOMEM. */
static int adopt_record(struct served_adoption *a, const struct rr *rr)
{
	struct lease_table *table = a->zone->leases.table;
	struct lease_record record = {.owner = rr->owner,
		.type = rr->type,
		.rdata_len = rr->rdata_len,
		.rdata = rr->rdata};
	struct lease_origin origin;
	int r;

	if (lease_find(table, rr->owner, rr->type, rr->rdata, rr->rdata_len) ||
		!lease_origins_find(&a->origins, rr, &origin))
		return 0;
	a->found.leases++;
	if (a->how.visit)
		a->how.visit(rr, &origin, a->how.arg);
	if (a->how.is_dry)
		return 0;
	/* When and from where it was last heard of nobody knows. */
	record.key = origin.key;
	record.duration_s = origin.rule->lease_default_s;
	record.deadline_ms =
		served_lease_now(a->zone) + (int64_t)record.duration_s * 1000;
	r = lease_put(table, &record, a->changes);
	if (!r && origin.rule->ptr)
		wish_pointer(a, rr, &record);
	return r;
}

static int adopt_set(
	struct served_adoption *a, const uint8_t *owner, const struct rrset *set)
{
	struct rr rr = {
		.owner = owner, .type = set->type, .class = CLASS_IN, .ttl = set->ttl};
	size_t at = 0;
	int r = 0;

	while (!r && (rr.rdata = rrset_next(set, &at, &rr.rdata_len)))
		r = adopt_record(a, &rr);
	return r;
}

static int adopt_name(struct served_adoption *a, const uint8_t *owner)
{
	const struct zone_node *node = zone_find_node(a->zone->mirror, owner);
	const size_t before = a->found.leases;
	const struct rrset *set;
	int r = 0;

	if (a->how.wants && !a->how.wants(owner, a->how.arg))
		return 0;
	for (unsigned i = 0; !r && node && (set = zone_node_rrset(node, i)); i++)
		r = adopt_set(a, owner, set);
	a->found.names += a->found.leases != before;
	return r;
}

/* ---- turns ---- */

static int store_turn(struct served_adoption *a)
{
	int r = 0;

	if (a->changes->leases) {
		if (!served_append_own(
			    a->zone, changeset_ref(a->changes), NULL, &a->how.why)) {
			served_lease_undo(a->zone, a->changes);
			changeset_unref(a->changes);
			r = -ENOMEM;
		}
	}
	ptr_wishes_grant(&a->wishes);
	return r;
}

static int turn(struct served_adoption *a)
{
	int r = 0;

	a->changes = changeset_new();
	if (!a->changes)
		return -ENOMEM;
	for (int i = 0; i < ADOPT_STEP && a->at < a->len && !r; i++) {
		const uint8_t *owner = a->names + a->at;

		a->at += name_len(owner);
		r = adopt_name(a, owner);
	}
	/* What has been done of it stands. */
	if (store_turn(a))
		r = -ENOMEM;
	changeset_unref(a->changes);
	a->changes = NULL;
	return r;
}

static void note_end(struct served_adoption *a)
{
	struct verdict why = a->how.why;

	snprintf(why.why, sizeof(why.why), "%zu %s of %zu %s: %.100s", a->found.leases,
		PLURAL(a->found.leases, "lease"), a->found.names,
		PLURAL(a->found.names, "name"), a->how.why.why);
	log_info("zone %s: %s", a->zone->zone->text, why.why);
	served_event_row(a->zone, "adopted", NULL, NULL, &why);
	a->zone->leases.unleased = 0;
}

static void on_turn(void *arg)
{
	struct served_adoption *a = arg;
	const struct served_zone *zone = a->zone;
	int r;

	if (!zone->mirror || zone->is_closing || zone->thread->is_broken ||
		zone->thread->is_over) {
		finish(a, -EAGAIN);
		return;
	}
	r = turn(a);
	if (r) {
		finish(a, r);
	} else if (a->at < a->len) {
		alarm_set_in(&a->alarm, 0);
	} else if (a->how.is_dry) {
		finish(a, 0);
	} else {
		note_end(a);
		wait_until_stored(a);
	}
}

/* ---- the beginning ---- */

static int copy_names(struct served_adoption *a)
{
	const struct zone *mirror = a->zone->mirror;
	const struct zone_node *node;
	size_t cursor = 0, at = 0;

	while ((node = zone_next_node(mirror, &cursor)))
		a->len += name_len(zone_node_owner(node));
	a->names = malloc(a->len ? a->len : 1);
	if (!a->names)
		return -ENOMEM;
	cursor = 0;
	while ((node = zone_next_node(mirror, &cursor))) {
		const size_t len = name_len(zone_node_owner(node));

		memcpy(a->names + at, zone_node_owner(node), len);
		at += len;
	}
	return 0;
}

int served_adopt(struct served_zone *zone, const struct served_adopting *how)
{
	struct served_adoption *a;

	if (zone->leases.adoption)
		return -EALREADY;
	if (!zone->mirror || zone->is_closing || zone->thread->is_broken ||
		zone->thread->is_over)
		return -EAGAIN;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->zone = zone;
	a->config = config_ref(zone->config);
	a->rules = zone->zone;
	a->how = *how;
	alarm_init(&a->alarm, &zone->thread->alarms, on_turn, a);
	if (copy_names(a) ||
		lease_origins_init(
			&a->origins, &a->rules->policy, zone->name, a->config->keys)) {
		adoption_free(a);
		return -ENOMEM;
	}
	zone->leases.adoption = a;
	alarm_set_in(&a->alarm, 0);
	return 0;
}

/* ---- zones that the database does not know ---- */

static void on_counted(int result, const struct served_adopted *found, void *arg)
{
	struct served_zone *zone = arg;
	struct verdict why = verdict_ok();

	if (result || !found->leases)
		return;
	zone->leases.unleased = found->leases;
	snprintf(why.why, sizeof(why.why),
		"the database did not know the zone: %zu %s of %zu %s without the lease "
		"that the rules would give",
		found->leases, PLURAL(found->leases, "record"), found->names,
		PLURAL(found->names, "name"));
	log_warning("zone %s: %s, and permanent; if the database was lost: musterctl "
		    "adopt --dry-run %s",
		zone->zone->text, why.why, zone->zone->text);
	served_event_row(zone, "unleased", NULL, NULL, &why);
}

void served_adopt_count(struct served_zone *zone)
{
	const struct served_adopting how = {
		.is_dry = true, .done = on_counted, .arg = zone};

	zone->leases.is_unknown = false;
	if (lease_origins_are_possible(&zone->zone->policy) && served_adopt(zone, &how))
		log_warning("zone %s: its records without leases were not counted",
			zone->zone->text);
}
