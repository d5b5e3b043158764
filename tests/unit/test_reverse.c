/* Reverse names, there and back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "zones/reverse.h"

static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [7] = 0xf0, [15] = 0x4a};
static const char v6_name[] = "a.4.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
			      "0.f.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.";

static void assert_name(const uint8_t *name, const char *expected)
{
	char text[NAME_TEXT_MAX];

	assert_string_equal(name_to_text(name, text), expected);
}

static void test_ipv4(void **state)
{
	const uint8_t address[] = {192, 0, 2, 111};
	uint8_t name[NAME_MAX_LEN], back[REVERSE_ADDRESS_MAX];
	uint16_t type, len;

	(void)state;
	assert_int_equal(reverse_from_address(name, TYPE_A, address, 4), 0);
	assert_name(name, "111.2.0.192.in-addr.arpa.");
	assert_int_equal(reverse_to_address(name, &type, back, &len), 0);
	assert_int_equal(type, TYPE_A);
	assert_int_equal(len, 4);
	assert_memory_equal(back, address, 4);
}

static void test_every_octet(void **state)
{
	uint8_t name[NAME_MAX_LEN], back[REVERSE_ADDRESS_MAX];
	uint16_t type, len;

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		const uint8_t address[] = {(uint8_t)i, 10, (uint8_t)(255 - i), 99};

		assert_int_equal(reverse_from_address(name, TYPE_A, address, 4), 0);
		assert_int_equal(reverse_to_address(name, &type, back, &len), 0);
		assert_memory_equal(back, address, 4);
	}
}

static void test_ipv6(void **state)
{
	uint8_t name[NAME_MAX_LEN], back[REVERSE_ADDRESS_MAX];
	uint16_t type, len;

	(void)state;
	assert_int_equal(reverse_from_address(name, TYPE_AAAA, v6, 16), 0);
	assert_name(name, v6_name);
	assert_int_equal(reverse_to_address(name, &type, back, &len), 0);
	assert_int_equal(type, TYPE_AAAA);
	assert_int_equal(len, 16);
	assert_memory_equal(back, v6, 16);
}

static void test_other_records_have_none(void **state)
{
	uint8_t name[NAME_MAX_LEN];

	(void)state;
	assert_int_equal(reverse_from_address(name, TYPE_A, v6, 16), -EINVAL);
	assert_int_equal(reverse_from_address(name, TYPE_AAAA, v6, 4), -EINVAL);
	assert_int_equal(reverse_from_address(name, TYPE_TXT, v6, 4), -EINVAL);
	assert_int_equal(reverse_from_address(name, TYPE_A, v6, 0), -EINVAL);
}

static void test_other_names_are_none(void **state)
{
	static const char *const names[] = {
		".",
		"arpa.",
		"in-addr.arpa.",
		"2.0.192.in-addr.arpa.",
		"1.2.3.2.0.192.in-addr.arpa.",
		"1.2.0.256.in-addr.arpa.",
		"01.2.0.192.in-addr.arpa.",
		"1.2.0.1000.in-addr.arpa.",
		"1.2.0.x.in-addr.arpa.",
		"1.2.0.192.ip6.arpa.",
		"1.2.0.192.in-addr.example.",
		"1/25.2.0.192.in-addr.arpa.",
		"8.b.d.0.1.0.0.2.ip6.arpa.",
		"a.4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.f.0.0.0.0.0.0.8.b.d.0.1.0.0.g.ip6."
		"arpa.",
		"a.4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.f.0.0.0.0.0.0.8.b.d.0.1.0.0.20.ip6."
		"arpa.",
		"a.4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.f.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6."
		"example.",
		"a.4.0.0.0.0.0.0.0.0.0.0.0.0.0.\\000.0.f.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6."
		"arpa.",
	};
	uint8_t name[NAME_MAX_LEN], address[REVERSE_ADDRESS_MAX];
	uint16_t type, len;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(name_from_text(name, names[i], NULL), 0);
		if (reverse_to_address(name, &type, address, &len) != -EINVAL)
			fail_msg("%s was taken for an address", names[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_every_octet),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_other_records_have_none),
		cmocka_unit_test(test_other_names_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
