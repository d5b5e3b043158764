/* A refused batch is taken apart, in order, until those to blame are found, and no more
 * than that; and who they are is remembered for a while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/delivery/delivery_blame.h"

enum { ENTRIES_MAX = 1000, ROUNDS = 300, SEED = 19 };

/* A target and what waits for it, of which it refuses some. */
static struct {
	bool is_bad[ENTRIES_MAX];
	size_t count, at;
	size_t batch_max;
	unsigned requests, refused, found;
	bool names; /* it says which one it minds first */
	struct delivery_blame blame;
} bench;

static void begin(size_t count, size_t batch_max)
{
	memset(&bench, 0, sizeof(bench));
	bench.count = count;
	bench.batch_max = batch_max;
}

static size_t next_size(void)
{
	size_t size = bench.count - bench.at;

	if (size > bench.batch_max)
		size = bench.batch_max;
	if (size > delivery_blame_limit(&bench.blame))
		size = delivery_blame_limit(&bench.blame);
	assert_true(size > 0);
	return size;
}

/* How many others stand before the first that it refuses. */
static size_t find_bad(void)
{
	size_t before = 0;

	while (!bench.is_bad[bench.at + before])
		before++;
	return before;
}

static void send_one(void)
{
	const size_t size = next_size();
	bool is_refused = false;

	for (size_t i = 0; i < size; i++)
		is_refused |= bench.is_bad[bench.at + i];
	bench.requests++;
	bench.refused += is_refused;
	if (!is_refused)
		delivery_blame_applied(&bench.blame, size);
	else if (!delivery_blame_refused(&bench.blame, size)) {
		if (bench.names)
			delivery_blame_name(&bench.blame, find_bad());
		return;
	}
	bench.found += is_refused;
	bench.at += size;
}

static void send_all(void)
{
	while (bench.at < bench.count)
		send_one();
}

static unsigned count_bad(void)
{
	unsigned count = 0;

	for (size_t i = 0; i < bench.count; i++)
		count += bench.is_bad[i];
	return count;
}

static void nobody_is_to_blame(void **state)
{
	(void)state;
	begin(1000, 300);
	send_all();
	assert_int_equal(bench.requests, 4);
}

static void one_of_many_is_found(void **state)
{
	(void)state;
	for (size_t bad = 0; bad < 256; bad++) {
		begin(256, 300);
		bench.is_bad[bad] = true;
		send_all();
		assert_int_equal(bench.found, 1);
		/* The whole, eight halves, the one itself, and what was behind it. */
		assert_in_range(bench.requests, 9, 11);
	}
}

static void one_that_is_named_is_found_at_once(void **state)
{
	(void)state;
	for (size_t bad = 0; bad < 256; bad++) {
		begin(256, 300);
		bench.names = true;
		bench.is_bad[bad] = true;
		send_all();
		assert_int_equal(bench.found, 1);
		/* The whole, what was before it, itself, and what was behind it. */
		assert_in_range(bench.requests, 3, 4);
		assert_int_equal(bench.refused, 2);
	}
}

/* It names one that it takes by itself; then they are taken apart as before. */
static void the_wrong_one_is_named(void **state)
{
	struct delivery_blame blame = {0};

	(void)state;
	assert_false(delivery_blame_refused(&blame, 10));
	delivery_blame_name(&blame, 3);
	assert_int_equal(delivery_blame_limit(&blame), 3);
	delivery_blame_applied(&blame, 2); /* no more had room in it */
	assert_int_equal(delivery_blame_limit(&blame), 1);
	delivery_blame_applied(&blame, 1);
	assert_int_equal(delivery_blame_limit(&blame), 1);
	delivery_blame_applied(&blame, 1);
	assert_true(delivery_blame_is_looking(&blame));
	assert_int_equal(delivery_blame_limit(&blame), 3);
	assert_false(delivery_blame_refused(&blame, 3));
	assert_int_equal(delivery_blame_limit(&blame), 2);
}

static void what_comes_before_goes_in_large_pieces(void **state)
{
	(void)state;
	begin(257, 300);
	bench.is_bad[256] = true;
	send_one();
	send_one();
	assert_int_equal(bench.at, 129);
	send_one();
	assert_int_equal(bench.at, 193);
}

static void all_are_to_blame(void **state)
{
	(void)state;
	begin(64, 64);
	memset(bench.is_bad, true, 64);
	send_all();
	assert_int_equal(bench.found, 64);
	assert_in_range(bench.requests, 64, 64 * 7);
}

