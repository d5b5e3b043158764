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
 * Who adds an address that has another host's derived PTR record takes it over; who only
 * refreshes one does not.  What is not derived is somebody's own, and left alone unless
 * the rule says adopt.  Where there is no served zone, or it is not loaded, the address
 * does without.
 */
#include "gateway/served/served.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/log.h"
#include "zones/reverse.h"

enum {
	LONGER_MS = 60000,    /* for an address that cannot be looked at now */
	LONGER_MIN_MS = 5000, /* for one whose own lease is over but has not expired */
};

/* A PTR record that shall come or go. */
struct wish {
	struct served_zone *reverse; /* where; NULL: done */
	uint8_t name[NAME_MAX_LEN];
	uint8_t target[NAME_MAX_LEN];
	bool is_coming;
	bool is_clearing; /* whatever stands there goes first */
	uint32_t ttl;
	struct lease_record lease; /* of one that comes; but for owner and RDATA */
};

struct wishes {
	struct wish *wishes;
	size_t count, room;
	bool is_incomplete; /* no memory */
};

/* ---- an address and its PTR record ---- */

/* All that there is at one reverse name. */
struct place {
	struct served_zone *reverse;
	uint8_t name[NAME_MAX_LEN];
	const struct rrset *set; /* NULL: no PTR records */
	struct lease *lease;     /* derived, of the host's; NULL: none */
	bool is_there;           /* the host's record is, whosever it is */
	bool are_derived;        /* all of set */
};

static bool is_derived(const struct lease_table *table, const struct lease *lease)
{
	struct lease_record record;

	if (!lease)
		return false;
	lease_describe(table, lease, &record);
	return record.flags & LEASE_DERIVED;
}

static bool are_all_derived(const struct place *place)
{
	const struct lease_table *table = place->reverse->leases.table;
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;

	while (place->set && (rdata = rrset_next(place->set, &at, &len))) {
		if (!is_derived(
			    table, lease_find(table, place->name, TYPE_PTR, rdata, len)))
			return false;
	}
	return true;
}

/* False: there is no such place now. */
static bool find_place(struct zone_thread *thread, const uint8_t *host, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len, struct place *ret)
{
	const uint16_t host_len = (uint16_t)name_len(host);
	struct served_zone *reverse;

	if (reverse_from_address(ret->name, type, rdata, rdata_len))
		return false;
	reverse = served_find_enclosing(thread, ret->name);
	if (!reverse || !reverse->mirror || reverse->is_closing)
		return false;
	ret->reverse = reverse;
	ret->set = zone_find(reverse->mirror, ret->name, TYPE_PTR);
	ret->is_there = ret->set && rrset_find(ret->set, host, host_len) >= 0;
	ret->lease =
		lease_find(reverse->leases.table, ret->name, TYPE_PTR, host, host_len);
	if (!is_derived(reverse->leases.table, ret->lease))
		ret->lease = NULL;
	ret->are_derived = are_all_derived(ret);
	return true;
}

static bool has_address(const struct served_zone *zone, const uint8_t *host,
	uint16_t type, const uint8_t *rdata, uint16_t rdata_len)
{
	const struct rrset *set = zone_find(zone->mirror, host, type);

	return set && rrset_find(set, rdata, rdata_len) >= 0;
}

/* ---- wishes ---- */

static struct wish *add_wish(
	struct wishes *wishes, const struct place *place, const uint8_t *target)
{
	struct wish *wish;

	if (wishes->count == wishes->room) {
		const size_t room = wishes->room ? 2 * wishes->room : 4;

		wish = realloc(wishes->wishes, room * sizeof(*wish));
		if (!wish) {
			wishes->is_incomplete = true;
			return NULL;
		}
		wishes->wishes = wish;
		wishes->room = room;
	}
	wish = &wishes->wishes[wishes->count++];
	*wish = (struct wish){.reverse = place->reverse};
	memcpy(wish->name, place->name, name_len(place->name));
	memcpy(wish->target, target, name_len(target));
	return wish;
}

