/* prereq_check: RFC 2136 3.2 against a zone, row by row of the table 3.2.4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "message.h"
#include "zones/rdata.h"

static struct message msg;

static const char zone_text[] = "@ 60 SOA ns admin 1 2 3 4 5\n"
				"@ 60 NS ns\n"
				"ns 60 A 192.0.2.1\n"
				"two 60 A 192.0.2.1\n"
				"two 60 A 192.0.2.2\n"
				"two 60 TXT \"Text\"\n"
				"alias 60 CNAME ns\n"
				"mail 60 MX 10 Ns.Example.\n"
				"deep.ent 60 A 192.0.2.1\n"
				"*.wild 60 A 192.0.2.1\n"
				"cut 60 NS ns.cut\n"
				"ns.cut 60 A 192.0.2.9\n"
				"empty 60 TYPE10 \\# 0\n";

static int setup(void **state)
{
	*state = message_make_zone("example.", zone_text);
	return 0;
}

static int teardown(void **state)
{
	zone_free(*state);
	return 0;
}

static struct verdict check_message(void **state)
{
	struct update *update = message_update(&msg);
	struct verdict v = prereq_check(*state, update);

	update_free(update);
	return v;
}

static void check_lines(void **state, enum rcode expected, ...)
{
	const char *line;
	struct verdict v;
	va_list lines;

	message_begin(&msg, "example.");
	va_start(lines, expected);
	while ((line = va_arg(lines, const char *)))
		message_add(&msg, MESSAGE_PREREQ, line);
	va_end(lines);
	v = check_message(state);
	if (v.rcode != expected)
		fail_msg("rcode %u, not %u: %s", v.rcode, expected, v.why);
}

#define check(expected, ...) check_lines(state, expected, __VA_ARGS__, NULL)

static void no_prerequisites_hold(void **state)
{
	message_begin(&msg, "example.");
	assert_int_equal(check_message(state).rcode, RCODE_NOERROR);
}

/* 2.4.4, 3.2.1 */
static void name_is_in_use(void **state)
{
	check(RCODE_NOERROR, "two 0 ANY ANY");
	check(RCODE_NOERROR, "TWO.Example. 0 ANY ANY");
	check(RCODE_NOERROR, "@ 0 ANY ANY");
	check(RCODE_NOERROR, "*.wild 0 ANY ANY");
	check(RCODE_NOERROR, "ns.cut 0 ANY ANY"); /* 7.18: occluded names count */
	check(RCODE_NXDOMAIN, "none 0 ANY ANY");
	/* "NOT satisfied by empty nonterminals" */
	check(RCODE_NXDOMAIN, "ent 0 ANY ANY");
	/* 1.1.3: wildcards are names like others. */
	check(RCODE_NXDOMAIN, "x.wild 0 ANY ANY");
	check(RCODE_NXDOMAIN, "x.two 0 ANY ANY");
}

/* 2.4.1, 3.2.1 */
static void rrset_exists(void **state)
{
	check(RCODE_NOERROR, "two 0 ANY A");
	check(RCODE_NOERROR, "two 0 ANY TXT");
	check(RCODE_NOERROR, "@ 0 ANY SOA");
	check(RCODE_NOERROR, "alias 0 ANY CNAME");
	check(RCODE_NXRRSET, "two 0 ANY AAAA");
	check(RCODE_NXRRSET, "none 0 ANY A");
	check(RCODE_NXRRSET, "ent 0 ANY A");
	check(RCODE_NXRRSET, "x.wild 0 ANY A");
	/* 1.1.4: no alias is followed. */
	check(RCODE_NXRRSET, "alias 0 ANY A");
	/* No RRset has such a type. */
	check(RCODE_NXRRSET, "two 0 ANY AXFR");
	check(RCODE_NXRRSET, "two 0 ANY TKEY");
	check(RCODE_NXRRSET, "two 0 IN AXFR");
	check(RCODE_NXRRSET, "two 0 IN ANY");
}

/* 2.4.5, 3.2.2 */
static void name_is_not_in_use(void **state)
{
	check(RCODE_NOERROR, "none 0 NONE ANY");
	check(RCODE_NOERROR, "x.wild 0 NONE ANY");
	/* "IS satisfied by empty nonterminals" */
	check(RCODE_NOERROR, "ent 0 NONE ANY");
	check(RCODE_YXDOMAIN, "two 0 NONE ANY");
	check(RCODE_YXDOMAIN, "alias 0 NONE ANY");
	check(RCODE_YXDOMAIN, "@ 0 NONE ANY");
	check(RCODE_YXDOMAIN, "*.wild 0 NONE ANY");
}

