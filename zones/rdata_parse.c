/*
 * Parses text to RDATA, field by field; rdata_is_valid judges the result.
 *
 * Comments and parentheses have been removed already (zones/entry.h), except in text
 * from PowerDNS, which prints these characters raw inside names.  A field that is a
 * name or a number is never quoted.  WKS accepts ports only as numbers, since the names
 * of services depend on the machine.
 */
#include "zones/rdata_parser.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <arpa/inet.h>

#include "zones/entry.h"

static void take_number(struct parser *x, unsigned octets)
{
	char token[PARSER_TOKEN_MAX];
	uint64_t v = 0;

	parser_take_token(x, token);
	if (!parser_read_number(
		    token, strlen(token), UINT32_MAX >> (32 - 8 * octets), &v))
		parser_fail(x, -EINVAL);
	parser_out_number(x, (uint32_t)v, octets);
}

struct mnemonic {
	const char *name; /* NULL ends a list */
	uint16_t value;
};

/* IANA "DNS Security Algorithm Numbers". */
static const struct mnemonic ALGORITHMS[] = {{"DELETE", 0}, {"RSAMD5", 1}, {"DH", 2},
	{"DSA", 3}, {"RSASHA1", 5}, {"DSA-NSEC3-SHA1", 6}, {"NSEC3DSA", 6},
	{"RSASHA1-NSEC3-SHA1", 7}, {"NSEC3RSASHA1", 7}, {"RSASHA256", 8},
	{"RSASHA512", 10}, {"ECC-GOST", 12}, {"ECDSAP256SHA256", 13},
	{"ECDSAP384SHA384", 14}, {"ED25519", 15}, {"ED448", 16}, {"INDIRECT", 252},
	{"PRIVATEDNS", 253}, {"PRIVATEOID", 254}, {NULL, 0}};

/* RFC 4398 2.1. */
static const struct mnemonic CERTIFICATES[] = {{"PKIX", 1}, {"SPKI", 2}, {"PGP", 3},
	{"IPKIX", 4}, {"ISPKI", 5}, {"IPGP", 6}, {"ACPKIX", 7}, {"IACPKIX", 8},
	{"URI", 253}, {"OID", 254}, {NULL, 0}};

static const struct mnemonic PROTOCOLS[] = {{"TCP", 6}, {"UDP", 17}, {NULL, 0}};

/* IANA "DNSSEC Delegation Signer (DS) Resource Record (RR) Type Digest Algorithms". */
static const struct mnemonic DIGESTS[] = {{"SHA-1", 1}, {"SHA1", 1}, {"SHA-256", 2},
	{"SHA256", 2}, {"GOST", 3}, {"SHA-384", 4}, {"SHA384", 4}, {NULL, 0}};

/* RFC 2535 7.1. */
static const struct mnemonic KEY_PROTOCOLS[] = {{"NONE", 0}, {"TLS", 1}, {"EMAIL", 2},
	{"DNSSEC", 3}, {"IPSEC", 4}, {"ALL", 255}, {NULL, 0}};

/* Takes a number, or one of its names. */
static void take_mnemonic(struct parser *x, const struct mnemonic *list, unsigned octets)
{
	char token[PARSER_TOKEN_MAX];
	uint64_t v = 0;

	parser_take_token(x, token);
	if (!parser_read_number(
		    token, strlen(token), UINT32_MAX >> (32 - 8 * octets), &v)) {
		while (list->name && strcasecmp(list->name, token) != 0)
			list++;
		if (!list->name)
			parser_fail(x, -EINVAL);
		v = list->value;
	}
	parser_out_number(x, (uint32_t)v, octets);
}

/* RFC 1706 7: 0x, then hex digits with dots anywhere between octets. */
static void take_nsap(struct parser *x)
{
	char token[PARSER_TOKEN_MAX];
	char hex[3] = "";

	parser_take_token(x, token);
	if (strncasecmp(token, "0x", 2) != 0)
		parser_fail(x, -EINVAL);
	for (const char *p = token + 2; !x->error && *p;) {
		if (*p == '.') {
			p++;
			continue;
		}
		if (parser_hex_value(p[0]) < 0 || parser_hex_value(p[1]) < 0)
			parser_fail(x, -EINVAL);
		memcpy(hex, p, 2);
		parser_out_number(x, (uint32_t)strtoul(hex, NULL, 16), 1);
		p += 2;
	}
}

