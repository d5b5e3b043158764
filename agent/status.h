/*
 * The state file: what is published, until when, and what the gateways last answered.
 *
 * The agent writes it whole after every answer, and before it sends a record for the
 * first time, so that another run (--status, --withdraw, the next start) knows what may
 * be there.  JSON; it holds no secrets.
 */
#ifndef MUSTER_AGENT_STATUS_H
#define MUSTER_AGENT_STATUS_H

#include "agent/publish/publisher.h"

struct status {
	const uint8_t *name; /* the host's */
	struct publisher *const *publishers;
	size_t publisher_count;
	int64_t started_s; /* real time */
	int64_t steady_ms; /* the moment, on both clocks */
	int64_t real_s;
};

/* 0 or -errno. */
int status_write(const char *path, const struct status *status)
	__attribute__((warn_unused_result));

/* What an earlier run may have left at the gateways; zone is the one it was sent to.
 * False: stop. */
typedef bool status_visit(void *arg, const uint8_t *zone, const struct record *record);

/* Calls visit for every record of the file.  0; -ENOENT: there is none; -EINVAL: it is
 * not ours, or broken; -ENOMEM. */
int status_each_record(const char *path, status_visit *visit, void *arg)
	__attribute__((warn_unused_result));

/* muster-agent --status.  The exit status: 0: all is well; 1: it is not (or the agent
 * does not run); 2: there is no state to be read. */
int status_print(const char *path, bool as_json);

#endif
