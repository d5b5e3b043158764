/*
 * The memory store's journal: rows in order, cursors, what is set aside, forgetting.
 */
#include "tests/unit/store_memory_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tsig/key.h"

/* ---- rows ---- */

/* Copies what a pointer of the row leads to, behind what is there; NULL stays NULL. */
static const void *copy(char **at, const void *from, size_t len)
{
	void *to = *at;

	if (!from)
		return NULL;
	memcpy(to, from, len);
	*at += len;
	return to;
}

static size_t text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

/* Takes changes, which may be NULL, in any case. */
static struct memory_row *new_row(
	const struct store_row *row, uint8_t *changes, size_t changes_len)
{
	const size_t size = text_size(row->reason) + row->request_len +
		text_size(row->event) + STORE_MAC_LEN + 2 * NAME_MAX_LEN;
	struct memory_row *ret = calloc(1, sizeof(*ret) + size);
	char *at;

	if (!ret) {
		free(changes);
		return NULL;
	}
	at = ret->octets;
	ret->row = *row;
	ret->row.key = copy(&at, row->key, row->key ? name_len(row->key) : 0);
	ret->row.reason = copy(&at, row->reason, text_size(row->reason));
	ret->row.request = copy(&at, row->request, row->request_len);
	ret->row.event = copy(&at, row->event, text_size(row->event));
	ret->row.mac = copy(&at, row->mac, STORE_MAC_LEN);
	ret->row.host = copy(&at, row->host, row->host ? name_len(row->host) : 0);
	ret->row.changes = NULL;
	ret->changes = changes;
	ret->changes_len = changes_len;
	return ret;
}

static void init_row_key(struct memory_key *key, uint64_t seq)
{
	memory_key_init(key);
	memory_key_add_number(key, seq);
}

static void init_event_key(struct memory_key *key, const struct store_row *row)
{
	memory_key_init(key);
	memory_key_add_number(key, (uint64_t)row->zone);
	memory_key_add_name(key, row->host);
	memory_key_add_number(key, row->seq);
}

/* That the row has a host, or no longer. */
static int note_event(
	struct memory_database *database, const struct store_row *row, bool is_there)
{
	void *mark = is_there ? malloc(1) : NULL;
	struct memory_key key;

	if (is_there && !mark)
		return -ENOMEM;
	init_event_key(&key, row);
	return memory_put(database, MEMORY_EVENTS, &key, mark);
}

static int put_row(struct memory_database *database, const struct store_row *row,
	uint8_t *changes, size_t changes_len)
{
	struct memory_row *added = new_row(row, changes, changes_len);
	struct memory_key key;

	if (!added)
		return -ENOMEM;
	init_row_key(&key, row->seq);
	return memory_put(database, MEMORY_ROWS, &key, added);
}

static int add_row(struct memory_database *database, const struct store_row *row)
{
	uint8_t *changes = NULL;
	size_t len = 0;
	int r;

	if (row->changes) {
		changes = changeset_encode(row->changes, &len);
		if (!changes)
			return -ENOMEM;
	}
	r = put_row(database, row, changes, len);
	return r || !row->host ? r : note_event(database, row, true);
}

int memory_append(struct store *store, const struct store_row *row)
{
	struct memory_database *database = memory_lock(store);
	struct memory_key key;
	int r;

	init_row_key(&key, row->seq);
	if (memory_find(database, MEMORY_ROWS, &key))
		r = memory_fail(store, EIO, "there is a row of this number");
	else
		r = add_row(database, row);
	memory_unlock(database);
	return r;
}

/* As it is, but for what was answered. */
static int change_outcome(struct memory_database *database, const struct memory_row *row,
	uint16_t rcode, const char *reason)
{
	struct store_row changed = row->row;
	uint8_t *changes = NULL;

	if (row->changes) {
		changes = malloc(row->changes_len);
		if (!changes)
			return -ENOMEM;
		memcpy(changes, row->changes, row->changes_len);
	}
	changed.rcode = rcode;
	changed.reason = reason;
	return put_row(database, &changed, changes, row->changes_len);
}

