/*
 * Domain names in wire form.
 *
 * Inside Muster a name is an uncompressed sequence of labels ending with the root label
 * (RFC 1035 3.1), at most NAME_MAX octets; a pointer is enough, since a name delimits
 * itself.  Owner names, key names and zone names are kept in lower case (RFC 4034 6.1),
 * so that equality is memcmp; names inside RDATA keep their case.
 *
 * Functions that take a name trust it: it comes from name_read, name_from_text or
 * storage.
 */
#ifndef MUSTER_NAME_H
#define MUSTER_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NAME_MAX_LEN = 255,    /* octets, RFC 1035 2.3.4 */
	NAME_MAX_LABELS = 128, /* with the root label */
	NAME_TEXT_MAX = 1024,  /* text form, every octet as \DDD, with its final zero */
};

/* Octets of the name, the root label included. */
size_t name_len(const uint8_t *name);

/* Labels, the root label not counted: "." has 0, "example." has 1. */
unsigned name_labels(const uint8_t *name);

/* Folds A-Z to a-z in place. */
void name_lower(uint8_t *name);

/* Byte for byte. */
bool name_is_equal(const uint8_t *a, const uint8_t *b);

/* Equality that folds case, for names inside RDATA. */
bool name_is_equal_nocase(const uint8_t *a, const uint8_t *b);

/* Is name at or below zone?  Both lower case. */
bool name_is_subdomain(const uint8_t *name, const uint8_t *zone);

/* The name without its first label; NULL for the root. */
static inline const uint8_t *name_parent(const uint8_t *name)
{
	return name[0] ? name + 1 + name[0] : NULL;
}

bool name_is_wildcard(const uint8_t *name); /* first label is "*" (RFC 4592 2.1.1) */

/* FNV-like 32-bit hash of the octets; names must be lower case to compare by it. */
uint32_t name_hash(const uint8_t *name);

/* The secret of a hash, so that clients cannot choose names that collide in a table. */
struct name_seed {
	uint64_t key[2];
};

/* SipHash-1-3 of the octets, folded to 32 bits; names must be in lower case here too. */
uint32_t name_hash_seeded(const uint8_t *name, const struct name_seed *seed);
/* The same in 64 bits, for callers that keep the hash instead of the name. */
uint64_t name_hash64_seeded(const uint8_t *name, const struct name_seed *seed);

/* The same for any octets; octets may be NULL if len is 0. */
uint32_t octets_hash_seeded(
	const uint8_t *octets, size_t len, const struct name_seed *seed);

/* Canonical order (RFC 4034 6.1): <0, 0, >0. */
int name_compare(const uint8_t *a, const uint8_t *b);

/*
 * Does name match pattern label by label, where a pattern label "*" stands for exactly
 * one label, but not for one that is itself an asterisk?  Such a name is a wildcard
 * (RFC 4592) and answers for names that do not exist; only a pattern with the label
 * "\*" matches it.  Both lower case and absolute.
 */
bool name_match_pattern(const uint8_t *name, const uint8_t *pattern);

/* Is the first label "*" or "\*"? */
bool name_is_pattern(const uint8_t *name);

/*
 * Reads a name at *at of a message, following compression pointers (RFC 1035 4.1.4),
 * which must point strictly backwards.  Advances *at past the name as it stands in the
 * message.  Returns its uncompressed length, or -EBADMSG.  Case is kept.  The name, or
 * its first pointer, must lie before end; pointers may lead anywhere before it in msg.
 */
int name_read(uint8_t ret_name[NAME_MAX_LEN], const uint8_t *msg, size_t end, size_t *at);

/* The same, but a compression pointer is an error (RFC 3597 4). */
int name_read_uncompressed(
	uint8_t ret_name[NAME_MAX_LEN], const uint8_t *msg, size_t end, size_t *at);

/*
 * Text with the usual escapes (RFC 1035 5.1: \X and \DDD).  A relative name is completed
 * with origin, or is -EINVAL when origin is NULL.  "@" is the origin.  Case is kept.
 * Returns 0 or -EINVAL (empty label, too long, bad escape).
 */
int name_from_text(
	uint8_t ret_name[NAME_MAX_LEN], const char *text, const uint8_t *origin);

/* The same for a pattern: a whole label "\*" keeps its backslash (name_match_pattern). */
int name_pattern_from_text(
	uint8_t ret_pattern[NAME_MAX_LEN], const char *text, const uint8_t *origin);

/* Text that is always absolute, with the final dot; escapes what needs it.  Returns
 * buf. */
char *name_to_text(const uint8_t *name, char buf[NAME_TEXT_MAX]);

#endif
