/*
 * Asking a server (powerdns_server.h): who gets a place, where a request goes, and what
 * its answer says about the server.
 *
 * Whatever changes what threads share ends with giving places away: those of the own
 * thread are used at once, another thread is woken for its own.  Callbacks are called
 * without the lock, and after that, since they ask the next thing or free the caller.
 */
#include "gateway/target/powerdns_server_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"

enum {
	SETTINGS_ANSWER_MAX = 1 << 20, /* octets */
	SETTINGS_AGE_MS = 600 * 1000,  /* then a reader looks at them again */
	BODY_MAX_MB = 2,     /* webserver-max-bodysize, unless it says otherwise */
	BODY_MAX_MB_MAX = 64 /* more than this is not built in memory */
};

static void lock(struct powerdns_server *server)
{
	pthread_mutex_lock(&server->all->lock);
}

static void unlock(struct powerdns_server *server)
{
	pthread_mutex_unlock(&server->all->lock);
}

static int64_t now_ms(const struct powerdns_desk *desk)
{
	return turn_monotonic_ms(desk->env->alarms->clock);
}

static bool is_lost(const struct http_response *response)
{
	return response->error && response->error != -EFBIG;
}

/* ---- under the lock: giving places away ---- */

/* here: the desk whose thread this is, and which sees to its own callers by itself; NULL:
 * any is woken. */
static void hand_over(struct powerdns_caller *caller, struct pool_tickets *list,
	const struct powerdns_desk *here)
{
	TAILQ_INSERT_TAIL(list, &caller->ticket, entry);
	if (caller->desk != here)
		queue_wake(&caller->desk->wake);
}

static void refuse(struct powerdns_caller *caller, int error)
{
	caller->refused = error;
	hand_over(caller, &caller->desk->refused, NULL);
}

/* The settings are older than they may be, and nobody is looking at them. */
static bool must_look(struct powerdns_server *server,
	const struct powerdns_caller *caller, int64_t time_ms)
{
	if (caller->ticket.line != POOL_READS ||
		time_ms - server->settings_ms < SETTINGS_AGE_MS)
		return false;
	server->settings_ms = time_ms;
	return true;
}

/* Callers that have not been told that the server is back are told when others leave
 * room for what they may ask. */
static void wake_telling(struct powerdns_server *server, const struct powerdns_desk *here)
{
	struct powerdns_desk *desk;

	if (!server->telling || request_pool_is_busy(&server->pool))
		return;
	LIST_FOREACH(desk, &server->desks, entry)
	{
		if (desk->is_telling && desk != here)
			queue_wake(&desk->wake);
	}
}

static void give_places(
	struct powerdns_server *server, const struct powerdns_desk *here, int64_t time_ms)
{
	struct pool_ticket *ticket;
	bool is_trial;

	while ((ticket = request_pool_next(&server->pool, &is_trial))) {
		struct powerdns_caller *caller = powerdns_caller_of(ticket);

		if (is_trial)
			endpoints_begin(&server->endpoints);
		caller->looks_first = is_trial || must_look(server, caller, time_ms);
		hand_over(caller, &caller->desk->granted, here);
	}
	wake_telling(server, here);
}

/* ---- under the lock: what an answer says about the server ---- */

static void shut(struct powerdns_server *server, struct powerdns_caller *caller,
	const struct http_response *response, int64_t time_ms)
{
	struct pool_ticket *ticket;

	snprintf(server->why, sizeof(server->why), "%s", response->why);
	request_pool_leave(&server->pool, &caller->ticket);
	request_pool_shut(&server->pool, &caller->ticket, time_ms);
	while ((ticket = request_pool_refuse(&server->pool)))
		refuse(powerdns_caller_of(ticket), response->error);
}

static void note_back(struct powerdns_server *server)
{
	struct powerdns_desk *desk;

	server->backs++;
	LIST_FOREACH(desk, &server->desks, entry)
	{
		server->telling += !desk->is_telling;
		desk->is_telling = true;
		queue_wake(&desk->wake);
	}
}

