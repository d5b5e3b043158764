/* The memory of requests: twins, what floods push out, what passing faults take back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/replay.h"

enum { NOW = 1700000000 };

static struct tsig_context request(const char *key, uint32_t number, uint64_t time_signed)
{
	struct tsig_context tsig = {
		.is_signed = true, .mac_len = 32, .time_signed = time_signed};

	assert_int_equal(name_from_text(tsig.key_name, key, NULL), 0);
	memcpy(tsig.mac, &number, sizeof(number));
	return tsig;
}

static enum replay_result look(struct replay *replay, const char *key, uint32_t number,
	uint64_t time_signed, struct replay_entry **ret_entry)
{
	struct tsig_context tsig = request(key, number, time_signed);

	return replay_look(replay, &tsig, ret_entry);
}

static void the_same_message_is_a_twin(void **state)
{
	struct replay *replay = replay_new();
	struct replay_entry *first, *second;

	(void)state;
	assert_int_equal(look(replay, "a.", 1, NOW, &first), REPLAY_NEW);
	first->rcode = RCODE_YXDOMAIN;
	first->ede = EDE_NONE;
	assert_int_equal(look(replay, "a.", 1, NOW, &second), REPLAY_TWIN);
	assert_ptr_equal(first, second);
	assert_int_equal(replay_verdict(second).rcode, RCODE_YXDOMAIN);
	replay_free(replay);
}

static void another_key_or_mac_is_another_message(void **state)
{
	struct replay *replay = replay_new();
	struct replay_entry *entry;

	(void)state;
	assert_int_equal(look(replay, "a.", 1, NOW, &entry), REPLAY_NEW);
	assert_int_equal(look(replay, "b.", 1, NOW, &entry), REPLAY_NEW);
	assert_int_equal(look(replay, "a.", 2, NOW, &entry), REPLAY_NEW);
	replay_free(replay);
}

static void what_failed_may_be_tried_again(void **state)
{
	struct replay *replay = replay_new();
	struct transaction t = {0};
	struct replay_entry *entry;

	(void)state;
	assert_int_equal(look(replay, "a.", 1, NOW, &entry), REPLAY_NEW);
	entry->transaction = &t;
	t.replay = entry;
	replay_forget(replay, entry);
	assert_null(t.replay);
	assert_int_equal(look(replay, "a.", 1, NOW, &entry), REPLAY_NEW);
	replay_free(replay);
}

static void a_flood_raises_the_floor_of_its_own_key_only(void **state)
{
	struct replay *replay = replay_new();
	struct replay_entry *entry;

	(void)state;
	assert_int_equal(look(replay, "flood.", 1, NOW, &entry), REPLAY_NEW);
	for (uint32_t i = 2; i < REPLAY_MAX + 2; i++)
		assert_int_equal(look(replay, "flood.", i, NOW + 1, &entry), REPLAY_NEW);
	/* The first is forgotten: again it might be a replay. */
	assert_int_equal(look(replay, "flood.", 1, NOW, &entry), REPLAY_TOO_OLD);
	assert_int_equal(look(replay, "quiet.", 1, NOW, &entry), REPLAY_NEW);
	replay_free(replay);
}

static void one_in_progress_learns_that_it_is_forgotten(void **state)
{
	struct replay *replay = replay_new();
	struct transaction t = {0};
	struct replay_entry *entry;

	(void)state;
	assert_int_equal(look(replay, "a.", 0, NOW, &entry), REPLAY_NEW);
	entry->transaction = &t;
	t.replay = entry;
	for (uint32_t i = 1; i <= REPLAY_MAX; i++)
		assert_int_equal(look(replay, "b.", i, NOW, &entry), REPLAY_NEW);
	assert_null(t.replay);
	replay_free(replay);
}

static void a_restart_remembers_what_the_journal_has(void **state)
{
	struct replay *replay = replay_new();
	struct tsig_context tsig = request("a.", 7, NOW);
	struct replay_entry *entry;

	(void)state;
	replay_restore(replay, tsig.key_name, tsig.mac, NOW, RCODE_NOERROR);
	assert_int_equal(replay_look(replay, &tsig, &entry), REPLAY_TWIN);
	assert_int_equal(replay_verdict(entry).rcode, RCODE_NOERROR);
	replay_free(replay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_message_is_a_twin),
		cmocka_unit_test(another_key_or_mac_is_another_message),
		cmocka_unit_test(what_failed_may_be_tried_again),
		cmocka_unit_test(a_flood_raises_the_floor_of_its_own_key_only),
		cmocka_unit_test(one_in_progress_learns_that_it_is_forgotten),
		cmocka_unit_test(a_restart_remembers_what_the_journal_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
