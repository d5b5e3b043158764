/*
 * RRsets while they are being worked on (draft.h).
 *
 * The index is seeded with its address, which clients that choose the records do not
 * know.  It holds one entry for each record, present or removed; a record that is added
 * again reuses its entry, so that removing and adding never makes searches longer.
 */
#include "zones/draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "zones/rdata.h"

enum { WKS_KEY_LEN = 5 }; /* address and protocol: what RFC 2136 1.1.5 compares */

void draft_init(struct draft *draft, uint16_t type, const struct rrset *before)
{
	memset(draft, 0, offsetof(struct draft, few));
	draft->type = type;
	draft->before = before;
	draft->folded = before;
	if (!before)
		return;
	draft->ttl = before->ttl;
	draft->spelled = rrset_spelled(before);
	draft->count = before->count;
}

void draft_clear(struct draft *draft)
{
	free(draft->many);
	free(draft->slots);
	draft_init(draft, draft->type, NULL);
}

static struct draft_record *entries(const struct draft *draft)
{
	return draft->cap ? draft->many : (struct draft_record *)draft->few;
}

static uint32_t record_hash(const struct draft *draft, const uint8_t *rdata, uint16_t len)
{
	const struct name_seed seed = {{(uintptr_t)draft->slots, draft->type}};

	/* A WKS must be found by its key alone, whatever its bit map, unless several
	 * with one key may exist side by side. */
	if (draft->type == TYPE_WKS && len > WKS_KEY_LEN && !draft->is_exact)
		len = WKS_KEY_LEN;
	return rdata_hash(draft->type, rdata, len, &seed);
}

static void index_insert(struct draft *draft, uint32_t entry)
{
	const struct draft_record *record = &entries(draft)[entry];
	uint32_t mask = draft->slot_count - 1;
	uint32_t slot = record_hash(draft, record->rdata, record->len) & mask;

	while (draft->slots[slot])
		slot = (slot + 1) & mask;
	draft->slots[slot] = entry + 1;
}

/* Builds an index of twice the room of the array, so that it is never more than half
 * full.  Its size must be a power of two, otherwise the mask would skip slots and
 * probing might never end. */
