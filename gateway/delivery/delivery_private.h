/* What the files of a delivery share: delivery.c (what to do next with the target),
 * delivery_queue.c (what is pending, and the cursor), delivery_blame.c (who is to blame
 * if a batch is refused), delivery_named.c (whom the target names), delivery_order.c (who
 * may go before whom), delivery_list.c (lists of change sets), delivery_melt.c (what
 * melts, for a target that lags), delivery_mend.c (what brings to a target what it has
 * lost), delivery_read.c (what is read back from the journal), delivery_job.c (the
 * reader's part of that), delivery_fold.c (how it is folded), delivery_shrink.c (the
 * journal gets it instead of what it comes from), delivery_reach.c (how far anything may
 * have been sent), delivery_settings.c (other settings for the target) and
 * delivery_view.c (what others may ask). */
#ifndef MUSTER_DELIVERY_PRIVATE_H
#define MUSTER_DELIVERY_PRIVATE_H

#include <sys/queue.h>

#include "gateway/delivery/delivery.h"
#include "gateway/delivery/delivery_blame.h"

enum delivery_state {
	DELIVERY_IDLE,
	DELIVERY_LOADING,
	DELIVERY_LOADED, /* until delivery_go_on */
	DELIVERY_PROBING,
	DELIVERY_SENDING,
	DELIVERY_MENDING,
	DELIVERY_PAUSING, /* after a failure */
};

struct delivery_entry {
	TAILQ_ENTRY(delivery_entry) entry;
	/* The first and the last change set in it: there may be several, if they have
	 * melted or been folded.  Everything up to seq is applied when the entry is: of
	 * a fold's entries only the last has the fold's seq, and its sets. */
	uint64_t first_seq, last_seq, seq;
	size_t sets;               /* change sets in it */
	struct changeset *changes; /* counted */
	struct changeset *rebased; /* what it is about to become; NULL: nothing else */
	struct changeset
		*origin;    /* counted: it was uncertain before it was rebased; NULL */
	size_t size;        /* octets that it takes, without what melted */
	bool is_withdrawal; /* takes back an earlier one */
	bool is_folded;     /* goes alone */
	bool is_altered;    /* it is not what the journal has */
	uint32_t sender;    /* delivery_blame_sender; 0: nobody, or not known */
	bool is_doubtful;   /* it failed, and perhaps not for the target's sake */
	bool may_pass;      /* whatever it was judged by is of names that it changes */
	bool was_passed;    /* later ones have been let pass */
};

TAILQ_HEAD(delivery_entries, delivery_entry);

/* Bounded in number, by DELIVERY_QUEUE_OCTETS, and by what all lists of the zone thread
 * may take; it always has room for one. */
struct delivery_list {
	struct zone_thread *thread; /* NULL: it is the reader's, and bounded by itself */
	struct delivery_entries entries; /* by seq, but for those that were passed */
	size_t count, count_max;
	size_t sets; /* change sets in them */
	size_t octets;
	size_t passed;   /* entries that were */
	size_t doubtful; /* entries that are */
};

/* What rows come to (delivery_fold.c); zero at first, but for the limits. */
struct delivery_fold {
	struct changeset *merged; /* owned; NULL: of none yet */
	uint64_t first_seq, seq;  /* of the first and the last row */
	size_t sets;              /* rows */
	size_t octets;            /* that merged takes, about */
	size_t sets_max, octets_max;
	uint64_t end;       /* this row and later ones are not folded */
	uint64_t uncertain; /* struct delivery's; 0: everything is certain */
};

/* Entries of the queue, merged to one request. */
struct delivery_batch {
	TAILQ_ENTRY(delivery_batch) entry;
	struct changeset *changes; /* counted */
	uint64_t seq;              /* with the batches before, everything up to here */
	uint64_t last_seq;         /* the last change set of which it has anything */
	const struct delivery_entry *last; /* of those in it, while it is in flight */
	size_t entries;
	bool is_retry;   /* tried before, outcome unknown */
	int64_t sent_ms; /* monotonic */
};

TAILQ_HEAD(delivery_batches, delivery_batch);

/* What brings to the target what it has lost (delivery_mend). */
struct delivery_mending {
	struct changeset *changes; /* counted; NULL: nothing waits, or is being sent */
	target_done *done;         /* NULL: nobody wants to know */
	void *arg;
};

enum { DELIVERY_SHRINK_SEQS = 8192 }; /* rows that get parts, at most */

