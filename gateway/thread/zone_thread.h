/*
 * What everything in the zone thread shares: its loop, its way to the journal and back to
 * the listeners, and its reading connection to the store.  Passed around as a pointer;
 * there is one, owned by writer.c.
 */
#ifndef MUSTER_ZONE_THREAD_H
#define MUSTER_ZONE_THREAD_H

/* Out of memory is an answer here, not the end of the process. */
#define HASH_NONFATAL_OOM          1
#define uthash_nonfatal_oom(entry) ((entry)->is_lost = true)
#include <uthash.h>

#include "gateway/actions/actions.h"
#include "gateway/base/alarm.h"
#include "gateway/base/turn_clock.h"
#include "gateway/journal/journal.h"
#include "gateway/thread/high_water.h"
#include "gateway/thread/journal_share.h"
#include "gateway/request/replay.h"
#include "gateway/thread/service_clock.h"
#include "gateway/target/target.h"

struct served_zone;

/* A zone that could not be opened, and is tried again. */
struct zone_unopened {
	UT_hash_handle hh; /* by name, in zone_thread */
	uint8_t name[NAME_MAX_LEN];
	char why[VERDICT_WHY_MAX];
	bool is_lost; /* could not be entered */
};

struct zone_thread {
	struct event_base *base;
	struct alarms alarms;
	struct target_env target_env;
	struct journal *journal;
	const struct store_ops *store_ops;
	struct store *store;  /* for reading */
	const char *database; /* its path, of the configuration at the start */
	unsigned generation;  /* of the journal's files, that store is of */
	int lock;             /* file descriptor: the database is ours; -1: none */
	struct replay *replay;
	struct high_water *mark;
	/* The database is older than what was promised, or empty: what it still has for
	 * targets has been overtaken. */
	bool is_older;
	struct journal_share *share;
	struct actions *actions;
	struct seen *seen;      /* hosts without leases */
	struct turn_clock time; /* what it is, in this turn */
	struct service_clock clock;
	int64_t heard_ms; /* monotonic; before that nobody expires: whoever spoke while
			   * the thread could not listen is heard first */
	struct served_zone *zones;        /* in service; hash by name */
	struct zone_unopened *unopened;   /* hash by name */
	struct queue_list submissions;    /* journal operations of this turn */
	uint64_t durable_seq;             /* the newest that is durable */
	uint64_t last_seq;                /* the last sequence number given out; never 0,
					   * which as a cursor means that there is none */
	uint8_t answer[WIRE_MESSAGE_MAX]; /* where answers to queries are built */
	size_t in_journal;                /* operations that have not come back */
	struct served_zone *kicks;        /* zones with something new to deliver */
	uint64_t replay_hits;             /* requests answered as before, or joined */
	bool is_broken;   /* a commit failed: nothing new until all are back */
	bool is_failing;  /* the last commit that would have written something failed */
	bool has_reverse; /* there is, or was, a zone where PTR records belong */
	bool is_stopping; /* nothing is begun that nobody asked for */
	bool is_over;     /* nothing can be submitted any more */
};

/*
 * Takes the database for this process alone, opens it (by store_ops) with the journal,
 * whose results go to done, and the memory of requests.  0 or -errno, logged;
 * zone_thread_close_store either way, after the journal has ended.
 */
int zone_thread_open_store(struct zone_thread *thread, const struct config *config,
	struct queue *done) __attribute__((warn_unused_result));
void zone_thread_close_store(struct zone_thread *thread);
/* If the journal has written the files anew (journal_generation), opens them, and sees to
 * what stood beside them. */
void zone_thread_follow_store(struct zone_thread *thread);

/* Queues an operation for the end of the turn. */
static inline void zone_thread_submit(struct zone_thread *thread, struct journal_op *op)
{
	thread->in_journal++;
	queue_list_append(&thread->submissions, &op->node);
}

/* An operation that frees itself when it is done, for what nobody waits for.  A copy of
 * target is kept.  False: no memory. */
bool zone_thread_submit_note(struct zone_thread *thread, const struct journal_op *op);

/* Why a zone that should be in service could not be opened; NULL: it could. */
const char *zone_thread_why_unopened(
	const struct zone_thread *thread, const uint8_t *name);
/* It could not (logged if that is news), or could after all. */
void zone_thread_note_unopened(
	struct zone_thread *thread, const uint8_t *name, int error);
void zone_thread_note_opened(struct zone_thread *thread, const uint8_t *name);

/* Gives a transaction back to its listener with its verdict set: remembers the answer for
 * its twins, answers those that joined it, and writes the log line of a refusal. */
void zone_thread_answer(struct zone_thread *thread, struct transaction *transaction);

#endif
