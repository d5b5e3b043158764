/*
 * The text of configuration files before libconfig sees it: what is expected where,
 * which line is whose, and that no file makes it end the process or wait.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "gateway/base/settings_text.h"

enum { SIZE_MAX_OCTETS = 1024 * 1024 };

struct folder {
	char path[PATH_MAX];
	char message[SETTINGS_MESSAGE_MAX];
};

static void keep(bool error, const char *message, void *arg)
{
	struct folder *folder = arg;

	assert_true(error);
	assert_string_equal(folder->message, ""); /* one problem, one message */
	snprintf(folder->message, sizeof(folder->message), "%s", message);
}

static int make_folder(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct folder *folder = calloc(1, sizeof(*folder));

	if (!folder)
		return -1;
	*state = folder;
	snprintf(folder->path, sizeof(folder->path), "%s/muster-settings-XXXXXX",
		tmp ? tmp : "/tmp");
	return mkdtemp(folder->path) ? 0 : -1;
}

static int remove_folder(void **state)
{
	struct folder *folder = *state;
	DIR *dir = opendir(folder->path);
	const struct dirent *entry;
	char path[PATH_MAX + 256];

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder->path, entry->d_name);
		if (entry->d_name[0] != '.')
			remove(path);
	}
	if (dir)
		closedir(dir);
	rmdir(folder->path);
	free(folder);
	return 0;
}

static void write_file(const struct folder *folder, const char *name, const char *text)
{
	char path[PATH_MAX + 256];

	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fputs(text, file) >= 0, true);
	assert_int_equal(fclose(file), 0);
}

/* In a buffer of exactly their size, so that overreads are noticed. */
static int parse(struct folder *folder, const char *text, struct settings_text **ret)
{
	const struct settings_source source = {
		.path = "t", .size_max = SIZE_MAX_OCTETS, .report = keep, .arg = folder};
	const size_t len = strlen(text);
	char *exact = malloc(len ? len : 1);

	assert_non_null(exact);
	memcpy(exact, text, len);
	folder->message[0] = '\0';
	const int err = settings_text_parse(ret, &source, exact, len);
	free(exact);
	return err;
}

static int load(struct folder *folder, const char *name, struct settings_text **ret)
{
	char path[PATH_MAX + 256];
	const struct settings_source source = {.path = path,
		.folder = folder->path,
		.size_max = SIZE_MAX_OCTETS,
		.report = keep,
		.arg = folder};

	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	folder->message[0] = '\0';
	return settings_text_load(ret, &source);
}

/* The message without the folder's path. */
static void check_bad(struct folder *folder, const char *name, const char *message)
{
	struct settings_text *text = NULL;
	const size_t len = strlen(folder->path) + 1;
	char *at;

	assert_true(load(folder, name, &text) < 0);
	assert_null(text);
	while ((at = strstr(folder->message, folder->path)))
		memmove(at, at + len, strlen(at + len) + 1);
	assert_string_equal(folder->message, message);
}

/* ---- syntax ---- */

