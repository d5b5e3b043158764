/*
 * Policy: every kind of match, every condition, and the reasons given.
 */
#include "tests/unit/policy_bench.h"

#include <stdio.h>
#include <string.h>

/* ---- deny by default ---- */

static void test_no_rules(void **state)
{
	struct bench *b = *state;

	REFUSED(b, "add host1 300 A 192.0.2.1", "the zone has no rules");
	REFUSED(b, "", "the zone has no rules");
}

static void test_rule_without_keys(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "", POLICY_MATCH_ZONE, "", "ANY");
	REFUSED(b, "add host1 300 A 192.0.2.1", "no rule names key host1.dyn.example.");
}

static void test_unsigned(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "*.", POLICY_MATCH_ZONE, "", "ANY");
	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");
	bench_set_key(b, NULL);
	REFUSED(b, "add host1 300 A 192.0.2.1", "the message is not signed");
	REFUSED(b, "", "the message is not signed");
	assert_false(policy_allows_transfer(&b->policy, &b->subject));
}

/* Prerequisites alone reveal what exists: they are answered only for keys in a rule. */
static void test_update_without_changes(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "A");
	ALLOWED(b, "");
	bench_set_key(b, "host2");
	REFUSED(b, "", "no rule names key host2.dyn.example.");
}

/* ---- keys ---- */

static void test_key_patterns(void **state)
{
	struct bench *b = *state;

	bench_add_rule(
		b, "acme.example. *.dyn.example. a.*.c.", POLICY_MATCH_ZONE, "", "");
	ALLOWED(b, "add x 300 A 192.0.2.1");
	bench_set_key(b, "acme.example.");
	ALLOWED(b, "add x 300 A 192.0.2.1");
	bench_set_key(b, "a.b.c.");
	ALLOWED(b, "add x 300 A 192.0.2.1");
	bench_set_key(b, "deep.host1.dyn.example.");
	REFUSED(b, "add x 300 A 192.0.2.1", "no rule names key deep.host1.dyn.example.");
	bench_set_key(b, "dyn.example.");
	REFUSED(b, "add x 300 A 192.0.2.1", "no rule names key dyn.example.");
	bench_set_key(b, "a.b.d.");
	REFUSED(b, "add x 300 A 192.0.2.1", "no rule names key a.b.d.");
}

static void test_key_anybody(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "*.", POLICY_MATCH_SELF, "", "");
	ALLOWED(b, "add host1 300 A 192.0.2.1");
	bench_set_key(b, "a.very.deep.name.dyn.example.");
	ALLOWED(b, "add a.very.deep.name 300 A 192.0.2.1");
	bench_set_key(b, "single.");
	REFUSED(b, "add x 300 A 192.0.2.1", "x.dyn.example. is not the key's own name");
}

/* The shortest of names, on both sides. */
static void test_key_root(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, ".", POLICY_MATCH_ZONE, "", "");
	REFUSED(b, "add x 300 A 192.0.2.1", "no rule names key host1.dyn.example.");
	bench_set_key(b, ".");
	ALLOWED(b, "add x 300 A 192.0.2.1");
}

/* ---- names ---- */

static void test_match_self(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "*.dyn.example.", POLICY_MATCH_SELF, "", "")->line = 12;
	ALLOWED(b, "add host1 300 A 192.0.2.1");
	ALLOWED(b, "add HOST1 300 A 192.0.2.1; del host1 A");
	REFUSED(b, "add host2 300 A 192.0.2.1",
		"rule 1 (line 12): host2.dyn.example. is not the key's own name");
	REFUSED(b, "add a.host1 300 A 192.0.2.1", "is not the key's own name");
	REFUSED(b, "add @ 300 A 192.0.2.1", "dyn.example. is not the key's own name");
}

static void test_match_selfsub(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_SELFSUB, "", "");
	ALLOWED(b, "add host1 300 A 192.0.2.1");
	ALLOWED(b, "add a.b.host1 300 A 192.0.2.1");
	REFUSED(b, "add xhost1 300 A 192.0.2.1",
		"rule 1: xhost1.dyn.example. is not at or below the key's own name");
	REFUSED(b, "add @ 300 A 192.0.2.1", "is not at or below the key's own name");
}

