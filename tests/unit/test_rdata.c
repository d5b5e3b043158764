/*
 * zones/rdata.h in octets: what is RDATA and what is not, equality, compression.
 */
#include <errno.h>

#include "tests/unit/rdata_bad.h"
#include "tests/unit/rdata_samples.h"

static void test_samples_are_valid(void **state)
{
	uint8_t rdata[4096];
	const char *why = "";

	(void)state;
	for (size_t i = 0; i < COUNT(PRINTED) + COUNT(OPAQUE); i++) {
		const struct rdata_sample *s =
			i < COUNT(PRINTED) ? &PRINTED[i] : &OPAQUE[i - COUNT(PRINTED)];
		uint16_t len = from_hex(s->hex, rdata);
		if (!rdata_is_valid(type_of(s->type), rdata, len, &why))
			fail_msg("%s %s: %s", s->type, s->text, why);
	}
}

/* Reading from a message gives the same octets, at any offset, and minds its bounds. */
static void test_samples_are_read(void **state)
{
	uint8_t msg[4096] = {0}, out[4096];
	const char *why;

	(void)state;
	for (size_t i = 0; i < COUNT(PRINTED); i++) {
		const struct rdata_sample *s = &PRINTED[i];
		uint16_t type = type_of(s->type), len = from_hex(s->hex, msg + 12);
		int n = rdata_read(type, msg, 12u + len, 12, len, out, sizeof(out), &why);
		assert_octets(s->text, s->hex, out, n);
		if (len == 0)
			continue;
		n = rdata_read(type, msg, 12u + len, 12, len, out, len - 1u, &why);
		assert_int_equal(n, -ENOSPC);
		why = NULL;
		n = rdata_read(type, msg, 11u + len, 12, len, out, sizeof(out), &why);
		assert_int_equal(n, -EBADMSG);
		assert_non_null(why);
	}
}

static void test_bad_rdata(void **state)
{
	uint8_t rdata[256], out[256];

	(void)state;
	for (size_t i = 0; i < COUNT(BAD); i++) {
		uint16_t type = type_of(BAD[i][0]);
		uint16_t len = from_hex(BAD[i][1], rdata);
		const char *why = NULL, *read_why = NULL;
		if (rdata_is_valid(type, rdata, len, &why))
			fail_msg("%s %s is taken", BAD[i][0], BAD[i][1]);
		assert_non_null(why);
		int n = rdata_read(type, rdata, len, 0, len, out, sizeof(out), &read_why);
		assert_int_equal(n, -EBADMSG);
		assert_non_null(read_why);
	}
}

/* These types may be empty, and no others (RFC 3597 5, RFC 3123 4). */
static void test_empty_rdata(void **state)
{
	static const uint16_t EMPTY[] = {10, 42, 100, 101, 102, 103};
	const char *why;
	size_t at = 0;

	(void)state;
	for (uint16_t type = 1; type <= 260; type++) {
		char buf[RDATA_TYPE_NAME_MAX];
		bool expected = at < COUNT(EMPTY) && EMPTY[at] == type;
		at += expected;
		if (rdata_type_is_meta(type) ||
			strncmp(rdata_type_name(type, buf), "TYPE", 4) == 0)
			continue;
		if (rdata_is_valid(type, (const uint8_t *)"", 0, &why) != expected)
			fail_msg("type %u empty", type);
	}
	assert_true(rdata_is_valid(65280, (const uint8_t *)"", 0, &why));
}

