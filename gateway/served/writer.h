/*
 * The zone thread ("the writer"): the one thread that owns mirrors, leases and
 * deliveries.
 *
 * Listeners push judged requests into writer_queue; the answers come back to their
 * mailboxes.  Everything in it works in turns: one turn of the event loop, then what
 * gathered for the journal and the listeners goes out at once.
 */
#ifndef MUSTER_WRITER_H
#define MUSTER_WRITER_H

#include <stdbool.h>

#include "gateway/config/config.h"
#include "gateway/base/queue.h"
#include "gateway/base/turn_clock.h"
#include "gateway/journal/store.h"
#include "gateway/target/target.h"

struct writer;
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
};

/* What a writer stands on: the gateway's own, or what a test has instead of it. */
struct writer_env {
	const struct store_ops *store;
	const struct target_ops *const *targets; /* target_env.types */
	struct turn_clock time; /* manual: only writer_advance moves it */
};

extern const struct writer_env writer_env;

/*
 * Opens the database and the zones.  They are in service when it returns, but for those
 * whose primary target fails or does not answer soon, which are loaded later.  0 or
 * -errno, logged.
 */
int writer_new(struct writer **ret_writer, struct config *config,
	const struct writer_env *env) __attribute__((warn_unused_result));
/* Where answers will go; before writer_start.  The mailbox outlives the writer's thread.
 */
int writer_add_mailbox(struct writer *writer, struct mailbox *mailbox)
	__attribute__((warn_unused_result));
/* Zones that are loaded; before writer_start. */
size_t writer_count_ready(const struct writer *writer);
int writer_start(struct writer *writer) __attribute__((warn_unused_result));

/* struct request, by its node. */
struct queue *writer_queue(struct writer *writer);

/* Any thread, without waiting: asks the zone thread for a sign of life. */
void writer_ping(struct writer *writer);
/* Has it answered the last writer_ping? */
bool writer_is_alive(const struct writer *writer);

/* Any thread, while the writer runs: the call is the zone thread's until it is back. */
void writer_call(struct writer *writer, struct zone_call *call);
void zone_call_finish(struct zone_call *call);

/* Any thread: a new configuration, taken between two turns. */
int writer_reload(struct writer *writer, struct config *config)
	__attribute__((warn_unused_result));

/*
 * Answers everything that is in the queue, waits for it to be durable (and for the
 * primary targets as long as each zone's ack_timeout says), writes down how far
 * everything is, and ends the thread.  No listener may push any more.
 */
void writer_stop(struct writer *writer);
/* After writer_stop or without it (what was accepted and is not durable is lost then),
 * and before the mailboxes go; NULL is harmless. */
void writer_free(struct writer *writer);

/*
 * For tests, instead of writer_start: whoever calls these is the zone thread.  The clock
 * is manual.  Answers are in the mailboxes after each call.
 */

/* One turn: what has come in, what the journal and the targets have to say.  Waits until
 * there is something if it is told to.  False: there was nothing. */
bool writer_turn(struct writer *writer, bool waits);
/* Operations that the journal has not given back. */
size_t writer_in_journal(const struct writer *writer);
struct turn_clock writer_time(const struct writer *writer);
/* When the next alarm rings; ALARM_NEVER: none is set. */
int64_t writer_next_alarm_ms(const struct writer *writer);
/* The clock goes on until so late (monotonic), and what rings meanwhile is done. */
void writer_advance(struct writer *writer, int64_t to_ms);
/* The same, but that nobody looks until then, as if the process had been stopped. */
void writer_stand_still(struct writer *writer, int64_t to_ms);
/* Somebody sets the real time; nothing rings. */
void writer_set_real_time(struct writer *writer, int64_t real_ms);

#endif
