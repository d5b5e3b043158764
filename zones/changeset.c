/*
 * Change sets: RRsets before and after (changeset.h).
 *
 * Nearly every update has few changes; they are kept inside the change set and searched
 * one by one.  More of them get an array and a hash index by owner and type.  The
 * stored form is in changeset_code.c.
 */
#include "zones/changeset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "zones/draft.h"
#include "zones/lease.h"

enum {
	CHANGES_FEW = 4,       /* kept in place */
	CHANGES_UNINDEXED = 8, /* searched one by one */
};

/* What every struct changeset made by changeset_new is part of. */
struct changeset_full {
	struct changeset cs; /* first: the public part */
	uint32_t cap;        /* room in cs.changes */
	uint32_t slot_count; /* power of two; 0 while there are few changes */
	uint32_t *slots;     /* change number + 1; 0: free */
	struct change few[CHANGES_FEW];
};

static struct changeset_full *full(struct changeset *cs)
{
	return (struct changeset_full *)cs;
}

struct changeset *changeset_new(void)
{
	struct changeset_full *f = malloc(sizeof(*f));

	if (!f)
		return NULL;
	f->cs = (struct changeset){.refs = 1, .changes = f->few};
	f->cap = CHANGES_FEW;
	f->slot_count = 0;
	f->slots = NULL;
	return &f->cs;
}

struct changeset *changeset_ref(struct changeset *cs)
{
	if (cs)
		cs->refs++;
	return cs;
}

static void change_clear(struct change *change)
{
	free(change->owner);
	rrset_unref(change->before);
	rrset_unref(change->after);
}

void changeset_unref(struct changeset *cs)
{
	struct changeset_full *f = full(cs);

	if (!cs || --cs->refs > 0)
		return;
	for (uint32_t i = 0; i < cs->count; i++)
		change_clear(&cs->changes[i]);
	if (cs->changes != f->few)
		free(cs->changes);
	free(f->slots);
	lease_changes_free(cs->leases);
	free(f);
}

bool changeset_crumble(struct changeset *cs, uint32_t count)
{
	for (; count && cs->count; count--)
		change_clear(&cs->changes[--cs->count]);
	return !cs->count;
}

/* ---- finding ---- */

/* Seeded with the address of the change set, which clients that choose names do not
 * know. */
static uint32_t change_hash(
	const struct changeset_full *f, const uint8_t *owner, uint16_t type)
{
	const struct name_seed seed = {{(uintptr_t)f, type}};

	return name_hash_seeded(owner, &seed);
}

static void index_insert(struct changeset_full *f, uint32_t number)
{
	const struct change *change = &f->cs.changes[number];
	uint32_t mask = f->slot_count - 1;
	uint32_t slot = change_hash(f, change->owner, change->type) & mask;

	while (f->slots[slot])
		slot = (slot + 1) & mask;
	f->slots[slot] = number + 1;
}

static bool is_change_of(const struct change *change, const uint8_t *owner, uint16_t type)
{
	return change->type == type && name_is_equal(change->owner, owner);
}

const struct change *changeset_find(
	const struct changeset *cs, const uint8_t *owner, uint16_t type)
{
	const struct changeset_full *f = (const struct changeset_full *)cs;
	uint32_t slot, mask;

	if (cs->count <= CHANGES_UNINDEXED) {
		for (uint32_t i = 0; i < cs->count; i++) {
			if (is_change_of(&cs->changes[i], owner, type))
				return &cs->changes[i];
		}
		return NULL;
	}
	mask = f->slot_count - 1;
	slot = change_hash(f, owner, type) & mask;
	for (; f->slots[slot]; slot = (slot + 1) & mask) {
		const struct change *change = &cs->changes[f->slots[slot] - 1];

		if (is_change_of(change, owner, type))
			return change;
	}
	return NULL;
}

bool changeset_has_name(const struct changeset *cs, const uint8_t *owner)
{
	for (uint32_t i = 0; i < cs->count; i++)
		if (name_is_equal(cs->changes[i].owner, owner))
			return true;
	return false;
}

bool changeset_shares_name(const struct changeset *a, const struct changeset *b)
{
	for (uint32_t i = 0; i < a->count; i++)
		if (changeset_has_name(b, a->changes[i].owner))
			return true;
	return false;
}

/* ---- building ---- */

static void index_refill(struct changeset_full *f)
{
	if (!f->slot_count)
		return;
	memset(f->slots, 0, f->slot_count * sizeof(*f->slots));
	for (uint32_t i = 0; i < f->cs.count; i++)
		index_insert(f, i);
}

