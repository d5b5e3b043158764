/*
 * The outermost grammar of zone files (RFC 1035 5.1): which octets make one entry.
 *
 * An entry is a line, or several if parentheses hold them together.  The resulting text
 * has no comments, and spaces instead of parentheses.  Words, quotes and escapes are
 * unchanged, and so are the line ends between parentheses, which give the line number
 * of any place in it.  Zone files, the lines of agents and all other records in text
 * are read this way, except those of PowerDNS (zones/rdata.h).
 */
#ifndef MUSTER_ENTRY_H
#define MUSTER_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	/* Octets of one entry: 65535 octets of RDATA fit many times over, even as \DDD
	 * or in spaced hex.  A parenthesis that is never closed does not read a whole
	 * file into memory. */
	ENTRY_MAX = 1 << 20,
};

struct entry {
	char *text; /* zero-terminated; valid until the next entry is read */
	size_t len;
	unsigned line;    /* where it begins, counted from 1 */
	bool is_indented; /* it begins with a space or tab: it has no owner */
	/* after -EINVAL: what is wrong (a static string), and where */
	const char *why;
	unsigned why_line;
	/* The rest is private to entry.c. */
	size_t room;
	unsigned next_line;  /* of the next octet */
	unsigned open_line;  /* of the first open parenthesis */
	unsigned open_count; /* open parentheses */
	bool is_begun, is_quoted, is_escaped, is_comment;
	bool was_cr; /* a line feed that follows belongs to it */
};

void entry_init(struct entry *entry); /* at line 1 */
void entry_clear(struct entry *entry);

/* Reads the next entry, which may have no words.  1; 0 at the end of the file, -EINVAL,
 * -EIO or -ENOMEM. */
int entry_read(struct entry *entry, FILE *from) __attribute__((warn_unused_result));

/* Reads the only entry of a text, which may end with a line end.  0, -EINVAL or
 * -ENOMEM. */
int entry_from_text(struct entry *entry, const char *text)
	__attribute__((warn_unused_result));

/* The line number of a place in the entry's text. */
unsigned entry_line(const struct entry *entry, const char *at);

#endif
