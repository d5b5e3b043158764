/*
 * The zones of musterd.conf, zones = ( { name = ...; ... } ), and finding them by name.
 *
 * Targets and rules are read in config_target.c and config_policy.c.
 */
#include "gateway/config/config_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Out of memory is reported here, and does not end the process. */
#define HASH_NONFATAL_OOM          1
#define uthash_nonfatal_oom(entry) ((entry)->is_lost = true)
#include <uthash.h>

enum {
	ACK_TIMEOUT_MAX_MS = 3600 * 1000, /* more than any client waits */
	MAX_SIZE_MIB = 1024,              /* some ten million hosts */
	MAX_SIZE_LIMIT_MIB = 1 << 20,
	REFRESH_S = 60, /* default */
	REFRESH_MAX_S = 7 * 24 * 60 * 60,
	GRACE_MAX_MS = 30 * 24 * 60 * 60 * 1000LL,
	BRAKE_PERCENT = 30, /* defaults */
	BRAKE_COUNT = 50,
};

struct zone_entry {
	const struct config_zone *zone;
	bool is_lost; /* could not be entered */
	UT_hash_handle hh;
};

/* ---- the index ---- */

static const struct zone_entry *find_entry(
	const struct config *config, const uint8_t *name, size_t len)
{
	struct zone_entry *head = config->zone_index, *entry = NULL;

	HASH_FIND(hh, head, name, len, entry);
	return entry;
}

static int index_add(struct config *config, const struct config_zone *zone)
{
	struct zone_entry *head = config->zone_index;
	size_t len = name_len(zone->name);

	if (find_entry(config, zone->name, len))
		return -EEXIST;
	struct zone_entry *entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->zone = zone;
	HASH_ADD_KEYPTR(hh, head, zone->name, len, entry);
	config->zone_index = head;
	if (!entry->is_lost)
		return 0;
	free(entry);
	return -ENOMEM;
}

void config_zones_free_index(struct config *config)
{
	struct zone_entry *head = config->zone_index, *entry, *next;

	HASH_ITER(hh, head, entry, next) {
		HASH_DEL(head, entry);
		free(entry);
	}
	config->zone_index = NULL;
}

const struct config_zone *config_find_zone(
	const struct config *config, const uint8_t *name)
{
	const struct zone_entry *entry = find_entry(config, name, name_len(name));

	return entry ? entry->zone : NULL;
}

const struct config_zone *config_find_enclosing_zone(
	const struct config *config, const uint8_t *name)
{
	size_t len = name_len(name);

	while (name) {
		const struct zone_entry *entry = find_entry(config, name, len);
		if (entry)
			return entry->zone;
		len -= 1 + (size_t)name[0];
		name = name_parent(name);
	}
	return NULL;
}

/* ---- settings of a zone ---- */

static void read_name(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config_zone *zone = object;
	char text[NAME_TEXT_MAX];

	if (!reader_name(r, setting, NULL, zone->name))
		return;
	name_to_text(zone->name, text);
	if (name_is_wildcard(zone->name)) {
		reader_error(
			r, setting, "%.256s: a zone's name cannot be a wildcard", text);
		return;
	}
	if (!reader_set_text(r, &zone->text, text))
		return;
	int err = index_add(r->config, zone);
	if (err == -ENOMEM)
		reader_error_memory(r);
	else if (err)
		reader_error(r, setting, "%.256s is listed twice, first as zones[%zu]",
			text,
			(size_t)(config_find_zone(r->config, zone->name) -
				r->config->zones));
}

static void read_ack(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	static const struct reader_choice choices[] = {
		{"wait", CONFIG_ACK_WAIT},
		{"applied", CONFIG_ACK_APPLIED},
		{"durable", CONFIG_ACK_DURABLE},
	};
	unsigned ack;

	if (reader_choose(r, setting, choices, 3, &ack))
		((struct config_zone *)object)->ack = (enum config_ack)ack;
}

static void read_max_size(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	int64_t mib;

	if (reader_integer(r, setting, 1, MAX_SIZE_LIMIT_MIB, &mib))
		((struct config_zone *)object)->max_size = (size_t)mib << 20;
}

static void read_mname(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config_zone *zone = object;
	uint8_t name[NAME_MAX_LEN];

	if (!reader_name(r, setting, NULL, name))
		return;
	zone->mname = reader_alloc(r, 1, name_len(name));
	if (zone->mname)
		memcpy(zone->mname, name, name_len(name));
}

static void read_query_from(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config_zone *zone = object;

	reader_cidrs(r, setting, &zone->query_from, &zone->query_from_count);
}

/* ---- expiry ---- */

static void read_grace(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	(void)reader_time(
		r, setting, 0, GRACE_MAX_MS, &((struct lease_expiry *)object)->grace_ms);
}

