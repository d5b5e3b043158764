/*
 * Leases (RFC 9664): the promise that a record stays until its deadline and is then
 * removed, unless it is refreshed.
 *
 * A lease belongs to one record of one zone: owner, type and RDATA as rdata_is_equal has
 * it.  A record without one is permanent.  A table holds the leases of one zone, in
 * memory, for its one thread:
 *
 *   lease_option.c  the EDNS option, and what a rule grants when it is asked for
 *   lease_table.c   the table: by record, by owner (a host), by deadline (lease_heap.c)
 *   lease_state.c   active, stale, held
 *   lease_plan.c    changes of leases: planned, carried out, taken back
 *   lease_update.c  what an accepted update does to the leases
 *   lease_follow.c  what a withdrawal or a load does to them
 *   lease_merge.c   deletions that spare what others have pending (rules with merge)
 *   lease_expiry.c  what is due, and the brake
 *
 * Deadlines are in service time: milliseconds that the zone has been in service since
 * the gateway was started.  It stands still while the zone is not loaded, and does not
 * follow the calendar, so that no step of the clock expires a lease.  After a start
 * every lease runs anew, so that down time does not expire it either.  Real time
 * (seconds since 1970) is only recorded for people to read.
 *
 * Pure.  About 130 octets of memory for the lease of a host with one address.
 */
#ifndef MUSTER_LEASE_H
#define MUSTER_LEASE_H

#include "zones/policy.h"

enum { /* RFC 9664 8, seconds; the defaults of rules */
	LEASE_MIN_S = 30,
	LEASE_MAX_S = 24 * 3600,
	LEASE_KEY_MAX_S = 7 * 24 * 3600, /* of KEY records */
};

/* ---- the option ---- */

/* An Update Lease option (4): asked for, or granted. */
struct lease_terms {
	uint8_t form; /* octets of its data: 4 or 8; 0: there is no option */
	uint32_t lease_s;
	uint32_t key_lease_s; /* of KEY records; equal to lease_s if form is 4 */
};

enum { LEASE_OPTION_MAX = 12 }; /* octets: code, length, data */

/* Reads the option of a walked message.  NOERROR, with form 0 if there is none; FORMERR
 * if it has neither 4 nor 8 octets. */
struct verdict lease_terms_read(
	struct lease_terms *ret, const uint8_t *msg, const struct wire_message *m);

/* Writes the option for an answer.  Returns its octets, 0 for form 0. */
size_t lease_terms_write(const struct lease_terms *terms, uint8_t buf[LEASE_OPTION_MAX]);

/*
 * Grants what was asked for, within the limits of all the rules that allow the update's
 * additions (one answer holds for all of them, so the shortest limit counts); if none
 * of these rules grants leases, within the defaults above.  For an update that adds
 * nothing, the limits of all rules with lease that match the subject count.  The same
 * message and rules always grant the same.  The option is always answered (4.3).
 */
struct lease_terms lease_grant(const struct policy *policy, const uint8_t *zone,
	const struct policy_subject *subject, const struct update *update,
	const struct lease_terms *asked);

/* ---- a lease ---- */

enum lease_flags {
	LEASE_DERIVED = 1, /* a PTR that follows an address */
	/* a target refused it as part of a batch: it is sent alone next time */
	LEASE_ALONE = 2,
	/* With LEASE_DERIVED: the record is absent, because another host has the name
	 * or address it stands for.  Its host may get it next. */
	LEASE_WAITING = 4,
};

/* Everything about a lease; the octets belong to someone else. */
struct lease_record {
	const uint8_t *owner; /* wire, lower case */
	uint16_t type;
	uint16_t rdata_len;
	const uint8_t *rdata;
	const uint8_t *key;       /* name, wire: of whoever added or refreshed it last */
	struct ip_address source; /* where that came from; family 0: not known */
	uint32_t duration_s;      /* as granted; 0: it lasts as long as its record */
	int64_t deadline_ms;      /* service time */
	int64_t seen_s;           /* real time of the last refresh */
	unsigned flags;           /* of enum lease_flags */
};

