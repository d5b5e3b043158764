/* Reads of the database for control: their order, their limit, and those that are given
 * up. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/control/control_reader.h"
#include "tests/unit/message.h"
#include "tests/unit/store_place.h"

enum { READS = CONTROL_READS_MAX + 2 };

struct bench {
	struct store_place *place;
	struct event_base *base;
	struct control_reader *reader;
	sem_t begun, may_end; /* of slow reads */
	struct control_read reads[READS];
	bool is_unwanted[READS];
	int done[READS]; /* indexes, in order */
	size_t done_count, run_count;
};

static int index_of(const struct bench *b, const struct control_read *read)
{
	return (int)(read - b->reads);
}

static bool is_wanted(const struct control_read *read, void *arg)
{
	const struct bench *b = arg;

	return !b->is_unwanted[index_of(b, read)];
}

static void on_done(struct control_read *read, void *arg)
{
	struct bench *b = arg;

	b->done[b->done_count++] = index_of(b, read);
}

static int look_slowly(
	struct reader_job *job, const struct store_ops *ops, struct store *store)
{
	struct bench *b = ((struct control_read *)(void *)job)->arg;

	(void)ops;
	(void)store;
	b->run_count++;
	sem_post(&b->begun);
	sem_wait(&b->may_end);
	return 0;
}

static int look(struct reader_job *job, const struct store_ops *ops, struct store *store)
{
	struct bench *b = ((struct control_read *)(void *)job)->arg;
	uint64_t seq;

	b->run_count++;
	return ops->last_seq(store, &seq);
}

static void open_bench(struct bench *b, struct store_place *place, const char *path)
{
	const struct control_reader_user user = {is_wanted, on_done, b};

	memset(b, 0, sizeof(*b));
	b->place = place;
	b->base = event_base_new();
	assert_non_null(b->base);
	sem_init(&b->begun, 0, 0);
	sem_init(&b->may_end, 0, 0);
	for (size_t i = 0; i < READS; i++)
		b->reads[i] = (struct control_read){.job.run = look, .arg = b};
	assert_int_equal(
		control_reader_new(&b->reader, b->base, place->ops, path, &user), 0);
}

static void close_bench(struct bench *b)
{
	control_reader_stop(b->reader);
	control_reader_free(b->reader);
	event_base_free(b->base);
	sem_destroy(&b->begun);
	sem_destroy(&b->may_end);
}

static void add(struct bench *b, int i, bool is_short)
{
	assert_true(control_reader_add(b->reader, &b->reads[i], is_short));
}

/* A read that is not done before may_end says so. */
static void add_slow(struct bench *b, int i)
{
	b->reads[i].job.run = look_slowly;
	add(b, i, false);
	sem_wait(&b->begun);
}

static void run_until_done(struct bench *b, size_t count)
{
	while (b->done_count < count)
		event_base_loop(b->base, EVLOOP_ONCE);
}

static void short_ones_go_first(void **state)
{
	struct bench b;

	open_bench(&b, *state, ((struct store_place *)*state)->path);
	add_slow(&b, 0);
	add(&b, 1, false);
	add(&b, 2, false);
	add(&b, 3, true);
	/* The loop of whoever asks waits for none of them. */
	event_base_loop(b.base, EVLOOP_NONBLOCK);
	assert_int_equal(b.done_count, 0);
	sem_post(&b.may_end);
	run_until_done(&b, 4);
	assert_int_equal(b.done[0], 0);
	assert_int_equal(b.done[1], 3);
	assert_int_equal(b.done[2], 1);
	assert_int_equal(b.done[3], 2);
	for (int i = 0; i < 4; i++)
		assert_string_equal(b.reads[i].job.error, "");
	close_bench(&b);
}

static void whoever_has_left_is_passed_over(void **state)
{
	struct bench b;

	open_bench(&b, *state, ((struct store_place *)*state)->path);
	add_slow(&b, 0);
	add(&b, 1, false);
	add(&b, 2, false);
	b.is_unwanted[1] = true;
	sem_post(&b.may_end);
	run_until_done(&b, 3);
	assert_true(b.reads[1].is_given_up);
	assert_false(b.reads[0].is_given_up || b.reads[2].is_given_up);
	assert_int_equal(b.run_count, 2);
	close_bench(&b);
}

static void so_many_may_wait(void **state)
{
	struct bench b;

	open_bench(&b, *state, ((struct store_place *)*state)->path);
	add_slow(&b, 0);
	for (int i = 1; i <= CONTROL_READS_MAX; i++)
		add(&b, i, i % 2);
	assert_false(control_reader_add(b.reader, &b.reads[CONTROL_READS_MAX + 1], true));
	sem_post(&b.may_end);
	run_until_done(&b, CONTROL_READS_MAX + 1);
	add(&b, CONTROL_READS_MAX + 1, true);
	run_until_done(&b, CONTROL_READS_MAX + 2);
	close_bench(&b);
}

static void what_is_left_at_the_end_comes_back(void **state)
{
	struct bench b;

	open_bench(&b, *state, ((struct store_place *)*state)->path);
	add_slow(&b, 0);
	add(&b, 1, false);
	add(&b, 2, true);
	sem_post(&b.may_end);
	control_reader_stop(b.reader);
	assert_ptr_equal(control_reader_take_left(b.reader), &b.reads[0]);
	assert_ptr_equal(control_reader_take_left(b.reader), &b.reads[2]);
	assert_ptr_equal(control_reader_take_left(b.reader), &b.reads[1]);
	assert_null(control_reader_take_left(b.reader));
	assert_int_equal(b.run_count, 1);
	close_bench(&b);
}

static void a_database_that_cannot_be_opened_is_said_to_be(void **state)
{
	struct bench b;

	open_bench(&b, *state, "/nonexistent/muster.db");
	add(&b, 0, false);
	run_until_done(&b, 1);
	assert_string_equal(
		b.reads[0].job.error, "the database cannot be opened for reading");
	assert_int_equal(b.run_count, 0);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_PLACE_SQLITE_TEST(short_ones_go_first),
		STORE_PLACE_SQLITE_TEST(whoever_has_left_is_passed_over),
		STORE_PLACE_SQLITE_TEST(so_many_may_wait),
		STORE_PLACE_SQLITE_TEST(what_is_left_at_the_end_comes_back),
		STORE_PLACE_SQLITE_TEST(a_database_that_cannot_be_opened_is_said_to_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
