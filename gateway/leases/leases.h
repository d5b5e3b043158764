/*
 * The leases of a zone (zones/lease.h): stored, counted in service time, ended.
 *
 *   leases.c         opened, closed; what loads do to them
 *   leases_write.c changes of leases alone, written again until they are stored
 *   expiry.c         what is due goes, a batch at a time
 *   told.c           what happens to hosts is told: log, audit, actions
 *
 * Beginnings and ends of leases are part of the edits that cause them.  Refreshes move
 * deadlines in memory and are not stored: after a start every lease runs anew.  When a
 * host goes stale or comes back, the time when it was last seen is stored.
 *
 * Expiry takes at most EXPIRY_MAX records at a time and waits until the primary has
 * them (if it is up).  After a full batch it pauses EXPIRY_PAUSES times as long as that
 * took, so that updates are not disturbed.  It stops while the database fails, while
 * the zone is not loaded or being closed, while something waits at the content's gate,
 * and for a moment after the thread was unable to listen.
 */
#ifndef MUSTER_LEASES_H
#define MUSTER_LEASES_H

#include "gateway/actions/actions.h"
#include "gateway/content/edit.h"

enum {
	LEASES_RETRY_MS = 1000, /* after the database has failed */
	LEASES_STEP = 2000,     /* leases looked at at a time */
	EXPIRY_MAX = 128,       /* records that expire at a time */
	EXPIRY_LOCAL_MAX = 32,  /* the same for a local zone: it has no request to save */
	EXPIRY_PAUSES = 3,
	EXPIRY_PAUSE_MS = 2000, /* between two batches, at most */
	EXPIRY_RETRY_MS = 5000, /* after a batch that could not be stored */
};

/* Totals since the zone was opened. */
struct lease_counters {
	uint64_t expired_records; /* durably */
	uint64_t expired_hosts;
	uint64_t went_stale, came_back; /* hosts */
	uint64_t braked;                /* times */
};

struct lease_write;

/* What decides about derived leases (gateway/reverse/). */
struct lease_hooks {
	/* May this lease expire?  If not, how much longer it is needed at least. */
	bool (*may_expire)(void *part, const struct rr *rr, int64_t *ret_longer_ms);
	void *part;
};

struct zone_leases {
	struct content *content;
	struct lease_table *table; /* content's, too */
	struct actions *actions;
	struct lease_hooks hooks;
	struct alarm alarm;
	struct lease_counters counters;

	STAILQ_HEAD(, lease_write) unstored; /* what failed, to be tried again */
	int64_t retry_ms;                    /* monotonic: then */

	/* Records were removed by loads: leases are checked a page at a time. */
	bool is_sweeping;
	uint64_t sweep_cursor;

	/* Expiry. */
	struct edit *batch; /* under way; NULL: none */
	bool batch_is_full;
	int64_t batch_began_ms; /* monotonic */
	int64_t batch_after_ms; /* monotonic: no batch before this */
};

extern const struct content_observer leases_observer;

/* ---- leases.c ---- */

/* For a job of the reader: reads a zone's leases into an empty table.  0 or -errno. */
int leases_read(struct lease_table *table, struct reader_job *job, int64_t zone,
	const struct store_ops *ops, struct store *store)
	__attribute__((warn_unused_result));
/* Takes over the table. */
void leases_open(struct zone_leases *leases, struct content *content,
	struct lease_table *table, struct actions *actions,
	const struct lease_hooks *hooks);
void leases_close(struct zone_leases *leases);
/* The configuration has changed. */
void leases_configure(struct zone_leases *leases);

/* Ends the leases of records that the zone may turn out to lack, bit by bit. */
void leases_sweep(struct zone_leases *leases);
/* Sets the alarm again, after anything that may have made something due sooner. */
void leases_wake(struct zone_leases *leases);

/* ---- leases_write.c ---- */

/* Writes changes, which it takes over; NULL is harmless. */
void leases_write(struct zone_leases *leases, struct lease_changes *changes);
/* Writes ends of leases that changes by others caused. */
void leases_write_ends(struct zone_leases *leases, struct changeset *cs);
/* Tries failed writes again; part of the alarm's work. */
void leases_retry(struct zone_leases *leases, int64_t monotonic_ms);
/* When, monotonic; ALARM_NEVER: there is nothing to try. */
int64_t leases_retry_due(const struct zone_leases *leases);
void leases_forget_unstored(struct zone_leases *leases);

/* ---- expiry.c ---- */

void leases_expire(struct zone_leases *leases, int64_t monotonic_ms);
int64_t leases_expire_due(struct zone_leases *leases, int64_t monotonic_ms);
/* The primary target cannot be reached: the next batch does not wait for it. */
void leases_expiry_down(struct zone_leases *leases);

/* ---- told.c ---- */

/* The table's events (lease_table_on_event), with arg the zone's leases. */
void leases_on_event(
	enum lease_event_kind kind, const struct lease_record *record, void *arg);
/* Writes audit rows for hosts that lose leases by this; and reports the rest once it is
 * durable. */
void leases_tell_expiring(struct zone_leases *leases, const struct changeset *cs);
void leases_tell_expired(struct zone_leases *leases, const struct changeset *cs);
/* Writes an audit row about a host (NULL: the zone), with what was last heard of it
 * (NULL: not about that).  event is static. */
void leases_note(struct zone_leases *leases, const char *event, const uint8_t *host,
	const struct lease_record *last, const struct verdict *why);

#endif
