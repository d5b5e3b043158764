/*
 * A zone as the gateway serves it: the mirror, its deliveries, and the updates in
 * progress.
 *
 *   served.c         updates: evaluated against the mirror, journalled, answered
 *   served_wait.c    those that wait for the primary target
 *   served_query.c   queries, transfers, NOTIFY
 *   served_signer.c  those that only the server which signs the zone can answer
 *   served_config.c  opened, reconfigured, closed
 *   served_lease.h   leases: stored, expired, told
 *   orders.c         what administrators do (view.h: what they see)
 *   mirror.c         the mirror follows the primary target: loaded, checked, rebased
 *   mirror_local.c   that of a zone of the gateway's own
 *   delivery.c       change sets on their way to a target
 *
 * Everything here runs in the zone thread, without locks.
 */
#ifndef MUSTER_SERVED_H
#define MUSTER_SERVED_H

#include <sys/queue.h>

#include "gateway/delivery/delivery.h"
#include "gateway/delivery/notify.h"
#include "gateway/leases/leases.h"

enum {
	SERVED_REFUSALS_PER_S = 100, /* audit rows; what is more is only logged */
	SERVED_SEEN_MAX = 16,        /* names of one heartbeat that are noted (seen.h) */
	SERVED_REFUSAL_SIZE = 1536,  /* octets of one in the journal, at most */
	/* One part in so many of a zone's max_size is kept for keys that hold no more
	 * than one part in so many of it. */
	SERVED_RESERVE_PART = 16,
	SERVED_SHARE_PART = 64,
};

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
	struct update *update; /* owned; what the gateway itself asked for; may be NULL */
	enum served_append_kind kind;
	bool is_in_doubt; /* what it was judged by was stale: mirror_judge_again */
};

/* What waits for an operation of the journal. */
struct served_answer {
	struct journal_op op;
	struct served_zone *zone;
	struct transaction *transaction; /* NULL: nobody's */
	uint64_t withdrawals;            /* the zone's, when it was submitted */
};

/* As much of a file as tells when it is another. */
struct served_file {
	uint64_t device, inode;
	int64_t size, changed_s, changed_ns;
};

/* Of a zone with a local target. */
struct served_local {
	bool is_failed;   /* it could not be loaded, and is tried again */
	bool is_seed_bad; /* ... since its file has an error, or is none */
	char *why;        /* it could not be loaded last, for administrators; owned; NULL:
			 * it could, or there was no memory to say so */
	struct served_file file; /* its seed, as it was then */
	unsigned looks;          /* at that since */
};

struct served_zone {
	UT_hash_handle hh; /* by name, in zone_thread */
	struct zone_thread *thread;
	struct config *config;          /* counted */
	const struct config_zone *zone; /* of config */
	uint8_t name[NAME_MAX_LEN];
	int64_t id;               /* store_ops.zone_id */
	struct zone *mirror;      /* NULL: not loaded */
	bool was_tried;           /* the primary has said something about loading it */
	struct verdict not_ready; /* why, while mirror is NULL */
	struct served_local local;
	struct delivery **deliveries; /* the first is the primary's */
	size_t delivery_count;
	struct transfer *axfr; /* counted; of the durable content; NULL: build it */
	struct transfer_history *history;
	struct notify *notify;      /* to secondaries; NULL: none */
	struct alarm ack_alarm;     /* for the first of waiting */
	struct alarm refresh_alarm; /* of a local zone: until it is tried again */
	TAILQ_HEAD(served_uncommitted, served_append) uncommitted; /* in order */
	struct transaction *waiting; /* for the primary target, by seq */
	struct transaction **waiting_tail;
	uint64_t last_seq;             /* of its newest change set */
	uint64_t withdrawals;          /* how often the mirror took changes back */
	size_t operations;             /* journal operations that point here */
	struct served_zone *kick_next; /* in zone_thread's list of those to be kicked */
	bool is_kick_due;
	bool is_closing;                       /* no longer configured */
	bool is_lost;                          /* writer.c could not enter it */
	LIST_ENTRY(served_zone) closing_entry; /* in writer.c */
	int64_t refusal_s;                     /* the second that refusals is of */
	unsigned refusals;
	struct served_leases leases;
	struct signer_line *questions, *transfers; /* NULL: none yet (served_signer.c) */
};

/* The zone in service of this name; or the closest one that encloses the name.  NULL:
 * none. */
struct served_zone *served_find(const struct zone_thread *thread, const uint8_t *name);
struct served_zone *served_find_enclosing(
	const struct zone_thread *thread, const uint8_t *name);

/* Zones that are loaded. */
size_t served_count_ready(const struct zone_thread *thread);

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
/* Octets left for an answer beside its TSIG record. */
size_t served_answer_limit(const struct transaction *transaction);
/* Copies the answer.  False: no memory. */
bool served_keep_answer(
	struct transaction *transaction, const uint8_t *answer, size_t len);
