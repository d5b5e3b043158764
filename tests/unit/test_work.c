/*
 * The work that one update makes is bounded by its records and those of the RRsets that
 * it names, whatever the rules are and however the records were chosen.
 *
 * Work is counted, not timed: the linker puts the counters below before the functions
 * that look at one rule or one record (tests/Makefile.inc).  Each case is a message made
 * to be expensive.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/lease.h"
#include "zones/policy_rule.h"
#include "zones/rdata.h"

enum {
	RECORDS_MAX = 5400, /* in 64 KiB */
	MANY = 9000,        /* in an RRset, with room for more */
	OWNERS = 8,
	RULES = 10,
	/* Looks at rules and records that each record may cost, all phases together; the
	 * message's own may be held against each rule besides. */
	LOOKS = 24,
};

static uint64_t looks;

enum policy_obstacle __real_policy_rule_meet_record(
	const struct policy_rule *rule, const struct policy_request *req);
enum policy_obstacle __wrap_policy_rule_meet_record(
	const struct policy_rule *rule, const struct policy_request *req);
enum policy_obstacle __real_policy_rule_meet_rrset(
	const struct policy_rule *rule, const struct policy_request *req);
enum policy_obstacle __wrap_policy_rule_meet_rrset(
	const struct policy_rule *rule, const struct policy_request *req);
enum policy_obstacle __real_policy_rule_meet_data(
	const struct policy_rule *rule, const struct policy_request *req);
enum policy_obstacle __wrap_policy_rule_meet_data(
	const struct policy_rule *rule, const struct policy_request *req);
enum policy_obstacle __real_policy_rule_meet_subject(
	const struct policy_rule *rule, const struct policy_subject *subject);
enum policy_obstacle __wrap_policy_rule_meet_subject(
	const struct policy_rule *rule, const struct policy_subject *subject);
bool __real_rdata_is_equal(uint16_t type, const uint8_t *a, uint16_t a_len,
	const uint8_t *b, uint16_t b_len);
bool __wrap_rdata_is_equal(uint16_t type, const uint8_t *a, uint16_t a_len,
	const uint8_t *b, uint16_t b_len);
uint32_t __real_rdata_hash(
	uint16_t type, const uint8_t *rdata, uint16_t len, const struct name_seed *seed);
uint32_t __wrap_rdata_hash(
	uint16_t type, const uint8_t *rdata, uint16_t len, const struct name_seed *seed);
const uint8_t *__real_rrset_next(const struct rrset *set, size_t *at, uint16_t *ret_len);
const uint8_t *__wrap_rrset_next(const struct rrset *set, size_t *at, uint16_t *ret_len);
struct lease *__real_lease_next_at(
	const struct lease_table *table, const struct lease *lease);
struct lease *__wrap_lease_next_at(
	const struct lease_table *table, const struct lease *lease);

enum policy_obstacle __wrap_policy_rule_meet_record(
	const struct policy_rule *rule, const struct policy_request *req)
{
	looks++;
	return __real_policy_rule_meet_record(rule, req);
}

enum policy_obstacle __wrap_policy_rule_meet_rrset(
	const struct policy_rule *rule, const struct policy_request *req)
{
	looks++;
	return __real_policy_rule_meet_rrset(rule, req);
}

enum policy_obstacle __wrap_policy_rule_meet_data(
	const struct policy_rule *rule, const struct policy_request *req)
{
	looks++;
	return __real_policy_rule_meet_data(rule, req);
}

enum policy_obstacle __wrap_policy_rule_meet_subject(
	const struct policy_rule *rule, const struct policy_subject *subject)
{
	looks++;
	return __real_policy_rule_meet_subject(rule, subject);
}

bool __wrap_rdata_is_equal(
	uint16_t type, const uint8_t *a, uint16_t a_len, const uint8_t *b, uint16_t b_len)
{
	looks++;
	return __real_rdata_is_equal(type, a, a_len, b, b_len);
}

uint32_t __wrap_rdata_hash(
	uint16_t type, const uint8_t *rdata, uint16_t len, const struct name_seed *seed)
{
	looks++;
	return __real_rdata_hash(type, rdata, len, seed);
}

const uint8_t *__wrap_rrset_next(const struct rrset *set, size_t *at, uint16_t *ret_len)
{
	looks++;
	return __real_rrset_next(set, at, ret_len);
}

