/*
 * URLs of PowerDNS' HTTP API: see powerdns_url.h.
 */
#include "gateway/target/powerdns_url.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tsig/name.h"

enum { ESCAPED_LEN = 3 }; /* octets of %XX and =XX */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '.' || c == '-';
}

/* ret has room for ESCAPED_LEN octets for each octet of text, and a zero. */
static void escape(char *ret, const char *text, char mark)
{
	for (; *text; text++) {
		if (is_plain(*text))
			*ret++ = *text;
		else
			ret += sprintf(ret, "%c%02X", mark, (unsigned char)*text);
	}
	*ret = '\0';
}

/* Behind the server's own URL. */
static void write_path(
	char *ret, size_t cap, const uint8_t *zone, enum powerdns_place place)
{
	static const char *const suffixes[] = {
		[POWERDNS_ZONE] = "",
		[POWERDNS_SOA] = "",
		[POWERDNS_METADATA] = "/metadata",
		[POWERDNS_NOTE] = ("/metadata/" POWERDNS_NOTE_KIND),
		[POWERDNS_RECTIFY] = "/rectify",
	};
	char name[NAME_TEXT_MAX], escaped[NAME_TEXT_MAX * ESCAPED_LEN];
	int len;

	name_to_text(zone, name);
	escape(escaped, name, '=');
	/* Only the root: a path that ends with a dot would lose it. */
	len = snprintf(
		ret, cap, "/zones/%s%s", zone[0] == 0 ? "=2E" : escaped, suffixes[place]);
	if (place != POWERDNS_SOA)
		return;
	escape(escaped, name, '%');
	snprintf(ret + len, cap - (size_t)len, "?rrset_name=%s&rrset_type=SOA", escaped);
}

char *powerdns_url(const char *base, const char *server, const uint8_t *zone,
	enum powerdns_place place)
{
	char path[2 * NAME_TEXT_MAX * ESCAPED_LEN + 64] = "/config";
	char *escaped = malloc(strlen(server) * ESCAPED_LEN + 1);
	char *url = NULL;

	if (!escaped)
		return NULL;
	escape(escaped, server, '%');
	if (place != POWERDNS_CONFIG)
		write_path(path, sizeof(path), zone, place);
	if (asprintf(&url, "%s/api/v1/servers/%s%s", base, escaped, path) < 0)
		url = NULL;
	free(escaped);
	return url;
}
