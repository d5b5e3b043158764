/*
 * How the batches of a target are: how many, how large, how long they take.  Counted
 * since the zone was opened, in histograms with fixed bounds, so that counting needs no
 * memory.
 */
#ifndef MUSTER_TARGET_COUNTS_H
#define MUSTER_TARGET_COUNTS_H

#include <stddef.h>
#include <stdint.h>

enum { TARGET_SIZE_BOUNDS = 7, TARGET_TIME_BOUNDS = 10 };

struct target_counts {
	uint64_t requests; /* batches sent, again or for the first time */
	/* changes of RRsets that needed not be sent, since another one of the same RRset
	 * followed in the same batch */
	uint64_t merged;
	/* Of requests that were answered, by their RRsets and by their time, up to each
	 * bound; the last are those beyond. */
	uint64_t sizes[TARGET_SIZE_BOUNDS + 1], times[TARGET_TIME_BOUNDS + 1];
	uint64_t rrsets, time_ms; /* of all of them */
};

extern const unsigned target_size_bounds[TARGET_SIZE_BOUNDS];    /* RRsets */
extern const unsigned target_time_bounds_ms[TARGET_TIME_BOUNDS]; /* ms */

/* A request with so many RRsets was answered after this time. */
void target_counts_add(struct target_counts *counts, size_t rrsets, int64_t took_ms);

#endif
