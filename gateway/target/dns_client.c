/*
 * A channel to one DNS server over TCP: see dns_client.h.
 *
 * Limits: one message is buffered at a time (its form allows 65535 octets); READ_HIGH
 * limits the read buffer; the caller limits the length of a stream.
 */
#include "gateway/target/dns_client_private.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/util.h>
#include "tsig/tsig_record.h"

enum { READ_HIGH = 2 * (2 + WIRE_MESSAGE_MAX) }; /* octets: a message always fits */

static void disconnect(struct dns_client *client)
{
	struct exchange *x;

	if (client->connection)
		bufferevent_free(client->connection);
	client->connection = NULL;
	client->is_connected = false;
	TAILQ_FOREACH(x, &client->exchanges, entry)
		x->is_sent = false;
}

/* ---- the end of an exchange ---- */

static void remove_exchange(struct exchange *x)
{
	TAILQ_REMOVE(&x->client->exchanges, x, entry);
	alarm_stop(&x->limit);
	tsig_stream_free(x->stream);
	free(x->octets);
	if (x == &x->client->first)
		x->is_busy = false;
	else
		free(x);
}

/* The caller must not touch the client afterwards: done may have freed it. */
static void finish(struct exchange *x, const struct dns_client_result *result)
{
	const struct dns_client_request request = x->request;

	remove_exchange(x);
	request.done(request.arg, result);
}

/* The caller is told by the alarm, since it may be in the middle of asking, and since it
 * may free the client while others have failed, too. */
static void fail_later(
	struct exchange *x, enum dns_client_status status, struct target_failure failure)
{
	x->failure = failure;
	x->failure_status = status;
	alarm_set_in(&x->limit, 0);
}

static bool has_failed(const struct exchange *x)
{
	return !verdict_is_ok(&x->failure.why);
}

/* What was asked over this connection gets no answer any more. */
static void fail_all(struct dns_client *client, enum dns_client_status status,
	struct target_failure failure)
{
	struct exchange *x;

	disconnect(client);
	TAILQ_FOREACH(x, &client->exchanges, entry) {
		if (!has_failed(x))
			fail_later(x, x->messages ? DNS_CLIENT_FAILED : status, failure);
	}
}

static void report_failure(struct exchange *x)
{
	const struct dns_client_result result = {
		.status = x->failure_status, .failure = x->failure};

	finish(x, &result);
}

static void set_limit(struct exchange *x)
{
	alarm_set_in(&x->limit, x->client->target->timeout_ms);
}

static void try_elsewhere(struct dns_client *client, struct target_failure failure);

static void on_limit(void *arg)
{
	struct exchange *x = arg;
	struct dns_client *client = x->client;
	const unsigned ms = client->target->timeout_ms;

	if (has_failed(x)) {
		report_failure(x);
	} else if (!client->connection) {
		dns_places_give_up(client->places, &client->waiter);
		fail_all(client, DNS_CLIENT_FAILED,
			dns_client_trouble(client, TARGET_UNREACHABLE,
				"was not found within %u ms", ms));
	} else if (!client->is_connected) {
		try_elsewhere(client,
			dns_client_trouble(client, TARGET_UNREACHABLE,
				"could not be reached within %u ms", ms));
	} else {
		fail_all(client, DNS_CLIENT_FAILED,
			x->messages ? dns_client_trouble(client, TARGET_TIMED_OUT,
					      "fell silent for %u ms in the middle of a "
					      "transfer",
					      ms)
				    : dns_client_trouble(client, TARGET_TIMED_OUT,
					      "gave no answer within %u ms", ms));
		(void)dns_places_fail(client->places, &client->address);
	}
}

/* ---- what came back ---- */

/* The exchange that the message answers; NULL: none. */
static struct exchange *find_asker(struct dns_client *client)
{
	const struct wire_message *m = &client->walk;
	struct exchange *x;

	TAILQ_FOREACH(x, &client->exchanges, entry) {
		if (x->is_sent && !has_failed(x) && m->id == x->id)
			break;
	}
	if (!x || !(m->flags & WIRE_QR) || m->opcode != (x->octets[2] >> 3 & 15))
		return NULL;
	return x;
}

