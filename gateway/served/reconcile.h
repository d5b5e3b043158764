/*
 * Reconciliation: what targets have of a zone is compared with what they should have, and
 * what they lost is brought to them again.
 *
 *   reconcile.c        when: settings, strayed serials, orders; one run after the other
 *   reconcile_run.c    a run: fetch, compare piece by piece, mend, take over
 *   reconcile_judge.c  what is to become of each record that differs
 *
 * A target is compared by itself every so often (sync.every), when a second target's
 * serial is not the one that was left there, and when an administrator asks for it.  A
 * zone thread does one run at a time, so that at most one more zone is in memory.
 *
 * What is being changed while a run goes on is no drift: RRsets with a change that was
 * pending when the target was asked for its content, or was made since, are left alone.
 * If there were any, the target is looked at once more, soon.
 *
 * By itself the gateway mends what is its own: it puts back what a lease or the journal
 * says must be there, and removes what the journal has removed (zones/provenance.h).  An
 * administrator's order also gives a second target whatever else the zone has.  Foreign
 * records stay, or are taken over into the zone if the order says so.  The primary target
 * is the zone's truth otherwise: what else differs there, the mirror follows.
 *
 * What mends goes through the target's delivery (delivery_mend), before anything that
 * became durable later, so that nothing newer is overwritten.
 */
#ifndef MUSTER_RECONCILE_H
#define MUSTER_RECONCILE_H

#include <sys/queue.h>

#include "gateway/content/content.h"
#include "gateway/content/edit.h"
#include "gateway/served/reconcile_outcome.h"
#include "gateway/thread/fetcher.h"
#include "gateway/thread/provenance_reader.h"

struct reconcile_order;
struct reconcile_run;
struct served_zone;

struct reconciling {
	const char
		*target; /* config_target.id; NULL: all that have anything to compare */
	bool is_dry;     /* nothing is changed */
	bool takes;      /* foreign records are taken over into the zone */
	struct verdict why; /* for the audit */
	/* Each record that differs; NULL: not needed. */
	void (*visit)(const struct drift *drift, enum reconcile_fate fate, void *arg);
	/* A target has been compared. */
	void (*ended)(const char *target, bool is_primary,
		const struct reconcile_outcome *outcome, void *arg);
	/* All of them; or -EAGAIN: the zone is closed. */
	void (*done)(int result, void *arg);
	void *arg;
};

/* A run that is to be. */
struct reconcile_request {
	TAILQ_ENTRY(reconcile_request) entry;
	struct reconcile *reconcile;   /* NULL: it does not wait */
	struct reconcile_order *order; /* NULL: by itself */
};

/* A target of a zone, beside its delivery. */
struct reconcile {
	TAILQ_ENTRY(reconcile) entry; /* of the zone */
	struct served_zone *zone;
	struct delivery *delivery;
	unsigned every_s; /* config_target.sync_every_s */
	bool repairs;     /* config_target.sync_repair */
	struct alarm due; /* of the next run by itself */
	bool is_strayed;  /* that is because of the serial there */
	unsigned again;   /* times in a row that something was left to look at again */
	int64_t calm_ms;  /* a strayed serial starts a run after that: others move it, and
	                   * nothing comes of it */
	struct reconcile_state state;
	struct reconcile_request request; /* by itself */
};

TAILQ_HEAD(reconciles, reconcile);
LIST_HEAD(reconcile_orders, reconcile_order);

/* What the zones of a zone thread share. */
struct reconciliation {
	struct zone_thread *thread;
	struct fetcher *fetcher;                  /* NULL: nothing has been fetched yet */
	TAILQ_HEAD(, reconcile_request) requests; /* that wait */
	struct reconcile_run *run;                /* under way; NULL: none */
	struct alarm alarm;                       /* for the next */
};

void reconciliation_init(struct reconciliation *shared, struct zone_thread *thread);
/* There are no zones any more. */
void reconciliation_clear(struct reconciliation *shared);

/* part: the zone. */
extern const struct content_observer reconcile_observer;

void reconcile_init(struct served_zone *zone);
/* The zone has these deliveries and settings now.  0 or -ENOMEM. */
int reconcile_configure(struct served_zone *zone) __attribute__((warn_unused_result));
/* The delivery is about to be freed. */
void reconcile_forget(struct served_zone *zone, const struct delivery *delivery);
/* The zone is closed, or configured no longer: orders end. */
void reconcile_close(struct served_zone *zone);

/* The serial at a second target is not the one that was left there. */
void reconcile_strayed(struct served_zone *zone, const struct delivery *delivery);
/* Looks at the serials of all second targets. */
void reconcile_probe(struct served_zone *zone);

/* An administrator's order.  0: done is called, maybe at once; -ENOENT: there is no such
 * target; -ENODATA: there is nothing to compare, since the gateway itself is the only
 * server; -EAGAIN: not now; -ENOMEM. */
int reconcile_begin(struct served_zone *zone, const struct reconciling *how)
	__attribute__((warn_unused_result));

/* NULL: it has not been compared, and has nothing to compare. */
const struct reconcile_state *reconcile_look(
	const struct served_zone *zone, const struct delivery *delivery);

#endif
