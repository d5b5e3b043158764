/*
 * A zone's content, and everything that changes it.
 *
 * The content is the mirror and the leases of its records.  Whatever the gateway itself
 * changes is an edit (edit.h).  Edits have one order: they are made, written to disk
 * (where they get their numbers) and delivered to the targets in it.  Besides, the
 * content follows the primary target (rebase.c; outcome.c takes over its SOA), and leases
 * are refreshed and end by themselves (leases/).  So at any moment the content is
 *
 * 	what the primary target has
 * 	+ what is durable and still on its way there   (the primary's delivery has it)
 * 	+ what is on its way to the disk               (committing)
 *
 *   content.c   making and freeing it, its gate, its observers
 *   edit.c      edits
 *   outcome.c   what deliveries report of them: applied, refused, not reachable
 *   refused.c   what has been refused so that it need not be sent again
 *   rebase.c    other content is put under what is pending
 *   durable.c   what transfers see: the durable content, and its history
 *   seed.c      where a zone of the gateway's own comes from
 *
 * Whatever has to see only the durable content (a load, a transfer) waits at the gate.
 * While something waits there, no new updates are judged, so that after at most one
 * commit nothing is on its way to the disk any more.
 *
 * All of it belongs to the zone thread.
 */
#ifndef MUSTER_CONTENT_H
#define MUSTER_CONTENT_H

#include <sys/queue.h>

#include "gateway/answer/transfer.h"
#include "gateway/content/refused.h"
#include "gateway/delivery/delivery.h"
#include "gateway/delivery/notify.h"
#include "gateway/thread/zone_thread.h"
#include "zones/lease.h"

enum { CONTENT_PARTS_MAX = 8 };

struct content;
struct edit;

/* An accepted update, its sender and the rules that allowed it, for observers that need
 * them. */
struct content_request {
	const struct config_zone *rules;
	const struct policy_subject *subject;
	const struct update *update;
	int64_t real_s; /* of its receipt */
};

/*
 * What observers of a content are told; each function may be NULL.  They are called in
 * the order of the table that lists them (gateway/served/served.c).
 */
struct content_observer {
	/* The mirror exists now, or has been replaced as a whole: others' changes may
	 * have come in by that, too. */
	void (*loaded)(void *part);
	/* Changes that somebody else made at the primary are in the mirror now, beneath
	 * what is pending.  changes: what they did.
	 * is_kept: everything pending still has the same effect. */
	void (*followed)(void *part, struct changeset *changes, bool is_kept);
	/* A client's update was accepted; changes is empty if it was a heartbeat. */
	void (*accepted)(void *part, const struct content_request *request,
		const struct changeset *changes);
	/* An edit is on its way to the disk. */
	void (*committing)(void *part, const struct edit *edit);
	/* It is on the disk. */
	void (*durable)(void *part, const struct edit *edit);
	/* Edits that could not be stored have been undone. */
	void (*undone)(void *part);
	/* The primary target cannot be reached. */
	void (*down)(void *part);
	/* Nothing waits at the gate any more. */
	void (*opened)(void *part);
};

/* An observer. */
struct content_part {
	const struct content_observer *observer;
	void *part;
};

/* Something that waits at the gate; embedded. */
struct content_caller {
	TAILQ_ENTRY(content_caller) entry;
	void (*enter)(struct content_caller *caller);
	void *owner;
};

/* How a content comes into service (content_take_zone). */
struct content_take {
	/* Called at the gate with the content and what is pending on top of it: may it
	 * come into service?  0, or -errno for taken.  NULL: it may. */
	int (*judge)(const struct zone *zone, void *arg);
	/* Called, perhaps at once: at the gate with 0, or with -errno, and then the
	 * mirror is unchanged. */
	void (*taken)(int result, void *arg);
	void *arg;
};

/* A content that is about to come into service (rebase.c). */
struct content_taking {
	struct zone *zone; /* NULL: there is none */
	struct content_caller caller;
	struct content_take how;
};

TAILQ_HEAD(edit_list, edit);

struct content {
	struct zone_thread *thread;
	struct config *config;           /* counted */
	const struct config_zone *rules; /* of config */
	uint8_t name[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];
	int64_t id;              /* store_ops.zone_id */
	size_t operations;       /* operations in the journal that have not come back */
	size_t set_aside;        /* changes that targets have refused for good */
	struct refused *refused; /* of the primary; NULL: none */

	struct zone *mirror;         /* NULL: not loaded */
	struct verdict not_ready;    /* why, while mirror is NULL */
	struct lease_table *leases;  /* owned by gateway/leases/ */
	struct service_time service; /* runs while the zone is loaded */

	struct edit_list committing; /* in order */
	struct edit_list delivering; /* durable, by number, while something waits, or
	                              * may come to wait, for the primary target to
	                              * have them */
	size_t delivering_count;
	const struct edit *held_for; /* edit_hold_primary: until this one is durable;
	                              * NULL: nothing is held */

	struct content_taking taking;
	struct edit *rebase_next; /* in delivering: where to start looking for the edit
	                           * of the change that is rebased next; NULL: at the
	                           * beginning */

