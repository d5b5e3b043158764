/* apply_update: RFC 2136 3.4.2 and 3.6, sentence by sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "message.h"
#include "zones/rdata.h"

#define APEX_1 "example. 60 SOA ns.example. admin.example. 1 2 3 4 5\n"
#define APEX_2 "example. 60 SOA ns.example. admin.example. 2 2 3 4 5\n"
#define NS_1   "example. 60 NS ns.example.\n"
#define NS_2   "example. 60 NS ns2.example.\n"

/* Before and after are a zone's records, without its SOA. */
static void check_lines(const char *before, const char *after, const char *const *lines)
{
	char *text = NULL, *old;
	struct changeset *cs;
	struct zone *zone;

	assert_true(asprintf(&text, APEX_1 "%s", before) > 0);
	zone = message_make_zone("example.", text);
	old = message_zone_text(zone);
	cs = message_apply(zone, true, RCODE_NOERROR, lines);
	/* What is expected has a serial one higher if and only if anything changed. */
	free(text);
	assert_true(asprintf(&text, "%s%s", cs->count ? APEX_2 : APEX_1, after) > 0);
	message_assert_zone(zone, text);
	/* And everything can be taken back. */
	changeset_undo(cs, zone);
	message_assert_zone(zone, old);
	changeset_unref(cs);
	zone_free(zone);
	free(text);
	free(old);
}

#define LINES(...)                ((const char *const[]){__VA_ARGS__, NULL})
#define check(before, after, ...) check_lines(before, after, LINES(__VA_ARGS__))
/* Nothing must come of it. */
#define check_ignored(before, ...) check_lines(before, before, LINES(__VA_ARGS__))

/* ---- 2.5.1, 3.4.2.2: adding ---- */

static void adding(void **state)
{
	(void)state;
	check(NS_1, NS_1 "h.example. 300 A 192.0.2.1", "h 300 IN A 192.0.2.1");
	check(NS_1, NS_1 "h.example. 300 A 192.0.2.1\nh.example. 300 A 192.0.2.2",
		"h 300 IN A 192.0.2.1", "H 300 IN A 192.0.2.2");
	check(NS_1, NS_1 "*.a.b.example. 300 TXT \"x\"", "*.a.b 300 IN TXT x");
	check(NS_1, NS_1 "h.example. 300 TYPE65280 \\# 1 01",
		"h 300 IN TYPE65280 \\# 1 01");
	check(NS_1, NS_1 NS_2, "@ 60 IN NS ns2");
	check(NS_1, NS_1 "example. 0 A 192.0.2.1", "@ 0 IN A 192.0.2.1");
}

static void nothing_added(void **state)
{
	(void)state;
	check_lines(NS_1, NS_1, (const char *const[]){NULL});
}

/* "Any duplicate RRs will be silently ignored" */
static void duplicates(void **state)
{
	(void)state;
	check_ignored(NS_1 "h.example. 300 A 192.0.2.1\n", "h 300 IN A 192.0.2.1",
		"h 300 IN A 192.0.2.1");
	check(NS_1, NS_1 "h.example. 300 A 192.0.2.1", "h 300 IN A 192.0.2.1",
		"h 300 IN A 192.0.2.1");
	check_ignored(NS_1, "@ 60 IN NS ns");
}

/* "the Zone RR is replaced by Update RR": of what is equal, one stays, with its case. */
static void duplicates_in_another_case(void **state)
{
	(void)state;
	check_ignored(NS_1 "h.example. 300 MX 10 mail.example.\n",
		"h 300 IN MX 10 MAIL.example.");
	check_ignored(NS_1 "h.example. 300 CNAME mail.example.\n",
		"h 300 IN CNAME MAIL.example.");
	check(NS_1 "h.example. 300 TXT \"x\"\n",
		NS_1 "h.example. 300 TXT \"x\"\nh.example. 300 TXT \"X\"",
		"h 300 IN TXT X");
}

/* 7.12, RFC 2181 5.2 */
static void one_ttl_per_rrset(void **state)
{
	(void)state;
	check(NS_1 "h.example. 300 A 192.0.2.1\n",
		NS_1 "h.example. 600 A 192.0.2.1\nh.example. 600 A 192.0.2.2",
		"h 600 IN A 192.0.2.2");
	check(NS_1 "h.example. 300 A 192.0.2.1\nh.example. 300 A 192.0.2.2\n",
		NS_1 "h.example. 600 A 192.0.2.1\nh.example. 600 A 192.0.2.2",
		"h 600 IN A 192.0.2.2");
	check(NS_1, NS_1 "h.example. 1 A 192.0.2.1\nh.example. 1 A 192.0.2.2",
		"h 300 IN A 192.0.2.1", "h 1 IN A 192.0.2.2");
	/* The one of another type stays. */
	check(NS_1 "h.example. 300 TXT \"x\"\n",
		NS_1 "h.example. 300 TXT \"x\"\nh.example. 1 A 192.0.2.1",
		"h 1 IN A 192.0.2.1");
	check_ignored(NS_1 "h.example. 300 A 192.0.2.1\n", "h 600 IN A 192.0.2.1",
		"h 300 IN A 192.0.2.1");
}

