/*
 * Edits, from their beginning to their end; what is undone for good is undone here.
 */
#include "gateway/content/edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

struct edit *edit_begin(struct content *content, enum edit_origin origin,
	const struct edit_ops *ops, void *owner)
{
	struct edit *edit = calloc(1, sizeof(*edit));

	if (!edit)
		return NULL;
	edit->content = content;
	edit->origin = origin;
	edit->ops = ops;
	edit->owner = owner;
	TAILQ_INIT(&edit->waiters);
	return edit;
}

static void edit_free(struct edit *edit)
{
	changeset_unref(edit->step);
	changeset_unref(edit->changes);
	changeset_unref(edit->rebased);
	changeset_unref(edit->asked);
	changeset_unref(edit->remnant);
	update_free(edit->update);
	free(edit);
}

/* The list that holds edits of this state; NULL: none. */
static struct edit_list *list_of(struct edit *edit)
{
	switch (edit->state) {
	case EDIT_COMMITTING:
	case EDIT_FAILED: /* to be undone in order */
		return &edit->content->committing;
	case EDIT_DURABLE:
		return &edit->content->delivering;
	default:
		return NULL;
	}
}

/* The only function that changes the state. */
static void set_state(struct edit *edit, enum edit_state state)
{
	struct edit_list *from = list_of(edit), *to;

	edit->state = state;
	to = list_of(edit);
	if (from == to)
		return;
	if (edit->content->rebase_next == edit)
		edit->content->rebase_next = TAILQ_NEXT(edit, entry);
	if (from)
		TAILQ_REMOVE(from, edit, entry);
	if (to)
		TAILQ_INSERT_TAIL(to, edit, entry);
	edit->content->delivering_count += to == &edit->content->delivering;
	edit->content->delivering_count -= from == &edit->content->delivering;
}

/* Waiters that are called may wait again, for this edit or another. */
static void tell_all(
	struct edit_waiters *waiters, struct edit *edit, enum edit_state state)
{
	struct edit_waiter *waiter;

	TAILQ_FOREACH(waiter, waiters, entry)
		waiter->edit = NULL;
	while ((waiter = TAILQ_FIRST(waiters))) {
		TAILQ_REMOVE(waiters, waiter, entry);
		waiter->tell(waiter, edit, state);
	}
}

static void tell_waiters(struct edit *edit, enum edit_state state)
{
	struct edit_waiters told;

	TAILQ_INIT(&told);
	TAILQ_CONCAT(&told, &edit->waiters, entry);
	tell_all(&told, edit, state);
}

static void end(struct edit *edit, enum edit_state state)
{
	set_state(edit, state);
	tell_waiters(edit, state);
	edit_free(edit);
}

/* ---- steps ---- */

/* 0; or -ENOMEM, and it is to be undone again.  Right after the changes it cannot
 * fail. */
static int undo(const struct content *content, const struct changeset *changes)
{
	if (!changes)
		return 0;
	if (changes->count && changeset_undo_late(changes, content->mirror))
		return -ENOMEM;
	lease_undo(content->leases, changes->leases);
	return 0;
}

struct verdict edit_apply(struct edit *edit, const struct update *update)
{
	struct content *content = edit->content;

	return apply_update(
		content->mirror, update, content_bumps_serial(content), &edit->step);
}

int edit_apply_nothing(struct edit *edit)
{
	edit->step = changeset_new();
	return edit->step ? 0 : -ENOMEM;
}

int edit_withdraw(struct edit *edit, const struct changeset *changes)
{
	struct content *content = edit->content;
	int r = apply_withdrawal(
		content->mirror, changes, content_bumps_serial(content), &edit->step);

	if (r)
		return r;
	r = lease_withdraw(content->leases, content->mirror, changes,
		content_service_ms(content), edit->step);
	if (r)
		edit_drop(edit);
	return r;
}

