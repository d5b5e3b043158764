/*
 * All that control may see of the zones in service, and all that it may have done to
 * them.
 *
 * Each function here is the run of a zone_call (zone_threads.h) whose subject is one of
 * the structures below.  Whoever asks fills in the question, and reads the answer when
 * the call is back.  Answers are values: copied, in pages of bounded size, without
 * pointers into what belongs to a zone thread.  Nothing else of the zone threads' rooms
 * is included by control (tests/lint/layers.sh).
 *
 * A call about one zone names it (zone_call.zone).  A call about all zones names none: it
 * is run by every zone thread in turn, each of which fills in what it knows.
 */
#ifndef MUSTER_VIEW_H
#define MUSTER_VIEW_H

#include "gateway/config/config.h"
#include "gateway/journal/journal.h"
#include "gateway/served/zone_threads.h"
#include "zones/lease.h"

enum {
	VIEW_ZONES_MAX = 200, /* zones of one page: some 0.1 ms of a zone thread's time */
	VIEW_PAGE_MAX = 500,  /* leases of one page that are looked at, or copied */
};

/* ---- all zones, page by page ---- */

struct view_target {
	char *id; /* config_target.id; owned */
	bool is_primary, is_local;
	bool is_down;
	char why[VERDICT_WHY_MAX]; /* the last failure; "": it works */
	int64_t pause_ms;          /* until it is tried again */
	uint64_t cursor;           /* the newest sequence number that is applied there */
	size_t pending;            /* changes that it does not have, as far as they are in
				    * memory */
	bool is_live;              /* which are all; otherwise the journal has more */
	uint64_t first_seq;        /* of the first of them in memory; 0: there is none */
	uint64_t delivered;        /* changes, since the zone was opened */
	uint64_t failures;         /* requests that failed */
	uint64_t rejected;         /* changes that it refused for good */
	int64_t lag_ms; /* age of the first change that it does not have: 0, until
			 * whoever asks has read that in the journal */
};

/* Totals since the zone was opened. */
struct view_counters {
	uint64_t updates;    /* accepted, with a change */
	uint64_t heartbeats; /* accepted, without */
	uint64_t refused;    /* by policy, prerequisites or a target */
	uint64_t expired_records, expired_hosts;
	uint64_t went_stale, came_back; /* hosts */
	uint64_t braked;                /* times */
};

struct view_zone {
	const struct config_zone *config; /* of view_zones.config */
	bool is_served; /* false: it is being opened or closed, or could not be opened:
			 * the numbers are 0 */
	bool is_ready;
	bool is_failed; /* it could not be opened or loaded, and is tried again */
	char why[ZONE_ERROR_MAX]; /* it is not ready; "" if it is */
	int64_t id;               /* store_ops.zone_id */
	uint32_t serial;
	size_t names, records, octets;
	size_t leases, stale, held;
	size_t unleased; /* records that lost their lease with the database */
	bool is_braked;
	size_t waiting; /* requests, for the primary target */
	struct view_counters counters;
	struct view_target *targets; /* owned */
	size_t target_count;
};

/* The zone threads as a whole, all of them together. */
struct view_totals {
	bool is_failing;                      /* the last commit failed */
	char database_error[STORE_ERROR_MAX]; /* if it did */
	bool is_older; /* the database was older at the start than what it had promised */
	size_t in_journal;    /* operations that wait for the database */
	uint64_t last_seq;    /* the newest sequence number */
	uint64_t replay_hits; /* requests answered as before, or joined */
	struct journal_totals journal;
};

/* A page of the zones of a configuration, in its order. */
struct view_zones {
	const struct config *config; /* borrowed; the asker's */
	size_t next;                 /* index of the zone that begins the next page */
	struct view_zone *zones;     /* owned */
	size_t count;
	bool has_failed; /* no memory: something is missing */
	struct view_totals totals;
};

/* 0 or -ENOMEM; view_zones_clear either way. */
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
	struct lease_record record; /* what it points to is in memory */
	uint8_t *memory;            /* owned */
	enum lease_state state;
	int64_t left_ms; /* until its deadline; of no meaning for duration 0 */
	int line;        /* view_adopt: of the rule that gives it */
};

struct view_leases {
	const uint8_t *owner; /* only those at this name; NULL: a page of all */
	uint64_t cursor; /* where the page begins (0: at the first); then where the next
			  * one does (0: there is none) */
	struct view_lease *leases; /* owned */
	size_t count, room;
	bool has_failed; /* no memory: something is missing */
};

/* Forgets what was copied; the question stays. */
void view_leases_clear(struct view_leases *page);
bool view_leases(struct served *served, struct zone_call *call);

/* ---- hosts of one zone ---- */

enum view_hosts_kind {
	VIEW_LEASED,    /* with leases; and, on the last page, those that are held
			 * without */
	VIEW_PERMANENT, /* without leases, whose records are there and that have spoken
			 * lately */
	VIEW_ONE,       /* of this name, whichever it is */
};

/* A name with leases of its own (derived ones do not count), or one of those above. */
struct view_host {
	uint8_t name[NAME_MAX_LEN];
	enum lease_state state; /* LEASE_ACTIVE of permanent ones */
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
	uint64_t cursor;         /* as in view_leases; of no meaning for VIEW_ONE */
	struct view_host *hosts; /* owned */
	size_t count, room;
	bool has_failed; /* no memory: something is missing */
};

void view_hosts_clear(struct view_hosts *page); /* as view_leases_clear */
bool view_hosts(struct served *served, struct zone_call *call);

/* ---- orders about one zone ---- */

enum view_verb {
	VIEW_EXPIRE,  /* all leases of a host, now, held or not */
	VIEW_HOLD,    /* a host is exempt from expiry */
	VIEW_RELEASE, /* ... or no longer */
	VIEW_RESUME,  /* expiry that has stopped goes on */
	VIEW_RETRY,   /* targets that fail are tried at once */
	VIEW_REMOVE,  /* one lease, and its record */
};

struct view_order {
	enum view_verb verb;
	const uint8_t *host;       /* VIEW_EXPIRE, VIEW_HOLD, VIEW_RELEASE */
	struct lease_record lease; /* VIEW_REMOVE: owner, type and RDATA */
	struct verdict why;        /* for the audit: NOERROR, and who gave the order */
	/* 0; -ENOENT: there is no such host or lease; -EALREADY: it is so already;
	 * -EAGAIN: not now, the zone is not loaded or the database fails; -errno. */
	int result;
	size_t count;           /* leases that expire, or targets that are tried */
	struct zone_call *call; /* view.c's */
};

bool view_give(struct served *served, struct zone_call *call);

/* Leases for records that have none and would get one by the rules. */
struct view_adoption {
	bool is_dry;        /* nothing is changed */
	struct verdict why; /* for the audit */
	/* Which names; NULL: all.  Called in the zone thread. */
	bool (*wants)(const uint8_t *owner, void *arg);
	void *arg;
	int result;                 /* as of view_order; -EALREADY: one is under way */
	size_t lease_count, names;  /* what was given until then */
	struct view_leases records; /* the first VIEW_PAGE_MAX of them */
	struct zone_call *call;     /* view.c's */
};

bool view_adopt(struct served *served, struct zone_call *call);

#endif
