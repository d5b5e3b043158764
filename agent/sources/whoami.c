/*
 * The source whoami: the host's own name has the address that the gateway sees, for hosts
 * behind NAT.
 *
 * It asks the gateways for A and AAAA of "whoami" in the host's zone, each over a
 * connection of that family; both questions and answers are signed, since whoever could
 * forge an answer could take the name.  It asks at the start, after each interval, and
 * when the network has changed: a change of the NAT's address can be seen in no other
 * way.
 *
 * Without an answer, the address stays as it was.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/publish/message.h"
#include "agent/sources/source.h"
#include "gateway/base/alarm.h"
#include "gateway/base/log.h"

enum {
	GATHER_MS = 1000, /* from a change of the network to the question */
	QUERY_CAP = 512,  /* octets */
	FAMILIES = 2,
};

struct whoami;

/* What is known of one family. */
struct question {
	struct whoami *whoami;
	struct errand *errand; /* NULL: none is under way */
	uint16_t type;
	struct records found;
	bool is_asked;
	bool is_known;   /* an answer has come, or it cannot */
	bool is_failing; /* has been told */
};

struct whoami {
	struct source source;
	struct alarm next;
	uint8_t name[NAME_MAX_LEN]; /* whoami.ZONE */
	struct question questions[FAMILIES];
};

static unsigned family_bit(const struct question *question)
{
	return question->type == TYPE_A ? PUBLISH_A : PUBLISH_AAAA;
}

static int add_found(struct whoami *whoami, struct records *all)
{
	const struct config *config = whoami->source.context->config;
	const struct config_source *settings = whoami->source.config;
	int r = 0;

	for (int i = 0; i < FAMILIES && !r; i++) {
		const struct records *found = &whoami->questions[i].found;

		if (settings->publish & family_bit(&whoami->questions[i]))
			r = records_add_all(all, found);
		for (size_t j = 0; j < found->count && !r; j++)
			if (settings->publish & PUBLISH_PTR)
				r = source_add_reverse(all, config->name,
					found->items[j].len == 4 ? 4 : 6,
					found->items[j].rdata, settings->ttl);
	}
	return r;
}

static bool is_answered(const struct whoami *whoami)
{
	for (int i = 0; i < FAMILIES; i++)
		if (whoami->questions[i].is_asked && !whoami->questions[i].is_failing)
			return true;
	return false;
}

static void give(struct whoami *whoami)
{
	const struct config *config = whoami->source.context->config;
	const struct config_source *settings = whoami->source.config;
	struct records all = {0};
	int r = 0;

	for (int i = 0; i < FAMILIES; i++)
		if (!whoami->questions[i].is_known)
			return;
	if (!settings->is_shared)
		r = source_claim_addresses(&all, config->name, settings->publish);
	if (!r)
		r = add_found(whoami, &all);
	if (r) {
		source_fail(&whoami->source, "%s; its records stay as they were",
			records_strerror(r));
		records_clear(&all);
		return;
	}
	if (is_answered(whoami))
		source_recover(&whoami->source);
	else
		source_fail(&whoami->source, "no gateway says what address it sees; %s",
			"only Muster gateways answer whoami.ZONE");
	source_give(&whoami->source, &all);
}

/* Takes the addresses of an answer.  False: it is no answer, or has none. */
static bool read_answer(struct question *question, const struct errand_result *result)
{
	struct whoami *whoami = question->whoami;
	const struct config *config = whoami->source.context->config;
	struct records found = {0};
	int r;

	if (result->outcome.kind != OUTCOME_OK || !result->msg)
		return false;
	r = message_read_addresses(&found, config->name, whoami->source.config->ttl,
		result->msg, result->m, whoami->name, question->type);
	if (r || !found.count) {
		records_clear(&found);
		return false;
	}
	records_move(&question->found, &found);
	return true;
}

static void on_answer(void *arg, const struct errand_result *result)
{
	struct question *question = arg;
	struct whoami *whoami = question->whoami;
	const bool is_answer = read_answer(question, result);
	const bool is_reached = result->outcome.kind == OUTCOME_OK;

	/* It is no error if the gateways have no address of a family. */
	if (!is_answer && !question->is_failing && (is_reached || result->outcome.advice))
		log_warning("source whoami: no %s address from %s: %s; %s",
			question->type == TYPE_A ? "IPv4" : "IPv6", result->gateway,
			is_reached ? "it does not say" : result->outcome.text,
			is_reached ? "only Muster gateways answer whoami.ZONE"
				   : result->outcome.advice);
	question->is_failing = !is_answer;
	question->is_known = true;
	errand_free(question->errand);
	question->errand = NULL;
	give(whoami);
}

static void ask(struct question *question)
{
	struct whoami *whoami = question->whoami;
	uint8_t query[QUERY_CAP];
	const ssize_t len =
		message_write_query(query, sizeof(query), whoami->name, question->type);
	const struct errand_request request = {
		.octets = query,
		.len = (size_t)len,
		.family = question->type == TYPE_A ? AF_INET : AF_INET6,
		.gateway = ERRAND_ANY,
		.done = on_answer,
		.arg = question,
	};

	if (question->errand || len < 0)
		return;
	question->is_asked = true;
	question->errand = errand_start(whoami->source.context->gateways, &request);
}

static void on_next(void *arg)
{
	struct whoami *whoami = arg;
	const uint32_t interval_s = whoami->source.config->interval_s;

	for (int i = 0; i < FAMILIES; i++)
		if (whoami->source.config->publish &
			(family_bit(&whoami->questions[i]) | PUBLISH_PTR))
			ask(&whoami->questions[i]);
		else
			whoami->questions[i].is_known = true;
	if (interval_s)
		alarm_set_in(&whoami->next, INT64_C(1000) * interval_s);
}

static void whoami_network_changed(struct source *source)
{
	struct whoami *whoami = (struct whoami *)source;

	if (whoami->source.is_known)
		alarm_set_in(&whoami->next, GATHER_MS);
}

static void whoami_close(struct source *source)
{
	struct whoami *whoami = (struct whoami *)source;

	for (int i = 0; i < FAMILIES; i++) {
		errand_free(whoami->questions[i].errand);
		records_clear(&whoami->questions[i].found);
	}
	alarm_stop(&whoami->next);
	free(whoami);
}

static struct source *whoami_open(
	const struct source_context *context, const struct config_source *config)
{
	const uint8_t *zone = config_find_zone(context->config, context->config->name);
	struct whoami *whoami = calloc(1, sizeof(*whoami));

	if (!whoami)
		return NULL;
	source_init(&whoami->source, &source_whoami_ops, context, config);
	for (int i = 0; i < FAMILIES; i++) {
		whoami->questions[i].whoami = whoami;
		whoami->questions[i].type = i ? TYPE_AAAA : TYPE_A;
	}
	alarm_init(&whoami->next, context->alarms, on_next, whoami);
	if (name_from_text(whoami->name, "whoami", zone)) {
		log_error("source whoami: the name whoami.ZONE is too long");
		whoami_close(&whoami->source);
		return NULL;
	}
	alarm_set(&whoami->next, 0);
	return &whoami->source;
}

const struct source_ops source_whoami_ops = {
	.type = "whoami",
	.open = whoami_open,
	.close = whoami_close,
	.network_changed = whoami_network_changed,
};
