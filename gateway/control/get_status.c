/*
 * /status and /health: the gateway as a whole.  Both name zones, which DNS does too, but
 * neither hosts nor keys.
 */
#include <unistd.h>

#include "build.h"
#include "gateway/base/clock.h"
#include "gateway/control/control_survey.h"
#include "tsig/plural.h"

enum { WARNINGS_MAX = 100 }; /* what is more is told as a number */

/* ---- what is wrong ---- */

static bool warn(struct control_survey *s, json_t *text)
{
	if (json_array_size(s->list) >= WARNINGS_MAX) {
		json_decref(text);
		return true;
	}
	return control_json_add(s->list, text);
}

static bool warn_of_targets(struct control_survey *s, const struct view_zone *zone)
{
	bool is_whole = true;

	for (size_t i = 0; is_whole && i < zone->target_count; i++) {
		const struct view_target *target = &zone->targets[i];

		if (target->is_down)
			is_whole = warn(s,
				json_sprintf("zone %s: target %s fails: %s",
					zone->config->text, target->id, target->why));
	}
	return is_whole;
}

static bool warn_of_zone(struct control_survey *s, const struct view_zone *zone)
{
	bool is_whole = true;

	if (!zone->is_ready)
		is_whole = warn(
			s, json_sprintf("zone %s: %s", zone->config->text, zone->why));
	if (is_whole && zone->is_braked)
		is_whole = warn(s,
			json_sprintf("zone %s: expiry has stopped: too much "
				     "would expire at once",
				zone->config->text));
	if (is_whole && zone->unleased)
		is_whole = warn(s,
			json_sprintf("zone %s: %zu %s without a lease: the database did "
				     "not know the zone; musterctl adopt gives them one",
				zone->config->text, zone->unleased,
				PLURAL(zone->unleased, "record")));
	return is_whole && warn_of_targets(s, zone);
}

static bool warn_of_database(struct control_survey *s)
{
	bool is_whole = true;

	if (s->page.totals.is_failing)
		is_whole = warn(s,
			json_sprintf("the database fails, updates are refused: %s",
				s->page.totals.database_error));
	if (is_whole && s->page.totals.is_older)
		is_whole = warn(s,
			json_string("the database was older at the start than what it "
				    "had acknowledged: see the log"));
	return is_whole;
}

/* True: there is another page. */
static bool take_page(struct control_survey *s)
{
	for (size_t i = 0; i < s->page.count; i++)
		if (!warn_of_zone(s, &s->page.zones[i]))
			s->has_failed = true;
	if (control_survey_next(s)) {
		control_survey_ask(s);
		return true;
	}
	if (!warn_of_database(s))
		s->has_failed = true;
	return false;
}

enum health { HEALTHY, DEGRADED, UNHEALTHY };

static const char *const health_names[] = {"healthy", "degraded", "unhealthy"};

/* What only a person, or the end of what is wrong, can mend is unhealthy: updates that
 * are refused or do not get to where the zone lives, hosts that do not expire. */
static enum health health_of(const struct control_survey *s)
{
	const struct control_sums *sums = &s->sums;

	if (s->page.totals.is_failing || sums->ready < sums->zones ||
		sums->primaries_down || sums->braked)
		return UNHEALTHY;
	return sums->down || s->page.totals.is_older ? DEGRADED : HEALTHY;
}

/* ---- /health ---- */

static bool answer_health(struct control_question *q)
{
	struct control_survey *s = (struct control_survey *)(void *)q;
	enum health health;
	json_t *value;

	if (take_page(s))
		return false;
	health = health_of(s);
	value = s->has_failed
		? NULL
		: json_pack("{s:b, s:s, s:O}", "healthy", health != UNHEALTHY, "state",
			  health_names[health], "reasons", s->list);
	control_answer_json(q->door, q->http, health == UNHEALTHY ? 503 : 200, value);
	return true;
}

void control_get_health(struct control_request *r)
{
	struct control_survey *s =
		control_survey_new(r, sizeof(*s), SURVEY_NOTHING, answer_health);

	if (s)
		control_survey_ask(s);
}

/* ---- /status ---- */

