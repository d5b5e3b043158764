/*
 * TCP: connections with pipelined requests, answered in the order in which they are
 * done (RFC 7766 6.2.1.1), and zone transfers sent as fast as the peer reads them.
 *
 * Only whole messages keep a connection from being idle: it is idle from the moment
 * when it was accepted, or its last answer was sent, until the next message is
 * complete.  A connection that is idle for too long is closed, and earlier if a new one
 * needs its place.  It is also closed if its answers are not read, or too slowly
 * (listener_output.h).
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/event_memory.h"
#include "gateway/listener/listener_private.h"
#include "gateway/base/log.h"

enum {
	TCP_BACKLOG = 1024,
	TCP_ACCEPTS = 64, /* per turn, so that other events get their turn */
	TCP_ACCEPT_PAUSE_MS = 500,
	TCP_GRACE_MS = 500, /* a connection that has been idle for less is not closed
	                     * for a new one: a message may be on its way */
	TCP_UNREAD_LOOK_MS = 5000, /* between two checks for answers that are not read */
	TCP_IDLE_LOOK_MS = 5000,   /* maximum between two checks for idle connections: a
	                          * reload may have shortened the limit */
};

struct connection {
	TAILQ_ENTRY(connection) entry; /* of listener's idle or busy */
	bool is_idle;
	int64_t idle_since_ms; /* monotonic; if is_idle */
	struct listener *listener;
	struct listener_source *source;
	TAILQ_ENTRY(connection) source_entry; /* of source's idle; if is_idle */
	struct listener_output output;
	struct bufferevent *bev; /* NULL: closed, waits for its requests to come back */
	struct sockaddr_storage address;
	socklen_t address_len;
	struct listener_window window; /* requests that are in the zone thread */
	unsigned holds;  /* by functions that use it and may see it closed */
	bool is_eof;     /* the peer sends nothing more; answers may still go out */
	bool is_reading; /* read_messages is running: an answer does not start it */
	struct queue_list transfers; /* requests; the first one is being sent */
	size_t transfer_at;          /* its next message */
};

static void pause_accepting(struct listener *listener);

static void resume_accepting(struct listener *listener)
{
	if (listener->is_accepting ||
		atomic_load(&listener->all->phase) != LISTENERS_READING)
		return;
	listener->is_accepting = true;
	for (size_t i = 0; i < listener->socket_count; i++) {
		if (event_add(listener->tcp_sockets[i].event, NULL)) {
			pause_accepting(listener); /* and try again */
			return;
		}
	}
}

static void pause_accepting(struct listener *listener)
{
	listener->is_accepting = false;
	listener_sockets_stop(listener, listener->tcp_sockets);
	alarm_set_in(&listener->accept_alarm, TCP_ACCEPT_PAUSE_MS);
}

static void on_accept_alarm(void *arg)
{
	resume_accepting(arg);
}

/* ---- the end of a connection ---- */

static void drop_transfers(struct connection *c)
{
	struct queue_node *node;

	while ((node = queue_list_take(&c->transfers)))
		listener_drop_request(c->listener, dns_request_of_node(node));
}

static void free_if_unused(struct connection *c)
{
	struct listener *listener = c->listener;

	if (c->bev || c->window.in_flight || c->holds)
		return;
	if (c->is_idle) {
		TAILQ_REMOVE(&listener->idle, c, entry);
		TAILQ_REMOVE(&c->source->idle, c, source_entry);
	} else {
		TAILQ_REMOVE(&listener->busy, c, entry);
	}
	listener_source_drop(&listener->sources, c->source);
	listener->connection_count--;
	free(c);
	resume_accepting(listener);
}

static void close_connection(struct connection *c)
{
	if (c->bev)
		bufferevent_free(c->bev);
	c->bev = NULL;
	listener_output_note(&c->listener->outputs, &c->output, 0, 0, 0);
	drop_transfers(c);
	free_if_unused(c);
}