static void test_match_name(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_NAME, "www mail *.wild", "");
	ALLOWED(b, "add www 300 A 192.0.2.1");
	ALLOWED(b, "add mail 300 A 192.0.2.1");
	ALLOWED(b, "add *.wild 300 A 192.0.2.1");
	REFUSED(b, "add a.wild 300 A 192.0.2.1",
		"rule 1: a.wild.dyn.example. is not one of its names");
	REFUSED(b, "add a.www 300 A 192.0.2.1", "is not one of its names");
	REFUSED(b, "add host1 300 A 192.0.2.1", "is not one of its names");
}

static void test_match_subdomain(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_SUBDOMAIN, "lab office", "");
	ALLOWED(b, "add lab 300 A 192.0.2.1");
	ALLOWED(b, "add a.b.office 300 A 192.0.2.1");
	REFUSED(b, "add alab 300 A 192.0.2.1",
		"rule 1: alab.dyn.example. is not at or below one of its names");
}

static void test_match_pattern(void **state)
{
	struct bench *b = *state;

	bench_add_rule(
		b, "host1", POLICY_MATCH_PATTERN, "_acme-challenge.* *.srv.*.lab", "");
	ALLOWED(b, "add _acme-challenge.www 300 TXT x");
	ALLOWED(b, "add a.srv.b.lab 300 TXT x");
	REFUSED(b, "add _acme-challenge 300 TXT x",
		"rule 1: _acme-challenge.dyn.example. matches none of its patterns");
	REFUSED(b, "add _acme-challenge.a.b 300 TXT x", "matches none of its patterns");
	REFUSED(b, "add www 300 TXT x", "matches none of its patterns");
}

/* "*." is any key, but as a pattern for names it is one label at the root. */
static void test_match_pattern_star(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_PATTERN, "*.", "");
	REFUSED(b, "add www 300 TXT x", "matches none of its patterns");
}

static void test_match_zone(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_ZONE, "", "");
	ALLOWED(b, "add @ 300 A 192.0.2.1");
	ALLOWED(b, "add a.b.c 300 A 192.0.2.1; del d");
	REFUSED(b, "add www.example. 300 A 192.0.2.1",
		"rule 1: www.example. is not in its zone");
}

/* ---- types ---- */

static void test_types(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "other", POLICY_MATCH_SELF, "", "");
	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "A AAAA TYPE65280")->line = 31;
	ALLOWED(b, "add host1 300 A 192.0.2.1; add host1 300 AAAA 2001:db8::1");
	ALLOWED(b, "add host1 300 TYPE65280 \\# 1 00");
	REFUSED(b, "add host1 300 MX 10 mail",
		"rule 2 (line 31): type MX is not among its types");
	REFUSED(b, "del host1 MX", "rule 2 (line 31): type MX is not among its types");
	REFUSED(b, "del host1 TXT x", "type TXT is not among its types");
	ALLOWED(b, "del host1");
}

static void test_types_guarded(void **state)
{
	static const uint16_t guarded[] = {TYPE_NSEC, TYPE_NSEC3, TYPE_NSEC3PARAM,
		TYPE_RRSIG, TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY, TYPE_DS, TYPE_SOA,
		TYPE_NS, TYPE_CSYNC, TYPE_ZONEMD};
	static const uint16_t free_types[] = {TYPE_A, TYPE_AAAA, TYPE_TXT, TYPE_CNAME,
		TYPE_DNAME, TYPE_DHCID, TYPE_KEY, TYPE_ANY, 65280};

	(void)state;
	for (size_t i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++)
		assert_true(policy_type_is_guarded(guarded[i]));
	for (size_t i = 0; i < sizeof(free_types) / sizeof(free_types[0]); i++)
		assert_false(policy_type_is_guarded(free_types[i]));
}

