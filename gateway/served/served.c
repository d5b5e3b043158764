/*
 * A served zone's life: opened, reconfigured, closed.
 */
#include "gateway/served/served.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"

/* ---- construction ---- */

static void set_refresh_alarm(struct served_zone *zone)
{
	const int64_t refresh_s = zone->zone->refresh_s;

	if (refresh_s && !delivery_is_local(zone->deliveries[0]))
		alarm_set_in(&zone->refresh_alarm, refresh_s * 1000);
}

static void on_refresh(void *arg)
{
	struct served_zone *zone = arg;

	if (delivery_is_local(zone->deliveries[0])) {
		mirror_look_again(zone);
		return;
	}
	set_refresh_alarm(zone);
	delivery_want_probe(zone->deliveries[0]);
}

static int open_deliveries(struct served_zone *zone, const struct config_zone *config)
{
	zone->deliveries = calloc(config->target_count, sizeof(*zone->deliveries));
	if (!zone->deliveries)
		return -ENOMEM;
	for (size_t i = 0; i < config->target_count; i++) {
		int r = delivery_new(&zone->deliveries[i], zone->thread, zone,
			zone->config, &config->targets[i], i == 0);
		if (r)
			return r;
		zone->delivery_count++;
		/* Only the primary waits for the mirror. */
		if (i > 0)
			delivery_kick(zone->deliveries[i], false);
	}
	return 0;
}

/* Whoever is new among them hears of the zone at once. */
static int set_secondaries(struct served_zone *zone, struct config *config,
	const struct config_zone *zone_config)
{
	struct notify *notify = NULL;

	if (zone_config->targets[0].notify_count) {
		notify = notify_new(
			&zone->thread->target_env, config, zone_config, zone->notify);
		if (!notify)
			return -ENOMEM;
		notify_send(notify);
	}
	notify_free(zone->notify);
	zone->notify = notify;
	return 0;
}

static int start(struct served_zone *zone)
{
	const struct config_target *primary = &zone->zone->targets[0];
	int r;

	if (primary->type == CONFIG_TARGET_LOCAL) {
		r = set_secondaries(zone, zone->config, zone->zone);
		if (!r)
			mirror_load_local(zone);
		return r;
	}
	zone->not_ready = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
		"the zone is not loaded yet from %s", primary->id);
	set_refresh_alarm(zone);
	delivery_want_load(zone->deliveries[0]);
	return 0;
}

struct served_zone *served_find(const struct zone_thread *thread, const uint8_t *name)
{
	struct served_zone *zone;

	HASH_FIND(hh, thread->zones, name, name_len(name), zone);
	return zone;
}

size_t served_count_ready(const struct zone_thread *thread)
{
	const struct served_zone *zone, *next;
	size_t count = 0;

	HASH_ITER(hh, thread->zones, zone, next)
		count += zone->mirror != NULL;
	return count;
}

struct served_zone *served_find_enclosing(
	const struct zone_thread *thread, const uint8_t *name)
{
	struct served_zone *zone = NULL;

	for (; name && !zone; name = name_parent(name))
		zone = served_find(thread, name);
	return zone;
}

static struct delivery *find_delivery(
	struct delivery **deliveries, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++) {
		if (deliveries[i] && !strcmp(delivery_id(deliveries[i]), id))
			return deliveries[i];
	}
	return NULL;
}

/* What a target that is gone has not got, nobody will bring it; the journal need not keep
 * it.  If it comes back it is a new one. */
static void forget_target(struct served_zone *zone, const char *id)
{
	const struct journal_op note = {
		.kind = JOURNAL_FORGET, .zone = zone->id, .target = id};

	log_info("zone %s: target %s is no longer configured", zone->zone->text, id);
	(void)zone_thread_submit_note(zone->thread, &note);
}

static void forget_unknown(const char *id, void *arg)
{
	struct served_zone *zone = arg;

	if (!find_delivery(zone->deliveries, zone->delivery_count, id))
		forget_target(zone, id);
}

int served_new(struct served_zone **ret_zone, struct zone_thread *thread,
	struct config *config, const struct config_zone *zone_config)
{
	struct served_zone *zone = calloc(1, sizeof(*zone));
	int r;

	if (!zone)
		return -ENOMEM;
	zone->thread = thread;
	zone->config = config_ref(config);
	zone->zone = zone_config;
	memcpy(zone->name, zone_config->name, sizeof(zone->name));
	zone->waiting_tail = &zone->waiting;
	TAILQ_INIT(&zone->uncommitted);
	zone->history = transfer_history_new();
	alarm_init(&zone->ack_alarm, &thread->alarms, served_on_ack_timeout, zone);
	alarm_init(&zone->refresh_alarm, &thread->alarms, on_refresh, zone);
	r = zone->history ? 0 : -ENOMEM;
	if (!r)
		r = thread->store_ops->zone_id(thread->store, zone->name, &zone->id);
	if (!r)
		r = served_lease_open(zone);
	if (!r)
		r = open_deliveries(zone, zone_config);
	if (!r)
		r = thread->store_ops->each_cursor(
			thread->store, zone->id, forget_unknown, zone);
	if (!r)
		r = start(zone);
	if (!r) {
		*ret_zone = zone;
		return 0;
	}
	served_free(zone);
	return r;
}

void served_free(struct served_zone *zone)
{
	if (!zone)
		return;
	for (size_t i = 0; i < zone->delivery_count; i++)
		delivery_free(zone->deliveries[i]);
	free(zone->deliveries);
	notify_free(zone->notify);
	served_signer_clear(zone);
	transfer_unref(zone->axfr);
	transfer_history_free(zone->history);
	served_lease_clear(zone);
	zone_free(zone->mirror);
	free(zone->local.why);
	alarm_stop(&zone->ack_alarm);
	alarm_stop(&zone->refresh_alarm);
	config_unref(zone->config);
	free(zone);
}

