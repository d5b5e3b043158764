/*
 * Pruning, in small steps, so that no commit waits long for one.
 */
#include "gateway/thread/pruning.h"

#include <stdlib.h>

#include "gateway/base/timer.h"

enum {
	PRUNING_S = 600,      /* between two prunings of the journal */
	PRUNING_STEP_MS = 50, /* between two steps of one */
};

struct pruning {
	struct journal_op op;
	struct zone_thread *thread;
	struct event *timer;
	uint64_t from; /* where the next step begins; 0: anew */
	unsigned audit_days;
};

static void start_timer(struct pruning *pruning, uint64_t next)
{
	struct timeval pause = {.tv_sec = PRUNING_S};

	if (next)
		pause = (struct timeval){.tv_usec = PRUNING_STEP_MS * 1000};
	pruning->from = next;
	timer_set(pruning->timer, &pause);
}

static void on_pruned(struct journal_op *op, void *arg)
{
	start_timer(arg, op->result ? 0 : op->seq);
}

static void on_timer(evutil_socket_t fd, short events, void *arg)
{
	struct pruning *pruning = arg;

	(void)fd;
	(void)events;
	pruning->op = (struct journal_op){
		.kind = JOURNAL_PRUNE,
		.seq = pruning->from,
		.at_ms = turn_real_ms(&pruning->thread->time) -
			(int64_t)pruning->audit_days * 24 * 3600 * 1000,
		.done = on_pruned,
		.arg = pruning,
	};
	zone_thread_submit(pruning->thread, &pruning->op);
}

struct pruning *pruning_new(struct zone_thread *thread, unsigned audit_days)
{
	struct pruning *pruning = calloc(1, sizeof(*pruning));

	if (!pruning)
		return NULL;
	pruning->thread = thread;
	pruning->audit_days = audit_days;
	pruning->timer = event_new(thread->base, -1, 0, on_timer, pruning);
	if (!pruning->timer) {
		free(pruning);
		return NULL;
	}
	start_timer(pruning, 0);
	return pruning;
}

void pruning_configure(struct pruning *pruning, unsigned audit_days)
{
	pruning->audit_days = audit_days;
}

void pruning_free(struct pruning *pruning)
{
	if (!pruning)
		return;
	event_free(pruning->timer);
	free(pruning);
}
