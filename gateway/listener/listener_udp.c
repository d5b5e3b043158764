/*
 * UDP: many datagrams per system call, in both directions.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/answer/answer.h"
#include "gateway/listener/listener_private.h"

enum {
	UDP_CONTROL_LEN = 64, /* octets: one packet info */
	UDP_READS = 4,        /* batches per turn, so that answers get their turn */
};

struct udp_out {
	uint8_t octets[ANSWER_UDP_SIZE];
	struct dns_request *request;
	uint8_t control[UDP_CONTROL_LEN];
	struct iovec iov;
};

struct listener_udp {
	uint8_t in[LISTENER_UDP_BATCH][WIRE_MESSAGE_MAX];
	uint8_t control[LISTENER_UDP_BATCH][UDP_CONTROL_LEN];
	struct sockaddr_storage from[LISTENER_UDP_BATCH];
	struct iovec iov[LISTENER_UDP_BATCH];
	struct mmsghdr headers[LISTENER_UDP_BATCH];
	struct udp_out out[LISTENER_UDP_BATCH];
	struct mmsghdr out_headers[LISTENER_UDP_BATCH];
	size_t out_count;
	int out_socket; /* all waiting answers leave by one socket */
};

static bool is_wildcard(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET)
		return ((const struct sockaddr_in *)(const void *)address)
			       ->sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(
		&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

int listener_udp_open(struct listener_socket *s, const struct config_address *address)
{
	const int family = address->storage.ss_family, on = 1;
	const int buffer = LISTENER_UDP_BUFFER;
	const int r = listener_socket_open(s, family, SOCK_DGRAM);

	if (r)
		return r;
	s->is_wildcard = is_wildcard(&address->storage);
	/* Otherwise, on a host with several addresses, an answer may come from another
	 * address than the one asked. */
	if (s->is_wildcard &&
		setsockopt(s->fd, family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP,
			family == AF_INET6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on,
			sizeof(on)))
		return -errno;
	/* FORCE needs a privilege; without it we get the system's limit. */
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)))
		(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	(void)setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	if (bind(s->fd, (const struct sockaddr *)&address->storage, address->len))
		return -errno;
	return 0;
}

/* ---- in ---- */

static void read_packet_info(struct msghdr *header, struct dns_peer *peer)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			peer->local.family = 4;
			/* Not ipi_addr, which may be a broadcast address. */
			memcpy(peer->local.octets, &info.ipi_spec_dst, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 &&
			c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			peer->local.family = 6;
			memcpy(peer->local.octets, &info.ipi6_addr, 16);
			/* Other addresses are reached by the route that the system
			 * chooses, which may differ from the one the request took. */
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				peer->interface = info.ipi6_ifindex;
		}
	}
}

static void take_datagram(struct listener_socket *s, struct config *config, size_t i)
{
	struct listener_udp *udp = s->listener->udp;
	struct msghdr *header = &udp->headers[i].msg_hdr;
	struct dns_peer peer = {
		.address = udp->from[i],
		.address_len = header->msg_namelen,
		.socket = s->fd,
	};
	struct dns_request *dns;

	if (header->msg_flags & MSG_TRUNC)
		return;
	if (s->is_wildcard)
		read_packet_info(header, &peer);
	dns = listener_new_request(
		s->listener, config, &peer, udp->in[i], udp->headers[i].msg_len);
	if (dns)
		listener_take_request(s->listener, dns);
}

static void prepare_headers(struct listener_udp *udp)
{
	for (size_t i = 0; i < LISTENER_UDP_BATCH; i++) {
		struct msghdr *header = &udp->headers[i].msg_hdr;

		udp->iov[i] = (struct iovec){udp->in[i], sizeof(udp->in[i])};
		*header = (struct msghdr){
			.msg_name = &udp->from[i],
			.msg_namelen = sizeof(udp->from[i]),
			.msg_iov = &udp->iov[i],
			.msg_iovlen = 1,
			.msg_control = udp->control[i],
			.msg_controllen = sizeof(udp->control[i]),
		};
	}
}