/* ---- CNAME ---- */

static void cname_beside_other_data(void **state)
{
	(void)state;
	check_ignored(NS_1 "h.example. 300 A 192.0.2.1\n", "h 300 IN CNAME ns");
	check_ignored(NS_1 "h.example. 300 CNAME ns.example.\n", "h 300 IN A 192.0.2.1");
	check_ignored(NS_1 "h.example. 300 CNAME ns.example.\n", "h 300 IN DNAME ns");
	check_ignored(NS_1, "@ 300 IN CNAME ns");
	/* Only the record in conflict is ignored. */
	check(NS_1 "h.example. 300 A 192.0.2.1\n",
		NS_1 "h.example. 300 A 192.0.2.1\nh.example. 300 TXT \"x\"\n"
		     "i.example. 300 CNAME ns.example.",
		"h 300 IN CNAME ns", "h 300 IN TXT x", "i 300 IN CNAME ns");
	/* Within one message the first wins. */
	check(NS_1, NS_1 "h.example. 300 A 192.0.2.1", "h 300 IN A 192.0.2.1",
		"h 300 IN CNAME ns");
	check(NS_1, NS_1 "h.example. 300 CNAME ns.example.", "h 300 IN CNAME ns",
		"h 300 IN A 192.0.2.1");
	/* Names below are no conflict. */
	check(NS_1 "a.h.example. 300 A 192.0.2.1\n",
		NS_1 "a.h.example. 300 A 192.0.2.1\nh.example. 300 CNAME ns.example.",
		"h 300 IN CNAME ns");
}

#define RRSIG " RRSIG CNAME 8 2 300 20300101000000 20200101000000 1 example. AAAA\n"
#define NSEC  " NSEC i.example. CNAME RRSIG NSEC\n"

/* RFC 4035 2.5 */
static void cname_beside_dnssec(void **state)
{
	(void)state;
	check(NS_1 "h.example. 300" RRSIG "h.example. 300" NSEC,
		NS_1 "h.example. 300" RRSIG "h.example. 300" NSEC
		     "h.example. 300 CNAME ns.example.",
		"h 300 IN CNAME ns");
	check(NS_1 "h.example. 300 CNAME ns.example.\n",
		NS_1 "h.example. 300 CNAME ns.example.\nh.example. 300 KEY 256 3 8 AAAA",
		"h 300 IN KEY 256 3 8 AAAA");
}

/* "otherwise replace the CNAME Zone RR with the CNAME Update RR" */
static void cname_is_replaced(void **state)
{
	(void)state;
	check(NS_1 "h.example. 300 CNAME ns.example.\n",
		NS_1 "h.example. 600 CNAME b.example.", "h 300 IN CNAME a",
		"h 600 IN CNAME b");
	check_ignored(NS_1 "h.example. 300 CNAME ns.example.\n", "h 300 IN CNAME ns");
	check(NS_1 "h.example. 300 DNAME ns.example.\n",
		NS_1 "h.example. 300 DNAME b.example.", "h 300 IN DNAME b");
}

/* ---- WKS ---- */

#define WKS(proto) "h.example. 300 TYPE11 \\# 5 c0000201 " proto "\n"
#define WKS_1_TO_6 WKS("01") WKS("02") WKS("03") WKS("04") WKS("05") WKS("06")

