/* Rows melt: targets find what they come to, administrators what they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/message.h"
#include "tests/unit/store_place.h"

enum { ZONE = 1, OTHER = 2, ROWS = 9 };

static const char part_line[] = "part 60 IN A 192.0.2.99";

/* Rows 1 to 8 in two transactions, and 9 alone; 4 is another zone's, 5 a refusal. */
static void append_rows(struct store_place *place)
{
	char line[40];

	for (uint64_t seq = 1; seq <= ROWS; seq++) {
		snprintf(line, sizeof(line), "a%u 60 IN A 192.0.2.1", (unsigned)seq);
		if (seq == 1 || seq == 6)
			assert_int_equal(place->ops->begin(place->store), 0);
		store_place_append(
			place, seq == 4 ? OTHER : ZONE, seq, seq == 5 ? NULL : line);
		if (seq == 5 || seq == 8)
			assert_int_equal(place->ops->commit(place->store), 0);
	}
}

static int melt(struct store_place *place, uint64_t first, uint64_t last,
	const uint64_t *seqs, size_t count)
{
	struct changeset *part = store_place_changes(part_line);
	struct changeset *const parts[] = {part, part};
	const struct store_melting melting = {.zone = ZONE,
		.first = first,
		.last = last,
		.count = count,
		.seqs = seqs,
		.parts = parts};
	int r = place->ops->begin(place->store);

	assert_int_equal(r, 0);
	r = place->ops->melt(place->store, &melting);
	changeset_unref(part);
	return r;
}

/* "1 2 7*": rows with changes; * marks a part. */
static int note_change(const struct store_row *row, struct changeset *changes, void *arg)
{
	char *text = arg;
	const bool is_part =
		changeset_find(changes, message_name("part.example."), TYPE_A) != NULL;

	sprintf(text + strlen(text), "%s%u%s", text[0] ? " " : "", (unsigned)row->seq,
		is_part ? "*" : "");
	return 0;
}

static void assert_changes(
	struct store_place *place, int64_t zone, uint64_t after, const char *expected)
{
	char text[200] = "";
	uint64_t count, numbers = 0;

	assert_int_equal(place->ops->each_change(
				 place->store, zone, after, 100, note_change, text),
		0);
	assert_string_equal(text, expected);
	for (const char *at = text; *at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : "")
		numbers++;
	assert_int_equal(
		place->ops->count_changes(place->store, zone, after, 100, &count), 0);
	assert_int_equal(count, numbers);
}

static int count_row(const struct store_row *row, void *arg)
{
	(void)row;
	++*(int *)arg;
	return 0;
}

static int rows_left(struct store_place *place)
{
	const struct store_filter filter = {.limit = 100};
	uint64_t next;
	int count = 0;

	assert_int_equal(
		place->ops->each_row(place->store, &filter, &next, count_row, &count), 0);
	return count;
}

static void only_the_parts_are_left(void **state)
{
	struct store_place *place = *state;

	append_rows(place);
	assert_changes(place, ZONE, 0, "1 2 3 6 7 8 9");
	assert_int_equal(melt(place, 2, 7, (const uint64_t[]){6, 7}, 2), 0);
	assert_int_equal(place->ops->commit(place->store), 0);
	store_place_reopen(place);
	assert_changes(place, ZONE, 0, "1 6* 7* 8 9");
	assert_changes(place, ZONE, 6, "7* 8 9");
	assert_changes(place, OTHER, 0, "4");
	assert_int_equal(rows_left(place), ROWS);
}

static void parts_melt_again(void **state)
{
	struct store_place *place = *state;

	append_rows(place);
	assert_int_equal(melt(place, 2, 7, (const uint64_t[]){6, 7}, 2), 0);
	assert_int_equal(place->ops->commit(place->store), 0);
	assert_int_equal(melt(place, 2, 9, (const uint64_t[]){9}, 1), 0);
	assert_int_equal(place->ops->commit(place->store), 0);
	assert_changes(place, ZONE, 0, "1 9*");
	assert_int_equal(rows_left(place), ROWS);
}

static void a_part_of_a_transaction_melts(void **state)
{
	struct store_place *place = *state;

	append_rows(place);
	assert_int_equal(melt(place, 2, 2, (const uint64_t[]){2}, 1), 0);
	assert_int_equal(place->ops->commit(place->store), 0);
	assert_changes(place, ZONE, 0, "1 2* 3 6 7 8 9");
	assert_changes(place, ZONE, 1, "2* 3 6 7 8 9");
}

