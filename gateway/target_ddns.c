/*
 * The ddns target: any server that takes RFC 2136 updates and gives zone transfers.
 *
 * What the target remembers between operations are three SOAs:
 *
 *   believed   what the zone has there.  Each UPDATE carries it as its prerequisite:
 *              changes behind our back make it fail instead of being overwritten.
 *   intended   what the last UPDATE whose outcome is not known would have made of it.
 *   mirrored   the one that the caller's mirror is a copy of; IXFR starts from it.
 *
 * An UPDATE whose outcome is not known is found out about by its serial, and then, since
 * somebody else may have taken the same serial, by an UPDATE that consists of
 * prerequisites only: is everything there that was to be there?
 *
 * One exchange at a time, over one connection (dns_client.h); one UPDATE is one message,
 * so that 65535 octets are the limit of a batch.
 */
#include "gateway/target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/target_ddns_private.h"

enum {
	BATCH_CHANGES = 300, /* RRsets: some 30 KiB, half of what fits a message */
	QUERY_MAX = 2048,    /* octets: two names and one SOA at their longest */
};

struct ddns_target {
	struct target_base base;
	uint8_t zone[NAME_MAX_LEN];
	char who[64]; /* "192.0.2.53#53" */
	struct dns_client *client;
	struct event *later; /* tells the caller, never from within the caller's call */
	struct rrset *believed, *intended, *mirrored; /* NULL: not known */
	bool is_soa_blind; /* the server can not compare its SOA with a prerequisite */

	/* the operation under way */
	target_done *done;     /* probe, deliver */
	target_loaded *loaded; /* load */
	void *arg;
	const struct changeset *changes; /* deliver; borrowed */
	bool is_uncertain;      /* deliver: an earlier try may have been applied */
	bool was_lost;          /* deliver: this one's UPDATE got no answer, asked once */
	struct rrset *seen;     /* the SOA found there */
	struct verdict refusal; /* what the server said to the batch */
	struct ddns_transfer *transfer;
	bool is_incremental;
	enum ddns_transfer_state transfer_state;
	uint16_t rcode; /* of a transfer's message, with its text */
	char rcode_text[DDNS_RCODE_TEXT_MAX];
	struct target_content content; /* what later tells */
};

static struct ddns_target *ddns_of(struct target *target)
{
	return (struct ddns_target *)(void *)target;
}

/* Puts a new reference in the place of an old one. */
static void remember(struct rrset **place, struct rrset *set)
{
	rrset_ref(set);
	rrset_unref(*place);
	*place = set;
}

static uint32_t serial_of(const struct rrset *soa)
{
	size_t at = 0;
	uint16_t len;
	const uint8_t *rdata = rrset_next(soa, &at, &len);

	return soa_serial(rdata, len);
}

/* ---- the end of an operation ---- */

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct ddns_target *t = arg;
	struct target_content content = t->content;
	struct rrset *soa =
		rrset_ref(t->seen); /* outlives a target freed by its caller */
	target_done *done = t->done;
	target_loaded *loaded = t->loaded;
	void *caller = t->arg;

	(void)fd;
	(void)what;
	remember(&t->seen, NULL);
	t->content = (struct target_content){0};
	t->done = NULL;
	t->loaded = NULL;
	t->changes = NULL;
	if (loaded)
		loaded(caller, &content);
	else
		done(caller, &content.result);
	rrset_unref(soa);
}

/* t->seen goes along, if it is known. */
static void complete(
	struct ddns_target *t, enum target_outcome outcome, const struct verdict *why)
{
	t->content.result = (struct target_result){
		.outcome = outcome,
		.verdict = why ? *why : verdict_ok(),
		.soa = t->seen,
	};
	ddns_transfer_free(t->transfer);
	t->transfer = NULL;
	event_active(t->later, EV_TIMEOUT, 1);
}

static void complete_no_memory(struct ddns_target *t)
{
	const struct verdict why =
		verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "no memory for %s", t->who);

	complete(t, TARGET_FAILED, &why);
}

