/*
 * Rebasing: changes become records of an update again, in an order in which the rules
 * of RFC 2136 3.4.2 accept each of them: first the apex' new name servers, since the
 * last old one could not be deleted without them; then all deletions, those of name
 * servers that only get another TTL last, since the last of all is not deleted; then all
 * additions, since an address beside a CNAME that still exists would be ignored.
 */
#include "zones/rebase.h"

#include <errno.h>
#include <stdlib.h>
#include "zones/draft.h"
#include "zones/rdata.h"

struct record_list {
	struct rr *rrs;
	size_t count, cap;
};

static bool push(struct record_list *list, bool removed, const struct rr *rr)
{
	if (list->count == list->cap) {
		const size_t cap = list->cap ? 2 * list->cap : 16;
		struct rr *rrs = realloc(list->rrs, cap * sizeof(*rrs));

		if (!rrs)
			return false;
		list->rrs = rrs;
		list->cap = cap;
	}
	list->rrs[list->count] = *rr;
	list->rrs[list->count].class = removed ? CLASS_NONE : CLASS_IN;
	list->count++;
	return true;
}

static bool push_record(bool removed, const struct rr *rr, void *arg)
{
	return push(arg, removed, rr);
}

enum turn {
	TURN_NAME_SERVERS, /* of the apex: those that are added */
	TURN_DELETIONS,
	TURN_AGAIN, /* deletions of name servers of the apex that are added again */
	TURN_ADDITIONS,
	TURNS,
};

static bool is_apex_ns(const struct rr *rr, const uint8_t *apex)
{
	return rr->type == TYPE_NS && name_is_equal(rr->owner, apex);
}

static bool is_added(const struct rr *rr, const struct rr *rrs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (rrs[i].class != CLASS_NONE && rrs[i].type == rr->type &&
			name_is_equal(rrs[i].owner, rr->owner) &&
			rdata_is_equal(rr->type, rrs[i].rdata, rrs[i].rdata_len,
				rr->rdata, rr->rdata_len))
			return true;
	}
	return false;
}

/* Name servers of the apex may belong to several turns. */
static bool is_of_turn(const struct rr *rr, const uint8_t *apex, enum turn turn,
	const struct rr *rrs, size_t count)
{
	if (rr->class != CLASS_NONE)
		return turn == TURN_ADDITIONS ||
			(turn == TURN_NAME_SERVERS && is_apex_ns(rr, apex));
	if (turn != TURN_DELETIONS && turn != TURN_AGAIN)
		return false;
	return (is_apex_ns(rr, apex) && is_added(rr, rrs, count)) == (turn == TURN_AGAIN);
}

/* An update has at most 65535 records; more are applied in several updates, each within
 * one turn. */
static int apply_part(
	struct zone *zone, struct record_list *part, struct changeset *changes)
{
	struct update update = {
		.change_count = (uint16_t)part->count,
		.changes = part->rrs,
	};
	struct changeset *cs;
	struct verdict v;
	int r;

	if (part->count == 0)
		return 0;
	v = apply_update(zone, &update, false, &cs);
	part->count = 0;
	if (!verdict_is_ok(&v))
		return -ENOMEM;
	r = changeset_merge(changes, cs);
	if (r)
		changeset_undo(cs, zone);
	changes->sets_serial |= cs->sets_serial;
	changeset_unref(cs);
	return r;
}

static int apply_turn(struct zone *zone, const struct rr *rrs, size_t count,
	enum turn turn, struct changeset *changes)
{
	struct record_list part = {0};
	int r = 0;

	for (size_t i = 0; i < count && !r; i++) {
		if (!is_of_turn(&rrs[i], zone_apex(zone), turn, rrs, count))
			continue;
		if (!push(&part, rrs[i].class == CLASS_NONE, &rrs[i]))
			r = -ENOMEM;
		else if (part.count == UINT16_MAX)
			r = apply_part(zone, &part, changes);
	}
	if (!r)
		r = apply_part(zone, &part, changes);
	free(part.rrs);
	return r;
}

static int apply_turns(
	struct zone *zone, const struct rr *rrs, size_t count, struct changeset *changes)
{
	int r = 0;

	for (enum turn turn = 0; turn < TURNS && !r; turn++)
		r = apply_turn(zone, rrs, count, turn, changes);
	return r;
}

