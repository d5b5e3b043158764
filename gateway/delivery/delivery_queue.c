/*
 * What is pending for a target: a queue of change sets in order, bounded in number and
 * in octets; what does not fit is read from the journal later.  Also the target's
 * cursor.
 */
#include "gateway/delivery/delivery_private.h"

#include <errno.h>
#include <stdlib.h>

#include "gateway/base/log.h"
#include "tsig/plural.h"
#include "zones/rebase.h"

/* ---- the cursor ---- */

static void write_cursor(struct delivery *d)
{
	const struct journal_op note = {.kind = JOURNAL_CURSOR,
		.zone = d->zone.id,
		.seq = d->cursor,
		.target = d->id,
		.outstanding = d->zone.operations};

	if (d->cursor == d->cursor_stored)
		return;
	if (zone_thread_submit_note(d->thread, &note))
		d->cursor_stored = d->cursor;
}

void delivery_save(struct delivery *d)
{
	write_cursor(d);
}

void delivery_on_cursor_alarm(void *arg)
{
	write_cursor(arg);
}

void delivery_move_cursor(struct delivery *d, uint64_t seq)
{
	d->cursor = seq;
	alarm_set_earlier_in(&d->cursor_alarm, DELIVERY_FLUSH_MS);
}

static int count_change(uint64_t seq, struct changeset *changes, void *arg)
{
	size_t *count = arg;

	(void)seq;
	(void)changes;
	(*count)++;
	return 0;
}

/* The database was restored: the target has seen later changes, and must not go back to
 * an earlier state. */
static int pass_overtaken(struct delivery *d)
{
	struct zone_thread *thread = d->thread;
	size_t count = 0;
	int r = thread->store_ops->each_change(thread->store, d->zone.id, d->cursor,
		SIZE_MAX >> 1, count_change, &count);

	if (r)
		return r;
	if (count)
		log_warning("zone %s: target %s: not delivered: %zu %s that the older "
			    "database has for it; musterctl audit shows them, from "
			    "number %llu on",
			d->zone.text, d->id, count, PLURAL(count, "change"),
			(unsigned long long)d->cursor + 1);
	d->cursor = 0;
	return 0;
}

int delivery_read_cursor(struct delivery *d)
{
	struct zone_thread *thread = d->thread;
	struct journal_op note = {
		.kind = JOURNAL_CURSOR, .zone = d->zone.id, .target = d->id};
	int r = thread->store_ops->get_cursor(
		thread->store, d->zone.id, d->id, &d->cursor);

	if (!r && d->cursor && thread->database->is_older && !delivery_is_local(d))
		r = pass_overtaken(d);
	if (r)
		return r;
	database_pass_seq(thread->database, d->cursor);
	if (d->cursor == 0) {
		/* It keeps its content; only changes from now on are delivered to it. */
		d->cursor = database_last_seq(thread->database);
		note.seq = d->cursor;
		if (!zone_thread_submit_note(thread, &note))
			return -ENOMEM;
	}
	d->cursor_stored = d->cursor;
	d->loaded = d->cursor;
	d->uncertain = database_last_seq(thread->database);
	return 0;
}

/* ---- the queue ---- */

void delivery_list_init(struct delivery_list *list, size_t count_max)
{
	TAILQ_INIT(&list->entries);
	list->count_max = count_max;
}

bool delivery_list_has_room(const struct delivery_list *list, size_t octets)
{
	return !list->count ||
		(list->count < list->count_max &&
			list->octets + octets <= DELIVERY_QUEUE_OCTETS);
}

static void append(struct delivery_list *list, struct delivery_entry *e)
{
	TAILQ_INSERT_TAIL(&list->entries, e, entry);
	list->count++;
	list->octets += e->size;
}

static void take_out(struct delivery_list *list, struct delivery_entry *e)
{
	TAILQ_REMOVE(&list->entries, e, entry);
	list->count--;
	list->octets -= e->size;
}