/* Seconds, or "1w2d3h4m5s" as in zone files. */
static void take_duration(struct parser *x)
{
	char token[PARSER_TOKEN_MAX];
	uint64_t v = 0;

	parser_take_token(x, token);
	if (!parser_read_duration(token, UINT32_MAX, &v))
		parser_fail(x, -EINVAL);
	parser_out_number(x, (uint32_t)v, 4);
}

static void take_type(struct parser *x)
{
	char token[PARSER_TOKEN_MAX];

	parser_take_token(x, token);
	uint16_t type = rdata_type_from_name(token);
	if (type == 0 && strcasecmp(token, "TYPE0") != 0)
		parser_fail(x, -EINVAL);
	parser_out_number(x, type, 2);
}

/* Days since 1970 for a date of the Gregorian calendar. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = year / 400, year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
		day_of_year - 719468;
}

/* RFC 4034 3.2: YYYYMMDDHHMMSS, or seconds since 1970; modulo 2^32 (3.1.5). */
static void take_time(struct parser *x)
{
	static const uint8_t MOST[] = {12, 31, 23, 59, 59};
	char token[PARSER_TOKEN_MAX];
	uint64_t v = 0, part[5], year = 0;

	parser_take_token(x, token);
	if (strlen(token) != 14) {
		if (!parser_read_number(token, strlen(token), UINT32_MAX, &v))
			parser_fail(x, -EINVAL);
		parser_out_number(x, (uint32_t)v, 4);
		return;
	}
	bool good = parser_read_number(token, 4, 9999, &year) && year >= 1970;
	for (unsigned i = 0; i < 5; i++)
		good = good &&
			parser_read_number(token + 4 + 2 * i, 2, MOST[i], &part[i]);
	if (!good || part[0] == 0 || part[1] == 0) {
		parser_fail(x, -EINVAL);
		return;
	}
	v = (uint64_t)days_from_date((int64_t)year, (int64_t)part[0], (int64_t)part[1]);
	parser_out_number(
		x, (uint32_t)(v * 86400 + part[2] * 3600 + part[3] * 60 + part[4]), 4);
}

static void take_address(struct parser *x, int family)
{
	char token[PARSER_TOKEN_MAX];

	parser_take_token(x, token);
	parser_out_address(x, family, token);
}

static void take_name(struct parser *x)
{
	char token[PARSER_TOKEN_MAX];

	parser_take_token(x, token);
	parser_out_name(x, token);
}

static void take_string(struct parser *x)
{
	size_t length_at = x->len;

	parser_out_number(x, 0, 1);
	if (x->is_powerdns && parser_at_end(x))
		return;
	parser_take_content(x);
	if (x->is_powerdns)
		parser_close_split(x, length_at);
	else
		parser_close_counted(x, length_at);
}

static void take_counted_hex(struct parser *x)
{
	char token[PARSER_TOKEN_MAX];
	size_t length_at = x->len;
	struct parser sub;

	parser_take_token(x, token);
	parser_out_number(x, 0, 1);
	if (x->error || strcmp(token, "-") == 0)
		return;
	sub = *x;
	sub.p = token;
	parser_take_hex(&sub);
	x->len = sub.len;
	parser_fail(x, sub.error);
	parser_close_counted(x, length_at);
}

static void out_bitmap(struct parser *x, const uint8_t set[8192])
{
	for (unsigned window = 0; window < 256; window++) {
		const uint8_t *bits = set + 32 * (size_t)window;
		unsigned n = 32;
		while (n > 0 && bits[n - 1] == 0)
			n--;
		if (n == 0)
			continue;
		parser_out_number(x, window << 8 | n, 2);
		parser_out_octets(x, bits, n);
	}
}

static void take_bitmap(struct parser *x)
{
	char token[PARSER_TOKEN_MAX];
	uint8_t set[8192] = {0};

	while (!x->error && !parser_at_end(x)) {
		parser_take_token(x, token);
		uint16_t type = rdata_type_from_name(token);
		if (type == 0 && strcasecmp(token, "TYPE0") != 0)
			parser_fail(x, -EINVAL);
		set[type / 8] |= (uint8_t)(0x80 >> type % 8);
	}
	out_bitmap(x, set);
}

