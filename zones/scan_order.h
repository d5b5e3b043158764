/*
 * The order in which a table that grows by splitting buckets (linear hashing) is gone
 * through a page at a time: that of the reversed bits of what buckets are numbered by.
 * Those of one bucket are neighbours in it, and splitting the bucket divides their range.
 * So if the table grows between two pages, nothing is missed or visited twice.
 *
 * The cursor of a page starts at 0; beyond UINT32_MAX, the table has been gone through.
 */
#ifndef MUSTER_SCAN_ORDER_H
#define MUSTER_SCAN_ORDER_H

#include <stdint.h>

static inline uint32_t scan_reverse_bits(uint32_t v)
{
	v = v >> 16 | v << 16;
	v = (v & 0xff00ff00) >> 8 | (v & 0x00ff00ff) << 8;
	v = (v & 0xf0f0f0f0) >> 4 | (v & 0x0f0f0f0f) << 4;
	v = (v & 0xcccccccc) >> 2 | (v & 0x33333333) << 2;
	return (v & 0xaaaaaaaa) >> 1 | (v & 0x55555555) << 1;
}

/* The bits with which the cursor's bucket is found. */
static inline uint32_t scan_bits(uint64_t cursor)
{
	return scan_reverse_bits((uint32_t)cursor);
}

/* Behind the bucket that is found by the bits of this mask. */
static inline uint64_t scan_next(uint64_t cursor, uint32_t mask)
{
	return cursor + ((uint64_t)scan_reverse_bits(mask) ^ UINT32_MAX) + 1;
}

#endif
