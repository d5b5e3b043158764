/*
 * evhttp on one socket, and two limits that evhttp lacks: on the number of connections,
 * and on the time that a request or an answer may take altogether, even if single octets
 * keep coming.
 *
 * evhttp reports the end of a connection only if that has sent a request.  So this file
 * holds a reference of its own to each bufferevent, and inspects them whenever it needs
 * room, and every now and then: one that evhttp has freed has lost its callbacks.
 */
#include <errno.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/control/control_private.h"
#include "gateway/base/event_memory.h"

enum { SWEEP_MS = 200, SWEEP_IDLE_MS = 2000 };

static bool is_gone(struct bufferevent *bev)
{
	bufferevent_event_cb on_event = NULL;

	bufferevent_getcb(bev, NULL, NULL, &on_event, NULL);
	return !on_event;
}

static void forget(struct control_guest *guest)
{
	bufferevent_decref(guest->bev);
	*guest = (struct control_guest){0};
}

/* Does what evhttp itself does when a connection times out. */
static void show_out(struct control_guest *guest)
{
	bufferevent_trigger_event(guest->bev, BEV_EVENT_TIMEOUT | BEV_EVENT_READING, 0);
}

/* Forgets connections that have ended; how many are left. */
static size_t sweep(struct control_door *door)
{
	const int64_t now_ms = turn_monotonic_ms(&door->control->time);
	size_t count = 0;

	for (size_t i = 0; i < CONTROL_GUESTS_MAX; i++) {
		struct control_guest *guest = &door->guests[i];

		if (guest->bev && !guest->is_busy && !is_gone(guest->bev) &&
			now_ms - guest->heard_ms > CONTROL_PATIENCE_MS)
			show_out(guest);
		if (guest->bev && is_gone(guest->bev))
			forget(guest);
		count += guest->bev != NULL;
	}
	return count;
}

static struct control_guest *find_room(struct control_door *door)
{
	for (size_t i = 0; i < CONTROL_GUESTS_MAX; i++)
		if (!door->guests[i].bev)
			return &door->guests[i];
	return NULL;
}

/* Accepts connections again, unless there is no room, no memory, or the door is shut. */
static void open_up(struct control_door *door)
{
	if (door->bound && !door->is_shut && find_room(door) && !event_memory_is_short())
		evconnlistener_enable(evhttp_bound_socket_get_listener(door->bound));
}

static void on_alarm(void *arg)
{
	struct control_door *door = arg;
	const size_t count = sweep(door);
	const bool is_closed = count == CONTROL_GUESTS_MAX || event_memory_is_short();

	open_up(door);
	if (count || is_closed)
		alarm_set_in(&door->alarm, is_closed ? SWEEP_MS : SWEEP_IDLE_MS);
}

static size_t count_guests(const struct control_door *door)
{
	size_t count = 0;

	for (size_t i = 0; i < CONTROL_GUESTS_MAX; i++)
		count += door->guests[i].bev != NULL;
	return count;
}

/* evhttp makes a connection.  If it takes the last place, no more are accepted. */
static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	struct control_door *door = arg;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
	struct control_guest *guest;

	if (count_guests(door) + 1 >= CONTROL_GUESTS_MAX)
		(void)sweep(door);
	guest = find_room(door);
	if (bev && guest) {
		bufferevent_incref(bev);
		*guest = (struct control_guest){
			.bev = bev, .heard_ms = turn_monotonic_ms(&door->control->time)};
	}
	if (!find_room(door) || event_memory_is_short()) {
		evconnlistener_disable(evhttp_bound_socket_get_listener(door->bound));
		alarm_set_in(&door->alarm, SWEEP_MS);
	} else if (!alarm_is_set(&door->alarm)) {
		alarm_set_in(&door->alarm, SWEEP_IDLE_MS);
	}
	return bev;
}

static struct control_guest *find_guest(
	struct control_door *door, struct evhttp_connection *connection)
{
	const struct bufferevent *bev =
		connection ? evhttp_connection_get_bufferevent(connection) : NULL;

	for (size_t i = 0; bev && i < CONTROL_GUESTS_MAX; i++)
		if (door->guests[i].bev == bev)
			return &door->guests[i];
	return NULL;
}

void control_door_release(struct control_door *door, struct evhttp_request *request)
{
	struct control_guest *guest =
		find_guest(door, evhttp_request_get_connection(request));

	if (!guest)
		return;
	guest->is_busy = false;
	guest->heard_ms = turn_monotonic_ms(&door->control->time);
}

/* evhttp is about to free the connection. */
static void on_close(struct evhttp_connection *connection, void *arg)
{
	struct control_door *door = arg;
	struct control_guest *guest = find_guest(door, connection);

	if (guest)
		forget(guest);
	open_up(door);
}

static void take_request(struct evhttp_request *request, void *arg)
{
	struct control_door *door = arg;
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	struct control_guest *guest = find_guest(door, connection);

	if (guest) {
		guest->is_busy = true;
		evhttp_connection_set_closecb(connection, on_close, door);
	}
	door->on_request(request, door);
}

int control_door_open(struct control_door *door, struct control *control, bool is_private,
	control_on_request_fn *on_request)
{
	door->control = control;
	door->is_private = is_private;
	door->on_request = on_request;
	door->http = evhttp_new(control->base);
	alarm_init(&door->alarm, &control->alarms, on_alarm, door);
	if (!door->http)
		return -ENOMEM;
	evhttp_set_bevcb(door->http, on_connection, door);
	evhttp_set_gencb(door->http, take_request, door);
	evhttp_set_timeout(door->http, CONTROL_TIMEOUT_S);
	evhttp_set_max_headers_size(door->http, CONTROL_HEADERS_MAX);
	evhttp_set_max_body_size(door->http, CONTROL_BODY_MAX);
	evhttp_set_default_content_type(door->http, NULL);
	/* Other methods than ours are let through, to be answered with 405. */
	evhttp_set_allowed_methods(door->http,
		EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
			EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	return 0;
}

int control_door_listen(struct control_door *door, int fd)
{
	struct evhttp_bound_socket *bound = NULL;

	if (fd >= 0) {
		bound = evhttp_accept_socket_with_handle(door->http, fd);
		if (!bound) {
			close(fd);
			return -ENOMEM;
		}
	}
	if (door->bound)
		evhttp_del_accept_socket(door->http, door->bound);
	door->bound = bound;
	if (bound && !find_room(door))
		evconnlistener_disable(evhttp_bound_socket_get_listener(bound));
	return 0;
}

void control_door_shut(struct control_door *door)
{
	if (door->bound)
		evconnlistener_disable(evhttp_bound_socket_get_listener(door->bound));
	door->is_shut = true;
}

void control_door_close(struct control_door *door)
{
	door->bound = NULL; /* evhttp_free does that, before it calls on_close */
	alarm_stop(&door->alarm);
	if (door->http)
		evhttp_free(door->http);
	for (size_t i = 0; i < CONTROL_GUESTS_MAX; i++)
		if (door->guests[i].bev)
			forget(&door->guests[i]);
	*door = (struct control_door){0};
}
