/*
 * What administrators read from the memory store.
 */
#include "tests/unit/store_memory_private.h"

#include <errno.h>
#include <string.h>

enum { MEMORY_LOOK_MAX = 10000 }; /* rows that one each_row looks at */

static int look_at(const struct memory_row *row, const struct store_filter *filter,
	bool *ret_found, int (*visit)(const struct store_row *row, void *arg), void *arg)
{
	struct changeset *changes = NULL;
	struct store_row shown = row->row;
	int r = 0;

	if (row->changes && (filter->wants_changes || filter->name)) {
		changes = changeset_decode(row->changes, row->changes_len);
		if (!changes)
			return -errno;
	}
	shown.changes = changes;
	shown.mac = NULL; /* it is nothing to look at */
	shown.time_signed = 0;
	*ret_found = store_row_is_wanted(filter, &shown);
	if (!filter->wants_changes)
		shown.changes = NULL;
	if (*ret_found)
		r = visit(&shown, arg);
	changeset_unref(changes);
	return r;
}

/* The next row, or NULL; *at is that of the one behind it. */
static const struct memory_row *next_row(
	struct memory_database *database, const struct store_filter *filter, size_t *at)
{
	const struct memory_row *row;

	if (filter->is_newest_first) {
		row = *at ? memory_row_at(database, --*at) : NULL;
		return row && row->row.seq > filter->after ? row : NULL;
	}
	row = memory_row_at(database, (*at)++);
	return row && (!filter->before || row->row.seq < filter->before) ? row : NULL;
}

static size_t first_row(
	struct memory_database *database, const struct store_filter *filter)
{
	if (!filter->is_newest_first)
		return memory_rows_from(database, filter->after + 1);
	return filter->before ? memory_rows_from(database, filter->before)
			      : database->tables[MEMORY_ROWS].count;
}

static int each_row(struct memory_database *database, const struct store_filter *filter,
	uint64_t *ret_next, int (*visit)(const struct store_row *row, void *arg),
	void *arg)
{
	size_t at = first_row(database, filter), looked = 0, found = 0;
	const struct memory_row *row = NULL;
	int r = 0;

	*ret_next = 0;
	while (!r && looked < MEMORY_LOOK_MAX && found < filter->limit) {
		bool is_found = false;

		row = next_row(database, filter, &at);
		if (!row)
			break;
		r = look_at(row, filter, &is_found, visit, arg);
		looked++;
		found += is_found;
	}
	/* The last row that there is leads to a call that finds none. */
	*ret_next = row ? row->row.seq : 0;
	return r;
}

int memory_each_row(struct store *store, const struct store_filter *filter,
	uint64_t *ret_next, int (*visit)(const struct store_row *row, void *arg),
	void *arg)
{
	struct memory_database *database = memory_lock(store);
	const int r = each_row(database, filter, ret_next, visit, arg);

	memory_unlock(database);
	return r;
}

int memory_find_transaction(
	struct store *store, uint64_t transaction, uint64_t *from, uint64_t *ret_seq)
{
	struct memory_database *database = memory_lock(store);
	const struct memory_row *row;
	size_t at = 0;

	while ((row = memory_row_at(database, at)) && row->row.transaction != transaction)
		at++;
	*ret_seq = row ? row->row.seq : 0;
	*from = 0; /* nothing is left to look through */
	memory_unlock(database);
	return 0;
}

/* ---- hosts ---- */

struct expired_search {
	struct memory_database *database;
	size_t limit, count;
	const struct memory_entry *last; /* event of the host that is being looked at */
	uint8_t *next;                   /* becomes the last host that is shown */
	int (*visit)(const struct store_row *row, void *arg);
	void *arg;
};

static int is_one(const struct memory_entry *entry, void *arg)
{
	(void)entry;
	(void)arg;
	return 1;
}

static uint64_t number_at(const uint8_t *octets)
{
	uint64_t number = 0;

	for (unsigned i = 0; i < 8; i++)
		number = number << 8 | octets[i];
	return number;
}

