/*
 * Checks RDATA beyond its shape: lengths that depend on algorithms, values that must be
 * numbers, parameters that depend on each other.
 *
 * Enforces only rules whose violation makes a target refuse the record, a zone fail to
 * load, or a transfer fail.  Values that the RFCs leave open stay open (unknown
 * algorithms, unknown digests).  Each function may rely on the shape.
 */
#include "zones/rdata_shape.h"
#include "zones/utf8.h"

#include <string.h>

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 1183 3.1: a PSDN address is at least four digits. */
const char *rdata_check_x25(const uint8_t *rdata, size_t len)
{
	if (len < 5)
		return "X25 address has fewer than 4 digits";
	for (size_t i = 1; i < len; i++)
		if (!is_digit(rdata[i]))
			return "X25 address has something other than digits";
	return NULL;
}

/* RFC 1712 3: [+-]digits[.digits], no exponent. */
static bool is_real_number(const uint8_t *p, size_t len)
{
	size_t digits = 0, dots = 0;

	for (size_t i = len > 0 && (p[0] == '-' || p[0] == '+'); i < len; i++) {
		if (p[i] == '.')
			dots++;
		else if (is_digit(p[i]))
			digits++;
		else
			return false;
	}
	return digits > 0 && dots <= 1;
}

const char *rdata_check_gpos(const uint8_t *rdata, size_t len)
{
	for (size_t at = 0; at < len; at += 1u + rdata[at])
		if (!is_real_number(rdata + at + 1, rdata[at]))
			return "GPOS needs three numbers";
	return NULL;
}

/* RFC 1035 3.4.2: one bit for each of at most 65536 ports; BIND requires a bit in the
 * last octet. */
const char *rdata_check_wks(const uint8_t *rdata, size_t len)
{
	if (len - 5 > 8192)
		return "WKS has more than 65536 ports";
	return len > 5 && rdata[len - 1] == 0 ? "WKS ends in a zero octet" : NULL;
}

/* RFC 4034 B.1: the key tag of RSAMD5 lies in the last three octets of its key. */
const char *rdata_check_dnskey(const uint8_t *rdata, size_t len)
{
	enum { RSAMD5 = 1 };

	return rdata[3] == RSAMD5 && len - 4 < 3
		? "RSAMD5 key is too short for its key tag"
		: NULL;
}

/* RFC 2535 3.1.2: a record has no key if, and only if, it has the NOKEY flags. */
const char *rdata_check_key(const uint8_t *rdata, size_t len)
{
	enum { NOKEY = 0xc000 };

	if ((rdata_u16(rdata) & NOKEY) == NOKEY)
		return len > 4 ? "KEY has a key that its flags deny" : NULL;
	return len == 4 ? "KEY is empty" : rdata_check_dnskey(rdata, len);
}

const char *rdata_check_rkey(const uint8_t *rdata, size_t len)
{
	return rdata_u16(rdata) ? "RKEY flags must be zero"
				: rdata_check_dnskey(rdata, len);
}

/* RFC 8078 4: "0 3 0 AA==" asks for deletion; nothing else has algorithm 0. */
const char *rdata_check_cdnskey(const uint8_t *rdata, size_t len)
{
	static const uint8_t DELETE[] = {0, 0, 3, 0, 0};

	if (rdata[3] != 0)
		return rdata_check_dnskey(rdata, len);
	if (len != sizeof(DELETE) || memcmp(rdata, DELETE, len) != 0)
		return "CDNSKEY with algorithm 0 that is not 0 3 0 AA==";
	return NULL;
}

/* RFC 4509, 5933, 6605. */
const char *rdata_check_ds(const uint8_t *rdata, size_t len)
{
	static const uint8_t LENGTHS[] = {0, 20, 32, 32, 48};
	uint8_t digest = rdata[3];

	if (digest < sizeof(LENGTHS) && LENGTHS[digest] && len - 4 != LENGTHS[digest])
		return "digest has not the length of its type";
	return NULL;
}

