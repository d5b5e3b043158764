/*
 * Finds which addresses are added, kept and removed, and what follows for their PTR
 * records (reverse.h).
 */
#include "gateway/reverse/reverse_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "zones/places.h"

enum {
	LONGER_MS = 60000,    /* for an address that cannot be looked at now */
	LONGER_MIN_MS = 5000, /* for one whose own lease is over but has not expired */
	SWEEP_STEP = 2000,    /* leases looked at in a turn */
	AGAIN_MS = 1000,      /* after a lack of memory */
};

/* ---- addresses that go ---- */

struct leaving {
	struct zone_reverse *zone;
	struct ptr_wishes wishes;
};

/* A PTR record that was removed in another way leaves its place to a host that waits. */
static void leave_place(struct leaving *leaving, const struct rr *ptr)
{
	struct ptr_place place = {.reverse = leaving->zone};

	if (!leaving->zone->content->mirror || leaving->zone->content->is_closing ||
		zone_find(leaving->zone->content->mirror, ptr->owner, TYPE_PTR))
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
	/* Another TTL for the same address is not a removal. */
	if (ptr_has_address(leaving->zone, rr->owner, rr->type, rr->rdata, rr->rdata_len))
		return true;
	if (ptr_place_find(leaving->zone->all, rr->owner, rr->type, rr->rdata,
		    rr->rdata_len, &place))
		ptr_place_give_up(&leaving->wishes, &place, rr->owner);
	return true;
}

static void follow(struct zone_reverse *zone, const struct changeset *changes)
{
	struct leaving leaving = {.zone = zone};

	/* Even if no rule of the zone has ptr now, one may have had it. */
	if (changes->count == 0 || !zone->all->has_reverse)
		return;
	(void)changeset_each_record(changes, on_change, &leaving);
	reverse_grant(&leaving.wishes);
}

static void on_committing(void *part, const struct edit *edit)
{
	follow(part, edit->changes);
}

/* ---- addresses that come, or stay ---- */

struct following {
	struct zone_reverse *zone;
	const struct content_request *request;
	const struct changeset *changes;
	int64_t now_ms; /* service time of zone */
	struct ptr_wishes wishes;
};

/* The lease for the PTR record: that of the address, in the other zone's service time. */
static struct lease_record derive(
	const struct following *f, struct zone_reverse *reverse, const struct rr *address)
{
	const struct lease_table *table = f->zone->content->leases;
	const struct lease *lease = lease_find(
		table, address->owner, address->type, address->rdata, address->rdata_len);
	struct lease_record record = {
		.key = f->request->subject->key,
		.source = f->request->subject->source,
		.deadline_ms = f->now_ms,
		.seen_s = f->request->real_s,
	};

	if (lease)
		lease_describe(table, lease, &record);
	record.deadline_ms += content_service_ms(reverse->content) - f->now_ms;
	record.flags = LEASE_DERIVED;
	return record;
}

static bool is_new(const struct following *f, const struct rr *rr)
{
	const struct change *change = changeset_find(f->changes, rr->owner, rr->type);

	return change &&
		(!change->before ||
			rrset_find(change->before, rr->rdata, rr->rdata_len) < 0);
}

/* Gives the derived lease the values of the address' lease.  False: it must be stored. */
static bool refresh(const struct ptr_place *place, const struct lease_record *to)
{
	struct lease_table *table = place->reverse->content->leases;
	struct lease_record is;

	lease_describe(table, place->lease, &is);
	if (is.duration_s != to->duration_s || !name_is_equal(is.key, to->key))
		return false;
	if (to->duration_s)
		lease_refresh(table, place->lease, to->deadline_ms, to->seen_s);
	leases_wake(place->reverse->leases);
	return true;
}

/* Does the sender prove that it has this address? */
static bool is_from_address(const struct following *f, const struct rr *rr)
{
	const struct policy_subject *subject = f->request->subject;
	const size_t len = subject->source.family == 4 ? 4 : 16;

	return subject->transport == POLICY_TCP && subject->source.family &&
		(rr->type == TYPE_A) == (subject->source.family == 4) &&
		rr->rdata_len == len && !memcmp(rr->rdata, subject->source.octets, len);
}

