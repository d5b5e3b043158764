/*
 * The last refusals, in memory: whoever finds one in the log, or gets its number in an
 * EDE text, can ask what it was about, also where no valid key or no zone has come with
 * it, so that the database says nothing of it.
 *
 * Strangers decide how many there are: the oldest give way, and nothing is written.  One
 * for all threads, with a lock that is held for a copy.
 */
#ifndef MUSTER_REFUSALS_H
#define MUSTER_REFUSALS_H

#include "tsig/name.h"
#include "tsig/verdict.h"

enum {
	REFUSALS_MAX = 2048, /* some 3 MiB; at 20 a second, which is what the log takes of
			      * strangers, those of the last minute and a half */
	REFUSAL_REQUEST_MAX = 512, /* octets of what was asked for; more is cut off */
	REFUSAL_PEER_MAX = 80,
};

struct refusal {
	uint64_t id;   /* what logs and EDE texts call the request; 0: none */
	int64_t at_ms; /* real time */
	bool is_known; /* signed with a valid key */
	char peer[REFUSAL_PEER_MAX]; /* "192.0.2.1#53/udp" */
	uint8_t key[NAME_MAX_LEN];   /* as the message says; has_key */
	bool has_key;
	uint8_t zone[NAME_MAX_LEN]; /* has_zone: one that is served here */
	bool has_zone;
	char answer[VERDICT_NAME_MAX]; /* verdict_name */
	char why[VERDICT_WHY_MAX];
	char request[REFUSAL_REQUEST_MAX]; /* update_to_text; "": it could not be read */
};

struct refusals;

/* NULL: no memory. */
struct refusals *refusals_new(void);
void refusals_free(struct refusals *refusals); /* NULL is harmless */

/* Keeps a copy.  Any thread. */
void refusals_note(struct refusals *refusals, const struct refusal *refusal);
/* The newest one of this id.  False: there is none any more.  Any thread. */
bool refusals_find(struct refusals *refusals, uint64_t id, struct refusal *ret);

#endif
