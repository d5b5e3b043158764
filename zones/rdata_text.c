/*
 * RDATA to text, field by field.
 *
 * ldns is not used, because it prints some RDATA so that it reads back as something
 * else, and because PowerDNS accepts only text that, apart from case, equals what it
 * would print itself.  Where zone files and PowerDNS differ, rdata_to_text gives what a
 * zone file needs and rdata_to_text_powerdns what PowerDNS 4.7 needs:
 *
 *   - names: PowerDNS escapes only dots and backslashes, a zone file also quotes,
 *     semicolons, parentheses, @ and $;
 *   - IPSECKEY without a gateway: "." in a zone file (RFC 4025 3.1), nothing in PowerDNS.
 *
 * Both use \# for types for which PowerDNS has no other form; zone files allow it for
 * every type (RFC 3597 5).  An AAAA never ends in dotted IPv4, which PowerDNS would
 * refuse.
 */
#include "zones/rdata_shape.h"
#include "zones/verbatim.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text that grows; after a failed allocation nothing more is written. */
struct text {
	char *buf;
	size_t len;
	size_t cap;
	bool failed;
	bool for_powerdns;
};

static void put_octets(struct text *t, const char *s, size_t n)
{
	if (t->failed)
		return;
	if (t->cap - t->len <= n) {
		size_t cap = (t->len + n + 1) * 2;
		char *grown = realloc(t->buf, cap);
		if (!grown) {
			t->failed = true;
			return;
		}
		t->buf = grown;
		t->cap = cap;
	}
	memcpy(t->buf + t->len, s, n);
	t->len += n;
	t->buf[t->len] = '\0';
}

static void put(struct text *t, const char *s)
{
	put_octets(t, s, strlen(s));
}

static void put_char(struct text *t, char c)
{
	put_octets(t, &c, 1);
}

