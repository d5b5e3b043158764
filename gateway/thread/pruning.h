/*
 * Prunes the journal: removes delivered rows that the audit no longer needs.
 */
#ifndef MUSTER_PRUNING_H
#define MUSTER_PRUNING_H

#include "gateway/thread/zone_thread.h"

struct pruning;

/* It runs as long as it exists.  NULL: no memory. */
struct pruning *pruning_new(struct zone_thread *thread, unsigned audit_days);
void pruning_configure(struct pruning *pruning, unsigned audit_days);
/* To be called after the journal has returned everything; NULL is harmless. */
void pruning_free(struct pruning *pruning);

#endif
