/*
 * Questions that only the server that signs a zone can answer: signatures, proofs that
 * a name does not exist, and the zone with all of them.
 *
 * The mirror of a signed zone contains none of these (zone_set_signed), so such
 * questions and their answers are passed on to and from the primary target: clients get
 * what the server itself would answer at this moment, or SERVFAIL and the reason.
 * Questions and transfers wait in two separate lines, so that the transfer of a large
 * zone does not delay questions.  All other queries are answered from the mirror, as in
 * any zone.
 *
 * Limits: SIGNER_LINE_MAX.  Nothing is cached.
 */
#include <errno.h>
#include <stdlib.h>

#include "gateway/answer/answer.h"
#include "gateway/request/requests.h"
#include "gateway/target/target_relay.h"

/* Queries that wait for a server: more than clients that read back their changes ever
 * have at a time. */
enum { SIGNER_LINE_MAX = 256 };

struct signer_line {
	struct zone_requests *zone;
	struct config *config; /* counted: what relay was made from */
	struct target_relay *relay;
	struct queue_list waiting; /* requests; the first is being asked */
	/* of the first, if it is a transfer; otherwise NULL */
	struct transfer_builder *builder;
	bool is_too_large; /* for what UDP allows the first */
};

/* The gateway itself answers what the sender's address is; nobody can sign that. */
static bool is_own_address(
	const struct zone_requests *zone, const struct dns_request *dns)
{
	uint8_t name[NAME_MAX_LEN];
	uint16_t type, class;

	return answer_read_question(dns->msg, &dns->walk, name, &type, &class) &&
		answer_is_whoami(zone->content->mirror, name) &&
		!zone_find_node(zone->content->mirror, name);
}

bool requests_are_for_signer(
	const struct zone_requests *zone, const struct dns_request *dns)
{
	if (!zone_is_signed(zone->content->mirror))
		return false;
	if (dns_request_is_transfer(dns))
		return true;
	return (dns->walk.dnssec_ok || zone_type_is_proof(dns->question_type)) &&
		!is_own_address(zone, dns);
}

/* ---- the line ---- */

static void ask_first(struct signer_line *line);

/* NULL: none waits. */
static struct dns_request *first_of(const struct signer_line *line)
{
	return dns_request_of_node(line->waiting.head);
}

static struct dns_request *take_first(struct signer_line *line)
{
	transfer_builder_free(line->builder);
	line->builder = NULL;
	return dns_request_of_node(queue_list_take(&line->waiting));
}

static void fail(struct zone_requests *zone, struct dns_request *dns, const char *why)
{
	requests_refuse(zone->all, &dns->request,
		verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR,
			"the server that signs the zone must answer this: %s", why));
}

/* Requests that wait behind one that got no answer would get none either, each a
 * timeout later than the one before. */
static void fail_all(struct signer_line *line, const char *why)
{
	while (first_of(line))
		fail(line->zone, take_first(line), why);
}

/* ---- answers ---- */

static void on_answer(void *arg, const struct target_relay_result *result)
{
	struct signer_line *line = arg;
	struct requests *all = line->zone->all;
	struct dns_request *dns;

	if (!result->msg) {
		fail_all(line, result->why.why);
		return;
	}
	dns = take_first(line);
	if (!verdict_is_ok(&result->why)) {
		fail(line->zone, dns, result->why.why);
	} else {
		const struct answer_query query = {.msg = dns->msg,
			.m = &dns->walk,
			.is_tcp = dns_request_is_tcp(dns)};

		requests_answer_query(all, dns,
			answer_hand_on(&query, result->msg, result->m, all->answer,
				requests_answer_limit(dns)));
	}
	ask_first(line);
}

static bool on_record(const struct rr *rr, void *arg)
{
	struct signer_line *line = arg;
	const int r = line->builder ? transfer_builder_add(line->builder, rr) : -ENOMEM;

	line->is_too_large = r == -E2BIG;
	return r == 0;
}

