/*
 * /metrics: the text format of Prometheus, version 0.0.4.
 *
 * Series are labelled with zones and targets, never with hosts or keys, of which there
 * may be a million.  The format wants all series of a metric together, but zones come a
 * page at a time: so each metric collects a text of its own until the end.  At most
 * METRICS_ZONES_MAX zones have series, of which METRICS_HISTOGRAMS_MAX have histograms,
 * and muster_zones_without_series counts the others;
 * sums count all zones.
 */
#include <stdio.h>
#include <string.h>

#include "build.h"
#include "gateway/control/control_survey.h"
#include "gateway/target/powerdns_server.h"

enum {
	METRICS_ZONES_MAX = 5000, /* some 10 MiB of text for as many with a target each */
	METRICS_HISTOGRAMS_MAX = 1000, /* zones: some 3 MiB of text */
	METRICS_MAX = 48,              /* of a zone and a target together */
	VALUE_MAX = 2 * NAME_TEXT_MAX,
	LABELS_MAX = 2 * VALUE_MAX + 32,
};

struct metrics {
	struct control_survey survey;        /* first */
	struct evbuffer *texts[METRICS_MAX]; /* of metrics with labels, in their order */
	struct evbuffer *all;                /* NULL: it has been sent */
	size_t series;                       /* zones that have series */
};

/* ---- text ---- */

static void head(struct control_request *r, struct evbuffer *text, const char *name,
	const char *type, const char *help)
{
	r->has_failed |= !text ||
		evbuffer_add_printf(text, "# HELP muster_%s %s\n# TYPE muster_%s %s\n",
			name, help, name, type) < 0;
}

static void line(struct control_request *r, struct evbuffer *text, const char *name,
	const char *labels, double value)
{
	r->has_failed |= !text ||
		evbuffer_add_printf(text, "muster_%s%s %.15g\n", name, labels, value) < 0;
}

