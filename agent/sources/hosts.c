/*
 * The source hosts: a hosts file, or all of a folder, followed by inotify(7).
 *
 * Watched are the folder, and the folder in which file or folder stand, so that one that
 * is replaced, moved there or made later is found.  A file is read when it has been
 * closed after writing or moved into its place, not while it is being written.
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
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/alarm.h"
#include "agent/log.h"
#include "agent/sources/hosts_file.h"
#include "agent/sources/source.h"

enum {
	FILES_MAX = 1000,
	FILE_MAX = 4 * 1024 * 1024, /* octets */
	GATHER_MS = 30,             /* from a change to the reading */
};

#define WATCHED                                                                          \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ATTRIB)

struct hosts {
	struct source source;
	int inotify;
	struct event *event;
	struct alarm *reading;
	bool is_due;     /* reading is set */
	bool is_failing; /* has been told */
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
	if (bad)
		log_warning(
			"%s:%u: no line of a hosts file (\"ADDRESS NAME ...\"); %u such "
			"lines are skipped",
			path, bad_line, bad);
	return r;
}

static int is_for_reading(const struct dirent *entry)
{
	const size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && entry->d_name[len - 1] != '~';
}

static void free_entries(struct dirent **entries, int count)
{
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
}

static int read_folder(struct hosts *hosts, struct records *found, const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_for_reading, alphasort), r = 0;

	if (count < 0)
		return -errno;
	if (count > FILES_MAX)
		log_warning("%s: more than %d files: the rest is left out", folder,
			FILES_MAX);
	for (int i = 0; i < count && i < FILES_MAX && !r; i++) {
		char *path;
		int e;

		if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0) {
			r = -ENOMEM;
			break;
		}
		e = read_file(hosts, found, path);
		/* One that vanished meanwhile, or is no file, hides none of the others.
		 * */
		if (e == -ENOMEM || e == -ENOSPC)
			r = e;
		else if (e && e != -ENOENT && e != -EFBIG)
			log_warning("%s: %s; its names are left out", path, strerror(-e));
		free(path);
	}
	free_entries(entries, count);
	return r;
}

/* ---- watching ---- */

/* Watching what is watched already changes nothing. */
static void watch(struct hosts *hosts)
{
	const char *path = hosts->source.config->path;
	char *parent = strdup(path), *slash = parent ? strrchr(parent, '/') : NULL;

	if (slash && slash != parent)
		*slash = '\0';
	if (slash &&
		inotify_add_watch(hosts->inotify, slash == parent ? "/" : parent,
			WATCHED | IN_ONLYDIR) < 0)
		log_warning(
			"source hosts: %s can not be watched: %s; does the folder exist, "
			"and is fs.inotify.max_user_watches large enough?",
			parent, strerror(errno));
	free(parent);
	/* Fails for what is no folder, or not there yet. */
	(void)inotify_add_watch(hosts->inotify, path, WATCHED | IN_ONLYDIR);
}

static void on_reading(void *arg)
{
	struct hosts *hosts = arg;
	const char *path = hosts->source.config->path;
	struct records found = {0};
	struct stat st;
	int r;

	hosts->is_due = false;
	watch(hosts); /* before the reading: nothing may change between the two unseen */
	if (stat(path, &st))
		r = -errno;
	else
		r = S_ISDIR(st.st_mode) ? read_folder(hosts, &found, path)
					: read_file(hosts, &found, path);
	if (r && !hosts->is_failing)
		log_error("source hosts: %s: %s; %s", path, strerror(-r),
			r == -ENOENT ? "it has no names until the file is there"
				     : "its names stay as they were");
	hosts->is_failing = r != 0;
	if (r && r != -ENOENT && hosts->source.is_known) {
		records_clear(&found);
		return;
	}
	source_give(&hosts->source, &found);
}

/* Does an event concern us?  In the folder above there may be much else. */
static bool is_ours(const struct hosts *hosts, const struct inotify_event *event)
{
	const char *path = hosts->source.config->path, *name = strrchr(path, '/');

	if (!event->len || !name)
		return true;
	if (event->mask & (IN_CREATE | IN_ATTRIB) && !(event->mask & IN_ISDIR) &&
		strcmp(event->name, name + 1))
		return false; /* it will be written, and closed */
	return event->name[0] != '.';
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct hosts *hosts = arg;
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool is_changed = false;
	ssize_t n;

	(void)what;
	while ((n = read(fd, events, sizeof(events))) > 0)
		for (char *at = events; at < events + n;) {
			const struct inotify_event *event = (void *)at;

			is_changed |= is_ours(hosts, event);
			at += sizeof(*event) + event->len;
		}
	if (!is_changed || hosts->is_due)
		return;
	hosts->is_due = true;
	alarm_set_in(hosts->reading, GATHER_MS);
}

static void hosts_close(struct source *source)
{
	struct hosts *hosts = (struct hosts *)source;

	if (hosts->event)
		event_free(hosts->event);
	alarm_free(hosts->reading);
	if (hosts->inotify >= 0)
		close(hosts->inotify);
	free(hosts);
}

static struct source *hosts_open(
	const struct source_context *context, const struct config_source *config)
{
	struct hosts *hosts = calloc(1, sizeof(*hosts));

	if (!hosts)
		return NULL;
	source_init(&hosts->source, &source_hosts_ops, context, config);
	hosts->reading = alarm_new(context->base, on_reading, hosts);
	hosts->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (hosts->inotify < 0)
		log_error("source hosts: inotify: %s; is fs.inotify.max_user_instances "
			  "large "
			  "enough?",
			strerror(errno));
	else
		hosts->event = event_new(context->base, hosts->inotify,
			EV_READ | EV_PERSIST, on_event, hosts);
	if (!hosts->reading || !hosts->event || event_add(hosts->event, NULL)) {
		hosts_close(&hosts->source);
		return NULL;
	}
	hosts->is_due = true;
	alarm_set(hosts->reading, 0);
	return &hosts->source;
}

const struct source_ops source_hosts_ops = {
	.type = "hosts",
	.open = hosts_open,
	.close = hosts_close,
};
