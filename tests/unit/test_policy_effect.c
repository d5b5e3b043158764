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

/* Any rule of the key may allow a record: not one and the same for all. */
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

/* Takes both RRsets. */
static void ask_result_(struct bench *b, const char *owner, struct rrset *before,
	struct rrset *after, const char *why, int line)
{
	struct changeset *cs = changeset_new();
	uint8_t name[NAME_MAX_LEN];

	assert_non_null(cs);
	bench_read_name(name, b, owner);
	assert_int_equal(zone_put(b->mirror, name, TYPE_A, before), 0);
	assert_int_equal(changeset_put(cs, b->mirror, name, TYPE_A, after), 0);
	struct verdict v = policy_check_result(&b->policy, b->zone, &b->subject, cs);
	changeset_unref(cs);
	rrset_unref(before);
	rrset_unref(after);
	bench_expect(&v, why, owner, line);
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
	/* too many, but not more than before */
	RESULT_ALLOWED(b, "host1", addresses(300, 1, 5), addresses(300, 1, 4));
	RESULT_ALLOWED(b, "host1", addresses(300, 1, 5), addresses(300, 11, 5));
	RESULT_ALLOWED(b, "host1", addresses(300, 1, 5), NULL);
	RESULT_REFUSED(
		b, "host1", addresses(300, 1, 5), addresses(300, 1, 6), "6 records");
}

/* The limit is that of the rule which allows the records that came, not any rule's. */
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

/* Another rule's lower limit is no limit here. */
static void test_max_records_of_another(void **state)
{
	struct bench *b = *state;

	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "TXT")->max_records = 1;
	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "A")->max_records = 2;
	RESULT_ALLOWED(b, "host1", NULL, addresses(300, 1, 2));
	RESULT_REFUSED(b, "host1", NULL, addresses(300, 1, 3), "rule 2: 3 records");
}

/* The RRset's TTL is that of the last record: the first may have come under a rule that
 * wanted another. */
static void test_max_records_ttl(void **state)
{
	struct bench *b = *state;
	struct policy_rule *rule = bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");

	rule->max_records = 1;
	rule->ttl_max = 60;
	RESULT_REFUSED(b, "host1", NULL, addresses(300, 1, 2), "rule 1: 2 records");
	bench_add_rule(b, "host1", POLICY_MATCH_SELF, "", "");
	RESULT_ALLOWED(b, "host1", NULL, addresses(300, 1, 2));
	RESULT_REFUSED(b, "host1", NULL, addresses(60, 1, 2), "rule 1: 2 records");
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
		WITH_BENCH(test_max_records),
		WITH_BENCH(test_max_records_of_which_rule),
		WITH_BENCH(test_max_records_of_another),
		WITH_BENCH(test_max_records_ttl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
