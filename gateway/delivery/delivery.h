/*
 * The delivery of a zone's change sets to one target.
 *
 * Every (zone, target) has a delivery: the change sets that are durable but not yet
 * applied there, in order, and a cursor in the journal up to which everything is
 * applied.  All pending changes (up to the target's batch size) are merged to the final
 * state of each RRset and sent as one request.  The next batch forms meanwhile, so that
 * slow targets get large batches, and a single update waits for nothing.  (Clients that
 * wait for each answer would split into two halves for ever, each waiting for the
 * other's request: with a slow target, the next batch waits for the first half to catch
 * up.)  For a target that lags on purpose, like the local one, changes are merged as they
 * come (struct target_lag).
 *
 * A failing target does not delay the others: its delivery keeps DELIVERY_QUEUE_MAX
 * change sets in memory and reads the rest from the journal when it catches up.  A
 * batch that is refused for good is taken apart, and the update to blame is set aside.
 *
 * The first delivery of a zone, its primary, also loads the mirror and watches the zone's
 * serial there.
 */
#ifndef MUSTER_DELIVERY_H
#define MUSTER_DELIVERY_H

#include "gateway/target/target.h"
#include "gateway/target/target_counts.h"
#include "gateway/thread/zone_thread.h"

enum {
	DELIVERY_QUEUE_MAX = 20000, /* change sets in memory; more are read back later */
	DELIVERY_QUEUE_OCTETS = 64 << 20, /* or octets of them */
	/* All deliveries of the gateway together, each zone thread with its share; but
	 * each queue may have the least, so that none stands still. */
	DELIVERY_TOTAL_OCTETS = 256 << 20,
	DELIVERY_LEAST_OCTETS = 128 << 10,
	DELIVERY_CATCH_UP_PART = 5, /* one part in this many of them is read back from
	                             * the journal at a time */
	DELIVERY_CATCH_UP_OCTETS = 8 << 20, /* or octets of them */
	DELIVERY_CHANGED_MAX = 3,           /* batches in a row that find the zone changed
	                                * by others before the next is put off */
	DELIVERY_BACKOFF_MIN_MS = 100,      /* first pause after a failure */
	DELIVERY_BACKOFF_MAX_MS = 30000,
	DELIVERY_CHECK_AGAIN_MS = 1000,  /* until a check that failed is tried again */
	DELIVERY_CHECK_WHOLE_MS = 10000, /* where only the whole zone shows what others
	                                  * do: from one load to the next, or */
	DELIVERY_CHECK_WHOLE_SHARE = 20, /* this many times as long as it took */
	DELIVERY_CURSOR_MS = 1000,       /* how long the stored cursor lags behind */
	DELIVERY_BELIEF_MS = 10000,      /* the same for a belief, if the cursor stays */
	DELIVERY_MARK_MS = 10 * 60 * 1000, /* between two marks of a zone (store.h) */
	DELIVERY_SLOW_MS = 8, /* a target that takes this long for a request gets fewer
	                       * and larger ones: after each we wait, half as long as
	                       * it took, for the clients that it answered */
	DELIVERY_GATHER_MAX_MS = 10, /* but no longer than this */
};

struct delivery;

/* A target refuses a change set for good. */
struct delivery_rejection {
	uint64_t seq;
	struct changeset *changes; /* as it was added */
	bool is_withdrawal;
	const struct verdict *why;
};

/* What a target has now. */
struct delivery_success {
	uint64_t seq; /* everything up to here, but for delivery_was_passed */
	const struct changeset *changes; /* what was sent last, merged; NULL: nothing */
	struct rrset *soa; /* the SOA that the zone now has there; NULL: not known */
};

/* What a delivery reports to its owner; all but applied, rejected and strayed only for
 * the primary. */
struct delivery_events {
	/* The content, or why there is none.  The callback takes over what it
	 * contains.  After a success the target is not used until delivery_go_on; after a
	 * failure it is tried again, after a pause. */
	void (*loaded)(void *arg, struct target_content *content);
	/* The SOA there; NULL: none.  True: it differs from what it should be. */
	bool (*probed)(void *arg, const struct rrset *soa);
	void (*applied)(void *arg, struct delivery *delivery,
		const struct delivery_success *success);
	/* 0, or -ENOMEM: it is sent again later, and refused again. */
	int (*rejected)(void *arg, struct delivery *delivery,
		const struct delivery_rejection *rejection);
	/* Not of the primary: the zone's serial there is not the one that was left. */
	void (*strayed)(void *arg, struct delivery *delivery);
	/* The SOA there after something was refused. */
	void (*found_soa)(void *arg, struct rrset *soa);
	void (*down)(void *arg);
	/* The first change set whose outcome there somebody awaits; UINT64_MAX: none. */
	uint64_t (*awaited)(void *arg);
	/* The primary's cursor. */
	uint64_t (*primary_cursor)(void *arg);
};

