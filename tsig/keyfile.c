/*
 * Key files: opening them, telling the four forms apart, and turning the words found in
 * them into keys of the ring.
 *
 * The grammars are elsewhere: keyfile_bind.c, keyfile_yaml.c, keyfile_private.c; only
 * the one of lines is here.  A file's octets are in memory once, and wiped when it is
 * done.
 *
 * Who may read: the file that is asked for must be closed to others.  A file included
 * from it (a named.conf includes much that is no secret) may be open to reading, but
 * then not hold a key; what others may write is never followed, since it could bring in
 * any key.
 *
 * Limits: KEYFILE_SIZE_MAX octets and KEYFILE_FILES_MAX files over all includes of a
 * call, KEYFILE_DEPTH_MAX of them nested.  Only regular files: a FIFO could block for
 * ever.
 */
#include "tsig/keyfile.h"
#include "tsig/keyfile_source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	NAME_SHOWN_MAX =
		256,        /* octets of a path in messages: leaves room for the reason */
	ALGORITHM_MAX = 64, /* octets of an algorithm's name, with its final zero */
	SECRET_SPARE = 4,   /* octets: enough to see that a secret is too long */
	BASE64_MAX = (HMAC_SECRET_MAX + SECRET_SPARE) / 3 * 4, /* digits that fit so */
};

/* knsupdate's, where a line names none; nsupdate 9.18 still takes MD5 then. */
static const char default_algorithm[] = "hmac-sha256";

/* ---- messages ---- */

/* The end of a long path says more than its beginning. */
static int write_place(
	char *ret, size_t cap, const struct keyfile_source *src, unsigned line)
{
	size_t len;
	bool is_cut;

	if (!src->name)
		return 0;
	len = strlen(src->name);
	is_cut = len > NAME_SHOWN_MAX;
	if (!line)
		return snprintf(ret, cap, "%s%s: ", is_cut ? "..." : "",
			src->name + (is_cut ? len - NAME_SHOWN_MAX : 0));
	return snprintf(ret, cap, "%s%s:%u: ", is_cut ? "..." : "",
		src->name + (is_cut ? len - NAME_SHOWN_MAX : 0), line);
}

