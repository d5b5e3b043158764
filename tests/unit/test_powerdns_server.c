/* PowerDNS servers as many zones share them, against servers in the same loop that answer
 * when they are told to.  Two zone threads are two loops. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/target/powerdns_server.h"
#include "tsig/name.h"

enum { SERVERS = 2, CALLERS = 12, HELD = 64 };

static const char LMDB[] = "[{\"name\": \"launch\", \"value\": \"lmdb\"}]";
static const char SQLITE[] = "[{\"name\": \"launch\", \"value\": \"gsqlite3:a,bind\"},"
			     "{\"name\": \"default-api-rectify\", \"value\": \"no\"},"
			     "{\"name\": \"webserver-max-bodysize\", \"value\": \"5\"}]";

struct server {
	struct evhttp *http;
	struct evhttp_bound_socket *socket;
	unsigned port;
	const char *settings;              /* NULL: they are held like anything else */
	unsigned looks;                    /* at its settings */
	unsigned asked;                    /* how often it was asked for anything else */
	struct evhttp_request *held[HELD]; /* not answered yet */
	unsigned held_count;
};

struct caller {
	struct powerdns_caller caller; /* first */
	unsigned calls, told;
	int error;
	long status;
	char why[128];
};

struct loop {
	struct event_base *base;
	struct turn_clock time;
	struct alarms alarms;
	struct target_env env;
};

struct bench {
	struct loop loops[2];
	struct powerdns_servers *servers;
	struct server server[SERVERS];
	char url[SERVERS][64];
	char *urls[SERVERS];
	struct config_target config;
	struct caller callers[CALLERS];
};

static char id[] = "powerdns test", server_id[] = "localhost", api_key[] = "key";
static const uint8_t zone[] = "\4zone\7example";

/* ---- servers ---- */

static void on_request(struct evhttp_request *request, void *arg)
{
	struct server *server = arg;
	struct evbuffer *body;

	if (strstr(evhttp_request_get_uri(request), "/config")) {
		server->looks++;
		if (server->settings) {
			body = evbuffer_new();
			evbuffer_add_printf(body, "%s", server->settings);
			evhttp_send_reply(request, 200, "OK", body);
			evbuffer_free(body);
			return;
		}
	} else {
		server->asked++;
	}
	assert_true(server->held_count < HELD);
	server->held[server->held_count++] = request;
}

/* The first that was asked. */
static void answer(struct server *server, int status)
{
	assert_true(server->held_count > 0);
	evhttp_send_reply(server->held[0], status, "So", NULL);
	server->held_count--;
	memmove(server->held, server->held + 1,
		server->held_count * sizeof(*server->held));
}

static void start_server(struct bench *b, unsigned number, unsigned port)
{
	struct server *server = &b->server[number];
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	server->http = evhttp_new(b->loops[0].base);
	evhttp_set_allowed_methods(
		server->http, EVHTTP_REQ_GET | EVHTTP_REQ_PATCH | EVHTTP_REQ_PUT);
	evhttp_set_gencb(server->http, on_request, server);
	server->socket = evhttp_bind_socket_with_handle(
		server->http, "127.0.0.1", (ev_uint16_t)port);
	assert_non_null(server->socket);
	getsockname(evhttp_bound_socket_get_fd(server->socket),
		(struct sockaddr *)&address, &len);
	server->port = ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
	server->settings = LMDB;
	snprintf(b->url[number], sizeof(b->url[number]), "http://127.0.0.1:%u",
		server->port);
	b->urls[number] = b->url[number];
}

/* With it go its connections. */
static void stop_server(struct bench *b, unsigned number)
{
	if (b->server[number].http)
		evhttp_free(b->server[number].http);
	b->server[number].http = NULL;
	b->server[number].held_count = 0;
}

/* ---- loops ---- */

