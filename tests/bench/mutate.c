/*
 * Sends broken messages to a running server, over UDP and TCP, and now and then a good
 * one that must be answered.
 *
 *   mutate [-a ADDRESS] -p PORT -k KEYFILE ... -z ZONE [-n COUNT] [-e EVERY] [-r SEED]
 *          PATH ...
 *
 * Seeds are files, and files in folders: captured messages (.hex, as tests/vectors has
 * them) or bare octets (the corpora of tests/fuzz).  Each message is a seed with a few
 * things changed: bits, octets, counts, lengths, pointers; cut off, made longer, spliced
 * with another.  Half of them lose their signature first and are signed when they are
 * broken, by one of the keys, so that they pass TSIG.  After every EVERY messages updates
 * of ZONE, signed by the first KEYFILE, over UDP and over TCP must be answered with
 * NOERROR and an authentic MAC, and every answer to any message must be well-formed.
 * Prints one line of JSON; the status is 1 if the server failed one of these. The same
 * SEED gives the same messages except for their times.
 *
 * It is for loopback only: -a takes no other address.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tsig/keyfile.h"
#include "tsig/tsig.h"

enum {
	SEEDS_MAX = 4096,
	KEYS_MAX = 64,
	FILES_MAX = 8, /* of keys */
	CONNECTIONS = 8,
	MUTATIONS_MAX = 6,    /* of one message */
	DATAGRAM_MAX = 65507, /* UDP over IPv4 */
	GROWTH_MAX = 4096,    /* octets that one mutation adds */
	PATIENCE_MS = 20000,  /* for the answer to a good message */
	DRAIN_EVERY = 32,     /* messages */
};

struct message {
	size_t len;
	uint8_t octets[WIRE_MESSAGE_MAX];
};

struct stream {
	int fd; /* -1: to be connected */
	size_t in_len;
	uint8_t in[2 + WIRE_MESSAGE_MAX];
};

struct mutate {
	struct sockaddr_in address;
	struct hmac_pool *pool;
	struct keyring *rings[FILES_MAX];
	size_t ring_count;
	const struct tsig_key *keys[KEYS_MAX]; /* the first signs the good messages */
	size_t key_count;
	uint8_t zone[NAME_MAX_LEN];
	struct message *seeds[SEEDS_MAX];
	size_t seed_count;
	uint64_t count, every, random, seed;
	int udp;
	struct stream streams[CONNECTIONS];
	struct message work;
	uint64_t sent, over_tcp, signed_count, answered, unsound, reconnected, good;
};

