/* The HTTP client against a small server in the same event loop. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netdb.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "gateway/target/http_client.h"

enum { CONNECTIONS = 16, REQUEST_MAX = 8192 };

/* Of our own resolver. */
static atomic_uint look_ups;
static atomic_bool was_waited_for;
static sem_t is_over;

/* A server with one answer for everybody, which remembers the last request. */
struct bench {
	struct event_base *base;
	struct turn_clock time;
	struct alarms alarms;
	struct evconnlistener *listener;
	struct bufferevent *connections[CONNECTIONS];
	unsigned connection_count;
	const char *answer; /* NULL: none */
	size_t answer_len;
	char request[REQUEST_MAX];
	char url[64];

	struct http_client *client;
	bool is_starting;
	unsigned calls; /* of the callback */
	int error;
	bool is_unsent;
	long status;
	char body[256];
	char header[64]; /* X-Thing */
	bool frees_client;
	bool starts_again;
};

static void on_request(struct bufferevent *connection, void *arg)
{
	struct bench *b = arg;
	struct evbuffer *input = bufferevent_get_input(connection);
	size_t len = strlen(b->request);
	ssize_t n = evbuffer_remove(input, b->request + len, REQUEST_MAX - 1 - len);

	b->request[len + (size_t)n] = '\0';
	if (!strstr(b->request, "\r\n\r\n") || !b->answer)
		return;
	bufferevent_write(connection, b->answer, b->answer_len);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
	struct sockaddr *address, int len, void *arg)
{
	struct bench *b = arg;
	struct bufferevent *connection =
		bufferevent_socket_new(b->base, fd, BEV_OPT_CLOSE_ON_FREE);

	(void)listener;
	(void)address;
	(void)len;
	assert_true(b->connection_count < CONNECTIONS);
	b->connections[b->connection_count++] = connection;
	bufferevent_setcb(connection, on_request, NULL, NULL, b);
	bufferevent_enable(connection, EV_READ | EV_WRITE);
}

static int turn(struct bench *b, int flags)
{
	turn_clock_begin(&b->time);
	return event_base_loop(b->base, flags);
}

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	b->base = event_base_new();
	assert_int_equal(alarms_init(&b->alarms, &b->time, b->base), 0);
	b->listener = evconnlistener_new_bind(b->base, on_connection, b,
		LEV_OPT_CLOSE_ON_FREE, 16, (struct sockaddr *)&address, sizeof(address));
	assert_non_null(b->listener);
	getsockname(
		evconnlistener_get_fd(b->listener), (struct sockaddr *)&address, &len);
	snprintf(b->url, sizeof(b->url), "http://127.0.0.1:%u/path?a=b",
		ntohs(address.sin_port));
	b->client = http_client_new(b->base, &b->alarms);
	assert_non_null(b->client);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	http_client_free(b->client);
	for (unsigned i = 0; i < b->connection_count; i++)
		bufferevent_free(b->connections[i]);
	evconnlistener_free(b->listener);
	alarms_clear(&b->alarms);
	event_base_free(b->base);
	free(b);
	return 0;
}

static struct http_transfer *start(struct bench *b, struct http_request request);

static void on_done(void *arg, const struct http_response *response)
{
	struct bench *b = arg;

	assert_false(b->is_starting);
	b->calls++;
	b->error = response->error;
	b->is_unsent = response->is_unsent;
	b->status = response->status;
	assert_int_equal(response->error != 0, response->why != NULL);
	assert_int_equal(response->body[response->body_len], '\0');
	snprintf(b->body, sizeof(b->body), "%s", response->body);
	b->header[0] = '\0';
	http_response_header(response, "x-thing", b->header, sizeof(b->header));
	if (b->frees_client) {
		http_client_free(b->client);
		b->client = NULL;
	}
	if (b->starts_again) {
		b->starts_again = false;
		start(b, (struct http_request){0});
	}
}

static void set_answer(struct bench *b, const char *answer)
{
	b->answer = answer;
	b->answer_len = strlen(answer);
}

static struct http_transfer *start(struct bench *b, struct http_request request)
{
	struct http_transfer *transfer;

	if (!request.method)
		request.method = "GET";
	if (!request.url)
		request.url = b->url;
	if (!request.answer_max)
		request.answer_max = 1000;
	if (!request.timeout_ms)
		request.timeout_ms = 20000;
	b->request[0] = '\0';
	b->is_starting = true;
	transfer = http_client_start(b->client, &request, on_done, b);
	b->is_starting = false;
	assert_non_null(transfer);
	return transfer;
}

