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
void log_set_level(
	enum log_level level); /* what is more verbose is dropped; INFO first */

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * For lines that others can cause as often as they like: a limited number is written per
 * second, and the next line says how many were left out.  now_ms is monotonic.
 *
 * log_stranger: any stranger (bad keys, malformed messages); warnings.  log_refusal: who
 * has a valid key, and is refused; the allowance is its own, so that strangers hide none
 * of them.  log_host: what happens to hosts by the passing of time.
 *
 * The first two return whether the line is among those that go out (though the level may
 * not be).
 */
enum { LOG_STRANGER_PER_S = 20, LOG_REFUSAL_PER_S = 200, LOG_HOST_PER_S = 50 };
bool log_stranger(long long now_ms, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool log_refusal(long long now_ms, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void log_host(long long now_ms, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