static void die(const char *what)
{
	fprintf(stderr, "mutate: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* xorshift64*; below limit, which is not 0. */
static size_t draw(struct mutate *m, size_t limit)
{
	m->random ^= m->random >> 12;
	m->random ^= m->random << 25;
	m->random ^= m->random >> 27;
	return (size_t)((m->random * 0x2545f4914f6cdd1dULL) >> 16) % limit;
}

/* ---- seeds ---- */

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static void add_hex_line(struct message *message, const char *line)
{
	for (; line[0] != '#' && hex_value(line[0]) >= 0 && hex_value(line[1]) >= 0;
		line += 2)
		if (message->len < WIRE_MESSAGE_MAX)
			message->octets[message->len++] =
				(uint8_t)(hex_value(line[0]) << 4 | hex_value(line[1]));
}

static void read_seed(struct mutate *m, const char *path)
{
	struct message *message = calloc(1, sizeof(*message));
	const char *dot = strrchr(path, '.');
	FILE *file = fopen(path, "r");
	char line[512];

	if (!message || !file)
		die(path);
	if (dot && !strcmp(dot, ".hex")) {
		while (fgets(line, sizeof(line), file))
			add_hex_line(message, line);
	} else {
		message->len = fread(message->octets, 1, WIRE_MESSAGE_MAX, file);
	}
	fclose(file);
	if (message->len < WIRE_HEADER_LEN || m->seed_count == SEEDS_MAX)
		free(message);
	else
		m->seeds[m->seed_count++] = message;
}

static void read_seeds(struct mutate *m, const char *path)
{
	struct dirent **entries;
	struct stat status;
	char name[4096];
	int count;

	if (stat(path, &status))
		die(path);
	if (!S_ISDIR(status.st_mode)) {
		read_seed(m, path);
		return;
	}
	count = scandir(path, &entries, NULL, alphasort);
	if (count < 0)
		die(path);
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (!stat(name, &status) && S_ISREG(status.st_mode))
			read_seed(m, name);
		free(entries[i]);
	}
	free(entries);
}

/* ---- mutations; a message never gets shorter than a header ---- */

static uint8_t *any_octet(struct mutate *m)
{
	return &m->work.octets[draw(m, m->work.len)];
}

static void put_u16(struct mutate *m, size_t at, unsigned value)
{
	m->work.octets[at] = (uint8_t)(value >> 8);
	m->work.octets[at + 1] = (uint8_t)value;
}

static void flip_bit(struct mutate *m)
{
	*any_octet(m) ^= (uint8_t)(1u << draw(m, 8));
}

static void set_octet(struct mutate *m)
{
	static const uint8_t values[] = {
		0, 1, 10, 12, 0x29, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xfa, 0xff};

	*any_octet(m) = values[draw(m, sizeof(values))];
}

/* Any 16 bits, which may be a count, a length, a type, a class or part of a TTL. */
static void set_number(struct mutate *m)
{
	static const uint16_t values[] = {
		0, 1, 2, 5, 6, 41, 250, 254, 255, 256, 511, 32767, 32768, 65534, 65535};

	put_u16(m, draw(m, m->work.len - 1), values[draw(m, 15)]);
}

static void step_number(struct mutate *m)
{
	const size_t at = draw(m, m->work.len - 1);
	const unsigned old = (unsigned)m->work.octets[at] << 8 | m->work.octets[at + 1];

	put_u16(m, at, old + (draw(m, 2) ? 1u : 65535u));
}

static void set_count(struct mutate *m)
{
	static const uint16_t values[] = {0, 1, 2, 3, 255, 256, 65535};

	put_u16(m, 4 + 2 * draw(m, 4), values[draw(m, 7)]);
}

/* A pointer forwards, to itself, into the header, or backwards. */
static void put_pointer(struct mutate *m)
{
	put_u16(m, draw(m, m->work.len - 1), 0xc000u | (unsigned)draw(m, m->work.len));
}

static void cut_off(struct mutate *m)
{
	m->work.len = WIRE_HEADER_LEN + draw(m, m->work.len - WIRE_HEADER_LEN + 1);
}

static void take_out(struct mutate *m)
{
	const size_t at = WIRE_HEADER_LEN + draw(m, m->work.len - WIRE_HEADER_LEN + 1);
	const size_t len = draw(m, m->work.len - at + 1);

	memmove(m->work.octets + at, m->work.octets + at + len, m->work.len - at - len);
	m->work.len -= len;
}

static void append_random(struct mutate *m)
{
	size_t len = 1 + draw(m, draw(m, 8) ? 16 : GROWTH_MAX);

	for (; len && m->work.len < DATAGRAM_MAX; len--)
		m->work.octets[m->work.len++] = (uint8_t)draw(m, 256);
}

/* Repeats a piece of the message after itself, like repeated records. */
static void repeat(struct mutate *m)
{
	const size_t at = WIRE_HEADER_LEN + draw(m, m->work.len - WIRE_HEADER_LEN + 1);
	const size_t len = draw(m, m->work.len - at + 1);

	if (len > GROWTH_MAX || m->work.len + len > DATAGRAM_MAX)
		return;
	memmove(m->work.octets + at + len, m->work.octets + at, m->work.len - at);
	m->work.len += len;
}

/* The beginning of this message and the end of another. */
static void splice(struct mutate *m)
{
	const struct message *other = m->seeds[draw(m, m->seed_count)];
	const size_t from = draw(m, other->len);
	const size_t at = WIRE_HEADER_LEN + draw(m, m->work.len - WIRE_HEADER_LEN + 1);

	if (at + other->len - from > DATAGRAM_MAX)
		return;
	memcpy(m->work.octets + at, other->octets + from, other->len - from);
	m->work.len = at + other->len - from;
}

static void set_opcode(struct mutate *m)
{
	static const uint8_t opcodes[] = {
		OPCODE_UPDATE, OPCODE_QUERY, OPCODE_NOTIFY, 1, 2, 6, 15};

	m->work.octets[2] = (uint8_t)((m->work.octets[2] & 0x87) |
		opcodes[draw(m, sizeof(opcodes))] << 3);
}

static void mutate_once(struct mutate *m)
{
	static void (*const mutations[])(struct mutate *) = {flip_bit, flip_bit,
		set_octet, set_octet, set_number, step_number, set_count, put_pointer,
		cut_off, take_out, append_random, repeat, splice, set_opcode};

	mutations[draw(m, sizeof(mutations) / sizeof(mutations[0]))](m);
}

/* ---- messages ---- */

static void drop_signature(struct mutate *m)
{
	struct wire_message walk;
	const struct verdict v = wire_walk(&walk, m->work.octets, m->work.len);

	if (!verdict_is_ok(&v) || !walk.tsig_at)
		return;
	m->work.len = walk.tsig_at;
	put_u16(m, 10, ((unsigned)m->work.octets[10] << 8 | m->work.octets[11]) - 1);
}

static void sign(struct mutate *m)
{
	const struct tsig_key *key = m->keys[draw(m, m->key_count)];
	struct tsig_context tsig;

	if (tsig_sign_request(&tsig, m->pool, key, m->work.octets, &m->work.len,
		    DATAGRAM_MAX, time(NULL)) == 0)
		m->signed_count++;
}

static void make_broken(struct mutate *m)
{
	const struct message *seed = m->seeds[draw(m, m->seed_count)];
	const bool is_signed_anew = draw(m, 2);

	memcpy(m->work.octets, seed->octets, seed->len);
	m->work.len = seed->len;
	put_u16(m, 0, (unsigned)draw(m, 65536));
	if (is_signed_anew)
		drop_signature(m);
	for (size_t left = draw(m, MUTATIONS_MAX); left; left--)
		mutate_once(m);
	if (is_signed_anew)
		sign(m);
	/* Now and then the signature does not fit, or the TSIG record itself is
	 * broken. */
	if (!is_signed_anew || draw(m, 16) == 0)
		mutate_once(m);
}

/* An update that adds an address to one of a few names. */
static void make_good(struct mutate *m, struct tsig_context *tsig)
{
	struct wire_writer w;

	wire_writer_init(&w, m->work.octets, WIRE_MESSAGE_MAX, NULL);
	wire_write_u16(&w, (uint16_t)draw(m, 65536));
	wire_write_u16(&w, OPCODE_UPDATE << 11);
	wire_write_u16(&w, 1);
	wire_write_u16(&w, 0);
	wire_write_u16(&w, 2);
	wire_write_u16(&w, 0);
	wire_write_name_plain(&w, m->zone);
	wire_write_u16(&w, TYPE_SOA);
	wire_write_u16(&w, CLASS_IN);
	for (int is_add = 0; is_add < 2; is_add++) {
		wire_write_octets(&w, "\5alive", 6);
		wire_write_u16(&w, 0xc000 | WIRE_HEADER_LEN);
		wire_write_u16(&w, TYPE_A);
		wire_write_u16(&w, is_add ? CLASS_IN : CLASS_ANY);
		wire_write_u32(&w, is_add ? 60 : 0);
		wire_write_u16(&w, is_add ? 4 : 0);
		if (is_add)
			wire_write_u32(&w, 0x0a000000 | (uint32_t)draw(m, 1 << 24));
	}
	m->work.len = w.at;
	if (tsig_sign_request(tsig, m->pool, m->keys[0], m->work.octets, &m->work.len,
		    WIRE_MESSAGE_MAX, time(NULL)))
		die("signing");
}

/* ---- sockets ---- */

static int connect_to(const struct mutate *m, int type)
{
	const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	const int on = 1, buffer = 4 << 20;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
		connect(fd, (const struct sockaddr *)&m->address, sizeof(m->address)))
		die("connect");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void disconnect(struct mutate *m, struct stream *s)
{
	const struct linger reset = {.l_onoff = 1};

	setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(s->fd);
	s->fd = -1;
	s->in_len = 0;
	m->reconnected++;
}

static void note_answer(struct mutate *m, const uint8_t *msg, size_t len)
{
	struct wire_message walk;
	const struct verdict v = wire_walk(&walk, msg, len);

	m->answered++;
	/* NOTIMP repeats the header, which need not be one of ours. */
	if ((!verdict_is_ok(&v) || !(walk.flags & WIRE_QR)) && m->unsound++ == 0)
		fprintf(stderr, "mutate: an answer of %zu octets: %s\n", len, v.why);
}

static void drain_udp(struct mutate *m)
{
	static uint8_t msg[WIRE_MESSAGE_MAX];
	ssize_t len;

	while ((len = recv(m->udp, msg, sizeof(msg), MSG_DONTWAIT)) > 0)
		note_answer(m, msg, (size_t)len);
}

/* The next whole answer is at s->in + 2; its length, 0: none is complete. */
static size_t whole_answer(const struct stream *s)
{
	const size_t len = s->in_len < 2 ? 0 : (size_t)s->in[0] << 8 | s->in[1];

	return s->in_len >= 2 + len ? len : 0;
}

static void drop_answer(struct stream *s, size_t len)
{
	s->in_len -= 2 + len;
	memmove(s->in, s->in + 2 + len, s->in_len);
}

/* False: the server has closed the connection. */
static bool receive(struct stream *s, int flags)
{
	const ssize_t got =
		recv(s->fd, s->in + s->in_len, sizeof(s->in) - s->in_len, flags);

	if (got > 0)
		s->in_len += (size_t)got;
	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static void drain_stream(struct mutate *m, struct stream *s)
{
	size_t before, len;

	if (s->fd < 0)
		return;
	do {
		before = s->in_len;
		if (!receive(s, MSG_DONTWAIT)) {
			disconnect(m, s);
			return;
		}
		while ((len = whole_answer(s))) {
			note_answer(m, s->in + 2, len);
			drop_answer(s, len);
		}
	} while (s->in_len > before);
}

static void drain(struct mutate *m)
{
	drain_udp(m);
	for (size_t i = 0; i < CONNECTIONS; i++)
		drain_stream(m, &m->streams[i]);
}

/* False: the server has closed it, as it may. */
static bool send_framed(struct mutate *m, struct stream *s, size_t said_len)
{
	const uint8_t prefix[2] = {(uint8_t)(said_len >> 8), (uint8_t)said_len};
	struct iovec iov[2] = {
		{(void *)(uintptr_t)prefix, 2}, {m->work.octets, m->work.len}};
	const struct msghdr header = {.msg_iov = iov, .msg_iovlen = 2};

	return sendmsg(s->fd, &header, MSG_NOSIGNAL) == (ssize_t)(2 + m->work.len);
}

static void send_broken_tcp(struct mutate *m)
{
	struct stream *s = &m->streams[draw(m, CONNECTIONS)];
	size_t said_len = m->work.len;

	if (s->fd < 0)
		s->fd = connect_to(m, SOCK_STREAM);
	if (draw(m, 64) == 0) /* then the rest of the stream is out of step, too */
		said_len = draw(m, 1024);
	drain_stream(m, s);
	if (s->fd >= 0 && !send_framed(m, s, said_len))
		disconnect(m, s);
	/* Or it disconnects while answers are outstanding. */
	if (s->fd >= 0 && draw(m, 128) == 0)
		disconnect(m, s);
	m->over_tcp++;
}

static void send_broken(struct mutate *m)
{
	make_broken(m);
	if (draw(m, 4) == 0)
		send_broken_tcp(m);
	else if (send(m->udp, m->work.octets, m->work.len, 0) < 0 &&
		errno == ECONNREFUSED)
		die("nobody listens any more");
	m->sent++;
	if (m->sent % DRAIN_EVERY == 0)
		drain(m);
}

/* ---- good messages ---- */

static bool is_good_answer(
	struct mutate *m, struct tsig_context *tsig, const uint8_t *msg, size_t len)
{
	struct wire_message walk;
	struct verdict v = wire_walk(&walk, msg, len);

	if (!verdict_is_ok(&v) || (walk.flags & 15) != RCODE_NOERROR)
		return false;
	v = tsig_verify_answer(tsig, m->pool, msg, &walk, time(NULL));
	return verdict_is_ok(&v);
}

static bool is_readable(int fd, int64_t end_ms)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};
	const int64_t left = end_ms - now_ms();

	return left > 0 && poll(&one, 1, (int)left) > 0;
}

