/*
 * PTR records follow addresses (rules with ptr).
 *
 * An address that a rule with ptr lets in gets a PTR record in the served zone that
 * encloses its reverse name, by an update of the gateway's own: journalled, delivered and
 * stored like any other, right after the change that it follows.  Its lease is derived:
 * as long as the address', refreshed with it, and without end if that has none.  So a PTR
 * record that has gone astray ends by itself, and one that was lost comes back with the
 * next refresh.
 *
 * An address that several hosts have has one PTR record.  Whoever has it keeps it for
 * as long as the address is there and refreshed in time, for otherwise any host could
 * take another's by registering its address.  It moves at once if the same key gives the
 * address to another of its hosts (a DHCP server), or if the other host speaks from that
 * very address over TCP, which nobody else can.  The others wait: each has a derived
 * lease without a record (LEASE_WAITING), stored and refreshed like any, and when the
 * PTR record goes, by whatever way, one of them gets it.
 *
 * What is not derived is somebody's own, and left alone unless the rule says adopt.
 * Where there is no served zone, or it is not loaded, the address does without.
 */
#include "gateway/reverse/reverse_private.h"

#include <string.h>

#include "gateway/base/log.h"
#include "zones/places.h"

enum {
	LONGER_MS = 60000,    /* for an address that cannot be looked at now */
	LONGER_MIN_MS = 5000, /* for one whose own lease is over but has not expired */
};

/* ---- addresses that go ---- */

struct leaving {
	struct served_zone *zone;
	struct ptr_wishes wishes;
};

/* A PTR record that went by another way than ours leaves the place to who waits. */
static void leave_place(struct leaving *leaving, const struct rr *ptr)
{
	struct ptr_place place = {.reverse = leaving->zone};

	if (!leaving->zone->mirror || leaving->zone->is_closing ||
		zone_find(leaving->zone->mirror, ptr->owner, TYPE_PTR))
		return;
	memcpy(place.name, ptr->owner, name_len(ptr->owner));
	name_lower(place.name);
	(void)ptr_place_pass_on(&leaving->wishes, &place);
}

static bool on_change(bool is_removed, const struct rr *rr, void *arg)
{
	struct leaving *leaving = arg;
	struct ptr_place place;

	if (is_removed && rr->type == TYPE_PTR)
		leave_place(leaving, rr);
	if (!is_removed || (rr->type != TYPE_A && rr->type != TYPE_AAAA))
		return true;
	/* The same address with another TTL has not gone. */
	if (ptr_has_address(leaving->zone, rr->owner, rr->type, rr->rdata, rr->rdata_len))
		return true;
	if (ptr_place_find(leaving->zone->thread, rr->owner, rr->type, rr->rdata,
		    rr->rdata_len, &place))
		ptr_place_give_up(&leaving->wishes, &place, rr->owner);
	return true;
}

void served_ptr_follow(struct served_zone *zone, const struct changeset *cs)
{
	struct leaving leaving = {.zone = zone};

	/* A zone that has no such rule now may have had one. */
	if (cs->count == 0 || !zone->thread->has_reverse)
		return;
	(void)changeset_each_record(cs, on_change, &leaving);
	ptr_wishes_grant(&leaving.wishes);
}

/* ---- addresses that come, or stay ---- */

struct following {
	struct served_zone *zone;
	const struct transaction *t;
	const struct changeset *cs;
	int64_t now_ms; /* service time of zone */
	struct ptr_wishes wishes;
};

/* The lease that the PTR record shall have: that of the address, in the other zone's
 * service time. */
static struct lease_record derive(
	const struct following *f, struct served_zone *reverse, const struct rr *address)
{
	const struct lease_table *table = f->zone->leases.table;
	const struct lease *lease = lease_find(
		table, address->owner, address->type, address->rdata, address->rdata_len);
	struct lease_record record = {
		.key = f->t->subject.key,
		.source = f->t->subject.source,
		.deadline_ms = f->now_ms,
		.seen_s = f->t->real_s,
	};

	if (lease)
		lease_describe(table, lease, &record);
	record.deadline_ms += served_lease_now(reverse) - f->now_ms;
	record.flags = LEASE_DERIVED;
	return record;
}

