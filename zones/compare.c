/*
 * Comparing (compare.h): all names that should be there, page by page, then what is left
 * of those that are.
 */
#include "zones/compare.h"

#include <errno.h>
#include <stdlib.h>
#include "zones/draft.h"
#include "zones/verbatim.h"

/* ---- zones ---- */

/* A page of a comparison. */
struct page {
	struct comparison *comparison;
	const struct zone *wanted;
	struct changeset *drift;
	int result; /* 0 or -ENOMEM */
};

bool comparison_leaves_out(const uint8_t *apex, const uint8_t *owner, uint16_t type)
{
	enum { TYPE_BIND_SIGNING = 65534 }; /* where BIND records what it has to sign */

	if (zone_type_is_proof(type))
		return true;
	return (type == TYPE_SOA || type == TYPE_NS || type == TYPE_DNSKEY ||
		       type == TYPE_CDS || type == TYPE_CDNSKEY ||
		       type == TYPE_NSEC3PARAM || type == TYPE_BIND_SIGNING) &&
		name_is_equal(owner, apex);
}

/* Has one of them records that the other lacks, as far as both can be read? */
static bool lacks_any(const struct rrset *set, const struct rrset *of)
{
	struct rrset_finder finder;
	const uint8_t *rdata;
	bool lacks = false;
	uint16_t len;
	size_t at = 0;

	rrset_finder_init(&finder, set);
	while (!lacks && of && (rdata = rrset_next(of, &at, &len)))
		lacks = !verbatim_is(rdata, len) &&
			!rrset_finder_has(&finder, rdata, len);
	rrset_finder_clear(&finder);
	return lacks;
}

static bool is_same(const struct rrset *a, const struct rrset *b)
{
	if (rrset_is_identical(a, b))
		return true;
	/* Nobody can tell what is in it. */
	if ((a && verbatim_is_of_large_set(a)) || (b && verbatim_is_of_large_set(b)))
		return true;
	return (!a || !b || a->ttl == b->ttl) && !lacks_any(a, b) && !lacks_any(b, a);
}

static void compare_sets(struct page *page, const uint8_t *owner, uint16_t type,
	struct rrset *found, struct rrset *wanted)
{
	if (page->result || is_same(found, wanted) ||
		comparison_leaves_out(zone_apex(page->comparison->found), owner, type))
		return;
	page->result = changeset_append(page->drift, owner, type, found, wanted);
}

/* node: of the server's zone. */
static void remove_sets(struct zone *zone, const struct zone_node *node)
{
	struct rrset *set;

	/* Removing an existing RRset cannot fail. */
	while ((set = zone_node_rrset(node, 0)))
		if (zone_put(zone, zone_node_owner(node), set->type, NULL))
			return;
}

/* Either node may be NULL; found_node loses its RRsets. */
static void compare_names(struct page *page, const uint8_t *owner,
	const struct zone_node *found_node, const struct zone_node *wanted_node)
{
	struct rrset *set;

	for (unsigned i = 0; wanted_node && (set = zone_node_rrset(wanted_node, i)); i++)
		compare_sets(page, owner, set->type,
			found_node ? zone_node_find(found_node, set->type) : NULL, set);
	for (unsigned i = 0; found_node && (set = zone_node_rrset(found_node, i)); i++)
		if (!wanted_node || !zone_node_find(wanted_node, set->type))
			compare_sets(page, owner, set->type, set, NULL);
	if (found_node)
		remove_sets(page->comparison->found, found_node);
}

static void compare_wanted(const struct zone_node *node, void *arg)
{
	struct page *page = arg;
	const uint8_t *owner = zone_node_owner(node);

	compare_names(page, owner, zone_find_node(page->comparison->found, owner), node);
}

static void compare_rest(const struct zone_node *node, void *arg)
{
	struct page *page = arg;
	const uint8_t *owner = zone_node_owner(node);

	compare_names(page, owner, node, zone_find_node(page->wanted, owner));
}

void comparison_init(struct comparison *comparison, struct zone *found)
{
	*comparison = (struct comparison){.found = found};
}

void comparison_clear(struct comparison *comparison)
{
	zone_free(comparison->found);
	comparison->found = NULL;
}

int comparison_step(struct comparison *comparison, const struct zone *wanted,
	size_t names, struct changeset *drift)
{
	struct page page = {.comparison = comparison, .wanted = wanted, .drift = drift};

	zone_settle(comparison->found);
	if (!comparison->is_at_rest) {
		comparison->cursor = zone_scan(
			wanted, comparison->cursor, names, compare_wanted, &page);
		comparison->is_at_rest = !comparison->cursor;
		return page.result ? page.result : 1;
	}
	comparison->cursor = zone_scan(
		comparison->found, comparison->cursor, names, compare_rest, &page);
	return page.result ? page.result : comparison->cursor != 0;
}

/* ---- records ---- */

/* One RRset that is being mended. */
struct mending {
	const struct change *change;
	struct rrset_finder found, wanted; /* of both sides */
	bool is_paired;  /* each foreign record has taken the place of a missing one */
	bool has_mended; /* something that should be there */
	bool (*is_mended)(const struct drift *drift, void *arg);
	void *arg;
	struct draft draft; /* of the result */
};

