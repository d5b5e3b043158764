/*
 * /metrics: the text format of Prometheus, version 0.0.4.
 *
 * Series are labelled with zones and targets, never with hosts or keys, of which there
 * may be a million.  The format wants all series of a metric together, but zones come a
 * page at a time: so each metric collects a text of its own until the end.  At most
 * METRICS_ZONES_MAX zones have series, and muster_zones_without_series counts the others;
 * sums count all zones.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "gateway/base/clock.h"
#include "gateway/control/control_survey.h"

enum {
	METRICS_ZONES_MAX = 5000, /* some 10 MiB of text for as many with a target each */
	TEXT_FIRST = 1024,
	VALUE_MAX = 2 * NAME_TEXT_MAX
};

/* ---- text ---- */

struct text {
	char *octets; /* owned */
	size_t len, room;
	bool has_failed; /* no memory */
};

static bool make_room(struct text *text, size_t len)
{
	size_t room = text->room ? text->room : TEXT_FIRST;
	char *longer;

	while (room < text->len + len + 1)
		room *= 2;
	if (room == text->room)
		return true;
	longer = realloc(text->octets, room);
	if (!longer)
		return false;
	text->octets = longer;
	text->room = room;
	return true;
}

static void say(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct text *text, const char *format, ...)
{
	va_list arguments, again;
	int len;

	va_start(arguments, format);
	va_copy(again, arguments);
	len = vsnprintf(NULL, 0, format, arguments);
	if (len >= 0 && make_room(text, (size_t)len)) {
		vsnprintf(text->octets + text->len, (size_t)len + 1, format, again);
		text->len += (size_t)len;
	} else {
		text->has_failed = true;
	}
	va_end(again);
	va_end(arguments);
}

/* Appends from to text, and empties it. */
static void move(struct text *text, struct text *from)
{
	text->has_failed |= from->has_failed;
	if (from->len && make_room(text, from->len)) {
		memcpy(text->octets + text->len, from->octets, from->len + 1);
		text->len += from->len;
	} else if (from->len) {
		text->has_failed = true;
	}
	free(from->octets);
	*from = (struct text){0};
}

static void head(struct text *text, const char *name, const char *type, const char *help)
{
	say(text, "# HELP muster_%s %s\n# TYPE muster_%s %s\n", name, help, name, type);
}

static void one(struct text *text, const char *name, const char *type, const char *help,
	double value)
{
	head(text, name, type, help);
	say(text, "muster_%s %.15g\n", name, value);
}

/* The value of a label, with backslashes and quotes escaped. */
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
	double (*value)(const struct view_zone *zone);
};

static double value_ready(const struct view_zone *z)
{
	return z->is_ready;
}

static double value_failed(const struct view_zone *z)
{
	return z->is_failed;
}

static double value_braked(const struct view_zone *z)
{
	return z->is_braked;
}

static double value_serial(const struct view_zone *z)
{
	return z->serial;
}

static double value_records(const struct view_zone *z)
{
	return (double)z->records;
}

static double value_octets(const struct view_zone *z)
{
	return (double)z->octets;
}

static double value_leases(const struct view_zone *z)
{
	return (double)z->leases;
}

static double value_stale(const struct view_zone *z)
{
	return (double)z->stale;
}

static double value_held(const struct view_zone *z)
{
	return (double)z->held;
}

static double value_waiting(const struct view_zone *z)
{
	return (double)z->waiting;
}

static double value_changes(const struct view_zone *z)
{
	return (double)z->counters.updates;
}

static double value_heartbeats(const struct view_zone *z)
{
	return (double)z->counters.heartbeats;
}

static double value_refused(const struct view_zone *z)
{
	return (double)z->counters.refused;
}

static double value_expired(const struct view_zone *z)
{
	return (double)z->counters.expired_records;
}

static double value_expired_hosts(const struct view_zone *z)
{
	return (double)z->counters.expired_hosts;
}

static double value_went_stale(const struct view_zone *z)
{
	return (double)z->counters.went_stale;
}

static double value_came_back(const struct view_zone *z)
{
	return (double)z->counters.came_back;
}

