/*
 * musterd.conf: for each way of getting it wrong the message that says where and why.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/config_messages.h"

struct bad {
	const char *text;
	const char *messages;
};

#define ZONE(settings)   "zones = ( { name = \"example.\"; allow = ( ); " settings " } );"
#define TARGET(settings) ZONE("targets = ( { " settings " } );")
#define RULE(settings)                                                                   \
	"zones = ( { name = \"example.\"; allow = ( {\n" settings " } ); } );"
#define GOOD_RULE(more) RULE("keys = \"*\"; match = \"zone\"; " more)
#define BAD_ACTION                                                                       \
	"must be the absolute path of a program, or \"http://host:port/...\" or "        \
	"\"https://host:port/...\" without user or fragment\n"
#define KEY(settings) "keys = ( { " settings " } );" ZONE("")

static void check_bad(const struct bad *bad, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct config *config = NULL;
		struct config_messages messages;
		int err = config_parse_exact(&config, bad[i].text, &messages);
		if (strcmp(messages.text, bad[i].messages) != 0)
			print_error("%s\n", bad[i].text);
		assert_string_equal(messages.text, bad[i].messages);
		assert_int_equal(err, -EINVAL);
		assert_null(config);
	}
}
#define CHECK_BAD(table) check_bad(table, sizeof(table) / sizeof((table)[0]))

static const struct bad bad_syntax_table[] = {
	{"a = 1;\nb = ;\n", "error: t.conf:2: b: a value expected, not \";\"\n"},
	{"user = \"a\";\nuser = \"b\";\n",
		"error: t.conf:2: user: duplicate setting: t.conf:1 has it already\n"},
	{"key_files = [ \"a\",\n1 ];\n",
		"error: t.conf:2: key_files[1]: an array [ ] holds values of one kind: a "
		"string before, and here a number\n"},
	{"\n@include \"x.conf\"\n",
		"error: t.conf:2: files are not read for text in memory\n"},
};

static void bad_syntax(void **state)
{
	struct config_messages messages = {""};
	struct config *config = NULL;

	(void)state;
	CHECK_BAD(bad_syntax_table);
	assert_int_equal(
		config_parse(&config, "t.conf", "a\n\0b", 4, config_collect, &messages),
		-EINVAL);
	assert_string_equal(messages.text, "error: t.conf:2: a NUL octet\n");
	/* Nobody need listen. */
	assert_int_equal(config_parse(&config, "t.conf", "a", 1, NULL, NULL), -EINVAL);
}

