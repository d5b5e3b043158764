/*
 * Statements that set the scene: the zone, its rules, the keys of both sides, the clock.
 */
#include "tests/scenarios/scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/scenarios/rule_text.h"
#include "tsig/keyfile.h"

static int load_zone(struct scenario *s, char *text, size_t len)
{
	char error[ZONE_ERROR_MAX] = "";
	FILE *file = fmemopen(text, len, "r");

	if (!file)
		return scenario_fail(s, "cannot read the zone: %s", strerror(errno));
	int r = zone_read_file(s->gateway.zone, file, error);
	fclose(file);
	if (r != 0)
		return scenario_fail(s, "zone file: %s", error);
	const struct rrset *soa = zone_soa(s->gateway.zone);
	if (!soa)
		return scenario_fail(s, "the zone has no SOA");
	size_t at = 0;
	uint16_t rdata_len;
	const uint8_t *rdata = rrset_next(soa, &at, &rdata_len);
	s->serial = soa_serial(rdata, rdata_len);
	return 0;
}

int scene_set_zone(struct scenario *s, char *at)
{
	const char *name = message_next_word(&at), *word = message_next_word(&at);
	char *text = s->next, *line;

	if (!name || name_from_text(s->apex, name, NULL) != 0)
		return scenario_fail(s, "expected ZONE NAME, absolute");
	if (word && strcmp(word, "serial=keep") != 0)
		return scenario_fail(s, "unknown word %s", word);
	name_lower(s->apex);
	policy_clear(&s->policy);
	zone_free(s->gateway.zone);
	s->gateway.zone = zone_new(s->apex);
	s->gateway.bumps_serial = !word;
	if (!s->gateway.zone || lease_begin(s) != 0)
		return scenario_fail(s, "no memory");
	while ((line = scenario_read_raw_line(s)) && strcmp(line, "END") != 0)
		if (s->next)
			s->next[-1] = '\n'; /* the zone file keeps its lines */
	if (!line || line == text)
		return scenario_fail(s, "expected the lines of a zone file, and END");
	return load_zone(s, text, (size_t)(line - text));
}

int scene_add_rule(struct scenario *s, char *at)
{
	const char *word;

	if (rule_text_add(&s->policy, at, s->apex, s->line, &word) != 0)
		return scenario_fail(s, "cannot read the rule at %s", word);
	return 0;
}

static int add_copy(struct keyring *ring, const struct tsig_key *key)
{
	return ring ? keyring_add(ring, key) : 0;
}

/* The text goes through the reader of key lines, into a ring of its own, which keeps
 * name and secret. */
static int read_key(
	const struct scenario *s, struct tsig_key *key, struct keyring *ring, char **at)
{
	const char *name = message_next_word(at), *alg = message_next_word(at);
	const char *secret = message_next_word(at);
	uint8_t wire[NAME_MAX_LEN];
	char text[2048], absolute[NAME_TEXT_MAX], error[KEYFILE_ERROR_MAX] = "";

	if (!secret || !scenario_read_name(s, wire, name))
		return scenario_fail(s, "expected a key: NAME ALG SECRET");
	snprintf(text, sizeof(text), "%s:%s:%s", alg, name_to_text(wire, absolute),
		secret);
	if (keyfile_parse_line(ring, text, error) != 0)
		return scenario_fail(s, "cannot read the key: %s", error);
	*key = *keyring_find(ring, wire);
	return 0;
}

static int read_validity(const struct scenario *s, struct tsig_key *key, char *at)
{
	const char *word, *value;

	while ((word = message_next_word(&at))) {
		if ((value = scenario_value_of(word, "not_before")))
			key->not_before = strtoll(value, NULL, 10);
		else if ((value = scenario_value_of(word, "not_after")))
			key->not_after = strtoll(value, NULL, 10);
		else
			return scenario_fail(s, "unknown word %s", word);
	}
	return 0;
}

static int add_key(const struct scenario *s, char *at, struct keyring *gateway,
	struct keyring *client)
{
	struct tsig_key key;
	struct keyring *ring = keyring_new();

	if (!ring)
		return scenario_fail(s, "no memory");
	int r = read_key(s, &key, ring, &at);
	if (r == 0)
		r = read_validity(s, &key, at);
	if (r == 0 && (add_copy(gateway, &key) != 0 || add_copy(client, &key) != 0))
		r = scenario_fail(s, "cannot add the key");
	keyring_free(ring);
	return r;
}

int scene_add_key(struct scenario *s, char *at)
{
	return add_key(s, at, s->gateway_ring, s->client_ring);
}

int scene_add_gateway_key(struct scenario *s, char *at)
{
	return add_key(s, at, s->gateway_ring, NULL);
}

int scene_add_client_key(struct scenario *s, char *at)
{
	return add_key(s, at, NULL, s->client_ring);
}

int scene_set_time(struct scenario *s, char *at)
{
	const char *word = message_next_word(&at);

	if (!word || !scenario_time_from_text(&s->now_s, word))
		return scenario_fail(s, "expected TIME SECONDS");
	return 0;
}
