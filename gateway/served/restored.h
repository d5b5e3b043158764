/*
 * A primary target that has gone back to an older state, or lost much.
 *
 * A zone comes from its primary, so whatever is loaded from there becomes the mirror.
 * But a server may have been restored from a backup, emptied or made anew, and then it
 * lacks changes that clients were told had been made.  Whenever a whole zone has been
 * loaded, this is judged:
 *
 *   Its serial is older than the one that the zone is known to have had there (RFC 1982;
 *   stored with the target's cursor, so that it is known after a start).  What the
 *   journal or a lease says must be there is put back, and what the journal says has
 *   been deleted is deleted again, by edits of the gateway's own: in the same turn in
 *   which the zone comes into service, so that no client is judged by less.  What is new
 *   there is taken as always.  The serial moves beyond the known one: it never goes back,
 *   and secondaries must not see two zones under one serial.
 *
 *   It lacks an implausible share of what the zone had (the limits of the brake of
 *   leases, muster.conf(5)), and nothing vouches for it but the primary itself.  Then
 *   nothing is taken, and nothing is sent there: the gateway goes on with the mirror that
 *   it has (after a start: with none), and waits for a person's word.
 *
 * Without a mirror, after a start, only the journal's rows since the state of that serial
 * count (marks, store.h), and for what else is lost there is only the number of records.
 */
#ifndef MUSTER_RESTORED_H
#define MUSTER_RESTORED_H

#include "gateway/content/since_mark.h"
#include "gateway/thread/provenance_reader.h"
#include "zones/owed.h"

struct served_zone;

enum restored_word {
	RESTORED_NO_WORD,
	RESTORED_FILL, /* the primary gets everything that the gateway has */
	RESTORED_TAKE, /* what the primary has counts */
};

struct restored {
	enum restored_word word; /* of a person, for the next load */
	struct rrset *refused;   /* counted: SOA of what must not be taken; NULL: nothing
	                          * waits for a word */
	char why[VERDICT_WHY_MAX]; /* with refused */
	uint64_t waits;            /* times that something had to wait */

	/* While a whole zone is being taken. */
	void (*taken)(struct served_zone *zone, int result);
	struct zone *found; /* owned; until the journal has been read */
	/* What reads the journal: the first with a mirror, the other without one; NULL:
	 * it is not being read. */
	struct provenance_reader *reader;
	struct since_mark *since;
	/* What it says; owned. */
	bool has_provenance;
	struct provenance provenance;
	struct changeset *said; /* NULL: nothing */
	struct owed_plan plan;
	uint32_t serial;  /* of what was loaded */
	bool is_older;    /* than what is known */
	size_t lost, all; /* records that nothing vouches for, of so many */
};

/* Takes over a whole zone that was loaded from the primary.  taken is called as in struct
 * content_take.  What is put back is in the zone then; if the result is not 0, the
 * primary's delivery has been told what to do. */
void restored_take(struct served_zone *zone, struct zone *found,
	void (*taken)(struct served_zone *zone, int result));
/* Does a difference take away so much that the whole zone should be judged? */
bool restored_is_doubtful(
	const struct served_zone *zone, const struct update *difference);
/* Is this what must not be taken? */
bool restored_is_refused(const struct served_zone *zone, const struct rrset *soa);
/* A person's word: whether what the primary has is taken, or what the gateway has is put
 * back there.  The zone is loaded again for that.  why: NOERROR, and who said it, for the
 * audit.  0; -EALREADY: nothing waits for it; -EAGAIN: not now. */
int restored_decide(struct served_zone *zone, bool take, const struct verdict *why)
	__attribute__((warn_unused_result));
void restored_clear(struct served_zone *zone);

#endif
