/*
 * Writes a PATCH for PowerDNS' HTTP API.  Part of powerdns_json.h.
 */
#include "gateway/target/powerdns_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/target/powerdns_content.h"
#include "gateway/target/powerdns_texts.h"
#include "zones/rdata.h"

/* Octets of JSON around what is counted, at least. */
enum { RRSET_OVERHEAD = 64, RECORD_OVERHEAD = 24 };

/* A PATCH while it is built. */
struct writer {
	const struct powerdns_patch *patch;
	json_t *rrsets;
	size_t size; /* minimum size, in octets */
	char *why;
};

static int refuse(const struct writer *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(const struct writer *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->why, POWERDNS_WHY_MAX, format, args);
	va_end(args);
	return -EINVAL;
}

/* ---- contents ---- */

/* PowerDNS (4.7) crashes when it reads a CAA record without a value from LMDB, at the
 * next query or PATCH, and again after each start. */
static bool is_fatal_to_lmdb(uint16_t type, const uint8_t *rdata, uint16_t len)
{
	return type == TYPE_CAA && len >= 2 && len == 2 + rdata[1];
}

static int add_record(
	struct writer *w, json_t *records, const char *content, bool is_disabled)
{
	json_t *record =
		json_pack("{s:s, s:b}", "content", content, "disabled", is_disabled);

	if (!record || json_array_append_new(records, record))
		return -ENOMEM;
	w->size += strlen(content) + RECORD_OVERHEAD;
	return w->size > w->patch->max ? -EFBIG : 0;
}

/* As PowerDNS had it, or else as Muster writes it. */
static int add_rdata(struct writer *w, json_t *records, const uint8_t *owner,
	uint16_t type, const struct powerdns_text *text)
{
	char name[NAME_TEXT_MAX], buf[RDATA_TYPE_NAME_MAX];
	char *content = NULL;
	int ret = 0;

	if (w->patch->is_lmdb && is_fatal_to_lmdb(type, text->rdata, text->rdata_len))
		return refuse(w, "%s CAA: an empty value cannot be held by LMDB",
			name_to_text(owner, name));
	if (text->content)
		return add_record(w, records, text->content, false);
	ret = powerdns_content_to_text(type, text->rdata, text->rdata_len, &content);
	if (ret == -EINVAL)
		return refuse(w, "%s %s: Muster cannot write this RRset to PowerDNS",
			name_to_text(owner, name), powerdns_type_name(type, buf));
	if (!ret)
		ret = add_record(w, records, content, false);
	free(content);
	return ret;
}

static int add_enabled(
	struct writer *w, json_t *records, const uint8_t *owner, const struct rrset *set)
{
	const struct powerdns_text_set *spelt =
		powerdns_texts_find(w->patch->spelt, owner, set->type);
	struct powerdns_text text = {0};
	size_t at = 0;

	while ((text.rdata = rrset_next(set, &at, &text.rdata_len))) {
		int ret;

		text.content =
			(char *)powerdns_text_of(spelt, text.rdata, text.rdata_len);
		ret = add_rdata(w, records, owner, set->type, &text);
		if (ret)
			return ret;
	}
	return 0;
}

/* Is a disabled record now also an enabled one?  PowerDNS refuses duplicates. */
static bool is_among(const struct powerdns_text *text, const struct rrset *set)
{
	return set && rrset_find(set, text->rdata, text->rdata_len) >= 0;
}

