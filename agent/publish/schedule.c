/*
 * The arithmetic of when to send.
 */
#include "agent/publish/schedule.h"

/* 0 to max - 1, evenly as far as 32 bits go. */
static int64_t scale(uint32_t random, int64_t max)
{
	return (int64_t)((__int128)random * max >> 32);
}

int64_t schedule_initial_delay(int64_t max_ms, uint32_t random)
{
	return scale(random, max_ms + 1);
}

int64_t schedule_refresh_delay(uint32_t lease_s, uint32_t random)
{
	const int64_t lease_ms = INT64_C(1000) *
		(lease_s > SCHEDULE_LEASE_MIN_S ? lease_s : SCHEDULE_LEASE_MIN_S);

	return lease_ms * 80 / 100 + scale(random, lease_ms * 5 / 100 + 1);
}

static int64_t backoff(
	unsigned failures, int64_t first_ms, int64_t max_ms, uint32_t random)
{
	int64_t pause_ms = first_ms;

	while (--failures > 0 && pause_ms < max_ms)
		pause_ms *= 2;
	if (pause_ms > max_ms)
		pause_ms = max_ms;
	return pause_ms / 2 + scale(random, pause_ms / 2 + 1);
}

int64_t schedule_backoff(unsigned failures, bool is_refused, uint32_t random)
{
	if (is_refused)
		return backoff(
			failures, SCHEDULE_REFUSED_MS, SCHEDULE_REFUSED_MAX_MS, random);
	return backoff(failures, SCHEDULE_BACKOFF_MS, SCHEDULE_BACKOFF_MAX_MS, random);
}

/* Two tries fit into the lease, even if the first fails. */
int64_t schedule_longest_absence(uint32_t lease_s)
{
	const int64_t pause_ms = INT64_C(1000) * lease_s * 40 / 100;

	return pause_ms > SCHEDULE_RETRY_MIN_MS ? pause_ms : SCHEDULE_RETRY_MIN_MS;
}

int64_t schedule_retry_refresh(int64_t now_ms, int64_t failed_ms, int64_t expires_ms,
	unsigned failures, uint32_t random)
{
	int64_t step_ms = (expires_ms - failed_ms) / SCHEDULE_RETRIES, at_ms;

	if (now_ms >= expires_ms || step_ms <= 0) {
		const unsigned late =
			failures > SCHEDULE_RETRIES ? failures - SCHEDULE_RETRIES : 1;

		return now_ms + schedule_backoff(late, false, random);
	}
	if (step_ms < SCHEDULE_RETRY_MIN_MS)
		step_ms = SCHEDULE_RETRY_MIN_MS;
	/* Picks the first retry after now: an attempt may have taken longer than a
	 * step. */
	at_ms = failed_ms + ((now_ms - failed_ms) / step_ms + 1) * step_ms;
	return at_ms;
}

int64_t schedule_change(
	int64_t first_ms, int64_t last_ms, int64_t sent_ms, bool is_removal_only)
{
	int64_t at_ms = last_ms +
		(is_removal_only ? SCHEDULE_SETTLE_REMOVE_MS : SCHEDULE_SETTLE_ADD_MS);

	if (at_ms > first_ms + SCHEDULE_SETTLE_MAX_MS)
		at_ms = first_ms + SCHEDULE_SETTLE_MAX_MS;
	if (sent_ms != INT64_MIN && at_ms < sent_ms + SCHEDULE_SPACING_MS)
		at_ms = sent_ms + SCHEDULE_SPACING_MS;
	return at_ms;
}