static const struct bad bad_top_level_settings_table[] = {
	{"\nlissten = ( );" ZONE(""),
		"error: t.conf:2: lissten: unknown setting (did you mean "
		"\"listen\"?)\n"},
	{"frobnicate = 1;" ZONE(""), "error: t.conf:1: frobnicate: unknown setting\n"},
	{"listen = ( );" ZONE(""), "error: t.conf:1: listen: must not be empty\n"},
	{"listen = { };" ZONE(""),
		"error: t.conf:1: listen: must be a list of groups: ( { ... }, "
		"... "
		")\n"},
	{"listen = ( { port = 53; } );" ZONE(""),
		"error: t.conf:1: listen[0].address: is missing\n"},
	{"listen = ( { address = \"localhost\"; }, 1,\n{ adress = \"::\"; } "
	 ");" ZONE(""),
		"error: t.conf:1: listen[0].address: \"localhost\" is not a "
		"numeric "
		"address: names are not looked up, write the address (getent hosts "
		"NAME shows it)\n"
		"error: t.conf:1: listen[1]: must be a group: { ... }\n"
		"error: t.conf:2: listen[2].adress: unknown setting (did you "
		"mean "
		"\"address\"?)\n"
		"error: t.conf:2: listen[2].address: is missing\n"},
	{"listen = ( { address = \"::\"; port = 65536; } );" ZONE(""),
		"error: t.conf:1: listen[0].port: 65536 is not between 0 and "
		"65535\n"},
	{"listen = ( { address = \"::\"; port = \"53\"; } );" ZONE(""),
		"error: t.conf:1: listen[0].port: must be a number\n"},
	{"listen = ( { address = \"::1\"; }, { address = \"0::1\"; } );" ZONE(""),
		"error: t.conf:1: listen[1]: ::1#53 is listed twice\n"},
	{"http = 8053;" ZONE(""), "error: t.conf:1: http: must be a group: { ... }\n"},
	{"threads = 0;" ZONE(""),
		"error: t.conf:1: threads: 0 is not between 1 and 64\n"},
	{"threads = 65;" ZONE(""),
		"error: t.conf:1: threads: 65 is not between 1 and 64\n"},
	{"zone_threads = 0;" ZONE(""),
		"error: t.conf:1: zone_threads: 0 is not between 1 and 64\n"},
	{"zone_threads = 65;" ZONE(""),
		"error: t.conf:1: zone_threads: 65 is not between 1 and 64\n"},
	{"threads = 1.5;" ZONE(""),
		"error: t.conf:1: threads: 1.5 is not a whole number\n"},
	{"tcp_idle_timeout = \"999ms\";" ZONE(""),
		"error: t.conf:1: tcp_idle_timeout: is not between 1s and 1h\n"},
	{"tcp_idle_timeout = 3601;" ZONE(""),
		"error: t.conf:1: tcp_idle_timeout: is not between 1s and 1h\n"},
	{"max_fudge = \"31m\";" ZONE(""),
		"error: t.conf:1: max_fudge: is not between 1s and 30m\n"},
	{"audit_days = 0;" ZONE(""),
		"error: t.conf:1: audit_days: 0 is not between 1 and 36500\n"},
	{"user = 1;" ZONE(""), "error: t.conf:1: user: must be a string: \"...\"\n"},
	{"user = \"\";" ZONE(""), "error: t.conf:1: user: must not be empty\n"},
	{"weak_keys = 1;" ZONE(""),
		"error: t.conf:1: weak_keys: must be true or false\n"},
	{"key_files = [ \"x\" ];" ZONE(""),
		"error: t.conf:1: key_files[0]: files are not read for text in "
		"memory\n"},
	{"key_files = { };" ZONE(""),
		"error: t.conf:1: key_files: must be a value or an array: [ ... "
		"]\n"},
	{"zones = { };",
		"error: t.conf:1: zones: must be a list of groups: ( { ... }, "
		"... )\n"
		"warning: t.conf:1: zones: is missing: no update is "
		"accepted\n"},
	/* What a person reads must not move the cursor. */
	{"user = \"m\";\nzones = ( { name = \"a\x1b[2J..b\"; allow = ( ); } );",
		"error: t.conf:2: zones[0].name: \"a?[2J..b\" is not a domain "
		"name\n"},
};

static void bad_top_level_settings(void **state)
{
	(void)state;
	CHECK_BAD(bad_top_level_settings_table);
}

static const struct bad bad_keys_table[] = {
	{KEY("secret = \"b2xk\";"), "error: t.conf:1: keys[0].name: is missing\n"},
	{KEY("name = \"a\";"),
		"error: t.conf:1: keys[0]: needs a secret or a secret_file\n"},
	{KEY("name = \"a\"; secret = \"b2xk\"; secret_file = \"x\";"),
		"error: t.conf:1: keys[0].secret_file: files are not read for "
		"text "
		"in memory\n"
		"error: t.conf:1: keys[0].secret_file: secret and secret_file "
		"must not both be set\n"},
	{KEY("name = \"a\"; secret = \"hunter2!\";"),
		"error: t.conf:1: keys[0].secret: is not base64 of 1 to 512 "
		"octets\n"},
	{KEY("name = \"a\"; secret = \"\";"),
		"error: t.conf:1: keys[0].secret: must not be empty\n"},
	{KEY("name = \"a\"; secret = \"b2xk\"; algorithm = \"hmac-sha265\";"),
		"error: t.conf:1: keys[0].algorithm: unknown algorithm "
		"\"hmac-sha265\" (did you mean \"hmac-sha256\"?)\n"},
	{KEY("name = \"a\"; secret = \"b2xk\"; algorithm = \"rot13\";"),
		"error: t.conf:1: keys[0].algorithm: unknown algorithm "
		"\"rot13\"\n"},
	{KEY("name = \"a\"; secret = \"b2xk\"; not_after = "
	     "\"2026-02-30T00:00:00Z\";"),
		"error: t.conf:1: keys[0].not_after: must be a time in UTC such "
		"as "
		"\"2026-12-31T23:59:59Z\"\n"},
	{KEY("name = \"a\"; secret = \"b2xk\"; not_before = \"2026-02-03\";"),
		"error: t.conf:1: keys[0].not_before: must be a time in UTC such "
		"as "
		"\"2026-12-31T23:59:59Z\"\n"},
	{KEY("name = \"a\"; secret = \"b2xk\"; not_before = "
	     "\"2026-02-03T00:00:00Z\"; "
	     "not_after = \"2026-02-02T00:00:00Z\";"),
		"error: t.conf:1: keys[0]: not_before is later than not_after\n"},
};

