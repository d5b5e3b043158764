/*
 * Answers that peers have not read yet: how many octets one thread has, and which peer
 * has left its answers unread for longest.
 *
 * Octets in the kernel's socket buffers are not counted; those are bounded by the
 * system.  A peer is watched from the moment when something waits for it.  What waited
 * then must have been read LISTENER_UNREAD_S later, even if octet by octet; then the
 * watch starts again with what has been added meanwhile.  Pure; belongs to one thread.
 */
#ifndef MUSTER_LISTENER_OUTPUT_H
#define MUSTER_LISTENER_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct connection;

struct listener_output { /* of a connection */
	TAILQ_ENTRY(listener_output) entry;
	struct connection *connection;
	size_t len;       /* octets that wait; if not 0, it is in the list */
	uint64_t queued;  /* octets ever */
	uint64_t mark;    /* queued when the watch began */
	int64_t since_ms; /* monotonic; when that was */
};

struct listener_outputs {
	TAILQ_HEAD(listener_output_list, listener_output)
	list;       /* longest watched first */
	size_t len; /* octets of all */
};

/* Octets have been added; counting what the peer has read, len are left. */
void listener_output_note(struct listener_outputs *all, struct listener_output *output,
	size_t added, size_t len, int64_t now_ms);

/* The peer watched for longest, and whether that is too long; NULL: nothing waits. */
struct listener_output *listener_output_first(const struct listener_outputs *all);
bool listener_output_is_overdue(const struct listener_output *output, int64_t now_ms);

#endif
