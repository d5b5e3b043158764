/*
 * Statements that say what must be true: of the last answer, and of the zone.
 */
#include "tests/scenarios/scenario.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "zones/rdata.h"

/* "BADKEY" for 17; "" for none */
static const char *tsig_error_name(uint16_t error)
{
	switch (error) {
	case TSIG_ERROR_NONE:
		return "";
	case TSIG_ERROR_BADSIG:
		return "BADSIG";
	case TSIG_ERROR_BADKEY:
		return "BADKEY";
	case TSIG_ERROR_BADTIME:
		return "BADTIME";
	case TSIG_ERROR_BADTRUNC:
		return "BADTRUNC";
	default:
		return "an unknown TSIG error";
	}
}

static int expect(const struct scenario *s, const char *expected, const char *got)
{
	if (strcmp(expected, got) == 0)
		return 0;
	const char *why = s->result.verdict.why;
	return scenario_fail(s, "expected %s, got %s%s%s%s",
		*expected ? expected : "no TSIG error", *got ? got : "no TSIG error",
		*why ? " (" : "", why, *why ? ")" : "");
}

static int expect_why(const struct scenario *s, char *at)
{
	const char *why = s->result.verdict.why;
	char *end = strrchr(at, '"');

	at += strspn(at, " \t");
	if (*at != '"' || end == at || end[1])
		return scenario_fail(s, "expected why \"part of the reason\"");
	*end = '\0';
	if (strstr(why, at + 1))
		return 0;
	return scenario_fail(s, "expected a reason with \"%s\", got \"%s\"", at + 1, why);
}

static int expect_granted(const struct scenario *s, const char *expected)
{
	const struct lease_terms *granted = &s->result.granted;
	char got[32] = "none";

	if (granted->form == 4)
		snprintf(got, sizeof(got), "%u", (unsigned)granted->lease_s);
	else if (granted->form == 8)
		snprintf(got, sizeof(got), "%u,%u", (unsigned)granted->lease_s,
			(unsigned)granted->key_lease_s);
	return expect(s, expected, got);
}

int check_result(struct scenario *s, char *at)
{
	char buf[VERDICT_NAME_MAX];
	const char *word = message_next_word(&at), *error = "", *changed = NULL;
	const char *granted = NULL, *value;
	const char *is_changed = s->result.is_changed ? "changed" : "unchanged";

	if (!s->has_result || !word)
		return scenario_fail(s, "expected UPDATE ... SEND, then EXPECT RCODE");
	s->is_unchecked = false;
	int r = expect(s, word, verdict_rcode_name(s->result.verdict.rcode, buf));
	while (r == 0 && (word = message_next_word(&at)) && strcmp(word, "why") != 0) {
		if (strncmp(word, "BAD", 3) == 0)
			error = word;
		else if (strcmp(word, "changed") == 0 || strcmp(word, "unchanged") == 0)
			changed = word;
		else if ((value = scenario_value_of(word, "granted")))
			granted = value;
		else
			r = scenario_fail(s, "unknown word %s", word);
	}
	if (r == 0)
		r = expect(s, error, tsig_error_name(s->result.verdict.tsig_error));
	if (r == 0 && changed)
		r = expect(s, changed, is_changed);
	if (r == 0 && granted)
		r = expect_granted(s, granted);
	return r == 0 && word ? expect_why(s, at) : r;
}

static struct rrset *add_record(struct rrset *old, uint16_t type, uint32_t ttl,
	const uint8_t *rdata, uint16_t len)
{
	struct rrset *set =
		old ? rrset_with(old, rdata, len) : rrset_new(type, ttl, rdata, len);

	rrset_unref(old);
	return set;
}

/* Cuts off a " | " outside quotes; what follows it, or NULL. */
static char *cut_alternative(char *text)
{
	bool is_quoted = false;

	for (; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		else if (*text == '"')
			is_quoted = !is_quoted;
		else if (!is_quoted && strncmp(text, " | ", 3) == 0) {
			*text = '\0';
			return text + 3;
		}
	}
	return NULL;
}

