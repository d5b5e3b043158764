/*
 * libFuzzer target: what a hostile server may answer to AXFR or IXFR.
 *
 * The first octet chooses between them; messages follow, each after its length in two
 * octets, as over TCP.  A zone that results must be one that we can transfer unchanged; a
 * difference must be one that can be applied to a zone, and undone.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/answer/transfer.h"
#include "gateway/target/target_ddns_private.h"
#include "zones/rdata.h"
#include "zones/rebase.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t apex[] = "\7example";

static const char zone_text[] = "$TTL 300\n"
				"@ SOA ns admin 10 2 3 4 60\n"
				"@ NS ns\n"
				"@ MX 10 Mail\n"
				"ns A 192.0.2.53\n"
				"mail A 192.0.2.25\n"
				"www A 192.0.2.1\n"
				"www A 192.0.2.2\n"
				"www TXT x y\n"
				"_sip._tcp SRV 1 2 5060 www\n"
				"a.b.c.d CNAME www\n";

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

static struct zone *make_zone(void)
{
	struct zone *zone = zone_new(apex);
	FILE *file = fmemopen((void *)(uintptr_t)zone_text, sizeof(zone_text) - 1, "r");
	char error[ZONE_ERROR_MAX];

	must(zone && file && zone_read_file(zone, file, error) == 0, "the zone is read");
	fclose(file);
	return zone;
}

/* ---- a whole zone ---- */

static void check_rrset(const struct zone_node *node, const struct rrset *set)
{
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;
	unsigned count = 0;
	char *text;

	must(name_is_subdomain(zone_node_owner(node), apex), "owners are in the zone");
	must(!rdata_type_is_meta(set->type), "no metatype is data");
	must(set->ttl <= 0x7fffffff, "the TTL has 31 bits"); /* RFC 2181 8 */
	for (; (rdata = rrset_next(set, &at, &len)); count++) {
		text = rdata_to_text(set->type, rdata, len);
		must(text != NULL, "it has a text");
		free(text);
		rdata_target(set->type, rdata, len);
	}
	must(count > 0 && count == set->count, "records are counted");
}

static void check_same(const struct zone *a, const struct zone *b)
{
	const struct zone_node *node;
	const struct rrset *set;
	size_t cursor = 0;

	must(zone_count_names(a) == zone_count_names(b), "as many names");
	must(zone_count_records(a) == zone_count_records(b), "as many records");
	while ((node = zone_next_node(a, &cursor))) {
		for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++)
			must(rrset_is_identical(
				     set, zone_find(b, zone_node_owner(node), set->type)),
				"the same RRsets");
	}
}

/* If we transfer it and read that, it is the same. */
static void check_handed_on(const struct zone *zone)
{
	static const uint8_t question[] = "\7example\0\0\374\0\1";
	struct ddns_transfer *t = ddns_transfer_new(apex, NULL, false, zone_seed(zone));
	struct transfer *out = transfer_new_axfr(zone, question, sizeof(question) - 1);
	enum ddns_transfer_state state = DDNS_TRANSFER_START;
	struct ddns_transferred got;
	struct wire_message m;

	must(t && out, "memory");
	for (size_t i = 0; i < out->count; i++) {
		const struct transfer_message *message = &out->messages[i];
		struct verdict v = wire_walk(&m, message->octets, message->len);

		must(verdict_is_ok(&v), v.why);
		state = ddns_transfer_read(t, message->octets, &m);
	}
	must(state == DDNS_TRANSFER_END, ddns_transfer_reason(t));
	must(ddns_transfer_take(t, &got) == 0 && got.zone, "memory");
	check_same(zone, got.zone);
	zone_free(got.zone);
	rrset_unref(got.soa);
	transfer_unref(out);
	ddns_transfer_free(t);
}

static void check_zone(const struct zone *zone, const struct rrset *soa)
{
	const struct zone_node *node;
	const struct rrset *set;
	size_t cursor = 0, names = 0;

	must(rrset_is_identical(zone_soa(zone), soa), "the zone's SOA is the first one");
	for (; (node = zone_next_node(zone, &cursor)); names++) {
		for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++)
			check_rrset(node, set);
	}
	must(names == zone_count_names(zone), "names are counted");
	check_handed_on(zone);
}

/* ---- a difference ---- */

