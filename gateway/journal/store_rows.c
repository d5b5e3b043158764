/*
 * All rows in order: those of packs and single ones, merged.  If a row is stored in
 * both ways, the single one counts.
 */
#include "gateway/journal/store_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	COLUMN_MAC,
};

/* ---- one row that stands alone ---- */

/* The form before version 3: "192.0.2.1#5353/udp", for an event "192.0.2.1". */
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

static struct store_source column_source(struct store_call *call)
{
	const bool is_text =
		sqlite3_column_type(call->stmt, COLUMN_SOURCE) == SQLITE_TEXT;
	const char *text = is_text ? store_column_text(call, COLUMN_SOURCE) : NULL;
	const uint8_t *octets = NULL;
	size_t len = 0;

	if (!is_text)
		octets = store_column_octets(call, COLUMN_SOURCE, &len);
	return is_text && text ? source_from_text(text)
			       : store_decode_source(octets, len);
}

static void column_request(struct store_call *call, struct store_row *row)
{
	if (sqlite3_column_type(call->stmt, COLUMN_REQUEST) == SQLITE_TEXT)
		row->request_text = store_column_text(call, COLUMN_REQUEST);
	else
		row->request =
			store_column_octets(call, COLUMN_REQUEST, &row->request_len);
}

static void column_row(struct store_call *call, struct store_read_row *ret)
{
	struct store_row *row = &ret->row;
	const uint64_t time = store_column_number(call, COLUMN_TIME_SIGNED);
	size_t mac_len;

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
		.mac = store_column_octets(call, COLUMN_MAC, &mac_len),
	};

	column_request(call, row);
	if (mac_len != STORE_MAC_LEN)
		row->mac = NULL;
	if (row->mac)
		row->time_signed = time;
	if (row->event)
		row->seen_s = (int64_t)time;
	ret->changes = store_column_octets(call, COLUMN_CHANGES, &ret->changes_len);
}

int store_read_changes(const struct store_read_row *row, struct changeset **ret_changes)
{
	*ret_changes = NULL;
	if (!row->changes)
		return 0;
	*ret_changes = changeset_decode(row->changes, row->changes_len);
	return *ret_changes ? 0 : -errno;
}

/* ---- packs ---- */

static bool note_place(struct store *store, size_t at, size_t place)
{
	if (at == store->place_room) {
		const size_t room = 2 * at + 256;
		size_t *places = reallocarray(store->places, room, sizeof(*places));

		if (!places)
			return false;
		store->places = places;
		store->place_room = room;
	}
	store->places[at] = place;
	return true;
}

/* Finds where the rows of the pack between the two numbers begin.  SQLite's code. */
static int find_places(struct store_rows *rows)
{
	for (size_t at = 0, len; at < rows->pack_len; at += len) {
		uint64_t seq;

		len = store_packed_len(rows->pack + at, rows->pack_len - at);
		if (!len)
			return SQLITE_CORRUPT;
		seq = store_packed_seq(rows->pack + at);
		if (seq <= rows->after || seq >= rows->before)
			continue;
		if (!note_place(rows->store, rows->count, at))
			return SQLITE_NOMEM;
		rows->count++;
	}
	return SQLITE_ROW;
}

/* Moves on to a pack with rows left. */
static void find_pack(struct store_rows *rows)
{
	while (rows->at == rows->count && rows->pack) {
		rows->at = rows->count = 0;
		rows->pack = store_step(&rows->packs)
			? store_column_octets(&rows->packs, 1, &rows->pack_len)
			: NULL;
		if (rows->pack)
			rows->packs.rc = find_places(rows);
		if (rows->packs.rc != SQLITE_ROW)
			rows->pack = NULL;
	}
}

static size_t next_place(const struct store_rows *rows)
{
	return rows->store->places[rows->is_down ? rows->count - 1 - rows->at : rows->at];
}

static bool take_packed(struct store_rows *rows, struct store_read_row *ret)
{
	const uint8_t *octets = rows->pack + next_place(rows);
	const size_t left = rows->pack_len - next_place(rows);

	rows->at++;
	rows->is_packed = true;
	if (store_unpack(octets, store_packed_len(octets, left), ret))
		return true;
	rows->packs.rc = SQLITE_CORRUPT;
	return false;
}

/* ---- both ---- */

void store_rows_begin(struct store_rows *rows, struct store *store, uint64_t after,
	uint64_t before, bool is_down)
{
	*rows = (struct store_rows){
		.store = store,
		.singles = store_call(store, is_down ? SQL_ROWS_DOWN : SQL_ROWS_UP),
		.packs = store_call(store, is_down ? SQL_PACKS_DOWN : SQL_PACKS_UP),
		.after = after,
		.before = before ? before : INT64_MAX,
		.is_down = is_down,
		.is_single_read = true,
		.pack = (const uint8_t *)"", /* an empty one, which is at its end */
	};

	store_bind_number(&rows->singles, 1, (int64_t)rows->after);
	store_bind_number(&rows->singles, 2, (int64_t)rows->before);
	store_bind_number(&rows->packs, 1, (int64_t)rows->after);
	store_bind_number(&rows->packs, 2, (int64_t)rows->before);
}

static bool take_single(struct store_rows *rows, struct store_read_row *ret)
{
	rows->is_single_read = true;
	rows->is_packed = false;
	column_row(&rows->singles, ret);
	return rows->singles.rc == SQLITE_ROW;
}

static bool is_failed(const struct store_call *call)
{
	return call->rc != SQLITE_ROW && call->rc != SQLITE_DONE;
}

bool store_rows_next(struct store_rows *rows, struct store_read_row *ret)
{
	uint64_t single, packed;

	if (rows->is_single_read && rows->singles.rc != SQLITE_DONE)
		rows->is_single_read = !store_step(&rows->singles);
	find_pack(rows);
	if (is_failed(&rows->singles) || (!rows->pack && is_failed(&rows->packs)))
		return false;
	if (!rows->pack)
		return !rows->is_single_read && take_single(rows, ret);
	if (rows->is_single_read)
		return take_packed(rows, ret);
	single = store_column_number(&rows->singles, COLUMN_SEQ);
	packed = store_packed_seq(rows->pack + next_place(rows));
	if (single != packed && (single < packed) == rows->is_down)
		return take_packed(rows, ret);
	rows->at += single == packed;
	return take_single(rows, ret);
}

int store_rows_end(struct store_rows *rows, int result)
{
	return store_end(&rows->packs, store_end(&rows->singles, result));
}
