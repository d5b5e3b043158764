/*
 * The frame of answers: limits, echo, flags, OPT, extended rcodes, EDE, and what is cut
 * when there is no room.  Which records answer what is in test_answer_lookup.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/answer/answer.h"
#include "tests/unit/answer_text.h"
#include "tests/unit/message.h"

static const char zone_text[] = "$TTL 300\n"
				"@ SOA ns admin 7 2 3 4 60\n"
				"@ NS ns\n"
				"ns A 192.0.2.53\n";

/* ---- limits ---- */

static void test_limit(void **state)
{
	static const struct {
		uint16_t size; /* 0: no OPT */
		size_t udp;
	} cases[] = {{0, 512}, {1, 512}, {512, 512}, {513, 513}, {1231, 1231},
		{1232, 1232}, {1233, 1232}, {4096, 1232}, {65535, 1232}};
	struct query q;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		query_make(&q, "x.example.", TYPE_A, CLASS_IN, 0);
		if (cases[i].size)
			query_add_opt(&q, cases[i].size, 0, QUERY_PLAIN);
		assert_int_equal(answer_limit(&q.m, false), cases[i].udp);
		assert_int_equal(answer_limit(&q.m, true), 65535);
	}
}

/* ---- reading the question ---- */

static void test_read_question(void **state)
{
	uint8_t name[NAME_MAX_LEN];
	uint16_t type, class;
	struct query q;

	(void)state;
	query_make(&q, "wWw.ExamPLE.", TYPE_AAAA, CLASS_ANY, 0);
	assert_true(answer_read_question(q.octets, &q.m, name, &type, &class));
	assert_memory_equal(name, "\3www\7example", 13);
	assert_int_equal(type, TYPE_AAAA);
	assert_int_equal(class, CLASS_ANY);

	q.m.counts[0] = 2;
	assert_false(answer_read_question(q.octets, &q.m, name, &type, &class));
	q.m.counts[0] = 0;
	assert_false(answer_read_question(q.octets, &q.m, name, &type, &class));
	q.m.counts[0] = 1;
	q.m.question_end = 0;
	assert_false(answer_read_question(q.octets, &q.m, name, &type, &class));
}

/* ---- verdicts ---- */

static void expect_verdict(
	const struct query *q, struct verdict v, size_t limit, const char *expected)
{
	uint8_t *buf = malloc(limit ? limit : 1);
	size_t len;

	assert_non_null(buf);
	len = answer_verdict(q->octets, &q->m, &v, NULL, 0, buf, limit);
	assert_in_range(len, WIRE_HEADER_LEN, limit);
	assert_memory_equal(buf, q->octets, 2);
	assert_int_equal((buf[2] >> 3) & 15, q->m.opcode);
	answer_assert(buf, len, expected);
	free(buf);
}

static void test_verdict_flags(void **state)
{
	const struct verdict ok = verdict_ok();
	const struct verdict bad = verdict_refuse(RCODE_REFUSED, EDE_NONE, "no");
	const uint16_t all =
		WIRE_AA | WIRE_TC | WIRE_RD | WIRE_RA | 0x40 | WIRE_AD | WIRE_CD;
	struct query q;

	(void)state;
	query_make(&q, "eXample.", TYPE_SOA, CLASS_IN, all);
	expect_verdict(&q, ok, 512, "NOERROR rd\n? eXample. SOA IN\n");
	query_make(&q, "eXample.", TYPE_SOA, CLASS_IN, OPCODE_UPDATE << 11 | all);
	expect_verdict(&q, ok, 512, "NOERROR\n");
	expect_verdict(&q, bad, 512, "REFUSED\n");
	query_make(&q, "eXample.", TYPE_SOA, CLASS_IN, OPCODE_NOTIFY << 11 | WIRE_AA);
	expect_verdict(&q, ok, 512, "NOERROR aa\n? eXample. SOA IN\n");
	expect_verdict(&q, bad, 512, "REFUSED\n? eXample. SOA IN\n");
	query_make(&q, "eXample.", TYPE_SOA, CLASS_IN, OPCODE_NOTIFY << 11);
	expect_verdict(&q, ok, 512, "NOERROR\n? eXample. SOA IN\n");
	query_make(&q, "eXample.", TYPE_SOA, CLASS_IN, 15 << 11 | all);
	expect_verdict(&q, verdict_refuse(RCODE_NOTIMP, EDE_NONE, "what"), 512,
		"NOTIMP\n? eXample. SOA IN\n");
}