/* RFC 8078 4: "0 0 0 00". */
const char *rdata_check_cds(const uint8_t *rdata, size_t len)
{
	static const uint8_t DELETE[] = {0, 0, 0, 0, 0};

	if (rdata[2] != 0)
		return rdata_check_ds(rdata, len);
	if (len != sizeof(DELETE) || memcmp(rdata, DELETE, len) != 0)
		return "CDS with algorithm 0 that is not 0 0 0 00";
	return NULL;
}

/* RFC 1876 2. */
const char *rdata_check_loc(const uint8_t *rdata, size_t len)
{
	const uint32_t equator = UINT32_C(1) << 31,
		       degree = 3600000; /* thousandths of " */
	uint32_t latitude = rdata_u32(rdata + 4), longitude = rdata_u32(rdata + 8);

	(void)len;
	if (rdata[0] != 0)
		return "LOC version is not 0";
	for (unsigned i = 1; i <= 3; i++) {
		unsigned mantissa = rdata[i] >> 4, exponent = rdata[i] & 15;
		if (mantissa > 9 || exponent > 9 || (mantissa == 0 && exponent != 0))
			return "LOC size or precision is not a power of ten";
	}
	if (latitude < equator - 90 * degree || latitude > equator + 90 * degree)
		return "LOC latitude is beyond a pole";
	if (longitude < equator - 180 * degree || longitude > equator + 180 * degree)
		return "LOC longitude is beyond 180 degrees";
	return NULL;
}

/* RFC 2535 5.2: bit 0 would indicate another format, which was never defined. */
const char *rdata_check_nxt(const uint8_t *rdata, size_t len)
{
	size_t at = (size_t)rdata_name_len(rdata, len);

	if (at == len)
		return NULL;
	if ((rdata[at] & 0x80) || len - at > 16 || rdata[len - 1] == 0)
		return "NXT type bitmap is malformed";
	return NULL;
}

/* ATM Name System 5.2: format 0 is an NSAP address, 1 E.164 digits. */
const char *rdata_check_atma(const uint8_t *rdata, size_t len)
{
	if (len < 2)
		return "ATMA address is empty";
	if (rdata[0] > 1)
		return "ATMA format is neither AESA nor E.164";
	for (size_t i = 1; rdata[0] == 1 && i < len; i++)
		if (!is_digit(rdata[i]))
			return "ATMA E.164 address has something other than digits";
	return NULL;
}

/* RFC 4255 3.1.2, RFC 6594 3: SHA-1 and SHA-256. */
const char *rdata_check_sshfp(const uint8_t *rdata, size_t len)
{
	if ((rdata[1] == 1 && len - 2 != 20) || (rdata[1] == 2 && len - 2 != 32))
		return "SSHFP fingerprint has not the length of its type";
	return NULL;
}

/* RFC 4025 2.4: algorithm 0 means that there is no key. */
const char *rdata_check_ipseckey(const uint8_t *rdata, size_t len)
{
	int gateway = rdata_field_len('g', rdata, rdata + 3, len - 3);
	size_t key_len = len - 3 - (size_t)gateway;

	if (rdata[1] > 3)
		return "IPSECKEY gateway type is unknown";
	if (rdata[2] == 0 && key_len > 0)
		return "IPSECKEY has a key but no algorithm";
	if (rdata[2] != 0 && key_len == 0)
		return "IPSECKEY has an algorithm but no key";
	return NULL;
}

/* RFC 4034 3.1.3, 3.1.7: the signer is the zone, so its name has no more labels than
 * the owner, and Labels counts the owner's. */
const char *rdata_check_rrsig(const uint8_t *rdata, size_t len)
{
	(void)len;
	return name_labels(rdata + 18) > rdata[3]
		? "RRSIG signer has more labels than its owner"
		: NULL;
}

/* RFC 4701 3.1: identifier type, digest type, then the digest. */
const char *rdata_check_dhcid(const uint8_t *rdata, size_t len)
{
	(void)rdata;
	return len < 3 ? "DHCID is shorter than its types" : NULL;
}