/* "TTL RDATA [| RDATA ...]" */
static int read_rrset(struct scenario *s, struct rrset **ret_set, uint16_t type, char *at)
{
	uint8_t rdata[WIRE_MESSAGE_MAX];
	struct rrset *set = NULL;
	const char *word = message_next_word(&at);
	char *end, *next;

	if (!word || !isdigit((unsigned char)*word))
		return scenario_fail(
			s, "expected RRSET NAME TYPE TTL RDATA [| RDATA ...]");
	uint32_t ttl = (uint32_t)strtoul(word, &end, 10);
	for (; at; at = next) {
		next = cut_alternative(at);
		int len = message_rdata_from_text(
			type, at + strspn(at, " \t"), s->apex, rdata, sizeof(rdata));
		if (len >= 0)
			set = add_record(set, type, ttl, rdata, (uint16_t)len);
		if (len < 0 || !set) {
			rrset_unref(len < 0 ? set : NULL);
			return scenario_fail(s, "cannot read the RDATA %s", at);
		}
	}
	*ret_set = set;
	return 0;
}

static void print_rrset(const char *words, const struct rrset *set)
{
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;

	fprintf(stderr, "\t%s", words);
	if (!set) {
		fputs(" NONE\n", stderr);
		return;
	}
	fprintf(stderr, " %u", (unsigned)set->ttl);
	while ((rdata = rrset_next(set, &at, &len))) {
		char *text = rdata_to_text(set->type, rdata, len);
		fprintf(stderr, " %s |", text ? text : "?");
		free(text);
	}
	fputc('\n', stderr);
}

int check_rrset(struct scenario *s, char *at)
{
	const char *name = message_next_word(&at), *type_name = message_next_word(&at);
	uint8_t owner[NAME_MAX_LEN];
	struct rrset *expected = NULL;

	if (!s->gateway.zone || !type_name || !scenario_read_name(s, owner, name))
		return scenario_fail(s, "expected RRSET NAME TYPE NONE | TTL RDATA");
	uint16_t type = rdata_type_from_name(type_name);
	if (type == 0)
		return scenario_fail(s, "unknown type %s", type_name);
	at += strspn(at, " \t");
	int r = strcmp(at, "NONE") == 0 ? 0 : read_rrset(s, &expected, type, at);
	if (r != 0)
		return r;
	const struct rrset *got = zone_find(s->gateway.zone, owner, type);
	if (!rrset_is_identical(expected, got)) {
		r = scenario_fail(s, "the RRset %s %s is another one", name, type_name);
		print_rrset("expected", expected);
		print_rrset("got", got);
	}
	rrset_unref(expected);
	return r;
}

int check_name(struct scenario *s, char *at)
{
	const char *name = message_next_word(&at), *word = message_next_word(&at);
	uint8_t owner[NAME_MAX_LEN];

	if (!s->gateway.zone || !word || !scenario_read_name(s, owner, name))
		return scenario_fail(s, "expected NAME NAME in-use|empty|none");
	const char *got = "none";
	if (zone_is_name_in_use(s->gateway.zone, owner))
		got = "in-use";
	else if (zone_find_node(s->gateway.zone, owner))
		got = "empty";
	return strcmp(word, got) == 0
		? 0
		: scenario_fail(s, "expected %s, got %s", word, got);
}

int check_serial(struct scenario *s, char *at)
{
	const char *word = message_next_word(&at);
	const struct rrset *soa = s->gateway.zone ? zone_soa(s->gateway.zone) : NULL;
	size_t offset = 0;
	uint16_t len;

	if (!soa || !word || (*word != '+' && strcmp(word, "same") != 0))
		return scenario_fail(s, "expected SERIAL +N|same, in a zone with a SOA");
	const uint8_t *rdata = rrset_next(soa, &offset, &len);
	uint32_t got = soa_serial(rdata, len);
	uint32_t expected = s->serial;
	if (*word == '+')
		expected += (uint32_t)strtoul(word + 1, NULL, 10);
	if (got != expected)
		return scenario_fail(s, "expected serial %u, got %u", (unsigned)expected,
			(unsigned)got);
	s->serial = got;
	return 0;
}
