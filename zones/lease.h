/*
 * Leases (RFC 9664): the promise that a record stays until its deadline, and goes then,
 * unless it is refreshed.
 *
 * A lease belongs to one record of one zone: owner, type and RDATA as rdata_is_equal has
 * it.  A record without one is permanent.  A table holds the leases of one zone, in
 * memory, for its one thread:
 *
 *   lease_option.c  the EDNS option, and what a rule grants to who asks
 *   lease_table.c   the table: by record, by owner (a host), by deadline (lease_heap.c)
 *   lease_state.c   active, stale, held
 *   lease_plan.c    changes of leases: planned, carried out, taken back
 *   lease_update.c  what an accepted update does to the leases
 *   lease_follow.c  what a withdrawal or a load does to them
 *   lease_merge.c   deletions that spare what others have pending (rules with merge)
 *   lease_expiry.c  what is due, and the brake
 *
 * Deadlines are in service time: milliseconds that the zone has been in service since
 * the gateway was started.  It stands still while the zone is not loaded, and knows no
 * calendar, so that no step of the clock expires anybody.  After a start every lease
 * runs anew, so that no down time does.  Real time (seconds since 1970) is only noted
 * down, for people.
 *
 * Pure.  About 130 octets of memory for the lease of a host with one address.
 */
#ifndef MUSTER_LEASE_H
#define MUSTER_LEASE_H

#include "zones/policy.h"

enum { /* RFC 9664 8, seconds; what rules that say nothing have */
	LEASE_MIN_S = 30,
	LEASE_MAX_S = 24 * 3600,
	LEASE_KEY_MAX_S = 7 * 24 * 3600, /* of KEY records */
};

/* ---- the option ---- */

/* An Update Lease option (4): asked for, or granted. */
struct lease_terms {
	uint8_t form; /* octets of its data: 4, 8; 0: there is none */
	uint32_t lease_s;
	uint32_t key_lease_s; /* of KEY records; equal to lease_s in the form of 4 */
};

enum { LEASE_OPTION_MAX = 12 }; /* octets: code, length, data */

/* The option of a walked message.  NOERROR, form 0 if there is none; FORMERR for one that
 * has neither 4 nor 8 octets. */
struct verdict lease_terms_read(
	struct lease_terms *ret, const uint8_t *msg, const struct wire_message *m);

/* The option as it goes into an answer.  Returns its octets, 0 for form 0. */
size_t lease_terms_write(const struct lease_terms *terms, uint8_t buf[LEASE_OPTION_MAX]);

/*
 * What is granted to who asks: what was asked for, within the limits of all the rules by
 * which the update's records are added (one answer speaks for all of them, so that the
 * shortest counts); without such a rule, within the defaults above.  An update that adds
 * nothing: within the limits of all the rules with lease that speak for the subject.  The
 * same message and rules always grant the same.  The option is always answered (4.3).
 */
struct lease_terms lease_grant(const struct policy *policy, const uint8_t *zone,
	const struct policy_subject *subject, const struct update *update,
	const struct lease_terms *asked);

/* ---- a lease ---- */

enum lease_flags {
	LEASE_DERIVED = 1, /* a PTR that follows an address */
	LEASE_ALONE = 2,   /* a target refused it in company: next time by itself */
	/* With LEASE_DERIVED: the record is not there, since another host has what it
	 * stands for.  Its host may get it next. */
	LEASE_WAITING = 4,
};

/* All there is to say of a lease; its octets are somebody else's. */
struct lease_record {
	const uint8_t *owner; /* wire, lower case */
	uint16_t type;
	uint16_t rdata_len;
	const uint8_t *rdata;
	const uint8_t *key;       /* name, wire: who added or refreshed it last */
	struct ip_address source; /* and from where; family 0: not known */
	uint32_t duration_s;      /* as granted; 0: until its record goes */
	int64_t deadline_ms;      /* service time */
	int64_t seen_s;           /* real time of the last refresh */
	unsigned flags;           /* of enum lease_flags */
};

/* A lease that begins (!had), ends (!has), or becomes another one. */
struct lease_change {
	bool had, has;
	struct lease_record before, after;
	void *memory; /* what both point into */
};

/* In the order in which they were made; part of a change set (changeset.h). */
struct lease_changes {
	size_t count;
	struct lease_change *changes;
};

void lease_changes_free(struct lease_changes *changes); /* NULL is harmless */
/* Octets of memory that they hold. */
size_t lease_changes_size(const struct lease_changes *changes);
/* For a change set that is brought onto other content; lease_undo wants the original.
 * NULL: no memory. */
struct lease_changes *lease_changes_copy(const struct lease_changes *changes);

/* ---- the table ---- */