static void test_types_none_given(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_ZONE, "", "");
	ALLOWED(b,
		"add host1 300 TXT x; add host1 300 SRV 1 1 1 a; add a 300 DHCID AAAA");
	REFUSED(b, "add sub 300 NS ns", "rule 1: type NS is guarded and not named");
	REFUSED(b, "del sub NS", "rule 1: type NS is guarded and not named in its types");
	REFUSED(b, "del @ SOA", "type SOA is guarded");
}

static void test_types_guarded_named(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_ZONE, "", "NS");
	ALLOWED(b, "add sub 300 NS ns; del sub NS");
	REFUSED(b, "del sub DS", "type DS is not among its types");
}

static void test_types_any(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_ZONE, "", "ANY");
	ALLOWED(b,
		"add sub 300 NS ns; del sub DS; del @ SOA; add a 1 A 192.0.2.1; del b");
}

/* ---- operations ---- */

static void test_operations(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "")->operations = POLICY_ADD;
	ALLOWED(b, "add host1 300 A 192.0.2.1");
	REFUSED(b, "del host1 A 192.0.2.1", "rule 1: it may add but not delete");
	REFUSED(b, "del host1 A", "rule 1: it may add but not delete");
	REFUSED(b, "del host1", "rule 1: it may add but not delete");
	b->policy.rules[0].operations = POLICY_DELETE;
	ALLOWED(b, "del host1 A 192.0.2.1; del host1 A; del host1");
	REFUSED(b, "add host1 300 A 192.0.2.1", "rule 1: it may delete but not add");
}

/* ---- TTL ---- */

static void test_ttl(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule = bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");

	rule->ttl_min = 60;
	rule->ttl_max = 86400;
	ALLOWED(b, "add host1 60 A 192.0.2.1");
	ALLOWED(b, "add host1 86400 A 192.0.2.1");
	REFUSED(b, "add host1 59 A 192.0.2.1", "rule 1: TTL 59 is below its minimum 60");
	REFUSED(b, "add host1 86401 A 192.0.2.1", "TTL 86401 is above its maximum 86400");
	ALLOWED(b, "del host1 A 192.0.2.1; del host1 A; del host1");
}

/* ---- data ---- */

static void test_data_cidr(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule =
		bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "A AAAA TXT MX");

	bench_add_cidrs(&rule->data, &rule->data_count, "192.0.2.0/28 2001:db8::/32");
	ALLOWED(b, "add host1 300 A 192.0.2.15; add host1 300 AAAA 2001:db8:1::1");
	REFUSED(b, "add host1 300 A 192.0.2.16",
		"rule 1: 192.0.2.16 is not an address it may register");
	REFUSED(b, "add host1 300 AAAA 2001:db9::1",
		"2001:db9::1 is not an address it may");
	ALLOWED(b, "add host1 300 TXT 10.0.0.1; add host1 300 MX 10 anywhere.example.");
	ALLOWED(b, "del host1 A 192.0.2.15; del host1 A; del host1");
	REFUSED(b, "del host1 A 192.0.2.16",
		"rule 1: 192.0.2.16 is not an address it may delete");
}

/* One family named: the other has no address in the list. */
static void test_data_one_family(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule = bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");

	bench_add_cidrs(&rule->data, &rule->data_count, "0.0.0.0/0");
	ALLOWED(b, "add host1 300 A 203.0.113.1");
	REFUSED(b, "add host1 300 AAAA 2001:db8::1", "2001:db8::1 is not an address");
}

/* Only the list counts when only the list is given, even for the sender's own address. */
static void test_data_cidr_not_source(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule = bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");

	bench_add_cidrs(&rule->data, &rule->data_count, "10.0.0.0/8");
	REFUSED(b, "add host1 300 A 192.0.2.1", "192.0.2.1 is not an address it may");
}

/* RDATA that is no address matches no allowed address, whoever let it through. */
static void test_data_malformed(void **state)
{
	static const uint8_t octets[16] = {0};
	struct bench *b = *state;
	struct policy_rule *rule = bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");
	struct rr rr = {
		.owner = b->key, .type = TYPE_A, .class = CLASS_IN, .rdata = octets};

	bench_add_cidrs(&rule->data, &rule->data_count, "0.0.0.0/0 ::/0");
	for (rr.rdata_len = 0; rr.rdata_len <= 16; rr.rdata_len++) {
		bool is_allowed = policy_find_rule(
			&b->policy, b->zone, &b->subject, POLICY_ADD, &rr, NULL);
		assert_int_equal(is_allowed, rr.rdata_len == 4);
	}
}