/* A lease that begins (!had), ends (!has), or changes. */
struct lease_change {
	bool had, has;
	/* Others have added its record, too: the lease stays if what began it is
	 * withdrawn. */
	bool is_others;
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
/* For a change set that is moved onto other content, while lease_undo needs the
 * original.  NULL: no memory. */
struct lease_changes *lease_changes_copy(const struct lease_changes *changes);
/* Copies what a change set does to leases for what it has become on other content, where
 * others may have added its records.  0 or -ENOMEM. */
int lease_changes_rebase(const struct changeset *old, struct changeset *rebased)
	__attribute__((warn_unused_result));

/* ---- the table ---- */

struct lease_table;
struct lease; /* valid until its table is next changed */

/* For the zone of this name, which appears in what lease_expire reports.  seed is the
 * zone's, or NULL for a fixed seed in tests.  NULL: no memory. */
struct lease_table *lease_table_new(const uint8_t *apex, const struct name_seed *seed);
void lease_table_free(struct lease_table *table);

/* Loads a stored lease at the start.  0 or -ENOMEM. */
int lease_table_load(struct lease_table *table, const struct lease_record *record)
	__attribute__((warn_unused_result));

struct lease *lease_find(const struct lease_table *table, const uint8_t *owner,
	uint16_t type, const uint8_t *rdata, uint16_t rdata_len);
/* All leases of a host, that is, of one owner; NULL after the last. */
struct lease *lease_first_at(const struct lease_table *table, const uint8_t *owner);
struct lease *lease_next_at(const struct lease_table *table, const struct lease *lease);
/*
 * Visits all, in no particular order, a page at a time: cursor starts at 0, and is 0
 * again after the last.  visit must not change the table.  Leases added or removed
 * between two pages may or may not be visited; all others are visited once.
 */
uint64_t lease_table_scan(const struct lease_table *table, uint64_t cursor, size_t limit,
	void (*visit)(const struct lease *lease, void *arg), void *arg);
void lease_describe(const struct lease_table *table, const struct lease *lease,
	struct lease_record *ret);

enum lease_state { LEASE_ACTIVE, LEASE_STALE, LEASE_HELD };
enum lease_state lease_state(const struct lease_table *table, const struct lease *lease);

size_t lease_table_count(const struct lease_table *table);
size_t lease_table_count_stale(const struct lease_table *table);

/* Exempts a host from expiry.  0, -EALREADY or -ENOMEM. */
int lease_hold(struct lease_table *table, const uint8_t *owner)
	__attribute__((warn_unused_result));
/* Ends that, and its leases run anew.  0 or -EALREADY. */
int lease_release(struct lease_table *table, const uint8_t *owner, int64_t now_ms);
bool lease_is_held(const struct lease_table *table, const uint8_t *owner);
size_t lease_table_count_held(const struct lease_table *table); /* hosts */
/* All of them, in no particular order, whether they have leases or not.  visit must not
 * change the table. */
void lease_each_hold(const struct lease_table *table,
	void (*visit)(const uint8_t *owner, void *arg), void *arg);

/* ---- what happens to leases ---- */

/* A change of a host's state that people are told about. */
enum lease_event_kind {
	LEASE_EVENT_STALE,  /* it missed its heartbeat */
	LEASE_EVENT_ACTIVE, /* a stale one is back */
	LEASE_EVENT_BRAKE,  /* owner NULL: expiry of the zone has stopped */
	LEASE_EVENT_FREE,   /* owner NULL: and goes on */
};

typedef void lease_event_function(
	enum lease_event_kind kind, const struct lease_record *record, void *arg);
/* Called from within the functions below; it must not change the table. */
void lease_table_on_event(
	struct lease_table *table, lease_event_function *function, void *arg);

/* An accepted update, already applied to the zone. */
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
 *   a record that it added        gets the lease of the rule that allowed it: what was
 *                                 granted to the sender, or the default, or none
 *   one that was there, leased    is refreshed, by whoever may add it; a rule that grants
 *                                 no lease makes it permanent
 *   one that was there, permanent stays so, unless the rule says adopt
 *   one that it removed loses its lease
 *   prerequisites alone           refresh what they say is there (RRsets, names, by value
 *                                 or not), if its lease is of the same key, by what was
 *                                 granted, else for as long as before
 *
 * SOA and NS at the apex never have one.  Beginnings, ends and adoptions, and refreshes
 * that change the duration or the key, are added to cs->leases, since they must be as
 * durable as the records; other refreshes are not.  0, or -ENOMEM with table and cs
 * unchanged.
 */
int lease_apply(struct lease_table *table, const struct lease_update *update,
	struct changeset *cs) __attribute__((warn_unused_result));

/* Ends the leases of records that cs removed from the zone, and those that waited for a
 * record that exists now; adds this to cs->leases.  For change sets that no client's
 * update made: loads, withdrawals.  0 or -ENOMEM, nothing changed. */
int lease_follow(struct lease_table *table, const struct zone *zone, struct changeset *cs)
	__attribute__((warn_unused_result));

/*
 * Ends leases whose record the zone lacks, and those that waited for a record that it
 * has (LEASE_WAITING).  Looks at a page of about limit leases; cursor is as in
 * lease_table_scan, advanced, and 0 again after the last.  0 with *ret_changes (the
 * caller's, maybe empty), or -ENOMEM, nothing changed.
 */
int lease_sweep(struct lease_table *table, const struct zone *zone, uint64_t *cursor,
	size_t limit, struct lease_changes **ret_changes)
	__attribute__((warn_unused_result));

/*
 * back has undone withdrawn in the zone.  Leases that withdrawn began end; those that
 * it ended and whose records are back begin anew: with their whole duration, so that an
 * expiry that a target refuses is not tried again at once, and with LEASE_ALONE if
 * withdrawn had several.  Adds this to back->leases.  0 or -ENOMEM.
 */
int lease_withdraw(struct lease_table *table, const struct zone *zone,
	const struct changeset *withdrawn, int64_t now_ms, struct changeset *back)
	__attribute__((warn_unused_result));

/* Undoes changes that could not be stored, newest first, and before any others are
 * made.  Never fails.  Not for copies. */
void lease_undo(struct lease_table *table, const struct lease_changes *changes);

/* Puts or ends one lease of the gateway's own (PTR), and adds this to cs->leases.
 * record may point into a lease of this table.  0 or -ENOMEM, nothing changed. */
int lease_put(struct lease_table *table, const struct lease_record *record,
	struct changeset *cs) __attribute__((warn_unused_result));
int lease_end(struct lease_table *table, struct lease *lease, struct changeset *cs)
	__attribute__((warn_unused_result));
/* Moves a deadline, which does not count as a change in the sense above. */
void lease_refresh(struct lease_table *table, struct lease *lease, int64_t deadline_ms,
	int64_t real_s);

/*
 * For rules with merge: several clients prove control of one name (ACME), each deleting
 * the RRset before it adds its own record.  If the update also adds to the RRset, its
 * deletion is narrowed to the permanent records; if it only deletes, to the permanent
 * records and those leased by this key.  NOERROR with *ret_update the caller's, to be
 * used instead, as long as update lives, whose prerequisites it shares; NULL if nothing
 * needs to change.  REFUSED if the rules do not allow one of these records to be
 * deleted (otherwise deletions of RRsets are judged by policy_check_effect); SERVFAIL.
 */
struct verdict lease_merge(const struct lease_table *table, const struct zone *zone,
	const struct policy *policy, const struct policy_subject *subject,
	const struct update *update, struct update **ret_update);

/* ---- expiry ---- */

struct lease_expiry {
	int64_t grace_ms;
	/* The brake stops expiry if at least this many leases, and this share of all,
	 * expired in the last LEASE_WINDOW_MS or are overdue now.  brake_count 0: no
	 * brake. */
	unsigned brake_count;
	unsigned brake_percent;
};

enum {
	LEASE_WINDOW_MS = 10 * 60 * 1000,
	/* A heartbeat is missed when 7/8 of the lease have passed: clients that follow
	 * RFC 9664 5.2 send it before 85 %. */
	LEASE_STALE_NUMERATOR = 7,
	LEASE_STALE_DENOMINATOR = 8,
};

/* When lease_expire next has something to do, in service time; INT64_MAX: never.  With
 * the brake on, that is when the next lease goes stale.  It may be too early if leases
 * have been refreshed, and up to a quarter of a second after a deadline. */
int64_t lease_next_due(
	const struct lease_table *table, const struct lease_expiry *expiry);

/*
 * Collects what has to be removed now, at most max records, as an update of deletions
 * (RFC 2136 2.5.4) that the caller owns; NULL if nothing is due.  Changes nothing in
 * leases except their states: at most max go stale at a time.  0 or -ENOMEM.
 */
int lease_expire(struct lease_table *table, const struct lease_expiry *expiry,
	int64_t now_ms, size_t max, struct update **ret_update)
	__attribute__((warn_unused_result));

/* The update of lease_expire has been applied as cs, with no other call in between: its
 * leases end, and count for the brake.  Adds this to cs->leases.  0 or -ENOMEM, nothing
 * changed. */
int lease_finish_expiry(struct lease_table *table, const struct update *update,
	int64_t now_ms, struct changeset *cs) __attribute__((warn_unused_result));

/* Makes all leases at owner due now, whether held, braked or in their grace.  A refresh
 * before lease_expire still saves them.  Returns how many. */
size_t lease_expire_now(struct lease_table *table, const uint8_t *owner, int64_t now_ms);

bool lease_is_braked(const struct lease_table *table);
/* Lets everything that is overdue now expire, whatever its share; a lease that is
 * refreshed counts like any other again. */
void lease_release_brake(struct lease_table *table, int64_t now_ms);

#endif
