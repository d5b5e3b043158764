/* The handles that the memory store has for tests. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/unit/message.h"
#include "tests/unit/store_memory.h"
#include "tests/unit/store_place.h"

static void append_and_commit(struct store_place *place, uint64_t seq, int expected)
{
	assert_int_equal(place->ops->begin(place->store), 0);
	store_place_append(place, 1, seq, "a 60 IN A 192.0.2.1");
	assert_int_equal(place->ops->commit(place->store), expected);
}

static uint64_t last_seq(struct store_place *place)
{
	uint64_t seq;

	assert_int_equal(place->ops->last_seq(place->store, &seq), 0);
	return seq;
}

static void commits_fail_as_often_as_they_are_told(void **state)
{
	struct store_place *place = *state;

	append_and_commit(place, 1, 0);
	store_memory_fail_commits(place->path, 2, -ENOSPC);
	for (uint64_t seq = 2; seq < 4; seq++) {
		append_and_commit(place, seq, -ENOSPC);
		place->ops->rollback(place->store);
		assert_int_equal(last_seq(place), 1);
	}
	append_and_commit(place, 2, 0);
	assert_int_equal(last_seq(place), 2);
}

static int expect_lease(const struct lease_record *lease, void *arg)
{
	++*(int *)arg;
	return lease->deadline_ms == 1 ? 0 : -EPROTO;
}

static void what_was_replaced_and_removed_comes_back(void **state)
{
	struct store_place *place = *state;
	struct lease_record lease = {.owner = message_name("a.example."),
		.key = message_name("key."),
		.deadline_ms = 1};
	const struct verdict none = verdict_ok();
	int count = 0;

	assert_int_equal(place->ops->put_lease(place->store, 1, &lease), 0);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "one", 1), 0);
	assert_int_equal(place->ops->begin(place->store), 0);
	lease.deadline_ms = 2;
	assert_int_equal(place->ops->put_lease(place->store, 1, &lease), 0);
	assert_int_equal(place->ops->remove_lease(place->store, 1, &lease), 0);
	lease.deadline_ms = 3;
	assert_int_equal(place->ops->put_lease(place->store, 1, &lease), 0);
	assert_int_equal(place->ops->forget_cursor(place->store, 1, "one"), 0);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "two", 1), 0);
	assert_int_equal(place->ops->forget_cursor(place->store, 1, "two"), 0);
	assert_int_equal(place->ops->set_aside(place->store, 1, "one", 1, 1, &none), 0);
	place->ops->rollback(place->store);
	assert_int_equal(
		place->ops->each_lease(place->store, 1, expect_lease, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(store_place_cursor(place, 1, "one"), 1);
	assert_int_equal(store_place_cursor(place, 1, "two"), 0);
}

struct writer_beside {
	struct store_place *place;
	atomic_bool is_done;
};

static void *write_beside(void *arg)
{
	struct writer_beside *beside = arg;

	append_and_commit(beside->place, 7, 0);
	atomic_store(&beside->is_done, true);
	return NULL;
}

static void nothing_begins_while_it_is_held(void **state)
{
	struct store_place *place = *state;
	struct writer_beside beside = {.place = place};
	pthread_t thread;

	store_memory_hold(place->path);
	assert_int_equal(pthread_create(&thread, NULL, write_beside, &beside), 0);
	/* Others read, and find nothing of it. */
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(last_seq(place), 0);
	assert_false(atomic_load(&beside.is_done));
	store_memory_release(place->path);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(last_seq(place), 7);
}

static void databases_have_names(void **state)
{
	struct store_place *place = *state;
	char error[STORE_ERROR_MAX];
	struct store *other;
	uint64_t seq;

	append_and_commit(place, 1, 0);
	assert_int_equal(place->ops->open(&other, "another", error), 0);
	assert_int_equal(place->ops->last_seq(other, &seq), 0);
	assert_int_equal(seq, 0);
	store_memory_forget("another"); /* in use: it stays */
	place->ops->close(other);
	store_memory_forget("another");
	assert_int_equal(last_seq(place), 1);
}

#define TEST(function)                                                                   \
	cmocka_unit_test_setup_teardown(                                                 \
		function, store_place_open_memory, store_place_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(commits_fail_as_often_as_they_are_told),
		TEST(what_was_replaced_and_removed_comes_back),
		TEST(nothing_begins_while_it_is_held),
		TEST(databases_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