/* Has the holder of this PTR record lost it to the host that adds or refreshes the
 * address rr, or is it late? */
static bool gives_way(const struct following *f, const struct ptr_place *place,
	const uint8_t *holder, uint16_t holder_len, const struct rr *rr)
{
	const struct lease_table *table = place->reverse->content->leases;
	const struct rr ptr = {
		.owner = place->name, .rdata = holder, .rdata_len = holder_len};
	struct lease_record record;
	const struct lease *lease;
	struct ptr_address at;

	if (!ptr_find_address(f->zone->all, &ptr, &at))
		return at.forward && at.forward->content->mirror;
	lease = lease_find(at.forward->content->leases, at.host, at.address.type,
		at.rdata, at.address.rdata_len);
	if (lease && lease_state(at.forward->content->leases, lease) == LEASE_STALE)
		return true;
	/* Otherwise two hosts that refresh the same address would take turns. */
	if (!is_new(f, rr))
		return false;
	lease_describe(table,
		lease_find(table, place->name, TYPE_PTR, holder, holder_len), &record);
	return name_is_equal(record.key, f->request->subject->key) ||
		is_from_address(f, rr);
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

/* May the PTR record of this address be added?  Sets whether others are removed. */
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

/* Hosts whose PTR records are replaced by this host's, but which still have the
 * address, wait. */
static void let_others_wait(struct following *f, const struct ptr_place *place)
{
	const struct lease_table *table = place->reverse->content->leases;
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
			!ptr_find_address(f->zone->all, &ptr, &astray))
			continue;
		lease_describe(table, lease, &record);
		record.flags |= LEASE_WAITING;
		(void)ptr_wish_add(&f->wishes, place, PTR_WAITS, rdata, &record);
	}
}

/* Another host has the record that this one would get.  Hosts wait only for derived
 * records. */
static void wait_for_place(struct following *f, const struct ptr_place *place,
	const uint8_t *host, struct lease_record *lease)
{
	if (place->is_there || !place->are_derived ||
		(place->is_waiting && refresh(place, lease)))
		return;
	lease->flags |= LEASE_WAITING;
	(void)ptr_wish_add(&f->wishes, place, PTR_WAITS, host, lease);
}

static void note_missing(struct zone_reverse *zone, const struct rr *rr)
{
	char text[NAME_TEXT_MAX];
	uint8_t name[NAME_MAX_LEN];

	if (zone->was_missing ||
		reverse_from_address(name, rr->type, rr->rdata, rr->rdata_len))
		return;
	zone->was_missing = true;
	log_warning("zone %s: no loaded zone here contains %s; its address gets no PTR "
		    "record",
		zone->content->text, name_to_text(name, text));
}

static void follow_address(
	struct following *f, const struct rr *rr, const struct policy_rule *rule)
{
	const struct rrset *set =
		zone_find(f->zone->content->mirror, rr->owner, rr->type);
	struct lease_record lease;
	struct ptr_place place;
	struct ptr_wish *wish;
	bool is_clearing;

	if (!set || rrset_find(set, rr->rdata, rr->rdata_len) < 0)
		return;
	if (!ptr_place_find(f->zone->all, rr->owner, rr->type, rr->rdata, rr->rdata_len,
		    &place)) {
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
	const struct lease_table *table = f->zone->content->leases;
	const struct lease *lease;
	struct lease_record record;
	struct ptr_place place;

	for (lease = lease_first_at(table, prereq->owner); lease;
		lease = lease_next_at(table, lease)) {
		lease_describe(table, lease, &record);
		if ((record.type != TYPE_A && record.type != TYPE_AAAA) ||
			!ptr_place_find(f->zone->all, record.owner, record.type,
				record.rdata, record.rdata_len, &place) ||
			!place.lease)
			continue;
		record.deadline_ms +=
			content_service_ms(place.reverse->content) - f->now_ms;
		(void)refresh(&place, &record);
	}
}

/* Prerequisites without changes refresh the records that they require (lease_apply),
 * and so their PTR records: those of each owner once, however often it is named. */
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
	const struct content_request *request = f->request;
	struct policy_judge judge;