static const struct {
	const char *text, *message;
} wrong[] = {
	/* quotes */
	{"\na = {\n lease = 1h; };",
		"t:3: a.lease: text must stand between quotes: \"1h\", and a number must "
		"not end in letters"},
	{"a = yes;",
		"t:1: a: yes is not a value: write true or false, or put text between "
		"quotes"},
	{"a = ( { b = Off } );",
		"t:1: a[0].b: Off is not a value: write true or false, or put text "
		"between "
		"quotes"},
	{"address = 192.0.2.1;",
		"t:1: address: text must stand between quotes: \"192.0.2.1\""},
	{"a = 2001:db8::1;", "t:1: a: text must stand between quotes: \"2001:db8::1\""},
	{"a = [ 192.0.2.0/24 ];",
		"t:1: a[0]: text must stand between quotes: \"192.0.2.0/24\""},
	{"a = http://127.0.0.1:8081;",
		"t:1: a: text must stand between quotes: \"http://127.0.0.1:8081\""},
	{"a = /etc/muster/x;",
		"t:1: a: text must stand between quotes: \"/etc/muster/x\""},
	{"a = dyn.example.;", "t:1: a: text must stand between quotes: \"dyn.example.\""},
	{"a = 'x';", "t:1: a: text stands between double quotes (\"), not between '"},
	{"a = \xe2\x80\x9cx\xe2\x80\x9d;",
		"t:1: a: a typographic quote: text stands between plain double quotes "
		"(\")"},
	{"secret = c2VjcmV0;", "t:1: secret: text must stand between quotes"},
	{"api_key_file = c2VjcmV0;", "t:1: api_key_file: text must stand between quotes"},
	{"a = { b = \"x;\n c = \"y\"; };",
		"t:1: a: the string that begins here goes on in the next line, and then "
		"\"=\" after the name is expected, not a string: is a quote missing "
		"here?"},
	{"\na = \"x;\n", "t:2: a: the string that begins here has no closing quote"},
	{"a = \"\n\n", "t:1: a: the string that begins here has no closing quote"},
	{"a = \"x\\x00y\";", "t:1: a: a NUL octet"},
	{"a = \xc3\xa4;",
		"t:1: a: an octet c3 outside of a string: is a quote missing "
		"before it?"},
	/* separators */
	{"a = [ 1,\n 2,\n];",
		"t:2: a[1]: a value expected after \",\", not \"]\": take "
		"the comma away"},
	{"a = (\n { b = 1; },\n\n\n);",
		"t:2: a[0]: a value expected after \",\", not \")\": take the comma "
		"away"},
	{"a = ( { } { } );", "t:1: a[0]: \",\" or \")\" expected, not \"{\""},
	{"a = ( { }; { } );", "t:1: a[0]: \",\" or \")\" expected, not \";\""},
	{"a = [ 1 2 ];", "t:1: a[0]: \",\" or \"]\" expected, not \"2\""},
	{"a = [ \"A\" \"AAAA\" ];",
		"t:1: a[0]: \",\" or \"]\" expected, not another string"},
	{"a = ( \"x\",\n \"y\"\n \"z\" );",
		"t:3: a[1]: \",\" or \")\" expected, not another string"},
	{"a = [ , 1 ];", "t:1: a: a value expected, not \",\""},
	{"a = 1;;", "t:1: the name of a setting expected, not \";\""},
	{"a = 1\n 2;", "t:2: \";\" expected, not \"2\""},
	{"a = ( 1\nb = 2;", "t:2: a[0]: \",\" or \")\" expected, not \"b\""},
	{"a = 1 {", "t:1: a: \";\" expected, not \"{\""},
	/* names */
	{"a ( );", "t:1: a: \"=\" after the name expected, not \"(\""},
	{"a b = 1;", "t:1: a: \"=\" after the name expected, not \"b\""},
	{"a = ;", "t:1: a: a value expected, not \";\""},
	{"a =\n", "t:1: a: a value expected, not the end of the file"},
	{"a", "t:1: a: \"=\" after the name expected, not the end of the file"},
	{"= 1;", "t:1: the name of a setting expected, not \"=\""},
	{"1a = 1;", "t:1: the name of a setting expected, not \"1a\""},
	{"a = 1;\nab = 1;\n\na = 2;", "t:4: a: duplicate setting: t:1 has it already"},
	{"g = ( { a = 1; }, { b = { a = 1; }; a = 1;\n b = 2; } );",
		"t:2: g[1].b: duplicate setting: t:1 has it already"},
	{"a = b = 1;", "t:1: a: text must stand between quotes: \"b\""},
	/* brackets */
	{"a = (\n { b = 1;\n );",
		"t:3: a[0]: \"}\" expected, which closes the \"{\" of line 2, not \")\""},
	{"a = {\n b = ( 1 ];",
		"t:2: a.b[0]: \")\" expected, which closes the \"(\" of line "
		"2, not \"]\""},
	{"a = (\n { b = 1; },\n", "t:1: a[0]: the \"(\" here is never closed"},
	{"a = (\n { b = 1;\n", "t:2: a[0]: the \"{\" here is never closed"},
	{"a = 1; }", "t:1: \"}\" closes nothing that is open"},
	{"a = [ { } ];",
		"t:1: a[0]: an array [ ] holds single values; what holds groups "
		"is a list ( )"},
	{"a = ((((((((((((((((1))))))))))))))));",
		"t:1: a[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: brackets nest more "
		"than 15 deep"},
	{"\n/* a\n", "t:2: the comment that begins here does not end"},
	/* numbers */
	{"a = 1.5;", "t:1: a: 1.5 is not a whole number"},
	{"a = 9223372036854775808;", "t:1: a: the number is too large"},
	{"a = 0x;",
		"t:1: a: text must stand between quotes: \"0x\", and a number must not "
		"end in letters"},
	{"secret = -12abc;",
		"t:1: secret: text must stand between quotes, and a number must not end "
		"in letters"},
	{"a = 1x2;", "t:1: a: text must stand between quotes: \"1x2\""},
	/* kinds */
	{"a = [ \"x\", 1 ];",
		"t:1: a[1]: an array [ ] holds values of one kind: a string before, and "
		"here a number"},
	{"a = [ 1,\n true ];",
		"t:2: a[1]: an array [ ] holds values of one kind: a number before, and "
		"here true or false"},
	{"a = [ false, \"x\" ];",
		"t:1: a[1]: an array [ ] holds values of one kind: true or false before, "
		"and here a string"},
	{"a = -;", "t:1: a: text must stand between quotes: \"-\""},
	/* others */
	{"@include \"x\"", "t:1: files are not read for text in memory"},
	{"@included", "t:1: @include: a file between quotes expected"},
	{"@x", "t:1: \"@\" begins nothing but @include \"file\""},
	{"a = $x;", "t:1: a: text must stand between quotes: \"$x\""},
	{"$x = 1;", "t:1: \"$\" has no meaning here"},
};

