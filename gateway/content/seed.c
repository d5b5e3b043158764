/*
 * The content of a zone of the gateway's own (seed.h).
 */
#include "gateway/content/seed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/log.h"
#include "tsig/plural.h"
#include "zones/rdata.h"

enum { /* seconds, as RFC 1912 2.2 suggests for a zone with changing records */
	SEED_TTL = 3600,
	SEED_REFRESH = 3600,
	SEED_RETRY = 600,
	SEED_EXPIRE = 604800,
	SEED_MINIMUM = 60,
};

enum {
	LOOK_MS = 2000, /* how often an unreadable file is looked at */
	/* after this many looks, a file that seems unchanged is read again */
	PATIENCE = 30,
};

/* One attempt to load a zone, which is read by the reader's thread. */
struct seeding {
	struct thread_read read; /* first */
	struct journal_op op;    /* stores a seed */
	struct seed *seed;       /* NULL: it no longer wants it */
	struct config *config;   /* counted: contains rules */
	const struct config_zone *rules;
	struct name_seed name_seed;
	int64_t id;    /* store_ops.zone_id */
	int64_t now_s; /* real time */
	struct zone *zone;
	bool is_new; /* it is the seed, and not in the database yet */
	/* Removes what is left there of a seed that was not stored to its end; NULL:
	 * nothing is. */
	struct changeset *leftovers;
	bool is_bad; /* the seed cannot be read */
	struct seed_file file;
	char error[ZONE_ERROR_MAX]; /* with is_bad */
};

static void seeding_free(struct seeding *seeding)
{
	zone_free(seeding->zone);
	changeset_unref(seeding->leftovers);
	config_unref(seeding->config);
	free(seeding);
}

/* ---- in the reader's thread: the seed ---- */

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

/* A SOA and an NS make it a valid zone.  The serial is the time, which is newer than
 * the serial of an earlier zone of this name. */
static int make_up_seed(const struct seeding *seeding)
{
	const struct config_zone *rules = seeding->rules;
	const bool has_room =
		name_len(rules->name) + sizeof("hostmaster") <= NAME_MAX_LEN;
	char host[NAME_TEXT_MAX] = "ns", soa[NAME_TEXT_MAX + 128];
	int r;

	if (rules->mname)
		name_to_text(rules->mname, host);
	else if (!has_room)
		strcpy(host, "@");
	snprintf(soa, sizeof(soa), "%s %s %u %d %d %d %d", host,
		has_room ? "hostmaster" : "@", (uint32_t)seeding->now_s, SEED_REFRESH,
		SEED_RETRY, SEED_EXPIRE, SEED_MINIMUM);
	r = put_seed_record(seeding->zone, TYPE_SOA, soa);
	return r ? r : put_seed_record(seeding->zone, TYPE_NS, host);
}

static void warn_of_seed(const char *message, void *arg)
{
	const struct seeding *seeding = arg;

	log_warning("zone %s: %s", seeding->rules->text, message);
}

/* What shows whether a file has changed, or is missing. */
static struct seed_file look_at(const char *path)
{
	struct stat st;

	if (!path || stat(path, &st))
		return (struct seed_file){0};
	return (struct seed_file){.device = (uint64_t)st.st_dev,
		.inode = st.st_ino,
		.size = st.st_size,
		.changed_s = st.st_mtim.tv_sec,
		.changed_ns = st.st_mtim.tv_nsec};
}

/* 0, even if it is bad, or -ENOMEM. */
static int read_seed(struct seeding *seeding)
{
	const char *path = seeding->rules->targets[0].file;
	int r;

	seeding->file = look_at(path);
	if (path) {
		r = zone_load_file(
			seeding->zone, path, warn_of_seed, seeding, seeding->error);
	} else {
		r = make_up_seed(seeding);
		if (r)
			snprintf(seeding->error, sizeof(seeding->error),
				"creating its initial records: %s", strerror(-r));
	}
	seeding->is_bad = r && r != -ENOMEM;
	return r == -ENOMEM ? r : 0;
}

/* Those that the new zone does not replace.  0 or -ENOMEM. */
static int find_leftovers(struct seeding *seeding, const struct zone *old)
{
	const struct zone_node *node;
	const struct rrset *set;
	size_t cursor = 0;
	int r = 0;

	seeding->leftovers = changeset_new();
	if (!seeding->leftovers)
		return -ENOMEM;
	while (!r && (node = zone_next_node(old, &cursor))) {
		const uint8_t *owner = zone_node_owner(node);

		for (unsigned i = 0; !r && (set = zone_node_rrset(node, i)); i++) {
			if (!zone_find(seeding->zone, owner, set->type))
				r = changeset_append(
					seeding->leftovers, owner, set->type, NULL, NULL);
		}
	}
	return r;
}

/* 0, even if the seed is bad, or -ENOMEM. */
static int begin_anew(struct seeding *seeding)
{
	struct zone *old = seeding->zone;
	int r;

	seeding->is_new = true;
	seeding->zone = zone_new_seeded(seeding->rules->name, &seeding->name_seed);
	r = seeding->zone ? read_seed(seeding) : -ENOMEM;
	if (!r && !seeding->is_bad && zone_count_records(old))
		r = find_leftovers(seeding, old);
	zone_free(old);
	return r;
}

static int read_zone(
	struct reader_job *job, const struct store_ops *ops, struct store *store)
{
	struct seeding *seeding = (struct seeding *)(void *)job;
	int r;

	seeding->zone = zone_new_seeded(seeding->rules->name, &seeding->name_seed);
	if (!seeding->zone)
		return -ENOMEM;
	r = ops->read_records(store, seeding->id, seeding->zone);
	return r || zone_soa(seeding->zone) ? r : begin_anew(seeding);
}

