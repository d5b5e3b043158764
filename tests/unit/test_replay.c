/* The memory of requests: twins, what floods push out, what passing faults take back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "gateway/served/replay.h"

enum { NOW = 1700000000 };

static char path[64];

static struct replay *open_memory(const char *boot)
{
	struct replay *replay = NULL;

	assert_int_equal(replay_new(&replay, path, boot, NOW), 0);
	return replay;
}

static int make_path(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "replay-%ld", (long)getpid());
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

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
	struct replay *replay = open_memory("this boot");
	const struct verdict answer = verdict_refuse(RCODE_YXDOMAIN, EDE_NONE, "in use");
	struct replay_entry *first, *second;

	(void)state;
	assert_int_equal(look(replay, "a.", 1, NOW, &first), REPLAY_NEW);
	replay_answer(replay, first, &answer, false);
	assert_int_equal(look(replay, "a.", 1, NOW, &second), REPLAY_TWIN);
	assert_ptr_equal(first, second);
	assert_int_equal(replay_verdict(second).rcode, RCODE_YXDOMAIN);
	replay_free(replay);
}

static void another_key_or_mac_is_another_message(void **state)
{
	struct replay *replay = open_memory("this boot");
	struct replay_entry *entry;

	(void)state;
	assert_int_equal(look(replay, "a.", 1, NOW, &entry), REPLAY_NEW);
	assert_int_equal(look(replay, "b.", 1, NOW, &entry), REPLAY_NEW);
	assert_int_equal(look(replay, "a.", 2, NOW, &entry), REPLAY_NEW);
	replay_free(replay);
}

static void what_failed_may_be_tried_again(void **state)
{
	struct replay *replay = open_memory("this boot");
	struct transaction t = {0};
	struct replay_entry *entry;

	(void)state;
	assert_int_equal(look(replay, "a.", 1, NOW, &entry), REPLAY_NEW);
	replay_set_transaction(replay, entry, &t);
	assert_ptr_equal(replay_transaction(replay, entry), &t);
	replay_forget(replay, entry);
	assert_null(t.replay);
	assert_int_equal(look(replay, "a.", 1, NOW, &entry), REPLAY_NEW);
	replay_free(replay);
}

static void a_flood_raises_the_floor_of_its_own_key_only(void **state)
{
	struct replay *replay = open_memory("this boot");
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
	struct replay *replay = open_memory("this boot");
	struct transaction t = {0};
	struct replay_entry *entry;

	(void)state;
	assert_int_equal(look(replay, "a.", 0, NOW, &entry), REPLAY_NEW);
	replay_set_transaction(replay, entry, &t);
	assert_ptr_equal(replay_transaction(replay, entry), &t);
	for (uint32_t i = 1; i <= REPLAY_MAX; i++)
		assert_int_equal(look(replay, "b.", i, NOW, &entry), REPLAY_NEW);
	assert_null(t.replay);
	replay_free(replay);
}

static void a_restart_remembers_what_the_journal_has(void **state)
{
	struct replay *replay = open_memory("this boot");
	struct tsig_context tsig = request("a.", 7, NOW);
	struct replay_entry *entry;

	(void)state;
	replay_restore(replay, tsig.key_name, tsig.mac, NOW, RCODE_NOERROR);
	assert_int_equal(replay_look(replay, &tsig, &entry), REPLAY_TWIN);
	assert_int_equal(replay_verdict(entry).rcode, RCODE_NOERROR);
	replay_free(replay);
}

static void it_outlives_the_process_but_not_the_system(void **state)
{
	const struct verdict answer = verdict_refuse(RCODE_REFUSED, EDE_NONE, "no");
	struct replay *replay = open_memory("this boot");
	struct replay_entry *entry;

	(void)state;
	assert_int_equal(look(replay, "a.", 1, NOW - 2, &entry), REPLAY_NEW);
	replay_answer(replay, entry, &answer, false);
	assert_int_equal(look(replay, "a.", 2, NOW - 2, &entry), REPLAY_NEW);
	replay_free(replay); /* as by kill -9: 2 has no answer */

	replay = open_memory("this boot");
	assert_int_equal(look(replay, "a.", 1, NOW - 2, &entry), REPLAY_TWIN);
	assert_int_equal(replay_verdict(entry).rcode, RCODE_REFUSED);
	assert_int_equal(look(replay, "a.", 2, NOW - 2, &entry), REPLAY_NEW);
	assert_int_equal(look(replay, "a.", 3, NOW - 2, &entry), REPLAY_NEW);
	replay_free(replay);

	replay = open_memory("the next boot");
	assert_int_equal(look(replay, "a.", 1, NOW - 2, &entry), REPLAY_TWIN);
	assert_int_equal(look(replay, "a.", 4, NOW - 2, &entry), REPLAY_TOO_OLD);
	assert_int_equal(look(replay, "a.", 5, NOW, &entry), REPLAY_NEW);
	replay_free(replay);
}

static void an_answer_of_a_later_turn_is_kept_too(void **state)
{
	const struct verdict answer = verdict_ok();
	struct replay *replay = open_memory("this boot");
	struct replay_entry *entry;

	(void)state;
	assert_int_equal(look(replay, "a.", 1, NOW - 2, &entry), REPLAY_NEW);
	replay_flush(replay);
	replay_answer(replay, entry, &answer, false);
	replay_free(replay);
	replay = open_memory("this boot");
	assert_int_equal(look(replay, "a.", 1, NOW - 2, &entry), REPLAY_TWIN);
	replay_free(replay);
}

static void a_file_of_another_form_is_made_anew(void **state)
{
	FILE *file = fopen(path, "w");
	struct replay *replay;
	struct replay_entry *entry;

	(void)state;
	assert_non_null(file);
	fputs("something else", file);
	fclose(file);
	replay = open_memory("this boot");
	assert_int_equal(look(replay, "a.", 1, NOW - 2, &entry), REPLAY_NEW);
	replay_free(replay);
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, make_path, remove_path)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FILE(the_same_message_is_a_twin),
		WITH_FILE(another_key_or_mac_is_another_message),
		WITH_FILE(what_failed_may_be_tried_again),
		WITH_FILE(a_flood_raises_the_floor_of_its_own_key_only),
		WITH_FILE(one_in_progress_learns_that_it_is_forgotten),
		WITH_FILE(a_restart_remembers_what_the_journal_has),
		WITH_FILE(it_outlives_the_process_but_not_the_system),
		WITH_FILE(an_answer_of_a_later_turn_is_kept_too),
		WITH_FILE(a_file_of_another_form_is_made_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