static void put_rr(struct update *update, const struct rr *rr)
{
	update->changes[update->change_count++] = *rr;
}

/* The records of one wish, with their octets at *at. */
static void put_wish(struct update *update, const struct wish *wish, uint8_t **at)
{
	const size_t owner_len = name_len(wish->name);
	struct rr rr = {.owner = *at,
		.type = TYPE_PTR,
		.class = CLASS_NONE,
		.rdata = *at + owner_len,
		.rdata_len = (uint16_t)name_len(wish->target)};

	memcpy(*at, wish->name, owner_len);
	memcpy(*at + owner_len, wish->target, rr.rdata_len);
	*at += owner_len + rr.rdata_len;
	if (wish->is_clearing)
		put_rr(update,
			&(struct rr){.owner = rr.owner,
				.type = TYPE_PTR,
				.class = CLASS_ANY,
				.rdata = rr.rdata});
	if (wish->is_coming) {
		rr.class = CLASS_IN;
		rr.ttl = wish->ttl;
	}
	put_rr(update, &rr);
}

/* Of the wishes from first on that are for the same zone, as many as a message may hold.
 * NULL: no memory. */
static struct update *make_update(const struct wishes *wishes, size_t first)
{
	const struct served_zone *reverse = wishes->wishes[first].reverse;
	size_t records = 0, octets = 0;
	struct update *update;
	uint8_t *at;

	for (size_t i = first; i < wishes->count; i++) {
		const struct wish *wish = &wishes->wishes[i];

		if (wish->reverse != reverse)
			continue;
		records += 2;
		octets += name_len(wish->name) + name_len(wish->target);
	}
	if (records > UINT16_MAX)
		return NULL;
	update = malloc(sizeof(*update) + records * sizeof(struct rr) + octets);
	if (!update)
		return NULL;
	*update = (struct update){.prereq_refusal = verdict_ok()};
	memcpy(update->zone, reverse->name, name_len(reverse->name));
	update->changes = (struct rr *)(update + 1);
	update->prereqs = update->changes;
	at = (uint8_t *)(update->changes + records);
	for (size_t i = first; i < wishes->count; i++) {
		if (wishes->wishes[i].reverse == reverse)
			put_wish(update, &wishes->wishes[i], &at);
	}
	return update;
}

/* Leases of what has come, and of what has gone. */
static int put_leases(struct served_zone *reverse, const struct wishes *wishes,
	size_t first, struct changeset *cs)
{
	struct lease_table *table = reverse->leases.table;
	int r = lease_follow(table, reverse->mirror, cs);

	for (size_t i = first; i < wishes->count && !r; i++) {
		const struct wish *wish = &wishes->wishes[i];
		struct lease_record record = wish->lease;

		record.owner = wish->name;
		record.type = TYPE_PTR;
		record.rdata = wish->target;
		record.rdata_len = (uint16_t)name_len(wish->target);
		if (wish->reverse == reverse && wish->is_coming &&
			has_address(reverse, record.owner, TYPE_PTR, record.rdata,
				record.rdata_len))
			r = lease_put(table, &record, cs);
	}
	return r;
}

/* Takes the update. */
static void change_reverse(struct wishes *wishes, size_t first, struct update *update)
{
	const struct verdict why = {
		.ede = EDE_NONE, .why = "follows the address of a host"};
	struct served_zone *reverse = wishes->wishes[first].reverse;
	struct changeset *cs;
	struct verdict v = apply_update(reverse->mirror, update,
		delivery_bumps_serial(reverse->deliveries[0]), &cs);

	if (!verdict_is_ok(&v)) {
		log_warning("zone %s: PTR records cannot follow: %s", reverse->zone->text,
			v.why);
		update_free(update);
		return;
	}
	if (!put_leases(reverse, wishes, first, cs)) {
		if (cs->count == 0 && !cs->leases) {
			changeset_unref(cs);
			update_free(update);
			return;
		}
		if (served_append_own(reverse, cs, update, &why)) {
			served_lease_wake(reverse);
			return;
		}
	}
	wishes->is_incomplete = true;
	served_lease_undo(reverse, cs);
	changeset_unref(cs);
	update_free(update);
}

