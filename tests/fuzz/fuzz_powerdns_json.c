/*
 * libFuzzer target: answers of PowerDNS' HTTP API.  A zone that can be read is written as
 * a PATCH and read again from that: it must be the same.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/target/powerdns_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATCH_MAX = 1 << 22 };

static const uint8_t APEX[] = "\007example";

static void must(bool condition)
{
	if (!condition)
		abort();
}

/* Every RRset of the zone as a change. */
static struct changeset *changes_of(const struct zone *zone)
{
	struct changeset *changes = changeset_new();
	struct zone *empty = zone_new(APEX);
	const struct zone_node *node;
	struct rrset *set;
	size_t cursor = 0;

	must(changes && empty);
	while ((node = zone_next_node(zone, &cursor)))
		for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++)
			must(changeset_put(changes, empty, zone_node_owner(node),
				     set->type, set) == 0);
	zone_free(empty);
	return changes;
}

static void must_be_same(const struct zone *a, const struct zone *b)
{
	const struct zone_node *node;
	struct rrset *set;
	size_t cursor = 0;

	must(zone_count_records(a) == zone_count_records(b));
	while ((node = zone_next_node(a, &cursor)))
		for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++)
			must(rrset_is_identical(
				set, zone_find(b, zone_node_owner(node), set->type)));
}

static const struct name_seed seed = {{1, 2}};

/* {"rrsets":[...]} of a PATCH has the RRsets of a zone. */
static void read_patch(const struct powerdns_zone *zone, const char *body)
{
	char why[POWERDNS_WHY_MAX];
	struct powerdns_zone again;
	char *json;

	must(asprintf(&json, "{\"name\":\"example.\",\"kind\":\"x\",%s", body + 1) > 0);
	must(powerdns_json_read_zone(&again, json, strlen(json), APEX, &seed,
		     POWERDNS_WANT_CONTENT, why) == 0);
	must_be_same(zone->content, again.content);
	powerdns_zone_clear(&again);
	free(json);
}

static void write_patch(const struct powerdns_zone *zone)
{
	char why[POWERDNS_WHY_MAX];
	struct changeset *changes = changes_of(zone->content);
	const struct powerdns_patch patch = {.changes = changes,
		.apex = APEX,
		.soa = zone->soa,
		.disabled = zone->disabled,
		.spelt = zone->spelt,
		.max = PATCH_MAX};
	char *body;
	size_t len;
	const int ret = powerdns_json_write_patch(&patch, &body, &len, why);

	/* ALIAS and LUA may also come as octets, and then may have no text. */
	must(ret == 0 || ret == -EFBIG || (ret == -EINVAL && why[0]));
	if (ret == 0) {
		must(len == strlen(body) && len <= PATCH_MAX);
		read_patch(zone, body);
		free(body);
	}
	changeset_unref(changes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *json = (const char *)data;
	char why[POWERDNS_WHY_MAX], value[16];
	struct powerdns_zone zone;
	int ret;

	if (!size)
		json = "";
	powerdns_json_read_error(json, size, why);
	must(strlen(why) < sizeof(why));
	(void)powerdns_json_read_setting(json, size, "API-RECTIFY", value, sizeof(value));
	ret = powerdns_json_read_zone(
		&zone, json, size, APEX, &seed, POWERDNS_WANT_SOA, why);
	if (ret == 0)
		powerdns_zone_clear(&zone);
	ret = powerdns_json_read_zone(
		&zone, json, size, APEX, &seed, POWERDNS_WANT_CONTENT, why);
	must(ret == 0 || (ret == -EBADMSG && why[0]));
	if (ret)
		return 0;
	write_patch(&zone);
	powerdns_zone_clear(&zone);
	return 0;
}