struct lease_table;
struct lease; /* valid until its table is next changed */

/* For the zone of this name, which goes into what lease_expire says.  seed as of the
 * zone, or NULL: one that everybody knows, for tests.  NULL: no memory. */
struct lease_table *lease_table_new(const uint8_t *apex, const struct name_seed *seed);
void lease_table_free(struct lease_table *table);

/* A lease as it was stored, while starting.  0 or -ENOMEM. */
int lease_table_load(struct lease_table *table, const struct lease_record *record)
	__attribute__((warn_unused_result));

struct lease *lease_find(const struct lease_table *table, const uint8_t *owner,
	uint16_t type, const uint8_t *rdata, uint16_t rdata_len);
/* A host: all leases at one owner; NULL after the last. */
struct lease *lease_first_at(const struct lease_table *table, const uint8_t *owner);
struct lease *lease_next_at(const struct lease_table *table, const struct lease *lease);
/*
 * All, in no particular order, a page at a time: cursor starts at 0, and is 0 again after
 * the last.  visit may not change the table.  What is added or removed between two pages
 * may be missed or not; what stays is visited once.
 */
uint64_t lease_table_scan(const struct lease_table *table, uint64_t cursor, size_t limit,
	void (*visit)(const struct lease *lease, void *arg), void *arg);
void lease_describe(const struct lease_table *table, const struct lease *lease,
	struct lease_record *ret);

enum lease_state { LEASE_ACTIVE, LEASE_STALE, LEASE_HELD };
enum lease_state lease_state(const struct lease_table *table, const struct lease *lease);

size_t lease_table_count(const struct lease_table *table);
size_t lease_table_count_stale(const struct lease_table *table);

/* Exempts a host from expiry, or no longer; then its leases run anew.  0, -EALREADY or
 * -ENOMEM. */
int lease_hold(struct lease_table *table, const uint8_t *owner, int64_t now_ms)
	__attribute__((warn_unused_result));
int lease_release(struct lease_table *table, const uint8_t *owner, int64_t now_ms)
	__attribute__((warn_unused_result));
bool lease_is_held(const struct lease_table *table, const uint8_t *owner);
size_t lease_table_count_held(const struct lease_table *table); /* hosts */
/* In no particular order, whether they have leases or not.  visit may not change the
 * table. */
void lease_each_hold(const struct lease_table *table,
	void (*visit)(const uint8_t *owner, void *arg), void *arg);

/* ---- what happens to leases ---- */

/* A change of a host's state, to be told to people. */
enum lease_event_kind {
	LEASE_EVENT_STALE,  /* it missed its heartbeat */
	LEASE_EVENT_ACTIVE, /* a stale one is back */
	LEASE_EVENT_BRAKE,  /* owner NULL: expiry of the zone has stopped */
	LEASE_EVENT_FREE,   /* owner NULL: and goes on */
};

typedef void lease_event_function(
	enum lease_event_kind kind, const struct lease_record *record, void *arg);
/* Called from within the functions below; may not change the table. */
void lease_table_on_event(
	struct lease_table *table, lease_event_function *function, void *arg);

/* An accepted update, as it stands in the zone. */
struct lease_update {
	const struct zone *zone; /* with the update applied */
	const struct policy *policy;
	const struct policy_subject *subject;
	const struct update *update;
	const struct lease_terms *granted; /* of lease_grant */
	int64_t now_ms;                    /* service time */
	int64_t real_s;
};

/*
 * What the update does to the leases:
 *
 *   a record that it added        gets the lease of the rule that allowed it: granted to
 *                                 who asked, else the rule's default, else none
 *   one that was there, leased    is refreshed, by whoever may add it; a rule that grants
 *                                 no lease makes it permanent
 *   one that was there, permanent stays so, unless the rule says adopt
 *   one that it removed           has none any more
 *   prerequisites alone           refresh what they say is there (RRsets, names, by value
 *                                 or not), if its lease is of the same key, by what was
 *                                 granted, else for as long as before
 *
 * SOA and NS at the apex never have one.  Beginnings, ends and adoptions are added to
 * cs->leases, since they must be as durable as the records, and so is a refresh that
 * changes the duration or the key; other refreshes are not.  0 or -ENOMEM, then table
 * and cs are as they were.
 */
int lease_apply(struct lease_table *table, const struct lease_update *update,
	struct changeset *cs) __attribute__((warn_unused_result));

/* Leases of records that cs removed from the zone end, and those that waited for one that
 * is there now; added to cs->leases.  For change sets that no update made: loads,
 * withdrawals.  0 or -ENOMEM, nothing changed. */
int lease_follow(struct lease_table *table, const struct zone *zone, struct changeset *cs)
	__attribute__((warn_unused_result));

