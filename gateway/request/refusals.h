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

#include "gateway/request/transaction.h"

enum {
	REFUSALS_MAX = 2048, /* some 3 MiB; at 20 a second, which is what the log takes of
			      * strangers, those of the last minute and a half */
	REFUSAL_REQUEST_MAX = 512, /* octets of what was asked for; more is cut off */
};

struct refusal {
	uint64_t id;   /* struct transaction.id; 0: none */
	int64_t at_ms; /* real time */
	bool is_known; /* signed with a valid key */
	char peer[TRANSACTION_PEER_MAX];
	uint8_t key[NAME_MAX_LEN]; /* as the message says; has_key */
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

/* What has become of t, which is refused; request as of update_to_text.  Any thread. */
void refusals_note(struct refusals *refusals, const struct transaction *t,
	const char *peer, const char *request);
/* The newest one of this id.  False: there is none any more.  Any thread. */
bool refusals_find(struct refusals *refusals, uint64_t id, struct refusal *ret);

#endif
