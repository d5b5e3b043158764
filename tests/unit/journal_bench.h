/*
 * For unit tests: a journal with one client, on a store that is otherwise empty.
 */
#ifndef MUSTER_TESTS_JOURNAL_BENCH_H
#define MUSTER_TESTS_JOURNAL_BENCH_H

#include "gateway/journal/journal.h"
#include "tests/unit/store_place.h"

struct journal_bench {
	struct store_place *place;
	const struct store_ops *ops; /* of place */
	struct journal_client client;
	struct journal *journal;
	int64_t zone; /* the number of example. */
};

/* Set-up and tear-down of cmocka: *state is the bench. */
int journal_bench_open(void **state);
int journal_bench_open_memory(void **state);
int journal_bench_close(void **state);

/* At once, so that they are done in one group. */
void journal_bench_submit(
	struct journal_bench *bench, struct journal_op **ops, size_t count);
/* Waits for count operations; they come back in this order. */
void journal_bench_take(
	struct journal_bench *bench, struct journal_op **ret_ops, size_t count);

/* In main: a case of every store. */
#define JOURNAL_BENCH_TEST(test)                                                         \
	{#test " (sqlite)", test, journal_bench_open, journal_bench_close, NULL},        \
	{                                                                                \
#test " (memory)", test, journal_bench_open_memory, journal_bench_close, \
			NULL                                                             \
	}

#endif