int memory_set_outcome(
	struct store *store, uint64_t seq, uint16_t rcode, const char *reason)
{
	struct memory_database *database = memory_lock(store);
	const struct memory_row *row;
	struct memory_key key;
	int r;

	init_row_key(&key, seq);
	row = memory_find(database, MEMORY_ROWS, &key);
	r = row ? change_outcome(database, row, rcode, reason) : 0;
	memory_unlock(database);
	return r;
}

size_t memory_rows_from(struct memory_database *database, uint64_t seq)
{
	struct memory_key key;

	init_row_key(&key, seq);
	return memory_table_find_from(
		&database->tables[MEMORY_ROWS], key.octets, key.len);
}

struct memory_row *memory_row_at(struct memory_database *database, size_t at)
{
	const struct memory_table *rows = &database->tables[MEMORY_ROWS];

	return at < rows->count ? rows->entries[at]->value : NULL;
}

static int raise_to_cursor(const struct memory_entry *entry, void *arg)
{
	const struct memory_cursor *cursor = entry->value;
	uint64_t *last = arg;

	if (cursor->seq > *last)
		*last = cursor->seq;
	return 0;
}

int memory_last_seq(struct store *store, uint64_t *ret_seq)
{
	struct memory_database *database = memory_lock(store);
	const size_t count = database->tables[MEMORY_ROWS].count;
	const struct memory_row *row = count ? memory_row_at(database, count - 1) : NULL;
	uint64_t last = row ? row->row.seq : 0;
	struct memory_key all;

	memory_key_init(&all);
	(void)memory_each(database, MEMORY_CURSORS, &all, raise_to_cursor, &last);
	memory_unlock(database);
	*ret_seq = last;
	return 0;
}

static int visit_change(const struct memory_row *row,
	int (*visit)(const struct store_row *row, struct changeset *changes, void *arg),
	void *arg)
{
	struct changeset *changes = changeset_decode(row->changes, row->changes_len);
	int r;

	if (!changes)
		return -errno;
	r = visit(&row->row, changes, arg);
	changeset_unref(changes);
	return r;
}

int memory_each_change(struct store *store, int64_t zone, uint64_t after, size_t limit,
	int (*visit)(const struct store_row *row, struct changeset *changes, void *arg),
	void *arg)
{
	struct memory_database *database;
	const struct memory_row *row;
	size_t at, count = 0;
	int r = memory_lock_to_read(store, &database);

	if (r)
		return r;
	at = memory_rows_from(database, after + 1);
	for (; !r && count < limit && (row = memory_row_at(database, at)); at++) {
		if (row->row.zone != zone || !row->changes)
			continue;
		r = visit_change(row, visit, arg);
		count++;
	}
	memory_unlock(database);
	return r;
}

static int count_row(const struct store_row *row, struct changeset *changes, void *arg)
{
	(void)row;
	(void)changes;
	++*(uint64_t *)arg;
	return 0;
}

int memory_count_changes(struct store *store, int64_t zone, uint64_t after, size_t limit,
	uint64_t *ret_count)
{
	*ret_count = 0;
	return memory_each_change(store, zone, after, limit, count_row, ret_count);
}

/* As it is, but for what it changes. */
static int change_changes(struct memory_database *database, const struct memory_row *row,
	const struct changeset *part)
{
	const struct store_row changed = row->row;
	size_t len = 0;
	uint8_t *changes = part ? changeset_encode(part, &len) : NULL;

	if (part && !changes)
		return -ENOMEM;
	return put_row(database, &changed, changes, len);
}

int memory_melt(struct store *store, const struct store_melting *melting)
{
	struct memory_database *database = memory_lock(store);
	const struct memory_row *row;
	size_t part = 0;
	int r = 0;

	for (size_t at = memory_rows_from(database, melting->first); !r &&
		(row = memory_row_at(database, at)) && row->row.seq <= melting->last;
		at++) {
		if (row->row.zone != melting->zone || !row->changes)
			continue;
		if (part < melting->count && row->row.seq == melting->seqs[part])
			r = change_changes(database, row, melting->parts[part++]);
		else
			r = change_changes(database, row, NULL);
	}
	memory_unlock(database);
	return r;
}