static void test_verdict_opt(void **state)
{
	const struct verdict why =
		verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED, "so %d", 1);
	struct verdict odd = verdict_ok();
	struct query q;

	(void)state;
	query_make(&q, "example.", TYPE_SOA, CLASS_IN, OPCODE_UPDATE << 11);
	expect_verdict(&q, why, 512, "REFUSED\n");
	query_add_opt(&q, 4096, 0, QUERY_PLAIN);
	expect_verdict(&q, verdict_ok(), 512, "NOERROR\nopt 1232\n");
	expect_verdict(&q, why, 512, "REFUSED\nopt 1232 ede 18 \"so 1\"\n");
	expect_verdict(&q, verdict_refuse(RCODE_NXRRSET, EDE_NONE, "so"), 512,
		"NXRRSET\nopt 1232\n");
	/* An EDE is for refusals. */
	odd.ede = EDE_OTHER;
	expect_verdict(&q, odd, 512, "NOERROR\nopt 1232\n");

	query_make(&q, "example.", TYPE_SOA, CLASS_IN, 0);
	query_add_opt(&q, 4096, 0, QUERY_DO);
	expect_verdict(
		&q, verdict_ok(), 512, "NOERROR\n? example. SOA IN\nopt 1232 do\n");
}

static void test_badvers(void **state)
{
	const struct verdict v =
		verdict_refuse(RCODE_BADVERS, EDE_NONE, "EDNS version 1");
	struct query q;

	(void)state;
	query_make(&q, "example.", TYPE_SOA, CLASS_IN, 0);
	/* Without an OPT its low bits would say NOERROR. */
	expect_verdict(&q, v, 512, "SERVFAIL\n? example. SOA IN\n");
	query_add_opt(&q, 1400, 1, QUERY_PLAIN);
	expect_verdict(&q, v, 512, "BADVERS\n? example. SOA IN\nopt 1232\n");
	/* Nor is an OPT that does not fit any help. */
	expect_verdict(&q, v, WIRE_HEADER_LEN + 10, "SERVFAIL\n");
}

/* Text first, then the EDE, then the question, then OPT go; never the header. */
static void test_verdict_cut(void **state)
{
	const struct verdict v = verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED, "reason");
	const size_t question = 9 + 4, opt = 11, header = WIRE_HEADER_LEN;
	struct query q;

	(void)state;
	query_make(&q, "example.", TYPE_SOA, CLASS_IN, 0);
	query_add_opt(&q, 1400, 0, QUERY_PLAIN);
	expect_verdict(&q, v, header + question + opt + 6 + 6,
		"REFUSED\n? example. SOA IN\nopt 1232 ede 18 \"reason\"\n");
	expect_verdict(&q, v, header + question + opt + 6 + 5,
		"REFUSED\n? example. SOA IN\nopt 1232 ede 18 \"reaso\"\n");
	expect_verdict(&q, v, header + question + opt + 6,
		"REFUSED\n? example. SOA IN\nopt 1232 ede 18 \"\"\n");
	expect_verdict(&q, v, header + question + opt + 5,
		"REFUSED\n? example. SOA IN\nopt 1232\n");
	expect_verdict(
		&q, v, header + question + opt, "REFUSED\n? example. SOA IN\nopt 1232\n");
	expect_verdict(&q, v, header + question + opt - 1,
		"REFUSED\nopt 1232 ede 18 \"reason\"\n");
	expect_verdict(&q, v, header + opt, "REFUSED\nopt 1232\n");
	expect_verdict(&q, v, header + opt - 1, "REFUSED\n");
	expect_verdict(&q, v, header, "REFUSED\n");
	assert_int_equal(
		answer_verdict(q.octets, &q.m, &v, NULL, 0, q.octets, header - 1), 0);
}

