/*
 * A served zone: its parts, which are made, configured and freed together.
 */
#include "gateway/served/served.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/served/opening.h"

/* The observers of a zone's content, in the order in which they are called. */
static const struct {
	const struct content_observer *observer;
	size_t part; /* its offset in struct served_zone */
} observers[] = {
	{&content_history_observer, offsetof(struct served_zone, content)},
	{&content_delivery_observer, offsetof(struct served_zone, content)},
	{&leases_observer, offsetof(struct served_zone, leases)},
	{&reverse_observer, offsetof(struct served_zone, reverse)},
	{&requests_observer, offsetof(struct served_zone, requests)},
	{&reconcile_observer, 0},
	{&adopt_observer, 0},
};

_Static_assert(sizeof(observers) / sizeof(observers[0]) <= CONTENT_PARTS_MAX,
	"each observer has a place");

/* ---- construction ---- */

/* start NULL: the target is new to the zone. */
static int open_delivery(struct served_zone *zone, struct config *config,
	const struct config_target *target, bool is_primary,
	const struct delivery_start *start, struct delivery **ret)
{
	const struct delivery_start new = {0};
	struct content *content = &zone->content;
	const struct delivery_zone place = {
		.thread = content->thread,
		.name = content->name,
		.text = content->text,
		.id = content->id,
		.operations = &content->operations,
		.events = &follow_events,
		.arg = zone,
	};

	return delivery_new(
		ret, &place, config, target, is_primary, start ? start : &new);
}

static int open_deliveries(struct served_zone *zone, const struct opening *opening)
{
	struct content *content = &zone->content;
	const struct config_zone *rules = content->rules;

	content->deliveries = calloc(rules->target_count, sizeof(*content->deliveries));
	if (!content->deliveries)
		return -ENOMEM;
	for (size_t i = 0; i < rules->target_count; i++) {
		const struct config_target *target = &rules->targets[i];
		int r = open_delivery(zone, content->config, target, i == 0,
			opening_find_target(opening, target->id),
			&content->deliveries[i]);

		if (r)
			return r;
		content->delivery_count++;
		/* Only the primary waits for the mirror. */
		if (i > 0)
			delivery_kick(content->deliveries[i], false);
	}
	return 0;
}

/* New secondaries are notified at once. */
static int set_secondaries(
	struct content *content, struct config *config, const struct config_zone *rules)
{
	struct notify *notify = NULL;

	if (rules->targets[0].notify_count) {
		notify = notify_new(
			&content->thread->target_env, config, rules, content->notify);
		if (!notify)
			return -ENOMEM;
		notify_send(notify);
	}
	notify_free(content->notify);
	content->notify = notify;
	return 0;
}

static int start(struct served_zone *zone)
{
	struct content *content = &zone->content;
	int r;

	follow_set_refresh(zone);
	if (content_is_local(content)) {
		seed_init(&zone->seed, content);
		r = set_secondaries(content, content->config, content->rules);
		if (!r)
			seed_load(&zone->seed);
		return r;
	}
	content->not_ready = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
		"the zone is not loaded yet from %s", content->rules->targets[0].id);
	delivery_want_load(content_primary(content));
	return 0;
}

struct served_zone *served_find(const struct served *served, const uint8_t *name)
{
	struct served_zone *zone;

	HASH_FIND(hh, served->zones, name, name_len(name), zone);
	return zone;
}

