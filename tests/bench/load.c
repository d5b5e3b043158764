/*
 * A load of TSIG-signed UPDATEs against any RFC 2136 server, with N outstanding, over UDP
 * or TCP.  Checks every answer's rcode and MAC, and prints one line of JSON.
 *
 *   load [-a ADDRESS] -p PORT -k KEYFILE -z ZONE [-m change|same|add|query]
 *        [-t udp|tcp] [-q OUTSTANDING] [-H HOSTS] [-c CONNECTIONS] [-s SECONDS]
 *        [-n COUNT]
 *
 * A change deletes a host's A RRset and adds another address (143 octets); "same" adds
 * the same address again and again: a heartbeat; "add" only adds, each time the address
 * of a new host.  It ends after SECONDS or COUNT, whichever comes first.  A datagram
 * without an answer within 2 s counts as lost.  It is for loopback only: -a takes no
 * other address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tsig/keyfile.h"
#include "tsig/tsig.h"

enum {
	OUTSTANDING_MAX = 16384,
	CONNECTIONS_MAX = 256,
	MESSAGE_MAX = 512,
	BATCH = 64,
	LATENCIES_MAX = 4 << 20,
	LOST_NS = 2000000000,
	IN_MAX = 1 << 17,
};

enum mode { MODE_CHANGE, MODE_SAME, MODE_ADD, MODE_QUERY };

struct slot { /* one outstanding request; its index is its id */
	bool is_used;
	int64_t sent_ns;
	struct tsig_context tsig;
};

struct channel {
	int fd;
	uint8_t *in; /* TCP: octets not handled yet */
	size_t in_len;
};

