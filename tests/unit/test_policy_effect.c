/*
 * Policy: what deletions of RRsets and names would remove, and how many records an RRset
 * may have afterwards.
 */
#include "tests/unit/policy_bench.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- what deletions remove ---- */

static void test_effect_types(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "A AAAA");
	bench_load(b, "add host1 300 A 192.0.2.1");
	EFFECT_ALLOWED(b, "del host1");
	EFFECT_ALLOWED(b, "del host1 AAAA");
	bench_load(b, "add host1 300 MX 10 mail");
	EFFECT_ALLOWED(b, "del host1 A");
	EFFECT_REFUSED(b, "del host1",
		"rule 1: type MX is not among its types (the deletion would remove "
		"host1.dyn.example. MX)");
	EFFECT_REFUSED(b, "del host1 A; del host1 AAAA; del host1", "would remove");
}

static void test_effect_data(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule = bench_add_rule(b, "host1", POLICY_MATCH_ZONE, "", "");

	bench_add_cidrs(&rule->data, &rule->data_count, "192.0.2.0/24");
	bench_add_names(b, &rule->data_names, &rule->data_name_count, "mail");
	bench_load(b, "add host1 300 A 192.0.2.1");
	bench_load(b, "add host2 300 A 192.0.2.1");
	bench_load(b, "add host2 300 A 10.0.0.1");
	bench_load(b, "add host3 300 MX 10 mail");
	bench_load(b, "add host4 300 MX 10 elsewhere.example.");
	EFFECT_ALLOWED(b, "del host1 A");
	EFFECT_REFUSED(b, "del host2 A", "10.0.0.1 is not an address it may delete");
	EFFECT_REFUSED(b, "del host2", "10.0.0.1 is not an address it may delete");
	EFFECT_ALLOWED(b, "del host2 A 192.0.2.1");
	EFFECT_ALLOWED(b, "del host3");
	EFFECT_REFUSED(b, "del host4 MX", "elsewhere.example. is not a target");
}

/* ttl, max_records and "source" say nothing about deletions. */
static void test_effect_not_judged(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule = bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");

	rule->ttl_min = 3600;
	rule->max_records = 1;
	rule->data_source = true;
	bench_load(b, "add host1 300 A 10.0.0.1");
	bench_load(b, "add host1 300 A 10.0.0.2");
	EFFECT_ALLOWED(b, "del host1 A");
	EFFECT_ALLOWED(b, "del host1");
}

static void test_effect_nothing_there(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_SUBDOMAIN, "lab", "A");
	bench_load(b, "add a.b.lab 300 A 192.0.2.1");
	EFFECT_ALLOWED(b, "del nobody.lab");
	EFFECT_ALLOWED(b, "del nobody.lab A");
	EFFECT_ALLOWED(b, "del b.lab"); /* an empty non-terminal */
}

/* Each record may be allowed by another rule of the key. */
static void test_effect_several_rules(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "A");
	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "TXT");
	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "MX")->operations = POLICY_ADD;
	bench_load(b, "add host1 300 A 192.0.2.1");
	bench_load(b, "add host1 300 TXT x");
	EFFECT_ALLOWED(b, "del host1");
	bench_load(b, "add host1 300 MX 10 mail");
	EFFECT_REFUSED(b, "del host1", "rule 3: it may add but not delete");
}

static void test_effect_apex(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_ZONE, "", "");
	bench_load(b, "add @ 300 SOA ns hm 1 2 3 4 5");
	bench_load(b, "add @ 300 NS ns");
	bench_load(b, "add @ 300 TXT x");
	EFFECT_ALLOWED(b, "del @");
	bench_load(b, "add sub 300 NS ns");
	EFFECT_REFUSED(b, "del sub", "type NS is guarded");
	bench_load(b, "add @ 300 DNSKEY 256 3 8 AAAA");
	EFFECT_REFUSED(b, "del @", "type DNSKEY is guarded");
}

