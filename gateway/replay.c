/*
 * The memory of requests: a ring of entries in order of arrival, indexed by a chained
 * hash. Belongs to the zone thread.  Pages are touched only as they are used.
 */
#include "gateway/replay.h"

#include <stdlib.h>
#include <string.h>

enum { REPLAY_CHAINS = 2 * REPLAY_MAX };

struct replay {
	struct replay_entry *ring; /* REPLAY_MAX */
	uint32_t *chains;          /* index + 1 of the first entry; 0: none */
	uint64_t *floors;          /* newest time signed forgotten, by key name */
	uint32_t at;               /* where the next entry goes */
};

struct replay *replay_new(void)
{
	struct replay *replay = calloc(1, sizeof(*replay));

	if (!replay)
		return NULL;
	replay->ring = calloc(REPLAY_MAX, sizeof(*replay->ring));
	replay->chains = calloc(REPLAY_CHAINS, sizeof(*replay->chains));
	replay->floors = calloc(REPLAY_FLOORS, sizeof(*replay->floors));
	if (replay->ring && replay->chains && replay->floors)
		return replay;
	replay_free(replay);
	return NULL;
}

void replay_free(struct replay *replay)
{
	if (!replay)
		return;
	free(replay->ring);
	free(replay->chains);
	free(replay->floors);
	free(replay);
}

/* MACs are as good as random; the shortest that is ever accepted has 10 octets. */
static uint32_t *chain_of(const struct replay *replay, const uint8_t *mac)
{
	uint32_t hash;

	memcpy(&hash, mac, sizeof(hash));
	return &replay->chains[hash % REPLAY_CHAINS];
}

static uint64_t *floor_of(const struct replay *replay, uint32_t key_hash)
{
	return &replay->floors[key_hash % REPLAY_FLOORS];
}

static struct replay_entry *find(
	const struct replay *replay, const uint8_t *mac, uint32_t key_hash)
{
	uint32_t index = *chain_of(replay, mac);

	while (index) {
		struct replay_entry *entry = &replay->ring[index - 1];

		if (entry->key_hash == key_hash &&
			!memcmp(entry->mac, mac, REPLAY_MAC_LEN))
			return entry;
		index = entry->next;
	}
	return NULL;
}

void replay_forget(struct replay *replay, struct replay_entry *entry)
{
	const uint32_t index = (uint32_t)(entry - replay->ring) + 1;
	uint32_t *link = chain_of(replay, entry->mac);

	while (*link != index)
		link = &replay->ring[*link - 1].next;
	*link = entry->next;
	if (entry->transaction)
		entry->transaction->replay = NULL;
	entry->is_used = false;
}

/* Pushed out by a newer one: from now on the floor speaks for it. */
static void push_out(struct replay *replay, struct replay_entry *entry)
{
	uint64_t *floor = floor_of(replay, entry->key_hash);

	if (entry->time_signed > *floor)
		*floor = entry->time_signed;
	replay_forget(replay, entry);
}

static struct replay_entry *remember(struct replay *replay, const uint8_t *mac,
	uint32_t key_hash, uint64_t time_signed)
{
	struct replay_entry *entry = &replay->ring[replay->at];
	uint32_t *chain;

	if (entry->is_used)
		push_out(replay, entry);
	memset(entry, 0, sizeof(*entry));
	memcpy(entry->mac, mac, REPLAY_MAC_LEN);
	entry->key_hash = key_hash;
	entry->time_signed = time_signed;
	entry->is_used = true;
	chain = chain_of(replay, mac);
	entry->next = *chain;
	*chain = replay->at + 1;
	replay->at = (replay->at + 1) % REPLAY_MAX;
	return entry;
}

enum replay_result replay_look(struct replay *replay, const struct tsig_context *tsig,
	struct replay_entry **ret_entry)
{
	const uint32_t key_hash = name_hash(tsig->key_name);
	uint8_t mac[REPLAY_MAC_LEN] = {0};
	struct replay_entry *entry;

	memcpy(mac, tsig->mac, tsig->mac_len < sizeof(mac) ? tsig->mac_len : sizeof(mac));
	entry = find(replay, mac, key_hash);
	if (entry) {
		*ret_entry = entry;
		return REPLAY_TWIN;
	}
	if (tsig->time_signed <= *floor_of(replay, key_hash))
		return REPLAY_TOO_OLD;
	*ret_entry = remember(replay, mac, key_hash, tsig->time_signed);
	return REPLAY_NEW;
}

void replay_restore(struct replay *replay, const uint8_t *key_name, const uint8_t *mac,
	uint64_t time_signed, uint16_t rcode)
{
	struct replay_entry *entry =
		remember(replay, mac, name_hash(key_name), time_signed);

	entry->rcode = rcode;
	entry->ede = EDE_NONE;
}

struct verdict replay_verdict(const struct replay_entry *entry)
{
	if (entry->rcode == RCODE_NOERROR)
		return verdict_ok();
	return verdict_refuse(entry->rcode, entry->ede,
		"the same message came before and got this answer");
}
