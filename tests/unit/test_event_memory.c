/*
 * libevent without memory: connections are made, used and freed, and nothing dereferences
 * what could not be allocated.  Every malloc of this program fails on demand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/event_memory.h"

void *__real_malloc(size_t len);
void *__real_realloc(void *memory, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_realloc(void *memory, size_t len);

static bool is_there_none;

void *__wrap_malloc(size_t len)
{
	errno = ENOMEM;
	return is_there_none ? NULL : __real_malloc(len);
}

void *__wrap_realloc(void *memory, size_t len)
{
	errno = ENOMEM;
	return is_there_none ? NULL : __real_realloc(memory, len);
}

static void watermarks_are_set(void **state)
{
	struct event_base *base = event_base_new();
	struct bufferevent *bev;

	(void)state;
	assert_non_null(base);
	assert_false(event_memory_is_short());
	is_there_none = true;
	bev = bufferevent_socket_new(base, -1, 0);
	assert_non_null(bev);
	bufferevent_setwatermark(bev, EV_READ, 0, 100);
	is_there_none = false;
	bufferevent_free(bev);
	event_base_free(base);
	assert_false(event_memory_is_short());
}

static void half_of_it_is_short(void **state)
{
	struct event_base *base = event_base_new();
	static struct bufferevent *bevs[EVENT_MEMORY_BLOCKS];
	size_t count = 0;

	(void)state;
	is_there_none = true;
	while (!event_memory_is_short()) {
		bevs[count] = bufferevent_socket_new(base, -1, 0);
		assert_non_null(bevs[count++]);
	}
	/* Those who are in have something left. */
	for (size_t i = 0; i < 20; i++) {
		bevs[count] = bufferevent_socket_new(base, -1, 0);
		assert_non_null(bevs[count++]);
	}
	is_there_none = false;
	while (count)
		bufferevent_free(bevs[--count]);
	event_base_free(base);
	assert_false(event_memory_is_short());
}

static void a_table_is_kept_when_it_moves(void **state)
{
	struct event_base *base = event_base_new();
	struct event *events[60];

	(void)state;
	for (int i = 0; i < 60; i++)
		events[i] = event_new(base, 10 + i, EV_READ, NULL, NULL);
	for (int i = 0; i < 60; i++) {
		int fds[2];

		/* The map of descriptors grows in between. */
		is_there_none = i > 20;
		assert_int_equal(pipe(fds), 0);
		assert_int_equal(
			event_assign(events[i], base, fds[0], EV_READ, NULL, NULL), 0);
		assert_int_equal(event_add(events[i], NULL), 0);
		is_there_none = false;
		assert_int_equal(close(fds[1]), 0);
	}
	for (int i = 0; i < 60; i++) {
		const int fd = event_get_fd(events[i]);

		assert_true(event_pending(events[i], EV_READ, NULL));
		event_free(events[i]);
		close(fd);
	}
	event_base_free(base);
	assert_false(event_memory_is_short());
}

static void on_request(struct evhttp_request *request, void *arg)
{
	(void)arg;
	evhttp_send_reply(request, 200, "OK", NULL);
}

static int connect_to(struct evhttp_bound_socket *bound)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(getsockname(evhttp_bound_socket_get_fd(bound),
				 (struct sockaddr *)&address, &len),
		0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, len), 0);
	return fd;
}

/* There are far more connections than blocks: the last ones fail, and nothing worse
 * happens. */
static void http_is_survived(void **state)
{
	enum { CONNECTIONS = 400 };
	struct event_base *base = event_base_new();
	struct evhttp *http = evhttp_new(base);
	struct evhttp_bound_socket *bound =
		evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
	static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	static int fds[CONNECTIONS];

	(void)state;
	assert_non_null(bound);
	evhttp_set_gencb(http, on_request, NULL);
	is_there_none = true;
	for (size_t i = 0; i < CONNECTIONS; i++) {
		fds[i] = connect_to(bound);
		assert_int_equal(send(fds[i], request, strlen(request), MSG_NOSIGNAL),
			strlen(request));
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	for (size_t i = 0; i < CONNECTIONS; i++) {
		close(fds[i]);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	is_there_none = false;
	event_base_loop(base, EVLOOP_NONBLOCK);
	evhttp_free(http);
	event_base_free(base);
	assert_false(event_memory_is_short());
}

static void say_nothing(int severity, const char *message)
{
	(void)severity;
	(void)message;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(watermarks_are_set),
		cmocka_unit_test(half_of_it_is_short),
		cmocka_unit_test(a_table_is_kept_when_it_moves),
		cmocka_unit_test(http_is_survived),
	};

	if (event_memory_install())
		return 1;
	event_set_log_callback(say_nothing);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
