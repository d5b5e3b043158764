/*
 * The zone threads: those that own mirrors, leases and deliveries.
 *
 * Each zone is served by one of them, found by its pin (config.h), from its opening to
 * its end, so zones need no locks, however many threads there are.  The threads share
 * the database (thread/database.h) and the memory of requests (replay.h), since
 * requests must be recognised even if a zone moves to another thread, or if there are
 * more or fewer threads after a restart.
 *
 * Listeners push judged requests into the queue of their zone's thread; the answers
 * come back to their mailboxes.  A thread works in turns: after each turn of the event
 * loop, what has gathered for the journal and the listeners is sent at once.
 *
 *   zone_threads.c   all of them, for main, the listeners and control
 *   zone_claims.c    which thread has a zone
 *   writer.c         the loop of one
 *   writer_zones.c   the zones of one
 */
#ifndef MUSTER_ZONE_THREADS_H
#define MUSTER_ZONE_THREADS_H

#include <stdbool.h>

#include "gateway/base/queue.h"
#include "gateway/base/turn_clock.h"
#include "gateway/config/config.h"
#include "gateway/journal/store.h"
#include "gateway/target/target.h"

struct zone_threads;
struct served;

/* A question or an order from another thread, run by a zone thread between two turns. */
struct zone_call {
	struct queue_node node; /* first */
	/* The zone that it is about, in lower case; borrowed until the call comes
	 * back.  NULL: it is about all zones, and run by every zone thread in turn. */
	const uint8_t *zone;
	/* Runs in the zone thread.  True: done, and it goes on or back; false, for a
	 * call about one zone: zone_call_finish comes later, in the same thread. */
	bool (*run)(struct served *served, struct zone_call *call);
	void *subject;      /* what run works on */
	struct queue *back; /* the queue it returns to */
	/* private to zone_threads.c */
	struct zone_threads *threads;
	unsigned next; /* of a call about all zones: the thread that runs it next */
};

/* What zone threads are built on: the gateway's own, or a test's replacement. */
struct zone_threads_env {
	const struct store_ops *store;
	const struct target_ops *const *targets; /* target_env.types */
	struct turn_clock time; /* manual: only writer_advance moves it */
	size_t queue_max;       /* zone_thread.queue_max */
	uint32_t replay_places; /* of the memory of requests (replay_new) */
};

extern const struct zone_threads_env zone_threads_env;

/* Opens the database, and makes as many threads as configured, which do not run yet.  0
 * or -errno, logged. */
int zone_threads_new(struct zone_threads **ret_threads, struct config *config,
	const struct zone_threads_env *env) __attribute__((warn_unused_result));
/* Where answers will go, by its number; to be called before they run.  The mailbox must
 * outlive them. */
int zone_threads_add_mailbox(struct zone_threads *threads, struct mailbox *mailbox)
	__attribute__((warn_unused_result));
/*
 * Starts them; they open their zones.  When it returns, the zones are in service,
 * except those whose primary target fails or does not answer soon, which are loaded
 * later.  0 or -errno, logged, and none runs.
 */
int zone_threads_start(struct zone_threads *threads) __attribute__((warn_unused_result));
/* Zones that were loaded when zone_threads_start returned. */
size_t zone_threads_count_ready(const struct zone_threads *threads);

/* For struct request, by its node, of zones of the thread with this number. */
struct queue *zone_threads_queue(struct zone_threads *threads, unsigned number);
unsigned zone_threads_count(const struct zone_threads *threads);

/* From any thread, without waiting: asks all of them for a sign of life. */
void zone_threads_ping(struct zone_threads *threads);
/* Have all of them answered the last zone_threads_ping? */
bool zone_threads_are_alive(const struct zone_threads *threads);

/* From any thread, while they run: the call belongs to a zone thread until it is back.
 * config contains the zone, if one is named. */
void zone_threads_call(struct zone_threads *threads, struct zone_call *call,
	const struct config *config);
void zone_call_finish(struct zone_call *call);

/* From any thread: the PowerDNS servers of all targets. */
struct powerdns_servers *zone_threads_powerdns_servers(struct zone_threads *threads);

/* From one thread: a new configuration, which each thread adopts between two turns.  0,
 * or -ENOMEM with the old one kept. */
int zone_threads_reload(struct zone_threads *threads, struct config *config)
	__attribute__((warn_unused_result));

/*
 * They answer everything in their queues, wait for it to be durable (and for the
 * primary targets as long as each zone's ack_timeout says), store the cursors, and
 * end.  Listeners must not push any more.
 */
void zone_threads_stop(struct zone_threads *threads);
/* After zone_threads_stop or without it (then what was accepted and is not durable is
 * lost), and before the mailboxes are freed; NULL is harmless. */
void zone_threads_free(struct zone_threads *threads);

#endif
