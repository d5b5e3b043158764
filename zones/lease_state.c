/*
 * The states of leases: active, stale, held (lease.h, lease_table.h).
 *
 * Only lease_hold needs memory here: the heaps have room for every lease of the table.
 */
#include "zones/lease_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- active and stale ---- */

void lease_state_tell(const struct lease_table *table, enum lease_event_kind kind,
	const struct lease *lease)
{
	struct lease_record record = {0};

	if (!table->on_event)
		return;
	if (lease)
		lease_describe(table, lease, &record);
	table->on_event(kind, &record, table->event_arg);
}

int64_t lease_stale_at(const struct lease *lease)
{
	int64_t left = LEASE_STALE_DENOMINATOR - LEASE_STALE_NUMERATOR;

	return lease->deadline_ms -
		(int64_t)lease->duration_s * 1000 * left / LEASE_STALE_DENOMINATOR;
}

static bool is_host_stale(const struct lease_table *table, const struct lease *lease)
{
	return lease_first_at(table, lease_owner(lease))->flags & LEASE_IS_STALE;
}

/* After something has left the stale heap. */
static void settle_brake(struct lease_table *table)
{
	if (!table->is_braked || table->stale.count > table->forced)
		return;
	table->is_braked = false;
	lease_state_tell(table, LEASE_EVENT_FREE, NULL);
}

void lease_state_leave(struct lease_table *table, struct lease *lease)
{
	bool is_late = lease->flags & (LEASE_IS_STALE | LEASE_IS_FORCED);

	if (lease->heap_at == LEASE_NOWHERE)
		return;
	lease_heap_remove(is_late ? &table->stale : &table->active, lease);
	table->forced -= !!(lease->flags & LEASE_IS_FORCED);
	table->released -= !!(lease->flags & LEASE_IS_RELEASED);
	lease->flags &=
		(uint16_t) ~(LEASE_IS_STALE | LEASE_IS_FORCED | LEASE_IS_RELEASED);
	if (is_late)
		settle_brake(table);
}

/* A stale lease, which has left the heap, is active again, or held. */
static void go_fresh(struct lease_table *table, struct lease *lease)
{
	lease_table_to_end(table, lease);
	if (!(lease->flags & LEASE_IS_HELD) && !is_host_stale(table, lease))
		lease_state_tell(table, LEASE_EVENT_ACTIVE, lease);
}

void lease_state_settle(struct lease_table *table, struct lease *lease)
{
	bool can_expire = lease->duration_s && !(lease->flags & LEASE_IS_HELD);
	bool was_stale = lease->flags & LEASE_IS_STALE;
	uint32_t tick = lease_tick_of(lease_stale_at(lease));

	if (lease->flags & (LEASE_IS_STALE | LEASE_IS_FORCED) || !can_expire)
		lease_state_leave(table, lease);
	if (!can_expire) {
		if (was_stale)
			go_fresh(table, lease);
		return;
	}
	if (lease->heap_at == LEASE_NOWHERE)
		lease_heap_insert(&table->active, lease, tick);
	else if (tick < table->active.ticks[lease->heap_at])
		lease_heap_move(&table->active, lease, tick);
	if (was_stale)
		go_fresh(table, lease);
}

void lease_state_go_stale(struct lease_table *table, struct lease *lease)
{
	bool was_stale = is_host_stale(table, lease);

	lease_heap_remove(&table->active, lease);
	lease_heap_insert(&table->stale, lease, lease_tick_of(lease->deadline_ms));
	/* A lease that follows an address expires with it, and the address has a brake
	 * already. */
	if (lease_stale_at(lease) <= table->released_until_ms ||
		lease->flags & LEASE_DERIVED) {
		lease->flags |= LEASE_IS_RELEASED;
		table->released++;
	}
	lease_table_to_front(table, lease);
	lease->flags |= LEASE_IS_STALE;
	if (!was_stale)
		lease_state_tell(table, LEASE_EVENT_STALE, lease);
}

enum lease_state lease_state(const struct lease_table *table, const struct lease *lease)
{
	(void)table;
	if (lease->flags & LEASE_IS_HELD)
		return LEASE_HELD;
	return lease->flags & (LEASE_IS_STALE | LEASE_IS_FORCED) ? LEASE_STALE
								 : LEASE_ACTIVE;
}

size_t lease_table_count_stale(const struct lease_table *table)
{
	return table->stale.count - table->forced;
}

void lease_refresh(struct lease_table *table, struct lease *lease, int64_t deadline_ms,
	int64_t real_s)
{
	struct lease_record to;

	lease_describe(table, lease, &to);
	to.deadline_ms = deadline_ms;
	to.seen_s = real_s;
	lease_table_set(table, lease, &to, lease->key);
}

size_t lease_expire_now(struct lease_table *table, const uint8_t *owner, int64_t now_ms)
{
	size_t count = 0;

	for (struct lease *lease = lease_first_at(table, owner); lease;
		lease = lease_next_at(table, lease)) {
		count++;
		if (lease->flags & LEASE_IS_FORCED)
			continue;
		lease_state_leave(table, lease);
		lease->deadline_ms = now_ms;
		lease->flags |= LEASE_IS_FORCED;
		lease_heap_insert(&table->stale, lease, 0); /* first of all */
		table->forced++;
	}
	return count;
}

/* ---- held ---- */

int lease_hold(struct lease_table *table, const uint8_t *owner)
{
	const int r = lease_names_add(&table->holds, &table->seed, owner);

	if (r < 0)
		return r == -EEXIST ? -EALREADY : r;
	for (struct lease *lease = lease_first_at(table, owner); lease;
		lease = lease_next_at(table, lease)) {
		lease_state_leave(table, lease);
		lease->flags |= LEASE_IS_HELD;
	}
	return 0;
}

int lease_release(struct lease_table *table, const uint8_t *owner, int64_t now_ms)
{
	if (!lease_names_remove(&table->holds, &table->seed, owner))
		return -EALREADY;
	for (struct lease *lease = lease_first_at(table, owner); lease;
		lease = lease_next_at(table, lease)) {
		lease->flags &= (uint16_t)~LEASE_IS_HELD;
		lease->deadline_ms = now_ms + (int64_t)lease->duration_s * 1000;
		lease_state_settle(table, lease);
	}
	return 0;
}

bool lease_is_held(const struct lease_table *table, const uint8_t *owner)
{
	return lease_names_find(&table->holds, &table->seed, owner);
}

void lease_each_hold(const struct lease_table *table,
	void (*visit)(const uint8_t *owner, void *arg), void *arg)
{
	for (size_t i = 0; i < table->holds.bucket_count; i++)
		for (const struct lease_name *name = table->holds.buckets[i]; name;
			name = name->next)
			visit(name->name, arg);
}

size_t lease_table_count_held(const struct lease_table *table)
{
	return table->holds.count;
}