/* Sends it again, as clients do, if a datagram gets lost in a queue of broken ones. */
static bool try_good_udp(struct mutate *m, struct tsig_context *tsig)
{
	static uint8_t msg[WIRE_MESSAGE_MAX];
	const int64_t end_ms = now_ms() + PATIENCE_MS;
	int fd = connect_to(m, SOCK_DGRAM);
	bool is_good = false;

	while (!is_good && now_ms() < end_ms) {
		int64_t retry_ms = now_ms() + PATIENCE_MS / 10;

		if (send(fd, m->work.octets, m->work.len, 0) < 0)
			break;
		while (!is_good && is_readable(fd, retry_ms)) {
			ssize_t len = recv(fd, msg, sizeof(msg), 0);

			if (len <= 0)
				break;
			is_good = is_good_answer(m, tsig, msg, (size_t)len);
			retry_ms = is_good ? retry_ms : end_ms;
		}
	}
	close(fd);
	return is_good;
}

static bool try_good_tcp(struct mutate *m, struct tsig_context *tsig)
{
	static struct stream s;
	const int64_t end_ms = now_ms() + PATIENCE_MS;
	size_t len = 0;

	s = (struct stream){.fd = connect_to(m, SOCK_STREAM)};
	if (send_framed(m, &s, m->work.len))
		while (!(len = whole_answer(&s)) && is_readable(s.fd, end_ms))
			if (!receive(&s, 0))
				break;
	close(s.fd);
	return len && is_good_answer(m, tsig, s.in + 2, len);
}

