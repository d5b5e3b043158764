/*
 * The syntax of configuration files: the grammar of libconfig's manual ("Configuration
 * File Grammar"), with what is expected in every message.
 *
 * Stricter than libconfig: no fractions, since no setting takes one; brackets nest
 * SETTINGS_NEST_MAX deep; a group has SETTINGS_MEMBERS_MAX members at most; strings that
 * follow each other are one only as the value of a setting, since in a list a comma is
 * missing there; a comment, string or bracket of an included file need not end there, but
 * a word must.  More lenient: @include need not begin its line.
 *
 * What goes to the whole are the tokens as they are, blanks and the ends of lines; a
 * comment leaves its ends of lines.  Numbers are written anew: libconfig wraps at 32
 * bits what has no L behind it, and some versions take a leading 0 for octal.
 *
 * Messages do not quote what may be a secret whose quotes are missing.
 */
#include "gateway/base/settings_private.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WORD_SHOWN_MAX = 40,   /* octets: an IPv6 address; most secrets are longer */
	NUMBER_TEXT_MAX = 24,  /* octets of a number written anew, with final zero */
	NUMBER_DIGITS_MAX = 40 /* octets of a number's text that are looked at */
};

/* ---- octets ---- */

/* '\0' at the end: there are no NUL octets in it. */
static char peek(const struct settings_input *in, size_t ahead)
{
	return ahead < in->len - in->at ? in->octets[in->at + ahead] : '\0';
}

static struct settings_place here(const struct settings_input *in)
{
	return (struct settings_place){in->name, in->line};
}

/* The next len octets, which may be ends of lines, go to the whole. */
static int copy(struct settings_text *text, struct settings_input *in, size_t len)
{
	const char *octets = in->octets + in->at;

	in->at += len;
	for (size_t i = 0; i < len; i++)
		in->line += octets[i] == '\n';
	return settings_put(text, octets, len);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' || c == '\n';
}

/* What names, numbers and truth values are made of, and a little more. */
static bool is_word(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.*+-", c));
}

static size_t word_len(const struct settings_input *in)
{
	size_t len = 0;

	while (is_word(peek(in, len)))
		len++;
	return len;
}

/* ---- what is wrong ---- */

static struct settings_level *innermost(struct settings_text *text)
{
	return &text->syntax.levels[text->syntax.depth];
}

/* An error that is explained by a missing quote is reported where the quote should be. */
static int fail_token(struct settings_text *text, struct settings_place place,
	const char *expected, const char *found)
{
	const struct settings_place *string = &text->syntax.long_string;

	if (!string->line)
		return settings_fail(text, place, "%s expected, not %s", expected, found);
	/* What looks like a setting here is in fact part of a text. */
	innermost(text)->name[0] = '\0';
	return settings_fail(text, *string,
		"the string that begins here goes on in the next line, and then %s is "
		"expected, not %s: is a quote missing here?",
		expected, found);
}

static char closing_of(char opening)
{
	return opening == '{' ? '}' : opening == '(' ? ')' : ']';
}

static const char *describe_expected(struct settings_text *text)
{
	static const char *const after_element[] = {"\",\" or \")\"", "\",\" or \"]\""};
	const char opening = innermost(text)->opening;

	switch (text->syntax.expected) {
	case EXPECT_NAME:
		return opening ? "the name of a setting or \"}\""
			       : "the name of a setting";
	case EXPECT_EQUALS:
		return "\"=\" after the name";
	case EXPECT_VALUE:
	case EXPECT_FIRST:
		return "a value";
	default:
		return opening == '(' || opening == '[' ? after_element[opening == '[']
							: "\";\"";
	}
}

static int fail_punctuation(
	struct settings_text *text, struct settings_place place, char found)
{
	const char shown[] = {'"', found, '"', '\0'};

	return fail_token(text, place, describe_expected(text), shown);
}

/* ---- the grammar ---- */

/* False: no value is expected. */
static bool begin_value(struct settings_text *text)
{
	struct settings_syntax *syntax = &text->syntax;

	if (syntax->expected != EXPECT_VALUE && syntax->expected != EXPECT_FIRST)
		return false;
	syntax->values++;
	if (innermost(text)->opening == '(' || innermost(text)->opening == '[')
		innermost(text)->count++;
	return true;
}

/* The values of an array are of one kind. */
static int check_kind(
	struct settings_text *text, struct settings_place place, const char *kind)
{
	struct settings_level *level = innermost(text);

