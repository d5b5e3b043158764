/* The JSON that PowerDNS' HTTP API sends and expects, and its URLs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/target/powerdns_json.h"
#include "gateway/target/powerdns_url.h"
#include "message.h"
#include "zones/rdata.h"

#define SOA_TEXT "ns.example. root.example. 7 1 2 3 4"
#define HEAD                                                                             \
	"{\"name\":\"example.\",\"kind\":\"Native\",\"serial\":7,\"edited_serial\":7,"   \
	"\"dnssec\":false,\"api_rectify\":false,\"soa_edit\":\"\","                      \
	"\"soa_edit_api\":\"DEFAULT\""
#define RRSET(name, type, records)                                                       \
	"{\"comments\":[],\"name\":\"" name "\",\"type\":\"" type "\",\"ttl\":60,"       \
	"\"records\":[" records "]}"
#define ON(content)  "{\"content\":\"" content "\",\"disabled\":false}"
#define OFF(content) "{\"content\":\"" content "\",\"disabled\":true}"
#define SOA          RRSET("example.", "SOA", ON(SOA_TEXT))
#define ZONE(rrsets) HEAD ",\"rrsets\":[" rrsets "]}"

static const struct name_seed seed = {{1, 2}};

static int read_zone(
	struct powerdns_zone *zone, const char *json, enum powerdns_want want, char *why)
{
	return powerdns_json_read_zone(
		zone, json, strlen(json), message_name("example."), &seed, want, why);
}

static void must_read(struct powerdns_zone *zone, const char *json)
{
	char why[POWERDNS_WHY_MAX];

	if (read_zone(zone, json, POWERDNS_WANT_CONTENT, why))
		fail_msg("%s", why);
	assert_string_equal(why, "");
}

static void assert_refused(const char *json, const char *why_part)
{
	char why[POWERDNS_WHY_MAX];
	struct powerdns_zone zone;

	assert_int_equal(read_zone(&zone, json, POWERDNS_WANT_CONTENT, why), -EBADMSG);
	if (!strstr(why, why_part))
		fail_msg("\"%s\" does not say \"%s\"", why, why_part);
	assert_null(zone.content);
	assert_null(zone.soa);
	assert_null(zone.disabled);
}

/* ---- reading zones ---- */

static void a_zone_is_read(void **state)
{
	struct powerdns_zone zone;

	(void)state;
	must_read(&zone,
		ZONE(SOA "," RRSET("a.example.", "A",
			ON("192.0.2.1") "," ON("192.0.2.2")) "," RRSET("UP.Example.",
			"TXT",
			ON("\\\"a\\\\\\\"b\\\" \\\"\\\\001\\\"")) "," RRSET("o\\\\032d."
									    "example.",
			"MX", ON("10 mail.example.")) "," RRSET("t.example.", "TYPE65280",
			ON("\\\\# 2 abcd"))));
	message_assert_zone(zone.content,
		"example. 60 SOA " SOA_TEXT "\n"
		"a.example. 60 A 192.0.2.1\n"
		"a.example. 60 A 192.0.2.2\n"
		"up.example. 60 TXT \"a\\\"b\" \"\\001\"\n"
		"o\\032d.example. 60 MX 10 mail.example.\n"
		"t.example. 60 TYPE65280 \\# 2 abcd\n");
	assert_string_equal(zone.kind, "Native");
	assert_string_equal(zone.soa_edit_api, "DEFAULT");
	assert_int_equal(zone.stored, 7);
	assert_int_equal(zone.served, 7);
	assert_int_equal(zone.outside, 0);
	assert_false(zone.is_signed);
	assert_false(powerdns_zone_is_secondary(&zone));
	powerdns_zone_clear(&zone);
}

static void without_content_only_the_soa_is_read(void **state)
{
	char why[POWERDNS_WHY_MAX];
	struct powerdns_zone zone;

	(void)state;
	assert_int_equal(
		read_zone(&zone, ZONE(RRSET("a.example.", "NOTYPE", ON("?")) "," SOA),
			POWERDNS_WANT_SOA, why),
		0);
	assert_non_null(zone.soa);
	powerdns_zone_clear(&zone);
	assert_int_equal(
		read_zone(&zone, ZONE(RRSET("a.example.", "A", ON("not read")) "," SOA),
			POWERDNS_WANT_SOA, why),
		0);
	assert_null(zone.content);
	assert_non_null(zone.soa);
	powerdns_zone_clear(&zone);
	assert_int_equal(read_zone(&zone, HEAD "}", POWERDNS_WANT_SOA, why), 0);
	assert_null(zone.soa);
	powerdns_zone_clear(&zone);
}

