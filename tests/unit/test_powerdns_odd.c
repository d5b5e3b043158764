/* A zone in PowerDNS with records that Muster cannot read or would spell differently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/target/powerdns_json.h"
#include "message.h"
#include "zones/rdata.h"
#include "zones/verbatim.h"

#define RRSET(name, type, records)                                                       \
	"{\"name\":\"" name "\",\"type\":\"" type "\",\"ttl\":60,\"records\":[" records  \
	"]}"
#define ON(content)  "{\"content\":\"" content "\",\"disabled\":false}"
#define OFF(content) "{\"content\":\"" content "\",\"disabled\":true}"
#define SOA          RRSET("example.", "SOA", ON("ns.example. root.example. 7 1 2 3 4"))
#define ZONE(rrsets)                                                                     \
	"{\"name\":\"example.\",\"kind\":\"Native\",\"rrsets\":[" SOA "," rrsets "]}"
#define REPLACE(name, type, records)                                                     \
	"{\"name\":\"" name "\",\"type\":\"" type "\",\"changetype\":\"REPLACE\","       \
	"\"records\":[" records "],\"ttl\":60}"
#define DELETE(name, type)                                                               \
	"{\"name\":\"" name "\",\"type\":\"" type "\",\"changetype\":\"DELETE\"}"
#define PATCH(rrsets) "{\"rrsets\":[" rrsets "]}"

#define X50  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X300 X50 X50 X50 X50 X50 X50

static const struct name_seed seed = {{1, 2}};

static void load(struct powerdns_zone *zone, const char *json)
{
	char why[POWERDNS_WHY_MAX];

	if (powerdns_json_read_zone(zone, json, strlen(json), message_name("example."),
		    &seed, POWERDNS_WANT_CONTENT, why))
		fail_msg("%s", why);
}

/* What lines of an update make of the zone, as the body of a PATCH. */
static char *patch_of(struct powerdns_zone *zone, const char *const *lines)
{
	struct changeset *cs = message_apply(zone->content, false, RCODE_NOERROR, lines);
	const struct powerdns_patch patch = {.changes = cs,
		.apex = message_name("example."),
		.disabled = zone->disabled,
		.spelt = zone->spelt,
		.max = 1 << 20};
	char why[POWERDNS_WHY_MAX];
	char *body = NULL;
	size_t len;

	if (powerdns_json_write_patch(&patch, &body, &len, why))
		body = strdup(why);
	changeset_unref(cs);
	return body;
}

static void assert_patch(const char *json, const char *line, const char *expected)
{
	const char *const lines[] = {line, NULL};
	struct powerdns_zone zone;
	char *body;

	load(&zone, json);
	body = patch_of(&zone, lines);
	assert_string_equal(body, expected);
	free(body);
	powerdns_zone_clear(&zone);
}

