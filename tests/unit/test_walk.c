/*
 * The walk: good messages, every rule broken once, every length cut, every octet changed,
 * and octets at random; and the verdicts it gives.
 *
 * Messages are walked in an allocation of exactly their length, so that a sanitizer
 * notices the first octet too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tsig/wire.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Walks a copy of exactly that length. */
static struct verdict walk(struct wire_message *m, const void *msg, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct verdict v;

	assert_non_null(copy);
	memcpy(copy, msg, len);
	v = wire_walk(m, len ? copy : copy + 1, len);
	free(copy);
	return v;
}

struct text_message {
	uint8_t octets[512];
	size_t len;
};

static void put(struct text_message *t, const char *octets, size_t len)
{
	memcpy(t->octets + t->len, octets, len);
	t->len += len;
}

#define PUT(t, literal) put(t, literal, sizeof(literal) - 1)

#define HEADER_UPDATE "\x12\x34\x28\x00\x00\x01\x00\x00\x00\x01\x00\x02"
#define ZONE          "\003dyn\000\000\006\000\001"
#define ADD           "\004host\300\014\0\1\0\1\0\0\1\054\0\4\300\0\2\1"
#define OPT           "\000\000\051\004\320\001\002\200\000\000\013" /* 1232, 2, DO */
#define OPTIONS       "\000\012\000\003abc\000\017\000\000"
#define TSIG          "\003key\000\000\372\000\377\000\000\000\000\000\003xyz"

/* UPDATE with one record, OPT and TSIG. */
static struct text_message make_update(void)
{
	struct text_message t = {.len = 0};

	PUT(&t, HEADER_UPDATE ZONE ADD OPT OPTIONS TSIG);
	return t;
}

static void test_walk_update(void **state)
{
	struct text_message t = make_update();
	struct wire_message m;
	struct verdict v = walk(&m, t.octets, t.len);
	size_t records = 12 + sizeof(ZONE) - 1;
	size_t opt = records + sizeof(ADD) - 1;
	uint16_t len = 9;
	const uint8_t *option;

	(void)state;
	assert_string_equal(v.why, "");
	assert_int_equal(v.rcode, RCODE_NOERROR);
	assert_int_equal(v.ede, EDE_NONE);
	assert_int_equal(m.id, 0x1234);
	assert_int_equal(m.flags, 0x2800);
	assert_int_equal(m.opcode, OPCODE_UPDATE);
	assert_int_equal(m.counts[0], 1);
	assert_int_equal(m.counts[1], 0);
	assert_int_equal(m.counts[2], 1);
	assert_int_equal(m.counts[3], 2);
	assert_int_equal(m.section_at[0], 12);
	assert_int_equal(m.section_at[1], records);
	assert_int_equal(m.section_at[2], records);
	assert_int_equal(m.section_at[3], opt);
	assert_int_equal(m.question_end, records);
	assert_int_equal(m.end, t.len);
	assert_int_equal(m.opt_at, opt);
	assert_int_equal(m.udp_size, 1232);
	assert_int_equal(m.edns_version, 2);
	assert_true(m.dnssec_ok);
	assert_int_equal(m.opt_rdata_at, opt + 11);
	assert_int_equal(m.opt_rdata_len, 11);
	assert_int_equal(m.tsig_at, opt + 22);

	option = wire_find_option(&m, t.octets, 10, &len);
	assert_ptr_equal(option, t.octets + opt + 15);
	assert_int_equal(len, 3);
	option = wire_find_option(&m, t.octets, 15, &len);
	assert_ptr_equal(option, t.octets + opt + 22);
	assert_int_equal(len, 0);
	assert_null(wire_find_option(&m, t.octets, 3, &len));
}

/* A header alone is a message; anything shorter gets no answer. */
static void test_walk_header(void **state)
{
	static const char header[] = "\x12\x34\x78\x80\0\0\0\0\0\0\0\0";
	struct wire_message m;
	struct verdict v = walk(&m, header, 12);
	uint16_t len;

	(void)state;
	assert_int_equal(v.rcode, RCODE_NOERROR);
	assert_int_equal(m.opcode, 15);
	assert_int_equal(m.question_end, 12);
	assert_int_equal(m.opt_at, 0);
	assert_int_equal(m.tsig_at, 0);
	assert_int_equal(m.udp_size, 512);
	assert_null(wire_find_option(&m, (const uint8_t *)header, 10, &len));
	for (size_t cut = 0; cut < 12; cut++) {
		v = walk(&m, header, cut);
		assert_int_equal(v.rcode, RCODE_FORMERR);
		assert_int_equal(m.question_end, 0);
		assert_false(wire_is_answerable((const uint8_t *)header, cut));
	}
	assert_true(wire_is_answerable((const uint8_t *)header, 12));
	assert_false(
		wire_is_answerable((const uint8_t *)"\0\0\x80\0\0\0\0\0\0\0\0\0", 12));
}