/* The zone of a delivery; must outlive it. */
struct delivery_zone {
	struct zone_thread *thread;
	const uint8_t *name;
	const char *text;   /* the same, for logs */
	int64_t id;         /* store_ops.zone_id */
	size_t *operations; /* journal_op.outstanding */
	const struct delivery_events *events;
	void *arg;
};

/* Where a target stands, as the database has it. */
struct delivery_start {
	uint64_t cursor; /* 0: it is new to the zone */
	struct store_belief belief;
	uint64_t reach;     /* nothing behind it has been sent (store_ops.put_reach) */
	uint64_t overtaken; /* the database was restored: so many change sets after the
	                     * cursor, which the target must not get, since it has seen
	                     * later ones */
};

/* Keeps a reference to config, which contains target_config.  For a target that is new
 * to the zone it starts after the last sequence number.  0 or -ENOMEM. */
int delivery_new(struct delivery **ret_delivery, const struct delivery_zone *zone,
	struct config *config, const struct config_target *target_config, bool is_primary,
	const struct delivery_start *start) __attribute__((warn_unused_result));
void delivery_free(struct delivery *delivery); /* NULL is harmless */
/* The target leaves the configuration: what was changed there is undone, however long
 * that takes.  The delivery is to be freed. */
void delivery_leave(const struct delivery *delivery);
/* Has the target done what it does by itself? */
bool delivery_is_settled(const struct delivery *delivery);

const char *delivery_id(const struct delivery *delivery); /* config_target.id */
/* The target's type. */
const struct target_ops *delivery_target(const struct delivery *delivery);
/* Is the target known to be failing?  Then nothing should wait for it. */
bool delivery_is_down(const struct delivery *delivery);
/* May it take a second now and then for a batch (target_ops.groups)? */
bool delivery_groups(const struct delivery *delivery);
/* Does it still work off what came while the target was failing, in more than a batch, or
 * more than fits into memory?  Then what is new does not get there soon, and nothing
 * should wait for it either. */
bool delivery_is_behind(const struct delivery *delivery);
/* Is this an address of the target's server, as far as they are known now? */
bool delivery_is_at(const struct delivery *delivery, const struct ip_address *address);
uint64_t delivery_cursor(const struct delivery *delivery);
/* Have later changes been let pass this one, which has not been applied there? */
bool delivery_was_passed(const struct delivery *delivery, uint64_t seq);
/* Is everything that has not been applied there in memory? */
bool delivery_is_live(const struct delivery *delivery);
/* Visits what has not been applied there, as far as it is in memory. */
void delivery_each_newest_first(const struct delivery *delivery,
	void (*visit)(struct changeset *changes, void *arg), void *arg);
/* Is there anything that has not been applied there? */
bool delivery_has_pending(const struct delivery *delivery);
/* May there be such a change of this RRset?  True, too, if not all of them are in
 * memory. */
bool delivery_has_change(
	const struct delivery *delivery, const uint8_t *owner, uint16_t type);
/* Stores its position, before the gateway stops. */
void delivery_save(struct delivery *delivery);
/* The last position may not have been stored. */
void delivery_save_again(struct delivery *delivery);
/* Other settings for the same target (another key, another timeout), from the next
 * request on.  Keeps a reference to config. */
void delivery_configure(struct delivery *delivery, struct config *config,
	const struct config_target *target_config);

/* Who has sent a change set. */
struct delivery_sender {
	const uint8_t *key;          /* name in wire form; NULL: unsigned */
	const struct update *update; /* what was asked for */
};

/* A change set has become durable; sender NULL: it is the gateway's.  A withdrawal undoes
 * an earlier one; if a target refuses it, that refusal is not undone in turn. */
void delivery_add(struct delivery *delivery, uint64_t seq, struct changeset *changes,
	bool is_withdrawal, const struct delivery_sender *sender);
/* A change set is on its way to the disk. */
void delivery_expect(struct delivery *delivery);
/* A change set that does not concern this target has become durable. */
void delivery_pass(struct delivery *delivery, uint64_t seq);

/* Primary: load the mirror as soon as the target is free. */
void delivery_want_load(struct delivery *delivery);
/* Primary: the same, but the whole zone, not a difference. */
void delivery_want_whole(struct delivery *delivery);
/* Primary: what was loaded has been dealt with. */
void delivery_go_on(struct delivery *delivery);
/* Primary: it could not be dealt with, and is loaded again after a pause. */
void delivery_put_off(
	struct delivery *delivery, enum target_trouble trouble, const char *why);
