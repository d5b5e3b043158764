/*
 * The time of a turn of a loop: both clocks are read when the turn first asks for them,
 * and whatever happens in the turn happens at that time.  So a turn costs two looks at
 * the clocks, however much it does, and everything that it does agrees about the time.
 *
 * Belongs to one thread.  A test makes it manual, and then nothing but turn_clock_set
 * and turn_clock_advance moves it.
 */
#ifndef MUSTER_TURN_CLOCK_H
#define MUSTER_TURN_CLOCK_H

#include <stdbool.h>

#include "gateway/base/clock.h"

struct turn_clock {
	bool counts_sleep; /* the monotonic clock goes on while the machine sleeps */
	bool is_manual;
	bool is_known; /* the two below are this turn's */
	int64_t monotonic_ms;
	int64_t real_ms; /* since 1970 */
};

static inline void turn_clock_look(struct turn_clock *clock)
{
	if (clock->is_known || clock->is_manual)
		return;
	clock->monotonic_ms =
		clock_read_ms(clock->counts_sleep ? CLOCK_BOOTTIME : CLOCK_MONOTONIC);
	clock->real_ms = clock_real_ms();
	clock->is_known = true;
}

/* For timers. */
static inline int64_t turn_monotonic_ms(struct turn_clock *clock)
{
	turn_clock_look(clock);
	return clock->monotonic_ms;
}

/* For TSIG, leases and records of what happened: milliseconds since 1970. */
static inline int64_t turn_real_ms(struct turn_clock *clock)
{
	turn_clock_look(clock);
	return clock->real_ms;
}

/* The same in seconds. */
static inline int64_t turn_real_s(struct turn_clock *clock)
{
	return turn_real_ms(clock) / 1000;
}

/* To be called when a turn begins, before the loop waits for events. */
static inline void turn_clock_begin(struct turn_clock *clock)
{
	clock->is_known = false;
}

/* Makes the clock manual and sets it. */
static inline void turn_clock_set(
	struct turn_clock *clock, int64_t monotonic_ms, int64_t real_ms)
{
	clock->is_manual = true;
	clock->monotonic_ms = monotonic_ms;
	clock->real_ms = real_ms;
}

/* Moves a manual clock forward to this monotonic time; it never goes back. */
static inline void turn_clock_advance(struct turn_clock *clock, int64_t to_ms)
{
	if (to_ms <= clock->monotonic_ms)
		return;
	clock->real_ms += to_ms - clock->monotonic_ms;
	clock->monotonic_ms = to_ms;
}

#endif
