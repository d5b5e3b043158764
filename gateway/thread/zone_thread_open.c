/*
 * Opens, follows and closes a zone thread's connection to the database.
 */
#include "gateway/thread/zone_thread.h"

#include <string.h>

#include "gateway/base/log.h"

static void on_read(struct reader_job *job, void *arg)
{
	struct zone_thread *thread = arg;
	struct thread_read *read = (struct thread_read *)(void *)job;

	thread->in_reader--;
	read->done(read);
	zone_thread_run_tasks(thread);
}

static int open_reader(struct zone_thread *thread)
{
	const struct reader_user user = {.back = on_read, .arg = thread};

	return reader_new(&thread->reader, "zone-reads", thread->base, thread->store_ops,
		thread->database->path, &user);
}

/* The asker is gone. */
static void close_reader(struct zone_thread *thread)
{
	struct reader_job *job;

	reader_stop(thread->reader);
	while (thread->reader && (job = reader_take_left(thread->reader)))
		on_read(job, thread);
	reader_free(thread->reader);
}

int zone_thread_open_store(struct zone_thread *thread, struct database *database)
{
	char error[STORE_ERROR_MAX] = "";
	int r;

	thread->database = database;
	thread->journal = database->journal;
	thread->store_ops = database->store_ops;
	thread->generation = journal_generation(database->journal);
	r = thread->store_ops->open(&thread->store, database->path, error);
	if (!r)
		r = open_reader(thread);
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
	close_reader(thread);
	if (thread->store)
		thread->store_ops->close(thread->store);
}
