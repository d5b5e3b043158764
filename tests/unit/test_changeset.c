/* Change sets: putting, undo and redo, merging, records, the stored form. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "message.h"
#include "zones/changeset.h"
#include "zones/rdata.h"

/* An RRset of TTL and addresses 192.0.2.x, ended by 0. */
static struct rrset *addresses(uint32_t ttl, ...)
{
	uint8_t rdata[4] = {192, 0, 2, 0};
	struct rrset *set = NULL, *old;
	va_list list;
	int last;

	va_start(list, ttl);
	while ((last = va_arg(list, int))) {
		rdata[3] = (uint8_t)last;
		old = set;
		set = old ? rrset_with(old, rdata, 4) : rrset_new(TYPE_A, ttl, rdata, 4);
		assert_non_null(set);
		rrset_unref(old);
	}
	va_end(list);
	return set;
}

/* Takes set. */
static void put(
	struct changeset *cs, struct zone *zone, const char *owner, struct rrset *set)
{
	assert_int_equal(changeset_put(cs, zone, message_name(owner), TYPE_A, set), 0);
	rrset_unref(set);
}

static struct zone *small_zone(void)
{
	return message_make_zone("example.",
		"@ 60 SOA ns admin 1 2 3 4 5\n"
		"h 60 A 192.0.2.1\n"
		"a.b.c 60 A 192.0.2.1\n"
		"a.b.c 60 TXT x\n");
}

static void the_first_touch_keeps_before(void **state)
{
	struct zone *zone = small_zone();
	struct changeset *cs = changeset_new();
	struct rrset *before = zone_find(zone, message_name("h.example."), TYPE_A);

	(void)state;
	put(cs, zone, "h.example.", addresses(60, 1, 2, 0));
	put(cs, zone, "i.example.", addresses(60, 3, 0));
	put(cs, zone, "h.example.", addresses(60, 4, 0));
	assert_int_equal(cs->count, 2);
	assert_true(name_is_equal(cs->changes[0].owner, message_name("h.example.")));
	assert_ptr_equal(cs->changes[0].before, before);
	assert_ptr_equal(cs->changes[0].after,
		zone_find(zone, message_name("h.example."), TYPE_A));
	assert_null(cs->changes[1].before);
	put(cs, zone, "h.example.", NULL);
	assert_int_equal(cs->count, 2);
	assert_null(cs->changes[0].after);
	assert_null(zone_find(zone, message_name("h.example."), TYPE_A));
	changeset_unref(cs);
	zone_free(zone);
}

static void finding(void **state)
{
	struct zone *zone = small_zone();
	struct changeset *cs = changeset_new();
	char owner[32];

	(void)state;
	assert_null(changeset_find(cs, message_name("h.example."), TYPE_A));
	for (int i = 1; i < 200; i++) {
		snprintf(owner, sizeof(owner), "n%d.example.", i);
		put(cs, zone, owner, addresses(60, i, 0));
		for (int j = 1; j < 200; j += 7) {
			const struct change *change;

			snprintf(owner, sizeof(owner), "n%d.example.", j);
			change = changeset_find(cs, message_name(owner), TYPE_A);
			assert_int_equal(change != NULL, j <= i);
			if (change)
				assert_ptr_equal(change, &cs->changes[j - 1]);
			assert_null(changeset_find(cs, message_name(owner), TYPE_TXT));
		}
	}
	changeset_unref(cs);
	zone_free(zone);
}