struct lease *__wrap_lease_next_at(
	const struct lease_table *table, const struct lease *lease)
{
	looks++;
	return __real_lease_next_at(table, lease);
}

/* ---- a zone and a message ---- */

struct scene {
	struct zone *zone;
	struct lease_table *leases;
	struct policy policy;
	struct policy_subject subject;
	uint8_t apex[NAME_MAX_LEN], key[NAME_MAX_LEN];
	uint8_t owners[OWNERS][NAME_MAX_LEN];
	size_t there; /* records of the RRsets that the message names */
	struct update update;
	struct rr prereqs[RECORDS_MAX], changes[RECORDS_MAX];
	uint8_t rdata[2 * RECORDS_MAX][32];
	size_t rdata_count;
};

static uint8_t *copy_name(const uint8_t *name)
{
	uint8_t *copy = malloc(name_len(name));

	assert_non_null(copy);
	memcpy(copy, name, name_len(name));
	return copy;
}

/* Rules about other names, and one about all of the key's own. */
static void make_rules(struct scene *s)
{
	s->policy.rules = calloc(RULES, sizeof(*s->policy.rules));
	assert_non_null(s->policy.rules);
	s->policy.count = RULES;
	for (unsigned i = 0; i < RULES; i++) {
		struct policy_rule *rule = &s->policy.rules[i];
		uint8_t name[NAME_MAX_LEN];
		char text[64];

		policy_rule_init(rule);
		rule->keys = calloc(1, sizeof(*rule->keys));
		rule->names = calloc(1, sizeof(*rule->names));
		assert_non_null(rule->keys);
		assert_non_null(rule->names);
		rule->keys[rule->key_count++] = copy_name(s->key);
		snprintf(text, sizeof(text), "x%u", i);
		assert_int_equal(name_from_text(name, text, s->apex), 0);
		rule->names[rule->name_count++] = copy_name(name);
		rule->match = i + 1 < RULES ? POLICY_MATCH_NAME : POLICY_MATCH_ZONE;
	}
}

static struct policy_rule *last_rule(struct scene *s)
{
	return &s->policy.rules[RULES - 1];
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_int_equal(name_from_text(s->apex, "example.", NULL), 0);
	assert_int_equal(name_from_text(s->key, "evil", s->apex), 0);
	for (unsigned i = 0; i < OWNERS; i++) {
		char text[16];

		snprintf(text, sizeof(text), "o%u", i);
		assert_int_equal(name_from_text(s->owners[i], text, s->apex), 0);
	}
	s->zone = zone_new(s->apex);
	s->leases = lease_table_new(s->apex, NULL);
	assert_non_null(s->zone);
	assert_non_null(s->leases);
	s->subject = (struct policy_subject){.key = s->key, .transport = POLICY_TCP};
	s->update = (struct update){.prereqs = s->prereqs,
		.changes = s->changes,
		.prereq_refusal = verdict_ok(),
		.is_bounded = true};
	make_rules(s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	policy_clear(&s->policy);
	lease_table_free(s->leases);
	zone_free(s->zone);
	free(s);
	return 0;
}

/* RDATA number i of a type; of TXT such as differ in case alone. */
static uint16_t make_rdata(uint8_t out[32], uint16_t type, unsigned i)
{
	if (type == TYPE_A) {
		memcpy(out,
			(uint8_t[]){
				10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i},
			4);
		return 4;
	}
	if (type == TYPE_WKS) { /* one key, many bit maps */
		memcpy(out,
			(uint8_t[]){192, 0, 2, 1, 6, (uint8_t)(i >> 8), (uint8_t)i, 1},
			8);
		return 8;
	}
	out[0] = 20;
	for (unsigned bit = 0; bit < 20; bit++)
		out[1 + bit] = i >> bit & 1 ? 'A' : 'a';
	return 21;
}

/* An RRset of count records from first on, which the message is going to name. */
static void fill(struct scene *s, unsigned owner, uint16_t type, unsigned count)
{
	size_t size = 0;
	struct rrset *set = malloc(sizeof(*set) + (size_t)count * 34);

	assert_non_null(set);
	*set = (struct rrset){
		.refs = 1, .ttl = 300, .type = type, .count = (uint16_t)count};
	for (unsigned i = 0; i < count; i++) {
		uint16_t len = make_rdata(set->data + size + 2, type, i);

		set->data[size] = 0;
		set->data[size + 1] = (uint8_t)len;
		size += 2u + len;
	}
	set->size = (uint32_t)size;
	assert_int_equal(zone_put(s->zone, s->owners[owner], type, set), 0);
	rrset_unref(set);
	s->there += count;
}

static void lease(struct scene *s, unsigned owner, uint16_t type, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint8_t rdata[32];
		struct lease_record record = {.owner = s->owners[owner],
			.type = type,
			.rdata = rdata,
			.rdata_len = make_rdata(rdata, type, i),
			.key = s->key,
			.duration_s = 3600,
			.deadline_ms = 3600000};

		assert_int_equal(lease_table_load(s->leases, &record), 0);
	}
}

