/*
 * Key files: the four forms as their tools write them, what people make of them by hand,
 * and everything that must be refused, with the message that says where and why.  Opening
 * files is in test_keyfile_load.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/keyfile_texts.h"
#include "tsig/keyfile.h"

/* ---- helpers ---- */

/* The whole message is expected, and no key. */
static void parse_bad(const char *name, const char *text, size_t len, const char *message)
{
	char error[KEYFILE_ERROR_MAX];
	struct keyring *ring = keyring_new();

	assert_non_null(ring);
	assert_int_equal(parse_octets(ring, name, text, len, error), -EINVAL);
	assert_string_equal(error, message);
	keyring_free(ring);
}

struct bad {
	const char *text;
	const char *message;
};

static void all_bad(const char *name, const struct bad *bad, size_t count)
{
	for (size_t i = 0; i < count; i++)
		parse_bad(name, bad[i].text, strlen(bad[i].text), bad[i].message);
}

/* Every file cut short anywhere: an answer, no crash, no secret in it. */
static void cut_anywhere(const char *name, const char *text)
{
	char error[KEYFILE_ERROR_MAX];

	for (size_t len = 0; len <= strlen(text); len++) {
		struct keyring *ring = keyring_new();
		int err = parse_octets(ring, name, text, len, error);

		assert_true(err == 0 || err == -EINVAL);
		assert_true(err == 0 || error[0]);
		keyring_free(ring);
	}
}

/* ---- BIND ---- */

static void test_bind_tools(void **state)
{
	static const char *const texts[] = {
		/* tsig-keygen host.example. */
		KEY("host.example.", SECRET),
		/* rndc-confgen */
		"# Start of rndc.conf\nkey \"host.example\" {\n\talgorithm hmac-sha256;\n"
		"\tsecret \"" SECRET
		"\";\n};\n\noptions {\n\tdefault-key \"host.example\";\n"
		"\tdefault-server 127.0.0.1;\n\tdefault-port 953;\n};\n# End of "
		"rndc.conf\n\n"
		"# Use with the following in named.conf:\n# key \"rndc-key\" {\n"
		"# \tsecret \"" SECRET2 "\";\n# };\n# controls {\n# };\n",
		/* ddns-confgen, without its last line, which is a command */
		"# To activate this key, place the following in named.conf, and\n"
		"key \"host.example\" {\n\talgorithm hmac-sha256;\n\tsecret \"" SECRET
		"\";\n};\n\n# Then, in the \"zone\" statement:\nupdate-policy { grant x; "
		"};\n",
		/* by hand */
		"KEY Host.EXAMPLE{secret " SECRET ";Algorithm HMAC-SHA256.;};",
		"key \"host.example\"\n{ // the secret\nsecret \"c2VjcmV0IG9m\n "
		"IGEgdGVzdA==\";"
		"algorithm/*x*/hmac-sha256;}/**/;",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct keyring *ring = parse_ok("any.key", texts[i], 1);
		const struct tsig_key *key = find(ring, "host.example.");

		assert_secret(key, "secret of a test");
		assert_int_equal(key->alg, HMAC_SHA256);
		assert_int_equal(key->mac_min, 32);
		assert_true(key->not_before == INT64_MIN);
		assert_true(key->not_after == INT64_MAX);
		keyring_free(ring);
		cut_anywhere("any.key", texts[i]);
	}
}

