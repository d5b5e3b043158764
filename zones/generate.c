/*
 * $GENERATE (generate.h).
 */
#include "zones/generate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/entry.h"
#include "zones/rdata_parser.h"

enum {
	NUMBER_MAX = 0x7fffffff, /* as in BIND: an int */
	WIDTH_MAX = 127,         /* octets of one number: 64 nibbles and their dots */
	TEXT_MAX = 4 * UINT16_MAX,
};

struct range {
	uint32_t start, stop, step;
};

/* The text of one record, while it is built. */
struct text {
	char *buf; /* TEXT_MAX octets */
	size_t len;
};

struct generator {
	struct range range;
	char owner[PARSER_TOKEN_MAX];
	struct record_head head;
	char *data; /* owned */
	struct text text;
	struct entry entry;
	struct record_state *state;
	struct record_room *room;
	struct parser_error *error;
};

static int refuse(struct generator *g, const char *why)
{
	/* The place of the error is the directive, not the generated text. */
	g->error->at = NULL;
	snprintf(g->error->why, sizeof(g->error->why), "$GENERATE: %s", why);
	return -EINVAL;
}

/* ---- the range ---- */

static bool read_digits(const char **at, uint32_t *ret)
{
	const size_t n = strspn(*at, "0123456789");
	uint64_t v;

	if (!parser_read_number(*at, n, NUMBER_MAX, &v))
		return false;
	*at += n;
	*ret = (uint32_t)v;
	return true;
}

static bool read_range(const char *at, struct range *ret)
{
	ret->step = 1;
	if (!read_digits(&at, &ret->start) || *at++ != '-' ||
		!read_digits(&at, &ret->stop))
		return false;
	if (*at == '/' && (at++, !read_digits(&at, &ret->step)))
		return false;
	return *at == '\0' && ret->step > 0 && ret->start <= ret->stop;
}

/* ---- numbers ---- */

struct format {
	int64_t offset;
	uint32_t width;
	char base;
};

/* "{offset,width,base}"; everything after offset is optional. */
static bool read_format(const char **at, struct format *ret)
{
	const char *p = *at + 1;
	const bool is_negative = *p == '-';
	uint32_t v;

	p += is_negative;
	if (!read_digits(&p, &v))
		return false;
	ret->offset = is_negative ? -(int64_t)v : (int64_t)v;
	if (*p == ',' && (p++, !read_digits(&p, &ret->width)))
		return false;
	if (*p == ',') {
		ret->base = p[1];
		if (!p[1] || !strchr("doxXnN", p[1]))
			return false;
		p += 2;
	}
	if (*p != '}' || ret->width > WIDTH_MAX)
		return false;
	*at = p + 1;
	return true;
}

static void put(struct text *t, const char *octets, size_t n)
{
	if (n >= TEXT_MAX - t->len)
		n = TEXT_MAX - t->len; /* the buffer is full, and the text refused */
	memcpy(t->buf + t->len, octets, n);
	t->len += n;
}

/* width includes the dots. */
static void put_nibbles(struct text *t, uint32_t v, uint32_t width, const char *digits)
{
	for (;;) {
		put(t, &digits[v & 15], 1);
		v >>= 4;
		width -= width > 0;
		if (!width && !v)
			return;
		put(t, ".", 1);
		width -= width > 0;
		if (!width && !v)
			return;
	}
}

static void put_number(struct text *t, uint32_t number, const struct format *format)
{
	const int64_t v = (int64_t)number + format->offset;
	char buf[WIDTH_MAX + 16];
	int n = 0;

	switch (format->base) {
	case 'n':
		put_nibbles(t, (uint32_t)v, format->width, "0123456789abcdef");
		return;
	case 'N':
		put_nibbles(t, (uint32_t)v, format->width, "0123456789ABCDEF");
		return;
	case 'o':
		n = snprintf(buf, sizeof(buf), "%0*o", (int)format->width, (uint32_t)v);
		break;
	case 'x':
		n = snprintf(buf, sizeof(buf), "%0*x", (int)format->width, (uint32_t)v);
		break;
	case 'X':
		n = snprintf(buf, sizeof(buf), "%0*X", (int)format->width, (uint32_t)v);
		break;
	default:
		n = snprintf(
			buf, sizeof(buf), "%0*lld", (int)format->width, (long long)v);
	}
	put(t, buf, (size_t)n);
}

/* ---- one record ---- */

