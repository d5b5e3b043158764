/*
 * A channel to one DNS server over TCP: see dns_client.h.
 *
 * Limits: one message is buffered at a time (its form allows 65535 octets); READ_HIGH
 * limits the read buffer; the caller limits the length of a stream.
 */
#include "gateway/target/dns_client.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/util.h>
#include "tsig/tsig_record.h"

enum { READ_HIGH = 2 * (2 + WIRE_MESSAGE_MAX) }; /* octets: a message always fits */

struct dns_client {
	const struct config_target *target;
	const struct tsig_key *key; /* NULL: unsigned */
	const struct target_env *env;
	struct alarm limit;             /* set during an exchange */
	struct bufferevent *connection; /* NULL: none */
	bool is_connected;
	bool is_reused; /* the connection is older than the exchange */

	/* the exchange */
	bool is_busy;
	struct dns_client_request request;
	uint8_t *octets; /* the request: our copy */
	uint16_t id;
	struct tsig_context tsig;
	struct tsig_stream *stream;
	unsigned messages;      /* received so far, stops at UINT_MAX */
	struct verdict failure; /* found inside dns_client_ask; NOERROR: none */

	uint8_t *answer; /* last message received */
	struct wire_message walk;
};

static void disconnect(struct dns_client *client)
{
	if (client->connection)
		bufferevent_free(client->connection);
	client->connection = NULL;
	client->is_connected = false;
}

/* Ends the exchange.  The caller must not touch the client afterwards: done may have
 * freed it. */
static void finish(struct dns_client *client, const struct dns_client_result *result)
{
	const struct dns_client_request request = client->request;

	alarm_stop(&client->limit);
	client->is_busy = false;
	tsig_stream_free(client->stream);
	client->stream = NULL;
	free(client->octets);
	client->octets = NULL;
	request.done(request.arg, result);
}

static void fail(
	struct dns_client *client, enum dns_client_status status, struct verdict why)
{
	const struct dns_client_result result = {.status = status, .why = why};

	disconnect(client);
	finish(client, &result);
}

__attribute__((format(printf, 2, 3))) static struct verdict trouble(
	const struct dns_client *client, const char *format, ...)
{
	char text[VERDICT_WHY_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR, "%s %s",
		client->target->address.text, text);
}

/* For failures inside dns_client_ask, which must not call done itself. */
static void fail_later(struct dns_client *client, struct verdict why)
{
	client->failure = why;
	alarm_set_in(&client->limit, 0);
}

static void on_limit(void *arg)
{
	struct dns_client *client = arg;
	const unsigned ms = client->target->timeout_ms;

	if (!verdict_is_ok(&client->failure))
		fail(client, DNS_CLIENT_FAILED, client->failure);
	else if (!client->is_connected)
		fail(client, DNS_CLIENT_FAILED,
			trouble(client, "could not be reached within %u ms", ms));
	else if (client->messages)
		fail(client, DNS_CLIENT_FAILED,
			trouble(client,
				"fell silent for %u ms in the middle of a transfer", ms));
	else
		fail(client, DNS_CLIENT_FAILED,
			trouble(client, "gave no answer within %u ms", ms));
}

static void set_limit(struct dns_client *client)
{
	alarm_set_in(&client->limit, client->target->timeout_ms);
}

/* ---- what came back ---- */

/* Says how to correct the fault rather than what the MAC looked like. */
static struct verdict explain_tsig(const struct dns_client *client,
	const struct wire_message *m, const struct verdict *verdict, int64_t now)
{
	uint8_t owner[NAME_MAX_LEN], alg[NAME_MAX_LEN];
	char key[NAME_TEXT_MAX], name[VERDICT_NAME_MAX];
	struct tsig_record record;
	struct verdict why;

	if (!m->tsig_at || tsig_record_read(&record, owner, alg, client->answer, m))
		record = (struct tsig_record){0};

	name_to_text(client->tsig.key->name, key);
	if (!m->tsig_at)
		why = trouble(client,
			"answered %s without signature (does it know key %.100s?)",
			verdict_rcode_name(m->flags & 15, name), key);
	else if (record.error == TSIG_ERROR_BADKEY)
		why = trouble(client, "does not know key %.100s (BADKEY)", key);
	else if (record.error == TSIG_ERROR_BADSIG)
		why = trouble(client, "has another secret for key %.100s (BADSIG)", key);
	else if (record.error == TSIG_ERROR_BADTIME && record.other_len == TSIG_OTHER_LEN)
		why = trouble(client, "clocks differ by %lld s (BADTIME)",
			llabs((long long)tsig_read_server_time(client->answer, m) -
				(long long)now));
	else
		why = trouble(client, "%s", verdict->why);
	why.rcode = verdict->rcode;
	why.tsig_error = verdict->tsig_error;
	return why;
}

