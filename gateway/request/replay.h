/*
 * Remembers updates, so that a retransmission or a replay is never executed twice (RFC
 * 2136 7.8, RFC 8945 10).
 *
 * The same key and fingerprint (signer.h) is the same message.  While its time is
 * inside the window (the largest fudge that we accept, before and after now) it gets
 * its first answer again; after that TSIG itself answers BADTIME.
 *
 * The memory has REPLAY_MAX places, and a hand that goes round them.  It skips entries
 * that must be kept, and reuses the places of others: messages whose window is over, or
 * whose key holds more than the level.  The level is chosen so that the messages up to
 * it, of all keys together, are at most half of the memory: so the keys that hold the
 * most make room, whatever others do.  Each key has a floor, the newest time signed
 * among its messages that were pushed out.  An unknown message that is not newer than
 * the floor of its key is refused too, with SERVFAIL instead of BADTIME, since some
 * clients never come back after a NOTAUTH.
 *
 * All of this is also written to a file, once a turn and without a sync, so that it
 * outlives the process, however that ends.  A message is written before it is answered,
 * a floor before the message that takes the place.  The journal settles what was in
 * progress when the process ended: replay_settle.  The file may be lost in a crash of
 * the system, and a full disk may prevent writing.  Then unknown messages signed before
 * the start are refused, whoever signed them.
 *
 *   replay.c       messages
 *   replay_key.c   keys: what each holds, the level, its floor
 *   replay_file.c  the file
 */
#ifndef MUSTER_REPLAY_H
#define MUSTER_REPLAY_H

#include "gateway/request/signer.h"
#include "tsig/name.h"
#include "tsig/verdict.h"

enum {
	REPLAY_MAX = 1 << 19, /* messages; 48 octets each in memory and in the file */
};

struct replay;
struct replay_entry; /* a remembered message; valid until it is pushed out */
struct request;

/* Threads that share it hold the lock while they use the functions below, or an entry. */
void replay_lock(struct replay *replay);
void replay_unlock(struct replay *replay);

/*
 * Opens or creates the file.  boot identifies the running system (NULL: unknown);
 * places is REPLAY_MAX, or in tests a smaller power of two; window_s is the largest
 * fudge that is accepted, now_s real time.  0 or -errno; a file of another form is
 * replaced.
 */
int replay_new(struct replay **ret_replay, const char *path, const char *boot,
	uint32_t places, unsigned window_s, int64_t now_s)
	__attribute__((warn_unused_result));
void replay_free(struct replay *replay); /* NULL is harmless */

/* The largest accepted fudge has changed. */
void replay_set_window(struct replay *replay, unsigned window_s, int64_t now_s);

/* Did the file contain everything seen up to now?  False: it was created now, the
 * system was restarted, or the file could not be written. */
bool replay_is_whole(const struct replay *replay);
/* It did not: unknown messages signed before now are refused. */
void replay_distrust(struct replay *replay, int64_t now_s);

/*
 * After replay_new, before the first replay_look.  The journal's requests with a time
 * signed from *ret_since on are to be passed to replay_restore; false: none.  Then call
 * replay_settle: requests that were in progress and are not in the journal had no
 * effect, and may come again.
 */
bool replay_wants_journal(
	const struct replay *replay, int64_t now_s, uint64_t *ret_since);
void replay_restore(struct replay *replay, const uint8_t *name,
	const uint8_t *fingerprint, uint64_t time_signed, uint16_t rcode, int64_t now_s);
void replay_settle(struct replay *replay);

enum replay_result {
	REPLAY_NEW,       /* now remembered; its answer goes to *ret_entry */
	REPLAY_TWIN,      /* seen before: *ret_entry is in progress or answered */
	REPLAY_TOO_OLD,   /* unknown, and not newer than what was forgotten */
	REPLAY_NO_MEMORY, /* for another key */
};

/* Looks up a signed request, and remembers it if it is new. */
enum replay_result replay_look(struct replay *replay, const struct signer *signer,
	int64_t now_s, struct replay_entry **ret_entry);

/* The request that is still in progress for an entry; NULL: it is answered.  When its
 * entry is pushed out, the request's replay becomes NULL. */
struct request *replay_request(
	const struct replay *replay, const struct replay_entry *entry);
void replay_set_request(
	struct replay *replay, struct replay_entry *entry, struct request *request);

/* Stores the answer, for later twins. */
void replay_answer(
	struct replay *replay, struct replay_entry *entry, const struct verdict *verdict);
/* It had no effect (a passing fault): the same message may try again. */
void replay_forget(struct replay *replay, struct replay_entry *entry);
/* The answer for a twin of an answered request. */
struct verdict replay_verdict(const struct replay_entry *entry);

/* Creates the file again if somebody has removed it. */
void replay_place_file(struct replay *replay);

/* Writes what is new to the file; to be called before any of it is answered. */
void replay_flush(struct replay *replay);

#endif
