/*
 * The words of a configuration file: times, endpoints, and guesses at misspelt names.
 *
 * Pure functions over strings.  Limits: words of SUGGEST_MAX octets and more get no
 * guess.
 */
#include "gateway/base/settings_words.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum {
	SUGGEST_MAX = 32,         /* octets: longer than any name of a setting */
	SUGGEST_DISTANCE_MAX = 2, /* edits; three make another word of most names */
	SUGGEST_PREFIX_MIN = 3,   /* octets of a name that count as its abbreviation */
	PORT_MAX = 65535,
};

/* ---- times ---- */

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
		if (strcmp(units[i].name, unit) == 0)
			return units[i].ms;
	return 0;
}

int settings_parse_time(const char *text, int64_t *ret_ms)
{
	int64_t number = 0;
	const char *at = text;

	if (!isdigit((unsigned char)*at))
		return -EINVAL;
	for (; isdigit((unsigned char)*at); at++)
		if (__builtin_mul_overflow(number, 10, &number) ||
			__builtin_add_overflow(number, *at - '0', &number))
			return -EINVAL;

	int64_t ms = unit_ms(at);
	if (ms == 0 || __builtin_mul_overflow(number, ms, &number))
		return -EINVAL;
	*ret_ms = number;
	return 0;
}

/* ---- endpoints ---- */

static int parse_port(const char *text, size_t len, unsigned *ret)
{
	unsigned port = 0;

	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return -EINVAL;
		port = port * 10 + (unsigned)(text[i] - '0');
		if (port > PORT_MAX)
			return -EINVAL;
	}
	*ret = port;
	return len ? 0 : -EINVAL;
}

int settings_parse_endpoint(
	struct settings_endpoint *ret, const char *text, unsigned default_port)
{
	struct settings_endpoint made = {.host = text, .port = default_port};
	const char *end = text + strlen(text), *mark = strchr(text, '#');

	/* A colon is a port's only if it is the only one: otherwise the host is an IPv6
	 * address. */
	if (!mark && strchr(text, ':') == strrchr(text, ':'))
		mark = strchr(text, ':');
	if (text[0] == '[') {
		made.host = text + 1;
		mark = strchr(text, ']');
		if (!mark || !strchr(text, ':'))
			return -EINVAL;
		made.host_len = (size_t)(mark - made.host);
		mark++;
		if (*mark && !strchr(":#", *mark))
			return -EINVAL;
		mark = *mark ? mark : NULL;
	} else {
		made.host_len = (size_t)((mark ? mark : end) - text);
	}
	if (!made.host_len)
		return -EINVAL;
	if (mark && parse_port(mark + 1, (size_t)(end - mark - 1), &made.port))
		return -EINVAL;
	*ret = made;
	return 0;
}

/* ---- misspelt names ---- */

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* Insertions, deletions, replacements and swaps of neighbours that make b of a. */
static unsigned edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][SUGGEST_MAX + 1];

	for (unsigned j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *above = rows[(i + 2) % 3], *beyond = rows[(i + 1) % 3];
		row[0] = i;
		for (unsigned j = 1; j <= b_len; j++) {
			unsigned cost = tolower((unsigned char)a[i - 1]) != b[j - 1];
			row[j] = smallest(
				above[j] + 1, row[j - 1] + 1, above[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
				a[i - 2] == b[j - 1] && beyond[j - 2] + 1 < row[j])
				row[j] = beyond[j - 2] + 1;
		}
	}
	return rows[a_len % 3][b_len];
}

const char *settings_suggest(
	const char *word, const void *names, size_t count, size_t stride)
{
	size_t word_len = strlen(word);
	unsigned best = SUGGEST_DISTANCE_MAX + 1;
	const char *found = NULL, *prefixed = NULL;

	if (word_len >= SUGGEST_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const char *name;
		memcpy(&name, (const char *)names + i * stride, sizeof(name));
		size_t len = strlen(name);
		if (word_len >= SUGGEST_PREFIX_MIN && strncmp(word, name, word_len) == 0)
			prefixed = name;
		unsigned distance = edit_distance(word, word_len, name, len);
		/* Half of a short word is not a slip but another word. */
		if (distance < best && 2 * distance < len) {
			best = distance;
			found = name;
		}
	}
	return found ? found : prefixed;
}
