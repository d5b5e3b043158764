/*
 * The journal forgets: rows that are delivered and older than the audit wants them.
 */
#ifndef MUSTER_PRUNING_H
#define MUSTER_PRUNING_H

#include "gateway/thread/zone_thread.h"

struct pruning;

/* Goes on for as long as it lives.  NULL: no memory. */
struct pruning *pruning_new(struct zone_thread *thread, unsigned audit_days);
void pruning_configure(struct pruning *pruning, unsigned audit_days);
/* After the journal has given everything back; NULL is harmless. */
void pruning_free(struct pruning *pruning);

#endif
