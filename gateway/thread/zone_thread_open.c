/*
 * A zone thread's connection to the database: opened, followed and closed.
 */
#include "gateway/thread/zone_thread.h"

#include <string.h>

#include "gateway/base/log.h"

int zone_thread_open_store(struct zone_thread *thread, struct database *database)
{
	char error[STORE_ERROR_MAX] = "";
	int r;

	thread->database = database;
	thread->journal = database->journal;
	thread->store_ops = database->store_ops;
	thread->generation = journal_generation(database->journal);
	r = thread->store_ops->open(&thread->store, database->path, error);
	if (r)
		log_error("database %s: %s", database->path,
			error[0] ? error : strerror(-r));
	return r;
}

static void open_store_again(struct zone_thread *thread)
{
	char error[STORE_ERROR_MAX];
	struct store *store;

	if (thread->store_ops->open(&store, thread->database->path, error)) {
		log_error("database %s: %s", thread->database->path, error);
		return;
	}
	thread->store_ops->close(thread->store);
	thread->store = store;
	thread->generation = journal_generation(thread->journal);
}

bool zone_thread_follow_store(struct zone_thread *thread)
{
	if (thread->generation == journal_generation(thread->journal))
		return false;
	open_store_again(thread);
	database_lock_again(thread->database);
	return true;
}

void zone_thread_close_store(struct zone_thread *thread)
{
	if (thread->store)
		thread->store_ops->close(thread->store);
}
