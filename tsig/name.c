/*
 * Domain names in wire form: measures, compares, and reads them from messages; parses
 * and prints their text.
 *
 * IDNA and label types other than 00 and compression pointers are not supported.
 * Nothing here allocates.
 *
 * A length octet is at most 63 and so never looks like a letter: case can be folded
 * over a whole name without looking for the labels.
 */
#include "tsig/name.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

enum {
	LABEL_MAX_LEN = 63,  /* RFC 1035 2.3.4 */
	POINTER_BITS = 0xc0, /* RFC 1035 4.1.4 */
};

static inline uint8_t fold(uint8_t c)
{
	return (uint8_t)(c - 'A') < 26 ? c | 0x20 : c;
}

size_t name_len(const uint8_t *name)
{
	const uint8_t *p = name;

	while (*p)
		p += 1 + *p;
	return p - name + 1;
}

unsigned name_labels(const uint8_t *name)
{
	unsigned count = 0;

	for (; *name; name += 1 + *name)
		count++;
	return count;
}

void name_lower(uint8_t *name)
{
	size_t len = name_len(name);

	for (size_t i = 0; i < len; i++)
		name[i] = fold(name[i]);
}

bool name_is_equal(const uint8_t *a, const uint8_t *b)
{
	size_t len = name_len(a);

	return len == name_len(b) && memcmp(a, b, len) == 0;
}

bool name_is_equal_nocase(const uint8_t *a, const uint8_t *b)
{
	size_t len = name_len(a);

	if (len != name_len(b))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (fold(a[i]) != fold(b[i]))
			return false;
	}
	return true;
}

bool name_is_subdomain(const uint8_t *name, const uint8_t *zone)
{
	size_t len = name_len(name);
	size_t zone_len = name_len(zone);

	while (len > zone_len) {
		len -= 1 + *name;
		name += 1 + *name;
	}
	return len == zone_len && memcmp(name, zone, zone_len) == 0;
}

bool name_is_wildcard(const uint8_t *name)
{
	return name[0] == 1 && name[1] == '*';
}

uint32_t name_hash(const uint8_t *name)
{
	size_t len = name_len(name);
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ name[i]) * 16777619u;
	/* Tables use the low bits, so every bit of the product must affect them. */
	h ^= h >> 16;
	h *= 0x85ebca6bu;
	return h ^ h >> 13;
}

