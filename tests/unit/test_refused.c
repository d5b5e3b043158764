/* What a target has just refused again and again is not sent to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/content/refused.h"
#include "tests/unit/message.h"

static struct refused *bench;

static int end(void **state)
{
	(void)state;
	refused_free(bench);
	bench = NULL;
	return 0;
}

/* Appends the addition of an A, or the change from one to the other: the last octet. */
static void append(struct changeset *cs, const char *owner, uint8_t before, uint8_t after)
{
	uint8_t rdata[] = {192, 0, 2, 0};
	struct rrset *old = NULL, *new;

	rdata[3] = before;
	if (before)
		old = rrset_new(TYPE_A, 60, rdata, sizeof(rdata));
	rdata[3] = after;
	new = rrset_new(TYPE_A, 60, rdata, sizeof(rdata));
	assert_int_equal(changeset_append(cs, message_name(owner), TYPE_A, old, new), 0);
	rrset_unref(old);
	rrset_unref(new);
}

static struct changeset *changes_of(const char *owner, uint8_t before, uint8_t after)
{
	struct changeset *cs = changeset_new();

	assert_non_null(cs);
	append(cs, owner, before, after);
	return cs;
}

static void refuse(struct changeset *cs, int64_t now_ms)
{
	const struct verdict why =
		verdict_refuse(RCODE_REFUSED, EDE_OTHER, "target says REFUSED");

	refused_note(&bench, cs, &why, now_ms);
}

/* Takes over the change set. */
static bool is_refused(struct changeset *cs, int64_t now_ms)
{
	const struct verdict v = refused_check(bench, cs, now_ms);

	if (!verdict_is_ok(&v))
		assert_string_equal(v.why, "target says REFUSED");
	changeset_unref(cs);
	return !verdict_is_ok(&v);
}

static void twice_and_for_a_moment(void **state)
{
	struct changeset *bad = changes_of("bad.", 0, 1);

	(void)state;
	assert_false(is_refused(changeset_ref(bad), 0));
	refuse(bad, 0);
	assert_false(is_refused(changeset_ref(bad), 1));
	refuse(bad, 5000);
	assert_true(is_refused(changeset_ref(bad), 5000));
	assert_true(is_refused(changeset_ref(bad), 5000 + REFUSED_MS - 1));
	assert_false(is_refused(changeset_ref(bad), 5000 + REFUSED_MS));
	refuse(bad, 7000);
	assert_true(is_refused(changeset_ref(bad), 7001));
	changeset_unref(bad);
}

static void after_long_it_is_the_first_time_again(void **state)
{
	struct changeset *bad = changes_of("bad.", 0, 1);

	(void)state;
	refuse(bad, 0);
	refuse(bad, REFUSED_FORGET_MS);
	assert_false(is_refused(changeset_ref(bad), REFUSED_FORGET_MS));
	changeset_unref(bad);
}

static void only_the_very_same_change(void **state)
{
	struct changeset *bad = changes_of("bad.", 0, 1), *with_others;

	(void)state;
	refuse(bad, 0);
	refuse(bad, 0);
	assert_false(is_refused(changes_of("good.", 0, 1), 1));
	assert_false(is_refused(changes_of("bad.", 0, 2), 1));
	assert_false(is_refused(changes_of("bad.", 2, 1), 1));
	with_others = changes_of("a.", 0, 1);
	append(with_others, "bad.", 0, 1);
	assert_true(is_refused(with_others, 1));
	changeset_unref(bad);
}

/* Which of them is minded? */
static void of_several_nothing_is_known(void **state)
{
	struct changeset *both = changes_of("a.", 0, 1);

	(void)state;
	append(both, "b.", 0, 1);
	refuse(both, 0);
	refuse(both, 0);
	assert_false(is_refused(both, 1));
}

static void the_oldest_makes_way(void **state)
{
	struct changeset *changes[REFUSED_MAX + 1];

	(void)state;
	for (int i = 0; i <= REFUSED_MAX; i++) {
		changes[i] = changes_of("a.", 0, (uint8_t)(i + 1));
		refuse(changes[i], i);
		refuse(changes[i], i);
	}
	assert_false(is_refused(changes[0], REFUSED_MAX));
	for (int i = 1; i <= REFUSED_MAX; i++)
		assert_true(is_refused(changes[i], REFUSED_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(twice_and_for_a_moment, end),
		cmocka_unit_test_teardown(after_long_it_is_the_first_time_again, end),
		cmocka_unit_test_teardown(only_the_very_same_change, end),
		cmocka_unit_test_teardown(of_several_nothing_is_known, end),
		cmocka_unit_test_teardown(the_oldest_makes_way, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
