/*
 * How many TCP connections a listener thread may have: what the gateway itself needs
 * comes first, and no source may have all of them; which peers count as not reading; and
 * how many requests a connection may have in progress.  What happens to connections is
 * tested by tests/servers/test_connections.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "gateway/listener/listener.h"
#include "gateway/listener/listener_output.h"
#include "gateway/listener/listener_source.h"
#include "gateway/listener/listener_window.h"
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

/* ---- sources ---- */

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage ret = {.ss_family = AF_INET};

	if (inet_pton(AF_INET, text, &((struct sockaddr_in *)(void *)&ret)->sin_addr) ==
		1)
		return ret;
	ret.ss_family = AF_INET6;
	assert_int_equal(inet_pton(AF_INET6, text,
				 &((struct sockaddr_in6 *)(void *)&ret)->sin6_addr),
		1);
	return ret;
}

static struct listener_source *take(struct listener_sources *sources, const char *text)
{
	const struct sockaddr_storage from = address(text);
	struct listener_source *source = listener_source_take(sources, &from);

	assert_non_null(source);
	return source;
}

static void sources_are_counted(void **state)
{
	static struct listener_sources sources;
	const struct sockaddr_storage a = address("192.0.2.1");
	struct listener_source *one = take(&sources, "192.0.2.1");
	struct listener_source *two = take(&sources, "192.0.2.2");

	(void)state;
	assert_ptr_not_equal(one, two);
	assert_ptr_equal(take(&sources, "192.0.2.1"), one);
	assert_int_equal(one->count, 2);
	assert_int_equal(two->count, 1);
	listener_source_drop(&sources, two);
	listener_source_drop(&sources, one);
	assert_ptr_equal(listener_source_find(&sources, &a), one);
	listener_source_drop(&sources, one);
	assert_null(listener_source_find(&sources, &a));
}

static void a_network_of_ipv6_is_one_source(void **state)
{
	static struct listener_sources sources;
	struct listener_source *one = take(&sources, "2001:db8:0:1::1");
	struct listener_source *other = take(&sources, "2001:db8:0:2::1");

	(void)state;
	assert_ptr_equal(take(&sources, "2001:db8:0:1:ffff::2"), one);
	assert_ptr_not_equal(one, other);
	listener_source_drop(&sources, one);
	listener_source_drop(&sources, one);
	listener_source_drop(&sources, other);
}

static void a_source_leaves_room_for_others(void **state)
{
	(void)state;
	assert_int_equal(listener_source_max(16), 12);
	assert_int_equal(listener_source_max(16384), 12288);
	/* Ten thousand from one address, however unevenly two threads get them. */
	assert_true(listener_source_max(LISTENER_CONNECTIONS_MAX) >= 10000);
}

/* ---- answers that nobody takes ---- */

enum { UNREAD_MS = LISTENER_UNREAD_S * 1000 };

static void who_takes_all_is_not_watched(void **state)
{
	struct listener_outputs all = {.len = 0};
	struct listener_output a = {.connection = NULL};

	(void)state;
	TAILQ_INIT(&all.list);
	listener_output_note(&all, &a, 100, 100, 0);
	assert_ptr_equal(listener_output_first(&all), &a);
	assert_int_equal(all.len, 100);
	listener_output_note(&all, &a, 0, 0, UNREAD_MS);
	assert_null(listener_output_first(&all));
	assert_int_equal(all.len, 0);
	/* It was never in the list. */
	listener_output_note(&all, &a, 0, 0, UNREAD_MS);
	assert_null(listener_output_first(&all));
}

/* Reading a few octets every 9 s is not enough: all that waited at first must be read. */
static void who_takes_too_little_is_overdue(void **state)
{
	struct listener_outputs all = {.len = 0};
	struct listener_output a = {.connection = NULL};
	size_t len = 1000;

	(void)state;
	TAILQ_INIT(&all.list);
	listener_output_note(&all, &a, len, len, 0);
	for (int64_t now_ms = 9000; now_ms < UNREAD_MS; now_ms += 9000) {
		listener_output_note(&all, &a, 0, --len, now_ms);
		assert_false(listener_output_is_overdue(&a, now_ms));
	}
	/* Answers that are added meanwhile, and would be due later, change nothing. */
	listener_output_note(&all, &a, 500, len + 500, UNREAD_MS - 1);
	assert_false(listener_output_is_overdue(&a, UNREAD_MS - 1));
	assert_true(listener_output_is_overdue(&a, UNREAD_MS));
}

