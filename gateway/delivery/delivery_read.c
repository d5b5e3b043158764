/*
 * Pending changes that are not in memory are read from the journal, a piece at a time,
 * beside the zone thread: into the queue when there is room, and past it when the
 * content under everything pending is replaced.
 *
 * While a piece is being read, further changes become durable, which may or may not be
 * in it: they are kept in the tail, from which those in the piece are dropped.  So the
 * piece that reaches the end of the journal, together with the tail, is complete.
 *
 * What does not fit into a piece is folded (delivery_fold.c), as much as fits into memory
 * then.  That takes several jobs of the reader, since other reads wait for each.
 */
#include "gateway/delivery/delivery_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"

enum {
	FOLD_OCTETS = 32 << 20, /* of memory that a fold may take */
	FOLD_MAX = 1 << 24,     /* a fold of more rows need not be limited by them */
	REBASE_STEP = 200,      /* RRsets in a turn of the loop: a millisecond or two */
	SHRINK_ROWS = 100000,   /* new ones, before the journal shrinks again */
};

/* ---- the tail ---- */

static void drop_tail(struct delivery *d)
{
	delivery_list_clear(&d->tail);
	d->tail_seq = 0;
	d->has_tail = false;
}

struct delivery_entry *delivery_follow(
	struct delivery *d, uint64_t seq, struct changeset *changes, bool is_withdrawal)
{
	if (!d->has_tail)
		return NULL;
	if (changes && delivery_list_add(&d->tail, seq, changes, is_withdrawal)) {
		drop_tail(d); /* then it is read as well */
		return NULL;
	}
	d->tail_seq = seq;
	return changes ? TAILQ_LAST(&d->tail.entries, delivery_entries) : NULL;
}

/* ---- reading ---- */

static void on_read(struct thread_read *read);

static size_t piece_max(const struct delivery *d)
{
	return d->queue.count_max / DELIVERY_CATCH_UP_PART;
}

/* Nothing is folded for a target that lags, which does so itself; onto a zone, if there
 * is no room for all of it in the end; and if not even a piece would be. */
static bool may_fold(const struct delivery *d)
{
	return !target_ops(d->target)->lag && !(d->rebase.done && d->is_full) &&
		(!d->fold_max || d->fold_max > piece_max(d));
}

/* What is not as the journal has it, and what somebody awaits, stays as it is. */
static uint64_t find_fold_end(const struct delivery *d)
{
	const struct delivery_entry *altered = TAILQ_FIRST(&d->altered.entries);
	const uint64_t awaited =
		d->is_primary ? d->zone.events->awaited(d->zone.arg) : UINT64_MAX;

	return altered && altered->seq < awaited ? altered->seq : awaited;
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* What is read may take that, until the queue has it or it is freed. */
static void reserve(struct delivery *d, struct delivery_read *read)
{
	const size_t most = read->may_fold ? FOLD_OCTETS : DELIVERY_CATCH_UP_OCTETS;

	read->thread = d->zone.thread;
	read->reserved = min_size(most, delivery_list_room(&d->queue));
	read->thread->delivery_octets += read->reserved;
}

static void set_fold(struct delivery *d, struct delivery_read *read)
{
	read->may_fold = may_fold(d);
	reserve(d, read);
	read->batch_changes = target_ops(d->target)->batch_changes;
	memcpy(read->apex, d->zone.name, name_len(d->zone.name));
	read->fold = (struct delivery_fold){
		.sets_max = d->fold_max ? d->fold_max : SIZE_MAX,
		.octets_max = read->reserved,
		.end = find_fold_end(d),
		/* A load shows what the primary has, which may be any state between. */
		.uncertain = d->is_primary && !d->rebase.done ? 0 : d->uncertain,
	};
}

static void submit(struct delivery *d, struct delivery_read *read)
{
	drop_tail(d);
	d->has_tail = true;
	d->read = read;
	zone_thread_read(d->zone.thread, &read->read);
}

/* NULL: no memory. */
static struct delivery_read *new_read(struct delivery *d, uint64_t after)
{
	struct delivery_read *read = calloc(1, sizeof(*read));

	if (!read)
		return NULL;
	read->read.job.run = delivery_read_rows;
	read->read.done = on_read;
	read->delivery = d;
	read->zone = d->zone.id;
	read->after = after;
	delivery_list_init(&read->rows, piece_max(d), NULL);
	set_fold(d, read);
	return read;
}

/* 0 or -ENOMEM. */
static int ask(struct delivery *d, uint64_t after)
{
	struct delivery_read *read = new_read(d, after);

	if (!read)
		return -ENOMEM;
	submit(d, read);
	return 0;
}

static void give_up_reading(struct delivery *d)
{
	alarm_stop(&d->step);
	if (d->piece)
		delivery_read_free(d->piece);
	d->piece = NULL;
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
		if (altered->seq == e->seq) {
			delivery_list_replace(list, e, changeset_ref(altered->changes));
			e->is_altered = true;
		}
		delivery_list_drop(&d->altered, altered);
	}
}

