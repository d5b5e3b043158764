/*
 * Service time: two differences and a bound.
 */
#include "gateway/thread/service_clock.h"

void service_clock_start(struct service_clock *clock, int64_t monotonic_ms)
{
	clock->looked_ms = monotonic_ms;
	clock->now_ms = 0;
}

bool service_clock_look(struct service_clock *clock, int64_t monotonic_ms)
{
	const int64_t passed = monotonic_ms - clock->looked_ms;
	const bool is_late = passed > SERVICE_LATE_MS;

	if (passed <= 0)
		return true;
	clock->looked_ms = monotonic_ms;
	clock->now_ms += is_late ? SERVICE_TICK_MS : passed;
	return !is_late;
}

int64_t service_time_now(
	const struct service_time *time, const struct service_clock *clock)
{
	return time->is_running ? clock->now_ms + time->ms : time->ms;
}

void service_time_run(struct service_time *time, const struct service_clock *clock)
{
	if (time->is_running)
		return;
	time->is_running = true;
	time->ms -= clock->now_ms;
}