int memory_each_mac(struct store *store, uint64_t since,
	void (*visit)(const uint8_t *key, const uint8_t *mac, uint64_t time_signed,
		uint16_t rcode, void *arg),
	void *arg)
{
	struct memory_database *database = memory_lock(store);
	const int64_t since_ms = ((int64_t)since - KEYRING_FUDGE_MAX_S) * 1000;
	size_t at = database->tables[MEMORY_ROWS].count;

	while (at-- > 0) {
		const struct store_row *row = &memory_row_at(database, at)->row;

		if (row->at_ms < since_ms)
			break;
		if (row->key && row->mac && row->time_signed >= since)
			visit(row->key, row->mac, row->time_signed, row->rcode, arg);
	}
	memory_unlock(database);
	return 0;
}

/* ---- targets ---- */

static void init_cursor_key(struct memory_key *key, int64_t zone, const char *target)
{
	memory_key_init(key);
	memory_key_add_number(key, (uint64_t)zone);
	memory_key_add_text(key, target);
}

static int put_cursor(struct memory_database *database, int64_t zone, const char *target,
	const struct memory_cursor *values)
{
	const size_t size = text_size(target);
	struct memory_cursor *cursor = malloc(sizeof(*cursor) + size);
	struct memory_key key;

	if (!cursor)
		return -ENOMEM;
	*cursor = *values;
	memcpy(cursor->target, target, size);
	init_cursor_key(&key, zone, target);
	return memory_put(database, MEMORY_CURSORS, &key, cursor);
}

static const struct memory_cursor *find_cursor(
	struct memory_database *database, int64_t zone, const char *target)
{
	struct memory_key key;

	init_cursor_key(&key, zone, target);
	return memory_find(database, MEMORY_CURSORS, &key);
}

/* What the target's cursor says, or would at first. */
static struct memory_cursor cursor_of(
	struct memory_database *database, int64_t zone, const char *target)
{
	const struct memory_cursor *cursor = find_cursor(database, zone, target);

	return cursor ? *cursor : (struct memory_cursor){.reach = UINT64_MAX};
}

int memory_put_cursor(struct store *store, int64_t zone, const char *target, uint64_t seq)
{
	struct memory_database *database = memory_lock(store);
	struct memory_cursor cursor = cursor_of(database, zone, target);
	int r;

	cursor.seq = seq;
	r = put_cursor(database, zone, target, &cursor);
	memory_unlock(database);
	return r;
}

int memory_put_reach(struct store *store, int64_t zone, const char *target, uint64_t seq)
{
	struct memory_database *database = memory_lock(store);
	struct memory_cursor cursor = cursor_of(database, zone, target);
	int r = 0;

	cursor.reach = seq;
	if (find_cursor(database, zone, target))
		r = put_cursor(database, zone, target, &cursor);
	memory_unlock(database);
	return r;
}

int memory_find_reach(
	struct store *store, int64_t zone, const char *target, uint64_t *ret_seq)
{
	struct memory_database *database = memory_lock(store);

	*ret_seq = cursor_of(database, zone, target).reach;
	memory_unlock(database);
	return 0;
}

/* A mark made before this time, and where it is. */
struct mark_of_age {
	int64_t before_ms;
	const struct memory_entry *found;
};

static int look_at_age(const struct memory_entry *entry, void *arg)
{
	const struct memory_mark *mark = entry->value;
	struct mark_of_age *age = arg;

	if (mark->at_ms >= age->before_ms)
		return 0;
	age->found = entry;
	return 1;
}

static int forget_marks(struct memory_database *database, const struct memory_key *prefix,
	int64_t before_ms)
{
	struct memory_key key;
	int r = 0;

	for (struct mark_of_age age = {before_ms, NULL};
		!r && memory_each(database, MEMORY_MARKS, prefix, look_at_age, &age);) {
		memory_key_init(&key);
		memory_key_add(&key, age.found->key, age.found->key_len);
		r = memory_put(database, MEMORY_MARKS, &key, NULL);
	}
	return r;
}

