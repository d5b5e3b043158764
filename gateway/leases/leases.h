/*
 * The leases of a served zone (zones/lease.h): stored, counted in service time, ended.
 *
 *   served_lease.c        opened, closed; what evaluation and loads do to them
 *   served_lease_store.c  changes of leases alone are written, until they are stored
 *   served_expiry.c       what is due goes, a batch at a time
 *   served_event.c        what happens to hosts is told: log, audit, actions
 *   served_ptr.c          PTR records follow addresses (served_ptr_place.c: how)
 *   served_admin.c        what administrators ask and do
 *   served_adopt.c        records without the lease that the rules would give
 *
 * Beginnings and ends of leases are committed with the records that they belong to.
 * Refreshes move deadlines in memory and are not stored: after a start every lease runs
 * anew.  When a host goes stale or comes back, the store is told when it was last seen.
 *
 * Expiry takes at most SERVED_EXPIRY_MAX records at a time, waits until the primary has
 * them (if it is up), and after a full batch SERVED_EXPIRY_PAUSES times as long as that
 * took, so that updates go on undisturbed.  It rests while the database fails, while the
 * zone is not loaded or being closed, and for a moment after the thread itself was kept
 * from listening.
 */
#ifndef MUSTER_LEASES_H
#define MUSTER_LEASES_H

#include <sys/queue.h>

#include "gateway/base/alarm.h"
#include "gateway/journal/journal.h"
#include "gateway/thread/service_clock.h"
#include "zones/lease.h"

enum {
	SERVED_LEASE_RETRY_MS = 1000, /* after the database has failed */
	SERVED_LEASE_STEP = 2000,     /* leases looked at at a time */
	SERVED_EXPIRY_MAX = 128,      /* records that expire at a time */
	SERVED_EXPIRY_LOCAL_MAX = 32, /* the same of a local zone: no request to save */
	SERVED_EXPIRY_PAUSES = 3,
	SERVED_EXPIRY_PAUSE_MS = 2000, /* between two batches, at most */
	SERVED_EXPIRY_RETRY_MS = 5000, /* after a batch that could not be stored */
	SERVED_HEARD_MS = 1000, /* how long those are listened to who could not be heard
				 * while the thread was stopped, before anybody expires */
};

struct served_zone;
struct served_append;
struct transaction;
struct zone_thread;

/* Totals since the zone was opened; for metrics. */
struct served_counters {
	uint64_t updates;         /* accepted, with a change */
	uint64_t heartbeats;      /* accepted, without */
	uint64_t refused;         /* by policy, prerequisites or a target */
	uint64_t expired_records; /* durably */
	uint64_t expired_hosts;
	uint64_t went_stale, came_back; /* hosts */
	uint64_t braked;                /* times */
};

/* Leases on their way to the store, for no change of records. */
struct served_lease_write {
	struct journal_op op;
	STAILQ_ENTRY(served_lease_write) entry; /* in unstored */
	struct served_zone *zone;
	struct lease_changes *changes; /* owned */
};

struct served_leases {
	struct lease_table *table;
	struct service_time time;
	struct alarm alarm;
	struct served_counters counters;

	/* The store. */
	STAILQ_HEAD(, served_lease_write) unstored; /* what failed, to be tried again */
	int64_t retry_ms;                           /* monotonic: then */

	/* Records that loads took away: leases are looked through a page at a time. */
	bool is_sweeping, is_sweeping_ptr;
	uint64_t sweep_cursor, ptr_cursor;

	/* Expiry. */
	uint64_t batch_seq; /* of the batch that is under way; 0: none */
	bool batch_is_durable, batch_is_full;
	int64_t batch_began_ms; /* monotonic */
	int64_t batch_after_ms; /* monotonic: none before */

	bool is_unknown; /* to the database, until the zone is loaded */
	size_t unleased; /* records that the rules would have leased, then */
	struct served_adoption *adoption; /* under way; NULL: none */

	bool has_ptr_rule;        /* of the zone's policy */
	bool was_reverse_missing; /* and somebody was told */
};

/* ---- served_lease.c ---- */

/* Reads what the store has.  0 or -errno, logged; served_lease_clear either way. */
int served_lease_open(struct served_zone *zone) __attribute__((warn_unused_result));
void served_lease_clear(struct served_zone *zone);
/* The configuration is another. */
void served_lease_configure(struct served_zone *zone);

/* Service time of the zone, now. */
int64_t served_lease_now(struct served_zone *zone);
/* The zone has content, or wholly new content: its time runs, and leases whose records
 * it does not have end. */
void served_lease_loaded(struct served_zone *zone);
/* It was wrong to believe that what is pending still does all that it did. */
void served_lease_sweep(struct served_zone *zone);
/* Somebody else's difference has been put under what is pending. */
void served_lease_follow(struct served_zone *zone, struct changeset *difference);

/* What an update does to the leases, once it has been applied as cs: added to cs->leases.
 * SERVFAIL: nothing, for lack of memory. */
