/*
 * Who signed a request, for code that only needs to know that: the memory of requests,
 * the journal, logs, and signing the answer.  Each kind of signature knows how to sign
 * (tsig_signer.h).
 */
#ifndef MUSTER_SIGNER_H
#define MUSTER_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hmac_pool;
struct signer;

enum { SIGNER_FINGERPRINT_LEN = 16 };

/* A way of signing. */
struct signer_kind {
	/* Does a fingerprint of a name identify one request, which may come again?
	 * False: such requests cannot be repeated. */
	bool is_repeatable;
	/*
	 * Appends a signature to an answer of *len octets, with room for cap; is_next:
	 * to one of its further messages.  NULL: answers are not signed.  0 or -errno.
	 */
	int (*sign)(struct signer *signer, struct hmac_pool *pool, bool is_next,
		uint8_t *msg, size_t *len, size_t cap, int64_t now_s);
};

struct signer {
	const struct signer_kind *kind;
	/* Wire form, lower case.  As claimed in the request, which need not be true;
	 * the name in policy_subject is. */
	const uint8_t *name;
	uint64_t time_s; /* when it was signed, seconds since 1970 */
	/* Set if the name is true; shorter ones are filled up with zeros. */
	uint8_t fingerprint[SIGNER_FINGERPRINT_LEN];
	size_t reserve; /* octets to be reserved in an answer for its signature */
};

/* NULL: not signed. */
static inline size_t signer_reserve(const struct signer *signer)
{
	return signer ? signer->reserve : 0;
}

/* Like signer_kind.sign.  NULL: the request was not signed, so there is nothing to do
 * (0). */
static inline int signer_sign(struct signer *signer, struct hmac_pool *pool, bool is_next,
	uint8_t *msg, size_t *len, size_t cap, int64_t now_s)
{
	if (!signer || !signer->kind->sign)
		return 0;
	return signer->kind->sign(signer, pool, is_next, msg, len, cap, now_s);
}

#endif
