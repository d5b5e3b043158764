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
 * Requests go over one connection (dns_client.h); one UPDATE is one message, so a batch
 * is limited to 65535 octets.
 */
#include "gateway/target/target_ddns_private.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "tsig/plural.h"

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

	if (dns_client_ask(client, &request) < 0)
		target_operation_fail_memory(&t->op);
}

void ddns_ask(struct ddns_target *t, const uint8_t *octets, int len, bool is_repeatable,
	dns_client_done *done)
{
	ask(t, t->client, octets, len, is_repeatable, NULL, done);
}

void ddns_ask_query(struct ddns_target *t, uint16_t type, const struct rrset *soa,
	dns_client_message *message, dns_client_done *done)
{
	uint8_t buf[DDNS_QUERY_MAX];
	const int len = ddns_compose_query(buf, sizeof(buf), t->zone, type, soa, false);

	if (len < 0)
		target_operation_fail_memory(&t->op);
	else
		ask(t, t->queries, buf, len, true, message, done);
}

struct target_failure ddns_explain_rcode(const struct ddns_target *t,
	const struct dns_client_result *result, const char *what)
{
	char text[DDNS_RCODE_TEXT_MAX];

	return (struct target_failure){
		ddns_trouble_of(ddns_read_rcode(result->msg, result->m)),
		verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR,
			"%s answered %s with %s", dns_places_text(t->places), what,
			ddns_rcode_to_text(result->msg, result->m, text)),
	};
}

struct target_failure ddns_judge_soa(
	struct ddns_target *t, const struct dns_client_result *result)
{
	struct rrset *soa;

	if (result->status != DNS_CLIENT_ANSWERED)
		return result->failure;
	if (ddns_read_rcode(result->msg, result->m) != RCODE_NOERROR)
		return ddns_explain_rcode(t, result, "a query for the SOA");
	soa = ddns_read_soa(result->msg, result->m, t->zone);
	/* A cache might answer with an old SOA. */
	if (!soa || !(result->m->flags & WIRE_AA)) {
		rrset_unref(soa);
		return (struct target_failure){TARGET_ZONE_MISSING,
			verdict_refuse(RCODE_SERVFAIL, EDE_NOT_AUTHORITATIVE,
				"%s is not authoritative for the zone",
				dns_places_text(t->places))};
	}
	rrset_unref(t->op.seen);
	t->op.seen = soa;
	return (struct target_failure){TARGET_NO_TROUBLE, verdict_ok()};
}

bool ddns_take_soa(struct ddns_target *t, const struct dns_client_result *result)
{
	const struct target_failure failure = ddns_judge_soa(t, result);

	if (!verdict_is_ok(&failure.why))
		target_operation_fail(&t->op, &failure);
	return verdict_is_ok(&failure.why);
}

/*
 * ---- what is wrong with it ----
 *
 * Rcodes alone do not tell whether a server lacks the zone, or does not want us to have
 * or change it: BIND and PowerDNS answer NOTAUTH to an UPDATE or AXFR of a zone that they
 * do not have, and Knot the same without a signature, as PowerDNS does to a key that may
 * not transfer.  A query for the SOA tells these apart: a server that has the zone
 * answers it, whatever it refuses.
 */

/* Is the zone there?  If that cannot be found out now, the first guess stands. */
static void on_look(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;
	struct target_failure failure = t->failure;

	if (result->status != DNS_CLIENT_ANSWERED) {
		if (result->failure.trouble == TARGET_ZONE_MISSING)
			failure.trouble = TARGET_ZONE_MISSING;
	} else if (ddns_read_rcode(result->msg, result->m) == RCODE_NOERROR &&
		result->m->flags & WIRE_AA) {
		failure.trouble = t->trouble_if_there;
	} else {
		failure.trouble = TARGET_ZONE_MISSING;
	}
	target_operation_fail(&t->op, &failure);
}

/* Ends it once the SOA has been looked at. */
static void fail_after_look(struct ddns_target *t, const struct target_failure *failure,
	enum target_trouble if_there)
{
	t->failure = *failure;
	t->trouble_if_there = if_there;
	ddns_ask_query(t, TYPE_SOA, NULL, NULL, on_look);
}

void ddns_fail_refused(struct ddns_target *t, uint16_t rcode)
{
	const struct target_failure failure = {ddns_trouble_of(rcode), t->refusal};

	if (failure.trouble == TARGET_ZONE_MISSING)
		fail_after_look(t, &failure,
			rcode == RCODE_NOTAUTH ? TARGET_NOT_PRIMARY : TARGET_REFUSES);
	else
		target_operation_fail(&t->op, &failure);
}

static void fail_transfer(struct ddns_target *t, const struct target_failure *failure)
{
	switch (failure->trouble) {
	case TARGET_BAD_CREDENTIALS:
	case TARGET_NOT_SIGNED:
	case TARGET_ZONE_MISSING:
		fail_after_look(t, failure, TARGET_NO_TRANSFER);
		return;
	default:
		target_operation_fail(&t->op, failure);
	}
}

/* ---- probe ---- */

static void on_probe(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;

	if (!ddns_take_soa(t, result))
		return;
	/* The caller must be told of a newer SOA, so we do not adopt it here. */
	if (!t->believed)
		rrset_keep(&t->believed, t->op.seen);
	target_operation_succeed(&t->op);
}

static void ddns_probe(struct target *target, target_done *done, void *arg)
{
	struct ddns_target *t = ddns_of(target);

	target_operation_begin(&t->op, done, arg);
	ddns_ask_query(t, TYPE_SOA, NULL, NULL, on_probe);
}

/* ---- load ---- */