/* Knot has no rule that allows both, but one for each. */
static void together_is_what_was_minded(void **state)
{
	struct delivery_blame blame = {0};

	(void)state;
	assert_false(delivery_blame_refused(&blame, 2));
	assert_int_equal(delivery_blame_limit(&blame), 1);
	delivery_blame_applied(&blame, 1);
	assert_true(delivery_blame_is_looking(&blame));
	delivery_blame_applied(&blame, 1);
	assert_false(delivery_blame_is_looking(&blame));
}

static void any_of_them(void **state)
{
	(void)state;
	srandom(SEED);
	for (unsigned round = 0; round < ROUNDS; round++) {
		begin(1 + (size_t)random() % ENTRIES_MAX, 1 + (size_t)random() % 300);
		for (long bad = random() % 20; bad > 0; bad--)
			bench.is_bad[(size_t)random() % bench.count] = true;
		send_all();
		assert_int_equal(bench.found, count_bad());
		/* log2(300) halves, each with a refusal or not, and what is behind it. */
		assert_true(bench.requests <=
			1 + bench.count / bench.batch_max + 11 * bench.found);
	}
}

/* ---- senders ---- */

static void note(uint32_t sender, unsigned refused, unsigned applied)
{
	while (refused--)
		delivery_blame_note(&bench.blame, sender, true);
	while (applied--)
		delivery_blame_note(&bench.blame, sender, false);
}

static bool is_suspect(uint32_t sender)
{
	return delivery_blame_suspects(&bench.blame, sender);
}

static void senders_have_numbers(void **state)
{
	const uint8_t a[] = "\1a", b[] = "\1b";

	(void)state;
	assert_int_equal(delivery_blame_sender(NULL), 0);
	assert_int_not_equal(delivery_blame_sender(a), 0);
	assert_int_equal(delivery_blame_sender(a), delivery_blame_sender(a));
	assert_int_not_equal(delivery_blame_sender(a), delivery_blame_sender(b));
}

static void who_is_refused_again_is_suspect(void **state)
{
	(void)state;
	begin(0, 1);
	note(1, 1, 0);
	assert_false(is_suspect(1));
	note(1, 1, 0);
	assert_true(is_suspect(1));
	assert_false(is_suspect(2));
	/* Whoever is not known is nobody in particular. */
	note(0, 100, 0);
	assert_false(is_suspect(0));
}

static void one_refusal_in_many_makes_nobody_suspect(void **state)
{
	(void)state;
	begin(0, 1);
	for (unsigned i = 0; i < 100; i++) {
		note(1, 1, BLAME_REFUSED);
		assert_false(is_suspect(1));
	}
}

static void it_is_forgotten(void **state)
{
	(void)state;
	begin(0, 1);
	note(1, 1000, BLAME_MAX - BLAME_REFUSED - 1);
	assert_true(is_suspect(1));
	note(1, 0, 1);
	assert_false(is_suspect(1));
	assert_true(delivery_blame_has_senders(&bench.blame));
	note(1, 0, BLAME_REFUSED);
	assert_false(delivery_blame_has_senders(&bench.blame));
	note(1, 0, 1);
	assert_false(delivery_blame_has_senders(&bench.blame));
}

static void the_least_suspect_makes_way(void **state)
{
	(void)state;
	begin(0, 1);
	note(1, 3, 0);
	for (uint32_t sender = 2; sender < 1000; sender++)
		note(sender, 1, 0);
	assert_true(is_suspect(1));
}

/* After a batch of others a few of them may go, and then it is the others' turn. */
static void suspects_take_turns(void **state)
{
	(void)state;
	begin(0, 1);
	delivery_blame_applied(&bench.blame, 100);
	for (unsigned i = BLAME_ALONE; i; i--) {
		assert_int_equal(bench.blame.alone, i);
		bench.blame.is_testing = true;
		assert_true(delivery_blame_is_looking(&bench.blame));
		assert_true(delivery_blame_refused(&bench.blame, 1));
		assert_false(delivery_blame_is_looking(&bench.blame));
	}
	assert_int_equal(bench.blame.alone, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_to_blame),
		cmocka_unit_test(one_of_many_is_found),
		cmocka_unit_test(one_that_is_named_is_found_at_once),
		cmocka_unit_test(the_wrong_one_is_named),
		cmocka_unit_test(what_comes_before_goes_in_large_pieces),
		cmocka_unit_test(all_are_to_blame),
		cmocka_unit_test(together_is_what_was_minded),
		cmocka_unit_test(any_of_them),
		cmocka_unit_test(senders_have_numbers),
		cmocka_unit_test(who_is_refused_again_is_suspect),
		cmocka_unit_test(one_refusal_in_many_makes_nobody_suspect),
		cmocka_unit_test(it_is_forgotten),
		cmocka_unit_test(the_least_suspect_makes_way),
		cmocka_unit_test(suspects_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
