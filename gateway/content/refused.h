/*
 * What the primary target has refused lately, so that it is not asked again and again.
 *
 * An update that would make a change which the target has refused twice, the last time a
 * moment ago, is refused in the target's words before it is stored or sent.  When the
 * moment is over the target is asked once more: its owner may have changed its mind.
 *
 * Remembers only what was refused by itself and concerns one RRset: of several nobody
 * knows which one is minded.  How the RRset was before belongs to the change.
 *
 * Limits: what the target would take together with other changes of the same update has
 * to wait for that moment, too.  Who is refused for something else each time is dealt
 * with in delivery_blame.h.
 */
#ifndef MUSTER_REFUSED_H
#define MUSTER_REFUSED_H

#include "tsig/verdict.h"
#include "zones/changeset.h"

enum {
	REFUSED_MAX = 8,          /* remembered; the oldest makes way */
	REFUSED_TIMES = 2,        /* so often it must have been refused */
	REFUSED_MS = 1000,        /* how long the target is not asked again */
	REFUSED_FORGET_MS = 60000 /* then the next time is the first */
};

struct refused;

void refused_free(struct refused *refused); /* NULL is harmless */

/* The target has refused this.  *refused NULL: the first one; without memory nothing is
 * remembered. */
void refused_note(struct refused **refused, struct changeset *changes,
	const struct verdict *why, int64_t monotonic_ms);
/* NOERROR, or what the target has just said to one of the changes.  NULL: nothing has
 * been refused. */
struct verdict refused_check(const struct refused *refused,
	const struct changeset *changes, int64_t monotonic_ms);

#endif
