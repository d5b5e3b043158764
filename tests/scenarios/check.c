/*
 * Statements about what must be true of answers, servers and zones.
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

static int expect(const struct scenario *s, const struct sent_update *request,
	const char *expected, const char *got)
{
	if (strcmp(expected, got) == 0)
		return 0;
	const char *why = request->verdict.why;
	return scenario_fail(s, "expected %s, got %s%s%s%s",
		*expected ? expected : "no TSIG error", *got ? got : "no TSIG error",
		*why ? " (" : "", why, *why ? ")" : "");
}

static int expect_why(
	const struct scenario *s, const struct sent_update *request, char *at)
{
	const char *why = request->verdict.why;
	char *end = strrchr(at, '"');

	at += strspn(at, " \t");
	if (*at != '"' || end == at || end[1])
		return scenario_fail(s, "expected why \"part of the reason\"");
	*end = '\0';
	if (strstr(why, at + 1))
		return 0;
	return scenario_fail(s, "expected a reason with \"%s\", got \"%s\"", at + 1, why);
}

static int expect_granted(
	const struct scenario *s, const struct sent_update *request, const char *expected)
{
	const struct lease_terms *granted = &request->granted;
	char got[32] = "none";

	if (granted->form == 4)
		snprintf(got, sizeof(got), "%u", (unsigned)granted->lease_s);
	else if (granted->form == 8)
		snprintf(got, sizeof(got), "%u,%u", (unsigned)granted->lease_s,
			(unsigned)granted->key_lease_s);
	return expect(s, request, expected, got);
}

/* What else the line says of the answer. */
static int expect_words(struct scenario *s, const struct sent_update *request, char *at)
{
	const char *is_changed = request->is_changed ? "changed" : "unchanged";
	const char *word, *error = "", *value;
	int r = 0;

	while (r == 0 && (word = message_next_word(&at)) && strcmp(word, "why") != 0) {
		if (strncmp(word, "BAD", 3) == 0)
			error = word;
		else if (strcmp(word, "changed") == 0 || strcmp(word, "unchanged") == 0)
			r = expect(s, request, word, is_changed);
		else if ((value = scenario_value_of(word, "granted")))
			r = expect_granted(s, request, value);
		else
			r = scenario_fail(s, "unknown word %s", word);
	}
	if (r == 0)
		r = expect(
			s, request, error, tsig_error_name(request->verdict.tsig_error));
	return r == 0 && word ? expect_why(s, request, at) : r;
}

/* What was sent without waiting may have an answer by now. */
static int settle(struct scenario *s)
{
	int r = scenario_check(s, gateway_ready(&s->gateway));

	if (r == 0)
		r = scenario_check(s, gateway_settle(&s->gateway));
	return r == 0 ? send_read_answers(s) : r;
}

int check_result(struct scenario *s, char *at)
{
	char buf[VERDICT_NAME_MAX];
	const char *word = message_next_word(&at), *label = "";
	const struct sent_update *request;
	int r = settle(s);

	if (r == 0 && word && *word == '@') {
		label = word;
		word = message_next_word(&at);
	}
	request = send_find(s, label);
	if (r == 0 && (!request || !word))
		r = scenario_fail(s, "expected UPDATE ... SEND, then EXPECT RCODE");
	if (r == 0 && !request->is_answered)
		r = scenario_fail(s, "there is no answer");
	if (r)
		return r;
	s->is_unchecked = false;
	s->has_result = true;
	r = expect(s, request, word, verdict_rcode_name(request->verdict.rcode, buf));
	return r == 0 ? expect_words(s, request, at) : r;
}

int check_waiting(struct scenario *s, char *at)
{
	const char *label;
	int r = settle(s);

	while (r == 0 && (label = message_next_word(&at))) {
		const struct sent_update *request = send_find(s, label);

		if (order_is_waiting(s, label))
			continue;
		if (!request)
			r = scenario_fail(
				s, "%s was not sent, or somebody has been told", label);
		else if (request->is_answered)
			r = scenario_fail(
				s, "%s has its answer: %s", label, request->verdict.why);
	}
	return r;
}

/* "AT NAME RRSET ...": the zone as a server has it. */
int check_at(struct scenario *s, char *at)
{
	const char *name = message_next_word(&at);
	int r = settle(s);

	if (r)
		return r;
	s->server = name ? fake_net_find(&s->gateway.net, name, s->zone->apex) : NULL;
	if (!s->server)
		return scenario_fail(s, "expected AT SERVER, and what it has");
	r = scenario_do(s, at + strspn(at, " \t"));
	s->server = NULL;
	return r;
}

/* "COUNT NAME batches=N requests=N loads=N differences=N", since the last time. */
int check_count(struct scenario *s, char *at)
{
	const char *name = message_next_word(&at), *word, *value;
	int r = settle(s);
	struct fake_server *server =
		name ? fake_net_find(&s->gateway.net, name, s->zone->apex) : NULL;

	if (r == 0 && !server)
		r = scenario_fail(s, "expected COUNT SERVER");
	while (r == 0 && (word = message_next_word(&at))) {
		const struct {
			const char *name;
			unsigned count;
		} counts[] = {{"batches", server->batches},
			{"requests", server->requests}, {"loads", server->loads},
			{"differences", server->differences}};
		size_t i = 0;

		for (value = NULL; i < 4; i++)
			if ((value = scenario_value_of(word, counts[i].name)))
				break;
		if (!value)
			r = scenario_fail(s, "unknown word %s", word);
		else if (strtoul(value, NULL, 10) != counts[i].count)
			r = scenario_fail(s, "expected %s %s, got %u", value,
				counts[i].name, counts[i].count);
	}
	if (r == 0)
		server->batches = server->requests = server->loads = server->differences =
			0;
	return r;
}