/* Nothing of the batch is there, and the zone is not what we took it for. */
static void complete_changed(struct ddns_target *t)
{
	struct verdict why;

	if (t->believed && t->seen)
		why = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
			"the zone at %s has serial %u, not %u", t->who,
			serial_of(t->seen), serial_of(t->believed));
	else
		why = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_READY,
			"the zone at %s was changed by somebody else", t->who);
	remember(&t->believed, NULL);
	remember(&t->intended, NULL);
	complete(t, TARGET_CHANGED, &why);
}

/* The batch has made soa of the zone. */
static void complete_delivered(struct ddns_target *t, struct rrset *soa)
{
	/* The mirror has the batch already: it stays a copy if it was one before. */
	const bool is_mirrored = t->mirrored && t->believed &&
		rrset_has_same_data(t->mirrored, t->believed);

	remember(&t->seen, soa);
	remember(&t->mirrored, is_mirrored ? soa : NULL);
	remember(&t->believed, soa);
	remember(&t->intended, NULL);
	complete(t, TARGET_DONE, NULL);
}

/* ---- asking ---- */

static void ask(struct ddns_target *t, const uint8_t *octets, int len, bool is_repeatable,
	dns_client_message *message, dns_client_done *done)
{
	const struct dns_client_request request = {
		.octets = octets,
		.len = (size_t)len,
		.is_repeatable = is_repeatable,
		.message = message,
		.done = done,
		.arg = t,
	};

	dns_client_ask(t->client, &request);
}

static void ask_query(struct ddns_target *t, uint16_t type, const struct rrset *soa,
	dns_client_message *message, dns_client_done *done)
{
	uint8_t buf[QUERY_MAX];
	const int len = ddns_compose_query(buf, sizeof(buf), t->zone, type, soa);

	if (len < 0)
		complete_no_memory(t);
	else
		ask(t, buf, len, true, message, done);
}

/* What the server said instead of what was asked for. */
static struct verdict explain_rcode(const struct ddns_target *t,
	const struct dns_client_result *result, const char *what)
{
	char text[DDNS_RCODE_TEXT_MAX];

	return verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR, "%s answered %s with %s",
		t->who, what, ddns_rcode_to_text(result->msg, result->m, text));
}

/* The answer to a SOA query into t->seen.  Otherwise completes the operation: false. */
static bool take_soa(struct ddns_target *t, const struct dns_client_result *result)
{
	struct verdict why = result->why;
	struct rrset *soa;

	if (result->status != DNS_CLIENT_ANSWERED) {
		complete(t, TARGET_FAILED, &why);
		return false;
	}
	if (ddns_read_rcode(result->msg, result->m) != RCODE_NOERROR) {
		why = explain_rcode(t, result, "a query for the SOA");
		complete(t, TARGET_FAILED, &why);
		return false;
	}
	soa = ddns_read_soa(result->msg, result->m, t->zone);
	/* A cache would show us the past. */
	if (!soa || !(result->m->flags & WIRE_AA)) {
		why = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_AUTHORITATIVE,
			"%s is not authoritative for the zone", t->who);
		rrset_unref(soa);
		complete(t, TARGET_FAILED, &why);
		return false;
	}
	rrset_unref(t->seen);
	t->seen = soa;
	return true;
}

/* ---- probe ---- */

static void on_probe(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;

	if (!take_soa(t, result))
		return;
	/* A newer SOA is news for the caller, nothing that we should get used to. */
	if (!t->believed)
		remember(&t->believed, t->seen);
	complete(t, TARGET_DONE, NULL);
}

static void ddns_probe(struct target *target, target_done *done, void *arg)
{
	struct ddns_target *t = ddns_of(target);

	t->done = done;
	t->arg = arg;
	ask_query(t, TYPE_SOA, NULL, NULL, on_probe);
}

/* ---- load ---- */

static void start_transfer(struct ddns_target *t, struct rrset *since);

