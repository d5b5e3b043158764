/*
 * A zone as the gateway serves it, put together of its parts, and all zones that a zone
 * thread serves.
 *
 *   served.c      a zone opened, reconfigured, closed; who observes its content
 *   follow.c      the content follows the primary target
 *   orders.c      what administrators have done
 *   adopt.c       records without the lease that the rules would give
 *   unopened.c    zones that could not be opened
 *   view.h        all that control may see
 *   writer.h      the loop of the zone thread
 */
#ifndef MUSTER_SERVED_H
#define MUSTER_SERVED_H

#include "gateway/base/hash.h"
#include "gateway/content/seed.h"
#include "gateway/leases/leases.h"
#include "gateway/request/requests.h"
#include "gateway/reverse/reverse.h"

struct adoption;
struct served_unopened;
struct served_zone;

/* The zones of a zone thread, and what they share. */
struct served {
	struct zone_thread *thread;
	struct requests requests;
	struct reverse_zones reverse;
	struct actions *actions;
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
	struct update *difference;    /* until nothing is on its way to the disk; NULL */
	bool was_tried;  /* the primary has said something about loading it */
	bool was_loaded; /* and it has been */

	/* adopt.c */
	bool is_unknown;           /* to the database, until the zone is loaded */
	size_t unleased;           /* records that the rules would have leased, then */
	struct adoption *adoption; /* under way; NULL: none */

	bool is_lost;                          /* it could not be entered in zones */
	LIST_ENTRY(served_zone) closing_entry; /* in writer.c */
};

/* The zone in service of this name.  NULL: none. */
struct served_zone *served_find(const struct served *served, const uint8_t *name);
/* Zones that are loaded. */
size_t served_count_ready(const struct served *served);

/* ---- served.c ---- */

/* 0 or -errno; the content is loaded afterwards, asynchronously. */
int served_new(struct served_zone **ret_zone, struct served *served,
	struct config *config, const struct config_zone *rules)
	__attribute__((warn_unused_result));
void served_free(struct served_zone *zone);
/* A new configuration of the same zone: policy and modes at once, targets compared by id.
 * 0; -EXDEV: it has another primary target, and has to be closed and opened anew; or
 * -errno. */
int served_configure(struct served_zone *zone, struct config *config,
	const struct config_zone *rules) __attribute__((warn_unused_result));
/* No longer configured: answers what waits; true when it can be freed now. */
bool served_close(struct served_zone *zone);
/* Nothing waits for an answer, and nothing is on its way. */
bool served_is_quiet(const struct served_zone *zone);
/* The primary target has not said yet whether the zone can be loaded. */
bool served_is_loading(const struct served_zone *zone);

/* ---- follow.c ---- */

extern const struct delivery_events follow_events; /* arg: the zone */

void follow_init(struct served_zone *zone);
void follow_clear(struct served_zone *zone);
/* The settings may be others. */
void follow_set_refresh(struct served_zone *zone);

/* ---- unopened.c ---- */

/* Why a zone that should be in service could not be opened; NULL: it could. */
const char *served_why_unopened(const struct served *served, const uint8_t *name);
/* It could not (logged if that is news), or could after all. */
void served_note_unopened(struct served *served, const uint8_t *name, int error);
void served_note_opened(struct served *served, const uint8_t *name);
/* Zones that are no longer configured (NULL: none is). */
void served_forget_unopened(struct served *served, const struct config *config);

/* ---- orders.c ---- */

/*
 * What an administrator does; why (NOERROR, with a reason that says who) goes into the
 * audit.  -EAGAIN: not now, the zone is not loaded or the database fails; -ENOMEM.
 */
/* All leases of a host expire now, held or not.  0 or -ENOENT. */
int served_expire_host(struct served_zone *zone, const uint8_t *owner,
	const struct verdict *why, size_t *ret_leases);
/* Exempts a host from expiry, or no longer.  0: done is called when it is stored (0), or
 * could not be and has been taken back (-errno); -EALREADY; -ENOENT: there are neither
 * leases nor records of the name to be held. */
int served_hold_host(struct served_zone *zone, const uint8_t *owner, bool is_held,
	const struct verdict *why, void (*done)(int result, void *arg), void *arg);
/* Releases the brake.  0, or -EALREADY: it is not on. */
int served_resume(struct served_zone *zone, const struct verdict *why);
/* Ends one lease and removes its record.  0 or -ENOENT. */
int served_remove_lease(struct served_zone *zone, const uint8_t *owner, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len, const struct verdict *why);

/* ---- adopt.c ---- */

struct lease_origin;

struct adopted {
	size_t leases, names; /* that have some of them */
};

struct adopting {
	bool is_dry;                                    /* nothing is changed */
	struct verdict why;                             /* for the audit */
	bool (*wants)(const uint8_t *owner, void *arg); /* NULL: all names */
	/* Of each record; NULL: nobody wants to see them. */
	void (*visit)(const struct rr *rr, const struct lease_origin *origin, void *arg);
	/* 0: all is stored; or -errno, and what was found until then stands. */
	void (*done)(int result, const struct adopted *found, void *arg);
	void *arg;
};

/* The zone is loaded, and the database knew nothing of it: counts, and warns. */
extern const struct content_observer adopt_observer; /* part: the zone */

/* Does the database know the zone?  0 or -errno. */
int adopt_open(struct served_zone *zone) __attribute__((warn_unused_result));
/* Gives leases to records that have none and would get one by default, if they came now
 * (zones/lease_origin.h), by the gateway's own edits.  0: done is called, later;
 * -EALREADY: one is under way; -EAGAIN: not now; -ENOMEM. */
int adopt_begin(struct served_zone *zone, const struct adopting *how)
	__attribute__((warn_unused_result));
/* The zone is closed: done is called. */
void adopt_cancel(struct served_zone *zone);

#endif