static void bad_keys(void **state)
{
	(void)state;
	CHECK_BAD(bad_keys_table);
}

static const struct bad bad_zones_table[] = {
	{"zones = ( { allow = ( ); } );", "error: t.conf:1: zones[0].name: is missing\n"},
	{"zones = ( 1 );", "error: t.conf:1: zones[0]: must be a group: { ... }\n"},
	{"zones = ( { name = \"a..b\"; allow = ( ); } );",
		"error: t.conf:1: zones[0].name: \"a..b\" is not a domain "
		"name\n"},
	{"zones = ( { name = \"*.b\"; allow = ( ); } );",
		"error: t.conf:1: zones[0].name: *.b.: a zone's name cannot be "
		"a "
		"wildcard\n"},
	{"zones = ( { name = \"a.b.\"; allow = ( ); },\n{ name = \"A.B\"; allow "
	 "= ( ); } "
	 ");",
		"error: t.conf:2: zones[1].name: a.b. is listed twice, first as "
		"zones[0]\n"},
	{ZONE("\nack = \"fast\";"),
		"error: t.conf:2: zones[0].ack: unknown value \"fast\": must be "
		"one "
		"of \"wait\", \"applied\", \"durable\"\n"},
	{ZONE("ack = \"wiat\";"),
		"error: t.conf:1: zones[0].ack: unknown value \"wiat\" (did you "
		"mean "
		"\"wait\"?)\n"},
	{ZONE("ack_timeout = \"2sec\";"),
		"error: t.conf:1: zones[0].ack_timeout: must be a time: seconds, "
		"or "
		"\"90s\", \"15m\", \"24h\", \"7d\", \"500ms\"\n"},
	{ZONE("ack_timeout = \"2h\";"),
		"error: t.conf:1: zones[0].ack_timeout: is not between 1ms and "
		"1h\n"},
	{ZONE("refresh = \"1500ms\";"),
		"error: t.conf:1: zones[0].refresh: must be whole seconds\n"},
	{ZONE("max_size = 0;"),
		"error: t.conf:1: zones[0].max_size: 0 is not between 1 and 1048576\n"},
	{ZONE("refresh = 0;"),
		"error: t.conf:1: zones[0].refresh: is not between 1s and 7d\n"},
	{ZONE("query_from = [ ];"),
		"error: t.conf:1: zones[0].query_from: must not be empty\n"},
	{ZONE("query_from = [ \"192.0.2.1/24\", \"x\" ];"),
		"error: t.conf:1: zones[0].query_from[0]: \"192.0.2.1/24\" is "
		"not an "
		"address or a prefix (bits beyond its length must be 0)\n"
		"error: t.conf:1: zones[0].query_from[1]: \"x\" is not an "
		"address or "
		"a prefix\n"},
	{ZONE("expiry = \"1h\";"),
		"error: t.conf:1: zones[0].expiry: must be a group: { ... }\n"},
	{ZONE("expiry = { grace = \"31d\"; brake_percent = 0; brake_count = -1; };"),
		"error: t.conf:1: zones[0].expiry.grace: is not between 0s and 30d\n"
		"error: t.conf:1: zones[0].expiry.brake_percent: 0 is not between 1 "
		"and 100\n"
		"error: t.conf:1: zones[0].expiry.brake_count: -1 is not between 0 "
		"and 2147483647\n"},
	{ZONE("expiry = { share = 1; };"),
		"error: t.conf:1: zones[0].expiry.share: unknown setting\n"},
	{ZONE("on_stale = \"bin/tell\"; on_expire = \"https://u:hunter2@h/\";"),
		"error: t.conf:1: zones[0].on_stale: " BAD_ACTION
		"error: t.conf:1: zones[0].on_expire: " BAD_ACTION},
	{ZONE("on_stale = \"\"; on_expire = \"http://?x\";"),
		"error: t.conf:1: zones[0].on_stale: must not be empty\n"
		"error: t.conf:1: zones[0].on_expire: " BAD_ACTION},
	{ZONE("on_stale = [ \"/bin/true\" ]; on_expire = \"mailto:noc\";"),
		"error: t.conf:1: zones[0].on_stale: must be a string: \"...\"\n"
		"error: t.conf:1: zones[0].on_expire: " BAD_ACTION},
	{ZONE("target = ( );"),
		"error: t.conf:1: zones[0].target: unknown setting (did you mean "
		"\"targets\"?)\n"},
};