/* RFC 8945 5.3.1: the first message of a stream is verified like any answer. */
static struct verdict verify(struct exchange *x, int64_t now)
{
	struct dns_client *client = x->client;
	struct verdict v;

	if (!client->key)
		return verdict_ok();
	if (x->messages)
		return tsig_stream_verify(x->stream, client->env->pool, client->answer,
			&client->walk, false, now);
	v = tsig_verify_answer(
		&x->tsig, client->env->pool, client->answer, &client->walk, now);
	if (!verdict_is_ok(&v) || !x->request.message)
		return v;
	x->stream = tsig_stream_new(&x->tsig);
	if (!x->stream)
		return verdict_no_memory();
	return v;
}

/* Checks form, identity and signature; why is NOERROR, with the exchange, if the message
 * may be used.  *ret_asker is whose answer it looks like, even if it may not; NULL:
 * nobody's. */
static struct target_failure judge_message(
	struct dns_client *client, size_t len, struct exchange **ret_asker)
{
	const int64_t now = client->env->real_time();
	struct verdict v = wire_walk(&client->walk, client->answer, len);

	*ret_asker = NULL;
	if (!verdict_is_ok(&v))
		return dns_client_trouble(
			client, TARGET_GARBLED, "sent a malformed message: %s", v.why);
	*ret_asker = find_asker(client);
	if (!*ret_asker)
		return dns_client_trouble(
			client, TARGET_GARBLED, "sent something other than the answer");
	v = verify(*ret_asker, now);
	if (!verdict_is_ok(&v))
		return dns_client_explain_tsig(*ret_asker, &v, now);
	return (struct target_failure){.why = v};
}

/* RFC 8945 5.2.1: NOTAUTH and BADKEY, "unsigned".  PowerDNS leaves the TSIG out, too. */
static bool is_denial(const struct dns_client *client, uint8_t rcode)
{
	const struct wire_message *m = &client->walk;
	uint8_t owner[NAME_MAX_LEN], alg[NAME_MAX_LEN];
	struct tsig_record record;

	if (rcode != RCODE_REFUSED && rcode != RCODE_NOTAUTH)
		return false;
	if (!m->tsig_at)
		return true;
	return !tsig_record_read(&record, owner, alg, client->answer, m) &&
		record.error == TSIG_ERROR_BADKEY;
}

/* What an answer that is not authentic may mean nevertheless.  Servers whose parser
 * refuses a message do not sign the answer (BIND, Knot); but a forger does not either. */
static enum dns_client_status judge_unproven(const struct exchange *x)
{
	const struct dns_client *client = x->client;
	const uint8_t rcode = client->walk.flags & 15;

	if (!client->key || x->messages)
		return DNS_CLIENT_FAILED;
	if (is_denial(client, rcode))
		return DNS_CLIENT_DENIED;
	if (!client->walk.tsig_at && (rcode == RCODE_FORMERR || rcode == RCODE_SERVFAIL))
		return DNS_CLIENT_UNPROVEN;
	return DNS_CLIENT_FAILED;
}

/* With the answer that was read. */
static void finish_read(
	struct exchange *x, enum dns_client_status status, struct target_failure failure)
{
	struct dns_client *client = x->client;
	const struct dns_client_result result = {
		.status = status,
		.failure = failure,
		.msg = client->answer,
		.m = &client->walk,
	};
	struct evbuffer *input = bufferevent_get_input(client->connection);
	const bool is_last =
		TAILQ_FIRST(&client->exchanges) == x && !TAILQ_NEXT(x, entry);