static void normalising(void **state)
{
	struct zone *zone = small_zone();
	struct changeset *cs = changeset_new();
	char owner[32];

	(void)state;
	put(cs, zone, "h.example.", addresses(60, 2, 0));
	put(cs, zone, "i.example.", addresses(60, 3, 0));
	put(cs, zone, "j.example.", addresses(60, 3, 0));
	put(cs, zone, "h.example.", addresses(60, 1, 0));
	put(cs, zone, "i.example.", NULL);
	assert_int_equal(cs->count, 3);
	changeset_normalise(cs);
	assert_int_equal(cs->count, 1);
	assert_true(name_is_equal(cs->changes[0].owner, message_name("j.example.")));
	/* Another TTL is another RRset. */
	put(cs, zone, "h.example.", addresses(61, 1, 0));
	changeset_normalise(cs);
	assert_int_equal(cs->count, 2);

	/* Many, and the index after it. */
	for (int i = 1; i < 100; i++) {
		snprintf(owner, sizeof(owner), "n%d.example.", i);
		put(cs, zone, owner, addresses(60, i, 0));
		if (i % 3)
			put(cs, zone, owner, NULL);
	}
	changeset_normalise(cs);
	assert_int_equal(cs->count, 2 + 33);
	for (int i = 1; i < 100; i++) {
		snprintf(owner, sizeof(owner), "n%d.example.", i);
		assert_int_equal(changeset_find(cs, message_name(owner), TYPE_A) != NULL,
			i % 3 == 0);
	}
	changeset_unref(cs);
	zone_free(zone);
}

static void undo_and_redo(void **state)
{
	struct zone *zone = small_zone();
	struct changeset *cs = changeset_new();
	char *before = message_zone_text(zone);

	(void)state;
	put(cs, zone, "h.example.", NULL);
	put(cs, zone, "a.b.c.example.", NULL);
	assert_int_equal(
		changeset_put(cs, zone, message_name("a.b.c.example."), TYPE_TXT, NULL),
		0);
	put(cs, zone, "x.y.z.example.", addresses(60, 1, 0));
	put(cs, zone, "example.", addresses(60, 1, 0));
	assert_null(zone_find_node(zone, message_name("b.c.example.")));

	changeset_undo(cs, zone);
	message_assert_zone(zone, before);
	assert_non_null(zone_find_node(zone, message_name("b.c.example.")));
	assert_null(zone_find_node(zone, message_name("z.example.")));
	free(before);
	changeset_unref(cs);
	zone_free(zone);
}

static void merging(void **state)
{
	struct zone *zone = small_zone();
	struct changeset *first = changeset_new(), *second = changeset_new();
	char *before = message_zone_text(zone);
	char owner[32];

	(void)state;
	put(first, zone, "h.example.", addresses(60, 2, 0));
	put(first, zone, "i.example.", addresses(60, 3, 0));
	put(first, zone, "j.example.", addresses(60, 3, 0));
	put(second, zone, "i.example.", NULL);
	put(second, zone, "j.example.", addresses(60, 3, 4, 0));
	put(second, zone, "h.example.", addresses(60, 1, 0));
	for (int i = 1; i < 50; i++) {
		snprintf(owner, sizeof(owner), "n%d.example.", i);
		put(second, zone, owner, addresses(60, i, 0));
	}
	second->sets_serial = true;
	assert_int_equal(changeset_merge(first, second), 0);
	changeset_normalise(first);
	assert_int_equal(first->count, 50); /* h and i came back to where they began */
	assert_true(first->sets_serial);
	assert_null(changeset_find(first, message_name("h.example."), TYPE_A));
	assert_int_equal(
		changeset_find(first, message_name("j.example."), TYPE_A)->after->count,
		2);
	assert_null(changeset_find(first, message_name("j.example."), TYPE_A)->before);
	changeset_undo(first, zone);
	message_assert_zone(zone, before);
	changeset_unref(first);
	changeset_unref(second);
	zone_free(zone);
	free(before);
}

static void merging_nothing(void **state)
{
	struct zone *zone = small_zone();
	struct changeset *first = changeset_new(), *second = changeset_new();

	(void)state;
	assert_int_equal(changeset_merge(first, second), 0);
	changeset_normalise(first);
	assert_int_equal(first->count, 0);
	put(first, zone, "i.example.", addresses(60, 3, 0));
	assert_int_equal(changeset_merge(second, first), 0);
	changeset_normalise(second);
	assert_int_equal(second->count, 1);
	assert_int_equal(changeset_ref(second)->refs, 2);
	changeset_unref(second);
	changeset_unref(first);
	changeset_unref(second);
	changeset_unref(NULL);
	zone_free(zone);
}

