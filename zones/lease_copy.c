/*
 * Copies of what happened to leases, for change sets that are moved onto other
 * content.  They serve every purpose except lease_undo, which needs the original
 * (lease_table.h).
 */
#include "zones/lease_table.h"

#include <errno.h>
#include <stdlib.h>

struct lease_changes *lease_changes_copy(const struct lease_changes *changes)
{
	struct lease_changes *copy = lease_changes_new();
	size_t room = 1; /* as lease_plan.c has it */

	while (room < changes->count)
		room *= 2;
	if (copy)
		copy->changes = calloc(room, sizeof(*copy->changes));
	if (!copy || !copy->changes) {
		lease_changes_free(copy);
		return NULL;
	}
	for (size_t i = 0; i < changes->count; i++) {
		copy->changes[i] = changes->changes[i];
		copy->changes[i].memory = NULL;
		if (lease_change_own(&copy->changes[i])) {
			lease_changes_free(copy);
			return NULL;
		}
		copy->count++;
	}
	return copy;
}

static bool has(const struct rrset *set, const struct lease_record *record)
{
	return set && rrset_find(set, record->rdata, record->rdata_len) >= 0;
}

static bool adds(const struct changeset *cs, const struct lease_record *record)
{
	const struct change *change = changeset_find(cs, record->owner, record->type);

	return change && has(change->after, record) && !has(change->before, record);
}

int lease_changes_rebase(const struct changeset *old, struct changeset *rebased)
{
	if (!old->leases)
		return 0;
	rebased->leases = lease_changes_copy(old->leases);
	if (!rebased->leases)
		return -ENOMEM;
	for (size_t i = 0; i < rebased->leases->count; i++) {
		struct lease_change *change = &rebased->leases->changes[i];

		change->is_others |= !change->had && change->has &&
			adds(old, &change->after) && !adds(rebased, &change->after);
	}
	return 0;
}
