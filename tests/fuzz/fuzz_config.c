/*
 * libFuzzer target: the text of musterd.conf.  A configuration that loads must be
 * complete and valid: nobody checks it again.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/config/config_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct tally {
	size_t errors;
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_message(bool error, const char *message, void *arg)
{
	struct tally *tally = arg;

	tally->errors += error;
	require(message[0] != '\0' && strlen(message) < SETTINGS_MESSAGE_MAX);
	for (const char *c = message; *c; c++)
		require(*c >= ' ' && *c <= '~');
}

static void check_rule(const struct config_zone *zone, const struct policy_rule *rule)
{
	bool has_names = rule->match == POLICY_MATCH_NAME ||
		rule->match == POLICY_MATCH_SUBDOMAIN ||
		rule->match == POLICY_MATCH_PATTERN;

	require(rule->key_count > 0);
	require((rule->name_count > 0) == has_names);
	for (size_t i = 0; i < rule->name_count; i++)
		require(name_is_subdomain(rule->names[i], zone->name));
	require(rule->operations != 0 || rule->transfer);
	require(rule->transports != 0);
	require(rule->ttl_min <= rule->ttl_max);
	require(!rule->has_lease ||
		(rule->lease_min_s <= rule->lease_max_s &&
			rule->lease_min_s <= rule->lease_key_max_s));
	require(!rule->lease_default_s ||
		(rule->lease_default_s >= rule->lease_min_s &&
			rule->lease_default_s <= rule->lease_max_s));
}

static void check_zone(const struct config *config, const struct config_zone *zone)
{
	require(config_find_zone(config, zone->name) == zone);
	require(config_find_enclosing_zone(config, zone->name) == zone);
	require(zone->text && zone->target_count > 0);
	require(zone->refresh_s > 0);
	require(zone->expiry.grace_ms >= 0);
	require(zone->expiry.brake_percent > 0 && zone->expiry.brake_percent <= 100);
	for (size_t i = 0; i < zone->target_count; i++) {
		require(zone->targets[i].id && zone->targets[i].timeout_ms > 0);
		require(zone->targets[i].type != CONFIG_TARGET_DDNS ||
			zone->targets[i].servers[0].text);
		require(zone->targets[i].type != CONFIG_TARGET_POWERDNS);
	}
	for (size_t i = 0; i < zone->policy.count; i++)
		check_rule(zone, &zone->policy.rules[i]);
}

static void check_config(const struct config *config)
{
	require(config->listen_count > 0 && config->database && config->keys);
	require(config->threads > 0 && config->audit_days > 0);
	for (size_t i = 0; i < config->zone_count; i++)
		check_zone(config, &config->zones[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = NULL;
	struct tally tally = {0};
	const char *text = size ? (const char *)data : "";

	int err = config_parse(&config, "fuzz.conf", text, size, check_message, &tally);
	require(err == 0 || err == -EINVAL || err == -ENOMEM);
	require((err == 0) == (tally.errors == 0) && (err == 0) == (config != NULL));
	if (config)
		check_config(config);
	config_unref(config);
	return 0;
}