static void run(struct bench *b, unsigned calls)
{
	while (b->calls < calls)
		assert_int_equal(turn(b, EVLOOP_ONCE), 0);
}

static void ask(struct bench *b, struct http_request request)
{
	start(b, request);
	run(b, b->calls + 1);
}

static void an_answer_comes_whole(void **state)
{
	struct bench *b = *state;

	set_answer(b,
		"HTTP/1.1 100 Continue\r\nX-Thing: interim\r\n\r\n"
		"HTTP/1.1 200 OK\r\nX-THING:first\r\nX-Thing-2: no\r\nx-thing:  a b "
		"\t\r\n"
		"Content-Length: 3\r\n\r\nabc");
	ask(b, (struct http_request){0});
	assert_int_equal(b->error, 0);
	assert_int_equal(b->status, 200);
	assert_string_equal(b->body, "abc");
	assert_string_equal(b->header, "a b");
	assert_non_null(strstr(b->request, "GET /path?a=b HTTP/1.1\r\n"));
}

static void a_body_and_headers_are_sent(void **state)
{
	static const char *const headers[] = {"X-API-Key: secret", NULL};
	struct bench *b = *state;
	char body[5000];

	memset(body, 'x', sizeof(body));
	set_answer(b, "HTTP/1.1 204 No Content\r\n\r\n");
	ask(b,
		(struct http_request){.method = "PATCH",
			.headers = headers,
			.body = body,
			.body_len = sizeof(body)});
	assert_int_equal(b->error, 0);
	assert_int_equal(b->status, 204);
	assert_string_equal(b->body, "");
	assert_non_null(strstr(b->request, "PATCH /path?a=b HTTP/1.1\r\n"));
	assert_non_null(strstr(b->request, "X-API-Key: secret\r\n"));
	assert_non_null(strstr(b->request, "Content-Length: 5000\r\n"));
	assert_null(strstr(b->request, "Expect"));
}

