/*
 * The ddns target: any server that accepts RFC 2136 updates and allows zone transfers.
 *
 * The target remembers three SOAs between operations:
 *
 *   believed   what the zone has there.  Each UPDATE carries it as its prerequisite:
 *              changes behind our back make it fail instead of being overwritten.
 *   intended   what the last UPDATE whose outcome is not known would have made of it.
 *   mirrored   the one that the caller's mirror is a copy of; IXFR starts from it.
 *
 * One exchange at a time, over one connection (dns_client.h); one UPDATE is one
 * message, so a batch is limited to 65535 octets.
 */
#include "gateway/target/target_ddns_private.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "tsig/plural.h"

enum {
	BATCH_CHANGES = 300, /* RRsets: about 30 KiB, half of what fits into a message */
	QUERY_MAX = 2048,    /* octets: two names and one SOA of maximum length */
};

/* ---- the end of an operation ---- */

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct ddns_target *t = arg;
	struct target_content content = t->content;
	struct rrset *soa =
		rrset_ref(t->seen); /* it outlives a target that its caller frees */
	target_done *done = t->done;
	target_loaded *loaded = t->loaded;
	void *caller = t->arg;

	(void)fd;
	(void)what;
	rrset_keep(&t->seen, NULL);
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

void ddns_complete(
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

void ddns_complete_no_memory(struct ddns_target *t)
{
	const struct verdict why = verdict_no_memory();

	ddns_complete(t, TARGET_FAILED, &why);
}

/* ---- asking ---- */

static void ask(struct ddns_target *t, struct dns_client *client, const uint8_t *octets,
	int len, bool is_repeatable, dns_client_message *message, dns_client_done *done)
{
	const struct dns_client_request request = {
		.octets = octets,
		.len = (size_t)len,
		.is_repeatable = is_repeatable,
		.message = message,
		.done = done,
		.arg = t,
	};

	dns_client_ask(client, &request);
}

void ddns_ask(struct ddns_target *t, const uint8_t *octets, int len, bool is_repeatable,
	dns_client_done *done)
{
	ask(t, t->client, octets, len, is_repeatable, NULL, done);
}

void ddns_ask_query(struct ddns_target *t, uint16_t type, const struct rrset *soa,
	dns_client_message *message, dns_client_done *done)
{
	uint8_t buf[QUERY_MAX];
	const int len = ddns_compose_query(buf, sizeof(buf), t->zone, type, soa);

	if (len < 0)
		ddns_complete_no_memory(t);
	else
		ask(t, t->queries, buf, len, true, message, done);
}

struct verdict ddns_explain_rcode(const struct ddns_target *t,
	const struct dns_client_result *result, const char *what)
{
	char text[DDNS_RCODE_TEXT_MAX];

	return verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR, "%s answered %s with %s",
		t->who, what, ddns_rcode_to_text(result->msg, result->m, text));
}

bool ddns_take_soa(struct ddns_target *t, const struct dns_client_result *result)
{
	struct verdict why = result->why;
	struct rrset *soa;

	if (result->status != DNS_CLIENT_ANSWERED) {
		ddns_complete(t, TARGET_FAILED, &why);
		return false;
	}
	if (ddns_read_rcode(result->msg, result->m) != RCODE_NOERROR) {
		why = ddns_explain_rcode(t, result, "a query for the SOA");
		ddns_complete(t, TARGET_FAILED, &why);
		return false;
	}
	soa = ddns_read_soa(result->msg, result->m, t->zone);
	/* A cache might answer with an old SOA. */
	if (!soa || !(result->m->flags & WIRE_AA)) {
		why = verdict_refuse(RCODE_SERVFAIL, EDE_NOT_AUTHORITATIVE,
			"%s is not authoritative for the zone", t->who);
		rrset_unref(soa);
		ddns_complete(t, TARGET_FAILED, &why);
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

	if (!ddns_take_soa(t, result))
		return;
	/* The caller must be told of a newer SOA, so we do not adopt it here. */
	if (!t->believed)
		rrset_keep(&t->believed, t->seen);
	ddns_complete(t, TARGET_DONE, NULL);
}

static void ddns_probe(struct target *target, target_done *done, void *arg)
{
	struct ddns_target *t = ddns_of(target);

	t->done = done;
	t->arg = arg;
	ddns_ask_query(t, TYPE_SOA, NULL, NULL, on_probe);
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
	return ddns_transfer_next(t->transfer_state);
}

/* May a whole transfer work although the incremental one failed?  RFC 1995 5 lets
 * servers ignore IXFR, and some just close the connection. */
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

/* What the operator of the server can do about it. */
static const char *hint_at(uint16_t rcode)
{
	if (rcode == RCODE_REFUSED)
		return ": it must allow transfers to the target's key (allow-transfer in "
		       "BIND, an acl with action transfer in Knot)";
	if (rcode == RCODE_NOTAUTH)
		return ": it does not serve the zone, does not know the key, or does not "
		       "allow it transfers";
	return "";
}

static struct verdict explain_transfer(
	const struct ddns_target *t, const struct dns_client_result *result)
{
	const char *what = t->is_incremental ? "IXFR" : "AXFR";

	if (t->rcode != RCODE_NOERROR)
		return verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR,
			"%s answered %s with %s%s", t->who, what, t->rcode_text,
			hint_at(t->rcode));
	if (t->transfer_state == DDNS_TRANSFER_BROKEN)
		return verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR, "%s of %s: %s",
			what, t->who, ddns_transfer_reason(t->transfer));
	return result->why;
}

