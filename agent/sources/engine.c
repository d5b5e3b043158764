/*
 * Requests to the engine: written at once (they are small), then read until the end.
 */
#include "agent/sources/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/sources/http_reader.h"
#include "agent/sources/json_splitter.h"

enum { CHUNK = 16384, REQUEST_MAX = 1024, HTTP_OK = 200 };

struct engine_request {
	struct engine_handler handler;
	struct event *event;
	int fd;
	bool is_accepted;
	bool is_freed; /* by its handler, while it is running */
	bool is_running;
	struct http_reader reader;
	struct json_splitter splitter;
	char why[64];
};

static int open_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	const int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int send_request(int fd, const char *path)
{
	char text[REQUEST_MAX];
	const int len = snprintf(text, sizeof(text),
		"GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: muster-agent\r\n"
		"Accept: application/json\r\nConnection: close\r\n\r\n",
		path);

	if (len >= (int)sizeof(text)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	/* An empty socket takes so little whole. */
	return send(fd, text, (size_t)len, MSG_NOSIGNAL) == len ? 0 : -1;
}

static bool on_object(void *arg, const char *json, size_t len)
{
	struct engine_request *request = arg;

	return request->handler.object(request->handler.arg, json, len) &&
		!request->is_freed;
}

static bool on_body(void *arg, const char *octets, size_t len)
{
	struct engine_request *request = arg;

	/* The status says enough about an error; its body is not read. */
	if (request->reader.status != HTTP_OK)
		return true;
	return json_splitter_feed(&request->splitter, octets, len, on_object, request);
}

static const char *judge_end(struct engine_request *request)
{
	const struct http_reader *reader = &request->reader;

	if (reader->status && reader->status != HTTP_OK) {
		snprintf(request->why, sizeof(request->why), "it answers with status %d",
			reader->status);
		return request->why;
	}
	return http_reader_is_whole(reader) ? NULL : "it closed the connection";
}

static void end(struct engine_request *request, const char *why)
{
	event_del(request->event);
	request->handler.ended(request->handler.arg, why);
}

static void take(struct engine_request *request, const char *octets, size_t len)
{
	if (!http_reader_feed(&request->reader, octets, len, on_body, request)) {
		if (!request->is_freed)
			end(request, "its answer can not be read");
		return;
	}
	if (!request->is_accepted && request->reader.status == HTTP_OK) {
		request->is_accepted = true;
		if (request->handler.accepted)
			request->handler.accepted(request->handler.arg);
	}
	if (!request->is_freed && request->reader.state == HTTP_DONE)
		end(request, judge_end(request));
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct engine_request *request = arg;
	char octets[CHUNK];
	const ssize_t n = recv(fd, octets, sizeof(octets), 0);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	request->is_running = true;
	if (n > 0)
		take(request, octets, (size_t)n);
	else
		end(request, n < 0 ? strerror(errno) : judge_end(request));
	request->is_running = false;
	if (request->is_freed)
		engine_free(request);
}

struct engine_request *engine_ask(struct event_base *base, const char *socket_path,
	const char *path, const struct engine_handler *handler)
{
	struct engine_request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->handler = *handler;
	http_reader_init(&request->reader);
	request->fd = open_socket(socket_path);
	if (request->fd < 0 || send_request(request->fd, path)) {
		const int error = errno;

		engine_free(request);
		errno = error;
		return NULL;
	}
	request->event =
		event_new(base, request->fd, EV_READ | EV_PERSIST, on_readable, request);
	if (!request->event || event_add(request->event, NULL)) {
		engine_free(request);
		errno = ENOMEM;
		return NULL;
	}
	return request;
}

void engine_free(struct engine_request *request)
{
	if (!request)
		return;
	if (request->is_running) {
		request->is_freed = true;
		return;
	}
	if (request->event)
		event_free(request->event);
	if (request->fd >= 0)
		close(request->fd);
	json_splitter_clear(&request->splitter);
	free(request);
}