static void turn(struct bench *b)
{
	for (unsigned i = 0; i < 2; i++) {
		turn_clock_begin(&b->loops[i].time);
		event_base_loop(b->loops[i].base, EVLOOP_NONBLOCK);
	}
}

/* Turns until this is true, for a minute at most. */
#define WAIT_FOR(condition)                                                              \
	for (int64_t end = clock_read_ms(CLOCK_MONOTONIC) + 60000; !(condition);         \
		turn(b))                                                                 \
	assert_true(clock_read_ms(CLOCK_MONOTONIC) < end)

static void open_loop(struct bench *b, struct loop *loop)
{
	loop->base = event_base_new();
	assert_int_equal(alarms_init(&loop->alarms, &loop->time, loop->base), 0);
	loop->env = (struct target_env){.base = loop->base,
		.alarms = &loop->alarms,
		.powerdns_servers = b->servers};
}

static void close_loop(struct loop *loop)
{
	alarms_clear(&loop->alarms);
	event_base_free(loop->base);
}

/* ---- callers ---- */

static void on_back(void *arg)
{
	struct caller *caller = arg;

	caller->told++;
}

static void on_done(void *arg, const struct http_response *response)
{
	struct caller *caller = arg;

	caller->calls++;
	caller->error = response->error;
	caller->status = response->status;
	snprintf(caller->why, sizeof(caller->why), "%s",
		response->why ? response->why : "");
}

static void join(struct bench *b, unsigned from, unsigned to, unsigned loop)
{
	for (; from < to; from++) {
		struct caller *caller = &b->callers[from];

		*caller = (struct caller){
			.caller = {.zone = zone, .back = on_back, .back_arg = caller}};
		assert_int_equal(powerdns_server_join(&caller->caller, &b->config,
					 &b->loops[loop].env),
			0);
	}
}

static void ask(struct caller *caller, bool is_write)
{
	const struct http_request request = {.method = is_write ? "PATCH" : "GET",
		.body = is_write ? "{}" : NULL,
		.body_len = is_write ? 2 : 0,
		.answer_max = 1000,
		.timeout_ms = 50000,
		.connect_timeout_ms = 50000};

	powerdns_server_ask(&caller->caller, POWERDNS_ZONE, &request,
		is_write ? POOL_WRITES : POOL_READS, on_done, caller);
}

static void ask_all(struct bench *b, unsigned from, unsigned to, bool is_write)
{
	for (; from < to; from++)
		ask(&b->callers[from], is_write);
}

static unsigned answered(const struct bench *b)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CALLERS; i++)
		count += b->callers[i].calls;
	return count;
}

/* Nothing more comes. */
static void settle(struct bench *b)
{
	for (unsigned i = 0; i < 20; i++)
		turn(b);
}

/* Whatever the first server is asked, until so many callers have been answered. */
static void serve(struct bench *b, unsigned count)
{
	while (answered(b) < count) {
		WAIT_FOR(b->server[0].held_count || answered(b) == count);
		if (b->server[0].held_count)
			answer(&b->server[0], 204);
	}
}

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	b->servers = powerdns_servers_new();
	open_loop(b, &b->loops[0]);
	open_loop(b, &b->loops[1]);
	for (unsigned i = 0; i < SERVERS; i++)
		start_server(b, i, 0);
	b->config = (struct config_target){.type = CONFIG_TARGET_POWERDNS,
		.id = id,
		.urls = b->urls,
		.url_count = 1,
		.server = server_id,
		.api_key = api_key};
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	for (unsigned i = 0; i < CALLERS; i++)
		powerdns_server_leave(&b->callers[i].caller);
	for (unsigned i = 0; i < SERVERS; i++)
		stop_server(b, i);
	for (unsigned i = 0; i < 2; i++)
		close_loop(&b->loops[i]);
	powerdns_servers_free(b->servers);
	free(b);
	return 0;
}

/* ---- tests ---- */

