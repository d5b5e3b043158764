/*
 * RRsets: immutable, counted, one block of memory each; and the arithmetic of the SOA.
 *
 * Adding does not look for duplicates: callers use rrset_find first.  Comparing two
 * RRsets costs one pass when their records stand in the same order, and an index of one
 * of them when they do not.
 */
#include "zones/rr.h"
#include "zones/rdata.h"

#include <stdlib.h>
#include <string.h>

enum {
	LENGTH_LEN = 2,  /* octets before each RDATA */
	FINDER_FEW = 16, /* records searched one by one */
};

static struct rrset *set_new(
	uint16_t type, uint32_t ttl, size_t count, size_t size, const uint8_t *spelled)
{
	const size_t spelled_len = spelled ? name_len(spelled) : 0;

	if (count == 0 || count > RRSET_COUNT_MAX || size > RRSET_SIZE_MAX)
		return NULL;
	struct rrset *set = malloc(sizeof(*set) + size + spelled_len);
	if (!set)
		return NULL;
	if (spelled_len)
		memcpy(set->data + size, spelled, spelled_len);
	set->spelled_len = spelled_len & 0xff;
	set->refs = 1;
	set->ttl = ttl;
	set->type = type;
	set->count = (uint16_t)count;
	set->size = size & 0xffffff;
	return set;
}

static void put_record(uint8_t *at, const uint8_t *rdata, uint16_t len)
{
	at[0] = (uint8_t)(len >> 8);
	at[1] = (uint8_t)len;
	if (len > 0)
		memcpy(at + LENGTH_LEN, rdata, len);
}

const uint8_t *rrset_spelled(const struct rrset *set)
{
	return set->spelled_len ? set->data + set->size : NULL;
}

size_t rrset_octets(const struct rrset *set)
{
	return sizeof(*set) + set->size + set->spelled_len;
}

struct rrset *rrset_new(uint16_t type, uint32_t ttl, const uint8_t *rdata, uint16_t len)
{
	return rrset_new_spelled(type, ttl, rdata, len, NULL);
}

struct rrset *rrset_new_spelled(uint16_t type, uint32_t ttl, const uint8_t *rdata,
	uint16_t len, const uint8_t *spelled)
{
	struct rrset *set = set_new(type, ttl, 1, LENGTH_LEN + (size_t)len, spelled);

	if (set)
		put_record(set->data, rdata, len);
	return set;
}

struct rrset *rrset_with(const struct rrset *old, const uint8_t *rdata, uint16_t len)
{
	struct rrset *set = set_new(old->type, old->ttl, old->count + 1u,
		old->size + LENGTH_LEN + (size_t)len, rrset_spelled(old));

	if (!set)
		return NULL;
	memcpy(set->data, old->data, old->size);
	put_record(set->data + old->size, rdata, len);
	return set;
}

struct rrset *rrset_with_ttl(const struct rrset *old, uint32_t ttl)
{
	struct rrset *set =
		set_new(old->type, ttl, old->count, old->size, rrset_spelled(old));

	if (set)
		memcpy(set->data, old->data, old->size);
	return set;
}

struct rrset *rrset_ref(struct rrset *set)
{
	if (set)
		set->refs++;
	return set;
}

void rrset_unref(struct rrset *set)
{
	if (set && --set->refs == 0)
		free(set);
}

void rrset_keep(struct rrset **place, struct rrset *set)
{
	rrset_ref(set);
	rrset_unref(*place);
	*place = set;
}

const uint8_t *rrset_next(const struct rrset *set, size_t *at, uint16_t *ret_len)
{
	if (*at >= set->size)
		return NULL;
	const uint8_t *p = set->data + *at;
	*ret_len = (uint16_t)(p[0] << 8 | p[1]);
	*at += LENGTH_LEN + (size_t)*ret_len;
	return p + LENGTH_LEN;
}

int rrset_find(const struct rrset *set, const uint8_t *rdata, uint16_t len)
{
	const uint8_t *p;
	size_t at = 0;
	uint16_t n;

	for (int i = 0; (p = rrset_next(set, &at, &n)); i++)
		if (rdata_is_equal(set->type, p, n, rdata, len))
			return i;
	return -1;
}

typedef bool is_equal_function(uint16_t type, const uint8_t *a, uint16_t a_len,
	const uint8_t *b, uint16_t b_len);

/* ---- many searches ---- */

void rrset_finder_init(struct rrset_finder *finder, const struct rrset *set)
{
	*finder = (struct rrset_finder){.set = set};
}

void rrset_finder_clear(struct rrset_finder *finder)
{
	free(finder->slots);
	rrset_finder_init(finder, NULL);
}

/* Seeded with its address, which clients that choose the records do not know. */
static uint32_t finder_slot(
	const struct rrset_finder *finder, const uint8_t *rdata, uint16_t len)
{
	const struct name_seed seed = {{(uintptr_t)finder->slots, finder->set->type}};

	return rdata_hash(finder->set->type, rdata, len, &seed) &
		(finder->slot_count - 1);
}

static void finder_index(struct rrset_finder *finder)
{
	const uint8_t *rdata;
	uint32_t slot_count = 2 * FINDER_FEW, slot;
	size_t at = 0, start = 0;
	uint16_t len;

	while (slot_count < 2u * finder->set->count)
		slot_count *= 2;
	finder->slots = calloc(slot_count, sizeof(*finder->slots));
	if (!finder->slots)
		return;
	finder->slot_count = slot_count;
	while ((rdata = rrset_next(finder->set, &at, &len))) {
		slot = finder_slot(finder, rdata, len);
		while (finder->slots[slot])
			slot = (slot + 1) & (slot_count - 1);
		finder->slots[slot] = (uint32_t)start + 1;
		start = at;
	}
}

