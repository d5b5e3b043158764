/*
 * Settings of muster-agent.conf as text, numbers, names and times, and reporting.  Does
 * not know any particular setting.
 */
#include "agent/config_read.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MESSAGE_MAX = 1024, /* octets, with the final zero */
	PATH_PARTS_MAX = 4, /* no setting that is known lies deeper */
	PORT_DEFAULT = 53,
	PORT_MAX = 65535,
};

/* ---- reporting ---- */

/* "sources[0].type" */
static void write_setting_path(char *buf, size_t cap, const config_setting_t *setting)
{
	const config_setting_t *parts[PATH_PARTS_MAX];
	size_t count = 0, at = 0;

	for (; setting && config_setting_parent(setting) && count < PATH_PARTS_MAX;
		setting = config_setting_parent(setting))
		parts[count++] = setting;
	buf[0] = '\0';
	while (count-- > 0 && at < cap) {
		const char *name = config_setting_name(parts[count]);
		const int n = name
			? snprintf(buf + at, cap - at, "%s%s", at ? "." : "", name)
			: snprintf(buf + at, cap - at, "[%d]",
				  config_setting_index(parts[count]));
		at += (size_t)n;
	}
}

static void clean(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void report_at(struct reader *r, bool is_error, const config_setting_t *setting,
	const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static void report_at(struct reader *r, bool is_error, const config_setting_t *setting,
	const char *format, va_list args)
{
	char message[MESSAGE_MAX], path[MESSAGE_MAX / 4];
	const unsigned line = setting ? config_setting_source_line(setting) : 0;
	int at;

	if (is_error && !r->error)
		r->error = -EINVAL;
	if (!r->report)
		return;
	write_setting_path(path, sizeof(path), setting);
	at = snprintf(message, sizeof(message), "%.400s:%u: %s%s",
		settings_text_file(r->text, line), settings_text_line(r->text, line),
		path, path[0] ? ": " : "");
	vsnprintf(message + at, sizeof(message) - (size_t)at, format, args);
	clean(message);
	r->report(is_error, message, r->arg);
}

void reader_error(
	struct reader *r, const config_setting_t *setting, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_at(r, true, setting, format, args);
	va_end(args);
}

void reader_warning(
	struct reader *r, const config_setting_t *setting, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_at(r, false, setting, format, args);
	va_end(args);
}

void reader_error_memory(struct reader *r)
{
	if (r->error != -ENOMEM && r->report)
		r->report(true, "out of memory", r->arg);
	r->error = -ENOMEM;
}

/* ---- groups ---- */

static void check_known(struct reader *r, const config_setting_t *setting,
	const struct reader_member *members, size_t count)
{
	const char *name = config_setting_name(setting), *meant = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!strcmp(members[i].name, name))
			return;
		/* Singular and plural are what people mix up. */
		if (!strncmp(members[i].name, name, strlen(members[i].name)) ||
			!strncmp(members[i].name, name, strlen(name)))
			meant = members[i].name;
	}
	if (meant)
		reader_error(r, setting, "unknown setting (did you mean \"%s\"?)", meant);
	else
		reader_error(r, setting, "unknown setting");
}

void reader_read_group(struct reader *r, const config_setting_t *group,
	const struct reader_member *members, size_t count, void *object)
{
	if (!config_setting_is_group(group)) {
		reader_error(r, group, "must be a group: { name = value; ... }");
		return;
	}
	for (int i = 0; i < config_setting_length(group); i++)
		check_known(
			r, config_setting_get_elem(group, (unsigned)i), members, count);
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *setting =
			config_setting_get_member(group, members[i].name);

		if (setting)
			members[i].read(r, setting, object);
	}
}

/* ---- values ---- */

const char *reader_text(struct reader *r, const config_setting_t *setting)
{
	const char *text = config_setting_get_string(setting);

	if (!text || !*text)
		reader_error(r, setting, "must be text: \"...\"");
	return text && *text ? text : NULL;
}

static void replace(struct reader *r, char **ret, char *made)
{
	if (!made) {
		reader_error_memory(r);
		return;
	}
	free(*ret);
	*ret = made;
}

