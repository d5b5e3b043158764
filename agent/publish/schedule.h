/*
 * When to send: RFC 9664 4.2, 5.2 and 6, as functions of the time and a random number.
 *
 * Pure.  Times are milliseconds of a clock that never jumps; random is 32 random bits.
 */
#ifndef MUSTER_AGENT_SCHEDULE_H
#define MUSTER_AGENT_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SCHEDULE_RETRIES = 10,       /* of a refresh, until the lease ends */
	SCHEDULE_RETRY_MIN_MS = 500, /* between those, however short the lease */
	SCHEDULE_BACKOFF_MS = 2000,  /* the first pause, doubled each time */
	SCHEDULE_BACKOFF_MAX_MS = 300 * 1000,
	SCHEDULE_REFUSED_MS = 60 * 1000, /* the same where the server said no */
	SCHEDULE_REFUSED_MAX_MS = 3600 * 1000,
	SCHEDULE_SETTLE_ADD_MS = 100,    /* a change waits for company that long */
	SCHEDULE_SETTLE_REMOVE_MS = 800, /* and longer when something only goes: it may
					  * come back, as when a link flaps */
	SCHEDULE_SETTLE_MAX_MS = 1500,   /* but never longer than this in all */
	SCHEDULE_SPACING_MS = 1000,      /* between two changes sent */
	SCHEDULE_LEASE_MIN_S = 2,        /* a server that grants less is held to this */
};

#define SCHEDULE_NEVER INT64_MAX /* which is ALARM_NEVER, too */

/* 4.2: 0 to max_ms, with a granularity of 1 ms. */
int64_t schedule_initial_delay(int64_t max_ms, uint32_t random);

/* 5.2: 80 % of the lease plus 0 to 5 %, after it was granted. */
int64_t schedule_refresh_delay(uint32_t lease_s, uint32_t random);

/*
 * 5.2: a refresh first failed at failed_ms, and has failed failures times since; what it
 * refreshes ends at expires_ms.  Retries stand evenly between the two.  When the lease is
 * over: 6, backing off.
 */
int64_t schedule_retry_refresh(int64_t now_ms, int64_t failed_ms, int64_t expires_ms,
	unsigned failures, uint32_t random);

/* The pause after so many (at least 1) failures: doubled each time, the upper half of it
 * random. */
int64_t schedule_backoff(unsigned failures, bool is_refused, uint32_t random);

/* The longest pause between two tries at a gateway that holds leases of this length, and
 * begins them anew when it is back (ms). */
int64_t schedule_longest_absence(uint32_t lease_s);

/* When a change is to be sent that was first seen at first_ms and last added to at
 * last_ms, if the last one was sent at sent_ms (INT64_MIN: none was). */
int64_t schedule_change(
	int64_t first_ms, int64_t last_ms, int64_t sent_ms, bool is_removal_only);

#endif
