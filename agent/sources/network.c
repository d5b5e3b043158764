/*
 * Watches the network.  Nothing runs between changes.
 */
#include "agent/sources/network.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/alarm.h"
#include "gateway/base/log.h"

enum {
	DATAGRAM_MAX = 65536, /* octets; the kernel fills at most 32 KiB */
	GATHER_MS = 30,       /* from a change to the listing: usually more changes
	                       * follow */
	AGAIN_MS = 200,       /* after a listing that was disturbed */
	DRAIN_MAX = 64,       /* datagrams read before the loop turns */
};

static const char advice[] = "may the agent open netlink sockets "
			     "(RestrictAddressFamilies=)?";

struct network {
	network_changed *changed;
	void *arg;
	int events; /* socket for changes that the kernel reports */
	struct event *event;
	struct alarm listing; /* rings when it is time to list */
	uint32_t sequence;
	struct netlink_view view;
	bool is_known;   /* the view */
	bool is_failing; /* has been told */
};

static int open_netlink(unsigned groups)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
	const int nonblocking = groups ? SOCK_NONBLOCK : 0;
	const int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | nonblocking, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address))) {
		const int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

/* ---- listing ---- */

static int ask_for(int fd, unsigned short type, uint32_t sequence)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg family;
	} request = {
		.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
			.nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			.nlmsg_seq = sequence},
		.family = {.rtgen_family = AF_UNSPEC},
	};

	return send(fd, &request, request.header.nlmsg_len, 0) < 0 ? -errno : 0;
}

/* The kernel answers at once, so that a blocking read does not wait. */
static int receive_all(
	int fd, struct netlink_view *view, uint8_t *datagram, uint32_t sequence)
{
	view->is_done = false;
	while (!view->is_done && !view->error) {
		const ssize_t n = recv(fd, datagram, DATAGRAM_MAX, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		netlink_read(view, datagram, (size_t)n, sequence);
	}
	return view->error;
}

static int list(struct network *network, struct netlink_view *view)
{
	static const unsigned short types[] = {RTM_GETLINK, RTM_GETADDR};
	uint8_t *datagram = malloc(DATAGRAM_MAX);
	const int fd = open_netlink(0);
	int r = fd < 0 ? fd : 0;

	if (!datagram)
		r = -ENOMEM;
	for (size_t i = 0; i < 2 && !r; i++) {
		r = ask_for(fd, types[i], ++network->sequence);
		if (!r)
			r = receive_all(fd, view, datagram, network->sequence);
	}
	if (fd >= 0)
		close(fd);
	free(datagram);
	return r;
}

/* A later event must not delay a listing that is due: events may come without end. */
static void list_in(struct network *network, int64_t delay_ms)
{
	if (!alarm_is_set(&network->listing))
		alarm_set_in(&network->listing, delay_ms);
}

static void take(struct network *network, struct netlink_view *view)
{
	const bool is_same =
		network->is_known && netlink_view_is_equal(&network->view, view);

	if (is_same)
		return;
	netlink_view_clear(&network->view);
	network->view = *view;
	*view = (struct netlink_view){0};
	network->is_known = true;
	if (network->view.is_full)
		log_warning("network: more than %d addresses or links: the rest is left "
			    "out; the agent is not made for this host",
			NETLINK_ADDRESSES_MAX);
	network->changed(network->arg);
}

static void on_listing(void *arg)
{
	struct network *network = arg;
	struct netlink_view view = {0};
	const int r = list(network, &view);

	if (r && !network->is_failing)
		log_error("network: listing addresses: %s; %s", strerror(-r), advice);
	network->is_failing = r != 0;
	if (r || view.is_disturbed)
		list_in(network, AGAIN_MS);
	if (!r)
		take(network, &view);
	netlink_view_clear(&view);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	uint8_t octets[4096];

	(void)what;
	/* The content of events does not matter, since everything is listed anyway.  That
	 * also covers ENOBUFS (some events were lost). */
	for (int i = 0; i < DRAIN_MAX; i++)
		if (recv(fd, octets, sizeof(octets), MSG_TRUNC) < 0 && errno != ENOBUFS)
			break;
	list_in(arg, GATHER_MS);
}

struct network *network_new(struct alarms *alarms, network_changed *changed, void *arg)
{
	const unsigned groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
	struct network *network = calloc(1, sizeof(*network));

	if (!network)
		return NULL;
	network->changed = changed;
	network->arg = arg;
	alarm_init(&network->listing, alarms, on_listing, network);
	network->events = open_netlink(groups);
	if (network->events < 0)
		log_error("network: %s; %s", strerror(-network->events), advice);
	else
		network->event = event_new(alarms->base, network->events,
			EV_READ | EV_PERSIST, on_event, network);
	if (!network->event || event_add(network->event, NULL)) {
		network_free(network);
		return NULL;
	}
	list_in(network, 0);
	return network;
}

void network_free(struct network *network)
{
	if (!network)
		return;
	if (network->event)
		event_free(network->event);
	alarm_stop(&network->listing);
	if (network->events >= 0)
		close(network->events);
	netlink_view_clear(&network->view);
	free(network);
}

const struct netlink_view *network_view(const struct network *network)
{
	return network && network->is_known ? &network->view : NULL;
}
