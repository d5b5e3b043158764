/*
 * One answer for all who ask: see look_ups.h.
 */
#include "gateway/target/look_ups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/resolver.h"

TAILQ_HEAD(look_up_waiters, look_up_waiter);

struct look_up {
	TAILQ_ENTRY(look_up) entry;
	struct look_ups *all;
	char *host;
	struct resolver *resolver; /* NULL: it is not its turn yet */
	struct look_up_waiters waiters;
};

struct look_ups {
	struct event_base *base;
	TAILQ_HEAD(, look_up) list; /* under way, or waiting for their turn, in order */
	unsigned running;
};

static void look_up_free(struct look_up *l)
{
	resolver_free(l->resolver);
	free(l->host);
	free(l);
}

/* Whoever asks for the host from now on starts another one. */
static void take_out(struct look_up *l)
{
	TAILQ_REMOVE(&l->all->list, l, entry);
	l->all->running -= l->resolver != NULL;
}

static void finish(struct look_up *l, const struct addrinfo *list, const char *why)
{
	struct look_up_waiter *waiter;

	while ((waiter = TAILQ_FIRST(&l->waiters))) {
		look_ups_give_up(waiter);
		waiter->done(waiter->arg, list, why);
	}
	look_up_free(l);
}

static void start_next(struct look_ups *all);

static void on_resolved(void *arg, struct addrinfo *list, const char *why)
{
	struct look_up *l = arg;

	take_out(l);
	start_next(l->all);
	finish(l, list, why);
	if (list)
		freeaddrinfo(list);
}

/* What cannot be started now is tried again when another has ended, or with the next
 * question. */
static void start_next(struct look_ups *all)
{
	struct look_up *l;

	TAILQ_FOREACH(l, &all->list, entry) {
		if (all->running >= LOOK_UPS_MAX)
			return;
		if (l->resolver)
			continue;
		l->resolver = resolver_start(all->base, l->host, 0, on_resolved, l);
		all->running += l->resolver != NULL;
	}
}

static struct look_up *find(struct look_ups *all, const char *host)
{
	struct look_up *l;

	TAILQ_FOREACH(l, &all->list, entry) {
		if (!strcasecmp(l->host, host))
			return l;
	}
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->all = all;
	TAILQ_INIT(&l->waiters);
	l->host = strdup(host);
	if (!l->host) {
		look_up_free(l);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&all->list, l, entry);
	return l;
}

int look_ups_ask(struct look_ups *all, const char *host, struct look_up_waiter *waiter)
{
	struct look_up *l = find(all, host);

	if (!l)
		return -ENOMEM;
	start_next(all);
	if (!all->running) { /* so nothing would start it later */
		take_out(l);
		look_up_free(l);
		return -ENOMEM;
	}
	waiter->look_up = l;
	TAILQ_INSERT_TAIL(&l->waiters, waiter, entry);
	return 0;
}

void look_ups_give_up(struct look_up_waiter *waiter)
{
	struct look_up *l = waiter->look_up;

	if (!l)
		return;
	TAILQ_REMOVE(&l->waiters, waiter, entry);
	waiter->look_up = NULL;
	if (l->resolver || !TAILQ_EMPTY(&l->waiters))
		return;
	take_out(l);
	look_up_free(l);
}

struct look_ups *look_ups_new(struct event_base *base)
{
	struct look_ups *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->base = base;
	TAILQ_INIT(&all->list);
	return all;
}

void look_ups_free(struct look_ups *all)
{
	struct look_up *l;

	if (!all)
		return;
	while ((l = TAILQ_FIRST(&all->list))) {
		take_out(l);
		look_up_free(l);
	}
	free(all);
}
