/*
 * Names: text and back, comparing, matching, reading from hostile messages.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tsig/name.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WIRE(text)   ((const uint8_t *)(text)) /* the final zero is the root label */

static void from_text(uint8_t ret_name[NAME_MAX_LEN], const char *text)
{
	if (name_from_text(ret_name, text, WIRE("")) != 0)
		fail_msg("\"%s\" is not taken for a name", text);
}

static void test_text_and_back(void **state)
{
	static const struct {
		const char *text, *wire, *printed;
	} rows[] = {
		{".", "", "."},
		{"example.", "\007example", "example."},
		{"Host.Example.", "\004Host\007Example", "Host.Example."},
		{"host", "\004host\003dyn", "host.dyn."},
		{"@", "\003dyn", "dyn."},
		{"\\@", "\001@\003dyn", "\\@.dyn."},
		{"*.a.", "\001*\001a", "*.a."},
		{"a\\.b.c.", "\003a.b\001c", "a\\.b.c."},
		{"a\\\\b.", "\003a\\b", "a\\\\b."},
		{"a\\032b.", "\003a b", "a\\032b."},
		{"a b.", "\003a b", "a\\032b."},
		{"\\255\\200.", "\002\377\310", "\\255\\200."},
		{"\\000.", NULL, "\\000."},
		{"a\\;\\(\\)\\\"\\$.", "\006a;()\"$", "a\\;\\(\\)\\\"\\$."},
		{"\\065.", "\001A", "A."},
	};
	uint8_t name[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		assert_int_equal(name_from_text(name, rows[i].text, WIRE("\003dyn")), 0);
		if (rows[i].wire)
			assert_true(name_is_equal(name, WIRE(rows[i].wire)));
		assert_string_equal(name_to_text(name, text), rows[i].printed);
		/* What was printed is read as the same name. */
		uint8_t again[NAME_MAX_LEN];

		assert_int_equal(name_from_text(again, text, NULL), 0);
		assert_true(name_is_equal(name, again));
	}
	from_text(name, "\\000.");
	assert_memory_equal(name, "\001\000", 3);
}

static void test_bad_text(void **state)
{
	static const char *const bad[] = {"", "..", ".a", "a..", "a..b.", "\\", "a\\",
		"\\1", "\\12", "\\12a.", "\\256.", "\\999.",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."};
	uint8_t name[NAME_MAX_LEN];

	(void)state;
	for (unsigned i = 0; i < COUNT(bad); i++)
		assert_int_equal(name_from_text(name, bad[i], WIRE("\003dyn")), -EINVAL);
	assert_int_equal(name_from_text(name, "relative", NULL), -EINVAL);
	assert_int_equal(name_from_text(name, "@", NULL), -EINVAL);
}

/* count labels of one letter, as text without final dot. */
static void make_text(char *out, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		*out++ = 'a';
		*out++ = '.';
	}
	out[-1] = '\0';
}

static void test_length_limits(void **state)
{
	uint8_t name[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];

	(void)state;
	make_text(text, 127);
	assert_int_equal(name_from_text(name, text, WIRE("")), 0);
	assert_int_equal(name_len(name), 255);
	assert_int_equal(name_labels(name), 127);
	assert_int_equal(name_compare(name, name), 0);
	make_text(text, 128);
	assert_int_equal(name_from_text(name, text, WIRE("")), -EINVAL);
	/* 127 labels leave no room for an origin, 126 for one of one letter. */
	make_text(text, 127);
	assert_int_equal(name_from_text(name, text, WIRE("\001b")), -EINVAL);
	make_text(text, 126);
	assert_int_equal(name_from_text(name, text, WIRE("\001b")), 0);
	assert_int_equal(name_from_text(name, text, WIRE("\002bb")), -EINVAL);
	/* The longest text there is: every octet escaped. */
	uint8_t longest[NAME_MAX_LEN] = {0}, again[NAME_MAX_LEN];

	for (unsigned i = 0; i < 3; i++)
		longest[64 * i] = 63;
	longest[192] = 61;
	assert_int_equal(name_len(longest), 255);
	assert_true(strlen(name_to_text(longest, text)) < NAME_TEXT_MAX);
	assert_int_equal(name_from_text(again, text, NULL), 0);
	assert_true(name_is_equal(longest, again));
}

