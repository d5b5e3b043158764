/*
 * What stands at a reverse name, whose it is, and how that changes: by updates of the
 * gateway's own (served_ptr.c says which and when).
 */
#include "gateway/reverse/reverse_private.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "zones/places.h"
#include "zones/update_builder.h"

enum { HEIRS_MAX = 1000 }; /* hosts that wait, looked at to find who is next */

/* ---- an address and its PTR record ---- */

/* Of enum lease_flags; 0: there is no lease. */
static unsigned flags_of(const struct lease_table *table, const struct lease *lease)
{
	struct lease_record record = {0};

	if (lease)
		lease_describe(table, lease, &record);
	return record.flags;
}

bool ptr_is_derived(const struct lease_table *table, const struct lease *lease)
{
	return (flags_of(table, lease) & (LEASE_DERIVED | LEASE_WAITING)) ==
		LEASE_DERIVED;
}

static bool are_all_derived(const struct ptr_place *place)
{
	const struct lease_table *table = place->reverse->leases.table;
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;

	while (place->set && (rdata = rrset_next(place->set, &at, &len))) {
		if (!ptr_is_derived(
			    table, lease_find(table, place->name, TYPE_PTR, rdata, len)))
			return false;
	}
	return true;
}

bool ptr_place_find(struct zone_thread *thread, const uint8_t *host, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len, struct ptr_place *ret)
{
	const uint16_t host_len = (uint16_t)name_len(host);
	struct served_zone *reverse;
	unsigned flags;

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
	flags = flags_of(reverse->leases.table, ret->lease);
	if (!(flags & LEASE_DERIVED))
		ret->lease = NULL;
	ret->is_waiting = flags & LEASE_WAITING;
	ret->are_derived = are_all_derived(ret);
	return true;
}

bool ptr_has_address(const struct served_zone *zone, const uint8_t *host, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len)
{
	const struct rrset *set = zone_find(zone->mirror, host, type);

	return set && rrset_find(set, rdata, rdata_len) >= 0;
}

bool ptr_find_address(
	struct zone_thread *thread, const struct rr *ptr, struct ptr_address *ret)
{
	memcpy(ret->host, ptr->rdata, ptr->rdata_len);
	name_lower(ret->host);
	ret->forward = served_find_enclosing(thread, ret->host);
	ret->address = (struct rr){.owner = ret->host, .rdata = ret->rdata};
	if (reverse_to_address(
		    ptr->owner, &ret->address.type, ret->rdata, &ret->address.rdata_len))
		return false;
	return ret->forward && ret->forward->mirror &&
		ptr_has_address(ret->forward, ret->host, ret->address.type, ret->rdata,
			ret->address.rdata_len);
}

/* ---- wishes ---- */

struct ptr_wish *ptr_wish_add(struct ptr_wishes *wishes, const struct ptr_place *place,
	enum ptr_wish_kind kind, const uint8_t *target, const struct lease_record *lease)
{
	struct ptr_wish *wish;

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
	*wish = (struct ptr_wish){.reverse = place->reverse, .kind = kind};
	memcpy(wish->name, place->name, name_len(place->name));
	memcpy(wish->target, target, name_len(target));
	if (!lease)
		return wish;
	wish->lease = *lease;
	memcpy(wish->key, lease->key, name_len(lease->key));
	return wish;
}

/* The records of one wish, if any. */
static void put_wish(struct update_builder *b, const struct ptr_wish *wish)
{
	const bool is_coming = wish->kind == PTR_COMES;

	if (!is_coming && wish->kind != PTR_GOES)
		return;
	if (wish->is_clearing)
		update_builder_add(b,
			&(struct rr){.owner = wish->name,
				.type = TYPE_PTR,
				.class = CLASS_ANY});
	update_builder_add(b,
		&(struct rr){.owner = wish->name,
			.type = TYPE_PTR,
			.class = is_coming ? CLASS_IN : CLASS_NONE,
			.ttl = is_coming ? wish->ttl : 0,
			.rdata = wish->target,
			.rdata_len = (uint16_t)name_len(wish->target)});
}

/* Of the wishes from first on those that are for the same zone. */
static int make_update(
	const struct ptr_wishes *wishes, size_t first, struct update **ret_update)
{
	const struct served_zone *reverse = wishes->wishes[first].reverse;
	struct update_builder b;

	update_builder_init(&b, reverse->name);
	for (size_t i = first; i < wishes->count; i++) {
		if (wishes->wishes[i].reverse == reverse)
			put_wish(&b, &wishes->wishes[i]);
	}
	return update_builder_finish(&b, ret_update);
}

/* The records have come and gone by now. */
static int put_lease(const struct ptr_wish *wish, struct changeset *cs)
{
	struct lease_table *table = wish->reverse->leases.table;
	const uint16_t target_len = (uint16_t)name_len(wish->target);
	struct lease *lease =
		lease_find(table, wish->name, TYPE_PTR, wish->target, target_len);
	struct lease_record record = wish->lease;
	bool is_there;

	if (wish->kind == PTR_STOPS)
		return lease ? lease_end(table, lease, cs) : 0;
	is_there = ptr_has_address(
		wish->reverse, wish->name, TYPE_PTR, wish->target, target_len);
	if (wish->kind == PTR_GOES || is_there != (wish->kind == PTR_COMES))
		return 0;
	record.owner = wish->name;
	record.type = TYPE_PTR;
	record.rdata = wish->target;
	record.rdata_len = target_len;
	record.key = wish->key;
	return lease_put(table, &record, cs);
}

