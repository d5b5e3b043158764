/*
 * Which records answer what: RFC 1034 4.3.2 with wildcards, aliases, zone cuts, negative
 * answers, additional addresses, whoami.
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

#define SOA_LINE(ttl) "example. " ttl " SOA ns.example. admin.example. 7 2 3 4 60\n"
#define NODATA        "NOERROR aa\nau " SOA_LINE("60")
#define NXDOMAIN      "NXDOMAIN aa\nau " SOA_LINE("60")

static const char zone_text[] =
	"$TTL 300\n"
	"@ SOA ns admin 7 2 3 4 60\n"
	"@ NS ns\n"
	"@ NS ns.elsewhere.net.\n"
	"@ MX 10 mail\n"
	"@ MX 20 Mail\n"
	"@ MX 30 none\n"
	"ns A 192.0.2.53\n"
	"ns AAAA 2001:db8::53\n"
	"mail A 192.0.2.25\n"
	"www A 192.0.2.1\n"
	"www A 192.0.2.2\n"
	"www TXT \"x\"\n"
	"_sip._tcp SRV 1 2 5060 www\n"
	"deep.ent A 192.0.2.3\n"
	/* wildcards, RFC 4592 2.2.1 */
	"*.wild TXT \"any\"\n"
	"*.wild MX 10 mail\n"
	"exists.wild A 192.0.2.4\n"
	"below.ent.wild A 192.0.2.5\n"
	"*.alias CNAME www\n"
	"a.*.entwild A 192.0.2.6\n"
	/* aliases */
	"alias1 CNAME Alias2\n"
	"alias2 CNAME www\n"
	"out CNAME www.elsewhere.net.\n"
	"gone CNAME nothing\n"
	"nodata CNAME mail\n"
	"loop1 CNAME loop2\n"
	"loop2 CNAME loop1\n"
	"self CNAME self\n"
	"tocut CNAME host.cut\n"
	/* DNAME */
	"d DNAME target\n"
	"host.target A 192.0.2.7\n"
	"away DNAME elsewhere.net.\n"
	"grow DNAME x.grow\n"
	"*.round CNAME b.round\n"
	"same DNAME same\n"
	/* zone cuts */
	"cut NS ns.cut\n"
	"cut NS ns\n"
	"cut NS ns.far.net.\n"
	"cut DS 1 8 2 "
	"0000000000000000000000000000000000000000000000000000000000000001\n"
	"ns.cut A 192.0.2.54\n"
	"ns.cut AAAA 2001:db8::54\n"
	"ns.cut TXT \"hidden\"\n"
	"unsigned NS ns\n";

struct fixture {
	struct zone *zone;
	struct answer_query query;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->zone = message_make_zone("example.", zone_text);
	f->query.zone = f->zone;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	zone_free(f->zone);
	free(f);
	return 0;
}

/* The answer over TCP without its question line. */
static char *ask(struct fixture *f, const char *name, uint16_t type)
{
	static uint8_t buf[WIRE_MESSAGE_MAX];
	struct query q;
	size_t len;
	char *text, *line, *end;

	query_make(&q, name, type, CLASS_IN, 0);
	f->query.msg = q.octets;
	f->query.m = &q.m;
	f->query.is_tcp = true;
	len = answer_build(&f->query, buf, sizeof(buf));
	text = answer_text(buf, len);
	line = strstr(text, "\n? ");
	assert_non_null(line);
	end = strchr(line + 1, '\n');
	memmove(line, end, strlen(end) + 1);
	return text;
}

static void expect(
	struct fixture *f, const char *name, uint16_t type, const char *expected)
{
	char *text = ask(f, name, type);

	assert_string_equal(text, expected);
	free(text);
}

/* ---- plain answers ---- */

static void test_data(void **state)
{
	struct fixture *f = *state;

	expect(f, "www.example.", TYPE_A,
		"NOERROR aa\nan www.example. 300 A 192.0.2.1\n"
		"an www.example. 300 A 192.0.2.2\n");
	expect(f, "www.example.", TYPE_TXT,
		"NOERROR aa\nan www.example. 300 TXT \"x\"\n");
	expect(f, "example.", TYPE_SOA, "NOERROR aa\nan " SOA_LINE("300"));
}

