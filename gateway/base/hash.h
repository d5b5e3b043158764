/*
 * uthash, where being out of memory is an answer and not the end of the process: what
 * could not be entered has is_lost set, and the caller looks.
 */
#ifndef MUSTER_HASH_H
#define MUSTER_HASH_H

#define HASH_NONFATAL_OOM          1
#define uthash_nonfatal_oom(entry) ((entry)->is_lost = true)
#include <uthash.h>

#endif
