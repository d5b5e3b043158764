/*
 * libFuzzer target: the text of a zone file.  A zone that loads must be valid: nobody
 * checks it again.  For one that does not, a single line says where and why.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/rdata.h"
#include "zones/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

static void check_rrset(const struct zone_node *node, const struct rrset *set)
{
	const uint8_t *rdata;
	const char *why = "";
	uint16_t len;
	size_t at = 0;
	unsigned count = 0;

	must(!rdata_type_is_meta(set->type), "no metatype is data");
	must(set->ttl <= 0x7fffffff, "the TTL has 31 bits"); /* RFC 2181 8 */
	must(set->count == 1 || !rdata_is_singleton(set->type), "one SOA, CNAME, DNAME");
	must(zone_node_find(node, set->type) == set, "one RRset of each type");
	for (; (rdata = rrset_next(set, &at, &len)); count++) {
		must(rdata_is_valid(set->type, rdata, len, &why), why);
		must(rrset_find(set, rdata, len) == (int)count, "no record stands twice");
	}
	must(count > 0 && count == set->count, "records are counted");
}

static void check_node(const struct zone *zone, const struct zone_node *node)
{
	const uint8_t *owner = zone_node_owner(node);
	uint8_t lower[NAME_MAX_LEN];
	const struct rrset *set;

	memcpy(lower, owner, name_len(owner));
	name_lower(lower);
	must(name_is_equal(owner, lower), "owners are in lower case");
	must(name_is_subdomain(owner, zone_apex(zone)), "owners are in the zone");
	for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++) {
		must(set->type != TYPE_SOA || name_is_equal(owner, zone_apex(zone)),
			"no SOA below the apex");
		must(set->type == TYPE_CNAME || set->type == TYPE_RRSIG ||
				set->type == TYPE_NSEC || set->type == TYPE_KEY ||
				!zone_node_find(node, TYPE_CNAME),
			"a CNAME stands alone");
		check_rrset(node, set);
	}
}

static void check_zone(const struct zone *zone)
{
	const struct zone_node *node;
	size_t cursor = 0, names = 0;

	must(zone_soa(zone) != NULL, "a SOA at the apex");
	for (; (node = zone_next_node(zone, &cursor)); names++)
		check_node(zone, node);
	must(names == zone_count_names(zone), "names are counted");
}

/* One line for a log. */
static void check_error(const char *error)
{
	must(memchr(error, '\0', ZONE_ERROR_MAX) != NULL, "the reason ends");
	must(strncmp(error, "line ", 5) == 0, "the reason begins with the line");
	for (; *error; error++)
		must(*error >= ' ' && *error <= '~', "the reason is printable");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zone *zone = zone_new((const uint8_t *)"\7example");
	FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
	char error[ZONE_ERROR_MAX];
	int r;

	must(zone && file, "memory");
	r = zone_read_file(zone, file, error);
	if (r == 0)
		check_zone(zone);
	else
		check_error(error);
	fclose(file);
	zone_free(zone);
	return 0;
}
