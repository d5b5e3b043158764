/*
 * What the two halves of powerdns_server.h share: powerdns_desk.c (which servers there
 * are, and what each thread has of them) and powerdns_server.c (asking).
 */
#ifndef MUSTER_POWERDNS_SERVER_PRIVATE_H
#define MUSTER_POWERDNS_SERVER_PRIVATE_H

#include <pthread.h>

#include "gateway/base/queue.h"
#include "gateway/target/endpoints.h"
#include "gateway/target/powerdns_json.h"
#include "gateway/target/powerdns_server.h"

TAILQ_HEAD(powerdns_callers, powerdns_caller);

struct powerdns_servers {
	pthread_mutex_t lock; /* of everything that threads share here */
	LIST_HEAD(, powerdns_server) servers;
};

struct powerdns_server {
	LIST_ENTRY(powerdns_server) entry;
	struct powerdns_servers *all;

	/* these never change, and need no lock */
	char *id; /* config_target.id, for logs */
	char *name;
	char *key_header; /* with the API key; wiped on free */
	char **urls;
	size_t url_count;

	/* these do */
	LIST_HEAD(, powerdns_desk) desks;
	struct request_pool pool;
	struct endpoints endpoints;
	struct powerdns_settings settings;
	int64_t settings_ms;        /* monotonic: when they were asked for */
	char why[POWERDNS_WHY_MAX]; /* the last URL that could not be asked failed */
	unsigned backs;             /* how often it has answered after it was down */
	unsigned telling;           /* desks that have not told all their callers that */
};

/* What a thread has of a server. */
struct powerdns_desk {
	LIST_ENTRY(powerdns_desk) entry;
	struct powerdns_server *server;
	const struct target_env *env;
	struct http_client *http;
	struct event *event; /* of wake */
	size_t users;        /* callers that have joined, and functions that use it */
	struct powerdns_callers joined; /* who has not been told yet stands first */

	/* only its wake-up is used; any thread may wake it */
	struct queue wake;

	/* under the lock */
	struct pool_tickets granted, refused; /* other threads may add ours to these */
	bool is_telling;
};

static inline struct powerdns_caller *powerdns_caller_of(struct pool_ticket *ticket)
{
	return (struct powerdns_caller *)(void *)ticket;
}

/* ---- powerdns_desk.c ---- */

/* It stays while a function needs it, whatever happens to its callers. */
void powerdns_desk_hold(struct powerdns_desk *desk);
void powerdns_desk_release(struct powerdns_desk *desk);

/* ---- powerdns_server.c ---- */

/* Its event: something is to be done for its callers. */
void powerdns_desk_on_wake(evutil_socket_t fd, short what, void *arg);
/* Gives up what the caller asks. */
void powerdns_server_cancel(struct powerdns_caller *caller);

#endif
