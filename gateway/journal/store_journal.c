/*
 * The store's journal: rows in order, how far each target is in them, what targets
 * refused for good, and forgetting what is old.
 */
#include "gateway/journal/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tsig/key.h"

enum {
	STORE_MAC_LATE_S = KEYRING_FUDGE_MAX_S, /* how old a signature may be that comes,
						 * or how far ahead */
	STORE_SOURCE_LEN = 16 + 2 + 1,          /* address, port, transport */
};

/* ---- rows ---- */

/* Address, port and transport; of an event the address alone.  The length; 0: not
 * known. */
static size_t encode_source(
	const struct store_source *source, uint8_t ret[STORE_SOURCE_LEN])
{
	const size_t len = source->address.family == 4 ? 4 : 16;

	if (!source->address.family)
		return 0;
	memcpy(ret, source->address.octets, len);
	if (source->transport == STORE_NO_TRANSPORT)
		return len;
	ret[len] = (uint8_t)(source->port >> 8);
	ret[len + 1] = (uint8_t)source->port;
	ret[len + 2] = (uint8_t)source->transport;
	return len + 3;
}

static int append_encoded(struct store *store, const struct store_row *row,
	const uint8_t *changes, size_t changes_len)
{
	struct store_call call = store_call(store, SQL_APPEND);
	uint8_t source[STORE_SOURCE_LEN];
	const size_t source_len = encode_source(&row->source, source);

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

/* Those of one zone that follow each other are one.  0 or -ENOMEM. */
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

int store_put_spans(struct store *store)
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

int store_append(struct store *store, const struct store_row *row)
{
	uint8_t *octets = NULL;
	size_t len = 0;
	int r;

	if (row->changes) {
		octets = changeset_encode(row->changes, &len);
		if (!octets)
			return -ENOMEM;
	}
	r = append_encoded(store, row, octets, len);
	free(octets);
	if (!r && row->changes)
		r = note_span(store, row->zone, row->seq);
	/* Outside of a transaction it is one of its own. */
	return !r && sqlite3_get_autocommit(store->db) ? store_put_spans(store) : r;
}

int store_set_outcome(
	struct store *store, uint64_t seq, uint16_t rcode, const char *reason)
{
	struct store_call call = store_call(store, SQL_SET_OUTCOME);

	store_bind_number(&call, 1, (int64_t)seq);
	store_bind_number(&call, 2, rcode);
	store_bind_text(&call, 3, reason);
	return store_run(&call);
}

int store_last_seq(struct store *store, uint64_t *ret_seq)
{
	struct store_call call = store_call(store, SQL_LAST_SEQ);

	return store_run_for_number(&call, ret_seq);
}

static int visit_change(struct store_call *call,
	int (*visit)(uint64_t seq, struct changeset *changes, void *arg), void *arg)
{
	size_t len;
	const uint8_t *octets = store_column_octets(call, 1, &len);
	struct changeset *cs = octets ? changeset_decode(octets, len) : NULL;
	int r;

	if (!octets)
		return 0; /* store_end tells */
	if (!cs)
		return -errno;
	r = visit(store_column_number(call, 0), cs, arg);
	changeset_unref(cs);
	return r;
}

int store_each_change(struct store *store, int64_t zone, uint64_t after, size_t limit,
	int (*visit)(uint64_t seq, struct changeset *changes, void *arg), void *arg)
{
	struct store_call call = store_call(store, SQL_EACH_CHANGE);
	int r = 0;

	store_bind_number(&call, 1, zone);
	store_bind_number(&call, 2, (int64_t)after);
	store_bind_number(&call, 3, (int64_t)limit);
	while (!r && store_step(&call))
		r = visit_change(&call, visit, arg);
	return store_end(&call, r);
}

int store_count_changes(struct store *store, int64_t zone, uint64_t after, size_t limit,
	uint64_t *ret_count)
{
	struct store_call call = store_call(store, SQL_COUNT_CHANGES);

	store_bind_number(&call, 1, zone);
	store_bind_number(&call, 2, (int64_t)after);
	store_bind_number(&call, 3, (int64_t)limit);
	return store_run_for_number(&call, ret_count);
}

int store_each_mac(struct store *store, uint64_t since,
	void (*visit)(const uint8_t *key, const uint8_t *mac, uint64_t time_signed,
		uint16_t rcode, void *arg),
	void *arg)
{
	struct store_call call = store_call(store, SQL_EACH_MAC);
	/* It came no earlier than so long before the time that it was signed at. */
	const int64_t since_ms = ((int64_t)since - STORE_MAC_LATE_S) * 1000;

	while (store_step(&call) && (int64_t)store_column_number(&call, 4) >= since_ms) {
		const uint64_t time_signed = store_column_number(&call, 2);
		uint8_t buf[NAME_MAX_LEN];
		const uint8_t *key = store_column_key(&call, 0, buf);
		size_t mac_len;
		const uint8_t *mac = store_column_octets(&call, 1, &mac_len);

		if (key && mac && mac_len == STORE_MAC_LEN && time_signed >= since)
			visit(key, mac, time_signed,
				(uint16_t)store_column_number(&call, 3), arg);
	}
	return store_end(&call, 0);
}

/* ---- targets ---- */

int store_get_cursor(
	struct store *store, int64_t zone, const char *target, uint64_t *ret_seq)
{
	struct store_call call = store_call(store, SQL_GET_CURSOR);

	store_bind_number(&call, 1, zone);
	store_bind_text(&call, 2, target);
	return store_run_for_number(&call, ret_seq);
}

int store_put_cursor(struct store *store, int64_t zone, const char *target, uint64_t seq)
{
	struct store_call call = store_call(store, SQL_PUT_CURSOR);

	store_bind_number(&call, 1, zone);
	store_bind_text(&call, 2, target);
	store_bind_number(&call, 3, (int64_t)seq);
	return store_run(&call);
}

int store_forget_cursor(struct store *store, int64_t zone, const char *target)
{
	struct store_call call = store_call(store, SQL_FORGET_CURSOR);

	store_bind_number(&call, 1, zone);
	store_bind_text(&call, 2, target);
	return store_run(&call);
}

int store_each_cursor(struct store *store, int64_t zone,
	void (*visit)(const char *target, void *arg), void *arg)
{
	struct store_call call = store_call(store, SQL_EACH_CURSOR);

	store_bind_number(&call, 1, zone);
	while (store_step(&call)) {
		const char *target = store_column_text(&call, 0);

		if (target)
			visit(target, arg);
	}
	return store_end(&call, 0);
}

int store_set_aside(struct store *store, int64_t zone, const char *target, uint64_t seq,
	int64_t at_ms, const struct verdict *why)
{
	struct store_call call = store_call(store, SQL_SET_ASIDE);

	store_bind_number(&call, 1, zone);
	store_bind_text(&call, 2, target);
	store_bind_number(&call, 3, (int64_t)seq);
	store_bind_number(&call, 4, at_ms);
	store_bind_number(&call, 5, why->rcode);
	store_bind_text(&call, 6, why->why);
	return store_run(&call);
}

/* ---- forgetting ---- */

/* The seq of the row limit rows behind from; the largest there can be if there are fewer.
 */
static int find_end(struct store *store, uint64_t from, size_t limit, uint64_t *ret_end)
{
	struct store_call call = store_call(store, SQL_PRUNE_END);
	int r;

	store_bind_number(&call, 1, (int64_t)from);
	store_bind_number(&call, 2, (int64_t)limit - 1);
	r = store_run_for_number(&call, ret_end);
	if (!r && *ret_end == 0)
		*ret_end = INT64_MAX;
	return r;
}

/* Rows are in the order of time, but for steps of the clock, which only delays it. */
static int is_next_old(
	struct store *store, uint64_t from, int64_t before_ms, bool *ret_is)
{
	struct store_call call = store_call(store, SQL_PRUNE_NEXT);
	uint64_t at_ms;
	int r;

	store_bind_number(&call, 1, (int64_t)from);
	r = store_run_for_number(&call, &at_ms);
	*ret_is = !r && at_ms && (int64_t)at_ms < before_ms;
	return r;
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

static int prune_with(struct store *store, enum store_statement which, int64_t before_ms,
	uint64_t from, uint64_t end)
{
	struct store_call call = store_call(store, which);

	store_bind_number(&call, 1, before_ms);
	store_bind_number(&call, 2, (int64_t)from);
	store_bind_number(&call, 3, (int64_t)end);
	return store_run(&call);
}

int store_prune(struct store *store, int64_t before_ms, uint64_t from, size_t limit,
	uint64_t *ret_next)
{
	uint64_t end = 0;
	bool is_old = false;
	int r = find_end(store, from, limit, &end);

	if (r)
		return r;
	r = prune_with(store, SQL_PRUNE_SPANS, before_ms, from, end);
	if (!r)
		r = prune_with(store, SQL_PRUNE, before_ms, from, end);
	if (!r)
		r = is_next_old(store, end, before_ms, &is_old);
	*ret_next = is_old ? end : 0;
	return r;
}