/* An IPv4-mapped IPv6 address is judged as what it is. */
static void test_data_mapped(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule = bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");

	bench_add_cidrs(&rule->data, &rule->data_count, "192.0.2.0/24");
	ALLOWED(b, "add host1 300 AAAA ::ffff:192.0.2.1");
	REFUSED(b, "add host1 300 AAAA ::ffff:10.0.0.1", "10.0.0.1 is not an address");
}

static void test_data_source(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "")->data_source = true;
	ALLOWED(b, "add host1 300 A 192.0.2.1; add host1 300 TXT x");
	REFUSED(b, "add host1 300 A 192.0.2.2",
		"rule 1: 192.0.2.2 is not the sender's own address 192.0.2.1");
	REFUSED(b, "add host1 300 AAAA 2001:db8::1",
		"2001:db8::1 is not the sender's own");
	ALLOWED(b, "del host1 A 192.0.2.2; del host1 A; del host1");
	bench_set_source(b, "2001:db8::1");
	ALLOWED(b, "add host1 300 AAAA 2001:db8::1");
	REFUSED(b, "add host1 300 A 192.0.2.1",
		"not the sender's own address 2001:db8::1");
	b->subject.source = (struct ip_address){0};
	REFUSED(b, "add host1 300 A 0.0.0.0", "own address an unknown address");
}

/* Either suffices to add.  The list still limits deletions. */
static void test_data_both(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule = bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");

	rule->data_source = true;
	bench_add_cidrs(&rule->data, &rule->data_count, "10.0.0.0/8");
	ALLOWED(b, "add host1 300 A 192.0.2.1; add host1 300 A 10.1.2.3");
	REFUSED(b, "add host1 300 A 192.0.2.2",
		"192.0.2.2 is neither the sender's own address 192.0.2.1 nor one it may");
	ALLOWED(b, "del host1 A 10.1.2.3");
	/* Either suffices, and "source" alone limits no deletion. */
	ALLOWED(b, "del host1 A 192.0.2.2");
}

static void test_data_names(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule = bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");

	bench_add_names(
		b, &rule->data_names, &rule->data_name_count, "*.lb.example. mail");
	ALLOWED(b, "add host1 300 CNAME a.lb.example.; add host1 300 MX 10 mail");
	ALLOWED(b, "add host1 300 CNAME A.LB.Example.");
	ALLOWED(b, "add host1 300 SRV 1 2 3 b.lb.example.; add host1 300 A 10.0.0.1");
	ALLOWED(b, "add host1 300 TXT elsewhere.example.");
	REFUSED(b, "add host1 300 CNAME a.b.lb.example.",
		"rule 1: a.b.lb.example. is not a target it may point to");
	REFUSED(b, "add host1 300 MX 10 elsewhere.example.", "elsewhere.example. is not");
	REFUSED(b, "del host1 CNAME elsewhere.example.", "elsewhere.example. is not");
	ALLOWED(b, "del host1 CNAME a.lb.example.; del host1 CNAME; del host1");
}

/* ---- sender ---- */

static void test_from(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule = bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");

	bench_add_cidrs(&rule->from, &rule->from_count, "192.0.2.0/24 2001:db8::/32");
	ALLOWED(b, "add host1 300 A 10.0.0.1");
	bench_set_source(b, "2001:db8::53");
	ALLOWED(b, "add host1 300 A 10.0.0.1");
	bench_set_source(b, "198.51.100.7");
	REFUSED(b, "add host1 300 A 10.0.0.1",
		"rule 1: it takes no updates from 198.51.100.7");
	REFUSED(b, "", "rule 1: it takes no updates from 198.51.100.7");
	b->subject.source = (struct ip_address){0};
	REFUSED(b, "add host1 300 A 10.0.0.1", "no updates from an unknown address");
}