/*
 * Leases whose record the zone does not have end, and those that waited for one that it
 * has (LEASE_WAITING).  Looks at a page of about limit leases;
 * cursor as in lease_table_scan, moved on; 0 again after the last.  0 with *ret_changes
 * (the caller's, maybe empty) or -ENOMEM, nothing changed.
 */
int lease_sweep(struct lease_table *table, const struct zone *zone, uint64_t *cursor,
	size_t limit, struct lease_changes **ret_changes)
	__attribute__((warn_unused_result));

/*
 * back has taken withdrawn out of the zone again: leases that withdrawn began end, those
 * that it ended and whose records are back begin anew (with their whole duration, so that
 * an expiry that a target refuses is not tried again at once; and LEASE_ALONE if
 * withdrawn had several).  Added to back->leases.  0 or -ENOMEM.
 */
int lease_withdraw(struct lease_table *table, const struct zone *zone,
	const struct changeset *withdrawn, int64_t now_ms, struct changeset *back)
	__attribute__((warn_unused_result));

/* Takes changes back that could not be stored; right after them, newest first.  Never
 * fails.  Not for copies. */
void lease_undo(struct lease_table *table, const struct lease_changes *changes);

/* One lease put or ended by the gateway itself (PTR): added to cs->leases.  What record
 * points into may be a lease of this table.  0 or -ENOMEM, nothing changed. */
int lease_put(struct lease_table *table, const struct lease_record *record,
	struct changeset *cs) __attribute__((warn_unused_result));
int lease_end(struct lease_table *table, struct lease *lease, struct changeset *cs)
	__attribute__((warn_unused_result));
/* Moves a deadline; no change in the sense above. */
void lease_refresh(struct lease_table *table, struct lease *lease, int64_t deadline_ms,
	int64_t real_s);

/*
 * For rules with merge: several clients prove themselves at one name (ACME), each
 * deleting the RRset before it adds its own.  The deletion of an RRset that the update
 * also adds to becomes one of its permanent records, the lone deletion of one that of its
 * permanent records and of those leased by this key.  NOERROR with *ret_update the
 * caller's, to be used instead, as long as update lives, whose prerequisites it shares;
 * NULL if nothing is to be different.  REFUSED if the rules do not let one of those
 * records go (what they say of an RRset is else policy_check_effect's to ask); SERVFAIL.
 */
struct verdict lease_merge(const struct lease_table *table, const struct zone *zone,
	const struct policy *policy, const struct policy_subject *subject,
	const struct update *update, struct update **ret_update);

/* ---- expiry ---- */

struct lease_expiry {
	int64_t grace_ms;
	/* The brake: so many leases, and such a share of all, expired in the last
	 * LEASE_WINDOW_MS or overdue now is not plausible.  brake_count 0: no brake. */
	unsigned brake_count;
	unsigned brake_percent;
};

enum {
	LEASE_WINDOW_MS = 10 * 60 * 1000,
	/* A heartbeat is missed when 7/8 of the lease have passed: who follows RFC 9664
	 * 5.2 sends it before 85 %. */
	LEASE_STALE_NUMERATOR = 7,
	LEASE_STALE_DENOMINATOR = 8,
};

/* When lease_expire has something to do next, service time; INT64_MAX: never.  With the
 * brake on, that is when the next lease goes stale.  It may be too early where leases
 * have been refreshed, and up to a quarter of a second after a deadline. */
int64_t lease_next_due(
	const struct lease_table *table, const struct lease_expiry *expiry);

/*
 * What has to go now, at most max records: an update of deletions (RFC 2136 2.5.4), the
 * caller's; NULL if nothing is due.  Changes no lease, but for their states: at most max
 * go stale at a time.  0 or -ENOMEM.
 */
int lease_expire(struct lease_table *table, const struct lease_expiry *expiry,
	int64_t now_ms, size_t max, struct update **ret_update)
	__attribute__((warn_unused_result));

/* The update of lease_expire, no other call in between, has been applied as cs: its
 * leases end, and count for the brake.  Added to cs->leases.  0 or -ENOMEM, nothing
 * changed. */
int lease_finish_expiry(struct lease_table *table, const struct update *update,
	int64_t now_ms, struct changeset *cs) __attribute__((warn_unused_result));

/* Makes all leases at owner due now, whether held, braked or in their grace.  A refresh
 * that comes before lease_expire still keeps them.  How many. */
size_t lease_expire_now(struct lease_table *table, const uint8_t *owner, int64_t now_ms);

bool lease_is_braked(const struct lease_table *table);
/* What is overdue now may go, whatever its share; refreshed it counts as any other. */
void lease_release_brake(struct lease_table *table, int64_t now_ms);

#endif
