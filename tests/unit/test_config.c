/*
 * musterd.conf: what good files turn into, field by field, and which warnings they bring.
 * Bad ones are in test_config_bad.c, files that a configuration names in
 * test_config_files.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <cmocka.h>

#include "tests/unit/config_messages.h"

static struct config *parse_good(const char *text, const char *warnings)
{
	struct config *config = NULL;
	struct config_messages messages;

	int err = config_parse_exact(&config, text, &messages);
	assert_string_equal(messages.text, warnings);
	assert_int_equal(err, 0);
	assert_non_null(config);
	return config;
}

static void assert_name(const uint8_t *name, const char *text)
{
	char buf[NAME_TEXT_MAX];

	assert_string_equal(name_to_text(name, buf), text);
}

static const uint8_t *wire(const char *text)
{
	static uint8_t name[NAME_MAX_LEN];
	static const uint8_t root[] = {0};

	assert_int_equal(name_from_text(name, text, root), 0);
	return name;
}

/* ---- good files ---- */

static void an_empty_file_has_defaults(void **state)
{
	(void)state;
	struct config *c = parse_good(
		"", "warning: t.conf:1: zones: is missing: no update is accepted\n");

	assert_int_equal(c->listen_count, 2);
	assert_string_equal(c->listen[0].text, "0.0.0.0#53");
	assert_string_equal(c->listen[1].text, "::#53");
	assert_null(c->user);
	assert_string_equal(c->database, "/var/lib/muster/muster.db");
	assert_null(c->pid_file);
	assert_null(c->control);
	assert_int_equal(c->http.len, 0);
	assert_in_range(c->threads, 1, 64);
	assert_int_equal(c->audit_days, 30);
	assert_int_equal(keyring_fudge_max(c->keys), 1800);
	assert_int_equal(c->tcp_idle_timeout_ms, 30000);
	assert_non_null(c->keys);
	assert_int_equal(keyring_count(c->keys), 0);
	assert_int_equal(c->zone_count, 0);
	assert_null(config_find_zone(c, wire("example.")));
	assert_null(config_find_enclosing_zone(c, wire("a.example.")));
	config_unref(c);
}

static void top_level_settings_are_read(void **state)
{
	static const char text[] =
		"listen = ( { address = \"127.0.0.1\"; port = 5300; },\n"
		"           { address = \"2001:DB8:0::1\"; }, \n"
		"           { address = \"127.0.0.1\"; port = 0; },\n"
		"           { address = \"127.0.0.1\"; port = 0; } );\n"
		"user = \"muster\"; database = \"/tmp/x.db\"; pid_file = "
		"\"/run/m.pid\";\n"
		"control = \"/run/m.sock\"; http = { };\n"
		"threads = 3; audit_days = 7; max_fudge = \"5m\"; weak_keys = false; "
		"key_files = [ ]; "
		"tcp_idle_timeout = \"90s\";\n"
		"zones = ( );\n";

	(void)state;
	struct config *c = parse_good(
		text, "warning: t.conf:1: zones: is missing: no update is accepted\n");

	assert_int_equal(c->listen_count, 4);
	assert_string_equal(c->listen[0].text, "127.0.0.1#5300");
	assert_int_equal(c->listen[0].storage.ss_family, AF_INET);
	assert_int_equal(c->listen[0].len, sizeof(struct sockaddr_in));
	assert_string_equal(c->listen[1].text, "2001:db8::1#53");
	assert_int_equal(c->listen[1].storage.ss_family, AF_INET6);
	assert_int_equal(c->listen[1].len, sizeof(struct sockaddr_in6));
	assert_string_equal(c->listen[3].text, "127.0.0.1#0");
	assert_string_equal(c->user, "muster");
	assert_string_equal(c->database, "/tmp/x.db");
	assert_string_equal(c->pid_file, "/run/m.pid");
	assert_string_equal(c->control, "/run/m.sock");
	assert_string_equal(c->http.text, "127.0.0.1#8053");
	assert_int_equal(c->threads, 3);
	assert_int_equal(c->audit_days, 7);
	assert_int_equal(keyring_fudge_max(c->keys), 300);
	assert_int_equal(c->tcp_idle_timeout_ms, 90000);
	config_unref(c);
}