/* 1.1.5: "compare only NAME, CLASS, TYPE, ADDRESS, and PROTOCOL" */
static void wks_is_replaced(void **state)
{
	(void)state;
	check(NS_1 "h.example. 300 TYPE11 \\# 6 c0000201 06 80\n"
		   "h.example. 300 TYPE11 \\# 6 c0000201 11 80\n",
		NS_1 "h.example. 300 TYPE11 \\# 6 c0000201 06 40\n"
		     "h.example. 300 TYPE11 \\# 6 c0000201 11 80",
		"h 300 IN TYPE11 \\# 6 c0000201 06 40");
	check(NS_1 "h.example. 300 TYPE11 \\# 6 c0000201 06 80\n",
		NS_1 "h.example. 300 TYPE11 \\# 6 c0000201 06 80\n"
		     "h.example. 300 TYPE11 \\# 6 c0000202 06 80",
		"h 300 IN TYPE11 \\# 6 c0000202 06 80");
	/* The same among many. */
	check(NS_1 WKS_1_TO_6 "h.example. 300 TYPE11 \\# 6 c0000201 07 80\n",
		NS_1 WKS_1_TO_6 "h.example. 300 TYPE11 \\# 6 c0000201 07 40\n",
		"h 300 IN TYPE11 \\# 6 c0000201 07 40");
	/* Deleted it is by all of its RDATA. */
	check_ignored(NS_1 "h.example. 300 TYPE11 \\# 6 c0000201 06 80\n",
		"h 0 NONE TYPE11 \\# 6 c0000201 06 40");
}

/* ---- SOA ---- */

static void check_soa(const char *line, const char *expected, bool sets_serial)
{
	struct zone *zone = message_make_zone("example.", APEX_1 NS_1);
	struct changeset *cs = message_apply(zone, true, RCODE_NOERROR, LINES(line));
	char *text = NULL;

	assert_int_equal(cs->sets_serial, sets_serial);
	assert_true(asprintf(&text, "%s" NS_1, expected) > 0);
	message_assert_zone(zone, text);
	free(text);
	changeset_unref(cs);
	zone_free(zone);
}

/* 3.4.2.2, 3.6: forward by RFC 1982, or ignored; and then nothing else moves it. */
static void soa_moves_forward_only(void **state)
{
	(void)state;
	check_soa("@ 60 IN SOA ns admin 2 2 3 4 5", APEX_2, true);
	check_soa("@ 90 IN SOA n a 2147483648 6 7 8 9",
		"example. 90 SOA n.example. a.example. 2147483648 6 7 8 9\n", true);
	check_soa("@ 60 IN SOA n a 1 6 7 8 9", APEX_1, false);
	check_soa("@ 60 IN SOA n a 0 6 7 8 9", APEX_1, false);
	check_soa("@ 60 IN SOA n a 2147483649 6 7 8 9", APEX_1, false); /* neither */
	check_soa("@ 60 IN SOA n a 2147483650 6 7 8 9", APEX_1, false); /* behind */
	check_soa("h 60 IN SOA n a 2 6 7 8 9", APEX_1, false);
}

static void soa_and_other_changes(void **state)
{
	struct zone *zone = message_make_zone("example.", APEX_1 NS_1);
	struct changeset *cs = message_apply(zone, true, RCODE_NOERROR,
		LINES("h 300 IN A 192.0.2.1", "@ 60 IN SOA ns admin 10 2 3 4 5"));

	(void)state;
	assert_true(cs->sets_serial);
	message_assert_zone(zone,
		"example. 60 SOA ns.example. admin.example. 10 2 3 4 5\n" NS_1
		"h.example. 300 A 192.0.2.1\n");
	changeset_unref(cs);
	/* An ignored SOA does not keep the serial from moving. */
	cs = message_apply(zone, true, RCODE_NOERROR,
		LINES("@ 60 IN SOA x y 9 2 3 4 5", "h 0 ANY ANY"));
	assert_false(cs->sets_serial);
	message_assert_zone(
		zone, "example. 60 SOA ns.example. admin.example. 11 2 3 4 5\n" NS_1);
	changeset_unref(cs);
	/* The later of two is compared with the earlier. */
	cs = message_apply(zone, true, RCODE_NOERROR,
		LINES("@ 60 IN SOA x y 20 2 3 4 5", "@ 60 IN SOA v w 15 2 3 4 5"));
	message_assert_zone(
		zone, "example. 60 SOA x.example. y.example. 20 2 3 4 5\n" NS_1);
	changeset_unref(cs);
	zone_free(zone);
}

static void serials_skip_zero(void **state)
{
	struct zone *zone = message_make_zone(
		"example.", "@ 60 SOA ns admin 4294967295 2 3 4 5\n" NS_1);
	struct changeset *cs =
		message_apply(zone, true, RCODE_NOERROR, LINES("h 1 IN A 192.0.2.1"));

	(void)state;
	message_assert_zone(zone, APEX_1 NS_1 "h.example. 1 A 192.0.2.1");
	assert_int_equal(cs->count, 2);
	assert_int_equal(cs->changes[1].type, TYPE_SOA);
	changeset_unref(cs);
	zone_free(zone);
}

