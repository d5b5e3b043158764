/*
 * The memory of requests: a ring of entries in order of arrival, indexed by a chained
 * hash, and its image in a sparse file.  Belongs to the zone thread.  The file is written
 * and not mapped: on a full disk a mapped page would kill the process.
 */
#include "gateway/served/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/log.h"

enum { REPLAY_CHAINS = 2 * REPLAY_MAX, REPLAY_BOOT_LEN = 64 };

static const char replay_magic[16] = "muster replay 1";

enum replay_state { REPLAY_FREE, REPLAY_IN_PROGRESS, REPLAY_ANSWERED };

struct replay_entry {
	uint8_t mac[REPLAY_MAC_LEN];
	uint64_t time_signed; /* seconds since 1970 */
	uint64_t order;       /* of arrival, from 1 */
	uint32_t key_hash;
	uint16_t rcode; /* once answered */
	int16_t ede;
	uint32_t state; /* enum replay_state */
};

/* The file is this and the ring, in the machine's byte order: it never leaves it. */
struct replay_header {
	char magic[sizeof(replay_magic)];
	char boot[REPLAY_BOOT_LEN];
};

struct replay {
	int fd;
	bool is_failing;           /* the file could not be written */
	struct replay_entry *ring; /* REPLAY_MAX */
	uint64_t order;            /* of the newest; its place is order % REPLAY_MAX */
	uint64_t flushed;          /* the file has all up to this one */
	uint64_t *floors;          /* newest time signed forgotten, by key name */
	uint32_t *chains;          /* index + 1 of the first entry; 0: none */
	uint32_t *next;            /* of each entry, index + 1; 0: the last */
	struct transaction **transactions; /* of each entry in progress */
};

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

static uint32_t index_of(const struct replay *replay, const struct replay_entry *entry)
{
	return (uint32_t)(entry - replay->ring);
}

static void link_entry(struct replay *replay, struct replay_entry *entry)
{
	uint32_t *chain = chain_of(replay, entry->mac);

	replay->next[index_of(replay, entry)] = *chain;
	*chain = index_of(replay, entry) + 1;
}

/* ---- the file ---- */

static void raise_floors(struct replay *replay, uint64_t time_signed)
{
	for (uint32_t i = 0; i < REPLAY_FLOORS; i++) {
		if (replay->floors[i] < time_signed)
			replay->floors[i] = time_signed;
	}
}

/* What was in progress when the last process ended got no answer, and may come again; if
 * it became durable, the journal knows. */
static void take_entry(struct replay *replay, uint32_t index)
{
	struct replay_entry *entry = &replay->ring[index];

	if (entry->state != REPLAY_ANSWERED || entry->order % REPLAY_MAX != index) {
		entry->state = REPLAY_FREE;
		return;
	}
	if (entry->order > replay->order)
		replay->order = entry->order;
	link_entry(replay, entry);
}

static int read_ring(struct replay *replay)
{
	const size_t len = REPLAY_MAX * sizeof(*replay->ring);
	const struct replay_entry *oldest;
	size_t done = 0;

	while (done < len) {
		ssize_t got = pread(replay->fd, (char *)replay->ring + done, len - done,
			(off_t)(sizeof(struct replay_header) + done));

		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	for (uint32_t i = 0; i < REPLAY_MAX; i++)
		take_entry(replay, i);
	replay->flushed = replay->order;
	/* What the ring has no room for any more came before its oldest. */
	oldest = &replay->ring[(replay->order + 1) % REPLAY_MAX];
	if (oldest->state != REPLAY_FREE)
		raise_floors(replay, oldest->time_signed);
	return 0;
}

static int write_header(const struct replay *replay, const char *boot)
{
	struct replay_header header = {{0}, {0}};

	memcpy(header.magic, replay_magic, sizeof(replay_magic));
	snprintf(header.boot, sizeof(header.boot), "%s", boot ? boot : "");
	if (pwrite(replay->fd, &header, sizeof(header), 0) != sizeof(header))
		log_warning("the replay memory cannot be kept: %s", strerror(errno));
	return 0;
}

static int open_file(
	struct replay *replay, const char *path, const char *boot, int64_t now_s)
{
	struct replay_header header = {{0}, {0}};
	bool is_ours;
	ssize_t got;

	replay->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (replay->fd < 0)
		return -errno;
	got = pread(replay->fd, &header, sizeof(header), 0);
	if (got < 0)
		return -errno;
	is_ours = got == sizeof(header) &&
		!memcmp(header.magic, replay_magic, sizeof(replay_magic));
	if (!is_ours && ftruncate(replay->fd, 0))
		return -errno;
	if (is_ours && read_ring(replay))
		return -errno;
	/* After a boot the file may have lost its last moments: only what is newer than
	 * the start is surely new. */
	if (is_ours && (!boot || strncmp(header.boot, boot, sizeof(header.boot) - 1)))
		raise_floors(replay, (uint64_t)now_s - 1);
	return write_header(replay, boot);
}

int replay_new(
	struct replay **ret_replay, const char *path, const char *boot, int64_t now_s)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	int r = -ENOMEM;

	if (!replay)
		return -ENOMEM;
	replay->fd = -1;
	replay->ring = calloc(REPLAY_MAX, sizeof(*replay->ring));
	replay->floors = calloc(REPLAY_FLOORS, sizeof(*replay->floors));
	replay->chains = calloc(REPLAY_CHAINS, sizeof(*replay->chains));
	replay->next = calloc(REPLAY_MAX, sizeof(*replay->next));
	replay->transactions = calloc(REPLAY_MAX, sizeof(struct transaction *));
	if (replay->ring && replay->floors && replay->chains && replay->next &&
		replay->transactions)
		r = open_file(replay, path, boot, now_s);
	if (r) {
		replay_free(replay);
		return r;
	}
	*ret_replay = replay;
	return 0;
}

