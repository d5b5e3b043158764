/*
 * PowerDNS servers as all zones share them: who may ask when, by which of its URLs, and
 * what it said about itself.
 *
 * A zone's target joins its server and then asks one thing at a time.  How many requests
 * of all zones and threads are under way at one server is limited (request_pool.h); what
 * has to wait does so here, and its timeout begins when it is sent.  A write that failed
 * because of another (SQLite takes one at a time: "database is locked") is sent again
 * with fewer under way, and its zone never learns of it.
 *
 * A request that cannot be sent to one URL is sent to the next.  If none of them can be
 * reached, the server is down: the requests of all its zones fail at once, one at a time
 * tries again, and when that is answered all its zones are told.
 *
 * The first thing that a server is asked, when it is new or was down, is its settings.
 *
 * There is one struct powerdns_servers for all threads.  Each thread has connections of
 * its own.  A caller belongs to one thread; everything else is locked here.
 */
#ifndef MUSTER_POWERDNS_SERVER_H
#define MUSTER_POWERDNS_SERVER_H

#include "gateway/target/http_client.h"
#include "gateway/target/powerdns_url.h"
#include "gateway/target/request_pool.h"
#include "gateway/target/target.h"

struct powerdns_desk;

/* What a server says about itself (GET /config), or what is assumed if it does not. */
struct powerdns_settings {
	bool rectifies; /* zones without API-RECTIFY, after each change */
	bool is_lmdb, is_sqlite;
	size_t body_max; /* octets of a request */
};

/* One zone's; embedded.  It must be joined before anything else, and not moved. */
struct powerdns_caller {
	struct pool_ticket ticket; /* first */
	const uint8_t *zone;
	void (*back)(void *arg); /* the server was down, and answers again; may be NULL */
	void *back_arg;

	TAILQ_ENTRY(powerdns_caller) entry; /* of those who have joined */
	struct powerdns_desk *desk;         /* NULL: it has not joined */
	unsigned told; /* powerdns_server.backs, when it was told, or joined */

	/* the request under way */
	struct http_request request; /* without url and headers */
	enum powerdns_place place;
	http_done *done;
	void *arg;
	struct http_transfer
		*transfer; /* of it, or of a look at the settings; NULL: none */
	size_t endpoint;   /* where that went */
	bool looks_first;  /* at the settings */
	int refused;       /* -errno: it is not going to be sent; or 0 */
};

/* NULL: no memory. */
struct powerdns_servers *powerdns_servers_new(void);
/* Nobody may be joined.  NULL is harmless. */
void powerdns_servers_free(struct powerdns_servers *servers);

/* What a server is asked, for administrators. */
struct powerdns_view {
	char *id; /* config_target.id; owned */
	bool is_down;
	struct pool_use reads, writes;
	uint64_t conflicts; /* writes that were sent again because of others */
};

/* All of them; those of one id (with different API keys, for example) together.
 * 0 or -ENOMEM. */
int powerdns_servers_look(struct powerdns_servers *servers,
	struct powerdns_view **ret_views, size_t *ret_count)
	__attribute__((warn_unused_result));
void powerdns_views_free(struct powerdns_view *views, size_t count);

/* caller is all zero, apart from zone, back and back_arg.  Nothing of config is needed
 * afterwards.  0 or -ENOMEM. */
int powerdns_server_join(struct powerdns_caller *caller,
	const struct config_target *config, const struct target_env *env)
	__attribute__((warn_unused_result));
/* Cancels what it asks.  Harmless for one that has not joined. */
void powerdns_server_leave(struct powerdns_caller *caller);

/* Asks; there must be nothing else under way.  request->url and headers are filled in
 * here, and connect_timeout_ms is the time for a look at the settings, too.  done is
 * called later, once.  A read for which somebody waits who wants to write may stand in
 * the line of the writes. */
void powerdns_server_ask(struct powerdns_caller *caller, enum powerdns_place place,
	const struct http_request *request, enum pool_line line, http_done *done,
	void *arg);

/* It is about to ask. */
void powerdns_server_expect(struct powerdns_caller *caller);

/* As of the last time that it was asked. */
struct powerdns_settings powerdns_server_settings(const struct powerdns_caller *caller);
/* The URL in use, if it is not the first; otherwise NULL.  Valid for as long as the
 * caller has joined. */
const char *powerdns_server_url(const struct powerdns_caller *caller);

#endif
