/*
 * One zone thread ("the writer"; zone_threads.h): its loop, and the zones that it serves.
 */
#ifndef MUSTER_WRITER_H
#define MUSTER_WRITER_H

#include <pthread.h>

#include "gateway/served/served.h"
#include "gateway/served/zone_claims.h"
#include "gateway/served/zone_threads.h"

struct pruning;
struct database_watch;

/* Shared by all threads. */
struct writer_shared {
	struct database database;
	struct replay *replay;
	struct zone_claims claims;
	struct powerdns_servers *powerdns_servers;
	struct config *config; /* counted; the configuration at their start */
	unsigned count;        /* threads */
};

struct writer {
	struct writer_shared *shared;
	struct zone_thread thread;
	struct served served;
	struct config *config; /* counted; the newest */
	/* Only for the first thread, which does this for all. */
	struct pruning *pruning;
	struct database_watch *watch;
	LIST_HEAD(, opening) openings;
	/* no longer configured, or now another thread's */
	LIST_HEAD(, served_zone) closing;
	struct queue queue; /* of requests */
	struct queue commands;
	struct queue calls;
	struct queue handovers; /* of zones that other threads had */
	struct event *queue_event, *command_event, *call_event, *handover_event,
		*done_event;
	struct alarm reopen_alarm;  /* zones that could not be opened are tried again */
	struct alarm recover_alarm; /* what failed could not be undone, without memory */
	size_t reopen_at;           /* in config, the next of them */
	atomic_uint pings, answered_pings;
	pthread_t pthread;
	bool is_running; /* pthread is */
	bool is_stopping;
	struct queue *opened; /* opening is pushed here when the zones have been opened */
	struct queue_node opening;
	size_t ready_count; /* zones loaded by then */
	size_t bad_count;   /* zones whose files were bad */
};

/* Does not start anything yet.  0 or -errno, logged; the database is open. */
int writer_new(struct writer **ret_writer, struct writer_shared *shared, unsigned number,
	const struct zone_threads_env *env) __attribute__((warn_unused_result));
/* Opens the zones, and waits a moment until their primary targets have answered. */
void writer_open_zones(struct writer *writer);
/* Does that in a thread of its own, pushes opening into opened, and runs until it is
 * told to stop.  0 or -errno. */
int writer_start(struct writer *writer, struct queue *opened)
	__attribute__((warn_unused_result));

void writer_ping(struct writer *writer);
bool writer_is_alive(const struct writer *writer);
struct writer_command;
struct writer_command *writer_command_new(struct config *config); /* NULL: no memory */
void writer_command_free(struct writer_command *command);
/* Takes over a command: a new configuration, or to stop if it has none. */
void writer_send(struct writer *writer, struct writer_command *command);
/* Waits until the thread has ended, or runs the caller's loop to its end. */
void writer_join(struct writer *writer);

/* In this order, for all threads: waiting requests are answered; the journal ends; then
 * its results are taken back. */
void writer_give_up(struct writer *writer);
void writer_take_last(struct writer *writer);
void writer_free(struct writer *writer); /* NULL is harmless */

/*
 * For tests, instead of writer_start: the thread that calls these is the zone thread,
 * and has called writer_open_zones.  The clock is manual.  After each call, the answers
 * are in the mailboxes.
 */
struct writer *zone_threads_writer(struct zone_threads *threads, unsigned number);

/* One turn: handles what has come in, and what the journal and the targets report.
 * Waits for something if told to.  False: there was nothing. */
bool writer_turn(struct writer *writer, bool waits);
/* Operations that the journal has not returned. */
size_t writer_in_journal(const struct writer *writer);
/* Reads of the store in progress. */
size_t writer_in_reader(const struct writer *writer);
struct turn_clock writer_time(const struct writer *writer);
/* When the next alarm rings; ALARM_NEVER: none is set. */
int64_t writer_next_alarm_ms(const struct writer *writer);
/* Lets the clock run until this time (monotonic), and handles the alarms on the way. */
void writer_advance(struct writer *writer, int64_t to_ms);
/* The same without handling anything until then, as if the process had been stopped. */
void writer_stand_still(struct writer *writer, int64_t to_ms);
/* Sets the real time; no alarm goes off. */
void writer_set_real_time(struct writer *writer, int64_t real_ms);

/* ---- writer_zones.c ---- */

/* Begins to open a zone of the newest configuration.  One that cannot be opened does not
 * affect others, and is tried again.  False: it is in service, or already being opened
 * or closed. */
bool writer_open_zone(struct writer *writer, const struct config_zone *zone);
/* Gives up all zones that are being opened. */
void writer_stop_opening(struct writer *writer);
/* For reopen_alarm: tries again to open zones. */
void writer_on_reopen(void *arg);
/* Another thread has given it up. */
void writer_take_over(struct writer *writer, const uint8_t *name);
/* Opens, configures and closes zones, for a new configuration, which it takes over. */
void writer_reload_zones(struct writer *writer, struct config *config);
/* Frees zones that have ended, and opens again those that were closed for it. */
void writer_sweep_closing(struct writer *writer);
void writer_free_zones(struct writer *writer);

#endif
