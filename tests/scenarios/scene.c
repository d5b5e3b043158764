/*
 * Statements that set the scene: zones with their rules, targets and settings, and the
 * keys of both sides.
 */
#include "tests/scenarios/scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/scenarios/rule_text.h"
#include "tsig/keyfile.h"

/* ---- zones ---- */

/* Reads the zone here, too, to know its serial and to report its errors. */
static int check_zone(struct scenario *s)
{
	FILE *file = fmemopen(s->zone->text, strlen(s->zone->text), "r");
	struct zone *zone = zone_new(s->zone->apex);
	char error[ZONE_ERROR_MAX] = "no memory";
	int r = file && zone ? zone_read_file(zone, file, error) : -ENOMEM;

	if (file)
		fclose(file);
	s->zone->serial = content_serial(zone);
	if (!r && !zone_soa(zone))
		r = scenario_fail(s, "the zone has no SOA");
	else if (r)
		r = scenario_fail(s, "zone file: %s", error);
	zone_free(zone);
	return r;
}

static int read_zone(struct scenario *s)
{
	char *text = s->next, *line;

	while ((line = scenario_read_raw_line(s)) && strcmp(line, "END") != 0)
		if (s->next)
			s->next[-1] = '\n'; /* the zone file keeps its lines */
	if (!line || line == text)
		return scenario_fail(s, "expected the lines of a zone file, and END");
	s->zone->text = strndup(text, (size_t)(line - text));
	return s->zone->text ? check_zone(s) : scenario_fail(s, "no memory");
}

/* From 1; 0: there is no room for another. */
static unsigned number_of(struct gateway_zone *zone, const char *name)
{
	const unsigned max = sizeof(zone->names) / sizeof(zone->names[0]);
	unsigned i = 0;

	while (i < zone->name_count && strcmp(zone->names[i], name) != 0)
		i++;
	if (i == max)
		return 0;
	if (i == zone->name_count)
		strcpy(zone->names[zone->name_count++], name);
	return i + 1;
}

static int add_target(struct scenario *s, const char *name, enum config_target_type type)
{
	struct gateway_zone *zone = s->zone;
	struct gateway_target *target = &zone->targets[zone->target_count];
	unsigned number;

	if (zone->target_count == GATEWAY_TARGETS_MAX || strlen(name) >= FAKE_NAME_MAX)
		return scenario_fail(s, "too many targets");
	number = number_of(zone, name);
	if (!number)
		return scenario_fail(s, "too many names of targets");
	*target = (struct gateway_target){.number = number, .type = type};
	strcpy(target->name, name);
	zone->target_count++;
	s->gateway.is_dirty = true;
	return 0;
}

static int begin_zone(struct scenario *s, const uint8_t *apex, bool is_beside)
{
	int r = 0;

	if (!is_beside && s->zone) {
		r = life_check_end(s);
		gateway_forget(&s->gateway);
	}
	s->server = NULL;
	s->zone = gateway_add_zone(&s->gateway, apex);
	if (!r && !s->zone)
		r = scenario_fail(s, "there is no room for this zone");
	return r;
}

int scene_set_zone(struct scenario *s, char *at)
{
	const char *name = message_next_word(&at), *word;
	bool is_beside = false, keeps_serial = false;
	uint8_t apex[NAME_MAX_LEN];
	int r;

	if (!name || name_from_text(apex, name, NULL) != 0)
		return scenario_fail(s, "expected ZONE NAME, absolute");
	while ((word = message_next_word(&at))) {
		if (strcmp(word, "serial=keep") == 0)
			keeps_serial = true;
		else if (strcmp(word, "beside") == 0)
			is_beside = true;
		else
			return scenario_fail(s, "unknown word %s", word);
	}
	name_lower(apex);
	r = begin_zone(s, apex, is_beside);
	if (!r)
		r = read_zone(s);
	if (!r && keeps_serial)
		r = add_target(s, "primary", CONFIG_TARGET_POWERDNS);
	return r;
}

int scene_use_zone(struct scenario *s, char *at)
{
	const char *name = message_next_word(&at);
	uint8_t apex[NAME_MAX_LEN];
	struct gateway_zone *zone = NULL;

	if (name && name_from_text(apex, name, NULL) == 0) {
		name_lower(apex);
		zone = gateway_find_zone(&s->gateway, apex);
	}
	if (!zone)
		return scenario_fail(s, "expected IN ZONE");
	s->zone = zone;
	s->server = NULL;
	return 0;
}

int scene_drop_zone(struct scenario *s, char *at)
{
	int r = scene_use_zone(s, at);

	if (r || s->gateway.zone_count < 2)
		return scenario_fail(s, "expected NO_ZONE NAME, of several");
	gateway_drop_zone(&s->gateway, s->zone);
	s->zone = &s->gateway.zones[0];
	return 0;
}

