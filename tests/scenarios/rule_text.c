/*
 * Policy rules from words: one setter per word, called for each of its values.
 */
#include "tests/scenarios/rule_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/scenarios/message.h"
#include "zones/rdata.h"

/* The list with room for one element more; NULL: no memory, and the list stays as it
 * was. */
static void *grow(void *list, size_t count, size_t size)
{
	return reallocarray(list, count + 1, size);
}

/* A pattern, unless "\*" stands for an asterisk alone: then it would be the same. */
static int add_name(
	uint8_t ***list, size_t *count, const char *value, const uint8_t *zone)
{
	uint8_t name[NAME_MAX_LEN];

	if (name_pattern_from_text(name, value, zone) != 0)
		return -EINVAL;
	name_lower(name);
	uint8_t **longer = grow(*list, *count, sizeof(**list));
	if (!longer)
		return -ENOMEM;
	*list = longer;
	longer[*count] = malloc(name_len(name));
	if (!longer[*count])
		return -ENOMEM;
	memcpy(longer[(*count)++], name, name_len(name));
	return 0;
}

static int add_cidr(struct cidr **list, size_t *count, const char *value)
{
	struct cidr cidr;

	if (cidr_from_text(&cidr, value) != 0)
		return -EINVAL;
	struct cidr *longer = grow(*list, *count, sizeof(**list));
	if (!longer)
		return -ENOMEM;
	*list = longer;
	longer[(*count)++] = cidr;
	return 0;
}

static int set_key(struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	return add_name(&rule->keys, &rule->key_count, value, zone);
}

static int set_match(struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	static const char *const words[] = {
		[POLICY_MATCH_SELF] = "self",
		[POLICY_MATCH_SELFSUB] = "selfsub",
		[POLICY_MATCH_NAME] = "name",
		[POLICY_MATCH_SUBDOMAIN] = "subdomain",
		[POLICY_MATCH_PATTERN] = "pattern",
		[POLICY_MATCH_ZONE] = "zone",
	};

	(void)zone;
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(value, words[i]) != 0)
			continue;
		rule->match = (enum policy_match)i;
		return 0;
	}
	return -EINVAL;
}

static int set_names(struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	return add_name(&rule->names, &rule->name_count, value, zone);
}

static int set_types(struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	uint16_t type = rdata_type_from_name(value);

	(void)zone;
	if (type == 0)
		return -EINVAL;
	uint16_t *longer = grow(rule->types, rule->type_count, sizeof(*longer));
	if (!longer)
		return -ENOMEM;
	rule->types = longer;
	longer[rule->type_count++] = type;
	return 0;
}

/* Two words that stand for bits.  The first value given takes the place of the default,
 * which is both. */
static int set_bits(unsigned *bits, const char *value, const char *const words[2])
{
	unsigned bit = strcmp(value, words[0]) == 0 ? 1
		: strcmp(value, words[1]) == 0      ? 2
						    : 0;

	if (bit == 0)
		return -EINVAL;
	*bits = *bits == 3 ? bit : *bits | bit;
	return 0;
}

static int set_operations(
	struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	static const char *const words[2] = {"add", "delete"};

	(void)zone;
	return set_bits(&rule->operations, value, words);
}

static int set_transport(struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	static const char *const words[2] = {"udp", "tcp"};

	(void)zone;
	return set_bits(&rule->transports, value, words);
}

static int set_data(struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	if (strcmp(value, "source") == 0) {
		rule->data_source = true;
		return 0;
	}
	int r = add_cidr(&rule->data, &rule->data_count, value);
	if (r != -EINVAL)
		return r;
	return add_name(&rule->data_names, &rule->data_name_count, value, zone);
}

static int set_ttl(struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	char *end;

	(void)zone;
	rule->ttl_min = (uint32_t)strtoul(value, &end, 10);
	if (end == value || *end != '-')
		return -EINVAL;
	if (end[1])
		rule->ttl_max = (uint32_t)strtoul(end + 1, &end, 10);
	else
		end++;
	return *end ? -EINVAL : 0;
}

