/*
 * What a zone should have when its server has been put back to an older state: by a
 * backup that was restored, or because the zone was made anew.
 *
 * What the gateway itself has changed since must be there again: what the journal or a
 * lease says must be there, and not what the journal says has been deleted
 * (provenance.h).  For everything else the server is the only source: what is new there
 * is taken, and what it lacks is lost.
 *
 * Pure.
 */
#ifndef MUSTER_OWED_H
#define MUSTER_OWED_H

#include "zones/provenance.h"

/*
 * For a zone of which only the server's state is known: takes one more row of the journal
 * into account, in order.  said then has, for each RRset that rows have changed, what it
 * must have (after), and what the server (found) has although it must not (before).  Of
 * the SOA nothing is said.  0; or -ENOMEM, and said can only be passed to
 * changeset_unref.
 */
int owed_note_row(struct changeset *said, const struct zone *found,
	const struct changeset *row) __attribute__((warn_unused_result));

struct owed_evidence {
	/* What the server has, with what is pending on top of it. */
	const struct zone *found;
	/* What the zone had before; NULL: not known, as after a start. */
	const struct zone *mirror;
	bool is_mirror_vouched; /* a person says that all of it must be there */
	/* With a mirror, what the journal says; NULL: nothing is known. */
	const struct provenance *provenance;
	const struct changeset *said;     /* the same without one: of owed_note_row */
	const struct lease_table *leases; /* NULL: they do not count */
};

/* Updates of the gateway's own: first all deletions, then what is put back, each about a
 * few names. */
struct owed_plan {
	struct update **updates; /* owned */
	size_t count, room;
	size_t back;    /* records that are put back */
	size_t deleted; /* that are deleted again */
	size_t lost;    /* of the mirror, that are not there, and nothing vouches for */
};

/* 0 or -ENOMEM; owed_plan_clear is needed either way. */
int owed_plan_make(struct owed_plan *plan, const struct owed_evidence *evidence)
	__attribute__((warn_unused_result));
void owed_plan_clear(struct owed_plan *plan);

/* Leases whose record is not there, although it should be. */
size_t owed_count_bare_leases(const struct lease_table *leases, const struct zone *found);

#endif
