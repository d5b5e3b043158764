/* Comparing what a server has of a zone with what it should have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/message.h"
#include "zones/compare.h"
#include "zones/rdata.h"
#include "zones/verbatim.h"

#define SOA      "@ 60 SOA ns admin 10 2 3 4 5\n"
#define SOA_LINE "example. 60 SOA ns.example. admin.example. 10 2 3 4 5\n"

enum { PIECE = 3 }; /* names of one step */

/* What is reported, and what of it is to be mended. */
struct report {
	char text[2048];
	size_t len;
	bool mends[3]; /* by enum drift_kind */
};

static const char *data_of(const struct rr *rr, char buf[256])
{
	char *text = rdata_to_text(rr->type, rr->rdata, rr->rdata_len);

	assert_non_null(text);
	snprintf(buf, 256, "%s %u", text, rr->ttl);
	free(text);
	return buf;
}

static bool note(const struct drift *drift, void *arg)
{
	struct report *report = arg;
	const struct rr *rr =
		drift->kind == DRIFT_MISSING ? &drift->wanted : &drift->found;
	char owner[NAME_TEXT_MAX], found[256], wanted[256];
	const char *name = name_to_text(rr->owner, owner);

	if (drift->kind == DRIFT_MISSING)
		report->len += (size_t)sprintf(report->text + report->len,
			"missing %s %s\n", name, data_of(&drift->wanted, wanted));
	else if (drift->kind == DRIFT_FOREIGN)
		report->len += (size_t)sprintf(report->text + report->len,
			"foreign %s %s\n", name, data_of(&drift->found, found));
	else
		report->len += (size_t)sprintf(report->text + report->len,
			"different %s %s, not %s\n", name, data_of(&drift->found, found),
			data_of(&drift->wanted, wanted));
	return report->mends[drift->kind];
}

static struct changeset *drift_of(struct zone *found, const struct zone *wanted)
{
	struct changeset *drift = changeset_new();
	struct comparison comparison;
	int r;