static void on_transferred(void *arg, const struct target_relay_result *result)
{
	struct signer_line *line = arg;
	struct dns_request *dns = first_of(line);

	/* If it is too large for UDP, there is an answer too: the SOA. */
	if (line->builder && (verdict_is_ok(&result->why) || line->is_too_large))
		dns->transfer = transfer_builder_finish(line->builder);
	take_first(line);
	if (dns->transfer)
		requests_answer(line->zone->all, &dns->request);
	else
		fail(line->zone, dns,
			verdict_is_ok(&result->why) ? "out of memory" : result->why.why);
	ask_first(line);
}

/* ---- asking ---- */

/* The settings may have changed since the last time. */
static bool open_relay(struct signer_line *line)
{
	const struct content *content = line->zone->content;

	if (line->relay && line->config == content->config)
		return true;
	target_relay_free(line->relay);
	config_unref(line->config);
	line->config = config_ref(content->config);
	line->relay = target_relay_new(
		&content->rules->targets[0], content->name, &content->thread->target_env);
	return line->relay != NULL;
}

static bool ask_transfer(struct signer_line *line, const struct dns_request *dns)
{
	const size_t at = dns->walk.section_at[0];
	struct rrset *since = NULL;

	line->is_too_large = false;
	line->builder = transfer_builder_new(line->zone->content->name, dns->msg + at,
		dns->walk.question_end - at,
		dns_request_is_tcp(dns) ? 0 : requests_answer_limit(dns));
	if (dns->question_type == TYPE_IXFR) {
		/* Except for the serial, it is like the zone's. */
		since = soa_with_serial(
			zone_soa(line->zone->content->mirror), dns->client_serial);
		if (!since)
			return false;
	}
	target_relay_transfer(line->relay, since, on_record, on_transferred, line);
	rrset_unref(since);
	return true;
}

static bool ask(struct signer_line *line, const struct dns_request *dns)
{
	uint8_t name[NAME_MAX_LEN];
	uint16_t type, class;

	if (!open_relay(line))
		return false;
	if (dns_request_is_transfer(dns))
		return ask_transfer(line, dns);
	if (!answer_read_question(dns->msg, &dns->walk, name, &type, &class))
		return false;
	target_relay_ask(line->relay, name, type, dns->walk.dnssec_ok, on_answer, line);
	return true;
}

static void ask_first(struct signer_line *line)
{
	while (first_of(line) && !ask(line, first_of(line)))
		fail(line->zone, take_first(line), "out of memory");
}

static struct signer_line *open_line(
	struct zone_requests *zone, struct signer_line **place)
{
	struct signer_line *line = *place;

	if (line)
		return line;
	line = calloc(1, sizeof(*line));
	if (!line)
		return NULL;
	line->zone = zone;
	queue_list_init(&line->waiting);
	*place = line;
	return line;
}

void requests_ask_signer(struct zone_requests *zone, struct dns_request *dns)
{
	struct signer_line *line = open_line(
		zone, dns_request_is_transfer(dns) ? &zone->transfers : &zone->questions);

	if (!line || line->waiting.count >= SIGNER_LINE_MAX) {
		fail(zone, dns,
			line ? "too many queries are waiting for it" : "out of memory");
		return;
	}
	queue_list_append(&line->waiting, &dns->request.node);
	if (first_of(line) == dns)
		ask_first(line);
}

/* ---- the end ---- */

static void give_up(struct signer_line *line)
{
	if (!line)
		return;
	/* This also ends the current exchange. */
	target_relay_free(line->relay);
	line->relay = NULL;
	fail_all(line, "the zone is being closed");
}

void requests_give_up_asking(struct zone_requests *zone)
{
	give_up(zone->questions);
	give_up(zone->transfers);
}

bool requests_is_asking(const struct zone_requests *zone)
{
	return (zone->questions && first_of(zone->questions)) ||
		(zone->transfers && first_of(zone->transfers));
}

static void line_free(struct signer_line *line)
{
	if (!line)
		return;
	target_relay_free(line->relay);
	config_unref(line->config);
	transfer_builder_free(line->builder);
	free(line);
}

void requests_signer_clear(struct zone_requests *zone)
{
	line_free(zone->questions);
	line_free(zone->transfers);
	zone->questions = zone->transfers = NULL;
}