static void test_basics(void **state)
{
	uint8_t name[NAME_MAX_LEN];

	(void)state;
	assert_int_equal(name_len(WIRE("")), 1);
	assert_int_equal(name_labels(WIRE("")), 0);
	assert_int_equal(name_labels(WIRE("\001a\002bc")), 2);
	assert_null(name_parent(WIRE("")));
	assert_true(name_is_equal(name_parent(WIRE("\001a\002bc")), WIRE("\002bc")));
	from_text(name, "MiXeD@[`{Z.A.");
	name_lower(name);
	assert_true(name_is_equal(name, WIRE("\012mixed@[`{z\001a")));
	assert_true(name_is_wildcard(WIRE("\001*\001a")));
	assert_false(name_is_wildcard(WIRE("\002**\001a")));
	assert_false(name_is_wildcard(WIRE("\001a\001*")));
	assert_false(name_is_wildcard(WIRE("")));
	assert_false(name_is_equal(WIRE("\001a"), WIRE("\001A")));
	assert_true(name_is_equal_nocase(WIRE("\001a"), WIRE("\001A")));
	assert_false(name_is_equal_nocase(WIRE("\001@"), WIRE("\001`")));
	assert_false(name_is_equal_nocase(WIRE("\001a"), WIRE("\001a\001a")));
	assert_int_equal(name_hash(WIRE("\001a\001b")), name_hash(WIRE("\001a\001b")));
	assert_int_not_equal(
		name_hash(WIRE("\001a\001b")), name_hash(WIRE("\003a\001b")));
	assert_int_not_equal(
		name_hash(WIRE("\001a\001b")), name_hash(WIRE("\001b\001a")));
}

/* SipHash-1-3 by another implementation, for messages of 8, 9 and 21 octets, each half of
 * its 64 bits folded onto the other. */
static void test_seeded_hash(void **state)
{
	const struct name_seed seed = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};

	(void)state;
	assert_int_equal(name_hash_seeded(WIRE("\006abcdef"), &seed), 0x40c0630a);
	assert_int_equal(name_hash_seeded(WIRE("\007abcdefg"), &seed), 0x16c00f7c);
	assert_int_equal(
		name_hash_seeded(WIRE("\007example\013abcdefghijk"), &seed), 0x8998f0e2);
	assert_int_equal(name_hash_seeded(WIRE(""), &seed), 0xb4a35160);
}

/* Names that share one of 256 buckets under one seed are spread under another. */
static void test_seed_matters(void **state)
{
	const struct name_seed known = {{0, 0}}, other[] = {{{1, 0}}, {{0, 1}}};
	uint8_t name[] = "\006xxxxxx";
	unsigned met[2] = {0};
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; count < 256; i++) {
		char label[8];

		snprintf(label, sizeof(label), "%06u", i);
		memcpy(name + 1, label, 6);
		if (name_hash_seeded(name, &known) & 255)
			continue;
		count++;
		for (int k = 0; k < 2; k++)
			met[k] += !(name_hash_seeded(name, &other[k]) & 255);
	}
	assert_in_range(met[0], 0, 16);
	assert_in_range(met[1], 0, 16);
}

static void test_subdomain(void **state)
{
	const uint8_t *zone = WIRE("\003dyn\007example");

	(void)state;
	assert_true(name_is_subdomain(zone, zone));
	assert_true(name_is_subdomain(WIRE("\004host\003dyn\007example"), zone));
	assert_true(name_is_subdomain(WIRE("\001a\001b\003dyn\007example"), zone));
	assert_true(name_is_subdomain(zone, WIRE("")));
	assert_true(name_is_subdomain(WIRE(""), WIRE("")));
	assert_false(name_is_subdomain(WIRE("\007example"), zone));
	assert_false(name_is_subdomain(WIRE("\004xdyn\007example"), zone));
	assert_false(name_is_subdomain(WIRE("\003dyn\007exampl3"), zone));
	/* The octets of the zone's name are there, but inside a label. */
	assert_false(name_is_subdomain(WIRE("\016xx\003dyn\007example"), zone));
}

