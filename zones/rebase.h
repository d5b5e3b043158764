/*
 * Applies known changes to a zone that may have changed meanwhile.
 */
#ifndef MUSTER_REBASE_H
#define MUSTER_REBASE_H

#include "zones/update.h"

/*
 * Does to the present zone what a change set did to an earlier state: removes the
 * records that it removed and adds those that it added, by the rules of apply_update;
 * the SOA only moves forward.  *ret_changeset is what this really changed, the
 * caller's, maybe empty.  0 or -ENOMEM.
 */
int rebase_changeset(struct zone *zone, const struct changeset *changes,
	struct changeset **ret_changeset) __attribute__((warn_unused_result));

/*
 * Carries out an incremental transfer (RFC 1995 4): removes class NONE records and adds
 * class IN records, in the order of its versions.  Otherwise as above.
 */
int rebase_difference(struct zone *zone, const struct update *difference,
	struct changeset **ret_changeset) __attribute__((warn_unused_result));

/*
 * Merges next into into for a target that may be in any state between: none of it
 * applied, some, or all.  The result leads to the last state from each of these: its
 * before is whatever an RRset may hold but must not, its after what it must hold.  0 or
 * -ENOMEM (then into can only be passed to changeset_unref).
 */
int rebase_merge_uncertain(struct changeset *into, const struct changeset *next)
	__attribute__((warn_unused_result));

#endif
