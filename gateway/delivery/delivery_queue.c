/*
 * What is pending for a target: the queue, the batches that it is made into, and the
 * target's cursor.
 */
#include "gateway/delivery/delivery_private.h"

#include <errno.h>
#include <stdlib.h>

#include "gateway/base/log.h"
#include "tsig/plural.h"
#include "zones/rebase.h"

/* ---- the cursor, and what the target has then ---- */

static struct store_belief belief_to_store(struct delivery *d)
{
	struct store_belief belief = d->belief;

	belief.at_ms = turn_real_ms(&d->zone.thread->time);
	belief.is_mark = d->is_primary &&
		(belief.at_ms < d->marked_ms ||
			belief.at_ms >= d->marked_ms + DELIVERY_MARK_MS);
	return belief;
}

static void note_saved(struct delivery *d, const struct journal_op *note)
{
	d->cursor_stored = note->seq;
	if (!note->belief.is_known)
		return;
	d->is_belief_stored = true;
	if (note->belief.is_mark)
		d->marked_ms = note->belief.at_ms;
}

void delivery_save(struct delivery *d)
{
	struct journal_op note = {.kind = JOURNAL_CURSOR,
		.zone = d->zone.id,
		.seq = d->cursor,
		.target = d->id,
		.outstanding = d->zone.operations};

	if (d->cursor == d->cursor_stored && (d->is_belief_stored || d->is_doubted))
		return;
	if (!d->is_doubted)
		note.belief = belief_to_store(d);
	if (zone_thread_submit_note(d->zone.thread, &note))
		note_saved(d, &note);
	else
		alarm_set_earlier_in(&d->cursor_alarm, DELIVERY_CURSOR_MS);
}

void delivery_save_again(struct delivery *d)
{
	d->cursor_stored = UINT64_MAX;
	d->is_belief_stored = false;
	alarm_set_earlier_in(&d->cursor_alarm, DELIVERY_CURSOR_MS);
}

void delivery_on_cursor_alarm(void *arg)
{
	delivery_save(arg);
}

void delivery_move_cursor(struct delivery *d, uint64_t seq)
{
	d->cursor = seq;
	alarm_set_earlier_in(&d->cursor_alarm, DELIVERY_CURSOR_MS);
}

/* The database was restored: the target must not go back to an earlier state. */
static void pass_overtaken(struct delivery *d, uint64_t count)
{
	if (count)
		log_warning("zone %s: target %s: not delivered: %llu %s that the older "
			    "database has for it; musterctl audit shows them, from "
			    "number %llu on",
			d->zone.text, d->id, (unsigned long long)count,
			PLURAL(count, "change"), (unsigned long long)d->cursor + 1);
	d->cursor = 0;
}

int delivery_start(struct delivery *d, const struct delivery_start *start)
{
	struct zone_thread *thread = d->zone.thread;
	struct journal_op note = {
		.kind = JOURNAL_CURSOR, .zone = d->zone.id, .target = d->id};

	d->cursor = start->cursor;
	d->belief = start->belief;
	d->is_belief_stored = true;
	if (d->cursor && thread->database->is_older && !target_ops(d->target)->is_local)
		pass_overtaken(d, start->overtaken);
	if (d->cursor == 0) {
		/* It keeps its content; only changes from now on are delivered to it. */
		d->cursor = journal_last_seq(thread->journal);
		note.seq = d->cursor;
		if (!zone_thread_submit_note(thread, &note))
			return -ENOMEM;
	}
	d->cursor_stored = d->cursor;
	d->loaded = d->cursor;
	d->backlog = journal_last_seq(thread->journal);
	delivery_start_reach(d, start);
	return 0;
}

/* ---- what becomes durable ---- */

static void note_sender(struct delivery *d, struct delivery_entry *e,
	const struct delivery_sender *sender)
{
	if (sender)
		e->sender = delivery_blame_sender(sender->key);
	/* What others accepted is only repeated here. */
	e->may_pass =
		!sender || !d->is_primary || update_is_within(sender->update, e->changes);
}

/* A change set that was just read from the journal is in the queue already.  One that
 * does not fit is read back when there is room. */
