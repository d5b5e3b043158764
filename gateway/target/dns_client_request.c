/*
 * What a channel to a DNS server sends (dns_client_private.h).
 */
#include "gateway/target/dns_client_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/util.h>

static bool has_id(const struct dns_client *client, uint16_t id)
{
	const struct exchange *x;

	TAILQ_FOREACH(x, &client->exchanges, entry) {
		if (x->id == id)
			return true;
	}
	return false;
}

uint16_t dns_client_choose_id(const struct dns_client *client)
{
	uint16_t id;

	do
		evutil_secure_rng_get_bytes(&id, sizeof(id));
	while (has_id(client, id));
	return id;
}

/* Length prefix, message with its id, and TSIG.  0 or -errno. */
static int build_request(struct exchange *x, uint8_t *buf, size_t *ret_len)
{
	const struct dns_client *client = x->client;
	const int64_t now = client->env->real_time();
	const struct tsig_key *key = tsig_key_choose(client->key, now);
	size_t len = x->request.len;
	int r;

	memcpy(buf + 2, x->octets, len);
	buf[2] = x->id >> 8;
	buf[3] = x->id & 0xff;
	if (key) {
		r = tsig_sign_request(&x->tsig, client->env->pool, key, buf + 2, &len,
			WIRE_MESSAGE_MAX, now);
		if (r < 0)
			return r;
	}
	buf[0] = len >> 8 & 0xff;
	buf[1] = len & 0xff;
	*ret_len = 2 + len;
	return 0;
}

/* What the socket takes at once is sent at once: otherwise it would wait until the loop
 * has come round, and cost three more system calls.  An error is found again there. */
static int send_octets(struct bufferevent *connection, const uint8_t *octets, size_t len)
{
	ssize_t sent = 0;

	if (!evbuffer_get_length(bufferevent_get_output(connection)))
		sent = send(bufferevent_getfd(connection), octets, len,
			MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		sent = 0;
	if ((size_t)sent == len)
		return 0;
	return bufferevent_write(connection, octets + sent, len - (size_t)sent);
}

int dns_client_write_request(struct exchange *x)
{
	const size_t cap = x->request.len + TSIG_RESERVE_MAX;
	uint8_t *buf = malloc(2 + (cap > WIRE_MESSAGE_MAX ? cap : WIRE_MESSAGE_MAX));
	size_t len = 0;
	int r;

	if (!buf)
		return -ENOMEM;
	r = build_request(x, buf, &len);
	if (!r && send_octets(x->client->connection, buf, len) < 0)
		r = -ENOMEM;
	free(buf);
	return r;
}
