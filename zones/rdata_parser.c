/*
 * The primitives of the parser: tokens, strings, numbers and the usual encodings.
 */
#include "zones/rdata_parser.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

void parser_fail(struct parser *x, int error)
{
	if (!x->error)
		x->error = error;
}

void parser_refuse(struct parser *x, const char *why)
{
	if (!x->error)
		x->why = why;
	parser_fail(x, -EINVAL);
}

void parser_expect(struct parser *x, const char *expected)
{
	if (!x->error)
		x->expected = expected;
	parser_fail(x, -EINVAL);
}

void parser_out_octets(struct parser *x, const void *octets, size_t n)
{
	if (x->error)
		return;
	if (n > x->cap - x->len) {
		parser_fail(x, -ENOSPC);
		return;
	}
	memcpy(x->out + x->len, octets, n);
	x->len += n;
}

void parser_out_number(struct parser *x, uint32_t v, unsigned octets)
{
	while (octets-- > 0) {
		uint8_t octet = (uint8_t)(v >> 8 * octets);
		parser_out_octets(x, &octet, 1);
	}
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool parser_at_end(struct parser *x)
{
	while (is_space(*x->p))
		x->p++;
	return *x->p == '\0';
}

void parser_take_token(struct parser *x, char token[PARSER_TOKEN_MAX])
{
	size_t n = 0;

	token[0] = '\0';
	if (x->error)
		return;
	if (parser_at_end(x)) {
		x->token = NULL;
		parser_fail(x, -EINVAL);
		return;
	}
	x->token = x->p;
	while (*x->p && !is_space(*x->p)) {
		size_t step = x->p[0] == '\\' && x->p[1] ? 2 : 1;
		if (x->p[0] == '"' && !x->is_powerdns)
			parser_refuse(x, "only a string has quotes");
		if (n + step >= PARSER_TOKEN_MAX)
			parser_refuse(x, "too long a word");
		if (x->error) {
			n = 0;
			break;
		}
		memcpy(token + n, x->p, step);
		n += step;
		x->p += step;
	}
	token[n] = '\0';
}

bool parser_read_number(const char *text, size_t n, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (n == 0 || n > 10)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(text[i]))
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	*ret = v;
	return v <= max;
}

bool parser_read_duration(const char *text, uint64_t max, uint64_t *ret)
{
	static const char UNITS[] = "smhdw";
	static const uint32_t SECONDS[] = {1, 60, 3600, 86400, 604800};
	uint64_t sum = 0, v;

	if (parser_read_number(text, strlen(text), max, ret))
		return true;
	for (const char *p = text; *p || p == text; p++) {
		const size_t n = strspn(p, "0123456789");
		const char *unit = p[n] ? strchr(UNITS, p[n] | 0x20) : NULL;

		if (!unit || !parser_read_number(p, n, UINT32_MAX, &v))
			return false;
		sum += v * SECONDS[unit - UNITS];
		if (sum > max)
			return false;
		p += n;
	}
	*ret = sum;
	return true;
}

void parser_out_address(struct parser *x, int family, const char *text)
{
	uint8_t octets[16];

	if (inet_pton(family, text, octets) != 1)
		parser_fail(x, -EINVAL);
	parser_out_octets(x, octets, family == AF_INET ? 4 : 16);
}

void parser_out_name(struct parser *x, const char *text)
{
	uint8_t name[NAME_MAX_LEN] = {0};

	if (name_from_text(name, text, x->origin))
		parser_fail(x, -EINVAL);
	parser_out_octets(x, name, name_len(name));
}

/* Takes one character of a string, resolving escapes (RFC 1035 5.1).  -1: bad escape or
 * end. */