/* 2.4.3, 3.2.2 */
static void rrset_does_not_exist(void **state)
{
	check(RCODE_NOERROR, "two 0 NONE AAAA");
	check(RCODE_NOERROR, "none 0 NONE A");
	check(RCODE_NOERROR, "ent 0 NONE A");
	check(RCODE_NOERROR, "alias 0 NONE A");
	check(RCODE_NOERROR, "two 0 NONE AXFR");
	check(RCODE_YXRRSET, "two 0 NONE A");
	check(RCODE_YXRRSET, "alias 0 NONE CNAME");
}

/* 2.4.2, 3.2.3 */
static void rrset_has_these_records(void **state)
{
	check(RCODE_NOERROR, "two 0 IN A 192.0.2.1", "two 0 IN A 192.0.2.2");
	/* The order does not matter, nor does it that others stand between. */
	check(RCODE_NOERROR, "two 0 IN A 192.0.2.2", "ns 0 IN A 192.0.2.1",
		"two 0 IN TXT \"Text\"", "TWO 0 IN A 192.0.2.1");
	/* "same members, no more, no less" */
	check(RCODE_NXRRSET, "two 0 IN A 192.0.2.1");
	check(RCODE_NXRRSET, "two 0 IN A 192.0.2.1", "two 0 IN A 192.0.2.2",
		"two 0 IN A 192.0.2.3");
	check(RCODE_NXRRSET, "two 0 IN A 192.0.2.1", "two 0 IN A 192.0.2.3");
	check(RCODE_NXRRSET, "two 0 IN A 192.0.2.1", "two 0 IN A 192.0.2.1");
	/* It is a set: a record given twice counts once. */
	check(RCODE_NOERROR, "ns 0 IN A 192.0.2.1", "ns 0 IN A 192.0.2.1");
	check(RCODE_NXRRSET, "none 0 IN A 192.0.2.1");
	check(RCODE_NXRRSET, "ent 0 IN A 192.0.2.1");
	check(RCODE_NXRRSET, "x.wild 0 IN A 192.0.2.1");
	check(RCODE_NOERROR, "*.wild 0 IN A 192.0.2.1");
	check(RCODE_NXRRSET, "two 0 IN AAAA 2001:db8::1");
	/* One of several does not hold. */
	check(RCODE_NXRRSET, "ns 0 IN A 192.0.2.1", "two 0 IN TXT \"Text\"",
		"two 0 IN A 192.0.2.1");
}

/* 1.1.2: names compare without case, everything else with it. */
static void records_compare_by_type(void **state)
{
	check(RCODE_NOERROR, "mail 0 IN MX 10 nS.eXAMPLE.");
	check(RCODE_NXRRSET, "mail 0 IN MX 20 ns.example.");
	check(RCODE_NOERROR, "two 0 IN TXT \"Text\"");
	check(RCODE_NXRRSET, "two 0 IN TXT \"text\"");
	check(RCODE_NXRRSET, "two 0 IN TXT \"Te\" \"xt\"");
	check(RCODE_NOERROR, "alias 0 IN CNAME NS.example.");
	check(RCODE_NOERROR, "@ 0 IN SOA ns admin 1 2 3 4 5");
	check(RCODE_NXRRSET, "@ 0 IN SOA ns admin 2 2 3 4 5");
}

/* The same among more records than are searched one by one. */
static void many_records_compare_by_type(void **state)
{
	struct zone *zone =
		message_make_zone("example.", "@ 60 SOA ns admin 1 2 3 4 5\n");
	const char *owner = "h.example.";
	uint8_t rdata[] = "\0\0\4Mail\7Example";
	struct rr rr = {.owner = message_name(owner),
		.type = TYPE_MX,
		.ttl = 60,
		.class = CLASS_IN,
		.rdata = rdata,
		.rdata_len = sizeof(rdata)};

	(void)state;
	message_begin(&msg, "example.");
	for (int i = 0; i < 50; i++) {
		rdata[1] = (uint8_t)i;
		assert_int_equal(zone_load_rr(zone, &rr), 0);
		message_prereq(&msg, "h 0 IN MX %d mAIL.eXAMPLE.", i);
	}
	assert_int_equal(check_message((void **)&zone).rcode, RCODE_NOERROR);
	message_prereq(&msg, "h 0 IN MX 50 mail.example.");
	assert_int_equal(check_message((void **)&zone).rcode, RCODE_NXRRSET);
	zone_free(zone);
}

/* Records of which there can be only one (1.1.5) may be asked for twice: then the RRset
 * does not exist. */
static void nothing_replaces_in_prerequisites(void **state)
{
	check(RCODE_NXRRSET, "alias 0 IN CNAME other", "alias 0 IN CNAME ns");
	check(RCODE_NXRRSET, "@ 0 IN SOA ns admin 2 2 3 4 5",
		"@ 0 IN SOA ns admin 1 2 3 4 5");
}

