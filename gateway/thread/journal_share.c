/*
 * Each key's share of the journal (journal_share.h): what keys have written since the
 * window began, all of it forgotten when it ends.  Keys are configured or enrolled by
 * people, which limits their number.
 */
#include "gateway/thread/journal_share.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/hash.h"
#include "gateway/journal/journal.h"
#include "tsig/name.h"

struct taken {
	UT_hash_handle hh;
	uint64_t octets;
	bool is_lost; /* uthash had no memory for it */
	uint8_t key[];
};

struct journal_share {
	uint64_t most;        /* constant */
	pthread_mutex_t lock; /* of all that follows */
	bool is_tight;
	int64_t began_ms; /* the window */
	struct taken *taken;
};

struct journal_share *journal_share_new(uint64_t most)
{
	struct journal_share *share = calloc(1, sizeof(*share));

	if (!share)
		return NULL;
	share->most = most;
	pthread_mutex_init(&share->lock, NULL);
	return share;
}

static void forget(struct journal_share *share)
{
	struct taken *taken, *next;

	HASH_ITER(hh, share->taken, taken, next) {
		HASH_DEL(share->taken, taken);
		free(taken);
	}
}

void journal_share_free(struct journal_share *share)
{
	if (!share)
		return;
	forget(share);
	pthread_mutex_destroy(&share->lock);
	free(share);
}

void journal_share_note(struct journal_share *share, uint64_t used)
{
	pthread_mutex_lock(&share->lock);
	share->is_tight = used > share->most / 2;
	pthread_mutex_unlock(&share->lock);
}

bool journal_share_is_tight(struct journal_share *share)
{
	bool is_tight;

	pthread_mutex_lock(&share->lock);
	is_tight = share->is_tight;
	pthread_mutex_unlock(&share->lock);
	return is_tight;
}

/* NULL: no memory. */
static struct taken *find(struct journal_share *share, const uint8_t *key)
{
	const size_t len = name_len(key);
	struct taken *taken;

	HASH_FIND(hh, share->taken, key, len, taken);
	if (taken)
		return taken;
	taken = calloc(1, sizeof(*taken) + len);
	if (!taken)
		return NULL;
	memcpy(taken->key, key, len);
	HASH_ADD_KEYPTR(hh, share->taken, taken->key, len, taken);
	if (!taken->is_lost)
		return taken;
	free(taken);
	return NULL;
}

static struct verdict refuse(
	const struct journal_share *share, const uint8_t *key, int64_t now_ms)
{
	char text[NAME_TEXT_MAX];

	return verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED,
		"the database is filling up, and key %.*s has written its share of it, "
		"%llu "
		"MiB in an hour: wait %lld s",
		VERDICT_WHY_MAX / 4, name_to_text(key, text),
		(unsigned long long)(share->most / JOURNAL_SHARE_PART >> 20),
		(long long)((share->began_ms + JOURNAL_SHORT_MS - now_ms) / 1000 + 1));
}

static struct verdict take(
	struct journal_share *share, const uint8_t *key, size_t octets, int64_t now_ms)
{
	struct taken *taken;

	if (!share->is_tight)
		return verdict_ok();
	if (!share->taken || now_ms - share->began_ms >= JOURNAL_SHORT_MS) {
		forget(share);
		share->began_ms = now_ms;
	}
	taken = find(share, key);
	if (!taken)
		return verdict_no_memory();
	if (taken->octets + octets > share->most / JOURNAL_SHARE_PART)
		return refuse(share, key, now_ms);
	taken->octets += octets;
	return verdict_ok();
}

struct verdict journal_share_take(
	struct journal_share *share, const uint8_t *key, size_t octets, int64_t now_ms)
{
	struct verdict v;

	pthread_mutex_lock(&share->lock);
	v = take(share, key, octets, now_ms);
	pthread_mutex_unlock(&share->lock);
	return v;
}