static void without_bump_the_serial_stays(void **state)
{
	struct zone *zone = message_make_zone("example.", APEX_1 NS_1);
	struct changeset *cs =
		message_apply(zone, false, RCODE_NOERROR, LINES("h 1 IN A 192.0.2.1"));

	(void)state;
	message_assert_zone(zone, APEX_1 NS_1 "h.example. 1 A 192.0.2.1");
	assert_int_equal(cs->count, 1);
	changeset_unref(cs);
	/* The client's own counts all the same. */
	cs = message_apply(
		zone, false, RCODE_NOERROR, LINES("@ 60 IN SOA ns admin 2 2 3 4 5"));
	assert_true(cs->sets_serial);
	message_assert_zone(zone, APEX_2 NS_1 "h.example. 1 A 192.0.2.1");
	changeset_unref(cs);
	zone_free(zone);
}

static void without_soa(void **state)
{
	struct zone *zone = zone_new(message_name("example."));
	struct changeset *cs;

	(void)state;
	assert_null(
		message_apply(zone, true, RCODE_SERVFAIL, LINES("h 1 IN A 192.0.2.1")));
	assert_int_equal(zone_count_names(zone), 0);
	/* "If the TYPE is SOA and there is no Zone SOA RR": ignored. */
	cs = message_apply(
		zone, true, RCODE_NOERROR, LINES("@ 60 IN SOA ns admin 2 2 3 4 5"));
	assert_int_equal(cs->count, 0);
	changeset_unref(cs);
	cs = message_apply(zone, false, RCODE_NOERROR, LINES("h 1 IN A 192.0.2.1"));
	message_assert_zone(zone, "h.example. 1 A 192.0.2.1");
	changeset_unref(cs);
	zone_free(zone);
}

/* A mirror of a server that let these in: more than one CNAME, a SOA below the apex. */
static void mirrors_that_are_wrong(void **state)
{
	struct zone *zone = message_make_zone("example.", APEX_1 NS_1);
	const uint8_t *owner = message_name("h.example.");
	const uint8_t *below = message_name("i.example.");
	struct rr rr = {.owner = owner,
		.type = TYPE_CNAME,
		.class = CLASS_IN,
		.ttl = 300,
		.rdata = (const uint8_t *)"\1a",
		.rdata_len = 3};
	struct changeset *cs;

	(void)state;
	assert_int_equal(zone_load_rr(zone, &rr), 0);
	rr.rdata = (const uint8_t *)"\1b";
	assert_int_equal(zone_load_rr(zone, &rr), 0);
	assert_int_equal(zone_put(zone, below, TYPE_SOA, zone_soa(zone)), 0);
	cs = message_apply(zone, false, RCODE_NOERROR,
		LINES("h 300 IN CNAME c", "i 60 IN SOA ns admin 2 2 3 4 5"));
	message_assert_zone(zone,
		APEX_1 NS_1 "i.example. 60 SOA ns.example. admin.example. 1 2 3 4 5\n"
			    "h.example. 300 CNAME c.example.");
	changeset_unref(cs);
	/* By 3.4.2.4 only the apex keeps its SOA. */
	cs = message_apply(
		zone, false, RCODE_NOERROR, LINES("i 0 NONE SOA ns admin 1 2 3 4 5"));
	message_assert_zone(zone, APEX_1 NS_1 "h.example. 300 CNAME c.example.");
	changeset_unref(cs);
	zone_free(zone);
}

/* ---- 2.5.2, 2.5.3, 3.4.2.3: deleting RRsets and names ---- */

#define H_A   "h.example. 300 A 192.0.2.1\nh.example. 300 A 192.0.2.2\n"
#define H_TXT "h.example. 300 TXT \"x\"\n"

static void deleting_rrsets(void **state)
{
	(void)state;
	check(NS_1 H_A H_TXT, NS_1 H_TXT, "h 0 ANY A");
	check(NS_1 H_A H_TXT, NS_1, "h 0 ANY A", "h 0 ANY TXT");
	check_ignored(NS_1 H_A, "h 0 ANY AAAA");
	check_ignored(NS_1 H_A, "none 0 ANY A");
	check_ignored(NS_1 "x.h.example. 1 A 192.0.2.1\n", "h 0 ANY A");
	check_ignored(NS_1 "*.h.example. 1 A 192.0.2.1\n", "x.h 0 ANY A");
	check(NS_1 "sub.example. 300 NS ns.example.\n", NS_1, "sub 0 ANY NS");
}

