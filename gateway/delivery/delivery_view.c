/*
 * What others may ask of a delivery: where it stands, and what its target is like.
 */
#include "gateway/delivery/delivery_private.h"

bool delivery_is_settled(const struct delivery *d)
{
	const struct target_ops *ops = target_ops(d->target);

	return !ops->is_settled || ops->is_settled(d->target);
}

const char *delivery_id(const struct delivery *d)
{
	return d->id;
}

const struct target_ops *delivery_target(const struct delivery *d)
{
	return target_ops(d->target);
}

bool delivery_is_down(const struct delivery *d)
{
	return d->is_down;
}

bool delivery_awaits_word(const struct delivery *d)
{
	return d->is_waiting;
}

bool delivery_groups(const struct delivery *d)
{
	const struct target_ops *ops = target_ops(d->target);

	return ops->groups && ops->groups(d->target);
}

bool delivery_is_behind(const struct delivery *d)
{
	const struct delivery_entry *first = TAILQ_FIRST(&d->queue.entries);

	return !d->is_live ||
		(d->cursor < d->backlog && first &&
			(first->is_folded ||
				d->queue.count > target_ops(d->target)->batch_changes));
}

bool delivery_is_at(const struct delivery *d, const struct ip_address *address)
{
	const struct target_ops *ops = target_ops(d->target);

	return ops->is_at && ops->is_at(d->target, address);
}

uint64_t delivery_cursor(const struct delivery *d)
{
	return d->cursor;
}

struct delivery_view delivery_look(const struct delivery *d, int64_t monotonic_ms)
{
	const bool is_pausing = d->state == DELIVERY_PAUSING;
	const int64_t left_ms = is_pausing ? d->pause_until_ms - monotonic_ms : 0;
	const struct delivery_entry *first = TAILQ_FIRST(&d->queue.entries);
	const struct target_failure *flaw = d->is_down ? NULL : target_flaw(d->target);

	return (struct delivery_view){
		.id = d->id,
		.is_primary = d->is_primary,
		.is_local = target_ops(d->target)->is_local,
		.is_down = d->is_down,
		.pause_ms = left_ms > 0 ? left_ms : 0,
		.trouble = flaw ? flaw->trouble : d->trouble,
		.why = flaw ? flaw->why.why : d->why,
		.place = target_place(d->target),
		.cursor = d->cursor,
		.first_seq = first ? first->first_seq : 0,
		.pending = d->queue.sets,
		.is_live = d->is_live,
		.delivered = d->delivered,
		.failures = d->failures,
		.rejected = d->rejected,
		.counts = &d->counts,
	};
}