static void test_verdict_extra(void **state)
{
	static const uint8_t lease[] = {0, 2, 0, 4, 0, 0, 14, 16};
	const struct verdict v = verdict_refuse(RCODE_REFUSED, EDE_PROHIBITED, "why");
	const struct verdict ok = verdict_ok();
	uint8_t buf[512];
	struct query q;
	size_t len;

	(void)state;
	query_make(&q, "example.", TYPE_SOA, CLASS_IN, OPCODE_UPDATE << 11);
	len = answer_verdict(q.octets, &q.m, &ok, lease, sizeof(lease), buf, sizeof(buf));
	answer_assert(buf, len, "NOERROR\n");
	query_add_opt(&q, 1400, 0, QUERY_PLAIN);
	len = answer_verdict(q.octets, &q.m, &ok, lease, sizeof(lease), buf, sizeof(buf));
	answer_assert(buf, len, "NOERROR\nopt 1232 option 2 00000e10\n");
	len = answer_verdict(q.octets, &q.m, &v, lease, sizeof(lease), buf, sizeof(buf));
	answer_assert(buf, len,
		"REFUSED\nopt 1232 option 2 00000e10 ede 18 "
		"\"why\"\n");
	len = answer_verdict(q.octets, &q.m, &ok, lease, sizeof(lease), buf, 12 + 11 + 8);
	answer_assert(buf, len, "NOERROR\nopt 1232 option 2 00000e10\n");
	len = answer_verdict(q.octets, &q.m, &ok, lease, sizeof(lease), buf, 12 + 11 + 7);
	answer_assert(buf, len, "NOERROR\nopt 1232\n");
}

/* Requests that failed the walk are answered too. */
static void test_verdict_failed_walk(void **state)
{
	const struct verdict v = verdict_refuse(RCODE_FORMERR, EDE_NONE, "bad");
	struct verdict walked;
	struct query q;

	(void)state;
	query_make(&q, "example.", TYPE_SOA, CLASS_IN, WIRE_RD);
	q.octets[q.len++] = 0;
	walked = wire_walk(&q.m, q.octets, q.len);
	assert_int_equal(walked.rcode, RCODE_FORMERR);
	expect_verdict(&q, v, 512, "FORMERR rd\n? example. SOA IN\n");

	walked = wire_walk(&q.m, q.octets, 15);
	assert_int_equal(walked.rcode, RCODE_FORMERR);
	expect_verdict(&q, v, 512, "FORMERR rd\n");

	walked = wire_walk(&q.m, q.octets, 12);
	assert_int_equal(walked.rcode, RCODE_FORMERR);
	expect_verdict(&q, v, 512, "FORMERR rd\n");
}

/* A pointer into the header means another name in our own header. */
static void test_compressed_question(void **state)
{
	static const uint8_t one[] = {0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, /* header */
		1, 'x', 0xc0, 4, 0, 1, 0, 1};
	static const uint8_t two[] = {0, 9, 0x20, 0, 0, 2, 0, 0, 0, 0, 0, 0, /* header */
		2, 'Z', 'z', 0, 0, 6, 0, 1, 1, 'y', 0xc0, 12, 0, 1, 0, 1};
	struct query q = {.len = sizeof(one)};
	struct verdict v;

	(void)state;
	memcpy(q.octets, one, sizeof(one));
	v = wire_walk(&q.m, q.octets, q.len);
	assert_true(verdict_is_ok(&v));
	expect_verdict(&q, verdict_ok(), 512, "NOERROR\n? x. A IN\n");

	memcpy(q.octets, two, sizeof(two));
	q.len = sizeof(two);
	v = wire_walk(&q.m, q.octets, q.len);
	assert_true(verdict_is_ok(&v));
	v = verdict_refuse(RCODE_FORMERR, EDE_NONE, "two questions");
	expect_verdict(&q, v, 512, "FORMERR\n? Zz. SOA IN\n? y.Zz. A IN\n");
	/* All or none. */
	expect_verdict(&q, v, 12 + 8 + 9 - 1, "FORMERR\n");
}

/* ---- queries ---- */

static void expect_answer(const struct zone *zone, const struct query *q, bool is_tcp,
	size_t limit, const char *expected)
{
	const struct answer_query query = {
		.msg = q->octets, .m = &q->m, .zone = zone, .is_tcp = is_tcp};
	uint8_t *buf = malloc(limit);
	size_t len;

	assert_non_null(buf);
	len = answer_build(&query, buf, limit);
	assert_in_range(len, WIRE_HEADER_LEN, limit);
	assert_memory_equal(buf, q->octets, 2);
	answer_assert(buf, len, expected);
	free(buf);
}

