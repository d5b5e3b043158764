/*
 * The rules of a zone in musterd.conf: allow = ( { ... } ).
 *
 * Only reads and checks; zones/policy.h and zones/lease.h explain what rules mean.
 * rate is not kept: this version does not use it, and says so.
 */
#include "gateway/config/config_read.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/settings_words.h"
#include "zones/rdata.h"

enum {
	TTL_MAX_S = INT32_MAX,     /* RFC 2181 8 */
	LEASE_LIMIT_S = INT32_MAX, /* 68 years, which leaves room for sums of times */
};

struct rule_reading {
	struct policy_rule rule; /* first */
	const struct config_zone *zone;
};

/* ---- who ---- */

static bool has_wildcard(const uint8_t *name)
{
	for (; name; name = name_parent(name))
		if (name_is_pattern(name))
			return true;
	return false;
}

static void read_keys(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct policy_rule *rule = object;
	char text[NAME_TEXT_MAX];

	reader_patterns(r, setting, NULL, NULL, &rule->keys, &rule->key_count);
	if (!rule->keys || rule->key_count != reader_count(setting))
		return;
	for (size_t i = 0; i < rule->key_count; i++) {
		const uint8_t *key = rule->keys[i];
		if (has_wildcard(key) || !r->config->keys ||
			keyring_find(r->config->keys, key))
			continue;
		reader_warning(r, reader_element(setting, i),
			"no such key in key_files: %.256s", name_to_text(key, text));
	}
}

static void read_from(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct policy_rule *rule = object;

	reader_cidrs(r, setting, &rule->from, &rule->from_count);
}

static void read_transport(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	static const struct reader_choice choices[] = {
		{"udp", POLICY_UDP}, {"tcp", POLICY_TCP}};

	(void)reader_choose_many(
		r, setting, choices, 2, &((struct policy_rule *)object)->transports);
}

/* ---- which names ---- */

static const struct reader_choice matches[] = {
	{"self", POLICY_MATCH_SELF},
	{"selfsub", POLICY_MATCH_SELFSUB},
	{"name", POLICY_MATCH_NAME},
	{"subdomain", POLICY_MATCH_SUBDOMAIN},
	{"pattern", POLICY_MATCH_PATTERN},
	{"zone", POLICY_MATCH_ZONE},
};

static void read_match(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	unsigned match;

	if (reader_choose(
		    r, setting, matches, sizeof(matches) / sizeof(matches[0]), &match))
		((struct policy_rule *)object)->match = (enum policy_match)match;
}

static void read_names(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct rule_reading *reading = object;
	struct policy_rule *rule = &reading->rule;
	const uint8_t *zone = reading->zone->name;

	if (rule->match == POLICY_MATCH_PATTERN)
		reader_patterns(r, setting, zone, zone, &rule->names, &rule->name_count);
	else
		reader_names(r, setting, zone, zone, &rule->names, &rule->name_count);
}

/* If names are listed for a match that ignores them, or missing for one that needs
 * them, the author meant something else. */
static void check_names(struct settings_reader *r, const config_setting_t *group)
{
	const config_setting_t *match = config_setting_get_member(group, "match");
	const config_setting_t *names = config_setting_get_member(group, "names");
	const char *text = match ? config_setting_get_string(match) : NULL;

	if (!text)
		return;
	bool has_none = strcmp(text, "self") == 0 || strcmp(text, "selfsub") == 0 ||
		strcmp(text, "zone") == 0;
	bool has_some = strcmp(text, "name") == 0 || strcmp(text, "subdomain") == 0 ||
		strcmp(text, "pattern") == 0;
	if (has_none && names)
		reader_error(r, names, "match = \"%s\" takes no names", text);
	if (has_some && !names)
		reader_error(r, match, "\"%s\" needs names", text);
}

/*
 * A rule must say which names it is about, unless it is only about transfers: with
 * transfer and without match it allows no updates.
 */
static void check_match(struct settings_reader *r, const config_setting_t *group,
	struct policy_rule *rule)
{
	static const char *const about_updates[] = {"names", "types", "operations",
		"data", "ttl", "max_records", "max_names", "max_size", "rate", "lease",
		"ptr", "adopt", "merge"};

	if (config_setting_get_member(group, "match"))
		return;
	bool is_transfer_only = rule->transfer;
	for (size_t i = 0; i < sizeof(about_updates) / sizeof(about_updates[0]); i++)
		if (config_setting_get_member(group, about_updates[i]))
			is_transfer_only = false;
	if (is_transfer_only)
		rule->operations = 0;
	else
		reader_error_missing(r, group, "match", NULL);
}

/* ---- which records ---- */

