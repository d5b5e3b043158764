/*
 * Service time: milliseconds that a zone has been in service.  Leases are counted in it.
 *
 * One clock for the thread follows the monotonic clock as long as somebody looks at it
 * every few seconds; what it was not looked at for longer, it stood still: the process
 * was stopped, the machine asleep, the thread blocked, and nobody could have refreshed
 * anything.  Each zone has a time of its own on that clock, which stands at 0 until the
 * zone is loaded for the first time.  Steps of the wall clock do not matter to either.
 *
 * Pure: whoever looks brings the monotonic time.
 */
#ifndef MUSTER_SERVICE_CLOCK_H
#define MUSTER_SERVICE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SERVICE_TICK_MS = 5000, /* between two looks, at most, while there are leases */
	/* A look that is later than this was kept from looking: only a tick counts. */
	SERVICE_LATE_MS = 7000,
};

struct service_clock {
	int64_t looked_ms; /* monotonic, of the last look */
	int64_t now_ms;    /* since the clock was started */
};

void service_clock_start(struct service_clock *clock, int64_t monotonic_ms);
/* Moves the clock.  False: the look was late. */
bool service_clock_look(struct service_clock *clock, int64_t monotonic_ms);

struct service_time {
	bool is_running;
	int64_t ms; /* standing: the time; running: what it is ahead of the clock */
};

int64_t service_time_now(
	const struct service_time *time, const struct service_clock *clock);
/* From now on; harmless when it runs already. */
void service_time_run(struct service_time *time, const struct service_clock *clock);

#endif