/* For short output only: numbers. */
static void put_format(struct text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void put_format(struct text *t, const char *format, ...)
{
	char buf[64];
	va_list args;

	va_start(args, format);
	vsnprintf(buf, sizeof(buf), format, args);
	va_end(args);
	put(t, buf);
}

/* \DDD, RFC 1035 5.1. */
static void put_decimal(struct text *t, uint8_t c)
{
	char s[] = {'\\', (char)('0' + c / 100), (char)('0' + c / 10 % 10),
		(char)('0' + c % 10)};

	put_octets(t, s, sizeof(s));
}

static void put_quoted(struct text *t, const uint8_t *p, size_t len)
{
	put_char(t, '"');
	for (size_t i = 0; i < len; i++) {
		if (p[i] < 0x20 || p[i] > 0x7e) {
			put_decimal(t, p[i]);
			continue;
		}
		if (p[i] == '"' || p[i] == '\\')
			put_char(t, '\\');
		put_char(t, (char)p[i]);
	}
	put_char(t, '"');
}

static void put_name_powerdns(struct text *t, const uint8_t *name)
{
	if (name[0] == 0)
		put_char(t, '.');
	for (; name[0]; name += 1 + name[0]) {
		for (unsigned i = 1; i <= name[0]; i++) {
			if (name[i] <= 0x20 || name[i] > 0x7e) {
				put_decimal(t, name[i]);
				continue;
			}
			if (name[i] == '.' || name[i] == '\\')
				put_char(t, '\\');
			put_char(t, (char)name[i]);
		}
		put_char(t, '.');
	}
}

static void put_name(struct text *t, const uint8_t *name)
{
	char buf[NAME_TEXT_MAX];

	if (t->for_powerdns)
		put_name_powerdns(t, name);
	else
		put(t, name_to_text(name, buf));
}

static void put_hex(struct text *t, const uint8_t *p, size_t len)
{
	static const char DIGITS[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		char s[] = {DIGITS[p[i] >> 4], DIGITS[p[i] & 15]};
		put_octets(t, s, 2);
	}
}

/* Groups of bits as digits: base64 and base32hex (RFC 4648 4, 7). */
static void put_base(
	struct text *t, const char *digits, unsigned bits, const uint8_t *p, size_t len)
{
	unsigned held = 0;
	uint32_t pool = 0;

	for (size_t i = 0; i < len; i++) {
		pool = (pool << 8 | p[i]) & 0xffff;
		for (held += 8; held >= bits; held -= bits)
			put_char(t, digits[pool >> (held - bits) & ((1u << bits) - 1)]);
	}
	if (held > 0)
		put_char(t, digits[pool << (bits - held) & ((1u << bits) - 1)]);
}

static void put_base64(struct text *t, const uint8_t *p, size_t len)
{
	put_base(t, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 6,
		p, len);
	put(t, len % 3 == 1 ? "==" : len % 3 == 2 ? "=" : "");
}

/* Without padding, RFC 5155 3.3. */
static void put_base32hex(struct text *t, const uint8_t *p, size_t len)
{
	put_base(t, "0123456789abcdefghijklmnopqrstuv", 5, p, len);
}

static void put_ipv4(struct text *t, const uint8_t *p)
{
	put_format(t, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
}

static void put_ipv6(struct text *t, const uint8_t *p)
{
	char buf[INET6_ADDRSTRLEN];

	put(t, inet_ntop(AF_INET6, p, buf, sizeof(buf)));
}

/* Like inet_ntop, which ends mapped and compatible addresses in dotted IPv4. */
static void put_aaaa(struct text *t, const uint8_t *p)
{
	static const uint8_t ZERO[10];
	bool is_mapped = memcmp(p, ZERO, 10) == 0 && p[10] == 0xff && p[11] == 0xff;
	bool is_compatible = memcmp(p, ZERO, 10) == 0 && rdata_u16(p + 10) == 0 &&
		rdata_u16(p + 12) != 0;

	if (is_mapped || is_compatible)
		put_format(t, is_mapped ? "::ffff:%x:%x" : "::%x:%x", rdata_u16(p + 12),
			rdata_u16(p + 14));
	else
		put_ipv6(t, p);
}

/* YYYYMMDDHHMMSS, RFC 4034 3.2, computed with years that begin in March. */
static void put_time(struct text *t, uint32_t time)
{
	uint32_t days = time / 86400, second = time % 86400;
	uint32_t z = days + 719468, era = z / 146097, day_of_era = z % 146097;
	uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
				       day_of_era / 146096) /
		365;
	uint32_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint32_t march_month = (5 * day_of_year + 2) / 153;
	uint32_t day = day_of_year - (153 * march_month + 2) / 5 + 1;
	uint32_t month = march_month < 10 ? march_month + 3 : march_month - 9;
	uint32_t year = year_of_era + era * 400 + (month <= 2);

	put_format(t, "%04" PRIu32 "%02" PRIu32 "%02" PRIu32, year, month, day);
	put_format(t, "%02" PRIu32 "%02" PRIu32 "%02" PRIu32, second / 3600,
		second / 60 % 60, second % 60);
}

/* TYPE19 rather than X25, which PowerDNS does not know. */
static void put_type(struct text *t, uint16_t type)
{
	char buf[RDATA_TYPE_NAME_MAX];

	put(t, rdata_type_name_powerdns(type, buf));
}

static void put_bitmap(struct text *t, const uint8_t *p, size_t len)
{
	const char *space = "";

	for (size_t at = 0; at < len; at += 2u + p[at + 1]) {
		for (unsigned bit = 0; bit < p[at + 1] * 8u; bit++) {
			if (!(p[at + 2 + bit / 8] & 0x80 >> bit % 8))
				continue;
			put(t, space);
			put_type(t, (uint16_t)(p[at] << 8 | bit));
			space = " ";
		}
	}
}

static void put_strings(struct text *t, const uint8_t *p, size_t len)
{
	for (size_t at = 0; at < len; at += 1u + p[at]) {
		put(t, at > 0 ? " " : "");
		put_quoted(t, p + at + 1, p[at]);
	}
}

static void put_groups(
	struct text *t, const uint8_t *p, size_t len, unsigned group, char sep)
{
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && i % group == 0)
			put_char(t, sep);
		put_hex(t, p + i, 1);
	}
}

/* PowerDNS computes in floating point, and accepts only its own result: 60 8 60.000 for
 * 60 9 0. */
static void put_angle_powerdns(
	struct text *t, uint32_t angle, char positive, char negative)
{
	const double degrees = (int32_t)(angle - (UINT32_C(1) << 31)) / 3600000.0;
	const double minutes = 60.0 * (degrees - (int)degrees);
	const double seconds = (minutes - (int)minutes) * 60.0;

	put_format(t, "%d %d ", abs((int)degrees), abs((int)minutes));
	put_format(t, "%.3f %c ", seconds < 0 ? -seconds : seconds,
		degrees > 0 ? positive : negative);
}

/* Degrees, minutes, seconds; PowerDNS counts the zero meridian as W and the equator as
 * S. */
static void put_angle(struct text *t, uint32_t angle, char positive, char negative)
{
	const uint32_t zero = UINT32_C(1) << 31;
	uint32_t v = angle > zero ? angle - zero : zero - angle;

	if (t->for_powerdns) {
		put_angle_powerdns(t, angle, positive, negative);
		return;
	}
	put_format(t, "%" PRIu32 " %" PRIu32 " ", v / 3600000, v / 60000 % 60);
	put_format(t, "%" PRIu32 ".%03" PRIu32 " %c ", v / 1000 % 60, v % 1000,
		angle > zero ? positive : negative);
}