/* Makes room for the changes of next.  0 or -ENOMEM. */
static int reserve_leases(struct lease_changes *into, const struct lease_changes *next)
{
	struct lease_change *longer;
	/* the capacity is a power of two, as functions that append assume */
	size_t room = 1;

	while (room < into->count + next->count)
		room *= 2;
	longer = realloc(into->changes, room * sizeof(*longer));
	if (!longer)
		return -ENOMEM;
	into->changes = longer;
	return 0;
}

/* There is room. */
static void move_leases(struct lease_changes *into, struct lease_changes *next)
{
	memcpy(into->changes + into->count, next->changes,
		next->count * sizeof(*next->changes));
	into->count += next->count;
	next->count = 0;
	lease_changes_free(next);
}

/* Adds the step to the changes.  Its leases move to where they can be undone; the step
 * keeps a copy.  0, or -ENOMEM with nothing done. */
static int merge(struct changeset *into, struct changeset *step)
{
	struct lease_changes *leases = step->leases, *copy = NULL;

	if (leases && into->leases && reserve_leases(into->leases, leases))
		return -ENOMEM;
	if (leases && !(copy = lease_changes_copy(leases)))
		return -ENOMEM;
	if (changeset_merge(into, step)) {
		lease_changes_free(copy);
		return -ENOMEM;
	}
	changeset_normalise(into);
	step->leases = copy;
	if (into->leases && leases)
		move_leases(into->leases, leases);
	else if (leases)
		into->leases = leases;
	return 0;
}

int edit_keep(struct edit *edit)
{
	if (!edit->changes) {
		edit->changes = changeset_ref(edit->step);
	} else if (merge(edit->changes, edit->step)) {
		edit_drop(edit);
		return -ENOMEM;
	}
	changeset_unref(edit->asked);
	edit->asked = edit->step;
	edit->step = NULL;
	return 0;
}

void edit_drop(struct edit *edit)
{
	(void)!undo(edit->content, edit->step);
	changeset_unref(edit->step);
	edit->step = NULL;
}

bool edit_is_empty(const struct edit *edit)
{
	return !edit->changes || (!edit->changes->count && !edit->changes->leases);
}

void edit_take_rebased(struct edit *edit)
{
	if (!edit->rebased)
		return;
	if (edit->asked == edit->changes) {
		changeset_unref(edit->asked);
		edit->asked = changeset_ref(edit->rebased);
	}
	changeset_unref(edit->changes);
	edit->changes = edit->rebased;
	edit->rebased = NULL;
}

/* ---- abort and commit ---- */

void edit_abort(struct edit *edit)
{
	if (!edit)
		return;
	edit_drop(edit);
	(void)!undo(edit->content, edit->changes);
	edit_free(edit);
}

void edit_discard(struct edit *edit)
{
	edit_free(edit);
}

static void release_primary(struct content *content)
{
	content->held_for = NULL;
	delivery_hold(content_primary(content), false);
}

static void leave_journal(struct edit *edit)
{
	struct content *content = edit->content;
	const uint64_t seq = edit->op.seq;
	bool is_awaited;

	set_state(edit, EDIT_DURABLE);
	content_tell_durable(content, edit);
	if (content->held_for == edit)
		release_primary(content);
	is_awaited = edit->ops && edit->ops->durable && edit->ops->durable(edit);
	tell_waiters(edit, EDIT_DURABLE);
	if (!is_awaited)
		edit_disown(edit);
	/* The delivery may just have read it from the journal. */
	if (delivery_cursor(content_primary(content)) >= seq)
		edit_end_applied(content, seq);
	content_look_at_gate(content);
}

static void on_stored(struct journal_op *op, void *arg)
{
	struct edit *edit = arg;

	if (!op->result) {
		leave_journal(edit);
		return;
	}
	/* It stays in the list until everything built on it has come back, too. */
	set_state(edit, EDIT_FAILED);
	if (edit->ops && edit->ops->failed)
		edit->ops->failed(edit);
	edit->ops = NULL;
	tell_waiters(edit, EDIT_FAILED);
}

