/*
 * Key files: finds out which of the four forms a file has.
 *
 * The grammars are in keyfile_bind.c, keyfile_yaml.c and keyfile_private.c; only that
 * of lines is here.  keyfile_load.c opens files, and is called by grammars with
 * includes; keyfile_source.c has what they all share.
 */
#include "tsig/keyfile.h"
#include "tsig/keyfile_source.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "tsig/byte_order_mark.h"

/* The default of knsupdate if a line names none; nsupdate 9.18 still uses MD5. */
static const char default_algorithm[] = "hmac-sha256";

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
	entry.secret = line; /* another colon in it is not valid base64 */
	return keyfile_add_entry(src, &entry);
}

static int read_lines(const struct keyfile_source *src)
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

/* ---- which form? ---- */

/* Skips blanks and comments, of every form, that begin at at. */
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
 * The first word decides: "word: " begins a section of Knot or NSD, "word:word" is a
 * line, and anything else is left to the grammar of BIND.
 */
static keyfile_reader *find_reader(const struct keyfile_source *src)
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
	return read_lines;
}

/* Text must not contain NUL octets; the readers use NUL for its end. */
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

static int read_source(struct keyfile_source *src)
{
	int err = check_text(src);
	size_t mark_len;

	if (err < 0)
		return err;
	mark_len = byte_order_mark_len(src->text, src->len);
	src->text += mark_len;
	src->len -= mark_len;
	src->read = src->is_looked_into ? keyfile_look_bind
		: src->parent           ? src->parent->read
					: find_reader(src);
	src->is_yaml = src->read == keyfile_read_yaml;
	err = src->read(src);
	if (err == 0 && !src->parent && src->total->keys == 0)
		return keyfile_fail(src, 1, -EINVAL, "no key in it");
	return err;
}

int keyfile_parse(struct keyring *ring, const char *name, const char *text, size_t len,
	keyfile_warning *warning, void *arg, char ret_error[KEYFILE_ERROR_MAX])
{
	struct keyfile_total total = {
		.read = read_source, .warning = warning, .arg = arg};
	struct keyfile_source src = {.ring = ring,
		.name = name,
		.text = text,
		.len = len,
		.total = &total,
		.ret_error = ret_error};

	return read_source(&src);
}

int keyfile_load(struct keyring *ring, const char *path, keyfile_warning *warning,
	void *arg, char ret_error[KEYFILE_ERROR_MAX])
{
	struct keyfile_total total = {
		.read = read_source, .warning = warning, .arg = arg};
	struct keyfile_source src = {
		.ring = ring, .name = path, .total = &total, .ret_error = ret_error};

	return keyfile_read_first(&src);
}
