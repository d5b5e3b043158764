/* update_read: RFC 2136 2, 3.1.1, the stateless half of 3.2, and 3.4.1. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "message.h"
#include "zones/rdata.h"

static struct message msg; /* large, and each test begins it anew */

static void expect(enum rcode rcode, const char *why)
{
	struct update *update = NULL;
	struct verdict v = message_read(&msg, &update);

	if (v.rcode != rcode)
		fail_msg("rcode %u, not %u: %s", v.rcode, rcode, v.why);
	if (why)
		assert_string_equal(v.why, why);
	if (rcode == RCODE_NOERROR)
		update_free(update);
	else
		assert_null(update);
}

/* A message with this one record must come to that rcode. */
static void expect_record(int section, const char *line, enum rcode rcode)
{
	message_begin(&msg, "example.");
	message_add(&msg, section, line);
	expect(rcode, NULL);
}

static void expect_raw(int section, const char *owner, uint16_t type, uint16_t class,
	uint32_t ttl, uint16_t len, enum rcode rcode)
{
	message_begin(&msg, "example.");
	message_add_raw(&msg, section, owner, type, class, ttl, "\300\014\0\0", len);
	expect(rcode, NULL);
}

/* ---- 3.1.1 ---- */

static void the_zone_section_has_one_record(void **state)
{
	(void)state;
	message_begin_bare(&msg, "example.");
	expect(RCODE_FORMERR, "zone section has 0 records, not one");
	message_begin(&msg, "example.");
	message_add_zone(&msg, "example.", TYPE_SOA, CLASS_IN);
	expect(RCODE_FORMERR, "zone section has 2 records, not one");
}

static void the_zone_type_is_soa(void **state)
{
	(void)state;
	message_begin_bare(&msg, "example.");
	message_add_zone(&msg, "example.", TYPE_NS, CLASS_IN);
	expect(RCODE_FORMERR, "zone section asks for type 2, not SOA");
	message_begin_bare(&msg, "example.");
	message_add_zone(&msg, "example.", TYPE_ANY, CLASS_IN);
	expect(RCODE_FORMERR, NULL);
	/* The form is judged before the class. */
	message_begin_bare(&msg, "example.");
	message_add_zone(&msg, "example.", TYPE_A, 3);
	expect(RCODE_FORMERR, NULL);
}

static void other_classes_are_notauth(void **state)
{
	static const uint16_t classes[] = {0, 3, 4, CLASS_NONE, CLASS_ANY, 65535};

	(void)state;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		message_begin_bare(&msg, "example.");
		message_add_zone(&msg, "example.", TYPE_SOA, classes[i]);
		expect(RCODE_NOTAUTH, NULL);
	}
}

static void the_zone_name_is_lower_case(void **state)
{
	uint8_t zone[NAME_MAX_LEN];
	struct wire_message m;
	struct verdict v;

	(void)state;
	message_begin_bare(&msg, "example.");
	message_add_zone(&msg, "eXample.NET.", TYPE_SOA, CLASS_IN);
	v = wire_walk(&m, msg.octets, msg.w.at);
	assert_true(verdict_is_ok(&v));
	v = update_read_zone(zone, msg.octets, &m);
	assert_true(verdict_is_ok(&v));
	assert_true(name_is_equal(zone, message_name("example.net.")));
}

/* ---- 2.4, 3.2.1 to 3.2.5 ---- */

static void the_five_forms_of_prerequisites(void **state)
{
	struct update *u;

	(void)state;
	message_begin(&msg, "example.");
	message_prereq(&msg, "a 0 ANY A");
	message_prereq(&msg, "B 0 IN A 192.0.2.1");
	message_prereq(&msg, "c 0 NONE TXT");
	message_prereq(&msg, "d 0 ANY ANY");
	message_prereq(&msg, "example. 0 NONE ANY");
	u = message_update(&msg);
	assert_int_equal(u->prereq_count, 5);
	assert_int_equal(u->change_count, 0);
	assert_int_equal(u->prereqs[0].class, CLASS_ANY);
	assert_int_equal(u->prereqs[0].type, TYPE_A);
	assert_int_equal(u->prereqs[0].rdata_len, 0);
	assert_true(name_is_equal(u->prereqs[1].owner, message_name("b.example.")));
	assert_int_equal(u->prereqs[1].class, CLASS_IN);
	assert_int_equal(u->prereqs[1].rdata_len, 4);
	assert_memory_equal(u->prereqs[1].rdata, "\300\0\2\1", 4);
	assert_int_equal(u->prereqs[2].class, CLASS_NONE);
	assert_int_equal(u->prereqs[3].type, TYPE_ANY);
	assert_true(name_is_equal(u->prereqs[4].owner, message_name("example.")));
	update_free(u);
}