static void an_answer_has_its_limit(void **state)
{
	struct bench *b = *state;

	set_answer(b, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
	ask(b, (struct http_request){.answer_max = 10});
	assert_int_equal(b->error, 0);
	ask(b, (struct http_request){.answer_max = 9});
	assert_int_equal(b->error, -EFBIG);
	set_answer(b,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"4\r\n0123\r\n4\r\n4567\r\n2\r\n89\r\n0\r\n\r\n");
	ask(b, (struct http_request){.answer_max = 10});
	assert_int_equal(b->error, 0);
	assert_string_equal(b->body, "0123456789");
	ask(b, (struct http_request){.answer_max = 9});
	assert_int_equal(b->error, -EFBIG);
}

static void headers_have_their_limit(void **state)
{
	struct bench *b = *state;
	char *answer = malloc(HTTP_HEADERS_MAX * 2);
	size_t at = (size_t)sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");

	while (at < HTTP_HEADERS_MAX)
		at += (size_t)sprintf(answer + at, "X-Thing: %0*d\r\n", 900, 1);
	strcpy(answer + at, "\r\n");
	set_answer(b, answer);
	ask(b, (struct http_request){0});
	assert_int_equal(b->error, -EIO);
	free(answer);
}

static void a_long_header_is_not_cut(void **state)
{
	struct bench *b = *state;

	set_answer(b,
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
		"X-Thing: "
		"0123456789012345678901234567890123456789012345678901234567890123"
		"\r\n\r\n");
	ask(b, (struct http_request){0});
	assert_int_equal(b->error, 0);
	assert_string_equal(b->header, "");
}

static void redirects_are_not_followed(void **state)
{
	struct bench *b = *state;

	set_answer(b,
		"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n"
		"Content-Length: 0\r\n\r\n");
	ask(b, (struct http_request){0});
	assert_int_equal(b->error, 0);
	assert_int_equal(b->status, 302);
	assert_null(strstr(b->request, "elsewhere"));
}

static void silence_has_its_limit(void **state)
{
	struct bench *b = *state;

	ask(b, (struct http_request){.timeout_ms = 30});
	assert_int_equal(b->error, -ETIMEDOUT);
	assert_false(b->is_unsent);
}

/* What could not be sent had no effect, and may be sent elsewhere. */
static void what_is_not_sent_is_known(void **state)
{
	struct bench *b = *state;

	ask(b, (struct http_request){.url = "http://127.0.0.1:1/"});
	assert_int_equal(b->error, -EIO);
	assert_true(b->is_unsent);
	set_answer(b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	ask(b, (struct http_request){0});
	assert_false(b->is_unsent);
}

/* Nobody accepts, and there is no room for others who wait for that. */
static void a_connection_has_its_limit(void **state)
{
	const int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr *const where = (struct sockaddr *)(void *)&address;
	socklen_t len = sizeof(address);
	struct bench *b = *state;
	int waiting[4];
	char url[64];

	assert_int_equal(bind(listener, where, len), 0);
	assert_int_equal(listen(listener, 0), 0);
	getsockname(listener, where, &len);
	for (size_t i = 0; i < 4; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(waiting[i], where, len);
	}
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
	ask(b, (struct http_request){.url = url, .timeout_ms = 30});
	assert_int_equal(b->error, -EIO);
	assert_true(b->is_unsent);
	ask(b,
		(struct http_request){
			.url = url, .timeout_ms = 20000, .connect_timeout_ms = 30});
	assert_int_equal(b->error, -EIO);
	assert_true(b->is_unsent);
	for (size_t i = 0; i < 4; i++)
		close(waiting[i]);
	close(listener);
}

/* ---- names ---- */

/* Stands in for the system's, also for libcurl. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret)
{
	int (*const real)(const char *, const char *, const struct addrinfo *,
		struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
	struct timespec end;

	if (!node || !strstr(node, ".invalid"))
		return real(node, service, hints, ret);
	if (strcmp(node, "slow.invalid") != 0) {
		atomic_fetch_add(&look_ups, 1);
		return real("127.0.0.1", service, hints, ret);
	}
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 20;
	if (sem_timedwait(&is_over, &end))
		atomic_store(&was_waited_for, true);
	return EAI_AGAIN;
}

static void a_resolver_that_hangs_holds_nobody(void **state)
{
	struct bench *b = *state;

	sem_init(&is_over, 0, 0);
	ask(b, (struct http_request){.url = "http://slow.invalid/", .timeout_ms = 30});
	assert_int_equal(b->error, -EIO);
	assert_true(b->is_unsent);
	assert_false(atomic_load(&was_waited_for));
	http_transfer_cancel(
		start(b, (struct http_request){.url = "http://slow.invalid/"}));
	assert_false(atomic_load(&was_waited_for));
	sem_post(&is_over);
	sem_post(&is_over);
}

static void a_name_is_looked_up_again_when_it_failed(void **state)
{
	struct bench *b = *state;
	char url[64];

	atomic_store(&look_ups, 0);
	snprintf(url, sizeof(url), "http://some.invalid%s", strrchr(b->url, ':'));
	set_answer(
		b, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
	ask(b, (struct http_request){.url = url});
	assert_int_equal(b->error, 0);
	ask(b, (struct http_request){.url = url});
	assert_int_equal(atomic_load(&look_ups), 1);
	ask(b, (struct http_request){.url = url, .looks_up = true});
	assert_int_equal(b->error, 0);
	assert_int_equal(atomic_load(&look_ups), 2);
}

static void other_schemes_are_refused(void **state)
{
	struct bench *b = *state;

	ask(b, (struct http_request){.url = "file:///etc/passwd"});
	assert_int_equal(b->error, -EBADMSG);
	ask(b, (struct http_request){.url = "ftp://127.0.0.1/"});
	assert_int_equal(b->error, -EBADMSG);
	ask(b, (struct http_request){.url = "http://127.0.0.1:1/"});
	assert_int_equal(b->error, -EIO);
}

static void the_environment_names_no_proxy(void **state)
{
	struct bench *b = *state;

	setenv("http_proxy", "http://127.0.0.1:1/", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1/", 1);
	set_answer(b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	ask(b, (struct http_request){0});
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	assert_int_equal(b->error, 0);
}

static void connections_are_kept(void **state)
{
	struct bench *b = *state;

	set_answer(b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	for (int i = 0; i < 3; i++)
		ask(b, (struct http_request){0});
	assert_int_equal(b->connection_count, 1);
}

/* What a request would have had to wait for. */
static void wait_for_connections(struct bench *b, unsigned count)
{
	http_client_expect(b->client);
	while (b->connection_count < count)
		assert_int_equal(turn(b, EVLOOP_ONCE), 0);
}

static void an_expected_request_finds_a_connection(void **state)
{
	struct bench *b = *state;

	set_answer(
		b, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
	http_client_expect(b->client); /* to where? */
	ask(b, (struct http_request){0});
	assert_int_equal(b->connection_count, 1);
	wait_for_connections(b, 2);
	http_client_expect(b->client); /* one is enough */
	ask(b, (struct http_request){0});
	assert_int_equal(b->error, 0);
	assert_int_equal(b->connection_count, 2);
	ask(b, (struct http_request){0});
	assert_int_equal(b->connection_count, 3);
}

static void a_lost_one_is_not_used(void **state)
{
	struct bench *b = *state;

	set_answer(
		b, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
	ask(b, (struct http_request){0});
	wait_for_connections(b, 2);
	bufferevent_free(b->connections[--b->connection_count]);
	turn(b, EVLOOP_NONBLOCK); /* closes it */
	ask(b, (struct http_request){0});
	assert_int_equal(b->error, 0);
	assert_int_equal(b->connection_count, 2);
}

static void kept_ones_are_enough(void **state)
{
	struct bench *b = *state;

	set_answer(b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	ask(b, (struct http_request){0});
	ask(b, (struct http_request){0});
	http_client_expect(b->client);
	ask(b, (struct http_request){0});
	assert_int_equal(b->connection_count, 1);
}

static void on_end(struct bufferevent *connection, short what, void *arg)
{
	(void)connection;
	*(bool *)arg = (what & BEV_EVENT_EOF) != 0;
}

static void what_nobody_wants_is_closed(void **state)
{
	struct bench *b = *state;
	bool is_closed = false;

	set_answer(
		b, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
	ask(b, (struct http_request){0});
	wait_for_connections(b, 2);
	bufferevent_setcb(b->connections[1], NULL, NULL, on_end, &is_closed);
	while (!is_closed)
		assert_int_equal(turn(b, EVLOOP_ONCE), 0);
}

static void several_at_once(void **state)
{
	struct bench *b = *state;

	set_answer(b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	for (int i = 0; i < 3; i++)
		start(b, (struct http_request){0});
	run(b, 3);
	assert_int_equal(b->error, 0);
}

static void cancelled_ones_do_not_call(void **state)
{
	struct bench *b = *state;
	struct http_transfer *first, *second, *third;

	set_answer(b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	first = start(b, (struct http_request){0});
	second = start(b, (struct http_request){0});
	third = start(b, (struct http_request){0});
	http_transfer_cancel(second);
	turn(b, EVLOOP_ONCE); /* they connect, no more */
	assert_int_equal(b->calls, 0);
	http_transfer_cancel(first);
	http_transfer_cancel(third);
	ask(b, (struct http_request){0});
	assert_int_equal(b->calls, 1);
}

static void a_callback_may_free_the_client(void **state)
{
	struct bench *b = *state;

	b->frees_client = true;
	set_answer(b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	for (int i = 0; i < 3; i++)
		start(b, (struct http_request){0});
	run(b, 1);
	turn(b, EVLOOP_NONBLOCK);
	assert_int_equal(b->calls, 1);
}

static void a_callback_may_start_another(void **state)
{
	struct bench *b = *state;

	b->starts_again = true;
	set_answer(b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	start(b, (struct http_request){0});
	run(b, 2);
	assert_int_equal(b->error, 0);
}

static void freeing_cancels(void **state)
{
	struct bench *b = *state;

	start(b, (struct http_request){0});
	turn(b, EVLOOP_ONCE);
	http_client_free(b->client);
	b->client = NULL;
	turn(b, EVLOOP_NONBLOCK);
	assert_int_equal(b->calls, 0);
	http_client_free(NULL);
	http_transfer_cancel(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_comes_whole),
		TEST(a_body_and_headers_are_sent),
		TEST(an_answer_has_its_limit),
		TEST(headers_have_their_limit),
		TEST(a_long_header_is_not_cut),
		TEST(redirects_are_not_followed),
		TEST(silence_has_its_limit),
		TEST(a_connection_has_its_limit),
		TEST(what_is_not_sent_is_known),
		TEST(a_resolver_that_hangs_holds_nobody),
		TEST(a_name_is_looked_up_again_when_it_failed),
		TEST(other_schemes_are_refused),
		TEST(the_environment_names_no_proxy),
		TEST(connections_are_kept),
		TEST(an_expected_request_finds_a_connection),
		TEST(a_lost_one_is_not_used),
		TEST(kept_ones_are_enough),
		TEST(what_nobody_wants_is_closed),
		TEST(several_at_once),
		TEST(cancelled_ones_do_not_call),
		TEST(a_callback_may_free_the_client),
		TEST(a_callback_may_start_another),
		TEST(freeing_cancels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
