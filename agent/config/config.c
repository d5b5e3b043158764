/*
 * muster-agent.conf: the settings at its top, defaults, and the key.
 */
#include "agent/config/config_read.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LEASE_DEFAULT_S = 3600,
	LEASE_MIN_S = 2,
	LEASE_SHORT_S = 30, /* servers need not grant less, RFC 9664 8 */
	LEASE_MAX_S = 30 * 24 * 3600,
	TTL_DEFAULT_S = 300,
	TTL_MAX_S = 7 * 24 * 3600,
	DELAY_MAX_MS = 3000, /* RFC 9664 4.2 */
	TIMEOUT_DEFAULT_MS = 5000,
	TIMEOUT_MIN_MS = 100,
	TIMEOUT_MAX_MS = 60000,
	FILE_MAX = 1024 * 1024, /* octets of the configuration */
};

#define STATE_DEFAULT    "/var/lib/muster-agent/state.json"
#define SSH_KEYS_DEFAULT "/etc/ssh/ssh_host_*_key.pub"

/* ---- the settings ---- */

static void read_gateways(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config *config = object;
	const size_t count = reader_count_words(r, setting);

	if (count > CONFIG_GATEWAYS_MAX) {
		reader_error(r, setting, "at most %d gateways", CONFIG_GATEWAYS_MAX);
		return;
	}
	config->gateways = reader_alloc(r, count, sizeof(*config->gateways));
	if (!config->gateways)
		return;
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *element = reader_element(setting, i);
		struct config_gateway *gateway = &config->gateways[config->gateway_count];
		const char *text = reader_text(r, element);
		int error;

		if (!text)
			continue;
		error = config_parse_endpoint(text, &gateway->host, &gateway->port);
		if (error == -EINVAL) {
			reader_error(r, element,
				"\"%s\" is not a gateway: name, name:port, address, "
				"[address]:port",
				text);
			continue;
		}
		config->gateway_count++;
		gateway->text = error ? NULL : strdup(text);
		if (!gateway->text)
			reader_error_memory(r);
	}
}

static void read_zones(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config *config = object;
	const size_t count = reader_count_words(r, setting);

	config->zones = reader_alloc(r, count, sizeof(*config->zones));
	if (!config->zones)
		return;
	for (size_t i = 0; i < count; i++)
		if (reader_name(r, reader_element(setting, i), NULL,
			    config->zones[config->zone_count]))
			config->zone_count++;
}

/* What systemd's LoadCredential= hands to an unprivileged process instead of the file
 * that only root can read. */
static char *credential_path(const char *path)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	const char *name = strrchr(path, '/');
	char *credential;

	if (!folder || asprintf(&credential, "%s/%s", folder, name ? name + 1 : path) < 0)
		return NULL;
	if (access(credential, R_OK) == 0)
		return credential;
	free(credential);
	return NULL;
}

static void read_key_file(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config *config = object;
	char error[KEYFILE_ERROR_MAX], *credential;
	int e;

	if (!reader_path(r, setting, &config->key_file))
		return;
	credential = credential_path(config->key_file);
	e = reader_load_keys(r, setting, config->keys,
		credential ? credential : config->key_file, error);
	if (e)
		reader_error(r, setting, "%s%s", error,
			e == -EACCES ? " (the agent must be able to read it, and others "
				       "must not: chmod 640)"
				     : "");
	free(credential);
}

struct key_count {
	const struct tsig_key *first;
	size_t names;
};

static bool count_key(const struct tsig_key *key, void *arg)
{
	struct key_count *found = arg;

	if (!found->first || !name_is_equal(found->first->name, key->name))
		found->names++;
	if (!found->first)
		found->first = key;
	return true;
}

/* The setting key, or the only key that there is. */
static void choose_key(struct settings_reader *r, const config_setting_t *root)
{
	const config_setting_t *setting = config_setting_get_member(root, "key");
	struct config *config = r->config;
	struct key_count found = {0};
	uint8_t name[NAME_MAX_LEN];

	if (!config_setting_get_member(root, "key_file")) {
		reader_error_missing(r, root, "key_file",
			"the file with the key that signs updates, as tsig-keygen prints "
			"it");
		return;
	}
	keyring_each(config->keys, count_key, &found);
	if (setting) {
		if (!reader_name(r, setting, NULL, name))
			return;
		config->key = keyring_find(config->keys, name);
		if (!config->key && found.names)
			reader_error(r, setting, "there is no such key in key_file");
		return;
	}
	if (found.names > 1)
		reader_error(r, root,
			"key: is missing: key_file holds %zu keys, say which to sign "
			"with",
			found.names);
	else if (found.names)
		config->key = keyring_find(config->keys, found.first->name);
}

