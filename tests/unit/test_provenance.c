/* Where records come from: the journal's last word, and leases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/unit/message.h"
#include "zones/provenance.h"
#include "zones/rdata.h"

#define SOA "@ 60 SOA ns admin 10 2 3 4 5\n"

enum { LINES_MAX = 16 };

static struct update *lines[LINES_MAX];
static size_t line_count;

/* The record of a line, valid until the end of the test. */
static struct rr record(const char *line)
{
	assert_true(line_count < LINES_MAX);
	lines[line_count] = message_update_of("example.", (const char *[]){line, NULL});
	return lines[line_count++]->changes[0];
}

static int forget_lines(void **state)
{
	(void)state;
	while (line_count)
		update_free(lines[--line_count]);
	return 0;
}

static void note(
	struct provenance *provenance, struct zone *zone, const char *const *update)
{
	struct changeset *changes = message_apply(zone, false, RCODE_NOERROR, update);

	assert_int_equal(provenance_note(provenance, changes), 0);
	changeset_unref(changes);
}

static void the_journals_last_word(void **state)
{
	struct zone *zone =
		message_make_zone("example.", SOA "h 60 A 192.0.2.1\nh 60 A 192.0.2.2\n");
	struct provenance p;
	const struct {
		const char *line;
		enum provenance_word word;
	} cases[] = {
		{"h 60 IN A 192.0.2.1", PROVENANCE_UNKNOWN}, /* there from the start */
		{"h 60 IN A 192.0.2.2", PROVENANCE_REMOVED},
		{"h 60 IN A 192.0.2.3", PROVENANCE_ADDED},
		{"back 60 IN CNAME Elsewhere", PROVENANCE_ADDED},
		{"back 60 IN CNAME eLSEWHERE", PROVENANCE_ADDED},
		{"gone 60 IN TXT a", PROVENANCE_REMOVED},
		{"gone 60 IN TXT A", PROVENANCE_UNKNOWN},
		{"slow 90 IN A 192.0.2.4", PROVENANCE_ADDED},
	};

	(void)state;
	provenance_init(&p, NULL);
	note(&p, zone,
		(const char *[]){"h 0 NONE A 192.0.2.2", "h 60 IN A 192.0.2.3",
			"back 60 IN CNAME elsewhere", "slow 60 IN A 192.0.2.4", NULL});
	note(&p, zone,
		(const char *[]){"back 0 ANY ANY", "gone 60 IN TXT a",
			"slow 90 IN A 192.0.2.4", NULL});
	note(&p, zone,
		(const char *[]){"back 60 IN CNAME elsewhere", "gone 0 ANY TXT", NULL});
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rr rr = record(cases[i].line);

		assert_int_equal(provenance_find(&p, &rr), cases[i].word);
		assert_int_equal(provenance_is_owed(&p, NULL, &rr),
			cases[i].word == PROVENANCE_ADDED);
	}
	provenance_clear(&p);
	zone_free(zone);
}

static void leases_promise_records(void **state)
{
	struct lease_table *leases = lease_table_new(message_name("example."), NULL);
	struct rr here = record("h 60 IN A 192.0.2.1"),
		  waiting = record("p 60 IN PTR h.example.");
	struct lease_record lease = {.owner = here.owner,
		.type = here.type,
		.rdata = here.rdata,
		.rdata_len = here.rdata_len,
		.key = message_name("k."),
		.duration_s = 60};
	struct provenance p;

	(void)state;
	provenance_init(&p, NULL);
	assert_false(provenance_is_owed(&p, leases, &here));
	assert_int_equal(lease_table_load(leases, &lease), 0);
	lease.owner = waiting.owner;
	lease.type = waiting.type;
	lease.rdata = waiting.rdata;
	lease.rdata_len = waiting.rdata_len;
	lease.flags = LEASE_DERIVED | LEASE_WAITING;
	assert_int_equal(lease_table_load(leases, &lease), 0);
	assert_true(provenance_is_owed(&p, leases, &here));
	assert_true(provenance_is_owed(NULL, leases, &here));
	assert_false(provenance_is_owed(&p, leases, &waiting));
	lease_table_free(leases);
	provenance_clear(&p);
}

static void many_digests(void **state)
{
	enum { COUNT = 100000 };
	struct digest_set set;
	uint8_t rdata[4] = {0};
	struct rr rr = {.owner = message_name("h.example."),
		.type = TYPE_A,
		.rdata = rdata,
		.rdata_len = sizeof(rdata)};
	bool bit;

	(void)state;
	digest_set_init(&set, NULL);
	assert_false(digest_set_has(&set, digest_of_record(&set, &rr), &bit));
	for (uint32_t i = 0; i < 2 * COUNT; i++) {
		rdata[1] = (uint8_t)(i >> 16);
		rdata[2] = (uint8_t)(i >> 8);
		rdata[3] = (uint8_t)i;
		if (i < COUNT)
			assert_int_equal(
				digest_set_put(&set, digest_of_record(&set, &rr), i % 3),
				0);
		else
			assert_false(
				digest_set_has(&set, digest_of_record(&set, &rr), NULL));
	}
	assert_int_equal(set.count, COUNT);
	for (uint32_t i = 0; i < COUNT; i++) {
		rdata[1] = (uint8_t)(i >> 16);
		rdata[2] = (uint8_t)(i >> 8);
		rdata[3] = (uint8_t)i;
		assert_true(digest_set_has(&set, digest_of_record(&set, &rr), &bit));
		assert_int_equal(bit, i % 3 != 0);
	}
	assert_true(digest_of_rrset(&set, rr.owner, TYPE_A) !=
		digest_of_rrset(&set, rr.owner, TYPE_AAAA));
	digest_set_clear(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_journals_last_word, forget_lines),
		cmocka_unit_test_teardown(leases_promise_records, forget_lines),
		cmocka_unit_test(many_digests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