/* Makes room for this many changes, index included, so that change_append cannot fail. */
static int reserve(struct changeset_full *f, size_t count)
{
	uint32_t cap = f->cap;
	uint32_t slot_count;
	struct change *changes;
	uint32_t *slots;

	if (count <= cap)
		return 0;
	if (count > UINT32_MAX / 4)
		return -ENOMEM;
	while (cap < count)
		cap *= 2;
	slot_count = 2 * cap; /* a power of two, as CHANGES_FEW is */
	slots = malloc(slot_count * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	changes = realloc(
		f->cs.changes == f->few ? NULL : f->cs.changes, cap * sizeof(*changes));
	if (!changes) {
		free(slots);
		return -ENOMEM;
	}
	if (f->cs.changes == f->few)
		memcpy(changes, f->few, f->cs.count * sizeof(*changes));
	free(f->slots);
	f->cs.changes = changes;
	f->cap = cap;
	f->slots = slots;
	f->slot_count = slot_count;
	index_refill(f);
	return 0;
}

/* Takes over owner and both references.  There must be room. */
static struct change *change_append(struct changeset_full *f, uint8_t *owner,
	uint16_t type, struct rrset *before, struct rrset *after)
{
	struct change *change = &f->cs.changes[f->cs.count++];

	*change = (struct change){
		.owner = owner, .type = type, .before = before, .after = after};
	if (f->slot_count)
		index_insert(f, f->cs.count - 1);
	return change;
}

static uint8_t *owner_copy(const uint8_t *owner)
{
	size_t len = name_len(owner);
	uint8_t *copy = malloc(len);

	if (copy)
		memcpy(copy, owner, len);
	return copy;
}

int changeset_append(struct changeset *cs, const uint8_t *owner, uint16_t type,
	struct rrset *before, struct rrset *after)
{
	int r = reserve(full(cs), (size_t)cs->count + 1);
	uint8_t *copy;

	if (r < 0)
		return r;
	copy = owner_copy(owner);
	if (!copy)
		return -ENOMEM;
	change_append(full(cs), copy, type, rrset_ref(before), rrset_ref(after));
	return 0;
}

static void set_after(struct change *change, struct rrset *set)
{
	struct rrset *old = change->after;

	change->after = rrset_ref(set);
	rrset_unref(old);
}

int changeset_put(struct changeset *cs, struct zone *zone, const uint8_t *owner,
	uint16_t type, struct rrset *set)
{
	struct change *change = (struct change *)changeset_find(cs, owner, type);
	struct rrset *before;
	int r;

	if (change) {
		r = zone_put(zone, owner, type, set);
		if (r == 0)
			set_after(change, set);
		return r;
	}
	before = zone_find(zone, owner, type);
	r = changeset_append(cs, owner, type, before, set);
	if (r < 0)
		return r;
	cs->changes[cs->count - 1].was_free =
		!before && !zone_is_name_in_use(zone, owner);
	r = zone_put(zone, owner, type, set);
	if (r < 0) {
		change_clear(&cs->changes[--cs->count]);
		index_refill(full(cs));
	}
	return r;
}

void changeset_normalise(struct changeset *cs)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < cs->count; i++) {
		struct change *change = &cs->changes[i];

		if (rrset_is_identical(change->before, change->after))
			change_clear(change);
		else
			cs->changes[kept++] = *change;
	}
	if (kept == cs->count)
		return;
	cs->count = kept;
	index_refill(full(cs));
}

/* ---- back ---- */

/* What removes RRsets comes first, so that no node ever needs more room than it has
 * had. */
int changeset_undo_late(const struct changeset *cs, struct zone *zone)
{
	int r = 0;

	for (uint32_t i = 0; i < cs->count; i++) {
		const struct change *change = &cs->changes[i];

		if (!change->before)
			r |= zone_put(zone, change->owner, change->type, NULL);
	}
	for (uint32_t i = 0; i < cs->count; i++) {
		const struct change *change = &cs->changes[i];

		if (change->before)
			r |= zone_put(zone, change->owner, change->type, change->before);
	}
	return r ? -ENOMEM : 0;
}

void changeset_undo(const struct changeset *cs, struct zone *zone)
{
	(void)!changeset_undo_late(cs, zone);
}

/* ---- merging ---- */

/* Where a change goes in the set that it is merged into. */
struct place {
	uint8_t *owner;  /* a copy for one that is new there; NULL: it is not, */
	uint32_t number; /* but this one */
};

