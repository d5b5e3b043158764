/*
 * Alarms: what a loop has to do at a certain time.
 *
 * All alarms of a loop stand in one heap, in the order in which they ring, and share one
 * wake-up: a timer of libevent, or, for a clock that counts sleep, a timerfd(2), so that
 * a laptop does what it has missed when it wakes up and not hours later.  An alarm is
 * embedded in whatever needs it: setting one allocates nothing and cannot fail.  While
 * none is set nothing wakes the loop, and moving one costs no system call, but for the
 * timerfd if the alarm becomes the first.
 *
 * Without an event base nothing rings by itself: a test moves the clock
 * (alarms_advance).
 *
 * All of it belongs to the thread of the loop.
 */
#ifndef MUSTER_ALARM_H
#define MUSTER_ALARM_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/turn_clock.h"

#define ALARM_NEVER INT64_MAX

typedef void alarm_ring(void *arg);

/* All members are private, except the first two of struct alarms. */
struct alarm {
	struct alarms *alarms;
	alarm_ring *ring;
	void *arg;
	int64_t at_ms;
	uint64_t order; /* of two alarms for one time, the one set first rings first */
	bool is_set;
	struct alarm *child, *next, *previous; /* in the heap (alarm.c) */
};

struct alarms {
	struct turn_clock *clock; /* may be read by anybody */
	struct event_base *base;  /* the loop's, for other events; NULL in tests */
	struct alarm *first;
	uint64_t order;      /* of the newest */
	bool is_ringing;     /* the wake-up is set afterwards */
	struct event *event; /* the wake-up; NULL: there is none */
	int fd;              /* its timerfd; -1: libevent's own */
	int64_t wake_ms;     /* when it comes, never too late; ALARM_NEVER: it does not */
};

/* The clock, which counts sleep or not, outlives the alarms.  base NULL: nothing rings by
 * itself.  0 or -errno; alarms_clear either way. */
int alarms_init(struct alarms *alarms, struct turn_clock *clock, struct event_base *base)
	__attribute__((warn_unused_result));
/* Alarms that are still set never ring.  Harmless for memory that is all zero. */
void alarms_clear(struct alarms *alarms);

/* When the first of them rings; ALARM_NEVER: none is set. */
int64_t alarms_next_ms(const struct alarms *alarms);
/* Rings the alarms whose time has come, in order.  One that is set while others ring
 * waits for the next turn, even if its time has come too.  The wake-up calls this; so may
 * a loop or a test. */
void alarms_ring_due(struct alarms *alarms);
/* Like event_base_dispatch, but each turn of the loop has a time of its own.  Returns
 * after event_base_loopexit or event_base_loopbreak, or when no event is left. */
void alarms_loop(struct alarms *alarms);
/* For tests with a manual clock: moves the clock to each alarm that rings until to_ms,
 * and rings it; in the end the clock is at to_ms.  Never returns if an alarm keeps
 * setting itself for now. */
void alarms_advance(struct alarms *alarms, int64_t to_ms);

/* Must not be set. */
void alarm_init(struct alarm *alarm, struct alarms *alarms, alarm_ring *ring, void *arg);
/* The alarm rings once, at this (monotonic) time of the loop's clock, or in the next turn
 * if that time is over.  This replaces what was set before; ALARM_NEVER stops the alarm.
 * The ring function may set, stop and free any alarm, including its own. */
void alarm_set(struct alarm *alarm, int64_t at_ms);
void alarm_set_in(struct alarm *alarm, int64_t delay_ms);
/* The same, unless the alarm rings earlier anyway. */
void alarm_set_earlier(struct alarm *alarm, int64_t at_ms);
void alarm_set_earlier_in(struct alarm *alarm, int64_t delay_ms);
/* To be called before the alarm's memory is freed.  Harmless for an alarm that is not set
 * or all zero. */
void alarm_stop(struct alarm *alarm);
static inline bool alarm_is_set(const struct alarm *alarm)
{
	return alarm->is_set;
}

#endif