/* Types whose names fold case (RFC 4034 6.2, RFC 6840 5.1), and some whose do not. */
static void test_equality(void **state)
{
	static const struct {
		const char *type, *a, *b;
		bool is_equal;
	} PAIRS[] = {
		{"NS", "014100", "016100", true},
		{"CNAME", "014100", "016100", true},
		{"PTR", "014100", "016200", false},
		{"MX", "000a014100", "000a016100", true},
		{"MX", "000a016100", "000b016100", false},
		{"MX", "4141016100", "6161016100", false},
		{"SOA",
			"014100014200"
			"0000004100000002000000030000000400000005",
			"016100016200"
			"0000004100000002000000030000000400000005",
			true},
		{"SOA",
			"014100014200"
			"0000004100000002000000030000000400000005",
			"016100016200"
			"0000006100000002000000030000000400000005",
			false},
		{"MINFO", "014100014200", "016100016200", true},
		{"RP", "014100014200", "016100016200", true},
		{"AFSDB", "0001014100", "0001016100", true},
		{"PX", "0001014100014200", "0001016100016200", true},
		{"NXT", "01410040", "01610040", true},
		{"NXT", "01410041", "01410061", false},
		{"NAPTR", "0001000201750000014100", "0001000201750000016100", true},
		{"NAPTR", "0001000201550000014100", "0001000201750000014100", false},
		{"KX", "0001014100", "0001016100", true},
		{"SRV", "000100020003014100", "000100020003016100", true},
		{"DNAME", "014100", "016100", true},
		{"A6",
			"800141"
			"00",
			"800161"
			"00",
			true},
		{"A6", "0041000000000000000000000000000041",
			"0061000000000000000000000000000041", false},
		{"RRSIG", "0001080300000e103e7c9dd73e5510d70a52014100aa",
			"0001080300000e103e7c9dd73e5510d70a52016100aa", true},
		{"RRSIG", "0001080300000e103e7c9dd73e5510d70a5201410041",
			"0001080300000e103e7c9dd73e5510d70a5201410061", false},
		{"NSEC", "014100000140", "016100000140", false},
		{"TXT", "0141", "0161", false},
		{"HINFO", "01410141", "01610161", false},
		{"SVCB", "0001014100", "0001016100", false},
		{"TYPE65280", "41", "61", false},
		{"TYPE65280", "41", "41", true},
		{"NS", "016100", "0161016100", false},
		{"A", "", "", true},
	};
	uint8_t a[256], b[256];

	(void)state;
	for (size_t i = 0; i < COUNT(PAIRS); i++) {
		uint16_t a_len = from_hex(PAIRS[i].a, a), b_len = from_hex(PAIRS[i].b, b);
		if (rdata_is_equal(type_of(PAIRS[i].type), a, a_len, b, b_len) !=
			PAIRS[i].is_equal)
			fail_msg("%s %s %s", PAIRS[i].type, PAIRS[i].a, PAIRS[i].b);
	}
}

/* A message with the name "b.a." at 12; c00c points at it, c00e at "a.". */
static void test_compressed_reading(void **state)
{
	static const struct {
		const char *type, *compressed, *expanded; /* NULL: refused */
	} CASES[] = {
		{"NS", "c00c", "0162016100"},
		{"MD", "c00c", "0162016100"},
		{"MF", "c00c", "0162016100"},
		{"CNAME", "0163c00e", "0163016100"},
		{"SOA", "c00cc00e0000000100000002000000030000000400000005",
			"01620161000161000000000100000002000000030000000400000005"},
		{"MB", "c00c", "0162016100"},
		{"MG", "c00c", "0162016100"},
		{"MR", "c00c", "0162016100"},
		{"PTR", "c00c", "0162016100"},
		{"MINFO", "c00cc00e", "0162016100016100"},
		{"MX", "000ac00e", "000a016100"},
		{"RP", "c00cc00e", "0162016100016100"},
		{"AFSDB", "0001c00e", "0001016100"},
		{"RT", "0001c00e", "0001016100"},
		{"PX", "0001c00ec00e", "0001016100016100"},
		{"SIG", "0001080300000e103e7c9dd73e5510d70a52c00eaa",
			"0001080300000e103e7c9dd73e5510d70a52016100aa"},
		{"NXT", "c00e40", "01610040"},
		{"NAPTR", "0001000201750000c00e", "0001000201750000016100"},
		{"KX", "0001c00e", "0001016100"},
		{"SRV", "000100020003c00e", "000100020003016100"},
		{"DNAME", "c00e", "016100"},
		{"NSAP-PTR", "c00e", NULL},
		{"NSEC", "c00e000140", NULL},
		{"RRSIG", "0001080300000e103e7c9dd73e5510d70a52c00eaa", NULL},
		{"SVCB", "0001c00e", NULL},
		{"HTTPS", "0001c00e", NULL},
		{"LP", "0001c00e", NULL},
		{"TALINK", "c00ec00e", NULL},
		{"HIP", "01020001aabbc00e", NULL},
		{"A6", "80c00e", NULL},
		{"NS", "c012", NULL},
		{"NS", "c0", NULL},
		{"NS", "c011", "00"},
		{"NS", "c00eff", NULL},
		{"NS", "80", NULL},
	};
	uint8_t msg[256] = {0}, out[256];

	(void)state;
	memcpy(msg + 12, "\1b\1a\0\0", 6);
	for (size_t i = 0; i < COUNT(CASES); i++) {
		const char *why = NULL;
		uint16_t len = from_hex(CASES[i].compressed, msg + 18);
		int n = rdata_read(type_of(CASES[i].type), msg, 18u + len, 18, len, out,
			sizeof(out), &why);
		if (CASES[i].expanded)
			assert_octets(CASES[i].type, CASES[i].expanded, out, n);
		else if (n != -EBADMSG || !why)
			fail_msg("%s %s: %d", CASES[i].type, CASES[i].compressed, n);
	}
}

