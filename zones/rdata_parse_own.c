/*
 * Parses types with their own text syntax: LOC, APL and SvcParams.
 *
 * Checks the syntax; rdata_is_valid judges the values.
 */
#include "zones/rdata_parser.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* "digits[.digits]" in units of 10^-places, with no further digits; false: it is
 * something else. */
static bool read_decimal(const char *text, size_t n, unsigned places, uint64_t *ret)
{
	const char *dot = memchr(text, '.', n);
	size_t whole = dot ? (size_t)(dot - text) : n;
	size_t fraction = dot ? n - whole - 1 : 0;
	uint64_t v, part = 0;

	if (!parser_read_number(text, whole, UINT32_MAX, &v) || fraction > places)
		return false;
	if (fraction > 0 && !parser_read_number(dot + 1, fraction, UINT32_MAX, &part))
		return false;
	for (size_t i = 0; i < places; i++)
		v *= 10;
	for (size_t i = fraction; i < places; i++)
		part *= 10;
	*ret = v + part;
	return true;
}

/* Degrees, minutes, thousandths of seconds.  PowerDNS rounds, and prints 8 60.000 for 9
 * minutes. */
static uint64_t most_of_part(const struct parser *x, unsigned part)
{
	if (part < 2)
		return part == 0 ? 180 : 59;
	return x->is_powerdns ? 60000 : 59999;
}

/* Degrees [minutes [seconds[.fraction]]] N|S or E|W. */
static void take_angle(struct parser *x, char positive, char negative, uint64_t most)
{
	static const uint32_t UNITS[] = {3600000, 60000, 1};
	const uint32_t zero = UINT32_C(1) << 31;
	char token[PARSER_TOKEN_MAX];
	uint64_t angle = 0, v = 0;

	for (unsigned i = 0; i < 4; i++) {
		parser_take_token(x, token);
		char c = token[0] & ~0x20;
		if (x->error)
			return;
		if (i > 0 && token[1] == '\0' && (c == positive || c == negative)) {
			uint32_t a = (uint32_t)angle;
			if (angle > most * UNITS[0])
				parser_fail(x, -EINVAL);
			parser_out_number(x, c == positive ? zero + a : zero - a, 4);
			return;
		}
		if (i == 3 || !read_decimal(token, strlen(token), i == 2 ? 3 : 0, &v) ||
			v > most_of_part(x, i))
			break;
		angle += v * UNITS[i];
	}
	parser_fail(x, -EINVAL);
}

/* Metres, with or without "m", in centimetres. */
static bool take_metres(struct parser *x, int64_t *ret_cm)
{
	char token[PARSER_TOKEN_MAX];
	uint64_t v;

	parser_take_token(x, token);
	bool is_negative = token[0] == '-';
	const char *text = token + is_negative;
	size_t n = strlen(text);
	if (n > 0 && (text[n - 1] == 'm' || text[n - 1] == 'M'))
		n--;
	if (!read_decimal(text, n, 2, &v)) {
		parser_fail(x, -EINVAL);
		return false;
	}
	*ret_cm = is_negative ? -(int64_t)v : (int64_t)v;
	return true;
}

/* Centimetres as mantissa and exponent, rounded down (RFC 1876 2); PowerDNS accepts
 * values above the largest, and rounds those too. */
static void take_precision(struct parser *x, uint8_t *ret)
{
	const int64_t most_cm = INT64_C(9000000000);
	unsigned exponent = 0;
	int64_t cm;

	if (parser_at_end(x) || !take_metres(x, &cm))
		return;
	if (cm < 0 || (cm > most_cm && !x->is_powerdns)) {
		parser_expect(x, "a size or precision from 0 to 90000000.00m");
		return;
	}
	for (; cm >= 10; cm /= 10)
		exponent++;
	if (exponent > 9) {
		parser_fail(x, -EINVAL);
		return;
	}
	*ret = (uint8_t)(cm << 4 | exponent);
}

void parser_take_loc(struct parser *x)
{
	enum { ALTITUDE_BASE_CM = 10000000 };
	uint8_t head[] = {0, 0x12, 0x16, 0x13}; /* version; 1 m, 10 km, 10 m */
	size_t start = x->len;
	int64_t altitude = 0;

	parser_out_octets(x, head, sizeof(head));
	take_angle(x, 'N', 'S', 90);
	take_angle(x, 'E', 'W', 180);
	if (!x->error && take_metres(x, &altitude))
		altitude += ALTITUDE_BASE_CM;
	if (altitude < 0 || altitude > UINT32_MAX)
		parser_expect(x, "an altitude from -100000.00m to 42849672.95m");
	parser_out_number(x, (uint32_t)altitude, 4);
	for (unsigned i = 1; i <= 3 && !x->error; i++)
		take_precision(x, &head[i]);
	if (!x->error)
		memcpy(x->out + start, head, sizeof(head));
}

