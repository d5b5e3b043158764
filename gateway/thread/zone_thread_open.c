/*
 * The zone thread's store: the database, opened, followed and closed.
 */
#include "gateway/thread/zone_thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/supervise.h"

#define LOCK_SUFFIX "-lock" /* of the database's path: the file that is locked */

/* Two gateways on one database would each serve half of the truth. */
static int lock_database(struct zone_thread *thread, const char *database)
{
	thread->lock = supervise_lock(database, LOCK_SUFFIX);
	if (thread->lock >= 0)
		return 0;
	log_error("database %s: %s", database,
		thread->lock == -EWOULDBLOCK ? "another musterd uses it"
					     : strerror(-thread->lock));
	return thread->lock;
}

/* ---- how far it was promised ---- */

static void tell_older(const struct zone_thread *thread)
{
	const time_t at_s = high_water_at_ms(thread->mark) / 1000;
	char at[32] = "";
	struct tm tm;

	if (gmtime_r(&at_s, &tm))
		strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm);
	log_error(
		"database %s: %s, but changes up to %llu were acknowledged, the last "
		"at %s: it was put back or lost.  The difference is gone from zones with "
		"a local target first, and from audit and leases: what got a lease since "
		"has none now, and stays.  What it still has to deliver is not "
		"delivered, "
		"since newer changes may have been",
		thread->database,
		thread->last_seq ? "it is older than it was" : "it is empty",
		(unsigned long long)high_water_seq(thread->mark), at);
}

static void check_history(struct zone_thread *thread)
{
	if (thread->last_seq >= high_water_seq(thread->mark))
		return;
	tell_older(thread);
	thread->is_older = true;
	/* No number is given out twice. */
	thread->last_seq = high_water_seq(thread->mark);
}

int zone_thread_open_store(struct zone_thread *thread, const struct config *config)
{
	const char *database = thread->database = config->database;
	char error[STORE_ERROR_MAX] = "";
	int r = lock_database(thread, database);

	if (!r)
		r = high_water_open(&thread->mark, database);
	if (r)
		return r;
	thread->share = journal_share_new(JOURNAL_FILE_MAX);
	if (!thread->share)
		return -ENOMEM;
	r = journal_new(&thread->journal, thread->store_ops, database, error);
	if (!r)
		r = thread->store_ops->open(&thread->store, database, error);
	if (r) {
		log_error("database %s: %s", database, error[0] ? error : strerror(-r));
		return r;
	}
	r = thread->store_ops->last_seq(thread->store, &thread->last_seq);
	if (!r)
		check_history(thread);
	if (thread->last_seq == 0)
		thread->last_seq = 1;
	if (r)
		log_error("database %s: %s", database,
			thread->store_ops->error(thread->store));
	return r;
}

static void open_store_again(struct zone_thread *thread)
{
	char error[STORE_ERROR_MAX];
	struct store *store;

	if (thread->store_ops->open(&store, thread->database, error)) {
		log_error("database %s: %s", thread->database, error);
		return;
	}
	thread->store_ops->close(thread->store);
	thread->store = store;
	thread->generation = journal_generation(thread->journal);
}

/* Whoever removed the database has mostly removed these too. */
static void lock_again(struct zone_thread *thread)
{
	const int lock = supervise_lock(thread->database, LOCK_SUFFIX);

	if (lock < 0)
		return; /* ours is in place; or another gateway was quicker */
	close(thread->lock);
	thread->lock = lock;
}

bool zone_thread_follow_store(struct zone_thread *thread)
{
	if (thread->generation == journal_generation(thread->journal))
		return false;
	open_store_again(thread);
	lock_again(thread);
	return true;
}

void zone_thread_close_store(struct zone_thread *thread)
{
	if (thread->store)
		thread->store_ops->close(thread->store);
	high_water_close(thread->mark);
	journal_share_free(thread->share);
	if (thread->lock >= 0)
		close(thread->lock);
}
