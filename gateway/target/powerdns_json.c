/*
 * Reading what PowerDNS' HTTP API answers: zones, errors, settings.  Writing is
 * powerdns_patch.c's.
 *
 * jansson parses values; the zone's outermost object and its array of RRsets are walked
 * here, value by value.
 */
#include "gateway/target/powerdns_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "gateway/target/powerdns_disabled.h"
#include "zones/rdata.h"

enum { RDATA_MAX = 65535, TTL_MAX_S = 0x7fffffff };

/* One answer while it is read. */
struct reader {
	const char *json;
	size_t len;
	size_t at;
	const uint8_t *apex;
	bool want_content;
	struct powerdns_zone *zone;
	bool is_of_apex; /* its name has been seen, and is right */
	uint32_t serial, edited_serial;
	uint8_t *rdata; /* room for RDATA_MAX octets */
	char *why;
};

static int refuse(const struct reader *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(const struct reader *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->why, POWERDNS_WHY_MAX, format, args);
	va_end(args);
	return -EBADMSG;
}

/* ---- values ---- */

/* The next octet that is not white space, not yet taken; 0 at the end. */
static char peek(struct reader *r)
{
	while (r->at < r->len && r->json[r->at] != '\0' &&
		strchr(" \t\r\n", r->json[r->at]))
		r->at++;
	return r->at < r->len ? r->json[r->at] : '\0';
}

static bool take(struct reader *r, char c)
{
	if (peek(r) != c)
		return false;
	r->at++;
	return true;
}

/* A whole value, to be released; NULL with *ret_error. */
static json_t *take_value(struct reader *r, int *ret_error)
{
	json_error_t error;
	json_t *value = json_loadb(r->json + r->at, r->len - r->at,
		JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &error);

	if (value) {
		r->at += (size_t)error.position;
		return value;
	}
	*ret_error = json_error_code(&error) == json_error_out_of_memory
		? -ENOMEM
		: refuse(r, "not JSON: %s", error.text);
	return NULL;
}

static uint32_t value_u32(const json_t *value)
{
	double number = json_number_value(value);

	return number >= 0 && number <= UINT32_MAX ? (uint32_t)number : 0;
}

static void copy_kind(char ret[POWERDNS_KIND_MAX], const json_t *value)
{
	const char *text = json_string_value(value);

	snprintf(ret, POWERDNS_KIND_MAX, "%s", text ? text : "");
}

/* ---- records ---- */

static uint16_t type_of(const char *name)
{
	if (strcasecmp(name, "ALIAS") == 0)
		return POWERDNS_TYPE_ALIAS;
	if (strcasecmp(name, "LUA") == 0)
		return POWERDNS_TYPE_LUA;
	if (strcasecmp(name, "ADDR") == 0)
		return 65400; /* listed by PowerDNS, content is \# */
	return rdata_type_from_name(name);
}

/* LUA's content is a type and strings: in wire form 16 bits and the strings. */
static int lua_from_text(
	const char *text, const uint8_t *origin, uint8_t *out, size_t cap)
{
	char name[RDATA_TYPE_NAME_MAX];
	size_t len = strcspn(text, " \t");
	uint16_t type;
	int n;

	if (len >= sizeof(name) || cap < 2)
		return -EINVAL;
	memcpy(name, text, len);
	name[len] = '\0';
	type = type_of(name);
	n = rdata_from_text_powerdns(TYPE_TXT, text + len, origin, out + 2, cap - 2);
	if (type == 0 || n < 0)
		return -EINVAL;
	out[0] = (uint8_t)(type >> 8);
	out[1] = (uint8_t)type;
	return n + 2;
}

static int content_from_text(uint16_t type, const char *text, const struct reader *r)
{
	if (type == POWERDNS_TYPE_LUA)
		return lua_from_text(text, r->apex, r->rdata, RDATA_MAX);
	if (type == POWERDNS_TYPE_ALIAS)
		type = TYPE_PTR;
	return rdata_from_text_powerdns(type, text, r->apex, r->rdata, RDATA_MAX);
}

/* An RRset while its records are read. */
struct heading {
	uint8_t owner[NAME_MAX_LEN];
	uint16_t type;
	uint32_t ttl;
	const char *name, *type_name; /* as PowerDNS wrote them */
	bool is_soa;
};

static int add_record(struct reader *r, const struct heading *h, const char *text)
{
	int len = content_from_text(h->type, text, r);
	struct rr rr;

	if (len < 0)
		return refuse(
			r, "%s %s: cannot read \"%s\"", h->name, h->type_name, text);
	if (h->is_soa) {
		/* Concurrent PATCHes can leave two behind; one is served. */
		if (r->zone->soa)
			return 0;
		r->zone->soa = rrset_new(TYPE_SOA, h->ttl, r->rdata, (uint16_t)len);
		if (!r->zone->soa)
			return -ENOMEM;
	}
	if (!r->want_content)
		return 0;
	rr = (struct rr){.owner = h->owner,
		.type = h->type,
		.class = CLASS_IN,
		.ttl = h->ttl,
		.rdata_len = (uint16_t)len,
		.rdata = r->rdata};
	len = zone_load_rr(r->zone->content, &rr);
	return len == -ENOSPC
		? refuse(r, "%s %s: too many records", h->name, h->type_name)
		: len;
}

