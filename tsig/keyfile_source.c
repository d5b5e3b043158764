/*
 * What the readers of key files share (keyfile_source.h): messages, lines, and making
 * keys of the words they find.
 */
#include "tsig/keyfile_source.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	NAME_SHOWN_MAX =
		256,        /* octets of a path in messages: leaves room for the reason */
	ALGORITHM_MAX = 64, /* octets of an algorithm's name, with its final zero */
	SECRET_SPARE = 4,   /* octets: enough to notice that a secret is too long */
	BASE64_MAX = (HMAC_SECRET_MAX + SECRET_SPARE) / 3 * 4, /* base64 digits of that */
};

/* ---- messages ---- */

/* The end of a long path is more useful than its beginning. */
static int write_place(
	char *ret, size_t cap, const struct keyfile_source *src, unsigned line)
{
	const size_t len = strlen(src->name);
	const bool is_cut = len > NAME_SHOWN_MAX;

	if (!line)
		return snprintf(ret, cap, "%s%s: ", is_cut ? "..." : "",
			src->name + (is_cut ? len - NAME_SHOWN_MAX : 0));
	return snprintf(ret, cap, "%s%s:%u: ", is_cut ? "..." : "",
		src->name + (is_cut ? len - NAME_SHOWN_MAX : 0), line);
}