static void check_change(const struct rr *rr)
{
	char *text = rdata_to_text(rr->type, rr->rdata, rr->rdata_len);

	must(text != NULL, "it has a text");
	free(text);
	must(name_is_subdomain(rr->owner, apex), "owners are in the zone");
	must(!rdata_type_is_meta(rr->type), "no metatype is data");
	must(rr->class == CLASS_IN || (rr->class == CLASS_NONE && rr->ttl == 0),
		"records are added or deleted");
	must(rr->ttl <= 0x7fffffff, "the TTL has 31 bits"); /* RFC 2181 8 */
}

/* The last change is that of the SOA. */
static void check_last(const struct rr *rr, const struct rrset *soa)
{
	size_t at = 0;
	uint16_t len;
	const uint8_t *rdata = rrset_next(soa, &at, &len);

	must(rr->type == TYPE_SOA && rr->class == CLASS_IN && rr->ttl == soa->ttl,
		"the new SOA comes last");
	must(name_is_equal(rr->owner, apex) && rr->rdata_len == len &&
			memcmp(rr->rdata, rdata, len) == 0,
		"and is the first record's");
}

static void check_difference(const struct update *difference, const struct rrset *soa)
{
	struct zone *zone = make_zone(), *before = make_zone();
	struct changeset *cs = NULL;

	must(name_is_equal(difference->zone, apex), "it is of this zone");
	must(difference->prereq_count == 0, "no prerequisites");
	for (unsigned i = 0; i < difference->change_count; i++)
		check_change(&difference->changes[i]);
	if (difference->change_count > 0)
		check_last(&difference->changes[difference->change_count - 1], soa);
	else
		must(rrset_is_identical(soa, zone_soa(zone)), "the SOA is the same");
	must(rebase_difference(zone, difference, &cs) == 0, "memory");
	must(zone_soa(zone) != NULL, "a SOA is left");
	changeset_undo(cs, zone);
	check_same(zone, before);
	changeset_unref(cs);
	zone_free(before);
	zone_free(zone);
}

/* ---- the stream ---- */

/* Copied to its exact size, so that overreads are noticed. */
static enum ddns_transfer_state take_message(
	struct ddns_transfer *t, const uint8_t *octets, size_t len)
{
	enum ddns_transfer_state state = DDNS_TRANSFER_BROKEN;
	uint8_t *msg = malloc(len ? len : 1);
	char text[DDNS_RCODE_TEXT_MAX];
	struct wire_message m;
	struct verdict v;

	must(msg != NULL, "memory");
	memcpy(msg, octets, len);
	v = wire_walk(&m, msg, len);
	if (verdict_is_ok(&v)) {
		ddns_rcode_to_text(msg, &m, text);
		rrset_unref(ddns_read_soa(msg, &m, apex));
		state = ddns_transfer_read(t, msg, &m);
		must((state != DDNS_TRANSFER_BROKEN && state != DDNS_TRANSFER_USELESS) ||
				ddns_transfer_reason(t)[0],
			"what is no use has a reason");
	}
	free(msg);
	return state;
}

static void check_end(struct ddns_transfer *t, bool is_incremental)
{
	struct ddns_transferred got;

	must(ddns_transfer_take(t, &got) == 0, "memory");
	must(got.soa && got.soa->type == TYPE_SOA && got.soa->count == 1, "a SOA");
	must(!got.zone != !got.difference, "a zone or a difference");
	must(got.zone || is_incremental, "AXFR gives a zone");
	if (got.zone)
		check_zone(got.zone, got.soa);
	else
		check_difference(got.difference, got.soa);
	update_free(got.difference);
	zone_free(got.zone);
	rrset_unref(got.soa);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const bool is_incremental = size && (data[0] & 1);
	enum ddns_transfer_state state = DDNS_TRANSFER_START;
	struct zone *zone = make_zone();
	struct ddns_transfer *t = ddns_transfer_new(
		apex, is_incremental ? zone_soa(zone) : NULL, false, zone_seed(zone));
	size_t at = 1;

	must(t != NULL, "memory");
	while (size >= at + 2 && state < DDNS_TRANSFER_END) {
		size_t len = (size_t)data[at] << 8 | data[at + 1];

		at += 2;
		len = len < size - at ? len : size - at;
		state = take_message(t, data + at, len);
		at += len;
	}
	must(is_incremental ||
			(state != DDNS_TRANSFER_REMOVING &&
				state != DDNS_TRANSFER_ADDING &&
				state != DDNS_TRANSFER_USELESS),
		"no differences in AXFR");
	if (state == DDNS_TRANSFER_END)
		check_end(t, is_incremental);
	ddns_transfer_free(t);
	zone_free(zone);
	return 0;
}
