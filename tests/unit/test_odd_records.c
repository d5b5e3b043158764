/* Records that a target serves and no client could add: lenient reading, marks, large
 * RRsets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "message.h"
#include "zones/changeset.h"
#include "zones/rdata.h"
#include "zones/verbatim.h"

enum { LOC = 29, HINFO = 13, NAPTR = 35, HTTPS = 65 };

static const char mark[] = "\xff\xffmuster text:\xff\xff";

/* ---- from text ---- */

static void assert_loose(uint16_t type, const char *text, const void *rdata, size_t len)
{
	static uint8_t out[UINT16_MAX];
	const int n = rdata_from_text_powerdns(
		type, text, message_name("example."), out, sizeof(out));

	if (n < 0)
		fail_msg("%s: %d", text, n);
	assert_int_equal(n, len);
	assert_memory_equal(out, rdata, len);
}

static void assert_strict_refuses(uint16_t type, const char *text)
{
	uint8_t out[4096];

	if (rdata_from_text(type, text, message_name("example."), out, sizeof(out)) >= 0)
		fail_msg("%s is taken", text);
}

static void long_strings_are_cut(void **state)
{
	char text[1024], unit[] = "\"\\200\"";
	uint8_t rdata[1024];

	(void)state;
	/* 255 octets are one string, 256 two; an escape counts as one octet. */
	for (size_t n = 254; n <= 600; n += n == 256 ? 254 : n == 510 ? 90 : 1) {
		size_t at = 0;

		text[0] = '"';
		memset(text + 1, 'x', n);
		strcpy(text + 1 + n, "\"");
		for (size_t done = 0; done < n;
			done += rdata[at - 1], at += rdata[at - 1])
			rdata[at++] = (uint8_t)(n - done > 255 ? 255 : n - done);
		for (size_t i = 0, end = at; i < end; i += 1u + rdata[i])
			memset(rdata + i + 1, 'x', rdata[i]);
		assert_loose(TYPE_TXT, text, rdata, at);
		if (n > 255)
			assert_strict_refuses(TYPE_TXT, text);
	}
	assert_loose(TYPE_TXT, unit, "\1\310", 2);
	assert_loose(TYPE_TXT, "", "", 1);
	assert_strict_refuses(TYPE_TXT, "");
}

static void what_a_server_prints_is_read(void **state)
{
	(void)state;
	assert_loose(HINFO, "\"PC\" ", "\2PC", 4);
	assert_loose(LOC, "60 8 60.000 N 24 38 60.000 E 10.00m 20.00m 2000.00m 20.00m",
		"\0\x23\x25\x23\x8c\xe8\x23\x60\x85\x4a\x10\xa0\0\x98\x9a\x68", 16);
	assert_loose(HTTPS, "1 . no-default-alpn", "\0\1\0\0\2\0\0", 7);
	assert_loose(HTTPS, "1 . key7=\"abc\"", "\0\1\0\0\7\0\3abc", 10);
	assert_loose(HTTPS, "1 . key1=\\002h2", "\0\1\0\0\1\0\3\2h2", 10);
	assert_loose(HTTPS, "1 . key3=443", "\0\1\0\0\3\0\003443", 10);
	assert_loose(LOC, "0 0 0.000 N 0 0 0.000 E 0.00m 99999999.99m 1.00m 1.00m",
		"\0\x99\x12\x12\x80\0\0\0\x80\0\0\0\0\x98\x96\x80", 16);
	assert_loose(256, "10 1 \"\"", "\0\12\0\1", 4);
	assert_loose(TYPE_NSEC, "a.", "\1a", 3);
	assert_loose(TYPE_SSHFP, "1 1 aabb", "\1\1\xaa\xbb", 4);
	assert_strict_refuses(HINFO, "\"PC\" ");
	assert_strict_refuses(
		LOC, "60 8 60.000 N 24 38 60.000 E 10.00m 20.00m 2000.00m 20.00m");
	assert_strict_refuses(HTTPS, "1 . no-default-alpn");
	assert_strict_refuses(256, "10 1 \"\"");
	assert_strict_refuses(TYPE_SSHFP, "1 1 aabb");
}

