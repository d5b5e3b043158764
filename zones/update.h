/*
 * RFC 2136: an UPDATE message as a structure, and what it does to a zone.
 *
 *   update_read      message -> struct update   2, 3.1.1, 3.2 and 3.4.1: all that can be
 *                                               judged without knowing the zone's content
 *   prereq_check     3.2 against the mirror
 *   apply_update     3.4.2 and 3.6 against the mirror: a change set, or nothing
 *
 * All are pure.  Policy (policy.h) is checked between the first and the second, so that
 * clients who may not update learn nothing about what exists.
 */
#ifndef MUSTER_UPDATE_H
#define MUSTER_UPDATE_H

#include "zones/changeset.h"

struct arena_chunk;

struct update {
	uint8_t zone[NAME_MAX_LEN]; /* wire, lower case */
	uint16_t prereq_count;
	uint16_t change_count;
	struct rr *prereqs; /* rdata_len is 0 in forms without RDATA */
	struct rr *changes; /* in message order, which matters (3.4.2) */
	/* Wrong form of the prerequisite after the last one in prereqs, reported if
	 * those hold (3.2.5); otherwise NOERROR. */
	struct verdict prereq_refusal;
	bool is_bounded; /* from a peer: apply_update applies APPLY_SIZE_MAX and
	                  * APPLY_TYPES_MAX */
	struct arena_chunk *memory; /* what the records point into, beyond the update's
	                             * own block */
};

/*
 * The zone section alone (3.1.1): exactly one record, ZTYPE SOA, ZCLASS IN.
 * NOERROR with its name in lower case; FORMERR; NOTAUTH for another class.
 */
struct verdict update_read_zone(
	uint8_t ret_zone[NAME_MAX_LEN], const uint8_t *msg, const struct wire_message *m);

/*
 * The whole message.  m is its successful walk.  NOERROR with *ret_update owned by the
 * caller; FORMERR (malformed prerequisite or update forms, RDATA of the wrong shape,
 * meta types, an OPT or TSIG type among them), NOTZONE (an owner outside the zone),
 * REFUSED (types that only a signer makes), SERVFAIL (no memory).  Prerequisites are
 * judged before updates (3.2 comes before 3.4.1), except those that can be judged only
 * after others have been checked against the zone.
 */
struct verdict update_read(
	struct update **ret_update, const uint8_t *msg, const struct wire_message *m);
/* The same after update_read_zone, which gave this zone. */
struct verdict update_read_records(struct update **ret_update, const uint8_t *zone,
	const uint8_t *msg, const struct wire_message *m);
void update_free(struct update *update); /* NULL is harmless */

/* 3.2.1 to 3.2.5: NXDOMAIN, YXDOMAIN, NXRRSET, YXRRSET, NOERROR or the update's
 * prereq_refusal; why names the record.  The temporary RRsets of value-dependent
 * prerequisites are compared whole (3.2.3). */
struct verdict prereq_check(const struct zone *zone, const struct update *update);

/* Does it ask about a name that cs changes, or change it? */
bool update_shares_name(const struct update *update, const struct changeset *cs);

/* Does it ask about and change no other names than cs?  False, too, if that would take
 * long to find out. */
bool update_is_within(const struct update *update, const struct changeset *cs);

/* The forms of an update section record (2.5), in the RFC's words. */
bool update_is_add(const struct rr *rr);           /* 2.5.1 class IN */
bool update_is_delete_rrset(const struct rr *rr);  /* 2.5.2 class ANY, a type */
bool update_is_delete_name(const struct rr *rr);   /* 2.5.3 class ANY, type ANY */
bool update_is_delete_record(const struct rr *rr); /* 2.5.4 class NONE */

/* Limits for an update read by update_read: a message of 64 KiB could refer to
 * gigabytes. */
enum {
	/* Octets of the RRsets that it adds to or deletes from, before and after
	 * together. */
	APPLY_SIZE_MAX = 16 << 20,
	/* Types that clients may create at one name, and that one update may add to it:
	 * the RRsets of a name are searched one by one. */
	APPLY_TYPES_MAX = 256,
};

/*
 * 3.4.2, record by record, all or nothing.  On any verdict other than NOERROR the zone
 * is unchanged: REFUSED beyond the limits above, RRSET_COUNT_MAX or RRSET_SIZE_MAX;
 * SERVFAIL without memory or SOA.  On NOERROR *ret_changeset is the caller's, with
 * count 0 if nothing changed; the zone already has the changes in it.
 *
 * bump says whether a change moves the SOA serial forward by one (3.6); it is false if
 * a target owns the serial.  A SOA that the client adds counts only if its serial moves
 * forward (3.4.2.2), and then nothing else moves it.
 */
struct verdict apply_update(struct zone *zone, const struct update *update, bool bump,
	struct changeset **ret_changeset);

/*
 * Undoes a change set as far as that still makes sense: removes records that it added,
 * restores those that it removed, and leaves what others have changed since.  It goes
 * through the same rules as any update.  *ret_changeset as in apply_update.  0; or with
 * the zone unchanged -ENOMEM, -ENOSPC (the RRset would be too large, with what others
 * added) or -ENOENT (bump, no SOA).
 */
int apply_withdrawal(struct zone *zone, const struct changeset *withdrawn, bool bump,
	struct changeset **ret_changeset) __attribute__((warn_unused_result));

/*
 * The octets stored for an update: an UPDATE message up to its additional section, as a
 * peer has sent it or as update_encode writes it.  If they end before all the records
 * counted in the header, they have been cut.
 *
 * update_encode writes the zone and the changes, as many whole ones as fit into cap,
 * which has room for the header and the zone at least; it returns the length.
 * update_decode checks everything; it returns NULL with errno EBADMSG or ENOMEM.
 */
size_t update_encode(const struct update *update, uint8_t *buf, size_t cap);
struct update *update_decode(const uint8_t *octets, size_t len, bool *ret_is_cut);

/* One line for logs and audit: "-ANY host A; +300 host A 192.0.2.1", cut to fit. */
enum { UPDATE_TEXT_MAX = 1024 };
void update_to_text(const struct update *update, char buf[UPDATE_TEXT_MAX]);

#endif
