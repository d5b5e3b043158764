/*
 * What others did at the primary at the same moment as a delivery, for a target that
 * gives no compare and swap: it is asked to check (target_ops.check) after what was
 * applied there, beside whatever is in flight, and what it finds is loaded.
 */
#include "gateway/delivery/delivery_private.h"

void delivery_suspect_others(struct delivery *d)
{
	if (target_ops(d->target)->check)
		d->want_check = true;
	else
		d->want_load = true;
}

void delivery_take_check(struct delivery *d, const struct target_result *result)
{
	d->is_checking = false;
	if (result->outcome == TARGET_CHANGED) {
		d->want_load = d->is_check_loading = true;
	} else if (result->outcome != TARGET_DONE) {
		d->want_check = true;
		d->check_at_ms = turn_monotonic_ms(&d->zone.thread->time) +
			DELIVERY_CHECK_AGAIN_MS;
	}
}

void delivery_check(struct delivery *d, target_done *done)
{
	if (!d->want_check || d->is_checking || d->want_load ||
		(d->state != DELIVERY_IDLE && d->state != DELIVERY_SENDING))
		return;
	if (d->check_at_ms > turn_monotonic_ms(&d->zone.thread->time)) {
		alarm_set(&d->check_alarm, d->check_at_ms);
		return;
	}
	d->want_check = false;
	d->is_checking = true;
	target_ops(d->target)->check(d->target, done, d);
}

void delivery_put_off_checks(struct delivery *d)
{
	const int64_t now_ms = turn_monotonic_ms(&d->zone.thread->time);
	const int64_t pause_ms = (now_ms - d->load_began_ms) * DELIVERY_CHECK_WHOLE_SHARE;

	d->check_at_ms = now_ms +
		(pause_ms < DELIVERY_CHECK_WHOLE_MS ? DELIVERY_CHECK_WHOLE_MS : pause_ms);
}