void delivery_add(struct delivery *d, uint64_t seq, struct changeset *changes,
	bool is_withdrawal, const struct delivery_sender *sender)
{
	struct delivery_entry *e;

	if (!d->is_live) {
		e = delivery_follow(d, seq, changes, is_withdrawal);
		if (e)
			note_sender(d, e, sender);
		return;
	}
	if (seq <= d->loaded)
		return;
	if (delivery_melt(d, seq, changes)) {
		d->loaded = seq;
	} else if (delivery_list_add(&d->queue, seq, changes, is_withdrawal)) {
		d->is_live = false;
		delivery_fold_queue(d);
		delivery_limit_reach(d);
	} else {
		d->loaded = seq;
		note_sender(d, TAILQ_LAST(&d->queue.entries, delivery_entries), sender);
	}
}

void delivery_expect(struct delivery *d)
{
	const struct target_ops *ops = target_ops(d->target);

	if (ops->expect && d->state == DELIVERY_IDLE && !delivery_has_pending(d) &&
		!d->is_down && !d->is_held)
		ops->expect(d->target);
}

void delivery_pass(struct delivery *d, uint64_t seq)
{
	if (!d->is_live) {
		(void)delivery_follow(d, seq, NULL, false);
		return;
	}
	d->loaded = seq;
	if (!delivery_has_pending(d))
		delivery_move_cursor(d, seq);
}

void delivery_hold(struct delivery *d, bool is_held)
{
	d->is_held = is_held;
}

bool delivery_is_live(const struct delivery *d)
{
	return d->is_live;
}

void delivery_each_newest_first(const struct delivery *d,
	void (*visit)(struct changeset *changes, void *arg), void *arg)
{
	struct delivery_entry *e;

	TAILQ_FOREACH_REVERSE(e, &d->queue.entries, delivery_entries, entry)
		visit(e->changes, arg);
}

bool delivery_has_pending(const struct delivery *d)
{
	return !TAILQ_EMPTY(&d->queue.entries) || !d->is_live;
}

bool delivery_has_change(const struct delivery *d, const uint8_t *owner, uint16_t type)
{
	const struct delivery_entry *e;

	TAILQ_FOREACH(e, &d->queue.entries, entry) {
		if (changeset_find(e->changes, owner, type))
			return true;
	}
	return !d->is_live;
}

/* ---- batches ---- */

void delivery_drop_batch(struct delivery *d, struct delivery_batch *batch)
{
	TAILQ_REMOVE(&d->batches, batch, entry);
	changeset_unref(batch->changes);
	free(batch);
}

void delivery_drop_batches(struct delivery *d)
{
	struct delivery_batch *batch;

	while ((batch = TAILQ_FIRST(&d->batches)))
		delivery_drop_batch(d, batch);
}

struct delivery_entry *delivery_next_entry(const struct delivery *d)
{
	const struct delivery_batch *last = TAILQ_LAST(&d->batches, delivery_batches);

	return last ? TAILQ_NEXT(last->last, entry) : TAILQ_FIRST(&d->queue.entries);
}

void delivery_note_uncertain(struct delivery *d, uint64_t seq)
{
	if (seq > d->uncertain)
		d->uncertain = seq;
}

void delivery_give_up_batch(struct delivery *d, struct delivery_batch *batch)
{
	if (batch->is_retry)
		delivery_note_uncertain(d, batch->last_seq);
	delivery_drop_batch(d, batch);
}

void delivery_give_up_batches(struct delivery *d)
{
	struct delivery_batch *batch;

	while ((batch = TAILQ_FIRST(&d->batches)))
		delivery_give_up_batch(d, batch);
}

/* A load shows what the primary really has; other targets are not read. */
static bool is_uncertain(const struct delivery *d, const struct delivery_entry *e)
{
	return e->changes->is_uncertain ||
		(!d->is_primary && e->first_seq <= d->uncertain);
}

/* Nothing melts into it any more. */
static void note_in_batch(
	struct delivery *d, struct delivery_batch *batch, const struct delivery_entry *e)
{
	if (e->seq > batch->seq)
		batch->seq = e->seq;
	if (e->last_seq > batch->last_seq)
		batch->last_seq = e->last_seq;
	batch->last = e;
	batch->entries++;
	if (e == d->melting)
		d->melting = NULL;
}

/* Does the first entry make a batch of its own, whatever comes next? */
static bool is_alone(
	const struct delivery *d, const struct delivery_entry *e, size_t limit)
{
	return e->is_folded || !TAILQ_NEXT(e, entry) || e->changes->count >= limit ||
		delivery_blame_limit(&d->blame) == 1 || delivery_is_suspect(d, e);
}