/* Expanded, RDATA may outgrow what it came in: -ENOSPC, and no octet beyond cap. */
static void test_expansion_is_bounded(void **state)
{
	uint8_t msg[300] = {0}, out[300];
	const char *why;
	size_t at = 0;

	(void)state;
	for (; at < 240; at += 60) {
		msg[at] = 59;
		memset(msg + at + 1, 'a', 59);
	}
	memcpy(msg + 241, "\xc0\0\xc0\0", 4);
	memset(out, 0xee, sizeof(out));
	assert_int_equal(rdata_read(14, msg, 245, 241, 4, out, 290, &why), -ENOSPC);
	assert_int_equal(out[290], 0xee);
	assert_int_equal(rdata_read(TYPE_NS, msg, 245, 241, 2, out, 241, &why), 241);
	assert_int_equal(rdata_read(TYPE_NS, msg, 245, 241, 2, out, 240, &why), -ENOSPC);
}

static void write_both(const char *type, const char *hex, const char *wanted)
{
	uint8_t msg[256], rdata[256];
	struct wire_names names;
	struct wire_writer w;
	uint16_t len = from_hex(hex, rdata);

	wire_writer_init(&w, msg, sizeof(msg), &names);
	for (unsigned i = 0; i < WIRE_HEADER_LEN; i++)
		wire_write_u8(&w, 0);
	wire_write_name(&w, (const uint8_t *)"\1b\1a");
	size_t at = w.at;
	rdata_write(&w, type_of(type), rdata, len);
	assert_false(w.failed);
	assert_octets(type, wanted, msg + at, (int)(w.at - at));
}

/* RFC 3597 4: what RFC 1035 defines is compressed, the rest is not. */
static void test_writing(void **state)
{
	(void)state;
	write_both("NS", "0162016100", "0002c00c");
	write_both("CNAME", "0163016100", "00040163c00e");
	write_both("PTR", "016100", "0002c00e");
	write_both("MX", "000a0162016100", "0004000ac00c");
	write_both("MINFO", "016100016100", "0004c00ec00e");
	write_both("SOA", "01620161000161000000000100000002000000030000000400000005",
		"0018c00cc00e0000000100000002000000030000000400000005");
	write_both("SRV", "0001000200030162016100", "000b0001000200030162016100");
	write_both("DNAME", "0162016100", "00050162016100");
	write_both("RP", "016100016100", "0006016100016100");
	write_both("NAPTR", "0001000201750000016100", "000b0001000201750000016100");
	write_both("A", "c0000201", "0004c0000201");
	write_both("A", "", "0000");
	write_both("TYPE65280", "0162016100", "00050162016100");
}

static void test_writing_past_the_end(void **state)
{
	uint8_t msg[8];
	struct wire_writer w;

	(void)state;
	for (size_t cap = 0; cap < 7; cap++) {
		wire_writer_init(&w, msg, cap, NULL);
		rdata_write(&w, TYPE_NS, (const uint8_t *)"\3abc", 5);
		assert_true(w.failed);
	}
}

static void test_classes_of_types(void **state)
{
	(void)state;
	assert_true(rdata_is_singleton(TYPE_SOA));
	assert_true(rdata_is_singleton(TYPE_CNAME));
	assert_true(rdata_is_singleton(TYPE_DNAME));
	assert_false(rdata_is_singleton(TYPE_A));
	assert_true(rdata_type_is_meta(0));
	assert_true(rdata_type_is_meta(TYPE_OPT));
	assert_true(rdata_type_is_meta(128));
	assert_true(rdata_type_is_meta(TYPE_TSIG));
	assert_true(rdata_type_is_meta(TYPE_ANY));
	assert_false(rdata_type_is_meta(TYPE_A));
	assert_false(rdata_type_is_meta(127));
	assert_false(rdata_type_is_meta(256));
	assert_false(rdata_type_is_meta(65280));
}

