/*
 * Signed UPDATE messages of real clients, as tests/vectors/capture.py caught them, and
 * their bad twins.
 *
 * Every vector must be accepted unchanged, at the time when it was captured, and be
 * understood as the update that the client was told to send.  Every twin, which differs
 * from it in something that a forger, a broken client or the network could change, must
 * be refused for the right reason; none may cause a crash.
 *
 * The data are in $srcdir/tests/vectors.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/vector_file.h"
#include "tsig/tsig.h"
#include "zones/update.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	ARCOUNT_AT = 10, /* offsets in the header */
	UPCOUNT_AT = 8,
	CLASS_OFFSET = 2, /* in a record, behind its owner */
	TTL_OFFSET = 4,
	RDLENGTH_OFFSET = 8,
	HOUR_S = 3600,
	RANDOM_TWINS = 300,
};

/* ---- judging ---- */

/* As a listener would; in a buffer of exactly its size, so that overreads are seen. */
static struct verdict judge_with(const struct vector *v, const struct keyring *ring,
	const struct octets *msg, int64_t now, struct tsig_context *ctx)
{
	uint8_t *exact = malloc(msg->len + !msg->len);
	struct wire_message m;
	struct verdict verdict;

	assert_non_null(exact);
	memcpy(exact, msg->at, msg->len);
	*ctx = (struct tsig_context){0};
	verdict = wire_walk(&m, exact, msg->len);
	if (verdict_is_ok(&verdict)) {
		struct update *update = NULL;
		struct verdict form = update_read(&update, exact, &m);

		/* Normally only verified octets are read; here it must survive
		 * anything. */
		assert_true(verdict_is_ok(&form) == (update != NULL));
		update_free(update);
		verdict = tsig_verify_request(ctx, v->pool, ring, exact, &m, now);
	}
	free(exact);
	return verdict;
}

static struct verdict judge(
	const struct vector *v, const struct octets *msg, struct tsig_context *ctx)
{
	return judge_with(v, v->ring, msg, v->time, ctx);
}

/* "FORMERR", "NOTAUTH(BADSIG)"; "unsigned" is what passes without being signed. */
static void expect_with(const struct vector *v, const struct keyring *ring,
	const struct octets *msg, int64_t now, const char *expected)
{
	struct tsig_context ctx;
	struct verdict verdict = judge_with(v, ring, msg, now, &ctx);
	char name[VERDICT_NAME_MAX];
	const char *found = verdict_name(&verdict, name);

	if (verdict_is_ok(&verdict) && !ctx.is_signed)
		found = "unsigned";
	if (strcmp(found, expected) != 0)
		fail_msg("%s expected, but %s %s", expected, found, verdict.why);
}

static void expect(const struct vector *v, const struct octets *msg, const char *expected)
{
	expect_with(v, v->ring, msg, v->time, expected);
}

static void expect_at(const struct vector *v, int64_t now, const char *expected)
{
	expect_with(v, v->ring, &v->msg, now, expected);
}

/* ---- changing ---- */

static void add_u16(struct octets *msg, size_t at, int difference)
{
	unsigned value = (unsigned)(vector_get_u16(msg, at) + difference);

	msg->at[at] = (uint8_t)(value >> 8);
	msg->at[at + 1] = (uint8_t)value;
}

/* Replaces old_len octets at at by new_len others. */
static void splice(
	struct octets *msg, size_t at, size_t old_len, const void *octets, size_t new_len)
{
	assert_true(at + old_len <= msg->len);
	assert_true(msg->len - old_len + new_len <= VECTOR_OCTETS_MAX);
	memmove(msg->at + at + new_len, msg->at + at + old_len, msg->len - at - old_len);
	memcpy(msg->at + at, octets, new_len);
	msg->len = msg->len - old_len + new_len;
}

/* The same within the TSIG record's RDATA, with the RDLENGTH that belongs to it. */
static void splice_rdata(const struct vector *v, struct octets *msg, size_t at,
	size_t old_len, const void *octets, size_t new_len)
{
	splice(msg, at, old_len, octets, new_len);
	add_u16(msg, v->fixed_at + RDLENGTH_OFFSET, (int)new_len - (int)old_len);
}