static void its_settings_are_asked_for_once(void **state)
{
	struct bench *b = *state;
	struct powerdns_settings settings;

	b->server[0].settings = SQLITE;
	join(b, 0, 6, 0);
	join(b, 6, CALLERS, 1);
	ask_all(b, 0, CALLERS, false);
	serve(b, CALLERS);
	assert_int_equal(b->server[0].looks, 1);
	assert_int_equal(b->server[0].asked, CALLERS);
	settings = powerdns_server_settings(&b->callers[9].caller);
	assert_true(settings.is_sqlite);
	assert_false(settings.is_lmdb);
	assert_false(settings.rectifies);
	assert_int_equal(settings.body_max, 5 << 20);
}

static void nothing_else_is_asked_before_that(void **state)
{
	struct bench *b = *state;

	b->server[0].settings = NULL;
	join(b, 0, 4, 0);
	ask_all(b, 0, 4, true);
	WAIT_FOR(b->server[0].held_count);
	settle(b);
	assert_int_equal(b->server[0].asked, 0);
	answer(&b->server[0], 403); /* it keeps them to itself */
	WAIT_FOR(b->server[0].held_count == 4);
	assert_true(powerdns_server_settings(&b->callers[0].caller).rectifies);
	assert_int_equal(
		powerdns_server_settings(&b->callers[0].caller).body_max, 2 << 20);
}

/* Threads share the places. */
static void no_more_are_asked_at_once_than_have_places(void **state)
{
	struct bench *b = *state;

	join(b, 0, 6, 0);
	join(b, 6, CALLERS, 1);
	ask_all(b, 0, CALLERS, true);
	while (answered(b) < CALLERS) {
		const unsigned left = CALLERS - answered(b);

		WAIT_FOR(b->server[0].held_count ==
			(left < POOL_START ? left : POOL_START));
		settle(b);
		assert_true(b->server[0].held_count <= POOL_START);
		answer(&b->server[0], 204);
		WAIT_FOR(answered(b) > CALLERS - left);
	}
	for (unsigned i = 0; i < CALLERS; i++)
		assert_int_equal(b->callers[i].status, 204);
}

static void sqlite_gets_one_write_at_a_time(void **state)
{
	struct bench *b = *state;

	b->server[0].settings = SQLITE;
	join(b, 0, 4, 0);
	join(b, 4, 8, 1);
	join(b, 8, CALLERS, 0);
	ask_all(b, 0, 8, true);
	WAIT_FOR(b->server[0].held_count == 1);
	settle(b);
	assert_int_equal(b->server[0].held_count, 1);
	ask_all(b, 8, CALLERS, false); /* which holds no reader */
	WAIT_FOR(b->server[0].held_count == 1 + CALLERS - 8);
}

static void loads_hold_no_write(void **state)
{
	struct bench *b = *state;

	join(b, 0, CALLERS, 0);
	ask_all(b, 0, CALLERS - 1, false);
	WAIT_FOR(b->server[0].held_count == POOL_START);
	ask(&b->callers[CALLERS - 1], true);
	WAIT_FOR(b->server[0].held_count == POOL_START + 1);
}

static void writers_that_were_in_each_others_way_are_asked_again(void **state)
{
	struct bench *b = *state;

	join(b, 0, 4, 0);
	ask_all(b, 0, 4, true);
	WAIT_FOR(b->server[0].held_count == 4);
	answer(&b->server[0], 500);
	answer(&b->server[0], 500);
	settle(b);
	assert_int_equal(answered(b), 0);
	assert_int_equal(b->server[0].held_count, 2);
	while (answered(b) < 4) {
		WAIT_FOR(b->server[0].held_count);
		settle(b);
		assert_true(b->server[0].held_count <= 2);
		answer(&b->server[0], 204);
		settle(b);
	}
	assert_int_equal(b->server[0].asked, 6);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(b->callers[i].status, 204);
}

/* The only one that an administrator sees, without its id. */
static struct powerdns_view look(const struct bench *b)
{
	struct powerdns_view *views, view;
	size_t count;