static void deleting_names(void **state)
{
	(void)state;
	check(NS_1 H_A H_TXT, NS_1, "h 0 ANY ANY");
	check(NS_1 H_A "x.h.example. 1 A 192.0.2.1\n",
		NS_1 "x.h.example. 1 A 192.0.2.1\n", "h 0 ANY ANY");
	check(NS_1 "sub.example. 300 NS ns.example.\nsub.example. 1 A 192.0.2.1\n", NS_1,
		"sub 0 ANY ANY");
	check_ignored(NS_1 H_A, "none 0 ANY ANY");
	check_ignored(NS_1 "x.h.example. 1 A 192.0.2.1\n", "h 0 ANY ANY");
}

static void the_apex_keeps_soa_and_ns(void **state)
{
	(void)state;
	check(NS_1 NS_2 "example. 300 A 192.0.2.1\nexample. 300 TXT \"x\"\n", NS_1 NS_2,
		"@ 0 ANY ANY");
	check_ignored(NS_1 NS_2, "@ 0 ANY ANY");
	check_ignored(NS_1 NS_2, "@ 0 ANY NS");
	check_ignored(NS_1 NS_2, "@ 0 ANY SOA");
	check(NS_1 "example. 300 A 192.0.2.1\n", NS_1, "@ 0 ANY A", "@ 0 ANY NS");
}

/* ---- 2.5.4, 3.4.2.4: deleting records ---- */

static void deleting_records(void **state)
{
	(void)state;
	check(NS_1 H_A, NS_1 "h.example. 300 A 192.0.2.2", "h 0 NONE A 192.0.2.1");
	check(NS_1 H_A H_TXT, NS_1 H_TXT, "h 0 NONE A 192.0.2.1", "h 0 NONE A 192.0.2.2");
	check_ignored(NS_1 H_A, "h 0 NONE A 192.0.2.3");
	check_ignored(NS_1 H_A, "h 0 NONE TXT x");
	check_ignored(NS_1 H_A, "none 0 NONE A 192.0.2.1");
	check(NS_1 "h.example. 300 MX 10 Mail.Example.\n", NS_1,
		"h 0 NONE MX 10 mail.example.");
	check_ignored(NS_1 H_TXT, "h 0 NONE TXT X");
	check(NS_1 "h.example. 300 CNAME ns.example.\n", NS_1, "h 0 NONE CNAME ns");
	check_ignored(NS_1 "h.example. 300 CNAME ns.example.\n", "h 0 NONE CNAME other");
	check(NS_1 "sub.example. 300 NS ns.example.\n", NS_1, "sub 0 NONE NS ns");
}

static void the_apex_keeps_its_soa_and_last_ns(void **state)
{
	(void)state;
	check_ignored(NS_1, "@ 0 NONE SOA ns admin 1 2 3 4 5");
	check_ignored(NS_1, "@ 0 NONE NS ns");
	check(NS_1 NS_2, NS_2, "@ 0 NONE NS ns");
	/* Within one message, too. */
	check(NS_1 NS_2, NS_2, "@ 0 NONE NS ns", "@ 0 NONE NS ns2");
	check_ignored(NS_1, "@ 0 NONE NS ns2");
	check(NS_1, NS_2, "@ 60 IN NS ns2", "@ 0 NONE NS ns");
	check_ignored(NS_1, "@ 0 NONE NS ns", "@ 60 IN NS ns2", "@ 0 NONE NS ns2");
}

/* ---- order ---- */

/* 3.4.2: "these RRs are processed in order" */
static void order_matters(void **state)
{
	(void)state;
	check(NS_1 H_A, NS_1 "h.example. 300 A 192.0.2.9", "h 0 ANY A",
		"h 300 IN A 192.0.2.9");
	check(NS_1 H_A, NS_1, "h 300 IN A 192.0.2.9", "h 0 ANY A");
	check(NS_1 H_A, NS_1 "h.example. 300 CNAME ns.example.", "h 0 ANY ANY",
		"h 300 IN CNAME ns");
	check(NS_1 "h.example. 300 CNAME ns.example.\n",
		NS_1 "h.example. 300 A 192.0.2.1", "h 0 ANY CNAME",
		"h 300 IN A 192.0.2.1");
	check(NS_1 "h.example. 300 CNAME ns.example.\n", NS_1, "h 300 IN A 192.0.2.1",
		"h 0 ANY CNAME");
	/* Of one owner, with others between. */
	check(NS_1 H_A, NS_1 "h.example. 300 TXT \"y\"\ni.example. 300 TXT \"y\"",
		"h 0 ANY ANY", "i 300 IN TXT x", "h 300 IN TXT y", "i 0 ANY TXT",
		"i 300 IN TXT y");
	check_ignored(NS_1 H_A, "h 300 IN A 192.0.2.9", "i 300 IN A 192.0.2.9",
		"h 0 NONE A 192.0.2.9", "i 0 ANY ANY");
	/* Deleted and put back: nothing happened, a heartbeat. */
	check_ignored(
		NS_1 H_A, "h 0 ANY A", "h 300 IN A 192.0.2.2", "h 300 IN A 192.0.2.1");
	check_ignored(
		NS_1 H_A, "h 0 ANY ANY", "h 300 IN A 192.0.2.1", "h 300 IN A 192.0.2.2");
}

