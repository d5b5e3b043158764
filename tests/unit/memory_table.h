/*
 * For tests: ordered tables in memory, whose changes can be taken back.
 *
 * A table maps keys (octets, ordered as memcmp has it, the shorter first) to values that
 * it owns.  Changes between memory_log_begin and memory_log_end are remembered, and
 * memory_log_undo takes them back.  Belongs to one thread at a time.
 */
#ifndef MUSTER_TESTS_MEMORY_TABLE_H
#define MUSTER_TESTS_MEMORY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tsig/wire.h"

struct memory_entry {
	void *value; /* owned */
	size_t key_len;
	uint8_t key[];
};

struct memory_table {
	struct memory_entry **entries;
	size_t count, room;
	void (*free_value)(void *value);
};

/* What was done since memory_log_begin. */
struct memory_log {
	bool is_open;
	struct memory_step *steps;
	size_t count, room;
};

void memory_table_clear(struct memory_table *table);
/* The first entry whose key is not before this one; count: there is none. */
size_t memory_table_find_from(
	const struct memory_table *table, const uint8_t *key, size_t key_len);
/* NULL: there is none. */
void *memory_table_find(
	const struct memory_table *table, const uint8_t *key, size_t key_len);
/* Puts a value, which it takes in any case, or removes what is there (NULL).  0 or
 * -ENOMEM. */
int memory_table_put(struct memory_table *table, struct memory_log *log,
	const uint8_t *key, size_t key_len, void *value)
	__attribute__((warn_unused_result));

/* ---- keys, put together of parts ---- */

enum { MEMORY_KEY_MAX = 8 + NAME_MAX_LEN + 2 + UINT16_MAX };

struct memory_key {
	size_t len;
	uint8_t octets[MEMORY_KEY_MAX];
};

void memory_key_init(struct memory_key *key);
void memory_key_add_number(struct memory_key *key, uint64_t number);
void memory_key_add_type(struct memory_key *key, uint16_t type);
void memory_key_add(struct memory_key *key, const void *octets, size_t len);
void memory_key_add_name(struct memory_key *key, const uint8_t *name);
void memory_key_add_text(struct memory_key *key, const char *text);

/* ---- taking back ---- */

void memory_log_begin(struct memory_log *log);
void memory_log_end(struct memory_log *log);
void memory_log_undo(struct memory_log *log);

#endif