static bool is_alive(struct mutate *m)
{
	struct tsig_context tsig;

	make_good(m, &tsig);
	if (!try_good_udp(m, &tsig)) {
		fprintf(stderr, "mutate: after %llu messages: no good answer by UDP\n",
			(unsigned long long)m->sent);
		return false;
	}
	make_good(m, &tsig);
	if (!try_good_tcp(m, &tsig)) {
		fprintf(stderr, "mutate: after %llu messages: no good answer by TCP\n",
			(unsigned long long)m->sent);
		return false;
	}
	m->good += 2;
	drain(m);
	return true;
}

/* ---- the run ---- */

static bool take_key(const struct tsig_key *key, void *arg)
{
	struct mutate *m = arg;

	if (m->key_count < KEYS_MAX)
		m->keys[m->key_count++] = key;
	return true;
}

static void usage(void)
{
	fputs("usage: mutate [-a ADDRESS] -p PORT -k KEYFILE ... -z ZONE [-n COUNT]\n"
	      "              [-e EVERY] [-r SEED] PATH ...\n",
		stderr);
	exit(2);
}

static void read_keys(struct mutate *m, const char *path)
{
	struct keyring *ring = m->ring_count < FILES_MAX ? keyring_new() : NULL;
	char error[KEYFILE_ERROR_MAX];

	if (!ring || keyfile_load(ring, path, NULL, NULL, error)) {
		fprintf(stderr, "mutate: %s\n", ring ? error : "too many keys");
		exit(2);
	}
	m->rings[m->ring_count++] = ring;
	keyring_each(ring, take_key, m);
}