static void the_served_serial_is_the_mirrors(void **state)
{
	struct powerdns_zone zone;

	(void)state;
	must_read(&zone,
		"{\"edited_serial\":2026010101,\"kind\":\"Master\",\"rrsets\":[" SOA
		"],\"serial\":7,\"name\":\"example.\",\"soa_edit\":\"INCEPTION-"
		"INCREMENT\"}");
	assert_int_equal(zone.stored, 7);
	assert_int_equal(zone.served, 2026010101);
	message_assert_zone(zone.content,
		"example. 60 SOA ns.example. root.example. 2026010101 1 2 3 4\n");
	assert_ptr_equal(zone_soa(zone.content), zone.soa);
	powerdns_zone_clear(&zone);
}

static void an_older_edited_serial_says_nothing(void **state)
{
	struct powerdns_zone zone;

	(void)state;
	must_read(&zone,
		"{\"edited_serial\":6,\"kind\":\"Master\",\"rrsets\":[" SOA
		"],\"serial\":6,\"name\":\"example.\"}");
	assert_int_equal(zone.served, 7);
	powerdns_zone_clear(&zone);
	must_read(&zone,
		"{\"edited_serial\":0,\"kind\":\"Master\",\"rrsets\":[" SOA
		"],\"serial\":7,\"name\":\"example.\"}");
	assert_int_equal(zone.served, 7);
	powerdns_zone_clear(&zone);
}

static void disabled_records_are_no_content(void **state)
{
	struct powerdns_zone zone;

	(void)state;
	must_read(&zone,
		ZONE(SOA "," RRSET("a.example.", "A",
			OFF("192.0.2.1") "," ON("192.0.2.2")) "," RRSET("b.example.", "A",
			OFF("192.0.2.3")) "," RRSET("c.example.", "A", "")));
	message_assert_zone(zone.content,
		"example. 60 SOA " SOA_TEXT "\na.example. 60 A 192.0.2.2\n");
	assert_int_equal(powerdns_texts_count(zone.disabled), 2);
	powerdns_zone_clear(&zone);
}

static void a_disabled_soa_is_none(void **state)
{
	struct powerdns_zone zone;

	(void)state;
	must_read(&zone, ZONE(RRSET("example.", "SOA", OFF(SOA_TEXT))));
	assert_null(zone.soa);
	assert_null(zone_soa(zone.content));
	powerdns_zone_clear(&zone);
}

static void one_of_two_soas_is_taken(void **state)
{
	struct powerdns_zone zone;

	(void)state;
	must_read(&zone,
		ZONE(RRSET("example.", "SOA",
			ON(SOA_TEXT) "," ON("ns.example. root.example. 9 1 2 3 4"))));
	assert_int_equal(zone.soa->count, 1);
	assert_int_equal(zone_soa(zone.content)->count, 1);
	assert_int_equal(zone.stored, 7);
	powerdns_zone_clear(&zone);
}

static void records_outside_the_zone_are_counted(void **state)
{
	struct powerdns_zone zone;

	(void)state;
	must_read(&zone, ZONE(SOA "," RRSET("a.other.", "A", ON("192.0.2.1"))));
	assert_int_equal(zone.outside, 1);
	assert_int_equal(zone_count_records(zone.content), 1);
	powerdns_zone_clear(&zone);
}

static void alias_and_lua_are_carried(void **state)
{
	struct powerdns_zone zone;

	(void)state;
	must_read(&zone,
		ZONE(SOA "," RRSET("a.example.", "ALIAS", ON("b.")) "," RRSET(
			"l.example.", "LUA", ON("AAAA \\\";x\\\""))));
	message_assert_zone(zone.content,
		"example. 60 SOA " SOA_TEXT "\n"
		"a.example. 60 TYPE65401 \\# 3 016200\n"
		"l.example. 60 TYPE65402 \\# 5 001c023b78\n");
	powerdns_zone_clear(&zone);
}

static void a_large_ttl_is_none(void **state)
{
	struct powerdns_zone zone;

	(void)state;
	must_read(&zone,
		ZONE(SOA ",{\"name\":\"a.example.\",\"type\":\"A\",\"ttl\":2147483648,"
			 "\"records\":[" ON("192.0.2.1") "]}"));
	assert_int_equal(
		zone_find(zone.content, message_name("a.example."), TYPE_A)->ttl, 0);
	powerdns_zone_clear(&zone);
}

