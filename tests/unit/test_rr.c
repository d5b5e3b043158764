/*
 * zones/rr.h: RRsets are immutable and counted; serials wrap around.
 */
#include "zones/rr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const uint8_t ONE[] = {192, 0, 2, 1}, TWO[] = {192, 0, 2, 2},
		     THREE[] = {192, 0, 2, 3};

static struct rrset *set_of(uint16_t type, const uint8_t *const *rdata, unsigned count)
{
	struct rrset *set = rrset_new(type, 300, rdata[0], 4);

	for (unsigned i = 1; i < count; i++) {
		struct rrset *longer = rrset_with(set, rdata[i], 4);
		assert_non_null(longer);
		rrset_unref(set);
		set = longer;
	}
	assert_non_null(set);
	return set;
}

/* Takes the set. */
static void assert_records(struct rrset *set, const uint8_t *const *rdata, unsigned count)
{
	const uint8_t *p;
	size_t at = 0;
	uint16_t len;

	assert_non_null(set);
	assert_int_equal(set->count, count);
	assert_int_equal(set->size, 6 * count);
	assert_int_equal(set->refs, 1);
	for (unsigned i = 0; i < count; i++) {
		p = rrset_next(set, &at, &len);
		assert_non_null(p);
		assert_int_equal(len, 4);
		assert_memory_equal(p, rdata[i], 4);
	}
	assert_null(rrset_next(set, &at, &len));
	rrset_unref(set);
}

static void test_new(void **state)
{
	struct rrset *set = rrset_new(TYPE_A, 300, ONE, 4);

	(void)state;
	assert_non_null(set);
	assert_int_equal(set->type, TYPE_A);
	assert_int_equal(set->ttl, 300);
	assert_records(set, (const uint8_t *[]){ONE}, 1);
	set = rrset_new(10, 0, NULL, 0);
	assert_non_null(set);
	assert_int_equal(set->count, 1);
	assert_int_equal(rrset_find(set, NULL, 0), 0);
	rrset_unref(set);
}

static void test_copies(void **state)
{
	struct rrset *old = set_of(TYPE_A, (const uint8_t *[]){ONE, TWO}, 2);

	(void)state;
	assert_records(
		rrset_with(old, THREE, 4), (const uint8_t *[]){ONE, TWO, THREE}, 3);
	struct rrset *other = rrset_with_ttl(old, 60);
	assert_int_equal(other->ttl, 60);
	assert_int_equal(old->ttl, 300);
	assert_records(other, (const uint8_t *[]){ONE, TWO}, 2);
	/* The old one is as it was. */
	assert_records(old, (const uint8_t *[]){ONE, TWO}, 2);
}

static void test_counting(void **state)
{
	struct rrset *set = rrset_new(TYPE_A, 300, ONE, 4);

	(void)state;
	assert_ptr_equal(rrset_ref(set), set);
	assert_int_equal(set->refs, 2);
	rrset_unref(set);
	assert_int_equal(set->refs, 1);
	rrset_unref(set);
	assert_null(rrset_ref(NULL));
	rrset_unref(NULL);
}

static void test_limits(void **state)
{
	static uint8_t big[65535];
	struct rrset *set = rrset_new(10, 1, big, sizeof(big));
	unsigned count = 1;

	(void)state;
	assert_non_null(set);
	for (struct rrset *next; (next = rrset_with(set, big, sizeof(big))); count++) {
		rrset_unref(set);
		set = next;
	}
	assert_int_equal(count, RRSET_SIZE_MAX / (2 + sizeof(big)));
	rrset_unref(set);
	set = rrset_new(10, 1, big, 0);
	for (count = 1; count < RRSET_COUNT_MAX; count++) {
		struct rrset *next = rrset_with(set, big, 0);
		assert_non_null(next);
		rrset_unref(set);
		set = next;
	}
	assert_null(rrset_with(set, big, 0));
	rrset_unref(set);
}

static void test_find_folds_names(void **state)
{
	struct rrset *set = rrset_new(TYPE_NS, 1, (const uint8_t *)"\1A", 3);

	(void)state;
	assert_int_equal(rrset_find(set, (const uint8_t *)"\1a", 3), 0);
	assert_int_equal(rrset_find(set, (const uint8_t *)"\1b", 3), -1);
	rrset_unref(set);
	set = rrset_new(TYPE_TXT, 1, (const uint8_t *)"\1A", 2);
	assert_int_equal(rrset_find(set, (const uint8_t *)"\1a", 2), -1);
	rrset_unref(set);
}

/* Takes both sets. */
static void assert_same(struct rrset *a, struct rrset *b, bool same_data, bool identical)
{
	assert_int_equal(rrset_has_same_data(a, b), same_data);
	assert_int_equal(rrset_has_same_data(b, a), same_data);
	assert_int_equal(rrset_is_identical(a, b), identical);
	assert_int_equal(rrset_is_identical(b, a), identical);
	assert_true(rrset_is_identical(a, a));
	assert_true(rrset_has_same_data(b, b));
	rrset_unref(a);
	rrset_unref(b);
}

static struct rrset *a_set(const uint8_t *a, const uint8_t *b, const uint8_t *c)
{
	return set_of(TYPE_A, (const uint8_t *[]){a, b, c}, 3);
}

