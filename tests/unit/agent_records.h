/*
 * For the agent's unit tests: record sets from lines of text and back.
 */
#ifndef MUSTER_TESTS_AGENT_RECORDS_H
#define MUSTER_TESTS_AGENT_RECORDS_H

#include "agent/records/records.h"

enum { RECORDS_TEXT_MAX = 16384 };

/* Adds "host A 192.0.2.1" and the like, relative to "dyn.example.", TTL 300 if not said;
 * "host A" alone is a claim.  The lines end with NULL.  Sorts the set.  A line that is
 * wrong fails the test. */
void agent_records_add(struct records *set, const char *const *lines);

/* "host A|host A 192.0.2.1|", without the zone: what a set holds, in its order. */
const char *agent_records_text(const struct records *set, char buf[RECORDS_TEXT_MAX]);

#define assert_records(set, text)                                                        \
	do {                                                                             \
		char buf_[RECORDS_TEXT_MAX];                                             \
		assert_string_equal(agent_records_text(set, buf_), text);                \
	} while (0)

#endif
