/*
 * Zone transfers out: the zone put together again from AXFR, an old copy brought up by IXFR,
 * over TCP and UDP, and when it is one SOA or the whole zone instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/transfer.h"
#include "tests/unit/answer_text.h"
#include "tests/unit/message.h"
#include "tsig/tsig.h"
#include "zones/update.h"

static const char zone_text[] = "$TTL 300\n"
				"@ SOA ns admin 10 2 3 4 60\n"
				"@ NS ns\n"
				"@ MX 10 Mail\n"
				"@ MX 20 x.EXAMPLE.\n"
				"ns A 192.0.2.53\n"
				"ns AAAA 2001:db8::53\n"
				"mail A 192.0.2.25\n"
				"www A 192.0.2.1\n"
				"www A 192.0.2.2\n"
				"www TXT \"x\" \"y\"\n"
				"_sip._tcp SRV 1 2 5060 www\n"
				"a.b.c.d CNAME www\n";

/* The question as clients write it. */
static const uint8_t axfr_question[] = "\7eXample\0\0\374\0\1";
static const uint8_t ixfr_question[] = "\7eXample\0\0\373\0\1";
enum { QUESTION_LEN = 9 + 4 };

/* ---- reading transfers ---- */

/* All records of a transfer in order, as an IXFR client would see them. */
struct record {
	struct rr rr;
	struct record_buffers *buffers;
};

struct records {
	struct record *list;
	size_t count;
};

static void records_clear(struct records *records)
{
	for (size_t i = 0; i < records->count; i++)
		free(records->list[i].buffers);
	free(records->list);
	*records = (struct records){0};
}

static void read_message(struct records *records, const struct transfer_message *message,
	unsigned questions)
{
	struct wire_message m;
	struct verdict v = wire_walk(&m, message->octets, message->len);
	struct wire_reader r;

	if (!verdict_is_ok(&v))
		fail_msg("not a message: %s", v.why);
	assert_int_equal(m.id, 0);
	assert_int_equal(m.flags, WIRE_QR | WIRE_AA);
	assert_int_equal(m.counts[0], questions);
	assert_int_equal(m.counts[2], 0);
	assert_int_equal(m.counts[3], 0);
	assert_true(m.counts[1] > 0);
	wire_reader_init(&r, message->octets, m.section_at[1], m.end);
	for (unsigned i = 0; i < m.counts[1]; i++) {
		struct record *record;

		if ((records->count & (records->count - 1)) == 0) {
			size_t room = records->count ? 2 * records->count : 1;

			records->list = realloc(records->list, room * sizeof(*record));
			assert_non_null(records->list);
		}
		record = &records->list[records->count++];
		record->buffers = malloc(sizeof(*record->buffers));
		assert_non_null(record->buffers);
		answer_read_record(&r, &record->rr, record->buffers);
		record->buffers = realloc(record->buffers,
			offsetof(struct record_buffers, rdata) + record->rr.rdata_len);
		record->rr.owner = record->buffers->owner;
		record->rr.rdata = record->buffers->rdata;
		name_lower(record->buffers->owner);
	}
}

static struct records read_transfer(const struct transfer *transfer)
{
	struct records records = {0};

	assert_non_null(transfer);
	assert_true(transfer->count > 0);
	for (size_t i = 0; i < transfer->count; i++)
		read_message(&records, &transfer->messages[i], i == 0);
	return records;
}

static bool is_soa(const struct records *records, size_t i, uint32_t serial)
{
	const struct rr *rr = &records->list[i].rr;

	return i < records->count && rr->type == TYPE_SOA &&
		soa_serial(rr->rdata, rr->rdata_len) == serial;
}

/* ---- zones ---- */

static struct zone *copy_zone(const struct zone *zone)
{
	struct zone *copy = zone_new(zone_apex(zone));
	const struct zone_node *node;
	struct rrset *set;
	size_t cursor = 0;

	assert_non_null(copy);
	while ((node = zone_next_node(zone, &cursor))) {
		for (unsigned i = 0; (set = zone_node_rrset(node, i)); i++)
			assert_int_equal(
				zone_put(copy, zone_node_owner(node), set->type, set), 0);
	}
	return copy;
}

static void assert_same(const struct zone *a, const struct zone *b)
{
	char *a_text = message_zone_text(a), *b_text = message_zone_text(b);

	assert_string_equal(a_text, b_text);
	free(a_text);
	free(b_text);
}