/* The example of RFC 4034 6.1, in its order. */
static void test_canonical_order(void **state)
{
	static const char *const ordered[] = {"example.", "a.example.",
		"yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.", "z.example.",
		"\\001.z.example.", "*.z.example.", "\\200.z.example."};
	uint8_t a[NAME_MAX_LEN], b[NAME_MAX_LEN];

	(void)state;
	for (unsigned i = 0; i < COUNT(ordered); i++) {
		for (unsigned j = 0; j < COUNT(ordered); j++) {
			from_text(a, ordered[i]);
			from_text(b, ordered[j]);
			int order = name_compare(a, b);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	}
	assert_true(name_compare(WIRE(""), WIRE("\001a")) < 0);
	assert_true(name_compare(WIRE("\002ab"), WIRE("\001a")) > 0);
}

static void test_patterns(void **state)
{
	static const struct {
		const char *name, *pattern;
		bool matches;
	} rows[] = {
		{"host.dyn.example.", "*.dyn.example.", true},
		{"dyn.example.", "*.dyn.example.", false},
		{"a.host.dyn.example.", "*.dyn.example.", false},
		{"_acme.host.dyn.", "_acme.*.dyn.", true},
		{"_acme.a.b.dyn.", "_acme.*.dyn.", false},
		{"_acme.a.b.dyn.", "_acme.*.*.dyn.", true},
		{"a.b.", "*.*.", true},
		{"a.", "*.*.", false},
		{"a.b.", "a.*.", true},
		{"a.b.", "a.b.", true},
		{"a.b.", "a.c.", false},
		{"a.b.", "a.", false},
		{"a.", "a.b.", false},
		{".", ".", true},
		{".", "*.", false},
		{"*.b.", "*.b.", false},
		{"*.b.", "\\*.b.", true},
		{"a.b.", "\\*.b.", false},
		{"_acme.*.dyn.", "_acme.*.dyn.", false},
		{"_acme.*.dyn.", "_acme.\\*.dyn.", true},
		{"a.*.", "*.\\*", true},
		{"\\\\*.b.", "\\*.b.", true}, /* nobody names a label so */
		{"x\\.*.b.", "x\\.\\*.b.", true},
		{"**.b.", "*.b.", true},
		{"ab.", "a*.", false},
	};
	uint8_t name[NAME_MAX_LEN], pattern[NAME_MAX_LEN];

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		from_text(name, rows[i].name);
		assert_int_equal(
			name_pattern_from_text(pattern, rows[i].pattern, WIRE("")), 0);
		if (name_match_pattern(name, pattern) != rows[i].matches)
			fail_msg("%s against %s", rows[i].name, rows[i].pattern);
	}
}

/* name_read on a copy of exactly that length, so that overreads are noticed. */
static int read_at(
	uint8_t ret_name[NAME_MAX_LEN], const void *msg, size_t len, size_t *at)
{
	uint8_t *copy = malloc(len);
	int r;

	assert_non_null(copy);
	memcpy(copy, msg, len);
	r = name_read(ret_name, copy, len, at);
	free(copy);
	return r;
}