/* Nothing of it arrived, so it can be sent elsewhere, whatever it is.  True: it ends. */
static bool judge_unsent(struct powerdns_caller *caller,
	const struct http_response *response, int64_t time_ms)
{
	struct powerdns_server *server = caller->desk->server;

	snprintf(server->why, sizeof(server->why), "%s", response->why);
	if (endpoints_fail(&server->endpoints, caller->endpoint)) {
		hand_over(caller, &caller->desk->granted, caller->desk);
		return false;
	}
	shut(server, caller, response, time_ms);
	return true;
}

/* What became of it is not known. */
static void judge_unanswered(struct powerdns_caller *caller,
	const struct http_response *response, int64_t time_ms)
{
	struct powerdns_server *server = caller->desk->server;

	snprintf(server->why, sizeof(server->why), "%s", response->why);
	if (request_pool_unanswered(&server->pool, &caller->ticket) &&
		!endpoints_fail(&server->endpoints, caller->endpoint))
		shut(server, caller, response, time_ms);
}

/* PowerDNS says no more than "Internal Server Error" of what its database said. */
static bool is_conflict(
	const struct powerdns_caller *caller, const struct http_response *response)
{
	if (response->error || caller->ticket.line == POOL_READS)
		return false;
	return response->status == 500 ||
		(response->status >= 400 && strstr(response->body, "locked"));
}

static bool judge(struct powerdns_caller *caller, const struct http_response *response,
	int64_t time_ms)
{
	struct request_pool *pool = &caller->desk->server->pool;

	if (is_lost(response) && response->is_unsent)
		return judge_unsent(caller, response, time_ms);
	if (is_lost(response)) {
		judge_unanswered(caller, response, time_ms);
		return true;
	}
	if (is_conflict(caller, response) &&
		request_pool_conflicted(
			pool, &caller->ticket, strstr(response->body, "locked") != NULL))
		return false;
	if (request_pool_answered(pool, &caller->ticket))
		note_back(caller->desk->server);
	return true;
}

/* The URL that is used from now on, if this answer came from another than before. */
static const char *note_endpoint(
	struct powerdns_caller *caller, const struct http_response *response)
{
	struct powerdns_server *server = caller->desk->server;

	if (is_lost(response) || !endpoints_answer(&server->endpoints, caller->endpoint))
		return NULL;
	return server->urls[caller->endpoint];
}

/* ---- sending ---- */

void powerdns_server_expect(struct powerdns_caller *caller)
{
	http_client_expect(caller->desk->http);
}

static void on_answer(void *arg, const struct http_response *response);
static void on_settings(void *arg, const struct http_response *response);

static void give_up(struct powerdns_caller *caller, int error)
{
	struct powerdns_server *server = caller->desk->server;

	lock(server);
	request_pool_leave(&server->pool, &caller->ticket);
	refuse(caller, error);
	give_places(server, NULL, now_ms(caller->desk));
	unlock(server);
}

static struct http_request make_request(const struct powerdns_caller *caller)
{
	if (!caller->looks_first)
		return caller->request;
	return (struct http_request){.method = "GET",
		.answer_max = SETTINGS_ANSWER_MAX,
		.timeout_ms = caller->request.connect_timeout_ms,
		.connect_timeout_ms = caller->request.connect_timeout_ms};
}

static void send_request(struct powerdns_caller *caller)
{
	struct powerdns_server *server = caller->desk->server;
	const char *const headers[] = {server->key_header, "Accept: application/json",
		"Content-Type: application/json", NULL};
	struct http_request request = make_request(caller);
	char *url;

	lock(server);
	caller->endpoint = server->endpoints.current;
	request.looks_up = server->endpoints.failed || server->pool.silent ||
		server->pool.state != POOL_OPEN;
	unlock(server);
	url = powerdns_url(server->urls[caller->endpoint], server->name, caller->zone,
		caller->looks_first ? POWERDNS_CONFIG : caller->place);
	request.url = url;
	request.headers = headers;
	if (url)
		caller->transfer = http_client_start(caller->desk->http, &request,
			caller->looks_first ? on_settings : on_answer, caller);
	free(url);
	if (!caller->transfer)
		give_up(caller, -ENOMEM);
}

