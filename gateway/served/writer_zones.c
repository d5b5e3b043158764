/*
 * The zones that a zone thread serves: opened, those of a new configuration, closed.
 */
#include "gateway/served/writer_private.h"

#include <errno.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/thread/pruning.h"

enum {
	WRITER_REOPEN_MS = 5000, /* until zones that could not be opened are tried */
	WRITER_REOPEN_MAX = 64,  /* of them at a time: others want to be served */
};

/* It waits in closing until nothing points to it any more. */
static void start_closing(struct writer *writer, struct served_zone *zone)
{
	LIST_INSERT_HEAD(&writer->closing, zone, closing_entry);
	(void)served_close(zone);
}

static void set_reopen_alarm(struct writer *writer)
{
	alarm_set_in(&writer->reopen_alarm, WRITER_REOPEN_MS);
}

void writer_open_zone(struct writer *writer, struct config *config,
	const struct config_zone *zone_config)
{
	struct served *served = &writer->served;
	struct served_zone *zone = NULL;
	int r = served_new(&zone, served, config, zone_config);

	if (!r) {
		const uint8_t *name = zone->content.name;

		HASH_ADD_KEYPTR(hh, served->zones, name, name_len(name), zone);
		r = zone->is_lost ? -ENOMEM : 0;
	}
	if (!r) {
		served_note_opened(served, zone_config->name);
		return;
	}
	served_note_unopened(served, zone_config->name, r);
	if (zone)
		start_closing(writer, zone);
	set_reopen_alarm(writer);
}

static void close_zone(struct writer *writer, struct served_zone *zone)
{
	HASH_DEL(writer->served.zones, zone);
	start_closing(writer, zone);
}

void writer_sweep_closing(struct writer *writer)
{
	struct served_zone *zone, *next;

	for (zone = LIST_FIRST(&writer->closing); zone; zone = next) {
		const struct config_zone *again =
			config_find_zone(writer->config, zone->content.name);

		next = LIST_NEXT(zone, closing_entry);
		if (!served_close(zone))
			continue;
		LIST_REMOVE(zone, closing_entry);
		served_free(zone);
		if (again && !writer->is_stopping)
			writer_open_zone(writer, writer->config, again);
	}
}

static bool is_closing(const struct writer *writer, const uint8_t *name)
{
	const struct served_zone *zone;

	LIST_FOREACH(zone, &writer->closing, closing_entry)
	{
		if (name_is_equal(zone->content.name, name))
			return true;
	}
	return false;
}

static void reload_zone(struct writer *writer, struct config *config,
	const struct config_zone *zone_config)
{
	struct served_zone *zone = served_find(&writer->served, zone_config->name);
	int r;

	if (zone) {
		r = served_configure(zone, config, zone_config);
		if (!r)
			return;
		if (r != -EXDEV) {
			log_error("zone %s: %s", zone_config->text, strerror(-r));
			return;
		}
		close_zone(writer, zone);
	}
	/* Otherwise sweep_closing opens it. */
	if (!is_closing(writer, zone_config->name))
		writer_open_zone(writer, config, zone_config);
}

void writer_on_reopen(void *arg)
{
	struct writer *writer = arg;
	const struct config *config = writer->config;
	size_t tried = 0;

	if (writer->is_stopping)
		return;
	for (size_t i = 0; i < config->zone_count && tried < WRITER_REOPEN_MAX; i++) {
		const size_t at = writer->reopen_at++ % config->zone_count;
		const struct config_zone *zone = &config->zones[at];

		if (served_find(&writer->served, zone->name) ||
			is_closing(writer, zone->name))
			continue;
		writer_open_zone(writer, writer->config, zone);
		tried++;
	}
	if (tried == WRITER_REOPEN_MAX)
		set_reopen_alarm(writer);
}

void writer_reload_zones(struct writer *writer, struct config *config)
{
	struct served_zone *zone, *next;

	HASH_ITER(hh, writer->served.zones, zone, next) {
		if (!config_find_zone(config, zone->content.name))
			close_zone(writer, zone);
	}
	served_forget_unopened(&writer->served, config);
	for (size_t i = 0; i < config->zone_count; i++)
		reload_zone(writer, config, &config->zones[i]);
	config_unref(writer->config);
	writer->config = config;
	pruning_configure(writer->pruning, config->audit_days);
	replay_set_window(writer->served.requests.replay, config->max_fudge_s,
		turn_real_ms(&writer->thread.time) / 1000);
}

void writer_free_zones(struct writer *writer)
{
	struct served_zone *zone, *next;

	HASH_ITER(hh, writer->served.zones, zone, next) {
		HASH_DEL(writer->served.zones, zone);
		served_free(zone);
	}
	while ((zone = LIST_FIRST(&writer->closing))) {
		LIST_REMOVE(zone, closing_entry);
		served_free(zone);
	}
}
