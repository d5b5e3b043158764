/*
 * What stands before the calls that can fail: the linker puts __wrap_NAME in the place of
 * NAME (the list of names is FAULT_WRAPS in tests/Makefile.inc), and __real_NAME is what
 * it was.  A call that fails does nothing else, and reports the error as its manual page
 * describes.
 *
 * readv, writev, send, sendto and recv are defined outright, so that libevent and libcurl
 * meet them too.
 */
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/faults/fault.h"

/* clang-format off */
#define WRAP(kind, type, name, parameters, arguments, failure) \
	type __real_##name parameters;                         \
	type __wrap_##name parameters;                         \
	type __wrap_##name parameters                          \
	{                                                      \
		if (fault_here(kind, #name))                   \
			return failure;                        \
		return __real_##name arguments;                \
	}
/* clang-format on */

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

static void *no_file(int error)
{
	errno = error;
	return NULL;
}

static int no(int error)
{
	errno = error;
	return -1;
}

/* Writing to a file fails for good; anything else is only interrupted. */
static int cannot(int fd, int error)
{
	struct stat st;

	return no(!fstat(fd, &st) && S_ISREG(st.st_mode) ? error : EINTR);
}

/* ---- memory ---- */

WRAP(FAULT_MEMORY, void *, malloc, (size_t size), (size), no_memory())
WRAP(FAULT_MEMORY, void *, calloc, (size_t count, size_t size), (count, size),
	no_memory())
WRAP(FAULT_MEMORY, void *, realloc, (void *old, size_t size), (old, size), no_memory())
WRAP(FAULT_MEMORY, void *, reallocarray, (void *old, size_t count, size_t size),
	(old, count, size), no_memory())
WRAP(FAULT_MEMORY, char *, strdup, (const char *text), (text), no_memory())
WRAP(FAULT_MEMORY, char *, realpath, (const char *path, char *resolved), (path, resolved),
	no_memory())

int __wrap_asprintf(char **ret_text, const char *format, ...);
int __wrap_asprintf(char **ret_text, const char *format, ...)
{
	va_list args;
	int len;

	if (fault_here(FAULT_MEMORY, "asprintf")) {
		*ret_text = NULL;
		return no(ENOMEM);
	}
	va_start(args, format);
	len = vasprintf(ret_text, format, args);
	va_end(args);
	return len;
}

/* ---- libraries ---- */

WRAP(FAULT_LIBRARY, EVP_MAC *, EVP_MAC_fetch,
	(OSSL_LIB_CTX * library, const char *name, const char *properties),
	(library, name, properties), NULL)
WRAP(FAULT_LIBRARY, EVP_MAC_CTX *, EVP_MAC_CTX_new, (EVP_MAC * mac), (mac), NULL)
WRAP(FAULT_LIBRARY, EVP_MAC_CTX *, EVP_MAC_CTX_dup, (const EVP_MAC_CTX *from), (from),
	NULL)
WRAP(FAULT_LIBRARY, int, EVP_MAC_CTX_set_params,
	(EVP_MAC_CTX * context, const OSSL_PARAM params[]), (context, params), 0)
WRAP(FAULT_LIBRARY, int, EVP_MAC_init,
	(EVP_MAC_CTX * context, const unsigned char *key, size_t len,
		const OSSL_PARAM params[]),
	(context, key, len, params), 0)
WRAP(FAULT_LIBRARY, int, EVP_MAC_update,
	(EVP_MAC_CTX * context, const unsigned char *octets, size_t len),
	(context, octets, len), 0)
WRAP(FAULT_LIBRARY, int, EVP_MAC_final,
	(EVP_MAC_CTX * context, unsigned char *out, size_t *len, size_t size),
	(context, out, len, size), 0)

WRAP(FAULT_LIBRARY, struct event_base *, event_base_new, (void), (), NULL)
WRAP(FAULT_LIBRARY, struct event *, event_new,
	(struct event_base * base, evutil_socket_t fd, short events, event_callback_fn fn,
		void *arg),
	(base, fd, events, fn, arg), NULL)
WRAP(FAULT_LIBRARY, int, event_add, (struct event * event, const struct timeval *timeout),
	(event, timeout), -1)
WRAP(FAULT_LIBRARY, struct bufferevent *, bufferevent_socket_new,
	(struct event_base * base, evutil_socket_t fd, int options), (base, fd, options),
	NULL)
WRAP(FAULT_LIBRARY, int, bufferevent_socket_connect,
	(struct bufferevent * bev, const struct sockaddr *address, int len),
	(bev, address, len), -1)
WRAP(FAULT_LIBRARY, int, bufferevent_write,
	(struct bufferevent * bev, const void *octets, size_t len), (bev, octets, len),
	-1)
WRAP(FAULT_LIBRARY, int, bufferevent_enable, (struct bufferevent * bev, short events),
	(bev, events), -1)
WRAP(FAULT_LIBRARY, unsigned char *, evbuffer_pullup,
	(struct evbuffer * buffer, ev_ssize_t size), (buffer, size), NULL)

WRAP(FAULT_LIBRARY, CURL *, curl_easy_init, (void), (), NULL)
WRAP(FAULT_LIBRARY, CURLM *, curl_multi_init, (void), (), NULL)
WRAP(FAULT_LIBRARY, CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL *easy),
	(multi, easy), CURLM_OUT_OF_MEMORY)
WRAP(FAULT_LIBRARY, CURLMcode, curl_multi_assign,
	(CURLM * multi, curl_socket_t fd, void *data), (multi, fd, data),
	CURLM_OUT_OF_MEMORY)
WRAP(FAULT_LIBRARY, struct curl_slist *, curl_slist_append,
	(struct curl_slist * list, const char *text), (list, text), NULL)

#undef curl_easy_setopt
CURLcode __real_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
	va_list args;
	CURLcode r;

	if (fault_here(FAULT_LIBRARY, "curl_easy_setopt"))
		return CURLE_OUT_OF_MEMORY;
	va_start(args, option);
	if (option < CURLOPTTYPE_OBJECTPOINT)
		r = __real_curl_easy_setopt(easy, option, va_arg(args, long));
	else if (option >= CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB)
		r = __real_curl_easy_setopt(easy, option, va_arg(args, curl_off_t));
	else
		r = __real_curl_easy_setopt(easy, option, va_arg(args, void *));
	va_end(args);
	return r;
}

