/*
 * The content of a record in PowerDNS' API: see powerdns_content.h.
 */
#include "gateway/target/powerdns_content.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "gateway/target/powerdns_json.h"
#include "zones/verbatim.h"

enum { RDATA_MAX = 65535, POWERDNS_TYPE_ADDR = 65400 };

/* ---- types ---- */

const char *powerdns_type_name(uint16_t type, char buf[RDATA_TYPE_NAME_MAX])
{
	if (type == POWERDNS_TYPE_ALIAS)
		return "ALIAS";
	return type == POWERDNS_TYPE_LUA ? "LUA" : rdata_type_name_powerdns(type, buf);
}

uint16_t powerdns_type_from_name(const char *name)
{
	if (strcasecmp(name, "ALIAS") == 0)
		return POWERDNS_TYPE_ALIAS;
	if (strcasecmp(name, "LUA") == 0)
		return POWERDNS_TYPE_LUA;
	if (strcasecmp(name, "ADDR") == 0)
		return POWERDNS_TYPE_ADDR; /* listed by PowerDNS; its content is \# */
	return rdata_type_from_name(name);
}

/* ---- from text ---- */

/* The content of LUA is a type and strings; in wire form 16 bits and the strings. */
static int lua_from_text(const char *text, const uint8_t *apex, uint8_t *out)
{
	char name[RDATA_TYPE_NAME_MAX];
	size_t len = strcspn(text, " \t");
	uint16_t type;
	int n;

	if (len >= sizeof(name))
		return -EINVAL;
	memcpy(name, text, len);
	name[len] = '\0';
	type = powerdns_type_from_name(name);
	if (type == 0)
		return -EINVAL;
	n = rdata_from_text_powerdns(TYPE_TXT, text + len, apex, out + 2, RDATA_MAX - 2);
	out[0] = (uint8_t)(type >> 8);
	out[1] = (uint8_t)type;
	return n < 0 ? n : n + 2;
}

static int rdata_of(uint16_t type, const char *text, const uint8_t *apex, uint8_t *out)
{
	if (type == POWERDNS_TYPE_LUA)
		return lua_from_text(text, apex, out);
	if (type == POWERDNS_TYPE_ALIAS)
		type = TYPE_PTR;
	return rdata_from_text_powerdns(type, text, apex, out, RDATA_MAX);
}

int powerdns_content_from_text(
	uint16_t type, const char *text, const uint8_t *apex, uint8_t *out)
{
	const int len = rdata_of(type, text, apex, out);

	/* Text that looks like our mark is kept as text. */
	if (len >= 0 && !verbatim_is(out, (size_t)len))
		return len;
	return len == -ENOMEM ? len : verbatim_write(out, RDATA_MAX, text, strlen(text));
}

/* ---- to text ---- */

static int lua_to_text(const uint8_t *rdata, uint16_t len, char **ret_text)
{
	char buf[RDATA_TYPE_NAME_MAX];
	const char *why;
	char *strings;
	int n;

	if (len < 3 || !rdata_is_valid(TYPE_TXT, rdata + 2, len - 2, &why))
		return -EINVAL;
	strings = rdata_to_text_powerdns(TYPE_TXT, rdata + 2, len - 2);
	if (!strings)
		return -ENOMEM;
	n = asprintf(ret_text, "%s %s",
		powerdns_type_name((uint16_t)(rdata[0] << 8 | rdata[1]), buf), strings);
	free(strings);
	return n < 0 ? -ENOMEM : 0;
}

int powerdns_content_to_text(
	uint16_t type, const uint8_t *rdata, uint16_t len, char **ret_text)
{
	size_t text_len;
	const char *why;

	if (verbatim_is(rdata, len) && !verbatim_text(rdata, len, &text_len))
		return -EINVAL;
	if (type == POWERDNS_TYPE_LUA && !verbatim_is(rdata, len))
		return lua_to_text(rdata, len, ret_text);
	if (type == POWERDNS_TYPE_ALIAS && !verbatim_is(rdata, len)) {
		type = TYPE_PTR;
		if (!rdata_is_valid(type, rdata, len, &why))
			return -EINVAL;
	}
	*ret_text = rdata_to_text_powerdns(type, rdata, len);
	return *ret_text ? 0 : -ENOMEM;
}