/* Leases of what has come, of what waits, and of what has gone. */
static int put_leases(struct served_zone *reverse, const struct ptr_wishes *wishes,
	size_t first, struct changeset *cs)
{
	int r = 0;

	for (size_t i = first; i < wishes->count && !r; i++) {
		if (wishes->wishes[i].reverse == reverse)
			r = put_lease(&wishes->wishes[i], cs);
	}
	return r ? r : lease_follow(reverse->leases.table, reverse->mirror, cs);
}

/* Takes the update. */
static void change_reverse(struct ptr_wishes *wishes, size_t first, struct update *update)
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
	if (!update->change_count) { /* those who wait change no record */
		update_free(update);
		update = NULL;
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

/* One message may give an address to several hosts: when the wishes were made none of
 * their records was there. */
static void let_first_come(struct ptr_wishes *wishes)
{
	struct places taken;
	uint32_t number;

	places_init(&taken);
	for (size_t i = 0; i < wishes->count; i++) {
		struct ptr_wish *wish = &wishes->wishes[i];
		int r;

		if (wish->kind != PTR_COMES || wish->is_adopted)
			continue;
		r = places_put(&taken, wish->name, TYPE_PTR, &number);
		if (r < 0)
			wishes->is_incomplete = true;
		if (r == 1)
			continue;
		wish->kind = PTR_WAITS;
		wish->is_clearing = false;
		wish->lease.flags |= LEASE_WAITING;
	}
	places_clear(&taken);
}

void ptr_wishes_grant(struct ptr_wishes *wishes)
{
	if (wishes->count > 1)
		let_first_come(wishes);
	for (size_t i = 0; i < wishes->count; i++) {
		const struct served_zone *reverse = wishes->wishes[i].reverse;
		struct update *update;

		if (!reverse)
			continue;
		if (make_update(wishes, i, &update) < 0)
			wishes->is_incomplete = true;
		else
			change_reverse(wishes, i, update);
		for (size_t j = wishes->count; j-- > i;) {
			if (wishes->wishes[j].reverse == reverse)
				wishes->wishes[j].reverse = NULL;
		}
	}
	if (wishes->is_incomplete)
		log_error("PTR records: out of memory");
	free(wishes->wishes);
	*wishes = (struct ptr_wishes){0};
}

/* ---- who is next ---- */

/* A host that waits for a PTR record. */
struct heir {
	struct lease_record lease;
	enum lease_state state;
	uint32_t ttl; /* of its address */
};

/* False: its address is not there. */
static bool look_at_heir(
	struct served_zone *reverse, const struct lease *lease, struct heir *ret)
{
	const struct lease_table *table = reverse->leases.table;
	struct ptr_address at;
	struct rr ptr;

	lease_describe(table, lease, &ret->lease);
	ptr = (struct rr){.owner = ret->lease.owner,
		.rdata = ret->lease.rdata,
		.rdata_len = ret->lease.rdata_len};
	if (ret->lease.type != TYPE_PTR || !(ret->lease.flags & LEASE_WAITING) ||
		!ptr_find_address(reverse->thread, &ptr, &at))
		return false;
	ret->state = lease_state(table, lease);
	ret->ttl = zone_find(at.forward->mirror, at.host, at.address.type)->ttl;
	ret->lease.flags &= ~(unsigned)LEASE_WAITING;
	return true;
}

/* Finer than seen_s, but the same for all that are loaded at a start; service time. */
static int64_t heard_ms(const struct lease_record *lease)
{
	return lease->deadline_ms - (int64_t)lease->duration_s * 1000;
}

/* Whoever is not late comes first, then whoever was heard of last; among equals, whoever
 * has come to wait last, which is how they stand in the table. */
static bool is_before(const struct heir *heir, const struct heir *other)
{
	if (heir->state != other->state)
		return heir->state < other->state;
	if (heir->lease.seen_s != other->lease.seen_s)
		return heir->lease.seen_s > other->lease.seen_s;
	return heard_ms(&heir->lease) >= heard_ms(&other->lease);
}

/* False: nobody waits at this reverse name. */
static bool find_heir(
	struct served_zone *reverse, const uint8_t *name, struct heir *ret_heir)
{
	const struct lease_table *table = reverse->leases.table;
	size_t looks = 0;
	bool is_found = false;

	for (const struct lease *lease = lease_first_at(table, name);
		lease && looks < HEIRS_MAX;
		lease = lease_next_at(table, lease), looks++) {
		struct heir heir;

		if (!look_at_heir(reverse, lease, &heir))
			continue;
		if (is_found && !is_before(&heir, ret_heir))
			continue;
		*ret_heir = heir;
		is_found = true;
	}
	return is_found;
}

bool ptr_place_pass_on(struct ptr_wishes *wishes, const struct ptr_place *place)
{
	struct heir heir;
	struct ptr_wish *wish;

	if (!find_heir(place->reverse, place->name, &heir))
		return false;
	wish = ptr_wish_add(wishes, place, PTR_COMES, heir.lease.rdata, &heir.lease);
	if (!wish)
		return true;
	wish->is_clearing = place->set != NULL;
	wish->ttl = heir.ttl;
	return true;
}

void ptr_place_give_up(
	struct ptr_wishes *wishes, const struct ptr_place *place, const uint8_t *host)
{
	if (!place->lease)
		return;
	if (place->is_waiting) {
		(void)ptr_wish_add(wishes, place, PTR_STOPS, host, NULL);
		return;
	}
	/* Beside a record of somebody else's none is put. */
	if (place->is_there &&
		(place->set->count > 1 || !ptr_place_pass_on(wishes, place)))
		(void)ptr_wish_add(wishes, place, PTR_GOES, host, NULL);
}
