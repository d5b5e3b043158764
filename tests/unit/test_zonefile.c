/* Records and zone files as text: zones/entry.h, zones/record.h, zone_read_file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <cmocka.h>
#include "message.h"
#include "zones/record.h"
#include "zones/zone.h"

#define SOA      "@ 60 SOA ns admin 1 2 3 4 5\n"
#define SOA_READ "example. 60 SOA ns.example. admin.example. 1 2 3 4 5\n"

/* ---- one line ---- */

static struct record_room room;

static int read_line(struct rr *rr, const char *line, char why[RECORD_WHY_MAX])
{
	return record_from_text(rr, &room, line, message_name("example."), 300, why);
}

static void lines_are_records(void **state)
{
	static const struct {
		const char *line, *owner;
		uint32_t ttl;
		const char *type, *data;
	} lines[] = {
		{"www A 192.0.2.1", "www.example.", 300, "A", "192.0.2.1"},
		{"WWW.Example. IN A 192.0.2.1 ; web", "www.example.", 300, "A",
			"192.0.2.1"},
		{"www 1h A 192.0.2.1\r\n", "www.example.", 3600, "A", "192.0.2.1"},
		{"www 1w2d3h4m5s IN A 192.0.2.1", "www.example.", 788645, "A",
			"192.0.2.1"},
		{"www IN 60 A 192.0.2.1", "www.example.", 60, "A", "192.0.2.1"},
		{"www CLASS1 TYPE1 \\# 4 c0000201", "www.example.", 300, "A",
			"192.0.2.1"},
		{"sel._domainkey IN TXT ( \"v=DKIM1; \" \"p=MIIB\" ) ; -- DKIM",
			"sel._domainkey.example.", 300, "TXT",
			"\"v=DKIM1; \" \"p=MIIB\""},
		{"t TXT(\"x\")", "t.example.", 300, "TXT", "\"x\""},
		{"t TXT \"a\"\"b\" c\"d\"", "t.example.", 300, "TXT",
			"\"a\" \"b\" \"c\" \"d\""},
		{"t TXT (\n a ; one\n \"b;\" ; two\n)", "t.example.", 300, "TXT",
			"\"a\" \"b;\""},
		{"t TXT a\\;b \\\"c \\032", "t.example.", 300, "TXT",
			"\"a;b\" \"\\\"c\" \" \""},
		{"@ MX 10 @", "example.", 300, "MX", "10 example."},
		{"@.sub CNAME \\@", "\\@.sub.example.", 300, "CNAME", "\\@.example."},
		{"\"www\" A 192.0.2.1", "www.example.", 300, "A", "192.0.2.1"},
		{"\"a b\" A 192.0.2.1", "a\\032b.example.", 300, "A", "192.0.2.1"},
		{"\"\\@\" A 192.0.2.1", "\\@.example.", 300, "A", "192.0.2.1"},
		{"\"@.sub\" A 192.0.2.1", "\\@.sub.example.", 300, "A", "192.0.2.1"},
		{"\\$TTL A 192.0.2.1", "\\$ttl.example.", 300, "A", "192.0.2.1"},
		{"A A 192.0.2.1", "a.example.", 300, "A", "192.0.2.1"},
		{"60 60 A 192.0.2.1", "60.example.", 60, "A", "192.0.2.1"},
		{"c CAA 0 issue letsencrypt.org", "c.example.", 300, "CAA",
			"0 issue \"letsencrypt.org\""},
		{"h HTTPS 1 . alpn=\"h2,h3\" port=\"53\"", "h.example.", 300, "HTTPS",
			"1 . alpn=h2,h3 port=53"},
		{"r AMTRELAY 10 0 1 192.0.2.3", "r.example.", 300, "AMTRELAY",
			"\\# 6 0a01c0000203"},
		{"r RESINFO qnamemin", "r.example.", 300, "RESINFO",
			"\\# 9 08716e616d656d696e"},
		{"r DSYNC CDS NOTIFY 5359 .", "r.example.", 300, "DSYNC",
			"\\# 6 003b0114ef00"},
		{"r wallet BTC x", "r.example.", 300, "WALLET", "\\# 6 034254430178"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char why[RECORD_WHY_MAX], type[RDATA_TYPE_NAME_MAX];
		struct rr rr;
		const int r = read_line(&rr, lines[i].line, why);

		if (r != 1)
			fail_msg("%s: %d %s", lines[i].line, r, why);
		assert_true(name_is_equal(rr.owner, message_name(lines[i].owner)));
		assert_int_equal(rr.class, CLASS_IN);
		assert_int_equal(rr.ttl, lines[i].ttl);
		assert_string_equal(rdata_type_name(rr.type, type), lines[i].type);
		char *text = rdata_to_text(rr.type, rr.rdata, rr.rdata_len);
		assert_string_equal(text, lines[i].data);
		assert_string_equal(why, "");
		free(text);
	}
}

static void lines_without_words(void **state)
{
	static const char *const lines[] = {
		"", " ", "\t\r\n", "; nothing", "( )", "(;\n)\n", "\n"};
	char why[RECORD_WHY_MAX];
	struct rr rr;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(read_line(&rr, lines[i], why), 0);
}

#define NO_OWNER "the line begins with a space, and there is no owner before it"
#define NO_DIRECTIVES                                                                    \
	"directives, as $TTL and $ORIGIN, are for zone files, and not for such lines"
#define TTL_EXPECTED "a TTL, as 3600 or 1h30m, up to 2147483647 seconds, belongs"

static const struct {
	const char *line, *why;
} REFUSED_LINES[] = {
	{"www", "a type is missing"},
	{"www A", "an IPv4 address is missing"},
	{" www A 192.0.2.1", NO_OWNER},
	{"\tIN A 192.0.2.1", NO_OWNER},
	{"$TTL 60", NO_DIRECTIVES},
	{"$ORIGIN example.net.", NO_DIRECTIVES},
	{"$GENERATE 1-3 h$ A 192.0.2.$", NO_DIRECTIVES},
	{"\"@\" A 192.0.2.1", "an owner @ stands without quotes"},
	{"( \"@\" A 192.0.2.1 )", "an owner @ stands without quotes"},
	{"www A 192.0.2.256", "'192.0.2.256' where an IPv4 address belongs"},
	{"www A 192.0.2.1 x", "'x' where the end of the record belongs"},
	{"www 1z A 192.0.2.1", "'1z' where " TTL_EXPECTED},
	{"www 1h30 A 192.0.2.1", "'1h30' where " TTL_EXPECTED},
	{"www 2147483648 A 192.0.2.1", "'2147483648' where " TTL_EXPECTED},
	{"www 99999999999 A 192.0.2.1", "'99999999999' where " TTL_EXPECTED},
	{"www 60 60 A 192.0.2.1", "a second TTL"},
	{"www IN IN A 192.0.2.1", "'IN' where a type belongs"},
	{"www CH TXT x", "'CH' where class IN, and no other, belongs"},
	{"www CLASS3 TXT x", "'CLASS3' where class IN, and no other, belongs"},
	{"www AXFR", "'AXFR' where a type that is data belongs"},
	{"www NXNAME \\# 0", "'NXNAME' where a type that is data belongs"},
	{"www BOGUS x", "'BOGUS' where a type belongs"},
	{"a..b A 192.0.2.1", "'a..b' where a domain name belongs"},
	{"a SRV 0 0 99999 ns", "'99999' where a number from 0 to 65535 belongs"},
	{"a MX 65536 ns", "'65536' where a number from 0 to 65535 belongs"},
	{"a MX -1 ns", "'-1' where a number from 0 to 65535 belongs"},
	{"a MX 1 \"ns\"", "only a string has quotes"},
	{"a CAA 256 issue x", "'256' where a number from 0 to 255 belongs"},
	{"a SOA ns admin 20211227139 2 3 4 5",
		"'20211227139' where a number from 0 to 4294967295 belongs"},
	{"a SOA ns admin 1 2 3 4 1y",
		"'1y' where seconds, as 3600 or 1h30m, up "
		"to 4294967295 belongs"},
	{"a TXT \"x", "a quote is opened and not closed on the same line"},
	{"a TXT \"x\ny\"", "a quote is opened and not closed on the same line"},
	{"a TXT ( x", "the parenthesis that opens here is never closed"},
	{"a TXT x )", "a parenthesis is closed that was not opened"},
	{"a TXT x\\", "a backslash at the end of the line"},
	{"a TXT \\300", "a bad escape: \\X, or \\DDD up to \\255"},
	{"a TXT \\1", "a bad escape: \\X, or \\DDD up to \\255"},
	{"a TYPE65280 x", "data of this type is written as \\# length hex"},
	{"a TXT x\nb TXT y", "more than one line"},
	{"a DS 1 8 2 00", "digest has not the length of its type"},
	{"a [AGE:3567890] 1200 A 192.0.2.1",
		"[AGE:...] is of a Windows DNS server alone: take it out of the "
		"file"},
	{"a [Aging:3652310] 1200 A 192.0.2.1",
		"[Aging:...] is of a Windows DNS server alone: take it out of "
		"the file"},
	{"a LOC 42 N 71 W 0m 90000000.01m",
		"'90000000.01m' where a size or precision from 0 to 90000000.00m "
		"belongs"},
	{"a LOC 42 N 71 W 0m 1m 99999999.99m",
		"'99999999.99m' where a size or precision from 0 to 90000000.00m "
		"belongs"},
	{"a LOC 42 N 71 W 0m 1m 1m 100000000",
		"'100000000' where a size or precision from 0 to 90000000.00m "
		"belongs"},
	{"a LOC 42 N 71 W 42849672.96m",
		"'42849672.96m' where an altitude from -100000.00m to "
		"42849672.95m belongs"},
	{"a HTTPS 1 . key3=443", "SVCB port is not 16 bits"},
	{"a DS 1 8 SHA-512 00", "'SHA-512' where a type of digest belongs"},
	{"@ WINS L1 C60 ( 192.0.2.1 )",
		"WINS records are of a Windows DNS server alone: take them out "
		"of the file"},
	{"@ WINSR x",
		"WINS records are of a Windows DNS server alone: take them "
		"out of the file"},
};

static void lines_that_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(REFUSED_LINES) / sizeof(REFUSED_LINES[0]); i++) {
		char why[RECORD_WHY_MAX] = "";
		struct rr rr;

		assert_int_equal(read_line(&rr, REFUSED_LINES[i].line, why), -EINVAL);
		assert_string_equal(why, REFUSED_LINES[i].why);
	}
}

