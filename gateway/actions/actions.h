/*
 * What an administrator has configured for events of hosts (on_stale, on_expire): a
 * program is run, or a POST is sent to a URL.
 *
 * The program is told by arguments and environment, never through a shell:
 *
 * 	PROGRAM EVENT ZONE HOST
 * 	MUSTER_EVENT, MUSTER_ZONE, MUSTER_HOST, MUSTER_KEY, MUSTER_SOURCE,
 * 	MUSTER_LAST_SEEN (RFC 3339), MUSTER_RECORDS (separated by commas), and a PATH of
 * 	the system's folders
 *
 * It has /dev/null for its streams and a process group of its own, and runs as the
 * gateway's user.  A URL gets the same as a JSON object (event, zone, host, key,
 * source, last_seen, records), and should answer with 200 to 299.  Unknown values are
 * empty, or null.
 *
 * Nothing waits for them, none is tried twice, and failures are only logged.  At most
 * ACTIONS_AT_ONCE run and ACTIONS_QUEUE_MAX wait; further ones are dropped, and their
 * number is logged.  Belongs to one thread and one event base.
 */
#ifndef MUSTER_ACTIONS_H
#define MUSTER_ACTIONS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/alarm.h"

enum {
	ACTIONS_AT_ONCE = 4,
	ACTIONS_QUEUE_MAX = 1000,
	ACTIONS_LIMIT_MS = 30000, /* how long they may usually take */
};

struct actions;

/* Texts; borrowed. */
struct action {
	const char *what;  /* absolute path of a program, or http:// or https:// URL */
	const char *event; /* "stale", "expired" */
	const char *zone, *host;
	const char *key, *source;   /* of the last refresh; NULL: not known */
	int64_t seen_s;             /* real time of it */
	const char *const *records; /* "A 192.0.2.1" */
	size_t record_count;
};

/* A program that runs for limit_ms is killed, a request given up.  NULL: no memory. */
struct actions *actions_new(
	struct event_base *base, struct alarms *alarms, unsigned limit_ms);
/* Drops what waits, and asks running programs to end.  NULL is harmless. */
void actions_free(struct actions *actions);

/* Begins it now, or when there is a place for it. */
void actions_begin(struct actions *actions, const struct action *action);

/* Is nothing running or waiting? */
bool actions_is_idle(const struct actions *actions);

#endif