static enum dns_client_next on_transfer_message(
	void *arg, const uint8_t *msg, const struct wire_message *m)
{
	struct ddns_target *t = arg;

	t->rcode = ddns_read_rcode(msg, m);
	if (t->rcode != RCODE_NOERROR) {
		ddns_rcode_to_text(msg, m, t->rcode_text);
		return DNS_CLIENT_LAST;
	}
	t->transfer_state = ddns_transfer_read(t->transfer, msg, m);
	switch (t->transfer_state) {
	case DDNS_TRANSFER_END:
		return DNS_CLIENT_LAST;
	case DDNS_TRANSFER_USELESS:
	case DDNS_TRANSFER_BROKEN:
		return DNS_CLIENT_STOP;
	default:
		return DNS_CLIENT_MORE;
	}
}

/* Does the failure of an incremental transfer say nothing about a whole one?  RFC 1995 5
 * leaves it to the server whether it knows IXFR, and some just hang up. */
static bool is_whole_zone_worth_asking(
	const struct ddns_target *t, const struct dns_client_result *result)
{
	if (!t->is_incremental)
		return false;
	if (t->transfer_state == DDNS_TRANSFER_USELESS ||
		result->status == DNS_CLIENT_LOST)
		return true;
	return result->status == DNS_CLIENT_ANSWERED &&
		(t->rcode == RCODE_NOTIMP || t->rcode == RCODE_FORMERR ||
			t->rcode == RCODE_REFUSED);
}

static struct verdict explain_transfer(
	const struct ddns_target *t, const struct dns_client_result *result)
{
	const char *what = t->is_incremental ? "IXFR" : "AXFR";

	if (t->rcode != RCODE_NOERROR)
		return verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR,
			"%s answered %s with %s", t->who, what, t->rcode_text);
	if (t->transfer_state == DDNS_TRANSFER_BROKEN)
		return verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR, "%s of %s: %s",
			what, t->who, ddns_transfer_reason(t->transfer));
	return result->why;
}

static void on_transfer(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;
	struct ddns_transferred got;
	struct verdict why;

	if (is_whole_zone_worth_asking(t, result)) {
		start_transfer(t, NULL);
		return;
	}
	if (result->status != DNS_CLIENT_ANSWERED || t->rcode != RCODE_NOERROR) {
		why = explain_transfer(t, result);
		complete(t, TARGET_FAILED, &why);
		return;
	}
	if (ddns_transfer_take(t->transfer, &got) < 0) {
		complete_no_memory(t);
		return;
	}
	remember(&t->seen, got.soa);
	remember(&t->believed, got.soa);
	remember(&t->mirrored, got.soa);
	rrset_unref(got.soa);
	t->content.zone = got.zone;
	t->content.difference = got.difference;
	complete(t, TARGET_DONE, NULL);
}

static void start_transfer(struct ddns_target *t, struct rrset *since)
{
	ddns_transfer_free(t->transfer);
	t->transfer = ddns_transfer_new(t->zone, since);
	t->transfer_state = DDNS_TRANSFER_START;
	t->is_incremental = since != NULL;
	t->rcode = RCODE_NOERROR;
	if (!t->transfer) {
		complete_no_memory(t);
		return;
	}
	ask_query(t, since ? TYPE_IXFR : TYPE_AXFR, since, on_transfer_message,
		on_transfer);
}

static void ddns_load(
	struct target *target, bool have_content, target_loaded *loaded, void *arg)
{
	struct ddns_target *t = ddns_of(target);

	t->loaded = loaded;
	t->arg = arg;
	start_transfer(t, have_content ? t->mirrored : NULL);
}

/* ---- deliver ---- */

static void on_check(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;

	if (result->status != DNS_CLIENT_ANSWERED)
		complete(t, TARGET_FAILED, &result->why);
	else if (ddns_read_rcode(result->msg, result->m) == RCODE_NOERROR)
		complete_delivered(t, t->seen);
	else
		complete_changed(t);
}