/* ---- records ---- */

struct seen {
	char text[4096];
	int left; /* visits until false */
};

static bool see(bool removed, const struct rr *rr, void *arg)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->text);
	char name[NAME_TEXT_MAX];

	assert_int_equal(rr->class, CLASS_IN);
	if (rr->type == TYPE_A)
		snprintf(seen->text + len, sizeof(seen->text) - len, "%c%s %u %u\n",
			removed ? '-' : '+', name_to_text(rr->owner, name), rr->ttl,
			rr->rdata[3]);
	return --seen->left > 0;
}

static void visiting_records(void **state)
{
	struct zone *zone = small_zone();
	struct changeset *cs = changeset_new();
	struct seen seen = {.left = 100};

	(void)state;
	put(cs, zone, "h.example.", addresses(60, 1, 2, 0));
	put(cs, zone, "i.example.", addresses(60, 3, 0));
	put(cs, zone, "a.b.c.example.", NULL);
	assert_true(changeset_each_record(cs, see, &seen));
	assert_string_equal(
		seen.text, "+h.example. 60 2\n+i.example. 60 3\n-a.b.c.example. 60 1\n");
	/* "A record whose TTL changed goes and comes." */
	put(cs, zone, "h.example.", addresses(61, 1, 0));
	seen = (struct seen){.left = 3};
	assert_false(changeset_each_record(cs, see, &seen));
	assert_string_equal(
		seen.text, "-h.example. 60 1\n+h.example. 61 1\n+i.example. 60 3\n");
	changeset_unref(cs);
	zone_free(zone);
}

static bool count_visits(bool removed, const struct rr *rr, void *arg)
{
	unsigned *counts = arg;

	(void)rr;
	counts[removed]++;
	return true;
}

/* An RRset as large as it may be, in the opposite order: not quadratic. */
static void visiting_a_large_rrset(void **state)
{
	struct changeset *cs = changeset_new();
	struct rrset *sets[2];
	unsigned counts[2] = {0};

	(void)state;
	for (int k = 0; k < 2; k++) {
		sets[k] = malloc(sizeof(struct rrset) + 4 * RRSET_COUNT_MAX);
		assert_non_null(sets[k]);
		*sets[k] = (struct rrset){.refs = 1,
			.type = 65280,
			.count = RRSET_COUNT_MAX,
			.size = 4 * RRSET_COUNT_MAX};
		for (unsigned i = 0; i < RRSET_COUNT_MAX; i++) {
			unsigned v = k ? 10 + RRSET_COUNT_MAX - i : i;
			const uint8_t record[4] = {0, 2, (uint8_t)(v >> 8), (uint8_t)v};

			memcpy(sets[k]->data + 4 * i, record, sizeof(record));
		}
	}
	assert_int_equal(
		changeset_append(cs, message_name("h.example."), 65280, sets[0], sets[1]),
		0);
	assert_true(changeset_each_record(cs, count_visits, counts));
	assert_int_equal(counts[true], 11);
	assert_int_equal(counts[false], 11);
	rrset_unref(sets[0]);
	rrset_unref(sets[1]);
	changeset_unref(cs);
}

static void case_alone_is_a_change(void **state)
{
	static const char *const lines[] = {"h 0 ANY NS", "h 60 IN NS A.b.", NULL};
	struct zone *zone = message_make_zone(
		"example.", "@ 60 SOA ns admin 1 2 3 4 5\nh 60 NS a.b.\n");
	struct update *update = message_update_of("example.", lines);
	struct changeset *cs = NULL;
	unsigned counts[2] = {0};
	struct verdict v = apply_update(zone, update, false, &cs);

	(void)state;
	assert_true(verdict_is_ok(&v));
	changeset_normalise(cs);
	assert_true(changeset_each_record(cs, count_visits, counts));
	assert_int_equal(counts[true], 1);
	assert_int_equal(counts[false], 1);
	changeset_unref(cs);
	update_free(update);
	zone_free(zone);
}

/* ---- the stored form ---- */

