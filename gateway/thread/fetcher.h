/*
 * Fetches what targets have of a zone, to be looked at and not to become the mirror.
 *
 * It has a thread and connections of its own, so that neither reading a million records
 * nor the wait for them holds up the zone thread, and deliveries go on meanwhile.  The
 * thread is started when something is fetched for the first time.  Under a manual clock
 * the zone thread's own loop is used instead, since no other follows that clock.
 *
 * Limits: none here; whoever fetches holds a whole zone in memory, so one at a time.
 */
#ifndef MUSTER_FETCHER_H
#define MUSTER_FETCHER_H

#include "gateway/thread/zone_thread.h"

struct fetcher;
struct fetch;

/* What was fetched: zone and soa, or NULL and the reason.  The callback takes over
 * both. */
struct fetched {
	struct verdict why;
	struct zone *zone;
	struct rrset *soa;
};

typedef void fetch_done(struct fetched *fetched, void *arg);

/* Of this zone thread.  NULL: no memory. */
struct fetcher *fetcher_new(struct zone_thread *thread);
/* Ends the thread; nothing is reported any more.  NULL is harmless. */
void fetcher_free(struct fetcher *fetcher);

/* Begins to fetch a zone from a target of config, of which a reference is kept.  done is
 * called once, later, in the zone thread.  NULL: no memory, or no thread. */
struct fetch *fetch_new(struct fetcher *fetcher, struct config *config,
	const struct config_target *target, const uint8_t *zone, fetch_done *done,
	void *arg);
/* done is not called.  NULL is harmless. */
void fetch_stop(struct fetch *fetch);

#endif
