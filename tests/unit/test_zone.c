/* The mirror: nodes, empty non-terminals, counting. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "message.h"
#include "zones/rdata.h"
#include "zones/zone.h"

static struct rrset *address(uint8_t last)
{
	const uint8_t rdata[4] = {192, 0, 2, last};
	struct rrset *set = rrset_new(TYPE_A, 300, rdata, sizeof(rdata));

	assert_non_null(set);
	return set;
}

static void put(struct zone *zone, const char *owner, uint16_t type, struct rrset *set)
{
	assert_int_equal(zone_put(zone, message_name(owner), type, set), 0);
	rrset_unref(set);
}

static bool exists(const struct zone *zone, const char *owner)
{
	return zone_find_node(zone, message_name(owner)) != NULL;
}

static void the_apex_always_exists(void **state)
{
	struct zone *zone = zone_new(message_name("example."));

	(void)state;
	assert_true(exists(zone, "example."));
	assert_false(zone_is_name_in_use(zone, message_name("example.")));
	assert_null(zone_soa(zone));
	put(zone, "example.", TYPE_A, address(1));
	put(zone, "example.", TYPE_A, NULL);
	assert_true(exists(zone, "example."));
	assert_false(exists(zone, "."));
	assert_false(exists(zone, "com."));
	zone_free(zone);
}

static void empty_non_terminals_come_and_go(void **state)
{
	struct zone *zone = zone_new(message_name("example."));

	(void)state;
	put(zone, "a.b.c.example.", TYPE_A, address(1));
	assert_true(exists(zone, "b.c.example."));
	assert_true(exists(zone, "c.example."));
	assert_true(
		zone_node_has_children(zone_find_node(zone, message_name("c.example."))));
	assert_false(zone_is_name_in_use(zone, message_name("b.c.example.")));
	assert_true(zone_is_name_in_use(zone, message_name("a.b.c.example.")));
	assert_int_equal(zone_count_names(zone), 1);

	put(zone, "x.c.example.", TYPE_A, address(2));
	put(zone, "a.b.c.example.", TYPE_A, NULL);
	assert_false(exists(zone, "a.b.c.example."));
	assert_false(exists(zone, "b.c.example."));
	assert_true(exists(zone, "c.example."));

	/* Data at an empty non-terminal, and its loss while names are below. */
	put(zone, "c.example.", TYPE_A, address(3));
	put(zone, "c.example.", TYPE_A, NULL);
	assert_true(exists(zone, "c.example."));
	put(zone, "x.c.example.", TYPE_A, NULL);
	assert_false(exists(zone, "c.example."));
	assert_false(
		zone_node_has_children(zone_find_node(zone, message_name("example."))));
	assert_int_equal(zone_count_names(zone), 0);
	assert_int_equal(zone_count_records(zone), 0);
	zone_free(zone);
}

static void names_outside_are_refused(void **state)
{
	struct zone *zone = zone_new(message_name("example."));
	struct rrset *set = address(1);

	(void)state;
	assert_int_equal(
		zone_put(zone, message_name("host.test."), TYPE_A, set), -EINVAL);
	assert_int_equal(zone_put(zone, message_name("."), TYPE_A, set), -EINVAL);
	assert_int_equal(zone_put(zone, message_name("host.test."), TYPE_A, NULL), 0);
	assert_int_equal(set->refs, 1);
	rrset_unref(set);
	zone_free(zone);
}

static void many_types_at_one_node(void **state)
{
	struct zone *zone = zone_new(message_name("example."));
	const uint8_t *owner = message_name("h.example.");
	const struct zone_node *node;

	(void)state;
	for (uint16_t type = 1000; type < 1300; type++)
		put(zone, "h.example.", type,
			rrset_new(type, 1, (const uint8_t *)"x", 1));
	assert_int_equal(zone_count_records(zone), 300);
	assert_int_equal(zone_count_names(zone), 1);
	node = zone_find_node(zone, owner);
	for (uint16_t type = 1000; type < 1300; type++)
		assert_int_equal(zone_node_find(node, type)->type, type);
	assert_non_null(zone_node_rrset(node, 299));
	assert_null(zone_node_rrset(node, 300));
	for (uint16_t type = 1000; type < 1300; type += 2)
		put(zone, "h.example.", type, NULL);
	assert_null(zone_find(zone, owner, 1000));
	assert_non_null(zone_find(zone, owner, 1001));
	assert_int_equal(zone_count_records(zone), 150);
	zone_free(zone);
}