/* What mentions keys without defining them, and what defines them inside a view. */
static void test_bind_whole_configuration(void **state)
{
	static const char text[] =
		"// a whole named.conf\n"
		"options { directory \"/var; key { \"; listen-on { any; }; key-directory "
		"\"x\"; };\n"
		"acl \"inner\" { key \"one\"; { 10/8; !key two; }; };\n" KEY("one",
			SECRET) "controls { inet 127.0.0.1 allow { localhost; } keys { "
				"\"one\"; }; };\n"
				"server 192.0.2.1 { keys { one; }; };\n"
				"server 192.0.2.2 { keys one; };\n"
				"zone \"a.example\" { type primary; allow-update { key "
				"\"one\"; key two; };\n"
				"  include \"nowhere\"; key \"not-here\" { secret \"x\"; "
				"}; };\n"
				"statistics-channels { inet * port 80; };\n"
				"view \"v\" IN {\n match-clients { key \"two\"; !key "
				"one; };\n"
				" server ::1 { keys { two; }; };\n" KEY("two",
					SECRET2) " zone \".\" { type hint; file \"x\"; "
						 "};\n};\n"
						 "view w { " KEY("three", SECRET) "};\n";
	struct keyring *ring = parse_ok("named.conf", text, 3);

	(void)state;
	assert_secret(find(ring, "one"), "secret of a test");
	assert_secret(find(ring, "two"), "secret number two");
	assert_secret(find(ring, "three"), "secret of a test");
	keyring_free(ring);
	cut_anywhere("named.conf", text);
}

/* A name of RFC 8945 6 for a truncated algorithm gives two keys, BIND's first. */
static void test_bind_algorithms(void **state)
{
	static const struct {
		const char *text;
		enum hmac_algorithm alg;
		size_t mac_min, keys;
	} cases[] = {
		{"hmac-md5", HMAC_MD5, 16, 1},
		{"hmac-md5.sig-alg.reg.int", HMAC_MD5, 16, 1},
		{"hmac-sha1", HMAC_SHA1, 20, 1},
		{"hmac-sha224", HMAC_SHA224, 28, 1},
		{"hmac-sha256", HMAC_SHA256, 32, 1},
		{"hmac-sha384", HMAC_SHA384, 48, 1},
		{"hmac-sha512", HMAC_SHA512, 64, 1},
		{"hmac-sha256-128", HMAC_SHA256, 16, 2},
		{"hmac-sha512-256", HMAC_SHA512, 32, 2},
		{"hmac-sha1-80", HMAC_SHA1, 10, 1},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct keyring *ring;

		snprintf(text, sizeof(text),
			"key a { algorithm \"%s\"; secret \"%s\"; };", cases[i].text,
			SECRET);
		ring = parse_ok("a.key", text, cases[i].keys);
		assert_int_equal(find(ring, "a")->alg, cases[i].alg);
		assert_int_equal(find(ring, "a")->mac_min, cases[i].mac_min);
		keyring_free(ring);
	}
}

/* One name twice: both secrets.  The same secret twice: one key. */
static void test_duplicates(void **state)
{
	struct keyring *ring = parse_ok(
		"a.key", KEY("a", SECRET) KEY("A.", SECRET2) KEY("a", SECRET), 2);
	const struct tsig_key *key = find(ring, "a");

	(void)state;
	assert_non_null(key);
	assert_non_null(key->next_secret);
	assert_null(key->next_secret->next_secret);
	keyring_free(ring);
}

