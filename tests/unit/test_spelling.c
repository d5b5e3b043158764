/*
 * Owners keep the case in which they were written (RFC 1035 2.3.3, RFC 4343 4.1): from an
 * update or a zone file through the mirror and the journal to transfers and targets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "gateway/answer/transfer.h"
#include "gateway/target/target_ddns_private.h"
#include "tests/unit/message.h"

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static const uint8_t host[] = "\4host\7example";
static const uint8_t spelled[] = "\4HoSt\7example";
static const char text[] = "@ 300 SOA ns hostmaster 1 3600 900 604800 300\n"
			   "@ 300 NS ns.elsewhere.net.\n";

static struct changeset *apply(struct zone *zone, const char *const *lines)
{
	return message_apply(zone, false, RCODE_NOERROR, lines);
}

static void expect_spelled(const struct rrset *set, const uint8_t *name)
{
	assert_non_null(set);
	if (!name) {
		assert_null(rrset_spelled(set));
		return;
	}
	assert_non_null(rrset_spelled(set));
	assert_true(name_is_equal(rrset_spelled(set), name));
}

/* The first spelling counts for as long as the RRset exists. */
static void test_updates(void **state)
{
	struct zone *zone = message_make_zone("example.", text);

	(void)state;
	changeset_unref(apply(zone, LINES("HoSt 300 IN A 192.0.2.1")));
	expect_spelled(zone_find(zone, host, TYPE_A), spelled);
	changeset_unref(apply(zone, LINES("HOST 60 IN A 192.0.2.2")));
	expect_spelled(zone_find(zone, host, TYPE_A), spelled);
	changeset_unref(apply(zone, LINES("host 0 NONE A 192.0.2.1")));
	expect_spelled(zone_find(zone, host, TYPE_A), spelled);
	/* Another spelling is no change. */
	changeset_unref(apply(zone, LINES("hOsT 60 IN A 192.0.2.2")));
	changeset_unref(apply(zone, LINES("host 0 ANY A", "host 60 IN A 192.0.2.3")));
	expect_spelled(zone_find(zone, host, TYPE_A), NULL);
	zone_free(zone);
}

/* Each RRset has its own. */
static void test_two_spellings(void **state)
{
	struct zone *zone = message_make_zone("example.", text);

	(void)state;
	changeset_unref(apply(zone, LINES("host 300 IN A 192.0.2.1")));
	changeset_unref(apply(zone, LINES("HoSt 300 IN TXT t", "HoSt 300 IN MX 1 @")));
	assert_int_equal(zone_count_names(zone), 2);
	expect_spelled(zone_find(zone, host, TYPE_A), NULL);
	expect_spelled(zone_find(zone, host, TYPE_TXT), spelled);
	expect_spelled(zone_find(zone, host, TYPE_MX), spelled);
	zone_free(zone);
}

static void test_zone_file(void **state)
{
	struct zone *zone = message_make_zone("example.",
		"@ 300 SOA ns hostmaster 1 3600 900 604800 300\n"
		"HoSt 300 A 192.0.2.1\n"
		" 300 AAAA 2001:db8::1\n");

	(void)state;
	expect_spelled(zone_find(zone, host, TYPE_A), spelled);
	expect_spelled(zone_find(zone, host, TYPE_AAAA), spelled);
	zone_free(zone);
}

static void test_stored(void **state)
{
	struct zone *zone = message_make_zone("example.", text);
	struct changeset *cs, *got;
	uint8_t *octets;
	size_t len;

	(void)state;
	cs = apply(zone, LINES("HoSt 300 IN A 192.0.2.1", "other 300 IN TXT t"));
	octets = changeset_encode(cs, &len);
	assert_int_equal(octets[0], 2);
	got = changeset_decode(octets, len);
	assert_non_null(got);
	expect_spelled(changeset_find(got, host, TYPE_A)->after, spelled);
	expect_spelled(
		changeset_find(got, message_name("other.example."), TYPE_TXT)->after,
		NULL);
	/* The name of another is not believed. */
	*(uint8_t *)memmem(octets, len, "HoSt", 4) = 'X';
	assert_null(changeset_decode(octets, len));
	free(octets);
	changeset_unref(got);
	changeset_unref(cs);
	cs = apply(zone, LINES("third 300 IN A 192.0.2.1"));
	octets = changeset_encode(cs, &len);
	assert_int_equal(octets[0], 1);
	free(octets);
	changeset_unref(cs);
	zone_free(zone);
}

static size_t count(const void *in, size_t len, const void *what, size_t what_len)
{
	const char *at = in, *end = at + len;
	size_t found = 0;

	for (; (at = memmem(at, (size_t)(end - at), what, what_len)); at++)
		found++;
	return found;
}

/* Targets get deletions in that spelling too, and no other name is compressed onto it. */
static void test_to_targets(void **state)
{
	struct zone *zone = message_make_zone("example.", text);
	struct rrset *soa = rrset_ref(zone_soa(zone));
	uint8_t buf[1024];
	struct changeset *cs;
	int len;

	(void)state;
	cs = apply(zone,
		LINES("alias 300 IN CNAME host", "HoSt 300 IN A 192.0.2.1",
			"HoSt 300 IN A 192.0.2.2"));
	len = ddns_compose_update(buf, sizeof(buf), message_name("example."),
		&(struct ddns_guard){.soa = NULL}, soa, cs);
	assert_true(len > 0);
	assert_int_equal(count(buf, (size_t)len, spelled, sizeof(spelled)), 2);
	assert_int_equal(count(buf, (size_t)len, host, 5), 1); /* alias' */
	changeset_unref(cs);
	rrset_unref(soa);
	zone_free(zone);
}

/* In and out again. */
static void test_transfers(void **state)
{
	static const uint8_t question[] = "\7example\0\0\374\0\1";
	static const struct name_seed seed;
	struct zone *zone = message_make_zone("example.", text);
	struct ddns_transfer *in = ddns_transfer_new(zone_apex(zone), NULL, false, &seed);
	struct transfer *out;
	struct ddns_transferred got;
	struct wire_message m;
	struct verdict v;

	(void)state;
	changeset_unref(apply(zone, LINES("HoSt 300 IN A 192.0.2.1")));
	out = transfer_new_axfr(zone, question, sizeof(question) - 1);
	assert_int_equal(out->count, 1);
	v = wire_walk(&m, out->messages[0].octets, out->messages[0].len);
	assert_true(verdict_is_ok(&v));
	assert_int_equal(
		ddns_transfer_read(in, out->messages[0].octets, &m), DDNS_TRANSFER_END);
	assert_int_equal(ddns_transfer_take(in, &got), 0);
	expect_spelled(zone_find(got.zone, host, TYPE_A), spelled);
	zone_free(got.zone);
	rrset_unref(got.soa);
	ddns_transfer_free(in);
	transfer_unref(out);
	zone_free(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_two_spellings),
		cmocka_unit_test(test_zone_file),
		cmocka_unit_test(test_stored),
		cmocka_unit_test(test_to_targets),
		cmocka_unit_test(test_transfers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