/* Many deletions, some twice, in slots that collide: each is judged at least once. */
static void test_effect_repeated(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_ZONE, "", "A");
	for (int i = 0; i < 600; i++) {
		char line[64];
		snprintf(line, sizeof(line), "add h%d 300 A 192.0.2.1", i);
		bench_load(b, line);
	}
	bench_load(b, "add h599 300 TXT x");
	struct rr *changes = calloc(1201, sizeof(*changes));
	uint8_t(*owners)[NAME_MAX_LEN] = calloc(600, NAME_MAX_LEN);
	assert_non_null(changes);
	assert_non_null(owners);
	for (int i = 0; i < 1200; i++) {
		char name[32];
		snprintf(name, sizeof(name), "h%d", i / 2);
		bench_read_name(owners[i / 2], b, name);
		changes[i] = (struct rr){
			.owner = owners[i / 2], .type = TYPE_ANY, .class = CLASS_ANY};
	}
	struct update update = {.changes = changes, .change_count = 1198};
	struct verdict v =
		policy_check_effect(&b->policy, b->mirror, &b->subject, &update);
	bench_expect(&v, NULL, "h0 to h598", __LINE__);
	update.change_count = 1200;
	v = policy_check_effect(&b->policy, b->mirror, &b->subject, &update);
	bench_expect(&v, "type TXT is not among its types", "h599", __LINE__);
	free(owners);
	free(changes);
}

/* ---- the result ---- */

/* An RRset of count A records 10.0.0.first and following. */
static struct rrset *addresses(uint32_t ttl, unsigned first, unsigned count)
{
	struct rrset *set = NULL;

	for (unsigned i = 0; i < count; i++) {
		uint8_t rdata[4] = {10, 0, 0, (uint8_t)(first + i)};
		struct rrset *old = set;
		set = old ? rrset_with(old, rdata, 4) : rrset_new(TYPE_A, ttl, rdata, 4);
		rrset_unref(old);
		assert_non_null(set);
	}
	return set;
}

/* Takes both RRsets.  The update adds what before has not, each with this TTL. */
static void ask_result_ttl_(struct bench *b, const char *owner, struct rrset *before,
	struct rrset *after, uint32_t ttl, const char *why, int line)
{
	struct changeset *cs = changeset_new();
	uint8_t name[NAME_MAX_LEN];
	struct rr changes[16];
	struct update update = {.changes = changes};
	struct rr rr = {.owner = name, .type = TYPE_A, .class = CLASS_IN, .ttl = ttl};
	size_t at = 0;

	assert_non_null(cs);
	bench_read_name(name, b, owner);
	while (after && (rr.rdata = rrset_next(after, &at, &rr.rdata_len)))
		if (!before || rrset_find(before, rr.rdata, rr.rdata_len) < 0)
			changes[update.change_count++] = rr;
	assert_int_equal(zone_put(b->mirror, name, TYPE_A, before), 0);
	assert_int_equal(changeset_put(cs, b->mirror, name, TYPE_A, after), 0);
	struct verdict v =
		policy_check_result(&b->policy, b->zone, &b->subject, &update, cs);
	changeset_unref(cs);
	rrset_unref(before);
	rrset_unref(after);
	bench_expect(&v, why, owner, line);
}

static void ask_result_(struct bench *b, const char *owner, struct rrset *before,
	struct rrset *after, const char *why, int line)
{
	ask_result_ttl_(b, owner, before, after, 300, why, line);
}

#define RESULT_ALLOWED(b, owner, before, after)                                          \
	ask_result_(b, owner, before, after, NULL, __LINE__)
#define RESULT_REFUSED(b, owner, before, after, why)                                     \
	ask_result_(b, owner, before, after, why, __LINE__)