static void load_hosts(struct zone *zone, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const uint8_t address[] = {
			10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
		char text[64];

		snprintf(text, sizeof(text), "host%u.example.", i);
		const struct rr rr = {.owner = message_name(text),
			.type = TYPE_A,
			.class = CLASS_IN,
			.ttl = 300,
			.rdata = address,
			.rdata_len = sizeof(address)};

		assert_int_equal(zone_load_rr(zone, &rr), 0);
	}
}

/* As strict as a client may be. */
static void remove_record(struct zone *zone, const struct rr *rr)
{
	struct rrset *old = zone_find(zone, rr->owner, rr->type), *set = NULL;
	int index;

	assert_non_null(old);
	assert_int_equal(old->ttl, rr->ttl);
	index = rrset_find(old, rr->rdata, rr->rdata_len);
	assert_true(index >= 0);
	if (old->count > 1) {
		set = rrset_without(old, (unsigned)index);
		assert_non_null(set);
	}
	assert_int_equal(zone_put(zone, rr->owner, rr->type, set), 0);
	rrset_unref(set);
}

static void insert_record(struct zone *zone, const struct rr *rr)
{
	const size_t before = zone_count_records(zone);

	assert_int_equal(zone_load_rr(zone, rr), 0);
	assert_int_equal(zone_count_records(zone), before + 1);
	assert_int_equal(zone_find(zone, rr->owner, rr->type)->ttl, rr->ttl);
}

/* RFC 1995 4, from serial on, one version after another. */
static void apply_ixfr(struct zone *zone, const struct records *records, uint32_t from,
	const uint32_t *serials, size_t count)
{
	const uint32_t current = serials[count - 1];
	size_t i = 1;

	assert_true(is_soa(records, 0, current));
	for (size_t v = 0; v < count; v++) {
		assert_true(is_soa(records, i, from));
		do
			remove_record(zone, &records->list[i++].rr);
		while (i < records->count && records->list[i].rr.type != TYPE_SOA);
		assert_true(is_soa(records, i, serials[v]));
		do
			insert_record(zone, &records->list[i++].rr);
		while (i < records->count && records->list[i].rr.type != TYPE_SOA);
		from = serials[v];
	}
	assert_true(is_soa(records, i, current));
	assert_int_equal(i + 1, records->count);
}

/* ---- updates ---- */

struct fixture {
	struct zone *zone;
	struct zone *old; /* as it was at first */
	struct transfer_history *history;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->zone = message_make_zone("example.", zone_text);
	f->old = copy_zone(f->zone);
	f->history = transfer_history_new();
	assert_non_null(f->history);
	*state = f;
	return 0;
}

/* So that the differences are smaller than the zone. */
static int set_up_hosts(void **state)
{
	struct fixture *f;

	set_up(state);
	f = *state;
	load_hosts(f->zone, 20);
	load_hosts(f->old, 20);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	zone_free(f->zone);
	zone_free(f->old);
	transfer_history_free(f->history);
	free(f);
	return 0;
}

static struct changeset *change(struct fixture *f, bool bump, const char *const *lines)
{
	struct update *update = message_update_of("example.", lines);
	struct changeset *cs = NULL;
	struct verdict v = apply_update(f->zone, update, bump, &cs);

	if (!verdict_is_ok(&v))
		fail_msg("%s", v.why);
	update_free(update);
	return cs;
}

