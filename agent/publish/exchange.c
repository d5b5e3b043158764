/*
 * Each exchange has a socket of its own, so that a late answer to an earlier exchange is
 * never read.
 *
 * Limits: an answer has at most the octets of a DNS message; any number of answers to
 * other questions is read and dropped until the time is over.
 */
#include "agent/publish/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "gateway/base/alarm.h"

enum {
	RETRANSMIT_MS = 1000, /* the first pause; doubled each time */
	UNPROVEN_WAIT_MS =
		300, /* for the genuine answer, after a forgery or a stranger's */
	DATAGRAMS_AT_ONCE = 16, /* read before the loop turns */
};

struct exchange {
	struct alarms *alarms;
	struct hmac_pool *pool;
	struct exchange_request request; /* pointers into what is below */
	struct sockaddr_storage address;
	struct tsig_context tsig;
	struct alarm alarm;
	struct event *event;
	int fd;
	bool is_connected; /* TCP */
	int64_t started_ms;
	int64_t pause_ms;  /* UDP: until the next retransmission */
	int64_t resend_ms; /* UDP: when that is */
	int64_t deadline_ms;
	uint8_t *out;   /* signed; with the length in front for TCP */
	size_t out_len; /* octets */
	size_t out_at;  /* TCP: written so far */
	uint8_t *in;    /* WIRE_MESSAGE_MAX + 2 octets */
	size_t in_len;
	bool has_unproven;
	bool is_failing; /* could not begin: failed says why; told from the loop */
	int failed;
	struct verdict unproven_why;
	struct wire_message unproven_m;
	uint8_t *unproven; /* allocated */
};

/* ---- ending ---- */

static void close_socket(struct exchange *e)
{
	if (e->event)
		event_free(e->event);
	e->event = NULL;
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
	e->is_connected = false;
}

static void reset(struct exchange *e)
{
	close_socket(e);
	alarm_stop(&e->alarm);
	free(e->out);
	free(e->in);
	free(e->unproven);
	e->out = e->in = e->unproven = NULL;
	e->out_len = e->out_at = e->in_len = 0;
	e->has_unproven = e->is_failing = false;
}

/* done may begin the next exchange, or free this one: what result points to lives on its
 * own until done has returned. */
static void finish(struct exchange *e, const struct exchange_result *result)
{
	uint8_t *in = e->in, *unproven = e->unproven;

	e->in = e->unproven = NULL;
	reset(e);
	e->request.done(e->request.arg, result);
	free(in);
	free(unproven);
}

static void finish_unproven(struct exchange *e)
{
	const struct wire_message m = e->unproven_m;
	const struct exchange_result result = {.status = EXCHANGE_UNPROVEN,
		.why = e->unproven_why,
		.msg = e->unproven,
		.m = &m};

	finish(e, &result);
}

static void finish_unreachable(struct exchange *e, int error)
{
	const struct exchange_result result = {
		.status = EXCHANGE_UNREACHABLE, .error = error};

	if (e->has_unproven)
		finish_unproven(e);
	else
		finish(e, &result);
}

static void finish_timeout(struct exchange *e)
{
	const struct exchange_result result = {.status = EXCHANGE_TIMEOUT};

	if (e->has_unproven)
		finish_unproven(e);
	else
		finish(e, &result);
}

/* ---- judging what came ---- */

static bool is_ours(
	const struct exchange *e, const uint8_t *msg, const struct wire_message *m)
{
	const uint8_t *out = e->out + (e->request.is_tcp ? 2 : 0);

	return m->id == (uint16_t)(out[0] << 8 | out[1]) && (m->flags & WIRE_QR) &&
		m->opcode == (out[2] >> 3 & 0xf) && msg;
}

static void keep_unproven(struct exchange *e, const uint8_t *msg,
	const struct wire_message *m, const struct verdict *why)
{
	uint8_t *copy;

	if (e->has_unproven)
		return; /* the first is as good as any */
	copy = malloc(m->end);
	if (!copy)
		return;
	memcpy(copy, msg, m->end);
	e->unproven = copy;
	e->unproven_m = *m;
	e->unproven_why = *why;
	e->has_unproven = true;
	if (e->deadline_ms > turn_monotonic_ms(e->alarms->clock) + UNPROVEN_WAIT_MS)
		e->deadline_ms = turn_monotonic_ms(e->alarms->clock) + UNPROVEN_WAIT_MS;
}