static void test_bind_malformed(void **state)
{
	static const struct bad bad[] = {
		{"", "f:1: no key in it"},
		{"\n \n# nothing\n", "f:1: no key in it"},
		{"options { };\n", "f:1: no key in it"},
		{"key \"a\" {\nsecret \"" SECRET "\n};", "f:2: string without end"},
		{"key \"a\" {\nsecret \"" SECRET "\\\"", "f:2: string without end"},
		{"\"", "f:1: string without end"},
		{"\"\\", "f:1: string without end"},
		{"key a {\n/* algorithm hmac-md5; };", "f:2: comment without end"},
		{"/", "f:1: statement without semicolon"},
		{"/*", "f:1: comment without end"},
		{"/*/", "f:1: comment without end"},
		{"\nkey \"a\" {\nalgorithm hmac-md5;\n",
			"f:2: key without closing brace"},
		{"key \"a\" { secret \"" SECRET "\"; };", "f:1: key without algorithm"},
		{"key \"a\" { algorithm hmac-md5; };", "f:1: key without secret"},
		{"key \"a\" { };", "f:1: key without algorithm"},
		{"key a {algorithm hmac-md5; secret " SECRET "};",
			"f:1: semicolon expected"},
		{"key a {algorithm hmac-md5 secret " SECRET ";};",
			"f:1: semicolon expected"},
		{"key a {algorithm; secret " SECRET ";};",
			"f:1: algorithm or secret without value"},
		{"key a {\n secret x;\n secret " SECRET ";};",
			"f:3: algorithm or secret is there twice"},
		{"key a {\n" SECRET ";};", "f:2: a key has only algorithm and secret"},
		{"key a {\n include \"x\";};",
			"f:2: an include inside of a key is not followed"},
		{"key a { { } };", "f:1: a key has only algorithm and secret"},
		{"key { };", "f:1: name of the key expected"},
		{"key a;", "f:1: opening brace expected after the key's name"},
		{"key a b { };", "f:1: opening brace expected after the key's name"},
		{"};", "f:1: closing brace without opening one"},
		{"acl x { } };", "f:1: closing brace without opening one"},
		{"{ };", "f:1: statement expected"},
		{"\nzone x { { };\n", "f:2: block without closing brace"},
		{"zone x\n", "f:1: statement without semicolon"},
		{"view x {\n", "f:1: view without closing brace"},
		{"view x;", "f:1: opening brace expected after the view's name"},
		{"view", "f:1: opening brace expected after the view's name"},
		{"\ninclude \"x\";", "f:2: include is not followed here"},
		{"include ;", "f:1: name of a file expected"},
		{"include", "f:1: name of a file expected"},
		{"include x y;", "f:1: semicolon expected after include"},
	};
	(void)state;
	all_bad("f", bad, COUNT(bad));
}

/* ---- what makes a key bad, in whatever form ---- */

static void test_bad_values(void **state)
{
	static const struct {
		const char *name, *algorithm, *secret, *message;
		unsigned line; /* of the word that is wrong */
	} cases[] = {
		{"a", "hmac-sha3", SECRET,
			"unknown algorithm, or not a length to truncate it to", 3},
		{"a", SECRET, "hmac-md5",
			"unknown algorithm, or not a length to truncate it to", 3},
		{"a", "hmac-sha256-64", SECRET,
			"unknown algorithm, or not a length to truncate it to", 3},
		{"a", "hmac-sha256-hmac-sha256-hmac-sha256-hmac-sha256-hmac-sha256-hmac",
			SECRET, "unknown algorithm, or not a length to truncate it to",
			3},
		{"a", "hmac-md5", "c2VjcmV0!", "secret is not base64", 4},
		{"a", "hmac-md5", "c2VjcmV0I", "secret is not base64", 4},
		{"a", "hmac-md5", "====", "secret is not base64", 4},
		{"a", "hmac-md5", "", "secret is empty", 4},
		{"a", "hmac-md5", " ", "secret is empty", 4},
		{"a..b", "hmac-md5", SECRET, "the key's name is not a domain name", 2},
		{"", "hmac-md5", SECRET, "the key's name is not a domain name", 2},
		{"@", "hmac-md5", SECRET, "the key's name is not a domain name", 2},
		{"a\\999", "hmac-md5", SECRET, "the key's name is not a domain name", 2},
	};
	char text[1024], message[256];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(text, sizeof(text),
			"\nkey \"%s\" {\nalgorithm \"%s\";\nsecret \"%s\";\n};",
			cases[i].name, cases[i].algorithm, cases[i].secret);
		snprintf(message, sizeof(message), "f:%u: %s", cases[i].line,
			cases[i].message);
		parse_bad("f", text, strlen(text), message);
		snprintf(text, sizeof(text),
			"key:\n  - id: \"%s\"\n    algorithm: \"%s\"\n    secret: "
			"\"%s\"\n",
			cases[i].name, cases[i].algorithm, cases[i].secret);
		parse_bad("f", text, strlen(text), message);
	}
}