/* Leaves mac_len octets of the MAC, or lengthens it with zeros. */
static void resize_mac(const struct vector *v, struct octets *msg, size_t mac_len)
{
	static const uint8_t zeros[HMAC_MAX_LEN];
	size_t keep = mac_len < v->mac_len ? mac_len : v->mac_len;

	add_u16(msg, v->mac_size_at, (int)mac_len - (int)v->mac_len);
	splice_rdata(v, msg, v->mac_size_at + 2 + keep, v->mac_len - keep, zeros,
		mac_len - keep);
}

static bool is_letter(uint8_t octet)
{
	return (octet >= 'A' && octet <= 'Z') || (octet >= 'a' && octet <= 'z');
}

/*
 * The letters of an uncompressed name, or of the labels before a pointer: RFC 8945 4.3.3
 * hashes the names of the TSIG record in lower case, so their case does not matter.
 */
static void mark_letters(bool *is_free, const struct octets *msg, size_t at)
{
	while (msg->at[at] && msg->at[at] < 64) {
		size_t end = at + 1 + msg->at[at];

		for (at++; at < end; at++)
			is_free[at] = is_letter(msg->at[at]);
	}
}

static void mark_case_free(const struct vector *v, bool is_free[VECTOR_OCTETS_MAX])
{
	memset(is_free, 0, VECTOR_OCTETS_MAX * sizeof(*is_free));
	mark_letters(is_free, &v->msg, v->m.tsig_at);
	mark_letters(is_free, &v->msg, v->rdata_at);
}

/* ---- the vector itself ---- */

static void test_accepted(void **state)
{
	const struct vector *v = *state;

	expect(v, &v->msg, "NOERROR");
}

static void test_update(void **state)
{
	const struct vector *v = *state;
	struct update *update = NULL;
	struct verdict verdict = update_read(&update, v->msg.at, &v->m);
	char zone[NAME_TEXT_MAX];

	if (!verdict_is_ok(&verdict))
		fail_msg("%s", verdict.why);
	assert_string_equal(name_to_text(update->zone, zone), v->zone);
	assert_int_equal(update->prereq_count, v->prereqs);
	assert_int_equal(update->change_count, v->changes);
	update_free(update);
}

/* RFC 8945 5.2.3: the fudge counts both ways, and its last second is in. */
static void test_time(void **state)
{
	const struct vector *v = *state;
	struct octets msg = v->msg;
	struct tsig_context ctx;
	struct verdict verdict = judge(v, &v->msg, &ctx);
	int64_t at = (int64_t)ctx.time_signed, fudge = ctx.fudge;

	assert_true(verdict_is_ok(&verdict));
	expect_at(v, at + fudge, "NOERROR");
	expect_at(v, at - fudge, "NOERROR");
	expect_at(v, at + fudge + 1, "NOTAUTH(BADTIME)");
	expect_at(v, at - fudge - 1, "NOTAUTH(BADTIME)");
	expect_at(v, v->time + HOUR_S, "NOTAUTH(BADTIME)");
	expect_at(v, v->time - HOUR_S, "NOTAUTH(BADTIME)");
	expect_at(v, 0, "NOTAUTH(BADTIME)");

	/* The MAC comes before the time (5.2): whoever cannot sign does not learn the
	 * time. */
	msg.at[v->mac_size_at + 2] ^= 1;
	expect_with(v, v->ring, &msg, v->time + HOUR_S, "NOTAUTH(BADSIG)");
}

/* Changes on the way that RFC 8945 allows. */
static void test_good_twins(void **state)
{
	const struct vector *v = *state;
	bool is_free[VECTOR_OCTETS_MAX];
	struct octets msg = v->msg;
	struct tsig_context ctx;
	struct verdict verdict;

	/* Forwarders and Kea send with another ID than they signed with (5.2). */
	add_u16(&msg, 0, 4711);
	verdict = judge(v, &msg, &ctx);
	assert_true(verdict_is_ok(&verdict));
	assert_int_equal(ctx.original_id, v->m.id);

	mark_case_free(v, is_free);
	for (size_t i = 0; i < msg.len; i++)
		msg.at[i] ^= is_free[i] ? 0x20 : 0;
	expect(v, &msg, "NOERROR");
}

/* ---- bad octets ---- */