WRAP(FAULT_LIBRARY, json_t *, json_array, (void), (), NULL)
WRAP(FAULT_LIBRARY, json_t *, json_object, (void), (), NULL)
WRAP(FAULT_LIBRARY, json_t *, json_integer, (json_int_t value), (value), NULL)
WRAP(FAULT_LIBRARY, char *, json_dumps, (const json_t *json, size_t flags), (json, flags),
	NULL)

json_t *__wrap_json_pack(const char *format, ...);
json_t *__wrap_json_pack(const char *format, ...)
{
	va_list args;
	json_t *json;

	if (fault_here(FAULT_LIBRARY, "json_pack"))
		return NULL;
	va_start(args, format);
	json = json_vpack_ex(NULL, 0, format, args);
	va_end(args);
	return json;
}

static json_t *cannot_load(json_error_t *error)
{
	if (error)
		snprintf(error->text, sizeof(error->text), "out of memory");
	return NULL;
}

WRAP(FAULT_LIBRARY, json_t *, json_loadb,
	(const char *octets, size_t len, size_t flags, json_error_t *error),
	(octets, len, flags, error), cannot_load(error))

/* They take the value in any case. */
static int cannot_take(json_t *value)
{
	json_decref(value);
	return -1;
}

WRAP(FAULT_LIBRARY, int, json_array_append_new, (json_t * array, json_t *value),
	(array, value), cannot_take(value))
WRAP(FAULT_LIBRARY, int, json_object_set_new,
	(json_t * object, const char *key, json_t *value), (object, key, value),
	cannot_take(value))

/* ---- the database ---- */