static bool is_new(const struct following *f, const struct rr *rr)
{
	const struct change *change = changeset_find(f->cs, rr->owner, rr->type);

	return change &&
		(!change->before ||
			rrset_find(change->before, rr->rdata, rr->rdata_len) < 0);
}

/* The derived lease becomes what the address' is.  False: it must be stored. */
static bool refresh(const struct ptr_place *place, const struct lease_record *to)
{
	struct lease_table *table = place->reverse->leases.table;
	struct lease_record is;

	lease_describe(table, place->lease, &is);
	if (is.duration_s != to->duration_s || !name_is_equal(is.key, to->key))
		return false;
	if (to->duration_s)
		lease_refresh(table, place->lease, to->deadline_ms, to->seen_s);
	served_lease_wake(place->reverse);
	return true;
}

/* Does the sender prove to be where the address is? */
static bool is_from_address(const struct following *f, const struct rr *rr)
{
	const struct policy_subject *subject = &f->t->subject;
	const size_t len = subject->source.family == 4 ? 4 : 16;

	return subject->transport == POLICY_TCP && subject->source.family &&
		(rr->type == TYPE_A) == (subject->source.family == 4) &&
		rr->rdata_len == len && !memcmp(rr->rdata, subject->source.octets, len);
}

/* Has whoever has this PTR record lost it to the host that adds or refreshes the address
 * rr, or is late? */
static bool gives_way(const struct following *f, const struct ptr_place *place,
	const uint8_t *holder, uint16_t holder_len, const struct rr *rr)
{
	const struct lease_table *table = place->reverse->leases.table;
	const struct rr ptr = {
		.owner = place->name, .rdata = holder, .rdata_len = holder_len};
	struct lease_record record;
	const struct lease *lease;
	struct ptr_address at;

	if (!ptr_find_address(f->zone->thread, &ptr, &at))
		return at.forward && at.forward->mirror;
	lease = lease_find(at.forward->leases.table, at.host, at.address.type, at.rdata,
		at.address.rdata_len);
	if (lease && lease_state(at.forward->leases.table, lease) == LEASE_STALE)
		return true;
	/* Otherwise two that refresh the same address would take turns. */
	if (!is_new(f, rr))
		return false;
	lease_describe(table,
		lease_find(table, place->name, TYPE_PTR, holder, holder_len), &record);
	return name_is_equal(record.key, f->t->subject.key) || is_from_address(f, rr);
}

static bool do_all_give_way(
	const struct following *f, const struct ptr_place *place, const struct rr *rr)
{
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;

	while ((rdata = rrset_next(place->set, &at, &len))) {
		if (!gives_way(f, place, rdata, len, rr))
			return false;
	}
	return true;
}

/* May the PTR record of this address be put there?  Sets whether others go. */
static bool may_come(const struct following *f, const struct ptr_place *place,
	const struct policy_rule *rule, const struct rr *rr, bool *ret_clears)
{
	*ret_clears = false;
	if (!place->set)
		return true;
	if (place->is_there)
		return (place->lease && !place->is_waiting) || rule->adopt;
	*ret_clears = true;
	return place->are_derived ? do_all_give_way(f, place, rr) : rule->adopt;
}

/* Those whose PTR records go for this host's, and who have the address yet, wait. */
static void let_others_wait(struct following *f, const struct ptr_place *place)
{
	const struct lease_table *table = place->reverse->leases.table;
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;

	while ((rdata = rrset_next(place->set, &at, &len))) {
		const struct lease *lease =
			lease_find(table, place->name, TYPE_PTR, rdata, len);
		const struct rr ptr = {
			.owner = place->name, .rdata = rdata, .rdata_len = len};
		struct lease_record record;
		struct ptr_address astray;

		if (!ptr_is_derived(table, lease) ||
			!ptr_find_address(f->zone->thread, &ptr, &astray))
			continue;
		lease_describe(table, lease, &record);
		record.flags |= LEASE_WAITING;
		(void)ptr_wish_add(&f->wishes, place, PTR_WAITS, rdata, &record);
	}
}