static void report_bad_type(
	struct settings_reader *r, const config_setting_t *setting, const char *text)
{
	static const char *const names[] = {"A", "AAAA", "ANY", "CAA", "CNAME", "DHCID",
		"DNAME", "HTTPS", "MX", "NAPTR", "NS", "OPENPGPKEY", "PTR", "SMIMEA",
		"SOA", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI"};
	char upper[32];
	size_t i = 0;

	for (; text[i] && i < sizeof(upper) - 1; i++)
		upper[i] =
			(char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 32 : text[i]);
	upper[i] = '\0';
	const char *meant = settings_suggest(
		upper, names, sizeof(names) / sizeof(names[0]), sizeof(names[0]));
	if (meant)
		reader_error(r, setting, "unknown type \"%.64s\" (did you mean \"%s\"?)",
			text, meant);
	else
		reader_error(r, setting, "unknown type \"%.64s\"", text);
}

static void read_types(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct policy_rule *rule = object;

	if (!reader_is_values(r, setting))
		return;
	rule->types = reader_alloc(r, reader_count(setting), sizeof(*rule->types));
	for (size_t i = 0; rule->types && i < reader_count(setting); i++) {
		const config_setting_t *element = reader_element(setting, i);
		const char *text = reader_text(r, element);
		if (!text)
			continue;
		uint16_t type = rdata_type_from_name(text);
		if (type == 0)
			report_bad_type(r, element, text);
		else if (type != TYPE_ANY && rdata_type_is_meta(type))
			reader_error(r, element,
				"type %.64s is not for records of a zone", text);
		else
			rule->types[rule->type_count++] = type;
	}
}

static void read_operations(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	static const struct reader_choice choices[] = {
		{"add", POLICY_ADD}, {"delete", POLICY_DELETE}};

	(void)reader_choose_many(
		r, setting, choices, 2, &((struct policy_rule *)object)->operations);
}

/*
 * A mistyped prefix must not be taken for a name pattern: "192.0.2.0/33" is one,
 * "0/25.2.0.192.in-addr.arpa." (RFC 2317 4) is not.
 */
static bool is_like_address(const char *text)
{
	return strchr(text, ':') || strspn(text, "0123456789./") == strlen(text);
}

static void read_data_element(struct settings_reader *r, const config_setting_t *element,
	struct rule_reading *reading)
{
	struct policy_rule *rule = &reading->rule;
	const char *text = reader_text(r, element);
	uint8_t name[NAME_MAX_LEN];