static void read_expiry(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	static const struct reader_member members[] = {
		READER_OWN("grace", read_grace),
		READER_NUMBER(
			"brake_percent", struct lease_expiry, brake_percent, 1, 100),
		READER_NUMBER(
			"brake_count", struct lease_expiry, brake_count, 0, INT32_MAX),
	};

	reader_read_group(
		r, setting, members, 3, &((struct config_zone *)object)->expiry);
}

/* An action for hosts: a program or a URL.  The program need not exist yet. */
static void read_action(
	struct settings_reader *r, const config_setting_t *setting, char **ret)
{
	const char *text = reader_text(r, setting);

	if (!text)
		return;
	if (text[0] != '/' && !config_text_is_url(text, true)) {
		/* The value is not shown, since it may contain a password. */
		reader_error(r, setting,
			"must be the absolute path of a program, or "
			"\"http://host:port/...\" or \"https://host:port/...\" without "
			"user or fragment");
		return;
	}
	if (text[0] == '/' && r->folder && access(text, X_OK))
		reader_warning(r, setting, "cannot be run: %s", strerror(errno));
	(void)reader_set_text(r, ret, text);
}

static void read_on_stale(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	read_action(r, setting, &((struct config_zone *)object)->on_stale);
}

static void read_on_expire(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	read_action(r, setting, &((struct config_zone *)object)->on_expire);
}

/* ---- the zone ---- */

static const struct reader_member zone_members[] = {
	READER_REQUIRED("name", read_name), /* first: other names are relative to it */
	READER_OWN("ack", read_ack),
	READER_TIME(
		"ack_timeout", struct config_zone, ack_timeout_ms, 1, ACK_TIMEOUT_MAX_MS),
	READER_SECONDS("refresh", struct config_zone, refresh_s, 1, REFRESH_MAX_S),
	READER_OWN("max_size", read_max_size),
	READER_OWN("mname", read_mname),
	READER_OWN("query_from", read_query_from),
	READER_OWN("expiry", read_expiry),
	READER_OWN("on_stale", read_on_stale),
	READER_OWN("on_expire", read_on_expire),
	READER_OWN("targets", config_targets_read),
	READER_OWN("allow", config_policy_read),
};

static void read_zone(struct settings_reader *r, const config_setting_t *group,
	struct config_zone *zone)
{
	zone->ack = CONFIG_ACK_WAIT;
	zone->refresh_s = REFRESH_S;
	zone->expiry = (struct lease_expiry){
		.brake_percent = BRAKE_PERCENT, .brake_count = BRAKE_COUNT};
	zone->max_size = (size_t)MAX_SIZE_MIB << 20;
	if (!reader_is_group(r, group))
		return;
	reader_read_group(r, group, zone_members,
		sizeof(zone_members) / sizeof(zone_members[0]), zone);
	if (zone->target_count == 0)
		config_targets_default(r, zone);
	if (!config_setting_get_member(group, "allow"))
		reader_warning_missing(r, group, "allow", "every update is refused");
}

/* Does a zone here contain names below this one, or is it below this one? */
static bool serves_below(const struct config *config, const char *text)
{
	static const uint8_t root[] = {0};
	uint8_t name[NAME_MAX_LEN];

	if (name_from_text(name, text, root) || config_find_enclosing_zone(config, name))
		return true;
	for (size_t i = 0; i < config->zone_count; i++)
		if (name_is_subdomain(config->zones[i].name, name))
			return true;
	return false;
}

/* PTR records only follow addresses into zones that are served here. */
static void check_reverse(struct settings_reader *r, const config_setting_t *setting)
{
	const struct config *config = r->config;
	const struct policy_rule *rule;

	if (serves_below(config, "in-addr.arpa.") || serves_below(config, "ip6.arpa."))
		return;
	for (size_t i = 0; i < config->zone_count; i++) {
		const struct policy *policy = &config->zones[i].policy;
		const config_setting_t *allow =
			config_setting_get_member(reader_element(setting, i), "allow");

		for (size_t j = 0; j < policy->count; j++) {
			rule = &policy->rules[j];
			if (rule->ptr)
				reader_warning(r,
					config_setting_get_member(
						reader_element(allow, j), "ptr"),
					"has no effect: no reverse zone is served here");
		}
	}
}

void config_zones_read(struct settings_reader *r, const config_setting_t *setting)
{
	if (!reader_is_list(r, setting))
		return;
	size_t count = reader_count(setting);
	r->config->zones = reader_alloc(r, count, sizeof(*r->config->zones));
	for (size_t i = 0; r->config->zones && i < count; i++) {
		r->config->zone_count = i + 1;
		read_zone(r, reader_element(setting, i), &r->config->zones[i]);
	}
	check_reverse(r, setting);
}

void config_zone_clear(struct config_zone *zone)
{
	free(zone->text);
	for (size_t i = 0; i < zone->target_count; i++)
		config_target_clear(&zone->targets[i]);
	free(zone->targets);
	policy_clear(&zone->policy);
	free(zone->mname);
	free(zone->query_from);
	free(zone->on_stale);
	free(zone->on_expire);
	*zone = (struct config_zone){0};
}