static void test_negative(void **state)
{
	struct fixture *f = *state;

	expect(f, "www.example.", TYPE_MX, NODATA);
	expect(f, "example.", TYPE_A, NODATA);
	expect(f, "example.", TYPE_DS, NODATA);
	expect(f, "nothing.example.", TYPE_A, NXDOMAIN);
	expect(f, "x.www.example.", TYPE_A, NXDOMAIN);
	expect(f, "nothing.example.", TYPE_ANY, NXDOMAIN);
	/* empty non-terminals exist (RFC 8020) */
	expect(f, "ent.example.", TYPE_A, NODATA);
	expect(f, "ent.example.", TYPE_ANY, NODATA);
	expect(f, "_tcp.example.", TYPE_SRV, NODATA);
	expect(f, "x.ent.example.", TYPE_A, NXDOMAIN);
}

/* RFC 2308 3: the smaller of the SOA's own TTL and MINIMUM. */
static void test_negative_ttl(void **state)
{
	struct zone *zone = message_make_zone(
		"example.", "@ 30 SOA ns admin 7 2 3 4 60\n@ 30 NS ns\n");
	struct fixture f = {.zone = zone, .query = {.zone = zone}};

	(void)state;
	expect(&f, "x.example.", TYPE_A, "NXDOMAIN aa\nau " SOA_LINE("30"));
	zone_free(zone);
}

static void test_any(void **state)
{
	struct fixture *f = *state;

	expect(f, "www.example.", TYPE_ANY,
		"NOERROR aa\nan www.example. 300 A 192.0.2.1\n"
		"an www.example. 300 A 192.0.2.2\n"
		"an www.example. 300 TXT \"x\"\n");
	expect(f, "alias1.example.", TYPE_ANY,
		"NOERROR aa\nan alias1.example. 300 CNAME Alias2.example.\n");
	expect(f, "x.d.example.", TYPE_ANY,
		"NOERROR aa\nan d.example. 300 DNAME target.example.\n"
		"an x.d.example. 300 CNAME x.target.example.\n");
}

static void test_root_zone(void **state)
{
	struct zone *zone = message_make_zone(
		".", "@ 30 SOA ns. admin. 7 2 3 4 60\n@ 30 NS ns.\n* 30 A 192.0.2.1\n");
	struct fixture f = {.zone = zone, .query = {.zone = zone}};

	(void)state;
	expect(&f, "a.b.", TYPE_A, "NOERROR aa\nan a.b. 30 A 192.0.2.1\n");
	expect(&f, ".", TYPE_NS, "NOERROR aa\nan . 30 NS ns.\n");
	zone_free(zone);
}

/* ---- wildcards ---- */

static void test_wildcard(void **state)
{
	struct fixture *f = *state;

	expect(f, "x.wild.example.", TYPE_TXT,
		"NOERROR aa\nan x.wild.example. 300 TXT \"any\"\n");
	expect(f, "y.x.wild.example.", TYPE_MX,
		"NOERROR aa\nan y.x.wild.example. 300 MX 10 mail.example.\n"
		"ad mail.example. 300 A 192.0.2.25\n");
	expect(f, "x.wild.example.", TYPE_A, NODATA);
	expect(f, "*.wild.example.", TYPE_TXT,
		"NOERROR aa\nan *.wild.example. 300 TXT \"any\"\n");
	expect(f, "x.alias.example.", TYPE_TXT,
		"NOERROR aa\nan x.alias.example. 300 CNAME www.example.\n"
		"an www.example. 300 TXT \"x\"\n");
}

/* RFC 4592 2.2.1, 2.2.2, 4.9: what exists, be it empty, is not covered. */
static void test_wildcard_blocked(void **state)
{
	struct fixture *f = *state;

	expect(f, "wild.example.", TYPE_TXT, NODATA);
	expect(f, "exists.wild.example.", TYPE_TXT, NODATA);
	expect(f, "x.exists.wild.example.", TYPE_TXT, NXDOMAIN);
	expect(f, "ent.wild.example.", TYPE_TXT, NODATA);
	expect(f, "x.ent.wild.example.", TYPE_TXT, NXDOMAIN);
	expect(f, "x.*.wild.example.", TYPE_TXT, NXDOMAIN);
	/* the source of synthesis is an empty non-terminal itself */
	expect(f, "x.entwild.example.", TYPE_A, NODATA);
}

/* ---- aliases ---- */

