/*
 * The messages of the memory of requests: found by a chained hash, kept in places that
 * the hand goes round.
 */
#include "gateway/request/replay_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/request/request.h"

/* ---- the index ---- */

/* Signers can choose fingerprints, but cannot make them collide: the factor is secret. */
static uint32_t *chain_of(const struct replay *replay, const uint8_t *fingerprint)
{
	uint64_t word;

	memcpy(&word, fingerprint, sizeof(word));
	word = (word ^ replay->seed.key[0]) * (replay->seed.key[1] | 1);
	return &replay->chains[word >> replay->chain_shift];
}

static uint32_t index_of(const struct replay *replay, const struct replay_entry *entry)
{
	return (uint32_t)(entry - replay->ring);
}

static void link_entry(struct replay *replay, struct replay_entry *entry)
{
	uint32_t *chain = chain_of(replay, entry->fingerprint);

	replay->next[index_of(replay, entry)] = *chain;
	*chain = index_of(replay, entry) + 1;
}

static void unlink_entry(struct replay *replay, const struct replay_entry *entry)
{
	const uint32_t index = index_of(replay, entry);
	uint32_t *link = chain_of(replay, entry->fingerprint);

	while (*link != index + 1)
		link = &replay->next[*link - 1];
	*link = replay->next[index];
}

static struct replay_entry *find(
	const struct replay *replay, const uint8_t *fingerprint, uint64_t key)
{
	uint32_t index = *chain_of(replay, fingerprint);

	while (index) {
		struct replay_entry *entry = &replay->ring[index - 1];

		if (entry->key == key &&
			!memcmp(entry->fingerprint, fingerprint, SIGNER_FINGERPRINT_LEN))
			return entry;
		index = replay->next[index - 1];
	}
	return NULL;
}

/* ---- coming and going ---- */

static void remove_entry(
	struct replay *replay, struct replay_entry *entry, struct replay_key *key)
{
	const uint32_t index = index_of(replay, entry);

	unlink_entry(replay, entry);
	replay_release(replay, key);
	if (replay->requests[index])
		replay->requests[index]->replay = NULL;
	replay->requests[index] = NULL;
	entry->state = REPLAY_FREE;
}

void replay_forget(struct replay *replay, struct replay_entry *entry)
{
	remove_entry(replay, entry, replay_find_key(replay, entry->key));
}

/* Frees the place, unless its entry must be kept. */
static bool take_place(struct replay *replay, struct replay_entry *entry, int64_t now_s)
{
	struct replay_key *key;

	if (entry->state == REPLAY_FREE)
		return true;
	key = replay_find_key(replay, entry->key);
	if (key->count <= replay->level &&
		!replay_is_over(replay, entry->time_signed, now_s))
		return false;
	replay_raise_floor(replay, key, entry->time_signed, now_s);
	remove_entry(replay, entry, key);
	return true;
}

/* There is a place: at most half of them must be kept, so that over a round the hand
 * skips one for each that it takes. */
static struct replay_entry *find_room(struct replay *replay, int64_t now_s)
{
	struct replay_entry *entry;

	do
		entry = &replay->ring[replay->hand++ % replay->places];
	while (!take_place(replay, entry, now_s));
	return entry;
}

static struct replay_entry *remember(struct replay *replay, const uint8_t *fingerprint,
	struct replay_key *key, uint64_t time_signed, int64_t now_s)
{
	struct replay_entry *entry = find_room(replay, now_s);

	memcpy(entry->fingerprint, fingerprint, SIGNER_FINGERPRINT_LEN);
	entry->key = key->hash;
	entry->time_signed = time_signed;
	entry->order = replay->hand - 1;
	entry->state = REPLAY_IN_PROGRESS;
	link_entry(replay, entry);
	replay_hold(replay, key);
	return entry;
}

/* A floor in the future, beyond anything that can be signed now, comes from a wrong
 * clock, and must not lock anybody out until then. */
static bool is_forgotten(
	uint64_t *floor, uint64_t time_signed, int64_t latest_s, int64_t now_s)
{
	if ((int64_t)*floor > latest_s)
		*floor = (uint64_t)now_s - 1;
	return time_signed <= *floor;
}

enum replay_result replay_look(struct replay *replay, const struct signer *signer,
	int64_t now_s, struct replay_entry **ret_entry)
{
	const uint64_t hash = replay_hash_key(replay, signer->name);
	struct replay_entry *entry;
	struct replay_key *key;

	replay->now_s = now_s;
	entry = find(replay, signer->fingerprint, hash);
	if (entry) {
		*ret_entry = entry;
		return REPLAY_TWIN;
	}
	key = replay_get_key(replay, hash, now_s);
	if (!key)
		return REPLAY_NO_MEMORY;
	if (is_forgotten(&key->floor, signer->time_s, now_s + replay->window_s, now_s) ||
		is_forgotten(&replay->floor, signer->time_s, now_s, now_s))
		return REPLAY_TOO_OLD;
	*ret_entry = remember(replay, signer->fingerprint, key, signer->time_s, now_s);
	return REPLAY_NEW;
}

struct request *replay_request(
	const struct replay *replay, const struct replay_entry *entry)
{
	return replay->requests[index_of(replay, entry)];
}

void replay_set_request(
	struct replay *replay, struct replay_entry *entry, struct request *request)
{
	replay->requests[index_of(replay, entry)] = request;
	request->replay = entry;
}

