/*
 * Answers: their headers, and JSON.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/printable.h"
#include "gateway/control/control_private.h"

enum { ERROR_TEXT_MAX = 1024 };

/* Seconds are written as 3598.102, and not as 3598.1019999999999. */
#define CONTROL_JSON (JSON_COMPACT | JSON_REAL_PRECISION(15))

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

void control_answer_error(struct control_door *door, struct evhttp_request *http,
	int code, const char *format, va_list arguments)
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
	control_answer_error(r->door, r->http, code, format, arguments);
	va_end(arguments);
}
