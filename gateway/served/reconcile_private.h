/* What the files of reconciliation share (reconcile.h). */
#ifndef MUSTER_RECONCILE_PRIVATE_H
#define MUSTER_RECONCILE_PRIVATE_H

#include "gateway/served/reconcile.h"
#include "gateway/served/served.h"
#include "zones/update_builder.h"

enum {
	/* RRsets that are being changed during a run: 32 MB.  With more, it is given
	 * up. */
	RECONCILE_TOUCHED_MAX = 1000000,
	RECONCILE_TEXT_MAX = 512, /* octets of what the log shows of a run */
};

/* A run: one target is compared. */
struct reconcile_run {
	struct reconciliation *shared;
	struct reconcile *reconcile;
	struct content *content; /* the zone's */
	/* What is asked for; a run by itself has no visitor. */
	struct reconciling how;
	bool is_ordered; /* an administrator has */
	bool repairs;
	/* A look at what a person has to decide about, of a primary that awaits that. */
	bool is_preview;
	/* Called once, at the end, with the run's outcome; the run is then freed. */
	void (*ended)(struct reconcile_run *run);
	struct reconcile_order *order; /* NULL: none */
	struct alarm alarm;            /* for the next piece */
	struct fetch *fetch;           /* under way; NULL: none */
	struct digest_set touched;     /* RRsets that have been changed since it began */
	bool is_stale;   /* the mirror has been replaced, or too much is being changed */
	bool is_behind;  /* it waits until the mirror has what others changed there */
	unsigned behind; /* times that it has done so */
	struct comparison comparison;
	bool is_compared;                 /* to its end */
	struct changeset *drift;          /* of the page; NULL: none */
	bool has_page;                    /* it is complete, and being dealt with */
	struct provenance_reader *reader; /* under way; NULL: none */
	struct provenance provenance;
	bool has_provenance;
	/* Of the page. */
	struct changeset *mends;       /* what is to be sent; NULL: nothing */
	size_t (*mended)[DRIFT_KINDS]; /* owned: records that each of them mends */
	uint32_t sent;                 /* so many of them have been dealt with */
	uint32_t sending, most; /* are being sent; at most, since others were refused */
	unsigned tries;         /* of what is being sent */
	struct update_builder takes; /* foreign records of the page */
	struct taking *taking;       /* edits on their way to the disk; NULL: none yet */
	struct reconcile_outcome outcome;
	char text[RECONCILE_TEXT_MAX]; /* the first records that differ */
	size_t text_len;
};

/* ---- reconcile_run.c ---- */

/* Begins, and may end at once.  How, order and so on are set by the caller.  NULL: no
 * memory. */
struct reconcile_run *reconcile_run_new(
	struct reconciliation *shared, struct reconcile *reconcile);
void reconcile_run_begin(struct reconcile_run *run);
/* Nothing is reported any more. */
void reconcile_run_stop(struct reconcile_run *run);
/* An RRset is being changed. */
void reconcile_run_touch(struct reconcile_run *run, const struct changeset *changes);
/* Do it again from the beginning, since nothing can be told from it. */
void reconcile_run_spoil(struct reconcile_run *run);

/* ---- reconcile_judge.c ---- */

/* Has the page anything that only the journal can decide? */
bool reconcile_needs_journal(const struct reconcile_run *run);
/* Decides about each record of the page: fills in mends and takes, and counts.  0 or
 * -ENOMEM. */
int reconcile_judge(struct reconcile_run *run) __attribute__((warn_unused_result));

#endif
