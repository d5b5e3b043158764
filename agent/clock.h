/*
 * The clocks.  Only main.c, the alarms and what drives an exchange read them; everything
 * else gets the time as an argument.
 */
#ifndef MUSTER_AGENT_CLOCK_H
#define MUSTER_AGENT_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_read_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* For deadlines: never jumps, and goes on while the machine sleeps, as leases do. */
static inline int64_t clock_steady_ms(void)
{
	return clock_read_ms(CLOCK_BOOTTIME);
}

/* For TSIG, and for times that people are shown: seconds since 1970. */
static inline int64_t clock_real_s(void)
{
	return clock_read_ms(CLOCK_REALTIME) / 1000;
}

#endif
