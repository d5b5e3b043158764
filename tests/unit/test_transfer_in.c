/*
 * Zone transfers in: who signs the zone, what of it is kept (target_ddns_transfer.c), and
 * what an update does with that.
 * tests/fuzz/fuzz_transfer.c tries what is no transfer at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "gateway/target/target_ddns_private.h"
#include "tests/unit/message.h"

#define SOA(serial) "@ 300 IN SOA ns hostmaster " #serial " 3600 900 604800 300"
#define SIGNED(serial)                                                                   \
	"@ 300 IN RRSIG SOA 13 1 300 20300101000000 2020010100000" #serial " 1 @ AAAA"
#define KEY         "@ 300 IN DNSKEY 257 3 13 AAAA"
#define NSEC        "@ 60 IN NSEC host SOA RRSIG NSEC DNSKEY"
#define HOST        "host 300 IN A 192.0.2.1"
#define HOST_SIGNED "host 300 IN RRSIG A 13 2 300 20300101000000 20200101000000 1 @ AAAA"
#define LINES(...)  ((const char *const[]){__VA_ARGS__, NULL})

static const struct name_seed seed;

/* The records of one message of a transfer. */
static enum ddns_transfer_state read_lines(
	struct ddns_transfer *t, const char *const *lines)
{
	struct message *m = malloc(sizeof(*m));
	enum ddns_transfer_state state;
	struct wire_message walk;
	struct verdict v;

	assert_non_null(m);
	message_begin_bare(m, "example.");
	for (; *lines; lines++)
		message_add(m, MESSAGE_PREREQ, *lines); /* where answers stand */
	v = wire_walk(&walk, m->octets, m->w.at);
	assert_true(verdict_is_ok(&v));
	state = ddns_transfer_read(t, m->octets, &walk);
	free(m);
	return state;
}

static struct ddns_transfer *open_axfr(void)
{
	return ddns_transfer_new(message_name("example."), NULL, false, &seed);
}

static struct ddns_transfer *open_ixfr(bool is_signed)
{
	struct zone *zone = message_make_zone(
		"example.", "@ 300 SOA ns hostmaster 1 3600 900 604800 300\n");
	struct ddns_transfer *t = ddns_transfer_new(
		message_name("example."), zone_soa(zone), is_signed, &seed);

	zone_free(zone);
	return t;
}

static struct ddns_transferred take(struct ddns_transfer *t)
{
	struct ddns_transferred got;

	assert_int_equal(ddns_transfer_take(t, &got), 0);
	ddns_transfer_free(t);
	return got;
}

static void transferred_clear(struct ddns_transferred *got)
{
	zone_free(got->zone);
	update_free(got->difference);
	rrset_unref(got->soa);
}

static void expect_zone(const char *const *lines, bool is_signed, size_t records)
{
	struct ddns_transfer *t = open_axfr();
	struct ddns_transferred got;

	assert_int_equal(read_lines(t, lines), DDNS_TRANSFER_END);
	got = take(t);
	assert_int_equal(got.is_signed, is_signed);
	assert_int_equal(zone_is_signed(got.zone), is_signed);
	assert_int_equal(zone_count_records(got.zone), records);
	transferred_clear(&got);
}

/* Wherever the apex comes in the transfer. */
static void test_whole_zone_signed(void **state)
{
	(void)state;
	expect_zone(
		LINES(SOA(1), SIGNED(1), KEY, NSEC, HOST, HOST_SIGNED, SOA(1)), true, 3);
	expect_zone(
		LINES(SOA(1), HOST_SIGNED, HOST, NSEC, KEY, SIGNED(1), SOA(1)), true, 3);
}

/* Keys alone, or signatures alone, are ordinary data. */
static void test_whole_zone_unsigned(void **state)
{
	(void)state;
	expect_zone(LINES(SOA(1), KEY, HOST, SOA(1)), false, 3);
	expect_zone(LINES(SOA(1), KEY, NSEC, HOST, HOST_SIGNED, SOA(1)), false, 5);
	expect_zone(LINES(SOA(1), SIGNED(1), NSEC, HOST, SOA(1)), false, 4);
}

static void test_difference_without_proofs(void **state)
{
	struct ddns_transfer *t = open_ixfr(true);
	struct ddns_transferred got;

	(void)state;
	assert_int_equal(read_lines(t,
				 LINES(SOA(2), SOA(1), SIGNED(1), NSEC, SOA(2), SIGNED(2),
					 HOST, HOST_SIGNED, NSEC, SOA(2))),
		DDNS_TRANSFER_END);
	got = take(t);
	assert_true(got.is_signed);
	assert_int_equal(got.difference->change_count, 3); /* the host, and two SOAs */
	assert_int_equal(got.difference->changes[0].type, TYPE_A);
	transferred_clear(&got);
}

