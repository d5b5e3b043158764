/*
 * Which updates were seen already: a retransmission or a replay is never executed twice
 * (RFC 2136 7.8, RFC 8945 10).
 *
 * The same key and fingerprint (signer.h) is the same message.  While its time is inside
 * the window (the fudge that we accept at most, on both sides of now) it gets its first
 * answer again; after that TSIG itself answers BADTIME.
 *
 * The memory has REPLAY_MAX places.  A hand goes round over them: it passes by what must
 * be kept, and takes the place of what may go, which is a message whose window is over,
 * or one of a key that holds more than the level.  The level is such that
 * the messages up to it, of all keys together, are at most half of the memory: so the
 * keys that hold the most make room, whatever others do.  For what was pushed out, the
 * key's own floor speaks: the newest time signed that was forgotten.  A message that is
 * not known and not newer than the floor of its key is refused too; with SERVFAIL and not
 * BADTIME, since some clients never come back after a NOTAUTH.
 *
 * All that is also written to a file, once a turn and without a sync, so that it outlives
 * the process, however that ends: a message before anything of it is answered, a floor
 * before the message that took the place.  What was in progress when the process ended is
 * settled by the journal: replay_settle.  The file does not outlive a crash of the
 * system, and a full disk may keep it from being written.  After that, what was signed
 * before the start and is not known is refused, whoever signed it.
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

/* Where several threads share it, each holds the lock while it uses the functions below,
 * and an entry. */
void replay_lock(struct replay *replay);
void replay_unlock(struct replay *replay);

/*
 * Opens or makes the file.  boot names the running system (NULL: it may be another one);
 * places is REPLAY_MAX, or in tests a smaller power of two; window_s is the fudge that is
 * accepted at most, now_s real time.  0 or -errno; a file of another form is made anew.
 */
int replay_new(struct replay **ret_replay, const char *path, const char *boot,
	uint32_t places, unsigned window_s, int64_t now_s)
	__attribute__((warn_unused_result));
void replay_free(struct replay *replay); /* NULL is harmless */

/* Another fudge is accepted from now on. */
void replay_set_window(struct replay *replay, unsigned window_s, int64_t now_s);

/* Did the file hold all that was seen up to now?  False: it was made anew, the system
 * was started anew, or the file could not be written. */
bool replay_is_whole(const struct replay *replay);
/* It did not: what was signed before now and is not known is refused. */
void replay_distrust(struct replay *replay, int64_t now_s);

/*
 * After replay_new, before the first replay_look.  *ret_since is the time signed from
 * which on the journal's requests are to be given to replay_restore; false: none.  Then
 * replay_settle: what was in progress and is not in the journal came to nothing, and may
 * come again.
 */
bool replay_wants_journal(
	const struct replay *replay, int64_t now_s, uint64_t *ret_since);
void replay_restore(struct replay *replay, const uint8_t *name,
	const uint8_t *fingerprint, uint64_t time_signed, uint16_t rcode, int64_t now_s);
void replay_settle(struct replay *replay);

enum replay_result {
	REPLAY_NEW,       /* now remembered; *ret_entry is where its answer goes */
	REPLAY_TWIN,      /* seen: *ret_entry is in progress or answered */
	REPLAY_TOO_OLD,   /* not known, but not newer than what was forgotten */
	REPLAY_NO_MEMORY, /* for another key */
};

/* Looks up a signed request, and remembers it if it is new. */
enum replay_result replay_look(struct replay *replay, const struct signer *signer,
	int64_t now_s, struct replay_entry **ret_entry);

/* The request that is still in progress under an entry; NULL: it is answered.  When its
 * entry is pushed out, the request's replay becomes NULL. */
struct request *replay_request(
	const struct replay *replay, const struct replay_entry *entry);
void replay_set_request(
	struct replay *replay, struct replay_entry *entry, struct request *request);

/* The answer, for its twins to come. */
void replay_answer(
	struct replay *replay, struct replay_entry *entry, const struct verdict *verdict);
/* Nothing came of it (a passing fault): the same message may try again. */
void replay_forget(struct replay *replay, struct replay_entry *entry);
/* What the twin of an answered request is told. */
struct verdict replay_verdict(const struct replay_entry *entry);

/* Makes the file anew if somebody has removed it. */
void replay_place_file(struct replay *replay);

/* Writes what is new to the file; before anything of it is answered. */
void replay_flush(struct replay *replay);

#endif
