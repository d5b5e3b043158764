/*
 * The memory of requests: repeated messages, what floods push out, what is forgotten
 * after temporary faults, what restarts leave; and random histories, compared with a
 * model that forgets nothing.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>
#include "gateway/request/replay.h"
#include "gateway/request/request.h"

enum { NOW = 1700000000, WINDOW = 300, PLACES = 1024 };

static char path[64];

static struct replay *open_memory(const char *boot)
{
	struct replay *replay = NULL;

	assert_int_equal(replay_new(&replay, path, boot, PLACES, WINDOW, NOW), 0);
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

struct signature {
	struct signer signer; /* its name is the one below */
	uint8_t name[NAME_MAX_LEN];
};

static const struct signer *sign(
	struct signature *s, const char *key, uint32_t number, uint64_t time_s)
{
	*s = (struct signature){.signer = {.name = s->name, .time_s = time_s}};
	assert_int_equal(name_from_text(s->name, key, NULL), 0);
	memcpy(s->signer.fingerprint, &number, sizeof(number));
	return &s->signer;
}

static enum replay_result look(struct replay *replay, const char *key, uint32_t number,
	uint64_t time_signed, struct replay_entry **ret_entry)
{
	struct signature s;

	return replay_look(replay, sign(&s, key, number, time_signed), NOW, ret_entry);
}

static void the_same_message_is_a_twin(void **state)
{
	struct replay *replay = open_memory("this boot");
	const struct verdict answer = verdict_refuse(RCODE_YXDOMAIN, EDE_NONE, "in use");
	struct replay_entry *first, *second;

	(void)state;
	assert_int_equal(look(replay, "a.", 1, NOW, &first), REPLAY_NEW);
	replay_answer(replay, first, &answer);
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
	struct request t = {0};
	struct replay_entry *entry;

	(void)state;
	assert_int_equal(look(replay, "a.", 1, NOW, &entry), REPLAY_NEW);
	replay_set_request(replay, entry, &t);
	assert_ptr_equal(replay_request(replay, entry), &t);
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
	assert_int_equal(look(replay, "quiet.", 1, NOW, &entry), REPLAY_NEW);
	for (uint32_t i = 2; i < 3 * PLACES; i++)
		assert_int_equal(
			look(replay, "flood.", i, NOW + 2 * i / PLACES + 1, &entry),
			REPLAY_NEW);
	/* The first is forgotten: again it might be a replay. */
	assert_int_equal(look(replay, "flood.", 1, NOW, &entry), REPLAY_TOO_OLD);
	assert_int_equal(look(replay, "quiet.", 1, NOW, &entry), REPLAY_TWIN);
	assert_int_equal(look(replay, "quiet.", 2, NOW - WINDOW, &entry), REPLAY_NEW);
	assert_int_equal(look(replay, "late.", 1, NOW - WINDOW, &entry), REPLAY_NEW);
	replay_free(replay);

	replay = open_memory("this boot");
	replay_settle(replay);
	assert_int_equal(look(replay, "flood.", 1, NOW, &entry), REPLAY_TOO_OLD);
	assert_int_equal(look(replay, "quiet.", 3, NOW - WINDOW, &entry), REPLAY_NEW);
	assert_int_equal(look(replay, "late.", 2, NOW - WINDOW, &entry), REPLAY_NEW);
	replay_free(replay);
}

/* Many keys, more than there are places: each loses its own. */
static void many_keys_have_a_floor_each(void **state)
{
	enum { KEYS = 4 * PLACES };
	struct replay *replay = open_memory("this boot");
	struct replay_entry *entry;
	char key[32];

	(void)state;
	for (uint32_t i = 0; i < KEYS; i++) {
		snprintf(key, sizeof(key), "k%u.", i);
		assert_int_equal(look(replay, key, i, NOW + i % 7, &entry), REPLAY_NEW);
	}
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < KEYS - PLACES; i++) {
			snprintf(key, sizeof(key), "k%u.", i);
			assert_int_equal(look(replay, key, i, NOW + i % 7, &entry),
				REPLAY_TOO_OLD);
		}
		replay_free(replay);
		replay = open_memory("this boot");
		replay_settle(replay);
	}
	for (uint32_t i = 0; i < KEYS; i++) {
		snprintf(key, sizeof(key), "k%u.", i);
		assert_int_equal(
			look(replay, key, KEYS + i, NOW + i % 7 + 1, &entry), REPLAY_NEW);
	}
	replay_free(replay);
}

