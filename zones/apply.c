/*
 * RFC 2136 3.4.2 and 3.6: an update, or the withdrawal of one, against the mirror.
 *
 * Every rule of 3.4.2 looks at one name only, so the records are taken owner by owner,
 * those of one owner in message order (draft.h).  The result for each RRset is put into
 * the zone once, through the change set, which can undo all of it.
 *
 * Where the RFC leaves a choice, Muster does as BIND: an added record gives its TTL to
 * its RRset (7.12, RFC 2181 5.2), even one that was there already; DNAME is replaced
 * like CNAME.
 */
#include "zones/update.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "zones/draft.h"
#include "zones/rdata.h"

struct applying {
	struct zone *zone;
	struct changeset *cs;
	struct draft_node drafts; /* of the current owner */
	unsigned types;           /* those it had before */
	bool is_apex;             /* it is the zone's name */
	bool is_bounded;          /* as update.h has it */
	size_t octets;            /* of RRsets looked into, and made */
};

static bool is_too_much(const struct applying *a)
{
	return a->is_bounded && a->octets > APPLY_SIZE_MAX;
}

/* Unfolds the records of an RRset, for callers that need to look at them.  0, -ENOMEM
 * or -EFBIG. */
static int unfold(struct applying *a, struct draft *draft)
{
	if (draft->folded)
		a->octets += draft->folded->size;
	if (is_too_much(a))
		return -EFBIG;
	return draft_unfold(draft);
}

/* ---- adding ---- */

/* RFC 4035 2.5: RRSIG and NSEC stand beside a CNAME, and "a KEY RRset at that name for
 * secure dynamic update purposes is also allowed"; nothing else (RFC 2181 10.1). */
static bool is_beside_cname(uint16_t type)
{
	return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_KEY;
}

/* 3.4.2.2: "a CNAME Update RR and a non-CNAME Zone RRset or vice versa" */
static bool conflicts_with_cname(struct applying *a, uint16_t type)
{
	const struct draft *draft;

	if (is_beside_cname(type))
		return false;
	if (type != TYPE_CNAME) {
		draft = draft_node_find(&a->drafts, TYPE_CNAME);
		return draft && draft->count;
	}
	for (unsigned i = 0; (draft = draft_node_at(&a->drafts, i)); i++) {
		if (draft->count && draft->type != TYPE_CNAME &&
			!is_beside_cname(draft->type))
			return true;
	}
	return false;
}

/*
 * 3.4.2.2: "If the TYPE is SOA and there is no Zone SOA RR, or the new SOA.SERIAL is
 * lower (according to [RFC1982]) than or equal to the current Zone SOA RR's SOA.SERIAL,
 * the Update RR is ignored."  Below the apex there never is a zone SOA.
 */
static int soa_moves_forward(struct applying *a, const struct rr *rr)
{
	struct draft *draft = a->is_apex ? draft_node_find(&a->drafts, TYPE_SOA) : NULL;
	const struct draft_record *soa;
	int r;

	if (!draft)
		return false;
	r = unfold(a, draft);
	if (r < 0)
		return r;
	soa = draft_first(draft);
	return soa &&
		serial_is_newer(soa_serial(rr->rdata, rr->rdata_len),
			soa_serial(soa->rdata, soa->len));
}

/*
 * RFC 4592 4.2 and 4.4 leave open what NS and DNAME would mean at a wildcard; MD and MF
 * have long been replaced by MX (RFC 1035 3.3.4: "reject them").  BIND ignores them
 * silently, and so do we; otherwise mirror and target would differ.
 */
static bool is_never_added(const struct rr *rr)
{
	if (rr->type == TYPE_MD || rr->type == TYPE_MF)
		return true;
	return rr->owner[0] == 1 && rr->owner[1] == '*' &&
		(rr->type == TYPE_NS || rr->type == TYPE_DNAME);
}

