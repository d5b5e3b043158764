/*
 * One rule of a policy and one record: does the rule allow it, and if not, what stands
 * between them.  Inside policy only; see policy.h for what rules mean.
 */
#ifndef MUSTER_POLICY_RULE_H
#define MUSTER_POLICY_RULE_H

#include "zones/policy.h"

/* The first condition that does not hold, in this order; the later, the further the rule
 * came. */
enum policy_obstacle {
	POLICY_OBSTACLE_KEY,
	POLICY_OBSTACLE_FROM,
	POLICY_OBSTACLE_TRANSPORT,
	POLICY_OBSTACLE_NAME,
	POLICY_OBSTACLE_TYPE,
	POLICY_OBSTACLE_OPERATION,
	POLICY_OBSTACLE_TTL,
	POLICY_OBSTACLE_ADDRESS,
	POLICY_OBSTACLE_TARGET,
	POLICY_OBSTACLE_NONE, /* the rule allows it */
};

struct policy_request {
	const uint8_t *zone;
	const struct policy_subject *subject;
	enum policy_operation op;
	/* Class ANY: no particular record, so that ttl and data do not matter; with type
	 * ANY none of a particular type either. */
	const struct rr *rr;
	bool is_any_ttl; /* the TTL was judged elsewhere */
};

/* May the rule speak for this subject at all?  KEY, FROM, TRANSPORT or NONE. */
enum policy_obstacle policy_rule_meet_subject(
	const struct policy_rule *rule, const struct policy_subject *subject);

/* For a rule that speaks for the subject: NAME and what follows it, or NONE. */
enum policy_obstacle policy_rule_meet_record(
	const struct policy_rule *rule, const struct policy_request *req);

/* The obstacle in words.  req->rr may be NULL up to TRANSPORT. */
enum { POLICY_REASON_MAX = NAME_TEXT_MAX + 128 }; /* octets: a name and words around it */
void policy_rule_say(char buf[POLICY_REASON_MAX], enum policy_obstacle obstacle,
	const struct policy_rule *rule, const struct policy_request *req);

#endif