/* ---- whole files ---- */

static void a_zone_file(void **state)
{
	struct zone *zone = message_make_zone("example.",
		"$TTL 300\n"
		"; a comment\n"
		"@ IN SOA ns.example. admin.example. ( 1 2 3\n"
		"   4 5 )\n"
		"\n"
		"\tNS ns\n"
		"NS 60 IN A 192.0.2.1\n"
		"Mixed MX 10 Mail.Example.\n"
		"$ORIGIN sub.example.\n"
		"host A 192.0.2.2\n"
		"host.sub.example. A 192.0.2.2\n"
		"c CNAME host\n"
		"c RRSIG A 8 2 300 20300101000000 20200101000000 1 example. AAAA\n"
		"t TXT \"a b\" \"\\200\"\n"
		"u TYPE65280 \\# 3 010203");

	(void)state;
	message_assert_zone(zone,
		"example. 300 SOA ns.example. admin.example. 1 2 3 4 5\n"
		"example. 300 NS ns.example.\n"
		"ns.example. 60 A 192.0.2.1\n"
		"mixed.example. 300 MX 10 Mail.Example.\n"
		"host.sub.example. 300 A 192.0.2.2\n"
		"c.sub.example. 300 CNAME host.sub.example.\n"
		"c.sub.example. 300 RRSIG A 8 2 300 20300101000000 20200101000000 1 "
		"example. "
		"AAAA\n"
		"t.sub.example. 300 TXT \"a b\" \"\\200\"\n"
		"u.sub.example. 300 TYPE65280 \\# 3 010203\n");
	zone_free(zone);
}

