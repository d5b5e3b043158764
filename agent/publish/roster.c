/*
 * The gateways of one zone.
 *
 * Limits: after a lease that could not be refreshed the others are refreshed HEALS times.
 */
#include "agent/publish/roster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/publish/schedule.h"
#include "gateway/base/alarm.h"
#include "gateway/base/log.h"

enum {
	HEALS = 2,
	HEAL_MS = 1500,       /* from a lease's end: the record is gone by then */
	HEAL_AGAIN_MS = 8000, /* for servers that are told of changes more slowly */
};

struct roster {
	struct roster_config config;
	uint8_t zone[NAME_MAX_LEN];
	struct alarm heal;
	unsigned heals;     /* to come */
	int64_t healed_ms;  /* the lease that it is planned for ends */
	int64_t strange_ms; /* the last lease at gateways that are not configured ends;
			     * INT64_MIN: there is none */
	bool is_known;      /* roster_want has been called */
	bool is_withdrawing;
	size_t count;
	struct publisher *publishers[]; /* by gateway; NULL: not registered there */
};

/* ---- what there is ---- */

static bool is_failing(const struct publisher *publisher)
{
	return publisher_status(publisher)->failures > 0;
}

static bool is_well(struct publisher *publisher)
{
	return publisher_status(publisher)->is_ok || !publisher_ledger(publisher)->count;
}

struct publisher *roster_publisher(const struct roster *roster, size_t gateway)
{
	return roster->publishers[gateway];
}

struct publisher *roster_front(const struct roster *roster)
{
	for (size_t i = 0; i < roster->count; i++)
		if (roster->publishers[i] && !is_failing(roster->publishers[i]) &&
			publisher_status(roster->publishers[i])->is_ok)
			return roster->publishers[i];
	for (size_t i = 0; i < roster->count; i++)
		if (roster->publishers[i])
			return roster->publishers[i];
	return NULL;
}

const uint8_t *roster_zone(const struct roster *roster)
{
	return roster->zone;
}

bool roster_is_ok(const struct roster *roster)
{
	if (!roster->is_known && !roster->is_withdrawing)
		return false;
	for (size_t i = 0; i < roster->count; i++)
		if (roster->publishers[i] && is_well(roster->publishers[i]))
			return true;
	return false;
}

bool roster_is_settled(const struct roster *roster)
{
	const int64_t now_ms = turn_monotonic_ms(roster->config.alarms->clock);

	for (size_t i = 0; i < roster->count; i++) {
		struct publisher *p = roster->publishers[i];
		const struct ledger *ledger = p ? publisher_ledger(p) : NULL;

		if (p && !is_failing(p) && ledger->count &&
			(!publisher_status(p)->has_tried ||
				ledger_is_changed(ledger, now_ms)))
			return false;
	}
	return true;
}

int64_t roster_next_ms(const struct roster *roster)
{
	int64_t next_ms = INT64_MAX;

	for (size_t i = 0; i < roster->count; i++) {
		const struct publisher *p = roster->publishers[i];

		if (p && publisher_status(p)->next_ms < next_ms)
			next_ms = publisher_status(p)->next_ms;
	}
	return next_ms;
}

/* ---- registering with one more ---- */

static void on_publisher(
	void *arg, struct publisher *publisher, enum publisher_event event);

static struct publisher *need_publisher(struct roster *roster, size_t i, int64_t delay_ms)
{
	if (!roster->publishers[i])
		roster->publishers[i] = publisher_new(&(struct publisher_config){
			.alarms = roster->config.alarms,
			.config = roster->config.config,
			.gateways = roster->config.gateways,
			.gateway = i,
			.zone = roster->zone,
			.delay_ms = delay_ms,
			.told = on_publisher,
			.arg = roster,
		});
	return roster->publishers[i];
}

static int copy_sent(struct publisher *to, struct publisher *from)
{
	const struct ledger *ledger = publisher_ledger(from);
	int r = 0;

	for (size_t i = 0; i < ledger->count && !r; i++)
		if (ledger->entries[i].is_sent)
			r = ledger_remember(publisher_ledger(to), &ledger->entries[i]);
	return r;
}

static int copy_wanted(struct publisher *to, struct publisher *from)
{
	struct records wanted = {0};
	int r = ledger_get_wanted(publisher_ledger(from), &wanted);

	if (!r)
		r = publisher_want(to, &wanted);
	records_clear(&wanted);
	return r;
}

/* The next gateway gets everything that the failing one should have, and everything that
 * the failing one should remove. */
static void register_next(struct roster *roster, struct publisher *failing)
{
	struct publisher *next;
	size_t i = 0;
	int r = -ENOMEM;

	while (i < roster->count && roster->publishers[i])
		i++;
	if (i == roster->count)
		return;
	next = need_publisher(roster, i, 0);
	if (next && roster->is_withdrawing)
		r = copy_sent(next, failing);
	else if (next)
		r = copy_wanted(next, failing);
	if (r)
		log_error("gateway %s: out of memory",
			roster->config.config->gateways[i].text);
	else if (roster->is_withdrawing)
		publisher_withdraw(next);
}

