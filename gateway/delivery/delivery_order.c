/*
 * Who may go before whom.
 *
 * Changes of a sender who has been refused lately (delivery_blame.h) are put back behind
 * what could go into the next batch, so that they do not cut it into pieces.  They get
 * their turn after it.  What they have in common with others is kept in order: whatever
 * is of a name that they change stays behind them, and so does an update that asked about
 * a name which it does not change, since it may have been judged by one of theirs.
 *
 * So the queue is in the order of delivery, and the target may have a change without an
 * earlier one.  The cursor stays before the earliest that it lacks; after a crash later
 * ones are delivered again.
 *
 * Not while rows are read from the journal, which is in the order of numbers.
 */
#include "gateway/delivery/delivery_private.h"

enum {
	PASSING_MAX = 400, /* entries that are looked at */
	BEHIND_MAX = 64,   /* entries that they pass; with more, nothing passes */
};

bool delivery_is_suspect(const struct delivery *d, const struct delivery_entry *e)
{
	return e->is_doubtful || delivery_blame_suspects(&d->blame, e->sender);
}

void delivery_put_in_doubt(struct delivery *d, const struct delivery_batch *batch)
{
	struct delivery_entry *first = TAILQ_FIRST(&d->queue.entries);

	if (!delivery_blame_refused(&d->blame, batch->entries) || first->is_doubtful)
		return;
	first->is_doubtful = true;
	d->queue.doubtful++;
}

static bool is_of_name_in(
	const struct delivery_entry *e, const struct delivery_entries *behind)
{
	const struct delivery_entry *other;

	TAILQ_FOREACH(other, behind, entry) {
		if (changeset_shares_name(e->changes, other->changes))
			return true;
	}
	return false;
}

static bool may_pass(const struct delivery *d, const struct delivery_entry *e,
	const struct delivery_entries *behind)
{
	if (delivery_is_suspect(d, e))
		return false;
	return TAILQ_EMPTY(behind) || (e->may_pass && !is_of_name_in(e, behind));
}

static void put_behind(
	struct delivery *d, struct delivery_entries *behind, struct delivery_entry *e)
{
	TAILQ_REMOVE(&d->queue.entries, e, entry);
	TAILQ_INSERT_TAIL(behind, e, entry);
	d->queue.passed += !e->was_passed;
	e->was_passed = true;
}

/* Not if it is the turn of a suspect, or somebody to blame is looked for in order. */
static bool is_nobody_to_pass(
	const struct delivery *d, const struct delivery_entry *first)
{
	return !d->is_live ||
		(!d->queue.doubtful && !delivery_blame_has_senders(&d->blame)) ||
		delivery_blame_is_looking(&d->blame) ||
		(d->blame.alone && delivery_is_suspect(d, first));
}

void delivery_let_pass(struct delivery *d, struct delivery_entry *first)
{
	struct delivery_entries behind = TAILQ_HEAD_INITIALIZER(behind);
	struct delivery_entry *e = first, *next, *put;
	size_t count = 0, passing = 0;

	if (is_nobody_to_pass(d, first))
		return;
	for (; e && !e->is_folded && count < BEHIND_MAX && passing < PASSING_MAX;
		e = next) {
		next = TAILQ_NEXT(e, entry);
		if (may_pass(d, e, &behind)) {
			passing++;
			continue;
		}
		put_behind(d, &behind, e);
		count++;
	}
	while ((put = TAILQ_FIRST(&behind))) {
		TAILQ_REMOVE(&behind, put, entry);
		if (e)
			TAILQ_INSERT_BEFORE(e, put, entry);
		else
			TAILQ_INSERT_TAIL(&d->queue.entries, put, entry);
	}
}

static struct delivery_entry *next_passed(
	const struct delivery *d, struct delivery_entry *e)
{
	e = e ? TAILQ_NEXT(e, entry) : TAILQ_FIRST(&d->queue.entries);
	while (e && !e->was_passed)
		e = TAILQ_NEXT(e, entry);
	return e;
}

bool delivery_was_passed(const struct delivery *d, uint64_t seq)
{
	struct delivery_entry *e = NULL;

	for (size_t left = d->queue.passed; left; left--) {
		e = next_passed(d, e);
		if (e->seq == seq)
			return true;
	}
	return false;
}

uint64_t delivery_last_before_passed(const struct delivery *d, uint64_t seq)
{
	struct delivery_entry *e = NULL;

	for (size_t left = d->queue.passed; left; left--) {
		e = next_passed(d, e);
		if (e->first_seq <= seq)
			seq = e->first_seq - 1;
	}
	return seq;
}

void delivery_restore_order(struct delivery *d)
{
	struct delivery_entries *entries = &d->queue.entries;
	struct delivery_entry *e, *later;

	while (d->queue.passed) {
		e = next_passed(d, NULL);
		later = TAILQ_FIRST(entries);
		while (later && later->seq <= e->seq)
			later = TAILQ_NEXT(later, entry);
		e->was_passed = false;
		d->queue.passed--;
		TAILQ_REMOVE(entries, e, entry);
		if (later)
			TAILQ_INSERT_BEFORE(later, e, entry);
		else
			TAILQ_INSERT_TAIL(entries, e, entry);
	}
}