void replay_answer(
	struct replay *replay, struct replay_entry *entry, const struct verdict *verdict)
{
	const uint32_t index = index_of(replay, entry);

	entry->rcode = verdict->rcode;
	entry->ede = verdict->ede;
	entry->state = REPLAY_ANSWERED;
	if (replay->requests[index])
		replay->requests[index]->replay = NULL;
	replay->requests[index] = NULL;
	if (entry->order < replay->flushed)
		replay_write_again(replay, index);
}

struct verdict replay_verdict(const struct replay_entry *entry)
{
	if (entry->rcode == RCODE_NOERROR)
		return verdict_ok();
	return verdict_refuse(entry->rcode, entry->ede,
		"the same message came before and got this answer");
}

/* ---- the start ---- */

void replay_take_entry(struct replay *replay, uint32_t index)
{
	struct replay_entry *entry = &replay->ring[index], *twin;
	struct replay_key *key = NULL;

	if ((entry->state == REPLAY_ANSWERED || entry->state == REPLAY_IN_PROGRESS) &&
		entry->key && entry->order % replay->places == index)
		key = replay_get_key(replay, entry->key, 0);
	if (!key) {
		entry->state = REPLAY_FREE;
		return;
	}
	if (entry->order >= replay->hand)
		replay->hand = entry->order + 1;
	/* A message that failed and was sent again is there twice. */
	twin = find(replay, entry->fingerprint, entry->key);
	if (twin && twin->order > entry->order) {
		entry->state = REPLAY_FREE;
		return;
	}
	if (twin)
		remove_entry(replay, twin, key);
	link_entry(replay, entry);
	replay_hold(replay, key);
}

bool replay_wants_journal(const struct replay *replay, int64_t now_s, uint64_t *ret_since)
{
	const uint64_t first = (uint64_t)now_s - replay->window_s;
	uint64_t since = replay->is_whole ? UINT64_MAX : first;

	for (uint32_t i = 0; i < replay->places; i++) {
		const struct replay_entry *entry = &replay->ring[i];

		if (entry->state == REPLAY_IN_PROGRESS && entry->time_signed < since)
			since = entry->time_signed;
	}
	if (since == UINT64_MAX)
		return false;
	/* Anything older cannot come any more. */
	*ret_since = since > first ? since : first;
	return true;
}

/* If it is neither in the file nor newer than its key's floor, it was pushed out. */
void replay_restore(struct replay *replay, const uint8_t *name,
	const uint8_t *fingerprint, uint64_t time_signed, uint16_t rcode, int64_t now_s)
{
	const struct verdict verdict = {.rcode = rcode, .ede = EDE_NONE};
	const uint64_t hash = replay_hash_key(replay, name);
	struct replay_entry *entry = find(replay, fingerprint, hash);
	struct replay_key *key;

	if (!entry) {
		key = replay_get_key(replay, hash, now_s);
		if (!key || time_signed <= key->floor)
			return;
		entry = remember(replay, fingerprint, key, time_signed, now_s);
	}
	if (entry->state == REPLAY_IN_PROGRESS)
		replay_answer(replay, entry, &verdict);
}

void replay_settle(struct replay *replay)
{
	for (uint32_t i = 0; i < replay->places; i++)
		if (replay->ring[i].state == REPLAY_IN_PROGRESS)
			replay_forget(replay, &replay->ring[i]);
}

bool replay_is_whole(const struct replay *replay)
{
	return replay->is_whole;
}

void replay_distrust(struct replay *replay, int64_t now_s)
{
	if (now_s <= 0 || replay->floor >= (uint64_t)now_s - 1)
		return;
	replay->floor = (uint64_t)now_s - 1;
	replay_file_note(replay);
}

/* What was signed before the old window is unknown, or known only by luck. */
void replay_set_window(struct replay *replay, unsigned window_s, int64_t now_s)
{
	const int64_t before_s = now_s - replay->window_s;

	if (replay->window_s == window_s)
		return;
	if (replay->window_s < window_s)
		replay_distrust(replay, before_s);
	replay->window_s = window_s;
	replay_file_note(replay);
}

/* ---- construction ---- */

void replay_lock(struct replay *replay)
{
	pthread_mutex_lock(&replay->lock);
}

void replay_unlock(struct replay *replay)
{
	pthread_mutex_unlock(&replay->lock);
}

int replay_new(struct replay **ret_replay, const char *path, const char *boot,
	uint32_t places, unsigned window_s, int64_t now_s)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	const size_t chains = 2 * (size_t)places;
	int r;

	if (!replay)
		return -ENOMEM;
	pthread_mutex_init(&replay->lock, NULL);
	replay->fd = -1;
	replay->places = places;
	replay->chain_shift = 64 - (unsigned)__builtin_ctzll(chains);
	replay->window_s = window_s;
	replay->now_s = replay->retry_s = now_s;
	replay->hand = replay->flushed = 1;
	r = replay_keys_init(replay);
	replay->ring = calloc(places, sizeof(*replay->ring));
	replay->chains = calloc(chains, sizeof(*replay->chains));
	replay->next = calloc(places, sizeof(*replay->next));
	replay->requests = calloc(places, sizeof(struct request *));
	if (!replay->ring || !replay->chains || !replay->next || !replay->requests)
		r = -ENOMEM;
	if (!r)
		r = replay_file_open(replay, path, boot, now_s);
	if (r) {
		replay_free(replay);
		return r;
	}
	*ret_replay = replay;
	return 0;
}
