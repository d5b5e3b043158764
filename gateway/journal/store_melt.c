/*
 * Melting: a zone's changes between two rows become what they come to (struct
 * store_melting).
 *
 * Changes of a zone are found by its spans alone.  So a row outside of them has none for
 * targets, whatever stands in it; administrators still see it, until it is pruned.  Rows
 * with new changes are written alone, where they count instead of those in packs.
 */
#include "gateway/journal/store_private.h"

#include <errno.h>
#include <stdlib.h>

enum { MELT_GAP = 256 }; /* a span has no more numbers than that between two rows */

/* ---- spans ---- */

/* last 0: the statement does not have it. */
static int run_on_spans(struct store *store, enum store_statement which, int64_t zone,
	uint64_t first, uint64_t last)
{
	struct store_call call = store_call(store, which);

	store_bind_number(&call, 1, zone);
	store_bind_number(&call, 2, (int64_t)first);
	if (last)
		store_bind_number(&call, 3, (int64_t)last);
	return store_run(&call);
}

static int add_span(struct store *store, int64_t zone, const uint64_t *seqs, size_t count)
{
	struct store_call call = store_call(store, SQL_ADD_SPAN);

	store_bind_number(&call, 1, zone);
	store_bind_number(&call, 2, (int64_t)seqs[count - 1]);
	store_bind_number(&call, 3, (int64_t)seqs[0]);
	return store_run(&call);
}

static int add_spans(struct store *store, const struct store_melting *melting)
{
	const uint64_t *seqs = melting->seqs;
	size_t from = 0;
	int r = 0;

	for (size_t i = 1; !r && i <= melting->count; i++) {
		if (i < melting->count && seqs[i] - seqs[i - 1] <= MELT_GAP)
			continue;
		r = add_span(store, melting->zone, seqs + from, i - from);
		from = i;
	}
	return r;
}

/* ---- rows ---- */

static int set_changes(
	struct store *store, uint64_t seq, const uint8_t *octets, size_t len)
{
	struct store_call call = store_call(store, SQL_SET_CHANGES);

	store_bind_number(&call, 1, (int64_t)seq);
	store_bind_octets(&call, 2, octets, len);
	return store_run(&call);
}

static int put_part(struct store *store, const struct store_read_row *read,
	bool is_packed, const struct changeset *part)
{
	size_t len = 0;
	uint8_t *octets = changeset_encode(part, &len);
	int r;

	if (!octets)
		return -ENOMEM;
	r = is_packed ? store_append_alone(store, &read->row, octets, len)
		      : set_changes(store, read->row.seq, octets, len);
	free(octets);
	return r;
}

/* -EINVAL: they are not the zone's rows. */
static int put_parts(struct store *store, const struct store_melting *melting)
{
	struct store_read_row read;
	struct store_rows rows;
	size_t at = 0;
	int r = 0;

	if (!melting->count)
		return 0;
	store_rows_begin(&rows, store, melting->seqs[0] - 1, melting->last + 1, false);
	while (!r && at < melting->count && store_rows_next(&rows, &read)) {
		if (read.row.seq != melting->seqs[at])
			continue;
		r = read.row.zone == melting->zone && read.changes
			? put_part(store, &read, rows.is_packed, melting->parts[at])
			: -EINVAL;
		at++;
	}
	if (!r && at < melting->count)
		r = -EINVAL;
	return store_rows_end(&rows, r);
}

int store_melt(struct store *store, const struct store_melting *melting)
{
	const int64_t zone = melting->zone;
	const uint64_t first = melting->first, last = melting->last;
	int r = store_put_packs(store);

	if (!r)
		r = put_parts(store, melting);
	if (!r)
		r = run_on_spans(store, SQL_KEEP_SPAN_BEFORE, zone, first, 0);
	if (!r)
		r = run_on_spans(store, SQL_KEEP_SPAN_AFTER, zone, last, 0);
	if (!r)
		r = run_on_spans(store, SQL_DROP_SPANS, zone, first, last);
	return r ? r : add_spans(store, melting);
}
