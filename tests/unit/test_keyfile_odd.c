/*
 * Key files as people have them: byte order marks, the configurations of other servers,
 * and statements that look like keys but are not, none of which is skipped silently.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/keyfile_texts.h"

static void keep_nothing_silent(
	const char *name, const char *text, size_t keys, const char *warnings)
{
	keyfile_warnings[0] = '\0';
	keyring_free(parse_ok(name, text, keys));
	assert_string_equal(keyfile_warnings, warnings);
}

/* Statements that are skipped although they look like keys. */
static void test_bind_lookalikes(void **state)
{
	(void)state;
	keep_nothing_silent("named.conf",
		KEY("a", SECRET) "zone x {\n key \"b\" {\n algorithm hmac-md5;\n secret "
				 "\"" SECRET2 "\"; };\n"
				 "key c { secret " SECRET2 "; }; };\n",
		1,
		"named.conf:6: a key inside of another statement is not loaded\n"
		"named.conf:9: a key inside of another statement is not loaded\n");
	keep_nothing_silent("named.conf",
		KEY("a", SECRET) "keys \"b\" {\n secret\n\"" SECRET2 "\"; };\n"
				 "\xc2\xa0key \"c\" { secret \"" SECRET2 "\"; };\n"
				 "secret \"" SECRET2 "\";\n",
		1,
		"named.conf:6: a secret outside of a key statement is not loaded: key "
		"\"name\" { ... } is expected around it\n"
		"named.conf:8: a secret outside of a key statement is not loaded: key "
		"\"name\" { ... } is expected around it\n"
		"named.conf:9: a secret outside of a key statement is not loaded: key "
		"\"name\" { ... } is expected around it\n");
	/* A statement whose semicolon is missing swallows what follows. */
	keep_nothing_silent("named.conf",
		KEY("a", SECRET) "acl x\nkey b {\n secret " SECRET2 "; };\n", 1,
		"named.conf:6: a key inside of another statement is not loaded\n");
	/* None of these is a key. */
	keep_nothing_silent("named.conf",
		KEY("a", SECRET) "# key b { secret x; };\nserver ::1 { keys { b; }; };\n"
				 "zone x { allow-update { key a; }; };\n"
				 "options { cookie-secret \"x\"; key-directory \"y\"; "
				 "};\n",
		1, "");
}

/* BIND's grammar, but without semicolons after braces, and without quotes. */
static void test_dhcpd(void **state)
{
	static const char text[] =
		"ddns-updates on;\nsubnet 192.0.2.0 netmask 255.255.255.0 {\n"
		"  range 192.0.2.10 192.0.2.20;\n}\n"
		"key DDNS-KEY { algorithm HMAC-MD5.SIG-ALG.REG.INT; secret "
		"c2VjcmV0//8=; }\n"
		"zone example. { primary 127.0.0.1; key DDNS-KEY; }\n"
		"key other. { algorithm hmac-sha256; secret " SECRET "; };\n";
	struct keyring *ring = parse_ok("dhcpd.conf", text, 2);

	(void)state;
	assert_int_equal(find(ring, "ddns-key")->alg, HMAC_MD5);
	assert_secret(find(ring, "ddns-key"), "secret\xff\xff");
	assert_secret(find(ring, "other"), "secret of a test");
	keyring_free(ring);
}

/* What editors on Windows put in front of a file. */
static void test_byte_order_mark(void **state)
{
	static const char *const texts[] = {
		"\xef\xbb\xbf" KEY("first", SECRET) KEY("second", SECRET2),
		"\xef\xbb\xbf"
		"hmac-sha256:first:" SECRET "\r\nhmac-md5:second:" SECRET2,
		"\xef\xbb\xbfkey:\r\n  - id: first\r\n    algorithm: hmac-sha256\r\n"
		"    secret: " SECRET "\r\n  - id: second\r\n"
		"    algorithm: hmac-sha256\r\n    secret: " SECRET2 "\r\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct keyring *ring = parse_ok("any.key", texts[i], 2);

		assert_secret(find(ring, "first"), "secret of a test");
		assert_secret(find(ring, "second"), "secret number two");
		keyring_free(ring);
	}
}

/* nsd.conf, where indentation means nothing. */
static void test_nsd(void **state)
{
	static const char text[] =
		"server:\n    ip-address: 127.0.0.1@53\n\tzonesdir: \"/x\"\n"
		"key:\n    name: \"Upd\" # the name\n    algorithm: hmac-sha512\n"
		"    secret: \"" SECRET "\"\n"
		"key:\nname: two\nsecret: " SECRET2 "\nalgorithm: hmac-sha256\n"
		"zone:\n    name: dyn.example\n    allow-notify: 127.0.0.1 upd\n";
	struct keyring *ring = parse_ok("nsd.conf", text, 2);

	(void)state;
	assert_int_equal(find(ring, "upd")->alg, HMAC_SHA512);
	assert_secret(find(ring, "upd"), "secret of a test");
	assert_secret(find(ring, "two"), "secret number two");
	keyring_free(ring);
}

/* nsd.conf(5): the hash alone names an algorithm, and sha256 is the default. */
static void test_nsd_algorithms(void **state)
{
	static const struct {
		const char *line;
		enum hmac_algorithm alg;
	} lines[] = {
		{"", HMAC_SHA256},
		{" algorithm: md5\n", HMAC_MD5},
		{" algorithm: sha1\n", HMAC_SHA1},
		{" algorithm: \"sha224\"\n", HMAC_SHA224},
		{" algorithm: SHA256\n", HMAC_SHA256},
		{" algorithm: sha384\n", HMAC_SHA384},
		{" algorithm: sha512 # long\n", HMAC_SHA512},
		{" algorithm: hmac-sha512\n", HMAC_SHA512},
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		snprintf(text, sizeof(text), "key:\n name: \"upd\"\n%s secret: %s\n",
			lines[i].line, SECRET);
		struct keyring *ring = parse_ok("nsd.conf", text, 1);

		assert_int_equal(find(ring, "upd")->alg, lines[i].alg);
		keyring_free(ring);
	}
}

static void test_yaml_lookalikes(void **state)
{
	(void)state;
	keep_nothing_silent("knot.conf",
		"keys:\n  - id: a\n    secret: " SECRET2 "\n"
		"key:\n  - id: b\n    algorithm: hmac-md5\n    secret: " SECRET "\n"
		"zone:\n  - secret: " SECRET2 "\n  - domain: secret\n",
		1,
		"knot.conf:3: a secret outside of the key section is not loaded\n"
		"knot.conf:9: a secret outside of the key section is not loaded\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind_lookalikes),
		cmocka_unit_test(test_dhcpd),
		cmocka_unit_test(test_byte_order_mark),
		cmocka_unit_test(test_nsd),
		cmocka_unit_test(test_nsd_algorithms),
		cmocka_unit_test(test_yaml_lookalikes),
	};

	return cmocka_run_group_tests_name("keyfile_odd", tests, NULL, NULL);
}