	/* Octets after the last answer mean that the connection is out of step; others
	 * are another answer, read when this one has been dealt with. */
	if (evbuffer_get_length(input) && is_last)
		disconnect(client);
	else if (evbuffer_get_length(input))
		bufferevent_trigger(
			client->connection, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
	finish(x, &result);
}

/* False: no more is read now, and the client may be gone. */
static bool handle_message(struct dns_client *client, size_t len)
{
	enum dns_client_next next = DNS_CLIENT_LAST;
	enum dns_client_status status;
	struct exchange *x;
	const struct target_failure failure = judge_message(client, len, &x);

	if (!verdict_is_ok(&failure.why)) {
		status = x ? judge_unproven(x) : DNS_CLIENT_FAILED;
		if (status == DNS_CLIENT_DENIED) {
			finish_read(x, status, failure);
			return false;
		}
		if (status == DNS_CLIENT_UNPROVEN)
			fail_later(x, status, failure);
		fail_all(client, DNS_CLIENT_FAILED, failure);
		return false;
	}
	dns_places_answer(client->places, &client->address);
	if (x->messages < UINT_MAX)
		x->messages++;
	if (x->request.message)
		next = x->request.message(x->request.arg, client->answer, &client->walk);
	if (next == DNS_CLIENT_MORE) {
		set_limit(x);
		return true;
	}
	if (next == DNS_CLIENT_STOP) {
		fail_all(client, DNS_CLIENT_FAILED,
			dns_client_trouble(client, TARGET_GARBLED,
				"sent a transfer that makes no sense"));
		return false;
	}
	/* RFC 8945 5.3.1: "the last message" of a stream "MUST" be signed. */
	if (client->key && !client->walk.tsig_at) {
		fail_all(client, DNS_CLIENT_FAILED,
			dns_client_trouble(client, TARGET_NOT_SIGNED,
				"did not sign the last message of a transfer"));
		return false;
	}
	finish_read(x, DNS_CLIENT_ANSWERED, failure);
	return false;
}

/* Moves one message (RFC 1035 4.2.2) to client->answer.  Its length; 0: incomplete;
 * -ENOMEM; -EBADMSG: shorter than a header. */
static int take_message(struct dns_client *client)
{
	struct evbuffer *input = bufferevent_get_input(client->connection);
	uint8_t prefix[2];
	size_t len;
	uint8_t *octets;

	if (evbuffer_copyout(input, prefix, 2) < 2)
		return 0;
	len = (size_t)prefix[0] << 8 | prefix[1];
	if (len < WIRE_HEADER_LEN)
		return -EBADMSG;
	if (evbuffer_get_length(input) < 2 + len)
		return 0;
	octets = realloc(client->answer, len);
	if (!octets)
		return -ENOMEM;
	client->answer = octets;
	evbuffer_drain(input, 2);
	evbuffer_remove(input, octets, len);
	return (int)len;
}

/* BIND and Knot write answers one by one, and let their kernel gather them (Nagle): the
 * next one would wait until ours acknowledges this one, for 40 ms if nothing is sent. */
static void acknowledge(const struct dns_client *client, struct bufferevent *connection)
{
	const int on = 1;

	if (TAILQ_NEXT(TAILQ_FIRST(&client->exchanges), entry))
		(void)setsockopt(bufferevent_getfd(connection), IPPROTO_TCP, TCP_QUICKACK,
			&on, sizeof(on));
}

static void on_read(struct bufferevent *connection, void *arg)
{
	struct dns_client *client = arg;
	int len;

	if (TAILQ_EMPTY(&client->exchanges)) { /* data without a request */
		disconnect(client);
		return;
	}
	acknowledge(client, connection);
	while ((len = take_message(client)) > 0) {
		if (!handle_message(client, (size_t)len))
			return;
	}
	if (!len)
		return;
	fail_all(client, DNS_CLIENT_FAILED,
		dns_client_trouble(client,
			len == -ENOMEM ? TARGET_OUR_MEMORY : TARGET_GARBLED, "%s",
			len == -ENOMEM ? "sent an answer: no memory for it"
				       : "sent a malformed message: no header"));
}

/* ---- the connection ---- */

static void send_requests(struct dns_client *client);
static int start_connection(struct dns_client *client);

static bool is_in_transfer(const struct dns_client *client)
{
	const struct exchange *x;

	TAILQ_FOREACH(x, &client->exchanges, entry) {
		if (x->messages)
			return true;
	}
	return false;
}

/* To the current address, which may have to be found first. */
static void connect_somewhere(struct dns_client *client)
{
	const struct config_address *address = dns_places_address(client->places);

	if (!address) {
		if (!client->waiter.is_waiting)
			dns_places_find(client->places, &client->waiter);
		return;
	}
	client->address = *address;
	if (start_connection(client) < 0)
		try_elsewhere(client,
			dns_client_trouble(client, TARGET_UNREACHABLE,
				"could not be reached: %s", strerror(errno)));
}

static bool is_anybody_waiting(const struct dns_client *client)
{
	const struct exchange *x;

	TAILQ_FOREACH(x, &client->exchanges, entry) {
		if (!has_failed(x))
			return true;
	}
	return false;
}

/* The server was not reached, or found; nothing has been sent. */
static void try_elsewhere(struct dns_client *client, struct target_failure failure)
{
	const bool has_address = client->connection != NULL;
	struct exchange *x;

	disconnect(client);
	if (!dns_places_fail(client->places, has_address ? &client->address : NULL) ||
		!is_anybody_waiting(client)) {
		fail_all(client, DNS_CLIENT_FAILED, failure);
		return;
	}
	TAILQ_FOREACH(x, &client->exchanges, entry) {
		if (!has_failed(x))
			set_limit(x);
	}
	connect_somewhere(client);
}

static void on_found(void *arg)
{
	struct dns_client *client = arg;

	if (!is_anybody_waiting(client))
		return;
	if (dns_places_address(client->places))
		connect_somewhere(client);
	else
		try_elsewhere(client,
			dns_client_trouble(client, TARGET_UNREACHABLE,
				"was not found: %s", dns_places_why(client->places)));
}

/* RFC 7766 6.2.4: a client must expect the connection to be closed while its request is
 * on the way. */
static void handle_close(struct dns_client *client, struct target_failure failure)
{
	const bool is_partial = is_in_transfer(client) ||
		evbuffer_get_length(bufferevent_get_input(client->connection));
	bool is_needed = false;
	struct exchange *x;

	TAILQ_FOREACH(x, &client->exchanges, entry) {
		if (has_failed(x))
			continue;
		if (x->request.is_repeatable && x->is_reused && !is_partial)
			is_needed = true;
		else
			fail_later(x, x->messages ? DNS_CLIENT_FAILED : DNS_CLIENT_LOST,
				failure);
	}
	disconnect(client);
	if (is_needed)
		connect_somewhere(client);
}

static void on_event(struct bufferevent *connection, short what, void *arg)
{
	struct dns_client *client = arg;
	const int error = EVUTIL_SOCKET_ERROR();
	int one = 1;

	if (what & BEV_EVENT_CONNECTED) {
		client->is_connected = true;
		/* Requests are small, and nobody gathers them into segments. */
		setsockopt(bufferevent_getfd(connection), IPPROTO_TCP, TCP_NODELAY, &one,
			sizeof(one));
		send_requests(client);
		return;
	}
	if (TAILQ_EMPTY(&client->exchanges)) { /* the server closed an idle connection */
		disconnect(client);
		return;
	}
	if (!client->is_connected) {
		try_elsewhere(client,
			dns_client_trouble(client, TARGET_UNREACHABLE,
				"could not be reached: %s",
				evutil_socket_error_to_string(error)));
		return;
	}
	if (what & BEV_EVENT_EOF)
		handle_close(client,
			dns_client_trouble(client, TARGET_UNREACHABLE,
				"closed the connection %s",
				is_in_transfer(client) ? "in the middle of a transfer"
						       : "without an answer"));
	else
		handle_close(client,
			dns_client_trouble(client, TARGET_UNREACHABLE,
				"broke the connection: %s",
				evutil_socket_error_to_string(error)));
}

/* 0, or -1 with errno. */
static int start_connection(struct dns_client *client)
{
	struct exchange *x;

	TAILQ_FOREACH(x, &client->exchanges, entry)
		x->is_reused = false;
	client->connection =
		bufferevent_socket_new(client->env->base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!client->connection) {
		errno = ENOMEM;
		return -1;
	}
	bufferevent_setcb(client->connection, on_read, NULL, on_event, client);
	bufferevent_setwatermark(client->connection, EV_READ, 0, READ_HIGH);
	bufferevent_enable(client->connection, EV_READ | EV_WRITE);
	return bufferevent_socket_connect(client->connection,
		(const struct sockaddr *)&client->address.storage,
		(int)client->address.len);
}

/* Is the idle connection still open, and silent?  If it has been closed already, this
 * avoids not knowing the fate of an UPDATE.  On a busy one, octets are answers.  If
 * another address is used now, it is given up. */
static bool is_connection_alive(const struct dns_client *client)
{
	const struct config_address *address = dns_places_address(client->places);
	char octet;

	if (!client->connection || !client->is_connected)
		return false;
	if (address && !dns_places_is_same(address, &client->address))
		return false;
	return recv(bufferevent_getfd(client->connection), &octet, 1,
		       MSG_PEEK | MSG_DONTWAIT) < 0 &&
		(errno == EAGAIN || errno == EWOULDBLOCK);
}

/* ---- the request ---- */

/* Those that have not been sent yet. */
static void send_requests(struct dns_client *client)
{
	struct exchange *x;
	int r;

	TAILQ_FOREACH(x, &client->exchanges, entry) {
		if (x->is_sent || has_failed(x))
			continue;
		r = dns_client_write_request(x);
		if (r < 0)
			fail_later(x, DNS_CLIENT_FAILED,
				dns_client_trouble(client, TARGET_OUR_MEMORY,
					"was not asked: %s", strerror(-r)));
		else
			x->is_sent = true;
	}
}

/* NULL: no memory. */
static struct exchange *add_exchange(
	struct dns_client *client, const struct dns_client_request *request)
{
	struct exchange *x = &client->first;

