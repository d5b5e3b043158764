/* Who may ask a server now. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/target/request_pool.h"

enum { TICKETS = 64, NOW_MS = 1000 };

struct bench {
	struct request_pool pool;
	struct pool_ticket tickets[TICKETS];
};

static void set_up(struct bench *b)
{
	*b = (struct bench){0};
	request_pool_init(&b->pool);
	assert_false(request_pool_open(&b->pool));
}

static void enter(struct bench *b, unsigned from, unsigned to, enum pool_line line)
{
	for (; from < to; from++)
		assert_true(
			request_pool_enter(&b->pool, &b->tickets[from], line, NOW_MS));
}

/* The number of the next that gets a place; -1: none does. */
static int next(struct bench *b)
{
	bool is_trial;
	struct pool_ticket *ticket = request_pool_next(&b->pool, &is_trial);

	assert_int_equal(is_trial, b->pool.state != POOL_OPEN);
	return ticket ? (int)(ticket - b->tickets) : -1;
}

/* All that get a place. */
static unsigned let_in(struct bench *b)
{
	unsigned count = 0;

	while (next(b) >= 0)
		count++;
	return count;
}

static void zones_take_turns(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	enter(&b, 0, 10, POOL_READS);
	for (int i = 0; i < POOL_START; i++)
		assert_int_equal(next(&b), i);
	assert_int_equal(next(&b), -1);
	/* The first is answered and asks again. */
	assert_false(request_pool_answered(&b.pool, &b.tickets[0]));
	enter(&b, 0, 1, POOL_READS);
	for (int i = POOL_START; i < 10; i++) {
		assert_int_equal(next(&b), i);
		request_pool_answered(&b.pool, &b.tickets[i]);
	}
	assert_int_equal(next(&b), 0);
}

static void reads_and_writes_do_not_wait_for_each_other(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	enter(&b, 0, 10, POOL_READS);
	assert_int_equal(let_in(&b), POOL_START);
	enter(&b, 10, 20, POOL_WRITES);
	assert_int_equal(next(&b), 10);
	assert_int_equal(let_in(&b), POOL_START - 1);
}

static void assert_use(
	const struct bench *b, bool is_writes, unsigned inside, unsigned waiting)
{
	const struct pool_use use = request_pool_look(&b->pool, is_writes);

	assert_int_equal(use.inside, inside);
	assert_int_equal(use.waiting, waiting);
	assert_int_equal(use.places, POOL_START);
}

static void who_is_there_is_counted(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	enter(&b, 0, 10, POOL_READS);
	enter(&b, 10, 12, POOL_WRITES);
	enter(&b, 12, 16, POOL_CHORES);
	assert_use(&b, false, 0, 10);
	assert_use(&b, true, 0, 6);
	assert_int_equal(let_in(&b), 2 * POOL_START);
	assert_use(&b, false, POOL_START, 10 - POOL_START);
	assert_use(&b, true, POOL_START, 6 - POOL_START);
	request_pool_answered(&b.pool, &b.tickets[0]);
	assert_use(&b, false, POOL_START - 1, 10 - POOL_START);
	assert_int_equal(request_pool_look(&b.pool, false).started, POOL_START);
}

static void chores_have_few_turns(void **state)
{
	int chores = 0;
	struct bench b;

	(void)state;
	set_up(&b);
	request_pool_set_writes_max(&b.pool, 1);
	enter(&b, 0, 20, POOL_CHORES);
	enter(&b, 20, 60, POOL_WRITES);
	for (unsigned i = 0; i < 2 * POOL_CHORE_TURN; i++) {
		const int number = next(&b);

		assert_int_equal(next(&b), -1); /* they share the places */
		if (number < 20)
			assert_int_equal(number, chores++);
		request_pool_answered(&b.pool, &b.tickets[number]);
	}
	assert_int_equal(chores, 2);
	for (unsigned i = 20; i < 60; i++)
		if (b.tickets[i].state == POOL_WAITING)
			request_pool_leave(&b.pool, &b.tickets[i]);
	assert_int_equal(next(&b), 2);
	request_pool_leave(&b.pool, &b.tickets[2]);
	assert_int_equal(next(&b), 3);
}

static void who_gives_up_leaves_a_place(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	enter(&b, 0, 10, POOL_WRITES);
	assert_int_equal(let_in(&b), POOL_START);
	request_pool_leave(&b.pool, &b.tickets[POOL_START]); /* it waits */
	assert_int_equal(next(&b), -1);
	request_pool_leave(&b.pool, &b.tickets[0]);
	assert_int_equal(next(&b), POOL_START + 1);
}