void replay_free(struct replay *replay)
{
	if (!replay)
		return;
	replay_flush(replay);
	if (replay->fd >= 0)
		close(replay->fd);
	free(replay->ring);
	free(replay->floors);
	free(replay->chains);
	free(replay->next);
	free(replay->transactions);
	free(replay);
}

/* Entries from..to (orders) that lie in a row in the ring. */
static bool write_range(const struct replay *replay, uint64_t from, uint64_t to)
{
	const uint64_t index = from % REPLAY_MAX;
	const size_t len = (size_t)(to - from + 1) * sizeof(*replay->ring);

	return pwrite(replay->fd, &replay->ring[index], len,
		       (off_t)(sizeof(struct replay_header) +
			       index * sizeof(*replay->ring))) == (ssize_t)len;
}

void replay_flush(struct replay *replay)
{
	while (replay->fd >= 0 && replay->flushed < replay->order) {
		const uint64_t from = replay->flushed + 1;
		const uint64_t round_end = from - from % REPLAY_MAX + REPLAY_MAX - 1;
		const uint64_t to = round_end < replay->order ? round_end : replay->order;

		if (!write_range(replay, from, to)) {
			/* The next flush tries again; only a crash meanwhile forgets. */
			if (!replay->is_failing)
				log_warning("the replay memory cannot be kept: %s",
					strerror(errno));
			replay->is_failing = true;
			if (replay->order - replay->flushed >= REPLAY_MAX)
				replay->flushed = replay->order - REPLAY_MAX;
			return;
		}
		replay->flushed = to;
		replay->is_failing = false;
	}
}

/* ---- entries ---- */

static struct replay_entry *find(
	const struct replay *replay, const uint8_t *mac, uint32_t key_hash)
{
	uint32_t index = *chain_of(replay, mac);

	while (index) {
		struct replay_entry *entry = &replay->ring[index - 1];

		if (entry->key_hash == key_hash &&
			!memcmp(entry->mac, mac, REPLAY_MAC_LEN))
			return entry;
		index = replay->next[index - 1];
	}
	return NULL;
}

void replay_forget(struct replay *replay, struct replay_entry *entry)
{
	const uint32_t index = index_of(replay, entry);
	uint32_t *link = chain_of(replay, entry->mac);

	while (*link != index + 1)
		link = &replay->next[*link - 1];
	*link = replay->next[index];
	if (replay->transactions[index])
		replay->transactions[index]->replay = NULL;
	replay->transactions[index] = NULL;
	entry->state = REPLAY_FREE;
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
	const uint64_t order = replay->order + 1;
	struct replay_entry *entry = &replay->ring[order % REPLAY_MAX];

	if (entry->state != REPLAY_FREE)
		push_out(replay, entry);
	memcpy(entry->mac, mac, REPLAY_MAC_LEN);
	entry->key_hash = key_hash;
	entry->time_signed = time_signed;
	entry->order = order;
	entry->state = REPLAY_IN_PROGRESS;
	link_entry(replay, entry);
	replay->order = order;
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

struct transaction *replay_transaction(
	const struct replay *replay, const struct replay_entry *entry)
{
	return replay->transactions[index_of(replay, entry)];
}

void replay_set_transaction(struct replay *replay, struct replay_entry *entry,
	struct transaction *transaction)
{
	replay->transactions[index_of(replay, entry)] = transaction;
	transaction->replay = entry;
}

void replay_answer(struct replay *replay, struct replay_entry *entry,
	const struct verdict *verdict, bool is_journalled)
{
	const uint32_t index = index_of(replay, entry);

	entry->rcode = verdict->rcode;
	entry->ede = verdict->ede;
	entry->state = REPLAY_ANSWERED;
	if (replay->transactions[index])
		replay->transactions[index]->replay = NULL;
	replay->transactions[index] = NULL;
	/* The file has it as in progress, from an earlier turn. */
	if (!is_journalled && entry->order <= replay->flushed &&
		!write_range(replay, entry->order, entry->order))
		replay->flushed = entry->order - 1;
}

struct verdict replay_verdict(const struct replay_entry *entry)
{
	if (entry->rcode == RCODE_NOERROR)
		return verdict_ok();
	return verdict_refuse(entry->rcode, entry->ede,
		"the same message came before and got this answer");
}

void replay_restore(struct replay *replay, const uint8_t *key_name, const uint8_t *mac,
	uint64_t time_signed, uint16_t rcode)
{
	const struct verdict verdict = {.rcode = rcode, .ede = EDE_NONE};
	const uint32_t key_hash = name_hash(key_name);
	struct replay_entry *entry = find(replay, mac, key_hash);

	if (!entry)
		entry = remember(replay, mac, key_hash, time_signed);
	replay_answer(replay, entry, &verdict, true);
}