static FILE *open_text(const char *text)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text) + !*text, "r");

	assert_non_null(file);
	if (!*text)
		fgetc(file);
	return file;
}

static void read_text(const char *text, const char *wanted)
{
	struct zone *zone = zone_new(message_name("example."));
	FILE *file = open_text(text);
	char error[ZONE_ERROR_MAX] = "";

	if (zone_read_file(zone, file, error))
		fail_msg("%s: %s", text, error);
	message_assert_zone(zone, wanted);
	fclose(file);
	zone_free(zone);
}

/* RFC 1035 5.1, RFC 2308 4; the minimum of the SOA as in BIND. */
static void omitted_ttls(void **state)
{
	(void)state;
	read_text("@ SOA ns admin 1 2 3 4 5\na TXT x\nb 7 TXT x\nc TXT x\n",
		"example. 5 SOA ns.example. admin.example. 1 2 3 4 5\n"
		"a.example. 5 TXT \"x\"\nb.example. 7 TXT \"x\"\nc.example. 5 TXT "
		"\"x\"\n");
	read_text(SOA "a TXT x\nb 7 TXT x\nc TXT x\n$TTL 1h\nd TXT x\ne 8 TXT x\nf TXT "
		      "x\n",
		SOA_READ "a.example. 60 TXT \"x\"\nb.example. 7 TXT \"x\"\n"
			 "c.example. 7 TXT \"x\"\nd.example. 3600 TXT \"x\"\n"
			 "e.example. 8 TXT \"x\"\nf.example. 3600 TXT \"x\"\n");
}

