/*
 * A connection that is opened before it is needed.  Whoever asks a server now and then
 * that closes the connection after each answer often knows a moment before that it is
 * about to ask again; then it need not wait for the handshake, nor for what the server
 * does about a new connection.
 *
 * There is one at a time, to where the last connection led, and none for a server that
 * keeps connections.  If nobody wants it within HTTP_SPARE_MS, it is closed.
 */
#ifndef MUSTER_HTTP_SPARE_H
#define MUSTER_HTTP_SPARE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "gateway/base/alarm.h"

enum { HTTP_SPARE_MS = 1000 }; /* PowerDNS waits for 5 s until it closes one */

struct http_spare {
	struct alarm alarm; /* opens it, or closes it if nobody wants it */
	int fd;             /* -1: none */
	int given;          /* handed on instead of a new socket; -1: the last was one */
	bool is_needed;     /* the last request had to open a connection */
	struct sockaddr_storage address; /* where it leads, or the last one led */
	socklen_t address_len;           /* 0: there was none yet */
};

void http_spare_init(struct http_spare *spare, struct alarms *alarms);
void http_spare_clear(struct http_spare *spare);
/* A request is expected: opens one when the loop comes round, after what is more
 * urgent. */
void http_spare_expect(struct http_spare *spare);
/* A request begins: if it needs a connection, it takes this one.  False: no memory. */
bool http_spare_use(struct http_spare *spare, CURL *easy);

#endif
