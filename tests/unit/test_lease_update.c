/*
 * What accepted updates do to leases.
 */
#include "tests/unit/lease_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void lease_by_default(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	LEASED(b, "host1 A 192.0.2.1", 3600);
	assert_int_equal(lease_bench_changes(b), 1);
	lease_bench_update(b, "asked.", "host2 300 IN A 192.0.2.2");
	PERMANENT(b, "host2 A 192.0.2.2");
	lease_bench_update(b, "perm.", "host3 300 IN A 192.0.2.3");
	PERMANENT(b, "host3 A 192.0.2.3");
	assert_null(b->cs->leases);
	assert_int_equal(lease_table_count(b->table), 1);
}

static void lease_by_option(void **state)
{
	struct lease_bench *b = *state;

	b->asked = (struct lease_terms){4, 1800, 1800};
	lease_bench_update(b, "asked.", "host1 300 IN A 192.0.2.1");
	LEASED(b, "host1 A 192.0.2.1", 1800);
	/* What a rule makes permanent is permanent, whatever the client asks for. */
	lease_bench_update(b, "perm.", "host2 300 IN A 192.0.2.2");
	PERMANENT(b, "host2 A 192.0.2.2");
	b->asked = (struct lease_terms){8, 1800, 604800};
	lease_bench_update(
		b, "asked.", "host3 300 IN A 192.0.2.3; host3 300 IN KEY 512 3 8 AAAA");
	LEASED(b, "host3 A 192.0.2.3", 1800);
	LEASED(b, "host3 KEY 512 3 8 AAAA", 604800);
}

static void refresh_is_no_change(void **state)
{
	struct lease_bench *b = *state;
	struct lease_record record;

	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	lease_bench_pass(b, 1000);
	LEASED(b, "host1 A 192.0.2.1", 2600);
	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	LEASED(b, "host1 A 192.0.2.1", 3600);
	assert_int_equal(b->cs->count, 0);
	assert_null(b->cs->leases);
	lease_bench_pass(b, 1000);
	lease_bench_update(b, "hour.", "host1 0 ANY A; host1 300 IN A 192.0.2.1");
	LEASED(b, "host1 A 192.0.2.1", 3600);
	assert_int_equal(b->cs->count, 0);
	assert_null(b->cs->leases);
	lease_describe(b->table, lease_bench_find(b, "host1 A 192.0.2.1"), &record);
	assert_int_equal(record.seen_s, b->real_s);
}

static void ttl_keeps_lease(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(
		b, "hour.", "host1 300 IN A 192.0.2.1; host1 300 IN A 192.0.2.2");
	lease_bench_pass(b, 1000);
	lease_bench_update(b, "hour.", "host1 600 IN A 192.0.2.1");
	assert_int_not_equal(b->cs->count, 0);
	assert_null(b->cs->leases);
	LEASED(b, "host1 A 192.0.2.1", 3600);
	LEASED(b, "host1 A 192.0.2.2", 2600);
}

static void another_duration_is_a_change(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	b->asked = (struct lease_terms){4, 7200, 7200};
	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	LEASED(b, "host1 A 192.0.2.1", 7200);
	assert_int_equal(lease_bench_changes(b), 1);
	assert_true(b->cs->leases->changes[0].had && b->cs->leases->changes[0].has);
	assert_int_equal(b->cs->leases->changes[0].before.duration_s, 3600);
	assert_int_equal(b->cs->leases->changes[0].after.duration_s, 7200);
}

static void deletion_ends(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "hour.",
		"host1 300 IN A 192.0.2.1; host1 300 IN A 192.0.2.2; host1 300 IN TXT a");
	lease_bench_update(b, "perm.", "host1 0 NONE A 192.0.2.1");
	GONE(b, "host1 A 192.0.2.1");
	LEASED(b, "host1 A 192.0.2.2", 3600);
	assert_int_equal(lease_bench_changes(b), 1);
	assert_false(b->cs->leases->changes[0].has);
	lease_bench_update(b, "perm.", "host1 0 ANY ANY");
	GONE(b, "host1 A 192.0.2.2");
	GONE(b, "host1 TXT a");
	assert_int_equal(lease_bench_changes(b), 2);
	assert_int_equal(lease_table_count(b->table), 0);
}

static void move_ends_and_begins(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	lease_bench_update(b, "hour.", "host1 0 ANY A; host1 300 IN A 192.0.2.9");
	GONE(b, "host1 A 192.0.2.1");
	LEASED(b, "host1 A 192.0.2.9", 3600);
	assert_int_equal(lease_bench_changes(b), 2);
}

static void cname_replaced(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "hour.", "www 300 IN CNAME host1");
	lease_bench_update(b, "hour.", "www 300 IN CNAME HOST1");
	assert_null(b->cs->leases); /* the same name in another case */
	LEASED(b, "www CNAME host1", 3600);
	lease_bench_update(b, "hour.", "www 300 IN CNAME host2");
	GONE(b, "www CNAME host1");
	LEASED(b, "www CNAME host2", 3600);
	/* An address beside a CNAME is ignored (RFC 2136 3.4.2.2): no lease. */
	lease_bench_update(b, "hour.", "www 300 IN A 192.0.2.1");
	GONE(b, "www A 192.0.2.1");
	assert_null(b->cs->leases);
}

