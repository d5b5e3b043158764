/* What a zone should have after its server was put back to an older state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/unit/message.h"
#include "zones/owed.h"

#define SOA      "@ 60 SOA ns admin 10 2 3 4 5\n"
#define SOA_LINE "example. 60 SOA ns.example. admin.example. 10 2 3 4 5\n"

/* A server that was put back, and what is known. */
struct put_back {
	struct zone *then;            /* as it was at first; becomes what it was before */
	struct zone *found;           /* as the server has it */
	struct provenance provenance; /* two views of the journal */
	struct changeset *said;
	struct lease_table *leases;
	bool has_no_mirror, is_mirror_vouched;
};

static void begin(struct put_back *p, const char *then, const char *found)
{
	*p = (struct put_back){.then = message_make_zone("example.", then),
		.found = message_make_zone("example.", found),
		.said = changeset_new(),
		.leases = lease_table_new(message_name("example."), NULL)};
	provenance_init(&p->provenance, NULL);
}

/* A row of the journal. */
static void change(struct put_back *p, const char *const *lines)
{
	struct changeset *cs = message_apply(p->then, false, RCODE_NOERROR, lines);

	assert_int_equal(owed_note_row(p->said, p->found, cs), 0);
	assert_int_equal(provenance_note(&p->provenance, cs), 0);
	changeset_unref(cs);
}

/* Somebody else's, which no row has. */
static void change_foreign(struct put_back *p, const char *const *lines)
{
	changeset_unref(message_apply(p->then, false, RCODE_NOERROR, lines));
}

static void lease(struct put_back *p, const char *owner, uint8_t last,
	uint32_t duration_s, unsigned flags)
{
	const uint8_t rdata[] = {192, 0, 2, last};
	const struct lease_record record = {.owner = message_name(owner),
		.type = TYPE_A,
		.rdata = rdata,
		.rdata_len = sizeof(rdata),
		.key = message_name("key."),
		.duration_s = duration_s,
		.flags = flags};

	assert_int_equal(lease_table_load(p->leases, &record), 0);
}

/* Carries out the plan: this is what the server has then. */
static void comes_to(struct put_back *p, const char *expected, size_t lost)
{
	const struct owed_evidence evidence = {.found = p->found,
		.mirror = p->has_no_mirror ? NULL : p->then,
		.is_mirror_vouched = p->is_mirror_vouched,
		.provenance = &p->provenance,
		.said = p->has_no_mirror ? p->said : NULL,
		.leases = p->leases};
	struct owed_plan plan;
	struct changeset *cs;

	assert_int_equal(owed_plan_make(&plan, &evidence), 0);
	assert_int_equal(plan.lost, lost);
	for (size_t i = 0; i < plan.count; i++) {
		const struct verdict v =
			apply_update(p->found, plan.updates[i], false, &cs);

		assert_int_equal(v.rcode, RCODE_NOERROR);
		changeset_unref(cs);
	}
	message_assert_zone(p->found, expected);
	owed_plan_clear(&plan);
	zone_free(p->then);
	zone_free(p->found);
	changeset_unref(p->said);
	provenance_clear(&p->provenance);
	lease_table_free(p->leases);
}

static void what_was_added_comes_back(void **state)
{
	struct put_back p;

	(void)state;
	begin(&p, SOA, SOA "new 60 A 192.0.2.9\n");
	change(&p, (const char *[]){"a 60 IN A 192.0.2.1", NULL});
	change(&p, (const char *[]){"a 60 IN A 192.0.2.2", "b 60 IN TXT x", NULL});
	comes_to(&p,
		SOA_LINE "a.example. 60 A 192.0.2.1\na.example. 60 A 192.0.2.2\n"
			 "b.example. 60 TXT \"x\"\nnew.example. 60 A 192.0.2.9\n",
		0);
}

