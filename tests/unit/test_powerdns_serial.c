/* How PowerDNS moves serials, and when it must rectify.  The numbers are from 4.7.3. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/target/powerdns_rectify.h"
#include "gateway/target/powerdns_serial.h"
#include "message.h"

static struct powerdns_serial serial_of(
	const char *soa_edit_api, const char *soa_edit, uint32_t stored, uint32_t served)
{
	struct powerdns_serial now;

	powerdns_serial_init(&now, soa_edit_api, soa_edit, stored, served);
	return now;
}

static void kinds_are_known(void **state)
{
	static const struct {
		const char *soa_edit_api, *soa_edit;
		enum powerdns_bump bump;
		bool must_send;
	} kinds[] = {
		{"", "", POWERDNS_BUMP_NONE, true},
		{"OFF", "", POWERDNS_BUMP_NONE, true},
		{"NONE", "", POWERDNS_BUMP_NONE, true},
		{"DEFAULT", "", POWERDNS_BUMP_DEFAULT, false},
		{"default", "NONE", POWERDNS_BUMP_DEFAULT, false},
		{"INCREASE", "", POWERDNS_BUMP_INCREASE, false},
		{"EPOCH", "", POWERDNS_BUMP_EPOCH, false},
		{"SOA-EDIT", "", POWERDNS_BUMP_EDIT, true},
		{"SOA-EDIT", "INCREMENT-WEEKS", POWERDNS_BUMP_EDIT, true},
		{"SOA-EDIT-INCREASE", "", POWERDNS_BUMP_INCREASE, false},
		{"SOA-EDIT-INCREASE", "INCEPTION-INCREMENT", POWERDNS_BUMP_EDIT_INCREASE,
			false},
		{"OF-ANOTHER-DAY", "", POWERDNS_BUMP_EDIT, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct powerdns_serial now =
			serial_of(kinds[i].soa_edit_api, kinds[i].soa_edit, 5, 5);
		assert_int_equal(now.bump, kinds[i].bump);
		assert_int_equal(powerdns_serial_must_send(&now), kinds[i].must_send);
	}
}

static uint32_t to_send(const char *soa_edit_api, const char *soa_edit, uint32_t stored,
	uint32_t served, uint32_t wanted)
{
	struct powerdns_serial now = serial_of(soa_edit_api, soa_edit, stored, served);

	return powerdns_serial_to_send(&now, wanted ? &wanted : NULL);
}

static void what_is_sent_becomes_what_was_wanted(void **state)
{
	(void)state;
	assert_int_equal(to_send("", "", 5, 5, 100), 100);
	assert_int_equal(to_send("OFF", "", 5, 5, 100), 100);
	assert_int_equal(to_send("INCREASE", "", 5, 5, 100), 99);
	assert_int_equal(to_send("INCREASE", "", 5, 5, 6), 5);
	assert_int_equal(
		to_send("DEFAULT", "", 2026010105, 2026010105, 3000000000), 2999999999);
	assert_int_equal(to_send("SOA-EDIT-INCREASE", "", 5, 5, 100), 99);
	assert_int_equal(to_send("EPOCH", "", 5, 5, 100), 100);
	assert_int_equal(to_send("SOA-EDIT", "", 5, 5, 100), 100);
}

static void without_a_wanted_serial_the_next_is_sent(void **state)
{
	(void)state;
	assert_int_equal(to_send("", "", 5, 5, 0), 6);
	assert_int_equal(to_send("", "", UINT32_MAX, UINT32_MAX, 0), 1);
	assert_int_equal(to_send("SOA-EDIT", "", 5, 5, 0), 6);
	assert_int_equal(to_send("", "INCREMENT-WEEKS", 5, 2973, 0), 6);
	/* Stored far behind the calendar: 6 would be served as before. */
	assert_int_equal(
		to_send("", "INCEPTION-INCREMENT", 5, 2026111901, 0), 2026111902);
	/* So does default-soa-edit, which no setting of the zone shows. */
	assert_int_equal(to_send("", "", 5, 2026111901, 0), 2026111902);
	assert_int_equal(to_send("", "EPOCH", 3000000000, 1795253175, 0), 3000000001);
}

static void a_serial_that_was_overtaken_does_not_go_back(void **state)
{
	(void)state;
	assert_int_equal(to_send("", "", 50, 50, 20), 51);
	assert_int_equal(to_send("", "", 50, 50, 50), 51);
	assert_int_equal(to_send("INCREASE", "", 50, 50, 20), 50); /* becomes 51 */
}

