/*
 * One UPDATE through everything that is pure, in the gateway's order:
 *
 *   walk, TSIG, zone section, update_read, policy on the message, lease granted, merge,
 *   policy on the effect, prerequisites, apply, policy on the result, leases
 *
 * and beside it the checks that hold for every update: one that was refused has changed
 * nothing, and one that changed something can be undone and redone.
 */
#ifndef MUSTER_SCENARIO_EXCHANGE_H
#define MUSTER_SCENARIO_EXCHANGE_H

#include "tsig/tsig.h"
#include "zones/lease.h"

struct exchange_gateway {
	struct zone *zone;
	bool bumps_serial; /* false: as where a target owns the serial */
	const struct policy *policy;
	const struct keyring *ring;
	struct hmac_pool *pool;
	struct lease_table *leases;
	int64_t service_ms; /* time that moves leases */
};

struct exchange_result {
	struct verdict verdict;
	bool is_changed; /* the mirror is not as it was */
	struct lease_terms granted;
};

/*
 * sender has address and transport; its key comes from the message.  0, -ENOMEM, or
 * -EPROTO with a static reason if one of the checks that always hold failed.
 */
int exchange_run(struct exchange_result *ret_result,
	const struct exchange_gateway *gateway, const struct policy_subject *sender,
	const uint8_t *msg, size_t len, int64_t now, const char **ret_why)
	__attribute__((warn_unused_result));

#endif