/* RFC 5155 3.1.7: SHA-1 is the only hash defined. */
const char *rdata_check_nsec3(const uint8_t *rdata, size_t len)
{
	size_t hash_at = 5u + rdata[4];

	(void)len;
	if (rdata[0] == 1 && rdata[hash_at] != 20)
		return "NSEC3 hash has not the length of SHA-1";
	return NULL;
}

/* RFC 8976 2.2.4. */
const char *rdata_check_zonemd(const uint8_t *rdata, size_t len)
{
	size_t digest_len = len - 6;

	if (digest_len < 12)
		return "ZONEMD digest is shorter than 12 octets";
	if ((rdata[5] == 1 && digest_len != 48) || (rdata[5] == 2 && digest_len != 64))
		return "ZONEMD digest has not the length of its algorithm";
	return NULL;
}

/* RFC 8659 4.1: a tag is one or more letters and digits. */
const char *rdata_check_caa(const uint8_t *rdata, size_t len)
{
	(void)len;
	if (rdata[1] == 0)
		return "CAA tag is empty";
	for (unsigned i = 0; i < rdata[1]; i++)
		if (!is_digit(rdata[2 + i]) && !is_letter(rdata[2 + i]))
			return "CAA tag has something other than letters and digits";
	return NULL;
}

/*
 * The pattern of a NAPTR substitution: POSIX extended regular expressions as far as all
 * servers agree on them.  It is not compiled, since some patterns cost a compiler
 * gigabytes.
 */
struct pattern {
	const uint8_t *p, *end;
	unsigned groups; /* groups so far, which \1 to \9 may refer to */
	unsigned depth;  /* of those, still open */
	bool has_atom;   /* the branch is not empty so far */
	bool repeated;   /* its last atom already has a repetition */
};

/* Skips [:alpha:] and so on, after the "[". */
static bool skip_class(struct pattern *x)
{
	static const char *const CLASSES[] = {":alnum:]", ":alpha:]", ":blank:]",
		":cntrl:]", ":digit:]", ":graph:]", ":lower:]", ":print:]", ":punct:]",
		":space:]", ":upper:]", ":xdigit:]"};

	for (size_t i = 0; i < sizeof(CLASSES) / sizeof(*CLASSES); i++) {
		size_t n = strlen(CLASSES[i]);
		if ((size_t)(x->end - x->p) >= n && memcmp(x->p, CLASSES[i], n) == 0) {
			x->p += n;
			return true;
		}
	}
	return false; /* the meaning of collating elements depends on the locale */
}

static bool skip_bracket(struct pattern *x)
{
	if (x->p < x->end && *x->p == '^')
		x->p++;
	bool first = true;
	uint8_t previous = 0;

	for (; x->p < x->end && (first || *x->p != ']'); first = false) {
		uint8_t c = *x->p++;
		if (c == '[' && x->p < x->end && strchr(":.=", *x->p)) {
			previous = 0;
			if (!skip_class(x))
				return false;
			continue;
		}
		bool is_range = c == '-' && !first && x->p < x->end && *x->p != ']';
		if (is_range && (*x->p < previous || previous == 0 || *x->p == '['))
			return false;
		if (is_range)
			c = *x->p++;
		previous = is_range ? 0 : c;
	}
	if (x->p == x->end)
		return false;
	x->p++;
	return true;
}

static bool read_bound(struct pattern *x, unsigned *ret)
{
	unsigned v = 0, digits = 0;

	for (; x->p < x->end && is_digit(*x->p) && v <= 255; digits++)
		v = v * 10 + (*x->p++ - '0');
	*ret = v;
	return digits > 0 && v <= 255;
}

static bool skip_bounds(struct pattern *x)
{
	unsigned low, high;

	if (!read_bound(x, &low))
		return false;
	high = low;
	if (x->p < x->end && *x->p == ',') {
		x->p++;
		if (x->p < x->end && *x->p != '}' && !read_bound(x, &high))
			return false;
	}
	if (x->p == x->end || *x->p++ != '}')
		return false;
	return high >= low;
}

