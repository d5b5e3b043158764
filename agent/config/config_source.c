/*
 * muster-agent.conf: the settings sources and records.
 *
 * A table says which settings each type of source has, so that a setting without effect
 * is an error.
 */
#include "agent/config/config_read.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/records/record_text.h"

enum {
	INTERVAL_MAX_S = 7 * 24 * 3600,
	INTERVAL_WHOAMI_S = 600,
	INTERVAL_COMMAND_S = 300,
	TTL_MAX_S = 7 * 24 * 3600,
	RUN_DEFAULT_MS = 30 * 1000, /* of a command */
	RUN_MIN_MS = 100,
	RUN_MAX_MS = 600 * 1000,
	GRACE_DEFAULT_MS = 10 * 1000,
	GRACE_MAX_MS = 24 * 3600 * 1000,
};

#define DOCKER_SOCKET "/var/run/docker.sock"

const struct reader_choice config_publish_choices[CONFIG_PUBLISH_CHOICES] = {
	{"A", PUBLISH_A},
	{"AAAA", PUBLISH_AAAA},
	{"SSHFP", PUBLISH_SSHFP},
	{"PTR", PUBLISH_PTR},
};

static const struct reader_choice types[] = {
	{"interfaces", 1 << SOURCE_INTERFACES},
	{"hosts", 1 << SOURCE_HOSTS},
	{"docker", 1 << SOURCE_DOCKER},
	{"whoami", 1 << SOURCE_WHOAMI},
	{"command", 1 << SOURCE_COMMAND},
};

/* ---- the settings of a source ---- */

static void read_publish(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	reader_choose_any(r, setting, config_publish_choices, CONFIG_PUBLISH_CHOICES,
		&((struct config_source *)object)->publish);
}

static void read_interfaces(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	reader_words(r, setting, &((struct config_source *)object)->interfaces);
}

static void read_scopes(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	static const struct reader_choice choices[] = {
		{"global", SCOPE_GLOBAL},
		{"private", SCOPE_PRIVATE},
		{"link", SCOPE_LINK},
		{"host", SCOPE_HOST},
	};

	reader_choose_any(
		r, setting, choices, 4, &((struct config_source *)object)->scopes);
}

static void read_include(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	static const struct reader_choice choices[] = {
		{"temporary", INCLUDE_TEMPORARY},
		{"deprecated", INCLUDE_DEPRECATED},
		{"tentative", INCLUDE_TENTATIVE},
	};

	reader_choose_any(
		r, setting, choices, 3, &((struct config_source *)object)->include);
}

static void read_suffix(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config_source *source = object;
	static const uint8_t none[8];
	const char *text = reader_text(r, setting);
	struct in6_addr address;

	if (!text)
		return;
	if (inet_pton(AF_INET6, text, &address) != 1 ||
		memcmp(address.s6_addr, none, sizeof(none))) {
		reader_error(
			r, setting, "must be the end of an IPv6 address: \"::1:2:3:4\"");
		return;
	}
	memcpy(source->suffix, address.s6_addr + 8, sizeof(source->suffix));
	source->has_suffix = true;
}

static void read_command(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config_source *source = object;

	reader_words(r, setting, &source->command);
	if (source->command && source->command[0] && source->command[0][0] != '/')
		reader_error(r, setting,
			"must begin with the path of a program: [ \"/usr/bin/program\", "
			"\"argument\" ] (no shell is involved)");
}

static bool parse_address(const char *text, struct config_address *ret)
{
	if (inet_pton(AF_INET, text, ret->octets) == 1) {
		ret->family = 4;
		return true;
	}
	ret->family = 6;
	return inet_pton(AF_INET6, text, ret->octets) == 1;
}

/* "container", "host", or addresses. */
static void read_address(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config_source *source = object;
	const size_t count = reader_count_words(r, setting);
	const char *text =
		count ? config_setting_get_string(reader_element(setting, 0)) : NULL;

	if (!count || (count == 1 && text && !strcmp(text, "container")))
		return;
	if (count == 1 && text && !strcmp(text, "host")) {
		source->is_host_address = true;
		return;
	}
	source->addresses = reader_alloc(r, count, sizeof(*source->addresses));
	if (!source->addresses)
		return;
	for (size_t i = 0; i < count; i++) {
		text = config_setting_get_string(reader_element(setting, i));
		if (!text || !parse_address(text, &source->addresses[i])) {
			reader_error(r, setting,
				"must be \"container\", \"host\", or addresses");
			return;
		}
		source->address_count++;
	}
}

