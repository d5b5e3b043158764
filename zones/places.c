/*
 * Numbers places in the order of their first mention (places.h).
 */
#include "zones/places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void places_init(struct places *places)
{
	places->count = 0;
	places->room = 0;
	places->slot_count = 0;
	places->slots = NULL;
	places->many = NULL;
}

void places_clear(struct places *places)
{
	free(places->slots);
	free(places->many);
	places_init(places);
}

static bool is_place(const struct place *place, const uint8_t *owner, uint16_t type)
{
	return place->type == type &&
		(place->owner == owner || name_is_equal(place->owner, owner));
}

/* Its slot, or the free one where it belongs. */
static uint32_t *find_slot(
	const struct places *places, const uint8_t *owner, uint16_t type)
{
	const struct name_seed seed = {{(uintptr_t)places->slots, type}};
	uint32_t mask = places->slot_count - 1;
	uint32_t slot = name_hash_seeded(owner, &seed) & mask;

	while (places->slots[slot] &&
		!is_place(&places->many[places->slots[slot] - 1], owner, type))
		slot = (slot + 1) & mask;
	return &places->slots[slot];
}

static int grow(struct places *places)
{
	uint32_t room = places->room ? 2 * places->room : 4 * PLACES_FEW;
	struct place *many = realloc(places->many, room * sizeof(*many));
	uint32_t *slots;

	if (!many)
		return -ENOMEM;
	if (!places->room)
		memcpy(many, places->few, places->count * sizeof(*many));
	places->many = many;
	slots = calloc(2 * room, sizeof(*slots));
	if (!slots)
		return -ENOMEM; /* few, or the old array, is still in use */
	free(places->slots);
	places->slots = slots;
	places->slot_count = 2 * room;
	places->room = room;
	for (uint32_t i = 0; i < places->count; i++)
		*find_slot(places, many[i].owner, many[i].type) = i + 1;
	return 0;
}

static bool find_few(const struct places *places, const uint8_t *owner, uint16_t type,
	uint32_t *ret_number)
{
	for (uint32_t i = 0; i < places->count; i++) {
		if (!is_place(&places->few[i], owner, type))
			continue;
		*ret_number = i;
		return true;
	}
	return false;
}

bool places_find(const struct places *places, const uint8_t *owner, uint16_t type,
	uint32_t *ret_number)
{
	uint32_t slot;

	if (!places->room)
		return find_few(places, owner, type, ret_number);
	slot = *find_slot(places, owner, type);
	if (slot)
		*ret_number = slot - 1;
	return slot;
}

static int put_few(
	struct places *places, const uint8_t *owner, uint16_t type, uint32_t *ret_number)
{
	if (find_few(places, owner, type, ret_number))
		return 0;
	if (places->count == PLACES_FEW)
		return -ENOSPC;
	*ret_number = places->count;
	places->few[places->count++] = (struct place){owner, type};
	return 1;
}

int places_put(
	struct places *places, const uint8_t *owner, uint16_t type, uint32_t *ret_number)
{
	uint32_t *slot;
	int r = places->room ? -ENOSPC : put_few(places, owner, type, ret_number);

	if (r != -ENOSPC)
		return r;
	if (places->count >= (places->room ? places->room : PLACES_FEW)) {
		r = grow(places);
		if (r < 0)
			return r;
	}
	slot = find_slot(places, owner, type);
	if (*slot) {
		*ret_number = *slot - 1;
		return 0;
	}
	*ret_number = places->count;
	places->many[places->count] = (struct place){owner, type};
	*slot = ++places->count;
	return 1;
}
