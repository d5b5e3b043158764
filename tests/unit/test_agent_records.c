/* Records of the agent: sets, lines of text, hosts files, ssh's keys. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "agent_records.h"

#include "agent/sources/hosts_file.h"
#include "agent/records/record_text.h"
#include "agent/sources/source.h"
#include "agent/sources/sshfp.h"

static const uint8_t zone[] = "\003dyn\007example";
static const uint8_t host[] = "\005host1\003dyn\007example";

static void a_set_is_sorted_claims_first_and_without_twins(void **state)
{
	struct records set = {0};

	(void)state;
	agent_records_add(&set,
		(const char *[]){"b A 192.0.2.2", "a TXT \"x\"", "b A", "b A 192.0.2.1",
			"a A 192.0.2.3", "b A 192.0.2.2", "b A", NULL});
	assert_records(
		&set, "a A 192.0.2.3|a TXT \"x\"|b A|b A 192.0.2.1|b A 192.0.2.2|");
	records_clear(&set);
}

/* RFC 2181 5.2 */
static void one_rrset_has_one_ttl(void **state)
{
	struct records set = {0};

	(void)state;
	agent_records_add(&set,
		(const char *[]){"a 600 A 192.0.2.2", "a 60 A 192.0.2.1",
			"a 900 A 192.0.2.1", "b 900 A 192.0.2.1", NULL});
	assert_int_equal(set.count, 3);
	assert_int_equal(set.items[0].ttl, 60);
	assert_int_equal(set.items[1].ttl, 60);
	assert_int_equal(set.items[2].ttl, 900);
	records_clear(&set);
}

static void claims_stand_for_each_rrset_once(void **state)
{
	struct records set = {0};

	(void)state;
	agent_records_add(&set,
		(const char *[]){"a A 192.0.2.2", "a A 192.0.2.1", "a TXT x", NULL});
	assert_int_equal(records_claim_all(&set), 0);
	records_sort(&set);
	assert_records(&set, "a A|a A 192.0.2.1|a A 192.0.2.2|a TXT|a TXT \"x\"|");
	records_clear(&set);
}

static void owners_are_lower_case(void **state)
{
	struct records set = {0};

	(void)state;
	agent_records_add(&set, (const char *[]){"WeB A 192.0.2.1", NULL});
	assert_records(&set, "web A 192.0.2.1|");
	records_clear(&set);
}

static void a_set_has_a_limit(void **state)
{
	struct records set = {0};
	struct record record = {
		.owner = (uint8_t *)host, .type = TYPE_A, .len = 4, .rdata = host};

	(void)state;
	for (int i = 0; i < RECORDS_MAX; i++)
		assert_int_equal(records_add(&set, &record), 0);
	assert_int_equal(records_add(&set, &record), -ENOSPC);
	assert_int_equal(set.count, RECORDS_MAX);
	records_clear(&set);
}

/* ---- lines ---- */

static void lines_are_those_of_zone_files(void **state)
{
	static const char *const lines[] = {
		"@ A 192.0.2.1",
		"@ 60 IN A 192.0.2.2 ; the second",
		"@ IN 1m A 192.0.2.3\r\n",
		"_ssh._tcp SRV ( 0 0 22 @ )",
		"www.example.net. CNAME @",
		"  ; a comment",
		"",
		"   ",
		"@ TXT \"; no comment\" \"# neither\" ; but this",
		("\xef\xbb\xbf"
		 "marked A 192.0.2.4"),
		"\xef\xbb\xbf",
		"k._domainkey IN TXT ( \"v=DKIM1; \" \"p=MIIB\" ) ; ----- DKIM key",
	};
	char why[RECORD_WHY_MAX];
	struct records set = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (record_text_parse(&set, lines[i], host, 300, why))
			fail_msg("%s: %s", lines[i], why);
	records_sort(&set);
	assert_records(&set,
		"host1 A 192.0.2.1|host1 A 192.0.2.2|host1 A 192.0.2.3|"
		"host1 TXT \"; no comment\" \"# neither\"|"
		"k._domainkey.host1 TXT \"v=DKIM1; \" \"p=MIIB\"|"
		"_ssh._tcp.host1 SRV 0 0 22 host1.dyn.example.|"
		"marked.host1 A 192.0.2.4|"
		"www.example.net. CNAME host1.dyn.example.|");
	assert_int_equal(set.items[0].ttl, 60);
	records_clear(&set);
}