static int take_records(struct reader *r, const struct heading *h, const json_t *records)
{
	size_t i;
	json_t *record;
	int ret;

	json_array_foreach(records, i, record)
	{
		const char *text = json_string_value(json_object_get(record, "content"));
		if (!text)
			return refuse(r, "%s %s: no content", h->name, h->type_name);
		if (!json_is_true(json_object_get(record, "disabled")))
			ret = add_record(r, h, text);
		else if (!r->want_content)
			ret = 0;
		else
			ret = powerdns_disabled_add(
				&r->zone->disabled, h->owner, h->type, h->ttl, text);
		if (ret)
			return ret;
	}
	return 0;
}

static int take_rrset(struct reader *r, const json_t *rrset)
{
	const json_t *records = json_object_get(rrset, "records");
	const json_t *ttl = json_object_get(rrset, "ttl");
	struct heading h = {0};

	h.name = json_string_value(json_object_get(rrset, "name"));
	h.type_name = json_string_value(json_object_get(rrset, "type"));
	if (!h.name || !h.type_name || !json_is_number(ttl) || !json_is_array(records))
		return refuse(r, "an RRset without name, type, ttl or records");
	if (json_array_size(records) == 0)
		return 0; /* only comments */
	if (name_from_text(h.owner, h.name, NULL))
		return refuse(r, "%s: not a domain name", h.name);
	name_lower(h.owner);
	h.type = type_of(h.type_name);
	if (h.type == 0 || rdata_type_is_meta(h.type))
		return refuse(r, "%s %s: unknown type", h.name, h.type_name);
	h.ttl = value_u32(ttl);
	if (h.ttl > TTL_MAX_S)
		h.ttl = 0; /* RFC 2181 8 */
	h.is_soa = h.type == TYPE_SOA && name_is_equal(h.owner, r->apex);
	if (!r->want_content && !h.is_soa)
		return 0;
	if (!name_is_subdomain(h.owner, r->apex)) {
		r->zone->outside += json_array_size(records);
		return 0;
	}
	return take_records(r, &h, records);
}

static int take_rrsets(struct reader *r)
{
	int ret = 0;

	if (!take(r, '['))
		return refuse(r, "its RRsets are no list");
	if (take(r, ']'))
		return 0;
	do {
		json_t *rrset = take_value(r, &ret);
		if (!rrset)
			return ret;
		ret = take_rrset(r, rrset);
		json_decref(rrset);
		if (ret)
			return ret;
	} while (take(r, ','));
	return take(r, ']') ? 0 : refuse(r, "not JSON: the list of RRsets does not end");
}

/* ---- the zone ---- */

static int take_name(struct reader *r, const json_t *value)
{
	const char *text = json_string_value(value);
	uint8_t name[NAME_MAX_LEN];

	if (!text || name_from_text(name, text, NULL))
		return refuse(r, "the zone's name is missing");
	name_lower(name);
	if (!name_is_equal(name, r->apex))
		return refuse(r, "the answer is about %s", text);
	r->is_of_apex = true;
	return 0;
}

static int take_field(struct reader *r, const char *key)
{
	struct powerdns_zone *zone = r->zone;
	int ret = 0;
	json_t *value;

	if (strcmp(key, "rrsets") == 0)
		return take_rrsets(r);
	value = take_value(r, &ret);
	if (!value)
		return ret;
	if (strcmp(key, "name") == 0)
		ret = take_name(r, value);
	else if (strcmp(key, "kind") == 0)
		copy_kind(zone->kind, value);
	else if (strcmp(key, "soa_edit_api") == 0)
		copy_kind(zone->soa_edit_api, value);
	else if (strcmp(key, "soa_edit") == 0)
		copy_kind(zone->soa_edit, value);
	else if (strcmp(key, "api_rectify") == 0)
		zone->api_rectify = json_is_true(value);
	else if (strcmp(key, "dnssec") == 0)
		zone->is_signed = json_is_true(value);
	else if (strcmp(key, "serial") == 0)
		r->serial = value_u32(value);
	else if (strcmp(key, "edited_serial") == 0)
		r->edited_serial = value_u32(value);
	json_decref(value);
	return ret;
}

