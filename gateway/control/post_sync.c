/*
 * Compares what targets have of a zone with what they should have, and mends it.  If the
 * primary target has lost too much, the order is the word that is waited for instead.
 */
#include <errno.h>
#include <string.h>

#include "gateway/control/control_private.h"

/* The state of a request. */
struct sync {
	struct view_sync view;
	struct view_order word;         /* about a primary that has lost too much */
	const struct config_zone *zone; /* of the request's configuration */
};

/* ---- the answer ---- */

static json_t *drift_to_json(const struct view_sync *view, const struct view_drift *d)
{
	static const char *const kinds[] = {"missing", "foreign", "different"};
	static const char *const actions[] = {"leave", "repair", "take"};
	const bool is_foreign = d->drift.kind == DRIFT_FOREIGN;
	const bool is_different = d->drift.kind == DRIFT_DIFFERENT;
	const struct rr *rr = is_foreign ? &d->drift.found : &d->drift.wanted;
	const struct rr *found = &d->drift.found;

	return json_pack("{s:s, s:s, s:o, s:o, s:I, s:o, s:o, s:o, s:s}", "target",
		view->targets[d->target].id, "kind", kinds[d->drift.kind], "name",
		control_json_name(rr->owner), "type", control_json_type(rr->type), "ttl",
		(json_int_t)rr->ttl, "data",
		control_json_rdata(rr->type, rr->rdata, rr->rdata_len), "found_ttl",
		is_different ? json_integer(found->ttl) : json_null(), "found_data",
		is_different
			? control_json_rdata(found->type, found->rdata, found->rdata_len)
			: json_null(),
		"action", actions[d->fate]);
}

static json_t *target_to_json(const struct view_synced *target)
{
	const struct reconcile_outcome *o = &target->outcome;
	const bool is_ok = verdict_is_ok(&o->why);

	return json_pack("{s:s, s:b, s:b, s:s?, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			 "s:s?, s:I, s:I}",
		"target", target->id, "primary", target->is_primary, "compared", is_ok,
		"why", is_ok ? NULL : o->why.why, "zone_records", (json_int_t)o->here,
		"target_records", (json_int_t)o->there, "missing",
		(json_int_t)o->found[DRIFT_MISSING], "foreign",
		(json_int_t)o->found[DRIFT_FOREIGN], "different",
		(json_int_t)o->found[DRIFT_DIFFERENT], "repaired",
		(json_int_t)o->repaired, "taken", (json_int_t)o->taken, "refused",
		(json_int_t)o->refused, "refusal", o->refused ? o->refusal.why : NULL,
		"left", (json_int_t)reconcile_count(o->left), "changing",
		(json_int_t)o->changing);
}

static json_t *targets_to_json(struct control_request *r, const struct view_sync *view)
{
	json_t *list = json_array();

	for (size_t i = 0; i < view->target_count; i++)
		control_add(r, list, target_to_json(&view->targets[i]));
	return list;
}

/* A reload may have taken away the target whose records these are. */
static void add_records(struct control_request *r, const struct view_sync *view)
{
	for (size_t i = 0; i < view->record_count; i++)
		if (view->records[i].target < view->target_count)
			control_add(r, r->list, drift_to_json(view, &view->records[i]));
}

/* Does nothing differ any more, as far as is known? */
static bool is_in_step(const struct view_sync *view)
{
	for (size_t i = 0; i < view->target_count; i++) {
		const struct reconcile_outcome *o = &view->targets[i].outcome;

		if (!verdict_is_ok(&o->why) || reconcile_count(o->left))
			return false;
	}
	return true;
}

static void answer_sync(struct control_request *r)
{
	const struct sync *sync = r->state;
	const struct view_sync *view = &sync->view;
	const char *zone = sync->zone->text;

	r->has_failed |= view->has_failed;
	if (view->result == -ENOENT)
		control_fail(r, 404, "zone %s has no target %.128s", zone, view->target);
	else if (view->result == -ENODATA)
		control_fail(r, 409,
			"zone %s: there is nothing to compare: the gateway itself is its "
			"only server",
			zone);
	else if (view->result == -EAGAIN)
		control_fail(r, 503, CONTROL_NOT_NOW, zone);
	else if (view->result)
		control_fail(r, 503, "zone %s: %s", zone, strerror(-view->result));
	else if (!r->has_failed) {
		add_records(r, view);
		control_done(r,
			json_pack("{s:s, s:b, s:b, s:b, s:o, s:O, s:I}", "zone", zone,
				"dry_run", view->is_dry, "take", view->takes, "in_step",
				is_in_step(view), "targets", targets_to_json(r, view),
				"records", r->list, "more", (json_int_t)view->more));
	} else {
		control_fail(r, 503, "out of memory");
	}
}

/* ---- a person's word ---- */

/* What the primary has is compared when it has been loaded again. */
static void answer_word(struct control_request *r)
{
	const struct sync *sync = r->state;
	const bool takes = sync->view.takes;

	control_done(r,
		json_pack("{s:s, s:b, s:b, s:b, s:s, s:[], s:[], s:i}", "zone",
			sync->zone->text, "dry_run", false, "take", takes, "in_step",
			true, "decided", takes ? "take" : "fill", "targets", "records",
			"more", 0));
}

static void ask_to_compare(struct control_request *r)
{
	struct sync *sync = r->state;

	control_ask(r, view_sync, sync->zone->name, &sync->view, answer_sync);
}

static void take_word(struct control_request *r)
{
	const struct sync *sync = r->state;

	if (sync->word.result == 0)
		answer_word(r);
	else if (sync->word.result == -EALREADY)
		ask_to_compare(r);
	else
		control_fail(r, 503, CONTROL_NOT_NOW, sync->zone->text);
}

static void give_word(struct control_request *r)
{
	struct sync *sync = r->state;

	sync->word.verb = sync->view.takes ? VIEW_TAKE : VIEW_FILL;
	sync->word.why = verdict_ok();
	snprintf(sync->word.why.why, sizeof(sync->word.why.why),
		"asked for by user id %lu", (unsigned long)r->uid);
	control_ask(r, view_give, sync->zone->name, &sync->word, take_word);
}

/* Would it change something at the primary target? */
static bool is_about_primary(const struct sync *sync)
{
	const char *target = sync->view.target;
	const char *id = sync->zone->targets[0].id, *name = strchr(id, ' ');

	return !sync->view.is_dry &&
		(!target || strcmp(target, id) == 0 ||
			(name && strcmp(target, name + 1) == 0));
}

/* ---- asking ---- */

static void clear_sync(void *state)
{
	view_sync_clear(&((struct sync *)state)->view);
}

void control_post_sync(struct control_request *r)
{
	struct sync *s = control_state_new(r, sizeof(*s), clear_sync);

	if (!s || !control_read_flag(r, "dry_run", &s->view.is_dry) ||
		!control_read_flag(r, "take", &s->view.takes))
		return;
	s->zone = control_read_zone(r, r->argument);
	if (!s->zone)
		return;
	s->view.target = control_parameter(r, "target");
	s->view.why = verdict_ok();
	snprintf(s->view.why.why, sizeof(s->view.why.why), "asked for by user id %lu",
		(unsigned long)r->uid);
	if (is_about_primary(s))
		give_word(r);
	else
		ask_to_compare(r);
}