static int add_record(struct applying *a, const struct rr *rr)
{
	struct draft *draft;
	int r;

	if (conflicts_with_cname(a, rr->type) || is_never_added(rr))
		return 0;
	if (rr->type == TYPE_SOA) {
		r = soa_moves_forward(a, rr);
		if (r <= 0)
			return r;
		a->cs->sets_serial = true;
	}
	draft = draft_node_find(&a->drafts, rr->type);
	if (!draft && a->is_bounded && a->drafts.count >= a->types + APPLY_TYPES_MAX)
		return -E2BIG;
	if (!draft)
		draft = draft_node_make(&a->drafts, rr->type);
	if (!draft)
		return -ENOMEM;
	r = unfold(a, draft);
	if (r < 0)
		return r;
	/* An RRset keeps the spelling of its owner as long as it exists. */
	if (!draft->count)
		draft->spelled = rr->spelled;
	draft->is_touched = true;
	draft->ttl = rr->ttl;
	return draft_add(draft, rr->rdata, rr->rdata_len);
}

/* ---- deleting ---- */

static void delete_draft(struct draft *draft)
{
	draft->is_touched = true;
	draft_remove_all(draft);
}

/* 3.4.2.3: SOA and NS at the apex are not deleted, whether named or along with
 * everything else. */
static bool is_kept_at_apex(const struct applying *a, uint16_t type)
{
	return a->is_apex && (type == TYPE_SOA || type == TYPE_NS);
}

static void delete_rrset(struct applying *a, uint16_t type)
{
	struct draft *draft = draft_node_find(&a->drafts, type);

	if (draft && !is_kept_at_apex(a, type))
		delete_draft(draft);
}

/* Also kept: what belongs to the zone's signer.  BIND leaves NSEC3PARAM and refuses to
 * lose the keys, Knot puts all of it back. */
static bool is_kept_with_name(const struct applying *a, uint16_t type)
{
	return is_kept_at_apex(a, type) ||
		(a->is_apex && zone_type_is_signers(a->zone, type));
}

static void delete_name(struct applying *a)
{
	struct draft *draft;

	for (unsigned i = 0; (draft = draft_node_at(&a->drafts, i)); i++) {
		if (draft->count && !is_kept_with_name(a, draft->type))
			delete_draft(draft);
	}
}

/* 3.4.2.4: unless it is the apex "and either the TYPE is SOA or the TYPE is NS and the
 * matching Zone RR is the only NS remaining in the RRset" */
static int delete_record(struct applying *a, const struct rr *rr)
{
	struct draft *draft = draft_node_find(&a->drafts, rr->type);
	struct draft_record *record;
	int r;

	if (!draft || (a->is_apex && rr->type == TYPE_SOA))
		return 0;
	if (a->is_apex && rr->type == TYPE_NS && draft->count == 1)
		return 0;
	r = unfold(a, draft);
	if (r < 0)
		return r;
	record = draft_find(draft, rr->rdata, rr->rdata_len);
	if (!record)
		return 0;
	draft->is_touched = true;
	draft_remove(draft, record);
	return 0;
}

/* ---- an owner ---- */

static int apply_record(struct applying *a, const struct rr *rr)
{
	if (update_is_add(rr))
		return add_record(a, rr);
	if (update_is_delete_record(rr))
		return delete_record(a, rr);
	if (update_is_delete_name(rr))
		delete_name(a);
	else
		delete_rrset(a, rr->type);
	return 0;
}

/*
 * A DS stands at a zone cut, never at the apex (RFC 4034 5).  BIND drops it with the
 * NS, and does not accept it without one; so do we, otherwise mirror and target would
 * differ.
 */
static void drop_orphaned_ds(struct applying *a)
{
	struct draft *ds = draft_node_find(&a->drafts, TYPE_DS);
	const struct draft *ns = draft_node_find(&a->drafts, TYPE_NS);

	if (!ds || !ds->count || (!a->is_apex && ns && ns->count))
		return;
	if (ds->is_touched || (ns && ns->is_touched && !a->is_apex))
		delete_draft(ds);
}

/* Too many types, and more than there were before. */
static bool has_too_many_types(struct applying *a)
{
	const struct draft *draft;
	unsigned count = 0;

	if (!a->is_bounded || a->drafts.count <= APPLY_TYPES_MAX)
		return false;
	for (unsigned i = 0; (draft = draft_node_at(&a->drafts, i)); i++)
		count += draft->count > 0;
	return count > APPLY_TYPES_MAX && count > a->types;
}

