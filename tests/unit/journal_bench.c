/*
 * A journal with one client.
 */
#include "tests/unit/journal_bench.h"

#include <stdlib.h>

#include "tests/unit/message.h"

static int open_bench(void **state, int (*open_place)(void **state))
{
	struct journal_bench *bench = calloc(1, sizeof(*bench));
	char error[STORE_ERROR_MAX];
	void *place;

	if (open_place(&place))
		return -1;
	bench->place = place;
	bench->ops = bench->place->ops;
	*state = bench;
	if (bench->ops->zone_id(
		    bench->place->store, message_name("example."), &bench->zone) ||
		journal_client_init(&bench->client))
		return -1;
	return journal_new(&bench->journal, bench->ops, bench->place->path, error);
}

int journal_bench_open(void **state)
{
	return open_bench(state, store_place_open);
}

int journal_bench_open_memory(void **state)
{
	return open_bench(state, store_place_open_memory);
}

int journal_bench_close(void **state)
{
	struct journal_bench *bench = *state;
	void *place = bench->place;

	journal_free(bench->journal);
	journal_client_clear(&bench->client);
	free(bench);
	return store_place_close(&place);
}

void journal_bench_submit(
	struct journal_bench *bench, struct journal_op **ops, size_t count)
{
	struct queue_list list;

	queue_list_init(&list);
	for (size_t i = 0; i < count; i++) {
		ops[i]->client = &bench->client;
		queue_list_append(&list, &ops[i]->node);
	}
	journal_submit(bench->journal, &list);
}

void journal_bench_take(
	struct journal_bench *bench, struct journal_op **ret_ops, size_t count)
{
	struct queue_list list;
	size_t taken = 0;

	while (taken < count) {
		queue_list_init(&list);
		queue_wait(&bench->client.done);
		queue_take_all(&bench->client.done, &list);
		while (list.head)
			ret_ops[taken++] =
				(struct journal_op *)(void *)queue_list_take(&list);
	}
}
