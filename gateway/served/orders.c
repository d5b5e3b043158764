/*
 * What administrators do to leases and zones (served.h).  What they see is view.c's.
 */
#include "gateway/served/served.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "zones/update_builder.h"

static bool can_change(const struct served_zone *zone)
{
	return !zone->is_closing && !zone->thread->is_broken && !zone->thread->is_over;
}

int served_expire_host(struct served_zone *zone, const uint8_t *owner,
	const struct verdict *why, size_t *ret_leases)
{
	if (!can_change(zone) || !zone->mirror)
		return -EAGAIN;
	*ret_leases = lease_expire_now(zone->leases.table, owner, served_lease_now(zone));
	if (!*ret_leases)
		return -ENOENT;
	served_event_row(zone, "expire", owner, NULL, why);
	served_lease_wake(zone);
	return 0;
}

struct holding {
	struct journal_op op;
	struct served_zone *zone;
	uint8_t owner[NAME_MAX_LEN];
	void (*done)(int result, void *arg);
	void *arg;
};

static int set_held(struct served_zone *zone, const uint8_t *owner, bool is_held)
{
	struct lease_table *table = zone->leases.table;
	const int64_t now_ms = served_lease_now(zone);

	return is_held ? lease_hold(table, owner, now_ms)
		       : lease_release(table, owner, now_ms);
}

static void on_held(struct journal_op *op, void *arg)
{
	struct holding *holding = arg;
	struct served_zone *zone = holding->zone;

	zone->operations--;
	if (op->result && set_held(zone, holding->owner, !op->is_held))
		log_error("zone %s: out of memory", zone->zone->text);
	if (holding->done)
		holding->done(op->result, holding->arg);
	served_lease_wake(zone);
	free(holding);
}

int served_hold_host(struct served_zone *zone, const uint8_t *owner, bool is_held,
	const struct verdict *why, void (*done)(int result, void *arg), void *arg)
{
	struct holding *holding;
	int r;

	if (!can_change(zone))
		return -EAGAIN;
	if (is_held && !lease_first_at(zone->leases.table, owner)) {
		if (!zone->mirror)
			return -EAGAIN;
		if (!zone_is_name_in_use(zone->mirror, owner))
			return -ENOENT;
	}
	holding = calloc(1, sizeof(*holding));
	if (!holding)
		return -ENOMEM;
	r = set_held(zone, owner, is_held);
	if (r) {
		free(holding);
		return r;
	}
	holding->zone = zone;
	memcpy(holding->owner, owner, name_len(owner));
	holding->done = done;
	holding->arg = arg;
	holding->op = (struct journal_op){
		.kind = JOURNAL_HOLD,
		.zone = zone->id,
		.host = holding->owner,
		.is_held = is_held,
		.done = on_held,
		.arg = holding,
	};
	zone->operations++;
	zone_thread_submit(zone->thread, &holding->op);
	served_event_row(zone, is_held ? "held" : "released", owner, NULL, why);
	served_lease_wake(zone);
	return 0;
}

int served_resume(struct served_zone *zone, const struct verdict *why)
{
	if (!lease_is_braked(zone->leases.table))
		return -EALREADY;
	served_event_row(zone, "resume", NULL, NULL, why);
	lease_release_brake(zone->leases.table, served_lease_now(zone));
	served_lease_wake(zone);
	return 0;
}

/* One deletion (RFC 2136 2.5.4). */
static int make_deletion(const struct served_zone *zone,
	const struct lease_record *record, struct update **ret_update)
{
	struct update_builder b;

	update_builder_init(&b, zone->name);
	update_builder_add(&b,
		&(struct rr){.owner = record->owner,
			.type = record->type,
			.class = CLASS_NONE,
			.rdata = record->rdata,
			.rdata_len = record->rdata_len});
	return update_builder_finish(&b, ret_update);
}

/* There is no record to be deleted. */
static int end_waiting(
	struct served_zone *zone, struct lease *lease, const struct verdict *why)
{
	struct changeset *cs = changeset_new();

	if (!cs)
		return -ENOMEM;
	if (!lease_end(zone->leases.table, lease, cs) &&
		served_append_own(zone, cs, NULL, why))
		return 0;
	served_lease_undo(zone, cs);
	changeset_unref(cs);
	return -ENOMEM;
}

int served_remove_lease(struct served_zone *zone, const uint8_t *owner, uint16_t type,
	const uint8_t *rdata, uint16_t rdata_len, const struct verdict *why)
{
	struct lease_table *table = zone->leases.table;
	struct lease *lease = lease_find(table, owner, type, rdata, rdata_len);
	struct lease_record record;
	struct changeset *cs;
	struct update *update;
	struct verdict v;

	if (!can_change(zone) || !zone->mirror)
		return -EAGAIN;
	if (!lease)
		return -ENOENT;
	lease_describe(table, lease, &record);
	if (record.flags & LEASE_WAITING)
		return end_waiting(zone, lease, why);
	if (make_deletion(zone, &record, &update) < 0)
		return -ENOMEM;
	v = apply_update(
		zone->mirror, update, delivery_bumps_serial(zone->deliveries[0]), &cs);
	if (!verdict_is_ok(&v)) {
		update_free(update);
		return -EIO;
	}
	if (!lease_follow(table, zone->mirror, cs) &&
		served_append_own(zone, cs, update, why))
		return 0;
	served_lease_undo(zone, cs);
	changeset_unref(cs);
	update_free(update);
	return -ENOMEM;
}
