/* Rows that are written together: in which order they are read, what is removed of them,
 * and what happens to damaged ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/message.h"
#include "tests/unit/store_place.h"

enum { NUMBERS_MAX = 5000 };

struct numbers {
	uint64_t seq[NUMBERS_MAX];
	size_t count;
};

static int note_row(const struct store_row *row, void *arg)
{
	struct numbers *numbers = arg;

	assert_true(numbers->count < NUMBERS_MAX);
	numbers->seq[numbers->count++] = row->seq;
	return 0;
}

static int note_change(const struct store_row *row, struct changeset *changes, void *arg)
{
	struct numbers *numbers = arg;

	assert_int_equal(changes->count, 2);
	numbers->seq[numbers->count++] = row->seq;
	return 0;
}

/* Those whose bits are set in others are of zone 2. */
static void append_mixed(
	struct store_place *place, const uint64_t *seqs, size_t count, uint64_t others)
{
	assert_int_equal(place->ops->begin(place->store), 0);
	for (size_t i = 0; i < count; i++)
		store_place_append(place, seqs[i] < 64 && others >> seqs[i] & 1 ? 2 : 1,
			seqs[i], "a 60 IN A 192.0.2.1");
	assert_int_equal(place->ops->commit(place->store), 0);
}

static void append_group(struct store_place *place, const uint64_t *seqs, size_t count)
{
	append_mixed(place, seqs, count, 0);
}

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* All of 1 to count, in both directions, as rows and as changes. */
static void check_all(struct store_place *place, uint64_t count)
{
	struct store_filter filter = {.limit = NUMBERS_MAX};
	struct numbers up = {.count = 0}, down = {.count = 0}, changes = {.count = 0};
	uint64_t next;

	assert_int_equal(
		place->ops->each_row(place->store, &filter, &next, note_row, &up), 0);
	filter.is_newest_first = true;
	assert_int_equal(
		place->ops->each_row(place->store, &filter, &next, note_row, &down), 0);
	for (int64_t zone = 1; zone <= 2; zone++)
		assert_int_equal(place->ops->each_change(place->store, zone, 0,
					 NUMBERS_MAX, note_change, &changes),
			0);
	qsort(changes.seq, changes.count, sizeof(changes.seq[0]), compare_numbers);
	assert_int_equal(up.count, count);
	assert_int_equal(down.count, count);
	assert_int_equal(changes.count, count);
	for (uint64_t i = 0; i < count; i++) {
		assert_int_equal(up.seq[i], i + 1);
		assert_int_equal(down.seq[i], count - i);
		assert_int_equal(changes.seq[i], i + 1);
	}
}

static void rows_of_two_zones_share_a_pack(void **state)
{
	struct store_place *place = *state;

	append_mixed(place, (const uint64_t[]){1, 2, 3, 4, 5}, 5, 1 << 3 | 1 << 5);
	check_all(place, 5);
	assert_int_equal(
		store_place_number(place->path, "SELECT count(*) FROM packs"), 1);
	assert_int_equal(store_place_number(place->path, "SELECT last FROM packs"), 5);
	assert_int_equal(
		store_place_number(place->path, "SELECT count(*) FROM journal"), 0);
	store_place_reopen(place);
	append_group(place, (const uint64_t[]){6, 7}, 2);
	check_all(place, 7);
}

/* As version 0.1 wrote those of which two threads had the numbers: alone. */
static void a_late_row_stands_where_it_belongs(void **state)
{
	struct store_place *place = *state;

	append_mixed(place, (const uint64_t[]){1, 2, 5, 6}, 4, 1 << 5 | 1 << 6);
	store_place_append(place, 1, 3, "a 60 IN A 192.0.2.1");
	store_place_append(place, 1, 4, "a 60 IN A 192.0.2.1");
	check_all(place, 6);
	assert_int_equal(
		store_place_number(place->path, "SELECT count(*) FROM journal"), 2);
}

static void many_rows_are_several_packs(void **state)
{
	struct store_place *place = *state;
	uint64_t seqs[1200];

	for (size_t i = 0; i < 1200; i++)
		seqs[i] = i + 1;
	append_group(place, seqs, 1200);
	check_all(place, 1200);
	assert_true(store_place_number(place->path, "SELECT count(*) FROM packs") > 1);
	assert_true(store_place_number(
			    place->path, "SELECT max(length(rows)) FROM packs") <= 65536);
}

/* More than is gathered at a time, with one request that is a pack of its own. */
static void much_is_written_before_the_end(void **state)
{
	static uint8_t request[UINT16_MAX];
	struct store_place *place = *state;
	struct store_filter filter = {.limit = NUMBERS_MAX};
	struct numbers numbers = {.count = 0};
	struct store_row row = {.zone = 1, .request = request};
	uint64_t next;

	assert_int_equal(place->ops->begin(place->store), 0);
	for (row.seq = 1; row.seq <= 40; row.seq++) {
		row.request_len = row.seq % 4 ? sizeof(request) : 1;
		assert_int_equal(place->ops->append(place->store, &row), 0);
	}
	assert_int_equal(place->ops->commit(place->store), 0);
	assert_int_equal(
		place->ops->each_row(place->store, &filter, &next, note_row, &numbers),
		0);
	assert_int_equal(numbers.count, 40);
}