static void test_build_frame(void **state)
{
	struct zone *zone = message_make_zone("example.", zone_text);
	struct query q;

	(void)state;
	/* RD comes back, nothing else (RFC 4035 3.1.6 for CD); the question in the
	 * client's own case. */
	query_make(&q, "nS.EXAMPLE.", TYPE_A, CLASS_IN,
		WIRE_AA | WIRE_TC | WIRE_RD | WIRE_RA | 0x40 | WIRE_AD | WIRE_CD);
	expect_answer(zone, &q, false, 512,
		"NOERROR aa rd\n? nS.EXAMPLE. A IN\n"
		"an nS.EXAMPLE. 300 A 192.0.2.53\n");
	zone_free(zone);
}

static void test_build_refusals(void **state)
{
	struct zone *zone = message_make_zone("example.", zone_text);
	struct zone *empty = zone_new(message_name("example."));
	struct query q;

	(void)state;
	query_make(&q, "ns.example.", TYPE_A, 3, 0);
	query_add_opt(&q, 1232, 0, QUERY_PLAIN);
	expect_answer(zone, &q, false, 512,
		"REFUSED\n? ns.example. A other\n"
		"opt 1232 ede 20 \"there are only zones of class IN here\"\n");
	query_make(&q, "example.net.", TYPE_A, CLASS_IN, 0);
	expect_answer(zone, &q, false, 512, "REFUSED\n? example.net. A IN\n");
	query_make(&q, "ns.example.", TYPE_A, CLASS_IN, 0);
	query_add_opt(&q, 1232, 0, QUERY_PLAIN);
	expect_answer(empty, &q, false, 512,
		"SERVFAIL\n? ns.example. A IN\n"
		"opt 1232 ede 14 \"the zone has no SOA yet\"\n");
	q.m.counts[0] = 0;
	expect_answer(zone, &q, false, 512,
		"FORMERR\nopt 1232 ede 0 \"a query must have one question\"\n");
	zone_free(zone);
	zone_free(empty);
}

/* RFC 6895 3.1, RFC 1035 3.2.3: no records have these types, and no question means them.
 */
static void test_build_metatypes(void **state)
{
	static const uint16_t types[] = {TYPE_OPT, 128, 200, TYPE_TKEY, TYPE_TSIG};
	struct zone *zone = message_make_zone("example.", zone_text);
	struct wire_message m;
	uint8_t buf[512];
	struct query q;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct answer_query query = {.msg = q.octets, .m = &q.m, .zone = zone};
		size_t len;

		query_make(&q, "ns.example.", types[i], CLASS_IN, 0);
		len = answer_build(&query, buf, sizeof(buf));
		assert_int_equal(wire_walk(&m, buf, len).rcode, RCODE_NOERROR);
		assert_int_equal(m.flags, WIRE_QR | RCODE_FORMERR);
	}
	query_make(&q, "ns.example.", TYPE_MAILB, CLASS_IN, 0);
	expect_answer(zone, &q, false, 512, "NOTIMP\n? ns.example. MAILB IN\n");
	query_make(&q, "example.net.", TYPE_MAILA, CLASS_IN, 0);
	expect_answer(zone, &q, false, 512, "REFUSED\n? example.net. MAILA IN\n");
	zone_free(zone);
}

/* RFC 1035 6.2: no authority over all classes. */
static void test_build_class_any(void **state)
{
	struct zone *zone = message_make_zone("example.", zone_text);
	struct query q;

	(void)state;
	query_make(&q, "ns.example.", TYPE_A, CLASS_ANY, 0);
	expect_answer(zone, &q, false, 512,
		"NOERROR\n? ns.example. A ANY\nan ns.example. 300 A 192.0.2.53\n");
	zone_free(zone);
}

/* ---- truncation ---- */

static struct zone *make_large_zone(unsigned records)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	struct zone *zone;

	assert_non_null(to);
	fputs(zone_text, to);
	for (unsigned i = 0; i < records; i++)
		fprintf(to, "many A 192.0.%u.%u\n", i / 256, i % 256);
	fprintf(to, "many AAAA 2001:db8::1\n");
	fprintf(to, "alias CNAME many\n");
	fclose(to);
	zone = message_make_zone("example.", text);
	free(text);
	return zone;
}

static size_t length_of(const struct zone *zone, const struct query *q, bool is_tcp)
{
	static uint8_t buf[WIRE_MESSAGE_MAX];
	const struct answer_query query = {
		.msg = q->octets, .m = &q->m, .zone = zone, .is_tcp = is_tcp};

	return answer_build(&query, buf, answer_limit(&q->m, is_tcp));
}

