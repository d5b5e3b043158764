/*
 * Opens and closes the database, and numbers its rows (database.h).
 */
#include "gateway/thread/database.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/supervise.h"

#define LOCK_SUFFIX "-lock" /* of the database's path: the file that is locked */

/* ---- opening ---- */

/* Two gateways on one database would each serve half of the changes. */
static int lock_database(struct database *database)
{
	database->lock = supervise_lock(database->path, LOCK_SUFFIX);
	if (database->lock >= 0)
		return 0;
	log_error("database %s: %s", database->path,
		database->lock == -EWOULDBLOCK ? "another musterd uses it"
					       : strerror(-database->lock));
	return database->lock;
}

static void tell_older(const struct database *database, uint64_t last_seq)
{
	const time_t at_s = high_water_at_ms(database->mark) / 1000;
	char at[32] = "";
	struct tm tm;

	if (gmtime_r(&at_s, &tm))
		strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm);
	log_error(
		"database %s: %s (up to change %llu, at %s): it was restored or lost.  "
		"Changes since then are missing from zones whose first target is "
		"local, from the audit and from the leases: records that got a lease "
		"since have none now, and stay.  Changes that were still to be delivered "
		"are not delivered, since newer ones may have been",
		database->path,
		last_seq ? "it is older than what was acknowledged"
			 : "it is empty, although changes were acknowledged",
		(unsigned long long)high_water_seq(database->mark), at);
}

/* No number is given out twice. */
static void take_last_seq(struct database *database, uint64_t last_seq)
{
	const uint64_t promised = high_water_seq(database->mark);

	database->is_older = last_seq < promised;
	if (database->is_older) {
		tell_older(database, last_seq);
		last_seq = promised;
	}
	atomic_init(&database->last_seq, last_seq ? last_seq : 1);
}

int database_read(const struct database *database,
	int (*read)(const struct store_ops *ops, struct store *store, void *arg),
	void *arg)
{
	const struct store_ops *ops = database->store_ops;
	char error[STORE_ERROR_MAX] = "";
	struct store *store;
	int r = ops->open(&store, database->path, error);

	if (!r) {
		r = read(ops, store, arg);
		if (r)
			snprintf(error, sizeof(error), "%s", ops->error(store));
		ops->close(store);
	}
	if (r)
		log_error("database %s: %s", database->path,
			error[0] ? error : strerror(-r));
	return r;
}

static int read_last_seq(const struct store_ops *ops, struct store *store, void *arg)
{
	uint64_t last_seq;
	const int r = ops->last_seq(store, &last_seq);

	if (!r)
		take_last_seq(arg, last_seq);
	return r;
}

int database_open(struct database *database, const struct store_ops *ops,
	const struct config *config)
{
	char error[STORE_ERROR_MAX] = "";
	int r;

	*database = (struct database){.store_ops = ops, .lock = -1};
	pthread_mutex_init(&database->lock_lock, NULL);
	database->path = strdup(config->database);
	r = database->path ? lock_database(database) : -ENOMEM;
	if (!r)
		r = high_water_open(&database->mark, database->path);
	if (r)
		return r;
	database->share = journal_share_new(JOURNAL_FILE_MAX);
	if (!database->share)
		return -ENOMEM;
	r = journal_new(&database->journal, ops, database->path, error);
	if (r) {
		log_error("database %s: %s", database->path,
			error[0] ? error : strerror(-r));
		return r;
	}
	return database_read(database, read_last_seq, database);
}

void database_lock_again(struct database *database)
{
	int lock;

	pthread_mutex_lock(&database->lock_lock);
	lock = supervise_lock(database->path, LOCK_SUFFIX);
	if (lock >= 0) { /* otherwise ours is in place, or another gateway was faster */
		close(database->lock);
		database->lock = lock;
	}
	pthread_mutex_unlock(&database->lock_lock);
}

void database_close(struct database *database)
{
	journal_free(database->journal);
	high_water_close(database->mark);
	journal_share_free(database->share);
	if (database->lock >= 0)
		close(database->lock);
	pthread_mutex_destroy(&database->lock_lock);
	free(database->path);
}

/* ---- numbers ---- */

void database_add_thread(struct database *database, struct database_numbers *numbers)
{
	atomic_init(&numbers->pending, DATABASE_NONE_PENDING);
	database->threads[database->thread_count++] = numbers;
}

uint64_t database_next_seq(struct database *database, struct database_numbers *numbers)
{
	/* This precedes giving out the number, so that a thread that sees the counter
	 * beyond it does not take the row for settled. */
	if (atomic_load_explicit(&numbers->pending, memory_order_relaxed) ==
		DATABASE_NONE_PENDING)
		atomic_store(&numbers->pending, atomic_load(&database->last_seq) + 1);
	numbers->last = atomic_fetch_add(&database->last_seq, 1) + 1;
	return numbers->last;
}

void database_note_back(struct database_numbers *numbers, uint64_t seq)
{
	atomic_store_explicit(&numbers->pending,
		seq == numbers->last ? DATABASE_NONE_PENDING : seq + 1,
		memory_order_release);
}

uint64_t database_last_seq(const struct database *database)
{
	return atomic_load(&database->last_seq);
}

void database_pass_seq(struct database *database, uint64_t seq)
{
	uint_fast64_t last = atomic_load(&database->last_seq);

	while (last < seq &&
		!atomic_compare_exchange_weak(&database->last_seq, &last, seq))
		;
}

uint64_t database_settled_seq(const struct database *database)
{
	uint64_t settled = atomic_load(&database->last_seq);

	for (size_t i = 0; i < database->thread_count; i++) {
		const uint64_t pending = atomic_load(&database->threads[i]->pending);

		if (pending <= settled)
			settled = pending - 1;
	}
	return settled;
}