static void bad_zones(void **state)
{
	(void)state;
	CHECK_BAD(bad_zones_table);
}

static const struct bad bad_targets_table[] = {
	{TARGET(""), "error: t.conf:1: zones[0].targets[0].type: is missing\n"},
	{TARGET("type = \"bind\";"),
		"error: t.conf:1: zones[0].targets[0].type: unknown value "
		"\"bind\": "
		"must be one of \"local\", \"ddns\", \"powerdns\"\n"},
	{TARGET("type = \"local\"; url = \"http://x\";"),
		"error: t.conf:1: zones[0].targets[0].url: unknown setting\n"},
	{TARGET("type = \"local\"; notify = [ \"127.0.0.1#0x35\", \"[::1\", "
		"\"a:1:2\" "
		"];"),
		"error: t.conf:1: zones[0].targets[0].notify[0]: "
		"\"127.0.0.1#0x35\" "
		"is not a numeric address with or without port\n"
		"error: t.conf:1: zones[0].targets[0].notify[1]: \"[::1\" is not "
		"a "
		"numeric address with or without port\n"
		"error: t.conf:1: zones[0].targets[0].notify[2]: \"a:1:2\" is "
		"not a "
		"numeric address with or without port\n"},
	{TARGET("type = \"local\"; notify = ( { key = \"none\"; }, { address = \"::1\"; "
		"source = \"192.0.2.1\"; } );"),
		"error: t.conf:1: zones[0].targets[0].notify[0].key: no such key in "
		"key_files: none.\n"
		"error: t.conf:1: zones[0].targets[0].notify[0].address: is missing\n"
		"error: t.conf:1: zones[0].targets[0].notify[1]: source is of another "
		"address family than address\n"},
	{TARGET("type = \"ddns\";"),
		"error: t.conf:1: zones[0].targets[0].address: is missing\n"},
	{TARGET("type = \"ddns\"; address = [ \"192.0.2.256\", \"ns_1.example\", "
		"\"ns..example\", \"ns#0\", \"-ns\" ];"),
		"error: t.conf:1: zones[0].targets[0].address[0]: \"192.0.2.256\" is "
		"neither an address nor the name of a host\n"
		"error: t.conf:1: zones[0].targets[0].address[2]: \"ns..example\" is "
		"neither an address nor the name of a host\n"
		"error: t.conf:1: zones[0].targets[0].address[3]: \"ns#0\" is neither an "
		"address nor the name of a host\n"
		"error: t.conf:1: zones[0].targets[0].address[4]: \"-ns\" is neither an "
		"address nor the name of a host\n"},
	{TARGET("type = \"ddns\"; address = \"::1\"; port = 0;"),
		"error: t.conf:1: zones[0].targets[0].port: 0 is not between 1 "
		"and "
		"65535\n"},
	{TARGET("type = \"ddns\"; address = \"::1\"; key = \"nobody\";"),
		"error: t.conf:1: zones[0].targets[0].key: no such key in "
		"key_files: "
		"nobody.\n"},
	{TARGET("type = \"ddns\"; address = \"::1\"; timeout = \"11m\";"),
		"error: t.conf:1: zones[0].targets[0].timeout: is not between "
		"1ms and "
		"10m\n"},
	{ZONE("targets = ( { type = \"local\"; },\n{ type = \"local\"; } );"),
		"error: t.conf:2: zones[0].targets[1]: the same target as "
		"targets[0]: "
		"local\n"},
	{TARGET("type = \"powerdns\";"),
		"error: t.conf:1: zones[0].targets[0].url: is missing\n"
		"error: t.conf:1: zones[0].targets[0].api_key_file: is "
		"missing\n"},
	{TARGET("type = \"powerdns\"; url = \"http://u:pw@h:8081\"; api_key = "
		"\"x\";"),
		"error: t.conf:1: zones[0].targets[0].api_key: unknown setting "
		"(did "
		"you mean \"api_key_file\"?)\n"
		"error: t.conf:1: zones[0].targets[0].url: must be "
		"\"http://host:port\" or \"https://host:port\", without user, "
		"query "
		"or fragment\n"
		"error: t.conf:1: zones[0].targets[0].api_key_file: is "
		"missing\n"},
	{TARGET("type = \"powerdns\"; url = \"http://h\"; rectify = \"no\";"),
		"error: t.conf:1: zones[0].targets[0].api_key_file: is missing\n"
		"error: t.conf:1: zones[0].targets[0].rectify: unknown value \"no\": "
		"must be one of \"auto\", \"server\"\n"},
	{TARGET("type = \"powerdns\"; url = [ \"http://h\", \"h:80\", \"http://h/\" ]; "
		"api_key_file = \"x\";"),
		"error: t.conf:1: zones[0].targets[0].url[1]: must be "
		"\"http://host:port\" or \"https://host:port\", without user, query "
		"or fragment\n"
		"error: t.conf:1: zones[0].targets[0].url[2]: stands there twice\n"
		"error: t.conf:1: zones[0].targets[0].api_key_file: files are not "
		"read for text in memory\n"},
	{TARGET("type = \"powerdns\"; url = [ ]; api_key_file = \"x\";"),
		"error: t.conf:1: zones[0].targets[0].url: must not be empty\n"
		"error: t.conf:1: zones[0].targets[0].api_key_file: files are not "
		"read for text in memory\n"},
	{ZONE("targets = ( { type = \"powerdns\"; url = [ \"http://a\", \"http://b\" "
	      "]; api_key_file = \"x\"; },\n{ type = \"powerdns\"; url = \"http://b\"; "
	      "api_key_file = \"x\"; } );"),
		"error: t.conf:1: zones[0].targets[0].api_key_file: files are not "
		"read for text in memory\n"
		"error: t.conf:2: zones[0].targets[1].api_key_file: files are not "
		"read for text in memory\n"
		"error: t.conf:2: zones[0].targets[1]: the same target as targets[0]: "
		"powerdns http://a localhost\n"},
	{TARGET("type = \"ddns\"; address = \"192.0.2.1\"; "
		"sync = { every = \"1s\"; repair = 1; };"),
		"error: t.conf:1: zones[0].targets[0].sync.every: is not between 1m "
		"and 31d\n"
		"error: t.conf:1: zones[0].targets[0].sync.repair: must be true or "
		"false\n"},
	{TARGET("type = \"ddns\"; address = \"192.0.2.1\"; sync = \"6h\";"),
		"error: t.conf:1: zones[0].targets[0].sync: must be a group: { ... }\n"},
	{TARGET("type = \"local\"; sync = { };"),
		"error: t.conf:1: zones[0].targets[0].sync: unknown setting\n"},
	{TARGET("type = \"powerdns\"; url = \"ftp://h\"; server = \"a/b\"; "
		"api_key_file "
		"= \"x\";"),
		"error: t.conf:1: zones[0].targets[0].url: must be "
		"\"http://host:port\" or \"https://host:port\", without user, "
		"query "
		"or fragment\n"
		"error: t.conf:1: zones[0].targets[0].server: \"a/b\" is not a "
		"server's id\n"
		"error: t.conf:1: zones[0].targets[0].api_key_file: files are "
		"not "
		"read for text in memory\n"},
};