static int set_max_records(
	struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	char *end;

	(void)zone;
	rule->max_records = (unsigned)strtoul(value, &end, 10);
	return *end || rule->max_records == 0 ? -EINVAL : 0;
}

static int set_from(struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	(void)zone;
	return add_cidr(&rule->from, &rule->from_count, value);
}

static int set_transfer(struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	(void)zone;
	rule->transfer = strcmp(value, "yes") == 0;
	return rule->transfer ? 0 : -EINVAL;
}

static int read_seconds(uint32_t *ret_s, const char *value)
{
	char *end;

	*ret_s = (uint32_t)strtoul(value, &end, 10);
	return *end ? -EINVAL : 0;
}

/* Any word about leases makes it a rule with leases. */
static int set_lease_default(
	struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	(void)zone;
	rule->has_lease = true;
	return read_seconds(&rule->lease_default_s, value);
}

static int set_lease_min(struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	(void)zone;
	rule->has_lease = true;
	return read_seconds(&rule->lease_min_s, value);
}

static int set_lease_max(struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	(void)zone;
	rule->has_lease = true;
	return read_seconds(&rule->lease_max_s, value);
}

static int set_key_max(struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	(void)zone;
	rule->has_lease = true;
	return read_seconds(&rule->lease_key_max_s, value);
}

static int set_adopt(struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	(void)zone;
	rule->adopt = strcmp(value, "yes") == 0;
	return rule->adopt ? 0 : -EINVAL;
}

static int set_ptr(struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	(void)zone;
	rule->ptr = strcmp(value, "yes") == 0;
	return rule->ptr ? 0 : -EINVAL;
}

static int set_merge(struct policy_rule *rule, const char *value, const uint8_t *zone)
{
	(void)zone;
	rule->merge = strcmp(value, "yes") == 0;
	return rule->merge ? 0 : -EINVAL;
}

static int set_word(struct policy_rule *rule, char *word, const uint8_t *zone)
{
	static const struct {
		const char *word;
		int (*set)(
			struct policy_rule *rule, const char *value, const uint8_t *zone);
	} setters[] = {{"key", set_key}, {"match", set_match}, {"names", set_names},
		{"types", set_types}, {"operations", set_operations}, {"data", set_data},
		{"ttl", set_ttl}, {"max_records", set_max_records}, {"from", set_from},
		{"transport", set_transport}, {"transfer", set_transfer},
		{"lease_default", set_lease_default}, {"lease_min", set_lease_min},
		{"lease_max", set_lease_max}, {"key_max", set_key_max},
		{"adopt", set_adopt}, {"ptr", set_ptr}, {"merge", set_merge}};
	char *values = strchr(word, '='), *save = NULL;
	size_t i = 0, count = sizeof(setters) / sizeof(setters[0]);

	if (!values || !values[1])
		return -EINVAL;
	size_t len = (size_t)(values++ - word);
	while (i < count &&
		(strncmp(word, setters[i].word, len) != 0 || setters[i].word[len]))
		i++;
	if (i == count)
		return -EINVAL;
	for (char *value = strtok_r(values, ",", &save); value;
		value = strtok_r(NULL, ",", &save)) {
		int r = setters[i].set(rule, value, zone);
		if (r != 0)
			return r;
	}
	return 0;
}

int rule_text_add(struct policy *policy, char *words, const uint8_t *zone, int line,
	const char **ret_word)
{
	struct policy_rule *longer = grow(policy->rules, policy->count, sizeof(*longer));
	char *word;

	*ret_word = "RULE";
	if (!longer)
		return -ENOMEM;
	policy->rules = longer;
	struct policy_rule *rule = &longer[policy->count++];
	policy_rule_init(rule);
	rule->line = line;
	while ((word = message_next_word(&words))) {
		*ret_word = word;
		int r = set_word(rule, word, zone);
		if (r != 0)
			return r;
	}
	*ret_word = "a rule without key=";
	return rule->key_count > 0 ? 0 : -EINVAL;
}