	if (level->opening != '[')
		return 0;
	if (level->kind && strcmp(level->kind, kind) != 0)
		return settings_fail(text, place,
			"an array [ ] holds values of one kind: %s before, and here %s",
			level->kind, kind);
	level->kind = kind;
	return 0;
}

static int take_opening(
	struct settings_text *text, struct settings_place place, char opening)
{
	struct settings_syntax *syntax = &text->syntax;

	if (!begin_value(text))
		return fail_punctuation(text, place, opening);
	if (innermost(text)->opening == '[')
		return settings_fail(text, place,
			"an array [ ] holds single values; what holds groups is a list "
			"( )");
	if (syntax->depth + 1 == SETTINGS_NEST_MAX)
		return settings_fail(text, place, "brackets nest more than %d deep",
			SETTINGS_NEST_MAX - 1);
	syntax->levels[++syntax->depth] =
		(struct settings_level){.opening = opening, .place = place};
	syntax->expected = opening == '{' ? EXPECT_NAME : EXPECT_FIRST;
	return 0;
}

/* Reports a closing bracket that does not match the open one. */
static int fail_closing(
	struct settings_text *text, struct settings_place place, char closing)
{
	const struct settings_level *level = innermost(text);

	if (text->syntax.long_string.line)
		return fail_punctuation(text, place, closing);
	return settings_fail(text, place,
		"\"%c\" expected, which closes the \"%c\" of line %u, not \"%c\"",
		closing_of(level->opening), level->opening, level->place.line, closing);
}

static int take_closing(
	struct settings_text *text, struct settings_place place, char closing)
{
	struct settings_syntax *syntax = &text->syntax;
	struct settings_level *level = innermost(text);

	if (!level->opening)
		return settings_fail(
			text, place, "\"%c\" closes nothing that is open", closing);
	if (syntax->expected == EXPECT_EQUALS ||
		(syntax->expected == EXPECT_VALUE && !syntax->was_comma))
		return fail_punctuation(text, place, closing);
	level->name[0] = '\0';
	if (syntax->was_comma && level->opening != '{')
		return settings_fail(text, syntax->last,
			"a value expected after \",\", not \"%c\": take the comma away",
			closing);
	if (closing_of(level->opening) != closing)
		return fail_closing(text, place, closing);
	syntax->depth--;
	syntax->expected = EXPECT_AFTER;
	return 0;
}

/* ';' or ',' behind a setting, ',' between elements. */
static int take_separator(
	struct settings_text *text, struct settings_place place, char separator)
{
	struct settings_syntax *syntax = &text->syntax;
	const char opening = innermost(text)->opening;
	const bool is_list = opening == '(' || opening == '[';

	if (syntax->expected != EXPECT_AFTER || (is_list && separator == ';'))
		return fail_punctuation(text, place, separator);
	innermost(text)->name[0] = '\0';
	syntax->expected = is_list ? EXPECT_VALUE : EXPECT_NAME;
	return 0;
}

static int take_equals(struct settings_text *text, struct settings_place place, char c)
{
	if (text->syntax.expected != EXPECT_EQUALS)
		return fail_punctuation(text, place, c);
	text->syntax.expected = EXPECT_VALUE;
	return 0;
}

static int scan_punctuation(struct settings_text *text, struct settings_input *in)
{
	struct settings_syntax *syntax = &text->syntax;
	const struct settings_place place = here(in);
	const char c = peek(in, 0);
	int err;

	if (strchr("{([", c))
		err = take_opening(text, place, c);
	else if (strchr("})]", c))
		err = take_closing(text, place, c);
	else if (strchr(";,", c))
		err = take_separator(text, place, c);
	else
		err = take_equals(text, place, c);
	if (err)
		return err;
	syntax->was_comma = c == ',';
	syntax->was_string = false;
	syntax->last = place;
	return copy(text, in, 1);
}

/* ---- words ---- */

static bool is_name(const char *word, size_t len)
{
	if (!isalpha((unsigned char)word[0]) && word[0] != '*')
		return false;
	for (size_t i = 0; i < len; i++)
		if (strchr(".+", word[i]))
			return false;
	return true;
}

/* The setting's name may say that nobody should see its value. */
static bool may_be_shown(struct settings_text *text, size_t len)
{
	return len <= WORD_SHOWN_MAX && !strstr(innermost(text)->name, "secret") &&
		!strstr(innermost(text)->name, "key");
}

static int fail_unexpected_word(
	struct settings_text *text, struct settings_input *in, size_t len)
{
	char shown[WORD_SHOWN_MAX + sizeof("\"\"")] = "a word";

