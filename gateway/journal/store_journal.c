/*
 * The store's journal: rows in order, each target's cursor, and what targets refused
 * for good.
 */
#include "gateway/journal/store_private.h"

#include <errno.h>
#include <stdlib.h>

#include "tsig/key.h"

enum {
	STORE_MAC_LATE_S = KEYRING_FUDGE_MAX_S, /* how old a signature may be on
	                                         * arrival, or how far in the future */
};

/* ---- rows ---- */

int store_append_alone(struct store *store, const struct store_row *row,
	const uint8_t *changes, size_t changes_len)
{
	struct store_call call = store_call(store, SQL_APPEND);
	uint8_t source[STORE_SOURCE_LEN];
	const size_t source_len = store_encode_source(&row->source, source);

	store_bind_number(&call, 1, (int64_t)row->seq);
	store_bind_number(&call, 2, row->zone);
	store_bind_number(&call, 3, row->at_ms);
	store_bind_number(&call, 4, (int64_t)row->transaction);
	store_bind_name(&call, 5, row->key);
	store_bind_octets(&call, 6, source_len ? source : NULL, source_len);
	store_bind_number(&call, 7, row->rcode);
	store_bind_text(&call, 8, row->reason);
	store_bind_octets(&call, 9, row->request, row->request_len);
	store_bind_octets(&call, 10, changes, changes_len);
	if (row->mac) {
		store_bind_octets(&call, 11, row->mac, STORE_MAC_LEN);
		store_bind_number(&call, 12, (int64_t)row->time_signed);
	}
	if (row->event && row->seen_s) /* rows of events have no signature */
		store_bind_number(&call, 12, row->seen_s);
	store_bind_text(&call, 13, row->event);
	store_bind_name(&call, 14, row->host);
	return store_run(&call);
}

/* ---- spans ---- */

/* Adjacent ones of one zone become one.  0 or -ENOMEM. */
static int note_span(struct store *store, int64_t zone, uint64_t seq)
{
	struct store_span *span = store->spans + store->span_count;

	if (store->span_count && span[-1].zone == zone) {
		span[-1].last = seq;
		return 0;
	}
	if (store->span_count == store->span_room) {
		const size_t room = 2 * store->span_room + 16;

		span = reallocarray(store->spans, room, sizeof(*span));
		if (!span)
			return -ENOMEM;
		store->spans = span;
		store->span_room = room;
	}
	store->spans[store->span_count++] = (struct store_span){zone, seq, seq};
	return 0;
}

