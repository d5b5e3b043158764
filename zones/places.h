/*
 * Places, that is pairs of an owner and a type, numbered as they are first named.
 *
 * For those who go through the records of a message and want to do something once for
 * each RRset that they are about, in whatever order and however often they name it.  A
 * few are searched one by one; more by a hash that nobody outside can foresee.  Owners
 * are not copied: they must outlive it.
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

/* The number of a place, from 0.  1: it is new; 0: it has been named before; -ENOMEM. */
int places_put(struct places *places, const uint8_t *owner, uint16_t type,
	uint32_t *ret_number) __attribute__((warn_unused_result));

/* The number of one that has been named.  False: it has not. */
bool places_find(const struct places *places, const uint8_t *owner, uint16_t type,
	uint32_t *ret_number);

#endif