/* Base64 of len octets 'A', which are "QUFB" three by three. */
static void write_secret(char *text, size_t len)
{
	static const char *const tail[] = {"", "QQ==", "QUE="};

	*text = '\0';
	for (size_t i = 0; i < len / 3; i++)
		strcpy(text + 4 * i, "QUFB");
	strcat(text, tail[len % 3]);
}

static void test_secret_length(void **state)
{
	static const size_t too_long[] = {513, 514, 515, 516, 517, 600, 3000};
	char secret[8192], line[8300], error[KEYFILE_ERROR_MAX];
	struct keyring *ring = keyring_new();

	(void)state;
	assert_non_null(ring);
	for (size_t len = 1; len <= HMAC_SECRET_MAX; len++) {
		snprintf(line, sizeof(line), "hmac-sha256:k%zu:", len);
		write_secret(line + strlen(line), len);
		assert_int_equal(parse_octets(ring, "f", line, strlen(line), error), 0);
	}
	assert_int_equal(keyring_count(ring), HMAC_SECRET_MAX);
	assert_int_equal(find(ring, "k512")->secret_len, 512);
	assert_int_equal(find(ring, "k1")->secret_len, 1);
	for (size_t i = 0; i < COUNT(too_long); i++) {
		write_secret(secret, too_long[i]);
		snprintf(line, sizeof(line), "hmac-sha256:a:%s", secret);
		assert_int_equal(
			parse_octets(ring, "f", line, strlen(line), error), -EINVAL);
		assert_string_equal(error, "f:1: secret longer than 512 octets");
	}
	keyring_free(ring);
}

static void test_nul_octets(void **state)
{
	static const char bind[] =
		"key a {\nalgorithm hmac-md5;\0secret \"" SECRET "\"; };";
	static const char lines[] = "hmac-md5:a:" SECRET "\n\0";
	static const char string[] = "key \"a\0b\" { algorithm hmac-md5; };";

	(void)state;
	parse_bad("f", bind, sizeof(bind) - 1, "f:2: NUL octet: not a text file");
	parse_bad("f", lines, sizeof(lines) - 1, "f:2: NUL octet: not a text file");
	parse_bad("f", string, sizeof(string) - 1, "f:1: NUL octet: not a text file");
	parse_bad("f", "\0", 1, "f:1: NUL octet: not a text file");
	parse_bad("Ka.+157+00001.private", "\0", 1,
		"Ka.+157+00001.private:1: NUL octet: not a text file");
}

/* Depth is counted, not recursed into. */
static void test_deep_nesting(void **state)
{
	enum { DEPTH = 1000000 };
	char error[KEYFILE_ERROR_MAX];
	struct keyring *ring = keyring_new();
	size_t len = 0, cap = 4 * DEPTH + 256;
	char *text = malloc(cap);

	(void)state;
	assert_non_null(text);
	assert_non_null(ring);
	len += (size_t)snprintf(text, cap, "acl x ");
	memset(text + len, '{', DEPTH);
	len += DEPTH;
	assert_int_equal(parse_octets(ring, "f", text, len, error), -EINVAL);
	assert_string_equal(error, "f:1: block without closing brace");
	for (size_t i = 0; i < DEPTH; i++, len += 2)
		memcpy(text + len, "};", 2);
	len += (size_t)snprintf(text + len, cap - len, "%s", KEY("a", SECRET));
	assert_int_equal(parse_octets(ring, "f", text, len, error), 0);
	assert_non_null(find(ring, "a"));
	free(text);
	keyring_free(ring);
}

/* ---- Knot ---- */

