/*
 * The log: where lines go, what they may contain, and how many of them others may cause.
 *
 * The state is one static object, as an exception from the rule that there is none
 * outside of main.c: every part of the gateway logs, and none should have to carry a
 * handle for it.
 *
 * Limits: a line has at most LOG_LINE_MAX octets; the rest is cut off.  No time is
 * written: the journal, syslog and a terminal's scroll-back know it better than a line
 * that was waiting.
 */
#include "gateway/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "gateway/base/printable.h"

enum {
	LOG_LINE_MAX = 2048,  /* octets of text, with its final zero: an EDE or audit text
			       * of the largest update and its frame */
	LOG_PROGRAM_MAX = 32, /* octets of the program's name, with its final zero */
	LOG_WINDOW_MS = 1000, /* over which lines caused by others are counted */
};

enum log_sink { LOG_SINK_STDERR, LOG_SINK_JOURNAL, LOG_SINK_SYSLOG };

/* How many lines of a kind may be written. */
struct log_allowance {
	enum log_level level; /* of these lines */
	unsigned per_window;
	long long window_ms;    /* monotonic; when the first of seen came */
	unsigned seen;          /* in this window, at most per_window */
	unsigned long left_out; /* lines since the last that was written */
};

static struct {
	char program[LOG_PROGRAM_MAX]; /* openlog keeps a pointer to it */
	atomic_int sink;               /* enum log_sink */
	atomic_int level;     /* enum log_level: the most verbose that is written */
	pthread_mutex_t lock; /* of what follows */
	struct log_allowance allowances[LOG_KINDS]; /* by enum log_kind */
} state = {
	.program = "muster",
	.sink = LOG_SINK_STDERR,
	.level = LOG_LEVEL_INFO,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.allowances =
		{
			[LOG_STRANGER] = {.level = LOG_LEVEL_WARNING,
				.per_window = LOG_STRANGER_PER_S},
			[LOG_REFUSAL] = {.level = LOG_LEVEL_INFO,
				.per_window = LOG_REFUSAL_PER_S},
			[LOG_HOST] = {.level = LOG_LEVEL_INFO,
				.per_window = LOG_HOST_PER_S},
		},
};

/* ---- where ---- */

/* systemd.exec(5): JOURNAL_STREAM is "device:inode" of what the journal reads; a child
 * whose error output goes elsewhere inherits the variable all the same. */
static bool is_stderr_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
		st.st_ino == inode;
}

/* Other threads may be reading the name, so it is not touched when it stays the same. */
static void set_program(const char *program)
{
	if (strcmp(state.program, program) != 0)
		snprintf(state.program, sizeof(state.program), "%s", program);
}

void log_to_stderr(const char *program)
{
	set_program(program);
	atomic_store(
		&state.sink, is_stderr_journal() ? LOG_SINK_JOURNAL : LOG_SINK_STDERR);
}

void log_to_syslog(const char *program)
{
	set_program(program);
	openlog(state.program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	atomic_store(&state.sink, LOG_SINK_SYSLOG);
}

void log_set_level(enum log_level level)
{
	atomic_store(&state.level, (int)level);
}

/* ---- what ---- */

/* A single write, so that lines of different threads do not mix.  If it fails, there is
 * nobody left to tell. */
static void write_stderr(const char *line, size_t len)
{
	ssize_t n;

	do {
		n = write(STDERR_FILENO, line, len);
	} while (n < 0 && errno == EINTR);
}

static void write_line(enum log_level level, const char *text)
{
	static const struct {
		int priority; /* of syslog, and sd-daemon(3)'s prefix */
		const char *word;
	} levels[] = {
		[LOG_LEVEL_ERROR] = {LOG_ERR, "error: "},
		[LOG_LEVEL_WARNING] = {LOG_WARNING, "warning: "},
		[LOG_LEVEL_INFO] = {LOG_INFO, ""},
		[LOG_LEVEL_DEBUG] = {LOG_DEBUG, "debug: "},
	};
	char line[LOG_LINE_MAX + LOG_PROGRAM_MAX + 16];
	int sink = atomic_load(&state.sink), len;

	if (sink == LOG_SINK_SYSLOG) {
		syslog(levels[level].priority, "%s", text);
		return;
	}
	if (sink == LOG_SINK_JOURNAL)
		len = snprintf(
			line, sizeof(line), "<%d>%s\n", levels[level].priority, text);
	else
		len = snprintf(line, sizeof(line), "%s: %s%s\n", state.program,
			levels[level].word, text);
	write_stderr(line, (size_t)len);
}

static bool is_written(enum log_level level)
{
	return (int)level <= atomic_load(&state.level);
}

static void log_line(enum log_level level, unsigned long left_out, const char *format,
	va_list args) __attribute__((format(printf, 3, 0)));

static void log_line(
	enum log_level level, unsigned long left_out, const char *format, va_list args)
{
	char text[LOG_LINE_MAX], more[48] = "";
	int saved_errno = errno;

	if (left_out > 0)
		snprintf(more, sizeof(more), " (%lu more like it left out)", left_out);
	size_t room = sizeof(text) - strlen(more);
	int len = vsnprintf(text, room, format, args);
	if (len < 0)
		text[0] = '\0';
	size_t end = strlen(text);
	while (end > 0 && text[end - 1] == '\n')
		text[--end] = '\0';
	strcat(text, more);
	/* Names and reasons come from the network: they must neither begin a line of
	 * their own nor control a terminal. */
	printable_clean(text);
	write_line(level, text);
	errno = saved_errno;
}

void log_write(enum log_level level, const char *format, ...)
{
	va_list args;

	if (!is_written(level))
		return;
	va_start(args, format);
	log_line(level, 0, format, args);
	va_end(args);
}

/* ---- what others cause ---- */

/* Threads pass slightly different times: one that is a little early still belongs to this
 * window. */
static bool is_window_over(const struct log_allowance *allowance, long long now_ms)
{
	return now_ms - allowance->window_ms >= LOG_WINDOW_MS ||
		allowance->window_ms - now_ms >= LOG_WINDOW_MS;
}

/* False: this line is left out.  *ret_left_out counts the lines left out before it. */
static bool admit(
	struct log_allowance *allowance, long long now_ms, unsigned long *ret_left_out)
{
	bool is_admitted = true;

	pthread_mutex_lock(&state.lock);
	if (is_window_over(allowance, now_ms)) {
		allowance->window_ms = now_ms;
		allowance->seen = 0;
	}
	if (allowance->seen < allowance->per_window) {
		allowance->seen++;
		*ret_left_out = allowance->left_out;
		allowance->left_out = 0;
	} else {
		allowance->left_out++;
		is_admitted = false;
	}
	pthread_mutex_unlock(&state.lock);
	return is_admitted;
}

bool log_limited(enum log_kind kind, long long now_ms, const char *format, ...)
{
	struct log_allowance *allowance = &state.allowances[kind];
	unsigned long left_out;
	va_list args;

	if (!admit(allowance, now_ms, &left_out))
		return false;
	if (!is_written(allowance->level))
		return true;
	va_start(args, format);
	log_line(allowance->level, left_out, format, args);
	va_end(args);
	return true;
}
