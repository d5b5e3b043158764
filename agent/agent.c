/*
 * Puts sources and publishers together.
 */
#include "agent/agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "agent/host.h"
#include "agent/publish/roster.h"
#include "agent/publish/schedule.h"
#include "agent/sources/network.h"
#include "agent/sources/source.h"
#include "agent/sources/sshfp.h"
#include "agent/status.h"
#include "gateway/base/alarm.h"
#include "gateway/base/log.h"
#include "gateway/base/supervise.h"
#include "tsig/plural.h"

enum {
	FIRST_WAIT_MS = 1000, /* the time that slow sources get to find their first
	                       * records */
	ONCE_WAIT_MS = 15000, /* the same if this is the only update */
	HURRY_MS = 1000, /* from a change of the network until failures are forgotten */
};

struct agent {
	struct config *config;
	struct agent_options options;
	struct gateways *gateways;
	struct network *network; /* NULL: it cannot be watched */
	struct source_context context;
	struct source **sources; /* as configured; NULL: it cannot work */
	size_t source_count;
	struct roster **rosters; /* of the configured zones, then of old ones */
	size_t roster_count;
	struct host host;
	struct records own;        /* from the configuration: no source gives them */
	struct records remembered; /* from the state file */
	struct alarm first_wait;
	struct alarm hurry;
	bool is_ready; /* begin has ended */
	bool is_begun; /* rosters have been told what is wanted */
	bool is_network_known;
	bool is_guest;        /* with the state of another machine */
	bool is_outside_told; /* that records lie in no zone */
	bool is_state_failing;
	int64_t started_s;
};

/* ---- state ---- */

static void write_state(struct agent *agent)
{
	const struct status status = {
		.config = agent->config,
		.rosters = agent->rosters,
		.roster_count = agent->roster_count,
		.sources = agent->sources,
		.host = &agent->host,
		.is_guest = agent->is_guest,
		.started_s = agent->started_s,
		.steady_ms = turn_monotonic_ms(agent->options.alarms->clock),
		.real_s = turn_real_s(agent->options.alarms->clock),
	};
	const int r = status_write(agent->options.state, &status);

	if (r && !agent->is_state_failing)
		log_warning("%s: %s; --status and --withdraw will not know what is "
			    "published: make the folder writable, or set \"state\"",
			agent->options.state, strerror(-r));
	agent->is_state_failing = r != 0;
}

/* "2 records published at gw1; next update 10:05:12" */
static void describe(const struct agent *agent, char *text, size_t cap)
{
	struct turn_clock *clock = agent->options.alarms->clock;
	const char *gateway = NULL;
	int64_t next_ms = INT64_MAX;
	bool is_failing = false;
	char when[32] = "-";
	size_t count = 0;

	for (size_t i = 0; i < agent->roster_count; i++) {
		const struct roster *roster = agent->rosters[i];
		struct publisher *front = roster_front(roster);
		const int64_t roster_ms = roster_next_ms(roster);

		next_ms = roster_ms < next_ms ? roster_ms : next_ms;
		count += ledger_count_held(publisher_ledger(front));
		is_failing |= publisher_status(front)->failures > 0;
		if (publisher_status(front)->is_ok)
			gateway = publisher_status(front)->gateway;
	}
	if (next_ms != INT64_MAX) {
		const time_t at =
			turn_real_s(clock) + (next_ms - turn_monotonic_ms(clock)) / 1000;
		struct tm tm;

		if (localtime_r(&at, &tm))
			strftime(when, sizeof(when), "%H:%M:%S", &tm);
	}
	snprintf(text, cap, "%zu %s published at %s; next update %s%s", count,
		PLURAL(count, "record"), gateway ? gateway : "no gateway yet", when,
		is_failing ? "; the last one failed" : "");
}

static void notify_status(struct agent *agent)
{
	char text[512], line[sizeof(text) + 8];

	describe(agent, text, sizeof(text));
	snprintf(line, sizeof(line), "STATUS=%s", text);
	supervise_notify(line);
}

