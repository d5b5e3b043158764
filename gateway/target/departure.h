/*
 * Targets that have left the configuration, while they undo at their servers what was
 * changed there for the gateway's sake (target_ops.leave).
 *
 * Belongs to a zone thread.  If a server cannot be reached it is tried again, with longer
 * and longer pauses, and given up in the end; the log says both.
 */
#ifndef MUSTER_DEPARTURE_H
#define MUSTER_DEPARTURE_H

#include <sys/queue.h>

#include "gateway/target/target.h"

enum {
	DEPARTURE_TRIES_MAX = 12,
	DEPARTURE_PAUSE_MIN_MS = 1000, /* after the first; it doubles */
	DEPARTURE_PAUSE_MAX_MS = 600 * 1000,
};

struct departure;

struct departures {
	const struct target_env *env;
	LIST_HEAD(, departure) list;
};

typedef void departure_done(void *arg, const struct target_result *result);

void departures_init(struct departures *departures, const struct target_env *env);
/* Whoever waits is told.  Harmless for memory that is all zero. */
void departures_clear(struct departures *departures);

/*
 * Begins, unless the type of target has nothing to undo.  Keeps a reference to config,
 * which contains target.  done NULL: it is tried again if it fails; otherwise it is tried
 * once, and done is called later.  0, -ENOTSUP (nothing to undo) or -ENOMEM.
 */
int departures_begin(struct departures *departures, const uint8_t *zone,
	struct config *config, const struct config_target *target, departure_done *done,
	void *arg) __attribute__((warn_unused_result));
/* The zone has the target again: what nobody waits for ends. */
void departures_stop(struct departures *departures, const uint8_t *zone, const char *id);
/* Is no server being asked? */
bool departures_are_quiet(const struct departures *departures);

#endif
