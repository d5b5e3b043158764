/*
 * What there is to know of all zones: /status, /health, zones, targets, queues.
 *
 * The zone thread is asked for a page of zones at a time, copied into plain structures;
 * sums are made here.  A target's lag is the age of the first change that it does not
 * have, which the database knows.
 */
#include "gateway/control/control_survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"

/* ---- in the zone thread ---- */

static bool copy_targets(struct control_zone_view *view, const struct served_zone *zone)
{
	const int64_t now_ms = clock_monotonic_ms();

	view->targets = calloc(zone->delivery_count, sizeof(*view->targets));
	if (!view->targets)
		return false;
	for (size_t i = 0; i < zone->delivery_count; i++) {
		struct control_target_view *target = &view->targets[i];

		target->look = delivery_look(zone->deliveries[i], now_ms);
		target->id = strdup(target->look.id);
		target->look.id = NULL;
		if (target->look.why)
			snprintf(
				target->why, sizeof(target->why), "%s", target->look.why);
		target->look.why = NULL;
		view->target_count = i + 1;
		if (!target->id)
			return false;
	}
	return true;
}

static void copy_mirror(struct control_zone_view *view, const struct served_zone *zone)
{
	const struct rrset *soa = zone->mirror ? zone_soa(zone->mirror) : NULL;
	const uint8_t *rdata = NULL;
	size_t at = 0;
	uint16_t len;

	view->is_ready = zone->mirror != NULL;
	view->is_failed = !zone->mirror && zone->local.is_failed;
	if (!zone->mirror)
		snprintf(view->why, sizeof(view->why), "%s",
			zone->local.why ? zone->local.why : zone->not_ready.why);
	if (soa)
		rdata = rrset_next(soa, &at, &len);
	if (rdata)
		view->serial = soa_serial(rdata, len);
	if (!zone->mirror)
		return;
	view->names = zone_count_names(zone->mirror);
	view->records = zone_count_records(zone->mirror);
	view->octets = zone_count_octets(zone->mirror);
}

static bool copy_zone(struct control_zone_view *view, const struct served_zone *zone)
{
	const struct served_leases *leases = &zone->leases;

	view->is_served = true;
	view->id = zone->id;
	copy_mirror(view, zone);
	view->leases = lease_table_count(leases->table);
	view->stale = lease_table_count_stale(leases->table);
	view->held = lease_table_count_held(leases->table);
	view->unleased = leases->unleased;
	view->is_braked = lease_is_braked(leases->table);
	view->counters = leases->counters;
	for (const struct transaction *t = zone->waiting; t; t = t->wait_next)
		view->waiting++;
	return copy_targets(view, zone);
}

/* A zone that is not there. */
static void explain_absence(
	struct control_zone_view *view, const struct zone_thread *thread)
{
	const char *why = zone_thread_why_unopened(thread, view->config->name);

	view->is_failed = why != NULL;
	snprintf(view->why, sizeof(view->why), "%s",
		why ? why : "is being opened or closed");
}

static void take_page(struct zone_thread *thread, struct control_survey *s, size_t limit)
{
	const struct config *config = s->question.config;

	s->count = 0;
	for (size_t i = s->from; i < config->zone_count && s->count < limit; i++) {
		struct control_zone_view *view = &s->views[s->count++];
		const struct served_zone *zone;

		view->config = &config->zones[i];
		zone = served_find(thread, view->config->name);
		if (!zone)
			explain_absence(view, thread);
		else if (!copy_zone(view, zone))
			s->has_failed = true;
	}
	s->from += s->count;
	s->is_failing = thread->is_failing;
	s->is_older = thread->is_older;
	s->in_journal = thread->in_journal;
	s->last_seq = thread->last_seq;
	s->replay_hits = thread->replay_hits;
	s->journal = journal_totals(thread->journal);
	if (thread->is_failing)
		journal_last_error(thread->journal, s->database_error);
}

bool control_survey_run(struct zone_thread *thread, struct zone_call *call)
{
	take_page(thread, (struct control_survey *)(void *)call, CONTROL_SURVEY_PAGE);
	return true;
}

bool control_survey_run_one(struct zone_thread *thread, struct zone_call *call)
{
	take_page(thread, (struct control_survey *)(void *)call, 1);
	return true;
}

/* ---- surveys ---- */

static void clear_views(struct control_survey *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct control_zone_view *view = &s->views[i];

		for (size_t j = 0; j < view->target_count; j++)
			free(view->targets[j].id);
		free(view->targets);
		*view = (struct control_zone_view){0};
	}
	s->count = 0;
}

