/*
 * Faults on demand: a call that can fail fails, once.
 *
 * The wraps (fault_wraps.c) and SQLite's hooks (fault_sqlite.c) stand before every call
 * by which the program asks others for something that they may not have: memory, the
 * disk, a socket, the database, a library's object.  Each asks fault_here whether it is
 * the one to fail.  Two orders:
 *
 *   nth  the nth call after arming fails, wherever it is made;
 *   0    the first call fails that is made from a place where none has failed yet; a
 *        place is the calls that lead there, control.depth of them.
 *
 * The control may lie in a file that another process has mapped (FAULT_CONTROL in the
 * environment, see tests/servers/faults.py); otherwise it is this process' own.
 *
 * Only test programs link this.  Limits: a fault is one call; what libraries ask libc for
 * by themselves does not fail, but for SQLite's memory and files, and TCP sockets.
 */
#ifndef MUSTER_TESTS_FAULT_H
#define MUSTER_TESTS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/* Bits of control.kinds. */
enum fault_kind {
	FAULT_MEMORY = 1,      /* malloc and its kin */
	FAULT_LIBRARY = 2,     /* what a library makes or does for us */
	FAULT_DATABASE = 4,    /* calls to SQLite */
	FAULT_DISK = 8,        /* files: open, read, write; also SQLite's */
	FAULT_SOCKET = 16,     /* descriptors, datagrams, connections, threads */
	FAULT_SQL_MEMORY = 32, /* what SQLite allocates by itself */
};

enum { FAULT_PLACES_MAX = 16384, FAULT_NAME_MAX = 32 };

/* Laid out for another program too: tests/servers/faults.py. */
struct fault_control {
	uint32_t kinds; /* what may fail, enum fault_kind; 0: not armed.  Written last */
	uint32_t nth;   /* 0: the first call from a new place */
	uint32_t depth; /* calls that make a place */
	uint32_t calls; /* of these kinds, since it was armed */
	uint32_t has_failed; /* one has, and it is no longer armed */
	uint32_t place_count;
	uint64_t caller;           /* offset in the program of the call that failed */
	char name[FAULT_NAME_MAX]; /* of the function that failed */
	uint64_t places
		[FAULT_PLACES_MAX]; /* hash table of those that have failed; 0: free */
};

/* Is this call of the function name the one that fails? */
bool fault_here(enum fault_kind kind, const char *name);

/* The control of this process. */
struct fault_control *fault_control(void);
void fault_arm(uint32_t kinds, uint32_t nth);
/* Has one failed since fault_arm? */
bool fault_has_failed(void);
bool fault_disarm(void);
/* Calls of this thread do not fail as long as it is spared.  Was it? */
bool fault_spare(bool is_spared);

/* Before SQLite's first use. */
void fault_hook_sqlite(void);

#endif
