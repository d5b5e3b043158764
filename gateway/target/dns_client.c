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

enum { READ_HIGH = 2 * (2 + WIRE_MESSAGE_MAX) }; /* octets: a message always fits */

struct dns_client {
	struct event_base *base;
	struct hmac_pool *pool;
	int64_t (*real_time)(void);
	struct config_address address;
	unsigned timeout_ms;
	/* the secrets of one name; name and secrets are our copies */
	struct tsig_key *keys;
	size_t key_count;               /* 0: unsigned */
	struct alarm limit;             /* set during an exchange */
	struct event *later;            /* for failures found inside dns_client_ask */
	struct bufferevent *connection; /* NULL: none */
	bool is_connected;
	bool is_reused; /* the connection is older than the exchange */

	/* the exchange */
	bool is_busy;
	struct dns_client_request request;
	uint8_t *octets; /* what request.octets points to */
	uint16_t id;
	struct tsig_context tsig;
	struct tsig_stream *stream;
	unsigned messages;      /* received so far, stops at UINT_MAX */
	struct verdict failure; /* for later */

	uint8_t *answer; /* last message received */
	struct wire_message walk;
};

static void keys_free(struct tsig_key *keys, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (keys[i].secret)
			hmac_wipe((void *)(uintptr_t)keys[i].secret, keys[i].secret_len);
		free((void *)(uintptr_t)keys[i].secret);
		free((void *)(uintptr_t)keys[i].name);
	}
	free(keys);
}

static uint8_t *copy_octets(const uint8_t *octets, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (copy)
		memcpy(copy, octets, len);
	return copy;
}

/* The configuration may be freed while the target lives on, so its key is copied. */
static int copy_keys(struct dns_client *client, const struct tsig_key *key)
{
	size_t count = 0;

	for (const struct tsig_key *k = key; k; k = k->next_secret)
		count++;
	if (!count)
		return 0;
	client->keys = calloc(count, sizeof(*client->keys));
	if (!client->keys)
		return -ENOMEM;
	for (; key; key = key->next_secret) {
		struct tsig_key *copy = &client->keys[client->key_count++];

		*copy = *key;
		copy->next_secret = key->next_secret ? copy + 1 : NULL;
		copy->name = copy_octets(key->name, name_len(key->name));
		copy->secret = copy_octets(key->secret, key->secret_len);
		if (!copy->name || !copy->secret)
			return -ENOMEM;
	}
	return 0;
}

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
	event_del(client->later);
	client->is_busy = false;
	tsig_stream_free(client->stream);
	client->stream = NULL;
	free(client->octets);
	client->octets = NULL;
	request.done(request.arg, result);
}

static void fail(struct dns_client *client, enum dns_client_status status,
	const struct verdict *why)
{
	const struct dns_client_result result = {.status = status, .why = *why};

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
	return verdict_refuse(
		RCODE_SERVFAIL, EDE_NETWORK_ERROR, "%s %s", client->address.text, text);
}

/* For failures inside dns_client_ask, which must not call done itself. */
static void fail_later(struct dns_client *client, struct verdict why)
{
	client->failure = why;
	event_active(client->later, EV_TIMEOUT, 1);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct dns_client *client = arg;

	(void)fd;
	(void)what;
	fail(client, DNS_CLIENT_FAILED, &client->failure);
}

static void on_limit(void *arg)
{
	struct dns_client *client = arg;
	struct verdict why;

	if (!client->is_connected)
		why = trouble(
			client, "could not be reached within %u ms", client->timeout_ms);
	else if (client->messages)
		why = trouble(client, "fell silent for %u ms in the middle of a transfer",
			client->timeout_ms);
	else
		why = trouble(client, "gave no answer within %u ms", client->timeout_ms);
	fail(client, DNS_CLIENT_FAILED, &why);
}

static void set_limit(struct dns_client *client)
{
	alarm_set_in(&client->limit, client->timeout_ms);
}

/* ---- what came back ---- */

/* The fields of an answer's TSIG record that explain why it was refused. */
struct tsig_news {
	uint16_t error;
	int64_t server_time; /* seconds; 0: not given */
};

static struct tsig_news read_tsig_news(const uint8_t *msg, const struct wire_message *m)
{
	struct tsig_news news = {0};
	struct wire_reader r;
	uint8_t name[NAME_MAX_LEN];
	uint16_t other_len;

	if (!m->tsig_at)
		return news;
	wire_reader_init(&r, msg, m->tsig_at, m->end);
	wire_read_name(&r, name);
	wire_read_octets(&r, 2 + 2 + 4 + 2); /* type, class, TTL, RDLENGTH */
	wire_read_name(&r, name);
	wire_read_u48(&r);
	wire_read_u16(&r);
	wire_read_octets(&r, wire_read_u16(&r));
	wire_read_u16(&r);
	news.error = wire_read_u16(&r);
	other_len = wire_read_u16(&r);
	if (other_len == TSIG_OTHER_LEN)
		news.server_time = (int64_t)wire_read_u48(&r);
	if (r.failed)
		news = (struct tsig_news){0};
	return news;
}