static void what_was_undone_leaves_its_numbers_free(void **state)
{
	struct store_place *place = *state;

	append_group(place, (const uint64_t[]){1, 2}, 2);
	assert_int_equal(place->ops->begin(place->store), 0);
	store_place_append(place, 1, 3, "a 60 IN A 192.0.2.1");
	assert_int_equal(
		place->ops->set_outcome(place->store, 3, RCODE_REFUSED, "no"), 0);
	place->ops->rollback(place->store);
	append_group(place, (const uint64_t[]){3, 4}, 2);
	check_all(place, 4);
	assert_int_equal(
		store_place_number(place->path, "SELECT count(*) FROM packs"), 2);
}

/* A corrected row has two copies, which are removed at the same time. */
static void a_corrected_row_is_forgotten_as_a_whole(void **state)
{
	struct store_place *place = *state;
	uint64_t next;

	append_group(place, (const uint64_t[]){1, 2, 3}, 3);
	assert_int_equal(
		place->ops->set_outcome(place->store, 2, RCODE_REFUSED, "no"), 0);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "one", 1), 0);
	assert_int_equal(
		place->ops->prune(place->store, 1800000000000, 0, 100, &next), 0);
	assert_int_equal(place->ops->count_changes(place->store, 1, 0, 9, &next), 0);
	assert_int_equal(next, 2);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "one", 3), 0);
	assert_int_equal(
		place->ops->prune(place->store, 1800000000000, 0, 100, &next), 0);
	assert_int_equal(place->ops->count_changes(place->store, 1, 0, 9, &next), 0);
	assert_int_equal(next, 1); /* the newest */
	assert_int_equal(
		store_place_number(place->path, "SELECT count(*) FROM journal"), 0);
	assert_int_equal(
		store_place_number(place->path, "SELECT count(*) FROM packs"), 1);
}

/* Its sender and content are shown as long as it is listed, and it may be tried again. */
static void what_is_set_aside_is_not_forgotten(void **state)
{
	struct store_place *place = *state;
	const struct verdict why = verdict_refuse(RCODE_REFUSED, EDE_NONE, "not here");
	uint64_t next;

	append_group(place, (const uint64_t[]){1, 2, 3}, 3);
	assert_int_equal(place->ops->put_cursor(place->store, 1, "one", 3), 0);
	assert_int_equal(place->ops->set_aside(place->store, 1, "one", 2, 1, &why), 0);
	assert_int_equal(
		place->ops->prune(place->store, 1800000000000, 0, 100, &next), 0);
	assert_int_equal(place->ops->count_changes(place->store, 1, 0, 9, &next), 0);
	assert_int_equal(next, 2); /* and the newest */
	assert_int_equal(place->ops->drop_aside(place->store, 1, "one", 2), 0);
	assert_int_equal(
		place->ops->prune(place->store, 1800000000000, 0, 100, &next), 0);
	assert_int_equal(place->ops->count_changes(place->store, 1, 0, 9, &next), 0);
	assert_int_equal(next, 1);
}

static void a_damaged_pack_is_an_error(void **state)
{
	static const char *const damages[] = {
		"UPDATE packs SET rows = substr(rows, 1, length(rows) - 1)",
		"UPDATE packs SET rows = x'00000000' || substr(rows, 5)",
		"UPDATE packs SET rows = substr(rows, 1, 4) || x'ffff' || substr(rows, "
		"7)",
		"UPDATE packs SET rows = substr(rows, 1, 40) || x'ff' || substr(rows, "
		"42)",
		"UPDATE packs SET rows = x'01'",
	};
	struct store_place *place = *state;
	const struct store_filter filter = {.limit = 9};
	struct numbers numbers = {.count = 0};
	uint64_t next;

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		append_group(place, (const uint64_t[]){i + 1}, 1);
		store_place_execute(place->path, damages[i]);
		assert_int_equal(place->ops->each_row(place->store, &filter, &next,
					 note_row, &numbers),
			-EIO);
		assert_int_equal(
			place->ops->prune(place->store, 1800000000000, 0, 9, &next),
			-EIO);
		store_place_execute(place->path, "DELETE FROM packs");
	}
	assert_int_equal(numbers.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_PLACE_SQLITE_TEST(rows_of_two_zones_share_a_pack),
		STORE_PLACE_SQLITE_TEST(a_late_row_stands_where_it_belongs),
		STORE_PLACE_SQLITE_TEST(many_rows_are_several_packs),
		STORE_PLACE_SQLITE_TEST(much_is_written_before_the_end),
		STORE_PLACE_SQLITE_TEST(what_was_undone_leaves_its_numbers_free),
		STORE_PLACE_SQLITE_TEST(a_corrected_row_is_forgotten_as_a_whole),
		STORE_PLACE_SQLITE_TEST(what_is_set_aside_is_not_forgotten),
		STORE_PLACE_SQLITE_TEST(a_damaged_pack_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
