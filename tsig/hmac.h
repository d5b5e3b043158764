/*
 * The MACs of RFC 8945 section 6, and everything else that touches a secret.
 *
 * The only user of OpenSSL here.  A key's context is prepared once and re-initialised
 * per message, which is several times faster than setting the key up each time;
 * contexts cannot be shared between threads, so each thread owns a struct hmac_pool, a
 * small direct-mapped cache of prepared contexts.
 */
#ifndef MUSTER_HMAC_H
#define MUSTER_HMAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hmac_algorithm {
	HMAC_MD5, /* hmac-md5.sig-alg.reg.int. */
	HMAC_SHA1,
	HMAC_SHA224,
	HMAC_SHA256,
	HMAC_SHA384,
	HMAC_SHA512,
	HMAC_SHA256_128, /* RFC 8945 6: truncated by the algorithm's name */
	HMAC_SHA384_192,
	HMAC_SHA512_256,
	HMAC_ALGORITHMS, /* their number */
};

enum { HMAC_MAX_LEN = 64, HMAC_SECRET_MAX = 512 }; /* octets */

/* The algorithm's name in a TSIG record: wire, lower case. */
const uint8_t *hmac_algorithm_wire(enum hmac_algorithm alg);
/* "hmac-sha256"; the form of key files. */
const char *hmac_algorithm_text(enum hmac_algorithm alg);
/* Octets of a whole MAC on the wire: 32 for sha256, 16 for sha256-128. */
size_t hmac_len(enum hmac_algorithm alg);
/* Octets of the MAC of the underlying hash: 32 for sha256 and for sha256-128. */
size_t hmac_hash_len(enum hmac_algorithm alg);
bool hmac_algorithm_is_weak(enum hmac_algorithm alg); /* md5 and sha1 */
/* From a lower-case wire name; false if unknown.  "hmac-md5." is accepted for md5 as
 * well. */
bool hmac_algorithm_from_wire(const uint8_t *name, enum hmac_algorithm *ret_alg);
/*
 * From text, ignoring case, with or without final dot, for key files.  A suffix of bits
 * ("hmac-sha256-80", BIND's notation for truncation) is returned in octets; without one
 * *ret_mac_min is the whole length.  For -128 of sha256, -192 of sha384 and -256 of
 * sha512 the algorithm is the plain one, with that smallest length.  False if unknown,
 * if the bits are not a multiple of 8, or less than max(80, half) (RFC 8945 5.2.2.1).
 */
bool hmac_algorithm_from_text(
	const char *text, enum hmac_algorithm *ret_alg, uint8_t *ret_mac_min);

struct hmac_pool;
struct hmac_pool *hmac_pool_new(void); /* NULL: no memory */
void hmac_pool_free(struct hmac_pool *pool);

/*
 * One MAC computation at a time per pool: start, any number of updates, final.  serial
 * identifies the secret for the cache; if two secrets share a serial, only speed is
 * lost (0: not cached).  0 or -errno (-ENOMEM, -EINVAL for a length outside 1 to
 * HMAC_SECRET_MAX, -ENOTSUP if the OpenSSL configuration forbids the digest).
 */
int hmac_start(struct hmac_pool *pool, uint64_t serial, enum hmac_algorithm alg,
	const uint8_t *secret, size_t secret_len) __attribute__((warn_unused_result));
int hmac_update(struct hmac_pool *pool, const void *octets, size_t len)
	__attribute__((warn_unused_result));
int hmac_final(struct hmac_pool *pool, uint8_t ret_mac[HMAC_MAX_LEN])
	__attribute__((warn_unused_result));

/* Compares in constant time. */
bool hmac_is_equal(const uint8_t *a, const uint8_t *b, size_t len);
/* Wipes memory; the compiler cannot optimise it away. */
void hmac_wipe(void *octets, size_t len);
/* Decodes base64 with optional white space into at most cap octets.  Length or
 * -EINVAL. */
int hmac_decode_base64(const char *text, size_t text_len, uint8_t *ret, size_t cap);
/* Encodes into HMAC_BASE64_LEN(len) octets of text, including the final zero. */
#define HMAC_BASE64_LEN(len) (((len) + 2) / 3 * 4 + 1)
void hmac_encode_base64(const uint8_t *octets, size_t len, char *ret);

#endif
