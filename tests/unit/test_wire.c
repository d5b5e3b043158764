/*
 * The bounded reader and writer: what is out of bounds, what does not fit, what is
 * compressed against what.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tsig/wire.h"

#define WIRE(text) ((const uint8_t *)(text)) /* the final zero is the root label */

/* ---- reader ---- */

static void test_reader(void **state)
{
	static const uint8_t msg[] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 1, 'a', 0};
	uint8_t name[NAME_MAX_LEN];
	struct wire_reader r;

	(void)state;
	wire_reader_init(&r, msg, 0, sizeof(msg));
	assert_int_equal(wire_read_u8(&r), 1);
	assert_int_equal(wire_read_u16(&r), 0x0203);
	assert_int_equal(wire_read_u32(&r), 0x04050607);
	assert_true(wire_read_u48(&r) == 0x08090a0b0c0dull);
	assert_int_equal(wire_read_name(&r, name), 3);
	assert_true(name_is_equal(name, WIRE("\001a")));
	assert_false(r.failed);
	assert_int_equal(r.at, sizeof(msg));
	assert_ptr_equal(wire_read_octets(&r, 0), msg + sizeof(msg));
	assert_false(r.failed);
}

/* After the first access out of bounds nothing is read any more. */
static void test_reader_is_sticky(void **state)
{
	static const uint8_t msg[] = {1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t name[NAME_MAX_LEN];
	struct wire_reader r;

	(void)state;
	wire_reader_init(&r, msg, 5, 8);
	assert_int_equal(wire_read_u32(&r), 0);
	assert_true(r.failed);
	assert_int_equal(r.at, 5);
	assert_int_equal(wire_read_u8(&r), 0);
	assert_int_equal(wire_read_u16(&r), 0);
	assert_true(wire_read_u48(&r) == 0);
	assert_null(wire_read_octets(&r, 0));
	assert_int_equal(wire_read_name(&r, name), 0);
	wire_reader_init(&r, msg, 0, 8);
	assert_null(wire_read_octets(&r, SIZE_MAX));
	wire_reader_init(&r, msg, 9, 8);
	assert_int_equal(wire_read_u8(&r), 0);
	assert_true(r.failed);
	wire_reader_init(&r, msg, 0, 8);
	assert_int_equal(wire_read_name(&r, name), 0);
	assert_true(r.failed);
}

/* ---- writer ---- */

static void test_writer(void **state)
{
	static const uint8_t expected[] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 'x', 'y', 1, 'a', 0};
	uint8_t buf[sizeof(expected)];
	struct wire_writer w;

	(void)state;
	wire_writer_init(&w, buf, sizeof(buf), NULL);
	wire_write_u8(&w, 1);
	wire_write_u16(&w, 0x0203);
	wire_write_u32(&w, 0x04050607);
	wire_write_u48(&w, 0xffff08090a0b0c0dull);
	wire_write_octets(&w, "xy", 2);
	wire_write_name(&w, WIRE("\001a"));
	assert_false(w.failed);
	assert_int_equal(w.at, sizeof(buf));
	assert_memory_equal(buf, expected, sizeof(buf));
	wire_put_u16(&w, 16, 0xabcd);
	assert_false(w.failed);
	assert_int_equal(buf[16] << 8 | buf[17], 0xabcd);
	wire_write_octets(&w, NULL, 0);
	assert_false(w.failed);
	wire_write_u8(&w, 0);
	assert_true(w.failed);
	assert_int_equal(w.at, sizeof(buf));
}

static void test_writer_is_sticky(void **state)
{
	struct wire_names names;
	struct wire_writer w;
	uint8_t buf[4] = {9, 9, 9, 9};

	(void)state;
	wire_writer_init(&w, buf, 4, &names);
	wire_write_u8(&w, 1);
	wire_write_u32(&w, 0x02030405);
	assert_true(w.failed);
	wire_write_u8(&w, 7);
	wire_write_name(&w, WIRE(""));
	wire_put_u16(&w, 0, 7);
	assert_int_equal(w.at, 1);
	assert_memory_equal(buf, "\001\011\011\011", 4);
	wire_writer_rewind(&w, 1);
	assert_false(w.failed);
	wire_write_u8(&w, 7);
	assert_int_equal(w.at, 2);
	wire_put_u16(&w, 1, 7); /* only one octet is written there */
	assert_true(w.failed);
	wire_writer_rewind(&w, 3); /* it never got there */
	assert_true(w.failed);
	assert_int_equal(w.at, 2);
}

static void start_message(
	struct wire_writer *w, uint8_t *buf, size_t cap, struct wire_names *names)
{
	static const uint8_t header[WIRE_HEADER_LEN];

	wire_writer_init(w, buf, cap, names);
	wire_write_octets(w, header, sizeof(header));
}

