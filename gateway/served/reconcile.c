/*
 * When targets are compared, and one run after the other (reconcile.h).
 */
#include "gateway/served/reconcile_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "tsig/plural.h"

enum {
	AGAIN_MS = 2000,   /* what was being changed is looked at again; doubles */
	AGAIN_MAX = 5,     /* times */
	FAILED_MS = 10000, /* a target with a strayed serial that cannot be compared is
	                    * tried again; doubles */
	FAILED_MAX_MS = 10 * 60 * 1000,
	CALM_MS = 30000, /* of reconcile.calm_ms; doubles */
	CALM_MAX_MS = 60 * 60 * 1000,
};

/* An order: the targets of a zone one after the other. */
struct reconcile_order {
	LIST_ENTRY(reconcile_order) entry; /* of the zone */
	struct served_zone *zone;
	struct reconciling how;
	bool is_one; /* only the target that it began with */
	struct reconcile_request request;
};

/* ---- one after the other ---- */

static void enqueue(struct reconciliation *shared, struct reconcile_request *request)
{
	TAILQ_INSERT_TAIL(&shared->requests, request, entry);
	alarm_set_in(&shared->alarm, 0);
}

static void dequeue(struct reconciliation *shared, struct reconcile_request *request)
{
	if (request->reconcile)
		TAILQ_REMOVE(&shared->requests, request, entry);
	request->reconcile = NULL;
}

static void on_ended(struct reconcile_run *run);

static void fail(struct reconcile *r, struct reconcile_order *order)
{
	const struct reconcile_outcome outcome = {.why = verdict_no_memory()};

	r->state.why = outcome.why;
	if (order)
		order->how.ended(
			delivery_id(r->delivery), false, &outcome, order->how.arg);
}

static void order_go_on(struct reconcile_order *order, struct reconcile *after);

static void start_next(void *arg)
{
	struct reconciliation *shared = arg;
	struct reconcile_request *request = TAILQ_FIRST(&shared->requests);
	struct reconcile_order *order;
	struct reconcile_run *run;
	struct reconcile *r;

	if (shared->run || !request)
		return;
	r = request->reconcile;
	order = request->order;
	dequeue(shared, request);
	run = reconcile_run_new(shared, r);
	if (!run) {
		fail(r, order);
		if (order)
			order_go_on(order, r);
		alarm_set_in(&shared->alarm, 0);
		return;
	}
	run->order = order;
	run->is_ordered = order != NULL;
	run->repairs = order || r->repairs;
	run->ended = on_ended;
	if (order)
		run->how = order->how;
	shared->run = run;
	reconcile_run_begin(run);
}

/* ---- orders ---- */

static struct reconciliation *shared_of(const struct served_zone *zone)
{
	return &zone->served->reconciliation;
}

static void order_end(struct reconcile_order *order, int result)
{
	const struct reconciling how = order->how;

	dequeue(shared_of(order->zone), &order->request);
	LIST_REMOVE(order, entry);
	free(order);
	how.done(result, how.arg);
}

static void order_ask(struct reconcile_order *order, struct reconcile *r)
{
	order->request.reconcile = r;
	enqueue(shared_of(order->zone), &order->request);
}

/* With the target behind this one. */
static void order_go_on(struct reconcile_order *order, struct reconcile *after)
{
	struct reconcile *next = order->is_one ? NULL : TAILQ_NEXT(after, entry);

	if (next)
		order_ask(order, next);
	else
		order_end(order, 0);
}

/* Whole, or without the type in front of it. */
static bool is_id(const char *id, const char *text)
{
	const char *space = strchr(id, ' ');

	return !strcmp(id, text) || (space && !strcmp(space + 1, text));
}

static struct reconcile *find_by_id(const struct served_zone *zone, const char *id)
{
	struct reconcile *r;

	TAILQ_FOREACH(r, &zone->reconciles, entry)
		if (is_id(delivery_id(r->delivery), id))
			break;
	return r;
}