static int put_draft(struct applying *a, const uint8_t *owner, struct draft *draft)
{
	struct rrset *set;
	int r;

	if (!draft->is_touched || draft_is_unchanged(draft))
		return 0;
	r = draft_build(draft, &set);
	if (r < 0)
		return r;
	a->octets += set ? set->size : 0;
	if (!set && draft->before)
		a->octets += draft->before->size;
	if (is_too_much(a)) {
		rrset_unref(set);
		return -EFBIG;
	}
	r = changeset_put(a->cs, a->zone, owner, draft->type, set);
	rrset_unref(set);
	return r;
}

static int apply_owner(struct applying *a, const struct rr *rrs,
	const struct draft_groups *groups, uint32_t head)
{
	const uint8_t *owner = rrs[head].owner;
	struct draft *draft;
	int r;

	a->is_apex = name_is_equal(owner, zone_apex(a->zone));
	r = draft_node_init(&a->drafts, zone_find_node(a->zone, owner));
	if (r < 0)
		return r;
	a->types = a->drafts.count;
	for (uint32_t i = head; r == 0 && i != DRAFT_GROUP_END; i = groups->next[i])
		r = apply_record(a, &rrs[i]);
	if (r == 0)
		drop_orphaned_ds(a);
	if (r == 0 && has_too_many_types(a))
		r = -E2BIG;
	for (unsigned i = 0; r == 0 && (draft = draft_node_at(&a->drafts, i)); i++)
		r = put_draft(a, owner, draft);
	draft_node_clear(&a->drafts);
	return r;
}

/* ---- the whole ---- */

/* 3.6: "If the zone's SOA's SERIAL is not changed as a result of an update operation,
 * then the server shall increment it".  -ENOENT: no SOA. */
static int bump_serial(struct applying *a)
{
	const struct rrset *soa = zone_soa(a->zone);
	struct rrset *next;
	int r;

	if (!soa)
		return -ENOENT;
	next = soa_with_serial(soa, serial_next(rrset_serial(soa)));
	if (!next)
		return -ENOMEM;
	r = changeset_put(a->cs, a->zone, zone_apex(a->zone), TYPE_SOA, next);
	rrset_unref(next);
	return r;
}

/* All or nothing: 0 with the change set, or the zone as it was and -ENOMEM, -ENOSPC (too
 * large an RRset), -E2BIG (too many types), -EFBIG (too much in all) or -ENOENT (no SOA
 * to bump). */
static int apply_records(struct applying *a, const struct rr *rrs, size_t count,
	bool bump, struct changeset **ret_changeset)
{
	struct zone *zone = a->zone;
	struct draft_groups groups;
	int r;

	zone_settle(zone);
	a->cs = changeset_new();
	if (!a->cs)
		return -ENOMEM;
	r = draft_groups_init(&groups, rrs, count);
	if (r < 0) {
		changeset_unref(a->cs);
		return r;
	}
	for (size_t i = 0; r == 0 && i < groups.count; i++)
		r = apply_owner(a, rrs, &groups, groups.heads[i]);
	draft_groups_clear(&groups);
	if (r == 0 && bump && a->cs->count && !a->cs->sets_serial)
		r = bump_serial(a);
	if (r < 0) {
		changeset_undo(a->cs, zone);
		changeset_unref(a->cs);
		return r;
	}
	*ret_changeset = a->cs;
	return 0;
}

struct verdict apply_update(struct zone *zone, const struct update *update, bool bump,
	struct changeset **ret_changeset)
{
	struct applying a = {.zone = zone, .is_bounded = update->is_bounded};