void control_survey_clear(struct control_question *q)
{
	struct control_survey *s = (struct control_survey *)(void *)q;

	clear_views(s);
	free(s->views);
	json_decref(s->list);
	json_decref(s->first_page);
}

struct control_survey *control_survey_new(struct control_request *r, size_t size,
	bool (*answer)(struct control_question *question))
{
	struct control_survey *s =
		control_question_new(r, size, control_survey_run, answer);

	if (!s)
		return NULL;
	s->question.clear = control_survey_clear;
	s->views = calloc(CONTROL_SURVEY_PAGE, sizeof(*s->views));
	s->list = json_array();
	if (s->views && s->list)
		return s;
	control_question_free(&s->question);
	control_fail(r, 503, "out of memory");
	return NULL;
}

/* Sums up the page. */
static void add_page(struct control_survey *s)
{
	struct control_sums *sums = &s->sums;

	for (size_t i = 0; i < s->count; i++) {
		const struct control_zone_view *view = &s->views[i];

		sums->zones++;
		sums->ready += view->is_ready;
		sums->braked += view->is_braked;
		sums->records += view->records;
		sums->leases += view->leases;
		sums->stale += view->stale;
		sums->held += view->held;
		sums->waiting += view->waiting;
		for (size_t j = 0; j < view->target_count; j++) {
			sums->targets++;
			sums->down += view->targets[j].look.is_down;
			sums->primaries_down += view->targets[j].look.is_down &&
				view->targets[j].look.is_primary;
			sums->pending += control_target_pending(
				s->question.control, view, &view->targets[j]);
		}
	}
}

bool control_survey_next(struct control_survey *s)
{
	add_page(s);
	return s->from < s->question.config->zone_count;
}

void control_survey_turn(struct control_survey *s)
{
	clear_views(s);
}

/* ---- lag ---- */

static int visit_time(const struct store_row *row, void *arg)
{
	int64_t *at_ms = arg;

	*at_ms = row->at_ms;
	return 0;
}

int64_t control_target_lag_ms(struct control *c, const struct control_zone_view *zone,
	const struct control_target_view *target)
{
	const struct delivery_view *look = &target->look;
	/* Behind the cursor there may be rows that are no changes: the first change is
	 * better known in memory. */
	const struct store_filter filter = {
		.zone = zone->id,
		.after = look->first_seq ? look->first_seq - 1 : look->cursor,
		.before = look->first_seq ? look->first_seq + 1 : 0,
		.limit = 1,
	};
	const char *error;
	struct store *store;
	int64_t at_ms = 0;
	uint64_t next;

	if (look->is_local || (!look->first_seq && look->is_live))
		return 0;
	store = control_store(c, &error);
	if (!store || c->store_ops->each_row(store, &filter, &next, visit_time, &at_ms))
		return 0;
	return at_ms && clock_real_ms() > at_ms ? clock_real_ms() - at_ms : 0;
}

size_t control_target_pending(struct control *c, const struct control_zone_view *zone,
	const struct control_target_view *target)
{
	const struct delivery_view *look = &target->look;
	uint64_t count = 0;
	const char *error;
	struct store *store;

	if (look->is_local || look->is_live)
		return look->pending;
	store = control_store(c, &error);
	if (!store ||
		c->store_ops->count_changes(
			store, zone->id, look->cursor, CONTROL_PENDING_MAX, &count))
		return look->pending;
	return count > look->pending ? (size_t)count : look->pending;
}

/* ---- targets as JSON ---- */

/* A local target follows the journal, which has it all, by a second on purpose. */
static bool is_behind(const struct delivery_view *look)
{
	return !look->is_local && (look->pending || !look->is_live);
}

static const char *state_of(const struct delivery_view *look)
{
	if (look->is_down)
		return "down";
	return is_behind(look) ? "behind" : "up";
}

static json_t *target_to_json(struct control_survey *s,
	const struct control_zone_view *zone, const struct control_target_view *target)
{
	const struct delivery_view *look = &target->look;

	return json_pack(
		"{s:s, s:s, s:b, s:s, s:s?, s:I, s:b, s:f, s:I, s:I, s:I, s:I, s:I}",
		"zone", zone->config->text, "target", target->id, "primary",
		look->is_primary, "state", state_of(look), "why",
		target->why[0] ? target->why : NULL, "pending",
		(json_int_t)control_target_pending(s->question.control, zone, target),
		"more_in_journal", !look->is_live, "lag_s",
		(double)control_target_lag_ms(s->question.control, zone, target) / 1000,
		"next_try_ms", (json_int_t)look->pause_ms, "delivered",
		(json_int_t)look->delivered, "failures", (json_int_t)look->failures,
		"rejected", (json_int_t)look->rejected, "cursor",
		(json_int_t)look->cursor);
}