static bool is_all_failing(const struct roster *roster)
{
	for (size_t i = 0; i < roster->count; i++)
		if (roster->publishers[i] && !is_failing(roster->publishers[i]))
			return false;
	return true;
}

/* ---- leases that end although the host is alive ---- */

/* When the last lease that nobody refreshes ends; INT64_MIN: there is none. */
static int64_t find_lost_lease(const struct roster *roster)
{
	int64_t last_ms = roster->strange_ms;

	for (size_t i = 0; i < roster->count; i++) {
		struct publisher *p = roster->publishers[i];
		const int64_t end_ms = p && is_failing(p)
			? ledger_last_expiry(publisher_ledger(p))
			: INT64_MIN;

		if (end_ms > last_ms)
			last_ms = end_ms;
	}
	return last_ms;
}

static void plan_heal(struct roster *roster)
{
	const int64_t end_ms = find_lost_lease(roster);

	if (roster->is_withdrawing || end_ms <= roster->healed_ms)
		return;
	roster->healed_ms = end_ms;
	roster->heals = HEALS;
	alarm_set(&roster->heal, end_ms + HEAL_MS);
}

static void on_heal(void *arg)
{
	struct roster *roster = arg;

	if (roster->is_withdrawing || find_lost_lease(roster) == INT64_MIN)
		return;
	for (size_t i = 0; i < roster->count; i++)
		if (roster->publishers[i] && !is_failing(roster->publishers[i]))
			publisher_refresh(roster->publishers[i]);
	if (--roster->heals)
		alarm_set_in(&roster->heal, HEAL_AGAIN_MS);
	else
		roster->strange_ms = INT64_MIN;
}

/* ---- what the publishers tell ---- */

static void on_publisher(
	void *arg, struct publisher *publisher, enum publisher_event event)
{
	struct roster *roster = arg;

	if (event == PUBLISHER_DONE && is_failing(publisher)) {
		if (is_all_failing(roster))
			register_next(roster, publisher);
		plan_heal(roster);
	}
	roster->config.told(roster->config.arg, event);
}

/* ---- the interface ---- */

struct roster *roster_new(const struct roster_config *config)
{
	const size_t count = config->config->gateway_count;
	struct roster *roster =
		calloc(1, sizeof(*roster) + count * sizeof(struct publisher *));

	if (!roster)
		return NULL;
	roster->config = *config;
	roster->count = count;
	roster->healed_ms = roster->strange_ms = INT64_MIN;
	memcpy(roster->zone, config->zone, name_len(config->zone));
	roster->config.zone = roster->zone;
	alarm_init(&roster->heal, config->alarms, on_heal, roster);
	if (need_publisher(roster, 0, config->delay_ms))
		return roster;
	roster_free(roster);
	return NULL;
}

void roster_free(struct roster *roster)
{
	if (!roster)
		return;
	for (size_t i = 0; i < roster->count; i++)
		publisher_free(roster->publishers[i]);
	alarm_stop(&roster->heal);
	free(roster);
}

int roster_remember(
	struct roster *roster, const char *gateway, const struct ledger_entry *entry)
{
	const struct config *config = roster->config.config;
	struct publisher *publisher;
	size_t i = 0;

	while (i < config->gateway_count && strcmp(config->gateways[i].text, gateway))
		i++;
	if (i == config->gateway_count) {
		i = 0;
		if (entry->is_leased && entry->expires_ms > roster->strange_ms)
			roster->strange_ms = entry->expires_ms;
	}
	publisher = need_publisher(roster, i, roster->config.delay_ms);
	return publisher ? ledger_remember(publisher_ledger(publisher), entry) : -ENOMEM;
}

int roster_want(struct roster *roster, const struct records *records)
{
	int r = 0;

	for (size_t i = 0; i < roster->count; i++) {
		const int e = roster->publishers[i]
			? publisher_want(roster->publishers[i], records)
			: 0;

		r = r ? r : e;
	}
	if (!roster->is_known)
		plan_heal(roster);
	roster->is_known = true;
	return r;
}

void roster_hurry(struct roster *roster)
{
	for (size_t i = 0; i < roster->count; i++)
		if (roster->publishers[i])
			publisher_hurry(roster->publishers[i]);
}

static bool has_sent(struct publisher *publisher)
{
	return publisher && ledger_count_sent(publisher_ledger(publisher)) > 0;
}

void roster_withdraw(struct roster *roster)
{
	bool is_anywhere = false;

	roster->is_withdrawing = true;
	for (size_t i = 0; i < roster->count; i++)
		is_anywhere |= has_sent(roster->publishers[i]);
	for (size_t i = 0; i < roster->count; i++) {
		struct publisher **p = &roster->publishers[i];

		/* A gateway with nothing to remove must not hide others that fail. */
		if (*p && is_anywhere && !has_sent(*p)) {
			publisher_free(*p);
			*p = NULL;
		}
		if (*p)
			publisher_withdraw(*p);
	}
}