static void one(struct control_request *r, const char *name, const char *type,
	const char *help, double value)
{
	const struct metrics *m = r->state;

	head(r, m->all, name, type, help);
	line(r, m->all, name, "", value);
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

/* Says the metrics of something one after the other. */
struct saying {
	struct control_request *r;
	struct evbuffer **text; /* of the next metric */
	const char *labels; /* NULL: what the metrics are is said, instead of values */
	bool has_histograms;
};

static void say(struct saying *to, const char *name, const char *type, const char *help,
	double value)
{
	if (to->labels)
		line(to->r, *to->text++, name, to->labels, value);
	else
		head(to->r, *to->text++ = evbuffer_new(), name, type, help);
}

static void say_zone(struct saying *to, const struct view_zone *z)
{
	const struct view_counters *n = &z->counters;

	say(to, "zone_ready", "gauge", "Whether the zone is loaded.", z->is_ready);
	say(to, "zone_failed", "gauge",
		"Whether the zone could not be loaded, and is tried again.",
		z->is_failed);
	say(to, "zone_serial", "gauge", "Serial of the zone's SOA.", z->serial);
	say(to, "zone_records", "gauge", "Records of the zone.", (double)z->records);
	say(to, "zone_octets", "gauge", "Memory of the zone's mirror.",
		(double)z->octets);
	say(to, "zone_waiting", "gauge", "Updates that wait for the primary target.",
		(double)z->waiting);
	say(to, "zone_set_aside", "gauge",
		"Changes that targets have refused, and nobody has dropped.",
		(double)z->set_aside);
	say(to, "leases", "gauge", "Leases.", (double)z->leases);
	say(to, "leases_stale", "gauge", "Leases that missed a heartbeat.",
		(double)z->stale);
	say(to, "hosts_held", "gauge", "Hosts that are exempt from expiry.",
		(double)z->held);
	say(to, "expiry_braked", "gauge", "Whether expiry has stopped.", z->is_braked);
	say(to, "zone_asked", "gauge",
		"Whether a person has to decide what the primary target should have.",
		z->is_asked);
	say(to, "changes_total", "counter", "Accepted updates that changed something.",
		(double)n->updates);
	say(to, "heartbeats_total", "counter", "Accepted updates that changed nothing.",
		(double)n->heartbeats);
	say(to, "refused_total", "counter", "Updates of known keys that were refused.",
		(double)n->refused);
	say(to, "expired_total", "counter", "Records removed since their lease ended.",
		(double)n->expired_records);
	say(to, "expired_hosts_total", "counter", "Hosts that lost records so.",
		(double)n->expired_hosts);
	say(to, "stale_total", "counter", "Hosts that went stale.",
		(double)n->went_stale);
	say(to, "back_total", "counter", "Hosts that were stale and are active again.",
		(double)n->came_back);
	say(to, "brakes_total", "counter", "Times that expiry has stopped.",
		(double)n->braked);
	say(to, "asked_total", "counter", "Times that a person had to decide so.",
		(double)n->asked);
}

/* The labels of a series, with one more; the text of the next metric is not this one. */
static void say_more(struct saying *to, const char *name, const char *label,
	const char *value, double number)
{
	char labels[LABELS_MAX + 64];

	snprintf(labels, sizeof(labels), "%.*s,%s=\"%s\"}", (int)strlen(to->labels) - 1,
		to->labels, label, value);
	line(to->r, *to->text, name, labels, number);
}

/* There is a series only for a target with which something is wrong. */
static void say_trouble(struct saying *to, const struct view_target *t)
{
	static const char name[] = "target_trouble";

	if (!to->labels)
		head(to->r, *to->text = evbuffer_new(), name, "gauge",
			"What is wrong with a target.");
	else if (t->trouble)
		say_more(to, name, "trouble", target_trouble_name(t->trouble), 1);
	to->text++;
}

struct histogram {
	const char *name, *suffixed[3]; /* name, with _bucket, _sum and _count */
	const char *help;
	const uint64_t *counts; /* one more than bounds */
	const unsigned *bounds;
	size_t bound_count;
	double unit, sum;
};

static void say_histogram(struct saying *to, const struct histogram *h)
{
	uint64_t count = 0;
	char le[32];

	if (!to->labels) {
		head(to->r, *to->text++ = evbuffer_new(), h->name, "histogram", h->help);
		return;
	}
	for (size_t i = 0; to->has_histograms && i < h->bound_count; i++) {
		count += h->counts[i];
		snprintf(le, sizeof(le), "%.15g", h->bounds[i] * h->unit);
		say_more(to, h->suffixed[0], "le", le, (double)count);
	}
	count += h->counts[h->bound_count];
	if (to->has_histograms) {
		say_more(to, h->suffixed[0], "le", "+Inf", (double)count);
		line(to->r, *to->text, h->suffixed[1], to->labels, h->sum);
		line(to->r, *to->text, h->suffixed[2], to->labels, (double)count);
	}
	to->text++;
}

static void say_batches(struct saying *to, const struct target_counts *n)
{
	say(to, "target_requests_total", "counter",
		"Batches sent to it, again or for the first time.", (double)n->requests);
	say(to, "target_merged_total", "counter",
		"Changes of RRsets that needed not be sent, since a later one in the "
		"same "
		"batch took their place.",
		(double)n->merged);
	say_histogram(to,
		&(struct histogram){
			.name = "target_batch_rrsets",
			.suffixed = {"target_batch_rrsets_bucket",
				"target_batch_rrsets_sum", "target_batch_rrsets_count"},
			.help = "RRsets of the batches that it has taken.",
			.counts = n->sizes,
			.bounds = target_size_bounds,
			.bound_count = TARGET_SIZE_BOUNDS,
			.unit = 1,
			.sum = (double)n->rrsets,
		});
	say_histogram(to,
		&(struct histogram){
			.name = "target_batch_seconds",
			.suffixed = {"target_batch_seconds_bucket",
				"target_batch_seconds_sum", "target_batch_seconds_count"},
			.help = "Time that it took for them.",
			.counts = n->times,
			.bounds = target_time_bounds_ms,
			.bound_count = TARGET_TIME_BOUNDS,
			.unit = 0.001,
			.sum = (double)n->time_ms / 1000,
		});
}

static void say_target(struct saying *to, const struct view_target *t)
{
	say(to, "target_up", "gauge", "Whether the target works.", !t->is_down);
	say(to, "target_pending", "gauge", "Changes that it does not have.",
		(double)t->pending);
	say(to, "target_lag_seconds", "gauge",
		"Age of the first change that it does not have.",
		(double)t->lag_ms / 1000);
	say(to, "target_delivered_total", "counter", "Changes that it got.",
		(double)t->delivered);
	say(to, "target_failures_total", "counter", "Requests to it that failed.",
		(double)t->failures);
	say(to, "target_drift_missing", "gauge",
		"Records of the zone that it lacked when it was last compared.",
		(double)t->synced.left[DRIFT_MISSING]);
	say(to, "target_drift_foreign", "gauge",
		"Records that only it had when it was last compared.",
		(double)t->synced.left[DRIFT_FOREIGN]);
	say(to, "target_drift_different", "gauge",
		"Records with another TTL or other data when it was last compared.",
		(double)t->synced.left[DRIFT_DIFFERENT]);
	say(to, "target_compared_seconds", "gauge",
		"When it was last compared with the zone, since 1970; 0: never.",
		(double)t->synced.at_s);
	say(to, "target_rejected_total", "counter", "Changes that it refused for good.",
		(double)t->rejected);
	say_trouble(to, t);
	say_batches(to, &t->counts);
}

static void say_series(struct control_request *r, const struct view_zone *view)
{
	struct metrics *m = r->state;
	char zone[VALUE_MAX], id[VALUE_MAX], labels[LABELS_MAX];
	struct saying to = {.r = r,
		.text = m->texts,
		.labels = labels,
		.has_histograms = m->series <= METRICS_HISTOGRAMS_MAX};
	struct evbuffer **targets;

	escape(view->config->text, zone);
	snprintf(labels, sizeof(labels), "{zone=\"%s\"}", zone);
	say_zone(&to, view);
	targets = to.text;
	for (size_t i = 0; i < view->target_count; i++) {
		to.text = targets;
		escape(view->targets[i].id, id);
		snprintf(labels, sizeof(labels), "{zone=\"%s\",target=\"%s\"}", zone, id);
		say_target(&to, &view->targets[i]);
	}
}

/* Puts the texts of all metrics one after the other. */
static void gather(struct metrics *m)
{
	for (size_t i = 0; i < METRICS_MAX && m->texts[i]; i++)
		(void)evbuffer_add_buffer(m->all, m->texts[i]);
}

/* ---- the gateway ---- */

static void say_answers(struct control_request *r)
{
	const struct metrics *m = r->state;
	const struct listener_totals totals = listeners_totals(r->control->listeners);
	char name[VERDICT_NAME_MAX], labels[VERDICT_NAME_MAX + 16];

	head(r, m->all, "updates_total", "counter", "Answers to updates.");
	for (uint16_t i = 0; i < LISTENER_RCODES; i++) {
		if (!totals.updates[i] && i > RCODE_NOTZONE)
			continue;
		snprintf(labels, sizeof(labels), "{rcode=\"%s\"}",
			verdict_rcode_name(i, name));
		line(r, m->all, "updates_total", labels, (double)totals.updates[i]);
	}
	head(r, m->all, "tsig_errors_total", "counter",
		"Requests whose TSIG was refused.");
	line(r, m->all, "tsig_errors_total", "{error=\"BADSIG\"}", (double)totals.badsig);
	line(r, m->all, "tsig_errors_total", "{error=\"BADKEY\"}", (double)totals.badkey);
	line(r, m->all, "tsig_errors_total", "{error=\"BADTIME\"}",
		(double)totals.badtime);
	line(r, m->all, "tsig_errors_total", "{error=\"BADTRUNC\"}",
		(double)totals.badtrunc);
	one(r, "queries_total", "counter", "Answers to queries and zone transfers.",
		(double)totals.queries);
	one(r, "notifies_total", "counter", "Answers to NOTIFY.",
		(double)totals.notifies);
	one(r, "replay_hits_total", "counter",
		"Retransmissions and replays answered as before.",
		(double)m->survey.page.totals.replay_hits);
}

static void say_troubles(struct control_request *r, const struct control_sums *sums)
{
	const struct metrics *m = r->state;
	char labels[64];

	head(r, m->all, "targets_in_trouble", "gauge", "Targets with each trouble.");
	for (enum target_trouble i = 1; i < TARGET_TROUBLES; i++) {
		snprintf(labels, sizeof(labels), "{trouble=\"%s\"}",
			target_trouble_name(i));
		line(r, m->all, "targets_in_trouble", labels, (double)sums->troubles[i]);
	}
}

static void say_gateway(struct control_request *r)
{
	const struct metrics *m = r->state;
	const struct control_sums *sums = &m->survey.sums;
	const struct view_totals *totals = &m->survey.page.totals;

	head(r, m->all, "build_info", "gauge", "The version.");
	line(r, m->all, "build_info", "{version=\"" PACKAGE_VERSION "\"}", 1);
	one(r, "start_time_seconds", "gauge", "When it was started, since 1970.",
		(double)r->control->since_s);
	one(r, "keys", "gauge", "TSIG keys.", (double)keyring_count(r->config->keys));
	one(r, "zones", "gauge", "Zones.", (double)sums->zones);
	one(r, "zones_without_series", "gauge",
		"Zones that are too many to have series of their own.",
		(double)(sums->zones - m->series));
	one(r, "zones_ready", "gauge", "Zones that are loaded.", (double)sums->ready);
	one(r, "leases_all", "gauge", "Leases of all zones.", (double)sums->leases);
	one(r, "targets_down", "gauge", "Targets that fail.", (double)sums->down);
	one(r, "primaries_down", "gauge", "Those of them that are their zone's first.",
		(double)sums->primaries_down);
	say_troubles(r, sums);
	one(r, "database_up", "gauge", "Whether the last commit succeeded.",
		!totals->is_failing);
	one(r, "journal_pending", "gauge", "Operations that wait for the database.",
		(double)totals->in_journal);
	one(r, "journal_commits_total", "counter", "Commits to the database.",
		(double)totals->journal.commits);
	one(r, "journal_operations_total", "counter", "Operations in them.",
		(double)totals->journal.operations);
	one(r, "journal_failures_total", "counter", "Commits that failed.",
		(double)totals->journal.failures);
	one(r, "journal_seconds_total", "counter", "Time that commits took.",
		(double)totals->journal.busy_us / 1e6);
}

/* ---- PowerDNS servers ---- */

static const struct {
	const char *name, *type, *help;
} use_metrics[] = {
	{"server_requests_open", "gauge", "Requests that it has not answered yet."},
	{"server_requests_waiting", "gauge", "Requests that wait for their turn."},
	{"server_requests_limit", "gauge", "How many may be open at once, as learned."},
	{"server_requests_total", "counter", "Requests sent to it."},
};

static void say_use(struct control_request *r, size_t metric, const char *server,
	const char *kind, const struct pool_use *use)
{
	const double numbers[] = {
		use->inside, use->waiting, use->places, (double)use->started};
	const struct metrics *m = r->state;
	char target[VALUE_MAX], labels[LABELS_MAX];

	snprintf(labels, sizeof(labels), "{target=\"%s\",kind=\"%s\"}",
		escape(server, target), kind);
	line(r, m->all, use_metrics[metric].name, labels, numbers[metric]);
}

static void say_conflicts(struct control_request *r, const struct powerdns_view *server)
{
	const struct metrics *m = r->state;
	char target[VALUE_MAX], labels[LABELS_MAX];

	snprintf(labels, sizeof(labels), "{target=\"%s\"}", escape(server->id, target));
	line(r, m->all, "server_conflicts_total", labels, (double)server->conflicts);
}

static void say_servers(struct control_request *r)
{
	const struct metrics *m = r->state;
	struct powerdns_view *servers = NULL;
	size_t count = 0;

	r->has_failed |= powerdns_servers_look(
				 zone_threads_powerdns_servers(r->control->zone_threads),
				 &servers, &count) != 0;
	for (size_t i = 0; i < sizeof(use_metrics) / sizeof(use_metrics[0]); i++) {
		head(r, m->all, use_metrics[i].name, use_metrics[i].type,
			use_metrics[i].help);
		for (size_t j = 0; j < count; j++) {
			say_use(r, i, servers[j].id, "read", &servers[j].reads);
			say_use(r, i, servers[j].id, "write", &servers[j].writes);
		}
	}
	head(r, m->all, "server_conflicts_total", "counter",
		"Writes that were sent again since others were in their way.");
	for (size_t j = 0; j < count; j++)
		say_conflicts(r, &servers[j]);
	powerdns_views_free(servers, count);
}

/* ---- the answer ---- */

static void answer_metrics(struct control_request *r)
{
	struct metrics *m = r->state;
	const struct view_zones *page = &m->survey.page;
	struct evbuffer *all = m->all;

	for (size_t i = 0; i < page->count && m->series < METRICS_ZONES_MAX; i++) {
		m->series++;
		say_series(r, &page->zones[i]);
	}
	if (control_survey_next(r))
		return;
	gather(m);
	say_answers(r);
	say_gateway(r);
	say_servers(r);
	m->all = NULL;
	control_done_text(r, "text/plain; version=0.0.4", all);
}

static void clear_metrics(void *state)
{
	struct metrics *m = state;

	for (size_t i = 0; i < METRICS_MAX && m->texts[i]; i++)
		evbuffer_free(m->texts[i]);
	if (m->all)
		evbuffer_free(m->all);
	control_survey_clear(state);
}

void control_get_metrics(struct control_request *r)
{
	struct metrics *m = control_survey_new(
		r, sizeof(*m), SURVEY_LAG, answer_metrics, clear_metrics);
	struct saying heads = {.r = r, .text = m ? m->texts : NULL};

	if (!m)
		return;
	m->all = evbuffer_new();
	say_zone(&heads, &(struct view_zone){0});
	say_target(&heads, &(struct view_target){0});
	if (r->has_failed || !m->all)
		control_fail(r, 503, "out of memory");
	else
		control_survey_ask(r);
}