/* For a peer that does not read its answers: drops those in the kernel too, which would
 * otherwise wait for the peer for minutes. */
static void reset_connection(struct connection *c)
{
	const struct linger none = {.l_onoff = 1};

	if (c->bev)
		(void)setsockopt(bufferevent_getfd(c->bev), SOL_SOCKET, SO_LINGER, &none,
			sizeof(none));
	close_connection(c);
}

static bool is_finished(const struct connection *c)
{
	return c->window.in_flight == 0 && !c->transfers.head &&
		evbuffer_get_length(bufferevent_get_output(c->bev)) == 0;
}

/* ---- idle ---- */

static int64_t idle_timeout_ms(struct listener *listener)
{
	struct config *config = listener_get_config(listener);
	const int64_t ms = config->tcp_idle_timeout_ms;

	config_unref(config);
	return ms;
}

static void set_idle_alarm(struct listener *listener)
{
	const struct connection *first = TAILQ_FIRST(&listener->idle);

	if (!first || alarm_is_set(&listener->idle_alarm))
		return;
	alarm_set(
		&listener->idle_alarm, first->idle_since_ms + idle_timeout_ms(listener));
	alarm_set_earlier_in(&listener->idle_alarm, TCP_IDLE_LOOK_MS);
}

static void on_idle_alarm(void *arg)
{
	struct listener *listener = arg;
	const int64_t latest_ms =
		turn_monotonic_ms(&listener->time) - idle_timeout_ms(listener);
	struct connection *c;

	while ((c = TAILQ_FIRST(&listener->idle)) && c->idle_since_ms <= latest_ms)
		close_connection(c);
	set_idle_alarm(listener);
}

static void set_idle(struct connection *c)
{
	struct listener *listener = c->listener;

	if (c->is_idle)
		return;
	TAILQ_REMOVE(&listener->busy, c, entry);
	TAILQ_INSERT_TAIL(&listener->idle, c, entry);
	TAILQ_INSERT_TAIL(&c->source->idle, c, source_entry);
	c->is_idle = true;
	c->idle_since_ms = turn_monotonic_ms(&listener->time);
	set_idle_alarm(listener);
}

static void set_busy(struct connection *c)
{
	if (!c->is_idle)
		return;
	TAILQ_REMOVE(&c->listener->idle, c, entry);
	TAILQ_REMOVE(&c->source->idle, c, source_entry);
	TAILQ_INSERT_TAIL(&c->listener->busy, c, entry);
	c->is_idle = false;
}

/* ---- answers that nobody takes ---- */

static void set_unread_alarm(struct listener *listener)
{
	if (listener_output_first(&listener->outputs))
		alarm_set_earlier_in(&listener->unread_alarm, TCP_UNREAD_LOOK_MS);
}

/* len octets have just been queued; some may have been sent. */
static void note_output(struct connection *c, size_t added)
{
	listener_output_note(&c->listener->outputs, &c->output, added,
		evbuffer_get_length(bufferevent_get_output(c->bev)),
		turn_monotonic_ms(&c->listener->time));
	set_unread_alarm(c->listener);
	if (c->listener->outputs.len > LISTENER_OUTPUTS_MAX)
		alarm_set_in(&c->listener->unread_alarm, 0);
}

/* Finds out what was sent since the last look; libevent reports only when nearly
 * everything was. */
static void look_at_outputs(struct listener *listener)
{
	struct listener_output *output = listener_output_first(&listener->outputs), *next;

	for (; output; output = next) {
		next = TAILQ_NEXT(output, entry); /* itself may move to the end, once */
		note_output(output->connection, 0);
	}
}

/* Closes peers that read nothing, or too little, and, over the total limit, whichever
 * has gone longest without reading. */
