/*
 * Everything that control may see of the zones in service, and may order for them.
 *
 * Each function here is the run of a zone_call (zone_threads.h) whose subject is one of
 * the structures below.  The caller fills in the question, and reads the answer when
 * the call comes back.  Answers are copies, in pages of bounded size, without pointers
 * into what belongs to a zone thread.  Control includes nothing else of the zone
 * threads' rooms (tests/lint/layers.sh).
 *
 * A call about one zone names it (zone_call.zone).  A call about all zones names none:
 * every zone thread runs it in turn, and fills in what it knows.
 */
#ifndef MUSTER_VIEW_H
#define MUSTER_VIEW_H

#include "gateway/config/config.h"
#include "gateway/journal/journal.h"
#include "gateway/served/reconcile_outcome.h"
#include "gateway/served/zone_threads.h"
#include "gateway/target/target_counts.h"
#include "gateway/target/target_trouble.h"
#include "zones/lease.h"

enum {
	/* zones of one page: about 0.1 ms of a zone thread's time */
	VIEW_ZONES_MAX = 200,
	VIEW_PAGE_MAX = 500,   /* leases of one page that are looked at, or copied */
	VIEW_SERVERS_MAX = 64, /* of the targets of all zones */
	VIEW_SYNC_MAX = 1000,  /* records that differ and are shown */
};

/* ---- all zones, page by page ---- */

struct view_target {
	char *id;    /* config_target.id; owned */
	char *place; /* where it is reached, if not at its first place; owned */
	bool is_primary, is_local;
	bool is_down;
	enum target_trouble trouble;
	/* the last failure, or what is wrong although changes arrive; "": nothing */
	char why[VERDICT_WHY_MAX];
	int64_t pause_ms;          /* until it is tried again */
	uint64_t cursor;           /* the newest sequence number that is applied there */
	size_t pending;            /* changes that it lacks, as far as they are in
	                            * memory */
	bool is_live;              /* these are all; otherwise the journal has more */
	uint64_t first_seq;        /* of the first of them in memory; 0: none */
	uint64_t delivered;        /* changes, since the zone was opened */
	uint64_t failures;         /* requests that failed */
	uint64_t rejected;         /* changes that it refused for good */
	bool is_compared;          /* synced is about the last time */
	struct reconcile_state synced;
	struct target_counts counts;
	int64_t lag_ms; /* age of the first change that it lacks: 0 until the asker has
	                 * read that in the journal */
};

/* Totals since the zone was opened. */
struct view_counters {
	uint64_t updates;    /* accepted, with a change */
	uint64_t heartbeats; /* accepted, without */
	uint64_t refused;    /* by policy, prerequisites or a target */
	uint64_t expired_records, expired_hosts;
	uint64_t went_stale, came_back; /* hosts */
	uint64_t braked;                /* times */
	uint64_t asked;                 /* times that a person had to be asked */
};

struct view_zone {
	const struct config_zone *config; /* of view_zones.config */
	bool is_served; /* false: it is being opened or closed, or could not be opened,
	                 * and the numbers are 0 */
	bool is_ready;
	bool is_failed; /* it could not be opened or loaded, and is tried again */
	char why[ZONE_ERROR_MAX]; /* why it is not ready; "" if it is */
	int64_t id;               /* store_ops.zone_id */
	uint32_t serial;
	size_t names, records, octets;
	size_t leases, stale, held;
	size_t unleased; /* records that lost their lease with the database */
	bool is_braked;
	/* what the primary has must not be taken without a person's word */
	bool is_asked;
	size_t waiting; /* requests, for the primary target */
	struct view_counters counters;
	size_t set_aside;            /* changes that targets have refused for good */
	struct view_target *targets; /* owned */
	size_t target_count;
};

