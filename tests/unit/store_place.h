/*
 * For unit tests: a store in a folder of its own, and rows to put into it.
 */
#ifndef MUSTER_TESTS_STORE_PLACE_H
#define MUSTER_TESTS_STORE_PLACE_H

#include "gateway/journal/store.h"

struct store_place {
	const struct store_ops *ops;
	char folder[64];
	char path[96];
	struct store *store;
};

/* Set-up and tear-down of cmocka: *state is the place, with an empty store, in a file or
 * in memory. */
int store_place_open(void **state);
int store_place_open_memory(void **state);
int store_place_close(void **state);
void store_place_reopen(struct store_place *place);

/* SQL beside the store (which is SQLite's), on a connection of its own. */
void store_place_execute(const char *path, const char *sql);
/* The first column of its first row. */
int64_t store_place_number(const char *path, const char *sql);

/* What an update of one line ("a 60 IN A 192.0.2.1") does to an empty zone example.: that
 * record and the SOA. */
struct changeset *store_place_changes(const char *line);
/* A row of key host1.example., signed; line NULL: refused. */
void store_place_append(
	struct store_place *place, int64_t zone, uint64_t seq, const char *line);
/* 0: the target has none there. */
uint64_t store_place_cursor(struct store_place *place, int64_t zone, const char *target);

/* In main: a case of every store, and one of SQLite alone. */
#define STORE_PLACE_TEST(test)                                                           \
	{#test " (sqlite)", test, store_place_open, store_place_close, NULL},            \
	{                                                                                \
#test " (memory)", test, store_place_open_memory, store_place_close,     \
			NULL                                                             \
	}
#define STORE_PLACE_SQLITE_TEST(test)                                                    \
	cmocka_unit_test_setup_teardown(test, store_place_open, store_place_close)

#endif