static int take_character(struct parser *x)
{
	const char *p = x->p;

	if (p[0] == '\0')
		return -1;
	if (p[0] != '\\') {
		x->p++;
		return (uint8_t)p[0];
	}
	if (p[1] == '\0')
		return -1;
	if (!is_digit(p[1])) {
		x->p += 2;
		return (uint8_t)p[1];
	}
	if (!is_digit(p[2]) || !is_digit(p[3]))
		return -1;
	x->p += 4;
	int v = (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0');
	return v <= 255 ? v : -1;
}

static bool has_character(const struct parser *x, bool is_quoted)
{
	if (is_quoted)
		return *x->p != '"';
	return *x->p && !is_space(*x->p) && (*x->p != '"' || x->is_powerdns);
}

void parser_take_content(struct parser *x)
{
	if (x->error)
		return;
	if (parser_at_end(x)) {
		x->token = NULL;
		parser_fail(x, -EINVAL);
		return;
	}
	bool quoted = *x->p == '"';
	x->token = x->p;
	x->p += quoted;
	while (!x->error && has_character(x, quoted)) {
		const char *at = x->p;
		int c = take_character(x);
		if (c < 0)
			parser_refuse(x,
				*at ? "a bad escape: \\X, or \\DDD up to \\255"
				    : "a quote is not closed");
		parser_out_number(x, (uint32_t)c, 1);
	}
	if (quoted && !x->error) {
		x->p++;
		/* In a zone file "a""b" is two strings. */
		if (*x->p && !is_space(*x->p) && x->is_powerdns)
			parser_fail(x, -EINVAL);
	}
}

void parser_close_counted(struct parser *x, size_t length_at)
{
	size_t n = x->len - length_at - 1;

	if (x->error)
		return;
	if (n > 255)
		parser_refuse(x, "more than 255 octets");
	x->out[length_at] = (uint8_t)n;
}

void parser_close_split(struct parser *x, size_t length_at)
{
	size_t n = x->len - length_at - 1;

	for (; !x->error && n > 255; n -= 255) {
		const size_t next = length_at + 256;

		parser_out_number(x, 0, 1);
		if (x->error)
			return;
		memmove(x->out + next + 1, x->out + next, x->len - 1 - next);
		x->out[length_at] = 255;
		length_at = next;
	}
	parser_close_counted(x, length_at);
}

int parser_hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void parser_take_hex(struct parser *x)
{
	int high = -1;

	while (!x->error && !parser_at_end(x)) {
		int v = parser_hex_value(*x->p++);
		if (v < 0)
			parser_fail(x, -EINVAL);
		else if (high >= 0)
			parser_out_number(x, (uint32_t)(high << 4 | v), 1);
		high = high < 0 ? v : -1;
	}
	if (high >= 0)
		parser_fail(x, -EINVAL);
}

static int base64_value(char c)
{
	static const char DIGITS[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c ? strchr(DIGITS, c) : NULL;

	return found ? (int)(found - DIGITS) : -1;
}

/* Is there more before the end mark?  If the mark is a space, a space ends it;
 * otherwise spaces are skipped. */
static bool has_more(struct parser *x, char end)
{
	if (end == ' ')
		return *x->p && !is_space(*x->p);
	return !parser_at_end(x) && *x->p != end;
}

/* RFC 4648 4; the bits left unused by padding must be zero. */
void parser_take_base64(struct parser *x, char end)
{
	unsigned digits = 0, padding = 0;
	uint32_t pool = 0;

	while (!x->error && has_more(x, end)) {
		char c = *x->p++;
		int v = base64_value(c);
		if (c == '=' ? ++padding > 2 : v < 0 || padding > 0) {
			parser_fail(x, -EINVAL);
			return;
		}
		pool = pool << 6 | (uint32_t)(c == '=' ? 0 : v);
		if (++digits % 4 != 0)
			continue;
		if ((pool & 0xffffff & ((1u << padding * 8) - 1)) != 0)
			parser_fail(x, -EINVAL);
		parser_out_number(x, pool >> padding * 8, 3 - padding);
		pool = 0;
	}
	if (digits % 4 != 0)
		parser_fail(x, -EINVAL);
}

static int base32hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'v' ? c - 'a' + 10 : -1;
}

void parser_take_base32hex(struct parser *x)
{
	char token[PARSER_TOKEN_MAX];
	size_t length_at = x->len;
	unsigned held = 0;
	uint32_t pool = 0;

	parser_take_token(x, token);
	parser_out_number(x, 0, 1);
	for (const char *p = token; *p; p++) {
		int v = base32hex_value(*p);
		if (v < 0)
			parser_fail(x, -EINVAL);
		pool = (pool << 5 | (uint32_t)v) & 0xffff;
		held += 5;
		if (held >= 8) {
			held -= 8;
			parser_out_number(x, pool >> held & 0xff, 1);
		}
	}
	if (held >= 5 || (pool & ((1u << held) - 1)) != 0)
		parser_fail(x, -EINVAL);
	parser_close_counted(x, length_at);
}
