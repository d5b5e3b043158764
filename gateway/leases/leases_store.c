/*
 * Changes of leases that come without a change of records (leases.h).
 *
 * Writes that fail are tried again, by then with what the table says: a lease that has
 * ended meanwhile must not come back, one that has been refreshed is written as it is.
 */
#include "gateway/served/served.h"

#include <stdlib.h>

#include "gateway/base/log.h"

void served_lease_write_free(struct served_lease_write *write)
{
	lease_changes_free(write->changes);
	free(write);
}

static void on_written(struct journal_op *op, void *arg)
{
	struct served_lease_write *write = arg;
	struct served_zone *zone = write->zone;

	zone->operations--;
	if (!op->result || zone->thread->is_over) {
		served_lease_write_free(write);
		return;
	}
	STAILQ_INSERT_TAIL(&zone->leases.unstored, write, entry);
	zone->leases.retry_ms =
		turn_monotonic_ms(&zone->thread->time) + SERVED_LEASE_RETRY_MS;
	served_lease_wake(zone);
}

static void submit(struct served_lease_write *write)
{
	write->op = (struct journal_op){
		.kind = JOURNAL_LEASES,
		.zone = write->zone->id,
		.leases = write->changes,
		.done = on_written,
		.arg = write,
	};
	write->zone->operations++;
	zone_thread_submit(write->zone->thread, &write->op);
}

void served_lease_write(struct served_zone *zone, struct lease_changes *changes)
{
	struct served_lease_write *write = NULL;

	if (!zone->thread->is_over)
		write = calloc(1, sizeof(*write));
	if (!write) { /* the next sweep or start finds the same */
		lease_changes_free(changes);
		log_error("zone %s: out of memory", zone->zone->text);
		return;
	}
	write->zone = zone;
	write->changes = changes;
	submit(write);
}

void served_lease_write_ends(struct served_zone *zone, struct changeset *cs)
{
	struct lease_changes *leases = cs->leases;

	cs->leases = NULL;
	if (leases)
		served_lease_write(zone, leases);
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

int64_t served_lease_retry_due(const struct served_zone *zone)
{
	const struct served_leases *leases = &zone->leases;

	return STAILQ_EMPTY(&leases->unstored) || zone->thread->is_broken
		? INT64_MAX
		: leases->retry_ms;
}

void served_lease_retry(struct served_zone *zone, int64_t monotonic_ms)
{
	struct served_leases *leases = &zone->leases;
	struct served_lease_write *write = STAILQ_FIRST(&leases->unstored);
	struct changeset *present;
	bool is_done = true;

	if (served_lease_retry_due(zone) > monotonic_ms)
		return;
	present = changeset_new();
	if (!present) {
		leases->retry_ms = monotonic_ms + SERVED_LEASE_RETRY_MS;
		return;
	}
	STAILQ_REMOVE_HEAD(&leases->unstored, entry);
	for (size_t i = 0; i < write->changes->count && is_done; i++)
		is_done = look_again(zone, &write->changes->changes[i], present);
	submit(write); /* first what is gone, then what is there */
	served_lease_write_ends(zone, present);
	changeset_unref(present);
}