static bool finder_find(struct rrset_finder *finder, const uint8_t *rdata, uint16_t len,
	is_equal_function *is_equal)
{
	const struct rrset *set = finder->set;
	uint32_t slot = finder_slot(finder, rdata, len);

	for (; finder->slots[slot]; slot = (slot + 1) & (finder->slot_count - 1)) {
		size_t at = finder->slots[slot] - 1;
		uint16_t other_len = 0;
		const uint8_t *other = rrset_next(set, &at, &other_len);

		if (is_equal(set->type, other, other_len, rdata, len))
			return true;
	}
	return false;
}

bool rrset_finder_has(struct rrset_finder *finder, const uint8_t *rdata, uint16_t len)
{
	if (!finder->set)
		return false;
	if (finder->searches++ == 1 && finder->set->count > FINDER_FEW)
		finder_index(finder);
	if (!finder->slot_count)
		return rrset_find(finder->set, rdata, len) >= 0;
	return finder_find(finder, rdata, len, rdata_is_equal);
}

/* ---- comparing ---- */

static bool is_same_octets(
	uint16_t type, const uint8_t *a, uint16_t a_len, const uint8_t *b, uint16_t b_len)
{
	(void)type;
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* Is every record of a, from here on, in b?  Each search continues where the last one
 * ended. */
static bool is_rest_in(const struct rrset *a, size_t a_at, const struct rrset *b,
	is_equal_function *is_equal)
{
	const uint8_t *p, *q;
	uint16_t p_len, q_len;
	size_t b_at = 0;

	while ((p = rrset_next(a, &a_at, &p_len))) {
		bool found = false;
		for (unsigned tried = 0; tried < b->count && !found; tried++) {
			if (b_at >= b->size)
				b_at = 0;
			q = rrset_next(b, &b_at, &q_len);
			found = q && is_equal(a->type, p, p_len, q, q_len);
		}
		if (!found)
			return false;
	}
	return true;
}

static bool is_rest_among(const struct rrset *a, size_t a_at, struct rrset_finder *b,
	is_equal_function *is_equal)
{
	const uint8_t *p;
	uint16_t len;

	while ((p = rrset_next(a, &a_at, &len)))
		if (!finder_find(b, p, len, is_equal))
			return false;
	return true;
}

/* Is every record of a in b?  Those in the same order are compared first. */
static bool is_subset(
	const struct rrset *a, const struct rrset *b, is_equal_function *is_equal)
{
	size_t a_at = 0, b_at = 0, start = 0;
	const uint8_t *p, *q;
	uint16_t p_len, q_len;
	struct rrset_finder finder;
	bool is_in;

	while ((p = rrset_next(a, &a_at, &p_len))) {
		q = rrset_next(b, &b_at, &q_len);
		if (!q || !is_equal(a->type, p, p_len, q, q_len))
			break;
		start = a_at;
	}
	if (!p)
		return true;
	rrset_finder_init(&finder, b);
	if (b->count > FINDER_FEW)
		finder_index(&finder);
	is_in = finder.slot_count ? is_rest_among(a, start, &finder, is_equal)
				  : is_rest_in(a, start, b, is_equal);
	rrset_finder_clear(&finder);
	return is_in;
}

/* In both directions, since a set built from a message may contain a record twice. */
bool rrset_has_same_data(const struct rrset *a, const struct rrset *b)
{
	if (a->type != b->type)
		return false;
	return a == b ||
		(is_subset(a, b, rdata_is_equal) && is_subset(b, a, rdata_is_equal));
}

bool rrset_is_identical(const struct rrset *a, const struct rrset *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->type != b->type || a->ttl != b->ttl)
		return false;
	if (a->count != b->count || a->size != b->size)
		return false;
	return is_subset(a, b, is_same_octets) && is_subset(b, a, is_same_octets);
}

/* The five numbers end the RDATA of a SOA (RFC 1035 3.3.13). */
enum { SOA_NUMBERS_LEN = 20, SOA_SHORTEST = 2 + SOA_NUMBERS_LEN };

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint32_t soa_serial(const uint8_t *rdata, uint16_t len)
{
	return len < SOA_SHORTEST ? 0 : get_u32(rdata + len - SOA_NUMBERS_LEN);
}

uint32_t rrset_serial(const struct rrset *soa)
{
	size_t at = 0;
	uint16_t len;
	const uint8_t *rdata = soa ? rrset_next(soa, &at, &len) : NULL;

	return rdata ? soa_serial(rdata, len) : 0;
}

uint32_t soa_minimum(const uint8_t *rdata, uint16_t len)
{
	return len < SOA_SHORTEST ? 0 : get_u32(rdata + len - 4);
}

struct rrset *soa_with_serial(const struct rrset *soa, uint32_t serial)
{
	struct rrset *set = rrset_with_ttl(soa, soa->ttl);
	size_t at = 0;
	uint16_t len;

	if (!set)
		return NULL;
	if (!rrset_next(set, &at, &len) || len < SOA_SHORTEST)
		return set;
	uint8_t *p = set->data + at - SOA_NUMBERS_LEN;
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(serial >> (24 - 8 * i));
	return set;
}

uint32_t serial_next(uint32_t serial)
{
	return serial == UINT32_MAX ? 1 : serial + 1;
}

/* RFC 1982 3.2: at a distance of exactly 2^31 neither serial is newer. */
bool serial_is_newer(uint32_t a, uint32_t b)
{
	uint32_t distance = a - b;

	return distance != 0 && distance < UINT32_C(1) << 31;
}