static void start_transfer(struct ddns_target *t, struct rrset *since);

static enum dns_client_next on_transfer_message(
	void *arg, const uint8_t *msg, const struct wire_message *m)
{
	struct ddns_target *t = arg;

	return ddns_transfer_next(ddns_transfer_read(t->transfer, msg, m));
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

/* Takes over what was transferred. */
static void take_content(struct ddns_target *t, const struct ddns_transferred *got)
{
	if (!t->env->only_looks)
		odd_list_warn(got->odd, t->zone, dns_places_text(t->places));
	ddns_forget_sent(t);
	rrset_keep(&t->op.seen, got->soa);
	rrset_keep(&t->believed, got->soa);
	rrset_keep(&t->mirrored, got->soa);
	rrset_unref(got->soa);
	t->is_signed = got->is_signed;
	t->op.content.zone = got->zone;
	t->op.content.difference = got->difference;
	target_operation_succeed(&t->op);
}

/* Has the caller's mirror more than the SOA that the difference starts from, and can the
 * difference not take that back? */
static bool is_short_of_sent(const struct ddns_target *t, struct ddns_transferred *got)
{
	return got->difference && !TAILQ_EMPTY(&t->sent) &&
		ddns_add_sent(t, got->soa, &got->difference) < 0;
}

static void drop_content(struct ddns_transferred *got)
{
	rrset_unref(got->soa);
	update_free(got->difference);
}

static void on_transfer(void *arg, const struct dns_client_result *result)
{
	struct ddns_target *t = arg;
	struct ddns_transferred got;
	struct target_failure failure;

	if (ddns_transfer_needs_whole(t->transfer, result)) {
		start_transfer(t, NULL);
		return;
	}
	failure = ddns_transfer_judge(t->transfer, result, dns_places_text(t->places),
		hint_at(ddns_transfer_rcode(t->transfer)));
	if (!verdict_is_ok(&failure.why))
		fail_transfer(t, &failure);
	else if (ddns_transfer_take(t->transfer, &got) < 0)
		target_operation_fail_memory(&t->op);
	else if (is_short_of_sent(t, &got)) {
		drop_content(&got);
		start_transfer(t, NULL);
		return;
	} else
		take_content(t, &got);
	ddns_transfer_free(t->transfer);
	t->transfer = NULL;
}

static void start_transfer(struct ddns_target *t, struct rrset *since)
{
	ddns_transfer_free(t->transfer);
	t->transfer = ddns_transfer_new(t->zone, since, t->is_signed, &t->env->seed);
	if (!t->transfer) {
		target_operation_fail_memory(&t->op);
		return;
	}
	ddns_ask_query(t, since ? TYPE_IXFR : TYPE_AXFR, since, on_transfer_message,
		on_transfer);
}

static void ddns_load(
	struct target *target, bool have_content, target_loaded *loaded, void *arg)
{
	struct ddns_target *t = ddns_of(target);

	target_operation_begin_load(&t->op, loaded, arg);
	start_transfer(t, have_content ? t->mirrored : NULL);
}

static bool ddns_is_at(const struct target *target, const struct ip_address *address)
{
	const struct ddns_target *t = (const struct ddns_target *)(const void *)target;

	return dns_places_has(t->places, address);
}

static const char *ddns_place(const struct target *target)
{
	const struct ddns_target *t = (const struct ddns_target *)(const void *)target;

	return dns_places_elsewhere(t->places);
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
	dns_client_free(t->asker);
	dns_client_free(t->watcher);
	dns_places_free(t->places);
	alarm_stop(&t->pause);
	alarm_stop(&t->landing);
	alarm_stop(&t->filler);
	ddns_drop_flights(t);
	ddns_forget_sent(t);
	ddns_transfer_free(t->transfer);
	ddns_transfer_free(t->look);
	rrset_unref(t->believed);
	rrset_unref(t->intended);
	rrset_unref(t->mirrored);
	rrset_unref(t->trial);
	target_operation_clear(&t->op);
	target_operation_clear(&t->check);
	free(t);
}

static struct target *ddns_new(const struct config_target *config,
	const struct target_zone *zone, const struct target_env *env)
{
	struct ddns_target *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->base.ops = &target_ddns;
	TAILQ_INIT(&t->flights);
	TAILQ_INIT(&t->sent);
	memcpy(t->zone, zone->name, name_len(zone->name));
	t->config = config;
	t->env = env;
	t->places = dns_places_new(config, zone->name, env);
	if (t->places)
		t->client = t->queries =
			dns_client_new(config, t->places, config->key, env);
	if (t->places && config->transfer_key != config->key)
		t->queries = dns_client_new(config, t->places, config->transfer_key, env);
	alarm_init(&t->pause, env->alarms, ddns_on_pause, t);
	alarm_init(&t->landing, env->alarms, ddns_on_landing, t);
	alarm_init(&t->filler, env->alarms, ddns_on_filler, t);
	if (target_operation_init(&t->op, env->base) ||
		target_operation_init(&t->check, env->base) || !t->client ||
		!t->queries) {
		ddns_free((struct target *)(void *)t);
		return NULL;
	}
	return (struct target *)(void *)t;
}

const struct target_ops target_ddns = {
	.batch_changes = DDNS_BATCH_CHANGES,
	.owns_serial = true,
	.new = ddns_new,
	.free = ddns_free,
	.place = ddns_place,
	.load = ddns_load,
	.probe = ddns_probe,
	.deliver = ddns_deliver,
	.is_at = ddns_is_at,
	.takes_more = ddns_takes_more,
	.groups = ddns_groups,
	.check = ddns_check,
};
