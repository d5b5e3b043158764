/*
 * Removes what is old: single rows by SQL, rows of packs one by one.
 */
#include "gateway/journal/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"

enum { STORE_PRUNE_PACKS = 32 }; /* looked at by one call: about 2 MB */

/* What one call looks at. */
struct pruning {
	struct store *store;
	int64_t before_ms;
	uint64_t from, end; /* from < seq <= end */
	uint64_t newest;    /* the row that stays */
	int64_t zone;       /* the zone that first is for; 0: none */
	uint64_t first;     /* the lowest of its cursors; UINT64_MAX: it has none */
	/* A span of that zone, and no other ends between known and it. */
	uint64_t known, span_first, span_last;
	uint64_t asides; /* rows set aside among those looked at */
};

static int find_number(struct store *store, enum store_statement which, uint64_t from,
	size_t offset, uint64_t *ret)
{
	struct store_call call = store_call(store, which);
	int r;

	store_bind_number(&call, 1, (int64_t)from);
	store_bind_number(&call, 2, (int64_t)offset);
	r = store_run_for_number(&call, ret);
	if (!r && *ret == 0)
		*ret = INT64_MAX;
	return r;
}

/* Where the first limit rows, or STORE_PRUNE_PACKS packs, end; the largest possible
 * number if there are fewer. */
static int find_end(struct store *store, uint64_t from, size_t limit, uint64_t *ret_end)
{
	uint64_t packs = 0;
	int r = find_number(store, SQL_PRUNE_END, from, limit - 1, ret_end);

	if (!r)
		r = find_number(
			store, SQL_PRUNE_PACKS_END, from, STORE_PRUNE_PACKS - 1, &packs);
	if (!r && packs < *ret_end)
		*ret_end = packs;
	return r;
}

/* Rows are in the order of time, except for steps of the clock, which only delay
 * pruning. */
static int is_next_old(
	struct store *store, uint64_t from, int64_t before_ms, bool *ret_is)
{
	struct store_read_row read;
	struct store_rows rows;

	store_rows_begin(&rows, store, from, 0, false);
	*ret_is = from < INT64_MAX && store_rows_next(&rows, &read) &&
		read.row.at_ms < before_ms;
	return store_rows_end(&rows, 0);
}

int store_used(struct store *store, uint64_t *ret_octets)
{
	struct store_call call = store_call(store, SQL_USED);
	uint64_t octets = 0;
	int r;

	if (store_step(&call))
		octets = store_column_number(&call, 0);
	r = store_end(&call, 0);
	if (!r)
		*ret_octets = octets;
	return r;
}

/* ---- rows that stand alone ---- */

static int prune_with(const struct pruning *p, enum store_statement which)
{
	struct store_call call = store_call(p->store, which);

	store_bind_number(&call, 1, p->before_ms);
	store_bind_number(&call, 2, (int64_t)p->from);
	store_bind_number(&call, 3, (int64_t)p->end);
	store_bind_number(&call, 4, (int64_t)p->newest);
	return store_run(&call);
}

/* ---- packs ---- */

static int find_first_cursor(struct pruning *p, int64_t zone)
{
	struct store_call call;

	if (zone == p->zone)
		return 0;
	call = store_call(p->store, SQL_FIRST_CURSOR);
	store_bind_number(&call, 1, zone);
	p->zone = zone;
	p->first = UINT64_MAX;
	p->known = p->span_last = 0;
	if (store_step(&call) && sqlite3_column_type(call.stmt, 0) != SQLITE_NULL)
		p->first = store_column_number(&call, 0);
	return store_end(&call, 0);
}

/* Is the row of p->zone in no span, since its changes have melted? */
static int has_melted(struct pruning *p, uint64_t seq, bool *ret_has)
{
	struct store_call call;
	int r = 0;

	if (seq < p->known || seq > p->span_last) {
		call = store_call(p->store, SQL_FIND_SPAN);
		store_bind_number(&call, 1, p->zone);
		store_bind_number(&call, 2, (int64_t)seq);
		p->known = seq;
		p->span_first = p->span_last = UINT64_MAX;
		if (store_step(&call)) {
			p->span_first = store_column_number(&call, 0);
			p->span_last = store_column_number(&call, 1);
		}
		r = store_end(&call, 0);
	}
	*ret_has = seq < p->span_first;
	return r;
}

static int look_for_asides(struct pruning *p)
{
	struct store_call call = store_call(p->store, SQL_COUNT_ASIDES);

	store_bind_number(&call, 1, (int64_t)p->from);
	store_bind_number(&call, 2, (int64_t)p->end);
	return store_run_for_number(&call, &p->asides);
}

static int is_aside(const struct pruning *p, const struct store_row *row, bool *ret_is)
{
	struct store_call call = store_call(p->store, SQL_IS_ASIDE);
	uint64_t count = 0;
	int r;

	store_bind_number(&call, 1, row->zone);
	store_bind_number(&call, 2, (int64_t)row->seq);
	r = store_run_for_number(&call, &count);
	*ret_is = count > 0;
	return r;
}