static void what_powerdns_had_goes_back_as_it_was(void **state)
{
	(void)state;
	assert_patch(ZONE(RRSET("a.example.", "TXT", ON("\\\"" X300 "\\\""))),
		"a 60 IN TXT beside",
		PATCH(REPLACE("a.example.", "TXT",
			ON("\\\"" X300 "\\\"") "," ON("\\\"beside\\\""))));
	assert_patch(ZONE(RRSET("a.example.", "HTTPS", ON("1 . ipv4hint=auto"))),
		"a 60 IN HTTPS 2 b.example.",
		PATCH(REPLACE("a.example.", "HTTPS",
			ON("1 . ipv4hint=auto") "," ON("2 b.example."))));
	assert_patch(ZONE(RRSET("a.example.", "HINFO", ON("\\\"PC\\\" "))),
		"a 60 IN HINFO a b",
		PATCH(REPLACE("a.example.", "HINFO",
			ON("\\\"PC\\\" ") "," ON("\\\"a\\\" \\\"b\\\""))));
	assert_patch(ZONE(RRSET("a.example.", "URI", ON("10 1 \\\"\\\""))),
		"a 60 IN URI 10 1 x",
		PATCH(REPLACE("a.example.", "URI",
			ON("10 1 \\\"\\\"") "," ON("10 1 \\\"x\\\""))));
	assert_patch(ZONE(RRSET("a.example.", "LUA", ON("A \\\"" X300 "\\\""))),
		"a 60 IN TYPE65402 \\# 5 001c023b78",
		PATCH(REPLACE("a.example.", "LUA",
			ON("A \\\"" X300 "\\\"") "," ON("AAAA \\\";x\\\""))));
	assert_patch(ZONE(RRSET("a.example.", "LUA", ON("NOTYPE \\\"x\\\""))),
		"a 60 IN TYPE65402 \\# 5 001c023b78",
		PATCH(REPLACE("a.example.", "LUA",
			ON("NOTYPE \\\"x\\\"") "," ON("AAAA \\\";x\\\""))));
	/* The same octets in another spelling: it stays one record. */
	assert_patch(ZONE(RRSET("a.example.", "TXT",
			     ON("\\\"\\\\120\\\"") "," OFF("\\\"y\\\""))),
		"a 60 IN TXT z",
		PATCH(REPLACE("a.example.", "TXT",
			ON("\\\"\\\\120\\\"") "," ON("\\\"z\\\"") "," OFF("\\\"y\\\""))));
}

/* PowerDNS shows mapped addresses in a form that it does not accept. */
static void addresses_go_back_as_powerdns_takes_them(void **state)
{
	(void)state;
	assert_patch(ZONE(RRSET("a.example.", "AAAA", ON("::ffff:192.0.2.1"))),
		"a 60 IN AAAA 2001:db8::1",
		PATCH(REPLACE("a.example.", "AAAA",
			ON("::ffff:c000:201") "," ON("2001:db8::1"))));
}

static void what_can_not_be_read_can_be_deleted(void **state)
{
	(void)state;
	assert_patch(ZONE(RRSET("a.example.", "HTTPS", ON("1 . ipv4hint=auto"))),
		"a 0 ANY HTTPS", PATCH(DELETE("a.example.", "HTTPS")));
	assert_patch(ZONE(RRSET("a.example.", "HTTPS", ON("1 . ipv4hint=auto"))),
		"a 0 ANY ANY", PATCH(DELETE("a.example.", "HTTPS")));
}

static void eight_of_the_odd_ones_are_named(void **state)
{
	struct odd_list list = {0};
	char text[ODD_LIST_TEXT_MAX], owner[2 * ODD_TEXT_MAX];

	(void)state;
	assert_string_equal(odd_list_to_text(&list, text), "");
	for (int i = 1; i <= 8; i++)
		odd_list_add(&list, "o%d URI", i);
	assert_string_equal(odd_list_to_text(&list, text),
		"o1 URI, o2 URI, o3 URI, o4 URI, o5 URI, o6 URI, o7 URI, o8 URI");
	for (int i = 9; i <= 12; i++)
		odd_list_add(&list, "o%d URI", i);
	assert_int_equal(list.count, 12);
	assert_string_equal(odd_list_to_text(&list, text),
		"o1 URI, o2 URI, o3 URI, o4 URI, o5 URI, o6 URI, o7 URI, o8 URI and 4 "
		"more");
	/* There is room for the longest ones, too. */
	memset(owner, 'o', sizeof(owner) - 1);
	owner[sizeof(owner) - 1] = '\0';
	list = (struct odd_list){0};
	for (int i = 0; i < 9; i++)
		odd_list_add(&list, "%s", owner);
	list.count = SIZE_MAX;
	assert_int_equal(strlen(odd_list_to_text(&list, text)),
		8 * (ODD_TEXT_MAX - 1) + 7 * strlen(", ") +
			strlen(" and 18446744073709551607 more"));
}