static void prerequisite_ttls_are_zero(void **state)
{
	(void)state;
	expect_record(MESSAGE_PREREQ, "a 1 ANY A", RCODE_FORMERR);
	expect_record(MESSAGE_PREREQ, "a 1 ANY ANY", RCODE_FORMERR);
	expect_record(MESSAGE_PREREQ, "a 1 NONE A", RCODE_FORMERR);
	expect_record(MESSAGE_PREREQ, "a 1 NONE ANY", RCODE_FORMERR);
	expect_record(MESSAGE_PREREQ, "a 1 IN A 192.0.2.1", RCODE_FORMERR);
	/* Not even one that RFC 2181 8 would treat as zero. */
	expect_record(MESSAGE_PREREQ, "a 2147483648 ANY A", RCODE_FORMERR);
}

static void prerequisite_rdata_is_empty(void **state)
{
	(void)state;
	expect_record(MESSAGE_PREREQ, "a 0 ANY A 192.0.2.1", RCODE_FORMERR);
	expect_raw(MESSAGE_PREREQ, "a", TYPE_ANY, CLASS_ANY, 0, 1, RCODE_FORMERR);
	expect_record(MESSAGE_PREREQ, "a 0 NONE A 192.0.2.1", RCODE_FORMERR);
	expect_raw(MESSAGE_PREREQ, "a", TYPE_ANY, CLASS_NONE, 0, 1, RCODE_FORMERR);
	/* ... and of the zone's class it is not. */
	expect_record(MESSAGE_PREREQ, "a 0 IN A", RCODE_FORMERR);
	expect_record(MESSAGE_PREREQ, "a 0 IN TXT", RCODE_FORMERR);
	expect_record(MESSAGE_PREREQ, "a 0 IN NULL", RCODE_NOERROR);
}

static void prerequisite_names_are_in_the_zone(void **state)
{
	(void)state;
	expect_record(MESSAGE_PREREQ, "a.test. 0 ANY A", RCODE_NOTZONE);
	expect_record(MESSAGE_PREREQ, "a.test. 0 NONE ANY", RCODE_NOTZONE);
	expect_record(MESSAGE_PREREQ, "a.test. 0 IN A 192.0.2.1", RCODE_NOTZONE);
	expect_record(MESSAGE_PREREQ, "xexample. 0 ANY A", RCODE_NOTZONE);
	expect_record(MESSAGE_PREREQ, ". 0 ANY A", RCODE_NOTZONE);
	expect_record(MESSAGE_PREREQ, "a.b.c.EXAMPLE. 0 ANY A", RCODE_NOERROR);
	/* 3.2.5: first the TTL, then the zone, then the class and RDLENGTH. */
	expect_record(MESSAGE_PREREQ, "a.test. 1 ANY A", RCODE_FORMERR);
	expect_record(MESSAGE_PREREQ, "a.test. 0 ANY A 192.0.2.1", RCODE_NOTZONE);
	expect_record(MESSAGE_PREREQ, "a.test. 0 CH A 192.0.2.1", RCODE_NOTZONE);
}

static void prerequisite_classes(void **state)
{
	(void)state;
	expect_record(MESSAGE_PREREQ, "a 0 CH A 192.0.2.1", RCODE_FORMERR);
	expect_record(MESSAGE_PREREQ, "a 0 CH A", RCODE_FORMERR);
	expect_raw(MESSAGE_PREREQ, "a", TYPE_A, 0, 0, 0, RCODE_FORMERR);
	expect_raw(MESSAGE_PREREQ, "a", TYPE_A, 253, 0, 0, RCODE_FORMERR);
}