	if (!text)
		return;
	if (strcmp(text, "source") == 0) {
		rule->data_source = true;
		return;
	}
	if (is_like_address(text)) {
		if (reader_cidr(r, element, &rule->data[rule->data_count]))
			rule->data_count++;
		return;
	}
	if (!reader_pattern(r, element, reading->zone->name, name))
		return;
	uint8_t *copy = reader_alloc(r, 1, name_len(name));
	if (!copy)
		return;
	memcpy(copy, name, name_len(name));
	rule->data_names[rule->data_name_count++] = copy;
}

static void read_data(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct rule_reading *reading = object;
	struct policy_rule *rule = &reading->rule;
	size_t count = reader_count(setting);

	if (!reader_is_values(r, setting))
		return;
	rule->data = reader_alloc(r, count, sizeof(*rule->data));
	rule->data_names = reader_alloc(r, count, sizeof(*rule->data_names));
	for (size_t i = 0; rule->data && rule->data_names && i < count; i++)
		read_data_element(r, reader_element(setting, i), reading);
}

static void read_ttl(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	static const struct reader_member members[] = {
		READER_SECONDS("min", struct policy_rule, ttl_min, 0, TTL_MAX_S),
		READER_SECONDS("max", struct policy_rule, ttl_max, 0, TTL_MAX_S)};
	struct policy_rule *rule = object;

	reader_read_group(r, setting, members, 2, rule);
	if (rule->ttl_min > rule->ttl_max)
		reader_error(r, setting, "min is above max");
}

/* ---- leases ---- */

static void check_lease(struct settings_reader *r, const config_setting_t *setting,
	const struct policy_rule *rule)
{
	if (rule->lease_min_s > rule->lease_max_s)
		reader_error(r, setting, "min (%us) is above max (%us)",
			(unsigned)rule->lease_min_s, (unsigned)rule->lease_max_s);
	else if (rule->lease_min_s > rule->lease_key_max_s)
		reader_error(r, setting, "min (%us) is above key_max (%us)",
			(unsigned)rule->lease_min_s, (unsigned)rule->lease_key_max_s);
	else if (rule->lease_default_s > 0 &&
		(rule->lease_default_s < rule->lease_min_s ||
			rule->lease_default_s > rule->lease_max_s))
		reader_error(r, setting,
			"default (%us) is not between min (%us) and max (%us)",
			(unsigned)rule->lease_default_s, (unsigned)rule->lease_min_s,
			(unsigned)rule->lease_max_s);
}

/* max limits KEY records too, unless there is a key_max. */
static void read_lease(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	static const struct reader_member members[] = {
		READER_SECONDS(
			"default", struct policy_rule, lease_default_s, 1, LEASE_LIMIT_S),
		READER_SECONDS("min", struct policy_rule, lease_min_s, 1, LEASE_LIMIT_S),
		READER_SECONDS("max", struct policy_rule, lease_max_s, 1, LEASE_LIMIT_S),
		READER_SECONDS(
			"key_max", struct policy_rule, lease_key_max_s, 1, LEASE_LIMIT_S),
	};
	struct policy_rule *rule = object;

	rule->has_lease = true;
	rule->lease_min_s = LEASE_MIN_S;
	rule->lease_max_s = 0;
	rule->lease_key_max_s = 0;
	reader_read_group(r, setting, members, 4, rule);
	if (!rule->lease_key_max_s)
		rule->lease_key_max_s =
			rule->lease_max_s ? rule->lease_max_s : LEASE_KEY_MAX_S;
	if (!rule->lease_max_s)
		rule->lease_max_s = LEASE_MAX_S;
	check_lease(r, setting, rule);
}

static bool may_add_addresses(const struct policy_rule *rule)
{
	for (size_t i = 0; i < rule->type_count; i++)
		if (rule->types[i] == TYPE_A || rule->types[i] == TYPE_AAAA ||
			rule->types[i] == TYPE_ANY)
			return rule->operations & POLICY_ADD;
	return rule->type_count == 0 && rule->operations & POLICY_ADD;
}

/* If a setting has no effect, the author of the rule meant something else. */
static void check_effect(struct settings_reader *r, const config_setting_t *group,
	const struct policy_rule *rule)
{
	if (rule->ptr && !may_add_addresses(rule))
		reader_warning(r, config_setting_get_member(group, "ptr"),
			"has no effect: the rule allows no addresses to be added");
	if (rule->adopt && !rule->has_lease && !rule->ptr)
		reader_warning(r, config_setting_get_member(group, "adopt"),
			"has no effect without lease or ptr");
	if (rule->merge && !rule->has_lease)
		reader_warning(r, config_setting_get_member(group, "merge"),
			"without lease what the rule adds is permanent, and not spared");
}

/* ---- what is not in effect yet ---- */

static void read_rate(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	(void)object;
	if (!config_setting_is_number(setting) &&
		config_setting_type(setting) != CONFIG_TYPE_STRING)
		reader_error(r, setting, "must be a number or a string");
	else
		reader_warning(r, setting, "has no effect in this version");
}

/* ---- the rule ---- */

static const struct reader_member rule_members[] = {
	READER_REQUIRED("keys", read_keys),
	READER_OWN("match", read_match), /* see check_match */
	READER_OWN("names", read_names),
	READER_OWN("types", read_types),
	READER_OWN("operations", read_operations),
	READER_OWN("data", read_data),
	READER_OWN("ttl", read_ttl),
	READER_NUMBER("max_records", struct policy_rule, max_records, 1, RRSET_COUNT_MAX),
	READER_NUMBER("max_names", struct policy_rule, max_names, 1, INT32_MAX),
	READER_NUMBER("max_size", struct policy_rule, max_size, 1, INT32_MAX),
	READER_OWN("rate", read_rate),
	READER_OWN("from", read_from),
	READER_OWN("transport", read_transport),
	READER_BOOL("transfer", struct policy_rule, transfer),
	READER_OWN("lease", read_lease),
	READER_BOOL("adopt", struct policy_rule, adopt),
	READER_BOOL("ptr", struct policy_rule, ptr),
	READER_BOOL("merge", struct policy_rule, merge),
};

static void read_rule(struct settings_reader *r, const config_setting_t *group,
	struct rule_reading *reading)
{
	if (!reader_is_group(r, group))
		return;
	reading->rule.line =
		(int)settings_text_line(r->text, config_setting_source_line(group));
	reader_read_group(r, group, rule_members,
		sizeof(rule_members) / sizeof(rule_members[0]), reading);
	check_names(r, group);
	check_match(r, group, &reading->rule);
	check_effect(r, group, &reading->rule);
}

void config_policy_read(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config_zone *zone = object;

	if (!reader_is_list(r, setting))
		return;
	size_t count = reader_count(setting);
	struct policy_rule *rules = reader_alloc(r, count, sizeof(*rules));
	if (!rules)
		return;
	zone->policy.rules = rules;
	for (size_t i = 0; i < count; i++) {
		struct rule_reading reading = {.zone = zone};

		policy_rule_init(&reading.rule);
		read_rule(r, reader_element(setting, i), &reading);
		rules[i] = reading.rule;
		zone->policy.count = i + 1;
	}
}