static void the_zone_keeps_its_own_reference(void **state)
{
	struct zone *zone = zone_new(message_name("example."));
	struct rrset *set = address(1);

	(void)state;
	assert_int_equal(zone_put(zone, message_name("h.example."), TYPE_A, set), 0);
	assert_int_equal(set->refs, 2);
	/* The very same once more: nothing is freed in between. */
	assert_int_equal(zone_put(zone, message_name("h.example."), TYPE_A, set), 0);
	assert_int_equal(set->refs, 2);
	put(zone, "h.example.", TYPE_A, address(2));
	assert_int_equal(set->refs, 1);
	rrset_unref(set);
	zone_free(zone);
}

static void counting(void **state)
{
	struct zone *zone = zone_new(message_name("example."));
	const uint8_t rdata[4] = {192, 0, 2, 2};
	struct rrset *one = address(1), *two = rrset_with(one, rdata, sizeof(rdata));

	(void)state;
	rrset_unref(one);
	put(zone, "h.example.", TYPE_A, two);
	put(zone, "i.example.", TYPE_A, address(1));
	put(zone, "i.example.", 65280, rrset_new(65280, 1, rdata, 1));
	assert_int_equal(zone_count_names(zone), 2);
	assert_int_equal(zone_count_records(zone), 4);
	put(zone, "h.example.", TYPE_A, address(3));
	assert_int_equal(zone_count_records(zone), 3);
	put(zone, "i.example.", TYPE_A, NULL);
	put(zone, "i.example.", TYPE_A, NULL);
	assert_int_equal(zone_count_names(zone), 2);
	assert_int_equal(zone_count_records(zone), 2);
	zone_free(zone);
}

enum { MANY = 20000 };

static void name_of(char buf[64], unsigned i)
{
	snprintf(buf, 64, "host%u.sub%u.example.", i, i % 100);
}

static void a_table_that_grows_and_is_swept(void **state)
{
	struct zone *zone = zone_new(message_name("example."));
	unsigned char *seen = calloc(MANY, 1);
	const struct zone_node *node;
	size_t cursor = 0, visited = 0, octets;
	char name[64];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		name_of(name, i);
		put(zone, name, TYPE_A, address((uint8_t)i));
	}
	assert_int_equal(zone_count_names(zone), MANY);
	while ((node = zone_next_node(zone, &cursor))) {
		unsigned i = (unsigned)strtoul(
			(const char *)zone_node_owner(node) + 1 + strlen("host"), NULL,
			10);

		assert_true(i < MANY);
		assert_false(seen[i]);
		seen[i] = 1;
		visited++;
	}
	assert_int_equal(visited, MANY);
	/* Sweeping must never take what exists. */
	zone_keep(zone, true);
	for (unsigned i = 0; i < MANY; i++) {
		if (i % 3 == 0)
			continue;
		name_of(name, i);
		octets = zone_count_octets(zone) -
			rrset_octets(zone_find(zone, message_name(name), TYPE_A));
		put(zone, name, TYPE_A, NULL);
		zone_settle(zone);
		assert_int_equal(zone_count_octets(zone), octets);
	}
	zone_keep(zone, false);
	for (unsigned i = 0; i < MANY; i++)
		zone_settle(zone);
	assert_true(zone_count_octets(zone) < octets);
	for (unsigned i = 0; i < MANY; i++) {
		name_of(name, i);
		assert_int_equal(exists(zone, name), i % 3 == 0);
	}
	for (unsigned i = 0; i < MANY; i++) {
		name_of(name, i);
		put(zone, name, TYPE_A, address((uint8_t)i));
		zone_settle(zone);
		assert_true(exists(zone, name));
	}
	assert_int_equal(zone_count_records(zone), MANY);
	free(seen);
	zone_free(zone);
}

static void load(struct zone *zone, const char *owner, uint32_t ttl, uint8_t last)
{
	const uint8_t rdata[4] = {192, 0, 2, last};
	struct rr rr = {.owner = message_name(owner),
		.type = TYPE_A,
		.class = CLASS_IN,
		.ttl = ttl,
		.rdata = rdata,
		.rdata_len = sizeof(rdata)};

	assert_int_equal(zone_load_rr(zone, &rr), 0);
}