static void odd_ones_are_counted_and_named(void **state)
{
	struct powerdns_zone zone;
	size_t text_len;
	const struct rrset *set;
	char text[ODD_LIST_TEXT_MAX];

	(void)state;
	load(&zone,
		ZONE(RRSET("a.example.", "A", ON("192.0.2.1")) "," RRSET("b.example.",
			"A", ON("192.0.2.256")) "," RRSET("c.example.", "BOGUS",
			ON("x")) "," RRSET("d.example.", "AXFR", ON("x")) "," RRSET("..",
			"A", ON("192.0.2.1")) "," RRSET("relative", "A",
			ON("192.0.2.1")) "," RRSET("f.example.", "SSHFP", ON("1 1 aa"))));
	assert_int_equal(zone.odd.count, 5);
	assert_string_equal(odd_list_to_text(&zone.odd, text),
		"b.example. A \"192.0.2.256\", "
		"c.example. BOGUS (not a type of records that is known here), "
		"d.example. AXFR (not a type of records that is known here), "
		".. A (not a domain name), relative A (not a domain name)");
	/* The SOA and a, b and f; the others are left out. */
	assert_int_equal(zone_count_records(zone.content), 4);
	set = zone_find(zone.content, message_name("b.example."), TYPE_A);
	assert_true(verbatim_is_among(set));
	assert_memory_equal(verbatim_text(set->data + 2, set->size - 2, &text_len),
		"192.0.2.256", 11);
	powerdns_zone_clear(&zone);
}

/* Latin 1 in the database makes the whole answer invalid as JSON. */
static void octets_that_are_not_utf8_are_escaped(void **state)
{
	struct powerdns_zone zone;

	(void)state;
	load(&zone,
		ZONE(RRSET("a.example.", "TXT", ON("\\\"caf\xe9\\\"")) "," RRSET(
			"b.example.", "TXT", ON("\\\"caf\xc3\xa9\\\""))));
	message_assert_zone(zone.content,
		"example. 60 SOA ns.example. root.example. 7 1 2 3 4\n"
		"a.example. 60 TXT \"caf\\233\"\n"
		"b.example. 60 TXT \"caf\\195\\169\"\n");
	powerdns_zone_clear(&zone);
	assert_patch(ZONE(RRSET("a.example.", "TXT", ON("\\\"caf\xe9\\\"")) "," RRSET(
			     "b.example.", "TXT", ON("\\\"caf\xc3\xa9\\\""))),
		"b 60 IN TXT x",
		PATCH(REPLACE("b.example.", "TXT",
			ON("\\\"caf\xc3\xa9\\\"") "," ON("\\\"x\\\""))));
}

static void a_large_rrset_is_not_written_anew(void **state)
{
	static char json[1 << 20];
	size_t at = (size_t)sprintf(json,
		"{\"name\":\"example.\",\"kind\":\"Native\",\"rrsets\":[" SOA
		",{\"name\":\"a.example.\",\"type\":\"A\",\"ttl\":60,\"records\":[");

	(void)state;
	for (unsigned i = 0; i <= RRSET_COUNT_MAX; i++)
		at += (size_t)sprintf(
			json + at, "%s" ON("10.1.%u.%u"), i ? "," : "", i >> 8, i & 255);
	strcpy(json + at, "]}]}");
	assert_patch(json, "a 60 IN A 192.0.2.1",
		"a.example. A: Muster cannot write this RRset to PowerDNS");
	assert_patch(json, "b 60 IN A 192.0.2.1",
		PATCH(REPLACE("b.example.", "A", ON("192.0.2.1"))));
	assert_patch(json, "a 0 ANY A", PATCH(DELETE("a.example.", "A")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_powerdns_had_goes_back_as_it_was),
		cmocka_unit_test(addresses_go_back_as_powerdns_takes_them),
		cmocka_unit_test(what_can_not_be_read_can_be_deleted),
		cmocka_unit_test(eight_of_the_odd_ones_are_named),
		cmocka_unit_test(odd_ones_are_counted_and_named),
		cmocka_unit_test(octets_that_are_not_utf8_are_escaped),
		cmocka_unit_test(a_large_rrset_is_not_written_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
