/*
 * A moment at which something is to be done: a timer file descriptor of the clock that
 * goes on while the machine sleeps, so that a laptop refreshes its lease when it wakes
 * up and not hours later.
 *
 * An alarm that is not set costs no wake-up.  Belongs to one event base.
 */
#ifndef MUSTER_AGENT_ALARM_H
#define MUSTER_AGENT_ALARM_H

#include <event2/event.h>
#include <stdint.h>

typedef void alarm_ring(void *arg);

struct alarm;
/* NULL: no memory or no file descriptor left. */
struct alarm *alarm_new(struct event_base *base, alarm_ring *ring, void *arg);
void alarm_free(struct alarm *alarm); /* NULL is harmless */
/* Rings once, at this time of clock_steady_ms (soon, if that is over); replaces what was
 * set before. */
void alarm_set(struct alarm *alarm, int64_t at_ms);
void alarm_set_in(struct alarm *alarm, int64_t delay_ms);
void alarm_stop(struct alarm *alarm);

#endif
