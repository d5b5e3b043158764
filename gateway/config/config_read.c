/*
 * Kinds of settings that muster-agent.conf lacks: lists of names, addresses, and files
 * with secrets.
 *
 * No particular setting is known here.  Secrets are read only by reader_secret and
 * config_keys.c, which never show a value in a message.
 */
#include "gateway/config/config_read.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tsig/hmac.h"

/* ---- values ---- */

bool reader_pattern(struct settings_reader *r, const config_setting_t *setting,
	const uint8_t *origin, uint8_t ret[NAME_MAX_LEN])
{
	return reader_name_by(r, setting, origin, name_pattern_from_text, ret);
}

static void read_names(struct settings_reader *r, const config_setting_t *setting,
	const uint8_t *origin, const uint8_t *inside, reader_name_parse *from_text,
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
		if (!reader_name_by(r, element, origin, from_text, name))
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

void reader_names(struct settings_reader *r, const config_setting_t *setting,
	const uint8_t *origin, const uint8_t *inside, uint8_t ***ret, size_t *ret_count)
{
	read_names(r, setting, origin, inside, name_from_text, ret, ret_count);
}

void reader_patterns(struct settings_reader *r, const config_setting_t *setting,
	const uint8_t *origin, const uint8_t *inside, uint8_t ***ret, size_t *ret_count)
{
	read_names(r, setting, origin, inside, name_pattern_from_text, ret, ret_count);
}

bool reader_cidr(
	struct settings_reader *r, const config_setting_t *setting, struct cidr *ret)
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

void reader_cidrs(struct settings_reader *r, const config_setting_t *setting,
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

/* What to do if the name of a host was given. */
static const char *hint_at_name(const char *text)
{
	for (; *text && !strchr("#%", *text); text++)
		if (isalpha((unsigned char)*text) && !isxdigit((unsigned char)*text))
			return ": names are not looked up, write the address (getent "
			       "hosts NAME shows it)";
	return "";
}

bool reader_endpoint(struct settings_reader *r, const config_setting_t *setting,
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

bool reader_address(struct settings_reader *r, const config_setting_t *group,
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
		reader_error_missing(r, group, "address", NULL);
	if (!address)
		return false;
	if (config_parse_address(ret, address, (unsigned)number) == 0)
		return true;
	reader_error(r, address_setting ? address_setting : group,
		"\"%.64s\" is not a numeric address%s", address, hint_at_name(address));
	return false;
}

/* ---- files ---- */

/* Opens a file, which must be regular and closed to others.  -1: reported. */
static int open_secret(
	struct settings_reader *r, const config_setting_t *setting, const char *path)
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

/* The text without surrounding white space; NULL if it is empty or has several lines. */
static char *trim_line(char *text)
{
	text += strspn(text, " \t\r\n");
	size_t len = strlen(text);
	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		text[--len] = '\0';
	return len > 0 && !strchr(text, '\n') ? text : NULL;
}

char *reader_secret(struct settings_reader *r, const config_setting_t *setting)
{
	char text[READER_SECRET_MAX + 1], *line, *path = NULL, *copy = NULL;

	if (!r->folder) {
		reader_error(r, setting, "files are not read for text in memory");
		return NULL;
	}
	int fd = reader_path(r, setting, &path) ? open_secret(r, setting, path) : -1;
	if (fd < 0) {
		free(path);
		return NULL;
	}
	ssize_t len = read(fd, text, READER_SECRET_MAX);
	text[len > 0 ? len : 0] = '\0';
	if (len > 0 && !memchr(text, '\0', (size_t)len) && (line = trim_line(text)))
		(void)reader_set_text(r, &copy, line);
	else
		reader_error(r, setting, "%.256s: must contain exactly one line", path);
	hmac_wipe(text, sizeof(text));
	close(fd);
	free(path);
	return copy;
}

unsigned reader_file_mode(
	const struct settings_reader *r, const config_setting_t *setting)
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