static void a_zone_has_defaults(void **state)
{
	(void)state;
	struct config *c = parse_good("zones = ( { name = \"Dyn.Example\"; } );\n",
		"warning: t.conf:1: zones[0].allow: is missing: every update is "
		"refused\n");
	const struct config_zone *zone = &c->zones[0];

	assert_int_equal(c->zone_count, 1);
	assert_name(zone->name, "dyn.example.");
	assert_string_equal(zone->text, "dyn.example.");
	assert_int_equal(zone->ack, CONFIG_ACK_WAIT);
	assert_int_equal(zone->ack_timeout_ms, 0);
	assert_int_equal(zone->refresh_s, 60);
	assert_int_equal(zone->max_size, 1 << 30);
	assert_null(zone->mname);
	assert_int_equal(zone->query_from_count, 0);
	assert_int_equal(zone->policy.count, 0);
	assert_int_equal(zone->target_count, 1);
	assert_int_equal(zone->targets[0].type, CONFIG_TARGET_LOCAL);
	assert_string_equal(zone->targets[0].id, "local");
	assert_null(zone->targets[0].file);
	assert_int_equal(zone->targets[0].notify_count, 0);
	assert_int_equal(zone->targets[0].timeout_ms, 5000);
	assert_int_equal(zone->expiry.grace_ms, 0);
	assert_int_equal(zone->expiry.brake_percent, 30);
	assert_int_equal(zone->expiry.brake_count, 50);
	assert_null(zone->on_stale);
	assert_null(zone->on_expire);
	config_unref(c);
}

static const char zone_text[] =
	"keys = ( { name = \"K.example\"; secret = \"c2VjcmV0\"; } );\n"
	"zones = (\n"
	"{ allow = ( ); name = \"a.example.\"; ack = \"durable\";\n"
	"  ack_timeout = \"500ms\"; refresh = \"15m\"; max_size = 5; mname = "
	"\"GW.example\";\n"
	"  query_from = [ \"192.0.2.0/24\", \"2001:db8::1\" ];\n"
	"  targets = ( { type = \"local\"; file = \"/z\"; timeout = 7;\n"
	"      notify = [ \"127.0.0.1#5301\", \"127.0.0.1:5302\", \"[::1]:53\",\n"
	"                 \"::1\", \"192.0.2.1\", \"2001:db8::1#54\" ]; },\n"
	"    { type = \"ddns\"; address = \"192.0.2.53\"; key = \"K.EXAMPLE.\"; "
	"},\n"
	"    { type = \"ddns\"; address = \"::1\"; port = 5353; } ); } );\n";

static void secondaries_and_transfers_have_keys(void **state)
{
	(void)state;
	struct config *c = parse_good(
		"keys = ( { name = \"k\"; secret = \"c2VjcmV0\"; },\n"
		"         { name = \"x\"; secret = \"c2VjcmV0\"; } );\n"
		"zones = ( { name = \"a.example.\"; targets = (\n"
		" { type = \"local\"; notify = ( \"192.0.2.1\", { address = \"::1\"; "
		"port = 54;\n"
		"   key = \"k\"; source = \"2001:db8::1\"; } ); },\n"
		" { type = \"ddns\"; address = \"192.0.2.53\"; key = \"k\"; },\n"
		" { type = \"ddns\"; address = \"192.0.2.54\"; key = \"k\";\n"
		"   transfer_key = \"x\"; } ); allow = ( ); } );\n",
		"");
	const struct config_target *targets = c->zones[0].targets;
	const struct config_secondary *secondary = targets[0].notify;
	const struct tsig_key *k = keyring_find(c->keys, wire("k.")),
			      *x = keyring_find(c->keys, wire("x."));

	assert_int_equal(targets[0].notify_count, 2);
	assert_string_equal(secondary[0].address.text, "192.0.2.1#53");
	assert_null(secondary[0].key);
	assert_int_equal(secondary[0].source.len, 0);
	assert_string_equal(secondary[1].address.text, "::1#54");
	assert_ptr_equal(secondary[1].key, k);
	assert_string_equal(secondary[1].source.text, "2001:db8::1#0");
	assert_ptr_equal(targets[1].transfer_key, k);
	assert_ptr_equal(targets[2].key, k);
	assert_ptr_equal(targets[2].transfer_key, x);
	config_unref(c);
}

