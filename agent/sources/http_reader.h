/*
 * An HTTP/1.1 response as it comes in (RFC 9112): status, and the octets of its body,
 * whether it has a length, is chunked, or ends with the connection.
 *
 * Pure, and bounded: heads of HTTP_HEAD_MAX octets, chunk lines of HTTP_LINE_MAX.
 */
#ifndef MUSTER_AGENT_HTTP_READER_H
#define MUSTER_AGENT_HTTP_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_HEAD_MAX = 16384, HTTP_LINE_MAX = 256 };

enum http_state {
	HTTP_HEAD,
	HTTP_BODY,        /* left octets of it are to come */
	HTTP_BODY_TO_END, /* until the connection is closed */
	HTTP_CHUNK_LINE,
	HTTP_CHUNK,     /* left octets of it are to come */
	HTTP_CHUNK_END, /* its CR LF */
	HTTP_TRAILER,
	HTTP_DONE,
	HTTP_BAD,
};

struct http_reader {
	enum http_state state;
	int status; /* 200 and so on; 0 before it is known */
	uint64_t left;
	bool is_line_empty; /* trailer: nothing in this line so far */
	size_t len;
	char head[HTTP_HEAD_MAX + 1]; /* head, then chunk lines */
};

void http_reader_init(struct http_reader *reader);

/* Gets octets of the body; false: enough. */
typedef bool http_body(void *arg, const char *octets, size_t len);

/* Reads the next octets.  False: they are not an HTTP response, or the body was
 * refused. */
bool http_reader_feed(struct http_reader *reader, const char *octets, size_t len,
	http_body *body, void *arg);
/* The connection has ended: is the response complete? */
bool http_reader_is_whole(const struct http_reader *reader);

#endif
