/*
 * Watches paths by inotify(7), through symbolic links.
 *
 * For each path, every folder is watched in which a name decides where the path leads:
 * that of each symbolic link on the way (ConfigMaps swap one named "..data"), that of the
 * last name, and, while a part of the path is missing, the deepest folder that exists.
 * The file itself is watched, too: one that is mounted alone is written to elsewhere.
 * Other names in these folders cause no callback.
 *
 * Users have to look again from time to time for what inotify cannot see (another host's
 * writes to a network file system, a new mount).
 */
#ifndef MUSTER_AGENT_WATCH_H
#define MUSTER_AGENT_WATCH_H

#include <event2/event.h>
#include <stdbool.h>

typedef void watch_changed(void *arg);

struct watch;
/* NULL with errno. */
struct watch *watch_new(struct event_base *base, watch_changed *changed, void *arg);
void watch_free(struct watch *watch); /* NULL is harmless */

/* Everything to be watched is named again each time, between these two calls.  NULL is
 * harmless. */
void watch_begin(struct watch *watch);
/* 0, or -errno of the first thing that could not be watched. */
int watch_end(struct watch *watch) __attribute__((warn_unused_result));
/* Where a path leads. */
void watch_path(struct watch *watch, const char *path);
/* All names in a folder, except those to be skipped (watch_is_skipped). */
void watch_folder(struct watch *watch, const char *folder);

/* Editors' files: names that begin with a dot or end with "~". */
bool watch_is_skipped(const char *name);

#endif