	struct delivery **deliveries; /* the first is the primary's */
	size_t delivery_count;
	struct thread_task kick; /* they have something new */

	struct transfer *axfr; /* counted; of the durable content; NULL: to be built */
	struct transfer_history *history;
	struct notify *notify; /* to secondaries; NULL: none */

	TAILQ_HEAD(, content_caller) callers; /* at the gate */
	bool is_closing;                      /* nothing new is begun */

	struct content_part parts[CONTENT_PARTS_MAX]; /* in the order in which they are
	                                               * called */
	size_t part_count;
};

/* ---- content.c ---- */

/* Of the zone with this number.  0 or -ENOMEM; content_clear is needed either way. */
int content_init(struct content *content, struct zone_thread *thread,
	struct config *config, const struct config_zone *rules, int64_t id)
	__attribute__((warn_unused_result));
void content_clear(struct content *content);
void content_configure(
	struct content *content, struct config *config, const struct config_zone *rules);
void content_observe(
	struct content *content, const struct content_observer *observer, void *part);

/* May it be changed now?  NOERROR, or SERVFAIL with the reason. */
struct verdict content_check_ready(const struct content *content);
/* Why a change could not be "stored", or whatever was to be done. */
struct verdict content_database_verdict(const struct content *content, const char *what);

/* The primary's delivery. */
static inline struct delivery *content_primary(const struct content *content)
{
	return content->deliveries[0];
}
/* Does the gateway bump the serial? */
bool content_bumps_serial(const struct content *content);
/* Is the gateway itself the server of the zone? */
bool content_is_local(const struct content *content);

/* Do answers wait until the primary target has what they confirm? */
bool content_waits_for_primary(const struct content *content);
/* For how long at most, in ms.  is_impatient: the client waits for 100 ms only. */
unsigned content_ack_timeout_ms(const struct content *content, bool is_impatient);

/* Drops what has been prepared for AXFR, since the durable content has changed. */
void content_touch(struct content *content);

/* Service time of the zone, now. */
int64_t content_service_ms(struct content *content);

/* Submits an operation that counts as the content's until it is done. */
void content_submit(struct content *content, struct journal_op *op);
/* The same for operations that nothing waits for, and that are lost if there is no
 * memory. */
void content_submit_note(struct content *content, const struct journal_op *op);

/*
 * caller->enter is called when nothing is on its way to the disk: now, or after the
 * commits in progress.  Callers enter in order of arrival.
 */
void content_call(struct content *content, struct content_caller *caller);
/* Does something wait?  Then whatever can be deferred is. */
bool content_is_gated(const struct content *content);
/* Lets callers enter if the last edit has come back from the journal. */
void content_look_at_gate(struct content *content);

/* These call the observers, and do what belongs to the event itself: service time begins
 * when the zone is loaded; edits that nothing awaits end when the primary is down. */
void content_tell_loaded(struct content *content);
void content_tell_followed(
	struct content *content, struct changeset *changes, bool is_kept);
void content_tell_accepted(struct content *content, const struct content_request *request,
	const struct changeset *changes);
void content_tell_committing(struct content *content, const struct edit *edit);
void content_tell_durable(struct content *content, const struct edit *edit);
void content_tell_undone(struct content *content);
void content_tell_down(struct content *content);

/* ---- outcome.c ---- */

/* Would these changes be what the primary has just refused again and again? */
struct verdict content_check_refused(
	const struct content *content, const struct changeset *changes);
/* Corrects its outcome in the journal. */
void content_note_outcome(
	struct content *content, uint64_t seq, const struct verdict *verdict);
/* A target refuses an edit for good.  If it is the primary, the edit is undone;
 * a withdrawal is set aside instead, and the zone loaded again.  0, or -ENOMEM: nothing
 * has been done. */
int content_rejected(struct content *content, struct delivery *delivery,
	const struct delivery_rejection *rejection) __attribute__((warn_unused_result));
/* The SOA at the primary: newer than ours, or one that an update of ours failed to
 * move. */
void content_adopt_soa(struct content *content, struct rrset *soa);

/* ---- rebase.c ---- */

/*
 * Makes this content the mirror, with what is pending on top of it.  Pending changes
 * that are not in memory are read from the journal in pieces, while the present mirror
 * remains in use.  Takes over the zone.
 */
void content_take_zone(
	struct content *content, struct zone *zone, const struct content_take *how);
bool content_is_taking(const struct content *content);
/* Puts the difference under what is pending.  Returns what it did, the caller's; NULL:
 * nothing, and the primary is asked again.  *ret_is_kept: everything pending still has
 * the same effect. */
struct changeset *content_take_difference(
	struct content *content, const struct update *difference, bool *ret_is_kept);

/* ---- durable.c ---- */

extern const struct content_observer content_history_observer;
extern const struct content_observer content_delivery_observer;

/* Like transfer_new_axfr and transfer_new_ixfr.  Nothing may be on its way to the
 * disk. */
struct transfer *content_axfr(
	struct content *content, const uint8_t *question, size_t question_len);
struct transfer *content_ixfr(struct content *content, uint32_t serial,
	const uint8_t *question, size_t question_len, size_t udp_limit);

#endif
