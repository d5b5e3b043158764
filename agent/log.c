/*
 * The log of the agent.  Its state is one static object, as an exception from the rule
 * that there is none outside of main.c: every part logs, and none should have to carry a
 * handle for it.
 *
 * Limits: LOG_LINE_MAX octets of a line, the rest is cut.
 */
#include "agent/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

enum { LOG_LINE_MAX = 1024 }; /* octets of text, with its final zero */

static const char program[] = "muster-agent";

static struct {
	bool to_syslog;
	bool to_journal; /* standard error is the journal's */
	enum log_level level;
} state = {.level = LOG_LEVEL_INFO};

static const struct {
	int priority; /* of syslog, and sd-daemon(3)'s prefix */
	const char *word;
} levels[] = {
	[LOG_LEVEL_ERROR] = {LOG_ERR, "error: "},
	[LOG_LEVEL_WARNING] = {LOG_WARNING, "warning: "},
	[LOG_LEVEL_INFO] = {LOG_INFO, ""},
	[LOG_LEVEL_DEBUG] = {LOG_DEBUG, "debug: "},
};

/* systemd.exec(5): JOURNAL_STREAM is "device:inode" of what the journal reads. */
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

void log_to_stderr(void)
{
	state.to_syslog = false;
	state.to_journal = is_stderr_journal();
}

void log_to_syslog(void)
{
	openlog(program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	state.to_syslog = true;
}

void log_set_level(enum log_level level)
{
	state.level = level;
}

/* Names and reasons come from the network: one event is one line. */
static void clean(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void write_line(enum log_level level, const char *text)
{
	char line[LOG_LINE_MAX + sizeof(program) + 16];
	int len;

	if (state.to_syslog) {
		syslog(levels[level].priority, "%s", text);
		return;
	}
	if (state.to_journal)
		len = snprintf(
			line, sizeof(line), "<%d>%s\n", levels[level].priority, text);
	else
		len = snprintf(line, sizeof(line), "%s: %s%s\n", program,
			levels[level].word, text);
	/* When this fails nobody is left to be told. */
	while (write(STDERR_FILENO, line, (size_t)len) < 0 && errno == EINTR)
		;
}

static void log_line(enum log_level level, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void log_line(enum log_level level, const char *format, va_list args)
{
	const int saved_errno = errno;
	char text[LOG_LINE_MAX];

	if (level > state.level)
		return;
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	clean(text);
	write_line(level, text);
	errno = saved_errno;
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_LEVEL_ERROR, format, args);
	va_end(args);
}

void log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_LEVEL_WARNING, format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_LEVEL_INFO, format, args);
	va_end(args);
}

void log_debug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_LEVEL_DEBUG, format, args);
	va_end(args);
}