static int add_disabled(struct writer *w, json_t *records,
	const struct powerdns_text_set *disabled, const struct rrset *set)
{
	for (size_t i = 0; disabled && i < disabled->count; i++) {
		int ret = 0;
		if (!is_among(&disabled->texts[i], set))
			ret = add_record(w, records, disabled->texts[i].content, true);
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- RRsets ---- */

/* The new object is in w->rrsets already. */
static json_t *add_rrset(
	struct writer *w, const uint8_t *owner, uint16_t type, const char *changetype)
{
	char name[NAME_TEXT_MAX], buf[RDATA_TYPE_NAME_MAX];
	json_t *rrset = json_pack("{s:s, s:s, s:s}", "name", name_to_text(owner, name),
		"type", powerdns_type_name(type, buf), "changetype", changetype);

	if (!rrset || json_array_append_new(w->rrsets, rrset))
		return NULL;
	w->size += strlen(name) + RRSET_OVERHEAD;
	return rrset;
}

static int add_delete(struct writer *w, const struct change *change)
{
	if (!add_rrset(w, change->owner, change->type, "DELETE"))
		return -ENOMEM;
	return w->size > w->patch->max ? -EFBIG : 0;
}

static int add_replace(
	struct writer *w, const uint8_t *owner, uint16_t type, const struct rrset *set)
{
	const struct powerdns_text_set *disabled = NULL;
	json_t *rrset, *records;
	int ret;

	/* A zone has one SOA; PowerDNS itself drops disabled ones with each write. */
	if (type != TYPE_SOA)
		disabled = powerdns_texts_find(w->patch->disabled, owner, type);
	rrset = add_rrset(w, owner, type, "REPLACE");
	if (!rrset)
		return -ENOMEM;
	records = json_array();
	if (json_object_set_new(rrset, "records", records))
		return -ENOMEM;
	if (json_object_set_new(
		    rrset, "ttl", json_integer(set ? set->ttl : disabled->ttl)))
		return -ENOMEM;
	ret = set ? add_enabled(w, records, owner, set) : 0;
	return ret ? ret : add_disabled(w, records, disabled, set);
}

static bool is_apex_soa(const struct powerdns_patch *patch, const struct change *change)
{
	return change->type == TYPE_SOA && name_is_equal(change->owner, patch->apex);
}

/* An RRset is deleted only if no disabled records remain. */
static bool is_delete(const struct powerdns_patch *patch, const struct change *change)
{
	return !change->after &&
		!powerdns_texts_find(patch->disabled, change->owner, change->type);
}

/* Adds either the deletions, or the RRsets that remain or are added. */
static int add_changes(struct writer *w, bool is_gone)
{
	const struct powerdns_patch *patch = w->patch;
	int ret = 0;

	for (uint32_t i = 0; !ret && i < patch->changes->count; i++) {
		const struct change *change = &patch->changes->changes[i];
		if (!change->after != is_gone || is_apex_soa(patch, change))
			continue;
		ret = is_delete(patch, change)
			? add_delete(w, change)
			: add_replace(w, change->owner, change->type, change->after);
	}
	return ret;
}

/* PowerDNS checks what exists when it comes to an RRset: a CNAME must be gone before
 * its replacement is added. */
static int add_all(struct writer *w)
{
	int ret = add_changes(w, true);

	if (!ret)
		ret = add_changes(w, false);
	if (!ret && w->patch->soa)
		ret = add_replace(w, w->patch->apex, TYPE_SOA, w->patch->soa);
	return ret;
}

int powerdns_json_write_patch(const struct powerdns_patch *patch, char **ret_body,
	size_t *ret_len, char ret_why[POWERDNS_WHY_MAX])
{
	struct writer w = {.patch = patch, .why = ret_why};
	json_t *whole = json_object();
	char *body = NULL;
	int ret = -ENOMEM;

	ret_why[0] = '\0';
	w.rrsets = json_array();
	if (json_object_set_new(whole, "rrsets", w.rrsets) == 0)
		ret = add_all(&w);
	if (!ret)
		body = json_dumps(whole, JSON_COMPACT);
	json_decref(whole);
	if (ret)
		return ret;
	if (!body)
		return -ENOMEM;
	if (strlen(body) > patch->max) {
		free(body);
		return -EFBIG;
	}
	*ret_body = body;
	*ret_len = strlen(body);
	return 0;
}
