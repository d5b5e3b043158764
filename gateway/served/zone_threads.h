/*
 * The zone threads: those that own mirrors, leases and deliveries.
 *
 * Each zone is served by one of them, found by its pin (config.h), from its opening to
 * its end; so a zone needs no locks, whatever their number is.  They share the database
 * (thread/database.h) and the memory of requests (replay.h): a zone may move to another
 * thread, and after a restart there may be more of them or fewer, but a request that was
 * seen must be known all the same.
 *
 * Listeners push judged requests into the queue of their zone's thread; the answers
 * come back to their mailboxes.  Everything in a thread works in turns: one turn of the
 * event loop, then what gathered for the journal and the listeners goes out at once.
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

/* A question or an order of another thread, run by a zone thread between two turns. */
struct zone_call {
	struct queue_node node; /* first */
	/* The zone that it is about, in lower case; borrowed until it is back.  NULL: it
	 * is about all of them, and run by every zone thread in turn. */
	const uint8_t *zone;
	/* In the zone thread.  True: it is done, and goes on or back; false, of a call
	 * about one zone: zone_call_finish comes later, in the same thread. */
	bool (*run)(struct served *served, struct zone_call *call);
	void *subject;      /* what run works on */
	struct queue *back; /* where it goes */
	/* zone_threads.c's */
	struct zone_threads *threads;
	unsigned next; /* of a call about all zones: the thread that runs it next */
};

/* What zone threads stand on: the gateway's own, or what a test has instead of it. */
struct zone_threads_env {
	const struct store_ops *store;
	const struct target_ops *const *targets; /* target_env.types */
	struct turn_clock time; /* manual: only writer_advance moves it */
	size_t queue_max;       /* zone_thread.queue_max */
};

extern const struct zone_threads_env zone_threads_env;

/* Opens the database.  As many threads as the configuration says, which do not run yet.
 * 0 or -errno, logged. */
int zone_threads_new(struct zone_threads **ret_threads, struct config *config,
	const struct zone_threads_env *env) __attribute__((warn_unused_result));
/* Where answers will go, by its number; before they run.  The mailbox outlives them. */
int zone_threads_add_mailbox(struct zone_threads *threads, struct mailbox *mailbox)
	__attribute__((warn_unused_result));
/*
 * They run, and open their zones.  Those are in service when it returns, but for those
 * whose primary target fails or does not answer soon, which are loaded later.  0 or
 * -errno, logged, and none runs.
 */
int zone_threads_start(struct zone_threads *threads) __attribute__((warn_unused_result));
/* Zones that were loaded when zone_threads_start returned. */
size_t zone_threads_count_ready(const struct zone_threads *threads);

/* struct request, by its node, of zones of the thread of this number. */
struct queue *zone_threads_queue(struct zone_threads *threads, unsigned number);
unsigned zone_threads_count(const struct zone_threads *threads);

/* Any thread, without waiting: asks all of them for a sign of life. */
void zone_threads_ping(struct zone_threads *threads);
/* Have all of them answered the last zone_threads_ping? */
bool zone_threads_are_alive(const struct zone_threads *threads);

/* Any thread, while they run: the call is a zone thread's until it is back.  config has
 * the zone, if it names one. */
void zone_threads_call(struct zone_threads *threads, struct zone_call *call,
	const struct config *config);
void zone_call_finish(struct zone_call *call);

/* All rows of the journal up to this number can be read, or will never come. */
uint64_t zone_threads_settled_seq(const struct zone_threads *threads);

/* One thread: a new configuration, taken by each between two turns.  0 or -ENOMEM, and it
 * stays as it was. */
int zone_threads_reload(struct zone_threads *threads, struct config *config)
	__attribute__((warn_unused_result));

/*
 * They answer everything that is in their queues, wait for it to be durable (and for the
 * primary targets as long as each zone's ack_timeout says), write down how far everything
 * is, and end.  No listener may push any more.
 */
void zone_threads_stop(struct zone_threads *threads);
/* After zone_threads_stop or without it (what was accepted and is not durable is lost
 * then), and before the mailboxes go; NULL is harmless. */
void zone_threads_free(struct zone_threads *threads);

#endif