/* Substitutes at a dollar sign. */
static bool substitute(struct text *t, const char **at, uint32_t number)
{
	struct format format = {.base = 'd'};

	++*at;
	if (**at == '$') {
		put(t, "\\$", 2);
		++*at;
		return true;
	}
	if (**at == '{' && !read_format(at, &format))
		return false;
	put_number(t, number, &format);
	return true;
}

/* Copies pattern with number in it; false: bad braces. */
static bool expand(struct text *t, const char *pattern, uint32_t number)
{
	t->len = 0;
	for (const char *p = pattern; *p;) {
		const size_t plain = strcspn(p, "$\\");
		const size_t escape = p[plain] == '\\' ? 1 + (p[plain + 1] != '\0') : 0;

		put(t, p, plain + escape);
		p += plain + escape;
		if (*p == '$' && !escape && !substitute(t, &p, number))
			return false;
	}
	if (t->len < TEXT_MAX)
		t->buf[t->len] = '\0';
	return true;
}

static int expand_or_refuse(struct generator *g, const char *pattern, uint32_t number)
{
	if (!expand(&g->text, pattern, number))
		return refuse(g, "after $ a brace needs {offset,width,base}");
	return g->text.len < TEXT_MAX ? 0 : refuse(g, "too long a record");
}

static int make_record(struct generator *g, uint32_t number, struct rr *ret)
{
	struct parser x = {0};
	int r = expand_or_refuse(g, g->owner, number);

	x.p = g->text.buf;
	if (!r)
		r = record_take_owner(&x, g->state, g->error);
	if (!r)
		r = expand_or_refuse(g, g->data, number);
	if (r)
		return r;
	r = entry_from_text(&g->entry, g->text.buf);
	if (r)
		return r == -EINVAL ? refuse(g, g->entry.why) : r;
	x = (struct parser){.p = g->entry.text};
	return record_take_data(&x, &g->head, g->state, g->room, ret, g->error);
}

/* ---- the directive ---- */

/* Where the string that begins at text ends; NULL: it is not the whole text. */
static const char *find_only_quote(const char *text, size_t len)
{
	for (size_t i = 1; i < len; i++) {
		if (text[i] == '\\')
			i++;
		else if (text[i] == '"')
			return i + 1 == len ? text + i : NULL;
	}
	return NULL;
}

/* Copies without the quotes around the whole text; inside these, quotes were escaped. */
static char *copy_data(const char *text)
{
	size_t len = strlen(text), n = 0;
	char *copy = malloc(len + 1);
	const char *end;

	if (!copy)
		return NULL;
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	end = text[0] == '"' ? find_only_quote(text, len) : NULL;
	if (!end) {
		memcpy(copy, text, len);
		copy[len] = '\0';
		return copy;
	}
	for (const char *p = text + 1; p < end; p++) {
		if (p[0] == '\\' && p[1] == '"')
			p++;
		copy[n++] = *p;
	}
	copy[n] = '\0';
	return copy;
}

static int read_directive(struct generator *g, struct parser *x)
{
	char word[PARSER_TOKEN_MAX];

	parser_take_token(x, word);
	if (!read_range(word, &g->range)) {
		parser_explain(g->error, x->token,
			"a range as 1-254 or 0-254/2, up to 2147483647,");
		return -EINVAL;
	}
	if ((g->range.stop - g->range.start) / g->range.step >= GENERATE_MAX)
		return refuse(g, "more than 1048576 records");
	parser_take_token(x, g->owner);
	if (x->error) {
		parser_explain(g->error, x->token, "an owner name");
		return -EINVAL;
	}
	if (record_take_head(x, &g->head, g->error))
		return -EINVAL;
	g->data = parser_at_end(x) ? NULL : copy_data(x->p);
	if (!g->data)
		return parser_at_end(x) ? refuse(g, "the data is missing") : -ENOMEM;
	g->text.buf = malloc(TEXT_MAX + 1);
	return g->text.buf ? 0 : -ENOMEM;
}

int generate_records(struct parser *x, struct record_state *state,
	struct record_room *room, int (*take)(const struct rr *rr, void *arg), void *arg,
	struct parser_error *ret_error)
{
	struct generator g = {.state = state, .room = room, .error = ret_error};
	const struct record_state before = *state;
	struct rr rr;
	int r;

	entry_init(&g.entry);
	r = read_directive(&g, x);
	for (uint64_t i = g.range.start; !r && i <= g.range.stop; i += g.range.step) {
		r = make_record(&g, (uint32_t)i, &rr);
		if (!r)
			r = take(&rr, arg);
	}
	record_restore_owner(state, &before);
	entry_clear(&g.entry);
	free(g.text.buf);
	free(g.data);
	return r;
}