int reconcile_begin(struct served_zone *zone, const struct reconciling *how)
{
	struct reconcile_order *order;
	struct reconcile *first = how->target ? find_by_id(zone, how->target)
					      : TAILQ_FIRST(&zone->reconciles);

	if (zone->content.is_closing || zone->served->thread->is_over ||
		!zone->content.mirror)
		return -EAGAIN;
	if (!first)
		return how->target ? -ENOENT : -ENODATA;
	order = calloc(1, sizeof(*order));
	if (!order)
		return -ENOMEM;
	order->zone = zone;
	order->how = *how;
	order->is_one = how->target != NULL;
	order->request.order = order;
	LIST_INSERT_HEAD(&zone->reconcile_orders, order, entry);
	order_ask(order, first);
	return 0;
}

/* ---- what came of it ---- */

static void say_drift(const struct reconcile_run *run)
{
	const struct reconcile_outcome *o = &run->outcome;
	const size_t shown = reconcile_count(o->found);

	log_warning("zone %s: target %s had drifted: %zu %s missing, %zu foreign, %zu "
		    "different (it has %zu, the zone %zu): %zu repaired, %zu taken over, "
		    "%zu refused, %zu left%s%s; it %s",
		run->content->text, delivery_id(run->reconcile->delivery),
		o->found[DRIFT_MISSING], PLURAL(o->found[DRIFT_MISSING], "record"),
		o->found[DRIFT_FOREIGN], o->found[DRIFT_DIFFERENT], o->there, o->here,
		o->repaired, o->taken, o->refused, reconcile_count(o->left),
		o->refused ? ": it refused: " : "", o->refused ? o->refusal.why : "",
		shown ? run->text : "");
}

/* A run by itself that fails again and again says so once. */
static void say(const struct reconcile_run *run)
{
	const struct reconcile *r = run->reconcile;
	const struct reconcile_outcome *o = &run->outcome;
	const char *id = delivery_id(r->delivery);

	if (run->how.is_dry)
		return;
	if (!verdict_is_ok(&o->why) && strcmp(o->why.why, r->state.why.why) != 0)
		log_warning("zone %s: target %s could not be compared with the zone: %s",
			run->content->text, id, o->why.why);
	if (reconcile_count(o->found) &&
		(o->repaired || o->taken || o->refused ||
			memcmp(o->left, r->state.left, sizeof(o->left)) != 0))
		say_drift(run);
	else if (verdict_is_ok(&o->why) && !reconcile_count(o->found) && r->is_strayed)
		log_info("zone %s: target %s has what it should have, %zu %s",
			run->content->text, id, o->there, PLURAL(o->there, "record"));
}

/* An order that may have changed something. */
static void note_order(const struct reconcile_run *run)
{
	const struct reconcile_outcome *o = &run->outcome;
	struct verdict why = verdict_ok();

	if (!run->order || run->how.is_dry)
		return;
	snprintf(why.why, sizeof(why.why),
		"%.60s: %.80s: %zu repaired, %zu taken over, %zu left", run->how.why.why,
		delivery_id(run->reconcile->delivery), o->repaired, o->taken,
		reconcile_count(o->left));
	leases_note(&run->reconcile->zone->leases, "compared", NULL, NULL, &why);
}

static int64_t doubled(int64_t ms, unsigned times, int64_t max_ms)
{
	while (times-- && ms < max_ms)
		ms *= 2;
	return ms < max_ms ? ms : max_ms;
}

/* When to look at it again. */
static void plan(struct reconcile *r, const struct reconcile_outcome *o)
{
	if (!verdict_is_ok(&o->why)) {
		if (r->is_strayed)
			alarm_set_earlier_in(
				&r->due, doubled(FAILED_MS, r->again++, FAILED_MAX_MS));
		return;
	}
	if (reconcile_count(o->found))
		r->calm_ms = 0;
	else if (r->is_strayed && !r->again)
		r->calm_ms = r->calm_ms ? doubled(r->calm_ms, 1, CALM_MAX_MS) : CALM_MS;
	if (o->changing && r->again < AGAIN_MAX) {
		alarm_set_earlier_in(&r->due, (int64_t)AGAIN_MS << r->again++);
		return;
	}
	r->again = 0;
	r->is_strayed = false;
}

