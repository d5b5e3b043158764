/*
 * Judges answers.  Each kind of failure comes with the advice that helps most often.
 */
#include "agent/publish/outcome.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/publish/message.h"

static const char advice_key[] =
	"compare name, algorithm and secret of the key with the server's";
static const char advice_clock[] = "set the clocks by NTP, here and on the server";
static const char advice_firewall[] =
	"is it running, and do firewalls let UDP and TCP to this port through?";
static const char advice_network[] = "is the network up, is there a route to it?";
static const char advice_policy[] =
	"the server's policy must allow this key these names and types";
static const char advice_zone[] =
	"is this the server of the zone, and is \"zone\" right in the configuration?";
static const char advice_server[] = "the server's log says what it is missing";
static const char advice_version[] = "does the server take UPDATE (RFC 2136) here?";

static struct outcome make(
	enum outcome_kind kind, const char *word, const char *text, const char *advice)
{
	struct outcome o = {.kind = kind, .advice = advice};

	snprintf(o.word, sizeof(o.word), "%s", word);
	snprintf(o.text, sizeof(o.text), "%s", text);
	return o;
}

static struct outcome judge_unreachable(int error)
{
	const bool is_network = error == ENETUNREACH || error == EHOSTUNREACH ||
		error == ENETDOWN || error == EADDRNOTAVAIL || error == EPERM ||
		error == EACCES || error == EAFNOSUPPORT;

	return make(OUTCOME_NEXT, "unreachable", strerror(error),
		is_network ? advice_network : advice_firewall);
}

/* Authentic. */
static struct outcome judge_rcode(const struct exchange_result *result)
{
	char name[VERDICT_NAME_MAX], ede[MESSAGE_EDE_MAX];
	const uint16_t rcode = result->m->flags & 0xf;
	const char *word = verdict_rcode_name(rcode, name);
	struct outcome o = make(OUTCOME_REFUSED, word, word, advice_policy);

	message_read_ede(result->msg, result->m, ede);
	if (ede[0])
		snprintf(o.text, sizeof(o.text), "%s (%s)", word, ede);
	switch (rcode) {
	case RCODE_NOERROR:
		o.kind = OUTCOME_OK;
		o.advice = NULL;
		break;
	case RCODE_NXDOMAIN:
		/* This rcode is a valid answer to a query, but not to an update. */
		if (result->m->opcode == OPCODE_QUERY)
			o.kind = OUTCOME_OK;
		break;
	case RCODE_SERVFAIL:
		o.kind = OUTCOME_NEXT;
		o.advice = advice_server;
		break;
	case RCODE_NOTAUTH:
		o.kind = OUTCOME_NEXT;
		o.advice = advice_zone;
		break;
	case RCODE_NOTZONE:
		o.advice = advice_zone;
		break;
	case RCODE_NOTIMP:
		o.kind = OUTCOME_NEXT;
		o.advice = advice_version;
		break;
	default:
		break;
	}
	return o;
}

/* RFC 8945 5.3.2: BADKEY and BADSIG come unsigned, and could be anybody's. */
static struct outcome judge_unproven(const struct exchange_result *result)
{
	char name[VERDICT_NAME_MAX];
	const uint16_t rcode = result->m->flags & 0xf;
	struct outcome o = make(OUTCOME_NEXT, "", "", advice_key);

	if (result->m->tsig_at && rcode == RCODE_NOTAUTH) {
		snprintf(o.word, sizeof(o.word), "%s", verdict_name(&result->why, name));
		snprintf(o.text, sizeof(o.text), "%s: %s", o.word, result->why.why);
		return o;
	}
	snprintf(o.word, sizeof(o.word), "%s", verdict_rcode_name(rcode, name));
	snprintf(o.text, sizeof(o.text), "%s, which proves nothing: %s", o.word,
		result->why.why);
	if (rcode == RCODE_NOTIMP || rcode == RCODE_FORMERR)
		o.advice = advice_version;
	return o;
}

struct outcome outcome_judge(const struct exchange_result *result)
{
	char text[OUTCOME_TEXT_MAX];

	switch (result->status) {
	case EXCHANGE_ANSWERED:
		if (result->m->flags & WIRE_TC)
			return make(OUTCOME_TCP, "truncated", "the answer was truncated",
				NULL);
		return judge_rcode(result);
	case EXCHANGE_UNPROVEN:
		return judge_unproven(result);
	case EXCHANGE_WRONG_TIME:
		snprintf(text, sizeof(text), "BADTIME: the server's clock says %lld",
			(long long)result->server_time);
		return make(OUTCOME_CLOCK, "BADTIME", text, advice_clock);
	case EXCHANGE_UNREACHABLE:
		return judge_unreachable(result->error);
	case EXCHANGE_TIMEOUT:
	default:
		return make(OUTCOME_NEXT, "timeout", "no answer", advice_firewall);
	}
}