static void remember(struct fixture *f, bool bump, const char *const *lines)
{
	struct changeset *cs = change(f, bump, lines);

	transfer_history_add(f->history, cs);
	changeset_unref(cs);
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct transfer *ixfr(const struct fixture *f, uint32_t serial, size_t udp_limit)
{
	return transfer_new_ixfr(
		f->zone, f->history, serial, ixfr_question, QUESTION_LEN, udp_limit);
}

static void expect_soa_alone(struct transfer *transfer, uint32_t serial)
{
	struct records records = read_transfer(transfer);

	assert_int_equal(records.count, 1);
	assert_true(is_soa(&records, 0, serial));
	records_clear(&records);
	transfer_unref(transfer);
}

static void expect_whole(struct transfer *transfer, const struct zone *zone)
{
	struct records records = read_transfer(transfer);
	struct zone *copy = zone_new(zone_apex(zone));

	assert_non_null(copy);
	assert_int_equal(records.count, zone_count_records(zone) + 1);
	assert_int_equal(records.list[0].rr.type, TYPE_SOA);
	assert_int_equal(records.list[records.count - 1].rr.type, TYPE_SOA);
	for (size_t i = 0; i + 1 < records.count; i++)
		insert_record(copy, &records.list[i].rr);
	assert_same(copy, zone);
	zone_free(copy);
	records_clear(&records);
	transfer_unref(transfer);
}

/* The differences since serial make the zone out of old, which is changed by it. */
static void expect_difference(const struct fixture *f, struct transfer *transfer,
	struct zone *old, uint32_t from, const uint32_t *serials, size_t count)
{
	struct records records = read_transfer(transfer);

	apply_ixfr(old, &records, from, serials, count);
	assert_same(old, f->zone);
	records_clear(&records);
	transfer_unref(transfer);
}

/* ---- AXFR ---- */

static void test_axfr(void **state)
{
	struct fixture *f = *state;
	struct transfer *transfer =
		transfer_new_axfr(f->zone, axfr_question, QUESTION_LEN);

	assert_non_null(transfer);
	assert_int_equal(transfer->count, 1);
	assert_memory_equal(transfer->messages[0].octets + WIRE_HEADER_LEN, axfr_question,
		QUESTION_LEN);
	expect_whole(transfer, f->zone);
}

static void test_axfr_references(void **state)
{
	struct fixture *f = *state;
	struct transfer *transfer =
		transfer_new_axfr(f->zone, axfr_question, QUESTION_LEN);

	assert_ptr_equal(transfer_ref(transfer), transfer);
	transfer_unref(transfer);
	expect_whole(transfer, f->zone);
	transfer_unref(NULL);
}

static void test_axfr_without_soa(void **state)
{
	struct zone *zone = zone_new(message_name("example."));

	(void)state;
	assert_null(transfer_new_axfr(zone, axfr_question, QUESTION_LEN));
	zone_free(zone);
}

/* A pointer means nothing without its message: the apex is named instead. */
static void test_question_compressed(void **state)
{
	static const uint8_t question[] = {0xc0, 4, 0, 252, 0, 1};
	struct fixture *f = *state;
	struct transfer *transfer =
		transfer_new_axfr(f->zone, question, sizeof(question));

	assert_memory_equal(transfer->messages[0].octets + WIRE_HEADER_LEN,
		"\7example\0\0\374\0\1", QUESTION_LEN);
	expect_whole(transfer, f->zone);
}

static void test_axfr_many_messages(void **state)
{
	struct zone *zone = message_make_zone("example.", zone_text);
	struct transfer *transfer;

	(void)state;
	load_hosts(zone, 5000);
	transfer = transfer_new_axfr(zone, axfr_question, QUESTION_LEN);
	assert_non_null(transfer);
	assert_in_range(transfer->count, 5, 12);
	for (size_t i = 0; i < transfer->count; i++) {
		assert_in_range(transfer->messages[i].len, 100, TRANSFER_MESSAGE_LEN);
		if (i + 1 < transfer->count)
			assert_in_range(transfer->messages[i].len,
				TRANSFER_MESSAGE_LEN - 100, TRANSFER_MESSAGE_LEN);
	}
	expect_whole(transfer, zone);
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
	struct zone *zone = message_make_zone("example.", zone_text);
	const uint16_t largest = WIRE_MESSAGE_MAX - TSIG_RESERVE_MAX - WIRE_HEADER_LEN -
		13 /* big.example. */ - 10;
	struct transfer *transfer;

	(void)state;
	for (uint16_t i = 0; i < 40; i++)
		load_raw(zone, "many.example.", 65280, 8000 + i);
	load_raw(zone, "big.example.", 65280, largest);
	load_raw(zone, "large.example.", 65280, 20000);
	transfer = transfer_new_axfr(zone, axfr_question, QUESTION_LEN);
	assert_non_null(transfer);
	for (size_t i = 0; i < transfer->count; i++)
		assert_in_range(transfer->messages[i].len, WIRE_HEADER_LEN,
			WIRE_MESSAGE_MAX - TSIG_RESERVE_MAX);
	expect_whole(transfer, zone);
	/* There is no message for this one. */
	load_raw(zone, "big.example.", 65281, largest + 1);
	assert_null(transfer_new_axfr(zone, axfr_question, QUESTION_LEN));
	zone_free(zone);
}

/* ---- IXFR ---- */

static void test_ixfr(void **state)
{
	static const uint32_t serials[] = {11, 12, 13};
	struct fixture *f = *state;
	struct zone *between;

	remember(f, true, LINES("new 60 IN A 192.0.2.77"));
	between = copy_zone(f->zone);
	remember(f, true, LINES("www 0 ANY ANY"));
	remember(f, true, LINES("mail 0 NONE A 192.0.2.25", "new 60 IN A 192.0.2.78"));
	expect_difference(f, ixfr(f, 11, 0), between, 11, serials + 1, 2);
	expect_difference(f, ixfr(f, 10, 0), f->old, 10, serials, 3);
	zone_free(between);
}

/* A TTL belongs to the RRset: all its records go and come. */
static void test_ixfr_ttl(void **state)
{
	static const uint32_t serials[] = {11};
	struct fixture *f = *state;

	remember(f, true, LINES("www 60 IN A 192.0.2.3"));
	expect_difference(f, ixfr(f, 10, 0), f->old, 10, serials, 1);
}

static void test_ixfr_question(void **state)
{
	struct fixture *f = *state;
	struct transfer *transfer;

	remember(f, true, LINES("new 60 IN A 192.0.2.77"));
	transfer = ixfr(f, 10, 0);
	assert_memory_equal(transfer->messages[0].octets + WIRE_HEADER_LEN, ixfr_question,
		QUESTION_LEN);
	transfer_unref(transfer);
}

/* RFC 1995 2 */
static void test_ixfr_current(void **state)
{
	struct fixture *f = *state;

	expect_soa_alone(ixfr(f, 10, 0), 10);
	expect_soa_alone(ixfr(f, 11, 0), 10);
	expect_soa_alone(ixfr(f, 10u + 0x7fffffffu, 0), 10);
	expect_soa_alone(ixfr(f, 10, 512), 10);
	/* Neither newer nor older (RFC 1982 3.2) is no reason to refuse the zone. */
	expect_whole(ixfr(f, 10u + 0x80000000u, 0), f->zone);
	remember(f, true, LINES("new 60 IN A 192.0.2.77"));
	expect_soa_alone(ixfr(f, 11, 0), 11);
}

static void test_ixfr_unknown_serial(void **state)
{
	struct fixture *f = *state;

	expect_whole(ixfr(f, 9, 0), f->zone);
	remember(f, true, LINES("new 60 IN A 192.0.2.77"));
	expect_whole(ixfr(f, 9, 0), f->zone);
	transfer_history_clear(f->history);
	expect_whole(ixfr(f, 10, 0), f->zone);
}

/* RFC 1995 5 */
static void test_ixfr_larger_than_zone(void **state)
{
	static const uint32_t serials[] = {11, 12, 13};
	struct fixture *f = *state;

	/* 12 records: 13 sent.  1 + 3 * (2 + 1) + 1 = 11, then 14. */
	remember(f, true, LINES("mail 0 ANY ANY"));
	remember(f, true, LINES("mail 300 IN A 192.0.2.25"));
	remember(f, true, LINES("mail 0 ANY ANY"));
	expect_difference(f, ixfr(f, 10, 0), f->old, 10, serials, 3);
	remember(f, true, LINES("mail 300 IN A 192.0.2.25"));
	expect_whole(ixfr(f, 10, 0), f->zone);
}

/* What moved on without the history knowing is not told. */
static void test_ixfr_zone_ahead(void **state)
{
	struct fixture *f = *state;

	remember(f, true, LINES("new 60 IN A 192.0.2.77"));
	changeset_unref(change(f, true, LINES("new 60 IN A 192.0.2.78")));
	expect_whole(ixfr(f, 10, 0), f->zone);
	expect_whole(ixfr(f, 11, 0), f->zone);
}

static void test_history_gap(void **state)
{
	static const uint32_t serials[] = {13};
	struct fixture *f = *state;
	struct zone *old;

	remember(f, true, LINES("new 60 IN A 192.0.2.77"));
	changeset_unref(change(f, true, LINES("new 60 IN A 192.0.2.78")));
	old = copy_zone(f->zone);
	remember(f, true, LINES("new 60 IN A 192.0.2.79"));
	expect_whole(ixfr(f, 10, 0), f->zone);
	expect_whole(ixfr(f, 11, 0), f->zone);
	expect_difference(f, ixfr(f, 12, 0), old, 12, serials, 1);
	zone_free(old);
}

/* The target owns the serial: it follows the changes that it covers. */
static void test_history_late_serial(void **state)
{
	static const uint32_t serials[] = {11, 12};
	const char *soa = "@ 300 IN SOA ns admin 12 2 3 4 60";
	struct fixture *f = *state;

	remember(f, true, LINES("mail 0 ANY ANY"));
	remember(f, false, LINES("new 60 IN A 192.0.2.77"));
	expect_soa_alone(ixfr(f, 11, 0), 11);
	remember(f, false, LINES("new 60 IN A 192.0.2.78", "www 0 ANY TXT"));
	remember(f, false, LINES("new 0 NONE A 192.0.2.77"));
	remember(f, false, LINES(soa));
	expect_difference(f, ixfr(f, 10, 0), f->old, 10, serials, 2);
}

/* No SOA any more, or none that leads forward. */
static void test_history_broken(void **state)
{
	static const uint32_t serials[] = {13};
	struct fixture *f = *state;
	struct changeset *cs = changeset_new();
	struct rrset *soa = zone_soa(f->zone), *back;
	struct zone *old;

	remember(f, true, LINES("new 60 IN A 192.0.2.77"));
	assert_non_null(cs);
	assert_int_equal(
		changeset_append(cs, message_name("example."), TYPE_SOA, soa, NULL), 0);
	transfer_history_add(f->history, cs);
	changeset_unref(cs);
	expect_whole(ixfr(f, 10, 0), f->zone);
	/* What comes next may lack what was lost. */
	remember(f, true, LINES("new 60 IN A 192.0.2.78"));
	expect_whole(ixfr(f, 11, 0), f->zone);
	old = copy_zone(f->zone);
	remember(f, true, LINES("new 60 IN A 192.0.2.79"));
	expect_difference(f, ixfr(f, 12, 0), old, 12, serials, 1);
	zone_free(old);

	soa = zone_soa(f->zone);
	back = soa_with_serial(soa, 13u + 0x80000000u);
	cs = changeset_new();
	assert_true(cs && back);
	assert_int_equal(
		changeset_put(cs, f->zone, message_name("example."), TYPE_SOA, back), 0);
	transfer_history_add(f->history, cs);
	changeset_unref(cs);
	rrset_unref(back);
	expect_whole(ixfr(f, 13, 0), f->zone);
}

/* The oldest go first; what alone is too large does not stay either. */
static void test_history_bounded(void **state)
{
	struct fixture *f = *state;
	struct changeset *cs;
	struct transfer *transfer;
	unsigned known = 0;

	/* So that all of it would be smaller than the zone. */
	load_hosts(f->zone, 1000);
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
	transfer = ixfr(f, 108, 0);
	assert_non_null(transfer);
	assert_true(transfer->count > 1);
	transfer_unref(transfer);
	for (uint32_t serial = 10; serial < 110; serial++) {
		struct records records;

		transfer = ixfr(f, serial, 0);
		records = read_transfer(transfer);
		known += is_soa(&records, 1, serial);
		records_clear(&records);
		transfer_unref(transfer);
	}
	assert_in_range(known, 1, TRANSFER_HISTORY_MAX / 120000);
}

/* ---- UDP ---- */

static void test_ixfr_udp(void **state)
{
	static const uint32_t serials[] = {11};
	struct fixture *f = *state;
	struct transfer *transfer;
	size_t len;

	remember(f, true, LINES("new 60 IN A 192.0.2.77"));
	transfer = ixfr(f, 10, 512);
	assert_int_equal(transfer->count, 1);
	len = transfer->messages[0].len;
	transfer_unref(transfer);
	/* Exactly enough, and one octet less: the SOA says that there is more over TCP. */
	expect_difference(f, ixfr(f, 10, len), f->old, 10, serials, 1);
	expect_soa_alone(ixfr(f, 10, len - 1), 11);
}

/* The whole zone goes over UDP too, if it fits (RFC 1995 4). */
static void test_ixfr_udp_whole(void **state)
{
	struct fixture *f = *state;
	struct transfer *transfer = ixfr(f, 9, 1232);
	size_t len = transfer->messages[0].len;

	assert_int_equal(transfer->count, 1);
	transfer_unref(transfer);
	expect_whole(ixfr(f, 9, len), f->zone);
	expect_soa_alone(ixfr(f, 9, len - 1), 10);
}

/* Not even the SOA: TC. */
static void test_ixfr_udp_nothing(void **state)
{
	struct fixture *f = *state;
	struct transfer *transfer = ixfr(f, 10, 12 + QUESTION_LEN + 20);

	assert_non_null(transfer);
	assert_int_equal(transfer->count, 1);
	answer_assert(transfer->messages[0].octets, transfer->messages[0].len,
		"NOERROR aa tc\n? eXample. IXFR IN\n");
	transfer_unref(transfer);
	assert_null(ixfr(f, 10, 11));
}

int main(void)
{
#define TEST_HOSTS(function)                                                             \
	cmocka_unit_test_setup_teardown(function, set_up_hosts, tear_down)
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
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
		TEST_HOSTS(test_history_gap),
		TEST_HOSTS(test_history_late_serial),
		TEST_HOSTS(test_history_broken),
		TEST(test_history_bounded),
		TEST(test_ixfr_udp),
		TEST(test_ixfr_udp_whole),
		TEST(test_ixfr_udp_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