int delivery_list_add(struct delivery_list *list, uint64_t seq, struct changeset *changes,
	bool is_withdrawal)
{
	const size_t size = changeset_size(changes);
	struct delivery_entry *e;

	if (!delivery_list_has_room(list, size))
		return -ENOSPC;
	e = malloc(sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->seq = seq;
	e->changes = changeset_ref(changes);
	e->size = size;
	e->is_withdrawal = is_withdrawal;
	append(list, e);
	return 0;
}

void delivery_list_drop(struct delivery_list *list, struct delivery_entry *e)
{
	take_out(list, e);
	changeset_unref(e->changes);
	free(e);
}

void delivery_list_move(
	struct delivery_list *to, struct delivery_list *from, struct delivery_entry *e)
{
	take_out(from, e);
	append(to, e);
}

void delivery_list_replace(
	struct delivery_list *list, struct delivery_entry *e, struct changeset *changes)
{
	changeset_unref(e->changes);
	e->changes = changes;
	list->octets -= e->size;
	e->size = changeset_size(changes);
	list->octets += e->size;
}

void delivery_list_clear(struct delivery_list *list)
{
	while (!TAILQ_EMPTY(&list->entries))
		delivery_list_drop(list, TAILQ_FIRST(&list->entries));
}

/* ---- of a local zone ---- */

enum { DELIVERY_CRUMBS = 4 }; /* changes that are freed for each that comes */

/* False: it has to go to the queue. */
static bool melt(struct delivery *d, uint64_t seq, const struct changeset *changes)
{
	if (d->spent && changeset_crumble(d->spent, DELIVERY_CRUMBS))
		delivery_spend(d, NULL);
	if (d->target || !TAILQ_EMPTY(&d->queue.entries) ||
		d->melted_entries >= 2 * DELIVERY_FLUSH_MAX)
		return false;
	if (!d->melted) {
		d->melted = changeset_new();
		d->melted_first = seq;
		d->melted_entries = 0;
		d->melted_since_ms = turn_monotonic_ms(&d->thread->time);
	}
	if (!d->melted || changeset_merge(d->melted, changes))
		return false;
	d->melted_seq = seq;
	d->melted_entries++;
	return true;
}

void delivery_take_melted(struct delivery *d)
{
	d->batch = d->melted;
	d->batch_first = d->melted_first;
	d->batch_seq = d->melted_seq;
	d->batch_entries = d->melted_entries;
	d->batch_is_melted = true;
	d->melted = NULL;
	d->melted_entries = 0;
}

void delivery_spend(struct delivery *d, struct changeset *changes)
{
	changeset_unref(d->spent);
	d->spent = changes;
}

size_t delivery_count_melted(const struct delivery *d)
{
	return d->melted_entries + (d->batch_is_melted ? d->batch_entries : 0);
}

/* ---- what becomes durable ---- */

/* A change set just read from the journal is in the queue already; one that does not
 * fit is read back when there is room. */
void delivery_add(
	struct delivery *d, uint64_t seq, struct changeset *changes, bool is_withdrawal)
{
	if (!d->is_live) {
		delivery_follow(d, seq, changes, is_withdrawal);
		return;
	}
	if (seq <= d->loaded)
		return;
	if (!melt(d, seq, changes) &&
		delivery_list_add(&d->queue, seq, changes, is_withdrawal))
		d->is_live = false;
	else
		d->loaded = seq;
}

void delivery_pass(struct delivery *d, uint64_t seq)
{
	if (!d->is_live) {
		delivery_follow(d, seq, NULL, false);
		return;
	}
	d->loaded = seq;
	if (!delivery_has_pending(d))
		delivery_move_cursor(d, seq);
}

void delivery_hold(struct delivery *d, uint64_t seq)
{
	d->hold = seq;
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
	return !TAILQ_EMPTY(&d->queue.entries) || d->melted || d->batch || !d->is_live;
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

void delivery_drop_batch(struct delivery *d)
{
	changeset_unref(d->batch);
	d->batch = NULL;
	d->batch_is_retry = false;
	d->batch_is_melted = false;
}

/* A load shows what the primary really has; other targets are not read. */
static bool is_uncertain(const struct delivery *d, const struct delivery_entry *e)
{
	return !d->is_primary && d->target && e->seq <= d->uncertain;
}

/* At least one entry. */
bool delivery_form_batch(struct delivery *d, size_t limit)
{
	struct delivery_entry *const first = TAILQ_FIRST(&d->queue.entries), *e = first;
	struct changeset *merged = changeset_new();

	d->batch_entries = 0;
	if (!merged)
		return false;
	for (; e; e = TAILQ_NEXT(e, entry)) {
		if (d->batch_entries &&
			(merged->count + e->changes->count > limit ||
				is_uncertain(d, e) != is_uncertain(d, first)))
			break;
		if (is_uncertain(d, e) ? rebase_merge_uncertain(merged, e->changes)
				       : changeset_merge(merged, e->changes)) {
			changeset_unref(merged);
			return false;
		}
		d->batch_seq = e->seq;
		d->batch_entries++;
		if (d->isolate)
			break;
	}
	if (d->batch_entries == 0) {
		changeset_unref(merged);
		return false;
	}
	if (!is_uncertain(d, first))
		changeset_normalise(merged);
	d->batch = merged;
	return true;
}
