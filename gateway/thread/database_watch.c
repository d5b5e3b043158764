/*
 * Whether the database works.
 */
#include "gateway/thread/database_watch.h"

#include <stdlib.h>

#include "gateway/base/log.h"

enum {
	LOOK_MS = 5000,  /* between two looks at the files */
	RETRY_MS = 1000, /* between two attempts to write while it fails */
};

struct database_watch {
	struct journal_op op;
	struct zone_thread *thread;
	struct alarm alarm;
};

static void set_alarm(struct database_watch *watch)
{
	alarm_set_in(&watch->alarm, watch->thread->is_failing ? RETRY_MS : LOOK_MS);
}

static void on_back(struct journal_op *op, void *arg)
{
	(void)op;
	set_alarm(arg);
}

static void on_alarm(void *arg)
{
	struct database_watch *watch = arg;

	watch->op = (struct journal_op){
		.kind = watch->thread->is_failing ? JOURNAL_PROBE : JOURNAL_BARRIER,
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
	set_alarm(watch);
	return watch;
}

void database_watch_free(struct database_watch *watch)
{
	if (!watch)
		return;
	alarm_stop(&watch->alarm);
	free(watch);
}

static void note_failure(struct zone_thread *thread)
{
	char error[STORE_ERROR_MAX];

	if (thread->is_failing)
		return;
	thread->is_failing = true;
	journal_last_error(thread->journal, error);
	log_error("the database fails: %s; updates are refused until it works", error);
}

/* Not everything writes something. */
static bool has_written(const struct journal_op *op)
{
	return op->kind != JOURNAL_BARRIER && op->kind != JOURNAL_PRUNE;
}

void database_watch_note(struct zone_thread *thread, const struct journal_op *op)
{
	if (op->result) {
		note_failure(thread);
		return;
	}
	if (op->kind == JOURNAL_APPEND && op->seq > thread->durable_seq)
		thread->durable_seq = op->seq;
	if (!thread->is_failing || !has_written(op))
		return;
	thread->is_failing = false;
	log_info("the database works again");
}
