/*
 * zones/rdata.h as text: every type there and back, other spellings, what is refused.
 */
#include <errno.h>

#include "tests/unit/rdata_samples.h"

static const uint8_t ORIGIN[] = {1, 'o', 0};

static void test_samples_as_text(void **state)
{
	uint8_t rdata[4096], back[4096];

	(void)state;
	for (size_t i = 0; i < COUNT(PRINTED); i++) {
		const struct rdata_sample *s = &PRINTED[i];
		uint16_t type = type_of(s->type), len = from_hex(s->hex, rdata);
		char *text = rdata_to_text(type, rdata, len);
		assert_non_null(text);
		assert_string_equal(text, s->text);
		int n = rdata_from_text(type, text, NULL, back, sizeof(back));
		assert_octets(text, s->hex, back, n);
		free(text);
		text = rdata_to_text_powerdns(type, rdata, len);
		assert_non_null(text);
		n = rdata_from_text_powerdns(type, text, NULL, back, sizeof(back));
		assert_octets(text, s->hex, back, n);
		free(text);
	}
}

static void test_opaque_samples_as_text(void **state)
{
	uint8_t rdata[4096], back[4096];
	char wanted[4096];

	(void)state;
	for (size_t i = 0; i < COUNT(OPAQUE); i++) {
		const struct rdata_sample *s = &OPAQUE[i];
		uint16_t type = type_of(s->type), len = from_hex(s->hex, rdata);
		int n = rdata_from_text(type, s->text, NULL, back, sizeof(back));
		assert_octets(s->text, s->hex, back, n);
		char *text = rdata_to_text(type, rdata, len);
		assert_non_null(text);
		snprintf(wanted, sizeof(wanted), "\\# %u %s", len, s->hex);
		assert_string_equal(text, wanted);
		n = rdata_from_text(type, text, NULL, back, sizeof(back));
		assert_octets(text, s->hex, back, n);
		free(text);
	}
}

/* Every prefix of RDATA is either valid, and the same after printing and reading, or
 * refused. */
static void test_prefixes(void **state)
{
	uint8_t rdata[4096], back[4096];
	const char *why;

	(void)state;
	for (size_t i = 0; i < COUNT(PRINTED); i++) {
		uint16_t type = type_of(PRINTED[i].type);
		uint16_t len = from_hex(PRINTED[i].hex, rdata);
		for (uint16_t n = 0; n < len; n++) {
			uint8_t *exact = malloc(n ? n : 1);
			assert_non_null(exact);
			memcpy(exact, rdata, n);
			if (rdata_is_valid(type, exact, n, &why)) {
				char *text = rdata_to_text(type, exact, n);
				assert_non_null(text);
				assert_int_equal(rdata_from_text(type, text, NULL, back,
							 sizeof(back)),
					n);
				assert_memory_equal(back, exact, n);
				free(text);
			}
			free(exact);
		}
	}
}

