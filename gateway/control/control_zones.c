/*
 * What there is to know of all zones: /status, /health, zones, targets, queues.
 *
 * The zone threads are asked for a page of zones at a time; sums are made here.  A
 * target's lag is the age of the first change that it does not have, which the database
 * knows.
 */
#include "gateway/control/control_survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"

/* ---- surveys ---- */

void control_survey_clear(struct control_question *q)
{
	struct control_survey *s = (struct control_survey *)(void *)q;

	view_zones_clear(&s->page);
	json_decref(s->list);
	json_decref(s->first_page);
}

struct control_survey *control_survey_new(struct control_request *r, size_t size,
	enum control_survey_reads reads,
	bool (*answer)(struct control_question *question))
{
	struct control_survey *s = control_question_new(r, size, answer);

	if (!s)
		return NULL;
	s->question.clear = control_survey_clear;
	s->answer = answer;
	s->page_max = VIEW_ZONES_MAX;
	s->reads = reads;
	s->list = json_array();
	if (!view_zones_init(&s->page, s->question.config) && s->list)
		return s;
	control_question_free(&s->question);
	control_fail(r, 503, "out of memory");
	return NULL;
}

/* Sums up the page. */
static void add_page(struct control_survey *s)
{
	struct control_sums *sums = &s->sums;

	s->has_failed |= s->page.has_failed;
	for (size_t i = 0; i < s->page.count; i++) {
		const struct view_zone *view = &s->page.zones[i];

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
			sums->down += view->targets[j].is_down;
			sums->primaries_down +=
				view->targets[j].is_down && view->targets[j].is_primary;
			sums->pending += view->targets[j].pending;
		}
	}
}

bool control_survey_next(struct control_survey *s)
{
	add_page(s);
	return s->page.next < s->question.config->zone_count;
}

/* ---- what only the journal knows ---- */

/* More changes than memory holds are counted. */
static void count_pending(struct view_target *target, int64_t zone,
	const struct store_ops *ops, struct store *store)
{
	uint64_t count = 0;

	if (!target->is_live &&
		!ops->count_changes(
			store, zone, target->cursor, CONTROL_PENDING_MAX, &count) &&
		count > target->pending)
		target->pending = (size_t)count;
}

static int visit_time(const struct store_row *row, void *arg)
{
	int64_t *at_ms = arg;

	*at_ms = row->at_ms;
	return 0;
}

static void tell_lag(struct view_target *target, int64_t zone,
	const struct store_ops *ops, struct store *store)
{
	/* Behind the cursor there may be rows that are no changes: the first change is
	 * better known in memory. */
	const struct store_filter filter = {
		.zone = zone,
		.after = target->first_seq ? target->first_seq - 1 : target->cursor,
		.before = target->first_seq ? target->first_seq + 1 : 0,
		.limit = 1,
	};
	const int64_t now_ms = clock_real_ms();
	int64_t at_ms = 0;
	uint64_t next;

	if (!ops->each_row(store, &filter, &next, visit_time, &at_ms) && at_ms &&
		now_ms > at_ms)
		target->lag_ms = now_ms - at_ms;
}

/* Is there anything of the target that only the journal knows?  A local target follows
 * the journal by a second on purpose. */
static bool is_for_journal(
	const struct control_survey *s, const struct view_target *target)
{
	if (target->is_local || s->reads == SURVEY_NOTHING)
		return false;
	return !target->is_live || (s->reads == SURVEY_LAG && target->first_seq);
}

/* What cannot be read stays as memory has it. */
static int look_at_journal(
	struct control_question *q, const struct store_ops *ops, struct store *store)
{
	struct control_survey *s = (struct control_survey *)(void *)q;

	for (size_t i = 0; i < s->page.count; i++) {
		struct view_zone *zone = &s->page.zones[i];

		for (size_t j = 0; j < zone->target_count; j++) {
			struct view_target *target = &zone->targets[j];

			if (!is_for_journal(s, target))
				continue;
			count_pending(target, zone->id, ops, store);
			if (s->reads == SURVEY_LAG)
				tell_lag(target, zone->id, ops, store);
		}
	}
	return 0;
}

static bool needs_journal(const struct control_survey *s)
{
	for (size_t i = 0; i < s->page.count; i++) {
		const struct view_zone *zone = &s->page.zones[i];

		for (size_t j = 0; j < zone->target_count; j++)
			if (is_for_journal(s, &zone->targets[j]))
				return true;
	}
	return false;
}

