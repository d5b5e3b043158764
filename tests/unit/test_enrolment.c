/* Enrolment lines: encoded and decoded; one that was cut or mistyped is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "tsig/enrolment.h"

static void name(uint8_t ret_name[NAME_MAX_LEN], const char *text)
{
	assert_int_equal(name_from_text(ret_name, text, NULL), 0);
}

static struct enrolment sample(void)
{
	struct enrolment e = {.gateways = {"gw1.example:53", "[2001:db8::1]:5300"},
		.gateway_count = 2,
		.algorithm = HMAC_SHA256,
		.secret_len = 32};

	name(e.zone, "dyn.example.");
	name(e.name, "host1.dyn.example.");
	name(e.key, "host1.dyn.example.");
	for (int i = 0; i < 32; i++)
		e.secret[i] = (uint8_t)(i * 37);
	return e;
}

static void there_and_back(void **state)
{
	char line[ENROLMENT_LINE_MAX], again[ENROLMENT_LINE_MAX + 8];
	struct enrolment e = sample(), read;
	const char *why;

	(void)state;
	for (uint16_t len = 1; len <= 64; len++) {
		e.secret_len = len;
		assert_int_equal(enrolment_encode(&e, line), 0);
		assert_null(strpbrk(line, " \t\n=+/"));
		snprintf(again, sizeof(again), "  %s \r\n", line);
		assert_int_equal(enrolment_decode(&read, again, &why), 0);
		assert_int_equal(read.gateway_count, 2);
		assert_string_equal(read.gateways[1], "[2001:db8::1]:5300");
		assert_true(name_is_equal(read.zone, e.zone));
		assert_true(name_is_equal(read.name, e.name));
		assert_true(name_is_equal(read.key, e.key));
		assert_int_equal(read.algorithm, HMAC_SHA256);
		assert_int_equal(read.secret_len, len);
		assert_memory_equal(read.secret, e.secret, len);
	}
}

static void every_algorithm(void **state)
{
	char line[ENROLMENT_LINE_MAX];
	struct enrolment e = sample(), read;
	const char *why;

	(void)state;
	for (int i = 0; i < HMAC_ALGORITHMS; i++) {
		e.algorithm = (enum hmac_algorithm)i;
		assert_int_equal(enrolment_encode(&e, line), 0);
		assert_int_equal(enrolment_decode(&read, line, &why), 0);
		assert_int_equal(read.algorithm, i);
	}
}

static void the_largest_fits(void **state)
{
	char line[ENROLMENT_LINE_MAX];
	struct enrolment e = sample(), read;
	char label[64], text[NAME_TEXT_MAX];
	const char *why;

	(void)state;
	e.gateway_count = ENROLMENT_GATEWAYS_MAX;
	for (int i = 0; i < ENROLMENT_GATEWAYS_MAX; i++) {
		memset(e.gateways[i], 'g', ENROLMENT_GATEWAY_MAX - 1);
		e.gateways[i][ENROLMENT_GATEWAY_MAX - 1] = '\0';
	}
	memset(label, 'a', 63);
	label[63] = '\0';
	snprintf(text, sizeof(text), "%s.%s.%s.%.61s.", label, label, label, label);
	name(e.name, text);
	name(e.key, text);
	name(e.zone, text);
	e.secret_len = HMAC_SECRET_MAX;
	assert_int_equal(enrolment_encode(&e, line), 0);
	assert_int_equal(enrolment_decode(&read, line, &why), 0);
	assert_string_equal(read.gateways[7], e.gateways[7]);
}

static void what_has_no_place_is_not_encoded(void **state)
{
	char line[ENROLMENT_LINE_MAX];
	struct enrolment e = sample();

	(void)state;
	e.gateway_count = 0;
	assert_int_equal(enrolment_encode(&e, line), -EINVAL);
	e.gateway_count = ENROLMENT_GATEWAYS_MAX + 1;
	assert_int_equal(enrolment_encode(&e, line), -EINVAL);
	e = sample();
	e.secret_len = 0;
	assert_int_equal(enrolment_encode(&e, line), -EINVAL);
	e = sample();
	strcpy(e.gateways[0], "gw\"; x = \"");
	assert_int_equal(enrolment_encode(&e, line), -EINVAL);
	strcpy(e.gateways[0], "");
	assert_int_equal(enrolment_encode(&e, line), -EINVAL);
}

static void no_cut_line_is_taken(void **state)
{
	char line[ENROLMENT_LINE_MAX];
	struct enrolment e = sample(), read;
	const char *why;

	(void)state;
	assert_int_equal(enrolment_encode(&e, line), 0);
	for (size_t len = strlen(line); len-- > 0;) {
		line[len] = '\0';
		why = NULL;
		assert_int_equal(enrolment_decode(&read, line, &why), -EINVAL);
		assert_non_null(why);
	}
}

static void no_mistyped_line_is_taken(void **state)
{
	char line[ENROLMENT_LINE_MAX];
	struct enrolment e = sample(), read;
	const char *why;

	(void)state;
	assert_int_equal(enrolment_encode(&e, line), 0);
	/* The last digit may have bits that mean nothing. */
	for (size_t i = 0; line[i + 1]; i++) {
		const char right = line[i];

		line[i] = right == 'x' ? 'y' : 'x';
		assert_int_equal(enrolment_decode(&read, line, &why), -EINVAL);
		line[i] = right;
	}
	assert_int_equal(enrolment_decode(&read, "", &why), -EINVAL);
	assert_int_equal(enrolment_decode(&read, "muster1:", &why), -EINVAL);
	assert_int_equal(enrolment_decode(&read, "muster2:AAAA", &why), -EINVAL);
	strcat(line, " more");
	assert_int_equal(enrolment_decode(&read, line, &why), -EINVAL);
	assert_string_equal(why, "there is more behind it");
}

static void a_name_outside_its_zone_is_refused(void **state)
{
	char line[ENROLMENT_LINE_MAX];
	struct enrolment e = sample(), read;
	const char *why;

	(void)state;
	name(e.name, "host1.example.net.");
	assert_int_equal(enrolment_encode(&e, line), 0);
	assert_int_equal(enrolment_decode(&read, line, &why), -EINVAL);
	assert_string_equal(why, "its name does not lie in its zone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(every_algorithm),
		cmocka_unit_test(the_largest_fits),
		cmocka_unit_test(what_has_no_place_is_not_encoded),
		cmocka_unit_test(no_cut_line_is_taken),
		cmocka_unit_test(no_mistyped_line_is_taken),
		cmocka_unit_test(a_name_outside_its_zone_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
