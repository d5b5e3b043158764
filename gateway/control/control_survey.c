/*
 * Surveys (control_survey.h).  A target's lag is the age of the first change that it does
 * not have, which the database knows.
 */
#include "gateway/control/control_survey.h"

#include "gateway/base/clock.h"

void control_survey_clear(void *state)
{
	view_zones_clear(&((struct control_survey *)state)->page);
}

void *control_survey_new(struct control_request *r, size_t size,
	enum control_survey_reads reads, control_fn *then, void (*clear)(void *state))
{
	struct control_survey *s = control_state_new(r, size, clear);

	if (!s)
		return NULL;
	s->then = then;
	s->page_max = VIEW_ZONES_MAX;
	s->reads = reads;
	if (!view_zones_init(&s->page, r->config))
		return s;
	control_fail(r, 503, "out of memory");
	return NULL;
}

static void add_target(struct control_sums *sums, const struct view_target *target)
{
	sums->targets++;
	sums->down += target->is_down;
	sums->flawed += !target->is_down && target->trouble;
	sums->primaries_down += target->is_down && target->is_primary;
	sums->pending += target->pending;
	sums->troubles[target->trouble]++;
}

static void add_zone(struct control_sums *sums, const struct view_zone *zone)
{
	sums->zones++;
	sums->ready += zone->is_ready;
	sums->braked += zone->is_braked;
	sums->records += zone->records;
	sums->leases += zone->leases;
	sums->stale += zone->stale;
	sums->held += zone->held;
	sums->waiting += zone->waiting;
	sums->set_aside += zone->set_aside;
	for (size_t i = 0; i < zone->target_count; i++)
		add_target(sums, &zone->targets[i]);
}

bool control_survey_next(struct control_request *r)
{
	struct control_survey *s = r->state;

	r->has_failed |= s->page.has_failed;
	for (size_t i = 0; i < s->page.count; i++)
		add_zone(&s->sums, &s->page.zones[i]);
	if (s->page.next >= r->config->zone_count)
		return false;
	control_survey_ask(r);
	return true;
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
	/* Behind the cursor there may be rows that are not changes, so the number in
	 * memory is the better one. */
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

/* Reads what only the journal knows of the page; without a store, only says whether there
 * is anything of the kind.  What cannot be read stays as memory has it. */
static bool look_at_page(
	struct control_survey *s, const struct store_ops *ops, struct store *store)
{
	bool is_any = false;

	for (size_t i = 0; i < s->page.count; i++) {
		struct view_zone *zone = &s->page.zones[i];

		for (size_t j = 0; j < zone->target_count; j++) {
			struct view_target *target = &zone->targets[j];

			if (!is_for_journal(s, target))
				continue;
			is_any = true;
			if (store)
				count_pending(target, zone->id, ops, store);
			if (store && s->reads == SURVEY_LAG)
				tell_lag(target, zone->id, ops, store);
		}
	}
	return is_any;
}

static int look_at_journal(
	struct control_request *r, const struct store_ops *ops, struct store *store)
{
	(void)look_at_page(r->state, ops, store);
	return 0;
}

static void on_page(struct control_request *r)
{
	struct control_survey *s = r->state;

	if (look_at_page(s, NULL, NULL))
		control_read_shortly(r, look_at_journal, s->then);
	else
		s->then(r);
}

void control_survey_ask(struct control_request *r)
{
	struct control_survey *s = r->state;

	view_zones_turn(&s->page, s->page_max);
	control_ask(r, view_zones, NULL, &s->page, on_page);
}

const char *control_zone_state(const struct view_zone *zone)
{
	if (zone->is_failed)
		return "failed";
	if (!zone->is_served)
		return "closed";
	if (zone->is_asked)
		return "asked";
	if (!zone->is_ready)
		return "loading";
	return zone->is_braked ? "braked" : "ready";
}
