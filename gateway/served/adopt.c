/*
 * Records without a lease that the rules would give one: counts them when a zone
 * appears that the database does not know, and leases them when an administrator orders
 * it.  Both are for the case that the database was lost: records that had leases are
 * still at the targets, and would stay there for ever.
 *
 * The names of the zone are copied at once, then handled ADOPT_STEP at a time, so that
 * updates continue in between; what they do to a name before its turn counts.
 */
#include "gateway/served/served.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "tsig/plural.h"
#include "zones/lease_origin.h"

enum {
	ADOPT_STEP = 500, /* names of a turn: a few milliseconds */
	GATE_MS = 5,      /* between two checks whether something waits at the gate */
};

struct adoption {
	struct served_zone *zone;
	struct config *config; /* counted; has the rules and keys to try */
	const struct config_zone *rules;
	struct adopting how;
	struct lease_origins origins;
	struct alarm alarm; /* for the next turn, until the journal has everything */
	uint8_t *names;     /* owned; one after the other */
	size_t len, at;
	struct adopted found;
	/* For the names of this turn. */
	struct edit *edit;
	struct ptr_wishes wishes;
	size_t committing; /* edits that are on their way to the disk */
	bool is_at_end;
	int result;
};

/* ---- life ---- */

static void adoption_free(struct adoption *a)
{
	alarm_stop(&a->alarm);
	lease_origins_clear(&a->origins);
	config_unref(a->config);
	free(a->names);
	free(a);
}

/* Nothing refers to it any more. */
static void finish(struct adoption *a, int result)
{
	const struct adopting how = a->how;
	const struct adopted found = a->found;

	a->zone->adoption = NULL;
	adoption_free(a);
	how.done(result, &found, how.arg);
}

/* The asker is told when everything is on the disk. */
static void look_at_end(struct adoption *a)
{
	if (a->is_at_end && !a->committing)
		finish(a, a->result);
}

void adopt_cancel(struct served_zone *zone)
{
	struct adoption *a = zone->adoption;

	if (!a)
		return;
	alarm_stop(&a->alarm);
	a->is_at_end = true;
	a->result = -EAGAIN;
	look_at_end(a); /* or the journal has part of it, which will come back */
}

static bool on_durable(struct edit *edit)
{
	struct adoption *a = edit->owner;

	a->committing--;
	look_at_end(a);
	return false;
}

static void on_failed(struct edit *edit)
{
	struct adoption *a = edit->owner;

	a->result = -EIO;
	a->committing--;
	look_at_end(a);
}

static const struct edit_ops adoption_ops = {
	.durable = on_durable,
	.failed = on_failed,
};

/* ---- one record ---- */

/* 0 or -ENOMEM. */
static int adopt_record(struct adoption *a, const struct rr *rr)
{
	struct lease_table *table = a->zone->content.leases;
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
	/* Nobody knows when and from where it was last heard of. */
	record.key = origin.key;
	record.duration_s = origin.rule->lease_default_s;
	record.deadline_ms =
		content_service_ms(&a->zone->content) + (int64_t)record.duration_s * 1000;
	r = lease_put(table, &record, a->edit->step);
	if (!r && origin.rule->ptr)
		reverse_wish(&a->wishes, &a->zone->reverse, rr, &record);
	return r;
}

static int adopt_set(struct adoption *a, const uint8_t *owner, const struct rrset *set)
{
	struct rr rr = {
		.owner = owner, .type = set->type, .class = CLASS_IN, .ttl = set->ttl};
	size_t at = 0;
	int r = 0;

	while (!r && (rr.rdata = rrset_next(set, &at, &rr.rdata_len)))
		r = adopt_record(a, &rr);
	return r;
}