static const uint8_t stored[] = "\1\0\0\0\0\2"
				"\1h\7example\0\0\1"
				"\0\1\0\0\0\74\0\0\0\6\0\4\300\0\2\1"
				"\0\2\0\0\0\75\0\0\0\14\0\4\300\0\2\1\0\4\300\0\2\2"
				"\1i\7example\0\0\1"
				"\0\0"
				"\0\1\0\0\0\74\0\0\0\6\0\4\300\0\2\3";
enum { STORED_LEN = sizeof(stored) - 1 };

static struct changeset *stored_changeset(void)
{
	struct zone *zone = small_zone();
	struct changeset *cs = changeset_new();

	put(cs, zone, "h.example.", addresses(61, 1, 2, 0));
	put(cs, zone, "i.example.", addresses(60, 3, 0));
	zone_free(zone);
	return cs;
}

static void encoding(void **state)
{
	struct changeset *cs = stored_changeset();
	uint8_t *octets;
	size_t len;

	(void)state;
	octets = changeset_encode(cs, &len);
	assert_int_equal(len, STORED_LEN);
	assert_memory_equal(octets, stored, STORED_LEN);
	free(octets);
	cs->sets_serial = true;
	octets = changeset_encode(cs, &len);
	assert_int_equal(octets[1], 1);
	free(octets);
	cs->sets_serial = false;
	cs->is_uncertain = true;
	octets = changeset_encode(cs, &len);
	changeset_unref(cs);
	assert_int_equal(octets[1], 2);
	cs = changeset_decode(octets, len);
	free(octets);
	assert_non_null(cs);
	assert_true(cs->is_uncertain);
	changeset_unref(cs);
}

static void decoding(void **state)
{
	struct changeset *cs = changeset_decode(stored, STORED_LEN);
	struct zone *zone = small_zone();

	(void)state;
	assert_non_null(cs);
	assert_int_equal(cs->refs, 1);
	assert_int_equal(cs->count, 2);
	assert_false(cs->sets_serial || cs->is_uncertain);
	for (uint32_t i = 0; i < cs->count; i++)
		assert_int_equal(zone_put(zone, cs->changes[i].owner, cs->changes[i].type,
					 cs->changes[i].after),
			0);
	message_assert_zone(zone,
		"example. 60 SOA ns.example. admin.example. 1 2 3 4 5\n"
		"h.example. 61 A 192.0.2.1\n"
		"h.example. 61 A 192.0.2.2\n"
		"i.example. 60 A 192.0.2.3\n"
		"a.b.c.example. 60 A 192.0.2.1\n"
		"a.b.c.example. 60 TXT \"x\"\n");
	changeset_unref(cs);
	zone_free(zone);
}

static void expect_bad(const uint8_t *octets, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1); /* so that reading beyond it is seen */

	assert_non_null(copy);
	memcpy(copy, octets, len);
	errno = 0;
	assert_null(changeset_decode(copy, len));
	assert_int_equal(errno, EBADMSG);
	free(copy);
}

/* ---- what before and after share ---- */

