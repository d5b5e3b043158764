/*
 * Guesses (lease_origin.h): keys and addresses are tried with the same function that
 * judges updates.
 */
#include "zones/lease_origin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool gives_leases(const struct policy_rule *rule)
{
	return rule->has_lease && rule->lease_default_s && rule->operations & POLICY_ADD;
}

bool lease_origins_are_possible(const struct policy *policy)
{
	for (size_t i = 0; i < policy->count; i++) {
		if (gives_leases(&policy->rules[i]))
			return true;
	}
	return false;
}

/* ---- one key of each rule ---- */

static bool look_at_key(const struct tsig_key *key, void *arg)
{
	const struct lease_origins *origins = arg;
	bool is_any_missing = false;

	for (size_t i = 0; i < origins->policy->count; i++) {
		const struct policy_rule *rule = &origins->policy->rules[i];

		if (!gives_leases(rule) || origins->rule_keys[i])
			continue;
		if (policy_names_key(rule, key->name))
			origins->rule_keys[i] = key->name;
		else
			is_any_missing = true;
	}
	return is_any_missing;
}

int lease_origins_init(struct lease_origins *origins, const struct policy *policy,
	const uint8_t *zone, const struct keyring *keys)
{
	*origins = (struct lease_origins){.policy = policy,
		.keys = keys,
		.zone = zone,
		.rule_keys = calloc(policy->count + 1, sizeof(uint8_t *))};
	if (!origins->rule_keys)
		return -ENOMEM;
	keyring_each(keys, look_at_key, origins);
	return 0;
}

void lease_origins_clear(struct lease_origins *origins)
{
	free(origins->rule_keys);
	origins->rule_keys = NULL;
}

/* ---- one record ---- */

/* The address in a record.  Family 0: none. */
static struct ip_address address_of(const struct rr *rr)
{
	struct ip_address address = {0};

	if (rr->type == TYPE_A && rr->rdata_len == 4)
		address.family = 4;
	else if (rr->type == TYPE_AAAA && rr->rdata_len == 16)
		address.family = 6;
	if (address.family)
		memcpy(address.octets, rr->rdata, rr->rdata_len);
	return address;
}

/* Could this key have added it from there? */
static bool try_sender(const struct lease_origins *origins, const struct rr *rr,
	const struct policy_subject *subject, struct lease_origin *ret)
{
	const struct policy_rule *rule = policy_find_rule(
		origins->policy, origins->zone, subject, POLICY_ADD, rr, NULL);

	if (!rule || !gives_leases(rule))
		return false;
	*ret = (struct lease_origin){
		.rule = rule, .key = subject->key, .source = subject->source};
	return true;
}

static bool try_key(const struct lease_origins *origins, const struct policy_rule *rule,
	const struct rr *rr, const uint8_t *key, struct lease_origin *ret)
{
	struct policy_subject subject = {.key = key,
		.source = address_of(rr),
		.transport = rule->transports & POLICY_TCP ? POLICY_TCP : POLICY_UDP};

	if (try_sender(origins, rr, &subject, ret))
		return true;
	if (!rule->from_count)
		return false;
	subject.source = rule->from[0].address;
	return try_sender(origins, rr, &subject, ret);
}

/* Tries keys named like the owner or a name above it. */
static bool try_own_keys(const struct lease_origins *origins,
	const struct policy_rule *rule, const struct rr *rr, struct lease_origin *ret)
{
	for (const uint8_t *name = rr->owner;
		name && name_is_subdomain(name, origins->zone);
		name = name_parent(name)) {
		if (keyring_find(origins->keys, name) && policy_names_key(rule, name) &&
			try_key(origins, rule, rr, name, ret))
			return true;
	}
	return false;
}

bool lease_origins_find(const struct lease_origins *origins, const struct rr *rr,
	struct lease_origin *ret)
{
	if (policy_type_is_guarded(rr->type))
		return false;
	for (size_t i = 0; i < origins->policy->count; i++) {
		const struct policy_rule *rule = &origins->policy->rules[i];

		if (!gives_leases(rule))
			continue;
		if (try_own_keys(origins, rule, rr, ret))
			return true;
		if (origins->rule_keys[i] &&
			try_key(origins, rule, rr, origins->rule_keys[i], ret))
			return true;
	}
	return false;
}