static enum powerdns_fit fits_after(
	enum powerdns_bump bump, uint32_t before, uint32_t after)
{
	const struct powerdns_write write = {.before = before};

	return powerdns_serial_fits(bump, &write, after);
}

static enum powerdns_fit fits_sent(enum powerdns_bump bump, uint32_t sent, uint32_t after)
{
	const struct powerdns_write write = {.before = 1, .has_soa = true, .sent = sent};

	return powerdns_serial_fits(bump, &write, after);
}

static void one_write_or_two(void **state)
{
	(void)state;
	assert_int_equal(fits_after(POWERDNS_BUMP_NONE, 5, 5), POWERDNS_FIT_YES);
	assert_int_equal(fits_after(POWERDNS_BUMP_NONE, 5, 6), POWERDNS_FIT_NO);
	assert_int_equal(fits_after(POWERDNS_BUMP_INCREASE, 5, 6), POWERDNS_FIT_YES);
	assert_int_equal(fits_after(POWERDNS_BUMP_INCREASE, 5, 7), POWERDNS_FIT_NO);
	assert_int_equal(fits_after(POWERDNS_BUMP_INCREASE, 5, 5), POWERDNS_FIT_NO);
	assert_int_equal(
		fits_after(POWERDNS_BUMP_INCREASE, UINT32_MAX, 0), POWERDNS_FIT_YES);
	assert_int_equal(fits_after(POWERDNS_BUMP_EPOCH, 5, 9), POWERDNS_FIT_MAYBE);
	assert_int_equal(fits_after(POWERDNS_BUMP_EDIT, 5, 9), POWERDNS_FIT_MAYBE);
	assert_int_equal(
		fits_after(POWERDNS_BUMP_EDIT_INCREASE, 5, 9), POWERDNS_FIT_MAYBE);
	assert_int_equal(fits_sent(POWERDNS_BUMP_NONE, 9, 9), POWERDNS_FIT_YES);
	assert_int_equal(fits_sent(POWERDNS_BUMP_NONE, 9, 10), POWERDNS_FIT_NO);
	assert_int_equal(fits_sent(POWERDNS_BUMP_INCREASE, 9, 10), POWERDNS_FIT_YES);
	assert_int_equal(fits_sent(POWERDNS_BUMP_INCREASE, 9, 9), POWERDNS_FIT_NO);
}

static void default_may_go_on_to_the_date(void **state)
{
	const enum powerdns_bump kind = POWERDNS_BUMP_DEFAULT;

	(void)state;
	assert_int_equal(fits_after(kind, 2026112103, 2026112104), POWERDNS_FIT_YES);
	assert_int_equal(fits_after(kind, 2026112103, 2026112201), POWERDNS_FIT_YES);
	assert_int_equal(fits_after(kind, 10, 2026112201), POWERDNS_FIT_YES);
	assert_int_equal(fits_after(kind, 2026112103, 2026112105), POWERDNS_FIT_NO);
	assert_int_equal(fits_after(kind, 2026112103, 2026112202), POWERDNS_FIT_NO);
	assert_int_equal(fits_after(kind, 2026112103, 2026111901), POWERDNS_FIT_NO);
	assert_int_equal(fits_after(kind, 2026112103, 2026133201), POWERDNS_FIT_NO);
	/* A hundred changes in one day and two writes, or the next day. */
	assert_int_equal(fits_after(kind, 2026112199, 2026112200), POWERDNS_FIT_YES);
	assert_int_equal(fits_after(kind, 2026112199, 2026112201), POWERDNS_FIT_NO);
	assert_int_equal(fits_sent(kind, 5, 2026112201), POWERDNS_FIT_YES);
	assert_int_equal(fits_sent(kind, 2999999999, 3000000000), POWERDNS_FIT_YES);
}

/* ---- rectifying ---- */

static const char *const zone_text = "@ 60 SOA ns root 1 2 3 4 5\n"
				     "@ 60 NS ns\n"
				     "plain 60 A 192.0.2.1\n"
				     "other 60 A 192.0.2.1\n"
				     "parent 60 A 192.0.2.1\n"
				     "parent 60 AAAA 2001:db8::1\n"
				     "x.y.parent 60 A 192.0.2.1\n"
				     "deep.ent 60 A 192.0.2.1\n";

static void note_names(struct powerdns_parents *parents, const struct zone *zone)
{
	const struct zone_node *node;
	size_t cursor = 0;

	while ((node = zone_next_node(zone, &cursor)))
		powerdns_parents_note_name(parents, zone_node_owner(node));
}

