/*
 * Settings of musterd.conf as text, numbers, names and files, and reporting.
 *
 * Does not know any particular setting.  Values never stand in a message where the
 * setting is a secret: those are read by reader_secret and config_keys.c, which do not
 * show them.
 */
#include "gateway/config/config_read.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tsig/hmac.h"

enum { PATH_PARTS_MAX = 8 }; /* no setting that is known lies deeper */

/* ---- reporting ---- */

static void fail(struct config_reader *r, int error)
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

static void report_at(struct config_reader *r, bool error,
	const config_setting_t *setting, const char *member, const char *format,
	va_list args) __attribute__((format(printf, 5, 0)));

static void report_at(struct config_reader *r, bool error,
	const config_setting_t *setting, const char *member, const char *format,
	va_list args)
{
	char message[READER_MESSAGE_MAX], path[READER_MESSAGE_MAX / 4];
	const unsigned line = config_setting_source_line(setting);

	if (error)
		fail(r, -EINVAL);
	if (!r->report)
		return;
	write_setting_path(path, sizeof(path), setting);
	int at = snprintf(message, sizeof(message),
		"%.400s:%u: %s%s%s: ", settings_text_file(r->text, line),
		settings_text_line(r->text, line), path, member && path[0] ? "." : "",
		member ? member : "");
	vsnprintf(message + at, sizeof(message) - (size_t)at, format, args);
	config_text_clean(message);
	r->report(error, message, r->arg);
}

void reader_error(
	struct config_reader *r, const config_setting_t *setting, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_at(r, true, setting, NULL, format, args);
	va_end(args);
}

void reader_warning(
	struct config_reader *r, const config_setting_t *setting, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_at(r, false, setting, NULL, format, args);
	va_end(args);
}

static void report_member(struct config_reader *r, bool error,
	const config_setting_t *group, const char *member, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static void report_member(struct config_reader *r, bool error,
	const config_setting_t *group, const char *member, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_at(r, error, group, member, format, args);
	va_end(args);
}

void reader_error_missing(
	struct config_reader *r, const config_setting_t *group, const char *name)
{
	report_member(r, true, group, name, "is missing");
}

void reader_warning_missing(struct config_reader *r, const config_setting_t *group,
	const char *name, const char *consequence)
{
	report_member(r, false, group, name, "is missing: %s", consequence);
}

void reader_error_raw(struct config_reader *r, int error, const char *message)
{
	char clean[READER_MESSAGE_MAX];

	fail(r, error == -ENOMEM ? -ENOMEM : -EINVAL);
	if (!r->report)
		return;
	snprintf(clean, sizeof(clean), "%s", message);
	config_text_clean(clean);
	r->report(true, clean, r->arg);
}

void reader_error_memory(struct config_reader *r)
{
	/* Once is enough: what follows will mostly fail as well. */
	if (r->error != -ENOMEM && r->report)
		r->report(true, "out of memory", r->arg);
	fail(r, -ENOMEM);
}

void *reader_alloc(struct config_reader *r, size_t count, size_t size)
{
	void *memory = calloc(count > 0 ? count : 1, size);

	if (!memory)
		reader_error_memory(r);
	return memory;
}

bool reader_set_text(struct config_reader *r, char **ret, const char *text)
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

static void check_unknown(struct config_reader *r, const config_setting_t *setting,
	const struct reader_member *members, size_t count)
{
	if (find_member(members, count, setting->name))
		return;
	const char *meant =
		config_text_suggest(setting->name, members, count, sizeof(members[0]));
	if (meant)
		reader_error(r, setting, "unknown setting (did you mean \"%s\"?)", meant);
	else
		reader_error(r, setting, "unknown setting");
}

void reader_read_group(struct config_reader *r, const config_setting_t *group,
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
		if (setting)
			members[i].read(r, setting, object);
		else if (members[i].is_required)
			reader_error_missing(r, group, members[i].name);
	}
}

bool reader_is_group(struct config_reader *r, const config_setting_t *setting)
{
	if (config_setting_is_group(setting))
		return true;
	reader_error(r, setting, "must be a group: { ... }");
	return false;
}

bool reader_is_list(struct config_reader *r, const config_setting_t *setting)
{
	/* An array holds single values only, but an empty one is an empty list. */
	if (config_setting_is_list(setting) || reader_is_empty(setting))
		return true;
	reader_error(r, setting, "must be a list of groups: ( { ... }, ... )");
	return false;
}

bool reader_is_values(struct config_reader *r, const config_setting_t *setting)
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

void reader_skip(struct config_reader *r, const config_setting_t *setting, void *object)
{
	(void)r;
	(void)setting;
	(void)object;
}

