/* What melts for a target that lags, and how long it lags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/delivery/delivery_private.h"
#include "tests/unit/message.h"

enum { BATCH_MAX = 3, MANY = 1200 };

static const struct target_lag lag = {.few_ms = 100, .few = 3, .many_ms = 500, .max = 6};
static const struct target_ops lagging = {.lag = &lag};
static const struct target_ops prompt = {.lag = NULL};

static struct bench {
	struct zone_thread thread;
	struct target_base target;
	struct delivery delivery;
	uint64_t seq; /* of the newest change set */
} * bench;

static void on_alarm(void *arg)
{
	(void)arg;
}

static int begin(void **state)
{
	(void)state;
	bench = calloc(1, sizeof(*bench));
	assert_non_null(bench);
	bench->target.ops = &lagging;
	turn_clock_set(&bench->thread.time, 1000, 5000);
	assert_int_equal(
		alarms_init(&bench->thread.alarms, &bench->thread.time, NULL), 0);
	bench->delivery.zone.thread = &bench->thread;
	bench->delivery.target = (struct target *)(void *)&bench->target;
	bench->delivery.is_primary = bench->delivery.is_live = true;
	bench->delivery.reach = UINT64_MAX;
	TAILQ_INIT(&bench->delivery.batches);
	delivery_list_init(&bench->delivery.queue, DELIVERY_QUEUE_MAX, NULL);
	alarm_init(&bench->delivery.alarm, &bench->thread.alarms, on_alarm, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	delivery_list_clear(&bench->delivery.queue);
	delivery_drop_batches(&bench->delivery);
	changeset_unref(bench->delivery.spent);
	alarms_clear(&bench->thread.alarms);
	free(bench);
	return 0;
}

/* An address for each of so many names. */
static struct changeset *make_changes(unsigned names)
{
	struct changeset *changes = changeset_new();
	struct rrset *set = rrset_new(TYPE_A, 60, (const uint8_t[]){192, 0, 2, 1}, 4);
	char owner[32];

	for (unsigned i = 0; i < names; i++) {
		snprintf(owner, sizeof(owner), "n%u.example.", i);
		assert_int_equal(
			changeset_append(changes, message_name(owner), TYPE_A, NULL, set),
			0);
	}
	rrset_unref(set);
	return changes;
}

/* So many change sets of the same RRset become durable. */
static void add(unsigned count)
{
	struct changeset *changes = make_changes(1);

	while (count--)
		delivery_add(&bench->delivery, ++bench->seq, changes, false, NULL);
	changeset_unref(changes);
}

static void pass_ms(int64_t ms)
{
	struct turn_clock *clock = &bench->thread.time;

	alarms_advance(&bench->thread.alarms, turn_monotonic_ms(clock) + ms);
}

static void assert_queue(size_t entries, size_t sets)
{
	assert_int_equal(bench->delivery.queue.count, entries);
	assert_int_equal(bench->delivery.queue.sets, sets);
}

static const struct delivery_batch *form_batch(void)
{
	const struct delivery_batch *batch =
		delivery_form_batch(&bench->delivery, BATCH_MAX);

	assert_non_null(batch);
	return batch;
}

/* ---- what melts ---- */

static void test_change_sets_become_one_entry(void **state)
{
	const struct delivery_entry *e;

	(void)state;
	bench->seq = 10;
	add(4);
	assert_queue(1, 4);
	e = TAILQ_FIRST(&bench->delivery.queue.entries);
	assert_int_equal(e->first_seq, 11);
	assert_int_equal(e->seq, 14);
	assert_int_equal(e->changes->count, 1);
	assert_int_equal(bench->delivery.loaded, 14);
}

static void test_nothing_melts_into_a_batch(void **state)
{
	(void)state;
	add(4);
	assert_int_equal(form_batch()->seq, 4);
	add(2);
	assert_queue(2, 6);
	add(1);
	assert_queue(2, 7);
	assert_int_equal(TAILQ_FIRST(&bench->delivery.queue.entries)->seq, 4);
}

static void test_what_is_too_much_stands_behind_it(void **state)
{
	(void)state;
	add(2 * 6);
	assert_queue(1, 12);
	add(2);
	assert_queue(3, 14);
	assert_int_equal(form_batch()->entries, 3);
	add(2);
	assert_queue(4, 16);
}

static void test_nothing_melts_for_others(void **state)
{
	(void)state;
	bench->target.ops = &prompt;
	add(3);
	assert_queue(3, 3);
	assert_false(delivery_is_lagging(&bench->delivery));
}

/* ---- how long ---- */

static void test_few_wait_for_a_short_time(void **state)
{
	(void)state;
	add(3);
	assert_true(delivery_is_lagging(&bench->delivery));
	pass_ms(99);
	assert_true(delivery_is_lagging(&bench->delivery));
	assert_int_equal(alarms_next_ms(&bench->thread.alarms), 1100);
	pass_ms(1);
	assert_false(delivery_is_lagging(&bench->delivery));
}

static void test_many_wait_longer(void **state)
{
	(void)state;
	add(3);
	assert_true(delivery_is_lagging(&bench->delivery));
	add(1);
	pass_ms(100);
	assert_true(delivery_is_lagging(&bench->delivery));
	assert_int_equal(alarms_next_ms(&bench->thread.alarms), 1500);
	pass_ms(400);
	assert_false(delivery_is_lagging(&bench->delivery));
}

static void test_too_many_do_not_wait(void **state)
{
	(void)state;
	add(5);
	assert_true(delivery_is_lagging(&bench->delivery));
	add(1);
	assert_false(delivery_is_lagging(&bench->delivery));
}

static void test_the_next_wait_from_their_own_beginning(void **state)
{
	(void)state;
	add(1);
	pass_ms(100);
	form_batch();
	add(1);
	delivery_list_drop(
		&bench->delivery.queue, TAILQ_FIRST(&bench->delivery.queue.entries));
	pass_ms(99);
	assert_true(delivery_is_lagging(&bench->delivery));
	pass_ms(1);
	assert_false(delivery_is_lagging(&bench->delivery));
}

/* What has been read back from the journal is late already. */
static void test_nothing_waits_behind_what_did_not_melt(void **state)
{
	struct changeset *changes = make_changes(1);

	(void)state;
	assert_int_equal(
		delivery_list_add(&bench->delivery.queue, ++bench->seq, changes, false),
		0);
	changeset_unref(changes);
	add(1);
	assert_queue(2, 2);
	assert_false(delivery_is_lagging(&bench->delivery));
}

/* ---- what has been applied ---- */

static void test_many_changes_are_freed_bit_by_bit(void **state)
{
	(void)state;
	delivery_spend(&bench->delivery, make_changes(MANY));
	assert_int_equal(bench->delivery.spent->count, MANY);
	add(1);
	assert_true(bench->delivery.spent->count < MANY);
	add(MANY);
	assert_null(bench->delivery.spent);
}

static void test_what_others_have_stays_whole(void **state)
{
	struct changeset *changes = make_changes(MANY);

	(void)state;
	delivery_spend(&bench->delivery, changeset_ref(changes));
	add(1);
	assert_int_equal(changes->count, MANY);
	changeset_unref(changes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_change_sets_become_one_entry),
		TEST(test_nothing_melts_into_a_batch),
		TEST(test_what_is_too_much_stands_behind_it),
		TEST(test_nothing_melts_for_others),
		TEST(test_few_wait_for_a_short_time),
		TEST(test_many_wait_longer),
		TEST(test_too_many_do_not_wait),
		TEST(test_the_next_wait_from_their_own_beginning),
		TEST(test_nothing_waits_behind_what_did_not_melt),
		TEST(test_many_changes_are_freed_bit_by_bit),
		TEST(test_what_others_have_stays_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