static void zone_settings_are_read(void **state)
{
	(void)state;
	struct config *c = parse_good(zone_text, "");
	const struct config_zone *zone = &c->zones[0];
	const struct config_target *local = &zone->targets[0];

	assert_int_equal(zone->ack, CONFIG_ACK_DURABLE);
	assert_int_equal(zone->ack_timeout_ms, 500);
	assert_int_equal(zone->refresh_s, 900);
	assert_int_equal(zone->max_size, 5 << 20);
	assert_name(zone->mname, "gw.example.");
	assert_int_equal(zone->query_from_count, 2);
	assert_int_equal(zone->query_from[0].bits, 24);
	assert_int_equal(zone->query_from[1].bits, 128);
	assert_int_equal(zone->target_count, 3);
	assert_string_equal(local->file, "/z");
	assert_int_equal(local->timeout_ms, 7000);
	assert_int_equal(local->notify_count, 6);
	assert_string_equal(local->notify[0].address.text, "127.0.0.1#5301");
	assert_string_equal(local->notify[1].address.text, "127.0.0.1#5302");
	assert_string_equal(local->notify[2].address.text, "::1#53");
	assert_string_equal(local->notify[3].address.text, "::1#53");
	assert_string_equal(local->notify[4].address.text, "192.0.2.1#53");
	assert_string_equal(local->notify[5].address.text, "2001:db8::1#54");
	assert_int_equal(zone->targets[1].type, CONFIG_TARGET_DDNS);
	assert_string_equal(zone->targets[1].id, "ddns 192.0.2.53#53");
	assert_string_equal(zone->targets[1].servers[0].text, "192.0.2.53#53");
	assert_ptr_equal(zone->targets[1].key, keyring_find(c->keys, wire("k.example.")));
	assert_non_null(zone->targets[1].key);
	assert_string_equal(zone->targets[2].id, "ddns ::1#5353");
	assert_null(zone->targets[2].key);
	config_unref(c);
}

