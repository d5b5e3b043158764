/*
 * Opens and closes the database (database.h).
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

static void tell_older(const struct database *database, bool has_rows)
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
		has_rows ? "it is older than what was acknowledged"
			 : "it is empty, although changes were acknowledged",
		(unsigned long long)high_water_seq(database->mark), at);
}

/* No number is given out twice.  1: there has never been one. */
static void compare_with_mark(struct database *database)
{
	const uint64_t last_seq = journal_last_seq(database->journal);
	const uint64_t promised = high_water_seq(database->mark);

	database->is_older = last_seq < promised;
	if (!database->is_older)
		return;
	tell_older(database, last_seq > 1);
	journal_pass_seq(database->journal, promised);
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
	compare_with_mark(database);
	return 0;
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
