/*
 * The log: one line per event, to standard error in the foreground (with sd-daemon's
 * priority prefix when the journal reads it), to syslog otherwise.
 *
 * Thread-safe.  Lines never hold secrets, nor octets that are not printable ASCII.
 */
#ifndef MUSTER_LOG_H
#define MUSTER_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_to_stderr(const char *program);
void log_to_syslog(const char *program);
/* What is more verbose is dropped; the default is INFO. */
void log_set_level(enum log_level level);

void log_write(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Lines that others can cause as often as they like. */
enum log_kind {
	LOG_STRANGER, /* warnings: bad keys, malformed messages */
	LOG_REFUSAL, /* holders of valid keys are refused; strangers hide none of these */
	LOG_HOST,    /* what happens to hosts as time passes */
	LOG_KINDS
};
enum { LOG_STRANGER_PER_S = 20, LOG_REFUSAL_PER_S = 200, LOG_HOST_PER_S = 50 };

/* Writes a limited number of a kind per second; the next line says how many were left
 * out.  now_ms is monotonic.  Is the line among those that are written?  (The level may
 * still leave it out.) */
bool log_limited(enum log_kind kind, long long now_ms, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