struct delivery_read {
	struct thread_read read;   /* first */
	struct delivery *delivery; /* NULL: it no longer wants it */
	struct zone_thread *thread;
	int64_t zone;
	uint8_t apex[NAME_MAX_LEN];
	size_t batch_changes; /* target_ops' */
	uint64_t after;
	struct delivery_list rows;
	bool may_fold;
	struct delivery_fold fold;
	size_t reserved; /* octets of the thread's, for the fold or the rows */
	bool is_folding; /* the fold has room for more */
	bool is_end;     /* there are no more */
	/* To shrink the journal: the last rows of the fold, a ring; owned; NULL: it is
	 * for the queue, or for a rebase. */
	uint64_t *seqs;
	uint64_t blocked; /* a row that cannot be folded, and ends the fold */
};

struct delivery {
	struct delivery_zone zone;
	char *id;
	struct target *target;
	bool is_primary;
	enum delivery_state state;
	struct config *config; /* counted: contains target_config */
	const struct config_target *target_config;
	struct config *next_config; /* counted; NULL: no other settings wait */
	const struct config_target *next_target_config;
	bool is_ready; /* of the primary: there is a mirror */
	bool want_load, want_probe;
	bool want_whole;        /* a difference will not do */
	bool is_waiting;        /* delivery_wait_for_word */
	bool is_down;           /* it has failed since the last success */
	bool has_answered;      /* the other way round */
	unsigned backoff_ms;    /* the next pause */
	int64_t pause_until_ms; /* monotonic; in DELIVERY_PAUSING */
	enum target_trouble trouble;
	char *why; /* owned: the last failure; NULL: it works, or there was no memory */
	uint64_t delivered, failures, rejected; /* struct delivery_view */
	struct target_counts counts;
	struct alarm alarm; /* end of a pause, or something need wait no longer */
	bool want_check, is_checking; /* target_ops.check */
	bool is_check_loading;        /* a check has asked for the load */
	int64_t check_at_ms;          /* monotonic; not before then */
	int64_t load_began_ms;        /* monotonic */
	struct alarm check_alarm;
	struct alarm cursor_alarm;  /* writes a cursor that has moved */
	uint64_t cursor;            /* applied there up to here */
	uint64_t applied;           /* and up to here, but for what was passed */
	uint64_t cursor_stored;     /* as the journal has it */
	uint64_t backlog;           /* what came in the last outage ends here */
	struct store_belief belief; /* what it has */
	bool is_belief_stored;
	bool is_doubted;   /* the cursor has moved since, by an unknown serial */
	int64_t marked_ms; /* real time of the last mark; 0: none yet */

	struct delivery_list queue; /* durable, not yet applied */
	uint64_t loaded;            /* last seq that the queue has, or has had */
	bool is_held;               /* delivery_hold */
	bool is_live;               /* the queue has everything after the cursor */

	/* delivery_melt.c */
	struct delivery_entry *melting; /* of the queue; NULL: none melts */
	int64_t melting_since_ms;       /* monotonic */
	struct changeset *spent; /* has been applied; is freed bit by bit; NULL: none */

	/* delivery_read.c, while it is not live */
	struct delivery_read *read;  /* under way; NULL: none */
	struct delivery_read *piece; /* has been read, and is being rebased; NULL: none */
	struct alarm step;           /* goes on with that */
	size_t fold_max;             /* rows that are folded next; 0: any number */
	/* With so many entries the queue had no room for what was read; 0: it had. */
	size_t crowded;
	struct delivery_list tail;     /* durable since the read was requested */
	uint64_t tail_seq;             /* the newest of those; 0: none */
	bool has_tail;                 /* which is all of it */
	struct delivery_rebase rebase; /* under way; done NULL: none */
	uint64_t rebased;              /* up to here; 0: it has not begun */
	bool is_full;                  /* not all of it had room */
	struct delivery_list altered;  /* behind the queue: those that are not what the
					* journal has, since others change the zone */

	/* delivery_reach.c */
	struct delivery_reaching *reaching; /* it moves; NULL: it does not */
	uint64_t reach;       /* batches up to here may be sent, for all the journal says;
	                       * UINT64_MAX: any */
	bool is_reach_stored; /* the journal says so */
	uint64_t sent;        /* nothing behind it has been sent, even by an earlier
	                       * process */

	/* delivery_shrink.c */
	struct delivery_melting *melted; /* on its way to the journal; NULL: nothing is */
	uint64_t shrunk;                 /* the newest row that has melted */
	uint64_t shrink_after; /* go on behind this row; 0: from the beginning */

	struct delivery_batches
		batches; /* in flight, in order; or one to be sent again */
	unsigned in_flight;
	uint64_t uncertain; /* changes up to here may have been applied by an earlier
	                      * process, or by a batch that was given up */
	struct delivery_mending mending;
	unsigned changed_in_a_row; /* batches that found the zone changed by others */
	struct delivery_blame blame;
	int64_t landed_ms;       /* monotonic; of the last batch */
	int64_t gather_until_ms; /* monotonic; the next batch waits until then, or
	                            * until the queue has gather_count entries */
	size_t gather_count;
};

/* ---- delivery_queue.c ---- */

