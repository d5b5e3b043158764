/*
 * HMAC against the vectors of RFC 2202 and RFC 4231, the cache of prepared contexts, the
 * names of algorithms, Base64.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tsig/hmac.h"
#include "tsig/name.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct kat {
	enum hmac_algorithm alg;
	const char *secret;
	unsigned secret_times; /* written one after the other */
	const char *data;
	unsigned data_times;
	const char *mac; /* hexadecimal */
};

static const struct kat kats[] = {
	/* RFC 2202 2 */
	{HMAC_MD5, "\013", 16, "Hi There", 1, "9294727a3638bb1c13f48ef8158bfc9d"},
	{HMAC_MD5, "Jefe", 1, "what do ya want for nothing?", 1,
		"750c783e6ab0b503eaa86e310a5db738"},
	{HMAC_MD5, "\252", 16, "\335", 50, "56be34521d144c88dbb8c733f0e8b3f6"},
	{HMAC_MD5,
		"\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020\021\022"
		"\023\024\025\026\027\030\031",
		1, "\315", 50, "697eaf0aca3a3aea3a75164746ffaa79"},
	{HMAC_MD5, "\252", 80, "Test Using Larger Than Block-Size Key - Hash Key First",
		1, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"},
	/* RFC 2202 3 */
	{HMAC_SHA1, "\013", 20, "Hi There", 1,
		"b617318655057264e28bc0b6fb378c8ef146be00"},
	{HMAC_SHA1, "Jefe", 1, "what do ya want for nothing?", 1,
		"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
	{HMAC_SHA1, "\252", 20, "\335", 50, "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
	{HMAC_SHA1,
		"\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020\021\022"
		"\023\024\025\026\027\030\031",
		1, "\315", 50, "4c9007f4026250c6bc8414f9bf50c86c2d7235da"},
	{HMAC_SHA1, "\252", 80, "Test Using Larger Than Block-Size Key - Hash Key First",
		1, "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
	/* RFC 4231 4.2 */
	{HMAC_SHA224, "\013", 20, "Hi There", 1,
		"896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22"},
	{HMAC_SHA256, "\013", 20, "Hi There", 1,
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{HMAC_SHA384, "\013", 20, "Hi There", 1,
		"afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
		"faea9ea9076ede7f4af152e8b2fa9cb6"},
	{HMAC_SHA512, "\013", 20, "Hi There", 1,
		"87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
		"daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
	/* RFC 4231 4.3 */
	{HMAC_SHA224, "Jefe", 1, "what do ya want for nothing?", 1,
		"a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"},
	{HMAC_SHA256, "Jefe", 1, "what do ya want for nothing?", 1,
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{HMAC_SHA384, "Jefe", 1, "what do ya want for nothing?", 1,
		"af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
		"8e2240ca5e69e2c78b3239ecfab21649"},
	{HMAC_SHA512, "Jefe", 1, "what do ya want for nothing?", 1,
		"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
		"9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
	/* RFC 4231 4.4 */
	{HMAC_SHA224, "\252", 20, "\335", 50,
		"7fb3cb3588c6c1f6ffa9694d7d6ad2649365b0c1f65d69d1ec8333ea"},
	{HMAC_SHA256, "\252", 20, "\335", 50,
		"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
	{HMAC_SHA384, "\252", 20, "\335", 50,
		"88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b"
		"2a5ab39dc13814b94e3ab6e101a34f27"},
	{HMAC_SHA512, "\252", 20, "\335", 50,
		"fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
		"bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb"},
	/* RFC 4231 4.5 */
	{HMAC_SHA224,
		"\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020\021\022"
		"\023\024\025\026\027\030\031",
		1, "\315", 50,
		"6c11506874013cac6a2abc1bb382627cec6a90d86efc012de7afec5a"},
	{HMAC_SHA256,
		"\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020\021\022"
		"\023\024\025\026\027\030\031",
		1, "\315", 50,
		"82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
	{HMAC_SHA384,
		"\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020\021\022"
		"\023\024\025\026\027\030\031",
		1, "\315", 50,
		"3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e"
		"6801dd23c4a7d679ccf8a386c674cffb"},
	{HMAC_SHA512,
		"\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020\021\022"
		"\023\024\025\026\027\030\031",
		1, "\315", 50,
		"b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
		"a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd"},
	/* RFC 4231 4.7 */
	{HMAC_SHA224, "\252", 131,
		"Test Using Larger Than Block-Size Key - Hash Key First", 1,
		"95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e"},
	{HMAC_SHA256, "\252", 131,
		"Test Using Larger Than Block-Size Key - Hash Key First", 1,
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	{HMAC_SHA384, "\252", 131,
		"Test Using Larger Than Block-Size Key - Hash Key First", 1,
		"4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
		"0c2ef6ab4030fe8296248df163f44952"},
	{HMAC_SHA512, "\252", 131,
		"Test Using Larger Than Block-Size Key - Hash Key First", 1,
		"80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
		"6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"},
	/* RFC 4231 4.8 */
	{HMAC_SHA224, "\252", 131,
		"This is a test using a larger than block-size key and a larger than "
		"block-size data. The key needs to be hashed before being used by the "
		"HMAC algorithm.",
		1, "3a854166ac5d9f023f54d517d0b39dbd946770db9c2b95c9f6f565d1"},
	{HMAC_SHA256, "\252", 131,
		"This is a test using a larger than block-size key and a larger than "
		"block-size data. The key needs to be hashed before being used by the "
		"HMAC algorithm.",
		1, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	{HMAC_SHA384, "\252", 131,
		"This is a test using a larger than block-size key and a larger than "
		"block-size data. The key needs to be hashed before being used by the "
		"HMAC algorithm.",
		1,
		"6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5"
		"a678cc31e799176d3860e6110c46523e"},
	{HMAC_SHA512, "\252", 131,
		"This is a test using a larger than block-size key and a larger than "
		"block-size data. The key needs to be hashed before being used by the "
		"HMAC algorithm.",
		1,
		"e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944"
		"b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58"},
	/* RFC 4231 4.6: the leading 128 bits, which here are the algorithm's */
	{HMAC_SHA256_128, "\014", 20, "Test With Truncation", 1,
		"a3b6167473100ee06e0c796c2955552b"},
	{HMAC_SHA384_192, "\014", 20, "Test With Truncation", 1,
		"3abf34c3503b2a23a46efc619baef897"},
	{HMAC_SHA512_256, "\014", 20, "Test With Truncation", 1,
		"415fad6271580a531d4179bc891d87a6"},
};

static size_t repeat(uint8_t *out, const char *text, unsigned times)
{
	size_t len = strlen(text);

	for (unsigned i = 0; i < times; i++)
		memcpy(out + i * len, text, len);
	return len * times;
}

static void assert_mac(const uint8_t *mac, const char *hex)
{
	char text[2 * HMAC_MAX_LEN + 1];
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", mac[i]);
	assert_string_equal(text, hex);
}

/* The MAC of a known-answer test, fed in pieces of step octets. */
static void check_kat(
	struct hmac_pool *pool, const struct kat *kat, uint64_t serial, size_t step)
{
	uint8_t secret[HMAC_SECRET_MAX], data[512], mac[HMAC_MAX_LEN];
	size_t secret_len = repeat(secret, kat->secret, kat->secret_times);
	size_t len = repeat(data, kat->data, kat->data_times);

	assert_int_equal(hmac_start(pool, serial, kat->alg, secret, secret_len), 0);
	for (size_t at = 0; at < len; at += step) {
		size_t part = len - at < step ? len - at : step;

		assert_int_equal(hmac_update(pool, data + at, part), 0);
	}
	assert_int_equal(hmac_final(pool, mac), 0);
	assert_mac(mac, kat->mac);
}

static void test_known_answers(void **state)
{
	struct hmac_pool *pool = hmac_pool_new();

	(void)state;
	assert_non_null(pool);
	for (unsigned i = 0; i < COUNT(kats); i++) {
		check_kat(pool, &kats[i], i + 1, 512);
		check_kat(pool, &kats[i], i + 1, 1); /* from the cache now */
		check_kat(pool, &kats[i], 0, 7);
	}
	hmac_pool_free(pool);
}

/* Secrets and algorithms that share a slot, or even a serial, never share a key. */
static void test_cache_collisions(void **state)
{
	struct hmac_pool *pool = hmac_pool_new();

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < COUNT(kats); i++) {
			check_kat(pool, &kats[i], 1, 512);
			check_kat(pool, &kats[i], 1 + 256ull * i, 512);
			check_kat(pool, &kats[COUNT(kats) - 1 - i], 1, 512);
		}
	}
	hmac_pool_free(pool);
}

static void test_secret_prefix_is_another_secret(void **state)
{
	struct hmac_pool *pool = hmac_pool_new();
	uint8_t secret[HMAC_SECRET_MAX] = {1, 2, 3, 4}, a[HMAC_MAX_LEN], b[HMAC_MAX_LEN];

	(void)state;
	assert_int_equal(hmac_start(pool, 5, HMAC_SHA256, secret, HMAC_SECRET_MAX), 0);
	assert_int_equal(hmac_final(pool, a), 0);
	secret[HMAC_SECRET_MAX - 1] = 1;
	assert_int_equal(hmac_start(pool, 5, HMAC_SHA256, secret, HMAC_SECRET_MAX), 0);
	assert_int_equal(hmac_final(pool, b), 0);
	assert_memory_not_equal(a, b, 32);
	assert_int_equal(
		hmac_start(pool, 5, HMAC_SHA256, secret, HMAC_SECRET_MAX - 1), 0);
	assert_int_equal(hmac_final(pool, a), 0);
	assert_memory_not_equal(a, b, 32);
	hmac_pool_free(pool);
}

static void test_misuse_is_an_error(void **state)
{
	struct hmac_pool *pool = hmac_pool_new();
	uint8_t secret[HMAC_SECRET_MAX + 1] = {0}, mac[HMAC_MAX_LEN];

	(void)state;
	assert_int_equal(hmac_update(pool, "x", 1), -EINVAL);
	assert_int_equal(hmac_final(pool, mac), -EINVAL);
	assert_int_equal(hmac_start(pool, 1, HMAC_MD5, secret, 0), -EINVAL);
	assert_int_equal(hmac_start(pool, 1, HMAC_MD5, secret, sizeof(secret)), -EINVAL);
	assert_int_equal(hmac_start(pool, 1, HMAC_MD5, secret, 16), 0);
	assert_int_equal(hmac_update(pool, NULL, 0), 0);
	assert_int_equal(hmac_final(pool, mac), 0);
	assert_int_equal(hmac_final(pool, mac), -EINVAL);
	/* A start that fails ends the computation before it. */
	assert_int_equal(hmac_start(pool, 1, HMAC_MD5, secret, 16), 0);
	assert_int_equal(hmac_start(pool, 1, HMAC_MD5, secret, 0), -EINVAL);
	assert_int_equal(hmac_update(pool, "x", 1), -EINVAL);
	hmac_pool_free(pool);
	hmac_pool_free(NULL);
}

/* RFC 8945 6, table 3. */
static void test_algorithm_names(void **state)
{
	static const struct {
		enum hmac_algorithm alg;
		const char *text;
		const char *dotted;
		size_t len, hash_len;
		bool is_weak;
	} rows[] = {
		{HMAC_MD5, "hmac-md5", "hmac-md5.sig-alg.reg.int.", 16, 16, true},
		{HMAC_SHA1, "hmac-sha1", "hmac-sha1.", 20, 20, true},
		{HMAC_SHA224, "hmac-sha224", "hmac-sha224.", 28, 28, false},
		{HMAC_SHA256, "hmac-sha256", "hmac-sha256.", 32, 32, false},
		{HMAC_SHA384, "hmac-sha384", "hmac-sha384.", 48, 48, false},
		{HMAC_SHA512, "hmac-sha512", "hmac-sha512.", 64, 64, false},
		{HMAC_SHA256_128, "hmac-sha256-128", "hmac-sha256-128.", 16, 32, false},
		{HMAC_SHA384_192, "hmac-sha384-192", "hmac-sha384-192.", 24, 48, false},
		{HMAC_SHA512_256, "hmac-sha512-256", "hmac-sha512-256.", 32, 64, false},
	};
	enum hmac_algorithm alg;
	uint8_t name[NAME_MAX_LEN];

	(void)state;
	assert_int_equal(COUNT(rows), HMAC_ALGORITHMS);
	for (unsigned i = 0; i < COUNT(rows); i++) {
		assert_int_equal(name_from_text(name, rows[i].dotted, NULL), 0);
		assert_true(name_is_equal(hmac_algorithm_wire(rows[i].alg), name));
		assert_true(hmac_algorithm_from_wire(name, &alg));
		assert_int_equal(alg, rows[i].alg);
		assert_string_equal(hmac_algorithm_text(alg), rows[i].text);
		assert_int_equal(hmac_len(alg), rows[i].len);
		assert_int_equal(hmac_hash_len(alg), rows[i].hash_len);
		assert_int_equal(hmac_algorithm_is_weak(alg), rows[i].is_weak);
	}
	assert_true(hmac_algorithm_from_wire((const uint8_t *)"\010hmac-md5", &alg));
	assert_int_equal(alg, HMAC_MD5);
	assert_false(hmac_algorithm_from_wire((const uint8_t *)"\010gss-tsig", &alg));
	assert_false(hmac_algorithm_from_wire((const uint8_t *)"", &alg));
	assert_false(
		hmac_algorithm_from_wire((const uint8_t *)"\011hmac-sha1\003foo", &alg));
	assert_false(
		hmac_algorithm_from_wire((const uint8_t *)"\013hmac-sha1\0\0", &alg));
}

static void test_algorithm_from_text(void **state)
{
	static const struct {
		const char *text;
		enum hmac_algorithm alg;
		uint8_t mac_min;
	} good[] = {
		{"hmac-sha256", HMAC_SHA256, 32},
		{"HMAC-SHA256.", HMAC_SHA256, 32},
		{"hmac-md5", HMAC_MD5, 16},
		{"HMAC-MD5.SIG-ALG.REG.INT", HMAC_MD5, 16},
		{"hmac-md5.sig-alg.reg.int.", HMAC_MD5, 16},
		{"hmac-sha1", HMAC_SHA1, 20},
		{"hmac-sha1-80", HMAC_SHA1, 10},
		{"hmac-sha1-96", HMAC_SHA1, 12},
		{"hmac-md5-80", HMAC_MD5, 10},
		{"hmac-sha224-112", HMAC_SHA224, 14},
		{"hmac-sha256-128", HMAC_SHA256, 16},
		{"hmac-sha256-256", HMAC_SHA256, 32},
		{"hmac-sha384-192.", HMAC_SHA384, 24},
		{"hmac-sha512-256", HMAC_SHA512, 32},
		{"hmac-sha512-512", HMAC_SHA512, 64},
	};
	static const char *const bad[] = {"", ".", "hmac", "hmac-sha2", "hmac-sha256x",
		"hmac-sha256-", "hmac-sha256-0", "hmac-sha256-120", "hmac-sha256-129",
		"hmac-sha256-264", "hmac-sha256-1280", "hmac-sha256-12a", "hmac-sha1-72",
		"hmac-sha1-79", "hmac-sha1--96", "hmac-md5-72", "hmac-sha224-104",
		"hmac-sha512-248", "hmac-sha256-128-128", "gss-tsig", "hmac-sha256..",
		"hmac-md5.sig-alg.reg.int-80", "hmac-md5.sig-alg.reg.in"};
	enum hmac_algorithm alg;
	uint8_t mac_min;

	(void)state;
	for (unsigned i = 0; i < COUNT(good); i++) {
		assert_true(hmac_algorithm_from_text(good[i].text, &alg, &mac_min));
		assert_int_equal(alg, good[i].alg);
		assert_int_equal(mac_min, good[i].mac_min);
	}
	for (unsigned i = 0; i < COUNT(bad); i++) {
		if (hmac_algorithm_from_text(bad[i], &alg, &mac_min))
			fail_msg("\"%s\" was taken for an algorithm", bad[i]);
	}
}

static void assert_base64(const char *text, const char *expected)
{
	uint8_t out[16];
	int len = hmac_decode_base64(text, strlen(text), out, sizeof(out));

	assert_int_equal(len, (int)strlen(expected));
	assert_memory_equal(out, expected, strlen(expected));
}

static void test_base64_is_written(void **state)
{
	static const char *const table[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\373\377\277", "+/+/"}};
	char text[HMAC_BASE64_LEN(4)];

	(void)state;
	for (unsigned i = 0; i < COUNT(table); i++) {
		hmac_encode_base64(
			(const uint8_t *)table[i][0], strlen(table[i][0]), text);
		assert_string_equal(text, table[i][1]);
	}
}

/* RFC 4648 10, and what must be refused. */
static void test_base64(void **state)
{
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg===", "Zm8",
		"Zm8==", "Zm9v=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm9v!",
		"Zm9v-_8=", "Zm=v", "Zm9vYmFyZm9vYmFyZm9vYmFy"};
	uint8_t out[16];

	(void)state;
	assert_base64("", "");
	assert_base64("Zg==", "f");
	assert_base64("Zm8=", "fo");
	assert_base64("Zm9v", "foo");
	assert_base64("Zm9vYg==", "foob");
	assert_base64("Zm9vYmE=", "fooba");
	assert_base64("Zm9vYmFy", "foobar");
	assert_base64(" Zm 9v\r\n\tYm\vFy\f", "foobar");
	assert_base64("+/+/", "\373\377\277");
	for (unsigned i = 0; i < COUNT(bad); i++) {
		if (hmac_decode_base64(bad[i], strlen(bad[i]), out, sizeof(out)) !=
			-EINVAL)
			fail_msg("\"%s\" was decoded", bad[i]);
	}
	/* Exactly as much room as needed, and one octet less. */
	assert_int_equal(hmac_decode_base64("Zm9vYmFy", 8, out, 6), 6);
	assert_int_equal(hmac_decode_base64("Zm9vYmFy", 8, out, 5), -EINVAL);
	assert_int_equal(hmac_decode_base64("Zg==", 4, out, 0), -EINVAL);
}

static void test_equal_and_wipe(void **state)
{
	uint8_t a[4] = {1, 2, 3, 4}, b[4] = {1, 2, 3, 5};
	static const uint8_t zero[4];

	(void)state;
	assert_true(hmac_is_equal(a, b, 3));
	assert_false(hmac_is_equal(a, b, 4));
	assert_true(hmac_is_equal(a, b, 0));
	hmac_wipe(a, 4);
	assert_memory_equal(a, zero, 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_cache_collisions),
		cmocka_unit_test(test_secret_prefix_is_another_secret),
		cmocka_unit_test(test_misuse_is_an_error),
		cmocka_unit_test(test_algorithm_names),
		cmocka_unit_test(test_algorithm_from_text),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_is_written),
		cmocka_unit_test(test_equal_and_wipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