static void prerequisite_types(void **state)
{
	static const uint16_t placed[] = {TYPE_OPT, TYPE_TSIG};
	static const uint16_t meta[] = {
		TYPE_IXFR, TYPE_AXFR, TYPE_MAILA, TYPE_MAILB, TYPE_ANY, 128};

	(void)state;
	/* They have one place in a message (RFC 6891 6.1.1, RFC 8945 5.1), not this one.
	 */
	for (size_t i = 0; i < sizeof(placed) / sizeof(placed[0]); i++) {
		expect_raw(MESSAGE_PREREQ, "a", placed[i], CLASS_IN, 0, 4, RCODE_FORMERR);
		expect_raw(
			MESSAGE_PREREQ, "a", placed[i], CLASS_ANY, 0, 0, RCODE_FORMERR);
		expect_raw(
			MESSAGE_PREREQ, "a", placed[i], CLASS_NONE, 0, 0, RCODE_FORMERR);
	}
	expect_raw(MESSAGE_PREREQ, "a", 0, CLASS_IN, 0, 4, RCODE_FORMERR);
	expect_raw(MESSAGE_PREREQ, "a", TYPE_TKEY, CLASS_IN, 0, 4, RCODE_FORMERR);
	expect_raw(MESSAGE_PREREQ, "a", 0, CLASS_ANY, 0, 0, RCODE_NOERROR);
	expect_raw(MESSAGE_PREREQ, "a", TYPE_TKEY, CLASS_NONE, 0, 0, RCODE_NOERROR);
	for (size_t i = 0; i < sizeof(meta) / sizeof(meta[0]); i++) {
		/* There can be no such RRset: that is an answer, not FORMERR. */
		expect_raw(MESSAGE_PREREQ, "a", meta[i], CLASS_IN, 0, 4, RCODE_NOERROR);
		expect_raw(MESSAGE_PREREQ, "a", meta[i], CLASS_IN, 0, 0, RCODE_NOERROR);
		expect_raw(MESSAGE_PREREQ, "a", meta[i], CLASS_ANY, 0, 0, RCODE_NOERROR);
		expect_raw(MESSAGE_PREREQ, "a", meta[i], CLASS_NONE, 0, 0, RCODE_NOERROR);
	}
	expect_raw(MESSAGE_PREREQ, "a", 65280, CLASS_IN, 0, 3, RCODE_NOERROR);
}

static void prerequisites_are_judged_before_updates(void **state)
{
	(void)state;
	message_begin(&msg, "example.");
	message_prereq(&msg, "a 1 ANY A");
	message_change(&msg, "a.test. 0 ANY A");
	expect(RCODE_FORMERR, "prerequisite 1 (a.example. A): TTL is not zero");
	message_begin(&msg, "example.");
	message_prereq(&msg, "a.test. 0 ANY A");
	message_change(&msg, "a 1 ANY A");
	expect(RCODE_NOTZONE, "prerequisite 1 (a.test. A): not in the zone");
	message_begin(&msg, "example.");
	message_prereq(&msg, "a 0 IN A 192.0.2.1");
	message_prereq(&msg, "a.test. 0 ANY A");
	message_prereq(&msg, "a 1 ANY A");
	expect(RCODE_NOTZONE, "prerequisite 2 (a.test. A): not in the zone");
}

/* 3.2.5: one that does not hold comes before the malformed one. */
static void prerequisites_are_judged_in_order(void **state)
{
	struct update *u;

	(void)state;
	message_begin(&msg, "example.");
	message_prereq(&msg, "a 0 ANY A");
	message_prereq(&msg, "a.test. 0 ANY A");
	message_prereq(&msg, "a 1 ANY A");
	message_change(&msg, "a 300 IN A 192.0.2.1");
	message_change(&msg, "b 300 IN A 192.0.2.2");
	u = message_update(&msg);
	assert_int_equal(u->prereq_count, 1);
	assert_int_equal(u->change_count, 2);
	assert_memory_equal(u->changes[1].rdata, "\xc0\0\2\2", 4);
	assert_int_equal(u->prereq_refusal.rcode, RCODE_NOTZONE);
	assert_string_equal(
		u->prereq_refusal.why, "prerequisite 2 (a.test. A): not in the zone");
	update_free(u);
	/* The update section is judged without the zone, and so before it. */
	message_change(&msg, "a.test. 300 IN A 192.0.2.2");
	expect(RCODE_NOTZONE, "update record 3 (a.test. A): not in the zone");
}