static void bad_lines_say_why(void **state)
{
	static const struct {
		const char *line, *why;
	} rows[] = {
		{"@", "type"},
		{"@ 60", "type"},
		{"@ IN", "type"},
		{"@ NOSUCH x", "type"},
		{"@ SOA . . 1 2 3 4 5", "this type is not for hosts"},
		{"@ ANY", "type"},
		{"@ TSIG x", "type"},
		{"@ CH A 192.0.2.1", "class IN"},
		{"@ A 192.0.2.300", "192.0.2.300"},
		{"@ A", "address"},
		{"@ A ( 192.0.2.1", "parenthesis"},
		{"@ TXT \"x", "quote"},
		{"@ 99999999999 A 192.0.2.1", "TTL"},
		{"@ 1z A 192.0.2.1", "TTL"},
		{"a..b A 192.0.2.1", "a domain name"},
		{" IN A 192.0.2.1", "no owner before it"},
		{"\xef\xbb\xbf\tIN A 192.0.2.1", "no owner before it"},
		{"$TTL 60", "directives"},
		{"\"@\" A 192.0.2.1", "without quotes"},
		{"a A 192.0.2.1\nb A 192.0.2.2", "more than one line"},
	};
	struct records set = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char why[RECORD_WHY_MAX] = "";

		assert_int_equal(
			record_text_parse(&set, rows[i].line, host, 300, why), -EINVAL);
		if (!strstr(why, rows[i].why))
			fail_msg("%s: %s", rows[i].line, why);
	}
	assert_int_equal(set.count, 0);
	records_clear(&set);
}

static int read_text(struct records *set, const char *lines, unsigned *line)
{
	char why[RECORD_WHY_MAX] = "", *text = strdup(lines);
	const int r = record_text_read(set, text, strlen(text), host, 300, why, line);

	assert_true(r == 0 || why[0]);
	free(text);
	return r;
}

/* As opendkim-genkey prints it, in the middle of what a shell script prints. */
static void texts_are_read_entry_by_entry(void **state)
{
	struct records set = {0};
	unsigned line = 0;

	(void)state;
	assert_int_equal(read_text(&set, "", &line), 0);
	assert_int_equal(
		read_text(&set,
			"# made by (nobody\n"
			"sel._domainkey\tIN\tTXT\t( \"v=DKIM1; h=sha256; k=rsa; \"\n"
			"\t  \"p=MIIB\" )  ; ----- DKIM key sel for dyn.example\n\r\n"
			"  # an \"odd remark\n"
			"; another\n"
			"@ A 192.0.2.1\r\nwww CNAME @",
			&line),
		0);
	records_sort(&set);
	assert_records(&set,
		"host1 A 192.0.2.1|sel._domainkey.host1 TXT \"v=DKIM1; h=sha256; "
		"k=rsa; \" \"p=MIIB\"|www.host1 CNAME host1.dyn.example.|");
	records_clear(&set);
}

/* RFC 1035 5.1 */
static void lines_behind_a_space_have_the_owner_before(void **state)
{
	struct records set = {0};
	unsigned line = 0;

	(void)state;
	assert_int_equal(read_text(&set,
				 "a 900 A 192.0.2.1\n"
				 "   60 AAAA 2001:db8::1\n"
				 "\n# a remark\n"
				 "\tIN TXT (\n\"x\" )\n"
				 "b A 192.0.2.2\n"
				 " A 192.0.2.3\n",
				 &line),
		0);
	records_sort(&set);
	assert_records(&set,
		"a.host1 A 192.0.2.1|a.host1 TXT \"x\"|a.host1 AAAA 2001:db8::1|"
		"b.host1 A 192.0.2.2|b.host1 A 192.0.2.3|");
	assert_int_equal(set.items[0].ttl, 900);
	assert_int_equal(set.items[1].ttl, 300);
	assert_int_equal(set.items[2].ttl, 60);
	records_clear(&set);
}

static void texts_may_begin_with_a_byte_order_mark(void **state)
{
	static const char *const texts[] = {
		"\xef\xbb\xbf@ A 192.0.2.1\n",
		"\xef\xbb\xbf# a (remark\r\n@ A 192.0.2.1\r\n",
	};
	struct records set = {0};
	unsigned line = 0;

	(void)state;
	assert_int_equal(read_text(&set, "\xef\xbb\xbf", &line), 0);
	assert_int_equal(set.count, 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(read_text(&set, texts[i], &line), 0);
		assert_records(&set, "host1 A 192.0.2.1|");
		records_clear(&set);
	}
}

static void the_line_of_a_mistake_is_known(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} rows[] = {
		{"@ A 192.0.2.1\n@ A nonsense\n", 2},
		{"@ A 192.0.2.1\n\n# x\n@ TXT (\n\"a\"\n", 4},
		{"@ TXT \"a\n", 1},
		{"# x\n  @ A 192.0.2.1\n", 2},
		{"@ A 192.0.2.1\n  www A 192.0.2.1\n", 2},
		{"@ A 192.0.2.1\n$TTL 60\n", 2},
		{"@ A 192.0.2.1\n\"@\" A 192.0.2.2\n", 2},
		{"@ A 192.0.2.1\r\n@ A 192.0.2.1)\r\n", 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct records set = {0};
		unsigned line = 0;

		assert_int_equal(read_text(&set, rows[i].text, &line), -EINVAL);
		assert_int_equal(line, rows[i].line);
		records_clear(&set);
	}
}