	/* 3.4.2.1: on any failure "signal SERVFAIL to the requestor and undo all
	 * updates"; what no repetition could bring about is refused. */
	switch (apply_records(
		&a, update->changes, update->change_count, bump, ret_changeset)) {
	case 0:
		return verdict_ok();
	case -ENOSPC:
		return verdict_refuse(RCODE_REFUSED, EDE_OTHER,
			"an RRset would have more than %d records or %d octets",
			RRSET_COUNT_MAX, RRSET_SIZE_MAX);
	case -E2BIG:
		return verdict_refuse(RCODE_REFUSED, EDE_OTHER,
			"a name would have more than %d types", APPLY_TYPES_MAX);
	case -EFBIG:
		return verdict_refuse(RCODE_REFUSED, EDE_OTHER,
			"it changes RRsets of more than %d octets in all",
			APPLY_SIZE_MAX);
	case -ENOENT:
		return verdict_refuse(
			RCODE_SERVFAIL, EDE_NOT_READY, "the zone has no SOA");
	default:
		return verdict_no_memory();
	}
}

/* ---- withdrawal ---- */

/*
 * The records that undo a change set, judged against the zone as it is now.  Whatever
 * stands in the zone but is not, octet for octet, what the change set left there was
 * put there by others, and stays.  Likewise, an RRset that others have removed since
 * stays removed.
 */
struct withdrawal {
	const struct zone *zone;
	struct rr *rrs;
	size_t count;
	size_t cap;
	struct rrset *soa; /* the SOA to be restored, under a new serial; NULL: none */
};

static int withdrawal_push(struct withdrawal *w, struct rr rr)
{
	size_t cap = w->cap ? 2 * w->cap : 16;
	struct rr *rrs;

	if (w->count == w->cap) {
		rrs = realloc(w->rrs, cap * sizeof(*rrs));
		if (!rrs)
			return -ENOMEM;
		w->rrs = rrs;
		w->cap = cap;
	}
	w->rrs[w->count++] = rr;
	return 0;
}

/* One RRset in three states: before the change set, after it, and now. */
struct three {
	const struct change *change;
	struct rrset *current;
	struct draft before_draft, after_draft, current_draft;
};

static void three_clear(struct three *t)
{
	draft_clear(&t->before_draft);
	draft_clear(&t->after_draft);
	draft_clear(&t->current_draft);
}

static int three_init(
	struct three *t, const struct zone *zone, const struct change *change)
{
	t->change = change;
	t->current = zone_find(zone, change->owner, change->type);
	draft_init(&t->before_draft, change->type, change->before);
	draft_init(&t->after_draft, change->type, change->after);
	draft_init(&t->current_draft, change->type, t->current);
	if (draft_unfold(&t->before_draft) == 0 && draft_unfold(&t->after_draft) == 0 &&
		draft_unfold(&t->current_draft) == 0)
		return 0;
	three_clear(t);
	return -ENOMEM;
}

/* Removes what the change set added, if it still stands there. */
static int withdraw_added(struct withdrawal *w, struct three *t)
{
	struct rr rr = {
		.owner = t->change->owner, .type = t->change->type, .class = CLASS_NONE};
	size_t at = 0;
	int r = 0;

	if (!t->change->after)
		return 0;
	while (r == 0 && (rr.rdata = rrset_next(t->change->after, &at, &rr.rdata_len))) {
		if (!draft_find_exact(&t->before_draft, rr.rdata, rr.rdata_len) &&
			draft_find_exact(&t->current_draft, rr.rdata, rr.rdata_len))
			r = withdrawal_push(w, rr);
	}
	return r;
}

/* Have others put a record in the place of this one? */
static bool is_place_taken(struct three *t, const struct rr *rr)
{
	const struct draft_record *there =
		draft_find_replaced(&t->current_draft, rr->rdata, rr->rdata_len);

	return there && !draft_find_exact(&t->after_draft, there->rdata, there->len);
}

