/*
 * What a target is known to have, by its serial; noticing that it may have lost
 * something; and changes that bring that to it (delivery_mend), before anything that is
 * pending.
 */
#include "gateway/delivery/delivery_private.h"

#include "gateway/base/log.h"

/* ---- the serial ---- */

void delivery_believe(struct delivery *d, uint32_t serial, size_t records)
{
	d->is_doubted = false;
	if (d->belief.is_known && d->belief.serial == serial &&
		d->belief.records == records)
		return;
	d->belief = (struct store_belief){
		.is_known = true, .serial = serial, .records = records};
	d->is_belief_stored = false;
	alarm_set_earlier_in(&d->cursor_alarm, DELIVERY_BELIEF_MS);
}

void delivery_doubt(struct delivery *d)
{
	d->is_doubted = true;
}

const struct store_belief *delivery_belief(const struct delivery *d)
{
	return &d->belief;
}

/* ---- the serial of a second target ---- */

void delivery_note_left(struct delivery *d, const struct rrset *soa)
{
	if (d->is_primary)
		return;
	if (soa)
		delivery_believe(d, rrset_serial(soa), 0);
	else
		delivery_doubt(d);
}

/* The serial that was left there is known, and not this one. */
static bool is_other(const struct delivery *d, const struct rrset *soa)
{
	return !d->is_primary && soa && d->belief.is_known && !d->is_doubted &&
		d->belief.serial != rrset_serial(soa);
}

void delivery_note_applied(struct delivery *d, const struct rrset *soa)
{
	const bool is_older =
		is_other(d, soa) && serial_is_newer(d->belief.serial, rrset_serial(soa));

	delivery_note_left(d, soa);
	if (is_older)
		d->zone.events->strayed(d->zone.arg, d);
}

void delivery_note_changed(struct delivery *d)
{
	delivery_note_left(d, NULL);
	if (!d->is_primary)
		d->zone.events->strayed(d->zone.arg, d);
}

void delivery_note_probed(struct delivery *d, const struct rrset *soa)
{
	const bool has_strayed = is_other(d, soa);

	if (has_strayed)
		log_info("zone %s: target %s has serial %u, not %u as it was left",
			d->zone.text, d->id, rrset_serial(soa), d->belief.serial);
	delivery_note_left(d, soa);
	if (has_strayed)
		d->zone.events->strayed(d->zone.arg, d);
}

/* ---- mending ---- */

void delivery_stop_mending(struct delivery *d)
{
	if (d->state == DELIVERY_MENDING) {
		d->mending.done = NULL;
		return;
	}
	changeset_unref(d->mending.changes);
	d->mending = (struct delivery_mending){0};
}

bool delivery_is_mending_due(const struct delivery *d)
{
	return d->mending.changes && !d->is_held && TAILQ_EMPTY(&d->batches);
}

void delivery_end_mending(struct delivery *d, const struct target_result *result)
{
	const struct delivery_mending mending = d->mending;

	if (!mending.changes)
		return;
	d->mending = (struct delivery_mending){0};
	if (mending.done)
		mending.done(mending.arg, result);
	changeset_unref(mending.changes);
}

void delivery_fail_mending(
	struct delivery *d, enum target_trouble trouble, const char *why)
{
	delivery_end_mending(d,
		&(struct target_result){.outcome = TARGET_FAILED,
			.trouble = trouble,
			.verdict = verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "%s", why)});
}