static bool skip_escape(struct pattern *x)
{
	if (x->p == x->end)
		return false;
	uint8_t c = *x->p++;
	return !is_digit(c) || (c != '0' && c - '0' <= (int)x->groups);
}

/* x** means the same as x*, and not every reader accepts it. */
static bool skip_repetition(struct pattern *x, uint8_t c)
{
	if (!x->has_atom || x->repeated)
		return false;
	x->repeated = true;
	return c != '{' || skip_bounds(x);
}

static bool skip_piece(struct pattern *x)
{
	uint8_t c = *x->p++;
	bool had_atom = x->has_atom;

	if (c == '*' || c == '+' || c == '?' || c == '{')
		return skip_repetition(x, c);
	x->repeated = c == '^' || c == '$'; /* anchors cannot be repeated */
	x->has_atom = c != '(' && c != '|';
	switch (c) {
	case '\\':
		return skip_escape(x);
	case '[':
		return skip_bracket(x);
	case '(':
		x->groups++;
		x->depth++;
		return true;
	case ')':
		return had_atom && x->depth-- > 0;
	case '|':
		return had_atom;
	default:
		return true;
	}
}

/* Counts the groups of the pattern; -1 if it is not valid. */
static int pattern_groups(const uint8_t *p, size_t len)
{
	struct pattern x = {.p = p, .end = p + len};

	while (x.p < x.end)
		if (!skip_piece(&x))
			return -1;
	return x.has_atom && x.depth == 0 ? (int)x.groups : -1;
}

/* Octets up to the delimiter that ends a part, skipping escapes; -1 if there is none. */
static int part_len(const uint8_t *p, size_t len, uint8_t delimiter)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] == 0)
			return -1;
		if (p[i] == delimiter)
			return (int)i;
		if (p[i] == '\\' && (++i == len || p[i] == 0))
			return -1;
	}
	return -1;
}

static const char *check_replacement(const uint8_t *p, size_t len, int groups)
{
	for (size_t i = 0; i + 1 < len; i++) {
		if (p[i] != '\\')
			continue;
		i++;
		if (is_digit(p[i]) && (p[i] == '0' || p[i] - '0' > groups))
			return "NAPTR replacement names a group that is not there";
	}
	return NULL;
}

/* RFC 3402 3.2: delimiter, pattern, delimiter, replacement, delimiter, maybe "i". */
static const char *check_substitution(const uint8_t *p, size_t len)
{
	if (len == 0)
		return NULL;
	uint8_t delimiter = p[0];
	if (delimiter == 0 || delimiter == '\\' || delimiter == 'i' ||
		is_digit(delimiter))
		return "NAPTR substitution has an impossible delimiter";
	int pattern = part_len(p + 1, len - 1, delimiter);
	if (pattern < 0)
		return "NAPTR substitution is not complete";
	size_t at = 2 + (size_t)pattern;
	int replacement = part_len(p + at, len - at, delimiter);
	if (replacement < 0)
		return "NAPTR substitution is not complete";
	size_t flags_at = at + (size_t)replacement + 1;
	for (size_t i = flags_at; i < len; i++)
		if (p[i] != 'i')
			return "NAPTR substitution has an unknown flag";
	int groups = pattern_groups(p + 1, (size_t)pattern);
	if (groups < 0)
		return "NAPTR pattern is not a regular expression";
	return check_replacement(p + at, (size_t)replacement, groups);
}

/* RFC 3403 4.1. */
const char *rdata_check_naptr(const uint8_t *rdata, size_t len)
{
	const uint8_t *flags = rdata + 4;
	const uint8_t *services = flags + 1 + flags[0];
	const uint8_t *substitution = services + 1 + services[0];

	(void)len;
	return check_substitution(substitution + 1, substitution[0]);
}

/* RFC 9460 14.3.2, RFC 9461 5. */
enum svcb_key {
	SVCB_MANDATORY = 0,
	SVCB_ALPN = 1,
	SVCB_NO_DEFAULT_ALPN = 2,
	SVCB_PORT = 3,
	SVCB_IPV4HINT = 4,
	SVCB_ECH = 5,
	SVCB_IPV6HINT = 6,
	SVCB_DOHPATH = 7,
	SVCB_INVALID = 65535,
};