static struct rr *next_rr(struct scene *s, bool is_prereq)
{
	uint16_t *count = is_prereq ? &s->update.prereq_count : &s->update.change_count;

	assert_true(*count < RECORDS_MAX);
	return (is_prereq ? s->prereqs : s->changes) + (*count)++;
}

/* A record number i; class ANY and type only, if i < 0. */
static void add_rr(struct scene *s, bool is_prereq, unsigned owner, uint16_t type,
	uint16_t class, int i)
{
	struct rr *rr = next_rr(s, is_prereq);

	*rr = (struct rr){.owner = s->owners[owner], .type = type, .class = class};
	if (class == CLASS_IN && !is_prereq)
		rr->ttl = 300;
	if (i < 0)
		return;
	rr->rdata = s->rdata[s->rdata_count];
	rr->rdata_len = make_rdata(s->rdata[s->rdata_count++], type, (unsigned)i);
}

static void change(struct scene *s, unsigned owner, uint16_t type, uint16_t class, int i)
{
	add_rr(s, false, owner, type, class, i);
}

/* A prerequisite that does not hold: the name "nobody" is in use. */
static void fail_at_last(struct scene *s)
{
	add_rr(s, true, OWNERS - 1, TYPE_ANY, CLASS_ANY, -1);
}

/* ---- the way of an update ---- */

static struct verdict evaluate(struct scene *s, const struct update *update,
	const struct lease_terms *granted, struct changeset **ret_cs)
{
	const struct lease_update lu = {.zone = s->zone,
		.policy = &s->policy,
		.subject = &s->subject,
		.update = update,
		.granted = granted};
	struct verdict v = policy_check_effect(&s->policy, s->zone, &s->subject, update);

	if (verdict_is_ok(&v))
		v = prereq_check(s->zone, update);
	if (verdict_is_ok(&v))
		v = apply_update(s->zone, update, false, ret_cs);
	if (verdict_is_ok(&v))
		v = policy_check_result(
			&s->policy, s->apex, &s->subject, update, *ret_cs);
	if (verdict_is_ok(&v))
		assert_int_equal(lease_apply(s->leases, &lu, *ret_cs), 0);
	return v;
}

/* Does as the gateway does, and counts. */
static struct verdict judge(struct scene *s)
{
	const struct lease_terms asked = {.form = 4, .lease_s = 60};
	struct update *merged = NULL;
	struct changeset *cs = NULL;
	struct lease_terms granted;
	struct verdict v;

	looks = 0;
	v = policy_check_update(&s->policy, s->apex, &s->subject, &s->update);
	assert_true(verdict_is_ok(&v));
	granted = lease_grant(&s->policy, s->apex, &s->subject, &s->update, &asked);
	v = lease_merge(s->leases, s->zone, &s->policy, &s->subject, &s->update, &merged);
	if (verdict_is_ok(&v))
		v = evaluate(s, merged ? merged : &s->update, &granted, &cs);
	update_free(merged);
	changeset_unref(cs);
	return v;
}

static void expect_(struct scene *s, enum rcode rcode, int line)
{
	struct verdict v = judge(s);
	uint64_t records = (uint64_t)s->update.prereq_count + s->update.change_count;
	uint64_t bound = LOOKS * (records + s->there) + 6 * RULES * records;

	if (v.rcode != rcode)
		print_error("%s\n", v.why);
	_assert_int_equal(v.rcode, rcode, __FILE__, line);
	if (looks > bound)
		print_error("%llu looks, not at most %llu\n", (unsigned long long)looks,
			(unsigned long long)bound);
	_assert_true(looks <= bound, "too much work", __FILE__, line);
}

#define EXPECT(s, rcode) expect_(s, rcode, __LINE__)