/* May the entry go into a batch that has others? */
static bool may_follow(const struct delivery *d, const struct delivery_batch *batch,
	const struct delivery_entry *first, const struct delivery_entry *e, size_t limit)
{
	const struct changeset *merged = batch->changes;
	const bool is_unsure = is_uncertain(d, e);

	return batch->entries < delivery_blame_limit(&d->blame) && !e->is_folded &&
		e->last_seq <= d->reach && !delivery_is_suspect(d, e) &&
		merged->count + e->changes->count <= limit &&
		is_unsure == is_uncertain(d, first) &&
		!(is_unsure && delivery_fold_is_too_uncertain(merged, e->changes));
}

/* With at least one entry.  False: no memory. */
static bool merge_entries(struct delivery *d, struct delivery_batch *batch,
	const struct delivery_entry *first, size_t limit)
{
	struct changeset *merged = batch->changes = changeset_new();

	for (const struct delivery_entry *e = first; merged && e;
		e = TAILQ_NEXT(e, entry)) {
		if (batch->entries && !may_follow(d, batch, first, e, limit))
			break;
		if (is_uncertain(d, e) ? rebase_merge_uncertain(merged, e->changes)
				       : changeset_merge(merged, e->changes))
			return false;
		note_in_batch(d, batch, e);
		if (e->is_folded || delivery_is_suspect(d, e))
			break;
	}
	if (merged && !is_uncertain(d, first))
		changeset_normalise(merged);
	return merged != NULL;
}

struct delivery_batch *delivery_form_batch(struct delivery *d, size_t limit)
{
	const struct delivery_entry *first;
	struct delivery_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	delivery_let_pass(d, delivery_next_entry(d));
	first = delivery_next_entry(d);
	d->blame.is_testing = delivery_is_suspect(d, first);
	TAILQ_INSERT_TAIL(&d->batches, batch, entry);
	if (!is_uncertain(d, first) && is_alone(d, first, limit)) {
		batch->changes = changeset_ref(first->changes);
		note_in_batch(d, batch, first);
	} else if (!merge_entries(d, batch, first, limit)) {
		delivery_drop_batch(d, batch);
		return NULL;
	}
	return batch;
}

/* ---- larger ones ---- */

void delivery_start_gathering(struct delivery *d, const struct delivery_batch *batch)
{
	const int64_t now_ms = turn_monotonic_ms(&d->zone.thread->time);
	/* The target was not at it before it had done with the one before. */
	const int64_t began_ms =
		batch->sent_ms > d->landed_ms ? batch->sent_ms : d->landed_ms;
	const int64_t took_ms = now_ms - began_ms;
	int64_t wait_ms = took_ms < DELIVERY_SLOW_MS ? 0 : took_ms / 2;

	/* Those that are answered at once have been one for the target. */
	if (now_ms == d->landed_ms)
		return;
	if (wait_ms > DELIVERY_GATHER_MAX_MS)
		wait_ms = DELIVERY_GATHER_MAX_MS;
	d->landed_ms = now_ms;
	d->gather_until_ms = now_ms + wait_ms;
	d->gather_count = d->queue.count;
}

/* Behind a batch in flight the next one grows until it is as large, if it would not be of
 * the same group.  If it left earlier, the target would be done with it before most
 * clients have sent again, and would get more and smaller ones. */
static bool is_follower_small(const struct delivery *d)
{
	const struct delivery_batch *last = TAILQ_LAST(&d->batches, delivery_batches);
	const struct delivery_batch *batch;
	size_t waiting = d->queue.count;

	if (!d->in_flight || delivery_groups(d))
		return false;
	TAILQ_FOREACH(batch, &d->batches, entry)
		waiting -= batch->entries;
	return waiting < last->entries;
}

bool delivery_is_gathering(struct delivery *d)
{
	if (is_follower_small(d))
		return true;
	if (d->queue.count >= d->gather_count ||
		d->queue.count >= target_ops(d->target)->batch_changes ||
		delivery_blame_is_looking(&d->blame))
		return false;
	if (d->gather_until_ms <= turn_monotonic_ms(&d->zone.thread->time))
		return false;
	alarm_set(&d->alarm, d->gather_until_ms);
	return true;
}
