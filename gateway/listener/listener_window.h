/*
 * How many requests a TCP connection may have in progress before reading from it pauses
 * (RFC 7766 6.2.1.1).
 *
 * Three bounds, the smallest of which counts.  The window begins small and grows with
 * each answer, up to LISTENER_PIPELINE_MAX.  What the answers in progress will probably
 * need, with what waits to be taken, is at most LISTENER_OUTPUT_MAX octets: whoever reads
 * nothing gets few large answers made in vain.  And no connection has more than a share
 * of what the thread can still take: the more is in progress, the smaller it is, so that
 * there is always room for others.  Pure.
 */
#ifndef MUSTER_LISTENER_WINDOW_H
#define MUSTER_LISTENER_WINDOW_H

#include <stdbool.h>
#include <stddef.h>

enum {
	LISTENER_WINDOW_FIRST = 64, /* requests, of a new connection */
	LISTENER_WINDOW_MIN = 1,    /* requests, however little there is to share */
	LISTENER_WINDOW_SHARE = 16, /* of what the thread can still take, a connection may
				     * have one part in so many */
};

struct listener_window {
	size_t size;          /* requests */
	size_t answer_len;    /* octets to be expected of an answer */
	size_t in_flight;     /* requests in progress */
	size_t in_flight_len; /* octets of those */
};

/* What all connections of a thread have in progress, and datagrams. */
struct listener_load {
	size_t in_flight;
	size_t in_flight_len; /* octets */
};

void listener_window_init(struct listener_window *window);
/* An answer of so many octets has been queued. */
void listener_window_answered(struct listener_window *window, size_t len);
/* May one more request be read?  output_len: octets of answers that wait to be taken. */
bool listener_window_is_open(const struct listener_window *window,
	const struct listener_load *load, size_t output_len);

#endif