static void close_unread(struct listener *listener)
{
	const int64_t now_ms = turn_monotonic_ms(&listener->time);
	struct listener_output *output;

	look_at_outputs(listener);
	while ((output = listener_output_first(&listener->outputs)) &&
		(listener->outputs.len > LISTENER_OUTPUTS_MAX ||
			listener_output_is_overdue(output, now_ms)))
		reset_connection(output->connection);
}

static void on_unread_alarm(void *arg)
{
	struct listener *listener = arg;

	close_unread(listener);
	set_unread_alarm(listener);
}

/* ---- in ---- */

static bool may_read(const struct connection *c)
{
	return listener_window_is_open(&c->window, &c->listener->load,
		       evbuffer_get_length(bufferevent_get_output(c->bev))) &&
		atomic_load(&c->listener->all->phase) == LISTENERS_READING;
}

static struct dns_request *new_request(
	struct connection *c, struct config *config, const uint8_t *msg, size_t len)
{
	const struct dns_peer peer = {
		.address = c->address,
		.address_len = c->address_len,
		.connection = c,
	};

	return listener_new_request(c->listener, config, &peer, msg, len);
}

/* Takes one whole message off the input.  False: there is none, or reading must stop. */
static bool read_message(struct connection *c, struct config *config)
{
	struct evbuffer *input = bufferevent_get_input(c->bev);
	struct dns_request *dns;
	uint8_t prefix[2];
	uint8_t *octets;
	size_t len;

	if (!may_read(c) || evbuffer_copyout(input, prefix, 2) < 2)
		return false;
	len = (size_t)prefix[0] << 8 | prefix[1];
	if (evbuffer_get_length(input) < 2 + len)
		return false;
	octets = evbuffer_pullup(input, (ev_ssize_t)(2 + len));
	dns = octets ? new_request(c, config, octets + 2, len) : NULL;
	if (!dns) {
		close_connection(c);
		return false;
	}
	/* Before the request is judged, since that may answer at once, and close the
	 * connection. */
	evbuffer_drain(input, 2 + len);
	set_busy(c);
	c->window.in_flight++;
	c->window.in_flight_len += dns->len;
	listener_take_request(c->listener, dns);
	return true;
}

/* The caller holds the connection, since answers made at once may close it. */
static void read_messages(struct connection *c)
{
	struct listener *listener = c->listener;
	struct config *config = listener_get_config(listener);

	c->is_reading = true;
	while (c->bev && read_message(c, config))
		;
	c->is_reading = false;
	config_unref(config);
	listener_forward(listener);
}

static void set_reading(struct connection *c)
{
	if (may_read(c) && !c->is_eof)
		bufferevent_enable(c->bev, EV_READ);
	else
		bufferevent_disable(c->bev, EV_READ);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;

	(void)bev;
	c->holds++;
	read_messages(c);
	c->holds--;
	if (c->bev && c->is_eof && is_finished(c))
		close_connection(c);
	else if (c->bev)
		set_reading(c);
	else
		free_if_unused(c);
}

/* ---- out ---- */

/* False: it could not be queued. */
static bool write_message(struct connection *c, const uint8_t *msg, size_t len)
{
	const uint8_t prefix[2] = {(uint8_t)(len >> 8), (uint8_t)len};

	if (!len || bufferevent_write(c->bev, prefix, 2) ||
		bufferevent_write(c->bev, msg, len))
		return false;
	note_output(c, 2 + len);
	return true;
}

static void send_transfers(struct connection *c)
{
	static _Thread_local uint8_t buf[WIRE_MESSAGE_MAX];
	struct evbuffer *output = bufferevent_get_output(c->bev);

	while (c->transfers.head &&
		evbuffer_get_length(output) < LISTENER_TRANSFER_OUTPUT) {
		struct dns_request *dns = dns_request_of_node(c->transfers.head);
		size_t len =
			listener_compose_transfer(c->listener, dns, c->transfer_at, buf);

		if (!write_message(c, buf, len)) {
			close_connection(c);
			return;
		}
		if (++c->transfer_at < dns->transfer->count)
			continue;
		queue_list_take(&c->transfers);
		listener_drop_request(c->listener, dns);
		c->transfer_at = 0;
	}
}

