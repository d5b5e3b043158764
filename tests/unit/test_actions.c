/* Actions: programs, against the clock and against each other.  What they and URLs are
 * told is shown by tests/servers/test_leases_told.py. */
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "gateway/actions/actions.h"
#include "gateway/base/log.h"

enum { BOUND_MS = 20000, PATH_ROOM = 128 };

struct bench {
	struct event_base *base;
	struct turn_clock time;
	struct alarms alarms;
	struct actions *actions;
	char folder[PATH_ROOM];
	char program[PATH_ROOM + 16];
	char log[PATH_ROOM + 16];
	int stderr_fd;
};

static void write_program(struct bench *b, const char *lines)
{
	FILE *file = fopen(b->program, "w");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\ncd %s\n%s\n", b->folder, lines);
	fclose(file);
	chmod(b->program, 0755);
}

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	strcpy(b->folder, "/tmp/test_actions.XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(b->program, sizeof(b->program), "%s/program", b->folder);
	snprintf(b->log, sizeof(b->log), "%s/log", b->folder);
	b->base = event_base_new();
	assert_int_equal(alarms_init(&b->alarms, &b->time, b->base), 0);
	/* The log goes to standard error: into a file, for now. */
	b->stderr_fd = dup(STDERR_FILENO);
	assert_non_null(freopen(b->log, "a", stderr));
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	char command[PATH_ROOM + 32];

	actions_free(b->actions);
	alarms_clear(&b->alarms);
	event_base_free(b->base);
	fflush(stderr);
	dup2(b->stderr_fd, STDERR_FILENO);
	close(b->stderr_fd);
	snprintf(command, sizeof(command), "rm -rf %s", b->folder);
	assert_int_equal(system(command), 0);
	free(b);
	return 0;
}

static void begin(struct bench *b, const char *host)
{
	const char *const records[] = {"A 192.0.2.1"};

	actions_begin(b->actions,
		&(struct action){
			.what = b->program,
			.event = "expired",
			.zone = "dyn.example.",
			.host = host,
			.records = records,
			.record_count = 1,
		});
}

static void on_bound(void *arg)
{
	(void)arg;
	fail_msg("it takes too long");
}

static void run_until_idle(struct bench *b)
{
	struct alarm bound;

	alarm_init(&bound, &b->alarms, on_bound, NULL);
	alarm_set_in(&bound, BOUND_MS);
	while (!actions_is_idle(b->actions)) {
		turn_clock_begin(&b->time);
		event_base_loop(b->base, EVLOOP_ONCE);
	}
	alarm_stop(&bound);
}

/* Lines in a file of the folder; 0 if there is none. */
static unsigned lines_in(const struct bench *b, const char *name)
{
	char path[2 * PATH_ROOM];
	unsigned lines = 0;
	FILE *file;
	int c;

	snprintf(path, sizeof(path), "%s/%s", b->folder, name);
	file = fopen(path, "r");
	while (file && (c = fgetc(file)) != EOF)
		lines += c == '\n';
	if (file)
		fclose(file);
	return lines;
}

static bool is_logged(const struct bench *b, const char *text)
{
	char line[1024];
	FILE *file = fopen(b->log, "r");
	bool is_found = false;

	while (file && !is_found && fgets(line, sizeof(line), file))
		is_found = strstr(line, text) != NULL;
	if (file)
		fclose(file);
	return is_found;
}

static void test_all_get_their_turn(void **state)
{
	struct bench *b = *state;

	b->actions = actions_new(b->base, &b->alarms, BOUND_MS);
	write_program(b, "echo \"$3\" >> hosts");
	for (int i = 0; i < 20; i++)
		begin(b, "host.dyn.example.");
	run_until_idle(b);
	assert_int_equal(lines_in(b, "hosts"), 20);
	assert_int_equal(lines_in(b, "log"), 0);
}

static void test_four_at_once(void **state)
{
	struct bench *b = *state;

	b->actions = actions_new(b->base, &b->alarms, BOUND_MS);
	/* Each looks how many there are while it is one of them. */
	write_program(b,
		"mkdir d.$$; ls -d d.* | wc -l >> counts\n"
		"[ $(ls -d d.* | wc -l) -le 4 ] || echo >> more; sleep 0.05\n"
		"rmdir d.$$");
	for (int i = 0; i < 24; i++)
		begin(b, "host.dyn.example.");
	run_until_idle(b);
	assert_int_equal(lines_in(b, "counts"), 24);
	assert_int_equal(lines_in(b, "more"), 0);
}

static void test_one_that_hangs_is_killed(void **state)
{
	struct bench *b = *state;

	b->actions = actions_new(b->base, &b->alarms, 300);
	write_program(b, "sleep 300 & echo $! > child; wait; echo > survived");
	begin(b, "host.dyn.example.");
	run_until_idle(b);
	assert_int_equal(lines_in(b, "survived"), 0);
	assert_int_equal(lines_in(b, "child"), 1);
	assert_true(is_logged(b, "host.dyn.example.: killed, since it did not end"));
}

static void test_failures(void **state)
{
	struct bench *b = *state;

	b->actions = actions_new(b->base, &b->alarms, BOUND_MS);
	begin(b, "one.dyn.example.");
	run_until_idle(b);
	assert_true(is_logged(b, "one.dyn.example.: No such file or directory"));
	write_program(b, "exit 7");
	begin(b, "two.dyn.example.");
	run_until_idle(b);
	assert_true(is_logged(b, "two.dyn.example.: exit status 7"));
	write_program(b, "kill -SEGV $$");
	begin(b, "three.dyn.example.");
	run_until_idle(b);
	assert_true(is_logged(b, "three.dyn.example.: ended by signal 11"));
}

static void test_too_many_are_left_out(void **state)
{
	struct bench *b = *state;

	b->actions = actions_new(b->base, &b->alarms, BOUND_MS);
	write_program(b, "echo >> done");
	for (int i = 0; i < ACTIONS_QUEUE_MAX + ACTIONS_AT_ONCE + 5; i++)
		begin(b, "host.dyn.example.");
	run_until_idle(b);
	assert_int_equal(lines_in(b, "done"), ACTIONS_QUEUE_MAX + ACTIONS_AT_ONCE);
	assert_true(is_logged(b, "5 events left out"));
}

static void test_the_end_waits_for_nobody(void **state)
{
	struct bench *b = *state;

	b->actions = actions_new(b->base, &b->alarms, BOUND_MS);
	write_program(b, "sleep 300");
	for (int i = 0; i < 6; i++)
		begin(b, "host.dyn.example.");
	assert_false(actions_is_idle(b->actions));
	actions_free(b->actions);
	b->actions = NULL;
	assert_true(is_logged(b, "2 events left out"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_all_get_their_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_four_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_one_that_hangs_is_killed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_too_many_are_left_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_the_end_waits_for_nobody, set_up, tear_down),
	};

	log_to_stderr("test_actions");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
