/*
 * Which rule would have given a lease to a record whose sender nobody knows.
 */
#include "tests/unit/policy_bench.h"

#include <string.h>

#include "zones/lease_origin.h"

struct origin_bench {
	struct bench *b;
	struct keyring *keys;
	struct lease_origins origins;
};

static void add_key(struct origin_bench *o, const char *name)
{
	static uint8_t secret[32] = {1};
	uint8_t wire[NAME_MAX_LEN];
	struct tsig_key key = {.name = wire,
		.alg = HMAC_SHA256,
		.secret = secret,
		.secret_len = sizeof(secret)};

	bench_read_name(wire, o->b, name);
	assert_int_equal(keyring_add(o->keys, &key), 0);
}

static void lease(struct policy_rule *rule, uint32_t default_s)
{
	rule->has_lease = true;
	rule->lease_default_s = default_s;
	rule->lease_min_s = 1;
	rule->lease_max_s = 86400;
}

/* The rules and keys are complete. */
static void begin(struct origin_bench *o)
{
	assert_int_equal(
		lease_origins_init(&o->origins, &o->b->policy, o->b->zone, o->keys), 0);
}

static void end(struct origin_bench *o)
{
	lease_origins_clear(&o->origins);
	keyring_free(o->keys);
}

/* "add OWNER TTL TYPE RDATA": the lease that this key gets, 0 for none. */
static uint32_t ask(struct origin_bench *o, const char *line, const char *key)
{
	uint8_t name[NAME_MAX_LEN];
	struct lease_origin origin;

	bench_read_update(o->b, line);
	if (!lease_origins_find(&o->origins, &o->b->update.changes[0], &origin))
		return 0;
	bench_read_name(name, o->b, key);
	assert_true(name_is_equal(origin.key, name));
	return origin.rule->lease_default_s;
}

static void hosts_have_keys_of_their_name(void **state)
{
	struct origin_bench o = {.b = *state, .keys = keyring_new()};

	lease(bench_add_rule(o.b, "*.dyn.example.", POLICY_MATCH_SELF, "", "A AAAA"), 60);
	lease(bench_add_rule(o.b, "*.dyn.example.", POLICY_MATCH_SELFSUB, "", "TXT"), 70);
	bench_add_rule(o.b, "admin.", POLICY_MATCH_ZONE, "", "ANY");
	add_key(&o, "host1");
	add_key(&o, "admin.");
	begin(&o);
	assert_int_equal(ask(&o, "add host1 300 A 192.0.2.1", "host1"), 60);
	assert_int_equal(ask(&o, "add a.b.host1 300 TXT x", "host1"), 70);
	assert_int_equal(ask(&o, "add host1 300 MX 10 a.example.", "host1"), 0);
	assert_int_equal(ask(&o, "add host2 300 A 192.0.2.1", "host2"), 0);
	assert_int_equal(ask(&o, "add www 300 A 192.0.2.1", "www"), 0);
	end(&o);
}

static void other_keys_are_tried_too(void **state)
{
	struct origin_bench o = {.b = *state, .keys = keyring_new()};
	struct policy_rule *rule;

	rule = bench_add_rule(o.b, "acme.", POLICY_MATCH_PATTERN, "_acme.*", "TXT");
	lease(rule, 60);
	bench_add_cidrs(&rule->from, &rule->from_count, "198.51.100.0/24");
	rule = bench_add_rule(o.b, "dhcp*.", POLICY_MATCH_SUBDOMAIN, "pool", "");
	lease(rule, 70);
	rule = bench_add_rule(o.b, "*.keys.", POLICY_MATCH_SUBDOMAIN, "lab", "A");
	lease(rule, 80);
	rule->data_source = true;
	rule->transports = POLICY_TCP;
	add_key(&o, "acme.");
	add_key(&o, "a.keys.");
	begin(&o);
	assert_int_equal(ask(&o, "add _acme.www 300 TXT x", "acme."), 60);
	assert_int_equal(ask(&o, "add x.lab 300 A 192.0.2.1", "a.keys."), 80);
	/* There is no such key. */
	assert_int_equal(ask(&o, "add x.pool 300 A 192.0.2.1", ""), 0);
	end(&o);
}

static void some_things_are_never_leased(void **state)
{
	struct origin_bench o = {.b = *state, .keys = keyring_new()};

	bench_add_rule(o.b, "all.", POLICY_MATCH_NAME, "fixed", "");
	lease(bench_add_rule(o.b, "all.", POLICY_MATCH_ZONE, "", "ANY"), 60);
	lease(bench_add_rule(o.b, "asks.", POLICY_MATCH_ZONE, "", "ANY"), 0);
	add_key(&o, "all.");
	add_key(&o, "asks.");
	begin(&o);
	assert_true(lease_origins_are_possible(&o.b->policy));
	assert_int_equal(ask(&o, "add x 300 A 192.0.2.1", "all."), 60);
	/* The first rule that matches decides. */
	assert_int_equal(ask(&o, "add fixed 300 A 192.0.2.1", ""), 0);
	assert_int_equal(ask(&o, "add sub 300 NS ns.example.", ""), 0);
	end(&o);
	lease(&o.b->policy.rules[1], 0);
	assert_false(lease_origins_are_possible(&o.b->policy));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BENCH(hosts_have_keys_of_their_name),
		WITH_BENCH(other_keys_are_tried_too),
		WITH_BENCH(some_things_are_never_leased),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
