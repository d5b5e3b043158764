/*
 * Sorted arrays, searched by bisection: most of what tests put in comes in order.
 */
#include "tests/unit/memory_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tsig/name.h"

/* One change, so that it can be taken back. */
struct memory_step {
	struct memory_table *table;
	struct memory_entry *key;    /* owned if there is nothing any more */
	struct memory_entry *before; /* owned; NULL: there was nothing */
};

static int compare(const struct memory_entry *entry, const uint8_t *key, size_t key_len)
{
	const size_t len = entry->key_len < key_len ? entry->key_len : key_len;
	const int order = memcmp(entry->key, key, len);

	if (order)
		return order;
	return (entry->key_len > key_len) - (entry->key_len < key_len);
}

size_t memory_table_find_from(
	const struct memory_table *table, const uint8_t *key, size_t key_len)
{
	size_t low = 0, high = table->count;

	/* Behind the last, mostly. */
	if (high && compare(table->entries[high - 1], key, key_len) < 0)
		return high;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (compare(table->entries[middle], key, key_len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(
	const struct memory_table *table, size_t at, const uint8_t *key, size_t key_len)
{
	return at < table->count && compare(table->entries[at], key, key_len) == 0;
}

void *memory_table_find(
	const struct memory_table *table, const uint8_t *key, size_t key_len)
{
	const size_t at = memory_table_find_from(table, key, key_len);

	return is_at(table, at, key, key_len) ? table->entries[at]->value : NULL;
}

static void free_entry(const struct memory_table *table, struct memory_entry *entry)
{
	if (!entry)
		return;
	if (entry->value)
		table->free_value(entry->value);
	free(entry);
}

void memory_table_clear(struct memory_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free_entry(table, table->entries[i]);
	free(table->entries);
	table->entries = NULL;
	table->count = table->room = 0;
}

static struct memory_entry *new_entry(const uint8_t *key, size_t key_len, void *value)
{
	struct memory_entry *entry = malloc(sizeof(*entry) + key_len);

	if (!entry)
		return NULL;
	entry->value = value;
	entry->key_len = key_len;
	memcpy(entry->key, key, key_len);
	return entry;
}

/* The array, with room for one more element of size octets.  NULL: no memory, and it is
 * as it was. */
static void *with_room(void *array, size_t count, size_t *room, size_t size)
{
	const size_t more = *room ? 2 * *room : 16;
	void *grown;

	if (count < *room)
		return array;
	grown = reallocarray(array, more, size);
	if (grown)
		*room = more;
	return grown;
}

static int make_room(struct memory_table *table, struct memory_log *log)
{
	void *entries = with_room(
		table->entries, table->count, &table->room, sizeof(*table->entries));
	void *steps;

	if (!entries)
		return -ENOMEM;
	table->entries = entries;
	steps = with_room(log->steps, log->count, &log->room, sizeof(*log->steps));
	if (!steps)
		return -ENOMEM;
	log->steps = steps;
	return 0;
}

/* Puts an entry (NULL: none) where one of its key is or belongs, for which there is room.
 * Returns what was there. */
static struct memory_entry *exchange(
	struct memory_table *table, size_t at, bool is_there, struct memory_entry *entry)
{
	struct memory_entry *before = is_there ? table->entries[at] : NULL;
	struct memory_entry **here = &table->entries[at];

	if (is_there && entry) {
		*here = entry;
	} else if (is_there) {
		table->count--;
		memmove(here, here + 1, (table->count - at) * sizeof(*here));
	} else if (entry) {
		memmove(here + 1, here, (table->count - at) * sizeof(*here));
		*here = entry;
		table->count++;
	}
	return before;
}

static void note(struct memory_log *log, struct memory_table *table,
	struct memory_entry *entry, struct memory_entry *before)
{
	log->steps[log->count++] = (struct memory_step){table, entry, before};
}

int memory_table_put(struct memory_table *table, struct memory_log *log,
	const uint8_t *key, size_t key_len, void *value)
{
	const size_t at = memory_table_find_from(table, key, key_len);
	const bool is_there = is_at(table, at, key, key_len);
	struct memory_entry *entry = new_entry(key, key_len, value), *before;

	if (!entry || make_room(table, log)) {
		if (value)
			table->free_value(value);
		free(entry);
		return -ENOMEM;
	}
	before = exchange(table, at, is_there, value ? entry : NULL);
	if (log->is_open) {
		note(log, table, entry, before);
		return 0;
	}
	free_entry(table, before);
	if (!value)
		free(entry);
	return 0;
}

void memory_log_begin(struct memory_log *log)
{
	log->is_open = true;
	log->count = 0;
}

static void close_log(struct memory_log *log)
{
	free(log->steps);
	*log = (struct memory_log){0};
}

void memory_log_end(struct memory_log *log)
{
	for (size_t i = 0; i < log->count; i++) {
		const struct memory_step *step = &log->steps[i];

		free_entry(step->table, step->before);
		if (!step->key->value)
			free(step->key);
	}
	close_log(log);
}

void memory_log_undo(struct memory_log *log)
{
	while (log->count > 0) {
		const struct memory_step *step = &log->steps[--log->count];
		const struct memory_entry *key = step->key;
		const size_t at =
			memory_table_find_from(step->table, key->key, key->key_len);

		/* There is room: what is put back was there before. */
		exchange(step->table, at, is_at(step->table, at, key->key, key->key_len),
			step->before);
		free_entry(step->table, step->key);
	}
	close_log(log);
}

/* ---- keys ---- */

void memory_key_init(struct memory_key *key)
{
	key->len = 0;
}

void memory_key_add(struct memory_key *key, const void *octets, size_t len)
{
	if (len > sizeof(key->octets) - key->len)
		abort(); /* MEMORY_KEY_MAX is wrong */
	if (len)
		memcpy(key->octets + key->len, octets, len);
	key->len += len;
}

void memory_key_add_number(struct memory_key *key, uint64_t number)
{
	uint8_t octets[8];

	for (unsigned i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(number >> (56 - 8 * i));
	memory_key_add(key, octets, sizeof(octets));
}

void memory_key_add_type(struct memory_key *key, uint16_t type)
{
	const uint8_t octets[] = {(uint8_t)(type >> 8), (uint8_t)type};

	memory_key_add(key, octets, sizeof(octets));
}

void memory_key_add_name(struct memory_key *key, const uint8_t *name)
{
	memory_key_add(key, name, name_len(name));
}

void memory_key_add_text(struct memory_key *key, const char *text)
{
	memory_key_add(key, text, strlen(text));
}
