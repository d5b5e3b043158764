/*
 * The keyring of musterd.conf: keys, key_files, enrol_keys and weak_keys.
 *
 * Keys of the file itself come first, since the ring keeps the first of equal keys: so
 * a key with a not_after ends even if a key file has the same secret without one.
 *
 * A secret in the file is wiped from libconfig's memory as soon as it has been read.
 * What libconfig's scanner leaves in freed memory cannot be wiped; secret_file avoids
 * that.
 */
#include "gateway/config/config_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/settings_words.h"
#include "tsig/plural.h"

enum { WEAK_SHOWN_MAX = 8 }; /* keys named in warnings; there may be two million */

/* ---- keys = ( { ... } ) ---- */

struct key_reading {
	struct tsig_key key;
	uint8_t name[NAME_MAX_LEN];
	uint8_t secret[HMAC_SECRET_MAX];
	bool has_name;
	bool has_algorithm;
};

static void read_key_name(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct key_reading *reading = object;

	reading->has_name = reader_name(r, setting, NULL, reading->name);
}

static void report_unknown_algorithm(
	struct settings_reader *r, const config_setting_t *setting, const char *text)
{
	const char *names[HMAC_ALGORITHMS];

	for (unsigned i = 0; i < HMAC_ALGORITHMS; i++)
		names[i] = hmac_algorithm_text((enum hmac_algorithm)i);
	const char *meant =
		settings_suggest(text, names, HMAC_ALGORITHMS, sizeof(names[0]));
	if (meant)
		reader_error(r, setting,
			"unknown algorithm \"%.64s\" (did you mean \"%s\"?)", text,
			meant);
	else
		reader_error(r, setting, "unknown algorithm \"%.64s\"", text);
}

static void read_key_algorithm(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	struct key_reading *reading = object;
	const char *text = reader_text(r, setting);

	reading->has_algorithm = false;
	if (!text)
		return;
	if (hmac_algorithm_from_text(text, &reading->key.alg, &reading->key.mac_min))
		reading->has_algorithm = true;
	else
		report_unknown_algorithm(r, setting, text);
}

static void decode_secret(struct settings_reader *r, const config_setting_t *setting,
	const char *text, struct key_reading *reading)
{
	int len = hmac_decode_base64(
		text, strlen(text), reading->secret, sizeof(reading->secret));

	if (len > 0)
		reading->key.secret_len = (uint16_t)len;
	else
		reader_error(
			r, setting, "is not base64 of 1 to %d octets", HMAC_SECRET_MAX);
}

static void read_key_secret(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	const char *text = reader_text(r, setting);
	unsigned mode = reader_file_mode(r, setting);

	if (!text)
		return;
	if (mode & S_IRWXO)
		reader_error(r, setting,
			"the file holds a secret but is accessible by others (mode %04o)",
			mode);
	decode_secret(r, setting, text, object);
	hmac_wipe(setting->value.sval, strlen(text));
}

static void read_key_secret_file(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	char *text = reader_secret(r, setting);

	if (!text)
		return;
	decode_secret(r, setting, text, object);
	reader_free_secret(text);
}

static void read_date(
	struct settings_reader *r, const config_setting_t *setting, int64_t *ret)
{
	const char *text = reader_text(r, setting);

	if (text && config_text_parse_date(text, ret))
		reader_error(r, setting,
			"must be a time in UTC such as \"2026-12-31T23:59:59Z\"");
}

static void read_key_not_before(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	read_date(r, setting, &((struct key_reading *)object)->key.not_before);
}

static void read_key_not_after(
	struct settings_reader *r, const config_setting_t *setting, void *object)
{
	read_date(r, setting, &((struct key_reading *)object)->key.not_after);
}

static const struct reader_member key_members[] = {
	READER_REQUIRED("name", read_key_name),
	READER_OWN("algorithm", read_key_algorithm),
	READER_OWN("secret", read_key_secret),
	READER_OWN("secret_file", read_key_secret_file),
	READER_OWN("not_before", read_key_not_before),
	READER_OWN("not_after", read_key_not_after),
};

static void check_key(struct settings_reader *r, const config_setting_t *group,
	const struct key_reading *reading)
{
	const config_setting_t *secret = config_setting_get_member(group, "secret");
	const config_setting_t *file = config_setting_get_member(group, "secret_file");

	if (!secret && !file)
		reader_error(r, group, "needs a secret or a secret_file");
	if (secret && file)
		reader_error(r, file, "secret and secret_file must not both be set");
	if (reading->key.not_before > reading->key.not_after)
		reader_error(r, group, "not_before is later than not_after");
}

static void read_key(struct settings_reader *r, const config_setting_t *group)
{
	struct key_reading reading = {
		.key = {.alg = HMAC_SHA256,
			.mac_min = (uint8_t)hmac_len(HMAC_SHA256),
			.not_before = INT64_MIN,
			.not_after = INT64_MAX},
		.has_algorithm = true,
	};
	int err = 0;

	if (!reader_is_group(r, group))
		return;
	reader_read_group(r, group, key_members,
		sizeof(key_members) / sizeof(key_members[0]), &reading);
	check_key(r, group, &reading);
	reading.key.name = reading.name;
	reading.key.secret = reading.secret;
	if (reading.has_name && reading.has_algorithm && reading.key.secret_len > 0)
		err = keyring_add(r->config->keys, &reading.key);
	hmac_wipe(&reading, sizeof(reading));
	if (err == -ENOMEM)
		reader_error_memory(r);
	else if (err)
		reader_error(r, group, "%s", strerror(-err));
}

