/*
 * Text that may come from anybody, made fit for a line of a log, an answer or a terminal:
 * one line of printable ASCII.
 */
#ifndef MUSTER_PRINTABLE_H
#define MUSTER_PRINTABLE_H

#include <stdbool.h>

static inline bool printable_is(char c)
{
	return c >= ' ' && c <= '~';
}

/* What is not printable becomes '?'. */
static inline void printable_clean(char *text)
{
	for (; *text; text++)
		if (!printable_is(*text))
			*text = '?';
}

#endif
