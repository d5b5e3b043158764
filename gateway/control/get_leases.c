/*
 * Leases, and their ids.
 *
 * An id is the base64url (RFC 4648 5, without padding) of zone, owner, type (16 bits) and
 * RDATA, so that it means the same record whatever happens in the meantime.  An id longer
 * than CONTROL_HEADERS_MAX fits into no URL.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control_walk.h"
#include "tsig/base64url.h"

/* ---- ids ---- */

/* Which the caller frees; NULL: no memory. */
static char *id_of(const uint8_t *zone, const struct lease_record *record)
{
	const size_t zone_len = name_len(zone), owner_len = name_len(record->owner);
	const size_t len = zone_len + owner_len + 2 + record->rdata_len;
	uint8_t *octets = malloc(len), *at = octets;
	char *text;

	if (!octets)
		return NULL;
	memcpy(at, zone, zone_len);
	at += zone_len;
	memcpy(at, record->owner, owner_len);
	at += owner_len;
	*at++ = (uint8_t)(record->type >> 8);
	*at++ = (uint8_t)record->type;
	if (record->rdata_len)
		memcpy(at, record->rdata, record->rdata_len);
	text = malloc(BASE64URL_ROOM(len));
	if (text)
		base64url_encode(octets, len, text);
	free(octets);
	return text;
}

/* Points into octets, where names are turned into lower case. */
static bool split_id(uint8_t *octets, size_t len, const uint8_t **ret_zone,
	struct lease_record *ret_record)
{
	uint8_t name[NAME_MAX_LEN];
	size_t owner_at = 0, at;

	*ret_record = (struct lease_record){0};
	if (name_read_uncompressed(name, octets, len, &owner_at) < 0)
		return false;
	at = owner_at;
	if (name_read_uncompressed(name, octets, len, &at) < 0 || len < at + 2 ||
		len - at - 2 > UINT16_MAX)
		return false;
	name_lower(octets);
	name_lower(octets + owner_at);
	*ret_zone = octets;
	ret_record->owner = octets + owner_at;
	ret_record->type = (uint16_t)(octets[at] << 8 | octets[at + 1]);
	ret_record->rdata = octets + at + 2;
	ret_record->rdata_len = (uint16_t)(len - at - 2);
	return true;
}

bool control_read_lease_id(struct control_request *r, const char *id,
	uint8_t **ret_memory, const uint8_t **ret_zone, struct lease_record *ret_record)
{
	const size_t room = strlen(id) + 1;
	uint8_t *octets = malloc(room);
	int len;

	if (!octets) {
		control_fail(r, 503, "out of memory");
		return false;
	}
	len = base64url_decode(id, room - 1, octets, room);
	if (len < 0 || !split_id(octets, (size_t)len, ret_zone, ret_record)) {
		free(octets);
		control_fail(r, 400, "this is not the id of a lease");
		return false;
	}
	*ret_memory = octets;
	return true;
}

/* ---- the answer ---- */

struct lease_walk {
	struct control_walk walk; /* first */
	struct view_leases page;
};

static const char *const state_names[] = {
	[LEASE_ACTIVE] = "active", [LEASE_STALE] = "stale", [LEASE_HELD] = "held"};

static json_t *lease_to_json(
	const struct config_zone *zone, const struct view_lease *lease)
{
	const struct lease_record *record = &lease->record;
	const bool is_ending = lease->state != LEASE_HELD && record->duration_s;
	char *id = id_of(zone->name, record);
	json_t *value = NULL;

	if (id)
		value = json_pack("{s:s, s:o, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:I, "
				  "s:o, s:b, s:b}",
			"id", id, "name", control_json_name(record->owner), "zone",
			zone->text, "type", control_json_type(record->type), "data",
			control_json_rdata(
				record->type, record->rdata, record->rdata_len),
			"state", state_names[lease->state], "key",
			control_json_name(record->key), "source",
			control_json_address(&record->source), "last_seen",
			control_json_time(record->seen_s * 1000), "lease_s",
			(json_int_t)record->duration_s, "expires_in_s",
			is_ending ? json_real((double)lease->left_ms / 1000)
				  : json_null(),
			"derived", !!(record->flags & LEASE_DERIVED), "waiting",
			!!(record->flags & LEASE_WAITING));
	free(id);
	return value;
}

static void ask(struct control_request *r)
{
	struct lease_walk *w = r->state;

	w->page.owner = w->walk.is_exact ? w->walk.name : NULL;
	w->page.cursor = w->walk.cursor;
	control_ask(
		r, view_leases, control_walk_zone(r)->name, &w->page, control_walk_go_on);
}

/* Adds the page to the answer, and empties it. */
static void take(struct control_request *r)
{
	struct lease_walk *w = r->state;

	r->has_failed |= w->page.has_failed;
	w->walk.cursor = w->page.cursor;
	for (size_t i = 0; i < w->page.count; i++)
		if (control_walk_matches(&w->walk, w->page.leases[i].record.owner))
			control_add(r, r->list,
				lease_to_json(control_walk_zone(r), &w->page.leases[i]));
	view_leases_clear(&w->page);
}

/* Also frees what came back but is not to be answered any more. */
static void clear(void *state)
{
	view_leases_clear(&((struct lease_walk *)state)->page);
}

static const struct control_walk_ops walk_ops = {"leases", ask, take};

void control_get_leases(struct control_request *r)
{
	if (control_state_new(r, sizeof(struct lease_walk), clear) &&
		control_walk_read(r, control_parameter(r, "name")))
		control_walk_begin(r, &walk_ops);
}