/* Every prefix is FORMERR; the header and, where it is whole, the question are known. */
static void test_walk_every_length(void **state)
{
	struct text_message t = make_update();
	struct wire_message m;

	(void)state;
	for (size_t len = 0; len < t.len; len++) {
		struct verdict v = walk(&m, t.octets, len);

		assert_int_equal(v.rcode, RCODE_FORMERR);
		assert_string_not_equal(v.why, "");
		assert_int_equal(m.id, len < 12 ? 0 : 0x1234);
		assert_int_equal(m.question_end, len < 21 ? 0 : 21);
		assert_int_equal(m.end, len);
	}
	put(&t, "", 1);
	struct verdict v = walk(&m, t.octets, t.len);

	assert_int_equal(v.rcode, RCODE_FORMERR);
	assert_string_equal(v.why, "1 octet after the last record");
}

static void test_walk_opt_size(void **state)
{
	struct text_message t = {.len = 0};
	struct wire_message m;

	(void)state;
	/* RFC 6891 6.2.3: values lower than 512 are treated as 512. */
	PUT(&t, "\0\0\0\0\0\0\0\0\0\0\0\1\0\0\051\0\377\0\0\0\0\0\0");
	struct verdict v = walk(&m, t.octets, t.len);

	assert_int_equal(v.rcode, RCODE_NOERROR);
	assert_int_equal(m.udp_size, 512);
	assert_int_equal(m.edns_version, 0);
	assert_false(m.dnssec_ok);
	assert_int_equal(m.opt_at, 12);
	assert_int_equal(m.opt_rdata_len, 0);
}

/* RFC 6891 7: wrong options get an answer with OPT, by the size and the flags asked for.
 */
static void test_walk_opt_with_wrong_options(void **state)
{
	struct text_message t = {.len = 0};
	struct wire_message m;
	struct verdict v;
	uint16_t len;

	(void)state;
	PUT(&t, "\0\0\0\0\0\0\0\0\0\0\0\1\0\0\051\4\0\0\0\200\0\0\6\0\3\0\3ns");
	v = walk(&m, t.octets, t.len);
	assert_int_equal(v.rcode, RCODE_FORMERR);
	assert_int_equal(m.opt_at, 12);
	assert_int_equal(m.udp_size, 1024);
	assert_true(m.dnssec_ok);
	assert_null(wire_find_option(&m, t.octets, 3, &len));
}

/* Each breaks one rule; the reason says which. */
static void test_walk_refuses(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
		const char *why;
	} rows[] = {
#define ROW(literal, why)  {literal, sizeof(literal) - 1, why}
#define HEADER(a, b, c, d) "\0\1\0\0\0" a "\0" b "\0" c "\0" d
#define OPT0               "\000\000\051\004\320\000\000\000\000\000\000"
		ROW(HEADER("\1", "\0", "\0", "\0"),
			"question section, record 1: bad name"),
		ROW(HEADER("\1", "\0", "\0", "\0") "\0\0\6\0",
			"question section, record 1: question cut short"),
		ROW(HEADER("\1", "\0", "\0", "\0") "\300\014\0\6\0\1",
			"question section, record 1: bad name"),
		ROW(HEADER("\0", "\1", "\0", "\0") "\0\0\1\0\1\0\0\0\0\0",
			"answer section, record 1: record cut short"),
		ROW(HEADER("\0", "\0", "\2", "\0") "\0\0\1\0\1\0\0\0\0\0\0"
						   "\0\0\1\0\1\0\0\0\0\0\1",
			"authority section, record 2: RDATA runs past the end of the "
			"message"),
		ROW(HEADER("\0", "\0", "\0", "\1") "\100\0\0\1\0\1\0\0\0\0\0\0",
			"additional section, record 1: bad owner name"),
		ROW(HEADER("\0", "\0", "\0", "\2") OPT0 OPT0,
			"additional section, record 2: more than one OPT"),
		ROW(HEADER("\0", "\1", "\0", "\0") OPT0,
			"answer section, record 1: OPT outside the additional section"),
		ROW(HEADER("\0", "\0", "\1", "\0") OPT0,
			"authority section, record 1: OPT outside the additional "
			"section"),
		ROW(HEADER("\0", "\0", "\0", "\1") "\1a" OPT0,
			"additional section, record 1: OPT not at the root"),
		ROW(HEADER("\0", "\0", "\0",
			    "\1") "\000\000\051\004\320\0\0\0\0\000\003\0\1\0",
			"additional section, record 1: EDNS option cut short"),
		ROW(HEADER("\0", "\0", "\0",
			    "\1") "\000\000\051\004\320\0\0\0\0\000\004\0\1\0\1",
			"additional section, record 1: EDNS option longer than OPT"),
		ROW(HEADER("\0", "\0", "\0", "\2") TSIG OPT0,
			"additional section, record 1: TSIG not the last record"),
		ROW(HEADER("\0", "\0", "\0", "\2") TSIG TSIG,
			"additional section, record 1: TSIG not the last record"),
		ROW(HEADER("\0", "\1", "\0", "\0") TSIG,
			"answer section, record 1: TSIG outside the additional section"),
		ROW(HEADER("\0", "\0", "\0", "\1") "\003key\0\0\372\0\1\0\0\0\0\0\0",
			"additional section, record 1: TSIG not of class ANY"),
		ROW(HEADER("\0", "\0", "\0", "\1") "\003key\0\0\372\0\377\0\0\0\1\0\0",
			"additional section, record 1: TSIG with a TTL"),
		ROW(HEADER("\0", "\0", "\0", "\0") "\0", "1 octet after the last record"),
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct wire_message m;
		struct verdict v = walk(&m, rows[i].octets, rows[i].len);

		assert_string_equal(v.why, rows[i].why);
		assert_int_equal(v.rcode, RCODE_FORMERR);
		assert_int_equal(m.id, 1);
	}
}