/* PowerDNS takes what it would print itself, rounded as it rounds. */
static void loc_is_written_as_powerdns_reckons(void **state)
{
	static const char *const samples[][2] = {
		{"60 9 0 N 24 39 0 E 10m 20m 2000m 20m",
			"60 8 60.000 N 24 38 60.000 E 10.00m 20.00m 2000.00m 20.00m"},
		{"37 23 30.9 N 121 59 19 W 7m 100m 100m 2m",
			"37 23 30.900 N 121 59 19.000 W 7.00m 100.00m 100.00m 2.00m"},
		{"0 0 0 N 0 0 0.001 W -1m",
			"0 0 0.000 S 0 0 0.001 W -1.00m 1.00m 10000.00m 10.00m"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		uint8_t rdata[16];
		char *text;

		assert_int_equal(
			rdata_from_text(LOC, samples[i][0], NULL, rdata, sizeof(rdata)),
			16);
		text = rdata_to_text_powerdns(LOC, rdata, 16);
		assert_string_equal(text, samples[i][1]);
		free(text);
	}
}

/* ---- from messages ---- */

static void names_are_expanded_as_far_as_there_are_any(void **state)
{
	/* "\3foo\0" at 0, then RDATA with a pointer to it. */
	static const uint8_t mx[] = "\3foo\0\0\12\300\0after";
	static const uint8_t cut[] = "\3foo\0\0";
	static const uint8_t loop[] = "\0\0\0\12\300\4";
	uint8_t out[64];
	const char *why;

	(void)state;
	assert_int_equal(
		rdata_read_loosely(TYPE_MX, mx, sizeof(mx) - 1, 5, 9, out, sizeof(out)),
		12);
	assert_memory_equal(out, "\0\12\3foo\0after", 12);
	assert_false(rdata_has_shape(TYPE_MX, out, 12));
	assert_true(rdata_has_shape(TYPE_MX, out, 7));
	assert_int_equal(
		rdata_read(TYPE_MX, mx, sizeof(mx) - 1, 5, 9, out, sizeof(out), &why),
		-EBADMSG);
	assert_int_equal(
		rdata_read_loosely(TYPE_MX, cut, sizeof(cut) - 1, 5, 1, out, sizeof(out)),
		1);
	/* Octets that are no name stay as they are. */
	assert_int_equal(rdata_read_loosely(
				 TYPE_MX, loop, sizeof(loop) - 1, 2, 4, out, sizeof(out)),
		4);
	assert_memory_equal(out, "\0\12\300\4", 4);
	assert_int_equal(
		rdata_read_loosely(TYPE_MX, mx, sizeof(mx) - 1, 5, 10, out, sizeof(out)),
		-EBADMSG);
	assert_int_equal(
		rdata_read_loosely(TYPE_MX, mx, sizeof(mx) - 1, 5, 9, out, 11), -ENOSPC);
	assert_int_equal(
		rdata_read_loosely(TYPE_A, mx, sizeof(mx) - 1, 5, 9, out, 8), -ENOSPC);
}

static void what_has_no_shape_goes_out_as_it_is(void **state)
{
	static const uint8_t bad[] = {0, 10, 1, 'a'}; /* MX whose name does not end */
	uint8_t buf[64];
	struct wire_names names;
	struct wire_writer w;

	(void)state;
	wire_writer_init(&w, buf, sizeof(buf), &names);
	rdata_write(&w, TYPE_MX, bad, sizeof(bad));
	assert_false(w.failed);
	assert_int_equal(w.at, 2 + sizeof(bad));
	assert_memory_equal(buf, "\0\4\0\12\1a", 6);
	wire_writer_init(&w, buf, 5, &names);
	rdata_write(&w, TYPE_MX, bad, sizeof(bad));
	assert_true(w.failed);
	assert_null(rdata_target(TYPE_MX, bad, sizeof(bad)));
	assert_null(rdata_target(TYPE_CNAME, bad, 0));
	assert_null(rdata_target(TYPE_CNAME, (const uint8_t *)"\77", 1));
}

/* ---- records that only their target can put into octets ---- */

static void a_text_is_kept_behind_a_mark(void **state)
{
	const uint16_t types[] = {TYPE_A, TYPE_TXT, HTTPS, 61, 65280};
	uint8_t rdata[64];
	const char *why, *text;
	char *printed;
	size_t text_len;
	uint16_t len;

	(void)state;
	len = verbatim_write(rdata, sizeof(rdata), "1 . ipv4hint=auto", 17);
	assert_int_equal(len, VERBATIM_MARK_LEN + 17);
	assert_memory_equal(rdata, mark, VERBATIM_MARK_LEN);
	assert_true(verbatim_is(rdata, len));
	text = verbatim_text(rdata, len, &text_len);
	assert_int_equal(text_len, 17);
	assert_memory_equal(text, "1 . ipv4hint=auto", 17);
	/* No client, no zone file and no server can bring one in. */
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		uint8_t out[64];

		assert_false(rdata_is_valid(types[i], rdata, len, &why));
		assert_false(rdata_has_shape(types[i], rdata, len));
		assert_int_equal(
			rdata_read(types[i], rdata, len, 0, len, out, sizeof(out), &why),
			-EBADMSG);
		printed = rdata_to_text(types[i], rdata, len);
		assert_string_equal(printed, "1 . ipv4hint=auto");
		free(printed);
	}
}

