/*
 * What administrators read: rows of the journal by sender, content and time, the fate
 * of hosts, and what was set aside.
 *
 * Meant for a connection of its own, and for one call at a time: while a call runs,
 * SQLite's log cannot start again, so each looks at a bounded number of rows.
 */
#include "gateway/journal/store_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/journal/row_text.h"

enum {
	STORE_LOOK_MAX = 10000, /* rows that one store_each_row looks at: about 50 ms */
	/* Rows around the place where a transaction should be: as many as may overtake
	 * each other between receipt and evaluation. */
	STORE_DISORDER_MAX = 20000,
	STORE_HOSTS_MAX = 5000, /* hosts that one store_each_expired looks at */
	STORE_SCAN_MAX = 40000, /* rows that are searched at a time for one that is
	                         * missing */
};

static bool touches(const struct changeset *changes, const uint8_t *owner)
{
	for (uint32_t i = 0; changes && i < changes->count; i++)
		if (name_is_equal(changes->changes[i].owner, owner))
			return true;
	return false;
}

/* By everything except the changes. */
static bool is_wanted(const struct store_filter *filter, const struct store_row *row)
{
	if (filter->zone && row->zone != filter->zone)
		return false;
	if (filter->key && (!row->key || !name_is_equal(row->key, filter->key)))
		return false;
	return !filter->events_only || row->event;
}

static bool is_about(const struct store_row *row, const uint8_t *name)
{
	if (!name || (row->host && name_is_equal(row->host, name)))
		return true;
	return touches(row->changes, name) || row_request_names(row, name);
}

bool store_row_is_wanted(const struct store_filter *filter, const struct store_row *row)
{
	return is_wanted(filter, row) && is_about(row, filter->name);
}

/* *ret_found: visit was called. */
static int look_at(struct store_read_row *read, const struct store_filter *filter,
	bool *ret_found, int (*visit)(const struct store_row *row, void *arg), void *arg)
{
	struct store_row *row = &read->row;
	struct changeset *changes = NULL;
	int r = 0;

	*ret_found = false;
	if (!is_wanted(filter, row))
		return 0;
	if (filter->wants_changes || filter->name)
		r = store_read_changes(read, &changes);
	row->changes = changes;
	*ret_found = !r && is_about(row, filter->name);
	if (!filter->wants_changes)
		row->changes = NULL;
	if (*ret_found)
		r = visit(row, arg);
	changeset_unref(changes);
	return r;
}

int store_each_row(struct store *store, const struct store_filter *filter,
	uint64_t *ret_next, int (*visit)(const struct store_row *row, void *arg),
	void *arg)
{
	struct store_read_row read;
	struct store_rows rows;
	size_t looked = 0, found = 0;
	uint64_t at = 0;
	bool is_more = true;
	int r = 0;

	store_rows_begin(
		&rows, store, filter->after, filter->before, filter->is_newest_first);
	while (!r && looked < STORE_LOOK_MAX && found < filter->limit &&
		(is_more = store_rows_next(&rows, &read))) {
		bool is_found;

		at = read.row.seq;
		r = look_at(&read, filter, &is_found, visit, arg);
		looked++;
		found += is_found;
	}
	/* The last row leads to a call that finds none. */
	*ret_next = is_more ? at : 0;
	return store_rows_end(&rows, r);
}

/* ---- a transaction ---- */

/* The first row of a transaction with from <= seq < to.  *ret_seq 0: none. */
static int transaction_from(struct store *store, uint64_t from, uint64_t to,
	uint64_t *ret_seq, uint64_t *ret_transaction)
{
	struct store_read_row read = {.row.transaction = 0};
	struct store_rows rows;
	bool is_there;

	store_rows_begin(&rows, store, from - 1, to, false);
	do
		is_there = store_rows_next(&rows, &read);
	while (is_there && !read.row.transaction);
	*ret_seq = is_there ? read.row.seq : 0;
	*ret_transaction = is_there ? read.row.transaction : 0;
	return store_rows_end(&rows, 0);
}

static int transaction_between(struct store *store, uint64_t after, uint64_t before,
	uint64_t transaction, uint64_t *ret_seq)
{
	struct store_read_row read;
	struct store_rows rows;

	*ret_seq = 0;
	store_rows_begin(&rows, store, after, before, false);
	while (!*ret_seq && store_rows_next(&rows, &read)) {
		if (read.row.transaction == transaction)
			*ret_seq = read.row.seq;
	}
	return store_rows_end(&rows, 0);
}

/* Ids grow with the rows, approximately: this guesses the place of one.  end is after
 * the last row. */
static int guess_transaction(
	struct store *store, uint64_t end, uint64_t transaction, uint64_t *ret_guess)
{
	uint64_t low = 0, high = end;

