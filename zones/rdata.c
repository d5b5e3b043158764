/*
 * RDATA in octets: reads, checks, compares and writes it.
 *
 * Everything goes through the shapes of rdata_shape.c field by field; rdata_check.c
 * checks what fields may hold beyond their shape, rdata_text.c and rdata_parse.c handle
 * text.
 *
 * Lengths are those of RDLENGTH: 65535 octets at most, names expanded.
 */
#include "zones/rdata.h"
#include "zones/rdata_shape.h"
#include "zones/verbatim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { RDATA_MAX = 65535 }; /* RFC 1035 3.2.1 */

static const char RESERVED[] = "RDATA begins with octets that Muster reserves";

/*
 * RFC 3597 4: names may come compressed in RFC 1035's types, and for the sake of older
 * senders in RP, AFSDB, RT, SIG, PX, NXT, NAPTR and SRV.  KX and DNAME are included
 * because RFC 2230 and RFC 2672 allowed it at first.
 */
static bool has_expandable_name(const struct rdata_shape *shape)
{
	for (const char *f = shape->fields; *f; f++)
		if (*f == 'C' || *f == 'D')
			return true;
	return false;
}

static bool has_folding_name(const struct rdata_shape *shape)
{
	/* A6 (RFC 4034 6.2) has its name inside a larger field: see fold_from. */
	return shape->fields && strpbrk(shape->fields, "CDF6") != NULL;
}

static const char *judge_shape(
	const struct rdata_shape *shape, const uint8_t *rdata, size_t len)
{
	size_t at = 0;

	for (const char *f = shape->fields; *f; f++) {
		int n = rdata_field_len(*f, rdata, rdata + at, len - at);
		if (n < 0)
			return "RDATA does not have the shape of its type";
		at += (size_t)n;
	}
	return at != len ? "octets after the last field of RDATA" : NULL;
}

static const char *judge(
	const struct rdata_shape *shape, const uint8_t *rdata, size_t len)
{
	const char *why = judge_shape(shape, rdata, len);

	return why || !shape->check ? why : shape->check(rdata, len);
}

bool rdata_is_valid(
	uint16_t type, const uint8_t *rdata, uint16_t len, const char **ret_why)
{
	const struct rdata_shape *shape = rdata_shape_of(type);
	const char *why = NULL;

	if (verbatim_is(rdata, len))
		why = RESERVED;
	else if (shape && shape->fields)
		why = judge(shape, rdata, len);
	if (why)
		*ret_why = why;
	return !why;
}

/* Reads one field of a type with compressible names from message into out. */
static int read_field(char field, const uint8_t *msg, size_t end, size_t *at,
	uint8_t *out, size_t len, size_t cap)
{
	uint8_t name[NAME_MAX_LEN];
	const uint8_t *from = msg + *at;
	int n;

	if (field == 'C' || field == 'D') {
		from = name;
		n = name_read(name, msg, end, at);
	} else {
		n = rdata_field_len(field, out, from, end - *at);
		if (n > 0)
			*at += (size_t)n;
	}
	if (n < 0)
		return -EBADMSG;
	if ((size_t)n > cap - len)
		return -ENOSPC;
	memcpy(out + len, from, (size_t)n);
	return n;
}

static int read_expanding(const struct rdata_shape *shape, const uint8_t *msg, size_t at,
	size_t end, uint8_t *out, size_t cap, const char **ret_why)
{
	size_t len = 0;

	if (cap > RDATA_MAX)
		cap = RDATA_MAX;
	for (const char *f = shape->fields; *f; f++) {
		int n = read_field(*f, msg, end, &at, out, len, cap);
		if (n == -EBADMSG)
			*ret_why = "RDATA does not have the shape of its type";
		if (n < 0)
			return n;
		len += (size_t)n;
	}
	const char *why = at != end ? "octets after the last field of RDATA" : NULL;
	if (!why && shape->check)
		why = shape->check(out, len);
	if (verbatim_is(out, len))
		why = RESERVED;
	if (why) {
		*ret_why = why;
		return -EBADMSG;
	}
	return (int)len;
}

int rdata_read(uint16_t type, const uint8_t *msg, size_t msg_len, size_t at,
	uint16_t rdlength, uint8_t *out, size_t cap, const char **ret_why)
{
	const struct rdata_shape *shape = rdata_shape_of(type);

	if (at > msg_len || msg_len - at < rdlength) {
		*ret_why = "RDATA goes beyond the message";
		return -EBADMSG;
	}
	if (shape && shape->fields && has_expandable_name(shape))
		return read_expanding(shape, msg, at, at + rdlength, out, cap, ret_why);
	if (!rdata_is_valid(type, msg + at, rdlength, ret_why))
		return -EBADMSG;
	if (rdlength > cap)
		return -ENOSPC;
	if (rdlength > 0)
		memcpy(out, msg + at, rdlength);
	return rdlength;
}