	if (x->is_busy)
		x = malloc(sizeof(*x));
	if (!x)
		return NULL;
	*x = (struct exchange){
		.client = client,
		.request = *request,
		.octets = malloc(request->len),
		.id = dns_client_choose_id(client),
		.is_busy = true,
		.failure.why = verdict_ok(),
	};
	alarm_init(&x->limit, client->env->alarms, on_limit, x);
	TAILQ_INSERT_TAIL(&client->exchanges, x, entry);
	set_limit(x);
	return x;
}

int dns_client_ask(struct dns_client *client, const struct dns_client_request *request)
{
	const bool is_idle = TAILQ_EMPTY(&client->exchanges);
	struct exchange *x = add_exchange(client, request);

	if (!x)
		return -ENOMEM;
	if (!x->octets) {
		fail_later(x, DNS_CLIENT_FAILED,
			dns_client_trouble(
				client, TARGET_OUR_MEMORY, "was not asked: no memory"));
		return 0;
	}
	memcpy(x->octets, request->octets, request->len);
	if (is_idle && !is_connection_alive(client)) {
		disconnect(client);
		dns_places_begin(client->places);
	}
	if (!client->connection) {
		connect_somewhere(client);
	} else if (client->is_connected) {
		x->is_reused = true;
		send_requests(client);
	}
	return 0;
}

size_t dns_client_request_max(const struct dns_client *client)
{
	return client->key ? WIRE_MESSAGE_MAX - TSIG_RESERVE_MAX : WIRE_MESSAGE_MAX;
}

struct dns_client *dns_client_new(const struct config_target *target,
	struct dns_places *places, const struct tsig_key *key,
	const struct target_env *env)
{
	struct dns_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->target = target;
	client->places = places;
	client->key = key;
	client->env = env;
	TAILQ_INIT(&client->exchanges);
	alarm_init(&client->waiter.found, env->alarms, on_found, client);
	return client;
}

void dns_client_free(struct dns_client *client)
{
	struct exchange *x;

	if (!client)
		return;
	dns_places_give_up(client->places, &client->waiter);
	disconnect(client);
	while ((x = TAILQ_FIRST(&client->exchanges)))
		remove_exchange(x);
	free(client->answer);
	free(client);
}