static void log_failing_gateways(const struct agent *agent, const struct roster *roster)
{
	char zone[NAME_TEXT_MAX];

	for (size_t i = 0; i < agent->config->gateway_count; i++) {
		const struct publisher *p = roster_publisher(roster, i);
		const struct publisher_status *s = p ? publisher_status(p) : NULL;

		if (s && s->has_tried && !s->is_ok)
			log_info("status: zone %s: gateway %s: %s",
				name_to_text(roster_zone(roster), zone), s->gateway,
				s->failures ? s->answer
					    : "something is refused, or not sent yet");
	}
}

void agent_log_status(const struct agent *agent)
{
	char text[512];

	describe(agent, text, sizeof(text));
	log_info("status: %s", text);
	for (size_t i = 0; i < agent->roster_count; i++)
		log_failing_gateways(agent, agent->rosters[i]);
	for (size_t i = 0; i < agent->source_count; i++) {
		const struct source *source = agent->sources[i];

		if (!status_is_source_well(source))
			log_info("status: source %s %s: %s",
				source ? source->ops->type : "?",
				source ? source_subject(source) : "",
				source && source->why[0] ? source->why
							 : "nothing is known about it");
	}
}

/* ---- what publishers tell ---- */

static bool is_ok(const struct agent *agent)
{
	for (size_t i = 0; i < agent->roster_count; i++)
		if (!roster_is_ok(agent->rosters[i]))
			return false;
	for (size_t i = 0; i < agent->source_count; i++)
		if (!status_is_source_well(agent->sources[i]))
			return false;
	return true;
}

static bool is_settled(const struct agent *agent)
{
	for (size_t i = 0; i < agent->roster_count; i++)
		if (!roster_is_settled(agent->rosters[i]))
			return false;
	return agent->is_begun;
}

static void tell_settled(struct agent *agent)
{
	if (agent->options.settled && is_settled(agent))
		agent->options.settled(agent->options.arg, is_ok(agent));
}

/* Asks sources to look for changes that nothing has told them of. */
static void look_again(struct agent *agent)
{
	for (size_t i = 0; i < agent->source_count; i++)
		if (agent->sources[i] && agent->sources[i]->ops->look_again)
			agent->sources[i]->ops->look_again(agent->sources[i]);
}

static void on_roster(void *arg, enum publisher_event event)
{
	struct agent *agent = arg;

	if (event == PUBLISHER_REFRESHING) {
		look_again(agent);
		return;
	}
	write_state(agent);
	if (event != PUBLISHER_DONE)
		return;
	notify_status(agent);
	tell_settled(agent);
}

/* ---- putting together ---- */

static bool is_all_known(const struct agent *agent)
{
	for (size_t i = 0; i < agent->source_count; i++)
		if (agent->sources[i] && !agent->sources[i]->is_known)
			return false;
	return true;
}

static int compare_records(const void *a, const void *b)
{
	return record_compare(a, b);
}

/* Records that are not known to be gone stay.  all is sorted. */
static int add_remembered(const struct agent *agent, struct records *all)
{
	const size_t count = all->count;
	int r = 0;

	for (size_t i = 0; i < agent->remembered.count && !r; i++) {
		const struct record *record = &agent->remembered.items[i];
		const struct record claim = {
			.owner = record->owner, .type = record->type};

		if (!bsearch(&claim, all->items, count, sizeof(claim), compare_records))
			r = records_add(all, record);
	}
	return r;
}

/* Adds the host's addresses for a name that is to have them. */
static int add_host_addresses(const struct agent *agent, struct records *all,
	const struct record *alias, bool is_shared)
{
	const size_t count = all->count;
	int r = 0;

	if (!is_shared)
		r = source_claim_addresses(all, alias->owner, PUBLISH_A | PUBLISH_AAAA);
	for (size_t i = 0; i < count && !r; i++) {
		struct record record = all->items[i];

		if (!record.len || (record.type != TYPE_A && record.type != TYPE_AAAA) ||
			!name_is_equal(record.owner, agent->config->name))
			continue;
		record.owner = alias->owner;
		record.ttl = alias->ttl;
		r = records_add(all, &record);
	}
	return r;
}