static void write_message(char *ret, const struct keyfile_source *src, unsigned line,
	const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static void write_message(char *ret, const struct keyfile_source *src, unsigned line,
	const char *format, va_list args)
{
	const int at = write_place(ret, KEYFILE_ERROR_MAX, src, line);

	vsnprintf(ret + at, (size_t)(KEYFILE_ERROR_MAX - at), format, args);
	/* Included files may contain paths too, which must not move a terminal's
	 * cursor. */
	for (char *c = ret; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
}

int keyfile_fail(
	const struct keyfile_source *src, unsigned line, int err, const char *reason, ...)
{
	va_list args;

	va_start(args, reason);
	write_message(src->ret_error, src, line, reason, args);
	va_end(args);
	return err;
}

void keyfile_warn(
	const struct keyfile_source *src, unsigned line, const char *reason, ...)
{
	char message[KEYFILE_ERROR_MAX];
	va_list args;

	if (!src->total->warning)
		return;
	va_start(args, reason);
	write_message(message, src, line, reason, args);
	va_end(args);
	src->total->warning(message, src->total->arg);
}

/* ---- spans and lines ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct keyfile_span keyfile_trim(struct keyfile_span span)
{
	while (span.len && is_blank(span.at[0])) {
		span.at++;
		span.len--;
	}
	while (span.len && is_blank(span.at[span.len - 1]))
		span.len--;
	return span;
}

bool keyfile_span_is(const struct keyfile_span *span, const char *word)
{
	return span->len == strlen(word) && strncasecmp(span->at, word, span->len) == 0;
}

bool keyfile_next_line(
	const struct keyfile_source *src, size_t *at, struct keyfile_span *ret_line)
{
	const char *start = src->text + *at, *end;
	size_t left = src->len - *at;

	if (!left)
		return false;
	end = memchr(start, '\n', left);
	ret_line->at = start;
	ret_line->len = end ? (size_t)(end - start) : left;
	*at += ret_line->len + (end ? 1 : 0);
	return true;
}

/* Copies with a final zero; false if it does not fit. */
static bool copy_span(char *ret, size_t cap, const struct keyfile_span *span)
{
	if (span->len >= cap)
		return false;
	memcpy(ret, span->at, span->len);
	ret[span->len] = '\0';
	return true;
}

/* ---- one key ---- */

/* A key and what it points to, until the ring has its copy. */
struct decoded {
	struct tsig_key key;
	uint8_t name[NAME_MAX_LEN];
	uint8_t secret[HMAC_SECRET_MAX + SECRET_SPARE];
};

/* Key names are absolute, with or without their final dot. */
static bool decode_name(uint8_t ret_name[NAME_MAX_LEN], const struct keyfile_span *span)
{
	static const uint8_t root[] = {0};
	char text[NAME_TEXT_MAX];

	if (!span->len || !copy_span(text, sizeof(text), span))
		return false;
	/* "@" means the origin only in zone files. */
	if (strcmp(text, "@") == 0 || name_from_text(ret_name, text, root) < 0)
		return false;
	name_lower(ret_name);
	return true;
}

static bool decode_algorithm(struct tsig_key *key, const struct keyfile_span *span)
{
	char text[ALGORITHM_MAX];

	return copy_span(text, sizeof(text), span) &&
		hmac_algorithm_from_text(text, &key->alg, &key->mac_min);
}

/* NULL, or what is wrong with the secret. */
static const char *decode_secret(struct decoded *d, const struct keyfile_span *span)
{
	static const char too_long[] = "secret longer than 512 octets";
	size_t digits = 0;
	int len;

	_Static_assert(HMAC_SECRET_MAX == 512, "the message above names the limit");
	for (size_t i = 0; i < span->len; i++)
		digits += !isspace((unsigned char)span->at[i]);
	if (digits > BASE64_MAX)
		return too_long;
	len = hmac_decode_base64(span->at, span->len, d->secret, sizeof(d->secret));
	if (len < 0)
		return "secret is not base64";
	if (len == 0)
		return "secret is empty";
	if (len > HMAC_SECRET_MAX)
		return too_long;
	d->key.secret = d->secret;
	d->key.secret_len = (uint16_t)len;
	return NULL;
}

/* NULL, or what is wrong; then *ret_at is the word at fault, if there is one. */
static const char *decode_entry(struct decoded *d, const struct keyfile_entry *entry,
	const struct keyfile_span **ret_at)
{
	*ret_at = NULL;
	if (!entry->name.at)
		return "key without name";
	if (!entry->algorithm.at)
		return "key without algorithm";
	if (!entry->secret.at)
		return "key without secret";
	*ret_at = &entry->name;
	if (!decode_name(d->name, &entry->name))
		return "the key's name is not a domain name";
	d->key.name = d->name;
	*ret_at = &entry->algorithm;
	if (!decode_algorithm(&d->key, &entry->algorithm))
		return "unknown algorithm, or not a length to truncate it to";
	*ret_at = &entry->secret;
	return decode_secret(d, &entry->secret);
}

/* A word that is not in the text, being a default, is where its key is. */
static unsigned find_line(const struct keyfile_source *src,
	const struct keyfile_entry *entry, const struct keyfile_span *word)
{
	const uintptr_t text = (uintptr_t)src->text;
	unsigned line = 1;

	if (!word || !src->text || (uintptr_t)word->at < text ||
		(uintptr_t)word->at > text + src->len)
		return entry->line;
	for (const char *c = src->text; c < word->at; c++)
		line += *c == '\n';
	return line;
}

/*
 * "hmac-sha256-128" means two things on the wire: in BIND's notation hmac-sha256 with
 * its MAC cut to 16 octets, in RFC 8945 6 (and dnspython) a separate algorithm.
 * Clients with the secret may send either, so the ring gets both, BIND's first.
 */
static int add_to_ring(struct keyring *ring, struct tsig_key *key)
{
	static const struct {
		enum hmac_algorithm whole, truncated;
	} pairs[] = {
		{HMAC_SHA256, HMAC_SHA256_128},
		{HMAC_SHA384, HMAC_SHA384_192},
		{HMAC_SHA512, HMAC_SHA512_256},
	};
	int err = keyring_add(ring, key);

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]) && err == 0; i++) {
		if (key->alg != pairs[i].whole ||
			key->mac_min != hmac_len(pairs[i].truncated))
			continue;
		key->alg = pairs[i].truncated;
		err = keyring_add(ring, key);
	}
	return err;
}

int keyfile_add_entry(const struct keyfile_source *src, const struct keyfile_entry *entry)
{
	struct decoded d = {.key = {.not_before = INT64_MIN, .not_after = INT64_MAX}};
	const struct keyfile_span *word;
	const char *wrong;
	int err;

	if (src->st.st_mode & 007)
		return keyfile_fail(src, entry->line, -EACCES,
			"a key in a file that is open to others (mode %03o)",
			(unsigned)src->st.st_mode & 0777U);
	wrong = decode_entry(&d, entry, &word);
	if (wrong) {
		err = keyfile_fail(
			src, find_line(src, entry, word), -EINVAL, "%s", wrong);
	} else {
		err = add_to_ring(src->ring, &d.key);
		if (err < 0)
			keyfile_fail(src, entry->line, err,
				err == -ENOSPC ? "too many keys"
					       : "no memory for the key");
		else
			src->total->keys++;
	}
	hmac_wipe(&d, sizeof(d));
	return err;
}