static double value_brakes(const struct view_zone *z)
{
	return (double)z->counters.braked;
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
};

static double target_up(const struct view_target *t)
{
	return !t->is_down;
}

static double target_pending(const struct view_target *t)
{
	return (double)t->pending;
}

static double target_delivered(const struct view_target *t)
{
	return (double)t->delivered;
}

static double target_failures(const struct view_target *t)
{
	return (double)t->failures;
}

static double target_rejected(const struct view_target *t)
{
	return (double)t->rejected;
}

static double target_lag(const struct view_target *t)
{
	return (double)t->lag_ms / 1000;
}

static const struct {
	const char *name, *type, *help;
	double (*value)(const struct view_target *target);
} target_metrics[] = {
	{"target_up", "gauge", "Whether the target works.", target_up},
	{"target_pending", "gauge", "Changes that it does not have.", target_pending},
	{"target_lag_seconds", "gauge", "Age of the first change that it does not have.",
		target_lag},
	{"target_delivered_total", "counter", "Changes that it got.", target_delivered},
	{"target_failures_total", "counter", "Requests to it that failed.",
		target_failures},
	{"target_rejected_total", "counter", "Changes that it refused for good.",
		target_rejected},
};

enum {
	ZONE_METRICS = sizeof(zone_metrics) / sizeof(zone_metrics[0]),
	TARGET_METRICS = sizeof(target_metrics) / sizeof(target_metrics[0]),
};

struct metrics {
	struct control_survey survey;                             /* first */
	struct text zones[ZONE_METRICS], targets[TARGET_METRICS]; /* by metric */
	struct text all;
	size_t series; /* zones that have series */
};

static void say_zone(struct metrics *m, const struct view_zone *view)
{
	char zone[VALUE_MAX];

	escape(view->config->text, zone);
	for (size_t i = 0; i < ZONE_METRICS; i++)
		say(&m->zones[i], "muster_%s{zone=\"%s\"} %.15g\n", zone_metrics[i].name,
			zone, zone_metrics[i].value(view));
}

static void say_target(
	struct metrics *m, const struct view_zone *view, const struct view_target *target)
{
	char zone[VALUE_MAX], id[VALUE_MAX];

	escape(view->config->text, zone);
	escape(target->id, id);
	for (size_t i = 0; i < TARGET_METRICS; i++)
		say(&m->targets[i], "muster_%s{zone=\"%s\",target=\"%s\"} %.15g\n",
			target_metrics[i].name, zone, id,
			target_metrics[i].value(target));
}

static void say_page(struct metrics *m)
{
	const struct control_survey *s = &m->survey;

	for (size_t i = 0; i < s->page.count && m->series < METRICS_ZONES_MAX; i++) {
		m->series++;
		say_zone(m, &s->page.zones[i]);
		for (size_t j = 0; j < s->page.zones[i].target_count; j++)
			say_target(m, &s->page.zones[i], &s->page.zones[i].targets[j]);
	}
}

/* Puts the texts of all metrics one after the other. */
static void gather(struct metrics *m)
{
	for (size_t i = 0; i < ZONE_METRICS; i++) {
		head(&m->all, zone_metrics[i].name, zone_metrics[i].type,
			zone_metrics[i].help);
		move(&m->all, &m->zones[i]);
	}
	for (size_t i = 0; i < TARGET_METRICS; i++) {
		head(&m->all, target_metrics[i].name, target_metrics[i].type,
			target_metrics[i].help);
		move(&m->all, &m->targets[i]);
	}
}

/* ---- the gateway ---- */

