/*
 * Memory for libevent that does not end before the gateway's own.
 *
 * libevent 2.1 does not survive every failed allocation: evbuffer_add_cb may return NULL
 * to a caller that dereferences it, and evhttp frees half-built connections by way of a
 * base that they do not have yet.  So what it asks for in small pieces comes from a
 * reserve when the system has no more.  Large pieces, which are buffers, still fail, and
 * libevent handles that.  While more than half of the reserve is in use, no new
 * connection is accepted: the rest is for existing ones.
 */
#ifndef MUSTER_EVENT_MEMORY_H
#define MUSTER_EVENT_MEMORY_H

#include <stdbool.h>

enum {
	EVENT_MEMORY_BLOCK = 1024,  /* octets; the largest object of a connection is half
				     * of that */
	EVENT_MEMORY_BLOCKS = 2048, /* all connections of control take 256 */
};

/* To be called once, before any other use of libevent.  0; -ENOMEM: there is no
 * reserve. */
int event_memory_install(void) __attribute__((warn_unused_result));

/* Is half of the reserve in use?  Any thread. */
bool event_memory_is_short(void);

#endif