static bool is_answer(const struct dns_client *client)
{
	const struct wire_message *m = &client->walk;

	return m->id == client->id && (m->flags & WIRE_QR) &&
		m->opcode == (client->octets[2] >> 3 & 15);
}

/* RFC 8945 5.3.1: the first message of a stream is verified like any answer. */
static struct verdict verify(struct dns_client *client, int64_t now)
{
	struct verdict v;

	if (!client->key)
		return verdict_ok();
	if (client->messages)
		return tsig_stream_verify(client->stream, client->env->pool,
			client->answer, &client->walk, false, now);
	v = tsig_verify_answer(
		&client->tsig, client->env->pool, client->answer, &client->walk, now);
	if (!verdict_is_ok(&v) || !client->request.message)
		return v;
	client->stream = tsig_stream_new(&client->tsig);
	if (!client->stream)
		return verdict_no_memory();
	return v;
}

/* Checks form, identity and signature; verdict_ok if the message may be used. */
static struct verdict judge_message(struct dns_client *client, size_t len)
{
	const int64_t now = client->env->real_time();
	struct verdict v = wire_walk(&client->walk, client->answer, len);

	if (!verdict_is_ok(&v))
		return trouble(client, "sent a malformed message: %s", v.why);
	if (!is_answer(client))
		return trouble(client, "sent something other than the answer");
	v = verify(client, now);
	if (!verdict_is_ok(&v))
		return explain_tsig(client, &client->walk, &v, now);
	return verdict_ok();
}

/* Servers whose parser refuses a message do not sign the answer (BIND, Knot); but a
 * forger does not either. */
static bool is_unproven_error(const struct dns_client *client)
{
	const unsigned rcode = client->walk.flags & 15;

	return client->key && !client->messages && is_answer(client) &&
		!client->walk.tsig_at &&
		(rcode == RCODE_FORMERR || rcode == RCODE_SERVFAIL);
}

static void finish_answered(struct dns_client *client)
{
	const struct dns_client_result result = {
		.status = DNS_CLIENT_ANSWERED,
		.msg = client->answer,
		.m = &client->walk,
	};
	struct evbuffer *input = bufferevent_get_input(client->connection);

	/* Octets after the answer mean that the connection is out of step. */
	if (evbuffer_get_length(input))
		disconnect(client);
	finish(client, &result);
}

/* False: the exchange is over, and the client may be gone. */
static bool handle_message(struct dns_client *client, size_t len)
{
	enum dns_client_next next = DNS_CLIENT_LAST;
	struct verdict v = judge_message(client, len);

	if (!verdict_is_ok(&v)) {
		fail(client,
			is_unproven_error(client) ? DNS_CLIENT_UNPROVEN
						  : DNS_CLIENT_FAILED,
			v);
		return false;
	}
	if (client->messages < UINT_MAX)
		client->messages++;
	if (client->request.message)
		next = client->request.message(
			client->request.arg, client->answer, &client->walk);
	if (next == DNS_CLIENT_MORE) {
		set_limit(client);
		return true;
	}
	if (next == DNS_CLIENT_STOP) {
		fail(client, DNS_CLIENT_FAILED,
			trouble(client, "sent a transfer that makes no sense"));
		return false;
	}
	/* RFC 8945 5.3.1: "the last message" of a stream "MUST" be signed. */
	if (client->key && !client->walk.tsig_at) {
		fail(client, DNS_CLIENT_FAILED,
			trouble(client, "did not sign the last message of a transfer"));
		return false;
	}
	finish_answered(client);
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

static void on_read(struct bufferevent *connection, void *arg)
{
	struct dns_client *client = arg;
	int len;

	(void)connection;
	if (!client->is_busy) { /* data from the server without a request */
		disconnect(client);
		return;
	}
	while ((len = take_message(client)) > 0) {
		if (!handle_message(client, (size_t)len))
			return;
	}
	if (!len)
		return;
	fail(client, DNS_CLIENT_FAILED,
		trouble(client, "%s",
			len == -ENOMEM ? "sent an answer: no memory for it"
				       : "sent a malformed message: no header"));
}

/* ---- the connection ---- */

static void send_request(struct dns_client *client);
static int start_connection(struct dns_client *client);

static void handle_close(struct dns_client *client, struct verdict why)
{
	const bool is_partial = client->messages ||
		evbuffer_get_length(bufferevent_get_input(client->connection));

	disconnect(client);
	if (client->request.is_repeatable && client->is_reused && !is_partial) {
		/* RFC 7766 6.2.4: a client must expect the connection to be closed
		 * while its request is on the way. */
		if (start_connection(client) < 0)
			fail(client, DNS_CLIENT_FAILED,
				trouble(client, "could not be reached: %s",
					strerror(errno)));
		return;
	}
	fail(client, client->messages ? DNS_CLIENT_FAILED : DNS_CLIENT_LOST, why);
}

static void on_event(struct bufferevent *connection, short what, void *arg)
{
	struct dns_client *client = arg;
	const int error = EVUTIL_SOCKET_ERROR();
	int one = 1;

	if (what & BEV_EVENT_CONNECTED) {
		client->is_connected = true;
		/* Requests are small, and each waits for the one before. */
		setsockopt(bufferevent_getfd(connection), IPPROTO_TCP, TCP_NODELAY, &one,
			sizeof(one));
		send_request(client);
		return;
	}
	if (!client->is_busy) { /* the server closed an idle connection */
		disconnect(client);
		return;
	}
	if (!client->is_connected) {
		fail(client, DNS_CLIENT_FAILED,
			trouble(client, "could not be reached: %s",
				evutil_socket_error_to_string(error)));
		return;
	}
	if (what & BEV_EVENT_EOF)
		handle_close(client,
			trouble(client, "closed the connection %s",
				client->messages ? "in the middle of a transfer"
						 : "without an answer"));
	else
		handle_close(client,
			trouble(client, "broke the connection: %s",
				evutil_socket_error_to_string(error)));
}

/* 0, or -1 with errno. */
static int start_connection(struct dns_client *client)
{
	client->is_reused = false;
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
		(const struct sockaddr *)&client->target->address.storage,
		(int)client->target->address.len);
}

