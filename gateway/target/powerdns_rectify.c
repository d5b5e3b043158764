/*
 * When a zone in PowerDNS must be rectified: see powerdns_rectify.h.
 *
 * The hashes are in an open table with a power of two of slots; 0 marks a free one.
 */
#include "gateway/target/powerdns_rectify.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 64 };

struct powerdns_parents {
	uint8_t apex[NAME_MAX_LEN];
	unsigned apex_labels;
	struct name_seed seed;
	uint32_t *slots;
	size_t slot_count; /* 0, or a power of two */
	size_t used;
	bool is_incomplete; /* there was no memory */
};

struct powerdns_parents *powerdns_parents_new(
	const uint8_t *apex, const struct name_seed *seed)
{
	struct powerdns_parents *parents = calloc(1, sizeof(*parents));

	if (!parents)
		return NULL;
	memcpy(parents->apex, apex, name_len(apex));
	parents->apex_labels = name_labels(apex);
	parents->seed = *seed;
	return parents;
}

void powerdns_parents_free(struct powerdns_parents *parents)
{
	if (!parents)
		return;
	free(parents->slots);
	free(parents);
}

/* The slot that holds hash, or the free one where it belongs. */
static uint32_t *find_slot(uint32_t *slots, size_t count, uint32_t hash)
{
	size_t at = hash & (count - 1);

	while (slots[at] && slots[at] != hash)
		at = (at + 1) & (count - 1);
	return &slots[at];
}

static bool grow(struct powerdns_parents *parents)
{
	size_t count = parents->slot_count ? parents->slot_count * 2 : FIRST_SLOTS;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < parents->slot_count; i++)
		if (parents->slots[i])
			*find_slot(slots, count, parents->slots[i]) = parents->slots[i];
	free(parents->slots);
	parents->slots = slots;
	parents->slot_count = count;
	return true;
}

static uint32_t hash_of(const struct powerdns_parents *parents, const uint8_t *name)
{
	uint32_t hash = name_hash_seeded(name, &parents->seed);

	return hash ? hash : 1;
}

/* Labels between owner and apex, and owner's ancestor directly below the apex. */
static unsigned depth_of(const struct powerdns_parents *parents, const uint8_t *owner,
	const uint8_t **ret_top)
{
	unsigned depth = name_labels(owner) - parents->apex_labels;

	for (unsigned i = 1; i < depth; i++)
		owner = name_parent(owner);
	*ret_top = owner;
	return depth;
}

void powerdns_parents_note_name(struct powerdns_parents *parents, const uint8_t *owner)
{
	const uint8_t *top;
	uint32_t *slot;

	if (depth_of(parents, owner, &top) < 2)
		return;
	if (parents->used * 2 >= parents->slot_count && !grow(parents)) {
		parents->is_incomplete = true;
		return;
	}
	slot = find_slot(parents->slots, parents->slot_count, hash_of(parents, top));
	if (*slot)
		return;
	*slot = hash_of(parents, top);
	parents->used++;
}

void powerdns_parents_note(
	struct powerdns_parents *parents, const struct changeset *changes)
{
	for (uint32_t i = 0; i < changes->count; i++)
		if (changes->changes[i].after)
			powerdns_parents_note_name(parents, changes->changes[i].owner);
}

static bool has_below(const struct powerdns_parents *parents, const uint8_t *top)
{
	if (parents->slot_count == 0)
		return false;
	return *find_slot(parents->slots, parents->slot_count, hash_of(parents, top)) !=
		0;
}

/* NS and DS make a zone cut, DNAME hides what is below: they change what is
 * authoritative. */
static bool is_cut(uint16_t type)
{
	return type == TYPE_NS || type == TYPE_DS || type == TYPE_DNAME;
}

static bool change_needs_rectify(
	const struct powerdns_parents *parents, const struct change *change)
{
	const uint8_t *top;
	unsigned depth = depth_of(parents, change->owner, &top);

	if (depth == 0)
		return false;
	if (is_cut(change->type))
		return true;
	if (change->before && change->after)
		return false; /* the name stays */
	if (depth >= 2)
		return true;
	/* PowerDNS notices by itself when an empty non-terminal gets data; a name that
	 * loses its data while there are names below becomes one. */
	return !change->after && has_below(parents, change->owner);
}

bool powerdns_parents_need_rectify(const struct powerdns_parents *parents,
	const struct changeset *changes, bool is_signed)
{
	if (parents->is_incomplete)
		return true;
	for (uint32_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->changes[i];
		if (is_signed && change->type != TYPE_SOA)
			return true;
		if (change_needs_rectify(parents, change))
			return true;
	}
	return false;
}