static void many_owners_interleaved(void **state)
{
	static struct message msg;
	struct zone *zone = message_make_zone("example.", APEX_1 NS_1);
	struct changeset *cs = NULL;
	struct update *update;
	struct verdict v;

	(void)state;
	message_begin(&msg, "example.");
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 200; i++)
			message_change(&msg, "h%d 300 IN A 192.0.2.%d", i, round);
	}
	for (int i = 0; i < 200; i += 2)
		message_change(&msg, "h%d 0 NONE A 192.0.2.1", i);
	update = message_update(&msg);
	v = apply_update(zone, update, true, &cs);
	assert_int_equal(v.rcode, RCODE_NOERROR);
	assert_int_equal(cs->count, 201);
	for (int i = 0; i < 200; i++) {
		char owner[32];

		snprintf(owner, sizeof(owner), "h%d.example.", i);
		assert_int_equal(zone_find(zone, message_name(owner), TYPE_A)->count,
			i % 2 ? 3 : 2);
		assert_true(name_is_equal(cs->changes[i].owner, message_name(owner)));
	}
	changeset_undo(cs, zone);
	message_assert_zone(zone, APEX_1 NS_1);
	changeset_unref(cs);
	update_free(update);
	zone_free(zone);
}

/* ---- limits ---- */

/* 3.4.2.1: "signal SERVFAIL to the requestor and undo all updates" */
static void too_large_an_rrset(void **state)
{
	struct zone *zone = message_make_zone("example.", APEX_1 NS_1);
	struct changeset *cs;

	(void)state;
	message_fill(zone, "h.example.", RRSET_COUNT_MAX, 2);
	assert_null(message_apply(zone, true, RCODE_REFUSED,
		LINES("i 300 IN A 192.0.2.1", "@ 0 ANY ANY",
			"h 300 IN TYPE65280 \\# 1 00", "j 300 IN A 192.0.2.1")));
	/* One for one is room enough. */
	cs = message_apply(zone, true, RCODE_NOERROR,
		LINES("h 300 IN TYPE65280 \\# 1 00", "h 0 NONE TYPE65280 \\# 2 0000"));
	assert_int_equal(cs->count, 2);
	changeset_unref(cs);
	zone_free(zone);

	zone = message_make_zone("example.", APEX_1 NS_1);
	message_fill(zone, "h.example.", RRSET_SIZE_MAX / 1024 - 1, 1022);
	cs = message_apply(zone, true, RCODE_NOERROR, LINES("h 1 IN TYPE65280 \\# 1 01"));
	changeset_unref(cs);
	message_fill(zone, "h.example.", 1, 1000);
	assert_null(message_apply(zone, true, RCODE_REFUSED,
		LINES("h 1 IN TYPE65280 \\# 20 "
		      "0101010101010101010101010101010101010101")));
	zone_free(zone);
}

/* As many records as fit 64 KiB, into and out of an RRset that holds as many. */
static void a_message_full_of_records(void **state)
{
	static struct message msg;
	struct zone *zone = message_make_zone("example.", APEX_1 NS_1);
	struct changeset *cs = NULL;
	struct update *update;
	struct verdict v;

	(void)state;
	message_fill(zone, "h.example.", 5000, 2);
	message_begin(&msg, "example.");
	for (unsigned i = 3000; i < 7000; i++) {
		const uint8_t rdata[2] = {(uint8_t)(i >> 8), (uint8_t)i};

		message_add_raw(&msg, MESSAGE_UPDATE, "h", 65280,
			i < 5000 ? CLASS_NONE : CLASS_IN, 0, rdata, sizeof(rdata));
	}
	update = message_update(&msg);
	v = apply_update(zone, update, true, &cs);
	assert_int_equal(v.rcode, RCODE_NOERROR);
	assert_int_equal(cs->count, 2);
	assert_int_equal(cs->changes[0].before->count, 5000);
	assert_int_equal(cs->changes[0].after->count, 5000);
	changeset_unref(cs);
	update_free(update);
	zone_free(zone);
}

/* ---- withdrawal ---- */