static void what_is_expected_is_said(void **state)
{
	struct folder *folder = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct settings_text *text = NULL;

		if (parse(folder, wrong[i].text, &text) != -EINVAL)
			fail_msg("taken: %s", wrong[i].text);
		assert_string_equal(folder->message, wrong[i].message);
	}
}

static void read_tree(struct folder *folder, struct settings_text *text, config_t *tree)
{
	const struct settings_source source = {
		.path = "t", .report = keep, .arg = folder};

	config_init(tree);
	folder->message[0] = '\0';
	if (!settings_text_read(text, &source, tree))
		fail_msg("%s", folder->message);
}

static void the_grammar_of_libconfig_is_taken(void **state)
{
	static const char text[] = "\xef\xbb\xbf# a comment\r\na : 1, b = TRUE c = \"x\" "
				   "\"y\\\"\" // another\r\n"
				   "/* one more\n*/ d = ( ), e = [ ]; f = ( 1, \"x\", [ "
				   "1, 2 ], { }, ( ) );\n"
				   "g = { h-1_* = -0; *i = 0x10; j = 010; }";
	struct folder *folder = *state;
	struct settings_text *whole = NULL;
	config_t tree;
	const char *string;
	int number;

	assert_int_equal(parse(folder, text, &whole), 0);
	read_tree(folder, whole, &tree);
	assert_int_equal(config_lookup_int(&tree, "a", &number) && number == 1, true);
	assert_int_equal(config_lookup_bool(&tree, "b", &number) && number == 1, true);
	assert_true(config_lookup_string(&tree, "c", &string));
	assert_string_equal(string, "xy\"");
	assert_int_equal(config_setting_length(config_lookup(&tree, "f")), 5);
	assert_true(config_lookup_int(&tree, "g.*i", &number) && number == 16);
	assert_true(config_lookup_int(&tree, "g.j", &number) && number == 10);
	config_destroy(&tree);
	settings_text_free(whole);
}

static void numbers_do_not_wrap(void **state)
{
	struct folder *folder = *state;
	struct settings_text *text = NULL;
	long long number;
	config_t tree;

	assert_int_equal(
		parse(folder,
			"a = 4294967297; b = -2147483649L; c = 0xffffffff; d = 7LL;",
			&text),
		0);
	read_tree(folder, text, &tree);
	assert_true(config_lookup_int64(&tree, "a", &number) && number == 4294967297);
	assert_true(config_lookup_int64(&tree, "b", &number) && number == -2147483649);
	assert_true(config_lookup_int64(&tree, "c", &number) && number == 4294967295);
	assert_true(config_lookup_int64(&tree, "d", &number) && number == 7);
	config_destroy(&tree);
	settings_text_free(text);
}