static void origins(void **state)
{
	(void)state;
	read_text(SOA "$ORIGIN sub\nx TXT x\n$origin y.sub.example.\n@ TXT x\n$ORIGIN "
		      ".\nz.example TXT x\n TXT y\n",
		SOA_READ "x.sub.example. 60 TXT \"x\"\ny.sub.example. 60 TXT \"x\"\n"
			 "z.example. 60 TXT \"x\"\nz.example. 60 TXT \"y\"\n");
}

/* What editors and other systems leave in a file. */
static void line_ends_and_marks(void **state)
{
	(void)state;
	read_text("\xef\xbb\xbf@ 60 SOA ns admin ( 1\r\n2 3 4 5 )\r\na TXT x\r\n\tTXT "
		  "y\r\n",
		SOA_READ "a.example. 60 TXT \"x\"\na.example. 60 TXT \"y\"\n");
	read_text("@ 60 SOA ns admin 1 2 3 4 5\ra TXT x\rb TXT \"y\"",
		SOA_READ "a.example. 60 TXT \"x\"\nb.example. 60 TXT \"y\"\n");
	read_text(SOA "\xc3\xa4 TXT \xe4 \"\xc3\xa4\"\n",
		SOA_READ "\\195\\164.example. 60 TXT \"\\228\" \"\\195\\164\"\n");
}

/* As BIND reads it; in a line outside a zone file it is refused. */
static void a_quoted_at_is_not_the_origin(void **state)
{
	(void)state;
	read_text(SOA "\"@\" TXT x\n", SOA_READ "\\@.example. 60 TXT \"x\"\n");
}