static void one_in_progress_learns_that_it_is_forgotten(void **state)
{
	struct replay *replay = open_memory("this boot");
	struct request t = {0};
	struct replay_entry *entry;

	(void)state;
	assert_int_equal(look(replay, "a.", 0, NOW, &entry), REPLAY_NEW);
	replay_set_request(replay, entry, &t);
	assert_ptr_equal(replay_request(replay, entry), &t);
	for (uint32_t i = 1; i <= PLACES; i++)
		assert_int_equal(look(replay, "a.", i, NOW, &entry), REPLAY_NEW);
	assert_null(t.replay);
	replay_free(replay);
}

/* A clock that was ahead must not lock anybody out until that time comes. */
static void a_floor_of_a_wrong_clock_is_lowered(void **state)
{
	struct replay *replay = open_memory("this boot");
	struct replay_entry *entry;

	(void)state;
	replay_distrust(replay, NOW + 86400);
	assert_int_equal(look(replay, "a.", 1, NOW - 2, &entry), REPLAY_TOO_OLD);
	assert_int_equal(look(replay, "a.", 1, NOW, &entry), REPLAY_NEW);
	for (uint32_t i = 2; i < 2 * PLACES; i++)
		assert_int_equal(look(replay, "a.", i, NOW + 86400, &entry), REPLAY_NEW);
	assert_int_equal(look(replay, "a.", 1, NOW - 2, &entry), REPLAY_TOO_OLD);
	assert_int_equal(look(replay, "a.", 2 * PLACES, NOW, &entry), REPLAY_NEW);
	replay_free(replay);
}

/* What was forgotten in a smaller window does not count as new in a larger one. */
static void a_larger_window_knows_what_it_can_not_know(void **state)
{
	struct replay *replay = open_memory("this boot");
	struct replay_entry *entry;

	(void)state;
	replay_free(replay);
	assert_int_equal(
		replay_new(&replay, path, "this boot", PLACES, 2 * WINDOW, NOW), 0);
	assert_int_equal(look(replay, "a.", 1, NOW - WINDOW - 1, &entry), REPLAY_TOO_OLD);
	assert_int_equal(look(replay, "a.", 1, NOW - WINDOW, &entry), REPLAY_NEW);
	replay_set_window(replay, 3 * WINDOW, NOW);
	assert_int_equal(
		look(replay, "a.", 2, NOW - 2 * WINDOW - 1, &entry), REPLAY_TOO_OLD);
	replay_free(replay);
}

static void a_restart_remembers_what_the_journal_has(void **state)
{
	struct replay *replay = open_memory("this boot");
	struct signature s;
	const struct signer *signer = sign(&s, "a.", 7, NOW);
	struct replay_entry *entry;

	(void)state;
	replay_restore(
		replay, signer->name, signer->fingerprint, NOW, RCODE_NOERROR, NOW);
	assert_int_equal(replay_look(replay, signer, NOW, &entry), REPLAY_TWIN);
	assert_int_equal(replay_verdict(entry).rcode, RCODE_NOERROR);
	replay_free(replay);
}

static void it_outlives_the_process_but_not_the_system(void **state)
{
	const struct verdict answer = verdict_refuse(RCODE_REFUSED, EDE_NONE, "no");
	struct replay *replay = open_memory("this boot");
	struct replay_entry *entry;

	(void)state;
	assert_false(replay_is_whole(replay));
	assert_int_equal(look(replay, "a.", 1, NOW - 2, &entry), REPLAY_NEW);
	replay_answer(replay, entry, &answer);
	assert_int_equal(look(replay, "a.", 2, NOW - 2, &entry), REPLAY_NEW);
	replay_free(replay); /* as by kill -9: 2 has no answer */

	replay = open_memory("this boot");
	assert_true(replay_is_whole(replay));
	replay_settle(replay);
	assert_int_equal(look(replay, "a.", 1, NOW - 2, &entry), REPLAY_TWIN);
	assert_int_equal(replay_verdict(entry).rcode, RCODE_REFUSED);
	assert_int_equal(look(replay, "a.", 2, NOW - 2, &entry), REPLAY_NEW);
	assert_int_equal(look(replay, "a.", 3, NOW - 2, &entry), REPLAY_NEW);
	replay_free(replay);

	/* The floor stays when it is started anew soon. */
	for (int i = 0; i < 2; i++) {
		replay = open_memory("the next boot");
		assert_int_equal(replay_is_whole(replay), i > 0);
		replay_settle(replay);
		assert_int_equal(look(replay, "a.", 1, NOW - 2, &entry), REPLAY_TWIN);
		assert_int_equal(look(replay, "a.", 4, NOW - 2, &entry), REPLAY_TOO_OLD);
		assert_int_equal(look(replay, "a.", 5, NOW, &entry), REPLAY_NEW);
		replay_free(replay);
	}
}

