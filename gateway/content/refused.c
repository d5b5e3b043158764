/*
 * What the primary target has refused lately: see refused.h.
 */
#include "gateway/content/refused.h"

#include <stdlib.h>

struct refusal {
	struct changeset *changes; /* counted, of one RRset; NULL: free */
	unsigned times;
	int64_t at_ms; /* monotonic: the last time */
	struct verdict why;
};

struct refused {
	struct refusal slots[REFUSED_MAX];
};

void refused_free(struct refused *refused)
{
	if (!refused)
		return;
	for (int i = 0; i < REFUSED_MAX; i++)
		changeset_unref(refused->slots[i].changes);
	free(refused);
}

static bool is_same_set(const struct rrset *a, const struct rrset *b)
{
	return a && b ? rrset_is_identical(a, b) : a == b;
}

static bool is_of(const struct refusal *refusal, const struct change *change)
{
	const struct change *refused = refusal->changes->changes;

	return refused->type == change->type &&
		name_is_equal(refused->owner, change->owner) &&
		is_same_set(refused->after, change->after) &&
		is_same_set(refused->before, change->before);
}

/* The one that is remembered already, a free slot or the oldest. */
static struct refusal *choose_slot(
	struct refused *refused, const struct changeset *changes)
{
	struct refusal *oldest = refused->slots;

	for (int i = 0; i < REFUSED_MAX; i++) {
		struct refusal *refusal = &refused->slots[i];

		if (!refusal->changes || is_of(refusal, changes->changes))
			return refusal;
		if (refusal->at_ms < oldest->at_ms)
			oldest = refusal;
	}
	return oldest;
}

void refused_note(struct refused **refused, struct changeset *changes,
	const struct verdict *why, int64_t monotonic_ms)
{
	struct refusal *refusal;

	if (changes->count != 1)
		return;
	if (!*refused)
		*refused = calloc(1, sizeof(**refused));
	if (!*refused)
		return;
	refusal = choose_slot(*refused, changes);
	if (!refusal->changes || !is_of(refusal, changes->changes) ||
		monotonic_ms - refusal->at_ms >= REFUSED_FORGET_MS)
		refusal->times = 0;
	changeset_ref(changes);
	changeset_unref(refusal->changes);
	refusal->changes = changes;
	refusal->times++;
	refusal->at_ms = monotonic_ms;
	refusal->why = *why;
}

static bool is_certain(const struct refusal *refusal, int64_t monotonic_ms)
{
	return refusal->changes && refusal->times >= REFUSED_TIMES &&
		monotonic_ms - refusal->at_ms < REFUSED_MS;
}

static bool is_among(const struct refusal *refusal, const struct changeset *changes)
{
	for (uint32_t i = 0; i < changes->count; i++) {
		if (is_of(refusal, &changes->changes[i]))
			return true;
	}
	return false;
}

struct verdict refused_check(const struct refused *refused,
	const struct changeset *changes, int64_t monotonic_ms)
{
	for (int i = 0; refused && i < REFUSED_MAX; i++) {
		const struct refusal *refusal = &refused->slots[i];

		if (is_certain(refusal, monotonic_ms) && is_among(refusal, changes))
			return refusal->why;
	}
	return verdict_ok();
}
