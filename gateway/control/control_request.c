/*
 * The life of a request: it is made, its function is called, it waits for other threads,
 * it is answered, and freed.
 */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/base/printable.h"
#include "gateway/control/control_private.h"

enum { ERROR_TEXT_MAX = 1024 };

/* Seconds are written as 3598.102, and not as 3598.1019999999999. */
#define CONTROL_JSON (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* ---- answers ---- */

static const char *reason_of(int code)
{
	switch (code) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 409:
		return "Conflict";
	default:
		return "Service Unavailable";
	}
}

/* No answer may be cached, or used by pages of other sites. */
static void add_headers(struct evkeyvalq *headers, const char *type)
{
	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(headers, "X-Frame-Options", "DENY");
	evhttp_add_header(headers, "Referrer-Policy", "no-referrer");
	evhttp_add_header(headers, "Content-Security-Policy",
		"default-src 'none'; script-src 'unsafe-inline'; style-src "
		"'unsafe-inline'; connect-src 'self'");
}

/* body may be NULL: there was no memory. */
static void answer(
	struct control_request *r, int code, const char *type, struct evbuffer *body)
{
	struct evhttp_request *http = r->http;
	struct evkeyvalq *headers = evhttp_request_get_output_headers(http);

	r->http = NULL;
	control_door_release(r->door, http);
	add_headers(headers, type);
	if (!r->door->bound || r->door->is_shut)
		evhttp_add_header(headers, "Connection", "close");
	evhttp_send_reply(http, code, reason_of(code), body);
	if (body)
		evbuffer_free(body);
}

void control_done_text(struct control_request *r, const char *type, struct evbuffer *body)
{
	if (body && !r->has_failed) {
		answer(r, 200, type, body);
		return;
	}
	if (body)
		evbuffer_free(body);
	control_fail(r, 503, "out of memory");
}

static int write_text(const char *text, size_t len, void *arg)
{
	return evbuffer_add(arg, text, len);
}

void control_done_with(struct control_request *r, int code, json_t *value)
{
	static const char no_memory[] = "{\"error\": \"out of memory\"}";
	struct evbuffer *body = evbuffer_new();

	if (r->has_failed || !value || !body ||
		json_dump_callback(value, write_text, body, CONTROL_JSON)) {
		code = 503;
		if (body)
			evbuffer_drain(body, evbuffer_get_length(body));
		if (body)
			(void)evbuffer_add(body, no_memory, sizeof(no_memory) - 1);
	}
	json_decref(value);
	answer(r, code, "application/json", body);
}

void control_done(struct control_request *r, json_t *value)
{
	control_done_with(r, 200, value);
}

void control_done_page(struct control_request *r, const char *name, json_t *next)
{
	control_done(r, json_pack("{s:O, s:o}", name, r->list, "next", next));
}

void control_fail(struct control_request *r, int code, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	/* Parts of it came from the peer, who may have sent anything. */
	printable_clean(text);
	r->has_failed = false;
	control_done_with(r, code, json_pack("{s:s}", "error", text));
}

/* ---- life ---- */

struct control_request *control_request_new(
	struct control_door *door, struct evhttp_request *http)
{
	struct control_request *r = calloc(1, sizeof(*r));

	if (!r) {
		control_door_release(door, http);
		evhttp_send_reply(http, 503, reason_of(503), NULL);
		return NULL;
	}
	r->control = door->control;
	r->door = door;
	r->http = http;
	r->config = config_ref(door->control->config);
	TAILQ_INIT(&r->query);
	return r;
}

void control_request_free(struct control_request *r)
{
	if (r->clear)
		r->clear(r->state);
	free(r->state);
	json_decref(r->list);
	evhttp_clear_headers(&r->query);
	for (size_t i = 0; i < r->segment_count; i++)
		free(r->segments[i]);
	config_unref(r->config);
	free(r);
}

void *control_state_new(
	struct control_request *r, size_t size, void (*clear)(void *state))
{
	r->state = calloc(1, size);
	r->list = json_array();
	if (r->state)
		r->clear = clear;
	if (r->state && r->list)
		return r->state;
	control_fail(r, 503, "out of memory");
	return NULL;
}

