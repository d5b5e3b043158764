/*
 * What comes of comparing a target with its zone (reconcile.h), as administrators see it.
 */
#ifndef MUSTER_RECONCILE_OUTCOME_H
#define MUSTER_RECONCILE_OUTCOME_H

#include "tsig/verdict.h"
#include "zones/compare.h"

enum { DRIFT_KINDS = 3 }; /* of enum drift_kind */

/* What becomes of a record that differs. */
enum reconcile_fate {
	RECONCILE_LEAVE,
	RECONCILE_REPAIR,
	RECONCILE_TAKE, /* over into the zone */
};

/* What came of comparing one target. */
struct reconcile_outcome {
	struct verdict why; /* NOERROR, or why it was not compared, or not to its end */
	size_t here, there; /* records: of the zone, and of the target */
	size_t found[DRIFT_KINDS]; /* records that differ */
	size_t left[DRIFT_KINDS];  /* of those, neither repaired nor taken over */
	size_t repaired, taken;
	size_t refused;         /* records that the target refused to be given */
	struct verdict refusal; /* the last */
	size_t changing; /* RRsets that were being changed and are looked at again */
};

/* Records of all kinds. */
static inline size_t reconcile_count(const size_t counts[DRIFT_KINDS])
{
	size_t sum = 0;

	for (int i = 0; i < DRIFT_KINDS; i++)
		sum += counts[i];
	return sum;
}

/* What a run has found out about a target, for administrators. */
struct reconcile_state {
	int64_t at_s; /* real time of the last comparison that came to its end; 0: none */
	struct verdict why;       /* NOERROR, or why the last one did not */
	size_t left[DRIFT_KINDS]; /* records that differed when it had ended */
};

#endif