int keyfile_fail(
	const struct keyfile_source *src, unsigned line, int err, const char *reason, ...)
{
	va_list args;
	int at = write_place(src->ret_error, KEYFILE_ERROR_MAX, src, line);

	va_start(args, reason);
	vsnprintf(src->ret_error + at, (size_t)(KEYFILE_ERROR_MAX - at), reason, args);
	va_end(args);
	/* Paths come from included files too: nothing that moves a terminal's cursor. */
	for (char *c = src->ret_error; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	return err;
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

/* A copy with final zero; false if it does not fit. */
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
	/* "@" is the origin in zone files only. */
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

/* NULL, or what is wrong with it. */
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

static const char *decode_entry(struct decoded *d, const struct keyfile_entry *entry)
{
	if (!entry->name.at)
		return "key without name";
	if (!entry->algorithm.at)
		return "key without algorithm";
	if (!entry->secret.at)
		return "key without secret";
	if (!decode_name(d->name, &entry->name))
		return "the key's name is not a domain name";
	d->key.name = d->name;
	if (!decode_algorithm(&d->key, &entry->algorithm))
		return "unknown algorithm, or not a length to truncate it to";
	return decode_secret(d, &entry->secret);
}

/*
 * "hmac-sha256-128" is two things on the wire: in BIND's notation hmac-sha256 with its
 * MAC cut to 16 octets, in RFC 8945 6 (and with dnspython) an algorithm of its own.
 * Whoever has the secret may send either, so the ring gets both, BIND's first.
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
	const char *wrong;
	int err;

	if (src->st.st_mode & 007)
		return keyfile_fail(src, entry->line, -EACCES,
			"a key in a file that is open to others (mode %03o)",
			(unsigned)src->st.st_mode & 0777U);
	wrong = decode_entry(&d, entry);
	if (wrong) {
		err = keyfile_fail(src, entry->line, -EINVAL, "%s", wrong);
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

/* ---- lines alg:name:secret ---- */

static int add_line(
	const struct keyfile_source *src, struct keyfile_span line, unsigned n)
{
	struct keyfile_entry entry = {.line = n};
	struct keyfile_span *field[] = {&entry.algorithm, &entry.name, &entry.secret};
	const char *colon = memchr(line.at, ':', line.len);
	const char *end = line.at + line.len;
	size_t first = 0;

	if (!colon)
		return keyfile_fail(src, n, -EINVAL, "algorithm:name:secret expected");
	if (!memchr(colon + 1, ':', (size_t)(end - colon - 1))) {
		entry.algorithm.at = default_algorithm;
		entry.algorithm.len = sizeof(default_algorithm) - 1;
		first = 1;
	}
	for (size_t i = first; i < 2; i++) {
		colon = memchr(line.at, ':', line.len);
		*field[i] = (struct keyfile_span){line.at, (size_t)(colon - line.at)};
		line = (struct keyfile_span){colon + 1, (size_t)(end - colon - 1)};
	}
	entry.secret = line; /* a further colon in it is no base64 */
	return keyfile_add_entry(src, &entry);
}

int keyfile_read_lines(const struct keyfile_source *src)
{
	struct keyfile_span line;
	unsigned n = 0;
	size_t at = 0;

	while (keyfile_next_line(src, &at, &line)) {
		int err;

		n++;
		line = keyfile_trim(line);
		if (!line.len || line.at[0] == '#')
			continue;
		err = add_line(src, line, n);
		if (err < 0)
			return err;
	}
	return 0;
}

int keyfile_parse_line(
	struct keyring *ring, const char *line, char ret_error[KEYFILE_ERROR_MAX])
{
	struct keyfile_total total = {0};
	struct keyfile_source src = {
		.ring = ring, .total = &total, .ret_error = ret_error};

	return add_line(&src, keyfile_trim((struct keyfile_span){line, strlen(line)}), 0);
}

/* ---- which form? ---- */

/* Behind the blanks and comments at at, comments of every form. */
static size_t skip_blanks(const struct keyfile_source *src, size_t at)
{
	const char *end;

	while (at < src->len) {
		const char *text = src->text + at;
		size_t left = src->len - at;

		if (isspace((unsigned char)text[0])) {
			at++;
			continue;
		}
		if (left > 1 && text[0] == '/' && text[1] == '*') {
			end = memmem(text + 2, left - 2, "*/", 2);
			at = end ? (size_t)(end - src->text) + 2 : src->len;
			continue;
		}
		if (text[0] != '#' && !(left > 1 && text[0] == '/' && text[1] == '/'))
			break;
		end = memchr(text, '\n', left);
		at = end ? (size_t)(end - src->text) + 1 : src->len;
	}
	return at;
}

/*
 * The first word decides: "word: " begins a section of Knot's, "word:word" is a line, and
 * everything else is BIND's to judge.
 */
static int (*find_reader(const struct keyfile_source *src))(const struct keyfile_source *)
{
	static const char tag[] = "Private-key-format:";
	size_t at = skip_blanks(src, 0), left = src->len - at, len = 0;
	const char *word = src->text + at;

	if (keyfile_is_pair_name(src->name, ".private") ||
		keyfile_is_pair_name(src->name, ".key") ||
		(left >= sizeof(tag) - 1 && memcmp(word, tag, sizeof(tag) - 1) == 0))
		return keyfile_read_private;
	if (left >= 3 && memcmp(word, "---", 3) == 0)
		return keyfile_read_yaml;
	while (len < left && !isspace((unsigned char)word[len]) &&
		!strchr(":{};\"", word[len]))
		len++;
	if (len == 0 || len == left || word[len] != ':')
		return keyfile_read_bind;
	if (len + 1 == left || isspace((unsigned char)word[len + 1]))
		return keyfile_read_yaml;
	return keyfile_read_lines;
}

/* Text does not hold NUL octets; further on they stand for its end. */
static int check_text(const struct keyfile_source *src)
{
	const char *nul = src->len ? memchr(src->text, '\0', src->len) : NULL;
	unsigned line = 1;

	if (!nul)
		return 0;
	for (const char *c = src->text; c < nul; c++)
		line += *c == '\n';
	return keyfile_fail(src, line, -EINVAL, "NUL octet: not a text file");
}

static int read_source(const struct keyfile_source *src)
{
	int err = check_text(src);

	if (err < 0)
		return err;
	if (src->parent)
		return keyfile_read_bind(src);
	err = find_reader(src)(src);
	if (err == 0 && src->total->keys == 0)
		return keyfile_fail(src, 1, -EINVAL, "no key in it");
	return err;
}

int keyfile_parse(struct keyring *ring, const char *name, const char *text, size_t len,
	char ret_error[KEYFILE_ERROR_MAX])
{
	struct keyfile_total total = {0};
	struct keyfile_source src = {.ring = ring,
		.name = name,
		.text = text,
		.len = len,
		.total = &total,
		.ret_error = ret_error};

	return read_source(&src);
}

/* ---- files ---- */

/* The file itself is at fault: an included one is reported where it is included. */
static int fail_file(const struct keyfile_source *src, int err, const char *reason)
{
	if (!src->parent)
		return keyfile_fail(src, 0, err, "%s", reason);
	return keyfile_fail(src->parent, src->parent_line, err, "include: %s", reason);
}

/* May this file be read as what it is?  0, or -errno with the reason. */
static int check_file(const struct keyfile_source *src)
{
	mode_t closed = src->parent ? 002 : 007;

	if (!S_ISREG(src->st.st_mode))
		return fail_file(src, -EINVAL, "not a regular file");
	if (src->st.st_mode & closed)
		return fail_file(src, -EACCES,
			src->parent ? "others may write it"
				    : "open to others (chmod o= it)");
	for (const struct keyfile_source *up = src->parent; up; up = up->parent)
		if (up->st.st_dev == src->st.st_dev && up->st.st_ino == src->st.st_ino)
			return fail_file(src, -EINVAL, "includes itself");
	if (++src->total->files > KEYFILE_FILES_MAX)
		return fail_file(src, -EINVAL, "too many files included");
	if ((uintmax_t)src->st.st_size > KEYFILE_SIZE_MAX - src->total->octets)
		return fail_file(src, -EFBIG, "too large");
	return 0;
}

/* Reads len octets, or fewer if the file became shorter.  -errno. */
static ssize_t read_fully(int fd, char *ret, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t got = read(fd, ret + at, len - at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		at += (size_t)got;
	}
	return (ssize_t)at;
}

static int read_open_file(struct keyfile_source *src, int fd)
{
	size_t size;
	ssize_t got;
	char *text;
	int err = check_file(src);

	if (err < 0)
		return err;
	size = (size_t)src->st.st_size;
	text = malloc(size + 1); /* never of 0 octets */
	if (!text)
		return fail_file(src, -ENOMEM, "no memory to read it");
	got = read_fully(fd, text, size);
	if (got < 0) {
		err = fail_file(src, (int)got, strerror((int)-got));
	} else {
		src->text = text;
		src->len = (size_t)got;
		src->total->octets += src->len;
		err = read_source(src);
	}
	hmac_wipe(text, size);
	free(text);
	return err;
}

static int read_file(struct keyfile_source *src)
{
	int fd = open(src->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int err;

	if (fd < 0) {
		err = -errno;
		return fail_file(src, err, strerror(-err));
	}
	if (fstat(fd, &src->st) < 0) {
		err = -errno;
		fail_file(src, err, strerror(-err));
	} else {
		err = read_open_file(src, fd);
	}
	close(fd);
	return err;
}

/* A relative path begins where the including file is. */
static bool resolve_path(
	char ret[PATH_MAX], const char *including, const struct keyfile_span *path)
{
	const char *slash = strrchr(including, '/');
	size_t dir_len = slash ? (size_t)(slash - including) + 1 : 0;

	if (!path->len || path->len + dir_len >= PATH_MAX)
		return false;
	if (path->at[0] == '/')
		dir_len = 0;
	memcpy(ret, including, dir_len);
	memcpy(ret + dir_len, path->at, path->len);
	ret[dir_len + path->len] = '\0';
	return true;
}

int keyfile_include(
	const struct keyfile_source *src, unsigned line, const struct keyfile_span *path)
{
	char resolved[PATH_MAX];
	struct keyfile_source included = {.ring = src->ring,
		.name = resolved,
		.parent = src,
		.parent_line = line,
		.depth = src->depth + 1,
		.total = src->total,
		.ret_error = src->ret_error};

	if (!src->st.st_mode)
		return keyfile_fail(src, line, -EINVAL, "include is not followed here");
	if (included.depth > KEYFILE_DEPTH_MAX)
		return keyfile_fail(src, line, -EINVAL,
			"more than %d includes within includes", KEYFILE_DEPTH_MAX);
	if (!resolve_path(resolved, src->name, path))
		return keyfile_fail(src, line, -EINVAL, "bad path");
	return read_file(&included);
}

/*
 * The .key of a pair is the public half of the file format, not of the key: it has the
 * secret too, so it must be closed as well.
 */
static int check_public_half(struct keyfile_source *src)
{
	if (stat(src->name, &src->st) < 0) {
		int err = -errno;

		return fail_file(src, err, strerror(-err));
	}
	return check_file(src);
}

int keyfile_load(
	struct keyring *ring, const char *path, char ret_error[KEYFILE_ERROR_MAX])
{
	static const char suffix[] = ".private";
	struct keyfile_total total = {0};
	struct keyfile_source src = {
		.ring = ring, .name = path, .total = &total, .ret_error = ret_error};
	char sibling[PATH_MAX];
	size_t stem;
	int err;

	if (!keyfile_is_pair_name(path, ".key"))
		return read_file(&src);
	err = check_public_half(&src);
	if (err < 0)
		return err;
	stem = strlen(path) - strlen(".key");
	if (stem + sizeof(suffix) > sizeof(sibling))
		return fail_file(&src, -ENAMETOOLONG, "path too long");
	memcpy(sibling, path, stem);
	memcpy(sibling + stem, suffix, sizeof(suffix));
	src.name = sibling;
	return read_file(&src);
}
