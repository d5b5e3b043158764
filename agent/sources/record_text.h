/*
 * Records as lines of text, as in a zone file: "NAME [TTL] [IN] TYPE DATA", which is how
 * programs of the source command print them, and how they stand in the configuration.
 * Pure.
 */
#ifndef MUSTER_AGENT_RECORD_TEXT_H
#define MUSTER_AGENT_RECORD_TEXT_H

#include "agent/records.h"

/*
 * Adds the record of one line to set.  Names are completed with origin, and "@" is the
 * origin.  0 (also for empty lines and comments, which begin with ";" or "#"), -EINVAL
 * with the reason in *ret_why (a static string), -ENOMEM or -ENOSPC.
 */
int record_text_parse(struct records *set, const char *line, const uint8_t *origin,
	uint32_t default_ttl, const char **ret_why) __attribute__((warn_unused_result));

#endif
