/*
 * Surveys (control_survey.h).  A target's lag is the age of the first change that it does
 * not have, which the database knows.
 */
#include "gateway/control/control_survey.h"

#include "gateway/base/clock.h"

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
