/*
 * What the tests of leases share: a zone with its leases, two kinds of time that only the
 * test moves, and updates from short lines.
 *
 * Every update goes the way that the gateway takes it: merge, policy, prerequisites, the
 * zone, the leases.  Every step is asserted.
 */
#ifndef MUSTER_TEST_LEASE_BENCH_H
#define MUSTER_TEST_LEASE_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "zones/lease.h"

enum { LEASE_EVENTS_MAX = 1024 };

struct lease_bench {
	struct zone *zone;
	struct lease_table *table;
	struct policy policy;
	struct policy_subject subject;
	uint8_t key[NAME_MAX_LEN]; /* of the subject */
	struct lease_terms asked;  /* by the next updates */
	struct lease_terms granted;
	struct lease_expiry expiry;
	int64_t now_ms;                /* service time */
	int64_t real_s;                /* goes with it */
	struct changeset *cs;          /* of the last update or expiry */
	char events[LEASE_EVENTS_MAX]; /* "stale host1; active host1; " */
};

/* As cmocka's setup and teardown: zone dyn.example. with a SOA and NS at its apex, and
 * these rules, each for the key of its name anywhere in the zone:
 * "hour.": lease, default 1 h; "asked.": lease for who asks; "perm.": none; "adopt.":
 * lease, default 1 h, adopt; "acme.", "acme2.": default 2 h, merge. */
int lease_bench_setup(void **state);
int lease_bench_teardown(void **state);
#define WITH_LEASES(test)                                                                \
	cmocka_unit_test_setup_teardown(test, lease_bench_setup, lease_bench_teardown)

struct policy_rule *lease_bench_rule(struct lease_bench *b, const char *key);
/* A permanent record that was always there: "host1 300 IN A 192.0.2.1". */
void lease_bench_load(struct lease_bench *b, const char *line);

/* The lines of an update, separated by ";"; those that begin with "?" are prerequisites.
 * "host1 300 IN A 192.0.2.1", "host1 0 ANY A", "? host1 0 ANY ANY".  Must be accepted. */
void lease_bench_update(struct lease_bench *b, const char *key, const char *lines);
/* The same up to here: 0 or -ENOMEM of lease_apply, then the zone is as it was. */
int lease_bench_try(struct lease_bench *b, const char *key, const char *lines);
/* The change set of the last update, which the caller owns from now on. */
struct changeset *lease_bench_take(struct lease_bench *b);

void lease_bench_pass(struct lease_bench *b, int64_t s);
/* One turn of expiry; how many records went. */
size_t lease_bench_expire(struct lease_bench *b, size_t max);
/* Turns until nothing is due. */
size_t lease_bench_expire_all(struct lease_bench *b);

/* "host1 A 192.0.2.1" */
struct lease *lease_bench_find(const struct lease_bench *b, const char *record);
const uint8_t *lease_bench_name(const struct lease_bench *b, const char *text);
bool lease_bench_has_record(const struct lease_bench *b, const char *record);
/* How long it still has, whole seconds; -1: no lease. */
int64_t lease_bench_left(const struct lease_bench *b, const char *record);
/* How many changes of leases the last update came to. */
size_t lease_bench_changes(const struct lease_bench *b);
uint32_t lease_bench_serial(const struct lease_bench *b);

#define LEASED(b, record, s) assert_int_equal(lease_bench_left(b, record), s)
#define PERMANENT(b, record)                                                             \
	do {                                                                             \
		assert_true(lease_bench_has_record(b, record));                          \
		assert_int_equal(lease_bench_left(b, record), -1);                       \
	} while (0)
#define GONE(b, record)                                                                  \
	do {                                                                             \
		assert_false(lease_bench_has_record(b, record));                         \
		assert_int_equal(lease_bench_left(b, record), -1);                       \
	} while (0)
/* And forgets them. */
#define EVENTS(b, text)                                                                  \
	do {                                                                             \
		assert_string_equal((b)->events, text);                                  \
		(b)->events[0] = '\0';                                                   \
	} while (0)

/* Checks the inner consistency: rings, heaps, queue, counts. */
void lease_bench_check(const struct lease_bench *b);

#endif