/* ---- the cases ---- */

static void test_two_rrsets_deleted_in_turn(void **state)
{
	struct scene *s = *state;

	fill(s, 0, TYPE_A, MANY);
	fill(s, 1, TYPE_A, MANY);
	for (int i = 0; i < 5200; i++)
		change(s, i % 2, TYPE_A, CLASS_ANY, -1);
	fail_at_last(s);
	EXPECT(s, RCODE_NXDOMAIN);
}

/* Each record has to be judged, by rules of which each allows some of them. */
static void test_deleted_in_turn_with_data(void **state)
{
	struct scene *s = *state;
	static const char *const halves[] = {"10.0.0.0/17", "10.0.0.0/8"};

	for (int i = 0; i < 2; i++) {
		struct policy_rule *rule = &s->policy.rules[RULES - 1 - i];

		rule->match = POLICY_MATCH_ZONE;
		rule->data = calloc(1, sizeof(*rule->data));
		assert_non_null(rule->data);
		rule->data_count = 1;
		assert_int_equal(cidr_from_text(rule->data, halves[i]), 0);
	}
	for (unsigned owner = 0; owner < 4; owner++)
		fill(s, owner, TYPE_A, MANY);
	for (int i = 0; i < 5200; i++)
		change(s, i % 4, i % 3 ? TYPE_A : TYPE_ANY, CLASS_ANY, -1);
	fail_at_last(s);
	EXPECT(s, RCODE_NXDOMAIN);
}

/* TXT records that differ in case alone are different, and must not share a bucket. */
static void test_texts_in_every_case(void **state)
{
	struct scene *s = *state;

	fill(s, 0, TYPE_TXT, 4000);
	lease(s, 0, TYPE_TXT, 4000);
	for (int i = 0; i < 2000; i++)
		change(s, 0, TYPE_TXT, CLASS_IN, 4000 + i);
	for (int i = 0; i < 2000; i++)
		change(s, 0, TYPE_TXT, CLASS_NONE, i);
	EXPECT(s, RCODE_NOERROR);
}

/* Records that are removed and added again and again. */
static void test_one_record_back_and_forth(void **state)
{
	struct scene *s = *state;

	fill(s, 0, TYPE_A, MANY);
	for (int i = 0; i < 2600; i++) {
		change(s, 0, TYPE_A, CLASS_IN, MANY);
		change(s, 0, TYPE_A, CLASS_NONE, MANY);
	}
	EXPECT(s, RCODE_NOERROR);
}

/* Permanent records under rules with leases, that adopt them or do not. */
static void test_permanent_records_again(void **state)
{
	struct scene *s = *state;

	last_rule(s)->has_lease = true;
	fill(s, 0, TYPE_A, MANY);
	fill(s, 1, TYPE_A, MANY);
	for (int i = 0; i < 5000; i++)
		change(s, i % 2, TYPE_A, CLASS_IN, MANY - 1 - i);
	EXPECT(s, RCODE_NOERROR);
	assert_int_equal(lease_table_count(s->leases), 0);
	last_rule(s)->adopt = true;
	EXPECT(s, RCODE_NOERROR);
	assert_int_equal(lease_table_count(s->leases), 5000);
}

/* As many as before, but others, under a limit. */
static void test_one_half_replaced(void **state)
{
	struct scene *s = *state;

	fill(s, 0, TYPE_A, MANY);
	last_rule(s)->max_records = 9500;
	for (int i = 0; i < 2500; i++)
		change(s, 0, TYPE_A, CLASS_NONE, i);
	for (int i = 0; i < 2500; i++)
		change(s, 0, TYPE_A, CLASS_IN, MANY + i);
	EXPECT(s, RCODE_NOERROR);
}

/* A host with many leases of one type loses records of many others. */
static void test_many_leases_beside(void **state)
{
	struct scene *s = *state;

	fill(s, 0, TYPE_A, MANY);
	lease(s, 0, TYPE_A, MANY);
	for (uint16_t type = 0; type < 200; type++) {
		fill(s, 0, 65280 + type, 1);
		change(s, 0, 65280 + type, CLASS_ANY, -1);
	}
	s->there -= MANY; /* which the message does not name */
	EXPECT(s, RCODE_NOERROR);
	assert_int_equal(lease_table_count(s->leases), MANY);
}