static void read_lease(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config *config = object;

	if (reader_seconds(r, setting, LEASE_MIN_S, LEASE_MAX_S, &config->lease_s) &&
		config->lease_s < LEASE_SHORT_S)
		reader_warning(r, setting,
			"servers need not grant leases under %d s (RFC 9664, 8)",
			LEASE_SHORT_S);
}

static void read_publish(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	reader_choose_any(r, setting, config_publish_choices, CONFIG_PUBLISH_CHOICES,
		&((struct config *)object)->publish);
}

static void read_interfaces(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	reader_words(r, setting, &((struct config *)object)->interfaces);
}

static void read_transport(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	static const struct reader_choice choices[] = {{"udp", 1}, {"tcp", 2}};
	unsigned chosen = 0;

	if (reader_choose(r, setting, choices, 2, &chosen))
		((struct config *)object)->is_tcp = chosen == 2;
}

static const struct reader_member members[] = {
	READER_OWN("gateways", read_gateways),
	READER_OWN("key_file", read_key_file),
	READER_ELSEWHERE("key"),
	READER_OWN("zone", read_zones),
	READER_ELSEWHERE("name"),
	READER_OWN("lease", read_lease),
	READER_SECONDS("ttl", struct config, ttl, 0, TTL_MAX_S),
	READER_OWN("publish", read_publish),
	READER_OWN("interfaces", read_interfaces),
	READER_PATH("ssh_keys", struct config, ssh_keys),
	READER_BOOL("shared", struct config, is_shared),
	READER_BOOL("withdraw_on_exit", struct config, withdraw_on_exit),
	READER_TIME("initial_delay", struct config, initial_delay_ms, 0, DELAY_MAX_MS),
	READER_TIME("timeout", struct config, timeout_ms, TIMEOUT_MIN_MS, TIMEOUT_MAX_MS),
	READER_OWN("transport", read_transport),
	READER_PATH("state", struct config, state),
	READER_PATH("pid_file", struct config, pid_file),
	READER_TEXT("user", struct config, user),
	READER_ELSEWHERE("records"),
	READER_ELSEWHERE("sources"),
};

/* ---- what depends on other settings ---- */

static void choose_name(struct settings_reader *r, const config_setting_t *root)
{
	const config_setting_t *setting = config_setting_get_member(root, "name");
	struct config *config = r->config;
	const uint8_t *origin = config->zone_count ? config->zones[0] : NULL;
	char text[NAME_TEXT_MAX];

	if (setting) {
		if (!reader_name(r, setting, origin, config->name))
			return;
	} else if (config->key) {
		memcpy(config->name, config->key->name, name_len(config->key->name));
	} else {
		return; /* the missing key has been reported */
	}
	if (!config->zone_count && config->name[0]) {
		/* Usually, the zone is the name above it. */
		free(config->zones);
		config->zones = reader_alloc(r, 1, sizeof(*config->zones));
		if (!config->zones)
			return;
		memcpy(config->zones[0], name_parent(config->name),
			name_len(name_parent(config->name)));
		config->zone_count = 1;
	}
	if (!config_find_zone(config, config->name))
		reader_error(r, setting ? setting : root,
			"%s%s does not lie in any zone: say zone = \"...\"",
			setting ? "" : "name: ", name_to_text(config->name, text));
}

static void set_defaults(struct settings_reader *r, struct config *config)
{
	config->lease_s = LEASE_DEFAULT_S;
	config->ttl = TTL_DEFAULT_S;
	config->publish = PUBLISH_A | PUBLISH_AAAA;
	config->initial_delay_ms = DELAY_MAX_MS;
	config->timeout_ms = TIMEOUT_DEFAULT_MS;
	config->path = strdup(r->path);
	config->state = strdup(STATE_DEFAULT);
	config->ssh_keys = strdup(SSH_KEYS_DEFAULT);
	config->keys = keyring_new();
	if (!config->path || !config->state || !config->ssh_keys || !config->keys)
		reader_error_memory(r);
}