static void test_truncation(void **state)
{
	/* 12 + 18 + 30 * 16 = 510; one more is 526. */
	struct zone *fits = make_large_zone(30), *over = make_large_zone(31);
	struct query q;

	(void)state;
	query_make(&q, "many.example.", TYPE_A, CLASS_IN, 0);
	assert_int_equal(length_of(fits, &q, false), 510);
	expect_answer(over, &q, false, 512, "NOERROR aa tc\n? many.example. A IN\n");
	assert_int_equal(length_of(over, &q, true), 526);
	/* What an alias leads to goes with it. */
	query_make(&q, "alias.example.", TYPE_A, CLASS_IN, 0);
	expect_answer(over, &q, false, 512, "NOERROR aa tc\n? alias.example. A IN\n");
	/* Nothing of what comes after it, though it would fit. */
	query_make(&q, "many.example.", TYPE_ANY, CLASS_IN, 0);
	expect_answer(over, &q, false, 512, "NOERROR aa tc\n? many.example. ANY IN\n");
	/* The OPT costs 11, and lets more through. */
	query_make(&q, "many.example.", TYPE_A, CLASS_IN, 0);
	query_add_opt(&q, 512, 0, QUERY_PLAIN);
	expect_answer(
		fits, &q, false, 512, "NOERROR aa tc\n? many.example. A IN\nopt 1232\n");
	query_make(&q, "many.example.", TYPE_A, CLASS_IN, 0);
	query_add_opt(&q, 4096, 0, QUERY_PLAIN);
	assert_int_equal(length_of(over, &q, false), 526 + 11);
	zone_free(fits);
	zone_free(over);
}

static void test_truncation_exact(void **state)
{
	struct zone *zone = make_large_zone(30);
	struct query q;

	(void)state;
	query_make(&q, "many.example.", TYPE_A, CLASS_IN, 0);
	expect_answer(zone, &q, false, 509, "NOERROR aa tc\n? many.example. A IN\n");
	/* The negative SOA counts as the answer does. */
	query_make(&q, "none.example.", TYPE_A, CLASS_IN, 0);
	expect_answer(zone, &q, false, 60, "NXDOMAIN aa tc\n? none.example. A IN\n");
	/* Not even the question. */
	expect_answer(zone, &q, false, 20, "NOERROR aa tc\n");
	expect_answer(zone, &q, false, 12, "NOERROR aa tc\n");
	zone_free(zone);
}

/* Over TCP there is nothing to fall back on: whole RRsets, as many as there is room
 * for. */
static void test_truncation_tcp(void **state)
{
	struct zone *zone = make_large_zone(6000);
	struct query q;

	(void)state;
	query_make(&q, "many.example.", TYPE_ANY, CLASS_IN, 0);
	expect_answer(zone, &q, true, 65535,
		"NOERROR aa tc\n? many.example. ANY IN\n"
		"an many.example. 300 AAAA 2001:db8::1\n");
	zone_free(zone);
}

static void test_additional_left_out(void **state)
{
	struct zone *zone = message_make_zone("example.", zone_text);
	struct query q;

	(void)state;
	query_make(&q, "example.", TYPE_NS, CLASS_IN, 0);
	assert_int_equal(length_of(zone, &q, false), 12 + 13 + 17 + 16);
	expect_answer(zone, &q, false, 12 + 13 + 17 + 16,
		"NOERROR aa\n? example. NS IN\nan example. 300 NS ns.example.\n"
		"ad ns.example. 300 A 192.0.2.53\n");
	expect_answer(zone, &q, false, 12 + 13 + 17 + 15,
		"NOERROR aa\n? example. NS IN\nan example. 300 NS ns.example.\n");
	zone_free(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_read_question),
		cmocka_unit_test(test_verdict_flags),
		cmocka_unit_test(test_verdict_opt),
		cmocka_unit_test(test_badvers),
		cmocka_unit_test(test_verdict_cut),
		cmocka_unit_test(test_verdict_extra),
		cmocka_unit_test(test_verdict_failed_walk),
		cmocka_unit_test(test_compressed_question),
		cmocka_unit_test(test_build_frame),
		cmocka_unit_test(test_build_refusals),
		cmocka_unit_test(test_build_metatypes),
		cmocka_unit_test(test_build_class_any),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_truncation_exact),
		cmocka_unit_test(test_truncation_tcp),
		cmocka_unit_test(test_additional_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