/* ---- values ---- */

const char *reader_text(struct config_reader *r, const config_setting_t *setting)
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

bool reader_integer(struct config_reader *r, const config_setting_t *setting, int64_t min,
	int64_t max, int64_t *ret)
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

bool reader_bool(struct config_reader *r, const config_setting_t *setting, bool *ret)
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

bool reader_time(struct config_reader *r, const config_setting_t *setting, int64_t min_ms,
	int64_t max_ms, int64_t *ret_ms)
{
	char low[32], high[32];
	int64_t ms = 0;
	int err = -EINVAL;

	if (config_setting_type(setting) == CONFIG_TYPE_STRING)
		err = config_parse_time(config_setting_get_string(setting), &ms);
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

bool reader_seconds(struct config_reader *r, const config_setting_t *setting,
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

static void report_unknown_value(struct config_reader *r, const config_setting_t *setting,
	const char *text, const struct reader_choice *choices, size_t count)
{
	const char *meant = config_text_suggest(text, choices, count, sizeof(choices[0]));
	char all[READER_MESSAGE_MAX / 4];
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

bool reader_choose(struct config_reader *r, const config_setting_t *setting,
	const struct reader_choice *choices, size_t count, unsigned *ret)
{
	const char *text = reader_text(r, setting);

	if (!text)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(choices[i].name, text) == 0) {
			*ret = choices[i].value;
			return true;
		}
	}
	report_unknown_value(r, setting, text, choices, count);
	return false;
}

bool reader_choose_many(struct config_reader *r, const config_setting_t *setting,
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

typedef int name_function(
	uint8_t ret[NAME_MAX_LEN], const char *text, const uint8_t *origin);

static bool read_name(struct config_reader *r, const config_setting_t *setting,
	const uint8_t *origin, name_function *from_text, uint8_t ret[NAME_MAX_LEN])
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

bool reader_name(struct config_reader *r, const config_setting_t *setting,
	const uint8_t *origin, uint8_t ret[NAME_MAX_LEN])
{
	return read_name(r, setting, origin, name_from_text, ret);
}

bool reader_pattern(struct config_reader *r, const config_setting_t *setting,
	const uint8_t *origin, uint8_t ret[NAME_MAX_LEN])
{
	return read_name(r, setting, origin, name_pattern_from_text, ret);
}

static void read_names(struct config_reader *r, const config_setting_t *setting,
	const uint8_t *origin, const uint8_t *inside, name_function *from_text,
	uint8_t ***ret, size_t *ret_count)
{
	uint8_t name[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];

	if (!reader_is_values(r, setting))
		return;
	uint8_t **list = reader_alloc(r, reader_count(setting), sizeof(*list));
	if (!list)
		return;
	*ret = list;
	*ret_count = 0;
	for (size_t i = 0; i < reader_count(setting); i++) {
		const config_setting_t *element = reader_element(setting, i);
		if (!read_name(r, element, origin, from_text, name))
			continue;
		if (inside && !name_is_subdomain(name, inside)) {
			reader_error(r, element, "%.256s is not in the zone",
				name_to_text(name, text));
			continue;
		}
		uint8_t *copy = reader_alloc(r, 1, name_len(name));
		if (!copy)
			return;
		memcpy(copy, name, name_len(name));
		list[(*ret_count)++] = copy;
	}
}

void reader_names(struct config_reader *r, const config_setting_t *setting,
	const uint8_t *origin, const uint8_t *inside, uint8_t ***ret, size_t *ret_count)
{
	read_names(r, setting, origin, inside, name_from_text, ret, ret_count);
}

void reader_patterns(struct config_reader *r, const config_setting_t *setting,
	const uint8_t *origin, const uint8_t *inside, uint8_t ***ret, size_t *ret_count)
{
	read_names(r, setting, origin, inside, name_pattern_from_text, ret, ret_count);
}

bool reader_cidr(
	struct config_reader *r, const config_setting_t *setting, struct cidr *ret)
{
	const char *text = reader_text(r, setting);

	if (!text)
		return false;
	if (cidr_from_text(ret, text) == 0)
		return true;
	reader_error(r, setting, "\"%.64s\" is not an address or a prefix%s", text,
		strchr(text, '/') ? " (bits beyond its length must be 0)" : "");
	return false;
}

void reader_cidrs(struct config_reader *r, const config_setting_t *setting,
	struct cidr **ret, size_t *ret_count)
{
	if (!reader_is_values(r, setting))
		return;
	struct cidr *list = reader_alloc(r, reader_count(setting), sizeof(*list));
	if (!list)
		return;
	*ret = list;
	*ret_count = 0;
	for (size_t i = 0; i < reader_count(setting); i++)
		if (reader_cidr(r, reader_element(setting, i), &list[*ret_count]))
			(*ret_count)++;
}

/* What to do about the name of a host. */
static const char *hint_at_name(const char *text)
{
	for (; *text && !strchr("#%", *text); text++)
		if (isalpha((unsigned char)*text) && !isxdigit((unsigned char)*text))
			return ": names are not looked up, write the address (getent "
			       "hosts NAME shows it)";
	return "";
}

bool reader_endpoint(struct config_reader *r, const config_setting_t *setting,
	unsigned default_port, struct config_address *ret)
{
	const char *text = reader_text(r, setting);

	if (!text)
		return false;
	if (config_text_parse_endpoint(ret, text, default_port) == 0)
		return true;
	reader_error(r, setting,
		"\"%.64s\" is not a numeric address with or without port%s", text,
		hint_at_name(text));
	return false;
}

bool reader_address(struct config_reader *r, const config_setting_t *group,
	const char *address, unsigned port, unsigned port_min, struct config_address *ret)
{
	const config_setting_t *address_setting =
		config_setting_get_member(group, "address");
	const config_setting_t *port_setting = config_setting_get_member(group, "port");
	int64_t number = port;

	if (port_setting && !reader_integer(r, port_setting, port_min, 65535, &number))
		return false;
	if (address_setting)
		address = reader_text(r, address_setting);
	else if (!address)
		reader_error_missing(r, group, "address");
	if (!address)
		return false;
	if (config_parse_address(ret, address, (unsigned)number) == 0)
		return true;
	reader_error(r, address_setting ? address_setting : group,
		"\"%.64s\" is not a numeric address%s", address, hint_at_name(address));
	return false;
}

/* ---- files ---- */

char *reader_path(struct config_reader *r, const config_setting_t *setting)
{
	const char *text = reader_text(r, setting);
	char *path = NULL;

	if (!text)
		return NULL;
	if (text[0] == '/' || !r->folder)
		(void)reader_set_text(r, &path, text);
	else if (asprintf(&path, "%s/%s", r->folder, text) < 0) {
		path = NULL;
		reader_error_memory(r);
	}
	return path;
}

/* Opens what must be a regular file closed to others.  -1: reported. */
static int open_secret(
	struct config_reader *r, const config_setting_t *setting, const char *path)
{
	struct stat st;
	/* O_NONBLOCK: a FIFO in its place must not stop the daemon. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) < 0) {
		reader_error(r, setting, "%.256s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (!S_ISREG(st.st_mode))
		reader_error(r, setting, "%.256s: not a regular file", path);
	else if (st.st_mode & S_IRWXO)
		reader_error(r, setting,
			"%.256s: holds a secret but is accessible by others (mode %04o)",
			path, (unsigned)st.st_mode & 07777);
	else if (st.st_size > READER_SECRET_MAX)
		reader_error(r, setting, "%.256s: is too large for a secret", path);
	else
		return fd;
	close(fd);
	return -1;
}

/* The text without white space around it; NULL if it is empty or of several lines. */
static char *trim_line(char *text)
{
	text += strspn(text, " \t\r\n");
	size_t len = strlen(text);
	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		text[--len] = '\0';
	return len > 0 && !strchr(text, '\n') ? text : NULL;
}

char *reader_secret(struct config_reader *r, const config_setting_t *setting)
{
	char text[READER_SECRET_MAX + 1], *line, *copy = NULL;

	if (!r->folder) {
		reader_error(r, setting, "files are not read for text in memory");
		return NULL;
	}
	char *path = reader_path(r, setting);
	int fd = path ? open_secret(r, setting, path) : -1;
	if (fd < 0) {
		free(path);
		return NULL;
	}
	ssize_t len = read(fd, text, READER_SECRET_MAX);
	text[len > 0 ? len : 0] = '\0';
	if (len > 0 && !memchr(text, '\0', (size_t)len) && (line = trim_line(text)))
		(void)reader_set_text(r, &copy, line);
	else
		reader_error(r, setting, "%.256s: does not hold one line", path);
	hmac_wipe(text, sizeof(text));
	close(fd);
	free(path);
	return copy;
}

unsigned reader_file_mode(const struct config_reader *r, const config_setting_t *setting)
{
	return settings_text_mode(r->text, config_setting_source_line(setting));
}

void reader_free_secret(char *secret)
{
	if (!secret)
		return;
	hmac_wipe(secret, strlen(secret));
	free(secret);
}