static struct rr view(const struct change *change, const struct rrset *set)
{
	return (struct rr){.owner = change->owner,
		.spelled = set ? rrset_spelled(set) : NULL,
		.type = change->type,
		.class = CLASS_IN,
		.ttl = set ? set->ttl : 0};
}

/* The next record of set from *at on that other lacks.  False: there is none. */
static bool next_lacking(
	const struct rrset *set, size_t *at, struct rrset_finder *other, struct rr *rr)
{
	while (set && (rr->rdata = rrset_next(set, at, &rr->rdata_len))) {
		if (!verbatim_is(rr->rdata, rr->rdata_len) &&
			!rrset_finder_has(other, rr->rdata, rr->rdata_len))
			return true;
	}
	return false;
}

static size_t count_lacking(
	const struct change *change, const struct rrset *set, struct rrset_finder *other)
{
	struct rr rr = view(change, set);
	size_t at = 0, count = 0;

	while (next_lacking(set, &at, other, &rr))
		count++;
	return count;
}

/* 0 or -ENOMEM. */
static int keep(struct mending *m, const struct rr *rr)
{
	return draft_include(&m->draft, rr->rdata, rr->rdata_len);
}

/* The records that only the server has; if they are paired, mend_wanted sees to them. */
static int mend_foreign(struct mending *m)
{
	const struct rrset *set = m->change->before;
	struct drift drift = {.kind = DRIFT_FOREIGN, .found = view(m->change, set)};
	size_t at = 0;
	int r = 0;

	if (m->is_paired)
		return 0;
	while (!r && next_lacking(set, &at, &m->wanted, &drift.found))
		if (!m->is_mended(&drift, m->arg))
			r = keep(m, &drift.found);
	return r;
}

/* What the server lacks, together with what it has instead, as long as there is that. */
static int mend_missing(struct mending *m)
{
	const struct rrset *set = m->change->after;
	struct drift drift = {.found = view(m->change, m->change->before),
		.wanted = view(m->change, set)};
	size_t at = 0, found_at = 0;
	bool is_mended;
	int r = 0;

	while (!r && next_lacking(set, &at, &m->found, &drift.wanted)) {
		drift.kind = m->is_paired &&
				next_lacking(m->change->before, &found_at, &m->wanted,
					&drift.found)
			? DRIFT_DIFFERENT
			: DRIFT_MISSING;
		is_mended = m->is_mended(&drift, m->arg);
		m->has_mended |= is_mended;
		if (is_mended)
			r = keep(m, &drift.wanted);
		else if (drift.kind == DRIFT_DIFFERENT)
			r = keep(m, &drift.found);
	}
	return r;
}

/* Records that both have, perhaps with different TTLs; and those of the server that
 * nobody else can read. */
static int mend_common(struct mending *m)
{
	const struct rrset *set = m->change->before, *wanted = m->change->after;
	struct drift drift = {.kind = DRIFT_DIFFERENT,
		.found = view(m->change, set),
		.wanted = view(m->change, wanted)};
	size_t at = 0;
	int r = 0;

	while (!r && set &&
		(drift.found.rdata = rrset_next(set, &at, &drift.found.rdata_len))) {
		const bool is_verbatim =
			verbatim_is(drift.found.rdata, drift.found.rdata_len);

		if (!is_verbatim &&
			!rrset_finder_has(
				&m->wanted, drift.found.rdata, drift.found.rdata_len))
			continue;
		drift.wanted.rdata = drift.found.rdata;
		drift.wanted.rdata_len = drift.found.rdata_len;
		if (!is_verbatim && wanted && set->ttl != wanted->ttl)
			m->has_mended |= m->is_mended(&drift, m->arg);
		r = keep(m, &drift.found);
	}
	return r;
}

int drift_mend(const struct change *change,
	bool (*is_mended)(const struct drift *drift, void *arg), void *arg,
	struct rrset **ret_set)
{
	struct mending m = {.change = change, .is_mended = is_mended, .arg = arg};
	size_t foreign;
	int r;

	rrset_finder_init(&m.found, change->before);
	rrset_finder_init(&m.wanted, change->after);
	draft_init(&m.draft, change->type, NULL);
	foreign = count_lacking(change, change->before, &m.wanted);
	m.is_paired =
		foreign && foreign <= count_lacking(change, change->after, &m.found);
	r = mend_common(&m);
	if (!r)
		r = mend_foreign(&m);
	if (!r)
		r = mend_missing(&m);
	if (change->before)
		m.draft.ttl = change->before->ttl;
	if (change->after && (m.has_mended || !change->before))
		m.draft.ttl = change->after->ttl;
	m.draft.spelled = rrset_spelled(change->after ? change->after : change->before);
	if (!r)
		r = draft_build(&m.draft, ret_set);
	draft_clear(&m.draft);
	rrset_finder_clear(&m.found);
	rrset_finder_clear(&m.wanted);
	return r;
}
