/*
 * Configuration files: opening them, putting included ones in their places, and
 * remembering which line came from which file.
 *
 * The text may hold secrets: every copy made here is wiped.  An included file must be a
 * regular one; the first may be a pipe as well, whose writer must not pause for longer
 * than PIPE_WAIT_MS.
 *
 * Limits: size_max octets over all files, SETTINGS_FILES_MAX files, SETTINGS_DEPTH_MAX
 * of them nested.
 */
#include "gateway/base/settings_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/printable.h"
#include "tsig/byte_order_mark.h"
#include "tsig/hmac.h"

enum {
	READ_CHUNK = 65536,  /* octets: first room for a file of unknown size */
	PIPE_WAIT_MS = 5000, /* for whoever writes a configuration into a pipe */
	VALUE_OCTETS = 128,  /* what libconfig takes for a value, apart from its text */
};

struct settings_file {
	char *name;
	unsigned mode;
	dev_t device; /* with inode: which file it is */
	ino_t inode;
	bool is_open; /* it is being read, so that including it again is a loop */
};

/* From this line of the whole on, lines are those of a file from file_line on. */
struct settings_piece {
	unsigned line;
	size_t file;
	unsigned file_line;
};

/* ---- reporting ---- */

static void report(const struct settings_source *source, char *message)
{
	printable_clean(message);
	if (source->report)
		source->report(true, message, source->arg);
}

/* "zones[0].allow[1].match: ", or nothing at the top. */
static void write_setting(char *buf, size_t cap, const struct settings_syntax *syntax)
{
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i <= syntax->depth && at < cap; i++) {
		const struct settings_level *level = &syntax->levels[i];
		const bool is_group = level->opening == '{' || !level->opening;

		if (is_group && level->name[0])
			at += (size_t)snprintf(
				buf + at, cap - at, "%s%s", at ? "." : "", level->name);
		else if (!is_group && level->count)
			at += (size_t)snprintf(
				buf + at, cap - at, "[%u]", level->count - 1);
	}
	if (at && at < cap)
		snprintf(buf + at, cap - at, ": ");
}

int settings_fail(
	struct settings_text *text, struct settings_place place, const char *format, ...)
{
	char message[SETTINGS_MESSAGE_MAX], setting[SETTINGS_MESSAGE_MAX / 4];
	va_list args;
	int at;

	write_setting(setting, sizeof(setting), &text->syntax);
	at = snprintf(message, sizeof(message), "%.400s:%u: %s", place.file, place.line,
		setting);
	va_start(args, format);
	vsnprintf(message + at, sizeof(message) - (size_t)at, format, args);
	va_end(args);
	report(text->source, message);
	return -EINVAL;
}

static int fail_memory(const struct settings_source *source)
{
	char message[] = "out of memory";

	report(source, message);
	return -ENOMEM;
}

/* ---- the whole ---- */

static void wipe_free(char *octets, size_t len)
{
	if (octets)
		hmac_wipe(octets, len);
	free(octets);
}

int settings_put(struct settings_text *text, const char *octets, size_t len)
{
	if (text->len + len >= text->cap) {
		/* Not realloc, which would leave a copy behind. */
		const size_t cap = 2 * (text->cap + len) + READ_CHUNK;
		char *larger = malloc(cap);

		if (!larger)
			return fail_memory(text->source);
		if (text->len)
			memcpy(larger, text->octets, text->len);
		wipe_free(text->octets, text->len);
		text->octets = larger;
		text->cap = cap;
	}
	memcpy(text->octets + text->len, octets, len);
	text->len += len;
	text->octets[text->len] = '\0';
	for (size_t i = 0; i < len; i++)
		text->line += octets[i] == '\n';
	return 0;
}

static int add_piece(struct settings_text *text, size_t file, unsigned file_line)
{
	const size_t count = text->piece_count;
	struct settings_piece *pieces = text->pieces;

	/* Room for a power of two. */
	if ((count & (count - 1)) == 0) {
		pieces = reallocarray(pieces, count ? 2 * count : 1, sizeof(*pieces));
		if (!pieces)
			return fail_memory(text->source);
		text->pieces = pieces;
	}
	pieces[text->piece_count++] = (struct settings_piece){
		.line = text->line, .file = file, .file_line = file_line};
	return 0;
}

static const struct settings_piece *find_piece(
	const struct settings_text *text, unsigned line)
{
	size_t low = 0, high = text->piece_count;

	while (high - low > 1) {
		const size_t middle = low + (high - low) / 2;

		if (text->pieces[middle].line <= line)
			low = middle;
		else
			high = middle;
	}
	return &text->pieces[low];
}

const char *settings_text_file(const struct settings_text *text, unsigned line)
{
	return text->files[find_piece(text, line)->file].name;
}

unsigned settings_text_line(const struct settings_text *text, unsigned line)
{
	const struct settings_piece *piece = find_piece(text, line);

	return line > piece->line ? piece->file_line + line - piece->line
				  : piece->file_line;
}

