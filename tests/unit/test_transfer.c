/*
 * Zone transfers out: the zone put together again from AXFR, an old copy brought up by
 * IXFR, over TCP and UDP, and when it is one SOA or the whole zone instead.  What the
 * history remembers is in test_transfer_history.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/message.h"
#include "tests/unit/transfer_fixture.h"
#include "tsig/tsig.h"

/* ---- AXFR ---- */

static void test_axfr(void **state)
{
	struct transfer_fixture *f = *state;
	struct transfer *transfer =
		transfer_new_axfr(f->zone, transfer_axfr_question, TRANSFER_QUESTION_LEN);

	assert_non_null(transfer);
	assert_int_equal(transfer->count, 1);
	assert_memory_equal(transfer->messages[0].octets + WIRE_HEADER_LEN,
		transfer_axfr_question, TRANSFER_QUESTION_LEN);
	transfer_expect_whole(transfer, f->zone);
}

static void test_axfr_references(void **state)
{
	struct transfer_fixture *f = *state;
	struct transfer *transfer =
		transfer_new_axfr(f->zone, transfer_axfr_question, TRANSFER_QUESTION_LEN);

	assert_ptr_equal(transfer_ref(transfer), transfer);
	transfer_unref(transfer);
	transfer_expect_whole(transfer, f->zone);
	transfer_unref(NULL);
}

static void test_axfr_without_soa(void **state)
{
	struct zone *zone = zone_new(message_name("example."));

	(void)state;
	assert_null(
		transfer_new_axfr(zone, transfer_axfr_question, TRANSFER_QUESTION_LEN));
	zone_free(zone);
}

/* Pointers mean nothing outside their message: they are replaced by the apex. */
static void test_question_compressed(void **state)
{
	static const uint8_t question[] = {0xc0, 4, 0, 252, 0, 1};
	struct transfer_fixture *f = *state;
	struct transfer *transfer =
		transfer_new_axfr(f->zone, question, sizeof(question));

	assert_memory_equal(transfer->messages[0].octets + WIRE_HEADER_LEN,
		"\7example\0\0\374\0\1", TRANSFER_QUESTION_LEN);
	transfer_expect_whole(transfer, f->zone);
}

static void test_axfr_many_messages(void **state)
{
	struct zone *zone = message_make_zone("example.", transfer_zone_text);
	struct transfer *transfer;

	(void)state;
	transfer_load_hosts(zone, 5000);
	transfer = transfer_new_axfr(zone, transfer_axfr_question, TRANSFER_QUESTION_LEN);
	assert_non_null(transfer);
	assert_in_range(transfer->count, 5, 12);
	for (size_t i = 0; i < transfer->count; i++) {
		assert_in_range(transfer->messages[i].len, 100, TRANSFER_MESSAGE_LEN);
		if (i + 1 < transfer->count)
			assert_in_range(transfer->messages[i].len,
				TRANSFER_MESSAGE_LEN - 100, TRANSFER_MESSAGE_LEN);
	}
	transfer_expect_whole(transfer, zone);
	zone_free(zone);
}

static void load_raw(struct zone *zone, const char *owner, uint16_t type, uint16_t len)
{
	uint8_t *rdata = calloc(1, (size_t)len + 1);
	const struct rr rr = {.owner = message_name(owner),
		.type = type,
		.class = CLASS_IN,
		.ttl = 1,
		.rdata = rdata,
		.rdata_len = len};

	assert_non_null(rdata);
	assert_int_equal(zone_load_rr(zone, &rr), 0);
	free(rdata);
}

/* One record may need a message of its own; one RRset several. */
static void test_axfr_large_records(void **state)
{
	struct zone *zone = message_make_zone("example.", transfer_zone_text);
	const uint16_t largest = WIRE_MESSAGE_MAX - TSIG_RESERVE_MAX - WIRE_HEADER_LEN -
		13 /* big.example. */ - 10;
	struct transfer *transfer;

	(void)state;
	for (uint16_t i = 0; i < 40; i++)
		load_raw(zone, "many.example.", 65280, 8000 + i);
	load_raw(zone, "big.example.", 65280, largest);
	load_raw(zone, "large.example.", 65280, 20000);
	transfer = transfer_new_axfr(zone, transfer_axfr_question, TRANSFER_QUESTION_LEN);
	assert_non_null(transfer);
	for (size_t i = 0; i < transfer->count; i++)
		assert_in_range(transfer->messages[i].len, WIRE_HEADER_LEN,
			WIRE_MESSAGE_MAX - TSIG_RESERVE_MAX);
	transfer_expect_whole(transfer, zone);
	/* It does not fit into any message. */
	load_raw(zone, "big.example.", 65281, largest + 1);
	assert_null(
		transfer_new_axfr(zone, transfer_axfr_question, TRANSFER_QUESTION_LEN));
	zone_free(zone);
}