static void they_may_come_to_nothing(void **state)
{
	struct store_place *place = *state;

	append_rows(place);
	assert_int_equal(melt(place, 1, 8, NULL, 0), 0);
	assert_int_equal(place->ops->commit(place->store), 0);
	assert_changes(place, ZONE, 0, "9");
	assert_changes(place, OTHER, 0, "4");
}

static void what_is_rolled_back_has_not_melted(void **state)
{
	struct store_place *place = *state;

	append_rows(place);
	assert_int_equal(melt(place, 2, 7, (const uint64_t[]){6, 7}, 2), 0);
	place->ops->rollback(place->store);
	assert_changes(place, ZONE, 0, "1 2 3 6 7 8 9");
}

/* 5 is a refusal, which is no part of this. */
static void other_rows_cannot_be_parts(void **state)
{
	struct store_place *place = *state;

	append_rows(place);
	assert_int_not_equal(melt(place, 2, 7, (const uint64_t[]){4}, 1), 0);
	place->ops->rollback(place->store);
	assert_int_not_equal(melt(place, 2, 7, (const uint64_t[]){5}, 1), 0);
	place->ops->rollback(place->store);
	assert_int_not_equal(melt(place, 2, 7, (const uint64_t[]){7, 20}, 2), 0);
	place->ops->rollback(place->store);
	assert_changes(place, ZONE, 0, "1 2 3 6 7 8 9");
}

/* Although no target has got them. */
static void what_has_melted_is_forgotten_when_it_is_old(void **state)
{
	struct store_place *place = *state;
	uint64_t next;

	append_rows(place);
	assert_int_equal(place->ops->put_cursor(place->store, ZONE, "one", 1), 0);
	assert_int_equal(place->ops->put_cursor(place->store, OTHER, "one", 1), 0);
	assert_int_equal(melt(place, 2, 8, (const uint64_t[]){7, 8}, 2), 0);
	assert_int_equal(place->ops->commit(place->store), 0);
	assert_int_equal(
		place->ops->prune(place->store, 1700000000000, 0, 100, &next), 0);
	assert_int_equal(rows_left(place), ROWS);
	assert_int_equal(
		place->ops->prune(place->store, 1800000000000, 0, 100, &next), 0);
	assert_int_equal(rows_left(place), 4); /* of the other zone; 7, 8 and 9 */
	assert_changes(place, ZONE, 1, "7* 8* 9");
	assert_changes(place, OTHER, 1, "4");
}

/* The copy of a row that was corrected melts, too. */
static void rows_that_stand_alone_melt(void **state)
{
	struct store_place *place = *state;
	uint64_t next;

	append_rows(place);
	assert_int_equal(
		place->ops->set_outcome(place->store, 2, RCODE_REFUSED, "no"), 0);
	assert_int_equal(
		place->ops->set_outcome(place->store, 8, RCODE_REFUSED, "no"), 0);
	assert_int_equal(place->ops->put_cursor(place->store, ZONE, "one", 0), 0);
	assert_int_equal(melt(place, 1, 9, (const uint64_t[]){8, 9}, 2), 0);
	assert_int_equal(place->ops->commit(place->store), 0);
	assert_changes(place, ZONE, 0, "8* 9*");
	assert_int_equal(place->ops->put_cursor(place->store, OTHER, "one", 4), 0);
	assert_int_equal(
		place->ops->prune(place->store, 1800000000000, 0, 100, &next), 0);
	assert_changes(place, ZONE, 0, "8* 9*");
	assert_int_equal(rows_left(place), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_PLACE_TEST(only_the_parts_are_left),
		STORE_PLACE_TEST(parts_melt_again),
		STORE_PLACE_TEST(a_part_of_a_transaction_melts),
		STORE_PLACE_TEST(they_may_come_to_nothing),
		STORE_PLACE_TEST(what_is_rolled_back_has_not_melted),
		STORE_PLACE_SQLITE_TEST(other_rows_cannot_be_parts),
		STORE_PLACE_TEST(what_has_melted_is_forgotten_when_it_is_old),
		STORE_PLACE_TEST(rows_that_stand_alone_melt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