static void apex_is_never_leased(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_rule(b, "all.");
	b->policy.rules[b->policy.count - 1].has_lease = true;
	b->policy.rules[b->policy.count - 1].lease_default_s = 60;
	b->policy.rules[b->policy.count - 1].adopt = true;
	b->policy.rules[b->policy.count - 1].types = malloc(sizeof(uint16_t));
	b->policy.rules[b->policy.count - 1].types[0] = TYPE_ANY;
	b->policy.rules[b->policy.count - 1].type_count = 1;
	lease_bench_update(b, "all.",
		"@ 300 IN NS ns3; @ 300 IN SOA ns hostmaster 900 3600 900 604800 300;"
		"sub 300 IN NS ns4; @ 300 IN MX 10 mail");
	PERMANENT(b, "@ NS ns3");
	assert_int_equal(lease_table_count(b->table), 2);
	LEASED(b, "sub NS ns4", 60);
	LEASED(b, "@ MX 10 mail", 60);
}

static void permanent_wins(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	lease_bench_update(b, "perm.", "host1 300 IN A 192.0.2.1");
	PERMANENT(b, "host1 A 192.0.2.1");
	assert_int_equal(b->cs->count, 0);
	assert_int_equal(lease_bench_changes(b), 1);
	/* It does not get a lease again. */
	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	PERMANENT(b, "host1 A 192.0.2.1");
	lease_bench_update(b, "hour.", "host1 0 ANY ANY; host1 300 IN A 192.0.2.1");
	PERMANENT(b, "host1 A 192.0.2.1");
	/* Under a rule that grants leases only to clients that ask, it becomes permanent
	 * for a client that does not. */
	b->asked = (struct lease_terms){4, 1800, 1800};
	lease_bench_update(b, "asked.", "host2 300 IN A 192.0.2.2");
	LEASED(b, "host2 A 192.0.2.2", 1800);
	b->asked = (struct lease_terms){0};
	lease_bench_update(b, "asked.", "host2 300 IN A 192.0.2.2");
	PERMANENT(b, "host2 A 192.0.2.2");
}

static void adopt(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_load(b, "host1 300 IN A 192.0.2.1");
	lease_bench_load(b, "host1 300 IN A 192.0.2.2");
	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	PERMANENT(b, "host1 A 192.0.2.1");
	lease_bench_update(b, "adopt.", "host1 300 IN A 192.0.2.1");
	assert_int_equal(b->cs->count, 0);
	assert_int_equal(lease_bench_changes(b), 1);
	LEASED(b, "host1 A 192.0.2.1", 3600);
	PERMANENT(b, "host1 A 192.0.2.2");
	lease_bench_pass(b, 3600);
	assert_int_equal(lease_bench_expire_all(b), 1);
	GONE(b, "host1 A 192.0.2.1");
	PERMANENT(b, "host1 A 192.0.2.2");
}

static void twice_in_one_update(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "hour.",
		"host1 300 IN A 192.0.2.1; host1 300 IN A 192.0.2.1; host1 0 ANY A;"
		"host1 300 IN A 192.0.2.1; host1 300 IN TXT x; host1 0 NONE TXT x");
	assert_int_equal(lease_bench_changes(b), 1);
	LEASED(b, "host1 A 192.0.2.1", 3600);
	GONE(b, "host1 TXT x");
	b->asked = (struct lease_terms){4, 1800, 1800};
	lease_bench_update(
		b, "hour.", "host1 300 IN A 192.0.2.1; host1 300 IN A 192.0.2.1");
	assert_int_equal(lease_bench_changes(b), 1);
}

static void two_hosts_on_one_name(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "hour.", "www 300 IN A 192.0.2.1");
	lease_bench_pass(b, 1000);
	lease_bench_update(b, "adopt.", "www 300 IN A 192.0.2.2");
	lease_bench_pass(b, 2600);
	assert_int_equal(lease_bench_expire_all(b), 1);
	GONE(b, "www A 192.0.2.1");
	LEASED(b, "www A 192.0.2.2", 1000);
	lease_bench_pass(b, 1000);
	assert_int_equal(lease_bench_expire_all(b), 1);
	GONE(b, "www A 192.0.2.2");
}

