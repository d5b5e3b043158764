/*
 * Expiry: what is due goes, the way of every other change (served_lease.h).
 */
#include "gateway/served/served.h"

#include "gateway/base/log.h"

enum { LOOK_AGAIN_MS = 10 }; /* after a look that found nothing to remove */

static bool is_resting(const struct served_zone *zone)
{
	const struct zone_thread *thread = zone->thread;

	return !zone->mirror || zone->is_closing || thread->is_broken ||
		thread->is_stopping || zone->leases.batch_seq ||
		zone->leases.is_sweeping || zone->leases.is_sweeping_ptr;
}

int64_t served_expire_due(const struct served_zone *zone, int64_t monotonic_ms)
{
	const struct served_leases *leases = &zone->leases;
	const struct zone_thread *thread = zone->thread;
	int64_t due_ms, first_ms = leases->batch_after_ms;

	if (is_resting(zone))
		return INT64_MAX;
	due_ms = lease_next_due(leases->table, &zone->zone->expiry);
	if (due_ms == INT64_MAX)
		return INT64_MAX;
	due_ms += monotonic_ms - service_time_now(&leases->time, &thread->clock);
	if (thread->heard_ms > first_ms)
		first_ms = thread->heard_ms;
	return due_ms > first_ms ? due_ms : first_ms;
}

/* ---- a batch ---- */

/* Whoever waits for a record has none that could go: its lease alone ends. */
static void end_waiting(struct served_zone *zone, struct lease *lease)
{
	struct changeset *cs = changeset_new();

	/* Without memory it is due again. */
	if (cs && !lease_end(zone->leases.table, lease, cs))
		served_lease_write_ends(zone, cs);
	changeset_unref(cs);
}

/* Is this one to be deleted?  PTR records stay as long as their addresses. */
static bool may_expire(struct served_zone *zone, const struct rr *rr)
{
	struct lease_table *table = zone->leases.table;
	struct lease *lease =
		lease_find(table, rr->owner, rr->type, rr->rdata, rr->rdata_len);
	struct lease_record record = {0};
	int64_t longer_ms;

	if (lease)
		lease_describe(table, lease, &record);
	if (!(record.flags & LEASE_DERIVED))
		return true;
	if (!served_ptr_may_expire(zone, rr, &longer_ms)) {
		lease_refresh(
			table, lease, served_lease_now(zone) + longer_ms, record.seen_s);
		return false;
	}
	if (record.flags & LEASE_WAITING)
		end_waiting(zone, lease);
	return !(record.flags & LEASE_WAITING);
}

static void spare_needed(struct served_zone *zone, struct update *update)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < update->change_count; i++) {
		if (may_expire(zone, &update->changes[i]))
			update->changes[kept++] = update->changes[i];
	}
	update->change_count = kept;
}

/* Applied to mirror and leases.  NULL: it could not be, and nothing has happened. */
static struct changeset *apply(struct served_zone *zone, const struct update *update)
{
	struct lease_table *table = zone->leases.table;
	struct changeset *cs;
	struct verdict v = apply_update(
		zone->mirror, update, delivery_bumps_serial(zone->deliveries[0]), &cs);

	if (!verdict_is_ok(&v)) {
		log_warning("zone %s: leases cannot expire: %s", zone->zone->text, v.why);
		return NULL;
	}
	/* Others may have gone with them (RFC 4034 5: a DS without its NS). */
	if (lease_finish_expiry(table, update, served_lease_now(zone), cs) ||
		lease_follow(table, zone->mirror, cs)) {
		log_warning(
			"zone %s: leases cannot expire: out of memory", zone->zone->text);
		served_lease_undo(zone, cs);
		changeset_unref(cs);
		return NULL;
	}
	return cs;
}