static void out_apl_item(struct parser *x, char *token)
{
	bool is_negated = token[0] == '!';
	char *family_text = token + is_negated;
	char *address = strchr(family_text, ':');
	char *slash = strchr(family_text, '/');
	uint64_t family, prefix;

	if (!address || !slash || slash < address ||
		!parser_read_number(
			family_text, (size_t)(address - family_text), 2, &family) ||
		!parser_read_number(slash + 1, strlen(slash + 1), 128, &prefix) ||
		family == 0) {
		parser_fail(x, -EINVAL);
		return;
	}
	*slash = '\0';
	parser_out_number(x, (uint32_t)family, 2);
	parser_out_number(x, (uint32_t)prefix, 1);
	size_t length_at = x->len;
	parser_out_number(x, 0, 1);
	parser_out_address(x, family == 1 ? AF_INET : AF_INET6, address + 1);
	if (x->error)
		return;
	/* RFC 3123 4: trailing zero octets are not sent. */
	while (x->len > length_at + 1 && x->out[x->len - 1] == 0)
		x->len--;
	parser_close_counted(x, length_at);
	x->out[length_at] |= is_negated ? 0x80 : 0;
}

void parser_take_apl(struct parser *x)
{
	char token[PARSER_TOKEN_MAX];

	while (!x->error && !parser_at_end(x)) {
		parser_take_token(x, token);
		out_apl_item(x, token);
	}
}

/* ---- SvcParams ---- */

enum { SVCB_KEYS = 8 };
static const char *const KEYS[SVCB_KEYS] = {"mandatory", "alpn", "no-default-alpn",
	"port", "ipv4hint", "ech", "ipv6hint", "dohpath"};

/* -1: unknown key. */
static int key_from_text(const char *text, size_t n)
{
	uint64_t v;

	for (int i = 0; i < SVCB_KEYS; i++)
		if (strlen(KEYS[i]) == n && strncasecmp(KEYS[i], text, n) == 0)
			return i;
	if (n < 4 || strncasecmp(text, "key", 3) != 0)
		return -1;
	return parser_read_number(text + 3, n - 3, UINT16_MAX, &v) ? (int)v : -1;
}

static void out_alpn(struct parser *x, const char *list, size_t n)
{
	size_t length_at = x->len;

	parser_out_number(x, 0, 1);
	for (size_t i = 0; i < n; i++) {
		char c = list[i];
		if (c == ',') {
			parser_close_counted(x, length_at);
			length_at = x->len;
			parser_out_number(x, 0, 1);
			continue;
		}
		/* RFC 9460 A.1: only these two characters are escaped in a list. */
		if (c == '\\' && (++i == n || (list[i] != ',' && list[i] != '\\')))
			parser_fail(x, -EINVAL);
		if (!x->error)
			parser_out_octets(x, list + i, 1);
	}
	parser_close_counted(x, length_at);
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, 2);
}

/* Writes one item of mandatory, ipv4hint or ipv6hint. */
static void out_item(struct parser *x, int key, const char *item, size_t n)
{
	char text[INET6_ADDRSTRLEN];

	if (n >= sizeof(text) || memchr(item, '\0', n)) {
		parser_fail(x, -EINVAL);
		return;
	}
	memcpy(text, item, n);
	text[n] = '\0';
	if (key != 0) {
		parser_out_address(x, key == 4 ? AF_INET : AF_INET6, text);
		return;
	}
	int named = key_from_text(text, n);
	if (named < 0)
		parser_fail(x, -EINVAL);
	parser_out_number(x, (uint32_t)named, 2);
}

static void out_list(struct parser *x, int key, const char *list, size_t n)
{
	size_t start = x->len;

	for (size_t at = 0; at <= n && !x->error;) {
		const char *comma = memchr(list + at, ',', n - at);
		size_t item = comma ? (size_t)(comma - list) - at : n - at;
		out_item(x, key, list + at, item);
		at += item + 1;
	}
	if (key == 0 && !x->error)
		qsort(x->out + start, (x->len - start) / 2, 2, compare_keys);
}

