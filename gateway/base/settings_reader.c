/*
 * Settings as text, numbers, times, names and paths, and reporting.  Does not know any
 * particular setting.
 */
#include "gateway/base/settings_reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/printable.h"
#include "gateway/base/settings_words.h"

enum { PATH_PARTS_MAX = 8 }; /* no setting that is known lies deeper */

/* ---- reporting ---- */

static void fail(struct settings_reader *r, int error)
{
	if (!r->error || error == -ENOMEM)
		r->error = error;
}

/* "zones[0].allow[1].match"; what lies deeper than any real setting is cut from the
 * left. */
static void write_setting_path(char *buf, size_t cap, const config_setting_t *setting)
{
	const config_setting_t *parts[PATH_PARTS_MAX];
	size_t count = 0, at = 0;

	for (; setting && setting->parent; setting = setting->parent) {
		if (count == PATH_PARTS_MAX)
			break;
		parts[count++] = setting;
	}
	buf[0] = '\0';
	while (count-- > 0 && at < cap) {
		const config_setting_t *part = parts[count];
		int n = part->name ? snprintf(buf + at, cap - at, "%s%s",
					     at > 0 ? "." : "", part->name)
				   : snprintf(buf + at, cap - at, "[%d]",
					     config_setting_index(part));
		at += (size_t)n;
	}
}

static void report_at(struct settings_reader *r, bool error,
	const config_setting_t *setting, const char *member, const char *format,
	va_list args) __attribute__((format(printf, 5, 0)));

static void report_at(struct settings_reader *r, bool error,
	const config_setting_t *setting, const char *member, const char *format,
	va_list args)
{
	char message[SETTINGS_MESSAGE_MAX], path[SETTINGS_MESSAGE_MAX / 4];
	const unsigned line = config_setting_source_line(setting);
	const char *name = member ? member : "";

	if (error)
		fail(r, -EINVAL);
	if (!r->report)
		return;
	write_setting_path(path, sizeof(path), setting);
	int at = snprintf(message, sizeof(message), "%.400s:%u: %s%s%s%s",
		settings_text_file(r->text, line), settings_text_line(r->text, line),
		path, path[0] && name[0] ? "." : "", name,
		path[0] || name[0] ? ": " : "");
	vsnprintf(message + at, sizeof(message) - (size_t)at, format, args);
	printable_clean(message);
	r->report(error, message, r->arg);
}

void reader_error(struct settings_reader *r, const config_setting_t *setting,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_at(r, true, setting, NULL, format, args);
	va_end(args);
}

void reader_warning(struct settings_reader *r, const config_setting_t *setting,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_at(r, false, setting, NULL, format, args);
	va_end(args);
}

static void report_member(struct settings_reader *r, bool error,
	const config_setting_t *group, const char *member, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static void report_member(struct settings_reader *r, bool error,
	const config_setting_t *group, const char *member, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_at(r, error, group, member, format, args);
	va_end(args);
}

void reader_error_missing(struct settings_reader *r, const config_setting_t *group,
	const char *name, const char *what)
{
	report_member(r, true, group, name, "is missing%s%s", what ? ": " : "",
		what ? what : "");
}

void reader_warning_missing(struct settings_reader *r, const config_setting_t *group,
	const char *name, const char *consequence)
{
	report_member(r, false, group, name, "is missing: %s", consequence);
}

void reader_error_raw(struct settings_reader *r, int error, const char *message)
{
	char clean[SETTINGS_MESSAGE_MAX];

	fail(r, error == -ENOMEM ? -ENOMEM : -EINVAL);
	if (!r->report)
		return;
	snprintf(clean, sizeof(clean), "%s", message);
	printable_clean(clean);
	r->report(true, clean, r->arg);
}

void reader_error_memory(struct settings_reader *r)
{
	/* Reported once only: most of what follows will fail as well. */
	if (r->error != -ENOMEM && r->report)
		r->report(true, "out of memory", r->arg);
	fail(r, -ENOMEM);
}

void *reader_alloc(struct settings_reader *r, size_t count, size_t size)
{
	void *memory = calloc(count > 0 ? count : 1, size);

	if (!memory)
		reader_error_memory(r);
	return memory;
}

bool reader_set_text(struct settings_reader *r, char **ret, const char *text)
{
	char *copy = strdup(text);

	if (!copy) {
		reader_error_memory(r);
		return false;
	}
	free(*ret);
	*ret = copy;
	return true;
}

/* ---- groups and lists ---- */

static const struct reader_member *find_member(
	const struct reader_member *members, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(members[i].name, name) == 0)
			return &members[i];
	return NULL;
}

