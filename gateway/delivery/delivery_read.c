/*
 * Pending changes that are not in memory are read from the journal, a piece at a time,
 * beside the zone thread: into the queue when there is room, and past it when the
 * content under everything pending is replaced.
 *
 * While a piece is being read, further changes become durable, which may or may not be
 * in it: they are kept in the tail, from which those in the piece are dropped.  So the
 * piece that reaches the end of the journal, together with the tail, is complete.
 */
#include "gateway/delivery/delivery_private.h"

#include <errno.h>
#include <stdlib.h>

#include "gateway/base/log.h"

struct delivery_read {
	struct thread_read read;   /* first */
	struct delivery *delivery; /* NULL: it no longer wants it */
	int64_t zone;
	uint64_t after;
	struct delivery_list rows;
	bool is_end; /* there are no more */
};

/* ---- in the reader's thread ---- */

static int keep_row(uint64_t seq, struct changeset *changes, void *arg)
{
	struct delivery_read *read = arg;
	const int r = delivery_list_add(&read->rows, seq, changes, false);

	if (r)
		return r;
	return read->rows.octets >= DELIVERY_CATCH_UP_OCTETS ||
		atomic_load(&read->read.job.is_given_up);
}

static int read_rows(
	struct reader_job *job, const struct store_ops *ops, struct store *store)
{
	struct delivery_read *read = (struct delivery_read *)(void *)job;
	const size_t limit = read->rows.count_max;
	const int r =
		ops->each_change(store, read->zone, read->after, limit, keep_row, read);

	read->is_end = r == 0 && read->rows.count < limit;
	return r < 0 ? r : 0;
}

/* ---- the tail ---- */

static void drop_tail(struct delivery *d)
{
	delivery_list_clear(&d->tail);
	d->tail_seq = 0;
	d->has_tail = false;
}

void delivery_follow(
	struct delivery *d, uint64_t seq, struct changeset *changes, bool is_withdrawal)
{
	if (!d->has_tail)
		return;
	if (changes && delivery_list_add(&d->tail, seq, changes, is_withdrawal))
		drop_tail(d); /* then it is read as well */
	else
		d->tail_seq = seq;
}

/* ---- reading ---- */

static void on_read(struct thread_read *read);

static size_t piece_max(const struct delivery *d)
{
	return d->queue.count_max / DELIVERY_CATCH_UP_PART;
}

/* 0 or -ENOMEM. */
static int ask(struct delivery *d, uint64_t after)
{
	struct delivery_read *read = calloc(1, sizeof(*read));

	if (!read)
		return -ENOMEM;
	drop_tail(d);
	read->read.job.run = read_rows;
	read->read.done = on_read;
	read->delivery = d;
	read->zone = d->zone.id;
	read->after = after;
	delivery_list_init(&read->rows, piece_max(d));
	d->read = read;
	d->has_tail = true;
	zone_thread_read(d->zone.thread, &read->read);
	return 0;
}

static void give_up_reading(struct delivery *d)
{
	if (!d->read)
		return;
	atomic_store(&d->read->read.job.is_given_up, true);
	d->read->delivery = NULL;
	d->read = NULL;
	drop_tail(d);
}

void delivery_stop_reading(struct delivery *d)
{
	give_up_reading(d);
	drop_tail(d);
	d->rebase = (struct delivery_rebase){0};
	d->rebased = 0;
}

/* An entry that is read once more becomes what it was when it was last rebased. */
static void take_altered(
	struct delivery *d, struct delivery_list *list, struct delivery_entry *e)
{
	struct delivery_entry *altered;

	while ((altered = TAILQ_FIRST(&d->altered.entries)) && altered->seq <= e->seq) {
		if (altered->seq == e->seq)
			delivery_list_replace(list, e, changeset_ref(altered->changes));
		delivery_list_drop(&d->altered, altered);
	}
}

/* Moves entries after seq into the queue.  False: there was no room for all. */
static bool move_to_queue(struct delivery *d, struct delivery_list *from, uint64_t seq)
{
	struct delivery_entry *e;

	while ((e = TAILQ_FIRST(&from->entries))) {
		if (e->seq <= seq) {
			delivery_list_drop(from, e);
			continue;
		}
		if (!delivery_list_has_room(&d->queue, e->size))
			return false;
		take_altered(d, from, e);
		delivery_list_move(&d->queue, from, e);
		d->loaded = e->seq;
	}
	return true;
}

/* Everything durable is in the queue. */
static void become_live(struct delivery *d)
{
	d->is_live = true;
	if (d->tail_seq > d->loaded)
		d->loaded = d->tail_seq;
	drop_tail(d);
	if (TAILQ_EMPTY(&d->queue.entries) && d->loaded > d->cursor)
		delivery_move_cursor(d, d->loaded);
}

/* ---- catching up ---- */

int delivery_catch_up(struct delivery *d)
{
	if (d->is_live || d->read || d->rebase.done || d->queue.count > piece_max(d))
		return 0;
	return ask(d, d->loaded);
}

static void take_piece(struct delivery *d, struct delivery_read *read)
{
	const bool is_end = move_to_queue(d, &read->rows, d->loaded) && read->is_end &&
		d->has_tail && move_to_queue(d, &d->tail, d->loaded);

	if (is_end)
		become_live(d);
	else
		drop_tail(d);
}

/* ---- rebasing ---- */

/* It has failed: what the queue has is for content that will not come into service, and
 * is read again. */
static void forget_rebased(struct delivery *d)
{
	if (d->is_live) /* delivery_rebase_queue has changed nothing */
		return;
	delivery_list_clear(&d->queue);
	delivery_list_clear(&d->altered);
	d->loaded = d->cursor;
}

