/*
 * Prunes in small steps, so that no commit waits long for one.
 */
#include "gateway/thread/pruning.h"

#include <stdlib.h>

enum {
	PRUNING_S = 600,      /* between two prunings of the journal */
	PRUNING_STEP_MS = 50, /* between two steps of one */
};

struct pruning {
	struct journal_op op;
	struct zone_thread *thread;
	struct alarm alarm;
	uint64_t from; /* where the next step begins; 0: from the start */
	unsigned audit_days;
};

static void set_alarm(struct pruning *pruning, uint64_t next)
{
	pruning->from = next;
	alarm_set_in(&pruning->alarm, next ? PRUNING_STEP_MS : PRUNING_S * 1000);
}

static void on_pruned(struct journal_op *op, void *arg)
{
	set_alarm(arg, op->result ? 0 : op->seq);
}

static void on_alarm(void *arg)
{
	struct pruning *pruning = arg;

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
	alarm_init(&pruning->alarm, &thread->alarms, on_alarm, pruning);
	set_alarm(pruning, 0);
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
	alarm_stop(&pruning->alarm);
	free(pruning);
}