/* Moves entries after seq into the queue; all of a fold's.  False: there was no room for
 * the others. */
static bool move_to_queue(struct delivery *d, struct delivery_list *from, uint64_t seq)
{
	struct delivery_entry *e;

	while ((e = TAILQ_FIRST(&from->entries))) {
		if (e->first_seq <= seq) {
			delivery_list_drop(from, e);
			continue;
		}
		if (!e->is_folded && !delivery_list_has_room(&d->queue, e->size))
			return false;
		if (!e->is_folded)
			take_altered(d, from, e);
		/* Not at the primary: what they were judged by is not known any more. */
		e->may_pass |= !d->is_primary;
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

/* Reading late makes a fold of more rows. */
static bool has_enough(const struct delivery *d)
{
	const struct delivery_entry *first = TAILQ_FIRST(&d->queue.entries);

	if (d->is_down && !TAILQ_EMPTY(&d->batches))
		return true;
	if (d->crowded && d->queue.count >= d->crowded)
		return true;
	return d->queue.count > piece_max(d) ||
		(first && first->is_folded && d->queue.octets > DELIVERY_CATCH_UP_OCTETS);
}

int delivery_catch_up(struct delivery *d)
{
	int r;

	if (d->is_live || d->read || d->rebase.done || has_enough(d))
		return 0;
	r = ask(d, d->loaded);
	if (!r && d->fold_max)
		d->fold_max = d->fold_max < FOLD_MAX ? 2 * d->fold_max : 0;
	return r;
}

static void take_piece(struct delivery *d, struct delivery_read *read)
{
	bool is_end;

	/* Meanwhile more has become uncertain: it is read again. */
	if (!d->is_primary && read->fold.uncertain != d->uncertain) {
		drop_tail(d);
		return;
	}
	is_end = move_to_queue(d, &read->rows, d->loaded);
	d->crowded = is_end ? 0 : d->queue.count;
	is_end = is_end && read->is_end && d->has_tail &&
		move_to_queue(d, &d->tail, d->loaded);
	if (is_end)
		become_live(d);
	else
		drop_tail(d);
}

/* ---- reading again ---- */

/* Can it be read again, as it is?  A fold has been read so already. */
static bool is_in_journal(const struct delivery *d)
{
	const struct delivery_entry *e;

	TAILQ_FOREACH(e, &d->queue.entries, entry) {
		if (e->is_altered || e->is_folded)
			return false;
	}
	return !target_ops(d->target)->lag && TAILQ_EMPTY(&d->altered.entries);
}

/* But for what is on its way. */
static void forget_queue(struct delivery *d)
{
	const struct delivery_batch *batch;
	const struct delivery_entry *last;
	size_t kept = 0;

	TAILQ_FOREACH(batch, &d->batches, entry)
		kept += batch->entries;
	while (d->queue.count > kept)
		delivery_list_drop(
			&d->queue, TAILQ_LAST(&d->queue.entries, delivery_entries));
	last = TAILQ_LAST(&d->queue.entries, delivery_entries);
	d->loaded = last ? last->seq : d->cursor;
	d->is_live = false;
}

void delivery_fold_queue(struct delivery *d)
{
	if (d->queue.count > piece_max(d) && !d->read && !d->rebase.done &&
		!delivery_blame_is_looking(&d->blame) && !d->queue.passed &&
		is_in_journal(d))
		forget_queue(d);
}

void delivery_unfold(struct delivery *d)
{
	const struct delivery_entry *e = TAILQ_FIRST(&d->queue.entries);

	delivery_note_uncertain(d, e->last_seq); /* a part of it may be there */
	while (!e->sets)
		e = TAILQ_NEXT(e, entry);
	d->fold_max = e->sets / 2 + 1;
	delivery_blame_begin_again(&d->blame);
	give_up_reading(d);
	delivery_drop_batches(d);
	delivery_list_clear(&d->altered);
	forget_queue(d);
	if (d->is_primary) /* what is there shows what there is to be done */
		d->want_load = d->want_whole = true;
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

	delivery_drop_batches(d);
	delivery_restore_order(d);
	d->melting = NULL;
	TAILQ_FOREACH(e, &d->queue.entries, entry) {
		e->rebased = how->rebase(
			e->seq, delivery_entry_origin(e), &is_other, how->arg);
		if (!e->rebased) {
			undo_rebased(d, how);
			return -ENOMEM;
		}
		e->is_altered |= is_other;
	}
	take_rebased(d);
	return 0;
}

/* Keeps an entry that has been rebased, if there is room for it. */
static void keep_rebased(struct delivery *d, struct delivery_list *from,
	struct delivery_entry *e, bool is_other)
{
	d->is_full |= !e->is_folded && !delivery_list_has_room(&d->queue, e->size);
	e->is_altered = is_other;
	if (!d->is_full) {
		d->loaded = e->seq;
		delivery_list_move(&d->queue, from, e);
	} else if (is_other && delivery_list_has_room(&d->altered, e->size)) {
		delivery_list_move(&d->altered, from, e);
	} else {
		delivery_list_drop(from, e);
	}
}

/* Rebases entries behind what has been rebased, of at least so many RRsets.  The queue
 * gets them as long as it has room; later ones are read again when they are to be sent.
 * 0: all of them; 1: there are more; or -ENOMEM. */
static int rebase_list(struct delivery *d, struct delivery_list *from, size_t limit)
{
	struct delivery_entry *e;
	size_t count = 0;

	while ((e = TAILQ_FIRST(&from->entries))) {
		struct changeset *rebased;
		bool is_other = false;

		if (e->first_seq <= d->rebased) {
			delivery_list_drop(from, e);
			continue;
		}
		if (count >= limit)
			return 1;
		count += e->changes->count;
		rebased = d->rebase.rebase(
			e->seq, delivery_entry_origin(e), &is_other, d->rebase.arg);
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
	int r;

	if (is_in_journal(d))
		forget_queue(d);
	r = delivery_rebase_queue(d, &d->rebase);

	delivery_list_clear(&d->altered);
	d->rebased = d->loaded;
	d->is_full = false;
	return r ? r : ask(d, d->rebased);
}

void delivery_rebase_begin(struct delivery *d, const struct delivery_rebase *how)
{
	int r = 0;

	give_up_reading(d);
	delivery_drop_batches(d);
	if (d->queue.count > piece_max(d) && is_in_journal(d))
		forget_queue(d);
	d->rebase = *how;
	if (d->is_live) {
		how->done(0, how->arg); /* delivery_rebase_end does all of it */
		return;
	}
	r = begin_reading(d);
	if (r)
		end_rebase(d, r);
}

/* All of a fold is kept, or none of it. */
static bool has_room_for_fold(const struct delivery *d, const struct delivery_read *read)
{
	const struct delivery_entry *first = TAILQ_FIRST(&read->rows.entries);

	return !first || !first->is_folded ||
		(!d->is_full && delivery_list_has_room(&d->queue, read->rows.octets));
}

static void end_piece(struct delivery *d)
{
	const bool is_end = d->piece->is_end && d->has_tail;
	int r;

	delivery_read_free(d->piece);
	d->piece = NULL;
	if (is_end) {
		d->rebase.done(0, d->rebase.arg);
		return;
	}
	r = ask(d, d->rebased);
	if (r)
		end_rebase(d, r);
}

/* Whatever has become durable meanwhile is left to delivery_rebase_end, if it is not too
 * much. */
static bool take_tail(struct delivery *d)
{
	struct delivery_entry *e;

	if (!d->piece->is_end || d->tail.count <= REBASE_STEP)
		return false;
	while ((e = TAILQ_FIRST(&d->tail.entries)))
		delivery_list_move(&d->piece->rows, &d->tail, e);
	return true;
}

void delivery_on_step(void *arg)
{
	struct delivery *d = arg;
	const int r = rebase_list(d, &d->piece->rows, REBASE_STEP);

	if (r < 0)
		end_rebase(d, r);
	else if (r || take_tail(d))
		alarm_set_in(&d->step, 0);
	else
		end_piece(d);
	delivery_kick(d, false);
}

static void rebase_piece(struct delivery *d, struct delivery_read *read)
{
	delivery_read_release(read);
	if (!has_room_for_fold(d, read)) {
		d->is_full = true;
		delivery_list_clear(&read->rows);
		read->is_end = false;
	}
	d->piece = read;
	delivery_on_step(d);
}

/* Rebases what has become durable since the journal was read to its end. */
static int rebase_tail(struct delivery *d)
{
	const int r = rebase_list(d, &d->tail, SIZE_MAX);

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

void delivery_rebase_drop(struct delivery *d)
{
	if (d->is_live && TAILQ_EMPTY(&d->queue.entries))
		return;
	d->is_live = false;
	d->melting = NULL;
	forget_rebased(d);
}

/* ---- shrinking ---- */

/* Is the database too large?  A test of small queues shall see it shrink. */
static size_t find_least_rows(const struct zone_thread *thread)
{
	if (thread->queue_max)
		return thread->queue_max;
	return journal_share_is_tight(thread->database->share) ? SHRINK_ROWS : SIZE_MAX;
}

/* Whatever the target has of the rows by then, the parts lead to the last state. */
void delivery_shrink(struct delivery *d)
{
	struct delivery_read *read;
	uint64_t after = d->shrink_after > d->loaded ? d->shrink_after : d->loaded;

	if (d->is_live || d->read || d->rebase.done || !may_fold(d) ||
		d->zone.thread->is_shrinking || d->zone.thread->durable_seq < d->shrunk ||
		d->zone.thread->durable_seq - d->shrunk < find_least_rows(d->zone.thread))
		return;
	read = new_read(d, after);
	if (!read)
		return;
	read->seqs = malloc(DELIVERY_SHRINK_SEQS * sizeof(*read->seqs));
	read->fold.uncertain = UINT64_MAX;
	read->fold.sets_max = SIZE_MAX;
	/* The primary's may be awaited, or not be what the journal has. */
	if (!d->is_primary)
		read->fold.end = d->zone.events->primary_cursor(d->zone.arg) + 1;
	if (!read->seqs) {
		delivery_read_free(read);
		return;
	}
	d->zone.thread->is_shrinking = true;
	submit(d, read);
}

static void take_parts(struct delivery *d, struct delivery_read *read)
{
	const struct delivery_entry *first = TAILQ_FIRST(&read->rows.entries);
	const size_t count = read->rows.count;

	drop_tail(d);
	d->shrink_after = read->is_end ? 0 : read->blocked;
	if (!first)
		return;
	d->shrunk = first->last_seq;
	if (!read->is_end)
		d->shrink_after = first->last_seq;
	if (read->rows.sets / 2 > count && count <= DELIVERY_SHRINK_SEQS)
		delivery_melt_rows(d, &read->rows, read->seqs, DELIVERY_SHRINK_SEQS);
	if (!d->melted)
		return;
	free(read->seqs); /* its turn goes on */
	read->seqs = NULL;
}

/* ---- what comes of a read ---- */

static void fail(struct delivery *d, const struct delivery_read *read)
{
	drop_tail(d);
	log_error("zone %s: reading the journal: %s", d->zone.text, read->read.job.error);
	if (d->rebase.done)
		end_rebase(d, read->read.job.result);
	else if (d->state == DELIVERY_IDLE)
		delivery_pause_for(d, TARGET_OUR_DATABASE, "the journal cannot be read");
}

static void on_read(struct thread_read *thread_read)
{
	struct delivery_read *read = (struct delivery_read *)(void *)thread_read;
	struct delivery *d = read->delivery;

	if (!d) {
		delivery_read_free(read);
		return;
	}
	d->read = NULL;
	if (!read->read.job.result && read->is_folding) {
		submit(d, read);
		return;
	}
	if (!read->read.job.result && d->rebase.done) {
		rebase_piece(d, read);
		return;
	}
	delivery_read_release(read);
	if (read->read.job.result)
		fail(d, read);
	else if (read->seqs)
		take_parts(d, read);
	else
		take_piece(d, read);
	delivery_read_free(read);
	delivery_kick(d, false);
}