static struct powerdns_caller *take(struct powerdns_desk *desk, struct pool_tickets *list)
{
	struct pool_ticket *ticket;

	lock(desk->server);
	ticket = TAILQ_FIRST(list);
	if (ticket)
		TAILQ_REMOVE(list, ticket, entry);
	unlock(desk->server);
	return ticket ? powerdns_caller_of(ticket) : NULL;
}

static void send_granted(struct powerdns_desk *desk)
{
	struct powerdns_caller *caller;

	while ((caller = take(desk, &desk->granted)))
		send_request(caller);
}

/* ---- answers ---- */

/* The lock is held, and what the answer says has been noted. */
static void go_on(struct powerdns_caller *caller, const struct http_response *response,
	bool is_over, const char *url)
{
	struct powerdns_desk *desk = caller->desk;
	struct powerdns_server *server = desk->server;
	char why[POWERDNS_WHY_MAX];

	snprintf(why, sizeof(why), "%s", server->why);
	give_places(server, desk, now_ms(desk));
	unlock(server);
	if (url)
		log_warning(
			"target %s: asked at %s from now on: %s", server->id, url, why);
	powerdns_desk_hold(desk);
	send_granted(desk);
	if (is_over)
		caller->done(caller->arg, response);
	powerdns_desk_release(desk);
}

static void on_answer(void *arg, const struct http_response *response)
{
	struct powerdns_caller *caller = arg;
	const char *url;
	bool is_over;

	caller->transfer = NULL;
	lock(caller->desk->server);
	url = note_endpoint(caller, response);
	is_over = judge(caller, response, now_ms(caller->desk));
	go_on(caller, response, is_over, url);
}

static size_t read_body_max(const struct http_response *response)
{
	char value[16] = "";
	long megabytes = BODY_MAX_MB;

	if (powerdns_json_read_setting(response->body, response->body_len,
		    "webserver-max-bodysize", value, sizeof(value)))
		megabytes = strtol(value, NULL, 10);
	if (megabytes < 1)
		megabytes = BODY_MAX_MB;
	return (size_t)(megabytes < BODY_MAX_MB_MAX ? megabytes : BODY_MAX_MB_MAX) << 20;
}

/* What is no answer to the question, as to a wrong key, has no settings. */
static struct powerdns_settings read_settings(const struct http_response *response)
{
	struct powerdns_settings settings = {
		.rectifies = true, .body_max = read_body_max(response)};
	char value[128] = "";

	if (powerdns_json_read_setting(response->body, response->body_len,
		    "default-api-rectify", value, sizeof(value)))
		settings.rectifies = strcmp(value, "no") != 0;
	if (!powerdns_json_read_setting(
		    response->body, response->body_len, "launch", value, sizeof(value)))
		return settings;
	settings.is_lmdb = strstr(value, "lmdb") != NULL;
	settings.is_sqlite = strstr(value, "sqlite") != NULL;
	return settings;
}

static void note_settings(
	struct powerdns_caller *caller, const struct http_response *response)
{
	struct powerdns_server *server = caller->desk->server;

	server->settings = read_settings(response);
	server->settings_ms = now_ms(caller->desk);
	request_pool_set_writes_max(
		&server->pool, server->settings.is_sqlite ? 1 : POOL_MAX);
	if (request_pool_open(&server->pool))
		note_back(server);
}

