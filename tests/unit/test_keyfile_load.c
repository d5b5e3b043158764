/*
 * Loading key files: permissions, K* pairs, includes with their loops and limits.
 *
 * Each test runs in a directory of its own under the one it was started in.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/keyfile_texts.h"
#include "tsig/keyfile.h"

static int enter_directory(void **state)
{
	char template[] = "keyfile-XXXXXX";
	char *dir = mkdtemp(template);

	*state = dir ? strdup(dir) : NULL;
	return *state && chdir(*state) == 0 ? 0 : -1;
}

static int leave_directory(void **state)
{
	int failed = chdir("..") || rmdir(*state);

	free(*state);
	return failed;
}

static void write_file(const char *path, mode_t mode, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void load_ok(const char *path, size_t keys)
{
	char error[KEYFILE_ERROR_MAX];
	struct keyring *ring = keyring_new();
	int err;

	assert_non_null(ring);
	err = keyfile_load(ring, path, keep_warning, NULL, error);
	if (err)
		fail_msg("%d %s", err, error);
	assert_int_equal(keyring_count(ring), keys);
	keyring_free(ring);
}

static void load_bad(const char *path, int expected, const char *message)
{
	char error[KEYFILE_ERROR_MAX] = "";
	struct keyring *ring = keyring_new();

	assert_non_null(ring);
	assert_int_equal(keyfile_load(ring, path, keep_warning, NULL, error), expected);
	assert_string_equal(error, message);
	assert_no_secret(error);
	keyring_free(ring);
}

static void test_load_permissions(void **state)
{
	static const struct {
		mode_t mode;
		bool is_closed;
	} cases[] = {{0600, true}, {0640, true}, {0400, true}, {0660, true},
		{0644, false}, {0602, false}, {0601, false}, {0666, false}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		write_file("a.key", cases[i].mode, KEY("a", SECRET));
		if (cases[i].is_closed)
			load_ok("a.key", 1);
		else
			load_bad("a.key", -EACCES, "a.key: open to others (chmod o= it)");
		unlink("a.key");
	}
}

static void test_load_no_file(void **state)
{
	(void)state;
	load_bad("none.key", -ENOENT, "none.key: No such file or directory");
	assert_int_equal(mkdir("d", 0700), 0);
	load_bad("d", -EINVAL, "d: not a regular file");
	rmdir("d");
	assert_int_equal(mkfifo("f", 0600), 0);
	load_bad("f", -EINVAL, "f: not a regular file"); /* and does not hang */
	unlink("f");
	write_file("empty.key", 0600, "");
	load_bad("empty.key", -EINVAL, "empty.key:1: no key in it");
	unlink("empty.key");
}

static void test_load_too_large(void **state)
{
	int fd = open("large.key", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)KEYFILE_SIZE_MAX + 1), 0); /* sparse */
	close(fd);
	load_bad("large.key", -EFBIG, "large.key: too large");
	unlink("large.key");
}

static void test_load_pair(void **state)
{
	(void)state;
	write_file("Ka.+163+00001.key", 0600, "a. IN KEY 512 3 163 " SECRET "\n");
	load_bad("Ka.+163+00001.key", -ENOENT,
		"Ka.+163+00001.private: No such file or directory");
	write_file("Ka.+163+00001.private", 0600, PRIVATE("163 (HMAC_SHA256)", ""));
	load_ok("Ka.+163+00001.key", 1);
	load_ok("Ka.+163+00001.private", 1);
	load_ok("./Ka.+163+00001.key", 1);
	assert_int_equal(chmod("Ka.+163+00001.key", 0644), 0);
	load_bad("Ka.+163+00001.key", -EACCES,
		"Ka.+163+00001.key: open to others (chmod o= it)");
	assert_int_equal(chmod("Ka.+163+00001.key", 0600), 0);
	assert_int_equal(chmod("Ka.+163+00001.private", 0604), 0);
	load_bad("Ka.+163+00001.key", -EACCES,
		"Ka.+163+00001.private: open to others (chmod o= it)");
	unlink("Ka.+163+00001.private");
	unlink("Ka.+163+00001.key");
	load_bad("Ka.+163+00001.key", -ENOENT,
		"Ka.+163+00001.key: No such file or directory");
}

