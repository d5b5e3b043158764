/*
 * An edit: one change of one zone, from its judgement to its end.
 *
 * To change a zone, begin an edit, apply updates to it, and commit or abort it:
 *
 * 	edit = edit_begin(content, origin, ops, owner);
 * 	v = edit_apply(edit, update);       the mirror has it; edit->step is what it did
 * 	...                                 leases are added to edit->step
 * 	edit_keep(edit) or edit_drop(edit)
 * 	edit_commit(edit, ...) or edit_abort(edit)
 *
 * Abort undoes whatever has been done to the mirror and to the leases.  After commit,
 * which cannot fail itself, the edit proceeds on its own,
 *
 * 	open -> committing -> durable -> applied    the primary target has it
 * 	                   \          \-> left       nobody awaits more than that
 * 	                    \          \-> undone    taken back by another edit
 * 	                     \-> failed -> undone    the database did not take it
 *
 * and its owner is told by its ops.  Requests that found it in the content (heartbeats,
 * whose answers confirm only what they found) wait for it too, and share its fate.
 */
#ifndef MUSTER_EDIT_H
#define MUSTER_EDIT_H

#include "gateway/content/content.h"
#include "zones/update.h"

enum {
	EDIT_FOUND_MAX = 4096, /* durable edits of a zone that are kept until the
	                        * primary has them, although nothing awaits that */
};

enum edit_origin {
	EDIT_CLIENT,
	EDIT_EXPIRY,
	EDIT_REVERSE,  /* PTR records that follow addresses */
	EDIT_PUT_BACK, /* what the primary lost when it was put back to an older state */
	EDIT_ADMINISTRATOR,
	EDIT_TAKE_BACK, /* undoes a change that targets may have */
	EDIT_REJECTION, /* undoes one that the primary refused and therefore lacks */
};

enum edit_state {
	EDIT_OPEN,
	EDIT_COMMITTING,
	EDIT_DURABLE,
	EDIT_LEFT,    /* durable, and nothing awaits more */
	EDIT_APPLIED, /* the primary target has it */
	EDIT_FAILED,  /* not stored; undone when everything built on it has come back */
	EDIT_UNDONE,
};

/* How an edit's owner is told; each may be NULL. */
struct edit_ops {
	/* It is on the disk.  True: the owner awaits the outcome at the primary
	 * target. */
	bool (*durable)(struct edit *edit);
	/* It could not be stored.  It will be undone; the owner hears no more of it. */
	void (*failed)(struct edit *edit);
	/* The primary target has it, and it ends. */
	void (*applied)(struct edit *edit);
	/* The primary target refuses it.  1: the owner has undone it; 0: it is undone on
	 * the owner's behalf; -ENOMEM: the owner is told again. */
	int (*rejected)(struct edit *edit, const struct verdict *why);
};

/* Waits for the edit of another owner; embedded. */
struct edit_waiter {
	TAILQ_ENTRY(edit_waiter) entry;
	struct edit *edit; /* NULL: it does not wait */
	void *owner;
	/* It no longer waits: the edit is EDIT_DURABLE, and may be waited for again; it
	 * ends as EDIT_LEFT, EDIT_APPLIED or EDIT_FAILED; or this edit, or an earlier
	 * one, is EDIT_UNDONE. */
	void (*tell)(
		struct edit_waiter *waiter, struct edit *edit, enum edit_state state);
};

TAILQ_HEAD(edit_waiters, edit_waiter);

struct edit {
	struct journal_op op; /* seq: its number, when it is durable */
	TAILQ_ENTRY(edit) entry;
	struct content *content;
	enum edit_origin origin;
	enum edit_state state;
	const struct edit_ops *ops; /* NULL: nobody wants to know */
	void *owner;
	/* owned; of updates made by the gateway itself; may be NULL */
	struct update *update;
	struct changeset *step; /* applied last, neither kept nor dropped; NULL: none */
	struct changeset *changes; /* kept: what it does to mirror and leases */
	struct changeset *rebased; /* what it does to the content that is being put under
	                            * it (rebase.c); NULL: not rebased yet */
	struct changeset *asked;   /* the part of changes that was asked for, which has
	                            * to go if it is undone */
	struct changeset *remnant; /* EDIT_REJECTION: of what it undoes, the part that the
	                            * primary has nevertheless; NULL: none */
	struct edit_waiters waiters;
};

