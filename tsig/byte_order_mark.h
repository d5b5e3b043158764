/*
 * What editors on Windows put in front of UTF-8 (U+FEFF, RFC 3629 6).  It is not part
 * of the text.
 */
#ifndef MUSTER_BYTE_ORDER_MARK_H
#define MUSTER_BYTE_ORDER_MARK_H

#include <stddef.h>
#include <string.h>

/* Octets of the mark at the beginning of the text; 0: there is none. */
static inline size_t byte_order_mark_len(const char *text, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";
	const size_t mark_len = sizeof(mark) - 1;

	return len >= mark_len && !memcmp(text, mark, mark_len) ? mark_len : 0;
}

#endif