static void test_include(void **state)
{
	char path[PATH_MAX], text[PATH_MAX + 64];

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	write_file("named.conf", 0640,
		"include \"d/one.conf\";\n" KEY(
			"a", SECRET) "view v { include \"d/two.conf\"; };");
	write_file("d/one.conf", 0644, "options { };\ninclude \"two.conf\";\n");
	write_file("d/two.conf", 0600, KEY("b", SECRET2) KEY("c", SECRET));
	load_ok("named.conf", 3);
	load_ok("./named.conf", 3);
	assert_non_null(realpath("d/two.conf", path));
	snprintf(text, sizeof(text), "include \"%s\";", path);
	write_file("absolute.conf", 0600, text);
	load_ok("absolute.conf", 2);
	unlink("absolute.conf");

	/* Open to others: harmless without a key, refused with one; never writable. */
	assert_int_equal(chmod("d/two.conf", 0644), 0);
	load_bad("named.conf", -EACCES,
		"d/two.conf:1: a key in a file that is open to others (mode 644)");
	assert_int_equal(chmod("d/two.conf", 0600), 0);
	assert_int_equal(chmod("d/one.conf", 0646), 0);
	load_bad("named.conf", -EACCES,
		"named.conf:1: include of d/one.conf: others may write it");
	unlink("d/one.conf");
	load_bad("named.conf", -ENOENT,
		"named.conf:1: include of d/one.conf: No such file or directory");
	write_file("d/one.conf", 0600, "\n\n\"");
	load_bad("named.conf", -EINVAL, "d/one.conf:3: string without end");
	write_file("d/one.conf", 0600, "include \"\";");
	load_bad("named.conf", -EINVAL, "d/one.conf:1: bad path");
	write_file("d/one.conf", 0600, "include \"..\";");
	load_bad("named.conf", -EINVAL,
		"d/one.conf:1: include of d/..: not a regular file");
	unlink("d/one.conf");
	unlink("d/two.conf");
	unlink("named.conf");
	rmdir("d");
}

/* As on RHEL and FreeBSD: from there on, relative paths are those of named. */
static void test_directory_of_options(void **state)
{
	char here[PATH_MAX], text[PATH_MAX + 256];

	(void)state;
	assert_non_null(realpath(".", here));
	assert_int_equal(mkdir("etc", 0700), 0);
	assert_int_equal(mkdir("var", 0700), 0);
	write_file("var/a.key", 0600, KEY("a", SECRET));
	write_file("etc/b.key", 0600, KEY("b", SECRET));
	snprintf(text, sizeof(text),
		"include \"b.key\";\noptions {\n listen-on { any; };\n"
		" directory \"%s/var\"; };\ninclude \"a.key\";\n",
		here);
	write_file("etc/named.conf", 0600, text);
	load_ok("etc/named.conf", 2);
	/* Known to the including file as well, and inside views. */
	snprintf(text, sizeof(text), "options { directory \"%s/var\"; };", here);
	write_file("etc/options", 0600, text);
	write_file("etc/named.conf", 0600,
		"include \"options\"; view v { include \"a.key\"; };");
	load_ok("etc/named.conf", 1);
	/* Neither is it. */
	write_file("etc/named.conf", 0600,
		"options { x { directory \"/var\"; }; key-directory \"/var\"; };"
		"include \"b.key\";");
	load_ok("etc/named.conf", 1);
	write_file("etc/named.conf", 0600,
		"options { directory \"../var\"; };include \"b.key\";");
	load_bad("etc/named.conf", -ENOENT,
		"etc/named.conf:1: include of etc/../var/b.key: No such file or "
		"directory");
	unlink("etc/named.conf");
	unlink("etc/options");
	unlink("etc/b.key");
	unlink("var/a.key");
	rmdir("etc");
	rmdir("var");
}

static void test_include_pattern(void **state)
{
	(void)state;
	assert_int_equal(mkdir("k[1]", 0700), 0);
	write_file("k[1]/a.key", 0600, KEY("a", SECRET));
	write_file("k[1]/b.key", 0600, KEY("b", SECRET));
	write_file("k[1]/c.old", 0600, "no key");
	write_file("k[1]/named.conf", 0600, "include \"*.key\";");
	load_ok("k[1]/named.conf", 2);
	write_file("k[1]/nsd.conf", 0600,
		"server:\n ip-address: ::1\ninclude: \"?.nsd\"\nzone:\n name: x\n");
	write_file("k[1]/d.nsd", 0600,
		"key:\n name: d\n algorithm: hmac-md5\n secret: " SECRET "\n");
	load_ok("k[1]/nsd.conf", 1);
	write_file("k[1]/named.conf", 0600, "\ninclude \"x*.key\";");
	load_bad("k[1]/named.conf", -ENOENT,
		"k[1]/named.conf:2: include: no file fits the pattern");
	write_file("k[1]/named.conf", 0600, "include \"*.conf\";");
	load_bad("k[1]/named.conf", -EINVAL,
		"k[1]/named.conf:1: include of k[1]/named.conf: includes itself");
	unlink("k[1]/a.key");
	unlink("k[1]/b.key");
	unlink("k[1]/c.old");
	unlink("k[1]/d.nsd");
	unlink("k[1]/nsd.conf");
	unlink("k[1]/named.conf");
	rmdir("k[1]");
}

/* Knot and NSD take a pattern without a file; Knot skips folders. */
static void test_include_of_knot(void **state)
{
	static const char key[] =
		"key:\n  - id: d\n    algorithm: hmac-md5\n    secret: " SECRET "\n";

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(mkdir("d/x.conf", 0700), 0);
	write_file("d/a.conf", 0600, key);
	write_file("knot.conf", 0600,
		"server:\n    user: knot\ninclude: d/none*\ninclude: d/*.conf\n");
	keyfile_warnings[0] = '\0';
	load_ok("knot.conf", 1);
	assert_string_equal(keyfile_warnings, "");
	write_file("knot.conf", 0600,
		"include: d\nkey:\n- id: e\n  algorithm: hmac-md5\n"
		"  secret: " SECRET "\n");
	load_ok("knot.conf", 1);
	assert_string_equal(keyfile_warnings,
		"knot.conf:1: include of d: a folder, whose files are not read: a "
		"pattern such as \"*.conf\" in it is needed, as for Knot DNS\n");
	write_file("knot.conf", 0600, "key:\ninclude: d/none\n");
	load_bad("knot.conf", -ENOENT,
		"knot.conf:2: include of d/none: No such file or directory");
	unlink("knot.conf");
	unlink("d/a.conf");
	rmdir("d/x.conf");
	rmdir("d");
}

