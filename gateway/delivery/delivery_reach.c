/*
 * How far anything may have been sent to a target.
 *
 * After a crash a row that was sent may have been applied, and one that was not has not.
 * What is uncertain must be told so that it fits either way, with a deletion of whatever
 * was there in between; after hours of outage that is many times as much as what has
 * changed.  So the journal has, beside the target's cursor, its reach: nothing behind
 * this row has been sent.
 *
 * While the target keeps up, the reach has no end, so that nothing needs to be written:
 * after a crash the journal itself ends shortly behind the cursor.  When rows are left to
 * the journal, since the target is down or slow, the reach ends at what is sent by then.
 * From then on it is moved before anything behind it is sent, and that waits until the
 * move is durable: to the end of what has been read, or, when everything is in memory,
 * it loses its end.
 *
 * What is sent to a target counts even if it is still down.  So it is asked for its SOA
 * first, where that matters.
 *
 * Limits: with a database that cannot be written, a target that was left behind gets
 * nothing.  Neither a primary, which is read, nor the gateway's own database needs this;
 * but a primary moves its reach, since it may become a second target.
 */
#include "gateway/delivery/delivery_private.h"

#include <stdlib.h>
#include <string.h>

enum { REACH_AGAIN_MS = 1000 }; /* after the journal has failed */

struct delivery_reaching {
	struct journal_op op;
	struct delivery *delivery; /* NULL: it has ended */
	char target[];
};

void delivery_start_reach(struct delivery *d, const struct delivery_start *start)
{
	const uint64_t last_seq = journal_last_seq(d->zone.thread->journal);
	const bool has_end = start->cursor && !target_ops(d->target)->is_local;

	d->reach = has_end ? start->reach : UINT64_MAX;
	d->is_reach_stored = true;
	d->sent = d->reach < last_seq ? d->reach : last_seq;
	d->uncertain = d->sent;
}

void delivery_stop_reaching(struct delivery *d)
{
	if (d->reaching)
		d->reaching->delivery = NULL;
	d->reaching = NULL;
}

/* The end of a pause does it, too. */
static void go_on_in(struct delivery *d, int64_t ms)
{
	if (d->state != DELIVERY_PAUSING)
		alarm_set_earlier_in(&d->alarm, ms);
}

static void on_reached(struct journal_op *op, void *arg)
{
	struct delivery_reaching *reaching = arg;
	struct delivery *d = reaching->delivery;
	const uint64_t reach = op->seq;
	const bool is_stored = !op->result;

	free(reaching);
	if (!d)
		return;
	d->reaching = NULL;
	d->is_reach_stored = is_stored;
	if (!is_stored) {
		go_on_in(d, REACH_AGAIN_MS);
		return;
	}
	d->reach = reach;
	delivery_limit_reach(d); /* meanwhile rows may have been left to the journal */
	go_on_in(d, 0);
}

/* Until it is known what the journal has, the nearer end counts. */
static void move(struct delivery *d, uint64_t reach)
{
	struct delivery_reaching *reaching =
		malloc(sizeof(*reaching) + strlen(d->id) + 1);

	if (!reaching) {
		go_on_in(d, REACH_AGAIN_MS);
		return;
	}
	strcpy(reaching->target, d->id);
	reaching->delivery = d;
	reaching->op = (struct journal_op){
		.kind = JOURNAL_REACH,
		.zone = d->zone.id,
		.seq = reach,
		.target = reaching->target,
		.outstanding = d->zone.operations,
		.done = on_reached,
		.arg = reaching,
	};
	d->reaching = reaching;
	if (reach < d->reach)
		d->reach = reach;
	zone_thread_submit(d->zone.thread, &reaching->op);
}

void delivery_limit_reach(struct delivery *d)
{
	uint64_t end = d->sent;

	if (d->is_live || d->is_primary || d->reaching || target_ops(d->target)->is_local)
		return;
	if (!d->is_down && d->loaded > end)
		end = d->loaded;
	if (d->reach == UINT64_MAX || !d->is_reach_stored ||
		(d->is_down && d->reach > end))
		move(d, end);
}

bool delivery_is_in_reach(struct delivery *d, const struct delivery_entry *next)
{
	const bool is_again = !d->in_flight && !TAILQ_EMPTY(&d->batches);

	if (d->reach == UINT64_MAX || is_again)
		return true;
	if (!d->is_live && next->last_seq <= d->reach)
		return true;
	if (d->reaching)
		return false;
	if (!d->has_answered && !d->is_primary)
		d->want_probe = true;
	else
		move(d, d->is_live || d->is_primary ? UINT64_MAX : d->loaded);
	return false;
}
