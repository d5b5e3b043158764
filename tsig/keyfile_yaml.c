/*
 * Key files of Knot DNS and NSD.  Knot's is the key section of its configuration, as
 * keymgr -t prints it; NSD's are key clauses, where indentation means nothing:
 *
 *     key:                            key:
 *       - id: name                        name: "name"
 *         algorithm: hmac-sha256          algorithm: hmac-sha256
 *         secret: "base64"                secret: "base64"
 *
 * This is only the part of YAML that Knot supports, read line by line: no anchors, no
 * block scalars, no flow collections.  In NSD's files algorithms may lack "hmac-", and
 * the default is sha256 (nsd.conf(5)); in Knot's an algorithm is required.  Other
 * sections are skipped, with a warning if one contains a secret:; include: is
 * followed.  Other settings of a key (comment) are ignored.
 */
#include "tsig/keyfile_source.h"

#include <errno.h>
#include <string.h>

struct yaml {
	const struct keyfile_source *src;
	unsigned line; /* being read, from 1 */
	bool is_key_section;
	bool is_item_open; /* entry is begun */
	bool is_clause;    /* of NSD: the section is one key */
	struct keyfile_entry entry;
};

static int fail_here(const struct yaml *y, const char *reason)
{
	return keyfile_fail(y->src, y->line, -EINVAL, "%s", reason);
}

/* NSD's short names and its default. */
static void complete_algorithm(struct keyfile_span *algorithm)
{
	static const char *const names[] = {"hmac-sha256", "hmac-sha1", "hmac-sha224",
		"hmac-sha384", "hmac-sha512", "hmac-md5"};
	const char *meant = algorithm->at ? NULL : names[0];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !meant; i++)
		if (keyfile_span_is(algorithm, names[i] + strlen("hmac-")))
			meant = names[i];
	if (meant)
		*algorithm = (struct keyfile_span){meant, strlen(meant)};
}

static int finish_item(struct yaml *y)
{
	if (!y->is_item_open)
		return 0;
	y->is_item_open = false;
	if (y->is_clause)
		complete_algorithm(&y->entry.algorithm);
	return keyfile_add_entry(y->src, &y->entry);
}

/* Reads a quoted value up to the closing quote; only a comment may follow. */
static int read_quoted(const struct yaml *y, struct keyfile_span *value)
{
	char quote = value->at[0];
	size_t end = 1;
	struct keyfile_span rest;

	while (end < value->len && value->at[end] != quote) {
		if (quote == '"' && value->at[end] == '\\')
			end++;
		end++;
	}
	if (end >= value->len)
		return fail_here(y, "string without end");
	rest.at = value->at + end + 1;
	rest.len = value->len - end - 1;
	rest = keyfile_trim(rest);
	if (rest.len && rest.at[0] != '#')
		return fail_here(y, "something stands behind the string");
	value->at++;
	value->len = end - 1;
	return 0;
}

/* A comment begins at the start of the value, or after a blank (YAML 1.2, 6.6). */
static struct keyfile_span cut_comment(struct keyfile_span value)
{
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] != '#')
			continue;
		if (i == 0 || value.at[i - 1] == ' ' || value.at[i - 1] == '\t')
			value.len = i;
	}
	return keyfile_trim(value);
}

static int read_value(const struct yaml *y, struct keyfile_span *value)
{
	*value = keyfile_trim(*value);
	if (value->len && (value->at[0] == '"' || value->at[0] == '\''))
		return read_quoted(y, value);
	*value = cut_comment(*value);
	if (value->len && (value->at[0] == '[' || value->at[0] == '{'))
		return fail_here(y, "one value expected, not a list");
	return 0;
}

/* Splits "word:" from what follows it; the colon must end the line or precede a blank. */
static bool split_setting(struct keyfile_span text, struct keyfile_span *ret_word,
	struct keyfile_span *ret_value)
{
	const char *colon = memchr(text.at, ':', text.len);
	size_t len;

	if (!colon)
		return false;
	len = (size_t)(colon - text.at);
	if (len + 1 < text.len && text.at[len + 1] != ' ' && text.at[len + 1] != '\t')
		return false;
	*ret_word = keyfile_trim((struct keyfile_span){text.at, len});
	*ret_value = (struct keyfile_span){text.at + len + 1, text.len - len - 1};
	return ret_word->len != 0;
}

