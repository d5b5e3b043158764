/* For tests: an RRset without one of its records.  (The gateway makes RRsets anew.) */
#ifndef MUSTER_TESTS_RRSET_WITHOUT_H
#define MUSTER_TESTS_RRSET_WITHOUT_H

#include "zones/rr.h"

/* NULL: nothing is left, or no memory. */
static inline struct rrset *rrset_without(const struct rrset *old, int index)
{
	struct rrset *set = NULL, *next;
	const uint8_t *rdata;
	uint16_t len;
	size_t at = 0;

	for (int i = 0; (rdata = rrset_next(old, &at, &len)); i++) {
		if (i == index)
			continue;
		next = set ? rrset_with(set, rdata, len)
			   : rrset_new_spelled(old->type, old->ttl, rdata, len,
				     rrset_spelled(old));
		rrset_unref(set);
		set = next;
	}
	return set;
}

#endif
