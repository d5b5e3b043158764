/*
 * How many requests a TCP connection may have in progress before reading from it pauses
 * (RFC 7766 6.2.1.1).
 *
 * There are three limits, and the smallest counts.  The window begins small and grows
 * with each answer, up to LISTENER_PIPELINE_MAX.  The expected size of the answers in
 * progress, plus the answers not read yet, is at most LISTENER_OUTPUT_MAX octets, so
 * that few large answers are made in vain for a peer that reads nothing.  And a
 * connection gets only a share of what the thread can still take: the more is in
 * progress, the smaller the share, so that there is always room for others.  Pure.
 */
#ifndef MUSTER_LISTENER_WINDOW_H
#define MUSTER_LISTENER_WINDOW_H

#include <stdbool.h>
#include <stddef.h>

enum {
	LISTENER_WINDOW_FIRST = 64, /* requests, of a new connection */
	LISTENER_WINDOW_MIN = 1,    /* requests, however little there is to share */
	LISTENER_WINDOW_SHARE = 16, /* the part of what the thread can still take that
	                             * a connection may have: one in this many */
};

struct listener_window {
	size_t size;          /* requests */
	size_t answer_len;    /* expected octets of an answer */
	size_t in_flight;     /* requests in progress */
	size_t in_flight_len; /* octets of those */
};

/* What all connections of a thread, and its datagrams, have in progress. */
struct listener_load {
	size_t in_flight;
	size_t in_flight_len; /* octets */
};

void listener_window_init(struct listener_window *window);
/* An answer of this many octets has been queued. */
void listener_window_answered(struct listener_window *window, size_t len);
/* May one more request be read?  output_len: octets of answers that the peer has not
 * read. */
bool listener_window_is_open(const struct listener_window *window,
	const struct listener_load *load, size_t output_len);

#endif
