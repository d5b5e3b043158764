/*
 * Leases by time (lease_table.h): a heap with four children per node.  The keys have an
 * array of their own, so that each level on the way down touches one cache line.
 */
#include "zones/lease_table.h"

#include <errno.h>
#include <stdlib.h>

enum { CHILDREN = 4, ROOM_MIN = 8 };

/* Grows both arrays.  If only one could grow, it stays longer, which does no harm. */
int lease_heap_reserve(struct lease_heap *heap, size_t count)
{
	size_t room = heap->room ? heap->room : ROOM_MIN;
	struct lease **leases;
	uint32_t *ticks;

	if (count <= heap->room)
		return 0;
	while (room < count)
		room += room / 2;
	if (room >= LEASE_NOWHERE)
		return -ENOMEM;
	ticks = realloc(heap->ticks, room * sizeof(*ticks));
	if (!ticks)
		return -ENOMEM;
	heap->ticks = ticks;
	leases = realloc(heap->leases, room * sizeof(struct lease *));
	if (!leases)
		return -ENOMEM;
	heap->leases = leases;
	heap->room = (uint32_t)room;
	return 0;
}

void lease_heap_clear(struct lease_heap *heap)
{
	free(heap->ticks);
	free(heap->leases);
	*heap = (struct lease_heap){0};
}

static void put_at(
	struct lease_heap *heap, uint32_t at, struct lease *lease, uint32_t tick)
{
	heap->ticks[at] = tick;
	heap->leases[at] = lease;
	lease->heap_at = at;
}

/* Moves the place `at` towards the root until tick fits there. */
static void rise(struct lease_heap *heap, uint32_t at, struct lease *lease, uint32_t tick)
{
	while (at) {
		uint32_t parent = (at - 1) / CHILDREN;

		if (heap->ticks[parent] <= tick)
			break;
		put_at(heap, at, heap->leases[parent], heap->ticks[parent]);
		at = parent;
	}
	put_at(heap, at, lease, tick);
}

/* The earliest child; `at` itself if it has none. */
static uint32_t earliest_child(const struct lease_heap *heap, uint32_t at)
{
	uint64_t first = (uint64_t)at * CHILDREN + 1;
	uint32_t best = at;

	for (uint64_t i = first; i < first + CHILDREN && i < heap->count; i++) {
		if (best == at || heap->ticks[i] < heap->ticks[best])
			best = (uint32_t)i;
	}
	return best;
}

static void sink(struct lease_heap *heap, uint32_t at, struct lease *lease, uint32_t tick)
{
	for (;;) {
		uint32_t child = earliest_child(heap, at);

		if (child == at || heap->ticks[child] >= tick)
			break;
		put_at(heap, at, heap->leases[child], heap->ticks[child]);
		at = child;
	}
	put_at(heap, at, lease, tick);
}

static void place(
	struct lease_heap *heap, uint32_t at, struct lease *lease, uint32_t tick)
{
	if (at && heap->ticks[(at - 1) / CHILDREN] > tick)
		rise(heap, at, lease, tick);
	else
		sink(heap, at, lease, tick);
}

void lease_heap_insert(struct lease_heap *heap, struct lease *lease, uint32_t tick)
{
	heap->count++;
	rise(heap, heap->count - 1, lease, tick);
}

void lease_heap_remove(struct lease_heap *heap, struct lease *lease)
{
	uint32_t at = lease->heap_at, last = --heap->count;

	lease->heap_at = LEASE_NOWHERE;
	if (at != last)
		place(heap, at, heap->leases[last], heap->ticks[last]);
}

void lease_heap_move(struct lease_heap *heap, struct lease *lease, uint32_t tick)
{
	place(heap, lease->heap_at, lease, tick);
}

/* All children of an entry that is too late are too late as well.  So the entries
 * wanted form a tree at the root, taken level by level; the result serves as the
 * queue. */
size_t lease_heap_collect(
	const struct lease_heap *heap, uint32_t tick, struct lease **ret, size_t max)
{
	size_t count = 0;

	if (max && heap->count && heap->ticks[0] <= tick)
		ret[count++] = heap->leases[0];
	for (size_t i = 0; i < count; i++) {
		uint64_t first = (uint64_t)ret[i]->heap_at * CHILDREN + 1;

		for (uint64_t at = first; at < first + CHILDREN && at < heap->count;
			at++) {
			if (heap->ticks[at] <= tick && count < max)
				ret[count++] = heap->leases[at];
		}
	}
	return count;
}

uint32_t lease_tick_of(int64_t ms)
{
	if (ms <= 0)
		return 0;
	ms = (ms - 1) / LEASE_TICK_MS + 1;
	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

int64_t lease_tick_to_ms(uint32_t tick)
{
	return tick == UINT32_MAX ? INT64_MAX : (int64_t)tick * LEASE_TICK_MS;
}