static void read_root(struct settings_reader *r, const config_setting_t *root)
{
	reader_read_group(
		r, root, members, sizeof(members) / sizeof(members[0]), r->config);
	if (!config_setting_get_member(root, "gateways"))
		reader_error_missing(r, root, "gateways",
			"the servers to send updates to, as in gateways = [ "
			"\"192.0.2.1:53\" ]");
	choose_key(r, root);
	choose_name(r, root);
	if (!r->error)
		config_sources_read(r, root);
}

/* Ends the life of text. */
static int read_config(struct config **ret_config, struct settings_reader *r,
	struct settings_text *text, const struct settings_source *source)
{
	config_t libconfig;

	r->text = text;
	r->config = calloc(1, sizeof(*r->config));
	config_init(&libconfig);
	if (!r->config)
		reader_error_memory(r);
	else if (!settings_text_read(text, source, &libconfig))
		r->error = -EINVAL;
	else
		set_defaults(r, r->config);
	if (!r->error)
		read_root(r, config_root_setting(&libconfig));
	config_destroy(&libconfig);
	settings_text_free(text);
	if (r->error) {
		config_free(r->config);
		return r->error;
	}
	*ret_config = r->config;
	return 0;
}

int config_load(
	struct config **ret_config, const char *path, config_report *report, void *arg)
{
	struct settings_reader r = {.path = path, .report = report, .arg = arg};
	struct settings_source source = {
		.path = path, .size_max = FILE_MAX, .report = report, .arg = arg};
	struct settings_text *text;
	char *copy = strdup(path);
	int error = -ENOMEM;

	if (copy) {
		r.folder = source.folder = dirname(copy);
		error = settings_text_load(&text, &source);
	}
	if (!error)
		error = read_config(ret_config, &r, text, &source);
	free(copy);
	return error;
}

int config_parse(struct config **ret_config, const char *text, const char *folder,
	config_report *report, void *arg)
{
	struct settings_reader r = {
		.path = "text", .folder = folder, .report = report, .arg = arg};
	const struct settings_source source = {
		.path = r.path, .size_max = FILE_MAX, .report = report, .arg = arg};
	struct settings_text *whole;
	const int error = settings_text_parse(&whole, &source, text, strlen(text));

	return error ? error : read_config(ret_config, &r, whole, &source);
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->gateway_count; i++) {
		free(config->gateways[i].host);
		free(config->gateways[i].text);
	}
	for (size_t i = 0; i < config->source_count; i++)
		config_source_clear(&config->sources[i]);
	free(config->gateways);
	free(config->sources);
	free(config->zones);
	reader_free_words(config->interfaces);
	records_clear(&config->records);
	keyring_free(config->keys);
	free(config->path);
	free(config->key_file);
	free(config->ssh_keys);
	free(config->state);
	free(config->user);
	free(config->pid_file);
	free(config);
}

/* ---- names ---- */

const uint8_t *config_find_zone(const struct config *config, const uint8_t *name)
{
	const uint8_t *found = NULL;

	for (size_t i = 0; i < config->zone_count; i++) {
		const uint8_t *zone = config->zones[i];

		if (name_is_subdomain(name, zone) &&
			(!found || name_len(zone) > name_len(found)))
			found = zone;
	}
	return found;
}

int config_complete_name(const struct config *config, const uint8_t *origin,
	const char *text, uint8_t ret_name[NAME_MAX_LEN])
{
	static const uint8_t root[] = {0};
	uint8_t name[NAME_MAX_LEN];
	const bool is_single = !strchr(text, '.');
	const int r = name_from_text(name, text, is_single ? origin : root);

	if (r)
		return -EINVAL;
	name_lower(name);
	/* "_http._tcp" (RFC 2782) is not the name of a host, and cannot be meant as a
	 * complete name. */
	if (text[0] == '_' && !config_find_zone(config, name)) {
		if (name_from_text(name, text, origin))
			return -EINVAL;
		name_lower(name);
	}
	if (!config_find_zone(config, name))
		return -EINVAL;
	memcpy(ret_name, name, name_len(name));
	return 0;
}