int scene_add_target(struct scenario *s, char *at)
{
	const char *name = message_next_word(&at), *word = message_next_word(&at);

	if (!s->zone || !name)
		return scenario_fail(s, "expected TARGET NAME, of a zone");
	if (word && strcmp(word, "type=powerdns") != 0)
		return scenario_fail(s, "unknown word %s", word);
	return add_target(s, name, word ? CONFIG_TARGET_POWERDNS : CONFIG_TARGET_DDNS);
}

static struct gateway_target *read_target(struct scenario *s, char **at)
{
	const char *name = message_next_word(at);

	for (size_t i = 0; s->zone && name && i < s->zone->target_count; i++)
		if (strcmp(s->zone->targets[i].name, name) == 0)
			return &s->zone->targets[i];
	return NULL;
}

int scene_drop_target(struct scenario *s, char *at)
{
	struct gateway_target *target = read_target(s, &at);
	size_t behind;

	if (!target || s->zone->target_count < 2)
		return scenario_fail(s, "expected NO_TARGET NAME, of several");
	behind = (size_t)(s->zone->targets + --s->zone->target_count - target);
	memmove(target, target + 1, behind * sizeof(*target));
	s->gateway.is_dirty = true;
	return 0;
}

int scene_set_target(struct scenario *s, char *at)
{
	struct gateway_target *target = read_target(s, &at);

	if (!target || strlen(at) >= sizeof(target->settings))
		return scenario_fail(s, "expected TARGET_SETTING NAME TEXT");
	strcpy(target->settings, at);
	s->gateway.is_dirty = true;
	return 0;
}

/* ---- settings ---- */

int scene_set_settings(struct scenario *s, char *at)
{
	char *text = strdup(at);

	if (!s->zone || !text) {
		free(text);
		return scenario_fail(s, "expected SETTING TEXT, in a zone");
	}
	free(s->zone->settings);
	s->zone->settings = text;
	s->gateway.is_dirty = true;
	return 0;
}

int scene_set_queue(struct scenario *s, char *at)
{
	s->gateway.queue_max = strtoul(at, NULL, 10);
	return s->gateway.threads || !s->gateway.queue_max
		? scenario_fail(s, "expected QUEUE N, before anything happens")
		: 0;
}

int scene_set_expiry(struct scenario *s, char *at)
{
	struct lease_expiry *expiry = &s->zone->expiry;
	const char *word, *value;
	int64_t grace_s;

	while ((word = message_next_word(&at))) {
		if ((value = scenario_value_of(word, "grace")) &&
			scenario_time_from_text(&grace_s, value))
			expiry->grace_ms = grace_s * 1000;
		else if ((value = scenario_value_of(word, "count")))
			expiry->brake_count = (unsigned)strtoul(value, NULL, 10);
		else if ((value = scenario_value_of(word, "percent")))
			expiry->brake_percent = (unsigned)strtoul(value, NULL, 10);
		else
			return scenario_fail(s, "unknown word %s", word);
	}
	s->gateway.is_dirty = true;
	return 0;
}

int scene_add_rule(struct scenario *s, char *at)
{
	struct gateway_zone *zone = s->zone;
	struct policy policy = {0};
	const char *word;
	char *words;
	int r;

	if (!zone || zone->rule_count == GATEWAY_RULES_MAX)
		return scenario_fail(s, "too many rules, or no zone");
	words = strdup(at);
	r = rule_text_add(&policy, at, zone->apex, s->line, &word);
	policy_clear(&policy);
	if (r || !words) {
		free(words);
		return scenario_fail(s, "cannot read the rule at %s", word);
	}
	zone->rules[zone->rule_count++] = (struct gateway_rule){words, s->line};
	s->gateway.is_dirty = true;
	return 0;
}

int scene_clear_rules(struct scenario *s, char *at)
{
	(void)at;
	if (!s->zone)
		return scenario_fail(s, "expected NO_RULES in a zone");
	while (s->zone->rule_count)
		free(s->zone->rules[--s->zone->rule_count].words);
	s->gateway.is_dirty = true;
	return 0;
}

/* ---- keys ---- */

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
	if (keyfile_parse(ring, "key", text, strlen(text), NULL, NULL, error) != 0)
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

static int add_key(
	struct scenario *s, char *at, struct keyring *gateway, struct keyring *client)
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
	s->gateway.is_dirty = true;
	return r;
}

int scene_add_key(struct scenario *s, char *at)
{
	return add_key(s, at, s->gateway.ring, s->client_ring);
}

int scene_add_gateway_key(struct scenario *s, char *at)
{
	return add_key(s, at, s->gateway.ring, NULL);
}

int scene_add_client_key(struct scenario *s, char *at)
{
	return add_key(s, at, NULL, s->client_ring);
}
