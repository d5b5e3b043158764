/* Is a difference from a server what was sent to it, and nothing else? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/target/target_ddns_private.h"
#include "tests/unit/message.h"

#define SOA     "@ 60 SOA ns admin 10 2 3 4 5\n"
#define CONTENT SOA "h 60 A 192.0.2.1\nold 60 A 192.0.2.2\nold 60 A 192.0.2.3\n"

/* What was sent: h has another address, old lacks one, new is new. */
static struct changeset *sent_to(struct zone *zone)
{
	return message_apply(zone, false, RCODE_NOERROR,
		(const char *[]){"h 0 NONE A 192.0.2.1", "h 60 IN A 192.0.2.9",
			"old 0 NONE A 192.0.2.2", "new 60 IN TXT a", NULL});
}

static int compare(const char *const *difference)
{
	struct zone *zone = message_make_zone("example.", CONTENT);
	struct changeset *sent = sent_to(zone);
	struct update *update = message_update_of("example.", difference);
	const int r = ddns_compare(message_name("example."), sent, update);

	update_free(update);
	changeset_unref(sent);
	zone_free(zone);
	return r;
}

#define SENT                                                                             \
	"old 0 NONE A 192.0.2.2", "h 0 NONE A 192.0.2.1", "new 60 IN TXT a",             \
		"h 60 IN A 192.0.2.9"

static void what_was_sent_is_recognised(void **state)
{
	(void)state;
	assert_int_equal(compare((const char *[]){SENT, NULL}), 0);
}

static void the_way_there_does_not_matter(void **state)
{
	(void)state;
	/* Two versions: somebody has taken something away and put it back. */
	assert_int_equal(
		compare((const char *[]){"h 0 NONE A 192.0.2.1", "h 60 IN A 192.0.2.7",
			"h 0 NONE A 192.0.2.7", "old 0 NONE A 192.0.2.2",
			"h 60 IN A 192.0.2.9", "new 60 IN TXT a", NULL}),
		0);
}

static void what_others_did_is_found(void **state)
{
	(void)state;
	assert_int_equal(compare((const char *[]){SENT, "x 60 IN A 192.0.2.8", NULL}), 1);
	assert_int_equal(
		compare((const char *[]){"x 0 NONE A 192.0.2.8", SENT, NULL}), 1);
	assert_int_equal(compare((const char *[]){SENT, "h 60 IN A 192.0.2.8", NULL}), 1);
	assert_int_equal(compare((const char *[]){SENT, "h 60 IN TXT b", NULL}), 1);
}

/* In the same group, so that the server's version never had it. */
static void what_others_took_back_is_found(void **state)
{
	(void)state;
	assert_int_equal(compare((const char *[]){"old 0 NONE A 192.0.2.2",
				 "h 0 NONE A 192.0.2.1", "h 60 IN A 192.0.2.9", NULL}),
		1);
	assert_int_equal(compare((const char *[]){NULL}), 1);
}

static void another_ttl_is_found(void **state)
{
	(void)state;
	assert_int_equal(
		compare((const char *[]){"old 0 NONE A 192.0.2.2", "h 0 NONE A 192.0.2.1",
			"new 61 IN TXT a", "h 60 IN A 192.0.2.9", NULL}),
		1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_sent_is_recognised),
		cmocka_unit_test(the_way_there_does_not_matter),
		cmocka_unit_test(what_others_did_is_found),
		cmocka_unit_test(what_others_took_back_is_found),
		cmocka_unit_test(another_ttl_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
