/*
 * What all of the zone thread does with the journal and the listeners.
 */
#include "gateway/served/zone_thread.h"

#include <stdlib.h>
#include <string.h>

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

static void give_back(struct transaction *t)
{
	/* Its count is not atomic: it must not leave this thread. */
	changeset_unref(t->changes);
	t->changes = NULL;
	transaction_set_state(t, TRANSACTION_ANSWERED);
	queue_list_append(&t->peer.mailbox->outbox, &t->node);
}

static void remember_answer(struct zone_thread *thread, struct transaction *t)
{
	if (!t->replay)
		return;
	/* A passing fault is no answer to repeat: clients try again with the same octets.
	 */
	if (t->verdict.rcode == RCODE_SERVFAIL)
		replay_forget(thread->replay, t->replay);
	else
		replay_answer(thread->replay, t->replay, &t->verdict);
}

void zone_thread_answer(struct zone_thread *thread, struct transaction *t)
{
	struct transaction *twin = t->twins, *next;

	remember_answer(thread, t);
	if (!verdict_is_ok(&t->verdict))
		transaction_log_refusal(t);
	for (; twin; twin = next) {
		next = twin->wait_next;
		twin->verdict = t->verdict;
		give_back(twin);
	}
	t->twins = NULL;
	give_back(t);
}