static void what_is_left_out(void **state)
{
	(void)state;
	read_text(SOA SOA "h.test. 60 A 192.0.2.1\nc 60 CNAME a\nc 60 CNAME a\n"
			  "a 5 TXT x\na 6 TXT y\na 7 TXT x\n",
		SOA_READ "c.example. 60 CNAME a.example.\n"
			 "a.example. 5 TXT \"x\"\na.example. 5 TXT \"y\"\n");
}

static void generated_records(void **state)
{
	static const struct {
		const char *directive, *records;
	} cases[] = {
		{"$GENERATE 1-3 pool$ A 192.0.2.$",
			"pool1.example. 60 A 192.0.2.1\npool2.example. 60 A 192.0.2.2\n"
			"pool3.example. 60 A 192.0.2.3\n"},
		{"$generate 0-4/3 h${10,4,x} 5 IN A 192.0.2.$ ; pool",
			"h000a.example. 5 A 192.0.2.0\nh000d.example. 5 A 192.0.2.3\n"},
		{"$GENERATE 1-1 h${-5,4} IN 5 TXT x$$ ${0} ${1,3,d} ${8,0,o} ${10,2,X} "
		 "\\$",
			"h-004.example. 5 TXT \"x$\" \"1\" \"002\" \"11\" \"0B\" "
			"\"$\"\n"},
		{"$GENERATE 250-250 ${0,5,n} PTR h-${0,0,N}",
			"a.f.0.example. 60 PTR h-A.F.example.\n"},
		{"$GENERATE 1-1 h$ MX \"10 m$\"", "h1.example. 60 MX 10 m1.example.\n"},
		{"$GENERATE 1-1 h$ TXT \"\\\"host $\\\"\"",
			"h1.example. 60 TXT \"host 1\"\n"},
		{"a A 192.0.2.9\n$GENERATE 1-2 h$ A 192.0.2.$\n TXT x",
			"a.example. 60 A 192.0.2.9\nh1.example. 60 A 192.0.2.1\n"
			"h2.example. 60 A 192.0.2.2\na.example. 60 TXT \"x\"\n"},
		{"$GENERATE 1-2 @ NS ns$",
			"example. 60 NS ns1.example.\nexample. 60 NS ns2.example.\n"},
	};
	char text[512], wanted[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), SOA "%s\n", cases[i].directive);
		snprintf(wanted, sizeof(wanted), SOA_READ "%s", cases[i].records);
		read_text(text, wanted);
	}
}