static void test_knot_tools(void **state)
{
	static const char *const texts[] = {
		/* keymgr -t host.example hmac-sha256 */
		"# hmac-sha256:host.example:" SECRET "\nkey:\n  - id: host.example\n"
		"    algorithm: hmac-sha256\n    secret: " SECRET "\n",
		/* a whole knot.conf */
		"server:\n    listen: [ 127.0.0.1@53, ::1@53 ]\n    secret: wrong\n"
		"key:\n- id: \"Host.Example.\" # comment\n  algorithm: 'hmac-sha256'\n\n"
		"  # comment\n  comment: [ not, read ]\n  secret: \"" SECRET "\"#c\n"
		"acl:\n  - id: a\n    key: other\n    action: [transfer,\n  update]\n"
		"zone:\n  - domain: x.\n    secret: wrong\n",
		"---\nkey:   # keys\n\t-\n\t  id: host.example\n\t  secret:"
		"\t" SECRET " # c\n\t  algorithm:  hmac-sha256 \r\n...\n",
		"key:\n        - secret: " SECRET "\n          algorithm: hmac-sha256\n"
		"          id: host.example",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct keyring *ring = parse_ok("knot.conf", texts[i], 1);

		assert_secret(find(ring, "host.example"), "secret of a test");
		assert_int_equal(find(ring, "host.example")->alg, HMAC_SHA256);
		keyring_free(ring);
		cut_anywhere("knot.conf", texts[i]);
	}
}

static void test_knot_several(void **state)
{
	static const char text[] =
		"key:\n  - id: a\n    algorithm: hmac-md5\n    secret: " SECRET "\n"
		"  - id: b\n    algorithm: hmac-sha512\n    secret: " SECRET2 "\n"
		"server:\n  listen: ::1\n"
		"key:\n  - id: c\n    algorithm: hmac-sha1\n    secret: " SECRET "\n";
	struct keyring *ring = parse_ok("knot.conf", text, 3);

	(void)state;
	assert_int_equal(find(ring, "a")->alg, HMAC_MD5);
	assert_secret(find(ring, "b"), "secret number two");
	assert_int_equal(find(ring, "c")->alg, HMAC_SHA1);
	keyring_free(ring);
}

static void test_knot_malformed(void **state)
{
	static const struct bad bad[] = {
		{"key:\n", "f:1: no key in it"},
		{"server:\n  key: a\n", "f:1: no key in it"},
		{"key:\n  - id: [a, b]\n", "f:2: one value expected, not a list"},
		{"key:\n  - id: {a}\n", "f:2: one value expected, not a list"},
		{"key: [ a ]\n", "f:1: the key section is a list of items"},
		{"key:\n  id: a\n",
			"f:2: setting outside of an item: \"- id: name\" begins one"},
		{"key:\n  - id: a\n    secret: " SECRET "\n",
			"f:2: key without algorithm"},
		{"key:\n  - id: a\n    algorithm: hmac-md5\n", "f:2: key without secret"},
		{"key:\n  - algorithm: hmac-md5\n    secret: " SECRET "\n",
			"f:2: key without name"},
		{"key:\n  -\n", "f:2: key without name"},
		{"key:\n  - id:\n    algorithm: hmac-md5\n    secret: x\n",
			"f:2: the key's name is not a domain name"},
		{"key:\n  - id: a\n    id: b\n",
			"f:3: id, algorithm or secret is there twice"},
		{"key:\n  - id: a\n    secret: \"" SECRET "\n",
			"f:3: string without end"},
		{"key:\n  - id: a\n    secret: \"\\\"\n", "f:3: string without end"},
		{"key:\n  - id: a\n    secret: \"\\", "f:3: string without end"},
		{"key:\n  - id: '\n", "f:2: string without end"},
		{"key:\n  - id: \"a\" b\n", "f:2: something stands behind the string"},
		{"key:\n  - " SECRET "\n", "f:2: \"word: value\" expected"},
		{"key:\n  - id: a\n    secret=" SECRET "\n",
			"f:3: \"word: value\" expected"},
		{"key:\n  - : a\n", "f:2: \"word: value\" expected"},
		{"key:\n" SECRET "\n", "f:2: name of a section expected"},
		{"key:\n  - id: a\nserver:\n", "f:2: key without algorithm"},
		{"---", "f:1: no key in it"},
		{"include: x\n", "f:1: include is not followed here"},
		{"key:\n  name: a\n  secret: x\nkey:\n", "f:3: secret is not base64"},
		{"key:\n  name: a\nkey:\n", "f:2: key without secret"},
		{"key:\n  name: a\n\n  algorithm: sha\n  secret: " SECRET "\n",
			"f:4: unknown algorithm, or not a length to truncate it to"},
		{"key:\n  - id: a\n    algorithm: sha512\n    secret: " SECRET "\n",
			"f:3: unknown algorithm, or not a length to truncate it to"},
	};
	(void)state;
	all_bad("f", bad, COUNT(bad));
}