/* ---- 2.5, 3.4.1 ---- */

static void the_four_forms_of_updates(void **state)
{
	struct update *u;

	(void)state;
	message_begin(&msg, "example.");
	message_change(&msg, "a 300 IN A 192.0.2.1");
	message_change(&msg, "a 0 ANY TXT");
	message_change(&msg, "a 0 ANY ANY");
	message_change(&msg, "a 0 NONE A 192.0.2.1");
	u = message_update(&msg);
	assert_int_equal(u->change_count, 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(update_is_add(&u->changes[i]), i == 0);
		assert_int_equal(update_is_delete_rrset(&u->changes[i]), i == 1);
		assert_int_equal(update_is_delete_name(&u->changes[i]), i == 2);
		assert_int_equal(update_is_delete_record(&u->changes[i]), i == 3);
		assert_true(u->changes[i].owner == u->changes[0].owner);
	}
	assert_int_equal(u->changes[0].ttl, 300);
	assert_int_equal(u->changes[1].rdata_len, 0);
	assert_int_equal(u->changes[3].rdata_len, 4);
	assert_true(name_is_equal(u->zone, message_name("example.")));
	update_free(u);
}

static void update_names_are_in_the_zone(void **state)
{
	(void)state;
	expect_record(MESSAGE_UPDATE, "a.test. 300 IN A 192.0.2.1", RCODE_NOTZONE);
	expect_record(MESSAGE_UPDATE, "a.test. 0 ANY A", RCODE_NOTZONE);
	expect_record(MESSAGE_UPDATE, "a.test. 0 ANY ANY", RCODE_NOTZONE);
	expect_record(MESSAGE_UPDATE, "a.test. 0 NONE A 192.0.2.1", RCODE_NOTZONE);
	expect_record(MESSAGE_UPDATE, ". 300 IN A 192.0.2.1", RCODE_NOTZONE);
	/* 3.4.1.3: the zone before everything else. */
	expect_record(MESSAGE_UPDATE, "a.test. 1 CH A", RCODE_NOTZONE);
	/* One wrong record among right ones. */
	message_begin(&msg, "example.");
	message_change(&msg, "a 300 IN A 192.0.2.1");
	message_change(&msg, "a.test. 300 IN A 192.0.2.1");
	message_change(&msg, "a 300 IN A 192.0.2.1");
	expect(RCODE_NOTZONE, "update record 2 (a.test. A): not in the zone");
}

static void update_classes(void **state)
{
	(void)state;
	expect_record(MESSAGE_UPDATE, "a 300 CH A 192.0.2.1", RCODE_FORMERR);
	expect_raw(MESSAGE_UPDATE, "a", TYPE_A, 0, 0, 0, RCODE_FORMERR);
	expect_raw(MESSAGE_UPDATE, "a", TYPE_A, 253, 0, 4, RCODE_FORMERR);
}

