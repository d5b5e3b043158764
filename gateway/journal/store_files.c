/*
 * The SQLite store's files while it is open: checks whether they are still there, and
 * restores them when somebody has removed them.
 *
 * Removing or replacing the files of an open database changes nothing for the process
 * that has them open: its commits go to files without a name, which vanish with it.  So
 * before calling something durable, the files must be checked.
 */
#include "gateway/journal/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const suffixes[STORE_FILES] = {"", "-wal", "-shm"};

static int refuse(struct store *store, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct store *store, int r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(store->why, sizeof(store->why), format, arguments);
	va_end(arguments);
	return r;
}

int store_files_open(struct store *store)
{
	/* The name as SQLite has it, without symbolic links. */
	const char *path = sqlite3_db_filename(store->db, "main");

	for (int i = 0; i < STORE_FILES; i++) {
		struct store_file *file = &store->files[i];

		if (asprintf(&file->path, "%s%s", path, suffixes[i]) < 0) {
			file->path = NULL;
			return -ENOMEM;
		}
	}
	return store_check(store) == -ENOMEM ? -ENOMEM : 0;
}

void store_files_close(struct store *store)
{
	for (int i = 0; i < STORE_FILES; i++)
		free(store->files[i].path);
}

static int check_file(struct store *store, struct store_file *file)
{
	struct stat now;

	if (stat(file->path, &now))
		return file->inode ? refuse(store, -ENOENT, "%s is gone: %s", file->path,
					     strerror(errno))
				   : 0;
	if (!file->inode) { /* SQLite creates it when it first needs it */
		file->inode = now.st_ino;
		file->device = now.st_dev;
	}
	if (file->inode == now.st_ino && file->device == now.st_dev)
		return 0;
	/* The others mean nothing without the first, and are created again. */
	return refuse(store, file == &store->files[0] ? -ESTALE : -ENOENT,
		"%s is another file than the one that is in use", file->path);
}

int store_check(struct store *store)
{
	int r = 0;

	for (int i = 0; !r && i < STORE_FILES; i++)
		r = check_file(store, &store->files[i]);
	return r;
}

/* ---- the way back ---- */

static int write_copy(struct store *store, const char *copy)
{
	char *sql = sqlite3_mprintf("VACUUM INTO %Q", copy);
	int rc = sql ? sqlite3_exec(store->db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
	int r = store_errno(rc);

	sqlite3_free(sql);
	return r ? refuse(store, r, "%s: %s", copy, sqlite3_errmsg(store->db)) : 0;
}

static int sync_path(struct store *store, const char *path, int flags)
{
	const int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
	const int r = fd < 0 || fsync(fd) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r ? refuse(store, r, "%s: %s", path, strerror(-r)) : 0;
}

static int sync_folder(struct store *store, const char *path)
{
	char *folder = strdup(path);
	int r;

	if (!folder)
		return -ENOMEM;
	strrchr(folder, '/')[1] = '\0'; /* the path is absolute */
	r = sync_path(store, folder, O_DIRECTORY);
	free(folder);
	return r;
}

/* Only the remains of our own files are replaced. */
static int put_in_place(struct store *store, const char *copy)
{
	const char *path = store->files[0].path;
	int r = check_file(store, &store->files[0]);

	if (r == -ESTALE)
		return r;
	for (int i = 1; i < STORE_FILES; i++)
		(void)unlink(store->files[i].path);
	if (rename(copy, path))
		return refuse(store, -errno, "%s: %s", path, strerror(errno));
	return sync_folder(store, path);
}

int store_rescue(struct store *store)
{
	char *copy;
	int r;

	if (asprintf(&copy, "%s-rescue", store->files[0].path) < 0)
		return -ENOMEM;
	(void)unlink(copy);
	r = write_copy(store, copy);
	if (!r)
		r = sync_path(store, copy, 0);
	if (!r)
		r = put_in_place(store, copy);
	if (r)
		(void)unlink(copy);
	free(copy);
	return r;
}
