/*
 * A served zone's leases: opened, timed, and what evaluation, withdrawals and loads do to
 * them (served_lease.h).
 */
#include "gateway/served/served.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "tsig/plural.h"

/* ---- time ---- */

int64_t served_lease_now(struct served_zone *zone)
{
	struct zone_thread *thread = zone->thread;
	const int64_t monotonic_ms = turn_monotonic_ms(&thread->time);

	if (!service_clock_look(&thread->clock, monotonic_ms))
		thread->heard_ms = monotonic_ms + SERVED_HEARD_MS;
	return service_time_now(&zone->leases.time, &thread->clock);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Monotonic; ALARM_NEVER: never.  While there are leases the clock is looked at. */
static int64_t next_due(const struct served_zone *zone, int64_t monotonic_ms)
{
	const struct served_leases *leases = &zone->leases;
	int64_t due_ms;

	if (zone->is_closing || zone->thread->is_over)
		return ALARM_NEVER;
	if ((leases->is_sweeping || leases->is_sweeping_ptr) && zone->mirror)
		return monotonic_ms;
	due_ms = earlier(
		served_expire_due(zone, monotonic_ms), served_lease_retry_due(zone));
	if (lease_table_count(leases->table))
		due_ms = earlier(due_ms, monotonic_ms + SERVICE_TICK_MS);
	return due_ms;
}

/* One that comes too early does no harm: what is due is looked at again. */
void served_lease_wake(struct served_zone *zone)
{
	const int64_t now_ms = turn_monotonic_ms(&zone->thread->time);

	alarm_set_earlier(&zone->leases.alarm, next_due(zone, now_ms));
}

/* ---- records that loads took away ---- */

/* Whoever has the lease holds the name: after a start nobody else is known to. */
static void hold_name(const struct lease *lease, void *arg)
{
	const struct served_zone *zone = arg;
	struct lease_record record;

	lease_describe(zone->leases.table, lease, &record);
	if (!(record.flags & LEASE_DERIVED))
		(void)!zone_hold(zone->mirror, record.owner, record.key);
}

static void sweep_page(struct served_zone *zone)
{
	struct served_leases *leases = &zone->leases;
	struct lease_changes *changes;

	(void)lease_table_scan(
		leases->table, leases->sweep_cursor, SERVED_LEASE_STEP, hold_name, zone);
	if (lease_sweep(leases->table, zone->mirror, &leases->sweep_cursor,
		    SERVED_LEASE_STEP, &changes))
		return; /* no memory: the next turn tries again */
	leases->is_sweeping = leases->sweep_cursor != 0;
	if (!changes->count) {
		lease_changes_free(changes);
		return;
	}
	log_info("zone %s: %zu %s ended, for want of a record", zone->zone->text,
		changes->count, PLURAL(changes->count, "lease"));
	served_lease_write(zone, changes);
}

static void sweep(struct served_zone *zone)
{
	if (!zone->mirror)
		return;
	if (zone->leases.is_sweeping)
		sweep_page(zone);
	else if (zone->leases.is_sweeping_ptr)
		served_ptr_sweep(zone);
}

void served_lease_sweep(struct served_zone *zone)
{
	struct served_leases *leases = &zone->leases;

	leases->is_sweeping = lease_table_count(leases->table) > 0;
	leases->is_sweeping_ptr = leases->is_sweeping && zone->thread->has_reverse;
	leases->sweep_cursor = leases->ptr_cursor = 0;
	served_lease_wake(zone);
}

void served_lease_loaded(struct served_zone *zone)
{
	(void)served_lease_now(zone);
	service_time_run(&zone->leases.time, &zone->thread->clock);
	served_lease_sweep(zone);
	served_ptr_loaded(zone);
	if (zone->leases.is_unknown)
		served_adopt_count(zone);
}

void served_lease_follow(struct served_zone *zone, struct changeset *difference)
{
	struct served_leases *leases = &zone->leases;

	if (lease_follow(leases->table, zone->mirror, difference))
		served_lease_sweep(zone); /* which finds the same */
	else
		served_lease_write_ends(zone, difference);
	served_ptr_follow(zone, difference);
}

/* ---- evaluation ---- */

struct verdict served_lease_apply(struct served_zone *zone, const struct transaction *t,
	const struct update *update, struct changeset *cs)
{
	const struct lease_update what = {
		.zone = zone->mirror,
		.policy = &t->zone->policy,
		.subject = &t->subject,
		.update = update,
		.granted = &t->lease_granted,
		.now_ms = served_lease_now(zone),
		.real_s = t->real_s,
	};

	if (lease_apply(zone->leases.table, &what, cs))
		return verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "out of memory");
	return verdict_ok();
}

int served_lease_withdraw(struct served_zone *zone, const struct changeset *withdrawn,
	struct changeset *back)
{
	return lease_withdraw(zone->leases.table, zone->mirror, withdrawn,
		served_lease_now(zone), back);
}