/* Like CAN_GO.  *ret_can, and 0 or -errno. */
static int can_go(struct pruning *p, const struct store_read_row *read, bool *ret_can)
{
	const struct store_row *row = &read->row;
	bool is_kept = false;
	int r;

	*ret_can = row->at_ms < p->before_ms && row->seq < p->newest;
	if (!*ret_can || !read->changes)
		return 0;
	r = find_first_cursor(p, row->zone);
	*ret_can = !r && row->seq <= p->first;
	if (!r && !*ret_can)
		r = has_melted(p, row->seq, ret_can);
	if (!r && *ret_can && p->asides)
		r = is_aside(p, row, &is_kept);
	*ret_can = *ret_can && !is_kept;
	return r;
}

/* When its last row is gone, a span has nothing left that is waited for. */
static int drop_span(struct store *store, const struct store_row *row)
{
	struct store_call call = store_call(store, SQL_DROP_SPAN);

	store_bind_number(&call, 1, row->zone);
	store_bind_number(&call, 2, (int64_t)row->seq);
	return store_run(&call);
}

/* Moves the remaining rows together; *len becomes their octets. */
static int sift(struct pruning *p, uint8_t *octets, size_t *len)
{
	struct store_read_row read;
	size_t kept = 0, row_len;
	bool can = false;
	int r;

	for (size_t at = 0; at < *len; at += row_len) {
		row_len = store_packed_len(octets + at, *len - at);
		if (!row_len || !store_unpack(octets + at, row_len, &read))
			return -EIO;
		r = can_go(p, &read, &can);
		if (!r && can && read.changes)
			r = drop_span(p->store, &read.row);
		if (r)
			return r;
		if (can)
			continue;
		memmove(octets + kept, octets + at, row_len);
		kept += row_len;
	}
	*len = kept;
	return 0;
}

/* Copies the first pack after a number, up to the end; *ret_last 0: there is none. */
static int copy_pack(const struct pruning *p, uint64_t after, uint64_t *ret_last,
	uint8_t **ret_octets, size_t *ret_len)
{
	struct store_call call = store_call(p->store, SQL_PACKS_UP);
	const uint8_t *octets;
	int r = 0;

	*ret_last = 0;
	store_bind_number(&call, 1, (int64_t)after);
	store_bind_number(&call, 2, INT64_MAX);
	if (!store_step(&call) || store_column_number(&call, 0) > p->end)
		return store_end(&call, 0);
	octets = store_column_octets(&call, 1, ret_len);
	*ret_octets = malloc(*ret_len + 1);
	if (!*ret_octets)
		r = -ENOMEM;
	if (octets && !r) {
		memcpy(*ret_octets, octets, *ret_len);
		*ret_last = store_column_number(&call, 0);
	} else {
		free(*ret_octets);
	}
	return store_end(&call, r);
}

static int prune_pack(struct pruning *p, uint64_t last, uint8_t *octets, size_t len)
{
	size_t kept = len;
	int r = sift(p, octets, &kept);

	return r || kept == len ? r : store_replace_pack(p->store, last, octets, kept);
}

static int prune_packs(struct pruning *p)
{
	uint64_t last = p->from;
	uint8_t *octets;
	size_t len;
	int r;

	for (;;) {
		r = copy_pack(p, last, &last, &octets, &len);
		if (r || !last)
			return r;
		r = prune_pack(p, last, octets, len);
		free(octets);
		if (r)
			return r;
	}
}

static int prune_marks(struct store *store, int64_t before_ms)
{
	struct store_call call = store_call(store, SQL_PRUNE_MARKS);

	store_bind_number(&call, 1, before_ms);
	return store_run(&call);
}

/* More than anybody looks through. */
static int cut_asides(struct store *store)
{
	struct store_call call = store_call(store, SQL_CUT_ASIDES);
	const int before = sqlite3_total_changes(store->db);
	int r, count;

	store_bind_number(&call, 1, STORE_ASIDES_MAX);
	r = store_run(&call);
	count = sqlite3_total_changes(store->db) - before;
	if (!r && count)
		log_warning("the oldest %d of more than %d changes that targets refused "
			    "are forgotten: see musterctl queue",
			count, STORE_ASIDES_MAX);
	return r;
}

int store_prune(struct store *store, int64_t before_ms, uint64_t from, size_t limit,
	uint64_t *ret_next)
{
	struct store_call newest = store_call(store, SQL_LAST_ROW);
	struct pruning p = {.store = store, .before_ms = before_ms, .from = from};
	bool is_old = false;
	int r = store_run_for_number(&newest, &p.newest);

	if (!r)
		r = find_end(store, from, limit, &p.end);
	if (!r)
		r = cut_asides(store);
	if (!r)
		r = look_for_asides(&p);
	if (!r)
		r = prune_packs(&p);
	if (!r)
		r = prune_with(&p, SQL_PRUNE_SPANS);
	if (!r)
		r = prune_with(&p, SQL_PRUNE);
	if (!r)
		r = is_next_old(store, p.end, before_ms, &is_old);
	if (!r && !is_old)
		r = prune_marks(store, before_ms);
	if (!r)
		*ret_next = is_old ? p.end : 0;
	return r;
}