/* Of a lane that is always full, this many requests are answered. */
static void answer_many(struct bench *b, enum pool_line line, unsigned count)
{
	for (unsigned i = 0; i < TICKETS; i++)
		if (b->tickets[i].state == POOL_OUTSIDE)
			enter(b, i, i + 1, line);
	for (unsigned i = 0; count; i = (i + 1) % TICKETS) {
		(void)let_in(b);
		if (b->tickets[i].state != POOL_INSIDE)
			continue;
		request_pool_answered(&b->pool, &b->tickets[i]);
		enter(b, i, i + 1, line);
		count--;
	}
	(void)let_in(b);
}

static unsigned places(const struct bench *b, enum pool_line line)
{
	return (line == POOL_READS ? &b->pool.reads : &b->pool.writes)->places;
}

static void more_are_let_in_while_that_goes_well(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	answer_many(&b, POOL_READS, POOL_START * POOL_PATIENCE - 1);
	assert_int_equal(places(&b, POOL_READS), POOL_START);
	answer_many(&b, POOL_READS, 1);
	assert_int_equal(places(&b, POOL_READS), POOL_START + 1);
	answer_many(&b, POOL_READS, 100 * POOL_PATIENCE);
	answer_many(&b, POOL_READS, 100 * POOL_PATIENCE);
	assert_int_equal(places(&b, POOL_READS), POOL_MAX);
	assert_int_equal(places(&b, POOL_WRITES), POOL_START);
}

static void nothing_is_learned_while_nobody_waits(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	for (unsigned i = 0; i < 100 * POOL_PATIENCE; i++) {
		enter(&b, 0, 1, POOL_WRITES);
		assert_int_equal(next(&b), 0);
		request_pool_answered(&b.pool, &b.tickets[0]);
	}
	assert_int_equal(places(&b, POOL_WRITES), POOL_START);
}

static void who_is_not_answered_makes_it_fewer(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	enter(&b, 0, 30, POOL_READS);
	assert_int_equal(let_in(&b), 4);
	/* All that was sent before is one event. */
	for (unsigned i = 0; i < 4; i++) {
		request_pool_unanswered(&b.pool, &b.tickets[i]);
		assert_int_equal(places(&b, POOL_READS), 2);
		request_pool_open(&b.pool);
	}
	assert_int_equal(let_in(&b), 2);
	request_pool_unanswered(&b.pool, &b.tickets[4]);
	assert_int_equal(places(&b, POOL_READS), 1);
	request_pool_answered(&b.pool, &b.tickets[5]);
	assert_int_equal(let_in(&b), 1);
	request_pool_unanswered(&b.pool, &b.tickets[6]);
	assert_int_equal(places(&b, POOL_READS), 1);
}

static void writers_in_each_others_way_become_one(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	enter(&b, 0, 10, POOL_WRITES);
	assert_int_equal(let_in(&b), 4);
	assert_true(request_pool_conflicted(&b.pool, &b.tickets[2], false));
	assert_int_equal(places(&b, POOL_WRITES), 1);
	assert_int_equal(next(&b), -1);
	request_pool_answered(&b.pool, &b.tickets[0]);
	request_pool_answered(&b.pool, &b.tickets[1]);
	assert_int_equal(next(&b), -1);
	request_pool_answered(&b.pool, &b.tickets[3]);
	assert_int_equal(next(&b), 2); /* before all others */
	assert_int_equal(next(&b), -1);
	/* A second one is not tried again soon. */
	request_pool_answered(&b.pool, &b.tickets[2]);
	answer_many(&b, POOL_WRITES, POOL_PATIENCE * POOL_PATIENCE_FACTOR - 4 - 1);
	assert_int_equal(places(&b, POOL_WRITES), 1);
	answer_many(&b, POOL_WRITES, 1);
	assert_int_equal(places(&b, POOL_WRITES), 2);
}

static void one_that_fails_alone_says_nothing_of_others(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	enter(&b, 0, 1, POOL_WRITES);
	for (unsigned i = 1; i < POOL_CONFLICTS_MAX; i++) {
		assert_int_equal(next(&b), 0);
		assert_true(request_pool_conflicted(&b.pool, &b.tickets[0], false));
		assert_int_equal(places(&b, POOL_WRITES), POOL_START);
	}
	assert_int_equal(next(&b), 0);
	assert_false(request_pool_conflicted(&b.pool, &b.tickets[0], false));
	request_pool_answered(&b.pool, &b.tickets[0]);
	/* Another program has the lock, and says so. */
	enter(&b, 0, 1, POOL_WRITES);
	assert_int_equal(next(&b), 0);
	assert_true(request_pool_conflicted(&b.pool, &b.tickets[0], true));
	assert_int_equal(places(&b, POOL_WRITES), 1);
}

