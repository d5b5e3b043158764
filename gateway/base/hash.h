/*
 * uthash without its exit() when memory is short: an element that could not be added has
 * is_lost set, which the caller must check.
 */
#ifndef MUSTER_HASH_H
#define MUSTER_HASH_H

#define HASH_NONFATAL_OOM          1
#define uthash_nonfatal_oom(entry) ((entry)->is_lost = true)
#include <uthash.h>

#endif
