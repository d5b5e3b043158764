/*
 * What the readers of musterd.conf share: settings as text, numbers and names, and the
 * reporting of what is wrong with them.  Inside config*.c, and their tests, only.
 *
 * A reader of a setting reports and goes on, so that one run names every problem; what it
 * could not read stays as it was.  Whether anything was wrong is in struct config_reader.
 * Names begin with reader_, since libconfig has config_read_... for itself.
 */
#ifndef MUSTER_CONFIG_READ_H
#define MUSTER_CONFIG_READ_H

#include <libconfig.h>
#include "gateway/base/settings_text.h"
#include "gateway/config/config.h"

enum {
	READER_FILE_MAX =
		64 * 1024 * 1024,  /* octets of musterd.conf: some 100000 zones */
	READER_SECRET_MAX = 4096,  /* octets of a file that holds one secret */
	READER_MESSAGE_MAX = SETTINGS_MESSAGE_MAX,
};

struct config_reader {
	struct config *config; /* being filled */
	const char *path;      /* of the file, for messages */
	const char *folder;    /* that relative paths start from; NULL: the text came from
				* memory, and settings that name files are errors */
	const struct settings_text *text; /* which line is whose; NULL: not yet read */
	config_report *report; /* may be NULL */
	void *arg;
	int error; /* 0, -EINVAL or -ENOMEM: the first that was met */
};

typedef void reader_read(
	struct config_reader *r, const config_setting_t *setting, void *object);

/* A setting that a group may have.  They are read in the order of the table. */
struct reader_member {
	const char *name;
	reader_read *read;
	bool is_required;
};

struct reader_choice {
	const char *name;
	unsigned value;
};

/* ---- reporting: "file:line: path of the setting: reason" ---- */

void reader_error(struct config_reader *r, const config_setting_t *setting,
	const char *format, ...) __attribute__((format(printf, 3, 4)));
void reader_warning(struct config_reader *r, const config_setting_t *setting,
	const char *format, ...) __attribute__((format(printf, 3, 4)));
/* For a member that the group does not have. */
void reader_error_missing(
	struct config_reader *r, const config_setting_t *group, const char *name);
/* Likewise, where that is no error. */
void reader_warning_missing(struct config_reader *r, const config_setting_t *group,
	const char *name, const char *consequence);
/* A message that already says where. */
void reader_error_raw(struct config_reader *r, int error, const char *message);
void reader_error_memory(struct config_reader *r);

/* Zeroed memory for count (at least 1) objects, or NULL, reported. */
void *reader_alloc(struct config_reader *r, size_t count, size_t size);
/* Replaces *ret by a copy.  False: no memory, reported. */
bool reader_set_text(struct config_reader *r, char **ret, const char *text);

/* ---- groups and lists ---- */

/* Reads a group by its table, and reports what is unknown or missing. */
void reader_read_group(struct config_reader *r, const config_setting_t *group,
	const struct reader_member *members, size_t count, void *object);
/* Is it a group; a list "( )" that may be empty; one value, or an array or list of them
 * that is not empty?  No is reported. */
bool reader_is_group(struct config_reader *r, const config_setting_t *setting);
bool reader_is_list(struct config_reader *r, const config_setting_t *setting);
bool reader_is_values(struct config_reader *r, const config_setting_t *setting);
/* Is it an array or list without elements?  Says nothing. */
bool reader_is_empty(const config_setting_t *setting);
/* For what reader_is_values accepted. */
size_t reader_count(const config_setting_t *setting);
const config_setting_t *reader_element(const config_setting_t *setting, size_t index);

/* ---- values; false or NULL: reported, nothing written ---- */

const char *reader_text(struct config_reader *r, const config_setting_t *setting);
bool reader_integer(struct config_reader *r, const config_setting_t *setting, int64_t min,
	int64_t max, int64_t *ret);
bool reader_bool(struct config_reader *r, const config_setting_t *setting, bool *ret);
/* Milliseconds. */
bool reader_time(struct config_reader *r, const config_setting_t *setting, int64_t min_ms,
	int64_t max_ms, int64_t *ret_ms);
/* Whole seconds. */
bool reader_seconds(struct config_reader *r, const config_setting_t *setting,
	uint32_t min_s, uint32_t max_s, uint32_t *ret_s);
bool reader_choose(struct config_reader *r, const config_setting_t *setting,
	const struct reader_choice *choices, size_t count, unsigned *ret);
