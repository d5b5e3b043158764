/*
 * The files of a gateway in a scenario: its folder, musterd.conf, and what that says.
 */
#include "tests/scenarios/gateway_private.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/scenarios/rule_text.h"

enum { PATH_SIZE = 32 + NAME_MAX + 2 };

int gateway_why(struct gateway *gateway, int error, const char *why)
{
	snprintf(gateway->why, sizeof(gateway->why), "%s: %s", why, strerror(-error));
	return error;
}

/* ---- files ---- */

static void make_path(
	const struct gateway *gateway, const char *name, char ret[PATH_SIZE])
{
	snprintf(ret, PATH_SIZE, "%s/%s", gateway->folder, name);
}

int gateway_write_file(struct gateway *gateway, const char *name, const char *text)
{
	char path[PATH_SIZE];
	FILE *file;

	make_path(gateway, name, path);
	file = fopen(path, "w");
	if (!file)
		return gateway_why(gateway, -errno, path);
	fputs(text, file);
	if (fchmod(fileno(file), 0600) || ferror(file) || fclose(file))
		return gateway_why(gateway, -EIO, path);
	return 0;
}

void gateway_remove_folder(struct gateway *gateway)
{
	const struct dirent *entry;
	char path[PATH_SIZE];
	DIR *folder;

	if (!gateway->folder[0])
		return;
	folder = opendir(gateway->folder);
	while (folder && (entry = readdir(folder))) {
		make_path(gateway, entry->d_name, path);
		unlink(path); /* fails for the two that are no files */
	}
	if (folder)
		closedir(folder);
	rmdir(gateway->folder);
	gateway->folder[0] = '\0';
}

int gateway_make_folder(struct gateway *gateway)
{
	if (gateway->folder[0])
		return 0;
	strcpy(gateway->folder, "scenario-XXXXXX");
	if (mkdtemp(gateway->folder))
		return gateway_write_file(gateway, "api.key", "key\n");
	gateway->folder[0] = '\0';
	return gateway_why(gateway, -errno, "a folder");
}

/* ---- the configuration ---- */

/* Paths are relative to the folder of the file. */
static void write_target(FILE *to, size_t zone, const struct gateway_target *target)
{
	if (target->type == CONFIG_TARGET_DDNS)
		fprintf(to, "{ type = \"ddns\"; address = \"192.0.%zu.%u\"; %s }", zone,
			target->number, target->settings);
	else
		fprintf(to,
			"{ type = \"powerdns\"; url = \"http://192.0.%zu.%u:8081\";"
			" api_key_file = \"api.key\"; %s }",
			zone, target->number, target->settings);
}

static void write_zone(FILE *to, const struct gateway *gateway, size_t index)
{
	const struct gateway_zone *zone = &gateway->zones[index];
	char name[NAME_TEXT_MAX];

	fprintf(to, "%s{ name = \"%s\"; allow = (); %s\n targets = ( ", index ? ", " : "",
		name_to_text(zone->apex, name), zone->settings ? zone->settings : "");
	if (!zone->target_count)
		fprintf(to, "{ type = \"local\"; file = \"%zu.zone\"; }", index);
	for (size_t i = 0; i < zone->target_count; i++) {
		fputs(i ? ", " : "", to);
		write_target(to, index, &zone->targets[i]);
	}
	fputs(" ); }\n", to);
}

static int write_config(struct gateway *gateway)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	int r;

	if (!to)
		return gateway_why(gateway, -ENOMEM, "the configuration");
	fprintf(to,
		"database = \"muster.db\";\nzone_threads = %u;\n"
		"listen = ( { address = \"127.0.0.1\"; } );\nzones = (\n",
		gateway->thread_count);
	for (size_t i = 0; i < gateway->zone_count; i++)
		write_zone(to, gateway, i);
	fputs(");\n", to);
	if (fclose(to)) {
		free(text);
		return gateway_why(gateway, -ENOMEM, "the configuration");
	}
	r = gateway_write_file(gateway, "musterd.conf", text);
	free(text);
	return r;
}

static void note_report(bool error, const char *message, void *arg)
{
	struct gateway *gateway = arg;

	if (error)
		snprintf(gateway->why, sizeof(gateway->why), "%s", message);
}

static bool add_key(const struct tsig_key *key, void *arg)
{
	return keyring_add(arg, key) == 0;
}

/* What the file does not say. */
static int complete_zone(struct gateway *gateway, struct config_zone *config,
	const struct gateway_zone *zone)
{
	config->expiry = zone->expiry;
	for (size_t i = 0; i < zone->rule_count; i++) {
		char *words = strdup(zone->rules[i].words);
		const char *word = "";
		const int r = words ? rule_text_add(&config->policy, words, zone->apex,
					      zone->rules[i].line, &word)
				    : -ENOMEM;

		if (r)
			snprintf(gateway->why, sizeof(gateway->why),
				"the rule of line %d: %s", zone->rules[i].line, word);
		free(words);
		if (r)
			return r;
	}
	config_set_pin(config);
	return 0;
}

int gateway_load_config(struct gateway *gateway, struct config **ret_config)
{
	char path[PATH_SIZE];
	struct config *config;
	int r = write_config(gateway);

	if (r)
		return r;
	make_path(gateway, "musterd.conf", path);
	r = config_load(&config, path, note_report, gateway);
	if (r)
		return r;
	keyring_each(gateway->ring, add_key, config->keys);
	for (size_t i = 0; !r && i < config->zone_count; i++)
		r = complete_zone(gateway, &config->zones[i], &gateway->zones[i]);
	if (r)
		config_unref(config);
	else
		*ret_config = config;
	return r;
}
