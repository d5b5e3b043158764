/*
 * Inside zones/ only: reads the text of records and builds RDATA, both bounded, with
 * one sticky error as in tsig/wire.h.
 *
 * The text is that of an entry (zones/entry.h): no comments and no parentheses.  In
 * names and numbers an unescaped quote is an error; a string without quotes ends before
 * one.  In text printed by PowerDNS such octets are part of a name.
 */
#ifndef MUSTER_RDATA_PARSER_H
#define MUSTER_RDATA_PARSER_H

#include "zones/rdata_shape.h"

struct parser {
	const char *p; /* what has not been read yet */
	/* where the last token read begins; NULL: nothing was read */
	const char *token;
	const uint8_t *origin; /* NULL: names must be absolute */
	uint8_t *out;          /* RDATA */
	size_t len;            /* octets of it so far */
	size_t cap;            /* octets that may be written */
	int error;             /* 0, -EINVAL, -ENOSPC or -ENOMEM: the first error */
	const char *why;       /* static; NULL: only the place is known */
	const char *expected;  /* static: what belongs at token; NULL: the field */
	bool is_powerdns;      /* the text is PowerDNS' */
};

/* Longest token of a field without quotes, with its zero: a name full of \DDD fits. */
enum { PARSER_TOKEN_MAX = NAME_TEXT_MAX };

void parser_fail(struct parser *x, int error);
void parser_refuse(struct parser *x, const char *why); /* -EINVAL, with a reason */
/* Sets -EINVAL: something else belongs there. */
void parser_expect(struct parser *x, const char *expected);

void parser_out_octets(struct parser *x, const void *octets, size_t n);
void parser_out_number(struct parser *x, uint32_t v, unsigned octets);
/* Parses the text of an AF_INET or AF_INET6 address, or of a name. */
void parser_out_address(struct parser *x, int family, const char *text);
void parser_out_name(struct parser *x, const char *text);
/* Fills in the length octet at length_at for what was written after it. */
void parser_close_counted(struct parser *x, size_t length_at);
/* The same, but splits a string of more than 255 octets. */
void parser_close_split(struct parser *x, size_t length_at);

bool parser_at_end(struct parser *x); /* skips spaces */
/* Takes everything up to the next unescaped space; keeps escapes.  Empty on error. */
void parser_take_token(struct parser *x, char token[PARSER_TOKEN_MAX]);
/* Takes a string, quoted or not, and resolves escapes (RFC 1035 5.1). */
void parser_take_content(struct parser *x);
/* Takes the rest of the text as hex, with spaces anywhere between octets. */
void parser_take_hex(struct parser *x);
/* Takes base64 up to the end of the text, or up to end; if that is ' ', a space ends
 * it, otherwise spaces are skipped. */
void parser_take_base64(struct parser *x, char end);
/* Takes one token of base32hex without padding, as a counted string. */
void parser_take_base32hex(struct parser *x);

/* Exactly n digits, at most 10 of them, with a value of at most max. */
bool parser_read_number(const char *text, size_t n, uint64_t max, uint64_t *ret);
int parser_hex_value(char c); /* -1: not a digit */
/* Seconds, or "1w2d3h4m5s"; at most max. */
bool parser_read_duration(const char *text, uint64_t max, uint64_t *ret);

/* Why a text was refused, and where in it. */
struct parser_error {
	const char *at;
	char why[RDATA_WHY_MAX];
};

/* Describes the token (NULL: none) in printable form, and what was expected instead. */
void parser_explain(struct parser_error *ret, const char *token, const char *expected);
/* In place of a field: the end of the record, and the form of RFC 3597 as a whole. */
enum { PARSER_RECORD_END = '$', PARSER_OPAQUE = '#' };
/* Explains why x could not read this field. */
void parser_explain_field(struct parser_error *ret, const struct parser *x, char field);
/* rdata_from_text, for the text of an entry or of PowerDNS. */
int parser_read_rdata(struct parser *x, uint16_t type, struct parser_error *ret_error);

/* Parts of RDATA with a syntax of their own: rdata_parse_own.c. */
void parser_take_loc(struct parser *x);       /* RFC 1876 3, all of it */
void parser_take_apl(struct parser *x);       /* RFC 3123 5, to the end */
void parser_take_svcparams(struct parser *x); /* RFC 9460 2.1, to the end */

#endif
