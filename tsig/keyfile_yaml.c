/*
 * Key files of Knot DNS: the key section of its configuration, as keymgr -t prints it.
 *
 *     key:
 *       - id: name
 *         algorithm: hmac-sha256
 *         secret: "base64"
 *
 * This is the part of YAML that Knot has, read line by line, not YAML: no anchors, no
 * block scalars, no flow collections.  Other sections are ignored, and so is Knot's
 * include.  A setting of a key that is none of these three (comment) is ignored as well.
 */
#include "tsig/keyfile_source.h"

#include <errno.h>
#include <string.h>

struct yaml {
	const struct keyfile_source *src;
	unsigned line; /* being read, from 1 */
	bool is_key_section;
	bool is_item_open; /* entry is begun */
	struct keyfile_entry entry;
};

static int fail_here(const struct yaml *y, const char *reason)
{
	return keyfile_fail(y->src, y->line, -EINVAL, "%s", reason);
}

static int finish_item(struct yaml *y)
{
	if (!y->is_item_open)
		return 0;
	y->is_item_open = false;
	return keyfile_add_entry(y->src, &y->entry);
}

/* A value between quotes, up to the closing one; only a comment may follow. */
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

/* A comment begins where the value does, or behind a blank (YAML 1.2, 6.6). */
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

/* "word:" and what follows it; the colon must end the line or precede a blank. */
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

static int read_setting(struct yaml *y, struct keyfile_span text)
{
	struct keyfile_span word, value, *place = NULL;
	int err;

	if (!split_setting(text, &word, &value))
		return fail_here(y, "\"word: value\" expected");
	if (!y->is_item_open)
		return fail_here(
			y, "setting outside of an item: \"- id: name\" begins one");
	if (keyfile_span_is(&word, "id"))
		place = &y->entry.name;
	if (keyfile_span_is(&word, "algorithm"))
		place = &y->entry.algorithm;
	if (keyfile_span_is(&word, "secret"))
		place = &y->entry.secret;
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

static int read_section(struct yaml *y, struct keyfile_span text)
{
	struct keyfile_span word, value;
	int err = finish_item(y);

	if (err < 0)
		return err;
	y->is_key_section = false;
	if (!split_setting(text, &word, &value))
		return fail_here(y, "name of a section expected");
	if (!keyfile_span_is(&word, "key"))
		return 0;
	if (cut_comment(value).len)
		return fail_here(y, "the key section is a list of items");
	y->is_key_section = true;
	return 0;
}

static int read_item(struct yaml *y, struct keyfile_span text)
{
	int err = finish_item(y);

	if (err < 0)
		return err;
	y->is_item_open = true;
	y->entry = (struct keyfile_entry){.line = y->line};
	text = keyfile_trim((struct keyfile_span){text.at + 1, text.len - 1});
	return text.len && text.at[0] != '#' ? read_setting(y, text) : 0;
}

static int read_yaml_line(struct yaml *y, struct keyfile_span line)
{
	struct keyfile_span text = keyfile_trim(line);
	bool is_indented = text.at != line.at;

	if (!text.len || text.at[0] == '#')
		return 0;
	/* The marks of a document's begin and end say nothing to us. */
	if (!is_indented &&
		(keyfile_span_is(&text, "---") || keyfile_span_is(&text, "...")))
		return 0;
	if (!is_indented && text.at[0] != '-')
		return read_section(y, text);
	if (!y->is_key_section)
		return 0;
	if (text.at[0] == '-' &&
		(text.len == 1 || text.at[1] == ' ' || text.at[1] == '\t'))
		return read_item(y, text);
	return read_setting(y, text);
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
