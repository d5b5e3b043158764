/*
 * Putting sources and publishers together.
 */
#include "agent/agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "agent/alarm.h"
#include "agent/clock.h"
#include "agent/daemon.h"
#include "agent/log.h"
#include "agent/publish/publisher.h"
#include "agent/publish/schedule.h"
#include "agent/sources/network.h"
#include "agent/sources/source.h"
#include "agent/sources/sshfp.h"
#include "agent/status.h"

enum {
	FIRST_WAIT_MS = 1000, /* for sources that are slow to know anything */
	ONCE_WAIT_MS = 15000, /* the same if there is no later */
	HURRY_MS = 1000, /* after a change of the network, until failures are forgotten */
};

struct agent {
	struct config *config;
	struct agent_options options;
	struct gateways *gateways;
	struct network *network; /* NULL: it can not be watched */
	struct source_context context;
	struct source **sources;
	size_t source_count;
	struct publisher **publishers; /* of the configured zones, then of old ones */
	size_t publisher_count;
	size_t publisher_cap;
	struct records own;        /* from the configuration: no source gives them */
	struct records remembered; /* from the state file */
	struct alarm *first_wait;
	struct alarm *hurry;
	bool is_begun; /* publishers have been told what is wanted */
	bool is_network_known;
	bool is_hurry_set;
	bool is_outside_told; /* that records lie in no zone */
	bool is_state_failing;
	int64_t started_s;
};

/* ---- state ---- */

static void write_state(struct agent *agent)
{
	const struct status status = {
		.name = agent->config->name,
		.publishers = agent->publishers,
		.publisher_count = agent->publisher_count,
		.started_s = agent->started_s,
		.steady_ms = clock_steady_ms(),
		.real_s = clock_real_s(),
	};
	const int r = status_write(agent->options.state, &status);

	if (r && !agent->is_state_failing)
		log_warning("%s: %s; --status and --withdraw will not know what is "
			    "published: make the folder writable, or set \"state\"",
			agent->options.state, strerror(-r));
	agent->is_state_failing = r != 0;
}

static void notify_status(struct agent *agent)
{
	const char *gateway = gateways_current(agent->gateways);
	char text[512], when[32] = "-";
	int64_t next_ms = INT64_MAX;
	unsigned failures = 0;

	for (size_t i = 0; i < agent->publisher_count; i++) {
		const struct publisher_status *s = publisher_status(agent->publishers[i]);

		next_ms = s->next_ms < next_ms ? s->next_ms : next_ms;
		failures += s->failures;
	}
	if (next_ms != INT64_MAX) {
		const time_t at = clock_real_s() + (next_ms - clock_steady_ms()) / 1000;
		struct tm tm;

		if (localtime_r(&at, &tm))
			strftime(when, sizeof(when), "%H:%M:%S", &tm);
	}
	snprintf(text, sizeof(text),
		"STATUS=%zu records published at %s; next update %s%s",
		agent_count_published(agent), gateway ? gateway : "no gateway yet", when,
		failures ? "; the last one failed" : "");
	daemon_notify(text);
}

/* ---- what publishers tell ---- */

static bool is_settled(const struct agent *agent, bool *ret_ok)
{
	const int64_t now_ms = clock_steady_ms();

	*ret_ok = true;
	for (size_t i = 0; i < agent->publisher_count; i++) {
		const struct publisher *p = agent->publishers[i];
		const struct publisher_status *s = publisher_status(p);
		const struct ledger *ledger = publisher_ledger((struct publisher *)p);

		*ret_ok = *ret_ok && (s->is_ok || !ledger->count);
		if (!s->failures && ledger->count &&
			(!s->has_tried || ledger_is_changed(ledger, now_ms)))
			return false;
	}
	return agent->is_begun;
}

static void on_publisher(void *arg, enum publisher_event event)
{
	struct agent *agent = arg;
	bool is_ok;

	write_state(agent);
	if (event == PUBLISHER_SENDING)
		return;
	notify_status(agent);
	if (agent->options.settled && is_settled(agent, &is_ok))
		agent->options.settled(agent->options.arg, is_ok);
}

