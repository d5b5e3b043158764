/*
 * Copies of what happened to leases, for change sets that are moved onto other
 * content.  They serve every purpose except lease_undo, which needs the original
 * (lease_table.h).
 */
#include "zones/lease_table.h"

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