int memory_forget_cursor(struct store *store, int64_t zone, const char *target)
{
	struct memory_database *database = memory_lock(store);
	struct memory_key key;
	int r;

	init_cursor_key(&key, zone, target);
	r = memory_put(database, MEMORY_CURSORS, &key, NULL);
	if (!r)
		r = forget_marks(database, &key, INT64_MAX);
	memory_unlock(database);
	return r;
}

struct cursor_visit {
	int (*visit)(const char *target, uint64_t seq, void *arg);
	void *arg;
};

static int visit_cursor(const struct memory_entry *entry, void *arg)
{
	const struct cursor_visit *visit = arg;
	const struct memory_cursor *cursor = entry->value;

	return visit->visit(cursor->target, cursor->seq, visit->arg);
}

int memory_each_cursor(struct store *store, int64_t zone,
	int (*visit)(const char *target, uint64_t seq, void *arg), void *arg)
{
	struct memory_database *database = memory_lock(store);
	struct cursor_visit cursor_visit = {visit, arg};
	struct memory_key prefix;
	int r;

	init_cursor_key(&prefix, zone, "");
	r = memory_each(database, MEMORY_CURSORS, &prefix, visit_cursor, &cursor_visit);
	memory_unlock(database);
	return r;
}

/* ---- what the primary has ---- */

static void init_mark_key(
	struct memory_key *key, int64_t zone, const char *target, uint64_t seq)
{
	init_cursor_key(key, zone, target);
	memory_key_add_number(key, seq);
}

static int put_mark(struct memory_database *database, int64_t zone, const char *target,
	const struct memory_mark *mark)
{
	struct memory_mark *own = malloc(sizeof(*own));
	struct memory_key key;

	if (!own)
		return -ENOMEM;
	*own = *mark;
	init_mark_key(&key, zone, target, mark->seq);
	return memory_put(database, MEMORY_MARKS, &key, own);
}

int memory_put_belief(struct store *store, int64_t zone, const char *target, uint64_t seq,
	const struct store_belief *belief)
{
	const struct memory_mark mark = {seq, belief->serial, belief->at_ms};
	struct memory_database *database = memory_lock(store);
	struct memory_cursor cursor = cursor_of(database, zone, target);
	struct memory_key key;
	int r;

	cursor.seq = seq;
	cursor.belief = *belief;
	r = put_cursor(database, zone, target, &cursor);

	init_mark_key(&key, zone, target, seq);
	if (!r && belief->is_mark && !memory_find(database, MEMORY_MARKS, &key))
		r = put_mark(database, zone, target, &mark);
	memory_unlock(database);
	return r;
}

int memory_find_belief(struct store *store, int64_t zone, const char *target,
	struct store_belief *ret_belief)
{
	struct memory_database *database = memory_lock(store);
	const struct memory_cursor *cursor = find_cursor(database, zone, target);

	*ret_belief = cursor ? cursor->belief : (struct store_belief){0};
	memory_unlock(database);
	return 0;
}

struct mark_search {
	uint32_t serial;
	uint64_t found;
};

/* They come in order. */
static int look_at_mark(const struct memory_entry *entry, void *arg)
{
	const struct memory_mark *mark = entry->value;
	struct mark_search *search = arg;

	if (!serial_is_newer(mark->serial, search->serial))
		search->found = mark->seq;
	return 0;
}

int memory_find_mark(struct store *store, int64_t zone, const char *target,
	uint32_t serial, uint64_t *ret_seq)
{
	struct memory_database *database = memory_lock(store);
	struct mark_search search = {.serial = serial};
	struct memory_key prefix;

	init_cursor_key(&prefix, zone, target);
	(void)memory_each(database, MEMORY_MARKS, &prefix, look_at_mark, &search);
	*ret_seq = search.found;
	memory_unlock(database);
	return 0;
}

/* ---- set aside ---- */