static void what_was_deleted_goes_again(void **state)
{
	struct put_back p;

	(void)state;
	begin(&p, SOA "a 60 A 192.0.2.1\na 60 A 192.0.2.2\nb 60 TXT x\n",
		SOA "a 60 A 192.0.2.1\na 60 A 192.0.2.2\na 60 A 192.0.2.3\nb 60 TXT x\n");
	change(&p, (const char *[]){"a 0 NONE A 192.0.2.1", "b 0 ANY ANY", NULL});
	/* what is new there stays */
	comes_to(
		&p, SOA_LINE "a.example. 60 A 192.0.2.2\na.example. 60 A 192.0.2.3\n", 0);
}

static void the_newest_row_counts(void **state)
{
	struct put_back p;

	(void)state;
	begin(&p, SOA "a 60 A 192.0.2.1\nb 60 A 192.0.2.1\n",
		SOA "a 60 A 192.0.2.1\nb 60 A 192.0.2.1\n");
	change(&p, (const char *[]){"a 0 NONE A 192.0.2.1", "b 0 ANY A", NULL});
	change(&p, (const char *[]){"c 60 IN A 192.0.2.1", "b 60 IN A 192.0.2.2", NULL});
	change(&p, (const char *[]){"a 30 IN A 192.0.2.1", "c 0 ANY A", NULL});
	comes_to(
		&p, SOA_LINE "a.example. 30 A 192.0.2.1\nb.example. 60 A 192.0.2.2\n", 0);
}

static void what_others_did_since_is_not_undone(void **state)
{
	struct put_back p;

	(void)state;
	begin(&p, SOA "keep 60 A 192.0.2.1\nkeep 60 A 192.0.2.2\n",
		SOA "keep 60 A 192.0.2.1\nkeep 60 A 192.0.2.2\n");
	change(&p,
		(const char *[]){"a 60 IN A 192.0.2.1", "keep 0 NONE A 192.0.2.1", NULL});
	change_foreign(&p,
		(const char *[]){"a 0 ANY A", "keep 60 IN A 192.0.2.1",
			"theirs 60 IN A 192.0.2.5", NULL});
	comes_to(&p,
		SOA_LINE "keep.example. 60 A 192.0.2.1\nkeep.example. 60 A 192.0.2.2\n",
		1);
}

static void a_cname_and_addresses_take_turns(void **state)
{
	struct put_back p;

	(void)state;
	begin(&p, SOA "a 60 CNAME b\nc 60 A 192.0.2.1\n",
		SOA "a 60 CNAME b\nc 60 A 192.0.2.1\n");
	change(&p,
		(const char *[]){"a 0 ANY CNAME", "a 60 IN A 192.0.2.1", "c 0 ANY A",
			"c 60 IN CNAME d", NULL});
	comes_to(&p,
		SOA_LINE "a.example. 60 A 192.0.2.1\nc.example. 60 CNAME d.example.\n",
		0);
}

static void leases_vouch_for_their_records(void **state)
{
	struct put_back p;

	(void)state;
	begin(&p, SOA "a 60 A 192.0.2.1\na 60 A 192.0.2.2\n", SOA);
	lease(&p, "a.example.", 1, 3600, 0);
	comes_to(&p, SOA_LINE "a.example. 60 A 192.0.2.1\n", 1);
}

static void a_person_vouches_for_everything(void **state)
{
	struct put_back p;

	(void)state;
	begin(&p, SOA "a 60 A 192.0.2.1\nb 60 A 192.0.2.2\n",
		SOA "b 90 A 192.0.2.2\nnew 60 A 192.0.2.9\n");
	p.is_mirror_vouched = true;
	comes_to(&p,
		SOA_LINE "a.example. 60 A 192.0.2.1\nb.example. 60 A 192.0.2.2\n"
			 "new.example. 60 A 192.0.2.9\n",
		0);
}

static void without_a_mirror_rows_and_leases_remain(void **state)
{
	struct put_back p;

	(void)state;
	begin(&p, SOA "gone 60 A 192.0.2.1\n",
		SOA "gone 60 A 192.0.2.1\nb 90 A 192.0.2.9\n");
	change(&p, (const char *[]){"gone 0 ANY A", "a 60 IN A 192.0.2.1", NULL});
	lease(&p, "a.example.", 1, 3600, 0);
	lease(&p, "b.example.", 2, 3600, 0);
	lease(&p, "c.example.", 3, 3600, 0);
	lease(&p, "d.example.", 4, 30, 0);
	lease(&p, "e.example.", 5, 3600, LEASE_DERIVED | LEASE_WAITING);
	p.has_no_mirror = true;
	comes_to(&p,
		SOA_LINE "a.example. 60 A 192.0.2.1\nb.example. 90 A 192.0.2.2\n"
			 "b.example. 90 A 192.0.2.9\nc.example. 300 A 192.0.2.3\n"
			 "d.example. 30 A 192.0.2.4\n",
		0);
}