	assert_int_equal(powerdns_servers_look(b->servers, &views, &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(views[0].id, id);
	view = views[0];
	powerdns_views_free(views, count);
	return view;
}

static void servers_of_one_id_are_shown_as_one(void **state)
{
	struct bench *b = *state;
	char other_key[] = "other key";
	struct powerdns_view view;

	join(b, 0, 6, 0);
	b->config.api_key = other_key;
	join(b, 6, CALLERS, 1);
	ask_all(b, 0, CALLERS, true);
	WAIT_FOR(b->server[0].held_count == 2 * POOL_START);
	view = look(b);
	assert_false(view.is_down);
	assert_int_equal(view.reads.started, 0);
	assert_int_equal(view.writes.started, 2 * POOL_START);
	assert_int_equal(view.writes.inside, 2 * POOL_START);
	assert_int_equal(view.writes.places, 2 * POOL_START);
	assert_int_equal(view.writes.waiting, CALLERS - 2 * POOL_START);
	answer(&b->server[0], 500);
	WAIT_FOR(look(b).conflicts == 1);
	assert_int_equal(look(b).writes.places, POOL_START + 1);
	stop_server(b, 0);
	WAIT_FOR(look(b).is_down);
}

static void an_error_of_a_lone_writer_is_told(void **state)
{
	struct bench *b = *state;

	join(b, 0, 1, 0);
	ask(&b->callers[0], true);
	for (unsigned i = 0; i < POOL_CONFLICTS_MAX; i++) {
		WAIT_FOR(b->server[0].held_count);
		assert_int_equal(answered(b), 0);
		answer(&b->server[0], 500);
	}
	WAIT_FOR(answered(b));
	assert_int_equal(b->callers[0].status, 500);
}

static void the_next_url_is_asked_when_one_cannot_be_reached(void **state)
{
	struct bench *b = *state;

	b->config.url_count = 2;
	stop_server(b, 0);
	join(b, 0, 4, 0);
	ask_all(b, 0, 4, true);
	assert_null(powerdns_server_url(&b->callers[0].caller));
	for (unsigned i = 0; i < 4; i++) {
		WAIT_FOR(b->server[1].held_count);
		answer(&b->server[1], 204);
	}
	WAIT_FOR(answered(b) == 4);
	assert_int_equal(b->callers[3].status, 204);
	assert_string_equal(powerdns_server_url(&b->callers[0].caller), b->url[1]);
	/* It stays there, until that one fails. */
	start_server(b, 0, b->server[0].port);
	ask(&b->callers[0], true);
	WAIT_FOR(b->server[1].held_count);
	answer(&b->server[1], 204);
	WAIT_FOR(answered(b) == 5);
	stop_server(b, 1);
	ask(&b->callers[0], true);
	WAIT_FOR(b->server[0].held_count);
	answer(&b->server[0], 204);
	WAIT_FOR(answered(b) == 6);
	assert_null(powerdns_server_url(&b->callers[0].caller));
}

static void an_error_is_an_answer(void **state)
{
	struct bench *b = *state;

	b->config.url_count = 2;
	join(b, 0, 1, 0);
	ask(&b->callers[0], false);
	WAIT_FOR(b->server[0].held_count);
	answer(&b->server[0], 500);
	WAIT_FOR(answered(b));
	assert_int_equal(b->callers[0].status, 500);
	assert_int_equal(b->server[1].looks + b->server[1].asked, 0);
}

static void all_zones_know_that_it_is_down_and_that_it_is_back(void **state)
{
	struct bench *b = *state;

	join(b, 0, 6, 0);
	join(b, 6, CALLERS, 1);
	stop_server(b, 0);
	ask_all(b, 0, CALLERS, true);
	WAIT_FOR(answered(b) == CALLERS);
	for (unsigned i = 0; i < CALLERS; i++) {
		assert_int_equal(b->callers[i].error, -EIO);
		assert_non_null(strstr(b->callers[i].why, "onnect"));
		assert_int_equal(b->callers[i].told, 0);
	}
	start_server(b, 0, b->server[0].port);
	ask(&b->callers[0], true);
	WAIT_FOR(b->server[0].held_count);
	assert_int_equal(b->server[0].looks, 1);
	for (unsigned i = 0; i < CALLERS; i++)
		WAIT_FOR(b->callers[i].told == 1);
	answer(&b->server[0], 204);
	WAIT_FOR(answered(b) == CALLERS + 1);
	assert_int_equal(b->callers[0].status, 204);
}

/* Whoever is told asks; the next is told when there is room. */
static void ask_when_back(void *arg)
{
	on_back(arg);
	ask(arg, true);
}

static unsigned told(const struct bench *b)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CALLERS; i++)
		count += b->callers[i].told;
	return count;
}

