/*
 * Threads (thread.h).
 */
#include "gateway/base/thread.h"

#include <signal.h>

int thread_start(
	pthread_t *ret_thread, const char *name, void *(*run)(void *arg), void *arg)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = -pthread_create(ret_thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!r)
		(void)pthread_setname_np(*ret_thread, name);
	return r;
}