static void test_cname(void **state)
{
	struct fixture *f = *state;

	expect(f, "alias1.example.", TYPE_TXT,
		"NOERROR aa\nan alias1.example. 300 CNAME Alias2.example.\n"
		"an Alias2.example. 300 CNAME www.example.\n"
		"an www.example. 300 TXT \"x\"\n");
	expect(f, "alias1.example.", TYPE_CNAME,
		"NOERROR aa\nan alias1.example. 300 CNAME Alias2.example.\n");
	expect(f, "out.example.", TYPE_A,
		"NOERROR aa\nan out.example. 300 CNAME www.elsewhere.net.\n");
	expect(f, "gone.example.", TYPE_A,
		"NXDOMAIN aa\nan gone.example. 300 CNAME nothing.example.\n"
		"au " SOA_LINE("60"));
	expect(f, "nodata.example.", TYPE_TXT,
		"NOERROR aa\nan nodata.example. 300 CNAME mail.example.\n"
		"au " SOA_LINE("60"));
}

static void test_cname_loop(void **state)
{
	struct fixture *f = *state;

	expect(f, "loop1.example.", TYPE_A,
		"SERVFAIL aa\nan loop1.example. 300 CNAME loop2.example.\n"
		"an loop2.example. 300 CNAME loop1.example.\n");
	expect(f, "self.example.", TYPE_A,
		"SERVFAIL aa\nan self.example. 300 CNAME self.example.\n");
	/* A wildcard's leads on to another of its names, once. */
	expect(f, "a.round.example.", TYPE_A,
		"SERVFAIL aa\nan a.round.example. 300 CNAME b.round.example.\n"
		"an b.round.example. 300 CNAME b.round.example.\n");
}

static void test_cname_chain_bounded(void **state)
{
	struct fixture f = {0};
	char text[4096] = "$TTL 300\n@ SOA ns admin 7 2 3 4 60\n@ NS ns\n", *answer;
	size_t at = strlen(text), count = 0;

	(void)state;
	for (int i = 0; i < 30; i++)
		at += (size_t)sprintf(text + at, "c%d CNAME c%d\n", i, i + 1);
	f.zone = message_make_zone("example.", text);
	f.query.zone = f.zone;
	answer = ask(&f, "c0.example.", TYPE_A);
	for (const char *p = answer; (p = strstr(p, "\nan ")); p++)
		count++;
	assert_int_equal(count, 16);
	assert_memory_equal(answer, "NOERROR aa\n", 11);
	free(answer);
	zone_free(f.zone);
}

static void test_dname(void **state)
{
	struct fixture *f = *state;

	expect(f, "host.d.example.", TYPE_A,
		"NOERROR aa\nan d.example. 300 DNAME target.example.\n"
		"an host.d.example. 300 CNAME host.target.example.\n"
		"an host.target.example. 300 A 192.0.2.7\n");
	expect(f, "none.d.example.", TYPE_A,
		"NXDOMAIN aa\nan d.example. 300 DNAME target.example.\n"
		"an none.d.example. 300 CNAME none.target.example.\n"
		"au " SOA_LINE("60"));
	expect(f, "a.away.example.", TYPE_A,
		"NOERROR aa\nan away.example. 300 DNAME elsewhere.net.\n"
		"an a.away.example. 300 CNAME a.elsewhere.net.\n");
	expect(f, "x.d.example.", TYPE_CNAME,
		"NOERROR aa\nan d.example. 300 DNAME target.example.\n"
		"an x.d.example. 300 CNAME x.target.example.\n");
	/* at its owner it redirects nothing (RFC 6672 2.3) */
	expect(f, "d.example.", TYPE_DNAME,
		"NOERROR aa\nan d.example. 300 DNAME target.example.\n");
	expect(f, "d.example.", TYPE_A, NODATA);
}

#define LABEL_50 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"