/* The values of several choices, or-ed together. */
bool reader_choose_many(struct config_reader *r, const config_setting_t *setting,
	const struct reader_choice *choices, size_t count, unsigned *ret);
/* Lower case; a relative name is completed with origin, NULL: with the root. */
bool reader_name(struct config_reader *r, const config_setting_t *setting,
	const uint8_t *origin, uint8_t ret[NAME_MAX_LEN]);
/* The same for a pattern (name_match_pattern). */
bool reader_pattern(struct config_reader *r, const config_setting_t *setting,
	const uint8_t *origin, uint8_t ret[NAME_MAX_LEN]);
/* A list of them, each allocated, which must lie at or below inside (NULL: anywhere).
 * *ret_count counts those that could be read. */
void reader_names(struct config_reader *r, const config_setting_t *setting,
	const uint8_t *origin, const uint8_t *inside, uint8_t ***ret, size_t *ret_count);
void reader_patterns(struct config_reader *r, const config_setting_t *setting,
	const uint8_t *origin, const uint8_t *inside, uint8_t ***ret, size_t *ret_count);
bool reader_cidr(
	struct config_reader *r, const config_setting_t *setting, struct cidr *ret);
void reader_cidrs(struct config_reader *r, const config_setting_t *setting,
	struct cidr **ret, size_t *ret_count);
/* "addr", "addr#port", "addr:port", "[addr]:port". */
bool reader_endpoint(struct config_reader *r, const config_setting_t *setting,
	unsigned default_port, struct config_address *ret);
/* The members address and port of a group, either with a default; address NULL: must be
 * there.  Does not look at other members. */
bool reader_address(struct config_reader *r, const config_setting_t *group,
	const char *address, unsigned port, unsigned port_min,
	struct config_address *ret);
/* A reader_read for members that another one's reader looks at. */
void reader_skip(struct config_reader *r, const config_setting_t *setting, void *object);

/* ---- files ---- */

/* A path, relative to the folder of musterd.conf; allocated. */
char *reader_path(struct config_reader *r, const config_setting_t *setting);
/* The one line of a file that must not be accessible to others; the caller wipes and
 * frees it. */
char *reader_secret(struct config_reader *r, const config_setting_t *setting);
/* Permission bits of the file that a setting stands in (an @include or the file). */
unsigned reader_file_mode(const struct config_reader *r, const config_setting_t *setting);
/* Wipes and frees; NULL is harmless. */
void reader_free_secret(char *secret);

/* ---- config_text.c: words, without a reader ---- */

/* The one of count names that was probably meant by a misspelt word; NULL: none.  names
 * are the first members of structures of stride octets. */
const char *config_text_suggest(
	const char *word, const void *names, size_t count, size_t stride);
/* "192.0.2.1#53", "[2001:db8::1]:53" and so on.  0 or -EINVAL. */
int config_text_parse_endpoint(
	struct config_address *ret, const char *text, unsigned default_port);
/* "2026-12-31T23:59:59Z" (RFC 3339, UTC only) to seconds since 1970.  0 or -EINVAL. */
int config_text_parse_date(const char *text, int64_t *ret_s);
/* Is it "http://host..." or "https://host...", of printable ASCII without a user, and
 * with a query or fragment only if that is allowed? */
bool config_text_is_url(const char *text, bool may_have_query);
/* Octets that are no printable ASCII become '?'. */
void config_text_clean(char *text);

/* ---- the parts of the file ---- */

/* The settings keys, key_files and weak_keys of the root, into r->config->keys. */
void config_keys_read(struct config_reader *r, const config_setting_t *root);
void config_zones_read(struct config_reader *r, const config_setting_t *setting);
void config_zone_clear(struct config_zone *zone);
void config_zones_free_index(struct config *config);
/* Of a zone whose name has been read. */
void config_targets_read(struct config_reader *r, const config_setting_t *setting,
	struct config_zone *zone);
void config_targets_default(struct config_reader *r, struct config_zone *zone);
void config_target_clear(struct config_target *target);
void config_policy_read(struct config_reader *r, const config_setting_t *setting,
	struct config_zone *zone);

/*
 * Reads text that stands in memory, as config_load reads a file: for tests and fuzzing.
 * Keys may stand in it; settings that name files to be read are errors.
 */
int config_parse(struct config **ret_config, const char *name, const char *text,
	size_t len, config_report *report, void *arg) __attribute__((warn_unused_result));

#endif
