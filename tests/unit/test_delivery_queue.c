/* When the next batch leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/delivery/delivery_private.h"
#include "tests/unit/message.h"

enum { BATCH_MAX = 10, SLOW_MS = DELIVERY_SLOW_MS };

static void on_expect(struct target *target);

static const struct target_ops ops = {.batch_changes = BATCH_MAX, .expect = on_expect};

static struct bench {
	struct zone_thread thread;
	struct target_base target;
	struct delivery delivery;
	uint64_t seq;      /* of the newest change set */
	unsigned expected; /* batches */
} * bench;

static void on_expect(struct target *target)
{
	assert_ptr_equal(target, bench->delivery.target);
	bench->expected++;
}

static void on_alarm(void *arg)
{
	(void)arg;
}

static int begin(void **state)
{
	struct delivery *d;

	(void)state;
	bench = calloc(1, sizeof(*bench));
	assert_non_null(bench);
	d = &bench->delivery;
	bench->target.ops = &ops;
	turn_clock_set(&bench->thread.time, 1000, 5000);
	assert_int_equal(
		alarms_init(&bench->thread.alarms, &bench->thread.time, NULL), 0);
	alarm_init(&d->alarm, &bench->thread.alarms, on_alarm, NULL);
	d->zone.thread = &bench->thread;
	d->target = (struct target *)(void *)&bench->target;
	d->is_live = true;
	d->reach = UINT64_MAX;
	TAILQ_INIT(&d->batches);
	delivery_list_init(&d->queue, DELIVERY_QUEUE_MAX, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	delivery_drop_batches(&bench->delivery);
	delivery_list_clear(&bench->delivery.queue);
	alarms_clear(&bench->thread.alarms);
	free(bench);
	return 0;
}

static void add(unsigned count)
{
	while (count--) {
		struct changeset *changes = changeset_new();

		assert_int_equal(delivery_list_add(&bench->delivery.queue, ++bench->seq,
					 changes, false),
			0);
		changeset_unref(changes);
	}
}

static void pass_ms(int64_t ms)
{
	turn_clock_advance(
		&bench->thread.time, turn_monotonic_ms(&bench->thread.time) + ms);
}

/* Everything that waits. */
static void send_batch(void)
{
	struct delivery *d = &bench->delivery;
	struct delivery_batch *batch = delivery_form_batch(d, BATCH_MAX);

	assert_non_null(batch);
	batch->sent_ms = turn_monotonic_ms(&bench->thread.time);
	d->in_flight++;
}

/* The first batch in flight has arrived. */
static void land(void)
{
	struct delivery *d = &bench->delivery;
	struct delivery_batch *batch = TAILQ_FIRST(&d->batches);

	d->in_flight--;
	delivery_start_gathering(d, batch);
	for (size_t i = 0; i < batch->entries; i++)
		delivery_list_drop(&d->queue, TAILQ_FIRST(&d->queue.entries));
	delivery_drop_batch(d, batch);
}

static void the_first_leaves_at_once(void **state)
{
	(void)state;
	add(1);
	assert_false(delivery_is_gathering(&bench->delivery));
}

static void the_second_grows_as_large_as_the_first(void **state)
{
	(void)state;
	add(3);
	send_batch();
	add(2);
	assert_true(delivery_is_gathering(&bench->delivery));
	add(1);
	assert_false(delivery_is_gathering(&bench->delivery));
	send_batch();
	add(2);
	assert_true(delivery_is_gathering(&bench->delivery));
	land();
	assert_true(delivery_is_gathering(&bench->delivery));
	land(); /* nothing is in flight any more */
	assert_false(delivery_is_gathering(&bench->delivery));
}

static void after_a_slow_one_clients_are_waited_for(void **state)
{
	(void)state;
	add(2);
	send_batch();
	pass_ms(SLOW_MS);
	land();
	add(1);
	assert_true(delivery_is_gathering(&bench->delivery));
	pass_ms(SLOW_MS / 2);
	assert_false(delivery_is_gathering(&bench->delivery));
}

/* It was behind another for most of the time. */
static void the_second_is_not_slow(void **state)
{
	(void)state;
	add(1);
	send_batch();
	add(1);
	send_batch();
	pass_ms(SLOW_MS - 1);
	land();
	pass_ms(SLOW_MS - 1);
	land();
	add(1);
	assert_false(delivery_is_gathering(&bench->delivery));
}

/* What is stored next is sent at once. */
static void an_idle_target_expects_a_batch(void **state)
{
	struct delivery *d = &bench->delivery;

	(void)state;
	delivery_expect(d);
	assert_int_equal(bench->expected, 1);
	d->is_down = true;
	delivery_expect(d);
	d->is_down = false;
	d->state = DELIVERY_PAUSING;
	delivery_expect(d);
	d->state = DELIVERY_IDLE;
	add(1);
	delivery_expect(d);
	assert_int_equal(bench->expected, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_first_leaves_at_once, begin, end),
		cmocka_unit_test_setup_teardown(
			the_second_grows_as_large_as_the_first, begin, end),
		cmocka_unit_test_setup_teardown(
			after_a_slow_one_clients_are_waited_for, begin, end),
		cmocka_unit_test_setup_teardown(the_second_is_not_slow, begin, end),
		cmocka_unit_test_setup_teardown(
			an_idle_target_expects_a_batch, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
