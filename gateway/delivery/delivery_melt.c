/*
 * Melting, for a target that lags (struct target_lag): change sets are merged into one
 * entry of the queue as they come, and that is sent when the target has lagged for long
 * enough.  Meanwhile the next entry melts, of which there is one at a time, and at most
 * twice the lag's maximum goes into it; what comes then goes to the queue as it is.
 */
#include "gateway/delivery/delivery_private.h"

enum {
	CRUMBS = 4,       /* changes that are freed for each change set that comes */
	SPENT_MIN = 1000, /* fewer changes are freed at once */
};

/* An entry that nobody else has, so that it can grow. */
static bool begin(struct delivery *d, uint64_t seq, const struct changeset *changes)
{
	struct changeset *own = changeset_new();
	const bool is_in = own && !changeset_merge(own, changes) &&
		!delivery_list_add(&d->queue, seq, own, false);

	changeset_unref(own);
	if (!is_in)
		return false;
	d->melting = TAILQ_LAST(&d->queue.entries, delivery_entries);
	d->melting_since_ms = turn_monotonic_ms(&d->zone.thread->time);
	return true;
}

static void crumble(struct delivery *d)
{
	if (!d->spent || !changeset_crumble(d->spent, CRUMBS))
		return;
	changeset_unref(d->spent);
	d->spent = NULL;
}

bool delivery_melt(struct delivery *d, uint64_t seq, const struct changeset *changes)
{
	const struct target_lag *lag = target_ops(d->target)->lag;
	struct delivery_entry *e = d->melting;

	crumble(d);
	if (!lag)
		return false;
	if (!e)
		return begin(d, seq, changes);
	if (e != TAILQ_LAST(&d->queue.entries, delivery_entries) ||
		e->sets >= 2 * lag->max || changeset_merge(e->changes, changes))
		return false;
	e->seq = e->last_seq = seq;
	e->sets++;
	d->queue.sets++;
	return true;
}

bool delivery_is_lagging(struct delivery *d)
{
	const struct target_lag *lag = target_ops(d->target)->lag;
	const struct delivery_entry *e = d->melting;
	int64_t until_ms;

	if (!e || e != TAILQ_FIRST(&d->queue.entries) || !d->is_live ||
		e->sets >= lag->max)
		return false;
	until_ms =
		d->melting_since_ms + (e->sets > lag->few ? lag->many_ms : lag->few_ms);
	if (until_ms <= turn_monotonic_ms(&d->zone.thread->time))
		return false;
	alarm_set_earlier(&d->alarm, until_ms);
	return true;
}

void delivery_spend(struct delivery *d, struct changeset *changes)
{
	if (changes->refs > 1 || changes->count < SPENT_MIN) {
		changeset_unref(changes);
		return;
	}
	changeset_unref(d->spent);
	d->spent = changes;
}
