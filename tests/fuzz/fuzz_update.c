/*
 * Any octets as an UPDATE against a small zone: walk, update_read, prereq_check and
 * apply_update.  Whatever the octets are, a refusal changes nothing, the apex keeps SOA
 * and NS, no CNAME is beside other data, undo and redo give exactly the same zone, and
 * the stored form reads back as it was.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "zones/update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char zone_text[] = "$TTL 60\n"
				"@ SOA ns admin 4294967290 2 3 4 5\n"
				"@ NS ns\n"
				"@ TXT x\n"
				"ns A 192.0.2.1\n"
				"two A 192.0.2.1\n"
				"two A 192.0.2.2\n"
				"two TXT x\n"
				"mail MX 10 Ns.Example.\n"
				"alias CNAME ns\n"
				"deep.ent A 192.0.2.1\n"
				"* A 192.0.2.1\n";

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

static struct zone *make_zone(void)
{
	struct zone *zone = zone_new((const uint8_t *)"\7example");
	FILE *file = fmemopen((void *)(uintptr_t)zone_text, sizeof(zone_text) - 1, "r");
	char error[ZONE_ERROR_MAX];

	must(zone && file && zone_read_file(zone, file, error) == 0, "the zone is read");
	fclose(file);
	return zone;
}

/* Another zone with the same RRsets. */
static struct zone *copy_zone(const struct zone *zone)
{
	struct zone *copy = zone_new(zone_apex(zone));
	const struct zone_node *node;
	struct rrset *set;
	size_t cursor = 0;

	must(copy != NULL, "memory");
	while ((node = zone_next_node(zone, &cursor))) {
		for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++)
			must(zone_put(copy, zone_node_owner(node), set->type, set) == 0,
				"memory");
	}
	return copy;
}

static bool is_beside_cname(uint16_t type)
{
	return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_KEY;
}

static void check_node(const struct zone *zone, const struct zone_node *node)
{
	const uint8_t *name = zone_node_owner(node);
	bool has_cname = zone_node_find(node, TYPE_CNAME) != NULL;
	const struct rrset *set;

	for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++) {
		must(set->count > 0, "no RRset is empty");
		must(!has_cname || set->type == TYPE_CNAME || is_beside_cname(set->type),
			"a CNAME stands alone");
		must(set->type != TYPE_SOA || name_is_equal(name, zone_apex(zone)),
			"no SOA below the apex");
		must(set->count == 1 ||
				(set->type != TYPE_SOA && set->type != TYPE_CNAME &&
					set->type != TYPE_DNAME),
			"one SOA, CNAME, DNAME");
	}
	for (; !name_is_equal(name, zone_apex(zone)); name = name_parent(name)) {
		node = zone_find_node(zone, name_parent(name));
		must(node && zone_node_has_children(node), "ancestors exist");
	}
}

static void check_zone(const struct zone *zone)
{
	const struct zone_node *node;
	size_t cursor = 0, names = 0;

	must(zone_soa(zone) != NULL, "a SOA at the apex");
	must(zone_find(zone, zone_apex(zone), TYPE_NS) != NULL, "NS at the apex");
	while ((node = zone_next_node(zone, &cursor))) {
		check_node(zone, node);
		names++;
	}
	must(names == zone_count_names(zone), "names are counted");
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

static void check_stored(const struct changeset *cs)
{
	size_t len, again_len;
	uint8_t *octets = changeset_encode(cs, &len), *again;
	struct changeset *back = octets ? changeset_decode(octets, len) : NULL;

	must(back != NULL, "what was encoded can be decoded");
	must(back->sets_serial == cs->sets_serial, "the flag comes back");
	again = changeset_encode(back, &again_len);
	must(again && again_len == len && memcmp(again, octets, len) == 0,
		"decoded and encoded again it is the same");
	changeset_unref(back);
	free(octets);
	free(again);
}

static bool count_record(bool removed, const struct rr *rr, void *arg)
{
	(void)rr;
	((size_t *)arg)[removed]++;
	return true;
}

static void check_changes(
	struct zone *zone, const struct zone *before, struct changeset *cs)
{
	struct zone *after = copy_zone(zone);
	size_t visits[2] = {0};
	struct changeset *taken_back;

	check_zone(zone);
	check_stored(cs);
	if (cs->count == 0)
		check_same(zone, before);
	else
		must(!rrset_is_identical(zone_soa(zone), zone_soa(before)),
			"a change moves the serial");
	must(changeset_each_record(cs, count_record, visits), "every record is visited");
	must(zone_count_records(before) + visits[false] ==
			zone_count_records(zone) + visits[true],
		"what goes and comes is the difference");
	changeset_undo(cs, zone);
	check_same(zone, before);
	must(apply_withdrawal(after, cs, true, &taken_back) == 0, "memory");
	check_zone(after);
	changeset_unref(taken_back);
	zone_free(after);
}

/* What is kept of the request says the same, as far as there is room. */
static void check_octets(const struct update *update)
{
	uint8_t octets[2048];
	const size_t len = update_encode(update, octets, sizeof(octets));
	struct update *kept;
	bool is_cut = false;

	kept = update_decode(octets, len, &is_cut);
	must(kept, "what is kept can be read");
	must(kept->change_count == update->change_count || is_cut, "or it is cut");
	for (uint16_t i = 0; i < kept->change_count; i++)
		must(name_is_equal(kept->changes[i].owner, update->changes[i].owner) &&
				kept->changes[i].type == update->changes[i].type &&
				kept->changes[i].class == update->changes[i].class &&
				kept->changes[i].rdata_len ==
					update->changes[i].rdata_len,
			"a record is as it was");
	update_free(kept);
}

static void check_update(struct zone *zone, const struct update *update)
{
	struct zone *before = copy_zone(zone);
	struct changeset *cs = NULL;
	char text[UPDATE_TEXT_MAX];
	struct verdict v = prereq_check(zone, update);

	/* It is applied even if its prerequisites do not hold, so that more is tried. */
	must(v.rcode == RCODE_NOERROR || v.why[0], "refusals have a reason");
	update_to_text(update, text);
	check_octets(update);
	v = apply_update(zone, update, true, &cs);
	if (verdict_is_ok(&v)) {
		check_changes(zone, before, cs);
		changeset_unref(cs);
	} else {
		check_same(zone, before);
	}
	zone_free(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct update *update = NULL;
	struct wire_message m;
	struct verdict v;
	struct zone *zone;

	changeset_unref(changeset_decode(data, size));
	v = wire_walk(&m, data, size);
	if (!verdict_is_ok(&v))
		return 0;
	v = update_read(&update, data, &m);
	if (!verdict_is_ok(&v) || memcmp(update->zone, "\7example", 9) != 0) {
		must(verdict_is_ok(&v) || v.why[0], "refusals have a reason");
		update_free(update);
		return 0;
	}
	zone = make_zone();
	check_update(zone, update);
	zone_free(zone);
	update_free(update);
	return 0;
}