static void check_unknown(struct settings_reader *r, const config_setting_t *setting,
	const struct reader_member *members, size_t count)
{
	if (find_member(members, count, setting->name))
		return;
	const char *meant =
		settings_suggest(setting->name, members, count, sizeof(members[0]));
	if (meant)
		reader_error(r, setting, "unknown setting (did you mean \"%s\"?)", meant);
	else
		reader_error(r, setting, "unknown setting");
}

void reader_read_group(struct settings_reader *r, const config_setting_t *group,
	const struct reader_member *members, size_t count, void *object)
{
	if (!reader_is_group(r, group))
		return;
	for (int i = 0; i < config_setting_length(group); i++)
		check_unknown(
			r, config_setting_get_elem(group, (unsigned)i), members, count);
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *setting =
			config_setting_get_member(group, members[i].name);
		if (setting && members[i].read)
			members[i].read(r, setting, object);
		else if (setting && members[i].into)
			members[i].into(r, setting, &members[i],
				(char *)object + members[i].offset);
		else if (!setting && members[i].is_required)
			reader_error_missing(r, group, members[i].name, NULL);
	}
}

bool reader_is_group(struct settings_reader *r, const config_setting_t *setting)
{
	if (config_setting_is_group(setting))
		return true;
	reader_error(r, setting, "must be a group: { ... }");
	return false;
}

bool reader_is_list(struct settings_reader *r, const config_setting_t *setting)
{
	/* An array holds single values only, but an empty one is an empty list. */
	if (config_setting_is_list(setting) || reader_is_empty(setting))
		return true;
	reader_error(r, setting, "must be a list of groups: ( { ... }, ... )");
	return false;
}

bool reader_is_values(struct settings_reader *r, const config_setting_t *setting)
{
	if (config_setting_is_group(setting)) {
		reader_error(r, setting, "must be a value or an array: [ ... ]");
		return false;
	}
	if (reader_is_empty(setting)) {
		reader_error(r, setting, "must not be empty");
		return false;
	}
	return true;
}

bool reader_is_empty(const config_setting_t *setting)
{
	return (config_setting_is_list(setting) || config_setting_is_array(setting)) &&
		config_setting_length(setting) == 0;
}

size_t reader_count(const config_setting_t *setting)
{
	if (!config_setting_is_aggregate(setting))
		return 1;
	return (size_t)config_setting_length(setting);
}

const config_setting_t *reader_element(const config_setting_t *setting, size_t index)
{
	if (!config_setting_is_aggregate(setting))
		return setting;
	return config_setting_get_elem(setting, (unsigned)index);
}

/* ---- values ---- */

const char *reader_text(struct settings_reader *r, const config_setting_t *setting)
{
	if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
		reader_error(r, setting, "must be a string: \"...\"");
		return NULL;
	}
	const char *text = config_setting_get_string(setting);
	if (text && text[0] != '\0')
		return text;
	reader_error(r, setting, "must not be empty");
	return NULL;
}

static bool is_integer(const config_setting_t *setting)
{
	return config_setting_type(setting) == CONFIG_TYPE_INT ||
		config_setting_type(setting) == CONFIG_TYPE_INT64;
}

