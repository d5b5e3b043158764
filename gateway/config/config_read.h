/*
 * What the readers of musterd.conf share beyond settings_reader.h.  Only for config*.c
 * and their tests.
 */
#ifndef MUSTER_CONFIG_READ_H
#define MUSTER_CONFIG_READ_H

#include "gateway/base/settings_reader.h"
#include "gateway/config/config.h"

enum {
	READER_FILE_MAX =
		64 * 1024 * 1024, /* octets of musterd.conf: about 100000 zones */
	READER_SECRET_MAX = 4096, /* octets of a file that holds one secret */
};

/* ---- values; false or NULL: reported, nothing written ---- */

/* A pattern (name_match_pattern), as reader_name reads a name. */
bool reader_pattern(struct settings_reader *r, const config_setting_t *setting,
	const uint8_t *origin, uint8_t ret[NAME_MAX_LEN]);
/* A list of patterns, each allocated, which must be at or below inside (NULL:
 * anywhere).  *ret_count is the number of valid ones. */
void reader_names(struct settings_reader *r, const config_setting_t *setting,
	const uint8_t *origin, const uint8_t *inside, uint8_t ***ret, size_t *ret_count);
void reader_patterns(struct settings_reader *r, const config_setting_t *setting,
	const uint8_t *origin, const uint8_t *inside, uint8_t ***ret, size_t *ret_count);
bool reader_cidr(
	struct settings_reader *r, const config_setting_t *setting, struct cidr *ret);
void reader_cidrs(struct settings_reader *r, const config_setting_t *setting,
	struct cidr **ret, size_t *ret_count);
/* "addr", "addr#port", "addr:port", "[addr]:port". */
bool reader_endpoint(struct settings_reader *r, const config_setting_t *setting,
	unsigned default_port, struct config_address *ret);
/* The members address and port of a group, each with a default; address NULL:
 * required.  Other members are ignored. */
bool reader_address(struct settings_reader *r, const config_setting_t *group,
	const char *address, unsigned port, unsigned port_min,
	struct config_address *ret);

/* ---- files ---- */

/* The only line of a file that must not be accessible to others; the caller wipes and
 * frees it. */
char *reader_secret(struct settings_reader *r, const config_setting_t *setting);
/* Permission bits of the file that contains a setting (the main file or an @include). */
unsigned reader_file_mode(
	const struct settings_reader *r, const config_setting_t *setting);
/* Wipes and frees; NULL is harmless. */
void reader_free_secret(char *secret);

/* ---- config_text.c: words, without a reader ---- */

/* "192.0.2.1#53", "[2001:db8::1]:53" and so on.  0 or -EINVAL. */
int config_text_parse_endpoint(
	struct config_address *ret, const char *text, unsigned default_port);
/* The same, or the name of a host instead of the address; ret's texts are allocated.  0,
 * -EINVAL or -ENOMEM. */
int config_text_parse_server(
	struct config_server *ret, const char *text, unsigned default_port);
/* "2026-12-31T23:59:59Z" (RFC 3339, UTC only) to seconds since 1970.  0 or -EINVAL. */
int config_text_parse_date(const char *text, int64_t *ret_s);
/* Is it "http://host..." or "https://host...", of printable ASCII without a user, and
 * with a query or fragment only if that is allowed? */
bool config_text_is_url(const char *text, bool may_have_query);
/* ---- the parts of the file ---- */

/* Reads the settings keys, key_files and weak_keys of the root into r->config->keys. */
void config_keys_read(struct settings_reader *r, const config_setting_t *root);
void config_zones_read(struct settings_reader *r, const config_setting_t *setting);
void config_zone_clear(struct config_zone *zone);
void config_zones_free_index(struct config *config);
/* For a struct config_zone whose name has been read. */
reader_read config_targets_read, config_policy_read;
void config_targets_default(struct settings_reader *r, struct config_zone *zone);
void config_target_clear(struct config_target *target);

/*
 * Reads text in memory as config_load reads a file, for tests and fuzzing.  It may
 * contain keys; settings that name files to be read are errors.
 */
int config_parse(struct config **ret_config, const char *name, const char *text,
	size_t len, config_report *report, void *arg) __attribute__((warn_unused_result));

#endif
