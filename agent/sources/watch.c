/*
 * Watches paths.  Each folder or file has one watch descriptor, and a list of the names
 * in it that matter.  Limits: PLACES_MAX folders and files; LINKS_MAX symbolic links on
 * one path, the same as the kernel's limit.
 */
#include "agent/sources/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PLACES_MAX = 8192, LINKS_MAX = 40 };

#define FOLDER_EVENTS                                                                    \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE |          \
		IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR)
#define FILE_EVENTS (IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)

struct place {
	int descriptor; /* of inotify */
	bool is_named;  /* since watch_begin */
	bool is_all;    /* a folder, all names of which matter */
	char *path;
	char **names; /* those that matter */
	size_t count;
};

struct watch {
	watch_changed *changed;
	void *arg;
	int inotify;
	struct event *event;
	struct place *places;
	size_t count, cap;
	int error; /* since watch_begin: 0 or -errno */
};

bool watch_is_skipped(const char *name)
{
	return name[0] == '.' || name[strlen(name) - 1] == '~';
}

/* ---- places ---- */

static void clear_names(struct place *place)
{
	for (size_t i = 0; i < place->count; i++)
		free(place->names[i]);
	free(place->names);
	place->names = NULL;
	place->count = 0;
	place->is_all = false;
}

static void place_clear(struct place *place)
{
	clear_names(place);
	free(place->path);
}

static void note_error(struct watch *watch, int error)
{
	if (!watch->error)
		watch->error = -error;
}

static struct place *find_place(const struct watch *watch, int descriptor)
{
	for (size_t i = 0; i < watch->count; i++)
		if (watch->places[i].descriptor == descriptor)
			return &watch->places[i];
	return NULL;
}

static struct place *add_place(struct watch *watch, int descriptor, const char *path)
{
	struct place *place;

	if (watch->count == watch->cap) {
		const size_t cap = watch->cap ? 2 * watch->cap : 8;
		struct place *places =
			reallocarray(watch->places, cap, sizeof(*watch->places));

		if (!places)
			return NULL;
		watch->places = places;
		watch->cap = cap;
	}
	place = &watch->places[watch->count];
	*place = (struct place){.descriptor = descriptor, .path = strdup(path)};
	if (!place->path)
		return NULL;
	watch->count++;
	return place;
}

/* The place of a folder or file; NULL: it cannot be watched. */
static struct place *need_place(struct watch *watch, const char *path, uint32_t events)
{
	struct place *place;
	int descriptor;

	if (watch->count >= PLACES_MAX) {
		note_error(watch, ENOSPC);
		return NULL;
	}
	descriptor = inotify_add_watch(watch->inotify, path, events);
	if (descriptor < 0) {
		/* If something has vanished meanwhile, the folder that held its name
		 * reports it. */
		if (errno != ENOENT && errno != ENOTDIR)
			note_error(watch, errno);
		return NULL;
	}
	place = find_place(watch, descriptor);
	if (!place)
		place = add_place(watch, descriptor, path);
	if (!place) {
		(void)inotify_rm_watch(watch->inotify, descriptor);
		note_error(watch, ENOMEM);
		return NULL;
	}
	place->is_named = true;
	return place;
}

static bool has_name(const struct place *place, const char *name)
{
	for (size_t i = 0; i < place->count; i++)
		if (!strcmp(place->names[i], name))
			return true;
	return false;
}

static void add_name(struct watch *watch, const char *folder, const char *name)
{
	struct place *place = need_place(watch, folder, FOLDER_EVENTS);
	char **names, *copy;

	if (!place || has_name(place, name))
		return;
	names = reallocarray(place->names, place->count + 1, sizeof(char *));
	copy = strdup(name);
	if (names)
		place->names = names;
	if (names && copy) {
		names[place->count++] = copy;
		return;
	}
	free(copy);
	note_error(watch, ENOMEM);
}

/* ---- paths ---- */

/* A path that is being resolved: what has been walked leads to a folder without symbolic
 * links. */
struct walk {
	char done[PATH_MAX];
	char left[PATH_MAX];
	unsigned links;
};

/* Cuts the next name off what is left; false: there is none. */
static bool next_name(struct walk *walk, char name[NAME_MAX + 1])
{
	const char *at = walk->left + strspn(walk->left, "/");
	const size_t len = strcspn(at, "/");

	if (!len || len > NAME_MAX)
		return false;
	memcpy(name, at, len);
	name[len] = '\0';
	at += len;
	at += strspn(at, "/");
	memmove(walk->left, at, strlen(at) + 1);
	return true;
}

static void go_up(struct walk *walk)
{
	char *slash = strrchr(walk->done, '/');

	if (slash)
		*slash = '\0';
}

