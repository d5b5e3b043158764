/*
 * Folding: rows that a target has missed become one change of each RRset, in the order of
 * owners, and are cut into entries that make a batch each.  So a target that was away
 * for hours gets each RRset once, and what has been read takes as much memory as what
 * has changed, however often.
 *
 * All RRsets of an owner go together, since one may make way for another (CNAME), and
 * the apex comes last: a SOA announces what secondaries find then.
 *
 * In between the target has some of the RRsets as they were and some as they will be,
 * which no update has made.  Its cursor moves with the last entry; before that, all rows
 * are pending.  Nothing is folded that somebody waits for: that is told apart.
 *
 * Runs in the reader's thread.
 */
#include "gateway/delivery/delivery_private.h"

#include <errno.h>
#include <stdlib.h>

#include "zones/rebase.h"

enum {
	/* An RRset that an uncertain target may have in too many states: more of them
	 * would not fit into a message. */
	FOLD_UNWANTED_MAX = 4096,
	FOLD_BATCH_OCTETS = 48000, /* of an entry, about as in a message */
	FOLD_RR_OCTETS = 12,       /* a record's, beside its data */
};

void delivery_fold_clear(struct delivery_fold *fold)
{
	changeset_unref(fold->merged);
	fold->merged = NULL;
	fold->sets = 0;
	fold->octets = 0;
}

/* ---- folding ---- */

static size_t set_octets(const struct rrset *set)
{
	return set ? rrset_octets(set) : 0;
}

static size_t change_octets(const struct change *change)
{
	return sizeof(*change) + name_len(change->owner) + set_octets(change->before) +
		set_octets(change->after);
}

/* What the RRsets of changes take there. */
static size_t find_octets(
	const struct delivery_fold *fold, const struct changeset *changes)
{
	size_t octets = 0;

	for (uint32_t i = 0; i < changes->count; i++) {
		const struct change *change = changeset_find(fold->merged,
			changes->changes[i].owner, changes->changes[i].type);

		octets += change ? change_octets(change) : 0;
	}
	return octets;
}

bool delivery_fold_is_too_uncertain(
	const struct changeset *merged, const struct changeset *changes)
{
	for (uint32_t i = 0; i < changes->count; i++) {
		const struct change *next = &changes->changes[i];
		const struct change *change =
			changeset_find(merged, next->owner, next->type);

		if (set_octets(next->before) > FOLD_UNWANTED_MAX ||
			(change &&
				set_octets(change->before) + set_octets(change->after) >
					FOLD_UNWANTED_MAX))
			return true;
	}
	return false;
}

/* May the target have it?  Or does it come from rows of which it may have had some? */
static bool is_uncertain(
	const struct delivery_fold *fold, uint64_t seq, const struct changeset *changes)
{
	return seq <= fold->uncertain || changes->is_uncertain;
}

static bool is_full(const struct delivery_fold *fold, uint64_t seq, bool is_unsure)
{
	if (seq >= fold->end || fold->sets >= fold->sets_max)
		return true;
	return fold->sets &&
		(fold->octets >= fold->octets_max ||
			is_unsure != fold->merged->is_uncertain);
}

/* 0 or -ENOMEM. */
static int begin(struct delivery_fold *fold, uint64_t seq)
{
	if (fold->merged)
		return 0;
	fold->merged = changeset_new();
	fold->first_seq = seq;
	return fold->merged ? 0 : -ENOMEM;
}

int delivery_fold_add(
	struct delivery_fold *fold, uint64_t seq, const struct changeset *changes)
{
	const bool is_unsure = is_uncertain(fold, seq, changes);
	size_t before;
	int r;

	if (is_full(fold, seq, is_unsure))
		return 1;
	r = begin(fold, seq);
	if (r)
		return r;
	if (is_unsure && delivery_fold_is_too_uncertain(fold->merged, changes))
		return 1;
	before = find_octets(fold, changes);
	r = is_unsure ? rebase_merge_uncertain(fold->merged, changes)
		      : changeset_merge(fold->merged, changes);
	if (r)
		return r;
	fold->octets += find_octets(fold, changes) - before;
	fold->seq = seq;
	fold->sets++;
	return 0;
}

int delivery_fold_add_list(struct delivery_fold *fold, struct delivery_list *list)
{
	struct delivery_entry *e;
	int r = 0;

	while (!r && (e = TAILQ_FIRST(&list->entries))) {
		r = delivery_fold_add(fold, e->seq, e->changes);
		if (!r)
			delivery_list_drop(list, e);
	}
	return r;
}

