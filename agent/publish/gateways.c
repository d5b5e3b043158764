/*
 * Errands to the gateways.
 *
 * Limits: ADDRESSES_MAX addresses of one name are tried.  An errand over n gateways ends
 * after at most n times (addresses + 2 repetitions) timeouts.
 */
#include "agent/publish/gateways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/publish/message.h"
#include "gateway/base/resolver.h"
#include "gateway/base/alarm.h"
#include "gateway/base/log.h"

enum {
	ADDRESSES_MAX = 4,         /* of one gateway */
	ADDRESSES_AGE_MS = 300000, /* then a name is looked up again */
	REPEATS_MAX = 4,           /* of one address: TCP, clock, other secrets */
	OFFSET_TOLD_S = 60,        /* a change of the clocks' offset worth a warning */
};

struct gateway {
	const struct config_gateway *config;
	struct addrinfo *addresses; /* NULL: not known */
	bool is_literal;
	int64_t found_ms;           /* when */
	const struct tsig_key *key; /* the secret that works, as far as known */
	int64_t offset_s;           /* its clock minus ours */
};

struct gateways {
	struct alarms *alarms;
	const struct config *config;
	struct hmac_pool *pool;
	size_t current; /* the last that worked */
	size_t count;
	struct gateway all[];
};

struct errand {
	struct gateways *gateways;
	struct errand_request request;
	uint8_t *octets;
	struct exchange *exchange;
	struct resolver *resolver;
	struct alarm later; /* gives the result when nothing could be begun */
	size_t left;        /* gateways that may still be tried */
	size_t index;       /* of the gateway that is being tried */
	unsigned address;   /* of its addresses */
	unsigned repeats;
	bool has_fared; /* this gateway gave a better answer than being unreachable */
	bool is_tcp;
	const struct tsig_key *key;
	struct outcome outcome; /* of the last that failed */
	const char *gateway;
};

static void try_next_gateway(struct errand *errand);
static void try_address(struct errand *errand);

static int64_t read_clock(const struct gateways *g)
{
	return turn_monotonic_ms(g->alarms->clock);
}

/* ---- the gateways ---- */

struct gateways *gateways_new(struct alarms *alarms, const struct config *config)
{
	struct gateways *g =
		calloc(1, sizeof(*g) + config->gateway_count * sizeof(g->all[0]));

	if (!g)
		return NULL;
	g->alarms = alarms;
	g->config = config;
	g->count = config->gateway_count;
	g->pool = hmac_pool_new();
	if (!g->pool) {
		free(g);
		return NULL;
	}
	for (size_t i = 0; i < g->count; i++) {
		g->all[i].config = &config->gateways[i];
		g->all[i].addresses = resolver_parse(
			config->gateways[i].host, config->gateways[i].port);
		g->all[i].is_literal = g->all[i].addresses != NULL;
		g->all[i].key = config->key;
	}
	return g;
}

void gateways_free(struct gateways *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->count; i++)
		if (g->all[i].addresses)
			freeaddrinfo(g->all[i].addresses);
	hmac_pool_free(g->pool);
	free(g);
}

static void forget_addresses(struct gateway *gateway)
{
	if (gateway->is_literal || !gateway->addresses)
		return;
	freeaddrinfo(gateway->addresses);
	gateway->addresses = NULL;
}

void gateways_forget(struct gateways *g)
{
	g->current = 0;
	for (size_t i = 0; i < g->count; i++)
		g->all[i].found_ms = INT64_MIN / 2;
}

/* ---- the end of an errand ---- */

static void tell(struct errand *errand, const struct exchange_result *answer)
{
	const struct errand_result result = {
		.outcome = errand->outcome,
		.msg = answer ? answer->msg : NULL,
		.m = answer ? answer->m : NULL,
		.gateway = errand->gateway,
	};

	errand->request.done(errand->request.arg, &result);
}

static void on_later(void *arg)
{
	tell(arg, NULL);
}

