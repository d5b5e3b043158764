/*
 * The table of leases: loading, finding, pages, keys.
 */
#include "tests/unit/lease_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "zones/lease_table.h"

enum { HOSTS = 3000 };

/* host h<number>, A 10.x.y.z, with count records */
static void load(struct lease_bench *b, unsigned number, unsigned count)
{
	char text[32];
	struct lease_record record = {
		.type = TYPE_A,
		.rdata_len = 4,
		.key = lease_bench_name(b, number % 2 ? "hour." : "acme."),
		.source = {.family = number % 3 ? 4 : 6, .octets = {1, 2, 3, 4, 5}},
		.duration_s = 3600,
		.deadline_ms = b->now_ms + 200 * 1000 + number,
		.seen_s = b->real_s,
	};

	snprintf(text, sizeof(text), "h%u", number);
	record.owner = lease_bench_name(b, text);
	if (number % 5 == 0)
		record.key = record.owner;
	for (unsigned i = 0; i < count; i++) {
		uint8_t rdata[4] = {
			10, (uint8_t)i, (uint8_t)(number >> 8), (uint8_t)number};

		record.rdata = rdata;
		assert_int_equal(lease_table_load(b->table, &record), 0);
	}
}

static void load_and_describe(void **state)
{
	struct lease_bench *b = *state;
	struct lease_record record;

	for (unsigned i = 0; i < HOSTS; i++)
		load(b, i, 1 + i % 3);
	lease_bench_check(b);
	assert_int_equal(lease_table_count(b->table), HOSTS * 2);
	for (unsigned i = 0; i < HOSTS; i++) {
		uint8_t rdata[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
		char text[32];
		struct lease *lease;

		snprintf(text, sizeof(text), "h%u", i);
		lease = lease_find(b->table, lease_bench_name(b, text), TYPE_A, rdata, 4);
		assert_non_null(lease);
		lease_describe(b->table, lease, &record);
		assert_true(name_is_equal(record.owner, lease_bench_name(b, text)));
		assert_memory_equal(record.rdata, rdata, 4);
		assert_int_equal(record.deadline_ms, b->now_ms + i + 200 * 1000);
		assert_int_equal(record.duration_s, 3600);
		assert_int_equal(record.seen_s, b->real_s);
		assert_int_equal(record.source.family, i % 3 ? 4 : 6);
		assert_int_equal(record.source.octets[4], i % 3 ? 0 : 5);
		assert_true(name_is_equal(record.key,
			i % 5 == 0 ? record.owner
				   : lease_bench_name(b, i % 2 ? "hour." : "acme.")));
		assert_null(
			lease_find(b->table, record.owner, TYPE_AAAA, record.rdata, 4));
	}
	/* Two names are enough to check. */
	assert_int_equal(b->table->keys.count, 2);
}

struct pages {
	uint8_t visits[HOSTS];
	size_t count;
};

static void visit(const struct lease *lease, void *arg)
{
	struct pages *pages = arg;
	const uint8_t *rdata = lease_rdata(lease);

	pages->count++;
	if (rdata[1] == 0)
		pages->visits[rdata[2] << 8 | rdata[3]]++;
}

/* A lease that stays is visited once, even if the table grows fourfold meanwhile and
 * hosts get other heads. */
static void scan_while_it_grows(void **state)
{
	struct lease_bench *b = *state;
	struct pages *pages = calloc(1, sizeof(*pages));
	unsigned loaded = HOSTS / 4;
	uint64_t cursor = 0;

	assert_non_null(pages);
	for (unsigned i = 0; i < loaded; i++)
		load(b, i, 3);
	do {
		cursor = lease_table_scan(b->table, cursor, 10, visit, pages);
		for (int i = 0; i < 30 && loaded < HOSTS; i++)
			load(b, loaded++, 1);
		lease_bench_expire(b, 1);
	} while (cursor);
	assert_int_equal(loaded, HOSTS);
	for (unsigned i = 0; i < HOSTS / 4; i++)
		assert_int_equal(pages->visits[i], 1);
	for (unsigned i = 0; i < HOSTS; i++)
		assert_true(pages->visits[i] <= 1);
	free(pages);
}

static void scan_empty(void **state)
{
	struct lease_bench *b = *state;
	struct pages *pages = calloc(1, sizeof(*pages));
	uint64_t cursor = 0;

	assert_non_null(pages);
	do
		cursor = lease_table_scan(b->table, cursor, 1, visit, pages);
	while (cursor);
	assert_int_equal(pages->count, 0);
	assert_null(lease_first_at(b->table, lease_bench_name(b, "host1")));
	free(pages);
}

static void hosts(void **state)
{
	struct lease_bench *b = *state;
	const uint8_t *owner = lease_bench_name(b, "h7");
	size_t count = 0;

	load(b, 7, 100);
	load(b, 8, 1);
	for (struct lease *l = lease_first_at(b->table, owner); l;
		l = lease_next_at(b->table, l))
		count++;
	assert_int_equal(count, 100);
}

/* Deadlines in any order, taken out in any order: the heap stays one. */
static void heap(void **state)
{
	struct lease_bench *b = *state;
	struct changeset *cs = changeset_new();
	uint64_t random = 7;

	assert_non_null(cs);
	for (unsigned i = 0; i < 400; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		b->now_ms = 1000 * 1000 + (int64_t)(random >> 33) % 10000000;
		load(b, i, 1);
	}
	for (unsigned i = 0; i < 390; i++) {
		struct lease *lease;

		random = random * 6364136223846793005u + 1442695040888963407u;
		lease = b->table->active.leases[(random >> 33) % b->table->active.count];
		assert_int_equal(lease_end(b->table, lease, cs), 0);
		lease_bench_check(b);
	}
	lease_undo(b->table, cs->leases);
	lease_bench_check(b);
	assert_int_equal(lease_table_count(b->table), 400);
	changeset_unref(cs);
}

/* They are loaded again with the deadlines that they had. */
static void copy_lease(const struct lease *lease, void *arg)
{
	struct lease_bench *b = ((void **)arg)[0];
	struct lease_table *to = ((void **)arg)[1];
	struct lease_record record;

	lease_describe(b->table, lease, &record);
	assert_int_equal(lease_table_load(to, &record), 0);
}

static void restart(void **state)
{
	struct lease_bench *b = *state;
	struct lease_table *to = lease_table_new(zone_apex(b->zone), NULL);
	void *args[] = {b, to};
	uint64_t cursor = 0;

	lease_bench_update(b, "hour.", "host1 300 IN A 192.0.2.1; host1 300 IN TXT a");
	lease_bench_pass(b, 3000);
	lease_bench_update(b, "hour.", "host1 300 IN TXT a");
	do
		cursor = lease_table_scan(b->table, cursor, 100, copy_lease, args);
	while (cursor);
	lease_table_free(b->table);
	b->table = to;
	LEASED(b, "host1 A 192.0.2.1", 600);
	LEASED(b, "host1 TXT a", 3600);
	lease_bench_pass(b, 600);
	assert_int_equal(lease_bench_expire_all(b), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LEASES(load_and_describe),
		WITH_LEASES(scan_while_it_grows),
		WITH_LEASES(scan_empty),
		WITH_LEASES(hosts),
		WITH_LEASES(heap),
		WITH_LEASES(restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
