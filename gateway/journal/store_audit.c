/*
 * What administrators read: rows of the journal by who, what and when, what became of
 * hosts, what was set aside.
 *
 * Meant for a connection of its own, and for calls one after the other: while one runs,
 * SQLite's log can not begin anew.  So each looks at a bounded number of rows.
 */
#include "gateway/journal/store_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/journal/row_text.h"

enum {
	STORE_LOOK_MAX = 10000, /* rows that one store_each_row looks at: some 50 ms */
	/* Rows around the place where a transaction should be: as many as may overtake
	 * each other between receipt and evaluation. */
	STORE_DISORDER_MAX = 20000,
	STORE_HOSTS_MAX = 5000, /* hosts that one store_each_expired looks at */
	STORE_SCAN_MAX = 40000, /* rows that are looked through at a time for one that
				 * is not there */
};

/* Of ROW_COLUMNS. */
enum {
	COLUMN_SEQ,
	COLUMN_ZONE,
	COLUMN_AT_MS,
	COLUMN_TRANSACTION,
	COLUMN_KEY,
	COLUMN_SOURCE,
	COLUMN_RCODE,
	COLUMN_REASON,
	COLUMN_REQUEST,
	COLUMN_EVENT,
	COLUMN_HOST,
	COLUMN_CHANGES,
	COLUMN_TIME_SIGNED, /* of an event: store_row.seen_s */
};

/* ---- one row ---- */

/* A row, and what it may point to. */
struct read_row {
	struct store_row row;
	uint8_t key[NAME_MAX_LEN];
};

/* As it was before version 3: "192.0.2.1#5353/udp", of an event "192.0.2.1". */
static struct store_source source_from_text(const char *text)
{
	struct store_source source = {.transport = STORE_NO_TRANSPORT};
	const char *port = strchr(text, '#'), *transport = strchr(text, '/');
	const int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	char host[INET6_ADDRSTRLEN];

	snprintf(host, sizeof(host), "%.*s", (int)strcspn(text, "#"), text);
	if (inet_pton(family, host, source.address.octets) != 1)
		return source;
	source.address.family = family == AF_INET ? 4 : 6;
	if (port && transport) {
		source.port = (uint16_t)strtoul(port + 1, NULL, 10);
		source.transport = strcmp(transport, "/tcp") ? STORE_UDP : STORE_TCP;
	}
	return source;
}

/* What store_append has written. */
static struct store_source source_from_octets(const uint8_t *octets, size_t len)
{
	struct store_source source = {.transport = STORE_NO_TRANSPORT};
	const size_t address_len = len < 16 ? 4 : 16;

	if (len < address_len)
		return source;
	source.address.family = address_len == 4 ? 4 : 6;
	memcpy(source.address.octets, octets, address_len);
	if (len == address_len + 3) {
		source.port = (uint16_t)(octets[len - 3] << 8 | octets[len - 2]);
		source.transport = octets[len - 1];
	}
	return source;
}

static struct store_source column_source(struct store_call *call)
{
	const bool is_text =
		sqlite3_column_type(call->stmt, COLUMN_SOURCE) == SQLITE_TEXT;
	const char *text = is_text ? store_column_text(call, COLUMN_SOURCE) : NULL;
	const uint8_t *octets = NULL;
	size_t len = 0;

	if (!is_text)
		octets = store_column_octets(call, COLUMN_SOURCE, &len);
	return is_text && text ? source_from_text(text) : source_from_octets(octets, len);
}

static void column_request(struct store_call *call, struct store_row *row)
{
	if (sqlite3_column_type(call->stmt, COLUMN_REQUEST) == SQLITE_TEXT)
		row->request_text = store_column_text(call, COLUMN_REQUEST);
	else
		row->request =
			store_column_octets(call, COLUMN_REQUEST, &row->request_len);
}

