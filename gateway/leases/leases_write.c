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
	if (!write) { /* the next sweep or start finds it again */
		lease_changes_free(changes);
		log_error("zone %s: out of memory", leases->content->text);
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

/* Leases that have ended since are only removed, existing ones are written as they are:
 * added to present->leases.  False: no memory. */
static bool look_again(
	struct lease_table *table, struct lease_change *change, struct changeset *present)
{
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
	bool is_done = true;

	if (leases_retry_due(leases) > monotonic_ms)
		return;
	present = changeset_new();
	if (!present) {
		leases->retry_ms = monotonic_ms + LEASES_RETRY_MS;
		return;
	}
	STAILQ_REMOVE_HEAD(&leases->unstored, entry);
	for (size_t i = 0; i < write->changes->count && is_done; i++)
		is_done = look_again(leases->table, &write->changes->changes[i], present);
	submit(write); /* removals first, then the others */
	leases_write_ends(leases, present);
	changeset_unref(present);
}