static void note(struct reconcile *r, const struct reconcile_outcome *o)
{
	r->state.why = o->why;
	if (!verdict_is_ok(&o->why))
		return;
	r->state.at_s = turn_real_s(&r->zone->served->thread->time);
	memcpy(r->state.left, o->left, sizeof(r->state.left));
}

static void on_ended(struct reconcile_run *run)
{
	struct reconcile *r = run->reconcile;
	struct reconciliation *shared = run->shared;
	struct reconcile_order *order = run->order;
	struct reconcile_outcome outcome = run->outcome;
	const bool is_primary = r->delivery == content_primary(&r->zone->content);

	say(run);
	note_order(run);
	if (!run->is_preview)
		note(r, &outcome);
	if (!run->how.is_dry)
		plan(r, &outcome);
	/* What it has that is not ours is the zone's, and what it lacks is not. */
	if (is_primary && !run->how.is_dry && reconcile_count(outcome.left))
		delivery_want_whole(r->delivery);
	shared->run = NULL;
	reconcile_run_stop(run);
	alarm_set_in(&shared->alarm, 0);
	if (!order)
		return;
	order->how.ended(delivery_id(r->delivery), is_primary, &outcome, order->how.arg);
	order_go_on(order, r);
}

/* ---- by itself ---- */

static void set_next(struct reconcile *r)
{
	if (r->every_s)
		alarm_set_earlier_in(&r->due, (int64_t)r->every_s * 1000);
}

static void on_due(void *arg)
{
	struct reconcile *r = arg;

	if (!r->request.reconcile) {
		r->request.reconcile = r;
		enqueue(shared_of(r->zone), &r->request);
	}
	set_next(r);
}

static struct reconcile *find(
	const struct served_zone *zone, const struct delivery *delivery)
{
	struct reconcile *r;

	TAILQ_FOREACH(r, &zone->reconciles, entry)
		if (r->delivery == delivery)
			break;
	return r;
}

void reconcile_strayed(struct served_zone *zone, const struct delivery *delivery)
{
	struct reconcile *r = find(zone, delivery);

	if (!r)
		return;
	r->is_strayed = true;
	alarm_set_earlier_in(&r->due, r->calm_ms);
}

void reconcile_probe(struct served_zone *zone)
{
	const struct content *content = &zone->content;

	for (size_t i = 1; i < content->delivery_count; i++)
		delivery_want_probe(content->deliveries[i]);
}

const struct reconcile_state *reconcile_look(
	const struct served_zone *zone, const struct delivery *delivery)
{
	const struct reconcile *r = find(zone, delivery);

	return r && (r->state.at_s || !verdict_is_ok(&r->state.why)) ? &r->state : NULL;
}

/* ---- what happens to the zone ---- */

static struct reconcile_run *run_of(const struct served_zone *zone)
{
	struct reconcile_run *run = shared_of(zone)->run;

	return run && run->reconcile->zone == zone ? run : NULL;
}

static void on_committing(void *part, const struct edit *edit)
{
	struct reconcile_run *run = run_of(part);

	if (run)
		reconcile_run_touch(run, edit->changes);
}

static void on_followed(void *part, struct changeset *changes, bool is_kept)
{
	struct reconcile_run *run = run_of(part);

	(void)is_kept;
	if (run)
		reconcile_run_touch(run, changes);
}

static void on_loaded(void *part)
{
	struct reconcile_run *run = run_of(part);

	if (run)
		reconcile_run_spoil(run);
}

const struct content_observer reconcile_observer = {
	.loaded = on_loaded,
	.followed = on_followed,
	.committing = on_committing,
};

/* ---- life ---- */

void reconciliation_init(struct reconciliation *shared, struct zone_thread *thread)
{
	*shared = (struct reconciliation){.thread = thread};
	TAILQ_INIT(&shared->requests);
	alarm_init(&shared->alarm, &thread->alarms, start_next, shared);
}