/* Reads names as far as the shape is right, then whatever is left. */
static int read_expanding_loosely(const struct rdata_shape *shape, const uint8_t *msg,
	size_t at, size_t end, uint8_t *out, size_t cap)
{
	size_t len = 0;

	for (const char *f = shape->fields; *f; f++) {
		size_t next = at;
		const int n = read_field(*f, msg, end, &next, out, len, cap);

		if (n == -ENOSPC)
			return n;
		if (n < 0)
			break;
		at = next;
		len += (size_t)n;
	}
	if (end - at > cap - len)
		return -ENOSPC;
	memcpy(out + len, msg + at, end - at);
	return (int)(len + end - at);
}

int rdata_read_loosely(uint16_t type, const uint8_t *msg, size_t msg_len, size_t at,
	uint16_t rdlength, uint8_t *out, size_t cap)
{
	const struct rdata_shape *shape = rdata_shape_of(type);

	if (at > msg_len || msg_len - at < rdlength)
		return -EBADMSG;
	if (cap > RDATA_MAX)
		cap = RDATA_MAX;
	if (shape && shape->fields && has_expandable_name(shape))
		return read_expanding_loosely(shape, msg, at, at + rdlength, out, cap);
	if (rdlength > cap)
		return -ENOSPC;
	if (rdlength > 0)
		memcpy(out, msg + at, rdlength);
	return rdlength;
}

bool rdata_has_shape(uint16_t type, const uint8_t *rdata, uint16_t len)
{
	const struct rdata_shape *shape = rdata_shape_of(type);

	if (verbatim_is(rdata, len))
		return false;
	return !shape || !shape->fields || !judge_shape(shape, rdata, len);
}

static bool is_equal_nocase(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t x = a[i], y = b[i];
		/* Label lengths are below 'A', so whole names can be folded. */
		x = x >= 'A' && x <= 'Z' ? x + ('a' - 'A') : x;
		y = y >= 'A' && y <= 'Z' ? y + ('a' - 'A') : y;
		if (x != y)
			return false;
	}
	return true;
}

/* Where, in a field of n octets, case stops mattering; n: nowhere. */
static size_t fold_from(char field, const uint8_t *p, size_t n)
{
	if (field == 'C' || field == 'D' || field == 'F')
		return 0;
	if (field == '6' && n > 0 && p[0] <= 128)
		return 1 + (128u - p[0] + 7) / 8;
	return n;
}

/* RFC 4034 6.2, without HINFO (which has no names) and NSEC (RFC 6840 5.1). */
bool rdata_is_equal(
	uint16_t type, const uint8_t *a, uint16_t a_len, const uint8_t *b, uint16_t b_len)
{
	if (a_len != b_len)
		return false;
	if (a_len == 0 || memcmp(a, b, a_len) == 0)
		return true;
	const struct rdata_shape *shape = rdata_shape_of(type);
	if (!shape || !has_folding_name(shape))
		return false;
	size_t at = 0;
	for (const char *f = shape->fields; *f; f++) {
		int n = rdata_field_len(*f, a, a + at, a_len - at);
		if (n < 0)
			return false;
		size_t exact = fold_from(*f, a + at, (size_t)n);
		if (exact > (size_t)n || memcmp(a + at, b + at, exact) != 0)
			return false;
		if (!is_equal_nocase(a + at + exact, b + at + exact, (size_t)n - exact))
			return false;
		at += (size_t)n;
	}
	return at == a_len;
}

/* RDATA is hashed in pieces, each of which begins with the hash so far. */
struct rdata_hashing {
	struct name_seed seed;
	size_t len;
	uint8_t piece[256];
};

static void hash_piece(struct rdata_hashing *h)
{
	h->seed.key[1] += octets_hash_seeded(h->piece, h->len, &h->seed);
	h->len = 0;
}

static void hash_octets(struct rdata_hashing *h, const uint8_t *p, size_t len, bool fold)
{
	for (size_t i = 0; i < len; i++) {
		bool is_upper = fold && p[i] >= 'A' && p[i] <= 'Z';

		h->piece[h->len++] = is_upper ? p[i] + ('a' - 'A') : p[i];
		if (h->len == sizeof(h->piece))
			hash_piece(h);
	}
}

/* RDATA without the shape of its type is compared, and so hashed, as it is. */
static uint32_t hash_folding(const struct rdata_shape *shape, const uint8_t *rdata,
	size_t len, const struct name_seed *seed)
{
	struct rdata_hashing h = {.seed = *seed};
	size_t at = 0;

	for (const char *f = shape->fields; *f; f++) {
		int n = rdata_field_len(*f, rdata, rdata + at, len - at);
		size_t exact = n < 0 ? 0 : fold_from(*f, rdata + at, (size_t)n);

		if (n < 0)
			break;
		hash_octets(&h, rdata + at, exact, false);
		hash_octets(&h, rdata + at + exact, (size_t)n - exact, true);
		at += (size_t)n;
	}
	hash_octets(&h, rdata + at, len - at, false);
	return octets_hash_seeded(h.piece, h.len, &h.seed);
}

