/*
 * Sending NOTIFY (notify.h).  Each secondary has a connected UDP socket; answers are
 * matched by id.  An answer to an unsigned NOTIFY is not authenticated; a forged one
 * can only end the repeats, or make us sign a NOTIFY.
 *
 * A refusal is logged with its rcode when the rcode is new, and at the end of each
 * round without success.
 */
#include "gateway/delivery/notify.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/ip_address.h"
#include "gateway/base/log.h"
#include "tsig/tsig.h"

enum {
	MESSAGE_MAX = WIRE_HEADER_LEN + NAME_MAX_LEN + 4 + TSIG_RESERVE_MAX,
	ANSWER_MAX = 4096, /* octets: more than a question, OPT and TSIG take */
	NO_RCODE = 0xffff, /* a value that no answer can have */
};

/* How a NOTIFY is signed. */
struct notify_signing {
	bool is_signed;
	uint8_t key[NAME_MAX_LEN]; /* name */
};

struct notify_peer {
	struct notify *notify;
	struct config_secondary secondary;
	struct config_address source; /* to bind to; len 0: none */
	int socket;
	bool is_bound;
	struct event *readable;
	struct alarm alarm;
	uint16_t id;
	unsigned tries; /* in the current round; 0: no round */
	unsigned timeout_ms;
	struct notify_signing signing; /* of the next message */
	struct tsig_context tsig;      /* of the last one, if it was signed */
	struct notify_signing learned; /* is_signed: it was used to transfer the zone */
	/* What remains to be tried after a refusal; searched for once per round. */
	struct notify_signing others[NOTIFY_KEYS_MAX + 1];
	size_t other_count, other_at;
	bool has_searched;
	uint16_t refused; /* the rcode that was logged; NO_RCODE: none */
};

struct notify {
	struct target_env env;
	struct config *config; /* counted */
	const struct config_zone *zone;
	struct notify_peer *peers;
	size_t count;
};

/* ---- keys ---- */

static bool is_same_signing(
	const struct notify_signing *a, const struct notify_signing *b)
{
	return a->is_signed == b->is_signed &&
		(!a->is_signed || name_is_equal(a->key, b->key));
}

static void add_other(struct notify_peer *peer, const struct notify_signing *signing)
{
	const size_t max = sizeof(peer->others) / sizeof(peer->others[0]);

	if (is_same_signing(signing, &peer->signing) || peer->other_count == max)
		return;
	for (size_t i = 0; i < peer->other_count; i++)
		if (is_same_signing(signing, &peer->others[i]))
			return;
	peer->others[peer->other_count++] = *signing;
}

static struct notify_signing signing_with(const uint8_t *key)
{
	struct notify_signing signing = {.is_signed = key != NULL};

	if (key)
		memcpy(signing.key, key, name_len(key));
	return signing;
}

struct key_search {
	struct notify_peer *peer;
	struct policy_subject subject;
	unsigned looked_at;
};

/* Might the secondary transfer the zone with it? */
static bool search_key(const struct tsig_key *key, void *arg)
{
	struct key_search *search = arg;
	const struct notify_signing signing = signing_with(key->name);

	search->subject.key = key->name;
	if (policy_allows_transfer(&search->peer->notify->zone->policy, &search->subject))
		add_other(search->peer, &signing);
	return ++search->looked_at < NOTIFY_KEYS_LOOKED_AT &&
		search->peer->other_count < NOTIFY_KEYS_MAX;
}

static void search_others(struct notify_peer *peer)
{
	const struct notify_signing unsigned_one = {.is_signed = false};
	struct key_search search = {
		.peer = peer,
		.subject = {.source = ip_address_of(&peer->secondary.address.storage),
			.transport = POLICY_UDP | POLICY_TCP},
	};

	peer->has_searched = true;
	if (peer->secondary.key)
		return; /* the configuration decides */
	add_other(peer, &unsigned_one);
	if (peer->learned.is_signed)
		add_other(peer, &peer->learned);
	keyring_each(peer->notify->config->keys, search_key, &search);
}