static void set_outcome(struct errand *errand, const char *text, const char *advice)
{
	struct outcome *o = &errand->outcome;

	*o = (struct outcome){.kind = OUTCOME_NEXT, .advice = advice};
	snprintf(o->word, sizeof(o->word), "unreachable");
	snprintf(o->text, sizeof(o->text), "%s", text);
}

/* ---- answers ---- */

static void learn_clock(struct errand *errand, int64_t server_time)
{
	struct gateway *gateway = &errand->gateways->all[errand->index];
	const int64_t offset_s =
		server_time - turn_real_s(errand->gateways->alarms->clock);
	const int64_t change_s = offset_s - gateway->offset_s;

	if (change_s > OFFSET_TOLD_S || change_s < -OFFSET_TOLD_S)
		log_warning(
			"gateway %s: its clock is %lld s %s ours: signing with its time "
			"from now on; set the clocks by NTP, here and on the server",
			errand->gateway, (long long)(offset_s < 0 ? -offset_s : offset_s),
			offset_s < 0 ? "behind" : "ahead of");
	gateway->offset_s = offset_s;
}

/* Finds the key's next secret that is valid now, going round in a circle.  NULL: all have
 * been tried. */
static const struct tsig_key *next_secret(
	const struct errand *errand, const struct tsig_key *key)
{
	const struct gateways *g = errand->gateways;
	const int64_t now = turn_real_s(g->alarms->clock);

	for (;;) {
		key = key->next_secret ? key->next_secret : g->config->key;
		if (key == g->all[errand->index].key)
			return NULL;
		if (tsig_key_is_valid_at(key, now))
			return key;
	}
}

static bool is_about_key(const struct exchange_result *result)
{
	return result->status == EXCHANGE_UNPROVEN && result->m->tsig_at &&
		(result->why.tsig_error == TSIG_ERROR_BADKEY ||
			result->why.tsig_error == TSIG_ERROR_BADSIG);
}

/* May another try at the same address succeed? */
static bool repeat(struct errand *errand, const struct exchange_result *result)
{
	const struct tsig_key *key;

	if (errand->repeats >= REPEATS_MAX)
		return false;
	if (errand->outcome.kind == OUTCOME_TCP && !errand->is_tcp) {
		errand->is_tcp = true;
	} else if (errand->outcome.kind == OUTCOME_CLOCK) {
		learn_clock(errand, result->server_time);
	} else if (is_about_key(result)) {
		key = next_secret(errand, errand->key);
		if (!key)
			return false;
		errand->key = key;
	} else {
		return false;
	}
	errand->repeats++;
	return true;
}

/* The lack of a route to one of a gateway's addresses says less than what happened at
 * another. */
static void judge(struct errand *errand, const struct exchange_result *result)
{
	const struct outcome outcome = outcome_judge(result);

	if (result->status == EXCHANGE_UNREACHABLE && errand->has_fared) {
		errand->outcome.kind = OUTCOME_NEXT;
		return;
	}
	errand->has_fared = result->status != EXCHANGE_UNREACHABLE;
	errand->outcome = outcome;
}

/* If there is only one gateway, whoever began the errand logs how it went. */
static void log_try(const struct errand *errand)
{
	if (errand->request.gateway == ERRAND_ANY)
		log_debug("gateway %s: %s", errand->gateway, errand->outcome.text);
}

static void on_answer(void *arg, const struct exchange_result *result)
{
	struct errand *errand = arg;
	struct gateways *g = errand->gateways;

	judge(errand, result);
	if (repeat(errand, result)) {
		try_address(errand);
		return;
	}
	if (errand->outcome.kind == OUTCOME_OK ||
		errand->outcome.kind == OUTCOME_REFUSED) {
		g->current = errand->index;
		g->all[errand->index].key = errand->key;
		tell(errand, result);
		return;
	}
	errand->outcome.kind = OUTCOME_NEXT;
	log_try(errand);
	errand->repeats = 0;
	errand->address++;
	try_address(errand);
}

/* ---- trying ---- */

