/* Which of a server's places is used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/target/endpoints.h"

static void the_first_is_used_while_it_answers(void **state)
{
	struct endpoints e;

	(void)state;
	endpoints_init(&e, 3);
	assert_int_equal(e.current, 0);
	assert_false(endpoints_answer(&e, 0));
	assert_int_equal(e.current, 0);
}

static void one_that_fails_is_left_for_the_next(void **state)
{
	struct endpoints e;

	(void)state;
	endpoints_init(&e, 2);
	assert_true(endpoints_fail(&e, 0));
	assert_int_equal(e.current, 1);
	assert_true(endpoints_answer(&e, 1));
	assert_false(endpoints_answer(&e, 1));
	assert_int_equal(e.current, 1);
	assert_int_equal(e.answered, 1);
	assert_true(endpoints_fail(&e, 1));
	assert_int_equal(e.current, 0);
}

static void requests_that_fail_together_move_on_once(void **state)
{
	struct endpoints e;

	(void)state;
	endpoints_init(&e, 3);
	assert_true(endpoints_fail(&e, 0));
	assert_true(endpoints_fail(&e, 0));
	assert_true(endpoints_fail(&e, 0));
	assert_int_equal(e.current, 1);
}

static void each_is_tried_once_in_a_round(void **state)
{
	struct endpoints e;

	(void)state;
	endpoints_init(&e, 3);
	for (unsigned round = 0; round < 2; round++) {
		endpoints_begin(&e);
		assert_true(endpoints_fail(&e, 0));
		assert_true(endpoints_fail(&e, 1));
		assert_false(endpoints_fail(&e, 2));
		assert_false(endpoints_fail(&e, e.current));
		assert_int_equal(e.current, 0);
	}
	endpoints_init(&e, 1);
	assert_false(endpoints_fail(&e, 0));
}

static void a_late_answer_counts(void **state)
{
	struct endpoints e;

	(void)state;
	endpoints_init(&e, 2);
	assert_true(endpoints_fail(&e, 0));
	assert_false(endpoints_answer(&e, 0));
	assert_int_equal(e.current, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_is_used_while_it_answers),
		cmocka_unit_test(one_that_fails_is_left_for_the_next),
		cmocka_unit_test(requests_that_fail_together_move_on_once),
		cmocka_unit_test(each_is_tried_once_in_a_round),
		cmocka_unit_test(a_late_answer_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