static void init_aside_key(
	struct memory_key *key, int64_t zone, const char *target, uint64_t seq)
{
	memory_key_init(key);
	memory_key_add_number(key, seq);
	memory_key_add_number(key, (uint64_t)zone);
	memory_key_add_text(key, target);
}

int memory_drop_aside(struct store *store, int64_t zone, const char *target, uint64_t seq)
{
	struct memory_database *database = memory_lock(store);
	struct memory_key key;
	int r;

	init_aside_key(&key, zone, target, seq);
	r = memory_put(database, MEMORY_ASIDE, &key, NULL);
	memory_unlock(database);
	return r;
}

int memory_set_aside(struct store *store, int64_t zone, const char *target, uint64_t seq,
	int64_t at_ms, const struct verdict *why)
{
	const size_t size = text_size(target);
	struct memory_database *database = memory_lock(store);
	struct memory_aside *aside = malloc(sizeof(*aside) + size);
	struct memory_key key;
	int r = -ENOMEM;

	if (aside) {
		memcpy(aside->target, target, size);
		aside->aside =
			(struct store_set_aside){zone, aside->target, seq, at_ms, *why};
		aside->aside.why.ede = EDE_NONE;
		init_aside_key(&key, zone, target, seq);
		r = memory_put(database, MEMORY_ASIDE, &key, aside);
	}
	memory_unlock(database);
	return r;
}

/* ---- forgetting ---- */

struct cursor_search {
	bool is_found;
	uint64_t least;
};

static int lower_to_cursor(const struct memory_entry *entry, void *arg)
{
	const struct memory_cursor *cursor = entry->value;
	struct cursor_search *search = arg;

	if (!search->is_found || cursor->seq < search->least)
		search->least = cursor->seq;
	search->is_found = true;
	return 0;
}

/* Has every target of its zone what the row brings? */
static bool is_delivered(struct memory_database *database, const struct memory_row *row)
{
	struct cursor_search search = {0};
	struct memory_key prefix;

	if (!row->changes)
		return true;
	init_cursor_key(&prefix, row->row.zone, "");
	(void)memory_each(database, MEMORY_CURSORS, &prefix, lower_to_cursor, &search);
	return !search.is_found || row->row.seq <= search.least;
}

static int find_aside(const struct memory_entry *entry, void *arg)
{
	(void)entry;
	*(bool *)arg = true;
	return 0;
}

static bool is_aside(struct memory_database *database, const struct memory_row *row)
{
	struct memory_key prefix;
	bool is = false;

	memory_key_init(&prefix);
	memory_key_add_number(&prefix, row->row.seq);
	memory_key_add_number(&prefix, (uint64_t)row->row.zone);
	(void)memory_each(database, MEMORY_ASIDE, &prefix, find_aside, &is);
	return is;
}

static int forget_row(struct memory_database *database, const struct memory_row *row)
{
	struct memory_key key;
	int r = row->row.host ? note_event(database, &row->row, false) : 0;

	init_row_key(&key, row->row.seq);
	return r ? r : memory_put(database, MEMORY_ROWS, &key, NULL);
}

int memory_prune(struct store *store, int64_t before_ms, uint64_t from, size_t limit,
	uint64_t *ret_next)
{
	struct memory_database *database = memory_lock(store);
	size_t at = memory_rows_from(database, from + 1), looked = 0;
	const struct memory_row *row, *next = NULL;
	struct memory_key all;
	uint64_t end = from;
	int r = 0;

	while (!r && looked++ < limit && (row = memory_row_at(database, at))) {
		end = row->row.seq;
		/* The newest row stays, since it shows which numbers have been used. */
		if (row->row.at_ms < before_ms && memory_row_at(database, at + 1) &&
			is_delivered(database, row) && !is_aside(database, row))
			r = forget_row(database, row);
		else
			at++;
	}
	next = memory_row_at(database, at);
	*ret_next = next && next->row.at_ms < before_ms ? end : 0;
	memory_key_init(&all);
	if (!r && !*ret_next)
		r = forget_marks(database, &all, before_ms);
	memory_unlock(database);
	return r;
}