static void prerequisites_alone(void **state)
{
	struct lease_bench *b = *state;

	lease_bench_update(b, "hour.",
		"host1 300 IN A 192.0.2.1; host1 300 IN A 192.0.2.2; host1 300 IN TXT a");
	lease_bench_update(b, "adopt.", "host1 300 IN AAAA 2001:db8::1");
	lease_bench_pass(b, 100);
	lease_bench_update(b, "hour.", "? host1 0 ANY ANY");
	LEASED(b, "host1 A 192.0.2.1", 3600);
	LEASED(b, "host1 TXT a", 3600);
	LEASED(b, "host1 AAAA 2001:db8::1", 3500); /* of another key */
	lease_bench_pass(b, 100);
	lease_bench_update(b, "hour.", "? host1 0 ANY A; ? host1 0 ANY AAAA");
	LEASED(b, "host1 A 192.0.2.1", 3600);
	LEASED(b, "host1 A 192.0.2.2", 3600);
	LEASED(b, "host1 TXT a", 3500);
	lease_bench_pass(b, 100);
	lease_bench_update(b, "hour.",
		"? host1 0 IN A 192.0.2.2; ? host1 0 IN A 192.0.2.1; ? host1 0 IN TXT a");
	LEASED(b, "host1 A 192.0.2.1", 3600);
	LEASED(b, "host1 TXT a", 3600);
	assert_null(b->cs->leases);
	lease_bench_pass(b, 100);
	/* Prerequisites about missing records, or beside changes, refresh nothing. */
	lease_bench_update(b, "hour.", "? host2 0 NONE ANY; ? host1 0 NONE SSHFP");
	lease_bench_update(b, "hour.", "? host1 0 ANY ANY; host3 300 IN A 192.0.2.3");
	LEASED(b, "host1 A 192.0.2.1", 3500);
	/* The terms that are granted count, if there are any; other ones are a change. */
	b->asked = (struct lease_terms){4, 7200, 7200};
	lease_bench_update(b, "hour.", "? host1 0 ANY A");
	LEASED(b, "host1 A 192.0.2.1", 7200);
	assert_int_equal(lease_bench_changes(b), 2);
}

static void source_of_another_family(void **state)
{
	struct lease_bench *b = *state;
	struct lease_record record;

	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1; host1 300 IN TXT a");
	b->subject.source = (struct ip_address){
		.family = 6, .octets = {0x20, 1, 0xd, 0xb8, [15] = 1}};
	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	lease_describe(b->table, lease_bench_find(b, "host1 A 192.0.2.1"), &record);
	assert_int_equal(record.source.family, 6);
	assert_memory_equal(record.source.octets, b->subject.source.octets, 16);
	b->subject.source = (struct ip_address){.family = 4, .octets = {10, 0, 0, 1}};
	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1");
	lease_describe(b->table, lease_bench_find(b, "host1 A 192.0.2.1"), &record);
	assert_int_equal(record.source.family, 4);
	assert_memory_equal(record.source.octets, b->subject.source.octets, 4);
}

static void another_key_refreshes(void **state)
{
	struct lease_bench *b = *state;
	struct lease_record record;

	lease_bench_update(b, "hour.", "hour 300 IN A 192.0.2.1");
	lease_bench_pass(b, 100);
	lease_bench_update(b, "adopt.", "hour 300 IN A 192.0.2.1");
	LEASED(b, "hour A 192.0.2.1", 3600);
	assert_int_equal(lease_bench_changes(b), 1); /* the new owner is stored */
	lease_describe(b->table, lease_bench_find(b, "hour A 192.0.2.1"), &record);
	assert_true(name_is_equal(record.key, lease_bench_name(b, "adopt.")));
	lease_bench_update(b, "adopt.", "hour 300 IN A 192.0.2.1");
	assert_null(b->cs->leases);
}

static void many_records_of_one_name(void **state)
{
	struct lease_bench *b = *state;
	char lines[64 * 80] = "", line[64];

	for (int round = 0; round < 8; round++) {
		lines[0] = '\0';
		for (int i = 0; i < 80; i++) {
			snprintf(line, sizeof(line), "many 300 IN A 10.0.%d.%d;", round,
				i);
			strcat(lines, line);
		}
		lease_bench_update(b, "hour.", lines);
		assert_int_equal(lease_bench_changes(b), 80);
		lease_bench_pass(b, 1);
	}
	assert_int_equal(lease_table_count(b->table), 640);
	lease_bench_update(b, "hour.", lines);
	assert_null(b->cs->leases);
	lease_bench_update(b, "hour.", "many 0 NONE A 10.0.3.7; many 0 NONE A 10.0.0.0");
	assert_int_equal(lease_bench_changes(b), 2);
	lease_bench_update(b, "hour.", "many 0 ANY A");
	assert_int_equal(lease_bench_changes(b), 638);
	assert_int_equal(lease_table_count(b->table), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LEASES(lease_by_default),
		WITH_LEASES(lease_by_option),
		WITH_LEASES(refresh_is_no_change),
		WITH_LEASES(ttl_keeps_lease),
		WITH_LEASES(another_duration_is_a_change),
		WITH_LEASES(deletion_ends),
		WITH_LEASES(move_ends_and_begins),
		WITH_LEASES(cname_replaced),
		WITH_LEASES(apex_is_never_leased),
		WITH_LEASES(permanent_wins),
		WITH_LEASES(adopt),
		WITH_LEASES(twice_in_one_update),
		WITH_LEASES(two_hosts_on_one_name),
		WITH_LEASES(prerequisites_alone),
		WITH_LEASES(source_of_another_family),
		WITH_LEASES(another_key_refreshes),
		WITH_LEASES(many_records_of_one_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