WRAP(FAULT_DATABASE, int, sqlite3_open_v2,
	(const char *path, sqlite3 **ret_db, int flags, const char *vfs),
	(path, ret_db, flags, vfs), (*ret_db = NULL, SQLITE_NOMEM))
WRAP(FAULT_DATABASE, int, sqlite3_exec,
	(sqlite3 * db, const char *sql, int (*visit)(void *, int, char **, char **),
		void *arg, char **error),
	(db, sql, visit, arg, error), SQLITE_IOERR)
WRAP(FAULT_DATABASE, int, sqlite3_prepare_v2,
	(sqlite3 * db, const char *sql, int len, sqlite3_stmt **ret, const char **tail),
	(db, sql, len, ret, tail), (*ret = NULL, SQLITE_NOMEM))
WRAP(FAULT_DATABASE, int, sqlite3_prepare_v3,
	(sqlite3 * db, const char *sql, int len, unsigned flags, sqlite3_stmt **ret,
		const char **tail),
	(db, sql, len, flags, ret, tail), (*ret = NULL, SQLITE_NOMEM))
WRAP(FAULT_DATABASE, int, sqlite3_step, (sqlite3_stmt * stmt), (stmt), SQLITE_IOERR)
WRAP(FAULT_DATABASE, int, sqlite3_bind_int, (sqlite3_stmt * stmt, int at, int value),
	(stmt, at, value), SQLITE_NOMEM)
WRAP(FAULT_DATABASE, int, sqlite3_bind_int64,
	(sqlite3_stmt * stmt, int at, sqlite3_int64 value), (stmt, at, value),
	SQLITE_NOMEM)
WRAP(FAULT_DATABASE, const void *, sqlite3_column_blob, (sqlite3_stmt * stmt, int at),
	(stmt, at), NULL)
WRAP(FAULT_DATABASE, const unsigned char *, sqlite3_column_text,
	(sqlite3_stmt * stmt, int at), (stmt, at), NULL)

/* They free the value in any case. */
static int cannot_bind(void *value, void (*release)(void *))
{
	if (release != SQLITE_STATIC && release != SQLITE_TRANSIENT)
		release(value);
	return SQLITE_NOMEM;
}

WRAP(FAULT_DATABASE, int, sqlite3_bind_text,
	(sqlite3_stmt * stmt, int at, const char *text, int len, void (*release)(void *)),
	(stmt, at, text, len, release), cannot_bind((void *)(uintptr_t)text, release))
WRAP(FAULT_DATABASE, int, sqlite3_bind_blob,
	(sqlite3_stmt * stmt, int at, const void *octets, int len,
		void (*release)(void *)),
	(stmt, at, octets, len, release), cannot_bind((void *)(uintptr_t)octets, release))
WRAP(FAULT_DATABASE, int, sqlite3_bind_blob64,
	(sqlite3_stmt * stmt, int at, const void *octets, sqlite3_uint64 len,
		void (*release)(void *)),
	(stmt, at, octets, len, release), cannot_bind((void *)(uintptr_t)octets, release))

/* ---- files ---- */

int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	int mode;

	if (fault_here(FAULT_DISK, "open"))
		return no(EIO);
	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, int) : 0;
	va_end(args);
	return __real_open(path, flags, mode);
}

WRAP(FAULT_DISK, FILE *, fopen, (const char *path, const char *mode), (path, mode),
	no_file(EIO))
WRAP(FAULT_DISK, char *, fgets, (char *buf, int size, FILE *file), (buf, size, file),
	no_file(EIO))
WRAP(FAULT_DISK, int, fstat, (int fd, struct stat *st), (fd, st), no(EIO))
WRAP(FAULT_DISK, int, fchmod, (int fd, mode_t mode), (fd, mode), no(EPERM))
WRAP(FAULT_DISK, int, flock, (int fd, int operation), (fd, operation), no(ENOLCK))
WRAP(FAULT_DISK, int, rename, (const char *from, const char *to), (from, to), no(ENOSPC))
WRAP(FAULT_DISK, int, ftruncate, (int fd, off_t len), (fd, len), no(EIO))
WRAP(FAULT_DISK, ssize_t, read, (int fd, void *buf, size_t len), (fd, buf, len),
	cannot(fd, EIO))