/* RFC 6672 2.2: a name that becomes too long. */
static void test_dname_too_long(void **state)
{
	struct zone *zone = message_make_zone("example.",
		"$TTL 300\n@ SOA ns admin 7 2 3 4 60\n@ NS ns\n"
		"d DNAME " LABEL_50 "." LABEL_50 "\n" LABEL_50 "." LABEL_50 "." LABEL_50
		"." LABEL_50 " A 192.0.2.1\n");
	struct fixture f = {.zone = zone, .query = {.zone = zone}};
	const char *dname =
		"an d.example. 300 DNAME " LABEL_50 "." LABEL_50 ".example.\n";
	char expected[2048];

	(void)state;
	snprintf(expected, sizeof(expected), "YXDOMAIN aa\n%s", dname);
	expect(&f, LABEL_50 "." LABEL_50 "." LABEL_50 ".d.example.", TYPE_A, expected);
	/* 2 * 51 + 2 * 51 + 9 = 213 fits */
	snprintf(expected, sizeof(expected),
		"NOERROR aa\n%san %s.d.example. 300 CNAME %s.%s.example.\n"
		"an %s.%s.example. 300 A 192.0.2.1\n",
		dname, LABEL_50 "." LABEL_50, LABEL_50 "." LABEL_50,
		LABEL_50 "." LABEL_50, LABEL_50 "." LABEL_50, LABEL_50 "." LABEL_50);
	expect(&f, LABEL_50 "." LABEL_50 ".d.example.", TYPE_A, expected);
	zone_free(zone);
}

/* The DNAME once, CNAMEs until the bound or until the name is too long. */
static void test_dname_loop(void **state)
{
	char *text = ask(*state, "a.grow.example.", TYPE_A);

	assert_memory_equal(text,
		"NOERROR aa\nan grow.example. 300 DNAME x.grow.example.\n"
		"an a.grow.example. 300 CNAME a.x.grow.example.\n"
		"an a.x.grow.example. 300 CNAME a.x.x.grow.example.\n",
		50);
	assert_null(strstr(strstr(text, "DNAME") + 1, "DNAME"));
	free(text);
	expect(*state, "a.same.example.", TYPE_A,
		"SERVFAIL aa\nan same.example. 300 DNAME same.example.\n"
		"an a.same.example. 300 CNAME a.same.example.\n");
}

/* ---- zone cuts ---- */

#define REFERRAL                                                                         \
	"au cut.example. 300 NS ns.cut.example.\n"                                       \
	"au cut.example. 300 NS ns.example.\n"                                           \
	"au cut.example. 300 NS ns.far.net.\n"                                           \
	"ad ns.cut.example. 300 A 192.0.2.54\n"                                          \
	"ad ns.cut.example. 300 AAAA 2001:db8::54\n"                                     \
	"ad ns.example. 300 A 192.0.2.53\n"                                              \
	"ad ns.example. 300 AAAA 2001:db8::53\n"

static void test_referral(void **state)
{
	struct fixture *f = *state;

	expect(f, "cut.example.", TYPE_A, "NOERROR\n" REFERRAL);
	expect(f, "cut.example.", TYPE_NS, "NOERROR\n" REFERRAL);
	expect(f, "cut.example.", TYPE_ANY, "NOERROR\n" REFERRAL);
	expect(f, "a.b.cut.example.", TYPE_A, "NOERROR\n" REFERRAL);
	expect(f, "ns.cut.example.", TYPE_A, "NOERROR\n" REFERRAL);
	expect(f, "ns.cut.example.", TYPE_TXT, "NOERROR\n" REFERRAL);
	expect(f, "a.cut.example.", TYPE_DS, "NOERROR\n" REFERRAL);
	/* An answer that begins in the zone is authoritative (RFC 1035 4.1.1). */
	expect(f, "tocut.example.", TYPE_A,
		"NOERROR aa\nan tocut.example. 300 CNAME host.cut.example.\n" REFERRAL);
}

static void test_ds_at_cut(void **state)
{
	struct fixture *f = *state;

	expect(f, "cut.example.", TYPE_DS,
		"NOERROR aa\nan cut.example. 300 DS 1 8 2 "
		"0000000000000000000000000000000000000000000000000000000000000001\n");
	expect(f, "unsigned.example.", TYPE_DS, NODATA);
}

/* RFC 9471: glue that is needed and does not fit. */
static void test_glue_truncates(void **state)
{
	struct fixture *f = *state;
	struct query q;
	uint8_t buf[512];
	size_t whole, len;

	query_make(&q, "cut.example.", TYPE_A, CLASS_IN, 0);
	f->query.msg = q.octets;
	f->query.m = &q.m;
	f->query.is_tcp = false;
	whole = answer_build(&f->query, buf, sizeof(buf));
	/* Without the two addresses of ns.example., which is not below the cut. */
	len = answer_build(&f->query, buf, whole - 16 - 28);
	answer_assert(buf, len,
		"NOERROR\n? cut.example. A IN\n"
		"au cut.example. 300 NS ns.cut.example.\n"
		"au cut.example. 300 NS ns.example.\n"
		"au cut.example. 300 NS ns.far.net.\n"
		"ad ns.cut.example. 300 A 192.0.2.54\n"
		"ad ns.cut.example. 300 AAAA 2001:db8::54\n");
	len = answer_build(&f->query, buf, whole - 16 - 28 - 1);
	answer_assert(buf, len, "NOERROR tc\n? cut.example. A IN\n");
}

