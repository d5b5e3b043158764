/*
 * What zones hold: copied, compared, read from transfers.
 */
#ifndef MUSTER_SCENARIO_CONTENT_H
#define MUSTER_SCENARIO_CONTENT_H

#include "gateway/answer/transfer.h"
#include "zones/zone.h"

/* With the same RRsets; seed NULL: one that everybody knows.  NULL: no memory. */
struct zone *content_copy(const struct zone *zone, const struct name_seed *seed);
/* NULL equals NULL.  But for the SOA, or with it. */
bool content_is_same_but_soa(const struct zone *a, const struct zone *b);
bool content_is_same(const struct zone *a, const struct zone *b);
uint32_t content_serial(const struct zone *zone); /* 0: it has no SOA */
/* Records of RRsets that the other one does not have, to stderr. */
void content_print_difference(const struct zone *expected, const struct zone *got);
/* NULL: it cannot be read, or there is no memory. */
struct zone *content_from_transfer(const uint8_t *apex, const struct transfer *transfer);

#endif
