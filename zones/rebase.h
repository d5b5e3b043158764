/*
 * Bringing known changes onto a zone that may have moved on meanwhile.
 */
#ifndef MUSTER_REBASE_H
#define MUSTER_REBASE_H

#include "zones/update.h"

/*
 * Does to the zone as it is now what a change set did to it as it was then: records that
 * it removed go, records that it added come, through the rules of apply_update; the SOA
 * only moves forward.  *ret_changeset is what this really changed, the caller's, maybe
 * empty. 0 or -ENOMEM.
 */
int rebase_changeset(struct zone *zone, const struct changeset *changes,
	struct changeset **ret_changeset) __attribute__((warn_unused_result));

/*
 * Does what an incremental transfer says (RFC 1995 4): class NONE records go, class IN
 * records come, in the order of its versions.  As above.
 */
int rebase_difference(struct zone *zone, const struct update *difference,
	struct changeset **ret_changeset) __attribute__((warn_unused_result));

/*
 * Merges next into into for a target that may be anywhere on the way: nothing applied,
 * some, or all.  What results leads to the last state from each of them: its before is
 * whatever an RRset may hold and shall not, its after what it shall hold.  0 or -ENOMEM
 * (into is then good for nothing but changeset_unref).
 */
int rebase_merge_uncertain(struct changeset *into, const struct changeset *next)
	__attribute__((warn_unused_result));

#endif