static void a_record_fits_a_message(void **state)
{
	char *text = malloc(4 * RECORD_DATA_MAX), why[RECORD_WHY_MAX] = "";
	struct records set = {0};
	size_t at = (size_t)sprintf(text, "@ TXT");

	(void)state;
	for (int i = 0; i <= RECORD_DATA_MAX / 200; i++)
		at += (size_t)sprintf(text + at, " \"%0200d\"", i);
	assert_int_equal(record_text_parse(&set, text, host, 300, why), -EINVAL);
	assert_string_equal(why, "more than 32768 octets of data, which fit no message");
	free(text);
}

/* ---- hosts files ---- */

static void parse_hosts(
	struct records *set, const char *text, unsigned bad, unsigned line)
{
	static uint8_t zones[2][NAME_MAX_LEN];
	struct config config = {.zones = zones, .zone_count = 2};
	struct config_source source = {.ttl = 300};
	unsigned bad_count, bad_line;

	memcpy(zones[0], zone, sizeof(zone));
	assert_int_equal(name_from_text(zones[1], "example.net.", NULL), 0);
	memcpy(source.origin, zone, sizeof(zone));
	assert_int_equal(hosts_file_parse(set, &config, &source, text, strlen(text),
				 &bad_count, &bad_line),
		0);
	assert_int_equal(bad_count, bad);
	assert_int_equal(bad_line, line);
	records_sort(set);
}

static void hosts_files_name_what_lies_in_the_zones(void **state)
{
	struct records set = {0};

	(void)state;
	parse_hosts(&set,
		"127.0.0.1 localhost\n"
		"::1 ip6-localhost\n"
		"ff02::1 ip6-allnodes\n"
		"fe80::1%eth0 link\n"
		"192.0.2.7\tWeb web.dyn.example www.example.net # the web\n"
		"\n"
		"# 192.0.2.8 commented\n"
		"2001:db8::7 web.dyn.example.\r\n"
		"192.0.2.9 elsewhere.example.org",
		0, 0);
	assert_records(&set,
		"web A 192.0.2.7|web AAAA 2001:db8::7|www.example.net. A 192.0.2.7|");
	records_clear(&set);
}

static void bad_lines_of_hosts_files_are_counted(void **state)
{
	struct records set = {0};

	(void)state;
	parse_hosts(&set, "192.0.2.1 a\nnonsense b\n192.0.2.2\n192.0.2.3 c\n", 2, 2);
	assert_records(&set, "a A 192.0.2.1|c A 192.0.2.3|");
	records_clear(&set);
}

/* ---- the rest ---- */

/* The fingerprint is that of "ssh-keygen -r". */
static void fingerprints_of_keys(void **state)
{
	struct records set = {0};

	(void)state;
	assert_int_equal(
		sshfp_parse(&set, host, 300,
			"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwN"
			"Dg8QERITFBUWFxgZGhscHR4f root@host1\n"),
		0);
	assert_records(&set,
		"host1 SSHFP 4 2 "
		"66402c9468c58941dd19ffd650bf2b42f9226f83d3bd06ad515d0e5104a77020|");
	records_clear(&set);
	assert_int_equal(sshfp_parse(&set, host, 300, "ssh-new AAAA x"), -EINVAL);
	assert_int_equal(sshfp_parse(&set, host, 300, "ssh-rsa !!!!"), -EINVAL);
	assert_int_equal(sshfp_parse(&set, host, 300, "ssh-rsa"), -EINVAL);
	assert_int_equal(sshfp_parse(&set, host, 300, ""), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_is_sorted_claims_first_and_without_twins),
		cmocka_unit_test(one_rrset_has_one_ttl),
		cmocka_unit_test(claims_stand_for_each_rrset_once),
		cmocka_unit_test(owners_are_lower_case),
		cmocka_unit_test(a_set_has_a_limit),
		cmocka_unit_test(lines_are_those_of_zone_files),
		cmocka_unit_test(bad_lines_say_why),
		cmocka_unit_test(texts_are_read_entry_by_entry),
		cmocka_unit_test(lines_behind_a_space_have_the_owner_before),
		cmocka_unit_test(texts_may_begin_with_a_byte_order_mark),
		cmocka_unit_test(the_line_of_a_mistake_is_known),
		cmocka_unit_test(a_record_fits_a_message),
		cmocka_unit_test(hosts_files_name_what_lies_in_the_zones),
		cmocka_unit_test(bad_lines_of_hosts_files_are_counted),
		cmocka_unit_test(fingerprints_of_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
