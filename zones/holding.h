/*
 * Who holds how much of a zone: each key's names, and their octets.
 *
 * A name is held by the key whose update last made it larger, until it is removed;
 * loaded names are held by nobody.  Keys are numbered: 0 is nobody, 1 the key with the
 * same name as the name itself (so that hosts with keys of their own need no memory),
 * others in order of appearance.  Internal to zones/; zone.h has what others may ask.
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
/* What a key holds besides the name that is like its own. */
struct zone_holding holders_find(const struct holders *holders, const uint8_t *key);
/* The name of a holder, the owner's for HOLDER_ITSELF; NULL: nobody. */
const uint8_t *holders_key(
	const struct holders *holders, const uint8_t *owner, uint32_t holder);
/* Adds to, or takes from, what a holder has. */
void holders_gain(struct holders *holders, uint32_t holder, size_t names, size_t octets);
void holders_lose(struct holders *holders, uint32_t holder, size_t names, size_t octets);

#endif
