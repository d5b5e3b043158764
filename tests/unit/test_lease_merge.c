/*
 * Deletions that spare records of others: two ACME clients at one name.
 */
#include "tests/unit/lease_bench.h"

#include <stdlib.h>
#include <string.h>
#include "tests/unit/message.h"

#define NAME "_acme-challenge"

static void beside_each_other(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "acme.", NAME " 0 ANY TXT; " NAME " 60 IN TXT a");
	LEASED(b, NAME " TXT a", 7200);
	lease_bench_pass(b, 10);
	lease_bench_update(b, "acme2.", NAME " 0 ANY TXT; " NAME " 60 IN TXT b");
	LEASED(b, NAME " TXT a", 7190);
	LEASED(b, NAME " TXT b", 7200);
	/* One client with two at a time: an apex and its wildcard. */
	lease_bench_update(b, "acme2.", NAME " 0 ANY TXT; " NAME " 60 IN TXT c");
	LEASED(b, NAME " TXT b", 7200);
	/* Cleaning up: by record, or all of one's own. */
	lease_bench_update(b, "acme2.", NAME " 0 NONE TXT c");
	GONE(b, NAME " TXT c");
	lease_bench_update(b, "acme2.", NAME " 0 ANY TXT");
	GONE(b, NAME " TXT b");
	LEASED(b, NAME " TXT a", 7190);
	/* The leases of a client that never cleans up do it for it. */
	lease_bench_pass(b, 7190);
	assert_int_equal(lease_bench_expire_all(b), 1);
	GONE(b, NAME " TXT a");
}

static void permanent_ones_go(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_load(b, NAME " 60 IN TXT old");
	lease_bench_update(b, "acme.", NAME " 60 IN TXT a");
	lease_bench_update(b, "acme2.", NAME " 0 ANY TXT; " NAME " 60 IN TXT b");
	GONE(b, NAME " TXT old");
	LEASED(b, NAME " TXT a", 7200);
	lease_bench_load(b, NAME " 60 IN TXT old");
	lease_bench_update(b, "acme2.", NAME " 0 ANY TXT");
	GONE(b, NAME " TXT old");
	GONE(b, NAME " TXT b");
	LEASED(b, NAME " TXT a", 7200);
}

/* The same record added by a second client is shared, and refreshed. */
static void shared_record(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "acme.", NAME " 0 ANY TXT; " NAME " 60 IN TXT a");
	lease_bench_pass(b, 10);
	lease_bench_update(b, "acme2.", NAME " 0 ANY TXT; " NAME " 60 IN TXT a");
	LEASED(b, NAME " TXT a", 7200);
	assert_int_equal(b->cs->count, 0);
}

static void other_rules_delete_all(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "acme.", NAME " 60 IN TXT a");
	lease_bench_update(b, "hour.", NAME " 0 ANY TXT; " NAME " 60 IN TXT b");
	GONE(b, NAME " TXT a");
	LEASED(b, NAME " TXT b", 3600);
	/* The deletion of the whole name spares nothing. */
	lease_bench_update(b, "acme2.", NAME " 0 ANY ANY");
	GONE(b, NAME " TXT b");
}

/* The order of the message counts: what an update adds before it deletes is gone. */
static void order(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "acme.", NAME " 60 IN TXT a; other 60 IN TXT x");
	lease_bench_update(b, "acme2.",
		NAME " 60 IN TXT b; " NAME " 0 ANY TXT; " NAME " 60 IN TXT c;" NAME
		     " 0 ANY TXT; " NAME " 60 IN TXT d; other 60 IN TXT y;" NAME
		     " 60 IN A 192.0.2.1; other 0 ANY TXT");
	LEASED(b, NAME " TXT a", 7200);
	GONE(b, NAME " TXT b");
	GONE(b, NAME " TXT c");
	LEASED(b, NAME " TXT d", 7200);
	LEASED(b, NAME " A 192.0.2.1", 7200);
	LEASED(b, "other TXT x", 7200);
	GONE(b, "other TXT y");
}

static void nothing_different(void **state)
{
	struct lease_bench *b = *state;
	const char *lines[] = {NAME " 0 ANY TXT", "host1 0 ANY A", NULL};
	struct update *update = message_update_of("dyn.example.", lines), *merged;
	struct verdict v;

	lease_bench_load(b, NAME " 60 IN TXT old");
	lease_bench_load(b, "host1 60 IN A 192.0.2.1");
	b->subject.key = lease_bench_name(b, "acme.");
	v = lease_merge(b->table, b->zone, &b->policy, &b->subject, update, &merged);
	assert_int_equal(v.rcode, RCODE_NOERROR);
	assert_null(merged);
	lease_bench_update(b, "acme.", NAME " 60 IN TXT a");
	b->subject.key = lease_bench_name(b, "acme.");
	v = lease_merge(b->table, b->zone, &b->policy, &b->subject, update, &merged);
	assert_int_equal(v.rcode, RCODE_NOERROR);
	assert_null(merged); /* its own, and the permanent one */
	b->subject.key = lease_bench_name(b, "acme2.");
	v = lease_merge(b->table, b->zone, &b->policy, &b->subject, update, &merged);
	assert_int_equal(v.rcode, RCODE_NOERROR);
	assert_non_null(merged);
	assert_int_equal(merged->change_count, 2);
	assert_true(update_is_delete_record(&merged->changes[0]));
	assert_true(update_is_delete_rrset(&merged->changes[1]));
	update_free(merged);
	update_free(update);
}

/* The rules must allow the deletion of each record that goes. */
static void judged_record_by_record(void **state)
{
	struct lease_bench *b = *state;
	struct policy_rule *rule = lease_bench_rule(b, "net.");
	const char *lines[] = {"www 0 ANY A", "www 60 IN A 10.0.0.3", NULL};
	struct update *update = message_update_of("dyn.example.", lines), *merged;
	struct verdict v;

	rule->has_lease = rule->merge = true;
	rule->lease_default_s = 60;
	rule->data = malloc(sizeof(struct cidr));
	assert_non_null(rule->data);
	assert_int_equal(cidr_from_text(rule->data, "10.0.0.0/8"), 0);
	rule->data_count = 1;
	lease_bench_load(b, "www 60 IN A 192.0.2.1");
	lease_bench_update(b, "net.", "www 60 IN A 10.0.0.2");
	b->subject.key = lease_bench_name(b, "net.");
	v = lease_merge(b->table, b->zone, &b->policy, &b->subject, update, &merged);
	assert_int_equal(v.rcode, RCODE_REFUSED);
	assert_non_null(strstr(v.why, "192.0.2.1 is not an address it may delete"));
	assert_null(merged);
	update_free(update);
}

/* Prerequisites are kept, with their meaning. */
static void prerequisites(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "acme.", NAME " 60 IN TXT a");
	lease_bench_update(b, "acme2.",
		"? " NAME " 0 IN TXT a; ? host1 0 NONE ANY; " NAME " 0 ANY TXT;" NAME
		" 60 IN TXT b");
	LEASED(b, NAME " TXT a", 7200);
	LEASED(b, NAME " TXT b", 7200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LEASES(beside_each_other),
		WITH_LEASES(permanent_ones_go),
		WITH_LEASES(shared_record),
		WITH_LEASES(other_rules_delete_all),
		WITH_LEASES(order),
		WITH_LEASES(nothing_different),
		WITH_LEASES(judged_record_by_record),
		WITH_LEASES(prerequisites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