static void update_metatypes(void **state)
{
	static const uint16_t meta[] = {0, TYPE_OPT, 128, TYPE_TKEY, TYPE_TSIG, TYPE_IXFR,
		TYPE_AXFR, TYPE_MAILB, TYPE_MAILA};

	(void)state;
	for (size_t i = 0; i < sizeof(meta) / sizeof(meta[0]); i++) {
		expect_raw(MESSAGE_UPDATE, "a", meta[i], CLASS_IN, 300, 4, RCODE_FORMERR);
		expect_raw(MESSAGE_UPDATE, "a", meta[i], CLASS_ANY, 0, 0, RCODE_FORMERR);
		expect_raw(MESSAGE_UPDATE, "a", meta[i], CLASS_NONE, 0, 4, RCODE_FORMERR);
		expect_raw(MESSAGE_UPDATE, "a", meta[i], CLASS_NONE, 0, 0, RCODE_FORMERR);
	}
	/* ANY is allowed with class ANY only. */
	expect_raw(MESSAGE_UPDATE, "a", TYPE_ANY, CLASS_ANY, 0, 0, RCODE_NOERROR);
	expect_raw(MESSAGE_UPDATE, "a", TYPE_ANY, CLASS_IN, 300, 4, RCODE_FORMERR);
	expect_raw(MESSAGE_UPDATE, "a", TYPE_ANY, CLASS_IN, 300, 0, RCODE_FORMERR);
	expect_raw(MESSAGE_UPDATE, "a", TYPE_ANY, CLASS_NONE, 0, 0, RCODE_FORMERR);
	expect_raw(MESSAGE_UPDATE, "a", TYPE_ANY, CLASS_NONE, 0, 4, RCODE_FORMERR);
	/* "any unrecognized type" is data since RFC 3597. */
	expect_raw(MESSAGE_UPDATE, "a", 65280, CLASS_IN, 300, 3, RCODE_NOERROR);
	expect_raw(MESSAGE_UPDATE, "a", 65280, CLASS_ANY, 0, 0, RCODE_NOERROR);
	expect_raw(MESSAGE_UPDATE, "a", 65280, CLASS_NONE, 0, 3, RCODE_NOERROR);
}

/* RFC 3007 3.1.1 */
static void update_types_of_the_signer(void **state)
{
	static const uint16_t types[] = {
		TYPE_SIG, TYPE_NXT, TYPE_RRSIG, TYPE_NSEC, TYPE_NSEC3};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		expect_raw(MESSAGE_UPDATE, "a", types[i], CLASS_ANY, 0, 0, RCODE_REFUSED);
		expect_raw(MESSAGE_PREREQ, "a", types[i], CLASS_ANY, 0, 0, RCODE_NOERROR);
	}
	expect_record(MESSAGE_UPDATE, "a 300 IN NSEC b A", RCODE_REFUSED);
	expect_record(MESSAGE_UPDATE, "a 0 NONE NSEC b A", RCODE_REFUSED);
	/* An error of the record itself comes first. */
	expect_raw(MESSAGE_UPDATE, "a", TYPE_NSEC, CLASS_IN, 300, 1, RCODE_FORMERR);
	expect_record(MESSAGE_UPDATE, "a 300 IN NSEC3PARAM 1 0 0 -", RCODE_NOERROR);
	expect_record(MESSAGE_UPDATE, "a 300 IN DNSKEY 256 3 8 AAAA", RCODE_NOERROR);
}

static void deletion_ttls_are_zero(void **state)
{
	(void)state;
	expect_record(MESSAGE_UPDATE, "a 1 ANY A", RCODE_FORMERR);
	expect_record(MESSAGE_UPDATE, "a 1 ANY ANY", RCODE_FORMERR);
	expect_record(MESSAGE_UPDATE, "a 1 NONE A 192.0.2.1", RCODE_FORMERR);
	expect_record(MESSAGE_UPDATE, "a 4294967295 NONE A 192.0.2.1", RCODE_FORMERR);
}

static void deletions_by_type_have_no_rdata(void **state)
{
	(void)state;
	expect_record(MESSAGE_UPDATE, "a 0 ANY A 192.0.2.1", RCODE_FORMERR);
	expect_raw(MESSAGE_UPDATE, "a", TYPE_ANY, CLASS_ANY, 0, 1, RCODE_FORMERR);
	expect_raw(MESSAGE_UPDATE, "a", TYPE_TXT, CLASS_ANY, 0, 1, RCODE_FORMERR);
}

