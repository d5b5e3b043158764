/*
 * /metrics: the text format of Prometheus, version 0.0.4.
 *
 * Series carry the names of zones and targets, never those of hosts or keys, of which
 * there may be a million.  Only the first CONTROL_SURVEY_PAGE zones have series of their
 * own; the sums count all.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "gateway/clock.h"
#include "gateway/control/control_survey.h"

enum { TEXT_FIRST = 16384, VALUE_MAX = 2 * NAME_TEXT_MAX };

/* ---- text ---- */

static bool make_room(struct control_survey *s, size_t len)
{
	size_t room = s->text_room ? s->text_room : TEXT_FIRST;
	char *longer;

	while (room < s->text_len + len + 1)
		room *= 2;
	if (room == s->text_room)
		return true;
	longer = realloc(s->text, room);
	if (!longer)
		return false;
	s->text = longer;
	s->text_room = room;
	return true;
}

static void say(struct control_survey *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct control_survey *s, const char *format, ...)
{
	va_list arguments, again;
	int len;

	va_start(arguments, format);
	va_copy(again, arguments);
	len = vsnprintf(NULL, 0, format, arguments);
	if (len >= 0 && make_room(s, (size_t)len)) {
		vsnprintf(s->text + s->text_len, (size_t)len + 1, format, again);
		s->text_len += (size_t)len;
	} else {
		s->has_failed = true;
	}
	va_end(again);
	va_end(arguments);
}

static void head(
	struct control_survey *s, const char *name, const char *type, const char *help)
{
	say(s, "# HELP muster_%s %s\n# TYPE muster_%s %s\n", name, help, name, type);
}

static void one(struct control_survey *s, const char *name, const char *type,
	const char *help, double value)
{
	head(s, name, type, help);
	say(s, "muster_%s %.15g\n", name, value);
}

/* A label's value: backslashes and quotes are escaped. */
static const char *escape(const char *text, char buf[VALUE_MAX])
{
	size_t len = 0;

	for (; *text && len + 3 < VALUE_MAX; text++) {
		if (*text == '\\' || *text == '"')
			buf[len++] = '\\';
		buf[len++] = *text;
	}
	buf[len] = '\0';
	return buf;
}

/* ---- zones and targets ---- */

struct zone_metric {
	const char *name, *type, *help;
	double (*value)(const struct control_zone_view *zone);
};

static double value_ready(const struct control_zone_view *z)
{
	return z->is_ready;
}

static double value_failed(const struct control_zone_view *z)
{
	return z->is_failed;
}

static double value_braked(const struct control_zone_view *z)
{
	return z->is_braked;
}

static double value_serial(const struct control_zone_view *z)
{
	return z->serial;
}

static double value_records(const struct control_zone_view *z)
{
	return (double)z->records;
}

static double value_octets(const struct control_zone_view *z)
{
	return (double)z->octets;
}

static double value_leases(const struct control_zone_view *z)
{
	return (double)z->leases;
}

static double value_stale(const struct control_zone_view *z)
{
	return (double)z->stale;
}

static double value_held(const struct control_zone_view *z)
{
	return (double)z->held;
}

static double value_waiting(const struct control_zone_view *z)
{
	return (double)z->waiting;
}

static double value_changes(const struct control_zone_view *z)
{
	return (double)z->counters.updates;
}

static double value_heartbeats(const struct control_zone_view *z)
{
	return (double)z->counters.heartbeats;
}

static double value_refused(const struct control_zone_view *z)
{
	return (double)z->counters.refused;
}

static double value_expired(const struct control_zone_view *z)
{
	return (double)z->counters.expired_records;
}

static double value_expired_hosts(const struct control_zone_view *z)
{
	return (double)z->counters.expired_hosts;
}

static double value_went_stale(const struct control_zone_view *z)
{
	return (double)z->counters.went_stale;
}

static double value_came_back(const struct control_zone_view *z)
{
	return (double)z->counters.came_back;
}

static double value_brakes(const struct control_zone_view *z)
{
	return (double)z->counters.braked;
}

static double value_lease_rows(const struct control_zone_view *z)
{
	return (double)z->counters.lease_rows;
}

