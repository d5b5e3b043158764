/* The names heard of last can be found again, in pages, and only so many of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/request/seen.h"
#include "tests/unit/message.h"

static const struct name_seed seed = {{1, 2}};
static const struct ip_address address = {.family = 4, .octets = {192, 0, 2, 1}};

static void note(struct seen *seen, int64_t zone, const char *owner, int64_t at_s)
{
	seen_note(seen, zone, message_name(owner), message_name("key."), &address, at_s);
}

static int64_t time_of(const struct seen *seen, int64_t zone, const char *owner)
{
	const struct seen_host *host = seen_find(seen, zone, message_name(owner));

	return host ? host->at_s : 0;
}

static void the_last_time_counts(void **state)
{
	struct seen *seen = seen_new(&seed);
	const struct seen_host *host;
	size_t at = 0;

	(void)state;
	note(seen, 1, "a.example.", 10);
	note(seen, 1, "a.example.", 20);
	note(seen, 2, "a.example.", 15);
	assert_int_equal(time_of(seen, 1, "a.example."), 20);
	assert_int_equal(time_of(seen, 2, "a.example."), 15);
	assert_int_equal(time_of(seen, 1, "b.example."), 0);
	host = seen_next(seen, 1, &at);
	assert_non_null(host);
	assert_true(name_is_equal(host->key, message_name("key.")));
	assert_memory_equal(&host->source, &address, sizeof(address));
	assert_null(seen_next(seen, 1, &at));
	seen_free(seen);
	seen_free(NULL);
}

static void the_oldest_make_way(void **state)
{
	struct seen *seen = seen_new(&seed);
	size_t at = 0, count = 0;
	char owner[32];

	(void)state;
	for (int i = 1; i <= 4 * SEEN_MAX; i++) {
		snprintf(owner, sizeof(owner), "h%d.example.", i);
		note(seen, 1, owner, i);
		assert_int_equal(time_of(seen, 1, owner), i);
	}
	while (seen_next(seen, 1, &at))
		count++;
	assert_true(count <= SEEN_MAX && count > SEEN_MAX / 2);
	assert_int_equal(time_of(seen, 1, "h1.example."), 0);
	seen_free(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_time_counts),
		cmocka_unit_test(the_oldest_make_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