/* Of an IXFR; false: it does not say. */
bool served_read_client_serial(
	const struct transaction *transaction, uint32_t *ret_serial);
/* NOTIFY (RFC 1996).  Takes it. */
void served_notified(struct served_zone *zone, struct transaction *transaction);

/* Judges an update against the mirror and applies it, to the leases too.  A heartbeat:
 * *ret_changes is empty and has no leases. */
struct verdict served_evaluate(struct served_zone *zone,
	const struct transaction *transaction, struct changeset **ret_changes);
/* Journals a change set that the mirror already has.  Takes over the reference.  False:
 * no memory, nothing done. */
bool served_append_changes(struct served_zone *zone, struct changeset *changes,
	struct transaction *transaction, const struct verdict *verdict,
	enum served_append_kind kind);
/* The same for a change of the gateway's own, by this update, which it takes over too.
 * The sequence number, or 0: no memory, nothing done. */
uint64_t served_append_own(struct served_zone *zone, struct changeset *changes,
	struct update *update, const struct verdict *why);
/* Evaluates an update, a second time too if nothing has come of the first, and sees to
 * the rest. */
void served_judge(struct served_zone *zone, struct transaction *transaction);
/* A commit failed and everything submitted since has come back: the mirror forgets it. */
void served_forget_uncommitted(struct served_zone *zone);
/* Takes a change that waits for its answer back: in the mirror, the journal and all
 * targets; then the client gets verdict. */
void served_withdraw(struct served_zone *zone, struct transaction *transaction,
	const struct verdict *verdict);

/* ---- orders.c ---- */

/*
 * What an administrator does; why (NOERROR, with a reason that says who) goes into the
 * audit.  -EAGAIN: not now, the zone is not loaded or the database fails; -ENOMEM.
 */
/* All leases of a host expire now, held or not.  0 or -ENOENT. */
int served_expire_host(struct served_zone *zone, const uint8_t *owner,
	const struct verdict *why, size_t *ret_leases);
/* Exempts a host from expiry, or no longer.  0: done is called when it is stored (0), or
 * could not be and has been taken back (-errno); -EALREADY; -ENOENT: there are neither
 * leases nor records of the name to be held.  done may be NULL. */
int served_hold_host(struct served_zone *zone, const uint8_t *owner, bool is_held,
	const struct verdict *why, void (*done)(int result, void *arg), void *arg);
/* Releases the brake.  0, or -EALREADY: it is not on. */
int served_resume(struct served_zone *zone, const struct verdict *why);
/* Ends one lease and removes its record.  0 or -ENOENT. */
int served_remove_lease(struct served_zone *zone, const uint8_t *owner, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len, const struct verdict *why);

/* ---- served_signer.c ---- */

/* Is this query one that only the primary target can answer, since it signs the zone? */
bool served_is_signers(
	const struct served_zone *zone, const struct transaction *transaction);
/* Asks it.  Takes the query. */
void served_ask_signer(struct served_zone *zone, struct transaction *transaction);
bool served_is_asking(const struct served_zone *zone);
/* Answers all that wait for it. */
void served_give_up_asking(struct served_zone *zone);
void served_signer_clear(struct served_zone *zone);

/* ---- served_wait.c ---- */

/* A transaction with a seq, behind those that wait already. */
void served_start_waiting(struct served_zone *zone, struct transaction *transaction);
void served_stop_waiting(struct served_zone *zone, struct transaction *transaction);
/* The ack_alarm's. */
void served_on_ack_timeout(void *arg);
/* Heartbeats that wait, and may have found a change of seq or later that the mirror has
 * no longer: what they find now counts. */
void served_judge_heartbeats(struct served_zone *zone, uint64_t seq);
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

/* What makes the mirrors' hashes unforeseeable; once for all of them.  0 or -errno. */
int mirror_draw_seed(struct name_seed *ret_seed) __attribute__((warn_unused_result));
/* A local zone: from the store, or from its seed.  If that fails it is out of service,
 * logged, and tried again. */
void mirror_load_local(struct served_zone *zone);
/* The refresh_alarm's, if it is out of service. */
void mirror_look_again(struct served_zone *zone);
/* Takes the content, which is a local zone's own; 0 or -ENOMEM. */
int mirror_go_into_service(struct served_zone *zone, struct zone *content)
	__attribute__((warn_unused_result));
/* The primary's content, or why there is none; takes the content. */
void mirror_loaded(struct served_zone *zone, struct target_content *content);
/* An update that was in doubt on its way to the disk has arrived there, and waits for the
 * primary. */
void mirror_judge_again(struct served_zone *zone, struct transaction *transaction);
/* What the SOA is at the primary: newer than ours, or one that an update of ours did not
 * come to move. */
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