static bool has_svcparam(const uint8_t *params, size_t len, unsigned key)
{
	for (size_t at = 0; at < len; at += 4 + rdata_u16(params + at + 2))
		if (rdata_u16(params + at) == key)
			return true;
	return false;
}

/* RFC 9460 8: keys must be present, in ascending order, and not include "mandatory". */
static const char *check_mandatory(
	const uint8_t *value, size_t len, const uint8_t *params, size_t params_len)
{
	unsigned last = SVCB_MANDATORY;

	if (len == 0 || len % 2 != 0)
		return "SVCB mandatory is not a list of keys";
	for (size_t at = 0; at < len; at += 2) {
		unsigned key = rdata_u16(value + at);
		if (key <= last)
			return "SVCB mandatory keys are not ascending";
		if (!has_svcparam(params, params_len, key))
			return "SVCB mandatory names a key that is not there";
		last = key;
	}
	return NULL;
}

static const char *check_alpn(const uint8_t *value, size_t len)
{
	size_t at = 0;

	while (at < len && value[at] != 0)
		at += 1u + value[at];
	return len == 0 || at != len ? "SVCB alpn is malformed" : NULL;
}

/* RFC 9461 5: a relative URI template in UTF-8 with the variable "dns". */
static const char *check_dohpath(const uint8_t *value, size_t len)
{
	static const char *const VARIABLES[] = {"{?dns}", "{&dns}"};

	if (len == 0 || value[0] != '/')
		return "SVCB dohpath does not begin with /";
	for (size_t at = 0; at < len;) {
		size_t n = utf8_len(value + at, len - at);
		if (n == 0)
			return "SVCB dohpath is not UTF-8";
		at += n;
	}
	for (unsigned i = 0; i < 2; i++)
		if (memmem(value, len, VARIABLES[i], strlen(VARIABLES[i])))
			return NULL;
	return "SVCB dohpath lacks its variable dns";
}

static const char *check_svcparam(unsigned key, const uint8_t *value, size_t len,
	const uint8_t *params, size_t params_len)
{
	switch (key) {
	case SVCB_MANDATORY:
		return check_mandatory(value, len, params, params_len);
	case SVCB_ALPN:
		return check_alpn(value, len);
	case SVCB_NO_DEFAULT_ALPN:
		if (len != 0)
			return "SVCB no-default-alpn has a value";
		return has_svcparam(params, params_len, SVCB_ALPN)
			? NULL
			: "SVCB no-default-alpn without alpn"; /* RFC 9460 7.1.1 */
	case SVCB_PORT:
		return len == 2 ? NULL : "SVCB port is not 16 bits";
	case SVCB_IPV4HINT:
		return len > 0 && len % 4 == 0 ? NULL : "SVCB ipv4hint is malformed";
	case SVCB_ECH:
		return len > 0 ? NULL : "SVCB ech is empty";
	case SVCB_IPV6HINT:
		return len > 0 && len % 16 == 0 ? NULL : "SVCB ipv6hint is malformed";
	case SVCB_DOHPATH:
		return check_dohpath(value, len);
	case SVCB_INVALID:
		return "SVCB key 65535 is not to be used";
	default:
		return NULL;
	}
}

/* RFC 9460 2.2.  In AliasMode, parameters must be ignored (2.4.2), not refused. */
const char *rdata_check_svcb(const uint8_t *rdata, size_t len)
{
	size_t at = 2 + (size_t)rdata_name_len(rdata + 2, len - 2);
	const uint8_t *params = rdata + at;
	size_t params_len = len - at;

	for (at = 0; at < params_len;) {
		size_t n = rdata_u16(params + at + 2);
		const char *why = check_svcparam(
			rdata_u16(params + at), params + at + 4, n, params, params_len);
		if (why)
			return why;
		at += 4 + n;
	}
	return NULL;
}
