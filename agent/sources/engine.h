/*
 * One request to a container engine over its Unix socket, and the JSON objects of its
 * answer, one after the other (an HTTP client as small as that).
 *
 * libcurl could do this, too, but maps more memory than the whole agent may have.
 */
#ifndef MUSTER_AGENT_ENGINE_H
#define MUSTER_AGENT_ENGINE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

struct engine_handler {
	/* The engine has taken the request: status 200.  May be NULL. */
	void (*accepted)(void *arg);
	/* An object; false: stop, with ended. */
	bool (*object)(void *arg, const char *json, size_t len);
	/* The request has ended; why is NULL if the answer is whole.  The request may be
	 * freed here. */
	void (*ended)(void *arg, const char *why);
	void *arg;
};

struct engine_request;
/* path is that of the URL.  Connecting may fail at once: NULL with errno. */
struct engine_request *engine_ask(struct event_base *base, const char *socket_path,
	const char *path, const struct engine_handler *handler);
void engine_free(struct engine_request *request); /* cancels; NULL is harmless */

#endif