static void test_walk_too_long(void **state)
{
	uint8_t *msg = calloc(1, WIRE_MESSAGE_MAX + 1);
	struct wire_message m;

	(void)state;
	assert_non_null(msg);
	struct verdict v = wire_walk(&m, msg, WIRE_MESSAGE_MAX + 1);

	assert_int_equal(v.rcode, RCODE_FORMERR);
	assert_string_equal(v.why, "longer than a message can be");
	free(msg);
}

/* Counts of 65535 each with nothing behind them cost nothing. */
static void test_walk_absurd_counts(void **state)
{
	struct wire_message m;
	struct verdict v = walk(&m, "\0\1\0\0\377\377\377\377\377\377\377\377", 12);

	(void)state;
	assert_int_equal(v.rcode, RCODE_FORMERR);
}

/* Every octet to every value: no crash, and a message that walks has its bounds right. */
static void test_walk_every_octet_changed(void **state)
{
	struct text_message t = make_update();

	(void)state;
	for (size_t i = 0; i < t.len; i++) {
		uint8_t kept = t.octets[i];

		for (unsigned value = 0; value < 256; value++) {
			struct wire_message m;

			t.octets[i] = (uint8_t)value;
			struct verdict v = walk(&m, t.octets, t.len);

			if (verdict_is_ok(&v)) {
				assert_true(m.opt_rdata_at + m.opt_rdata_len <= t.len);
				assert_true(m.tsig_at < t.len);
				assert_true(m.question_end <= t.len);
			}
		}
		t.octets[i] = kept;
	}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* The walk's rule for names and name_read's are one: octets at random that favour labels
 * and pointers, read by both. */
static void test_walk_reads_names_as_name_read(void **state)
{
	static const uint8_t likely[] = {0, 0, 1, 1, 2, 3, 12, 13, 14, 16, 18, 63, 64,
		0xc0, 0xc0, 0xc0, 0xc0, 0xff};
	static const char header[] = "\0\0\0\0\0\1\0\0\0\0\0\0";
	unsigned accepted = 0, refused = 0;
	uint32_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		size_t len = 12 + 5 + next_random(&seed) % 20, at = 12;
		uint8_t msg[64], name[NAME_MAX_LEN];
		struct wire_message m;

		memcpy(msg, header, 12);
		for (size_t j = 12; j < len; j++)
			msg[j] = likely[next_random(&seed) % COUNT(likely)];
		/* A pointer into the header makes longer chains. */
		msg[0] = likely[next_random(&seed) % COUNT(likely)];
		msg[1] = likely[next_random(&seed) % COUNT(likely)];
		struct verdict v = wire_walk(&m, msg, len);
		int r = name_read(name, msg, len, &at);

		if (r > 0 && len - at >= 4) {
			assert_int_equal(m.question_end, at + 4);
			accepted++;
		} else {
			assert_int_equal(m.question_end, 0);
			assert_int_equal(v.rcode, RCODE_FORMERR);
			refused++;
		}
	}
	assert_true(accepted > 10000);
	assert_true(refused > 10000);
}

