/*
 * TSIG keys and the keyring.
 *
 * A key is a name, an algorithm and a secret.  One name may have several (rotation):
 * all of them verify, and the one that did signs the answer.  A keyring is filled once
 * from key files, and then only read, by any number of threads.
 */
#ifndef MUSTER_KEY_H
#define MUSTER_KEY_H

#include "tsig/hmac.h"
#include "tsig/name.h"

/*
 * Two pointers instead of arrays, since a ring may hold two million keys.  In a key
 * that keyring_find returned, both belong to the ring.  In a key passed to keyring_add
 * they belong to the caller, who wipes and frees them afterwards: the ring makes a
 * copy.
 */
struct tsig_key {
	const uint8_t *name;   /* wire; lower case in the ring */
	const uint8_t *secret; /* secret_len octets */
	int64_t not_before;    /* real time in seconds; INT64_MIN: always valid */
	int64_t not_after;     /* last valid second; INT64_MAX: no end */
	uint64_t serial;       /* for struct hmac_pool; assigned by the ring, never 0 */
	const struct tsig_key *next_secret; /* same name, another secret; NULL: the
	                                     * last one; set by the ring */
	enum hmac_algorithm alg;
	uint16_t secret_len; /* octets, 1 to HMAC_SECRET_MAX */
	uint8_t mac_min;     /* octets of the shortest MAC this key accepts; it signs
	                      * with this length, unless the request's MAC was longer */
};

/* now: real time in seconds. */
bool tsig_key_is_valid_at(const struct tsig_key *key, int64_t now);
/* The first of a name's secrets, from key on, that is valid now; if none is, key itself,
 * which may be NULL. */
const struct tsig_key *tsig_key_choose(const struct tsig_key *key, int64_t now);

struct keyring;
struct keyring *keyring_new(void);
void keyring_free(struct keyring *ring); /* wipes the secrets */

/*
 * Copies key into the ring, including name and secret (name lower-cased, serial
 * assigned).  Adding the same name, algorithm and secret again has no effect.  0,
 * -ENOMEM, -ENOSPC beyond KEYRING_MAX, or -EINVAL for a secret_len out of range.
 */
enum { KEYRING_MAX = 2000000 }; /* keys: more than a gateway's hosts; it bounds memory */
int keyring_add(struct keyring *ring, const struct tsig_key *key)
	__attribute__((warn_unused_result));

/* First secret of that name, or NULL.  The ring keeps ownership. */
const struct tsig_key *keyring_find(const struct keyring *ring, const uint8_t *name);
size_t keyring_count(const struct keyring *ring);

/*
 * What these keys sign is valid only if its time is within this many seconds of now,
 * however large a fudge it claims.  This limits how long a message can be replayed, and
 * so how long it must be remembered.  RFC 8945 10 recommends a fudge of 300.
 */
enum { KEYRING_FUDGE_MAX_S = 1800 }; /* unless set, and at most */
void keyring_set_fudge_max(struct keyring *ring, unsigned fudge_max_s);
unsigned keyring_fudge_max(const struct keyring *ring);
/* Calls visit for every key until it returns false. */
void keyring_each(const struct keyring *ring,
	bool (*visit)(const struct tsig_key *key, void *arg), void *arg);

#endif
