/*
 * The sockets of control: opened before privileges are dropped, and at reloads.
 *
 * A Unix socket's file stays when its process is killed.  So we connect to it: if nobody
 * listens, it is replaced; if somebody does, it is left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/control/control_private.h"
#include "gateway/base/log.h"

enum { BACKLOG = 64, SOCKET_MODE = 0600 };

static int set_address(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	memcpy(address->sun_path, path, strlen(path) + 1);
	return 0;
}

/* 0: nobody listens; -EADDRINUSE: somebody does, or it is no socket. */
static int remove_stale(const char *path, const struct sockaddr_un *address)
{
	struct stat st;
	int fd, r = 0;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* EAGAIN: the queue is full, so somebody listens. */
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
		errno != ECONNREFUSED)
		r = -EADDRINUSE;
	close(fd);
	if (!r && unlink(path) && errno != ENOENT)
		r = -errno;
	return r;
}

/* To the user that we are going to be. */
static int give_to(const char *path, const char *user)
{
	const struct passwd *pw;

	if (!user || geteuid() != 0)
		return 0;
	pw = getpwnam(user);
	if (!pw)
		return -ENOENT;
	return lchown(path, pw->pw_uid, pw->pw_gid) ? -errno : 0;
}

static int bind_unix(int fd, const char *path, const char *user)
{
	struct sockaddr_un address;
	int r = set_address(&address, path);

	if (!r)
		r = remove_stale(path, &address);
	if (r)
		return r;
	/* On Linux the file gets the socket's mode: it is never open to others. */
	if (fchmod(fd, SOCKET_MODE) ||
		bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		return -errno;
	r = give_to(path, user);
	if (!r && listen(fd, BACKLOG))
		r = -errno;
	if (r)
		(void)unlink(path);
	return r;
}

int control_socket_unix(const char *path, const char *user)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = fd < 0 ? -errno : bind_unix(fd, path, user);

	if (!r)
		return fd;
	log_error("control: %s: %s", path,
		r == -EEXIST               ? "there is something else than a socket"
			: r == -EADDRINUSE ? "another process listens there"
					   : strerror(-r));
	if (fd >= 0)
		close(fd);
	return r;
}

int control_socket_http(const struct config_address *address)
{
	const int yes = 1;
	int fd = socket(address->storage.ss_family,
		SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = 0;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ||
		(address->storage.ss_family == AF_INET6 &&
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes))) ||
		bind(fd, (const struct sockaddr *)&address->storage, address->len) ||
		listen(fd, BACKLOG))
		r = -errno;
	if (!r)
		return fd;
	log_error("http: %s: %s", address->text, strerror(-r));
	if (fd >= 0)
		close(fd);
	return r;
}

ino_t control_socket_inode(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? 0 : st.st_ino;
}

void control_socket_unlink(const char *path, ino_t inode)
{
	if (inode && control_socket_inode(path) == inode)
		(void)unlink(path);
}

int control_socket_peer(int fd, uid_t *ret_uid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	*ret_uid = cred.uid;
	return 0;
}
