/*
 * How the parts of a zone thread use the journal, and how they defer tasks.
 */
#include "gateway/thread/zone_thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void zone_thread_submit(struct zone_thread *thread, struct journal_op *op)
{
	op->client = &thread->client;
	thread->in_journal++;
	if (op->outstanding)
		++*op->outstanding;
	queue_list_append(&thread->submissions, &op->node);
}

void zone_thread_take_back(struct zone_thread *thread, struct journal_op *op)
{
	thread->in_journal--;
	thread->is_broken |= op->result != 0;
	if (op->kind == JOURNAL_APPEND && !op->result)
		thread->durable_seq = op->seq;
	if (op->outstanding)
		--*op->outstanding;
	op->done(op, op->arg);
}

void zone_thread_read(struct zone_thread *thread, struct thread_read *read)
{
	thread->in_reader++;
	reader_submit(thread->reader, &read->job);
}

/* ---- notes ---- */

struct note {
	struct journal_op op;
	char target[];
};

static void on_note_done(struct journal_op *op, void *arg)
{
	(void)op;
	free(arg);
}

bool zone_thread_submit_note(struct zone_thread *thread, const struct journal_op *op)
{
	const char *target = op->target ? op->target : "";
	struct note *note = malloc(sizeof(*note) + strlen(target) + 1);

	if (!note)
		return false;
	note->op = *op;
	memcpy(note->target, target, strlen(target) + 1);
	note->op.target = note->target;
	note->op.done = on_note_done;
	note->op.arg = note;
	zone_thread_submit(thread, &note->op);
	return true;
}

/* ---- tasks ---- */

void zone_thread_later(struct zone_thread *thread, struct thread_task *task)
{
	if (task->is_due)
		return;
	task->is_due = true;
	task->next = thread->tasks;
	thread->tasks = task;
}

void zone_thread_forget(struct zone_thread *thread, struct thread_task *task)
{
	struct thread_task **link = &thread->tasks;

	if (!task->is_due)
		return;
	while (*link != task)
		link = &(*link)->next;
	*link = task->next;
	task->is_due = false;
}

void zone_thread_run_tasks(struct zone_thread *thread)
{
	struct thread_task *task;

	while ((task = thread->tasks)) {
		thread->tasks = task->next;
		task->is_due = false;
		task->run(task);
	}
}