/* ---- additional addresses ---- */

static void test_additional(void **state)
{
	struct fixture *f = *state;

	expect(f, "example.", TYPE_NS,
		"NOERROR aa\nan example. 300 NS ns.example.\n"
		"an example. 300 NS ns.elsewhere.net.\n"
		"ad ns.example. 300 A 192.0.2.53\n"
		"ad ns.example. 300 AAAA 2001:db8::53\n");
	/* Once, though two records name it. */
	expect(f, "example.", TYPE_MX,
		"NOERROR aa\nan example. 300 MX 10 mail.example.\n"
		"an example. 300 MX 20 mail.example.\n"
		"an example. 300 MX 30 none.example.\n"
		"ad mail.example. 300 A 192.0.2.25\n");
	expect(f, "_sip._tcp.example.", TYPE_SRV,
		"NOERROR aa\nan _sip._tcp.example. 300 SRV 1 2 5060 www.example.\n"
		"ad www.example. 300 A 192.0.2.1\n"
		"ad www.example. 300 A 192.0.2.2\n");
}

/* ---- MNAME ---- */

static void test_mname(void **state)
{
	struct fixture *f = *state;

	f->query.mname = message_name("gateway.elsewhere.net.");
	expect(f, "example.", TYPE_SOA,
		"NOERROR aa\nan example. 300 SOA gateway.elsewhere.net. admin.example. "
		"7 2 3 4 60\n");
	expect(f, "x.example.", TYPE_SOA,
		"NXDOMAIN aa\nau example. 60 SOA gateway.elsewhere.net. admin.example. "
		"7 2 3 4 60\n");
	f->query.mname = message_name(".");
	expect(f, "www.example.", TYPE_SOA,
		"NOERROR aa\nau example. 60 SOA . admin.example. 7 2 3 4 60\n");
	/* The zone itself is as it was. */
	f->query.mname = NULL;
	expect(f, "example.", TYPE_SOA, "NOERROR aa\nan " SOA_LINE("300"));
}

/* ---- whoami ---- */

static void test_whoami(void **state)
{
	struct fixture *f = *state;

	f->query.source = (struct ip_address){.family = 4, .octets = {192, 0, 2, 99}};
	expect(f, "whoami.example.", TYPE_A,
		"NOERROR aa\nan whoami.example. 0 A 192.0.2.99\n");
	expect(f, "whoami.example.", TYPE_TXT,
		"NOERROR aa\nan whoami.example. 0 TXT \"192.0.2.99\"\n");
	expect(f, "whoami.example.", TYPE_ANY,
		"NOERROR aa\nan whoami.example. 0 A 192.0.2.99\n"
		"an whoami.example. 0 TXT \"192.0.2.99\"\n");
	expect(f, "whoami.example.", TYPE_AAAA, NODATA);
	expect(f, "whoami.example.", TYPE_MX, NODATA);
	f->query.source = (struct ip_address){
		.family = 6, .octets = {0x20, 1, 0xd, 0xb8, [15] = 9}};
	expect(f, "whoami.example.", TYPE_AAAA,
		"NOERROR aa\nan whoami.example. 0 AAAA 2001:db8::9\n");
	expect(f, "whoami.example.", TYPE_TXT,
		"NOERROR aa\nan whoami.example. 0 TXT \"2001:db8::9\"\n");
	expect(f, "whoami.example.", TYPE_A, NODATA);
	expect(f, "x.whoami.example.", TYPE_A, NXDOMAIN);
	expect(f, "whoami.www.example.", TYPE_A, NXDOMAIN);
	f->query.source = (struct ip_address){0};
	expect(f, "whoami.example.", TYPE_A, NODATA);
	expect(f, "whoami.example.", TYPE_AAAA, NODATA);
	expect(f, "whoami.example.", TYPE_TXT, NODATA);
}