static void read_origin(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config_source *source = object;
	const uint8_t *zone = r->config->zones[0];

	if (reader_name(r, setting, zone, source->origin) &&
		!config_find_zone(r->config, source->origin))
		reader_error(r, setting, "lies in none of the zones");
}

enum {
	OF_INTERFACES = 1 << SOURCE_INTERFACES,
	OF_HOSTS = 1 << SOURCE_HOSTS,
	OF_DOCKER = 1 << SOURCE_DOCKER,
	OF_WHOAMI = 1 << SOURCE_WHOAMI,
	OF_COMMAND = 1 << SOURCE_COMMAND,
	OF_ALL = (1 << SOURCE_TYPES) - 1,
};

static const struct reader_member members[] = {
	READER_ELSEWHERE("type"),
	READER_OWN("publish", read_publish),
	READER_OWN("interfaces", read_interfaces),
	READER_OWN("scope", read_scopes),
	READER_OWN("include", read_include),
	READER_OWN("suffix", read_suffix),
	READER_PATH("path", struct config_source, path),
	READER_OWN("command", read_command),
	READER_TEXT("network", struct config_source, network),
	READER_OWN("address", read_address),
	READER_SECONDS("ttl", struct config_source, ttl, 0, TTL_MAX_S),
	READER_SECONDS("interval", struct config_source, interval_s, 0, INTERVAL_MAX_S),
	READER_TIME("timeout", struct config_source, timeout_ms, RUN_MIN_MS, RUN_MAX_MS),
	READER_TIME("grace", struct config_source, grace_ms, 0, GRACE_MAX_MS),
	READER_BOOL("shared", struct config_source, is_shared),
	READER_OWN("origin", read_origin),
};

enum { MEMBERS = sizeof(members) / sizeof(members[0]) };

/* In the order of members: for which types. */
static const unsigned member_types[MEMBERS] = {
	OF_ALL,                            /* type */
	OF_INTERFACES | OF_WHOAMI,         /* publish */
	OF_INTERFACES,                     /* interfaces */
	OF_INTERFACES,                     /* scope */
	OF_INTERFACES,                     /* include */
	OF_INTERFACES,                     /* suffix */
	OF_HOSTS | OF_DOCKER,              /* path */
	OF_COMMAND,                        /* command */
	OF_DOCKER,                         /* network */
	OF_DOCKER,                         /* address */
	OF_ALL,                            /* ttl */
	OF_WHOAMI | OF_COMMAND,            /* interval */
	OF_COMMAND,                        /* timeout */
	OF_DOCKER,                         /* grace */
	OF_ALL,                            /* shared */
	OF_HOSTS | OF_DOCKER | OF_COMMAND, /* origin */
};

static void check_members(struct settings_reader *r, const config_setting_t *group,
	enum config_source_type type)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		const config_setting_t *setting =
			config_setting_get_member(group, members[i].name);

		if (setting && !(member_types[i] & 1U << type))
			reader_error(
				r, setting, "has no meaning for a source of this type");
	}
}

static void check_required(struct settings_reader *r, const config_setting_t *group,
	const struct config_source *source)
{
	if (source->type == SOURCE_HOSTS && !source->path && !r->error)
		reader_error_missing(
			r, group, "path", "a hosts file, or a folder of them");
	if (source->type == SOURCE_COMMAND && !source->command && !r->error)
		reader_error_missing(r, group, "command", "the program to run");
}

static void set_defaults(struct settings_reader *r, struct config_source *source,
	enum config_source_type type)
{
	const struct config *config = r->config;
	/* Names in a hosts file or a label stand for other machines beside the host; a
	 * program on the host prints records of the host itself. */
	const uint8_t *origin = type == SOURCE_COMMAND ? config->name : config->zones[0];