static void secondaries_are_known(void **state)
{
	static const char *const kinds[] = {"Slave", "slave", "Secondary", "Consumer"};
	char json[256];

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct powerdns_zone zone;
		snprintf(json, sizeof(json), "{\"name\":\"example.\",\"kind\":\"%s\"}",
			kinds[i]);
		must_read(&zone, json);
		assert_true(powerdns_zone_is_secondary(&zone));
		powerdns_zone_clear(&zone);
	}
}

static void what_a_zone_can_not_be_without_is_named(void **state)
{
	(void)state;
	assert_refused(ZONE(RRSET("example.", "SOA", ON("ns.example. 7"))),
		"example. SOA: cannot read \"ns.example. 7\"");
	assert_refused(
		ZONE(RRSET("a.example.", "A", "{\"disabled\":false}")), "no content");
}

static void what_is_no_zone_is_refused(void **state)
{
	static const char *const texts[] = {"", " ", "null", "[]", "{", "{}",
		"{\"name\"}", "{\"name\":}", "{1:2}", "{\"name\":\"example.\"}",
		"{\"kind\":\"Native\"}", "{\"name\":7,\"kind\":\"Native\"}",
		"{\"name\":\"example.\",\"kind\":\"Native\"", HEAD "} x", HEAD ",}",
		HEAD ",\"rrsets\":{}}", HEAD ",\"rrsets\":[1]}", HEAD ",\"rrsets\":[{}]}",
		HEAD ",\"rrsets\":[" SOA "}", HEAD ",\"rrsets\":[" SOA ",]}",
		HEAD ",\"rrsets\":[" SOA "," SOA,
		HEAD
		",\"rrsets\":[{\"name\":\"a.example.\",\"type\":\"A\",\"ttl\":\"60\","
		"\"records\":[]}]}",
		HEAD ",\"x\":\"\\u0000\"}", HEAD ",\"x\":\xff}"};
	char why[POWERDNS_WHY_MAX];
	struct powerdns_zone zone;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (read_zone(&zone, texts[i], POWERDNS_WANT_CONTENT, why) != -EBADMSG)
			fail_msg("%s", texts[i]);
		assert_string_not_equal(why, "");
	}
	assert_refused("{\"name\":\"other.\",\"kind\":\"Native\"}", "about other.");
}

static void every_shorter_answer_is_refused(void **state)
{
	static const char whole[] =
		ZONE(SOA "," RRSET("a.example.", "A", ON("192.0.2.1")));
	char why[POWERDNS_WHY_MAX];
	struct powerdns_zone zone;

	(void)state;
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		/* Its own block, so that reading beyond it is noticed. */
		char *cut = malloc(len + 1);
		assert_non_null(cut);
		memcpy(cut, whole, len);
		assert_int_equal(
			powerdns_json_read_zone(&zone, cut, len, message_name("example."),
				&seed, POWERDNS_WANT_CONTENT, why),
			-EBADMSG);
		free(cut);
	}
	must_read(&zone, whole);
	powerdns_zone_clear(&zone);
}

/* ---- errors and settings ---- */

static void errors_are_read(void **state)
{
	char text[POWERDNS_WHY_MAX], longer[1000];
	static const char error[] = "{\"error\": \"RRset a. IN A: no\", \"errors\": []}";

	(void)state;
	powerdns_json_read_error(error, strlen(error), text);
	assert_string_equal(text, "RRset a. IN A: no");
	powerdns_json_read_error("Not Found\nmore", 14, text);
	assert_string_equal(text, "Not Found");
	powerdns_json_read_error("", 0, text);
	assert_string_equal(text, "");
	powerdns_json_read_error("{\"error\": 7}", 12, text);
	assert_string_equal(text, "{\"error\": 7}");
	memset(longer, 'x', sizeof(longer));
	powerdns_json_read_error(longer, sizeof(longer), text);
	assert_int_equal(strlen(text), POWERDNS_WHY_MAX - 1);
}

