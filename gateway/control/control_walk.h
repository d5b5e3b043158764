/*
 * Walking through the hosts or leases of all zones, or of one, a page at a time; for
 * get_hosts.c and get_leases.c.
 *
 * Where a walk goes on is told to who asks as a cursor, which comes back with the next
 * request: "l NUMBER ZONE" among the leases of a zone, "e HOST ZONE" behind that expired
 * host ("-": before the first).  Names have no blanks in their text.
 */
#ifndef MUSTER_CONTROL_WALK_H
#define MUSTER_CONTROL_WALK_H

#include "gateway/control/control_private.h"

enum {
	CONTROL_ROUNDS_MAX = 50, /* pages looked at for one answer, which may be empty */
	CONTROL_CURSOR_MAX = 2 * NAME_TEXT_MAX + 32,
};

struct control_walk {
	struct control_question question; /* first */
	bool is_one_zone;
	size_t zone;                /* index in the question's configuration */
	bool in_expired;            /* behind the leases: expired hosts */
	uint64_t cursor;            /* among the leases */
	uint8_t host[NAME_MAX_LEN]; /* behind this expired host, if has_host */
	bool has_host;
	bool wants_leases, wants_expired; /* of hosts */
	char *pattern;                    /* owned; of names; NULL: all */
	uint8_t name[NAME_MAX_LEN];       /* is_exact: only this one */
	bool is_exact;
	int state; /* of enum lease_state; -1: any */
	unsigned rounds;
	bool has_failed; /* no memory */
	json_t *list;    /* counted; the answer */
};

/* Reads zone=, cursor= and the pattern of names (or a whole name).  False: answered.
 * size: of the walk's structure; answer is the question's. */
struct control_walk *control_walk_new(struct control_request *r, size_t size,
	const char *pattern, bool (*answer)(struct control_question *question));
const struct config_zone *control_walk_zone(const struct control_walk *walk);
/* Each * of the pattern (in lower case) stands for any octets, each ? for one.  The final
 * dot of the name need not be written. */
bool control_name_matches(const char *pattern, const uint8_t *name);
bool control_walk_matches(const struct control_walk *walk, const uint8_t *name);
/* The next zone, or the end: false. */
bool control_walk_next_zone(struct control_walk *walk);
/* Answers with the list under that name. */
void control_walk_done(struct control_walk *walk, const char *name, bool is_at_end);
#endif