/* What was left unread at a limit may contain whole messages already. */
static void read_on(struct connection *c)
{
	set_reading(c);
	if (!c->is_reading && may_read(c) &&
		evbuffer_get_length(bufferevent_get_input(c->bev)) > 2)
		on_read(c->bev, c);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;

	(void)bev;
	note_output(c, 0);
	c->holds++;
	send_transfers(c);
	c->holds--;
	if (!c->bev) {
		free_if_unused(c);
		return;
	}
	if (is_finished(c)) {
		if (c->is_eof) {
			close_connection(c);
			return;
		}
		set_idle(c);
	}
	read_on(c);
}

static void on_event(struct bufferevent *bev, short events, void *arg)
{
	struct connection *c = arg;

	(void)bev;
	/* Only writing has a timeout: the peer reads nothing. */
	if (events & (BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) {
		reset_connection(c);
	} else if (events & BEV_EVENT_EOF) {
		c->is_eof = true;
		if (is_finished(c))
			close_connection(c);
	}
}

struct listener_source *listener_tcp_source(const struct dns_request *dns)
{
	return dns->peer.connection ? dns->peer.connection->source : NULL;
}

void listener_tcp_answer(struct listener *listener, struct dns_request *dns)
{
	static _Thread_local uint8_t buf[WIRE_MESSAGE_MAX];
	struct connection *c = dns->peer.connection;
	size_t len;
	bool is_sent;

	c->window.in_flight--;
	c->window.in_flight_len -= dns->len;
	if (!c->bev) {
		listener_drop_request(c->listener, dns);
		free_if_unused(c);
		return;
	}
	if (dns->transfer) {
		queue_list_append(&c->transfers, &dns->request.node);
		c->holds++;
		send_transfers(c);
		c->holds--;
		if (!c->bev)
			free_if_unused(c);
		return;
	}
	len = listener_compose(listener, dns, buf);
	is_sent = write_message(c, buf, len);
	listener_window_answered(&c->window, len);
	listener_drop_request(listener, dns);
	if (!is_sent) {
		close_connection(c);
		return;
	}
	read_on(c);
}

/* ---- accepting ---- */

static void add_connection(struct listener *listener, int fd,
	const struct sockaddr_storage *address, socklen_t len)
{
	const struct timeval stalled = {.tv_sec = LISTENER_STALLED_S};
	struct connection *c = event_memory_is_short() ? NULL : calloc(1, sizeof(*c));

	if (c)
		c->source = listener_source_take(&listener->sources, address);
	if (c && c->source)
		c->bev =
			bufferevent_socket_new(listener->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c || !c->bev) {
		if (c && c->source)
			listener_source_drop(&listener->sources, c->source);
		free(c);
		close(fd);
		return;
	}
	c->listener = listener;
	c->output.connection = c;
	c->address = *address;
	c->address_len = len;
	queue_list_init(&c->transfers);
	listener_window_init(&c->window);
	TAILQ_INSERT_TAIL(&listener->busy, c, entry);
	listener->connection_count++;
	set_idle(c);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(c->bev, EV_WRITE, LISTENER_TRANSFER_OUTPUT / 4, 0);
	bufferevent_setwatermark(c->bev, EV_READ, 0, 2 * (2 + WIRE_MESSAGE_MAX));
	bufferevent_set_timeouts(c->bev, NULL, &stalled);
	if (bufferevent_enable(c->bev, EV_READ | EV_WRITE))
		close_connection(c); /* no event would ever be reported for it */
}

static bool may_go(struct connection *c)
{
	return c &&
		turn_monotonic_ms(&c->listener->time) - c->idle_since_ms >= TCP_GRACE_MS;
}

/* The connection to close first if there are too many (RFC 7766 6.2.3).  NULL: none. */
static struct connection *longest_idle(const struct listener *listener)
{
	struct connection *c = TAILQ_FIRST(&listener->idle);

	return may_go(c) ? c : NULL;
}

static bool is_full(const struct listener *listener)
{
	return listener->connection_count >= atomic_load(&listener->all->connections_max);
}

static void make_room(struct listener *listener)
{
	struct connection *c;

	while (is_full(listener) && (c = longest_idle(listener)))
		close_connection(c);
}

/* A source with all the connections that it may have makes room for itself (RFC 7766
 * 6.2.2), or gets no more.  Other sources must not be affected. */
static bool make_room_in_source(
	struct listener *listener, const struct sockaddr_storage *address)
{
	const size_t max = atomic_load(&listener->all->connections_max);
	struct listener_source *source =
		listener_source_find(&listener->sources, address);
	struct connection *c;

	if (!source || source->count < listener_source_max(max))
		return true;
	c = TAILQ_FIRST(&source->idle);
	if (!may_go(c))
		return false;
	close_connection(c);
	return true;
}

static void on_acceptable(evutil_socket_t fd, short events, void *arg)
{
	struct listener_socket *s = arg;
	const int on = 1;

	(void)events;
	for (int i = 0; i < TCP_ACCEPTS; i++) {
		struct sockaddr_storage address = {0};
		socklen_t len = sizeof(address);
		int client;

		if (is_full(s->listener) && !longest_idle(s->listener)) {
			pause_accepting(s->listener);
			return;
		}
		client = accept4(fd, (struct sockaddr *)&address, &len,
			SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client < 0 && (errno == EMFILE || errno == ENFILE))
			pause_accepting(s->listener);
		if (client < 0)
			return;
		if (!make_room_in_source(s->listener, &address)) {
			close(client);
			continue;
		}
		(void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		make_room(s->listener);
		add_connection(s->listener, client, &address, len);
	}
}

int listener_tcp_open(struct listener_socket *s, const struct config_address *address)
{
	const int on = 1;
	const int r = listener_socket_open(s, address->storage.ss_family, SOCK_STREAM);

	if (r)
		return r;
	if (setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		return -errno;
	if (bind(s->fd, (const struct sockaddr *)&address->storage, address->len) ||
		listen(s->fd, TCP_BACKLOG))
		return -errno;
	return 0;
}

int listener_tcp_start(struct listener *listener)
{
	struct alarms *alarms = &listener->alarms;

	alarm_init(&listener->accept_alarm, alarms, on_accept_alarm, listener);
	alarm_init(&listener->idle_alarm, alarms, on_idle_alarm, listener);
	alarm_init(&listener->unread_alarm, alarms, on_unread_alarm, listener);
	listener->is_accepting = true;
	return listener_sockets_start(listener, listener->tcp_sockets, on_acceptable);
}

void listener_tcp_stop(struct listener *listener)
{
	struct connection *c;

	alarm_stop(&listener->accept_alarm);
	listener_sockets_stop(listener, listener->tcp_sockets);
	listener->is_accepting = false;
	TAILQ_FOREACH(c, &listener->idle, entry)
		bufferevent_disable(c->bev, EV_READ);
	TAILQ_FOREACH(c, &listener->busy, entry) {
		if (c->bev)
			bufferevent_disable(c->bev, EV_READ);
	}
}

bool listener_tcp_is_flushed(const struct listener *listener)
{
	struct connection *c;

	TAILQ_FOREACH(c, &listener->busy, entry) {
		if (c->bev && !is_finished(c))
			return false;
	}
	return true;
}

void listener_tcp_free(struct listener *listener)
{
	struct connection *c;

	while ((c = TAILQ_FIRST(&listener->idle)) || (c = TAILQ_FIRST(&listener->busy))) {
		c->window.in_flight = 0;
		close_connection(c);
	}
	listener_sockets_close(listener, listener->tcp_sockets);
}
