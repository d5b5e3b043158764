/*
 * What the readers of muster-agent.conf share: settings as text, numbers and names, and
 * the reporting of what is wrong with them.  Inside config*.c only.
 *
 * A reader reports and goes on, so that one run names every problem; what it could not
 * read stays as it was.
 */
#ifndef MUSTER_AGENT_CONFIG_READ_H
#define MUSTER_AGENT_CONFIG_READ_H

#include <libconfig.h>
#include "agent/config.h"
#include "gateway/base/settings_text.h"

struct reader {
	struct config *config; /* being filled */
	const char *path;      /* of the file, for messages */
	const char *folder;    /* that relative paths start from */
	const struct settings_text *text; /* which line is whose */
	config_report *report; /* may be NULL */
	void *arg;
	int error; /* 0, -EINVAL or -ENOMEM: the first that was met */
};

typedef void reader_read(struct reader *r, const config_setting_t *setting, void *object);

/* A setting that a group may have; they are read in the order of the table. */
struct reader_member {
	const char *name;
	reader_read *read;
};

struct reader_choice {
	const char *name;
	unsigned value;
};

void reader_error(struct reader *r, const config_setting_t *setting, const char *format,
	...) __attribute__((format(printf, 3, 4)));
void reader_warning(struct reader *r, const config_setting_t *setting, const char *format,
	...) __attribute__((format(printf, 3, 4)));
void reader_error_memory(struct reader *r);

/* Reads a group by its table, and reports what is unknown. */
void reader_read_group(struct reader *r, const config_setting_t *group,
	const struct reader_member *members, size_t count, void *object);

/* ---- values; false or NULL: reported, nothing written ---- */

const char *reader_text(struct reader *r, const config_setting_t *setting);
/* Replaces *ret by a copy. */
void reader_copy(struct reader *r, const config_setting_t *setting, char **ret);
/* A path, relative ones from the folder of the file. */
void reader_path(struct reader *r, const config_setting_t *setting, char **ret);
bool reader_bool(struct reader *r, const config_setting_t *setting, bool *ret);
bool reader_integer(struct reader *r, const config_setting_t *setting, int64_t min,
	int64_t max, int64_t *ret);
/* "90s", "15m", "250ms", 90. */
bool reader_time_ms(struct reader *r, const config_setting_t *setting, int64_t min_ms,
	int64_t max_ms, uint32_t *ret_ms);
bool reader_time_s(struct reader *r, const config_setting_t *setting, uint32_t min_s,
	uint32_t max_s, uint32_t *ret_s);
/* Lower case; relative to origin, NULL: to the root. */
bool reader_name(struct reader *r, const config_setting_t *setting, const uint8_t *origin,
	uint8_t ret[NAME_MAX_LEN]);
/* One text, or an array or list of them: how many (0: reported), and each. */
size_t reader_count(struct reader *r, const config_setting_t *setting);
const config_setting_t *reader_element(const config_setting_t *setting, size_t index);
/* An array of copies that ends with NULL. */
void reader_words(struct reader *r, const config_setting_t *setting, char ***ret);
/* Several choices, or-ed together. */
void reader_choose(struct reader *r, const config_setting_t *setting,
	const struct reader_choice *choices, size_t count, unsigned *ret);
void reader_free_words(char **words); /* NULL is harmless */

/* "90s" and so on.  0 or -EINVAL. */
int config_parse_time(const char *text, int64_t *ret_ms);
/* "host", "host:53", "192.0.2.1#53", "[2001:db8::1]:53", "2001:db8::1".  0, -EINVAL or
 * -ENOMEM; host is the caller's. */
int config_parse_endpoint(const char *text, char **ret_host, uint16_t *ret_port);

/* ---- config_source.c ---- */

/* The settings sources and records, once everything else is known. */
void config_sources_read(struct reader *r, const config_setting_t *root);
void config_source_clear(struct config_source *source);
extern const struct reader_choice config_publish_choices[];
enum { CONFIG_PUBLISH_CHOICES = 4 };

#endif
