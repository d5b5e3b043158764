/*
 * Cuts a stream of JSON into its objects: the elements of one array at the top, or
 * objects one after the other, as container engines send lists and events.  Each is
 * handed on as soon as it is whole, so that a list of hundreds needs the memory of one.
 *
 * Pure.  Finds the ends of objects, and does not check what is in them.
 */
#ifndef MUSTER_AGENT_JSON_SPLITTER_H
#define MUSTER_AGENT_JSON_SPLITTER_H

#include <stdbool.h>
#include <stddef.h>

enum { JSON_OBJECT_MAX = 1024 * 1024 }; /* octets */

struct json_splitter { /* zero it to begin with */
	char *text;    /* of the object so far */
	size_t len, cap;
	unsigned depth; /* of braces and brackets inside the object; 0: outside */
	bool is_string;
	bool is_escape;
};

/* Gets one object; false: stop. */
typedef bool json_object_given(void *arg, const char *text, size_t len);

/* False: an object is too large, out of memory, or stopped. */
bool json_splitter_feed(struct json_splitter *splitter, const char *octets, size_t len,
	json_object_given *give, void *arg);
void json_splitter_clear(struct json_splitter *splitter);

#endif
