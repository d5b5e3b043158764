/*
 * What the store has of a zone's leases (served_lease.h).
 *
 * Writes that fail are tried again, by then with what the table says: a lease that has
 * ended meanwhile must not come back, one that has been refreshed is written as it is.
 */
#include "gateway/served/served.h"

#include <stdlib.h>

#include "gateway/base/log.h"

static void save_next(struct served_zone *zone);

void served_lease_write_free(struct served_lease_write *write)
{
	lease_changes_free(write->changes);
	free(write);
}

static void keep_unstored(struct served_zone *zone, struct served_lease_write *write)
{
	struct served_leases *leases = &zone->leases;

	leases->flush_ms = turn_monotonic_ms(&zone->thread->time) + SERVED_LEASE_RETRY_MS;
	if (!write->changes || zone->thread->is_over) {
		served_lease_write_free(write);
		return;
	}
	STAILQ_INSERT_TAIL(&leases->unstored, write, entry);
}

static void on_written(struct journal_op *op, void *arg)
{
	struct served_lease_write *write = arg;
	struct served_zone *zone = write->zone;
	struct served_leases *leases = &zone->leases;

	zone->operations--;
	leases->is_writing = false;
	if (op->result) {
		keep_unstored(zone, write);
		served_lease_wake(zone);
		return;
	}
	leases->is_marked = !op->is_clean;
	leases->counters.lease_rows += write->changes ? write->changes->count : 0;
	served_lease_write_free(write);
	if (leases->is_saving && leases->is_marked)
		save_next(zone);
	served_lease_wake(zone);
}

static void submit(struct served_lease_write *write, bool is_clean)
{
	struct served_zone *zone = write->zone;

	write->op = (struct journal_op){
		.kind = JOURNAL_LEASES,
		.zone = zone->id,
		.leases = write->changes,
		.service_ms = served_lease_now(zone),
		.is_clean = is_clean,
		.done = on_written,
		.arg = write,
	};
	served_lease_note_stored(zone, write->op.service_ms);
	zone->operations++;
	zone_thread_submit(zone->thread, &write->op);
}

/* Takes the changes.  False: no memory; they are lost, and the next sweep or start finds
 * that out. */
static bool write_changes(
	struct served_zone *zone, struct lease_changes *changes, bool is_clean)
{
	struct served_lease_write *write = NULL;

	if (!zone->thread->is_over)
		write = calloc(1, sizeof(*write));
	if (!write) {
		lease_changes_free(changes);
		return false;
	}
	write->zone = zone;
	write->changes = changes;
	submit(write, is_clean);
	return true;
}

void served_lease_note_stored(struct served_zone *zone, int64_t service_ms)
{
	zone->leases.stored_ms = service_ms;
	zone->leases.saved_ms = turn_monotonic_ms(&zone->thread->time);
}

void served_lease_write(struct served_zone *zone, struct lease_changes *changes)
{
	if (!write_changes(zone, changes, false))
		log_error("zone %s: out of memory", zone->zone->text);
}

void served_lease_write_ends(struct served_zone *zone, struct changeset *cs)
{
	struct lease_changes *leases = cs->leases;

	cs->leases = NULL;
	if (leases)
		served_lease_write(zone, leases);
}

bool served_lease_is_marked(struct served_zone *zone)
{
	const struct served_leases *leases = &zone->leases;

	if (leases->is_marked || !lease_table_count(leases->table))
		return true;
	served_lease_write(zone, NULL);
	return false;
}

/* ---- again ---- */

/* What has ended since needs no more than to be gone, what is there is put as it is:
 * added to present->leases.  False: no memory. */
static bool look_again(
	struct served_zone *zone, struct lease_change *change, struct changeset *present)
{
	struct lease_table *table = zone->leases.table;
	const struct lease_record *key = change->has ? &change->after : &change->before;
	const struct lease *lease =
		lease_find(table, key->owner, key->type, key->rdata, key->rdata_len);
	struct lease_record record;

	if (!lease) {
		if (!change->had)
			change->before = change->after;
		change->had = true;
		change->has = false;
		return true;
	}
	lease_describe(table, lease, &record);
	if (lease_put(table, &record, present))
		return false;
	change->had = change->has = false;
	return true;
}

/* False: later, or there was nothing. */
static bool write_unstored(struct served_zone *zone)
{
	struct served_leases *leases = &zone->leases;
	struct served_lease_write *write = STAILQ_FIRST(&leases->unstored);
	struct changeset *present;
	bool is_done = true;

	if (!write)
		return false;
	present = changeset_new();
	if (!present)
		return false;
	STAILQ_REMOVE_HEAD(&leases->unstored, entry);
	for (size_t i = 0; i < write->changes->count && is_done; i++)
		is_done = look_again(zone, &write->changes->changes[i], present);
	leases->is_writing = true;
	submit(write, false); /* first what is gone, then what is there */
	served_lease_write_ends(zone, present);
	changeset_unref(present);
	return true;
}

/* ---- what lags ---- */

int64_t served_lease_flush_due(const struct served_zone *zone)
{
	const struct served_leases *leases = &zone->leases;

	if (leases->is_writing || leases->is_saving || zone->thread->is_broken)
		return INT64_MAX;
	if (!STAILQ_EMPTY(&leases->unstored) || lease_is_any_lagging(leases->table))
		return leases->flush_ms;
	if (lease_table_count(leases->table) && leases->time.is_running)
		return leases->saved_ms + SERVED_LEASE_SAVE_MS;
	return INT64_MAX;
}

void served_lease_flush(struct served_zone *zone, int64_t monotonic_ms)
{
	struct served_leases *leases = &zone->leases;
	struct lease_changes *changes = NULL;

	if (served_lease_flush_due(zone) > monotonic_ms)
		return;
	leases->flush_ms = monotonic_ms + LEASE_FLUSH_MS;
	if (write_unstored(zone))
		return;
	if (lease_is_any_lagging(leases->table) &&
		lease_take_lagging(leases->table, SERVED_LEASE_STEP, false, &changes))
		return;
	/* Others wait: a commit at a time, so that clients' own come between them. */
	if (changes && changes->count == SERVED_LEASE_STEP)
		leases->flush_ms = monotonic_ms;
	leases->is_writing = write_changes(zone, changes, false);
}

/* ---- the end ---- */

/* Where this fails the store is not clean, and goes on saying so. */
static void save_next(struct served_zone *zone)
{
	struct served_leases *leases = &zone->leases;
	struct lease_changes *changes;
	bool is_last;

	if (write_unstored(zone))
		return;
	if (lease_take_lagging(leases->table, SERVED_LEASE_SAVE_STEP, true, &changes))
		return;
	is_last = changes->count < SERVED_LEASE_SAVE_STEP;
	(void)write_changes(zone, changes, is_last);
}

void served_lease_save(struct served_zone *zone)
{
	struct served_leases *leases = &zone->leases;
	const int64_t now_ms = served_lease_now(zone);

	if (leases->is_saving || !leases->table)
		return;
	/* Without leases nobody will ask what time it was. */
	if (!lease_table_count(leases->table) && STAILQ_EMPTY(&leases->unstored))
		return;
	if (!leases->is_marked && leases->stored_ms == now_ms &&
		STAILQ_EMPTY(&leases->unstored))
		return;
	leases->is_saving = true;
	save_next(zone);
}
