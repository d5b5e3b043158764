/*
 * The outermost grammar of zone files (RFC 1035 5.1): which octets make one entry.
 *
 * An entry is a line, or several if parentheses hold them together.  What comes out is
 * text in which comments are gone, and parentheses are spaces; words, quotes and escapes
 * are as they were, and so are the line ends between parentheses, from which the line of
 * any place in it can be told.  Zone files, the lines of agents and every other text of
 * records are read through this one; what PowerDNS gives is not (zones/rdata.h).
 */
#ifndef MUSTER_ENTRY_H
#define MUSTER_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	/* Octets of one entry: 65535 octets of RDATA, each as \DDD or in hex with spaces
	 * between, have room many times over.  A parenthesis that nobody closes does not
	 * take a whole file into memory. */
	ENTRY_MAX = 1 << 20,
};

struct entry {
	char *text; /* ends with a zero; valid until the next entry is read */
	size_t len;
	unsigned line;    /* where it begins, from 1 */
	bool is_indented; /* it begins with a space or tab: no owner */
	/* -EINVAL: what is wrong (a static string), and where. */
	const char *why;
	unsigned why_line;
	/* Below: entry.c's own. */
	size_t room;
	unsigned next_line;  /* that of the next octet */
	unsigned open_line;  /* of the first parenthesis that is open */
	unsigned open_count; /* parentheses that are */
	bool is_begun, is_quoted, is_escaped, is_comment;
	bool was_cr; /* a line feed may follow, and belongs to it */
};

void entry_init(struct entry *entry); /* at line 1 */
void entry_clear(struct entry *entry);

/* The next entry, maybe one without words.  1; 0 at the end of the file, -EINVAL, -EIO or
 * -ENOMEM. */
int entry_read(struct entry *entry, FILE *from) __attribute__((warn_unused_result));

/* The only entry of a text, which may end with a line end.  0, -EINVAL or -ENOMEM. */
int entry_from_text(struct entry *entry, const char *text)
	__attribute__((warn_unused_result));

/* The line of a place in the entry's text. */
unsigned entry_line(const struct entry *entry, const char *at);

#endif
