/*
 * What one zone of one gateway is to hold of this host, and what it does hold as far as
 * is known: one entry for each record or claim.
 *
 *   wanted  a source gives it
 *   sent    it has been in an update: it may be there
 *   there   such an update has been acknowledged, and nothing has taken it away since
 *   held    that was the last update with it: it is there until expires_ms
 *
 * An entry that is neither wanted nor sent does not exist.  A claim is never `sent`; it
 * is `held` once its RRset has been emptied of what others left there.
 *
 * A refusal proves that nothing of the update has happened (RFC 2136 3.7).  What was
 * never acknowledged is therefore not `sent` after one.  A removal that is refused is
 * tried until the lease has ended, or LEDGER_REMOVALS_MAX times where there is no lease.
 *
 * Pure: times are arguments (milliseconds of a clock that never jumps).
 */
#ifndef MUSTER_AGENT_LEDGER_H
#define MUSTER_AGENT_LEDGER_H

#include "agent/records/records.h"

enum { LEDGER_REMOVALS_MAX = 5 };

struct ledger_entry {
	struct record record; /* owned */
	bool is_wanted;
	bool is_sent;
	bool is_there;
	bool is_held;
	bool is_leased;    /* there: the gateway removes it by itself at expires_ms */
	bool is_picked;    /* part of the update that is under way */
	bool is_refused;   /* the server said no: not before retry_ms */
	unsigned refusals; /* in a row */
	int64_t retry_ms;
	int64_t refresh_ms; /* held: to be refreshed at */
	int64_t expires_ms; /* held or leased: the lease's end */
};

/* What an acknowledgement promises. */
struct ledger_lease {
	int64_t refresh_ms;
	int64_t expires_ms;
	bool is_granted; /* by the gateway; otherwise the lease is only our own plan */
};

struct ledger {                       /* zero it to begin with */
	struct ledger_entry *entries; /* sorted as records_sort does */
	size_t count;
	size_t cap;
};

void ledger_clear(struct ledger *ledger);

/*
 * Makes these records, sorted, the wanted ones.  True: something is to be sent.  0 or
 * -ENOMEM, the ledger as it was.
 */
int ledger_want(struct ledger *ledger, const struct records *records)
	__attribute__((warn_unused_result));

/* A record that an earlier run, or an update to another gateway, has sent; of entry the
 * record, is_there, is_leased, refusals and expires_ms count.  Before the first
 * ledger_want.  0 or -ENOMEM. */
int ledger_remember(struct ledger *ledger, const struct ledger_entry *entry)
	__attribute__((warn_unused_result));
/* Adds what is wanted to set.  0 or -errno of records_add. */
int ledger_get_wanted(const struct ledger *ledger, struct records *set)
	__attribute__((warn_unused_result));

/* Is there anything to add or remove now?  And is it nothing but removals? */
bool ledger_is_changed(const struct ledger *ledger, int64_t now_ms);
bool ledger_is_removal_only(const struct ledger *ledger, int64_t now_ms);
/* When the first entry that is wanted and held has to be refreshed; INT64_MAX: none has
 * to be. */
int64_t ledger_next_refresh(const struct ledger *ledger);
int64_t ledger_next_expiry(const struct ledger *ledger);
/* When something that was refused may be tried again; INT64_MAX: there is no such
 * thing. */
int64_t ledger_next_refused(const struct ledger *ledger);

/*
 * Marks what belongs into an update now: what has changed; and, if anything is to be
 * refreshed by now, all that is held (RFC 9664 5.2.1).  How many entries.
 */
size_t ledger_pick(struct ledger *ledger, int64_t now_ms);
/* All that is held is to be refreshed at once. */
void ledger_hurry_refresh(struct ledger *ledger, int64_t now_ms);
/* Everything that was sent is to be removed. */
size_t ledger_pick_withdrawal(struct ledger *ledger);
void ledger_unpick(struct ledger *ledger);
/* Is anything picked that is not merely a refresh? */
bool ledger_has_picked_change(const struct ledger *ledger);

/* The picked entries in [first, end) have been acknowledged, with this lease. */
void ledger_acknowledge(struct ledger *ledger, size_t first, size_t end,
	const struct ledger_lease *lease);
/* They are about to be sent in an update that may arrive. */
void ledger_mark_sent(struct ledger *ledger, size_t first, size_t end);
/* They have been refused, and are not picked again before retry_ms.  False: none of them
 * will be tried again. */
bool ledger_refuse(struct ledger *ledger, size_t first, size_t end, int64_t retry_ms);
/* To be called after an answer: drops entries that are neither wanted nor sent. */
void ledger_sweep(struct ledger *ledger);

/* As far as is known: is everything that is wanted held, and nothing else there? */
bool ledger_is_complete(const struct ledger *ledger);
size_t ledger_count_held(const struct ledger *ledger); /* records, wanted and held */
size_t ledger_count_sent(const struct ledger *ledger); /* records that may be there */
/* The latest end of a lease that the gateway has granted; INT64_MIN: there is none. */
int64_t ledger_last_expiry(const struct ledger *ledger);

#endif