/* ---- reconfiguration ---- */

/* Can this zone go on as it is, with other targets at most behind the primary? */
static bool has_same_primary(
	const struct served_zone *zone, const struct config_zone *zone_config)
{
	return !strcmp(delivery_id(zone->deliveries[0]), zone_config->targets[0].id);
}

/* The deliveries of a new configuration: those that go on, and new ones.  On failure
 * there are no new ones, and the old ones are as they were. */
static int make_deliveries(struct served_zone *zone, struct config *config,
	const struct config_zone *zone_config, struct delivery **deliveries)
{
	for (size_t i = 0; i < zone_config->target_count; i++) {
		const struct config_target *target = &zone_config->targets[i];
		int r;

		deliveries[i] =
			find_delivery(zone->deliveries, zone->delivery_count, target->id);
		if (deliveries[i])
			continue;
		r = delivery_new(
			&deliveries[i], zone->thread, zone, config, target, false);
		if (!r)
			continue;
		while (i-- > 0) {
			const char *id = delivery_id(deliveries[i]);

			if (!find_delivery(zone->deliveries, zone->delivery_count, id))
				delivery_free(deliveries[i]);
		}
		return r;
	}
	return 0;
}

static void take_deliveries(
	struct served_zone *zone, struct delivery **deliveries, size_t count)
{
	for (size_t i = 0; i < zone->delivery_count; i++) {
		const char *id = delivery_id(zone->deliveries[i]);

		if (find_delivery(deliveries, count, id))
			continue;
		forget_target(zone, id);
		delivery_free(zone->deliveries[i]);
	}
	free(zone->deliveries);
	zone->deliveries = deliveries;
	zone->delivery_count = count;
}

static void take_config(struct served_zone *zone, struct config *config,
	const struct config_zone *zone_config)
{
	config_unref(zone->config);
	zone->config = config_ref(config);
	zone->zone = zone_config;
	alarm_stop(&zone->refresh_alarm);
	set_refresh_alarm(zone);
	served_lease_configure(zone);
}

int served_configure(struct served_zone *zone, struct config *config,
	const struct config_zone *zone_config)
{
	const size_t count = zone_config->target_count;
	struct delivery **deliveries;
	int r = 0;

	if (!has_same_primary(zone, zone_config))
		return -EXDEV; /* the caller closes it and opens it anew */
	deliveries = calloc(count, sizeof(*deliveries));
	if (!deliveries)
		return -ENOMEM;
	r = make_deliveries(zone, config, zone_config, deliveries);
	if (!r && delivery_is_local(zone->deliveries[0]))
		r = set_secondaries(zone, config, zone_config);
	if (r) {
		free(deliveries);
		return r;
	}
	take_deliveries(zone, deliveries, count);
	take_config(zone, config, zone_config);
	for (size_t i = 0; i < count; i++)
		delivery_configure(deliveries[i], config, &zone_config->targets[i]);
	for (size_t i = 0; i < count; i++)
		delivery_kick(deliveries[i], false);
	if (zone->local.is_failed) {
		free(zone->local.why); /* whoever reloads wants to hear it again */
		zone->local.why = NULL;
		mirror_load_local(zone);
	}
	return 0;
}

void served_give_up_waiting(struct served_zone *zone)
{
	const struct verdict closing = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
		"the zone is being closed: the change was withdrawn");

	served_give_up_asking(zone);
	while (zone->waiting) {
		struct transaction *t = zone->waiting;

		served_stop_waiting(zone, t);
		if (zone->zone->ack == CONFIG_ACK_APPLIED && zone->mirror)
			served_withdraw(zone, t, &closing);
		else
			zone_thread_answer(zone->thread, t);
	}
}

static void on_closed(struct journal_op *op, void *arg)
{
	struct served_answer *last = arg;

	(void)op;
	last->zone->operations--;
	free(last);
}

/* When this comes back the journal has all that the zone gave it, cursors too. */
static void submit_last(struct served_zone *zone)
{
	struct served_answer *last = calloc(1, sizeof(*last));

	if (!last)
		return;
	last->zone = zone;
	last->op = (struct journal_op){
		.kind = JOURNAL_BARRIER, .done = on_closed, .arg = last};
	zone->operations++;
	zone_thread_submit(zone->thread, &last->op);
}

bool served_close(struct served_zone *zone)
{
	if (!zone->is_closing) {
		zone->is_closing = true;
		served_adopt_cancel(zone);
		for (size_t i = 0; i < zone->delivery_count; i++)
			delivery_save(zone->deliveries[i]);
		submit_last(zone);
	}
	served_give_up_waiting(zone);
	return zone->operations == 0;
}

void served_kick_later(struct served_zone *zone)
{
	if (zone->is_kick_due)
		return;
	zone->is_kick_due = true;
	zone->kick_next = zone->thread->kicks;
	zone->thread->kicks = zone;
}

void served_kick_due(struct zone_thread *thread)
{
	struct served_zone *zone;

	while ((zone = thread->kicks)) {
		thread->kicks = zone->kick_next;
		zone->is_kick_due = false;
		for (size_t i = 0; i < zone->delivery_count; i++)
			delivery_kick(zone->deliveries[i], false);
	}
}

bool served_is_quiet(const struct served_zone *zone)
{
	return zone->operations == 0 && !zone->waiting && !served_is_asking(zone) &&
		TAILQ_EMPTY(&zone->uncommitted);
}