/* Restores what the change set removed, and its TTL, unless others have set one. */
static int withdraw_removed(struct withdrawal *w, struct three *t)
{
	const struct rrset *before = t->change->before, *after = t->change->after;
	struct rr rr = {
		.owner = t->change->owner, .type = t->change->type, .class = CLASS_IN};
	bool is_ttl_ours, is_ttl_pending;
	size_t at = 0;
	int r = 0;

	if (!before || (after && !t->current))
		return 0;
	is_ttl_ours = !t->current || (after && t->current->ttl == after->ttl);
	is_ttl_pending = is_ttl_ours && after && before->ttl != after->ttl;
	rr.ttl = is_ttl_ours ? before->ttl : t->current->ttl;
	rr.spelled = rrset_spelled(before);
	while (r == 0 && (rr.rdata = rrset_next(before, &at, &rr.rdata_len))) {
		bool is_there = draft_find_exact(&t->current_draft, rr.rdata,
					rr.rdata_len) != NULL;

		/* A record that is still there is added again to restore its TTL. */
		if (is_there ? !is_ttl_pending
			     : draft_find_exact(
				       &t->after_draft, rr.rdata, rr.rdata_len) ||
					is_place_taken(t, &rr))
			continue;
		is_ttl_pending = false;
		r = withdrawal_push(w, rr);
	}
	return r;
}

static const uint8_t *soa_rdata(const struct rrset *soa, uint16_t *ret_len)
{
	size_t at = 0;

	return rrset_next(soa, &at, ret_len);
}

/*
 * A serial never goes back (3.6).  So a SOA is restored only if the change set changed
 * more of it than the serial, and then with a serial above the present one.
 */
static int withdraw_soa(struct withdrawal *w, const struct change *change)
{
	struct rr rr = {.owner = change->owner, .type = TYPE_SOA, .class = CLASS_IN};
	const struct rrset *current = zone_soa(w->zone);
	struct rrset *ours = NULL, *old = NULL;
	uint32_t serial;
	int r = -ENOMEM;

	if (!current || !change->before || !change->after)
		return 0;
	rr.rdata = soa_rdata(current, &rr.rdata_len);
	serial = soa_serial(rr.rdata, rr.rdata_len);
	ours = soa_with_serial(change->after, serial);
	old = soa_with_serial(change->before, serial);
	if (!ours || !old)
		goto out;
	r = 0;
	if (!rrset_is_identical(ours, current) || rrset_is_identical(ours, old))
		goto out;
	rrset_unref(w->soa);
	w->soa = soa_with_serial(change->before, serial_next(serial));
	if (!w->soa) {
		r = -ENOMEM;
		goto out;
	}
	rr.ttl = w->soa->ttl;
	rr.rdata = soa_rdata(w->soa, &rr.rdata_len);
	r = withdrawal_push(w, rr);
out:
	rrset_unref(ours);
	rrset_unref(old);
	return r;
}

/*
 * Deletions stand before additions, so that a CNAME is gone before what replaces it is
 * added.  NS records at the apex are deleted last, since the only one left would not be
 * deleted (3.4.2.4).
 */
enum withdrawal_turn { TURN_DELETE, TURN_ADD, TURN_DELETE_APEX_NS, TURNS };

static int withdraw_change(
	struct withdrawal *w, const struct change *change, enum withdrawal_turn turn)
{
	bool is_apex = name_is_equal(change->owner, zone_apex(w->zone));
	enum withdrawal_turn delete_turn =
		is_apex && change->type == TYPE_NS ? TURN_DELETE_APEX_NS : TURN_DELETE;
	struct three t;
	int r;

	if (is_apex && change->type == TYPE_SOA)
		return turn == TURN_ADD ? withdraw_soa(w, change) : 0;
	if (turn != TURN_ADD && turn != delete_turn)
		return 0;
	r = three_init(&t, w->zone, change);
	if (r < 0)
		return r;
	r = turn == TURN_ADD ? withdraw_removed(w, &t) : withdraw_added(w, &t);
	three_clear(&t);
	return r;
}

int apply_withdrawal(struct zone *zone, const struct changeset *withdrawn, bool bump,
	struct changeset **ret_changeset)
{
	struct withdrawal w = {.zone = zone};
	struct applying a = {.zone = zone};
	int r = 0;

	for (int turn = 0; r == 0 && turn < TURNS; turn++) {
		for (uint32_t i = 0; r == 0 && i < withdrawn->count; i++)
			r = withdraw_change(&w, &withdrawn->changes[i], turn);
	}
	if (r == 0)
		r = apply_records(&a, w.rrs, w.count, bump, ret_changeset);
	free(w.rrs);
	rrset_unref(w.soa);
	return r;
}
