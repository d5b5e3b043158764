/*
 * Counts batches (target_counts.h).
 */
#include "gateway/target/target_counts.h"

const unsigned target_size_bounds[TARGET_SIZE_BOUNDS] = {1, 3, 10, 30, 100, 300, 1000};
const unsigned target_time_bounds_ms[TARGET_TIME_BOUNDS] = {
	1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000};

/* The first bound that is not below value. */
static size_t find_bound(const unsigned *bounds, size_t count, uint64_t value)
{
	size_t i = 0;

	while (i < count && bounds[i] < value)
		i++;
	return i;
}

void target_counts_add(struct target_counts *counts, size_t rrsets, int64_t took_ms)
{
	const uint64_t ms = took_ms > 0 ? (uint64_t)took_ms : 0;

	counts->sizes[find_bound(target_size_bounds, TARGET_SIZE_BOUNDS, rrsets)]++;
	counts->times[find_bound(target_time_bounds_ms, TARGET_TIME_BOUNDS, ms)]++;
	counts->rrsets += rrsets;
	counts->time_ms += ms;
}