static const struct {
	const char *text, *error;
} WRONG_FILES[] = {
	{"", "line 0: there is no SOA record at example."},
	{"h 60 A 192.0.2.1\n", "line 1: there is no SOA record at example."},
	{SOA "@ 60 SOA ns admin 2 2 3 4 5\n",
		"line 2: example. SOA: a second one at this name"},
	{SOA "h 60 SOA ns admin 1 2 3 4 5\n",
		"line 2: h.example. SOA: a SOA below the zone's name"},
	{SOA "h 60 CNAME a\nh 60 A 192.0.2.1\n",
		"line 3: h.example. A: a CNAME and other data at one name"},
	{SOA "h 60 A 192.0.2.1\nh 60 CNAME a\n",
		"line 3: h.example. CNAME: a CNAME and other data at one name"},
	{SOA "h 60 CNAME a\nh 60 CNAME b\n",
		"line 3: h.example. CNAME: a second one at this name"},
	{SOA "@ 60 CNAME a\n",
		"line 2: example. CNAME: a CNAME and other data at one name"},
	{SOA "h 60 CH TXT \"x\"\n", "line 2: 'CH' where class IN, and no other, belongs"},
	{SOA "h 4294967295 A 192.0.2.1\n", "line 2: '4294967295' where " TTL_EXPECTED},
	{SOA "h 60 A 192.0.2.300\n",
		"line 2: '192.0.2.300' where an IPv4 address belongs"},
	{SOA "h 60 A\n", "line 2: an IPv4 address is missing"},
	{SOA "h 60 TYPE1 \\# 3 010203\n",
		"line 2: RDATA does not have the shape of its type"},
	{SOA "h SRV (\n 0 ; priority\n 0\n 99999 ns )\n",
		"line 5: '99999' where a number from 0 to 65535 belongs"},
	{SOA "h TXT (\n \"x\"\nwww A 192.0.2.1\n",
		"line 2: the parenthesis that opens here is never closed"},
	{SOA "h TXT (\n \"x\n)\n",
		"line 3: a quote is opened and not closed on the same line"},
	{SOA "h TXT x\n)\n", "line 3: a parenthesis is closed that was not opened"},
	{" A 192.0.2.1\n",
		"line 1: the line begins with a space, and there is "
		"no owner before it"},
	{"h A 192.0.2.1\n",
		"line 1: no TTL: neither here nor in a record "
		"before, and no $TTL"},
	{"$TTL abc\n", "line 1: 'abc' where " TTL_EXPECTED},
	{"$TTL 2147483648\n", "line 1: '2147483648' where " TTL_EXPECTED},
	{"$TTL 1 2\n", "line 1: '2' where the end of the line belongs"},
	{"$ORIGIN\n", "line 1: a domain name is missing"},
	{"$ORIGIN a..b\n", "line 1: 'a..b' where a domain name belongs"},
	{"$DATE 1\n",
		"line 1: '$DATE' where $ORIGIN, $TTL, $INCLUDE or $GENERATE "
		"belongs"},
	{"$INCLUDE other\n", "line 1: $INCLUDE: there is no file that could"},
	{SOA "$GENERATE 3-1 h$ A 192.0.2.$\n",
		"line 2: '3-1' where a range as 1-254 or 0-254/2, up to "
		"2147483647, belongs"},
	{SOA "$GENERATE 1-3/0 h$ A 192.0.2.$\n",
		"line 2: '1-3/0' where a range as 1-254 or 0-254/2, up to "
		"2147483647, belongs"},
	{SOA "$GENERATE 0-1048576 h$ A 192.0.2.1\n",
		"line 2: $GENERATE: more than 1048576 records"},
	{SOA "$GENERATE 1-2 h$ A\n", "line 2: $GENERATE: the data is missing"},
	{SOA "$GENERATE 1-2 h${x} A 192.0.2.1\n",
		"line 2: $GENERATE: after $ a brace needs "
		"{offset,width,base}"},
	{SOA "$GENERATE 255-256 h$ A 192.0.2.$\n",
		"line 2: '192.0.2.256' where an IPv4 address belongs"},
	{"$GENERATE 1-2 h$ 60 A 192.0.2.$\n A 192.0.2.9\n",
		"line 2: the line begins with a space, and there is "
		"no owner before it"},
	{SOA "$GENERATE 1-2 h CNAME x$\n",
		"line 2: h.example. CNAME: a second one at this name"},
};

static void wrong_zone_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(WRONG_FILES) / sizeof(WRONG_FILES[0]); i++) {
		struct zone *zone = zone_new(message_name("example."));
		FILE *file = open_text(WRONG_FILES[i].text);
		char error[ZONE_ERROR_MAX] = "";

		assert_int_equal(zone_read_file(zone, file, error), -EINVAL);
		assert_string_equal(error, WRONG_FILES[i].error);
		fclose(file);
		zone_free(zone);
	}
}

static void octets_that_are_no_text(void **state)
{
	static const char utf16[] = "\xff\xfe@\0 \0S\0O\0A\0\n\0";
	struct zone *zone = zone_new(message_name("example."));
	FILE *file = fmemopen((void *)(uintptr_t)utf16, sizeof(utf16) - 1, "r");
	char error[ZONE_ERROR_MAX] = "";

	(void)state;
	assert_non_null(file);
	assert_int_equal(zone_read_file(zone, file, error), -EINVAL);
	assert_string_equal(
		error, "line 1: a NUL octet: text is ASCII or UTF-8, not UTF-16");
	fclose(file);
	zone_free(zone);
}

