/* Octets that are copied one after another and freed together (arena.h). */
#include "zones/arena.h"

#include <errno.h>
#include <stdlib.h>

struct arena_chunk {
	struct arena_chunk *next;
	uint8_t octets[];
};

int arena_grow(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = malloc(sizeof(*chunk) + size);

	if (!chunk)
		return -ENOMEM;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->free_at = chunk->octets;
	arena->free_len = size;
	return 0;
}

void arena_free(struct arena_chunk *chunks)
{
	struct arena_chunk *next;

	for (; chunks; chunks = next) {
		next = chunks->next;
		free(chunks);
	}
}
