/*
 * The Update Lease option, and what is granted.
 */
#include "tests/unit/lease_bench.h"

#include <stdlib.h>
#include <string.h>
#include "tests/unit/message.h"

/* An UPDATE with an OPT record whose options are these octets. */
static struct verdict read_option(
	struct lease_terms *terms, const void *options, uint16_t len)
{
	static struct message m;
	struct wire_message walked;
	struct verdict v;

	message_begin(&m, "dyn.example.");
	message_add_raw(
		&m, MESSAGE_ADDITIONAL, ".", TYPE_OPT, 1232, 0x8000, options, len);
	v = wire_walk(&walked, m.octets, m.w.at);
	assert_string_equal(v.why, "");
	return lease_terms_read(terms, m.octets, &walked);
}

static void read_forms(void **state)
{
	struct lease_terms terms;
	struct verdict v = read_option(&terms, "\0\2\0\4\0\0\x1c\x20", 8);

	(void)state;
	assert_int_equal(v.rcode, RCODE_NOERROR);
	assert_int_equal(terms.form, 4);
	assert_int_equal(terms.lease_s, 7200);
	assert_int_equal(terms.key_lease_s, 7200);
	/* behind another option, as Matter sends it: DO set, both leases */
	v = read_option(&terms, "\0\12\0\2ab\0\2\0\10\0\0\7\x08\0\x09\x3a\x80", 18);
	assert_int_equal(v.rcode, RCODE_NOERROR);
	assert_int_equal(terms.form, 8);
	assert_int_equal(terms.lease_s, 1800);
	assert_int_equal(terms.key_lease_s, 604800);
	v = read_option(&terms, "\0\12\0\2ab", 6);
	assert_int_equal(v.rcode, RCODE_NOERROR);
	assert_int_equal(terms.form, 0);
}

static void read_malformed(void **state)
{
	static const uint16_t lengths[] = {0, 1, 3, 5, 7, 9, 12};
	struct lease_terms terms;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint8_t options[4 + 12] = {0, 2, 0, (uint8_t)lengths[i]};
		struct verdict v =
			read_option(&terms, options, (uint16_t)(4 + lengths[i]));

		assert_int_equal(v.rcode, RCODE_FORMERR);
		assert_int_equal(terms.form, 0);
	}
}

static void write_forms(void **state)
{
	uint8_t buf[LEASE_OPTION_MAX];
	struct lease_terms terms = {8, 1800, 604800};

	(void)state;
	assert_int_equal(lease_terms_write(&terms, buf), 12);
	assert_memory_equal(buf, "\0\2\0\10\0\0\7\x08\0\x09\x3a\x80", 12);
	terms.form = 4;
	assert_int_equal(lease_terms_write(&terms, buf), 8);
	assert_memory_equal(buf, "\0\2\0\4\0\0\7\x08", 8);
	terms.form = 0;
	assert_int_equal(lease_terms_write(&terms, buf), 0);
}

/* ---- granting ---- */

static void grant(struct lease_bench *b, const char *key, const char *lines,
	struct lease_terms asked, uint32_t lease_s, uint32_t key_lease_s)
{
	b->asked = asked;
	lease_bench_update(b, key, lines);
	assert_int_equal(b->granted.form, asked.form);
	assert_int_equal(b->granted.lease_s, lease_s);
	assert_int_equal(b->granted.key_lease_s, key_lease_s);
}

#define SHORT(s)    ((struct lease_terms){4, s, s})
#define LONG(s, ks) ((struct lease_terms){8, s, ks})

static void grant_defaults(void **state)
{
	struct lease_bench *b = *state;
	const char *line = "host1 300 IN A 192.0.2.1";

	grant(b, "asked.", line, SHORT(7200), 7200, 7200);
	grant(b, "asked.", line, SHORT(0), 30, 30);
	grant(b, "asked.", line, SHORT(29), 30, 30);
	grant(b, "asked.", line, SHORT(UINT32_MAX), 86400, 86400);
	grant(b, "asked.", line, LONG(1, 1), 30, 30);
	grant(b, "asked.", line, LONG(86401, 604801), 86400, 604800);
	/* A rule without lease: what it adds is permanent, and the answer states what
	 * another rule would grant. */
	grant(b, "perm.", "host2 300 IN A 192.0.2.2", SHORT(7200), 7200, 7200);
	PERMANENT(b, "host2 A 192.0.2.2");
	grant(b, "hour.", line, (struct lease_terms){0}, 0, 0);
}

static void grant_limits(void **state)
{
	struct lease_bench *b = *state;
	struct policy_rule *rule = lease_bench_rule(b, "limits.");

	rule->has_lease = true;
	rule->lease_min_s = 600;
	rule->lease_max_s = 1200;
	rule->lease_key_max_s = 2400;
	grant(b, "limits.", "host1 300 IN A 192.0.2.1", LONG(100, 100), 600, 600);
	grant(b, "limits.", "host1 300 IN A 192.0.2.1", LONG(9999, 9999), 1200, 2400);
	LEASED(b, "host1 A 192.0.2.1", 1200);
	grant(b, "limits.", "host1 300 IN KEY 512 3 8 AAAA", LONG(700, 9999), 700, 2400);
	LEASED(b, "host1 KEY 512 3 8 AAAA", 2400);
	grant(b, "limits.", "host2 300 IN KEY 512 3 8 AAAA", SHORT(9999), 1200, 1200);
	LEASED(b, "host2 KEY 512 3 8 AAAA", 1200);
	/* Nothing is added: no more than the rules of the key would allow. */
	grant(b, "limits.", "? host1 0 ANY A", SHORT(9999), 1200, 1200);
	LEASED(b, "host1 A 192.0.2.1", 1200);
	grant(b, "limits.", "host1 0 ANY ANY", SHORT(10), 600, 600);
}

/* Records of several rules get one answer: the shortest lease. */
static void grant_several_rules(void **state)
{
	static const uint16_t types[] = {TYPE_A, TYPE_TXT};
	struct lease_bench *b = *state;

	for (int i = 0; i < 2; i++) {
		struct policy_rule *rule = lease_bench_rule(b, "two.");

		rule->has_lease = true;
		rule->types = malloc(sizeof(uint16_t));
		assert_non_null(rule->types);
		rule->types[0] = types[i];
		rule->type_count = 1;
		rule->lease_min_s = i ? 60 : 2000;
		rule->lease_max_s = i ? 1000 : 4000;
	}
	grant(b, "two.", "host1 300 IN A 192.0.2.1", SHORT(3000), 3000, 3000);
	grant(b, "two.", "host1 300 IN TXT a", SHORT(3000), 1000, 1000);
	/* The limits exclude each other: the shorter one is promised. */
	grant(b, "two.", "host2 300 IN A 192.0.2.1; host2 300 IN TXT a", SHORT(3000),
		1000, 1000);
	LEASED(b, "host2 A 192.0.2.1", 1000);
	LEASED(b, "host2 TXT a", 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_forms),
		cmocka_unit_test(read_malformed),
		cmocka_unit_test(write_forms),
		WITH_LEASES(grant_defaults),
		WITH_LEASES(grant_limits),
		WITH_LEASES(grant_several_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
