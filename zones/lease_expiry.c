/*
 * What is due, and the brake (lease.h).
 *
 * Each call has limits on the records that it removes, the leases that go stale, and
 * the outdated places in the heap that it corrects.
 *
 * The brake looks at leases, not hosts.  "All" includes what has expired in the
 * window.  Every stale lease counts as overdue, due or not: when a network is cut off,
 * its leases run out one by one, and the first is as suspicious as the last.  Leases
 * that an administrator has released or expired do not count, nor do derived ones.
 */
#include "zones/lease_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "zones/update_builder.h"

enum {
	WINDOW_SLOT_MS = LEASE_WINDOW_MS / LEASE_WINDOW_SLOTS,
	MOVES_PER_RECORD = 16, /* places in the heap corrected per record allowed */
};

/* ---- the brake ---- */

static void window_advance(struct lease_table *table, int64_t now_ms)
{
	int64_t slot = now_ms / WINDOW_SLOT_MS;

	for (int i = 0; table->window_slot < slot && i < LEASE_WINDOW_SLOTS; i++) {
		table->window_slot++;
		table->expired[table->window_slot % LEASE_WINDOW_SLOTS] = 0;
	}
	/* After a longer gap all slots are empty, whatever their numbers. */
	if (table->window_slot < slot)
		table->window_slot = slot;
}

static size_t window_sum(const struct lease_table *table)
{
	size_t sum = 0;

	for (int i = 0; i < LEASE_WINDOW_SLOTS; i++)
		sum += table->expired[i];
	return sum;
}

static bool is_implausible(
	const struct lease_table *table, const struct lease_expiry *expiry)
{
	size_t expired = window_sum(table);
	size_t overdue = table->stale.count - table->forced - table->released;
	uint64_t gone = (uint64_t)expired + overdue;
	uint64_t all = (uint64_t)expired + table->count;

	return expiry->brake_count && gone >= expiry->brake_count &&
		gone * 100 >= expiry->brake_percent * all;
}

bool lease_is_braked(const struct lease_table *table)
{
	return table->is_braked;
}

void lease_release_brake(struct lease_table *table, int64_t now_ms)
{
	table->released_until_ms = now_ms;
	memset(table->expired, 0, sizeof(table->expired));
	for (uint32_t i = 0; i < table->stale.count; i++) {
		struct lease *lease = table->stale.leases[i];

		if (lease->flags & (LEASE_IS_FORCED | LEASE_IS_RELEASED))
			continue;
		lease->flags |= LEASE_IS_RELEASED;
		table->released++;
	}
	if (!table->is_braked)
		return;
	table->is_braked = false;
	lease_state_tell(table, LEASE_EVENT_FREE, NULL);
}

/* ---- when ---- */

