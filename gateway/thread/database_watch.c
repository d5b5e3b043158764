/*
 * Finds out whether the database works.
 */
#include "gateway/thread/database_watch.h"

#include <stdlib.h>

enum {
	LOOK_MS = 5000,  /* between two looks at the files, and at how full they are */
	RETRY_MS = 1000, /* between two attempts to write while it fails */
};

struct database_watch {
	struct journal_op op;
	struct zone_thread *thread;
	struct alarm alarm;
};

static void set_alarm(struct database_watch *watch)
{
	alarm_set_in(&watch->alarm,
		journal_is_failing(watch->thread->journal) ? RETRY_MS : LOOK_MS);
}

static void on_back(struct journal_op *op, void *arg)
{
	struct database_watch *watch = arg;

	if (!op->result && op->used)
		journal_share_note(watch->thread->database->share, op->used);
	set_alarm(watch);
}

static void on_alarm(void *arg)
{
	struct database_watch *watch = arg;

	watch->op = (struct journal_op){
		.kind = journal_is_failing(watch->thread->journal) ? JOURNAL_PROBE
								   : JOURNAL_BARRIER,
		.done = on_back,
		.arg = watch,
	};
	zone_thread_submit(watch->thread, &watch->op);
}

struct database_watch *database_watch_new(struct zone_thread *thread)
{
	struct database_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->thread = thread;
	alarm_init(&watch->alarm, &thread->alarms, on_alarm, watch);
	alarm_set_in(&watch->alarm, 0);
	return watch;
}

void database_watch_free(struct database_watch *watch)
{
	if (!watch)
		return;
	alarm_stop(&watch->alarm);
	free(watch);
}