/* The zone is signed from now on, or no longer: the whole zone has to be transferred. */
static void test_signing_begins_and_ends(void **state)
{
	struct ddns_transfer *t = open_ixfr(false);

	(void)state;
	assert_int_equal(
		read_lines(t, LINES(SOA(2), SOA(1), SOA(2), KEY, SIGNED(2), SOA(2))),
		DDNS_TRANSFER_USELESS);
	ddns_transfer_free(t);
	t = open_ixfr(true);
	assert_int_equal(
		read_lines(t, LINES(SOA(2), SOA(1), KEY, SIGNED(1), SOA(2), SOA(2))),
		DDNS_TRANSFER_USELESS);
	ddns_transfer_free(t);
}

static bool count_record(const struct rr *rr, void *arg)
{
	unsigned *counts = arg;

	counts[0]++;
	counts[1] += rr->type == TYPE_RRSIG;
	return true;
}

/* All of it, and the client's SOA need not be ours. */
static void test_handed_on(void **state)
{
	static const char *const difference[] = {SOA(2), SOA(1), SIGNED(1), SOA(2),
		SIGNED(2), HOST, HOST_SIGNED, SOA(2), NULL};
	unsigned counts[2] = {0};
	struct ddns_transfer *t = open_axfr();

	(void)state;
	ddns_transfer_hand_on(t, count_record, counts);
	assert_int_equal(read_lines(t, LINES(SOA(1), SIGNED(1), KEY, NSEC, SOA(1))),
		DDNS_TRANSFER_END);
	assert_int_equal(counts[0], 5);
	assert_int_equal(counts[1], 1);
	ddns_transfer_free(t);
	t = open_ixfr(false);
	ddns_transfer_hand_on(t, count_record, counts);
	assert_int_equal(read_lines(t, difference), DDNS_TRANSFER_END);
	assert_int_equal(counts[0], 5 + 8);
	ddns_transfer_free(t);
	/* up to date, with another TTL than the client has heard of */
	t = open_ixfr(false);
	ddns_transfer_hand_on(t, count_record, counts);
	assert_int_equal(
		read_lines(t, LINES("@ 60 IN SOA ns hostmaster 1 3600 900 604800 300")),
		DDNS_TRANSFER_END);
	ddns_transfer_free(t);
}

/* ---- what updates see of it ---- */

/* A deletion of everything spares the records of the signer, but a deletion of their
 * types does not; and below the apex they are ordinary records. */
static void the_apex_of_a_signed_zone_keeps_what_is_its_signers(void **state)
{
	static const char text[] =
		"@ 300 SOA ns hostmaster 1 2 3 4 5\n"
		"@ 300 NS ns\n"
		"@ 300 TXT \"t\"\n"
		"@ 300 DNSKEY 257 3 13 AAAA\n"
		"@ 0 NSEC3PARAM 1 0 0 -\n"
		"@ 0 CDS 1 13 2 "
		"0000000000000000000000000000000000000000000000000000000000000000\n"
		"sub 300 DNSKEY 257 3 13 AAAA\n";
	static const char *const everything[] = {"@ 0 ANY ANY", "sub 0 ANY ANY", NULL};
	static const char *const named[] = {"@ 0 ANY CDS", "@ 0 ANY NSEC3PARAM", NULL};
	struct zone *zone = message_make_zone("example.", text);

	(void)state;
	zone_set_signed(zone, true);
	changeset_unref(message_apply(zone, false, RCODE_NOERROR, everything));
	assert_null(zone_find(zone, message_name("example."), TYPE_TXT));
	assert_non_null(zone_find(zone, message_name("example."), TYPE_DNSKEY));
	assert_non_null(zone_find(zone, message_name("example."), TYPE_NSEC3PARAM));
	assert_non_null(zone_find(zone, message_name("example."), TYPE_CDS));
	assert_null(zone_find_node(zone, message_name("sub.example.")));
	changeset_unref(message_apply(zone, false, RCODE_NOERROR, named));
	assert_null(zone_find(zone, message_name("example."), TYPE_CDS));
	assert_null(zone_find(zone, message_name("example."), TYPE_NSEC3PARAM));
	zone_set_signed(zone, false);
	changeset_unref(message_apply(zone, false, RCODE_NOERROR, everything));
	assert_null(zone_find(zone, message_name("example."), TYPE_DNSKEY));
	zone_free(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_zone_signed),
		cmocka_unit_test(test_whole_zone_unsigned),
		cmocka_unit_test(test_difference_without_proofs),
		cmocka_unit_test(test_signing_begins_and_ends),
		cmocka_unit_test(test_handed_on),
		cmocka_unit_test(the_apex_of_a_signed_zone_keeps_what_is_its_signers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
