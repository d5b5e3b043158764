/*
 * Reads zone files as musterd does, for tests/servers/test_zonefiles.py:
 *
 *   zonefile_driver ORIGIN FILE...
 *
 * For each file "== FILE", then its records, one a line, in no order, or "refused:
 * REASON"; "warning: ..." where there is one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "zones/rdata.h"
#include "zones/zone.h"

static void print_warning(const char *message, void *arg)
{
	(void)arg;
	printf("warning: %s\n", message);
}

static void print_rrset(const uint8_t *owner, const struct rrset *set)
{
	char name[NAME_TEXT_MAX], type[RDATA_TYPE_NAME_MAX];
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;

	while ((rdata = rrset_next(set, &at, &len))) {
		char *text = rdata_to_text(set->type, rdata, len);

		if (!text)
			abort();
		printf("%s %u IN %s %s\n", name_to_text(owner, name), set->ttl,
			rdata_type_name(set->type, type), text);
		free(text);
	}
}

static void print_zone(const struct zone *zone)
{
	const struct zone_node *node;
	const struct rrset *set;
	size_t cursor = 0;

	while ((node = zone_next_node(zone, &cursor)))
		for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++)
			print_rrset(zone_node_owner(node), set);
}

int main(int argc, char **argv)
{
	uint8_t origin[NAME_MAX_LEN];

	if (argc < 2 || name_from_text(origin, argv[1], (const uint8_t *)""))
		return 2;
	for (int i = 2; i < argc; i++) {
		struct zone *zone = zone_new(origin);
		char error[ZONE_ERROR_MAX];

		printf("== %s\n", argv[i]);
		if (!zone)
			return 2;
		if (zone_load_file(zone, argv[i], print_warning, NULL, error))
			printf("refused: %s\n", error);
		else
			print_zone(zone);
		zone_free(zone);
	}
	return 0;
}
