/*
 * Finds out whether the database works even when nothing is written: it looks at the
 * files every few seconds and, once a commit has failed, tries to write every second,
 * to notice when the database works again.
 */
#ifndef MUSTER_DATABASE_WATCH_H
#define MUSTER_DATABASE_WATCH_H

#include "gateway/thread/zone_thread.h"

struct database_watch;

struct database_watch *database_watch_new(struct zone_thread *thread); /* or NULL */
void database_watch_free(struct database_watch *watch); /* NULL is harmless */

#endif