/* Where the value of a key's setting goes; NULL: nowhere. */
static struct keyfile_span *find_place(struct yaml *y, const struct keyfile_span *word)
{
	if (keyfile_span_is(word, "id") || keyfile_span_is(word, "name"))
		return &y->entry.name;
	if (keyfile_span_is(word, "algorithm"))
		return &y->entry.algorithm;
	return keyfile_span_is(word, "secret") ? &y->entry.secret : NULL;
}

static int read_setting(
	struct yaml *y, const struct keyfile_span *word, struct keyfile_span value)
{
	struct keyfile_span *place;
	int err;

	if (!y->is_item_open && y->is_clause && !keyfile_span_is(word, "id")) {
		y->is_item_open = true;
		y->entry = (struct keyfile_entry){.line = y->line};
	}
	if (!y->is_item_open)
		return fail_here(
			y, "setting outside of an item: \"- id: name\" begins one");
	place = find_place(y, word);
	if (!place)
		return 0;
	if (place->at)
		return fail_here(y, "id, algorithm or secret is there twice");
	err = read_value(y, &value);
	if (err < 0)
		return err;
	*place = value;
	return 0;
}

/* Both servers accept patterns. */
static int read_include(struct yaml *y, struct keyfile_span value)
{
	int err = finish_item(y);

	if (err < 0)
		return err;
	err = read_value(y, &value);
	return err < 0 ? err : keyfile_include(y->src, y->line, &value);
}

static int read_section(
	struct yaml *y, const struct keyfile_span *word, struct keyfile_span value)
{
	int err = finish_item(y);

	if (err < 0)
		return err;
	y->is_key_section = y->is_clause = false;
	if (!keyfile_span_is(word, "key"))
		return 0;
	if (cut_comment(value).len)
		return fail_here(y, "the key section is a list of items");
	/* The first dash shows that it is Knot's form. */
	y->is_key_section = y->is_clause = true;
	return 0;
}

/* A line without a dash. */
static int read_words(struct yaml *y, struct keyfile_span text, bool is_indented)
{
	struct keyfile_span word, value;
	bool is_setting;

	if (!split_setting(text, &word, &value)) {
		if (is_indented && !y->is_key_section)
			return 0;
		return fail_here(y,
			is_indented ? "\"word: value\" expected"
				    : "name of a section expected");
	}
	if (keyfile_span_is(&word, "include") && !y->is_key_section)
		return read_include(y, value);
	if (!is_indented && keyfile_span_is(&word, "include"))
		return read_include(y, value);
	is_setting = is_indented || (y->is_clause && find_place(y, &word));
	if (!is_setting)
		return read_section(y, &word, value);
	if (y->is_key_section)
		return read_setting(y, &word, value);
	if (keyfile_span_is(&word, "secret"))
		keyfile_warn(y->src, y->line,
			"a secret outside of the key section is not loaded");
	return 0;
}

/* Reads what follows the dash. */
static int read_item(struct yaml *y, struct keyfile_span text)
{
	int err = finish_item(y);

	if (err < 0)
		return err;
	y->is_clause = false;
	y->is_item_open = true;
	y->entry = (struct keyfile_entry){.line = y->line};
	return text.len && text.at[0] != '#' ? read_words(y, text, true) : 0;
}

static int read_yaml_line(struct yaml *y, struct keyfile_span line)
{
	struct keyfile_span text = keyfile_trim(line), rest;
	bool is_indented = text.at != line.at;

	if (!text.len || text.at[0] == '#')
		return 0;
	/* The marks for the beginning and end of a document are ignored. */
	if (!is_indented &&
		(keyfile_span_is(&text, "---") || keyfile_span_is(&text, "...")))
		return 0;
	if (text.at[0] != '-' ||
		(text.len > 1 && text.at[1] != ' ' && text.at[1] != '\t'))
		return read_words(y, text, is_indented || text.at[0] == '-');
	rest = keyfile_trim((struct keyfile_span){text.at + 1, text.len - 1});
	if (y->is_key_section)
		return read_item(y, rest);
	return rest.len && rest.at[0] != '#' ? read_words(y, rest, true) : 0;
}

int keyfile_read_yaml(const struct keyfile_source *src)
{
	struct yaml y = {.src = src};
	struct keyfile_span line;
	size_t at = 0;

	while (keyfile_next_line(src, &at, &line)) {
		int err;

		y.line++;
		err = read_yaml_line(&y, line);
		if (err < 0)
			return err;
	}
	return finish_item(&y);
}
