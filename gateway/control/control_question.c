/*
 * Answers, and questions whose answer has to wait for other threads.
 *
 * A question belongs to whoever works on it.  Its request may lose its connection
 * meanwhile: evhttp keeps the request until it is answered, and drops the answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/printable.h"
#include "gateway/control/control_private.h"
#include "zones/rdata.h"

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

void control_answer_text(struct control_door *door, struct evhttp_request *http, int code,
	const char *type, const char *text, size_t len)
{
	struct evbuffer *body = evbuffer_new();

	control_door_release(door, http);
	if (!body || evbuffer_add(body, text, len)) {
		evhttp_send_reply(http, 503, reason_of(503), NULL);
	} else {
		add_headers(evhttp_request_get_output_headers(http), type);
		if (!door->bound || door->is_shut)
			evhttp_add_header(evhttp_request_get_output_headers(http),
				"Connection", "close");
		evhttp_send_reply(http, code, reason_of(code), body);
	}
	if (body)
		evbuffer_free(body);
}

void control_answer_json(
	struct control_door *door, struct evhttp_request *http, int code, json_t *value)
{
	static const char no_memory[] = "{\"error\": \"out of memory\"}\n";
	char *text = value ? json_dumps(value, CONTROL_JSON) : NULL;

	json_decref(value);
	if (text)
		control_answer_text(
			door, http, code, "application/json", text, strlen(text));
	else
		control_answer_text(door, http, 503, "application/json", no_memory,
			strlen(no_memory));
	free(text);
}

static void answer_error(struct control_door *door, struct evhttp_request *http, int code,
	const char *format, va_list arguments)
{
	char text[ERROR_TEXT_MAX];

	vsnprintf(text, sizeof(text), format, arguments);
	/* Parts of it came from the peer, who may have sent anything. */
	printable_clean(text);
	control_answer_json(door, http, code, json_pack("{s:s}", "error", text));
}

void control_done(const struct control_request *r, json_t *value)
{
	control_answer_json(r->door, r->http, 200, value);
}

void control_fail(const struct control_request *r, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	answer_error(r->door, r->http, code, format, arguments);
	va_end(arguments);
}

/* ---- questions ---- */

void *control_question_new(const struct control_request *r, size_t size,
	bool (*answer)(struct control_question *question))
{
	struct control *c = r->control;
	struct control_question *q = NULL;

	if (c->questions < CONTROL_QUESTIONS_MAX)
		q = calloc(1, size);
	if (!q) {
		control_fail(r, 503, "too much is in progress");
		return NULL;
	}
	q->call.back = &c->back;
	q->control = c;
	q->door = r->door;
	q->http = r->http;
	q->config = config_ref(c->config);
	q->uid = r->uid;
	q->answer = answer;
	return q;
}

void control_question_free(struct control_question *q)
{
	if (q->clear)
		q->clear(q);
	config_unref(q->config);
	free(q);
}

void control_ask(struct control_question *q,
	bool (*run)(struct served *served, struct zone_call *call), const uint8_t *zone,
	void *subject)
{
	q->call.zone = zone;
	q->call.run = run;
	q->call.subject = subject;
	q->control->questions++;
	writer_call(q->control->writer, &q->call);
}

/* A question is back. */
static void go_on(struct control_question *q)
{
	q->control->questions--;
	if (q->answer(q))
		control_question_free(q);
}

void control_take_back(struct control *c)
{
	struct queue_list list;
	struct control_question *q;

	queue_list_init(&list);
	queue_take_all(&c->back, &list);
	while ((q = (struct control_question *)(void *)queue_list_take(&list)))
		go_on(q);
}

/* ---- reads ---- */

static int run_read(
	struct reader_job *job, const struct store_ops *ops, struct store *store)
{
	const struct control_read *read = (struct control_read *)(void *)job;
	struct control_question *q = read->arg;

	return q->look(q, ops, store);
}

