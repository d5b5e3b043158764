/*
 * What the tests of policy share: one zone's rules, one sender, and updates built from
 * short lines.
 */
#ifndef MUSTER_TEST_POLICY_BENCH_H
#define MUSTER_TEST_POLICY_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "zones/policy.h"

enum { CHANGES_MAX = 8, LINE_MAX_LEN = 512 };

/* One zone's rules and one sender. */
struct bench {
	struct policy policy;
	struct policy_subject subject;
	struct zone *mirror;
	uint8_t zone[NAME_MAX_LEN];
	uint8_t key[NAME_MAX_LEN];
	/* the update asked about */
	struct update update;
	struct rr changes[CHANGES_MAX];
	uint8_t owners[CHANGES_MAX][NAME_MAX_LEN];
	uint8_t rdata[CHANGES_MAX][LINE_MAX_LEN];
};

/* As cmocka's setup and teardown: key host1.dyn.example., from 192.0.2.1, over UDP. */
int bench_setup(void **state);
int bench_teardown(void **state);
#define WITH_BENCH(test)                                                                 \
	cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)

/* Names are completed with the zone; a list is words with blanks between. */
void bench_read_name(uint8_t ret[NAME_MAX_LEN], const struct bench *b, const char *text);
void bench_set_key(struct bench *b, const char *name); /* NULL: unsigned */
void bench_set_source(struct bench *b, const char *text);
void bench_add_names(
	const struct bench *b, uint8_t ***list, size_t *count, const char *words);
void bench_add_cidrs(struct cidr **list, size_t *count, const char *words);
/* Valid until the next rule is added. */
struct policy_rule *bench_add_rule(struct bench *b, const char *keys,
	enum policy_match match, const char *names, const char *types);

/* Changes separated by ";": "add OWNER TTL TYPE RDATA", "del OWNER [TYPE [RDATA]]". */
void bench_read_update(struct bench *b, const char *lines);
/* One "add" into the mirror. */
void bench_load(struct bench *b, const char *line);

/* why NULL: allowed; otherwise REFUSED with a reason that contains it. */
void bench_expect(const struct verdict *v, const char *why, const char *asked, int line);
void bench_ask(struct bench *b, const char *lines, const char *why, int line);
/* Allowed by policy_check_update; why is about policy_check_effect. */
void bench_ask_effect(struct bench *b, const char *lines, const char *why, int line);

#define ALLOWED(b, lines)             bench_ask(b, lines, NULL, __LINE__)
#define REFUSED(b, lines, why)        bench_ask(b, lines, why, __LINE__)
#define EFFECT_ALLOWED(b, lines)      bench_ask_effect(b, lines, NULL, __LINE__)
#define EFFECT_REFUSED(b, lines, why) bench_ask_effect(b, lines, why, __LINE__)

#endif