/* Keys in it are not loaded, since named would not take them there either. */
static void test_include_inside_of_a_statement(void **state)
{
	(void)state;
	write_file("two.key", 0600, "\n" KEY("two", SECRET));
	write_file("plain", 0644, "notify no;\nallow-update { key one; };\n");
	write_file("outer", 0600, "include \"two.key\";");
	write_file("named.conf", 0600,
		KEY("one", SECRET) "zone a {\n include \"plain\";\n};\n"
				   "view v { zone a { include \"two.key\"; }; };\n"
				   "server ::1 { include \"outer\"; };\n");
	keyfile_warnings[0] = '\0';
	load_ok("named.conf", 1);
	assert_string_equal(keyfile_warnings,
		"two.key:2: a key inside of another statement is not loaded\n"
		"two.key:2: a key inside of another statement is not loaded\n");
	write_file("named.conf", 0600,
		"zone a {\n include \"nowhere\"; };\nzone b { include \"named.conf\"; "
		"};\n" KEY("one", SECRET));
	keyfile_warnings[0] = '\0';
	load_ok("named.conf", 1);
	assert_string_equal(keyfile_warnings,
		"named.conf:2: an include inside of another statement is not followed, "
		"and its file cannot be looked into: a key there is not loaded\n");
	unlink("two.key");
	unlink("plain");
	unlink("outer");
	unlink("named.conf");
}

static void test_include_loop(void **state)
{
	(void)state;
	write_file("self", 0600, "\ninclude \"self\";");
	load_bad("self", -EINVAL, "self:2: include of self: includes itself");
	unlink("self");
	write_file("a", 0600, "include \"b\";");
	write_file("b", 0600, "include \"c\";");
	write_file("c", 0600, KEY("x", SECRET) "include \"./a\";");
	load_bad("a", -EINVAL, "c:5: include of ./a: includes itself");
	unlink("c");
	assert_int_equal(symlink("a", "c"), 0);
	load_bad("a", -EINVAL, "b:1: include of c: includes itself");
	unlink("a");
	unlink("b");
	unlink("c");
}

/* The first file and eight more: as deep as it goes. */
static void test_include_depth(void **state)
{
	char path[16], text[256];

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		snprintf(text, sizeof(text), "%sinclude \"f%d\";",
			i == 9 ? KEY("x", SECRET) "#" : "", i + 1);
		write_file(path, 0600, text);
	}
	load_ok("f1", 1);
	load_bad("f0", -EINVAL, "f8:1: more than 8 includes within includes");
	for (int i = 0; i < 10; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		unlink(path);
	}
}

/* Eight levels of 100 includes each, without a loop, would be 100 to the eighth files. */
static void test_include_fan(void **state)
{
	char path[16], text[8192];

	(void)state;
	for (int i = 0; i < 9; i++) {
		size_t at = 0;

		snprintf(path, sizeof(path), "f%d", i);
		for (int j = 0; j < 100; j++)
			at += (size_t)snprintf(
				text + at, sizeof(text) - at, "include \"f%d\";", i + 1);
		write_file(path, 0600, i == 8 ? "" : text);
	}
	load_bad("f0", -EINVAL, "f7:1: include of f8: too many files included");
	for (int i = 0; i < 9; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		unlink(path);
	}
}

/* What stands in an included file's name does not reach a terminal. */
static void test_message_is_printable(void **state)
{
	(void)state;
	write_file("a", 0600, "include \"\033[2J\nx\";");
	write_file("\033[2J\nx", 0600, "}");
	load_bad("a", -EINVAL, "?[2J?x:1: closing brace without opening one");
	unlink("a");
	unlink("\033[2J\nx");
}

#define IN_DIRECTORY(test)                                                               \
	cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_DIRECTORY(test_load_permissions),
		IN_DIRECTORY(test_load_no_file),
		IN_DIRECTORY(test_load_too_large),
		IN_DIRECTORY(test_load_pair),
		IN_DIRECTORY(test_include),
		IN_DIRECTORY(test_directory_of_options),
		IN_DIRECTORY(test_include_pattern),
		IN_DIRECTORY(test_include_of_knot),
		IN_DIRECTORY(test_include_inside_of_a_statement),
		IN_DIRECTORY(test_include_loop),
		IN_DIRECTORY(test_include_depth),
		IN_DIRECTORY(test_include_fan),
		IN_DIRECTORY(test_message_is_printable),
	};
	return cmocka_run_group_tests_name("keyfile_load", tests, NULL, NULL);
}
