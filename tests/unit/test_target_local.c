/* The local target: what it asks the journal to do, and what it makes of the results. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/target/target.h"

enum { ZONE = 7, SEQ = 42 };

static struct {
	struct target_env env;
	struct target *target;
	struct changeset *changes;
	size_t operations;
	struct journal_op *op; /* what the journal has; NULL: nothing */
	unsigned calls;        /* of done */
	enum target_outcome outcome;
	char why[VERDICT_WHY_MAX];
} bench;

static void submit(void *thread, struct journal_op *op)
{
	assert_ptr_equal(thread, &bench);
	assert_null(bench.op);
	bench.op = op;
}

static int begin(void **state)
{
	struct config_target config = {.id = (char[]){"local"}};
	const struct target_zone zone = {.id = ZONE, .operations = &bench.operations};

	(void)state;
	memset(&bench, 0, sizeof(bench));
	bench.env = (struct target_env){.submit = submit, .thread = &bench};
	bench.target = target_local.new(&config, &zone, &bench.env);
	bench.changes = changeset_new();
	return bench.target && bench.changes ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	target_local.free(bench.target);
	changeset_unref(bench.changes);
	return 0;
}

static void on_done(void *arg, const struct target_result *result)
{
	assert_ptr_equal(arg, bench.target);
	bench.calls++;
	bench.outcome = result->outcome;
	snprintf(bench.why, sizeof(bench.why), "%s", result->verdict.why);
	assert_null(result->soa);
}

static void deliver(void)
{
	const struct target_batch batch = {.changes = bench.changes, .seq = SEQ};

	target_local.deliver(bench.target, &batch, on_done, bench.target);
	assert_int_equal(bench.calls, 0);
	assert_non_null(bench.op);
}

static void answer(int result)
{
	struct journal_op *op = bench.op;

	bench.op = NULL;
	op->result = result;
	op->done(op, op->arg);
}

static void test_records_and_cursor_are_one_operation(void **state)
{
	(void)state;
	deliver();
	assert_int_equal(bench.op->kind, JOURNAL_RECORDS);
	assert_int_equal(bench.op->zone, ZONE);
	assert_int_equal(bench.op->seq, SEQ);
	assert_string_equal(bench.op->target, "local");
	assert_ptr_equal(bench.op->changes, bench.changes);
	assert_ptr_equal(bench.op->outstanding, &bench.operations);
	answer(0);
	assert_int_equal(bench.calls, 1);
	assert_int_equal(bench.outcome, TARGET_DONE);
}

static void test_a_failure_is_tried_again(void **state)
{
	(void)state;
	deliver();
	answer(-ENOSPC);
	assert_int_equal(bench.calls, 1);
	assert_int_equal(bench.outcome, TARGET_FAILED);
	assert_string_equal(bench.why, "the database fails");
	bench.calls = 0;
	deliver();
	answer(0);
	assert_int_equal(bench.outcome, TARGET_DONE);
}

/* The journal still reads what it has. */
static void test_it_may_be_freed_meanwhile(void **state)
{
	(void)state;
	deliver();
	target_local.free(bench.target);
	changeset_unref(bench.changes);
	bench.target = NULL;
	bench.changes = NULL;
	assert_int_equal(bench.op->changes->count, 0);
	assert_string_equal(bench.op->target, "local");
	answer(0);
	assert_int_equal(bench.calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_records_and_cursor_are_one_operation),
		TEST(test_a_failure_is_tried_again),
		TEST(test_it_may_be_freed_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