static void what_grows_has_a_limit(void **state)
{
	struct folder *folder = *state;
	struct settings_text *text = NULL;
	char many[101 * sizeof("a100 = 1;")] = "";
	char *large = calloc(1, 70000);

	assert_non_null(large);
	for (int i = 0; i < 101; i++)
		sprintf(many + strlen(many), "a%d = 1;", i);
	assert_int_equal(parse(folder, many, &text), -EINVAL);
	assert_string_equal(
		folder->message, "t:1: a100: more than 100 settings in one group");

	memset(large, 'x', 69999);
	memcpy(large, "a = \"", 5);
	memcpy(large + 69990, "\";", 3);
	assert_int_equal(parse(folder, large, &text), -EINVAL);
	assert_string_equal(
		folder->message, "t:1: a: a string of more than 65536 octets");

	memset(large, 'x', 69999);
	assert_int_equal(parse(folder, large, &text), -EINVAL);
	free(large);
}

/* ---- files ---- */

static void lines_are_those_of_their_files(void **state)
{
	struct folder *folder = *state;
	struct settings_text *text = NULL;
	const config_setting_t *setting;
	config_t tree;
	unsigned line;

	write_file(folder, "main",
		"a = 1;\n@include \"one\" b = 2;\nc = (\n@include \"two\"\n"
		");\nd = 4;\n");
	write_file(folder, "one", "@include \"three\"\n\none = 1;");
	write_file(folder, "two", "\n\n{ two = 2; }\n");
	write_file(folder, "three", "\xef\xbb\xbf\nthree = 3;\n");
	assert_int_equal(load(folder, "main", &text), 0);
	read_tree(folder, text, &tree);

	static const struct {
		const char *path, *file;
		unsigned line;
	} places[] = {
		{"a", "main", 1},
		{"one", "one", 3},
		{"three", "three", 2},
		{"b", "main", 2},
		{"c", "main", 3},
		{"c.[0].two", "two", 3},
		{"d", "main", 6},
	};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		setting = config_lookup(&tree, places[i].path);
		assert_non_null(setting);
		line = config_setting_source_line(setting);
		assert_non_null(strstr(settings_text_file(text, line), places[i].file));
		assert_int_equal(settings_text_line(text, line), places[i].line);
	}
	config_destroy(&tree);
	settings_text_free(text);
}

static void what_libconfig_says_has_the_right_line(void **state)
{
	struct folder *folder = *state;
	struct settings_source source = {.path = "t", .report = keep, .arg = folder};
	struct settings_text *text = NULL;
	config_t tree;

	write_file(folder, "main", "a = 1;\n@include \"one\"\n");
	write_file(folder, "one", "\n\nb = [ 1, 5000000000 ];");
	assert_int_equal(load(folder, "main", &text), 0);
	config_init(&tree);
	assert_false(settings_text_read(text, &source, &tree));
	assert_string_equal(folder->message, "one:3: mismatched element type in array");
	config_destroy(&tree);
	settings_text_free(text);
}

static void what_stands_twice_is_found_over_files(void **state)
{
	struct folder *folder = *state;
	struct settings_text *text = NULL;

	write_file(folder, "main", "\na = 1;\n@include \"one\"\n");
	write_file(folder, "one", "\n\nb = 1;\na = 2;");
	assert_int_equal(load(folder, "main", &text), -EINVAL);
	assert_non_null(strstr(folder->message, "one:4: a: duplicate setting: "));
	assert_non_null(strstr(folder->message, "main:2 has it already"));
}

/* The value of a setting may be in pieces. */
static void strings_that_follow_each_other_are_one(void **state)
{
	struct folder *folder = *state;
	struct settings_text *text = NULL;
	const char *value;
	config_t tree;

	write_file(folder, "main", "a = ( { b = \"x\"\n \"y\" \"z\"; } );");
	assert_int_equal(load(folder, "main", &text), 0);
	read_tree(folder, text, &tree);
	assert_true(config_lookup_string(&tree, "a.[0].b", &value));
	assert_string_equal(value, "xyz");
	config_destroy(&tree);
	settings_text_free(text);
}

static void an_include_is_no_pattern(void **state)
{
	struct folder *folder = *state;
	struct settings_text *text = NULL;

	write_file(folder, "main", "@include \"*.ok\"\n");
	assert_int_equal(load(folder, "main", &text), -EINVAL);
	assert_non_null(strstr(folder->message,
		"main:1: @include \"*.ok\": No such file or directory (one file is "
		"expected, not a pattern)"));
}