static void settings_are_read(void **state)
{
	static const char config[] =
		"[{\"name\":\"a\",\"type\":\"ConfigSetting\",\"value\":\"1\"},"
		"{\"name\":\"b\",\"value\":\"yes\"},{\"name\":\"c\",\"value\":7},7]";
	static const char metadata[] = "[{\"kind\":\"SOA-EDIT-API\",\"metadata\":["
				       "\"DEFAULT\"],\"type\":\"Metadata\"},"
				       "{\"kind\":\"API-RECTIFY\",\"metadata\":[\"0\"]},{"
				       "\"kind\":\"E\",\"metadata\":[]}]";
	char value[4] = "-";

	(void)state;
	assert_true(powerdns_json_read_setting(config, strlen(config), "b", value, 4));
	assert_string_equal(value, "yes");
	assert_false(powerdns_json_read_setting(config, strlen(config), "b", value, 3));
	assert_false(powerdns_json_read_setting(config, strlen(config), "c", value, 4));
	assert_false(powerdns_json_read_setting(config, strlen(config), "d", value, 4));
	assert_true(powerdns_json_read_setting(
		metadata, strlen(metadata), "API-RECTIFY", value, 4));
	assert_string_equal(value, "0");
	assert_false(
		powerdns_json_read_setting(metadata, strlen(metadata), "E", value, 4));
	assert_false(powerdns_json_read_setting("{}", 2, "E", value, 4));
	assert_false(powerdns_json_read_setting("[", 1, "E", value, 4));
}

/* ---- writing ---- */

/* A batch: the zone, changed. */
struct batch {
	struct zone *zone;
	struct changeset *changes;
	struct powerdns_zone loaded;
	bool is_lmdb;
};

static void batch_begin(struct batch *b, const char *json)
{
	must_read(&b->loaded, json);
	b->zone = b->loaded.content;
	b->changes = changeset_new();
	assert_non_null(b->changes);
	b->is_lmdb = false;
}

static void batch_set(struct batch *b, const char *owner, uint16_t type, const char *text)
{
	uint8_t rdata[4096];
	struct rrset *set = NULL;
	int len;

	if (text) {
		len = rdata_from_text(
			type, text, message_name("example."), rdata, sizeof(rdata));
		assert_true(len >= 0);
		set = rrset_new(type, 300, rdata, (uint16_t)len);
		assert_non_null(set);
	}
	assert_int_equal(
		changeset_put(b->changes, b->zone, message_name(owner), type, set), 0);
	rrset_unref(set);
}

static int batch_write(
	struct batch *b, const struct rrset *soa, size_t max, char **ret_body, char *why)
{
	const struct powerdns_patch patch = {.changes = b->changes,
		.apex = message_name("example."),
		.soa = soa,
		.disabled = b->loaded.disabled,
		.spelt = b->loaded.spelt,
		.max = max,
		.is_lmdb = b->is_lmdb};
	size_t len = 0;
	int ret = powerdns_json_write_patch(&patch, ret_body, &len, why);

	if (!ret)
		assert_int_equal(len, strlen(*ret_body));
	return ret;
}

static void batch_end(struct batch *b)
{
	changeset_unref(b->changes);
	powerdns_zone_clear(&b->loaded);
}

/* The bodies are compared as octets: order matters to PowerDNS. */
static void assert_patch(struct batch *b, const struct rrset *soa, const char *expected)
{
	char why[POWERDNS_WHY_MAX];
	char *body;

	assert_int_equal(batch_write(b, soa, 1 << 20, &body, why), 0);
	assert_string_equal(body, expected);
	free(body);
}

#define DELETE(name, type)                                                               \
	"{\"name\":\"" name "\",\"type\":\"" type "\",\"changetype\":\"DELETE\"}"
#define REPLACE(name, type, records, ttl)                                                \
	"{\"name\":\"" name "\",\"type\":\"" type "\",\"changetype\":\"REPLACE\","       \
	"\"records\":[" records "],\"ttl\":" ttl "}"
#define PATCH(rrsets) "{\"rrsets\":[" rrsets "]}"

static void deletions_stand_first(void **state)
{
	struct batch b;

	(void)state;
	batch_begin(&b, ZONE(SOA "," RRSET("w.example.", "CNAME", ON("h.example."))));
	batch_set(&b, "w.example.", TYPE_A, "192.0.2.1");
	batch_set(&b, "t.example.", TYPE_TXT, "\"a\\\"b\" \"\\001\"");
	batch_set(&b, "w.example.", TYPE_CNAME, NULL);
	assert_patch(&b, NULL,
		PATCH(DELETE("w.example.", "CNAME") "," REPLACE("w.example.", "A",
			ON("192.0.2.1"), "300") "," REPLACE("t.example.", "TXT",
			ON("\\\"a\\\\\\\"b\\\" \\\"\\\\001\\\""), "300")));
	batch_end(&b);
}