static int add_source(struct records *all, const struct source *source)
{
	int r = 0;

	for (size_t i = 0; source && i < source->records.count && !r; i++)
		if (source->records.items[i].type != SOURCE_TYPE_HOST)
			r = records_add(all, &source->records.items[i]);
	return r;
}

static int add_aliases(
	const struct agent *agent, struct records *all, const struct source *source)
{
	int r = 0;

	for (size_t i = 0; source && i < source->records.count && !r; i++)
		if (source->records.items[i].type == SOURCE_TYPE_HOST &&
			source->records.items[i].len)
			r = add_host_addresses(agent, all, &source->records.items[i],
				source->config->is_shared);
	return r;
}

static int put_together(const struct agent *agent, struct records *all)
{
	int r = records_add_all(all, &agent->own);

	for (size_t i = 0; i < agent->source_count && !r; i++)
		r = add_source(all, agent->sources[i]);
	for (size_t i = 0; i < agent->source_count && !r; i++)
		r = add_aliases(agent, all, agent->sources[i]);
	if (r)
		return r;
	records_sort(all);
	if (!is_all_known(agent))
		r = add_remembered(agent, all);
	if (agent->is_guest)
		records_drop_claims(all);
	records_sort(all);
	return r;
}

static void tell_outside(struct agent *agent, const struct record *record)
{
	char text[RECORD_TEXT_MAX];

	if (agent->is_outside_told)
		return;
	agent->is_outside_told = true;
	log_warning("%s lies in none of the zones, and is left out; add its zone to the "
		    "setting \"zone\"",
		record_to_text(record, text));
}

/* Collects the records that belong in a zone.  0, -ENOMEM or -ENOSPC. */
static int take_zone(struct agent *agent, const struct records *all, const uint8_t *zone,
	struct records *ret)
{
	int r = 0;

	for (size_t i = 0; i < all->count && !r; i++) {
		const uint8_t *found =
			config_find_zone(agent->config, all->items[i].owner);

		if (!found)
			tell_outside(agent, &all->items[i]);
		else if (name_is_equal(found, zone))
			r = records_add(ret, &all->items[i]);
	}
	return r;
}

static int distribute(struct agent *agent, const struct records *all)
{
	int r = 0;

	for (size_t i = 0; i < agent->roster_count && !r; i++) {
		struct records part = {0};

		r = take_zone(agent, all, roster_zone(agent->rosters[i]), &part);
		if (!r)
			r = roster_want(agent->rosters[i], &part);
		records_clear(&part);
	}
	return r;
}

static void update(struct agent *agent)
{
	struct records all = {0};
	int r = put_together(agent, &all);

	agent->is_begun = true;
	alarm_stop(&agent->first_wait);
	if (!r)
		r = distribute(agent, &all);
	if (r)
		log_error("%s; what is published stays as it was", records_strerror(r));
	records_clear(&all);
	/* If there is nothing to send, nobody else reports that all is done. */
	write_state(agent);
	tell_settled(agent);
}

static void on_source(void *arg, struct source *source)
{
	struct agent *agent = arg;

	log_debug("source %s: %zu records", source->ops->type, source->records.count);
	if (agent->is_begun || is_all_known(agent))
		update(agent);
}

/* No more can be expected of those that fail. */
static bool is_all_judged(const struct agent *agent)
{
	for (size_t i = 0; i < agent->source_count; i++)
		if (agent->sources[i] && !agent->sources[i]->is_known &&
			!agent->sources[i]->why[0])
			return false;
	return true;
}

static void on_judged(void *arg, struct source *source)
{
	struct agent *agent = arg;

	(void)source;
	if (!agent->is_ready)
		return;
	write_state(agent);
	if (agent->options.is_once && !agent->is_begun && is_all_judged(agent))
		alarm_set(&agent->first_wait, 0);
}

static void on_first_wait(void *arg)
{
	struct agent *agent = arg;

	if (!agent->is_begun)
		update(agent);
}

/* ---- the network ---- */

static void on_hurry(void *arg)
{
	struct agent *agent = arg;

	gateways_forget(agent->gateways);
	for (size_t i = 0; i < agent->roster_count; i++)
		roster_hurry(agent->rosters[i]);
}