struct verdict served_lease_apply(struct served_zone *zone, const struct transaction *t,
	const struct update *update, struct changeset *cs);
/* back has taken withdrawn out of the mirror.  0 or -ENOMEM. */
int served_lease_withdraw(struct served_zone *zone, const struct changeset *withdrawn,
	struct changeset *back) __attribute__((warn_unused_result));
/* next has been merged into into, whose leases then are those of both; next keeps what
 * served_lease_withdraw needs. */
void served_lease_merge(
	struct served_zone *zone, struct changeset *into, struct changeset *next);
/* Takes a change set that is not, or not any more, on its way to the store out of the
 * mirror and the leases; newest first. */
void served_lease_undo(struct served_zone *zone, const struct changeset *cs);
/* The alarm is right again, after anything that may have made something due sooner. */
void served_lease_wake(struct served_zone *zone);

/* ---- served_lease_store.c ---- */

/* Writes changes, which it takes over. */
void served_lease_write(struct served_zone *zone, struct lease_changes *changes);
void served_lease_write_free(struct served_lease_write *write);
/* Ends of leases that changes of others' brought about. */
void served_lease_write_ends(struct served_zone *zone, struct changeset *cs);
/* Tries what failed again, if it is due; part of the alarm's work. */
void served_lease_retry(struct served_zone *zone, int64_t monotonic_ms);
/* When that has something to do next, monotonic; INT64_MAX: never. */
int64_t served_lease_retry_due(const struct served_zone *zone);

/* ---- served_expiry.c ---- */

void served_expire(struct served_zone *zone, int64_t monotonic_ms);
int64_t served_expire_due(const struct served_zone *zone, int64_t monotonic_ms);
/* What became of a batch: durable (is_durable), or not. */
void served_expiry_stored(
	struct served_zone *zone, const struct served_append *append, bool is_durable);
/* The primary has everything up to seq, or cannot be waited for; or it refuses seq. */
void served_expiry_applied(struct served_zone *zone, uint64_t seq);
void served_expiry_rejected(struct served_zone *zone, uint64_t seq);

/* ---- served_event.c ---- */

/* The table's events (lease_table_on_event), with arg the zone. */
void served_event_of_lease(
	enum lease_event_kind kind, const struct lease_record *record, void *arg);
/* Audit rows for hosts that lose leases by this; and, once it is durable, the rest. */
void served_event_expiring(struct served_zone *zone, const struct changeset *cs);
void served_event_expired(struct served_zone *zone, const struct changeset *cs);
/* A row of the audit about a host (NULL: the zone), and what was last heard of it (NULL:
 * that is not what it is about), which its leases in the store then say too.  event is
 * static. */
void served_event_row(struct served_zone *zone, const char *event, const uint8_t *host,
	const struct lease_record *last, const struct verdict *why);

/* ---- served_adopt.c ---- */

struct lease_origin;
struct served_adoption;

struct served_adopted {
	size_t leases, names; /* that have some of them */
};

struct served_adopting {
	bool is_dry;                                    /* nothing is changed */
	struct verdict why;                             /* for the audit */
	bool (*wants)(const uint8_t *owner, void *arg); /* NULL: all names */
	/* Of each record; NULL: nobody wants to see them. */
	void (*visit)(const struct rr *rr, const struct lease_origin *origin, void *arg);
	/* 0: all is stored; or -errno, and what was found until then stands. */
	void (*done)(int result, const struct served_adopted *found, void *arg);
	void *arg;
};

/* Gives leases to records that have none and would get one by default, if they came now
 * (zones/lease_origin.h), by the gateway's own changes.  0: done is called, later;
 * -EALREADY: one is under way; -EAGAIN: not now; -ENOMEM. */
int served_adopt(struct served_zone *zone, const struct served_adopting *how)
	__attribute__((warn_unused_result));
/* The zone is loaded, and the database knew nothing of it: counts, and warns. */
void served_adopt_count(struct served_zone *zone);
/* The zone is closed: done is called. */
void served_adopt_cancel(struct served_zone *zone);

/* ---- served_ptr.c ---- */

/* Changes of the zone that are on their way to the store: PTR records of addresses that
 * are gone go. */
void served_ptr_follow(struct served_zone *zone, const struct changeset *cs);
/* An update did cs: PTR records of the addresses that it adds or refreshes come, stay or
 * move. */
void served_ptr_update(struct served_zone *zone, const struct transaction *t,
	const struct changeset *cs);
/* May this derived lease of a reverse zone expire?  If not, how much longer its address
 * has, at least. */
bool served_ptr_may_expire(
	struct served_zone *zone, const struct rr *ptr, int64_t *ret_longer_ms);
/* Is it one where PTR records belong? */
void served_ptr_note_zone(struct served_zone *zone);
/* The zone has wholly new content: reverse zones are to be looked through for what it has
 * not any more. */
void served_ptr_loaded(struct served_zone *zone);
/* Looks through a page of a reverse zone's derived records; part of sweeping. */
void served_ptr_sweep(struct served_zone *zone);

#endif