static int adopt_name(struct adoption *a, const uint8_t *owner)
{
	const struct zone_node *node = zone_find_node(a->zone->content.mirror, owner);
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

static bool can_adopt(const struct served_zone *zone)
{
	const struct zone_thread *thread = zone->served->thread;

	return zone->content.mirror && !zone->content.is_closing && !thread->is_broken &&
		!thread->is_over;
}

/* What has been done so far stays. */
static int commit_turn(struct adoption *a)
{
	struct edit *edit = a->edit;
	int r = edit_keep(edit);

	a->edit = NULL;
	if (r) {
		edit_abort(edit);
	} else if (edit_is_empty(edit)) {
		edit_discard(edit);
	} else {
		a->committing++;
		edit_commit(edit, &a->how.why, NULL);
	}
	reverse_grant(&a->wishes);
	return r;
}

static int turn(struct adoption *a)
{
	int r = 0;

	a->edit = edit_begin(&a->zone->content, EDIT_ADMINISTRATOR, &adoption_ops, a);
	if (!a->edit)
		return -ENOMEM;
	if (edit_apply_nothing(a->edit)) {
		edit_abort(a->edit);
		a->edit = NULL;
		return -ENOMEM;
	}
	for (int i = 0; i < ADOPT_STEP && a->at < a->len && !r; i++) {
		const uint8_t *owner = a->names + a->at;

		a->at += name_len(owner);
		r = adopt_name(a, owner);
	}
	if (commit_turn(a))
		r = -ENOMEM;
	return r;
}

static void note_end(struct adoption *a)
{
	struct verdict why = a->how.why;

	snprintf(why.why, sizeof(why.why), "%zu %s of %zu %s: %.100s", a->found.leases,
		PLURAL(a->found.leases, "lease"), a->found.names,
		PLURAL(a->found.names, "name"), a->how.why.why);
	log_info("zone %s: %s", a->zone->content.text, why.why);
	leases_note(&a->zone->leases, "adopted", NULL, NULL, &why);
	a->zone->unleased = 0;
}

static void on_turn(void *arg)
{
	struct adoption *a = arg;
	int r;

	if (content_is_gated(&a->zone->content)) {
		alarm_set_in(&a->alarm, GATE_MS);
		return;
	}
	r = a->result; /* of what has come back from the journal */
	if (!r)
		r = can_adopt(a->zone) ? turn(a) : -EAGAIN;
	if (!r && a->at < a->len) {
		alarm_set_in(&a->alarm, 0);
		return;
	}
	if (!r && !a->how.is_dry)
		note_end(a);
	a->is_at_end = true;
	a->result = r;
	look_at_end(a);
}

/* ---- the beginning ---- */

static int copy_names(struct adoption *a)
{
	const struct zone *mirror = a->zone->content.mirror;
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

int adopt_begin(struct served_zone *zone, const struct adopting *how)
{
	struct adoption *a;

	if (zone->adoption)
		return -EALREADY;
	if (!can_adopt(zone))
		return -EAGAIN;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->zone = zone;
	a->config = config_ref(zone->content.config);
	a->rules = zone->content.rules;
	a->how = *how;
	alarm_init(&a->alarm, &zone->served->thread->alarms, on_turn, a);
	if (copy_names(a) ||
		lease_origins_init(&a->origins, &a->rules->policy, zone->content.name,
			a->config->keys)) {
		adoption_free(a);
		return -ENOMEM;
	}
	zone->adoption = a;
	alarm_set_in(&a->alarm, 0);
	return 0;
}

/* ---- zones that the database does not know ---- */

static void on_counted(int result, const struct adopted *found, void *arg)
{
	struct served_zone *zone = arg;
	struct verdict why = verdict_ok();

	if (result || !found->leases)
		return;
	zone->unleased = found->leases;
	snprintf(why.why, sizeof(why.why),
		"the database did not know the zone: %zu %s of %zu %s %s permanent, "
		"although the rules would give leases",
		found->leases, PLURAL(found->leases, "record"), found->names,
		PLURAL(found->names, "name"), found->leases == 1 ? "is" : "are");
	log_warning("zone %s: %s; if the database was lost, run musterctl adopt "
		    "--dry-run %s",
		zone->content.text, why.why, zone->content.text);
	leases_note(&zone->leases, "unleased", NULL, NULL, &why);
}

static void on_loaded(void *part)
{
	struct served_zone *zone = part;
	const struct adopting how = {.is_dry = true, .done = on_counted, .arg = zone};

	if (!zone->is_unknown)
		return;
	zone->is_unknown = false;
	if (lease_origins_are_possible(&zone->content.rules->policy) &&
		adopt_begin(zone, &how))
		log_warning("zone %s: its records without leases were not counted",
			zone->content.text);
}

const struct content_observer adopt_observer = {.loaded = on_loaded};

/* A zone that was ever served has a cursor.  The records of a local one are in the
 * database, or new. */
void adopt_open(struct served_zone *zone, bool has_targets)
{
	zone->is_unknown = !has_targets &&
		zone->content.rules->targets[0].type != CONFIG_TARGET_LOCAL;
}