static void test_read_compressed(void **state)
{
	/* 0: a.b.  5: c + pointer to 2.  9: pointer to 5.  11: pointer to 0. */
	static const char msg[] = "\001a\001b\000\001c\300\002\300\005\300\000";
	static const struct {
		size_t at, after;
		const char *name;
	} rows[] = {{0, 5, "\001a\001b"}, {5, 9, "\001c\001b"}, {9, 11, "\001c\001b"},
		{11, 13, "\001a\001b"}};
	uint8_t name[NAME_MAX_LEN];

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		size_t at = rows[i].at;

		assert_int_equal(read_at(name, msg, sizeof(msg) - 1, &at),
			name_len(WIRE(rows[i].name)));
		assert_int_equal(at, rows[i].after);
		assert_true(name_is_equal(name, WIRE(rows[i].name)));
	}
	size_t at = 5;

	assert_int_equal(name_read_uncompressed(name, WIRE(msg), 13, &at), -EBADMSG);
	assert_int_equal(at, 5);
	at = 0;
	assert_int_equal(name_read_uncompressed(name, WIRE(msg), 13, &at), 5);
	assert_int_equal(at, 5);
}

static void test_read_bad(void **state)
{
	static const struct {
		const char *msg;
		size_t len, at;
	} rows[] = {
		{"", 0, 0},                 /* nothing */
		{"\001", 1, 0},             /* label cut short */
		{"\001a", 2, 0},            /* no root */
		{"\003ab\000", 4, 0},       /* label over the end */
		{"\300", 1, 0},             /* half a pointer */
		{"\300\000", 2, 0},         /* to itself */
		{"\001a\300\000", 4, 0},    /* to its own beginning */
		{"\300\002\300\000", 4, 0}, /* forwards */
		{"\300\002\300\000", 4, 2}, /* backwards, then forwards */
		{"\001a\300\002", 4, 0},    /* pointer to that pointer */
		{"\100a\000", 3, 0},        /* label type 01 */
		{"\200a\000", 3, 0},        /* label type 10 */
		{"\001a\000", 3, 3},        /* at the end */
		{"\001a\000", 3, 9},        /* beyond it */
		{"\377\377", 2, 0},         /* far away */
	};
	uint8_t name[NAME_MAX_LEN];

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		size_t at = rows[i].at;

		if (read_at(name, rows[i].msg, rows[i].len, &at) != -EBADMSG)
			fail_msg("row %u was read", i);
		assert_int_equal(at, rows[i].at);
	}
}

/* 255 octets make a name, 256 do not, however they are put together. */
static void test_read_longest(void **state)
{
	uint8_t msg[600] = {0}, name[NAME_MAX_LEN];
	size_t at = 0;

	(void)state;
	for (unsigned i = 0; i < 127; i++) {
		msg[2 * i] = 1;
		msg[2 * i + 1] = 'x';
	}
	assert_int_equal(name_read(name, msg, 255, &at), 255);
	assert_int_equal(at, 255);
	/* One letter more before a pointer to all of it. */
	memcpy(msg + 255, "\001y\300\000", 4);
	at = 255;
	assert_int_equal(name_read(name, msg, 259, &at), -EBADMSG);
	memcpy(msg + 255, "\001y\300\002", 4);
	at = 255;
	assert_int_equal(name_read(name, msg, 259, &at), 255);
	assert_int_equal(at, 259);
}

/* A chain of pointers may be as long as a name may have labels, and no longer. */
static void test_read_pointer_chain(void **state)
{
	uint8_t msg[1 + 2 * 200] = {0}, name[NAME_MAX_LEN];

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		size_t target = i ? 2 * i - 1 : 0;

		msg[1 + 2 * i] = (uint8_t)(0xc0 | target >> 8);
		msg[2 + 2 * i] = (uint8_t)target;
	}
	for (size_t i = 0; i < 200; i++) {
		size_t at = 1 + 2 * i;

		assert_int_equal(name_read(name, msg, sizeof(msg), &at),
			i < NAME_MAX_LABELS ? 1 : -EBADMSG);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_and_back),
		cmocka_unit_test(test_bad_text),
		cmocka_unit_test(test_length_limits),
		cmocka_unit_test(test_basics),
		cmocka_unit_test(test_seeded_hash),
		cmocka_unit_test(test_seed_matters),
		cmocka_unit_test(test_subdomain),
		cmocka_unit_test(test_canonical_order),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_read_compressed),
		cmocka_unit_test(test_read_bad),
		cmocka_unit_test(test_read_longest),
		cmocka_unit_test(test_read_pointer_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
