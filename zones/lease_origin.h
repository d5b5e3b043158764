/*
 * Guesses where records without a lease came from: which rule would have let them in
 * under a lease, and by which key.
 *
 * This is needed after the loss of the database, when records that had leases would
 * stay for ever.  The rule found is the first that gives a lease, without being asked
 * for one, to one of these keys: the key named like the owner, those named like names
 * above it, and for rules of other keys one key of each rule.  The sender is assumed to
 * have been where the rule or the record requires.
 *
 * Pure.
 */
#ifndef MUSTER_LEASE_ORIGIN_H
#define MUSTER_LEASE_ORIGIN_H

#include "tsig/key.h"
#include "zones/policy.h"

struct lease_origins {
	const struct policy *policy; /* borrowed, as are the others */
	const struct keyring *keys;
	const uint8_t *zone;
	const uint8_t **rule_keys; /* owned: for each rule one of its keys that the
	                            * ring has; NULL: none */
};

struct lease_origin {
	const struct policy_rule *rule;
	const uint8_t *key;       /* its name, in the ring or in the record's owner */
	struct ip_address source; /* family 0: anywhere */
};

/* Does any rule give leases to clients that do not ask for them? */
bool lease_origins_are_possible(const struct policy *policy);

/* 0 or -ENOMEM; lease_origins_clear is needed either way.  Looks at all keys once. */
int lease_origins_init(struct lease_origins *origins, const struct policy *policy,
	const uint8_t *zone, const struct keyring *keys)
	__attribute__((warn_unused_result));
void lease_origins_clear(struct lease_origins *origins);

/* False: no rule that we can think of would give this record a lease.  Types that
 * belong to the zone or its signer (policy_type_is_guarded) never get one. */
bool lease_origins_find(const struct lease_origins *origins, const struct rr *rr,
	struct lease_origin *ret);

#endif
