/*
 * The agent as a whole: sources find records, and publishers send them to the zones.
 *
 * Whenever a source has changed, the records of all sources are put together and divided
 * among the zones, and the publishers do the rest.  Until every source has reported,
 * whatever an earlier run has published stays, unless another source claims it.
 *
 * With the state of another machine (a clone of it, most likely) the agent claims
 * nothing: it adds its own records, and leaves alone what the other machine has under the
 * name.
 */
#ifndef MUSTER_AGENT_AGENT_H
#define MUSTER_AGENT_AGENT_H

#include "agent/config/config.h"
#include "gateway/base/alarm.h"

struct agent_options {
	struct alarms *alarms;
	const char *state;   /* path of the state file; must outlive it */
	bool has_delay;      /* RFC 9664 4.2's, before the first update */
	bool is_once;        /* slow sources are waited for: there is no second update */
	bool is_withdrawing; /* no sources: what the state file names is removed */
	/* Called when every publisher has ended an attempt and none has more to do now.
	 * is_ok: all of them succeeded, and so did the sources. */
	void (*settled)(void *arg, bool is_ok);
	void *arg;
};

struct agent;
/* Takes over config.  NULL: out of memory, or none of the sources can work; logged. */
struct agent *agent_new(struct config *config, const struct agent_options *options);
void agent_free(struct agent *agent); /* NULL is harmless */

/* Removes everything that is published; settled is called when that is done. */
void agent_withdraw(struct agent *agent);
/* A child process has ended. */
void agent_child_ended(struct agent *agent);
/* Logs the state of the agent: one line, and one for each gateway or source that
 * fails. */
void agent_log_status(const struct agent *agent);

#endif
