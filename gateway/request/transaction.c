/*
 * Transactions: construction, destruction, state, and how logs speak of them.
 */
#include "gateway/request/transaction.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/clock.h"
#include "gateway/base/ip_address.h"
#include "gateway/base/log.h"
#include "gateway/journal/refusals.h"

/* Ids go on from the start time, so that they differ between runs of the program. */
static uint64_t next_id(void)
{
	static atomic_uint_fast64_t last;
	uint64_t none = 0;

	if (atomic_load(&last) == 0)
		atomic_compare_exchange_strong(
			&last, &none, (uint64_t)clock_real_ms() << 12);
	return atomic_fetch_add(&last, 1) + 1;
}

struct transaction *transaction_new(struct config *config,
	const struct transaction_peer *peer, const uint8_t *msg, size_t len)
{
	struct transaction *t = malloc(sizeof(*t) + len);

	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->state = TRANSACTION_RECEIVED;
	t->id = next_id();
	t->received_ms = clock_monotonic_ms();
	t->real_s = clock_real_ms() / 1000;
	t->config = config_ref(config);
	t->peer = *peer;
	t->subject.source = ip_address_of(&peer->address);
	t->subject.transport = peer->connection ? POLICY_TCP : POLICY_UDP;
	t->verdict = verdict_ok();
	t->len = len;
	memcpy(t->msg, msg, len);
	return t;
}

void transaction_free(struct transaction *t)
{
	if (!t)
		return;
	update_free(t->update);
	transfer_unref(t->transfer);
	free(t->answer);
	config_unref(t->config);
	free(t);
}

void transaction_set_state(struct transaction *t, enum transaction_state state)
{
	t->state = state;
}

static unsigned port_of(const struct transaction *t)
{
	const struct sockaddr_in *in = (const void *)&t->peer.address;
	const struct sockaddr_in6 *in6 = (const void *)&t->peer.address;

	return ntohs(
		t->peer.address.ss_family == AF_INET ? in->sin_port : in6->sin6_port);
}

void transaction_peer_text(const struct transaction *t, char buf[TRANSACTION_PEER_MAX])
{
	char host[INET6_ADDRSTRLEN] = "?";
	const int family = t->subject.source.family == 4 ? AF_INET : AF_INET6;

	inet_ntop(family, t->subject.source.octets, host, sizeof(host));
	snprintf(buf, TRANSACTION_PEER_MAX, "%s#%u/%s", host, port_of(t),
		transaction_is_tcp(t) ? "tcp" : "udp");
}

_Static_assert((int)SIGNER_FINGERPRINT_LEN == (int)STORE_MAC_LEN,
	"the memory of requests is settled by what the journal has");

struct journal_request transaction_journal_request(const struct transaction *t)
{
	struct journal_request request = {
		.id = t->id,
		.source = t->subject.source,
		.port = (uint16_t)port_of(t),
		.is_tcp = transaction_is_tcp(t),
		.update = t->update,
		.octets = t->msg,
		.octets_len = t->walk.section_at[3],
	};

	if (t->subject.key)
		request.key = t->subject.key;
	if (t->subject.key && t->signer->kind->is_repeatable) {
		request.mac = t->signer->fingerprint;
		request.time_signed = t->signer->time_s;
	}
	return request;
}

/* For whoever asks what it was about. */
static void note_refusal(
	const struct transaction *t, const char *peer, const char *request)
{
	struct refusal refusal = {
		.id = t->id,
		.at_ms = clock_real_ms(),
		.is_known = t->subject.key != NULL,
		.has_key = t->signer != NULL,
		.has_zone = t->zone != NULL,
	};
	char name[VERDICT_NAME_MAX];

	if (refusal.has_key)
		memcpy(refusal.key, t->signer->name, name_len(t->signer->name));
	if (refusal.has_zone)
		memcpy(refusal.zone, t->zone->name, name_len(t->zone->name));
	snprintf(refusal.peer, sizeof(refusal.peer), "%s", peer);
	snprintf(refusal.answer, sizeof(refusal.answer), "%s",
		verdict_name(&t->verdict, name));
	snprintf(refusal.why, sizeof(refusal.why), "%s", t->verdict.why);
	snprintf(refusal.request, sizeof(refusal.request), "%.*s",
		REFUSAL_REQUEST_MAX - 1, request);
	refusals_note(t->peer.refusals, &refusal);
}

void transaction_log_refusal(const struct transaction *t)
{
	char peer[TRANSACTION_PEER_MAX], key[NAME_TEXT_MAX] = "none";
	char name[VERDICT_NAME_MAX], request[UPDATE_TEXT_MAX] = "";
	/* Not received_ms: what waited long would begin a second of its own. */
	const int64_t now_ms = clock_monotonic_ms();
	const char *what = "request";
	bool is_logged;

	transaction_peer_text(t, peer);
	if (t->signer)
		name_to_text(t->signer->name, key);
	if (t->walk.opcode == OPCODE_UPDATE)
		what = "update";
	else if (t->walk.opcode == OPCODE_QUERY)
		what = "query";
	if (t->update)
		update_to_text(t->update, request);
	if (!t->subject.key) {
		is_logged = log_stranger(now_ms,
			"%s %llx from %s key %s zone %s: %s: %s%s%s", what,
			(unsigned long long)t->id, peer, key,
			t->zone ? t->zone->text : "none", verdict_name(&t->verdict, name),
			t->verdict.why, request[0] ? ": " : "", request);
	} else {
		is_logged = log_refusal(now_ms,
			"%s %llx from %s key %s zone %s: %s: %s%s%s", what,
			(unsigned long long)t->id, peer, key,
			t->zone ? t->zone->text : "none", verdict_name(&t->verdict, name),
			t->verdict.why, request[0] ? ": " : "", request);
	}
	if (is_logged && t->peer.refusals)
		note_refusal(t, peer, request);
}
