/*
 * What the files of the zone thread's loop share: writer.c has the loop, writer_zones.c
 * the zones that it serves.
 */
#ifndef MUSTER_WRITER_PRIVATE_H
#define MUSTER_WRITER_PRIVATE_H

#include <pthread.h>

#include "gateway/served/served.h"
#include "gateway/served/writer.h"

struct pruning;
struct database_watch;

struct writer {
	struct zone_thread thread;
	struct served served;
	struct config *config; /* counted; the newest */
	struct pruning *pruning;
	struct database_watch *watch;
	LIST_HEAD(, served_zone) closing; /* no longer configured */
	struct queue queue;               /* of requests */
	struct queue commands;
	struct queue calls;
	struct event *queue_event, *command_event, *call_event, *done_event;
	struct alarm reopen_alarm; /* zones that could not be opened are tried again */
	size_t reopen_at;          /* in config, the next of them */
	atomic_uint pings, answered_pings;
	pthread_t pthread;
	bool is_started;
	bool is_stopping;
};

/* One that cannot be opened concerns no other, and is tried again. */
void writer_open_zone(struct writer *writer, struct config *config,
	const struct config_zone *zone_config);
/* The reopen_alarm's: what could not be opened may be, by now. */
void writer_on_reopen(void *arg);
/* Those of a new configuration, which it takes. */
void writer_reload_zones(struct writer *writer, struct config *config);
/* Frees what has come to its end, and opens anew what was closed for that. */
void writer_sweep_closing(struct writer *writer);
void writer_free_zones(struct writer *writer);

#endif
