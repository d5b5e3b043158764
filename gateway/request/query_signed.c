/*
 * What only the server that signs a zone can tell: signatures, proofs that a name does
 * not exist, and the zone with all of them.
 *
 * The mirror of such a zone has none of it (zone_set_signed), so that these questions are
 * passed on to the primary target and its answers handed on: whoever asks gets what the
 * server itself would say at this moment, or SERVFAIL and the reason.  Questions and
 * transfers stand in two lines, so that a large zone on its way holds up nobody's
 * question.  All other queries are answered from the mirror, as in any zone.
 *
 * Limits: SIGNER_LINE_MAX.  Nothing is cached.
 */
#include <errno.h>
#include <stdlib.h>

#include "gateway/answer/answer.h"
#include "gateway/request/requests.h"
#include "gateway/target/target_relay.h"

enum {
	SIGNER_LINE_MAX = 256
}; /* queries that wait for a server: more than clients that
				 * read back what they wrote ever are at a time */

struct signer_line {
	struct zone_requests *zone;
	struct config *config; /* counted: what relay was made by */
	struct target_relay *relay;
	struct transaction
		*waiting; /* in order, by wait_next; the first is being asked */
	struct transaction **tail;
	size_t count;
	struct transfer_builder *builder; /* of the first, a transfer; else NULL */
	bool is_too_large;                /* for what the first can be told over UDP */
};

static bool is_transfer(const struct transaction *t)
{
	return t->question_type == TYPE_AXFR || t->question_type == TYPE_IXFR;
}

/* The address of who asks is ours to tell; nobody can sign it. */
static bool is_own_address(const struct zone_requests *zone, const struct transaction *t)
{
	uint8_t name[NAME_MAX_LEN];
	uint16_t type, class;

	return answer_read_question(t->msg, &t->walk, name, &type, &class) &&
		answer_is_whoami(zone->content->mirror, name) &&
		!zone_find_node(zone->content->mirror, name);
}

bool requests_are_for_signer(
	const struct zone_requests *zone, const struct transaction *t)
{
	if (!zone_is_signed(zone->content->mirror))
		return false;
	if (is_transfer(t))
		return true;
	return (t->walk.dnssec_ok || zone_type_is_proof(t->question_type)) &&
		!is_own_address(zone, t);
}

/* ---- the line ---- */

static void ask_first(struct signer_line *line);

static struct transaction *take_first(struct signer_line *line)
{
	struct transaction *t = line->waiting;

	line->waiting = t->wait_next;
	if (!line->waiting)
		line->tail = &line->waiting;
	t->wait_next = NULL;
	line->count--;
	transfer_builder_free(line->builder);
	line->builder = NULL;
	return t;
}

static void fail(struct zone_requests *zone, struct transaction *t, const char *why)
{
	t->verdict = verdict_refuse(RCODE_SERVFAIL, EDE_NETWORK_ERROR,
		"only the server that signs the zone can tell: %s", why);
	requests_answer(zone->all, t);
}

/* Whoever waits behind one that got no answer would get none either, one timeout later
 * than the one before. */
static void fail_all(struct signer_line *line, const char *why)
{
	while (line->waiting)
		fail(line->zone, take_first(line), why);
}

/* ---- answers ---- */

static void on_answer(void *arg, const struct target_relay_result *result)
{
	struct signer_line *line = arg;
	struct requests *all = line->zone->all;
	struct transaction *t;
	size_t len;

	if (!result->msg) {
		fail_all(line, result->why.why);
		return;
	}
	t = take_first(line);
	if (!verdict_is_ok(&result->why)) {
		fail(line->zone, t, result->why.why);
	} else {
		const struct answer_query query = {
			.msg = t->msg, .m = &t->walk, .is_tcp = transaction_is_tcp(t)};

		len = answer_hand_on(&query, result->msg, result->m, all->answer,
			requests_answer_limit(t));
		if (!requests_keep_answer(t, all->answer, len))
			t->verdict = verdict_refuse(
				RCODE_SERVFAIL, EDE_OTHER, "out of memory");
		requests_answer(all, t);
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
	struct transaction *t = line->waiting;

	/* What is too large for UDP is told, too: as a SOA. */
	if (line->builder && (verdict_is_ok(&result->why) || line->is_too_large))
		t->transfer = transfer_builder_finish(line->builder);
	take_first(line);
	if (t->transfer)
		requests_answer(line->zone->all, t);
	else
		fail(line->zone, t,
			verdict_is_ok(&result->why) ? "out of memory" : result->why.why);
	ask_first(line);
}

/* ---- asking ---- */

/* Other settings may have come since the last time. */
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

/* A SOA with the client's serial, and otherwise the zone's.  NULL: no memory. */
static struct rrset *client_soa(
	const struct zone_requests *zone, const struct transaction *t)
{
	uint32_t serial = 0;

	(void)requests_read_client_serial(
		t, &serial); /* requests_ask_signer has looked */
	return soa_with_serial(zone_soa(zone->content->mirror), serial);
}

static bool ask_transfer(struct signer_line *line, const struct transaction *t)
{
	const size_t at = t->walk.section_at[0];
	struct rrset *since = NULL;

	line->is_too_large = false;
	line->builder = transfer_builder_new(line->zone->content->name, t->msg + at,
		t->walk.question_end - at,
		transaction_is_tcp(t) ? 0 : requests_answer_limit(t));
	if (t->question_type == TYPE_IXFR) {
		since = client_soa(line->zone, t);
		if (!since)
			return false;
	}
	target_relay_transfer(line->relay, since, on_record, on_transferred, line);
	rrset_unref(since);
	return true;
}

static bool ask(struct signer_line *line, const struct transaction *t)
{
	uint8_t name[NAME_MAX_LEN];
	uint16_t type, class;

	if (!open_relay(line))
		return false;
	if (is_transfer(t))
		return ask_transfer(line, t);
	if (!answer_read_question(t->msg, &t->walk, name, &type, &class))
		return false;
	target_relay_ask(line->relay, name, type, t->walk.dnssec_ok, on_answer, line);
	return true;
}

static void ask_first(struct signer_line *line)
{
	while (line->waiting && !ask(line, line->waiting))
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
	line->tail = &line->waiting;
	*place = line;
	return line;
}

void requests_ask_signer(struct zone_requests *zone, struct transaction *t)
{
	struct signer_line *line =
		open_line(zone, is_transfer(t) ? &zone->transfers : &zone->questions);
	uint32_t serial;

	if (t->question_type == TYPE_IXFR && !requests_read_client_serial(t, &serial)) {
		t->verdict = verdict_refuse(RCODE_FORMERR, EDE_OTHER,
			"the authority section of an IXFR must hold one SOA");
		requests_answer(zone->all, t);
		return;
	}
	if (!line || line->count >= SIGNER_LINE_MAX) {
		fail(zone, t, line ? "too many wait for it" : "out of memory");
		return;
	}
	t->wait_next = NULL;
	*line->tail = t;
	line->tail = &t->wait_next;
	line->count++;
	if (line->waiting == t)
		ask_first(line);
}

/* ---- the end ---- */

static void give_up(struct signer_line *line)
{
	if (!line)
		return;
	/* The exchange under way is over, too. */
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
	return (zone->questions && zone->questions->waiting) ||
		(zone->transfers && zone->transfers->waiting);
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