/* ---- IXFR ---- */

static void test_ixfr(void **state)
{
	static const uint32_t serials[] = {11, 12, 13};
	struct transfer_fixture *f = *state;
	struct zone *between;

	transfer_remember(f, true, TRANSFER_LINES("new 60 IN A 192.0.2.77"));
	between = transfer_copy_zone(f->zone);
	transfer_remember(f, true, TRANSFER_LINES("www 0 ANY ANY"));
	transfer_remember(f, true,
		TRANSFER_LINES("mail 0 NONE A 192.0.2.25", "new 60 IN A 192.0.2.78"));
	transfer_expect_difference(
		f, transfer_ixfr(f, 11, 0), between, 11, serials + 1, 2);
	transfer_expect_difference(f, transfer_ixfr(f, 10, 0), f->old, 10, serials, 3);
	zone_free(between);
}

/* A TTL belongs to the RRset: all its records go and come. */
static void test_ixfr_ttl(void **state)
{
	static const uint32_t serials[] = {11};
	struct transfer_fixture *f = *state;

	transfer_remember(f, true, TRANSFER_LINES("www 60 IN A 192.0.2.3"));
	transfer_expect_difference(f, transfer_ixfr(f, 10, 0), f->old, 10, serials, 1);
}

static void test_ixfr_question(void **state)
{
	struct transfer_fixture *f = *state;
	struct transfer *transfer;

	transfer_remember(f, true, TRANSFER_LINES("new 60 IN A 192.0.2.77"));
	transfer = transfer_ixfr(f, 10, 0);
	assert_memory_equal(transfer->messages[0].octets + WIRE_HEADER_LEN,
		transfer_ixfr_question, TRANSFER_QUESTION_LEN);
	transfer_unref(transfer);
}

/* RFC 1995 2 */
static void test_ixfr_current(void **state)
{
	struct transfer_fixture *f = *state;

	transfer_expect_soa_alone(transfer_ixfr(f, 10, 0), 10);
	transfer_expect_soa_alone(transfer_ixfr(f, 11, 0), 10);
	transfer_expect_soa_alone(transfer_ixfr(f, 10u + 0x7fffffffu, 0), 10);
	transfer_expect_soa_alone(transfer_ixfr(f, 10, 512), 10);
	/* A serial that is neither newer nor older (RFC 1982 3.2) gets the whole zone. */
	transfer_expect_whole(transfer_ixfr(f, 10u + 0x80000000u, 0), f->zone);
	transfer_remember(f, true, TRANSFER_LINES("new 60 IN A 192.0.2.77"));
	transfer_expect_soa_alone(transfer_ixfr(f, 11, 0), 11);
}

static void test_ixfr_unknown_serial(void **state)
{
	struct transfer_fixture *f = *state;

	transfer_expect_whole(transfer_ixfr(f, 9, 0), f->zone);
	transfer_remember(f, true, TRANSFER_LINES("new 60 IN A 192.0.2.77"));
	transfer_expect_whole(transfer_ixfr(f, 9, 0), f->zone);
	transfer_history_clear(f->history);
	transfer_expect_whole(transfer_ixfr(f, 10, 0), f->zone);
}

/* RFC 1995 5 */
static void test_ixfr_larger_than_zone(void **state)
{
	static const uint32_t serials[] = {11, 12, 13};
	struct transfer_fixture *f = *state;

	/* 12 records: 13 sent.  1 + 3 * (2 + 1) + 1 = 11, then 14. */
	transfer_remember(f, true, TRANSFER_LINES("mail 0 ANY ANY"));
	transfer_remember(f, true, TRANSFER_LINES("mail 300 IN A 192.0.2.25"));
	transfer_remember(f, true, TRANSFER_LINES("mail 0 ANY ANY"));
	transfer_expect_difference(f, transfer_ixfr(f, 10, 0), f->old, 10, serials, 3);
	transfer_remember(f, true, TRANSFER_LINES("mail 300 IN A 192.0.2.25"));
	transfer_expect_whole(transfer_ixfr(f, 10, 0), f->zone);
}