static void a_server_that_takes_one_writer_never_gets_two(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	request_pool_set_writes_max(&b.pool, 1);
	enter(&b, 0, 10, POOL_WRITES);
	assert_int_equal(let_in(&b), 1);
	answer_many(&b, POOL_WRITES, 100 * POOL_PATIENCE);
	assert_int_equal(places(&b, POOL_WRITES), 1);
	request_pool_set_writes_max(&b.pool, 100);
	answer_many(&b, POOL_WRITES, 1000 * POOL_PATIENCE);
	assert_int_equal(places(&b, POOL_WRITES), POOL_MAX);
}

static void a_new_server_is_tried_with_one(void **state)
{
	struct bench b = {0};

	(void)state;
	request_pool_init(&b.pool);
	enter(&b, 0, 5, POOL_READS);
	enter(&b, 5, 10, POOL_WRITES);
	assert_int_equal(next(&b), 5);
	assert_int_equal(next(&b), -1);
	request_pool_leave(&b.pool, &b.tickets[5]); /* its zone is gone */
	assert_int_equal(next(&b), 6);
	assert_int_equal(next(&b), -1);
	assert_false(request_pool_open(&b.pool));
	assert_int_equal(let_in(&b), POOL_START - 1 + POOL_START);
}

static unsigned refuse_all(struct bench *b)
{
	unsigned count = 0;

	while (request_pool_refuse(&b->pool))
		count++;
	return count;
}

static void a_server_that_is_down_is_tried_by_one_at_a_time(void **state)
{
	struct bench b;
	bool (*const enter_pool)(struct request_pool *, struct pool_ticket *,
		enum pool_line, int64_t) = request_pool_enter;

	(void)state;
	set_up(&b);
	enter(&b, 0, 10, POOL_READS);
	assert_int_equal(let_in(&b), 4);
	request_pool_leave(&b.pool, &b.tickets[0]);
	request_pool_shut(&b.pool, &b.tickets[0], NOW_MS);
	assert_int_equal(refuse_all(&b), 6);
	/* Others are refused for a while; whoever found out has a back-off of its own. */
	assert_false(enter_pool(&b.pool, &b.tickets[9], POOL_READS, NOW_MS));
	assert_true(enter_pool(&b.pool, &b.tickets[0], POOL_READS, NOW_MS + 100));
	assert_int_equal(next(&b), 0);
	assert_false(
		enter_pool(&b.pool, &b.tickets[9], POOL_READS, NOW_MS + POOL_TRY_MS));
	request_pool_leave(&b.pool, &b.tickets[0]);
	request_pool_shut(&b.pool, &b.tickets[0], NOW_MS + 100);
	assert_true(enter_pool(
		&b.pool, &b.tickets[9], POOL_WRITES, NOW_MS + 100 + POOL_TRY_MS));
	assert_int_equal(next(&b), 9);
	assert_true(request_pool_open(&b.pool));
	enter(&b, 0, 1, POOL_READS);
	assert_int_equal(next(&b), 0);
}

static void two_that_are_not_answered_are_too_many(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	enter(&b, 0, 10, POOL_READS);
	assert_int_equal(let_in(&b), 4);
	assert_false(request_pool_unanswered(&b.pool, &b.tickets[0]));
	request_pool_answered(&b.pool, &b.tickets[1]);
	assert_false(request_pool_unanswered(&b.pool, &b.tickets[2]));
	assert_true(request_pool_unanswered(&b.pool, &b.tickets[3]));
	request_pool_shut(&b.pool, &b.tickets[3], NOW_MS);
	assert_int_equal(refuse_all(&b), 6);
}

static void a_late_answer_opens_it(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	enter(&b, 0, 2, POOL_READS);
	assert_int_equal(let_in(&b), 2);
	request_pool_leave(&b.pool, &b.tickets[0]);
	request_pool_shut(&b.pool, &b.tickets[0], NOW_MS);
	assert_true(request_pool_answered(&b.pool, &b.tickets[1]));
	enter(&b, 0, 2, POOL_READS);
	assert_int_equal(let_in(&b), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_take_turns),
		cmocka_unit_test(reads_and_writes_do_not_wait_for_each_other),
		cmocka_unit_test(who_is_there_is_counted),
		cmocka_unit_test(chores_have_few_turns),
		cmocka_unit_test(who_gives_up_leaves_a_place),
		cmocka_unit_test(more_are_let_in_while_that_goes_well),
		cmocka_unit_test(nothing_is_learned_while_nobody_waits),
		cmocka_unit_test(who_is_not_answered_makes_it_fewer),
		cmocka_unit_test(writers_in_each_others_way_become_one),
		cmocka_unit_test(one_that_fails_alone_says_nothing_of_others),
		cmocka_unit_test(a_server_that_takes_one_writer_never_gets_two),
		cmocka_unit_test(a_new_server_is_tried_with_one),
		cmocka_unit_test(a_server_that_is_down_is_tried_by_one_at_a_time),
		cmocka_unit_test(two_that_are_not_answered_are_too_many),
		cmocka_unit_test(a_late_answer_opens_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