static const struct addrinfo *find_address(const struct errand *errand)
{
	const struct gateway *gateway = &errand->gateways->all[errand->index];
	const struct addrinfo *a = gateway->addresses;
	unsigned n = 0;

	for (; a && n < ADDRESSES_MAX; a = a->ai_next) {
		if (errand->request.family != AF_UNSPEC &&
			errand->request.family != a->ai_family)
			continue;
		if (n++ == errand->address)
			return a;
	}
	return NULL;
}

static void try_address(struct errand *errand)
{
	const struct gateways *g = errand->gateways;
	const struct addrinfo *address = find_address(errand);

	if (!address) {
		errand->left--;
		errand->index = (errand->index + 1) % g->count;
		try_next_gateway(errand);
		return;
	}
	exchange_start(errand->exchange,
		&(struct exchange_request){
			.octets = errand->octets,
			.len = errand->request.len,
			.address = address->ai_addr,
			.address_len = address->ai_addrlen,
			.is_tcp = errand->is_tcp || g->config->is_tcp,
			.key = errand->key,
			.clock_offset_s = g->all[errand->index].offset_s,
			.timeout_ms = g->config->timeout_ms,
			.done = on_answer,
			.arg = errand,
		});
}

static void on_resolved(void *arg, struct addrinfo *list, const char *why)
{
	struct errand *errand = arg;
	struct gateway *gateway = &errand->gateways->all[errand->index];
	char text[OUTCOME_TEXT_MAX];

	resolver_free(errand->resolver);
	errand->resolver = NULL;
	if (list) {
		forget_addresses(gateway);
		gateway->addresses = list;
		gateway->found_ms = read_clock(errand->gateways);
	} else {
		snprintf(text, sizeof(text), "its name is not known: %s", why);
		set_outcome(errand, text,
			"does the resolver work, is \"gateways\" right in the "
			"configuration?");
		log_try(errand);
	}
	/* Old addresses are better than none. */
	try_address(errand);
}

static bool is_fresh(const struct gateways *g, const struct gateway *gateway)
{
	return gateway->is_literal ||
		(gateway->addresses &&
			read_clock(g) - gateway->found_ms < ADDRESSES_AGE_MS);
}

static void try_next_gateway(struct errand *errand)
{
	struct gateways *g = errand->gateways;
	const struct gateway *gateway = &g->all[errand->index];

	if (!errand->left) {
		alarm_set(&errand->later, 0);
		return;
	}
	errand->gateway = gateway->config->text;
	errand->address = 0;
	errand->repeats = 0;
	errand->has_fared = false;
	errand->key = gateway->key;
	errand->is_tcp = errand->request.len > MESSAGE_UDP_MAX;
	if (!is_fresh(g, gateway)) {
		errand->resolver = resolver_start(g->alarms->base, gateway->config->host,
			gateway->config->port, on_resolved, errand);
		if (errand->resolver)
			return;
	}
	try_address(errand);
}

struct errand *errand_start(struct gateways *g, const struct errand_request *request)
{
	struct errand *errand = calloc(1, sizeof(*errand));

	if (!errand)
		return NULL;
	errand->gateways = g;
	errand->request = *request;
	errand->octets = malloc(request->len);
	errand->exchange = exchange_new(g->alarms, g->pool);
	alarm_init(&errand->later, g->alarms, on_later, errand);
	if (!errand->octets || !errand->exchange) {
		errand_free(errand);
		return NULL;
	}
	memcpy(errand->octets, request->octets, request->len);
	errand->left = request->gateway == ERRAND_ANY ? g->count : 1;
	errand->index =
		request->gateway == ERRAND_ANY ? g->current : (size_t)request->gateway;
	set_outcome(errand, "none has an address of this family", NULL);
	errand->gateway = g->all[errand->index].config->text;
	try_next_gateway(errand);
	return errand;
}

void errand_free(struct errand *errand)
{
	if (!errand)
		return;
	exchange_free(errand->exchange);
	resolver_free(errand->resolver);
	alarm_stop(&errand->later);
	free(errand->octets);
	free(errand);
}