/* ---- dnssec-keygen ---- */

static void test_private(void **state)
{
	static const struct {
		const char *file, *text, *name;
		enum hmac_algorithm alg;
		size_t mac_min;
	} cases[] = {
		{"Khost.example.+157+04711.private",
			PRIVATE("157 (HMAC_MD5)", "Bits: AAA=\n"), "host.example",
			HMAC_MD5, 16},
		/* ldns-keygen has numbers of its own for two of them. */
		{"Khost.example.+158+08200.private", PRIVATE("158 (HMAC_SHA1)", ""),
			"host.example", HMAC_SHA1, 20},
		{"Khost.example.+159+32657.private", PRIVATE("159 (HMAC_SHA256)", ""),
			"host.example", HMAC_SHA256, 32},
		{"./d/Khost.example.+161+00000.private", PRIVATE("161 (HMAC_SHA1)", ""),
			"host.example", HMAC_SHA1, 20},
		{"/Khost.+162+99999.private", PRIVATE("162", "Created: 20200101000000\n"),
			"host", HMAC_SHA224, 28},
		{"Ka.+163+00001.private",
			PRIVATE("163 (HMAC_SHA256)",
				"Bits: AKA=\nActivate: 20200101000000\n"),
			"a", HMAC_SHA256, 20},
		{"Ka.+164+00001.private", PRIVATE("164 (HMAC_SHA384)\r", "\r\n"), "a",
			HMAC_SHA384, 48},
		{"Ka%20b%5C.+165+00001.private", PRIVATE("165 (HMAC_SHA512)", ""),
			"a\\032b\\092", HMAC_SHA512, 64},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct keyring *ring = parse_ok(cases[i].file, cases[i].text, 1);
		const struct tsig_key *key = find(ring, cases[i].name);

		assert_secret(key, "secret of a test");
		assert_int_equal(key->alg, cases[i].alg);
		assert_int_equal(key->mac_min, cases[i].mac_min);
		keyring_free(ring);
		cut_anywhere(cases[i].file, cases[i].text);
	}
}

static void test_private_malformed(void **state)
{
	static const char file[] = "Ka.+163+00001.private";
	static const struct {
		const char *file, *text, *message;
	} cases[] = {
		{file, "", "1: no Private-key-format: in it"},
		{file, KEY("a", SECRET), "1: \"Tag: value\" expected"},
		{file, "Private-key-format: v1.3\nKey: " SECRET "\n",
			"1: no Algorithm: in it"},
		{file, "Private-key-format: v1.3\nAlgorithm: 163\n", "1: no Key: in it"},
		{file, "Private-key-format: v1.3\nAlgorithm: 163\nKey: c2VjcmV0!\n",
			"3: secret is not base64"},
		{file, "Private-key-format: v1.3\nAlgorithm: 163\nKey:\n",
			"3: secret is empty"},
		{file, PRIVATE("163", "Key: x\n"), "4: Key: is there twice"},
		{file, PRIVATE("163", "Bits: AA==\n"),
			"4: Bits: is not 16 bits in base64"},
		{file, PRIVATE("163", "Bits: AAAA\n"),
			"4: Bits: is not 16 bits in base64"},
		{file, PRIVATE("163", "Bits: //8=\n"),
			"2: unknown algorithm, or not a length to truncate it to"},
		{file, PRIVATE("13 (ECDSAP256SHA256)", ""),
			"2: not the algorithm of a TSIG key (157 to 159 and 161 to 165 "
			"are)"},
		{file, PRIVATE("1630", ""),
			"2: not the algorithm of a TSIG key (157 to 159 and 161 to 165 "
			"are)"},
		{file, PRIVATE("99999999999999999163", ""),
			"2: not the algorithm of a TSIG key (157 to 159 and 161 to 165 "
			"are)"},
		{file, PRIVATE("HMAC_MD5", ""),
			"2: not the algorithm of a TSIG key (157 to 159 and 161 to 165 "
			"are)"},
		{file, PRIVATE("165", ""), "2: the file's name says another algorithm"},
		{"K%2.+163+00001.private", PRIVATE("163", ""),
			"1: bad key name in the file's name"},
		{"K%xx.+163+00001.private", PRIVATE("163", ""),
			"1: bad key name in the file's name"},
		{"Ka..+163+00001.private", PRIVATE("163", ""),
			"2: the key's name is not a domain name"},
		{"my.private", PRIVATE("163", ""),
			"1: the key's name must be in the file's: "
			"Kname.+NNN+NNNNN.private"},
		{"Ka+163+00001.private", PRIVATE("163", ""),
			"1: the key's name must be in the file's: "
			"Kname.+NNN+NNNNN.private"},
	};
	char message[512];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(message, sizeof(message), "%s:%s", cases[i].file,
			cases[i].message);
		parse_bad(cases[i].file, cases[i].text, strlen(cases[i].text), message);
	}
}