bool reader_integer(struct settings_reader *r, const config_setting_t *setting,
	int64_t min, int64_t max, int64_t *ret)
{
	if (!is_integer(setting)) {
		reader_error(r, setting, "must be a number");
		return false;
	}
	int64_t number = config_setting_get_int64(setting);
	if (number < min || number > max) {
		reader_error(r, setting, "%lld is not between %lld and %lld",
			(long long)number, (long long)min, (long long)max);
		return false;
	}
	*ret = number;
	return true;
}

bool reader_bool(struct settings_reader *r, const config_setting_t *setting, bool *ret)
{
	if (config_setting_type(setting) != CONFIG_TYPE_BOOL) {
		reader_error(r, setting, "must be true or false");
		return false;
	}
	*ret = config_setting_get_bool(setting);
	return true;
}

/* For messages: the largest unit that leaves no remainder. */
static const char *time_to_text(int64_t ms, char *buf, size_t cap)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ms % units[i].ms != 0)
			continue;
		snprintf(buf, cap, "%lld%s", (long long)(ms / units[i].ms),
			ms > 0 ? units[i].name : "s");
		return buf;
	}
	snprintf(buf, cap, "%lldms", (long long)ms);
	return buf;
}

bool reader_time(struct settings_reader *r, const config_setting_t *setting,
	int64_t min_ms, int64_t max_ms, int64_t *ret_ms)
{
	char low[32], high[32];
	int64_t ms = 0;
	int err = -EINVAL;

	if (config_setting_type(setting) == CONFIG_TYPE_STRING)
		err = settings_parse_time(config_setting_get_string(setting), &ms);
	else if (is_integer(setting))
		err = __builtin_mul_overflow(
			      (int64_t)config_setting_get_int64(setting), 1000, &ms)
			? -EINVAL
			: 0;
	if (err) {
		reader_error(r, setting,
			"must be a time: seconds, or \"90s\", \"15m\", \"24h\", \"7d\", "
			"\"500ms\"");
		return false;
	}
	if (ms < min_ms || ms > max_ms) {
		reader_error(r, setting, "is not between %s and %s",
			time_to_text(min_ms, low, sizeof(low)),
			time_to_text(max_ms, high, sizeof(high)));
		return false;
	}
	*ret_ms = ms;
	return true;
}

bool reader_seconds(struct settings_reader *r, const config_setting_t *setting,
	uint32_t min_s, uint32_t max_s, uint32_t *ret_s)
{
	int64_t ms;

	if (!reader_time(r, setting, (int64_t)min_s * 1000, (int64_t)max_s * 1000, &ms))
		return false;
	if (ms % 1000 != 0) {
		reader_error(r, setting, "must be whole seconds");
		return false;
	}
	*ret_s = (uint32_t)(ms / 1000);
	return true;
}

static void report_unknown_value(struct settings_reader *r,
	const config_setting_t *setting, const char *text,
	const struct reader_choice *choices, size_t count)
{
	const char *meant = settings_suggest(text, choices, count, sizeof(choices[0]));
	char all[SETTINGS_MESSAGE_MAX / 4];
	size_t at = 0;

	if (meant) {
		reader_error(r, setting, "unknown value \"%.64s\" (did you mean \"%s\"?)",
			text, meant);
		return;
	}
	for (size_t i = 0; i < count && at < sizeof(all); i++)
		at += (size_t)snprintf(all + at, sizeof(all) - at, "%s\"%s\"",
			i > 0 ? ", " : "", choices[i].name);
	reader_error(r, setting, "unknown value \"%.64s\": must be one of %s", text, all);
}

bool reader_choose(struct settings_reader *r, const config_setting_t *setting,
	const struct reader_choice *choices, size_t count, unsigned *ret)
{
	const char *text = reader_text(r, setting);

	if (!text)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(choices[i].name, text) == 0) {
			*ret = choices[i].value;
			return true;
		}
	}
	report_unknown_value(r, setting, text, choices, count);
	return false;
}

