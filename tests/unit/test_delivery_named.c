/* Which entry a server means, by the words in which it refuses a batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/delivery/delivery_private.h"
#include "tests/unit/message.h"

enum { ENTRIES = 8, NOBODY = -1 };

static const struct {
	const char *owner;
	uint16_t type;
} entries[ENTRIES] = {
	{"a.example.", TYPE_A},
	{"b.example.", TYPE_A},
	{"b.example.", TYPE_CNAME},
	{"c.example.", TYPE_MX},
	{"d\\032d.example.", TYPE_TXT},
	{"b.example.", TYPE_A},
	{"e.example.", TYPE_A},
	{"f.example.", TYPE_A},
};

/* Only the first of so many entries are in the batch that is refused with this text. */
static int named(size_t in_batch, const char *text)
{
	struct delivery *d = calloc(1, sizeof(*d));
	struct delivery_batch batch = {.changes = changeset_new(), .entries = in_batch};
	int named;

	delivery_list_init(&d->queue, DELIVERY_QUEUE_MAX, NULL);
	for (size_t i = 0; i < ENTRIES; i++) {
		struct changeset *changes = changeset_new();
		struct rrset *set = rrset_new(TYPE_A, 60, (const uint8_t *)"\1\2\3\4", 4);

		assert_int_equal(changeset_append(changes, message_name(entries[i].owner),
					 entries[i].type, NULL, set),
			0);
		assert_int_equal(delivery_list_add(&d->queue, i + 1, changes, false), 0);
		if (i < in_batch)
			assert_int_equal(changeset_merge(batch.changes, changes), 0);
		changeset_unref(changes);
		rrset_unref(set);
	}
	delivery_note_named(d, &batch, text);
	named = d->blame.is_named ? (int)d->blame.before : NOBODY;
	delivery_list_clear(&d->queue);
	changeset_unref(batch.changes);
	free(d);
	return named;
}

static void as_powerdns_says_it(void **state)
{
	(void)state;
	assert_int_equal(named(ENTRIES,
				 "PowerDNS: RRset c.example. IN MX non-hostname content "
				 "_bad.example."),
		3);
	assert_int_equal(
		named(ENTRIES,
			"PowerDNS: Record a.example./A '192.0.2': Parsing record content "
			"(try 'pdnsutil check-zone'): unable to parse IP address"),
		0);
	assert_int_equal(named(ENTRIES,
				 "PowerDNS: RRset b.example. IN CNAME: Conflicts with "
				 "pre-existing RRset"),
		2);
	assert_int_equal(
		named(ENTRIES,
			"PowerDNS: Duplicate record in RRset e.example. IN A with "
			"content \"192.0.2.1\""),
		6);
	assert_int_equal(named(ENTRIES,
				 "PowerDNS: Name 'd\\032d.example.' contains unsupported "
				 "characters"),
		4);
	assert_int_equal(
		named(ENTRIES,
			"PowerDNS: Record F.EXAMPLE. IN A is only allowed at apex"),
		7);
}

static void the_last_one_counts(void **state)
{
	(void)state;
	assert_int_equal(named(ENTRIES, "RRset b.example. IN A: no"), 5);
	assert_int_equal(named(5, "RRset b.example. IN A: no"), 1);
	/* Without its type, of all that it has. */
	assert_int_equal(named(5, "target says REFUSED: b.example. is not yours"), 2);
}

static void what_is_not_in_the_batch_is_not_meant(void **state)
{
	(void)state;
	assert_int_equal(named(6, "RRset f.example. IN A: no"), NOBODY);
	assert_int_equal(named(ENTRIES, "RRset a.example. IN MX: no"), NOBODY);
	assert_int_equal(named(ENTRIES, "RRset z.example. IN A of a.example. IN A"), 0);
}

static void nobody_is_named(void **state)
{
	char text[2 * NAME_TEXT_MAX];

	(void)state;
	assert_int_equal(named(ENTRIES, ""), NOBODY);
	assert_int_equal(named(ENTRIES, "target says REFUSED"), NOBODY);
	assert_int_equal(
		named(ENTRIES, " . .. a..example. /A 'a.example"), NOBODY);
	assert_int_equal(named(ENTRIES, "\\ \\9. a.example.\\"), NOBODY);
	memset(text, 'a', sizeof(text));
	memcpy(text + sizeof(text) - 2, ".", 2);
	assert_int_equal(named(ENTRIES, text), NOBODY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_powerdns_says_it),
		cmocka_unit_test(the_last_one_counts),
		cmocka_unit_test(what_is_not_in_the_batch_is_not_meant),
		cmocka_unit_test(nobody_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
