/*
 * A timer that is always set.
 *
 * libevent needs memory for the first timers of a loop and each time that there are more
 * than ever before.  Without it a timer fires at once instead of never: what waits for it
 * looks again and sets it anew, and by then there may be memory.
 */
#ifndef MUSTER_TIMER_H
#define MUSTER_TIMER_H

#include <event2/event.h>

static inline void timer_set(struct event *timer, const struct timeval *after)
{
	if (event_add(timer, after))
		event_active(timer, EV_TIMEOUT, 1);
}

#endif