/* If the zone has moved on without the history, there is no difference. */
static void test_ixfr_zone_ahead(void **state)
{
	struct transfer_fixture *f = *state;

	transfer_remember(f, true, TRANSFER_LINES("new 60 IN A 192.0.2.77"));
	changeset_unref(
		transfer_change(f, true, TRANSFER_LINES("new 60 IN A 192.0.2.78")));
	transfer_expect_whole(transfer_ixfr(f, 10, 0), f->zone);
	transfer_expect_whole(transfer_ixfr(f, 11, 0), f->zone);
}

/* ---- UDP ---- */

static void test_ixfr_udp(void **state)
{
	static const uint32_t serials[] = {11};
	struct transfer_fixture *f = *state;
	struct transfer *transfer;
	size_t len;

	transfer_remember(f, true, TRANSFER_LINES("new 60 IN A 192.0.2.77"));
	transfer = transfer_ixfr(f, 10, 512);
	assert_int_equal(transfer->count, 1);
	len = transfer->messages[0].len;
	transfer_unref(transfer);
	/* Exactly enough, and one octet less: the SOA says that there is more over
	 * TCP. */
	transfer_expect_difference(f, transfer_ixfr(f, 10, len), f->old, 10, serials, 1);
	transfer_expect_soa_alone(transfer_ixfr(f, 10, len - 1), 11);
}

/* The whole zone goes over UDP too, if it fits (RFC 1995 4). */
static void test_ixfr_udp_whole(void **state)
{
	struct transfer_fixture *f = *state;
	struct transfer *transfer = transfer_ixfr(f, 9, 1232);
	size_t len = transfer->messages[0].len;

	assert_int_equal(transfer->count, 1);
	transfer_unref(transfer);
	transfer_expect_whole(transfer_ixfr(f, 9, len), f->zone);
	transfer_expect_soa_alone(transfer_ixfr(f, 9, len - 1), 10);
}

/* Not even the SOA: TC. */
static void test_ixfr_udp_nothing(void **state)
{
	struct transfer_fixture *f = *state;
	struct transfer *transfer = transfer_ixfr(f, 10, 12 + TRANSFER_QUESTION_LEN + 20);

	assert_non_null(transfer);
	assert_int_equal(transfer->count, 1);
	answer_assert(transfer->messages[0].octets, transfer->messages[0].len,
		"NOERROR aa tc\n? eXample. IXFR IN\n");
	transfer_unref(transfer);
	assert_null(transfer_ixfr(f, 10, 11));
}

/* ---- handed on ---- */

static const char handed_on_text[] = "@ 300 SOA ns hostmaster 10 3600 900 604800 300\n"
				     "@ 300 NS ns\n"
				     "ns 300 A 192.0.2.53\n";

/* As other servers send them: SOA, everything, SOA. */
static void hand_on(struct transfer_builder *b, const struct zone *zone)
{
	const struct rrset *soa = zone_soa(zone), *set;
	struct rr rr = {.owner = zone_apex(zone), .type = TYPE_SOA, .ttl = soa->ttl};
	const struct zone_node *node;
	size_t at = 0, cursor = 0;

	rr.rdata = rrset_next(soa, &at, &rr.rdata_len);
	assert_int_equal(transfer_builder_add(b, &rr), 0);
	while ((node = zone_next_node(zone, &cursor))) {
		for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++) {
			struct rr one = {.owner = zone_node_owner(node),
				.type = set->type,
				.ttl = set->ttl};

			at = 0;
			while (set->type != TYPE_SOA &&
				(one.rdata = rrset_next(set, &at, &one.rdata_len)))
				assert_int_equal(transfer_builder_add(b, &one), 0);
		}
	}
	assert_int_equal(transfer_builder_add(b, &rr), 0);
}

static void test_handed_on(void **state)
{
	struct zone *zone = message_make_zone("example.", transfer_zone_text);
	struct transfer_builder *b = transfer_builder_new(
		zone_apex(zone), transfer_axfr_question, TRANSFER_QUESTION_LEN, 0);
	struct transfer *transfer;

	(void)state;
	assert_non_null(b);
	transfer_load_hosts(zone, 2000);
	hand_on(b, zone);
	transfer = transfer_builder_finish(b);
	transfer_builder_free(b);
	assert_non_null(transfer);
	assert_in_range(transfer->count, 2, 12);
	transfer_expect_whole(transfer, zone);
	zone_free(zone);
}

