/*
 * Each question has a thread.  What thread and loop share is counted, and whichever lets
 * go last frees it, so that a loop that ends does not wait for a resolver that hangs.
 */
#include "gateway/base/resolver.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { STACK_LEN = 256 * 1024 }; /* octets; getaddrinfo's modules need some */

/* Owned by both. */
struct question {
	atomic_int owners;
	char *host;
	char service[8];
	struct addrinfo *list; /* written before done is signalled */
	int error;
	int done; /* eventfd */
};

struct resolver {
	struct question *question;
	struct event *event;
	resolver_done *done;
	void *arg;
};

static void let_go(struct question *q)
{
	if (atomic_fetch_sub(&q->owners, 1) > 1)
		return;
	if (q->list)
		freeaddrinfo(q->list);
	if (q->done >= 0)
		close(q->done);
	free(q->host);
	free(q);
}

static int look_up(const struct question *q, int flags, struct addrinfo **ret)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICSERV | flags};

	return getaddrinfo(q->host, q->service, &hints, ret);
}

static void *run(void *arg)
{
	struct question *q = arg;
	const uint64_t one = 1;

	q->error = look_up(q, AI_ADDRCONFIG, &q->list);
	if (q->error)
		q->list = NULL;
	if (write(q->done, &one, sizeof(one)) != sizeof(one))
		q->error = EAI_SYSTEM; /* impossible: it is empty */
	let_go(q);
	return NULL;
}

static struct question *question_new(const char *host, uint16_t port)
{
	struct question *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	atomic_init(&q->owners, 1);
	q->host = strdup(host);
	q->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	snprintf(q->service, sizeof(q->service), "%u", port);
	if (q->host && q->done >= 0)
		return q;
	let_go(q);
	return NULL;
}

static bool start_thread(struct question *q)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	if (pthread_attr_init(&attributes))
		return false;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_LEN);
	atomic_fetch_add(&q->owners, 1);
	r = pthread_create(&thread, &attributes, run, q);
	if (r)
		atomic_fetch_sub(&q->owners, 1);
	pthread_attr_destroy(&attributes);
	return !r;
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *resolver = arg;
	struct question *q = resolver->question;
	struct addrinfo *list;
	uint64_t one;

	(void)what;
	/* What the other thread has written before is to be seen from here on. */
	if (read(fd, &one, sizeof(one)) != sizeof(one))
		return;
	event_del(resolver->event);
	list = q->list;
	q->list = NULL;
	resolver->done(resolver->arg, list, list ? NULL : gai_strerror(q->error));
}

struct resolver *resolver_start(struct event_base *base, const char *host, uint16_t port,
	resolver_done *done, void *arg)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (!resolver)
		return NULL;
	resolver->done = done;
	resolver->arg = arg;
	resolver->question = question_new(host, port);
	if (resolver->question)
		resolver->event = event_new(base, resolver->question->done,
			EV_READ | EV_PERSIST, on_done, resolver);
	if (resolver->event && !event_add(resolver->event, NULL) &&
		start_thread(resolver->question))
		return resolver;
	resolver_free(resolver);
	return NULL;
}

void resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return;
	if (resolver->event)
		event_free(resolver->event);
	if (resolver->question)
		let_go(resolver->question);
	free(resolver);
}

struct addrinfo *resolver_parse(const char *host, uint16_t port)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	char service[8];

	snprintf(service, sizeof(service), "%u", port);
	return getaddrinfo(host, service, &hints, &list) ? NULL : list;
}
