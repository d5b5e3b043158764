/*
 * NOTIFY out.  One UDP socket per address family; answers are matched by id and address.
 * They are not authenticated: all that a forged one can do is end the repeats.
 */
#include "gateway/served/notify.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/log.h"
#include "gateway/timer.h"
#include "tsig/wire.h"

enum { NOTIFY_MESSAGE_MAX = WIRE_HEADER_LEN + NAME_MAX_LEN + 4 };

struct notify_peer {
	struct notify *notify;
	struct config_address address;
	int socket;
	struct event *readable;
	struct event *timer;
	uint16_t id;
	unsigned tries; /* of the current round; 0: nothing to say */
	unsigned timeout_ms;
};

struct notify {
	uint8_t zone[NAME_MAX_LEN];
	struct notify_peer *peers;
	size_t count;
};

static void start_timer(struct notify_peer *peer, unsigned ms)
{
	const struct timeval time = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	timer_set(peer->timer, &time);
}

static void send_one(struct notify_peer *peer)
{
	uint8_t msg[NOTIFY_MESSAGE_MAX];
	struct wire_writer w;

	wire_writer_init(&w, msg, sizeof(msg), NULL);
	wire_write_u16(&w, peer->id);
	wire_write_u16(&w, OPCODE_NOTIFY << 11 | WIRE_AA); /* RFC 1996 3.3 */
	wire_write_u16(&w, 1);
	wire_write_u16(&w, 0);
	wire_write_u16(&w, 0);
	wire_write_u16(&w, 0);
	wire_write_name_plain(&w, peer->notify->zone);
	wire_write_u16(&w, TYPE_SOA);
	wire_write_u16(&w, CLASS_IN);
	/* What cannot be sent now is sent at the next try.  Connecting anew each time
	 * follows changes of routes; before the first time nobody can send to the socket.
	 */
	if (!connect(peer->socket, (const struct sockaddr *)&peer->address.storage,
		    peer->address.len))
		(void)send(peer->socket, msg, w.at, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void on_timer(evutil_socket_t fd, short events, void *arg)
{
	struct notify_peer *peer = arg;

	(void)fd;
	(void)events;
	if (peer->tries == NOTIFY_TRIES) {
		log_warning("NOTIFY to %s: no answer", peer->address.text);
		peer->tries = 0;
		return;
	}
	peer->tries++;
	send_one(peer);
	start_timer(peer, peer->timeout_ms);
	peer->timeout_ms *= 2;
}

static void on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct notify_peer *peer = arg;
	uint8_t msg[WIRE_UDP_PLAIN];
	ssize_t len;

	(void)events;
	/* The socket is connected: only the secondary's datagrams arrive. */
	while ((len = recv(fd, msg, sizeof(msg), MSG_DONTWAIT)) >= 0) {
		if (len < WIRE_HEADER_LEN || (msg[0] << 8 | msg[1]) != peer->id ||
			!(msg[2] & 0x80))
			continue;
		peer->tries = 0;
		event_del(peer->timer);
	}
}

static int open_peer(struct notify_peer *peer, struct event_base *base)
{
	peer->socket = socket(peer->address.storage.ss_family,
		SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (peer->socket < 0)
		return -errno;
	peer->readable =
		event_new(base, peer->socket, EV_READ | EV_PERSIST, on_readable, peer);
	peer->timer = event_new(base, -1, 0, on_timer, peer);
	if (!peer->readable || !peer->timer)
		return -ENOMEM;
	return event_add(peer->readable, NULL) ? -ENOMEM : 0;
}

struct notify *notify_new(struct event_base *base, const uint8_t *zone,
	const struct config_address *addresses, size_t count)
{
	struct notify *notify = calloc(1, sizeof(*notify));

	if (!notify)
		return NULL;
	memcpy(notify->zone, zone, name_len(zone));
	notify->peers = calloc(count, sizeof(*notify->peers));
	for (size_t i = 0; notify->peers && i < count; i++) {
		struct notify_peer *peer = &notify->peers[i];

		peer->notify = notify;
		peer->address = addresses[i];
		notify->count++;
		if (open_peer(peer, base)) {
			notify_free(notify);
			return NULL;
		}
	}
	if (notify->peers)
		return notify;
	notify_free(notify);
	return NULL;
}

void notify_free(struct notify *notify)
{
	if (!notify)
		return;
	for (size_t i = 0; i < notify->count; i++) {
		struct notify_peer *peer = &notify->peers[i];

		if (peer->readable)
			event_free(peer->readable);
		if (peer->timer)
			event_free(peer->timer);
		if (peer->socket >= 0)
			close(peer->socket);
	}
	free(notify->peers);
	free(notify);
}

void notify_send(struct notify *notify)
{
	for (size_t i = 0; notify && i < notify->count; i++) {
		struct notify_peer *peer = &notify->peers[i];

		/* A round that has sent nothing yet will tell of this change too. */
		if (peer->tries == 0 && event_pending(peer->timer, EV_TIMEOUT, NULL))
			continue;
		peer->tries = 0;
		peer->id++;
		peer->timeout_ms = NOTIFY_TIMEOUT_MS;
		start_timer(peer, NOTIFY_PAUSE_MS);
	}
}
