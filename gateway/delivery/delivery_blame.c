/*
 * Who is to blame: see delivery_blame.h.
 */
#include "gateway/delivery/delivery_blame.h"

#include <stdint.h>

size_t delivery_blame_limit(const struct delivery_blame *blame)
{
	return blame->suspects ? (blame->suspects + 1) / 2 : SIZE_MAX;
}

/* If they were all, nobody is to blame: the target minded that they came together. */
void delivery_blame_applied(struct delivery_blame *blame, size_t entries)
{
	blame->suspects -= entries < blame->suspects ? entries : blame->suspects;
}

bool delivery_blame_refused(struct delivery_blame *blame, size_t entries)
{
	const bool is_found = entries == 1;

	blame->suspects = is_found ? 0 : entries;
	return is_found;
}
