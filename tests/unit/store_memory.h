/*
 * For tests: the store, in memory.
 *
 * It follows the contract of gateway/journal/store.h.  A database has the name that open
 * is given for a path, and any number of connections from any threads; it stays, closed
 * or not, until store_memory_forget.  What a transaction has done is seen by others when
 * it is committed: until then they wait.
 *
 * It knows no versions, and no files that could go away.
 */
#ifndef MUSTER_TESTS_STORE_MEMORY_H
#define MUSTER_TESTS_STORE_MEMORY_H

#include "gateway/journal/store.h"

extern const struct store_ops store_memory;

/* Drops a database that nobody has open. */
void store_memory_forget(const char *path);

/* The next commits, so many, fail with this -errno; the database is open. */
void store_memory_fail_commits(const char *path, unsigned count, int error);
/* Transactions begin no more until they are released: what is submitted to a journal
 * waits there.  Whoever begins one meanwhile waits in begin. */
void store_memory_hold(const char *path);
void store_memory_release(const char *path);
/* The same for whoever reads what may be long: a zone's number, before all else that it
 * has; its records; changes. */
void store_memory_hold_reads(const char *path, bool is_held);
/* The next of those reads, so many, fail. */
void store_memory_fail_reads(const char *path, unsigned count);

#endif
