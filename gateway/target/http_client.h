/*
 * HTTP requests out of an event loop, by libcurl's multi interface.
 *
 * One client belongs to one thread and one event base.  It speaks http and https only,
 * never follows a redirect, uses no proxy (not even one named in the environment:
 * requests carry API keys), raises no signals, and holds no more of an answer than the
 * caller allows.  Connections are kept for the next request where the server lets them
 * be.
 *
 * Limits: no streaming, an answer is complete when the callback sees it; header lines
 * beyond HTTP_HEADERS_MAX are an error.
 */
#ifndef MUSTER_HTTP_CLIENT_H
#define MUSTER_HTTP_CLIENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/alarm.h"

enum {
	HTTP_HEADERS_MAX = 16384, /* octets of header lines of one answer */
	HTTP_CONNECTIONS_MAX = 4, /* kept open per client */
};

struct http_client;
struct http_transfer;

struct http_request {
	const char *method; /* "GET", "PATCH", ... */
	const char *url;
	const char *const *headers; /* "Name: value", NULL at the end; copied, and wiped
	                             * after use.  NULL: none */
	const char *body; /* borrowed until the callback or the cancel; NULL: none */
	size_t body_len;
	size_t answer_max; /* octets of body that the answer may have */
	long timeout_ms;   /* of the whole request */
};

struct http_response {
	int error;       /* 0: an answer came; -ETIMEDOUT, -EFBIG (answer_max), -EIO */
	const char *why; /* with error: its text, never holds a header's content */
	long status;     /* 200, 404, ... */
	const char *headers; /* lines as they came; http_response_header reads them */
	size_t headers_len;
	const char *body; /* always with a zero behind it; lives during the callback */
	size_t body_len;
};

/* Once for each transfer that was started and not cancelled; never within start.  May
 * start others, and may free the client. */
typedef void http_done(void *arg, const struct http_response *response);

/* On this loop, whose alarms they are.  NULL: no memory. */
struct http_client *http_client_new(struct event_base *base, struct alarms *alarms);
/* Cancels everything under way.  NULL is harmless. */
void http_client_free(struct http_client *client);

/* NULL: no memory, or a URL or method that curl refuses. */
struct http_transfer *http_client_start(struct http_client *client,
	const struct http_request *request, http_done *done, void *arg);
/* Its callback does not come.  Not for those whose callback has; NULL is harmless. */
void http_transfer_cancel(struct http_transfer *transfer);

/* The value of the last header of this name, any case, without surrounding white space;
 * false: there is none, or it is longer than cap - 1. */
bool http_response_header(
	const struct http_response *response, const char *name, char *ret, size_t cap);

#endif
