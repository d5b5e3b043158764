/*
 * UDP: many datagrams per system call, in both directions.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/answer/answer.h"
#include "gateway/listener/listener_private.h"

enum {
	UDP_CONTROL_LEN = 64, /* octets: one packet info, and the length of segments */
	UDP_READS = 4,        /* batches per turn, so that answers get their turn */
	UDP_SEGMENTS_LEN = 60000, /* octets of answers in one message: one datagram's */
};

struct udp_out {
	uint8_t octets[ANSWER_UDP_SIZE];
	struct dns_request *request;
};

struct listener_udp {
	uint8_t in[LISTENER_UDP_BATCH][WIRE_MESSAGE_MAX];
	uint8_t control[LISTENER_UDP_BATCH][UDP_CONTROL_LEN];
	struct sockaddr_storage from[LISTENER_UDP_BATCH];
	struct iovec iov[LISTENER_UDP_BATCH];
	struct mmsghdr headers[LISTENER_UDP_BATCH];
	struct udp_out out[LISTENER_UDP_BATCH];
	struct iovec out_iov[LISTENER_UDP_BATCH]; /* their octets */
	uint8_t out_control[LISTENER_UDP_BATCH][UDP_CONTROL_LEN];
	struct mmsghdr out_headers[LISTENER_UDP_BATCH];
	size_t out_count;
	bool lacks_segments; /* the system does not take datagrams apart */
	int out_socket;      /* all waiting answers leave by one socket */
};

_Static_assert(CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)) <=
		UDP_CONTROL_LEN,
	"an answer's ancillary data have room");

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
	listener->udp->lacks_segments = false;
	return listener_sockets_start(listener, listener->udp_sockets, on_readable);
}

/* ---- out ---- */

/* Appends to the ancillary data of a message, for which there is room. */
static void add_control(
	struct msghdr *header, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)((uint8_t *)header->msg_control +
		header->msg_controllen);

	memset(c, 0, CMSG_SPACE(len));
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	header->msg_controllen += CMSG_SPACE(len);
}

static void add_packet_info(struct msghdr *header, const struct dns_peer *peer)
{
	if (peer->local.family == 4) {
		struct in_pktinfo info = {0};

		memcpy(&info.ipi_spec_dst, peer->local.octets, 4);
		add_control(header, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else if (peer->local.family == 6) {
		struct in6_pktinfo info = {.ipi6_ifindex = peer->interface};

		memcpy(&info.ipi6_addr, peer->local.octets, 16);
		add_control(header, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
}

static bool is_same_peer(const struct dns_peer *a, const struct dns_peer *b)
{
	return a->address_len == b->address_len &&
		!memcmp(&a->address, &b->address, a->address_len) &&
		a->interface == b->interface && a->local.family == b->local.family &&
		!memcmp(a->local.octets, b->local.octets, sizeof(a->local.octets));
}

/* How many answers from this one on leave as one message, which the system takes apart
 * (UDP_SEGMENT): those of one length to one client. */
static size_t count_segments(const struct listener_udp *udp, size_t first)
{
	const size_t len = udp->out_iov[first].iov_len;
	const size_t most = udp->lacks_segments ? 1 : UDP_SEGMENTS_LEN / len;
	size_t count = 1;

	while (count < most && first + count < udp->out_count &&
		udp->out_iov[first + count].iov_len == len &&
		is_same_peer(&udp->out[first].request->peer,
			&udp->out[first + count].request->peer))
		count++;
	return count;
}

/* The answers from this one on, as messages.  Their number. */
static unsigned fill_headers(struct listener_udp *udp, size_t first)
{
	unsigned messages = 0;

	while (first < udp->out_count) {
		const size_t count = count_segments(udp, first);
		const uint16_t len = (uint16_t)udp->out_iov[first].iov_len;
		struct dns_peer *peer = &udp->out[first].request->peer;
		struct msghdr *header = &udp->out_headers[messages].msg_hdr;

		*header = (struct msghdr){
			.msg_name = &peer->address,
			.msg_namelen = peer->address_len,
			.msg_iov = &udp->out_iov[first],
			.msg_iovlen = count,
			.msg_control = udp->out_control[messages],
		};
		add_packet_info(header, peer);
		if (count > 1)
			add_control(header, SOL_UDP, UDP_SEGMENT, &len, sizeof(len));
		messages++;
		first += count;
	}
	return messages;
}

void listener_udp_answer(struct listener *listener, struct dns_request *dns)
{
	static _Thread_local uint8_t whole[WIRE_MESSAGE_MAX];
	struct listener_udp *udp = listener->udp;
	struct udp_out *out;
	size_t len;

	if (udp->out_count == LISTENER_UDP_BATCH ||
		(udp->out_count && udp->out_socket != dns->peer.socket))
		listener_udp_flush(listener);
	len = listener_compose(listener, dns, whole);
	if (len == 0 || len > ANSWER_UDP_SIZE) {
		listener_drop_request(listener, dns);
		return;
	}
	out = &udp->out[udp->out_count];
	memcpy(out->octets, whole, len);
	out->request = dns;
	udp->out_iov[udp->out_count] = (struct iovec){out->octets, len};
	udp->out_socket = dns->peer.socket;
	udp->out_count++;
}

/* The number of answers that have left, or count as lost on the way. */
static size_t send_answers(struct listener_udp *udp, size_t first)
{
	const unsigned messages = fill_headers(udp, first);
	const int sent =
		sendmmsg(udp->out_socket, udp->out_headers, messages, MSG_DONTWAIT);
	size_t count = 0;

	for (int i = 0; i < sent; i++)
		count += udp->out_headers[i].msg_hdr.msg_iovlen;
	if (sent > 0)
		return count;
	count = udp->out_headers[0].msg_hdr.msg_iovlen;
	/* Devices that do not compute checksums refuse it (EIO), as do old kernels. */
	if (count == 1 || (errno != EIO && errno != EINVAL))
		return count;
	udp->lacks_segments = true;
	return 0;
}

void listener_udp_flush(struct listener *listener)
{
	struct listener_udp *udp = listener->udp;
	size_t sent = 0;

	while (sent < udp->out_count)
		sent += send_answers(udp, sent);
	for (size_t i = 0; i < udp->out_count; i++)
		listener_drop_request(listener, udp->out[i].request);
	udp->out_count = 0;
}
