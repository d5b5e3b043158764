/*
 * Service time: milliseconds that a zone has been in service.  Leases are counted in it.
 *
 * The thread's clock follows the monotonic clock as long as it is read every few
 * seconds.  During longer gaps it stands still: the process was stopped, the machine
 * asleep, or the thread blocked, and clients could not have refreshed anything.  Each
 * zone has a time of its own on that clock, which stays at 0 until the zone is loaded
 * for the first time.  Steps of the wall clock affect neither.
 *
 * Pure: callers pass the monotonic time.
 */
#ifndef MUSTER_SERVICE_CLOCK_H
#define MUSTER_SERVICE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SERVICE_TICK_MS = 5000, /* maximum between two looks while there are leases */
	/* A look later than this was delayed: only one tick counts. */
	SERVICE_LATE_MS = 7000,
};

struct service_clock {
	int64_t looked_ms; /* monotonic time of the last look */
	int64_t now_ms;    /* since the clock was started */
};

void service_clock_start(struct service_clock *clock, int64_t monotonic_ms);
/* Moves the clock.  False: the look was late. */
bool service_clock_look(struct service_clock *clock, int64_t monotonic_ms);

struct service_time {
	bool is_running;
	int64_t ms; /* standing: the time; running: its distance ahead of the clock */
};

int64_t service_time_now(
	const struct service_time *time, const struct service_clock *clock);
/* Runs from now on; harmless if it runs already. */
void service_time_run(struct service_time *time, const struct service_clock *clock);

#endif