static void an_answer_of_a_later_turn_is_kept_too(void **state)
{
	const struct verdict answer = verdict_ok();
	struct replay *replay = open_memory("this boot");
	struct replay_entry *entry;

	(void)state;
	assert_int_equal(look(replay, "a.", 1, NOW - 2, &entry), REPLAY_NEW);
	replay_flush(replay);
	replay_answer(replay, entry, &answer);
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

/* Nothing can be added to the file, as on a full disk. */
static void set_file_limit(rlim_t octets)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = octets < limit.rlim_max ? octets : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void what_could_not_be_written_is_not_trusted(void **state)
{
	struct replay *replay = open_memory("this boot");
	struct replay_entry *entry;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	set_file_limit(8192);
	for (uint32_t i = 0; i < PLACES / 2; i++)
		assert_int_equal(look(replay, "a.", i, NOW - 2, &entry), REPLAY_NEW);
	replay_free(replay);
	replay = open_memory("this boot");
	assert_false(replay_is_whole(replay));
	replay_settle(replay);
	assert_int_equal(
		look(replay, "a.", PLACES / 2 - 1, NOW - 2, &entry), REPLAY_TOO_OLD);
	assert_int_equal(look(replay, "b.", 1, NOW, &entry), REPLAY_NEW);
	replay_free(replay);
	set_file_limit(RLIM_INFINITY);
}

static void it_is_written_whole_when_that_is_possible_again(void **state)
{
	struct replay *replay = open_memory("this boot");
	struct signature s;
	const struct signer *signer = sign(&s, "b.", 1, NOW);
	const struct verdict answer = verdict_ok();
	struct replay_entry *entry;

	(void)state;
	set_file_limit(8192);
	for (uint32_t i = 0; i < 2 * PLACES; i++)
		assert_int_equal(
			look(replay, "a.", i, NOW + 2 * i / PLACES, &entry), REPLAY_NEW);
	replay_flush(replay);
	set_file_limit(RLIM_INFINITY);
	assert_int_equal(replay_look(replay, signer, NOW + 60, &entry), REPLAY_NEW);
	replay_answer(replay, entry, &answer);
	replay_free(replay);
	replay = open_memory("this boot");
	assert_true(replay_is_whole(replay));
	replay_settle(replay);
	assert_int_equal(replay_look(replay, signer, NOW, &entry), REPLAY_TWIN);
	assert_int_equal(look(replay, "a.", 0, NOW, &entry), REPLAY_TOO_OLD);
	assert_int_equal(look(replay, "c.", 0, NOW, &entry), REPLAY_NEW);
	replay_free(replay);
}

/* ---- random histories ---- */

/*
 * The model knows every message that there ever was.  Turns, as the zone thread has them:
 * messages come and are answered, then the file is flushed, then the answers go out.
 * Some are changes, which the journal has from the moment of their commit.  Between turns
 * the process ends, with or without its last turn, or the file is lost, or the system is
 * rebooted.
 *
 *   - What was executed is never new again while its time is in the window.
 *   - A key that sends little is never told that its message is too old, whatever others
 *     do, but for what was signed before a start that could not trust the file.
 */
enum {
	MODEL_PLACES = 64,
	MODEL_WINDOW = 60,
	MODEL_MESSAGES = 6000,
	MODEL_QUIET_KEYS = 4,
	MODEL_KEYS = 7,      /* those after the quiet ones send as they please */
	MODEL_QUIET_MAX = 2, /* messages of a quiet key in a window's time */
	MODEL_SEEDS = 40,
};

struct model_message {
	unsigned key;
	uint64_t time_signed;
	int64_t came_s;
	bool is_written; /* it goes to the journal after the turn in which it came */
	bool is_executed, is_journalled;
	bool is_answered;           /* in this turn: executed when the turn is over */
	struct replay_entry *entry; /* in progress; NULL: not */
	struct request request;
};

static struct model {
	uint32_t random;
	int64_t now_s, distrusted_s;
	struct replay *replay;
	unsigned boot;
	size_t count;
	struct model_message messages[MODEL_MESSAGES];
} model;

static uint32_t draw(uint32_t below)
{
	model.random = model.random * 1664525 + 1013904223;
	return (model.random >> 8) % below;
}

static enum replay_result model_look(size_t number, struct replay_entry **ret_entry)
{
	const struct model_message *message = &model.messages[number];
	struct signature s;
	char key[16];

	snprintf(key, sizeof(key), "key%u.", message->key);
	return replay_look(model.replay,
		sign(&s, key, (uint32_t)number + 1, message->time_signed), model.now_s,
		ret_entry);
}

static bool is_timely(const struct model_message *message)
{
	const int64_t off = (int64_t)message->time_signed - model.now_s;

	return off >= -MODEL_WINDOW && off <= MODEL_WINDOW;
}

static bool may_send(unsigned key)
{
	unsigned sent = 0;

	for (size_t i = 0; i < model.count; i++)
		sent += model.messages[i].key == key &&
			model.messages[i].came_s >= model.now_s - 2 * MODEL_WINDOW;
	return key >= MODEL_QUIET_KEYS || sent < MODEL_QUIET_MAX;
}

static void model_send(unsigned key)
{
	struct model_message *message = &model.messages[model.count];
	struct replay_entry *entry;
	enum replay_result result;

	if (model.count == MODEL_MESSAGES || !may_send(key))
		return;
	*message = (struct model_message){.key = key, .came_s = model.now_s};
	message->time_signed =
		(uint64_t)(model.now_s - MODEL_WINDOW) + draw(2 * MODEL_WINDOW + 1);
	result = model_look(model.count, &entry);
	model.count++;
	if (result == REPLAY_NEW) {
		message->entry = entry;
		replay_set_request(model.replay, entry, &message->request);
		return;
	}
	assert_int_equal(result, REPLAY_TOO_OLD);
	if (key < MODEL_QUIET_KEYS)
		assert_true((int64_t)message->time_signed < model.distrusted_s);
}

static void model_answer(size_t number)
{
	const struct verdict answer = verdict_ok();
	struct model_message *message = &model.messages[number];

	if (!message->entry)
		return;
	if (draw(8) == 0) { /* a temporary fault */
		if (message->request.replay)
			replay_forget(model.replay, message->entry);
		message->entry = NULL;
		return;
	}
	message->is_journalled = message->is_executed = message->is_written && draw(2);
	message->is_answered = true;
	if (message->request.replay)
		replay_answer(model.replay, message->entry, &answer);
	message->entry = NULL;
}

static void model_repeat(size_t number)
{
	struct model_message *message = &model.messages[number];
	struct replay_entry *entry;
	enum replay_result result;

	if (!is_timely(message) || message->entry)
		return;
	result = model_look(number, &entry);
	if (message->is_executed || message->is_answered)
		assert_int_not_equal(result, REPLAY_NEW);
	if (result == REPLAY_NEW) {
		message->entry = entry;
		message->is_written = false;
		replay_set_request(model.replay, entry, &message->request);
	}
}

static void end_turn(void)
{
	replay_flush(model.replay);
	for (size_t i = 0; i < model.count; i++) {
		model.messages[i].is_written = true;
		model.messages[i].is_executed |= model.messages[i].is_answered;
		model.messages[i].is_answered = false;
	}
}

static void read_file(char **ret_octets, size_t *ret_len)
{
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	*ret_len = (size_t)ftell(file);
	rewind(file);
	*ret_octets = malloc(*ret_len);
	assert_non_null(*ret_octets);
	assert_int_equal(fread(*ret_octets, 1, *ret_len, file), *ret_len);
	fclose(file);
}

/* The process ends as if by kill -9: the file is as the last flush left it. */
static void model_kill(void)
{
	char *octets;
	size_t len;
	FILE *file;

	read_file(&octets, &len);
	replay_free(model.replay);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(octets, 1, len, file), len);
	fclose(file);
	free(octets);
	for (size_t i = 0; i < model.count; i++)
		model.messages[i].is_answered = false;
}

