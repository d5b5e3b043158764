/*
 * Key files of BIND: the key statements of a named.conf, or of a file with nothing else.
 *
 * Reads the grammar only as far as it matters here: statements end with a semicolon or
 * a closing brace and may hold blocks in braces; key, include, options and view are
 * read at the outermost level, key and include inside a view as well; everything else
 * is skipped brace by brace.  So the `keys { "x"; }` of a server statement and the `key
 * "x";` of an allow-update are never taken for definitions; a skipped statement that
 * looks like one causes a warning.  An include inside another statement cannot define
 * keys there, so its file is only inspected, with a warning for each key; inside a key
 * statement it is refused.
 *
 * Differs from named where its strictness does not help: a single '/' does not end a
 * word, nor do two of them end a secret (so secrets need no quotes), a brace need not
 * be followed by a semicolon (so a dhcpd.conf can be read), and a name may be defined
 * more than once (rotation).
 *
 * Limits: braces are counted, not recursed into; includes nest KEYFILE_DEPTH_MAX deep.
 */
#include "tsig/keyfile_source.h"

#include <errno.h>
#include <string.h>

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_STRING,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_SEMI
};

struct lexer {
	const struct keyfile_source *src;
	size_t at;                /* next octet of src->text */
	unsigned line;            /* of that octet, from 1 */
	enum token_kind kind;     /* the token last read */
	struct keyfile_span span; /* its text; a string's without the quotes */
	unsigned token_line;      /* where it begins */
	/* a secret is expected, in which slashes do not begin a comment */
	bool is_secret;
};

static int fail_at(const struct lexer *lx, const char *reason)
{
	return keyfile_fail(lx->src, lx->token_line, -EINVAL, "%s", reason);
}

/* '\0' at the end; the text itself contains no NUL octets. */
static char peek(const struct lexer *lx, size_t ahead)
{
	size_t left = lx->src->len - lx->at;

	return ahead < left ? lx->src->text[lx->at + ahead] : '\0';
}

static void advance(struct lexer *lx)
{
	if (lx->src->text[lx->at++] == '\n')
		lx->line++;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

static bool is_comment(const struct lexer *lx)
{
	char c = peek(lx, 0);

	return c == '#' || (c == '/' && (peek(lx, 1) == '/' || peek(lx, 1) == '*'));
}

static int skip_comment(struct lexer *lx)
{
	bool is_block = peek(lx, 0) == '/' && peek(lx, 1) == '*';

	lx->token_line = lx->line;
	if (!is_block) {
		while (peek(lx, 0) && peek(lx, 0) != '\n')
			advance(lx);
		return 0;
	}
	advance(lx);
	advance(lx);
	while (peek(lx, 0) && !(peek(lx, 0) == '*' && peek(lx, 1) == '/'))
		advance(lx);
	if (!peek(lx, 0))
		return fail_at(lx, "comment without end");
	advance(lx);
	advance(lx);
	return 0;
}

static int read_string(struct lexer *lx)
{
	size_t start;

	advance(lx); /* the quote */
	start = lx->at;
	while (peek(lx, 0) && peek(lx, 0) != '"') {
		if (peek(lx, 0) == '\\' && peek(lx, 1))
			advance(lx);
		advance(lx);
	}
	if (!peek(lx, 0))
		return fail_at(lx, "string without end");
	lx->kind = TOKEN_STRING;
	lx->span = (struct keyfile_span){lx->src->text + start, lx->at - start};
	advance(lx);
	return 0;
}

static void read_word(struct lexer *lx)
{
	size_t start = lx->at;

	while (peek(lx, 0) && !is_blank(peek(lx, 0)) && !strchr("{};\"", peek(lx, 0)) &&
		(lx->is_secret || !is_comment(lx)))
		advance(lx);
	lx->kind = TOKEN_WORD;
	lx->span = (struct keyfile_span){lx->src->text + start, lx->at - start};
}

static int read_token(struct lexer *lx)
{
	static const struct {
		char c;
		enum token_kind kind;
	} singles[] = {{'{', TOKEN_OPEN}, {'}', TOKEN_CLOSE}, {';', TOKEN_SEMI}};

	while (is_blank(peek(lx, 0)) || is_comment(lx)) {
		if (is_blank(peek(lx, 0)))
			advance(lx);
		else if (skip_comment(lx) < 0)
			return -EINVAL;
	}
	lx->token_line = lx->line;
	lx->span = (struct keyfile_span){NULL, 0};
	lx->kind = TOKEN_END;
	if (!peek(lx, 0))
		return 0;
	if (peek(lx, 0) == '"')
		return read_string(lx);
	for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++) {
		if (peek(lx, 0) != singles[i].c)
			continue;
		lx->kind = singles[i].kind;
		advance(lx);
		return 0;
	}
	read_word(lx);
	return 0;
}