void reader_copy(struct reader *r, const config_setting_t *setting, char **ret)
{
	const char *text = reader_text(r, setting);

	if (text)
		replace(r, ret, strdup(text));
}

void reader_path(struct reader *r, const config_setting_t *setting, char **ret)
{
	const char *text = reader_text(r, setting);
	char *path;

	if (!text)
		return;
	if (text[0] == '/')
		path = strdup(text);
	else if (asprintf(&path, "%s/%s", r->folder, text) < 0)
		path = NULL;
	replace(r, ret, path);
}

bool reader_bool(struct reader *r, const config_setting_t *setting, bool *ret)
{
	if (config_setting_type(setting) != CONFIG_TYPE_BOOL) {
		reader_error(r, setting, "must be true or false");
		return false;
	}
	*ret = config_setting_get_bool(setting);
	return true;
}

static bool is_integer(const config_setting_t *setting)
{
	const int type = config_setting_type(setting);

	return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

bool reader_integer(struct reader *r, const config_setting_t *setting, int64_t min,
	int64_t max, int64_t *ret)
{
	int64_t value;

	if (!is_integer(setting)) {
		reader_error(r, setting, "must be a number");
		return false;
	}
	value = config_setting_get_int64(setting);
	if (value < min || value > max) {
		reader_error(r, setting, "must be from %lld to %lld", (long long)min,
			(long long)max);
		return false;
	}
	*ret = value;
	return true;
}

bool reader_time_ms(struct reader *r, const config_setting_t *setting, int64_t min_ms,
	int64_t max_ms, uint32_t *ret_ms)
{
	const char *text = config_setting_get_string(setting);
	int64_t ms = -1;

	if (text && config_parse_time(text, &ms))
		ms = -1;
	if (!text && is_integer(setting) &&
		__builtin_mul_overflow(
			(int64_t)config_setting_get_int64(setting), 1000, &ms))
		ms = -1;
	if (ms < 0) {
		reader_error(r, setting, "must be a time: 90, \"90s\", \"15m\", \"24h\"");
		return false;
	}
	if (ms < min_ms || ms > max_ms) {
		reader_error(r, setting, "must be from %lld ms to %lld s",
			(long long)min_ms, (long long)(max_ms / 1000));
		return false;
	}
	*ret_ms = (uint32_t)ms;
	return true;
}

bool reader_time_s(struct reader *r, const config_setting_t *setting, uint32_t min_s,
	uint32_t max_s, uint32_t *ret_s)
{
	const uint32_t limit_s = max_s < UINT32_MAX / 1000 ? max_s : UINT32_MAX / 1000;
	uint32_t ms;

	if (!reader_time_ms(
		    r, setting, min_s * INT64_C(1000), limit_s * INT64_C(1000), &ms))
		return false;
	if (ms % 1000) {
		reader_error(r, setting, "must be whole seconds");
		return false;
	}
	*ret_s = ms / 1000;
	return true;
}

bool reader_name(struct reader *r, const config_setting_t *setting, const uint8_t *origin,
	uint8_t ret[NAME_MAX_LEN])
{
	static const uint8_t root[] = {0};
	const char *text = reader_text(r, setting);
	uint8_t name[NAME_MAX_LEN];

	if (!text)
		return false;
	if (name_from_text(name, text, origin ? origin : root)) {
		reader_error(r, setting, "\"%s\" is no domain name", text);
		return false;
	}
	name_lower(name);
	memcpy(ret, name, name_len(name));
	return true;
}

size_t reader_count(struct reader *r, const config_setting_t *setting)
{
	int count = 1;

	if (config_setting_is_aggregate(setting))
		count = config_setting_is_group(setting) ? 0
							 : config_setting_length(setting);
	if (count < 1 || count > CONFIG_WORDS_MAX) {
		reader_error(r, setting, "must be one value, or a list of up to %d",
			CONFIG_WORDS_MAX);
		return 0;
	}
	return (size_t)count;
}

const config_setting_t *reader_element(const config_setting_t *setting, size_t index)
{
	return config_setting_is_aggregate(setting)
		? config_setting_get_elem(setting, (unsigned)index)
		: setting;
}

void reader_free_words(char **words)
{
	for (char **word = words; word && *word; word++)
		free(*word);
	free(words);
}

void reader_words(struct reader *r, const config_setting_t *setting, char ***ret)
{
	const size_t count = reader_count(r, setting);
	char **words;

	if (!count)
		return;
	words = calloc(count + 1, sizeof(*words));
	if (!words) {
		reader_error_memory(r);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		reader_copy(r, reader_element(setting, i), &words[i]);
		if (!words[i]) /* reported */
			break;
	}
	reader_free_words(*ret);
	*ret = words;
}

static bool choose_one(struct reader *r, const config_setting_t *setting,
	const struct reader_choice *choices, size_t count, unsigned *ret)
{
	const char *text = reader_text(r, setting);
	char known[MESSAGE_MAX / 4];
	size_t at = 0;

	if (!text)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!strcasecmp(choices[i].name, text)) {
			*ret |= choices[i].value;
			return true;
		}
	known[0] = '\0';
	for (size_t i = 0; i < count && at < sizeof(known); i++)
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s",
			i ? ", " : "", choices[i].name);
	reader_error(r, setting, "\"%s\" is none of: %s", text, known);
	return false;
}

