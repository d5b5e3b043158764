/*
 * Alarms on timerfd_create(2).  One descriptor each; the agent has a few of them.
 */
#include "agent/alarm.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "agent/clock.h"

struct alarm {
	struct event *event;
	alarm_ring *ring;
	void *arg;
	int fd;
};

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct alarm *alarm = arg;
	uint64_t expirations;

	(void)what;
	/* Stopped or set anew between the event and its callback: nothing to be read. */
	if (read(fd, &expirations, sizeof(expirations)) == sizeof(expirations))
		alarm->ring(alarm->arg);
}

struct alarm *alarm_new(struct event_base *base, alarm_ring *ring, void *arg)
{
	struct alarm *alarm = calloc(1, sizeof(*alarm));

	if (!alarm)
		return NULL;
	alarm->ring = ring;
	alarm->arg = arg;
	alarm->fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (alarm->fd >= 0)
		alarm->event = event_new(
			base, alarm->fd, EV_READ | EV_PERSIST, on_readable, alarm);
	if (!alarm->event || event_add(alarm->event, NULL)) {
		alarm_free(alarm);
		return NULL;
	}
	return alarm;
}

void alarm_free(struct alarm *alarm)
{
	if (!alarm)
		return;
	if (alarm->event)
		event_free(alarm->event);
	if (alarm->fd >= 0)
		close(alarm->fd);
	free(alarm);
}

void alarm_set(struct alarm *alarm, int64_t at_ms)
{
	struct itimerspec when = {0};

	if (at_ms < 1)
		at_ms = 1; /* all zero would stop it */
	when.it_value.tv_sec = at_ms / 1000;
	when.it_value.tv_nsec = at_ms % 1000 * 1000000;
	(void)timerfd_settime(alarm->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void alarm_set_in(struct alarm *alarm, int64_t delay_ms)
{
	alarm_set(alarm, clock_steady_ms() + delay_ms);
}

void alarm_stop(struct alarm *alarm)
{
	const struct itimerspec never = {0};

	(void)timerfd_settime(alarm->fd, 0, &never, NULL);
}
