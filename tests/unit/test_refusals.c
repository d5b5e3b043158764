/* The last refusals can be found by their numbers, and older ones cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/journal/refusals.h"
#include "tests/unit/message.h"

static void refuse(struct refusals *refusals, uint64_t id, const char *key)
{
	struct refusal refusal = {.id = id, .has_key = true};
	const uint8_t *name = message_name(key);

	memcpy(refusal.key, name, name_len(name));
	snprintf(refusal.why, sizeof(refusal.why), "unknown key %s", key);
	refusals_note(refusals, &refusal);
}

static void it_is_found(void **state)
{
	struct refusals *refusals = refusals_new();
	struct refusal refusal;

	(void)state;
	assert_false(refusals_find(refusals, 0, &refusal));
	refuse(refusals, 7, "a.");
	refuse(refusals, 8, "b.");
	assert_true(refusals_find(refusals, 7, &refusal));
	assert_true(name_is_equal(refusal.key, message_name("a.")));
	assert_string_equal(refusal.why, "unknown key a.");
	assert_false(refusals_find(refusals, 9, &refusal));
	refusals_free(refusals);
	refusals_free(NULL);
}

static void the_oldest_make_way(void **state)
{
	struct refusals *refusals = refusals_new();
	struct refusal refusal;

	(void)state;
	for (uint64_t id = 1; id <= REFUSALS_MAX + 1; id++)
		refuse(refusals, id, "a.");
	assert_false(refusals_find(refusals, 1, &refusal));
	assert_true(refusals_find(refusals, 2, &refusal));
	assert_true(refusals_find(refusals, REFUSALS_MAX + 1, &refusal));
	refusals_free(refusals);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_found),
		cmocka_unit_test(the_oldest_make_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
