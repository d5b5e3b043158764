/*
 * RDATA of every type, in hex and as text, each pair made by an independent
 * implementation.
 *
 * PRINTED is what rdata_to_text gives; OPAQUE is printed as \# length hex, and the text
 * given here must be understood all the same.
 */
#ifndef MUSTER_RDATA_SAMPLES_H
#define MUSTER_RDATA_SAMPLES_H

#include "zones/rdata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct rdata_sample {
	const char *type;
	const char *hex;
	const char *text;
};

static const struct rdata_sample PRINTED[] = {
	{"A", "c0000201", "192.0.2.1"},
	{"A", "00000000", "0.0.0.0"},
	{"AAAA", "20010db8000000000000000000000001", "2001:db8::1"},
	{"AAAA", "00000000000000000000000000000000", "::"},
	{"AAAA", "00000000000000000000000000000001", "::1"},
	{"AAAA", "00000000000000000000ffffc0000201", "::ffff:c000:201"},
	{"AAAA", "00000000000000000000000000010002", "::1:2"},
	{"AAAA", "20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"},
	{"NS", "036e7331076578616d706c6500", "ns1.example."},
	{"NS", "00", "."},
	{"CNAME", "04486f7374074578616d706c6500", "Host.Example."},
	{"CNAME", "0e6120622863293b2240242e5c00ff00",
		"a\\032b\\(c\\)\\;\\\"\\@\\$\\.\\\\\\000\\255."},
	{"SOA",
		"026e73076578616d706c650003682e6d076578616d706c650078c275f500000e"
		"1000000258000151800000012c",
		"ns.example. h\\.m.example. 2026010101 3600 600 86400 300"},
	{"MB", "026d62076578616d706c6500", "mb.example."},
	{"MG", "026d67076578616d706c6500", "mg.example."},
	{"MR", "026d72076578616d706c6500", "mr.example."},
	{"PTR", "04686f7374076578616d706c6500", "host.example."},
	{"HINFO", "06504320227822064c696e5c7578", "\"PC \\\"x\\\"\" \"Lin\\\\ux\""},
	{"HINFO", "0000", "\"\" \"\""},
	{"MINFO", "0172076578616d706c65000165076578616d706c6500",
		"r.example. e.example."},
	{"MX", "000a046d61696c076578616d706c6500", "10 mail.example."},
	{"MX", "000000", "0 ."},
	{"TXT", "0568656c6c6f", "\"hello\""},
	{"TXT", "0003623b6303642065", "\"\" \"b;c\" \"d e\""},
	{"TXT", "06001f7fc8ff7e", "\"\\000\\031\\127\\200\\255~\""},
	{"RP", "016d076578616d706c65000174076578616d706c6500", "m.example. t.example."},
	{"AFSDB", "0001026462076578616d706c6500", "1 db.example."},
	{"KEY", "01000308010351537986", "256 3 8 AQNRU3mG"},
	{"LOC", "001216138b24c8fb814418c000989810",
		"51 56 0.123 N 5 54 0.000 E 4.00m 1.00m 10000.00m 10.00m"},
	{"LOC", "000090996cb0270059604e0000000000",
		"90 0 0.000 S 180 0 0.000 W -100000.00m 0.00m 0.09m 90000000.00m"},
	{"LOC", "00121212800000018000ea5fffffffff",
		"0 0 0.001 N 0 0 59.999 E 42849672.95m 1.00m 1.00m 1.00m"},
	{"SRV", "0001000213c403736970076578616d706c6500", "1 2 5060 sip.example."},
	{"NAPTR",
		"006400320173075349502b44325500045f736970045f756470076578616d706c"
		"6500",
		"100 50 \"s\" \"SIP+D2U\" \"\" _sip._udp.example."},
	{"NAPTR",
		"0064000a0175074532552b73697022215e285c2b343429282e2a292421736970"
		"3a5c32406578616d706c652e636f6d216900",
		"100 10 \"u\" \"E2U+sip\" \"!^(\\\\+44)(.*)$!sip:\\\\2@example.com!i\" "
		"."},
	{"KX", "0001026b78076578616d706c6500", "1 kx.example."},
	{"CERT", "0001000208010351537986", "1 2 8 AQNRU3mG"},
	{"DNAME", "056f74686572076578616d706c6500", "other.example."},
	{"APL", "00011503c0a82000011c83c0a826", "1:192.168.32.0/21 !1:192.168.38.0/28"},
	{"APL", "00010401e000020801ff", "1:224.0.0.0/4 2:ff00::/8"},
	{"APL", "0001000000020000", "1:0.0.0.0/0 2:::/0"},
	{"DS", "ec4505012bb183af5f22588179a53b0a98631fad1a292118",
		"60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118"},
	{"DS",
		"00010802d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4"
		"469da50a",
		"1 8 2 d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469d"
		"a50a"},
	{"SSHFP", "0201123456789abcdef67890123456789abcdef67890",
		"2 1 123456789abcdef67890123456789abcdef67890"},
	{"SSHFP",
		"0402d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469d"
		"a50a",
		"4 2 d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da5"
		"0a"},
	{"IPSECKEY", "0a0102c0000226010351537986", "10 1 2 192.0.2.38 AQNRU3mG"},
	{"IPSECKEY", "0a0002010351537986", "10 0 2 . AQNRU3mG"},
	{"IPSECKEY", "0a0302026777076578616d706c6500010351537986",
		"10 3 2 gw.example. AQNRU3mG"},
	{"IPSECKEY", "0a020220010db8000000000000000000000001010351537986",
		"10 2 2 2001:db8::1 AQNRU3mG"},
	{"RRSIG",
		"00010503000151803e7c9dd73e5510d70a52076578616d706c6503636f6d0001"
		"0351537986",
		"A 5 3 86400 20030322173103 20030220173103 2642 example.com. AQNRU3"
		"mG"},
	{"RRSIG", "03e70d000000000080000000ffffffff000100010351537986",
		"TYPE999 13 0 0 20380119031408 21060207062815 1 . AQNRU3mG"},
	{"NSEC",
		"04686f7374076578616d706c6503636f6d000006400100000003041b00000000"
		"0000000000000000000000000000000000000000000020",
		"host.example.com. A MX RRSIG NSEC TYPE1234"},
	{"NSEC", "000006400010000003010140", ". A TYPE19 RRSIG NSEC CAA"},
	{"DNSKEY", "01010308010351537986", "257 3 8 AQNRU3mG"},
	{"DHCID",
		"000201636fc0b8271c82825bb1ac5c41cf5351aa69b4febd94e8f17cdb95000d"
		"a48c40",
		"AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="},
	{"NSEC3",
		"0101000c04aabbccdd14174eb2409fe28bcb4887a1836f957f0a8425e27b0006"
		"400000000002",
		"1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG"},
	{"NSEC3", "010000000014174eb2409fe28bcb4887a1836f957f0a8425e27b",
		"1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr"},
	{"NSEC3PARAM", "0100000a02aabb", "1 0 10 aabb"},
	{"NSEC3PARAM", "0100000000", "1 0 0 -"},
	{"TLSA",
		"030101d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e446"
		"9da50a",
		"3 1 1 d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469d"
		"a50a"},
	{"SMIMEA", "030000d4b7", "3 0 0 d4b7"},
	{"RKEY", "00000308010351537986", "0 3 8 AQNRU3mG"},
	{"CDS", "0000000000", "0 0 0 00"},
	{"CDS", "ec4505012bb183af5f22588179a53b0a98631fad1a292118",
		"60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118"},
	{"CDNSKEY", "0000030000", "0 3 0 AA=="},
	{"CDNSKEY", "0101030d010351537986", "257 3 13 AQNRU3mG"},
	{"OPENPGPKEY", "010351537986", "AQNRU3mG"},
	{"CSYNC", "000000420003000460000008", "66 3 A NS AAAA"},
	{"CSYNC", "000000000000", "0 0"},
	{"ZONEMD",
		"7848b91c0101c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1dd"
		"c0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c",
		"2018031900 1 1 c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1d"
		"dc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c"},
	{"ZONEMD", "0000000101f0aabbccddeeff001122334455",
		"1 1 240 aabbccddeeff001122334455"},
	{"SVCB", "000003666f6f076578616d706c6500", "0 foo.example."},
	{"SVCB", "000100", "1 ."},
	{"SVCB", "001003666f6f076578616d706c6500000300020035", "16 foo.example. port=53"},
	{"SVCB",
		"000103666f6f076578616d706c65000000000400010003000100060268320268"
		"330002000000030002003500040008c0000201c0000202000500060103515379"
		"860006002020010db800000000000000000000000100000000000000000000ff"
		"ffc0000201000700082f717b3f646e737d029b000968656c6c6fd2716f6f",
		"1 foo.example. mandatory=alpn,port alpn=h2,h3 no-default-alpn port"
		"=53 ipv4hint=192.0.2.1,192.0.2.2 ech=\"AQNRU3mG\" ipv6hint=2001:db8:"
		":1,::ffff:192.0.2.1 key7=\"/q{?dns}\" key667=\"hello\\210qoo\""},
	{"HTTPS", "00010000010003026832", "1 . alpn=h2"},
	{"SVCB", "001003666f6f076578616d706c65000001000c08665c6f6f2c626172026832",
		"16 foo.example. alpn=f\\\\\\\\oo\\\\,bar,h2"},
	{"SVCB", "00010000010006036120620163", "1 . alpn=\"a b,c\""},
	{"SVCB", "000100fffe0000", "1 . key65534=\"\""},
	{"SPF", "0b763d73706631202d616c6c", "\"v=spf1 -all\""},
	{"NID", "000a00144fffff20ee64", "10 0014:4fff:ff20:ee64"},
	{"L32", "000ac0000201", "10 192.0.2.1"},
	{"L64", "000a20010db811401000", "10 2001:0db8:1140:1000"},
	{"LP", "000a036c3634076578616d706c6500", "10 l64.example."},
	{"EUI48", "00005e00532a", "00-00-5e-00-53-2a"},
	{"EUI64", "00005eef1000002a", "00-00-5e-ef-10-00-00-2a"},
	{"URI",
		"000a00016674703a2f2f667470312e6578616d706c652e636f6d2f7075626c69"
		"63",
		"10 1 \"ftp://ftp1.example.com/public\""},
	{"CAA", "0005697373756563612e6578616d706c652e6e65743b20706f6c6963793d6576",
		"0 issue \"ca.example.net; policy=ev\""},
	{"CAA", "8003746273", "128 tbs \"\""},
	{"CAA", "001061616161616161616161616161616161", "0 aaaaaaaaaaaaaaaa \"\""},
	{"DLV",
		"00010802d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4"
		"469da50a",
		"1 8 2 d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469d"
		"a50a"},
};

