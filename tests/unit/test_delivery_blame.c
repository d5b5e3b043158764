/* A refused batch is taken apart, in order, until those to blame are found, and no more
 * than that. */
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
	else if (!delivery_blame_refused(&bench.blame, size))
		return;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_to_blame),
		cmocka_unit_test(one_of_many_is_found),
		cmocka_unit_test(what_comes_before_goes_in_large_pieces),
		cmocka_unit_test(all_are_to_blame),
		cmocka_unit_test(together_is_what_was_minded),
		cmocka_unit_test(any_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
