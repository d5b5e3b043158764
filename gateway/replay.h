/*
 * Which updates were seen already: a retransmission or a replay is never executed twice
 * (RFC 2136 7.8, RFC 8945 10).
 *
 * The same key and MAC is the same message.  While its time is inside the fudge window it
 * gets its first answer again; after that TSIG itself answers BADTIME.  The memory holds
 * REPLAY_MAX messages.  What a flood pushes out of it is covered by a floor per bucket of
 * key names: the newest time signed that was forgotten there.  A message that is not
 * known and not newer than its floor might be a replay, and is refused with BADTIME; only
 * keys that send more than REPLAY_MAX messages within the window ever come near it.
 */
#ifndef MUSTER_REPLAY_H
#define MUSTER_REPLAY_H

#include "gateway/transaction.h"

enum {
	REPLAY_MAX = 1 << 19,    /* messages; 48 octets each when used */
	REPLAY_FLOORS = 1 << 14, /* buckets of key names */
	REPLAY_MAC_LEN = 16,     /* octets of the MAC that are compared */
};

struct replay_entry {
	uint8_t mac[REPLAY_MAC_LEN];
	uint64_t time_signed;            /* seconds since 1970 */
	struct transaction *transaction; /* still in progress; NULL: answered */
	uint32_t key_hash;
	uint32_t next;  /* in its hash chain, index + 1; 0: the last */
	uint16_t rcode; /* once answered */
	int16_t ede;
	bool is_used;
};

struct replay;
struct replay *replay_new(void); /* NULL: no memory */
void replay_free(struct replay *replay);

enum replay_result {
	REPLAY_NEW,    /* now remembered; *ret_entry is where its answer goes */
	REPLAY_TWIN,   /* seen: *ret_entry is in progress or answered */
	REPLAY_TOO_OLD /* not known, but older than what was forgotten */
};

/* Looks up a signed request, and remembers it if it is new.  An entry lasts until
 * REPLAY_MAX newer ones have come; its transaction's replay is set to NULL then. */
enum replay_result replay_look(struct replay *replay, const struct tsig_context *tsig,
	struct replay_entry **ret_entry);

/* Remembers an answered request found in the journal after a restart. */
void replay_restore(struct replay *replay, const uint8_t *key_name, const uint8_t *mac,
	uint64_t time_signed, uint16_t rcode);

/* Nothing came of it (a passing fault): the same message may try again. */
void replay_forget(struct replay *replay, struct replay_entry *entry);

/* What the twin of an answered request is told. */
struct verdict replay_verdict(const struct replay_entry *entry);

#endif