/* Applies each to the zone as a batch of its own: "+owner" or "-owner" (A), or '=' to
 * replace. */
static bool needs_rectify(char how, const char *owner, uint16_t type, bool is_signed)
{
	static const uint8_t rdata[] = {192, 0, 2, 9};
	struct zone *zone = message_make_zone("example.", zone_text);
	struct powerdns_parents *parents =
		powerdns_parents_new(message_name("example."), zone_seed(zone));
	struct changeset *changes = changeset_new();
	struct rrset *set = how == '-' ? NULL : rrset_new(type, 60, rdata, sizeof(rdata));
	bool needs;

	assert_non_null(parents);
	note_names(parents, zone);
	assert_int_equal(changeset_put(changes, zone, message_name(owner), type, set), 0);
	assert_int_equal(changes->count, 1);
	assert_int_equal(how == '+', changes->changes[0].before == NULL);
	needs = powerdns_parents_need_rectify(parents, changes, is_signed);
	rrset_unref(set);
	changeset_unref(changes);
	powerdns_parents_free(parents);
	zone_free(zone);
	return needs;
}

static void rectified_only_where_empty_names_may_come_or_go(void **state)
{
	(void)state;
	assert_false(needs_rectify('+', "new.example.", TYPE_A, false));
	assert_false(needs_rectify('-', "plain.example.", TYPE_A, false));
	assert_false(needs_rectify('=', "plain.example.", TYPE_A, false));
	assert_false(needs_rectify('+', "example.", TYPE_A, false));
	assert_false(needs_rectify('=', "example.", TYPE_NS, false));
	assert_false(needs_rectify('+', "ent.example.", TYPE_A, false));
	assert_false(needs_rectify('=', "deep.ent.example.", TYPE_A, false));
	assert_true(needs_rectify('+', "a.new.example.", TYPE_A, false));
	assert_true(needs_rectify('-', "deep.ent.example.", TYPE_A, false));
	assert_true(needs_rectify('-', "parent.example.", TYPE_A, false));
	assert_true(needs_rectify('+', "plain.example.", TYPE_NS, false));
	assert_true(needs_rectify('+', "plain.example.", TYPE_DS, false));
	assert_true(needs_rectify('+', "plain.example.", TYPE_DNAME, false));
}

static void signed_zones_are_always_rectified(void **state)
{
	(void)state;
	assert_true(needs_rectify('=', "plain.example.", TYPE_A, true));
	assert_true(needs_rectify('+', "new.example.", TYPE_A, true));
	assert_false(needs_rectify('=', "example.", TYPE_SOA, true));
}

static void names_that_batches_bring_are_remembered(void **state)
{
	static const uint8_t rdata[] = {192, 0, 2, 9};
	struct zone *zone = message_make_zone("example.", zone_text);
	struct powerdns_parents *parents =
		powerdns_parents_new(message_name("example."), zone_seed(zone));
	struct rrset *set = rrset_new(TYPE_A, 60, rdata, sizeof(rdata));
	struct changeset *changes = changeset_new(), *goes = changeset_new();
	char owner[64];

	(void)state;
	note_names(parents, zone);
	for (int i = 0; i < 1000; i++) {
		snprintf(owner, sizeof(owner), "a.p%d.example.", i);
		assert_int_equal(
			changeset_put(changes, zone, message_name(owner), TYPE_A, set),
			0);
	}
	assert_int_equal(changeset_put(changes, zone, message_name("a.plain.example."),
				 TYPE_A, set),
		0);
	assert_int_equal(
		changeset_put(goes, zone, message_name("plain.example."), TYPE_A, NULL),
		0);
	assert_false(powerdns_parents_need_rectify(parents, goes, false));
	powerdns_parents_note(parents, changes);
	assert_true(powerdns_parents_need_rectify(parents, goes, false));
	assert_false(needs_rectify('-', "other.example.", TYPE_A, false));
	changeset_unref(goes);
	changeset_unref(changes);
	rrset_unref(set);
	powerdns_parents_free(parents);
	zone_free(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_known),
		cmocka_unit_test(what_is_sent_becomes_what_was_wanted),
		cmocka_unit_test(without_a_wanted_serial_the_next_is_sent),
		cmocka_unit_test(a_serial_that_was_overtaken_does_not_go_back),
		cmocka_unit_test(one_write_or_two),
		cmocka_unit_test(default_may_go_on_to_the_date),
		cmocka_unit_test(rectified_only_where_empty_names_may_come_or_go),
		cmocka_unit_test(signed_zones_are_always_rectified),
		cmocka_unit_test(names_that_batches_bring_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
