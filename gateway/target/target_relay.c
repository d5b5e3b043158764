/*
 * Passes questions on (target_relay.h): what is sent, and how answers are judged.
 */
#include "gateway/target/target_relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/target/target_ddns_private.h"

struct target_relay {
	uint8_t zone[NAME_MAX_LEN];
	const struct target_env *env;
	struct dns_places *places;
	struct dns_client *client;

	/* the exchange under way */
	target_relay_done *done;
	target_relay_record *record;
	void *arg;
	struct ddns_transfer *transfer; /* NULL: a question */
};

static void finish(struct target_relay *relay, const struct target_relay_result *result)
{
	ddns_transfer_free(relay->transfer);
	relay->transfer = NULL;
	relay->done(relay->arg, result);
}

static void ask(struct target_relay *relay, const uint8_t *octets, int len,
	dns_client_message *message, dns_client_done *done)
{
	/* It always fits: these are one or two names. */
	const struct dns_client_request request = {
		.octets = octets,
		.len = len < 0 ? 0 : (size_t)len,
		.is_repeatable = true,
		.message = message,
		.done = done,
		.arg = relay,
	};

	/* One at a time: there is always room. */
	(void)dns_client_ask(relay->client, &request);
}

/* ---- questions ---- */

static bool is_told(uint16_t rcode)
{
	return rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN ||
		rcode == RCODE_YXDOMAIN;
}

static void on_answer(void *arg, const struct dns_client_result *result)
{
	struct target_relay *relay = arg;
	struct target_relay_result told = {.why = result->failure.why};
	char text[DDNS_RCODE_TEXT_MAX];

	if (result->status == DNS_CLIENT_ANSWERED) {
		told = (struct target_relay_result){
			.why = verdict_ok(), .msg = result->msg, .m = result->m};
		if (!is_told(ddns_read_rcode(result->msg, result->m)))
			told.why = verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR,
				"%s answered with %s", dns_places_text(relay->places),
				ddns_rcode_to_text(result->msg, result->m, text));
	}
	finish(relay, &told);
}

void target_relay_ask(struct target_relay *relay, const uint8_t *name, uint16_t type,
	bool dnssec_ok, target_relay_done *done, void *arg)
{
	uint8_t buf[DDNS_QUERY_MAX];
	const int len = ddns_compose_query(buf, sizeof(buf), name, type, NULL, dnssec_ok);

	relay->done = done;
	relay->arg = arg;
	ask(relay, buf, len, NULL, on_answer);
}

/* ---- transfers ---- */

static void start_transfer(struct target_relay *relay, struct rrset *since);

static enum dns_client_next on_transfer_message(
	void *arg, const uint8_t *msg, const struct wire_message *m)
{
	struct target_relay *relay = arg;

	if (!relay->transfer) /* there was no memory for it */
		return DNS_CLIENT_STOP;
	return ddns_transfer_next(ddns_transfer_read(relay->transfer, msg, m));
}

static void on_transfer(void *arg, const struct dns_client_result *result)
{
	struct target_relay *relay = arg;
	struct target_relay_result told = {.why = verdict_no_memory()};

	if (relay->transfer && ddns_transfer_lacks_ixfr(relay->transfer, result)) {
		start_transfer(relay, NULL);
		return;
	}
	if (relay->transfer)
		told.why = ddns_transfer_judge(
			relay->transfer, result, dns_places_text(relay->places), "")
				   .why;
	finish(relay, &told);
}

static void start_transfer(struct target_relay *relay, struct rrset *since)
{
	uint8_t buf[DDNS_QUERY_MAX];
	const int len = ddns_compose_query(buf, sizeof(buf), relay->zone,
		since ? TYPE_IXFR : TYPE_AXFR, since, false);

	ddns_transfer_free(relay->transfer);
	relay->transfer = ddns_transfer_new(relay->zone, since, false, &relay->env->seed);
	if (relay->transfer)
		ddns_transfer_hand_on(relay->transfer, relay->record, relay->arg);
	ask(relay, buf, len, on_transfer_message, on_transfer);
}

void target_relay_transfer(struct target_relay *relay, struct rrset *since,
	target_relay_record *record, target_relay_done *done, void *arg)
{
	relay->done = done;
	relay->record = record;
	relay->arg = arg;
	start_transfer(relay, since);
}

/* ---- life ---- */

void target_relay_free(struct target_relay *relay)
{
	if (!relay)
		return;
	dns_client_free(relay->client);
	dns_places_free(relay->places);
	ddns_transfer_free(relay->transfer);
	free(relay);
}

struct target_relay *target_relay_new(const struct config_target *config,
	const uint8_t *zone, const struct target_env *env)
{
	struct target_relay *relay = calloc(1, sizeof(*relay));

	if (!relay)
		return NULL;
	memcpy(relay->zone, zone, name_len(zone));
	relay->env = env;
	relay->places = dns_places_new(config, NULL, env);
	if (relay->places)
		relay->client =
			dns_client_new(config, relay->places, config->transfer_key, env);
	if (relay->client)
		return relay;
	target_relay_free(relay);
	return NULL;
}
