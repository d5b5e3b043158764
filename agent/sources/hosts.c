/*
 * The source hosts: a hosts file, or all of a folder, watched by inotify (watch.h), and
 * read again whenever leases are refreshed.
 *
 * A file is read when it has been closed after writing or moved into its place, not while
 * it is being written.
 *
 * Limits: FILES_MAX files of FILE_MAX octets; files whose names begin with a dot or end
 * with "~" are editors' and skipped.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/sources/hosts_file.h"
#include "agent/sources/source.h"
#include "agent/sources/watch.h"
#include "gateway/base/alarm.h"
#include "gateway/base/log.h"

enum {
	FILES_MAX = 1000,
	FILE_MAX = 4 * 1024 * 1024, /* octets */
	GATHER_MS = 30,             /* from a change to the reading */
};

struct hosts {
	struct source source;
	struct watch *watch; /* NULL: only what look_again sees */
	struct alarm reading;
	bool is_blind; /* something cannot be watched; has been told */
	/* Of this reading: what hides no other names; the lines that are none. */
	char trouble[SOURCE_WHY_MAX];
	char bad_lines[SOURCE_WHY_MAX];
	char told_lines[SOURCE_WHY_MAX]; /* those that have been told */
};

/* ---- reading ---- */

/* All of a file; allocated.  NULL with errno. */
static char *read_whole(int fd, size_t *ret_len)
{
	struct stat st;
	char *text;
	ssize_t n;

	if (fstat(fd, &st))
		return NULL;
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		errno = EFBIG;
		return NULL;
	}
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return NULL;
	n = read(fd, text, (size_t)st.st_size);
	if (n < 0) {
		free(text);
		return NULL;
	}
	*ret_len = (size_t)n;
	return text;
}

static int read_file(struct hosts *hosts, struct records *found, const char *path)
{
	const struct source *source = &hosts->source;
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	unsigned bad, bad_line;
	size_t len = 0;
	char *text;
	int r;

	if (fd < 0)
		return -errno;
	text = read_whole(fd, &len);
	r = text ? 0 : -errno;
	close(fd);
	if (r)
		return r;
	r = hosts_file_parse(found, source->context->config, source->config, text, len,
		&bad, &bad_line);
	free(text);
	if (bad && !hosts->bad_lines[0])
		snprintf(hosts->bad_lines, sizeof(hosts->bad_lines),
			"%.200s:%u: no line of a hosts file (\"ADDRESS NAME ...\"); %u "
			"such lines are skipped",
			path, bad_line, bad);
	return r;
}

static int is_for_reading(const struct dirent *entry)
{
	return !watch_is_skipped(entry->d_name);
}

static void free_entries(struct dirent **entries, int count)
{
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
}

/* A file that has vanished meanwhile, or is not a regular file, must not hide the
 * others. */
static int read_entry(struct hosts *hosts, struct records *found, const char *folder,
	const struct dirent *entry)
{
	char *path;
	int r;

	if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0)
		return -ENOMEM;
	if (entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN)
		watch_path(hosts->watch, path);
	r = read_file(hosts, found, path);
	if (r && r != -ENOMEM && r != -ENOSPC) {
		if (r != -ENOENT && r != -EFBIG && !hosts->trouble[0])
			snprintf(hosts->trouble, sizeof(hosts->trouble),
				"%.200s: %s; its names are left out", entry->d_name,
				strerror(-r));
		r = 0;
	}
	free(path);
	return r;
}

static int read_folder(struct hosts *hosts, struct records *found, const char *folder)
{
	struct dirent **entries;
	int count, r = 0;

	watch_folder(hosts->watch, folder);
	count = scandir(folder, &entries, is_for_reading, alphasort);
	if (count < 0)
		return -errno;
	if (count > FILES_MAX)
		snprintf(hosts->trouble, sizeof(hosts->trouble),
			"more than %d files: the rest is left out", FILES_MAX);
	for (int i = 0; i < count && i < FILES_MAX && !r; i++)
		r = read_entry(hosts, found, folder, entries[i]);
	free_entries(entries, count);
	return r;
}

/* The path is watched before it is read, so that no change between the two goes
 * unseen. */
static int read_all(struct hosts *hosts, struct records *found)
{
	const char *path = hosts->source.config->path;
	struct stat st;

	watch_path(hosts->watch, path);
	if (stat(path, &st))
		return -errno;
	return S_ISDIR(st.st_mode) ? read_folder(hosts, found, path)
				   : read_file(hosts, found, path);
}

static const char *explain(int r)
{
	if (r == -EFBIG)
		return "it is not a regular file, or is larger than 4 MiB";
	return records_strerror(r);
}

static void judge(struct hosts *hosts, int r)
{
	if (r)
		source_fail(&hosts->source, "%s; %s", explain(r),
			r == -ENOENT ? "it has no names until the file is there"
				     : "its names stay as they were");
	else if (hosts->trouble[0])
		source_fail(&hosts->source, "%s", hosts->trouble);
	else
		source_recover(&hosts->source);
	/* The same file may be read many times. */
	if (hosts->bad_lines[0] && strcmp(hosts->bad_lines, hosts->told_lines))
		log_warning("%s", hosts->bad_lines);
	strcpy(hosts->told_lines, hosts->bad_lines);
}

static void on_reading(void *arg)
{
	struct hosts *hosts = arg;
	struct records found = {0};
	int r, blind;

	hosts->trouble[0] = hosts->bad_lines[0] = '\0';
	watch_begin(hosts->watch);
	r = read_all(hosts, &found);
	blind = watch_end(hosts->watch);
	if (blind && !hosts->is_blind)
		log_warning("source hosts: %s: not all of it can be watched: %s; is "
			    "fs.inotify.max_user_watches large enough? changes are seen "
			    "when leases are refreshed",
			hosts->source.config->path, strerror(-blind));
	hosts->is_blind = blind != 0;
	judge(hosts, r);
	if (r && r != -ENOENT && hosts->source.is_known) {
		records_clear(&found);
		return;
	}
	source_give(&hosts->source, &found);
}

static void read_in(struct hosts *hosts, int64_t delay_ms)
{
	if (!alarm_is_set(&hosts->reading))
		alarm_set_in(&hosts->reading, delay_ms);
}

static void on_changed(void *arg)
{
	read_in(arg, GATHER_MS);
}

static void hosts_look_again(struct source *source)
{
	read_in((struct hosts *)source, 0);
}

static void hosts_close(struct source *source)
{
	struct hosts *hosts = (struct hosts *)source;

	watch_free(hosts->watch);
	alarm_stop(&hosts->reading);
	free(hosts);
}

static struct source *hosts_open(
	const struct source_context *context, const struct config_source *config)
{
	struct hosts *hosts = calloc(1, sizeof(*hosts));

	if (!hosts)
		return NULL;
	source_init(&hosts->source, &source_hosts_ops, context, config);
	alarm_init(&hosts->reading, context->alarms, on_reading, hosts);
	hosts->watch = watch_new(context->alarms->base, on_changed, hosts);
	if (!hosts->watch)
		log_error("source hosts: inotify: %s; is fs.inotify.max_user_instances "
			  "large enough? changes are seen when leases are refreshed",
			strerror(errno));
	alarm_set(&hosts->reading, 0);
	return &hosts->source;
}

const struct source_ops source_hosts_ops = {
	.type = "hosts",
	.open = hosts_open,
	.close = hosts_close,
	.look_again = hosts_look_again,
};