/* ---- sending ---- */

/* Octets; 0: it could not be signed. */
static size_t compose(struct notify_peer *peer, uint8_t msg[MESSAGE_MAX])
{
	const int64_t now = peer->notify->env.real_time();
	const struct tsig_key *key = NULL;
	struct wire_writer w;
	size_t len;

	if (peer->signing.is_signed) /* NULL: the key is gone */
		key = tsig_key_choose(
			keyring_find(peer->notify->config->keys, peer->signing.key), now);
	wire_writer_init(&w, msg, MESSAGE_MAX, NULL);
	wire_write_u16(&w, peer->id);
	wire_write_u16(&w, OPCODE_NOTIFY << 11 | WIRE_AA); /* RFC 1996 3.3 */
	wire_write_u16(&w, 1);
	wire_write_u16(&w, 0);
	wire_write_u16(&w, 0);
	wire_write_u16(&w, 0);
	wire_write_name_plain(&w, peer->notify->zone->name);
	wire_write_u16(&w, TYPE_SOA);
	wire_write_u16(&w, CLASS_IN);
	len = w.at;
	peer->tsig.is_signed = false;
	if (key &&
		tsig_sign_request(&peer->tsig, peer->notify->env.pool, key, msg, &len,
			MESSAGE_MAX, now) < 0)
		return 0;
	peer->tsig.is_signed = key != NULL;
	return len;
}

static int bind_source(struct notify_peer *peer)
{
	const char *text = peer->source.text;

	if (peer->is_bound || !peer->source.len)
		return 0;
	if (bind(peer->socket, (const struct sockaddr *)&peer->source.storage,
		    peer->source.len)) {
		log_warning("zone %s: NOTIFY to %s cannot be sent from %.*s: %s",
			peer->notify->zone->text, peer->secondary.address.text,
			(int)strcspn(text, "#"), text, strerror(errno));
		return -errno;
	}
	peer->is_bound = true;
	return 0;
}