	policy_judge_init(&judge, &request->rules->policy, f->zone->content->name,
		request->subject);
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

static void on_accepted(void *part, const struct content_request *request,
	const struct changeset *changes)
{
	struct zone_reverse *zone = part;
	struct following f = {.zone = zone, .request = request, .changes = changes};

	if (!zone->has_ptr_rule)
		return;
	f.now_ms = content_service_ms(zone->content);
	if (!request->update->change_count)
		follow_prerequisites(&f, request->update);
	follow_additions(&f, request->update);
	reverse_grant(&f.wishes);
}

/* ---- astray ---- */

/* The zone of a host may still be opened, unless another thread serves it, because it
 * no longer has a rule with ptr. */
static bool is_about_to_be_opened(const struct zone_reverse *zone, const uint8_t *host)
{
	const struct config_zone *forward =
		config_find_enclosing_zone(zone->all->config, host);

	return forward && zone_thread_serves(zone->content->thread, forward);
}

bool reverse_may_expire(void *part, const struct rr *ptr, int64_t *ret_longer_ms)
{
	struct zone_reverse *zone = part;
	struct lease_record record;
	const struct lease *lease;
	int64_t left_ms = LONGER_MS;
	struct ptr_address at;

	if (!ptr_find_address(zone->all, ptr, &at)) {
		*ret_longer_ms = LONGER_MS;
		return at.forward ? at.forward->content->mirror != NULL
				  : !is_about_to_be_opened(zone, at.host);
	}
	lease = lease_find(at.forward->content->leases, at.host, at.address.type,
		at.rdata, at.address.rdata_len);
	if (lease) {
		lease_describe(at.forward->content->leases, lease, &record);
		left_ms = record.deadline_ms - content_service_ms(at.forward->content);
	}
	*ret_longer_ms = left_ms > LONGER_MIN_MS ? left_ms : LONGER_MIN_MS;
	return false;
}

/* If that cannot be checked now, its lease decides. */
static void visit_derived(const struct lease *lease, void *arg)
{
	struct leaving *leaving = arg;
	struct zone_reverse *reverse = leaving->zone;
	struct lease_record record;
	struct ptr_place place;
	struct ptr_address at;
	bool has_address;

	lease_describe(reverse->content->leases, lease, &record);
	if (!(record.flags & LEASE_DERIVED) || record.type != TYPE_PTR)
		return;
	has_address = ptr_find_address(reverse->all,
		&(struct rr){.owner = record.owner,
			.rdata = record.rdata,
			.rdata_len = record.rdata_len},
		&at);
	if (!at.forward || !at.forward->content->mirror ||
		!ptr_place_find(reverse->all, at.host, at.address.type, at.rdata,
			at.address.rdata_len, &place) ||
		place.reverse != reverse)
		return;
	if (!has_address)
		ptr_place_give_up(&leaving->wishes, &place, at.host);
	else if (place.is_waiting && !place.set)
		(void)ptr_place_pass_on(&leaving->wishes, &place);
}

static void grant_deferred(struct zone_reverse *zone)
{
	struct ptr_wishes wishes = zone->wishes;

	zone->wishes = (struct ptr_wishes){0};
	reverse_grant(&wishes);
}

static void sweep_page(void *arg)
{
	struct zone_reverse *zone = arg;
	struct leaving leaving = {.zone = zone};

	if (!zone->content->mirror || zone->content->is_closing)
		return;
	if (!content_is_gated(zone->content))
		grant_deferred(zone);
	if (zone->wishes.count) /* again, or when the gate opens */
		return;
	zone->cursor = lease_table_scan(
		zone->content->leases, zone->cursor, SWEEP_STEP, visit_derived, &leaving);
	if (zone->cursor)
		alarm_set_in(&zone->sweep, 0);
	reverse_grant(&leaving.wishes);
}

void reverse_look_again(struct zone_reverse *zone)
{
	zone->cursor = 0;
	alarm_set_in(&zone->sweep, AGAIN_MS);
}

/* Checks derived records, a page at a time. */
static void begin_sweep(struct zone_reverse *zone)
{
	zone->cursor = 0;
	if (zone->all->has_reverse && lease_table_count(zone->content->leases))
		alarm_set_in(&zone->sweep, 0);
}

/* Reverse zones are checked for addresses that the zone no longer has. */
static void on_loaded(void *part)
{
	struct zone_reverse *zone = part, *other, *next;

	begin_sweep(zone);
	if (!zone->has_ptr_rule)
		return;
	HASH_ITER(hh, zone->all->zones, other, next)
		begin_sweep(other);
}

static void on_followed(void *part, struct changeset *changes, bool is_kept)
{
	struct zone_reverse *zone = part;

	if (!is_kept)
		begin_sweep(zone);
	follow(zone, changes);
}

static void on_opened(void *part)
{
	grant_deferred(part);
}

/* ---- adopted addresses ---- */

void reverse_wish(struct ptr_wishes *wishes, struct zone_reverse *zone,
	const struct rr *address, const struct lease_record *of_address)
{
	struct lease_record lease = *of_address;
	struct ptr_place place;
	struct ptr_wish *wish;

	if (!ptr_place_find(zone->all, address->owner, address->type, address->rdata,
		    address->rdata_len, &place) ||
		place.lease || (place.set && !place.is_there))
		return;
	lease.flags = LEASE_DERIVED;
	lease.deadline_ms = content_service_ms(place.reverse->content) +
		(int64_t)lease.duration_s * 1000;
	wish = ptr_wish_add(wishes, &place, PTR_COMES, address->owner, &lease);
	if (!wish)
		return;
	wish->ttl = place.set ? place.set->ttl : address->ttl;
	wish->is_adopted = place.is_there;
}

/* ---- life ---- */

const struct content_observer reverse_observer = {
	.loaded = on_loaded,
	.followed = on_followed,
	.accepted = on_accepted,
	.committing = on_committing,
	.opened = on_opened,
};

struct zone_reverse *reverse_find(const struct reverse_zones *all, const uint8_t *name)
{
	const struct config_zone *config = config_find_enclosing_zone(all->config, name);
	struct zone_reverse *zone = NULL;