/* ---- waiting ---- */

void control_ask(struct control_request *r,
	bool (*run)(struct served *served, struct zone_call *call), const uint8_t *zone,
	void *subject, control_fn *then)
{
	r->call.zone = zone;
	r->call.run = run;
	r->call.subject = subject;
	r->wait = CONTROL_ZONES;
	r->then = then;
}

void control_read(struct control_request *r, control_look_fn *look, control_fn *then)
{
	r->wait = CONTROL_READ;
	r->look = look;
	r->then = then;
}

void control_read_shortly(
	struct control_request *r, control_look_fn *look, control_fn *then)
{
	control_read(r, look, then);
	r->wait = CONTROL_SHORT_READ;
}

void control_order(struct control_request *r, control_fn *then)
{
	r->wait = CONTROL_ORDER;
	r->then = then;
}

static int run_read(
	struct reader_job *job, const struct store_ops *ops, struct store *store)
{
	struct control_request *r = ((struct control_read *)(void *)job)->arg;

	return r->look(r, ops, store);
}

/* False: too many reads wait, and nothing has happened. */
static bool send_read(struct control_request *r)
{
	r->read.job.run = run_read;
	r->read.arg = r;
	return control_reader_add(
		r->control->reader, &r->read, r->wait == CONTROL_SHORT_READ);
}

/* Hands the request over to whatever it waits for.  False: that is not possible. */
static bool hand_over(struct control_request *r)
{
	struct control *c = r->control;

	if (c->waiting >= CONTROL_WAITING_MAX ||
		(r->wait == CONTROL_ORDER && c->is_stopping))
		return false;
	c->waiting++;
	r->call.back = &c->back;
	if (r->wait == CONTROL_ZONES)
		zone_threads_call(c->zone_threads, &r->call, r->config);
	else if (r->wait == CONTROL_ORDER)
		queue_push_one(&c->orders, &r->call.node);
	else if (!send_read(r)) {
		c->waiting--;
		return false;
	}
	return true;
}

void control_run(struct control_request *r, control_fn *fn)
{
	r->then = NULL;
	fn(r);
	if (r->http && hand_over(r))
		return;
	if (r->http && r->wait == CONTROL_SHORT_READ) {
		control_run(r, r->then);
		return;
	}
	if (r->http)
		control_fail(r, 503, "too much is in progress");
	control_request_free(r);
}

/* What it has waited for is back. */
static void go_on(struct control_request *r)
{
	r->control->waiting--;
	control_run(r, r->then);
}

void control_take_back(struct control *c)
{
	struct queue_list list;
	struct control_request *r;

	queue_list_init(&list);
	queue_take_all(&c->back, &list);
	while ((r = (struct control_request *)(void *)queue_list_take(&list)))
		go_on(r);
}

/* A peer that has closed a Unix socket is always noticed; one that has closed a TCP
 * connection may still be waiting, and is only given up if the connection is broken. */
bool control_read_is_wanted(const struct control_read *read, void *control)
{
	const struct control_request *r = read->arg;
	struct evhttp_connection *connection = evhttp_request_get_connection(r->http);
	struct bufferevent *bev =
		connection ? evhttp_connection_get_bufferevent(connection) : NULL;
	struct pollfd fd = {.fd = bev ? bufferevent_getfd(bev) : -1};

	(void)control;
	return fd.fd >= 0 &&
		(poll(&fd, 1, 0) <= 0 || !(fd.revents & (POLLHUP | POLLERR)));
}

static void give_up(struct control_request *r)
{
	control_fail(r, 503, "given up, since nobody waits for it");
}

static void fail_to_read(struct control_request *r)
{
	control_fail(r, 503, "%s", r->read.job.error);
}

void control_read_is_done(struct control_read *read, void *control)
{
	struct control_request *r = read->arg;

	if (read->is_given_up)
		r->then = give_up;
	else if (read->job.error[0] && r->wait == CONTROL_READ)
		r->then = fail_to_read;
	go_on(r);
	control_stop_if_quiet(control);
}

void control_stop_if_quiet(struct control *c)
{
	if (c->is_stopping && !c->waiting)
		event_base_loopexit(c->base, NULL);
}