/* RFC 9460 2.1: the value of keyN is plain octets, even if N has a name and a syntax. */
static bool is_numeric_key(const char *text)
{
	return strncasecmp(text, "key", 3) == 0;
}

/* value has no escapes any more. */
static void out_value(struct parser *x, int key, const char *value, size_t n)
{
	struct parser sub;
	uint64_t port = 0;

	switch (key) {
	case 0:
	case 4:
	case 6:
		out_list(x, key, value, n);
		break;
	case 1:
		out_alpn(x, value, n);
		break;
	case 3:
		if (!parser_read_number(value, n, UINT16_MAX, &port))
			parser_fail(x, -EINVAL);
		parser_out_number(x, (uint32_t)port, 2);
		break;
	case 5:
		sub = *x;
		sub.p = value;
		if (memchr(value, '\0', n))
			parser_fail(&sub, -EINVAL);
		parser_take_base64(&sub, '\0');
		x->len = sub.len;
		x->error = sub.error;
		break;
	default:
		parser_out_octets(x, value, n);
	}
}

/* Reads what follows "key=" into scratch and resolves escapes; returns its octets. */
static size_t take_value(struct parser *x, char *scratch, size_t cap)
{
	struct parser sub = {.p = x->p,
		.out = (uint8_t *)scratch,
		.cap = cap,
		.is_powerdns = x->is_powerdns};

	if (*x->p && !strchr(" \t\r\n", *x->p))
		parser_take_content(&sub);
	x->p = sub.p;
	if (sub.error)
		parser_fail(x, sub.error);
	scratch[sub.len] = '\0';
	return sub.len;
}

/* Moves the parameter that begins at last to where its key belongs. */
static void sort_in(struct parser *x, size_t start, size_t last, char *scratch)
{
	unsigned key = rdata_u16(x->out + last);
	size_t at = start, n = x->len - last;

	while (at < last && rdata_u16(x->out + at) < key)
		at += 4 + rdata_u16(x->out + at + 2);
	if (at == last)
		return;
	if (rdata_u16(x->out + at) == key) {
		parser_fail(x, -EINVAL); /* RFC 9460 2.1: each key once */
		return;
	}
	memcpy(scratch, x->out + last, n);
	memmove(x->out + at + n, x->out + at, last - at);
	memcpy(x->out + at, scratch, n);
}

/* Takes one "key" or "key=value"; returns the key, -1 on error. */
static int take_param(struct parser *x, char *scratch, size_t cap)
{
	size_t n = strcspn(x->p, "= \t\r\n"), value_at = x->len + 4;
	int key = key_from_text(x->p, n);
	const bool is_octets = is_numeric_key(x->p);
	size_t value_len = 0;

	x->token = x->p;
	x->p += n;
	bool has_value = *x->p == '=';
	if (has_value) {
		x->p++;
		value_len = take_value(x, scratch, cap);
	}
	if (key < 0 || (key == 2 && value_len > 0) ||
		(key < SVCB_KEYS && key != 2 && !has_value)) {
		parser_fail(x, -EINVAL);
		return -1;
	}
	parser_out_number(x, (uint32_t)key, 2);
	parser_out_number(x, 0, 2);
	if (is_octets)
		parser_out_octets(x, scratch, value_len);
	else if (value_len > 0)
		out_value(x, key, scratch, value_len);
	if (!x->error && x->len - value_at > UINT16_MAX)
		parser_fail(x, -ENOSPC);
	if (x->error)
		return -1;
	x->out[value_at - 2] = (uint8_t)((x->len - value_at) >> 8);
	x->out[value_at - 1] = (uint8_t)(x->len - value_at);
	return key;
}

void parser_take_svcparams(struct parser *x)
{
	/* Also has room for one whole parameter while it is moved: text is never
	 * shorter than half of its octets, except for addresses ("::" is 16 octets). */
	size_t start = x->len, cap = 16 * strlen(x->p) + 64;
	int highest = -1;

	if (x->error || parser_at_end(x))
		return;
	char *scratch = malloc(cap);
	if (!scratch) {
		parser_fail(x, -ENOMEM);
		return;
	}
	while (!x->error && !parser_at_end(x)) {
		size_t last = x->len;
		int key = take_param(x, scratch, cap - 1);
		if (key < 0)
			break;
		if (key > highest)
			highest = key;
		else
			sort_in(x, start, last, scratch);
	}
	free(scratch);
}