/* Moves what next has behind what into has.  False: no memory. */
static bool move_changes(struct changeset *into, struct lease_changes *next)
{
	struct lease_changes *leases = into->leases;
	struct lease_change *longer;
	size_t room = 1; /* as those have it who add to them */

	while (room < leases->count + next->count)
		room *= 2;
	longer = realloc(leases->changes, room * sizeof(*longer));
	if (!longer)
		return false;
	memcpy(longer + leases->count, next->changes, next->count * sizeof(*longer));
	leases->changes = longer;
	leases->count += next->count;
	next->count = 0;
	return true;
}

void served_lease_merge(
	struct served_zone *zone, struct changeset *into, struct changeset *next)
{
	struct lease_changes *leases = next->leases;

	if (!leases)
		return;
	/* The originals go where they can be undone. */
	next->leases = lease_changes_copy(leases);
	if (!into->leases) {
		into->leases = leases;
		return;
	}
	if (!move_changes(into, leases))
		log_error("zone %s: out of memory", zone->zone->text);
	lease_changes_free(leases);
}

void served_lease_undo(struct served_zone *zone, const struct changeset *cs)
{
	lease_undo(zone->leases.table, cs->leases);
	changeset_undo(cs, zone->mirror);
}

/* ---- life ---- */

static void on_alarm(void *arg)
{
	struct served_zone *zone = arg;
	const int64_t now_ms = turn_monotonic_ms(&zone->thread->time);

	if (zone->is_closing)
		return;
	(void)served_lease_now(zone);
	sweep(zone);
	served_expire(zone, now_ms);
	served_lease_retry(zone, now_ms);
	served_lease_wake(zone);
}

/*
 * After a start every lease runs anew, in service time that begins at 0: heartbeats are
 * not stored, and went unheard in the meantime.  No host is struck off for what we
 * missed; one that is gone stays that much longer.
 */
static int load_lease(const struct lease_record *stored, void *arg)
{
	struct served_leases *leases = arg;
	struct lease_record record = *stored;

	record.deadline_ms = (int64_t)record.duration_s * 1000;
	return lease_table_load(leases->table, &record);
}

static int load_hold(const uint8_t *owner, void *arg)
{
	struct served_leases *leases = arg;
	const int r = lease_hold(leases->table, owner, 0);

	return r == -EALREADY ? 0 : r;
}

static void on_cursor(const char *target, void *arg)
{
	struct served_leases *leases = arg;

	(void)target;
	leases->is_unknown = false;
}

/* A zone that was ever served has a cursor.  What a local one has is in the database, or
 * new. */
static int find_out_if_known(struct served_zone *zone)
{
	zone->leases.is_unknown = zone->zone->targets[0].type != CONFIG_TARGET_LOCAL;
	return zone->thread->store_ops->each_cursor(
		zone->thread->store, zone->id, on_cursor, &zone->leases);
}

static int load(struct served_zone *zone)
{
	const struct store_ops *ops = zone->thread->store_ops;
	struct store *store = zone->thread->store;
	struct served_leases *leases = &zone->leases;
	int r = find_out_if_known(zone);

	if (!r)
		r = ops->each_lease(store, zone->id, load_lease, leases);
	if (!r)
		r = ops->each_hold(store, zone->id, load_hold, leases);
	return r;
}

int served_lease_open(struct served_zone *zone)
{
	struct served_leases *leases = &zone->leases;
	int r;

	STAILQ_INIT(&leases->unstored);
	alarm_init(&leases->alarm, &zone->thread->alarms, on_alarm, zone);
	leases->table = lease_table_new(zone->name, &zone->thread->target_env.seed);
	if (!leases->table)
		return -ENOMEM;
	r = load(zone);
	if (r) {
		log_error("zone %s: reading its leases: %s", zone->zone->text,
			r == -ENOMEM
				? "out of memory"
				: zone->thread->store_ops->error(zone->thread->store));
		return r;
	}
	served_ptr_note_zone(zone);
	lease_table_on_event(leases->table, served_event_of_lease, zone);
	served_lease_configure(zone);
	if (lease_table_count(leases->table))
		log_info("zone %s: %zu %s", zone->zone->text,
			lease_table_count(leases->table),
			PLURAL(lease_table_count(leases->table), "lease"));
	return 0;
}

void served_lease_configure(struct served_zone *zone)
{
	const struct policy *policy = &zone->zone->policy;
	struct served_leases *leases = &zone->leases;

	leases->was_reverse_missing = false;
	leases->has_ptr_rule = false;
	for (size_t i = 0; i < policy->count; i++)
		leases->has_ptr_rule |= policy->rules[i].ptr;
	/* Without a brake nothing is held up by one. */
	if (!zone->zone->expiry.brake_count && lease_is_braked(leases->table))
		lease_release_brake(leases->table, served_lease_now(zone));
	served_lease_wake(zone);
}

void served_lease_clear(struct served_zone *zone)
{
	struct served_leases *leases = &zone->leases;
	struct served_lease_write *write;

	while ((write = STAILQ_FIRST(&leases->unstored))) {
		STAILQ_REMOVE_HEAD(&leases->unstored, entry);
		served_lease_write_free(write);
	}
	alarm_stop(&leases->alarm);
	served_adopt_cancel(zone);
	lease_table_free(leases->table);
}
