/*
 * What an accepted update does to the mirror: for each RRset touched, its state before
 * and after.  Empty means that nothing changes (a heartbeat).
 *
 * A change set is what the journal stores, what targets receive and what a secondary gets
 * by IXFR.  It is immutable once built and counted like an RRset.
 */
#ifndef MUSTER_CHANGESET_H
#define MUSTER_CHANGESET_H

#include "zones/zone.h"

struct change {
	uint8_t *owner; /* owned by the change set */
	uint16_t type;
	bool was_free;        /* there was nothing at all at the name; false: not known */
	struct rrset *before; /* counted; NULL: it did not exist */
	struct rrset *after;  /* counted; NULL: it no longer exists */
};

/* Does the change make its RRset larger? */
static inline bool change_is_growing(const struct change *change)
{
	return change->after &&
		change->after->size > (change->before ? change->before->size : 0);
}

struct lease_changes;

struct changeset {
	uint32_t refs;
	uint32_t count;
	bool sets_serial;       /* the client itself moved the SOA forward (3.4.2.2) */
	bool is_uncertain;      /* before is what the RRset may hold, but must not: by
	                         * rebase_merge_uncertain, to be merged only by that */
	struct change *changes; /* in the order in which RRsets were first touched */
	/* Its effect on the leases (lease.h); owned, NULL: none.  Neither merged nor
	 * stored. */
	struct lease_changes *leases;
};

struct changeset *changeset_new(void); /* empty, count of references 1 */
struct changeset *changeset_ref(struct changeset *cs);
void changeset_unref(struct changeset *cs); /* NULL is harmless */
/* Part of what the last changeset_unref would do, for large ones: drops count changes
 * from the end.  After that the only thing to do with it is the rest.  True: nothing is
 * left. */
bool changeset_crumble(struct changeset *cs, uint32_t count);

/*
 * Puts an RRset into the zone and remembers it in the change set: the first touch of an
 * (owner, type) keeps what was there as before, each touch replaces after.  0, or
 * -ENOMEM with neither of them changed.
 */
int changeset_put(struct changeset *cs, struct zone *zone, const uint8_t *owner,
	uint16_t type, struct rrset *set) __attribute__((warn_unused_result));

/* Appends a change of an RRset that is not in the set yet, without touching a zone;
 * takes its own references.  For callers that build change sets without changeset_put.
 * 0 or -ENOMEM. */
int changeset_append(struct changeset *cs, const uint8_t *owner, uint16_t type,
	struct rrset *before, struct rrset *after) __attribute__((warn_unused_result));

/* Drops changes that ended where they began. */
void changeset_normalise(struct changeset *cs);

/* Puts every before into the zone, right after the changes that it undoes, or as long
 * as the zone has kept what they removed (zone_keep). */
void changeset_undo(const struct changeset *cs, struct zone *zone);
/* The same at any time.  0; or -ENOMEM: only a part is undone, and this may be called
 * again. */
int changeset_undo_late(const struct changeset *cs, struct zone *zone)
	__attribute__((warn_unused_result));

/*
 * Merges next into into, which then leads from into's before to next's after.  Changes
 * that cancel out stay until changeset_normalise, which looks at everything; call it
 * once, after many.  0 or -ENOMEM (into unchanged).
 */
int changeset_merge(struct changeset *into, const struct changeset *next)
	__attribute__((warn_unused_result));

/* Octets of memory in use, including RRsets shared with others. */
size_t changeset_size(const struct changeset *cs);

/* Finds the change of an RRset; NULL: not touched. */
const struct change *changeset_find(
	const struct changeset *cs, const uint8_t *owner, uint16_t type);

/* Do they change RRsets of the same name?  Looks at each pair. */
bool changeset_shares_name(const struct changeset *a, const struct changeset *b);
bool changeset_has_name(const struct changeset *cs, const uint8_t *owner);

/*
 * The stored form, a versioned octet string in network order.  Encode allocates
 * (free()); NULL: no memory.  Decode checks everything; it returns NULL with errno
 * EBADMSG or ENOMEM.
 */
uint8_t *changeset_encode(const struct changeset *cs, size_t *ret_len);
/* The same into the caller's buf of at least changeset_code_max octets.  Returns how many
 * are used. */
size_t changeset_code_max(const struct changeset *cs);
size_t changeset_encode_to(const struct changeset *cs, uint8_t *buf, size_t room);
struct changeset *changeset_decode(const uint8_t *octets, size_t len);

/*
 * Calls visit for each record that is removed (removed true) or added.  A record whose
 * TTL changed is both.  Returns false as soon as visit does.
 */
bool changeset_each_record(const struct changeset *cs,
	bool (*visit)(bool removed, const struct rr *rr, void *arg), void *arg);

#endif