static void send_one(struct notify_peer *peer)
{
	uint8_t msg[MESSAGE_MAX];
	const size_t len = compose(peer, msg);

	/* What cannot be sent now is sent at the next try.  Connecting again each time
	 * follows changes of routes; before the first time, nobody can send to the
	 * socket. */
	if (len && !bind_source(peer) &&
		!connect(peer->socket,
			(const struct sockaddr *)&peer->secondary.address.storage,
			peer->secondary.address.len))
		(void)send(peer->socket, msg, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void on_alarm(void *arg)
{
	struct notify_peer *peer = arg;
	char name[VERDICT_NAME_MAX];

	if (peer->tries == NOTIFY_TRIES) {
		log_warning("zone %s: NOTIFY to %s: %s, given up after %d tries",
			peer->notify->zone->text, peer->secondary.address.text,
			peer->refused == NO_RCODE
				? "no answer"
				: verdict_rcode_name(peer->refused, name),
			NOTIFY_TRIES);
		peer->tries = 0;
		return;
	}
	peer->tries++;
	send_one(peer);
	alarm_set_in(&peer->alarm, peer->timeout_ms);
	peer->timeout_ms *= 2;
}

/* ---- answers ---- */

/* "signed with key upd.", "unsigned" */
static const char *describe_signing(
	const struct notify_peer *peer, char buf[NAME_TEXT_MAX + 32])
{
	char name[NAME_TEXT_MAX];

	if (!peer->tsig.is_signed)
		return "unsigned";
	snprintf(buf, NAME_TEXT_MAX + 32, "signed with key %s",
		name_to_text(peer->tsig.key->name, name));
	return buf;
}

static void finish_round(struct notify_peer *peer)
{
	char buf[NAME_TEXT_MAX + 32];

	if (peer->refused != NO_RCODE)
		log_info("zone %s: %s accepts NOTIFY %s", peer->notify->zone->text,
			peer->secondary.address.text, describe_signing(peer, buf));
	peer->refused = NO_RCODE;
	peer->tries = 0;
	alarm_stop(&peer->alarm);
}

/* Another signature is tried at once; otherwise the alarm repeats it. */
static void handle_refusal(struct notify_peer *peer, uint16_t rcode, const char *why)
{
	char buf[NAME_TEXT_MAX + 32], name[VERDICT_NAME_MAX];

	if (peer->refused != rcode)
		log_warning("zone %s: NOTIFY to %s, %s, was answered with %s%s%s",
			peer->notify->zone->text, peer->secondary.address.text,
			describe_signing(peer, buf), verdict_rcode_name(rcode, name),
			why[0] ? ": " : "", why);
	peer->refused = rcode;
	if (!peer->has_searched)
		search_others(peer);
	if (peer->other_at == peer->other_count)
		return;
	peer->signing = peer->others[peer->other_at++];
	peer->id++; /* answers to what was sent before no longer count */
	send_one(peer);
}

static void handle_answer(struct notify_peer *peer, const uint8_t *msg, size_t len)
{
	struct wire_message m;
	struct verdict v = wire_walk(&m, msg, len);
	uint16_t rcode;

	if (!verdict_is_ok(&v) || m.id != peer->id || !(m.flags & WIRE_QR) ||
		m.opcode != OPCODE_NOTIFY)
		return;
	rcode = m.flags & 15;
	if (rcode == RCODE_NOERROR && (!peer->tsig.is_signed || !m.tsig_at)) {
		finish_round(peer); /* forged or not: see above */
		return;
	}
	if (peer->tsig.is_signed && m.tsig_at)
		v = tsig_verify_answer(&peer->tsig, peer->notify->env.pool, msg, &m,
			peer->notify->env.real_time());
	if (rcode == RCODE_NOERROR && verdict_is_ok(&v))
		finish_round(peer);
	else
		handle_refusal(peer, rcode == RCODE_NOERROR ? v.rcode : rcode,
			verdict_is_ok(&v) ? "" : v.why);
}

static void on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct notify_peer *peer = arg;
	uint8_t msg[ANSWER_MAX];
	ssize_t len;

	(void)events;
	/* The socket is connected: only the secondary's datagrams arrive. */
	while ((len = recv(fd, msg, sizeof(msg), MSG_DONTWAIT)) >= 0)
		if (peer->tries > 0)
			handle_answer(peer, msg, (size_t)len);
}

/* ---- where it comes from ---- */

static bool is_same_ip(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct ip_address one = ip_address_of(a), other = ip_address_of(b);

	return !memcmp(&one, &other, sizeof(one));
}

static bool is_any(const struct config_address *address)
{
	static const struct sockaddr_in any4 = {.sin_family = AF_INET};
	static const struct sockaddr_in6 any6 = {.sin6_family = AF_INET6};
	struct sockaddr_storage any = {0};

	if (address->storage.ss_family == AF_INET)
		memcpy(&any, &any4, sizeof(any4));
	else
		memcpy(&any, &any6, sizeof(any6));
	return is_same_ip(&address->storage, &any);
}

/* The address that the system would send from; false: there is no route now. */
static bool find_usual_source(
	const struct config_address *to, struct sockaddr_storage *ret)
{
	socklen_t len = sizeof(*ret);
	const int fd = socket(to->storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const bool is_found = fd >= 0 &&
		!connect(fd, (const struct sockaddr *)&to->storage, to->len) &&
		!getsockname(fd, (struct sockaddr *)ret, &len);

	if (fd >= 0)
		close(fd);
	return is_found;
}

/* The listening address that the system would send from, or else the first of the
 * family; none if the gateway listens on all addresses. */
static struct config_address choose_source(
	const struct config *config, const struct config_address *to)
{
	const struct config_address *first = NULL;
	struct config_address chosen = {.len = 0};
	struct sockaddr_storage usual;
	const bool has_usual = find_usual_source(to, &usual);

	for (size_t i = 0; i < config->listen_count; i++) {
		const struct config_address *address = &config->listen[i];

		if (address->storage.ss_family != to->storage.ss_family)
			continue;
		if (is_any(address) ||
			(has_usual && is_same_ip(&address->storage, &usual)))
			return chosen;
		if (!first)
			first = address;
	}
	if (first)
		chosen = *first;
	/* Any port, since the listener has its own. */
	((struct sockaddr_in *)(void *)&chosen.storage)->sin_port = 0;
	return chosen;
}

/* ---- life ---- */

static int open_peer(struct notify_peer *peer, struct event_base *base)
{
	peer->socket = socket(peer->secondary.address.storage.ss_family,
		SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (peer->socket < 0)
		return -errno;
	peer->readable =
		event_new(base, peer->socket, EV_READ | EV_PERSIST, on_readable, peer);
	return peer->readable && !event_add(peer->readable, NULL) ? 0 : -ENOMEM;
}

/* What is already known about the secondary. */
static void inherit(struct notify_peer *peer, const struct notify *old)
{
	for (size_t i = 0; old && i < old->count; i++) {
		const struct notify_peer *before = &old->peers[i];

		if (strcmp(before->secondary.address.text,
			    peer->secondary.address.text) != 0)
			continue;
		peer->learned = before->learned;
		peer->refused = before->refused;
		if (!peer->secondary.key && !before->secondary.key)
			peer->signing = before->signing;
	}
}

static int start_peer(struct notify *notify, struct notify_peer *peer,
	const struct config_secondary *secondary, const struct notify *old)
{
	*peer = (struct notify_peer){
		.notify = notify,
		.secondary = *secondary,
		.source = secondary->source.len
			? secondary->source
			: choose_source(notify->config, &secondary->address),
		.signing = signing_with(secondary->key ? secondary->key->name : NULL),
		.socket = -1,
		.refused = NO_RCODE,
	};
	alarm_init(&peer->alarm, notify->env.alarms, on_alarm, peer);
	inherit(peer, old);
	return open_peer(peer, notify->env.base);
}

struct notify *notify_new(const struct target_env *env, struct config *config,
	const struct config_zone *zone, const struct notify *old)
{
	const struct config_target *target = &zone->targets[0];
	struct notify *notify = calloc(1, sizeof(*notify));

	if (!notify)
		return NULL;
	notify->env = *env;
	notify->config = config_ref(config);
	notify->zone = zone;
	notify->peers = calloc(target->notify_count, sizeof(*notify->peers));
	for (size_t i = 0; notify->peers && i < target->notify_count; i++) {
		notify->count++;
		if (start_peer(notify, &notify->peers[i], &target->notify[i], old)) {
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
		alarm_stop(&peer->alarm);
		if (peer->socket >= 0)
			close(peer->socket);
	}
	free(notify->peers);
	config_unref(notify->config);
	free(notify);
}

void notify_send(struct notify *notify)
{
	for (size_t i = 0; notify && i < notify->count; i++) {
		struct notify_peer *peer = &notify->peers[i];

		/* A round that has not sent anything yet covers this change too. */
		if (peer->tries == 0 && alarm_is_set(&peer->alarm))
			continue;
		peer->tries = 0;
		peer->id++;
		peer->timeout_ms = NOTIFY_TIMEOUT_MS;
		peer->other_count = peer->other_at = 0;
		peer->has_searched = false;
		alarm_set_in(&peer->alarm, NOTIFY_PAUSE_MS);
	}
}

void notify_learn(
	struct notify *notify, const struct ip_address *source, const uint8_t *key)
{
	for (size_t i = 0; notify && i < notify->count; i++) {
		struct notify_peer *peer = &notify->peers[i];
		const struct ip_address address =
			ip_address_of(&peer->secondary.address.storage);

		if (!memcmp(&address, source, sizeof(address)))
			peer->learned = signing_with(key);
	}
}