static void say_answers(struct metrics *m)
{
	const struct control_survey *s = &m->survey;
	struct text *text = &m->all;
	const struct listener_totals totals =
		listeners_totals(s->question.control->listeners);
	char name[VERDICT_NAME_MAX];

	head(text, "updates_total", "counter", "Answers to updates.");
	for (uint16_t i = 0; i < LISTENER_RCODES; i++)
		if (totals.updates[i] || i <= RCODE_NOTZONE)
			say(text, "muster_updates_total{rcode=\"%s\"} %llu\n",
				verdict_rcode_name(i, name),
				(unsigned long long)totals.updates[i]);
	head(text, "tsig_errors_total", "counter", "Requests whose TSIG was refused.");
	say(text, "muster_tsig_errors_total{error=\"BADSIG\"} %llu\n",
		(unsigned long long)totals.badsig);
	say(text, "muster_tsig_errors_total{error=\"BADKEY\"} %llu\n",
		(unsigned long long)totals.badkey);
	say(text, "muster_tsig_errors_total{error=\"BADTIME\"} %llu\n",
		(unsigned long long)totals.badtime);
	say(text, "muster_tsig_errors_total{error=\"BADTRUNC\"} %llu\n",
		(unsigned long long)totals.badtrunc);
	one(text, "queries_total", "counter", "Answers to queries and zone transfers.",
		(double)totals.queries);
	one(text, "notifies_total", "counter", "Answers to NOTIFY.",
		(double)totals.notifies);
	one(text, "replay_hits_total", "counter",
		"Retransmissions and replays answered as before.",
		(double)s->page.totals.replay_hits);
}

static void say_gateway(struct metrics *m)
{
	const struct control_survey *s = &m->survey;
	struct text *text = &m->all;
	const struct control *c = s->question.control;

	head(text, "build_info", "gauge", "The version.");
	say(text, "muster_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
	one(text, "start_time_seconds", "gauge", "When it was started, since 1970.",
		(double)c->since_s);
	one(text, "keys", "gauge", "TSIG keys.",
		(double)keyring_count(s->question.config->keys));
	one(text, "zones", "gauge", "Zones.", (double)s->sums.zones);
	one(text, "zones_without_series", "gauge",
		"Zones that are too many to have series of their own.",
		(double)(s->sums.zones - m->series));
	one(text, "zones_ready", "gauge", "Zones that are loaded.",
		(double)s->sums.ready);
	one(text, "leases_all", "gauge", "Leases of all zones.", (double)s->sums.leases);
	one(text, "targets_down", "gauge", "Targets that fail.", (double)s->sums.down);
	one(text, "primaries_down", "gauge", "Those of them that are their zone's first.",
		(double)s->sums.primaries_down);
	one(text, "database_up", "gauge", "Whether the last commit succeeded.",
		!s->page.totals.is_failing);
	one(text, "journal_pending", "gauge", "Operations that wait for the database.",
		(double)s->page.totals.in_journal);
	one(text, "journal_commits_total", "counter", "Commits to the database.",
		(double)s->page.totals.journal.commits);
	one(text, "journal_operations_total", "counter", "Operations in them.",
		(double)s->page.totals.journal.operations);
	one(text, "journal_failures_total", "counter", "Commits that failed.",
		(double)s->page.totals.journal.failures);
	one(text, "journal_seconds_total", "counter", "Time that commits took.",
		(double)s->page.totals.journal.busy_us / 1e6);
}

static bool answer_metrics(struct control_question *q)
{
	struct metrics *m = (struct metrics *)(void *)q;

	say_page(m);
	if (control_survey_next(&m->survey)) {
		control_survey_ask(&m->survey);
		return false;
	}
	gather(m);
	say_answers(m);
	say_gateway(m);
	if (m->survey.has_failed || m->all.has_failed)
		control_question_fail(q, 503, "out of memory");
	else
		control_answer_text(q->door, q->http, 200, "text/plain; version=0.0.4",
			m->all.octets, m->all.len);
	return true;
}

static void clear_metrics(struct control_question *q)
{
	struct metrics *m = (struct metrics *)(void *)q;

	for (size_t i = 0; i < ZONE_METRICS; i++)
		free(m->zones[i].octets);
	for (size_t i = 0; i < TARGET_METRICS; i++)
		free(m->targets[i].octets);
	free(m->all.octets);
	control_survey_clear(q);
}

void control_get_metrics(struct control_request *r)
{
	struct metrics *m = (struct metrics *)(void *)control_survey_new(
		r, sizeof(*m), SURVEY_LAG, answer_metrics);

	if (!m)
		return;
	m->survey.question.clear = clear_metrics;
	control_survey_ask(&m->survey);
}
