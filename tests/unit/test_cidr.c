/*
 * struct cidr of zones/policy.h: what is a prefix, and what lies in it.
 */
#include "zones/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct ip_address address(const char *text)
{
	struct ip_address a = {0};

	if (inet_pton(AF_INET, text, a.octets) == 1) {
		a.family = 4;
		return a;
	}
	assert_int_equal(inet_pton(AF_INET6, text, a.octets), 1);
	a.family = 6;
	return a;
}

static struct cidr cidr(const char *text)
{
	struct cidr c;

	assert_int_equal(cidr_from_text(&c, text), 0);
	return c;
}

static void test_good(void **state)
{
	static const struct {
		const char *text, *address;
		uint8_t bits;
	} GOOD[] = {
		{"192.0.2.0/24", "192.0.2.0", 24},
		{"192.0.2.1", "192.0.2.1", 32},
		{"192.0.2.1/32", "192.0.2.1", 32},
		{"0.0.0.0/0", "0.0.0.0", 0},
		{"128.0.0.0/1", "128.0.0.0", 1},
		{"192.0.2.254/31", "192.0.2.254", 31},
		{"2001:db8::/32", "2001:db8::", 32},
		{"2001:DB8::1", "2001:db8::1", 128},
		{"::/0", "::", 0},
		{"2001:db8::8000/113", "2001:db8::8000", 113},
		/* Mapped addresses are IPv4. */
		{"::ffff:192.0.2.1", "192.0.2.1", 32},
		{"::ffff:192.0.2.0/120", "192.0.2.0", 24},
		{"::ffff:0:0/96", "0.0.0.0", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(GOOD); i++) {
		struct cidr c = cidr(GOOD[i].text);
		struct ip_address wanted = address(GOOD[i].address);
		assert_int_equal(c.bits, GOOD[i].bits);
		assert_int_equal(c.address.family, wanted.family);
		assert_memory_equal(c.address.octets, wanted.octets, 16);
	}
}

static void test_bad(void **state)
{
	static const char *const BAD[] = {"", "/", "/24", "192.0.2.0/", "192.0.2.0/33",
		"192.0.2.0/-1", "192.0.2.0/+8", "192.0.2.0/ 24", "192.0.2.0/024",
		"192.0.2.0/24 ", " 192.0.2.0/24", "192.0.2.0/24/24", "192.0.2.1/24",
		"192.0.2.128/24", "192.0.2", "192.0.2.256", "0.0.0.1/0", "2001:db8::/129",
		"2001:db8::1/64", "2001:db8::1/127", "2001:db8:::", "::ffff:0:0/80",
		"::ffff:0:0/95", "::ffff:192.0.2.1/120", "fe80::1%eth0", "host.example",
		"192.0.2.0/4294967320", "192.0.2.0/2x",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"};
	struct cidr c;

	(void)state;
	memset(&c, 0xee, sizeof(c));
	for (size_t i = 0; i < COUNT(BAD); i++) {
		if (cidr_from_text(&c, BAD[i]) != -EINVAL)
			fail_msg("%s is taken", BAD[i]);
		assert_int_equal(c.bits, 0xee);
	}
}

static void test_contains(void **state)
{
	static const struct {
		const char *cidr, *address;
		bool contains;
	} CASES[] = {
		{"192.0.2.0/24", "192.0.2.0", true},
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.0/25", "192.0.2.127", true},
		{"192.0.2.0/25", "192.0.2.128", false},
		{"192.0.2.4/30", "192.0.2.7", true},
		{"192.0.2.4/30", "192.0.2.8", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"0.0.0.0/0", "255.255.255.255", true},
		{"0.0.0.0/0", "::", false},
		{"::/0", "192.0.2.1", false},
		{"::/0", "2001:db8::1", true},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
		{"2001:db8::1", "2001:db8::1", true},
		{"2001:db8::1", "2001:db8::2", false},
		{"::ffff:192.0.2.0/120", "192.0.2.9", true},
	};
	struct ip_address none = {0};
	struct cidr all = cidr("0.0.0.0/0");

	(void)state;
	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct cidr c = cidr(CASES[i].cidr);
		struct ip_address a = address(CASES[i].address);
		if (cidr_contains(&c, &a) != CASES[i].contains)
			fail_msg("%s %s", CASES[i].cidr, CASES[i].address);
	}
	assert_false(cidr_contains(&all, &none));
	all.address.family = 0;
	assert_false(cidr_contains(&all, &none));
}

static void test_lists(void **state)
{
	struct cidr list[] = {cidr("192.0.2.0/24"), cidr("2001:db8::/32")};
	struct ip_address four = address("192.0.2.9"), six = address("2001:db8::9");
	struct ip_address other = address("198.51.100.1");

	(void)state;
	assert_true(cidr_list_contains(list, 2, &four));
	assert_true(cidr_list_contains(list, 2, &six));
	assert_false(cidr_list_contains(list, 1, &six));
	assert_false(cidr_list_contains(list, 2, &other));
	assert_false(cidr_list_contains(list, 0, &four));
	assert_false(cidr_list_contains(NULL, 0, &four));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_contains),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
