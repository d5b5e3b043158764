/* Several clients of one journal: groups mix their operations, and a group that fails
 * breaks those who had some in it, and nobody else. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/journal/journal.h"
#include "tests/unit/message.h"
#include "tests/unit/store_memory.h"
#include "tests/unit/store_place.h"

enum { CLIENTS = 3 };

struct bench {
	struct store_place *place;
	struct journal_client clients[CLIENTS];
	struct journal *journal;
};

static int open_bench(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	char error[STORE_ERROR_MAX];
	void *place;

	if (store_place_open_memory(&place))
		return -1;
	bench->place = place;
	*state = bench;
	for (int i = 0; i < CLIENTS; i++) {
		if (journal_client_init(&bench->clients[i]))
			return -1;
	}
	return journal_new(&bench->journal, bench->place->ops, bench->place->path, error);
}

static int close_bench(void **state)
{
	struct bench *bench = *state;
	void *place = bench->place;

	journal_free(bench->journal);
	for (int i = 0; i < CLIENTS; i++)
		journal_client_clear(&bench->clients[i]);
	free(bench);
	return store_place_close(&place);
}

static struct journal_op *make(struct bench *bench, int client, struct journal_op *op)
{
	*op = (struct journal_op){
		.kind = JOURNAL_APPEND, .zone = 1, .client = &bench->clients[client]};
	return op;
}

static void submit(struct bench *bench, int client, struct journal_op *op)
{
	struct queue_list list;

	queue_list_init(&list);
	queue_list_append(&list, &make(bench, client, op)->node);
	journal_submit(bench->journal, &list);
}

/* The next one of this client's that is back is this, with this result. */
static void take(struct bench *bench, int client, struct journal_op *op, int result)
{
	struct queue *done = &bench->clients[client].done;
	struct queue_list list;

	queue_list_init(&list);
	while (!list.head) {
		queue_wait(done);
		queue_take_all(done, &list);
	}
	assert_ptr_equal(queue_list_take(&list), &op->node);
	assert_int_equal(op->result, result);
	queue_push(done, &list);
}

static uint64_t last_seq(struct bench *bench)
{
	uint64_t seq;

	assert_int_equal(bench->place->ops->last_seq(bench->place->store, &seq), 0);
	return seq;
}

/* In one group: what is submitted at once is taken at once. */
static void submit_mixed(struct bench *bench, struct journal_op ops[4])
{
	struct queue_list list;

	queue_list_init(&list);
	for (int i = 0; i < 4; i++)
		queue_list_append(&list, &make(bench, i % 2, &ops[i])->node);
	journal_submit(bench->journal, &list);
}

static void take_mixed(struct bench *bench, struct journal_op ops[4], int result)
{
	for (int client = 0; client < 2; client++) {
		take(bench, client, &ops[client], result);
		take(bench, client, &ops[client + 2], result);
	}
}

static void each_gets_its_own_back(void **state)
{
	struct bench *bench = *state;
	struct journal_op ops[4];

	submit_mixed(bench, ops);
	take_mixed(bench, ops, 0);
	assert_int_equal(last_seq(bench), 5);
	assert_int_equal(journal_totals(bench->journal).commits, 1);
	/* Numbered in the order in which they were submitted; 1 stands for none. */
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(ops[i].seq, i + 2);
	assert_int_equal(journal_last_seq(bench->journal), 5);
}

static void a_failure_breaks_whoever_was_in_it(void **state)
{
	struct bench *bench = *state;
	struct journal_op ops[4], a, b, c;

	store_memory_fail_commits(bench->place->path, 1, -ENOSPC);
	submit_mixed(bench, ops);
	take_mixed(bench, ops, -ENOSPC);
	assert_true(journal_is_failing(bench->journal));
	/* Nothing is committed on top of it; nobody else is concerned. */
	submit(bench, 0, &a);
	submit(bench, 1, &b);
	submit(bench, 2, &c);
	take(bench, 0, &a, -EIO);
	take(bench, 1, &b, -EIO);
	take(bench, 2, &c, 0);
	assert_false(journal_is_failing(bench->journal));
	assert_int_equal(c.seq, 2); /* nothing has been given a number before */
	assert_int_equal(last_seq(bench), c.seq);
	assert_int_equal(journal_last_seq(bench->journal), c.seq);
	assert_int_equal(journal_totals(bench->journal).failures, 1);
}

static void each_resumes_by_itself(void **state)
{
	struct bench *bench = *state;
	struct journal_op ops[4], a, b;

	store_memory_fail_commits(bench->place->path, 1, -ENOSPC);
	submit_mixed(bench, ops);
	take_mixed(bench, ops, -ENOSPC);
	journal_resume(&bench->clients[1]);
	submit(bench, 0, &a);
	submit(bench, 1, &b);
	take(bench, 0, &a, -EIO);
	take(bench, 1, &b, 0);
	journal_resume(&bench->clients[0]);
	submit(bench, 0, &a);
	take(bench, 0, &a, 0);
	assert_int_equal(last_seq(bench), a.seq);
}

/* Records of a local zone that are still being written are in every group. */
static void records_that_wait_fail_with_it(void **state)
{
	struct bench *bench = *state;
	struct changeset *changes = store_place_changes("a 60 IN A 192.0.2.1");
	struct journal_op records = {.kind = JOURNAL_RECORDS,
		.zone = 1,
		.seq = 1,
		.changes = changes,
		.target = "local",
		.client = &bench->clients[0]};
	struct journal_op row;
	struct queue_list list;

	store_memory_fail_commits(bench->place->path, 1, -ENOSPC);
	queue_list_init(&list);
	queue_list_append(&list, &records.node);
	queue_list_append(&list, &make(bench, 1, &row)->node);
	journal_submit(bench->journal, &list);
	take(bench, 0, &records, -ENOSPC);
	take(bench, 1, &row, -ENOSPC);
	submit(bench, 0, &row);
	take(bench, 0, &row, -EIO);
	changeset_unref(changes);
}

/* A cursor can be higher than all rows if those have been pruned, or the database has
 * been restored. */
static void numbers_continue_after_cursors(void **state)
{
	struct bench *bench = *state;
	const struct store_place *place = bench->place;
	struct journal_op op;
	char error[STORE_ERROR_MAX];

	journal_free(bench->journal);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "one", 100), 0);
	assert_int_equal(journal_new(&bench->journal, place->ops, place->path, error), 0);
	assert_int_equal(journal_last_seq(bench->journal), 100);
	submit(bench, 0, &op);
	take(bench, 0, &op, 0);
	assert_int_equal(op.seq, 101);
	journal_free(bench->journal);
	assert_int_equal(journal_new(&bench->journal, place->ops, place->path, error), 0);
	journal_pass_seq(bench->journal, 200);
	journal_pass_seq(bench->journal, 50);
	submit(bench, 0, &op);
	take(bench, 0, &op, 0);
	assert_int_equal(op.seq, 201);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_gets_its_own_back, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(
			a_failure_breaks_whoever_was_in_it, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(
			each_resumes_by_itself, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(
			records_that_wait_fail_with_it, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(
			numbers_continue_after_cursors, open_bench, close_bench),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