/* If its type is no longer TSIG, the message is unsigned; any other change is refused. */
static void expect_flipped(const struct vector *v, const struct octets *msg, size_t at)
{
	bool may_be_unsigned = at == v->fixed_at || at == v->fixed_at + 1;
	struct tsig_context ctx;
	struct verdict verdict = judge(v, msg, &ctx);

	if (verdict.rcode == RCODE_FORMERR || verdict.rcode == RCODE_NOTAUTH)
		return;
	if (!verdict_is_ok(&verdict) || ctx.is_signed || !may_be_unsigned)
		fail_msg("octet %zu is now %02x: rcode %u %s", at, msg->at[at],
			verdict.rcode, verdict.why);
}

static void test_each_octet_flipped(void **state)
{
	static const uint8_t masks[] = {0x01, 0x20, 0x80, 0xff};
	const struct vector *v = *state;
	struct octets msg = v->msg;
	bool is_free[VECTOR_OCTETS_MAX];

	mark_case_free(v, is_free);
	for (size_t i = 0; i < msg.len * COUNT(masks); i++) {
		size_t at = i / COUNT(masks);
		uint8_t mask = masks[i % COUNT(masks)];

		msg.at[at] ^= mask;
		if (at < 2 || (mask == 0x20 && is_free[at]))
			expect(v, &msg, "NOERROR");
		else
			expect_flipped(v, &msg, at);
		msg.at[at] ^= mask;
	}
}