unsigned settings_text_mode(const struct settings_text *text, unsigned line)
{
	return text->files[find_piece(text, line)->file].mode;
}

/* ---- files ---- */

static int add_file(struct settings_text *text, const char *name, const struct stat *st)
{
	const size_t count = text->file_count;
	struct settings_file *files = text->files;

	if ((count & (count - 1)) == 0) {
		files = reallocarray(files, count ? 2 * count : 1, sizeof(*files));
		if (!files)
			return fail_memory(text->source);
		text->files = files;
	}
	files[count] = (struct settings_file){
		.name = strdup(name),
		.mode = st->st_mode & 07777,
		.device = st->st_dev,
		.inode = st->st_ino,
		.is_open = true,
	};
	if (!files[count].name)
		return fail_memory(text->source);
	text->file_count++;
	return 0;
}

/* What read(2) says once there is something to read. */
static ssize_t read_some(int fd, char *buf, size_t len)
{
	struct pollfd pipe = {.fd = fd, .events = POLLIN};

	for (;;) {
		const ssize_t n = read(fd, buf, len);

		if (n >= 0)
			return n;
		if (errno == EAGAIN) {
			const int ready = poll(&pipe, 1, PIPE_WAIT_MS);

			if (ready == 0)
				return -ETIMEDOUT;
			if (ready < 0 && errno != EINTR)
				return -errno;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
}

/* Reads to the end.  The caller wipes and frees *ret, of cap octets. */
static int read_all(struct settings_text *text, int fd, const struct stat *st, char **ret,
	size_t *ret_len, size_t *ret_cap)
{
	const size_t room = text->source->size_max - text->read;
	ssize_t n = 1;

	if (st->st_size > 0 && (uintmax_t)st->st_size > room)
		return -EFBIG;
	*ret_len = 0;
	*ret_cap = st->st_size > 0 ? (size_t)st->st_size + 1 : READ_CHUNK;
	*ret = malloc(*ret_cap);
	while (*ret && n > 0) {
		if (*ret_len == *ret_cap) {
			char *larger = malloc(2 * *ret_cap);

			if (larger)
				memcpy(larger, *ret, *ret_len);
			wipe_free(*ret, *ret_cap);
			*ret = larger;
			*ret_cap *= 2;
			continue;
		}
		n = read_some(fd, *ret + *ret_len, *ret_cap - *ret_len);
		if (n < 0)
			return (int)n;
		*ret_len += (size_t)n;
		if (*ret_len > room)
			return -EFBIG;
	}
	text->read += *ret_len;
	return *ret ? 0 : -ENOMEM;
}

/* One file's octets, which begin a piece of the whole. */
static int scan_octets(
	struct settings_text *text, const char *octets, size_t len, unsigned depth)
{
	const size_t file = text->file_count - 1;
	/* The array of files moves; a name does not. */
	struct settings_input in = {.name = text->files[file].name,
		.octets = octets,
		.len = len,
		.line = 1,
		.depth = depth};
	const char *nul = len ? memchr(octets, '\0', len) : NULL;
	int err;

	if (nul) {
		for (const char *c = octets; c < nul; c++)
			in.line += *c == '\n';
		return settings_fail(
			text, (struct settings_place){in.name, in.line}, "a NUL octet");
	}
	in.at = byte_order_mark_len(octets, len);
	err = add_piece(text, file, 1);
	if (!err)
		err = settings_scan(text, &in);
	text->files[file].is_open = false;
	return err;
}

/* NULL, or why this is no file to read. */
static const char *check_file(
	const struct settings_text *text, const struct stat *st, bool is_first)
{
	if (S_ISDIR(st->st_mode))
		return "is a folder, not a file";
	if (!S_ISREG(st->st_mode) && !(is_first && S_ISFIFO(st->st_mode)))
		return "is not a regular file";
	if (text->file_count == SETTINGS_FILES_MAX)
		return "too many files are included";
	for (size_t i = 0; i < text->file_count; i++)
		if (text->files[i].is_open && text->files[i].device == st->st_dev &&
			text->files[i].inode == st->st_ino)
			return "is included from within itself";
	return NULL;
}

/* Opens path for add_file and so on.  *ret_why: what is wrong with it. */
static int open_file(struct settings_text *text, const char *path, struct stat *ret_st,
	const char **ret_why)
{
	/* O_NONBLOCK: a FIFO in its place must not stop the daemon. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 || fstat(fd, ret_st)) {
		const int err = -errno;

		*ret_why = strerror(-err);
		if (fd >= 0)
			close(fd);
		return err;
	}
	*ret_why = check_file(text, ret_st, text->file_count == 0);
	if (!*ret_why)
		return fd;
	close(fd);
	return S_ISDIR(ret_st->st_mode) ? -EISDIR : -EINVAL;
}

/* *ret_why stays NULL where the reason has been reported. */
static int scan_file(struct settings_text *text, const char *name, const char *path,
	unsigned depth, const char **ret_why)
{
	struct stat st;
	char *octets = NULL;
	size_t len = 0, cap = 0;
	const int fd = open_file(text, path, &st, ret_why);
	int err;

	if (fd < 0)
		return fd;
	err = read_all(text, fd, &st, &octets, &len, &cap);
	close(fd);
	if (err)
		*ret_why = strerror(-err);
	else
		err = add_file(text, name, &st);
	if (!err)
		err = scan_octets(text, octets, len, depth);
	wipe_free(octets, cap);
	return err;
}

int settings_include(struct settings_text *text, struct settings_input *in,
	const char *path, size_t len)
{
	const struct settings_place place = {in->name, in->line};
	const size_t file = text->file_count - 1;
	char name[PATH_MAX], whole[PATH_MAX];
	const char *why = NULL;
	size_t parent;
	int err;

	if (!text->source->folder)
		return settings_fail(
			text, place, "files are not read for text in memory");
	if (in->depth == SETTINGS_DEPTH_MAX)
		return settings_fail(text, place,
			"@include: more than %d files within each other",
			SETTINGS_DEPTH_MAX);
	if (!len || (size_t)snprintf(name, sizeof(name), "%.*s", (int)len, path) != len ||
		snprintf(whole, sizeof(whole), "%s%s%s",
			name[0] == '/' ? "" : text->source->folder,
			name[0] == '/' ? "" : "/", name) >= (int)sizeof(whole))
		return settings_fail(text, place, "@include: not the path of a file");
	/* The file that includes is the last one that is still open. */
	for (parent = file; !text->files[parent].is_open; parent--)
		;
	err = settings_put(text, "\n", 1);
	if (!err)
		err = scan_file(text, name, whole, in->depth + 1, &why);
	if (why)
		return settings_fail(text, place, "@include \"%.256s\": %s%s", name, why,
			err == -ENOENT && strpbrk(name, "*?[")
				? " (one file is expected, not a pattern)"
				: "");
	if (!err)
		err = settings_put(text, "\n", 1);
	return err ? err : add_piece(text, parent, in->line);
}

/* ---- from outside ---- */

static struct settings_text *new_text(const struct settings_source *source)
{
	struct settings_text *text = calloc(1, sizeof(*text));

	if (!text)
		(void)fail_memory(source);
	else
		*text = (struct settings_text){.line = 1, .source = source};
	return text;
}

static int finish(struct settings_text *text, int err, struct settings_text **ret)
{
	if (!err)
		err = settings_finish(text);
	/* An empty file, too, has a final zero. */
	if (!err)
		err = settings_put(text, "", 0);
	text->source = NULL;
	if (err)
		settings_text_free(text);
	else
		*ret = text;
	return err;
}

int settings_text_load(struct settings_text **ret, const struct settings_source *source)
{
	char message[SETTINGS_MESSAGE_MAX];
	const char *why = NULL;
	struct settings_text *text = new_text(source);
	int err;

	if (!text)
		return -ENOMEM;
	err = scan_file(text, source->path, source->path, 0, &why);
	if (why) {
		snprintf(message, sizeof(message), "%.512s: %s", source->path, why);
		report(source, message);
	}
	return finish(text, err, ret);
}

int settings_text_parse(struct settings_text **ret, const struct settings_source *source,
	const char *octets, size_t len)
{
	const struct stat nowhere = {.st_mode = 0600};
	struct settings_text *text = new_text(source);
	int err;

	if (!text)
		return -ENOMEM;
	err = add_file(text, source->path, &nowhere);
	if (!err)
		err = scan_octets(text, octets, len, 0);
	return finish(text, err, ret);
}

void settings_text_free(struct settings_text *text)
{
	if (!text)
		return;
	for (size_t i = 0; i < text->file_count; i++)
		free(text->files[i].name);
	free(text->files);
	free(text->pieces);
	wipe_free(text->octets, text->len);
	free(text);
}

/* libconfig does not check its allocations, and its scanner ends the process when one
 * fails: what it is going to need must be there before it begins. */
static bool is_memory_there(const struct settings_text *text)
{
	void *needed = malloc(3 * text->len + VALUE_OCTETS * (text->syntax.values + 1));

	/* Otherwise the compiler might leave out both calls. */
	__asm__ volatile("" : : "r"(needed) : "memory");
	free(needed);
	return needed != NULL;
}

bool settings_text_read(
	struct settings_text *text, const struct settings_source *source, config_t *tree)
{
	char message[SETTINGS_MESSAGE_MAX];
	unsigned line;

	if (!is_memory_there(text)) {
		(void)fail_memory(source);
		return false;
	}
	if (config_read_string(tree, text->octets))
		return true;
	line = (unsigned)config_error_line(tree);
	snprintf(message, sizeof(message), "%.400s:%u: %s",
		settings_text_file(text, line), settings_text_line(text, line),
		config_error_text(tree));
	report(source, message);
	return false;
}
