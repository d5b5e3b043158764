/*
 * libFuzzer target: key files.  The octets are read as an ordinary key file, and as the
 * private half of a K* pair.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tsig/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts on an answer that the header does not promise. */
static void check(const struct keyring *ring, int err, const char *error)
{
	if (err != 0 && err != -EINVAL && err != -ENOMEM && err != -ENOSPC)
		abort();
	if (err == 0 && keyring_count(ring) == 0)
		abort();
	if (err != 0 && (error[0] == '\0' || !memchr(error, '\0', KEYFILE_ERROR_MAX)))
		abort();
}

static void check_warning(const char *message, void *arg)
{
	(void)arg;
	if (message[0] == '\0' || !memchr(message, '\0', KEYFILE_ERROR_MAX))
		abort();
}

static void parse_file(const char *name, const char *text, size_t len)
{
	char error[KEYFILE_ERROR_MAX] = "";
	struct keyring *ring = keyring_new();

	if (!ring)
		return;
	check(ring, keyfile_parse(ring, name, text, len, check_warning, NULL, error),
		error);
	keyring_free(ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	if (!size)
		text = "";
	parse_file("fuzz.key", text, size);
	parse_file("Kfuzz.example.+163+12345.private", text, size);
	return 0;
}