static void loading_joins_records(void **state)
{
	struct zone *zone = zone_new(message_name("example."));

	(void)state;
	load(zone, "h.example.", 300, 1);
	load(zone, "h.example.", 600, 2);
	load(zone, "h.example.", 900, 1);
	load(zone, "h.test.", 300, 1);
	message_assert_zone(
		zone, "h.example. 300 A 192.0.2.1\nh.example. 300 A 192.0.2.2");
	zone_free(zone);
}

static void loading_stops_at_the_limit(void **state)
{
	struct zone *zone = zone_new(message_name("example."));
	uint8_t rdata[2];
	struct rr rr = {.owner = message_name("h.example."),
		.type = 65280,
		.class = CLASS_IN,
		.rdata = rdata,
		.rdata_len = sizeof(rdata)};

	(void)state;
	for (unsigned i = 0; i <= RRSET_COUNT_MAX; i++) {
		rdata[0] = (uint8_t)(i >> 8);
		rdata[1] = (uint8_t)i;
		assert_int_equal(
			zone_load_rr(zone, &rr), i < RRSET_COUNT_MAX ? 0 : -ENOSPC);
	}
	zone_free(zone);
}

/* Whatever the seed, it is the same zone. */
static void the_seed_is_not_seen(void **state)
{
	const struct name_seed seed = {{0x123456789abcdef0, 42}};
	struct zone *a = zone_new(message_name("example."));
	struct zone *b = zone_new_seeded(message_name("example."), &seed);
	const struct zone_node *node;
	size_t cursor = 0, nodes = 0;
	char owner[32];

	(void)state;
	assert_memory_equal(zone_seed(b), &seed, sizeof(seed));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(owner, sizeof(owner), "h%u.s%u.example.", i, i % 7);
		put(a, owner, TYPE_A, address((uint8_t)i));
		put(b, owner, TYPE_A, address((uint8_t)i));
	}
	for (; (node = zone_next_node(b, &cursor)); nodes++)
		assert_true(rrset_is_identical(zone_node_find(node, TYPE_A),
			zone_find(a, zone_node_owner(node), TYPE_A)));
	assert_int_equal(nodes, 1000);
	assert_true(exists(b, "s3.example."));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(owner, sizeof(owner), "h%u.s%u.example.", i, i % 7);
		put(b, owner, TYPE_A, NULL);
	}
	assert_false(exists(b, "s3.example."));
	assert_int_equal(zone_count_names(b), 0);
	zone_free(a);
	zone_free(b);
}

static void octets_are_counted(void **state)
{
	struct zone *zone = zone_new(message_name("example."));
	struct rrset *one = address(1);
	struct rrset *two = rrset_with(one, (const uint8_t *)"abcd", 4);
	const size_t empty = zone_count_octets(zone);
	size_t with_one;

	(void)state;
	assert_non_null(two);
	put(zone, "a.b.example.", TYPE_A, one);
	with_one = zone_count_octets(zone);
	/* Two names at least, and the data. */
	assert_true(with_one > empty + 2 * sizeof("example") + sizeof(*one) + 6);
	put(zone, "a.b.example.", TYPE_A, two);
	assert_int_equal(zone_count_octets(zone), with_one + 6);
	put(zone, "a.b.example.", TYPE_A, address(1));
	assert_int_equal(zone_count_octets(zone), with_one);
	/* The names are kept for an undo. */
	put(zone, "a.b.example.", TYPE_A, NULL);
	assert_int_equal(zone_count_octets(zone), with_one - sizeof(*one) - 6);
	put(zone, "a.b.example.", TYPE_A, address(1));
	assert_int_equal(zone_count_octets(zone), with_one);
	zone_free(zone);
}

/* A SOA below the apex is none of this zone's, and no transfer could hand it on. */
static void a_soa_below_the_apex_is_left_out(void **state)
{
	struct zone *zone = zone_new(message_name("example."));
	static const uint8_t rdata[22] = {0};
	const struct rr rr = {.owner = message_name("sub.example."),
		.type = TYPE_SOA,
		.class = CLASS_IN,
		.rdata = rdata,
		.rdata_len = sizeof(rdata)};

	(void)state;
	assert_int_equal(zone_load_rr(zone, &rr), 0);
	assert_int_equal(zone_count_records(zone), 0);
	zone_free(zone);
}

static struct rrset *text_of_100(void)
{
	const uint8_t rdata[101] = {100};
	struct rrset *set = rrset_new(TYPE_TXT, 300, rdata, sizeof(rdata));

	assert_non_null(set);
	return set;
}

