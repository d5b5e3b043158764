/*
 * Leases, one by one, and their ids.
 *
 * An id is the base64url (RFC 4648 5, without padding) of zone, owner, type (16 bits) and
 * RDATA, so that it means the same record whatever happens in the meantime.  An id longer
 * than CONTROL_HEADERS_MAX fits into no URL.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/control/control_walk.h"

/* ---- ids ---- */

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static char *encode(const uint8_t *octets, size_t len)
{
	char *text = malloc(len * 4 / 3 + 4), *at = text;
	uint32_t bits = 0;
	unsigned count = 0;

	for (size_t i = 0; text && i < len; i++) {
		bits = bits << 8 | octets[i];
		for (count += 8; count >= 6; count -= 6)
			*at++ = digits[bits >> (count - 6) & 63];
	}
	if (!text)
		return NULL;
	if (count)
		*at++ = digits[bits << (6 - count) & 63];
	*at = '\0';
	return text;
}

/* The number of octets, or -EINVAL.  There must be room for as many as the text has. */
static int decode(const char *text, uint8_t *octets)
{
	uint32_t bits = 0;
	unsigned count = 0;
	int len = 0;

	for (; *text; text++) {
		const char *digit = strchr(digits, *text);

		if (!digit)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)(digit - digits);
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		octets[len++] = (uint8_t)(bits >> count);
	}
	return count < 6 && !(bits & ((1U << count) - 1)) ? len : -EINVAL;
}

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
	text = encode(octets, len);
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

int control_read_lease_id(const char *id, uint8_t **ret_memory, const uint8_t **ret_zone,
	struct lease_record *ret_record)
{
	uint8_t *octets = malloc(strlen(id) + 1);
	int len;

	if (!octets)
		return -ENOMEM;
	len = decode(id, octets);
	if (len < 0 || !split_id(octets, (size_t)len, ret_zone, ret_record)) {
		free(octets);
		return -EINVAL;
	}
	*ret_memory = octets;
	return 0;
}

struct lease_walk {
	struct control_walk walk; /* first */
	struct view_leases page;
	void (*clear)(struct control_question *q); /* of the walk itself */
};

/* ---- as JSON ---- */

static json_t *lease_to_json(
	const struct control_walk *walk, const struct view_lease *lease)
{
	const struct config_zone *zone = control_walk_zone(walk);
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
			"state", control_state_name(lease->state), "key",
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

static void ask_leases(struct lease_walk *w)
{
	struct control_walk *walk = &w->walk;

	w->page.owner = walk->is_exact ? walk->name : NULL;
	w->page.cursor = walk->cursor;
	control_ask(
		&walk->question, view_leases, control_walk_zone(walk)->name, &w->page);
}

/* Adds them to the answer, and empties the page. */
static void add_leases(struct control_walk *walk, struct view_leases *page)
{
	walk->has_failed |= page->has_failed;
	walk->cursor = page->cursor;
	for (size_t i = 0; i < page->count; i++) {
		const struct view_lease *lease = &page->leases[i];

		if (control_walk_matches(walk, lease->record.owner) &&
			!control_json_add(walk->list, lease_to_json(walk, lease)))
			walk->has_failed = true;
	}
	view_leases_clear(page);
}

static bool answer_leases(struct control_question *q)
{
	struct lease_walk *w = (struct lease_walk *)(void *)q;
	struct control_walk *walk = &w->walk;
	bool is_more;

	add_leases(walk, &w->page);
	is_more = walk->cursor || control_walk_next_zone(walk);
	if (is_more && ++walk->rounds < CONTROL_ROUNDS_MAX &&
		json_array_size(walk->list) < CONTROL_PAGE_MAX) {
		ask_leases(w);
		return false;
	}
	control_walk_done(walk, "leases", !is_more);
	return true;
}

/* Also frees what came back but is not to be answered any more. */
static void clear_leases(struct control_question *q)
{
	struct lease_walk *w = (struct lease_walk *)(void *)q;

	view_leases_clear(&w->page);
	w->clear(q);
}

void control_get_leases(struct control_request *r)
{
	struct lease_walk *w = (struct lease_walk *)(void *)control_walk_new(
		r, sizeof(*w), control_parameter(r, "name"), answer_leases);

	if (!w)
		return;
	w->clear = w->walk.question.clear;
	w->walk.question.clear = clear_leases;
	if (r->control->config->zone_count) {
		ask_leases(w);
		return;
	}
	control_walk_done(&w->walk, "leases", true);
	control_question_free(&w->walk.question);
}