static int expect(struct lexer *lx, enum token_kind kind, const char *otherwise)
{
	int err = read_token(lx);

	if (err < 0)
		return err;
	return lx->kind == kind ? 0 : fail_at(lx, otherwise);
}

/* A name or value may be quoted or not. */
static int expect_text(
	struct lexer *lx, struct keyfile_span *ret_span, const char *otherwise)
{
	int err = read_token(lx);

	if (err < 0)
		return err;
	if (lx->kind != TOKEN_WORD && lx->kind != TOKEN_STRING)
		return fail_at(lx, otherwise);
	*ret_span = lx->span;
	return 0;
}

/* What earlier tokens say about the next one, inside a statement that is skipped. */
struct skipping {
	unsigned first_line;
	size_t open;           /* braces */
	bool is_options;       /* the directory is read */
	bool is_clause_due;    /* a clause begins here */
	bool is_directory_due; /* it was "directory" */
	bool is_include_due;   /* it was "include" */
	unsigned words_of_key; /* 1: "key" was seen, 2: its name as well */
	unsigned key_line;     /* of that word */
	size_t key_open;       /* inside the braces of a key that was warned about */
	unsigned secret_line;  /* line of "secret"; 0: not seen */
};

static void warn_of_key(struct lexer *lx, struct skipping *skip)
{
	if (skip->key_open)
		return;
	skip->key_open = skip->open;
	keyfile_warn(lx->src, skip->key_line,
		"a key inside of another statement is not loaded");
}

static void warn_of_secret(const struct lexer *lx, unsigned line)
{
	keyfile_warn(lx->src, line,
		"a secret outside of a key statement is not loaded: key \"name\" { ... } "
		"is "
		"expected around it");
}

static int skip_text(struct lexer *lx, struct skipping *skip)
{
	const bool is_word = lx->kind == TOKEN_WORD;
	int err = 0;

	if (skip->secret_line && !skip->key_open) {
		skip->key_open = skip->open;
		warn_of_secret(lx, skip->secret_line);
	}
	if (skip->is_directory_due)
		err = keyfile_set_directory(lx->src, lx->token_line, &lx->span);
	if (skip->is_include_due)
		keyfile_look_into(lx->src, lx->token_line, &lx->span);
	skip->is_include_due =
		is_word && skip->is_clause_due && keyfile_span_is(&lx->span, "include");
	skip->is_directory_due = is_word && skip->is_options && skip->open == 1 &&
		skip->is_clause_due && keyfile_span_is(&lx->span, "directory");
	skip->secret_line =
		is_word && keyfile_span_is(&lx->span, "secret") ? lx->token_line : 0;
	if (is_word && keyfile_span_is(&lx->span, "key")) {
		skip->words_of_key = 1;
		skip->key_line = lx->token_line;
	} else if (skip->words_of_key) {
		skip->words_of_key = skip->words_of_key == 1 ? 2 : 0;
	}
	skip->is_clause_due = false;
	return err;
}

/* A brace or semicolon: a clause ends, or a block begins or ends. */
static void skip_mark(struct lexer *lx, struct skipping *skip)
{
	if (lx->kind == TOKEN_OPEN) {
		skip->open++;
		if (skip->words_of_key == 2)
			warn_of_key(lx, skip);
	} else if (lx->kind == TOKEN_CLOSE) {
		if (skip->key_open == skip->open)
			skip->key_open = 0;
		skip->open--;
	}
	skip->words_of_key = 0;
	skip->secret_line = 0;
	skip->is_directory_due = false;
	skip->is_include_due = false;
	skip->is_clause_due = true;
}

static int skip_token(struct lexer *lx, struct skipping *skip)
{
	if (lx->kind == TOKEN_WORD || lx->kind == TOKEN_STRING)
		return skip_text(lx, skip);
	skip_mark(lx, skip);
	return 0;
}

/* Skips a statement from after its first word to its end, including all its blocks. */
static int skip_statement(struct lexer *lx, bool is_options)
{
	struct skipping skip = {.first_line = lx->token_line, .is_options = is_options};

	for (;;) {
		int err = read_token(lx);

		if (err < 0)
			return err;
		if (lx->kind == TOKEN_END)
			return keyfile_fail(lx->src, skip.first_line, -EINVAL,
				skip.open ? "block without closing brace"
					  : "statement without semicolon");
		if (lx->kind == TOKEN_CLOSE && skip.open == 0)
			return fail_at(lx, "closing brace without opening one");
		const bool is_mark = lx->kind != TOKEN_WORD && lx->kind != TOKEN_STRING;
		err = skip_token(lx, &skip);
		if (err < 0)
			return err;
		if (is_mark && skip.open == 0)
			return 0;
	}
}

