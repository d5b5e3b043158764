/*
 * What the parts of a zone thread share: its event loop, what it submits to the journal,
 * and the thread that reads the database on its behalf, since it never does so itself.
 * Passed around as a pointer; owned by served/writer.c.
 */
#ifndef MUSTER_ZONE_THREAD_H
#define MUSTER_ZONE_THREAD_H

#include "gateway/answer/transfer.h"
#include "gateway/base/alarm.h"
#include "gateway/base/turn_clock.h"
#include "gateway/journal/journal.h"
#include "gateway/journal/reader.h"
#include "gateway/thread/database.h"
#include "gateway/thread/service_clock.h"
#include "gateway/target/departure.h"
#include "gateway/target/target.h"

/* A read of the store, embedded in the structure of whatever it is for, which has no
 * other owner, since whoever asked may be gone when it comes back. */
struct thread_read {
	struct reader_job job; /* first */
	void (*done)(struct thread_read *read);
};

/* A task that is deferred, so that it runs once for many results; embedded. */
struct thread_task {
	struct thread_task *next;
	bool is_due;
	void (*run)(struct thread_task *task);
	void *arg;
};

struct zone_thread {
	struct event_base *base;
	struct alarms alarms;
	struct target_env target_env;
	struct departures departures; /* of targets */
	/* its index among the zone threads, and their number */
	unsigned number, count;
	struct database *database;    /* shared by all zone threads */
	struct journal *journal;      /* the database's */
	struct journal_client client; /* of the journal */
	struct reader *reader;        /* of the database */
	unsigned generation;    /* of the journal's files, when it was last looked at */
	struct turn_clock time; /* the time, as of this turn */
	struct service_clock clock;
	int64_t heard_ms; /* monotonic; nothing expires before that: clients that sent
	                   * while the thread could not listen are heard first */
	struct queue_list submissions; /* journal operations of this turn */
	uint64_t durable_seq;          /* the newest of its rows that is durable */
	size_t in_journal;             /* operations that have not come back */
	size_t in_reader;              /* reads that have not come back */
	struct thread_task *tasks;
	size_t queue_max; /* change sets in memory that wait for a target; 0: the limit
	                   * of delivery.h */
	size_t delivery_octets; /* that deliveries take (delivery_private.h) */
	struct transfer_histories histories;
	bool is_shrinking; /* one of them shrinks the journal: one after the other */
	bool is_broken;    /* a commit failed: nothing new until all have come back */
	bool is_stopping;  /* nothing is started that was not asked for */
	bool is_over;      /* nothing can be submitted any more */
};

/* Starts the reader.  0 or -errno, logged; zone_thread_close_database is needed either
 * way. */
int zone_thread_open_database(struct zone_thread *thread, struct database *database)
	__attribute__((warn_unused_result));
void zone_thread_close_database(struct zone_thread *thread);
/* Has the journal created its files again (journal_generation)?  Then other files beside
 * them may be missing too. */
bool zone_thread_follow_database(struct zone_thread *thread);

/* Does it serve this zone? */
static inline bool zone_thread_serves(
	const struct zone_thread *thread, const struct config_zone *zone)
{
	return config_zone_thread(zone, thread->count) == thread->number;
}

/* Queues an operation for the end of the turn. */
void zone_thread_submit(struct zone_thread *thread, struct journal_op *op);
/* Submits an operation that nothing waits for, and that frees itself.  Copies target.
 * False: no memory. */
bool zone_thread_submit_note(struct zone_thread *thread, const struct journal_op *op);
/* The journal has returned it: tells its submitter. */
void zone_thread_take_back(struct zone_thread *thread, struct journal_op *op);

/* Reads the store beside this thread; done is called in this thread, even if the read
 * has been given up, and after the end of all zones. */
void zone_thread_read(struct zone_thread *thread, struct thread_read *read);

/* Runs it once, however often that is requested: when the results of the journal have
 * been dealt with, or at the end of the turn. */
void zone_thread_later(struct zone_thread *thread, struct thread_task *task);
/* Its memory is about to be freed. */
void zone_thread_forget(struct zone_thread *thread, struct thread_task *task);
void zone_thread_run_tasks(struct zone_thread *thread);

#endif