static void on_settings(void *arg, const struct http_response *response)
{
	struct powerdns_caller *caller = arg;
	struct powerdns_desk *desk = caller->desk;
	struct powerdns_server *server = desk->server;
	const char *url;

	caller->transfer = NULL;
	lock(server);
	url = note_endpoint(caller, response);
	if (!is_lost(response))
		note_settings(caller, response);
	if (!is_lost(response) || server->pool.state == POOL_OPEN) {
		caller->looks_first = false;
		hand_over(caller, &desk->granted, desk);
		go_on(caller, response, false, url);
		return;
	}
	go_on(caller, response, judge_unsent(caller, response, now_ms(desk)), url);
}

/* ---- what other threads have left for this one ---- */

static void end_refused(struct powerdns_caller *caller)
{
	struct powerdns_server *server = caller->desk->server;
	char why[POWERDNS_WHY_MAX] = "out of memory";
	const struct http_response response = {.error = caller->refused,
		.why = why,
		.is_unsent = true,
		.headers = "",
		.body = ""};

	caller->refused = 0;
	if (response.error != -ENOMEM) {
		lock(server);
		snprintf(why, sizeof(why), "%s", server->why);
		unlock(server);
	}
	caller->done(caller->arg, &response);
}

/* The next who is to be told that the server is back; NULL: nobody is, for now. */
static struct powerdns_caller *next_to_tell(struct powerdns_desk *desk)
{
	struct powerdns_server *server = desk->server;
	struct powerdns_caller *caller = TAILQ_FIRST(&desk->joined);

	lock(server);
	if (desk->is_telling && (!caller || caller->told == server->backs)) {
		desk->is_telling = false;
		server->telling--;
	}
	if (!desk->is_telling || request_pool_is_busy(&server->pool))
		caller = NULL;
	else
		caller->told = server->backs;
	unlock(server);
	return caller;
}

static void tell_back(struct powerdns_desk *desk)
{
	struct powerdns_caller *caller;

	while ((caller = next_to_tell(desk))) {
		TAILQ_REMOVE(&desk->joined, caller, entry);
		TAILQ_INSERT_TAIL(&desk->joined, caller, entry);
		if (caller->back)
			caller->back(caller->back_arg);
	}
}

void powerdns_desk_on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct powerdns_desk *desk = arg;
	struct powerdns_caller *caller;
	struct queue_list nothing;

	(void)fd;
	(void)what;
	queue_list_init(&nothing);
	queue_take_all(&desk->wake, &nothing);
	powerdns_desk_hold(desk);
	send_granted(desk);
	while ((caller = take(desk, &desk->refused)))
		end_refused(caller);
	tell_back(desk);
	powerdns_desk_release(desk);
}

/* ---- callers ---- */

void powerdns_server_ask(struct powerdns_caller *caller, enum powerdns_place place,
	const struct http_request *request, enum pool_line line, http_done *done,
	void *arg)
{
	struct powerdns_desk *desk = caller->desk;
	struct powerdns_server *server = desk->server;
	const int64_t time_ms = now_ms(desk);

	caller->place = place;
	caller->request = *request;
	caller->done = done;
	caller->arg = arg;
	lock(server);
	if (request_pool_enter(&server->pool, &caller->ticket, line, time_ms))
		give_places(server, desk, time_ms);
	else
		refuse(caller, -EIO);
	unlock(server);
	send_granted(desk);
}

void powerdns_server_cancel(struct powerdns_caller *caller)
{
	struct powerdns_desk *desk = caller->desk;
	struct powerdns_server *server = desk->server;
	const bool is_sent = caller->transfer != NULL;

	http_transfer_cancel(caller->transfer);
	caller->transfer = NULL;
	lock(server);
	if (caller->refused)
		TAILQ_REMOVE(&desk->refused, &caller->ticket, entry);
	else if (caller->ticket.state == POOL_INSIDE && !is_sent)
		TAILQ_REMOVE(&desk->granted, &caller->ticket, entry);
	caller->refused = 0;
	if (caller->ticket.state != POOL_OUTSIDE)
		request_pool_leave(&server->pool, &caller->ticket);
	give_places(server, NULL, now_ms(desk));
	unlock(server);
}