/* ---- cutting ---- */

struct cut {
	const struct delivery_fold *fold;
	const uint8_t *apex;
	const struct change **order; /* by owner, the apex last; owned */
	uint32_t count;              /* of them */
	size_t limit;                /* RRsets of an entry */
	struct delivery_list *list;  /* to */
};

static int compare(const void *a, const void *b)
{
	const struct change *const *x = a, *const *y = b;

	return name_compare((*x)->owner, (*y)->owner);
}

/* The apex is the first of all names of its zone.  0 or -ENOMEM. */
static int sort(struct cut *cut)
{
	const struct changeset *merged = cut->fold->merged;
	uint32_t apex = 0;

	cut->order = malloc(2 * ((size_t)merged->count + 1) * sizeof(struct change *));
	if (!cut->order)
		return -ENOMEM;
	for (uint32_t i = 0; i < merged->count; i++)
		cut->order[i] = &merged->changes[i];
	qsort(cut->order, merged->count, sizeof(struct change *), compare);
	while (apex < merged->count && name_is_equal(cut->order[apex]->owner, cut->apex))
		apex++;
	for (uint32_t i = 0; i < apex; i++)
		cut->order[merged->count + i] = cut->order[i];
	for (uint32_t i = 0; i < merged->count; i++)
		cut->order[i] = cut->order[i + apex];
	cut->count = merged->count;
	return 0;
}

static size_t message_octets(const struct rrset *set)
{
	return set ? set->size + (size_t)FOLD_RR_OCTETS * set->count : 0;
}

/* Where the changes of the owner at end, and what is before it, would end. */
static uint32_t find_next(const struct cut *cut, uint32_t from, size_t *octets)
{
	uint32_t at = from;

	for (; at < cut->count; at++) {
		const struct change *change = cut->order[at];

		if (!name_is_equal(change->owner, cut->order[from]->owner))
			break;
		*octets += name_len(change->owner) + message_octets(change->before) +
			message_octets(change->after);
	}
	return at;
}

static uint32_t find_end(const struct cut *cut, uint32_t from)
{
	size_t octets = 0;
	uint32_t end = find_next(cut, from, &octets);

	while (end < cut->count) {
		const uint32_t next = find_next(cut, end, &octets);

		if (next - from > cut->limit || octets > FOLD_BATCH_OCTETS)
			break;
		end = next;
	}
	return end;
}

/* NULL: no memory. */
static struct changeset *take_part(const struct cut *cut, uint32_t from, uint32_t end)
{
	struct changeset *part = changeset_new();
	int r = part ? 0 : -ENOMEM;

	for (uint32_t i = from; i < end && !r; i++) {
		const struct change *change = cut->order[i];

		r = changeset_append(
			part, change->owner, change->type, change->before, change->after);
	}
	if (!r) {
		part->sets_serial = end == cut->count && cut->fold->merged->sets_serial;
		part->is_uncertain = cut->fold->merged->is_uncertain;
		return part;
	}
	changeset_unref(part);
	return NULL;
}

static int add_part(const struct cut *cut, uint32_t from, uint32_t end)
{
	const bool is_last = end == cut->count;
	struct changeset *part = take_part(cut, from, end);
	const struct delivery_entry entry = {
		.first_seq = cut->fold->first_seq,
		.last_seq = cut->fold->seq,
		.seq = is_last ? cut->fold->seq : cut->fold->first_seq - 1,
		.sets = is_last ? cut->fold->sets : 0,
		.changes = part,
		.size = part ? delivery_entry_octets(part) : 0,
		.is_folded = true,
	};
	const int r = part ? delivery_list_put(cut->list, &entry) : -ENOMEM;

	changeset_unref(part);
	return r;
}

int delivery_fold_cut(struct delivery_fold *fold, const uint8_t *apex, size_t limit,
	struct delivery_list *list)
{
	struct cut cut = {.fold = fold, .apex = apex, .limit = limit, .list = list};
	uint32_t from = 0, end;
	int r;

	if (!fold->merged->is_uncertain)
		changeset_normalise(fold->merged);
	r = sort(&cut);
	do {
		end = r ? 0 : find_end(&cut, from);
		if (!r)
			r = add_part(&cut, from, end);
		from = end;
	} while (!r && from < cut.count);
	free(cut.order);
	delivery_fold_clear(fold);
	return r;
}