static int64_t add_ms(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

int64_t lease_next_due(const struct lease_table *table, const struct lease_expiry *expiry)
{
	int64_t next_ms = INT64_MAX, due_ms;

	if (table->forced)
		return 0;
	if (table->active.count)
		next_ms = lease_tick_to_ms(table->active.ticks[0]);
	if (!table->stale.count || table->is_braked)
		return next_ms;
	due_ms = add_ms(lease_tick_to_ms(table->stale.ticks[0]), expiry->grace_ms);
	return due_ms < next_ms ? due_ms : next_ms;
}

/* Makes leases stale whose time has come; those refreshed since get their right place. */
static void turn_stale(struct lease_table *table, int64_t now_ms, size_t max)
{
	struct lease_heap *heap = &table->active;
	size_t moves = max < SIZE_MAX / MOVES_PER_RECORD ? max * MOVES_PER_RECORD : max;

	while (heap->count && lease_tick_to_ms(heap->ticks[0]) <= now_ms) {
		struct lease *lease = heap->leases[0];
		uint32_t tick = lease_tick_of(lease_stale_at(lease));

		if (tick > heap->ticks[0]) {
			if (!moves--)
				return;
			lease_heap_move(heap, lease, tick);
			continue;
		}
		if (!max--)
			return;
		lease_state_go_stale(table, lease);
	}
}

/* ---- what ---- */

struct batch {
	const struct lease_table *table;
	struct lease **leases;
	size_t count;
};

static size_t keep_if(struct batch *b, bool (*is_kept)(const struct lease *lease))
{
	size_t kept = 0;

	for (size_t i = 0; i < b->count; i++) {
		if (is_kept(b->leases[i]))
			b->leases[kept++] = b->leases[i];
	}
	return kept;
}

static bool is_forced(const struct lease *lease)
{
	return lease->flags & LEASE_IS_FORCED;
}

static bool may_go_together(const struct lease *lease)
{
	return is_forced(lease) || !(lease->flags & LEASE_ALONE);
}

/* Does the lease count for the brake? */
static bool is_expiring(const struct lease *lease)
{
	return !(lease->flags & (LEASE_IS_FORCED | LEASE_IS_RELEASED));
}

/* The oldest comes first in the heap; a lease that has to go alone goes when it comes
 * first. */
static void choose(struct batch *b)
{
	size_t kept;

	if (b->table->is_braked) {
		b->count = keep_if(b, is_forced);
		return;
	}
	if (b->count && !may_go_together(b->leases[0])) {
		b->count = 1;
		return;
	}
	kept = keep_if(b, may_go_together);
	b->count = kept;
}

static int make_update(const struct batch *b, struct update **ret_update)
{
	struct update_builder builder;

	update_builder_init(&builder, b->table->apex);
	update_builder_reserve(&builder, b->count, 0);
	for (size_t i = 0; i < b->count; i++) {
		const struct lease *lease = b->leases[i];

		update_builder_add(&builder,
			&(struct rr){.owner = lease_owner(lease),
				.type = lease->type,
				.class = CLASS_NONE,
				.rdata_len = lease->rdata_len,
				.rdata = lease_rdata(lease)});
	}
	return update_builder_finish(&builder, ret_update);
}

/* The latest tick that is due; forced leases have tick 0. */
static uint32_t due_tick(const struct lease_table *table,
	const struct lease_expiry *expiry, int64_t now_ms)
{
	int64_t tick = (now_ms - expiry->grace_ms) / LEASE_TICK_MS;

	if (table->is_braked || tick < 0)
		return 0;
	return tick < UINT32_MAX ? (uint32_t)tick : UINT32_MAX - 1;
}

/* Stops expiry if it is not plausible, before any of it happens. */
static void look_at_brake(struct lease_table *table, const struct lease_expiry *expiry,
	const struct batch *b)
{
	bool is_any = false;

	for (size_t i = 0; i < b->count && !is_any; i++)
		is_any = is_expiring(b->leases[i]);
	if (table->is_braked || !is_any || !is_implausible(table, expiry))
		return;
	table->is_braked = true;
	lease_state_tell(table, LEASE_EVENT_BRAKE, NULL);
}

int lease_expire(struct lease_table *table, const struct lease_expiry *expiry,
	int64_t now_ms, size_t max, struct update **ret_update)
{
	struct batch b = {.table = table};
	int r;

	window_advance(table, now_ms);
	turn_stale(table, now_ms, max);
	if (max > UINT16_MAX)
		max = UINT16_MAX;
	if (max > table->stale.count)
		max = table->stale.count;
	b.leases = calloc(max + 1, sizeof(struct lease *));
	if (!b.leases)
		return -ENOMEM;
	b.count = lease_heap_collect(
		&table->stale, due_tick(table, expiry, now_ms), b.leases, max);
	look_at_brake(table, expiry, &b);
	choose(&b);
	*ret_update = NULL;
	r = b.count ? make_update(&b, ret_update) : 0;
	free(b.leases);
	return r;
}

int lease_finish_expiry(struct lease_table *table, const struct update *update,
	int64_t now_ms, struct changeset *cs)
{
	struct lease_plan plan;
	size_t counted = 0;
	int r = 0;

	lease_plan_init(&plan, table);
	for (uint16_t i = 0; r == 0 && i < update->change_count; i++) {
		const struct rr *rr = &update->changes[i];
		struct lease *lease =
			lease_find(table, rr->owner, rr->type, rr->rdata, rr->rdata_len);

		if (!lease)
			continue;
		counted += !(lease->flags & (LEASE_IS_FORCED | LEASE_IS_RELEASED));
		r = lease_plan_end(&plan, lease);
	}
	if (r < 0) {
		lease_plan_clear(&plan);
		return r;
	}
	window_advance(table, now_ms);
	r = lease_plan_carry_out(&plan, &cs->leases);
	if (r == 0)
		table->expired[table->window_slot % LEASE_WINDOW_SLOTS] +=
			(uint32_t)counted;
	return r;
}