/* NULL: no memory. */
struct edit *edit_begin(struct content *content, enum edit_origin origin,
	const struct edit_ops *ops, void *owner);

/*
 * A step: applies the update to the mirror, all or nothing; edit->step is what it did
 * (maybe nothing).  Verdicts as in apply_update.  The caller adds what it does to the
 * leases.
 */
struct verdict edit_apply(struct edit *edit, const struct update *update);
/* A step that so far changes only leases.  0 or -ENOMEM. */
int edit_apply_nothing(struct edit *edit) __attribute__((warn_unused_result));
/* A step that undoes changes, with their leases, as far as that still makes sense.  0
 * or -errno (apply_withdrawal), nothing done. */
int edit_withdraw(struct edit *edit, const struct changeset *changes)
	__attribute__((warn_unused_result));
/* Makes the step part of the edit.  0, or -ENOMEM with the step undone. */
int edit_keep(struct edit *edit) __attribute__((warn_unused_result));
/* Undoes the step. */
void edit_drop(struct edit *edit);

/* Does it change neither records nor leases? */
bool edit_is_empty(const struct edit *edit);

/* The content put under a durable edit is in service: its effect is now what it does
 * there (edit->rebased), if anything. */
void edit_take_rebased(struct edit *edit);

/* Puts it on its way.  request: its sender, for the journal; may be NULL.  It gets its
 * number when it is durable. */
void edit_commit(struct edit *edit, const struct verdict *why,
	const struct journal_request *request);
/* Undoes all of it, and frees it.  NULL is harmless. */
void edit_abort(struct edit *edit);
/* It changed nothing after all: frees it without undoing. */
void edit_discard(struct edit *edit);

/* Its owner no longer awaits it; this may free it. */
void edit_disown(struct edit *edit);

/* The primary target cannot be reached: edits that nothing awaits now are not kept for
 * later waiters. */
void edit_leave_unawaited(struct content *content);

/* The newest edit that is on its way to the disk or to the primary target; NULL: none. */
struct edit *edit_newest(const struct content *content);
void edit_wait(struct edit *edit, struct edit_waiter *waiter);
/* Harmless if it does not wait; this may free the edit. */
void edit_stop_waiting(struct edit_waiter *waiter);

/*
 * Undoes a durable edit by another one, with these ops.  1: that one is on its way; 0:
 * there was nothing left to undo; the edit has ended, and whatever waited for it, or for
 * a later one, has been told EDIT_UNDONE.  -ENOMEM: nothing has been done.
 */
int edit_take_back(struct edit *edit, enum edit_origin origin, const struct verdict *why,
	const struct edit_ops *ops, void *owner) __attribute__((warn_unused_result));
/* The same for the change set of an edit that has ended, with number seq. */
int edit_take_back_changes(struct content *content, uint64_t seq,
	const struct changeset *changes, enum edit_origin origin,
	const struct verdict *why, const struct edit_ops *ops, void *owner)
	__attribute__((warn_unused_result));
/* The primary target gets nothing before those that are being committed are durable. */
void edit_hold_primary(struct content *content);
/* The primary target has everything up to seq: those edits end. */
void edit_end_applied(struct content *content, uint64_t seq);
/* The durable edit of this number; NULL: nothing awaits it. */
struct edit *edit_find_durable(const struct content *content, uint64_t seq);
/* What the edit of this number did has been undone, or replaced, by another one:
 * whatever waited for it, or for a later one, is told EDIT_UNDONE.  It ends; edit may
 * be NULL if it has ended already. */
void edit_end_undone(struct content *content, uint64_t seq, struct edit *edit);
/* A commit failed, and everything submitted since has come back: undoes it.  Positions of
 * deliveries are stored again.  0; or -ENOMEM: what is left is to be undone by calling
 * this again, before anything else is changed. */
int edit_undo_failed(struct content *content) __attribute__((warn_unused_result));
/* The content ends: nothing is told or undone. */
void edit_forget_all(struct content *content);

#endif
