/*
 * The words of the configuration files: times, dates, addresses, endpoints, and guesses
 * at misspelt names.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <netinet/in.h>
#include <cmocka.h>

#include "gateway/base/settings_words.h"
#include "gateway/config/config_read.h"

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: -EINVAL */
	} table[] = {{"90s", 90000}, {"15m", 900000}, {"24h", 86400000},
		{"7d", 604800000}, {"500ms", 500}, {"3", 3000}, {"0", 0}, {"", -1},
		{"s", -1}, {"-1s", -1}, {" 1s", -1}, {"1s ", -1}, {"1S", -1}, {"1w", -1},
		{"1h30m", -1}, {"1.5h", -1}, {"99999999999999999999", -1},
		{"9223372036854775807", -1}, {"9223372036854775807ms", INT64_MAX}};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int64_t ms = -1;
		int err = settings_parse_time(table[i].text, &ms);
		assert_int_equal(err, table[i].ms < 0 ? -EINVAL : 0);
		assert_true(ms == table[i].ms);
	}
}

static void dates(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: -EINVAL */
	} table[] = {{"1970-01-01T00:00:00Z", 0}, {"2026-12-31T23:59:59Z", 1798761599},
		{"2024-02-29T12:00:00Z", 1709208000}, {"2023-02-29T12:00:00Z", -1},
		{"9999-12-31T23:59:59Z", 253402300799}, {"2026-13-01T00:00:00Z", -1},
		{"2026-00-01T00:00:00Z", -1}, {"2026-01-01T24:00:00Z", -1},
		{"2026-01-01T00:60:00Z", -1}, {"2026-01-01T00:00:60Z", -1},
		{"2026-01-01T00:00:00", -1}, {"2026-01-01T00:00:00+00:00", -1},
		{"2026-01-01 00:00:00Z", -1}, {"2026-1-01T00:00:00Z", -1}, {"", -1}};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int64_t seconds = -1;
		int err = config_text_parse_date(table[i].text, &seconds);
		assert_int_equal(err, table[i].seconds < 0 ? -EINVAL : 0);
		assert_true(seconds == table[i].seconds);
	}
}

static void addresses(void **state)
{
	static const char *const good[][2] = {{"192.0.2.1", "192.0.2.1#7"},
		{"192.0.2.1#53", "192.0.2.1#53"}, {"192.0.2.1:65535", "192.0.2.1#65535"},
		{"2001:DB8::0:1", "2001:db8::1#7"}, {"[2001:db8::1]", "2001:db8::1#7"},
		{"[2001:db8::1]:53", "2001:db8::1#53"},
		{"[2001:db8::1]#53", "2001:db8::1#53"},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.1#7"},
		{"fe80::1%lo#53", "fe80::1%lo#53"}};
	static const char too_long[] =
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000";
	const char *const bad[] = {"", "#53", ":53", "192.0.2", "192.0.2.1#",
		"192.0.2.1:", "192.0.2.1#65536", "192.0.2.1#-1", "192.0.2.1# 1",
		"192.0.2.1 ", "[192.0.2.1]", "[::1]5", "[::1", "::1]", "[]", "host:53",
		"fe80::1", "::1%lo", "fe80::1%no-such-if0", "fe80::1%", "192.0.2.1%lo",
		"010.0.0.1", too_long};
	struct config_address address;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(config_text_parse_endpoint(&address, good[i][0], 7), 0);
		assert_string_equal(address.text, good[i][1]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			config_text_parse_endpoint(&address, bad[i], 7), -EINVAL);

	assert_int_equal(config_parse_address(&address, "192.0.2.1", 5353), 0);
	const struct sockaddr_in *in =
		(const struct sockaddr_in *)(const void *)&address.storage;
	assert_int_equal(ntohs(in->sin_port), 5353);
	assert_int_equal(ntohl(in->sin_addr.s_addr), 0xc0000201);
	assert_int_equal(config_parse_address(&address, "192.0.2.1", 65536), -EINVAL);
}

/* The programs decide what a host is: the agent's gateways may have names. */
static void endpoints(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port; /* 7: none is given */
	} table[] = {{"gw1.example", "gw1.example", 7},
		{"gw1.example:5300", "gw1.example", 5300}, {"gw1#0", "gw1", 0},
		{"2001:db8::1", "2001:db8::1", 7}, {"2001:db8::1#53", "2001:db8::1", 53},
		{"[2001:db8::1]", "2001:db8::1", 7},
		{"[2001:db8::1]#65535", "2001:db8::1", 65535}, {"[a:b", NULL, 0},
		{"gw1:", NULL, 0}, {":53", NULL, 0}, {"", NULL, 0},
		{"gw1:65536", NULL, 0}, {"gw1:5x", NULL, 0}, {"[::1]53", NULL, 0},
		{"[]:53", NULL, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct settings_endpoint e = {0};
		const int r = settings_parse_endpoint(&e, table[i].text, 7);

		assert_int_equal(r, table[i].host ? 0 : -EINVAL);
		if (r)
			continue;
		assert_int_equal(e.host_len, strlen(table[i].host));
		assert_memory_equal(e.host, table[i].host, e.host_len);
		assert_int_equal(e.port, table[i].port);
	}
}

static void suggestions(void **state)
{
	static const char *const names[] = {
		"types", "transport", "transfer", "max_records"};

	(void)state;
	static const char *const table[][2] = {{"type", "types"}, {"tyeps", "types"},
		{"trasnport", "transport"}, {"transfert", "transfer"},
		{"max", "max_records"}, {"MAX_RECORDS", "max_records"}, {"tpt", NULL},
		{"x", NULL}, {"", NULL},
		{"a-word-that-is-longer-than-any-name-of-a-setting", NULL}};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *meant =
			settings_suggest(table[i][0], names, 4, sizeof(names[0]));
		if (table[i][1])
			assert_string_equal(meant, table[i][1]);
		else
			assert_null(meant);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
		cmocka_unit_test(dates),
		cmocka_unit_test(addresses),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(suggestions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