/* A parenthesis that is never closed does not take a whole file into memory. */
static void an_entry_has_a_limit(void **state)
{
	const size_t len = 3 << 20;
	char *text = malloc(len + 1), error[ZONE_ERROR_MAX] = "";
	struct zone *zone = zone_new(message_name("example."));
	FILE *file;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text, SOA "h TXT (\n", sizeof(SOA "h TXT (\n") - 1);
	text[len] = '\0';
	file = open_text(text);
	assert_int_equal(zone_read_file(zone, file, error), -EINVAL);
	assert_string_equal(error,
		"line 2: the parenthesis that opens here is not "
		"closed within 1 MiB");
	fclose(file);
	zone_free(zone);
	free(text);
}

/* ---- on disk ---- */

struct folder {
	char path[64];
	char messages[1024]; /* warnings, a line each, without the path */
};

static void make_folder(struct folder *folder)
{
	char sub[80];

	*folder = (struct folder){.path = "/tmp/test_zonefile.XXXXXX"};
	assert_non_null(mkdtemp(folder->path));
	snprintf(sub, sizeof(sub), "%s/sub", folder->path);
	assert_int_equal(mkdir(sub, 0700), 0);
}

static void name_file(const struct folder *folder, const char *name, char ret[128])
{
	snprintf(ret, 128, "%s/%s", folder->path, name);
}

static void write_file(const struct folder *folder, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	name_file(folder, name, path);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fputs(text, file) < 0, 0);
	assert_int_equal(fclose(file), 0);
}

static void remove_folder(const struct folder *folder, const char *const *names)
{
	char path[128];

	for (; *names; names++) {
		name_file(folder, *names, path);
		assert_int_equal(unlink(path), 0);
	}
	name_file(folder, "sub", path);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(folder->path), 0);
}

static void note_warning(const char *message, void *arg)
{
	struct folder *folder = arg;
	const size_t len = strlen(folder->messages);

	assert_memory_equal(message, folder->path, strlen(folder->path));
	snprintf(folder->messages + len, sizeof(folder->messages) - len, "%s\n",
		message + strlen(folder->path) + 1);
}

static int load(struct folder *folder, struct zone **ret, char error[ZONE_ERROR_MAX])
{
	struct zone *zone = zone_new(message_name("example."));
	char path[128];
	int r;

	assert_non_null(zone);
	name_file(folder, "zone", path);
	folder->messages[0] = '\0';
	r = zone_load_file(zone, path, note_warning, folder, error);
	if (r)
		zone_free(zone);
	else
		*ret = zone;
	return r;
}

static void expect_error(struct folder *folder, const char *text, const char *wanted)
{
	char error[ZONE_ERROR_MAX] = "", whole[ZONE_ERROR_MAX];
	struct zone *zone;

	write_file(folder, "zone", text);
	snprintf(whole, sizeof(whole), "%s/%s", folder->path, wanted);
	assert_true(load(folder, &zone, error) < 0);
	assert_string_equal(error, whole);
}

