/*
 * Zones with a local target: loaded from the database, or from their seed, which is a
 * file or made up.
 *
 * A zone that cannot be loaded is out of service, with the reason where administrators
 * look, and is tried again until it can: when the configuration is read again, when its
 * file has changed, and now and then in any case, since other files may be included.
 */
#include "gateway/served/served.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/log.h"
#include "zones/rdata.h"

enum { /* RFC 1912 2.2's order of magnitude for a zone whose records come and go, seconds
	*/
	SEED_TTL = 3600,
	SEED_REFRESH = 3600,
	SEED_RETRY = 600,
	SEED_EXPIRE = 604800,
	SEED_MINIMUM = 60,
};

enum {
	LOOK_S = 2,    /* how often a file that could not be read is looked at */
	PATIENCE = 30, /* after so many looks a file that seems unchanged is read again */
};

/* ---- the seed ---- */

static int put_seed_record(struct zone *zone, uint16_t type, const char *text)
{
	uint8_t rdata[2 * NAME_MAX_LEN + 20];
	struct rr rr = {
		.owner = zone_apex(zone),
		.type = type,
		.class = CLASS_IN,
		.ttl = SEED_TTL,
		.rdata = rdata,
	};
	int len = rdata_from_text(type, text, zone_apex(zone), rdata, sizeof(rdata));

	if (len < 0)
		return len;
	rr.rdata_len = (uint16_t)len;
	return zone_load_rr(zone, &rr);
}

/* A SOA and an NS, so that the zone is one.  The serial is the time: newer than that of a
 * zone that was here before. */
static int make_up_seed(struct served_zone *zone, struct zone *content)
{
	const bool has_room = name_len(zone->name) + sizeof("hostmaster") <= NAME_MAX_LEN;
	char host[NAME_TEXT_MAX] = "ns", soa[NAME_TEXT_MAX + 128];
	int r;

	if (zone->zone->mname)
		name_to_text(zone->zone->mname, host);
	else if (!has_room)
		strcpy(host, "@");
	snprintf(soa, sizeof(soa), "%s %s %u %d %d %d %d", host,
		has_room ? "hostmaster" : "@",
		(uint32_t)(turn_real_ms(&zone->thread->time) / 1000), SEED_REFRESH,
		SEED_RETRY, SEED_EXPIRE, SEED_MINIMUM);
	r = put_seed_record(content, TYPE_SOA, soa);
	return r ? r : put_seed_record(content, TYPE_NS, host);
}

static void warn_of_seed(const char *message, void *arg)
{
	const struct served_zone *zone = arg;

	log_warning("zone %s: %s", zone->zone->text, message);
}

static int read_seed(struct served_zone *zone, const char *path, struct zone *content,
	char ret_error[ZONE_ERROR_MAX])
{
	int r;

	if (path)
		return zone_load_file(content, path, warn_of_seed, zone, ret_error);
	r = make_up_seed(zone, content);
	if (r)
		snprintf(ret_error, ZONE_ERROR_MAX, "making up its seed: %s",
			strerror(-r));
	return r;
}

/* ---- out of service ---- */

/* What tells whether a file is another one, or none. */
static struct served_file look_at(const char *path)
{
	struct stat st;

	if (!path || stat(path, &st))
		return (struct served_file){0};
	return (struct served_file){.device = (uint64_t)st.st_dev,
		.inode = st.st_ino,
		.size = st.st_size,
		.changed_s = st.st_mtim.tv_sec,
		.changed_ns = st.st_mtim.tv_nsec};
}

static bool is_same_file(const struct served_file *a, const struct served_file *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
		a->changed_s == b->changed_s && a->changed_ns == b->changed_ns;
}

static void look_later(struct served_zone *zone)
{
	alarm_set_in(&zone->refresh_alarm, LOOK_S * 1000);
}