static void on_transfer(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;
	struct ddns_transferred got;
	char name[NAME_TEXT_MAX], odd[ODD_LIST_TEXT_MAX];
	struct verdict why;

	if (is_whole_zone_worth_asking(t, result)) {
		start_transfer(t, NULL);
		return;
	}
	if (result->status != DNS_CLIENT_ANSWERED || t->rcode != RCODE_NOERROR) {
		why = explain_transfer(t, result);
		ddns_complete(t, TARGET_FAILED, &why);
		return;
	}
	if (ddns_transfer_take(t->transfer, &got) < 0) {
		ddns_complete_no_memory(t);
		return;
	}
	if (got.odd->count > 0)
		log_warning("zone %s: %s has %zu %s in it that Muster cannot read: %s; "
			    "Muster leaves %s alone",
			name_to_text(t->zone, name), t->who, got.odd->count,
			PLURAL(got.odd->count, "record"), odd_list_to_text(got.odd, odd),
			got.odd->count == 1 ? "it" : "them");
	rrset_keep(&t->seen, got.soa);
	rrset_keep(&t->believed, got.soa);
	rrset_keep(&t->mirrored, got.soa);
	rrset_unref(got.soa);
	t->is_signed = got.is_signed;
	t->content.zone = got.zone;
	t->content.difference = got.difference;
	ddns_complete(t, TARGET_DONE, NULL);
}

static void start_transfer(struct ddns_target *t, struct rrset *since)
{
	ddns_transfer_free(t->transfer);
	t->transfer = ddns_transfer_new(t->zone, since, t->is_signed, &t->seed);
	t->transfer_state = DDNS_TRANSFER_START;
	t->is_incremental = since != NULL;
	t->rcode = RCODE_NOERROR;
	if (!t->transfer) {
		ddns_complete_no_memory(t);
		return;
	}
	ddns_ask_query(t, since ? TYPE_IXFR : TYPE_AXFR, since, on_transfer_message,
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

/* ---- life ---- */

static void ddns_free(struct target *target)
{
	struct ddns_target *t = ddns_of(target);

	if (!t)
		return;
	if (t->queries != t->client)
		dns_client_free(t->queries);
	dns_client_free(t->client);
	if (t->later)
		event_free(t->later);
	alarm_stop(&t->pause);
	ddns_transfer_free(t->transfer);
	zone_free(t->content.zone);
	update_free(t->content.difference);
	rrset_unref(t->believed);
	rrset_unref(t->intended);
	rrset_unref(t->mirrored);
	rrset_unref(t->trial);
	rrset_unref(t->seen);
	free(t);
}

static struct target *ddns_new(const struct config_target *config,
	const struct target_zone *zone, const struct target_env *env)
{
	struct dns_client_config client = {
		.base = env->base,
		.alarms = env->alarms,
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
	memcpy(t->zone, zone->name, name_len(zone->name));
	memcpy(t->who, config->address.text, sizeof(t->who));
	t->seed = env->seed;
	t->client = t->queries = dns_client_new(&client);
	if (config->transfer_key != config->key) {
		client.key = config->transfer_key;
		t->queries = dns_client_new(&client);
	}
	t->later = evtimer_new(env->base, on_later, t);
	alarm_init(&t->pause, env->alarms, ddns_on_pause, t);
	if (!t->client || !t->queries || !t->later) {
		ddns_free((struct target *)(void *)t);
		return NULL;
	}
	return (struct target *)(void *)t;
}

const struct target_ops target_ddns = {
	.batch_changes = BATCH_CHANGES,
	.owns_serial = true,
	.new = ddns_new,
	.free = ddns_free,
	.load = ddns_load,
	.probe = ddns_probe,
	.deliver = ddns_deliver,
};