/* Instead of the one at index stands another, or none. */
static struct rrset *many_addresses_but(
	unsigned count, unsigned index, const uint8_t *instead)
{
	struct rrset *set = NULL, *old;

	for (unsigned i = 0; i < count; i++) {
		const uint8_t usual[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
		const uint8_t *rdata = i == index ? instead : usual;

		if (!rdata)
			continue;
		old = set;
		set = old ? rrset_with(old, rdata, 4) : rrset_new(TYPE_A, 60, rdata, 4);
		rrset_unref(old);
	}
	return set;
}

static struct rrset *many_addresses(unsigned count)
{
	return many_addresses_but(count, count, NULL);
}

/* Takes after; before and after come back as they are, in so many octets at most. */
static void expect_shared(struct rrset *before, struct rrset *after, size_t most)
{
	struct changeset *cs = changeset_new(), *back;
	const struct change *change;
	uint8_t *octets;
	size_t len;

	assert_non_null(after);
	assert_int_equal(changeset_append(cs, message_name("h.example."), before->type,
				 before, after),
		0);
	octets = changeset_encode(cs, &len);
	assert_in_range(len, 1, most);
	back = changeset_decode(octets, len);
	assert_non_null(back);
	change = &back->changes[0];
	for (int i = 0; i < 2; i++) {
		const struct rrset *had = i ? after : before;
		const struct rrset *has = i ? change->after : change->before;

		assert_int_equal(has->ttl, had->ttl);
		assert_int_equal(has->count, had->count);
		assert_int_equal(has->size, had->size);
		assert_memory_equal(has->data, had->data, had->size);
		assert_int_equal(has->spelled_len, had->spelled_len);
	}
	/* No octet less, and none that is another's. */
	for (size_t cut = len; cut-- > len - 30;)
		expect_bad(octets, cut);
	free(octets);
	changeset_unref(back);
	changeset_unref(cs);
	rrset_unref(after);
}

static void a_change_of_a_large_rrset_is_small(void **state)
{
	struct rrset *large = many_addresses(1000), *spelled;
	const size_t once = 100 + large->size;
	const uint8_t rdata[4] = {192, 0, 2, 1};

	(void)state;
	expect_shared(large, rrset_with(large, rdata, 4), once);
	expect_shared(large, many_addresses_but(1000, 0, NULL), once);
	expect_shared(large, many_addresses_but(1000, 500, NULL), once);
	expect_shared(large, many_addresses_but(1000, 999, NULL), once);
	expect_shared(large, many_addresses_but(1000, 500, rdata), once);
	expect_shared(large, rrset_with_ttl(large, 61), once);
	spelled = rrset_new_spelled(
		TYPE_TXT, 60, large->data, 6000, message_name("H.example."));
	expect_shared(spelled, rrset_with(spelled, rdata, 4), once + 40);
	rrset_unref(spelled);
	rrset_unref(large);
}

static void the_serial_is_a_few_octets(void **state)
{
	struct zone *zone = small_zone();
	struct rrset *soa = rrset_ref(zone_soa(zone));

	(void)state;
	expect_shared(soa, soa_with_serial(soa, 2), 100 + soa->size);
	rrset_unref(soa);
	zone_free(zone);
}

/* One record and the same again: 8 octets are shared, 16 and so on. */
static void what_cannot_be_shared(void **state)
{
	static const uint8_t good[] = "\3\0\0\0\0\1\1h\7example\0\0\1"
				      "\0\1\0\0\0\74\0\0\0\6\0\4\300\0\2\1\0"
				      "\200\1\0\0\0\74\0\0\0\6"
				      "\0\0\0\4\0\0\0\1\2\0";
	enum { LEN = sizeof(good) - 1, AFTER = 36 };
	static const struct {
		size_t at;
		uint8_t octet;
	} bad[] = {
		{0, 1}, {0, 2}, {0, 4},                              /* version */
		{AFTER, 0}, {AFTER + 1, 0},                          /* records */
		{AFTER + 9, 4}, {AFTER + 9, 7},                      /* octets */
		{AFTER + 13, 6}, {AFTER + 13, 7}, {AFTER + 10, 255}, /* those shared */
		{AFTER + 17, 0}, {AFTER + 17, 3}, {AFTER + 14, 255},
		{20, 0}, /* no before */
	};
	struct changeset *cs = changeset_decode(good, LEN);
	uint8_t octets[LEN];

	(void)state;
	assert_non_null(cs);
	assert_memory_equal(cs->changes[0].after->data, "\0\4\300\0\2\1", 6);
	changeset_unref(cs);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(octets, good, LEN);
		assert_int_not_equal(octets[bad[i].at], bad[i].octet);
		octets[bad[i].at] = bad[i].octet;
		expect_bad(octets, LEN);
	}
}