uint32_t rdata_hash(
	uint16_t type, const uint8_t *rdata, uint16_t len, const struct name_seed *seed)
{
	const struct rdata_shape *shape = rdata_shape_of(type);

	if (!shape || !has_folding_name(shape))
		return octets_hash_seeded(rdata, len, seed);
	return hash_folding(shape, rdata, len, seed);
}

/* RFC 3597 4: only names in RFC 1035's types may be compressed.  False: the RDATA,
 * which was let in elsewhere, does not have the shape of its type. */
static bool write_fields(
	struct wire_writer *w, const char *fields, const uint8_t *rdata, size_t len)
{
	size_t at = 0;

	for (const char *f = fields; *f; f++) {
		int n = rdata_field_len(*f, rdata, rdata + at, len - at);
		if (n < 0)
			return false;
		if (*f == 'C')
			wire_write_name(w, rdata + at);
		else
			wire_write_octets(w, rdata + at, (size_t)n);
		at += (size_t)n;
	}
	return at == len;
}

void rdata_write(struct wire_writer *w, uint16_t type, const uint8_t *rdata, uint16_t len)
{
	const struct rdata_shape *shape = rdata_shape_of(type);
	size_t length_at = w->at;

	wire_write_u16(w, len);
	if (len == 0)
		return;
	if (!shape || !shape->fields || !strchr(shape->fields, 'C')) {
		wire_write_octets(w, rdata, len);
		return;
	}
	const size_t start = w->at;
	if (!write_fields(w, shape->fields, rdata, len) && !w->failed) {
		wire_writer_rewind(w, start);
		wire_write_octets(w, rdata, len);
	}
	if (!w->failed)
		wire_put_u16(w, length_at, (uint16_t)(w->at - length_at - 2));
}

bool rdata_is_singleton(uint16_t type)
{
	return type == TYPE_SOA || type == TYPE_CNAME || type == TYPE_DNAME;
}

/* RFC 6895 3.1: 128 to 255 are QTYPEs and meta types, known or not; so are 0 and OPT. */
bool rdata_type_is_meta(uint16_t type)
{
	return type == 0 || type == TYPE_OPT || (type >= 128 && type <= 255);
}

bool rdata_is_replaced_by(uint16_t type, const uint8_t *old, uint16_t old_len,
	const uint8_t *new, uint16_t new_len)
{
	enum { WKS_KEY_LEN = 5 }; /* address and protocol, RFC 1035 3.4.2 */

	if (type == TYPE_WKS && old_len >= WKS_KEY_LEN && new_len >= WKS_KEY_LEN)
		return memcmp(old, new, WKS_KEY_LEN) == 0;
	return rdata_is_equal(type, old, old_len, new, new_len);
}

const uint8_t *rdata_target(uint16_t type, const uint8_t *rdata, uint16_t len)
{
	size_t at;

	switch (type) {
	case TYPE_CNAME:
	case TYPE_DNAME:
	case TYPE_NS:
	case TYPE_PTR:
		at = 0;
		break;
	case TYPE_MX:
	case TYPE_SVCB:
	case TYPE_HTTPS:
		at = 2;
		break;
	case TYPE_SRV:
		at = 6;
		break;
	default:
		return NULL;
	}
	/* What a target serves may lack the shape of its type. */
	return len > at && rdata_name_len(rdata + at, len - at) > 0 ? rdata + at : NULL;
}

static const char *number_name(uint16_t type, char buf[RDATA_TYPE_NAME_MAX])
{
	snprintf(buf, RDATA_TYPE_NAME_MAX, "TYPE%u", type); /* RFC 3597 5 */
	return buf;
}

const char *rdata_type_name(uint16_t type, char buf[RDATA_TYPE_NAME_MAX])
{
	const struct rdata_shape *shape = rdata_shape_of(type);

	return shape ? shape->name : number_name(type, buf);
}

const char *rdata_type_name_powerdns(uint16_t type, char buf[RDATA_TYPE_NAME_MAX])
{
	const struct rdata_shape *shape = rdata_shape_of(type);

	if (!shape || (shape->flags & RDATA_UNNAMED))
		return number_name(type, buf);
	return shape->name;
}

static uint16_t type_from_number(const char *digits)
{
	unsigned long v = 0;
	size_t n = strlen(digits);

	if (n == 0 || n > 5 || strspn(digits, "0123456789") != n)
		return 0;
	v = strtoul(digits, NULL, 10);
	return v <= UINT16_MAX ? (uint16_t)v : 0;
}

uint16_t rdata_type_from_name(const char *name)
{
	for (unsigned type = 1; type < RDATA_INDEXED; type++) {
		const struct rdata_shape *shape = rdata_shape_of((uint16_t)type);
		if (shape && strcasecmp(shape->name, name) == 0)
			return (uint16_t)type;
	}
	if (strcasecmp(name, "TA") == 0)
		return 32768;
	if (strcasecmp(name, "DLV") == 0)
		return 32769;
	return strncasecmp(name, "TYPE", 4) == 0 ? type_from_number(name + 4) : 0;
}