/* Another host has what this one would have.  What is not ours nobody waits for. */
static void wait_for_place(struct following *f, const struct ptr_place *place,
	const uint8_t *host, struct lease_record *lease)
{
	if (place->is_there || !place->are_derived ||
		(place->is_waiting && refresh(place, lease)))
		return;
	lease->flags |= LEASE_WAITING;
	(void)ptr_wish_add(&f->wishes, place, PTR_WAITS, host, lease);
}

static void note_missing(struct served_zone *zone, const struct rr *rr)
{
	char text[NAME_TEXT_MAX];
	uint8_t name[NAME_MAX_LEN];

	if (zone->leases.was_reverse_missing ||
		reverse_from_address(name, rr->type, rr->rdata, rr->rdata_len))
		return;
	zone->leases.was_reverse_missing = true;
	log_warning(
		"zone %s: no zone that is served here, and loaded, has %s: addresses go "
		"without PTR records",
		zone->zone->text, name_to_text(name, text));
}

static void follow_address(
	struct following *f, const struct rr *rr, const struct policy_rule *rule)
{
	const struct rrset *set = zone_find(f->zone->mirror, rr->owner, rr->type);
	struct lease_record lease;
	struct ptr_place place;
	struct ptr_wish *wish;
	bool is_clearing;

	if (!set || rrset_find(set, rr->rdata, rr->rdata_len) < 0)
		return;
	if (!ptr_place_find(f->zone->thread, rr->owner, rr->type, rr->rdata,
		    rr->rdata_len, &place)) {
		note_missing(f->zone, rr);
		return;
	}
	lease = derive(f, place.reverse, rr);
	if (place.lease && !place.is_waiting && place.is_there &&
		place.set->ttl == set->ttl && refresh(&place, &lease))
		return;
	if (!may_come(f, &place, rule, rr, &is_clearing)) {
		wait_for_place(f, &place, rr->owner, &lease);
		return;
	}
	if (is_clearing)
		let_others_wait(f, &place);
	wish = ptr_wish_add(&f->wishes, &place, PTR_COMES, rr->owner, &lease);
	if (!wish)
		return;
	wish->is_clearing = is_clearing;
	wish->ttl = set->ttl;
}

static void follow_prerequisite(struct following *f, const struct rr *prereq)
{
	const struct lease_table *table = f->zone->leases.table;
	const struct lease *lease;
	struct lease_record record;
	struct ptr_place place;

	for (lease = lease_first_at(table, prereq->owner); lease;
		lease = lease_next_at(table, lease)) {
		lease_describe(table, lease, &record);
		if ((record.type != TYPE_A && record.type != TYPE_AAAA) ||
			!ptr_place_find(f->zone->thread, record.owner, record.type,
				record.rdata, record.rdata_len, &place) ||
			!place.lease)
			continue;
		record.deadline_ms += served_lease_now(place.reverse) - f->now_ms;
		(void)refresh(&place, &record);
	}
}

/* Prerequisites without changes refresh what they say is there (lease_apply), and its PTR
 * records with it: those of each owner once, however often it is named. */
static void follow_prerequisites(struct following *f, const struct update *update)
{
	struct places owners;
	uint32_t number;

	places_init(&owners);
	for (uint16_t i = 0; i < update->prereq_count; i++) {
		const struct rr *prereq = &update->prereqs[i];

		if (places_put(&owners, prereq->owner, TYPE_ANY, &number) == 1)
			follow_prerequisite(f, prereq);
	}
	places_clear(&owners);
}