static void conclude(struct exchange *e, const uint8_t *msg, const struct wire_message *m,
	const struct verdict *v)
{
	const struct wire_message copy = *m;
	struct exchange_result result = {
		.status = EXCHANGE_ANSWERED, .msg = msg, .m = &copy};

	if (v->tsig_error == TSIG_ERROR_BADTIME) {
		result.status = EXCHANGE_WRONG_TIME;
		result.server_time = (int64_t)tsig_read_server_time(msg, m);
	}
	finish(e, &result);
}

/* False: not what we wait for. */
static bool take_message(struct exchange *e, const uint8_t *msg, size_t len)
{
	const int64_t now = turn_real_s(e->alarms->clock) + e->request.clock_offset_s;
	struct wire_message m;
	struct verdict v = wire_walk(&m, msg, len);

	if (!verdict_is_ok(&v) || !is_ours(e, msg, &m))
		return false;
	v = tsig_verify_answer(&e->tsig, e->pool, msg, &m, now);
	/* A server answers BADTIME only if the MAC is right (RFC 8945 5.4.3). */
	if (!verdict_is_ok(&v) && v.tsig_error != TSIG_ERROR_BADTIME) {
		keep_unproven(e, msg, &m, &v);
		return false;
	}
	conclude(e, msg, &m, &v);
	return true;
}

/* ---- UDP ---- */

static void set_alarm(struct exchange *e)
{
	int64_t at_ms = e->deadline_ms;

	if (!e->request.is_tcp && !e->has_unproven && e->resend_ms < at_ms)
		at_ms = e->resend_ms;
	alarm_set(&e->alarm, at_ms);
}

/* Sending fails if a link is lost, or if ICMP has reported a closed port.  Another try
 * may succeed later, once there is a route. */
static bool is_lasting(int error)
{
	return error != EAGAIN && error != EINTR && error != ENOBUFS;
}

static void on_udp(evutil_socket_t fd, short what, void *arg)
{
	struct exchange *e = arg;

	(void)what;
	for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
		const ssize_t n = recv(fd, e->in, WIRE_MESSAGE_MAX, 0);

		if (n < 0) {
			if (is_lasting(errno)) {
				finish_unreachable(e, errno);
				return;
			}
			break;
		}
		if (take_message(e, e->in, (size_t)n))
			return;
	}
	set_alarm(e);
}

static int send_datagram(struct exchange *e)
{
	const ssize_t n = send(e->fd, e->out, e->out_len, MSG_NOSIGNAL);

	return n < 0 && is_lasting(errno) ? errno : 0;
}

static void on_alarm(void *arg)
{
	struct exchange *e = arg;
	const int64_t now_ms = turn_monotonic_ms(e->alarms->clock);

	if (e->is_failing) {
		finish_unreachable(e, e->failed);
		return;
	}
	if (now_ms >= e->deadline_ms) {
		finish_timeout(e);
		return;
	}
	if (!e->request.is_tcp && !e->has_unproven && now_ms >= e->resend_ms) {
		const int error = send_datagram(e);

		if (error) {
			finish_unreachable(e, error);
			return;
		}
		e->pause_ms *= 2;
		e->resend_ms = now_ms + e->pause_ms;
	}
	set_alarm(e);
}

/* ---- TCP ---- */

static void on_tcp_readable(struct exchange *e)
{
	const size_t cap = WIRE_MESSAGE_MAX + 2;
	const ssize_t n = recv(e->fd, e->in + e->in_len, cap - e->in_len, 0);
	size_t len;

	if (n < 0 && !is_lasting(errno))
		return;
	if (n <= 0) {
		finish_unreachable(e, n < 0 ? errno : ECONNRESET);
		return;
	}
	e->in_len += (size_t)n;
	if (e->in_len < 2)
		return;
	len = (size_t)(e->in[0] << 8 | e->in[1]);
	if (e->in_len < len + 2)
		return;
	/* There is one request and one answer: anything else ends the exchange. */
	if (take_message(e, e->in + 2, len))
		return;
	if (e->has_unproven)
		finish_unproven(e);
	else
		finish_unreachable(e, EBADMSG);
}