/* Frees them. */
static void grant(struct wishes *wishes)
{
	for (size_t i = 0; i < wishes->count; i++) {
		const struct served_zone *reverse = wishes->wishes[i].reverse;
		struct update *update;

		if (!reverse)
			continue;
		update = make_update(wishes, i);
		if (update)
			change_reverse(wishes, i, update);
		else
			wishes->is_incomplete = true;
		for (size_t j = wishes->count; j-- > i;) {
			if (wishes->wishes[j].reverse == reverse)
				wishes->wishes[j].reverse = NULL;
		}
	}
	if (wishes->is_incomplete)
		log_error("PTR records: out of memory");
	free(wishes->wishes);
	*wishes = (struct wishes){0};
}

/* ---- addresses that go ---- */

struct leaving {
	struct served_zone *zone;
	struct wishes wishes;
};

static bool on_change(bool is_removed, const struct rr *rr, void *arg)
{
	struct leaving *leaving = arg;
	struct place place;

	if (!is_removed || (rr->type != TYPE_A && rr->type != TYPE_AAAA))
		return true;
	/* Another TTL is no farewell. */
	if (has_address(leaving->zone, rr->owner, rr->type, rr->rdata, rr->rdata_len))
		return true;
	if (find_place(leaving->zone->thread, rr->owner, rr->type, rr->rdata,
		    rr->rdata_len, &place) &&
		place.is_there && place.lease)
		(void)add_wish(&leaving->wishes, &place, rr->owner);
	return true;
}

void served_ptr_follow(struct served_zone *zone, const struct changeset *cs)
{
	struct leaving leaving = {.zone = zone};

	/* A zone that has no such rule now may have had one. */
	if (cs->count == 0 || !zone->thread->has_reverse)
		return;
	(void)changeset_each_record(cs, on_change, &leaving);
	grant(&leaving.wishes);
}

/* ---- addresses that come, or stay ---- */

struct following {
	struct served_zone *zone;
	const struct transaction *t;
	const struct changeset *cs;
	int64_t now_ms; /* service time of zone */
	struct wishes wishes;
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
		.seen_s = f->t->real_s,
	};

	if (lease) {
		lease_describe(table, lease, &record);
		record.deadline_ms += served_lease_now(reverse) - f->now_ms;
	}
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
static bool refresh(const struct place *place, const struct lease_record *to)
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

/* May the PTR record of this address be put there?  Sets whether others go. */
static bool may_come(const struct place *place, const struct policy_rule *rule,
	bool is_newer, bool *ret_clears)
{
	*ret_clears = false;
	if (!place->set)
		return true;
	if (place->is_there)
		return place->lease || rule->adopt;
	*ret_clears = true;
	return place->are_derived ? is_newer : rule->adopt;
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
	struct lease_record lease;
	struct place place;
	struct wish *wish;
	bool is_clearing;

	if (!has_address(f->zone, rr->owner, rr->type, rr->rdata, rr->rdata_len))
		return;
	if (!find_place(f->zone->thread, rr->owner, rr->type, rr->rdata, rr->rdata_len,
		    &place)) {
		note_missing(f->zone, rr);
		return;
	}
	lease = derive(f, place.reverse, rr);
	if (place.lease && place.is_there && place.set->ttl == rr->ttl &&
		refresh(&place, &lease))
		return;
	if (!may_come(&place, rule, is_new(f, rr), &is_clearing))
		return;
	wish = add_wish(&f->wishes, &place, rr->owner);
	if (!wish)
		return;
	wish->is_coming = true;
	wish->is_clearing = is_clearing;
	wish->ttl = rr->ttl;
	wish->lease = lease;
}

