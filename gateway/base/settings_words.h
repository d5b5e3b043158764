/*
 * The words of a configuration file, without a reader (settings_reader.h).
 */
#ifndef MUSTER_SETTINGS_WORDS_H
#define MUSTER_SETTINGS_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* "90s", "15m", "24h", "7d", "500ms"; without a unit: seconds.  0 or -EINVAL. */
int settings_parse_time(const char *text, int64_t *ret_ms)
	__attribute__((warn_unused_result));

struct settings_endpoint {
	const char *host; /* borrowed from the text; without brackets */
	size_t host_len;  /* octets, at least 1 */
	unsigned port;    /* 0 to 65535 */
};

/* "host", "host#53", "host:53", "[2001:db8::1]:53", "[2001:db8::1]#53", "2001:db8::1";
 * does not look at what the host is.  0 or -EINVAL. */
int settings_parse_endpoint(struct settings_endpoint *ret, const char *text,
	unsigned default_port) __attribute__((warn_unused_result));

/* The one of count names that was probably meant by a misspelt word; NULL: none.  names
 * are the first members of structures of stride octets. */
const char *settings_suggest(
	const char *word, const void *names, size_t count, size_t stride);

#endif