static void test_max_records(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule = bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");

	rule->max_records = 2;
	rule->line = 9;
	RESULT_ALLOWED(b, "host1", NULL, addresses(300, 1, 2));
	RESULT_ALLOWED(b, "host1", addresses(300, 1, 1), addresses(300, 1, 2));
	RESULT_REFUSED(b, "host1", addresses(300, 1, 2), addresses(300, 1, 3),
		"rule 1 (line 9): 3 records are more than its maximum 2 "
		"(host1.dyn.example. A)");
	RESULT_REFUSED(b, "host1", NULL, addresses(300, 1, 3), "3 records are more than");
	/* too many, but fewer than before */
	RESULT_ALLOWED(b, "host1", addresses(300, 1, 5), addresses(300, 1, 4));
	RESULT_ALLOWED(b, "host1", addresses(300, 1, 5), addresses(300, 11, 4));
	RESULT_ALLOWED(b, "host1", addresses(300, 1, 5), NULL);
	/* as many, but others */
	RESULT_REFUSED(
		b, "host1", addresses(300, 1, 5), addresses(300, 11, 5), "5 records");
	RESULT_REFUSED(
		b, "host1", addresses(300, 1, 5), addresses(300, 5, 5), "5 records");
	RESULT_REFUSED(
		b, "host1", addresses(300, 1, 5), addresses(300, 1, 6), "6 records");
}

/* The limit of the rule that allows the new records counts, and no other rule's. */
static void test_max_records_of_which_rule(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule = bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");

	rule->max_records = 2;
	bench_add_cidrs(&rule->data, &rule->data_count, "10.0.0.0/29");
	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");
	RESULT_REFUSED(
		b, "host1", addresses(300, 1, 2), addresses(300, 1, 3), "rule 1: 3");
	/* .6 and .7 were there, .8 and .9 came under the second rule */
	RESULT_ALLOWED(b, "host1", addresses(300, 6, 2), addresses(300, 6, 4));
	RESULT_REFUSED(
		b, "host1", addresses(300, 8, 2), addresses(300, 7, 3), "rule 1: 3");
}

/* A lower limit of another rule does not count. */
static void test_max_records_of_another(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "TXT")->max_records = 1;
	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "A")->max_records = 2;
	RESULT_ALLOWED(b, "host1", NULL, addresses(300, 1, 2));
	RESULT_REFUSED(b, "host1", NULL, addresses(300, 1, 3), "rule 2: 3 records");
}

/* Which rule allowed a record depends on its TTL, not on that of its RRset. */
static void test_max_records_ttl(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule = bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");

	rule->max_records = 1;
	rule->ttl_max = 60;
	ask_result_ttl_(b, "host1", NULL, addresses(300, 1, 2), 60, "rule 1: 2 records",
		__LINE__);
	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");
	RESULT_ALLOWED(b, "host1", NULL, addresses(60, 1, 2));
	ask_result_ttl_(b, "host1", NULL, addresses(300, 1, 2), 60, "rule 1: 2 records",
		__LINE__);
}

/* ---- what makes way ---- */

/* A record that takes the place of another deletes it. */
static void test_effect_replaced(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule =
		bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "ANY");

	rule->operations = POLICY_ADD;
	bench_load(b, "add host1 300 CNAME other");
	EFFECT_ALLOWED(b, "add host1 300 CNAME other");
	EFFECT_ALLOWED(b, "add host1 60 CNAME OTHER");
	EFFECT_REFUSED(b, "add host1 300 CNAME mine",
		"rule 1: it may add but not delete (what is added would take the place "
		"of host1.dyn.example. CNAME)");
	EFFECT_REFUSED(b, "add host1 300 CNAME other; add host1 300 CNAME mine",
		"take the place");
	b->policy.rules[0].operations = POLICY_ADD | POLICY_DELETE;
	EFFECT_ALLOWED(b, "add host1 300 CNAME mine");
	bench_add_names(b, &b->policy.rules[0].data_names,
		&b->policy.rules[0].data_name_count, "mine yours");
	EFFECT_REFUSED(b, "add host1 300 CNAME mine",
		"other.dyn.example. is not a target it may point to");
}