static void make_path(const struct folder *folder, const char *name, char path[PATH_MAX])
{
	assert_true(snprintf(path, PATH_MAX, "%s/%s", folder->path, name) < PATH_MAX);
}

static void no_file_ends_or_stops_the_process(void **state)
{
	struct folder *folder = *state;
	char path[PATH_MAX], text[PATH_MAX];

	write_file(folder, "main", "\n@include \".\"\n");
	check_bad(folder, "main", "main:2: @include \".\": is a folder, not a file");
	check_bad(folder, ".", ".: is a folder, not a file");
	check_bad(folder, "none", "none: No such file or directory");

	write_file(folder, "main", "\n  @include \"none\"\n");
	check_bad(folder, "main", "main:2: @include \"none\": No such file or directory");

	make_path(folder, "fifo", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	write_file(folder, "main", "@include \"fifo\"");
	check_bad(folder, "main", "main:1: @include \"fifo\": is not a regular file");
	write_file(folder, "main", "@include \"/dev/zero\"");
	check_bad(
		folder, "main", "main:1: @include \"/dev/zero\": is not a regular file");

	write_file(folder, "main", "@include \"main\"");
	check_bad(folder, "main",
		"main:1: @include \"main\": is included from within itself");
	write_file(folder, "main", "@include \"one\"");
	write_file(folder, "one", "\n@include \"main\"");
	check_bad(folder, "main",
		"one:2: @include \"main\": is included from within itself");

	/* A file that is included twice is no loop. */
	write_file(folder, "main", "@include \"one\"\n@include \"one\"");
	write_file(folder, "one", "# nothing");
	struct settings_text *whole = NULL;
	assert_int_equal(load(folder, "main", &whole), 0);
	settings_text_free(whole);

	/* 12 within each other, of which 10 are allowed */
	for (int i = 0; i < 12; i++) {
		snprintf(path, sizeof(path), "deep%d", i);
		snprintf(text, sizeof(text), "@include \"deep%d\"", i + 1);
		write_file(folder, path, text);
	}
	check_bad(folder, "deep0",
		"deep10:1: @include: more than 10 files within each other");
}

static void files_of_another_kind_are_refused(void **state)
{
	struct folder *folder = *state;
	char path[PATH_MAX];

	make_path(folder, "main", path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fwrite("a = 1;\n\0", 1, 8, file);
	fclose(file);
	check_bad(folder, "main", "main:2: a NUL octet");

	write_file(folder, "main",
		"\x7f"
		"ELF\x02\x01\x01");
	check_bad(folder, "main",
		"main:1: an octet 7f outside of a string: is a quote missing before it?");
	write_file(folder, "main", "{\n  \"listen\": 53\n}\n");
	check_bad(folder, "main", "main:1: the name of a setting expected, not \"{\"");
	write_file(folder, "main", "@include \"one\"\n]");
	write_file(folder, "one", "a = [ 1");
	struct settings_text *whole = NULL;
	assert_int_equal(load(folder, "main", &whole), 0);
	settings_text_free(whole);

	make_path(folder, "main", path);
	assert_int_equal(truncate(path, SIZE_MAX_OCTETS + 1), 0);
	check_bad(folder, "main", "main: File too large");
	/* All files together. */
	make_path(folder, "one", path);
	write_file(folder, "main", "@include \"one\"\n@include \"one\"");
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < SIZE_MAX_OCTETS / 16; i++)
		fputs("# 14 octets ...\n", file);
	fclose(file);
	assert_int_equal(truncate(path, SIZE_MAX_OCTETS / 2), 0);
	check_bad(folder, "main", "main:2: @include \"one\": File too large");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_expected_is_said),
		TEST(the_grammar_of_libconfig_is_taken),
		TEST(numbers_do_not_wrap),
		TEST(what_grows_has_a_limit),
		TEST(lines_are_those_of_their_files),
		TEST(what_libconfig_says_has_the_right_line),
		TEST(what_stands_twice_is_found_over_files),
		TEST(strings_that_follow_each_other_are_one),
		TEST(an_include_is_no_pattern),
		TEST(no_file_ends_or_stops_the_process),
		TEST(files_of_another_kind_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