	if (may_be_shown(text, len))
		snprintf(shown, sizeof(shown), "\"%.*s\"", (int)len, in->octets + in->at);
	return fail_token(text, here(in), describe_expected(text), shown);
}

/* The name in the group that is the same as its last one; NULL: none. */
static const struct settings_name *find_same_name(
	const struct settings_text *text, const struct settings_level *level)
{
	const size_t len = strlen(level->name);

	for (unsigned i = 0; i + 1 < level->count; i++) {
		const char *name = text->octets + level->names[i].at;

		if (strncmp(name, level->name, len) == 0 && !is_word(name[len]))
			return &level->names[i];
	}
	return NULL;
}

/* level->name begins a setting of the group. */
static int add_name(struct settings_text *text, struct settings_place place)
{
	struct settings_level *level = innermost(text);
	const struct settings_name *same;

	if (++level->count > SETTINGS_MEMBERS_MAX)
		return settings_fail(text, place, "more than %d settings in one group",
			SETTINGS_MEMBERS_MAX);
	level->names[level->count - 1] = (struct settings_name){text->len, text->line};
	same = find_same_name(text, level);
	if (!same)
		return 0;
	return settings_fail(text, place, "duplicate setting: %.256s:%u has it already",
		settings_text_file(text, same->line),
		settings_text_line(text, same->line));
}

static int scan_name(struct settings_text *text, struct settings_input *in, size_t len)
{
	struct settings_level *level = innermost(text);
	const char *word = in->octets + in->at;
	int err;

	level->name[0] = '\0';
	/* libconfig lets the separator be left out. */
	if (!is_name(word, len) || len >= SETTINGS_NAME_MAX)
		return fail_unexpected_word(text, in, len);
	memcpy(level->name, word, len);
	level->name[len] = '\0';
	err = add_name(text, here(in));
	if (err)
		return err;
	text->syntax.expected = EXPECT_EQUALS;
	text->syntax.was_string = false;
	text->syntax.was_comma = false;
	text->syntax.last = here(in);
	return copy(text, in, len);
}

/* True: it is a whole number in the grammar of libconfig; *ret_error says whether it
 * fits. */
static bool read_number(const char *word, size_t len, long long *ret, bool *ret_fits)
{
	char digits[NUMBER_DIGITS_MAX], *end;
	bool is_hex;

	if (len >= sizeof(digits))
		return false;
	memcpy(digits, word, len);
	digits[len] = '\0';
	is_hex = digits[0] == '0' && tolower((unsigned char)digits[1]) == 'x';
	if (is_hex && !isxdigit((unsigned char)digits[2]))
		return false;
	errno = 0;
	*ret = strtoll(digits, &end, is_hex ? 16 : 10);
	*ret_fits = errno == 0;
	for (int i = 0; i < 2 && *end == 'L'; i++)
		end++;
	return end != digits && *end == '\0';
}

static bool is_text(const char *word, size_t len, const char *text)
{
	return len == strlen(text) && strncasecmp(word, text, len) == 0;
}

static bool is_truth(const char *word, size_t len)
{
	return is_text(word, len, "true") || is_text(word, len, "false");
}

/* Does the word continue with characters that no value has?  A slash may begin a
 * comment. */
static bool goes_on(const struct settings_input *in, size_t len)
{
	const char c = peek(in, len);

	if (c == '/')
		return peek(in, len + 1) != '/' && peek(in, len + 1) != '*';
	return c && !is_blank(c) && !strchr(";,(){}[]\"#=", c);
}

static bool is_fraction(const char *word, size_t len)
{
	unsigned points = 0;

	for (size_t i = word[0] == '-' || word[0] == '+'; i < len; i++) {
		points += word[i] == '.';
		if (word[i] != '.' && !isdigit((unsigned char)word[i]))
			return false;
	}
	return points == 1;
}

/* "1x", or a time without its quotes. */
static bool is_number_with_letters(const char *word, size_t len)
{
	size_t at = word[0] == '-' || word[0] == '+';
	const size_t digits = at;

	while (at < len && isdigit((unsigned char)word[at]))
		at++;
	if (at == digits || at == len)
		return false;
	while (at < len && isalpha((unsigned char)word[at]))
		at++;
	return at == len;
}