static void on_network(void *arg)
{
	struct agent *agent = arg;

	for (size_t i = 0; i < agent->source_count; i++)
		if (agent->sources[i] && agent->sources[i]->ops->network_changed)
			agent->sources[i]->ops->network_changed(agent->sources[i]);
	/* The first time it is no change. */
	if (!agent->is_network_known || alarm_is_set(&agent->hurry)) {
		agent->is_network_known = true;
		return;
	}
	alarm_set_in(&agent->hurry, HURRY_MS);
}

/* ---- beginning ---- */

static int64_t draw_delay(const struct agent *agent)
{
	uint32_t random = 0;

	if (!agent->options.has_delay ||
		getrandom(&random, sizeof(random), 0) != sizeof(random))
		return 0;
	return schedule_initial_delay(agent->config->initial_delay_ms, random);
}

/* The roster of a zone, made if there is none; NULL: no memory. */
static struct roster *need_roster(
	struct agent *agent, const uint8_t *zone, int64_t delay_ms)
{
	struct roster *roster, **more;

	for (size_t i = 0; i < agent->roster_count; i++)
		if (name_is_equal(roster_zone(agent->rosters[i]), zone))
			return agent->rosters[i];
	more = reallocarray(
		agent->rosters, agent->roster_count + 1, sizeof(struct roster *));
	if (!more)
		return NULL;
	agent->rosters = more;
	roster = roster_new(&(struct roster_config){
		.alarms = agent->options.alarms,
		.config = agent->config,
		.gateways = agent->gateways,
		.zone = zone,
		.delay_ms = delay_ms,
		.told = on_roster,
		.arg = agent,
	});
	if (roster)
		more[agent->roster_count++] = roster;
	return roster;
}

static bool remember(void *arg, const uint8_t *zone, const char *gateway,
	const struct ledger_entry *entry)
{
	struct agent *agent = arg;
	struct roster *roster = need_roster(agent, zone, 0);

	return roster && !records_add(&agent->remembered, &entry->record) &&
		!roster_remember(roster, gateway, entry);
}

/* Does the state file belong to this machine?  If not, nothing in it is ours to
 * remove. */
static bool is_own_state(struct agent *agent, const struct status_owner *owner)
{
	const char *state = agent->options.state;
	const bool is_same = host_is_same(&owner->host, &agent->host);

	agent->is_guest = owner->is_guest || !is_same;
	if (!is_same)
		log_warning(
			"%s: this is the state of another machine, or a copy: nothing "
			"that it names is removed",
			state);
	if (agent->is_guest)
		log_warning(
			"this machine has key and state of another one: each leaves "
			"the other's records alone.  Enrol it under a name of its own; "
			"or, if the other machine is gone, delete %s",
			state);
	return is_same;
}

static int read_state(struct agent *agent)
{
	struct turn_clock *clock = agent->options.alarms->clock;
	const char *state = agent->options.state;
	struct status_owner owner;
	int r = status_read(state, clock, &owner, NULL, NULL);

	if (!r && is_own_state(agent, &owner))
		return status_read(state, clock, &owner, remember, agent);
	if (!r && agent->options.is_withdrawing)
		return -EPERM; /* said */
	if (agent->options.is_withdrawing && r == -EINVAL) {
		log_error("%s: no state file of the agent: what is published is not "
			  "known; it stays until its lease ends",
			state);
		return r;
	}
	if (agent->options.is_withdrawing && r == -ENOENT)
		log_warning("%s does not exist: nothing is known to be published", state);
	if (r == -EINVAL)
		log_warning(
			"%s: no state file of the agent; what an earlier run published "
			"is not known",
			state);
	return r == -ENOMEM ? r : 0;
}

static int open_rosters(struct agent *agent)
{
	const int64_t delay_ms = draw_delay(agent);

	for (size_t i = 0; i < agent->config->zone_count; i++)
		if (!need_roster(agent, agent->config->zones[i], delay_ms))
			return -ENOMEM;
	return read_state(agent);
}