static void a_target_has_several_addresses(void **state)
{
	struct config *c = parse_good(
		"zones = ( { name = \"example.\"; targets = ( { type = \"ddns\";\n"
		"  address = [ \"ns1.Example.\", \"192.0.2.1\", \"[::1]:54\",\n"
		"              \"ns2:55\" ]; port = 5353; } );\n"
		"  allow = ( { keys = \"*\"; match = \"zone\"; } ); } );\n",
		"");
	const struct config_target *target = &c->zones[0].targets[0];
	static const char *const texts[] = {
		"ns1.Example#5353", "192.0.2.1#5353", "::1#54", "ns2#55"};

	(void)state;
	assert_int_equal(target->server_count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(target->servers[i].text, texts[i]);
	assert_string_equal(target->id, "ddns ns1.Example#5353");
	assert_string_equal(target->servers[0].host, "ns1.Example");
	assert_int_equal(target->servers[0].address.len, 0);
	assert_null(target->servers[2].host);
	assert_int_equal(target->servers[3].port, 55);
	config_unref(c);
}

static void a_rule_has_defaults(void **state)
{
	(void)state;
	struct config *c =
		parse_good("zones = ( { name = \"example.\";\n"
			   "  allow = ( { keys = \"*\"; match = \"zone\"; } ); } );\n",
			"");
	const struct policy_rule *rule = &c->zones[0].policy.rules[0];

	assert_int_equal(c->zones[0].policy.count, 1);
	assert_int_equal(rule->key_count, 1);
	assert_name(rule->keys[0], "*.");
	assert_int_equal(rule->match, POLICY_MATCH_ZONE);
	assert_int_equal(rule->name_count, 0);
	assert_int_equal(rule->type_count, 0);
	assert_int_equal(rule->operations, POLICY_ADD | POLICY_DELETE);
	assert_int_equal(rule->data_count, 0);
	assert_int_equal(rule->data_name_count, 0);
	assert_false(rule->data_source);
	assert_int_equal(rule->max_records, 0);
	assert_int_equal(rule->max_names, 0);
	assert_int_equal(rule->max_size, 0);
	assert_int_equal(rule->from_count, 0);
	assert_int_equal(rule->transports, POLICY_UDP | POLICY_TCP);
	assert_false(rule->transfer);
	assert_false(rule->has_lease);
	assert_false(rule->adopt);
	assert_false(rule->ptr);
	assert_false(rule->merge);
	assert_int_equal(rule->line, 2);
	config_unref(c);
}

static const char rule_text[] =
	"zones = ( { name = \"Example\"; allow = (\n"
	"{ keys = [ \"*.Dyn.example\" ]; match = \"pattern\";\n"
	"  names = [ \"_acme-challenge.*\", \"*.B.example.\", \"@\" ];\n"
	"  types = [ \"a\", \"TYPE65280\", \"ANY\" ]; operations = \"add\";\n"
	"  data = [ \"192.0.2.0/24\", \"source\", \"*.hosts\", "
	"\"2001:db8::/32\",\n"
	"           \"0/25.2.0.192.in-addr.arpa.\" ];\n"
	"  ttl = { min = 60; max = \"1h\"; }; max_records = 8; rate = 10;\n"
	"  max_names = 100; max_size = 65536;\n"
	"  from = \"10.0.0.0/8\"; transport = [ \"tcp\" ]; transfer = true;\n"
	"  lease = { default = \"2h\"; }; ptr = true; adopt = false; "
	"merge = true; },\n"
	"{ keys = \"*\"; match = \"self\"; lease = { min = 1; max = \"7d\"; }; "
	"},\n"
	"{ keys = \"*\"; transfer = true; }\n"
	"); } );\n";

#define PINNED(name) "{ name = \"" name "\"; targets = " LOCAL "; allow = (); }"
#define LOCAL        "( { type = \"local\"; } )"

/* What has to do with PTR records stands together, also when the rule is gone. */
static void zones_are_pinned_to_threads(void **state)
{
	static const char with_ptr[] =
		"zone_threads = 3;\n"
		"zones = ( { name = \"ptr.example.\"; targets = " LOCAL ";\n"
		"  allow = ( { keys = \"*\"; match = \"self\"; ptr = true; } ); "
		"},\n" PINNED("2.0.192.in-addr.arpa.") "," PINNED("plain.example.") ");";
	static const char without[] =
		"zones = (" PINNED("ptr.example.") "," PINNED("plain.example.") ");";
	struct config *before = parse_good(with_ptr, "");
	struct config *after = parse_good(without, "");

	(void)state;
	assert_int_equal(before->zone_threads, 3);
	assert_int_equal(before->zones[0].pin, CONFIG_PIN_PTR);
	assert_int_equal(before->zones[1].pin, CONFIG_PIN_PTR);
	assert_int_not_equal(before->zones[2].pin, CONFIG_PIN_PTR);
	assert_int_not_equal(after->zones[0].pin, CONFIG_PIN_PTR);
	config_keep_pins(after, before);
	assert_int_equal(after->zones[0].pin, CONFIG_PIN_PTR);
	assert_int_equal(after->zones[1].pin, before->zones[2].pin);
	for (unsigned count = 1; count < 5; count++)
		assert_true(config_zone_thread(&after->zones[1], count) < count);
	config_unref(before);
	config_unref(after);
}

static void assert_names_and_data(const struct policy_rule *rule)
{
	assert_name(rule->keys[0], "*.dyn.example.");
	assert_int_equal(rule->match, POLICY_MATCH_PATTERN);
	assert_int_equal(rule->name_count, 3);
	assert_name(rule->names[0], "_acme-challenge.*.example.");
	assert_name(rule->names[1], "*.b.example.");
	assert_name(rule->names[2], "example.");
	assert_int_equal(rule->type_count, 3);
	assert_int_equal(rule->types[0], TYPE_A);
	assert_int_equal(rule->types[1], 65280);
	assert_int_equal(rule->types[2], TYPE_ANY);
	assert_int_equal(rule->operations, POLICY_ADD);
	assert_int_equal(rule->data_count, 2);
	assert_int_equal(rule->data[0].bits, 24);
	assert_int_equal(rule->data[1].bits, 32);
	assert_true(rule->data_source);
	assert_int_equal(rule->data_name_count, 2);
	assert_name(rule->data_names[0], "*.hosts.example.");
	assert_name(rule->data_names[1], "0/25.2.0.192.in-addr.arpa.");
	assert_int_equal(rule->ttl_min, 60);
	assert_int_equal(rule->ttl_max, 3600);
}

static void assert_limits(const struct policy_rule *rule)
{
	assert_int_equal(rule->max_records, 8);
	assert_int_equal(rule->max_names, 100);
	assert_int_equal(rule->max_size, 65536);
	assert_int_equal(rule->from_count, 1);
	assert_int_equal(rule->from[0].bits, 8);
	assert_int_equal(rule->transports, POLICY_TCP);
	assert_true(rule->transfer);
	assert_true(rule->has_lease);
	assert_int_equal(rule->lease_default_s, 7200);
	assert_int_equal(rule->lease_min_s, 30);
	assert_int_equal(rule->lease_max_s, 86400);
	assert_int_equal(rule->lease_key_max_s, 7 * 86400);
	assert_true(rule->ptr);
	assert_false(rule->adopt);
	assert_true(rule->merge);
	assert_int_equal(rule->line, 2);
}

static void rule_settings_are_read(void **state)
{
	(void)state;
	struct config *c = parse_good(rule_text,
		"warning: t.conf:7: zones[0].allow[0].rate: has no effect in this "
		"version\n"
		"warning: t.conf:10: zones[0].allow[0].ptr: has no effect: no reverse "
		"zone is served here\n");
	const struct policy_rule *rule = &c->zones[0].policy.rules[0];

	assert_int_equal(c->zones[0].policy.count, 3);
	assert_names_and_data(rule);
	assert_limits(rule);

	assert_int_equal(rule[1].match, POLICY_MATCH_SELF);
	assert_int_equal(rule[1].lease_default_s, 0);
	assert_int_equal(rule[1].lease_min_s, 1);
	assert_int_equal(rule[1].lease_max_s, 7 * 86400);
	assert_int_equal(rule[1].lease_key_max_s, 7 * 86400);
	assert_false(rule[1].ptr);
	assert_false(rule[1].merge);
	assert_int_equal(rule[1].line, 11);

	/* Neither match nor anything else about updates: transfers, and no update. */
	assert_true(rule[2].transfer);
	assert_int_equal(rule[2].operations, 0);
	config_unref(c);
}

static void the_settings_of_leases_are_read(void **state)
{
	static const char text[] =
		"zones = ( { name = \"example.\"; allow = (\n"
		"{ keys = \"*\"; match = \"self\";\n"
		"  lease = { default = 60; max = \"2h\"; key_max = \"30d\"; }; },\n"
		"{ keys = \"*\"; match = \"self\"; lease = { }; },\n"
		"{ keys = \"*\"; match = \"self\"; lease = { key_max = \"1h\"; };\n"
		"  adopt = true; } );\n"
		"  expiry = { grace = \"1500ms\"; brake_percent = 100; brake_count = 0; "
		"};\n"
		"  on_stale = \"/usr/local/bin/tell\";\n"
		"  on_expire = \"https://hooks.example:8443/muster?to=noc\"; } );\n";
	struct config *c = parse_good(text, "");
	const struct config_zone *zone = &c->zones[0];
	const struct policy_rule *rules = zone->policy.rules;

	(void)state;
	assert_int_equal(rules[0].lease_default_s, 60);
	assert_int_equal(rules[0].lease_max_s, 7200);
	assert_int_equal(rules[0].lease_key_max_s, 30 * 86400);
	assert_true(rules[1].has_lease);
	assert_int_equal(rules[1].lease_default_s, 0);
	assert_int_equal(rules[1].lease_min_s, 30);
	assert_int_equal(rules[1].lease_max_s, 86400);
	assert_int_equal(rules[1].lease_key_max_s, 7 * 86400);
	assert_int_equal(rules[2].lease_max_s, 86400);
	assert_int_equal(rules[2].lease_key_max_s, 3600);
	assert_true(rules[2].adopt);
	assert_int_equal(zone->expiry.grace_ms, 1500);
	assert_int_equal(zone->expiry.brake_percent, 100);
	assert_int_equal(zone->expiry.brake_count, 0);
	assert_string_equal(zone->on_stale, "/usr/local/bin/tell");
	assert_string_equal(zone->on_expire, "https://hooks.example:8443/muster?to=noc");
	config_unref(c);
}

#define REVERSE_RULE                                                                     \
	"zones = ( { name = \"example.\"; allow = (\n"                                   \
	"{ keys = \"*\"; match = \"self\"; types = \"AAAA\"; ptr = true; } ); }"

static void ptr_needs_a_reverse_zone(void **state)
{
	static const char *const zones[] = {
		"2.0.192.in-addr.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa.", "arpa.", "."};
	char text[512];

	(void)state;
	config_unref(parse_good(REVERSE_RULE " );",
		"warning: t.conf:2: zones[0].allow[0].ptr: has no effect: no reverse "
		"zone is served here\n"));
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		snprintf(text, sizeof(text), "%s, { name = \"%s\"; allow = ( ); } );",
			REVERSE_RULE, zones[i]);
		config_unref(parse_good(text, ""));
	}
}

