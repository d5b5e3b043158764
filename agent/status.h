/*
 * The state file: what is published, where and until when, what the gateways last
 * answered, and the state of each source.
 *
 * The agent writes it whole after every answer, and before it sends a record for the
 * first time, so that another run (--status, --withdraw, the next start) knows what may
 * be there.  JSON; it holds no secrets.
 */
#ifndef MUSTER_AGENT_STATUS_H
#define MUSTER_AGENT_STATUS_H

#include "agent/host.h"
#include "agent/publish/roster.h"
#include "agent/sources/source.h"

/* Appended to the path of the state file: the file that the agent locks while it runs. */
#define STATUS_LOCK_SUFFIX ".lock"

struct status {
	const struct config *config;
	struct roster *const *rosters;
	size_t roster_count;
	struct source *const *sources; /* as many as configured; NULL: could not begin */
	const struct host *host;
	bool is_guest;     /* status_owner */
	int64_t started_s; /* real time */
	int64_t steady_ms; /* the moment, on both clocks */
	int64_t real_s;
};

/* 0 or -errno. */
int status_write(const char *path, const struct status *status)
	__attribute__((warn_unused_result));

/* Whose state a file is. */
struct status_owner {
	struct host host; /* zero: nothing is known, as in files of old */
	bool is_guest;    /* of a machine whose state is a copy: only what it has added
	                   * itself is its own */
};

/* What an earlier run may have left at a gateway; zone is the one it was sent to.  False:
 * stop. */
typedef bool status_visit(void *arg, const uint8_t *zone, const char *gateway,
	const struct ledger_entry *entry);

/* Reads the owner, and calls visit (NULL: nobody) for every record of the file at every
 * gateway, with times of the clock.  0; -ENOENT: there is none; -EINVAL: it is not ours,
 * or broken; -ENOMEM. */
int status_read(const char *path, struct turn_clock *clock,
	struct status_owner *ret_owner, status_visit *visit, void *arg)
	__attribute__((warn_unused_result));

/* muster-agent --status.  The exit status: 0: all is well; 1: it is not (or the agent
 * does not run); 2: there is no state to be read. */
int status_print(const char *path, bool as_json);

/* Does this source know its records, without any failure? */
bool status_is_source_well(const struct source *source);

#endif
