/*
 * Finds what stands at a reverse name, whose it is, and who is next (reverse.h).
 */
#include "gateway/reverse/reverse_private.h"

#include <string.h>

#include "zones/update_builder.h"

enum { HEIRS_MAX = 1000 }; /* hosts that wait, looked at to find the next */

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
	const struct lease_table *table = place->reverse->content->leases;
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

bool ptr_place_find(struct reverse_zones *all, const uint8_t *host, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len, struct ptr_place *ret)
{
	const uint16_t host_len = (uint16_t)name_len(host);
	struct zone_reverse *reverse;
	unsigned flags;

	if (reverse_from_address(ret->name, type, rdata, rdata_len))
		return false;
	reverse = reverse_find(all, ret->name);
	if (!reverse || !reverse->content->mirror || reverse->content->is_closing)
		return false;
	ret->reverse = reverse;
	ret->set = zone_find(reverse->content->mirror, ret->name, TYPE_PTR);
	ret->is_there = ret->set && rrset_find(ret->set, host, host_len) >= 0;
	ret->lease =
		lease_find(reverse->content->leases, ret->name, TYPE_PTR, host, host_len);
	flags = flags_of(reverse->content->leases, ret->lease);
	if (!(flags & LEASE_DERIVED))
		ret->lease = NULL;
	ret->is_waiting = flags & LEASE_WAITING;
	ret->are_derived = are_all_derived(ret);
	return true;
}

bool ptr_has_address(const struct zone_reverse *zone, const uint8_t *host, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len)
{
	const struct rrset *set = zone_find(zone->content->mirror, host, type);

	return set && rrset_find(set, rdata, rdata_len) >= 0;
}

bool ptr_find_address(
	struct reverse_zones *all, const struct rr *ptr, struct ptr_address *ret)
{
	memcpy(ret->host, ptr->rdata, ptr->rdata_len);
	name_lower(ret->host);
	ret->forward = reverse_find(all, ret->host);
	ret->address = (struct rr){.owner = ret->host, .rdata = ret->rdata};
	if (reverse_to_address(
		    ptr->owner, &ret->address.type, ret->rdata, &ret->address.rdata_len))
		return false;
	return ret->forward && ret->forward->content->mirror &&
		ptr_has_address(ret->forward, ret->host, ret->address.type, ret->rdata,
			ret->address.rdata_len);
}

/* ---- who is next ---- */

/* A host that waits for a PTR record. */
struct heir {
	struct lease_record lease;
	enum lease_state state;
	uint32_t ttl; /* of its address */
};

/* False: its address does not exist. */
static bool look_at_heir(
	struct zone_reverse *reverse, const struct lease *lease, struct heir *ret)
{
	const struct lease_table *table = reverse->content->leases;
	struct ptr_address at;
	struct rr ptr;

	lease_describe(table, lease, &ret->lease);
	ptr = (struct rr){.owner = ret->lease.owner,
		.rdata = ret->lease.rdata,
		.rdata_len = ret->lease.rdata_len};
	if (ret->lease.type != TYPE_PTR || !(ret->lease.flags & LEASE_WAITING) ||
		!ptr_find_address(reverse->all, &ptr, &at))
		return false;
	ret->state = lease_state(table, lease);
	ret->ttl = zone_find(at.forward->content->mirror, at.host, at.address.type)->ttl;
	ret->lease.flags &= ~(unsigned)LEASE_WAITING;
	return true;
}

/* Finer than seen_s, but the same for all leases loaded at a start; service time. */
static int64_t heard_ms(const struct lease_record *lease)
{
	return lease->deadline_ms - (int64_t)lease->duration_s * 1000;
}

/* Hosts that are not late come first, then those heard of most recently; among equals,
 * the one that began to wait last, as in the table. */
static bool is_before(const struct heir *heir, const struct heir *other)
{
	if (heir->state != other->state)
		return heir->state < other->state;
	if (heir->lease.seen_s != other->lease.seen_s)
		return heir->lease.seen_s > other->lease.seen_s;
	return heard_ms(&heir->lease) >= heard_ms(&other->lease);
}

/* False: no host waits at this reverse name. */
static bool find_heir(
	struct zone_reverse *reverse, const uint8_t *name, struct heir *ret_heir)
{
	const struct lease_table *table = reverse->content->leases;
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
	/* A record is not added beside one of somebody else. */
	if (place->is_there &&
		(place->set->count > 1 || !ptr_place_pass_on(wishes, place)))
		(void)ptr_wish_add(wishes, place, PTR_GOES, host, NULL);
}
