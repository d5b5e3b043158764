/* muster-agent.conf: what is read, what defaults are, what is refused and how that is
 * said. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "agent_records.h"

#include "agent/config/config_read.h"

#define BASE "gateways = [ \"192.0.2.1\" ]; key_file = \"test.key\"; "

static char folder[] = "agent-config-XXXXXX";
static char messages[4096];

static void report(bool is_error, const char *message, void *arg)
{
	const size_t at = strlen(messages);

	(void)arg;
	snprintf(messages + at, sizeof(messages) - at, "%s%s\n",
		is_error ? "" : "warning ", message);
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, 0600), 0);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	write_file("test.key",
		"key \"host1.dyn.example.\" { algorithm hmac-sha256; secret "
		"\"c2VjcmV0\"; };\n");
	write_file("two.key",
		"hmac-sha256:a.dyn.example.:c2VjcmV0\nhmac-sha256:b.dyn.example.:"
		"c2VjcmV0\n");
	return 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"test.key", "two.key"};
	char path[128];

	(void)state;
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

static struct config *parse(const char *text)
{
	struct config *config = NULL;

	messages[0] = '\0';
	if (config_parse(&config, text, folder, report, NULL))
		fail_msg("%s", messages);
	return config;
}

static void defaults(void **state)
{
	struct config *config = parse(BASE);
	char text[NAME_TEXT_MAX];

	(void)state;
	assert_string_equal(messages, "");
	assert_string_equal(name_to_text(config->name, text), "host1.dyn.example.");
	assert_int_equal(config->zone_count, 1);
	assert_string_equal(name_to_text(config->zones[0], text), "dyn.example.");
	assert_string_equal(config->gateways[0].host, "192.0.2.1");
	assert_int_equal(config->gateways[0].port, 53);
	assert_int_equal(config->lease_s, 3600);
	assert_int_equal(config->ttl, 300);
	assert_int_equal(config->initial_delay_ms, 3000);
	assert_int_equal(config->publish, PUBLISH_A | PUBLISH_AAAA);
	assert_false(config->withdraw_on_exit);
	assert_int_equal(config->source_count, 1);
	assert_int_equal(config->sources[0].type, SOURCE_INTERFACES);
	assert_int_equal(config->sources[0].scopes, SCOPE_GLOBAL | SCOPE_PRIVATE);
	assert_int_equal(config->sources[0].include, 0);
	config_free(config);
}

static void everything(void **state)
{
	struct config *config = parse(
		"gateways = [ \"gw1.example:5300\", \"[2001:db8::1]:53\", "
		"\"2001:db8::2\" ];\n"
		"key_file = \"two.key\"; key = \"B.dyn.example\"; zone = [ "
		"\"dyn.example\", "
		"\"2.0.192.in-addr.arpa.\" ]; name = \"web\"; lease = \"15m\"; ttl = "
		"\"1m\";\n"
		"interfaces = [ \"eth0\" ]; publish = [ \"a\", \"SSHFP\", \"PTR\" ];\n"
		"withdraw_on_exit = true; initial_delay = \"250ms\"; timeout = \"2s\";\n"
		"transport = \"tcp\"; state = \"state.json\"; user = \"nobody\";\n"
		"pid_file = \"/run/a.pid\"; ssh_keys = \"/etc/ssh/*.pub\"; shared = "
		"true;\n"
		"records = [ \"@ TXT hello\", \"_ssh._tcp 60 SRV 0 0 22 @\" ];\n"
		"sources = ( { type = \"interfaces\"; include = [ \"temporary\" ]; scope "
		"= "
		"\"global\"; suffix = \"::1:2:3:4\"; },\n"
		" { type = \"hosts\"; path = \"hosts.d\"; ttl = 60; origin = \"sub\"; "
		"},\n"
		" { type = \"docker\"; grace = \"1m\"; address = \"host\"; network = "
		"\"web\"; },\n"
		" { type = \"docker\"; path = \"/run/e.sock\"; address = [ "
		"\"192.0.2.5\", "
		"\"2001:db8::5\" ]; },\n"
		" { type = \"whoami\"; interval = 0; publish = \"A\"; },\n"
		" { type = \"command\"; command = [ \"/bin/x\", \"y\" ]; timeout = "
		"\"1s\"; } );");
	char text[NAME_TEXT_MAX];

	(void)state;
	assert_string_equal(messages, "");
	assert_int_equal(config->gateway_count, 3);
	assert_string_equal(config->gateways[0].host, "gw1.example");
	assert_int_equal(config->gateways[0].port, 5300);
	assert_string_equal(config->gateways[1].host, "2001:db8::1");
	assert_string_equal(config->gateways[2].host, "2001:db8::2");
	assert_string_equal(name_to_text(config->key->name, text), "b.dyn.example.");
	assert_string_equal(name_to_text(config->name, text), "web.dyn.example.");
	assert_int_equal(config->lease_s, 900);
	assert_int_equal(config->initial_delay_ms, 250);
	assert_true(config->is_tcp && config->is_shared && config->withdraw_on_exit);
	assert_int_equal(config->publish, PUBLISH_A | PUBLISH_SSHFP | PUBLISH_PTR);
	assert_records(&config->records,
		"web TXT \"hello\"|_ssh._tcp.web SRV 0 0 22 web.dyn.example.|");
	assert_int_equal(config->source_count, 6);
	assert_true(config->sources[0].has_suffix);
	assert_int_equal(config->sources[0].suffix[7], 4);
	assert_string_equal(
		name_to_text(config->sources[1].origin, text), "sub.dyn.example.");
	assert_true(config->sources[2].is_host_address);
	assert_int_equal(config->sources[2].grace_ms, 60000);
	assert_string_equal(config->sources[2].path, "/var/run/docker.sock");
	assert_int_equal(config->sources[3].address_count, 2);
	assert_int_equal(config->sources[3].addresses[1].family, 6);
	assert_int_equal(config->sources[4].interval_s, 0);
	assert_int_equal(config->sources[4].publish, PUBLISH_A);
	assert_string_equal(config->sources[5].command[1], "y");
	assert_string_equal(
		name_to_text(config->sources[5].origin, text), "web.dyn.example.");
	config_free(config);
}

static void records_are_claimed_unless_shared(void **state)
{
	struct config *config = parse(BASE "records = \"@ TXT x\";");

	(void)state;
	assert_records(&config->records, "host1 TXT|host1 TXT \"x\"|");
	config_free(config);
}

static const struct {
	const char *text, *message;
} wrong[] = {
	{"", "text:1: gateways: is missing"},
	{"gateways = \"a\";", "text:1: key_file: is missing"},
	{BASE "leas = 3;", "text:1: leas: unknown setting (did you mean \"lease\"?)"},
	{BASE "colour = 3;", "text:1: colour: unknown setting"},
	{BASE "lease = \"1y\";", "text:1: lease: must be a time"},
	{BASE "lease = 1;", "text:1: lease: is not between 2s and 30d"},
	{BASE "lease = 1.5;", "text:1: lease: 1.5 is not a whole number"},
	{BASE "lease = 99999999999;", "text:1: lease: is not between"},
	{BASE "\nttl = -1;", "text:2: ttl: is not between 0s and 7d"},
	{BASE "initial_delay = \"4s\";",
		"text:1: initial_delay: is not between 0s and 3s"},
	{BASE "publish = [ \"MX\" ];",
		"publish[0]: unknown value \"MX\": must be one of \"A\", \"AAAA\", "
		"\"SSHFP\""},
	{BASE "transport = \"quic\";",
		"transport: unknown value \"quic\": must be one of \"udp\", \"tcp\""},
	{BASE "withdraw_on_exit = 1;", "withdraw_on_exit: must be true or false"},
	{BASE "zone = \"example.net\";", "does not lie in any zone"},
	{BASE "zone = \"a..b\";", "zone: \"a..b\" is not a domain name"},
	{BASE "name = \"x.example.net.\"; zone = \"dyn.example.\";",
		"name: x.example.net. does not lie in any zone"},
	{BASE "key = \"other.\";", "key: there is no such key"},
	{"gateways = \"a\"; key_file = \"none.key\";", "key_file: "},
	{"gateways = \"a\"; key_file = \"two.key\";",
		"key: is missing: key_file holds 2"},
	{"gateways = [ \"a:b\" ]; key_file = \"test.key\";", "\"a:b\" is not a gateway"},
	{"gateways = [ \"a:0\" ]; key_file = \"test.key\";", "\"a:0\" is not a gateway"},
	{"gateways = [ \"a:65536\" ]; key_file = \"test.key\";", "is not a gateway"},
	{"gateways = [ \"[::1\" ]; key_file = \"test.key\";", "is not a gateway"},
	{"gateways = [ \"\" ]; key_file = \"test.key\";",
		"gateways[0]: must not be empty"},
	{"gateways = [ ]; key_file = \"test.key\";", "gateways: must not be empty"},
	{BASE "sources = ( { } );", "sources[0].type: is missing: interfaces, hosts"},
	{BASE "sources = ( { type = \"x\"; } );", "sources[0].type: unknown value \"x\""},
	{BASE "sources = [ ];", "sources: must be a list"},
	{BASE "sources = ( { type = \"hosts\"; } );",
		"sources[0].path: is missing: a hosts file"},
	{BASE "sources = ( { type = \"command\"; } );", "sources[0].command: is missing"},
	{BASE "sources = ( { type = \"command\"; command = \"x\"; } );",
		"must begin with the path of a program"},
	{BASE "sources = ( { type = \"hosts\"; path = \"a\"; grace = 1; } );",
		"sources[0].grace: has no meaning for a source of this type"},
	{BASE "sources = ( { type = \"hosts\"; paht = \"a\"; } );",
		"sources[0].paht: unknown setting (did you mean \"path\"?)"},
	{BASE "sources = ( { type = \"interfaces\"; suffix = \"x\"; } );",
		"sources[0].suffix: must be the end of an IPv6 address"},
	{BASE "sources = ( { type = \"interfaces\"; suffix = \"::1:2:3:4:5\"; } );",
		"sources[0].suffix: must be the end of an IPv6 address"},
	{BASE "sources = ( { type = \"docker\"; address = \"x\"; } );",
		"sources[0].address: must be \"container\", \"host\", or "
		"addresses"},
	{BASE "sources = ( { type = \"hosts\"; path = \"a\"; origin = "
	      "\"x.net.\"; } );",
		"sources[0].origin: lies in none of the zones"},
	{BASE "records = [ \"@ A x\" ];", "records[0]: \"@ A x\": 'x' where"},
	{BASE "records = [ \"a.net. A 192.0.2.1\" ];", "lies in none of the zones"},
	{"gateways = ", "text:1: gateways: a value expected, not the end of the file"},
};

static void what_is_wrong_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct config *config = NULL;

		messages[0] = '\0';
		if (config_parse(&config, wrong[i].text, folder, report, NULL) != -EINVAL)
			fail_msg("taken: %s", wrong[i].text);
		if (!strstr(messages, wrong[i].message))
			fail_msg("%s: %s", wrong[i].text, messages);
	}
}

static void short_leases_are_warned_of(void **state)
{
	struct config *config = parse(BASE "lease = \"10s\";");

	(void)state;
	assert_non_null(
		strstr(messages, "warning text:1: lease: servers need not grant"));
	config_free(config);
}

static void names_are_completed_as_people_write_them(void **state)
{
	struct config *config =
		parse(BASE "zone = [ \"dyn.example\", \"sub.dyn.example\" ];");
	const uint8_t *origin = config->zones[0];
	uint8_t name[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];

	(void)state;
	assert_int_equal(config_complete_name(config, origin, "Web", name), 0);
	assert_string_equal(name_to_text(name, text), "web.dyn.example.");
	assert_int_equal(
		config_complete_name(config, origin, "a.sub.dyn.example", name), 0);
	assert_string_equal(
		name_to_text(config_find_zone(config, name), text), "sub.dyn.example.");
	assert_int_equal(
		config_complete_name(config, origin, "a.example.net", name), -EINVAL);
	assert_int_equal(config_complete_name(config, origin, "a..b", name), -EINVAL);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(everything),
		cmocka_unit_test(records_are_claimed_unless_shared),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(short_leases_are_warned_of),
		cmocka_unit_test(names_are_completed_as_people_write_them),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
