/*
 * HTTP requests from an event loop, by libcurl's multi interface.
 *
 * One client belongs to one thread and one event base.  It speaks http and https only,
 * never follows a redirect, uses no proxy (not even one named in the environment:
 * requests carry API keys), raises no signals, and keeps no more of an answer than the
 * caller allows.  Connections are kept for the next request if the server allows it.
 * Host names are looked up by threads of curl's, which nothing here ever waits for.
 *
 * Limits: no streaming, answers are complete when the callback gets them; header lines
 * beyond HTTP_HEADERS_MAX are an error.
 */
#ifndef MUSTER_HTTP_CLIENT_H
#define MUSTER_HTTP_CLIENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/alarm.h"

enum {
	HTTP_HEADERS_MAX = 16384,  /* octets of header lines of one answer */
	HTTP_CONNECTIONS_MAX = 16, /* kept open per client */
};

struct http_client;
struct http_transfer;

struct http_request {
	const char *method; /* "GET", "PATCH", ... */
	const char *url;
	const char *const *headers; /* "Name: value", NULL at the end; copied, and
	                             * wiped after use.  NULL: none */
	const char *body; /* borrowed until the callback or the cancel; NULL: none */
	size_t body_len;
	size_t answer_max;       /* largest body of an answer, in octets */
	long timeout_ms;         /* of the whole request */
	long connect_timeout_ms; /* of its beginning, until it is sent; 0: no other */
	bool looks_up; /* the addresses of a name that have worked so far may be wrong */
};

struct http_response {
	/* 0: an answer came; -ETIMEDOUT: none in time, over a connection; -EFBIG
	 * (answer_max); -EBADMSG: not HTTP; -EKEYREJECTED: the certificate does not
	 * prove that it is the server; -EIO: no connection, or none in time, or it
	 * broke off */
	int error;
	/* with error: its text, which never contains a header's content */
	const char *why;
	bool is_unsent;      /* with error: nothing of it was sent, so it had no effect */
	long status;         /* 200, 404, ... */
	const char *headers; /* lines as received; read by http_response_header */
	size_t headers_len;
	const char *body; /* always zero-terminated; valid during the callback */
	size_t body_len;
	char **owned_body; /* the same, unless it is empty, and not taken yet; NULL: no
	                    * answer came */
};

/* Called once for each transfer that was started and not cancelled; never within
 * start.  May start others, and may free the client. */
typedef void http_done(void *arg, const struct http_response *response);

/* Runs on this loop, and uses its alarms.  NULL: no memory. */
struct http_client *http_client_new(struct event_base *base, struct alarms *alarms);
/* Cancels everything.  NULL is harmless. */
void http_client_free(struct http_client *client);

/* A request to where the last one went is about to be started: if none is under way, and
 * the server does not keep connections, one is opened for it. */
void http_client_expect(struct http_client *client);

/* NULL: no memory, or a URL or method that curl refuses. */
struct http_transfer *http_client_start(struct http_client *client,
	const struct http_request *request, http_done *done, void *arg);
/* Prevents its callback; it must not have been called yet.  NULL is harmless. */
void http_transfer_cancel(struct http_transfer *transfer);

/* Takes over the body, to be freed; at most once.  NULL: it is empty. */
char *http_response_take_body(const struct http_response *response);

/* The value of the last header with this name, ignoring case, without surrounding white
 * space; false: there is none, or it is longer than cap - 1. */
bool http_response_header(
	const struct http_response *response, const char *name, char *ret, size_t cap);

#endif
