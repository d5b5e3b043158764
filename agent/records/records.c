/*
 * Sets of records: arrays, sorted when they are complete.
 */
#include "agent/records/records.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/rdata.h"

enum { RECORDS_FEW = 16 }; /* room that a set begins with */

#define RECORDS_MAX_TEXT "100000"

static int make_room(struct records *set)
{
	const size_t cap = set->cap ? 2 * set->cap : RECORDS_FEW;
	struct record *items;

	if (set->count >= RECORDS_MAX)
		return -ENOSPC;
	if (set->count < set->cap)
		return 0;
	items = reallocarray(set->items, cap, sizeof(*items));
	if (!items)
		return -ENOMEM;
	set->items = items;
	set->cap = cap;
	return 0;
}

int records_add(struct records *set, const struct record *record)
{
	const size_t owner_len = name_len(record->owner);
	int r = make_room(set);
	struct record *copy;

	if (r)
		return r;
	copy = &set->items[set->count];
	*copy = *record;
	copy->owner = malloc(owner_len + record->len);
	if (!copy->owner)
		return -ENOMEM;
	memcpy(copy->owner, record->owner, owner_len);
	name_lower(copy->owner);
	if (record->len)
		memcpy(copy->owner + owner_len, record->rdata, record->len);
	copy->rdata = copy->owner + owner_len;
	set->count++;
	return 0;
}

int records_add_claim(struct records *set, const uint8_t *owner, uint16_t type)
{
	const struct record claim = {.owner = (uint8_t *)owner, .type = type};

	return records_add(set, &claim);
}

int records_claim_all(struct records *set)
{
	const size_t count = set->count;
	int r = 0;

	for (size_t i = 0; i < count && !r; i++) {
		const struct record record = set->items[i];

		if (record.len &&
			(i == 0 || !record_is_same_rrset(&set->items[i - 1], &record)))
			r = records_add_claim(set, record.owner, record.type);
	}
	return r;
}

int records_add_all(struct records *set, const struct records *other)
{
	int r = 0;

	for (size_t i = 0; i < other->count && !r; i++)
		r = records_add(set, &other->items[i]);
	return r;
}

size_t records_count_data(const struct records *set)
{
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++)
		count += set->items[i].len != 0;
	return count;
}

void records_drop_claims(struct records *set)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (set->items[i].len)
			set->items[kept++] = set->items[i];
		else
			free(set->items[i].owner);
	}
	set->count = kept;
}

int record_compare(const struct record *a, const struct record *b)
{
	const size_t len = a->len < b->len ? a->len : b->len;
	int c = name_compare(a->owner, b->owner);

	if (!c)
		c = (a->type > b->type) - (a->type < b->type);
	if (!c && len)
		c = memcmp(a->rdata, b->rdata, len);
	return c ? c : (a->len > b->len) - (a->len < b->len);
}

static int compare_items(const void *a, const void *b)
{
	const struct record *left = a, *right = b;
	const int c = record_compare(left, right);

	return c ? c : (left->ttl > right->ttl) - (left->ttl < right->ttl);
}

bool record_is_same_rrset(const struct record *a, const struct record *b)
{
	return a->type == b->type && name_is_equal(a->owner, b->owner);
}

/* Of equal neighbours the first stays. */
static void remove_duplicates(struct records *set)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (kept && !record_compare(&set->items[kept - 1], &set->items[i])) {
			free(set->items[i].owner);
			continue;
		}
		set->items[kept++] = set->items[i];
	}
	set->count = kept;
}

static void give_one_ttl(struct record *first, const struct record *end)
{
	uint32_t ttl = UINT32_MAX;

	for (const struct record *r = first; r < end; r++)
		if (r->len && r->ttl < ttl)
			ttl = r->ttl;
	for (struct record *r = first; r < end; r++)
		r->ttl = r->len ? ttl : 0;
}

void records_sort(struct records *set)
{
	size_t first = 0;

	if (!set->count)
		return;
	qsort(set->items, set->count, sizeof(set->items[0]), compare_items);
	remove_duplicates(set);
	for (size_t i = 1; i <= set->count; i++) {
		if (i < set->count &&
			record_is_same_rrset(&set->items[first], &set->items[i]))
			continue;
		give_one_ttl(&set->items[first], &set->items[i]);
		first = i;
	}
}

bool records_is_equal(const struct records *a, const struct records *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (record_compare(&a->items[i], &b->items[i]) ||
			a->items[i].ttl != b->items[i].ttl)
			return false;
	return true;
}

const char *records_strerror(int error)
{
	if (error == -ENOSPC)
		return "more than " RECORDS_MAX_TEXT " records: that is not one host's";
	return strerror(-error);
}

char *record_to_text(const struct record *record, char buf[RECORD_TEXT_MAX])
{
	char owner[NAME_TEXT_MAX], type[RDATA_TYPE_NAME_MAX];
	char *rdata = record->len
		? rdata_to_text(record->type, record->rdata, record->len)
		: NULL;

	snprintf(buf, RECORD_TEXT_MAX, "%.200s %s%s%.280s",
		name_to_text(record->owner, owner), rdata_type_name(record->type, type),
		rdata ? " " : "", rdata ? rdata : "");
	free(rdata);
	return buf;
}

void records_clear(struct records *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->items[i].owner);
	free(set->items);
	*set = (struct records){0};
}

void records_move(struct records *to, struct records *from)
{
	records_clear(to);
	*to = *from;
	*from = (struct records){0};
}