bool control_read(struct control_question *q,
	int (*look)(struct control_question *question, const struct store_ops *ops,
		struct store *store),
	bool is_short)
{
	struct control *c = q->control;

	q->look = look;
	q->read.job.run = run_read;
	q->read.arg = q;
	c->questions++;
	if (control_reader_add(c->reader, &q->read, is_short))
		return true;
	c->questions--;
	return false;
}

bool control_read_or_fail(struct control_question *q,
	int (*look)(struct control_question *question, const struct store_ops *ops,
		struct store *store))
{
	if (control_read(q, look, false))
		return false;
	control_question_fail(q, 503, "too much is in progress");
	return true;
}

bool control_read_has_failed(struct control_question *q)
{
	if (q->read.job.error[0])
		control_question_fail(q, 503, "%s", q->read.job.error);
	return q->read.job.error[0] != '\0';
}

/* A peer that has closed a Unix socket is always noticed; one that has closed a TCP
 * connection could be waiting still, and is only given up if the connection is broken. */
bool control_read_is_wanted(const struct control_read *read, void *control)
{
	const struct control_question *q = read->arg;
	struct evhttp_connection *connection = evhttp_request_get_connection(q->http);
	struct bufferevent *bev =
		connection ? evhttp_connection_get_bufferevent(connection) : NULL;
	struct pollfd fd = {.fd = bev ? bufferevent_getfd(bev) : -1};

	(void)control;
	return fd.fd >= 0 &&
		(poll(&fd, 1, 0) <= 0 || !(fd.revents & (POLLHUP | POLLERR)));
}

void control_read_is_done(struct control_read *read, void *control)
{
	struct control_question *q = read->arg;
	struct control *c = control;

	if (!read->is_given_up) {
		go_on(q);
	} else {
		c->questions--;
		control_question_fail(q, 503, "given up, since nobody waits for it");
		control_question_free(q);
	}
	control_stop_if_quiet(c);
}

void control_question_done(struct control_question *q, json_t *value)
{
	control_answer_json(q->door, q->http, 200, value);
}

void control_question_fail(struct control_question *q, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	answer_error(q->door, q->http, code, format, arguments);
	va_end(arguments);
}

/* ---- texts ---- */

json_t *control_json_name(const uint8_t *name)
{
	char text[NAME_TEXT_MAX];

	return json_string(name_to_text(name, text));
}

json_t *control_json_time(int64_t real_ms)
{
	const time_t seconds = (time_t)(real_ms / 1000);
	char text[CONTROL_TIME_MAX];
	struct tm tm;

	if (real_ms <= 0 || !gmtime_r(&seconds, &tm) ||
		!strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

bool control_json_add(json_t *array, json_t *value)
{
	return !json_array_append_new(array, value);
}

bool control_json_set(json_t *object, const char *key, json_t *value)
{
	return !json_object_set_new(object, key, value);
}

json_t *control_json_type(uint16_t type)
{
	char text[RDATA_TYPE_NAME_MAX];

	return json_string(rdata_type_name(type, text));
}

json_t *control_json_rdata(uint16_t type, const uint8_t *rdata, uint16_t len)
{
	char *text = rdata_to_text(type, rdata, len);
	json_t *value = text ? json_string(text) : NULL;

	free(text);
	return value;
}

json_t *control_json_address(const struct ip_address *address)
{
	char text[INET6_ADDRSTRLEN];

	if (!address->family ||
		!inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->octets,
			text, sizeof(text)))
		return json_null();
	return json_string(text);
}

json_t *control_json_rcode(uint16_t rcode)
{
	char text[VERDICT_NAME_MAX];

	return json_string(verdict_rcode_name(rcode, text));
}

const char *control_state_name(enum lease_state state)
{
	switch (state) {
	case LEASE_STALE:
		return "stale";
	case LEASE_HELD:
		return "held";
	default:
		return "active";
	}
}
