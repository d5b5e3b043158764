/*
 * The words of musterd.conf: times, dates, addresses, URLs, and guesses at misspelt
 * names.
 *
 * Pure functions over strings.  Limits: words of SUGGEST_MAX octets and more get no
 * guess.
 */
#include "gateway/config/config_read.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

	int64_t ms = unit_ms(at);
	if (ms == 0 || __builtin_mul_overflow(number, ms, &number))
		return -EINVAL;
	*ret_ms = number;
	return 0;
}

/* strptime would take blanks, signs and missing zeros: the form is fixed, so is this. */
static bool has_date_form(const char *text)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";

	if (strlen(text) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; form[i]; i++) {
		if (form[i] == 'd' && !isdigit((unsigned char)text[i]))
			return false;
		if (form[i] != 'd' && form[i] != text[i])
			return false;
	}
	return true;
}

int config_text_parse_date(const char *text, int64_t *ret_s)
{
	struct tm given = {0};

	if (!has_date_form(text))
		return -EINVAL;
	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &given.tm_year, &given.tm_mon,
		    &given.tm_mday, &given.tm_hour, &given.tm_min, &given.tm_sec) != 6)
		return -EINVAL;
	given.tm_year -= 1900;
	given.tm_mon -= 1;

	/* timegm makes a day of March of the 31st of February: not what was meant. */
	struct tm made = given;
	time_t seconds = timegm(&made);
	if (made.tm_year != given.tm_year || made.tm_mon != given.tm_mon ||
		made.tm_mday != given.tm_mday || made.tm_hour != given.tm_hour ||
		made.tm_min != given.tm_min || made.tm_sec != given.tm_sec)
		return -EINVAL;
	*ret_s = seconds;
	return 0;
}

/* ---- addresses ---- */

static int parse_ipv4(struct config_address *ret, const char *text, unsigned port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	char normal[INET_ADDRSTRLEN];

	if (inet_pton(AF_INET, text, &address.sin_addr) != 1 ||
		!inet_ntop(AF_INET, &address.sin_addr, normal, sizeof(normal)))
		return -EINVAL;
	memcpy(&ret->storage, &address, sizeof(address));
	ret->len = sizeof(address);
	snprintf(ret->text, sizeof(ret->text), "%s#%u", normal, port);
	return 0;
}

/* An interface makes sense with a link-local address only (RFC 4007 6), which in turn can
 * not be reached without. */
static int parse_scope(struct sockaddr_in6 *address, const char *interface)
{
	if (IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr) != (interface != NULL))
		return -EINVAL;
	if (interface)
		address->sin6_scope_id = if_nametoindex(interface);
	return interface && address->sin6_scope_id == 0 ? -EINVAL : 0;
}

static int parse_ipv6(struct config_address *ret, const char *text, unsigned port)
{
	struct sockaddr_in6 address = {
		.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	char octets[INET6_ADDRSTRLEN], normal[INET6_ADDRSTRLEN];
	const char *interface = strchr(text, '%');
	size_t len = interface ? (size_t)(interface - text) : strlen(text);

	if (len >= sizeof(octets) || (interface && strlen(interface + 1) >= IFNAMSIZ))
		return -EINVAL;
	memcpy(octets, text, len);
	octets[len] = '\0';
	if (inet_pton(AF_INET6, octets, &address.sin6_addr) != 1 ||
		!inet_ntop(AF_INET6, &address.sin6_addr, normal, sizeof(normal)) ||
		parse_scope(&address, interface ? interface + 1 : NULL))
		return -EINVAL;
	memcpy(&ret->storage, &address, sizeof(address));
	ret->len = sizeof(address);
	/* Fits: 39 octets of address, 16 of interface with its mark, 6 of port. */
	snprintf(ret->text, sizeof(ret->text), "%.39s%.16s#%u", normal,
		interface ? interface : "", port & PORT_MAX);
	return 0;
}

int config_parse_address(struct config_address *ret, const char *address, unsigned port)
{
	struct config_address made = {0};
	int err;

	if (port > PORT_MAX)
		return -EINVAL;
	err = strchr(address, ':') ? parse_ipv6(&made, address, port)
				   : parse_ipv4(&made, address, port);
	if (err)
		return err;
	*ret = made;
	return 0;
}

static int parse_port(const char *text, unsigned *ret)
{
	unsigned port = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		port = port * 10 + (unsigned)(*text - '0');
		if (port > PORT_MAX)
			return -EINVAL;
	}
	*ret = port;
	return 0;
}

/* Cuts "[address]:port" in two; *ret_port stays NULL if there is no port. */
static int split_brackets(char *text, char **ret_address, char **ret_port)
{
	char *end = strchr(text, ']');

	if (!end || !strchr(text, ':') || (end[1] != '\0' && !strchr(":#", end[1])))
		return -EINVAL;
	*end = '\0';
	*ret_address = text + 1;
	if (end[1] != '\0')
		*ret_port = end + 2;
	return 0;
}

int config_text_parse_endpoint(
	struct config_address *ret, const char *text, unsigned default_port)
{
	char copy[sizeof(ret->text) + 2], *address = copy, *port_text = NULL;
	unsigned port = default_port;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	char *mark = strchr(copy, '#');
	/* A colon is a port's only if it is the only one: else the address is IPv6. */
	if (!mark && strchr(copy, ':') == strrchr(copy, ':'))
		mark = strchr(copy, ':');
	if (copy[0] == '[') {
		if (split_brackets(copy, &address, &port_text))
			return -EINVAL;
	} else if (mark) {
		*mark = '\0';
		port_text = mark + 1;
	}
	if (port_text && parse_port(port_text, &port))
		return -EINVAL;
	return config_parse_address(ret, address, port);
}

/* ---- URLs ---- */

/* Whoever reads logs must not find a password, so that a URL has none. */
bool config_text_is_url(const char *text, bool may_have_query)
{
	static const char *const schemes[] = {"http://", "https://"};
	const char *const banned = may_have_query ? "@#\"<>\\" : "@?#\"<>\\";
	const char *host = NULL;

	for (size_t i = 0; i < 2; i++)
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
			host = text + strlen(schemes[i]);
	if (!host || *host == '\0' || strchr("/:?", *host))
		return false;
	for (; *host; host++)
		if (*host <= ' ' || *host > '~' || strchr(banned, *host))
			return false;
	return true;
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

const char *config_text_suggest(
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

void config_text_clean(char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}