static const struct zone_metric zone_metrics[] = {
	{"zone_ready", "gauge", "Whether the zone is loaded.", value_ready},
	{"zone_failed", "gauge",
		"Whether the zone could not be loaded, and is tried again.",
		value_failed},
	{"zone_serial", "gauge", "Serial of the zone's SOA.", value_serial},
	{"zone_records", "gauge", "Records of the zone.", value_records},
	{"zone_octets", "gauge", "Memory of the zone's mirror.", value_octets},
	{"zone_waiting", "gauge", "Updates that wait for the primary target.",
		value_waiting},
	{"leases", "gauge", "Leases.", value_leases},
	{"leases_stale", "gauge", "Leases that missed a heartbeat.", value_stale},
	{"hosts_held", "gauge", "Hosts that are exempt from expiry.", value_held},
	{"expiry_braked", "gauge", "Whether expiry has stopped.", value_braked},
	{"changes_total", "counter", "Accepted updates that changed something.",
		value_changes},
	{"heartbeats_total", "counter", "Accepted updates that changed nothing.",
		value_heartbeats},
	{"refused_total", "counter", "Updates of known keys that were refused.",
		value_refused},
	{"expired_total", "counter", "Records removed since their lease ended.",
		value_expired},
	{"expired_hosts_total", "counter", "Hosts that lost records so.",
		value_expired_hosts},
	{"stale_total", "counter", "Hosts that went stale.", value_went_stale},
	{"back_total", "counter", "Hosts that were stale and are active again.",
		value_came_back},
	{"brakes_total", "counter", "Times that expiry has stopped.", value_brakes},
	{"lease_rows_total", "counter", "Rows of refreshed leases written.",
		value_lease_rows},
};

static double target_up(const struct control_target_view *t)
{
	return !t->look.is_down;
}

static double target_pending(const struct control_target_view *t)
{
	return (double)t->look.pending;
}

static double target_delivered(const struct control_target_view *t)
{
	return (double)t->look.delivered;
}

static double target_failures(const struct control_target_view *t)
{
	return (double)t->look.failures;
}

static double target_rejected(const struct control_target_view *t)
{
	return (double)t->look.rejected;
}

static double target_lag(const struct control_target_view *t)
{
	return (double)t->lag_ms / 1000;
}

static const struct {
	const char *name, *type, *help;
	double (*value)(const struct control_target_view *target);
} target_metrics[] = {
	{"target_up", "gauge", "Whether the target works.", target_up},
	{"target_pending", "gauge", "Changes in memory that it does not have.",
		target_pending},
	{"target_lag_seconds", "gauge", "Age of the first change that it does not have.",
		target_lag},
	{"target_delivered_total", "counter", "Changes that it got.", target_delivered},
	{"target_failures_total", "counter", "Requests to it that failed.",
		target_failures},
	{"target_rejected_total", "counter", "Changes that it refused for good.",
		target_rejected},
};

static void say_zones(struct control_survey *s)
{
	char zone[VALUE_MAX];

	for (size_t m = 0; m < sizeof(zone_metrics) / sizeof(zone_metrics[0]); m++) {
		const struct zone_metric *metric = &zone_metrics[m];

		head(s, metric->name, metric->type, metric->help);
		for (size_t i = 0; i < s->count; i++)
			say(s, "muster_%s{zone=\"%s\"} %.15g\n", metric->name,
				escape(s->views[i].config->text, zone),
				metric->value(&s->views[i]));
	}
}

static void say_targets_of(
	struct control_survey *s, size_t metric, const struct control_zone_view *view)
{
	char zone[VALUE_MAX], target[VALUE_MAX];

	for (size_t j = 0; j < view->target_count; j++)
		say(s, "muster_%s{zone=\"%s\",target=\"%s\"} %.15g\n",
			target_metrics[metric].name, escape(view->config->text, zone),
			escape(view->targets[j].id, target),
			target_metrics[metric].value(&view->targets[j]));
}

static void say_targets(struct control_survey *s)
{
	for (size_t i = 0; i < s->count; i++)
		for (size_t j = 0; j < s->views[i].target_count; j++)
			s->views[i].targets[j].lag_ms =
				control_target_lag_ms(s->question.control, &s->views[i],
					&s->views[i].targets[j]);
	for (size_t m = 0; m < sizeof(target_metrics) / sizeof(target_metrics[0]); m++) {
		head(s, target_metrics[m].name, target_metrics[m].type,
			target_metrics[m].help);
		for (size_t i = 0; i < s->count; i++)
			say_targets_of(s, m, &s->views[i]);
	}
}