static bool on_page(struct control_question *q)
{
	struct control_survey *s = (struct control_survey *)(void *)q;

	q->answer = s->answer;
	if (needs_journal(s) && control_read(q, look_at_journal, true))
		return false;
	return s->answer(q);
}

void control_survey_ask(struct control_survey *s)
{
	view_zones_turn(&s->page, s->page_max);
	s->question.answer = on_page;
	control_ask(&s->question, view_zones, NULL, &s->page);
}

/* ---- targets as JSON ---- */

static bool is_behind(const struct view_target *target)
{
	return !target->is_local && (target->pending || !target->is_live);
}

static const char *state_of(const struct view_target *target)
{
	if (target->is_down)
		return "down";
	return is_behind(target) ? "behind" : "up";
}

static json_t *target_to_json(
	const struct view_zone *zone, const struct view_target *target)
{
	return json_pack(
		"{s:s, s:s, s:b, s:s, s:s?, s:I, s:b, s:f, s:I, s:I, s:I, s:I, s:I}",
		"zone", zone->config->text, "target", target->id, "primary",
		target->is_primary, "state", state_of(target), "why",
		target->why[0] ? target->why : NULL, "pending",
		(json_int_t)target->pending, "more_in_journal", !target->is_live, "lag_s",
		(double)target->lag_ms / 1000, "next_try_ms",
		(json_int_t)target->pause_ms, "delivered", (json_int_t)target->delivered,
		"failures", (json_int_t)target->failures, "rejected",
		(json_int_t)target->rejected, "cursor", (json_int_t)target->cursor);
}

static json_t *targets_to_json(const struct view_zone *zone)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < zone->target_count; i++) {
		if (control_json_add(list, target_to_json(zone, &zone->targets[i])))
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

/* ---- zones ---- */

const char *control_zone_state(const struct view_zone *zone)
{
	if (zone->is_failed)
		return "failed";
	if (!zone->is_served)
		return "closed";
	if (!zone->is_ready)
		return "loading";
	return zone->is_braked ? "braked" : "ready";
}

static json_t *zone_to_json(const struct view_zone *zone)
{
	const struct view_counters *n = &zone->counters;

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
		(json_int_t)n->expired_hosts, "targets", targets_to_json(zone));
}

static json_t *page_to_json(struct control_survey *s, const char *name)
{
	const bool is_more = s->page.next < s->question.config->zone_count;
	char next[24];

	snprintf(next, sizeof(next), "%zu", s->page.next);
	return json_pack("{s:O, s:s?}", name, s->list, "next", is_more ? next : NULL);
}

static bool answer_zones(struct control_question *q)
{
	struct control_survey *s = (struct control_survey *)(void *)q;
	bool is_whole = !s->page.has_failed;

	for (size_t i = 0; is_whole && i < s->page.count; i++)
		is_whole = control_json_add(s->list, zone_to_json(&s->page.zones[i]));
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
	s = control_survey_new(r, sizeof(*s), SURVEY_LAG, answer);
	if (!s)
		return;
	s->page.next = from < s->question.config->zone_count
		? (size_t)from
		: s->question.config->zone_count;
	control_survey_ask(s);
}

void control_get_zones(struct control_request *r)
{
	ask_page(r, answer_zones);
}

/* ---- targets and queues ---- */

static bool add_targets(struct control_survey *s, bool is_pending_only)
{
	for (size_t i = 0; i < s->page.count; i++) {
		const struct view_zone *zone = &s->page.zones[i];

		for (size_t j = 0; j < zone->target_count; j++) {
			const struct view_target *target = &zone->targets[j];

			if (is_pending_only && !is_behind(target) && !target->is_down)
				continue;
			if (!control_json_add(s->list, target_to_json(zone, target)))
				return false;
		}
	}
	return true;
}

static bool answer_targets(struct control_question *q)
{
	struct control_survey *s = (struct control_survey *)(void *)q;
	const bool is_whole = !s->page.has_failed && add_targets(s, false);

	control_question_done(q, is_whole ? page_to_json(s, "targets") : NULL);
	return true;
}

static bool answer_queue(struct control_question *q)
{
	struct control_survey *s = (struct control_survey *)(void *)q;
	const bool is_whole = !s->page.has_failed && add_targets(s, true);

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