static void settings_without_effect_are_worth_a_warning(void **state)
{
	static const char text[] =
		"zones = ( { name = \"2.0.192.in-addr.arpa\"; allow = (\n"
		"{ keys = \"*\"; match = \"zone\"; types = [ \"TXT\", \"PTR\" ]; ptr = "
		"true; },\n"
		"{ keys = \"*\"; match = \"zone\"; operations = \"delete\"; ptr = true; "
		"},\n"
		"{ keys = \"*\"; match = \"zone\"; adopt = true; },\n"
		"{ keys = \"*\"; match = \"zone\"; merge = true; },\n"
		"{ keys = \"*\"; match = \"zone\"; types = \"ANY\"; ptr = true; adopt = "
		"true; }\n"
		"); } );\n";

	(void)state;
	config_unref(parse_good(text,
		"warning: t.conf:2: zones[0].allow[0].ptr: has no effect: the rule "
		"allows "
		"no addresses to be added\n"
		"warning: t.conf:3: zones[0].allow[1].ptr: has no effect: the rule "
		"allows "
		"no addresses to be added\n"
		"warning: t.conf:4: zones[0].allow[2].adopt: has no effect without lease "
		"or ptr\n"
		"warning: t.conf:5: zones[0].allow[3].merge: without lease what the rule "
		"adds is permanent, and not spared\n"));
}