static void test_private_long_name(void **state)
{
	char file[2048] = "K", message[4096], *at = file + 1;

	(void)state;
	for (size_t i = 0; i < 300; i++, at += 3)
		memcpy(at, "%20", 3);
	strcpy(at, ".+163+00001.private");
	snprintf(message, sizeof(message), "...%s:1: bad key name in the file's name",
		file + strlen(file) - 256);
	parse_bad(file, PRIVATE("163", ""), strlen(PRIVATE("163", "")), message);
}

/* ---- lines ---- */

static void test_lines(void **state)
{
	static const char text[] =
		"\n# keys\n  hmac-sha256:a:" SECRET "\r\n\nhmac-md5:B.:" SECRET2
		"  \n#hmac-md5:c:x\n\td.example:" SECRET;
	struct keyring *ring = parse_ok("keys", text, 3);

	(void)state;
	assert_secret(find(ring, "a"), "secret of a test");
	assert_secret(find(ring, "b"), "secret number two");
	assert_int_equal(find(ring, "b")->alg, HMAC_MD5);
	assert_int_equal(find(ring, "d.example")->alg, HMAC_SHA256);
	keyring_free(ring);
	cut_anywhere("keys", text);
}

static void test_lines_malformed(void **state)
{
	static const struct bad bad[] = {
		{"hmac-md5:a:" SECRET "\n" SECRET "\n",
			"f:2: algorithm:name:secret expected"},
		{"hmac-md5:a:" SECRET ":x\n", "f:1: secret is not base64"},
		{"hmac-md5:a:" SECRET " # no comment\n", "f:1: secret is not base64"},
		{"a:" SECRET ":hmac-md5\n",
			"f:1: unknown algorithm, or not a length to truncate it to"},
		{"hmac-md5:a:\n", "f:1: secret is empty"},
		{"hmac-md5::" SECRET "\n", "f:1: the key's name is not a domain name"},
	};
	(void)state;
	all_bad("f", bad, COUNT(bad));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind_tools),
		cmocka_unit_test(test_bind_whole_configuration),
		cmocka_unit_test(test_bind_algorithms),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_bind_malformed),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_secret_length),
		cmocka_unit_test(test_nul_octets),
		cmocka_unit_test(test_deep_nesting),
		cmocka_unit_test(test_knot_tools),
		cmocka_unit_test(test_knot_several),
		cmocka_unit_test(test_knot_malformed),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_private_malformed),
		cmocka_unit_test(test_private_long_name),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_lines_malformed),
	};
	return cmocka_run_group_tests_name("keyfile", tests, NULL, NULL);
}
