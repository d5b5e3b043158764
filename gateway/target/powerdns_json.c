/*
 * Reads the answers of PowerDNS' HTTP API: zones, errors, settings.  powerdns_patch.c
 * writes.
 *
 * jansson parses values; the zone's outermost object and its array of RRsets are walked
 * here, value by value, so that a large zone can be read in steps.
 */
#include "gateway/target/powerdns_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "gateway/target/powerdns_content.h"
#include "gateway/target/powerdns_texts.h"
#include "zones/rdata.h"
#include "zones/utf8.h"

enum { RDATA_MAX = 65535, TTL_MAX_S = 0x7fffffff };

/* What comes next in the answer. */
enum place { PLACE_OBJECT, PLACE_FIELD, PLACE_RRSET, PLACE_END };

/* An answer while it is read. */
struct reader {
	const char *json;
	size_t len;
	size_t at;
	enum place place;
	const uint8_t *apex;
	const struct name_seed *seed;
	enum powerdns_want want;
	struct powerdns_zone *zone;
	bool is_of_apex;  /* its name has been read, and is right */
	bool is_not_utf8; /* that is why it failed */
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

/* The next octet that is not white space, without taking it; 0 at the end. */
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

/* Takes a whole value, which the caller releases; NULL with *ret_error. */
static json_t *take_value(struct reader *r, int *ret_error)
{
	json_error_t error;
	json_t *value = json_loadb(r->json + r->at, r->len - r->at,
		JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &error);

	if (value) {
		r->at += (size_t)error.position;
		return value;
	}
	if (json_error_code(&error) == json_error_invalid_utf8)
		r->is_not_utf8 = true;
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

/* An RRset while its records are read. */
struct heading {
	uint8_t owner[NAME_MAX_LEN];
	uint16_t type;
	struct powerdns_text_set set; /* of that owner and type, with the TTL */
	const char *name, *type_name; /* as PowerDNS wrote them */
	bool is_soa;
};

/* Would Muster write the same RDATA differently?  Addresses are written as PowerDNS
 * accepts them, which is not always how it prints them. */
static int remember_spelling(
	struct reader *r, const struct heading *h, const struct powerdns_text *text)
{
	char *ours = NULL;
	bool is_same;
	int ret;

	if (h->type == TYPE_A || h->type == TYPE_AAAA)
		return 0;
	ret = powerdns_content_to_text(h->type, text->rdata, text->rdata_len, &ours);
	if (ret == -ENOMEM)
		return ret;
	is_same = ours && strcmp(ours, text->content) == 0;
	free(ours);
	return is_same ? 0 : powerdns_texts_add(&r->zone->spelt, &h->set, text);
}

static int take_soa(
	struct reader *r, const struct heading *h, const struct powerdns_text *text)
{
	/* Concurrent PATCHes can leave two; one is served. */
	if (r->zone->soa)
		return 0;
	if (!rdata_has_shape(TYPE_SOA, text->rdata, text->rdata_len))
		return refuse(r, "%s SOA: cannot read \"%s\"", h->name, text->content);
	r->zone->soa = rrset_new(TYPE_SOA, h->set.ttl, text->rdata, text->rdata_len);
	return r->zone->soa ? 0 : -ENOMEM;
}

static int load_record(
	struct reader *r, const struct heading *h, const struct powerdns_text *text)
{
	const struct rr rr = {.owner = h->set.owner,
		.type = h->type,
		.class = CLASS_IN,
		.ttl = h->set.ttl,
		.rdata_len = text->rdata_len,
		.rdata = text->rdata};
	int ret = r->zone->content ? zone_load_rr(r->zone->content, &rr) : 0;

	powerdns_parents_note_name(r->zone->parents, h->set.owner);
	if (ret == -ENOSPC) {
		odd_list_add(&r->zone->odd, "%.80s %.16s (too many records)", h->name,
			h->type_name);
		return 0;
	}
	if (ret)
		return ret;
	if (!rdata_has_shape(h->type, rr.rdata, rr.rdata_len))
		odd_list_add(&r->zone->odd, "%.80s %.16s \"%.48s\"", h->name,
			h->type_name, text->content);
	return remember_spelling(r, h, text);
}

static int add_record(
	struct reader *r, const struct heading *h, const char *content, bool is_disabled)
{
	struct powerdns_text text = {.content = (char *)content, .rdata = r->rdata};
	int len = powerdns_content_from_text(h->type, content, r->apex, r->rdata);
	int ret = 0;

	if (len < 0)
		return len;
	text.rdata_len = (uint16_t)len;
	if (is_disabled)
		return r->want != POWERDNS_WANT_SOA
			? powerdns_texts_add(&r->zone->disabled, &h->set, &text)
			: 0;
	if (h->is_soa && r->zone->soa)
		return 0;
	if (h->is_soa)
		ret = take_soa(r, h, &text);
	return ret || r->want == POWERDNS_WANT_SOA ? ret : load_record(r, h, &text);
}

static int take_records(struct reader *r, const struct heading *h, const json_t *records)
{
	size_t i;
	json_t *record;

	json_array_foreach(records, i, record)
	{
		const json_t *disabled = json_object_get(record, "disabled");
		const char *text = json_string_value(json_object_get(record, "content"));
		int ret;

		if (!text)
			return refuse(r, "%s %s: no content", h->name, h->type_name);
		ret = add_record(r, h, text, json_is_true(disabled));
		if (ret)
			return ret;
	}
	return 0;
}

/* Reads owner and type.  False: Muster cannot represent it, and it is left alone. */
static bool read_heading(struct reader *r, struct heading *h)
{
	const char *why = NULL;

	if (name_from_text(h->owner, h->name, NULL)) {
		why = "not a domain name";
	} else {
		name_lower(h->owner);
		h->type = powerdns_type_from_name(h->type_name);
		if (h->type == 0 || rdata_type_is_meta(h->type))
			why = "not a type of records that is known here";
	}
	if (why && r->want != POWERDNS_WANT_SOA)
		odd_list_add(
			&r->zone->odd, "%.80s %.16s (%s)", h->name, h->type_name, why);
	return !why;
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
	if (!read_heading(r, &h))
		return 0;
	h.set = (struct powerdns_text_set){
		.owner = h.owner, .type = h.type, .ttl = value_u32(ttl)};
	if (h.set.ttl > TTL_MAX_S)
		h.set.ttl = 0; /* RFC 2181 8 */
	h.is_soa = h.type == TYPE_SOA && name_is_equal(h.owner, r->apex);
	if (r->want == POWERDNS_WANT_SOA && !h.is_soa)
		return 0;
	if (!name_is_subdomain(h.owner, r->apex)) {
		r->zone->outside += json_array_size(records);
		return 0;
	}
	return take_records(r, &h, records);
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

static int end_field(struct reader *r)
{
	if (take(r, ','))
		r->place = PLACE_FIELD;
	else if (take(r, '}'))
		r->place = PLACE_END;
	else
		return refuse(r, "not JSON: the object does not end");
	return 0;
}

static int begin_rrsets(struct reader *r)
{
	if (!take(r, '['))
		return refuse(r, "its RRsets are not a list");
	if (take(r, ']'))
		return end_field(r);
	r->place = PLACE_RRSET;
	return 0;
}

static int take_next_rrset(struct reader *r)
{
	int ret = 0;
	json_t *rrset = take_value(r, &ret);

	if (!rrset)
		return ret;
	ret = take_rrset(r, rrset);
	json_decref(rrset);
	if (ret || take(r, ','))
		return ret;
	return take(r, ']') ? end_field(r)
			    : refuse(r, "not JSON: the list of RRsets does not end");
}

static int take_field(struct reader *r, const char *key)
{
	struct powerdns_zone *zone = r->zone;
	int ret = 0;
	json_t *value;

	if (strcmp(key, "rrsets") == 0)
		return begin_rrsets(r);
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
	return ret ? ret : end_field(r);
}

static int take_next_field(struct reader *r)
{
	int ret = 0;
	json_t *key = take_value(r, &ret);

	if (!key)
		return ret;
	if (!json_is_string(key) || !take(r, ':'))
		ret = refuse(r, "not JSON: no key");
	else
		ret = take_field(r, json_string_value(key));
	json_decref(key);
	return ret;
}

static int begin_zone(struct reader *r)
{
	if (!take(r, '{'))
		return refuse(r, "not JSON: no object");
	r->place = take(r, '}') ? PLACE_END : PLACE_FIELD;
	return 0;
}

/* 1: there are more RRsets than the limit. */
static int take_zone(struct reader *r, size_t limit)
{
	int ret = 0;

	while (!ret && r->place != PLACE_END) {
		if (r->place == PLACE_RRSET && limit-- == 0)
			return 1;
		if (r->place == PLACE_OBJECT)
			ret = begin_zone(r);
		else
			ret = r->place == PLACE_FIELD ? take_next_field(r)
						      : take_next_rrset(r);
	}
	return ret;
}

/* Replaces the stored serial by the one that queries see. */
static int serve_soa(struct reader *r)
{
	struct powerdns_zone *zone = r->zone;
	struct rrset *soa;
	int ret = 0;

	if (!zone->soa)
		return 0;
	zone->stored = rrset_serial(zone->soa);
	zone->served = zone->stored;
	/* Both numbers were read at one moment, the records later: if somebody writes
	 * in between, the numbers say nothing about these records. */
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

static int read_some(struct reader *r, size_t limit)
{
	int ret = take_zone(r, limit);

	if (ret)
		return ret;
	if (peek(r) != '\0' || r->at != r->len)
		return refuse(r, "not JSON: something follows the object");
	if (!r->is_of_apex || !r->zone->kind[0])
		return refuse(r, "not a zone: no name or no kind");
	powerdns_texts_sort(r->zone->disabled);
	powerdns_texts_sort(r->zone->spelt);
	return serve_soa(r);
}

/* From the beginning.  0 or -ENOMEM. */
static int begin(struct reader *r, const char *json, size_t len)
{
	powerdns_zone_clear(r->zone);
	r->why[0] = '\0';
	r->json = json;
	r->len = len;
	r->at = 0;
	r->place = PLACE_OBJECT;
	r->is_of_apex = r->is_not_utf8 = false;
	r->serial = r->edited_serial = 0;
	if (r->want == POWERDNS_WANT_SOA)
		return 0;
	r->zone->parents = powerdns_parents_new(r->apex, r->seed);
	if (r->want == POWERDNS_WANT_CONTENT)
		r->zone->content = zone_new_seeded(r->apex, r->seed);
	return r->zone->parents && (r->zone->content || r->want != POWERDNS_WANT_CONTENT)
		? 0
		: -ENOMEM;
}

/* The answer contains whatever is in the database, even Latin 1.  Octets that are not
 * UTF-8 become \DDD, which means the same (RFC 1035 5.1).  NULL: no memory. */
static char *escape_octets(const char *json, size_t len, size_t *ret_len)
{
	enum { ESCAPE_LEN = 5 }; /* including the backslash, which is escaped too */
	char *escaped = malloc(len * ESCAPE_LEN + 1);
	size_t to = 0;

	for (size_t at = 0; escaped && at < len;) {
		const size_t n = utf8_len((const uint8_t *)json + at, len - at);

		if (n > 0)
			memcpy(escaped + to, json + at, n);
		else
			snprintf(escaped + to, ESCAPE_LEN + 1, "\\\\%03u",
				(uint8_t)json[at]);
		to += n > 0 ? n : ESCAPE_LEN;
		at += n > 0 ? n : 1;
	}
	*ret_len = to;
	return escaped;
}

struct powerdns_reading {
	struct reader reader;
	struct powerdns_zone zone;
	uint8_t apex[NAME_MAX_LEN];
	struct name_seed seed;
	char *json; /* owned; NULL: the reader's is borrowed */
	char why[POWERDNS_WHY_MAX];
};

/* json is borrowed.  0 or -ENOMEM; to be cleared in both cases. */
static int set_up(struct powerdns_reading *reading, const char *json, size_t len,
	const uint8_t *apex, const struct name_seed *seed, enum powerdns_want want)
{
	memcpy(reading->apex, apex, name_len(apex));
	reading->seed = *seed;
	reading->zone = (struct powerdns_zone){0};
	reading->json = NULL;
	reading->why[0] = '\0';
	reading->reader = (struct reader){.apex = reading->apex,
		.seed = &reading->seed,
		.zone = &reading->zone,
		.want = want,
		.rdata = malloc(RDATA_MAX),
		.why = reading->why};
	return reading->reader.rdata ? begin(&reading->reader, json, len) : -ENOMEM;
}

static void clear(struct powerdns_reading *reading)
{
	powerdns_zone_clear(&reading->zone);
	free(reading->reader.rdata);
	free(reading->json);
}

struct powerdns_reading *powerdns_reading_new(char *json, size_t len, const uint8_t *apex,
	const struct name_seed *seed, enum powerdns_want want)
{
	struct powerdns_reading *reading = malloc(sizeof(*reading));

	if (!reading) {
		free(json);
		return NULL;
	}
	if (set_up(reading, json ? json : "", json ? len : 0, apex, seed, want)) {
		clear(reading);
		free(reading);
		free(json);
		return NULL;
	}
	reading->json = json;
	return reading;
}

void powerdns_reading_free(struct powerdns_reading *reading)
{
	if (!reading)
		return;
	clear(reading);
	free(reading);
}

static int begin_escaped(struct powerdns_reading *reading)
{
	size_t len;
	char *escaped = escape_octets(reading->reader.json, reading->reader.len, &len);

	if (!escaped)
		return -ENOMEM;
	free(reading->json);
	reading->json = escaped;
	return begin(&reading->reader, escaped, len);
}

int powerdns_reading_step(struct powerdns_reading *reading, size_t limit)
{
	int ret = read_some(&reading->reader, limit);

	if (ret >= 0 || !reading->reader.is_not_utf8)
		return ret;
	ret = begin_escaped(reading);
	return ret ? ret : 1;
}

const char *powerdns_reading_why(const struct powerdns_reading *reading)
{
	return reading->why;
}

struct powerdns_zone powerdns_reading_take(struct powerdns_reading *reading)
{
	const struct powerdns_zone zone = reading->zone;

	reading->zone = (struct powerdns_zone){0};
	return zone;
}

int powerdns_json_read_zone(struct powerdns_zone *ret, const char *json, size_t len,
	const uint8_t *apex, const struct name_seed *seed, enum powerdns_want want,
	char ret_why[POWERDNS_WHY_MAX])
{
	struct powerdns_reading reading;
	int result = set_up(&reading, json, len, apex, seed, want);

	if (!result)
		result = powerdns_reading_step(&reading, SIZE_MAX);
	if (result > 0) /* its octets had to be escaped */
		result = powerdns_reading_step(&reading, SIZE_MAX);
	*ret = (struct powerdns_zone){0};
	if (!result)
		*ret = powerdns_reading_take(&reading);
	memcpy(ret_why, reading.why, POWERDNS_WHY_MAX);
	clear(&reading);
	return result;
}

void powerdns_zone_clear(struct powerdns_zone *zone)
{
	rrset_unref(zone->soa);
	zone_free(zone->content);
	powerdns_parents_free(zone->parents);
	powerdns_texts_free(zone->disabled);
	powerdns_texts_free(zone->spelt);
	*zone = (struct powerdns_zone){0};
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