static void hold(struct zone *zone, const char *owner, const char *key)
{
	assert_int_equal(zone_hold(zone, message_name(owner), message_name(key)), 0);
}

/* message_name has few names at a time: asked for one by one. */
static void expect_held_(const struct zone *zone, const char *key, size_t names, int line)
{
	struct zone_holding holding = zone_holding(zone, message_name(key));

	_assert_int_equal(holding.names, names, __FILE__, line);
	_assert_true((holding.octets > 0) == (names > 0), "octets", __FILE__, line);
}

#define EXPECT_HELD(zone, key, names) expect_held_(zone, key, names, __LINE__)

static void names_are_held(void **state)
{
	struct zone *zone = zone_new(message_name("example."));
	struct zone *other = zone_new(message_name("example."));
	size_t octets;

	(void)state;
	hold(zone, "nobody.example.", "k.");
	EXPECT_HELD(zone, "k.", 0);
	put(zone, "a.example.", TYPE_A, address(1));
	put(zone, "b.example.", TYPE_A, address(1));
	hold(zone, "a.example.", "a.example.");
	hold(zone, "b.example.", "a.example.");
	EXPECT_HELD(zone, "a.example.", 2);
	octets = zone_holding(zone, message_name("a.example.")).octets;
	assert_int_equal(octets,
		zone_holding_at(zone, message_name("a.example."), message_name("k."))
				.octets +
			zone_holding_at(
				zone, message_name("b.example."), message_name("k."))
				.octets);
	assert_int_equal(zone_holding_at(zone, message_name("a.example."),
				 message_name("a.example."))
				 .names,
		0);
	/* It grows and shrinks with its records, and goes with the last one. */
	put(zone, "b.example.", TYPE_TXT, text_of_100());
	assert_true(
		zone_holding(zone, message_name("a.example.")).octets >= octets + 100);
	put(zone, "b.example.", TYPE_TXT, NULL);
	assert_int_equal(zone_holding(zone, message_name("a.example.")).octets, octets);
	put(zone, "b.example.", TYPE_A, address(2));
	assert_int_equal(zone_holding(zone, message_name("a.example.")).octets, octets);
	hold(zone, "b.example.", "k.");
	EXPECT_HELD(zone, "a.example.", 1);
	EXPECT_HELD(zone, "k.", 1);
	/* A zone that is loaded anew */
	put(other, "a.example.", TYPE_A, address(1));
	put(other, "c.example.", TYPE_A, address(1));
	zone_hold_as(other, zone);
	EXPECT_HELD(other, "a.example.", 1);
	EXPECT_HELD(other, "k.", 0);
	put(zone, "b.example.", TYPE_A, NULL);
	EXPECT_HELD(zone, "k.", 0);
	put(zone, "b.example.", TYPE_A, address(1)); /* an undo */
	EXPECT_HELD(zone, "k.", 1);
	put(zone, "a.example.", TYPE_A, NULL);
	EXPECT_HELD(zone, "a.example.", 0);
	zone_free(other);
	zone_free(zone);
}

/* More keys than are kept in place. */
static void many_hold_names(void **state)
{
	struct zone *zone = zone_new(message_name("example."));

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char owner[32], key[32];

		snprintf(owner, sizeof(owner), "h%d.example.", i);
		snprintf(key, sizeof(key), "k%d.", i % 100);
		put(zone, owner, TYPE_A, address(1));
		hold(zone, owner, key);
	}
	for (int i = 0; i < 100; i++) {
		char key[32];

		snprintf(key, sizeof(key), "k%d.", i);
		EXPECT_HELD(zone, key, 10);
	}
	EXPECT_HELD(zone, "k100.", 0);
	zone_free(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_held),
		cmocka_unit_test(many_hold_names),
		cmocka_unit_test(the_apex_always_exists),
		cmocka_unit_test(empty_non_terminals_come_and_go),
		cmocka_unit_test(names_outside_are_refused),
		cmocka_unit_test(many_types_at_one_node),
		cmocka_unit_test(the_zone_keeps_its_own_reference),
		cmocka_unit_test(counting),
		cmocka_unit_test(a_table_that_grows_and_is_swept),
		cmocka_unit_test(the_seed_is_not_seen),
		cmocka_unit_test(octets_are_counted),
		cmocka_unit_test(a_soa_below_the_apex_is_left_out),
		cmocka_unit_test(loading_joins_records),
		cmocka_unit_test(loading_stops_at_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