/* Reads one of the two clauses of a key statement, after its first word. */
static int read_key_clause(struct lexer *lx, struct keyfile_entry *entry)
{
	struct keyfile_span *value = NULL;
	int err;

	if (lx->kind == TOKEN_WORD && keyfile_span_is(&lx->span, "algorithm"))
		value = &entry->algorithm;
	if (lx->kind == TOKEN_WORD && keyfile_span_is(&lx->span, "secret"))
		value = &entry->secret;
	if (lx->kind == TOKEN_WORD && keyfile_span_is(&lx->span, "include"))
		return fail_at(lx, "an include inside of a key is not followed");
	if (!value)
		return fail_at(lx, "a key has only algorithm and secret");
	if (value->at)
		return fail_at(lx, "algorithm or secret is there twice");
	lx->is_secret = value == &entry->secret;
	err = expect_text(lx, value, "algorithm or secret without value");
	lx->is_secret = false;
	if (err < 0)
		return err;
	return expect(lx, TOKEN_SEMI, "semicolon expected");
}

/* Reads key name { algorithm text; secret text; } after its first word. */
static int read_key(struct lexer *lx)
{
	struct keyfile_entry entry = {.line = lx->token_line};
	int err = expect_text(lx, &entry.name, "name of the key expected");

	if (err < 0)
		return err;
	err = expect(lx, TOKEN_OPEN, "opening brace expected after the key's name");
	if (err < 0)
		return err;
	for (;;) {
		err = read_token(lx);
		if (err < 0)
			return err;
		if (lx->kind == TOKEN_END)
			return keyfile_fail(lx->src, entry.line, -EINVAL,
				"key without closing brace");
		if (lx->kind == TOKEN_CLOSE)
			break;
		err = read_key_clause(lx, &entry);
		if (err < 0)
			return err;
	}
	return keyfile_add_entry(lx->src, &entry);
}

static int read_include(struct lexer *lx)
{
	struct keyfile_span path;
	unsigned line = lx->token_line;
	int err = expect_text(lx, &path, "name of a file expected");

	if (err < 0)
		return err;
	err = expect(lx, TOKEN_SEMI, "semicolon expected after include");
	if (err < 0)
		return err;
	return keyfile_include(lx->src, line, &path);
}

/* Handles a statement, except view, whose first token has been read. */
static int read_statement(struct lexer *lx)
{
	if (lx->kind == TOKEN_SEMI)
		return 0; /* after the brace that ended the last one */
	if (lx->kind == TOKEN_CLOSE)
		return fail_at(lx, "closing brace without opening one");
	if (lx->kind != TOKEN_WORD)
		return fail_at(lx, "statement expected");
	if (keyfile_span_is(&lx->span, "key"))
		return read_key(lx);
	if (keyfile_span_is(&lx->span, "include"))
		return read_include(lx);
	if (keyfile_span_is(&lx->span, "secret"))
		warn_of_secret(lx, lx->token_line);
	return skip_statement(lx, keyfile_span_is(&lx->span, "options"));
}

/* Reads view name [class] { statements } after its first word. */
static int read_view(struct lexer *lx)
{
	unsigned first_line = lx->token_line;
	int err;

	do {
		err = read_token(lx);
		if (err < 0)
			return err;
	} while (lx->kind == TOKEN_WORD || lx->kind == TOKEN_STRING);
	if (lx->kind != TOKEN_OPEN)
		return fail_at(lx, "opening brace expected after the view's name");
	for (;;) {
		err = read_token(lx);
		if (err < 0)
			return err;
		if (lx->kind == TOKEN_END)
			return keyfile_fail(lx->src, first_line, -EINVAL,
				"view without closing brace");
		if (lx->kind == TOKEN_CLOSE)
			return 0;
		err = read_statement(lx);
		if (err < 0)
			return err;
	}
}

int keyfile_read_bind(const struct keyfile_source *src)
{
	struct lexer lx = {.src = src, .line = 1};

	for (;;) {
		int err = read_token(&lx);

		if (err < 0)
			return err;
		if (lx.kind == TOKEN_END)
			return 0;
		if (lx.kind == TOKEN_WORD && keyfile_span_is(&lx.span, "view"))
			err = read_view(&lx);
		else
			err = read_statement(&lx);
		if (err < 0)
			return err;
	}
}

/* Reads as if the file's text stood inside the braces of a statement. */
int keyfile_look_bind(const struct keyfile_source *src)
{
	struct lexer lx = {.src = src, .line = 1};
	struct skipping skip = {.open = 1, .is_clause_due = true};

	for (;;) {
		int err = read_token(&lx);

		if (err < 0 || lx.kind == TOKEN_END)
			return err;
		if (lx.kind == TOKEN_CLOSE && skip.open == 1)
			return fail_at(&lx, "closing brace without opening one");
		err = skip_token(&lx, &skip);
		if (err < 0)
			return err;
	}
}
