/*
 * The zones that a zone thread serves: opens them, reconfigures them, and closes them.
 */
#include "gateway/served/writer.h"

#include <errno.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/thread/pruning.h"

enum {
	/* until zones that could not be opened are tried again */
	WRITER_REOPEN_MS = 5000,
	/* of them at a time, since other zones have to be served */
	WRITER_REOPEN_MAX = 64,
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

/* 0 or -errno; even then *ret_zone may be set, and must be closed. */
static int open_zone(struct served_zone **ret_zone, struct served *served,
	struct config *config, const struct config_zone *zone_config)
{
	int r = served_new(ret_zone, served, config, zone_config);
	struct served_zone *zone = *ret_zone;

	if (r)
		return r;
	HASH_ADD_KEYPTR(hh, served->zones, zone->content.name,
		name_len(zone->content.name), zone);
	return zone->is_lost ? -ENOMEM : 0;
}

static void give_up(struct writer *writer, const uint8_t *name)
{
	zone_claims_give_up(&writer->shared->claims, name);
}

static int claim(struct writer *writer, const uint8_t *name)
{
	return zone_claims_take(
		&writer->shared->claims, name, writer->thread.number, &writer->handovers);
}

void writer_open_zone(struct writer *writer, struct config *config,
	const struct config_zone *zone_config)
{
	struct served *served = &writer->served;
	struct served_zone *zone = NULL;
	int r = claim(writer, zone_config->name);

	if (r == -EBUSY) {
		/* writer_take_over will be called; but if two threads want it, one may
		 * miss that. */
		set_reopen_alarm(writer);
		return;
	}
	if (!r) {
		r = open_zone(&zone, served, config, zone_config);
		if (!r) {
			served_note_opened(served, zone_config->name);
			return;
		}
		if (zone)
			start_closing(writer, zone);
		else
			give_up(writer, zone_config->name);
	}
	served_note_unopened(served, zone_config->name, r);
	set_reopen_alarm(writer);
}

static void close_zone(struct writer *writer, struct served_zone *zone)
{
	HASH_DEL(writer->served.zones, zone);
	start_closing(writer, zone);
}

/* Frees it, and lets another thread have it. */
static void end(struct writer *writer, struct served_zone *zone)
{
	uint8_t name[NAME_MAX_LEN];

	memcpy(name, zone->content.name, sizeof(name));
	served_free(zone);
	give_up(writer, name);
}

/* Its settings in the newest configuration; NULL: it is not there, or not ours. */
static const struct config_zone *find_ours(
	const struct writer *writer, const uint8_t *name)
{
	const struct config_zone *zone = config_find_zone(writer->config, name);

	return zone && zone_thread_serves(&writer->thread, zone) ? zone : NULL;
}

void writer_sweep_closing(struct writer *writer)
{
	struct served_zone *zone, *next;

	for (zone = LIST_FIRST(&writer->closing); zone; zone = next) {
		const struct config_zone *again = find_ours(writer, zone->content.name);

		next = LIST_NEXT(zone, closing_entry);
		if (!served_close(zone))
			continue;
		LIST_REMOVE(zone, closing_entry);
		end(writer, zone);
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

void writer_take_over(struct writer *writer, const uint8_t *name)
{
	const struct config_zone *zone = find_ours(writer, name);

	if (zone && !writer->is_stopping && !served_find(&writer->served, name) &&
		!is_closing(writer, name))
		writer_open_zone(writer, writer->config, zone);
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

		if (!zone_thread_serves(&writer->thread, zone) ||
			served_find(&writer->served, zone->name) ||
			is_closing(writer, zone->name))
			continue;
		writer_open_zone(writer, writer->config, zone);
		tried++;
	}
	if (tried == WRITER_REOPEN_MAX)
		set_reopen_alarm(writer);
}

static void close_others(struct writer *writer)
{
	struct served_zone *zone, *next;

	HASH_ITER(hh, writer->served.zones, zone, next) {
		if (!find_ours(writer, zone->content.name))
			close_zone(writer, zone);
	}
	served_forget_unopened(&writer->served, writer->config);
}

void writer_reload_zones(struct writer *writer, struct config *config)
{
	config_unref(writer->config);
	writer->config = config;
	writer->served.reverse.config = config;
	close_others(writer);
	for (size_t i = 0; i < config->zone_count; i++) {
		const struct config_zone *zone = &config->zones[i];

		if (zone_thread_serves(&writer->thread, zone))
			reload_zone(writer, config, zone);
		else
			served_note_opened(&writer->served, zone->name);
	}
	if (writer->pruning)
		pruning_configure(writer->pruning, config->audit_days);
	requests_set_fudge(&writer->served.requests, config->max_fudge_s);
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