static int take_zone(struct reader *r)
{
	int ret = 0;

	if (!take(r, '{'))
		return refuse(r, "not JSON: no object");
	if (take(r, '}'))
		return 0;
	do {
		json_t *key = take_value(r, &ret);
		if (!key)
			return ret;
		if (!json_is_string(key) || !take(r, ':'))
			ret = refuse(r, "not JSON: no key");
		else
			ret = take_field(r, json_string_value(key));
		json_decref(key);
		if (ret)
			return ret;
	} while (take(r, ','));
	return take(r, '}') ? 0 : refuse(r, "not JSON: the object does not end");
}

/* The serial that queries see takes the place of the stored one. */
static int serve_soa(struct reader *r)
{
	struct powerdns_zone *zone = r->zone;
	const uint8_t *rdata;
	struct rrset *soa;
	size_t at = 0;
	uint16_t len;
	int ret = 0;

	if (!zone->soa)
		return 0;
	rdata = rrset_next(zone->soa, &at, &len);
	zone->stored = soa_serial(rdata, len);
	zone->served = zone->stored;
	/* Both numbers are of one moment, the records of a later one: when somebody
	 * writes in between, they say nothing about these records. */
	if (r->edited_serial == 0 || r->serial != zone->stored)
		return 0;
	zone->served = r->edited_serial;
	soa = soa_with_serial(zone->soa, zone->served);
	if (!soa)
		return -ENOMEM;
	rrset_unref(zone->soa);
	zone->soa = soa;
	if (zone->content)
		ret = zone_put(zone->content, r->apex, TYPE_SOA, soa);
	return ret;
}

static int read_whole(struct reader *r)
{
	int ret = take_zone(r);

	if (ret)
		return ret;
	if (peek(r) != '\0' || r->at != r->len)
		return refuse(r, "not JSON: something follows the object");
	if (!r->is_of_apex || !r->zone->kind[0])
		return refuse(r, "not a zone: no name or no kind");
	powerdns_disabled_sort(r->zone->disabled);
	return serve_soa(r);
}

int powerdns_json_read_zone(struct powerdns_zone *ret, const char *json, size_t len,
	const uint8_t *apex, const struct name_seed *seed, bool want_content,
	char ret_why[POWERDNS_WHY_MAX])
{
	struct reader r = {.json = json,
		.len = len,
		.apex = apex,
		.zone = ret,
		.want_content = want_content,
		.why = ret_why};
	int result = -ENOMEM;

	memset(ret, 0, sizeof(*ret));
	ret_why[0] = '\0';
	r.rdata = malloc(RDATA_MAX);
	if (want_content)
		ret->content = zone_new_seeded(apex, seed);
	if (r.rdata && (ret->content || !want_content))
		result = read_whole(&r);
	free(r.rdata);
	if (result)
		powerdns_zone_clear(ret);
	return result;
}

void powerdns_zone_clear(struct powerdns_zone *zone)
{
	rrset_unref(zone->soa);
	zone_free(zone->content);
	powerdns_disabled_free(zone->disabled);
	zone->soa = NULL;
	zone->content = NULL;
	zone->disabled = NULL;
}

bool powerdns_zone_is_secondary(const struct powerdns_zone *zone)
{
	return strcasecmp(zone->kind, "Slave") == 0 ||
		strcasecmp(zone->kind, "Secondary") == 0 ||
		strcasecmp(zone->kind, "Consumer") == 0;
}

/* ---- errors and settings ---- */

void powerdns_json_read_error(
	const char *body, size_t len, char ret_text[POWERDNS_WHY_MAX])
{
	json_t *answer = json_loadb(body, len, 0, NULL);
	const char *text = json_string_value(json_object_get(answer, "error"));
	int line = 0;

	while ((size_t)line < len && line < POWERDNS_WHY_MAX && body[line] != '\0' &&
		!strchr("\r\n", body[line]))
		line++;
	if (text)
		snprintf(ret_text, POWERDNS_WHY_MAX, "%s", text);
	else
		snprintf(ret_text, POWERDNS_WHY_MAX, "%.*s", line, body);
	json_decref(answer);
}

bool powerdns_json_read_setting(
	const char *json, size_t len, const char *name, char *ret, size_t cap)
{
	json_t *list = json_loadb(json, len, 0, NULL);
	bool found = false;
	json_t *setting;
	size_t i;

	json_array_foreach(list, i, setting)
	{
		const char *key = json_string_value(json_object_get(setting, "name"));
		const json_t *value = json_object_get(setting, "value");
		if (!key)
			key = json_string_value(json_object_get(setting, "kind"));
		if (!value)
			value = json_array_get(json_object_get(setting, "metadata"), 0);
		if (!key || strcmp(key, name) != 0 || !json_is_string(value))
			continue;
		found = json_string_length(value) < cap;
		if (found)
			snprintf(ret, cap, "%s", json_string_value(value));
		break;
	}
	json_decref(list);
	return found;
}
