/*
 * SQLite's memory and files: an allocator and a file system in front of its own.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/faults/fault.h"

/* ---- memory ---- */

static sqlite3_mem_methods memory;

static void *fail_malloc(int size)
{
	return fault_here(FAULT_SQL_MEMORY, "sqlite malloc") ? NULL
							     : memory.xMalloc(size);
}

static void *fail_realloc(void *old, int size)
{
	return fault_here(FAULT_SQL_MEMORY, "sqlite realloc")
		? NULL
		: memory.xRealloc(old, size);
}

/* ---- files ---- */

static sqlite3_vfs *files, failing_files;
static const sqlite3_io_methods *methods;
static sqlite3_io_methods failing_methods;

static int fail_read(sqlite3_file *file, void *buf, int len, sqlite3_int64 at)
{
	if (fault_here(FAULT_DISK, "sqlite read"))
		return SQLITE_IOERR_READ;
	return methods->xRead(file, buf, len, at);
}

static int fail_write(sqlite3_file *file, const void *buf, int len, sqlite3_int64 at)
{
	if (fault_here(FAULT_DISK, "sqlite write"))
		return SQLITE_FULL;
	return methods->xWrite(file, buf, len, at);
}

static int fail_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	if (fault_here(FAULT_DISK, "sqlite truncate"))
		return SQLITE_IOERR_TRUNCATE;
	return methods->xTruncate(file, size);
}

static int fail_sync(sqlite3_file *file, int flags)
{
	if (fault_here(FAULT_DISK, "sqlite sync"))
		return SQLITE_IOERR_FSYNC;
	return methods->xSync(file, flags);
}

static int fail_lock(sqlite3_file *file, int level)
{
	if (fault_here(FAULT_DISK, "sqlite lock"))
		return SQLITE_IOERR_LOCK;
	return methods->xLock(file, level);
}

static int fail_shm_map(
	sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	if (fault_here(FAULT_DISK, "sqlite shared memory"))
		return SQLITE_IOERR_SHMMAP;
	return methods->xShmMap(file, page, size, extend, ret);
}

/* All files that are opened by name are of one kind, with one table of methods. */
static int fail_open(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	int rc;

	(void)vfs;
	if (fault_here(FAULT_DISK, "sqlite open")) {
		file->pMethods = NULL;
		return SQLITE_CANTOPEN;
	}
	rc = files->xOpen(files, name, file, flags, ret_flags);
	if (rc == SQLITE_OK && file->pMethods == methods)
		file->pMethods = &failing_methods;
	return rc;
}

static void learn_methods(void)
{
	sqlite3_file *file = calloc(1, (size_t)files->szOsFile);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		SQLITE_OPEN_DELETEONCLOSE | SQLITE_OPEN_TEMP_DB;

	if (!file || files->xOpen(files, NULL, file, flags, &flags) != SQLITE_OK)
		abort();
	methods = file->pMethods;
	methods->xClose(file);
	free(file);
}

static void hook_files(void)
{
	files = sqlite3_vfs_find(NULL);
	learn_methods();
	failing_methods = *methods;
	failing_methods.xRead = fail_read;
	failing_methods.xWrite = fail_write;
	failing_methods.xTruncate = fail_truncate;
	failing_methods.xSync = fail_sync;
	failing_methods.xLock = fail_lock;
	failing_methods.xShmMap = fail_shm_map;
	failing_files = *files;
	failing_files.zName = "failing";
	failing_files.xOpen = fail_open;
	if (sqlite3_vfs_register(&failing_files, 1) != SQLITE_OK)
		abort();
}

void fault_hook_sqlite(void)
{
	sqlite3_mem_methods failing;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory) != SQLITE_OK)
		abort();
	failing = memory;
	failing.xMalloc = fail_malloc;
	failing.xRealloc = fail_realloc;
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) != SQLITE_OK ||
		sqlite3_initialize() != SQLITE_OK)
		abort();
	hook_files();
}