static json_t *targets_to_json(
	struct control_survey *s, const struct control_zone_view *zone)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < zone->target_count; i++) {
		if (control_json_add(list, target_to_json(s, zone, &zone->targets[i])))
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

/* ---- zones ---- */

const char *control_zone_state(const struct control_zone_view *zone)
{
	if (zone->is_failed)
		return "failed";
	if (!zone->is_served)
		return "closed";
	if (!zone->is_ready)
		return "loading";
	return zone->is_braked ? "braked" : "ready";
}

static json_t *zone_to_json(
	struct control_survey *s, const struct control_zone_view *zone)
{
	const struct served_counters *n = &zone->counters;

	return json_pack("{s:s, s:s, s:s?, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I,"
			 "s:{s:I, s:I, s:I, s:I, s:I}, s:o}",
		"zone", zone->config->text, "state", control_zone_state(zone), "why",
		zone->is_ready ? NULL : zone->why, "serial", (json_int_t)zone->serial,
		"names", (json_int_t)zone->names, "records", (json_int_t)zone->records,
		"octets", (json_int_t)zone->octets, "leases", (json_int_t)zone->leases,
		"stale", (json_int_t)zone->stale, "held", (json_int_t)zone->held,
		"braked", zone->is_braked, "waiting", (json_int_t)zone->waiting, "totals",
		"updates", (json_int_t)n->updates, "heartbeats",
		(json_int_t)n->heartbeats, "refused", (json_int_t)n->refused,
		"expired_records", (json_int_t)n->expired_records, "expired_hosts",
		(json_int_t)n->expired_hosts, "targets", targets_to_json(s, zone));
}

static json_t *page_to_json(struct control_survey *s, const char *name)
{
	const bool is_more = s->from < s->question.config->zone_count;
	char next[24];

	snprintf(next, sizeof(next), "%zu", s->from);
	return json_pack("{s:O, s:s?}", name, s->list, "next", is_more ? next : NULL);
}

static bool answer_zones(struct control_question *q)
{
	struct control_survey *s = (struct control_survey *)(void *)q;
	bool is_whole = !s->has_failed;

	for (size_t i = 0; is_whole && i < s->count; i++)
		is_whole = control_json_add(s->list, zone_to_json(s, &s->views[i]));
	control_question_done(q, is_whole ? page_to_json(s, "zones") : NULL);
	return true;
}

static void ask_page(
	struct control_request *r, bool (*answer)(struct control_question *question))
{
	struct control_survey *s;
	uint64_t from = 0;

	if (!control_read_number(r, "cursor", &from))
		return;
	s = control_survey_new(r, sizeof(*s), answer);
	if (!s)
		return;
	s->from = from < s->question.config->zone_count ? (size_t)from
							: s->question.config->zone_count;
	control_ask(&s->question);
}

void control_get_zones(struct control_request *r)
{
	ask_page(r, answer_zones);
}

/* ---- targets and queues ---- */

static bool add_targets(struct control_survey *s, bool is_pending_only)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct control_zone_view *zone = &s->views[i];

		for (size_t j = 0; j < zone->target_count; j++) {
			const struct delivery_view *look = &zone->targets[j].look;

			if (is_pending_only && !is_behind(look) && !look->is_down)
				continue;
			if (!control_json_add(
				    s->list, target_to_json(s, zone, &zone->targets[j])))
				return false;
		}
	}
	return true;
}

static bool answer_targets(struct control_question *q)
{
	struct control_survey *s = (struct control_survey *)(void *)q;
	const bool is_whole = !s->has_failed && add_targets(s, false);

	control_question_done(q, is_whole ? page_to_json(s, "targets") : NULL);
	return true;
}

static bool answer_queue(struct control_question *q)
{
	struct control_survey *s = (struct control_survey *)(void *)q;
	const bool is_whole = !s->has_failed && add_targets(s, true);

	control_question_done(q, is_whole ? page_to_json(s, "targets") : NULL);
	return true;
}

void control_get_targets(struct control_request *r)
{
	ask_page(r, answer_targets);
}

void control_get_queue(struct control_request *r)
{
	ask_page(r, answer_queue);
}
