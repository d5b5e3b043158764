/*
 * The reserve: a list of blocks of one size, under a lock that is only taken when the
 * system has no memory, or when a block comes back.
 */
#include "gateway/base/event_memory.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

union block {
	union block *next; /* while it is free */
	uint8_t octets[EVENT_MEMORY_BLOCK];
	max_align_t align;
};

static struct {
	pthread_mutex_t lock;
	union block *blocks; /* all of them; lives as long as the process */
	union block *free;   /* under lock */
	atomic_size_t used;
} reserve = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_block(const void *memory)
{
	return (uintptr_t)memory >= (uintptr_t)reserve.blocks &&
		(uintptr_t)memory < (uintptr_t)(reserve.blocks + EVENT_MEMORY_BLOCKS);
}

static void *take_block(size_t len)
{
	union block *block;

	if (len > EVENT_MEMORY_BLOCK)
		return NULL;
	pthread_mutex_lock(&reserve.lock);
	block = reserve.free;
	if (block) {
		reserve.free = block->next;
		atomic_fetch_add(&reserve.used, 1);
	}
	pthread_mutex_unlock(&reserve.lock);
	return block;
}

static void give_back(union block *block)
{
	pthread_mutex_lock(&reserve.lock);
	block->next = reserve.free;
	reserve.free = block;
	atomic_fetch_sub(&reserve.used, 1);
	pthread_mutex_unlock(&reserve.lock);
}

/* ---- what libevent calls ---- */

static void *allocate(size_t len)
{
	void *memory = malloc(len);

	return memory ? memory : take_block(len);
}

static void release(void *memory)
{
	if (is_block(memory))
		give_back(memory);
	else
		free(memory);
}

static void *grow_block(void *block, size_t len)
{
	void *moved;

	if (len <= EVENT_MEMORY_BLOCK)
		return block;
	moved = malloc(len);
	if (moved) {
		memcpy(moved, block, EVENT_MEMORY_BLOCK);
		give_back(block);
	}
	return moved;
}

static void *move_to_block(void *memory, size_t len)
{
	const size_t had = memory ? malloc_usable_size(memory) : 0;
	void *block = take_block(len);

	if (block && memory) {
		memcpy(block, memory, had < len ? had : len);
		free(memory);
	}
	return block;
}

static void *reallocate(void *memory, size_t len)
{
	void *moved;

	if (is_block(memory))
		return grow_block(memory, len);
	moved = realloc(memory, len);
	return moved ? moved : move_to_block(memory, len);
}

int event_memory_install(void)
{
	reserve.blocks = calloc(EVENT_MEMORY_BLOCKS, sizeof(*reserve.blocks));
	if (!reserve.blocks)
		return -ENOMEM;
	for (size_t i = 0; i < EVENT_MEMORY_BLOCKS; i++) {
		reserve.blocks[i].next = reserve.free;
		reserve.free = &reserve.blocks[i];
	}
	event_set_mem_functions(allocate, reallocate, release);
	return 0;
}

bool event_memory_is_short(void)
{
	return atomic_load(&reserve.used) > EVENT_MEMORY_BLOCKS / 2;
}
