/* Where records come from (provenance.h). */
#include "zones/provenance.h"

#include <errno.h>

void provenance_init(struct provenance *provenance, const struct name_seed *seed)
{
	digest_set_init(&provenance->records, seed);
}

void provenance_clear(struct provenance *provenance)
{
	digest_set_clear(&provenance->records);
}

/* A record that only got another TTL is removed, and then added. */
static bool note_record(bool removed, const struct rr *rr, void *arg)
{
	struct digest_set *records = arg;

	return !digest_set_put(records, digest_of_record(records, rr), !removed);
}

int provenance_note(struct provenance *provenance, const struct changeset *changes)
{
	return changeset_each_record(changes, note_record, &provenance->records)
		? 0
		: -ENOMEM;
}

enum provenance_word provenance_find(
	const struct provenance *provenance, const struct rr *rr)
{
	const struct digest_set *records = &provenance->records;
	bool is_added;

	if (!digest_set_has(records, digest_of_record(records, rr), &is_added))
		return PROVENANCE_UNKNOWN;
	return is_added ? PROVENANCE_ADDED : PROVENANCE_REMOVED;
}

/* A PTR record that waits for its turn is not there yet. */
bool provenance_is_leased(const struct lease_table *leases, const struct rr *rr)
{
	const struct lease *lease =
		lease_find(leases, rr->owner, rr->type, rr->rdata, rr->rdata_len);
	struct lease_record record;

	if (!lease)
		return false;
	lease_describe(leases, lease, &record);
	return !(record.flags & LEASE_WAITING);
}

bool provenance_is_owed(const struct provenance *provenance,
	const struct lease_table *leases, const struct rr *rr)
{
	if (leases && provenance_is_leased(leases, rr))
		return true;
	return provenance && provenance_find(provenance, rr) == PROVENANCE_ADDED;
}
