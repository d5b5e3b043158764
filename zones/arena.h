/*
 * Octets that are copied one after another and freed together.
 *
 * Octets never move before arena_free.  There is no limit here; callers have their own.
 */
#ifndef MUSTER_ARENA_H
#define MUSTER_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena_chunk;

struct arena {
	/* newest first; the owner frees them with arena_free() */
	struct arena_chunk *chunks;
	uint8_t *free_at; /* free octets of the newest chunk, or of the owner's buffer */
	size_t free_len;
};

/* Adds a chunk of size octets; the rest of the previous one is given up.  0 or
 * -ENOMEM. */
int arena_grow(struct arena *arena, size_t size);
void arena_free(struct arena_chunk *chunks); /* NULL is harmless */

/* Ensures len free octets; a new chunk has at least chunk_len.  0 or -ENOMEM. */
static inline int arena_reserve(struct arena *arena, size_t len, size_t chunk_len)
{
	if (arena->free_len >= len)
		return 0;
	return arena_grow(arena, len > chunk_len ? len : chunk_len);
}

/* Takes octets that have been reserved. */
static inline uint8_t *arena_take(struct arena *arena, size_t len)
{
	uint8_t *taken = arena->free_at;

	arena->free_at += len;
	arena->free_len -= len;
	return taken;
}

#endif