/* ---- putting together ---- */

static bool is_all_known(const struct agent *agent)
{
	for (size_t i = 0; i < agent->source_count; i++)
		if (!agent->sources[i]->is_known)
			return false;
	return true;
}

static bool is_claimed(const struct records *set, const struct record *record)
{
	for (size_t i = 0; i < set->count; i++)
		if (!set->items[i].len && record_is_same_rrset(&set->items[i], record))
			return true;
	return false;
}

/* What is not known to be gone stays. */
static int add_remembered(const struct agent *agent, struct records *all)
{
	int r = 0;

	for (size_t i = 0; i < agent->remembered.count && !r; i++)
		if (!is_claimed(all, &agent->remembered.items[i]))
			r = records_add(all, &agent->remembered.items[i]);
	return r;
}

/* A name that is to have the host's addresses. */
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

	for (size_t i = 0; i < source->records.count && !r; i++)
		if (source->records.items[i].type != SOURCE_TYPE_HOST)
			r = records_add(all, &source->records.items[i]);
	return r;
}

static int add_aliases(
	const struct agent *agent, struct records *all, const struct source *source)
{
	int r = 0;

	for (size_t i = 0; i < source->records.count && !r; i++)
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
	if (!r && !is_all_known(agent))
		r = add_remembered(agent, all);
	if (!r)
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

/* The records that belong into a zone.  -ENOMEM, -ENOSPC. */
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

	for (size_t i = 0; i < agent->publisher_count && !r; i++) {
		struct records part = {0};

		r = take_zone(agent, all, publisher_zone(agent->publishers[i]), &part);
		if (!r)
			r = publisher_want(agent->publishers[i], &part);
		records_clear(&part);
	}
	return r;
}

static void update(struct agent *agent)
{
	struct records all = {0};
	int r = put_together(agent, &all);

	agent->is_begun = true;
	alarm_stop(agent->first_wait);
	if (!r)
		r = distribute(agent, &all);
	if (r)
		log_error("%s; what is published stays as it was",
			r == -ENOSPC ? "more than 20000 records: that is not one host's"
				     : strerror(-r));
	records_clear(&all);
}

static void on_source(void *arg, struct source *source)
{
	struct agent *agent = arg;

	log_debug("source %s: %zu records", source->ops->type, source->records.count);
	if (agent->is_begun || is_all_known(agent))
		update(agent);
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

	agent->is_hurry_set = false;
	gateways_forget(agent->gateways);
	for (size_t i = 0; i < agent->publisher_count; i++)
		publisher_hurry(agent->publishers[i]);
}