static void what_is_too_long_is_a_mark_alone(void **state)
{
	uint8_t rdata[32];
	size_t text_len;

	(void)state;
	assert_int_equal(
		verbatim_write(rdata, sizeof(rdata), "0123456789abcdef", 16), 32);
	assert_int_equal(verbatim_write(rdata, sizeof(rdata), "0123456789abcdefg", 17),
		VERBATIM_MARK_LEN);
	assert_true(verbatim_is(rdata, VERBATIM_MARK_LEN));
	assert_null(verbatim_text(rdata, VERBATIM_MARK_LEN, &text_len));
	assert_false(verbatim_is(rdata, VERBATIM_MARK_LEN - 1));
}

static void a_large_rrset_is_a_mark(void **state)
{
	struct zone *zone = zone_new(message_name("example."));
	const uint8_t *owner = message_name("many.example.");
	struct rr rr = {
		.owner = owner, .type = TYPE_TXT, .class = CLASS_IN, .rdata_len = 65000};
	static uint8_t rdata[65000];
	int r = 0;

	(void)state;
	rr.rdata = rdata;
	for (unsigned i = 0; i < 20 && r == 0; i++) {
		rdata[0] = (uint8_t)i;
		r = zone_load_rr(zone, &rr);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(zone_find(zone, owner, TYPE_TXT)->count, 1);
	assert_true(verbatim_is_of_large_set(zone_find(zone, owner, TYPE_TXT)));
	/* What is left over does not become a smaller RRset. */
	assert_int_equal(zone_load_rr(zone, &rr), 0);
	assert_int_equal(zone_find(zone, owner, TYPE_TXT)->count, 1);
	zone_free(zone);
}

/* ---- changes beside them ---- */

static void changes_beside_them_are_stored_and_read(void **state)
{
	struct zone *zone = message_make_zone("example.", "@ 60 SOA a. b. 1 2 3 4 5\n");
	const uint8_t *owner = message_name("w.example.");
	struct rr rr = {.owner = owner, .type = HTTPS, .class = CLASS_IN, .ttl = 60};
	uint8_t rdata[64];
	struct changeset *cs, *again;
	uint8_t *octets;
	size_t len;

	(void)state;
	rr.rdata = rdata;
	rr.rdata_len = verbatim_write(rdata, sizeof(rdata), "1 . ipv4hint=auto", 17);
	assert_int_equal(zone_load_rr(zone, &rr), 0);
	rr.rdata = (const uint8_t *)"\1a"; /* an A record of three octets */
	rr.rdata_len = 3;
	rr.type = TYPE_A;
	assert_int_equal(zone_load_rr(zone, &rr), 0);
	/* The name is in use, as it is at the server. */
	assert_true(zone_is_name_in_use(zone, owner));
	cs = message_apply(zone, true, RCODE_NOERROR,
		(const char *const[]){
			"w 60 IN HTTPS 1 b.example.", "w 60 IN A 192.0.2.1", NULL});
	assert_int_equal(zone_find(zone, owner, HTTPS)->count, 2);
	assert_int_equal(zone_find(zone, owner, TYPE_A)->count, 2);
	octets = changeset_encode(cs, &len);
	again = changeset_decode(octets, len);
	assert_non_null(again);
	assert_true(rrset_is_identical(changeset_find(again, owner, HTTPS)->after,
		zone_find(zone, owner, HTTPS)));
	assert_true(rrset_is_identical(changeset_find(again, owner, TYPE_A)->after,
		zone_find(zone, owner, TYPE_A)));
	free(octets);
	changeset_unref(again);
	changeset_unref(cs);
	cs = message_apply(
		zone, true, RCODE_NOERROR, (const char *const[]){"w 0 ANY ANY", NULL});
	assert_false(zone_is_name_in_use(zone, owner));
	changeset_unref(cs);
	zone_free(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_strings_are_cut),
		cmocka_unit_test(what_a_server_prints_is_read),
		cmocka_unit_test(loc_is_written_as_powerdns_reckons),
		cmocka_unit_test(names_are_expanded_as_far_as_there_are_any),
		cmocka_unit_test(what_has_no_shape_goes_out_as_it_is),
		cmocka_unit_test(a_text_is_kept_behind_a_mark),
		cmocka_unit_test(what_is_too_long_is_a_mark_alone),
		cmocka_unit_test(a_large_rrset_is_a_mark),
		cmocka_unit_test(changes_beside_them_are_stored_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
