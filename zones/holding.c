/*
 * Who holds how much of a zone (holding.h).
 */
#include "zones/holding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void holders_init(struct holders *holders)
{
	places_init(&holders->keys);
	holders->list = NULL;
	holders->room = 0;
}

static const struct place *key_place(const struct holders *holders, uint32_t number)
{
	const struct places *keys = &holders->keys;

	return (keys->room ? keys->many : keys->few) + number;
}

void holders_clear(struct holders *holders)
{
	for (uint32_t i = 0; i < holders->keys.count; i++)
		free((uint8_t *)key_place(holders, i)->owner);
	places_clear(&holders->keys);
	free(holders->list);
	holders_init(holders);
}

static int make_room(struct holders *holders)
{
	uint32_t room = holders->room ? 2 * holders->room : PLACES_FEW;
	struct zone_holding *list;

	if (holders->keys.count < holders->room)
		return 0;
	list = realloc(holders->list, room * sizeof(*list));
	if (!list)
		return -ENOMEM;
	holders->list = list;
	holders->room = room;
	return 0;
}

static int put_new(struct holders *holders, const uint8_t *key, uint32_t *ret_holder)
{
	size_t len = name_len(key);
	uint8_t *copy;
	uint32_t number;

	if (make_room(holders) < 0)
		return -ENOMEM;
	copy = malloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, key, len);
	if (places_put(&holders->keys, copy, 0, &number) < 0) {
		free(copy);
		return -ENOMEM;
	}
	holders->list[number] = (struct zone_holding){0};
	*ret_holder = HOLDER_FIRST + number;
	return 0;
}

int holders_put(struct holders *holders, const uint8_t *owner, const uint8_t *key,
	uint32_t *ret_holder)
{
	uint32_t number;

	if (name_is_equal(owner, key)) {
		*ret_holder = HOLDER_ITSELF;
		return 0;
	}
	if (!places_find(&holders->keys, key, 0, &number))
		return put_new(holders, key, ret_holder);
	*ret_holder = HOLDER_FIRST + number;
	return 0;
}

struct zone_holding holders_find(const struct holders *holders, const uint8_t *key)
{
	uint32_t number;

	if (!places_find(&holders->keys, key, 0, &number))
		return (struct zone_holding){0};
	return holders->list[number];
}

const uint8_t *holders_key(
	const struct holders *holders, const uint8_t *owner, uint32_t holder)
{
	if (holder == HOLDER_NOBODY)
		return NULL;
	if (holder == HOLDER_ITSELF)
		return owner;
	return key_place(holders, holder - HOLDER_FIRST)->owner;
}

void holders_gain(struct holders *holders, uint32_t holder, size_t names, size_t octets)
{
	if (holder < HOLDER_FIRST)
		return;
	holders->list[holder - HOLDER_FIRST].names += names;
	holders->list[holder - HOLDER_FIRST].octets += octets;
}

void holders_lose(struct holders *holders, uint32_t holder, size_t names, size_t octets)
{
	if (holder < HOLDER_FIRST)
		return;
	holders->list[holder - HOLDER_FIRST].names -= names;
	holders->list[holder - HOLDER_FIRST].octets -= octets;
}
