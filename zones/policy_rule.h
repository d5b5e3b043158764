/*
 * One rule of a policy and one record: does the rule allow it, and if not, why not.
 * For policy*.c only; policy.h explains rules.
 */
#ifndef MUSTER_POLICY_RULE_H
#define MUSTER_POLICY_RULE_H

#include "zones/policy.h"

/* The first condition that does not hold, in this order; the later it is, the closer
 * the rule came. */
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
	/* Class ANY: no particular record, so ttl and data do not matter; with type
	 * ANY, the type does not matter either. */
	const struct rr *rr;
};

/* Can the rule match this subject at all?  KEY, FROM, TRANSPORT or NONE. */
enum policy_obstacle policy_rule_meet_subject(
	const struct policy_rule *rule, const struct policy_subject *subject);

/* For a rule that matches the subject: NAME or a later one, or NONE. */
enum policy_obstacle policy_rule_meet_record(
	const struct policy_rule *rule, const struct policy_request *req);

/* The same, without what depends on the RDATA or the TTL. */
enum policy_obstacle policy_rule_meet_rrset(
	const struct policy_rule *rule, const struct policy_request *req);

/* Only what depends on these: TTL, ADDRESS, TARGET or NONE. */
enum policy_obstacle policy_rule_meet_data(
	const struct policy_rule *rule, const struct policy_request *req);

/* Does the rule allow deletions depending on the record's data? */
bool policy_rule_limits_deletion(const struct policy_rule *rule, uint16_t type);

/* Is the rule about this owner? */
bool policy_rule_meet_owner(const struct policy_rule *rule, const uint8_t *zone,
	const struct policy_subject *subject, const uint8_t *owner);

/* The rule number index among those that match the judge's subject; NULL: there are no
 * more. */
const struct policy_rule *policy_judge_rule(struct policy_judge *judge, size_t index);

/* "rule 2 (line 31)", counted from 1 */
enum { POLICY_RULE_TEXT_MAX = 64 };
const char *policy_rule_to_text(const struct policy *policy,
	const struct policy_rule *rule, char buf[POLICY_RULE_TEXT_MAX]);

/* Why no rule allows it: the reason of the rule that came closest, the first of
 * equals.  where, maybe empty, says which record it is about.  req->rr is NULL when no
 * rule matches the subject, since then the record is not needed. */
struct verdict policy_refuse(
	const struct policy *policy, const struct policy_request *req, const char *where);

/* The obstacle as text.  req->rr may be NULL up to TRANSPORT. */
enum { POLICY_REASON_MAX = NAME_TEXT_MAX + 128 }; /* octets: a name and words around it */
void policy_rule_say(char buf[POLICY_REASON_MAX], enum policy_obstacle obstacle,
	const struct policy_rule *rule, const struct policy_request *req);

#endif
