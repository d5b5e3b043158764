/*
 * The source command: a program prints the records, as in a zone file (record_text.h).
 *
 * It is run at the start, after each interval, and when the network has changed.  No
 * shell is involved.  It has to end with status 0 in time; otherwise, or if a line is not
 * a record, everything stays as it was.  Its error output goes where the agent's goes.
 *
 * Limits: OUTPUT_MAX octets of output; the setting timeout, after which it is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/records/record_text.h"
#include "agent/sources/source.h"
#include "gateway/base/alarm.h"

enum {
	OUTPUT_MAX = 1024 * 1024,
	CHUNK = 4096,
	GATHER_MS = 1000, /* from a change of the network to the run */
};

extern char **environ;

struct command {
	struct source source;
	struct alarm next;   /* rings when it is to be run */
	struct alarm limit;  /* rings when it has run too long */
	struct event *event; /* of output */
	int output;          /* pipe; -1: at its end */
	pid_t child;         /* 0: none runs */
	int status;          /* of waitpid, once has_ended */
	bool has_ended;
	char *text; /* what it printed so far */
	size_t len, cap;
	bool is_too_long;
	bool is_again; /* run once more when it has ended */
};

static void run(struct command *command);

static void close_output(struct command *command)
{
	if (command->event)
		event_free(command->event);
	command->event = NULL;
	if (command->output >= 0)
		close(command->output);
	command->output = -1;
}

/* ---- what it printed ---- */

static const char *program(const struct command *command)
{
	return command->source.config->command[0];
}

/* Finds the first record that lies in none of the zones; NULL: all of them do lie in
 * one. */
static const struct record *find_outside(
	const struct config *config, const struct records *found)
{
	for (size_t i = 0; i < found->count; i++)
		if (!config_find_zone(config, found->items[i].owner))
			return &found->items[i];
	return NULL;
}

static bool parse(struct command *command, struct records *found)
{
	struct source *source = &command->source;
	const struct record *outside;
	char why[RECORD_WHY_MAX], text[RECORD_TEXT_MAX];
	unsigned line = 0;
	const int r = record_text_read(found, command->text, command->len,
		source->config->origin, source->config->ttl, why, &line);

	if (r) {
		source_fail(source,
			"line %u of its output: %s; its records stay as they were", line,
			r == -EINVAL ? why : records_strerror(r));
		return false;
	}
	outside = find_outside(source->context->config, found);
	if (outside)
		source_fail(source,
			"%.200s lies in none of the zones; its records stay as they were",
			record_to_text(outside, text));
	return !outside;
}

static bool is_well(struct command *command)
{
	const int status = command->status;

	if (command->is_too_long)
		source_fail(&command->source,
			"more than %d octets of output; its records stay as they were",
			OUTPUT_MAX);
	else if (WIFSIGNALED(status))
		source_fail(&command->source,
			"ended by signal %d (%s); its records stay as they were; is "
			"\"timeout\" long enough?",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		source_fail(&command->source,
			"exit status %d; its records stay as they were",
			WEXITSTATUS(status));
	else
		return true;
	return false;
}

static void plan_next(struct command *command)
{
	if (command->is_again)
		alarm_set_in(&command->next, GATHER_MS);
	else if (command->source.config->interval_s)
		alarm_set_in(&command->next,
			INT64_C(1000) * command->source.config->interval_s);
	command->is_again = false;
}

/* It has ended, and its output has been read. */
static void finish(struct command *command)
{
	struct records found = {0};

	alarm_stop(&command->limit);
	command->child = 0;
	command->has_ended = false;
	if (is_well(command) && parse(command, &found)) {
		source_recover(&command->source);
		source_give(&command->source, &found);
	} else {
		records_clear(&found);
	}
	free(command->text);
	command->text = NULL;
	command->len = command->cap = 0;
	command->is_too_long = false;
	plan_next(command);
}

/* ---- reading ---- */

static bool keep(struct command *command, const char *octets, size_t len)
{
	char *text;

	if (command->len + len > OUTPUT_MAX) {
		command->is_too_long = true;
		return false;
	}
	if (command->len + len + 1 > command->cap) {
		const size_t cap = 2 * (command->len + len + 1);

		text = realloc(command->text, cap);
		if (!text) {
			command->is_too_long = true;
			return false;
		}
		command->text = text;
		command->cap = cap;
	}
	memcpy(command->text + command->len, octets, len);
	command->len += len;
	command->text[command->len] = '\0';
	return true;
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
	struct command *command = arg;
	char octets[CHUNK];
	const ssize_t n = read(fd, octets, sizeof(octets));

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && keep(command, octets, (size_t)n))
		return;
	close_output(command);
	if (command->has_ended)
		finish(command);
}

