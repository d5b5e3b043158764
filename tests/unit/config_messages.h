/*
 * For the tests of musterd.conf: collecting what its readers report, and reading text
 * from memory.  Included after cmocka.h.
 */
#ifndef MUSTER_CONFIG_MESSAGES_H
#define MUSTER_CONFIG_MESSAGES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/config/config_read.h"

struct config_messages {
	char text[8192]; /* "error: ..." and "warning: ...", one to a line */
};

static inline void config_collect(bool error, const char *message, void *arg)
{
	struct config_messages *messages = arg;
	size_t at = strlen(messages->text);

	snprintf(messages->text + at, sizeof(messages->text) - at, "%s: %s\n",
		error ? "error" : "warning", message);
}

/* Reads from a buffer of exactly that size, so that a read beyond it is noticed. */
static inline int config_parse_exact(
	struct config **ret, const char *text, struct config_messages *messages)
{
	size_t len = strlen(text);
	char *exact = malloc(len ? len : 1);

	assert_non_null(exact);
	memcpy(exact, text, len);
	messages->text[0] = '\0';
	int err = config_parse(ret, "t.conf", exact, len, config_collect, messages);
	free(exact);
	return err;
}

#endif