/* The key without the seq: zone and host. */
static size_t host_key_len(const struct memory_entry *event)
{
	return event->key_len - 8;
}

static bool has_lease(struct memory_database *database, const struct memory_entry *event)
{
	struct memory_key prefix;

	memory_key_init(&prefix);
	memory_key_add(&prefix, event->key, host_key_len(event));
	return memory_each(database, MEMORY_LEASES, &prefix, is_one, NULL) != 0;
}

/* All of a host's events have been seen: the last counts. */
static int end_host(struct expired_search *search)
{
	const struct memory_entry *event = search->last;
	const struct memory_row *row;
	struct store_row shown;

	search->last = NULL;
	if (!event)
		return 0;
	row = memory_row_at(search->database,
		memory_rows_from(
			search->database, number_at(event->key + host_key_len(event))));
	if (!row->row.event || strcmp(row->row.event, STORE_EVENT_EXPIRED) != 0 ||
		has_lease(search->database, event))
		return 0;
	search->count++;
	shown = row->row;
	memcpy(search->next, shown.host, name_len(shown.host));
	return search->visit(&shown, search->arg);
}

static int see_event(const struct memory_entry *event, void *arg)
{
	struct expired_search *search = arg;
	int r = 0;

	if (search->last &&
		(search->last->key_len != event->key_len ||
			memcmp(search->last->key, event->key, host_key_len(event)) != 0))
		r = end_host(search);
	if (!r && search->count == search->limit)
		return -EXFULL; /* our own word for: enough */
	search->last = event;
	return r;
}

struct behind {
	struct expired_search *search;
	const uint8_t *after;
};

/* Names are in the order of their octets. */
static int see_event_behind(const struct memory_entry *event, void *arg)
{
	const struct behind *behind = arg;
	const uint8_t *host = event->key + 8; /* behind the zone */
	const size_t len = name_len(host);

	if (behind->after) {
		const size_t after_len = name_len(behind->after);
		const int order =
			memcmp(host, behind->after, len < after_len ? len : after_len);

		if (order < 0 || (order == 0 && len <= after_len))
			return 0;
	}
	return see_event(event, behind->search);
}

int memory_each_expired(struct store *store, int64_t zone, struct store_host_cursor *at,
	size_t limit, int (*visit)(const struct store_row *row, void *arg), void *arg)
{
	struct memory_database *database = memory_lock(store);
	struct expired_search search = {.database = database,
		.limit = limit,
		.next = at->host,
		.visit = visit,
		.arg = arg};
	const struct store_host_cursor from = *at;
	struct behind behind = {&search, from.is_set ? from.host : NULL};
	struct memory_key prefix;
	int r;

	memory_key_init(&prefix);
	memory_key_add_number(&prefix, (uint64_t)zone);
	r = memory_each(database, MEMORY_EVENTS, &prefix, see_event_behind, &behind);
	if (!r && search.count < limit)
		r = end_host(&search);
	at->is_set = r == -EXFULL || search.count == limit;
	memory_unlock(database);
	return r == -EXFULL ? 0 : r;
}

/* ---- set aside ---- */

struct aside_visit {
	int (*visit)(const struct store_set_aside *aside, void *arg);
	void *arg;
};

static int visit_aside(const struct memory_entry *entry, void *arg)
{
	const struct aside_visit *visit = arg;
	const struct memory_aside *aside = entry->value;

	return visit->visit(&aside->aside, visit->arg);
}

int memory_each_set_aside(struct store *store,
	int (*visit)(const struct store_set_aside *aside, void *arg), void *arg)
{
	struct memory_database *database = memory_lock(store);
	struct aside_visit aside_visit = {visit, arg};
	struct memory_key all;
	int r;

	memory_key_init(&all);
	r = memory_each(database, MEMORY_ASIDE, &all, visit_aside, &aside_visit);
	memory_unlock(database);
	return r;
}
