/*
 * The clocks.  Only the threads' loops read them; everything else gets the time as an
 * argument or through a structure.
 */
#ifndef MUSTER_CLOCK_H
#define MUSTER_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_read_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* For timers: never jumps. */
static inline int64_t clock_monotonic_ms(void)
{
	return clock_read_ms(CLOCK_MONOTONIC);
}

/* For how long something took. */
static inline int64_t clock_monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* For TSIG, leases and records of what happened: milliseconds since 1970. */
static inline int64_t clock_real_ms(void)
{
	return clock_read_ms(CLOCK_REALTIME);
}

#endif
