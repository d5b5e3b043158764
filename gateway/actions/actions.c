/*
 * Runs programs and requests, and queues those for which there is no place yet.
 *
 * Pidfds show when programs end: no signal handler is needed, and no other child of the
 * process is affected.
 */
#include "gateway/actions/actions_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/target/http_client.h"
#include "tsig/plural.h"

enum { ANSWER_MAX = 65536 }; /* octets of a URL's answer, which is ignored */

struct action_run {
	TAILQ_ENTRY(action_run) entry;
	struct actions *actions;
	struct action_texts texts;
	struct http_transfer *transfer; /* NULL: a program */
	pid_t pid;
	int pidfd;           /* -1: none */
	struct event *ended; /* of the program */
	struct alarm limit;  /* until it is killed */
	bool is_killed;
};

TAILQ_HEAD(action_list, action_run);

struct actions {
	struct event_base *base;
	struct alarms *alarms;
	struct http_client *client;
	struct action_list waiting, running;
	size_t waiting_count, running_count;
	unsigned limit_ms;
	unsigned long left_out; /* since the queue was last full */
};

static void start_next(struct actions *actions);

static void run_free(struct action_run *run)
{
	if (run->ended)
		event_free(run->ended);
	alarm_stop(&run->limit);
	if (run->pidfd >= 0)
		close(run->pidfd);
	action_texts_clear(&run->texts);
	free(run);
}

static void report(const struct action_run *run, const char *problem, const char *detail)
{
	char *const *words = run->texts.arguments;

	log_limited(LOG_HOST, clock_monotonic_ms(), "%s for %s %s: %s%s", words[0],
		words[1], words[3], problem, detail);
}

static void end(struct action_run *run)
{
	struct actions *actions = run->actions;

	TAILQ_REMOVE(&actions->running, run, entry);
	actions->running_count--;
	run_free(run);
	start_next(actions);
}

/* ---- requests ---- */

static void on_answered(void *arg, const struct http_response *response)
{
	struct action_run *run = arg;
	char status[16];

	run->transfer = NULL;
	snprintf(status, sizeof(status), "%ld", response->status);
	if (response->error)
		report(run, "", response->why);
	else if (response->status < 200 || response->status > 299)
		report(run, "it answered ", status);
	end(run);
}

static bool start_request(struct action_run *run)
{
	static const char *const headers[] = {"Content-Type: application/json", NULL};
	const struct http_request request = {
		.method = "POST",
		.url = run->texts.arguments[0],
		.headers = headers,
		.body = run->texts.body,
		.body_len = strlen(run->texts.body),
		.answer_max = ANSWER_MAX,
		.timeout_ms = run->actions->limit_ms,
	};

	run->transfer =
		http_client_start(run->actions->client, &request, on_answered, run);
	if (!run->transfer)
		report(run, "the request cannot be made", "");
	return run->transfer != NULL;
}

/* ---- programs ---- */

static void report_end(struct action_run *run, const siginfo_t *info)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", info->si_status);
	if (run->is_killed)
		report(run, "killed, since it did not end", "");
	else if (info->si_code != CLD_EXITED)
		report(run, "ended by signal ", number);
	else if (info->si_status)
		report(run, "exit status ", number);
}

static void on_ended(evutil_socket_t fd, short events, void *arg)
{
	struct action_run *run = arg;
	siginfo_t info = {0};

	(void)events;
	if (!waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG)) {
		if (!info.si_pid)
			return; /* it has not ended yet */
		report_end(run, &info);
	}
	end(run);
}

static void on_too_long(void *arg)
{
	struct action_run *run = arg;

	run->is_killed = true;
	kill(-run->pid, SIGKILL);
}

/* The program must not inherit the signals that the gateway blocks or ignores, nor its
 * files. */
static int set_up(posix_spawnattr_t *attributes, posix_spawn_file_actions_t *files)
{
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	r = posix_spawnattr_setsigmask(attributes, &none);
	if (!r)
		r = posix_spawnattr_setsigdefault(attributes, &all);
	if (!r)
		r = posix_spawnattr_setpgroup(attributes, 0);
	if (!r)
		r = posix_spawnattr_setflags(attributes,
			POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
				POSIX_SPAWN_SETPGROUP);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && !r; fd++)
		r = posix_spawn_file_actions_addopen(files, fd, "/dev/null", O_RDWR, 0);
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
	return r;
}

