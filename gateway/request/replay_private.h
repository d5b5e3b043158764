/*
 * What the files of the memory of requests share.  See replay.h.
 */
#ifndef MUSTER_REPLAY_PRIVATE_H
#define MUSTER_REPLAY_PRIVATE_H

#include <pthread.h>

#include "gateway/request/replay.h"

enum replay_state { REPLAY_FREE, REPLAY_IN_PROGRESS, REPLAY_ANSWERED };

struct replay_entry {
	uint8_t fingerprint[SIGNER_FINGERPRINT_LEN];
	uint64_t time_signed; /* seconds since 1970 */
	uint64_t order;       /* the hand's position when it was added, from 1 */
	uint64_t key;         /* replay_key.hash */
	uint16_t rcode;       /* once answered */
	int16_t ede;
	uint32_t state; /* enum replay_state */
};

/* A key, identified by a seeded hash of 64 bits of its name: two names with the same
 * hash would share a floor, but that does not happen in practice. */
struct replay_key {
	uint64_t hash;     /* 0: a free place */
	uint64_t floor;    /* the newest time signed that was forgotten; 0: none */
	uint32_t count;    /* entries */
	uint32_t floor_at; /* index + 1 of its floor among the floors; 0: none */
};

/* A floor, as in the file.  Older floors of a key are also true, and may be
 * overwritten. */
struct replay_floor {
	uint64_t key; /* 0: none */
	uint64_t time_signed;
};

struct replay {
	pthread_mutex_t lock;
	int fd;
	char *path;      /* of the file */
	uint32_t places; /* for messages; a power of two */
	/* shift of a hash, for the index of one of 2 * places chains */
	unsigned chain_shift;
	bool is_whole;   /* replay_is_whole */
	bool is_failing; /* the file could not be written; it says so if possible */
	unsigned window_s;
	int64_t now_s, retry_s; /* real time of the last look, and of the last attempt
	                         * to write everything after a failure */
	struct name_seed seed;  /* of the file's hashes */
	char boot[64];
	uint64_t floor; /* of all keys: the file was incomplete; 0: it was complete */

	struct replay_entry *ring;     /* places */
	uint64_t hand;                 /* the next position; its place is hand % places */
	uint64_t flushed;              /* the file has everything before this position */
	uint64_t again_from, again_to; /* places before that which have changed; from
	                                * == to: none */
	uint32_t *chains;              /* index + 1 of the first entry; 0: none */
	uint32_t *next;                /* for each entry, index + 1; 0: the last */
	struct request **requests;     /* of each entry in progress */

	/* Keys: open addressing, room is a power of two. */
	struct replay_key *keys;
	size_t key_room, key_count;
	uint32_t *holders; /* [n]: keys with n entries or more; places + 1 */
	uint32_t level;    /* number of entries that each key keeps */
	size_t kept;       /* entries up to the level, of all keys: at most half of the
	              * places */

	/* Floors: a second ring, whose hand skips the newest floor of each key. */
	struct replay_floor *floors;
	size_t floor_room, floor_hand;
	size_t floor_count;   /* keys whose newest floor is here */
	size_t floor_flushed; /* the file has everything before this index */
};

/* ---- replay.c ---- */

/* Is the window for messages signed then over? */
static inline bool replay_is_over(
	const struct replay *replay, uint64_t time_signed, int64_t now_s)
{
	return (int64_t)time_signed + replay->window_s < now_s;
}

/* Takes an entry read from the file, if it is valid. */
void replay_take_entry(struct replay *replay, uint32_t index);

/* ---- replay_key.c ---- */

int replay_keys_init(struct replay *replay);
void replay_keys_clear(struct replay *replay);

uint64_t replay_hash_key(const struct replay *replay, const uint8_t *name);
/* NULL: there is no key with this hash. */
struct replay_key *replay_find_key(const struct replay *replay, uint64_t hash);
/* Finds or makes it; NULL: no memory.  Pointers to others become invalid. */
struct replay_key *replay_get_key(struct replay *replay, uint64_t hash, int64_t now_s);
/* The key has one more entry, or one less. */
void replay_hold(struct replay *replay, struct replay_key *key);
void replay_release(struct replay *replay, struct replay_key *key);
/* A message of this key was forgotten while it might come again. */
void replay_raise_floor(struct replay *replay, struct replay_key *key,
	uint64_t time_signed, int64_t now_s);
/* Takes a floor read from the file. */
int replay_take_floor(struct replay *replay, size_t index, int64_t now_s);
int replay_grow_floors(struct replay *replay, size_t room);

/* ---- replay_file.c ---- */

int replay_file_open(
	struct replay *replay, const char *path, const char *boot, int64_t now_s);
/* Writes the new floors. */
void replay_flush_floors(struct replay *replay);
/* An entry that the file already has, has changed. */
void replay_write_again(struct replay *replay, uint32_t index);
/* Something cannot be written: records that in the file, for the next start. */
void replay_file_fail(struct replay *replay);
/* Floor or window have changed. */
void replay_file_note(struct replay *replay);

#endif