static void bad_targets(void **state)
{
	(void)state;
	CHECK_BAD(bad_targets_table);
}

static const struct bad bad_rules_table[] = {
	{RULE(""),
		"error: t.conf:1: zones[0].allow[0].keys: is missing\n"
		"error: t.conf:1: zones[0].allow[0].match: is missing\n"},
	{RULE("keys = [ ]; match = \"zone\";"),
		"error: t.conf:2: zones[0].allow[0].keys: must not be empty\n"},
	{RULE("keys = \"*\"; match = \"slef\";"),
		"error: t.conf:2: zones[0].allow[0].match: unknown value "
		"\"slef\" "
		"(did you mean \"self\"?)\n"},
	{RULE("keys = \"*\"; match = \"self\"; names = \"a\";"),
		"error: t.conf:2: zones[0].allow[0].names: match = \"self\" "
		"takes no "
		"names\n"},
	{GOOD_RULE("names = \"a\";"),
		"error: t.conf:2: zones[0].allow[0].names: match = \"zone\" "
		"takes no "
		"names\n"},
	{RULE("keys = \"*\"; match = \"pattern\";"),
		"error: t.conf:2: zones[0].allow[0].match: \"pattern\" needs "
		"names\n"},
	{RULE("keys = \"*\"; match = \"name\"; names = [ \"a\", \"b.other.\" ];"),
		"error: t.conf:2: zones[0].allow[0].names[1]: b.other. is not in "
		"the "
		"zone\n"},
	{RULE("keys = \"*\"; transfer = true; types = \"A\";"),
		"error: t.conf:1: zones[0].allow[0].match: is missing\n"},
	{RULE("keys = \"*\"; transfer = false;"),
		"error: t.conf:1: zones[0].allow[0].match: is missing\n"},
	{GOOD_RULE("type = [ \"A\" ];"),
		"error: t.conf:2: zones[0].allow[0].type: unknown setting (did "
		"you "
		"mean \"types\"?)\n"},
	{GOOD_RULE("types = [ \"AAA\", \"NONSENSE\", \"TSIG\" ];"),
		"error: t.conf:2: zones[0].allow[0].types[0]: unknown type "
		"\"AAA\" "
		"(did you mean \"AAAA\"?)\n"
		"error: t.conf:2: zones[0].allow[0].types[1]: unknown type "
		"\"NONSENSE\"\n"
		"error: t.conf:2: zones[0].allow[0].types[2]: type TSIG "
		"is not for records of a zone\n"},
	{GOOD_RULE("types = ( { } );"),
		"error: t.conf:2: zones[0].allow[0].types[0]: must be a string: "
		"\"...\"\n"},
	{GOOD_RULE("operations = [ \"add\", \"remove\" ];"),
		"error: t.conf:2: zones[0].allow[0].operations[1]: unknown value "
		"\"remove\": must be one of \"add\", \"delete\"\n"},
	{GOOD_RULE("data = [ \"192.0.2.0/33\", \"1.2.3\", \"a..b\" ];"),
		"error: t.conf:2: zones[0].allow[0].data[0]: \"192.0.2.0/33\" is "
		"not "
		"an address or a prefix (bits beyond its length must be 0)\n"
		"error: t.conf:2: zones[0].allow[0].data[1]: \"1.2.3\" is not an "
		"address or a prefix\n"
		"error: t.conf:2: zones[0].allow[0].data[2]: \"a..b\" is not a "
		"domain "
		"name\n"},
	{GOOD_RULE("ttl = { min = 2; max = 1; };"),
		"error: t.conf:2: zones[0].allow[0].ttl: min is above max\n"},
	{GOOD_RULE("ttl = 300;"),
		"error: t.conf:2: zones[0].allow[0].ttl: must be a group: { ... "
		"}\n"},
	{GOOD_RULE("max_records = 0;"),
		"error: t.conf:2: zones[0].allow[0].max_records: 0 is not "
		"between 1 "
		"and 10000\n"},
	{GOOD_RULE("max_names = 0;"),
		"error: t.conf:2: zones[0].allow[0].max_names: 0 is not "
		"between 1 and 2147483647\n"},
	{GOOD_RULE("max_size = \"1M\";"),
		"error: t.conf:2: zones[0].allow[0].max_size: must be a number\n"},
	{GOOD_RULE("rate = true;"),
		"error: t.conf:2: zones[0].allow[0].rate: must be a number or a "
		"string\n"},
	{GOOD_RULE("transport = \"dot\";"),
		"error: t.conf:2: zones[0].allow[0].transport: unknown value "
		"\"dot\": "
		"must be one of \"udp\", \"tcp\"\n"},
	{GOOD_RULE("transfer = \"yes\";"),
		"error: t.conf:2: zones[0].allow[0].transfer: must be true or "
		"false\n"},
	{GOOD_RULE("lease = { default = \"2d\"; };"),
		"error: t.conf:2: zones[0].allow[0].lease: default (172800s) is "
		"not "
		"between min (30s) and max (86400s)\n"},
	{GOOD_RULE("lease = { min = \"1h\"; max = \"1m\"; };"),
		"error: t.conf:2: zones[0].allow[0].lease: min (3600s) is above "
		"max "
		"(60s)\n"},
	{GOOD_RULE("lease = { min = \"2h\"; key_max = \"1h\"; };"),
		"error: t.conf:2: zones[0].allow[0].lease: min (7200s) is above "
		"key_max (3600s)\n"},
	{GOOD_RULE("lease = { default = 0; key_max = \"1500ms\"; };"),
		"error: t.conf:2: zones[0].allow[0].lease.default: is not between 1s "
		"and 2147483647s\n"
		"error: t.conf:2: zones[0].allow[0].lease.key_max: must be whole "
		"seconds\n"},
	{GOOD_RULE("lease = true;"),
		"error: t.conf:2: zones[0].allow[0].lease: must be a group: { ... }\n"},
	{GOOD_RULE("merge = \"yes\"; adopt = 1;"),
		"error: t.conf:2: zones[0].allow[0].adopt: must be true or false\n"
		"error: t.conf:2: zones[0].allow[0].merge: must be true or false\n"},
	{GOOD_RULE("lease = { length = \"1h\"; };"),
		"error: t.conf:2: zones[0].allow[0].lease.length: unknown "
		"setting\n"},
	{GOOD_RULE("ptr = 1;"),
		"error: t.conf:2: zones[0].allow[0].ptr: must be true or "
		"false\n"},
};

static void bad_rules(void **state)
{
	(void)state;
	CHECK_BAD(bad_rules_table);
}

/* A secret must not stand in any message, whatever is wrong with it. */
static void messages_hold_no_secrets(void **state)
{
	static const char *const texts[] = {
		KEY("name = \"a\"; secret = \"SECRET!\";"),
		KEY("name = \"a\"; secret = [ \"SECRET\" ];"),
		KEY("name = \"a\"; secrets = \"SECRET\";"),
		KEY("name = \"a\"; secret = \"SECRET"),
		TARGET("type = \"powerdns\"; api_key = \"SECRET\";"),
		TARGET("type = \"powerdns\"; url = \"http://SECRET@host\";"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config_messages messages;
		struct config *config = NULL;
		assert_int_equal(
			config_parse_exact(&config, texts[i], &messages), -EINVAL);
		assert_null(strstr(messages.text, "SECRET"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_syntax),
		cmocka_unit_test(bad_top_level_settings),
		cmocka_unit_test(bad_keys),
		cmocka_unit_test(bad_zones),
		cmocka_unit_test(bad_targets),
		cmocka_unit_test(bad_rules),
		cmocka_unit_test(messages_hold_no_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