static void rdata_has_the_shape_of_its_type(void **state)
{
	(void)state;
	for (uint16_t len = 0; len < 8; len++) {
		enum rcode rcode = len == 4 ? RCODE_NOERROR : RCODE_FORMERR;

		message_begin(&msg, "example.");
		message_add_raw(
			&msg, MESSAGE_UPDATE, "a", TYPE_A, CLASS_IN, 1, "12345678", len);
		expect(rcode, NULL);
		/* The RDATA of an exact deletion must have the shape of its type, too. */
		message_begin(&msg, "example.");
		message_add_raw(&msg, MESSAGE_UPDATE, "a", TYPE_A, CLASS_NONE, 0,
			"12345678", len);
		expect(rcode, NULL);
	}
	/* A name that ends beyond its RDLENGTH, and one too short for it. */
	expect_raw(MESSAGE_UPDATE, "a", TYPE_NS, CLASS_IN, 1, 1, RCODE_FORMERR);
	expect_raw(MESSAGE_UPDATE, "a", TYPE_NS, CLASS_IN, 1, 2, RCODE_NOERROR);
	expect_raw(MESSAGE_UPDATE, "a", TYPE_NS, CLASS_IN, 1, 3, RCODE_FORMERR);
	expect_raw(MESSAGE_UPDATE, "a", 10, CLASS_IN, 1, 0, RCODE_NOERROR); /* NULL */
	expect_raw(MESSAGE_UPDATE, "a", 10, CLASS_NONE, 0, 0, RCODE_NOERROR);
}

static void reasons_name_the_record(void **state)
{
	struct update *update = NULL;
	struct verdict v;

	(void)state;
	message_begin(&msg, "example.");
	message_change(&msg, "a 300 IN A 192.0.2.1");
	message_add_raw(&msg, MESSAGE_UPDATE, "host", TYPE_MX, CLASS_IN, 1, "1", 1);
	v = message_read(&msg, &update);
	assert_int_equal(v.rcode, RCODE_FORMERR);
	assert_int_equal(v.ede, EDE_OTHER);
	assert_memory_equal(v.why, "update record 2 (host.example. MX): ", 36);
	assert_true(strlen(v.why) > 36);
}

static void large_ttls_are_zero(void **state)
{
	struct update *u;

	(void)state;
	message_begin(&msg, "example.");
	message_change(&msg, "a 2147483647 IN A 192.0.2.1");
	message_change(&msg, "a 2147483648 IN A 192.0.2.1");
	message_change(&msg, "a 4294967295 IN A 192.0.2.1");
	u = message_update(&msg);
	assert_int_equal(u->changes[0].ttl, 2147483647);
	assert_int_equal(u->changes[1].ttl, 0);
	assert_int_equal(u->changes[2].ttl, 0);
	update_free(u);
}

static void names_in_rdata_are_expanded_and_keep_their_case(void **state)
{
	struct update *u;

	(void)state;
	message_begin(&msg, "example.");
	message_add_raw(&msg, MESSAGE_UPDATE, "A", TYPE_MX, CLASS_IN, 1,
		"\0\012\004Mail\300\014", 9);
	u = message_update(&msg);
	assert_true(name_is_equal(u->changes[0].owner, message_name("a.example.")));
	assert_int_equal(u->changes[0].rdata_len, 16);
	assert_memory_equal(u->changes[0].rdata, "\0\012\004Mail\007example", 16);
	update_free(u);
}

/* 255 octets of owner and of target per record of some 16 octets. */
static void expansion_beyond_the_first_guess(void **state)
{
	char label[64], deep[256];
	unsigned count = 2000;
	struct update *u;

	(void)state;
	memset(label, 'x', 63);
	label[63] = '\0';
	snprintf(deep, sizeof(deep), "%s.%s.%s.%.53s", label, label, label, label);
	message_begin(&msg, "example.");
	message_change(&msg, "%s 0 ANY A", deep);
	for (unsigned i = 0; i < count; i++)
		message_add_raw(&msg, MESSAGE_UPDATE, i % 2 ? deep : "a", TYPE_NS,
			CLASS_IN, i, "\300\031", 2);
	u = message_update(&msg);
	assert_int_equal(u->change_count, count + 1);
	for (unsigned i = 1; i <= count; i++) {
		assert_int_equal(u->changes[i].ttl, i - 1);
		assert_int_equal(u->changes[i].rdata_len, 255);
		assert_true(name_is_equal(u->changes[i].rdata, u->changes[0].owner));
		assert_true(name_is_equal(u->changes[i].owner,
			i % 2 ? message_name("a.example.") : u->changes[0].owner));
	}
	update_free(u);
}