static void read_keys(struct settings_reader *r, const config_setting_t *setting)
{
	if (!reader_is_list(r, setting))
		return;
	for (size_t i = 0; i < reader_count(setting); i++)
		read_key(r, reader_element(setting, i));
}

/* ---- key_files = [ ... ] ---- */

static void read_key_file(struct settings_reader *r, const config_setting_t *setting)
{
	char message[KEYFILE_ERROR_MAX] = "";

	if (!r->folder) {
		reader_error(r, setting, "files are not read for text in memory");
		return;
	}
	char *path = NULL;
	int err = reader_path(r, setting, &path)
		? reader_load_keys(r, setting, r->config->keys, path, message)
		: 0;
	if (err == -ENOMEM)
		reader_error_memory(r);
	else if (err)
		reader_error(r, setting, "%s", message);
	free(path);
}

static void read_key_files(struct settings_reader *r, const config_setting_t *setting)
{
	/* An array is left empty when the last file has been removed from it. */
	if (reader_is_empty(setting))
		return;
	if (!reader_is_values(r, setting))
		return;
	for (size_t i = 0; i < reader_count(setting); i++)
		read_key_file(r, reader_element(setting, i));
}

/* musterctl creates it when the first host is enrolled. */
static void read_enrol_keys(struct settings_reader *r, const config_setting_t *setting)
{
	struct stat st;
	char *path = NULL;
	const bool is_missing = r->folder && reader_path(r, setting, &path) &&
		stat(path, &st) && errno == ENOENT;

	free(path);
	if (!is_missing)
		read_key_file(r, setting);
}

/* ---- weak keys ---- */

struct weak_scan {
	struct settings_reader *r;
	struct keyring *kept; /* gets the other keys; NULL: only count */
	size_t count;
	const struct tsig_key *shown[WEAK_SHOWN_MAX];
	int error;
};

static bool scan_key(const struct tsig_key *key, void *arg)
{
	struct weak_scan *scan = arg;

	if (hmac_algorithm_is_weak(key->alg)) {
		if (scan->count < WEAK_SHOWN_MAX)
			scan->shown[scan->count] = key;
		scan->count++;
		return true;
	}
	if (scan->kept)
		scan->error = keyring_add(scan->kept, key);
	return scan->error == 0;
}

static void warn_loaded(const struct weak_scan *scan, const config_setting_t *setting)
{
	char names[SETTINGS_MESSAGE_MAX / 2], name[NAME_TEXT_MAX];
	size_t at = 0;

	for (size_t i = 0; i < scan->count && i < WEAK_SHOWN_MAX; i++) {
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s (%s)",
			i > 0 ? ", " : "", name_to_text(scan->shown[i]->name, name),
			hmac_algorithm_text(scan->shown[i]->alg));
		if (at >= sizeof(names))
			break;
	}
	if (scan->count > WEAK_SHOWN_MAX)
		reader_warning(scan->r, setting,
			"keys of weak algorithms: %s and %zu more", names,
			scan->count - WEAK_SHOWN_MAX);
	else
		reader_warning(scan->r, setting, "keys of weak algorithms: %s", names);
}

static void warn_refused(const struct weak_scan *scan, const config_setting_t *setting)
{
	char name[NAME_TEXT_MAX];

	for (size_t i = 0; i < scan->count && i < WEAK_SHOWN_MAX; i++)
		reader_warning(scan->r, setting, "key %.256s is not loaded: %s is weak",
			name_to_text(scan->shown[i]->name, name),
			hmac_algorithm_text(scan->shown[i]->alg));
	if (scan->count > WEAK_SHOWN_MAX)
		reader_warning(scan->r, setting,
			"%zu more %s of weak algorithms not loaded",
			scan->count - WEAK_SHOWN_MAX,
			PLURAL(scan->count - WEAK_SHOWN_MAX, "key"));
}

/* A ring cannot remove keys, so the others move to a new one. */
static void refuse_weak(struct settings_reader *r, const config_setting_t *setting)
{
	struct weak_scan scan = {.r = r, .kept = keyring_new()};

	if (!scan.kept) {
		reader_error_memory(r);
		return;
	}
	keyring_each(r->config->keys, scan_key, &scan);
	if (scan.error) {
		keyring_free(scan.kept);
		reader_error_memory(r);
		return;
	}
	warn_refused(&scan, setting);
	keyring_free(r->config->keys);
	r->config->keys = scan.kept;
}

void config_keys_read(struct settings_reader *r, const config_setting_t *root)
{
	const config_setting_t *keys = config_setting_get_member(root, "keys");
	const config_setting_t *files = config_setting_get_member(root, "key_files");
	const config_setting_t *enrol = config_setting_get_member(root, "enrol_keys");
	const config_setting_t *weak = config_setting_get_member(root, "weak_keys");
	struct weak_scan scan = {.r = r};
	bool is_allowed = true;

	r->config->keys = keyring_new();
	if (!r->config->keys) {
		reader_error_memory(r);
		return;
	}
	if (keys)
		read_keys(r, keys);
	if (files)
		read_key_files(r, files);
	if (enrol)
		read_enrol_keys(r, enrol);
	if (weak)
		(void)reader_bool(r, weak, &is_allowed);

	keyring_each(r->config->keys, scan_key, &scan);
	if (scan.count == 0)
		return;
	/* Points to where a person would look for what to change. */
	const config_setting_t *at = weak ? weak : files ? files : keys ? keys : enrol;
	if (is_allowed)
		warn_loaded(&scan, at);
	else
		refuse_weak(r, at);
}