static void included_files(void **state)
{
	static const char *const names[] = {"zone", "sub/a b.inc", "sub/c.inc", NULL};
	char error[ZONE_ERROR_MAX] = "";
	struct folder folder;
	struct zone *zone;

	(void)state;
	make_folder(&folder);
	write_file(&folder, "zone",
		SOA "@ NS ns\nh 60 TXT x\n$include \"sub/a b.inc\" Inc ; records\n\tTXT "
		    "y\nz TXT z\n");
	write_file(&folder, "sub/a b.inc", "i TXT i\n$INCLUDE c.inc\n TXT j\n");
	write_file(&folder, "sub/c.inc", "$ORIGIN c\n$TTL 5\n@ TXT c");
	if (load(&folder, &zone, error))
		fail_msg("%s", error);
	message_assert_zone(zone,
		SOA_READ "example. 60 NS ns.example.\nh.example. 60 TXT \"x\"\n"
			 "i.inc.example. 60 TXT \"i\"\nc.inc.example. 5 TXT \"c\"\n"
			 "i.inc.example. 60 TXT \"j\"\nh.example. 60 TXT \"y\"\n"
			 "z.example. 5 TXT \"z\"\n");
	assert_string_equal(folder.messages,
		"sub/a b.inc:3: i.inc.example. TXT: the TTL is that of the first of "
		"them, "
		"60 and not 5\n"
		"zone:5: h.example. TXT: the TTL is that of the first of them, 60 and "
		"not 5\n");
	zone_free(zone);
	write_file(&folder, "sub/c.inc", "x TXT x\nx CNAME y\n");
	expect_error(&folder, SOA "$INCLUDE sub/c.inc\n",
		"sub/c.inc:2: x.example. CNAME: a CNAME and other data at one name");
	write_file(&folder, "sub/c.inc", " TXT x\n");
	expect_error(&folder, SOA "$INCLUDE sub/c.inc\n",
		"sub/c.inc:1: the line begins with a space, and there is no owner before "
		"it");
	remove_folder(&folder, names);
}

static void files_that_are_not_included(void **state)
{
	static const char *const names[] = {"zone", NULL};
	char wanted[ZONE_ERROR_MAX];
	struct folder folder;

	(void)state;
	make_folder(&folder);
	snprintf(wanted, sizeof(wanted),
		"zone:2: $INCLUDE %s/none: No such file or directory", folder.path);
	expect_error(&folder, SOA "$INCLUDE none\n", wanted);
	snprintf(wanted, sizeof(wanted), "zone:2: $INCLUDE %s/sub: Is a directory",
		folder.path);
	expect_error(&folder, SOA "$INCLUDE sub\n", wanted);
	expect_error(&folder, SOA "$INCLUDE /dev/zero\n",
		"zone:2: $INCLUDE /dev/zero: not a regular file");
	expect_error(&folder, SOA "$INCLUDE\n", "zone:2: the name of a file is missing");
	expect_error(&folder, SOA "$INCLUDE zone a..b\n",
		"zone:2: 'a..b' where a domain name belongs");
	expect_error(
		&folder, "$INCLUDE zone\n", "zone:1: $INCLUDE: more than 16 files deep");
	expect_error(&folder, SOA, "zone: there is no NS record at example.");
	expect_error(&folder, "", "zone: there is no SOA record at example.");
	remove_folder(&folder, names);
}

static void warnings_have_a_limit(void **state)
{
	static const char *const names[] = {"zone", NULL};
	char error[ZONE_ERROR_MAX] = "";
	struct folder folder;
	struct zone *zone;

	(void)state;
	make_folder(&folder);
	write_file(&folder, "zone", SOA "@ NS ns\n$GENERATE 1-25 x$.test. TXT x\n");
	if (load(&folder, &zone, error))
		fail_msg("%s", error);
	assert_int_equal(zone_count_records(zone), 2);
	assert_non_null(strstr(folder.messages,
		"zone:3: x10.test. TXT: not in the zone, left "
		"out\nzone: 15 more warnings\n"));
	zone_free(zone);
	remove_folder(&folder, names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_records),
		cmocka_unit_test(lines_without_words),
		cmocka_unit_test(lines_that_are_refused),
		cmocka_unit_test(a_zone_file),
		cmocka_unit_test(omitted_ttls),
		cmocka_unit_test(origins),
		cmocka_unit_test(line_ends_and_marks),
		cmocka_unit_test(a_quoted_at_is_not_the_origin),
		cmocka_unit_test(what_is_left_out),
		cmocka_unit_test(generated_records),
		cmocka_unit_test(wrong_zone_files),
		cmocka_unit_test(octets_that_are_no_text),
		cmocka_unit_test(an_entry_has_a_limit),
		cmocka_unit_test(included_files),
		cmocka_unit_test(files_that_are_not_included),
		cmocka_unit_test(warnings_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
