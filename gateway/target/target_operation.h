/*
 * The operation of a target that asks a server: who began it, and how it ends.
 *
 * A target embeds one, since it does one thing at a time.  The caller is told from the
 * event loop, and may then free the target or begin the next operation.
 */
#ifndef MUSTER_TARGET_OPERATION_H
#define MUSTER_TARGET_OPERATION_H

#include "gateway/target/target.h"

struct target_operation {
	target_done *done;     /* probe, deliver; NULL: it is a load */
	target_loaded *loaded; /* load */
	void *arg;
	struct rrset *seen; /* the SOA found there; NULL: not known */
	bool maybe_others;  /* target_result; so is is_doubtful */
	bool is_doubtful;
	struct target_content content; /* what a load found, then the whole result */
	struct event *later;           /* tells the caller */
};

/* 0 or -ENOMEM. */
int target_operation_init(struct target_operation *operation, struct event_base *base)
	__attribute__((warn_unused_result));
/* Cancels it; also after a failed init. */
void target_operation_clear(struct target_operation *operation);

/* Notes whom to tell. */
void target_operation_begin(
	struct target_operation *operation, target_done *done, void *arg);
void target_operation_begin_load(
	struct target_operation *operation, target_loaded *loaded, void *arg);

/* Ends it; the caller is told in a moment, together with the SOA that was seen, unless it
 * failed. */
void target_operation_end(struct target_operation *operation, enum target_outcome outcome,
	const struct verdict *why);
void target_operation_succeed(struct target_operation *operation);
void target_operation_fail(
	struct target_operation *operation, const struct target_failure *failure);
void target_operation_fail_memory(struct target_operation *operation);

/* What the operation wrote has given the zone this SOA.  The caller's mirror has the
 * changes already: it is a copy of the zone if it was one before. */
void target_operation_adopt(
	struct rrset *soa, struct rrset **believed, struct rrset **mirrored);

#endif