static void the_soa_is_the_one_given(void **state)
{
	struct rrset *soa;
	struct batch b;

	(void)state;
	batch_begin(&b, ZONE(SOA));
	batch_set(&b, "example.", TYPE_SOA, "ns.example. root.example. 100 1 2 3 4");
	batch_set(&b, "a.example.", TYPE_A, "192.0.2.1");
	assert_patch(&b, NULL, PATCH(REPLACE("a.example.", "A", ON("192.0.2.1"), "300")));
	soa = soa_with_serial(b.loaded.soa, 99);
	assert_non_null(soa);
	assert_patch(&b, soa,
		PATCH(REPLACE("a.example.", "A", ON("192.0.2.1"), "300") "," REPLACE(
			"example.", "SOA", ON("ns.example. root.example. 99 1 2 3 4"),
			"60")));
	rrset_unref(soa);
	batch_end(&b);
}

static void types_are_written_as_powerdns_wants_them(void **state)
{
	struct batch b;

	(void)state;
	batch_begin(&b, ZONE(SOA));
	batch_set(&b, "a.example.", 19, "\\# 5 0433313130");
	batch_set(&b, "b.example.", 65281, "\\# 0");
	batch_set(&b, "c.example.", TYPE_PTR, "a\\@b.example.");
	batch_set(&b, "d.example.", POWERDNS_TYPE_ALIAS, "\\# 3 016200");
	batch_set(&b, "e.example.", POWERDNS_TYPE_LUA, "\\# 5 001c023b78");
	assert_patch(&b, NULL,
		PATCH(REPLACE("a.example.", "TYPE19", ON("\\\\# 5 0433313130"),
			"300") "," REPLACE("b.example.", "TYPE65281", ON("\\\\# 0 "),
			"300") "," REPLACE("c.example.", "PTR", ON("a@b.example."),
			"300") "," REPLACE("d.example.", "ALIAS", ON("b."),
			"300") "," REPLACE("e.example.", "LUA", ON("AAAA \\\";x\\\""),
			"300")));
	batch_end(&b);
}

static void disabled_records_are_put_back(void **state)
{
	struct batch b;

	(void)state;
	batch_begin(&b,
		ZONE(SOA "," RRSET("b.example.", "A", OFF("192.0.2.3")) "," RRSET(
			"a.example.", "A",
			OFF("192.0.2.1") "," ON("192.0.2.2")) "," RRSET("c.example.",
			"CNAME",
			OFF("d.example.") "," ON("e.example.")) "," RRSET("c.example.",
			"TXT", OFF("\\\"x\\\""))));
	batch_set(&b, "c.example.", TYPE_A, "192.0.2.9");
	batch_set(&b, "a.example.", TYPE_A, "192.0.2.4");
	batch_set(&b, "b.example.", TYPE_A, "192.0.2.3");
	batch_set(&b, "c.example.", TYPE_CNAME, NULL);
	assert_patch(&b, NULL,
		PATCH(REPLACE("c.example.", "CNAME", OFF("d.example."), "60") "," REPLACE(
			"c.example.", "A", ON("192.0.2.9"),
			"300") "," REPLACE("a.example.", "A",
			ON("192.0.2.4") "," OFF("192.0.2.1"),
			"300") "," REPLACE("b.example.", "A", ON("192.0.2.3"), "300")));
	batch_end(&b);
}

static void what_has_no_text_is_refused(void **state)
{
	static const char *const bad_lua[] = {"\\# 0", "\\# 2 0001", "\\# 4 0001ff00"};
	char why[POWERDNS_WHY_MAX];
	struct batch b;
	char *body;

	(void)state;
	batch_begin(&b, ZONE(SOA));
	batch_set(&b, "bad.example.", POWERDNS_TYPE_ALIAS, "\\# 4 01620000");
	assert_int_equal(batch_write(&b, NULL, 1 << 20, &body, why), -EINVAL);
	assert_non_null(strstr(why, "bad.example. ALIAS"));
	batch_set(&b, "bad.example.", POWERDNS_TYPE_ALIAS, NULL);
	for (size_t i = 0; i < sizeof(bad_lua) / sizeof(*bad_lua); i++) {
		batch_set(&b, "bad.example.", POWERDNS_TYPE_LUA, bad_lua[i]);
		assert_int_equal(batch_write(&b, NULL, 1 << 20, &body, why), -EINVAL);
		assert_non_null(strstr(why, "bad.example. LUA"));
	}
	batch_end(&b);
}