static void test_transport(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "")->transports = POLICY_TCP;
	REFUSED(b, "add host1 300 A 10.0.0.1", "rule 1: it takes no updates over UDP");
	b->subject.transport = POLICY_TCP;
	ALLOWED(b, "add host1 300 A 10.0.0.1");
	b->policy.rules[0].transports = POLICY_UDP;
	REFUSED(b, "add host1 300 A 10.0.0.1", "rule 1: it takes no updates over TCP");
}

/* ---- several rules, several records ---- */

static struct rr one_record(struct bench *b, const char *line)
{
	bench_read_update(b, line);
	return b->changes[0];
}

static void test_first_match_wins(void **state)
{
	struct bench *b = *state;
	struct verdict why;

	bench_add_rule(b, "*.dyn.example.", POLICY_MATCH_SELF, "", "A")->has_lease = true;
	bench_add_rule(b, "host1", POLICY_MATCH_ZONE, "", "A TXT");
	bench_add_rule(b, "host1", POLICY_MATCH_ZONE, "", "ANY");
	struct rr rr = one_record(b, "add host1 300 A 192.0.2.1");
	assert_ptr_equal(
		policy_find_rule(&b->policy, b->zone, &b->subject, POLICY_ADD, &rr, NULL),
		&b->policy.rules[0]);
	rr = one_record(b, "add host2 300 A 192.0.2.1");
	assert_ptr_equal(
		policy_find_rule(&b->policy, b->zone, &b->subject, POLICY_ADD, &rr, &why),
		&b->policy.rules[1]);
	rr = one_record(b, "add host1 300 NS ns");
	assert_ptr_equal(
		policy_find_rule(&b->policy, b->zone, &b->subject, POLICY_ADD, &rr, &why),
		&b->policy.rules[2]);
	bench_set_key(b, "host3");
	assert_null(policy_find_rule(
		&b->policy, b->zone, &b->subject, POLICY_ADD, &rr, NULL));
	assert_null(policy_find_rule(
		&b->policy, b->zone, &b->subject, POLICY_ADD, &rr, &why));
	bench_expect(&why, "rule 1: host1.dyn.example. is not the key's own name",
		"host3", __LINE__);
}

/* A rule that does not match hides none after it. */
static void test_later_rule_allows(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "A")->ttl_min = 600;
	bench_add_rule(b, "host2", POLICY_MATCH_ZONE, "", "");
	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "A")->ttl_min = 60;
	ALLOWED(b, "add host1 300 A 192.0.2.1");
}

static void test_furthest_rule_explains(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_NAME, "www", "")->line = 1;
	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "A")->line = 2;
	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "TXT")->line = 3;
	b->policy.rules[2].ttl_max = 60;
	bench_add_rule(b, "host2", POLICY_MATCH_ZONE, "", "ANY")->line = 4;
	REFUSED(b, "add host1 300 MX 10 mail", "rule 2 (line 2): type MX is not among");
	REFUSED(b, "add host1 300 TXT x",
		"rule 3 (line 3): TTL 300 is above its maximum 60");
	REFUSED(b, "add host3 300 TXT x",
		"rule 1 (line 1): host3.dyn.example. is not one");
}

static void test_all_or_nothing(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "A");
	REFUSED(b,
		"add host1 300 A 192.0.2.1; add host1 300 A 192.0.2.2; add host1 300 TXT "
		"x",
		"rule 1: type TXT is not among its types (change 3 of 3: "
		"host1.dyn.example. "
		"TXT)");
	REFUSED(b, "add host2 300 A 192.0.2.1; add host1 300 A 192.0.2.2",
		"(change 1 of 2: host2.dyn.example. A)");
}

/* ---- transfers, and what is left ---- */