/* All zone threads together. */
struct view_totals {
	bool is_failing;                      /* the last commit failed */
	char database_error[STORE_ERROR_MAX]; /* if it did */
	/* at the start, the database was older than what it had acknowledged */
	bool is_older;
	size_t in_journal;    /* operations that wait for the database */
	uint64_t last_seq;    /* the newest sequence number */
	uint64_t replay_hits; /* requests answered as before, or joined */
	struct journal_totals journal;
};

/* A page of the zones of a configuration, in its order. */
struct view_zones {
	const struct config *config; /* borrowed; the asker's */
	size_t next;                 /* index of the zone at which the next page begins */
	struct view_zone *zones;     /* owned */
	size_t count;
	bool has_failed; /* no memory: something is missing */
	struct view_totals totals;
};

/* 0 or -ENOMEM; view_zones_clear is needed either way. */
int view_zones_init(struct view_zones *page, const struct config *config)
	__attribute__((warn_unused_result));
void view_zones_clear(struct view_zones *page);
/* Makes room for the next page, of at most limit zones (VIEW_ZONES_MAX at most).  To be
 * called before each call. */
void view_zones_turn(struct view_zones *page, size_t limit);
/* Run by all zone threads; the subject is a struct view_zones. */
bool view_zones(struct served *served, struct zone_call *call);

/* ---- leases of one zone ---- */

struct view_lease {
	struct lease_record record; /* it points into memory */
	uint8_t *memory;            /* owned */
	enum lease_state state;
	int64_t left_ms; /* until its deadline; meaningless for duration 0 */
	int line;        /* view_adopt: of the rule that gives it */
};

struct view_leases {
	const uint8_t *owner; /* only those at this name; NULL: a page of all */
	uint64_t cursor;      /* where the page begins (0: at the first); afterwards where
	                  * the next one does (0: there is none) */
	struct view_lease *leases; /* owned */
	size_t count, room;
	bool has_failed; /* no memory: something is missing */
};

/* Drops what was copied, but keeps the question. */
void view_leases_clear(struct view_leases *page);
bool view_leases(struct served *served, struct zone_call *call);

/* ---- hosts of one zone ---- */

enum view_hosts_kind {
	VIEW_LEASED,    /* with leases; on the last page also those that are held
	                 * without leases */
	VIEW_PERMANENT, /* without leases, with permanent records, and recently heard
	                 * of */
	VIEW_ONE,       /* this name, in either case */
};

/* A name with leases of its own (derived ones do not count), or as described above. */
struct view_host {
	uint8_t name[NAME_MAX_LEN];
	enum lease_state state; /* LEASE_ACTIVE for permanent ones */
	size_t leases;
	int64_t left_ms; /* until the first deadline */
	/* Of the lease that was refreshed last, or of the last heartbeat. */
	bool has_key;
	uint8_t key[NAME_MAX_LEN];
	struct ip_address source;
	int64_t seen_s; /* real time; 0: not known */
	uint32_t duration_s;
};

struct view_hosts {
	enum view_hosts_kind kind;
	const uint8_t *name;     /* VIEW_ONE */
	uint64_t cursor;         /* as in view_leases; meaningless for VIEW_ONE */
	struct view_host *hosts; /* owned */
	size_t count, room;
	bool has_failed; /* no memory: something is missing */
};

void view_hosts_clear(struct view_hosts *page); /* like view_leases_clear */
bool view_hosts(struct served *served, struct zone_call *call);

/* ---- orders about one zone ---- */

enum view_verb {
	VIEW_EXPIRE,  /* all leases of a host, now, held or not */
	VIEW_HOLD,    /* a host is exempt from expiry */
	VIEW_RELEASE, /* ... or no longer */
	VIEW_RESUME,  /* resumes expiry that has stopped */
	VIEW_RETRY,   /* tries failing targets at once */
	VIEW_REMOVE,  /* one lease, and its record */
	/* The primary has lost too much: it gets what the gateway has, or what it has
	 * counts. */
	VIEW_FILL,
	VIEW_TAKE,
};

