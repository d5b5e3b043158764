/*
 * Octets to entries, one octet at a time (entry.h).
 *
 * Line ends are LF, CRLF or CR.  A quoted string must end on its line, so that a
 * missing quote is reported where it is missing; BIND and NSD have the same rule.
 */
#include "zones/entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_MIN = 512 };

void entry_init(struct entry *entry)
{
	*entry = (struct entry){.line = 1, .next_line = 1};
}

void entry_clear(struct entry *entry)
{
	free(entry->text);
	*entry = (struct entry){0};
}

static int refuse(struct entry *entry, unsigned line, const char *why)
{
	entry->why = why;
	entry->why_line = line;
	return -EINVAL;
}

static int refuse_length(struct entry *entry)
{
	if (entry->open_count)
		return refuse(entry, entry->open_line,
			"the parenthesis that opens here is not closed within 1 MiB");
	return refuse(entry, entry->line, "an entry of more than 1 MiB");
}

/* Makes room for one more octet and the terminating zero. */
static int grow(struct entry *entry)
{
	const size_t room = entry->room ? 2 * entry->room : ROOM_MIN;
	char *text;

	if (entry->len + 1 >= ENTRY_MAX)
		return refuse_length(entry);
	text = realloc(entry->text, room);
	if (!text)
		return -ENOMEM;
	entry->text = text;
	entry->room = room;
	return 0;
}

static inline int put(struct entry *entry, int c)
{
	if (entry->len + 1 >= entry->room) {
		const int r = grow(entry);

		if (r)
			return r;
	}
	entry->text[entry->len++] = (char)c;
	return 0;
}

static int begin(struct entry *entry)
{
	entry->len = 0;
	entry->line = entry->next_line;
	entry->is_indented = false;
	entry->is_begun = entry->is_quoted = entry->is_escaped = false;
	entry->is_comment = false;
	entry->open_count = 0;
	return entry->room ? 0 : grow(entry);
}

/* Returns 1 if the entry is complete. */
static int take_line_end(struct entry *entry)
{
	if (entry->is_quoted)
		return refuse(entry, entry->next_line,
			"a quote is opened and not closed on the same line");
	if (entry->is_escaped)
		return refuse(
			entry, entry->next_line, "a backslash at the end of the line");
	entry->is_comment = false;
	entry->next_line++;
	if (entry->open_count)
		return put(entry, '\n');
	return 1;
}

static int take_parenthesis(struct entry *entry, int c)
{
	if (c == '(') {
		if (entry->open_count++ == 0)
			entry->open_line = entry->next_line;
	} else if (entry->open_count-- == 0) {
		return refuse(entry, entry->next_line,
			"a parenthesis is closed that was not opened");
	}
	return put(entry, ' ');
}

/* Takes an octet outside quotes, escapes and comments. */
static int take_plain(struct entry *entry, int c)
{
	switch (c) {
	case ';':
		entry->is_comment = true;
		return 0;
	case '(':
	case ')':
		return take_parenthesis(entry, c);
	case '\\':
		entry->is_escaped = true;
		return put(entry, c);
	case '"':
		entry->is_quoted = true;
		return put(entry, c);
	default:
		return put(entry, c);
	}
}

/* Returns 1 if the entry is complete, 0 if it goes on. */
static int take(struct entry *entry, int c)
{
	const bool is_second_half = c == '\n' && entry->was_cr;

	entry->was_cr = c == '\r';
	if (is_second_half)
		return 0;
	if (!entry->is_begun) {
		entry->is_begun = true;
		entry->is_indented = c == ' ' || c == '\t';
	}
	if (c == '\n' || c == '\r')
		return take_line_end(entry);
	if (c == '\0')
		return refuse(entry, entry->next_line,
			"a NUL octet: text is ASCII or UTF-8, not UTF-16");
	if (entry->is_comment)
		return 0;
	if (entry->is_escaped) {
		entry->is_escaped = false;
		return put(entry, c);
	}
	if (!entry->is_quoted)
		return take_plain(entry, c);
	if (c == '"')
		entry->is_quoted = false;
	entry->is_escaped = c == '\\';
	return put(entry, c);
}

/* The text ends here, with or without a line end.  Returns 1, or 0 if there was no
 * entry. */
static int take_end(struct entry *entry)
{
	const bool is_open = entry->open_count > 0;
	int r;

	if (!entry->is_begun)
		return 0;
	r = take_line_end(entry);
	if (r < 0)
		return r;
	if (is_open)
		return refuse(entry, entry->open_line,
			"the parenthesis that opens here is never closed");
	return 1;
}

int entry_read(struct entry *entry, FILE *from)
{
	int c, r = begin(entry);

	while (!r) {
		c = getc_unlocked(from);
		if (c != EOF) {
			r = take(entry, c);
			continue;
		}
		if (ferror(from))
			return -EIO;
		r = take_end(entry);
		break;
	}
	if (r >= 0)
		entry->text[entry->len] = '\0';
	return r;
}

int entry_from_text(struct entry *entry, const char *text)
{
	int r = begin(entry);

	while (!r && *text)
		r = take(entry, (unsigned char)*text++);
	if (!r)
		r = take_end(entry);
	if (r < 0)
		return r;
	if (text[strspn(text, "\r\n")])
		return refuse(entry, entry->next_line, "more than one line");
	entry->text[entry->len] = '\0';
	return 0;
}

unsigned entry_line(const struct entry *entry, const char *at)
{
	unsigned line = entry->line;

	for (const char *c = entry->text; c < at; c++)
		line += *c == '\n';
	return line;
}