static void test_each_length(void **state)
{
	const struct vector *v = *state;
	struct octets msg = v->msg;

	while (msg.len-- > 0)
		expect(v, &msg, "FORMERR");
	msg = v->msg;
	msg.at[msg.len++] = 0;
	expect(v, &msg, "FORMERR");
	msg.at[msg.len - 1] = 0xff;
	expect(v, &msg, "FORMERR");
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Several octets changed at once, the same ones in every run. */
static void test_random_twins(void **state)
{
	const struct vector *v = *state;
	uint32_t seed = 2136;

	for (unsigned n = 0; n < RANDOM_TWINS; n++) {
		struct octets msg = v->msg;
		struct tsig_context ctx;
		struct verdict verdict;

		/* The ID may differ, so an octet that certainly counts is changed too. */
		msg.at[v->mac_size_at + 2 + n % v->mac_len] ^= 0x55;
		for (unsigned i = next_random(&seed) % 8; i > 0; i--) {
			size_t at = next_random(&seed) % v->m.tsig_at;

			msg.at[at] = (uint8_t)next_random(&seed);
		}
		verdict = judge(v, &msg, &ctx);
		assert_true(!verdict_is_ok(&verdict) || !ctx.is_signed);
	}
}

/* ---- bad places and shapes of the TSIG record ---- */

static const uint8_t a_record[] = {
	0, 0, TYPE_A, 0, CLASS_IN, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1};

static void test_tsig_place(void **state)
{
	const struct vector *v = *state;
	size_t tsig_at = v->m.tsig_at, tsig_len = v->msg.len - tsig_at;
	struct octets msg = v->msg;

	/* Removed: nothing is wrong with the message, but nobody signed it. */
	msg.len = tsig_at;
	expect(v, &msg, "FORMERR");
	add_u16(&msg, ARCOUNT_AT, -1);
	expect(v, &msg, "unsigned");

	/* Doubled. */
	msg = v->msg;
	splice(&msg, msg.len, 0, v->msg.at + tsig_at, tsig_len);
	expect(v, &msg, "FORMERR");
	add_u16(&msg, ARCOUNT_AT, 1);
	expect(v, &msg, "FORMERR");

	/* Not the last one; and the last one after a record that was not signed. */
	msg = v->msg;
	splice(&msg, msg.len, 0, a_record, sizeof(a_record));
	add_u16(&msg, ARCOUNT_AT, 1);
	expect(v, &msg, "FORMERR");
	msg = v->msg;
	splice(&msg, tsig_at, 0, a_record, sizeof(a_record));
	add_u16(&msg, ARCOUNT_AT, 1);
	expect(v, &msg, "NOTAUTH(BADSIG)");

	/* The last record, but of the update section; and a prerequisite, before them. */
	msg = v->msg;
	add_u16(&msg, ARCOUNT_AT, -1);
	add_u16(&msg, UPCOUNT_AT, 1);
	expect(v, &msg, "FORMERR");
	msg = v->msg;
	memmove(msg.at + v->m.section_at[1] + tsig_len, msg.at + v->m.section_at[1],
		tsig_at - v->m.section_at[1]);
	memcpy(msg.at + v->m.section_at[1], v->msg.at + tsig_at, tsig_len);
	expect(v, &msg, "FORMERR");
}

static void test_tsig_class_and_ttl(void **state)
{
	static const uint8_t in[] = {0, CLASS_IN}, none[] = {0, CLASS_NONE};
	const struct vector *v = *state;
	struct octets msg = v->msg;

	splice(&msg, v->fixed_at + CLASS_OFFSET, 2, in, 2);
	expect(v, &msg, "FORMERR");
	splice(&msg, v->fixed_at + CLASS_OFFSET, 2, none, 2);
	expect(v, &msg, "FORMERR");
	for (size_t i = 0; i < 4; i++) {
		msg = v->msg;
		msg.at[v->fixed_at + TTL_OFFSET + i] = 1;
		expect(v, &msg, "FORMERR");
	}
}

static void test_tsig_rdata(void **state)
{
	static const uint8_t pointer[] = {0xc0, WIRE_HEADER_LEN}, octets[8] = {0, 6};
	const struct vector *v = *state;
	size_t alg_len = v->mac_size_at - VECTOR_TIMES_LEN - v->rdata_at,
	       end = v->msg.len;
	struct octets msg = v->msg;

	splice_rdata(v, &msg, end, 0, octets, 1);
	expect(v, &msg, "FORMERR");
	msg = v->msg;
	splice_rdata(v, &msg, end - 1, 1, octets, 0);
	expect(v, &msg, "FORMERR");
	msg = v->msg;
	splice_rdata(v, &msg, v->rdata_at, end - v->rdata_at, octets, 0);
	expect(v, &msg, "FORMERR");

	/* The algorithm's name must not be compressed (4.2). */
	msg = v->msg;
	splice_rdata(v, &msg, v->rdata_at, alg_len, pointer, sizeof(pointer));
	expect(v, &msg, "FORMERR");

	/* Neither a server time in Other Data nor an Error was signed. */
	msg = v->msg;
	splice_rdata(v, &msg, end - 2, 2, octets, sizeof(octets));
	expect(v, &msg, "NOTAUTH(BADSIG)");
	msg = v->msg;
	add_u16(&msg, end - 4, TSIG_ERROR_BADTIME);
	expect(v, &msg, "NOTAUTH(BADSIG)");
}

/* 5.2.2.1, 5.2.4: the first octets of the right MAC are right, but too few for its
 * key. */
static void test_mac_length(void **state)
{
	const struct vector *v = *state;
	struct octets msg = v->msg;
	struct tsig_context ctx;
	struct verdict verdict = judge(v, &v->msg, &ctx);
	size_t shortest, half;

	assert_true(verdict_is_ok(&verdict));
	half = hmac_hash_len(ctx.alg) / 2;
	shortest = half > 10 ? half : 10;
	assert_int_equal(ctx.key->mac_min, v->mac_len);
	if (v->mac_len > shortest) {
		resize_mac(v, &msg, shortest);
		expect(v, &msg, "NOTAUTH(BADTRUNC)");
		msg = v->msg;
		resize_mac(v, &msg, v->mac_len - 1);
		expect(v, &msg, "NOTAUTH(BADTRUNC)");
		msg.at[v->mac_size_at + 2] ^= 1;
		expect(v, &msg, "NOTAUTH(BADSIG)");
	}
	for (size_t len = 0; len < shortest; len++) {
		msg = v->msg;
		resize_mac(v, &msg, len);
		expect(v, &msg, "FORMERR(BADSIG)");
	}
	msg = v->msg;
	resize_mac(v, &msg, v->mac_len + 1);
	expect(v, &msg,
		v->mac_len == hmac_len(ctx.alg) ? "FORMERR(BADSIG)" : "NOTAUTH(BADSIG)");
}

/* ---- other keys ---- */

static struct keyring *ring_of(const struct tsig_key *key)
{
	struct keyring *ring = keyring_new();

	assert_non_null(ring);
	if (key)
		assert_int_equal(keyring_add(ring, key), 0);
	return ring;
}

static void expect_key(
	const struct vector *v, const struct tsig_key *key, const char *expected)
{
	struct keyring *ring = ring_of(key);

	expect_with(v, ring, &v->msg, v->time, expected);
	keyring_free(ring);
}

static void test_keys(void **state)
{
	const struct vector *v = *state;
	uint8_t other_secret[HMAC_SECRET_MAX];
	struct tsig_context ctx;
	struct verdict verdict = judge(v, &v->msg, &ctx);
	struct tsig_key right, key;
	struct keyring *ring;
	char name[NAME_TEXT_MAX];

	assert_true(verdict_is_ok(&verdict));
	assert_string_equal(name_to_text(ctx.key->name, name), v->key);
	right = key = *ctx.key;
	expect_key(v, &right, "NOERROR");
	expect_key(v, NULL, "NOTAUTH(BADKEY)");
	key.alg = right.alg == HMAC_SHA256 ? HMAC_SHA512 : HMAC_SHA256;
	key.mac_min = (uint8_t)hmac_len(key.alg);
	expect_key(v, &key, "NOTAUTH(BADKEY)");
	key = right;
	key.not_after = v->time - 1;
	expect_key(v, &key, "NOTAUTH(BADKEY)");
	key = right;
	key.not_before = v->time + 1;
	expect_key(v, &key, "NOTAUTH(BADKEY)");

	/* Another secret; beside it, as in a rotation, the right one. */
	memcpy(other_secret, right.secret, right.secret_len);
	other_secret[0] ^= 1;
	key = right;
	key.secret = other_secret;
	expect_key(v, &key, "NOTAUTH(BADSIG)");
	ring = ring_of(&key);
	assert_int_equal(keyring_add(ring, &right), 0);
	expect_with(v, ring, &v->msg, v->time, "NOERROR");
	keyring_free(ring);
}

/* ---- running: every test for every vector ---- */

static const struct {
	const char *name;
	CMUnitTestFunction run;
} checks[] = {
	{"accepted", test_accepted},
	{"update", test_update},
	{"time", test_time},
	{"good twins", test_good_twins},
	{"each octet flipped", test_each_octet_flipped},
	{"each length", test_each_length},
	{"random twins", test_random_twins},
	{"place of TSIG", test_tsig_place},
	{"class and TTL of TSIG", test_tsig_class_and_ttl},
	{"RDATA of TSIG", test_tsig_rdata},
	{"length of MAC", test_mac_length},
	{"keys", test_keys},
};

static int run_vector(
	const char *path, const struct keyring *ring, struct hmac_pool *pool)
{
	struct CMUnitTest tests[COUNT(checks)] = {{0}};
	char names[COUNT(checks)][128];
	struct vector *v = vector_read(path);
	int failed;

	if (!v)
		return 1;
	v->ring = ring;
	v->pool = pool;
	for (size_t i = 0; i < COUNT(checks); i++) {
		snprintf(names[i], sizeof(names[i]), "%s: %s", strrchr(path, '/') + 1,
			checks[i].name);
		tests[i].name = names[i];
		tests[i].test_func = checks[i].run;
		tests[i].initial_state = v;
	}
	failed = _cmocka_run_group_tests("vectors", tests, COUNT(tests), NULL, NULL);
	free(v);
	return failed;
}

static int run_directory(const char *directory)
{
	char path[4096];
	glob_t found;
	struct keyring *ring;
	struct hmac_pool *pool = hmac_pool_new();
	int failed = 0;

	snprintf(path, sizeof(path), "%s/vectors.keys", directory);
	ring = vector_read_keys(path);
	snprintf(path, sizeof(path), "%s/*.hex", directory);
	if (!ring || !pool || glob(path, 0, NULL, &found) != 0) {
		fprintf(stderr, "no vectors in %s\n", directory);
		keyring_free(ring);
		hmac_pool_free(pool);
		return 1;
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		failed += run_vector(found.gl_pathv[i], ring, pool);
	globfree(&found);
	hmac_pool_free(pool);
	keyring_free(ring);
	return failed;
}

int main(void)
{
	const char *srcdir = getenv("srcdir");
	char directory[4000];

	snprintf(directory, sizeof(directory), "%s/tests/vectors", srcdir ? srcdir : ".");
	return run_directory(directory) ? 1 : 0;
}