/* Takes the update.  False: it is to be tried again, later. */
static bool run_batch(struct served_zone *zone, struct update *update)
{
	struct verdict why = {.ede = EDE_NONE,
		.why = "expired: not refreshed before the end of the lease"};
	struct served_leases *leases = &zone->leases;
	struct changeset *cs = apply(zone, update);

	if (!cs) {
		update_free(update);
		return false;
	}
	if (cs->count == 0 && !cs->leases) {
		changeset_unref(cs);
		update_free(update);
		return true;
	}
	leases->batch_seq = served_append_own(zone, cs, update, &why);
	if (!leases->batch_seq) {
		served_lease_undo(zone, cs);
		changeset_unref(cs);
		update_free(update);
		return false;
	}
	leases->batch_is_durable = false;
	served_event_expiring(zone, cs);
	return true;
}

void served_expire(struct served_zone *zone, int64_t monotonic_ms)
{
	const size_t max = delivery_is_local(zone->deliveries[0])
		? SERVED_EXPIRY_LOCAL_MAX
		: SERVED_EXPIRY_MAX;
	struct served_leases *leases = &zone->leases;
	struct update *update = NULL;

	if (served_expire_due(zone, monotonic_ms) > monotonic_ms)
		return;
	leases->batch_after_ms = monotonic_ms + LOOK_AGAIN_MS;
	leases->batch_began_ms = monotonic_ms;
	if (lease_expire(leases->table, &zone->zone->expiry, served_lease_now(zone), max,
		    &update)) {
		leases->batch_after_ms = monotonic_ms + SERVED_EXPIRY_RETRY_MS;
		return;
	}
	leases->batch_is_full = update && update->change_count == max;
	if (update)
		spare_needed(zone, update);
	if (update && update->change_count == 0) {
		update_free(update);
		return;
	}
	if (update && !run_batch(zone, update))
		leases->batch_after_ms = monotonic_ms + SERVED_EXPIRY_RETRY_MS;
}

/* ---- what became of it ---- */

static void finish_batch(struct served_zone *zone)
{
	struct served_leases *leases = &zone->leases;
	const int64_t now_ms = turn_monotonic_ms(&zone->thread->time);
	int64_t pause_ms = SERVED_EXPIRY_PAUSES * (now_ms - leases->batch_began_ms);

	if (pause_ms > SERVED_EXPIRY_PAUSE_MS)
		pause_ms = SERVED_EXPIRY_PAUSE_MS;
	/* What comes one by one is to go on time, however slow the target. */
	if (!leases->batch_is_full)
		pause_ms = LOOK_AGAIN_MS;
	leases->batch_seq = 0;
	leases->batch_after_ms = now_ms + pause_ms;
	served_lease_wake(zone);
}

void served_expiry_stored(
	struct served_zone *zone, const struct served_append *append, bool is_durable)
{
	const struct delivery *primary = zone->deliveries[0];
	struct served_leases *leases = &zone->leases;

	if (append->op.seq != leases->batch_seq)
		return;
	if (!is_durable) {
		finish_batch(zone);
		leases->batch_after_ms =
			turn_monotonic_ms(&zone->thread->time) + SERVED_EXPIRY_RETRY_MS;
		return;
	}
	served_event_expired(zone, append->journalled);
	leases->batch_is_durable = true;
	if (delivery_is_local(primary) || delivery_is_down(primary))
		finish_batch(zone);
}

void served_expiry_applied(struct served_zone *zone, uint64_t seq)
{
	const struct served_leases *leases = &zone->leases;

	if (leases->batch_seq && leases->batch_is_durable && leases->batch_seq <= seq)
		finish_batch(zone);
}

void served_expiry_rejected(struct served_zone *zone, uint64_t seq)
{
	struct served_leases *leases = &zone->leases;

	if (leases->batch_seq != seq)
		return;
	finish_batch(zone);
	leases->batch_after_ms =
		turn_monotonic_ms(&zone->thread->time) + SERVED_EXPIRY_RETRY_MS;
}