/* The zone has the serial that the batch was to give it.  Has it the content, too? */
static void check_applied(struct ddns_target *t)
{
	const size_t cap = dns_client_request_max(t->client);
	uint8_t *buf = malloc(cap);
	int len;

	if (!buf) {
		complete_no_memory(t);
		return;
	}
	len = ddns_compose_check(
		buf, cap, t->zone, t->is_soa_blind ? NULL : t->seen, t->changes);
	if (len < 0)
		complete_changed(t);
	else
		ask(t, buf, len, true, NULL, on_check);
	free(buf);
}

static bool is_perhaps_applied(const struct ddns_target *t)
{
	return t->is_uncertain && t->intended &&
		serial_of(t->seen) == serial_of(t->intended);
}

static void send_update(struct ddns_target *t);

/* Before the first UPDATE to this server, and after one without an answer. */
static void on_soa_before(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;

	if (!take_soa(t, result))
		return;
	if (is_perhaps_applied(t)) {
		check_applied(t);
		return;
	}
	if (!t->believed)
		remember(&t->believed, t->seen);
	if (rrset_has_same_data(t->believed, t->seen))
		send_update(t);
	else
		complete_changed(t);
}

/*
 * After an UPDATE whose prerequisite, the believed SOA, did not hold.
 *
 * PowerDNS (4.7) compares text, and writes a SOA that came by UPDATE in another way than
 * the one in a prerequisite: it then says of the very SOA it has that it has not.  With
 * such a server we look at the SOA ourselves right before each UPDATE.
 */
static void on_soa_after(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;

	if (!take_soa(t, result))
		return;
	if (is_perhaps_applied(t)) { /* the earlier try came through in the meantime */
		check_applied(t);
		return;
	}
	if (t->is_soa_blind || !rrset_has_same_data(t->believed, t->seen)) {
		complete_changed(t);
		return;
	}
	t->is_soa_blind = true;
	send_update(t);
}

static void complete_rejected(struct ddns_target *t)
{
	remember(&t->intended, NULL);
	complete(t, TARGET_REJECTED, &t->refusal);
}

/* REFUSED and its like are about the batch only if the server takes other updates: a zone
 * that is frozen, or a key that is no longer known, refuses every one, for a while. */
static void on_bare_update(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;
	uint16_t rcode;

	if (result->status != DNS_CLIENT_ANSWERED) {
		complete(t, TARGET_FAILED, &result->why);
		return;
	}
	rcode = ddns_read_rcode(result->msg, result->m);
	if (rcode == RCODE_NOERROR || rcode == RCODE_NXRRSET) {
		complete_rejected(t);
		return;
	}
	remember(&t->intended, NULL);
	complete(t, TARGET_FAILED, &t->refusal);
}

static void ask_bare_update(struct ddns_target *t)
{
	static const struct changeset none = {.refs = 1};
	const size_t cap = dns_client_request_max(t->client);
	uint8_t *buf = malloc(cap);
	int len;

	if (!buf) {
		complete_no_memory(t);
		return;
	}
	len = ddns_compose_check(
		buf, cap, t->zone, t->is_soa_blind ? NULL : t->believed, &none);
	if (len < 0)
		complete_rejected(t);
	else
		ask(t, buf, len, true, NULL, on_bare_update);
	free(buf);
}

static void handle_refusal(struct ddns_target *t, const struct dns_client_result *result)
{
	const uint16_t rcode = ddns_read_rcode(result->msg, result->m);
	char text[DDNS_RCODE_TEXT_MAX];

	t->refusal = verdict_refuse((enum rcode)rcode, EDE_OTHER, "target says %s",
		ddns_rcode_to_text(result->msg, result->m, text));
	if (rcode == RCODE_REFUSED || rcode == RCODE_NOTAUTH || rcode == RCODE_NOTZONE)
		ask_bare_update(t);
	else
		complete_rejected(t);
}

static void handle_update_answer(
	struct ddns_target *t, const struct dns_client_result *result)
{
	struct verdict why;

