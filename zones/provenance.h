/*
 * Where a zone's records come from: what the journal and the leases say of them.
 *
 * A record is owed if a lease promises it, or if the last that the journal has to say of
 * it is that it was added.  A server that lacks such a record has lost it, whatever
 * became of the server.  If the journal's last word is that it was removed, a server that
 * has it has kept, or restored, what must not be there.  Of all others nobody here knows
 * anything: they were in the zone from the start, or came from somebody else, or longer
 * ago than the journal remembers (audit_days).
 *
 * What the journal says takes 16 to 32 octets per record in memory.  Pure.
 */
#ifndef MUSTER_PROVENANCE_H
#define MUSTER_PROVENANCE_H

#include "zones/changeset.h"
#include "zones/digest_set.h"
#include "zones/lease.h"

enum provenance_word {
	PROVENANCE_UNKNOWN,
	PROVENANCE_ADDED,
	PROVENANCE_REMOVED,
};

struct provenance {
	struct digest_set records; /* bit: it was added last, not removed */
};

/* seed NULL: a fixed one, for tests. */
void provenance_init(struct provenance *provenance, const struct name_seed *seed);
void provenance_clear(struct provenance *provenance);

/* The journal's change sets of a zone, in order.  0 or -ENOMEM. */
int provenance_note(struct provenance *provenance, const struct changeset *changes)
	__attribute__((warn_unused_result));
/* The journal's last word about a record. */
enum provenance_word provenance_find(
	const struct provenance *provenance, const struct rr *rr);

/* Does a lease promise the record? */
bool provenance_is_leased(const struct lease_table *leases, const struct rr *rr);
/* Do a lease or the journal say that it must be there?  Either may be NULL. */
bool provenance_is_owed(const struct provenance *provenance,
	const struct lease_table *leases, const struct rr *rr);

#endif