static void test_transfer(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule;

	bench_add_rule(b, "host1", POLICY_MATCH_ZONE, "", "ANY");
	assert_false(policy_allows_transfer(&b->policy, &b->subject));
	rule = bench_add_rule(b, "secondary", POLICY_MATCH_NAME, "", "");
	rule->transfer = true;
	rule->transports = POLICY_TCP;
	bench_add_cidrs(&rule->from, &rule->from_count, "192.0.2.0/24");
	assert_false(policy_allows_transfer(&b->policy, &b->subject));
	bench_set_key(b, "secondary");
	assert_false(policy_allows_transfer(&b->policy, &b->subject));
	b->subject.transport = POLICY_TCP;
	assert_true(policy_allows_transfer(&b->policy, &b->subject));
	bench_set_source(b, "10.0.0.1");
	assert_false(policy_allows_transfer(&b->policy, &b->subject));
	bench_set_source(b, "192.0.2.53");
	REFUSED(b, "add x 300 A 192.0.2.1",
		"rule 2: x.dyn.example. is not one of its names");
}

static void test_init_and_clear(void **state)
{
	struct policy_rule rule;
	struct policy half = {.count = 3};

	(void)state;
	memset(&rule, 0xa5, sizeof(rule));
	policy_rule_init(&rule);
	assert_int_equal(rule.key_count, 0);
	assert_int_equal(rule.match, POLICY_MATCH_ZONE);
	assert_int_equal(rule.operations, POLICY_ADD | POLICY_DELETE);
	assert_int_equal(rule.transports, POLICY_UDP | POLICY_TCP);
	assert_int_equal(rule.ttl_min, 0);
	assert_true(rule.ttl_max == UINT32_MAX);
	assert_int_equal(rule.max_records, 0);
	assert_false(rule.transfer);
	assert_false(rule.has_lease);
	policy_clear(&half); /* no rules allocated yet */
	assert_int_equal(half.count, 0);
	policy_clear(&half);
}

/* Reasons are cut to fit, and contain nothing unprintable. */
static void test_long_names(void **state)
{
	struct bench *b = *state;
	char label[64], line[LINE_MAX_LEN];

	memset(label, 'x', 63);
	label[63] = '\0';
	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");
	snprintf(line, sizeof(line), "add %s.%s.%s 300 TXT x; add host1 300 TXT x", label,
		label, label);
	REFUSED(b, line, "rule 1: xxxxxxxx");
	REFUSED(b, "add \\001\\010\\255 300 TXT x",
		"rule 1: \\001\\010\\255.dyn.example.");
}

/* ---- what may be asked ---- */

static struct verdict ask_prereqs(struct bench *b, const char *lines)
{
	bench_read_update(b, lines);
	b->update.prereqs = b->changes;
	b->update.prereq_count = b->update.change_count;
	b->update.change_count = 0;
	return policy_check_prereqs(&b->policy, b->zone, &b->subject, &b->update);
}

/* Names that a rule lets the key touch, in whatever way. */
static void test_prerequisites(void **state)
{
	static const char *const unasked[] = {
		"del @", "del @ NS", "del whoami A", "del x SOA"};
	struct bench *b = *state;
	struct verdict v;

	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "A")->operations = POLICY_ADD;
	bench_add_rule(b, "host1", POLICY_MATCH_NAME, "www", "A")->operations =
		POLICY_DELETE;
	bench_add_rule(b, "other", POLICY_MATCH_ZONE, "", "");
	v = ask_prereqs(b, "del host1; del www MX; del @ SOA; add www 0 A 192.0.2.1");
	bench_expect(&v, NULL, "its names, and what any key may query", __LINE__);
	for (size_t i = 0; i < sizeof(unasked) / sizeof(unasked[0]); i++) {
		v = ask_prereqs(b, unasked[i]);
		bench_expect(&v, "prerequisite 1 of 1 asks about", unasked[i], __LINE__);
	}
	bench_set_key(b, "stranger");
	v = ask_prereqs(b, "del @ SOA");
	bench_expect(&v, "asks about dyn.example.", "no rule knows it", __LINE__);
	bench_set_key(b, "host1");
	v = ask_prereqs(b, "del host1; del secret A");
	bench_expect(&v, "prerequisite 2 of 2 asks about secret.dyn.example.",
		"another's", __LINE__);
	/* a rule that allows nothing, and one that allows it from elsewhere */
	bench_add_rule(b, "host1", POLICY_MATCH_ZONE, "", "")->operations = 0;
	v = ask_prereqs(b, "del secret A");
	bench_expect(&v, "secret.dyn.example.", "a rule that allows nothing", __LINE__);
	bench_add_rule(b, "host1", POLICY_MATCH_ZONE, "", "")->transports = POLICY_TCP;
	v = ask_prereqs(b, "del secret A");
	bench_expect(&v, "secret.dyn.example.", "by UDP", __LINE__);
	b->subject.transport = POLICY_TCP;
	v = ask_prereqs(b, "del secret A");
	bench_expect(&v, NULL, "by TCP", __LINE__);
	b->subject.transport = POLICY_UDP;
	b->policy.rules[0].transfer = true;
	v = ask_prereqs(b, "del secret A");
	bench_expect(&v, NULL, "who may transfer", __LINE__);
}

