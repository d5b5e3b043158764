/*
 * Alarms in a pairing heap: each alarm rings no later than its children, which are a list
 * of siblings.  An alarm is set by melding it with the heap.  The first is taken out by
 * melding its children in pairs, and then the pairs, which takes logarithmic time in the
 * long run.
 *
 * The wake-up is never moved to a later time: stopping an alarm or setting it anew leaves
 * it as it is, and a wake-up that finds nothing due is set for the alarm that is first by
 * then.
 */
#include "gateway/base/alarm.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* ---- the heap ---- */

static bool is_before(const struct alarm *a, const struct alarm *b)
{
	return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

/* Makes one heap of two; each may be NULL. */
static struct alarm *meld(struct alarm *a, struct alarm *b)
{
	struct alarm *first, *second;

	if (!a || !b)
		return a ? a : b;
	first = is_before(b, a) ? b : a;
	second = first == a ? b : a;
	second->next = first->child;
	if (second->next)
		second->next->previous = second;
	second->previous = first;
	first->child = second;
	return first;
}

/* Takes an alarm with its children out of a list of siblings. */
static struct alarm *take_sibling(struct alarm **siblings)
{
	struct alarm *alarm = *siblings;

	if (!alarm)
		return NULL;
	*siblings = alarm->next;
	alarm->next = alarm->previous = NULL;
	return alarm;
}

static struct alarm *meld_siblings(struct alarm *siblings)
{
	struct alarm *pairs = NULL, *whole = NULL;

	while (siblings) {
		struct alarm *a = take_sibling(&siblings);
		struct alarm *pair = meld(a, take_sibling(&siblings));

		pair->next = pairs;
		pairs = pair;
	}
	while (pairs)
		whole = meld(whole, take_sibling(&pairs));
	return whole;
}

static void put_in(struct alarms *alarms, struct alarm *alarm)
{
	alarm->child = alarm->next = alarm->previous = NULL;
	alarm->order = ++alarms->order;
	alarm->is_set = true;
	alarms->first = meld(alarms->first, alarm);
}

static void take_out(struct alarms *alarms, struct alarm *alarm)
{
	struct alarm *children = meld_siblings(alarm->child);
	struct alarm *previous = alarm->previous; /* its sibling, or the parent */

	alarm->is_set = false;
	if (alarm == alarms->first) {
		alarms->first = children;
		return;
	}
	if (previous->child == alarm)
		previous->child = alarm->next;
	else
		previous->next = alarm->next;
	if (alarm->next)
		alarm->next->previous = previous;
	alarms->first = meld(alarms->first, children);
}

/* ---- the wake-up ---- */

/* libevent may lack memory for a timer.  Then the timer fires at once instead of never,
 * and by the next attempt there may be memory. */
static void set_event(struct event *event, int64_t left_ms)
{
	const struct timeval left = {
		.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};

	if (event_add(event, &left))
		event_active(event, EV_TIMEOUT, 1);
}

static void set_timerfd(int fd, int64_t at_ms)
{
	const struct itimerspec when = {/* All zero would stop it. */
		.it_value.tv_sec = at_ms < 1 ? 0 : at_ms / 1000,
		.it_value.tv_nsec = at_ms < 1 ? 1 : at_ms % 1000 * 1000000};

	(void)timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void stop_wake_up(struct alarms *alarms)
{
	const struct itimerspec never = {0};

	if (alarms->fd >= 0)
		(void)timerfd_settime(alarms->fd, 0, &never, NULL);
	else
		event_del(alarms->event);
	alarms->wake_ms = ALARM_NEVER;
}

static void set_wake_up(struct alarms *alarms)
{
	const int64_t at_ms = alarms_next_ms(alarms);
	int64_t now_ms;

	if (!alarms->event || alarms->is_ringing || at_ms >= alarms->wake_ms)
		return;
	alarms->wake_ms = at_ms;
	if (alarms->fd >= 0) {
		set_timerfd(alarms->fd, at_ms);
		return;
	}
	now_ms = turn_monotonic_ms(alarms->clock);
	set_event(alarms->event, at_ms > now_ms ? at_ms - now_ms : 0);
}

static void on_wake_up(evutil_socket_t fd, short events, void *arg)
{
	struct alarms *alarms = arg;
	uint64_t expirations;

	(void)events;
	/* It was stopped between the event and this callback. */
	if (fd >= 0 && read(fd, &expirations, sizeof(expirations)) < 0)
		return;
	alarms->wake_ms = ALARM_NEVER;
	alarms_ring_due(alarms);
}

static int make_wake_up(struct alarms *alarms, struct event_base *base)
{
	if (!alarms->clock->counts_sleep) {
		alarms->event = event_new(base, -1, 0, on_wake_up, alarms);
		return alarms->event ? 0 : -ENOMEM;
	}
	alarms->fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (alarms->fd < 0)
		return -errno;
	alarms->event =
		event_new(base, alarms->fd, EV_READ | EV_PERSIST, on_wake_up, alarms);
	return alarms->event && !event_add(alarms->event, NULL) ? 0 : -ENOMEM;
}

/* ---- all alarms of a loop ---- */

int alarms_init(struct alarms *alarms, struct turn_clock *clock, struct event_base *base)
{
	*alarms = (struct alarms){
		.clock = clock, .base = base, .fd = -1, .wake_ms = ALARM_NEVER};
	return base ? make_wake_up(alarms, base) : 0;
}

void alarms_clear(struct alarms *alarms)
{
	if (alarms->event)
		event_free(alarms->event);
	if (alarms->clock && alarms->fd >= 0)
		close(alarms->fd);
	*alarms = (struct alarms){0};
}

int64_t alarms_next_ms(const struct alarms *alarms)
{
	return alarms->first ? alarms->first->at_ms : ALARM_NEVER;
}

void alarms_ring_due(struct alarms *alarms)
{
	const int64_t now_ms = turn_monotonic_ms(alarms->clock);
	const uint64_t newest = alarms->order;
	struct alarm *alarm;

	alarms->is_ringing = true;
	/* No alarm is ever set for a time that is over, so those that are set meanwhile
	 * come after all that are due. */
	while ((alarm = alarms->first) && alarm->at_ms <= now_ms &&
		alarm->order <= newest) {
		take_out(alarms, alarm);
		alarm->ring(alarm->arg);
	}
	alarms->is_ringing = false;
	set_wake_up(alarms);
}

void alarms_loop(struct alarms *alarms)
{
	do
		turn_clock_begin(alarms->clock);
	while (!event_base_loop(alarms->base, EVLOOP_ONCE) &&
		!event_base_got_exit(alarms->base) &&
		!event_base_got_break(alarms->base));
}

void alarms_advance(struct alarms *alarms, int64_t to_ms)
{
	struct turn_clock *clock = alarms->clock;

	while (alarms_next_ms(alarms) <= to_ms) {
		turn_clock_advance(clock, alarms_next_ms(alarms));
		alarms_ring_due(alarms);
	}
	turn_clock_advance(clock, to_ms);
}

/* ---- one alarm ---- */

void alarm_init(struct alarm *alarm, struct alarms *alarms, alarm_ring *ring, void *arg)
{
	*alarm = (struct alarm){.alarms = alarms, .ring = ring, .arg = arg};
}

void alarm_set(struct alarm *alarm, int64_t at_ms)
{
	struct alarms *alarms = alarm->alarms;
	const int64_t now_ms = turn_monotonic_ms(alarms->clock);

	if (at_ms == ALARM_NEVER) {
		alarm_stop(alarm);
		return;
	}
	if (alarm->is_set)
		take_out(alarms, alarm);
	alarm->at_ms = at_ms > now_ms ? at_ms : now_ms;
	put_in(alarms, alarm);
	set_wake_up(alarms);
}

/* Monotonic. */
static int64_t time_in(const struct alarm *alarm, int64_t delay_ms)
{
	const int64_t now_ms = turn_monotonic_ms(alarm->alarms->clock);

	return delay_ms < ALARM_NEVER - now_ms ? now_ms + delay_ms : ALARM_NEVER;
}

void alarm_set_in(struct alarm *alarm, int64_t delay_ms)
{
	alarm_set(alarm, time_in(alarm, delay_ms));
}

void alarm_set_earlier(struct alarm *alarm, int64_t at_ms)
{
	if (!alarm->is_set || at_ms < alarm->at_ms)
		alarm_set(alarm, at_ms);
}

void alarm_set_earlier_in(struct alarm *alarm, int64_t delay_ms)
{
	alarm_set_earlier(alarm, time_in(alarm, delay_ms));
}

void alarm_stop(struct alarm *alarm)
{
	struct alarms *alarms = alarm->alarms;

	if (!alarm->is_set)
		return;
	take_out(alarms, alarm);
	if (alarms->event && !alarms->first && alarms->wake_ms != ALARM_NEVER)
		stop_wake_up(alarms);
}
