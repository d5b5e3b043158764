/*
 * Reads hosts files.  Limits: lines of LINE_MAX_LEN octets; longer ones count as bad.
 */
#include "agent/sources/hosts_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "agent/sources/address.h"
#include "agent/sources/source.h"

enum { LINE_MAX_LEN = 4096 };

static const char blanks[] = " \t\r\v\f";

struct hosts_line {
	unsigned family;
	uint8_t octets[16];
	bool is_for_others; /* not loopback and its like */
};

static bool read_address(struct hosts_line *line, const char *word)
{
	if (inet_pton(AF_INET, word, line->octets) == 1)
		line->family = 4;
	else if (inet_pton(AF_INET6, word, line->octets) == 1)
		line->family = 6;
	else
		return strchr(word, '%') != NULL; /* with a zone: link-local (RFC 4007) */
	line->is_for_others = address_scope(line->family, line->octets) &
		(SCOPE_GLOBAL | SCOPE_PRIVATE);
	return true;
}

/* 0, -EINVAL: no such line, or -errno. */
static int parse_line(struct records *set, const struct config *config,
	const struct config_source *source, char *text)
{
	struct hosts_line line = {0};
	uint8_t owner[NAME_MAX_LEN];
	char *rest, *word;
	int r = 0;

	text[strcspn(text, "#")] = '\0';
	word = strtok_r(text, blanks, &rest);
	if (!word)
		return 0;
	if (!read_address(&line, word))
		return -EINVAL;
	word = strtok_r(NULL, blanks, &rest);
	if (!word)
		return -EINVAL;
	for (; word && line.is_for_others && !r; word = strtok_r(NULL, blanks, &rest)) {
		if (config_complete_name(config, source->origin, word, owner))
			continue;
		r = source_add_address(set, owner, line.family, line.octets, source->ttl);
	}
	return r;
}

int hosts_file_parse(struct records *set, const struct config *config,
	const struct config_source *source, const char *text, size_t len,
	unsigned *ret_bad, unsigned *ret_bad_line)
{
	const char *end = text + len;
	unsigned number = 0;

	*ret_bad = *ret_bad_line = 0;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const size_t line_len = (size_t)((newline ? newline : end) - text);
		char line[LINE_MAX_LEN];
		int r = -EINVAL;

		number++;
		if (line_len < sizeof(line)) {
			memcpy(line, text, line_len);
			line[line_len] = '\0';
			r = parse_line(set, config, source, line);
		}
		if (r == -EINVAL && !(*ret_bad)++)
			*ret_bad_line = number;
		if (r && r != -EINVAL)
			return r;
		text += line_len + 1;
	}
	return 0;
}