static int index_rebuild(struct draft *draft)
{
	uint32_t slot_count = 32;
	uint32_t *slots;

	while (slot_count < 2 * draft->cap)
		slot_count *= 2;
	slots = calloc(slot_count, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(draft->slots);
	draft->slots = slots;
	draft->slot_count = slot_count;
	for (uint32_t i = 0; i < draft->used; i++)
		index_insert(draft, i);
	return 0;
}

static int make_room(struct draft *draft, uint32_t room)
{
	uint32_t cap = draft->cap ? draft->cap : 4 * DRAFT_FEW;
	struct draft_record *many;

	if (room <= (draft->cap ? draft->cap : DRAFT_FEW))
		return 0;
	while (cap < room)
		cap *= 2;
	many = realloc(draft->many, cap * sizeof(*many));
	if (!many)
		return -ENOMEM;
	if (!draft->cap)
		memcpy(many, draft->few, draft->used * sizeof(*many));
	draft->many = many;
	draft->cap = cap;
	return index_rebuild(draft);
}

static int append(struct draft *draft, const uint8_t *rdata, uint16_t len)
{
	int r = make_room(draft, draft->used + 1);

	if (r < 0)
		return r;
	entries(draft)[draft->used] = (struct draft_record){.rdata = rdata, .len = len};
	draft->used++;
	draft->count++;
	if (draft->slot_count)
		index_insert(draft, draft->used - 1);
	return 0;
}

int draft_unfold(struct draft *draft)
{
	const struct rrset *set = draft->folded;
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;
	int r;

	if (!set)
		return 0;
	r = make_room(draft, set->count);
	if (r < 0)
		return r;
	draft->folded = NULL;
	draft->count = 0;
	while ((rdata = rrset_next(set, &at, &len))) {
		r = append(draft, rdata, len); /* there is room for it */
		if (r < 0)
			return r;
	}
	return 0;
}

typedef bool same_fn(uint16_t type, const uint8_t *a, uint16_t a_len, const uint8_t *b,
	uint16_t b_len);

static struct draft_record *search(struct draft *draft, const uint8_t *rdata,
	uint16_t len, same_fn *is_same, bool is_gone)
{
	struct draft_record *all = entries(draft);
	uint32_t mask = draft->slot_count - 1;
	uint32_t slot;

	if (!draft->slot_count) {
		for (uint32_t i = 0; i < draft->used; i++) {
			if (all[i].is_gone == is_gone &&
				is_same(draft->type, all[i].rdata, all[i].len, rdata,
					len))
				return &all[i];
		}
		return NULL;
	}
	slot = record_hash(draft, rdata, len) & mask;
	for (; draft->slots[slot]; slot = (slot + 1) & mask) {
		struct draft_record *record = &all[draft->slots[slot] - 1];

		if (record->is_gone == is_gone &&
			is_same(draft->type, record->rdata, record->len, rdata, len))
			return record;
	}
	return NULL;
}

struct draft_record *draft_find(struct draft *draft, const uint8_t *rdata, uint16_t len)
{
	return search(draft, rdata, len, rdata_is_equal, false);
}

struct draft_record *draft_find_exact(
	struct draft *draft, const uint8_t *rdata, uint16_t len)
{
	struct draft_record *record = draft_find(draft, rdata, len);

	if (!record || record->len != len ||
		(len && memcmp(record->rdata, rdata, len) != 0))
		return NULL;
	return record;
}

struct draft_record *draft_find_replaced(
	struct draft *draft, const uint8_t *rdata, uint16_t len)
{
	if (rdata_is_singleton(draft->type))
		return draft_first(draft);
	return search(draft, rdata, len, rdata_is_replaced_by, false);
}

struct draft_record *draft_first(struct draft *draft)
{
	struct draft_record *all = entries(draft);

	for (uint32_t i = 0; i < draft->used; i++) {
		if (!all[i].is_gone)
			return &all[i];
	}
	return NULL;
}

/* Puts in a record that is not present; one that was removed reuses its entry. */
static int put(struct draft *draft, const uint8_t *rdata, uint16_t len)
{
	struct draft_record *old = NULL;

	if (draft->used > draft->count)
		old = search(draft, rdata, len, rdata_is_replaced_by, true);
	if (!old)
		return append(draft, rdata, len);
	*old = (struct draft_record){.rdata = rdata, .len = len};
	draft->count++;
	return 0;
}

int draft_add(struct draft *draft, const uint8_t *rdata, uint16_t len)
{
	struct draft_record *old;

	/* The present one keeps its case (RFC 4343 4.1): nothing has changed. */
	if (draft->count == 1 || !rdata_is_singleton(draft->type)) {
		if (draft_find(draft, rdata, len))
			return 0;
	}
	if (rdata_is_singleton(draft->type)) {
		/* All of them, since a mirror may have been loaded with more than one. */
		draft_remove_all(draft);
		return append(draft, rdata, len);
	}
	old = draft_find_replaced(draft, rdata, len);
	if (!old)
		return put(draft, rdata, len);
	old->rdata = rdata; /* its hash is the same */
	old->len = len;
	return 0;
}

int draft_include(struct draft *draft, const uint8_t *rdata, uint16_t len)
{
	if (!draft->used)
		draft->is_exact = true;
	return draft_find(draft, rdata, len) ? 0 : append(draft, rdata, len);
}

void draft_remove(struct draft *draft, struct draft_record *record)
{
	record->is_gone = true;
	draft->count--;
	if (!draft->count)
		draft_remove_all(draft);
}

void draft_remove_all(struct draft *draft)
{
	/* The index goes too: clearing it each time would cost its whole size. */
	free(draft->many);
	free(draft->slots);
	draft->many = NULL;
	draft->slots = NULL;
	draft->cap = 0;
	draft->slot_count = 0;
	draft->folded = NULL;
	draft->count = 0;
	draft->used = 0;
}

bool draft_has_same_data(struct draft *draft, const struct rrset *set)
{
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;

	if (!set || set->count != draft->count)
		return false;
	while ((rdata = rrset_next(set, &at, &len))) {
		if (!draft_find(draft, rdata, len))
			return false;
	}
	return true;
}

bool draft_is_unchanged(struct draft *draft)
{
	const struct rrset *set = draft->before;
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;

	if (!set)
		return draft->count == 0;
	if (set->count != draft->count || set->ttl != draft->ttl)
		return false;
	if (draft->folded)
		return true;
	while ((rdata = rrset_next(set, &at, &len))) {
		if (!draft_find_exact(draft, rdata, len))
			return false;
	}
	return true;
}

/* rr.h builds RRsets record by record; this builds the same shape at once, and
 * rrset_unref frees it like any other. */
int draft_build(const struct draft *draft, struct rrset **ret_set)
{
	const size_t spelled_len = draft->spelled ? name_len(draft->spelled) : 0;
	const struct draft_record *all = entries(draft);
	struct rrset *set;
	size_t size = 0;
	uint8_t *to;

	*ret_set = NULL;
	if (!draft->count)
		return 0;
	for (uint32_t i = 0; i < draft->used; i++)
		size += all[i].is_gone ? 0 : 2u + all[i].len;
	if (draft->count > RRSET_COUNT_MAX || size > RRSET_SIZE_MAX)
		return -ENOSPC;
	set = malloc(sizeof(*set) + size + spelled_len);
	if (!set)
		return -ENOMEM;
	*set = (struct rrset){.refs = 1,
		.ttl = draft->ttl,
		.type = draft->type,
		.count = (uint16_t)draft->count,
		.size = size & 0xffffff,
		.spelled_len = spelled_len & 0xff};
	to = set->data;
	for (uint32_t i = 0; i < draft->used; i++) {
		if (all[i].is_gone)
			continue;
		*to++ = (uint8_t)(all[i].len >> 8);
		*to++ = (uint8_t)all[i].len;
		if (all[i].len)
			memcpy(to, all[i].rdata, all[i].len);
		to += all[i].len;
	}
	if (spelled_len)
		memcpy(to, draft->spelled, spelled_len);
	*ret_set = set;
	return 0;
}

/* ---- the drafts of one owner ---- */

struct draft *draft_node_at(struct draft_node *drafts, unsigned index)
{
	if (index >= drafts->count)
		return NULL;
	return drafts->cap ? &drafts->many[index] : &drafts->few[index];
}

static int node_make_room(struct draft_node *drafts)
{
	unsigned room = drafts->cap ? drafts->cap : DRAFT_NODE_FEW;
	struct draft *many;
	uint16_t *types;

	if (drafts->count < room)
		return 0;
	types = realloc(drafts->types, 2 * room * sizeof(*types));
	if (!types)
		return -ENOMEM;
	drafts->types = types;
	many = realloc(drafts->many, 2 * room * sizeof(*many));
	if (!many)
		return -ENOMEM;
	drafts->many = many;
	if (!drafts->cap) {
		memcpy(many, drafts->few, sizeof(drafts->few));
		for (unsigned i = 0; i < DRAFT_NODE_FEW; i++)
			types[i] = many[i].type;
	}
	drafts->cap = 2 * room;
	return 0;
}

static struct draft *node_append(
	struct draft_node *drafts, uint16_t type, const struct rrset *before)
{
	struct draft *draft;

	if (node_make_room(drafts) < 0)
		return NULL;
	if (drafts->cap)
		drafts->types[drafts->count] = type;
	draft = (drafts->cap ? drafts->many : drafts->few) + drafts->count;
	drafts->count++;
	draft_init(draft, type, before);
	return draft;
}

int draft_node_init(struct draft_node *drafts, const struct zone_node *node)
{
	const struct rrset *set;

	drafts->count = 0;
	drafts->cap = 0;
	drafts->types = NULL;
	drafts->many = NULL;
	for (unsigned i = 0; node && (set = zone_node_rrset(node, i)); i++) {
		if (!node_append(drafts, set->type, set)) {
			draft_node_clear(drafts);
			return -ENOMEM;
		}
	}
	return 0;
}

void draft_node_clear(struct draft_node *drafts)
{
	for (unsigned i = 0; i < drafts->count; i++)
		draft_clear(draft_node_at(drafts, i));
	free(drafts->types);
	free(drafts->many);
	drafts->types = NULL;
	drafts->many = NULL;
	drafts->count = 0;
	drafts->cap = 0;
}

struct draft *draft_node_find(struct draft_node *drafts, uint16_t type)
{
	for (unsigned i = 0; i < drafts->count; i++) {
		if ((drafts->cap ? drafts->types[i] : drafts->few[i].type) == type)
			return draft_node_at(drafts, i);
	}
	return NULL;
}

struct draft *draft_node_make(struct draft_node *drafts, uint16_t type)
{
	struct draft *draft = draft_node_find(drafts, type);

	return draft ? draft : node_append(drafts, type, NULL);
}

/* ---- records by owner ---- */

static bool is_same_owner(const struct rr *a, const struct rr *b)
{
	return a->owner == b->owner || name_is_equal(a->owner, b->owner);
}

/* Finds the group of record i among the existing ones, or returns groups->count.
 * Without slots it compares one by one, else by hash; a new group then takes the free
 * slot that was found. */
static size_t find_group(const struct draft_groups *groups, const struct rr *rrs,
	uint32_t i, uint32_t *slots, uint32_t mask)
{
	uint32_t slot;
	size_t g;

	if (!slots) {
		for (g = 0; g < groups->count; g++) {
			if (is_same_owner(&rrs[groups->heads[g]], &rrs[i]))
				break;
		}
		return g;
	}
	/* Seeded, so that whoever sends the names cannot predict their slots. */
	slot = name_hash_seeded(
		       rrs[i].owner, &(struct name_seed){{(uintptr_t)slots, 0}}) &
		mask;
	for (; slots[slot]; slot = (slot + 1) & mask) {
		g = slots[slot] - 1;
		if (is_same_owner(&rrs[groups->heads[g]], &rrs[i]))
			return g;
	}
	slots[slot] = (uint32_t)groups->count + 1;
	return groups->count;
}

static void group_records(struct draft_groups *groups, const struct rr *rrs, size_t count,
	uint32_t *tails, uint32_t *slots, uint32_t mask)
{
	size_t g = 0;

	for (uint32_t i = 0; i < count; i++) {
		groups->next[i] = DRAFT_GROUP_END;
		/* An owner's records usually stand together. */
		if (i == 0 || rrs[i].owner != rrs[i - 1].owner)
			g = find_group(groups, rrs, i, slots, mask);
		if (g == groups->count)
			groups->heads[groups->count++] = i;
		else
			groups->next[tails[g]] = i;
		tails[g] = i;
	}
}

int draft_groups_init(struct draft_groups *groups, const struct rr *rrs, size_t count)
{
	uint32_t *memory = groups->few;
	size_t slot_count = 0;

	groups->count = 0;
	groups->memory = NULL;
	if (count > DRAFT_GROUP_FEW) {
		for (slot_count = 32; slot_count < 2 * count;)
			slot_count *= 2;
		memory = calloc(3 * count + slot_count, sizeof(*memory));
		if (!memory)
			return -ENOMEM;
		groups->memory = memory;
	}
	groups->heads = memory;
	groups->next = memory + count;
	group_records(groups, rrs, count, memory + 2 * count,
		slot_count ? memory + 3 * count : NULL, (uint32_t)slot_count - 1);
	return 0;
}

void draft_groups_clear(struct draft_groups *groups)
{
	free(groups->memory);
	groups->memory = NULL;
	groups->count = 0;
}