/* Is the idle connection still open, and silent?  If it has been closed already, this
 * avoids not knowing the fate of an UPDATE. */
static bool is_connection_alive(const struct dns_client *client)
{
	char octet;

	if (!client->connection || !client->is_connected)
		return false;
	return recv(bufferevent_getfd(client->connection), &octet, 1,
		       MSG_PEEK | MSG_DONTWAIT) < 0 &&
		(errno == EAGAIN || errno == EWOULDBLOCK);
}

/* ---- the request ---- */

/* Length prefix, message with its id, and TSIG.  0 or -errno. */
static int build_request(struct dns_client *client, uint8_t *buf, size_t *ret_len)
{
	const int64_t now = client->env->real_time();
	const struct tsig_key *key = tsig_key_choose(client->key, now);
	size_t len = client->request.len;
	int r;

	memcpy(buf + 2, client->octets, len);
	buf[2] = client->id >> 8;
	buf[3] = client->id & 0xff;
	if (key) {
		r = tsig_sign_request(&client->tsig, client->env->pool, key, buf + 2,
			&len, WIRE_MESSAGE_MAX, now);
		if (r < 0)
			return r;
	}
	buf[0] = len >> 8 & 0xff;
	buf[1] = len & 0xff;
	*ret_len = 2 + len;
	return 0;
}

static int write_request(struct dns_client *client)
{
	const size_t cap = client->request.len + TSIG_RESERVE_MAX;
	uint8_t *buf = malloc(2 + (cap > WIRE_MESSAGE_MAX ? cap : WIRE_MESSAGE_MAX));
	size_t len = 0;
	int r;

	if (!buf)
		return -ENOMEM;
	r = build_request(client, buf, &len);
	if (!r && bufferevent_write(client->connection, buf, len) < 0)
		r = -ENOMEM;
	free(buf);
	return r;
}

static void send_request(struct dns_client *client)
{
	const int r = write_request(client);

	if (r < 0)
		fail_later(client, trouble(client, "was not asked: %s", strerror(-r)));
}

void dns_client_ask(struct dns_client *client, const struct dns_client_request *request)
{
	client->request = *request;
	client->octets = malloc(request->len);
	client->is_busy = true;
	client->messages = 0;
	client->failure = verdict_ok();
	evutil_secure_rng_get_bytes(&client->id, sizeof(client->id));
	set_limit(client);
	if (!client->octets) {
		fail_later(client, trouble(client, "was not asked: no memory"));
		return;
	}
	memcpy(client->octets, request->octets, request->len);
	if (is_connection_alive(client)) {
		client->is_reused = true;
		send_request(client);
		return;
	}
	disconnect(client);
	if (start_connection(client) < 0)
		fail_later(client,
			trouble(client, "could not be reached: %s", strerror(errno)));
}

size_t dns_client_request_max(const struct dns_client *client)
{
	return client->key ? WIRE_MESSAGE_MAX - TSIG_RESERVE_MAX : WIRE_MESSAGE_MAX;
}

struct dns_client *dns_client_new(const struct config_target *target,
	const struct tsig_key *key, const struct target_env *env)
{
	struct dns_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->target = target;
	client->key = key;
	client->env = env;
	alarm_init(&client->limit, env->alarms, on_limit, client);
	return client;
}

void dns_client_free(struct dns_client *client)
{
	if (!client)
		return;
	disconnect(client);
	alarm_stop(&client->limit);
	tsig_stream_free(client->stream);
	free(client->octets);
	free(client->answer);
	free(client);
}
