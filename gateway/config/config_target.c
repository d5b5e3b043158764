/*
 * The targets of a zone in musterd.conf: targets = ( { type = ...; ... } ).
 *
 * Only reads and checks: it does not test whether a server answers or a zone file
 * exists.
 */
#include "gateway/config/config_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PORT_DNS = 53,
	TIMEOUT_MS = 5000,           /* default */
	TIMEOUT_MAX_MS = 600 * 1000, /* a longer one would be a hang */
	URLS_MAX = 16,               /* of one server: one after the other is tried */
	/* Comparing a large zone takes minutes, and a month is as good as never. */
	SYNC_EVERY_MIN_S = 60,
	SYNC_EVERY_MAX_S = 31 * 24 * 3600,
};

/* ---- settings of each type ---- */

/* Finds a key of key_files or keys by its name; NULL: reported. */
static const struct tsig_key *find_key(
	struct settings_reader *r, const config_setting_t *setting)
{
	const struct tsig_key *key;
	uint8_t name[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];

	if (!reader_name(r, setting, NULL, name) || !r->config->keys)
		return NULL;
	key = keyring_find(r->config->keys, name);
	if (!key)
		reader_error(r, setting, "no such key in key_files: %.256s",
			name_to_text(name, text));
	return key;
}

static void read_key(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	((struct config_target *)object)->key = find_key(r, setting);
}

static void read_transfer_key(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	((struct config_target *)object)->transfer_key = find_key(r, setting);
}

/* ---- secondaries ---- */

static void read_secondary_key(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	((struct config_secondary *)object)->key = find_key(r, setting);
}

static void read_secondary_source(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config_secondary *secondary = object;
	const char *text = reader_text(r, setting);

	if (text && config_parse_address(&secondary->source, text, 0))
		reader_error(r, setting, "\"%.64s\" is not a numeric address", text);
}

static bool read_secondary(struct settings_reader *r, const config_setting_t *setting,
	struct config_secondary *secondary)
{
	static const struct reader_member members[] = {
		READER_ELSEWHERE("address"), /* reader_address */
		READER_ELSEWHERE("port"),
		READER_OWN("key", read_secondary_key),
		READER_OWN("source", read_secondary_source),
	};

	if (!config_setting_is_group(setting))
		return reader_endpoint(r, setting, PORT_DNS, &secondary->address);
	reader_read_group(
		r, setting, members, sizeof(members) / sizeof(members[0]), secondary);
	if (!reader_address(r, setting, NULL, PORT_DNS, 1, &secondary->address))
		return false;
	if (!secondary->source.len ||
		secondary->source.storage.ss_family ==
			secondary->address.storage.ss_family)
		return true;
	reader_error(r, setting, "source is of another address family than address");
	return false;
}

static void read_notify(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config_target *target = object;

	/* Unlike in lists that limit, an empty list is useful here: nobody is
	 * notified. */
	if (reader_is_empty(setting))
		return;
	if (!reader_is_values(r, setting))
		return;
	target->notify = reader_alloc(r, reader_count(setting), sizeof(*target->notify));
	for (size_t i = 0; target->notify && i < reader_count(setting); i++)
		if (read_secondary(r, reader_element(setting, i),
			    &target->notify[target->notify_count]))
			target->notify_count++;
}

/* A copy without slashes at the end; NULL: reported. */
static char *read_url(struct settings_reader *r, const config_setting_t *setting)
{
	const char *text = reader_text(r, setting);
	char *url = NULL;

	if (!text)
		return NULL;
	if (!config_text_is_url(text, false)) {
		/* The value is not shown, since it may contain a password. */
		reader_error(r, setting,
			"must be \"http://host:port\" or \"https://host:port\", without "
			"user, query or fragment");
		return NULL;
	}
	if (!reader_set_text(r, &url, text))
		return NULL;
	for (size_t len = strlen(url); url[len - 1] == '/'; len--)
		url[len - 1] = '\0';
	return url;
}

static bool has_url(const struct config_target *target, const char *url)
{
	for (size_t i = 0; i < target->url_count; i++)
		if (strcmp(target->urls[i], url) == 0)
			return true;
	return false;
}

static void add_url(struct settings_reader *r, const config_setting_t *setting,
	struct config_target *target)
{
	char *url = read_url(r, setting);

	if (!url)
		return;
	if (has_url(target, url)) {
		reader_error(r, setting, "stands there twice");
		free(url);
		return;
	}
	target->urls[target->url_count++] = url;
}