static void on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct listener_socket *s = arg;
	struct listener_udp *udp = s->listener->udp;
	struct config *config = listener_get_config(s->listener);

	(void)events;
	for (int reads = 0; reads < UDP_READS; reads++) {
		int count;

		prepare_headers(udp);
		count = recvmmsg(
			fd, udp->headers, LISTENER_UDP_BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < count; i++)
			take_datagram(s, config, (size_t)i);
		listener_forward(s->listener);
		listener_udp_flush(s->listener);
		if (count < LISTENER_UDP_BATCH)
			break;
	}
	config_unref(config);
}

int listener_udp_start(struct listener *listener)
{
	listener->udp = malloc(sizeof(*listener->udp));
	if (!listener->udp)
		return -ENOMEM;
	listener->udp->out_count = 0;
	return listener_sockets_start(listener, listener->udp_sockets, on_readable);
}

/* ---- out ---- */

static size_t write_packet_info(const struct dns_peer *peer, uint8_t *control)
{
	struct msghdr header = {
		.msg_control = control, .msg_controllen = UDP_CONTROL_LEN};
	struct cmsghdr *c = CMSG_FIRSTHDR(&header);

	memset(control, 0, UDP_CONTROL_LEN);
	if (peer->local.family == 4) {
		struct in_pktinfo info = {0};

		memcpy(&info.ipi_spec_dst, peer->local.octets, 4);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		return CMSG_SPACE(sizeof(info));
	}
	if (peer->local.family == 6) {
		struct in6_pktinfo info = {.ipi6_ifindex = peer->interface};

		memcpy(&info.ipi6_addr, peer->local.octets, 16);
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		return CMSG_SPACE(sizeof(info));
	}
	return 0;
}

static void add_out(struct listener_udp *udp, struct dns_request *dns, size_t len)
{
	struct udp_out *out = &udp->out[udp->out_count];
	struct msghdr *header = &udp->out_headers[udp->out_count].msg_hdr;
	const size_t control_len = write_packet_info(&dns->peer, out->control);

	out->request = dns;
	out->iov = (struct iovec){out->octets, len};
	*header = (struct msghdr){
		.msg_name = &dns->peer.address,
		.msg_namelen = dns->peer.address_len,
		.msg_iov = &out->iov,
		.msg_iovlen = 1,
		.msg_control = control_len ? out->control : NULL,
		.msg_controllen = control_len,
	};
	udp->out_socket = dns->peer.socket;
	udp->out_count++;
}

void listener_udp_answer(struct listener *listener, struct dns_request *dns)
{
	static _Thread_local uint8_t whole[WIRE_MESSAGE_MAX];
	struct listener_udp *udp = listener->udp;
	size_t len;

	if (udp->out_count == LISTENER_UDP_BATCH ||
		(udp->out_count && udp->out_socket != dns->peer.socket))
		listener_udp_flush(listener);
	len = listener_compose(listener, dns, whole);
	if (len == 0 || len > ANSWER_UDP_SIZE) {
		listener_drop_request(listener, dns);
		return;
	}
	memcpy(udp->out[udp->out_count].octets, whole, len);
	add_out(udp, dns, len);
}

void listener_udp_flush(struct listener *listener)
{
	struct listener_udp *udp = listener->udp;
	size_t sent = 0;

	while (sent < udp->out_count) {
		int count = sendmmsg(udp->out_socket, udp->out_headers + sent,
			(unsigned)(udp->out_count - sent), MSG_DONTWAIT);

		/* What cannot be sent counts as lost on the way: skip it. */
		sent += count > 0 ? (size_t)count : 1;
	}
	for (size_t i = 0; i < udp->out_count; i++)
		listener_drop_request(listener, udp->out[i].request);
	udp->out_count = 0;
}
