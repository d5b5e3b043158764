/* Open addressing, at most half full. */
#include "zones/digest_set.h"

#include <errno.h>
#include <stdlib.h>
#include "zones/rdata.h"

enum { ROOM_MIN = 64 };

void digest_set_init(struct digest_set *set, const struct name_seed *seed)
{
	*set = (struct digest_set){.seed = seed ? *seed : (struct name_seed){{1, 2}}};
}

void digest_set_clear(struct digest_set *set)
{
	free(set->slots);
	set->slots = NULL;
	set->room = 0;
	set->count = 0;
}

/* Never 0, whatever the lowest bit is. */
static uint64_t digest(uint64_t hash)
{
	return (hash | 2) & ~(uint64_t)1;
}

uint64_t digest_of_rrset(
	const struct digest_set *set, const uint8_t *owner, uint16_t type)
{
	const struct name_seed seed = {
		{set->seed.key[0] + 1 + type, set->seed.key[1] + 1}};

	return digest(name_hash64_seeded(owner, &seed));
}

uint64_t digest_of_record(const struct digest_set *set, const struct rr *rr)
{
	const struct name_seed seed = {
		{set->seed.key[0] + 1 + rr->type, set->seed.key[1]}};
	const struct name_seed other = {{seed.key[0], ~seed.key[1]}};
	const uint64_t high = rdata_hash(rr->type, rr->rdata, rr->rdata_len, &seed);

	return digest(name_hash64_seeded(rr->owner, &seed) ^
		(high << 32 | rdata_hash(rr->type, rr->rdata, rr->rdata_len, &other)));
}

/* Where it is, or would be; there is room. */
static uint64_t *find(const struct digest_set *set, uint64_t digest)
{
	size_t at = (size_t)(digest >> 2) & (set->room - 1);

	while (set->slots[at] && (set->slots[at] & ~(uint64_t)1) != digest)
		at = (at + 1) & (set->room - 1);
	return &set->slots[at];
}

/* 0 or -ENOMEM. */
static int grow(struct digest_set *set)
{
	struct digest_set larger = *set;

	larger.room = set->room ? 2 * set->room : ROOM_MIN;
	larger.slots = calloc(larger.room, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < set->room; i++)
		if (set->slots[i])
			*find(&larger, set->slots[i] & ~(uint64_t)1) = set->slots[i];
	free(set->slots);
	*set = larger;
	return 0;
}

int digest_set_put(struct digest_set *set, uint64_t digest, bool bit)
{
	uint64_t *slot;

	if (2 * (set->count + 1) > set->room && grow(set))
		return -ENOMEM;
	slot = find(set, digest);
	set->count += !*slot;
	*slot = digest | bit;
	return 0;
}

bool digest_set_has(const struct digest_set *set, uint64_t digest, bool *ret_bit)
{
	const uint64_t *slot = set->room ? find(set, digest) : NULL;

	if (!slot || !*slot)
		return false;
	if (ret_bit)
		*ret_bit = *slot & 1;
	return true;
}