static void test_effect_replaced_dname(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_SUBDOMAIN, "host1", "DNAME")->operations =
		POLICY_ADD;
	bench_load(b, "add host1 300 DNAME other");
	EFFECT_ALLOWED(b, "add a.host1 300 DNAME mine");
	EFFECT_REFUSED(b, "add host1 300 DNAME mine", "it may add but not delete");
}

/* A SOA counts only at the apex, and only if it moves forward. */
static void test_effect_replaced_soa(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_ZONE, "", "SOA")->operations = POLICY_ADD;
	bench_load(b, "add @ 300 SOA ns hm 10 2 3 4 5");
	EFFECT_ALLOWED(b, "add @ 300 SOA ns other 10 2 3 4 5");
	EFFECT_ALLOWED(b, "add @ 300 SOA ns other 9 2 3 4 5");
	EFFECT_ALLOWED(b, "add sub 300 SOA ns other 11 2 3 4 5");
	EFFECT_REFUSED(b, "add @ 300 SOA ns other 11 2 3 4 5", "may add but not delete");
}

/* Applies the lines to the mirror, and judges what they did. */
static void ask_done_(struct bench *b, const char *lines, const char *why, int line)
{
	struct changeset *cs;

	EFFECT_ALLOWED(b, lines);
	bench_read_update(b, lines);
	struct verdict v = apply_update(b->mirror, &b->update, true, &cs);
	assert_int_equal(v.rcode, RCODE_NOERROR);
	v = policy_check_result(&b->policy, b->zone, &b->subject, &b->update, cs);
	changeset_undo(cs, b->mirror);
	changeset_unref(cs);
	bench_expect(&v, why, lines, line);
}

/* Records that go without being named: a DS with its NS, a WKS for another. */
static void test_result_gone(void **state)
{
	struct bench *b = *state;
	bench_add_rule(b, "host1", POLICY_MATCH_ZONE, "", "NS A TYPE11");

	bench_load(b, "add @ 300 SOA ns hm 1 2 3 4 5");
	bench_load(b, "add host1 300 NS ns");
	ask_done_(b, "del host1 NS", NULL, __LINE__);
	bench_load(b,
		"add host1 300 DS 1 8 2 "
		"e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766");
	ask_done_(b, "del host1 NS",
		"type DS is not among its types (the update would remove "
		"host1.dyn.example. DS)",
		__LINE__);
	ask_done_(b, "del host1 NS; add host1 300 NS ns2", NULL, __LINE__);
	bench_load(b, "add host2 300 TYPE11 \\# 6 c00002010640");
	ask_done_(b, "add host2 300 TYPE11 \\# 6 c00002010680", NULL, __LINE__);
	b->policy.rules[0].operations = POLICY_ADD;
	ask_done_(b, "add host2 300 TYPE11 \\# 6 c00002010680",
		"it may add but not delete (the update would remove host2", __LINE__);
	ask_done_(b, "add host2 300 TYPE11 \\# 6 c00002011180", NULL, __LINE__);
	ask_done_(b, "add host2 300 A 192.0.2.1", NULL, __LINE__);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BENCH(test_effect_types),
		WITH_BENCH(test_effect_data),
		WITH_BENCH(test_effect_not_judged),
		WITH_BENCH(test_effect_nothing_there),
		WITH_BENCH(test_effect_several_rules),
		WITH_BENCH(test_effect_apex),
		WITH_BENCH(test_effect_repeated),
		WITH_BENCH(test_effect_replaced),
		WITH_BENCH(test_effect_replaced_dname),
		WITH_BENCH(test_effect_replaced_soa),
		WITH_BENCH(test_result_gone),
		WITH_BENCH(test_max_records),
		WITH_BENCH(test_max_records_of_which_rule),
		WITH_BENCH(test_max_records_of_another),
		WITH_BENCH(test_max_records_ttl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