/* "PENDING N": what the primary target does not have. */
int check_pending(struct scenario *s, char *at)
{
	const size_t expected = strtoul(at, NULL, 10);
	const struct view_zone *zone;
	struct view_zones page;
	size_t got;
	int r = scenario_check(s, gateway_look(&s->gateway, s->zone->apex, &page, &zone));

	if (r)
		return r;
	got = zone->targets[0].pending;
	view_zones_clear(&page);
	return got == expected
		? 0
		: scenario_fail(s, "expected %zu pending, got %zu", expected, got);
}

/* ---- zones ---- */

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
		int len = message_rdata_from_text(type, at + strspn(at, " \t"),
			s->zone->apex, rdata, sizeof(rdata));
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

static void print_rrset(
	const struct scenario *s, const char *words, const struct rrset *set)
{
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;

	if (scenario_is_lenient(s))
		return;
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

int check_read_zone(struct scenario *s, struct zone **ret_zone)
{
	const int r = scenario_check(s, gateway_ready(&s->gateway));

	if (r)
		return r;
	*ret_zone = s->server ? content_copy(s->server->zone, NULL)
			      : gateway_content(&s->gateway, s->zone->apex);
	return 0;
}

int check_rrset(struct scenario *s, char *at)
{
	const char *name = message_next_word(&at), *type_name = message_next_word(&at);
	uint8_t owner[NAME_MAX_LEN];
	struct rrset *expected = NULL;
	struct zone *zone = NULL;

	if (!s->zone || !type_name || !scenario_read_name(s, owner, name))
		return scenario_fail(s, "expected RRSET NAME TYPE NONE | TTL RDATA");
	uint16_t type = rdata_type_from_name(type_name);
	if (type == 0)
		return scenario_fail(s, "unknown type %s", type_name);
	at += strspn(at, " \t");
	int r = strcmp(at, "NONE") == 0 ? 0 : read_rrset(s, &expected, type, at);
	if (r == 0)
		r = check_read_zone(s, &zone);
	const struct rrset *got = zone ? zone_find(zone, owner, type) : NULL;
	if (r == 0 && !zone) {
		r = scenario_fail(s, "the zone is not in service");
	} else if (r == 0 && !rrset_is_identical(expected, got)) {
		r = scenario_fail(s, "the RRset %s %s is another one", name, type_name);
		print_rrset(s, "expected", expected);
		print_rrset(s, "got", got);
	}
	zone_free(zone);
	rrset_unref(expected);
	return r;
}

int check_name(struct scenario *s, char *at)
{
	const char *name = message_next_word(&at), *word = message_next_word(&at);
	uint8_t owner[NAME_MAX_LEN];
	struct zone *zone = NULL;

	if (!s->zone || !word || !scenario_read_name(s, owner, name))
		return scenario_fail(s, "expected NAME NAME in-use|empty|none");
	const char *got = "none";
	int r = check_read_zone(s, &zone);
	if (r == 0 && !zone)
		got = "no zone in service";
	else if (r == 0 && zone_is_name_in_use(zone, owner))
		got = "in-use";
	else if (r == 0 && zone_find_node(zone, owner))
		got = "empty";
	zone_free(zone);
	if (r == 0 && strcmp(word, got) != 0)
		r = scenario_fail(s, "expected %s, got %s", word, got);
	return r;
}

int check_serial(struct scenario *s, char *at)
{
	const char *word = message_next_word(&at);
	struct zone *zone = NULL;
	int r;

	if (!s->zone || !word || (*word != '+' && strcmp(word, "same") != 0))
		return scenario_fail(s, "expected SERIAL +N|same, in a zone");
	r = check_read_zone(s, &zone);
	if (r)
		return r;
	uint32_t got = content_serial(zone), expected = s->zone->serial;
	zone_free(zone);
	if (*word == '+')
		expected += (uint32_t)strtoul(word + 1, NULL, 10);
	if (got != expected)
		return scenario_fail(s, "expected serial %u, got %u", (unsigned)expected,
			(unsigned)got);
	s->zone->serial = got;
	return 0;
}

/* The zone is so, or not; words are what these are called. */
static int check_zone(struct scenario *s, char *at, const char *const words[2],
	bool (*is_so)(const struct view_zone *zone))
{
	const char *word = message_next_word(&at), *got;
	const struct view_zone *zone;
	struct view_zones page;
	int r = scenario_check(s, gateway_look(&s->gateway, s->zone->apex, &page, &zone));

	if (r)
		return r;
	got = words[is_so(zone)];
	view_zones_clear(&page);
	if (word && !strcmp(word, got))
		return 0;
	return scenario_fail(s, "expected %s, it is %s",
		word ? word : "a word for what it should be", got);
}

static bool is_asked(const struct view_zone *zone)
{
	return zone->is_asked;
}

static bool is_braked(const struct view_zone *zone)
{
	return zone->is_braked;
}

int check_asked(struct scenario *s, char *at)
{
	return check_zone(s, at, (const char *const[]){"no", "yes"}, is_asked);
}

int check_brake(struct scenario *s, char *at)
{
	return check_zone(s, at, (const char *const[]){"off", "on"}, is_braked);
}
