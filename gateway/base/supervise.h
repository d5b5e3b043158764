/*
 * What every daemon needs: going into the background, a lock and a PID file, giving up
 * privileges, and telling the service manager its state (by sd_notify(3)'s protocol).
 */
#ifndef MUSTER_SUPERVISE_H
#define MUSTER_SUPERVISE_H

#include <stdbool.h>
#include <sys/types.h>
#include <stddef.h>

/* Standard streams that are closed become /dev/null, so that no file opened later is
 * taken for one of them. */
void supervise_open_streams(void);

/*
 * Goes into the background.  The parent waits until supervise_ready and exits 0, or 1 if
 * the child ends before that.  The child keeps the standard streams until
 * supervise_leave_terminal, so that whoever started it sees why it does not start.  In
 * the child: what supervise_ready wants, or -errno.
 */
int supervise_detach(void) __attribute__((warn_unused_result));
/* Puts /dev/null in the place of the standard streams.  0 or -errno. */
int supervise_leave_terminal(void) __attribute__((warn_unused_result));

/* Becomes user, with its groups; does nothing without root's rights, or if user is NULL.
 * 0 or -errno (-ENOENT: no such user). */
int supervise_drop_privileges(const char *user) __attribute__((warn_unused_result));

/* Makes the folder of this file, if only its last part is missing.  The folder belongs to
 * user (NULL: to us). */
void supervise_make_folder(const char *path, const char *user);
/* Writes a file whole or not at all (rename), with this mode whatever the umask.  It
 * belongs to owner and group (-1: to us).  0 or -errno. */
int supervise_write_file(const char *path, const char *text, unsigned mode, uid_t owner,
	gid_t group) __attribute__((warn_unused_result));
/* Writes our PID, readable for everybody; path NULL: there is no such file.  0 or
 * -errno. */
int supervise_write_pid_file(const char *path) __attribute__((warn_unused_result));
void supervise_remove_pid_file(const char *path); /* NULL is harmless */

/* Locks the file "PATHsuffix" (made if need be) for this process; a file descriptor to be
 * closed at the end, or -errno (-EWOULDBLOCK: another process has it). */
int supervise_lock(const char *path, const char *suffix)
	__attribute__((warn_unused_result));
/* Does a process hold that lock? */
bool supervise_is_locked(const char *path, const char *suffix);

/* "READY=1", "STATUS=..." and so on, to $NOTIFY_SOCKET if there is one. */
void supervise_notify(const char *state);
/* Everything works: tells the service manager and the waiting parent.  parent is what
 * supervise_detach returned, and closed here; -1: there is none.  0 or -errno (-EPIPE:
 * the parent was ended before). */
int supervise_ready(int parent) __attribute__((warn_unused_result));
/* Milliseconds between two WATCHDOG=1 that the service manager wants; 0: none. */
int supervise_watchdog_ms(void);

/* Raises the limit of file descriptors to what the listeners can make use of, as far as
 * the system allows.  Returns the limit that holds now. */
size_t supervise_raise_file_limit(void);
/* No core dumps with secrets in them. */
void supervise_forbid_core_dumps(void);

#endif