static inline uint64_t rotate(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF", with one round per eight
 * octets and three at the end. */
static uint64_t hash_octets(
	const uint8_t *octets, size_t len, const struct name_seed *seed)
{
	const size_t whole = len & ~(size_t)7;
	uint64_t v[4] = {seed->key[0] ^ 0x736f6d6570736575,
		seed->key[1] ^ 0x646f72616e646f6d, seed->key[0] ^ 0x6c7967656e657261,
		seed->key[1] ^ 0x7465646279746573};
	uint64_t word;

	for (size_t i = 0; i < whole; i += sizeof(word)) {
		memcpy(&word, octets + i, sizeof(word));
		word = le64toh(word);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = (uint64_t)len << 56;
	for (size_t i = whole; i < len; i++)
		word |= (uint64_t)octets[i] << 8 * (i - whole);
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint32_t fold_hash(uint64_t hash)
{
	return (uint32_t)(hash ^ hash >> 32);
}

uint32_t octets_hash_seeded(
	const uint8_t *octets, size_t len, const struct name_seed *seed)
{
	return fold_hash(hash_octets(octets, len, seed));
}

uint64_t name_hash64_seeded(const uint8_t *name, const struct name_seed *seed)
{
	return hash_octets(name, name_len(name), seed);
}

uint32_t name_hash_seeded(const uint8_t *name, const struct name_seed *seed)
{
	return fold_hash(name_hash64_seeded(name, seed));
}

/* Where each label starts, root not counted; returns their number. */
static unsigned find_labels(const uint8_t *name, const uint8_t *ret_at[NAME_MAX_LABELS])
{
	unsigned count = 0;

	for (; *name && count < NAME_MAX_LABELS; name += 1 + *name)
		ret_at[count++] = name;
	return count;
}

/* RFC 4034 6.1: left-justified octet strings, absence sorts first. */
static int compare_labels(const uint8_t *a, const uint8_t *b)
{
	unsigned shorter = *a < *b ? *a : *b;

	for (unsigned i = 1; i <= shorter; i++) {
		int diff = fold(a[i]) - fold(b[i]);

		if (diff)
			return diff;
	}
	return *a - *b;
}

int name_compare(const uint8_t *a, const uint8_t *b)
{
	const uint8_t *a_at[NAME_MAX_LABELS], *b_at[NAME_MAX_LABELS];
	unsigned a_count = find_labels(a, a_at);
	unsigned b_count = find_labels(b, b_at);

	for (unsigned i = 1; i <= a_count && i <= b_count; i++) {
		int diff = compare_labels(a_at[a_count - i], b_at[b_count - i]);

		if (diff)
			return diff;
	}
	return (int)a_count - (int)b_count;
}

static bool is_explicit_wildcard(const uint8_t *pattern)
{
	return pattern[0] == 2 && pattern[1] == '\\' && pattern[2] == '*';
}

bool name_is_pattern(const uint8_t *name)
{
	return name_is_wildcard(name) || is_explicit_wildcard(name);
}

static bool match_label(const uint8_t *name, const uint8_t *pattern)
{
	if (name_is_wildcard(name))
		return is_explicit_wildcard(pattern);
	return name_is_wildcard(pattern) ||
		memcmp(name, pattern, 1 + (size_t)*pattern) == 0;
}

bool name_match_pattern(const uint8_t *name, const uint8_t *pattern)
{
	while (*name && *pattern) {
		if (!match_label(name, pattern))
			return false;
		name += 1 + *name;
		pattern += 1 + *pattern;
	}
	return *name == *pattern; /* both at the root */
}

/*
 * The same rule as in walk.c: each pointer leads before the first octet of the run of
 * labels that it ends, so that there is no loop; and there are no more pointers than a
 * name can have labels, so that a chain of bare pointers costs little.
 */
static int read_name(uint8_t ret_name[NAME_MAX_LEN], const uint8_t *msg, size_t end,
	size_t *at, unsigned pointers_left)
{
	size_t pos = *at, run = *at, after = 0, len = 0;

	for (;;) {
		if (pos >= end)
			return -EBADMSG;
		uint8_t octet = msg[pos];

		if (octet <= LABEL_MAX_LEN) {
			if (octet >= end - pos || len + 1 + octet > NAME_MAX_LEN)
				return -EBADMSG;
			memcpy(ret_name + len, msg + pos, 1 + (size_t)octet);
			len += 1 + octet;
			pos += 1 + octet;
			if (octet == 0)
				break;
			continue;
		}
		if ((octet & POINTER_BITS) != POINTER_BITS || pointers_left == 0 ||
			end - pos < 2)
			return -EBADMSG;
		size_t target = (size_t)(octet & ~POINTER_BITS) << 8 | msg[pos + 1];

		if (target >= run)
			return -EBADMSG;
		if (!after)
			after = pos + 2;
		pointers_left--;
		pos = run = target;
	}
	*at = after ? after : pos;
	return (int)len;
}

int name_read(uint8_t ret_name[NAME_MAX_LEN], const uint8_t *msg, size_t end, size_t *at)
{
	return read_name(ret_name, msg, end, at, NAME_MAX_LABELS);
}

int name_read_uncompressed(
	uint8_t ret_name[NAME_MAX_LEN], const uint8_t *msg, size_t end, size_t *at)
{
	return read_name(ret_name, msg, end, at, 0);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads one octet of text, escaped or not.  Returns the characters used, or 0 for a bad
 * escape. */
static size_t read_character(const char *text, uint8_t *ret_octet)
{
	if (text[0] != '\\') {
		*ret_octet = (uint8_t)text[0];
		return 1;
	}
	if (text[1] == '\0')
		return 0;
	if (!is_digit(text[1])) {
		*ret_octet = (uint8_t)text[1];
		return 2;
	}
	if (!is_digit(text[2]) || !is_digit(text[3]))
		return 0;
	int value = (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');

	if (value > 255)
		return 0;
	*ret_octet = (uint8_t)value;
	return 4;
}

/* Reads one label, up to its dot or the end of the text.  Returns the characters used,
 * or 0 if it is invalid. */
static size_t read_label(const char *text, uint8_t ret_label[1 + LABEL_MAX_LEN])
{
	size_t used = 0, len = 0;

	while (text[used] && text[used] != '.') {
		uint8_t octet;
		size_t step = read_character(text + used, &octet);

		if (step == 0 || len == LABEL_MAX_LEN)
			return 0;
		ret_label[1 + len++] = octet;
		used += step;
	}
	ret_label[0] = (uint8_t)len;
	return len ? used : 0;
}

static int append_name(uint8_t out[NAME_MAX_LEN], size_t len, const uint8_t *origin)
{
	if (!origin)
		return -EINVAL;
	size_t origin_len = name_len(origin);

	if (len + origin_len > NAME_MAX_LEN)
		return -EINVAL;
	memcpy(out + len, origin, origin_len);
	return 0;
}

int name_from_text(
	uint8_t ret_name[NAME_MAX_LEN], const char *text, const uint8_t *origin)
{
	static const uint8_t root[] = {0};
	uint8_t name[NAME_MAX_LEN], label[1 + LABEL_MAX_LEN];
	size_t len = 0;
	int r = 0;

	if (strcmp(text, "@") == 0) {
		r = append_name(name, 0, origin);
	} else if (strcmp(text, ".") == 0) {
		name[0] = 0;
	} else {
		const uint8_t *rest = origin;

		do {
			size_t used = read_label(text, label);

			/* The root label must still fit. */
			if (used == 0 || len + 1 + label[0] >= NAME_MAX_LEN)
				return -EINVAL;
			memcpy(name + len, label, 1 + (size_t)label[0]);
			len += 1 + label[0];
			text += used;
			if (*text == '.' && *++text == '\0')
				rest = root;
		} while (*text);
		r = append_name(name, len, rest);
	}
	if (r == 0)
		memcpy(ret_name, name, name_len(name));
	return r;
}

static char *print_octet(char *out, uint8_t octet)
{
	if (octet <= ' ' || octet > '~') {
		*out++ = '\\';
		*out++ = (char)('0' + octet / 100);
		*out++ = (char)('0' + octet / 10 % 10);
		*out++ = (char)('0' + octet % 10);
		return out;
	}
	/* Characters with a meaning in zone files (RFC 1035 5.1). */
	if (strchr(".\\\"();@$", octet))
		*out++ = '\\';
	*out++ = (char)octet;
	return out;
}

int name_pattern_from_text(
	uint8_t ret_pattern[NAME_MAX_LEN], const char *text, const uint8_t *origin)
{
	char escaped[NAME_TEXT_MAX];
	size_t len = 0;
	bool is_start = true; /* of a label */

	for (; *text && len + 3 < sizeof(escaped); text++) {
		if (is_start && strncmp(text, "\\*", 2) == 0 &&
			(text[2] == '.' || !text[2]))
			escaped[len++] = '\\';
		is_start = *text == '.';
		escaped[len++] = *text;
		/* An escaped dot does not begin a label. */
		if (*text == '\\' && text[1])
			escaped[len++] = *++text;
	}
	escaped[len] = '\0';
	return *text ? -EINVAL : name_from_text(ret_pattern, escaped, origin);
}

char *name_to_text(const uint8_t *name, char buf[NAME_TEXT_MAX])
{
	char *out = buf;

	if (*name == 0)
		*out++ = '.';
	for (; *name; name += 1 + *name) {
		for (unsigned i = 1; i <= *name; i++)
			out = print_octet(out, name[i]);
		*out++ = '.';
	}
	*out = '\0';
	return buf;
}