/* Says how to correct the fault rather than what the MAC looked like. */
static struct verdict explain_tsig(const struct dns_client *client,
	const struct wire_message *m, const struct verdict *verdict, int64_t now)
{
	const struct tsig_news news = read_tsig_news(client->answer, m);
	char key[NAME_TEXT_MAX], name[VERDICT_NAME_MAX];
	struct verdict why;

	name_to_text(client->tsig.key->name, key);
	if (!m->tsig_at)
		why = trouble(client,
			"answered %s without signature (does it know key %.100s?)",
			verdict_rcode_name(m->flags & 15, name), key);
	else if (news.error == TSIG_ERROR_BADKEY)
		why = trouble(client, "does not know key %.100s (BADKEY)", key);
	else if (news.error == TSIG_ERROR_BADSIG)
		why = trouble(client, "has another secret for key %.100s (BADSIG)", key);
	else if (news.error == TSIG_ERROR_BADTIME && news.server_time)
		why = trouble(client, "clocks differ by %lld s (BADTIME)",
			llabs((long long)news.server_time - (long long)now));
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

	if (!client->key_count)
		return verdict_ok();
	if (client->messages)
		return tsig_stream_verify(client->stream, client->pool, client->answer,
			&client->walk, false, now);
	v = tsig_verify_answer(
		&client->tsig, client->pool, client->answer, &client->walk, now);
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
	const int64_t now = client->real_time();
	struct verdict v = wire_walk(&client->walk, client->answer, len);

	if (!verdict_is_ok(&v))
		return trouble(client, "sent a malformed message: %s", v.why);
	if (!is_answer(client))
		return trouble(client, "sent something else than the answer");
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

	return client->key_count && !client->messages && is_answer(client) &&
		!client->walk.tsig_at &&
		(rcode == RCODE_FORMERR || rcode == RCODE_SERVFAIL);
}

static void fail_judged(struct dns_client *client, const struct verdict *why)
{
	fail(client, is_unproven_error(client) ? DNS_CLIENT_UNPROVEN : DNS_CLIENT_FAILED,
		why);
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
		fail_judged(client, &v);
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
		v = trouble(client, "sent a transfer that makes no sense");
		fail(client, DNS_CLIENT_FAILED, &v);
		return false;
	}
	/* RFC 8945 5.3.1: "the last message" of a stream "MUST" be signed. */
	if (client->key_count && !client->walk.tsig_at) {
		v = trouble(client, "did not sign the last message of a transfer");
		fail(client, DNS_CLIENT_FAILED, &v);
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
	struct verdict v;
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
	v = len == -ENOMEM ? trouble(client, "sent an answer: no memory for it")
			   : trouble(client, "sent a malformed message: no header");
	fail(client, DNS_CLIENT_FAILED, &v);
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
		if (start_connection(client) < 0) {
			why = trouble(
				client, "could not be reached: %s", strerror(errno));
			fail(client, DNS_CLIENT_FAILED, &why);
		}
		return;
	}
	fail(client, client->messages ? DNS_CLIENT_FAILED : DNS_CLIENT_LOST, &why);
}

static void on_event(struct bufferevent *connection, short what, void *arg)
{
	struct dns_client *client = arg;
	const int error = EVUTIL_SOCKET_ERROR();
	struct verdict v;
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
		v = trouble(client, "could not be reached: %s",
			evutil_socket_error_to_string(error));
		fail(client, DNS_CLIENT_FAILED, &v);
		return;
	}
	if (what & BEV_EVENT_EOF)
		v = trouble(client, "closed the connection %s",
			client->messages ? "in the middle of a transfer"
					 : "without an answer");
	else
		v = trouble(client, "broke the connection: %s",
			evutil_socket_error_to_string(error));
	handle_close(client, v);
}

/* 0, or -1 with errno. */
static int start_connection(struct dns_client *client)
{
	client->is_reused = false;
	client->connection =
		bufferevent_socket_new(client->base, -1, BEV_OPT_CLOSE_ON_FREE);
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
	const int64_t now = client->real_time();
	const struct tsig_key *key = tsig_key_choose(client->keys, now);
	size_t len = client->request.len;
	int r;

	memcpy(buf + 2, client->octets, len);
	buf[2] = client->id >> 8;
	buf[3] = client->id & 0xff;
	if (key) {
		r = tsig_sign_request(&client->tsig, client->pool, key, buf + 2, &len,
			WIRE_MESSAGE_MAX, now);
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
	client->octets = copy_octets(request->octets, request->len);
	client->is_busy = true;
	client->messages = 0;
	evutil_secure_rng_get_bytes(&client->id, sizeof(client->id));
	set_limit(client);
	if (!client->octets) {
		fail_later(client, trouble(client, "was not asked: no memory"));
		return;
	}
	client->request.octets = client->octets;
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
	return client->key_count ? WIRE_MESSAGE_MAX - TSIG_RESERVE_MAX : WIRE_MESSAGE_MAX;
}

struct dns_client *dns_client_new(const struct dns_client_config *config)
{
	struct dns_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->base = config->base;
	client->pool = config->pool;
	client->real_time = config->real_time;
	client->address = *config->address;
	client->timeout_ms = config->timeout_ms;
	alarm_init(&client->limit, config->alarms, on_limit, client);
	client->later = evtimer_new(config->base, on_later, client);
	if (!client->later || copy_keys(client, config->key) < 0) {
		dns_client_free(client);
		return NULL;
	}
	return client;
}

void dns_client_free(struct dns_client *client)
{
	if (!client)
		return;
	disconnect(client);
	alarm_stop(&client->limit);
	if (client->later)
		event_free(client->later);
	tsig_stream_free(client->stream);
	keys_free(client->keys, client->key_count);
	free(client->octets);
	free(client->answer);
	free(client);
}
