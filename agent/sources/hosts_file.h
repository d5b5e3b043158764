/*
 * Hosts files (hosts(5)): "ADDRESS NAME [NAME ...]  # comment".  Pure.
 */
#ifndef MUSTER_AGENT_HOSTS_FILE_H
#define MUSTER_AGENT_HOSTS_FILE_H

#include "agent/config/config.h"

/*
 * Adds an address record for each name of the text that lies in one of the zones; single
 * labels are completed with the source's origin.  What is meant for this machine alone
 * (loopback, link-local) and names elsewhere are skipped.  *ret_bad counts lines that are
 * no such lines, the first of which is *ret_bad_line.  0 or -errno of records_add.
 */
int hosts_file_parse(struct records *set, const struct config *config,
	const struct config_source *source, const char *text, size_t len,
	unsigned *ret_bad, unsigned *ret_bad_line) __attribute__((warn_unused_result));

#endif