static void they_are_told_as_there_is_room(void **state)
{
	struct bench *b = *state;

	join(b, 0, 6, 0);
	join(b, 6, CALLERS, 1);
	stop_server(b, 0);
	ask_all(b, 0, CALLERS, true);
	WAIT_FOR(answered(b) == CALLERS);
	start_server(b, 0, b->server[0].port);
	for (unsigned i = 1; i < CALLERS; i++)
		b->callers[i].caller.back = ask_when_back;
	ask(&b->callers[0], true);
	WAIT_FOR(b->server[0].held_count == POOL_START);
	settle(b);
	assert_true(told(b) <= POOL_START + 2);
	serve(b, 2 * CALLERS);
	assert_int_equal(told(b), CALLERS);
}

static void whoever_leaves_hears_nothing(void **state)
{
	struct bench *b = *state;
	unsigned calls;

	b->server[0].settings = NULL;
	join(b, 0, 6, 0);
	join(b, 6, CALLERS, 1);
	ask_all(b, 0, CALLERS, true);
	WAIT_FOR(b->server[0].held_count); /* by the first, who looks for all */
	powerdns_server_leave(&b->callers[0].caller);
	b->server[0].settings = LMDB;
	powerdns_server_leave(&b->callers[7].caller); /* waits */
	WAIT_FOR(b->server[0].asked == POOL_START);
	powerdns_server_leave(&b->callers[1].caller); /* is asked */
	WAIT_FOR(b->server[0].asked == POOL_START + 1);
	calls = answered(b);
	assert_int_equal(calls, 0);
	b->server[0].held_count = 0; /* evhttp frees what it still has */
}

static void who_was_refused_may_leave_too(void **state)
{
	struct bench *b = *state;

	stop_server(b, 0);
	join(b, 0, CALLERS, 0);
	ask_all(b, 0, CALLERS, true);
	WAIT_FOR(answered(b) == CALLERS);
	ask_all(b, 1, CALLERS, true); /* refused, and not told yet */
	for (unsigned i = 1; i < CALLERS; i++)
		powerdns_server_leave(&b->callers[i].caller);
	settle(b);
	assert_int_equal(answered(b), CALLERS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_settings_are_asked_for_once),
		TEST(nothing_else_is_asked_before_that),
		TEST(no_more_are_asked_at_once_than_have_places),
		TEST(sqlite_gets_one_write_at_a_time),
		TEST(loads_hold_no_write),
		TEST(writers_that_were_in_each_others_way_are_asked_again),
		TEST(servers_of_one_id_are_shown_as_one),
		TEST(an_error_of_a_lone_writer_is_told),
		TEST(the_next_url_is_asked_when_one_cannot_be_reached),
		TEST(an_error_is_an_answer),
		TEST(all_zones_know_that_it_is_down_and_that_it_is_back),
		TEST(they_are_told_as_there_is_room),
		TEST(whoever_leaves_hears_nothing),
		TEST(who_was_refused_may_leave_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
