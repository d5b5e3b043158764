/*
 * Writes changes of leases without changes of records (leases.h).
 *
 * Failed writes are tried again, with what the table has by then: a lease that has
 * ended meanwhile must not come back, and one that has been refreshed is written as it
 * now is.
 */
#include "gateway/leases/leases.h"

#include <stdlib.h>

#include "gateway/base/log.h"

struct lease_write {
	struct journal_op op;
	STAILQ_ENTRY(lease_write) entry; /* in unstored */
	struct zone_leases *leases;
	struct lease_changes *changes; /* owned */
};

static void write_free(struct lease_write *write)
{
	lease_changes_free(write->changes);
	free(write);
}

static void on_written(struct journal_op *op, void *arg)
{
	struct lease_write *write = arg;
	struct zone_leases *leases = write->leases;
	struct zone_thread *thread = leases->content->thread;

	if (!op->result || thread->is_over) {
		write_free(write);
		return;
	}
	STAILQ_INSERT_TAIL(&leases->unstored, write, entry);
	leases->retry_ms = turn_monotonic_ms(&thread->time) + LEASES_RETRY_MS;
	leases_wake(leases);
}

static void submit(struct lease_write *write)
{
	struct content *content = write->leases->content;

	write->op = (struct journal_op){
		.kind = JOURNAL_LEASES,
		.zone = content->id,
		.leases = write->changes,
		.done = on_written,
		.arg = write,
	};
	content_submit(content, &write->op);
}

void leases_write(struct zone_leases *leases, struct lease_changes *changes)
{
	struct lease_write *write = NULL;

	if (!changes)
		return;
	if (!leases->content->thread->is_over)
		write = calloc(1, sizeof(*write));
	if (!write) {
		lease_undo(leases->table, changes);
		lease_changes_free(changes);
		log_error("zone %s: out of memory", leases->content->text);
		leases_sweep(leases); /* which finds it again */
		return;
	}
	write->leases = leases;
	write->changes = changes;
	submit(write);
}

void leases_write_ends(struct zone_leases *leases, struct changeset *cs)
{
	struct lease_changes *changes = cs->leases;

	cs->leases = NULL;
	leases_write(leases, changes);
}

void leases_forget_unstored(struct zone_leases *leases)
{
	struct lease_write *write;

	while ((write = STAILQ_FIRST(&leases->unstored))) {
		STAILQ_REMOVE_HEAD(&leases->unstored, entry);
		write_free(write);
	}
}

/* ---- again ---- */

static struct lease *find_present(
	struct lease_table *table, const struct lease_change *change)
{
	const struct lease_record *key = change->has ? &change->after : &change->before;

	return lease_find(table, key->owner, key->type, key->rdata, key->rdata_len);
}

/* Adds existing leases, as they are, to present->leases.  0 or -ENOMEM. */
static int put_present(struct lease_table *table, const struct lease_changes *changes,
	struct changeset *present)
{
	struct lease_record record;
	int r = 0;

	for (size_t i = 0; i < changes->count && !r; i++) {
		const struct lease *lease = find_present(table, &changes->changes[i]);

		if (!lease)
			continue;
		lease_describe(table, lease, &record);
		r = lease_put(table, &record, present);
	}
	return r;
}

/* Leaves only the removal of leases that have ended since. */
static void leave_removals(struct lease_table *table, struct lease_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		struct lease_change *change = &changes->changes[i];
		const bool is_gone = !find_present(table, change);

		if (is_gone && !change->had)
			change->before = change->after;
		change->had = is_gone;
		change->has = false;
	}
}

int64_t leases_retry_due(const struct zone_leases *leases)
{
	return STAILQ_EMPTY(&leases->unstored) || leases->content->thread->is_broken
		? ALARM_NEVER
		: leases->retry_ms;
}

void leases_retry(struct zone_leases *leases, int64_t monotonic_ms)
{
	struct lease_write *write = STAILQ_FIRST(&leases->unstored);
	struct changeset *present;

	if (leases_retry_due(leases) > monotonic_ms)
		return;
	present = changeset_new();
	if (!present || put_present(leases->table, write->changes, present)) {
		leases->retry_ms = monotonic_ms + LEASES_RETRY_MS;
		changeset_unref(present);
		return;
	}
	STAILQ_REMOVE_HEAD(&leases->unstored, entry);
	leave_removals(leases->table, write->changes);
	submit(write); /* removals first, then the others */
	leases_write_ends(leases, present);
	changeset_unref(present);
}