/* Bits counted from 0: ports of WKS, types of NXT (RFC 2535 5.2). */
static void take_plain_bitmap(struct parser *x, bool of_types)
{
	char token[PARSER_TOKEN_MAX];
	uint8_t set[8192] = {0};
	size_t n = sizeof(set);

	while (!x->error && !parser_at_end(x)) {
		uint64_t bit = 0;
		parser_take_token(x, token);
		if (of_types)
			bit = rdata_type_from_name(token);
		else if (!parser_read_number(token, strlen(token), UINT16_MAX, &bit))
			parser_fail(x, -EINVAL);
		if (of_types && (bit == 0 || bit > 127))
			parser_fail(x, -EINVAL);
		set[bit / 8 % sizeof(set)] |= (uint8_t)(0x80 >> bit % 8);
	}
	while (n > 0 && set[n - 1] == 0)
		n--;
	parser_out_octets(x, set, n);
}

/* Takes groups of hex digits between separators: EUI and ILNP. */
static void take_groups(struct parser *x, size_t octets, size_t group, char sep)
{
	char token[PARSER_TOKEN_MAX];
	size_t digits = 0;

	parser_take_token(x, token);
	const char *p = token;
	for (size_t i = 0; i < octets / group && !x->error; i++) {
		uint32_t v = 0;
		for (digits = 0; digits < 2 * group && parser_hex_value(*p) >= 0;
			digits++)
			v = v << 4 | (uint32_t)parser_hex_value(*p++);
		/* RFC 6742 2.1.1 allows leading zeros of a group to be omitted, RFC
		 * 7043 does not. */
		if (digits == 0 || (group == 1 && digits != 2))
			parser_fail(x, -EINVAL);
		if (*p++ != (i + 1 < octets / group ? sep : '\0'))
			parser_fail(x, -EINVAL);
		parser_out_number(x, v, (unsigned)group);
	}
}

/* RFC 4025 3.1, RFC 8777 4.3.1.  PowerDNS prints nothing if there is no gateway. */
static void take_gateway(struct parser *x)
{
	unsigned kind = x->error ? 0 : x->out[1] & 0x7f;

	if (kind == 1)
		take_address(x, AF_INET);
	else if (kind == 2)
		take_address(x, AF_INET6);
	else if (kind == 3)
		take_name(x);
	else if (!parser_at_end(x) && x->p[0] == '.' && strcspn(x->p, " \t\r\n") == 1)
		x->p++;
}

/* RFC 8777 4.3.1: precedence, D, type, relay. */
static void take_amtrelay(struct parser *x)
{
	take_number(x, 1);
	size_t d_at = x->len;
	take_number(x, 1);
	take_number(x, 1);
	if (x->error)
		return;
	uint8_t d = x->out[d_at], kind = x->out[d_at + 1];
	if (d > 1 || kind > 3)
		parser_fail(x, -EINVAL);
	x->out[d_at] = (uint8_t)(d << 7 | kind);
	x->len--;
	take_gateway(x);
}

/* RFC 9859 2.1: type, scheme, port, target. */
static void take_dsync(struct parser *x)
{
	static const struct mnemonic SCHEMES[] = {{"NOTIFY", 1}, {NULL, 0}};

	take_type(x);
	take_mnemonic(x, SCHEMES, 1);
	take_number(x, 2);
	take_name(x);
}

/* RFC 8005 6: algorithm, HIT in hex, key in base64 as one token, then servers. */
static void take_hip(struct parser *x)
{
	char hit[PARSER_TOKEN_MAX];
	size_t start = x->len;
	struct parser sub;

	parser_out_number(x, 0, 1);
	take_number(x, 1);
	parser_out_number(x, 0, 2);
	parser_take_token(x, hit);
	sub = *x;
	sub.p = hit;
	parser_take_hex(&sub);
	size_t hit_len = sub.len - start - 4;
	parser_at_end(x);
	sub.p = x->p;
	parser_take_base64(&sub, ' ');
	size_t key_len = sub.len - start - 4 - hit_len;
	*x = sub;
	if (!x->error && (hit_len > 255 || key_len > UINT16_MAX))
		parser_fail(x, -EINVAL);
	if (x->error)
		return;
	x->out[start] = (uint8_t)hit_len;
	x->out[start + 2] = (uint8_t)(key_len >> 8);
	x->out[start + 3] = (uint8_t)key_len;
}