/* Reports whatever stands where a value should be. */
static int fail_word(struct settings_text *text, struct settings_input *in, size_t len)
{
	static const char *const truths[] = {"yes", "on", "no", "off"};
	const char *word = in->octets + in->at, *also;

	for (size_t i = 0; i < sizeof(truths) / sizeof(truths[0]); i++)
		if (is_text(word, len, truths[i]))
			return settings_fail(text, here(in),
				"%.*s is not a value: write true or false, or put text "
				"between quotes",
				(int)len, word);
	if (is_fraction(word, len) && !goes_on(in, len))
		return settings_fail(
			text, here(in), "%.*s is not a whole number", (int)len, word);
	/* The rest of the address or URL. */
	while (peek(in, len) && !is_blank(peek(in, len)) &&
		!strchr(";,(){}[]\"", peek(in, len)))
		len++;
	also = is_number_with_letters(word, len)
		? ", and a number must not end in letters"
		: "";
	if (may_be_shown(text, len))
		return settings_fail(text, here(in),
			"text must stand between quotes: \"%.*s\"%s", (int)len, word,
			also);
	return settings_fail(text, here(in), "text must stand between quotes%s", also);
}

static int put_value(struct settings_text *text, struct settings_input *in, size_t len,
	const char *written)
{
	text->syntax.expected = EXPECT_AFTER;
	text->syntax.was_comma = false;
	text->syntax.was_string = false;
	text->syntax.last = here(in);
	in->at += len;
	return settings_put(text, written, strlen(written));
}

static int scan_value(struct settings_text *text, struct settings_input *in, size_t len)
{
	const char *word = in->octets + in->at;
	char number_text[NUMBER_TEXT_MAX];
	long long number;
	bool fits;
	int err;

	(void)begin_value(text); /* it is expected */
	if (goes_on(in, len))
		return fail_word(text, in, len);
	if (is_truth(word, len)) {
		err = check_kind(text, here(in), "true or false");
		return err ? err
			   : put_value(text, in, len,
				     tolower((unsigned char)word[0]) == 't' ? "true"
									    : "false");
	}
	if (!read_number(word, len, &number, &fits))
		return fail_word(text, in, len);
	if (!fits)
		return settings_fail(text, here(in), "the number is too large");
	err = check_kind(text, here(in), "a number");
	if (err)
		return err;
	snprintf(number_text, sizeof(number_text), "%lld%s", number,
		number < INT_MIN || number > INT_MAX ? "L" : "");
	return put_value(text, in, len, number_text);
}

static int scan_word(struct settings_text *text, struct settings_input *in)
{
	const size_t len = word_len(in);
	const char opening = innermost(text)->opening;

	switch (text->syntax.expected) {
	case EXPECT_NAME:
		return scan_name(text, in, len);
	case EXPECT_VALUE:
	case EXPECT_FIRST:
		return scan_value(text, in, len);
	case EXPECT_AFTER:
		if (opening == '{' || !opening)
			return scan_name(text, in, len);
		break;
	default:
		break;
	}
	return fail_unexpected_word(text, in, len);
}

/* ---- strings and includes ---- */

/* The octets of a string with both quotes; 0: it does not end. */
static size_t string_len(const struct settings_input *in, bool *ret_has_nul)
{
	size_t len = 1;

	*ret_has_nul = false;
	while (peek(in, len) && peek(in, len) != '"') {
		if (peek(in, len) == '\\') {
			len++;
			*ret_has_nul |= tolower((unsigned char)peek(in, len)) == 'x' &&
				peek(in, len + 1) == '0' && peek(in, len + 2) == '0';
		}
		if (peek(in, len))
			len++;
	}
	return peek(in, len) ? len + 1 : 0;
}

static int begin_string(struct settings_text *text, struct settings_place place)
{
	const struct settings_syntax *syntax = &text->syntax;
	const char opening = innermost(text)->opening;

	if (begin_value(text))
		return check_kind(text, place, "a string");
	/* The value of a setting may be in pieces. */
	if (syntax->expected == EXPECT_AFTER && syntax->was_string && opening != '[' &&
		opening != '(')
		return 0;
	return fail_token(text, place, describe_expected(text),
		syntax->was_string ? "another string" : "a string");
}

static int scan_string(struct settings_text *text, struct settings_input *in)
{
	struct settings_syntax *syntax = &text->syntax;
	const struct settings_place place = here(in);
	bool has_nul;
	const size_t len = string_len(in, &has_nul);
	int err;

	err = begin_string(text, place);
	if (err)
		return err;
	if (!len)
		return settings_fail(text,
			syntax->long_string.line ? syntax->long_string : place,
			"the string that begins here has no closing quote");
	if (len > SETTINGS_STRING_MAX)
		return settings_fail(text, place, "a string of more than %d octets",
			SETTINGS_STRING_MAX);
	if (has_nul)
		return settings_fail(text, place, "a NUL octet");
	err = copy(text, in, len);
	if (in->line > place.line)
		syntax->long_string = place;
	syntax->expected = EXPECT_AFTER;
	syntax->was_comma = false;
	syntax->was_string = true;
	syntax->last = place;
	return err;
}

