/*
 * Addresses of hosts, for all targets of a loop.
 *
 * A look-up takes a thread (gateway/base/resolver.h), for as long as the resolver takes,
 * which may be minutes.  So targets that ask for the same host at the same time wait for
 * one answer, a look-up for which nobody waits any more answers whoever comes next, and
 * only so many hosts are looked up at once; others wait for their turn.
 *
 * Nothing is remembered: whoever asks when no look-up is under way starts one.
 */
#ifndef MUSTER_LOOK_UPS_H
#define MUSTER_LOOK_UPS_H

#include <event2/event.h>
#include <netdb.h>
#include <stdbool.h>
#include <sys/queue.h>

enum { LOOK_UPS_MAX = 16 }; /* threads of a loop */

struct look_ups;

/* list is NULL on failure (why says so); borrowed.  The waiter waits no longer. */
typedef void look_up_done(void *arg, const struct addrinfo *list, const char *why);

/* Embedded; all zero before the first use. */
struct look_up_waiter {
	TAILQ_ENTRY(look_up_waiter) entry;
	struct look_up *look_up; /* NULL: it does not wait */
	look_up_done *done;
	void *arg;
};

struct look_ups *look_ups_new(struct event_base *base); /* NULL: no memory */
/* Nobody may wait.  Does not wait for threads.  NULL is harmless. */
void look_ups_free(struct look_ups *look_ups);

/* The waiter, which must not wait yet, is told later, from the loop.  0 or -ENOMEM. */
int look_ups_ask(struct look_ups *look_ups, const char *host,
	struct look_up_waiter *waiter) __attribute__((warn_unused_result));
/* It is not told.  Harmless if it does not wait. */
void look_ups_give_up(struct look_up_waiter *waiter);

#endif
