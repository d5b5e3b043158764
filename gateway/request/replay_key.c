/*
 * The keys of the memory of requests: how many messages each has there, which keys must
 * make room, and what each has lost.
 *
 * A key loses messages only while it has more than the level, and they raise only its
 * own floor.  Keys come from the configuration, so their number is bounded; keys that
 * have nothing here any more are dropped when the table is rebuilt.
 */
#include "gateway/request/replay_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEYS_MIN = 1024,
	FLOORS_PART = 128, /* places for floors at the beginning: those for messages,
	                    * divided by this */
};

int replay_keys_init(struct replay *replay)
{
	replay->keys = calloc(KEYS_MIN, sizeof(*replay->keys));
	replay->key_room = KEYS_MIN;
	replay->holders = calloc(replay->places + 1, sizeof(*replay->holders));
	if (!replay->keys || !replay->holders)
		return -ENOMEM;
	return replay_grow_floors(replay, replay->places / FLOORS_PART + 1);
}

void replay_keys_clear(struct replay *replay)
{
	free(replay->keys);
	free(replay->holders);
	free(replay->floors);
}

/* ---- the table ---- */

uint64_t replay_hash_key(const struct replay *replay, const uint8_t *name)
{
	const uint64_t hash = name_hash64_seeded(name, &replay->seed);

	return hash ? hash : 1;
}

/* The key's place, or the free one where it belongs. */
static struct replay_key *find_place(struct replay_key *keys, size_t room, uint64_t hash)
{
	size_t at = hash & (room - 1);

	while (keys[at].hash && keys[at].hash != hash)
		at = (at + 1) & (room - 1);
	return &keys[at];
}

struct replay_key *replay_find_key(const struct replay *replay, uint64_t hash)
{
	struct replay_key *key = find_place(replay->keys, replay->key_room, hash);

	return key->hash ? key : NULL;
}

static bool is_needed(
	const struct replay *replay, const struct replay_key *key, int64_t now_s)
{
	return key->count || (key->floor && !replay_is_over(replay, key->floor, now_s));
}

/* Rebuilds the table, for twice as many keys as are still needed. */
static bool build_table(struct replay *replay, int64_t now_s)
{
	struct replay_key *keys;
	size_t needed = 0, room = KEYS_MIN;

	for (size_t i = 0; i < replay->key_room; i++)
		needed += replay->keys[i].hash &&
			is_needed(replay, &replay->keys[i], now_s);
	while (room < 4 * needed)
		room *= 2;
	keys = calloc(room, sizeof(*keys));
	if (!keys)
		return false;
	for (size_t i = 0; i < replay->key_room; i++) {
		const struct replay_key *key = &replay->keys[i];

		if (key->hash && is_needed(replay, key, now_s))
			*find_place(keys, room, key->hash) = *key;
		else if (key->floor_at)
			replay->floor_count--;
	}
	free(replay->keys);
	replay->keys = keys;
	replay->key_room = room;
	replay->key_count = needed;
	return true;
}

struct replay_key *replay_get_key(struct replay *replay, uint64_t hash, int64_t now_s)
{
	struct replay_key *key = find_place(replay->keys, replay->key_room, hash);

	if (key->hash)
		return key;
	/* At three quarters the table has to grow; one place always stays free. */
	if (4 * (replay->key_count + 1) > 3 * replay->key_room) {
		if (!build_table(replay, now_s) &&
			replay->key_count + 1 == replay->key_room)
			return NULL;
		key = find_place(replay->keys, replay->key_room, hash);
	}
	key->hash = hash;
	replay->key_count++;
	return key;
}

/* ---- the level ---- */

static void set_level(struct replay *replay)
{
	const uint32_t *holders = replay->holders;
	const size_t most = replay->places / 2;

	while (replay->kept > most)
		replay->kept -= holders[replay->level--];
	while (replay->level < replay->places && holders[replay->level + 1] &&
		replay->kept + holders[replay->level + 1] <= most)
		replay->kept += holders[++replay->level];
}

void replay_hold(struct replay *replay, struct replay_key *key)
{
	key->count++;
	replay->holders[key->count]++;
	replay->kept += key->count <= replay->level;
	set_level(replay);
}

void replay_release(struct replay *replay, struct replay_key *key)
{
	replay->kept -= key->count <= replay->level;
	replay->holders[key->count]--;
	key->count--;
	set_level(replay);
}

/* ---- floors ---- */

int replay_grow_floors(struct replay *replay, size_t room)
{
	struct replay_floor *floors =
		reallocarray(replay->floors, room, sizeof(*replay->floors));

	if (!floors)
		return -ENOMEM;
	memset(floors + replay->floor_room, 0,
		(room - replay->floor_room) * sizeof(*floors));
	replay->floors = floors;
	replay->floor_room = room;
	return 0;
}

/* The hand may continue to index: everything before it is in the file. */
static void move_floor_hand(struct replay *replay, size_t index)
{
	replay_flush_floors(replay);
	replay->floor_hand = replay->floor_flushed = index;
}

/* Keys whose newest floor is here fill at most half of the places. */
static bool make_floor_room(struct replay *replay)
{
	const size_t room = replay->floor_room;

	if (2 * (replay->floor_count + 1) > room) {
		if (room >= UINT32_MAX / 2 || replay_grow_floors(replay, 2 * room))
			return false;
		move_floor_hand(replay, room);
	}
	if (replay->floor_hand == replay->floor_room)
		move_floor_hand(replay, 0);
	return true;
}

/* May the floor be overwritten? */
static bool take_floor_place(
	struct replay *replay, struct replay_floor *floor, int64_t now_s)
{
	const size_t index = (size_t)(floor - replay->floors);
	struct replay_key *key = floor->key ? replay_find_key(replay, floor->key) : NULL;

	if (!key || key->floor_at != index + 1)
		return true;
	if (!replay_is_over(replay, floor->time_signed, now_s))
		return false;
	key->floor_at = 0;
	replay->floor_count--;
	return true;
}

/* Stores the key's floor for the file.  False: no memory. */
static bool note_floor(struct replay *replay, struct replay_key *key, int64_t now_s)
{
	struct replay_floor *floor;

	do {
		if (!make_floor_room(replay))
			return false;
		floor = &replay->floors[replay->floor_hand++];
	} while (!take_floor_place(replay, floor, now_s));
	*floor = (struct replay_floor){.key = key->hash, .time_signed = key->floor};
	replay->floor_count += !key->floor_at;
	key->floor_at = (uint32_t)replay->floor_hand;
	return true;
}

void replay_raise_floor(struct replay *replay, struct replay_key *key,
	uint64_t time_signed, int64_t now_s)
{
	if (time_signed <= key->floor)
		return;
	key->floor = time_signed;
	/* In memory it counts even if the clock is set back. */
	if (!replay_is_over(replay, time_signed, now_s) &&
		!note_floor(replay, key, now_s))
		replay_file_fail(replay);
}

int replay_take_floor(struct replay *replay, size_t index, int64_t now_s)
{
	const struct replay_floor *floor = &replay->floors[index];
	struct replay_key *key;

	if (!floor->key || replay_is_over(replay, floor->time_signed, now_s))
		return 0;
	key = replay_get_key(replay, floor->key, now_s);
	if (!key)
		return -ENOMEM;
	if (floor->time_signed <= key->floor)
		return 0;
	replay->floor_count += !key->floor_at;
	key->floor = floor->time_signed;
	key->floor_at = (uint32_t)index + 1;
	return 0;
}