static void test_merge(void **state)
{
	struct scene *s = *state;

	last_rule(s)->has_lease = true;
	last_rule(s)->merge = true;
	fill(s, 0, TYPE_TXT, 4000);
	fill(s, 1, TYPE_TXT, 4000);
	lease(s, 0, TYPE_TXT, 2000);
	lease(s, 1, TYPE_TXT, 1);
	for (int i = 0; i < 5000; i++)
		change(s, i % 2, TYPE_TXT, i % 5 ? CLASS_ANY : CLASS_IN, i % 5 ? -1 : i);
	EXPECT(s, RCODE_NOERROR);
}

/* Prerequisites by value, of records that replace each other elsewhere. */
static void test_prerequisites_of_one_key(void **state)
{
	struct scene *s = *state;

	fill(s, 0, TYPE_WKS, 5000);
	for (int i = 4999; i >= 0; i--)
		add_rr(s, true, 0, TYPE_WKS, CLASS_IN, i);
	EXPECT(s, RCODE_NOERROR);
}

/* A message that would need more work than is allowed is refused. */
static void test_too_much(void **state)
{
	struct scene *s = *state;

	for (unsigned owner = 0; owner + 1 < OWNERS; owner++)
		for (uint16_t type = 0; type < 20; type++) {
			fill(s, owner, 65280 + type, MANY);
			change(s, owner, 65280 + type, CLASS_ANY, -1);
		}
	fail_at_last(s);
	EXPECT(s, RCODE_REFUSED);
	assert_true(looks < 10 * RULES * 200);
	s->update.change_count = 0;
	for (unsigned owner = 0; owner + 1 < OWNERS; owner++)
		for (uint16_t type = 0; type < 20; type++)
			change(s, owner, 65280 + type, CLASS_IN, 1);
	s->update.prereq_count = 0;
	s->there = 16 * MANY * 6;
	EXPECT(s, RCODE_REFUSED);
}

/* More types at a name than exist. */
static void test_too_many_types(void **state)
{
	struct scene *s = *state;

	for (uint16_t type = 0; type < APPLY_TYPES_MAX; type++)
		change(s, 0, 65280 + type % 200, CLASS_IN, type);
	EXPECT(s, RCODE_NOERROR);
	s->update.change_count = 0;
	for (uint16_t type = 0; type < APPLY_TYPES_MAX; type++)
		change(s, 0, 64000 + type, CLASS_IN, 1);
	EXPECT(s, RCODE_REFUSED);
	/* Not with those that they take the place of. */
	s->update.change_count = 0;
	change(s, 0, TYPE_ANY, CLASS_ANY, -1);
	for (uint16_t type = 0; type < APPLY_TYPES_MAX; type++)
		change(s, 0, 64000 + type, CLASS_IN, 1);
	EXPECT(s, RCODE_NOERROR);
}

/* Another order is the same RRset. */
static void test_other_order(void **state)
{
	struct rrset *a, *b;

	(void)state;
	a = malloc(sizeof(*a) + (size_t)MANY * 6);
	b = malloc(sizeof(*b) + (size_t)MANY * 6);
	assert_non_null(a);
	assert_non_null(b);
	*a = (struct rrset){.refs = 1, .type = TYPE_A, .count = MANY, .size = MANY * 6};
	*b = *a;
	for (unsigned i = 0; i < MANY; i++) {
		memcpy(a->data + i * 6, (uint8_t[]){0, 4}, 2);
		make_rdata(a->data + i * 6 + 2, TYPE_A, i);
		memcpy(b->data + (MANY - 1 - i) * 6, a->data + i * 6, 6);
	}
	looks = 0;
	assert_true(rrset_is_identical(a, b));
	assert_true(rrset_has_same_data(a, b));
	assert_true(looks <= 16 * MANY);
	b->data[5] ^= 0x80;
	assert_false(rrset_is_identical(a, b));
	rrset_unref(a);
	rrset_unref(b);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_two_rrsets_deleted_in_turn),
		CASE(test_deleted_in_turn_with_data),
		CASE(test_texts_in_every_case),
		CASE(test_one_record_back_and_forth),
		CASE(test_permanent_records_again),
		CASE(test_one_half_replaced),
		CASE(test_many_leases_beside),
		CASE(test_merge),
		CASE(test_prerequisites_of_one_key),
		CASE(test_too_much),
		CASE(test_too_many_types),
		cmocka_unit_test(test_other_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