/* A wildcard does not make the name the zone's own; a record or what is below it does. */
static void test_whoami_of_zone(void **state)
{
	static const char *const own[] = {"whoami TXT mine\n", "x.whoami TXT mine\n"};
	const char *head =
		"$TTL 300\n@ SOA ns admin 7 2 3 4 60\n@ NS ns\n* A 192.0.2.8\n";
	struct fixture f = {.query.source = {.family = 4, .octets = {192, 0, 2, 99}}};
	char text[512];

	(void)state;
	f.zone = message_make_zone("example.", head);
	f.query.zone = f.zone;
	expect(&f, "whoami.example.", TYPE_A,
		"NOERROR aa\nan whoami.example. 0 A 192.0.2.99\n");
	zone_free(f.zone);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		snprintf(text, sizeof(text), "%s%s", head, own[i]);
		f.zone = message_make_zone("example.", text);
		f.query.zone = f.zone;
		expect(&f, "whoami.example.", TYPE_A, NODATA);
		zone_free(f.zone);
	}
}

/* RFC 9460 4.1, 2.4.2, 2.5.2 */
static void test_additional_of_services(void **state)
{
	static const char text[] = "@ 300 SOA ns hostmaster 1 2 3 4 5\n"
				   "@ 300 NS ns.elsewhere.net.\n"
				   "@ 300 HTTPS 0 pool\n"
				   "pool 300 HTTPS 1 .\n"
				   "pool 300 A 192.0.2.1\n"
				   "pool 300 AAAA 2001:db8::1\n"
				   "none 300 HTTPS 0 .\n"
				   "none 300 A 192.0.2.2\n"
				   "_dns 300 SVCB 1 loop alpn=dot\n"
				   "loop 300 SVCB 0 loop2\n"
				   "loop2 300 SVCB 0 loop\n"
				   "loop2 300 HTTPS 1 .\n"
				   "*.wild 300 HTTPS 1 .\n"
				   "*.wild 300 A 192.0.2.3\n";
	struct fixture f = {.zone = message_make_zone("example.", text)};

	(void)state;
	f.query.zone = f.zone;
	expect(&f, "example.", TYPE_HTTPS,
		"NOERROR aa\nan example. 300 HTTPS 0 pool.example.\n"
		"ad pool.example. 300 A 192.0.2.1\n"
		"ad pool.example. 300 AAAA 2001:db8::1\n"
		"ad pool.example. 300 HTTPS 1 .\n");
	expect(&f, "pool.example.", TYPE_HTTPS,
		"NOERROR aa\nan pool.example. 300 HTTPS 1 .\n"
		"ad pool.example. 300 A 192.0.2.1\n"
		"ad pool.example. 300 AAAA 2001:db8::1\n");
	/* There is no service. */
	expect(&f, "none.example.", TYPE_HTTPS,
		"NOERROR aa\nan none.example. 300 HTTPS 0 .\n");
	/* Each once, and of its own kind. */
	expect(&f, "_dns.example.", TYPE_SVCB,
		"NOERROR aa\nan _dns.example. 300 SVCB 1 loop.example. alpn=dot\n"
		"ad loop.example. 300 SVCB 0 loop2.example.\n"
		"ad loop2.example. 300 SVCB 0 loop.example.\n");
	expect(&f, "x.wild.example.", TYPE_HTTPS,
		"NOERROR aa\nan x.wild.example. 300 HTTPS 1 .\n");
	zone_free(f.zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_negative),
		cmocka_unit_test(test_negative_ttl),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_root_zone),
		cmocka_unit_test(test_wildcard),
		cmocka_unit_test(test_wildcard_blocked),
		cmocka_unit_test(test_cname),
		cmocka_unit_test(test_cname_loop),
		cmocka_unit_test(test_cname_chain_bounded),
		cmocka_unit_test(test_dname),
		cmocka_unit_test(test_dname_too_long),
		cmocka_unit_test(test_dname_loop),
		cmocka_unit_test(test_referral),
		cmocka_unit_test(test_ds_at_cut),
		cmocka_unit_test(test_glue_truncates),
		cmocka_unit_test(test_additional),
		cmocka_unit_test(test_additional_of_services),
		cmocka_unit_test(test_mname),
		cmocka_unit_test(test_whoami),
		cmocka_unit_test(test_whoami_of_zone),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