/* Except for the log, where a lost line only harms whoever waits for it. */
ssize_t __real_write(int fd, const void *buf, size_t len);
ssize_t __wrap_write(int fd, const void *buf, size_t len);
ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
	if (fd != STDERR_FILENO && fault_here(FAULT_DISK, "write"))
		return cannot(fd, ENOSPC);
	return __real_write(fd, buf, len);
}

WRAP(FAULT_DISK, ssize_t, pread, (int fd, void *buf, size_t len, off_t at),
	(fd, buf, len, at), no(EIO))
WRAP(FAULT_DISK, ssize_t, pwrite, (int fd, const void *buf, size_t len, off_t at),
	(fd, buf, len, at), no(ENOSPC))

/* ---- descriptors, sockets, threads ---- */

WRAP(FAULT_SOCKET, int, eventfd, (unsigned value, int flags), (value, flags), no(EMFILE))
WRAP(FAULT_SOCKET, int, socket, (int family, int type, int protocol),
	(family, type, protocol), no(EMFILE))
WRAP(FAULT_SOCKET, int, setsockopt,
	(int fd, int level, int option, const void *value, socklen_t len),
	(fd, level, option, value, len), no(ENOBUFS))
WRAP(FAULT_SOCKET, int, bind, (int fd, const struct sockaddr *address, socklen_t len),
	(fd, address, len), no(EADDRINUSE))
WRAP(FAULT_SOCKET, int, listen, (int fd, int backlog), (fd, backlog), no(EADDRINUSE))
WRAP(FAULT_SOCKET, int, connect, (int fd, const struct sockaddr *address, socklen_t len),
	(fd, address, len), no(ENETUNREACH))
WRAP(FAULT_SOCKET, int, accept4,
	(int fd, struct sockaddr *address, socklen_t *len, int flags),
	(fd, address, len, flags), no(EMFILE))
WRAP(FAULT_SOCKET, int, recvmmsg,
	(int fd, struct mmsghdr *headers, unsigned count, int flags,
		struct timespec *timeout),
	(fd, headers, count, flags, timeout), no(ENOMEM))
WRAP(FAULT_SOCKET, int, sendmmsg,
	(int fd, struct mmsghdr *headers, unsigned count, int flags),
	(fd, headers, count, flags), no(ENOBUFS))
WRAP(FAULT_SOCKET, int, poll, (struct pollfd * fds, nfds_t count, int timeout_ms),
	(fds, count, timeout_ms), no(EINTR))
WRAP(FAULT_SOCKET, int, pthread_create,
	(pthread_t * ret, const pthread_attr_t *attributes, void *(*fn)(void *),
		void *arg),
	(ret, attributes, fn, arg), EAGAIN)

/* ---- TCP, also below the libraries ---- */

static void *next_named(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort();
	return found;
}

/* clang-format off */
#define REPLACE(name, parameters, arguments, failure)                      \
	ssize_t name parameters                                            \
	{                                                                  \
		static ssize_t(*_Atomic next) parameters;                  \
		if (fault_here(FAULT_SOCKET, #name))                       \
			return failure;                                    \
		if (!next)                                                 \
			next = (ssize_t(*) parameters)next_named(#name);   \
		return next arguments;                                     \
	}
/* clang-format on */

REPLACE(readv, (int fd, const struct iovec *parts, int count), (fd, parts, count),
	no(ECONNRESET))
REPLACE(writev, (int fd, const struct iovec *parts, int count), (fd, parts, count),
	no(ECONNRESET))
REPLACE(recv, (int fd, void *buf, size_t len, int flags), (fd, buf, len, flags),
	no(ECONNRESET))
REPLACE(send, (int fd, const void *buf, size_t len, int flags), (fd, buf, len, flags),
	no(ECONNRESET))
REPLACE(sendto,
	(int fd, const void *buf, size_t len, int flags, const struct sockaddr *address,
		socklen_t address_len),
	(fd, buf, len, flags, address, address_len), no(ENOBUFS))
