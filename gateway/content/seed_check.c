/*
 * Reads zone files as at the start, without keeping them (seed_check.h).
 */
#include "gateway/content/seed_check.h"

#include <errno.h>
#include <stdio.h>

#include "gateway/journal/store.h"
#include "zones/zone.h"

struct checking {
	const struct config_zone *zone;
	config_report *report;
	void *arg;
};

static void tell(const struct checking *c, bool is_error, const char *what)
{
	char message[ZONE_ERROR_MAX + NAME_TEXT_MAX + 16];

	snprintf(message, sizeof(message), "zone %s: %s", c->zone->text, what);
	c->report(is_error, message, c->arg);
}

static void tell_warning(const char *message, void *arg)
{
	tell(arg, false, message);
}

static int check_zone(struct checking *c)
{
	struct zone *zone = zone_new(c->zone->name);
	char error[ZONE_ERROR_MAX] = "out of memory";
	int r = -ENOMEM;

	if (zone)
		r = zone_load_file(
			zone, c->zone->targets[0].file, tell_warning, c, error);
	if (r)
		tell(c, true, error);
	zone_free(zone);
	return r ? -EINVAL : 0;
}

int seed_check(const struct config *config, config_report *report, void *arg)
{
	int r = 0;

	for (size_t i = 0; i < config->zone_count; i++) {
		struct checking c = {
			.zone = &config->zones[i], .report = report, .arg = arg};

		if (!c.zone->targets[0].file ||
			store_sqlite_has_zone(config->database, c.zone->name))
			continue;
		if (check_zone(&c))
			r = -EINVAL;
	}
	return r;
}