/* Logged when it is news.  Where files are does not concern clients. */
static void stay_out(struct served_zone *zone, const char *why)
{
	struct served_local *local = &zone->local;

	if (!local->why || strcmp(local->why, why) != 0) {
		log_error("zone %s: out of service: %s", zone->zone->text, why);
		free(local->why);
		local->why = strdup(why);
	}
	local->is_failed = true;
	local->looks = 0;
	zone->was_tried = true;
	zone->not_ready = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
		"the zone is out of service: the gateway's log says why");
	look_later(zone);
}

/* ---- loading ---- */

struct seeding {
	struct journal_op op;
	struct served_zone *zone;
	struct zone *content;
};

static void go_into_service(struct served_zone *zone, struct zone *content)
{
	if (mirror_go_into_service(zone, content)) {
		zone_free(content);
		stay_out(zone, "out of memory");
		return;
	}
	zone->local.is_failed = false;
	free(zone->local.why);
	zone->local.why = NULL;
}

static void on_seeded(struct journal_op *op, void *arg)
{
	struct seeding *seeding = arg;
	struct served_zone *zone = seeding->zone;

	zone->operations--;
	if (op->result) {
		char error[STORE_ERROR_MAX], why[STORE_ERROR_MAX + 32];

		journal_last_error(zone->thread->journal, error);
		snprintf(why, sizeof(why), "its seed could not be stored: %s", error);
		zone_free(seeding->content);
		stay_out(zone, why);
	} else {
		go_into_service(zone, seeding->content);
	}
	free(seeding);
}

/* The seed is stored whole before the first update can build on it. */
static void store_seed(struct served_zone *zone, struct zone *content)
{
	struct seeding *seeding = calloc(1, sizeof(*seeding));

	if (!seeding) {
		zone_free(content);
		stay_out(zone, "out of memory");
		return;
	}
	seeding->zone = zone;
	seeding->content = content;
	seeding->op = (struct journal_op){
		.kind = JOURNAL_CONTENT,
		.zone = zone->id,
		.seq = delivery_cursor(zone->deliveries[0]),
		.content = content,
		.target = delivery_id(zone->deliveries[0]),
		.done = on_seeded,
		.arg = seeding,
	};
	zone->operations++;
	zone->local.is_failed = false;
	zone->not_ready =
		verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY, "the zone is being set up");
	zone_thread_submit(zone->thread, &seeding->op);
}

static void load_seed(struct served_zone *zone, struct zone *content)
{
	const char *path = zone->zone->targets[0].file;
	char error[ZONE_ERROR_MAX];

	zone->local.file = look_at(path);
	if (read_seed(zone, path, content, error)) {
		zone_free(content);
		zone->local.is_seed_bad = true;
		stay_out(zone, error);
		return;
	}
	store_seed(zone, content);
}

void mirror_load_local(struct served_zone *zone)
{
	struct zone_thread *thread = zone->thread;
	struct zone *content = zone_new_seeded(zone->name, &thread->target_env.seed);
	char why[STORE_ERROR_MAX + 32];

	zone->local.is_seed_bad = false;
	if (!content) {
		stay_out(zone, "out of memory");
	} else if (thread->store_ops->read_records(thread->store, zone->id, content)) {
		snprintf(why, sizeof(why), "its records cannot be read: %s",
			thread->store_ops->error(thread->store));
		zone_free(content);
		stay_out(zone, why);
	} else if (zone_soa(content)) {
		go_into_service(zone, content);
	} else {
		load_seed(zone, content);
	}
}

void mirror_look_again(struct served_zone *zone)
{
	const char *path = zone->zone->targets[0].file;
	const struct served_file file = look_at(path);

	if (!zone->local.is_failed || zone->is_closing)
		return;
	if (!zone->thread->is_broken &&
		(!path || ++zone->local.looks >= PATIENCE ||
			!is_same_file(&file, &zone->local.file)))
		mirror_load_local(zone);
	else
		look_later(zone);
}