/* Primary: what was loaded must not be taken without a person's word.  Nothing is sent,
 * and the target counts as down; from time to time it is looked at (probed), until it is
 * loaded again and delivery_go_on is called. */
void delivery_wait_for_word(struct delivery *delivery, const char *why);
/* Does it? */
bool delivery_awaits_word(const struct delivery *delivery);
/* Primary: there is a mirror, so change sets may be sent. */
void delivery_set_ready(struct delivery *delivery);
/* The zone there has this serial, now that everything up to the cursor has been applied;
 * it is stored with the cursor.  records: of the primary; otherwise 0. */
void delivery_believe(struct delivery *delivery, uint32_t serial, size_t records);
/* The serial is not known, until it is believed again. */
void delivery_doubt(struct delivery *delivery);
/* What was believed last, perhaps by an earlier process. */
const struct store_belief *delivery_belief(const struct delivery *delivery);
/* Checks whether the serial there is still ours; other targets': the one that was
 * left. */
void delivery_want_probe(struct delivery *delivery);

/*
 * Primary: applies everything pending to other content, which has been loaded and is
 * not in service yet.  Nothing is sent meanwhile.  What is not in memory is read from
 * the journal a piece at a time.  However long that takes, nothing else waits for it,
 * and more changes may become durable.
 */
struct delivery_rebase {
	/* Called for each change set, in order: applies it there, and returns what that
	 * changed, which the delivery takes over.  NULL: no memory.  *ret_is_other: it
	 * differs from old. */
	struct changeset *(*rebase)(
		uint64_t seq, struct changeset *old, bool *ret_is_other, void *arg);
	/* delivery_rebase_queue fails: the effects so far are not kept, newest first;
	 * may be NULL. */
	void (*undo)(struct changeset *rebased, void *arg);
	/* 0: those that had to be read have been applied, and delivery_rebase_end does
	 * the rest; or -errno: it has ended, and the content lacks some of them. */
	void (*done)(int result, void *arg);
	void *arg;
};
void delivery_rebase_begin(
	struct delivery *delivery, const struct delivery_rebase *rebase);
/* Applies the last of them, so that the content has everything durable.  0; -EAGAIN:
 * there are too many, and done will be called again; or -ENOMEM: it has ended. */
int delivery_rebase_end(struct delivery *delivery) __attribute__((warn_unused_result));
/* After its success: the content does not come into service after all.  What is pending
 * is read from the journal again. */
void delivery_rebase_drop(struct delivery *delivery);
/* Applies all at once, if the delivery is live.  0; or -ENOMEM: what is pending is as it
 * was. */
int delivery_rebase_queue(struct delivery *delivery, const struct delivery_rebase *rebase)
	__attribute__((warn_unused_result));

/*
 * Sends what brings to the target what it has lost, before anything that is pending, so
 * that nothing newer is overwritten: the caller knows that what is pending or in flight
 * now does not change these RRsets.  before: what the target has.  done is called once,
 * later; nothing is tried again.  0; or -EAGAIN: the target fails, or other changes of
 * this kind have not come back.
 */
int delivery_mend(struct delivery *delivery, struct changeset *changes, target_done *done,
	void *arg) __attribute__((warn_unused_result));
/* done is not called.  Harmless if there is nothing. */
void delivery_stop_mending(struct delivery *delivery);

/* Primary: sends no batch while it is held, so that what is about to be withdrawn is not
 * sent first; unless it is reading from the journal, where the withdrawal comes later
 * anyway. */
void delivery_hold(struct delivery *delivery, bool is_held);
/* Its state, for administrators. */
struct delivery_view {
	const char *id; /* the delivery's */
	bool is_primary;
	bool is_local; /* target_ops.is_local */
	bool is_down;
	int64_t pause_ms; /* what is left of the pause */
	enum target_trouble trouble;
	const char *why;   /* the last failure, or what is wrong although changes arrive;
	                    * borrowed; NULL: nothing */
	const char *place; /* where it is reached; NULL: at its first place */
	uint64_t cursor;
	uint64_t first_seq; /* of the pending changes in memory; 0: none */
	size_t pending;     /* change sets in memory */
	bool is_live;       /* these are all; otherwise more wait in the journal */
	uint64_t delivered; /* change sets, since it was opened */
	uint64_t failures;  /* requests that failed */
	uint64_t rejected;  /* change sets that it refused for good */
	const struct target_counts *counts; /* the delivery's */
};
struct delivery_view delivery_look(const struct delivery *delivery, int64_t monotonic_ms);
/* Ends a pause now.  False: there is none. */
bool delivery_retry(struct delivery *delivery);

/* Begins what comes next, at the end of an event, and before stopping (flush: without
 * waiting for a larger batch). */
void delivery_kick(struct delivery *delivery, bool flush);

#endif
