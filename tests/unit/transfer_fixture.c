/*
 * Zone transfers read back, and a zone with a history to transfer (transfer_fixture.h).
 */
#include "tests/unit/transfer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/message.h"
#include "tests/unit/rrset_without.h"

const char transfer_zone_text[] = "$TTL 300\n"
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

const uint8_t transfer_axfr_question[] = "\7eXample\0\0\374\0\1";
const uint8_t transfer_ixfr_question[] = "\7eXample\0\0\373\0\1";
/* ---- reading transfers ---- */

void transfer_records_clear(struct transfer_records *records)
{
	for (size_t i = 0; i < records->count; i++)
		free(records->list[i].buffers);
	free(records->list);
	*records = (struct transfer_records){0};
}

static void read_message(struct transfer_records *records,
	const struct transfer_message *message, unsigned questions)
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
		struct transfer_record *record;

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

struct transfer_records transfer_read(const struct transfer *transfer)
{
	struct transfer_records records = {0};

	assert_non_null(transfer);
	assert_true(transfer->count > 0);
	for (size_t i = 0; i < transfer->count; i++)
		read_message(&records, &transfer->messages[i], i == 0);
	return records;
}

bool transfer_is_soa(const struct transfer_records *records, size_t i, uint32_t serial)
{
	const struct rr *rr = &records->list[i].rr;

	return i < records->count && rr->type == TYPE_SOA &&
		soa_serial(rr->rdata, rr->rdata_len) == serial;
}

/* ---- zones ---- */

struct zone *transfer_copy_zone(const struct zone *zone)
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

void transfer_load_hosts(struct zone *zone, unsigned count)
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
		set = rrset_without(old, index);
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
static void apply_ixfr(struct zone *zone, const struct transfer_records *records,
	uint32_t from, const uint32_t *serials, size_t count)
{
	const uint32_t current = serials[count - 1];
	size_t i = 1;

	assert_true(transfer_is_soa(records, 0, current));
	for (size_t v = 0; v < count; v++) {
		assert_true(transfer_is_soa(records, i, from));
		do
			remove_record(zone, &records->list[i++].rr);
		while (i < records->count && records->list[i].rr.type != TYPE_SOA);
		assert_true(transfer_is_soa(records, i, serials[v]));
		do
			insert_record(zone, &records->list[i++].rr);
		while (i < records->count && records->list[i].rr.type != TYPE_SOA);
		from = serials[v];
	}
	assert_true(transfer_is_soa(records, i, current));
	assert_int_equal(i + 1, records->count);
}

/* ---- updates ---- */

int transfer_set_up(void **state)
{
	struct transfer_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->zone = message_make_zone("example.", transfer_zone_text);
	f->old = transfer_copy_zone(f->zone);
	f->history = transfer_history_new(&f->histories);
	assert_non_null(f->history);
	*state = f;
	return 0;
}

int transfer_set_up_hosts(void **state)
{
	struct transfer_fixture *f;

	transfer_set_up(state);
	f = *state;
	transfer_load_hosts(f->zone, 20);
	transfer_load_hosts(f->old, 20);
	return 0;
}

int transfer_tear_down(void **state)
{
	struct transfer_fixture *f = *state;

	zone_free(f->zone);
	zone_free(f->old);
	transfer_history_free(f->history);
	free(f);
	return 0;
}

struct changeset *transfer_change(
	struct transfer_fixture *f, bool bump, const char *const *lines)
{
	struct update *update = message_update_of("example.", lines);
	struct changeset *cs = NULL;
	struct verdict v = apply_update(f->zone, update, bump, &cs);

	if (!verdict_is_ok(&v))
		fail_msg("%s", v.why);
	update_free(update);
	return cs;
}

void transfer_remember(struct transfer_fixture *f, bool bump, const char *const *lines)
{
	struct changeset *cs = transfer_change(f, bump, lines);

	transfer_history_add(f->history, cs);
	changeset_unref(cs);
}

struct transfer *transfer_ixfr(
	const struct transfer_fixture *f, uint32_t serial, size_t udp_limit)
{
	return transfer_new_ixfr(f->zone, f->history, serial, transfer_ixfr_question,
		TRANSFER_QUESTION_LEN, udp_limit);
}

void transfer_expect_soa_alone(struct transfer *transfer, uint32_t serial)
{
	struct transfer_records records = transfer_read(transfer);

	assert_int_equal(records.count, 1);
	assert_true(transfer_is_soa(&records, 0, serial));
	transfer_records_clear(&records);
	transfer_unref(transfer);
}

void transfer_expect_whole(struct transfer *transfer, const struct zone *zone)
{
	struct transfer_records records = transfer_read(transfer);
	struct zone *copy = zone_new(zone_apex(zone));

	assert_non_null(copy);
	assert_int_equal(records.count, zone_count_records(zone) + 1);
	assert_int_equal(records.list[0].rr.type, TYPE_SOA);
	assert_int_equal(records.list[records.count - 1].rr.type, TYPE_SOA);
	for (size_t i = 0; i + 1 < records.count; i++)
		insert_record(copy, &records.list[i].rr);
	assert_same(copy, zone);
	zone_free(copy);
	transfer_records_clear(&records);
	transfer_unref(transfer);
}

void transfer_expect_difference(const struct transfer_fixture *f,
	struct transfer *transfer, struct zone *old, uint32_t from,
	const uint32_t *serials, size_t count)
{
	struct transfer_records records = transfer_read(transfer);

	apply_ixfr(old, &records, from, serials, count);
	assert_same(old, f->zone);
	transfer_records_clear(&records);
	transfer_unref(transfer);
}