static void keys_are_read(void **state)
{
	static const char text[] =
		"keys = (\n"
		"  { name = \"Roll\"; algorithm = \"hmac-sha512\"; secret = \"b2xk\";\n"
		"    not_before = \"1970-01-01T00:00:01Z\";\n"
		"    not_after = \"2026-12-31T23:59:59Z\"; },\n"
		"  { name = \"roll.\"; algorithm = \"hmac-sha256-128\"; secret = "
		"\"bmV3\"; } "
		");\n"
		"zones = ( );\n";

	(void)state;
	struct config *c = parse_good(
		text, "warning: t.conf:1: zones: is missing: no update is accepted\n");
	const struct tsig_key *key = keyring_find(c->keys, wire("roll."));

	assert_int_equal(keyring_count(c->keys), 2);
	assert_non_null(key);
	assert_non_null(key->next_secret);
	const struct tsig_key *old = key->alg == HMAC_SHA512 ? key : key->next_secret;
	const struct tsig_key *new = key->alg == HMAC_SHA512 ? key->next_secret : key;
	assert_int_equal(old->alg, HMAC_SHA512);
	assert_int_equal(old->mac_min, 64);
	assert_int_equal(old->secret_len, 3);
	assert_memory_equal(old->secret, "old", 3);
	assert_int_equal(old->not_before, 1);
	assert_int_equal(old->not_after, 1798761599);
	assert_memory_equal(new->secret, "new", 3);
	assert_int_equal(new->alg, HMAC_SHA256);
	assert_int_equal(new->mac_min, 16);
	assert_true(new->not_before == INT64_MIN);
	assert_true(new->not_after == INT64_MAX);
	config_unref(c);
}

static const char weak_text[] =
	"keys = ( { name = \"a.\"; algorithm = \"hmac-md5\"; secret = \"b2xk\"; },\n"
	"         { name = \"b.\"; secret = \"b2xk\"; } );\n"
	"zones = ( { name = \"example.\"; allow = ( { keys = [ \"a.\", \"b.\", \"c.\", "
	"\"*.d.\" ];\n"
	"  match = \"zone\"; } ); } );\n";

static void weak_keys_load_with_a_warning(void **state)
{
	(void)state;
	struct config *c = parse_good(weak_text,
		"warning: t.conf:1: keys: keys of weak algorithms: a. (hmac-md5)\n"
		"warning: t.conf:3: zones[0].allow[0].keys[2]: no such key in "
		"key_files: c.\n");

	assert_int_equal(keyring_count(c->keys), 2);
	assert_non_null(keyring_find(c->keys, wire("a.")));
	config_unref(c);
}

