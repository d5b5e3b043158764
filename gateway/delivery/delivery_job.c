/*
 * What the reader's thread does for a delivery: it reads rows, and folds them if there
 * are many.
 */
#include "gateway/delivery/delivery_private.h"

#include <stdlib.h>

enum {
	FOLD_STEP = 20000,   /* rows of one job: a fraction of a second */
	FOLD_PART = 400,     /* RRsets that a batch of a fold should not exceed: the zone
			      * thread takes a millisecond to write one for PowerDNS, and
			      * nobody waits for what is folded */
	SHRINK_PARTS = 2000, /* about so many rows get parts */
};

void delivery_read_release(struct delivery_read *read)
{
	read->thread->delivery_octets -= read->reserved;
	read->reserved = 0;
}

void delivery_read_free(struct delivery_read *read)
{
	delivery_read_release(read);
	if (read->seqs)
		read->thread->is_shrinking = false;
	delivery_fold_clear(&read->fold);
	delivery_list_clear(&read->rows);
	free(read->seqs);
	free(read);
}

/* ---- in the reader's thread ---- */

static int keep_row(const struct store_row *row, struct changeset *changes, void *arg)
{
	struct delivery_read *read = arg;
	const int r = delivery_list_add(&read->rows, row->seq, changes, false);

	if (r)
		return r;
	TAILQ_LAST(&read->rows.entries, delivery_entries)->sender =
		delivery_blame_sender(row->key);
	return read->rows.octets >= DELIVERY_CATCH_UP_OCTETS ||
		read->rows.octets >= read->reserved ||
		atomic_load(&read->read.job.is_given_up);
}

/* May the target have what was read in part?  One by one, earlier states would be put
 * there once more. */
static bool is_uncertain(const struct delivery_read *read)
{
	return read->after < read->fold.uncertain;
}

/* As many as make a piece.  If there are more, or they are uncertain, they are folded. */
static int read_piece(
	struct delivery_read *read, const struct store_ops *ops, struct store *store)
{
	const size_t limit = read->rows.count_max;
	int r = ops->each_change(store, read->zone, read->after, limit, keep_row, read);

	read->is_end = r == 0 && read->rows.count < limit;
	if (r < 0 || !read->may_fold || (read->is_end && !is_uncertain(read)))
		return r < 0 ? r : 0;
	r = delivery_fold_add_list(&read->fold, &read->rows);
	read->is_folding = r == 0 && !read->is_end;
	if (r && read->fold.sets) /* the others are read again */
		read->is_end = false;
	return r < 0 ? r : 0;
}

static int fold_row(const struct store_row *row, struct changeset *changes, void *arg)
{
	struct delivery_read *read = arg;
	const int r = delivery_fold_add(&read->fold, row->seq, changes);

	if (r > 0)
		read->blocked = row->seq;
	if (!r && read->seqs)
		read->seqs[(read->fold.sets - 1) % DELIVERY_SHRINK_SEQS] = row->seq;
	return r ? r : atomic_load(&read->read.job.is_given_up);
}

static int read_more(
	struct delivery_read *read, const struct store_ops *ops, struct store *store)
{
	const size_t before = read->fold.sets;
	const uint64_t after = before ? read->fold.seq : read->after;
	const int r =
		ops->each_change(store, read->zone, after, FOLD_STEP, fold_row, read);

	read->is_end = r == 0 && read->fold.sets - before < FOLD_STEP;
	read->is_folding = r == 0 && !read->is_end;
	return r < 0 ? r : 0;
}

int delivery_read_rows(
	struct reader_job *job, const struct store_ops *ops, struct store *store)
{
	struct delivery_read *read = (struct delivery_read *)(void *)job;
	const int r = read->fold.sets || read->seqs ? read_more(read, ops, store)
						    : read_piece(read, ops, store);
	size_t limit = read->batch_changes < FOLD_PART ? read->batch_changes : FOLD_PART;

	if (r || read->is_folding || !read->fold.sets)
		return r;
	if (read->seqs)
		limit = read->fold.merged->count / SHRINK_PARTS + 1;
	delivery_list_clear(&read->rows); /* those that it lacks are read again */
	return delivery_fold_cut(&read->fold, read->apex, limit, &read->rows);
}