static void read_urls(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config_target *target = object;

	if (!reader_is_values(r, setting))
		return;
	if (reader_count(setting) > URLS_MAX) {
		reader_error(r, setting, "at most %u are possible", (unsigned)URLS_MAX);
		return;
	}
	target->urls = reader_alloc(r, reader_count(setting), sizeof(*target->urls));
	for (size_t i = 0; target->urls && i < reader_count(setting); i++)
		add_url(r, reader_element(setting, i), target);
}

static void read_sync(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	static const struct reader_member members[] = {
		READER_SECONDS("every", struct config_target, sync_every_s,
			SYNC_EVERY_MIN_S, SYNC_EVERY_MAX_S),
		READER_BOOL("repair", struct config_target, sync_repair),
	};

	if (reader_is_group(r, setting))
		reader_read_group(r, setting, members,
			sizeof(members) / sizeof(members[0]), object);
}

static void read_server(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	const char *text = reader_text(r, setting);

	if (!text)
		return;
	if (strspn(text,
		    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		    "-._") != strlen(text))
		reader_error(r, setting, "\"%.64s\" is not a server's id", text);
	else
		(void)reader_set_text(r, &((struct config_target *)object)->server, text);
}

static void read_api_key_file(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config_target *target = object;

	target->api_key = reader_secret(r, setting);
	/* It becomes part of an HTTP header, and a control character could begin
	 * another one. */
	for (const char *c = target->api_key; c && *c; c++) {
		if (*c > ' ' && *c <= '~')
			continue;
		reader_error(r, setting, "the key has octets that HTTP headers can not");
		return;
	}
}

static void read_rectify(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	static const struct reader_choice choices[] = {
		{"auto", CONFIG_RECTIFY_AUTO},
		{"server", CONFIG_RECTIFY_SERVER},
	};
	unsigned rectify;

	if (reader_choose(r, setting, choices, 2, &rectify))
		((struct config_target *)object)->rectify = (enum config_rectify)rectify;
}

static const struct reader_member local_members[] = {
	READER_ELSEWHERE("type"),
	READER_PATH("file", struct config_target, file),
	READER_OWN("notify", read_notify),
	READER_TIME("timeout", struct config_target, timeout_ms, 1, TIMEOUT_MAX_MS),
};

static const struct reader_member ddns_members[] = {
	READER_ELSEWHERE("type"),
	READER_ELSEWHERE("address"), /* read_addresses */
	READER_ELSEWHERE("port"),
	READER_OWN("key", read_key),
	READER_OWN("transfer_key", read_transfer_key),
	READER_OWN("sync", read_sync),
	READER_TIME("timeout", struct config_target, timeout_ms, 1, TIMEOUT_MAX_MS),
};

static const struct reader_member powerdns_members[] = {
	READER_ELSEWHERE("type"),
	READER_REQUIRED("url", read_urls),
	READER_OWN("server", read_server),
	READER_REQUIRED("api_key_file", read_api_key_file),
	READER_OWN("rectify", read_rectify),
	READER_OWN("sync", read_sync),
	READER_TIME("timeout", struct config_target, timeout_ms, 1, TIMEOUT_MAX_MS),
};

/* ---- the target ---- */

static void read_local(struct settings_reader *r, const config_setting_t *group,
	struct config_target *target)
{
	reader_read_group(r, group, local_members,
		sizeof(local_members) / sizeof(local_members[0]), target);
	(void)reader_set_text(r, &target->id, "local");
}

/* Numeric, or the name of a host, with or without a port. */
static void read_address(struct settings_reader *r, const config_setting_t *setting,
	unsigned port, struct config_server *server)
{
	const char *text = reader_text(r, setting);

	if (!text)
		return;
	if (config_text_parse_server(server, text, port) == -ENOMEM)
		reader_error_memory(r);
	else if (!server->text)
		reader_error(r, setting,
			"\"%.64s\" is neither an address nor the name of a host", text);
}

static void read_addresses(struct settings_reader *r, const config_setting_t *group,
	struct config_target *target)
{
	const config_setting_t *address = config_setting_get_member(group, "address");
	const config_setting_t *port = config_setting_get_member(group, "port");
	int64_t number = PORT_DNS;

	if (port && !reader_integer(r, port, 1, 65535, &number))
		return;
	if (!address)
		reader_error_missing(r, group, "address", NULL);
	if (!address || !reader_is_values(r, address))
		return;
	target->servers =
		reader_alloc(r, reader_count(address), sizeof(*target->servers));
	for (size_t i = 0; target->servers && i < reader_count(address); i++)
		read_address(r, reader_element(address, i), (unsigned)number,
			&target->servers[target->server_count++]);
}