void reader_choose(struct reader *r, const config_setting_t *setting,
	const struct reader_choice *choices, size_t count, unsigned *ret)
{
	const bool is_list =
		config_setting_is_array(setting) || config_setting_is_list(setting);
	unsigned value = 0;

	/* An empty list is an answer too: nothing. */
	if (is_list && config_setting_length(setting) == 0) {
		*ret = 0;
		return;
	}
	for (size_t i = 0; i < reader_count(r, setting); i++)
		if (!choose_one(r, reader_element(setting, i), choices, count, &value))
			return;
	*ret = value;
}

/* ---- words ---- */

static int64_t unit_ms(const char *unit)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {
		{"", 1000},
		{"ms", 1},
		{"s", 1000},
		{"m", 60 * 1000},
		{"h", 60 * 60 * 1000},
		{"d", 24 * 60 * 60 * 1000},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(units[i].name, unit))
			return units[i].ms;
	return 0;
}

int config_parse_time(const char *text, int64_t *ret_ms)
{
	int64_t number = 0;
	const char *at = text;

	if (!isdigit((unsigned char)*at))
		return -EINVAL;
	for (; isdigit((unsigned char)*at); at++)
		if (__builtin_mul_overflow(number, 10, &number) ||
			__builtin_add_overflow(number, *at - '0', &number))
			return -EINVAL;
	if (!unit_ms(at) || __builtin_mul_overflow(number, unit_ms(at), &number))
		return -EINVAL;
	*ret_ms = number;
	return 0;
}

static int parse_port(const char *text, uint16_t *ret)
{
	unsigned port = 0;

	for (const char *at = text; *at; at++) {
		if (!isdigit((unsigned char)*at))
			return -EINVAL;
		port = port * 10 + (unsigned)(*at - '0');
		if (port > PORT_MAX)
			return -EINVAL;
	}
	if (!port)
		return -EINVAL;
	*ret = (uint16_t)port;
	return 0;
}

int config_parse_endpoint(const char *text, char **ret_host, uint16_t *ret_port)
{
	const char *host = text, *end = text + strlen(text), *port = NULL;
	uint16_t number = PORT_DEFAULT;

	if (text[0] == '[') {
		host = text + 1;
		end = strchr(text, ']');
		if (!end || (end[1] && !strchr(":#", end[1])))
			return -EINVAL;
		port = end[1] ? end + 2 : NULL;
	} else if (strchr(text, '#')) {
		end = strchr(text, '#');
		port = end + 1;
	} else if (strchr(text, ':') && strchr(text, ':') == strrchr(text, ':')) {
		/* A colon is a port's only if it is the only one: else it is IPv6. */
		end = strchr(text, ':');
		port = end + 1;
	}
	if (end == host || (port && parse_port(port, &number)))
		return -EINVAL;
	*ret_host = strndup(host, (size_t)(end - host));
	if (!*ret_host)
		return -ENOMEM;
	*ret_port = number;
	return 0;
}