/* Prerequisites refresh what they say is there: so do they the PTR records of that. */
static void follow_prerequisite(struct following *f, const struct rr *prereq)
{
	const struct lease_table *table = f->zone->leases.table;
	const struct lease *lease;
	struct lease_record record;
	struct place place;

	for (lease = lease_first_at(table, prereq->owner); lease;
		lease = lease_next_at(table, lease)) {
		lease_describe(table, lease, &record);
		if ((record.type != TYPE_A && record.type != TYPE_AAAA) ||
			!find_place(f->zone->thread, record.owner, record.type,
				record.rdata, record.rdata_len, &place) ||
			!place.lease)
			continue;
		record.deadline_ms += served_lease_now(place.reverse) - f->now_ms;
		(void)refresh(&place, &record);
	}
}

void served_ptr_update(
	struct served_zone *zone, const struct transaction *t, const struct changeset *cs)
{
	const struct update *update = t->update;
	struct following f = {.zone = zone, .t = t, .cs = cs};

	if (!zone->leases.has_ptr_rule)
		return;
	f.now_ms = served_lease_now(zone);
	for (uint16_t i = 0; i < update->prereq_count; i++)
		follow_prerequisite(&f, &update->prereqs[i]);
	for (uint16_t i = 0; i < update->change_count; i++) {
		const struct rr *rr = &update->changes[i];
		const struct policy_rule *rule = NULL;

		if (update_is_add(rr) && (rr->type == TYPE_A || rr->type == TYPE_AAAA))
			rule = policy_find_rule(&t->zone->policy, zone->name, &t->subject,
				POLICY_ADD, rr, NULL);
		if (rule && rule->ptr)
			follow_address(&f, rr, rule);
	}
	grant(&f.wishes);
}

/* ---- astray ---- */

/* Where the address of a derived PTR record should be. */
struct astray {
	uint8_t host[NAME_MAX_LEN];
	uint8_t rdata[REVERSE_ADDRESS_MAX];
	struct rr address;           /* points into the two */
	struct served_zone *forward; /* NULL: in no zone that we know */
};

/* Is it still there? */
static bool is_address_there(
	struct zone_thread *thread, const struct rr *ptr, struct astray *ret)
{
	memcpy(ret->host, ptr->rdata, ptr->rdata_len);
	name_lower(ret->host);
	ret->forward = served_find_enclosing(thread, ret->host);
	ret->address = (struct rr){.owner = ret->host, .rdata = ret->rdata};
	if (reverse_to_address(
		    ptr->owner, &ret->address.type, ret->rdata, &ret->address.rdata_len))
		return false;
	return ret->forward && ret->forward->mirror &&
		has_address(ret->forward, ret->host, ret->address.type, ret->rdata,
			ret->address.rdata_len);
}

bool served_ptr_may_expire(
	struct served_zone *zone, const struct rr *ptr, int64_t *ret_longer_ms)
{
	struct lease_record record;
	const struct lease *lease;
	int64_t left_ms = LONGER_MS;
	struct astray at;

	if (!is_address_there(zone->thread, ptr, &at)) {
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
	struct place place;
	struct astray at;

	lease_describe(reverse->leases.table, lease, &record);
	if (!(record.flags & LEASE_DERIVED) || record.type != TYPE_PTR)
		return;
	/* What cannot be looked at is left to its lease. */
	if (is_address_there(reverse->thread,
		    &(struct rr){.owner = record.owner,
			    .rdata = record.rdata,
			    .rdata_len = record.rdata_len},
		    &at) ||
		!at.forward || !at.forward->mirror)
		return;
	if (find_place(reverse->thread, at.host, at.address.type, at.rdata,
		    at.address.rdata_len, &place) &&
		place.reverse == reverse && place.is_there)
		(void)add_wish(&leaving->wishes, &place, at.host);
}

void served_ptr_sweep(struct served_zone *zone)
{
	struct leaving leaving = {.zone = zone};

	zone->leases.ptr_cursor = lease_table_scan(zone->leases.table,
		zone->leases.ptr_cursor, SERVED_LEASE_STEP, visit_derived, &leaving);
	zone->leases.is_sweeping_ptr = zone->leases.ptr_cursor != 0;
	grant(&leaving.wishes);
}