static json_t *sums_to_json(const struct control_sums *sums)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"zones", (json_int_t)sums->zones, "ready", (json_int_t)sums->ready,
		"braked", (json_int_t)sums->braked, "records", (json_int_t)sums->records,
		"leases", (json_int_t)sums->leases, "stale", (json_int_t)sums->stale,
		"held", (json_int_t)sums->held, "waiting", (json_int_t)sums->waiting,
		"targets", (json_int_t)sums->targets, "targets_down",
		(json_int_t)sums->down, "primaries_down",
		(json_int_t)sums->primaries_down, "pending", (json_int_t)sums->pending);
}

static json_t *database_to_json(const struct control_survey *s)
{
	return json_pack("{s:s, s:s?, s:I, s:I, s:I, s:I, s:I}", "state",
		s->page.totals.is_failing ? "failing" : "ok", "why",
		s->page.totals.is_failing ? s->page.totals.database_error : NULL,
		"in_journal", (json_int_t)s->page.totals.in_journal, "last_seq",
		(json_int_t)s->page.totals.last_seq, "commits",
		(json_int_t)s->page.totals.journal.commits, "operations",
		(json_int_t)s->page.totals.journal.operations, "failures",
		(json_int_t)s->page.totals.journal.failures);
}

static json_t *updates_to_json(const struct control *c)
{
	const struct listener_totals totals = listeners_totals(c->listeners);
	char name[VERDICT_NAME_MAX];
	json_t *object = json_object();

	for (uint16_t i = 0; object && i < LISTENER_RCODES; i++) {
		if (!totals.updates[i] ||
			control_json_set(object, verdict_rcode_name(i, name),
				json_integer((json_int_t)totals.updates[i])))
			continue;
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *status_to_json(const struct control_survey *s)
{
	const struct control *c = s->question.control;
	json_t *value = json_pack("{s:s, s:s, s:i, s:o, s:I, s:I, s:o, s:o, s:o, s:O}",
		"version", PACKAGE_VERSION, "health", health_names[health_of(s)], "pid",
		(int)getpid(), "since", control_json_time(c->since_s * 1000), "uptime_s",
		(json_int_t)(clock_real_ms() / 1000 - c->since_s), "keys",
		(json_int_t)keyring_count(s->question.config->keys), "counts",
		sums_to_json(&s->sums), "database", database_to_json(s), "updates",
		updates_to_json(c), "warnings", s->list);

	/* Where files are is nobody's business but the administrator's. */
	if (value && s->question.door->is_private &&
		!control_json_set(value, "config", json_string(c->config_path))) {
		json_decref(value);
		return NULL;
	}
	return value;
}

static json_t *zone_line(const struct view_zone *zone)
{
	size_t down = 0, pending = 0;

	for (size_t i = 0; i < zone->target_count; i++) {
		down += zone->targets[i].is_down;
		pending += zone->targets[i].pending;
	}
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "zone",
		zone->config->text, "state", control_zone_state(zone), "serial",
		(json_int_t)zone->serial, "records", (json_int_t)zone->records, "leases",
		(json_int_t)zone->leases, "stale", (json_int_t)zone->stale, "held",
		(json_int_t)zone->held, "targets", (json_int_t)zone->target_count,
		"targets_down", (json_int_t)down, "pending", (json_int_t)pending);
}

/* Of the first page: enough for a dashboard. */
static json_t *zone_lines(const struct control_survey *s)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < s->page.count; i++) {
		if (control_json_add(list, zone_line(&s->page.zones[i])))
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

static bool answer_status(struct control_question *q)
{
	struct control_survey *s = (struct control_survey *)(void *)q;
	json_t *value = NULL;

	if (!s->first_page)
		s->first_page = zone_lines(s);
	if (!s->first_page)
		s->has_failed = true;
	if (take_page(s))
		return false;
	if (!s->has_failed)
		value = status_to_json(s);
	if (value && json_object_set(value, "zones", s->first_page)) {
		json_decref(value);
		value = NULL;
	}
	control_question_done(q, value);
	return true;
}

void control_get_status(struct control_request *r)
{
	struct control_survey *s =
		control_survey_new(r, sizeof(*s), SURVEY_PENDING, answer_status);

	if (s)
		control_survey_ask(s);
}