/* Other spellings of the same data: type, text, RDATA. */
static const struct rdata_sample SPELLINGS[] = {
	{"A", "01020304", "\\# 4 01020304"},
	{"A", "01020304", "  \\#  4  0102 0304 "},
	{"AAAA", "00000000000000000000ffff01020304", "::FFFF:1.2.3.4"},
	{"TXT", "08756e71756f74656405776f726473", "unquoted words"},
	{"TXT", "0161016203632064", "\"a\" b \"c d\""},
	{"TXT", "0341225c", "\"\\065\\\"\\\\\""},
	{"TXT", "020161", "\\# 3 02 01 61"},
	{"MX", "000a0372656c016f00", "10 rel"},
	{"MX", "000a016f00", "10 @"},
	{"MX", "000a0161016f00", "\t10  a\r\n"},
	{"PTR", "05785c2e287900", "x\\092\\046\\(y."},
	{"SOA",
		"0161016f000162016f0078c40465000c4e00"
		"00002a30"
		"000000f0"
		"00000005",
		"a b 2026112101 1w2d8h 3h 4M 5s"},
	{"LOC",
		"00121613"
		"8af18380"
		"8112a880"
		"00000000",
		"51 N 5 E -100000.00m"},
	{"DS", "00010802d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a",
		"1 rsasha256 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0 "
		"614B93C4F9E99B8383F6A1E4469DA50A"},
	{"CERT", "0001000208010351537986", "PKIX 2 RSASHA256 AQNRU3mG"},
	{"WKS", "c00002010600000040000004", "192.0.2.1 TCP 53 25"},
	{"NSAP", "47000580", "0x47.0005.80"},
	{"NSEC",
		"016100"
		"000160"
		"041b"
		"000000000000000000000000000000000000000000000000000020",
		"a. TYPE1234 ns TYPE1"},
	{"RRSIG",
		"00010503000151803e7c9dd73e5510d70a520161000103515379"
		"86",
		"A RSASHA1 3 1d 20030322173103 1045762263 2642 a. AQNR U3mG"},
	{"CDNSKEY", "0000030000", "0 3 DELETE AA=="},
	{"IPSECKEY", "0a0002010351537986", "10 0 2 AQNRU3mG"},
	{"IPSECKEY", "0a0000", "10 0 0"},
	{"IPSECKEY", "0a0000", "10 0 0 ."},
	{"KEY", "c0000308", "49152 3 8"},
	{"SVCB",
		"000100"
		"0001000302683200030002"
		"0035",
		"1 . port=53 alpn=h2"},
	{"SVCB",
		"000100"
		"0000000400010003"
		"00010003026832"
		"000300020001",
		"1 . mandatory=port,alpn alpn=\"h2\" port=1"},
	{"SVCB",
		"0010"
		"00"
		"0001000c08665c6f6f2c626172026832",
		"16 . alpn=f\\\\\\092oo\\092,bar,h2"},
	{"HTTPS",
		"000100"
		"0001000302683200020000",
		"1 . no-default-alpn alpn=h2"},
	{"HTTPS",
		"000100"
		"000500060103515379"
		"86",
		"1 . ech=AQNRU3mG"},
	{"HTTPS",
		"000100"
		"000700082f717b3f646e737d"
		"000a0000",
		"1 . DOHPATH=/q{?dns} key10"},
	{"SVCB",
		"000100"
		"0000000200010001000302683200030002"
		"01bb",
		"1 . KEY3=\\001\\187 key1=\\002h2 key0=\\000\\001"},
	{"SVCB",
		"000100"
		"0001000302683200020000000400046162"
		"636400050003616263"
		"0006001061626364616263646162636461626364",
		"1 . key1=\\002h2 key2 key4=abcd key5=abc key6=\"abcdabcdabcdabcd\""},
	{"LOC", "009999998000000080000000ffffffff",
		"0 N 0 E 42849672.95m 90000000m 90000000.00m 90000000.00"},
	{"DS", "0001080131313131313131313131313131313131313131ff",
		"1 RSASHA256 SHA-1 31313131313131313131313131313131313131ff"},
	{"DLV",
		"00010804"
		"313131313131313131313131313131313131313131313131"
		"3131313131313131313131313131313131313131313131ff",
		"1 8 sha-384 "
		"313131313131313131313131313131313131313131313131"
		"3131313131313131313131313131313131313131313131ff"},
	{"DNSKEY", "0101030803010001", "257 DNSSEC RSASHA256 AwEAAQ=="},
	{"KEY", "c000ff08", "49152 ALL 8"},
	{"NID", "000a00144fffff20ee64", "10 14:4FFF:ff20:ee64"},
	{"CAA", "000569737375656361", "0 issue ca"},
	{"X25", "0431323334", "1234"},
	{"APL", "", ""},
	{"APL", "00020801ff", "2:ff00::/8"},
	{"CSYNC", "000000420003", "66 3"},
};

static void test_spellings(void **state)
{
	uint8_t out[256];

	(void)state;
	for (size_t i = 0; i < COUNT(SPELLINGS); i++) {
		const struct rdata_sample *s = &SPELLINGS[i];
		int n = rdata_from_text(
			type_of(s->type), s->text, ORIGIN, out, sizeof(out));
		assert_octets(s->text, s->hex, out, n);
	}
}

