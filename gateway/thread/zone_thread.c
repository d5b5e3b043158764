/*
 * What all of the zone thread does with the journal and the listeners.
 */
#include "gateway/thread/zone_thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"

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

/* ---- zones that could not be opened ---- */

static struct zone_unopened *find_unopened(
	const struct zone_thread *thread, const uint8_t *name)
{
	struct zone_unopened *unopened;

	HASH_FIND(hh, thread->unopened, name, name_len(name), unopened);
	return unopened;
}

const char *zone_thread_why_unopened(
	const struct zone_thread *thread, const uint8_t *name)
{
	const struct zone_unopened *unopened = find_unopened(thread, name);

	return unopened ? unopened->why : NULL;
}

static void explain(
	const struct zone_thread *thread, int error, char ret[VERDICT_WHY_MAX])
{
	if (error == -ENOMEM)
		snprintf(ret, VERDICT_WHY_MAX, "cannot be opened: out of memory");
	else
		snprintf(ret, VERDICT_WHY_MAX, "cannot be opened: the database: %.128s",
			thread->store_ops->error(thread->store));
}

/* Without memory for it the zone is tried again all the same. */
static struct zone_unopened *enter_unopened(
	struct zone_thread *thread, const uint8_t *name)
{
	struct zone_unopened *unopened = calloc(1, sizeof(*unopened));

	if (!unopened)
		return NULL;
	memcpy(unopened->name, name, name_len(name));
	HASH_ADD_KEYPTR(hh, thread->unopened, unopened->name, name_len(name), unopened);
	if (!unopened->is_lost)
		return unopened;
	free(unopened);
	return NULL;
}

void zone_thread_note_unopened(struct zone_thread *thread, const uint8_t *name, int error)
{
	struct zone_unopened *unopened = find_unopened(thread, name);
	char text[NAME_TEXT_MAX], why[VERDICT_WHY_MAX];

	explain(thread, error, why);
	if (unopened && !strcmp(unopened->why, why))
		return;
	log_error("zone %s: %s", name_to_text(name, text), why);
	if (!unopened)
		unopened = enter_unopened(thread, name);
	if (unopened)
		memcpy(unopened->why, why, sizeof(why));
}

void zone_thread_note_opened(struct zone_thread *thread, const uint8_t *name)
{
	struct zone_unopened *unopened = find_unopened(thread, name);

	if (!unopened)
		return;
	HASH_DEL(thread->unopened, unopened);
	free(unopened);
}

/* ---- answers ---- */

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
