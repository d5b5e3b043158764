/*
 * Texts of key files, for test_keyfile.c and test_keyfile_load.c, and the search for
 * their secrets: no message may ever hold one.
 */
#ifndef MUSTER_KEYFILE_TEXTS_H
#define MUSTER_KEYFILE_TEXTS_H

#include <string.h>

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

#endif
