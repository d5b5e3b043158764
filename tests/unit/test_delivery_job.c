/* What the reader's thread does for a delivery: a large backlog is read in several jobs,
 * and cut into entries that do not take the zone thread long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/delivery/delivery_private.h"
#include "gateway/thread/zone_thread.h"
#include "tests/unit/message.h"
#include "tests/unit/store_memory.h"

#define PATH "test_delivery_job"

enum {
	NAMES = 1000,
	ROWS = 45000,      /* of these names */
	JOB_MAX = 20000,   /* rows that a job reads */
	ENTRY_MAX = 400,   /* RRsets of an entry */
	PIECE = 50,        /* rows that need not be folded */
	FEW = 10,          /* fewer */
	BATCH_MAX = 10000, /* RRsets that the target would take */
};

static struct store *store;
static int64_t zone_id;

static void append(uint64_t seq, const char *owner)
{
	const uint8_t address[] = {10, 0, (uint8_t)(seq >> 8), (uint8_t)seq};
	struct rrset *set = rrset_new(TYPE_A, 60, address, sizeof(address));
	struct changeset *changes = changeset_new();
	const struct store_row row = {.seq = seq, .zone = zone_id, .changes = changes};

	assert_int_equal(
		changeset_append(changes, message_name(owner), TYPE_A, NULL, set), 0);
	assert_int_equal(store_memory.append(store, &row), 0);
	changeset_unref(changes);
	rrset_unref(set);
}

static int begin(void **state)
{
	char error[STORE_ERROR_MAX], owner[32];

	(void)state;
	assert_int_equal(store_memory.open(&store, PATH, error), 0);
	assert_int_equal(store_memory.begin(store), 0);
	assert_int_equal(
		store_memory.zone_id(store, message_name("example."), &zone_id), 0);
	for (uint64_t seq = 1; seq <= ROWS; seq++) {
		snprintf(owner, sizeof(owner), "h%d.example.", (int)(seq % NAMES));
		append(seq, owner);
	}
	assert_int_equal(store_memory.commit(store), 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	store_memory.close(store);
	store_memory_forget(PATH);
	return 0;
}

static size_t count_rows(const struct delivery_read *read)
{
	return read->fold.merged ? read->fold.sets : ROWS;
}

static void a_backlog_is_read_in_jobs_and_cut_into_small_entries(void **state)
{
	struct zone_thread thread = {0};
	struct delivery_read read = {.thread = &thread,
		.zone = zone_id,
		.batch_changes = BATCH_MAX,
		.may_fold = true,
		.reserved = SIZE_MAX,
		.fold = {
			.sets_max = SIZE_MAX, .octets_max = SIZE_MAX, .end = UINT64_MAX}};
	const struct delivery_entry *e;
	size_t rows = 0, changes = 0;

	(void)state;
	memcpy(read.apex, message_name("example."), name_len(message_name("example.")));
	delivery_list_init(&read.rows, PIECE, NULL);
	do {
		assert_int_equal(
			delivery_read_rows(&read.read.job, &store_memory, store), 0);
		assert_true(count_rows(&read) - rows <= JOB_MAX);
		rows = count_rows(&read);
	} while (read.is_folding);
	assert_true(read.is_end);
	TAILQ_FOREACH(e, &read.rows.entries, entry) {
		assert_true(e->changes->count <= ENTRY_MAX);
		changes += e->changes->count;
	}
	assert_int_equal(changes, NAMES);
	assert_int_equal(read.rows.sets, ROWS);
	delivery_list_clear(&read.rows);
	delivery_fold_clear(&read.fold);
}

static void read_few(
	struct delivery_read *read, struct zone_thread *thread, uint64_t uncertain)
{
	*read = (struct delivery_read){.thread = thread,
		.zone = zone_id,
		.after = ROWS - FEW,
		.batch_changes = BATCH_MAX,
		.may_fold = true,
		.reserved = SIZE_MAX,
		.fold = {.sets_max = SIZE_MAX,
			.octets_max = SIZE_MAX,
			.end = UINT64_MAX,
			.uncertain = uncertain}};
	memcpy(read->apex, message_name("example."), name_len(message_name("example.")));
	delivery_list_init(&read->rows, PIECE, NULL);
	assert_int_equal(delivery_read_rows(&read->read.job, &store_memory, store), 0);
	assert_false(read->is_folding);
}

static void few_are_folded_only_if_the_target_may_have_some(void **state)
{
	struct zone_thread thread = {0};
	struct delivery_read read;
	const struct delivery_entry *first;

	(void)state;
	read_few(&read, &thread, ROWS - FEW);
	assert_int_equal(read.rows.count, FEW);
	assert_false(TAILQ_FIRST(&read.rows.entries)->is_folded);
	assert_true(read.is_end);
	delivery_list_clear(&read.rows);

	read_few(&read, &thread, ROWS);
	first = TAILQ_FIRST(&read.rows.entries);
	assert_true(first->is_folded && first->changes->is_uncertain);
	assert_int_equal(read.rows.sets, FEW);
	assert_true(read.is_end);
	delivery_list_clear(&read.rows);

	/* The others are read again. */
	read_few(&read, &thread, ROWS - 1);
	assert_int_equal(read.rows.sets, FEW - 1);
	assert_false(read.is_end);
	delivery_list_clear(&read.rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_backlog_is_read_in_jobs_and_cut_into_small_entries, begin, end),
		cmocka_unit_test_setup_teardown(
			few_are_folded_only_if_the_target_may_have_some, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
