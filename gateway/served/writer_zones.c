/*
 * Which zones a zone thread serves: those of its configuration are opened, others closed.
 */
#include "gateway/served/writer.h"

#include <errno.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/served/opening.h"
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

/* Its settings in the newest configuration; NULL: it is not there, or not ours. */
static const struct config_zone *find_ours(
	const struct writer *writer, const uint8_t *name)
{
	const struct config_zone *zone = config_find_zone(writer->config, name);

	return zone && zone_thread_serves(&writer->thread, zone) ? zone : NULL;
}

static void give_up(struct writer *writer, const uint8_t *name)
{
	zone_claims_give_up(&writer->shared->claims, name);
}

static void fail_to_open(
	struct writer *writer, const uint8_t *name, int error, const char *database_error)
{
	served_note_unopened(&writer->served, name, error, database_error);
	set_reopen_alarm(writer);
}

/* 0 or -ENOMEM, and the claim is given up, at once or when the zone has been closed. */
static int put_into_service(struct writer *writer, struct opening *opening)
{
	struct served *served = &writer->served;
	struct served_zone *zone;
	/* Otherwise the opening would have been given up. */
	int r = served_new(
		&zone, served, writer->config, find_ours(writer, opening->name), opening);

	if (r) {
		give_up(writer, opening->name);
		return r;
	}
	HASH_ADD_KEYPTR(hh, served->zones, zone->content.name,
		name_len(zone->content.name), zone);
	if (!zone->is_lost)
		return 0;
	start_closing(writer, zone);
	return -ENOMEM;
}

static void on_opened(struct opening *opening, int result, const char *error)
{
	struct writer *writer = opening->arg;

	LIST_REMOVE(opening, entry);
	if (result)
		give_up(writer, opening->name);
	else
		result = put_into_service(writer, opening);
	if (result)
		fail_to_open(writer, opening->name, result, error);
	else
		served_note_opened(&writer->served, opening->name);
}

/* 0 or -errno. */
static int begin_to_open(struct writer *writer, const uint8_t *name)
{
	struct opening *opening;
	int r = zone_claims_take(
		&writer->shared->claims, name, writer->thread.number, &writer->handovers);

	if (r)
		return r;
	r = opening_begin(&opening, &writer->thread, name, on_opened, writer);
	if (r) {
		give_up(writer, name);
		return r;
	}
	LIST_INSERT_HEAD(&writer->openings, opening, entry);
	return 0;
}

bool writer_open_zone(struct writer *writer, const struct config_zone *zone)
{
	const int r = begin_to_open(writer, zone->name);

	if (r == -EALREADY)
		return false;
	/* writer_take_over will be called; but if two threads want it, one may miss
	 * that. */
	if (r == -EBUSY)
		set_reopen_alarm(writer);
	else if (r)
		fail_to_open(writer, zone->name, r, NULL);
	return true;
}

static void stop_opening(struct writer *writer, struct opening *opening)
{
	LIST_REMOVE(opening, entry);
	opening_give_up(opening);
	give_up(writer, opening->name);
}

void writer_stop_opening(struct writer *writer)
{
	while (!LIST_EMPTY(&writer->openings))
		stop_opening(writer, LIST_FIRST(&writer->openings));
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
	served_leave(zone, config_find_zone(writer->config, name));
	served_free(zone);
	give_up(writer, name);
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
			writer_open_zone(writer, again);
	}
}

void writer_take_over(struct writer *writer, const uint8_t *name)
{
	const struct config_zone *zone = find_ours(writer, name);

	if (zone && !writer->is_stopping)
		writer_open_zone(writer, zone);
}

/* Opens it, or gives it its newest settings.  False: it has them. */
static bool reload_zone(struct writer *writer, const struct config_zone *zone_config)
{
	struct served_zone *zone = served_find(&writer->served, zone_config->name);
	int r;

	if (zone && zone->content.config == writer->config)
		return false;
	if (zone) {
		r = served_configure(zone, writer->config, zone_config);
		if (!r)
			return true;
		if (r != -EXDEV) {
			log_error("zone %s: its new settings cannot be used yet: %s",
				zone_config->text, strerror(-r));
			set_reopen_alarm(writer);
			return true;
		}
		close_zone(writer, zone);
	}
	/* while it is closed, sweep_closing does */
	return writer_open_zone(writer, zone_config);
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

		if (zone_thread_serves(&writer->thread, zone) &&
			reload_zone(writer, zone))
			tried++;
	}
	if (tried == WRITER_REOPEN_MAX)
		set_reopen_alarm(writer);
}

static void close_others(struct writer *writer)
{
	struct served_zone *zone, *next;
	struct opening *opening, *next_opening;

	HASH_ITER(hh, writer->served.zones, zone, next) {
		if (!find_ours(writer, zone->content.name))
			close_zone(writer, zone);
	}
	for (opening = LIST_FIRST(&writer->openings); opening; opening = next_opening) {
		next_opening = LIST_NEXT(opening, entry);
		if (!find_ours(writer, opening->name))
			stop_opening(writer, opening);
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
			(void)reload_zone(writer, zone);
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