/* Takes up the target's cursor, or starts one for a new target.  0 or -ENOMEM. */
int delivery_start(struct delivery *delivery, const struct delivery_start *start);
/* The cursor is written to the journal after a while: changes after an old one are
 * delivered again after a crash, which has no effect. */
void delivery_move_cursor(struct delivery *delivery, uint64_t seq);
void delivery_on_cursor_alarm(void *arg);

/* Changes up to seq may have been applied. */
void delivery_note_uncertain(struct delivery *delivery, uint64_t seq);
void delivery_drop_batch(struct delivery *delivery, struct delivery_batch *batch);
void delivery_drop_batches(struct delivery *delivery);
/* The same, but their outcome may never be known. */
void delivery_give_up_batch(struct delivery *delivery, struct delivery_batch *batch);
void delivery_give_up_batches(struct delivery *delivery);
/* The first entry that is in no batch; NULL: none. */
struct delivery_entry *delivery_next_entry(const struct delivery *delivery);
/* Merges it and those behind it into one more batch.  NULL: no memory. */
struct delivery_batch *delivery_form_batch(struct delivery *delivery, size_t limit);

/* Called before a finished batch leaves the queue: the clients that it answers may send
 * again. */
void delivery_start_gathering(
	struct delivery *delivery, const struct delivery_batch *batch);
/* Should the next batch wait for them?  Then the alarm is set, or what is in flight wakes
 * the delivery up. */
bool delivery_is_gathering(struct delivery *delivery);

/* ---- delivery_order.c ---- */

/* Does it go alone? */
bool delivery_is_suspect(
	const struct delivery *delivery, const struct delivery_entry *entry);
/* A batch at the head of the queue has failed, and perhaps it is to blame: next time it
 * is taken apart, or others may pass it. */
void delivery_put_in_doubt(struct delivery *delivery, const struct delivery_batch *batch);
/* Before a batch is formed of this entry and those behind it: puts suspects behind what
 * could go into it, unless it is their turn. */
void delivery_let_pass(struct delivery *delivery, struct delivery_entry *first);
/* Up to seq everything is applied, but for what was passed: up to where is it really? */
uint64_t delivery_last_before_passed(const struct delivery *delivery, uint64_t seq);
/* Nothing counts as passed any more. */
void delivery_restore_order(struct delivery *delivery);

/* ---- delivery_named.c ---- */

/* A batch of several entries at the head of the queue has been refused with this text,
 * which perhaps says which entry is meant. */
void delivery_note_named(
	struct delivery *delivery, const struct delivery_batch *batch, const char *text);

/* ---- delivery_list.c ---- */

/* What an entry with these takes. */
size_t delivery_entry_octets(const struct changeset *changes);
void delivery_list_init(
	struct delivery_list *list, size_t count_max, struct zone_thread *thread);
/* Octets that the deliveries of a thread, or a list of it, may still take. */
size_t delivery_list_room(const struct delivery_list *list);
bool delivery_list_has_room(const struct delivery_list *list, size_t octets);
/* 0, -ENOSPC or -ENOMEM. */
int delivery_list_add(struct delivery_list *list, uint64_t seq, struct changeset *changes,
	bool is_withdrawal) __attribute__((warn_unused_result));
void delivery_list_drop(struct delivery_list *list, struct delivery_entry *entry);
/* Copies the entry, with a reference of its own, even if there is no room for it.  0 or
 * -ENOMEM. */
int delivery_list_put(struct delivery_list *list, const struct delivery_entry *entry)
	__attribute__((warn_unused_result));
/* Moves them to the end of another list. */
void delivery_list_move(struct delivery_list *to, struct delivery_list *from,
	struct delivery_entry *entry);
/* What it is rebased from.  If that is uncertain it stays, whatever the target had: the
 * target may have a request of an earlier process before it, and get to that now. */
struct changeset *delivery_entry_origin(const struct delivery_entry *entry);
/* Takes over changes. */
void delivery_list_replace(struct delivery_list *list, struct delivery_entry *entry,
	struct changeset *changes);
void delivery_list_clear(struct delivery_list *list);

/* ---- delivery_melt.c ---- */

/* A change set has become durable.  False: it has to go to the queue by itself. */
bool delivery_melt(
	struct delivery *delivery, uint64_t seq, const struct changeset *changes);
/* Should the queue wait, so that more melts?  Then the alarm is set. */
bool delivery_is_lagging(struct delivery *delivery);
/* Takes over changes that the target has applied, and frees them: bit by bit if they are
 * many. */
void delivery_spend(struct delivery *delivery, struct changeset *changes);

/* ---- delivery_shrink.c ---- */

/* Has the journal put parts in the place of the rows that they come from (struct
 * store_melting); takes over the entries.  seqs: the last of the rows, a ring. */