/* Before the last reference goes, and as far as it likes. */
static void a_large_one_goes_bit_by_bit(void **state)
{
	struct changeset *cs = changeset_new();
	struct rrset *set = rrset_new(TYPE_A, 60, (const uint8_t *)"\300\0\2\1", 4);
	char owner[32];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(owner, sizeof(owner), "h%d.example.", i);
		assert_int_equal(
			changeset_append(cs, message_name(owner), TYPE_A, set, set), 0);
	}
	assert_int_equal(set->refs, 201);
	assert_false(changeset_crumble(cs, 40));
	assert_int_equal(set->refs, 121);
	assert_false(changeset_crumble(changeset_ref(cs), 59));
	changeset_unref(cs);
	assert_true(changeset_crumble(cs, 2));
	assert_true(changeset_crumble(cs, 2));
	assert_int_equal(set->refs, 1);
	changeset_unref(cs);
	rrset_unref(set);
}

static void an_empty_changeset(void **state)
{
	struct changeset *cs = changeset_new(), *back;
	uint8_t *octets;
	size_t len;

	(void)state;
	octets = changeset_encode(cs, &len);
	back = changeset_decode(octets, len);
	assert_non_null(back);
	assert_int_equal(back->count, 0);
	changeset_unref(back);
	changeset_unref(cs);
	free(octets);
}

static void every_octet_cut_off_is_seen(void **state)
{
	uint8_t longer[STORED_LEN + 1];

	(void)state;
	for (size_t len = 0; len < STORED_LEN; len++)
		expect_bad(stored, len);
	memcpy(longer, stored, STORED_LEN);
	longer[STORED_LEN] = 0;
	expect_bad(longer, sizeof(longer));
}

static void malformed_octets(void **state)
{
	static const struct {
		size_t at;
		uint8_t octet;
	} bad[] = {
		{0, 0}, {0, 2},             /* version */
		{1, 4}, {1, 0x81},          /* flags */
		{2, 0xff}, {5, 1}, {5, 3},  /* count */
		{6, 64}, {6, 0xc0}, {6, 2}, /* labels */
		{7, 'H'}, {9, 'E'},         /* lower case */
		{18, 255},                  /* type: ANY */
		{20, 2}, {19, 0xff},        /* records */
		{26, 1}, {28, 5}, {28, 7},  /* octets */
		{30, 3}, {30, 5}, {29, 1},  /* RDATA length */
		{58, 'h'},                  /* the same RRset twice */
	};
	uint8_t octets[STORED_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(octets, stored, STORED_LEN);
		assert_int_not_equal(octets[bad[i].at], bad[i].octet);
		octets[bad[i].at] = bad[i].octet;
		expect_bad(octets, STORED_LEN);
	}
}

/* Octets of an RRset that are counted, but in no record. */
static void octets_after_the_last_record(void **state)
{
	static const uint8_t octets[] = "\1\0\0\0\0\1\1h\7example\0\0\1\0\0"
					"\0\1\0\0\0\74\0\0\0\6\0\4\300\0\2\1\0\0";
	uint8_t longer[sizeof(octets) - 1];
	struct changeset *cs = changeset_decode(octets, sizeof(octets) - 3);

	(void)state;
	assert_non_null(cs);
	changeset_unref(cs);
	memcpy(longer, octets, sizeof(longer));
	longer[30] = 8;
	expect_bad(longer, sizeof(longer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_touch_keeps_before),
		cmocka_unit_test(finding),
		cmocka_unit_test(normalising),
		cmocka_unit_test(undo_and_redo),
		cmocka_unit_test(merging),
		cmocka_unit_test(merging_nothing),
		cmocka_unit_test(visiting_records),
		cmocka_unit_test(visiting_a_large_rrset),
		cmocka_unit_test(case_alone_is_a_change),
		cmocka_unit_test(encoding),
		cmocka_unit_test(decoding),
		cmocka_unit_test(a_change_of_a_large_rrset_is_small),
		cmocka_unit_test(the_serial_is_a_few_octets),
		cmocka_unit_test(what_cannot_be_shared),
		cmocka_unit_test(a_large_one_goes_bit_by_bit),
		cmocka_unit_test(an_empty_changeset),
		cmocka_unit_test(every_octet_cut_off_is_seen),
		cmocka_unit_test(malformed_octets),
		cmocka_unit_test(octets_after_the_last_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