/* Puts the text of a symbolic link in the place of its name. */
static bool follow(struct walk *walk, const char *path)
{
	char target[PATH_MAX], left[PATH_MAX];
	const ssize_t len = readlink(path, target, sizeof(target) - 1);

	if (len <= 0 || ++walk->links > LINKS_MAX)
		return false;
	target[len] = '\0';
	if ((size_t)len + 1 + strlen(walk->left) >= sizeof(left))
		return false;
	strcpy(left, target);
	if (walk->left[0])
		strcat(strcat(left, "/"), walk->left);
	strcpy(walk->left, left);
	if (target[0] == '/')
		walk->done[0] = '\0';
	return true;
}

/* Goes one name further.  False: the path ends here. */
static bool step(struct watch *watch, struct walk *walk, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	bool is_there;

	if (!strcmp(name, "."))
		return true;
	if (!strcmp(name, "..")) {
		go_up(walk);
		return true;
	}
	if (strlen(walk->done) + 1 + strlen(name) >= sizeof(path))
		return false;
	strcat(strcat(strcpy(path, walk->done), "/"), name);
	is_there = !lstat(path, &st);
	if (!is_there || S_ISLNK(st.st_mode) || !walk->left[0])
		add_name(watch, walk->done[0] ? walk->done : "/", name);
	if (!is_there)
		return false;
	if (S_ISLNK(st.st_mode))
		return follow(walk, path);
	strcpy(walk->done, path);
	if (!walk->left[0] && S_ISREG(st.st_mode))
		(void)need_place(watch, path, FILE_EVENTS);
	return S_ISDIR(st.st_mode);
}

void watch_path(struct watch *watch, const char *path)
{
	struct walk *walk = watch ? calloc(1, sizeof(*walk)) : NULL;
	char name[NAME_MAX + 1];

	if (!walk || strlen(path) >= sizeof(walk->left)) {
		free(walk);
		return;
	}
	strcpy(walk->left, path);
	while (next_name(walk, name) && step(watch, walk, name))
		;
	free(walk);
}

void watch_folder(struct watch *watch, const char *folder)
{
	struct place *place = watch ? need_place(watch, folder, FOLDER_EVENTS) : NULL;

	if (place)
		place->is_all = true;
}

void watch_begin(struct watch *watch)
{
	if (!watch)
		return;
	watch->error = 0;
	for (size_t i = 0; i < watch->count; i++) {
		clear_names(&watch->places[i]);
		watch->places[i].is_named = false;
	}
}

int watch_end(struct watch *watch)
{
	size_t kept = 0;

	if (!watch)
		return 0;
	for (size_t i = 0; i < watch->count; i++) {
		struct place *place = &watch->places[i];

		if (place->is_named) {
			watch->places[kept++] = *place;
			continue;
		}
		(void)inotify_rm_watch(watch->inotify, place->descriptor);
		place_clear(place);
	}
	watch->count = kept;
	return watch->error;
}

/* ---- events ---- */

/* A file that was just created will be written and closed later; a link is complete
 * already. */
static bool is_complete(const struct place *place, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", place->path, name) >= PATH_MAX ||
		lstat(path, &st))
		return true;
	return !S_ISREG(st.st_mode) || st.st_nlink > 1;
}

static bool is_ours(struct watch *watch, const struct inotify_event *event)
{
	struct place *place = find_place(watch, event->wd);

	if (event->mask & IN_Q_OVERFLOW)
		return true;
	if (!place)
		return false;
	if (event->mask & IN_IGNORED) {
		place_clear(place);
		*place = watch->places[--watch->count];
		return true;
	}
	if (!event->len)
		return true;
	if (!has_name(place, event->name) &&
		!(place->is_all && !watch_is_skipped(event->name)))
		return false;
	return !(event->mask & IN_CREATE) || is_complete(place, event->name);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool is_changed = false;
	ssize_t n;

	(void)what;
	while ((n = read(fd, events, sizeof(events))) > 0)
		for (char *at = events; at < events + n;) {
			const struct inotify_event *event = (void *)at;

			is_changed |= is_ours(watch, event);
			at += sizeof(*event) + event->len;
		}
	if (is_changed)
		watch->changed(watch->arg);
}

struct watch *watch_new(struct event_base *base, watch_changed *changed, void *arg)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int error;

	if (!watch)
		return NULL;
	watch->changed = changed;
	watch->arg = arg;
	watch->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	error = errno;
	if (watch->inotify >= 0) {
		watch->event = event_new(
			base, watch->inotify, EV_READ | EV_PERSIST, on_event, watch);
		error = ENOMEM;
	}
	if (watch->event && !event_add(watch->event, NULL))
		return watch;
	watch_free(watch);
	errno = error;
	return NULL;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	if (watch->event)
		event_free(watch->event);
	if (watch->inotify >= 0)
		close(watch->inotify);
	for (size_t i = 0; i < watch->count; i++)
		place_clear(&watch->places[i]);
	free(watch->places);
	free(watch);
}
