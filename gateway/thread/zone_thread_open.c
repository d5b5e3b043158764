/*
 * Starts and ends a zone thread's reader of the database, and follows its files.
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
}

static int open_reader(struct zone_thread *thread)
{
	const struct reader_user user = {.back = on_read, .arg = thread};

	return reader_new(&thread->reader, "zone-reads", thread->base,
		thread->database->store_ops, thread->database->path, &user);
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

int zone_thread_open_database(struct zone_thread *thread, struct database *database)
{
	int r;

	thread->database = database;
	thread->journal = database->journal;
	thread->generation = journal_generation(database->journal);
	r = open_reader(thread);
	if (r)
		log_error("database %s: %s", database->path, strerror(-r));
	return r;
}

bool zone_thread_follow_database(struct zone_thread *thread)
{
	const unsigned generation = journal_generation(thread->journal);

	if (thread->generation == generation)
		return false;
	thread->generation = generation;
	database_lock_again(thread->database);
	return true;
}

void zone_thread_close_database(struct zone_thread *thread)
{
	close_reader(thread);
}