	source->type = type;
	source->publish = config->publish;
	source->scopes = SCOPE_GLOBAL | SCOPE_PRIVATE;
	source->ttl = config->ttl;
	source->is_shared = config->is_shared;
	source->timeout_ms = RUN_DEFAULT_MS;
	source->grace_ms = GRACE_DEFAULT_MS;
	source->interval_s =
		type == SOURCE_WHOAMI ? INTERVAL_WHOAMI_S : INTERVAL_COMMAND_S;
	memcpy(source->origin, origin, name_len(origin));
	if (type != SOURCE_DOCKER)
		return;
	source->path = strdup(DOCKER_SOCKET);
	if (!source->path)
		reader_error_memory(r);
}

static bool read_type(struct settings_reader *r, const config_setting_t *group,
	enum config_source_type *ret_type)
{
	const config_setting_t *setting = config_setting_get_member(group, "type");
	unsigned chosen = 0;

	if (!setting) {
		reader_error_missing(
			r, group, "type", "interfaces, hosts, docker, whoami or command");
		return false;
	}
	if (!reader_choose(r, setting, types, sizeof(types) / sizeof(types[0]), &chosen))
		return false;
	*ret_type = (enum config_source_type)__builtin_ctz(chosen);
	return true;
}

static void read_source(struct settings_reader *r, const config_setting_t *group)
{
	struct config *config = r->config;
	struct config_source *source = &config->sources[config->source_count];
	enum config_source_type type;

	if (!reader_is_group(r, group) || !read_type(r, group, &type))
		return;
	config->source_count++;
	source->line = settings_text_line(r->text, config_setting_source_line(group));
	set_defaults(r, source, type);
	check_members(r, group, type);
	reader_read_group(r, group, members, MEMBERS, source);
	check_required(r, group, source);
}

static void read_sources(struct settings_reader *r, const config_setting_t *setting)
{
	const int count = config_setting_length(setting);

	if (!config_setting_is_list(setting) || count > CONFIG_SOURCES_MAX) {
		reader_error(r, setting,
			"must be a list of up to %d: ( { type = ... }, ... )",
			CONFIG_SOURCES_MAX);
		return;
	}
	r->config->sources = reader_alloc(r, (size_t)count, sizeof(*r->config->sources));
	if (!r->config->sources)
		return;
	for (int i = 0; i < count; i++)
		read_source(r, config_setting_get_elem(setting, (unsigned)i));
}

/* Without the setting "sources", the addresses of the interfaces are published. */
static void use_interfaces(struct settings_reader *r)
{
	r->config->sources = reader_alloc(r, 1, sizeof(*r->config->sources));
	if (!r->config->sources)
		return;
	set_defaults(r, r->config->sources, SOURCE_INTERFACES);
	r->config->source_count = 1;
}

/* ---- records ---- */

static void read_record(struct settings_reader *r, const config_setting_t *setting)
{
	struct config *config = r->config;
	const char *text = reader_text(r, setting);
	char why[RECORD_WHY_MAX];
	int e;

	if (!text)
		return;
	e = record_text_parse(&config->records, text, config->name, config->ttl, why);
	if (e == -EINVAL)
		reader_error(r, setting, "\"%s\": %s", text, why);
	else if (e)
		reader_error_memory(r);
	else if (config->records.count &&
		!config_find_zone(
			config, config->records.items[config->records.count - 1].owner))
		reader_error(r, setting, "\"%s\" lies in none of the zones", text);
}

static void read_records(struct settings_reader *r, const config_setting_t *setting)
{
	for (size_t i = 0; i < reader_count_words(r, setting); i++)
		read_record(r, reader_element(setting, i));
	if (!r->config->is_shared && records_claim_all(&r->config->records))
		reader_error_memory(r);
	records_sort(&r->config->records);
}

void config_sources_read(struct settings_reader *r, const config_setting_t *root)
{
	const config_setting_t *sources = config_setting_get_member(root, "sources");
	const config_setting_t *records = config_setting_get_member(root, "records");

	if (sources)
		read_sources(r, sources);
	else
		use_interfaces(r);
	if (records)
		read_records(r, records);
}

void config_source_clear(struct config_source *source)
{
	reader_free_words(source->interfaces);
	reader_free_words(source->command);
	free(source->path);
	free(source->network);
	free(source->addresses);
}