	assert_non_null(drift);
	comparison_init(&comparison, found);
	while ((r = comparison_step(&comparison, wanted, PIECE, drift)) == 1)
		;
	assert_int_equal(r, 0);
	assert_int_equal(zone_count_records(comparison.found), 0);
	comparison_clear(&comparison);
	return drift;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names are compared in no particular order. */
static void sort(char *text)
{
	char copy[2048], *lines[64], *save, *line, *out = text;
	size_t count = 0;

	strcpy(copy, text);
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		lines[count++] = line;
	qsort(lines, count, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < count; i++)
		out += sprintf(out, "%s\n", lines[i]);
}

/* Mends what the report says in the server's zone, whose content is then `mended`. */
static void check(const char *found_text, const char *wanted_text, struct report report,
	const char *reported, const char *mended)
{
	struct zone *found = message_make_zone("example.", found_text);
	struct zone *wanted = message_make_zone("example.", wanted_text);
	struct changeset *drift =
		drift_of(message_make_zone("example.", found_text), wanted);

	for (uint32_t i = 0; i < drift->count; i++) {
		const struct change *change = &drift->changes[i];
		struct rrset *set;

		assert_int_equal(drift_mend(change, note, &report, &set), 0);
		assert_int_equal(zone_put(found, change->owner, change->type, set), 0);
		rrset_unref(set);
	}
	sort(report.text);
	assert_string_equal(report.text, reported);
	message_assert_zone(found, mended);
	changeset_unref(drift);
	zone_free(found);
	zone_free(wanted);
}

static const struct report nothing,
	missing = {.mends = {[DRIFT_MISSING] = true}},
	ours = {.mends = {[DRIFT_MISSING] = true, [DRIFT_DIFFERENT] = true}},
	all = {.mends = {true, true, true}};

static void the_same_is_not_reported(void **state)
{
	(void)state;
	check(SOA "h 60 A 192.0.2.1\nh 60 A 192.0.2.2\nc 60 CNAME Elsewhere\n",
		SOA "c 60 CNAME eLSEWHERE\nh 60 A 192.0.2.2\nh 60 A 192.0.2.1\n", nothing,
		"",
		SOA_LINE "h.example. 60 A 192.0.2.1\nh.example. 60 A 192.0.2.2\n"
			 "c.example. 60 CNAME Elsewhere.example.\n");
}

static void what_a_server_has_of_its_own_is_left_out(void **state)
{
	(void)state;
	check(SOA "@ 60 NS ns1\n@ 60 DNSKEY 257 3 13 aGVsbG8=\n"
		  "@ 60 NSEC3PARAM 1 0 0 -\nh 60 NSEC @ A\n",
		"@ 90 SOA ns admin 11 2 3 4 5\n@ 60 NS ns2\nh 60 NSEC h A\n", all, "",
		SOA_LINE
		"example. 60 NS ns1.example.\n"
		"example. 60 DNSKEY 257 3 13 aGVsbG8=\n"
		"example. 60 NSEC3PARAM 1 0 0 -\nh.example. 60 NSEC example. A\n");
	/* A delegation is data like any other. */
	check(SOA, SOA "d 60 NS ns.elsewhere.\n", missing,
		"missing d.example. ns.elsewhere. 60\n",
		SOA_LINE "d.example. 60 NS ns.elsewhere.\n");
}

static void missing_and_foreign_names(void **state)
{
	const char *const reported = "foreign theirs.example. 192.0.2.9 60\n"
				     "missing ours.example. 192.0.2.1 60\n"
				     "missing ours.example. 192.0.2.2 60\n";

	(void)state;
	check(SOA "theirs 60 A 192.0.2.9\n",
		SOA "ours 60 A 192.0.2.1\nours 60 A 192.0.2.2\n", missing, reported,
		SOA_LINE "theirs.example. 60 A 192.0.2.9\nours.example. 60 A 192.0.2.1\n"
			 "ours.example. 60 A 192.0.2.2\n");
	check(SOA "theirs 60 A 192.0.2.9\n",
		SOA "ours 60 A 192.0.2.1\nours 60 A 192.0.2.2\n", nothing, reported,
		SOA_LINE "theirs.example. 60 A 192.0.2.9\n");
}

static void a_changed_record_is_different(void **state)
{
	(void)state;
	check(SOA "h 60 A 192.0.2.9\n", SOA "h 60 A 192.0.2.1\n", ours,
		"different h.example. 192.0.2.9 60, not 192.0.2.1 60\n",
		SOA_LINE "h.example. 60 A 192.0.2.1\n");
	check(SOA "h 60 A 192.0.2.9\n", SOA "h 60 A 192.0.2.1\n", nothing,
		"different h.example. 192.0.2.9 60, not 192.0.2.1 60\n",
		SOA_LINE "h.example. 60 A 192.0.2.9\n");
}

/* Nobody knows which of them took the place of ours. */
static void more_foreign_than_missing_are_not_paired(void **state)
{
	(void)state;
	check(SOA "h 60 A 192.0.2.8\nh 60 A 192.0.2.9\n", SOA "h 60 A 192.0.2.1\n", ours,
		"foreign h.example. 192.0.2.8 60\nforeign h.example. 192.0.2.9 60\n"
		"missing h.example. 192.0.2.1 60\n",
		SOA_LINE "h.example. 60 A 192.0.2.1\nh.example. 60 A 192.0.2.8\n"
			 "h.example. 60 A 192.0.2.9\n");
}

static void records_beside_ours_stay(void **state)
{
	(void)state;
	check(SOA "h 60 TXT ours\nh 60 TXT theirs\n", SOA "h 60 TXT ours\n", ours,
		"foreign h.example. \"theirs\" 60\n",
		SOA_LINE "h.example. 60 TXT \"ours\"\nh.example. 60 TXT \"theirs\"\n");
	check(SOA "h 60 TXT ours\nh 60 TXT theirs\n", SOA "h 60 TXT ours\n", all,
		"foreign h.example. \"theirs\" 60\n",
		SOA_LINE "h.example. 60 TXT \"ours\"\n");
}

static void another_ttl_is_different(void **state)
{
	(void)state;
	check(SOA "h 90 A 192.0.2.1\n", SOA "h 60 A 192.0.2.1\n", ours,
		"different h.example. 192.0.2.1 90, not 192.0.2.1 60\n",
		SOA_LINE "h.example. 60 A 192.0.2.1\n");
	check(SOA "h 90 A 192.0.2.1\n", SOA "h 60 A 192.0.2.1\n", missing,
		"different h.example. 192.0.2.1 90, not 192.0.2.1 60\n",
		SOA_LINE "h.example. 90 A 192.0.2.1\n");
}

static void types_of_one_name(void **state)
{
	(void)state;
	check(SOA "h 60 CNAME elsewhere\n", SOA "h 60 A 192.0.2.1\nh 60 TXT a\n", all,
		"foreign h.example. elsewhere.example. 60\n"
		"missing h.example. \"a\" 60\nmissing h.example. 192.0.2.1 60\n",
		SOA_LINE "h.example. 60 A 192.0.2.1\nh.example. 60 TXT \"a\"\n");
}

static void what_nobody_can_read_does_not_differ(void **state)
{
	struct zone *found = message_make_zone("example.", SOA);
	struct zone *wanted = message_make_zone("example.", SOA "h 60 A 192.0.2.1\n");
	struct rrset *large = verbatim_of_large_set(TYPE_A, 60);
	struct changeset *drift;

	(void)state;
	assert_int_equal(zone_put(found, message_name("h.example."), TYPE_A, large), 0);
	assert_int_equal(zone_put(found, message_name("g.example."), TYPE_A, large), 0);
	rrset_unref(large);
	drift = drift_of(found, wanted);
	assert_int_equal(drift->count, 0);
	changeset_unref(drift);
	zone_free(wanted);
}

/* ---- pieces ---- */

enum { HOSTS = 20000 };

static void put_host(struct zone *zone, unsigned number, bool is_there)
{
	const uint8_t rdata[4] = {
		10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
	struct rrset *set = is_there ? rrset_new(TYPE_A, 60, rdata, sizeof(rdata)) : NULL;
	char name[64];

	snprintf(name, sizeof(name), "h%u.example.", number);
	assert_int_equal(zone_put(zone, message_name(name), TYPE_A, set), 0);
	rrset_unref(set);
}

static bool is_among(const struct changeset *drift, unsigned number)
{
	char name[64];

	snprintf(name, sizeof(name), "h%u.example.", number);
	return changeset_find(drift, message_name(name), TYPE_A) != NULL;
}

/* The mirror grows, and loses names, while it is compared; what stays as it is, is
 * compared once. */
static void a_zone_that_changes_meanwhile(void **state)
{
	struct zone *found = zone_new(message_name("example."));
	struct zone *wanted = zone_new(message_name("example."));
	struct changeset *drift = changeset_new();
	struct comparison comparison;
	unsigned next = HOSTS, steps = 0;
	int r;

	(void)state;
	for (unsigned i = 0; i < HOSTS; i++) {
		put_host(wanted, i, i != 17);
		put_host(found, i, i != 7777);
	}
	comparison_init(&comparison, found);
	while ((r = comparison_step(&comparison, wanted, 100, drift)) == 1) {
		put_host(wanted, next - HOSTS / 2, false);
		zone_settle(wanted);
		put_host(wanted, next++, true);
		steps++;
	}
	assert_int_equal(r, 0);
	assert_in_range(steps, HOSTS / 200, HOSTS / 25);
	for (unsigned i = 0; i < HOSTS / 2; i++)
		assert_int_equal(is_among(drift, i), i == 17 || i == 7777);
	for (unsigned i = next - HOSTS / 2; i < HOSTS; i++)
		assert_false(is_among(drift, i));
	for (uint32_t i = 0; i < drift->count; i++)
		assert_ptr_equal(changeset_find(drift, drift->changes[i].owner, TYPE_A),
			&drift->changes[i]);
	comparison_clear(&comparison);
	changeset_unref(drift);
	zone_free(wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_is_not_reported),
		cmocka_unit_test(what_a_server_has_of_its_own_is_left_out),
		cmocka_unit_test(missing_and_foreign_names),
		cmocka_unit_test(a_changed_record_is_different),
		cmocka_unit_test(more_foreign_than_missing_are_not_paired),
		cmocka_unit_test(records_beside_ours_stay),
		cmocka_unit_test(another_ttl_is_different),
		cmocka_unit_test(types_of_one_name),
		cmocka_unit_test(what_nobody_can_read_does_not_differ),
		cmocka_unit_test(a_zone_that_changes_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