/* On failure the zone is left as it was. */
static int finish(struct zone *zone, int r, struct changeset *changes,
	struct changeset **ret_changeset)
{
	if (r) {
		changeset_undo(changes, zone);
		changeset_unref(changes);
		return r;
	}
	changeset_normalise(changes);
	*ret_changeset = changes;
	return 0;
}

int rebase_changeset(struct zone *zone, const struct changeset *changes,
	struct changeset **ret_changeset)
{
	struct record_list list = {0};
	struct changeset *cs = changeset_new();
	int r = -ENOMEM;

	if (!cs)
		return -ENOMEM;
	if (changeset_each_record(changes, push_record, &list))
		r = apply_turns(zone, list.rrs, list.count, cs);
	free(list.rrs);
	return finish(zone, r, cs, ret_changeset);
}

/* RFC 1995 4: each version lists first the deletions, then the additions. */
static size_t version_len(const struct rr *rrs, size_t count)
{
	size_t len = 0;

	while (len < count && rrs[len].class == CLASS_NONE)
		len++;
	while (len < count && rrs[len].class != CLASS_NONE)
		len++;
	return len;
}

int rebase_difference(struct zone *zone, const struct update *difference,
	struct changeset **ret_changeset)
{
	struct changeset *cs = changeset_new();
	size_t at = 0;
	int r = 0;

	if (!cs)
		return -ENOMEM;
	while (at < difference->change_count && !r) {
		const struct rr *version = &difference->changes[at];
		const size_t len = version_len(version, difference->change_count - at);

		r = apply_turns(zone, version, len, cs);
		at += len;
	}
	return finish(zone, r, cs, ret_changeset);
}

/* ---- from an unknown state ---- */

/* Adds to draft the records of more that are not in wanted. */
static int include(
	struct draft *draft, const struct rrset *more, struct rrset_finder *wanted)
{
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;
	int r = 0;

	while (!r && more && (rdata = rrset_next(more, &at, &len))) {
		if (rrset_finder_has(wanted, rdata, len))
			continue;
		if (!draft->count)
			draft->ttl = more->ttl;
		r = draft_include(draft, rdata, len);
	}
	return r;
}

/* Collects everything that an RRset may hold on the way to wanted, but must not hold
 * then. */
static int collect_unwanted(
	struct rrset **ret_set, const struct change *earlier, const struct change *change)
{
	const struct rrset *wanted = change->after;
	struct rrset_finder finder;
	struct draft draft;
	int r;

	/* RFC 2136 3.4.2.2 and 3.4.2.4: the new one takes its place whatever it is, and
	 * deletions of it are ignored. */
	if (change->type == TYPE_SOA) {
		*ret_set = rrset_ref(earlier ? earlier->before : change->before);
		return 0;
	}
	rrset_finder_init(&finder, wanted);
	draft_init(&draft, change->type, NULL);
	r = earlier ? include(&draft, earlier->before, &finder) : 0;
	if (!r && earlier)
		r = include(&draft, earlier->after, &finder);
	if (!r)
		r = include(&draft, change->before, &finder);
	/* Its TTL is uncertain, so a target that looks for a TTL change must not find
	 * one. */
	if (wanted)
		draft.ttl = wanted->ttl;
	/* The RRset would be too large for all three together. */
	if (!r && draft_build(&draft, ret_set) < 0)
		r = -ENOMEM;
	draft_clear(&draft);
	rrset_finder_clear(&finder);
	return r;
}

int rebase_merge_uncertain(struct changeset *into, const struct changeset *next)
{
	struct rrset **unwanted = calloc(next->count + 1, sizeof(struct rrset *));
	int r = unwanted ? 0 : -ENOMEM;

	into->is_uncertain = true;
	for (uint32_t i = 0; i < next->count && !r; i++) {
		const struct change *c = &next->changes[i];

		r = collect_unwanted(
			&unwanted[i], changeset_find(into, c->owner, c->type), c);
	}
	if (!r)
		r = changeset_merge(into, next);
	for (uint32_t i = 0; i < next->count && !r; i++) {
		const struct change *c = &next->changes[i];
		struct change *merged =
			(struct change *)changeset_find(into, c->owner, c->type);

		rrset_unref(merged->before);
		merged->before = unwanted[i];
		unwanted[i] = NULL;
	}
	for (uint32_t i = 0; unwanted && i < next->count; i++)
		rrset_unref(unwanted[i]);
	free(unwanted);
	return r;
}