static void large_rdata(void **state)
{
	static uint8_t rdata[60000];
	struct update *u;

	(void)state;
	for (size_t i = 0; i < sizeof(rdata); i++)
		rdata[i] = (uint8_t)(i * 7);
	message_begin(&msg, "example.");
	message_add_raw(
		&msg, MESSAGE_UPDATE, "a", 65280, CLASS_IN, 1, rdata, sizeof(rdata));
	message_change(&msg, "b 0 ANY ANY");
	u = message_update(&msg);
	assert_int_equal(u->changes[0].rdata_len, sizeof(rdata));
	assert_memory_equal(u->changes[0].rdata, rdata, sizeof(rdata));
	update_free(u);
}

/* 2.6: out-of-zone glue is no error, nor is anything else in the section. */
static void the_additional_section_is_ignored(void **state)
{
	struct update *u;

	(void)state;
	message_begin(&msg, "example.");
	message_change(&msg, "a 300 IN NS ns.test.");
	message_add(&msg, MESSAGE_ADDITIONAL, "ns.test. 300 IN A 192.0.2.1");
	message_add_raw(&msg, MESSAGE_ADDITIONAL, "x", TYPE_A, 77, 1, "abc", 3);
	u = message_update(&msg);
	assert_int_equal(u->change_count, 1);
	update_free(u);
}

static void an_empty_update(void **state)
{
	struct update *u;

	(void)state;
	message_begin(&msg, "example.");
	u = message_update(&msg);
	assert_int_equal(u->prereq_count, 0);
	assert_int_equal(u->change_count, 0);
	update_free(u);
	update_free(NULL);
}

static void the_root_zone(void **state)
{
	(void)state;
	message_begin(&msg, ".");
	message_change(&msg, "host 300 IN A 192.0.2.1");
	message_change(&msg, ". 300 IN A 192.0.2.1");
	expect(RCODE_NOERROR, NULL);
}

/* ---- text ---- */

static void updates_as_text(void **state)
{
	char text[UPDATE_TEXT_MAX];
	struct update *u;

	(void)state;
	message_begin(&msg, "example.");
	message_prereq(&msg, "host 0 ANY ANY");
	message_change(&msg, "host 0 ANY A");
	message_change(&msg, "host 300 IN A 192.0.2.1");
	message_change(&msg, "host 0 NONE A 192.0.2.2");
	message_change(&msg, "old 0 ANY ANY");
	u = message_update(&msg);
	update_to_text(u, text);
	assert_string_equal(text,
		"-ANY host.example. A; +300 host.example. A 192.0.2.1; "
		"-NONE host.example. A 192.0.2.2; -ANY old.example. ANY");
	update_free(u);
}

static void long_updates_are_cut(void **state)
{
	char text[UPDATE_TEXT_MAX];
	struct update *u;

	(void)state;
	message_begin(&msg, "example.");
	for (int i = 0; i < 100; i++)
		message_change(&msg, "host%d 300 IN A 192.0.2.1", i);
	u = message_update(&msg);
	memset(text, 'X', sizeof(text));
	update_to_text(u, text);
	assert_int_equal(strlen(text), UPDATE_TEXT_MAX - 1);
	assert_string_equal(text + UPDATE_TEXT_MAX - 4, "...");
	update_free(u);
}

static void text_has_no_control_characters(void **state)
{
	char text[UPDATE_TEXT_MAX];
	struct update *u;

	(void)state;
	message_begin(&msg, "example.");
	message_change(&msg, "a\\010b 0 ANY A");
	message_add_raw(
		&msg, MESSAGE_UPDATE, "a", TYPE_TXT, CLASS_IN, 1, "\3\n\33\377", 4);
	u = message_update(&msg);
	update_to_text(u, text);
	for (const char *c = text; *c; c++)
		assert_true(*c >= ' ' && *c <= '~');
	update_free(u);
}

/* ---- octets that are kept ---- */