/* RFC 1035 2.3.4: 255 octets, and one letter more, with and without a pointer. */
static void test_walk_longest_name(void **state)
{
	static const char header[] = "\0\0\0\0\0\2\0\0\0\0\0\0";
	struct text_message t = {.len = 0};
	struct wire_message m;

	(void)state;
	put(&t, header, 12);
	for (int i = 0; i < 127; i++)
		PUT(&t, "\1x");
	PUT(&t, "\0\0\6\0\1");
	PUT(&t, "\1y\300\016\0\6\0\1"); /* 12 is the whole name, 14 all but one label */
	struct verdict v = walk(&m, t.octets, t.len);

	assert_string_equal(v.why, "");
	t.octets[t.len - 5] = 12;
	v = walk(&m, t.octets, t.len);
	assert_string_equal(v.why, "question section, record 2: bad name");
	t.len = 12;
	for (int i = 0; i < 126; i++)
		PUT(&t, "\1x");
	PUT(&t, "\2xx\0\0\6\0\1");
	t.octets[5] = 1;
	v = walk(&m, t.octets, t.len);
	assert_string_equal(v.why, "question section, record 1: bad name");
}

/* The most expensive message would point again and again to long chains of pointers: both
 * the walk and name_read refuse a chain at its limit. */
static void test_walk_pointer_chains(void **state)
{
	uint8_t *msg = calloc(1, WIRE_MESSAGE_MAX), name[NAME_MAX_LEN];
	struct wire_message m;
	size_t at = 12;

	(void)state;
	assert_non_null(msg);
	/* One record whose RDATA is the chain, then one record per chain length. */
	size_t rdata = 12 + 11, links = 200;

	msg[7] = 2;
	msg[rdata - 2] = (uint8_t)(2 * links >> 8);
	msg[rdata - 1] = (uint8_t)(2 * links);
	for (size_t i = 0; i < links; i++) {
		size_t target = i ? rdata + 2 * (i - 1) : 12;

		msg[rdata + 2 * i] = (uint8_t)(0xc0 | target >> 8);
		msg[rdata + 2 * i + 1] = (uint8_t)target;
	}
	for (size_t i = 0; i < links; i++) {
		size_t owner = rdata + 2 * links, target = rdata + 2 * i;

		msg[owner] = (uint8_t)(0xc0 | target >> 8);
		msg[owner + 1] = (uint8_t)target;
		struct verdict v = wire_walk(&m, msg, owner + 12);

		at = owner;
		assert_int_equal(
			verdict_is_ok(&v), name_read(name, msg, owner + 12, &at) == 1);
		assert_int_equal(verdict_is_ok(&v), i + 2 <= NAME_MAX_LABELS);
	}
	free(msg);
}

/* ---- verdicts ---- */

static void test_verdicts(void **state)
{
	char buf[VERDICT_NAME_MAX], longest[VERDICT_WHY_MAX + 10];
	struct verdict v = verdict_ok();

	(void)state;
	assert_true(verdict_is_ok(&v));
	assert_string_equal(verdict_name(&v, buf), "NOERROR");
	v = verdict_refuse(
		RCODE_REFUSED, EDE_PROHIBITED, "rule %d\n\x1b[31m\xc3\xa4\"", 7);
	assert_int_equal(v.rcode, RCODE_REFUSED);
	assert_int_equal(v.tsig_error, TSIG_ERROR_NONE);
	assert_int_equal(v.ede, EDE_PROHIBITED);
	assert_string_equal(v.why, "rule 7??[31m??\"");
	assert_string_equal(verdict_name(&v, buf), "REFUSED");
	v = verdict_bad_tsig(TSIG_ERROR_BADTRUNC, "%s", "short");
	assert_int_equal(v.rcode, RCODE_NOTAUTH);
	assert_int_equal(v.ede, EDE_NONE);
	assert_string_equal(verdict_name(&v, buf), "NOTAUTH(BADTRUNC)");
	v.tsig_error = 4711;
	assert_string_equal(verdict_name(&v, buf), "NOTAUTH(TSIG4711)");
	v.rcode = 65535;
	v.tsig_error = 65535;
	assert_string_equal(verdict_name(&v, buf), "RCODE65535(TSIG65535)");
	assert_string_equal(verdict_rcode_name(11, buf), "RCODE11");
	assert_string_equal(verdict_rcode_name(RCODE_BADVERS, buf), "BADVERS");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	v = verdict_refuse(RCODE_FORMERR, EDE_NONE, "%s", longest);
	assert_int_equal(strlen(v.why), VERDICT_WHY_MAX - 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk_update),
		cmocka_unit_test(test_walk_header),
		cmocka_unit_test(test_walk_every_length),
		cmocka_unit_test(test_walk_opt_size),
		cmocka_unit_test(test_walk_opt_with_wrong_options),
		cmocka_unit_test(test_walk_refuses),
		cmocka_unit_test(test_walk_too_long),
		cmocka_unit_test(test_walk_absurd_counts),
		cmocka_unit_test(test_walk_every_octet_changed),
		cmocka_unit_test(test_walk_reads_names_as_name_read),
		cmocka_unit_test(test_walk_longest_name),
		cmocka_unit_test(test_walk_pointer_chains),
		cmocka_unit_test(test_verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