/* Two records of one name and type, signatures of two TTLs, and a name in upper case. */
static void test_handed_on_as_they_are(void **state)
{
	static const uint8_t owner[] = "\4HOST\7example";
	static const uint32_t ttls[] = {300, 60};
	struct zone *zone = message_make_zone("example.", handed_on_text);
	struct transfer_builder *b = transfer_builder_new(
		zone_apex(zone), transfer_axfr_question, TRANSFER_QUESTION_LEN, 0);
	const struct rrset *soa = zone_soa(zone);
	struct rr rr = {.owner = zone_apex(zone), .type = TYPE_SOA, .ttl = soa->ttl};
	struct rr signature = {.owner = owner, .type = 65280, .rdata_len = 1};
	struct transfer_records records;
	struct transfer *transfer;
	size_t at = 0;

	(void)state;
	rr.rdata = rrset_next(soa, &at, &rr.rdata_len);
	assert_int_equal(transfer_builder_add(b, &rr), 0);
	for (size_t i = 0; i < 2; i++) {
		signature.ttl = ttls[i];
		signature.rdata = (const uint8_t *)"ab" + i;
		assert_int_equal(transfer_builder_add(b, &signature), 0);
	}
	assert_int_equal(transfer_builder_add(b, &rr), 0);
	transfer = transfer_builder_finish(b);
	records = transfer_read(transfer);
	assert_int_equal(records.count, 4);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(records.list[1 + i].rr.ttl, ttls[i]);
		assert_int_equal(records.list[1 + i].rr.rdata_len, 1);
	}
	assert_non_null(memmem(transfer->messages[0].octets, transfer->messages[0].len,
		owner, 1 + (size_t)owner[0]));
	transfer_records_clear(&records);
	transfer_unref(transfer);
	transfer_builder_free(b);
	zone_free(zone);
}

/* RFC 1995 4: over UDP the SOA says that the rest is to be had over TCP; nothing at all
 * is no transfer. */
static void test_handed_on_too_large(void **state)
{
	struct zone *zone = message_make_zone("example.", handed_on_text);
	struct transfer_builder *b = transfer_builder_new(
		zone_apex(zone), transfer_ixfr_question, TRANSFER_QUESTION_LEN, 512);
	const struct rrset *soa = zone_soa(zone);
	struct rr rr = {.owner = zone_apex(zone), .type = TYPE_SOA, .ttl = soa->ttl};
	uint8_t octets[500] = {0};
	const struct rr large = {.owner = zone_apex(zone),
		.type = 65280,
		.rdata = octets,
		.rdata_len = sizeof(octets)};
	size_t at = 0;

	(void)state;
	assert_null(transfer_builder_finish(b));
	transfer_builder_free(b);
	b = transfer_builder_new(
		zone_apex(zone), transfer_ixfr_question, TRANSFER_QUESTION_LEN, 512);
	rr.rdata = rrset_next(soa, &at, &rr.rdata_len);
	assert_int_equal(transfer_builder_add(b, &rr), 0);
	assert_int_equal(transfer_builder_add(b, &large), -E2BIG);
	assert_int_equal(transfer_builder_add(b, &rr), -E2BIG);
	transfer_expect_soa_alone(transfer_builder_finish(b), 10);
	transfer_builder_free(b);
	zone_free(zone);
}

int main(void)
{
#define TEST(function)                                                                   \
	cmocka_unit_test_setup_teardown(function, transfer_set_up, transfer_tear_down)
#define TEST_HOSTS(function)                                                             \
	cmocka_unit_test_setup_teardown(                                                 \
		function, transfer_set_up_hosts, transfer_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_axfr),
		TEST(test_axfr_references),
		TEST(test_axfr_without_soa),
		TEST(test_question_compressed),
		TEST(test_axfr_many_messages),
		TEST(test_axfr_large_records),
		TEST_HOSTS(test_ixfr),
		TEST_HOSTS(test_ixfr_ttl),
		TEST(test_ixfr_question),
		TEST(test_ixfr_current),
		TEST(test_ixfr_unknown_serial),
		TEST(test_ixfr_larger_than_zone),
		TEST(test_ixfr_zone_ahead),
		TEST(test_ixfr_udp),
		TEST(test_ixfr_udp_whole),
		TEST(test_ixfr_udp_nothing),
		cmocka_unit_test(test_handed_on),
		cmocka_unit_test(test_handed_on_as_they_are),
		cmocka_unit_test(test_handed_on_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
