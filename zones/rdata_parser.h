/*
 * Inside zones/ only: taking the text of records apart and putting RDATA together, both
 * bounded, with one sticky error as in tsig/wire.h.
 *
 * The text is that of an entry (zones/entry.h): no comments and no parentheses.  In names
 * and numbers an unescaped quote is an error; a string without quotes ends before one.
 * What PowerDNS prints is read as it is: there such octets are part of a name.
 */
#ifndef MUSTER_RDATA_PARSER_H
#define MUSTER_RDATA_PARSER_H

#include "zones/rdata_shape.h"

struct parser {
	const char *p;         /* what has not been read yet */
	const char *token;     /* where what was read last begins; NULL: nothing was */
	const uint8_t *origin; /* NULL: names must be absolute */
	uint8_t *out;          /* RDATA */
	size_t len;            /* octets of it so far */
	size_t cap;            /* octets that may be written */
	int error;             /* 0, -EINVAL, -ENOSPC or -ENOMEM: the first one */
	const char *why;       /* static; NULL: all that is known is where it was */
	const char *expected;  /* static: what belongs at token; NULL: the field */
	bool is_powerdns;      /* the text is PowerDNS' */
};

/* Longest token of a field without quotes, with its zero: a name full of \DDD fits. */
enum { PARSER_TOKEN_MAX = NAME_TEXT_MAX };

void parser_fail(struct parser *x, int error);
void parser_refuse(struct parser *x, const char *why); /* -EINVAL, with a reason */
/* -EINVAL: not what belongs there */
void parser_expect(struct parser *x, const char *expected);

void parser_out_octets(struct parser *x, const void *octets, size_t n);
void parser_out_number(struct parser *x, uint32_t v, unsigned octets);
/* Text of an address of AF_INET or AF_INET6, and of a name. */
void parser_out_address(struct parser *x, int family, const char *text);
void parser_out_name(struct parser *x, const char *text);
/* Fills in the length octet at length_at, which counts what was written after it. */
void parser_close_counted(struct parser *x, size_t length_at);
/* The same, but a string of more than 255 octets becomes several. */
void parser_close_split(struct parser *x, size_t length_at);

bool parser_at_end(struct parser *x); /* skips spaces */
/* Up to the next space that is not escaped; escapes stay.  Empty on error. */
void parser_take_token(struct parser *x, char token[PARSER_TOKEN_MAX]);
/* A string, quoted or not, escapes resolved (RFC 1035 5.1). */
void parser_take_content(struct parser *x);
/* The rest of the text as hex, spaces anywhere between octets. */
void parser_take_hex(struct parser *x);
/* Base64 to the end of the text, or to end; ' ' ends at a space, others skip spaces. */
void parser_take_base64(struct parser *x, char end);
/* One token of base32hex without padding, as a counted string. */
void parser_take_base32hex(struct parser *x);

/* n digits and nothing else, at most 10 of them, at most max. */
bool parser_read_number(const char *text, size_t n, uint64_t max, uint64_t *ret);
int parser_hex_value(char c); /* -1: not a digit */
/* Seconds, or "1w2d3h4m5s"; at most max. */
bool parser_read_duration(const char *text, uint64_t max, uint64_t *ret);

/* Why text was refused, and where in it. */
struct parser_error {
	const char *at;
	char why[RDATA_WHY_MAX];
};

/* The token at token (NULL: none) as it may be shown, and what was expected of it. */
void parser_explain(struct parser_error *ret, const char *token, const char *expected);
/* Instead of a field: behind the last one, and all of them in the form of RFC 3597. */
enum { PARSER_RECORD_END = '$', PARSER_OPAQUE = '#' };
/* Why x could not read this field. */
void parser_explain_field(struct parser_error *ret, const struct parser *x, char field);
/* rdata_from_text for the text of an entry, or of PowerDNS. */
int parser_read_rdata(struct parser *x, uint16_t type, struct parser_error *ret_error);

/* Whole parts of RDATA with a syntax of their own: rdata_parse_own.c. */
void parser_take_loc(struct parser *x);       /* RFC 1876 3, all of it */
void parser_take_apl(struct parser *x);       /* RFC 3123 5, to the end */
void parser_take_svcparams(struct parser *x); /* RFC 9460 2.1, to the end */

#endif