static void each_server_has_its_own_keys(void **state)
{
	struct put_back p;

	(void)state;
	begin(&p, SOA "@ 60 DNSKEY 257 3 13 AAAA\n@ 60 NS a\n",
		SOA "@ 60 DNSKEY 257 3 13 AQID\n@ 60 NS b\n");
	zone_set_signed(p.then, true);
	zone_set_signed(p.found, true);
	p.is_mirror_vouched = true;
	comes_to(&p,
		SOA_LINE "example. 60 DNSKEY 257 3 13 AQID\nexample. 60 NS a.example.\n"
			 "example. 60 NS b.example.\n",
		0);
}

/* However often an RRset changes, only what the server has of it is kept. */
static void a_busy_name_needs_no_more_memory(void **state)
{
	struct put_back p;
	char add[64], del[64];

	(void)state;
	begin(&p, SOA "a 60 A 192.0.2.7\n", SOA "a 60 A 192.0.2.7\n");
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(add, sizeof(add), "a 60 IN A 192.0.%u.%u", i / 100, i % 100);
		snprintf(del, sizeof(del), "a 0 ANY A");
		change(&p, (const char *[]){del, add, NULL});
	}
	assert_int_equal(p.said->count, 1);
	assert_int_equal(p.said->changes[0].before->count, 1);
	p.has_no_mirror = true;
	comes_to(&p, SOA_LINE "a.example. 60 A 192.0.9.99\n", 0);
}

static void many_names_are_many_updates(void **state)
{
	struct put_back p;
	struct owed_plan plan;
	char line[64];

	(void)state;
	begin(&p, SOA, SOA);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "h%u 60 IN A 192.0.2.1", i);
		change(&p, (const char *[]){line, NULL});
	}
	assert_int_equal(owed_plan_make(&plan,
				 &(struct owed_evidence){.found = p.found,
					 .mirror = p.then,
					 .provenance = &p.provenance}),
		0);
	assert_int_equal(plan.back, 100);
	assert_true(plan.count > 5 && plan.count < 10);
	owed_plan_clear(&plan);
	zone_free(p.then);
	zone_free(p.found);
	changeset_unref(p.said);
	provenance_clear(&p.provenance);
	lease_table_free(p.leases);
}

static void bare_leases_are_counted(void **state)
{
	struct put_back p;

	(void)state;
	begin(&p, SOA, SOA "a 60 A 192.0.2.1\n");
	lease(&p, "a.example.", 1, 60, 0);
	lease(&p, "a.example.", 2, 60, 0);
	lease(&p, "b.example.", 2, 60, 0);
	lease(&p, "c.example.", 2, 60, LEASE_DERIVED | LEASE_WAITING);
	assert_int_equal(owed_count_bare_leases(p.leases, p.found), 2);
	comes_to(&p, SOA_LINE "a.example. 60 A 192.0.2.1\n", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_comes_back),
		cmocka_unit_test(what_was_deleted_goes_again),
		cmocka_unit_test(the_newest_row_counts),
		cmocka_unit_test(what_others_did_since_is_not_undone),
		cmocka_unit_test(a_cname_and_addresses_take_turns),
		cmocka_unit_test(leases_vouch_for_their_records),
		cmocka_unit_test(a_person_vouches_for_everything),
		cmocka_unit_test(without_a_mirror_rows_and_leases_remain),
		cmocka_unit_test(each_server_has_its_own_keys),
		cmocka_unit_test(a_busy_name_needs_no_more_memory),
		cmocka_unit_test(many_names_are_many_updates),
		cmocka_unit_test(bare_leases_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