static void empty_rdata_is_a_value(void **state)
{
	message_begin(&msg, "example.");
	message_add_raw(&msg, MESSAGE_PREREQ, "empty", 10, CLASS_IN, 0, "", 0);
	assert_int_equal(check_message(state).rcode, RCODE_NOERROR);
	message_begin(&msg, "example.");
	message_add_raw(&msg, MESSAGE_PREREQ, "empty", 10, CLASS_IN, 0, "x", 1);
	assert_int_equal(check_message(state).rcode, RCODE_NXRRSET);
}

/* 3.2.5: one after another; values after all others. */
static void the_first_that_fails_decides(void **state)
{
	check(RCODE_NXDOMAIN, "two 0 ANY A", "none 0 ANY ANY", "two 0 NONE A");
	check(RCODE_YXRRSET, "two 0 ANY A", "two 0 NONE A", "none 0 ANY ANY");
	check(RCODE_YXDOMAIN, "none 0 IN A 192.0.2.1", "two 0 NONE ANY");
	check(RCODE_NOERROR, "two 0 ANY A", "two 0 ANY ANY", "none 0 NONE ANY",
		"two 0 NONE AAAA", "ns 0 IN A 192.0.2.1");
}

/* 3.2.5: a malformed one is reported in its turn, and values after all others. */
static void wrong_form_in_its_turn(void **state)
{
	check(RCODE_NXRRSET, "two 0 ANY AAAA", "two 1 ANY A");
	check(RCODE_YXDOMAIN, "two 0 NONE ANY", "two.test. 0 ANY A");
	check(RCODE_FORMERR, "two 0 ANY A", "two 1 ANY A");
	check(RCODE_NOTZONE, "two 0 ANY A", "two.test. 0 ANY A", "two 0 ANY AAAA");
	check(RCODE_FORMERR, "two 0 IN A 192.0.2.9", "two 0 ANY A", "two 0 CH A");
}

static void reasons_name_the_record(void **state)
{
	struct verdict v;

	message_begin(&msg, "example.");
	message_prereq(&msg, "two 0 NONE A");
	v = check_message(state);
	assert_int_equal(v.rcode, RCODE_YXRRSET);
	assert_string_equal(v.why, "prerequisite two.example. A: RRset exists");
	assert_int_equal(v.ede, EDE_NONE);
}

/* RRsets of any data up to the sizes where their index grows: a search must end. */
static void every_index_has_room(void **state)
{
	for (unsigned i = 0; i < 60; i++) {
		message_begin(&msg, "example.");
		for (unsigned n = 0; n < 1 + i % 3 * 32 + 24; n++)
			message_prereq(
				&msg, "none 0 IN A 192.%u.%u.%u", i, n, n * 89 % 256);
		assert_int_equal(check_message(state).rcode, RCODE_NXRRSET);
	}
}

/* As many value-dependent prerequisites as fit into a message: all of one RRset, then
 * each of another.  Quadratic work would take seconds under the sanitizers. */
static void a_message_full_of_values(void **state)
{
	struct zone *zone =
		message_make_zone("example.", "@ 60 SOA ns admin 1 2 3 4 5\n");
	const uint8_t *owner = message_name("h.example.");
	uint8_t rdata[2];
	unsigned count = 4000;

	(void)state;
	message_fill(zone, "h.example.", count, sizeof(rdata));
	message_begin(&msg, "example.");
	for (unsigned i = count; i-- > 0;) {
		rdata[0] = (uint8_t)(i >> 8);
		rdata[1] = (uint8_t)i;
		message_add_raw(&msg, MESSAGE_PREREQ, "h", 65280, CLASS_IN, 0, rdata,
			sizeof(rdata));
	}
	assert_int_equal(check_message((void **)&zone).rcode, RCODE_NOERROR);
	assert_int_equal(zone_put(zone, owner, 65280, NULL), 0);
	assert_int_equal(check_message((void **)&zone).rcode, RCODE_NXRRSET);

	message_begin(&msg, "example.");
	for (unsigned i = 0; i < 3000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "h%u", i);
		message_add_raw(
			&msg, MESSAGE_PREREQ, name, TYPE_A, CLASS_IN, 0, "abcd", 4);
	}
	assert_int_equal(check_message((void **)&zone).rcode, RCODE_NXRRSET);
	zone_free(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_prerequisites_hold),
		cmocka_unit_test(name_is_in_use),
		cmocka_unit_test(rrset_exists),
		cmocka_unit_test(name_is_not_in_use),
		cmocka_unit_test(rrset_does_not_exist),
		cmocka_unit_test(rrset_has_these_records),
		cmocka_unit_test(records_compare_by_type),
		cmocka_unit_test(many_records_compare_by_type),
		cmocka_unit_test(nothing_replaces_in_prerequisites),
		cmocka_unit_test(empty_rdata_is_a_value),
		cmocka_unit_test(the_first_that_fails_decides),
		cmocka_unit_test(wrong_form_in_its_turn),
		cmocka_unit_test(reasons_name_the_record),
		cmocka_unit_test(every_index_has_room),
		cmocka_unit_test(a_message_full_of_values),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
