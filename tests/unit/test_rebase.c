/* Rebasing change sets and incremental transfers onto a zone that has moved on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/unit/message.h"
#include "zones/rebase.h"

#define SOA              "@ 60 SOA ns admin 10 2 3 4 5\n"
#define SOA_LINE(serial) "example. 60 SOA ns.example. admin.example. " serial " 2 3 4 5\n"

/* What these update lines did to a zone with this content. */
static struct changeset *changes_of(const char *zone_text, const char *const *lines)
{
	struct zone *zone = message_make_zone("example.", zone_text);
	struct update *update = message_update_of("example.", lines);
	struct changeset *cs;
	struct verdict v = apply_update(zone, update, false, &cs);

	assert_int_equal(v.rcode, RCODE_NOERROR);
	update_free(update);
	zone_free(zone);
	return cs;
}

/* Takes cs, applies it to other content, and checks the result. */
static void rebases(struct changeset *cs, const char *zone_text, const char *expected)
{
	struct zone *zone = message_make_zone("example.", zone_text);
	struct changeset *rebased;
	char *before = message_zone_text(zone), *after;

	assert_int_equal(rebase_changeset(zone, cs, &rebased), 0);
	message_assert_zone(zone, expected);
	changeset_undo(rebased, zone);
	after = message_zone_text(zone);
	assert_string_equal(before, after);
	free(before);
	free(after);
	changeset_unref(rebased);
	changeset_unref(cs);
	zone_free(zone);
}

static void what_others_added_stays(void **state)
{
	(void)state;
	rebases(changes_of(SOA "h 60 A 192.0.2.1\n",
			(const char *[]){
				"h 0 NONE A 192.0.2.1", "h 60 IN A 192.0.2.2", NULL}),
		SOA "h 60 A 192.0.2.1\nh 60 A 192.0.2.9\n",
		SOA_LINE("10") "h.example. 60 A 192.0.2.2\nh.example. 60 A 192.0.2.9\n");
}

static void what_is_there_already_changes_nothing(void **state)
{
	struct changeset *cs =
		changes_of(SOA, (const char *[]){"h 60 IN A 192.0.2.1", NULL});
	struct zone *zone = message_make_zone("example.", SOA "h 60 A 192.0.2.1\n");
	struct changeset *rebased;

	(void)state;
	assert_int_equal(rebase_changeset(zone, cs, &rebased), 0);
	assert_int_equal(rebased->count, 0);
	changeset_unref(rebased);
	changeset_unref(cs);
	zone_free(zone);
}

static void a_cname_gives_way_to_an_address(void **state)
{
	const char *const zone = SOA "h 60 CNAME elsewhere\n";

	(void)state;
	rebases(changes_of(zone,
			(const char *[]){"h 0 ANY CNAME", "h 60 IN A 192.0.2.1", NULL}),
		zone, SOA_LINE("10") "h.example. 60 A 192.0.2.1\n");
}

static void all_name_servers_of_the_apex_can_change(void **state)
{
	const char *const zone = SOA "@ 60 NS a\n@ 60 NS b\n";

	(void)state;
	rebases(changes_of(zone,
			(const char *[]){
				"@ 60 IN NS c", "@ 0 NONE NS a", "@ 0 NONE NS b", NULL}),
		zone, SOA_LINE("10") "example. 60 NS c.example.\n");
}

static void another_ttl_keeps_the_name_servers(void **state)
{
	const char *const zone = SOA "@ 60 NS a\n@ 60 NS b\n";

	(void)state;
	rebases(changes_of(zone, (const char *[]){"@ 90 IN NS c", NULL}), zone,
		SOA_LINE("10") "example. 90 NS a.example.\nexample. 90 NS b.example.\n"
			       "example. 90 NS c.example.\n");
	rebases(changes_of(zone, (const char *[]){"@ 90 IN NS a", NULL}), zone,
		SOA_LINE("10") "example. 90 NS a.example.\nexample. 90 NS b.example.\n");
}

static void the_serial_only_moves_forward(void **state)
{
	const char *const lines[] = {"@ 60 IN SOA ns admin 20 2 3 4 5", NULL};

	(void)state;
	rebases(changes_of(SOA, lines), "@ 60 SOA ns admin 15 2 3 4 5\n", SOA_LINE("20"));
	rebases(changes_of(SOA, lines), "@ 60 SOA ns admin 25 2 3 4 5\n", SOA_LINE("25"));
}

static void an_incremental_transfer_keeps_the_order_of_its_versions(void **state)
{
	/* 10 to 11: h comes; 11 to 12: h goes again, i comes. */
	const char *const lines[] = {
		"@ 0 NONE SOA ns admin 10 2 3 4 5",
		"@ 60 IN SOA ns admin 11 2 3 4 5",
		"h 60 IN A 192.0.2.1",
		"@ 0 NONE SOA ns admin 11 2 3 4 5",
		"h 0 NONE A 192.0.2.1",
		"@ 60 IN SOA ns admin 12 2 3 4 5",
		"i 60 IN A 192.0.2.2",
		NULL,
	};
	struct zone *zone = message_make_zone("example.", SOA);
	struct update *difference = message_update_of("example.", lines);
	struct changeset *cs;

	(void)state;
	assert_int_equal(rebase_difference(zone, difference, &cs), 0);
	message_assert_zone(zone, SOA_LINE("12") "i.example. 60 A 192.0.2.2\n");
	assert_null(changeset_find(cs, message_name("h.example."), TYPE_A));
	changeset_unref(cs);
	update_free(difference);
	zone_free(zone);
}

