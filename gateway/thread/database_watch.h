/*
 * Whether the database works, also when nothing is written: a look at its files every few
 * seconds, and, once a commit has failed, an attempt to write every second, so that the
 * gateway knows when it works again.
 */
#ifndef MUSTER_DATABASE_WATCH_H
#define MUSTER_DATABASE_WATCH_H

#include "gateway/thread/zone_thread.h"

struct database_watch;

struct database_watch *database_watch_new(struct zone_thread *thread); /* or NULL */
void database_watch_free(struct database_watch *watch); /* NULL is harmless */

#endif