static int scan_include(struct settings_text *text, struct settings_input *in)
{
	static const char directive[] = "@include";
	const char *path;
	size_t len = 0;

	if (strncmp(in->octets + in->at, directive,
		    sizeof(directive) - 1 < in->len - in->at ? sizeof(directive) - 1
							     : in->len - in->at) != 0 ||
		in->len - in->at < sizeof(directive))
		return settings_fail(
			text, here(in), "\"@\" begins nothing but @include \"file\"");
	in->at += sizeof(directive) - 1;
	while (peek(in, 0) == ' ' || peek(in, 0) == '\t')
		in->at++;
	if (peek(in, 0) == '"')
		while (peek(in, len + 1) && !strchr("\"\n", peek(in, len + 1)))
			len++;
	if (!len || peek(in, len + 1) != '"')
		return settings_fail(
			text, here(in), "@include: a file between quotes expected");
	path = in->octets + in->at + 1;
	in->at += len + 2;
	return settings_include(text, in, path, len);
}

/* ---- comments, and what is nothing ---- */

static int scan_comment(struct settings_text *text, struct settings_input *in)
{
	const struct settings_place place = here(in);
	const bool is_block = peek(in, 0) == '/' && peek(in, 1) == '*';
	int err = 0;

	in->at += is_block ? 2 : 1;
	while (!err && peek(in, 0)) {
		if (is_block && peek(in, 0) == '*' && peek(in, 1) == '/') {
			in->at += 2;
			return settings_put(text, " ", 1);
		}
		if (peek(in, 0) != '\n')
			in->at++;
		else if (is_block)
			err = copy(text, in, 1);
		else
			return 0;
	}
	if (is_block && !err)
		return settings_fail(
			text, place, "the comment that begins here does not end");
	return err;
}

static int fail_character(struct settings_text *text, const struct settings_input *in)
{
	const char c = peek(in, 0);

	if (c == '\'' || c == '`')
		return settings_fail(text, here(in),
			"text stands between double quotes (\"), not between %c", c);
	/* U+2018 to U+201F */
	if (c == '\xe2' && peek(in, 1) == '\x80' && (peek(in, 2) & 0xf8) == 0x98)
		return settings_fail(text, here(in),
			"a typographic quote: text stands between plain double quotes "
			"(\")");
	if (c > ' ' && c <= '~')
		return settings_fail(text, here(in), "\"%c\" has no meaning here", c);
	return settings_fail(text, here(in),
		"an octet %02x outside of a string: is a quote missing before it?",
		(unsigned char)c);
}

static int scan_token(struct settings_text *text, struct settings_input *in)
{
	const char c = peek(in, 0);

	if (c == '#' || (c == '/' && (peek(in, 1) == '/' || peek(in, 1) == '*')))
		return scan_comment(text, in);
	if (c == '"')
		return scan_string(text, in);
	if (c == '@')
		return scan_include(text, in);
	if (strchr("{}()[];,=:", c))
		return scan_punctuation(text, in);
	if (is_word(c))
		return scan_word(text, in);
	/* A path or an address without quotes. */
	if ((text->syntax.expected == EXPECT_VALUE ||
		    text->syntax.expected == EXPECT_FIRST) &&
		strchr("/:~$%", c))
		return fail_word(text, in, 1);
	return fail_character(text, in);
}

int settings_scan(struct settings_text *text, struct settings_input *in)
{
	int err = 0;

	while (!err && in->at < in->len) {
		size_t blanks = 0;

		while (is_blank(peek(in, blanks)))
			blanks++;
		err = blanks ? copy(text, in, blanks) : scan_token(text, in);
	}
	return err;
}

int settings_finish(struct settings_text *text)
{
	static const char end[] = "the end of the file";
	struct settings_syntax *syntax = &text->syntax;
	const struct settings_level *level = innermost(text);

	if (syntax->expected == EXPECT_EQUALS ||
		(syntax->expected == EXPECT_VALUE && !syntax->was_comma))
		return fail_token(text, syntax->last, describe_expected(text), end);
	if (!level->opening)
		return 0;
	if (syntax->long_string.line)
		return fail_token(text, level->place, describe_expected(text), end);
	return settings_fail(
		text, level->place, "the \"%c\" here is never closed", level->opening);
}