static void put_metres(struct text *t, int64_t cm)
{
	uint64_t v = (uint64_t)(cm < 0 ? -cm : cm);

	put_format(
		t, "%s%" PRIu64 ".%02" PRIu64 "m", cm < 0 ? "-" : "", v / 100, v % 100);
}

/* RFC 1876 3; p is where LOC begins. */
static void put_loc(struct text *t, const uint8_t *p)
{
	enum { ALTITUDE_BASE_CM = 10000000 };

	put_angle(t, rdata_u32(p + 4), 'N', 'S');
	put_angle(t, rdata_u32(p + 8), 'E', 'W');
	put_metres(t, (int64_t)rdata_u32(p + 12) - ALTITUDE_BASE_CM);
	for (unsigned i = 1; i <= 3; i++) {
		int64_t cm = p[i] >> 4;
		for (unsigned exponent = p[i] & 15; exponent > 0; exponent--)
			cm *= 10;
		put_char(t, ' ');
		put_metres(t, cm);
	}
}

/* [!]family:address/prefix, RFC 3123 5. */
static void put_apl(struct text *t, const uint8_t *p, size_t len)
{
	for (size_t at = 0; at < len; at += 4u + (p[at + 3] & 0x7f)) {
		uint8_t address[16] = {0};
		unsigned family = rdata_u16(p + at);
		put(t, at > 0 ? " " : "");
		put(t, p[at + 3] & 0x80 ? "!" : "");
		put_format(t, "%u:", family);
		memcpy(address, p + at + 4, p[at + 3] & 0x7f);
		if (family == 1)
			put_ipv4(t, address);
		else
			put_ipv6(t, address);
		put_format(t, "/%u", p[at + 2]);
	}
}

static void put_svcb_key(struct text *t, unsigned key)
{
	/* dohpath is written as key7, the only form accepted by both PowerDNS 4.7 and
	 * BIND 9.18. */
	static const char *const KEYS[] = {"mandatory", "alpn", "no-default-alpn", "port",
		"ipv4hint", "ech", "ipv6hint"};

	if (key < sizeof(KEYS) / sizeof(*KEYS))
		put(t, KEYS[key]);
	else
		put_format(t, "key%u", key);
}

static bool needs_quotes(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] <= 0x20 || p[i] > 0x7e || strchr("\"();", p[i]))
			return true;
	return false;
}

/*
 * RFC 9460 A.1: a list in a character-string.  Commas and backslashes of an item are
 * escaped for the list, and these backslashes are escaped again for the string.
 */
static void put_alpn_octet(struct text *t, uint8_t c)
{
	if (c == ',')
		put(t, "\\\\,");
	else if (c == '\\')
		put(t, "\\\\\\\\");
	else if (c == '"')
		put(t, "\\\"");
	else if (c < 0x20 || c > 0x7e)
		put_decimal(t, c);
	else
		put_char(t, (char)c);
}

static void put_alpn(struct text *t, const uint8_t *p, size_t len)
{
	const char *quote = "";

	for (size_t at = 0; at < len; at += 1u + p[at])
		if (needs_quotes(p + at + 1, p[at]))
			quote = "\"";
	put(t, quote);
	for (size_t at = 0; at < len; at += 1u + p[at]) {
		put(t, at > 0 ? "," : "");
		for (unsigned i = 1; i <= p[at]; i++)
			put_alpn_octet(t, p[at + i]);
	}
	put(t, quote);
}

static void put_svcb_value(struct text *t, unsigned key, const uint8_t *p, size_t len)
{
	switch (key) {
	case 0:
		for (size_t at = 0; at < len; at += 2) {
			put(t, at > 0 ? "," : "");
			put_svcb_key(t, rdata_u16(p + at));
		}
		return;
	case 1:
		put_alpn(t, p, len);
		return;
	case 3:
		put_format(t, "%u", rdata_u16(p));
		return;
	case 4:
		for (size_t at = 0; at < len; at += 4) {
			put(t, at > 0 ? "," : "");
			put_ipv4(t, p + at);
		}
		return;
	case 5:
		put_char(t, '"');
		put_base64(t, p, len);
		put_char(t, '"');
		return;
	case 6:
		for (size_t at = 0; at < len; at += 16) {
			put(t, at > 0 ? "," : "");
			put_ipv6(t, p + at);
		}
		return;
	default:
		put_quoted(t, p, len);
	}
}

static void put_svcparams(struct text *t, const uint8_t *p, size_t len)
{
	for (size_t at = 0; at < len; at += 4 + rdata_u16(p + at + 2)) {
		unsigned key = rdata_u16(p + at);
		put(t, at > 0 ? " " : "");
		put_svcb_key(t, key);
		if (key == 2)
			continue;
		put_char(t, '=');
		put_svcb_value(t, key, p + at + 4, rdata_u16(p + at + 2));
	}
}

