/*
 * Requests: construction, destruction, state, and their descriptions for journal and
 * logs.
 */
#include "gateway/request/request.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/journal/refusals.h"

/* Ids start at the time of the start, so that they differ between runs of the program. */
static uint64_t next_id(void)
{
	static atomic_uint_fast64_t last;
	uint64_t none = 0;

	if (atomic_load(&last) == 0)
		atomic_compare_exchange_strong(
			&last, &none, (uint64_t)clock_real_ms() << 12);
	return atomic_fetch_add(&last, 1) + 1;
}

void request_init(struct request *request, struct config *config)
{
	request->state = REQUEST_RECEIVED;
	request->id = next_id();
	request->received_ms = clock_monotonic_ms();
	request->real_s = clock_real_ms() / 1000;
	request->config = config_ref(config);
	request->verdict = verdict_ok();
}

void request_clear(struct request *request)
{
	update_free(request->update);
	config_unref(request->config);
}

/* ---- state ---- */

static bool may_follow(enum request_state from, enum request_state to)
{
	switch (from) {
	case REQUEST_RECEIVED:
		return to == REQUEST_JUDGED;
	case REQUEST_JUDGED:
		return to > REQUEST_JUDGED;
	case REQUEST_COMMITTING:
		return to == REQUEST_DELIVERING || to == REQUEST_JUDGED ||
			to == REQUEST_ANSWERED;
	case REQUEST_DELIVERING:
		return to == REQUEST_COMMITTING || to == REQUEST_JUDGED ||
			to == REQUEST_ANSWERED;
	case REQUEST_JOINED:
		return to == REQUEST_ANSWERED;
	case REQUEST_ANSWERED: /* it belongs to its receiver */
		return false;
	}
	return false;
}

static const char *state_to_text(enum request_state state)
{
	static const char *const texts[] = {
		[REQUEST_RECEIVED] = "received",
		[REQUEST_JUDGED] = "judged",
		[REQUEST_COMMITTING] = "committing",
		[REQUEST_DELIVERING] = "delivering",
		[REQUEST_JOINED] = "joined",
		[REQUEST_ANSWERED] = "answered",
	};

	return texts[state];
}

bool request_set_state(struct request *request, enum request_state state)
{
	if (!may_follow(request->state, state)) {
		log_error("request %llx cannot be %s: it is %s",
			(unsigned long long)request->id, state_to_text(state),
			state_to_text(request->state));
		return false;
	}
	request->state = state;
	return true;
}

/* ---- what the journal stores ---- */

_Static_assert((int)SIGNER_FINGERPRINT_LEN == (int)STORE_MAC_LEN,
	"the memory of requests is settled by what the journal has");

struct journal_request request_for_journal(const struct request *request)
{
	const struct policy_subject *subject = &request->subject;
	struct journal_request row = {
		.id = request->id,
		.source = subject->source,
		.port = request->port,
		.is_tcp = subject->transport == POLICY_TCP,
		.key = subject->key,
		.update = request->update,
	};

	if (subject->key && request->signer->kind->is_repeatable) {
		row.mac = request->signer->fingerprint;
		row.time_signed = request->signer->time_s;
	}
	if (request->describe)
		request->describe(request, &row);
	return row;
}

/* ---- what logs say ---- */

/* "192.0.2.1#5353/udp" */
static void peer_to_text(const struct request *request, char buf[REFUSAL_PEER_MAX])
{
	const struct policy_subject *subject = &request->subject;
	const int family = subject->source.family == 4 ? AF_INET : AF_INET6;
	char host[INET6_ADDRSTRLEN] = "?";

	inet_ntop(family, subject->source.octets, host, sizeof(host));
	snprintf(buf, REFUSAL_PEER_MAX, "%s#%u/%s", host, request->port,
		subject->transport == POLICY_TCP ? "tcp" : "udp");
}

static const char *kind_to_text(enum request_kind kind)
{
	switch (kind) {
	case REQUEST_UPDATE:
		return "update";
	case REQUEST_QUERY:
		return "query";
	default:
		return "request";
	}
}

/* For people who ask later why it was refused. */
static void note_refusal(
	const struct request *request, const char *peer, const char *text)
{
	struct refusal refusal = {
		.id = request->id,
		.at_ms = clock_real_ms(),
		.is_known = request->subject.key != NULL,
		.has_key = request->signer != NULL,
		.has_zone = request->zone != NULL,
	};
	char name[VERDICT_NAME_MAX];

	if (refusal.has_key)
		memcpy(refusal.key, request->signer->name,
			name_len(request->signer->name));
	if (refusal.has_zone)
		memcpy(refusal.zone, request->zone->name, name_len(request->zone->name));
	snprintf(refusal.peer, sizeof(refusal.peer), "%s", peer);
	snprintf(refusal.answer, sizeof(refusal.answer), "%s",
		verdict_name(&request->verdict, name));
	snprintf(refusal.why, sizeof(refusal.why), "%s", request->verdict.why);
	snprintf(refusal.request, sizeof(refusal.request), "%.*s",
		REFUSAL_REQUEST_MAX - 1, text);
	refusals_note(request->refusals, &refusal);
}

void request_log_refusal(const struct request *request)
{
	char peer[REFUSAL_PEER_MAX], key[NAME_TEXT_MAX] = "none";
	char name[VERDICT_NAME_MAX], text[UPDATE_TEXT_MAX] = "";
	/* Not received_ms: a request that waited long would begin a second of its own. */
	const int64_t now_ms = clock_monotonic_ms();
	const enum log_kind kind = request->subject.key ? LOG_REFUSAL : LOG_STRANGER;
	bool is_logged;

	peer_to_text(request, peer);
	if (request->signer)
		name_to_text(request->signer->name, key);
	if (request->update)
		update_to_text(request->update, text);
	is_logged =
		log_limited(kind, now_ms, "%s %llx from %s key %s zone %s: %s: %s%s%s",
			kind_to_text(request->kind), (unsigned long long)request->id,
			peer, key, request->zone ? request->zone->text : "none",
			verdict_name(&request->verdict, name), request->verdict.why,
			text[0] ? ": " : "", text);
	if (is_logged && request->refusals)
		note_refusal(request, peer, text);
}