static void command_child_ended(struct source *source)
{
	struct command *command = (struct command *)source;

	if (!command->child || command->has_ended ||
		waitpid(command->child, &command->status, WNOHANG) != command->child)
		return;
	command->has_ended = true;
	if (command->output < 0)
		finish(command);
}

/* The program leads a process group, so that whatever it started is killed with it. */
static void on_limit(void *arg)
{
	struct command *command = arg;

	if (command->child)
		kill(-command->child, SIGKILL);
	close_output(command);
	if (command->has_ended)
		finish(command);
}

/* ---- running ---- */

static int spawn(struct command *command, int output)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r;

	sigemptyset(&none);
	if (posix_spawn_file_actions_init(&actions))
		return ENOMEM;
	if (posix_spawnattr_init(&attributes)) {
		posix_spawn_file_actions_destroy(&actions);
		return ENOMEM;
	}
	posix_spawnattr_setflags(
		&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	r = posix_spawn_file_actions_addopen(
		&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (!r)
		r = posix_spawn(&command->child, program(command), &actions, &attributes,
			command->source.config->command, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

static int start(struct command *command)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC))
		return errno;
	r = spawn(command, ends[1]);
	close(ends[1]);
	command->output = ends[0];
	if (!r) {
		fcntl(command->output, F_SETFL, O_NONBLOCK);
		command->event = event_new(command->source.context->alarms->base,
			command->output, EV_READ | EV_PERSIST, on_output, command);
		if (!command->event || event_add(command->event, NULL))
			close_output(command); /* its records stay as they were */
		return 0;
	}
	close_output(command);
	return r;
}

static void run(struct command *command)
{
	int r;

	if (command->child) {
		command->is_again = true;
		return;
	}
	r = start(command);
	if (!r) {
		alarm_set_in(&command->limit, command->source.config->timeout_ms);
		return;
	}
	command->child = 0;
	source_fail(&command->source, "%s; is it there, and may the agent run it?",
		strerror(r));
	plan_next(command);
}

static void on_next(void *arg)
{
	run(arg);
}

static void command_network_changed(struct source *source)
{
	struct command *command = (struct command *)source;

	if (!command->is_again && command->source.is_known)
		alarm_set_in(&command->next, GATHER_MS);
}

static void command_close(struct source *source)
{
	struct command *command = (struct command *)source;

	if (command->child && !command->has_ended) {
		kill(-command->child, SIGKILL);
		waitpid(command->child, NULL, 0);
	}
	close_output(command);
	alarm_stop(&command->next);
	alarm_stop(&command->limit);
	free(command->text);
	free(command);
}

static struct source *command_open(
	const struct source_context *context, const struct config_source *config)
{
	struct command *command = calloc(1, sizeof(*command));

	if (!command)
		return NULL;
	source_init(&command->source, &source_command_ops, context, config);
	command->output = -1;
	alarm_init(&command->next, context->alarms, on_next, command);
	alarm_init(&command->limit, context->alarms, on_limit, command);
	alarm_set(&command->next, 0);
	return &command->source;
}

const struct source_ops source_command_ops = {
	.type = "command",
	.open = command_open,
	.close = command_close,
	.network_changed = command_network_changed,
	.child_ended = command_child_ended,
};
