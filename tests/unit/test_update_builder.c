/* Updates that the gateway itself makes: their records are copies, in order. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/message.h"
#include "zones/update_builder.h"

enum { FEW = 300 };

static const uint8_t apex[] = "\7example";

/* The caller's octets are gone after each call. */
static void add(struct update_builder *b, const char *owner, const char *spelled,
	uint16_t class, const char *rdata)
{
	uint8_t name[NAME_MAX_LEN], written[NAME_MAX_LEN], data[NAME_MAX_LEN];
	struct rr rr = {.owner = name,
		.spelled = spelled ? written : NULL,
		.type = TYPE_TXT,
		.class = class,
		.ttl = class == CLASS_IN ? 60 : 0,
		.rdata = data,
		.rdata_len = (uint16_t)strlen(rdata)};

	memcpy(name, message_name(owner), name_len(message_name(owner)));
	if (spelled) {
		size_t len = name_len(message_name(owner));

		memcpy(written, name, len);
		memcpy(written + 1, spelled, strlen(spelled));
	}
	memcpy(data, rdata, rr.rdata_len);
	update_builder_add(b, &rr);
	memset(name, 0xff, sizeof(name));
	memset(written, 0xff, sizeof(written));
	memset(data, 0xff, sizeof(data));
}

static struct update *finish(struct update_builder *b)
{
	struct update *update = NULL;

	assert_int_equal(update_builder_finish(b, &update), 0);
	assert_non_null(update);
	assert_true(name_is_equal(update->zone, apex));
	assert_int_equal(update->prereq_count, 0);
	assert_int_equal(update->prereq_refusal.rcode, RCODE_NOERROR);
	assert_false(update->is_bounded);
	return update;
}

static void assert_text(const struct update *update, const char *expected)
{
	char text[UPDATE_TEXT_MAX];

	update_to_text(update, text);
	assert_string_equal(text, expected);
}

static void nothing(void **state)
{
	struct update_builder b;
	struct update *update;

	(void)state;
	update_builder_init(&b, apex);
	update = finish(&b);
	assert_int_equal(update->change_count, 0);
	update_free(update);
}

static void each_form(void **state)
{
	struct update_builder b;
	struct update *update;

	(void)state;
	update_builder_init(&b, apex);
	add(&b, "a.example.", NULL, CLASS_ANY, "");
	add(&b, "a.example.", NULL, CLASS_IN, "\1x");
	add(&b, "b.example.", NULL, CLASS_NONE, "\1y");
	update = finish(&b);
	assert_text(update,
		"-ANY a.example. TXT; +60 a.example. TXT \"x\"; "
		"-NONE b.example. TXT \"y\"");
	assert_int_equal(update->changes[0].rdata_len, 0);
	assert_ptr_equal(update->changes[0].owner, update->changes[1].owner);
	update_free(update);
}

static void spelling(void **state)
{
	struct update_builder b;
	struct update *update;

	(void)state;
	update_builder_init(&b, apex);
	add(&b, "host.example.", "HOST", CLASS_IN, "\1x");
	add(&b, "host.example.", "HOST", CLASS_IN, "\1y");
	add(&b, "host.example.", "Host", CLASS_IN, "\1z");
	add(&b, "host.example.", NULL, CLASS_IN, "\1w");
	update = finish(&b);
	assert_memory_equal(update->changes[0].spelled, "\4HOST\7example", 14);
	assert_ptr_equal(update->changes[1].spelled, update->changes[0].spelled);
	assert_memory_equal(update->changes[2].spelled, "\4Host\7example", 14);
	assert_null(update->changes[3].spelled);
	for (int i = 0; i < 4; i++)
		assert_memory_equal(update->changes[i].owner, "\4host\7example", 14);
	update_free(update);
}

static void add_many(struct update_builder *b, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char owner[32], rdata[8];

		snprintf(owner, sizeof(owner), "h%u.example.", i / 2);
		snprintf(rdata, sizeof(rdata), "\5%05u", i);
		add(b, owner, NULL, CLASS_IN, rdata);
	}
}

static void assert_many(const struct update *update, unsigned count)
{
	assert_int_equal(update->change_count, count);
	for (unsigned i = 0; i < count; i++) {
		char owner[32], rdata[8];

		snprintf(owner, sizeof(owner), "h%u.example.", i / 2);
		snprintf(rdata, sizeof(rdata), "\5%05u", i);
		assert_true(name_is_equal(update->changes[i].owner, message_name(owner)));
		assert_int_equal(update->changes[i].rdata_len, 6);
		assert_memory_equal(update->changes[i].rdata, rdata, 6);
	}
}

/* More than any chunk, and with room made beforehand, which may be too little. */
static void many(void **state)
{
	struct update_builder b;
	struct update *update;

	(void)state;
	update_builder_init(&b, apex);
	add_many(&b, UINT16_MAX);
	update = finish(&b);
	assert_many(update, UINT16_MAX);
	update_free(update);
	update_builder_reserve(&b, 2, 10);
	add_many(&b, FEW);
	update_builder_reserve(&b, FEW, 1 << 16);
	update = finish(&b);
	assert_many(update, FEW);
	update_free(update);
}

static void too_many(void **state)
{
	struct update_builder b;
	struct update *update;

	(void)state;
	update_builder_init(&b, apex);
	add_many(&b, UINT16_MAX + 1);
	add_many(&b, 1);
	assert_int_equal(update_builder_finish(&b, &update), -E2BIG);
	assert_null(update);
	add_many(&b, FEW); /* it is as new */
	update = finish(&b);
	assert_many(update, FEW);
	update_free(update);
}

static void given_up(void **state)
{
	struct update_builder b = {0};

	(void)state;
	update_builder_clear(&b);
	update_builder_init(&b, apex);
	add_many(&b, FEW);
	update_builder_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),
		cmocka_unit_test(each_form),
		cmocka_unit_test(spelling),
		cmocka_unit_test(many),
		cmocka_unit_test(too_many),
		cmocka_unit_test(given_up),
	};

	return cmocka_run_group_tests_name("update_builder", tests, NULL, NULL);
}