static void who_goes_on_taking_may_never_be_done(void **state)
{
	struct listener_outputs all = {.len = 0};
	struct listener_output a = {.connection = NULL}, b = {.connection = NULL};

	(void)state;
	TAILQ_INIT(&all.list);
	listener_output_note(&all, &a, 1000, 1000, 0);
	listener_output_note(&all, &b, 1000, 1000, 1);
	for (int64_t now_ms = UNREAD_MS / 2; now_ms < 100 * UNREAD_MS;
		now_ms += UNREAD_MS / 2) {
		/* A thousand were queued, and as many were read. */
		listener_output_note(&all, &a, 1000, 1000, now_ms);
		assert_false(listener_output_is_overdue(&a, now_ms));
		assert_int_equal(all.len, 2000);
	}
	assert_ptr_equal(listener_output_first(&all), &b);
	assert_true(listener_output_is_overdue(&b, UNREAD_MS + 1));
}

/* Fills the window with requests, and answers none. */
static size_t fill(struct listener_window *window, struct listener_load *load, size_t len)
{
	size_t count = 0;

	for (; listener_window_is_open(window, load, 0); count++) {
		window->in_flight++;
		window->in_flight_len += len;
		load->in_flight++;
		load->in_flight_len += len;
	}
	return count;
}

/* So many small answers. */
static void grow(struct listener_window *window, size_t answers)
{
	while (answers--)
		listener_window_answered(window, 100);
}

static void a_window_grows_to_its_limit(void **state)
{
	struct listener_window window;
	struct listener_load load = {0};

	(void)state;
	listener_window_init(&window);
	assert_int_equal(fill(&window, &load, 100), LISTENER_WINDOW_FIRST);
	listener_window_init(&window);
	grow(&window, 5000);
	load = (struct listener_load){0};
	/* Its share of what is left counts too, of which it has taken a part itself. */
	assert_in_range(fill(&window, &load, 100), LISTENER_PIPELINE_MAX * 9 / 10,
		LISTENER_PIPELINE_MAX);
}

static void large_answers_are_few(void **state)
{
	struct listener_window window;
	struct listener_load load = {0};

	(void)state;
	listener_window_init(&window);
	grow(&window, 5000);
	listener_window_answered(&window, 50000);
	assert_in_range(fill(&window, &load, 100), 20, 21);
	/* The peer reads none of them: not one more request is let in. */
	window.in_flight = 0;
	assert_false(listener_window_is_open(&window, &load, LISTENER_OUTPUT_MAX));
	/* They have been read, and later ones are small again. */
	grow(&window, 100);
	assert_true(fill(&window, &load, 100) > 500);
}

/* One of its requests is answered. */
static void answer_one(
	struct listener_window *window, struct listener_load *load, size_t len)
{
	window->in_flight--;
	window->in_flight_len -= len;
	load->in_flight--;
	load->in_flight_len -= len;
}

/* Those that came first have most, until their requests are answered. */
static void the_greedy_leave_room(void **state)
{
	enum { GREEDY = 200, ROUNDS = 200, LEN = 60000 };
	static struct listener_window windows[GREEDY];
	struct listener_window modest;
	struct listener_load load = {0};

	(void)state;
	for (size_t i = 0; i < GREEDY; i++) {
		listener_window_init(&windows[i]);
		grow(&windows[i], 5000);
	}
	for (size_t round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < GREEDY; i++) {
			if (windows[i].in_flight)
				answer_one(&windows[i], &load, LEN);
			fill(&windows[i], &load, LEN);
		}
	}
	assert_true(load.in_flight_len + 20 * LEN < LISTENER_IN_FLIGHT_OCTETS);
	listener_window_init(&modest);
	assert_true(fill(&modest, &load, LEN) > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_grows_to_its_limit),
		cmocka_unit_test(large_answers_are_few),
		cmocka_unit_test(the_greedy_leave_room),
		cmocka_unit_test(threads_share_what_is_left),
		cmocka_unit_test(package_defaults_carry_ten_thousand),
		cmocka_unit_test(targets_come_first),
		cmocka_unit_test(some_are_always_there),
		cmocka_unit_test(sources_are_counted),
		cmocka_unit_test(a_network_of_ipv6_is_one_source),
		cmocka_unit_test(a_source_leaves_room_for_others),
		cmocka_unit_test(who_takes_all_is_not_watched),
		cmocka_unit_test(who_takes_too_little_is_overdue),
		cmocka_unit_test(who_goes_on_taking_may_never_be_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
