/*
 * The log: what a line looks like, what may not stand in it, and how many of them
 * strangers can cause.  Standard error is a pipe here.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "gateway/base/log.h"

/* ---- helpers ---- */

static int saved_stderr = -1;
static int log_pipe[2];
static char seen[65536];

static int begin_capture(void **state)
{
	(void)state;
	saved_stderr = dup(STDERR_FILENO);
	if (saved_stderr < 0 || pipe2(log_pipe, O_CLOEXEC | O_NONBLOCK) < 0 ||
		dup2(log_pipe[1], STDERR_FILENO) < 0)
		return -1;
	unsetenv("JOURNAL_STREAM");
	log_to_stderr("test");
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

static int end_capture(void **state)
{
	(void)state;
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(log_pipe[0]);
	close(log_pipe[1]);
	return 0;
}

/* What was logged since the last call. */
static const char *take(void)
{
	ssize_t n = read(log_pipe[0], seen, sizeof(seen) - 1);

	seen[n > 0 ? n : 0] = '\0';
	return seen;
}

static unsigned count_lines(const char *text)
{
	unsigned count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

/* ---- tests ---- */

static void lines_name_program_and_level(void **state)
{
	(void)state;
	log_error("a %d", 1);
	assert_string_equal(take(), "test: error: a 1\n");
	log_warning("b");
	assert_string_equal(take(), "test: warning: b\n");
	log_info("c\n");
	assert_string_equal(take(), "test: c\n");
}

static void levels_drop_what_is_more_verbose(void **state)
{
	(void)state;
	log_debug("hidden");
	assert_string_equal(take(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("shown");
	assert_string_equal(take(), "test: debug: shown\n");
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("hidden");
	log_limited(LOG_STRANGER, 0, "hidden");
	assert_string_equal(take(), "");
	log_error("shown");
	assert_string_equal(take(), "test: error: shown\n");
}

static void one_event_is_one_printable_line(void **state)
{
	(void)state;
	log_info("a\nb\r\x1b[2J\x7f\xc3\xa4\t.");
	assert_string_equal(take(), "test: a?b??[2J????.\n");
}

static void long_lines_are_cut(void **state)
{
	char text[5000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	const char *line = take();
	assert_int_equal(count_lines(line), 1);
	assert_int_equal(strlen(line), strlen("test: ") + 2047 + 1);
	assert_int_equal(line[strlen(line) - 1], '\n');
}

static void errno_survives(void **state)
{
	(void)state;
	errno = ENOSPC;
	log_info("%m");
	assert_int_equal(errno, ENOSPC);
	assert_string_equal(take(), "test: No space left on device\n");
}

static void the_journal_gets_priorities(void **state)
{
	struct stat st;
	char stream[64];

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_to_stderr("test");
	log_set_level(LOG_LEVEL_DEBUG);
	log_error("a");
	log_warning("b");
	log_info("c");
	log_debug("d");
	assert_string_equal(take(), "<3>a\n<4>b\n<6>c\n<7>d\n");

	/* Inherited, but standard error is another file. */
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	log_to_stderr("test");
	log_info("e");
	assert_string_equal(take(), "test: e\n");
}

static void strangers_are_limited(void **state)
{
	long long now_ms = 1000000;

	(void)state;
	for (int i = 0; i < LOG_STRANGER_PER_S + 7; i++)
		log_limited(LOG_STRANGER, now_ms + i, "who %d", i);
	const char *text = take();
	assert_int_equal(count_lines(text), LOG_STRANGER_PER_S);
	assert_memory_equal(text, "test: warning: who 0\n", 21);
	assert_null(strstr(text, "left out"));

	/* Still the same second. */
	log_limited(LOG_STRANGER, now_ms + 999, "late");
	assert_string_equal(take(), "");
	log_limited(LOG_STRANGER, now_ms + 1000, "next");
	assert_string_equal(take(), "test: warning: next (8 more like it left out)\n");
	log_limited(LOG_STRANGER, now_ms + 1000, "after");
	assert_string_equal(take(), "test: warning: after\n");

	/* Others are not. */
	for (int i = 0; i < 2 * LOG_STRANGER_PER_S; i++)
		log_info("own");
	assert_int_equal(count_lines(take()), 2 * LOG_STRANGER_PER_S);
}

static void refusals_have_their_own_allowance(void **state)
{
	const long long now_ms = 7000000;

	(void)state;
	for (int i = 0; i < LOG_STRANGER_PER_S + 1; i++)
		log_limited(LOG_STRANGER, now_ms, "who");
	assert_int_equal(count_lines(take()), LOG_STRANGER_PER_S);
	for (int i = 0; i < LOG_REFUSAL_PER_S + 3; i++)
		log_limited(LOG_REFUSAL, now_ms + i, "no %d", i);
	const char *text = take();
	assert_int_equal(count_lines(text), LOG_REFUSAL_PER_S);
	assert_memory_equal(text, "test: no 0\n", 11);
	assert_null(strstr(text, "left out"));

	log_limited(LOG_REFUSAL, now_ms + 1000, "next");
	assert_string_equal(take(), "test: next (3 more like it left out)\n");
	log_limited(LOG_STRANGER, now_ms + 1000, "who");
	assert_string_equal(take(), "test: warning: who (1 more like it left out)\n");

	log_set_level(LOG_LEVEL_WARNING);
	log_limited(LOG_REFUSAL, now_ms + 1000, "hidden");
	assert_string_equal(take(), "");
}

static void a_stranger_s_clock_may_lag(void **state)
{
	long long now_ms = 5000000;

	(void)state;
	for (int i = 0; i < LOG_STRANGER_PER_S; i++)
		log_limited(LOG_STRANGER, now_ms, "who");
	assert_int_equal(count_lines(take()), LOG_STRANGER_PER_S);
	/* A thread that read the clock a little earlier opens no new second. */
	log_limited(LOG_STRANGER, now_ms - 5, "early");
	assert_string_equal(take(), "");
}

#define TEST(function)                                                                   \
	cmocka_unit_test_setup_teardown(function, begin_capture, end_capture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_name_program_and_level),
		TEST(levels_drop_what_is_more_verbose),
		TEST(one_event_is_one_printable_line),
		TEST(long_lines_are_cut),
		TEST(errno_survives),
		TEST(the_journal_gets_priorities),
		TEST(strangers_are_limited),
		TEST(refusals_have_their_own_allowance),
		TEST(a_stranger_s_clock_may_lag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