	if (config)
		HASH_FIND(hh, all->zones, config->name, name_len(config->name), zone);
	return zone;
}

void reverse_configure(struct zone_reverse *zone)
{
	const struct policy *policy = &zone->content->rules->policy;

	zone->was_missing = false;
	zone->has_ptr_rule = false;
	for (size_t i = 0; i < policy->count; i++)
		zone->has_ptr_rule |= policy->rules[i].ptr;
}

int reverse_open(struct zone_reverse *zone, struct reverse_zones *all,
	struct content *content, struct zone_leases *leases)
{
	zone->all = all;
	zone->content = content;
	zone->leases = leases;
	alarm_init(&zone->sweep, &content->thread->alarms, sweep_page, zone);
	reverse_configure(zone);
	all->has_reverse |= reverse_is_zone(content->name);
	HASH_ADD_KEYPTR(hh, all->zones, content->name, name_len(content->name), zone);
	zone->is_entered = !zone->is_lost;
	return zone->is_lost ? -ENOMEM : 0;
}

void reverse_close(struct zone_reverse *zone)
{
	if (!zone->all)
		return;
	alarm_stop(&zone->sweep);
	if (zone->is_entered)
		HASH_DEL(zone->all->zones, zone);
	zone->is_entered = false;
	free(zone->wishes.wishes);
	zone->wishes = (struct ptr_wishes){0};
}