static void model_start(void)
{
	char boot[16], name[16];
	uint64_t since;

	snprintf(boot, sizeof(boot), "boot %u", model.boot);
	assert_int_equal(replay_new(&model.replay, path, boot, MODEL_PLACES, MODEL_WINDOW,
				 model.now_s),
		0);
	if (!replay_is_whole(model.replay)) {
		replay_distrust(model.replay, model.now_s);
		model.distrusted_s = model.now_s;
	}
	if (replay_wants_journal(model.replay, model.now_s, &since)) {
		for (size_t i = model.count; i-- > 0;) {
			const struct model_message *message = &model.messages[i];
			const struct signer *signer;
			struct signature s;

			snprintf(name, sizeof(name), "key%u.", message->key);
			signer = sign(&s, name, (uint32_t)i + 1, message->time_signed);
			if (message->is_journalled && message->time_signed >= since)
				replay_restore(model.replay, signer->name,
					signer->fingerprint, message->time_signed,
					RCODE_NOERROR, model.now_s);
		}
	}
	replay_settle(model.replay);
	for (size_t i = 0; i < model.count; i++)
		model.messages[i].entry = NULL;
}

/* What was executed and not journalled was signed by clocks that are right, so that it is
 * older than the start. */
static void model_lose(void)
{
	end_turn();
	model.now_s += MODEL_WINDOW + 1;
	replay_free(model.replay);
	if (draw(2))
		assert_int_equal(unlink(path), 0);
	else
		model.boot++;
}

