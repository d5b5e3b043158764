/*
 * Which updates were seen already: a retransmission or a replay is never executed twice
 * (RFC 2136 7.8, RFC 8945 10).
 *
 * The same key and MAC is the same message.  While its time is inside the fudge window it
 * gets its first answer again; after that TSIG itself answers BADTIME.
 *
 * What is remembered is also written to a file, once a turn and without a sync, so that
 * it outlives the process, however that ends.  It does not outlive the system: after a
 * boot, what was signed before the start and is not in the journal might be a replay and
 * is refused.  A full disk costs no more than that either.
 *
 * It holds REPLAY_MAX messages of all keys together.  What newer ones push out of it is
 * covered by a floor per bucket of key names: the newest time signed that was forgotten
 * there.  A message that is not known and not newer than its floor is refused too.  Below
 * REPLAY_MAX messages in a fudge window that never happens; above, to clients whose
 * clocks lag by more than the memory reaches back.  The answer is SERVFAIL and not
 * BADTIME, since some clients never come back after a NOTAUTH.
 */
#ifndef MUSTER_REPLAY_H
#define MUSTER_REPLAY_H

#include "gateway/transaction.h"

enum {
	REPLAY_MAX = 1 << 19,    /* messages; 48 octets each when used, and in the file */
	REPLAY_FLOORS = 1 << 14, /* buckets of key names */
	REPLAY_MAC_LEN = 16,     /* octets of the MAC that are compared; shorter ones are
				  * filled up with zeros */
};

struct replay;
struct replay_entry; /* a remembered message; valid until REPLAY_MAX newer ones have come
		      */

/*
 * Opens or makes the file.  now_s is real time; boot names the running system (NULL:
 * forget all).  0 or -errno; a file of another form is made anew.
 */
int replay_new(struct replay **ret_replay, const char *path, const char *boot,
	int64_t now_s) __attribute__((warn_unused_result));
void replay_free(struct replay *replay); /* NULL is harmless */

enum replay_result {
	REPLAY_NEW,     /* now remembered; *ret_entry is where its answer goes */
	REPLAY_TWIN,    /* seen: *ret_entry is in progress or answered */
	REPLAY_TOO_OLD, /* not known, but older than what was forgotten */
};

/* Looks up a signed request, and remembers it if it is new. */
enum replay_result replay_look(struct replay *replay, const struct tsig_context *tsig,
	struct replay_entry **ret_entry);

/* The transaction that is still in progress under an entry; NULL: it is answered.  When
 * its entry is pushed out, the transaction's replay becomes NULL. */
struct transaction *replay_transaction(
	const struct replay *replay, const struct replay_entry *entry);
void replay_set_transaction(struct replay *replay, struct replay_entry *entry,
	struct transaction *transaction);

/* The answer, for its twins to come.  is_journalled: a restart finds it in the journal.
 */
void replay_answer(struct replay *replay, struct replay_entry *entry,
	const struct verdict *verdict, bool is_journalled);
/* Nothing came of it (a passing fault): the same message may try again. */
void replay_forget(struct replay *replay, struct replay_entry *entry);
/* What the twin of an answered request is told. */
struct verdict replay_verdict(const struct replay_entry *entry);

/* Writes what is new to the file; before anything of it is answered. */
void replay_flush(struct replay *replay);

/* Remembers the answer to a request that is found in the journal. */
void replay_restore(struct replay *replay, const uint8_t *key_name, const uint8_t *mac,
	uint64_t time_signed, uint16_t rcode);

#endif
