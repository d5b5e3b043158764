/*
 * Places, that is pairs of an owner and a type, numbered in the order of their first
 * mention.
 *
 * For code that goes through the records of a message and does something once per
 * RRset, in whatever order and however often the RRset is named.  Few places are
 * searched one by one, more of them by a seeded hash that clients cannot predict.
 * Owners are not copied: they must outlive it.
 */
#ifndef MUSTER_PLACES_H
#define MUSTER_PLACES_H

#include "zones/rr.h"

enum { PLACES_FEW = 8 }; /* kept in place */

struct place {
	const uint8_t *owner;
	uint16_t type;
};

struct places {
	uint32_t count;
	uint32_t room;       /* of many; 0: few is used */
	uint32_t slot_count; /* power of two */
	uint32_t *slots;     /* number + 1; 0: free */
	struct place *many;
	struct place few[PLACES_FEW];
};

void places_init(struct places *places);
void places_clear(struct places *places);

/* The number of a place, counted from 0.  Returns 1 if it is new, 0 if it was named
 * before; -ENOMEM. */
int places_put(struct places *places, const uint8_t *owner, uint16_t type,
	uint32_t *ret_number) __attribute__((warn_unused_result));

/* Finds the number of a place.  False: it has not been named. */
bool places_find(const struct places *places, const uint8_t *owner, uint16_t type,
	uint32_t *ret_number);

#endif