static void weak_keys_can_be_refused(void **state)
{
	char text[1024];

	(void)state;
	snprintf(text, sizeof(text), "%sweak_keys = false;\n", weak_text);
	struct config *c = parse_good(text,
		"warning: t.conf:5: weak_keys: key a. is not loaded: hmac-md5 is weak\n"
		"warning: t.conf:3: zones[0].allow[0].keys[0]: no such key in "
		"key_files: a.\n"
		"warning: t.conf:3: zones[0].allow[0].keys[2]: no such key in "
		"key_files: c.\n");

	assert_int_equal(keyring_count(c->keys), 1);
	assert_null(keyring_find(c->keys, wire("a.")));
	assert_non_null(keyring_find(c->keys, wire("b.")));
	config_unref(c);
}

static void many_weak_keys_are_one_warning(void **state)
{
	char text[4096] = "keys = (";
	struct config_messages messages;
	struct config *c = NULL;

	(void)state;
	for (int i = 0; i < 20; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			"%s{ name = \"k%d\"; algorithm = \"hmac-sha1\"; secret = "
			"\"b2xk\"; "
			"}",
			i ? ",\n" : "", i);
	strcat(text, "); zones = ( { name = \"example.\"; allow = ( ); } );");
	assert_int_equal(config_parse_exact(&c, text, &messages), 0);
	assert_int_equal(keyring_count(c->keys), 20);
	assert_non_null(strstr(messages.text, " (hmac-sha1) and 12 more\n"));
	assert_ptr_equal(strchr(messages.text, '\n'), strrchr(messages.text, '\n'));
	config_unref(c);
}

/* ---- finding zones ---- */

static void zones_are_found_by_name(void **state)
{
	(void)state;
	struct config *c =
		parse_good("zones = ( { name = \"example.\"; allow = ( ); },\n"
			   "          { name = \"sub.dyn.example.\"; allow = ( ); },\n"
			   "          { name = \"ample.\"; allow = ( ); } );\n",
			"");
	const struct config_zone *z = c->zones;

	assert_ptr_equal(config_find_zone(c, wire("example.")), &z[0]);
	assert_ptr_equal(config_find_zone(c, wire("ample.")), &z[2]);
	assert_null(config_find_zone(c, wire("dyn.example.")));
	assert_null(config_find_zone(c, wire(".")));
	assert_ptr_equal(config_find_enclosing_zone(c, wire("example.")), &z[0]);
	assert_ptr_equal(config_find_enclosing_zone(c, wire("a.b.c.example.")), &z[0]);
	assert_ptr_equal(config_find_enclosing_zone(c, wire("dyn.example.")), &z[0]);
	assert_ptr_equal(config_find_enclosing_zone(c, wire("sub.dyn.example.")), &z[1]);
	assert_ptr_equal(
		config_find_enclosing_zone(c, wire("h.sub.dyn.example.")), &z[1]);
	assert_null(config_find_enclosing_zone(c, wire("other.")));
	assert_null(config_find_enclosing_zone(c, wire(".")));

	struct config *again = config_ref(c);
	config_unref(c);
	assert_ptr_equal(config_find_zone(again, wire("example.")), &again->zones[0]);
	config_unref(again);
	config_unref(NULL);
}

static void the_root_zone_encloses_all(void **state)
{
	(void)state;
	struct config *c = parse_good("zones = ( { name = \".\"; allow = ( ); } );", "");

	assert_ptr_equal(config_find_enclosing_zone(c, wire("a.example.")), c->zones);
	assert_ptr_equal(config_find_enclosing_zone(c, wire(".")), c->zones);
	config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_has_defaults),
		cmocka_unit_test(top_level_settings_are_read),
		cmocka_unit_test(a_zone_has_defaults),
		cmocka_unit_test(zone_settings_are_read),
		cmocka_unit_test(secondaries_and_transfers_have_keys),
		cmocka_unit_test(a_target_has_several_addresses),
		cmocka_unit_test(a_rule_has_defaults),
		cmocka_unit_test(rule_settings_are_read),
		cmocka_unit_test(zones_are_pinned_to_threads),
		cmocka_unit_test(the_settings_of_leases_are_read),
		cmocka_unit_test(ptr_needs_a_reverse_zone),
		cmocka_unit_test(settings_without_effect_are_worth_a_warning),
		cmocka_unit_test(keys_are_read),
		cmocka_unit_test(weak_keys_load_with_a_warning),
		cmocka_unit_test(weak_keys_can_be_refused),
		cmocka_unit_test(many_weak_keys_are_one_warning),
		cmocka_unit_test(zones_are_found_by_name),
		cmocka_unit_test(the_root_zone_encloses_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
