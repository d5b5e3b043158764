/*
 * What editors on Windows put in front of UTF-8 (U+FEFF, RFC 3629 6): no part of a text.
 */
#ifndef MUSTER_BYTE_ORDER_MARK_H
#define MUSTER_BYTE_ORDER_MARK_H

#include <stddef.h>
#include <string.h>

/* Octets of the mark that the text begins with; 0: it begins with none. */
static inline size_t byte_order_mark_len(const char *text, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";
	const size_t mark_len = sizeof(mark) - 1;

	return len >= mark_len && !memcmp(text, mark, mark_len) ? mark_len : 0;
}

#endif