/* The last of the name servers that are deleted is one that is added again. */
static void a_difference_with_another_ttl_deletes_name_servers(void **state)
{
	const char *const lines[] = {
		"@ 0 NONE SOA ns admin 10 2 3 4 5",
		"@ 0 NONE NS a",
		"@ 0 NONE NS b",
		"@ 0 NONE NS c",
		"@ 60 IN SOA ns admin 11 2 3 4 5",
		"@ 90 IN NS a",
		NULL,
	};
	struct zone *zone =
		message_make_zone("example.", SOA "@ 60 NS a\n@ 60 NS b\n@ 60 NS c\n");
	struct update *difference = message_update_of("example.", lines);
	struct changeset *cs;

	(void)state;
	assert_int_equal(rebase_difference(zone, difference, &cs), 0);
	message_assert_zone(zone, SOA_LINE("11") "example. 90 NS a.example.\n");
	changeset_unref(cs);
	update_free(difference);
	zone_free(zone);
}

/* From each state on the way, the differences of the merged change lead to the last one.
 */
static void from_any_state_on_the_way_to_the_last(void **state)
{
	const char *const states[] = {SOA "h 60 A 192.0.2.5\n", SOA "h 60 A 192.0.2.6\n",
		SOA "h 60 A 192.0.2.7\nh 60 A 192.0.2.8\n"};
	struct changeset *first = changes_of(
		states[0], (const char *[]){"h 0 ANY A", "h 60 IN A 192.0.2.6", NULL});
	struct changeset *second = changes_of(states[1],
		(const char *[]){
			"h 0 ANY A", "h 60 IN A 192.0.2.7", "h 60 IN A 192.0.2.8", NULL});
	struct changeset *merged = changeset_new(), *done;

	(void)state;
	assert_int_equal(rebase_merge_uncertain(merged, first), 0);
	assert_int_equal(rebase_merge_uncertain(merged, second), 0);
	for (int i = 0; i < 3; i++) {
		struct zone *zone = message_make_zone("example.", states[i]);

		assert_int_equal(rebase_changeset(zone, merged, &done), 0);
		message_assert_zone(zone,
			SOA_LINE("10") "h.example. 60 A 192.0.2.7\n"
				       "h.example. 60 A 192.0.2.8\n");
		changeset_unref(done);
		zone_free(zone);
	}
	changeset_unref(merged);
	changeset_unref(second);
	changeset_unref(first);
}

static void what_came_and_went_is_still_deleted(void **state)
{
	struct changeset *came =
		changes_of(SOA, (const char *[]){"h 60 IN A 192.0.2.1", NULL});
	struct changeset *went =
		changes_of(SOA "h 60 A 192.0.2.1\n", (const char *[]){"h 0 ANY A", NULL});
	struct changeset *merged = changeset_new();

	(void)state;
	assert_int_equal(rebase_merge_uncertain(merged, came), 0);
	assert_int_equal(rebase_merge_uncertain(merged, went), 0);
	assert_int_equal(merged->count, 1);
	assert_null(merged->changes[0].after);
	assert_int_equal(merged->changes[0].before->count, 1);
	changeset_unref(merged);
	changeset_unref(went);
	changeset_unref(came);
}

/* Whatever it is there, the last one replaces it: that takes no room. */
static void serials_do_not_add_up(void **state)
{
	struct changeset *merged = changeset_new();

	(void)state;
	for (int i = 0; i < 3; i++) {
		char soa[2][64];
		struct changeset *cs;

		for (int n = 0; n < 2; n++)
			snprintf(soa[n], sizeof(soa[n]),
				"@ 60 %s SOA ns admin %d 2 3 4 5\n", n ? "IN" : "",
				10 + i + n);
		cs = changes_of(soa[0], (const char *[]){soa[1], NULL});
		assert_int_equal(rebase_merge_uncertain(merged, cs), 0);
		changeset_unref(cs);
	}
	assert_int_equal(merged->count, 1);
	assert_int_equal(rrset_serial(merged->changes[0].before), 10);
	assert_int_equal(rrset_serial(merged->changes[0].after), 13);
	assert_int_equal(merged->changes[0].before->count, 1);
	changeset_unref(merged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_others_added_stays),
		cmocka_unit_test(what_is_there_already_changes_nothing),
		cmocka_unit_test(a_cname_gives_way_to_an_address),
		cmocka_unit_test(all_name_servers_of_the_apex_can_change),
		cmocka_unit_test(another_ttl_keeps_the_name_servers),
		cmocka_unit_test(a_difference_with_another_ttl_deletes_name_servers),
		cmocka_unit_test(the_serial_only_moves_forward),
		cmocka_unit_test(from_any_state_on_the_way_to_the_last),
		cmocka_unit_test(what_came_and_went_is_still_deleted),
		cmocka_unit_test(serials_do_not_add_up),
		cmocka_unit_test(an_incremental_transfer_keeps_the_order_of_its_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
