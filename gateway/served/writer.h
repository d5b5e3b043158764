/*
 * The zone thread ("the writer"): the one thread that owns mirrors, leases and
 * deliveries.
 *
 * Listeners push judged transactions into writer_queue; the answers come back to their
 * mailboxes.  Everything in it works in turns: one turn of the event loop, then what
 * gathered for the journal and the listeners goes out at once.
 */
#ifndef MUSTER_WRITER_H
#define MUSTER_WRITER_H

#include <stdbool.h>

#include "gateway/config/config.h"
#include "gateway/base/queue.h"
#include "gateway/journal/store.h"

struct writer;
struct zone_thread;

/* A question or an order of another thread, run by a zone thread between two turns. */
struct zone_call {
	struct queue_node node; /* first */
	/* The zone that it is about, in lower case; borrowed until it is back.  NULL: it
	 * is about all of them, and run by every zone thread in turn. */
	const uint8_t *zone;
	/* In the zone thread.  True: it is done, and goes on or back; false, of a call
	 * about one zone: zone_call_finish comes later, in the same thread. */
	bool (*run)(struct zone_thread *thread, struct zone_call *call);
	void *subject;      /* what run works on */
	struct queue *back; /* where it goes */
};

/*
 * Opens the database and the zones.  They are in service when it returns, but for those
 * whose primary target fails or does not answer soon, which are loaded later.  0 or
 * -errno, logged.
 */
int writer_new(struct writer **ret_writer, struct config *config)
	__attribute__((warn_unused_result));
/* Where answers will go; before writer_start.  The mailbox outlives the writer's thread.
 */
int writer_add_mailbox(struct writer *writer, struct mailbox *mailbox)
	__attribute__((warn_unused_result));
/* Zones that are loaded; before writer_start. */
size_t writer_count_ready(const struct writer *writer);
int writer_start(struct writer *writer) __attribute__((warn_unused_result));

/* struct transaction, by its node. */
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
/* After writer_stop, and before the mailboxes go; NULL is harmless. */
void writer_free(struct writer *writer);

#endif
