/*
 * Records as text, as in a zone file: "NAME [TTL] [IN] TYPE DATA", with comments, quotes
 * and parentheses (zones/record.h).  Programs of the source command print this form, and
 * the configuration contains it.  Pure.
 */
#ifndef MUSTER_AGENT_RECORD_TEXT_H
#define MUSTER_AGENT_RECORD_TEXT_H

#include "agent/records/records.h"
#include "zones/record.h"

/*
 * Adds the record of a text to set; there may be none.  Names are completed with origin,
 * and "@" is the origin.  0, -EINVAL with the reason in ret_why, -ENOMEM or -ENOSPC.
 */
int record_text_parse(struct records *set, const char *text, const uint8_t *origin,
	uint32_t default_ttl, char ret_why[RECORD_WHY_MAX])
	__attribute__((warn_unused_result));

/*
 * The same for all records of a text of many lines; those that begin with "#" are
 * comments, too, for which the text is written to.  *ret_line is that of the reason.
 */
int record_text_read(struct records *set, char *text, size_t len, const uint8_t *origin,
	uint32_t default_ttl, char ret_why[RECORD_WHY_MAX], unsigned *ret_line)
	__attribute__((warn_unused_result));

/* The RDATA of a record of this type, as it would stand at the end of a line.  Its
 * length, -EINVAL with the reason in ret_why, or -ENOMEM. */
int record_text_data(uint16_t type, const char *text, const uint8_t *origin,
	struct record_room *room, char ret_why[RECORD_WHY_MAX])
	__attribute__((warn_unused_result));

#endif