static void test_replacement(void **state)
{
	static const uint8_t TCP[] = {192, 0, 2, 1, 6, 1},
			     TCP_2[] = {192, 0, 2, 1, 6, 2, 1};
	static const uint8_t UDP[] = {192, 0, 2, 1, 17, 1},
			     OTHER[] = {192, 0, 2, 2, 6, 1};

	(void)state;
	assert_true(rdata_is_replaced_by(TYPE_WKS, TCP, 6, TCP_2, 7));
	assert_false(rdata_is_replaced_by(TYPE_WKS, TCP, 6, UDP, 6));
	assert_false(rdata_is_replaced_by(TYPE_WKS, TCP, 6, OTHER, 6));
	assert_true(rdata_is_replaced_by(TYPE_A, TCP, 4, UDP, 4));
	assert_false(rdata_is_replaced_by(TYPE_A, TCP, 4, OTHER, 4));
}

static void test_targets(void **state)
{
	static const struct {
		const char *type;
		int offset; /* -1: none */
	} TARGETS[] = {{"CNAME", 0}, {"DNAME", 0}, {"NS", 0}, {"PTR", 0}, {"MX", 2},
		{"SRV", 6}, {"SVCB", 2}, {"HTTPS", 2}, {"A", -1}, {"SOA", -1},
		{"NAPTR", -1}, {"KX", -1}};
	static const uint8_t RDATA[16];

	(void)state;
	for (size_t i = 0; i < COUNT(TARGETS); i++) {
		const uint8_t *p = rdata_target(type_of(TARGETS[i].type), RDATA, 16);
		assert_ptr_equal(
			p, TARGETS[i].offset < 0 ? NULL : RDATA + TARGETS[i].offset);
		assert_null(rdata_target(type_of(TARGETS[i].type), RDATA, 0));
	}
}

static void test_type_names(void **state)
{
	char buf[RDATA_TYPE_NAME_MAX];

	(void)state;
	assert_string_equal(rdata_type_name(TYPE_A, buf), "A");
	assert_string_equal(rdata_type_name(32768, buf), "TA");
	assert_string_equal(rdata_type_name(32769, buf), "DLV");
	assert_string_equal(rdata_type_name(65280, buf), "TYPE65280");
	assert_string_equal(rdata_type_name(54, buf), "TYPE54");
	for (unsigned type = 1; type <= UINT16_MAX; type++)
		assert_int_equal(
			rdata_type_from_name(rdata_type_name((uint16_t)type, buf)), type);
	assert_int_equal(rdata_type_from_name("aaaa"), TYPE_AAAA);
	assert_int_equal(rdata_type_from_name("any"), TYPE_ANY);
	assert_int_equal(rdata_type_from_name("Nsec3Param"), TYPE_NSEC3PARAM);
	assert_int_equal(rdata_type_from_name("type1"), TYPE_A);
	assert_int_equal(rdata_type_from_name("TYPE65535"), 65535);
	assert_int_equal(rdata_type_from_name("TYPE65536"), 0);
	assert_int_equal(rdata_type_from_name("TYPE"), 0);
	assert_int_equal(rdata_type_from_name("TYPE-1"), 0);
	assert_int_equal(rdata_type_from_name("TYPE1x"), 0);
	assert_int_equal(rdata_type_from_name("TYPE000001"), 0);
	assert_int_equal(rdata_type_from_name(""), 0);
	assert_int_equal(rdata_type_from_name("AA"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples_are_valid),
		cmocka_unit_test(test_samples_are_read),
		cmocka_unit_test(test_bad_rdata),
		cmocka_unit_test(test_empty_rdata),
		cmocka_unit_test(test_equality),
		cmocka_unit_test(test_compressed_reading),
		cmocka_unit_test(test_expansion_is_bounded),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_writing_past_the_end),
		cmocka_unit_test(test_classes_of_types),
		cmocka_unit_test(test_replacement),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_type_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
