/*
 * What zones hold, compared.
 */
#include "tests/scenarios/content.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/rdata.h"

struct zone *content_copy(const struct zone *zone, const struct name_seed *seed)
{
	struct zone *copy =
		seed ? zone_new_seeded(zone_apex(zone), seed) : zone_new(zone_apex(zone));
	const struct zone_node *node;
	struct rrset *set;
	size_t cursor = 0;

	while (copy && (node = zone_next_node(zone, &cursor))) {
		for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++) {
			if (zone_put(copy, zone_node_owner(node), set->type, set)) {
				zone_free(copy);
				return NULL;
			}
		}
	}
	return copy;
}

static bool has_all(const struct zone *zone, const struct zone *of)
{
	const struct zone_node *node;
	const struct rrset *set;
	size_t cursor = 0;

	while ((node = zone_next_node(of, &cursor)))
		for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++)
			if (set->type != TYPE_SOA &&
				!rrset_is_identical(set,
					zone_find(
						zone, zone_node_owner(node), set->type)))
				return false;
	return true;
}

bool content_is_same_but_soa(const struct zone *a, const struct zone *b)
{
	if (!a || !b)
		return a == b;
	return zone_count_records(a) == zone_count_records(b) && has_all(a, b);
}

bool content_is_same(const struct zone *a, const struct zone *b)
{
	return content_is_same_but_soa(a, b) &&
		(!a || rrset_is_identical(zone_soa(a), zone_soa(b)));
}

uint32_t content_serial(const struct zone *zone)
{
	return zone ? rrset_serial(zone_soa(zone)) : 0;
}

static void print_missing(
	const char *word, const struct zone *zone, const struct zone *of)
{
	char owner[NAME_TEXT_MAX], type[RDATA_TYPE_NAME_MAX];
	const struct zone_node *node;
	const struct rrset *set;
	const uint8_t *rdata;
	size_t cursor = 0, at;
	uint16_t len;

	while (of && (node = zone_next_node(of, &cursor))) {
		const uint8_t *name = zone_node_owner(node);

		for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++) {
			if (zone &&
				rrset_is_identical(set, zone_find(zone, name, set->type)))
				continue;
			for (at = 0; (rdata = rrset_next(set, &at, &len));) {
				char *text = rdata_to_text(set->type, rdata, len);

				fprintf(stderr, "\t%s %s %u %s %s\n", word,
					name_to_text(name, owner), (unsigned)set->ttl,
					rdata_type_name(set->type, type),
					text ? text : "?");
				free(text);
			}
		}
	}
}

void content_print_difference(const struct zone *expected, const struct zone *got)
{
	print_missing("expected", got, expected);
	print_missing("got", expected, got);
}

/* ---- transfers ---- */

static int load_record(struct zone *zone, struct wire_reader *r, uint8_t *rdata)
{
	uint8_t owner[NAME_MAX_LEN], spelled[NAME_MAX_LEN];
	struct rr rr = {.owner = owner, .spelled = spelled, .rdata = rdata};
	uint16_t len;
	int got;

	if (!wire_read_name(r, spelled))
		return -EBADMSG;
	memcpy(owner, spelled, name_len(spelled));
	name_lower(owner);
	rr.type = wire_read_u16(r);
	rr.class = wire_read_u16(r);
	rr.ttl = wire_read_u32(r);
	len = wire_read_u16(r);
	got = rdata_read_loosely(
		rr.type, r->msg, r->end, r->at, len, rdata, WIRE_MESSAGE_MAX);
	if (r->failed || got < 0)
		return -EBADMSG;
	wire_read_octets(r, len);
	rr.rdata_len = (uint16_t)got;
	return zone_load_rr(zone, &rr);
}

static int load_message(struct zone *zone, const struct transfer_message *message)
{
	uint8_t rdata[WIRE_MESSAGE_MAX];
	struct wire_message m;
	struct wire_reader r;
	struct verdict v = wire_walk(&m, message->octets, message->len);
	int result = verdict_is_ok(&v) ? 0 : -EBADMSG;

	wire_reader_init(&r, message->octets, m.section_at[1], m.end);
	for (unsigned i = 0; !result && i < m.counts[1]; i++)
		result = load_record(zone, &r, rdata);
	return result;
}

struct zone *content_from_transfer(const uint8_t *apex, const struct transfer *transfer)
{
	struct zone *zone = zone_new(apex);
	int r = zone ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < transfer->count; i++)
		r = load_message(zone, &transfer->messages[i]);
	if (!r)
		return zone;
	zone_free(zone);
	return NULL;
}