/* Applies first, then others, then withdraws first. */
static void check_withdrawal(const char *before, const char *const *first,
	const char *const *others, const char *after)
{
	struct changeset *withdrawn, *cs = NULL;
	char *text = NULL, *applied;
	struct zone *zone;

	assert_true(asprintf(&text, APEX_1 "%s", before) > 0);
	zone = message_make_zone("example.", text);
	withdrawn = message_apply(zone, false, RCODE_NOERROR, first);
	changeset_unref(message_apply(zone, false, RCODE_NOERROR, others));
	applied = message_zone_text(zone);
	assert_int_equal(apply_withdrawal(zone, withdrawn, false, &cs), 0);
	free(text);
	assert_true(asprintf(&text, APEX_1 "%s", after) > 0);
	message_assert_zone(zone, text);
	changeset_undo(cs, zone);
	message_assert_zone(zone, applied);
	changeset_unref(cs);
	changeset_unref(withdrawn);
	zone_free(zone);
	free(applied);
	free(text);
}

#define NOTHING ((const char *const[]){NULL})

static void withdrawing_what_nobody_touched(void **state)
{
	(void)state;
	check_withdrawal(NS_1 H_A, LINES("h 300 IN A 192.0.2.3"), NOTHING, NS_1 H_A);
	check_withdrawal(NS_1 H_A, LINES("h 0 NONE A 192.0.2.1"), NOTHING, NS_1 H_A);
	check_withdrawal(NS_1 H_A H_TXT, LINES("h 0 ANY ANY"), NOTHING, NS_1 H_A H_TXT);
	check_withdrawal(
		NS_1 H_A, LINES("h 0 ANY ANY", "h 300 IN CNAME ns"), NOTHING, NS_1 H_A);
	check_withdrawal(NS_1 "h.example. 300 CNAME ns.example.\n",
		LINES("h 0 ANY ANY", "h 300 IN A 192.0.2.1"), NOTHING,
		NS_1 "h.example. 300 CNAME ns.example.\n");
	check_withdrawal(NS_1 "h.example. 300 CNAME ns.example.\n",
		LINES("h 600 IN CNAME b"), NOTHING,
		NS_1 "h.example. 300 CNAME ns.example.\n");
	check_withdrawal(NS_1 "h.example. 300 MX 1 a.example.\n",
		LINES("h 300 IN MX 1 A.example."), NOTHING,
		NS_1 "h.example. 300 MX 1 a.example.\n");
	check_withdrawal(NS_1, LINES("@ 60 IN NS ns2", "@ 0 NONE NS ns"), NOTHING, NS_1);
	/* TTLs. */
	check_withdrawal(NS_1 H_A, LINES("h 600 IN A 192.0.2.1"), NOTHING, NS_1 H_A);
	check_withdrawal(NS_1 H_A, LINES("h 600 IN A 192.0.2.3"), NOTHING, NS_1 H_A);
	check_withdrawal(
		NS_1 H_A, LINES("h 0 ANY A", "h 600 IN A 192.0.2.3"), NOTHING, NS_1 H_A);
}

static void withdrawing_among_others(void **state)
{
	(void)state;
	check_withdrawal(NS_1, LINES("h 300 IN A 192.0.2.1"),
		LINES("h 300 IN A 192.0.2.2"), NS_1 "h.example. 300 A 192.0.2.2");
	check_withdrawal(NS_1, LINES("h 300 IN A 192.0.2.1"), LINES("h 0 ANY A"), NS_1);
	check_withdrawal(NS_1 H_A, LINES("h 0 ANY A"), LINES("h 300 IN A 192.0.2.3"),
		NS_1 H_A "h.example. 300 A 192.0.2.3");
	/* Others' TTL stays. */
	check_withdrawal(NS_1 H_A, LINES("h 600 IN A 192.0.2.1"),
		LINES("h 900 IN A 192.0.2.1"),
		NS_1 "h.example. 900 A 192.0.2.1\nh.example. 900 A 192.0.2.2");
	check_withdrawal(NS_1 H_A, LINES("h 0 NONE A 192.0.2.1"),
		LINES("h 900 IN A 192.0.2.2"),
		NS_1 "h.example. 900 A 192.0.2.1\nh.example. 900 A 192.0.2.2");
	/* What others replaced since is theirs. */
	check_withdrawal(NS_1 "h.example. 300 CNAME a.example.\n",
		LINES("h 300 IN CNAME b"), LINES("h 300 IN CNAME c"),
		NS_1 "h.example. 300 CNAME c.example.");
	check_withdrawal(NS_1 "h.example. 300 MX 1 a.example.\n",
		LINES("h 0 ANY MX", "h 300 IN MX 1 A.example."),
		LINES("h 0 ANY MX", "h 300 IN MX 1 a.EXAMPLE."),
		NS_1 "h.example. 300 MX 1 a.EXAMPLE.");
	/* What stands in the way of what would come back stays (3.4.2.2). */
	check_withdrawal(NS_1 H_A, LINES("h 0 ANY A"), LINES("h 300 IN CNAME c"),
		NS_1 "h.example. 300 CNAME c.example.");
	/* An RRset that others have deleted stays deleted. */
	check_withdrawal(
		NS_1 H_A, LINES("h 0 NONE A 192.0.2.1"), LINES("h 0 ANY A"), NS_1);
	check_withdrawal(NS_1, LINES("@ 60 IN NS ns2", "@ 0 NONE NS ns"),
		LINES("@ 60 IN NS ns3"), NS_1 "example. 60 NS ns3.example.");
	/* The last NS never goes, whoever's it is. */
	check_withdrawal(NS_1, LINES("@ 60 IN NS ns2"), LINES("@ 0 NONE NS ns"), NS_2);
}

