/*
 * The last refusals, in memory: people who find one in the log, or get its number in an
 * EDE text, can ask what it was about, even if it had no valid key or zone, so that it
 * is not in the database.
 *
 * Strangers determine their number, so the oldest are dropped, and nothing is written.
 * There is one ring for all threads, with a lock that is held during a copy.
 */
#ifndef MUSTER_REFUSALS_H
#define MUSTER_REFUSALS_H

#include "tsig/name.h"
#include "tsig/verdict.h"

enum {
	REFUSALS_MAX = 2048, /* about 3 MiB; at 20 a second, which is the log's limit
	                      * for strangers, those of the last minute and a half */
	REFUSAL_REQUEST_MAX = 512, /* octets of what was asked for; the rest is cut off */
	REFUSAL_PEER_MAX = 80,
};

struct refusal {
	uint64_t id;   /* the request's name in logs and EDE texts; 0: none */
	int64_t at_ms; /* real time */
	bool is_known; /* signed with a valid key */
	char peer[REFUSAL_PEER_MAX]; /* "192.0.2.1#53/udp" */
	uint8_t key[NAME_MAX_LEN];   /* as in the message; has_key */
	bool has_key;
	uint8_t zone[NAME_MAX_LEN]; /* has_zone: a zone that is served here */
	bool has_zone;
	char answer[VERDICT_NAME_MAX]; /* verdict_name */
	char why[VERDICT_WHY_MAX];
	char request[REFUSAL_REQUEST_MAX]; /* update_to_text; "": it could not be read */
};

struct refusals;

/* NULL: no memory. */
struct refusals *refusals_new(void);
void refusals_free(struct refusals *refusals); /* NULL is harmless */

/* Keeps a copy.  From any thread. */
void refusals_note(struct refusals *refusals, const struct refusal *refusal);
/* The newest one with this id.  False: there is none any more.  From any thread. */
bool refusals_find(struct refusals *refusals, uint64_t id, struct refusal *ret);

#endif
