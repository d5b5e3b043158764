/*
 * The memory store: what tests have it do.
 */
#include <errno.h>

#include "tests/unit/store_memory_private.h"

void store_memory_fail_commits(const char *path, unsigned count, int error)
{
	struct memory_database *database = memory_lock_by_path(path);

	database->failing = count;
	database->failure = error;
	memory_unlock(database);
}

void store_memory_hold(const char *path)
{
	struct memory_database *database = memory_lock_by_path(path);

	database->is_held = true;
	memory_unlock(database);
}

void store_memory_release(const char *path)
{
	struct memory_database *database = memory_lock_by_path(path);

	database->is_held = false;
	pthread_cond_broadcast(&database->released);
	memory_unlock(database);
}

void store_memory_hold_reads(const char *path, bool is_held)
{
	struct memory_database *database = memory_lock_by_path(path);

	database->is_reading_held = is_held;
	pthread_cond_broadcast(&database->released);
	memory_unlock(database);
}

void store_memory_fail_reads(const char *path, unsigned count)
{
	struct memory_database *database = memory_lock_by_path(path);

	database->failing_reads = count;
	memory_unlock(database);
}

int memory_lock_to_read(struct store *store, struct memory_database **ret_database)
{
	struct memory_database *database = memory_lock(store);

	while (database->is_reading_held)
		pthread_cond_wait(&database->released, &database->lock);
	if (database->failing_reads) {
		database->failing_reads--;
		memory_unlock(database);
		return memory_fail(store, EIO, "the disk cannot be read");
	}
	*ret_database = database;
	return 0;
}