/* How many work. */
static size_t open_sources(struct agent *agent)
{
	const struct config *config = agent->config;
	size_t count = 0;

	agent->source_count = config->source_count;
	for (size_t i = 0; i < config->source_count; i++) {
		agent->sources[i] = source_open(&agent->context, &config->sources[i]);
		count += agent->sources[i] != NULL;
	}
	return count;
}

/* Records that no source has to look for. */
static int read_own(struct agent *agent)
{
	const struct config *config = agent->config;
	int r = records_add_all(&agent->own, &config->records);

	if (r || !(config->publish & PUBLISH_SSHFP))
		return r;
	r = sshfp_read_files(&agent->own, config->name, config->ttl, config->ssh_keys);
	if (!r && !config->is_shared)
		r = records_add_claim(&agent->own, config->name, TYPE_SSHFP);
	return r;
}

static int begin(struct agent *agent)
{
	const size_t count = agent->config->source_count;
	size_t working;
	int r = open_rosters(agent);

	if (r || agent->options.is_withdrawing)
		return r;
	agent->sources = calloc(count + 1, sizeof(struct source *));
	r = agent->sources ? read_own(agent) : -ENOMEM;
	if (r)
		return r;
	agent->network = network_new(agent->options.alarms, on_network, agent);
	agent->context.network = agent->network;
	working = open_sources(agent);
	if (!working && !agent->own.count) {
		log_error("there is nothing to publish: no source works, and the "
			  "configuration has no records");
		return -EINVAL;
	}
	/* Without sources, nothing else would report that all records are known. */
	alarm_set_in(&agent->first_wait,
		!working                         ? 0
			: agent->options.is_once ? ONCE_WAIT_MS
						 : FIRST_WAIT_MS);
	agent->is_ready = true;
	return 0;
}

struct agent *agent_new(struct config *config, const struct agent_options *options)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	int r = -ENOMEM;

	if (!agent) {
		config_free(config);
		return NULL;
	}
	agent->config = config;
	agent->options = *options;
	agent->started_s = turn_real_s(options->alarms->clock);
	host_read(&agent->host, options->state);
	agent->gateways = gateways_new(options->alarms, config);
	agent->context = (struct source_context){
		.alarms = options->alarms,
		.config = config,
		.gateways = agent->gateways,
		.changed = on_source,
		.judged = on_judged,
		.arg = agent,
	};
	alarm_init(&agent->first_wait, options->alarms, on_first_wait, agent);
	alarm_init(&agent->hurry, options->alarms, on_hurry, agent);
	if (agent->gateways)
		r = begin(agent);
	if (!r) {
		write_state(agent); /* --status has something to show from the start */
		return agent;
	}
	if (r == -ENOMEM)
		log_error("out of memory");
	agent_free(agent);
	return NULL;
}

void agent_free(struct agent *agent)
{
	if (!agent)
		return;
	for (size_t i = 0; i < agent->source_count; i++)
		source_close(agent->sources[i]);
	for (size_t i = 0; i < agent->roster_count; i++)
		roster_free(agent->rosters[i]);
	free(agent->sources);
	free(agent->rosters);
	records_clear(&agent->own);
	records_clear(&agent->remembered);
	network_free(agent->network);
	alarm_stop(&agent->first_wait);
	alarm_stop(&agent->hurry);
	gateways_free(agent->gateways);
	config_free(agent->config);
	free(agent);
}

/* ---- the end ---- */

void agent_withdraw(struct agent *agent)
{
	/* From here on, whatever the sources report is ignored. */
	for (size_t i = 0; i < agent->source_count; i++)
		source_close(agent->sources[i]);
	free(agent->sources);
	agent->sources = NULL;
	agent->source_count = 0;
	agent->is_begun = true;
	for (size_t i = 0; i < agent->roster_count; i++)
		roster_withdraw(agent->rosters[i]);
}

void agent_child_ended(struct agent *agent)
{
	for (size_t i = 0; i < agent->source_count; i++)
		if (agent->sources[i] && agent->sources[i]->ops->child_ended)
			agent->sources[i]->ops->child_ended(agent->sources[i]);
}