size_t served_count_ready(const struct served *served)
{
	const struct served_zone *zone, *next;
	size_t count = 0;

	HASH_ITER(hh, served->zones, zone, next)
		count += zone->content.mirror != NULL;
	return count;
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

/* What a removed target lacks will never be delivered, so the journal need not keep
 * it.  If the target comes back, it is a new one. */
static void forget_target(struct content *content, const char *id)
{
	log_info("zone %s: target %s is no longer configured", content->text, id);
	content_submit_note(
		content, &(struct journal_op){.kind = JOURNAL_FORGET, .target = id});
}

/* While the gateway was down: if another zone still has the same server, what was changed
 * there can be undone. */
static void leave_unknown(const struct content *content, const char *id)
{
	const struct config_target *target = config_find_target(content->config, id);

	if (target &&
		departures_begin(&content->thread->departures, content->name,
			content->config, target, NULL, NULL) == -ENOMEM)
		log_error("zone %s: target %s: out of memory", content->text, id);
}

static void forget_unknown(struct content *content, const struct opening *opening)
{
	const struct opening_target *target;

	STAILQ_FOREACH(target, &opening->targets, entry)
	{
		if (find_delivery(
			    content->deliveries, content->delivery_count, target->id))
			continue;
		leave_unknown(content, target->id);
		forget_target(content, target->id);
	}
}

static int open_parts(struct served_zone *zone, struct opening *opening)
{
	struct content *content = &zone->content;
	const struct lease_hooks hooks = {
		.may_expire = reverse_may_expire, .part = &zone->reverse};
	int r;

	adopt_open(zone, !STAILQ_EMPTY(&opening->targets));
	leases_open(
		&zone->leases, content, opening->leases, zone->served->actions, &hooks);
	opening->leases = NULL;
	r = reverse_open(&zone->reverse, &zone->served->reverse, content, &zone->leases);
	if (!r)
		r = open_deliveries(zone, opening);
	return r ? r : reconcile_configure(zone);
}

int served_new(struct served_zone **ret_zone, struct served *served,
	struct config *config, const struct config_zone *rules, struct opening *opening)
{
	struct served_zone *zone = calloc(1, sizeof(*zone));
	int r;

	if (!zone)
		return -ENOMEM;
	zone->served = served;
	reconcile_init(zone);
	zone_requests_init(&zone->requests, &served->requests, &zone->content);
	r = content_init(&zone->content, served->thread, config, rules, opening->id);
	zone->content.set_aside = opening->set_aside;
	follow_init(zone);
	for (size_t i = 0; i < sizeof(observers) / sizeof(observers[0]); i++)
		content_observe(&zone->content, observers[i].observer,
			(char *)zone + observers[i].part);
	if (!r)
		r = open_parts(zone, opening);
	if (!r)
		r = start(zone);
	if (r) {
		served_free(zone);
		return r;
	}
	forget_unknown(&zone->content, opening);
	*ret_zone = zone;
	return 0;
}

void served_leave(const struct served_zone *zone, const struct config_zone *rules)
{
	const struct content *content = &zone->content;

	for (size_t i = 0; i < content->delivery_count; i++) {
		const struct delivery *delivery = content->deliveries[i];

		if (!rules || !config_zone_find_target(rules, delivery_id(delivery)))
			delivery_leave(delivery);
	}
}

void served_free(struct served_zone *zone)
{
	if (!zone)
		return;
	adopt_cancel(zone);
	reconcile_close(zone);
	follow_clear(zone);
	restored_clear(zone);
	zone_requests_clear(&zone->requests);
	reverse_close(&zone->reverse);
	edit_forget_all(&zone->content);
	leases_close(&zone->leases);
	seed_clear(&zone->seed);
	content_clear(&zone->content);
	free(zone);
}

/* ---- reconfiguration ---- */

/* Does the zone keep its primary, so that only other targets may have changed? */
static bool has_same_primary(
	const struct content *content, const struct config_zone *rules)
{
	return !strcmp(delivery_id(content_primary(content)), rules->targets[0].id);
}

static void free_new(
	const struct content *content, struct delivery **deliveries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!find_delivery(content->deliveries, content->delivery_count,
			    delivery_id(deliveries[i])))
			delivery_free(deliveries[i]);
	}
}

/* The deliveries of a new configuration: those that stay, and new ones.  On failure
 * there are no new ones, and the old ones are unchanged. */
