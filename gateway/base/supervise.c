/*
 * Being a daemon.  sd_notify's protocol is one datagram, so that no library is needed for
 * it.
 */
#include "gateway/base/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	FILE_LIMIT = 65536,       /* all TCP connections of four listener threads */
	FILE_LIMIT_UNKNOWN = 256, /* what every system has */
};

void supervise_open_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static void wait_for_child(int fd)
{
	char octet;
	ssize_t got;

	do
		got = read(fd, &octet, 1);
	while (got < 0 && errno == EINTR);
	_exit(got == 1 ? 0 : 1);
}

int supervise_detach(void)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		close(ends[1]);
		wait_for_child(ends[0]);
	}
	close(ends[0]);
	if (setsid() < 0 || chdir("/"))
		return -errno;
	return ends[1];
}

int supervise_leave_terminal(void)
{
	int r = 0, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	for (int fd = 0; fd <= 2 && !r; fd++) {
		if (dup2(null, fd) < 0)
			r = -errno;
	}
	if (null > 2)
		close(null);
	return r;
}

int supervise_drop_privileges(const char *user)
{
	struct passwd *pw;

	if (!user || geteuid() != 0)
		return 0;
	errno = 0;
	pw = getpwnam(user);
	if (!pw)
		return errno ? -errno : -ENOENT;
	if (initgroups(pw->pw_name, pw->pw_gid) ||
		setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) ||
		setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid))
		return -errno;
	return 0;
}

void supervise_make_folder(const char *path, const char *user)
{
	char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
	const struct passwd *pw;
	bool is_made = false;

	if (slash && slash != folder) {
		*slash = '\0';
		is_made = !mkdir(folder, 0755);
	}
	pw = is_made && user && geteuid() == 0 ? getpwnam(user) : NULL;
	if (pw && chown(folder, pw->pw_uid, pw->pw_gid))
		rmdir(folder); /* of no use to the user */
	free(folder);
}

static int write_octets(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		const ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		text += n;
		left -= (size_t)n;
	}
	return 0;
}

static int write_new(
	const char *path, const char *text, unsigned mode, uid_t owner, gid_t group)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
	const int fd = open(path, flags, (mode_t)mode);
	int r;

	if (fd < 0)
		return -errno;
	r = fchmod(fd, (mode_t)mode) || fchown(fd, owner, group) ? -errno
								 : write_octets(fd, text);
	/* Otherwise a power loss could leave the new name without its content. */
	if (!r && fdatasync(fd))
		r = -errno;
	if (close(fd) && !r)
		r = -errno;
	return r;
}

int supervise_write_file(
	const char *path, const char *text, unsigned mode, uid_t owner, gid_t group)
{
	char *temporary;
	int r;

	if (asprintf(&temporary, "%s.new", path) < 0)
		return -ENOMEM;
	/* What another run left half-written may have another owner or mode. */
	unlink(temporary);
	r = write_new(temporary, text, mode, owner, group);
	if (!r && rename(temporary, path))
		r = -errno;
	if (r)
		unlink(temporary);
	free(temporary);
	return r;
}

int supervise_write_pid_file(const char *path)
{
	char text[32];

	if (!path)
		return 0;
	snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	return supervise_write_file(path, text, 0644, (uid_t)-1, (gid_t)-1);
}

void supervise_remove_pid_file(const char *path)
{
	if (path)
		unlink(path);
}

static int open_lock(const char *path, const char *suffix, int flags)
{
	char *name;
	int fd;

	if (asprintf(&name, "%s%s", path, suffix) < 0)
		return -ENOMEM;
	fd = open(name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		fd = -errno;
	free(name);
	return fd;
}

int supervise_lock(const char *path, const char *suffix)
{
	const int fd = open_lock(path, suffix, O_RDWR | O_CREAT);
	int r;

	if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	r = -errno;
	close(fd);
	return r;
}

bool supervise_is_locked(const char *path, const char *suffix)
{
	const int fd = open_lock(path, suffix, O_RDONLY);
	bool is_locked;

	if (fd < 0)
		return false;
	is_locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return is_locked;
}

void supervise_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (len < 2 || len >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, len);
	if (address.sun_path[0] == '@')
		address.sun_path[0] = '\0'; /* abstract name space */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

int supervise_ready(int parent)
{
	int r = 0;

	if (parent >= 0) {
		if (write(parent, "", 1) != 1)
			r = -errno;
		close(parent);
	}
	if (!r)
		supervise_notify("READY=1");
	return r;
}

int supervise_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	long long value = usec ? strtoll(usec, NULL, 10) : 0;

	return value > 0 ? (int)(value / 2000)
			 : 0; /* half of it, as sd_notify(3) advises */
}

size_t supervise_raise_file_limit(void)
{
	struct rlimit limit, raised;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return FILE_LIMIT_UNKNOWN;
	raised = limit;
	raised.rlim_cur = limit.rlim_max < FILE_LIMIT ? limit.rlim_max : FILE_LIMIT;
	if (limit.rlim_cur >= raised.rlim_cur || setrlimit(RLIMIT_NOFILE, &raised))
		return limit.rlim_cur;
	return raised.rlim_cur;
}

void supervise_forbid_core_dumps(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
}
