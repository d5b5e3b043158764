/*
 * Opens key files, and the files that they include.
 *
 * A file's octets are in memory only once, and wiped afterwards.
 *
 * Permissions: the file that the caller names must be closed to others.  A file
 * included from it may be readable by others (a named.conf includes much that is not
 * secret), but then must not contain a key.  A file that others can write is never
 * included, since they could add any key.
 *
 * Includes are found as BIND finds them: relative to the directory of the options
 * statement once there is one, and with the patterns of glob(3).  Before, and in Knot's
 * and NSD's files, they are relative to the including file.  Both servers accept a
 * pattern that matches nothing, and Knot skips folders; so do we, with a warning if a
 * folder itself is named.
 *
 * Limits: KEYFILE_SIZE_MAX octets and KEYFILE_FILES_MAX files over all includes of a
 * call, KEYFILE_DEPTH_MAX of them nested.  Only regular files: a FIFO could block for
 * ever.
 */
#include "tsig/keyfile_source.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	INCLUDE_SHOWN_MAX = 160
}; /* octets of a path, in addition to that of the including file */

/* ---- one file ---- */

/* The end of a long path is more useful than its beginning. */
static const char *cut_name(const struct keyfile_source *src, const char **ret_dots)
{
	size_t len = strlen(src->name);
	bool is_cut = len > INCLUDE_SHOWN_MAX;

	*ret_dots = is_cut ? "..." : "";
	return src->name + (is_cut ? len - INCLUDE_SHOWN_MAX : 0);
}

/* The file itself is at fault; an included file is reported at its include. */
static int fail_file(const struct keyfile_source *src, int err, const char *reason)
{
	const char *dots, *name = cut_name(src, &dots);

	if (!src->parent)
		return keyfile_fail(src, 0, err, "%s", reason);
	return keyfile_fail(src->parent, src->parent_line, err, "include of %s%s: %s",
		dots, name, reason);
}

static void warn_of_folder(const struct keyfile_source *src)
{
	const char *dots, *name = cut_name(src, &dots);

	keyfile_warn(src->parent, src->parent_line,
		"include of %s%s: a folder, whose files are not read: a pattern such as "
		"\"*.conf\" in it is needed, as for Knot DNS",
		dots, name);
}

/* May this file be read in its role?  0, or -errno with the reason. */
static int check_file(const struct keyfile_source *src)
{
	mode_t closed = src->parent ? 002 : 007;

	if (!S_ISREG(src->st.st_mode))
		return fail_file(src, -EINVAL, "not a regular file");
	if (src->st.st_mode & closed)
		return fail_file(src, -EACCES,
			src->parent ? "others may write it"
				    : "open to others (chmod o= it)");
	for (const struct keyfile_source *up = src->parent; up; up = up->parent)
		if (up->st.st_dev == src->st.st_dev && up->st.st_ino == src->st.st_ino)
			return fail_file(src, -EINVAL, "includes itself");
	if (++src->total->files > KEYFILE_FILES_MAX)
		return fail_file(src, -EINVAL, "too many files included");
	if ((uintmax_t)src->st.st_size > KEYFILE_SIZE_MAX - src->total->octets)
		return fail_file(src, -EFBIG, "too large");
	return 0;
}

/* Reads len octets, or fewer if the file became shorter.  -errno. */
static ssize_t read_fully(int fd, char *ret, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t got = read(fd, ret + at, len - at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		at += (size_t)got;
	}
	return (ssize_t)at;
}

static int read_open_file(struct keyfile_source *src, int fd)
{
	size_t size;
	ssize_t got;
	char *text;
	int err = check_file(src);

	if (err < 0)
		return err;
	size = (size_t)src->st.st_size;
	text = malloc(size + 1); /* never of 0 octets */
	if (!text)
		return fail_file(src, -ENOMEM, "no memory to read it");
	got = read_fully(fd, text, size);
	if (got < 0) {
		err = fail_file(src, (int)got, strerror((int)-got));
	} else {
		src->text = text;
		src->len = (size_t)got;
		src->total->octets += src->len;
		err = src->total->read(src);
	}
	hmac_wipe(text, size);
	free(text);
	return err;
}

static int read_file(struct keyfile_source *src)
{
	int fd = open(src->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int err;

	if (fd < 0) {
		err = -errno;
		return fail_file(src, err, strerror(-err));
	}
	if (fstat(fd, &src->st) < 0) {
		err = -errno;
		fail_file(src, err, strerror(-err));
	} else if (S_ISDIR(src->st.st_mode) && src->parent && src->parent->is_yaml) {
		err = 0;
		warn_of_folder(src);
	} else {
		err = read_open_file(src, fd);
	}
	close(fd);
	return err;
}

/* ---- includes ---- */

static bool is_pattern(const char *path, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr("*?[", path[i]))
			return true;
	return false;
}

/* The folder that relative paths start from, up to its final slash. */
static struct keyfile_span find_folder(const struct keyfile_source *src)
{
	const char *folder = src->total->directory[0] ? src->total->directory : src->name;
	const char *slash = strrchr(folder, '/');

	return (struct keyfile_span){folder, slash ? (size_t)(slash - folder) + 1 : 0};
}