static void follow_additions(struct following *f, const struct update *update)
{
	const struct transaction *t = f->t;
	struct policy_judge judge;

	policy_judge_init(&judge, &t->zone->policy, f->zone->name, &t->subject);
	for (uint16_t i = 0; i < update->change_count; i++) {
		const struct rr *rr = &update->changes[i];
		const struct policy_rule *rule = NULL;

		if (update_is_add(rr) && (rr->type == TYPE_A || rr->type == TYPE_AAAA))
			rule = policy_judge_find(&judge, POLICY_ADD, rr, NULL);
		if (rule && rule->ptr)
			follow_address(f, rr, rule);
	}
	policy_judge_clear(&judge);
}

void served_ptr_update(
	struct served_zone *zone, const struct transaction *t, const struct changeset *cs)
{
	struct following f = {.zone = zone, .t = t, .cs = cs};

	if (!zone->leases.has_ptr_rule)
		return;
	f.now_ms = served_lease_now(zone);
	if (!t->update->change_count)
		follow_prerequisites(&f, t->update);
	follow_additions(&f, t->update);
	ptr_wishes_grant(&f.wishes);
}

/* ---- astray ---- */

bool served_ptr_may_expire(
	struct served_zone *zone, const struct rr *ptr, int64_t *ret_longer_ms)
{
	struct lease_record record;
	const struct lease *lease;
	int64_t left_ms = LONGER_MS;
	struct ptr_address at;

	if (!ptr_find_address(zone->thread, ptr, &at)) {
		*ret_longer_ms = LONGER_MS;
		/* It may be about to be opened. */
		return at.forward ? at.forward->mirror != NULL
				  : !config_find_enclosing_zone(zone->config, at.host);
	}
	lease = lease_find(at.forward->leases.table, at.host, at.address.type, at.rdata,
		at.address.rdata_len);
	if (lease) {
		lease_describe(at.forward->leases.table, lease, &record);
		left_ms = record.deadline_ms - served_lease_now(at.forward);
	}
	*ret_longer_ms = left_ms > LONGER_MIN_MS ? left_ms : LONGER_MIN_MS;
	return false;
}

void served_ptr_note_zone(struct served_zone *zone)
{
	static const char *const roots[] = {"in-addr.arpa.", "ip6.arpa."};
	uint8_t root[NAME_MAX_LEN];

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		if (!name_from_text(root, roots[i], NULL) &&
			(name_is_subdomain(zone->name, root) ||
				name_is_subdomain(root, zone->name)))
			zone->thread->has_reverse = true;
	}
}

void served_ptr_loaded(struct served_zone *zone)
{
	struct served_zone *other, *next;

	if (!zone->leases.has_ptr_rule)
		return;
	HASH_ITER(hh, zone->thread->zones, other, next) {
		if (other != zone && other->mirror)
			served_lease_sweep(other);
	}
}

static void visit_derived(const struct lease *lease, void *arg)
{
	struct leaving *leaving = arg;
	struct served_zone *reverse = leaving->zone;
	struct lease_record record;
	struct ptr_place place;
	struct ptr_address at;

	lease_describe(reverse->leases.table, lease, &record);
	if (!(record.flags & LEASE_DERIVED) || record.type != TYPE_PTR)
		return;
	/* What cannot be looked at is left to its lease. */
	if (ptr_find_address(reverse->thread,
		    &(struct rr){.owner = record.owner,
			    .rdata = record.rdata,
			    .rdata_len = record.rdata_len},
		    &at) ||
		!at.forward || !at.forward->mirror)
		return;
	if (ptr_place_find(reverse->thread, at.host, at.address.type, at.rdata,
		    at.address.rdata_len, &place) &&
		place.reverse == reverse)
		ptr_place_give_up(&leaving->wishes, &place, at.host);
}

void served_ptr_sweep(struct served_zone *zone)
{
	struct leaving leaving = {.zone = zone};

	zone->leases.ptr_cursor = lease_table_scan(zone->leases.table,
		zone->leases.ptr_cursor, SERVED_LEASE_STEP, visit_derived, &leaving);
	zone->leases.is_sweeping_ptr = zone->leases.ptr_cursor != 0;
	ptr_wishes_grant(&leaving.wishes);
}
