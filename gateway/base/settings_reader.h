/*
 * What the readers of musterd.conf and muster-agent.conf share: settings as text, numbers
 * and names, and the reporting of what is wrong with them.
 *
 * A reader of a setting reports and goes on, so that one run names every problem; what it
 * could not read stays as it was.  Whether anything was wrong is in struct
 * settings_reader.  Names begin with reader_, since libconfig has config_read_... for
 * itself.
 */
#ifndef MUSTER_SETTINGS_READER_H
#define MUSTER_SETTINGS_READER_H

#include <libconfig.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/settings_text.h"
#include "tsig/keyfile.h"
#include "tsig/name.h"

struct config; /* each program has its own */

struct settings_reader {
	struct config *config; /* being filled */
	const char *path;      /* of the file, for messages */
	const char *folder;    /* that relative paths start from; NULL: the text came from
				* memory, and settings that name files are errors */
	const struct settings_text *text; /* which line comes from which file; NULL: not
	                                   * read yet */
	settings_report *report;          /* may be NULL */
	void *arg;
	int error; /* 0, -EINVAL or -ENOMEM: the first that was met */
};

struct reader_member;

typedef void reader_read(
	struct settings_reader *r, const config_setting_t *setting, void *object);
/* Reads a setting of a common kind into a member of the object. */
typedef void reader_into(struct settings_reader *r, const config_setting_t *setting,
	const struct reader_member *member, void *value);

reader_into reader_into_bool, reader_into_number, reader_into_seconds, reader_into_time,
	reader_into_text, reader_into_path;

/* A setting that a group may have.  They are read in the order of their table, which is
 * written with the macros below. */
struct reader_member {
	const char *name; /* first */
	bool is_required;
	reader_read *read; /* NULL: into */
	reader_into *into; /* NULL too: it is read elsewhere */
	size_t offset;     /* of the member */
	int64_t min, max;  /* of a number, in the unit of the member */
};

#define READER_ELSEWHERE(text)                                                           \
	{                                                                                \
		.name = text                                                             \
	}
#define READER_OWN(text, function)                                                       \
	{                                                                                \
		.name = text, .read = function                                           \
	}
#define READER_REQUIRED(text, function)                                                  \
	{                                                                                \
		.name = text, .read = function, .is_required = true                      \
	}
/* The compiler checks that object has such a member. */
#define READER_INTO(text, function, type, object, member, low, high)                     \
	{                                                                                \
		.name = text, .into = function,                                          \
		.offset = offsetof(object, member) +                                     \
			0 * sizeof(&((object *)NULL)->member == (type *)NULL),           \
		.min = low, .max = high                                                  \
	}
#define READER_BOOL(text, object, member)                                                \
	READER_INTO(text, reader_into_bool, bool, object, member, 0, 0)
#define READER_NUMBER(text, object, member, low, high)                                   \
	READER_INTO(text, reader_into_number, unsigned, object, member, low, high)
#define READER_SECONDS(text, object, member, low, high)                                  \
	READER_INTO(text, reader_into_seconds, unsigned, object, member, low, high)
/* In milliseconds. */
#define READER_TIME(text, object, member, low, high)                                     \
	READER_INTO(text, reader_into_time, unsigned, object, member, low, high)
#define READER_TEXT(text, object, member)                                                \
	READER_INTO(text, reader_into_text, char *, object, member, 0, 0)
#define READER_PATH(text, object, member)                                                \
	READER_INTO(text, reader_into_path, char *, object, member, 0, 0)

struct reader_choice {
	const char *name;
	unsigned value;
};

/* ---- reporting: "file:line: path of the setting: reason" ---- */

void reader_error(struct settings_reader *r, const config_setting_t *setting,
	const char *format, ...) __attribute__((format(printf, 3, 4)));
void reader_warning(struct settings_reader *r, const config_setting_t *setting,
	const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Reports a member that the group lacks.  what says what it would be; NULL: its name says
 * enough. */
void reader_error_missing(struct settings_reader *r, const config_setting_t *group,
	const char *name, const char *what);
/* Likewise, where that is no error. */
void reader_warning_missing(struct settings_reader *r, const config_setting_t *group,
	const char *name, const char *consequence);
/* A message that already says where. */
void reader_error_raw(struct settings_reader *r, int error, const char *message);
void reader_error_memory(struct settings_reader *r);

/* Zeroed memory for count (at least 1) objects, or NULL, reported. */
void *reader_alloc(struct settings_reader *r, size_t count, size_t size);
/* Replaces *ret by a copy.  False: no memory, reported. */
bool reader_set_text(struct settings_reader *r, char **ret, const char *text);

/* ---- groups and lists ---- */

/* Reads a group by its table, and reports what is unknown or missing. */
void reader_read_group(struct settings_reader *r, const config_setting_t *group,
	const struct reader_member *members, size_t count, void *object);
/* Is it a group; a list "( )", which may be empty; one value, or an array or list of them
 * that is not empty?  If not, that is reported. */
bool reader_is_group(struct settings_reader *r, const config_setting_t *setting);
bool reader_is_list(struct settings_reader *r, const config_setting_t *setting);
bool reader_is_values(struct settings_reader *r, const config_setting_t *setting);
/* Is it an array or list without elements?  Reports nothing. */
bool reader_is_empty(const config_setting_t *setting);
/* For what reader_is_values accepted. */
size_t reader_count(const config_setting_t *setting);
const config_setting_t *reader_element(const config_setting_t *setting, size_t index);

/* ---- values; false or NULL: reported, nothing written ---- */

const char *reader_text(struct settings_reader *r, const config_setting_t *setting);
/* Replaces *ret by a copy. */
bool reader_copy(struct settings_reader *r, const config_setting_t *setting, char **ret);
bool reader_integer(struct settings_reader *r, const config_setting_t *setting,
	int64_t min, int64_t max, int64_t *ret);
bool reader_bool(struct settings_reader *r, const config_setting_t *setting, bool *ret);
/* Milliseconds. */
bool reader_time(struct settings_reader *r, const config_setting_t *setting,
	int64_t min_ms, int64_t max_ms, int64_t *ret_ms);
/* Whole seconds. */
bool reader_seconds(struct settings_reader *r, const config_setting_t *setting,
	uint32_t min_s, uint32_t max_s, uint32_t *ret_s);
bool reader_choose(struct settings_reader *r, const config_setting_t *setting,
	const struct reader_choice *choices, size_t count, unsigned *ret);
/* The values of several choices, or-ed together. */
bool reader_choose_many(struct settings_reader *r, const config_setting_t *setting,
	const struct reader_choice *choices, size_t count, unsigned *ret);
/* Lower case; a relative name is completed with origin, NULL: with the root. */
bool reader_name(struct settings_reader *r, const config_setting_t *setting,
	const uint8_t *origin, uint8_t ret[NAME_MAX_LEN]);
/* The same for names of another form. */
typedef int reader_name_parse(
	uint8_t ret[NAME_MAX_LEN], const char *text, const uint8_t *origin);
bool reader_name_by(struct settings_reader *r, const config_setting_t *setting,
	const uint8_t *origin, reader_name_parse *from_text, uint8_t ret[NAME_MAX_LEN]);
/* A path, relative to the folder of the file.  Replaces *ret. */
bool reader_path(struct settings_reader *r, const config_setting_t *setting, char **ret);
/* keyfile_load, whose warnings become the reader's. */
int reader_load_keys(struct settings_reader *r, const config_setting_t *setting,
	struct keyring *ring, const char *path, char ret_error[KEYFILE_ERROR_MAX])
	__attribute__((warn_unused_result));
#endif
