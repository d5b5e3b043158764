/*
 * What a daemon owes the system it runs on: detaching, its lock and PID file, giving up
 * privileges, telling the service manager (sd_notify(3)'s protocol) how it is.
 */
#ifndef MUSTER_AGENT_DAEMON_H
#define MUSTER_AGENT_DAEMON_H

/* Standard streams that are closed become /dev/null. */
void daemon_open_streams(void);

/*
 * Goes into the background.  The parent waits until daemon_ready and exits 0, or 1 if the
 * child ends before that.  The child keeps the standard streams until
 * daemon_leave_terminal, so that who started it sees why it does not start.  In the
 * child: what daemon_ready wants, or -errno.
 */
int daemon_detach(void) __attribute__((warn_unused_result));
int daemon_leave_terminal(void) __attribute__((warn_unused_result)); /* 0 or -errno */

/* Becomes user, with its groups; nothing to do without root's rights or for NULL.
 * 0 or -errno (-ENOENT: no such user). */
int daemon_drop_privileges(const char *user) __attribute__((warn_unused_result));

/* Makes the folder of this file, if only it is missing; user's (NULL: our own). */
void daemon_make_folder(const char *path, const char *user);

/* Writes a file whole or not at all (rename).  0 or -errno. */
int daemon_write_file(const char *path, const char *text, unsigned mode)
	__attribute__((warn_unused_result));

/* Locks "PATH.lock" (made if need be) for this process; a file descriptor, kept until the
 * end, or -errno (-EWOULDBLOCK: another process has it). */
int daemon_lock(const char *path) __attribute__((warn_unused_result));
/* Does a process hold that lock? */
int daemon_is_locked(const char *path);

/* "READY=1", "STATUS=..." and so on, to $NOTIFY_SOCKET if there is one. */
void daemon_notify(const char *state);
/* Everything works: tells the service manager and the waiting parent, which is what
 * daemon_detach returned, and closed here; -1: there is none.  0 or -errno. */
int daemon_ready(int parent) __attribute__((warn_unused_result));

/* No core dumps with secrets in them. */
void daemon_forbid_core_dumps(void);

#endif