static void octets_of_a_message_are_an_update(void **state)
{
	struct message *m = &msg;
	char text[UPDATE_TEXT_MAX];
	struct update *u;
	size_t end;
	bool is_cut = true;

	(void)state;
	message_begin(m, "example.");
	message_prereq(m, "host 0 ANY ANY");
	message_change(m, "host 0 ANY A");
	message_change(m, "host 300 IN CNAME a.Host.example.");
	end = m->w.at;
	message_add_raw(m, MESSAGE_ADDITIONAL, "k", TYPE_TSIG, CLASS_ANY, 0, "", 0);
	u = update_decode(m->octets, end, &is_cut);
	assert_non_null(u);
	assert_false(is_cut);
	assert_int_equal(u->prereq_count, 1);
	update_to_text(u, text);
	assert_string_equal(
		text, "-ANY host.example. A; +300 host.example. CNAME a.Host.example.");
	update_free(u);
	/* Shorter octets are those of a shorter update, or of none. */
	while (end-- > 0) {
		u = update_decode(m->octets, end, &is_cut);
		assert_true(!u || (is_cut && u->change_count < 2));
		update_free(u);
	}
}

static void an_update_is_written_as_octets(void **state)
{
	uint8_t octets[512];
	char before[UPDATE_TEXT_MAX], after[UPDATE_TEXT_MAX];
	struct update *u, *read;
	size_t len;
	bool is_cut = true;

	(void)state;
	message_begin(&msg, "example.");
	message_prereq(&msg, "host 0 ANY ANY");
	message_change(&msg, "host 0 ANY ANY");
	message_change(&msg, "Mail 300 IN MX 5 mail.example.net.");
	message_change(&msg, "host 0 NONE A 192.0.2.1");
	u = message_update(&msg);
	u->changes[0].ttl = 5; /* no peer may write that */
	len = update_encode(u, octets, sizeof(octets));
	read = update_decode(octets, len, &is_cut);
	assert_non_null(read);
	assert_false(is_cut);
	assert_int_equal(read->prereq_count, 0);
	assert_true(name_is_equal(read->zone, u->zone));
	assert_non_null(read->changes[1].spelled);
	update_to_text(u, before);
	update_to_text(read, after);
	assert_string_equal(before, after);
	update_free(read);
	/* It counts whole records only. */
	len = update_encode(u, octets, len - 1);
	read = update_decode(octets, len, &is_cut);
	assert_non_null(read);
	assert_true(is_cut);
	assert_int_equal(read->change_count, 2);
	update_free(read);
	update_free(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_zone_section_has_one_record),
		cmocka_unit_test(the_zone_type_is_soa),
		cmocka_unit_test(other_classes_are_notauth),
		cmocka_unit_test(the_zone_name_is_lower_case),
		cmocka_unit_test(the_five_forms_of_prerequisites),
		cmocka_unit_test(prerequisite_ttls_are_zero),
		cmocka_unit_test(prerequisite_rdata_is_empty),
		cmocka_unit_test(prerequisite_names_are_in_the_zone),
		cmocka_unit_test(prerequisite_classes),
		cmocka_unit_test(prerequisite_types),
		cmocka_unit_test(prerequisites_are_judged_before_updates),
		cmocka_unit_test(prerequisites_are_judged_in_order),
		cmocka_unit_test(the_four_forms_of_updates),
		cmocka_unit_test(update_names_are_in_the_zone),
		cmocka_unit_test(update_classes),
		cmocka_unit_test(update_metatypes),
		cmocka_unit_test(update_types_of_the_signer),
		cmocka_unit_test(deletion_ttls_are_zero),
		cmocka_unit_test(deletions_by_type_have_no_rdata),
		cmocka_unit_test(rdata_has_the_shape_of_its_type),
		cmocka_unit_test(reasons_name_the_record),
		cmocka_unit_test(large_ttls_are_zero),
		cmocka_unit_test(names_in_rdata_are_expanded_and_keep_their_case),
		cmocka_unit_test(expansion_beyond_the_first_guess),
		cmocka_unit_test(large_rdata),
		cmocka_unit_test(the_additional_section_is_ignored),
		cmocka_unit_test(an_empty_update),
		cmocka_unit_test(the_root_zone),
		cmocka_unit_test(updates_as_text),
		cmocka_unit_test(long_updates_are_cut),
		cmocka_unit_test(text_has_no_control_characters),
		cmocka_unit_test(octets_of_a_message_are_an_update),
		cmocka_unit_test(an_update_is_written_as_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
