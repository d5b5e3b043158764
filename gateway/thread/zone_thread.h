/*
 * What everything in a zone thread shares: its loop, its way to the journal and back to
 * the listeners, and its reader of the store.  Passed around as a pointer; owned by
 * writer.c.
 */
#ifndef MUSTER_ZONE_THREAD_H
#define MUSTER_ZONE_THREAD_H

#include "gateway/base/alarm.h"
#include "gateway/base/turn_clock.h"
#include "gateway/journal/journal.h"
#include "gateway/journal/reader.h"
#include "gateway/thread/database.h"
#include "gateway/thread/service_clock.h"
#include "gateway/target/target.h"

/* A read of the store, embedded in the structure of whatever it is for, which has no
 * other owner: whoever asked may be gone when it comes back. */
struct thread_read {
	struct reader_job job; /* first */
	void (*done)(struct thread_read *read);
};

/* What is put off until all results of a turn are in; embedded. */
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
	unsigned number, count;       /* which of the zone threads it is; so many */
	struct database *database;    /* shared by all zone threads */
	struct journal *journal;      /* the database's */
	struct journal_client client; /* of the journal */
	const struct store_ops *store_ops;
	struct store *store;    /* for reading */
	struct reader *reader;  /* of another connection */
	unsigned generation;    /* of the journal's files, that store is of */
	struct turn_clock time; /* what it is, in this turn */
	struct service_clock clock;
	int64_t heard_ms; /* monotonic; before that nobody expires: whoever spoke while
			   * the thread could not listen is heard first */
	struct queue_list submissions; /* journal operations of this turn */
	struct database_numbers numbers;
	uint64_t durable_seq; /* the newest of its rows that is durable */
	size_t in_journal;    /* operations that have not come back */
	size_t in_reader;     /* reads that have not */
	struct thread_task *tasks;
	size_t queue_max; /* change sets in memory that wait for a target; 0: as many as
			   * delivery.h says */
	bool is_broken;   /* a commit failed: nothing new until all are back */
	bool is_stopping; /* nothing is begun that nobody asked for */
	bool is_over;     /* nothing can be submitted any more */
};

/* Opens a connection for reading.  0 or -errno, logged; zone_thread_close_store either
 * way. */
int zone_thread_open_store(struct zone_thread *thread, struct database *database)
	__attribute__((warn_unused_result));
void zone_thread_close_store(struct zone_thread *thread);
/* If the journal has written the files anew (journal_generation), opens them.  True: it
 * has, and what stood beside them may be missing too. */
bool zone_thread_follow_store(struct zone_thread *thread);

/* Is it the one that serves this zone? */
static inline bool zone_thread_serves(
	const struct zone_thread *thread, const struct config_zone *zone)
{
	return config_zone_thread(zone, thread->count) == thread->number;
}

/* The number of a row that is about to be submitted. */
static inline uint64_t zone_thread_next_seq(struct zone_thread *thread)
{
	return database_next_seq(thread->database, &thread->numbers);
}

/* Queues an operation for the end of the turn. */
void zone_thread_submit(struct zone_thread *thread, struct journal_op *op);
/* An operation that frees itself when it is done, for what nobody waits for.  A copy of
 * target is kept.  False: no memory. */
bool zone_thread_submit_note(struct zone_thread *thread, const struct journal_op *op);
/* The journal has given it back: whoever submitted it is told. */
void zone_thread_take_back(struct zone_thread *thread, struct journal_op *op);

/* The store is read beside this thread; done is called in it, also if the read has been
 * given up, and after the end of all zones. */
void zone_thread_read(struct zone_thread *thread, struct thread_read *read);

/* Once, however often it is asked for in a turn. */
void zone_thread_later(struct zone_thread *thread, struct thread_task *task);
/* Its memory is about to be freed. */
void zone_thread_forget(struct zone_thread *thread, struct thread_task *task);
void zone_thread_run_tasks(struct zone_thread *thread);

#endif