static const struct rdata_sample OPAQUE[] = {
	{"MD", "026d64076578616d706c6500", "md.example."},
	{"MF", "026d66076578616d706c6500", "mf.example."},
	{"NULL", "abcd", "\\# 2 abcd"},
	{"WKS", "c00002010600000040000004", "192.0.2.1 6 25 53"},
	{"X25", "0c333131303631373030393536", "\"311061700956\""},
	{"ISDN", "0f313530383632303238303033323137", "\"150862028003217\""},
	{"ISDN", "0f31353038363230323830303332313703303034",
		"\"150862028003217\" \"004\""},
	{"RT", "000a027274076578616d706c6500", "10 rt.example."},
	{"NSAP", "47000580005a0000000001e133ffffff00016100",
		"0x47000580005a0000000001e133ffffff00016100"},
	{"NSAP-PTR", "04686f7374076578616d706c6500", "host.example."},
	{"SIG",
		"00010503000151803e7c9dd73e5510d70a52076578616d706c6503636f6d0001"
		"0351537986",
		"A 5 3 86400 20030322173103 20030220173103 2642 example.com. AQNRU3"
		"mG"},
	{"PX",
		"000a066d6170383232076578616d706c6500076d617078343030076578616d70"
		"6c6500",
		"10 map822.example. mapx400.example."},
	{"GPOS", "082d33322e36383832083131362e383635320431302e30",
		"\"-32.6882\" \"116.8652\" \"10.0\""},
	{"NXT", "04686f7374076578616d706c650040010080", "host.example. A MX SIG"},
	{"EID", "1234", "1234"},
	{"NIMLOC", "1234", "1234"},
	{"A6", "40000000000000000106707265666978076578616d706c6500",
		"64 ::1 prefix.example."},
	{"A6", "0020010db8000000000000000000000001", "0 2001:db8::1"},
	{"A6", "800170076578616d706c6500", "128 p.example."},
	{"HIP",
		"10020006200100107b1a74df365639cc39f1d57803010001b771037276730765"
		"78616d706c6500027232076578616d706c6500",
		"2 200100107b1a74df365639cc39f1d578 AwEAAbdx rvs.example. r2.exampl"
		"e."},
	{"HIP", "02020006200103010001b771", "2 2001 AwEAAbdx"},
	{"NINFO", "01610162", "\"a\" \"b\""},
	{"TALINK", "0161076578616d706c650000", "a.example. ."},
	{"UINFO", "", "\\# 0"},
	{"AVC", "0a6170702d6e616d653a58", "\"app-name:X\""},
	{"DOA", "0000000100000002030a746578742f706c61696e010351537986",
		"1 2 3 \"text/plain\" AQNRU3mG"},
	{"DOA", "00000001000000020300", "1 2 3 \"\" -"},
	{"AMTRELAY", "0a01c0000201", "10 0 1 192.0.2.1"},
	{"AMTRELAY", "0a80", "10 1 0 ."},
	{"AMTRELAY", "00830572656c6179076578616d706c6500", "0 1 3 relay.example."},
	{"AMTRELAY", "000220010db8000000000000000000000001", "0 0 2 2001:db8::1"},
	{"TA",
		"00010802d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4"
		"469da50a",
		"1 8 2 d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469d"
		"a50a"},
	{"TYPE65280", "010203", "\\# 3 010203"},
	{"TYPE65280", "", "\\# 0"},
	{"ATMA", "01313233343536", "\\# 7 01313233343536"},
	{"SINK", "010203515379", "1 2 3 UVN5"},
};

static inline uint16_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	unsigned octet;

	assert_int_equal(strlen(hex) % 2, 0);
	for (; hex[2 * n]; n++) {
		assert_int_equal(sscanf(hex + 2 * n, "%2x", &octet), 1);
		out[n] = (uint8_t)octet;
	}
	return (uint16_t)n;
}

static inline uint16_t type_of(const char *name)
{
	uint16_t type = rdata_type_from_name(name);

	assert_int_not_equal(type, 0);
	return type;
}

static inline void assert_octets(
	const char *what, const char *hex, const uint8_t *octets, int n)
{
	uint8_t wanted[4096];
	uint16_t len = from_hex(hex, wanted);

	if (n != len || memcmp(octets, wanted, len) != 0)
		fail_msg("%s: %d octets, not %s", what, n, hex);
}

#endif