static void on_network(void *arg)
{
	struct agent *agent = arg;

	for (size_t i = 0; i < agent->source_count; i++)
		if (agent->sources[i]->ops->network_changed)
			agent->sources[i]->ops->network_changed(agent->sources[i]);
	/* The first time it is no change. */
	if (!agent->is_network_known || agent->is_hurry_set) {
		agent->is_network_known = true;
		return;
	}
	agent->is_hurry_set = true;
	alarm_set_in(agent->hurry, HURRY_MS);
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

/* The publisher of a zone, made if there is none; NULL: no memory. */
static struct publisher *need_publisher(
	struct agent *agent, const uint8_t *zone, int64_t delay_ms)
{
	struct publisher *publisher, **more;

	for (size_t i = 0; i < agent->publisher_count; i++)
		if (name_is_equal(publisher_zone(agent->publishers[i]), zone))
			return agent->publishers[i];
	more = reallocarray(agent->publishers, agent->publisher_count + 1,
		sizeof(struct publisher *));
	if (!more)
		return NULL;
	agent->publishers = more;
	publisher = publisher_new(&(struct publisher_config){
		.base = agent->options.base,
		.config = agent->config,
		.gateways = agent->gateways,
		.zone = zone,
		.delay_ms = delay_ms,
		.told = on_publisher,
		.arg = agent,
	});
	if (publisher)
		more[agent->publisher_count++] = publisher;
	return publisher;
}

static bool remember(void *arg, const uint8_t *zone, const struct record *record)
{
	struct agent *agent = arg;
	struct publisher *publisher = need_publisher(agent, zone, 0);

	return publisher && !records_add(&agent->remembered, record) &&
		!ledger_remember(publisher_ledger(publisher), record);
}

static int open_publishers(struct agent *agent)
{
	const int64_t delay_ms = draw_delay(agent);
	int r;

	for (size_t i = 0; i < agent->config->zone_count; i++)
		if (!need_publisher(agent, agent->config->zones[i], delay_ms))
			return -ENOMEM;
	r = status_each_record(agent->options.state, remember, agent);
	if (agent->options.is_withdrawing && r == -EINVAL) {
		log_error("%s: no state file of the agent: what is published is not "
			  "known; it stays until its lease ends",
			agent->options.state);
		return r;
	}
	if (agent->options.is_withdrawing && r == -ENOENT)
		log_warning("%s: there is none: nothing is known to be published",
			agent->options.state);
	if (r == -EINVAL)
		log_warning(
			"%s: no state file of the agent; what an earlier run published "
			"is not known",
			agent->options.state);
	return r == -ENOMEM ? r : 0;
}

static void open_sources(struct agent *agent)
{
	const struct config *config = agent->config;

	for (size_t i = 0; i < config->source_count; i++) {
		struct source *source = source_open(&agent->context, &config->sources[i]);

		if (source)
			agent->sources[agent->source_count++] = source;
	}
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
	int r = open_publishers(agent);

	if (r || agent->options.is_withdrawing)
		return r;
	agent->sources = calloc(count + 1, sizeof(struct source *));
	r = agent->sources ? read_own(agent) : -ENOMEM;
	if (r)
		return r;
	agent->network = network_new(agent->options.base, on_network, agent);
	agent->context.network = agent->network;
	open_sources(agent);
	if (!agent->source_count && !agent->own.count) {
		log_error("there is nothing to publish: no source works, and the "
			  "configuration has no records");
		return -EINVAL;
	}
	/* Without sources nobody would tell that all is known. */
	alarm_set_in(agent->first_wait,
		!agent->source_count             ? 0
			: agent->options.is_once ? ONCE_WAIT_MS
						 : FIRST_WAIT_MS);
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
	agent->started_s = clock_real_s();
	agent->gateways = gateways_new(options->base, config);
	agent->context = (struct source_context){
		.base = options->base,
		.config = config,
		.gateways = agent->gateways,
		.changed = on_source,
		.arg = agent,
	};
	agent->first_wait = alarm_new(options->base, on_first_wait, agent);
	agent->hurry = alarm_new(options->base, on_hurry, agent);
	if (agent->gateways && agent->first_wait && agent->hurry)
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
	for (size_t i = 0; i < agent->publisher_count; i++)
		publisher_free(agent->publishers[i]);
	free(agent->sources);
	free(agent->publishers);
	records_clear(&agent->own);
	records_clear(&agent->remembered);
	network_free(agent->network);
	alarm_free(agent->first_wait);
	alarm_free(agent->hurry);
	gateways_free(agent->gateways);
	config_free(agent->config);
	free(agent);
}

/* ---- the end ---- */

void agent_withdraw(struct agent *agent)
{
	/* What the sources say from here on counts no more. */
	for (size_t i = 0; i < agent->source_count; i++)
		source_close(agent->sources[i]);
	agent->source_count = 0;
	agent->is_begun = true;
	for (size_t i = 0; i < agent->publisher_count; i++)
		publisher_withdraw(agent->publishers[i]);
}

void agent_child_ended(struct agent *agent)
{
	for (size_t i = 0; i < agent->source_count; i++)
		if (agent->sources[i]->ops->child_ended)
			agent->sources[i]->ops->child_ended(agent->sources[i]);
}

size_t agent_count_published(const struct agent *agent)
{
	size_t count = 0;

	for (size_t i = 0; i < agent->publisher_count; i++)
		count += ledger_count_held(publisher_ledger(agent->publishers[i]));
	return count;
}