/* It is named after its first address, and stays the same if others come or go. */
static void read_ddns(struct settings_reader *r, const config_setting_t *group,
	struct config_target *target)
{
	reader_read_group(r, group, ddns_members,
		sizeof(ddns_members) / sizeof(ddns_members[0]), target);
	if (!target->transfer_key)
		target->transfer_key = target->key;
	read_addresses(r, group, target);
	if (!target->server_count || !target->servers[0].text)
		return;
	if (asprintf(&target->id, "ddns %s", target->servers[0].text) < 0) {
		target->id = NULL;
		reader_error_memory(r);
	}
}

static void read_powerdns(struct settings_reader *r, const config_setting_t *group,
	struct config_target *target)
{
	if (!reader_set_text(r, &target->server, "localhost"))
		return;
	reader_read_group(r, group, powerdns_members,
		sizeof(powerdns_members) / sizeof(powerdns_members[0]), target);
	if (!target->url_count)
		return;
	/* So that it stays the same target, with its place in the journal, when other
	 * URLs are added or removed. */
	if (asprintf(&target->id, "powerdns %s %s", target->urls[0], target->server) <
		0) {
		target->id = NULL;
		reader_error_memory(r);
	}
}

static void read_target(struct settings_reader *r, const config_setting_t *group,
	struct config_target *target)
{
	static const struct reader_choice types[] = {
		{"local", CONFIG_TARGET_LOCAL},
		{"ddns", CONFIG_TARGET_DDNS},
		{"powerdns", CONFIG_TARGET_POWERDNS},
	};
	unsigned type;

	target->timeout_ms = TIMEOUT_MS;
	target->sync_repair = true;
	if (!reader_is_group(r, group))
		return;
	const config_setting_t *setting = config_setting_get_member(group, "type");
	if (!setting)
		reader_error_missing(r, group, "type", NULL);
	if (!setting || !reader_choose(r, setting, types, 3, &type))
		return;
	target->type = (enum config_target_type)type;
	if (target->type == CONFIG_TARGET_LOCAL)
		read_local(r, group, target);
	else if (target->type == CONFIG_TARGET_DDNS)
		read_ddns(r, group, target);
	else
		read_powerdns(r, group, target);
}

static bool has_server(const struct config_target *target, const char *text)
{
	for (size_t i = 0; i < target->server_count; i++)
		if (target->servers[i].text && !strcmp(target->servers[i].text, text))
			return true;
	return false;
}

/* Is there a place that both may ask for the zone? */
static bool shares_place(const struct config_target *a, const struct config_target *b)
{
	for (size_t i = 0; i < a->server_count; i++)
		if (a->servers[i].text && has_server(b, a->servers[i].text))
			return true;
	for (size_t i = 0; i < a->url_count; i++)
		if (has_url(b, a->urls[i]) && !strcmp(a->server, b->server))
			return true;
	return false;
}

/* Two targets with one id would share a cursor in the journal, and two that lead to one
 * zone would write to it at the same time. */
static void check_same(struct settings_reader *r, const config_setting_t *setting,
	const struct config_zone *zone, size_t index)
{
	const struct config_target *target = &zone->targets[index];

	for (size_t i = 0; target->id && i < index; i++) {
		const struct config_target *other = &zone->targets[i];

		if (!other->id ||
			(strcmp(other->id, target->id) != 0 &&
				!shares_place(target, other)))
			continue;
		reader_error(r, setting, "the same target as targets[%zu]: %.256s", i,
			other->id);
		return;
	}
}

void config_targets_read(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct config_zone *zone = object;

	if (!reader_is_list(r, setting))
		return;
	size_t count = reader_count(setting);
	if (count == 0)
		return;
	zone->targets = reader_alloc(r, count, sizeof(*zone->targets));
	for (size_t i = 0; zone->targets && i < count; i++) {
		const config_setting_t *element = reader_element(setting, i);
		zone->target_count = i + 1;
		read_target(r, element, &zone->targets[i]);
		check_same(r, element, zone, i);
	}
}

void config_targets_default(struct settings_reader *r, struct config_zone *zone)
{
	zone->targets = reader_alloc(r, 1, sizeof(*zone->targets));
	if (!zone->targets)
		return;
	zone->target_count = 1;
	zone->targets[0].type = CONFIG_TARGET_LOCAL;
	zone->targets[0].timeout_ms = TIMEOUT_MS;
	(void)reader_set_text(r, &zone->targets[0].id, "local");
}

void config_target_clear(struct config_target *target)
{
	free(target->id);
	free(target->file);
	free(target->notify);
	for (size_t i = 0; i < target->server_count; i++) {
		free(target->servers[i].host);
		free(target->servers[i].text);
	}
	free(target->servers);
	for (size_t i = 0; i < target->url_count; i++)
		free(target->urls[i]);
	free(target->urls);
	free(target->server);
	reader_free_secret(target->api_key);
	*target = (struct config_target){0};
}