static void ask_query_(
	struct bench *b, const char *text, uint16_t type, bool may, int line)
{
	uint8_t name[NAME_MAX_LEN];

	bench_read_name(name, b, text);
	_assert_int_equal(policy_may_query(&b->policy, b->zone, &b->subject, name, type),
		may, __FILE__, line);
}

#define MAY_QUERY(b, name, type)     ask_query_(b, name, type, true, __LINE__)
#define MAY_NOT_QUERY(b, name, type) ask_query_(b, name, type, false, __LINE__)

static void test_queries(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "A");
	MAY_QUERY(b, "host1", TYPE_TXT);
	MAY_QUERY(b, "@", TYPE_SOA);
	MAY_QUERY(b, "whoami", TYPE_AAAA);
	MAY_NOT_QUERY(b, "@", TYPE_NS);
	MAY_NOT_QUERY(b, "host2", TYPE_A);
	MAY_NOT_QUERY(b, "whoami.host2", TYPE_A);
	bench_set_key(b, "stranger");
	MAY_NOT_QUERY(b, "@", TYPE_SOA);
	MAY_NOT_QUERY(b, "stranger", TYPE_A);
	bench_set_key(b, NULL);
	MAY_NOT_QUERY(b, "@", TYPE_SOA);
	MAY_NOT_QUERY(b, "host1", TYPE_A);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BENCH(test_prerequisites),
		WITH_BENCH(test_queries),
		WITH_BENCH(test_no_rules),
		WITH_BENCH(test_rule_without_keys),
		WITH_BENCH(test_unsigned),
		WITH_BENCH(test_update_without_changes),
		WITH_BENCH(test_key_patterns),
		WITH_BENCH(test_key_anybody),
		WITH_BENCH(test_key_root),
		WITH_BENCH(test_match_self),
		WITH_BENCH(test_match_selfsub),
		WITH_BENCH(test_match_name),
		WITH_BENCH(test_match_subdomain),
		WITH_BENCH(test_match_pattern),
		WITH_BENCH(test_match_pattern_star),
		WITH_BENCH(test_match_zone),
		WITH_BENCH(test_types),
		cmocka_unit_test(test_types_guarded),
		WITH_BENCH(test_types_none_given),
		WITH_BENCH(test_types_guarded_named),
		WITH_BENCH(test_types_any),
		WITH_BENCH(test_operations),
		WITH_BENCH(test_ttl),
		WITH_BENCH(test_data_cidr),
		WITH_BENCH(test_data_one_family),
		WITH_BENCH(test_data_cidr_not_source),
		WITH_BENCH(test_data_malformed),
		WITH_BENCH(test_data_mapped),
		WITH_BENCH(test_data_source),
		WITH_BENCH(test_data_both),
		WITH_BENCH(test_data_names),
		WITH_BENCH(test_from),
		WITH_BENCH(test_transport),
		WITH_BENCH(test_first_match_wins),
		WITH_BENCH(test_later_rule_allows),
		WITH_BENCH(test_furthest_rule_explains),
		WITH_BENCH(test_all_or_nothing),
		WITH_BENCH(test_transfer),
		cmocka_unit_test(test_init_and_clear),
		WITH_BENCH(test_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