/* ---- out of service ---- */

static bool is_same_file(const struct seed_file *a, const struct seed_file *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
		a->changed_s == b->changed_s && a->changed_ns == b->changed_ns;
}

/* Logged when it is news.  Clients need not know where files are. */
static void stay_out(struct seed *seed, const char *why)
{
	struct content *content = seed->content;

	if (!seed->why || strcmp(seed->why, why) != 0) {
		log_error("zone %s: out of service: %s", content->text, why);
		free(seed->why);
		seed->why = strdup(why);
	}
	seed->is_failed = true;
	seed->was_tried = true;
	seed->looks = 0;
	content->not_ready = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
		"the zone is out of service: the gateway's log says why");
	alarm_set_in(&seed->alarm, LOOK_MS);
}

/* ---- loading ---- */

static void on_taken(int result, void *arg)
{
	struct seed *seed = arg;
	struct content *content = seed->content;
	size_t records;

	if (result) {
		stay_out(seed,
			result == -ENOMEM ? "out of memory"
					  : "the journal cannot be read");
		return;
	}
	free(seed->why);
	seed->why = NULL;
	records = zone_count_records(content->mirror);
	log_info("zone %s: %zu %s in service", content->text, records,
		PLURAL(records, "record"));
	content_tell_loaded(content);
	zone_thread_later(content->thread, &content->kick);
}

/* Changes in the journal are applied on top. */
static void go_into_service(struct seed *seed, struct seeding *seeding)
{
	struct zone *zone = seeding->zone;

	seeding->zone = NULL;
	seed->is_failed = false;
	content_take_zone(seed->content, zone,
		&(struct content_take){.taken = on_taken, .arg = seed});
}

static void on_seeded(struct journal_op *op, void *arg)
{
	struct seeding *seeding = arg;
	struct seed *seed = seeding->seed;

	if (op->result) {
		char error[STORE_ERROR_MAX], why[STORE_ERROR_MAX + 64];

		journal_last_error(seed->content->thread->journal, error);
		snprintf(why, sizeof(why), "its initial records could not be stored: %s",
			error);
		stay_out(seed, why);
	} else {
		go_into_service(seed, seeding);
	}
	seeding_free(seeding);
}

/* The whole seed is stored before the first update can build on it. */
static void store_seed(struct seed *seed, struct seeding *seeding)
{
	struct content *content = seed->content;
	struct delivery *primary = content_primary(content);

	seeding->op = (struct journal_op){
		.kind = JOURNAL_RECORDS,
		.zone = content->id,
		.seq = delivery_cursor(primary),
		.changes = seeding->leftovers,
		.content = seeding->zone,
		.target = delivery_id(primary),
		.done = on_seeded,
		.arg = seeding,
	};
	seed->is_failed = false;
	content->not_ready =
		verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY, "the zone is being set up");
	content_submit(content, &seeding->op);
}

static void stay_out_unread(struct seed *seed, const struct seeding *seeding)
{
	char why[STORE_ERROR_MAX + 64];

	if (seeding->is_bad) {
		seed->is_bad = true;
		seed->file = seeding->file;
		stay_out(seed, seeding->error);
		return;
	}
	snprintf(why, sizeof(why), "its records cannot be read: %s",
		seeding->read.job.error);
	stay_out(seed, why);
}

static void on_read(struct thread_read *read)
{
	struct seeding *seeding = (struct seeding *)(void *)read;
	struct seed *seed = seeding->seed;

	if (seed)
		seed->reading = NULL;
	if (seed && !seed->content->is_closing) {
		if (read->job.result || seeding->is_bad) {
			stay_out_unread(seed, seeding);
		} else if (seeding->is_new) {
			store_seed(seed, seeding);
			return;
		} else {
			go_into_service(seed, seeding);
		}
	}
	seeding_free(seeding);
}

static void give_up_reading(struct seed *seed)
{
	if (!seed->reading)
		return;
	atomic_store(&seed->reading->read.job.is_given_up, true);
	seed->reading->seed = NULL;
	seed->reading = NULL;
}

void seed_load(struct seed *seed)
{
	struct content *content = seed->content;
	struct seeding *seeding = calloc(1, sizeof(*seeding));

	give_up_reading(seed);
	seed->is_bad = false;
	if (!seeding) {
		stay_out(seed, "out of memory");
		return;
	}
	seeding->read.job.run = read_zone;
	seeding->read.done = on_read;
	seeding->seed = seed;
	seeding->config = config_ref(content->config);
	seeding->rules = content->rules;
	seeding->name_seed = content->thread->target_env.seed;
	seeding->id = content->id;
	seeding->now_s = turn_real_s(&content->thread->time);
	seed->reading = seeding;
	zone_thread_read(content->thread, &seeding->read);
}

static void on_alarm(void *arg)
{
	struct seed *seed = arg;
	const struct content *content = seed->content;
	const char *path = content->rules->targets[0].file;
	const struct seed_file file = look_at(path);

	if (!seed->is_failed || content->is_closing)
		return;
	if (!content->thread->is_broken &&
		(!path || ++seed->looks >= PATIENCE || !is_same_file(&file, &seed->file)))
		seed_load(seed);
	else
		alarm_set_in(&seed->alarm, LOOK_MS);
}

/* ---- life ---- */

void seed_init(struct seed *seed, struct content *content)
{
	seed->content = content;
	alarm_init(&seed->alarm, &content->thread->alarms, on_alarm, seed);
}

void seed_clear(struct seed *seed)
{
	give_up_reading(seed);
	alarm_stop(&seed->alarm);
	free(seed->why);
}

void seed_load_again(struct seed *seed)
{
	if (!seed->is_failed)
		return;
	free(seed->why);
	seed->why = NULL;
	seed_load(seed);
}