bool reader_choose_many(struct settings_reader *r, const config_setting_t *setting,
	const struct reader_choice *choices, size_t count, unsigned *ret)
{
	unsigned all = 0, one = 0;
	bool is_good = true;

	if (!reader_is_values(r, setting))
		return false;
	for (size_t i = 0; i < reader_count(setting); i++) {
		if (reader_choose(r, reader_element(setting, i), choices, count, &one))
			all |= one;
		else
			is_good = false;
	}
	if (is_good)
		*ret = all;
	return is_good;
}

bool reader_name_by(struct settings_reader *r, const config_setting_t *setting,
	const uint8_t *origin, reader_name_parse *from_text, uint8_t ret[NAME_MAX_LEN])
{
	static const uint8_t root[] = {0};
	const char *text = reader_text(r, setting);
	uint8_t name[NAME_MAX_LEN];

	if (!text)
		return false;
	if (from_text(name, text, origin ? origin : root)) {
		reader_error(r, setting, "\"%.256s\" is not a domain name", text);
		return false;
	}
	name_lower(name);
	memcpy(ret, name, name_len(name));
	return true;
}

bool reader_name(struct settings_reader *r, const config_setting_t *setting,
	const uint8_t *origin, uint8_t ret[NAME_MAX_LEN])
{
	return reader_name_by(r, setting, origin, name_from_text, ret);
}

bool reader_copy(struct settings_reader *r, const config_setting_t *setting, char **ret)
{
	const char *text = reader_text(r, setting);

	return text && reader_set_text(r, ret, text);
}

/* ---- paths ---- */

bool reader_path(struct settings_reader *r, const config_setting_t *setting, char **ret)
{
	const char *text = reader_text(r, setting);
	char *path;

	if (!text)
		return false;
	if (text[0] == '/' || !r->folder)
		return reader_set_text(r, ret, text);
	if (asprintf(&path, "%s/%s", r->folder, text) < 0) {
		reader_error_memory(r);
		return false;
	}
	free(*ret);
	*ret = path;
	return true;
}

struct key_reading {
	struct settings_reader *r;
	const config_setting_t *setting;
};

static void on_key_warning(const char *message, void *arg)
{
	struct key_reading *reading = arg;

	reader_warning(reading->r, reading->setting, "%s", message);
}

int reader_load_keys(struct settings_reader *r, const config_setting_t *setting,
	struct keyring *ring, const char *path, char ret_error[KEYFILE_ERROR_MAX])
{
	struct key_reading reading = {r, setting};

	return keyfile_load(ring, path, on_key_warning, &reading, ret_error);
}

/* ---- members of common kinds ---- */

void reader_into_bool(struct settings_reader *r, const config_setting_t *setting,
	const struct reader_member *member, void *value)
{
	(void)member;
	(void)reader_bool(r, setting, value);
}

void reader_into_number(struct settings_reader *r, const config_setting_t *setting,
	const struct reader_member *member, void *value)
{
	int64_t number;

	if (reader_integer(r, setting, member->min, member->max, &number))
		*(unsigned *)value = (unsigned)number;
}

void reader_into_seconds(struct settings_reader *r, const config_setting_t *setting,
	const struct reader_member *member, void *value)
{
	(void)reader_seconds(
		r, setting, (uint32_t)member->min, (uint32_t)member->max, value);
}

void reader_into_time(struct settings_reader *r, const config_setting_t *setting,
	const struct reader_member *member, void *value)
{
	int64_t ms;

	if (reader_time(r, setting, member->min, member->max, &ms))
		*(unsigned *)value = (unsigned)ms;
}

void reader_into_text(struct settings_reader *r, const config_setting_t *setting,
	const struct reader_member *member, void *value)
{
	(void)member;
	(void)reader_copy(r, setting, value);
}

void reader_into_path(struct settings_reader *r, const config_setting_t *setting,
	const struct reader_member *member, void *value)
{
	(void)member;
	(void)reader_path(r, setting, value);
}