struct view_order {
	enum view_verb verb;
	const uint8_t *host;       /* VIEW_EXPIRE, VIEW_HOLD, VIEW_RELEASE */
	struct lease_record lease; /* VIEW_REMOVE: owner, type and RDATA */
	struct verdict why;        /* for the audit: NOERROR, and who gave the order */
	/* 0; -ENOENT: there is no such host or lease; -EALREADY: nothing to do;
	 * -EAGAIN: not now, since the zone is not loaded or the database fails;
	 * -errno. */
	int result;
	size_t count;           /* leases that expire, or targets that are tried */
	struct zone_call *call; /* view.c's */
};

bool view_give(struct served *served, struct zone_call *call);

/* What was taken over at servers (rectify = "auto") for a zone that the configuration no
 * longer has there is given back. */
struct view_return;

struct view_server {
	const char *id; /* config_target.id, of view_return.config */
	bool has_failed;
	char why[VERDICT_WHY_MAX];
	struct view_return *order; /* give_back.c's */
};

struct view_return {
	struct config
		*config; /* the asker's; the servers of its targets are asked, except
	                        * those that serve the zone now */
	int result;      /* 0 or -errno */
	struct view_server servers[VIEW_SERVERS_MAX];
	size_t count;
	/* give_back.c's */
	size_t waiting;
	struct zone_call *call;
};

bool view_give_back(struct served *served, struct zone_call *call);

/* Leases for records that have none and would get one by the rules. */
struct view_adoption {
	bool is_dry;        /* nothing is changed */
	struct verdict why; /* for the audit */
	/* Which names; NULL: all.  Called in the zone thread. */
	bool (*wants)(const uint8_t *owner, void *arg);
	void *arg;
	/* as in view_order; -EALREADY: an adoption is in progress */
	int result;
	size_t lease_count, names;  /* what was granted so far */
	struct view_leases records; /* the first VIEW_PAGE_MAX of them */
	struct zone_call *call;     /* view.c's */
};

bool view_adopt(struct served *served, struct zone_call *call);

/* ---- targets compared with a zone (view_sync.c) ---- */

struct view_drift {
	size_t target; /* index in view_sync.targets */
	struct drift drift;
	enum reconcile_fate fate;
	uint8_t *memory; /* owned; what drift points into */
};

struct view_synced {
	char *id; /* config_target.id; owned */
	bool is_primary;
	struct reconcile_outcome outcome;
};

struct view_sync {
	const char *target; /* as in struct reconciling */
	bool is_dry, takes;
	struct verdict why; /* for the audit */
	int result;         /* of reconcile_begin, or -EAGAIN: the zone was closed */
	struct view_synced *targets; /* owned */
	size_t target_count;
	struct view_drift *records; /* owned: the first VIEW_SYNC_MAX that differ */
	size_t record_count, more;  /* and the number of the others */
	bool has_failed;            /* no memory: a target is missing */
	struct zone_call *call;     /* view_sync.c's */
};

void view_sync_clear(struct view_sync *sync);
bool view_sync(struct served *served, struct zone_call *call);

/* ---- what targets of one zone have refused ---- */

enum { VIEW_ASIDES_MAX = 50 }; /* in one call: a few milliseconds of the zone's thread */

struct view_aside {
	char *target; /* config_target.id; the asker's */
	uint64_t seq; /* of its row in the journal */
	/* of that row; counted, the asker's; NULL: there is no such row any more */
	struct changeset *changes;
};

/* They are tried again at the targets that refused them, or forgotten. */
struct view_asides {
	bool is_retry;
	struct verdict why; /* for the audit: NOERROR, and who wants it */
	struct view_aside asides[VIEW_ASIDES_MAX];
	size_t count;
	int result; /* 0; -EAGAIN: not now, as in view_order; -errno */
	size_t done;
	size_t overtaken;       /* something else is in the place of all its RRsets now */
	size_t lost;            /* without a row, or a target */
	struct zone_call *call; /* view's */
};

bool view_asides(struct served *served, struct zone_call *call);

#endif
