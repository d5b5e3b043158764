/*
 * The HMAC keys of older dnssec-keygen, and of ldns-keygen: Kname.+NNN+NNNNN.private.
 *
 * The key's name is only in the file's name, as BIND writes it: in lower case, with
 * everything except letters, digits, '-', '_' and '.' as %XX.  Bits: is the length to
 * which MACs are truncated, zero for none.  The times (Activate:, Inactive: and so on)
 * are for a zone's key rollover; no server applied them to TSIG, so they are ignored.
 */
#include "tsig/keyfile_source.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PAIR_DIGITS_LEN = sizeof("+163+12345") - 1,
	ALGORITHM_DIGITS_MAX = 5, /* a number of 16 bits at most */
	ALGORITHM_TEXT_MAX = sizeof("hmac-sha512-65535"),
};

struct private_file {
	const struct keyfile_source *src;
	unsigned line;       /* being read, from 1 */
	bool is_private_key; /* its header was found */
	long algorithm;      /* number in BIND's dst library; 0: not seen */
	unsigned algorithm_line;
	uint16_t bits; /* 0: whole MACs */
	struct keyfile_span secret;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "+163+12345" */
static bool is_pair_digits(const char *text)
{
	static const char shape[] = "+ddd+ddddd";

	for (size_t i = 0; i < PAIR_DIGITS_LEN; i++) {
		bool is_digit = text[i] >= '0' && text[i] <= '9';

		if (shape[i] == 'd' ? !is_digit : text[i] != shape[i])
			return false;
	}
	return true;
}

bool keyfile_is_pair_name(const char *path, const char *suffix)
{
	const char *base = base_name(path);
	size_t len = strlen(base), tail = PAIR_DIGITS_LEN + strlen(suffix);

	/* At least "K." stands before the digits, for the name of the root. */
	return len >= 2 + tail && base[0] == 'K' && base[len - tail - 1] == '.' &&
		is_pair_digits(base + len - tail) &&
		strcmp(base + len - strlen(suffix), suffix) == 0;
}

/* The numbers of BIND's dst library, and those of ldns-keygen if they differ; NULL:
 * unknown. */
static const char *algorithm_name(long number)
{
	static const struct {
		long number;
		const char *name;
	} known[] = {
		{157, "hmac-md5"},
		{158, "hmac-sha1"},   /* ldns */
		{159, "hmac-sha256"}, /* ldns */
		{161, "hmac-sha1"},
		{162, "hmac-sha224"},
		{163, "hmac-sha256"},
		{164, "hmac-sha384"},
		{165, "hmac-sha512"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].number == number)
			return known[i].name;
	return NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Converts %XX to \DDD.  The length of the text, or -EINVAL. */
static int decode_name(char ret_text[NAME_TEXT_MAX], const char *from, size_t len)
{
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (at + sizeof("\\255") > NAME_TEXT_MAX)
			return -EINVAL;
		if (from[i] != '%') {
			ret_text[at++] = from[i];
			continue;
		}
		if (len - i < 3)
			return -EINVAL;
		high = hex_digit(from[i + 1]);
		low = hex_digit(from[i + 2]);
		if (high < 0 || low < 0)
			return -EINVAL;
		at += (size_t)snprintf(ret_text + at, NAME_TEXT_MAX - at, "\\%03u",
			(unsigned)(high * 16 + low) & 0xffU);
		i += 2;
	}
	ret_text[at] = '\0';
	return (int)at;
}

/* "163 (HMAC_SHA256)".  Anything else gives 0, which is not an algorithm. */
static long read_number(const struct keyfile_span *value)
{
	long number = 0;
	size_t i;

	for (i = 0; i < value->len && value->at[i] >= '0' && value->at[i] <= '9'; i++) {
		if (i == ALGORITHM_DIGITS_MAX)
			return 0;
		number = number * 10 + (value->at[i] - '0');
	}
	return i == value->len || value->at[i] == ' ' ? number : 0;
}

static int read_algorithm(struct private_file *p, const struct keyfile_span *value)
{
	p->algorithm_line = p->line;
	p->algorithm = read_number(value);
	if (algorithm_name(p->algorithm))
		return 0;
	return keyfile_fail(p->src, p->line, -EINVAL,
		"not the algorithm of a TSIG key (157 to 159 and 161 to 165 are)");
}

static int read_bits(struct private_file *p, const struct keyfile_span *value)
{
	uint8_t octets[2];
	int len = hmac_decode_base64(value->at, value->len, octets, sizeof(octets));

	if (len != sizeof(octets))
		return keyfile_fail(
			p->src, p->line, -EINVAL, "Bits: is not 16 bits in base64");
	p->bits = (uint16_t)(octets[0] << 8 | octets[1]);
	return 0;
}

static int read_field(struct private_file *p, struct keyfile_span line)
{
	struct keyfile_span tag, value;
	const char *colon;

	line = keyfile_trim(line);
	if (!line.len || line.at[0] == '#' || line.at[0] == ';')
		return 0;
	colon = memchr(line.at, ':', line.len);
	if (!colon)
		return keyfile_fail(p->src, p->line, -EINVAL, "\"Tag: value\" expected");
	tag = (struct keyfile_span){line.at, (size_t)(colon - line.at)};
	value = keyfile_trim((struct keyfile_span){colon + 1, line.len - tag.len - 1});
	if (keyfile_span_is(&tag, "Private-key-format")) {
		p->is_private_key = true;
		return 0;
	}
	if (keyfile_span_is(&tag, "Algorithm"))
		return read_algorithm(p, &value);
	if (keyfile_span_is(&tag, "Bits"))
		return read_bits(p, &value);
	if (!keyfile_span_is(&tag, "Key"))
		return 0;
	if (p->secret.at)
		return keyfile_fail(p->src, p->line, -EINVAL, "Key: is there twice");
	p->secret = value;
	return 0;
}

static int add_key(const struct private_file *p)
{
	char name[NAME_TEXT_MAX], algorithm[ALGORITHM_TEXT_MAX];
	const char *base = base_name(p->src->name);
	size_t name_end = strlen(base) - strlen(strrchr(base, '.')) - PAIR_DIGITS_LEN;
	struct keyfile_entry entry = {.secret = p->secret, .line = p->algorithm_line};
	int len = decode_name(name, base + 1, name_end - 1);

	if (len < 0)
		return keyfile_fail(
			p->src, 1, -EINVAL, "bad key name in the file's name");
	if (strtol(base + name_end + 1, NULL, 10) != p->algorithm)
		return keyfile_fail(p->src, p->algorithm_line, -EINVAL,
			"the file's name says another algorithm");
	entry.name = (struct keyfile_span){name, (size_t)len};
	snprintf(algorithm, sizeof(algorithm), "%s-%u", algorithm_name(p->algorithm),
		p->bits);
	if (!p->bits)
		*strrchr(algorithm, '-') = '\0';
	entry.algorithm = (struct keyfile_span){algorithm, strlen(algorithm)};
	return keyfile_add_entry(p->src, &entry);
}

int keyfile_read_private(const struct keyfile_source *src)
{
	struct private_file p = {.src = src};
	struct keyfile_span line;
	size_t at = 0;

	while (keyfile_next_line(src, &at, &line)) {
		int err;

		p.line++;
		err = read_field(&p, line);
		if (err < 0)
			return err;
	}
	if (!p.is_private_key)
		return keyfile_fail(src, 1, -EINVAL, "no Private-key-format: in it");
	if (!p.algorithm)
		return keyfile_fail(src, 1, -EINVAL, "no Algorithm: in it");
	if (!p.secret.at)
		return keyfile_fail(src, 1, -EINVAL, "no Key: in it");
	if (!keyfile_is_pair_name(src->name, ".private") &&
		!keyfile_is_pair_name(src->name, ".key"))
		return keyfile_fail(src, 1, -EINVAL,
			"the key's name must be in the file's: Kname.+NNN+NNNNN.private");
	return add_key(&p);
}