static void test_comparison(void **state)
{
	struct rrset *set = a_set(ONE, TWO, THREE);

	(void)state;
	assert_same(a_set(ONE, TWO, THREE), a_set(ONE, TWO, THREE), true, true);
	assert_same(a_set(ONE, TWO, THREE), a_set(THREE, ONE, TWO), true, true);
	assert_same(a_set(ONE, TWO, THREE), a_set(THREE, TWO, ONE), true, true);
	assert_same(a_set(ONE, TWO, THREE), a_set(ONE, TWO, TWO), false, false);
	assert_same(a_set(ONE, ONE, TWO), a_set(ONE, TWO, TWO), true, true);
	assert_same(set_of(TYPE_A, (const uint8_t *[]){ONE, TWO}, 2),
		a_set(ONE, TWO, THREE), false, false);
	/* A record named twice is one record (RFC 2181 5). */
	assert_same(set_of(TYPE_A, (const uint8_t *[]){ONE, TWO}, 2),
		a_set(ONE, TWO, ONE), true, false);
	assert_same(rrset_with_ttl(set, 1), rrset_ref(set), true, false);
	assert_same(rrset_new(TYPE_A, 1, ONE, 4), rrset_new(TYPE_TXT, 1, ONE, 4), false,
		false);
	assert_same(rrset_new(TYPE_NS, 1, (const uint8_t *)"\1A", 3),
		rrset_new(TYPE_NS, 1, (const uint8_t *)"\1a", 3), true, false);
	assert_true(rrset_is_identical(NULL, NULL));
	assert_false(rrset_is_identical(set, NULL));
	assert_false(rrset_is_identical(NULL, set));
	rrset_unref(set);
}

/* Ten thousand records in reverse order are compared and not guessed at. */
static void test_comparison_of_large_sets(void **state)
{
	size_t size = sizeof(struct rrset) + 6 * (size_t)RRSET_COUNT_MAX;
	struct rrset *a = calloc(1, size), *b = calloc(1, size);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	for (unsigned i = 0; i < RRSET_COUNT_MAX; i++) {
		unsigned j = (i + 5000) % RRSET_COUNT_MAX;
		memcpy(a->data + 6 * i, (uint8_t[]){0, 4, 10, 0, i >> 8, i & 255}, 6);
		memcpy(b->data + 6 * i, (uint8_t[]){0, 4, 10, 0, j >> 8, j & 255}, 6);
	}
	a->refs = b->refs = 1;
	a->type = b->type = TYPE_A;
	a->count = b->count = RRSET_COUNT_MAX;
	a->size = b->size = 6 * RRSET_COUNT_MAX;
	assert_true(rrset_has_same_data(a, b));
	assert_true(rrset_is_identical(a, b));
	b->data[6 * 77 + 2] = 11;
	assert_false(rrset_has_same_data(a, b));
	assert_false(rrset_is_identical(a, b));
	rrset_unref(a);
	rrset_unref(b);
}

static void test_soa(void **state)
{
	static const uint8_t SOA[] =
		"\1a\0\1b\0\1\2\3\4\0\0\0\2\0\0\0\3\0\0\0\4\5\6\7\x8";
	enum { LEN = sizeof(SOA) - 1 };
	struct rrset *old = rrset_new(TYPE_SOA, 60, SOA, LEN);
	struct rrset *set = soa_with_serial(old, 0xfffefdfc);
	size_t at = 0;
	uint16_t len;
	const uint8_t *p = rrset_next(set, &at, &len);

	(void)state;
	assert_int_equal(soa_serial(SOA, LEN), 0x01020304);
	assert_int_equal(soa_minimum(SOA, LEN), 0x05060708);
	assert_int_equal(soa_serial(p, len), 0xfffefdfc);
	assert_int_equal(soa_minimum(p, len), 0x05060708);
	assert_int_equal(len, LEN);
	assert_memory_equal(p, SOA, 6);
	assert_int_equal(set->ttl, 60);
	/* The old one keeps its serial; too short a one has none. */
	at = 0;
	p = rrset_next(old, &at, &len);
	assert_int_equal(soa_serial(p, len), 0x01020304);
	assert_int_equal(soa_serial(SOA, 0), 0);
	assert_int_equal(soa_minimum(SOA, 21), 0);
	rrset_unref(set);
	rrset_unref(old);
}

static void test_serials(void **state)
{
	(void)state;
	assert_int_equal(serial_next(1), 2);
	assert_int_equal(serial_next(0), 1);
	assert_int_equal(serial_next(UINT32_MAX), 1);
	assert_true(serial_is_newer(2, 1));
	assert_false(serial_is_newer(1, 2));
	assert_false(serial_is_newer(1, 1));
	assert_true(serial_is_newer(1, UINT32_MAX));
	assert_false(serial_is_newer(UINT32_MAX, 1));
	assert_true(serial_is_newer(0x80000000, 1));
	assert_false(serial_is_newer(0x80000001, 1));
	assert_false(serial_is_newer(1, 0x80000001));
	assert_true(serial_is_newer(1, 0x80000002));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_counting),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_find_folds_names),
		cmocka_unit_test(test_comparison),
		cmocka_unit_test(test_comparison_of_large_sets),
		cmocka_unit_test(test_soa),
		cmocka_unit_test(test_serials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