static void on_tcp(evutil_socket_t fd, short what, void *arg);

static int watch(struct exchange *e, short what, event_callback_fn callback)
{
	if (e->event)
		event_free(e->event);
	e->event = event_new(
		e->alarms->base, e->fd, (short)(what | EV_PERSIST), callback, e);
	return e->event && !event_add(e->event, NULL) ? 0 : ENOMEM;
}

static int write_tcp(struct exchange *e)
{
	while (e->out_at < e->out_len) {
		const ssize_t n = send(
			e->fd, e->out + e->out_at, e->out_len - e->out_at, MSG_NOSIGNAL);

		if (n < 0)
			return is_lasting(errno) ? errno : 0;
		e->out_at += (size_t)n;
	}
	return watch(e, EV_READ, on_tcp);
}

static void on_tcp(evutil_socket_t fd, short what, void *arg)
{
	struct exchange *e = arg;
	socklen_t len = sizeof(int);
	int error = 0;

	if (!e->is_connected) {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
			error = errno;
		e->is_connected = !error;
	}
	if (!error && what & EV_WRITE)
		error = write_tcp(e);
	if (error)
		finish_unreachable(e, error);
	else if (what & EV_READ)
		on_tcp_readable(e);
}

/* ---- beginning ---- */

static int sign(struct exchange *e, const struct exchange_request *request)
{
	const size_t front = request->is_tcp ? 2 : 0;
	const size_t cap = request->len + TSIG_RESERVE_MAX;
	size_t len = request->len;
	uint8_t *msg;
	int r;

	e->out = malloc(front + cap);
	e->in = malloc(WIRE_MESSAGE_MAX + 2);
	if (!e->out || !e->in)
		return ENOMEM;
	msg = e->out + front;
	memcpy(msg, request->octets, request->len);
	if (getrandom(msg, 2, 0) != 2)
		return errno;
	r = tsig_sign_request(&e->tsig, e->pool, request->key, msg, &len, cap,
		turn_real_s(e->alarms->clock) + request->clock_offset_s);
	if (r)
		return -r;
	if (front && len > WIRE_MESSAGE_MAX)
		return EMSGSIZE;
	if (front) {
		e->out[0] = (uint8_t)(len >> 8);
		e->out[1] = (uint8_t)len;
	}
	e->out_len = front + len;
	return 0;
}

static int open_socket(struct exchange *e, const struct exchange_request *request)
{
	const int kind = request->is_tcp ? SOCK_STREAM : SOCK_DGRAM;

	e->fd = socket(e->address.ss_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (e->fd < 0)
		return errno;
	if (connect(e->fd, (struct sockaddr *)&e->address, request->address_len) &&
		errno != EINPROGRESS)
		return errno;
	if (request->is_tcp)
		return watch(e, EV_WRITE, on_tcp);
	if (watch(e, EV_READ, on_udp))
		return ENOMEM;
	return send_datagram(e);
}

void exchange_start(struct exchange *e, const struct exchange_request *request)
{
	reset(e);
	e->request = *request;
	memcpy(&e->address, request->address, request->address_len);
	e->started_ms = turn_monotonic_ms(e->alarms->clock);
	e->deadline_ms = e->started_ms + request->timeout_ms;
	e->pause_ms = RETRANSMIT_MS;
	e->resend_ms = e->started_ms + e->pause_ms;
	e->failed = sign(e, request);
	if (!e->failed)
		e->failed = open_socket(e, request);
	e->is_failing = e->failed != 0;
	if (e->is_failing)
		alarm_set(&e->alarm, 0);
	else
		set_alarm(e);
}

struct exchange *exchange_new(struct alarms *alarms, struct hmac_pool *pool)
{
	struct exchange *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->alarms = alarms;
	e->pool = pool;
	e->fd = -1;
	alarm_init(&e->alarm, alarms, on_alarm, e);
	return e;
}

void exchange_free(struct exchange *e)
{
	if (!e)
		return;
	reset(e);
	alarm_stop(&e->alarm);
	free(e);
}
