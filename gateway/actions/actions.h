/*
 * What an administrator wants done when something happens to a host (on_stale,
 * on_expire): a program is run, or a URL is sent a POST.
 *
 * The program gets its word by arguments and environment, never through a shell:
 *
 *	PROGRAM EVENT ZONE HOST
 *	MUSTER_EVENT, MUSTER_ZONE, MUSTER_HOST, MUSTER_KEY, MUSTER_SOURCE,
 *	MUSTER_LAST_SEEN (RFC 3339), MUSTER_RECORDS (separated by commas), and a PATH of
 *	the system's folders
 *
 * with /dev/null for its streams, in a process group of its own, as the gateway's user.
 * A URL gets the same as a JSON object (event, zone, host, key, source, last_seen,
 * records), and should answer with 200 to 299.  What is not known is empty, or null.
 *
 * Nobody waits for either, none is tried twice, and failures are only logged.  At most
 * ACTIONS_AT_ONCE are under way and ACTIONS_QUEUE_MAX wait; what is more is left out, and
 * logged as a number.  Belongs to one thread and one event base.
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
	ACTIONS_LIMIT_MS = 30000, /* how long they may take, usually */
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

/* limit_ms: then a program is killed, a request given up.  NULL: no memory. */
struct actions *actions_new(
	struct event_base *base, struct alarms *alarms, unsigned limit_ms);
/* What waits is given up; programs that run are asked to end.  NULL is harmless. */
void actions_free(struct actions *actions);

/* Begins it, now or when others have ended. */
void actions_begin(struct actions *actions, const struct action *action);

/* Is anything under way, or waiting? */
bool actions_is_idle(const struct actions *actions);

#endif