static void parse(struct mutate *m, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "a:p:k:z:n:e:r:")) != -1) {
		if (c == 'a' && !strncmp(optarg, "127.", 4))
			inet_pton(AF_INET, optarg, &m->address.sin_addr);
		else if (c == 'p')
			m->address.sin_port = htons((uint16_t)atoi(optarg));
		else if (c == 'k')
			read_keys(m, optarg);
		else if (c == 'z' &&
			!name_from_text(m->zone, optarg, (const uint8_t *)""))
			continue;
		else if (c == 'n')
			m->count = strtoull(optarg, NULL, 10);
		else if (c == 'e')
			m->every = strtoull(optarg, NULL, 10);
		else if (c == 'r')
			m->seed = strtoull(optarg, NULL, 10);
		else
			usage();
	}
	for (; optind < argc; optind++)
		read_seeds(m, argv[optind]);
	if (!m->key_count || !m->seed_count || !m->zone[0] || !m->every ||
		!m->address.sin_port)
		usage();
}

static int run(struct mutate *m)
{
	const int64_t begin_ms = now_ms();
	bool lives = is_alive(m);

	while (lives && m->sent < m->count) {
		send_broken(m);
		if (m->sent % m->every == 0 || m->sent == m->count)
			lives = is_alive(m);
	}
	printf("{\"seed\": %llu, \"seeds\": %zu, \"sent\": %llu, \"tcp\": %llu, "
	       "\"signed\": %llu, \"answered\": %llu, \"unsound\": %llu, "
	       "\"connections\": %llu, \"good\": %llu, \"alive\": %s, \"seconds\": "
	       "%.1f}\n",
		(unsigned long long)m->seed, m->seed_count, (unsigned long long)m->sent,
		(unsigned long long)m->over_tcp, (unsigned long long)m->signed_count,
		(unsigned long long)m->answered, (unsigned long long)m->unsound,
		(unsigned long long)m->reconnected, (unsigned long long)m->good,
		lives ? "true" : "false", (double)(now_ms() - begin_ms) / 1000);
	return lives && !m->unsound ? 0 : 1;
}

int main(int argc, char **argv)
{
	static struct mutate m = {
		.address = {.sin_family = AF_INET},
		.count = 20000,
		.every = 500,
		.seed = 1,
	};

	m.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	m.pool = hmac_pool_new();
	if (!m.pool)
		die("memory");
	parse(&m, argc, argv);
	m.random = m.seed * 0x9e3779b97f4a7c15ULL + 1;
	m.udp = connect_to(&m, SOCK_DGRAM);
	for (size_t i = 0; i < CONNECTIONS; i++)
		m.streams[i].fd = -1;
	return run(&m);
}