static void places_clear(struct place *places, uint32_t count)
{
	while (count > 0)
		free(places[--count].owner);
}

/* 0 or -ENOMEM. */
static int find_places(const struct changeset *into, const struct changeset *next,
	struct place *places, size_t *ret_new)
{
	*ret_new = 0;
	for (uint32_t i = 0; i < next->count; i++) {
		const struct change *change = &next->changes[i];
		const struct change *there =
			changeset_find(into, change->owner, change->type);

		places[i] = (struct place){
			.number = there ? (uint32_t)(there - into->changes) : 0};
		if (there)
			continue;
		places[i].owner = owner_copy(change->owner);
		if (!places[i].owner) {
			places_clear(places, i);
			return -ENOMEM;
		}
		++*ret_new;
	}
	return 0;
}

static int merge_at(
	struct changeset *into, const struct changeset *next, struct place *places)
{
	size_t new_count;
	int r = find_places(into, next, places, &new_count);

	if (r)
		return r;
	r = reserve(full(into), into->count + new_count);
	if (r) {
		places_clear(places, next->count);
		return r;
	}
	for (uint32_t i = 0; i < next->count; i++) {
		const struct change *c = &next->changes[i];

		if (places[i].owner)
			change_append(full(into), places[i].owner, c->type,
				rrset_ref(c->before), rrset_ref(c->after))
				->was_free = c->was_free;
		else
			set_after(&into->changes[places[i].number], c->after);
	}
	into->sets_serial = into->sets_serial || next->sets_serial;
	return 0;
}

int changeset_merge(struct changeset *into, const struct changeset *next)
{
	struct place few[CHANGES_FEW], *places = few;
	int r;

	if (next->count > CHANGES_FEW)
		places = malloc(next->count * sizeof(*places));
	if (!places)
		return -ENOMEM;
	r = merge_at(into, next, places);
	if (places != few)
		free(places);
	return r;
}

/* ---- size ---- */

static size_t set_size(const struct rrset *set)
{
	return set ? rrset_octets(set) : 0;
}

size_t changeset_size(const struct changeset *cs)
{
	size_t size = sizeof(struct changeset_full);

	for (uint32_t i = 0; i < cs->count; i++) {
		const struct change *change = &cs->changes[i];

		size += sizeof(*change) + name_len(change->owner) +
			set_size(change->before) + set_size(change->after);
	}
	if (cs->leases)
		size += lease_changes_size(cs->leases);
	return size;
}

/* ---- records ---- */

/* Like draft_find_exact, but needs no memory for a draft. */
static bool set_has_record(const struct rrset *set, const uint8_t *rdata, uint16_t len)
{
	const uint8_t *other;
	uint16_t other_len;
	size_t at = 0;

	while ((other = rrset_next(set, &at, &other_len))) {
		if (other_len == len && memcmp(other, rdata, len) == 0)
			return true;
	}
	return false;
}

/* Visits the records of one RRset that the other lacks, or has with another TTL. */
static bool visit_difference(const struct change *change, bool removed,
	bool (*visit)(bool removed, const struct rr *rr, void *arg), void *arg)
{
	const struct rrset *set = removed ? change->before : change->after;
	const struct rrset *other = removed ? change->after : change->before;
	struct rr rr = {.owner = change->owner, .type = change->type, .class = CLASS_IN};
	struct draft draft;
	bool indexed, go_on = true;
	size_t at = 0;

	if (!set)
		return true;
	rr.ttl = set->ttl;
	rr.spelled = rrset_spelled(set);
	if (other && other->ttl != set->ttl)
		other = NULL;
	draft_init(&draft, change->type, other);
	indexed = draft_unfold(&draft) == 0;
	while (go_on && (rr.rdata = rrset_next(set, &at, &rr.rdata_len))) {
		if (indexed && draft_find_exact(&draft, rr.rdata, rr.rdata_len))
			continue;
		if (!indexed && other && set_has_record(other, rr.rdata, rr.rdata_len))
			continue;
		go_on = visit(removed, &rr, arg);
	}
	draft_clear(&draft);
	return go_on;
}

bool changeset_each_record(const struct changeset *cs,
	bool (*visit)(bool removed, const struct rr *rr, void *arg), void *arg)
{
	for (uint32_t i = 0; i < cs->count; i++) {
		if (!visit_difference(&cs->changes[i], true, visit, arg) ||
			!visit_difference(&cs->changes[i], false, visit, arg))
			return false;
	}
	return true;
}