/* RFC 2874 3.2: prefix length, address if there is a suffix, name if there is a prefix.
 */
static void take_a6(struct parser *x)
{
	char token[PARSER_TOKEN_MAX];
	uint8_t address[16];
	size_t prefix_at = x->len;
	struct parser sub = {.out = address, .cap = sizeof(address)};

	take_number(x, 1);
	unsigned prefix = x->error ? 0 : x->out[prefix_at];
	if (prefix > 128)
		parser_fail(x, -EINVAL);
	if (!x->error && prefix < 128) {
		parser_take_token(x, token);
		parser_out_address(&sub, AF_INET6, token);
		if (sub.error)
			parser_fail(x, sub.error);
		else
			parser_out_octets(x, address + prefix / 8, 16 - prefix / 8);
	}
	if (prefix > 0)
		take_name(x);
}

static void take_names(struct parser *x)
{
	while (!x->error && !parser_at_end(x))
		take_name(x);
}

static void take_strings(struct parser *x)
{
	do
		take_string(x);
	while (!x->error && !parser_at_end(x));
}

static void take_plain_token(struct parser *x)
{
	char token[PARSER_TOKEN_MAX];
	size_t length_at = x->len;

	parser_take_token(x, token);
	parser_out_number(x, 0, 1);
	parser_out_octets(x, token, strlen(token));
	parser_close_counted(x, length_at);
}

/* Takes a field of one token, or of none; false: the field is of another kind. */
static bool take_one(struct parser *x, char field)
{
	switch (field) {
	case '1':
	case '2':
	case '4':
		take_number(x, (unsigned)(field - '0'));
		return true;
	case 'd':
		take_duration(x);
		return true;
	case 'G':
		take_mnemonic(x, ALGORITHMS, 1);
		return true;
	case 'K':
		take_mnemonic(x, CERTIFICATES, 2);
		return true;
	case 'J':
		take_mnemonic(x, DIGESTS, 1);
		return true;
	case 'k':
		take_mnemonic(x, KEY_PROTOCOLS, 1);
		return true;
	case 'v':
		take_mnemonic(x, PROTOCOLS, 1);
		return true;
	case 'z':
		take_nsap(x);
		return true;
	case 't':
		take_type(x);
		return true;
	case 'T':
		take_time(x);
		return true;
	case 'a':
	case 'A':
		take_address(x, field == 'a' ? AF_INET : AF_INET6);
		return true;
	case 'C':
	case 'D':
	case 'F':
	case 'N':
		take_name(x);
		return true;
	case 's':
		take_string(x);
		return true;
	case 'c':
		take_plain_token(x);
		return true;
	case 'h':
		take_counted_hex(x);
		return true;
	case 'H':
		parser_take_base32hex(x);
		return true;
	case 'E':
	case 'e':
		take_groups(x, field == 'E' ? 6 : 8, 1, '-');
		return true;
	case 'i':
		take_groups(x, 8, 2, ':');
		return true;
	case 'g':
		take_gateway(x);
		return true;
	default:
		return false;
	}
}

/* Takes fields of several tokens, mostly up to the end. */
static void take_several(struct parser *x, char field)
{
	switch (field) {
	case 'o':
		if (!parser_at_end(x))
			take_string(x);
		break;
	case 'S':
		take_strings(x);
		break;
	case 'I':
		take_hip(x);
		break;
	case 'M':
		take_names(x);
		break;
	case '6':
		take_a6(x);
		break;
	case 'w':
	case 'W':
		take_bitmap(x);
		break;
	case 'n':
	case 'y':
		take_plain_bitmap(x, field == 'y');
		break;
	case 'p':
		parser_take_apl(x);
		break;
	case 'P':
		parser_take_svcparams(x);
		break;
	case 'b':
		if (!parser_at_end(x) && strcmp(x->p, "-") == 0)
			x->p++; /* DOA without data */
				/* fallthrough */
	case 'B':
		parser_take_base64(x, '\0');
		break;
	case 'q':
	case 'Q':
		parser_take_content(x);
		break;
	default: /* x X */
		parser_take_hex(x);
	}
}

/* RFC 3597 5; also allowed for known types. */
static bool is_opaque_form(const char *text)
{
	return text[0] == '\\' && text[1] == '#' && (text[2] == ' ' || text[2] == '\t');
}