static void withdrawing_moves_the_serial_forward(void **state)
{
	struct zone *zone = message_make_zone("example.", APEX_1 NS_1);
	struct changeset *withdrawn, *cs;

	(void)state;
	withdrawn = message_apply(zone, true, RCODE_NOERROR, LINES("h 1 IN A 192.0.2.1"));
	message_assert_zone(zone, APEX_2 NS_1 "h.example. 1 A 192.0.2.1");
	assert_int_equal(apply_withdrawal(zone, withdrawn, true, &cs), 0);
	message_assert_zone(
		zone, "example. 60 SOA ns.example. admin.example. 3 2 3 4 5\n" NS_1);
	changeset_unref(cs);
	/* Once more: nothing is left to take back. */
	assert_int_equal(apply_withdrawal(zone, withdrawn, true, &cs), 0);
	assert_int_equal(cs->count, 0);
	changeset_unref(cs);
	changeset_unref(withdrawn);
	/* A SOA that the client set comes back under a new serial, */
	withdrawn = message_apply(
		zone, true, RCODE_NOERROR, LINES("@ 90 IN SOA other admin 100 2 3 4 5"));
	assert_int_equal(apply_withdrawal(zone, withdrawn, true, &cs), 0);
	message_assert_zone(
		zone, "example. 60 SOA ns.example. admin.example. 101 2 3 4 5\n" NS_1);
	changeset_unref(cs);
	changeset_unref(withdrawn);
	/* unless it was changed again since. */
	withdrawn = message_apply(
		zone, true, RCODE_NOERROR, LINES("@ 60 IN SOA other admin 200 2 3 4 5"));
	changeset_unref(message_apply(
		zone, true, RCODE_NOERROR, LINES("@ 60 IN SOA third admin 300 2 3 4 5")));
	assert_int_equal(apply_withdrawal(zone, withdrawn, true, &cs), 0);
	message_assert_zone(
		zone, "example. 60 SOA third.example. admin.example. 300 2 3 4 5\n" NS_1);
	changeset_unref(cs);
	changeset_unref(withdrawn);
	zone_free(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adding),
		cmocka_unit_test(nothing_added),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(duplicates_in_another_case),
		cmocka_unit_test(one_ttl_per_rrset),
		cmocka_unit_test(cname_beside_other_data),
		cmocka_unit_test(cname_beside_dnssec),
		cmocka_unit_test(cname_is_replaced),
		cmocka_unit_test(wks_is_replaced),
		cmocka_unit_test(soa_moves_forward_only),
		cmocka_unit_test(soa_and_other_changes),
		cmocka_unit_test(serials_skip_zero),
		cmocka_unit_test(without_bump_the_serial_stays),
		cmocka_unit_test(without_soa),
		cmocka_unit_test(mirrors_that_are_wrong),
		cmocka_unit_test(deleting_rrsets),
		cmocka_unit_test(deleting_names),
		cmocka_unit_test(the_apex_keeps_soa_and_ns),
		cmocka_unit_test(deleting_records),
		cmocka_unit_test(the_apex_keeps_its_soa_and_last_ns),
		cmocka_unit_test(order_matters),
		cmocka_unit_test(many_owners_interleaved),
		cmocka_unit_test(too_large_an_rrset),
		cmocka_unit_test(a_message_full_of_records),
		cmocka_unit_test(withdrawing_what_nobody_touched),
		cmocka_unit_test(withdrawing_among_others),
		cmocka_unit_test(withdrawing_moves_the_serial_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
