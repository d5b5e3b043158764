/*
 * How many TCP connections a listener thread may have: what the gateway itself needs
 * comes first.  What becomes of connections is tests/servers/test_connections.py's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/listener/listener.h"
#include "tests/unit/config_messages.h"

#define ZONE(targets)                                                                    \
	"zones = ( { name = \"example.\"; allow = ( ); targets = ( " targets " ); } );"

static size_t max_of(const char *text, size_t threads, size_t sockets, size_t limit)
{
	struct config *config = NULL;
	struct config_messages messages;

	assert_int_equal(config_parse_exact(&config, text, &messages), 0);
	const size_t max = listener_connections_max(config, threads, sockets, limit);
	config_unref(config);
	return max;
}

static void threads_share_what_is_left(void **state)
{
	(void)state;
	const char *local = ZONE("{ type = \"local\"; }");

	assert_int_equal(max_of(local, 1, 2, 1024), 1024 - 64 - 6);
	assert_int_equal(max_of(local, 2, 4, 1024), (1024 - 64 - 16) / 2);
	assert_int_equal(max_of(local, 4, 4, 1024), (1024 - 64 - 32) / 4);
}

static void package_defaults_carry_ten_thousand(void **state)
{
	(void)state;
	const char *local = ZONE("{ type = \"local\"; }");

	/* However unevenly two threads get them. */
	assert_int_equal(max_of(local, 2, 4, 65536), 16384);
	assert_true(max_of(local, 2, 4, 20480) >= 10000);
	/* More threads get more even shares: these are twice what is needed. */
	assert_true(max_of(local, 64, 4, 65536) >= 2 * (10000 / 64));
}

static void targets_come_first(void **state)
{
	(void)state;
	const size_t without = max_of(ZONE("{ type = \"local\"; }"), 1, 2, 1024);

	assert_int_equal(max_of(ZONE("{ type = \"local\"; notify = [ \"192.0.2.1\", "
				     "\"192.0.2.2\" ]; }"),
				 1, 2, 1024),
		without - 2);
	assert_int_equal(
		max_of(ZONE("{ type = \"ddns\"; address = \"192.0.2.1\"; }"), 1, 2, 1024),
		without - 4);
	assert_int_equal(max_of(ZONE("{ type = \"ddns\"; address = \"192.0.2.1\"; }, "
				     "{ type = \"ddns\"; address = \"192.0.2.2\"; }"),
				 1, 2, 1024),
		without - 8);
}

static void some_are_always_there(void **state)
{
	(void)state;
	const char *local = ZONE("{ type = \"local\"; }");

	assert_int_equal(max_of(local, 2, 4, 0), 16);
	assert_int_equal(max_of(local, 2, 4, 80), 16);
	assert_int_equal(max_of(local, 2, 4, 80 + 32), 16);
	assert_int_equal(max_of(local, 2, 4, 80 + 34), 17);
	assert_int_equal(max_of(local, 1, 4, SIZE_MAX), 16384);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_share_what_is_left),
		cmocka_unit_test(package_defaults_carry_ten_thousand),
		cmocka_unit_test(targets_come_first),
		cmocka_unit_test(some_are_always_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
