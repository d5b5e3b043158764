/*
 * Dates, addresses and URLs in musterd.conf.  Pure functions on strings.
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

#include "gateway/base/settings_words.h"

enum {
	PORT_MAX = 65535,
	HOST_MAX = 253,      /* RFC 1035 2.3.4, as text */
	HOST_LABEL_MAX = 63, /* the same */
};

/* ---- dates ---- */

/* strptime would accept blanks, signs and missing zeros; the form is fixed, so we check
 * it. */
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

	/* timegm turns the 31st of February into a day of March, which was not meant. */
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

/* An interface makes sense only with a link-local address (RFC 4007 6), which in turn
 * cannot be reached without one. */
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
	/* It fits: 39 octets of address, 16 of interface with its mark, 6 of port. */
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

int config_text_parse_endpoint(
	struct config_address *ret, const char *text, unsigned default_port)
{
	char address[sizeof(ret->text)];
	struct settings_endpoint endpoint;

	if (settings_parse_endpoint(&endpoint, text, default_port) ||
		endpoint.host_len >= sizeof(address))
		return -EINVAL;
	memcpy(address, endpoint.host, endpoint.host_len);
	address[endpoint.host_len] = '\0';
	return config_parse_address(ret, address, endpoint.port);
}

/* The name of a host (RFC 1123 2.1), which may have underscores, since containers have;
 * its last label is not a number, or it would be a mistyped address. */
static bool is_host(const char *host, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	const char *label = host;
	size_t label_len;

	if (!len || len > HOST_MAX)
		return false;
	while (true) {
		label_len = strspn(label, letters);
		if (!label_len || label_len > HOST_LABEL_MAX || *label == '-')
			return false;
		if (label + label_len >= host + len)
			return strspn(label, "0123456789") < label_len;
		if (label[label_len] != '.')
			return false;
		label += label_len + 1;
	}
}

int config_text_parse_server(
	struct config_server *ret, const char *text, unsigned default_port)
{
	struct config_server made = {0};
	struct settings_endpoint endpoint;

	if (settings_parse_endpoint(&endpoint, text, default_port) || !endpoint.port)
		return -EINVAL;
	if (!config_text_parse_endpoint(&made.address, text, default_port)) {
		made.text = strdup(made.address.text);
		*ret = made;
		return made.text ? 0 : -ENOMEM;
	}
	if (endpoint.host_len > 1 && endpoint.host[endpoint.host_len - 1] == '.')
		endpoint.host_len--;
	if (!is_host(endpoint.host, endpoint.host_len))
		return -EINVAL;
	made.port = endpoint.port;
	made.host = strndup(endpoint.host, endpoint.host_len);
	if (!made.host || asprintf(&made.text, "%s#%u", made.host, made.port) < 0) {
		free(made.host);
		return -ENOMEM;
	}
	*ret = made;
	return 0;
}

/* ---- URLs ---- */

/* A URL has no password, since it would appear in logs. */
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
