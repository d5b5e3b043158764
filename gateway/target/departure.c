/*
 * Targets that have left the configuration: see departure.h.
 */
#include "gateway/target/departure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"

struct departure {
	LIST_ENTRY(departure) entry;
	struct departures *all;
	uint8_t zone[NAME_MAX_LEN];
	struct config *config; /* counted: contains target_config */
	const struct config_target *target_config;
	struct target *target; /* NULL: it pauses */
	size_t operations;     /* target_zone.operations; always 0 */
	struct alarm alarm;    /* end of the pause */
	unsigned tries;
	int64_t pause_ms;
	departure_done *done; /* NULL: nobody waits */
	void *arg;
};

static void departure_free(struct departure *d)
{
	LIST_REMOVE(d, entry);
	alarm_stop(&d->alarm);
	if (d->target)
		target_ops(d->target)->free(d->target);
	config_unref(d->config);
	free(d);
}

static void pause_or_give_up(struct departure *d, const struct verdict *why)
{
	char name[NAME_TEXT_MAX];
	const bool is_last = ++d->tries == DEPARTURE_TRIES_MAX;

	name_to_text(d->zone, name);
	if (d->tries == 1 || is_last)
		log_warning("zone %s: what was changed in %s, which is no longer "
			    "configured, cannot be undone there%s: %s",
			name, d->target_config->id,
			is_last ? " (given up: see musterctl rectify --give-back)"
				: " and is tried again",
			why->why);
	if (is_last) {
		departure_free(d);
		return;
	}
	alarm_set_in(&d->alarm, d->pause_ms);
	d->pause_ms *= 2;
	if (d->pause_ms > DEPARTURE_PAUSE_MAX_MS)
		d->pause_ms = DEPARTURE_PAUSE_MAX_MS;
}

static void on_left(void *arg, const struct target_result *result)
{
	struct departure *d = arg;

	target_ops(d->target)->free(d->target);
	d->target = NULL;
	if (d->done)
		d->done(d->arg, result);
	if (d->done || result->outcome == TARGET_DONE)
		departure_free(d);
	else
		pause_or_give_up(d, &result->verdict);
}

/* False: no memory. */
static bool try(struct departure *d)
{
	const struct target_env *env = d->all->env;
	const struct target_zone zone = {.name = d->zone, .operations = &d->operations};

	d->target =
		env->types[d->target_config->type]->new (d->target_config, &zone, env);
	if (d->target)
		target_ops(d->target)->leave(d->target, on_left, d);
	return d->target != NULL;
}

static void on_alarm(void *arg)
{
	const struct verdict why = verdict_no_memory();

	if (!try(arg))
		pause_or_give_up(arg, &why);
}

void departures_init(struct departures *departures, const struct target_env *env)
{
	departures->env = env;
	LIST_INIT(&departures->list);
}

void departures_clear(struct departures *departures)
{
	const struct target_result result = {.outcome = TARGET_FAILED,
		.verdict = verdict_refuse(
			RCODE_SERVFAIL, EDE_NOT_READY, "the gateway is stopping")};
	struct departure *d;

	while ((d = LIST_FIRST(&departures->list))) {
		if (d->done)
			d->done(d->arg, &result);
		departure_free(d);
	}
}

int departures_begin(struct departures *departures, const uint8_t *zone,
	struct config *config, const struct config_target *target, departure_done *done,
	void *arg)
{
	struct departure *d;

	if (!departures->env->types[target->type]->leave)
		return -ENOTSUP;
	if (!done)
		departures_stop(departures, zone, target->id); /* it begins again */
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->all = departures;
	memcpy(d->zone, zone, name_len(zone));
	d->config = config_ref(config);
	d->target_config = target;
	d->pause_ms = DEPARTURE_PAUSE_MIN_MS;
	d->done = done;
	d->arg = arg;
	alarm_init(&d->alarm, departures->env->alarms, on_alarm, d);
	LIST_INSERT_HEAD(&departures->list, d, entry);
	if (try(d))
		return 0;
	departure_free(d);
	return -ENOMEM;
}

void departures_stop(struct departures *departures, const uint8_t *zone, const char *id)
{
	struct departure *d, *next;

	for (d = LIST_FIRST(&departures->list); d; d = next) {
		next = LIST_NEXT(d, entry);
		if (!d->done && name_is_equal(d->zone, zone) &&
			!strcmp(d->target_config->id, id))
			departure_free(d);
	}
}

bool departures_are_quiet(const struct departures *departures)
{
	const struct departure *d;

	LIST_FOREACH(d, &departures->list, entry)
	{
		if (d->target)
			return false;
	}
	return true;
}