static int spawn(struct action_run *run)
{
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_t files;
	int r = posix_spawnattr_init(&attributes);

	if (r)
		return r;
	r = posix_spawn_file_actions_init(&files);
	if (r) {
		posix_spawnattr_destroy(&attributes);
		return r;
	}
	r = set_up(&attributes, &files);
	if (!r)
		r = posix_spawn(&run->pid, run->texts.arguments[0], &files, &attributes,
			run->texts.arguments, run->texts.environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return r;
}

static bool watch(struct action_run *run)
{
	struct event_base *base = run->actions->base;

	run->pidfd = pidfd_open(run->pid, 0);
	if (run->pidfd < 0)
		return false;
	run->ended = event_new(base, run->pidfd, EV_READ | EV_PERSIST, on_ended, run);
	if (!run->ended || event_add(run->ended, NULL))
		return false;
	alarm_set_in(&run->limit, run->actions->limit_ms);
	return true;
}

static bool start_program(struct action_run *run)
{
	int r = spawn(run);

	if (r) {
		report(run, "", strerror(r));
		return false;
	}
	if (watch(run))
		return true;
	/* Its end would go unnoticed. */
	kill(-run->pid, SIGKILL);
	waitpid(run->pid, NULL, 0);
	report(run, "killed, out of memory or descriptors", "");
	return false;
}

/* ---- the queue ---- */

static bool start(struct action_run *run)
{
	return run->texts.body ? start_request(run) : start_program(run);
}

static void start_next(struct actions *actions)
{
	struct action_run *run;

	while (actions->running_count < ACTIONS_AT_ONCE &&
		(run = TAILQ_FIRST(&actions->waiting))) {
		TAILQ_REMOVE(&actions->waiting, run, entry);
		actions->waiting_count--;
		if (!start(run)) {
			run_free(run);
			continue;
		}
		TAILQ_INSERT_TAIL(&actions->running, run, entry);
		actions->running_count++;
	}
	if (actions->left_out && !actions->waiting_count) {
		log_warning(
			"on_stale, on_expire: %lu %s left out, there were too many at "
			"once",
			actions->left_out, PLURAL(actions->left_out, "event"));
		actions->left_out = 0;
	}
}

void actions_begin(struct actions *actions, const struct action *action)
{
	struct action_run *run = NULL;

	if (actions->waiting_count < ACTIONS_QUEUE_MAX)
		run = calloc(1, sizeof(*run));
	if (run && !action_texts_init(&run->texts, action)) {
		free(run);
		run = NULL;
	}
	if (!run) {
		actions->left_out++;
		return;
	}
	run->actions = actions;
	run->pidfd = -1;
	alarm_init(&run->limit, actions->alarms, on_too_long, run);
	TAILQ_INSERT_TAIL(&actions->waiting, run, entry);
	actions->waiting_count++;
	start_next(actions);
}

bool actions_is_idle(const struct actions *actions)
{
	return actions->waiting_count == 0 && actions->running_count == 0;
}

/* ---- construction ---- */

struct actions *actions_new(
	struct event_base *base, struct alarms *alarms, unsigned limit_ms)
{
	struct actions *actions = calloc(1, sizeof(*actions));

	if (!actions)
		return NULL;
	actions->base = base;
	actions->alarms = alarms;
	actions->limit_ms = limit_ms;
	TAILQ_INIT(&actions->waiting);
	TAILQ_INIT(&actions->running);
	actions->client = http_client_new(base, alarms);
	if (!actions->client) {
		free(actions);
		return NULL;
	}
	return actions;
}

static void free_list(struct action_list *list)
{
	struct action_run *run;

	while ((run = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, run, entry);
		if (run->pid > 0)
			kill(-run->pid, SIGTERM);
		if (run->transfer)
			http_transfer_cancel(run->transfer);
		run_free(run);
	}
}

void actions_free(struct actions *actions)
{
	if (!actions)
		return;
	if (actions->waiting_count)
		log_warning("on_stale, on_expire: %zu %s left out, the gateway ends",
			actions->waiting_count, PLURAL(actions->waiting_count, "event"));
	free_list(&actions->waiting);
	free_list(&actions->running);
	http_client_free(actions->client);
	free(actions);
}
