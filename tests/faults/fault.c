/*
 * Which call fails.
 */
#include "tests/faults/fault.h"

#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DEPTH = 3, FRAMES_MAX = 24 };

extern const char __executable_start; /* the linker's */

static struct fault_control own = {.depth = DEPTH};
static struct fault_control *control = &own;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool is_inside; /* backtrace may allocate */
static _Thread_local bool is_spared;

static void share(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *shared = fd < 0
		? MAP_FAILED
		: mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (shared == MAP_FAILED) {
		perror(path);
		_exit(2);
	}
	close(fd);
	control = shared;
}

/* Before main: the first call may be the one. */
__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAULT_CONTROL");
	void *frames[1];

	backtrace(frames, 1); /* loads what it needs */
	fault_hook_sqlite();
	if (path)
		share(path);
}

struct fault_control *fault_control(void)
{
	return control;
}

void fault_arm(uint32_t kinds, uint32_t nth)
{
	control->nth = nth;
	control->calls = 0;
	control->has_failed = 0;
	control->caller = 0;
	__atomic_store_n(&control->kinds, kinds, __ATOMIC_SEQ_CST);
}

bool fault_has_failed(void)
{
	return __atomic_load_n(&control->has_failed, __ATOMIC_SEQ_CST);
}

bool fault_spare(bool spared)
{
	const bool was_spared = is_spared;

	is_spared = spared;
	return was_spared;
}

bool fault_disarm(void)
{
	__atomic_store_n(&control->kinds, 0, __ATOMIC_SEQ_CST);
	return fault_has_failed();
}

static uint64_t offset_of(const void *address)
{
	return (uint64_t)((const char *)address - &__executable_start);
}

/* FNV-1a over where the calls come from; the program may be loaded elsewhere each
 * time. */
static uint64_t hash_place(void *const *frames, int count, const char *name)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3;
	for (int i = 0; i < count; i++)
		hash = (hash ^ offset_of(frames[i])) * 0x100000001b3;
	return hash ? hash : 1;
}

/* True: it was not there, and is now. */
static bool add_place(uint64_t place)
{
	uint64_t i = place % FAULT_PLACES_MAX;

	if (control->place_count >= FAULT_PLACES_MAX / 2)
		return false;
	for (; control->places[i]; i = (i + 1) % FAULT_PLACES_MAX) {
		if (control->places[i] == place)
			return false;
	}
	control->places[i] = place;
	control->place_count++;
	return true;
}

/* The frame of whoever called the wrap, which called fault_here; -1: not known. */
static int find_callers(void *const *frames, int count, const void *wrap)
{
	for (int i = 0; i + 1 < count; i++) {
		if (frames[i] == wrap)
			return i + 1;
	}
	return -1;
}

static bool is_chosen(const char *name, const void *wrap)
{
	const int depth = (int)control->depth;
	void *frames[FRAMES_MAX];
	int count, first;

	control->calls++;
	if (control->nth && control->calls != control->nth)
		return false;
	count = backtrace(frames, FRAMES_MAX);
	first = find_callers(frames, count, wrap);
	if (first < 0)
		return false;
	count = count - first < depth ? count - first : depth;
	if (!control->nth && !add_place(hash_place(frames + first, count, name)))
		return false;
	control->caller = offset_of(frames[first]);
	return true;
}

__attribute__((noinline)) bool fault_here(enum fault_kind kind, const char *name)
{
	bool fails = false;

	if (!(__atomic_load_n(&control->kinds, __ATOMIC_SEQ_CST) & kind) || is_inside ||
		is_spared)
		return false;
	is_inside = true;
	pthread_mutex_lock(&lock);
	if ((control->kinds & kind) && is_chosen(name, __builtin_return_address(0))) {
		fails = true;
		snprintf(control->name, sizeof(control->name), "%s", name);
		__atomic_store_n(&control->kinds, 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&control->has_failed, 1, __ATOMIC_SEQ_CST);
	}
	pthread_mutex_unlock(&lock);
	is_inside = false;
	return fails;
}