static void end_rebase(struct delivery *d, int result)
{
	const struct delivery_rebase rebase = d->rebase;

	delivery_stop_reading(d);
	if (result)
		forget_rebased(d);
	rebase.done(result, rebase.arg);
}

static void take_rebased(struct delivery *d)
{
	struct delivery_entry *e;

	TAILQ_FOREACH(e, &d->queue.entries, entry) {
		delivery_list_replace(&d->queue, e, e->rebased);
		e->rebased = NULL;
	}
}

static void undo_rebased(const struct delivery *d, const struct delivery_rebase *how)
{
	struct delivery_entry *e;

	TAILQ_FOREACH_REVERSE(e, &d->queue.entries, delivery_entries, entry) {
		if (e->rebased && how->undo)
			how->undo(e->rebased, how->arg);
		changeset_unref(e->rebased);
		e->rebased = NULL;
	}
}

int delivery_rebase_queue(struct delivery *d, const struct delivery_rebase *how)
{
	struct delivery_entry *e;
	bool is_other;

	delivery_drop_batch(d);
	d->melting = NULL;
	TAILQ_FOREACH(e, &d->queue.entries, entry) {
		e->rebased = how->rebase(e->seq, e->changes, &is_other, how->arg);
		if (!e->rebased) {
			undo_rebased(d, how);
			return -ENOMEM;
		}
	}
	take_rebased(d);
	return 0;
}

/* Keeps an entry that has been rebased, if there is room for it. */
static void keep_rebased(struct delivery *d, struct delivery_list *from,
	struct delivery_entry *e, bool is_other)
{
	d->is_full |= !delivery_list_has_room(&d->queue, e->size);
	if (!d->is_full) {
		d->loaded = e->seq;
		delivery_list_move(&d->queue, from, e);
	} else if (is_other && delivery_list_has_room(&d->altered, e->size)) {
		delivery_list_move(&d->altered, from, e);
	} else {
		delivery_list_drop(from, e);
	}
}

/* Rebases the entries behind what has been rebased.  The queue gets them as long as it
 * has room; later ones are read again when they are to be sent. */
static int rebase_list(struct delivery *d, struct delivery_list *from)
{
	struct delivery_entry *e;

	while ((e = TAILQ_FIRST(&from->entries))) {
		struct changeset *rebased;
		bool is_other = false;

		if (e->seq <= d->rebased) {
			delivery_list_drop(from, e);
			continue;
		}
		rebased = d->rebase.rebase(e->seq, e->changes, &is_other, d->rebase.arg);
		if (!rebased)
			return -ENOMEM;
		delivery_list_replace(from, e, rebased);
		d->rebased = e->seq;
		keep_rebased(d, from, e, is_other);
	}
	return 0;
}

/* 0 or -ENOMEM. */
static int begin_reading(struct delivery *d)
{
	int r = delivery_rebase_queue(d, &d->rebase);

	delivery_list_clear(&d->altered);
	d->rebased = d->loaded;
	d->is_full = false;
	return r ? r : ask(d, d->rebased);
}

void delivery_rebase_begin(struct delivery *d, const struct delivery_rebase *how)
{
	int r = 0;

	give_up_reading(d);
	delivery_drop_batch(d);
	d->rebase = *how;
	if (d->is_live) {
		how->done(0, how->arg); /* delivery_rebase_end does all of it */
		return;
	}
	r = begin_reading(d);
	if (r)
		end_rebase(d, r);
}

static void rebase_piece(struct delivery *d, struct delivery_read *read)
{
	int r = rebase_list(d, &read->rows);

	if (!r && read->is_end && d->has_tail) {
		d->rebase.done(0, d->rebase.arg);
		return;
	}
	if (!r)
		r = ask(d, d->rebased);
	if (r)
		end_rebase(d, r);
}

/* Rebases what has become durable since the journal was read to its end. */
static int rebase_tail(struct delivery *d)
{
	const int r = rebase_list(d, &d->tail);

	if (!r && !d->is_full)
		become_live(d);
	return r;
}

int delivery_rebase_end(struct delivery *d)
{
	const bool has_all = d->is_live || d->has_tail;
	int r;

	if (d->is_live)
		r = delivery_rebase_queue(d, &d->rebase);
	else if (d->has_tail)
		r = rebase_tail(d);
	else if (d->rebased) /* more has been added than the tail could keep */
		r = ask(d, d->rebased);
	else
		r = begin_reading(d);
	if (!r && !has_all)
		return -EAGAIN;
	delivery_stop_reading(d);
	if (r)
		forget_rebased(d);
	return r;
}

/* ---- what comes of a read ---- */

static void fail(struct delivery *d, const struct delivery_read *read)
{
	drop_tail(d);
	log_error("zone %s: reading the journal: %s", d->zone.text, read->read.job.error);
	if (d->rebase.done)
		end_rebase(d, read->read.job.result);
	else if (d->state == DELIVERY_IDLE)
		delivery_pause_for(d, "the journal cannot be read");
}

static void on_read(struct thread_read *thread_read)
{
	struct delivery_read *read = (struct delivery_read *)(void *)thread_read;
	struct delivery *d = read->delivery;

	if (d) {
		d->read = NULL;
		if (read->read.job.result)
			fail(d, read);
		else if (d->rebase.done)
			rebase_piece(d, read);
		else
			take_piece(d, read);
		delivery_kick(d, false);
	}
	delivery_list_clear(&read->rows);
	free(read);
}