static int compare_spans(const void *a, const void *b)
{
	const struct store_span *x = a, *y = b;

	if (x->zone != y->zone)
		return x->zone < y->zone ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static int put_span(struct store *store, const struct store_span *span)
{
	struct store_call call = store_call(store, SQL_ADD_SPAN);

	store_bind_number(&call, 1, span->zone);
	store_bind_number(&call, 2, (int64_t)span->last);
	store_bind_number(&call, 3, (int64_t)span->first);
	return store_run(&call);
}

static int put_spans(struct store *store)
{
	struct store_span *spans = store->spans;
	const size_t count = store->span_count;
	int r = 0;

	if (count > 1)
		qsort(spans, count, sizeof(*spans), compare_spans);
	for (size_t i = 0, end; !r && i < count; i = end) {
		struct store_span whole = spans[i];

		for (end = i + 1; end < count && spans[end].zone == whole.zone; end++)
			whole.last = spans[end].last;
		r = put_span(store, &whole);
	}
	store->span_count = 0;
	return r;
}

/* ---- a row ---- */

static int append_alone(struct store *store, const struct store_row *row)
{
	uint8_t *octets = NULL;
	size_t len = 0;
	int r;

	if (row->changes) {
		octets = changeset_encode(row->changes, &len);
		if (!octets)
			return -ENOMEM;
	}
	r = store_append_alone(store, row, octets, len);
	free(octets);
	return r;
}

/* Events have an index; outside a transaction nothing is gathered. */
static bool is_packed(const struct store *store, const struct store_row *row)
{
	return !row->event && !row->host && !sqlite3_get_autocommit(store->db);
}

int store_append(struct store *store, const struct store_row *row)
{
	int r = is_packed(store, row) ? store_pack(store, row) : append_alone(store, row);

	if (!r && row->changes)
		r = note_span(store, row->zone, row->seq);
	/* Outside a transaction it is a transaction of its own. */
	return !r && sqlite3_get_autocommit(store->db) ? put_spans(store) : r;
}

int store_finish_append(struct store *store)
{
	int r = store_put_packs(store);

	return r ? r : put_spans(store);
}

static int update_outcome(
	struct store *store, uint64_t seq, uint16_t rcode, const char *reason)
{
	struct store_call call = store_call(store, SQL_SET_OUTCOME);

	store_bind_number(&call, 1, (int64_t)seq);
	store_bind_number(&call, 2, rcode);
	store_bind_text(&call, 3, reason);
	return store_run(&call);
}

/* A packed row is stored alone from now on. */
int store_set_outcome(
	struct store *store, uint64_t seq, uint16_t rcode, const char *reason)
{
	struct store_read_row read;
	struct store_rows rows;
	int r = store_put_packs(store);

	if (r)
		return r;
	store_rows_begin(&rows, store, seq - 1, seq + 1, false);
	if (!store_rows_next(&rows, &read) || !rows.is_packed) {
		r = store_rows_end(&rows, 0);
		return r ? r : update_outcome(store, seq, rcode, reason);
	}
	read.row.rcode = rcode;
	read.row.reason = reason;
	r = store_append_alone(store, &read.row, read.changes, read.changes_len);
	return store_rows_end(&rows, r);
}

int store_last_seq(struct store *store, uint64_t *ret_seq)
{
	struct store_call call = store_call(store, SQL_LAST_SEQ);

	return store_run_for_number(&call, ret_seq);
}

/* ---- changes ---- */

/* Visits the changes of a zone, and counts how many more to visit. */
struct looking {
	struct store *store;
	int64_t zone;
	uint64_t after;
	size_t left;
	int (*look)(const struct store_read_row *read, struct looking *looking);
	int (*visit)(const struct store_row *row, struct changeset *changes, void *arg);
	void *arg;
};

static int look_in_span(struct looking *looking, uint64_t first, uint64_t last)
{
	const uint64_t after = first > looking->after ? first - 1 : looking->after;
	struct store_read_row read;
	struct store_rows rows;
	int r = 0;

	store_rows_begin(&rows, looking->store, after, last + 1, false);
	while (!r && looking->left && store_rows_next(&rows, &read)) {
		if (read.row.zone != looking->zone || !read.changes)
			continue;
		looking->left--;
		r = looking->look(&read, looking);
	}
	return store_rows_end(&rows, r);
}

static int look_at_changes(struct looking *looking)
{
	struct store_call call = store_call(looking->store, SQL_EACH_SPAN);
	int r = 0;

	store_bind_number(&call, 1, looking->zone);
	store_bind_number(&call, 2, (int64_t)looking->after);
	while (!r && looking->left && store_step(&call))
		r = look_in_span(looking, store_column_number(&call, 0),
			store_column_number(&call, 1));
	return store_end(&call, r);
}

static int visit_change(const struct store_read_row *read, struct looking *looking)
{
	struct changeset *changes;
	int r = store_read_changes(read, &changes);

	if (!r)
		r = looking->visit(&read->row, changes, looking->arg);
	changeset_unref(changes);
	return r;
}

int store_each_change(struct store *store, int64_t zone, uint64_t after, size_t limit,
	int (*visit)(const struct store_row *row, struct changeset *changes, void *arg),
	void *arg)
{
	return look_at_changes(&(struct looking){.store = store,
		.zone = zone,
		.after = after,
		.left = limit,
		.look = visit_change,
		.visit = visit,
		.arg = arg});
}

static int pass_change(const struct store_read_row *read, struct looking *looking)
{
	(void)read;
	(void)looking;
	return 0;
}

int store_count_changes(struct store *store, int64_t zone, uint64_t after, size_t limit,
	uint64_t *ret_count)
{
	struct looking looking = {.store = store,
		.zone = zone,
		.after = after,
		.left = limit,
		.look = pass_change};
	int r = look_at_changes(&looking);

	if (!r)
		*ret_count = limit - looking.left;
	return r;
}

int store_each_mac(struct store *store, uint64_t since,
	void (*visit)(const uint8_t *key, const uint8_t *mac, uint64_t time_signed,
		uint16_t rcode, void *arg),
	void *arg)
{
	/* It arrived at most this long before the time at which it was signed. */
	const int64_t since_ms = ((int64_t)since - STORE_MAC_LATE_S) * 1000;
	struct store_read_row read;
	struct store_rows rows;

	store_rows_begin(&rows, store, 0, 0, true);
	while (store_rows_next(&rows, &read) && read.row.at_ms >= since_ms) {
		const struct store_row *row = &read.row;

		if (row->key && row->mac && row->time_signed >= since)
			visit(row->key, row->mac, row->time_signed, row->rcode, arg);
	}
	return store_rows_end(&rows, 0);
}

/* ---- targets ---- */

/* A statement whose first two parameters say which target of which zone. */
static struct store_call call_of_target(
	struct store *store, enum store_statement which, int64_t zone, const char *target)
{
	struct store_call call = store_call(store, which);

	store_bind_number(&call, 1, zone);
	store_bind_text(&call, 2, target);
	return call;
}

int store_put_cursor(struct store *store, int64_t zone, const char *target, uint64_t seq)
{
	struct store_call call = call_of_target(store, SQL_PUT_CURSOR, zone, target);

	store_bind_number(&call, 3, (int64_t)seq);
	return store_run(&call);
}

static int forget_marks(struct store *store, int64_t zone, const char *target)
{
	struct store_call call = call_of_target(store, SQL_FORGET_MARKS, zone, target);

	return store_run(&call);
}

int store_forget_cursor(struct store *store, int64_t zone, const char *target)
{
	struct store_call call = call_of_target(store, SQL_FORGET_CURSOR, zone, target);
	int r;

	r = store_run(&call);
	return r ? r : forget_marks(store, zone, target);
}

int store_each_cursor(struct store *store, int64_t zone,
	int (*visit)(const char *target, uint64_t seq, void *arg), void *arg)
{
	struct store_call call = store_call(store, SQL_EACH_CURSOR);
	int r = 0;

	store_bind_number(&call, 1, zone);
	while (!r && store_step(&call)) {
		const char *target = store_column_text(&call, 0);

		if (target)
			r = visit(target, store_column_number(&call, 1), arg);
	}
	return store_end(&call, r);
}

int store_put_reach(struct store *store, int64_t zone, const char *target, uint64_t seq)
{
	struct store_call call = call_of_target(store, SQL_PUT_REACH, zone, target);

	if (seq != UINT64_MAX)
		store_bind_number(&call, 3, (int64_t)seq);
	return store_run(&call);
}

int store_find_reach(
	struct store *store, int64_t zone, const char *target, uint64_t *ret_seq)
{
	struct store_call call = call_of_target(store, SQL_FIND_REACH, zone, target);
	uint64_t seq = UINT64_MAX;
	int r;

	if (store_step(&call))
		seq = store_column_number(&call, 0);
	r = store_end(&call, 0);
	if (!r)
		*ret_seq = seq;
	return r;
}

static int add_mark(struct store *store, int64_t zone, const char *target, uint64_t seq,
	const struct store_belief *belief)
{
	struct store_call call = call_of_target(store, SQL_ADD_MARK, zone, target);

	store_bind_number(&call, 3, (int64_t)seq);
	store_bind_number(&call, 4, belief->serial);
	store_bind_number(&call, 5, belief->at_ms);
	return store_run(&call);
}

int store_put_belief(struct store *store, int64_t zone, const char *target, uint64_t seq,
	const struct store_belief *belief)
{
	struct store_call call = call_of_target(store, SQL_PUT_BELIEF, zone, target);
	int r;

	store_bind_number(&call, 3, belief->serial);
	store_bind_number(&call, 4, (int64_t)belief->records);
	r = store_run(&call);
	return r || !belief->is_mark ? r : add_mark(store, zone, target, seq, belief);
}

int store_find_belief(struct store *store, int64_t zone, const char *target,
	struct store_belief *ret_belief)
{
	struct store_call call = call_of_target(store, SQL_FIND_BELIEF, zone, target);
	struct store_belief belief = {0};
	int r;

	if (store_step(&call)) {
		belief.is_known = true;
		belief.serial = (uint32_t)store_column_number(&call, 0);
		belief.records = store_column_number(&call, 1);
	}
	r = store_end(&call, 0);
	if (!r)
		*ret_belief = belief;
	return r;
}

int store_find_mark(struct store *store, int64_t zone, const char *target,
	uint32_t serial, uint64_t *ret_seq)
{
	struct store_call call = call_of_target(store, SQL_EACH_MARK, zone, target);
	uint64_t seq = 0;
	int r;

	while (!seq && store_step(&call)) {
		if (!serial_is_newer((uint32_t)store_column_number(&call, 1), serial))
			seq = store_column_number(&call, 0);
	}
	r = store_end(&call, 0);
	if (!r)
		*ret_seq = seq;
	return r;
}

int store_drop_aside(struct store *store, int64_t zone, const char *target, uint64_t seq)
{
	struct store_call call = call_of_target(store, SQL_DROP_ASIDE, zone, target);

	store_bind_number(&call, 3, (int64_t)seq);
	return store_run(&call);
}

int store_set_aside(struct store *store, int64_t zone, const char *target, uint64_t seq,
	int64_t at_ms, const struct verdict *why)
{
	struct store_call call = call_of_target(store, SQL_SET_ASIDE, zone, target);

	store_bind_number(&call, 3, (int64_t)seq);
	store_bind_number(&call, 4, at_ms);
	store_bind_number(&call, 5, why->rcode);
	store_bind_text(&call, 6, why->why);
	return store_run(&call);
}
