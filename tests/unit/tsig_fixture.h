/*
 * What the tests of TSIG share: a pool and a ring for each test, the vectors' keys, and
 * messages verified in allocations of exactly their length.
 */
#ifndef MUSTER_TSIG_FIXTURE_H
#define MUSTER_TSIG_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tsig/tsig_record.h"
#include "tsig_vectors.h"

#define WIRE(text) ((const uint8_t *)(text)) /* the final zero is the root label */
#define HOST1      WIRE("\005host1\003dyn\007example")

enum { SIGNED_AT = 1700000000, CAP = 2048 };

struct message {
	uint8_t octets[CAP];
	size_t len;
};

struct fixture {
	struct hmac_pool *pool;
	struct keyring *ring;
};

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->pool = hmac_pool_new();
	f->ring = keyring_new();
	assert_non_null(f->pool);
	assert_non_null(f->ring);
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	hmac_pool_free(f->pool);
	keyring_free(f->ring);
	free(f);
	return 0;
}

static inline struct message unhex(const char *hex)
{
	struct message msg = {.len = strlen(hex) / 2};

	for (size_t i = 0; i < msg.len; i++) {
		unsigned value;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
		msg.octets[i] = (uint8_t)value;
	}
	return msg;
}

/* The vectors' key of an algorithm; variant 0 is theirs. */
static struct tsig_key make_key(enum hmac_algorithm alg, unsigned variant)
{
	static uint8_t secret[128];
	struct tsig_key key = {
		.name = HOST1,
		.secret = secret,
		.secret_len = (uint16_t)(16 + 8 * (unsigned)alg),
		.not_before = INT64_MIN,
		.not_after = INT64_MAX,
		.alg = alg,
		.mac_min = (uint8_t)hmac_len(alg),
	};

	for (unsigned j = 0; j < key.secret_len; j++)
		secret[j] = (uint8_t)(7 * (unsigned)alg + 3 * j + 1 + variant);
	return key;
}

static inline void add_key(struct fixture *f, const struct tsig_key *key)
{
	assert_int_equal(keyring_add(f->ring, key), 0);
}

static inline void add_vector_key(struct fixture *f, enum hmac_algorithm alg)
{
	struct tsig_key key = make_key(alg, 0);

	add_key(f, &key);
}

/* Walks and verifies an allocation of exactly the message's length. */
static inline struct verdict verify(struct fixture *f, struct tsig_context *ctx,
	const struct message *msg, int64_t now)
{
	uint8_t *copy = malloc(msg->len);
	struct wire_message m;
	struct verdict v;

	assert_non_null(copy);
	memcpy(copy, msg->octets, msg->len);
	v = wire_walk(&m, copy, msg->len);
	if (verdict_is_ok(&v))
		v = tsig_verify_request(ctx, f->pool, f->ring, copy, &m, now);
	free(copy);
	return v;
}

static inline struct verdict verify_answer(struct fixture *f, struct tsig_context *ctx,
	const struct message *msg, int64_t now)
{
	uint8_t *copy = malloc(msg->len);
	struct wire_message m;
	struct verdict v;

	assert_non_null(copy);
	memcpy(copy, msg->octets, msg->len);
	v = wire_walk(&m, copy, msg->len);
	assert_string_equal(v.why, "");
	v = tsig_verify_answer(ctx, f->pool, copy, &m, now);
	free(copy);
	return v;
}

static inline void assert_verdict(struct verdict v, const char *expected)
{
	char buf[VERDICT_NAME_MAX];

	if (strcmp(verdict_name(&v, buf), expected) != 0)
		fail_msg("%s (%s), not %s", verdict_name(&v, buf), v.why, expected);
}

static struct tsig_record read_record(const struct message *msg)
{
	static uint8_t key_name[NAME_MAX_LEN], alg_name[NAME_MAX_LEN];
	struct tsig_record record;
	struct wire_message m;
	struct verdict v = wire_walk(&m, msg->octets, msg->len);

	assert_verdict(v, "NOERROR");
	assert_int_not_equal(m.tsig_at, 0);
	assert_null(tsig_record_read(&record, key_name, alg_name, msg->octets, &m));
	return record;
}

/* Equal but for the owner name of TSIG, which the vectors have compressed. */
static inline void assert_same_message(const struct message *a, const struct message *b)
{
	struct wire_message am, bm;
	uint8_t name[NAME_MAX_LEN];

	assert_verdict(wire_walk(&am, a->octets, a->len), "NOERROR");
	assert_verdict(wire_walk(&bm, b->octets, b->len), "NOERROR");
	assert_int_equal(am.tsig_at, bm.tsig_at);
	assert_memory_equal(a->octets, b->octets, am.tsig_at);
	assert_true(name_read(name, a->octets, a->len, &am.tsig_at) > 0);
	assert_true(name_is_equal(name, HOST1));
	assert_true(name_read(name, b->octets, b->len, &bm.tsig_at) > 0);
	assert_true(name_is_equal(name, HOST1));
	assert_int_equal(a->len - am.tsig_at, b->len - bm.tsig_at);
	assert_memory_equal(
		a->octets + am.tsig_at, b->octets + bm.tsig_at, a->len - am.tsig_at);
}

static inline void sign_answer(
	struct fixture *f, struct tsig_context *ctx, struct message *msg, int64_t now)
{
	size_t reserved = tsig_reserved_space(ctx), len = msg->len;

	assert_int_equal(
		tsig_sign_answer(ctx, f->pool, msg->octets, &msg->len, CAP, now), 0);
	assert_int_equal(msg->len - len, reserved);
}

static inline struct message sign_request(struct fixture *f, struct tsig_context *ctx,
	const struct tsig_key *key, int64_t now)
{
	struct message msg = unhex(vector_request);

	assert_int_equal(
		tsig_sign_request(ctx, f->pool, key, msg.octets, &msg.len, CAP, now), 0);
	return msg;
}

/* Cuts the MAC of a signed message, which needs no secret (5.2.2.1). */
static inline struct message cut_mac(const struct message *msg, uint16_t mac_len)
{
	struct tsig_record record = read_record(msg);
	struct message cut = *msg;
	struct wire_message m;

	assert_verdict(wire_walk(&m, msg->octets, msg->len), "NOERROR");
	cut.len = m.tsig_at;
	cut.octets[11]--;
	record.mac_len = mac_len;
	tsig_record_append(&record, cut.octets, &cut.len, CAP);
	return cut;
}

static inline struct verdict verify_next(struct fixture *f, struct tsig_stream *stream,
	const struct message *msg, bool last, int64_t now)
{
	struct wire_message m;

	assert_verdict(wire_walk(&m, msg->octets, msg->len), "NOERROR");
	return tsig_stream_verify(stream, f->pool, msg->octets, &m, last, now);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