static int make_deliveries(struct served_zone *zone, struct config *config,
	const struct config_zone *rules, struct delivery **deliveries)
{
	const struct content *content = &zone->content;

	for (size_t i = 0; i < rules->target_count; i++) {
		const struct config_target *target = &rules->targets[i];
		int r;

		deliveries[i] = find_delivery(
			content->deliveries, content->delivery_count, target->id);
		if (deliveries[i])
			continue;
		/* The cursor of one that was removed before has been forgotten. */
		r = open_delivery(zone, config, target, false, NULL, &deliveries[i]);
		if (r) {
			free_new(content, deliveries, i);
			return r;
		}
	}
	return 0;
}

static void take_deliveries(
	struct served_zone *zone, struct delivery **deliveries, size_t count)
{
	struct content *content = &zone->content;

	for (size_t i = 0; i < content->delivery_count; i++) {
		const char *id = delivery_id(content->deliveries[i]);

		if (find_delivery(deliveries, count, id))
			continue;
		forget_target(content, id);
		delivery_leave(content->deliveries[i]);
		reconcile_forget(zone, content->deliveries[i]);
		delivery_free(content->deliveries[i]);
	}
	free(content->deliveries);
	content->deliveries = deliveries;
	content->delivery_count = count;
}

static void take_config(
	struct served_zone *zone, struct config *config, const struct config_zone *rules)
{
	content_configure(&zone->content, config, rules);
	if (reconcile_configure(zone))
		log_warning("zone %s: out of memory: a target will not be compared",
			zone->content.text);
	follow_set_refresh(zone);
	leases_configure(&zone->leases);
	reverse_configure(&zone->reverse);
}

int served_configure(
	struct served_zone *zone, struct config *config, const struct config_zone *rules)
{
	struct content *content = &zone->content;
	const size_t count = rules->target_count;
	struct delivery **deliveries;
	int r = 0;

	if (!has_same_primary(content, rules))
		return -EXDEV; /* the caller closes it and opens it again */
	deliveries = calloc(count, sizeof(*deliveries));
	if (!deliveries)
		return -ENOMEM;
	r = make_deliveries(zone, config, rules, deliveries);
	if (!r) {
		r = set_secondaries(content, config, rules);
		if (r)
			free_new(content, deliveries, count);
	}
	if (r) {
		free(deliveries);
		return r;
	}
	take_deliveries(zone, deliveries, count);
	take_config(zone, config, rules);
	for (size_t i = 0; i < count; i++)
		delivery_configure(deliveries[i], config, &rules->targets[i]);
	for (size_t i = 0; i < count; i++)
		delivery_kick(deliveries[i], false);
	seed_load_again(&zone->seed);
	return 0;
}

bool served_close(struct served_zone *zone)
{
	struct content *content = &zone->content;

	if (!content->is_closing) {
		content->is_closing = true;
		reverse_close(&zone->reverse);
		adopt_cancel(zone);
		reconcile_close(zone);
		for (size_t i = 0; i < content->delivery_count; i++)
			delivery_save(content->deliveries[i]);
	}
	zone_requests_give_up(&zone->requests);
	return content->operations == 0 && zone_requests_are_quiet(&zone->requests);
}

bool served_is_quiet(const struct served_zone *zone)
{
	return zone->content.operations == 0 && zone_requests_are_quiet(&zone->requests);
}

bool served_is_settled(const struct served *served)
{
	const struct served_zone *zone, *next;

	HASH_ITER(hh, served->zones, zone, next) {
		for (size_t i = 0; i < zone->content.delivery_count; i++) {
			if (!delivery_is_settled(zone->content.deliveries[i]))
				return false;
		}
	}
	return departures_are_quiet(&served->thread->departures);
}

bool served_is_loading(const struct served_zone *zone)
{
	return !zone->content.mirror &&
		(content_is_taking(&zone->content) ||
			(!zone->was_tried && !zone->seed.was_tried));
}
