/*
 * A zone as the gateway serves it, composed of its parts, and all zones that a zone
 * thread serves.
 *
 *   opening.h     what the database has of a zone, before it is opened
 *   served.c      opens, reconfigures and closes a zone; the observers of its content
 *   follow.c      the content follows the primary target
 *   restored.h    ... unless that has gone back to an older state, or lost much
 *   reconcile.h   targets are compared with the content, and mended
 *   orders.c      what administrators order
 *   adopt.c       records without the lease that the rules would give them
 *   unopened.c    zones that could not be opened
 *   view.h        everything that control may see
 *   writer.h      the loop of the zone thread; writer_zones.c brings its zones in line
 *                 with a configuration
 *   zone_threads.h, zone_claims.h   the zone threads, and which of them has a zone
 */
#ifndef MUSTER_SERVED_H
#define MUSTER_SERVED_H

#include "gateway/base/hash.h"
#include "gateway/content/seed.h"
#include "gateway/leases/leases.h"
#include "gateway/request/requests.h"
#include "gateway/reverse/reverse.h"
#include "gateway/served/restored.h"
#include "gateway/served/reconcile.h"

struct adoption;
struct opening;
struct served_unopened;
struct served_zone;

/* The zones of a zone thread, and what they share. */
struct served {
	struct zone_thread *thread;
	struct requests requests;
	struct reverse_zones reverse;
	struct actions *actions;
	struct reconciliation reconciliation;
	struct served_zone *zones;        /* in service; hash by name */
	struct served_unopened *unopened; /* hash by name */
};

struct served_zone {
	UT_hash_handle hh;
	struct served *served;
	struct content content;
	struct seed seed; /* of a zone of the gateway's own */
	struct zone_leases leases;
	struct zone_reverse reverse;
	struct zone_requests requests;

	/* follow.c */
	struct alarm refresh;         /* of the primary's serial */
	struct content_caller caller; /* for a difference that has been loaded */
	/* until nothing is on its way to the disk; NULL: none */
	struct update *difference;
	uint32_t difference_serial; /* that it leads to */
	bool was_tried;             /* an attempt to load it has ended, well or not */
	bool was_loaded;            /* one has ended well */

	struct restored restored;

	/* reconcile.c */
	struct reconciles reconciles; /* of its targets, in the order of deliveries */
	struct reconcile_orders reconcile_orders;

	/* adopt.c */
	bool is_unknown; /* to the database, until the zone is loaded */
	/* records that the rules would have leased, at that time */
	size_t unleased;
	struct adoption *adoption; /* under way; NULL: none */

	/* there was no memory to enter it in zones */
	bool is_lost;
	LIST_ENTRY(served_zone) closing_entry; /* struct writer.closing */
};

/* The zone of this name that is in service.  NULL: none. */
struct served_zone *served_find(const struct served *served, const uint8_t *name);
/* Zones that are loaded. */
size_t served_count_ready(const struct served *served);

/* ---- served.c ---- */

/* Makes a zone of what opening has read, and takes its leases.  0 or -ENOMEM; the content
 * is loaded later. */
int served_new(struct served_zone **ret_zone, struct served *served,
	struct config *config, const struct config_zone *rules, struct opening *opening)
	__attribute__((warn_unused_result));
void served_free(struct served_zone *zone);
/* A new configuration of the same zone: policy and modes change at once, targets are
 * compared by id.  0; -EXDEV: it has another primary target, and must be closed and
 * opened again; or -errno. */
int served_configure(struct served_zone *zone, struct config *config,
	const struct config_zone *rules) __attribute__((warn_unused_result));
/* It is no longer configured: answers what waits; true if it can be freed now. */
bool served_close(struct served_zone *zone);
/* Nothing waits for an answer, and nothing is in progress. */
bool served_is_quiet(const struct served_zone *zone);
/* Have all targets of all zones done what they do by themselves? */
bool served_is_settled(const struct served *served);
/* Before it is freed, since the configuration has changed: the targets that it has now
 * (NULL: the zone has gone).  What was changed at the others is undone. */
void served_leave(const struct served_zone *zone, const struct config_zone *rules);
/* The primary target has not shown yet whether the zone can be loaded. */
bool served_is_loading(const struct served_zone *zone);

/* ---- follow.c ---- */

extern const struct delivery_events follow_events; /* arg: the zone */

void follow_init(struct served_zone *zone);
void follow_clear(struct served_zone *zone);
/* The settings may have changed. */
void follow_set_refresh(struct served_zone *zone);

/* ---- unopened.c ---- */

/* Why a zone that should be in service could not be opened; NULL: it could. */
const char *served_why_unopened(const struct served *served, const uint8_t *name);
/* It could not be opened (logged if that is news), or finally could.  database_error:
 * what the database says, unless there was no memory. */
void served_note_unopened(struct served *served, const uint8_t *name, int error,
	const char *database_error);
void served_note_opened(struct served *served, const uint8_t *name);
/* Zones that are no longer configured (NULL: none is configured). */
void served_forget_unopened(struct served *served, const struct config *config);

/* ---- orders.c ---- */

/*
 * Orders of an administrator; why (NOERROR, with a reason that names the administrator)
 * goes into the audit.  -EAGAIN: not now, since the zone is not loaded or the database
 * fails; -ENOMEM.  If one that has a callback done returns 0, done is called when the
 * order is stored (0), or could not be (-errno), and then nothing has changed.
 */
/* Expires all leases of a host now, held or not.  0 or -ENOENT. */
int served_expire_host(struct served_zone *zone, const uint8_t *owner,
	const struct verdict *why, size_t *ret_leases);
/* Exempts a host from expiry, or ends that.  0; -EALREADY; -ENOENT: the name has neither
 * leases nor records. */
int served_hold_host(struct served_zone *zone, const uint8_t *owner, bool is_held,
	const struct verdict *why, void (*done)(int result, void *arg), void *arg);
/* Releases the brake.  0, or -EALREADY: it is not on. */
int served_resume(struct served_zone *zone, const struct verdict *why);
/* Ends one lease and removes its record.  0 or -ENOENT. */
int served_remove_lease(struct served_zone *zone, const struct lease_record *record,
	const struct verdict *why, void (*done)(int result, void *arg), void *arg);

/* ---- adopt.c ---- */

struct lease_origin;

struct adopted {
	size_t leases, names; /* names with such records */
};

struct adopting {
	bool is_dry;                                    /* nothing is changed */
	struct verdict why;                             /* for the audit */
	bool (*wants)(const uint8_t *owner, void *arg); /* NULL: all names */
	/* Called for each record; NULL: they are not needed. */
	void (*visit)(const struct rr *rr, const struct lease_origin *origin, void *arg);
	/* 0: everything is stored; or -errno, and what was found until then is kept. */
	void (*done)(int result, const struct adopted *found, void *arg);
	void *arg;
};

/* When a zone is loaded that the database did not know: counts, and warns. */
extern const struct content_observer adopt_observer; /* part: the zone */

/* has_targets: the database has a cursor of one. */
void adopt_open(struct served_zone *zone, bool has_targets);
/* Gives leases to records that have none and would get one by default if they were
 * added now (zones/lease_origin.h), by the gateway's own edits.  0: done is called
 * later; -EALREADY: an adoption is in progress; -EAGAIN: not now; -ENOMEM. */
int adopt_begin(struct served_zone *zone, const struct adopting *how)
	__attribute__((warn_unused_result));
/* The zone is closed: done is called. */
void adopt_cancel(struct served_zone *zone);

#endif
