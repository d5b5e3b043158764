/*
 * A zone as the gateway serves it: the mirror, its deliveries, and the updates in
 * progress.
 *
 *   served.c         updates: evaluated against the mirror, journalled, answered
 *   served_wait.c    those that wait for the primary target
 *   served_query.c   queries, transfers, NOTIFY
 *   served_config.c  opened, reconfigured, closed
 *   mirror.c         the mirror follows the primary target: loaded, checked, rebased
 *   delivery.c       change sets on their way to a target
 *
 * Everything here runs in the zone thread, without locks.
 */
#ifndef MUSTER_SERVED_H
#define MUSTER_SERVED_H

#include <sys/queue.h>
#include <uthash.h>

#include "gateway/served/delivery.h"
#include "gateway/served/notify.h"

enum { SERVED_REFUSALS_PER_S = 100 }; /* audit rows; what is more is only logged */

enum served_append_kind {
	SERVED_CHANGE,
	SERVED_WITHDRAWAL, /* takes a change back that targets may have */
	SERVED_REJECTION,  /* takes one back that the primary has refused, and so not has
			    */
};

/* A change set from its evaluation until it is durable. */
struct served_append {
	struct journal_op op;
	TAILQ_ENTRY(served_append) entry;
	struct served_zone *zone;
	struct changeset *changes;       /* counted; as it stands in the mirror */
	struct changeset *journalled;    /* counted; the same as it was evaluated */
	struct transaction *transaction; /* waits for it; NULL: the gateway's own */
	enum served_append_kind kind;
};

/* What waits for an operation of the journal. */
struct served_answer {
	struct journal_op op;
	struct served_zone *zone;
	struct transaction *transaction; /* NULL: nobody's */
};

struct served_zone {
	UT_hash_handle hh; /* by name, in writer.c */
	struct zone_thread *thread;
	struct config *config;          /* counted */
	const struct config_zone *zone; /* of config */
	uint8_t name[NAME_MAX_LEN];
	int64_t id;               /* store_ops.zone_id */
	struct zone *mirror;      /* NULL: not loaded */
	bool was_tried;           /* the primary has said something about loading it */
	struct verdict not_ready; /* why, while mirror is NULL */
	struct delivery **deliveries; /* the first is the primary's */
	size_t delivery_count;
	struct transfer *axfr; /* counted; of the durable content; NULL: build it */
	struct transfer_history *history;
	struct notify *notify;   /* to secondaries; NULL: none */
	struct event *ack_timer; /* for the first of waiting */
	struct event *refresh_timer;
	TAILQ_HEAD(served_uncommitted, served_append) uncommitted; /* in order */
	struct transaction *waiting; /* for the primary target, by seq */
	struct transaction **waiting_tail;
	uint64_t last_seq;             /* of its newest change set */
	size_t operations;             /* journal operations that point here */
	struct served_zone *kick_next; /* in zone_thread's list of those to be kicked */
	bool is_kick_due;
	bool is_closing;   /* no longer configured */
	int64_t refusal_s; /* the second that refusals is of */
	unsigned refusals;
};

/* 0 or -errno; the mirror is loaded afterwards, asynchronously. */
int served_new(struct served_zone **ret_zone, struct zone_thread *thread,
	struct config *config, const struct config_zone *zone)
	__attribute__((warn_unused_result));
void served_free(struct served_zone *zone);
/* A new configuration of the same zone: policy and modes at once, targets compared by id.
 */
int served_configure(struct served_zone *zone, struct config *config,
	const struct config_zone *zone_config) __attribute__((warn_unused_result));
/* No longer configured: answers what waits; true when it can be freed now. */
bool served_close(struct served_zone *zone);
/* No time is left to wait for the primary: answers those who do; with ack = "applied"
 * their changes are withdrawn. */
void served_give_up_waiting(struct served_zone *zone);
/* Its deliveries have something new, to be looked at when the turn's results are all in.
 */
void served_kick_later(struct served_zone *zone);
void served_kick_due(struct zone_thread *thread);
/* Nothing waits for an answer. */
bool served_is_quiet(const struct served_zone *zone);

/* An update whose policy has been checked.  Takes it. */
void served_update(struct served_zone *zone, struct transaction *transaction);
/* A query or transfer.  Takes it. */
void served_query(struct served_zone *zone, struct transaction *transaction);
/* NOTIFY (RFC 1996).  Takes it. */
void served_notified(struct served_zone *zone, struct transaction *transaction);

/* Judges an update against the mirror and applies it.  changed: *ret_changes is not
 * empty. */
struct verdict served_evaluate(struct served_zone *zone,
	const struct transaction *transaction, struct changeset **ret_changes);
/* Journals a change set that the mirror already has.  Takes over the reference.  False:
 * no memory, nothing done. */
bool served_append_changes(struct served_zone *zone, struct changeset *changes,
	struct transaction *transaction, const struct verdict *verdict,
	enum served_append_kind kind);
/* A commit failed and everything submitted since has come back: the mirror forgets it. */
void served_forget_uncommitted(struct served_zone *zone);
/* Takes a change that waits for its answer back: in the mirror, the journal and all
 * targets; then the client gets verdict. */
void served_withdraw(struct served_zone *zone, struct transaction *transaction,
	const struct verdict *verdict);

/* ---- served_wait.c ---- */

/* A transaction with a seq, behind those that wait already. */
void served_start_waiting(struct served_zone *zone, struct transaction *transaction);
void served_stop_waiting(struct served_zone *zone, struct transaction *transaction);
/* The ack_timer's event. */
void served_on_ack_timeout(evutil_socket_t fd, short events, void *arg);
/* Heartbeats that wait and had found a change, of seq or later, that is now withdrawn. */
void served_refuse_heartbeats(
	struct served_zone *zone, uint64_t seq, const struct verdict *verdict);
/* Corrects the journal's row of an update. */
void served_note_outcome(
	struct served_zone *zone, uint64_t seq, const struct verdict *verdict);

/* ---- what deliveries report ---- */

/* Everything up to seq is at the target; soa is what the zone has there now (NULL: not
 * known). */
void served_applied(struct served_zone *zone, struct delivery *delivery, uint64_t seq,
	struct rrset *soa);
/* The target refuses this change set for good. */
void served_rejected(struct served_zone *zone, struct delivery *delivery, uint64_t seq,
	struct changeset *changes, bool is_withdrawal, const struct verdict *verdict);
/* The primary failed: those who wait need not. */
void served_primary_down(struct served_zone *zone);

/* ---- mirror.c ---- */

/* A local zone: from the store, or from its seed.  0 or -errno (logged). */
int mirror_load_local(struct served_zone *zone, const struct config_target *target);
/* The primary's content, or why there is none; takes the content. */
void mirror_loaded(struct served_zone *zone, struct target_content *content);
/* The primary has another SOA than we believed. */
void mirror_adopt_soa(struct served_zone *zone, struct rrset *soa);
/* All that is pending can be taken out of the mirror, so that a difference fits under it.
 */
bool mirror_takes_difference(const struct served_zone *zone);
/* The durable content is another from now on. */
void mirror_touch(struct served_zone *zone);
/* The zone without what is not yet durable, for transfers; then back. */
void mirror_hide_uncommitted(struct served_zone *zone);
void mirror_show_uncommitted(struct served_zone *zone);

#endif
