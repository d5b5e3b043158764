/*
 * Walking through the hosts or leases of all zones, or of one, a page at a time; for
 * get_hosts.c and get_leases.c.
 *
 * One answer has a bounded number of pages.  Whoever asks is told where the walk goes on
 * by a cursor, which comes back with the next request: "l NUMBER ZONE" among the leases
 * of a zone, "e HOST ZONE" behind that expired host ("-": before the first).  Names have
 * no blanks in their text.
 */
#ifndef MUSTER_CONTROL_WALK_H
#define MUSTER_CONTROL_WALK_H

#include "gateway/control/control_private.h"

enum { CONTROL_ROUNDS_MAX = 50 }; /* pages looked at for one answer, which may be empty */

struct control_walk_ops {
	const char *list; /* the name of the answer's list */
	/* Asks for the page at which the walk is; control_walk_go_on is next. */
	control_fn *ask;
	/* Adds the page to the list, and moves the walk on within the zone. */
	control_fn *take;
};

/* The state of a request, or its first member. */
struct control_walk {
	const struct control_walk_ops *ops;
	bool is_one_zone;
	size_t zone;     /* index in the request's configuration */
	bool in_expired; /* behind the leases: expired hosts */
	uint64_t cursor; /* among the leases; 0: at the first, or behind the last */
	uint8_t host[NAME_MAX_LEN]; /* behind this expired host, if has_host */
	bool has_host;
	bool skips_leases, wants_expired; /* of hosts */
	const char *pattern;              /* of names, in the query; NULL: all */
	uint8_t name[NAME_MAX_LEN];       /* is_exact: only this one */
	bool is_exact;
	unsigned rounds;
};

/* Reads zone=, cursor= and the pattern of names (or a whole name; NULL: all) into the
 * state.  False: answered. */
bool control_walk_read(struct control_request *r, const char *pattern);
/* Asks for the first page, if there are zones. */
void control_walk_begin(struct control_request *r, const struct control_walk_ops *ops);
/* A page is there: takes it, and asks for the next one or answers. */
void control_walk_go_on(struct control_request *r);
const struct config_zone *control_walk_zone(const struct control_request *r);
/* Each * of the pattern stands for any octets, each ? for one; upper and lower case are
 * the same.  The final dot of the name need not be written. */
bool control_name_matches(const char *pattern, const uint8_t *name);
bool control_walk_matches(const struct control_walk *walk, const uint8_t *name);

#endif