void edit_commit(struct edit *edit, const struct verdict *why,
	const struct journal_request *request)
{
	struct content *content = edit->content;
	struct zone_thread *thread = content->thread;

	edit->op = (struct journal_op){
		.kind = JOURNAL_APPEND,
		.zone = content->id,
		.at_ms = turn_real_ms(&thread->time),
		.changes = edit->changes,
		.verdict = *why,
		.done = on_stored,
		.arg = edit,
	};
	if (request)
		edit->op.request = *request;
	else
		edit->op.request.update = edit->update;
	set_state(edit, EDIT_COMMITTING);
	content_submit(content, &edit->op);
	content_tell_committing(content, edit);
}

int edit_undo_failed(struct content *content)
{
	struct edit *edit;

	for (size_t i = 0; i < content->delivery_count; i++)
		delivery_save_again(content->deliveries[i]);
	if (TAILQ_EMPTY(&content->committing))
		return 0;
	release_primary(content);
	zone_thread_later(content->thread, &content->kick);
	while ((edit = TAILQ_LAST(&content->committing, edit_list))) {
		if (undo(content, edit->changes))
			return -ENOMEM;
		/* What it was to undo is in the mirror again, but not there. */
		if (edit->origin == EDIT_REJECTION)
			delivery_want_whole(content_primary(content));
		end(edit, EDIT_UNDONE);
	}
	content_tell_undone(content);
	content_look_at_gate(content);
	return 0;
}

void edit_forget_all(struct content *content)
{
	struct edit *edit;

	if (!content->thread)
		return;
	TAILQ_CONCAT(&content->delivering, &content->committing, entry);
	while ((edit = TAILQ_FIRST(&content->delivering))) {
		TAILQ_REMOVE(&content->delivering, edit, entry);
		edit_free(edit);
	}
}

/* ---- waiting ---- */

/* Nothing awaits it, but a later heartbeat may find it. */
static bool is_to_be_found(const struct edit *edit)
{
	return content_waits_for_primary(edit->content) &&
		edit->content->delivering_count <= EDIT_FOUND_MAX;
}

void edit_disown(struct edit *edit)
{
	edit->ops = NULL;
	edit->owner = NULL;
	if (edit->state == EDIT_DURABLE && TAILQ_EMPTY(&edit->waiters) &&
		!is_to_be_found(edit))
		end(edit, EDIT_LEFT);
}

void edit_leave_unawaited(struct content *content)
{
	struct edit *edit = TAILQ_FIRST(&content->delivering), *next;

	for (; edit; edit = next) {
		next = TAILQ_NEXT(edit, entry);
		if (!edit->ops && TAILQ_EMPTY(&edit->waiters))
			end(edit, EDIT_LEFT);
	}
}

struct edit *edit_newest(const struct content *content)
{
	struct edit *edit = TAILQ_LAST(&content->committing, edit_list);

	return edit ? edit : TAILQ_LAST(&content->delivering, edit_list);
}

void edit_wait(struct edit *edit, struct edit_waiter *waiter)
{
	waiter->edit = edit;
	TAILQ_INSERT_TAIL(&edit->waiters, waiter, entry);
}

void edit_stop_waiting(struct edit_waiter *waiter)
{
	struct edit *edit = waiter->edit;

	if (!edit)
		return;
	TAILQ_REMOVE(&edit->waiters, waiter, entry);
	waiter->edit = NULL;
	if (!edit->ops)
		edit_disown(edit);
}

static void gather_waiters(struct edit *edit, struct edit_waiters *gathered)
{
	for (; edit; edit = TAILQ_NEXT(edit, entry))
		TAILQ_CONCAT(gathered, &edit->waiters, entry);
}

/* Whatever found the edit of this number, or a later one. */
static void tell_undone(struct content *content, uint64_t seq)
{
	struct edit *edit = TAILQ_FIRST(&content->delivering);
	struct edit_waiters gathered;

	TAILQ_INIT(&gathered);
	while (edit && edit->op.seq < seq)
		edit = TAILQ_NEXT(edit, entry);
	gather_waiters(edit, &gathered);
	gather_waiters(TAILQ_FIRST(&content->committing), &gathered);
	tell_all(&gathered, NULL, EDIT_UNDONE);
}