static void take_opaque(struct parser *x)
{
	char token[PARSER_TOKEN_MAX];
	uint64_t announced = 0;

	x->p += 2;
	parser_take_token(x, token);
	if (!parser_read_number(token, strlen(token), UINT16_MAX, &announced))
		parser_fail(x, -EINVAL);
	parser_take_hex(x);
	if (!x->error && x->len != announced)
		parser_fail(x, -EINVAL);
}

static void take_fields(struct parser *x, const char *fields, char *ret_field)
{
	for (const char *f = fields; *f && !x->error; f++) {
		*ret_field = *f;
		x->token = parser_at_end(x) ? NULL : x->p;
		if (!take_one(x, *f))
			take_several(x, *f);
	}
}

enum { TYPE_LOC = 29, TYPE_DSYNC = 66, TYPE_AMTRELAY = 260 };

/* Types whose text does not follow their fields. */
static void take_special(struct parser *x, uint16_t type, char *ret_field)
{
	*ret_field = 0;
	if (type == TYPE_LOC)
		parser_take_loc(x);
	else if (type == TYPE_AMTRELAY)
		take_amtrelay(x);
	else
		take_dsync(x);
}

/* *ret_field: the last field begun, 0 before the first. */
static void take_record(struct parser *x, uint16_t type, char *ret_field)
{
	const struct rdata_shape *shape = rdata_shape_of(type);

	x->token = parser_at_end(x) ? NULL : x->p;
	*ret_field = PARSER_OPAQUE;
	if (is_opaque_form(x->p))
		take_opaque(x);
	else if (!shape || !shape->fields)
		parser_refuse(x, "data of this type is written as \\# length hex");
	else if (type == TYPE_LOC || type == TYPE_AMTRELAY || type == TYPE_DSYNC)
		take_special(x, type, ret_field);
	else
		take_fields(x, shape->fields, ret_field);
	if (x->error || parser_at_end(x))
		return;
	x->token = x->p;
	*ret_field = PARSER_RECORD_END;
	parser_fail(x, -EINVAL);
}

/* The meaning of a server's text is not judged. */
static void judge(struct parser *x, uint16_t type)
{
	const char *why = "malformed data";

	if (x->error || x->is_powerdns ||
		rdata_is_valid(type, x->out, (uint16_t)x->len, &why))
		return;
	x->token = NULL;
	parser_refuse(x, why);
}

int parser_read_rdata(struct parser *x, uint16_t type, struct parser_error *ret_error)
{
	char field = 0;

	if (x->cap > UINT16_MAX)
		x->cap = UINT16_MAX;
	take_record(x, type, &field);
	judge(x, type);
	if (x->error == -ENOSPC)
		x->why = "more than 65535 octets of data";
	if (x->error)
		parser_explain_field(ret_error, x, field);
	return x->error ? x->error : (int)x->len;
}

int rdata_from_text_powerdns(
	uint16_t type, const char *text, const uint8_t *origin, uint8_t *out, size_t cap)
{
	struct parser x = {
		.p = text, .origin = origin, .out = out, .cap = cap, .is_powerdns = true};
	struct parser_error error;

	return parser_read_rdata(&x, type, &error);
}

int rdata_from_text_why(uint16_t type, const char *text, const uint8_t *origin,
	uint8_t *out, size_t cap, char ret_why[RDATA_WHY_MAX])
{
	struct parser x = {.origin = origin, .out = out, .cap = cap};
	struct parser_error error;
	struct entry entry;
	int r;

	entry_init(&entry);
	r = entry_from_text(&entry, text);
	x.p = entry.text;
	if (!r) {
		r = parser_read_rdata(&x, type, &error);
		snprintf(ret_why, RDATA_WHY_MAX, "%s", r < 0 ? error.why : "");
	} else {
		snprintf(ret_why, RDATA_WHY_MAX, "%s",
			r == -ENOMEM ? "out of memory" : entry.why);
	}
	entry_clear(&entry);
	return r;
}

int rdata_from_text(
	uint16_t type, const char *text, const uint8_t *origin, uint8_t *out, size_t cap)
{
	char why[RDATA_WHY_MAX];

	return rdata_from_text_why(type, text, origin, out, cap, why);
}
