/*
 * Addresses of a host name, by the system's resolver, without making the loop wait: a
 * thread of its own asks, for as long as it takes.
 */
#ifndef MUSTER_RESOLVER_H
#define MUSTER_RESOLVER_H

#include <event2/event.h>
#include <netdb.h>
#include <stdint.h>

/* list is NULL on failure (why says so), else the caller's, for freeaddrinfo. */
typedef void resolver_done(void *arg, struct addrinfo *list, const char *why);

struct resolver;
/* Starts a look-up; done is called from the loop, later.  NULL: no memory, or no
 * thread. */
struct resolver *resolver_start(struct event_base *base, const char *host, uint16_t port,
	resolver_done *done, void *arg);
/* The caller no longer waits for the answer.  To be called after done as well (or by it).
 * NULL is harmless. */
void resolver_free(struct resolver *resolver);

/* If host is an address, returns the list at once; otherwise NULL. */
struct addrinfo *resolver_parse(const char *host, uint16_t port);

#endif