static void lmdb_is_spared_a_caa_without_value(void **state)
{
	char why[POWERDNS_WHY_MAX];
	struct batch b;
	char *body;

	(void)state;
	batch_begin(&b, ZONE(SOA));
	batch_set(&b, "a.example.", TYPE_CAA, "\\# 7 00056973737565");
	assert_int_equal(batch_write(&b, NULL, 1 << 20, &body, why), 0);
	free(body);
	b.is_lmdb = true;
	assert_int_equal(batch_write(&b, NULL, 1 << 20, &body, why), -EINVAL);
	assert_non_null(strstr(why, "a.example. CAA"));
	batch_set(&b, "a.example.", TYPE_CAA, "\\# 8 0005697373756541");
	assert_int_equal(batch_write(&b, NULL, 1 << 20, &body, why), 0);
	free(body);
	batch_end(&b);
}

static void no_body_is_larger_than_the_server_takes(void **state)
{
	char why[POWERDNS_WHY_MAX];
	char owner[32];
	struct batch b;
	size_t len;
	char *body;

	(void)state;
	batch_begin(&b, ZONE(SOA));
	for (int i = 0; i < 100; i++) {
		snprintf(owner, sizeof(owner), "h%d.example.", i);
		batch_set(&b, owner, TYPE_A, "192.0.2.1");
	}
	assert_int_equal(batch_write(&b, NULL, 1 << 20, &body, why), 0);
	len = strlen(body);
	free(body);
	assert_int_equal(batch_write(&b, NULL, len, &body, why), 0);
	free(body);
	assert_int_equal(batch_write(&b, NULL, len - 1, &body, why), -EFBIG);
	assert_int_equal(batch_write(&b, NULL, 10, &body, why), -EFBIG);
	batch_end(&b);
}

/* ---- URLs ---- */

static void assert_text(char *text, const char *expected)
{
	assert_string_equal(text, expected);
	free(text);
}

static char *url_of(const char *zone, enum powerdns_place place)
{
	return powerdns_url("S", "s", message_name(zone), place);
}

static void urls_are_escaped(void **state)
{
	(void)state;
	assert_text(powerdns_url("http://[::1]:8081", "localhost", message_name("."),
			    POWERDNS_CONFIG),
		"http://[::1]:8081/api/v1/servers/localhost/config");
	assert_text(
		powerdns_url("http://h", "../a?b", message_name("."), POWERDNS_CONFIG),
		"http://h/api/v1/servers/..%2Fa%3Fb/config");
	assert_text(url_of("a-b.c0.example.", POWERDNS_ZONE),
		"S/api/v1/servers/s/zones/a-b.c0.example.");
	assert_text(url_of("0/25_a.2.0.192.in-addr.arpa.", POWERDNS_RECTIFY),
		"S/api/v1/servers/s/zones/0=2F25=5Fa.2.0.192.in-addr.arpa./rectify");
	assert_text(
		url_of(".", POWERDNS_METADATA), "S/api/v1/servers/s/zones/=2E/metadata");
	assert_text(url_of("a/b.example.", POWERDNS_SOA),
		"S/api/v1/servers/s/zones/a=2Fb.example."
		"?rrset_name=a%2Fb.example.&rrset_type=SOA");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zone_is_read),
		cmocka_unit_test(without_content_only_the_soa_is_read),
		cmocka_unit_test(the_served_serial_is_the_mirrors),
		cmocka_unit_test(an_older_edited_serial_says_nothing),
		cmocka_unit_test(disabled_records_are_no_content),
		cmocka_unit_test(a_disabled_soa_is_none),
		cmocka_unit_test(one_of_two_soas_is_taken),
		cmocka_unit_test(records_outside_the_zone_are_counted),
		cmocka_unit_test(alias_and_lua_are_carried),
		cmocka_unit_test(a_large_ttl_is_none),
		cmocka_unit_test(secondaries_are_known),
		cmocka_unit_test(what_a_zone_can_not_be_without_is_named),
		cmocka_unit_test(what_is_no_zone_is_refused),
		cmocka_unit_test(every_shorter_answer_is_refused),
		cmocka_unit_test(errors_are_read),
		cmocka_unit_test(settings_are_read),
		cmocka_unit_test(deletions_stand_first),
		cmocka_unit_test(the_soa_is_the_one_given),
		cmocka_unit_test(types_are_written_as_powerdns_wants_them),
		cmocka_unit_test(disabled_records_are_put_back),
		cmocka_unit_test(what_has_no_text_is_refused),
		cmocka_unit_test(lmdb_is_spared_a_caa_without_value),
		cmocka_unit_test(no_body_is_larger_than_the_server_takes),
		cmocka_unit_test(urls_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
