/*
 * The keyring: finding, rotation, growing, and who owns the octets.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tsig/key.h"

#define WIRE(text) ((const uint8_t *)(text)) /* the final zero is the root label */

static struct tsig_key make_key(const char *name, const char *secret)
{
	return (struct tsig_key){
		.name = WIRE(name),
		.secret = WIRE(secret),
		.secret_len = (uint16_t)strlen(secret),
		.not_before = INT64_MIN,
		.not_after = INT64_MAX,
		.alg = HMAC_SHA256,
		.mac_min = 32,
	};
}

static void test_copies_what_it_is_given(void **state)
{
	struct keyring *ring = keyring_new();
	uint8_t name[] = "\004Host\003DYN", secret[] = "secret of a test";
	struct tsig_key key = make_key("", (const char *)secret);
	const struct tsig_key *found;

	(void)state;
	key.name = name;
	key.not_after = 77;
	key.mac_min = 16;
	assert_int_equal(keyring_add(ring, &key), 0);
	memset(name, 1, sizeof(name));
	memset(secret, 1, sizeof(secret));
	found = keyring_find(ring, WIRE("\004host\003dyn"));
	assert_non_null(found);
	assert_true(name_is_equal(found->name, WIRE("\004host\003dyn")));
	assert_int_equal(found->secret_len, 16);
	assert_memory_equal(found->secret, "secret of a test", 16);
	assert_int_equal(found->alg, HMAC_SHA256);
	assert_int_equal(found->mac_min, 16);
	assert_true(found->not_after == 77);
	assert_true(found->serial != 0);
	assert_null(found->next_secret);
	assert_null(keyring_find(ring, WIRE("\003dyn")));
	assert_null(keyring_find(ring, WIRE("")));
	keyring_free(ring);
	keyring_free(NULL);
}

/* One name, several secrets, in the order in which they came. */
static void test_rotation(void **state)
{
	struct keyring *ring = keyring_new();
	struct tsig_key a = make_key("\001a", "one"), b = make_key("\001A", "two");
	struct tsig_key other = make_key("\001b", "one");
	const struct tsig_key *found;

	(void)state;
	assert_int_equal(keyring_add(ring, &a), 0);
	assert_int_equal(keyring_add(ring, &other), 0);
	assert_int_equal(keyring_add(ring, &b), 0);
	assert_int_equal(keyring_add(ring, &a), 0); /* there already */
	assert_int_equal(keyring_add(ring, &b), 0);
	assert_int_equal(keyring_count(ring), 3);
	a.alg = HMAC_SHA512; /* the same secret for another algorithm is another key */
	assert_int_equal(keyring_add(ring, &a), 0);
	assert_int_equal(keyring_count(ring), 4);

	found = keyring_find(ring, WIRE("\001a"));
	assert_memory_equal(found->secret, "one", 3);
	assert_memory_equal(found->next_secret->secret, "two", 3);
	assert_true(found->serial != found->next_secret->serial);
	assert_int_equal(found->next_secret->next_secret->alg, HMAC_SHA512);
	assert_null(found->next_secret->next_secret->next_secret);
	assert_null(keyring_find(ring, WIRE("\001b"))->next_secret);
	keyring_free(ring);
}

static void test_lengths_of_secrets(void **state)
{
	struct keyring *ring = keyring_new();
	uint8_t secret[HMAC_SECRET_MAX + 1] = {0};
	struct tsig_key key = make_key("\001a", "");

	(void)state;
	key.secret = secret;
	assert_int_equal(keyring_add(ring, &key), -EINVAL);
	key.secret_len = HMAC_SECRET_MAX + 1;
	assert_int_equal(keyring_add(ring, &key), -EINVAL);
	key.secret_len = HMAC_SECRET_MAX;
	assert_int_equal(keyring_add(ring, &key), 0);
	assert_int_equal(keyring_count(ring), 1);
	keyring_free(ring);
}

static bool count_visits(const struct tsig_key *key, void *arg)
{
	unsigned *left = arg;

	assert_int_equal(key->secret_len, 6);
	return --*left > 0;
}

/* Through many doublings of the table. */
static void test_many(void **state)
{
	enum { NAMES = 20000 };
	struct keyring *ring = keyring_new();
	char name[32], secret[8];
	unsigned left;

	(void)state;
	for (unsigned i = 0; i < NAMES + NAMES / 2; i++) {
		unsigned n = i % NAMES;

		snprintf(name, sizeof(name), "%cH%05u%cdyn", 6, n, 3);
		snprintf(secret, sizeof(secret), "%06u", i);
		struct tsig_key key = make_key(name, secret);

		assert_int_equal(keyring_add(ring, &key), 0);
	}
	assert_int_equal(keyring_count(ring), NAMES + NAMES / 2);
	for (unsigned n = 0; n < NAMES; n++) {
		const struct tsig_key *key;

		snprintf(name, sizeof(name), "%ch%05u%cdyn", 6, n, 3);
		snprintf(secret, sizeof(secret), "%06u", n);
		key = keyring_find(ring, WIRE(name));
		assert_non_null(key);
		assert_memory_equal(key->secret, secret, 6);
		assert_int_equal(key->next_secret != NULL, n < NAMES / 2);
	}
	left = UINT32_MAX;
	keyring_each(ring, count_visits, &left);
	assert_int_equal(UINT32_MAX - left, NAMES + NAMES / 2);
	left = 10;
	keyring_each(ring, count_visits, &left);
	assert_int_equal(left, 0);
	keyring_free(ring);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies_what_it_is_given),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_lengths_of_secrets),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