static void model_restart(void)
{
	switch (draw(8)) {
	case 0:
		model_lose();
		break;
	case 1:
		end_turn();
		replay_free(model.replay);
		break;
	default:
		model_kill();
		break;
	}
	model_start();
}

static void model_step(void)
{
	switch (draw(16)) {
	case 0:
		model.now_s += draw(10);
		break;
	case 1:
		end_turn();
		break;
	case 2:
		if (draw(6) == 0)
			model_restart();
		break;
	case 3:
		for (unsigned i = draw(3 * MODEL_PLACES),
			      key = MODEL_QUIET_KEYS + draw(3);
			i; i--)
			model_send(key);
		break;
	case 4:
	case 5:
		model_send(draw(MODEL_KEYS));
		break;
	default:
		for (unsigned i = 0; model.count && i < 4; i++) {
			const size_t back = draw(model.count < 200 ? model.count : 200);

			(draw(2) ? model_answer : model_repeat)(model.count - 1 - back);
		}
		break;
	}
}

static void random_histories_agree_with_the_model(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= MODEL_SEEDS; seed++) {
		(void)unlink(path);
		model = (struct model){.random = seed, .now_s = NOW};
		model_start();
		while (model.count < MODEL_MESSAGES)
			model_step();
		replay_free(model.replay);
	}
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, make_path, remove_path)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FILE(the_same_message_is_a_twin),
		WITH_FILE(another_key_or_mac_is_another_message),
		WITH_FILE(what_failed_may_be_tried_again),
		WITH_FILE(a_flood_raises_the_floor_of_its_own_key_only),
		WITH_FILE(many_keys_have_a_floor_each),
		WITH_FILE(a_floor_of_a_wrong_clock_is_lowered),
		WITH_FILE(a_larger_window_knows_what_it_can_not_know),
		WITH_FILE(one_in_progress_learns_that_it_is_forgotten),
		WITH_FILE(a_restart_remembers_what_the_journal_has),
		WITH_FILE(it_outlives_the_process_but_not_the_system),
		WITH_FILE(an_answer_of_a_later_turn_is_kept_too),
		WITH_FILE(a_file_of_another_form_is_made_anew),
		WITH_FILE(what_could_not_be_written_is_not_trusted),
		WITH_FILE(it_is_written_whole_when_that_is_possible_again),
		WITH_FILE(random_histories_agree_with_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