/* All but the changes. */
static void column_row(struct store_call *call, struct read_row *ret)
{
	struct store_row *row = &ret->row;

	*row = (struct store_row){
		.seq = store_column_number(call, COLUMN_SEQ),
		.zone = (int64_t)store_column_number(call, COLUMN_ZONE),
		.at_ms = (int64_t)store_column_number(call, COLUMN_AT_MS),
		.transaction = store_column_number(call, COLUMN_TRANSACTION),
		.key = store_column_key(call, COLUMN_KEY, ret->key),
		.source = column_source(call),
		.rcode = (uint16_t)store_column_number(call, COLUMN_RCODE),
		.reason = store_column_text(call, COLUMN_REASON),
		.event = store_column_text(call, COLUMN_EVENT),
		.host = store_column_name(call, COLUMN_HOST),
	};

	column_request(call, row);
	if (row->event)
		row->seen_s = (int64_t)store_column_number(call, COLUMN_TIME_SIGNED);
}

static int column_changes(struct store_call *call, struct changeset **ret_changes)
{
	size_t len;
	const uint8_t *octets = store_column_octets(call, COLUMN_CHANGES, &len);

	*ret_changes = NULL;
	if (!octets)
		return 0; /* there are none, or store_end tells */
	*ret_changes = changeset_decode(octets, len);
	return *ret_changes ? 0 : -errno;
}

static bool touches(const struct changeset *changes, const uint8_t *owner)
{
	for (uint32_t i = 0; changes && i < changes->count; i++)
		if (name_is_equal(changes->changes[i].owner, owner))
			return true;
	return false;
}

/* By all that can be told without the changes. */
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
static int look_at(struct store_call *call, const struct store_filter *filter,
	bool *ret_found, int (*visit)(const struct store_row *row, void *arg), void *arg)
{
	struct read_row read;
	struct store_row *row = &read.row;
	struct changeset *changes = NULL;
	int r = 0;

	*ret_found = false;
	column_row(call, &read);
	if (!is_wanted(filter, row))
		return 0;
	if (filter->wants_changes || filter->name)
		r = column_changes(call, &changes);
	row->changes = changes;
	*ret_found = !r && call->rc == SQLITE_ROW && is_about(row, filter->name);
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
	struct store_call call =
		store_call(store, filter->is_newest_first ? SQL_ROWS_DOWN : SQL_ROWS_UP);
	size_t looked = 0, found = 0;
	uint64_t at = 0;
	int r = 0;

	store_bind_number(&call, 1, (int64_t)filter->after);
	store_bind_number(&call, 2, filter->before ? (int64_t)filter->before : INT64_MAX);
	while (!r && looked < STORE_LOOK_MAX && found < filter->limit &&
		store_step(&call)) {
		bool is_found;

		at = store_column_number(&call, COLUMN_SEQ);
		r = look_at(&call, filter, &is_found, visit, arg);
		looked++;
		found += is_found;
	}
	/* The last row that there is leads to a call that finds none. */
	*ret_next = call.rc == SQLITE_ROW ? at : 0;
	return store_end(&call, r);
}

/* ---- a transaction ---- */

/* The first row of a transaction with from <= seq < to.  *ret_seq 0: none. */
static int transaction_from(struct store *store, uint64_t from, uint64_t to,
	uint64_t *ret_seq, uint64_t *ret_transaction)
{
	struct store_call call = store_call(store, SQL_TRANSACTION_FROM);
	bool is_there;

	store_bind_number(&call, 1, (int64_t)from);
	store_bind_number(&call, 2, (int64_t)to);
	is_there = store_step(&call);
	*ret_seq = is_there ? store_column_number(&call, 0) : 0;
	*ret_transaction = is_there ? store_column_number(&call, 1) : 0;
	return store_end(&call, 0);
}

static int transaction_between(struct store *store, uint64_t after, uint64_t before,
	uint64_t transaction, uint64_t *ret_seq)
{
	struct store_call call = store_call(store, SQL_TRANSACTION_BETWEEN);

	store_bind_number(&call, 1, (int64_t)after);
	store_bind_number(&call, 2, (int64_t)before);
	store_bind_number(&call, 3, (int64_t)transaction);
	return store_run_for_number(&call, ret_seq);
}

/* Ids grow with the rows, more or less: where the one would stand.  end is behind the
 * last row. */
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

/* Where ids grow with the rows it is found at once. */
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

/* A clock that was set back between two runs has put them out of order: then all rows are
 * looked through, a part at a time. */
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

/* The latest event of a host, as it stands there. */
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
	/* The last host that there is leads to a call that finds none. */
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
