/*
 * What the journal has had to say of a zone since its primary target was in a certain
 * state: reads the rows behind the newest mark (store.h) whose serial is not newer than
 * that of the state, beside the zone thread and in pieces, so that nobody waits for it.
 *
 * For a zone without a mirror, which can be brought up to date from there on only by the
 * rows.  (With one it is enough to know what the journal says of each record:
 * thread/provenance_reader.h.)  Memory is needed for what the rows have changed, once for
 * each RRset.
 *
 * Limits: rows are kept for a time (audit_days); and what others did in between, at the
 * primary target itself, is in no row.
 */
#ifndef MUSTER_SINCE_MARK_H
#define MUSTER_SINCE_MARK_H

#include "gateway/content/content.h"

struct since_mark;

struct since_mark_question {
	/* The state.  Another thread uses it until done is called, so it must not be
	 * touched, nor anything in it shared. */
	const struct zone *found;
	bool is_everything; /* all rows that are kept, whatever the serial */
	/* 0 with what owed_note_row (zones/owed.h) says, which is the callee's, or -errno
	 * (logged) with NULL. */
	void (*done)(int result, struct changeset *said, void *arg);
	void *arg;
};

/* done is called later.  NULL: no memory. */
struct since_mark *since_mark_ask(
	struct content *content, const struct since_mark_question *question);
/* done is not called.  found may still be read by the other thread, so it is taken over,
 * and freed when that has ended.  Both may be NULL. */
void since_mark_give_up(struct since_mark *since, struct zone *found);

#endif