struct load {
	struct sockaddr_in address;
	bool is_tcp;
	enum mode mode;
	uint8_t zone[NAME_MAX_LEN];
	unsigned hosts, outstanding, channel_count;
	double seconds;
	uint64_t count;
	const struct tsig_key *key;
	struct hmac_pool *pool;
	struct channel channels[CONNECTIONS_MAX];
	struct slot slots[OUTSTANDING_MAX];
	uint32_t free_slots[OUTSTANDING_MAX];
	unsigned free_count;
	uint32_t first_address; /* differs between runs, so that a change is one */
	uint64_t sent, answered, wrong, bad_mac, lost;
	uint16_t first_wrong; /* rcode */
	uint32_t *latencies_us;
	size_t latency_count;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- messages ---- */

static void write_label(const struct load *load, struct wire_writer *w, unsigned host)
{
	char label[32];
	const int len = load->mode == MODE_ADD
		? snprintf(label, sizeof(label), "n%x-%u", load->first_address,
			  (unsigned)load->sent)
		: snprintf(label, sizeof(label), "h%u", host);

	wire_write_u8(w, (uint8_t)len);
	wire_write_octets(w, label, (size_t)len);
}

static void write_owner(const struct load *load, struct wire_writer *w, unsigned host)
{
	write_label(load, w, host);
	wire_write_u16(w, 0xc000 | WIRE_HEADER_LEN);
}

static void write_update(struct load *load, struct wire_writer *w, unsigned host)
{
	const bool is_added = load->mode == MODE_ADD;
	const uint32_t address = load->mode == MODE_SAME
		? host
		: load->first_address + (uint32_t)load->sent * 2654435761u;

	wire_write_u16(w, OPCODE_UPDATE << 11);
	wire_write_u16(w, 1);
	wire_write_u16(w, 0);
	wire_write_u16(w, is_added ? 1 : 2);
	wire_write_u16(w, 0);
	wire_write_name_plain(w, load->zone);
	wire_write_u16(w, TYPE_SOA);
	wire_write_u16(w, CLASS_IN);
	if (!is_added) {
		write_owner(load, w, host);
		wire_write_u16(w, TYPE_A);
		wire_write_u16(w, CLASS_ANY);
		wire_write_u32(w, 0);
		wire_write_u16(w, 0);
	}
	write_owner(load, w, host);
	wire_write_u16(w, TYPE_A);
	wire_write_u16(w, CLASS_IN);
	wire_write_u32(w, 300);
	wire_write_u16(w, 4);
	wire_write_u32(w, 0x0a000000 | (address & 0xffffff));
}

static void write_query(struct load *load, struct wire_writer *w, unsigned host)
{
	wire_write_u16(w, 0);
	wire_write_u16(w, 1);
	wire_write_u16(w, 0);
	wire_write_u16(w, 0);
	wire_write_u16(w, 0);
	write_label(load, w, host);
	wire_write_name_plain(w, load->zone);
	wire_write_u16(w, TYPE_A);
	wire_write_u16(w, CLASS_IN);
}

static size_t compose(struct load *load, uint32_t id, uint8_t *msg)
{
	const unsigned host = (unsigned)(load->sent % load->hosts);
	struct slot *slot = &load->slots[id];
	struct wire_writer w;
	size_t len;

	wire_writer_init(&w, msg, MESSAGE_MAX, NULL);
	wire_write_u16(&w, (uint16_t)id);
	if (load->mode == MODE_QUERY)
		write_query(load, &w, host);
	else
		write_update(load, &w, host);
	len = w.at;
	if (tsig_sign_request(&slot->tsig, load->pool, load->key, msg, &len, MESSAGE_MAX,
		    time(NULL)))
		die("signing");
	slot->is_used = true;
	slot->sent_ns = now_ns();
	load->sent++;
	return len;
}

static void take_answer(struct load *load, const uint8_t *msg, size_t len)
{
	struct wire_message m;
	struct verdict v = wire_walk(&m, msg, len);
	struct slot *slot;

	if (!verdict_is_ok(&v) || m.id >= load->outstanding)
		return;
	slot = &load->slots[m.id];
	if (!slot->is_used)
		return;
	slot->is_used = false;
	load->free_slots[load->free_count++] = m.id;
	load->answered++;
	if (load->latency_count < LATENCIES_MAX)
		load->latencies_us[load->latency_count++] =
			(uint32_t)((now_ns() - slot->sent_ns) / 1000);
	if ((m.flags & 15) != RCODE_NOERROR && load->wrong++ == 0)
		load->first_wrong = m.flags & 15;
	v = tsig_verify_answer(&slot->tsig, load->pool, msg, &m, time(NULL));
	if (!verdict_is_ok(&v))
		load->bad_mac++;
}

/* ---- sockets ---- */

static void open_channel(struct load *load, struct channel *c)
{
	const int on = 1, buffer = 4 << 20;

	c->fd = socket(
		AF_INET, (load->is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	if (c->fd < 0 ||
		connect(c->fd, (struct sockaddr *)&load->address, sizeof(load->address)))
		die("connect");
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	if (load->is_tcp)
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->in = malloc(IN_MAX);
	if (!c->in)
		die("malloc");
}

static void send_all(int fd, const uint8_t *octets, size_t len)
{
	while (len) {
		ssize_t sent = send(fd, octets, len, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			die("send");
		if (sent > 0) {
			octets += sent;
			len -= (size_t)sent;
		}
	}
}

/* Datagrams of one length leave as one, which is taken apart where it arrives (udp(7)):
 * so sending takes less of the processors that the servers need.  Clients elsewhere would
 * take nothing of them. */
static void send_datagrams(const struct channel *c, struct iovec *iov, unsigned count)
{
	union {
		uint8_t octets[CMSG_SPACE(sizeof(uint16_t))];
		struct cmsghdr cmsg;
	} control = {.cmsg = {.cmsg_level = SOL_UDP,
			     .cmsg_type = UDP_SEGMENT,
			     .cmsg_len = CMSG_LEN(sizeof(uint16_t))}};
	struct msghdr header = {
		.msg_control = &control, .msg_controllen = sizeof(control.octets)};

	for (unsigned i = 0, n; i < count; i += n) {
		const uint16_t len = (uint16_t)iov[i].iov_len;

		for (n = 1; i + n < count && iov[i + n].iov_len == len; n++)
			;
		memcpy(CMSG_DATA(&control.cmsg), &len, sizeof(len));
		header.msg_iov = &iov[i];
		header.msg_iovlen = n;
		while (sendmsg(c->fd, &header, 0) < 0) {
			if (errno != EINTR && errno != ECONNREFUSED)
				die("sendmsg");
		}
	}
}

/* Sends as many new requests as have free slots, up to a batch, on one channel. */
static void send_batch(struct load *load, struct channel *c)
{
	static uint8_t msgs[BATCH][MESSAGE_MAX + 2];
	static struct iovec iov[BATCH];
	static uint8_t stream[BATCH * (MESSAGE_MAX + 2)];
	unsigned count = 0;
	size_t stream_len = 0;

	while (load->free_count && count < BATCH && load->sent < load->count) {
		const uint32_t id = load->free_slots[--load->free_count];
		const size_t len = compose(load, id, msgs[count] + 2);

		msgs[count][0] = (uint8_t)(len >> 8);
		msgs[count][1] = (uint8_t)len;
		iov[count] = (struct iovec){msgs[count] + 2, len};
		memcpy(stream + stream_len, msgs[count], len + 2);
		stream_len += len + 2;
		count++;
	}
	if (load->is_tcp) {
		send_all(c->fd, stream, stream_len);
		return;
	}
	send_datagrams(c, iov, count);
}

static void receive_datagrams(struct load *load, struct channel *c)
{
	static uint8_t msgs[BATCH][4096];
	static struct mmsghdr headers[BATCH];
	static struct iovec iov[BATCH];
	int count;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){msgs[i], sizeof(msgs[i])};
		headers[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	count = recvmmsg(c->fd, headers, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++)
		take_answer(load, msgs[i], headers[i].msg_len);
}

static void receive_stream(struct load *load, struct channel *c)
{
	ssize_t got = recv(c->fd, c->in + c->in_len, IN_MAX - c->in_len, MSG_DONTWAIT);
	size_t at = 0;

	if (got == 0) {
		errno = ECONNRESET;
		die("the server closed the connection");
	}
	if (got < 0)
		return;
	c->in_len += (size_t)got;
	while (c->in_len - at >= 2) {
		const size_t len = (size_t)c->in[at] << 8 | c->in[at + 1];

		if (c->in_len - at < 2 + len)
			break;
		take_answer(load, c->in + at + 2, len);
		at += 2 + len;
	}
	memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
}

static void give_up_lost(struct load *load)
{
	const int64_t now = now_ns();

	for (unsigned i = 0; i < load->outstanding; i++) {
		if (!load->slots[i].is_used || now - load->slots[i].sent_ns < LOST_NS)
			continue;
		load->slots[i].is_used = false;
		load->free_slots[load->free_count++] = i;
		load->lost++;
	}
}

/* ---- the run ---- */

static double run(struct load *load)
{
	const int64_t begin = now_ns();
	const int64_t end = begin + (int64_t)(load->seconds * 1e9);
	struct pollfd fds[CONNECTIONS_MAX];
	unsigned next = 0;
	int64_t checked = begin;

	for (unsigned i = 0; i < load->channel_count; i++)
		fds[i] = (struct pollfd){.fd = load->channels[i].fd, .events = POLLIN};
	for (;;) {
		const bool may_send = now_ns() < end && load->sent < load->count;

		if (!may_send && load->free_count == load->outstanding)
			break;
		for (unsigned i = 0;
			may_send && load->free_count && i < load->channel_count; i++)
			send_batch(load, &load->channels[next++ % load->channel_count]);
		poll(fds, load->channel_count, 100);
		for (unsigned i = 0; i < load->channel_count; i++) {
			if (!fds[i].revents)
				continue;
			if (load->is_tcp)
				receive_stream(load, &load->channels[i]);
			else
				receive_datagrams(load, &load->channels[i]);
		}
		if (now_ns() - checked > 100000000) {
			give_up_lost(load);
			checked = now_ns();
		}
	}
	return (double)(now_ns() - begin) / 1e9;
}

static int compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print_result(struct load *load, double seconds)
{
	const size_t n = load->latency_count;

	qsort(load->latencies_us, n, sizeof(*load->latencies_us), compare);
	printf("{\"rate\": %.0f, \"answered\": %llu, \"lost\": %llu, \"wrong\": %llu, "
	       "\"first_wrong\": %u, \"bad_mac\": %llu, \"seconds\": %.3f, \"p50_us\": "
	       "%u, "
	       "\"p99_us\": %u}\n",
		(double)load->answered / seconds, (unsigned long long)load->answered,
		(unsigned long long)load->lost, (unsigned long long)load->wrong,
		load->first_wrong, (unsigned long long)load->bad_mac, seconds,
		n ? load->latencies_us[n / 2] : 0,
		n ? load->latencies_us[n * 99 / 100] : 0);
}

static bool first_key(const struct tsig_key *key, void *arg)
{
	*(const struct tsig_key **)arg = key;
	return false;
}

static void read_key(struct load *load, const char *path)
{
	struct keyring *ring = keyring_new();
	char error[KEYFILE_ERROR_MAX];

	if (!ring || keyfile_load(ring, path, NULL, NULL, error)) {
		fprintf(stderr, "load: %s\n", ring ? error : "no memory");
		exit(2);
	}
	keyring_each(ring, first_key, &load->key);
}

static void usage(void)
{
	fputs("usage: load [-a ADDRESS] -p PORT -k KEYFILE -z ZONE [-m "
	      "change|same|add|query]\n"
	      "            [-t udp|tcp] [-q OUTSTANDING] [-H HOSTS] [-c CONNECTIONS]\n"
	      "            [-s SECONDS] [-n COUNT]\n",
		stderr);
	exit(2);
}

static void parse_mode(struct load *load, const char *text)
{
	if (!strcmp(text, "same"))
		load->mode = MODE_SAME;
	else if (!strcmp(text, "add"))
		load->mode = MODE_ADD;
	else if (!strcmp(text, "query"))
		load->mode = MODE_QUERY;
	else if (strcmp(text, "change"))
		usage();
}

static void parse(struct load *load, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "a:p:k:z:m:t:q:H:c:s:n:")) != -1) {
		switch (c) {
		case 'a':
			if (strncmp(optarg, "127.", 4) ||
				inet_pton(AF_INET, optarg, &load->address.sin_addr) != 1)
				usage();
			break;
		case 'p':
			load->address.sin_port = htons((uint16_t)atoi(optarg));
			break;
		case 'k':
			read_key(load, optarg);
			break;
		case 'z':
			if (name_from_text(load->zone, optarg, (const uint8_t *)""))
				usage();
			break;
		case 'm':
			parse_mode(load, optarg);
			break;
		case 't':
			load->is_tcp = !strcmp(optarg, "tcp");
			break;
		case 'q':
			load->outstanding = (unsigned)atoi(optarg);
			break;
		case 'H':
			load->hosts = (unsigned)atoi(optarg);
			break;
		case 'c':
			load->channel_count = (unsigned)atoi(optarg);
			break;
		case 's':
			load->seconds = atof(optarg);
			break;
		case 'n':
			load->count = strtoull(optarg, NULL, 10);
			break;
		default:
			usage();
		}
	}
	if (!load->key || !load->zone[0] || !load->address.sin_port || !load->hosts ||
		!load->outstanding || load->outstanding > OUTSTANDING_MAX ||
		!load->channel_count || load->channel_count > CONNECTIONS_MAX)
		usage();
}

int main(int argc, char **argv)
{
	static struct load load = {
		.address = {.sin_family = AF_INET},
		.hosts = 10000,
		.outstanding = 256,
		.channel_count = 16,
		.seconds = 3,
		.count = UINT64_MAX,
	};
	double seconds;

	load.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	load.first_address = (uint32_t)(now_ns() / 1000);
	load.pool = hmac_pool_new();
	load.latencies_us = malloc(LATENCIES_MAX * sizeof(*load.latencies_us));
	if (!load.pool || !load.latencies_us)
		die("malloc");
	parse(&load, argc, argv);
	for (unsigned i = 0; i < load.channel_count; i++)
		open_channel(&load, &load.channels[i]);
	for (unsigned i = 0; i < load.outstanding; i++)
		load.free_slots[load.free_count++] = i;
	seconds = run(&load);
	print_result(&load, seconds);
	return load.wrong || load.bad_mac ? 1 : 0;
}
