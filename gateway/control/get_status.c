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

static void warn(struct control_request *r, json_t *text)
{
	if (json_array_size(r->list) < WARNINGS_MAX)
		control_add(r, r->list, text);
	else
		json_decref(text);
}

static void warn_of_target(
	struct control_request *r, const char *zone, const struct view_target *target)
{
	const size_t *left = target->synced.left;

	if (target->is_down || target->trouble)
		warn(r,
			json_sprintf("zone %s: target %s%s: %s (%s: %s)", zone,
				target->id, target->is_down ? " fails" : "", target->why,
				target_trouble_name(target->trouble),
				target_trouble_advice(target->trouble)));
	else if (target->place)
		warn(r,
			json_sprintf("zone %s: target %s is reached at %s, not at its "
				     "first address",
				zone, target->id, target->place));
	if (target->is_compared && reconcile_count(left))
		warn(r,
			json_sprintf(
				"zone %s: target %s differs from the zone: %zu %s "
				"missing, %zu foreign, %zu different; musterctl sync "
				"--dry-run shows them",
				zone, target->id, left[DRIFT_MISSING],
				PLURAL(left[DRIFT_MISSING], "record"),
				left[DRIFT_FOREIGN], left[DRIFT_DIFFERENT]));
}

static void warn_of_zone(struct control_request *r, const struct view_zone *zone)
{
	const char *name = zone->config->text;

	if (!zone->is_ready)
		warn(r, json_sprintf("zone %s: %s", name, zone->why));
	if (zone->is_braked)
		warn(r,
			json_sprintf("zone %s: expiry has stopped: too much would expire "
				     "at once",
				name));
	if (zone->unleased)
		warn(r,
			json_sprintf("zone %s: %zu %s without a lease: the database did "
				     "not know the zone; musterctl adopt gives them one",
				name, zone->unleased, PLURAL(zone->unleased, "record")));
	if (zone->set_aside)
		warn(r,
			json_sprintf("zone %s: %zu %s refused by a target and set aside: "
				     "see musterctl queue",
				name, zone->set_aside,
				zone->set_aside == 1 ? "change was" : "changes were"));
	for (size_t i = 0; i < zone->target_count; i++)
		warn_of_target(r, name, &zone->targets[i]);
}

static void warn_of_database(struct control_request *r, const struct view_totals *totals)
{
	if (totals->is_failing)
		warn(r,
			json_sprintf("the database fails, updates are refused: %s",
				totals->database_error));
	if (totals->is_older)
		warn(r,
			json_string("the database was older at the start than what it "
				    "had acknowledged: see the log"));
}

/* True: there is another page. */
static bool take_page(struct control_request *r)
{
	const struct control_survey *s = r->state;

	for (size_t i = 0; i < s->page.count; i++)
		warn_of_zone(r, &s->page.zones[i]);
	if (control_survey_next(r))
		return true;
	warn_of_database(r, &s->page.totals);
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
	return sums->down || sums->flawed || s->page.totals.is_older ? DEGRADED : HEALTHY;
}

/* ---- /health ---- */

static void answer_health(struct control_request *r)
{
	enum health health;

	if (take_page(r))
		return;
	health = health_of(r->state);
	control_done_with(r, health == UNHEALTHY ? 503 : 200,
		json_pack("{s:b, s:s, s:O}", "healthy", health != UNHEALTHY, "state",
			health_names[health], "reasons", r->list));
}

void control_get_health(struct control_request *r)
{
	if (control_survey_new(r, sizeof(struct control_survey), SURVEY_NOTHING,
		    answer_health, control_survey_clear))
		control_survey_ask(r);
}

/* ---- /status ---- */

struct status {
	struct control_survey survey; /* first */
	json_t *zones; /* counted; those of the first page: enough for a dashboard */
};

static json_t *sums_to_json(const struct control_sums *sums)
{
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"zones", (json_int_t)sums->zones, "ready", (json_int_t)sums->ready,
		"braked", (json_int_t)sums->braked, "records", (json_int_t)sums->records,
		"leases", (json_int_t)sums->leases, "stale", (json_int_t)sums->stale,
		"held", (json_int_t)sums->held, "waiting", (json_int_t)sums->waiting,
		"targets", (json_int_t)sums->targets, "targets_down",
		(json_int_t)sums->down, "primaries_down",
		(json_int_t)sums->primaries_down, "pending", (json_int_t)sums->pending,
		"set_aside", (json_int_t)sums->set_aside);
}

static json_t *database_to_json(const struct view_totals *totals)
{
	return json_pack("{s:s, s:s?, s:I, s:I, s:I, s:I, s:I}", "state",
		totals->is_failing ? "failing" : "ok", "why",
		totals->is_failing ? totals->database_error : NULL, "in_journal",
		(json_int_t)totals->in_journal, "last_seq", (json_int_t)totals->last_seq,
		"commits", (json_int_t)totals->journal.commits, "operations",
		(json_int_t)totals->journal.operations, "failures",
		(json_int_t)totals->journal.failures);
}

static json_t *updates_to_json(struct control_request *r)
{
	const struct listener_totals totals = listeners_totals(r->control->listeners);
	char name[VERDICT_NAME_MAX];
	json_t *object = json_object();

	for (uint16_t i = 0; i < LISTENER_RCODES; i++)
		if (totals.updates[i])
			control_set(r, object, verdict_rcode_name(i, name),
				json_integer((json_int_t)totals.updates[i]));
	return object;
}

static json_t *status_to_json(struct control_request *r)
{
	const struct status *status = r->state;
	const struct control_survey *s = &status->survey;
	const struct control *c = r->control;
	json_t *value = json_pack("{s:s, s:s, s:i, s:o, s:I, s:I, s:o, s:o, s:o, s:O}",
		"version", PACKAGE_VERSION, "health", health_names[health_of(s)], "pid",
		(int)getpid(), "since", control_json_time(c->since_s * 1000), "uptime_s",
		(json_int_t)(clock_real_ms() / 1000 - c->since_s), "keys",
		(json_int_t)keyring_count(r->config->keys), "counts",
		sums_to_json(&s->sums), "database", database_to_json(&s->page.totals),
		"updates", updates_to_json(r), "warnings", r->list);

	/* Where files are is nobody's business but the administrator's. */
	if (r->door->is_private)
		control_set(r, value, "config", json_string(c->config_path));
	control_set(r, value, "zones", json_incref(status->zones));
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

static void answer_status(struct control_request *r)
{
	struct status *status = r->state;
	const struct view_zones *page = &status->survey.page;

	if (!status->zones) {
		status->zones = json_array();
		for (size_t i = 0; i < page->count; i++)
			control_add(r, status->zones, zone_line(&page->zones[i]));
	}
	if (!take_page(r))
		control_done(r, status_to_json(r));
}

static void clear_status(void *state)
{
	json_decref(((struct status *)state)->zones);
	control_survey_clear(state);
}

void control_get_status(struct control_request *r)
{
	if (control_survey_new(r, sizeof(struct status), SURVEY_PENDING, answer_status,
		    clear_status))
		control_survey_ask(r);
}