/* RFC 4025 3.1; kind 0 is a dot. */
static void put_gateway(struct text *t, unsigned kind, const uint8_t *p)
{
	if (kind == 1)
		put_ipv4(t, p);
	else if (kind == 2)
		put_ipv6(t, p);
	else if (kind == 3)
		put_name(t, p);
	else if (!t->for_powerdns)
		put_char(t, '.');
}

static void put_number(struct text *t, char field, const uint8_t *p)
{
	if (strchr("1GJk", field))
		put_format(t, "%u", p[0]);
	else if (field == '2' || field == 'K')
		put_format(t, "%u", rdata_u16(p));
	else
		put_format(t, "%" PRIu32, rdata_u32(p));
}

/* Writes fields whose length does not depend on the end of the RDATA; false: not such a
 * field. */
static bool put_one(struct text *t, char field, const uint8_t *rdata, const uint8_t *p)
{
	switch (field) {
	case '1':
	case '2':
	case '4':
	case 'd':
	case 'G':
	case 'J':
	case 'K':
	case 'k':
		put_number(t, field, p);
		return true;
	case 't':
		put_type(t, (uint16_t)rdata_u16(p));
		return true;
	case 'T':
		put_time(t, rdata_u32(p));
		return true;
	case 'a':
		put_ipv4(t, p);
		return true;
	case 'A':
		put_aaaa(t, p);
		return true;
	case 'C':
	case 'D':
	case 'F':
	case 'N':
		put_name(t, p);
		return true;
	case 'c':
		put_octets(t, (const char *)p + 1, p[0]);
		return true;
	case 'h':
		put_hex(t, p + 1, p[0]);
		put(t, p[0] == 0 ? "-" : "");
		return true;
	case 'H':
		put_base32hex(t, p + 1, p[0]);
		return true;
	case 'g':
		put_gateway(t, rdata[1] & 0x7f, p);
		return true;
	default:
		return false;
	}
}

static void put_several(struct text *t, char field, const uint8_t *p, size_t len)
{
	switch (field) {
	case 's':
	case 'S':
		put_strings(t, p, len);
		break;
	case 'E':
	case 'e':
		put_groups(t, p, len, 1, '-');
		break;
	case 'i':
		put_groups(t, p, len, 2, ':');
		break;
	case 'w':
	case 'W':
		put_bitmap(t, p, len);
		break;
	case 'p':
		put_apl(t, p, len);
		break;
	case 'P':
		put_svcparams(t, p, len);
		break;
	case 'X':
		put_hex(t, p, len);
		break;
	case 'b':
	case 'B':
		put_base64(t, p, len);
		break;
	default: /* q Q; the others belong to types that are written as \# */
		put_quoted(t, p, len);
	}
}

static void put_fields(
	struct text *t, const struct rdata_shape *shape, const uint8_t *rdata, size_t len)
{
	size_t at = 0;

	for (const char *f = shape->fields; *f; f++) {
		int n = rdata_field_len(*f, rdata, rdata + at, len - at);
		size_t before = t->len;
		if (before > 0 && t->buf[before - 1] != ' ')
			put_char(t, ' ');
		if (!put_one(t, *f, rdata, rdata + at))
			put_several(t, *f, rdata + at, (size_t)n);
		at += (size_t)n;
	}
	/* Empty fields leave their spaces at the end. */
	while (t->len > 0 && t->buf[t->len - 1] == ' ')
		t->buf[--t->len] = '\0';
}

/* RFC 3597 5.  PowerDNS requires the second space even if nothing follows it. */
static void put_opaque(struct text *t, const uint8_t *rdata, size_t len)
{
	put_format(t, "\\# %zu ", len);
	put_hex(t, rdata, len);
}

static char *to_text(uint16_t type, const uint8_t *rdata, uint16_t len, bool for_powerdns)
{
	const struct rdata_shape *shape = rdata_shape_of(type);
	struct text t = {.for_powerdns = for_powerdns};
	size_t text_len = 0;
	const char *text = verbatim_text(rdata, len, &text_len), *why;

	put(&t, "");
	if (text)
		put_octets(&t, text, text_len);
	else if (!shape || !shape->fields || (shape->flags & RDATA_AS_HEX) ||
		!rdata_is_valid(type, rdata, len, &why))
		put_opaque(&t, rdata, len);
	else if (type == 29)
		put_loc(&t, rdata);
	else
		put_fields(&t, shape, rdata, len);
	if (!t.failed)
		return t.buf;
	free(t.buf);
	return NULL;
}

char *rdata_to_text(uint16_t type, const uint8_t *rdata, uint16_t len)
{
	return to_text(type, rdata, len, false);
}

char *rdata_to_text_powerdns(uint16_t type, const uint8_t *rdata, uint16_t len)
{
	return to_text(type, rdata, len, true);
}