/* ---- taking back ---- */

void edit_end_undone(struct content *content, uint64_t seq, struct edit *edit)
{
	tell_undone(content, seq);
	if (edit)
		end(edit, EDIT_UNDONE);
}

int edit_take_back_changes(struct content *content, uint64_t seq,
	const struct changeset *changes, enum edit_origin origin,
	const struct verdict *why, const struct edit_ops *ops, void *owner)
{
	struct edit *back = edit_begin(content, origin, ops, owner);
	int r = back ? edit_withdraw(back, changes) : -ENOMEM;

	if (!r)
		r = edit_keep(back);
	if (r == -ENOMEM) {
		edit_abort(back);
		return r;
	}
	content_note_outcome(content, seq, why);
	if (r || edit_is_empty(back)) {
		edit_abort(back);
		return 0;
	}
	edit_commit(back, why, NULL);
	return 1;
}

/* What comes of one after the other, but for the SOA, which is never taken back.  0 or
 * -ENOMEM. */
static int add_remnant(struct changeset *remnant, struct changeset *refused_and_back)
{
	int r = 0;

	changeset_normalise(refused_and_back);
	for (uint32_t i = 0; !r && i < refused_and_back->count; i++) {
		const struct change *change = &refused_and_back->changes[i];

		if (change->type != TYPE_SOA)
			r = changeset_append(remnant, change->owner, change->type,
				change->before, change->after);
	}
	return r;
}

/* What was asked for may have become several edits, when it was judged again, and the
 * primary refuses only the last of them: it has to undo the others.  NULL, too, if there
 * is no memory: then a load shows them. */
static struct changeset *find_remnant(const struct edit *back, const struct edit *refused)
{
	struct changeset *remnant = changeset_new();
	struct changeset *both = changeset_new();

	if (!remnant || !both || changeset_merge(both, refused->changes) ||
		changeset_merge(both, back->changes) || add_remnant(remnant, both)) {
		changeset_unref(remnant);
		remnant = NULL;
		delivery_want_whole(content_primary(back->content));
	}
	changeset_unref(both);
	return remnant;
}

int edit_take_back(struct edit *edit, enum edit_origin origin, const struct verdict *why,
	const struct edit_ops *ops, void *owner)
{
	const int r = edit_take_back_changes(
		edit->content, edit->op.seq, edit->asked, origin, why, ops, owner);
	struct edit *back = TAILQ_LAST(&edit->content->committing, edit_list);

	if (r > 0 && origin == EDIT_REJECTION)
		back->remnant = find_remnant(back, edit);
	if (r >= 0)
		edit_end_undone(edit->content, edit->op.seq, edit);
	return r;
}

/* ---- the primary target ---- */

struct edit *edit_find_durable(const struct content *content, uint64_t seq)
{
	struct edit *edit;

	TAILQ_FOREACH(edit, &content->delivering, entry) {
		if (edit->op.seq >= seq)
			break;
	}
	return edit && edit->op.seq == seq ? edit : NULL;
}

void edit_hold_primary(struct content *content)
{
	content->held_for = TAILQ_LAST(&content->committing, edit_list);
	delivery_hold(content_primary(content), content->held_for != NULL);
}

void edit_end_applied(struct content *content, uint64_t seq)
{
	const struct delivery *primary = content_primary(content);
	struct edit *edit = TAILQ_FIRST(&content->delivering), *next;

	for (; edit && edit->op.seq <= seq; edit = next) {
		next = TAILQ_NEXT(edit, entry);
		if (delivery_was_passed(primary, edit->op.seq))
			continue;
		if (edit->ops && edit->ops->applied)
			edit->ops->applied(edit);
		end(edit, EDIT_APPLIED);
	}
}
