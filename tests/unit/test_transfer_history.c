/*
 * What is remembered for IXFR: versions in a row, changes whose serial comes later, gaps,
 * and the bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/message.h"
#include "tests/unit/transfer_fixture.h"

static void test_history_gap(void **state)
{
	static const uint32_t serials[] = {13};
	struct transfer_fixture *f = *state;
	struct zone *old;

	transfer_remember(f, true, TRANSFER_LINES("new 60 IN A 192.0.2.77"));
	changeset_unref(
		transfer_change(f, true, TRANSFER_LINES("new 60 IN A 192.0.2.78")));
	old = transfer_copy_zone(f->zone);
	transfer_remember(f, true, TRANSFER_LINES("new 60 IN A 192.0.2.79"));
	transfer_expect_whole(transfer_ixfr(f, 10, 0), f->zone);
	transfer_expect_whole(transfer_ixfr(f, 11, 0), f->zone);
	transfer_expect_difference(f, transfer_ixfr(f, 12, 0), old, 12, serials, 1);
	zone_free(old);
}

/* The target makes the serial, which comes after the changes that it covers. */
static void test_history_late_serial(void **state)
{
	static const uint32_t serials[] = {11, 12};
	const char *soa = "@ 300 IN SOA ns admin 12 2 3 4 60";
	struct transfer_fixture *f = *state;

	transfer_remember(f, true, TRANSFER_LINES("mail 0 ANY ANY"));
	transfer_remember(f, false, TRANSFER_LINES("new 60 IN A 192.0.2.77"));
	transfer_expect_soa_alone(transfer_ixfr(f, 11, 0), 11);
	transfer_remember(
		f, false, TRANSFER_LINES("new 60 IN A 192.0.2.78", "www 0 ANY TXT"));
	transfer_remember(f, false, TRANSFER_LINES("new 0 NONE A 192.0.2.77"));
	transfer_remember(f, false, TRANSFER_LINES(soa));
	transfer_expect_difference(f, transfer_ixfr(f, 10, 0), f->old, 10, serials, 2);
}

/* The SOA is gone: later changes may lack what was lost. */
static void test_history_broken(void **state)
{
	static const uint32_t serials[] = {13};
	struct transfer_fixture *f = *state;
	struct changeset *cs = changeset_new();
	struct rrset *soa = zone_soa(f->zone);
	struct zone *old;

	transfer_remember(f, true, TRANSFER_LINES("new 60 IN A 192.0.2.77"));
	assert_non_null(cs);
	assert_int_equal(
		changeset_append(cs, message_name("example."), TYPE_SOA, soa, NULL), 0);
	transfer_history_add(f->history, cs);
	changeset_unref(cs);
	transfer_expect_whole(transfer_ixfr(f, 10, 0), f->zone);
	transfer_remember(f, true, TRANSFER_LINES("new 60 IN A 192.0.2.78"));
	transfer_expect_whole(transfer_ixfr(f, 11, 0), f->zone);
	old = transfer_copy_zone(f->zone);
	transfer_remember(f, true, TRANSFER_LINES("new 60 IN A 192.0.2.79"));
	transfer_expect_difference(f, transfer_ixfr(f, 12, 0), old, 12, serials, 1);
	zone_free(old);
}

/* RFC 1982 3.2: serials half the circle apart cannot be compared. */
static void test_history_no_way_forward(void **state)
{
	struct transfer_fixture *f = *state;
	struct rrset *far = soa_with_serial(zone_soa(f->zone), 10u + 0x80000000u);
	struct changeset *cs = changeset_new();

	assert_true(cs && far);
	assert_int_equal(
		changeset_put(cs, f->zone, message_name("example."), TYPE_SOA, far), 0);
	transfer_history_add(f->history, cs);
	changeset_unref(cs);
	rrset_unref(far);
	transfer_expect_whole(transfer_ixfr(f, 10, 0), f->zone);
}

/* The oldest go first, and a change that is too large by itself goes too. */
static unsigned count_known_of_large(struct transfer_fixture *f)
{
	struct changeset *cs;
	struct transfer *transfer;
	unsigned known = 0;

	/* So that all of it would be smaller than the zone. */
	transfer_load_hosts(f->zone, 1000);
	for (unsigned i = 0; i < 100; i++) {
		struct rrset *set = zone_soa(f->zone), *next;
		uint8_t *rdata = calloc(1, 60000);
		struct rrset *large = rrset_new(65280, i + 1, rdata, 60000);

		next = soa_with_serial(set, 11 + i);
		cs = changeset_new();
		assert_true(rdata && large && next && cs);
		assert_int_equal(changeset_put(cs, f->zone, message_name("big.example."),
					 65280, large),
			0);
		assert_int_equal(changeset_put(cs, f->zone, message_name("example."),
					 TYPE_SOA, next),
			0);
		transfer_history_add(f->history, cs);
		changeset_unref(cs);
		rrset_unref(large);
		rrset_unref(next);
		free(rdata);
	}
	/* Each holds two RRsets of 60000 octets. */
	transfer = transfer_ixfr(f, 108, 0);
	assert_non_null(transfer);
	assert_true(transfer->count > 1);
	transfer_unref(transfer);
	for (uint32_t serial = 10; serial < 110; serial++) {
		struct transfer_records records;

		transfer = transfer_ixfr(f, serial, 0);
		records = transfer_read(transfer);
		known += transfer_is_soa(&records, 1, serial);
		transfer_records_clear(&records);
		transfer_unref(transfer);
	}
	return known;
}

static void test_history_bounded(void **state)
{
	struct transfer_fixture *f = *state;
	const unsigned known = count_known_of_large(f);

	assert_in_range(
		known, TRANSFER_HISTORY_MAX / 130000, TRANSFER_HISTORY_MAX / 120000);
}

/* Many zones have less each. */
static void test_history_shared(void **state)
{
	enum { SHARE = 1 << 20 };
	struct transfer_fixture *f = *state;

	f->histories.threads = 2;
	f->histories.count = TRANSFER_HISTORY_TOTAL / 2 / SHARE;
	assert_in_range(count_known_of_large(f), SHARE / 130000, SHARE / 120000);
}

int main(void)
{
#define TEST(function)                                                                   \
	cmocka_unit_test_setup_teardown(function, transfer_set_up, transfer_tear_down)
#define TEST_HOSTS(function)                                                             \
	cmocka_unit_test_setup_teardown(                                                 \
		function, transfer_set_up_hosts, transfer_tear_down)
	const struct CMUnitTest tests[] = {
		TEST_HOSTS(test_history_gap),
		TEST_HOSTS(test_history_late_serial),
		TEST_HOSTS(test_history_broken),
		TEST_HOSTS(test_history_no_way_forward),
		TEST(test_history_bounded),
		TEST(test_history_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
