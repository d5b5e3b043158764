/*
 * Who holds how much of a zone: each key's names, and their octets.
 *
 * A name is held by the key whose update last made it larger, until it goes; what was
 * loaded is held by nobody.  Numbers stand for keys: 0 nobody, 1 the key that is named
 * like the name itself (hosts with keys of their own need no memory), others in the
 * order in which they came.  Internal to zones/; zone.h has what others may ask.
 */
#ifndef MUSTER_HOLDING_H
#define MUSTER_HOLDING_H

#include "zones/places.h"
#include "zones/zone.h"

enum { HOLDER_NOBODY, HOLDER_ITSELF, HOLDER_FIRST };

struct holders {
	struct places keys; /* their names are owned */
	struct zone_holding *list;
	uint32_t room;
};

void holders_init(struct holders *holders);
void holders_clear(struct holders *holders);

/* 0 or -ENOMEM. */
int holders_put(struct holders *holders, const uint8_t *owner, const uint8_t *key,
	uint32_t *ret_holder) __attribute__((warn_unused_result));
/* What a key holds beside its own name. */
struct zone_holding holders_find(const struct holders *holders, const uint8_t *key);
/* The name of a holder, the owner's for HOLDER_ITSELF; NULL: nobody. */
const uint8_t *holders_key(
	const struct holders *holders, const uint8_t *owner, uint32_t holder);
/* A holder gains or loses. */
void holders_gain(struct holders *holders, uint32_t holder, size_t names, size_t octets);
void holders_lose(struct holders *holders, uint32_t holder, size_t names, size_t octets);

#endif
