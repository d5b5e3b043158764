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

char *powerdns_url_server(const char *base, const char *server)
{
	char *escaped = malloc(strlen(server) * ESCAPED_LEN + 1);
	char *url = NULL;

	if (!escaped)
		return NULL;
	escape(escaped, server, '%');
	if (asprintf(&url, "%s/api/v1/servers/%s", base, escaped) < 0)
		url = NULL;
	free(escaped);
	return url;
}

char *powerdns_url_zone(const char *server_url, const uint8_t *zone)
{
	char name[NAME_TEXT_MAX], id[NAME_TEXT_MAX * ESCAPED_LEN];
	char *url;

	/* Only the root: a path that ends with a dot would lose it. */
	if (zone[0] == 0)
		snprintf(id, sizeof(id), "=2E");
	else
		escape(id, name_to_text(zone, name), '=');
	return asprintf(&url, "%s/zones/%s", server_url, id) < 0 ? NULL : url;
}

char *powerdns_url_soa(const char *zone_url, const uint8_t *zone)
{
	char name[NAME_TEXT_MAX], escaped[NAME_TEXT_MAX * ESCAPED_LEN];
	char *url;

	escape(escaped, name_to_text(zone, name), '%');
	return asprintf(&url, "%s?rrset_name=%s&rrset_type=SOA", zone_url, escaped) < 0
		? NULL
		: url;
}
