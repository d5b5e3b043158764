/*
 * NOTIFY to the secondaries of a local zone (RFC 1996): one datagram per secondary when
 * the zone has changed, repeated until it is answered or NOTIFY_TRIES have gone
 * unanswered.
 */
#ifndef MUSTER_NOTIFY_H
#define MUSTER_NOTIFY_H

#include <event2/event.h>
#include "gateway/config/config.h"

enum {
	NOTIFY_TRIES = 5,         /* RFC 1996 3.6 */
	NOTIFY_TIMEOUT_MS = 3000, /* doubles with each try */
	NOTIFY_PAUSE_MS = 250,    /* changes within it share a NOTIFY */
};

struct notify;

/* Copies the addresses.  NULL: no memory or no socket. */
struct notify *notify_new(struct event_base *base, const uint8_t *zone,
	const struct config_address *addresses, size_t count);
void notify_free(struct notify *notify); /* NULL is harmless */
/* The zone has changed.  NULL is harmless. */
void notify_send(struct notify *notify);

#endif