void reconciliation_clear(struct reconciliation *shared)
{
	alarm_stop(&shared->alarm);
	fetcher_free(shared->fetcher);
	shared->fetcher = NULL;
}

void reconcile_init(struct served_zone *zone)
{
	TAILQ_INIT(&zone->reconciles);
	LIST_INIT(&zone->reconcile_orders);
}

/* Zones with the same settings are not all compared at once. */
static int64_t first_ms(const struct reconcile *r)
{
	const struct zone_thread *thread = r->zone->served->thread;
	const uint32_t hash =
		name_hash_seeded(r->zone->content.name, &thread->target_env.seed);

	return (int64_t)((double)r->every_s * 1000 * ((double)hash / UINT32_MAX));
}

static void take_settings(struct reconcile *r, const struct config_target *target)
{
	const unsigned before_s = r->every_s;

	r->every_s = target->sync_every_s;
	r->repairs = target->sync_repair;
	if (r->every_s == before_s)
		return;
	if (!r->is_strayed)
		alarm_stop(&r->due);
	if (r->every_s)
		alarm_set_earlier_in(&r->due, first_ms(r));
}

static struct reconcile *add(struct served_zone *zone, struct delivery *delivery)
{
	struct reconcile *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->zone = zone;
	r->delivery = delivery;
	r->state.why = verdict_ok();
	alarm_init(&r->due, &zone->served->thread->alarms, on_due, r);
	TAILQ_INSERT_TAIL(&zone->reconciles, r, entry);
	return r;
}

int reconcile_configure(struct served_zone *zone)
{
	const struct content *content = &zone->content;
	const struct config_zone *rules = content->rules;

	for (size_t i = 0; i < content->delivery_count; i++) {
		struct delivery *d = content->deliveries[i];
		struct reconcile *r = find(zone, d);

		if (delivery_target(d)->is_local)
			continue;
		if (!r)
			r = add(zone, d);
		if (!r)
			return -ENOMEM;
		for (size_t j = 0; j < rules->target_count; j++)
			if (!strcmp(rules->targets[j].id, delivery_id(d)))
				take_settings(r, &rules->targets[j]);
	}
	return 0;
}

/* Its run ends, and orders go on with the next target. */
static void stop_run(struct reconcile *r)
{
	struct reconciliation *shared = shared_of(r->zone);
	struct reconcile_run *run = shared->run;
	struct reconcile_order *order;

	if (!run || run->reconcile != r)
		return;
	order = run->order;
	shared->run = NULL;
	reconcile_run_stop(run);
	alarm_set_in(&shared->alarm, 0);
	if (order)
		order_go_on(order, r);
}

void reconcile_forget(struct served_zone *zone, const struct delivery *delivery)
{
	struct reconciliation *shared = shared_of(zone);
	struct reconcile *r = find(zone, delivery);
	struct reconcile_order *order, *next;

	if (!r)
		return;
	stop_run(r);
	for (order = LIST_FIRST(&zone->reconcile_orders); order; order = next) {
		next = LIST_NEXT(order, entry);
		if (order->request.reconcile != r)
			continue;
		dequeue(shared, &order->request);
		order_go_on(order, r);
	}
	dequeue(shared, &r->request);
	alarm_stop(&r->due);
	TAILQ_REMOVE(&zone->reconciles, r, entry);
	free(r);
}

void reconcile_close(struct served_zone *zone)
{
	struct reconciliation *shared = shared_of(zone);
	struct reconcile_run *run = run_of(zone);
	struct reconcile_order *order;
	struct reconcile *r;

	if (run) {
		shared->run = NULL;
		reconcile_run_stop(run);
		alarm_set_in(&shared->alarm, 0);
	}
	while ((order = LIST_FIRST(&zone->reconcile_orders)))
		order_end(order, -EAGAIN);
	while ((r = TAILQ_FIRST(&zone->reconciles))) {
		dequeue(shared, &r->request);
		alarm_stop(&r->due);
		TAILQ_REMOVE(&zone->reconciles, r, entry);
		free(r);
	}
}