	switch (ddns_read_rcode(result->msg, result->m)) {
	case RCODE_NOERROR:
		complete_delivered(t, t->intended);
		return;
	case RCODE_NXRRSET: /* our only prerequisite */
		ask_query(t, TYPE_SOA, NULL, NULL, on_soa_after);
		return;
	case RCODE_SERVFAIL:
	case RCODE_NOTIMP:
	case RCODE_BADVERS:
		why = explain_rcode(t, result, "an UPDATE");
		complete(t, TARGET_FAILED, &why);
		return;
	default:
		handle_refusal(t, result);
	}
}

static void on_update(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;

	if (result->status == DNS_CLIENT_ANSWERED) {
		handle_update_answer(t, result);
		return;
	}
	if (result->status == DNS_CLIENT_LOST && !t->was_lost) {
		t->was_lost = true;
		t->is_uncertain = true;
		ask_query(t, TYPE_SOA, NULL, NULL, on_soa_before);
		return;
	}
	complete(t, TARGET_FAILED, &result->why);
}

static void complete_too_large(struct ddns_target *t)
{
	const struct verdict why = verdict_refuse(RCODE_REFUSED, EDE_NOT_SUPPORTED,
		"too large for one UPDATE (%u RRsets)", t->changes->count);

	complete(t, TARGET_REJECTED, &why);
}

/* From believed to intended, all or nothing. */
static void send_update(struct ddns_target *t)
{
	const size_t cap = dns_client_request_max(t->client);
	struct rrset *intended = ddns_intended_soa(t->believed, t->changes, t->zone);
	uint8_t *buf = malloc(cap);
	int len;

	if (!intended || !buf) {
		complete_no_memory(t);
		goto out;
	}
	len = ddns_compose_update(buf, cap, t->zone, t->is_soa_blind ? NULL : t->believed,
		intended, t->changes);
	if (len < 0) {
		complete_too_large(t);
		goto out;
	}
	remember(&t->intended, intended);
	ask(t, buf, len, false, NULL, on_update);
out:
	free(buf);
	rrset_unref(intended);
}

static void ddns_deliver(struct target *target, const struct target_batch *batch,
	target_done *done, void *arg)
{
	struct ddns_target *t = ddns_of(target);

	t->done = done;
	t->arg = arg;
	t->changes = batch->changes;
	t->is_uncertain = batch->is_retry;
	t->was_lost = false;
	if (!ddns_has_differences(t->changes, t->zone)) {
		remember(&t->seen, t->believed);
		complete(t, TARGET_DONE, NULL);
		return;
	}
	if (t->believed && !t->is_uncertain && !t->is_soa_blind)
		send_update(t);
	else
		ask_query(t, TYPE_SOA, NULL, NULL, on_soa_before);
}

/* ---- life ---- */

static void ddns_free(struct target *target)
{
	struct ddns_target *t = ddns_of(target);

	if (!t)
		return;
	dns_client_free(t->client);
	if (t->later)
		event_free(t->later);
	ddns_transfer_free(t->transfer);
	zone_free(t->content.zone);
	update_free(t->content.difference);
	rrset_unref(t->believed);
	rrset_unref(t->intended);
	rrset_unref(t->mirrored);
	rrset_unref(t->seen);
	free(t);
}

static struct target *ddns_new(const struct config_target *config, const uint8_t *zone,
	const struct target_env *env)
{
	const struct dns_client_config client = {
		.base = env->base,
		.pool = env->pool,
		.real_time = env->real_time,
		.address = &config->address,
		.key = config->key,
		.timeout_ms = config->timeout_ms,
	};
	struct ddns_target *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->base.ops = &target_ddns;
	memcpy(t->zone, zone, name_len(zone));
	memcpy(t->who, config->address.text, sizeof(t->who));
	t->client = dns_client_new(&client);
	t->later = evtimer_new(env->base, on_later, t);
	if (!t->client || !t->later) {
		ddns_free((struct target *)(void *)t);
		return NULL;
	}
	return (struct target *)(void *)t;
}

const struct target_ops target_ddns = {
	.type = "ddns",
	.batch_changes = BATCH_CHANGES,
	.owns_serial = true,
	.new = ddns_new,
	.free = ddns_free,
	.load = ddns_load,
	.probe = ddns_probe,
	.deliver = ddns_deliver,
};
