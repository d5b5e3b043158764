/*
 * The log: one line per event, to standard error in the foreground (with sd-daemon's
 * priority prefix when the journal reads it), to syslog otherwise.
 *
 * For one thread.  Lines never hold secrets, nor octets that are not printable ASCII.
 * Whoever logs an error says in the same line what may be done about it.
 */
#ifndef MUSTER_AGENT_LOG_H
#define MUSTER_AGENT_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_to_stderr(void);
void log_to_syslog(void);
/* What is more verbose is dropped; INFO first. */
void log_set_level(enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