void delivery_melt_rows(struct delivery *delivery, struct delivery_list *parts,
	const uint64_t *seqs, size_t seqs_max);
/* The delivery ends. */
void delivery_stop_shrinking(struct delivery *delivery);

/* ---- delivery_reach.c ---- */

void delivery_start_reach(struct delivery *delivery, const struct delivery_start *start);
/* The delivery ends. */
void delivery_stop_reaching(struct delivery *delivery);
/* It has failed, or rows are left to the journal: that much has not been sent. */
void delivery_limit_reach(struct delivery *delivery);
/* May the next batch be sent, which begins with this entry unless one is to be sent
 * again?  False: not yet.  Either the alarm is set, or will be, or the target has to be
 * probed first (want_probe). */
bool delivery_is_in_reach(struct delivery *delivery, const struct delivery_entry *next);

/* ---- delivery_fold.c ---- */

/* Would an RRset have too many records that it may have or not, to be told in a
 * message? */
bool delivery_fold_is_too_uncertain(
	const struct changeset *merged, const struct changeset *changes);
/* 0; 1: it is full, and lacks this row; or -ENOMEM. */
int delivery_fold_add(struct delivery_fold *fold, uint64_t seq,
	const struct changeset *changes) __attribute__((warn_unused_result));
/* Moves rows into it, as long as it is not full.  The same. */
int delivery_fold_add_list(struct delivery_fold *fold, struct delivery_list *list)
	__attribute__((warn_unused_result));
/* Makes it entries at the end of a list, with at most limit RRsets each, as far as owners
 * are not parted.  Clears the fold.  0 or -ENOMEM. */
int delivery_fold_cut(struct delivery_fold *fold, const uint8_t *apex, size_t limit,
	struct delivery_list *list) __attribute__((warn_unused_result));
void delivery_fold_clear(struct delivery_fold *fold);

/* ---- delivery_job.c ---- */

/* reader_job.run: a piece, or the next part of a fold (is_folding). */
int delivery_read_rows(
	struct reader_job *job, const struct store_ops *ops, struct store *store);
/* Gives back what was reserved. */
void delivery_read_release(struct delivery_read *read);
void delivery_read_free(struct delivery_read *read);

/* ---- delivery_read.c ---- */

/* A change set that does not fit into the queue has become durable; changes NULL: it
 * does not concern this target.  Its entry; NULL: it has none. */
struct delivery_entry *delivery_follow(struct delivery *delivery, uint64_t seq,
	struct changeset *changes, bool is_withdrawal);
/* Asks the journal for more if the queue runs empty; delivery_kick is called when that
 * has arrived.  0 or -ENOMEM. */
int delivery_catch_up(struct delivery *delivery) __attribute__((warn_unused_result));
/* Nothing is reported. */
void delivery_stop_reading(struct delivery *delivery);
/* If there is much in the queue, and the journal has it too, that is read again, and
 * folded. */
void delivery_fold_queue(struct delivery *delivery);
/* Part of a fold is at the head of the queue, and the target refuses it: fewer rows are
 * folded then, until the one to blame comes alone. */
void delivery_unfold(struct delivery *delivery);
void delivery_on_step(void *arg);
/* The target is down: if the database is large, rows that wait for it melt. */
void delivery_shrink(struct delivery *delivery);

/* ---- delivery_check.c ---- */

/* Others may have changed the zone, too, unseen. */
void delivery_suspect_others(struct delivery *delivery);
/* Begins a check, if there is something to be checked now; done with the delivery as arg
 * calls delivery_take_check. */
void delivery_check(struct delivery *delivery, target_done *done);
void delivery_take_check(struct delivery *delivery, const struct target_result *result);
/* A check has led to a whole zone: where only that shows what others have done, looking
 * must not take all the time. */
void delivery_put_off_checks(struct delivery *delivery);

/* ---- delivery_mend.c ---- */

/* Of a second target (others are not looked at): the SOA there after a batch, and after a
 * look at it; or it has been changed by others.  The owner is told if it is not as it was
 * left. */
void delivery_note_applied(struct delivery *delivery, const struct rrset *soa);
void delivery_note_probed(struct delivery *delivery, const struct rrset *soa);
void delivery_note_changed(struct delivery *delivery);
/* That is all right; NULL: it is not known. */
void delivery_note_left(struct delivery *delivery, const struct rrset *soa);
/* Is there something to be sent before the next batch? */
bool delivery_is_mending_due(const struct delivery *delivery);
/* Tells what came of it.  Harmless if there is nothing. */
void delivery_end_mending(struct delivery *delivery, const struct target_result *result);
void delivery_fail_mending(
	struct delivery *delivery, enum target_trouble trouble, const char *why);

/* ---- delivery.c ---- */

/* It has failed, and is tried again after a while. */
void delivery_pause_for(
	struct delivery *delivery, enum target_trouble trouble, const char *why);

#endif