/* ---- the gateway ---- */

static void say_answers(struct control_survey *s)
{
	const struct listener_totals totals =
		listeners_totals(s->question.control->listeners);
	char name[VERDICT_NAME_MAX];

	head(s, "updates_total", "counter", "Answers to updates.");
	for (uint16_t i = 0; i < LISTENER_RCODES; i++)
		if (totals.updates[i] || i <= RCODE_NOTZONE)
			say(s, "muster_updates_total{rcode=\"%s\"} %llu\n",
				verdict_rcode_name(i, name),
				(unsigned long long)totals.updates[i]);
	head(s, "tsig_errors_total", "counter", "Requests whose TSIG was refused.");
	say(s, "muster_tsig_errors_total{error=\"BADSIG\"} %llu\n",
		(unsigned long long)totals.badsig);
	say(s, "muster_tsig_errors_total{error=\"BADKEY\"} %llu\n",
		(unsigned long long)totals.badkey);
	say(s, "muster_tsig_errors_total{error=\"BADTIME\"} %llu\n",
		(unsigned long long)totals.badtime);
	say(s, "muster_tsig_errors_total{error=\"BADTRUNC\"} %llu\n",
		(unsigned long long)totals.badtrunc);
	one(s, "queries_total", "counter", "Answers to queries and zone transfers.",
		(double)totals.queries);
	one(s, "notifies_total", "counter", "Answers to NOTIFY.",
		(double)totals.notifies);
	one(s, "replay_hits_total", "counter",
		"Retransmissions and replays answered as before.",
		(double)s->replay_hits);
}

static void say_gateway(struct control_survey *s)
{
	const struct control *c = s->question.control;

	head(s, "build_info", "gauge", "The version.");
	say(s, "muster_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
	one(s, "start_time_seconds", "gauge", "When it was started, since 1970.",
		(double)c->since_s);
	one(s, "keys", "gauge", "TSIG keys.",
		(double)keyring_count(s->question.config->keys));
	one(s, "zones", "gauge", "Zones.", (double)s->sums.zones);
	one(s, "zones_ready", "gauge", "Zones that are loaded.", (double)s->sums.ready);
	one(s, "leases_all", "gauge", "Leases of all zones.", (double)s->sums.leases);
	one(s, "targets_down", "gauge", "Targets that fail.", (double)s->sums.down);
	one(s, "primaries_down", "gauge", "Those of them that are their zone's first.",
		(double)s->sums.primaries_down);
	one(s, "database_up", "gauge", "Whether the last commit succeeded.",
		!s->is_failing);
	one(s, "journal_pending", "gauge", "Operations that wait for the database.",
		(double)s->in_journal);
	one(s, "journal_commits_total", "counter", "Commits to the database.",
		(double)s->journal.commits);
	one(s, "journal_operations_total", "counter", "Operations in them.",
		(double)s->journal.operations);
	one(s, "journal_failures_total", "counter", "Commits that failed.",
		(double)s->journal.failures);
	one(s, "journal_seconds_total", "counter", "Time that commits took.",
		(double)s->journal.busy_us / 1e6);
}

/* The first page, which has all the zones that get series of their own, is said before
 * the others are only counted. */
static bool answer_metrics(struct control_question *q)
{
	struct control_survey *s = (struct control_survey *)(void *)q;

	if (!s->text) {
		say_zones(s);
		say_targets(s);
	}
	if (control_survey_next(s)) {
		control_survey_turn(s);
		return false;
	}
	say_answers(s);
	say_gateway(s);
	if (s->has_failed)
		control_question_fail(q, 503, "out of memory");
	else
		control_answer_text(q->door, q->http, 200, "text/plain; version=0.0.4",
			s->text, s->text_len);
	return true;
}

void control_get_metrics(struct control_request *r)
{
	struct control_survey *s = control_survey_new(r, sizeof(*s), answer_metrics);

	if (s)
		control_ask(&s->question);
}