	while (high - low > 1) {
		const uint64_t middle = low + (high - low) / 2;
		uint64_t seq, found;
		int r = transaction_from(store, middle, high, &seq, &found);

		if (r)
			return r;
		if (seq && found <= transaction)
			low = seq;
		else
			high = middle;
	}
	*ret_guess = low;
	return 0;
}

/* If ids grow with the rows, it is found at once. */
static int look_around(
	struct store *store, uint64_t last, uint64_t transaction, uint64_t *ret_seq)
{
	uint64_t guess = 0, after;
	int r = guess_transaction(store, last + 1, transaction, &guess);

	if (r)
		return r;
	after = guess > STORE_DISORDER_MAX ? guess - STORE_DISORDER_MAX : 0;
	return transaction_between(
		store, after, guess + STORE_DISORDER_MAX, transaction, ret_seq);
}

/* If the clock was set back between two runs, the ids are out of order, and all rows
 * are searched, a part at a time. */
int store_find_transaction(
	struct store *store, uint64_t transaction, uint64_t *at, uint64_t *ret_seq)
{
	const uint64_t from = *at, to = from + STORE_SCAN_MAX;
	uint64_t last = 0, other;
	int r = store_last_seq(store, &last);

	*at = 0;
	*ret_seq = 0;
	if (r)
		return r;
	r = from ? transaction_between(store, from - 1, to, transaction, ret_seq)
		 : look_around(store, last, transaction, ret_seq);
	if (r || *ret_seq)
		return r;
	/* There may be a wide gap before the next row. */
	return transaction_from(store, from ? to : 1, last + 1, at, &other);
}

/* ---- hosts ---- */

static int has_lease(
	struct store *store, int64_t zone, const uint8_t *owner, bool *ret_has)
{
	struct store_call call = store_call(store, SQL_HAS_LEASE);
	uint64_t one;
	int r;

	store_bind_number(&call, 1, zone);
	store_bind_name(&call, 2, owner);
	r = store_run_for_number(&call, &one);
	*ret_has = one != 0;
	return r;
}

static int visit_row(struct store *store, uint64_t seq,
	int (*visit)(const struct store_row *row, void *arg), void *arg)
{
	const struct store_filter filter = {
		.after = seq - 1, .before = seq + 1, .limit = 1};
	uint64_t next;

	return store_each_row(store, &filter, &next, visit, arg);
}

/* The latest event of a host, from the current row. */
static int visit_expired(struct store *store, struct store_call *call, int64_t zone,
	size_t *count, int (*visit)(const struct store_row *row, void *arg), void *arg)
{
	const uint8_t *host = store_column_name(call, 0);
	const uint64_t seq = store_column_number(call, 1);
	const char *event = store_column_text(call, 2);
	bool has = false;
	int r;

	if (!host || !event || strcmp(event, STORE_EVENT_EXPIRED) != 0)
		return 0;
	r = has_lease(store, zone, host, &has);
	if (r || has)
		return r;
	++*count;
	return visit_row(store, seq, visit, arg);
}

int store_each_expired(struct store *store, int64_t zone, struct store_host_cursor *at,
	size_t limit, int (*visit)(const struct store_row *row, void *arg), void *arg)
{
	struct store_call call = store_call(store, SQL_LAST_EVENTS);
	uint8_t after[NAME_MAX_LEN] = "";
	size_t count = 0, looked = 0;
	int r = 0;

	if (at->is_set)
		memcpy(after, at->host, name_len(at->host));
	store_bind_number(&call, 1, zone);
	store_bind_octets(&call, 2, after, at->is_set ? name_len(after) : 0);
	while (!r && count < limit && looked++ < STORE_HOSTS_MAX && store_step(&call)) {
		const uint8_t *host = store_column_name(&call, 0);

		if (host)
			memcpy(at->host, host, name_len(host));
		r = visit_expired(store, &call, zone, &count, visit, arg);
	}
	/* The last host leads to a call that finds none. */
	at->is_set = call.rc == SQLITE_ROW;
	return store_end(&call, r);
}

/* ---- set aside ---- */

int store_each_set_aside(struct store *store,
	int (*visit)(const struct store_set_aside *aside, void *arg), void *arg)
{
	struct store_call call = store_call(store, SQL_EACH_SET_ASIDE);
	int r = 0;

	while (!r && store_step(&call)) {
		const char *reason = store_column_text(&call, 5);
		struct store_set_aside aside = {
			.zone = (int64_t)store_column_number(&call, 0),
			.target = store_column_text(&call, 1),
			.seq = store_column_number(&call, 2),
			.at_ms = (int64_t)store_column_number(&call, 3),
			.why.rcode = (uint16_t)store_column_number(&call, 4),
			.why.ede = EDE_NONE,
		};

		if (!reason || !aside.target)
			continue; /* store_end tells */
		snprintf(aside.why.why, sizeof(aside.why.why), "%s", reason);
		r = visit(&aside, arg);
	}
	return store_end(&call, r);
}
