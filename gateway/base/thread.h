/*
 * Starting threads.
 */
#ifndef MUSTER_THREAD_H
#define MUSTER_THREAD_H

#include <pthread.h>

/* Starts a thread with all signals blocked, since they are main's.  The name, of at most
 * 15 octets, is for top(1) and debuggers.  0 or -errno. */
int thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *arg),
	void *arg) __attribute__((warn_unused_result));

#endif
