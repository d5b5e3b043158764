/*
 * Reads the zone files of a configuration in advance, for musterd -n and musterctl
 * check.
 */
#ifndef MUSTER_SEED_CHECK_H
#define MUSTER_SEED_CHECK_H

#include "gateway/config/config.h"

/*
 * Reads each zone file whose zone is not in the database yet; the others are never read
 * again.  Reports "zone NAME: file:line: reason".  0, or -EINVAL if a zone would be out
 * of service.
 */
int seed_check(const struct config *config, config_report *report, void *arg)
	__attribute__((warn_unused_result));

#endif