static const char *const BAD_TEXT[][2] = {
	{"A", ""},
	{"A", "1.2.3"},
	{"A", "1.2.3.4 5"},
	{"A", "\\# 3 010203"},
	{"A", "\\# 4 010203"},
	{"A", "\\# 4 0102030"},
	{"A", "\\# 4"},
	{"A", "\\# x 01020304"},
	{"AAAA", "1.2.3.4"},
	{"AAAA", "::g"},
	{"TXT", ""},
	{"TXT", "\"open"},
	{"TXT", "\"\\256\""},
	{"TXT", "\"\\25\""},
	{"TXT", "\"\\"},
	{"TXT", "\\# 3 0261"},
	{"MX", "65536 a."},
	{"MX", "-1 a."},
	{"MX", "1 a..b."},
	{"MX", "1"},
	{"MX", "1 a\\"},
	{"MX", "1 a. b."},
	{"SOA", "a. b. 1 1x 3 4 5"},
	{"SOA", "a. b. 1 7102w 3 4 5"},
	{"SOA", "a. b. 1 2 3 4"},
	{"LOC", "51 5 E 4m"},
	{"LOC", "91 N 5 E 4m"},
	{"LOC", "90 0 0.001 N 5 E 4m"},
	{"LOC", "5 60 N 5 E 4m"},
	{"LOC", "5 N 181 E 4m"},
	{"LOC", "5 N 5 E"},
	{"LOC", "5 N 5 E -100000.01m"},
	{"LOC", "5 N 5 E 1m -1m"},
	{"LOC", "5 N 5 E 1 1 1 1 1"},
	{"DS", "1 NOSUCH 2 aa"},
	{"DS", "1 8 1 aabb"},
	{"DS", "1 8 9 aab"},
	{"DS", "1 8 9"},
	{"NSEC", "a."},
	{"NSEC", "a. BOGUS"},
	{"NSEC3", "1 0 0 aab 00000000 A"},
	{"NSEC3", "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojz"},
	{"NSEC3", "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr0"},
	{"RRSIG", "A 8 1 1 20031322173103 1 1 a. AQ=="},
	{"RRSIG", "A 8 1 1 19691231235959 1 1 a. AQ=="},
	{"CDNSKEY", "0 3 0 0"},
	{"KEY", "256 3 8"},
	{"SVCB", "1 . alpn=h2 alpn=h3"},
	{"SVCB", "1 . mandatory=port alpn=h2"},
	{"SVCB", "1 . no-default-alpn"},
	{"SVCB", "1 . no-default-alpn=a alpn=b"},
	{"SVCB", "1 . port=65536"},
	{"SVCB", "1 . port="},
	{"SVCB", "1 . port"},
	{"SVCB", "1 . ipv4hint=1.2.3"},
	{"SVCB", "1 . ipv6hint=1.2.3.4"},
	{"SVCB", "1 . ipv4hint=1.2.3.4,"},
	{"SVCB", "1 . ech=A"},
	{"SVCB", "1 . dohpath=/q"},
	{"SVCB", "1 . key65535=a"},
	{"SVCB", "1 . key65536=a"},
	{"SVCB", "1 . bogus=1"},
	{"SVCB", "1 . alpn=a,,b"},
	{"SVCB", "1 . alpn=\"a\\\\b\""},
	{"SVCB", "1 . =a"},
	{"APL", "1:10.0.0.0/33"},
	{"APL", "3:10.0.0.0/3"},
	{"APL", "1:10.0.0.0"},
	{"APL", "1"},
	{"EUI48", "00-00-5e-00-53-2"},
	{"EUI48", "00-00-5e-00-53-2a-11"},
	{"EUI48", "00:00:5e:00:53:2a"},
	{"NID", "10 14:4fff:ff20"},
	{"LOC", "5 N 5 E 42849672.96m"},
	{"LOC", "5 N 5 E 1m 90000000.01m"},
	{"LOC", "5 N 5 E 1m 1m 90000001m"},
	{"LOC", "5 N 5 E 1m 1m 1m 99999999.99"},
	{"SVCB", "1 . key0=alpn alpn=h2"},
	{"SVCB", "1 . key1=h2"},
	{"SVCB", "1 . key1"},
	{"SVCB", "1 . key2=a alpn=b"},
	{"SVCB", "1 . key3=443"},
	{"SVCB", "1 . key3="},
	{"SVCB", "1 . key4=192.0.2.1"},
	{"SVCB", "1 . key6=2001:db8::1"},
	{"SVCB", "1 . key1=\\002h2 alpn=h2"},
	{"NID", "10 14444:4fff:ff20:1"},
	{"CAA", "256 issue \"x\""},
	{"CAA", "0 is-sue \"x\""},
	{"CAA", "0 issue"},
	{"URI", "1 1 \"\""},
	{"OPENPGPKEY", "AQ="},
	{"OPENPGPKEY", "AR=="},
	{"OPENPGPKEY", "AQ==AQ=="},
	{"OPENPGPKEY", "A"},
	{"OPENPGPKEY", "!Q=="},
	{"NSAP", "4700"},
	{"NSAP", "0x470"},
	{"ISDN", "1 2 3"},
	{"TYPE65280", "abcd"},
	{"TYPE65280", "\\# 3 0102"},
	{"TYPE65280", "\\# 1 0102"},
	{"DOA", "1 2 3 \"\" A==="},
	{"NULL", "abcd"},
	{"A6", "129 a."},
	{"WKS", "192.0.2.1 6 65536"},
	{"NXT", "a. TYPE128"},
	{"AMTRELAY", "10 2 0 ."},
	{"AMTRELAY", "10 0 4 ."},
	{"HIP", "2 20010 AwEA"},
	{"TXT", /* 256 octets in one string */
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
};

static void test_bad_text(void **state)
{
	uint8_t out[1024];

	(void)state;
	for (size_t i = 0; i < COUNT(BAD_TEXT); i++) {
		int n = rdata_from_text(
			type_of(BAD_TEXT[i][0]), BAD_TEXT[i][1], NULL, out, sizeof(out));
		if (n != -EINVAL)
			fail_msg("%s %s: %d", BAD_TEXT[i][0], BAD_TEXT[i][1], n);
	}
	/* Relative names need an origin. */
	assert_int_equal(rdata_from_text(TYPE_NS, "ns", NULL, out, sizeof(out)), -EINVAL);
	assert_int_equal(rdata_from_text(TYPE_NS, "ns", ORIGIN, out, sizeof(out)), 6);
	assert_int_equal(rdata_from_text(TYPE_NS, "ns", ORIGIN, out, 5), -ENOSPC);
	assert_int_equal(rdata_from_text(TYPE_TXT, "\"abc\"", NULL, out, 3), -ENOSPC);
}

/* PowerDNS refuses content that it would print differently. */
static void test_powerdns_text(void **state)
{
	static const struct rdata_sample CONTENT[] = {
		{"AAAA", "00000000000000000000ffff01020304", "::ffff:102:304"},
		{"IPSECKEY", "0a0002010351537986", "10 0 2 AQNRU3mG"},
		{"TYPE65280", "", "\\# 0 "},
		{"X25", "0431323334", "\\# 5 0431323334"},
		{"LOC",
			"00121613"
			"80000000"
			"80000000"
			"00989680",
			"0 0 0.000 S 0 0 0.000 W 0.00m 1.00m 10000.00m 10.00m"},
	};
	uint8_t name[] = "\7a.\\(;\"\1\1A", rdata[256];
	char buf[RDATA_TYPE_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(CONTENT); i++) {
		uint16_t len = from_hex(CONTENT[i].hex, rdata);
		char *text = rdata_to_text_powerdns(type_of(CONTENT[i].type), rdata, len);
		assert_non_null(text);
		assert_string_equal(text, CONTENT[i].text);
		free(text);
	}
	char *text = rdata_to_text_powerdns(TYPE_PTR, name, sizeof(name));
	assert_non_null(text);
	assert_string_equal(text, "a\\.\\\\(;\"\\001.A.");
	free(text);
	text = rdata_to_text(TYPE_PTR, name, sizeof(name));
	assert_non_null(text);
	assert_string_equal(text, "a\\.\\\\\\(\\;\\\"\\001.A.");
	free(text);
	assert_string_equal(rdata_type_name_powerdns(19, buf), "TYPE19");
	assert_string_equal(rdata_type_name_powerdns(TYPE_MX, buf), "MX");
	assert_string_equal(rdata_type_name(19, buf), "X25");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples_as_text),
		cmocka_unit_test(test_opaque_samples_as_text),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_bad_text),
		cmocka_unit_test(test_powerdns_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