static void test_compression(void **state)
{
	static const char expected[] = "\004host\003dyn\007example\000" /* 12 */
				       "\300\014"                       /* all of it */
				       "\005other\300\021"              /* dyn.example */
				       "\007EXAMPLE\000" /* never remembered */
				       "\300\025"        /* example */
				       "\000"            /* the root */
				       "\001x\300\040";  /* other.dyn.example */
	struct wire_names names;
	struct wire_writer w;
	uint8_t buf[512];

	(void)state;
	start_message(&w, buf, sizeof(buf), &names);
	wire_write_name(&w, WIRE("\004host\003dyn\007example"));
	wire_write_name(&w, WIRE("\004HOST\003dyn\007Example"));
	wire_write_name(&w, WIRE("\005other\003Dyn\007example"));
	wire_write_name_plain(&w, WIRE("\007EXAMPLE"));
	wire_write_name(&w, WIRE("\007example"));
	wire_write_name(&w, WIRE(""));
	wire_write_name(&w, WIRE("\001x\005other\003dyn\007example"));
	assert_false(w.failed);
	assert_int_equal(w.at, 12 + sizeof(expected) - 1);
	assert_memory_equal(buf + 12, expected, sizeof(expected) - 1);
}

/* A name whose labels repeat must not be compressed against itself. */
static void test_compression_within_itself(void **state)
{
	struct wire_names names;
	struct wire_writer w;
	uint8_t *buf = malloc(12 + 9), name[NAME_MAX_LEN];
	size_t at = 12;

	(void)state;
	assert_non_null(buf);
	start_message(&w, buf, 12 + 9, &names);
	wire_write_name(&w, WIRE("\001a\001a\001a\001a"));
	assert_false(w.failed);
	assert_int_equal(w.at, 12 + 9);
	assert_int_equal(name_read(name, buf, w.at, &at), 9);
	assert_true(name_is_equal(name, WIRE("\001a\001a\001a\001a")));
	free(buf);
}

/* A name that does not fit leaves nothing behind that a later one could point to. */
static void test_name_that_does_not_fit(void **state)
{
	struct wire_names names;
	struct wire_writer w;
	uint8_t *buf = malloc(20);

	(void)state;
	assert_non_null(buf);
	start_message(&w, buf, 20, &names);
	wire_write_name(&w, WIRE("\004host\003dyn"));
	assert_true(w.failed);
	assert_int_equal(w.at, 12);
	wire_write_name(&w, WIRE("\004host\003dyn"));
	wire_writer_rewind(&w, 12);
	wire_write_name(&w, WIRE("\003dyn"));
	assert_false(w.failed);
	assert_int_equal(w.at, 17);
	wire_write_name(&w, WIRE("\003dyn"));
	assert_int_equal(w.at, 19);
	assert_memory_equal(buf + 12, "\003dyn\000\300\014", 7);
	free(buf);
}

static void test_rewind_forgets(void **state)
{
	struct wire_names names;
	struct wire_writer w;
	uint8_t buf[64];

	(void)state;
	start_message(&w, buf, sizeof(buf), &names);
	wire_write_name(&w, WIRE("\003dyn"));
	size_t at = w.at;

	wire_write_name(&w, WIRE("\004host\003dyn"));
	wire_writer_rewind(&w, at);
	wire_write_u32(&w, 0xffffffff);
	at = w.at;
	wire_write_name(&w, WIRE("\004host\003dyn"));
	assert_int_equal(w.at - at, 7);
	assert_memory_equal(buf + at, "\004host\300\014", 7);
}

/* Offsets that do not fit 14 bits are no targets. */
static void test_compression_reach(void **state)
{
	static uint8_t buf[0x4000 + 64];
	struct wire_names names;
	struct wire_writer w;

	(void)state;
	for (size_t first = 0x3fff; first <= 0x4000; first++) {
		wire_writer_init(&w, buf, sizeof(buf), &names);
		w.at = first;
		wire_write_name(&w, WIRE("\003dyn"));
		size_t at = w.at;

		wire_write_name(&w, WIRE("\003dyn"));
		assert_int_equal(w.at - at, first < 0x4000 ? 2 : 5);
	}
}

/* Thousands of names: the table overflows, and every name is read back all the same. */
static void test_many_names(void **state)
{
	static uint8_t buf[WIRE_MESSAGE_MAX];
	uint8_t name[NAME_MAX_LEN];
	struct wire_names names;
	struct wire_writer w;
	char text[64];
	size_t at = 12, plain = 0;

	(void)state;
	start_message(&w, buf, sizeof(buf), &names);
	for (int pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < 3000; i++) {
			uint8_t expected[NAME_MAX_LEN];

			snprintf(text, sizeof(text), "h%u.g%u.dyn.example.", i, i % 7);
			assert_int_equal(name_from_text(expected, text, NULL), 0);
			if (pass == 0) {
				wire_write_name(&w, expected);
				plain += name_len(expected);
				continue;
			}
			assert_true(name_read(name, buf, w.at, &at) > 0);
			assert_true(name_is_equal(name, expected));
		}
	}
	assert_false(w.failed);
	assert_int_equal(at, w.at);
	assert_true(w.at < plain / 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_reader_is_sticky),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_writer_is_sticky),
		cmocka_unit_test(test_compression),
		cmocka_unit_test(test_compression_within_itself),
		cmocka_unit_test(test_name_that_does_not_fit),
		cmocka_unit_test(test_rewind_forgets),
		cmocka_unit_test(test_compression_reach),
		cmocka_unit_test(test_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