/* The folder's octets are taken literally, even in a pattern. */
static bool resolve_path(char ret[PATH_MAX], const struct keyfile_source *src,
	const struct keyfile_span *path)
{
	struct keyfile_span folder = {NULL, 0};
	const bool has_pattern = is_pattern(path->at, path->len);
	size_t at = 0;

	if (path->len && path->at[0] != '/')
		folder = find_folder(src);
	for (size_t i = 0; i < folder.len && at + 2 < PATH_MAX; i++) {
		if (has_pattern && strchr("*?[\\", folder.at[i]))
			ret[at++] = '\\';
		ret[at++] = folder.at[i];
	}
	if (!path->len || path->len + at >= PATH_MAX)
		return false;
	memcpy(ret + at, path->at, path->len);
	ret[at + path->len] = '\0';
	return true;
}

int keyfile_set_directory(
	const struct keyfile_source *src, unsigned line, const struct keyfile_span *path)
{
	char directory[PATH_MAX];

	if (!src->st.st_mode)
		return 0;
	/* Relative to named's working directory, which is unknown here. */
	if (!resolve_path(directory, src, path) || strlen(directory) + 1 >= PATH_MAX)
		return keyfile_fail(src, line, -EINVAL, "bad path");
	strcpy(src->total->directory, directory);
	strcat(src->total->directory, "/");
	return 0;
}

static int include_file(const struct keyfile_source *src, unsigned line, const char *path)
{
	struct keyfile_source included = {.ring = src->ring,
		.name = path,
		.parent = src,
		.parent_line = line,
		.depth = src->depth + 1,
		.is_looked_into = src->is_looked_into,
		.total = src->total,
		.ret_error = src->ret_error};

	return read_file(&included);
}

static bool is_marked_folder(const char *path)
{
	const size_t len = strlen(path);

	return len && path[len - 1] == '/';
}

/* In the order of their names. */
static int include_pattern(
	const struct keyfile_source *src, unsigned line, const char *pattern)
{
	const bool are_folders_skipped = src->is_yaml;
	glob_t found = {0};
	int err = 0;

	switch (glob(pattern, GLOB_ERR | (are_folders_skipped ? GLOB_MARK : 0), NULL,
		&found)) {
	case 0:
		break;
	case GLOB_NOMATCH:
		if (src->is_yaml)
			return 0;
		return keyfile_fail(
			src, line, -ENOENT, "include: no file fits the pattern");
	case GLOB_NOSPACE:
		return keyfile_fail(
			src, line, -ENOMEM, "no memory for the pattern's files");
	default:
		return keyfile_fail(
			src, line, -EACCES, "include: a folder cannot be read");
	}
	for (size_t i = 0; i < found.gl_pathc && !err; i++)
		if (!are_folders_skipped || !is_marked_folder(found.gl_pathv[i]))
			err = include_file(src, line, found.gl_pathv[i]);
	globfree(&found);
	return err;
}

int keyfile_include(
	const struct keyfile_source *src, unsigned line, const struct keyfile_span *path)
{
	char resolved[PATH_MAX];

	if (!src->st.st_mode)
		return keyfile_fail(src, line, -EINVAL, "include is not followed here");
	if (src->depth == KEYFILE_DEPTH_MAX)
		return keyfile_fail(src, line, -EINVAL,
			"more than %d includes within includes", KEYFILE_DEPTH_MAX);
	if (!resolve_path(resolved, src, path))
		return keyfile_fail(src, line, -EINVAL, "bad path");
	return is_pattern(path->at, path->len) ? include_pattern(src, line, resolved)
					       : include_file(src, line, resolved);
}

/* Each inspection has its own limits, so that the includes of a zone do not use up
 * those of the files that are read.  A file that cannot be inspected is not an error,
 * since it rarely contains a key. */
void keyfile_look_into(
	const struct keyfile_source *src, unsigned line, const struct keyfile_span *path)
{
	char why[KEYFILE_ERROR_MAX];
	struct keyfile_total total;
	struct keyfile_source looking = *src;

	looking.ret_error = why;
	if (!src->is_looked_into) {
		total = *src->total;
		total.files = total.octets = 0;
		looking.is_looked_into = true;
		looking.total = &total;
	}
	if (keyfile_include(&looking, line, path) == 0 || src->total->has_warned_of_look)
		return;
	src->total->has_warned_of_look = true;
	keyfile_warn(src, line,
		"an include inside of another statement is not followed, and its file "
		"cannot be looked into: a key there is not loaded");
}

/* ---- the file that is asked for ---- */

/*
 * The .key of a pair is named like a public half, but contains the secret as well, so
 * it must be closed to others too.
 */
static int check_public_half(struct keyfile_source *src)
{
	if (stat(src->name, &src->st) < 0) {
		int err = -errno;

		return fail_file(src, err, strerror(-err));
	}
	return check_file(src);
}

int keyfile_read_first(struct keyfile_source *src)
{
	static const char suffix[] = ".private";
	const char *path = src->name;
	char sibling[PATH_MAX];
	size_t stem;
	int err;

	if (!keyfile_is_pair_name(path, ".key"))
		return read_file(src);
	err = check_public_half(src);
	if (err < 0)
		return err;
	stem = strlen(path) - strlen(".key");
	if (stem + sizeof(suffix) > sizeof(sibling))
		return fail_file(src, -ENAMETOOLONG, "path too long");
	memcpy(sibling, path, stem);
	memcpy(sibling + stem, suffix, sizeof(suffix));
	src->name = sibling;
	return read_file(src);
}
