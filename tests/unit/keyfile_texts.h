/*
 * Texts of key files, for the tests test_keyfile*.c, reading them from memory, and the
 * search for their secrets: no message may ever hold one.  Included after cmocka.h.
 */
#ifndef MUSTER_KEYFILE_TEXTS_H
#define MUSTER_KEYFILE_TEXTS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tsig/keyfile.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SECRET  "c2VjcmV0IG9mIGEgdGVzdA==" /* "secret of a test" */
#define SECRET2 "c2VjcmV0IG51bWJlciB0d28=" /* "secret number two" */

/* As tsig-keygen prints it. */
#define KEY(name, secret)                                                                \
	"key \"" name "\" {\n\talgorithm hmac-sha256;\n\tsecret \"" secret "\";\n};\n"

/* As dnssec-keygen wrote it. */
#define PRIVATE(algorithm, rest)                                                         \
	"Private-key-format: v1.3\nAlgorithm: " algorithm "\nKey: " SECRET "\n" rest

static inline void assert_no_secret(const char *message)
{
	assert_null(strstr(message, "c2VjcmV0"));
	assert_null(strstr(message, "secret of"));
	assert_null(strstr(message, "secret number"));
}

enum { WARNINGS_MAX = 2048 };
/* The warnings since a test emptied it, one per line. */
static char keyfile_warnings[WARNINGS_MAX];

static inline void keep_warning(const char *message, void *arg)
{
	size_t at = strlen(keyfile_warnings);

	(void)arg;
	assert_no_secret(message);
	snprintf(keyfile_warnings + at, WARNINGS_MAX - at, "%s\n", message);
}

static inline const struct tsig_key *find(const struct keyring *ring, const char *name)
{
	static const uint8_t root[] = {0};
	uint8_t wire[NAME_MAX_LEN];

	assert_int_equal(name_from_text(wire, name, root), 0);
	name_lower(wire);
	return keyring_find(ring, wire);
}

static inline void assert_secret(const struct tsig_key *key, const char *secret)
{
	assert_non_null(key);
	assert_int_equal(key->secret_len, strlen(secret));
	assert_memory_equal(key->secret, secret, strlen(secret));
}

/* Parses a buffer of exactly that size, so that a read beyond it is noticed. */
static inline int parse_octets(struct keyring *ring, const char *name, const char *text,
	size_t len, char error[KEYFILE_ERROR_MAX])
{
	char *exact = malloc(len ? len : 1);
	int err;

	assert_non_null(exact);
	memcpy(exact, text, len);
	error[0] = '\0';
	err = keyfile_parse(ring, name, exact, len, keep_warning, NULL, error);
	free(exact);
	assert_no_secret(error);
	assert_true(strlen(error) < KEYFILE_ERROR_MAX);
	return err;
}

static inline struct keyring *parse_ok(const char *name, const char *text, size_t keys)
{
	char error[KEYFILE_ERROR_MAX];
	struct keyring *ring = keyring_new();
	int err;

	assert_non_null(ring);
	err = parse_octets(ring, name, text, strlen(text), error);
	if (err)
		fail_msg("%d %s", err, error);
	assert_int_equal(keyring_count(ring), keys);
	return ring;
}

#endif
